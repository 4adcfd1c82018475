//! Lines with a key, `**Overall Status:** ✅ Verified | **Owner:** GG`: their parts, their keys, and the values of those keys that ask
//! how things are.
//!
//! Invariant: a part ends where the next key of its line begins.

use super::inline::expression;
use super::outline::Span;
use crate::report::marks::{self, Mark, Sense};
use crate::report::{generic, text};

/// The keys of a line that ask how things are, each with the bytes of its value; the last one's may stand on the `next` line.
pub fn of_line(source: &str, line: &Span, next: Option<&Span>) -> Vec<(String, Span)> {
    let here = parts(source, line).into_iter().filter_map(|part| status(source, part));
    here.chain(next.and_then(|next| on_next_line(source, line, next))).collect()
}

/// Whether a line is a status line by its first key.
pub fn is_one(source: &str, line: &Span) -> bool {
    parts(source, line).into_iter().next().is_some_and(|part| status(source, part).is_some())
}

/// Keys that speak of the whole order, or of what the place is about that they stand at.
const WHOLE: [&str; 17] = [
    "status",
    "overall",
    "verdict",
    "outcome",
    "result",
    "overall status",
    "overall verdict",
    "overall result",
    "final status",
    "final verdict",
    "final result",
    "order status",
    "work order status",
    "report status",
    "completion status",
    "verification status",
    "conclusion",
];

/// Whether a name names no thing whose status it asks for, in each language that it says so: `สถานะ (Status)`.
pub fn is_whole(name: &str) -> bool {
    let plain = text::plain(name);
    let mut parts = plain.split(['(', ')', '（', '）', '/']).map(text::key).filter(|part| !part.is_empty()).peekable();
    let is_thai = |part: &str| !part.contains(' ') && asks_by(part) && generic::is_generic(part);
    parts.peek().is_some() && parts.all(|part| WHOLE.contains(&part.as_str()) || is_thai(&part))
}

/// `**Redis Status:** ✅ OK | **Owner:** GG`: the parts of a line that each have a key. A bar before a sign parts the
/// alternatives of one value.
pub fn parts(source: &str, line: &Span) -> Vec<Span> {
    let text = source.get(line.clone()).unwrap_or("");
    let mut out = Vec::new();
    let mut start = 0;
    let first = bold_key(text).map(|(_, length)| length).or_else(|| colon(text).map(|colon| colon.end));
    let mut skip_to = first.unwrap_or(text.len());
    let mut in_code = false;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let previous = std::mem::replace(&mut before, c);
        if at < skip_to {
            continue;
        }
        let rest = text.get(at..).unwrap_or("");
        in_code ^= c == '`';
        let bar = c == '|' && previous != '\\' && marks::at(rest.get(1..).unwrap_or("").trim_start()).is_none();
        let key = bold_key(rest).filter(|_| matches!(c, '*' | '_') && previous != c);
        if !in_code && (bar || key.is_some()) {
            out.push(line.start + start..line.start + at);
            start = if bar { at + 1 } else { at };
            skip_to = start + key.map_or(0, |(_, length)| length);
        }
    }
    out.push(line.start + start..line.end);
    out
}

/// The key in bold that `text` starts with, `**Owner:**` or `**Deployed?**`: its name, and the length of all of it.
pub fn bold_key(text: &str) -> Option<(&str, usize)> {
    let (name, length) = bold(text)?;
    let behind = text.get(length..)?;
    // a shortcode is a sign, no colon
    let rest = behind.trim_start();
    let rest = rest.get(colon_at(rest)..).filter(|after| after.len() < rest.len() && marks::at(rest).is_none());
    let is_key = rest.is_some() || name.ends_with(COLONS) || name.ends_with(['?', '？']);
    let name = name.trim_end_matches(COLONS);
    (is_key && !text::words(name).is_empty()).then_some((name, text.len() - rest.unwrap_or(behind).len()))
}

/// What stands in bold at the start of `text`, and the length of it with its marks.
pub fn bold(text: &str) -> Option<(&str, usize)> {
    let mark = ["**", "__"].into_iter().find(|mark| text.starts_with(mark))?;
    let inner = text.get(mark.len()..)?;
    let close = inner.find(mark)?;
    let name = inner.get(..close)?;
    (!name.starts_with(char::is_whitespace)).then_some((name.trim_end(), mark.len() * 2 + close))
}

/// What ends a key, as Latin and as CJK and Thai keyboards write it.
pub const COLONS: [char; 2] = [':', '：'];

/// The colon that ends a key; one within an expression does not.
pub fn colon(text: &str) -> Option<Span> {
    let mut skip_to = 0;
    text.char_indices().find_map(|(at, c)| {
        if at >= skip_to && c == '{' {
            skip_to = at + text.get(at..).and_then(expression).unwrap_or(0);
        }
        (at >= skip_to && COLONS.contains(&c)).then(|| at..at + text.get(at..).map_or(0, colon_at))
    })
}

/// The bytes of the colon that `text` starts with; `::`, as Obsidian's fields have it, is one. A shortcode's own is none of it.
fn colon_at(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(COLONS) else { return 0 };
    let rest = rest.strip_prefix(COLONS).filter(|_| marks::at(rest).is_none()).unwrap_or(rest);
    text.len() - rest.len()
}

pub fn without_expressions(name: &str) -> String {
    let mut out = String::new();
    let mut skip_to = 0;
    for (at, c) in name.char_indices() {
        if at >= skip_to && c == '{' {
            skip_to = at + name.get(at..).and_then(expression).unwrap_or(0);
        }
        if at >= skip_to {
            out.push(c);
        }
    }
    out
}

/// What a key that asks how things are says, and where its value begins.
fn key(source: &str, part: &Span) -> Option<(String, usize)> {
    let text = source.get(part.clone())?;
    let colon = colon(text)?;
    let name = without_expressions(text.get(..colon.start)?);
    let words = text::words(&name);
    if words.is_empty() || words.len() > 4 || !words.last().is_some_and(|word| asks_by(word)) {
        return None;
    }
    // an item that is ticked before its name is a checklist's
    if name.trim_start_matches(['*', '_', ' ']).starts_with(|c: char| !c.is_alphanumeric()) {
        return None;
    }
    let colon_end = part.start + colon.end;
    Some((name, colon_end))
}

/// Whether a key that ends in this word asks how things are. Thai, which writes no blanks, begins with it: `สถานะฐานข้อมูล`.
fn asks_by(word: &str) -> bool {
    let asks = ["status", "state", "verdict", "outcome", "result", "overall", "health", "conclusion"];
    asks.contains(&word) || ["สถานะ", "ผลลัพธ์"].iter().any(|asks| word.starts_with(asks))
}

/// The key and the bytes of the value.
fn status(source: &str, part: Span) -> Option<(String, Span)> {
    let (key, from) = key(source, &part)?;
    let after = source.get(from..part.end)?;
    let value = after.trim_start_matches(['*', '_', ' ', '\t', '\u{a0}']);
    asks(value).then_some(())?;
    let start = part.end - value.len();
    // what parts it from the next key stays
    let value =
        ["<br>", "<br/>", "<br />"].into_iter().find_map(|end| value.trim_end().strip_suffix(end)).unwrap_or(value);
    let value =
        value.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '|' | '·' | '•' | ',' | ';' | '–' | '—'));
    // keep a bold end that closes what opened before the sign
    let value = if after.trim_start().starts_with("**") { value } else { value.trim_end_matches('*') };
    Some((key, start..start + value.len()))
}

/// A value without the marks in it that close emphasis which opens before it (`PASS** ✅` of `Verdict: **PASS** ✅`), and those
/// marks: what the value becomes must close it too.
pub fn closed(value: &str) -> (String, String) {
    let mut open: Vec<&str> = Vec::new();
    let mut closing = String::new();
    let mut rest = String::with_capacity(value.len());
    let (mut at, mut before, mut in_code) = (0, ' ', false);
    while let Some(c) = value.get(at..).and_then(|text| text.chars().next()) {
        in_code ^= c == '`';
        if !matches!(c, '*' | '_') || in_code || before == '\\' {
            rest.push(c);
            before = c;
            at += c.len_utf8();
            continue;
        }
        let tail = value.get(at..).unwrap_or("");
        let run = tail.get(..tail.len() - tail.trim_start_matches(c).len()).unwrap_or("");
        at += run.len();
        let next = value.get(at..).and_then(|text| text.chars().next()).unwrap_or(' ');
        match open.last() {
            Some(last) if *last == run => drop(open.pop()),
            // what closes stands behind no blank and in front of no word
            _ if before.is_whitespace() || next.is_alphanumeric() => open.push(run),
            _ => {
                closing.push_str(run);
                continue;
            }
        }
        rest.push_str(run);
        before = c;
    }
    (rest, closing)
}

/// A value that starts with an open or a green sign, or that is green further on: `COMPLETE ✅`.
fn asks(value: &str) -> bool {
    match marks::at(value) {
        Some(mark) => !matches!(mark.sense, Sense::Warning | Sense::Bad),
        None => marks::has_green(value),
    }
}

/// `**Overall Status:**` with its value on the next line of the paragraph.
fn on_next_line(source: &str, line: &Span, next: &Span) -> Option<(String, Span)> {
    let part = parts(source, line).pop()?;
    let (key, from) = key(source, &part)?;
    let is_empty = source.get(from..part.end)?.chars().all(|c| c.is_whitespace() || matches!(c, '*' | '_' | '\\'));
    let text = source.get(next.clone())?;
    let value = text.trim_start_matches(['*', '_', ' ', '\t']);
    let leads = marks::at(value).is_some_and(|mark| matches!(mark.sense, Sense::Green | Sense::Open));
    let end = parts(source, next).first()?.end;
    let start = next.end - value.len();
    let value = source.get(start..end.max(start))?.trim_end().trim_end_matches('*');
    (is_empty && leads).then(|| (key, start..start + value.len()))
}

/// `✅ Confirms: …`, `**Confirms:** …`, `- ✅ **Confirms** that …`: the bytes of its mark, or the place of one.
pub fn confirms_line(source: &str, line: Span) -> Option<(Span, Option<Mark>)> {
    let text = source.get(line.clone())?;
    let skip = ['*', '_', ' ', '\t'];
    let start = text.trim_start_matches(skip);
    let mark = marks::at(start);
    let behind = match mark {
        Some(mark) => start.get(mark.len..)?.trim_start_matches(skip),
        None => start,
    };
    let word: String = behind.chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    if !matches!(
        word.to_ascii_lowercase().as_str(),
        "confirms" | "confirm" | "confirmed" | "verifies" | "validates" | "proves"
    ) {
        return None;
    }
    let colon = behind.get(word.len()..)?.trim_start_matches(skip).starts_with(':');
    match mark {
        Some(mark) => {
            let at = line.end - start.len();
            Some((at..at + mark.len, Some(mark)))
        }
        None if colon => {
            let lead = text.len() - text.trim_start().len();
            Some((line.start + lead..line.start + lead, None))
        }
        None => None,
    }
}

/// Whether a line of running text isn't wrapped onto the next one.
pub fn ends(line: &str) -> bool {
    let is_broken = line.ends_with("  ") || line.ends_with('\\') || line.trim_end().ends_with('>');
    is_broken || line.trim_end_matches(['*', '_', ' ']).ends_with([':', '：', '.', '!', '?', '。', '…'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_closes_emphasis_from_before_a_value_is_told_apart() {
        for (value, rest, closing) in [
            ("PASS** ✅", "PASS ✅", "**"),
            ("✅ PASS**", "✅ PASS", "**"),
            ("Complete* ✅", "Complete ✅", "*"),
            ("Complete_ ✅", "Complete ✅", "_"),
            ("✅ **PASS** – all", "✅ **PASS** – all", ""),
            ("✅ a_b_c and 2 * 3", "✅ a_b_c and 2 * 3", ""),
            ("✅ 5\\* (x)", "✅ 5\\* (x)", ""),
            ("✅ (*all*), `*.md`", "✅ (*all*), `*.md`", ""),
            ("✅ Verified", "✅ Verified", ""),
        ] {
            assert_eq!(closed(value), (rest.to_owned(), closing.to_owned()), "{value}");
        }
    }

    #[test]
    fn a_key_is_of_the_whole_where_it_names_no_thing_in_any_language() {
        for (name, expect) in [
            ("**Status**", true),
            ("สถานะ", true),
            ("สถานะโดยรวม", true),
            ("ผลลัพธ์", true),
            ("สถานะ (Status)", true),
            ("Status (สถานะ)", true),
            ("Status / สถานะ", true),
            ("Overall Status (Verdict)", true),
            ("สถานะฐานข้อมูล", false),
            ("Status (Redis)", false),
            ("Redis (Status)", false),
            ("รายงาน", false),
            ("", false),
        ] {
            assert_eq!(is_whole(name), expect, "{name}");
        }
    }
}
