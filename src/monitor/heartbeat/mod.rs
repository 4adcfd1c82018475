//! The heartbeat report: one monitor cycle as Markdown; read in [`parse`](mod@parse), [`header`], [`about`],
//! [`named`], [`values`], [`words`], [`remarks`] and [`durations`], written in [`render`](mod@render).
//!
//! The shape is that of the field's files (`# OPS-Atomic Monitor Heartbeat`, see [`render`]); tools that exist read its
//! lines, so [`render`] keeps them and adds nested bullets below each check. [`parse`] is liberal: whatever is there is
//! taken, whatever is missing is `None`, and what the text says is kept even where it contradicts itself.
//!
//! Invariant: nothing here panics on any text, and silence about a check is never read as a state.

use compact_str::CompactString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

mod about;
mod durations;
mod header;
mod named;
mod parse;
mod remarks;
mod render;
mod values;
mod words;

pub use parse::{offset_between, parse, parse_file};
pub use render::render;

/// One monitor cycle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// `None`: the report has no time that can be read; its file name may have one ([`name_time`]).
    pub timestamp: Option<Timestamp>,
    /// As stated, even when the checks say otherwise.
    pub status: Option<Status>,
    pub duration_ms: Option<u64>,
    pub checks: Vec<CheckResult>,
    /// When the next one is due, in words: `5 minutes from now`.
    pub next_check: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Healthy,
    Warnings,
    Critical,
}

/// What one check saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// `redis`, `database`, `api`, the label of a service (`com.02luka.optimizer`), or the configured name.
    pub name: CompactString,
    /// The section it stands in: [`REDIS`], [`DATABASE`], [`API`], [`AGENTS`], or any other.
    pub component: CompactString,
    pub state: State,
    /// Without the mark; one line.
    pub message: CompactString,
    /// What was seen beyond the field's own line.
    #[serde(default)]
    pub detail: Option<String>,
    /// Milliseconds.
    pub latency_ms: Option<f64>,
    /// Bad cycles up to and with this one; `0` when it is good.
    pub consecutive_failures: Option<u64>,
    /// Since when it has been in this state.
    pub since: Option<Timestamp>,
}

/// Ordered from good to bad; `Unknown` is neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    Unknown,
    Warn,
    Error,
}

/// The sections that the field's heartbeats have.
pub const REDIS: &str = "Redis";
pub const DATABASE: &str = "Database";
pub const API: &str = "API Endpoints";
pub const AGENTS: &str = "LaunchAgents";

/// The messages that the field's tools look for.
pub mod message {
    pub const REDIS_OK: &str = "Redis responding";
    /// A reason follows after `: `.
    pub const REDIS_DOWN: &str = "Redis not responding";
    pub const DATABASE_OK: &str = "Database file exists";
    pub const DATABASE_MISSING: &str = "Database file not found";
    pub const API_OK: &str = "Endpoint responding";
    pub const API_DOWN: &str = "Endpoint not responding";
    pub const AGENT_OK: &str = "LaunchAgent loaded";
    pub const AGENT_DOWN: &str = "LaunchAgent not loaded";
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatError {
    #[error("the report is empty")]
    Empty,
    #[error("not a heartbeat: neither its title nor any of its lines is there")]
    NotAHeartbeat,
    /// Which line is of which can't be told for sure.
    #[error("holds {0} heartbeats, each with its own time")]
    Several(usize),
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Healthy => "healthy",
            Status::Warnings => "warnings",
            Status::Critical => "critical",
        }
    }

    pub fn from_word(word: &str) -> Option<Status> {
        [Status::Healthy, Status::Warnings, Status::Critical].into_iter().find(|status| status.as_str() == word)
    }

    /// What the states of checks amount to: any error is critical, any warning or unknown a warning, and so is no check.
    pub fn of(checks: &[CheckResult]) -> Status {
        match checks.iter().map(|check| check.state).max() {
            Some(State::Error) => Status::Critical,
            Some(State::Warn | State::Unknown) | None => Status::Warnings,
            Some(State::Ok) => Status::Healthy,
        }
    }
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Error => "error",
            State::Unknown => "unknown",
        }
    }

    pub fn from_word(word: &str) -> Option<State> {
        [State::Ok, State::Warn, State::Error, State::Unknown].into_iter().find(|state| state.as_str() == word)
    }

    /// With the spaces that follow it in the field: the warning sign has two.
    fn mark(self) -> &'static str {
        match self {
            State::Ok => "✅ ",
            State::Warn => "⚠️  ",
            State::Error => "❌ ",
            State::Unknown => "❓ ",
        }
    }
}

impl CheckResult {
    /// Whether it is one part of its component, as `Auth` is of Redis, and speaks of now. A check that counts its own failures
    /// is another instance.
    pub fn is_part(&self) -> bool {
        self.consecutive_failures.is_none() && !is_aside(&self.name) && !is_off(&self.message)
    }
}

/// The names of a service without what people write around them: `Optimizer LaunchAgent`, `LaunchAgent optimizer`,
/// `com.02luka.optimizer.plist`. Whoever compares it folds its case.
pub fn service_name(name: &str) -> &str {
    const AROUND: [&str; 2] = ["launchagent", "launch agent"];
    let folded = |part: Option<&str>, word: &str| part.is_some_and(|part| part.eq_ignore_ascii_case(word));
    let is_gap = |c: char| c.is_whitespace() || matches!(c, '`' | ':' | '(' | ')');
    let cut_end =
        |name: &str, word: &str| name.len().checked_sub(word.len()).filter(|at| folded(name.get(*at..), word));
    let mut name = name.trim_matches(is_gap);
    for word in AROUND {
        if folded(name.get(..word.len()), word) && name.get(word.len()..).is_some_and(|rest| rest.starts_with(is_gap)) {
            name = name.get(word.len()..).unwrap_or_default().trim_matches(is_gap);
        }
        if let Some(before) =
            cut_end(name, word).and_then(|at| name.get(..at)).filter(|before| before.ends_with(is_gap))
        {
            name = before.trim_matches(is_gap);
        }
    }
    cut_end(name, ".plist").and_then(|at| name.get(..at)).unwrap_or(name)
}

/// Whether a label speaks of an earlier time or of what would be: `Last error`, `Outages (24h)`, `Thresholds`.
fn is_aside(label: &str) -> bool {
    const ASIDE: [&str; 22] = [
        "last",
        "previous",
        "prior",
        "past",
        "former",
        "earlier",
        "recent",
        "yesterday",
        "history",
        "trend",
        "since",
        "before",
        "outage",
        "outages",
        "24h",
        "7d",
        "threshold",
        "thresholds",
        "limits",
        "note",
        "notes",
        "legend",
    ];
    let mut words = label.split(|c: char| !c.is_alphanumeric());
    words.any(|word| ASIDE.iter().any(|aside| word.eq_ignore_ascii_case(aside)))
}

/// Whether a message says of something that it is not used, which is a setting and no failure: `TLS: ❌ off`. `Connected: ❌ no` is
/// a failure.
fn is_off(message: &str) -> bool {
    const OFF: [&str; 6] = ["off", "disabled", "not configured", "not enabled", "not used", "not in use"];
    let said = message.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let end = said.find(['(', ',', ';', '–', '—']).unwrap_or(said.len());
    OFF.contains(&said.get(..end).unwrap_or_default().trim_end_matches(['.', ' ']))
}

impl Heartbeat {
    pub fn check(&self, name: &str) -> Option<&CheckResult> {
        self.checks.iter().find(|check| check.name == name)
    }
}

/// The UTC time in `heartbeat_YYYY-MM-DD_HH-MM-SS….md`; whatever follows the seconds is ignored.
pub fn name_time(file_name: &str) -> Option<Timestamp> {
    let stem = file_name.strip_prefix("heartbeat_")?;
    let stem = stem.get(..19)?;
    let at = jiff::civil::DateTime::strptime("%Y-%m-%d_%H-%M-%S", stem).ok()?;
    at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The name for a heartbeat of that time; `nth` (from 0) tells apart those that share a second.
pub fn file_name(at: Timestamp, nth: u32) -> String {
    let time = at.strftime("%Y-%m-%d_%H-%M-%S");
    if nth == 0 { format!("heartbeat_{time}.md") } else { format!("heartbeat_{time}_{}.md", nth.saturating_add(1)) }
}

#[cfg(test)]
mod forms_tests;
#[cfg(test)]
mod header_tests;
#[cfg(test)]
mod tests;
