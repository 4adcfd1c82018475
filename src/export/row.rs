//! The rows of the Parquet files, and how a heartbeat becomes one.
//!
//! Invariant: a column says `unknown` only where the report says nothing of that check.

use compact_str::CompactString;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::monitor::heartbeat::{self, CheckResult, Heartbeat, State, Status};

/// One heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatRow {
    /// Without the directory.
    #[serde(skip)]
    pub filename: String,
    /// Microseconds since the epoch.
    #[serde(skip)]
    pub timestamp_us: i64,
    /// As stated; `None` when the report doesn't say.
    pub status: Option<Status>,
    pub duration_ms: Option<i64>,
    pub redis: State,
    pub database: State,
    pub api: State,
    pub optimizer: AgentState,
    pub digest: AgentState,
    pub checks: Vec<CheckRow>,
    /// Of the report's bytes, lower-case hex.
    #[serde(skip)]
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckRow {
    pub name: CompactString,
    pub component: CompactString,
    pub state: State,
    pub message: CompactString,
    pub latency_ms: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgentState {
    Loaded,
    NotLoaded,
    Unknown,
}

/// Any other report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportRow {
    /// Relative to the root, with `/`.
    #[serde(skip)]
    pub path: String,
    pub title: Option<String>,
    /// e.g. `ops_atomic_daily`.
    pub kind: String,
    /// Microseconds since the epoch.
    #[serde(skip)]
    pub created_us: i64,
    pub created_from: CreatedFrom,
    pub front_matter: Option<String>,
    pub headings: Vec<(i32, String)>,
    pub text: String,
    /// Of the report's bytes, lower-case hex.
    #[serde(skip)]
    pub sha256: String,
}

/// Where a report's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CreatedFrom {
    /// Its Timestamp or Date line, or its front matter.
    Report,
    FileName,
    Mtime,
}

impl AgentState {
    pub fn as_str(self) -> &'static str {
        match self {
            AgentState::Loaded => "loaded",
            AgentState::NotLoaded => "not_loaded",
            AgentState::Unknown => "unknown",
        }
    }

    pub fn from_word(word: &str) -> Option<AgentState> {
        [AgentState::Loaded, AgentState::NotLoaded, AgentState::Unknown].into_iter().find(|s| s.as_str() == word)
    }

    fn of(check: Option<&CheckResult>) -> AgentState {
        let Some(check) = check else { return AgentState::Unknown };
        match check.state {
            State::Ok => AgentState::Loaded,
            State::Error => AgentState::NotLoaded,
            State::Warn | State::Unknown => match check.message.to_lowercase() {
                says if says.contains("not loaded") => AgentState::NotLoaded,
                says if says.contains("loaded") => AgentState::Loaded,
                _ => AgentState::Unknown,
            },
        }
    }
}

impl CreatedFrom {
    pub fn as_str(self) -> &'static str {
        match self {
            CreatedFrom::Report => "report",
            CreatedFrom::FileName => "file name",
            CreatedFrom::Mtime => "mtime",
        }
    }

    pub fn from_word(word: &str) -> Option<CreatedFrom> {
        [CreatedFrom::Report, CreatedFrom::FileName, CreatedFrom::Mtime].into_iter().find(|from| from.as_str() == word)
    }
}

/// What the exporter needs of a row, whichever kind it is. Rows are ordered by day, time and name; a name is unique.
pub trait Row: Sized + Send + Serialize + DeserializeOwned {
    /// Microseconds since the epoch.
    fn at_us(&self) -> i64;
    fn name(&self) -> &str;
    fn sha256(&self) -> &str;
    /// Its size in memory, about; a pure function of its content.
    fn weight(&self) -> usize;
    /// The row with these three, which are not serialized with the rest.
    fn identified(self, at_us: i64, name: String, sha256: String) -> Self;
}

/// The day that `at_us` falls on in `zone`; `None` outside the years 1970 to 9999.
pub fn day_of(at_us: i64, zone: &TimeZone) -> Option<Date> {
    let at = Timestamp::from_microsecond(at_us).ok()?;
    let day = at.to_zoned(zone.clone()).date();
    (1970..=9999).contains(&day.year()).then_some(day)
}

/// The row for a heartbeat's bytes, and whether its time had to be taken from its file name.
pub fn heartbeat_row(filename: &str, bytes: &[u8]) -> Result<(HeartbeatRow, bool), String> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| format!("not UTF-8: byte {} is not text", error.valid_up_to()))?;
    let parsed = heartbeat::parse_file(filename, text).map_err(|error| error.to_string())?;
    let named = parsed.timestamp.is_none();
    let at = parsed
        .timestamp
        .or_else(|| heartbeat::name_time(filename))
        .ok_or("no time: there is no `**Timestamp:**` line that can be read, and no time in the file name")?;
    if !(1970..=9999).contains(&at.to_zoned(TimeZone::UTC).year()) {
        return Err(format!("its timestamp {at} is out of range: the years 1970 to 9999"));
    }
    Ok((HeartbeatRow::new(filename, parsed, at, sha256(bytes)), named))
}

impl HeartbeatRow {
    pub fn new(filename: &str, heartbeat: Heartbeat, at: Timestamp, sha256: String) -> Self {
        // where a report says two things of one check, the worse one stands, and what it says beats what it doesn't
        let worst = |is_meant: &dyn Fn(&CheckResult) -> bool| {
            heartbeat
                .checks
                .iter()
                .filter(|check| is_meant(check))
                .max_by_key(|check| (check.state != State::Unknown, check.state))
        };
        let state = |name: &str, component: &str, has_parts: bool| {
            let of_whole = |check: &CheckResult| {
                check.name == name || has_parts && check.component == component && check.is_part()
            };
            let found = worst(&of_whole).or_else(|| worst(&|check| check.component == component));
            found.map_or(State::Unknown, |check| check.state)
        };
        // by its name, or else by a label that ends with it
        let agent = |name: &str| {
            let is_named = |check: &CheckResult| heartbeat::service_name(&check.name).eq_ignore_ascii_case(name);
            let is_labelled = |check: &CheckResult| {
                let label = heartbeat::service_name(&check.name).rsplit_once('.');
                label.is_some_and(|(_, last)| last.eq_ignore_ascii_case(name))
            };
            AgentState::of(worst(&is_named).or_else(|| worst(&is_labelled)))
        };
        HeartbeatRow {
            filename: filename.to_owned(),
            timestamp_us: at.as_microsecond(),
            status: heartbeat.status,
            duration_ms: heartbeat.duration_ms.and_then(|ms| i64::try_from(ms).ok()),
            redis: state("redis", heartbeat::REDIS, true),
            database: state("database", heartbeat::DATABASE, true),
            // each endpoint stands for itself
            api: state("api", heartbeat::API, false),
            optimizer: agent("optimizer"),
            digest: agent("digest"),
            checks: heartbeat.checks.into_iter().map(CheckRow::of).collect(),
            sha256,
        }
    }

    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_microsecond(self.timestamp_us).unwrap_or_default()
    }
}

impl CheckRow {
    fn of(check: CheckResult) -> Self {
        let CheckResult { name, component, state, message, latency_ms, .. } = check;
        CheckRow { name, component, state, message, latency_ms }
    }
}

impl Row for HeartbeatRow {
    fn at_us(&self) -> i64 {
        self.timestamp_us
    }

    fn name(&self) -> &str {
        &self.filename
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn weight(&self) -> usize {
        let checks: usize = self.checks.iter().map(|c| 96 + c.name.len() + c.component.len() + c.message.len()).sum();
        192 + self.filename.len() + self.sha256.len() + checks
    }

    fn identified(self, timestamp_us: i64, filename: String, sha256: String) -> Self {
        HeartbeatRow { timestamp_us, filename, sha256, ..self }
    }
}

impl Row for ReportRow {
    fn at_us(&self) -> i64 {
        self.created_us
    }

    fn name(&self) -> &str {
        &self.path
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn weight(&self) -> usize {
        let headings: usize = self.headings.iter().map(|(_, text)| 40 + text.len()).sum();
        let rest = self.title.as_deref().map_or(0, str::len) + self.front_matter.as_deref().map_or(0, str::len);
        256 + self.path.len() + self.kind.len() + self.sha256.len() + self.text.len() + headings + rest
    }

    fn identified(self, created_us: i64, path: String, sha256: String) -> Self {
        ReportRow { created_us, path, sha256, ..self }
    }
}

#[cfg(test)]
#[path = "row_tests.rs"]
pub(super) mod tests;
