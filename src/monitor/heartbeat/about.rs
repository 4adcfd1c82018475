//! Which component a heading or a label is about, and what a line says of it.
//!
//! Invariant: a line that says something of one of the field's four components, in a section of checks or of that component,
//! is never passed over, in whatever form it stands.

use super::values::{cut_at_bold, fold_starts, says_field_words, state_of, state_of_words, trim, unmark, worst_mark};
use super::{AGENTS, API, CheckResult, DATABASE, REDIS, State};

/// The four components of the field under one spelling, any other section as written.
pub(super) fn component(section: &str) -> &str {
    known(section).unwrap_or(section)
}

/// The field's component that a heading or a label is about: `Database`, `SQLite Database`, `Redis Server Status`, `1. Redis`,
/// `เรดิส (Redis)`; not `Database backups`.
pub(super) fn known(heading: &str) -> Option<&'static str> {
    // what most reports have
    if let Some(known) = [REDIS, DATABASE, API, AGENTS].into_iter().find(|known| *known == heading) {
        return Some(known);
    }
    let heading = unnumbered(heading);
    if is_service(heading) || fold_starts(heading, "launchagent") || fold_starts(heading, "launch agent") {
        return Some(AGENTS);
    }
    if fold_starts(heading, "api endpoint") {
        return Some(API);
    }
    // what follows a dash or stands in brackets explains, unless there is nothing else to go by
    let (main, rest) = match heading.find(['(', '–', '—', ':', '/', '[', '|']) {
        Some(at) => (heading.get(..at).unwrap_or_default(), heading.get(at..).unwrap_or_default()),
        None => heading.split_once(" - ").unwrap_or((heading, "")),
    };
    named(main).or_else(|| if says_nothing_known(main) { named(rest) } else { None })
}

/// Whether this is the label of a service, such as `com.02luka.optimizer`.
fn is_service(text: &str) -> bool {
    let mut parts = text.split('.');
    let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    parts.next().is_some_and(|first| !first.is_empty() && first.chars().all(char::is_alphabetic))
        && text.matches('.').count() >= 2
        && parts.all(is_word)
}

/// The component whose name is among the words, when no other word says that it is about something else.
fn named(text: &str) -> Option<&'static str> {
    const OF_THE_SAME: [&str; 29] = [
        "status",
        "check",
        "checks",
        "health",
        "connection",
        "connections",
        "connectivity",
        "file",
        "server",
        "service",
        "cache",
        "endpoint",
        "endpoints",
        "instance",
        "availability",
        "ping",
        "response",
        "test",
        "state",
        "sqlite",
        "the",
        "main",
        "local",
        "primary",
        "http",
        "rest",
        "store",
        "healthz",
        "db",
    ];
    let mut found = None;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        match () {
            () if is(REDIS) && matches!(found, None | Some(REDIS)) => found = Some(REDIS),
            () if is(DATABASE) && matches!(found, None | Some(DATABASE)) => found = Some(DATABASE),
            () if is("api") && matches!(found, None | Some(API)) => found = Some(API),
            // words of another script can't be judged, and stand beside the name that explains them
            () if !word.is_ascii() || OF_THE_SAME.iter().any(|other| is(other)) => {}
            () => return None,
        }
    }
    found
}

fn says_nothing_known(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).all(|word| word.is_empty() || !word.is_ascii())
}

/// `3.1) Redis` → `Redis`.
pub(super) fn unnumbered(heading: &str) -> &str {
    if !heading.starts_with(|c: char| c.is_ascii_digit()) {
        return heading;
    }
    let rest = heading.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let rest = rest.strip_prefix(')').unwrap_or(rest);
    if rest.starts_with([' ', '\t']) { rest.trim_start() } else { heading }
}

/// The mark that ends a heading, and the heading without it: `Redis ❌`.
pub(super) fn cut_end_mark(heading: &str) -> (&str, Option<State>) {
    let is_solid = heading.as_bytes().last().is_none_or(u8::is_ascii_graphic);
    if is_solid {
        return (heading, None);
    }
    let name = heading.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, '\u{fe0e}' | '\u{fe0f}') || worst_mark(c.encode_utf8(&mut [0; 4])).is_some()
    });
    let mark = worst_mark(heading.get(name.len()..).unwrap_or_default());
    (name.trim_end_matches(['*', ':', ' ', '-', '–', '—', '`']), mark)
}

/// Whether lines in `section` speak of several components.
pub(super) fn is_of_checks(section: &str) -> bool {
    const WORDS: [&str; 12] = [
        "check",
        "checks",
        "component",
        "components",
        "service",
        "services",
        "system",
        "systems",
        "status",
        "health",
        "results",
        "monitor",
    ];
    // …and those that speak of another time, or of what would be
    const OTHERS: [&str; 16] = [
        "legend",
        "threshold",
        "thresholds",
        "previous",
        "past",
        "last",
        "history",
        "uptime",
        "rules",
        "troubleshooting",
        "example",
        "examples",
        "recommendations",
        "configuration",
        "config",
        "versions",
    ];
    let words = || section.split(|c: char| !c.is_alphanumeric());
    let any = |list: &[&str]| words().any(|word| list.iter().any(|other| word.eq_ignore_ascii_case(other)));
    known(section).is_none() && any(&WORDS) && !any(&OTHERS)
}

/// A line without its bullet or number.
pub(super) fn item(line: &str) -> &str {
    let item = line.strip_prefix(['-', '*', '+']).filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(line);
    unnumbered(trim(item))
}

/// The mark before a bold label: `- ❌ **Redis:** 127.0.0.1:6379`; and what follows it.
pub(super) fn leading_mark(line: &str) -> (Option<State>, &str) {
    let item = item(line);
    match unmark(item) {
        (mark, rest) if mark.is_some() && rest.starts_with("**") => (mark, rest),
        _ => (None, item),
    }
}

/// `**Label:** value`, `**Label**: value`, `- **Label:** value`, `Label: value`, `**Label** – ❌ value`, also with the label in
/// backticks, and behind a [`leading_mark`].
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    let line = leading_mark(line).1;
    let (label, value) = match line.strip_prefix("**") {
        Some(bold) => {
            let (label, value) = cut_at_bold(bold)?;
            match trim(label).strip_suffix([':', '：']) {
                Some(label) => (label, value),
                None => {
                    let value = value.trim_start();
                    let marked = || Some(value).filter(|value| unmark(value).0.is_some());
                    (label, value.strip_prefix([':', '：', '–', '—', '-']).or_else(marked)?)
                }
            }
        }
        None => line.split_once([':', '：'])?,
    };
    let label = trim(label).trim_matches('`');
    (!label.is_empty()).then(|| (label, trim(value)))
}

/// What a line in `section` says of a check, if it says anything. `- **Label:** value` anywhere; below one of the field's
/// components also `Status: …`, a bare `❌ …` and the field's own words; in a section of checks also `Redis: ❌ …` and the
/// row of a table. `mark` is that of the heading, which stands for what has none of its own.
pub(super) fn check(
    section: &str,
    line: &str,
    field: Option<(&str, &str)>,
    mark: Option<State>,
) -> Option<CheckResult> {
    if line.starts_with('|') {
        return row(section, line);
    }
    let led = leading_mark(line).0;
    let mark = mark.max(led);
    let says_something = |value: &str| led.is_some() || says_something(value);
    if let Some((label, value)) = field
        && line.starts_with(['-', '*', '+'])
        && cut_at_bold(line).is_some()
        // `**Redis:** 127.0.0.1:6379` is no bullet
        && !(line.starts_with("**") && known(section).is_none() && known(label).is_some() && !is_service(label) && !says_something(value))
    {
        return Some(labelled(section, label, value, mark));
    }
    if let Some((label, value)) = field
        && is_of_checks(section)
        && subject(label, value).is_some()
        && says_something(value)
    {
        return Some(labelled(section, label, value, mark));
    }
    known(section)?;
    if let Some((label, value)) = field
        && unmark(label).0.is_none()
        && (is_generic(label) || worst_mark(value).is_some())
    {
        return Some(labelled(section, label, value, mark));
    }
    let line = item(line).trim_matches(['*', '_']);
    let (own, words) = unmark(line);
    if own.or(worst_mark(words)).is_none() && !says_field_words(words) {
        return None;
    }
    let component = component(section);
    let agent = words.split([':', ' ']).next().filter(|name| component == AGENTS && name.contains('.'));
    let explains = |c: char| c.is_whitespace() || matches!(c, ':' | '*' | '_' | '–' | '—' | '-');
    let message = agent.and_then(|name| words.get(name.len()..)).map(|rest| rest.trim_start_matches(explains));
    let name = agent.map_or_else(|| own_name(component, section), |name| name.trim_matches(['`', '*']).to_owned());
    Some(seen(&name, component, own.max(mark), message.unwrap_or(words)))
}

/// The check that a heading speaks of when nothing below it does: `### Redis ❌`.
pub(super) fn of_heading(section: &str, mark: Option<State>) -> Option<CheckResult> {
    let component = known(section)?;
    mark.map(|mark| seen(&own_name(component, section), component, Some(mark), ""))
}

/// Whether a value says in what state something is, by a mark or by words.
fn says_something(value: &str) -> bool {
    worst_mark(value).is_some() || state_of_words(value) != State::Unknown
}

/// The component that a label in a section of checks is about.
fn subject(label: &str, value: &str) -> Option<&'static str> {
    known(label).or_else(|| fold_starts(unmark(value).1, "launchagent ").then_some(AGENTS))
}

/// Labels that speak of the section as a whole; the last one is `status` in Thai.
fn is_generic(label: &str) -> bool {
    ["status", "state", "health", "api health", "result", "สถานะ"].iter().any(|word| label.eq_ignore_ascii_case(word))
}

/// `| Redis | ❌ Redis not responding | NOAUTH |`, wherever in the row the name stands.
fn row(section: &str, line: &str) -> Option<CheckResult> {
    let cells: Vec<&str> = line.split('|').map(|cell| cell.trim_matches([' ', '\t', '*', '_', '`'])).collect();
    let about = known(section);
    if about.is_none() && !is_of_checks(section) {
        return None;
    }
    let value = |at: usize| cells.get(at + 1).copied().unwrap_or_default();
    let (at, component) = cells.iter().enumerate().find_map(|(at, cell)| {
        let label = unmark(cell).1;
        let generic = || about.filter(|_| is_generic(label));
        subject(label, value(at)).or_else(generic).map(|component| (at, component))
    })?;
    let label = unmark(cells.get(at)?).1;
    let is_word = |cell: &&&str| cell.chars().any(char::is_alphanumeric) || worst_mark(cell).is_some();
    let said: Vec<&str> = cells.iter().skip(at + 1).filter(is_word).copied().collect();
    let mark = cells.iter().filter_map(|cell| worst_mark(cell)).max();
    let words: Vec<&str> = said.iter().map(|cell| unmark(cell).1).filter(|words| !words.is_empty()).collect();
    let message = words.join(": ");
    if mark.is_none() && said.iter().all(|cell| state_of_words(cell) == State::Unknown) {
        return None;
    }
    // without a mark, one cell says how it is and the others explain
    let state = match mark {
        Some(mark) => state_of(Some(mark), &message),
        None => said.iter().map(|cell| state_of_words(cell)).filter(|state| *state != State::Unknown).max()?,
    };
    let name = match component {
        AGENTS if is_service(label) || known(label).is_none() => label.to_owned(),
        _ => own_name(component, section),
    };
    Some(CheckResult { state, ..seen(&name, component, mark, &message) })
}

fn labelled(section: &str, label: &str, value: &str, heading: Option<State>) -> CheckResult {
    let (mark, message) = unmark(value);
    let mark = mark.max(heading);
    // `## Health Checks` with `- **Redis:** …` below it
    if is_of_checks(section)
        && let Some(component) = subject(label, value)
    {
        return match component {
            AGENTS if is_service(label) || known(label).is_none() => seen(label, component, mark, message),
            _ => seen(&own_name(component, section), component, mark, message),
        };
    }
    let component = component(section);
    let generic = match component {
        REDIS | DATABASE | API => is_generic(label),
        _ => label.eq_ignore_ascii_case("status"),
    };
    if generic {
        return seen(&own_name(component, section), component, mark, message);
    }
    let check = seen(label, component, mark, message);
    // a side note: `- **Last error:** NOAUTH (2025-10-20)`, `- **WAL:** not present`
    let is_note = matches!(component, REDIS | DATABASE) && known(label).is_none();
    if is_note && mark.or(worst_mark(message)).is_none() {
        return CheckResult { state: State::Unknown, ..check };
    }
    check
}

/// The name of the check that a section is about as a whole.
fn own_name(component: &str, section: &str) -> String {
    match component {
        REDIS => "redis".to_owned(),
        DATABASE => "database".to_owned(),
        API => "api".to_owned(),
        _ if is_service(section) => section.to_owned(),
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
