//! What stands around a row, an item or a key and says whose it is: the headings, items and introducing lines above it
//! (`## Redis`), and the row's other cells of names (`Optimizer | LaunchAgent`).
//!
//! Invariant: nothing is green, and nothing has failed, by the measurement of another thing than is named around it. Most of
//! what stands there is a category (`## Performance`), or words in a row, and says nothing of the kind.

use super::labels::Labels;
use super::state::Subject;
use crate::evidence::{Judged, Measurement, Verdict};
use crate::report::template::asides;
use crate::report::template::slot::{RowSubject, Whose};
use crate::report::template::whole::{self, Names};
use crate::report::{marks, record};

/// A subject as far as it is not another's by what stands around it. `names` are its own: what a person bound by them is
/// believed.
pub fn hold(
    labels: &Labels,
    subject: Subject,
    names: &[String],
    places: &[Names],
    row: Option<&RowSubject>,
) -> Subject {
    if names.iter().any(|name| labels.is_bound_by_order(name)) {
        return subject;
    }
    let cited = labels.record.measurements.iter().filter(|one| subject.evidence.contains(&one.id));
    let why = cited.rev().find_map(|measurement| why_not(labels, measurement, places, row));
    match why {
        Some(why) => Subject::unmeasured(why),
        None => subject,
    }
}

/// The same of a row that has a target.
pub fn judged(labels: &Labels, judged: Judged, places: &[Names], row: &RowSubject) -> Judged {
    let newest = judged.key.as_deref().and_then(|key| record::newest(labels.record, key));
    let (Verdict::Pass | Verdict::Fail, Some(measurement)) = (&judged.verdict, newest) else { return judged };
    if labels.is_bound_by_order(&row.metric) {
        return judged;
    }
    match why_not(labels, measurement, places, Some(row)) {
        Some(why) => judged.unmeasured(why),
        None => judged,
    }
}

fn why_not(labels: &Labels, measurement: &Measurement, places: &[Names], row: Option<&RowSubject>) -> Option<String> {
    let around = places.iter().filter(|names| !whole::is_order(&labels.record.order, names));
    let around = around.filter_map(|names| names.first()).filter(|text| is_name(text) && !asides::is_here(text));
    let cells = row.map_or(&[][..], |row| &row.whose);
    let unknown = |whose: &&Whose| whose.is_name && !labels.knows(&whose.text, measurement);
    let whose = around.chain(cells.iter().map(|whose| &whose.text).filter(|text| is_name(text)));
    let other = whose.into_iter().find_map(|text| labels.other(text, measurement));
    let other = other.or_else(|| cells.iter().find(unknown).map(|whose| marks::show(&whose.text)));
    other.map(|other| format!("it is of {other}, which was not measured"))
}

/// No sentence that only speaks of other things besides.
fn is_name(text: &str) -> bool {
    const MOST_WORDS: usize = 6;
    text.split_whitespace().filter(|word| word.contains(char::is_alphabetic)).count() <= MOST_WORDS
}
