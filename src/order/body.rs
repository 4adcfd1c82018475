//! From the parts of a Markdown body to the fields of the model.

use super::blocks::{Block, Code, ListItem};
use super::draft::Draft;
use super::identity::Place;
use super::layout::{Chunk, Zone};
use super::model::{Command, CriterionSource, Dependency, Item, PartKind, Shape, Span};
use super::names::{Role, Scalar};
use super::refusal::ParseRefusal;
use super::source::Remark;
use super::target::{self, Target, Unit};
use super::{
    acceptance, body_keys, code_paths, criteria, criteria_columns, criteria_table, deliverables, denial, elsewhere,
    fold, keyline, paths, section_names, stated_beside,
};

/// Fills the draft from the body.
pub(crate) fn read(draft: &mut Draft<'_>, chunks: &[Chunk]) -> Result<(), ParseRefusal> {
    let mut scope = Vec::new();
    // the roles of the sections that enclose the current one, by level, whether they tell of what is over, and what denies them
    let mut enclosing: Vec<(u8, Role, bool, Option<String>)> = Vec::new();
    let mut headings: Vec<(u8, &str)> = Vec::new();
    for chunk in chunks {
        if chunk.kind == PartKind::Title {
            title(draft, chunk);
            continue;
        }
        enclosing.retain(|(level, ..)| *level < chunk.level);
        let inherited = enclosing.last().map_or(Role::Other, |(_, role, ..)| *role);
        // a heading of the first level is a title
        let is_within = enclosing.iter().any(|(level, ..)| *level > 1);
        let is_over =
            section_names::is_over(&chunk.name) || enclosing.last().is_some_and(|(_, _, is_over, _)| *is_over);
        draft.denied = enclosing.last().and_then(|(.., by)| by.clone());
        headings.retain(|(level, _)| *level < chunk.level);
        if matches!(chunk.kind, PartKind::Section | PartKind::Key) && chunk.level > 1 {
            headings.push((chunk.level, chunk.label.as_str()));
        }
        draft.whose.clear();
        headings.iter().for_each(|(_, label)| draft.head(label, false));
        let own = if chunk.kind == PartKind::Other { Role::Other } else { own_role(chunk) };
        // a heading of its own name within acceptance is still acceptance
        let role = match (inherited, own) {
            (_, own) if chunk.kind != PartKind::Section => own,
            (_, Role::Excluded) => own,
            (Role::Acceptance, Role::Deliverables | Role::Dependencies) => own,
            (Role::Acceptance, _) => Role::Acceptance,
            (inherited, Role::Other) => inherited,
            (_, own) => own,
        };
        if chunk.kind == PartKind::Section {
            draft.deny(denial::of_label(&chunk.label));
            enclosing.push((chunk.level, role, is_over, draft.denied.clone()));
        } else if role == Role::Acceptance {
            draft.deny(denial::of_label(&chunk.label));
        }
        let is_child = role == inherited && own == Role::Other;
        section(draft, chunk, role, is_child, &mut scope);
        if !matches!(role, Role::Acceptance | Role::Excluded) {
            tables(draft, &chunk.blocks, &chunk.name, is_over);
            // what another order will be asked, or what this one builds on, is not asked of it
            let is_beside = section_names::is_aside(&chunk.name)
                || BESIDE.iter().any(|lead| chunk.name == *lead || chunk.name.starts_with(&format!("{lead} ")));
            if !is_beside && !matches!(role, Role::NextPhase | Role::Dependencies) {
                stated_beside::read(draft, &chunk.blocks, is_over || section_names::is_past(&chunk.name));
            }
        }
        if role == Role::Verification || own == Role::Verification {
            commands(draft, &chunk.blocks);
        }
        if inherited == Role::Acceptance && chunk.kind == PartKind::Key {
            acceptance::tell_left(draft, chunk);
        }
        body_keys::read(draft, chunk, role, is_over, is_within)?;
        super::template_key::from_body(draft, chunk, role);
        placeholders(draft, chunk);
    }
    draft.denied = None;
    draft.whose.clear();
    if draft.order.requirements.is_empty() {
        draft.order.requirements = scope;
    }
    elsewhere::tell_criteria(draft, chunks);
    Ok(())
}

fn title(draft: &mut Draft<'_>, chunk: &Chunk) {
    draft.ids.within(Place::Title, &chunk.label, &chunk.head);
    if draft.is_set(Scalar::Title) {
        return;
    }
    let mut rest = fold::strip_marks(&chunk.label).trim().to_owned();
    let plain = fold::widths(&rest);
    if plain.get(..10).is_some_and(|head| head.eq_ignore_ascii_case("work order")) {
        rest = plain;
    }
    for lead in ["work order", "workorder", "ใบสั่งงาน", "wo"] {
        let head = rest.get(..lead.len()).is_some_and(|head| head.eq_ignore_ascii_case(lead));
        let tail = rest.get(lead.len()..).unwrap_or("").trim_start();
        if head && (tail.starts_with([':', '：']) || (lead != "wo" && tail.starts_with(['-', '–', '—']))) {
            rest = tail.trim_start_matches([':', '：', '-', '–', '—', ' ']).to_owned();
            break;
        }
    }
    // `WO-… — words`: the words
    let after_id =
        rest.split_once(char::is_whitespace).filter(|(first, _)| first.to_ascii_uppercase().starts_with("WO-"));
    let words = after_id.map(|(_, words)| words.trim_start_matches([':', '：', '-', '–', '—', '|', ' ']).to_owned());
    let title = words.filter(|words| !words.is_empty()).unwrap_or(rest);
    draft.order.title = (!title.is_empty()).then_some(title);
}

fn section(draft: &mut Draft<'_>, chunk: &Chunk, role: Role, is_child: bool, scope: &mut Vec<Item>) {
    match role {
        Role::Objective => {
            if draft.order.objective.is_none() {
                let text = all_text(draft, chunk);
                draft.order.objective = (!text.is_empty()).then_some(text);
            }
        }
        Role::Requirements => {
            let found = items_of(draft, chunk, is_child);
            draft.order.requirements.extend(found);
        }
        Role::Scope => scope.extend(items_of(draft, chunk, is_child)),
        Role::Acceptance => acceptance::section(draft, chunk, is_child),
        Role::Deliverables => delivered(draft, chunk, is_child),
        Role::Dependencies => dependencies(draft, chunk),
        Role::NextPhase => {
            if draft.order.next_phase.is_none() {
                let text = all_text(draft, chunk);
                draft.order.next_phase = (!text.is_empty()).then_some(text);
            }
        }
        Role::Verification | Role::Other => {}
        Role::Excluded => elsewhere::tell_excluded(draft, chunk),
    }
}

/// `Verification criteria` with nothing but commands below it are commands.
fn own_role(chunk: &Chunk) -> Role {
    let is_verification = ["verification", "validation"].iter().any(|lead| chunk.name.starts_with(lead));
    let is_code = |block: &Block| matches!(block, Block::Code(_) | Block::Rule(_));
    match chunk.role() {
        Role::Acceptance if is_verification && !chunk.blocks.is_empty() && chunk.blocks.iter().all(is_code) => {
            Role::Verification
        }
        role => role,
    }
}

/// A table with Metric and Target counts wherever it stands, but for one with the results of an earlier run, or in a section
/// that holds nothing but what is over.
fn tables(draft: &mut Draft<'_>, blocks: &[Block], name: &str, is_over: bool) {
    for block in blocks {
        match block {
            Block::Table(table) if criteria_columns::is_criteria_table(table) => {
                if is_over || (section_names::is_past(name) && criteria_columns::has_results(table)) {
                    elsewhere::tell_past(draft, table);
                } else {
                    criteria_table::from_table(draft, table, false);
                }
            }
            Block::Quote { blocks, .. } => tables(draft, blocks, name, is_over),
            Block::List(list) => list.items.iter().for_each(|item| tables(draft, &item.blocks, name, is_over)),
            _ => {}
        }
    }
}

/// Lists, and blocks of code that are lists of paths.
fn delivered(draft: &mut Draft<'_>, chunk: &Chunk, is_child: bool) {
    let count = |draft: &Draft<'_>| draft.order.deliverables.iter().filter(|one| one.path.is_some()).count();
    let before = count(draft);
    let is_code = |block: &Block| matches!(block, Block::Code(_) | Block::Rule(_));
    if code_paths::read(draft, chunk) && chunk.blocks.iter().all(is_code) {
        return;
    }
    deliverables::section(draft, chunk, is_child);
    if count(draft) == before {
        code_paths::tell_unread(draft, chunk);
    }
}

pub(crate) fn value_text(draft: &Draft<'_>, chunk: &Chunk) -> String {
    chunk.value.as_ref().map(|value| draft.source.slice(value).trim().to_owned()).unwrap_or_default()
}

/// The value and the text below, in lines.
fn all_text(draft: &Draft<'_>, chunk: &Chunk) -> String {
    let mut out: Vec<String> = Vec::new();
    let value = fold::inline(&value_text(draft, chunk));
    if !value.is_empty() {
        out.push(value);
    }
    chunk.blocks.iter().for_each(|block| block_text(draft, block, &mut out));
    out.join("\n")
}

fn block_text(draft: &Draft<'_>, block: &Block, out: &mut Vec<String>) {
    match block {
        Block::Paragraph { lines } => out.extend(Some(lines_text(draft, lines)).filter(|text| !text.is_empty())),
        Block::List(list) => {
            for item in &list.items {
                out.push(format!("- {}", lines_text(draft, &item.lines)));
                item.blocks.iter().for_each(|block| block_text(draft, block, out));
            }
        }
        Block::Quote { blocks, .. } => blocks.iter().for_each(|block| block_text(draft, block, out)),
        Block::Table(table) => out.extend(table.rows.iter().map(|row| cells_text(&row.cells))),
        Block::Code(code) => out.push(code.text.trim_end().to_owned()),
        Block::Heading { .. } | Block::Rule(_) | Block::Other(_) => {}
    }
}

fn cells_text(cells: &[super::table::Cell]) -> String {
    cells.iter().map(|cell| cell.text.as_str()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" | ")
}

fn lines_text(draft: &Draft<'_>, lines: &[Span]) -> String {
    fold::inline(&criteria::raw_text(draft, lines))
}

pub(crate) fn lines_span(lines: &[Span], fallback: &Span) -> Span {
    lines.first().map_or(fallback.start, |line| line.start)..lines.last().map_or(fallback.end, |line| line.end)
}

/// What is required: lists with what is nested, lines of text, rows; a heading within is a requirement with its list.
fn items_of(draft: &Draft<'_>, chunk: &Chunk, is_child: bool) -> Vec<Item> {
    let mut found = Vec::new();
    let value = fold::inline(&value_text(draft, chunk));
    if !value.is_empty() {
        found.push(Item { text: value, children: Vec::new(), span: chunk.value.clone().unwrap_or_default() });
    }
    found.extend(items_in(draft, &chunk.blocks, is_child));
    if is_child {
        return vec![Item { text: heading_words(&chunk.label), children: found, span: chunk.head.clone() }];
    }
    found
}

/// Requirements as a text.
pub(crate) fn requirements_text(draft: &mut Draft<'_>, blocks: &[Block]) {
    let found = items_in(draft, blocks, false);
    draft.order.requirements.extend(found);
}

/// The items of lists, the rows of tables; lines only where there are neither, or below a heading of their own.
fn items_in(draft: &Draft<'_>, blocks: &[Block], with_lines: bool) -> Vec<Item> {
    let mut found = Vec::new();
    let has_list = blocks.iter().any(|block| matches!(block, Block::List(_) | Block::Table(_)));
    for block in blocks {
        match block {
            Block::List(list) => found.extend(list.items.iter().map(|item| item_of(draft, item))),
            Block::Paragraph { lines } if !has_list || with_lines => {
                let text = lines_text(draft, lines);
                found.push(Item { text, children: Vec::new(), span: lines_span(lines, &(0..0)) });
            }
            Block::Table(table) => found.extend(table.rows.iter().map(|row| Item {
                text: cells_text(&row.cells),
                children: Vec::new(),
                span: row.span.clone(),
            })),
            _ => {}
        }
    }
    found
}

fn item_of(draft: &Draft<'_>, item: &ListItem) -> Item {
    let nested = item.blocks.iter().filter_map(|block| match block {
        Block::List(list) => Some(list),
        _ => None,
    });
    Item {
        text: lines_text(draft, &item.lines),
        children: nested.flat_map(|list| &list.items).map(|item| item_of(draft, item)).collect(),
        span: item.span.clone(),
    }
}

pub(crate) fn text_lines(draft: &Draft<'_>, blocks: &[Block]) -> Vec<(Span, String)> {
    let paragraphs = blocks.iter().filter_map(|block| match block {
        Block::Paragraph { lines } => Some(lines),
        _ => None,
    });
    paragraphs.flatten().map(|line| (line.clone(), draft.source.slice(line).to_owned())).collect()
}

/// `see table below`: text that points elsewhere.
pub(crate) fn is_pointer(text: &str) -> bool {
    let folded = fold::fold(text);
    if folded.starts_with("see ") && paths::in_text(text).is_empty() {
        return true;
    }
    ["see ", "as below", "below", "as above", "above", "listed ", "see table"]
        .iter()
        .any(|lead| folded.starts_with(lead))
        && folded.split(' ').count() <= 8
}

/// A heading without what numbers it: `2. Speed`, `2.1 Speed`, `5.3.1) Speed`. `2.5 MB per file` says how much.
pub(crate) fn heading_words(label: &str) -> String {
    let label = fold::strip_marks(label);
    let end = label.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(label.len());
    let (number, rest) = label.split_at_checked(end).unwrap_or((label, ""));
    let closed = rest.strip_prefix(')');
    let parts = number.trim_end_matches('.').split('.').filter(|part| !part.is_empty()).count();
    let unit = rest.split_whitespace().next().unwrap_or("");
    let is_amount = || {
        let amount = target::compile("", &format!("= {number} {unit}"));
        matches!(amount, Target::Compare { unit, .. } if !matches!(unit, Unit::Count { .. }))
    };
    let is_number = match () {
        () if !number.starts_with(|c: char| c.is_ascii_digit()) => false,
        () if closed.is_some() || number.ends_with('.') => true,
        () => parts > 1 && rest.starts_with(' ') && !is_amount(),
    };
    if !is_number {
        return label.to_owned();
    }
    let rest = closed.unwrap_or(rest).trim_start();
    let rest = ["– ", "— ", "- "].iter().find_map(|dash| rest.strip_prefix(dash)).unwrap_or(rest);
    fold::strip_marks(rest).to_owned()
}

fn dependencies(draft: &mut Draft<'_>, chunk: &Chunk) {
    let value = value_text(draft, chunk);
    if !value.is_empty() && !matches!(fold::fold(&value).as_str(), "none" | "n a" | "") {
        let span = chunk.value.clone().unwrap_or_default();
        dependency(draft, &value, &span);
    }
    for block in &chunk.blocks {
        match block {
            Block::List(list) => {
                for item in &list.items {
                    let raw = criteria::raw_text(draft, &item.lines);
                    dependency(draft, &raw, &lines_span(&item.lines, &item.span));
                }
            }
            Block::Table(table) => {
                for row in &table.rows {
                    let mut cells = row.cells.iter().map(|cell| cell.text.clone());
                    let name = cells.next().unwrap_or_default();
                    let claim = cells.collect::<Vec<_>>().join(" | ");
                    let claim = Some(claim).filter(|claim| !claim.is_empty());
                    draft.order.dependencies.push(Dependency { name, claim, span: row.span.clone() });
                }
            }
            _ => {}
        }
    }
}

/// `Redis Auth: ✅ fixed`.
pub(crate) fn dependency(draft: &mut Draft<'_>, raw: &str, span: &Span) {
    let key = keyline::parse(raw).map(|key| (key.name, fold::inline(raw.get(key.value).unwrap_or(""))));
    let text = fold::inline(fold::strip_marks(raw));
    let dashed = || {
        [" — ", " – ", " - "]
            .iter()
            .find_map(|dash| text.split_once(dash))
            .map(|(name, claim)| (name.to_owned(), claim.to_owned()))
    };
    let colon = || text.split_once(": ").map(|(name, claim)| (name.to_owned(), claim.to_owned()));
    let (name, claim) = key.or_else(colon).or_else(dashed).unwrap_or((text.clone(), String::new()));
    if !name.is_empty() {
        let claim = Some(claim).filter(|claim| !claim.is_empty());
        draft.order.dependencies.push(Dependency { name, claim, span: span.clone() });
    }
}

/// Fenced code at any depth.
pub(crate) fn commands(draft: &mut Draft<'_>, blocks: &[Block]) {
    for block in blocks {
        match block {
            Block::Code(Code { language, text, span, .. }) if !text.trim().is_empty() => {
                draft.order.verification.push(Command {
                    language: language.clone(),
                    text: text.clone(),
                    span: span.clone(),
                });
            }
            Block::List(list) => list.items.iter().for_each(|item| commands(draft, &item.blocks)),
            Block::Quote { blocks, .. } => commands(draft, blocks),
            _ => {}
        }
    }
}

/// `[Full WO content as provided...]`.
fn placeholders(draft: &mut Draft<'_>, chunk: &Chunk) {
    for (span, text) in text_lines(draft, &chunk.blocks) {
        let text = text.trim();
        if text.len() > 4 && text.starts_with('[') && text.ends_with(']') && !text.contains("](") {
            let remark = Remark::warning("placeholder", format!("`{text}` is a placeholder, not an order"))
                .understood("nothing is asked here")
                .cure("put the text of the order in its place");
            draft.remark(&span, remark);
        }
    }
}

/// Sections in which acceptance is somebody's signature, or what another way would be asked.
const BESIDE: [&str; 8] =
    ["sign off", "signoff", "approval", "approvals", "alternatives", "options", "roadmap", "stakeholders"];

/// Which of the shapes in which orders are written this body has.
pub(crate) fn shape(draft: &Draft<'_>, chunks: &[Chunk]) -> Shape {
    let sections = chunks.iter().filter(|chunk| chunk.kind == PartKind::Section).count();
    let title = chunks.iter().find(|chunk| chunk.kind == PartKind::Title);
    let preamble: Vec<&Chunk> =
        chunks.iter().filter(|chunk| chunk.kind == PartKind::Key && chunk.zone == Zone::Preamble).collect();
    let bulleted = preamble.iter().filter(|chunk| chunk.start != chunk.head.start).count();
    let from_bullets = draft.order.acceptance.iter().any(|criterion| criterion.source == CriterionSource::Bullets);
    let status = preamble.iter().any(|chunk| chunk.name == "status");
    let banner = title.is_some_and(|title| title.level > 1 && !preamble.is_empty());
    match () {
        () if banner => Shape::Banner,
        () if bulleted > 0 => Shape::Bullets,
        () if sections == 0 => Shape::HeadingOnly,
        () if status => Shape::StatusHeader,
        () if from_bullets => Shape::AcceptanceBullets,
        () => Shape::StatusHeader,
    }
}
