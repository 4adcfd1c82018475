//! The heartbeats that the loop wrote, and how many neighbours among them prove it.
//!
//! What must hold here: only heartbeats of a loop count, silence is not green, and what is dated ahead of now says nothing.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;

use super::CYCLES;
use crate::clock::ns_between;
use crate::config::Config;
use crate::monitor::checks::State;
use crate::monitor::heartbeat::Status;
use crate::root::Root;
use crate::services::ServiceManager;
use crate::text;

/// One heartbeat of a loop, as its JSON line has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Beat {
    pub timestamp: Timestamp,
    #[serde(default)]
    pub duration_ms: f64,
    /// Of the process that wrote it; older versions did not say.
    #[serde(default)]
    pid: Option<u32>,
    #[serde(default)]
    pub(super) status: Option<Status>,
    /// Where it is told to people, as it was then; `None` where that could not be written.
    #[serde(default)]
    pub(super) report: Option<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    pub(super) checks: Vec<BeatCheck>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct BeatCheck {
    pub(super) name: String,
    pub(super) state: State,
}

/// What heartbeats are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Only those after it.
    pub since: Option<Timestamp>,
    /// The checks that are green in each.
    pub names: &'a [String],
    /// Whether a warning of theirs will do: nobody repaired them, and a warning is no outage.
    pub may_warn: bool,
    /// So many in a row.
    pub wanted: usize,
    pub now: Timestamp,
}

/// The process of the loop's service; `None` where no service is loaded and the loop is that of `wo up`. A service that is
/// loaded and has no process beats nothing.
pub fn process_of(services: &dyn ServiceManager, label: &str) -> Result<Option<u32>, String> {
    match services.status(label) {
        Ok(status) if status.loaded && status.pid.is_none() => {
            Err(format!("the loop's service `{label}` is loaded and has no process: {}", status.detail))
        }
        Ok(status) => Ok(status.pid.filter(|_| status.loaded)),
        Err(_) => Ok(None),
    }
}

/// Neighbours that prove the loop, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    pub beats: Vec<Beat>,
}

impl Chain {
    /// Between the newest two.
    pub fn gap_ns(&self) -> u64 {
        match self.beats.as_slice() {
            [.., first, second] => gap_ns(first, second),
            _ => 0,
        }
    }
}

fn gap_ns(first: &Beat, second: &Beat) -> u64 {
    ns_between(first.timestamp, second.timestamp)
}

/// Where the loop writes a line for each cycle, in `[paths] logs`.
pub(super) const LOG: &str = "heartbeats.jsonl";
/// Lines are looked for this far back: some hundred cycles.
const TAIL_BYTES: u64 = 512 * 1024;
/// Where more of them are asked for: so much for each, up to what the log ever holds.
const LINE_BYTES: u64 = 4 * 1024;
const TAIL_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// A clock is set by less than this without a reason.
const SKEW_NS: i128 = 1_000_000_000;
/// Two heartbeats prove an interval when they are within this part of it.
const TOLERANCE: f64 = 0.10;

/// The newest `wanted` neighbours of the loop's heartbeats that are the interval apart (±10 %) and as `asked` in all of their checks;
/// the last one is no older than two intervals, and the newest heartbeat of all, in the chain or not, is green too. Where the
/// service's `process` is known, one of them at least is its own. The error says what is missing.
pub fn chain(root: &Root, config: &Config, asked: &Asked<'_>, process: Option<u32>) -> Result<Chain, String> {
    let Asked { since, wanted, now, .. } = *asked;
    let wanted = wanted.max(CYCLES);
    let beats = heard(read(root, config, tail_for(wanted)), since, now);
    let interval_ns = config.monitor.interval_ns() as f64;
    let Some(newest) = beats.last() else { return Err("no heartbeat of the loop yet".to_owned()) };
    if is_old(newest, config, now) {
        let age = text::duration_ns(ns_between(newest.timestamp, now));
        return Err(format!("the newest heartbeat of the loop is {age} old, more than two intervals"));
    }
    // what it says is how things are now: no older pair speaks against it
    if let Some(name) = newest.lacks(asked) {
        return Err(format!("{name} is not green in the newest heartbeat, {}", newest.timestamp));
    }
    let mut why = None;
    // newest first
    let mut chain: Vec<&Beat> = Vec::new();
    for beat in beats.iter().rev() {
        if let Some(later) = chain.last()
            && let Some(broken) = between(beat, later, asked, interval_ns)
        {
            why.get_or_insert(broken);
            chain.clear();
        }
        if chain.is_empty() && is_old(beat, config, now) {
            break;
        }
        chain.push(beat);
        if chain.len() == wanted && chain.iter().all(|beat| !beat.may_be_of(process)) {
            let process = process.unwrap_or_default();
            why.get_or_insert(format!(
                "the heartbeats up to {} are of another loop, none of the service's process, pid {process}",
                chain.first().map_or(beat, |newest| newest).timestamp
            ));
            chain.remove(0);
            if chain.first().is_some_and(|newest| is_old(newest, config, now)) {
                break;
            }
        }
        if chain.len() == wanted {
            return Ok(Chain { beats: chain.into_iter().rev().cloned().collect() });
        }
    }
    let number = |n: usize| match n {
        1 => "one".to_owned(),
        2 => "two".to_owned(),
        n => n.to_string(),
    };
    let few = match chain.len() {
        1 => format!("one heartbeat of the loop; {} are wanted", number(wanted)),
        n => format!("{} heartbeats of the loop in a row; {} are wanted", number(n), number(wanted)),
    };
    Err(why.unwrap_or(few))
}

/// Heartbeats of the loop after `since`. What is dated later than now is from before the clock was set back, and says
/// nothing of the loop as it is.
pub(super) fn heard(beats: Vec<Beat>, since: Option<Timestamp>, now: Timestamp) -> Vec<Beat> {
    let ahead = |beat: &Beat| beat.timestamp.as_nanosecond() > now.as_nanosecond() + SKEW_NS;
    let heard = |beat: &Beat| since.is_none_or(|since| beat.timestamp > since) && !ahead(beat);
    beats.into_iter().filter(heard).collect()
}

/// More than two intervals, and a second on top, for a loop that is just about to write.
pub(super) fn is_old(beat: &Beat, config: &Config, now: Timestamp) -> bool {
    let age_ns = (now.as_nanosecond() - beat.timestamp.as_nanosecond()) as f64;
    age_ns > 2.0 * config.monitor.interval_ns() as f64 + 1e9
}

/// Why these two neighbours prove nothing.
fn between(first: &Beat, second: &Beat, asked: &Asked<'_>, interval_ns: f64) -> Option<String> {
    let gap = gap_ns(first, second);
    if (gap as f64 - interval_ns).abs() > interval_ns * TOLERANCE {
        let (gap, interval) = (text::duration_ns(gap), text::duration_ns(interval_ns as u64));
        return Some(format!(
            "the heartbeats {} and {} are {gap} apart, not {interval}",
            first.timestamp, second.timestamp
        ));
    }
    let name = second.lacks(asked).or_else(|| first.lacks(asked))?;
    Some(format!("{name} is not green in the heartbeats {} and {}", first.timestamp, second.timestamp))
}

impl Beat {
    /// Whether this process may have written it.
    pub(super) fn may_be_of(&self, process: Option<u32>) -> bool {
        process.is_none() || self.pid.is_none() || self.pid == process
    }

    /// The first of the checks that it does not say of what is asked.
    fn lacks<'a>(&self, asked: &Asked<'a>) -> Option<&'a String> {
        let will_do = |name: &&String| self.is_green(name) || (asked.may_warn && self.is(name, State::Warn));
        asked.names.iter().find(|name| !will_do(name))
    }

    /// Whether it says that the check of this name is fine; silence is not.
    pub(super) fn is_green(&self, name: &str) -> bool {
        self.is(name, State::Ok)
    }

    fn is(&self, name: &str, state: State) -> bool {
        self.checks.iter().any(|check| check.name == name && check.state == state)
    }
}

/// The newest heartbeats of loops, oldest first. Lines that are torn or of another shape are passed over.
pub fn beats(root: &Root, config: &Config) -> Vec<Beat> {
    read(root, config, TAIL_BYTES)
}

/// Those in the last `bytes` of the log.
fn read(root: &Root, config: &Config, bytes: u64) -> Vec<Beat> {
    let log = root.join(&config.paths.logs).join(LOG);
    // just after it was begun anew, the newest ones are at the end of the old one
    let rotated = tail(&log.with_extension("jsonl.1"), bytes).unwrap_or_default();
    let text = rotated + &tail(&log, bytes).unwrap_or_default();
    let mut beats: Vec<Beat> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    beats.retain(|beat| beat.source == "loop");
    beats.sort_by_key(|beat| beat.timestamp);
    beats
}

fn tail(path: &Path, max: u64) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(max)))?;
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// As far back as so many heartbeats in a row may reach; the log itself is bounded.
fn tail_for(wanted: usize) -> u64 {
    (wanted as u64).saturating_mul(LINE_BYTES).clamp(TAIL_BYTES, TAIL_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::Builder::new().prefix("ราก ").tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        (dir, root)
    }

    const T0: &str = "2025-10-28T10:00:00Z";

    /// Lines at these seconds after [`T0`]; `!` marks a red Redis, `~` a warning and `?` an unmeasured one, `o` one of
    /// `wo monitor --once`.
    fn log(root: &Root, beats: &[(f64, &str)]) {
        let start: Timestamp = T0.parse().unwrap();
        let line = |(at, marks): &(f64, &str)| {
            let redis = match marks {
                _ if marks.contains('!') => "error",
                _ if marks.contains('~') => "warn",
                _ if marks.contains('?') => "unknown",
                _ => "ok",
            };
            // digits are the pid of who wrote it
            let pid: String = marks.chars().filter(char::is_ascii_digit).collect();
            let pid = if pid.is_empty() { "null".to_owned() } else { pid };
            let source = if marks.contains('o') { "once" } else { "loop" };
            let at = start.checked_add(Duration::from_secs_f64(*at)).unwrap();
            format!(
                "{{\"timestamp\":\"{at}\",\"duration_ms\":40,\"source\":\"{source}\",\"pid\":{pid},\
                 \"checks\":[{{\"name\":\"redis\",\"state\":\"{redis}\"}}]}}\n"
            )
        };
        let text: String = beats.iter().map(line).collect();
        crate::durable::write(&root.join("g/logs/heartbeats.jsonl"), format!("torn{{\n{text}").as_bytes(), 0o644)
            .unwrap();
    }

    /// Seconds after the start, and what stands in the beat: `!` for an error, `o` for one that a person started, a pid.
    type Beats = &'static [(f64, &'static str)];

    #[test]
    fn two_neighbours_prove_the_loop_and_nothing_less_does() {
        let (_dir, root) = root();
        let config = Config::default();
        let find = |config: &Config, process, name: &str, wanted, now| {
            chain(
                &root,
                config,
                &Asked { since: None, names: &[name.to_owned()], may_warn: false, wanted, now },
                process,
            )
        };
        let cases: &[(Beats, f64, Result<f64, &str>)] = &[
            (&[], 0.0, Err("no heartbeat")),
            (&[(0.0, "")], 1.0, Err("two are wanted")),
            (&[(0.0, ""), (300.0, "")], 301.0, Ok(300.0)),
            (&[(0.0, ""), (329.0, "")], 330.0, Ok(329.0)),
            (&[(0.0, ""), (331.0, "")], 332.0, Err("5 min 31 s apart")),
            (&[(0.0, ""), (269.0, "")], 270.0, Err("apart")),
            (&[(0.0, "!"), (300.0, "")], 301.0, Err("redis is not green")),
            (&[(0.0, ""), (300.0, "!")], 301.0, Err("redis is not green")),
            // as it is now, whatever an older pair says that is fresh enough
            (&[(0.0, ""), (300.0, ""), (600.0, "!")], 601.0, Err("redis is not green in the newest heartbeat")),
            (&[(0.0, ""), (300.0, ""), (450.0, "!")], 460.0, Err("redis is not green in the newest heartbeat")),
            // one that a person started is no cycle of the loop, and stands in nobody's way
            (&[(0.0, ""), (150.0, "o"), (300.0, "")], 301.0, Ok(300.0)),
            (&[(0.0, ""), (300.0, "o")], 301.0, Err("two are wanted")),
            (&[(0.0, ""), (300.0, "")], 902.0, Err("more than two intervals")),
            // written before the clock was set back: nothing that happened
            (&[(0.0, ""), (300.0, "")], 100.0, Err("two are wanted")),
            (&[(600.0, ""), (900.0, "")], 100.0, Err("no heartbeat")),
            (&[(0.0, ""), (300.0, ""), (90_000.0, "")], 301.0, Ok(300.0)),
            // an older pair that is fresh enough counts
            (&[(0.0, ""), (300.0, ""), (450.0, "")], 460.0, Ok(300.0)),
        ];
        for (beats, now, expected) in cases {
            log(&root, beats);
            let now = T0.parse::<Timestamp>().unwrap().checked_add(Duration::from_secs_f64(*now)).unwrap();
            let found = find(&config, None, "redis", 2, now);
            match expected {
                Ok(gap) => assert_eq!(found.map(|pair| pair.gap_ns()), Ok((gap * 1e9) as u64), "{beats:?}"),
                Err(why) => {
                    let error = found.expect_err(&format!("{beats:?}"));
                    assert!(error.contains(why), "{beats:?}: {error}");
                }
            }
        }
        log(&root, &[(0.0, ""), (300.0, "")]);
        let now = T0.parse::<Timestamp>().unwrap().checked_add(Duration::from_secs(301)).unwrap();
        let since = Some(T0.parse().unwrap());
        assert!(
            chain(&root, &config, &Asked { since, names: &[], may_warn: false, wanted: 2, now }, None).is_err(),
            "only what came after counts"
        );
        let unknown = find(&config, None, "database", 2, now);
        assert!(unknown.is_err(), "silence is not green");
    }

    /// What was repaired is green; what nobody touched is not in error.
    #[test]
    fn a_warning_will_do_where_nothing_was_repaired() {
        let (_dir, root) = root();
        let config = Config::default();
        let names = ["redis".to_owned()];
        let cases: &[(Beats, bool, bool)] = &[
            (&[(0.0, ""), (300.0, "")], true, true),
            (&[(0.0, "~"), (300.0, "~")], true, false),
            (&[(0.0, ""), (300.0, "~")], true, false),
            (&[(0.0, "!"), (300.0, "~")], false, false),
            (&[(0.0, "?"), (300.0, "?")], false, false),
        ];
        for (beats, may, must) in cases {
            log(&root, beats);
            let now = T0.parse::<Timestamp>().unwrap().checked_add(Duration::from_secs(301)).unwrap();
            for (may_warn, expected) in [(true, may), (false, must)] {
                let asked = Asked { since: None, names: &names, may_warn, wanted: 2, now };
                let found = chain(&root, &config, &asked, None);
                assert_eq!(found.is_ok(), *expected, "{beats:?} {may_warn}: {found:?}");
            }
        }
    }

    /// Another loop, such as that of `wo up`, is no proof of the service's.
    #[test]
    fn one_heartbeat_at_least_is_of_the_services_process() {
        let (_dir, root) = root();
        let config = Config::default();
        let names = ["redis".to_owned()];
        let cases: &[(Beats, Option<u32>, bool)] = &[
            (&[(0.0, "7"), (300.0, "7")], Some(7), true),
            (&[(0.0, "7"), (300.0, "9")], Some(7), true),
            (&[(0.0, "9"), (300.0, "9")], Some(7), false),
            (&[(0.0, "9"), (300.0, "9")], None, true),
            // an older version, which does not say
            (&[(0.0, ""), (300.0, "")], Some(7), true),
            // the older pair, whose second one is fresh enough
            (&[(0.0, "7"), (300.0, "9"), (600.0, "9")], Some(7), true),
            (&[(0.0, "7"), (300.0, "9"), (600.0, "9"), (900.0, "9")], Some(7), false),
        ];
        for (beats, process, expected) in cases {
            log(&root, beats);
            let last = beats.last().unwrap().0 + 2.0;
            let now = T0.parse::<Timestamp>().unwrap().checked_add(Duration::from_secs_f64(last)).unwrap();
            let found =
                chain(&root, &config, &Asked { since: None, names: &names, may_warn: false, wanted: 2, now }, *process);
            assert_eq!(found.is_ok(), *expected, "{beats:?}: {found:?}");
        }
    }

    /// A day of them is as well found as two.
    #[test]
    fn as_many_as_are_asked_for_are_read() {
        let (_dir, root) = root();
        let config = Config::default();
        const N: usize = 5_000;
        let beats: Vec<(f64, &str)> = (0..N).map(|n| (n as f64 * 300.0, "")).collect();
        log(&root, &beats);
        let now = T0.parse::<Timestamp>().unwrap().checked_add(Duration::from_secs(N as u64 * 300)).unwrap();
        let found = chain(&root, &config, &Asked { since: None, names: &[], may_warn: false, wanted: N, now }, None);
        assert_eq!(found.map(|chain| chain.beats.len()), Ok(N));
    }

    #[test]
    fn more_in_a_row_when_more_are_asked_for() {
        let (_dir, root) = root();
        let config = Config::default();
        let find = |config: &Config, process, name: &str, wanted, now| {
            chain(
                &root,
                config,
                &Asked { since: None, names: &[name.to_owned()], may_warn: false, wanted, now },
                process,
            )
        };
        let cases: &[(Beats, usize, Result<usize, &str>)] = &[
            (&[(0.0, ""), (300.0, "")], 3, Err("two heartbeats of the loop in a row; 3 are wanted")),
            (&[(0.0, ""), (300.0, ""), (600.0, "")], 3, Ok(3)),
            (&[(0.0, ""), (300.0, ""), (600.0, "")], 2, Ok(2)),
            (&[(0.0, ""), (300.0, "!"), (600.0, "")], 3, Err("redis is not green")),
            (&[(0.0, ""), (350.0, ""), (650.0, "")], 3, Err("5 min 50 s apart")),
            // an older chain, whose last one is fresh enough
            (&[(0.0, ""), (300.0, ""), (600.0, ""), (700.0, "")], 3, Ok(3)),
            (&[(0.0, ""), (300.0, ""), (600.0, ""), (700.0, "!")], 3, Err("redis is not green")),
        ];
        for (beats, wanted, expected) in cases {
            log(&root, beats);
            let now = T0.parse::<Timestamp>().unwrap().checked_add(Duration::from_secs(701)).unwrap();
            let found = find(&config, None, "redis", *wanted, now);
            match expected {
                Ok(n) => assert_eq!(found.map(|chain| chain.beats.len()), Ok(*n), "{beats:?}"),
                Err(why) => {
                    let error = found.expect_err(&format!("{beats:?}"));
                    assert!(error.contains(why), "{beats:?}: {error}");
                }
            }
        }
    }
}
