//! Code blocks and comments that swallow what was meant to stand outside of them: a fence that is never closed, or one that
//! a fence within it closed too early.
//!
//! What must hold: an order whose sections are hidden in a block by mistake is not run as if it had none.

use super::blocks::{Block, Code};
use super::draft::Draft;
use super::model::Span;
use super::names::{self, Role};
use super::source::Remark;
use super::{fold, keyline};

/// A block that holds more than its author can have meant.
pub(super) struct Swallowed {
    span: Span,
    /// Whether it is never closed.
    is_open: bool,
    is_comment: bool,
    /// The first line in it that heads a section.
    section: Option<Span>,
}

/// What `blocks` hide, to be told once the criteria were read.
pub(super) fn hidden(draft: &Draft<'_>, blocks: &[Block]) -> Vec<Swallowed> {
    let mut found = Vec::new();
    find(draft, blocks, &mut found);
    found
}

/// Tells it. A fence that was closed by another one within it is an error only where the order is left without criteria.
pub(super) fn tell(draft: &mut Draft<'_>, found: Vec<Swallowed>) {
    let has_criteria = !draft.order.acceptance.is_empty();
    for one in found {
        let what = if one.is_comment { "comment" } else { "code block" };
        let cause = match one.is_open {
            true => format!("the {what} is never closed"),
            false => format!("the {what} holds a fence, which ends it before it was meant to end"),
        };
        let section = one.section.map(|section| {
            let title = crate::text::line(draft.source.slice(&section), 60);
            format!("{cause}, and the section `{title}` (line {}) is in it", draft.line(&section))
        });
        let cure = match one.is_comment {
            true => "put `-->` where it ends",
            false => "close it, or open it with more backticks (````) than any fence within it",
        };
        let is_error = section.is_some() && (one.is_open || !has_criteria);
        let remark = match (is_error, section) {
            (true, Some(message)) => Remark::error("open-fence", message)
                .understood("the order does not run, for a part of it can't be read"),
            (_, Some(message)) => {
                Remark::warning("open-fence", message).understood("it is code, and nothing of it is read")
            }
            (_, None) => Remark::warning("open-fence", cause).understood("all to the end of its part is in it"),
        };
        draft.remark(&one.span, remark.cure(cure));
    }
}

fn find(draft: &Draft<'_>, blocks: &[Block], found: &mut Vec<Swallowed>) {
    for block in blocks {
        match block {
            Block::Code(code) if !code.is_indented => {
                let is_open = !is_closed(draft.source.slice(&code.span));
                let section = section_in(draft, code);
                let open = bare(draft.source.slice(&code.span));
                let is_cut = section.is_some() && code.text.lines().any(|line| opens_another(line, open));
                if is_open || is_cut {
                    found.push(Swallowed { span: first_line(draft, &code.span), is_open, is_comment: false, section });
                }
            }
            Block::Other(span) => {
                let text = draft.source.slice(span);
                if text.trim_start().starts_with("<!--") && !text.contains("-->") {
                    let section = sections(text, span.start).next();
                    found.push(Swallowed { span: first_line(draft, span), is_open: true, is_comment: true, section });
                }
            }
            Block::List(list) => list.items.iter().for_each(|item| find(draft, &item.blocks, found)),
            Block::Quote { blocks, .. } => find(draft, blocks, found),
            _ => {}
        }
    }
}

fn first_line(draft: &Draft<'_>, span: &Span) -> Span {
    let length = draft.source.slice(span).lines().next().map_or(0, str::len);
    span.start..span.start + length
}

fn bare(line: &str) -> &str {
    line.trim().trim_start_matches(['>', ' '])
}

/// Whether the last line of a fenced block is its closing fence.
fn is_closed(text: &str) -> bool {
    let mut lines = text.lines();
    let open = bare(lines.next().unwrap_or(""));
    let Some(mark) = open.chars().next() else { return true };
    let run = open.chars().take_while(|c| *c == mark).count();
    let last = bare(lines.last().unwrap_or(""));
    last.chars().count() >= run && last.chars().all(|c| c == mark)
}

/// ```` ```bash ````: a fence with a language, which can only open a block, and whose end is the end of the one around it.
fn opens_another(line: &str, open: &str) -> bool {
    let line = bare(line);
    let mark = open.chars().next().unwrap_or('`');
    let run = |text: &str| text.len() - text.trim_start_matches(mark).len();
    let language = line.trim_start_matches(mark);
    run(line) >= run(open).max(3) && language.starts_with(char::is_alphabetic)
}

fn section_in(draft: &Draft<'_>, code: &Code) -> Option<Span> {
    let text = draft.source.slice(&code.span);
    let language = code.language.to_lowercase();
    if !["", "md", "markdown", "text", "txt"].contains(&language.as_str()) {
        return sections(text, code.span.start).find(|span| !is_comment(text, code.span.start, span));
    }
    sections(text, code.span.start).next()
}

/// In the code of most languages a line behind a single `#` is a comment, unless it stands by itself as headings do.
fn is_comment(text: &str, base: usize, line: &Span) -> bool {
    let part = |from: usize, to: usize| text.get(from.saturating_sub(base)..to.saturating_sub(base)).unwrap_or("");
    let heading = part(line.start, line.end);
    let is_blank = |line: Option<&str>| line.is_none_or(|line| line.trim().is_empty());
    let before = part(base, line.start).trim_end_matches([' ', '\t']);
    let after = part(line.end, base + text.len());
    let is_single = heading.starts_with('#') && !heading.starts_with("##");
    is_single && !(is_blank(before.lines().last()) && is_blank(after.lines().nth(1)))
}

/// Lines that head a section this project knows. A single `#` is a comment in many languages.
fn sections(text: &str, base: usize) -> impl Iterator<Item = Span> {
    let mut at = base;
    text.split_inclusive('\n').filter_map(move |line| {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        let line = line.trim();
        heads_section(line).then(|| start..start + line.len())
    })
}

fn heads_section(line: &str) -> bool {
    let words = line.trim_start_matches('#');
    let marks = line.len() - words.len();
    let weighs = |role: Role| matches!(role, Role::Acceptance | Role::Deliverables);
    if (1..=6).contains(&marks) && words.starts_with(' ') {
        let role = names::role(&fold::heading(words));
        return if marks > 1 { !matches!(role, Role::Other | Role::Excluded) } else { weighs(role) };
    }
    line.starts_with("**")
        && keyline::parse(line)
            .is_some_and(|key| key.value.is_empty() && weighs(names::role(&fold::heading(&key.name))))
}
