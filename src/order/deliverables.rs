//! Deliverables of a body: lists, tables, headings and lines that name what is to be there.
//!
//! What must hold: what is struck out, to be deleted or to be left alone is not looked for; it is kept as text, and told.

use super::blocks::{Block, List};
use super::body::{heading_words, is_pointer, lines_span, value_text};
use super::draft::Draft;
use super::layout::Chunk;
use super::model::{Deliverable, Span};
use super::source::Remark;
use super::{criteria, criteria_columns, fold, paths};

/// Lists, rows and headings; numbering may go on across groups.
pub(super) fn section(draft: &mut Draft<'_>, chunk: &Chunk, is_child: bool) {
    let value = value_text(draft, chunk);
    if !value.is_empty() {
        let span = chunk.value.clone().unwrap_or_default();
        line(draft, &value, &span);
    }
    if is_child && !paths::in_text(&heading_words(&chunk.label)).is_empty() {
        let label = heading_words(&chunk.label);
        let raw = draft.source.slice(&chunk.head).trim_start_matches('#').trim().to_owned();
        let raw = if raw.contains('`') { raw } else { label };
        named(draft, &raw, &chunk.head);
        return;
    }
    let before = draft.order.deliverables.len();
    text(draft, &chunk.blocks);
    // a heading with nothing listed below it is itself what is delivered
    if is_child && draft.order.deliverables.len() == before {
        named(draft, &heading_words(&chunk.label), &chunk.head);
    }
}

/// A line that names one or several.
pub(crate) fn line(draft: &mut Draft<'_>, value: &str, span: &Span) {
    if !is_pointer(value) {
        for part in split_list(value) {
            named(draft, part, span);
        }
    }
}

/// Deliverables as blocks.
pub(crate) fn text(draft: &mut Draft<'_>, blocks: &[Block]) {
    let mut stack: Vec<&Block> = blocks.iter().rev().collect();
    while let Some(block) = stack.pop() {
        match block {
            Block::List(list) => items(draft, list),
            Block::Table(table) if !criteria_columns::is_criteria_table(table) => {
                for row in &table.rows {
                    let raw: Vec<&str> = row.cells.iter().map(|cell| cell.raw.as_str()).collect();
                    let raw = raw.join(" | ");
                    if !fold::inline(&raw).trim_matches([' ', '|']).is_empty() {
                        named(draft, &raw, &row.span);
                    }
                }
            }
            Block::Quote { blocks, .. } => stack.extend(blocks.iter().rev()),
            Block::Paragraph { lines } => {
                for line in lines {
                    let text = draft.source.slice(line).to_owned();
                    let stripped = fold::strip_marks(&text);
                    let alone = paths::is_path(stripped.trim_matches('`'), true) && stripped.len() > 2;
                    if fold::leads_with_mark(&text) || alone {
                        named(draft, stripped, line);
                    }
                }
            }
            _ => {}
        }
    }
}

/// `a.cjs, b.zsh` on one line.
fn split_list(value: &str) -> Vec<&str> {
    let parts: Vec<&str> = value.split([',', ';', '、', '，']).map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.iter().all(|part| !paths::in_text(part).is_empty()) { parts } else { vec![value] }
}

fn items(draft: &mut Draft<'_>, list: &List) {
    for item in &list.items {
        let raw = criteria::raw_text(draft, &item.lines);
        let nested: Vec<&List> = item
            .blocks
            .iter()
            .filter_map(|block| match block {
                Block::List(list) => Some(list),
                _ => None,
            })
            .collect();
        let names_path = !paths::in_text(&raw).is_empty();
        let nested_paths = nested
            .iter()
            .flat_map(|list| &list.items)
            .any(|item| !paths::in_text(&criteria::raw_text(draft, &item.lines)).is_empty());
        if !names_path && nested_paths {
            nested.into_iter().for_each(|list| items(draft, list));
        } else if !raw.is_empty() {
            named(draft, &raw, &lines_span(&item.lines, &item.span));
        }
    }
}

/// One deliverable for each path that the text names, else one without a path.
pub(crate) fn named(draft: &mut Draft<'_>, raw: &str, span: &Span) {
    let standing = fold::without_struck(raw);
    if fold::is_withdrawn(raw) || (standing.len() < raw.len() && paths::in_text(&standing).is_empty()) {
        let shown = crate::text::line(&fold::inline(raw), 60);
        let remark =
            Remark::note("struck-out", format!("`{shown}` is struck out")).understood("it is not to be delivered");
        draft.remark(span, remark);
        return;
    }
    let raw = standing.as_ref();
    let text = fold::inline(fold::strip_marks(raw));
    let found = paths::in_text(raw);
    if !found.is_empty() && is_not_made(raw) {
        let remark = Remark::note(
            "not-delivered",
            format!("`{}` names a file that is not to be made", crate::text::line(&text, 60)),
        )
        .understood("text: whether it is there is not looked at");
        draft.remark(span, remark);
    } else if !found.is_empty() {
        let deliverables = &mut draft.order.deliverables;
        deliverables.extend(found.into_iter().map(|path| Deliverable {
            path: Some(path),
            text: text.clone(),
            span: span.clone(),
        }));
        return;
    }
    draft.order.deliverables.push(Deliverable { path: None, text, span: span.clone() });
}

/// ``No change to `wo.toml` ``, ``Delete `docs/old.md` ``, ``see `docs/x.md` ``; not ``Remove duplicates: `dedupe.zsh` ``.
fn is_not_made(raw: &str) -> bool {
    const LEFT_ALONE: [&str; 13] = [
        "no change",
        "no changes",
        "do not",
        "don t",
        "does not",
        "must not",
        "leave",
        "never",
        "unchanged",
        "keep",
        "see",
        "not",
        "without",
    ];
    const GONE: [&str; 9] =
        ["delete", "deletes", "deleted", "remove", "removes", "removed", "removal of", "deletion of", "drop"];
    let before = raw.split('`').next().unwrap_or("");
    let folded = fold::fold(fold::strip_marks(raw));
    let starts = |lead: &str| folded.strip_prefix(lead).is_some_and(|rest| rest.starts_with(' '));
    let is_gone = GONE.iter().any(|lead| {
        let words = fold::fold(fold::strip_marks(before));
        let rest = words.strip_prefix(lead).map(str::trim);
        rest.is_some_and(|rest| {
            rest.split(' ')
                .all(|word| matches!(word, "" | "the" | "old" | "file" | "files" | "legacy" | "obsolete" | "former"))
        })
    });
    (raw.contains('`') && is_gone) || LEFT_ALONE.iter().any(|lead| starts(lead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_to_be_left_alone_or_deleted_are_not_made() {
        for raw in [
            "no change to `wo.toml`",
            "Delete `docs/old.md`",
            "Remove the old file `docs/old.md`",
            "see `docs/existing.md` for the style",
            "do not touch knowledge/02luka.db",
        ] {
            assert!(is_not_made(raw), "{raw}");
        }
        for raw in [
            "`docs/a.md`",
            "Remove duplicates: `scripts/dedupe.zsh`",
            "`scripts/delete_old.zsh`",
            "Notes: `docs/notes.md`",
            "docs/seen.md",
        ] {
            assert!(!is_not_made(raw), "{raw}");
        }
    }
}
