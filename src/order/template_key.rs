//! The report template that an order names: under a machine key, or on a key line of its body.
//!
//! What must hold: an order that names a template gets that one or is told that it does not.

use serde_json::Value;

use super::body::{text_lines, value_text};
use super::criteria;
use super::draft::Draft;
use super::layout::Chunk;
use super::model::{PartKind, Span};
use super::names::Role;
use super::source::Remark;
use super::{blocks::Block, body, fold, keyline, section_names};

const CURE: &str = "write its name without directory, e.g. PHASE7_8_VERIFICATION_TEMPLATE";

/// By its folded name.
pub(super) fn is_key(name: &str) -> bool {
    matches!(
        name,
        "template" | "templates" | "report template" | "report templates" | "template file" | "template name"
    )
}

/// A key of front matter or data.
pub(super) fn apply(draft: &mut Draft<'_>, key: &str, value: &Value, span: &Span) {
    let one = match value {
        Value::Array(items) => match items.as_slice() {
            [] => return,
            [one] => one,
            // `templates` may as well be what the order is about
            _ if key.ends_with('s') => return unread(draft, key, "names several files", false, span),
            _ => return unread(draft, key, "names several files", true, span),
        },
        one => one,
    };
    match one.as_str().map(name) {
        Some(Some(name)) => set(draft, name, span),
        None if one.is_null() => {}
        _ => unread(draft, key, "is not the name of a template", true, span),
    }
}

/// Key lines of a part: `- **Template:** X.md` before the first section, and within those that say something of the work.
pub(super) fn from_body(draft: &mut Draft<'_>, chunk: &Chunk, role: Role) {
    if chunk.kind == PartKind::Key {
        if is_key(&chunk.name) {
            let below = || text_lines(draft, &chunk.blocks).into_iter().next().map(|(_, text)| text);
            let value =
                Some(value_text(draft, chunk)).filter(|value| !value.is_empty()).or_else(below).unwrap_or_default();
            said(draft, &chunk.label, &value, true, &chunk.head);
        }
        return;
    }
    if matches!(role, Role::Excluded | Role::Deliverables) || section_names::is_past(&chunk.name) {
        return;
    }
    let mut lines = text_lines(draft, &chunk.blocks);
    for block in &chunk.blocks {
        match block {
            Block::List(list) => lines.extend(
                list.items
                    .iter()
                    .map(|item| (body::lines_span(&item.lines, &item.span), criteria::raw_text(draft, &item.lines))),
            ),
            Block::Table(table) if table.header.len() == 2 => {
                let rows = std::iter::once(&table.header).chain(table.rows.iter().map(|row| &row.cells));
                let pairs = rows.filter_map(|cells| Some((cells.first()?, cells.get(1)?)));
                lines.extend(pairs.map(|(key, value)| {
                    (value.span.clone(), format!("**{}:** {}", key.text.trim_end_matches(':'), value.raw))
                }));
            }
            _ => {}
        }
    }
    let heads_one = chunk.kind == PartKind::Section && is_key(&chunk.name);
    for (span, text) in lines {
        match keyline::parse(&text).filter(|key| is_key(&fold::heading(&key.name))) {
            Some(key) => said(draft, &key.name, text.get(key.value).unwrap_or(""), false, &span),
            None if heads_one => said(draft, &chunk.label, &text, false, &span),
            None => {}
        }
    }
}

/// In a text only what looks like a file is surely meant; elsewhere prose is told.
fn said(draft: &mut Draft<'_>, key: &str, value: &str, is_own_key: bool, span: &Span) {
    let text = fold::inline(value);
    let is_none = matches!(fold::fold(&text).as_str(), "" | "none" | "n a" | "default" | "standard" | "tbd");
    let is_file = text.contains(".md") || text.contains('/');
    let is_word = !text.contains(char::is_whitespace);
    match name(&text) {
        _ if is_none => {}
        Some(name) if is_file || (is_own_key && is_word) => set(draft, name, span),
        _ if is_own_key => unread(draft, key, "is not the name of a template", is_file, span),
        _ => {}
    }
}

/// `X.md`, `X`, `templates/X.md`, ``` `X.md` (the new one) ```.
fn name(text: &str) -> Option<String> {
    let text = fold::inline(text);
    let text = text.trim_matches(['"', '\'', ' ']);
    let text = text.split_once(" (").filter(|(_, aside)| aside.ends_with(')')).map_or(text, |(text, _)| text);
    let text = text.strip_prefix("./").unwrap_or(text);
    let text = text.strip_prefix("templates/").unwrap_or(text).trim_end();
    let text = text.strip_suffix(".md").unwrap_or(text);
    let is_name = !text.is_empty()
        && text.len() <= 120
        && !text.starts_with('.')
        && text.chars().all(|c| c.is_alphanumeric() || "-_. ".contains(c));
    is_name.then(|| text.to_owned())
}

fn set(draft: &mut Draft<'_>, name: String, span: &Span) {
    match &draft.order.template {
        Some(first) if *first != name => {
            let remark =
                Remark::warning("duplicate-key", format!("the order names two templates: `{first}` and `{name}`"))
                    .understood("the first counts")
                    .cure("keep one of them");
            draft.remark(span, remark);
        }
        Some(_) => {}
        None => draft.order.template = Some(name),
    }
}

fn unread(draft: &mut Draft<'_>, key: &str, what: &str, is_error: bool, span: &Span) {
    let message = format!("`{key}` {what}");
    let remark = match is_error {
        true => Remark::error("bad-template", message).understood("the order does not run until it is cured"),
        false => {
            Remark::warning("bad-template", message).understood("the report is filled from the handler's own template")
        }
    };
    draft.remark(span, remark.cure(CURE));
}
