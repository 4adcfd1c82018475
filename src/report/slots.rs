//! Where a template may be written on. Source of the kinds: the project's report template format; see `docs/templates.md`.
//!
//! Slots are table body cells under headers that ask for them, list markers, the mark of a `Confirms:` line, date tokens and
//! expressions. Headings, fences and other prose never are.
//!
//! Invariant: slots are in order, don't overlap, and lie on character boundaries. Zero-width slots are places for an insertion.

use std::sync::Arc;

use super::columns::{Columns, Role, TableKind};
use super::dates::{self, DateToken};
use super::marks::{self, Form, Mark, Sense};
use super::outline::{self, BlockKind, Outline, Span};
use super::rows::{Cell, Row};
use super::{columns, label, list_slots, status_lines, test_slots};
use crate::order::{Command, target};

#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    pub span: Span,
    pub kind: SlotKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SlotKind {
    /// `$(date '+%F')`.
    ShellDate,
    DateToken(DateToken),
    /// `{{ order.id }}`.
    Expression,
    Cell(CellSlot),
    /// A row that ends before its table's columns do: what the missing cells are for.
    MissingCells {
        row: Arc<RowSubject>,
        roles: Vec<Role>,
        closed: bool,
    },
    /// The mark of a `Confirms:` line, or the place of one.
    TestMark {
        test: Arc<Test>,
        was: Option<Mark>,
        /// What the line says behind it.
        claim: String,
    },
    /// Behind an `Expected:` block.
    TestResult {
        test: Arc<Test>,
        /// What lines of the container begin with.
        prefix: String,
        /// Whether a blank line must follow.
        blank_after: bool,
    },
    /// The mark of a line of a verdict list, or the place of one.
    Verdict {
        list: usize,
        line: usize,
        form: Form,
        was: Option<Mark>,
    },
    /// One more green sign in a line of a verdict list.
    VerdictSign {
        list: usize,
        line: usize,
        was: Mark,
    },
    /// Behind a verdict list: the outcome, where no line of it fits.
    VerdictEnd {
        list: usize,
        prefix: String,
        /// Whether the lines are a paragraph's, so that a blank line must part them from it.
        apart: bool,
    },
    /// The mark of a checklist item.
    Check {
        names: Vec<String>,
        was: Mark,
        /// One more mark behind the first, which says the rest: `[x] ✅ Redis`.
        repeats: bool,
    },
    /// `☐ Pending / ✅ Verified` behind an item's name.
    Choice {
        names: Vec<String>,
        was: String,
    },
    /// The value of a `**Status:** ✅ …` line. The whole order's when `names` is empty.
    Status {
        names: Vec<String>,
        was: String,
    },
}

/// An operational test.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    pub commands: Vec<Command>,
    /// Of the last command.
    pub expected: Option<Expected>,
}

/// What stands in or behind `Expected:`.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub text: String,
    /// Output as it is, in a fence, in code marks or a number; anything else is prose about it.
    pub is_literal: bool,
}

/// What a table row is about.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSubject {
    pub kind: TableKind,
    pub names: Vec<String>,
    /// As plain text; both are criteria in [`TableKind::Metrics`].
    pub metric: String,
    pub target: String,
    /// Whether another column holds the measured value, so that the status is a verdict alone.
    pub value_elsewhere: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CellSlot {
    pub row: Arc<RowSubject>,
    pub part: Part,
    /// The cell as it came.
    pub was: String,
    pub blank: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Actual,
    Status,
    Details,
    Evidence,
    /// Only a sign in a cell of the author's.
    Sign,
}

/// The lines of verdict lists, by list.
pub type VerdictLists = std::collections::BTreeMap<usize, Vec<Option<super::verdicts::Class>>>;

/// All slots of a template.
pub fn find(template: &str) -> Vec<Slot> {
    survey(template).slots
}

/// What there is to know of a template before anything is filled in.
#[derive(Debug, Default)]
pub struct Survey {
    pub slots: Vec<Slot>,
    pub verdicts: VerdictLists,
    /// Metric, target and bytes of each metric row.
    pub metrics: Vec<(String, String, Span)>,
    /// Commands of operational tests.
    pub commands: Vec<Command>,
    /// What closes the code fence or the HTML that the template leaves open at its end.
    pub open_end: Option<String>,
}

pub fn survey(template: &str) -> Survey {
    let outline = outline::read(template);
    let mut survey = Survey::default();
    let mut slots = Vec::new();
    for block in &outline.blocks {
        match &block.kind {
            BlockKind::Table { head, rows } => table(template, head, rows, &mut slots, &mut survey.metrics),
            BlockKind::Text => inline(template, block.span.clone(), &mut slots),
            BlockKind::Heading | BlockKind::Code { .. } | BlockKind::Other => {}
        }
    }
    test_slots::find(template, &outline, &mut slots, &mut survey.commands);
    status_lines::find(template, &outline, &mut slots);
    list_slots::find(template, &outline, &mut slots, &mut survey.verdicts);
    survey.slots = without_overlaps(slots);
    survey.open_end = open_end(template, &outline);
    survey
}

fn without_overlaps(mut slots: Vec<Slot>) -> Vec<Slot> {
    slots.sort_by_key(|slot| (slot.span.start, slot.span.end));
    let mut out: Vec<Slot> = Vec::with_capacity(slots.len());
    for slot in slots {
        match out.last_mut() {
            Some(last) if slot.span.start < last.span.end => {
                if slot.span.len() > last.span.len() {
                    *last = slot;
                }
            }
            _ => out.push(slot),
        }
    }
    out
}

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
pub(super) fn expression(text: &str) -> Option<usize> {
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

fn table(source: &str, head: &Row, rows: &[Row], out: &mut Vec<Slot>, metrics: &mut Vec<(String, String, Span)>) {
    let text = |cell: &Cell| source.get(cell.inner.clone()).unwrap_or("");
    for cell in &head.cells {
        inline(source, cell.inner.clone(), out);
    }
    let headers: Vec<&str> = head.cells.iter().map(text).collect();
    let Some(columns) = columns::read(&headers) else {
        rows.iter().flat_map(|row| &row.cells).for_each(|cell| inline(source, cell.inner.clone(), out));
        return;
    };
    let target_column = columns.roles.iter().position(|role| *role == Role::Target);
    for row in rows {
        let label = row.cells.get(columns.label).map_or("", text);
        let cell = |column: Option<usize>| column.and_then(|n| row.cells.get(n)).map_or("", text);
        if row.cells.iter().all(|cell| text(cell).is_empty()) {
            continue;
        }
        let subject = Arc::new(RowSubject {
            kind: columns.kind,
            names: label::names(label),
            metric: label::plain(&marks::without_green(label, "")),
            target: target::assemble(
                &label::plain(cell(columns.comparator)),
                &label::plain(cell(target_column)),
                &label::plain(cell(columns.unit)),
            ),
            value_elsewhere: value_elsewhere(&columns),
        });
        if columns.kind == TableKind::Metrics && !subject.metric.is_empty() {
            let start = row.cells.first().map_or(row.end, |cell| cell.outer.start);
            metrics.push((subject.metric.clone(), subject.target.clone(), start..row.end));
        }
        fill_row(source, &columns, row, &subject, out);
    }
}

fn value_elsewhere(columns: &Columns) -> bool {
    let wanted: &[Role] = match columns.kind {
        TableKind::Metrics => &[Role::Actual],
        _ => &[Role::Details, Role::Actual],
    };
    columns.roles.iter().any(|role| wanted.contains(role))
}

fn fill_row(source: &str, columns: &Columns, row: &Row, subject: &Arc<RowSubject>, out: &mut Vec<Slot>) {
    for (n, cell) in row.cells.iter().enumerate() {
        let was = source.get(cell.inner.clone()).unwrap_or("");
        let role = columns.roles.get(n).copied().unwrap_or(Role::Plain);
        let part = match role {
            Role::Status => Some(Part::Status),
            Role::Actual => Some(Part::Actual),
            // a remark on a metric is the author's, unless it claims something
            Role::Details if columns.kind != TableKind::Metrics || was.is_empty() || marks::has_green(was) => {
                Some(Part::Details)
            }
            Role::Evidence => Some(Part::Evidence),
            _ => None,
        };
        let part = part.filter(|_| n != columns.label && (columns.kind != TableKind::Other || marks::has_green(was)));
        match part {
            Some(part) => {
                let span = if was.is_empty() { cell.outer.clone() } else { cell.inner.clone() };
                let slot = CellSlot { row: subject.clone(), part, was: was.to_owned(), blank: was.is_empty() };
                out.push(Slot { span, kind: SlotKind::Cell(slot) });
            }
            None => {
                inline(source, cell.inner.clone(), out);
                signs(source, cell, subject, out);
            }
        }
    }
    if columns.roles.len() > MOST_COLUMNS {
        return;
    }
    let roles: Vec<Role> = columns.roles.iter().skip(row.cells.len()).copied().collect();
    let asks = roles.iter().any(|role| matches!(role, Role::Status | Role::Actual | Role::Details | Role::Evidence));
    if asks && columns.kind != TableKind::Other {
        let kind = SlotKind::MissingCells { row: subject.clone(), roles, closed: row.closed };
        out.push(Slot { span: row.end..row.end, kind });
    }
}

/// Short rows of wider tables get no cells: nobody means them, and many would be many bytes.
const MOST_COLUMNS: usize = 64;

/// Green signs in a cell that isn't filled: they stay only where the row's subject works.
fn signs(source: &str, cell: &Cell, subject: &Arc<RowSubject>, out: &mut Vec<Slot>) {
    let was = source.get(cell.inner.clone()).unwrap_or("");
    for (offset, mark) in marks::all(was) {
        if mark.sense == Sense::Green {
            let start = cell.inner.start + offset;
            let sign = was.get(offset..offset + mark.len).unwrap_or("").to_owned();
            let slot = CellSlot { row: subject.clone(), part: Part::Sign, was: sign, blank: false };
            out.push(Slot { span: start..start + mark.len, kind: SlotKind::Cell(slot) });
        }
    }
}

/// HTML that runs on until its end tag, and would hide what is added.
const HTML: [(&str, &str); 5] = [
    ("<!--", "-->"),
    ("<pre", "</pre>"),
    ("<script", "</script>"),
    ("<style", "</style>"),
    ("<textarea", "</textarea>"),
];

/// The line that ends a code fence or an HTML block which is open at the template's end.
fn open_end(source: &str, outline: &Outline) -> Option<String> {
    let block = outline.blocks.last()?;
    let text = source.get(block.span.clone())?;
    match &block.kind {
        BlockKind::Code { closed: false, .. } => {
            Some(text.trim_start_matches('\u{feff}').chars().take_while(|c| matches!(c, '`' | '~')).collect())
        }
        BlockKind::Other => {
            let text = text.trim_start().to_ascii_lowercase();
            let (_, end) = HTML.iter().find(|(start, end)| text.starts_with(start) && !text.contains(end))?;
            Some((*end).to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(template: &str) -> Vec<&str> {
        find(template).into_iter().map(|slot| &template[slot.span]).collect()
    }

    #[test]
    fn dates_and_expressions_are_slots_in_prose_cells_and_inline_code_only() {
        for (template, expect) in [
            ("**Date:** $(date '+%F')\n", vec!["$(date '+%F')"]),
            ("`g/ops_YYYYMMDD.parquet` YYYY-MM-DD\n", vec!["YYYYMMDD", "YYYY-MM-DD"]),
            ("{{ order.id }} and {{ \"}}\" }}\n", vec!["{{ order.id }}", "{{ \"}}\" }}"]),
            ("# YYYYMMDD {{ order.id }} $(date)\n", vec![]),
            ("```\nYYYYMMDD {{ x }} $(date)\n```\n", vec![]),
            ("    YYYYMMDD\n", vec![]),
            ("<!-- YYYYMMDD {{ x }} -->\n", vec![]),
            ("${{ github.ref }} \\$(date) $(rm x)\n", vec![]),
            ("| A | B |\n|---|---|\n| YYYYWW | `{{ x }}` |\n", vec!["YYYYWW", "{{ x }}"]),
            ("- YYYYMMDD\n  - $(date)\n", vec!["YYYYMMDD", "$(date)"]),
            ("> YYYYMMDD\r\n", vec!["YYYYMMDD"]),
            ("**Phase:** 7.8\n**Date:** YYYY-MM-DD\n---\n", vec!["YYYY-MM-DD"]),
            ("**Date:** YYYY-MM-DD\n---\n", vec!["YYYY-MM-DD"]),
            ("Title YYYY-MM-DD\n===\n", vec![]),
            ("Title YYYY-MM-DD\n---\n", vec![]),
        ] {
            assert_eq!(found(template), expect, "{template}");
        }
    }

    #[test]
    fn cells_are_slots_under_headers_that_ask() {
        for (template, expect) in [
            (
                "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| Size | ≤ 5 MB |  | ✅ PASS |\n",
                vec!["  ", "✅ PASS"],
            ),
            (
                "| Component | Status | Details |\r\n|---|---|---|\r\n| a | ☐ Pending / ✅ Verified | x |\r\n",
                vec!["☐ Pending / ✅ Verified", "x"],
            ),
            ("> | Component | State |\n> |---|---|\n> | ✅ a | ✅ OK |\n", vec!["✅", "✅ OK"]),
            ("| Symbol | Meaning |\n|---|---|\n| ✅ | works |\n", vec![]),
            ("| Version | Date | Status |\n|---|---|---|\n| 1 | x | draft |\n| 2 | y | ✅ done |\n", vec!["✅ done"]),
            ("Component | State\n---|---\na | 🟢 up\n", vec!["🟢 up"]),
            ("| Component | State |\n|---|---|---|\n| a | ✅ OK |\n", vec!["✅ OK"]),
            ("text\n| Component | State |\n|---|---|\n| a | ✅ OK | ✅ |\n", vec!["✅ OK", "✅"]),
            ("| Component | Status | Details |\n|---|---|---|\n| a |\n", vec![""]),
            ("```\n| Component | State |\n|---|---|\n| a | ✅ OK |\n```\n", vec![]),
        ] {
            assert_eq!(found(template), expect, "{template}");
        }
    }
}
