//! What stands below an item or a heading of an acceptance section: paragraphs, quotes, text in code blocks.
//!
//! What must hold: an explanation is no criterion, and a criterion is no explanation. Only what surely states one is one;
//! what may be one is told.

use super::acceptance::{below_label, has_value, is_remark_key};
use super::blocks::{Block, Code};
use super::criteria;
use super::draft::Draft;
use super::model::{CriterionSource, Span};
use super::{fold, keyline, target};

/// Words with which a sentence begins that tells something.
pub(super) const TELLING: [&str; 16] = [
    "we", "i", "you", "please", "this", "these", "it", "they", "as", "if", "when", "once", "after", "before", "here",
    "there",
];

/// A line below an item.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub text: String,
    pub span: Span,
    /// The first of its paragraph, so that it does not go on with a sentence.
    pub is_first: bool,
}

/// The lines of paragraphs and quotes.
pub(super) fn lines(draft: &Draft<'_>, blocks: &[Block]) -> Vec<Line> {
    let mut found = Vec::new();
    for block in blocks {
        match block {
            Block::Paragraph { lines } => found.extend(lines.iter().enumerate().map(|(n, line)| Line {
                text: draft.source.slice(line).to_owned(),
                span: line.clone(),
                is_first: n == 0,
            })),
            Block::Quote { blocks, .. } => found.extend(self::lines(draft, blocks)),
            _ => {}
        }
    }
    found
}

/// Whether a line surely states a criterion of its own.
pub(super) fn states_one(line: &str) -> bool {
    let key = || {
        keyline::parse(line).is_some_and(|key| {
            let value = line.get(key.value.clone()).unwrap_or("");
            !is_remark_key(&key.name) && criteria::is_judged(&key.name, value)
        })
    };
    let listed = || {
        let is_listed = fold::leads_with_mark(line) || fold::after_dash(line).is_some();
        let split = criteria::split(fold::strip_marks(fold::after_dash(line).unwrap_or(line)));
        is_listed && criteria::is_judged(&split.metric, &split.target)
    };
    key() || listed() || compares(line)
}

/// `File size ≤ 5 MB`: few words before a sign, not a sentence that tells of it.
fn compares(line: &str) -> bool {
    const MAX_METRIC_WORDS: usize = 5;
    const MAX_WORDS: usize = 8;
    let split = criteria::split(fold::strip_marks(fold::after_dash(line).unwrap_or(line)));
    let words = fold::fold(&split.metric);
    let is_short = words.split(' ').count() <= MAX_METRIC_WORDS;
    let tells = words.split(' ').next().is_some_and(|first| TELLING.contains(&first) || PREPOSITIONS.contains(&first));
    let has_sign = line.contains(['<', '>', '≤', '≥', '≠', '=', '±']);
    let rest = target::normalize(&split.target);
    let at_sign = target::comparison_in(&rest)
        .is_some_and(|(at, text)| at == 0 && text.starts_with(|c: char| !c.is_alphanumeric()));
    // what can't be judged may still be meant to be, where it is no sentence
    let is_terse = || line.split_whitespace().count() <= MAX_WORDS || keyline::parse(line).is_some();
    let is_stated = is_short && !tells && at_sign && !is_remark_key(&split.metric);
    has_sign && !split.is_whole && is_stated && (criteria::is_judged(&split.metric, &split.target) || is_terse())
}

pub(super) const PREPOSITIONS: [&str; 12] =
    ["for", "with", "on", "in", "at", "over", "during", "because", "since", "so", "measured", "see"];

/// Whether a line that states nothing surely may be meant to.
pub(super) fn may_state_one(line: &str) -> bool {
    has_value(line)
        || (line.contains(['<', '>', '≤', '≥', '≠']) && target::comparison_in(&target::normalize(line)).is_some())
}

/// Criteria in blocks of code that hold plain text; commands, programs and their output hold none.
pub(super) fn from_code(draft: &mut Draft<'_>, blocks: &[Block]) {
    let outer = draft.around();
    for block in blocks {
        match block {
            Block::Paragraph { lines } => {
                lines.iter().for_each(|line| below_label(draft, draft.source.slice(line), &outer));
            }
            Block::Code(code) if is_plain(code) => {
                let mut at = code.span.start;
                for line in draft.source.slice(&code.span).split_inclusive('\n') {
                    let text = line.trim();
                    let start = at + (line.len() - line.trim_start().len());
                    at += line.len();
                    let is_words = text.split(['<', '>', '≤', '≥', '≠', '=', '±']).next().is_some_and(|words| {
                        words.chars().all(|c| c.is_alphanumeric() || " _-:().*".contains(c) || !c.is_ascii())
                    });
                    if is_words && compares(text) {
                        criteria::from_line(draft, text, CriterionSource::Bullets, start..start + text.len());
                    }
                }
            }
            Block::Quote { blocks, .. } => from_code(draft, blocks),
            _ => {}
        }
    }
    draft.restore(&outer);
}

pub(super) fn is_plain(code: &Code) -> bool {
    matches!(code.language.to_lowercase().as_str(), "" | "text" | "txt" | "plain" | "plaintext" | "md" | "markdown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_below_an_item_explains_it_or_states_another() {
        for line in [
            "Row count: ≥ 9,000,000 in the newest file",
            "**File size:** ≤ 1 kB – GG insists on this one",
            "Export duration: < 1 µs",
            "Export duration < 1 µs",
            "✅ b works",
            "– Errors: 0",
            "Unreadable reports: 0",
        ] {
            assert!(states_one(line), "{line}");
        }
        for line in [
            "Compression: gzip",
            "The day before had > 1000 heartbeats and it took longer than we had thought",
            "measured over days with > 1000 rows",
            "**Rationale:** disks are small",
            "Note: 5",
            "It is the size of the file.",
            "at ≤ 200 rows",
        ] {
            assert!(!states_one(line), "{line}");
        }
        for line in ["Compression: gzip", "The day before had > 1000 heartbeats and it took longer than we had thought"]
        {
            assert!(may_state_one(line), "{line}");
        }
        for line in ["It is the size of the file.", "**Rationale:** disks are small and so on", "Note: 5"] {
            assert!(!may_state_one(line), "{line}");
        }
    }
}
