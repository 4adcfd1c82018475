//! What stands beside a green sign: `**Rows:** ✅ 9,999` says more than that the rows were exported.
//!
//! Invariant: a sign is green only where each figure beside it is what was measured too. What was measured to be otherwise has
//! failed, what can't be told is unmeasured. In a cell of the author's only what its header says to be so now counts, and
//! what differs there leaves the row unmeasured: the thing itself works.

use super::labels::{Labels, Meaning};
use super::state::{Held, State, Subject};
use super::{vouched, words_beside};
use crate::evidence::{Measurement, Value, Verdict};
use crate::order::tags;
use crate::order::target::Unit;
use crate::report::figures::{self, Figure, Kind, ROWS};
use crate::report::template::outline::Span;
use crate::report::template::{columns, key_lines, rows};
use crate::report::{marks, text};

/// Bytes to either side of a sign in which something is said of it.
const REACH: usize = 400;

/// A text that is said of a subject, in Markdown.
pub struct Said<'t> {
    pub text: &'t str,
    /// In the author's own cell beside it: a day or a bare number there may be of anything, and is held only against a number.
    pub is_aside: bool,
}

/// What stands in front of a sign of a list or key line and behind it, up to the next key; of several signs each has what stands
/// next to it.
pub fn around(template: &str, sign: &Span) -> (String, String) {
    let line = line(template, sign);
    let parts = key_lines::parts(template, &line);
    let part = parts.into_iter().find(|part| part.start <= sign.start && sign.end <= part.end).unwrap_or(line);
    let text = |from: usize, to: usize| template.get(from..to).unwrap_or("");
    let (before, mut after) = (text(part.start, sign.start), text(sign.end, part.end));
    // a box in front of a sign says the same: `[x] ✅ Redis`
    let same = |text: &str| text.trim_matches([' ', '\t', '*', '_', '-', '>']).is_empty();
    let before = match marks::all(before).last() {
        Some((at, mark)) if !same(before.get(at + mark.len..).unwrap_or("")) => {
            let own = before.get(at + mark.len..).unwrap_or("");
            partings(own).last().map_or(own, |at| own.get(*at..).unwrap_or(""))
        }
        Some((at, _)) => before.get(..*at).unwrap_or(""),
        None => before,
    };
    while let Some(mark) = marks::at(after.trim_start()) {
        after = after.trim_start().get(mark.len..).unwrap_or("");
    }
    if let Some((at, _)) = marks::all(after).first() {
        let own = after.get(..*at).unwrap_or("");
        after = partings(own).first().map_or(own, |at| own.get(..*at).unwrap_or(""));
    }
    (tags::without(before).to_owned(), text::untagged(after).to_owned())
}

/// Where something else begins to be spoken of; `2,880` and `15/15` are not parted.
fn partings(text: &str) -> Vec<usize> {
    const PARTING: [char; 7] = ['/', ';', '|', '·', '+', '&', ','];
    let is_end =
        |at: usize| text.get(at..).is_some_and(|rest| rest.starts_with(char::is_whitespace) || rest.is_empty());
    text.char_indices().filter(|(at, c)| PARTING.contains(c) && is_end(at + c.len_utf8())).map(|(at, _)| at).collect()
}

/// The cell that a sign stands in.
pub fn cell(template: &str, sign: &Span) -> String {
    let line = line(template, sign);
    let row = rows::split(template, line, usize::MAX);
    let own = row.cells.iter().find(|cell| cell.outer.start <= sign.start && sign.end <= cell.outer.end);
    own.and_then(|cell| template.get(cell.inner.clone())).unwrap_or("").to_owned()
}

/// The line of `sign`, as far as it reaches.
fn line(template: &str, sign: &Span) -> Span {
    let floor = |mut at: usize| {
        while !template.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let from = floor(sign.start.saturating_sub(REACH));
    let to = floor((sign.end + REACH).min(template.len()));
    let start = template.get(from..sign.start).and_then(|text| text.rfind('\n')).map_or(from, |at| from + at + 1);
    let end = template.get(sign.end..to).and_then(|text| text.find('\n')).map_or(to, |at| sign.end + at);
    // what a quote begins with compares nothing
    let text = template.get(start..sign.start).unwrap_or("");
    sign.start - text.trim_start_matches(['>', ' ', '\t']).len()..end
}

/// A subject that works, as far as all that is said of it is so. `names` are its own: what a person bound by them is believed.
pub fn hold(labels: &Labels, subject: Subject, names: &[String], said: &[Said]) -> Subject {
    if subject.state != State::Green {
        return subject;
    }
    let Some(measurement) = cited(labels, &subject) else { return subject };
    let bound = names.first().filter(|_| names.iter().any(|name| labels.is_bound_by_order(name)));
    let figures_of = |said: &Said| {
        let text = text::plain(&marks::without_green(said.text, " "));
        let text = bound.map_or(text.clone(), |name| text.replacen(name.as_str(), "", 1));
        let held = figures::find(without_number(text.trim())).into_iter().map(|figure| {
            let is_judged = || figures::find(&subject.judged).contains(&figure);
            let held = match is_own(labels, measurement, &figure) || is_judged() {
                true => Held::Meets,
                false => vouched::by(&figure, measurement, labels.record),
            };
            (figure, held)
        });
        held.collect::<Vec<(Figure, Held)>>()
    };
    let all: Vec<(bool, Vec<(Figure, Held)>)> = said.iter().map(|said| (said.is_aside, figures_of(said))).collect();
    let asides_but = |own: &Vec<(Figure, Held)>| {
        let own = own.as_ptr();
        all.iter().filter(move |(is_aside, held)| *is_aside && held.as_ptr() != own).flat_map(|(_, held)| held)
    };
    let is_settled = |figure: &Figure, (other, found): &(Figure, Held)| {
        *found == Held::Meets && settles(other, figure, &measurement.value)
    };
    let mut counts = Vec::new();
    for (is_aside, held) in &all {
        for (figure, found) in held {
            let is_idle = match (&figure.kind, found) {
                (Kind::Day(_), _) => *is_aside,
                (Kind::Count, _) if *is_aside && !is_number(&measurement.value) => true,
                // no other number is the one that was measured: a time-out, a line count; how many tests passed is a result
                (_, Held::Unclear(_)) if !is_of_kind(figure, &measurement.value) => {
                    !["passed", "failed"].contains(&figure.noun.as_str())
                }
                // what comes first is what is said; `9 GB (was 12 kB)` says 9 GB
                _ if held
                    .iter()
                    .take_while(|(before, _)| !std::ptr::eq(before, figure))
                    .any(|other| is_settled(figure, other)) =>
                {
                    true
                }
                // one cell that is right settles its row
                _ if *is_aside => asides_but(held).any(|other| is_settled(figure, other)),
                _ => false,
            };
            match found {
                _ if is_idle => {}
                Held::Differs(why) if *is_aside => counts.push(Held::Unclear(format!("{why}, not {}", figure.text))),
                held => counts.push(held.clone()),
            }
        }
    }
    let own = said.iter().filter(|one| !one.is_aside);
    counts.extend(own.map(|one| words_beside::scheduled(labels, measurement, &text::plain(one.text))));
    subject.held_by(counts)
}

/// Whether what stands under a header is said of the subject as it is now: the header says so, or has its name.
pub fn is_of_now(labels: &Labels, subject: &Subject, header: &str) -> bool {
    let is_own = |key: &str| cited(labels, subject).is_some_and(|one| one.key == key);
    columns::is_of_now(header)
        || matches!(labels.meaning(&text::names(header)), Meaning::One { key, .. } if is_own(&key))
}

/// The measurement that a subject is judged by.
pub(super) fn cited<'r>(labels: &Labels<'r>, subject: &Subject) -> Option<&'r Measurement> {
    labels.record.measurements.iter().rev().find(|one| subject.evidence.contains(&one.id))
}

/// Without the number of a list's item.
fn without_number(text: &str) -> &str {
    let behind = text.trim_start_matches(|c: char| c.is_ascii_digit());
    match behind.strip_prefix(['.', ')']) {
        Some(rest) if behind.len() < text.len() && rest.starts_with(char::is_whitespace) => rest.trim_start(),
        _ => text,
    }
}

/// Whether the figure can be one of what was measured.
fn is_of_kind(figure: &Figure, value: &Value) -> bool {
    match figure.kind {
        Kind::Day(_) => true,
        Kind::Count | Kind::Ratio => matches!(value, Value::Count { .. } | Value::Ratio { .. }),
        Kind::Measure => match figure.unit() {
            Some(Unit::Bytes) => matches!(value, Value::Bytes(_)),
            Some(Unit::Time) => matches!(value, Value::Duration(_)),
            _ => matches!(value, Value::Percent(_) | Value::Ratio { .. }),
        },
        Kind::Time => matches!(value, Value::Schedule { .. }),
        Kind::Codec => matches!(value, Value::Word(_)),
        Kind::Exit(_) => false,
    }
}

/// Whether `said`, which is what was measured, leaves the other figure beside it to be of another thing: `864 rows, 4 files`,
/// `27.8 kB / 5 MB`, `Snappy, not gzip`.
fn settles(said: &Figure, other: &Figure, value: &Value) -> bool {
    match (&said.kind, &other.kind) {
        (Kind::Codec, Kind::Codec) => true,
        (Kind::Measure, Kind::Measure) => said.text.starts_with(|c: char| c.is_ascii_digit()),
        (Kind::Count, Kind::Count | Kind::Ratio) => {
            let is_same = said.noun == other.noun || [said, other].iter().all(|one| ROWS.contains(&one.noun.as_str()));
            matches!(value, Value::Count { .. }) && (!is_same || said.noun.is_empty())
        }
        _ => false,
    }
}

/// What a criterion that passes says itself was judged, and the run was on its day.
fn is_own(labels: &Labels, measurement: &Measurement, figure: &Figure) -> bool {
    let is_of = |judged: &&crate::evidence::Judged| {
        judged.verdict == Verdict::Pass && judged.key.as_deref() == Some(measurement.key.as_str())
    };
    let mut criteria = labels.record.criteria.iter().filter(is_of);
    match figure.kind {
        Kind::Day(day) if labels.days.contains(&day) => true,
        _ => criteria.any(|judged| {
            [&judged.metric, &judged.target].into_iter().any(|text| figures::find(text).contains(figure))
        }),
    }
}

fn is_number(value: &Value) -> bool {
    matches!(
        value,
        Value::Bytes(_) | Value::Duration(_) | Value::Count { .. } | Value::Percent(_) | Value::Ratio { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_has_what_stands_next_to_it() {
        for (line, nth, expect) in [
            ("**Rows:** ✅ 9,999", 0, "**Rows:** 9,999"),
            ("- ✅ Compression (zstd)", 0, "- Compression (zstd)"),
            ("x\n- Rows 96 ✅ / Size 4 kB ✅\ny", 0, "- Rows 96"),
            ("x\n- Rows 96 ✅ / Size 4 kB ✅\ny", 1, "/ Size 4 kB"),
            ("- Rows ✅ 2,880 / Checks ✅ 15/15", 0, "- Rows 2,880"),
            ("Rows: ✅ 96, Size: ✅ 4 kB", 0, "Rows: 96"),
            ("**Rows:** ✅ 96 | **Size:** ✅ 4 kB", 1, "**Size:** 4 kB"),
            ("✅ ✅ Rows 96", 0, "Rows 96"),
            ("✅ ✅ Rows 96", 1, "Rows 96"),
        ] {
            let (at, mark) = marks::all(line)[nth];
            let (before, after) = around(line, &(at..at + mark.len));
            let around = format!("{before} {after}");
            assert_eq!(around.split_whitespace().collect::<Vec<_>>().join(" "), expect, "{line}");
        }
        assert_eq!(cell("| Rows | ✅ 9,999 | x |", &(9..12)), "✅ 9,999");
    }
}
