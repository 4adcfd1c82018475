//! `heartbeat`: the dead man's switch. A job that runs leaves a report; this fails when one is due and missing.
//!
//! A report's time is the older of the one in its name (`…_YYYY-MM-DD_HH-MM-SS…`, UTC) and its mtime: a copy or a
//! synchronized folder gives old reports new mtimes. Names in the local time of a zone, as `date` writes them, are known by
//! their distance from the mtime; then the mtime counts. Times in the future vouch for nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe, why_unreadable};
use crate::clock::ns_between;
use crate::monitor::heartbeat::offset_between;
use crate::schedule::calendar;
use crate::text;

pub const KIND: Kind = Kind::of::<Heartbeat>("heartbeat", "Reports", "a report is there in time (dead man's switch)");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// The folder of the reports, or one file that is written again and again; relative to the root.
    pub path: PathBuf,
    /// Of the reports' names in the folder.
    #[serde(default)]
    pub prefix: String,
    #[serde(default = "markdown")]
    pub suffix: String,
    /// Seconds; with the newest report older than this, one is missing.
    pub max_age_s: u64,
}

fn markdown() -> String {
    ".md".to_owned()
}

/// Clocks of two machines differ by less.
const SKEW_NS: i128 = 60 * 1_000_000_000;
/// No zone is further from UTC.
const ZONE_MAX: SignedDuration = SignedDuration::from_hours(14);

impl Check for Heartbeat {
    fn validate(&self) -> Result<(), String> {
        if self.max_age_s == 0 { Err("`max_age_s` must be at least 1".to_owned()) } else { Ok(()) }
    }

    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move { probe.blocking(move |probe| self.look(probe)).await })
    }
}

impl Heartbeat {
    fn look(&self, probe: &Probe) -> Finding {
        let path = probe.path(&self.path);
        let now = probe.around.clock.now();
        let shown = self.path.display().to_string();
        let newest = match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => match self.newest(&path, now) {
                Ok(newest) => newest,
                Err(error) => return Finding::error(format!("`{shown}` can't be read: {error}")),
            },
            Ok(_) => time_of(&path).filter(|at| past(*at, now)).map(|at| (at, shown.clone())),
            Err(error) => return Finding::error(why_unreadable(&path, &shown, &error)),
        };
        let due = text::duration_ns(self.max_age_s.saturating_mul(1_000_000_000));
        let Some((at, name)) = newest else {
            return Finding::error(format!("no report `{}*{}` in `{shown}`; one is due every {due}", self.prefix, self.suffix));
        };
        let age = ns_between(at, now);
        let age_text = text::duration_ns(age);
        if age > self.max_age_s.saturating_mul(1_000_000_000) {
            return Finding::error(format!("the newest report, `{name}`, is {age_text} old; one is due every {due}"));
        }
        Finding::ok(format!("`{name}`, {age_text} ago"))
    }

    fn newest(&self, dir: &Path, now: Timestamp) -> std::io::Result<Option<(Timestamp, String)>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && name.starts_with(&self.prefix) && name.ends_with(&self.suffix) {
                names.push(name);
            }
        }
        let reports = near_newest(names, now).into_iter().map(|(name, named)| {
            let written = time_of(&dir.join(&name));
            Report { name, named, written }
        });
        let reports: Vec<Report> = reports.collect();
        let times = times(&reports, &calendar::local_zone());
        let dated = std::iter::zip(times, &reports).filter_map(|(at, report)| Some((at?, &report.name)));
        // a name alone is no report
        match dated.filter(|(at, _)| past(*at, now)).max() {
            Some((at, name)) if std::fs::metadata(dir.join(name)).is_ok_and(|meta| meta.is_file() && meta.len() > 0) => {
                Ok(Some((at, name.clone())))
            }
            Some((_, name)) => Err(std::io::Error::other(format!("the newest report, `{name}`, is empty or no file"))),
            None => Ok(None),
        }
    }
}

/// Those of which one may be the newest: a time in the name saves the look at the file of the others.
fn near_newest(names: Vec<String>, now: Timestamp) -> Vec<(String, Option<Timestamp>)> {
    let ahead = now.checked_add(ZONE_MAX).unwrap_or(now);
    let dated: Vec<_> = names.into_iter().map(|name| (in_name(&name), name)).collect();
    let newest = dated.iter().filter_map(|(named, _)| *named).filter(|named| past(*named, ahead)).max();
    let since = newest.and_then(|newest| newest.checked_sub(ZONE_MAX * 2).ok());
    let is_near = |named: &Timestamp| past(*named, ahead) && since.is_none_or(|since| *named >= since);
    dated.into_iter().filter(|(named, _)| named.as_ref().is_none_or(is_near)).map(|(named, name)| (name, named)).collect()
}

struct Report {
    name: String,
    /// As if it were UTC.
    named: Option<Timestamp>,
    written: Option<Timestamp>,
}

impl Report {
    /// The offset of the zone that its name is in the local time of, if it is.
    fn offset(&self) -> Option<SignedDuration> {
        offset_between(self.named?, self.written?)
    }

    fn at(&self, is_of_zone: impl Fn(SignedDuration) -> bool) -> Option<Timestamp> {
        match (self.named, self.written) {
            (Some(named), Some(written)) => {
                Some(if self.offset().is_some_and(is_of_zone) { written } else { named.min(written) })
            }
            (named, written) => named.or(written),
        }
    }
}

/// When each was left. A copy may lie a zone's offset from its name by chance: the offset is believed when it is this
/// machine's, or when another report has the same.
fn times(reports: &[Report], zone: &TimeZone) -> Vec<Option<Timestamp>> {
    let mut offsets: BTreeMap<SignedDuration, usize> = BTreeMap::new();
    for offset in reports.iter().filter_map(Report::offset) {
        *offsets.entry(offset).or_default() += 1;
    }
    let is_here = |offset: SignedDuration, written: Option<Timestamp>| {
        written.is_some_and(|written| i64::from(zone.to_offset(written).seconds()) == offset.as_secs())
    };
    let is_shared = |offset| offsets.get(&offset).is_some_and(|count| *count > 1);
    let at = |report: &Report| report.at(|offset| is_here(offset, report.written) || is_shared(offset));
    reports.iter().map(at).collect()
}

fn past(at: Timestamp, now: Timestamp) -> bool {
    at.as_nanosecond() <= now.as_nanosecond() + SKEW_NS
}

fn time_of(path: &Path) -> Option<Timestamp> {
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Timestamp::try_from(meta.modified().ok()?).ok()
}

/// The time in a name such as `heartbeat_2025-10-28_19-13-38.md`.
fn in_name(name: &str) -> Option<Timestamp> {
    const SHAPE: &[u8] = b"dddd-dd-dd_dd-dd-dd";
    let found = name.as_bytes().windows(SHAPE.len()).find(|window| {
        window.iter().zip(SHAPE).all(|(byte, shape)| if *shape == b'd' { byte.is_ascii_digit() } else { byte == shape })
    })?;
    let civil = jiff::civil::DateTime::strptime("%Y-%m-%d_%H-%M-%S", std::str::from_utf8(found).ok()?).ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_in_a_name() {
        let cases = [
            ("heartbeat_2025-10-28_19-13-38.md", Some("2025-10-28T19:13:38Z")),
            ("heartbeat_2025-10-28_19-13-38-2.md", Some("2025-10-28T19:13:38Z")),
            ("เต้น_2025-10-28_19-13-38.md", Some("2025-10-28T19:13:38Z")),
            ("heartbeat_2025-13-28_19-13-38.md", None),
            ("heartbeat.md", None),
        ];
        for (name, expected) in cases {
            assert_eq!(in_name(name), expected.map(|text| text.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn a_report_is_as_old_as_the_older_of_its_times_and_names_may_be_local() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // the machine's zone; the names and mtimes of the reports; the time of the first
        type Case<'a> = (&'a str, &'a [(Option<&'a str>, &'a str)], &'a str);
        let cases: [Case; 9] = [
            // as Workbridge names them
            ("UTC", &[(Some("2026-01-02T03:00:00Z"), "2026-01-02T03:00:01Z")], "2026-01-02T03:00:00Z"),
            ("UTC", &[(None, "2026-01-02T03:00:01Z")], "2026-01-02T03:00:01Z"),
            // a copy, also of one that is hours old to the minute
            ("UTC", &[(Some("2026-01-02T03:00:00Z"), "2026-01-02T08:07:00Z")], "2026-01-02T03:00:00Z"),
            (
                "Asia/Bangkok",
                &[
                    (Some("2026-01-02T03:00:00Z"), "2026-01-02T08:00:01Z"),
                    (Some("2026-01-02T02:00:00Z"), "2026-01-02T08:00:01Z"),
                ],
                "2026-01-02T03:00:00Z",
            ),
            // in this machine's local time, ahead of UTC and behind it
            ("Asia/Bangkok", &[(Some("2026-01-02T10:00:00Z"), "2026-01-02T03:00:02Z")], "2026-01-02T03:00:02Z"),
            ("America/New_York", &[(Some("2026-01-02T03:00:00Z"), "2026-01-02T08:00:01Z")], "2026-01-02T08:00:01Z"),
            ("America/New_York", &[(Some("2026-07-02T03:00:00Z"), "2026-07-02T07:00:01Z")], "2026-07-02T07:00:01Z"),
            // in another machine's
            (
                "UTC",
                &[
                    (Some("2026-01-02T03:00:00Z"), "2026-01-02T08:00:01Z"),
                    (Some("2026-01-02T02:30:00Z"), "2026-01-02T07:30:02Z"),
                ],
                "2026-01-02T08:00:01Z",
            ),
            // local, and long in the writing
            ("Asia/Bangkok", &[(Some("2026-01-02T10:00:00Z"), "2026-01-02T03:20:00Z")], "2026-01-02T03:20:00Z"),
        ];
        for (zone, reports, expected) in cases {
            let report = |(named, written): &(Option<&str>, &str)| Report {
                name: String::new(),
                named: named.map(at),
                written: Some(at(written)),
            };
            let reports: Vec<Report> = reports.iter().map(report).collect();
            let zone = TimeZone::get(zone).unwrap();
            assert_eq!(times(&reports, &zone)[0], Some(at(expected)), "{zone:?} {expected}");
        }
    }

    #[test]
    fn only_what_may_be_the_newest_is_looked_at() {
        let now = "2026-01-03T00:00:00Z".parse().unwrap();
        let names = [
            "a_2026-01-01_00-00-00.md",
            "a_2026-01-02_00-00-00.md",
            "a_2026-01-02_23-00-00.md",
            "a_2026-01-03_07-00-00.md",
            "a_2031-01-01_00-00-00.md",
            "a.md",
        ];
        let near = near_newest(names.map(str::to_owned).to_vec(), now);
        let near: Vec<&str> = near.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(near, [names[2], names[3], names[5]]);
    }
}
