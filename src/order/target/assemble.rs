//! One target from what stands apart: `>` | `20` | `MB`.

use super::Comparator;
use super::compile::normalize;
use super::lexer;
use super::words::words_of;

/// The target as it would be written in one cell. What the comparator says stays in it even where it is not understood, so
/// that the target then compiles to nothing that can be judged.
pub(crate) fn assemble(comparator: &str, value: &str, unit: &str) -> String {
    let value = value.trim();
    let comparator = normalize(comparator);
    let is_given = |text: &str| !matches!(text, "" | "-");
    let mut target = value.to_owned();
    // `Exit code | = | 0`, but also `Compression | = | Snappy`, where the word alone says it
    let is_word = normalize(value).chars().next().is_none_or(char::is_alphabetic);
    let written = sign(&comparator).unwrap_or(&comparator);
    if is_given(&comparator) && !(is_equality(&comparator) && is_word) && !begins_with(value, written) {
        target = format!("{written} {value}");
    }
    // `≤ 5 | MB`
    let unit = unit.trim();
    if is_given(unit) && value.ends_with(char::is_numeric) {
        target = format!("{target} {unit}");
    }
    target
}

/// A metric without the comparator that it ends with (`Rows ≥ | 100`, `Rows at least | 100`), and the target with it, or why
/// they don't go together. `None` where the metric ends with none.
pub(super) fn apart(metric: &str, target: &str) -> Option<Result<(String, String), String>> {
    let (name, written) = ending(metric)?;
    let starts_with_number = target.starts_with(|c: char| c.is_ascii_digit());
    let is_word = target.starts_with(char::is_alphabetic);
    let joined = match () {
        () if begins_with(target, written) || (is_word && is_equality(written)) => target.to_owned(),
        () if starts_with_number => format!("{written} {target}"),
        () => return Some(Err(format!("`{metric}` ends with a comparator that `{target}` does not go with"))),
    };
    Some(Ok((name.to_owned(), joined)))
}

/// A metric without the unit behind it, and the target with it: `File size (MB) | ≤ 5`, `Rate [%] | 100`, `File size in MB | ≤ 5`.
pub(crate) fn unit_apart(metric: &str, target: &str) -> Option<(String, String)> {
    let (name, unit) = unit_behind(metric)?;
    let is_bare = target.trim_end().ends_with(|c: char| c.is_ascii_digit());
    is_bare.then(|| (name.to_owned(), assemble("", target, unit)))
}

/// A metric's name and the unit behind it.
pub(crate) fn unit_behind(metric: &str) -> Option<(&str, &str)> {
    let metric = metric.trim_end();
    let bracketed = [('(', ')'), ('[', ']')].into_iter().find_map(|(open, close)| {
        metric.strip_suffix(close)?.rsplit_once(open).map(|(name, unit)| (name.trim_end(), unit.trim()))
    });
    let (name, unit) = bracketed.or_else(|| metric.rsplit_once(" in "))?;
    let unit = unit.strip_prefix("in ").unwrap_or(unit).trim();
    let is_unit = lexer::unit(unit).is_some_and(|(_, _, rest)| rest.is_empty());
    // `Export (min)` is in minutes, of `Rows (min)` there may not be fewer
    let is_floor = bracketed.is_some() && unit.eq_ignore_ascii_case("min") && is_counted(name);
    (is_unit && !is_floor && !name.is_empty()).then_some((name, unit))
}

/// Whether a name is of what has a number or a size and lasts no time.
fn is_counted(name: &str) -> bool {
    const COUNTED: [&str; 15] = [
        "row",
        "rows",
        "records",
        "size",
        "sizes",
        "files",
        "number",
        "count",
        "reports",
        "heartbeats",
        "cycles",
        "runs",
        "coverage",
        "columns",
        "checks",
    ];
    const LEADS_ON: [&str; 4] = ["of", "between", "per", "for"];
    // `Gap between heartbeats` is a gap
    let words = words_of(name);
    let named = words.iter().take_while(|word| !LEADS_ON.contains(&word.as_str()));
    named.last().is_some_and(|word| COUNTED.contains(&word.as_str()))
}

/// `Max file size`, `Min. rows`, `Rows (min)`: what a metric says at one of its ends of how much there may be, and the metric
/// without it.
pub(crate) fn bound_apart(metric: &str) -> Option<(Comparator, &str)> {
    const BOUNDS: [(&str, Comparator); 4] = [
        ("maximum", Comparator::AtMost),
        ("minimum", Comparator::AtLeast),
        ("max", Comparator::AtMost),
        ("min", Comparator::AtLeast),
    ];
    let metric = metric.trim();
    let named = lexer::phrase(metric, "the").map_or(metric, str::trim_start);
    let parted = [named.split_once(' ').map(|(bound, name)| (name, bound)), named.rsplit_once(' ')];
    parted.into_iter().flatten().find_map(|(name, bound)| {
        let bound = bound.strip_prefix(['(', '[']).and_then(|bound| bound.strip_suffix([')', ']'])).unwrap_or(bound);
        let bound = bound.strip_suffix('.').unwrap_or(bound);
        let (_, comparator) = BOUNDS.iter().find(|(word, _)| bound.eq_ignore_ascii_case(word))?;
        let is_minutes = bound.eq_ignore_ascii_case("min") && counts_minutes(name.trim());
        Some((*comparator, name.trim())).filter(|(_, name)| !name.is_empty() && !is_minutes)
    })
}

/// Whether `min` behind a name is a unit: `Outages / min`, `Errors per min`, `Errors in the last 5 min`.
fn counts_minutes(name: &str) -> bool {
    let before = name.rsplit(' ').next().unwrap_or("");
    name.ends_with('/')
        || ["per", "a", "each", "every", "in"].contains(&before)
        || before.ends_with(|c: char| c.is_ascii_digit())
}

/// The comparator at the end of a metric: a sign, or words of which one alone might belong to the name (`Left over`).
fn ending(metric: &str) -> Option<(&str, &str)> {
    let is_whole = |text: &str| {
        let probe = format!("{text} 1");
        lexer::comparator(&probe).is_some_and(|(_, rest)| rest == " 1")
    };
    let sign = metric.trim_end_matches(|c: char| "<>=≤≥≠⩽⩾≦≧≈!".contains(c));
    // `Rate <rows>`, `in => out`
    let is_apart = sign.ends_with(char::is_whitespace) || metric.ends_with(['≤', '≥', '≠', '=']);
    if let Some(written) =
        metric.strip_prefix(sign).filter(|written| !written.is_empty() && is_apart && is_whole(written))
    {
        return Some((sign.trim_end(), written)).filter(|(name, _)| !name.is_empty());
    }
    let starts = metric.match_indices(' ').map(|(at, _)| at);
    starts
        .filter_map(|at| Some((metric.get(..at)?, metric.get(at + 1..)?)))
        .find(|(_, words)| (words.contains(' ') || words.eq_ignore_ascii_case("within")) && is_whole(words))
}

/// Whether a value says the comparator itself: `≤` and `≤ 5`.
fn begins_with(value: &str, written: &str) -> bool {
    let probe = format!("{written} 1");
    let given = lexer::comparator(&probe).map(|(comparator, _)| comparator);
    given.is_some() && lexer::comparator(&normalize(value)).map(|(comparator, _)| comparator) == given
}

fn is_equality(comparator: &str) -> bool {
    let written = sign(comparator).unwrap_or(comparator);
    matches!(lexer::comparator(&format!("{written} 1")), Some((Comparator::Equal, _)))
}

/// Short names of comparators that programs use.
fn sign(name: &str) -> Option<&'static str> {
    Some(match name.to_lowercase().as_str() {
        "gt" => ">",
        "gte" | "ge" => "≥",
        "lt" => "<",
        "lte" | "le" => "≤",
        "eq" | "is" => "=",
        "ne" | "neq" => "≠",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::compile;
    use super::*;

    #[test]
    fn what_stands_apart_means_what_it_means_together() {
        for (comparator, value, unit, expect) in [
            (">", "20", "", "> 20"),
            ("≤", "5", "MB", "≤ 5 MB"),
            ("gte", "1,000", "rows", "≥ 1000 rows"),
            ("at most", "5", "MB", "≤ 5 MB"),
            ("", "≤ 5", "MB", "≤ 5 MB"),
            ("-", "0", "-", "= 0"),
            ("=", "Snappy", "", "is Snappy"),
            ("==", "OK", "", "works (OK)"),
            ("between", "10-20", "%", "10% to 20%"),
            ("<=", "≤ 5 MB", "", "≤ 5 MB"),
            ("&gt;", "20", "", "> 20"),
            ("`<`", "2 s", "", "< 2 s"),
        ] {
            assert_eq!(
                compile("x", &assemble(comparator, value, unit)).to_string(),
                expect,
                "{comparator} {value} {unit}"
            );
        }
        for (comparator, value) in [
            (">", "≥ 20"),
            ("=", "≤ 5"),
            ("!=", "Snappy"),
            ("approximates", "20"),
            ("contains", "Snappy"),
            (">", "fast"),
        ] {
            let shown = compile("x", &assemble(comparator, value, "")).to_string();
            assert!(shown.starts_with("unclear"), "{comparator} {value}: {shown}");
        }
    }

    #[test]
    fn a_unit_behind_a_metric_is_the_targets() {
        for (metric, target, expect) in [
            ("File size (MB)", "≤ 5", "≤ 5 MB"),
            ("File size [MB]", "≤ 5", "≤ 5 MB"),
            ("File size in MB", "≤ 5", "≤ 5 MB"),
            ("File size (in MB)", "≤ 5", "≤ 5 MB"),
            ("Validation time [ms]", "< 2000", "< 2 s"),
            ("Validation time in ms", "< 2 s", "< 2 s"),
            ("Heartbeats in a row", "≥ 2", "≥ 2"),
            ("Heartbeats in 24 h", "≥ 2", "≥ 2"),
            ("Validation time (ms)", "< 2000", "< 2 s"),
            ("Schema consistency (%)", "100", "= 100%"),
            ("Validation time (ms)", "< 2 s", "< 2 s"),
            ("Rows (daily)", "5", "= 5"),
            ("Duration (min)", "≤ 5", "≤ 5 min"),
            ("Gap between heartbeats (min)", "< 15", "< 15 min"),
            ("Rows (min)", "1", "≥ 1"),
            ("Rows (min)", "≥ 1", "≥ 1"),
            ("Rows (min.)", "1", "≥ 1"),
            ("Export (min)", "≤ 1", "≤ 1 min"),
            ("Last heartbeat (min)", "≤ 300", "≤ 5 h"),
            ("Export in min", "< 2", "< 2 min"),
            ("Redis outages / min", "0", "= 0"),
            ("Errors per min", "0", "= 0"),
            ("Errors in last 5 min", "0", "= 0"),
            ("max_file_size", "5 MB", "≤ 5 MB"),
            ("min_rows", "1", "≥ 1"),
            ("Max", "30 s", "≤ 30 s"),
            ("Min", "1", "≥ 1"),
            ("Min. rows", "1", "≥ 1"),
            ("The minimum rows", "1", "≥ 1"),
            ("File size (max)", "5 MB", "≤ 5 MB"),
            ("File size [max]", "5 MB", "≤ 5 MB"),
            ("File size (min)", "5 kB", "≥ 5 kB"),
            ("File size maximum", "5 MB", "≤ 5 MB"),
            ("Duration (max)", "5 s", "≤ 5 s"),
            ("Uptime (24h)", "≥ 1", "≥ 1"),
        ] {
            assert_eq!(compile(metric, target).to_string(), expect, "{metric} | {target}");
        }
    }

    #[test]
    fn a_comparator_at_the_end_of_a_metric_is_the_targets() {
        for (metric, target, expect) in [
            ("Rows ≥", "100", "≥ 100"),
            ("Rows>=", "100 rows", "≥ 100 rows"),
            ("Schema errors ≤", "3", "≤ 3"),
            ("Unreadable reports <", "1", "< 1"),
            ("File size ≤", "5 MB", "≤ 5 MB"),
            ("File size ≤", "≤ 5 MB", "≤ 5 MB"),
            ("Rows at least", "100", "≥ 100"),
            ("Rows must not be less than", "100", "≥ 100"),
            ("Validation within", "2 s", "≤ 2 s"),
            ("Compression =", "Snappy", "is Snappy"),
            ("Rate <rows>", "100", "= 100"),
            ("Left over", "0", "= 0"),
        ] {
            assert_eq!(compile(metric, target).to_string(), expect, "{metric} | {target}");
        }
        for (metric, target) in [("Rows ≥", "≤ 100"), ("Rows ≥", "many"), ("Rows ≥", ""), ("Compression ≠", "gzip")]
        {
            let shown = compile(metric, target).to_string();
            assert!(shown.starts_with("unclear"), "{metric} | {target}: {shown}");
        }
    }
}
