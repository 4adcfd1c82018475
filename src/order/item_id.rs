//! What numbers an item, or says how much it matters, and says nothing of it: `**AC-1**`, `AC1 –`, `[P1]`, `5.1`, `a)`,
//! `[MUST]`, `**1. File size**`.

use std::borrow::Cow;

use super::target::{self, Target, Unit};

/// What numbers are put behind. `SHA-256`, `S3`, `p95` are things.
const NUMBERED: [&str; 10] = ["ac", "acc", "cr", "req", "nfr", "fr", "kpi", "tc", "sc", "dod"];

/// What sorts criteria, with a number. `Phase 9` and `Week 2` say when.
const SORTED: [&str; 10] =
    ["slo", "sla", "kpi", "criterion", "requirement", "goal", "target", "check", "metric", "objective"];

/// In brackets in front of an item: that it must hold. `[CSV]` is a thing.
const MUST: [&str; 5] = ["must", "shall", "should", "required", "mandatory"];

/// `raw` without the id that it begins with, where words are left that may stand by themselves.
pub(super) fn without(raw: &str) -> Cow<'_, str> {
    if let Some(name) = named_in_bracket(raw) {
        return name.into();
    }
    let mark = ["**", "__"].into_iter().find(|mark| raw.starts_with(mark)).unwrap_or("");
    let inner = raw.get(mark.len()..).unwrap_or("");
    let Some(after) = behind_id(inner, !mark.is_empty()) else { return raw.into() };
    let separators = [':', '：', '.', ')', '-', '–', '—', ' '];
    let closed = after.trim_start_matches(separators).strip_prefix(mark).filter(|_| !mark.is_empty());
    let rest = closed.unwrap_or(after).trim_start_matches(separators);
    let says_something = rest.trim_start_matches(['*', '_', '`', '[']).starts_with(char::is_alphabetic);
    match (says_something, closed.is_some() || mark.is_empty()) {
        (true, true) => rest.into(),
        (true, false) => format!("{mark}{rest}").into(),
        (false, _) => raw.into(),
    }
}

/// Whether a key is no more than a word with its number: `SLO-4`, `Criterion 1`, `SLO-4 (Correctness)`. `At 5` restricts, as
/// a statistic does.
pub(super) fn is_numbered(key: &str) -> bool {
    let (name, aside) = key.split_once(" (").unwrap_or((key, ""));
    has_number(name, &SORTED) && target::is_aside(aside)
}

/// Whether a key is nothing but what numbers an item: `AC-1`, `SLO 4`.
pub(super) fn is_id(key: &str) -> bool {
    has_number(key, &SORTED) || has_number(key, &NUMBERED)
}

fn has_number(name: &str, words: &[&str]) -> bool {
    let Some((word, number)) = name.rsplit_once(['-', ' ', '#', '_']) else { return false };
    let is_word = words.iter().any(|known| word.eq_ignore_ascii_case(known));
    is_word && (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
}

/// `AC-1 (File size)`: what has the number is named behind it.
pub(super) fn named_in_bracket(raw: &str) -> Option<&str> {
    let (id, name) = raw.strip_suffix(')')?.split_once(" (")?;
    let is_name = name.starts_with(char::is_alphabetic) && !name.contains(['(', ')']);
    (is_id(id) && is_name).then(|| name.trim())
}

fn behind_id(text: &str, is_bold: bool) -> Option<&str> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    for (open, close) in [('[', ']'), ('(', ')')] {
        let Some(rest) = text.strip_prefix(open) else { continue };
        let (tag, rest) = rest.split_once(close)?;
        let is_word = MUST.iter().any(|word| tag.eq_ignore_ascii_case(word));
        // `(2 of 3) nodes` is no number of an item
        let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.#".contains(c) || (open == '[' && c == ' ');
        let is_tag = tag.len() <= 12 && tag.contains(|c: char| c.is_ascii_digit()) && tag.chars().all(is_known);
        return ((is_word || is_tag) && rest.starts_with([' ', ':', '*', '_'])).then_some(rest);
    }
    // `a) File size`
    let mut chars = text.chars();
    if let (Some(letter), Some(')'), Some(' ')) = (chars.next(), chars.next(), chars.next())
        && letter.is_ascii_alphabetic()
    {
        return text.get(2..);
    }
    // `1.`, `2)`, `3.1.`, `5.2`, `#4`
    let number = text.strip_prefix('#').unwrap_or(text);
    if digits(number) > 0 {
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let (id, rest) = number.split_at_checked(end)?;
        let is_marked = number.len() < text.len()
            || id.ends_with('.')
            || rest.starts_with(')')
            || (id.contains('.') && !is_amount(id, rest));
        let rest = rest.strip_prefix(')').unwrap_or(rest);
        return (is_marked && end <= 8 && rest.starts_with(' ')).then_some(rest);
    }
    let letters = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (word, rest) = text.split_at_checked(letters)?;
    let number = rest.strip_prefix(['-', '_', ' ', '#']).unwrap_or(rest);
    let count = digits(number);
    let rest = number.get(count..)?;
    // `**P1**`, `P1 – …` and `P1: …` are priorities, `P1 latency` is a percentile
    let is_apart = (is_bold && rest.trim_start_matches(':').starts_with("**"))
        || [": ", "：", " – ", " — ", " - "].iter().any(|mark| rest.starts_with(mark));
    let is_priority = word.eq_ignore_ascii_case("p") && count == 1 && is_apart;
    let is_known = NUMBERED.iter().any(|known| word.eq_ignore_ascii_case(known));
    let ends = rest.starts_with([' ', ':', '：', '.', ')', '–', '—', '*', '_']);
    ((is_known || is_priority) && (1..=4).contains(&count) && ends).then_some(rest)
}

/// `1.5 MB per file`, `2.5 times`: a number with what it is of, not `5.1 File size`, which has a name behind it.
fn is_amount(number: &str, rest: &str) -> bool {
    let word = rest.split_whitespace().next().unwrap_or("");
    let has_unit = matches!(
        target::compile("", &format!("= {number} {word}")),
        Target::Compare { unit: Unit::Bytes | Unit::Time | Unit::Percent, .. }
    );
    // what is counted is written small, and a name begins with a capital
    has_unit || !word.trim_start_matches(['*', '_', '`']).starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numbers_an_item_is_told_from_what_it_is_about() {
        for (raw, expect) in [
            ("**AC-1** File size: ≤ 5 MB", "File size: ≤ 5 MB"),
            ("**AC1** – File size", "File size"),
            ("**AC-1:** File size", "File size"),
            ("**AC-1: File size** ≤ 5 MB", "**File size** ≤ 5 MB"),
            ("**1. File size:** ≤ 5 MB", "**File size:** ≤ 5 MB"),
            ("AC-1: File size ≤ 5 MB", "File size ≤ 5 MB"),
            ("AC 12 – **File size** ≤ 5 MB", "**File size** ≤ 5 MB"),
            ("[P1] File size: ≤ 5 MB", "File size: ≤ 5 MB"),
            ("**[AC-2]** File size", "File size"),
            ("**P1** File size: ≤ 5 MB", "File size: ≤ 5 MB"),
            ("#3 File size", "File size"),
            ("2) File size", "File size"),
            ("3.1. File size", "File size"),
            ("5.1 File size ≤ 5 MB", "File size ≤ 5 MB"),
            ("5.2.1 **Compression:** zstd", "**Compression:** zstd"),
            ("AC2. Compression: zstd", "Compression: zstd"),
            ("a) File size ≤ 5 MB", "File size ≤ 5 MB"),
            ("(P1) Rows > 0", "Rows > 0"),
            ("(1) Rows > 0", "Rows > 0"),
            ("P1 – Compression: zstd", "Compression: zstd"),
            ("P0: File size ≤ 5 MB", "File size ≤ 5 MB"),
            ("[MUST] Rows > 0", "Rows > 0"),
            ("AC-1 (File size)", "File size"),
            ("SLO 4 (Schema mismatches)", "Schema mismatches"),
        ] {
            assert_eq!(without(raw), expect, "{raw}");
        }
        for raw in [
            "p95 < 100ms",
            "**P95** latency < 5 ms",
            "P1 latency < 5 ms",
            "S3 upload: OK",
            "SHA-256: OK",
            "**AC-1**",
            "AC-1 (≤ 5 MB)",
            "Phase 9 (File size)",
            "AC-1: ≤ 5 MB",
            "864 heartbeats ± 2%",
            "1.5 MB per file",
            "1.5 times faster",
            "P1: < 5 ms",
            "P95: latency",
            "(2 of 3) nodes",
            "(daily) export",
            "[CSV] File size",
            "[DROPPED] File size",
            "3/3 tests",
            "[label](http://x/1) File size",
            "[x] done",
            "1× daily",
            "Access 5 files",
            "**File size:** ≤ 5 MB",
        ] {
            assert_eq!(without(raw), raw);
        }
    }
}
