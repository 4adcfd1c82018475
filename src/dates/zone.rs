//! The zone of a time: what is named, and what says that there is one which isn't known.

use jiff::tz::{Offset, TimeZone};

use super::digits;

/// `Z`, `UTC`, `UTC+7`, `+07:00`, `+0700`, `+07`, `[Asia/Bangkok]`, `Asia/Bangkok`; an offset stands before a name.
pub(super) fn zone(text: &str) -> Option<(TimeZone, &str)> {
    let text = text.trim_start();
    let text = text.strip_prefix('(').unwrap_or(text);
    let (offset, rest) = match ["UTC", "GMT", "Z", "z"].iter().find_map(|zone| text.strip_prefix(zone)) {
        Some(rest) if rest.starts_with(char::is_alphanumeric) => return None,
        Some(rest) => offset(rest).unwrap_or((Offset::UTC, rest)),
        None => match offset(text) {
            Some(offset) => offset,
            None => return named_zone(text),
        },
    };
    Some((TimeZone::fixed(offset), rest))
}

/// `+07:00`, `+0700`, `+07`, `+7`, within what is in use anywhere.
fn offset(text: &str) -> Option<(Offset, &str)> {
    const QUARTER_S: i32 = 15 * 60;
    let sign = if text.starts_with('+') { 1 } else { -1 };
    let rest = text.strip_prefix(['+', '-', '−'])?;
    let (hours, rest) = digits(rest, 2).or_else(|| digits(rest, 1))?;
    let (minutes, rest) = digits(rest.strip_prefix(':').unwrap_or(rest), 2).unwrap_or((0, rest));
    let seconds = sign * (hours as i32 * 3_600 + minutes as i32 * 60);
    let is_real = (-12 * 3_600..=14 * 3_600).contains(&seconds) && seconds % QUARTER_S == 0 && minutes < 60;
    if !is_real {
        return None;
    }
    Some((Offset::from_seconds(seconds).ok()?, rest))
}

fn named_zone(text: &str) -> Option<(TimeZone, &str)> {
    let (name, rest) = match text.strip_prefix('[') {
        Some(text) => text.split_once(']')?,
        None => text.split_at(text.find(|c: char| c.is_whitespace() || c == ')').unwrap_or(text.len())),
    };
    // abbreviations such as EST are names of the time zone database, but not what people mean by them all year
    name.contains('/').then(|| TimeZone::get(name).ok())?.map(|zone| (zone, rest))
}

/// What the words after a time say of its zone.
pub(super) enum Later {
    Named(TimeZone),
    /// There is one, and which isn't known: `ICT`, `Bangkok time`.
    Unknown,
    Nothing,
}

/// Of a time that no zone follows at once.
pub(super) fn later(rest: &str) -> Later {
    const WORDS: usize = 8;
    // of a table, only the cell
    let rest = rest.split('|').next().unwrap_or_default();
    let words: Vec<&str> = rest
        .split_whitespace()
        .map(|word| word.trim_matches(['(', ')', ',', ';', '[', ']', '.']))
        .filter(|word| !word.is_empty())
        .take(WORDS)
        .collect();
    let explicit = words.iter().find_map(|word| {
        let is_offset = word.starts_with(['+', '-', '−']);
        let bare = is_offset && word.chars().filter(char::is_ascii_digit).count() < 4;
        zone(word).filter(|(_, rest)| rest.is_empty() && !bare).map(|(zone, _)| zone)
    });
    match (explicit, words.first()) {
        (Some(zone), _) => Later::Named(zone),
        (None, Some(first)) if is_zone(first) || says_time(&words) || rest.trim_start().starts_with('[') => {
            Later::Unknown
        }
        _ => Later::Nothing,
    }
}

/// `Bangkok time`, `local`.
fn says_time(words: &[&str]) -> bool {
    words.iter().take(3).any(|word| word.eq_ignore_ascii_case("time") || word.eq_ignore_ascii_case("local"))
}

/// Whether a word that follows a time looks like the name of a zone: `EDT`, `ict`, `Mars/Olympus`, `Bangkok`.
fn is_zone(word: &str) -> bool {
    const SMALL: [&str; 20] = [
        "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "ict", "ist", "jst", "kst", "bst", "cet", "cest",
        "eet", "msk", "wib", "sgt", "hkt",
    ];
    const AREAS: [&str; 7] = ["Asia", "Europe", "America", "Australia", "Africa", "Pacific", "Atlantic"];
    let is_short = (2..=5).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let begins_large = word.starts_with(|c: char| c.is_ascii_uppercase());
    let is_city = || AREAS.iter().any(|area| TimeZone::get(&format!("{area}/{word}")).is_ok());
    is_short || SMALL.contains(&word) || begins_large && (word.contains('/') || is_city())
}
