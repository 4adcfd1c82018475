//! What numbers an item and says nothing of it: `**AC-1**`, `AC1 –`, `[P1]`, `**1. File size**`.

use std::borrow::Cow;

/// What numbers are put behind. `SHA-256`, `S3`, `p95` are things.
const NUMBERED: [&str; 10] = ["ac", "acc", "cr", "req", "nfr", "fr", "kpi", "tc", "sc", "dod"];

/// `raw` without the id that it begins with, where words are left that may stand by themselves.
pub(super) fn without(raw: &str) -> Cow<'_, str> {
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

fn behind_id(text: &str, is_bold: bool) -> Option<&str> {
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
    if let Some(rest) = text.strip_prefix('[') {
        let (tag, rest) = rest.split_once(']')?;
        let is_tag = tag.len() <= 12
            && tag.contains(|c: char| c.is_ascii_digit())
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || "-_.# ".contains(c));
        return (is_tag && rest.starts_with([' ', ':', '*', '_'])).then_some(rest);
    }
    // `1.`, `2)`, `3.1.`, `#4`
    let number = text.strip_prefix('#').unwrap_or(text);
    if digits(number) > 0 {
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let (id, rest) = number.split_at_checked(end)?;
        let is_marked = number.len() < text.len() || id.ends_with('.') || rest.starts_with(')');
        let rest = rest.strip_prefix(')').unwrap_or(rest);
        return (is_marked && end <= 8 && rest.starts_with(' ')).then_some(rest);
    }
    let letters = text.find(|c: char| !c.is_ascii_alphabetic())?;
    let (word, rest) = text.split_at_checked(letters)?;
    let number = rest.strip_prefix(['-', '_', ' ', '#']).unwrap_or(rest);
    let count = digits(number);
    let rest = number.get(count..)?;
    // `**P1**` is a priority, `P1 latency` a percentile
    let is_priority =
        is_bold && word.eq_ignore_ascii_case("p") && count == 1 && rest.trim_start_matches(':').starts_with("**");
    let is_known = NUMBERED.iter().any(|known| word.eq_ignore_ascii_case(known));
    let ends = rest.starts_with([' ', ':', '：', '.', ')', '–', '—', '*', '_']);
    ((is_known || is_priority) && (1..=4).contains(&count) && ends).then_some(rest)
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
            "AC-1: ≤ 5 MB",
            "864 heartbeats ± 2%",
            "1.5 MB per file",
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
