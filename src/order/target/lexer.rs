//! The words of targets: numbers, units, comparators, periods, read from the front of a text.
//!
//! Every function takes the text and gives what it read and the rest, or `None` and nothing read.

use super::{Comparator, Period, Unit, negation, thai};

/// Longest first where one is the beginning of another.
const SYMBOLS: [(&str, Comparator); 17] = [
    ("<=", Comparator::AtMost),
    ("=<", Comparator::AtMost),
    (">=", Comparator::AtLeast),
    ("!=", Comparator::NotEqual),
    ("<>", Comparator::NotEqual),
    ("==", Comparator::Equal),
    ("≤", Comparator::AtMost),
    ("⩽", Comparator::AtMost),
    ("≦", Comparator::AtMost),
    ("≥", Comparator::AtLeast),
    ("⩾", Comparator::AtLeast),
    ("≧", Comparator::AtLeast),
    ("≠", Comparator::NotEqual),
    ("<", Comparator::Less),
    (">", Comparator::Greater),
    ("=", Comparator::Equal),
    ("≈", Comparator::About),
];

const WORDS: [(&str, Comparator); 40] = [
    ("greater than or equal to", Comparator::AtLeast),
    ("more than or equal to", Comparator::AtLeast),
    ("less than or equal to", Comparator::AtMost),
    ("in less than", Comparator::Less),
    ("smaller than", Comparator::Less),
    ("shorter than", Comparator::Less),
    ("quicker than", Comparator::Less),
    ("greater than", Comparator::Greater),
    ("faster than", Comparator::Less),
    ("higher than", Comparator::Greater),
    ("larger than", Comparator::Greater),
    ("longer than", Comparator::Greater),
    ("slower than", Comparator::Greater),
    ("bigger than", Comparator::Greater),
    ("maximum of", Comparator::AtMost),
    ("minimum of", Comparator::AtLeast),
    ("lower than", Comparator::Less),
    ("fewer than", Comparator::Less),
    ("more than", Comparator::Greater),
    ("less than", Comparator::Less),
    ("in under", Comparator::Less),
    ("equal to", Comparator::Equal),
    ("at most", Comparator::AtMost),
    ("at least", Comparator::AtLeast),
    ("approximately", Comparator::About),
    ("maximum", Comparator::AtMost),
    ("minimum", Comparator::AtLeast),
    ("roughly", Comparator::About),
    ("approx", Comparator::About),
    ("exactly", Comparator::Equal),
    ("within", Comparator::AtMost),
    ("equals", Comparator::Equal),
    ("around", Comparator::About),
    ("up to", Comparator::AtMost),
    ("under", Comparator::Less),
    ("below", Comparator::Less),
    ("above", Comparator::Greater),
    ("about", Comparator::About),
    ("over", Comparator::Greater),
    ("max", Comparator::AtMost),
];

/// A comparator sign at the front.
pub fn symbol(text: &str) -> Option<(Comparator, &str)> {
    if let Some(rest) = text.strip_prefix('±').or_else(|| text.strip_prefix('~')) {
        return Some((Comparator::About, rest));
    }
    // `=>` is an arrow as often as a comparator
    if text.starts_with("=>") {
        return None;
    }
    SYMBOLS.iter().find_map(|(sign, comparator)| text.strip_prefix(sign).map(|rest| (*comparator, rest)))
}

/// A comparator in words at the front; what follows must be a number.
pub fn word(text: &str) -> Option<(Comparator, &str)> {
    let found = plain_word(text).or_else(|| negation::comparator(text)).or_else(|| thai::comparator(text));
    // `max. 5 MB`
    let found = found.map(|(comparator, rest)| (comparator, rest.strip_prefix('.').unwrap_or(rest)));
    found.filter(|(_, rest)| {
        let rest = rest.trim_start();
        rest.starts_with(|c: char| c.is_ascii_digit()) || number_word(rest).is_some()
    })
}

/// The same without what it denies, whatever follows.
pub fn plain_word(text: &str) -> Option<(Comparator, &str)> {
    let found = WORDS.iter().find_map(|(words, comparator)| phrase(text, words).map(|rest| (*comparator, rest)));
    found.or_else(|| phrase(text, "min").map(|rest| (Comparator::AtLeast, rest)))
}

pub fn comparator(text: &str) -> Option<(Comparator, &str)> {
    symbol(text).or_else(|| word(text))
}

/// `"Snappy"`, quoted as a whole, is what stands within.
pub fn unquoted(text: &str) -> &str {
    const QUOTES: [(char, char); 5] = [('"', '"'), ('\'', '\''), ('„', '"'), ('«', '»'), ('»', '«')];
    let within = |(open, close): &(char, char)| text.strip_prefix(*open)?.strip_suffix(*close);
    let is_one = |inner: &&str| !inner.contains(|c| QUOTES.iter().any(|(open, close)| c == *open || c == *close));
    QUOTES.iter().find_map(within).filter(is_one).map_or(text, str::trim)
}

/// `words` at the front, case folded, ended by a word's end.
pub fn phrase<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let head = text.get(..words.len())?;
    let rest = text.get(words.len()..)?;
    (head.eq_ignore_ascii_case(words) && !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')).then_some(rest)
}

/// `zero` to `twelve`; `no` as a number is the grammar's affair.
fn number_word(text: &str) -> Option<(f64, &str)> {
    const WORDS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.iter().zip(0_u8..).find_map(|(word, n)| phrase(text, word).map(|rest| (f64::from(n), rest)))
}

/// A number with thousands separators: `1,000`, `1 000`, `1_000`, `1'000`, `0.5`, `0,5`. `None` when it is none or can
/// be read in two ways.
pub fn number(text: &str) -> Option<(f64, &str)> {
    if let Some(found) = number_word(text) {
        return Some(found);
    }
    let end = number_end(text);
    let (raw, rest) = text.split_at_checked(end)?;
    let value = number_value(raw)?;
    // `5 MB` is fine; `5.5.5` and `02:30` are not numbers of ours
    let mut after = rest.chars();
    let goes_on = matches!(after.next(), Some('.' | ':' | ',')) && after.next().is_some_and(|c| c.is_ascii_digit());
    (value.is_finite() && !goes_on).then_some((value, rest))
}

fn number_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    while at < bytes.len() {
        let separator = match bytes[at] {
            b'0'..=b'9' => {
                at += 1;
                continue;
            }
            b',' | b'.' | b'_' | b'\'' => true,
            // a blank separates thousands only before exactly three digits
            b' ' => {
                digit(at + 1)
                    && digit(at + 2)
                    && digit(at + 3)
                    && !digit(at + 4)
                    && (1..=3).contains(&leading_digits(bytes, at))
            }
            _ => false,
        };
        if !(separator && at > 0 && digit(at + 1)) {
            break;
        }
        at += 1;
    }
    at
}

fn leading_digits(bytes: &[u8], before: usize) -> usize {
    bytes.iter().take(before).rev().take_while(|b| b.is_ascii_digit()).count()
}

fn number_value(raw: &str) -> Option<f64> {
    if raw.is_empty() || raw.len() > 40 {
        return None;
    }
    let plain = raw.split_once('.').map_or((raw, None), |(whole, fraction)| (whole, Some(fraction)));
    let (whole, fraction) = plain;
    if fraction.is_some_and(|fraction| !fraction.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let is_separator = |c: char| ",_' ".contains(c);
    let groups: Vec<&str> = whole.split(is_separator).collect();
    let grouped = groups.len() == 1
        || (groups.first().is_some_and(|first| (1..=3).contains(&first.len()) && *first != "0")
            && groups.iter().skip(1).all(|group| group.len() == 3)
            && whole.chars().filter(|c| is_separator(*c)).collect::<std::collections::BTreeSet<_>>().len() == 1);
    if grouped {
        let digits: String = groups.concat();
        return format!("{digits}.{}", fraction.unwrap_or("0")).parse().ok();
    }
    // a decimal comma: `0,5`, `1,25`; in `1,0000` it may as well be a group with a digit too many
    match (groups.as_slice(), fraction) {
        ([whole, decimals], None) if raw.contains(',') && (decimals.len() < 3 || *whole == "0") => {
            format!("{whole}.{decimals}").parse().ok()
        }
        _ => None,
    }
}

/// `k` right behind a number, or `thousand`, `million`, `billion`: the factor.
pub fn multiplier(text: &str) -> Option<(f64, &str)> {
    if let Some(rest) = text.strip_prefix(['k', 'K'])
        && !rest.starts_with(char::is_alphanumeric)
    {
        return Some((1e3, rest));
    }
    const WORDS: [(&str, f64); 3] = [("thousand", 1e3), ("million", 1e6), ("billion", 1e9)];
    let text = text.trim_start();
    WORDS.iter().find_map(|(word, factor)| phrase(text, word).map(|rest| (*factor, rest)))
}

/// `1.000`, `12.500`: a point where many people part thousands.
pub fn is_point_of_thousands(number: &str) -> bool {
    let Some((whole, fraction)) = number.split_once('.') else { return false };
    let is_group = (1..=3).contains(&whole.len()) && whole != "0" && whole.bytes().all(|b| b.is_ascii_digit());
    is_group && fraction.len() == 3 && fraction.bytes().all(|b| b.is_ascii_digit())
}

/// A unit of bytes, time or percent at the front: its kind and how many bytes, nanoseconds or points it is.
pub fn unit(text: &str) -> Option<(Unit, f64, &str)> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix('%') {
        return Some((Unit::Percent, 1.0, rest));
    }
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    if rest.starts_with(|c: char| c.is_ascii_digit() && !is_time_word(word)) {
        return None;
    }
    let bytes = |scale| Some((Unit::Bytes, scale, rest));
    let time = |scale| Some((Unit::Time, scale, rest));
    match word {
        "B" => return bytes(1.0),
        // `Mb` would be megabits
        "Kb" | "Mb" | "Gb" | "Tb" | "b" => return None,
        "M" | "H" | "S" | "D" | "W" => return None,
        _ => {}
    }
    match word.to_lowercase().as_str() {
        "byte" | "bytes" => bytes(1.0),
        "kb" | "kilobyte" | "kilobytes" => bytes(1e3),
        "mb" | "megabyte" | "megabytes" => bytes(1e6),
        "gb" | "gigabyte" | "gigabytes" => bytes(1e9),
        "tb" | "terabyte" | "terabytes" => bytes(1e12),
        "kib" => bytes(1024.0),
        "mib" => bytes(1024.0 * 1024.0),
        "gib" => bytes(1024.0 * 1024.0 * 1024.0),
        "tib" => bytes(1024.0 * 1024.0 * 1024.0 * 1024.0),
        "percent" | "pct" => Some((Unit::Percent, 1.0, rest)),
        lower => time_scale(lower).and_then(time),
    }
}

fn is_time_word(word: &str) -> bool {
    time_scale(&word.to_lowercase()).is_some()
}

fn time_scale(lower: &str) -> Option<f64> {
    Some(match lower {
        "ns" | "nanosecond" | "nanoseconds" => 1.0,
        "µs" | "us" | "microsecond" | "microseconds" => 1e3,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1e6,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e9,
        "m" | "min" | "mins" | "minute" | "minutes" => 60e9,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600e9,
        "d" | "day" | "days" => 86_400e9,
        "w" | "week" | "weeks" => 7.0 * 86_400e9,
        _ => return None,
    })
}

/// `PT2S`, `P1DT12H`, `PT0.5M` (ISO 8601): nanoseconds. Months and years have no length of their own.
pub fn iso_duration(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let (days, times) = word.strip_prefix('P')?.split_once('T').unwrap_or((word.get(1..)?, ""));
    let mut total = 0.0;
    let mut is_given = false;
    for (part, units) in
        [(days, &[('W', 604_800e9), ('D', 86_400e9)][..]), (times, &[('H', 3_600e9), ('M', 60e9), ('S', 1e9)])]
    {
        let mut left = part;
        for (sign, scale) in units {
            if let Some((amount, after)) = left.split_once(*sign) {
                total += amount.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0)? * scale;
                (left, is_given) = (after, true);
            }
        }
        if !left.is_empty() {
            return None;
        }
    }
    is_given.then_some((total, rest))
}

/// `/day`, `/ day`, `per day`, `a day`, `each day`, `every day`, `daily`.
pub fn per(text: &str) -> Option<(Period, &str)> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix('/') {
        return period_word(rest.trim_start());
    }
    for lead in ["per", "a", "an", "each", "every"] {
        if let Some(rest) = phrase(text, lead) {
            return period_word(rest.trim_start());
        }
    }
    adverb(text)
}

pub fn period_word(text: &str) -> Option<(Period, &str)> {
    const PERIODS: [(&str, Period); 12] = [
        ("minute", Period::Minute),
        ("min", Period::Minute),
        ("hour", Period::Hour),
        ("hr", Period::Hour),
        ("h", Period::Hour),
        ("day", Period::Day),
        ("d", Period::Day),
        ("night", Period::Day),
        ("week", Period::Week),
        ("month", Period::Month),
        ("year", Period::Year),
        ("24h", Period::Day),
    ];
    PERIODS.iter().find_map(|(word, period)| phrase(text, word).map(|rest| (*period, rest)))
}

pub fn adverb(text: &str) -> Option<(Period, &str)> {
    const ADVERBS: [(&str, Period); 8] = [
        ("hourly", Period::Hour),
        ("daily", Period::Day),
        ("nightly", Period::Day),
        ("weekly", Period::Week),
        ("monthly", Period::Month),
        ("yearly", Period::Year),
        ("annually", Period::Year),
        ("minutely", Period::Minute),
    ];
    ADVERBS.iter().find_map(|(word, period)| phrase(text, word).map(|rest| (*period, rest)))
}

/// `p95`, `p99.9`, `median`, `mean`, `average`, and `max`/`min` before a comparator sign.
pub fn statistic(text: &str) -> Option<(String, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.')).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let lower = word.trim_end_matches('.').to_ascii_lowercase();
    let digits = lower.strip_prefix('p').unwrap_or("");
    let percentile =
        !digits.is_empty() && digits.len() <= 5 && digits.parse::<f64>().is_ok_and(|p| p > 0.0 && p <= 100.0);
    let named = match lower.as_str() {
        "median" => "p50",
        "mean" | "average" | "avg" => "mean",
        "max" | "min" if symbol(rest.trim_start()).is_some() => lower.as_str(),
        _ if percentile => lower.as_str(),
        _ => return None,
    };
    Some((named.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_or_refused_never_guessed() {
        for (text, expect) in [
            ("1,000 rows", Some(1000.0)),
            ("1 000 rows", Some(1000.0)),
            ("1_000", Some(1000.0)),
            ("1'000'000", Some(1_000_000.0)),
            ("0.5", Some(0.5)),
            ("0,5 s", Some(0.5)),
            ("0,500", Some(0.5)),
            ("1,25", Some(1.25)),
            ("0,0005", Some(0.0005)),
            ("1,0000", None),
            ("1,234.5", Some(1234.5)),
            ("zero", Some(0.0)),
            ("5.", Some(5.0)),
            ("1.2.3", None),
            ("1,23,456", None),
            ("1,000_000", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(number(text).map(|(n, _)| n), expect, "{text}");
        }
        assert_eq!(number("1 2000"), Some((1.0, " 2000")));
    }

    #[test]
    fn iso_durations_are_times() {
        for (text, expect) in [
            ("PT2S", Some(2e9)),
            ("PT1M30S", Some(90e9)),
            ("P1DT12H", Some(129_600e9)),
            ("PT0.5M", Some(30e9)),
            ("P1W", Some(604_800e9)),
            ("P1M", None),
            ("P", None),
            ("PT", None),
            ("PARQUET", None),
            ("PT-2S", None),
        ] {
            assert_eq!(iso_duration(text).map(|(ns, _)| ns), expect, "{text}");
        }
    }
}
