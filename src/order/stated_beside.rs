//! Acceptance that stands with the work instead of in a section: an item `- **Acceptance:** file size ≤ 5 MB` below a task,
//! a column `Acceptance Criteria` of a table of tasks.
//!
//! What must hold: only what is called acceptance as a whole counts; it is then a criterion like any other.

use super::acceptance;
use super::blocks::{Block, ListItem};
use super::body::is_pointer;
use super::criteria;
use super::draft::Draft;
use super::model::{CriterionSource, Span};
use super::table::Table;
use super::{criteria_columns, elsewhere, fold, keyline, section_names};

/// Reads the items and the tables of a section of another kind. Key lines in its text are parts of their own already.
pub(super) fn read(draft: &mut Draft<'_>, read: &[Block], is_over: bool) {
    for block in read {
        match block {
            Block::List(list) => list.items.iter().for_each(|entry| item(draft, entry, is_over)),
            Block::Quote { blocks, .. } => self::read(draft, blocks, is_over),
            Block::Table(table) => column(draft, table, is_over),
            _ => {}
        }
    }
}

/// The lines of an item and of the text below it. What stands below a key without a value, or below an item that is one, is the
/// key's.
fn item(draft: &mut Draft<'_>, entry: &ListItem, is_over: bool) {
    let is_whole = lines(draft, &entry.lines, is_over);
    let mut is_asked = is_whole;
    for block in &entry.blocks {
        match block {
            Block::Paragraph { lines } => is_asked = self::lines(draft, lines, is_over) || is_whole,
            _ if is_asked && !is_over => acceptance::text_below(draft, std::slice::from_ref(block)),
            _ => read(draft, std::slice::from_ref(block), is_over),
        }
    }
}

/// Whether the last of the lines is a key of acceptance, so that what follows is its own.
fn lines(draft: &mut Draft<'_>, lines: &[Span], is_over: bool) -> bool {
    let mut is_last = false;
    let mut rest = lines.iter().peekable();
    while let Some(line) = rest.next() {
        let Some((value, span)) = key(draft, line) else {
            // a sentence that goes on, or another key
            is_last = false;
            continue;
        };
        is_last = true;
        let mut span = span;
        while let Some(next) = rest.next_if(|next| keyline::parse(draft.source.slice(next)).is_none()) {
            span.end = next.end;
        }
        let text = if value.is_empty() { String::new() } else { draft.source.slice(&span).to_owned() };
        if text.is_empty() || is_pointer(&text) {
            continue;
        }
        let text = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        match is_over {
            true => tell_over(draft, &span),
            false => state(draft, &text, CriterionSource::Bullets, span),
        }
    }
    is_last
}

/// The value of a key line of acceptance; one that is not set off is one only with nothing behind it, or with what can be judged.
fn key(draft: &Draft<'_>, line: &Span) -> Option<(String, Span)> {
    let text = draft.source.slice(line);
    let key = keyline::parse(text).filter(|key| section_names::is_acceptance_alone(&key.name))?;
    let value = text.get(key.value.clone())?;
    let split = criteria::split(value);
    let counts = key.bold || value.is_empty() || criteria::is_judged(&split.metric, &split.target);
    counts.then(|| (value.to_owned(), line.start + key.value.start..line.start + key.value.end))
}

/// `Task | Owner | Acceptance Criteria`. A cell that is no more than a target is of what its row is about.
fn column(draft: &mut Draft<'_>, table: &Table, is_over: bool) {
    let asked = table.header.iter().position(|cell| section_names::is_acceptance_alone(&cell.text));
    let Some(asked) = asked.filter(|_| !criteria_columns::is_criteria_table(table)) else { return };
    let subject = table.header.iter().enumerate().position(|(n, cell)| {
        // `#`, `No` number the rows
        n != asked && !matches!(fold::heading(&cell.text).as_str(), "" | "no" | "nr" | "id" | "status" | "owner")
    });
    if is_over {
        return elsewhere::tell_past(draft, table);
    }
    for row in &table.rows {
        let Some(cell) = row.cells.get(asked) else { continue };
        let subject = subject.and_then(|column| row.cells.get(column)).map_or("", |cell| cell.text.as_str());
        for span in parts(draft.source.slice(&cell.span), cell.span.start) {
            let part = draft.source.slice(&span).replace("\\|", "|");
            match criteria::begins_with_sign(&part) && !subject.is_empty() {
                _ if is_empty(&part) => {}
                true => criteria::add(draft, subject, &part, None, CriterionSource::Table, span),
                false => state(draft, &part, CriterionSource::Table, span),
            }
        }
    }
}

/// Takes what states something; `GG`, `pending` or a path under such a name is told.
fn state(draft: &mut Draft<'_>, text: &str, source: CriterionSource, span: Span) {
    let split = criteria::split(text);
    if split.is_whole && !criteria::is_judged(&split.metric, &split.target) {
        return acceptance::tell_unread(draft, &[span]);
    }
    criteria::from_line(draft, text, source, span);
}

/// What breaks part within a cell that begins at `base`: where each part stands, for what is told of it is told of it alone.
fn parts(raw: &str, base: usize) -> Vec<Span> {
    let breaks = raw.match_indices("<br").filter_map(|(at, _)| {
        let written =
            ["<br>", "<br/>", "<br />"].iter().find(|written| raw.get(at..).unwrap_or("").starts_with(**written))?;
        Some((at, at + written.len()))
    });
    let mut start = 0;
    let mut found = Vec::new();
    for (at, end) in breaks.chain([(raw.len(), raw.len())]) {
        let part = raw.get(start..at).unwrap_or("");
        let from = base + start + part.len() - part.trim_start().len();
        found.push(from..from + part.trim().len());
        start = end;
    }
    found
}

fn is_empty(text: &str) -> bool {
    super::target::is_blank(text) || is_pointer(text) || fold::fold(text).is_empty()
}

fn tell_over(draft: &mut Draft<'_>, span: &Span) {
    let shown = crate::text::line(draft.source.slice(span), 60);
    elsewhere::tell_past_line(draft, &shown, span);
}

#[cfg(test)]
mod tests {
    use crate::order::{Order, parse};

    fn markdown(body: &str) -> Order {
        parse(format!("# WO-1\n\n{body}").as_bytes(), "WO-1.md").unwrap()
    }

    fn compiled(order: &Order) -> Vec<String> {
        order.acceptance.iter().map(|one| format!("{}: {}", one.metric, one.compiled)).collect()
    }

    #[test]
    fn what_is_called_acceptance_below_a_task_is_asked() {
        for (body, expect) in [
            ("## Tasks\n\n### Task 1\n- [ ] Write\n- **Acceptance:** file size ≤ 5 MB\n", vec!["file size: ≤ 5 MB"]),
            (
                "## Plan\n\n### Step 1\n- Deploy\n- **Acceptance criteria:** File size ≤ 1 kB\n",
                vec!["File size: ≤ 1 kB"],
            ),
            (
                "## Plan\n- Load\n- **Success criteria:**\n  - a: zstd\n  - b ≥ 1\n- Then: go\n",
                vec!["a: is zstd", "b: ≥ 1"],
            ),
            (
                "## Steps\n\n1. **Deploy**\n   - Copy\n   - *Acceptance:* a ≤ 1 kB\n2. *Done when:* b loaded\n",
                vec!["a: ≤ 1 kB", "b: works (loaded)"],
            ),
            ("## Steps\n\n1. **Deploy**\n   **Acceptance:** a ≤\n   1 kB\n   **Owner:** GG\n", vec!["a: ≤ 1 kB"]),
            ("## Steps\n\n1. **Deploy**\n\n   **Definition of Done:**\n\n   - a ≤ 1 kB\n", vec!["a: ≤ 1 kB"]),
            ("## Tasks\n- Acceptance: a ≤ 1 kB\n- Acceptance: GG looks at it\n", vec!["a: ≤ 1 kB"]),
            ("## Tasks\n- **Acceptance criteria:** see below\n\n## Acceptance\n- a: zstd\n", vec!["a: is zstd"]),
            ("## Tasks\n- **Acceptance test script:** `a.zsh`\n- **KPI dashboard:** build it ≤ 5 MB\n", vec![]),
            ("## Out of scope\n- **Acceptance:** a ≤ 1 kB\n", vec![]),
            ("## Previous order\n- **Acceptance:** a ≤ 1 kB\n", vec![]),
            (
                "## Work\n\n| Task | Owner | Acceptance Criteria |\n|-|-|-|\n| A | GG | a ≤ 1 kB |\n| B | GG | ≤ 5 s |\n| C | GG | – |\n",
                vec!["a: ≤ 1 kB", "B: ≤ 5 s"],
            ),
            (
                "## Deliverables\n\n| Deliverable | Path | Acceptance |\n|-|-|-|\n| x | `run/x.cjs` | a ≤ 1 kB<br>b: zstd |\n",
                vec!["a: ≤ 1 kB", "b: is zstd"],
            ),
            (
                "## Tasks\n\n| # | Task | Success Criteria | Status |\n|-|-|-|-|\n| 1 | A | a ≤ 1 kB | ⬜ |\n\n## Acceptance Criteria\n- b ≥ 1\n",
                vec!["a: ≤ 1 kB", "b: ≥ 1"],
            ),
            ("## History\n\n| Task | Acceptance |\n|-|-|\n| A | a ≤ 1 kB |\n", vec![]),
        ] {
            let order = markdown(body);
            assert_eq!(compiled(&order), expect, "{body}: {:?}", order.diagnostics);
        }
        let over = markdown("## Background\n- **Acceptance:** a ≤ 1 kB\n");
        assert!(over.diagnostics.iter().any(|found| found.code == "past-results"), "{:?}", over.diagnostics);
    }

    #[test]
    fn what_breaks_part_in_a_cell_stands_where_it_is_written() {
        let parts = ["a ≤ 1 kB", "just words", "b: x\\|y", "", "c ≥ 2"];
        let cell = [parts[0], "<br>", parts[1], "<br/> ", parts[2], "<br />", parts[3], "<br>", parts[4]].concat();
        let order = markdown(&format!("## Tasks\n\n| Task | Acceptance |\n|-|-|\n| t | {cell} |\n"));
        let at = |span: &std::ops::Range<usize>| {
            format!("# WO-1\n\n## Tasks\n\n| Task | Acceptance |\n|-|-|\n| t | {cell} |\n")[span.clone()].to_owned()
        };
        assert_eq!(
            order.acceptance.iter().map(|one| at(&one.span)).collect::<Vec<_>>(),
            [parts[0], parts[2], parts[4]]
        );
        assert_eq!(order.acceptance[1].target, "x|y");
        let told: Vec<_> = order.diagnostics.iter().filter(|found| found.code == "acceptance-text").collect();
        assert_eq!(told.iter().map(|found| at(&found.span)).collect::<Vec<_>>(), [parts[1]]);
    }
}
