//! Key lines: `**Phase:** 7.8`, `**Phase**: 7.8`, `Authorization: GG`, with full-width colons too.

use super::model::Span;
use super::{fold, names};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyLine {
    /// As written, without marks.
    pub name: String,
    /// Offsets within the line.
    pub value: Span,
    pub bold: bool,
}

const MAX_NAME_CHARS: usize = 60;

/// The key line that `line` is, if it is one. `line` may start with a list marker's content, emoji or a tick.
pub(crate) fn parse(line: &str) -> Option<KeyLine> {
    let stripped = fold::strip_marks(line);
    let offset = line.len().checked_sub(stripped.len())?;
    bold(stripped).or_else(|| plain(stripped)).map(|mut key| {
        key.value = key.value.start + offset..key.value.end + offset;
        key
    })
}

/// The parts of a line that holds several bold keys with their values: `**Priority:** P0 | **Owner:** GG`; else all of it. A key
/// that names a section has the whole of its line.
pub(crate) fn several(line: &str) -> Vec<Span> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, mark) in line.match_indices(['|', '·']).chain([(line.len(), "")]) {
        let part = line.get(start..at).unwrap_or("");
        let from = start + part.len() - part.trim_start().len();
        parts.push(from..from + part.trim().len());
        start = at + mark.len();
    }
    let is_key = |part: &Span| {
        let key = line.get(part.clone()).and_then(parse);
        key.is_some_and(|key| {
            key.bold && !key.value.is_empty() && names::role(&fold::heading(&key.name)) == names::Role::Other
        })
    };
    if parts.len() > 1 && parts.iter().all(is_key) { parts } else { std::iter::once(0..line.len()).collect() }
}

fn is_colon(c: char) -> bool {
    matches!(c, ':' | '：' | '﹕' | '︰')
}

/// The span of `text` from `from`, trimmed.
fn rest(text: &str, from: usize) -> Span {
    let tail = text.get(from..).unwrap_or("");
    let value = tail.trim();
    // a hard break may be written as a backslash
    let value = value.strip_suffix('\\').unwrap_or(value).trim_end();
    let start = from + (tail.len() - tail.trim_start().len());
    start..start + value.len()
}

fn bold(text: &str) -> Option<KeyLine> {
    let mark = ["**", "__", "*", "_"].into_iter().find(|mark| text.starts_with(mark))?;
    // `* item`
    if text.get(mark.len()..)?.starts_with(char::is_whitespace) {
        return None;
    }
    let inner_start = mark.len();
    let close = text.get(inner_start..)?.find(mark)? + inner_start;
    let inner = text.get(inner_start..close)?;
    let after = close + mark.len();
    let tail = text.get(after..)?;
    let trimmed = inner.trim_end();
    if let Some(name) = trimmed.strip_suffix(is_colon) {
        return key(name, rest(text, after), true);
    }
    let gap = tail.len() - tail.trim_start().len();
    if let Some(colon) = tail.trim_start().chars().next().filter(|c| is_colon(*c)) {
        return key(inner, rest(text, after + gap + colon.len_utf8()), true);
    }
    // `**Phase: 7.8**`
    let (at, colon) = inner.char_indices().find(|(_, c)| is_colon(*c))?;
    let name = inner.get(..at)?;
    let value_start = at + colon.len_utf8();
    if !tail.trim().is_empty() || !inner.get(value_start..)?.starts_with([' ', '\t']) && colon == ':' {
        return None;
    }
    let mut value = rest(inner, value_start);
    value = value.start + inner_start..value.end + inner_start;
    key(name, value, true)
}

fn plain(text: &str) -> Option<KeyLine> {
    let (at, colon) = text.char_indices().take(MAX_NAME_CHARS + 1).find(|(_, c)| is_colon(*c))?;
    let name = text.get(..at)?;
    let after = at + colon.len_utf8();
    let tail = text.get(after..)?;
    // `http://`, `02:30`, `a:b`
    if colon == ':' && !tail.is_empty() && !tail.starts_with(char::is_whitespace) {
        return None;
    }
    let words = name.split_whitespace().count();
    let well_formed = name.starts_with(char::is_alphabetic)
        && name.chars().all(|c| c.is_alphanumeric() || " _-/&'()".contains(c) || !c.is_ascii())
        && (1..=5).contains(&words);
    if well_formed { key(name, rest(text, after), false) } else { None }
}

fn key(name: &str, value: Span, bold: bool) -> Option<KeyLine> {
    let name = fold::inline(fold::strip_marks(name));
    let fits = !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS && name.chars().any(char::is_alphabetic);
    fits.then_some(KeyLine { name, value, bold })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_keys_of_one_line_are_parted() {
        for (line, expect) in [
            ("**Priority:** P0 | **Owner:** GG → CLC | **Expires:** 2025-11-02", 3),
            ("**Priority:** P0 · **Owner:** CLC", 2),
            ("**Priority:** P0 | P1", 1),
            ("**Objective:** a | **Owner:** CLC", 1),
            ("Priority: P0 | Owner: CLC", 1),
            ("| **Priority:** | P0 |", 1),
            ("**Priority:** P0", 1),
        ] {
            assert_eq!(several(line).len(), expect, "{line}");
        }
    }

    #[test]
    fn key_lines_in_all_their_spellings() {
        for (line, expect) in [
            ("**Phase:** 7.8 – Data", Some(("Phase", "7.8 – Data", true))),
            ("**Phase**: 7.8", Some(("Phase", "7.8", true))),
            ("**Phase：**7.8", Some(("Phase", "7.8", true))),
            ("**Phase** ： 7.8", Some(("Phase", "7.8", true))),
            ("__Phase:__ 7.8", Some(("Phase", "7.8", true))),
            ("*Phase:* 7.8", Some(("Phase", "7.8", true))),
            ("_Phase:_ 7.8", Some(("Phase", "7.8", true))),
            ("* Phase: 7.8", None),
            ("**Phase: 7.8**", Some(("Phase", "7.8", true))),
            ("🧠 **Phase:** 7.8\\", Some(("Phase", "7.8", true))),
            ("**Objective:**", Some(("Objective", "", true))),
            ("Authorization: GG (CEO)", Some(("Authorization", "GG (CEO)", false))),
            ("วันที่： 2025-10-28", Some(("วันที่", "2025-10-28", false))),
            ("**Bold** words", None),
            ("see http://x", None),
            ("02:30 daily", None),
            ("no key here", None),
            ("a sentence that goes on and on: so", None),
            ("**ratio 3:4**", None),
            ("**", None),
            ("****", None),
            (":", None),
        ] {
            let got = parse(line);
            let got = got.as_ref().map(|key| (key.name.as_str(), &line[key.value.clone()], key.bold));
            assert_eq!(got, expect, "{line}");
        }
    }
}
