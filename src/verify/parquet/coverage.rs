//! Which of the reports are rows of the day files, and which can't be.
//!
//! A heartbeat counts from the run that was to export it: what came since waits for the next one and is no loss.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Scope;
use super::service::ordered;
use crate::evidence::{Measurement, Value};
use crate::export::{self, Inspection, Looked};
use crate::schedule::calendar;
use crate::text;

/// How many heartbeats are rows of `files`, of those that should be. A report that can't be read is no row. Nothing where a
/// file can't be read whole: what it holds nobody knows.
pub fn measurement<'a>(
    scope: &Scope,
    looked: &Looked,
    files: impl Iterator<Item = &'a Inspection>,
) -> Option<Measurement> {
    let files: Vec<&Inspection> = files.collect();
    let until = due(scope, scope.now).max(files.iter().filter_map(|file| file.last).max());
    let due: Vec<&str> = looked
        .heartbeats
        .iter()
        .filter(|(at, _)| until.is_some_and(|until| *at <= until))
        .map(|(_, name)| name.as_str())
        .collect();
    let mut missing: Vec<&str> = export::without_row(due.iter().copied(), files.iter().map(|file| file.path.as_path()))
        .ok()?
        .into_iter()
        .collect();
    missing.sort_unstable();
    let unreadable = looked.report.unreadable.len();
    let (pass, of) = ((due.len() - missing.len()) as u64, (due.len() + unreadable) as u64);
    let named: Vec<String> = missing.iter().map(|name| format!("`{}`", text::line(name, 200))).collect();
    let lost = match named.as_slice() {
        [] => String::new(),
        named => format!("; {} are no row: {}", named.len(), super::data::first(named)),
    };
    let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
    let how = format!("looked for each heartbeat{until} among the rows of {} day files{lost}", files.len());
    let how = if unreadable > 0 { format!("{how}; {unreadable} reports can't be read") } else { how };
    Some(Measurement::new("export.coverage", Value::Ratio { pass, of }, how, scope.now).ok(pass == of && of > 0))
}

/// The heartbeats that lie there, be they readable or not.
pub fn sources(scope: &Scope, looked: &Looked) -> Measurement {
    let found = looked.report.heartbeats.found;
    let how = format!("looked for heartbeats in `{}/`", scope.config.paths.heartbeats.display());
    let value = Value::Count { n: found, noun: "reports".to_owned() };
    Measurement::new("export.sources", value, how, scope.now).ok(found > 0)
}

/// The reports that can't be read.
pub fn unreadable(scope: &Scope, looked: &Looked) -> Measurement {
    let report = &looked.report;
    let n = report.unreadable.len() as u64;
    let how = format!("read all {} reports as an export does", report.heartbeats.found + report.reports.found);
    let how = super::data::unreadable(report).map_or(how.clone(), |named| format!("{how}: {named}"));
    let value = Value::Count { n, noun: "errors".to_owned() };
    Measurement::new("export.unreadable", value, how, scope.now).ok(n == 0)
}

/// The days with heartbeats that an export was to make a file of and that are not among `files`, the newest first; and whether the
/// newest of all that were to be made is among them. A run is given an hour.
pub fn missing_days(scope: &Scope, looked: &Looked, files: &[Date]) -> (Vec<Date>, bool) {
    const RUN: SignedDuration = SignedDuration::from_hours(1);
    let before = scope.now.checked_sub(RUN).ok().and_then(|before| due(scope, before));
    let (Some(due), Ok(zone)) = (before, scope.config.export.zone()) else { return (Vec::new(), false) };
    // the day of the run itself is not over yet
    let was_due: Vec<Date> =
        looked.days.iter().copied().filter(|day| *day < due.to_zoned(zone.clone()).date()).collect();
    let mut missing: Vec<Date> = was_due.iter().copied().filter(|day| !files.contains(day)).collect();
    missing.sort_unstable_by(|one, other| other.cmp(one));
    let is_newest = missing.first().is_some_and(|day| was_due.iter().max() == Some(day));
    (missing, is_newest)
}

/// When the export was last to run at `now`, as ordered.
fn due(scope: &Scope, now: Timestamp) -> Option<Timestamp> {
    // more than a week, for one that runs weekly
    const LOOK_BACK: SignedDuration = SignedDuration::from_hours(8 * 24);
    let start = now.checked_sub(LOOK_BACK).ok()?;
    let runs = calendar::upcoming(&ordered(scope), start, start, &TimeZone::system(), 10);
    runs.into_iter().rfind(|at| *at <= now)
}
