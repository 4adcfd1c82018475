//! All slots of a template, found. Source of the kinds: the project's report template format; see `docs/templates.md`.
//!
//! Slots are table body cells under headers that ask for them, list markers, the mark of a `Confirms:` line, date tokens,
//! expressions, and green signs by which a cell, an item, a quote or a key line claims something. Headings, fences and other
//! prose never are.
//!
//! Invariant: slots are in order, don't overlap, and lie on character boundaries. Zero-width slots are places for an insertion.

use super::inline::inline;
use super::outline::{self, BlockKind, Outline};
use super::slot::{MetricRow, Slot, VerdictLists};
use super::whole::Places;
use super::{claim_lines, list_slots, status_lines, table_slots, test_slots};
use crate::order::Command;

/// All slots of a template.
pub fn find(template: &str) -> Vec<Slot> {
    survey(template).slots
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
