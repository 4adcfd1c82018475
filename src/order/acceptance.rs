//! An acceptance section: which of its tables, lists, headings and lines state what must hold.
//!
//! What must hold: a line that its author may believe to be a criterion is one, or lint says that it is read as text;
//! prose does not become criteria.

use super::blocks::{Block, Code};
use super::body::{heading_words, is_pointer, lines_span, text_lines, value_text};
use super::demand::TARGET;
use super::draft::{Around, Draft};
use super::layout::Chunk;
use super::model::{CriterionSource, PartKind, Span};
use super::names::{Role, Scalar};
use super::source::Remark;
use super::target::{self, Target};
use super::{below, criteria, criteria_table, denial, embedded, fold, item_id, keyline, section_names};

/// Tables, lists and, where there are neither, lines.
pub(crate) fn section(draft: &mut Draft<'_>, chunk: &Chunk, is_child: bool) {
    let before = draft.order.acceptance.len();
    let value = value_text(draft, chunk);
    if !value.is_empty() && !is_pointer(&value) {
        let span = chunk.value.clone().unwrap_or_default();
        criteria::from_line(draft, &value, CriterionSource::Bullets, span);
    }
    // a heading within acceptance names what its bullets are about
    let titled = is_child || (chunk.kind == PartKind::Section && chunk.role() != Role::Acceptance);
    let label = heading_words(&chunk.label);
    let label = item_id::without(&label).into_owned();
    if titled && (is_keyed_child(draft, chunk) || heading_states_one(&label, &chunk.blocks)) {
        // text below explains it; only lines that surely state something are criteria of their own
        criteria::titled(draft, &label, &chunk.head, &chunk.blocks);
        return;
    }
    let unread = blocks(draft, &chunk.blocks, titled.then_some(label.as_str()));
    if draft.order.acceptance.len() > before {
        below::from_code(draft, &chunk.blocks);
        tell_unread(draft, &unread);
        return;
    }
    lines(draft, &chunk.blocks);
    if draft.order.acceptance.len() == before {
        chunk.blocks.iter().for_each(|block| code(draft, block));
    }
    // a heading with nothing below it that can be read says itself what must hold
    if draft.order.acceptance.len() == before && titled && !has_children(chunk) {
        criteria::from_line(draft, &label, CriterionSource::Bullets, chunk.head.clone());
    }
}

/// Acceptance as a text: its lists and tables, else its lines.
pub(crate) fn text(draft: &mut Draft<'_>, read: &[Block]) {
    let unread = blocks(draft, read, None);
    if draft.order.acceptance.is_empty() {
        lines(draft, read);
    } else {
        below::from_code(draft, read);
        tell_unread(draft, &unread);
    }
}

/// What stands below a key of acceptance elsewhere.
pub(super) fn text_below(draft: &mut Draft<'_>, read: &[Block]) {
    let unread = blocks(draft, read, None);
    below::from_code(draft, read);
    tell_unread(draft, &unread);
}

fn lines(draft: &mut Draft<'_>, blocks: &[Block]) {
    let outer = draft.around();
    for (line, text) in text_lines(draft, blocks) {
        below_label(draft, &text, &outer);
        if !leads_on(&text) {
            criteria::from_line(draft, &text, CriterionSource::Bullets, line);
        }
    }
    draft.restore(&outer);
}

/// A line that leads on to what follows it says whether that must be or must not be (`**Reject if:**`), and whose it is
/// (`**Optimizer**`).
pub(super) fn below_label(draft: &mut Draft<'_>, line: &str, outer: &Around) {
    if leads_on(line) || is_bold_label(line) {
        draft.restore(outer);
        draft.deny(denial::of_label(line));
        // `Later, for the archive:` is a sentence
        if line.trim_start().starts_with("**") || !line.contains(", ") {
            draft.head(line, false);
        }
    }
}

/// `Must hold:`, `see the table below`.
pub(super) fn leads_on(text: &str) -> bool {
    is_pointer(text) || text.trim_end_matches(['*', '_', ' ']).ends_with([':', '：'])
}

/// `**A. Speed**` on a line of its own names what follows.
fn is_bold_label(text: &str) -> bool {
    let inner = text.trim().strip_prefix("**").and_then(|rest| rest.strip_suffix("**"));
    inner.is_some_and(|inner| {
        let split = criteria::split(inner);
        !inner.contains("**") && !criteria::is_judged(&split.metric, &split.target)
    })
}

/// Criteria that someone put into a code block.
fn code(draft: &mut Draft<'_>, block: &Block) {
    let Block::Code(Code { text: code, span, .. }) = block else { return };
    let remark =
        Remark::note("code-criteria", "the criteria stand in a code block (a fence, or four blanks of indent)")
            .understood("each of its lines is one");
    draft.remark(span, remark);
    embedded::read(draft, code, span, |sub, blocks| text(sub, &blocks));
}

fn has_children(chunk: &Chunk) -> bool {
    chunk.blocks.iter().any(|block| !matches!(block, Block::Rule(_) | Block::Other(_)))
}

/// Gives the lines of text that were left alone.
fn blocks(draft: &mut Draft<'_>, read: &[Block], parent: Option<&str>) -> Vec<Span> {
    let mut unread = Vec::new();
    let is_beside = read.iter().any(|block| matches!(block, Block::Table(_) | Block::List(_)));
    let outer = draft.around();
    for block in read {
        match block {
            Block::Table(table) => criteria_table::from_table(draft, table, true),
            Block::List(list) => criteria::from_list(draft, list, parent),
            Block::Quote { blocks: quoted, .. } => unread.extend(blocks(draft, quoted, parent)),
            Block::Paragraph { lines } => unread.extend(paragraph(draft, lines, is_beside, &outer)),
            // four blanks before a bullet make it code to Markdown, not to its author
            Block::Code(read) if read.is_indented && is_list(&read.text) => code(draft, block),
            _ => {}
        }
    }
    draft.restore(&outer);
    unread
}

fn is_list(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("").trim_start();
    let bulleted = first.strip_prefix(['-', '*', '+']).is_some_and(|rest| rest.starts_with([' ', '\t']));
    let after = first.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = after.len() < first.len() && [". ", ") "].iter().any(|mark| after.starts_with(mark));
    bulleted || numbered || fold::leads_with_mark(first) || fold::after_dash(first).is_some()
}

/// A paragraph: lines that state what must hold are criteria, and the others are given back. Beside tables and lists, in which
/// the criteria stand, only what surely states one does.
fn paragraph(draft: &mut Draft<'_>, lines: &[Span], is_beside: bool, outer: &Around) -> Vec<Span> {
    let texts: Vec<String> = lines.iter().map(|line| draft.source.slice(line).to_owned()).collect();
    let goes_on =
        |n: usize| matches!((texts.get(n), texts.get(n + 1)), (Some(line), Some(next)) if is_wrapped(line, next));
    let mut unread = Vec::new();
    for (n, (text, line)) in texts.iter().zip(lines).enumerate() {
        below_label(draft, text, outer);
        if draft.denied == outer.denied && leads_on(text) {
            below_label(draft, &wrapped(&texts, n), outer);
        }
        let stands_alone = !goes_on(n) && !n.checked_sub(1).is_some_and(goes_on);
        let is_aside = leads_on(text) || is_remark(text) || (is_beside && is_bold_label(text));
        // `5.2 Compression: Snappy`
        let said = item_id::without(text);
        let is_criterion =
            states_one(&said) || (!is_beside && (has_value(&said) || (stands_alone && !is_aside && demands(&said))));
        if is_criterion {
            criteria::from_line(draft, text, CriterionSource::Bullets, line.clone());
        } else if !is_aside {
            unread.push(line.clone());
        }
    }
    unread
}

/// A line with those above it of which it is the end, where it leads on.
fn wrapped(texts: &[String], n: usize) -> String {
    let is_wrapped =
        |at: &usize| matches!((texts.get(at - 1), texts.get(*at)), (Some(line), Some(next)) if is_wrapped(line, next));
    let first = (1..=n).rev().take_while(is_wrapped).last().map_or(n, |at| at - 1);
    texts.get(first..=n).unwrap_or_default().join(" ")
}

/// Whether a sentence goes on from one line to the next.
fn is_wrapped(line: &str, next: &str) -> bool {
    const LONG_CHARS: usize = 60;
    let ends = line.trim_end().ends_with(['.', '!', '?', ';', ':', '。']);
    next.starts_with(char::is_lowercase) || (line.chars().count() >= LONG_CHARS && !ends)
}

/// One warning for a section.
pub(super) fn tell_unread(draft: &mut Draft<'_>, unread: &[Span]) {
    let Some(first) = unread.first() else { return };
    let shown = crate::text::line(draft.source.slice(first), 60);
    let more = match unread.len() {
        1 => String::new(),
        n => format!(" and {} more of its section", n - 1),
    };
    let remark = Remark::warning(
        "acceptance-text",
        format!("the line `{shown}`{more} states no criterion that can be told from prose"),
    )
    .understood("text: nothing of it is judged")
    .cure("begin what must hold with `- `, e.g. `- File size: ≤ 5 MB`");
    draft.remark(first, remark);
}

/// A label within acceptance that begins a section of text: what it lists is no criterion, which is told but of commands.
pub(super) fn tell_left(draft: &mut Draft<'_>, chunk: &Chunk) {
    if !matches!(chunk.role(), Role::Verification | Role::Requirements | Role::Scope | Role::Objective) {
        return;
    }
    let lists = chunk.blocks.iter().filter_map(|block| match block {
        Block::List(list) => Some(&list.items),
        _ => None,
    });
    let is_code = |text: &str| {
        text.len() > 2 && text.starts_with('`') && text.find('`') != text.rfind('`') && text.ends_with('`')
    };
    let unread: Vec<Span> = lists
        .flatten()
        .filter(|item| !is_code(&criteria::raw_text(draft, &item.lines)))
        .map(|item| lines_span(&item.lines, &item.span))
        .collect();
    let Some(first) = unread.first() else { return };
    let label = crate::text::line(&chunk.label, 60);
    let shown = crate::text::line(&fold::inline(draft.source.slice(first)), 60);
    let remark = Remark::warning(
        "acceptance-text",
        format!(
            "`{label}` within acceptance is a section of its own, and what it lists (`{shown}`) states no criterion"
        ),
    )
    .understood("text: nothing of it is judged")
    .cure("write what must hold with a target, e.g. `- Validation time: < 2 s`, or as `- [ ] …`");
    draft.remark(first, remark);
}

/// Keys whose values are about the order or the text, not about what must hold.
pub(super) fn is_remark_key(name: &str) -> bool {
    const REMARKS: [&str; 41] = [
        "note",
        "notes",
        "remark",
        "remarks",
        "comment",
        "comments",
        "hint",
        "owner",
        "status",
        "reference",
        "see",
        "authorization",
        "authorisation",
        "authorized by",
        "approval",
        "approved by",
        "approver",
        "signed",
        "signed by",
        "signature",
        "reviewed",
        "reviewed by",
        "ticket",
        "effort",
        "estimated effort",
        "reviewer",
        "cc",
        "contact",
        "source",
        "context",
        "background",
        "version",
        "why",
        "reason",
        "rationale",
        "because",
        "example",
        "motivation",
        "caveat",
        "risk",
        "tip",
    ];
    let name = fold::heading(name);
    // what a criterion requires may be asked
    REMARKS.contains(&name.as_str()) || super::names::scalar(&name).is_some_and(|scalar| scalar != Scalar::Requires)
}

/// The same of what only tells something with such a value: `Rollback: git revert`.
pub(super) fn is_remark_with(name: &str, value: &str) -> bool {
    is_remark_key(name)
        || section_names::is_estimate(&fold::heading(name))
        || (section_names::is_aside(name) && !criteria::is_judged(name, value))
}

fn is_remark(line: &str) -> bool {
    keyline::parse(line)
        .is_some_and(|key| is_remark_key(&key.name) || section_names::is_estimate(&fold::heading(&key.name)))
}

/// Whether a line of text surely states a criterion: it has a tick, a box or a dash, is a bold key (but for notes) or a key
/// with a value that can be judged, or compares with a sign.
fn states_one(line: &str) -> bool {
    let key = || {
        keyline::parse(line).is_some_and(|key| {
            let value = line.get(key.value.clone()).unwrap_or("");
            let is_about_it = !value.is_empty() && !is_remark_with(&key.name, value);
            is_about_it && (key.bold || criteria::is_judged(&key.name, value))
        })
    };
    let signs = || {
        line.contains(['<', '>', '≤', '≥', '≠', '='])
            && target::comparison_in(&target::normalize(line))
                .is_some_and(|(_, rest)| rest.starts_with(|c: char| !c.is_alphanumeric()))
    };
    fold::leads_with_mark(line) || fold::after_dash(line).is_some() || key() || signs()
}

/// Whether a line is a key with a value that may be held against something.
pub(super) fn has_value(line: &str) -> bool {
    keyline::parse(line).is_some_and(|key| {
        let value = line.get(key.value.clone()).unwrap_or("");
        !value.is_empty() && !is_remark(line) && is_value(&key.name, value)
    })
}

/// One word (`Compression: gzip`), or a number that is no date, even where it says neither limit nor floor (`Coverage: 200%`).
fn is_value(name: &str, value: &str) -> bool {
    let is_date = || value.split('-').next().is_some_and(|year| year.len() == 4 && value.len() > 4);
    match target::compile(name, value) {
        Target::Unclear { .. } => value.starts_with(|c: char| c.is_ascii_digit()) && value.len() <= 24 && !is_date(),
        _ => true,
    }
}

/// Whether a line that is a sentence of its own demands something: `LaunchAgent must be loaded`, `Coverage – 200%`,
/// `All tests pass`.
fn demands(line: &str) -> bool {
    const MAX_METRIC_WORDS: usize = 5;
    const MAX_WORDS: usize = 15;
    let folded = fold::fold(line);
    let words: Vec<&str> = folded.split(' ').collect();
    let must = words.iter().any(|word| matches!(*word, "must" | "shall")) && words.len() <= MAX_WORDS;
    let dashed = [" – ", " — ", " - ", " → "].iter().any(|dash| {
        line.split_once(dash).is_some_and(|(name, value)| {
            name.split_whitespace().count() <= MAX_METRIC_WORDS && is_value(name, value.trim())
        })
    });
    let split = criteria::split(fold::strip_marks(line));
    let judged = criteria::is_judged(&split.metric, &split.target)
        && (split.is_whole || split.metric.split_whitespace().count() <= MAX_METRIC_WORDS)
        && words.first().is_some_and(|first| !below::TELLING.contains(first));
    must || dashed || judged
}

/// Whether a heading says itself what must hold; a word behind a colon may as well name what a list below it is about.
fn heading_states_one(label: &str, below: &[Block]) -> bool {
    let split = criteria::split(label);
    let heads_some = || below.iter().any(|block| matches!(block, Block::List(_) | Block::Table(_)));
    match target::compile(&split.metric, &split.target) {
        Target::Unclear { .. } => false,
        Target::Category { .. } => !split.is_whole && !heads_some(),
        // `### Functional`, `### Operational` name groups; `### Executable` with a line below it says what must hold
        Target::Ready { .. } | Target::Automatic => !(split.is_whole && !label.contains(' ') && heads_some()),
        _ => true,
    }
}

/// `### Validation time` with `**Target:** < 2 s` below it.
fn is_keyed_child(draft: &Draft<'_>, chunk: &Chunk) -> bool {
    let items = chunk.blocks.iter().flat_map(|block| match block {
        Block::List(list) => list.items.iter().map(|item| criteria::raw_text(draft, &item.lines)).collect(),
        _ => Vec::new(),
    });
    let mut lines = text_lines(draft, &chunk.blocks).into_iter().map(|(_, text)| text).chain(items);
    lines.any(|text| keyline::parse(&text).is_some_and(|key| TARGET.contains(&fold::heading(&key.name).as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_state_something_are_told_from_prose() {
        for line in [
            "– Rows: ≥ 1",
            "— Compression: gzip",
            "−Compression: gzip",
            "-Rows",
            "✅ b works",
            "Rows: ≥ 1",
            "**Colour:** nice",
            "b ≤ 2 MB in all cases",
        ] {
            assert!(states_one(line), "{line}");
        }
        for line in ["Compression： gzip", "Coverage: 200%"] {
            assert!(has_value(line), "{line}");
        }
        for line in ["LaunchAgent must be loaded", "Coverage – 200%", "All tests pass", "The export shall be quick"] {
            assert!(!states_one(line) && demands(line), "{line}");
        }
        for line in [
            "This is a sentence.",
            "The report is written by the exporter.",
            "Authorization: GG",
            "Signed: 2025-11-05",
            "Date: 2025-11-05",
            "See http://x/y for more",
            "The following was agreed with GG – see the minutes",
            "We expect that all of it takes about 2 hours",
            "This order is complete when everything below is OK",
            "--dry is passed on",
            "-> next page",
        ] {
            assert!(!states_one(line) && !has_value(line) && !demands(line), "{line}");
        }
    }

    #[test]
    fn sentences_that_are_wrapped_are_known() {
        for (line, next, expect) in [
            ("Rows: ≥ 1", "Compression: zstd", false),
            ("the data that is", "valid", true),
            ("The exporter of the day that was before the current one and the", "LaunchAgent is loaded", true),
            ("The exporter of the day that was before the current one is done.", "LaunchAgent is loaded", false),
        ] {
            assert_eq!(is_wrapped(line, next), expect, "{line} / {next}");
        }
    }
}
