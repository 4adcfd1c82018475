//! Deliverables of a body: lists, tables, headings and lines that name what is to be there.
//!
//! What must hold: what is struck out, to be deleted, to be left alone or only spoken of is not looked for, and that is told.

use super::blocks::{Block, List};
use super::body::{heading_words, is_pointer, lines_span, value_text};
use super::draft::Draft;
use super::layout::Chunk;
use super::mentions::{self, Standing};
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
    if found.is_empty() {
        draft.order.deliverables.push(Deliverable { path: None, text, span: span.clone() });
        return;
    }
    let shown = crate::text::line(&text, 60);
    if let Some(lead) = left_alone(raw) {
        let remark = Remark::note("not-delivered", format!("`{shown}` names a file that is not to be made"));
        draft.remark(span, remark.understood("text: it is not looked for"));
        // one to be looked at may be made all the same
        if !matches!(lead, "see" | "without") {
            draft.order.left_alone.extend(found);
        }
    } else if is_to_be_gone(raw) {
        // it stays a deliverable, one that is no file: that it is gone is not measured, so not all can be there
        let remark = Remark::note("not-delivered", format!("`{shown}` names a file that is to be gone"));
        draft.remark(span, remark.understood("a deliverable that can't be looked for"));
        draft.order.deliverables.push(Deliverable { path: None, text, span: span.clone() });
    } else {
        for (path, standing) in mentions::of_line(raw) {
            let what = match standing {
                Standing::Delivered => {
                    let deliverable = Deliverable { path: Some(path), text: text.clone(), span: span.clone() };
                    draft.order.deliverables.push(deliverable);
                    continue;
                }
                Standing::Mentioned => "only spoken of",
                Standing::LeftAlone => "to be left alone",
            };
            let remark = Remark::note("not-delivered", format!("`{path}` is {what} in `{shown}`"))
                .understood("text: it is neither made nor looked for")
                .cure("list it on a line of its own if it is to be made");
            draft.remark(span, remark);
            if standing == Standing::LeftAlone {
                draft.order.left_alone.push(path);
            }
        }
    }
}

/// ``No change to `wo.toml` ``, ``see `docs/x.md` ``.
fn left_alone(raw: &str) -> Option<&'static str> {
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
    let folded = fold::fold(fold::strip_marks(raw));
    LEFT_ALONE.into_iter().find(|lead| folded.strip_prefix(lead).is_some_and(|rest| rest.starts_with(' ')))
}

/// ``Delete `docs/old.md` ``; not ``Remove duplicates: `dedupe.zsh` ``.
fn is_to_be_gone(raw: &str) -> bool {
    const GONE: [&str; 9] =
        ["delete", "deletes", "deleted", "remove", "removes", "removed", "removal of", "deletion of", "drop"];
    const ABOUT_IT: [&str; 8] = ["", "the", "old", "file", "files", "legacy", "obsolete", "former"];
    let before = fold::fold(fold::strip_marks(raw.split('`').next().unwrap_or("")));
    raw.contains('`')
        && GONE.iter().any(|lead| {
            let rest = before.strip_prefix(lead).map(str::trim);
            rest.is_some_and(|rest| rest.split(' ').all(|word| ABOUT_IT.contains(&word)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_to_be_left_alone_or_deleted_are_not_made() {
        for (raw, alone, gone) in [
            ("no change to `wo.toml`", true, false),
            ("see `docs/existing.md` for the style", true, false),
            ("do not touch knowledge/02luka.db", true, false),
            ("Delete `docs/old.md`", false, true),
            ("Remove the old file `docs/old.md`", false, true),
            ("`docs/a.md`", false, false),
            ("Remove duplicates: `scripts/dedupe.zsh`", false, false),
            ("`scripts/delete_old.zsh`", false, false),
            ("Notes: `docs/notes.md`", false, false),
            ("docs/seen.md", false, false),
        ] {
            assert_eq!((left_alone(raw).is_some(), is_to_be_gone(raw)), (alone, gone), "{raw}");
        }
    }
}
