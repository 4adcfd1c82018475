//! An order that is quoted within another: `> # Work Order: …`.
//!
//! What must hold: what an earlier order asked for is not asked again because it is quoted.

use super::blocks::Block;
use super::draft::Draft;
use super::model::Span;
use super::source::Remark;
use super::{fold, names};

/// Takes quotes that hold the title of another order out of what is read. An order that stands in a quote as a whole is none.
pub(super) fn set_aside(draft: &Draft<'_>, blocks: &mut [Block]) -> Vec<Span> {
    let name = |text: &Span| fold::heading(draft.source.slice(text));
    let own = blocks.iter().find_map(|block| match block {
        Block::Heading { text, .. } => Some(name(text)),
        _ => None,
    });
    let Some(own) = own else { return Vec::new() };
    let is_other = |block: &Block| match block {
        Block::Heading { text, .. } => names::is_order_title(&name(text)) && name(text) != own,
        _ => false,
    };
    let mut found = Vec::new();
    // a blank line without `>` parts a quote, and what follows still belongs to it
    let mut goes_on = false;
    for block in blocks.iter_mut() {
        let Block::Quote { blocks, span } = block else {
            goes_on = false;
            continue;
        };
        let begins = blocks.iter().any(is_other);
        goes_on |= begins;
        if goes_on {
            let span = span.clone();
            found.extend(begins.then(|| span.clone()));
            *block = Block::Other(span);
        }
    }
    found
}

/// Tells it once the criteria were read.
pub(super) fn tell(draft: &mut Draft<'_>, found: Vec<Span>) {
    for span in found {
        let message = "an order is quoted here";
        let remark = match draft.order.acceptance.is_empty() {
            true => Remark::warning("quoted-order", message).cure("take the `>` away where it is to be asked"),
            false => Remark::note("quoted-order", message),
        };
        draft.remark(&span, remark.understood("nothing of it is asked"));
    }
}
