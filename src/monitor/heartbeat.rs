//! The heartbeat report: one monitor cycle as Markdown, read and written.
//!
//! The shape is that of the field's files (`# OPS-Atomic Monitor Heartbeat`, see [`render`]); tools that exist read its
//! lines, so [`render`] keeps them and adds nested bullets below each check. [`parse`] is liberal: whatever is there is
//! taken, whatever is missing is `None`, and what the text says is kept even where it contradicts itself.
//!
//! Invariant: nothing here panics on any text, and silence about a check is never read as a state.

use compact_str::CompactString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text;

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

const TITLE: &str = "# OPS-Atomic Monitor Heartbeat";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatError {
    #[error("the report is empty")]
    Empty,
    #[error("not a heartbeat: neither its title nor any of its lines is there")]
    NotAHeartbeat,
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

    /// What the states of checks amount to: any error is critical, any warning or unknown a warning.
    pub fn of(checks: &[CheckResult]) -> Status {
        match checks.iter().map(|check| check.state).max() {
            Some(State::Error) => Status::Critical,
            Some(State::Warn | State::Unknown) => Status::Warnings,
            Some(State::Ok) | None => Status::Healthy,
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

/// Reads a heartbeat from the file of that name. A time that names no zone is UTC, unless the name, which is UTC, says
/// that it is the local time of a zone: then it is moved there.
pub fn parse_file(file_name: &str, text: &str) -> Result<Heartbeat, HeartbeatError> {
    let mut heartbeat = parse(text)?;
    if let (Some(at), Some(named)) = (heartbeat.timestamp, name_time(file_name))
        && let Some(offset) = offset_between(at, named)
        && !names_zone(text)
    {
        heartbeat.timestamp = at.checked_sub(offset).ok();
    }
    Ok(heartbeat)
}

/// Whether the report's Timestamp line says which zone its time is of.
fn names_zone(text: &str) -> bool {
    let stamps = |line: &str| field(line.trim()).is_some_and(|(label, _)| label.eq_ignore_ascii_case("timestamp"));
    let value = lines(text).find(|line| stamps(line)).and_then(|line| field(line.trim()));
    value.is_some_and(|(_, value)| civil(value).is_none())
}

/// The offset of a zone by which `at` is ahead of `named`, which is the same moment: a multiple of a quarter of an hour.
fn offset_between(at: Timestamp, named: Timestamp) -> Option<jiff::SignedDuration> {
    const QUARTER_MS: i64 = 15 * 60 * 1_000;
    // between the start of a cycle and the name of its report
    const SLACK_MS: i64 = 60 * 1_000;
    let apart = at.as_millisecond() - named.as_millisecond();
    let offset = (apart + QUARTER_MS / 2).div_euclid(QUARTER_MS) * QUARTER_MS;
    let is_offset = offset != 0 && offset.abs() <= 14 * 3_600_000 && (apart - offset).abs() <= SLACK_MS;
    is_offset.then(|| jiff::SignedDuration::from_millis(offset))
}

/// Reads a heartbeat. Errors only when there is nothing of a heartbeat in `text`.
pub fn parse(text: &str) -> Result<Heartbeat, HeartbeatError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(HeartbeatError::Empty);
    }
    let mut heartbeat = Heartbeat::default();
    let mut recognized = false;
    let mut section: Option<&str> = None;
    let mut from_summary = None;
    for line in lines(text) {
        let indented = line.starts_with([' ', '\t']);
        let line = trim(line);
        if line.is_empty() {
            continue;
        }
        if let Some(heading) = heading(line) {
            recognized = recognized || contains_folded(heading, "heartbeat");
            // the title opens the header, every other heading a section
            section = (!line.starts_with("# ")).then_some(heading);
            continue;
        }
        let in_summary = section.is_some_and(|name| name.eq_ignore_ascii_case("summary"));
        match (field(line), section) {
            (Some((label, value)), None) => recognized |= take_header(&mut heartbeat, label, value),
            (Some((label, value)), Some(_)) if label.eq_ignore_ascii_case("next check") => {
                heartbeat.next_check = Some(value.to_owned());
            }
            (Some((label, value)), Some(name)) if !in_summary => {
                if indented && take_detail(&mut heartbeat, name, label, value) {
                    continue;
                }
                if line.starts_with(['-', '*']) && cut_at_bold(line).is_some() {
                    heartbeat.checks.push(check(name, label, value));
                    recognized = true;
                }
            }
            // where the header has said it, the summary is not asked
            (None, Some(_)) if in_summary && heartbeat.status.or(from_summary).is_none() => {
                from_summary = status_of(line);
            }
            _ => {}
        }
    }
    heartbeat.status = heartbeat.status.or(from_summary);
    if recognized { Ok(heartbeat) } else { Err(HeartbeatError::NotAHeartbeat) }
}

/// Lines that end in LF, CR or both; between the two of CRLF lies an empty one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr2_iter(b'\n', b'\r', text.as_bytes());
    let mut start = 0;
    ends.chain(std::iter::once(text.len())).map(move |end| {
        let line = text.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    })
}

/// The text of `## 🧠 Heading`, without decoration.
fn heading(line: &str) -> Option<&str> {
    if !line.starts_with('#') {
        return None;
    }
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    if level > 6 || !rest.starts_with([' ', '\t']) {
        return None;
    }
    Some(rest.trim_start_matches(|c: char| !c.is_alphanumeric()).trim_end_matches([' ', '\t', '#', ':', '*']))
}

/// Whether `word`, which is ASCII, occurs in `text` in any case.
fn contains_folded(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let starts = |window: &[u8]| window.first().map(u8::to_ascii_lowercase) == word.first().map(u8::to_ascii_lowercase);
    text.windows(word.len()).any(|window| starts(window) && window.eq_ignore_ascii_case(word))
}

/// As [`str::trim`], quick where there is nothing to trim.
fn trim(text: &str) -> &str {
    let solid = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if solid(text.as_bytes().first()) && solid(text.as_bytes().last()) { text } else { text.trim() }
}

/// Cuts `text` at its first `**`. It is called for every line of every heartbeat, and `str::split_once` prepares a search
/// that takes longer than these few bytes.
fn cut_at_bold(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let at = memchr::memchr_iter(b'*', bytes).find(|at| bytes.get(at + 1) == Some(&b'*'))?;
    Some((text.get(..at)?, text.get(at + 2..)?))
}

/// `**Label:** value`, `**Label**: value`, `- **Label:** value`, `Label: value`.
fn field(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix(['-', '*', '+']).filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(line);
    let line = trim(line);
    let (label, value) = match line.strip_prefix("**") {
        Some(bold) => {
            let (label, value) = cut_at_bold(bold)?;
            match trim(label).strip_suffix([':', '：']) {
                Some(label) => (label, value),
                None => (label, value.trim_start().strip_prefix([':', '：'])?),
            }
        }
        None => line.split_once([':', '：'])?,
    };
    let label = trim(label);
    (!label.is_empty()).then(|| (label, trim(value)))
}

fn take_header(heartbeat: &mut Heartbeat, label: &str, value: &str) -> bool {
    if label.eq_ignore_ascii_case("timestamp") {
        heartbeat.timestamp = heartbeat.timestamp.or_else(|| time(value));
    } else if label.eq_ignore_ascii_case("status") {
        heartbeat.status = heartbeat.status.or_else(|| status_of(value));
    } else if label.eq_ignore_ascii_case("duration") {
        heartbeat.duration_ms =
            heartbeat.duration_ms.or_else(|| milliseconds(value).map(|ms| ms.round().clamp(0.0, 9e15) as u64));
    } else {
        return false;
    }
    true
}

/// A nested bullet below a check, as [`render`] writes it.
fn take_detail(heartbeat: &mut Heartbeat, section: &str, label: &str, value: &str) -> bool {
    let Some(check) = heartbeat.checks.last_mut().filter(|check| check.component == component(section)) else {
        return false;
    };
    if label.eq_ignore_ascii_case("detail") {
        check.detail = Some(value.to_owned());
    } else if label.eq_ignore_ascii_case("latency") {
        check.latency_ms = milliseconds(value);
    } else if label.eq_ignore_ascii_case("consecutive failures") {
        check.consecutive_failures = value.parse().ok();
    } else if label.eq_ignore_ascii_case("since") {
        check.since = time(value);
    } else {
        return false;
    }
    true
}

/// The four sections of the field under one spelling, any other as written.
fn component(section: &str) -> &str {
    let starts = |word: &str| section.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    match section {
        _ if section.eq_ignore_ascii_case(REDIS) => REDIS,
        _ if section.eq_ignore_ascii_case(DATABASE) => DATABASE,
        _ if section.eq_ignore_ascii_case("api") || starts("api endpoint") => API,
        _ if starts("launchagent") || starts("launch agent") => AGENTS,
        _ => section,
    }
}

fn check(section: &str, label: &str, value: &str) -> CheckResult {
    let component = component(section);
    let generic = label.eq_ignore_ascii_case("status");
    let name = match component {
        REDIS if generic => "redis".into(),
        DATABASE if generic => "database".into(),
        API if generic || label.eq_ignore_ascii_case("api health") => "api".into(),
        _ if generic => slug(section).into(),
        _ => label.into(),
    };
    let (marked, message) = unmark(value);
    let state = match marked {
        // a tick that stands before the field's own words for a failure
        Some(State::Ok) if says_down(message) => State::Error,
        Some(state) => state,
        None => state_of_words(message),
    };
    CheckResult {
        name,
        component: component.into(),
        state,
        message: message.into(),
        detail: None,
        latency_ms: None,
        consecutive_failures: None,
        since: None,
    }
}

/// `Disk space` → `disk_space`.
fn slug(heading: &str) -> String {
    let words: Vec<String> = heading
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase())
        .collect();
    words.join("_")
}

/// Takes the leading mark off, with its variation selectors and spaces.
fn unmark(value: &str) -> (Option<State>, &str) {
    let mut rest = value.trim();
    let mut state = None;
    while let Some(c) = rest.chars().next() {
        let found = match c {
            '✅' | '✔' | '✓' | '☑' | '🟢' | '👍' => Some(State::Ok),
            '⚠' | '🟡' | '🟠' | '❗' => Some(State::Warn),
            '❌' | '✗' | '✘' | '✖' | '🔴' | '🛑' | '🚨' | '⛔' | '💥' => Some(State::Error),
            '❓' | '❔' | '⚪' | '☐' | '⏸' | '⏳' => Some(State::Unknown),
            '\u{fe0e}' | '\u{fe0f}' | '\u{200d}' => None,
            c if c.is_whitespace() => None,
            _ => break,
        };
        // two marks: the worse one stands
        state = state.max(found);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    (state, rest)
}

fn says_down(text: &str) -> bool {
    use message::{AGENT_DOWN, API_DOWN, DATABASE_MISSING, REDIS_DOWN};
    [REDIS_DOWN, DATABASE_MISSING, API_DOWN, AGENT_DOWN].iter().any(|down| text.starts_with(down))
}

/// For lines without any mark.
fn state_of_words(text: &str) -> State {
    use message::{AGENT_OK, API_OK, DATABASE_OK, REDIS_OK};
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["not responding", "not found", "not loaded", "missing", "fail", "error", "critical", "refused", "timeout"])
    {
        State::Error
    } else if has(&["warn", "degraded", "slow"]) {
        State::Warn
    } else if [REDIS_OK, DATABASE_OK, API_OK, AGENT_OK].iter().any(|ok| text == ok.to_lowercase())
        || matches!(text.as_str(), "ok" | "healthy" | "pong" | "up" | "loaded" | "responding")
    {
        State::Ok
    } else {
        State::Unknown
    }
}

fn status_of(value: &str) -> Option<Status> {
    let has = |word: &str| contains_folded(value, word);
    if has("CRITICAL") || has("UNHEALTHY") {
        Some(Status::Critical)
    } else if has("WARN") || has("DEGRADED") {
        Some(Status::Warnings)
    } else if has("HEALTHY") || has("OPERATIONAL") {
        Some(Status::Healthy)
    } else {
        match unmark(value).0? {
            State::Ok => Some(Status::Healthy),
            State::Warn => Some(Status::Warnings),
            State::Error => Some(Status::Critical),
            State::Unknown => None,
        }
    }
}

/// RFC 3339, or a date and time without offset, which is UTC in the field's reports.
fn time(value: &str) -> Option<Timestamp> {
    let value = undecorated(value);
    if let Ok(at) = value.parse::<Timestamp>() {
        return Some(at);
    }
    let bare = ["UTC", "GMT", "Z"].iter().find_map(|zone| value.strip_suffix(zone)).unwrap_or(value).trim_end();
    civil(bare)?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// A date and time that names no zone.
fn civil(value: &str) -> Option<jiff::civil::DateTime> {
    let value = undecorated(value);
    if value.parse::<Timestamp>().is_ok() {
        return None;
    }
    value.parse().ok().filter(|_| value.len() > "YYYY-MM-DD".len())
}

fn undecorated(value: &str) -> &str {
    let plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    if plain(value.as_bytes().first()) && plain(value.as_bytes().last()) {
        return value;
    }
    value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '`' | '*' | '"'))
}

/// `43ms`, `0.41 ms`, `1,234 ms`, `1.2s`, `2 min`.
fn milliseconds(value: &str) -> Option<f64> {
    let value = value.trim().trim_start_matches(['~', '<', '≤', ' ']);
    let end = value.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ',')).unwrap_or(value.len());
    let number: f64 = value.get(..end)?.replace(',', "").parse().ok()?;
    let factor = match value.get(end..)?.split_whitespace().next().unwrap_or("ms") {
        "ms" | "msec" | "milliseconds" => 1.0,
        "s" | "sec" | "seconds" => 1e3,
        "µs" | "μs" | "us" => 1e-3,
        "min" | "m" | "minutes" => 6e4,
        _ => return None,
    };
    Some(number * factor).filter(|ms| ms.is_finite())
}

/// The report for `heartbeat`: the field's lines, with details as nested bullets below each check.
pub fn render(heartbeat: &Heartbeat) -> String {
    let mut out = String::with_capacity(1024);
    out.push_str(TITLE);
    out.push_str("\n\n");
    if let Some(at) = heartbeat.timestamp {
        out.push_str(&format!("**Timestamp:** {}\n", at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")));
    }
    if let Some(status) = heartbeat.status {
        let (mark, word) = match status {
            Status::Healthy => (State::Ok.mark(), "HEALTHY"),
            Status::Warnings => (State::Warn.mark(), "WARNINGS"),
            Status::Critical => (State::Error.mark(), "CRITICAL"),
        };
        out.push_str(&format!("**Status:** {mark}{word}\n"));
    }
    if let Some(ms) = heartbeat.duration_ms {
        out.push_str(&format!("**Duration:** {ms}ms\n"));
    }
    out.push_str("\n---\n\n## Health Checks\n");
    for component in components(&heartbeat.checks) {
        out.push_str(&format!("\n### {}\n", text::line(component, 100)));
        for check in heartbeat.checks.iter().filter(|check| check.component == component) {
            render_check(check, &mut out);
        }
    }
    out.push_str("\n---\n\n## Summary\n\n");
    out.push_str(match heartbeat.status {
        Some(Status::Healthy) => "🟢 **ALL SYSTEMS HEALTHY** - No action required\n",
        Some(Status::Warnings) => "🟡 **WARNINGS DETECTED** - Review recommended\n",
        Some(Status::Critical) => "🔴 **CRITICAL ISSUES DETECTED** - Immediate attention required\n",
        None => "❓ **STATUS UNKNOWN** - Nothing was measured\n",
    });
    if let Some(next) = &heartbeat.next_check {
        out.push_str(&format!("\n**Next Check:** {}\n", text::line(next, 100)));
    }
    out.push_str("\n---\n\n*OPS-Atomic Monitor · Workbridge*\n");
    out
}

/// The field's sections first and in its order, then the others as they come.
fn components(checks: &[CheckResult]) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    let there = |name: &str| checks.iter().any(|check| check.component == name);
    order.extend([REDIS, DATABASE, API, AGENTS].into_iter().filter(|name| there(name)));
    for check in checks {
        if !order.contains(&check.component.as_str()) {
            order.push(&check.component);
        }
    }
    order
}

fn render_check(check: &CheckResult, out: &mut String) {
    let label = match (check.component.as_str(), check.name.as_str()) {
        (REDIS, "redis") | (DATABASE, "database") => "Status".to_owned(),
        (API, "api") => "API Health".to_owned(),
        (_, name) => text::line(name, 200),
    };
    out.push_str(&format!("- **{label}:** {}{}\n", check.state.mark(), text::line(&check.message, 400)));
    if let Some(detail) = &check.detail {
        out.push_str(&format!("  - Detail: {}\n", text::line(detail, 400)));
    }
    if let Some(ms) = check.latency_ms {
        out.push_str(&format!("  - Latency: {ms} ms\n"));
    }
    if let Some(n) = check.consecutive_failures {
        out.push_str(&format!("  - Consecutive failures: {n}\n"));
    }
    if let Some(since) = check.since {
        out.push_str(&format!("  - Since: {since}\n"));
    }
}

#[cfg(test)]
#[path = "heartbeat_tests.rs"]
mod tests;
