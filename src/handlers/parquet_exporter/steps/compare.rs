//! Whether an export gives the bytes that are there, where reports may arrive at any moment: heartbeats come every few minutes
//! from the very daemon that exports.
//!
//! Invariant: a file is compared only with what the very reports that it was made of give; other bytes of the same reports are
//! a fault, other reports are none.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::export::{Before, ExportReport, FileState};
use crate::handlers::{Context, HandlerError};

/// Exports that are made at most until reports are quiet for as long as one takes.
const ROUNDS: usize = 5;

/// What was found over all rounds.
pub struct Compared {
    /// Of the last export.
    pub report: ExportReport,
    /// Files that were, in some round, the bytes that their reports gave.
    pub same: BTreeSet<String>,
    /// Files that were not, though they had been made of the same reports, or that were missing to the end.
    different: Vec<String>,
    /// Files whose reports were others in every round.
    late: Vec<String>,
}

impl Compared {
    pub fn is_same(&self) -> bool {
        self.different.is_empty() && !self.same.is_empty()
    }

    pub fn faults(&self) -> String {
        let late = self.same.is_empty().then_some(&self.late);
        self.different.iter().chain(late.into_iter().flatten()).map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// `; not compared, since its reports changed meanwhile: a`, or nothing.
    pub fn not_compared(&self) -> String {
        match self.late.is_empty() {
            true => String::new(),
            false => format!("; not compared, since reports arrived meanwhile each time: {}", self.late.join(", ")),
        }
    }
}

/// Looks at the files that `export` finds, again while some could not be compared; it gets the number of the round, from 0, and
/// from the second on brings the files up to date first.
pub fn compare(
    context: &Context,
    mut export: impl FnMut(usize) -> Result<ExportReport, HandlerError>,
) -> Result<Compared, HandlerError> {
    let mut same = BTreeSet::new();
    let mut round = 0;
    loop {
        let report = export(round)?;
        round += 1;
        let is_last = round == ROUNDS || context.deadline.remaining() < 3 * Duration::from_nanos(report.duration_ns);
        let (mut different, mut late, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for day in &report.days {
            match (day.state, day.before) {
                (FileState::Unchanged, _) => {
                    same.insert(day.path.clone());
                }
                (_, Before::SameReports) => different.push(day.path.clone()),
                (_, Before::OtherReports) => late.push(day.path.clone()),
                (_, Before::Nothing) => missing.push(day.path.clone()),
            }
        }
        late.retain(|path| !same.contains(path));
        let is_settled = (late.is_empty() && missing.is_empty()) || !different.is_empty() || !report.damaged.is_empty();
        if is_settled || is_last {
            different.append(&mut missing);
            return Ok(Compared { report, same, different, late });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{Compression, Dataset, DayReport, Tally, Why};
    use crate::handlers::testing::{Scene, order};

    fn report(days: &[(&str, FileState, Before)]) -> ExportReport {
        let date = jiff::civil::date(2025, 10, 28);
        let day = |(path, state, before): &(&str, FileState, Before)| DayReport {
            dataset: Dataset::Heartbeats,
            date,
            path: (*path).to_owned(),
            rows: 1,
            kept_rows: 0,
            copies: Default::default(),
            bytes: 1,
            sha256: String::new(),
            compression: String::new(),
            state: *state,
            why: Why::Requested,
            before: *before,
            duration_ns: 0,
            validation_ns: 0,
        };
        ExportReport {
            started: jiff::Timestamp::UNIX_EPOCH,
            date,
            timezone: "UTC".to_owned(),
            dry_run: false,
            compression: Compression::Snappy,
            days: days.iter().map(day).collect(),
            empty_days: Vec::new(),
            heartbeats: Tally::default(),
            reports: Tally::default(),
            unreadable: Vec::new(),
            links: Vec::new(),
            moved: Vec::new(),
            damaged: Vec::new(),
            set_aside: Vec::new(),
            removed: Vec::new(),
            readers: Vec::new(),
            duration_ns: 0,
            validation_ns: 0,
            summary: None,
        }
    }

    #[test]
    fn only_other_bytes_of_the_same_reports_are_a_fault() {
        use Before::{Nothing, OtherReports, SameReports};
        use FileState::{New, Replaced, Unchanged};
        let same = [("a", Unchanged, SameReports), ("b", Unchanged, SameReports)];
        let late = [("a", Unchanged, SameReports), ("b", Replaced, OtherReports)];
        let all_late = [("a", Replaced, OtherReports), ("b", Replaced, OtherReports)];
        let other = [("a", Unchanged, SameReports), ("b", Replaced, SameReports)];
        let gone = [("a", Unchanged, SameReports), ("b", New, Nothing)];
        for (rounds, is_same, faults, late, made) in [
            (vec![&same[..]], true, "", "", 1),
            (vec![&[]], false, "", "", 1),
            (vec![&late[..], &same[..]], true, "", "", 2),
            (vec![&gone[..], &same[..]], true, "", "", 2),
            (vec![&other[..], &same[..]], false, "b", "", 1),
            (vec![&late[..], &other[..]], false, "b", "", 2),
            (vec![&late[..]], true, "", "b", ROUNDS),
            (vec![&gone[..]], false, "b", "", ROUNDS),
            (vec![&all_late[..]], false, "a, b", "a, b", ROUNDS),
        ] {
            let context = Scene::new().context(&order("WO-1"), serde_json::Value::Null);
            let mut n = 0;
            let found = compare(&context, |round| {
                n = round + 1;
                Ok(report(rounds[round.min(rounds.len() - 1)]))
            })
            .unwrap();
            assert_eq!((found.is_same(), found.faults().as_str(), n), (is_same, faults, made), "{rounds:?}");
            assert_eq!(found.late.join(", "), late, "{rounds:?}");
        }
    }
}
