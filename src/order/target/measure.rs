//! What follows a number: a multiplier, a unit, or the noun of what is counted.
//!
//! What must hold: a unit or a number that two readers would take for two things is refused.

use super::{Unit, lexer};

pub(super) struct Measure<'a> {
    pub number: f64,
    pub unit: Unit,
    /// What one of the number's units is in the base: `2 million` and `2 MB` are two of 1,000,000.
    pub scale: f64,
    pub rest: &'a str,
}

/// The multiplier and the unit after a number; times may go on (`1 h 30 min`), counts may name what is counted.
pub(super) fn measure(number: f64, rest: &str) -> Result<Measure<'_>, String> {
    if let Some((unit, scale, mut rest)) = lexer::unit(rest) {
        let mut total = number * scale;
        if unit == Unit::Time {
            while let Some((more, after)) = another_time(rest) {
                total += more;
                rest = after;
            }
        }
        return Ok(Measure { number: total, unit, scale, rest });
    }
    let after = rest.trim_start();
    if let Some(word) =
        ["Kb", "Mb", "Gb", "Tb", "M", "H", "S", "D", "W", "b"].iter().find(|word| lexer_word(after) == **word)
    {
        return Err(format!("`{word}` can be read in two ways; write e.g. MB for megabytes, min for minutes"));
    }
    if let Some(rest) = after.strip_prefix('×').or_else(|| lexer::phrase(after, "x")) {
        return Ok(Measure { number, unit: Unit::Count { noun: Some("×".to_owned()) }, scale: 1.0, rest });
    }
    if let Some((factor, rest)) = lexer::multiplier(rest) {
        // one is enough: `5k million` is no number
        if lexer::multiplier(rest).is_some() {
            return Err(format!("`{}` has more than one multiplier", after.trim_end()));
        }
        let measure = measure(number * factor, rest)?;
        return Ok(Measure { scale: measure.scale * factor, ..measure });
    }
    if rest.starts_with(|c: char| c.is_alphabetic()) {
        return Err(format!("`{}` is no unit", lexer_word(rest)));
    }
    let (noun, rest) = noun(rest);
    Ok(Measure { number, unit: Unit::Count { noun }, scale: 1.0, rest })
}

/// Refuses `1.000 rows` and `5.000 kB`: one row to some, a thousand to others. Times and shares are written with three
/// decimals as a matter of course (`1.000 s`, `99.999 %`). `text` begins with the number, which ends at `rest`.
pub(super) fn whole_count(text: &str, rest: &str, unit: &Unit) -> Result<(), String> {
    let written = text.strip_suffix(rest).unwrap_or(text);
    match unit {
        Unit::Count { .. } | Unit::Bytes if lexer::is_point_of_thousands(written) => Err(format!(
            "`{written}` can be read in two ways; write `{}` for the one, `{}` for the other",
            written.trim_end_matches('0').trim_end_matches('.'),
            written.replace('.', ",")
        )),
        _ => Ok(()),
    }
}

/// ` 30 min` after ` 1 h`, in nanoseconds.
fn another_time(text: &str) -> Option<(f64, &str)> {
    let (number, rest) = lexer::number(text.trim_start())?;
    let (unit, scale, rest) = lexer::unit(rest)?;
    (unit == Unit::Time).then_some((number * scale, rest))
}

fn lexer_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

const PREPOSITIONS: [&str; 31] = [
    "for", "in", "per", "at", "during", "within", "on", "over", "across", "with", "when", "if", "after", "before",
    "from", "of", "by", "while", "until", "since", "or", "and", "to", "under", "a", "an", "each", "every", "without",
    "between", "through",
];

/// Up to four words that are counted: `file write errors`.
pub(super) fn noun(text: &str) -> (Option<String>, &str) {
    let mut rest = text;
    let mut words: Vec<&str> = Vec::new();
    loop {
        let after = rest.trim_start();
        let end =
            after.find(|c: char| !(c.is_alphabetic() || c == '-' || c == '_' || c == '\'')).unwrap_or(after.len());
        let Some((word, next)) = after.split_at_checked(end) else { break };
        let lower = word.to_lowercase();
        let stops = word.is_empty()
            || !word.starts_with(char::is_alphabetic)
            || PREPOSITIONS.contains(&lower.as_str())
            || lexer::adverb(after).is_some()
            || (words.is_empty() && matches!(lower.as_str(), "max" | "min" | "maximum" | "minimum"))
            || next.starts_with(|c: char| c.is_ascii_digit());
        if stops || words.len() == 4 {
            break;
        }
        words.push(word);
        rest = next;
    }
    ((!words.is_empty()).then(|| words.join(" ")), rest)
}
