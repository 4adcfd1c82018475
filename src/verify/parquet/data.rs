//! Checks of the exported data: all day files, each read whole by two readers, and the reports they are made of. The worst
//! file is the one named.
//!
//! A day file without our metadata is an older exporter's, which held all days before it, or another tool's: no query reads
//! it, so its rows count nowhere. It is listed and not judged, unless it is the newest or there are reports of its day, for
//! then it stands where this exporter's should.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::super::artifact::artifact;
use super::super::{CheckResult, Finding};
use super::{Scope, coverage, looked, unmeasured};
use crate::evidence::{Measurement, Value};
use crate::export::{self, Dataset, ExportReport, Inspection, Looked};
use crate::text;

/// 5 MiB: what a day's file may have.
const SIZE_MAX: u64 = 5 * 1024 * 1024;
/// Files that are named in one detail.
const NAMED: usize = 4;
const NO_FILE: &str = "there is no Parquet file of this exporter's to look at";
const COMPARED: &str = "compared names and types of the columns with the telemetry's";

/// What was found, looked at once for all checks.
pub struct Data {
    /// Why no file can be looked for; a directory that is missing is another check's fault.
    blind: Option<String>,
    /// Ours, and what can't be read; the newest first.
    files: Vec<Seen>,
    /// Without our metadata, where none of ours is missing.
    foreign: Vec<PathBuf>,
    /// Without our metadata, where one of ours should be.
    displacing: Vec<PathBuf>,
    /// Whether the newest of all is one of those.
    is_newest_foreign: bool,
    /// What an export would find among the reports, or why they can't be looked at.
    reports: Result<Looked, String>,
}

struct Seen {
    path: PathBuf,
    /// `None`: what lies there is no regular file.
    bytes: Option<u64>,
    /// The error says why its footer can't be read.
    inspection: Result<Inspection, String>,
}

impl Data {
    pub fn look(scope: &Scope) -> Data {
        let dir = scope.path(&scope.deployment.output);
        let reports = super::export::look(scope);
        let mut data = Data {
            blind: None,
            files: Vec::new(),
            foreign: Vec::new(),
            displacing: Vec::new(),
            is_newest_foreign: false,
            reports,
        };
        let listed = std::fs::read_dir(&dir).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut paths: Vec<PathBuf> = match listed {
            Ok(entries) => entries.iter().map(std::fs::DirEntry::path).filter(|path| day_of(path).is_some()).collect(),
            Err(error) => {
                data.blind = Some(format!("`{}/` can't be read: {error}", scope.deployment.output));
                return data;
            }
        };
        paths.sort();
        paths.reverse();
        let inspections = export::inspect_all(&paths, &export::sql_program());
        for (n, (path, inspection)) in paths.into_iter().zip(inspections).enumerate() {
            let bytes = path.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
            match inspection.map_err(|error| error.to_string()) {
                Ok(found) if !found.is_ours => {
                    data.is_newest_foreign |= n == 0;
                    let is_due = n == 0 || day_of(&path).is_some_and(|day| data.has_reports(day));
                    if is_due { &mut data.displacing } else { &mut data.foreign }.push(path);
                }
                inspection => data.files.push(Seen { path, bytes, inspection }),
            }
        }
        data
    }

    fn has_reports(&self, day: Date) -> bool {
        self.reports.as_ref().is_ok_and(|reports| reports.days.contains(&day))
    }

    pub fn checks(&self, scope: &Scope) -> Vec<CheckResult> {
        let mut checks = vec![
            self.present(scope),
            self.size(scope),
            self.compression(scope),
            self.rows(scope),
            self.schema(scope),
            self.readers(scope),
        ];
        checks.extend(self.others(scope));
        checks
    }

    fn present(&self, scope: &Scope) -> CheckResult {
        let (id, title, key) = ("parquet.present", "Parquet file present", "parquet.file");
        if let Some(why) = &self.blind {
            return unmeasured(id, title, why.clone());
        }
        let how = "looked for day files in the output directory";
        let empty = self.files.iter().filter(|seen| !seen.is_file()).map(|seen| {
            let what = if seen.bytes.is_some() { "it has no bytes" } else { "it is no regular file" };
            (seen.path.as_path(), what.to_owned())
        });
        let displacing = self.displacing.iter().map(|path| {
            let what = "it doesn't carry Workbridge's metadata, so no query reads it; export anew";
            (path.as_path(), what.to_owned())
        });
        match (self.files.first(), named(scope, empty.chain(displacing))) {
            (None, None) => {
                let why = format!("there is no `{}/ops_atomic_YYYYMMDD.parquet`", scope.deployment.output);
                looked(scope, id, title, key, false, why, how)
            }
            (_, Some(wrong)) => looked(scope, id, title, key, false, wrong, how),
            (Some(_), None) if let (days, true) = self.missing_days(scope) => {
                let why = format!(
                    "no file of {}, the newest that was to be exported: see `wo jobs` for the last runs",
                    of(&days)
                );
                looked(scope, id, title, key, false, why, how)
            }
            (Some(newest), None) => {
                let more = self.files.len() - 1;
                let more = if more > 0 { format!(", and {more} older") } else { String::new() };
                let size = newest.bytes.map_or_else(|| "no regular file".to_owned(), text::bytes);
                let detail = format!("`{}`, {size}{more}", scope.root.show(&newest.path));
                looked(scope, id, title, key, true, detail, how).artifact(artifact(scope.root, &newest.path).ok())
            }
        }
    }

    fn size(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.size", "File size");
        let Some((largest, bytes)) =
            self.files.iter().filter_map(|seen| Some((seen, seen.bytes?))).max_by_key(|(_, n)| *n)
        else {
            return no_file(id, title);
        };
        let path = scope.root.show(&largest.path);
        let detail = format!("{} at most, `{path}`; limit 5 MiB", text::bytes(bytes));
        let how = format!("size of the largest of {} day files, `{path}`", self.files.len());
        looked(scope, id, title, "export.file_size", bytes <= SIZE_MAX, detail, &how)
            .value(Value::Bytes(bytes))
            .artifact(artifact(scope.root, &largest.path).ok())
    }

    fn compression(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.compression", "Compression");
        let wanted = scope.compression();
        let mut codecs: Vec<String> = self.read().flat_map(|found| found.codecs.clone()).collect();
        codecs.sort();
        codecs.dedup();
        if codecs.is_empty() {
            return unmeasured(id, title, self.why_unread("no file holds column data to look at"));
        }
        let odd = self.read().filter(|found| found.codecs.iter().any(|codec| !codec.eq_ignore_ascii_case(&wanted)));
        let odd = named(scope, odd.map(|found| (found.path.as_path(), found.codecs.join(", "))));
        if let (None, Some(why)) = (&odd, self.unread(scope)) {
            return unmeasured(id, title, why);
        }
        let detail = match &odd {
            None => codecs.join(", "),
            Some(odd) => format!("configured is {wanted}, but {odd}"),
        };
        let word: Vec<String> = codecs.iter().map(|codec| capital(codec)).collect();
        let how = self.how("codecs of all columns, from the footers");
        looked(scope, id, title, "export.compression", odd.is_none(), detail, &how).value(Value::Word(word.join(", ")))
    }

    fn rows(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.rows", "Row count");
        let Some(least) = self.read().min_by_key(|found| found.rows) else {
            return unmeasured(id, title, self.why_unread(NO_FILE));
        };
        let rows: u64 = self.read().map(|found| found.rows).sum();
        let lost = self.read().filter_map(|found| Some((found.path.as_path(), found.lost.clone()?)));
        let lost = named(scope, lost);
        let works = least.rows > 0 && lost.is_none();
        if let (true, Some(why)) = (works, self.unread(scope)) {
            return unmeasured(id, title, why);
        }
        let detail = match lost {
            None if works => {
                format!("{rows} rows in {} day files, at least {} in each", self.read().count(), least.rows)
            }
            Some(lost) if least.rows > 0 => lost,
            _ => format!("`{}` has no row", scope.root.show(&least.path)),
        };
        // the worst file counts: an empty one among full ones is a fault
        let n = if works { rows } else { 0 };
        let how = self.how("rows that the footers state, and the digest of what they were made of");
        looked(scope, id, title, "export.rows", works, detail, &how).value(Value::Count { n, noun: "rows".to_owned() })
    }

    fn schema(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.schema", "Schema");
        let Some(first) = self.read().next() else {
            return unmeasured(id, title, self.why_unread(NO_FILE));
        };
        let n = self.mismatches();
        let wrong = self.read().filter(|found| !found.schema_mismatches.is_empty());
        let wrong = named(scope, wrong.map(|found| (found.path.as_path(), found.schema_mismatches.join("; "))));
        let detail = match wrong {
            None => match self.unread(scope) {
                Some(why) => return unmeasured(id, title, why),
                None => format!("{} columns as the telemetry's", first.columns.len()),
            },
            Some(wrong) => format!("{n} mismatches: {wrong}"),
        };
        let how = self.how(COMPARED);
        // of the columns alone; with the reports see `measurements`
        looked(scope, id, title, "check.parquet.schema", n == 0, detail, &how)
            .value(Value::Count { n: n as u64, noun: "errors".to_owned() })
    }

    fn mismatches(&self) -> usize {
        self.read().map(|found| found.schema_mismatches.len()).sum()
    }

    fn readers(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.readers", "Two independent readers");
        // what is no file at all is another check's fault
        if !self.files.iter().any(Seen::is_file) {
            return no_file(id, title);
        }
        if let Some(found) = self.read().find(|found| found.side_car_failed) {
            let why = found.duckdb.as_ref().err().cloned().unwrap_or_default();
            return unmeasured(id, title, format!("DuckDB can't be asked: {why}"));
        }
        // a codec is another check's fault; what is in such a file nobody knows
        let foreign = |seen: &Seen| seen.inspection.as_ref().ok()?.foreign_codec().map(str::to_owned);
        let files = self.files.iter().filter(|seen| seen.is_file());
        let wrong = files.clone().filter(|seen| foreign(seen).is_none());
        let wrong = named(scope, wrong.filter_map(|seen| Some((seen.path.as_path(), seen.trouble()?))));
        let foreign = named(scope, files.filter_map(|seen| Some((seen.path.as_path(), foreign(seen)?))));
        if let (None, Some(codecs)) = (&wrong, foreign) {
            return unmeasured(id, title, format!("not both readers know the codec: {codecs}"));
        }
        let works = wrong.is_none();
        let rows: u64 = self.read().map(|found| found.rows).sum();
        let detail = wrong.unwrap_or_else(|| format!("the parquet crate and DuckDB agree on {rows} rows"));
        let how = self.how("read whole with the parquet crate and with DuckDB, and compared");
        looked(scope, id, title, "export.validation", works, detail, &how)
    }

    /// See [`coverage::missing_days`].
    fn missing_days(&self, scope: &Scope) -> (Vec<Date>, bool) {
        let ours = self.files.iter().map(|seen| seen.path.as_path());
        let others = self.foreign.iter().chain(&self.displacing).map(PathBuf::as_path);
        let days: Vec<Date> = ours.chain(others).filter_map(day_of).collect();
        self.reports
            .as_ref()
            .map_or_else(|_| (Vec::new(), false), |looked| coverage::missing_days(scope, looked, &days))
    }

    /// What is seen and not judged.
    fn others(&self, scope: &Scope) -> Vec<CheckResult> {
        let info = |id, title, detail| CheckResult { id, title, finding: Finding::Info, detail, measurement: None };
        let foreign = self.foreign.iter().map(|path| (path.as_path(), "without Workbridge's metadata".to_owned()));
        let foreign = named(scope, foreign).map(|detail| info("parquet.others", "Other day files", detail));
        let missing = match self.missing_days(scope) {
            // told by the check itself
            (_, true) => None,
            (days, false) if days.is_empty() || self.files.is_empty() => None,
            (days, false) => {
                Some(info("parquet.days", "Days without a file", format!("{}: run `wo export`", of(&days))))
            }
        };
        let reports = match &self.reports {
            Err(why) => Some(format!("not looked at: {why}")),
            Ok(reports) => unreadable(&reports.report),
        };
        let reports = reports.map(|detail| info("parquet.reports", "Unreadable reports", detail));
        foreign.into_iter().chain(missing).chain(reports).collect()
    }

    /// Beside the checks' own: which reports are rows, how long reading back took, and what differs from the telemetry in
    /// columns and reports.
    pub fn measurements(&self, scope: &Scope) -> Vec<Measurement> {
        let mut measurements = Vec::new();
        if let Ok(reports) = &self.reports {
            measurements.extend([coverage::sources(scope, reports), coverage::unreadable(scope, reports)]);
            // what is in a file that can't be read nobody knows
            if let (None, None) = (&self.blind, self.unread(scope)) {
                measurements.extend(coverage::measurement(scope, reports, self.read()));
            }
        }
        let Some(slowest) = self.read().max_by_key(|found| found.elapsed) else { return measurements };
        let elapsed = u64::try_from(slowest.elapsed.as_nanos()).unwrap_or(u64::MAX);
        let path = scope.root.show(&slowest.path);
        let how = format!("time in which both readers read `{path}` whole, the slowest of {}", self.files.len());
        let time = Measurement::new("export.validation_time", Value::Duration(elapsed), how, scope.now)
            .ok(self.files.iter().all(|seen| seen.trouble().is_none()));
        measurements.push(time);
        // a report that can't be read is an error of the export, too: who did not look can't say that there is none
        if let (Ok(reports), None) = (&self.reports, self.unread(scope)) {
            measurements.extend(self.consistency(scope, &reports.report));
        }
        measurements
    }

    fn consistency(&self, scope: &Scope, reports: &ExportReport) -> [Measurement; 2] {
        let found = reports.heartbeats.found + reports.reports.found;
        let lost = reports.unreadable.len() as u64;
        let mismatches = self.mismatches();
        let seen = match unreadable(reports) {
            None => format!("read all {found} reports"),
            Some(named) => format!("read {found} reports: {named}"),
        };
        let columns: usize = self.read().map(|found| found.columns.len().max(1)).sum();
        let good = [(columns - mismatches.min(columns), columns), ((found - lost.min(found)) as usize, found as usize)];
        let least = good.into_iter().map(|(good, of)| share(good, of)).fold(100.0, f64::min);
        let n = Value::Count { n: mismatches as u64 + lost, noun: "errors".to_owned() };
        let ok = mismatches == 0 && lost == 0;
        let how = format!("{}; {seen}", self.how(COMPARED));
        let by = format!(
            "{}, and of reports that can be read, whichever is less; {seen}",
            self.how("share of columns that are as the telemetry's")
        );
        [
            Measurement::new("export.schema_mismatches", n, how, scope.now).ok(ok),
            Measurement::new("export.schema_consistency", Value::Percent(least), by, scope.now).ok(ok),
        ]
    }

    /// Rows, Size, Compression, Validation of the newest file: what the field's test script prints.
    pub fn headline(&self) -> Vec<(&'static str, String)> {
        let none = || "unmeasured".to_owned();
        let newest = if self.is_newest_foreign { None } else { self.files.first() };
        let found = newest.and_then(|seen| seen.inspection.as_ref().ok());
        let validation = match (newest, found) {
            (None, _) if self.is_newest_foreign => "failed".to_owned(),
            (None, _) => none(),
            (Some(seen), _) if seen.trouble().is_some() => "failed".to_owned(),
            (_, Some(found)) if !found.schema_mismatches.is_empty() => "failed".to_owned(),
            (_, Some(found)) => {
                format!("passed in {}", text::duration_ns(found.elapsed.as_nanos().try_into().unwrap_or(u64::MAX)))
            }
            (Some(_), None) => "failed".to_owned(),
        };
        vec![
            ("Rows", found.map_or_else(none, |found| found.rows.to_string())),
            ("Size", newest.and_then(|seen| seen.bytes).map_or_else(none, text::bytes)),
            ("Compression", found.map_or_else(none, |found| found.codecs.join(", ").to_uppercase())),
            ("Validation", validation),
        ]
    }

    /// The files whose footer could be read.
    fn read(&self) -> impl Iterator<Item = &Inspection> {
        self.files.iter().filter_map(|seen| seen.inspection.as_ref().ok())
    }

    /// Why what holds for the files that could be read is not known to hold for all.
    fn unread(&self, scope: &Scope) -> Option<String> {
        let unread = self.files.iter().filter_map(|seen| Some((seen.path.as_path(), seen.inspection.clone().err()?)));
        named(scope, unread).map(|named| {
            format!("only {} of {} day files can be read, not {named}", self.read().count(), self.files.len())
        })
    }

    fn how(&self, what: &str) -> String {
        format!("{what}, {} day files", self.read().count())
    }

    fn why_unread(&self, otherwise: &str) -> String {
        match self.files.is_empty() {
            true => NO_FILE.to_owned(),
            false if self.read().next().is_none() => "no footer can be read".to_owned(),
            false => otherwise.to_owned(),
        }
    }
}

impl Seen {
    /// Whether there is anything to read.
    fn is_file(&self) -> bool {
        self.bytes.is_some_and(|bytes| bytes > 0)
    }

    /// Why the two readers do not agree on this file; `None` when they do.
    fn trouble(&self) -> Option<String> {
        match &self.inspection {
            Err(why) => Some(why.clone()),
            Ok(found) if found.readers_agree() => None,
            Ok(found) => Some(match (&found.parquet_reader, &found.duckdb) {
                (Err(why), _) => format!("the parquet crate can't read it: {why}"),
                (_, Err(why)) => format!("DuckDB can't read it: {why}"),
                _ if found.disagreements.is_empty() => {
                    format!("the footer states {} rows, the readers find others", found.rows)
                }
                _ => format!("the parquet crate and DuckDB differ: {}", found.disagreements.join("; ")),
            }),
        }
    }
}

/// `` `a` (why); `b` (why) and 3 more ``; `None` for none.
fn named<'a>(scope: &Scope, all: impl Iterator<Item = (&'a Path, String)>) -> Option<String> {
    let all: Vec<String> = all.map(|(path, why)| format!("`{}` ({why})", scope.root.show(path))).collect();
    (!all.is_empty()).then(|| first(&all))
}

/// `2025-10-29, 2025-10-28 and 3 more`.
fn of(days: &[Date]) -> String {
    let more = days.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more days") } else { String::new() };
    days.iter().take(NAMED).map(Date::to_string).collect::<Vec<_>>().join(", ") + &more
}

/// Rounded down, so that what is not whole never shows as 100%; of nothing, nothing is amiss.
fn share(good: usize, of: usize) -> f64 {
    if of == 0 { 100.0 } else { (good as f64 * 10_000.0 / of as f64).floor() / 100.0 }
}

/// `2 can't be read: a (why); b (why)`; `None` when all can.
pub fn unreadable(reports: &ExportReport) -> Option<String> {
    let all: Vec<String> = reports
        .unreadable
        .iter()
        .map(|one| format!("`{}` ({})", text::line(&one.path, 200), text::line(&one.reason, 200)))
        .collect();
    (!all.is_empty()).then(|| format!("{} can't be read: {}", all.len(), first(&all)))
}

/// `a; b and 3 more`.
pub fn first(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ") + &more
}

/// `snappy` → `Snappy`, as people write it.
fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn no_file(id: &'static str, title: &'static str) -> CheckResult {
    unmeasured(id, title, NO_FILE)
}

/// The day that a day file's name says.
fn day_of(path: &Path) -> Option<Date> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    Dataset::of_file_name(name).filter(|(dataset, _)| *dataset == Dataset::Heartbeats).map(|(_, day)| day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_is_not_whole_never_shows_as_whole() {
        for (good, of, shown) in
            [(15, 15, "100%"), (14, 15, "93.33%"), (999_999, 1_000_000, "99.99%"), (0, 3, "0%"), (0, 0, "100%")]
        {
            assert_eq!(Value::Percent(share(good, of)).to_string(), shown, "{good} of {of}");
        }
    }
}
