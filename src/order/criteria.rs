//! Acceptance criteria from lists, lines and texts, each with its target compiled; those of tables stand in
//! `criteria_table`, which lines of an acceptance section are criteria in `acceptance`.
//!
//! What must hold: whatever stands in an acceptance section as a row or an item becomes a criterion, even when nothing in
//! it can be judged; dropping it would make the order easier than written.

use super::blocks::{Block, List, ListItem};
use super::criteria_table::from_table;
use super::demand::{MEASURED_BY, TARGET};
use super::draft::Draft;
use super::model::{Criterion, CriterionSource, Span};
use super::source::Remark;
use super::target::{self, Narrowing, Target, Unit};
use super::{acceptance, below, denial, elsewhere, fold, item_id, keyline, section_names};

/// Struck out by its author, so it need not hold.
pub(super) fn tell_withdrawn(draft: &mut Draft<'_>, span: &Span) {
    let shown = crate::text::line(draft.source.slice(span), 60);
    let remark = Remark::note("struck-out", format!("`{shown}` is struck out")).understood("it need not hold");
    draft.remark(span, remark);
}

/// More than anyone writes; past it an order is an attack or an accident.
const MAX_CRITERIA: usize = 5_000;

/// A criterion with its target compiled; what can't be judged is told.
pub(crate) fn add(
    draft: &mut Draft<'_>,
    metric: &str,
    target: &str,
    measured_by: Option<String>,
    source: CriterionSource,
    span: Span,
) {
    add_narrowed(draft, metric, target, &Narrowing::default(), measured_by, source, span);
}

/// The same with what stands apart from the target and narrows it.
pub(crate) fn add_narrowed(
    draft: &mut Draft<'_>,
    metric: &str,
    target: &str,
    narrowing: &Narrowing,
    measured_by: Option<String>,
    source: CriterionSource,
    span: Span,
) {
    if draft.order.acceptance.len() >= MAX_CRITERIA {
        if draft.order.acceptance.len() == MAX_CRITERIA && !draft.has_too_many {
            draft.has_too_many = true;
            let remark = Remark::error("too-many-criteria", format!("the order has more than {MAX_CRITERIA} criteria"))
                .understood("the order can't run, for those from here on are not read")
                .cure("split it into several orders");
            draft.remark(&span, remark);
        }
        return;
    }
    for (name, text) in narrowing.asides() {
        if draft.told_asides.insert(fold::heading(name)) {
            let remark = Remark::note(
                "aside",
                format!("`{name}` says nothing that can be measured (`{}`)", crate::text::line(text, 60)),
            )
            .understood("an aside: what has no number and no comparison there changes nothing of what must hold")
            .cure("write what restricts the target into the target");
            draft.remark(&span, remark);
        }
    }
    let compiled = match &draft.denied {
        Some(by) => Target::Unclear { why: denial::why(by) },
        None => narrowing.apply(target::compile(metric, target)),
    };
    if let Target::Unclear { why } = &compiled {
        let subject = if metric == target { format!("`{metric}`") } else { format!("the target of `{metric}`") };
        let remark = Remark::warning("unclear-target", format!("{subject} can't be judged: {why}"))
            .understood("it will be UNMEASURED, so the order can't end `done`")
            .cure("write a comparison (`≤ 5 MB`), a word (`Snappy`), a schedule (`1× daily (02:30)`) or `OK`");
        draft.remark(&span, remark);
    }
    let metric = metric.to_owned();
    draft.order.acceptance.push(Criterion {
        metric,
        target: narrowing.shown(target),
        compiled,
        measured_by,
        source,
        span,
    });
}

/// Each item is a criterion; see [`item`].
pub(crate) fn from_list(draft: &mut Draft<'_>, list: &List, parent: Option<&str>) {
    let outer = draft.denied.clone();
    for entry in &list.items {
        if draft.has_too_many {
            break;
        }
        // `- Must not:` among its siblings heads those that follow
        let label = draft.source.slice(&entry.span).trim_end();
        if entry.blocks.is_empty() && label.ends_with([':', '：']) {
            draft.denied = denial::of_label(&raw_text(draft, &entry.lines)).or_else(|| outer.clone());
        }
        item(draft, entry, parent);
    }
    draft.denied = outer;
}

/// `Runtime still <5ms for ≤200 rows.`, or a title with bullets below it: bullets named Target or Measurement belong to
/// the title, others that can be judged are criteria of their own, and where the title has no target all are.
fn item(draft: &mut Draft<'_>, entry: &ListItem, parent: Option<&str>) {
    let raw = raw_text(draft, &entry.lines);
    let span = entry.lines.first().map_or(entry.span.start, |line| line.start)
        ..entry.lines.last().map_or(entry.span.end, |line| line.end);
    let label = fold::inline(&raw);
    let label = label.trim_end_matches([':', '：', ' ']);
    let has_list = entry.blocks.iter().any(|block| matches!(block, Block::List(_) | Block::Table(_)));
    if has_list && !label.contains([':', '：']) && section_names::is_excluded_alone(label) {
        return elsewhere::tell_excluded_list(draft, label, &span);
    }
    let outer = draft.deny(denial::of_line(draft.source.slice(&span)));
    statement(draft, &raw, span, &entry.blocks, parent);
    draft.denied = outer;
}

/// A heading that says itself what must hold, as an item with what stands below it.
pub(crate) fn titled(draft: &mut Draft<'_>, raw: &str, span: &Span, below: &[Block]) {
    statement(draft, raw, span.clone(), below, None);
}

fn statement(draft: &mut Draft<'_>, raw: &str, span: Span, below: &[Block], parent: Option<&str>) {
    let nested: Vec<&ListItem> = below
        .iter()
        .flat_map(|block| match block {
            Block::List(list) => list.items.iter().collect::<Vec<_>>(),
            _ => Vec::new(),
        })
        .collect();
    for block in below {
        if let Block::Table(table) = block {
            from_table(draft, table, true);
        }
    }
    let is_withdrawn = fold::is_withdrawn(raw);
    if is_withdrawn {
        tell_withdrawn(draft, &span);
    }
    let standing = fold::without_struck(raw);
    let raw = fold::strip_marks(&standing);
    if raw.is_empty() || is_withdrawn {
        nested.iter().for_each(|entry| item(draft, entry, parent));
        return;
    }
    let mut keyed_target = None;
    let mut measured_by: Vec<String> = explanation(raw).into_iter().collect();
    let mut others: Vec<&ListItem> = Vec::new();
    let mut is_detail = |text: &str| match keyed(text) {
        Some((name, value)) if TARGET.contains(&name.as_str()) && keyed_target.is_none() => {
            keyed_target = Some(value);
            true
        }
        Some((name, value)) if MEASURED_BY.contains(&name.as_str()) || name == "evidence" => {
            measured_by.push(value);
            true
        }
        _ => false,
    };
    for entry in nested {
        if !is_detail(&raw_text(draft, &entry.lines)) {
            others.push(entry);
        }
    }
    let mut lines = below::lines(draft, below);
    lines.retain(|line| !is_detail(&line.text));
    let split = split(raw);
    // a bare target below a title is the title's
    let metric = match parent {
        Some(parent)
            if split.is_whole
                && !matches!(target::compile("", &split.target), Target::Unclear { .. } | Target::Category { .. }) =>
        {
            parent.to_owned()
        }
        _ => split.metric.clone(),
    };
    let is_title = split.is_whole && !is_judged(&split.metric, &split.target);
    if is_title && keyed_target.is_none() {
        let bare = lines.iter().position(|line| line.is_first && begins_with_sign(&line.text));
        keyed_target = bare.map(|at| lines.remove(at).text);
    }
    let is_bare_title = is_title && keyed_target.is_none();
    // where a title has no target of its own and no list, what stands below it states what must hold
    let is_alone = is_bare_title && others.is_empty();
    let (stated, told): (Vec<below::Line>, Vec<below::Line>) = lines
        .into_iter()
        .partition(|line| below::states_one(&line.text) || (is_alone && acceptance::has_value(&line.text)));
    let unread: Vec<Span> =
        told.into_iter().filter(|line| below::may_state_one(&line.text)).map(|line| line.span).collect();
    let target = keyed_target.unwrap_or_else(|| split.target.clone());
    let is_group = is_bare_title && !(others.is_empty() && stated.is_empty());
    let judged_alone = |draft: &Draft<'_>, entry: &&&ListItem| {
        let own = self::split(&raw_text(draft, &entry.lines));
        match target::compile(&own.metric, &own.target) {
            Target::Unclear { .. } => false,
            // `in every row group` is a note, `Compression: Snappy` is none
            Target::Category { .. } => !own.is_whole,
            _ => true,
        }
    };
    let (own, notes): (Vec<&ListItem>, Vec<&ListItem>) =
        if is_group { (others, Vec::new()) } else { others.into_iter().partition(|entry| judged_alone(draft, &entry)) };
    measured_by
        .extend(notes.iter().map(|entry| fold::inline(&raw_text(draft, &entry.lines))).filter(|text| !text.is_empty()));
    if !is_group {
        let measured_by = (!measured_by.is_empty()).then(|| measured_by.join("; "));
        add(draft, &metric, &target, measured_by, CriterionSource::Bullets, span);
    }
    for line in stated {
        from_line(draft, &line.text, CriterionSource::Bullets, line.span);
    }
    for entry in own {
        item(draft, entry, Some(&split.metric));
    }
    below::from_code(draft, below);
    acceptance::tell_unread(draft, &unread);
}

/// What its author says of how a criterion is looked at, or why.
fn explanation(raw: &str) -> Option<String> {
    target::explanation_apart(raw).map(|(_, explanation)| fold::inline(explanation))
}

/// The folded name and the value of a key line.
fn keyed(text: &str) -> Option<(String, String)> {
    let key = keyline::parse(text)?;
    Some((fold::heading(&key.name), fold::inline(text.get(key.value).unwrap_or(""))))
}

/// `≤ 10 kB per day`.
fn begins_with_sign(text: &str) -> bool {
    let text = target::normalize(text);
    text.starts_with(['<', '>', '≤', '≥', '=', '≠', '±']) && target::comparison_in(&text).is_some_and(|(at, _)| at == 0)
}

/// The lines as one, as written.
pub(crate) fn raw_text(draft: &Draft<'_>, lines: &[Span]) -> String {
    let joined: Vec<&str> =
        lines.iter().map(|line| draft.source.slice(line).trim()).filter(|line| !line.is_empty()).collect();
    fold::strip_marks(&joined.join(" ")).to_owned()
}

/// A line in an acceptance section that is no Markdown list: `✅ File size ≤ 5 MB`.
pub(crate) fn from_line(draft: &mut Draft<'_>, raw: &str, source: CriterionSource, span: Span) {
    if fold::is_withdrawn(raw) {
        return tell_withdrawn(draft, &span);
    }
    let standing = fold::without_struck(raw);
    let raw = fold::after_dash(&standing).unwrap_or(&standing);
    let Split { metric, target, .. } = split(fold::strip_marks(raw));
    if !metric.is_empty() {
        let outer = draft.deny(denial::of_line(raw));
        add(draft, &metric, &target, explanation(raw), source, span);
        draft.denied = outer;
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub metric: String,
    pub target: String,
    /// Nothing parts metric from target: both are the whole text.
    pub is_whole: bool,
}

/// Parts a bullet into metric and target. What can't be parted is both; an explanation behind them is in neither.
pub(crate) fn split(raw: &str) -> Split {
    let raw = raw.trim();
    let raw = target::explanation_apart(raw).map_or(raw, |(statement, _)| statement);
    let own = item_id::without(raw);
    // `AC-1: OK` is about what has that id
    let raw = if own.contains(char::is_whitespace) { own.as_ref() } else { raw };
    let text = fold::inline(raw);
    let text = fold::strip_marks(&text).trim_end_matches(['.', '。', ';', ' ']).to_owned();
    let whole = Split { metric: text.clone(), target: text.clone(), is_whole: true };
    if text.len() > 1000 {
        return whole;
    }
    if let Some(split) = bold_lead(raw) {
        return split;
    }
    // `864 heartbeats ± 2%`, `p95 < 100ms`: the statistic and the number belong to the target
    let starts_target = text.starts_with(|c: char| c.is_ascii_digit()) || target::statistic_at(&text);
    if starts_target && compiles(&text) {
        return whole;
    }
    let parted = at_colon(&text)
        .or_else(|| at_dash(&text))
        .or_else(|| at_comparison(&text))
        .or_else(|| at_verb(&text))
        .or_else(|| compiles(&text).then(|| whole.clone()))
        .or_else(|| at_suffix(&text));
    parted.unwrap_or(whole)
}

/// A text's metric and target, where it can be parted.
pub(crate) fn parted(text: &str) -> Option<(String, String)> {
    let split = split(text);
    (!split.is_whole).then_some((split.metric, split.target))
}

/// The metric and the target of a line, as a list of criteria reads it; none of one that denies or is struck out.
pub(crate) fn stated(line: &str) -> Option<(String, String)> {
    if denial::of_line(line).is_some() || fold::is_withdrawn(line) {
        return None;
    }
    let split = split(fold::strip_marks(&fold::without_struck(line)));
    (!split.metric.is_empty()).then_some((split.metric, split.target))
}

/// Whether a value says something that can be judged, more than a word would.
pub(crate) fn is_judged(metric: &str, value: &str) -> bool {
    !matches!(target::compile(metric, value), Target::Unclear { .. } | Target::Category { .. })
}

fn compiles(target: &str) -> bool {
    !matches!(target::compile("", target), Target::Unclear { .. } | Target::Category { .. })
}

fn parts(metric: &str, target: &str) -> Option<Split> {
    let metric = trim_metric(metric);
    let target = target.trim();
    (!metric.is_empty() && !target.is_empty()).then(|| Split { metric, target: target.to_owned(), is_whole: false })
}

/// `Runtime still` is about the runtime.
fn trim_metric(metric: &str) -> String {
    const FILLER: [&str; 17] = [
        "is",
        "are",
        "be",
        "was",
        "still",
        "stays",
        "stay",
        "remains",
        "must",
        "should",
        "shall",
        "takes",
        "completes",
        "in",
        "the",
        "at",
        "of",
    ];
    let mut words: Vec<&str> =
        metric.trim().trim_end_matches([':', '-', '–', '—', '=', '→', ',']).split_whitespace().collect();
    while words.len() > 1 && words.last().is_some_and(|word| FILLER.contains(&word.to_lowercase().as_str())) {
        words.pop();
    }
    words.join(" ")
}

/// `**File size** ≤ 5 MB`, `**File size:** ≤ 5 MB`.
fn bold_lead(raw: &str) -> Option<Split> {
    let rest = raw.strip_prefix("**").or_else(|| raw.strip_prefix("__"))?;
    let mark = raw.get(..2)?;
    let close = rest.find(mark)?;
    let (title, tail) = (rest.get(..close)?, rest.get(close + 2..)?);
    let name = fold::inline(title);
    let name = name.trim_end_matches([':', '：', ' ']).to_owned();
    let tail = fold::inline(tail);
    let tail = tail.trim().trim_end_matches(['.', '。', ';']);
    if tail.is_empty() {
        // all is bold: parted within, or a title
        let inner = split(title.trim_end_matches([':', '：', ' ']));
        return Some(inner);
    }
    let target = tail.trim_start_matches([':', '：', '-', '–', '—', '→', ' ']).trim_start_matches("->").trim();
    if target.is_empty() || tail.starts_with('(') {
        return None;
    }
    let own_separator = tail.len() != target.len() || title.trim_end().ends_with([':', '：']);
    if own_separator || compiles(target) {
        return parts(&name, target);
    }
    None
}

/// `File size: ≤ 5 MB`, not `02:30` and not `http://`.
fn at_colon(text: &str) -> Option<Split> {
    let wide = text.find('：').map(|at| (at, '：'.len_utf8()));
    let narrow = text.match_indices(": ").map(|(at, _)| (at, 1)).next();
    let (at, length) = wide.into_iter().chain(narrow).min()?;
    parts(text.get(..at)?, text.get(at + length..)?)
}

/// ` — `, ` – `, ` - `, ` → `, ` = ` before something that can be judged.
fn at_dash(text: &str) -> Option<Split> {
    [" — ", " – ", " - ", " → ", " -> ", " => ", " = "].iter().find_map(|dash| {
        let (metric, target) = text.split_once(dash)?;
        let judged = !matches!(target::compile(metric, target), Target::Unclear { .. });
        (judged || (*dash == " = " && !target.trim().is_empty())).then(|| parts(metric, target)).flatten()
    })
}

/// Before the first comparison that demands; one after a preposition restricts.
fn at_comparison(text: &str) -> Option<Split> {
    // the judge reads folded widths; cut the text as written only where that keeps its offsets
    let folded = fold::widths(text);
    let mut from = 0;
    for _ in 0..4 {
        let (at, _) = target::comparison_in(folded.get(from..)?)?;
        let at = from + at;
        let (metric, target) = (folded.get(..at)?, folded.get(at..)?);
        let restricts = metric.split_whitespace().last().is_some_and(|word| {
            ["for", "with", "when", "if", "on", "@", "while", "during"].contains(&word.to_lowercase().as_str())
        });
        // `No gap longer than 15 minutes` does not ask for more than 15 minutes
        if fold::denies(metric) {
            return None;
        }
        // `Heartbeats every 5 minutes (±10%)`: what stands in brackets is no target of what is before them
        let is_inside = metric.matches('(').count() > metric.matches(')').count();
        if !restricts && !is_inside {
            return parts(metric, target);
        }
        from = at + folded.get(at..)?.find(char::is_whitespace)?;
    }
    None
}

/// `Compression is Snappy`, `Reports must be complete`.
fn at_verb(text: &str) -> Option<Split> {
    [" must be ", " should be ", " shall be ", " is ", " are ", " stays ", " remains "].iter().find_map(|verb| {
        let (metric, target) = text.split_once(verb)?;
        let judged = !matches!(target::compile(metric, target), Target::Unclear { .. });
        (judged && !fold::denies(metric)).then(|| parts(metric, target)).flatten()
    })
}

/// `Redis connectivity OK`, `Exit code 0`, `Export runs daily at 02:30`: the longest end that can be judged.
fn at_suffix(text: &str) -> Option<Split> {
    let starts: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).take(24).collect();
    starts.into_iter().find_map(|at| {
        let (metric, target) = (text.get(..at)?, text.get(at + 1..)?);
        (compiles(target) && !fold::denies(metric) && !counts_a_noun(target)).then(|| parts(metric, target)).flatten()
    })
}

/// `nobody knows 5 things` must not become a count of things; `Lost heartbeats 0` is one.
fn counts_a_noun(target: &str) -> bool {
    matches!(target::compile("", target), Target::Compare { unit: Unit::Count { noun: Some(_) }, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_are_parted_as_they_are_meant() {
        for (raw, metric, target) in [
            ("Runtime still <5ms for ≤200 rows.", "Runtime", "<5ms for ≤200 rows"),
            ("p95 < 100ms", "p95 < 100ms", "p95 < 100ms"),
            ("864 heartbeats ± 2%", "864 heartbeats ± 2%", "864 heartbeats ± 2%"),
            ("No gap longer than 15 minutes", "No gap longer than 15 minutes", "No gap longer than 15 minutes"),
            ("Size does not go over 5 MB", "Size", "does not go over 5 MB"),
            ("Compression — Snappy", "Compression", "Snappy"),
            ("Map freshness <48h", "Map freshness", "<48h"),
            ("**File size:** ≤ 5 MB/day", "File size", "≤ 5 MB/day"),
            ("**File size** ≤ 5 MB/day", "File size", "≤ 5 MB/day"),
            ("**File size** – ≤ 5 MB/day", "File size", "≤ 5 MB/day"),
            ("**File size: ≤ 5 MB**", "File size", "≤ 5 MB"),
            ("File size: ≤ 5 MB", "File size", "≤ 5 MB"),
            ("ขนาดไฟล์：≤ 5 MB", "ขนาดไฟล์", "≤ 5 MB"),
            ("Validation time — < 2 s", "Validation time", "< 2 s"),
            ("Validation completes in under 2 s", "Validation", "in under 2 s"),
            ("Runtime for ≤200 rows <5ms", "Runtime for ≤200 rows", "<5ms"),
            ("Compression is Snappy", "Compression", "Snappy"),
            ("Redis connectivity OK", "Redis connectivity", "OK"),
            ("LaunchAgent loads & runs automatically", "LaunchAgent", "loads & runs automatically"),
            ("Exit code 0", "Exit code 0", "Exit code 0"),
            ("Export runs daily at 02:30", "Export", "runs daily at 02:30"),
            ("All tests pass", "All tests pass", "All tests pass"),
            ("no file write errors", "no file write errors", "no file write errors"),
            ("Redis not working", "Redis not working", "Redis not working"),
            ("Lost heartbeats 0", "Lost heartbeats", "0"),
            ("nobody knows 5 things", "nobody knows 5 things", "nobody knows 5 things"),
            ("Something nobody can measure", "Something nobody can measure", "Something nobody can measure"),
            ("✅ Schema consistency: 0 errors", "Schema consistency", "0 errors"),
            ("**Redis connectivity**", "Redis connectivity", "Redis connectivity"),
            ("**AC-3** Compression: Snappy", "Compression", "Snappy"),
            ("**1. File size:** ≤ 5 MB", "File size", "≤ 5 MB"),
            ("[P1] All tests pass", "All tests pass", "All tests pass"),
            ("AC-1: OK", "AC-1", "OK"),
            ("**File size ≤ 5 MB** — measured with `ls -l`", "File size", "≤ 5 MB"),
            ("File size: ≤ 5 MB (per `ls -l`)", "File size", "≤ 5 MB"),
            ("Redis healthy — verified with redis-cli", "Redis", "healthy"),
            ("ขนาดไฟล์ไม่เกิน 5 MB", "ขนาดไฟล์", "ไม่เกิน 5 MB"),
        ] {
            let got = split(fold::strip_marks(raw));
            assert_eq!((got.metric.as_str(), got.target.as_str()), (metric, target), "{raw}");
        }
    }
}
