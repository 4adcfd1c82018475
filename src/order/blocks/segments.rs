//! What CommonMark is never asked about: where a text is parted before it is read, and how deep it may nest.
//!
//! Invariant: the segments tile the text.

use super::lines::{is_separator, lax_heading};
use crate::order::model::Span;
use crate::order::refusal::{MAX_MARKDOWN_DEPTH, ParseRefusal};
use crate::order::{acceptance, fold, keyline, names};

/// Parts the text before lines that begin something new for their author, though CommonMark takes them for the end of the
/// list item or paragraph above (`- a` and, without a blank line, `**Deliverables:**`, `⸻` or a table).
pub(super) fn segments(text: &str) -> Vec<Span> {
    let mut starts = vec![0];
    let mut at = 0;
    let mut fence: Option<(char, usize)> = None;
    let mut in_comment = false;
    let mut above = "";
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let body = line.trim_end();
        let trimmed = body.trim_start();
        let mark = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'));
        let run = mark.map_or(0, |mark| trimmed.chars().take_while(|c| *c == mark).count());
        match (fence, mark) {
            (Some((open, length)), Some(mark))
                if mark == open && run >= length && trimmed.chars().all(|c| c == mark) =>
            {
                fence = None
            }
            (None, Some(mark)) if run >= 3 && !in_comment => fence = Some((mark, run)),
            (None, _) => {
                if !in_comment
                    && !above.trim().is_empty()
                    && (begins_anew(body, above) || leaves_item(body, above, lines.peek().unwrap_or(&"")))
                {
                    starts.push(at);
                }
                let open = body.rfind("<!--");
                let close = body.rfind("-->");
                in_comment = match (open, close) {
                    (Some(open), Some(close)) => open > close,
                    (Some(_), None) => true,
                    (None, Some(_)) => false,
                    (None, None) => in_comment,
                };
            }
            _ => {}
        }
        above = body;
        at += line.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| start..end).collect()
}

/// A line without indent that is a key, a heading without a blank, the first row of a table, or a line of `⸻`.
fn begins_anew(line: &str, above: &str) -> bool {
    if line.is_empty() || line.starts_with(char::is_whitespace) || line.starts_with(['>', '-', '=', '+']) {
        return false;
    }
    if line.starts_with('|') {
        return !above.trim_start_matches('>').trim_start().starts_with('|') && !above.contains('|');
    }
    let names_part = || {
        keyline::parse(line).is_some_and(|key| {
            let name = fold::heading(&key.name);
            // `**Target:** < 2 s` right below an item speaks of that item
            let is_detail = matches!(
                name.as_str(),
                "target"
                    | "expected"
                    | "goal"
                    | "threshold"
                    | "measurement"
                    | "measured by"
                    | "method"
                    | "how"
                    | "evidence"
            );
            let is_item = line.starts_with(|c: char| c.is_ascii_digit()) || line.starts_with("* ");
            !is_detail
                && !is_item
                && (key.bold || names::scalar(&name).is_some() || names::role(&name) != names::Role::Other)
        })
    };
    is_separator(line) || lax_heading(line).is_some() || names_part()
}

/// A line without indent below an item that is no more of it: `Performance:` before a list of its own, `Note: …`.
fn leaves_item(line: &str, above: &str, next: &str) -> bool {
    const MAX_LABEL_WORDS: usize = 6;
    let below_item = is_item(above) || above.starts_with([' ', '\t']);
    if !below_item || !line.starts_with(|c: char| c.is_alphabetic() || c == '*' || fold::is_emoji(c)) || is_item(line) {
        return false;
    }
    let is_label = line.ends_with([':', '：']) || line.trim_end_matches('*').ends_with([':', '：']);
    let is_note = || keyline::parse(line).is_some_and(|key| acceptance::is_remark_key(&key.name));
    (is_label && line.split_whitespace().count() <= MAX_LABEL_WORDS && is_item(next)) || is_note()
}

/// `- x`, `1. x`, `2) x`.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let after = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = match after.len() < line.len() {
        true => after.strip_prefix(['.', ')']),
        false => line.strip_prefix(['-', '*', '+']),
    };
    rest.is_some_and(|rest| rest.starts_with([' ', '\t']))
}

/// Containers opened on one line (`> - > - …`) cost each following line as much as they are deep.
pub(super) fn refuse_deep_lines(text: &str, first_line: usize) -> Result<(), ParseRefusal> {
    for (n, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        let mut depth = 0;
        loop {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let ordered = after.len() < rest.len() && after.starts_with(['.', ')']);
            let marker = if ordered { after.get(1..) } else { rest.strip_prefix(['>', '-', '*', '+']) };
            match marker {
                Some(next) if rest.starts_with('>') || next.starts_with([' ', '\t']) => {
                    depth += 1;
                    rest = next.trim_start();
                }
                _ => break,
            }
        }
        // `* * * * *` is a rule, however long
        let is_rule = line.trim_start().starts_with(['-', '*', '_']) && {
            let mut signs = line.chars().filter(|c| !c.is_whitespace());
            let first = signs.next();
            signs.all(|c| Some(c) == first)
        };
        if depth > MAX_MARKDOWN_DEPTH && !is_rule {
            return Err(too_deep(first_line + n));
        }
    }
    Ok(())
}

pub(super) fn too_deep(line: usize) -> ParseRefusal {
    ParseRefusal::TooDeep { what: "the Markdown".to_owned(), line, limit: MAX_MARKDOWN_DEPTH }
}
