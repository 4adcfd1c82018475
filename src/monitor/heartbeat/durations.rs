//! Durations and latencies as people and programs write them.
//!
//! Invariant: what can be read in two ways, or not to its end, is `None`: a wrong number is worse than none.

/// Milliseconds: `43ms`, `0.41 ms`, `1,234 ms`, `1 234 ms`, `1,5 s`, `0,043s`, `1.234,5 ms`, `2 min`, `1m 23s`, `00:00:01.234`. A
/// number alone is in milliseconds; words may follow, another number may not.
pub(super) fn milliseconds(value: &str) -> Option<f64> {
    let value = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '`' | '*'));
    let value = value.trim_start_matches(['~', '<', '≤', ' ']);
    if let Some(ms) = clock(value) {
        return Some(ms);
    }
    let mut rest = value;
    let mut sum = None;
    while let Some((ms, after)) = quantity(rest, sum.is_none()) {
        sum = Some(sum.unwrap_or(0.0) + ms);
        rest = after.trim_start();
    }
    sum.filter(|ms: &f64| ms.is_finite() && !goes_on(rest))
}

/// Whether what follows a duration makes it another: `10–20ms`, `43ms / 51ms`, `5 of 10`; not `43ms - fast`, `43ms / 5 checks`,
/// `43ms ± 2`, `43ms+`.
fn goes_on(rest: &str) -> bool {
    let is_sign = |c: char| matches!(c, '-' | '–' | '—' | '−' | '/' | '~' | '→' | '+');
    let Some(after) = rest.strip_prefix(is_sign) else {
        return rest.starts_with(|c: char| c.is_numeric() || matches!(c, ':' | '…')) || rest.starts_with("..");
    };
    let after = after.trim_start();
    let is_counted = || {
        let word = after.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        word.starts_with(char::is_alphabetic) && quantity(after, false).is_none()
    };
    !(after.is_empty() || after.starts_with(|c: char| c.is_alphabetic() || c == '(') || is_counted())
}

/// `00:00:01.234`, `1:02:03`, `1:03.5`; `1:03` may be minutes or hours.
fn clock(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.'))).unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let mut parts: Vec<&str> = time.split(':').collect();
    let seconds = parts.pop()?;
    let is_whole = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let is_seconds = whole.len() == 2 && is_whole(&whole) && is_whole(&fraction.get(..1)?) && !fraction.contains('.');
    let is_clock = match parts.as_slice() {
        [hours, minutes] => is_whole(hours) && is_whole(minutes) && minutes.len() == 2,
        [minutes] => is_whole(minutes) && seconds.contains('.'),
        _ => false,
    };
    let ends = rest.trim_start().is_empty() || rest.trim_start().starts_with('(');
    if !is_clock || !is_seconds || !ends {
        return None;
    }
    let minutes = parts.iter().try_fold(0.0, |sum, part| Some(sum * 60.0 + part.parse::<f64>().ok()?))?;
    Some((minutes * 60.0 + seconds.parse::<f64>().ok()?) * 1e3)
}

/// A number with its unit, in milliseconds, and what follows; only one that stands alone may be without a unit.
fn quantity(text: &str, is_first: bool) -> Option<(f64, &str)> {
    let (number, rest) = text.split_at(number_end(text));
    let rest = rest.trim_start();
    let (unit, rest) = rest.split_at(rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len()));
    let alone = is_first && (rest.is_empty() || rest.starts_with('('));
    let factor = match unit {
        "" if alone => 1.0,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
        "µs" | "μs" | "us" => 1e-3,
        "min" | "mins" | "m" | "minute" | "minutes" => 6e4,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3.6e6,
        _ => return None,
    };
    let number: f64 = decimal(number, factor <= 1.0)?.parse().ok()?;
    Some((number * factor, rest))
}

/// Where the number at the start of `text` ends: digits, points and commas, and what parts groups of three digits.
fn number_end(text: &str) -> usize {
    let is_digits = |text: &str, n: usize| text.as_bytes().get(..n).is_some_and(|d| d.iter().all(u8::is_ascii_digit));
    let mut end = 0;
    while let Some((c, after)) = text.get(end..).and_then(|rest| Some((rest.chars().next()?, rest))) {
        let after = after.get(c.len_utf8()..).unwrap_or_default();
        let parts = is_parting(c) && end > 0 && is_digits(after, 3) && !is_digits(after, 4);
        if !(c.is_ascii_digit() || matches!(c, '.' | ',') || parts) {
            break;
        }
        end += c.len_utf8();
    }
    end
}

/// Between thousands: spaces of all widths, apostrophes, an underscore.
fn is_parting(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' | '_')
}

/// With a point and nothing else. A comma parts thousands where three digits follow each, else it is the decimal one; with one
/// such comma that is sure of small units only: `1,234 s` may be a second and a bit.
fn decimal(number: &str, is_small: bool) -> Option<String> {
    let spaced: Vec<&str> = number.split(is_parting).collect();
    let [first, groups @ ..] = spaced.as_slice() else { return None };
    if !groups.is_empty() {
        let whole = |part: &&str| part.split(['.', ',']).next().is_some_and(|digits| digits.len() == 3);
        let is_grouped = (1..=3).contains(&first.len())
            && first.bytes().all(|byte| byte.is_ascii_digit())
            && groups.iter().all(whole)
            && groups.iter().rev().skip(1).all(|group| group.len() == 3);
        if !is_grouped {
            return None;
        }
        return Some(spaced.concat().replace(',', "."));
    }
    let mut parts = number.split(',');
    let first = parts.next()?;
    let rest: Vec<&str> = parts.collect();
    let is_thousands = |part: &&str| part.split('.').next().is_some_and(|digits| digits.len() == 3);
    let leads = (1..=3).contains(&first.len()) && !first.starts_with('0') && !first.contains('.');
    match rest.as_slice() {
        [] => Some(number.to_owned()),
        [one] if leads && is_thousands(one) && !one.contains('.') && !is_small => None,
        rest if leads && rest.iter().all(is_thousands) => Some(format!("{first}{}", rest.concat())),
        [fraction] if !number.contains('.') => Some(format!("{first}.{fraction}")),
        // `1.234,5`: the other way round
        [fraction] if !fraction.contains('.') => {
            let mut groups = first.split('.');
            let leads = groups.next().is_some_and(|lead| (1..=3).contains(&lead.len()));
            (leads && groups.all(|group| group.len() == 3)).then(|| format!("{}.{fraction}", first.replace('.', "")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_or_nothing() {
        for (text, expected) in [
            ("43ms", Some(43.0)),
            ("~43ms", Some(43.0)),
            ("43", Some(43.0)),
            ("43 (slow)", Some(43.0)),
            ("43 ms (p95 51ms)", Some(43.0)),
            ("0.41 ms", Some(0.41)),
            ("1.2s", Some(1_200.0)),
            ("1,5 s", Some(1_500.0)),
            ("0,410 s", Some(410.0)),
            ("0,043s", Some(43.0)),
            ("1,234ms", Some(1_234.0)),
            ("1,234,567.8 ms", Some(1_234_567.8)),
            ("1.234,5 ms", Some(1_234.5)),
            ("1 234 ms", Some(1_234.0)),
            ("1\u{a0}234 ms", Some(1_234.0)),
            ("1\u{202f}234,5 ms", Some(1_234.5)),
            ("1'234 ms", Some(1_234.0)),
            ("1_234ms", Some(1_234.0)),
            ("12 345 678 ms", Some(12_345_678.0)),
            ("1m 3s", Some(63_000.0)),
            ("0m1.234s", Some(1_234.0)),
            ("2 min 3 sec", Some(123_000.0)),
            ("00:00:01.234", Some(1_234.0)),
            ("1:02:03", Some(3_723_000.0)),
            ("1:03.5", Some(63_500.0)),
            ("43ms - fast", Some(43.0)),
            ("43ms – fast", Some(43.0)),
            ("43ms / 5 checks", Some(43.0)),
            ("43ms ± 2", Some(43.0)),
            ("43ms ± 2ms", Some(43.0)),
            ("43ms+", Some(43.0)),
            // what may be read in two ways, and what is no number
            ("1:03", None),
            ("1,234 s", None),
            ("10–20ms", None),
            ("10-20 ms", None),
            ("43ms - 51ms", None),
            ("43ms / 51ms", None),
            ("43ms / 51", None),
            ("43ms+5ms", None),
            ("43ms - ~51ms", None),
            ("5 of 10", None),
            ("1,5,2 s", None),
            ("1 23 ms", None),
            ("-5ms", None),
            ("undefined", None),
            ("NaNms", None),
            ("real 0m1.2s", None),
            ("", None),
        ] {
            let ms = milliseconds(text);
            let same = match (ms, expected) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-6,
                (a, b) => a == b,
            };
            assert!(same, "{text}: {ms:?}, expected {expected:?}");
        }
    }
}
