//! Where a template may be written on. Source of the kinds: the project's report template format; see `docs/templates.md`.
//!
//! Slots are table body cells under headers that ask for them, list markers, the mark of a `Confirms:` line, date tokens,
//! expressions, and green signs by which a cell, an item, a quote or a key line claims something. Headings, fences and other
//! prose never are.
//!
//! Invariant: slots are in order, don't overlap, and lie on character boundaries. Zero-width slots are places for an insertion.

use std::sync::Arc;

use super::around::Whose;
use super::columns::{Role, TableKind};
use super::dates::{self, DateToken};
use super::marks::{Form, Mark};
use super::outline::{self, BlockKind, Outline, Span};
use super::whole::Places;
use super::{claim_lines, list_slots, status_lines, table_slots, test_slots};
use crate::order::Command;

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
    /// The value of a `**Result:** ✅ …` line behind the command of a test.
    TestStatus {
        test: Arc<Test>,
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
    /// A sign of a verdict below what names a thing: the outcome's where that is the order itself, else what works of it.
    VerdictOf {
        list: usize,
        names: Vec<String>,
        was: Mark,
        /// Another sign of the line was before it.
        repeats: bool,
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
    /// The value of a `**Status:** ✅ …` line. The whole order's when `names` is empty or names it.
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

/// A cell of the author's beside a row's name.
#[derive(Debug, Clone, PartialEq)]
pub struct Aside {
    pub header: String,
    pub text: String,
}

/// What a table row is about.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSubject {
    pub kind: TableKind,
    pub names: Vec<String>,
    /// The paths, service labels and hosts in the author's other cells.
    pub beside: Vec<String>,
    /// Those cells that say whose the subject is.
    pub whose: Vec<Whose>,
    /// What else stands in them.
    pub said: Vec<Aside>,
    /// Whether one of them says something in words, of which a time in front is but the time.
    pub is_told: bool,
    /// As plain text; both are criteria in [`TableKind::Metrics`].
    pub metric: String,
    pub target: String,
    /// Whether another column holds the measured value, so that the status is a verdict alone.
    pub value_elsewhere: bool,
    /// `Overall Status`: the row is about the whole order, or about what its place is about.
    pub is_whole: bool,
    /// The names of that thing, which may be the order too; none for the whole order.
    pub place: Vec<String>,
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
    /// A sign in a cell that says by it how things are, in a table whose columns are not known.
    Claim,
    /// The cell of a Pass column beside a Fail column.
    Pass,
    /// The cell of a Fail column: never green.
    Fail,
}

/// The lines of verdict lists, by list.
pub type VerdictLists = std::collections::BTreeMap<usize, Vec<Option<super::verdicts::Class>>>;

/// All slots of a template.
pub fn find(template: &str) -> Vec<Slot> {
    survey(template).slots
}

/// A row of a metrics table.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRow {
    /// As plain text, like its target.
    pub metric: String,
    pub target: String,
    pub span: Span,
    /// As in [`RowSubject`]. What is about the whole order is no criterion unless the order binds it.
    pub is_whole: bool,
    pub place: Vec<String>,
}

/// What there is to know of a template before anything is filled in.
#[derive(Debug, Default)]
pub struct Survey {
    pub slots: Vec<Slot>,
    pub verdicts: VerdictLists,
    pub places: Places,
    pub metrics: Vec<MetricRow>,
    /// Commands of operational tests.
    pub commands: Vec<Command>,
    /// What closes the code fence or the HTML that the template leaves open at its end.
    pub open_end: Option<String>,
}

pub fn survey(template: &str) -> Survey {
    let outline = outline::read(template);
    let places = Places::of(template, &outline);
    let mut survey = Survey::default();
    let mut slots = Vec::new();
    for block in &outline.blocks {
        match &block.kind {
            BlockKind::Table { head, rows } => {
                table_slots::find(template, (head, rows), &places, &mut slots, &mut survey.metrics)
            }
            BlockKind::Text => inline(template, block.span.clone(), &mut slots),
            BlockKind::Heading | BlockKind::Code { .. } | BlockKind::Other => {}
        }
    }
    test_slots::find(template, &outline, &places, &mut slots, &mut survey.commands);
    status_lines::find(template, &outline, &places, &mut slots);
    list_slots::find(template, &outline, &places, &mut slots, &mut survey.verdicts);
    let mut claims = Vec::new();
    claim_lines::find(template, &outline, &places, &mut claims);
    survey.slots = with_claims(without_overlaps(slots), without_overlaps(claims));
    survey.places = places;
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

/// Claims go where nothing else is filled in.
fn with_claims(mut slots: Vec<Slot>, claims: Vec<Slot>) -> Vec<Slot> {
    let is_free = |claim: &Slot| {
        let behind = slots.partition_point(|slot| slot.span.end <= claim.span.start);
        slots.get(behind).is_none_or(|slot| slot.span.start >= claim.span.end)
    };
    let free: Vec<Slot> = claims.into_iter().filter(is_free).collect();
    slots.extend(free);
    slots.sort_by_key(|slot| (slot.span.start, slot.span.end));
    slots
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
}
