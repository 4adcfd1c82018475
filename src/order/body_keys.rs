//! What a Markdown body says of the order itself: key lines, and the tables, quotes and sections that hold such.
//!
//! What must hold: until when an order may run and by which handler is taken wherever it is said of the order; where such a
//! line is seen and not taken, that is told.

use super::blocks::Block;
use super::body::{lines_span, text_lines, value_text};
use super::draft::{self, Draft};
use super::identity::Place;
use super::layout::{Chunk, Zone};
use super::model::{PartKind, Span};
use super::names::{self, Role, Scalar};
use super::refusal::ParseRefusal;
use super::source::Remark;
use super::table::Table;
use super::{acceptance, body_gates, criteria, criteria_columns, fold, keyline, section_names};

/// A key with its value, and where.
type Pair = (String, String, Span);

/// Takes what `chunk` says of the order. `is_over`: its section tells of what is over. `is_within`: it stands within another
/// section, whose thing it may speak of (`## Cookie format`, `### Header`).
pub(super) fn read(
    draft: &mut Draft<'_>,
    chunk: &Chunk,
    role: Role,
    is_over: bool,
    is_within: bool,
) -> Result<(), ParseRefusal> {
    if chunk.kind == PartKind::Key && matches!(role, Role::Other | Role::Excluded) {
        key(draft, chunk)?;
    }
    if matches!(role, Role::Acceptance | Role::Excluded) && chunk.kind != PartKind::Section {
        return Ok(());
    }
    if chunk.zone != Zone::Section {
        return preamble(draft, chunk);
    }
    if chunk.kind != PartKind::Section || role == Role::Acceptance {
        return Ok(());
    }
    let found = known(pairs(draft, &chunk.blocks));
    let is_about_order = section_names::is_about_order(&chunk.name) && !is_over && !is_within;
    for (scalar, (name, value, span)) in found {
        let is_steering = matches!(scalar, Scalar::Expires | Scalar::Handler | Scalar::Approval | Scalar::Requires);
        if is_about_order {
            take(draft, scalar, &name, &value, &span)?;
        } else if is_steering && role != Role::Excluded && !is_over && !section_names::is_past(&chunk.name) {
            tell(draft, scalar, &name, &value, &span);
        } else if !is_steering && matches!(role, Role::Other | Role::Excluded) && !draft.is_set(scalar) {
            // deep in a section only what is missing is taken, and nothing that could stop the order
            take(draft, scalar, &name, &value, &span)?;
        }
    }
    if is_about_order {
        tell_code(draft, &chunk.blocks);
    }
    Ok(())
}

fn key(draft: &mut Draft<'_>, chunk: &Chunk) -> Result<(), ParseRefusal> {
    let value = match chunk.zone {
        Zone::Section => value_text(draft, chunk),
        // soft-wrapped
        _ => {
            let below = text_lines(draft, &chunk.blocks).into_iter().map(|(_, text)| text.trim().to_owned());
            std::iter::once(value_text(draft, chunk))
                .chain(below)
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        }
    };
    match names::scalar(&chunk.name) {
        // below the last line of dashes people sign
        Some(scalar @ (Scalar::Approval | Scalar::Requires)) if chunk.zone == Zone::Loose => {
            tell(draft, scalar, &chunk.label, &value, &chunk.head);
            draft.extra(&chunk.label, serde_json::Value::String(fold::inline(&value)), &chunk.head);
            Ok(())
        }
        Some(Scalar::Requires) if value.is_empty() => {
            let items = listed(draft, &chunk.blocks);
            draft.body_key(&chunk.label, &items.join(", "), &chunk.head)
        }
        _ => draft.body_key(&chunk.label, &value, &chunk.head),
    }
}

/// The items of the lists of a key, as texts.
fn listed(draft: &Draft<'_>, blocks: &[Block]) -> Vec<String> {
    let lists = blocks.iter().filter_map(|block| match block {
        Block::List(list) => Some(&list.items),
        _ => None,
    });
    lists.flatten().map(|item| fold::inline(&criteria::raw_text(draft, &item.lines))).collect()
}

/// A table of two columns or a quote of nothing but keys above the first section speaks of the order, but where words lead on
/// to it (`The old order said:`), or where it has another order's id.
fn preamble(draft: &mut Draft<'_>, chunk: &Chunk) -> Result<(), ParseRefusal> {
    let is_label = chunk.kind == PartKind::Key && value_text(draft, chunk).is_empty();
    let mut is_led_to = is_label && !section_names::is_about_order(&chunk.name);
    for block in &chunk.blocks {
        let found = match block {
            Block::Table(table) if !criteria_columns::is_criteria_table(table) => table_pairs(table),
            Block::Quote { blocks, .. } => quoted(draft, blocks),
            Block::Paragraph { lines } => {
                let last = lines.last().map_or("", |line| draft.source.slice(line));
                is_led_to |= acceptance::leads_on(last);
                continue;
            }
            _ => continue,
        };
        let found = known(found);
        let is_other = has_other_id(draft, &found);
        for (scalar, (name, value, span)) in found {
            match is_led_to || is_other {
                true => tell(draft, scalar, &name, &value, &span),
                false => take(draft, scalar, &name, &value, &span)?,
            }
        }
    }
    tell_code(draft, &chunk.blocks);
    Ok(())
}

/// Those that say something of an order.
fn known(pairs: Vec<Pair>) -> Vec<(Scalar, Pair)> {
    let scalars = pairs.into_iter().filter_map(|pair| Some((names::scalar(&fold::heading(&pair.0))?, pair)));
    scalars.filter(|(scalar, _)| *scalar != Scalar::Title).collect()
}

fn has_other_id(draft: &Draft<'_>, found: &[(Scalar, Pair)]) -> bool {
    found.iter().any(|(scalar, (_, id, _))| *scalar == Scalar::Id && draft.ids.has_other_than(id))
}

fn take(draft: &mut Draft<'_>, scalar: Scalar, name: &str, value: &str, span: &Span) -> Result<(), ParseRefusal> {
    let is_id = fold::widths(value).to_ascii_uppercase().contains("WO-");
    match scalar {
        Scalar::Id if !is_id => Ok(()),
        // a person, or prose
        Scalar::Handler if !draft::is_handler_name(&fold::inline(value)) => Ok(()),
        _ => draft.set(scalar, name, value, span, Place::Line),
    }
}

/// Of what steers the order, and only where it is surely said: a time, the name of a handler.
fn tell(draft: &mut Draft<'_>, scalar: Scalar, name: &str, value: &str, span: &Span) {
    let value = fold::inline(value);
    let (is_meant, understood) = match scalar {
        Scalar::Expires => (draft::is_time(&value), "text: the order does not expire by it"),
        Scalar::Handler => (draft::is_handler_name(&value), "text: the handler is chosen without it"),
        Scalar::Approval | Scalar::Requires => {
            (body_gates::is_meant(scalar, name, &value), "text: the order waits for nothing that stands there")
        }
        _ => return,
    };
    let is_said = match scalar {
        Scalar::Approval => draft.order.needs_approval,
        Scalar::Requires => !draft.order.requires.is_empty(),
        scalar => draft.is_set(scalar),
    };
    if is_meant && !is_said {
        let remark = Remark::warning(
            "key-not-taken",
            format!("`{name}: {value}` stands where nothing is said of the order itself"),
        )
        .understood(understood)
        .cure("write it on a line of its own below the title, or in the front matter");
        draft.remark(span, remark);
    }
}

/// Keys in a block of YAML are shown, not said.
fn tell_code(draft: &mut Draft<'_>, blocks: &[Block]) {
    for block in blocks {
        let Block::Code(code) = block else { continue };
        if !matches!(code.language.to_lowercase().as_str(), "yaml" | "yml" | "toml") {
            continue;
        }
        for line in code.text.lines() {
            let Some((name, value)) = line.split_once([':', '=']) else { continue };
            if let Some(scalar) = names::scalar(&fold::heading(name)) {
                tell(draft, scalar, name.trim(), value.trim().trim_matches(['"', '\'']), &code.span);
            }
        }
    }
}

/// Lines, items, the rows of tables of two columns, quotes.
fn pairs(draft: &Draft<'_>, blocks: &[Block]) -> Vec<Pair> {
    let mut found: Vec<Pair> =
        text_lines(draft, blocks).into_iter().flat_map(|(span, text)| line_pairs(&text, &span)).collect();
    for block in blocks {
        match block {
            Block::List(list) => found.extend(list.items.iter().flat_map(|item| {
                line_pairs(&criteria::raw_text(draft, &item.lines), &lines_span(&item.lines, &item.span))
            })),
            // `| **Priority** | P1 |`
            Block::Table(table) => found.extend(table_pairs(table)),
            Block::Quote { blocks, .. } => found.extend(quoted(draft, blocks)),
            _ => {}
        }
    }
    found
}

fn line_pairs(text: &str, span: &Span) -> Vec<Pair> {
    let parts = keyline::several(text);
    let pair = |part: Span| {
        let text = text.get(part)?;
        let key = keyline::parse(text)?;
        Some((key.name, text.get(key.value).unwrap_or("").to_owned(), span.clone()))
    };
    parts.into_iter().filter_map(pair).collect()
}

fn table_pairs(table: &Table) -> Vec<Pair> {
    if table.header.len() != 2 {
        return Vec::new();
    }
    let rows = std::iter::once(&table.header).chain(table.rows.iter().map(|row| &row.cells));
    let cells = rows.filter_map(|cells| Some((cells.first()?, cells.get(1)?)));
    cells
        .map(|(key, value)| {
            let name = fold::strip_marks(&key.text).trim_end_matches([':', '：', ' ']);
            (name.to_owned(), value.raw.clone(), value.span.clone())
        })
        .collect()
}

/// The keys of a quote that holds nothing else.
fn quoted(draft: &Draft<'_>, blocks: &[Block]) -> Vec<Pair> {
    let lines = text_lines(draft, blocks);
    let is_text = |block: &Block| matches!(block, Block::Paragraph { .. } | Block::List(_) | Block::Table(_));
    let is_key = |(_, text): &(Span, String)| keyline::parse(text).is_some_and(|key| !key.value.is_empty());
    match blocks.iter().all(is_text) && lines.iter().all(is_key) {
        true => pairs(draft, blocks),
        false => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use crate::order::{Order, Severity, parse};

    fn markdown(body: &str) -> Order {
        parse(format!("# WO-1\n\n{body}").as_bytes(), "WO-1.md").unwrap()
    }

    /// What is told beyond notes.
    fn warned(order: &Order) -> Vec<&str> {
        let found = order.diagnostics.iter().filter(|found| found.severity != Severity::Note);
        found.map(|found| found.code.as_str()).collect()
    }

    #[test]
    fn what_is_said_of_the_order_is_taken_in_any_shape() {
        let says = |order: &Order| {
            let expires = order.expires.map(|at| at.to_string());
            (expires.unwrap_or_default(), order.handler.clone().unwrap_or_default(), format!("{:?}", order.priority))
        };
        let lines = "**Priority:** P0\n**Expires:** 2025-11-02\n**Handler:** verification\n";
        let list = lines.replace("**P", "- **P").replace("**E", "- **E").replace("**H", "- **H");
        let quote = lines.replace("**P", "> **P").replace("**E", "> **E").replace("**H", "> **H");
        let rows = "| **Expires** | 2025-11-02 |\n| Handler: | `verification` |\n";
        let table = format!("| Field | Value |\n|---|---|\n| Priority | P0 |\n{rows}");
        let headless = format!("| Priority | P0 |\n|---|---|\n{rows}");
        let one_line = lines.trim().replace('\n', " | ");
        let mut shapes = vec![
            lines.to_owned(),
            list.clone(),
            quote.clone(),
            table.clone(),
            headless.clone(),
            format!("{one_line}\n"),
            format!("> {}\n", one_line.replace('|', "·")),
            format!("**Objective:** x\n\n{table}"),
        ];
        for name in ["## Metadata", "## 📋 Work Order Details", "## Header", "## Order info"] {
            let bodies = [lines, &list, &table, &quote, &one_line];
            shapes.extend(bodies.iter().map(|body| format!("{name}\n\n{body}\n")));
        }
        for shape in shapes {
            let order = markdown(&format!("{shape}\n## Acceptance\n- a: zstd\n"));
            let expect = ("2025-11-03T00:00:00Z".to_owned(), "verification".to_owned(), "P0".to_owned());
            assert_eq!((says(&order), warned(&order)), (expect, vec![]), "{shape}");
            assert_eq!(order.acceptance.len(), 1, "{shape}");
        }
        let named = |body: &str| parse(format!("# Work Order: Nightly\n\n{body}").as_bytes(), "WO-2.md").unwrap();
        assert_eq!(named("| Field | Value |\n|-|-|\n| ID | WO-7 |\n").id, "WO-7");
        assert_eq!(named("> **WO ID:** WO-7\n").id, "WO-7");
        let id = "**ID:** WO-7\n";
        for (other, told) in [
            (format!("> {id}{quote}"), 2),
            (format!("{table}| ID | WO-7 |\n"), 2),
            (format!("The old order said:\n\n{quote}"), 2),
            (format!("**The one before:**\n\n{table}"), 2),
            (format!("> GG said:\n{quote}"), 0),
            (format!("## Background\n\n{table}"), 0),
            (format!("## Old order\n\n{quote}"), 0),
            (format!("## Scope\n\n{list}"), 2),
            (format!("## Previous order\n\n### Metadata\n\n{list}"), 0),
            (format!("## Objective\n\nCookie format:\n\n### Header\n\n{list}"), 2),
            ("## Objective\n\nCookie format:\n\n### Header\n\n- ID: WO-7\n- Expires: 2025-11-02\n".to_owned(), 1),
            (format!("## Scheduling\n\n{lines}"), 2),
            ("```yaml\nexpires: 2025-11-02\nhandler: verification\n```\n".to_owned(), 2),
            ("## Caching\n- Expires: after 5 min\n- Handler: `src/h.js`\n".to_owned(), 0),
        ] {
            let order = markdown(&format!("{other}\n## Acceptance\n- a: zstd\n"));
            assert_eq!((order.expires, order.handler.clone(), order.id.as_str()), (None, None, "WO-1"), "{other}");
            assert_eq!(warned(&order), vec!["key-not-taken"; told], "{other}: {:?}", order.diagnostics);
        }
    }
}
