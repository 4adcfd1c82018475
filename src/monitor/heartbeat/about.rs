//! Which component a heading or a label is about, and what a line says of it.
//!
//! Invariant: a line that says something of one of the field's four components, in a section of checks or of that component,
//! is never passed over, in whatever form it stands.

use super::values::{
    cut_at_bold, fold_starts, of_field_words, says_field_words, state_of, state_of_words, trim, unmark, unmarked,
    worst_mark,
};
use super::{AGENTS, API, CheckResult, DATABASE, REDIS, State, named, remarks, service_name, words};

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
    let (main, rest) = main_part(heading);
    named(main).or_else(|| if says_nothing_known(main) { named(rest) } else { None })
}

/// What stands before a dash or a bracket, and the rest.
fn main_part(text: &str) -> (&str, &str) {
    match text.find(['(', '–', '—', ':', '/', '[', '|']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default()),
        None => text.split_once(" - ").unwrap_or((text, "")),
    }
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

/// The mark beside the label of a [`field`].
pub(super) fn label_mark(line: &str) -> Option<State> {
    if line.is_ascii() { None } else { parted(line)?.0 }
}

/// `**Label:** value`, `**Label**: value`, `- **Label:** value`, `Label: value`, `**Label** – ❌ value`, also with the label in
/// backticks, and with a [`label_mark`]: `❌ **Label:** value`, `**❌ Label:** value`, `❌ Redis: value`.
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    parted(line).map(|(_, label, value)| (label, value))
}

fn parted(line: &str) -> Option<(Option<State>, &str, &str)> {
    let item = item(line);
    let (before, rest) = unmark(item);
    let (mark, label, value) = match rest.strip_prefix("**") {
        Some(bold) => {
            let (label, value) = cut_at_bold(bold)?;
            let (label, value) = match trim(label).strip_suffix([':', '：']) {
                Some(label) => (label, value),
                None => {
                    let value = value.trim_start();
                    let marked = || Some(value).filter(|value| unmark(value).0.is_some());
                    (label, value.strip_prefix([':', '：', '–', '—', '-']).or_else(marked)?)
                }
            };
            let (beside, label) = unmarked(label);
            (before.max(beside), label, value)
        }
        None => {
            let (label, value) = item.split_once([':', '：'])?;
            // before other words it is the mark of the whole line
            match unmarked(label) {
                (mark, bare) if mark.is_some() && (known(bare).is_some() || is_generic(bare)) => (mark, bare, value),
                _ => (None, label, value),
            }
        }
    };
    let label = trim(label).trim_matches('`');
    (!label.is_empty()).then(|| (mark, label, trim(value)))
}

/// What a line in `section` says of a check, if it says anything. `- **Label:** value` anywhere; below one of the field's
/// components also `Status: …`, a bare `❌ …` and the field's own words ([`plain_failure`] has the rest); in a section of checks
/// also `Redis: ❌ …`, `❌ Redis` and the row of a table. `mark` is that of the heading, which stands for what has none of its own.
pub(super) fn check(
    section: &str,
    line: &str,
    field: Option<(&str, &str)>,
    mark: Option<State>,
) -> Option<CheckResult> {
    if line.starts_with('|') {
        return row(section, line);
    }
    let led = label_mark(line);
    let marks = Marks { heading: mark, led };
    let says_something = |value: &str| led.is_some() || says_something(value);
    let is_item = line.starts_with(['-', '*', '+']) && !line.starts_with("**");
    if let Some((label, value)) = field
        && line.starts_with(['-', '*', '+'])
        && cut_at_bold(line).is_some()
        // `**Redis:** 127.0.0.1:6379` is no bullet
        && (is_item || known(section).is_some() || known(label).is_none() || is_service(label) || says_something(value))
    {
        return labelled(section, label, value, marks);
    }
    if let Some((label, value)) = field
        && is_of_checks(section)
        && subject(label, value).is_some()
        && says_something(value)
    {
        return labelled(section, label, value, marks);
    }
    if is_of_checks(section) {
        return marked_name(line);
    }
    let component = known(section)?;
    if let Some((label, value)) = field
        && unmark(label).0.is_none()
        && (is_generic(label) || worst_mark(value).is_some() || component == AGENTS && is_service(label))
    {
        return labelled(section, label, value, marks);
    }
    if component == AGENTS
        && let Some(check) = named::item(section, line)
    {
        return Some(check);
    }
    let bare = item(line).trim_matches(['*', '_']);
    let (own, words) = unmark(bare);
    let agent = agent(words).filter(|_| component == AGENTS);
    let says = || agent.is_some_and(|(_, rest)| state_of_words(rest) != State::Unknown);
    if own.or(worst_mark(words)).is_none() && !says_field_words(words) && !says() {
        return None;
    }
    let name = agent.map_or_else(|| own_name(component, section), |(name, _)| name.to_owned());
    Some(seen(&name, component, own.max(mark).max(led), agent.map_or(words, |(_, rest)| rest)))
}

/// A line without a mark, in the section of a component, which plainly says that it fails, and whether it is a check of its own:
/// an item whose label is what is checked, `- Ping: failed`. Else it is what a program has printed. Other items are notes:
/// `- Last error: NOAUTH`, `- Timeout: 5s`.
pub(super) fn plain_failure(section: &str, line: &str, field: Option<(&str, &str)>) -> Option<(CheckResult, bool)> {
    let component = known(section).filter(|component| *component != AGENTS)?;
    if line.starts_with(['|', '>']) || worst_mark(line).is_some() {
        return None;
    }
    let is_error = |label: &str| label.eq_ignore_ascii_case("error");
    let is_empty = |value: &str| words::is_silence(value) || !value.contains(char::is_alphanumeric);
    match field {
        // `- **Error:**` of one that has nothing to say
        Some((label, value)) if is_error(label) && is_empty(value) => None,
        Some((label, value)) if line.starts_with(['-', '*', '+']) && !is_error(label) => {
            (remarks::is_vital(label) && remarks::fails(value)).then(|| {
                let name = if known(label).is_some() { own_name(component, section) } else { label.to_owned() };
                (seen(&name, component, Some(State::Error), value), true)
            })
        }
        _ => remarks::fails(line).then(|| {
            let words = item(line).trim_matches(['*', '_']);
            (seen(&own_name(component, section), component, Some(State::Error), words), false)
        }),
    }
}

/// The marks of a line beside those in its value.
#[derive(Clone, Copy)]
struct Marks {
    heading: Option<State>,
    /// Beside the label.
    led: Option<State>,
}

const EXPLAINS: [char; 6] = [':', '*', '_', '–', '—', '-'];

/// The label of a service that a text begins with, and what is said of it.
fn agent(words: &str) -> Option<(&str, &str)> {
    let first = words.split([':', ' ']).next().filter(|first| first.contains('.'))?;
    let rest = words.get(first.len()..)?;
    Some((
        first.trim_matches(['`', '*']),
        rest.trim_start_matches(|c: char| c.is_whitespace() || EXPLAINS.contains(&c)),
    ))
}

/// `❌ Redis`, `Redis ❌`, `❌ com.02luka.optimizer (exit 78)`, `✅ Redis responding`: a mark, and the name of what it is about.
fn marked_name(line: &str) -> Option<CheckResult> {
    let mark = worst_mark(line)?;
    let is_around = |c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`');
    let mut words = item(line);
    // `**❌ Redis**`, `**Redis** ❌`
    loop {
        let inner = unmarked(words).1.trim_matches(is_around);
        if inner.len() == words.len() {
            break;
        }
        words = inner;
    }
    if let Some((name, rest)) = agent(words).filter(|(name, _)| is_service(name)) {
        return Some(seen(name, AGENTS, Some(mark), rest));
    }
    if let Some(component) = of_field_words(words) {
        return Some(seen(&own_name(component, ""), component, Some(mark), words));
    }
    let component = known(words)?;
    let rest = words.get(main_part(words).0.len()..).unwrap_or_default();
    let message = rest.trim_start_matches(|c: char| c.is_whitespace() || EXPLAINS.contains(&c));
    Some(seen(&own_name(component, ""), component, Some(mark), message))
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

/// Whether a label is that of one service: `com.02luka.digest`, `LaunchAgent digest`; not `LaunchAgents`, `LaunchAgent status`.
fn names_agent(label: &str) -> bool {
    is_service(label) || known(label).is_none() || is_wrapped(label)
}

/// `LaunchAgent digest`, `com.02luka.digest.plist`.
pub(super) fn is_wrapped(label: &str) -> bool {
    let name = service_name(label);
    name.len() < label.len() && named::is_name(name, 1)
}

/// Labels that speak of the section as a whole; the last one is `status` in Thai.
pub(super) fn is_generic(label: &str) -> bool {
    ["status", "state", "health", "api health", "result", "สถานะ"].iter().any(|word| label.eq_ignore_ascii_case(word))
}

/// `| Redis | ❌ Redis not responding | NOAUTH |`, wherever in the row the name stands.
fn row(section: &str, line: &str) -> Option<CheckResult> {
    let cells = cells(line);
    let about = known(section);
    if about.is_none() && !is_of_checks(section) {
        return None;
    }
    let value = |at: usize| cells.get(at + 1).copied().unwrap_or_default();
    let mut filled = cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
    let (at, component) = filled.find_map(|(at, cell)| {
        let label = unmark(cell).1;
        let generic = || about.filter(|_| is_generic(label));
        subject(label, value(at)).or_else(generic).map(|component| (at, component))
    })?;
    let label = unmark(cells.get(at)?).1;
    let (mark, state, message) = said_in_row(&cells, at)?;
    let name = match component {
        AGENTS if names_agent(label) => label.to_owned(),
        _ => own_name(component, section),
    };
    Some(CheckResult { state, ..seen(&name, component, mark, &message) })
}

/// The cells of a row, without what decorates them.
pub(super) fn cells(line: &str) -> Vec<&str> {
    line.split('|').map(|cell| cell.trim_matches([' ', '\t', '*', '_', '`'])).collect()
}

/// What a row says of the check whose name stands in the cell `at`: its mark, the state, the message.
pub(super) fn said_in_row(cells: &[&str], at: usize) -> Option<(Option<State>, State, String)> {
    let is_word = |cell: &&&str| cell.chars().any(char::is_alphanumeric) || worst_mark(cell).is_some();
    let said: Vec<&str> = cells.iter().skip(at + 1).filter(is_word).copied().collect();
    let mark = cells.iter().filter_map(|cell| worst_mark(cell)).max();
    let words: Vec<&str> = said.iter().map(|cell| unmark(cell).1).filter(|words| !words.is_empty()).collect();
    let message = words.join(": ");
    // without a mark, one cell says how it is and the others explain
    let state = match mark {
        Some(mark) => state_of(Some(mark), &message),
        None => said.iter().map(|cell| state_of_words(cell)).filter(|state| *state != State::Unknown).max()?,
    };
    Some((mark, state, message))
}

/// `None` for a note beside the checks: `- **Size:** 12.4 MB`, `- **Last error:** NOAUTH (2025-10-20)`.
fn labelled(section: &str, label: &str, value: &str, marks: Marks) -> Option<CheckResult> {
    let (mark, message) = unmark(value);
    let own = mark.max(marks.led);
    let mark = own.max(marks.heading);
    // `## Health Checks` with `- **Redis:** …` below it
    if is_of_checks(section)
        && let Some(component) = subject(label, value)
    {
        return Some(match component {
            AGENTS if names_agent(label) => seen(label, component, mark, message),
            _ => seen(&own_name(component, section), component, mark, message),
        });
    }
    let component = component(section);
    let of_whole = matches!(component, REDIS | DATABASE | API);
    let is_of_all = if of_whole { is_generic(label) } else { label.eq_ignore_ascii_case("status") };
    if is_of_all {
        return Some(seen(&own_name(component, section), component, mark, message));
    }
    if of_whole && known(label).is_none() && own.or(worst_mark(message)).is_none() {
        // the items of the endpoints are endpoints
        return (component == API && says_something(message)).then(|| seen(label, component, None, message));
    }
    Some(seen(label, component, mark, message))
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

pub(super) fn seen(name: &str, component: &str, mark: Option<State>, message: &str) -> CheckResult {
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
