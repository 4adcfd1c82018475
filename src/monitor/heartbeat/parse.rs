//! Reads a heartbeat: which line is what. What a value says is read in [`super::values`].
//!
//! Liberal: the field's shape and what people make of it by hand. A line that says something of one of the field's four
//! components is never passed over, in whatever form it stands.

use jiff::Timestamp;

use super::values::{
    cut_at_bold, fold_starts, milliseconds, names_zone, says_field_words, state_of, status_of, time, trim, unmark,
};
use super::{AGENTS, API, CheckResult, DATABASE, Heartbeat, HeartbeatError, REDIS, State, name_time};

/// Reads a heartbeat from the file of that name. A time that names no zone is UTC, unless the name, which is UTC, says
/// that it is the local time of a zone: then it is moved there.
pub fn parse_file(file_name: &str, text: &str) -> Result<Heartbeat, HeartbeatError> {
    let mut heartbeat = parse(text)?;
    if let (Some(at), Some(named)) = (heartbeat.timestamp, name_time(file_name))
        && let Some(offset) = offset_between(at, named)
        && !timestamp_names_zone(text)
    {
        heartbeat.timestamp = at.checked_sub(offset).ok();
    }
    Ok(heartbeat)
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

/// Whether the report's Timestamp line says which zone its time is of.
fn timestamp_names_zone(text: &str) -> bool {
    let stamps = lines(text).filter_map(|line| field(line.trim()));
    stamps.filter(|(label, _)| label.eq_ignore_ascii_case("timestamp")).map(|(_, value)| names_zone(value)).next()
        == Some(true)
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
            // where the header has said it, the summary is not asked
            (_, Some(_)) if in_summary && heartbeat.status.or(from_summary).is_none() => {
                from_summary = status_of(line);
            }
            (_, Some(_)) if in_summary => {}
            (field, Some(name)) => {
                if let Some((label, value)) = field.filter(|_| indented)
                    && take_detail(&mut heartbeat, name, label, value)
                {
                    continue;
                }
                if let Some(check) = check(name, line, field) {
                    heartbeat.checks.push(check);
                    recognized = true;
                }
            }
            (None, None) => {}
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

/// A line without its bullet.
fn item(line: &str) -> &str {
    let item = line.strip_prefix(['-', '*', '+']).filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(line);
    trim(item)
}

/// `**Label:** value`, `**Label**: value`, `- **Label:** value`, `Label: value`.
fn field(line: &str) -> Option<(&str, &str)> {
    let line = item(line);
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

/// The four components of the field under one spelling, any other section as written.
fn component(section: &str) -> &str {
    if let Some(known) = [REDIS, DATABASE].into_iter().find(|known| is_about(section, known)) {
        return known;
    }
    match section {
        _ if section.eq_ignore_ascii_case("api") || fold_starts(section, "api endpoint") => API,
        _ if section.eq_ignore_ascii_case("api health") => API,
        _ if fold_starts(section, "launchagent") || fold_starts(section, "launch agent") => AGENTS,
        _ => section,
    }
}

/// `Database`, `Database (SQLite)`, `Database – prisma.db`, `database status`; not `Database backups`.
fn is_about(section: &str, known: &str) -> bool {
    const OF_THE_SAME: [&str; 6] = ["status", "check", "health", "connection", "file", "server"];
    let Some(rest) = section.get(known.len()..).filter(|_| fold_starts(section, known)).map(str::trim_start) else {
        return false;
    };
    match rest.chars().next() {
        None => true,
        Some(c) if c.is_alphanumeric() => OF_THE_SAME.iter().any(|word| rest.eq_ignore_ascii_case(word)),
        Some(_) => section.as_bytes().get(known.len()).is_some_and(|byte| !byte.is_ascii_alphanumeric()),
    }
}

/// What a line in `section` says of a check, if it says anything: `- **Label:** value` anywhere; below one of the field's
/// components also `Status: …`, a bare `❌ …` and the field's own words.
fn check(section: &str, line: &str, field: Option<(&str, &str)>) -> Option<CheckResult> {
    if let Some((label, value)) = field
        && line.starts_with(['-', '*', '+'])
        && cut_at_bold(line).is_some()
    {
        return Some(labelled(section, label, value));
    }
    let component = component(section);
    if ![REDIS, DATABASE, API, AGENTS].contains(&component) {
        return None;
    }
    if let Some((label, value)) = field
        && unmark(label).0.is_none()
        && (["status", "state", "health", "api health"].iter().any(|word| label.eq_ignore_ascii_case(word))
            || unmark(value).0.is_some())
    {
        return Some(labelled(section, label, value));
    }
    let line = item(line).trim_matches(['*', '_']);
    let (mark, words) = unmark(line);
    if mark.is_none() && !says_field_words(words) {
        return None;
    }
    let agent = words.split([':', ' ']).next().filter(|name| component == AGENTS && name.contains('.'));
    let message =
        agent.and_then(|name| words.get(name.len()..)).map(|rest| rest.trim_start_matches([':', ' ', '*', '_']));
    Some(seen(agent.unwrap_or(own_name(component, section).as_str()), component, mark, message.unwrap_or(words)))
}

fn labelled(section: &str, label: &str, value: &str) -> CheckResult {
    let (mark, message) = unmark(value);
    // `## Health Checks` with `- **Redis:** …` below it
    if fold_starts(section, "health check") {
        let component = component(label);
        if [REDIS, DATABASE, API].contains(&component) {
            return seen(&own_name(component, section), component, mark, message);
        }
    }
    let component = component(section);
    let generic = label.eq_ignore_ascii_case("status") || component == API && label.eq_ignore_ascii_case("api health");
    if generic {
        seen(&own_name(component, section), component, mark, message)
    } else {
        seen(label, component, mark, message)
    }
}

/// The name of the check that a section is about as a whole.
fn own_name(component: &str, section: &str) -> String {
    match component {
        REDIS => "redis".to_owned(),
        DATABASE => "database".to_owned(),
        API => "api".to_owned(),
        _ => slug(section),
    }
}

fn seen(name: &str, component: &str, mark: Option<State>, message: &str) -> CheckResult {
    CheckResult {
        name: name.into(),
        component: component.into(),
        state: state_of(mark, message),
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
