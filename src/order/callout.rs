//! A box that is called like a section: `> [!success] Acceptance Criteria`, or a bold label or a heading as its first line.
//!
//! What must hold: what stands in the box is of that section, what stands behind it is not.

use super::blocks::Block;
use super::layout::{Chunk, Zone};
use super::model::{PartKind, Span};
use super::names::Role;
use super::source::Source;
use super::{fold, keyline, section_names};

/// The part that a quote is where it is such a box. Within acceptance all that stands in boxes is asked but what says that it is
/// not, and where `around`, the section it stands in, is of what is over or not asked its boxes are too.
pub(super) fn section(
    source: &Source<'_>,
    quoted: &[Block],
    around: Option<&Chunk>,
    zone: Zone,
    in_acceptance: bool,
) -> Option<Chunk> {
    let (title, blocks) = read(source, quoted)?;
    let is_aside = around.is_some_and(|around| {
        let is_told = section_names::is_over(&around.name) || section_names::is_past(&around.name);
        is_told || around.role() == Role::Excluded
    });
    let words = source.slice(&title).trim_end_matches([':', '：', ' ']);
    let mut chunk = Chunk::within(PartKind::Key, words, 7, title.clone(), zone, in_acceptance);
    let begins_one = match chunk.role() {
        Role::Other => false,
        role => role == Role::Excluded || !in_acceptance,
    };
    chunk.blocks = blocks;
    (begins_one && !is_aside).then_some(chunk)
}

/// The title of a box and what stands below it; `None` of a quote that is no box or has no title.
fn read(source: &Source<'_>, blocks: &[Block]) -> Option<(Span, Vec<Block>)> {
    let (first, rest) = blocks.split_first()?;
    let Block::Paragraph { lines } = first else { return None };
    let (head, lines) = lines.split_first()?;
    let title = behind_type(source.slice(head))?;
    if !title.is_empty() {
        return Some((head.end - title.len()..head.end, below(lines, rest)));
    }
    match (lines.split_first(), rest.split_first()) {
        (Some((line, lines)), _) if is_label(source.slice(line)) => Some((line.clone(), below(lines, rest))),
        (None, Some((Block::Heading { text, .. }, rest))) => Some((text.clone(), rest.to_vec())),
        (None, Some((Block::Paragraph { lines }, rest))) => {
            let (line, lines) = lines.split_first()?;
            is_label(source.slice(line)).then(|| (line.clone(), below(lines, rest)))
        }
        _ => None,
    }
}

/// What follows `[!success]`, `[!todo]-`.
fn behind_type(line: &str) -> Option<&str> {
    let (kind, title) = line.strip_prefix("[!")?.split_once(']')?;
    let is_word = !kind.is_empty() && kind.chars().all(|c| c.is_alphanumeric() || "-_|".contains(c));
    is_word.then(|| title.strip_prefix(['+', '-']).unwrap_or(title).trim())
}

fn is_label(line: &str) -> bool {
    let text = fold::strip_marks(line);
    let is_bold = || {
        let inner = text.strip_prefix("**").and_then(|rest| rest.strip_suffix("**"));
        inner.is_some_and(|inner| !inner.contains("**"))
    };
    is_bold() || keyline::parse(line).is_some_and(|key| key.value.is_empty())
}

fn below(lines: &[Span], rest: &[Block]) -> Vec<Block> {
    let lines = Some(lines.to_vec()).filter(|lines| !lines.is_empty());
    lines.map(|lines| Block::Paragraph { lines }).into_iter().chain(rest.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use crate::order::{Order, parse};

    fn order(body: &str) -> Order {
        parse(format!("# WO-1\n\n{body}").as_bytes(), "WO-1.md").unwrap()
    }

    fn compiled(order: &Order) -> Vec<String> {
        order.acceptance.iter().map(|one| format!("{}: {}", one.metric, one.compiled)).collect()
    }

    const RED: &str = "> - Rows ≥ 1000000\n> - Compression: zstd\n";

    #[test]
    fn a_box_that_is_called_acceptance_is_acceptance() {
        for head in [
            "> [!success] Acceptance Criteria\n",
            "> [!todo]- ✅ Acceptance Criteria:\n",
            "> [!IMPORTANT]\n> **Acceptance Criteria**\n>\n",
            "> [!IMPORTANT]\n>\n> Done when:\n>\n",
            "> [!note]\n> ## Definition of Done\n",
        ] {
            for (before, after) in [
                ("", ""),
                ("## Objective\nNightly export.\n\n", "\nIt is due soon.\n"),
                ("## Requirements\n- fast\n\n", "\n- quick\n\n## Notes\nx\n"),
            ] {
                let order = order(&format!("{before}{head}{RED}{after}"));
                assert_eq!(compiled(&order), ["Rows: ≥ 1000000", "Compression: is zstd"], "{before}{head}");
                let said = format!("{:?} {:?}", order.objective, order.requirements);
                assert!(!said.contains("1000000"), "{said}");
                assert_eq!(
                    (before.contains("fast"), said.contains("quick")),
                    (after.contains("quick"), before.contains("fast"))
                );
                if before.contains("Objective") {
                    assert_eq!(order.objective.as_deref(), Some("Nightly export.\nIt is due soon."));
                }
            }
        }
    }

    #[test]
    fn a_box_that_is_no_section_or_is_not_asked_stays_so() {
        for text in [
            "> [!note] Remember\n> - Rows ≥ 1000000\n",
            "> Acceptance Criteria\n> - Rows ≥ 1000000\n",
            "> [!warning] Out of scope\n> - Rows ≥ 1000000\n",
            "## Background\n> [!success] Acceptance Criteria\n> - Rows ≥ 1000000\n",
            "## Old criteria\n> [!success] Acceptance Criteria\n> - Rows ≥ 1000000\n",
        ] {
            assert_eq!(compiled(&order(text)), [""; 0], "{text}");
        }
        // acceptance goes on behind what is put aside in it
        let within = "## Acceptance\n- Rows: ≥ 1\n\n> [!warning] Out of scope\n> - File size: ≤ 1 kB\n\n- Errors: 0\n\n> [!tip] Validation\n> - Validation time: < 2 s\n";
        assert_eq!(compiled(&order(within)), ["Rows: ≥ 1", "Errors: = 0", "Validation time: < 2 s"]);
    }
}
