//! What the values in a heartbeat say: states, the status, times. Durations are read in [`super::durations`].
//!
//! Invariant: a value is never read as better than the worst mark or word in it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::words::Use;
use super::{API, DATABASE, REDIS, State, Status, message, remarks, words};
use crate::dates;

/// As [`str::trim`], quick where there is nothing to trim.
pub(super) fn trim(text: &str) -> &str {
    let solid = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if solid(text.as_bytes().first()) && solid(text.as_bytes().last()) { text } else { text.trim() }
}

/// Cuts `text` at its first `**`. It is called for every line of every heartbeat, and `str::split_once` prepares a search
/// that takes longer than these few bytes.
pub(super) fn cut_at_bold(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let at = memchr::memchr_iter(b'*', bytes).find(|at| bytes.get(at + 1) == Some(&b'*'))?;
    Some((text.get(..at)?, text.get(at + 2..)?))
}

/// Whether `text` starts with `word`, which is ASCII, in any case.
pub(super) fn fold_starts(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn mark(c: char) -> Option<State> {
    match c {
        '✅' | '✔' | '✓' | '☑' | '🟢' | '👍' => Some(State::Ok),
        '⚠' | '🟡' | '🟠' | '❗' => Some(State::Warn),
        '❌' | '✗' | '✘' | '✖' | '🔴' | '🛑' | '🚨' | '⛔' | '💥' => Some(State::Error),
        '❓' | '❔' | '⚪' | '☐' | '⏸' | '⏳' => Some(State::Unknown),
        _ => None,
    }
}

/// Takes the leading mark off, with its variation selectors and spaces.
pub(super) fn unmark(value: &str) -> (Option<State>, &str) {
    let mut rest = value.trim();
    let mut state = None;
    while let Some(c) = rest.chars().next() {
        let found = mark(c);
        if found.is_none() && !matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{200d}') && !c.is_whitespace() {
            break;
        }
        // two marks: the worse one stands
        state = state.max(found);
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    (state, rest)
}

/// As [`unmark`], at both ends.
pub(super) fn unmarked(text: &str) -> (Option<State>, &str) {
    if text.is_ascii() {
        return (None, text);
    }
    let (before, rest) = unmark(text);
    let is_around = |c: char| c.is_whitespace() || matches!(c, '\u{fe0e}' | '\u{fe0f}') || mark(c).is_some();
    let bare = rest.trim_end_matches(is_around);
    (before.max(worst_mark(rest.get(bare.len()..).unwrap_or_default())), bare)
}

/// The worst mark anywhere in a value.
pub(super) fn worst_mark(value: &str) -> Option<State> {
    if value.is_ascii() { None } else { value.chars().filter_map(mark).max() }
}

/// The state of a check with that mark and message: that of the worst mark in both. A tick is not believed against words
/// that say otherwise; any other mark stands, whatever follows.
pub(super) fn state_of(mark: Option<State>, message: &str) -> State {
    // what a program that ended well has printed is its own affair, marks and all
    if mark == Some(State::Ok) && (is_good(message) || message.starts_with(ENDED_WELL)) {
        return State::Ok;
    }
    match mark.max(worst_mark(message)) {
        Some(State::Ok) if words::is_silence(message) => State::Unknown,
        Some(State::Ok) => remarks::behind_tick(message).unwrap_or(State::Ok),
        Some(state) => state,
        None => state_of_words(message),
    }
}

/// How the message of a `command` check begins.
const ENDED_WELL: &str = "exit status 0";

/// Whether `text` is what the field's tools write of a check that is well.
fn is_good(text: &str) -> bool {
    use message::{AGENT_OK, API_OK, DATABASE_OK, REDIS_OK};
    [REDIS_OK, DATABASE_OK, API_OK, AGENT_OK].contains(&text)
}

fn says_down(text: &str) -> bool {
    use message::{AGENT_DOWN, API_DOWN, DATABASE_MISSING, REDIS_DOWN};
    [REDIS_DOWN, DATABASE_MISSING, API_DOWN, AGENT_DOWN].iter().any(|down| fold_starts(text, down))
}

/// Whether `text` starts with what the field's tools write of a check.
pub(super) fn says_field_words(text: &str) -> bool {
    use message::{AGENT_OK, API_OK, DATABASE_OK, REDIS_OK};
    says_down(text) || [REDIS_OK, DATABASE_OK, API_OK, AGENT_OK].iter().any(|ok| fold_starts(text, ok))
}

/// The component that the field's tools write this of, where the words alone tell it.
pub(super) fn of_field_words(text: &str) -> Option<&'static str> {
    use message::{API_DOWN, API_OK, DATABASE_MISSING, DATABASE_OK, REDIS_DOWN, REDIS_OK};
    let of = [(REDIS, [REDIS_OK, REDIS_DOWN]), (DATABASE, [DATABASE_OK, DATABASE_MISSING]), (API, [API_OK, API_DOWN])];
    of.into_iter().find(|(_, said)| said.iter().any(|words| fold_starts(text, words))).map(|(component, _)| component)
}

/// For lines without any mark. What begins with a word for good or for a warning, and nothing else in that part, states it as
/// a tick or a warning sign would, and what follows explains: `OK (12.4 MB)`, `WARNING (connection refused)`.
pub(super) fn state_of_words(text: &str) -> State {
    // `Redis not responding (config restored from backup)`: whatever follows
    if says_down(text) {
        return State::Error;
    }
    let text = words::start(text);
    if says_warning(text) {
        return State::Warn;
    }
    let end = text.find(['(', ',', ';', '–', '—', '·', '|']).or_else(|| text.find(" - ")).unwrap_or(text.len());
    let (first, rest) = (text.get(..end).unwrap_or_default(), text.get(end..).unwrap_or_default());
    let is_ok = says_ok(first);
    match words::worst(text) {
        // `loaded (not running)`
        Some(_) if is_ok && rest.starts_with('(') => remarks::behind_word(rest).max(State::Unknown),
        Some(state) => state,
        None if is_ok => remarks::behind_word(rest),
        None => State::Unknown,
    }
}

/// `WARNING`, `Warning: …`, `degraded (…)`.
fn says_warning(text: &str) -> bool {
    let first = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let rest = text.get(first.len()..).unwrap_or_default().trim_start();
    (fold_starts(first, "warn") || fold_starts(first, "degraded"))
        && !rest.starts_with(char::is_alphanumeric)
        && words::begins_with(text) == Some(State::Warn)
}

/// Good is only what says that it is and nothing else.
fn says_ok(text: &str) -> bool {
    const PHRASES: [&str; 5] = ["no errors", "no issues", "no problems", "no failures", "all good"];
    use message::{AGENT_OK, API_OK, DATABASE_OK, REDIS_OK};
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '!' | '*' | '_')).to_lowercase();
    words::works(&text, Use::Check)
        || PHRASES.contains(&text.as_str())
        || [REDIS_OK, DATABASE_OK, API_OK, AGENT_OK].iter().any(|ok| text == ok.to_lowercase())
}

/// The status that a line states: the worse one of what its marks and its words say. Words for a failure count beside a
/// tick, without a mark, and where the value begins with one (`DOWN`); `⚠️ WARNINGS - API down` states warnings.
pub(super) fn status_of(value: &str) -> Option<Status> {
    let mark = worst_mark(value);
    if mark == Some(State::Error) {
        return Some(Status::Critical);
    }
    let value = words::start(value);
    let clauses = words::clauses(value);
    let is_well = clauses.first().is_some_and(remarks::says_well);
    let trouble = if is_well { remarks::behind_tick(value) } else { words::worst(value) };
    let failed = trouble == Some(State::Error) && {
        let stated = said_status(value);
        words::begins_with_failure(value)
            || matches!(mark, None | Some(State::Ok)) && !matches!(stated, Some(Status::Warnings))
    };
    let warned = trouble == Some(State::Warn) && matches!(mark, None | Some(State::Ok));
    let from_words = match () {
        () if failed => Some(Status::Critical),
        () if warned => Some(Status::Warnings),
        () => None,
    };
    let said = said_status(value).max(from_words);
    match mark {
        Some(State::Warn) => said.max(Some(Status::Warnings)),
        // a question mark before `HEALTHY` asks
        Some(State::Unknown) => said.filter(|said| *said != Status::Healthy),
        // a tick before nothing says nothing
        Some(State::Ok) if words::is_silence(unmark(value).1) => None,
        Some(State::Ok) => said.or(Some(Status::Healthy)),
        None if said.is_none() && trouble.is_none() && says_good(value) => Some(Status::Healthy),
        Some(State::Error) | None => said,
    }
}

/// Whether a status without a mark says in other words than the field's that all is well: `OK`, `all good`, `OK (5/5)`.
fn says_good(value: &str) -> bool {
    const PHRASES: [&str; 7] =
        ["all passed", "all up", "all good", "all ok", "all green", "all systems go", "all systems ok"];
    let (main, rest) = value.split_once('(').unwrap_or((value, ""));
    let main = main.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '!' | '*' | '_')).to_lowercase();
    (words::works(&main, Use::Status) || PHRASES.contains(&main.as_str())) && !remarks::is_doubt(rest)
}

/// The worst status that the words state, where `NOT HEALTHY` is critical, `PARTIALLY HEALTHY` a warning, and `no critical
/// issues` or `0 warnings` say nothing.
fn said_status(value: &str) -> Option<Status> {
    const CLAUSE_ENDS: [char; 11] = [',', ';', '.', '(', ')', '|', '–', '—', '/', '!', '·'];
    const NOT: [&str; 10] = ["not", "no", "non", "never", "none", "nothing", "neither", "nor", "hardly", "cannot"];
    const PARTLY: [&str; 8] = ["partially", "partly", "partial", "mostly", "nearly", "almost", "somewhat", "un"];
    const NONE_OF: [&str; 5] = ["no", "not", "non", "0", "zero"];
    let mut worst = None;
    for clause in value.split(CLAUSE_ENDS).flat_map(|clause| clause.split(" - ")) {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '?');
        let words: Vec<String> =
            clause.split(|c| !is_word(c)).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        for (i, word) in words.iter().enumerate() {
            let before = words.get(..i).unwrap_or_default();
            let none_before = before.last().is_some_and(|word| NONE_OF.contains(&word.as_str()) || word == "without");
            let none_after = words.get(i + 1).is_some_and(|word| matches!(word.as_str(), "0" | "none"));
            let said = match word.as_str() {
                word if word.starts_with("unhealthy") || word.starts_with("inoperational") => Status::Critical,
                _ if none_before && !matches!(word.as_str(), "healthy" | "operational") || none_after => continue,
                word if word.starts_with("critical") => Status::Critical,
                word if word.starts_with("warn") || word.starts_with("degraded") => Status::Warnings,
                "healthy" | "operational" => {
                    let any = |list: &[&str]| before.iter().any(|word| list.contains(&word.as_str()));
                    let denied = before.iter().any(|word| word.ends_with("n't") || word.ends_with("n’t"));
                    match () {
                        () if any(&NOT) || denied => Status::Critical,
                        () if any(&PARTLY) => Status::Warnings,
                        () => Status::Healthy,
                    }
                }
                _ => continue,
            };
            worst = worst.max(Some(said));
        }
    }
    worst
}

/// RFC 3339, or a date and time as people write them; without a zone it is UTC, as in the field's reports.
pub(super) fn time(value: &str) -> Option<Timestamp> {
    let value = undecorated(value);
    value.parse::<Timestamp>().ok().or_else(|| stated(value)?.at(&TimeZone::UTC))
}

/// Whether a time says of which zone it is.
pub(super) fn names_zone(value: &str) -> bool {
    let value = undecorated(value);
    value.parse::<Timestamp>().is_ok() || stated(value).is_none_or(|stated| stated.zone.is_some())
}

/// A date and time; none where words follow that may name a zone which isn't known.
fn stated(value: &str) -> Option<dates::Stated<'_>> {
    let stated = dates::read(value).filter(|stated| stated.time.is_some())?;
    let unknown =
        stated.zone.is_none() && stated.rest.trim_start().starts_with(|c: char| c.is_alphanumeric() || c == '[');
    (!unknown).then_some(stated)
}

fn undecorated(value: &str) -> &str {
    let plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    if plain(value.as_bytes().first()) && plain(value.as_bytes().last()) {
        return value;
    }
    value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '`' | '*' | '"'))
}
