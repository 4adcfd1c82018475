//! Slots amid running text: dates and expressions.

use super::outline::Span;
use super::slot::{Slot, SlotKind};
use crate::report::dates;

/// Dates and expressions in a run of inline text.
pub fn inline(source: &str, span: Span, out: &mut Vec<Slot>) {
    let text = source.get(span.clone()).unwrap_or("");
    let mut skip_to = 0;
    let mut before = None;
    for (offset, c) in text.char_indices() {
        let previous = before.replace(c);
        if offset < skip_to || !matches!(c, '$' | '{' | 'Y') {
            continue;
        }
        let rest = text.get(offset..).unwrap_or("");
        let found = match c {
            '$' if previous != Some('\\') => dates::shell_date(rest).map(|length| (SlotKind::ShellDate, length)),
            // `${{ … }}` belongs to somebody else's templates
            '{' if !matches!(previous, Some('$' | '\\' | '{')) => {
                expression(rest).map(|length| (SlotKind::Expression, length))
            }
            'Y' => dates::token(rest, previous).map(|(token, length)| (SlotKind::DateToken(token), length)),
            _ => None,
        };
        if let Some((kind, length)) = found {
            let start = span.start + offset;
            out.push(Slot { span: start..start + length, kind });
            skip_to = offset + length;
        }
    }
}

/// The length of the `{{ … }}` that `text` starts with; on one line and of a sane length.
pub fn expression(text: &str) -> Option<usize> {
    const LONGEST: usize = 500;
    let rest = text.strip_prefix("{{")?;
    let mut quote = None;
    for (offset, c) in rest.char_indices().take(LONGEST) {
        match (c, quote) {
            ('\n', _) => return None,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('}', None) if rest.get(offset..).is_some_and(|rest| rest.starts_with("}}")) => return Some(offset + 4),
            _ => {}
        }
    }
    None
}
