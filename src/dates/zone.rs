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
        (None, Some(first)) if is_zone(first) || says_time(&words) => Later::Unknown,
        _ => Later::Nothing,
    }
}

/// `local time`, `our time`; that of a city begins with the name of one.
fn says_time(words: &[&str]) -> bool {
    words.first().is_some_and(|word| word.eq_ignore_ascii_case("local"))
}

/// Whether a word that follows a time is the name of a zone: `EDT`, `ict`, `Mars/Olympus`, `Bangkok`; not `DONE`, `CLC`.
fn is_zone(word: &str) -> bool {
    const SHORT: [&str; 48] = [
        "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt", "akst", "akdt", "hst", "ast", "adt", "nst", "ndt",
        "brt", "art", "clt", "pet", "wet", "west", "bst", "cet", "cest", "eet", "eest", "msk", "trt", "sast", "eat",
        "wat", "gst", "irst", "pkt", "ist", "npt", "mmt", "ict", "wib", "wita", "sgt", "hkt", "pht", "jst", "kst",
        "aest", "aedt", "nzst",
    ];
    const MORE: [&str; 8] = ["nzdt", "awst", "acst", "acdt", "myt", "uzt", "cat", "lt"];
    const AREAS: [&str; 7] = ["Asia", "Europe", "America", "Australia", "Africa", "Pacific", "Atlantic"];
    // in small letters these are words
    const WORDS: [&str; 9] = ["art", "pet", "wet", "west", "eat", "cat", "lt", "wat", "ast"];
    let is_large = word.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_small = word.bytes().all(|byte| byte.is_ascii_lowercase()) && !WORDS.contains(&word);
    let is_short = (is_large || is_small) && SHORT.iter().chain(&MORE).any(|known| word.eq_ignore_ascii_case(known));
    let begins_large = word.starts_with(|c: char| c.is_ascii_uppercase());
    let is_city = || AREAS.iter().any(|area| TimeZone::get(&format!("{area}/{word}")).is_ok());
    is_short || begins_large && (is_area_and_city(word) || is_city())
}

/// `Mars/Olympus`, `America/Argentina/Salta`; not `GG/CLC`.
fn is_area_and_city(word: &str) -> bool {
    let is_name = |part: &str| {
        let mut chars = part.chars();
        let is_large = chars.next().is_some_and(|c| c.is_ascii_uppercase());
        is_large && chars.next().is_some_and(|c| c.is_ascii_lowercase())
    };
    word.contains('/') && word.split('/').all(is_name)
}
