//! What states something outside of acceptance: told, never taken for what must hold.

use super::blocks::Block;
use super::body::{text_lines, value_text};
use super::draft::Draft;
use super::layout::Chunk;
use super::model::{PartKind, Span};
use super::names::Role;
use super::source::Remark;
use super::table::Table;
use super::{criteria, criteria_columns, fold, section_names, target};

/// Lines of a section that are looked at closely; what is told is told by the first that is found.
const MAX_LOOKED_AT: usize = 1_000;

/// A section that says itself that it is not asked.
pub(super) fn tell_excluded(draft: &mut Draft<'_>, chunk: &Chunk) {
    let value = value_text(draft, chunk);
    let is_stated = |text: &str| {
        let split = criteria::split(fold::strip_marks(text));
        !split.is_whole && criteria::is_judged(&split.metric, &split.target)
    };
    let has_any = (!value.is_empty() && is_stated(&value))
        || statements(draft, &chunk.blocks).iter().take(MAX_LOOKED_AT).any(|(text, _)| is_stated(text))
        || chunk.blocks.iter().any(|block| matches!(block, Block::Table(_)));
    if has_any {
        let label = crate::text::line(&chunk.label, 60);
        let remark = Remark::note("not-asked", format!("`{label}` is a section of what is not asked"))
            .understood("nothing of it is judged")
            .cure("head it `Acceptance Criteria` if it must hold");
        let head = chunk.head.clone();
        draft.remark(&head, remark);
    }
}

/// The same of a list: `- Out of scope:` with items below it.
pub(super) fn tell_excluded_list(draft: &mut Draft<'_>, label: &str, span: &Span) {
    let label = crate::text::line(label, 60);
    let remark = Remark::note("not-asked", format!("`{label}` heads a list of what is not asked"))
        .understood("nothing of it is judged")
        .cure("list what must hold apart from it");
    draft.remark(span, remark);
}

/// A table of targets in a section that tells of what was.
pub(super) fn tell_past(draft: &mut Draft<'_>, table: &Table) {
    let message = match criteria_columns::has_results(table) {
        true => "the table holds the results of an earlier run",
        false => "the table stands in a section of what is over, or is shown as an example",
    };
    let remark = Remark::note("past-results", message)
        .understood("nothing of it is judged")
        .cure("put what must hold under `Acceptance Criteria`");
    draft.remark(&table.span, remark);
}

/// The same of a line.
pub(super) fn tell_past_line(draft: &mut Draft<'_>, line: &str, span: &Span) {
    let message = format!("`{line}` stands in a section of what is over, or is shown as an example");
    let remark = Remark::note("past-results", message)
        .understood("nothing of it is judged")
        .cure("put what must hold under `Acceptance Criteria`");
    draft.remark(span, remark);
}

/// One warning for an order without criteria in which some section compares.
pub(super) fn tell_criteria(draft: &mut Draft<'_>, chunks: &[Chunk]) {
    if !draft.order.acceptance.is_empty() {
        return;
    }
    let found = chunks.iter().filter(|chunk| may_ask(chunk)).find_map(|chunk| {
        let stated = statements(draft, &chunk.blocks).into_iter();
        let (text, span) =
            stated.filter(|(text, _)| may_compare(text)).take(MAX_LOOKED_AT).find(|(text, _)| compares(text))?;
        Some((chunk.label.clone(), text, span))
    });
    let Some((label, text, span)) = found else { return };
    let place = match label.is_empty() {
        true => "the text".to_owned(),
        false => format!("`{}`", crate::text::line(&label, 60)),
    };
    let example = crate::text::line(&fold::inline(fold::strip_marks(&text)), 60);
    let remark = Remark::warning(
        "criteria-elsewhere",
        format!("the order has no acceptance criteria, but {place} holds what may be meant so (`{example}`)"),
    )
    .understood("text: the criteria of its handler are judged instead, where it has some")
    .cure("head the section `Acceptance Criteria`");
    draft.remark(&span, remark);
}

fn may_ask(chunk: &Chunk) -> bool {
    let is_told = matches!(chunk.role(), Role::Excluded | Role::Dependencies | Role::NextPhase | Role::Deliverables);
    !is_told && chunk.kind != PartKind::Title && !section_names::is_past(&chunk.name)
}

/// What is cheap to see of a comparison: a number, and a sign or a word that compares. Parting a line takes far longer.
fn may_compare(text: &str) -> bool {
    const WORDS: [&str; 22] = [
        "than",
        "most",
        "least",
        "max",
        "maximum",
        "min",
        "minimum",
        "under",
        "below",
        "above",
        "over",
        "within",
        "about",
        "around",
        "up",
        "exceed",
        "exceeds",
        "exceeding",
        "equal",
        "equals",
        "exactly",
        "approximately",
    ];
    const NUMBERS: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    let has_word = |known: &[&str]| {
        let mut words = text.split(|c: char| !c.is_alphanumeric());
        words.any(|word| known.iter().any(|one| word.eq_ignore_ascii_case(one)))
    };
    let has_sign = text.contains(|c: char| "<>≤≥≠=≈±~⩽≦⩾≧＜＞＝～".contains(c)) || text.contains("&");
    (has_sign || has_word(&WORDS) || has_word(&["roughly", "approx", "minimal"]))
        && (text.contains(char::is_numeric) || has_word(&NUMBERS))
}

fn compares(text: &str) -> bool {
    let split = criteria::split(fold::strip_marks(text));
    !split.is_whole && target::begins_comparison(&split.target)
}

/// Items, rows and lines.
fn statements(draft: &Draft<'_>, blocks: &[Block]) -> Vec<(String, Span)> {
    let mut found: Vec<(String, Span)> =
        text_lines(draft, blocks).into_iter().map(|(span, text)| (text, span)).collect();
    for block in blocks {
        match block {
            Block::List(list) => {
                for item in &list.items {
                    let text = criteria::raw_text(draft, &item.lines);
                    found.push((text, item.lines.first().cloned().unwrap_or_else(|| item.span.clone())));
                    found.append(&mut statements(draft, &item.blocks));
                }
            }
            Block::Table(table) => {
                let cells = table.rows.iter().flat_map(|row| row.cells.windows(2));
                found.extend(cells.filter_map(|pair| match pair {
                    [name, value] => Some((format!("{}: {}", name.text, value.text), value.span.clone())),
                    _ => None,
                }));
            }
            Block::Quote { blocks, .. } => found.append(&mut statements(draft, blocks)),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compares_is_not_passed_over_by_the_cheap_look() {
        for text in [
            "File size: ≤ 5 MB",
            "Rows: at least one",
            "File size: maximum of 5 MB",
            "Runtime: in less than 2 s",
            "Size: &lt; 5 MB",
            "Size: ＜ 5 MB",
            "Size: max. 5 MB",
            "Rows: roughly 5",
        ] {
            assert!(compares(text) && may_compare(text), "{text}");
        }
        for text in ["**Schedule** export daily at 03:00 via LaunchAgent", "no more than needed", "plain"] {
            assert!(!may_compare(text), "{text}");
        }
    }

    #[test]
    fn a_long_order_without_criteria_is_read_in_no_time() {
        let lines: String = (0..9_000)
            .map(|n| format!("{n}. **Schedule** export daily at {n} via LaunchAgent and so on with words\n"))
            .collect();
        let text = format!("# WO-1\n\n## Requirements\n\n{lines}\n## Constraints\n- a ≤ 5 MB\n");
        let started = std::time::Instant::now();
        let order = crate::order::parse(text.as_bytes(), "WO-1.md").unwrap();
        assert!(order.diagnostics.iter().any(|found| found.code == "criteria-elsewhere"));
        assert!(started.elapsed() < std::time::Duration::from_secs(120), "{:?}", started.elapsed());
    }
}
