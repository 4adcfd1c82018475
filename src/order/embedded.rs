//! Markdown within a value of YAML or JSON: read on its own, then its spans are brought back to the source.

use super::blocks::{self, Block};
use super::draft::Draft;
use super::model::{Item, Span};
use super::source::{Diagnostics, Remark, Source};
use super::{fences, quoted};

/// Reads `text` as Markdown into a draft of its own and merges what was found. `span` is that of the key.
pub(crate) fn read(draft: &mut Draft<'_>, text: &str, span: &Span, fill: impl FnOnce(&mut Draft<'_>, Vec<Block>)) {
    let line = draft.source.line(span.start);
    let mut blocks = match blocks::read(text, 0, line) {
        Ok(blocks) => blocks,
        Err(refusal) => {
            draft.remark(span, Remark::error("unreadable-text", refusal.to_string()));
            return;
        }
    };
    let source = Source::new(text);
    let mut sub = Draft::new(&source);
    sub.denied.clone_from(&draft.denied);
    sub.whose.clone_from(&draft.whose);
    let hidden = fences::hidden(&sub, &blocks);
    let quoted = quoted::set_aside(&sub, &mut blocks);
    fill(&mut sub, blocks);
    fences::tell(&mut sub, hidden);
    quoted::tell(&mut sub, quoted);
    merge(draft, sub, text, span);
}

fn merge(draft: &mut Draft<'_>, sub: Draft<'_>, text: &str, span: &Span) {
    let Draft { source: own, order, diagnostics, ids, tables, .. } = sub;
    let place = |locator: &mut Locator<'_>, found: &Span| locator.find_line(own, text, found);
    let start = || Locator::new(draft.source, span.clone());
    let mut moved = order;
    let mut locator = start();
    moved.acceptance.iter_mut().for_each(|one| one.span = place(&mut locator, &one.span));
    let mut locator = start();
    moved.requirements.iter_mut().for_each(|one| move_item(one, &mut |found| place(&mut locator, found)));
    let mut locator = start();
    moved.deliverables.iter_mut().for_each(|one| one.span = place(&mut locator, &one.span));
    let mut locator = start();
    moved.dependencies.iter_mut().for_each(|one| one.span = place(&mut locator, &one.span));
    let mut locator = start();
    moved.verification.iter_mut().for_each(|one| one.span = place(&mut locator, &one.span));
    let mut locator = start();
    let remarks: Vec<(Span, Remark)> = Diagnostics::finish(diagnostics, own)
        .into_iter()
        .map(|found| {
            let mut remark = Remark::new(found.severity, &found.code, found.message);
            remark.understood = found.understood;
            remark.cure = found.cure;
            (place(&mut locator, &found.span), remark)
        })
        .collect();
    let mut locator = start();
    draft.tables.extend(tables.iter().map(|found| place(&mut locator, found)));
    for (span, remark) in remarks {
        draft.remark(&span, remark);
    }
    draft.ids.merge(ids, span);
    let into = &mut draft.order;
    into.acceptance.append(&mut moved.acceptance);
    into.requirements.append(&mut moved.requirements);
    into.deliverables.append(&mut moved.deliverables);
    into.left_alone.append(&mut moved.left_alone);
    into.dependencies.append(&mut moved.dependencies);
    into.verification.append(&mut moved.verification);
    for (slot, found) in [
        (&mut into.title, moved.title),
        (&mut into.phase, moved.phase),
        (&mut into.origin, moved.origin),
        (&mut into.assignee, moved.assignee),
        (&mut into.created, moved.created),
        (&mut into.objective, moved.objective),
        (&mut into.next_phase, moved.next_phase),
        (&mut into.handler, moved.handler),
        (&mut into.template, moved.template),
    ] {
        if slot.is_none() {
            *slot = found;
        }
    }
    into.needs_approval |= moved.needs_approval;
    into.requires.append(&mut moved.requires);
    into.expires = match (into.expires, moved.expires) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    for (key, value) in moved.extra {
        into.extra.entry(key).or_insert(value);
    }
}

fn move_item(item: &mut Item, place: &mut impl FnMut(&Span) -> Span) {
    item.span = place(&item.span);
    for child in &mut item.children {
        move_item(child, place);
    }
}

/// Finds values again in the text of their key, in order; what is not found there as it is (escaped, folded) gets the
/// whole key's span.
pub(crate) struct Locator<'a> {
    source: &'a str,
    span: Span,
    at: usize,
    /// Each miss costs the length of the key.
    misses_left: u32,
}

impl<'a> Locator<'a> {
    pub fn new(source: &Source<'a>, span: Span) -> Self {
        Locator { source: source.text, at: span.start, span, misses_left: 32 }
    }

    pub fn find(&mut self, value: &str) -> Span {
        let needle = value.trim().lines().next().unwrap_or("").trim();
        let found = || {
            self.source.get(self.at..self.span.end).filter(|_| !needle.is_empty() && self.misses_left > 0)?.find(needle)
        };
        match found() {
            Some(offset) => {
                let start = self.at + offset;
                self.at = start;
                start..start + needle.len()
            }
            None => {
                self.misses_left = self.misses_left.saturating_sub(1);
                self.span.clone()
            }
        }
    }

    /// The source's counterpart of the line in which a span of `text` begins.
    fn find_line(&mut self, own: &Source<'_>, text: &str, span: &Span) -> Span {
        let rest = text.get(own.line_start(own.line(span.start))..).unwrap_or("");
        self.find(rest.lines().next().unwrap_or(""))
    }
}
