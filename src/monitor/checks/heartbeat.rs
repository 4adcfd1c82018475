//! `heartbeat`: the dead man's switch. A job that runs leaves a report; this fails when one is due and missing.
//!
//! A report's time is the one in its name where there is one (`…_YYYY-MM-DD_HH-MM-SS…`, UTC), else its mtime: a copy or a
//! synchronized folder gives old reports new mtimes. Times in the future vouch for nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe, age_ns, why_unreadable};
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
        let age = age_ns(now, at);
        let age_text = text::duration_ns(age);
        if age > self.max_age_s.saturating_mul(1_000_000_000) {
            return Finding::error(format!("the newest report, `{name}`, is {age_text} old; one is due every {due}"));
        }
        Finding::ok(format!("`{name}`, {age_text} ago"))
    }

    fn newest(&self, dir: &Path, now: Timestamp) -> std::io::Result<Option<(Timestamp, String)>> {
        let mut newest: Option<(Timestamp, String)> = None;
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || !name.starts_with(&self.prefix) || !name.ends_with(&self.suffix) {
                continue;
            }
            // a time in the name saves the look at the file
            let at = in_name(&name).or_else(|| time_of(&entry.path()));
            if let Some(at) = at.filter(|at| past(*at, now))
                && newest.as_ref().is_none_or(|(best, _)| at > *best)
            {
                newest = Some((at, name));
            }
        }
        // a name alone is no report
        match newest {
            Some((at, name)) if std::fs::metadata(dir.join(&name)).is_ok_and(|meta| meta.is_file() && meta.len() > 0) => {
                Ok(Some((at, name)))
            }
            Some((_, name)) => Err(std::io::Error::other(format!("the newest report, `{name}`, is empty or no file"))),
            None => Ok(None),
        }
    }
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
}
