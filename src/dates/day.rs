//! Days in other forms than `2025-10-28`: in words, and as tools and countries write their numbers.
//!
//! Invariant: a form that two readers would take for two days is no day.

use jiff::civil::Date;

use super::{digits, weekday};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Words that are looked at.
const WORDS: usize = 12;

/// `2025-1-5`, `2025年10月28日`, `28.10.2025`, `10/28/2025`, `10/5/2025, 7:13:38 PM`.
pub(super) fn other_numbers(text: &str) -> Option<(Date, &str)> {
    year_first(text).or_else(|| year_last(text))
}

fn year_first(text: &str) -> Option<(Date, &str)> {
    let (year, rest) = digits(text, 4)?;
    let mut chars = rest.chars();
    let parted = chars.next()?;
    let (month, rest) = short(chars.as_str())?;
    let mut chars = rest.chars();
    let (date, rest) = match (parted, chars.next()?) {
        ('-', '-') | ('/', '/') => short(chars.as_str()).map(|(day, rest)| (date(year, month, day), rest))?,
        ('年', '月') => {
            let (day, rest) = short(chars.as_str())?;
            (date(year, month, day), rest.strip_prefix('日')?)
        }
        _ => return None,
    };
    Some((date?, rest))
}

fn year_last(text: &str) -> Option<(Date, &str)> {
    let (first, rest) = short(text)?;
    let parted = rest.chars().next().filter(|c| matches!(c, '.' | '/' | '-'))?;
    let (second, rest) = short(rest.strip_prefix(parted)?)?;
    let (year, rest) = digits(rest.strip_prefix(parted)?, 4)?;
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // Node prints it so, with the month first; with `pm` in small letters others do, with the day first
    let is_american = || {
        super::time_of_day(rest).is_some_and(|(_, after)| {
            let used = rest.get(..rest.len() - after.len()).unwrap_or_default();
            used.ends_with("AM") || used.ends_with("PM")
        })
    };
    let (month, day) = match parted {
        '.' => (second, first),
        _ if first == second || first > 12 => (second, first),
        _ if second > 12 || parted == '/' && is_american() => (first, second),
        _ => return None,
    };
    Some((date(year, month, day)?, rest))
}

/// One or two digits and no more.
fn short(text: &str) -> Option<(u32, &str)> {
    let (n, rest) = digits(text, 2).or_else(|| digits(text, 1))?;
    (!rest.starts_with(|c: char| c.is_ascii_digit())).then_some((n, rest))
}

fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `October 28th, 2025`, `5 May 2025`, `28-Oct-2025`, `Tue Oct 28 22:30:00 2025`, wherever it stands among other words; and what
/// follows it, which begins with the time where there is one.
pub(super) fn worded(text: &str) -> Option<(Date, &str)> {
    // a day that is told by another one, and one that is a bound
    const RELATIVE: [&str; 15] = [
        "after", "before", "since", "until", "till", "by", "within", "ago", "from", "due", "next", "last", "past",
        "between", "except",
    ];
    let words = words(text);
    // two months are a span of time, which is of the day that it begins with
    if let Some(first) = first_of_span(text, &words) {
        let (date, rest) = worded(first)?;
        return Some((date, text.get(first.len() - rest.len()..)?));
    }
    if words.iter().filter(|(word, _)| month(word).is_some()).count() != 1 {
        return None;
    }
    let at = words.iter().position(|(word, _)| month(word).is_some())?;
    let word = |i: usize| words.get(i).map(|(word, _)| *word).unwrap_or_default();
    let after = |i: usize| words.get(i).and_then(|(_, end)| text.get(*end..)).unwrap_or_default();
    let month = month(word(at))?;
    let before = |n: usize| at.checked_sub(n).map(word).unwrap_or_default();
    let (first, day_before) = match before(1) {
        "of" => (at.saturating_sub(2), day(before(2))),
        other => (at.saturating_sub(1), day(other)),
    };
    let (start, day, year, rest) = if let (Some(day), Some(year)) = (day_before, year(word(at + 1))) {
        (first, day, year, after(at + 1))
    } else if let Some(day) = day_before.filter(|_| word(at + 1).contains(':')) {
        // `Tue 28 Oct 19:13:38 +07 2025`
        (first, day, [2, 3, 4].into_iter().find_map(|n| year(word(at + n)))?, after(at))
    } else {
        let day = day(word(at + 1))?;
        match year(word(at + 2)) {
            Some(year) => (at, day, year, after(at + 2)),
            // the time, and perhaps its zone, stand before the year
            None => {
                let timed = word(at + 2).contains(':');
                let year = [3, 4, 5].into_iter().find_map(|n| year(word(at + n))).filter(|_| timed)?;
                (at, day, year, after(at + 1))
            }
        }
    };
    const WRITTEN: [&str; 6] = ["updated", "modified", "edited", "changed", "reviewed", "revised"];
    let is_one_of = |list: &[&str], word: &str| list.iter().any(|other| word.eq_ignore_ascii_case(other));
    // `last updated October 28, 2025` is no other day
    let is_relative = |at: usize| {
        let written = word(at).eq_ignore_ascii_case("last") && is_one_of(&WRITTEN, word(at + 1));
        is_one_of(&RELATIVE, word(at)) && !written
    };
    if (0..start).any(is_relative) {
        return None;
    }
    Some((date(year, month, day)?, rest))
}

/// What stands before the dash of `October 27, 2025 – November 2, 2025`: none where the first has no year of its own.
fn first_of_span<'a>(text: &'a str, words: &[(&str, usize)]) -> Option<&'a str> {
    let mut months = words.iter().enumerate().filter(|(_, (word, _))| month(word).is_some());
    let (first, second) = (months.next()?.0, months.next()?.0);
    let is_dash = |word: &str| matches!(word, "-" | "–" | "—" | "→" | "to" | "through");
    let dash = (first..second).find(|at| words.get(*at).is_some_and(|(word, _)| is_dash(word)))?;
    let (_, end) = words.get(dash.checked_sub(1)?)?;
    words.get(first..dash)?.iter().any(|(word, _)| year(word).is_some()).then(|| text.get(..*end))?
}

/// Words and where each ends; the parts of `28-Oct-2025` are words, those of `28-30` are none.
fn words(text: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let is_end = |c: char| c.is_whitespace() || c == ',';
    let mut start = 0;
    for token in text.split_inclusive(is_end) {
        let end = start + token.trim_end_matches(is_end).len();
        let word = text.get(start..end).unwrap_or_default();
        let parts: Vec<&str> = word.split('-').collect();
        match parts.as_slice() {
            [_, middle, _] if month(middle).is_some() => {
                let mut at = start;
                for part in parts {
                    found.push((part, at + part.len()));
                    at += part.len() + 1;
                }
            }
            _ if !word.is_empty() => found.push((word, end)),
            _ => {}
        }
        start += token.len();
        if found.len() >= WORDS {
            break;
        }
    }
    found
}

/// `Oct`, `oct.`, `Sept`, `October`.
fn month(word: &str) -> Option<u32> {
    let at = named(&MONTHS, word)?;
    u32::try_from(at + 1).ok()
}

fn named(names: &[&str], word: &str) -> Option<usize> {
    let word = word.strip_suffix('.').unwrap_or(word);
    names.iter().position(|name| {
        let is = |length: usize| name.get(..length).is_some_and(|short| short.eq_ignore_ascii_case(word));
        word.eq_ignore_ascii_case(name) || is(3) || is(4) && matches!(*name, "september" | "thursday" | "tuesday")
    })
}

/// `28`, `28th`.
fn day(word: &str) -> Option<u32> {
    let word = ["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
    let is_number = (1..=2).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|day| is_number && (1..=31).contains(day))
}

fn year(word: &str) -> Option<u32> {
    let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
    word.parse().ok().filter(|year| word.len() == 4 && (1980..=2200).contains(year))
}

/// Without a weekday at its start: `Tue, 2025-10-28`.
pub(super) fn after_weekday(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    if named(&weekday::NAMES, word).is_none() { text } else { rest.trim_start_matches([' ', ',', '.']) }
}

/// What follows a day, from the space before the time, when only a weekday, `at` or a dash stands between.
pub(super) fn before_time(rest: &str) -> Option<&str> {
    let mut rest = rest;
    loop {
        let word = rest.trim_start_matches([' ', ',', '(', ')']);
        let end = word.find(|c: char| c.is_whitespace() || matches!(c, ',' | ')')).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        let between = word.eq_ignore_ascii_case("at") || matches!(word, "-" | "–" | "—" | "@");
        if !between && named(&weekday::NAMES, word).is_none() {
            return None;
        }
        rest = after.strip_prefix(')').unwrap_or(after);
        if super::time_of_day(rest).is_some() {
            return Some(rest);
        }
    }
}
