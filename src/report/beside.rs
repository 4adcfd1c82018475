//! What the other cells of a row name: `| Exporter script | run/csv_exporter.cjs | ✅ |` is about that file, whatever its
//! first cell says.
//!
//! Invariant: a path, service label or host beside a label is held against the measurement as one in the label is. Free words
//! say nothing here, but that a time in front of them is no name; what they claim in a column of checks is `asserted`'s to hold.

use super::judging::Subject;
use super::label::{self, Labels, Meaning};
use super::marks;
use super::slots::RowSubject;
use crate::evidence::{Judged, Measurement, Value, Verdict, subject};
use crate::order;
use crate::order::target::{Target, compile};

/// Columns whose paths are about something else than the row's subject.
const ELSEWHERE: [&str; 18] = [
    "owner",
    "author",
    "assignee",
    "contact",
    "team",
    "doc",
    "docs",
    "documentation",
    "reference",
    "references",
    "ref",
    "link",
    "links",
    "depends",
    "dependencies",
    "dependency",
    "input",
    "inputs",
];

/// The paths, service labels and hosts in a cell of the author's, under this header.
pub fn names(header: &str, cell: &str) -> Vec<String> {
    if is_elsewhere(header) {
        return Vec::new();
    }
    let mut names = subject::names_in(&marks::without_green(&label::plain(cell), " "));
    // an identifier alone is a word like others
    names.retain(|name| !subject::names_in(&name.replace('_', "x")).is_empty());
    names
}

/// Whether what stands under this header is about something else than the row's subject.
pub fn is_elsewhere(header: &str) -> bool {
    label::words(header).iter().any(|word| ELSEWHERE.contains(&word.as_str()))
}

/// Why the row is not about what its label means.
pub fn why_not(labels: &Labels, row: &RowSubject, found: &Subject) -> Option<String> {
    let by_order = row.names.iter().any(|name| labels.is_bound_by_order(name));
    if row.is_told && !by_order && row.names.first().is_some_and(|label| is_time(label)) {
        return Some("its time names nothing that was measured".to_owned());
    }
    if row.beside.is_empty() {
        return None;
    }
    match labels.meaning(&row.names) {
        Meaning::One { newest: Some(measurement), .. } if !by_order => stranger(labels, &row.beside, measurement),
        // what its label states was judged
        Meaning::Nothing => {
            let judged = labels.record.measurements.iter().rev().find(|one| found.evidence.contains(&one.id));
            judged.and_then(|measurement| stranger(labels, &row.beside, measurement))
        }
        _ => None,
    }
}

/// The row as that of the schedule which its words name behind the time, with the time: `02:30 | Export schedule`. A time in front
/// of anything else is when something happened.
pub fn timed(labels: &Labels, row: &RowSubject) -> Option<(RowSubject, String)> {
    let time = row.names.first().filter(|label| row.is_told && is_time(label))?;
    let told = row.said.iter().filter(|aside| !is_elsewhere(&aside.header) && label::has_words(&aside.text));
    let mut keys = Vec::new();
    let mut names = Vec::new();
    for aside in told {
        let meant = label::names(&marks::without_green(&aside.text, " "));
        match labels.meaning(&meant) {
            Meaning::One { key, newest: Some(one) } if matches!(one.value, Value::Schedule { .. }) => keys.push(key),
            _ => return None,
        }
        names.extend(meant);
    }
    keys.dedup();
    (keys.len() == 1).then(|| (RowSubject { names, said: Vec::new(), is_told: false, ..row.clone() }, time.clone()))
}

/// Whether a label is nothing but a time or a period, of what the row's other cells tell: `02:30`, `Daily`.
fn is_time(label: &str) -> bool {
    let whole = order::stated(label).filter(|(metric, target)| metric == target);
    whole.is_some_and(|(_, target)| matches!(compile("", &target), Target::Schedule { .. } | Target::Automatic))
}

/// No row passes that is about something else.
pub fn judged(labels: &Labels, row: &RowSubject, mut judged: Judged) -> Judged {
    let newest = judged.key.as_deref().and_then(|key| label::newest(labels.record, key));
    let (Verdict::Pass, Some(measurement)) = (&judged.verdict, newest) else { return judged };
    if labels.is_bound_by_order(&row.metric) {
        return judged;
    }
    if let Some(why) = stranger(labels, &row.beside, measurement) {
        judged.verdict = Verdict::Unmeasured;
        judged.actual = None;
        judged.reason = why;
    }
    judged
}

/// Why one of `names` is not of what was measured.
pub(super) fn stranger(labels: &Labels, names: &[String], measurement: &Measurement) -> Option<String> {
    names.iter().find_map(|name| {
        let fits = |name: &str| labels.fits(&[name.to_owned()], name, measurement);
        // the file of a service is named by its label
        let file = name.rsplit('/').next().unwrap_or(name);
        let service = file.rsplit_once('.').filter(|(_, ending)| ["plist", "service", "timer"].contains(ending));
        match service.is_some_and(|(label, _)| subject::names(measurement, label, &labels.days)) {
            true => None,
            false => fits(name).err(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_labels_and_hosts_count() {
        for (header, cell, expect) in [
            ("Path", "`run/csv_exporter.cjs`", "run/csv_exporter.cjs"),
            ("Label", "com.02luka.digest", "com.02luka.digest"),
            ("Host", "10.0.0.7:6379", "10.0.0.7:6379"),
            ("Where", "[script](x) in run/a.cjs, g/logs/", "run/a.cjs g/logs/"),
            ("Module", "csv_exporter", ""),
            ("Owner", "ops/team.md", ""),
            ("Schedule", "02:30 daily, and/or by hand", ""),
            ("Runtime", "Node.js", ""),
        ] {
            assert_eq!(names(header, cell).join(" "), expect, "{header}: {cell}");
        }
    }
}
