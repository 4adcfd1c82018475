//! What a single line is by itself, beside the letter of CommonMark.

use crate::order::{fold, names};

/// `<details>`, `</div><br/>`.
pub(super) fn is_tags_only(line: &str) -> bool {
    let mut rest = line.trim();
    while let Some(inner) = rest.strip_prefix('<') {
        let Some(end) = inner.find('>') else { return false };
        rest = inner.get(end + 1..).unwrap_or("").trim_start();
    }
    rest.is_empty()
}

/// `##Heading`, `＃＃ Heading`: the level and where the words begin.
pub(super) fn lax_heading(line: &str) -> Option<(u8, usize)> {
    let words = line.trim_start_matches(['#', '＃']);
    let marks = line.get(..line.len() - words.len())?;
    let level = u8::try_from(marks.chars().count()).ok().filter(|level| (1..=6).contains(level))?;
    let text = words.trim_start();
    let is_heading = marks.contains('＃') || names::is_known(text);
    (is_heading && !text.is_empty()).then(|| (level, line.len() - text.len()))
}

/// A line of nothing but dashes of some kind.
pub(super) fn is_separator(line: &str) -> bool {
    let count = line.chars().count();
    let dash = |c: char| {
        matches!(c, '⸻' | '⸺' | '—' | '–' | '―' | '-' | '_' | '*' | '=' | '─' | '━' | '═' | '⎯' | '·' | '•' | '~')
            || c.is_whitespace()
    };
    (count >= 3 || line.contains(['⸻', '⸺']))
        && count > 0
        && line.chars().all(dash)
        && !fold::strip_marks(line).is_empty()
}
