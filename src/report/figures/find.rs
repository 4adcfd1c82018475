//! Finds the figures in a text of one line.

use jiff::civil::Date;

use super::words::{LIMITS, LINKING, NUMBERED, codec, is_counted};
use super::{Figure, Kind, singular};
use crate::evidence::subject;
use crate::order::fold;
use crate::order::target::{Comparator, Target, Unit, begins_comparison, compile};

/// Words of the longest comparison, and of what a number is of.
const LONGEST_LEAD: usize = 5;
const LONGEST_NOUN: usize = 3;
/// More than anyone means to have looked at.
const MOST: usize = 64;

#[derive(Clone, Copy)]
struct Word<'t> {
    text: &'t str,
    /// Whether a phrase begins with it, or ends behind it.
    begins: bool,
    ends: bool,
    /// Whether a colon stands behind it: it is the key of what follows.
    is_key: bool,
}

fn words(text: &str) -> Vec<Word<'_>> {
    const AROUND: &str = "(),.;:!?“”\"'`*_[]（）…、：";
    let cut = |raw| {
        let text = str::trim_matches(raw, |c: char| AROUND.contains(c));
        let behind = raw.trim_end_matches(['*', '_', '`']);
        let is_key = behind.ends_with([':', '：']);
        let ends = !is_key && behind.ends_with(|c: char| AROUND.contains(c));
        Word { text, begins: raw.starts_with(['(', '（', '[']), ends, is_key }
    };
    text.split_whitespace().map(cut).collect()
}

/// All figures of a text of one line, paths and other names aside.
pub fn find(text: &str) -> Vec<Figure> {
    let text = parted(text);
    let words = words(&text);
    let mut out = Vec::new();
    let mut skip = 0;
    for n in 0..words.len() {
        let Some(word) = words.get(n).filter(|_| n >= skip && out.len() < MOST) else { continue };
        if let Some(codec) = codec(word.text) {
            out.push(Figure::plain(Kind::Codec, codec));
        } else if is_time(word.text) {
            out.push(Figure::plain(Kind::Time, word.text));
        } else if let Some(day) = days(word.text).first() {
            out.push(Figure::plain(Kind::Day(*day), word.text));
        } else if is_ratio(word.text) {
            out.push(Figure::plain(Kind::Ratio, word.text));
        } else if let Some((figure, behind)) = amount(&words, n) {
            out.push(figure);
            skip = behind;
        }
    }
    out
}

/// Without paths and the like, and `rows=5` in words of its own.
fn parted(text: &str) -> String {
    let mut text = text.to_owned();
    for name in subject::names_in(&text) {
        // `redis:6379` is a server, `rows:9999` says how many
        let is_server = name.split_once(':').is_some_and(|(host, _)| !is_counted(&fold(host)));
        if name.contains(['/', '.']) || is_server {
            text = text.replace(&name, " ");
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let is_between = before.is_alphabetic() && chars.peek().is_some_and(char::is_ascii_digit);
        match c {
            '=' if is_between => out.push_str(" = "),
            ':' if is_between => out.push_str(": "),
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// `2026-11-27`, `20261127`, wherever they stand in a text.
pub fn days(text: &str) -> Vec<Date> {
    let runs = text.split(|c: char| !(c.is_ascii_digit() || c == '-')).filter(|run| run.len() >= 8);
    runs.filter_map(|run| run.parse().ok()).collect()
}

fn is_time(word: &str) -> bool {
    let parts: Vec<&str> = word.split(':').collect();
    let is_part = |part: &&str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    (2..=3).contains(&parts.len()) && parts.iter().all(is_part) && parts.get(1).is_some_and(|part| part.len() == 2)
}

fn is_ratio(word: &str) -> bool {
    // all the time, not a share
    word != "24/7" && word.split_once('/').is_some_and(|(a, b)| [a, b].iter().all(|part| part.parse::<u32>().is_ok()))
}

/// The amount whose number is the word at `n`, and the word behind it.
fn amount(words: &[Word<'_>], n: usize) -> Option<(Figure, usize)> {
    let word = words.get(n)?;
    let sign = word.text.len() - word.text.trim_start_matches(|c: char| "<>≤≥=~±≈".contains(c)).len();
    let (sign, body) = word.text.split_at_checked(sign)?;
    let body = if body.eq_ignore_ascii_case("zero") { "0" } else { body };
    let end = body.find(|c: char| !c.is_ascii_digit() && !".,_'".contains(c)).unwrap_or(body.len());
    let (digits, glued) = body.split_at_checked(end)?;
    let next = words.get(n + 1).filter(|next| !word.ends && !next.begins).map_or("", |next| next.text);
    let number = number(digits)?;
    let unit = match (glued, next) {
        ("", "") => None,
        ("", next) if is_unit(&number, next) && !is_part_of_noun(words, n + 1) => Some(next),
        ("", _) => None,
        (glued, _) if is_unit(&number, glued) => Some(glued),
        _ => return None,
    };
    let behind = if unit.is_some() && glued.is_empty() { n + 2 } else { n + 1 };
    let tail = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    let (mut lead, from) = if sign.is_empty() { lead(words, n, &number, &tail) } else { (sign.to_owned(), n) };
    if unit.is_some() && lead.is_empty() {
        let near = |at: Option<usize>| at.and_then(|at| words.get(at)).map(|word| fold(word.text)).unwrap_or_default();
        let (before, after) = (near(n.checked_sub(1)), near(Some(behind)));
        // how often something is done is none of its results
        if ["every", "each"].contains(&before.as_str()) {
            return None;
        }
        if [before, after].iter().any(|word| LIMITS.contains(&word.as_str())) {
            "≤".clone_into(&mut lead);
        }
    }
    let kind = if unit.is_some() { Kind::Measure } else { Kind::Count };
    if kind == Kind::Count && lead.is_empty() {
        if let Some(code) = exit_code(words, n, &number) {
            return Some((Figure::plain(Kind::Exit(code), &number), behind));
        }
        if is_name(words, n, digits) {
            return None;
        }
    }
    let phrase = noun_phrase(words, behind);
    let noun = match unit {
        Some(unit) => fold(unit),
        None => phrase.iter().find(|word| is_counted(word)).or(phrase.last()).cloned().unwrap_or_default(),
    };
    let keys = if phrase.is_empty() { keys(words, from) } else { Vec::new() };
    let of = match (phrase.is_empty(), keys.first()) {
        (true, Some(key)) => key.split(' ').map(singular).collect(),
        _ => phrase.iter().map(|word| singular(word)).collect(),
    };
    let bare = format!("{lead} {number}").trim_start().to_owned();
    let text = format!("{bare}{tail}");
    Some((Figure { kind, text, bare, noun, of, keys }, behind))
}

/// The number as we write it; `9.999` parts thousands where no unit follows, which the caller can't know yet.
fn number(digits: &str) -> Option<String> {
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match compile("", digits) {
        Target::Compare { comparator: Comparator::Equal, unit: Unit::Count { noun: None }, .. } => {
            Some(digits.to_owned())
        }
        // `9.999`, which some read as thousands; no count has decimals
        _ => {
            let groups: Vec<&str> = digits.split('.').collect();
            let is_grouped = groups.len() > 1 && groups.iter().skip(1).all(|group| group.len() == 3);
            (is_grouped && groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_digit())))
                .then(|| groups.concat())
        }
    }
}

fn is_unit(number: &str, word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '%')
        && matches!(compile("", &format!("= {number} {word}")), Target::Compare { unit, .. } if !matches!(unit, Unit::Count { .. }))
}

/// `3 day files` counts files.
fn is_part_of_noun(words: &[Word<'_>], at: usize) -> bool {
    let Some(unit) = words.get(at) else { return false };
    let is_spelled = unit.text.len() > 2 && unit.text.chars().all(char::is_alphabetic) && !unit.text.ends_with('s');
    let is_followed = words.get(at + 1).is_some_and(|next| !next.begins && is_noun(next.text));
    is_spelled && !unit.ends && is_followed
}

fn is_noun(word: &str) -> bool {
    word.starts_with(char::is_alphabetic) && !LINKING.contains(&word.to_lowercase().as_str())
}

/// The comparison in words before the number at `n`, and where it begins.
fn lead(words: &[Word<'_>], n: usize, number: &str, tail: &str) -> (String, usize) {
    for before in (1..=LONGEST_LEAD).rev() {
        let Some((from, lead)) = n.checked_sub(before).and_then(|from| Some((from, words.get(from..n)?))) else {
            continue;
        };
        if lead.iter().any(|word| word.ends || word.is_key) {
            continue;
        }
        let lead = lead.iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
        let phrase = format!("{lead} {number}{tail}");
        if begins_comparison(&phrase)
            && matches!(compile("", &phrase), Target::Compare { comparator, condition: None, .. } if comparator != Comparator::Equal)
        {
            return (lead, from);
        }
    }
    (String::new(), n)
}

fn exit_code(words: &[Word<'_>], n: usize, number: &str) -> Option<i32> {
    let before = |back: usize| n.checked_sub(back).and_then(|at| words.get(at)).map(|word| fold(word.text));
    let says_exit =
        |word: Option<String>| word.is_some_and(|word| ["exit", "exits", "exited"].contains(&word.as_str()));
    let link = before(1).is_some_and(|word| ["code", "status", "with"].contains(&word.as_str()));
    (says_exit(before(1)) || (link && says_exit(before(2)))).then(|| number.parse().ok()).flatten()
}

/// Whether the number at `n` tells one thing from others: `Test 1`, `1. First`, `Node 18`.
fn is_name(words: &[Word<'_>], n: usize, digits: &str) -> bool {
    let leads = words.iter().take(n).all(|word| !word.text.contains(char::is_alphanumeric));
    if leads {
        // the marker of a list's item
        return words.get(n).is_some_and(|word| word.ends) && words.len() > n + 1;
    }
    let Some(at) = n.checked_sub(1) else { return false };
    let Some(before) = words.get(at).filter(|before| !before.ends && !before.is_key) else { return false };
    let folded = fold(before.text);
    if NUMBERED.contains(&folded.as_str()) {
        return true;
    }
    let capitals = before.text.chars().filter(|c| c.is_uppercase()).count();
    let is_proper = before.text.starts_with(char::is_uppercase) && (at > 0 || capitals > 1 || digits.contains('.'));
    is_proper && !is_counted(&folded)
}

/// Up to three folded words behind a number that say what it counts.
fn noun_phrase(words: &[Word<'_>], from: usize) -> Vec<String> {
    let mut out = Vec::new();
    let is_over = from.checked_sub(1).and_then(|before| words.get(before)).is_none_or(|before| before.ends);
    for (at, word) in words.iter().enumerate().skip(from).take(LONGEST_NOUN) {
        if is_over || word.begins || !is_noun(word.text) {
            break;
        }
        out.push(fold(word.text));
        if word.is_key && is_pair(words, from, at) {
            return Vec::new();
        }
        if word.ends || word.is_key {
            break;
        }
    }
    out.retain(|word| !word.is_empty());
    out
}

/// Whether the words from `from` to `key` are said of the number behind them: `Passed: 15 Failed: 0`.
fn is_pair(words: &[Word<'_>], from: usize, key: usize) -> bool {
    let is_keyed = from.checked_sub(2).and_then(|before| words.get(before)).is_some_and(|before| before.is_key);
    let is_name = words.get(from).is_some_and(|first| first.text.starts_with(char::is_uppercase));
    is_keyed && is_name && words.get(key + 1).is_some_and(|next| is_digits(next.text))
}

fn is_digits(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// What stands before the word at `from` in its phrase, the longest first: `exported rows`, `rows`.
fn keys(words: &[Word<'_>], from: usize) -> Vec<String> {
    let mut key: Vec<String> = Vec::new();
    for word in words.iter().take(from).rev() {
        let is_linking = LINKING.contains(&word.text.to_lowercase().as_str());
        if word.ends || key.len() == LONGEST_NOUN || ((is_linking || word.is_key) && !key.is_empty()) {
            break;
        }
        if is_digits(word.text) {
            break;
        }
        if !is_linking && !word.text.is_empty() {
            key.insert(0, fold(word.text));
        }
        if word.begins {
            break;
        }
    }
    (0..key.len()).filter_map(|skip| key.get(skip..)).map(|key| key.join(" ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_told_from_names() {
        for (text, expect) in [
            ("0 critical heartbeats", "0|heartbeats|critical heartbeat|"),
            ("zero errors", "0|errors|error|"),
            ("uptime above 99.9%", "above 99.9 %||uptime|uptime"),
            ("every cycle took < 1 ms", "< 1 ms|ms|cycle took|cycle took,took"),
            ("validated in under 1ms", "in under 1 ms|ms|validated|validated"),
            ("rows = 9999, fine", "9999||row|rows"),
            ("rows=9999", "9999||row|rows"),
            ("rows:9999", "9999||row|rows"),
            ("Redis (localhost:44141), redis:6379", ""),
            ("Confirms: file size below 5 MB", "below 5 MB|mb|file size|file size,size"),
            ("Rows: 9,999", "9,999||row|rows"),
            ("9.999", "9999|||"),
            ("at least 200 rows, none lost", "at least 200|rows|row|"),
            ("Passed: 15 Failed: 0", "15||passed|passed; 0||failed|failed"),
            ("Found: 3 files: 2 good", "3|files|file|; 2|good|good|"),
            ("288 rows in 4 files", "288|rows|row|; 4|files|file|"),
            ("288 reports became records", "288|reports|report became record|"),
            ("3 day files", "3|files|day file|"),
            ("3 days of data", "3 days|days||"),
            ("file size ≤5 MB", "≤ 5 MB|mb|file size|file size,size"),
            ("compression is ZSTD", "zstd|||"),
            ("Snappy-compressed", "snappy|||"),
            ("back to 2025-10-28", "2025-10-28|||"),
            ("2026-12-24 02:30", "2026-12-24|||; 02:30|||"),
            ("15/15 checks pass", "15/15|||"),
            ("exit code 1, exits with 0", "1|||; 0|||"),
            ("Test 1 of Phase 7.8 runs", ""),
            ("1. First, on Node 18 with DuckDB 1.2 and Python 3.11", ""),
            ("DuckDB 1.2 opens it", ""),
            ("1. [ ] Exporter", ""),
            ("v1.2, E7, p95, #1, 3rd, 5-minute, 24/7, 1.1.3, 1× daily", ""),
            ("`g/ops_atomic_20261127.parquet` of 10.0.0.7", ""),
            ("port 6379, pid 12", ""),
        ] {
            let found: Vec<String> = find(text)
                .iter()
                .map(|one| format!("{}|{}|{}|{}", one.text, one.noun, one.of.join(" "), one.keys.join(",")))
                .collect();
            assert_eq!(found.join("; "), expect, "{text}");
        }
    }

    #[test]
    fn days_are_read_out_of_output() {
        let found = days("2026-11-24T23:53:45Z g/ops_20261127.parquet 12345678901 1-2");
        assert_eq!(found, [jiff::civil::date(2026, 11, 24), jiff::civil::date(2026, 11, 27)]);
    }
}
