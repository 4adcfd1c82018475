//! What a cycle leaves: the standing of each check, queued notices, the heartbeat report (written whole or not at all),
//! and a JSON line in `heartbeats.jsonl` in the folder of logs (`paths.logs`).

use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::MonitorError;
use super::config::MonitorConfig;
use super::cycle::Cycle;
use super::heartbeat::{self, CheckResult, Heartbeat, State, Status};
use super::memo::Memo;
use super::notice::Notice;
use super::store::Store;
use super::thresholds;
use super::timing::Gap;
use crate::config::Config;
use crate::durable;
use crate::root::Root;

/// Where a cycle's records go.
pub struct Place<'a> {
    pub root: &'a Root,
    pub config: &'a Config,
}

/// Who ran the cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Loop,
    /// `wo monitor --once`.
    Once,
}

/// A recorded cycle.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub heartbeat: Heartbeat,
    /// Absolute; `None` when it could not be written.
    pub report: Option<PathBuf>,
    pub notices: Vec<Notice>,
    pub gap: Option<Gap>,
    /// What could not be recorded, each with its reason; the rest was.
    pub problems: Vec<String>,
}

/// The last cycle as the store keeps it, for the status page and for metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastCycle {
    pub at: Timestamp,
    pub status: Status,
    pub duration_ms: f64,
    pub interval_ns: u64,
    pub source: Source,
    /// Relative to the root.
    pub report: Option<String>,
    /// Why there is no report.
    #[serde(default)]
    pub problem: Option<String>,
    /// Each with its configured name.
    pub checks: Vec<(String, CheckResult)>,
    /// Cycles that this root ever recorded.
    pub cycles: u64,
}

impl LastCycle {
    /// Why this cycle has no report. What is written nowhere was measured for nobody.
    pub fn unwritten(&self) -> Option<&str> {
        match &self.report {
            Some(_) => None,
            None => Some(self.problem.as_deref().unwrap_or("the reason is not known")),
        }
    }
}

/// Records `cycle`. An error is one of the store or a failed fsync; a report that can't be written is a problem, and the
/// counters go on, since a full disk is no reason to alert nobody.
pub fn record(
    place: &Place<'_>,
    store: &mut Store,
    memo: &Memo,
    cycle: &Cycle,
    source: Source,
    gap: Option<Gap>,
) -> Result<Recorded, MonitorError> {
    let monitor = &place.config.monitor;
    let silenced = monitor.in_maintenance(cycle.at, &TimeZone::system());
    let webhooks = super::deliver::names(&monitor.webhooks);
    let mut notices = Vec::new();
    let mut problems = Vec::new();
    let mut fatal = None;
    let (heartbeat, report) = store.record(|write| {
        let mut checks = Vec::with_capacity(cycle.observed.len());
        for observed in &cycle.observed {
            let mut standing = write.standing(&observed.name)?;
            let finding = &observed.finding;
            let notice = thresholds::advance(
                &mut standing,
                &observed.name,
                finding.state,
                &finding.message,
                cycle.at,
                monitor,
                silenced,
            );
            write.put_standing(&observed.name, &standing)?;
            for webhook in notice.iter().flat_map(|_| &webhooks) {
                if let Some(notice) = &notice {
                    write.queue(webhook, notice, cycle.at, monitor.queue_max)?;
                }
            }
            notices.extend(notice);
            let bad = if finding.state == State::Error { standing.failures } else { 0 };
            checks.push((observed.name.clone(), observed.to_result(bad, standing.since.unwrap_or(cycle.at))));
        }
        let names: Vec<&str> = cycle.observed.iter().map(|observed| observed.name.as_str()).collect();
        write.keep_standings(&names)?;
        if let Some(gap) = &gap {
            write.put_gap(gap)?;
        }
        write.put_memo(&memo.take_changed())?;
        let heartbeat = heartbeat_of(cycle, monitor, checks.iter().map(|(_, result)| result.clone()).collect());
        let report = match write_report(&place.root.join(&place.config.paths.heartbeats), &heartbeat, cycle.at) {
            Ok(path) => Some(path),
            Err(error) => {
                problems.push(error.to_string());
                fatal = Some(error).filter(durable::DurableError::is_fatal);
                None
            }
        };
        write.put_last_cycle(&LastCycle {
            at: cycle.at,
            status: cycle.status(),
            duration_ms: (cycle.took.as_secs_f64() * 1e6).round() / 1e3,
            interval_ns: monitor.interval_ns(),
            source,
            report: report.as_ref().map(|path| place.root.show(path)),
            problem: problems.first().cloned(),
            checks,
            cycles: write.cycles()?.saturating_add(1),
        })?;
        Ok((heartbeat, report))
    })?;
    if let Some(error) = fatal {
        return Err(error.into());
    }
    let line = json_line(place.root, &heartbeat, report.as_deref(), source, gap.as_ref());
    let log = place.root.join(&place.config.paths.logs).join("heartbeats.jsonl");
    if let Err(error) = durable::create_dir_all(durable::parent_of(&log)) {
        if error.is_fatal() {
            return Err(error.into());
        }
        problems.push(error.to_string());
    } else if let Err(error) = append_line(&log, &line) {
        problems.push(format!("failed to append to `{}`: {error}", place.root.show(&log)));
    }
    Ok(Recorded { heartbeat, report, notices, gap, problems })
}

fn heartbeat_of(cycle: &Cycle, monitor: &MonitorConfig, checks: Vec<CheckResult>) -> Heartbeat {
    Heartbeat {
        timestamp: Some(cycle.at),
        status: Some(cycle.status()),
        duration_ms: Some(u64::try_from(cycle.took.as_millis()).unwrap_or(u64::MAX)),
        checks,
        next_check: Some(format!("{} from now", interval_words(monitor.interval_s))),
    }
}

/// `5 minutes`, `1 minute`, `30 seconds`, `0.5 seconds`, as the field writes it.
fn interval_words(seconds: f64) -> String {
    let (n, unit) = match seconds {
        s if s >= 3_600.0 && s % 3_600.0 == 0.0 => (s / 3_600.0, "hour"),
        s if s >= 60.0 && s % 60.0 == 0.0 => (s / 60.0, "minute"),
        s => (s, "second"),
    };
    format!("{n} {unit}{}", if n == 1.0 { "" } else { "s" })
}

/// Neighbours that share a second: more than a loop can produce.
const SAME_SECOND_MAX: u32 = 10_000;

/// Writes the report under a name that is free. The caller holds the store's write lock, so no other process picks the
/// same.
fn write_report(dir: &Path, heartbeat: &Heartbeat, at: Timestamp) -> Result<PathBuf, durable::DurableError> {
    let free = (0..SAME_SECOND_MAX)
        .map(|nth| dir.join(heartbeat::file_name(at, nth)))
        .find(|path| path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    let path =
        free.ok_or_else(|| durable::DurableError::io("find a free name in", dir)(io::ErrorKind::AlreadyExists.into()))?;
    durable::write(&path, heartbeat::render(heartbeat).as_bytes(), 0o644)?;
    Ok(path)
}

fn json_line(root: &Root, heartbeat: &Heartbeat, report: Option<&Path>, source: Source, gap: Option<&Gap>) -> Vec<u8> {
    let value = json!({
        "version": 1,
        "timestamp": heartbeat.timestamp,
        "status": heartbeat.status,
        "duration_ms": heartbeat.duration_ms,
        "source": source,
        "pid": std::process::id(),
        "report": report.map(|path| root.show(path)),
        "gap": gap,
        "checks": heartbeat.checks,
    });
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// Beyond, the log becomes `heartbeats.jsonl.1` and a new one begins.
const LOG_MAX: u64 = 32 * 1024 * 1024;
/// A torn line is looked for this far back.
const LINE_MAX: u64 = 1024 * 1024;

/// Appends one line, whole or not at all. Not through `durable::write`, which would copy the whole log for each line: a
/// line that a crash tore off is cut away before the next one, under a lock on the file.
fn append_line(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = open_log(path)?;
    let mut length = file.seek(SeekFrom::End(0))?;
    if length.saturating_add(line.len() as u64) > LOG_MAX {
        std::fs::rename(path, path.with_extension("jsonl.1"))?;
        file = open_log(path)?;
        length = 0;
    }
    let whole = whole_length(&mut file, length)?;
    if whole < length {
        file.set_len(whole)?;
    }
    let written = file.write_all(line);
    if written.is_err() {
        file.set_len(whole)?;
    }
    written
}

fn open_log(path: &Path) -> io::Result<std::fs::File> {
    let file = std::fs::OpenOptions::new().read(true).append(true).create(true).open(path)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

/// The length up to and with the last newline.
fn whole_length(file: &mut std::fs::File, length: u64) -> io::Result<u64> {
    let from = length.saturating_sub(LINE_MAX);
    let mut last = [0];
    if length > 0 {
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
    }
    if length == 0 || last == *b"\n" {
        return Ok(length);
    }
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(length - from).read_to_end(&mut tail)?;
    Ok(tail.iter().rposition(|byte| *byte == b'\n').map_or(from, |at| from + at as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_in_words() {
        let cases =
            [(300.0, "5 minutes"), (60.0, "1 minute"), (90.0, "90 seconds"), (0.5, "0.5 seconds"), (3600.0, "1 hour")];
        for (seconds, expected) in cases {
            assert_eq!(interval_words(seconds), expected);
        }
    }

    #[test]
    fn a_torn_line_is_cut_away_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("บันทึก heartbeats.jsonl");
        append_line(&path, b"{\"n\":1}\n").unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"n\":2,\"torn").unwrap();
        append_line(&path, b"{\"n\":3}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"n\":1}\n{\"n\":3}\n");
        std::fs::write(&path, "torn from the first byte").unwrap();
        append_line(&path, b"{\"n\":4}\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"n\":4}\n");
    }

    #[test]
    fn reports_of_one_second_do_not_overwrite_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let at: Timestamp = "2026-11-24T20:00:00.1Z".parse().unwrap();
        let heartbeat = Heartbeat { timestamp: Some(at), ..Heartbeat::default() };
        let paths: Vec<PathBuf> = (0..3).map(|_| write_report(dir.path(), &heartbeat, at).unwrap()).collect();
        let names: Vec<String> =
            paths.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names[0], "heartbeat_2026-11-24_20-00-00.md");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    }
}
