//! One target from what stands apart: `>` | `20` | `MB`.

use super::Comparator;
use super::compile::normalize;
use super::lexer;

/// The target as it would be written in one cell. What the comparator says stays in it even where it is not understood, so
/// that the target then compiles to nothing that can be judged.
pub(crate) fn assemble(comparator: &str, value: &str, unit: &str) -> String {
    let value = value.trim();
    let comparator = normalize(comparator);
    let is_given = |text: &str| !matches!(text, "" | "-");
    let mut target = value.to_owned();
    // `Exit code | = | 0`, but also `Compression | = | Snappy`, where the word alone says it
    let is_word = normalize(value).chars().next().is_none_or(char::is_alphabetic);
    if is_given(&comparator) && !(is_equality(&comparator) && is_word) {
        target = format!("{} {value}", sign(&comparator).unwrap_or(&comparator));
    }
    // `≤ 5 | MB`
    let unit = unit.trim();
    if is_given(unit) && value.ends_with(char::is_numeric) {
        target = format!("{target} {unit}");
    }
    target
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
}
