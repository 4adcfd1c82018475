//! What the other cells of a row name: `| Exporter script | run/csv_exporter.cjs | ✅ |` is about that file, whatever its
//! first cell says.
//!
//! Invariant: a path, service label or host beside a label is held against the measurement as one in the label is. Free words
//! say nothing here, but that a time in front of them is no name; what they claim in a column of checks is `check_cells`'s to hold.

use super::labels::{Labels, Meaning};
use super::state::Subject;
use crate::evidence::{Judged, Measurement, Value, Verdict, subject};
use crate::order;
use crate::order::target::{Target, compile};
use crate::report::template::asides;
use crate::report::template::slot::RowSubject;
use crate::report::{marks, record, text};

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
    let told = row.said.iter().filter(|aside| !asides::is_elsewhere(&aside.header) && text::has_words(&aside.text));
    let mut keys = Vec::new();
    let mut names = Vec::new();
    for aside in told {
        let meant = text::names(&marks::without_green(&aside.text, " "));
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
pub fn judged(labels: &Labels, row: &RowSubject, judged: Judged) -> Judged {
    let newest = judged.key.as_deref().and_then(|key| record::newest(labels.record, key));
    let (Verdict::Pass, Some(measurement)) = (&judged.verdict, newest) else { return judged };
    if labels.is_bound_by_order(&row.metric) {
        return judged;
    }
    match stranger(labels, &row.beside, measurement) {
        Some(why) => judged.unmeasured(why),
        None => judged,
    }
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
