//! Checks by whatever name: what stands first in the row of a table, or what an item is labelled with.
//!
//! Invariant: in a section of checks, or of a component, a name with a mark beside it is not passed over. Prose, notes and what
//! only is a verdict (`❌ Not loaded`, `✅ | healthy`) name nothing.

use super::about::{self, is_generic, is_of_checks, known};
use super::values::{state_of_words, time, unmark, unmarked, worst_mark};
use super::words::{self, Use};
use super::{AGENTS, CheckResult, State, is_aside};

/// What a line in `section` says of a check that is none of the field's: `| Disk | ❌ 98% full |`, `- ❌ digest: not loaded`.
pub(super) fn check(section: &str, line: &str) -> Option<CheckResult> {
    let component = known(section);
    if component.is_none() && !is_of_checks(section) {
        return None;
    }
    match component {
        _ if line.starts_with('|') => row(section, line),
        None | Some(AGENTS) => item(section, line),
        // what has a mark there is read as a part of the component
        Some(_) => None,
    }
}

/// Whether this is the line below the head of a table.
pub(super) fn is_table_rule(line: &str) -> bool {
    line.starts_with('|') && line.contains('-') && line.bytes().all(|byte| matches!(byte, b'|' | b'-' | b':' | b' '))
}

/// The first worded cell is the name, where another one has a mark or is a verdict.
fn row(section: &str, line: &str) -> Option<CheckResult> {
    let cells = about::cells(line);
    let bare = |cell: &str| unmarked(cell).1.trim_matches(['*', '_', '`', ' ', ':']).to_owned();
    let (at, name) = cells.iter().map(|cell| bare(cell)).enumerate().find(|(_, cell)| is_worded(cell))?;
    let others = cells.get(at + 1..).unwrap_or_default();
    let is_told = cells.iter().any(|cell| worst_mark(cell).is_some()) || others.iter().any(|cell| is_verdict(cell));
    if !is_told || !is_name(&name, LABEL_WORDS) {
        return None;
    }
    let (mark, state, message) = about::said_in_row(&cells, at)?;
    Some(CheckResult { state, ..about::seen(&name, about::component(section), mark, &message) })
}

/// Words that a label has at most, before a colon; before anything else, and with nothing behind it, prose is nearer.
const LABEL_WORDS: usize = 5;
const EXPLAINED_WORDS: usize = 2;

/// `- ❌ digest: not loaded`, `- Disk: ❌ 98% full`, `1. **Disk** – ❌ 98% full`, `❌ Disk (98% full)`, `- ❌ Disk`,
/// `- ❌ digest not loaded`. Below the services a mark is not needed: `- digest: not loaded`.
pub(super) fn item(section: &str, line: &str) -> Option<CheckResult> {
    if line.starts_with(['|', '>', '#']) {
        return None;
    }
    let is_item = about::item(line).len() < line.len();
    let text = about::item(line).replace("**", "");
    let (led, words) = unmark(&text);
    let (name, rest, words_max) = parted(words);
    let name = name.trim_matches(['`', '_', ' ']);
    let (beside, message) = unmark(rest);
    let own = led.max(beside);
    let is_beside = own.is_some() || unmarked(rest).0.is_some() || is_item && worst_mark(rest).is_some();
    // `not loaded`, `LaunchAgent not loaded (78)`; a sentence that has the words is advice or a note
    let said = || super::service_name(message.split(['(', ',', ';']).next().unwrap_or(message));
    let is_told =
        || is_of_agents(section) && is_item && state_of_words(message) != State::Unknown && is_verdict(said());
    let is_free = known(name).is_none() || about::is_wrapped(name);
    let is_named = is_name(name, words_max) && is_free && !rest.starts_with("//");
    (is_named && (is_beside || is_told())).then(|| about::seen(name, about::component(section), own, message))
}

fn is_of_agents(section: &str) -> bool {
    known(section) == Some(AGENTS)
}

/// The name that a text begins with, what is said of it, and how many words may be taken for a name that ends so.
fn parted(words: &str) -> (&str, &str, usize) {
    let is_sign = |c: char| matches!(c, ':' | '：' | '(' | '[' | '–' | '—');
    let ends = |c: char| is_sign(c) || worst_mark(c.encode_utf8(&mut [0; 4])).is_some();
    let dash = words.find(" - ").map(|at| at + 1);
    let Some(at) = words.find(ends).into_iter().chain(dash).min() else {
        // `digest not loaded`
        return match words.split_once(' ').filter(|(_, rest)| is_verdict(rest)) {
            Some((name, rest)) => (name, rest, 1),
            None => (words, "", 1),
        };
    };
    let (name, rest) = (words.get(..at).unwrap_or_default(), words.get(at..).unwrap_or_default());
    let words_max = if rest.starts_with([':', '：']) { LABEL_WORDS } else { EXPLAINED_WORDS };
    (name, rest.trim_start_matches([':', '：', '–', '—', '-', ' ']), words_max)
}

/// Whether a text may be the name of a check: neither a verdict, nor a count or a time, nor what the report says of itself.
pub(super) fn is_name(text: &str, words_max: usize) -> bool {
    let of_report = ["overall", "overall status", "overall health", "total", "timestamp", "duration", "next check"];
    is_worded(text)
        && text.split_whitespace().count() <= words_max
        && !of_report.iter().any(|label| text.eq_ignore_ascii_case(label))
        && !is_generic(text)
        && !is_aside(text)
        && !is_verdict(text)
}

fn is_worded(text: &str) -> bool {
    text.split_whitespace().next().is_some_and(|first| first.contains(char::is_alphabetic)) && time(text).is_none()
}

/// Whether a text says in what state something is, and nothing else: `loaded`, `❌ not loaded`, `all good`; not `Slow queries`.
fn is_verdict(text: &str) -> bool {
    let text = text.to_lowercase();
    let mut words =
        text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’'))).filter(|word| !word.is_empty());
    let is_state = |word: &str| {
        [Use::Check, Use::Status, Use::Well].into_iter().any(|taken_as| words::works(word, taken_as))
            || words::begins_with(word).is_some()
            || words::denies(word)
    };
    let is_denial = words.clone().next().is_some_and(words::denies);
    let said = state_of_words(unmark(&text).1);
    words.clone().next().is_some() && words.all(is_state)
        || words::is_silence(&text)
        || said == State::Ok
        || is_denial && said != State::Unknown
}
