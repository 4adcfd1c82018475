//! What an author adds behind a complete criterion to say how it is looked at, or why, or what was there before:
//! `File size ≤ 5 MB — measured with ls -l`, `≤ 5 MB (checked by wo verify)`, `0 (was 19968)`.
//!
//! What must hold: only what opens with such a word and has neither a number, a comparison nor a word that restricts is
//! set apart; of what was there before, one value. All else stays in the criterion: it may narrow what must hold.

use super::{lexer, measure, setting};

/// How it is looked at; a tool or a place is named behind it. `tested on macOS` and `reported in the log` narrow.
const MEANS: [&str; 9] =
    ["measured", "checked", "verified", "confirmed", "tested", "validated", "determined", "reported", "shown"];

const BY: [&str; 6] = ["with", "by", "via", "using", "from", "through"];

/// Why it is asked for.
const REASONS: [&str; 4] = ["because ", "so that ", "in order to ", "as otherwise "];

/// What was there before, or is now, while the order is written: one value follows.
const BEFORE: [&str; 7] = ["was ", "were ", "is currently ", "currently ", "previously ", "before: ", "instead of "];

const DASHES: [&str; 5] = [" — ", " – ", " -- ", " - ", "; "];

/// The statement and its explanation, as written; `None` where all of the text says what must hold.
pub(crate) fn apart(raw: &str) -> Option<(&str, &str)> {
    let text = raw.trim_end().trim_end_matches(['.', '。']);
    in_brackets(text)
        .or_else(|| behind_dash(text))
        .filter(|(_, explanation)| is_explanation(explanation))
        .or_else(|| replacing(text))
        .filter(|(statement, _)| statement.chars().any(char::is_alphanumeric))
}

/// `0 instead of 19968`, `0, was 19968`; `0, not 19968` beside an equality.
fn replacing(text: &str) -> Option<(&str, &str)> {
    let (statement, rest) = match text.rfind(" instead of ") {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?),
        None => text.rsplit_once(", ")?,
    };
    let is_exact = || !statement.contains(|c: char| "<>≤≥=≠±~".contains(c)) && lexer::comparator(statement).is_none();
    let is_other = |other: &str| other.chars().all(|c| c.is_ascii_digit()) && is_exact();
    let is_apart = is_of_before(rest) || rest.strip_prefix("not ").is_some_and(is_other);
    is_apart.then_some((statement.trim_end(), rest))
}

fn is_of_before(text: &str) -> bool {
    let lower = text.to_lowercase();
    BEFORE.iter().find_map(|lead| lower.strip_prefix(lead)).is_some_and(is_value)
}

/// One value: a word, `19968`, `6.2 MB`, `3 rows`.
fn is_value(text: &str) -> bool {
    let text = text.trim().trim_matches('`');
    let is_word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
    let measured =
        |(number, rest)| measure::measure(number, rest).is_ok_and(|measured| measured.rest.trim().is_empty());
    match lexer::number(text) {
        Some(number) => text.split(' ').count() <= 2 && measured(number),
        None => is_word(text),
    }
}

fn in_brackets(text: &str) -> Option<(&str, &str)> {
    let (statement, inner) = text.strip_suffix(')')?.rsplit_once('(')?;
    Some((statement.trim_end(), inner.trim()))
}

fn behind_dash(text: &str) -> Option<(&str, &str)> {
    DASHES.iter().find_map(|dash| {
        let parts = text.match_indices(dash).map(|(at, _)| (text.get(..at), text.get(at + dash.len()..)));
        parts
            .filter_map(|(statement, rest)| Some((statement?.trim_end(), rest?.trim())))
            .find(|(_, rest)| opens(rest) || is_of_before(rest))
    })
}

fn opens(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = lower.strip_prefix("as ").unwrap_or(&lower).split(' ');
    let is_means = MEANS.contains(&words.next().unwrap_or_default()) && BY.contains(&words.next().unwrap_or_default());
    let leads = ["according to ", "see ", "per `", "via `"];
    is_means || leads.iter().chain(&REASONS).any(|lead| lower.starts_with(lead))
}

fn is_explanation(text: &str) -> bool {
    is_of_before(text) || (opens(text) && setting::is_aside(&without_code(text)))
}

/// Whether a text that stands by itself is nothing but such words.
pub(crate) fn is_one(text: &str) -> bool {
    let text = text.trim().trim_end_matches(['.', '。']);
    is_explanation(text.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(text))
}

/// The text without its code spans: a command may hold numbers.
fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_is_set_apart_and_what_narrows_is_not() {
        for (raw, expect) in [
            ("File size ≤ 5 MB — measured with ls -l", Some(("File size ≤ 5 MB", "measured with ls -l"))),
            ("**File size ≤ 5 MB** — measured with `ls -l`.", Some(("**File size ≤ 5 MB**", "measured with `ls -l`"))),
            ("File size ≤ 5 MB (per `ls -l x1`)", Some(("File size ≤ 5 MB", "per `ls -l x1`"))),
            ("≤ 5 MB (as reported by wo verify)", Some(("≤ 5 MB", "as reported by wo verify"))),
            ("Compression: Snappy - verified via DuckDB", Some(("Compression: Snappy", "verified via DuckDB"))),
            ("Size ≤ 5 MB; see the report", Some(("Size ≤ 5 MB", "see the report"))),
            ("Size ≤ 5 MB, because the disk is small", None),
            ("Size ≤ 5 MB — because the disk is small", Some(("Size ≤ 5 MB", "because the disk is small"))),
            ("0 (was 19968)", Some(("0", "was 19968"))),
            ("0 (currently 19968)", Some(("0", "currently 19968"))),
            ("≥ 2 (was 0)", Some(("≥ 2", "was 0"))),
            ("OK (was NOAUTH)", Some(("OK", "was NOAUTH"))),
            ("≤ 5 MB — was 6.2 MB", Some(("≤ 5 MB", "was 6.2 MB"))),
            ("≤ 5 MB (before: 6.2 MB)", Some(("≤ 5 MB", "before: 6.2 MB"))),
            ("0 instead of 19968", Some(("0", "instead of 19968"))),
            ("0, not 19968", Some(("0", "not 19968"))),
            ("Exit code 0, was `19968`", Some(("Exit code 0", "was `19968`"))),
            // more than one value, a floor that is no floor, a time of day
            ("Validation < 2 s (was 5 s under load)", None),
            ("≥ 2, not 3", None),
            ("OK (not degraded)", None),
            ("Runs daily (before 09:00)", None),
            ("Runs in DuckDB instead of SQLite on macOS", None),
            ("Validation < 2 s (currently under load)", None),
            ("Validation < 2 s (measured at p95)", None),
            ("Validation < 2 s (measured over 30 days)", None),
            ("Validation < 2 s — measured under load", None),
            ("Validation < 2 s — verified twice", None),
            ("Validation < 2 s — cold cache", None),
            ("Validation < 2 s (for large files)", None),
            ("— measured with ls", None),
            ("Verified by launchctl", None),
            ("All tests pass (tested on macOS)", None),
            ("0 errors (reported in the log)", None),
        ] {
            assert_eq!(apart(raw), expect, "{raw}");
        }
    }
}
