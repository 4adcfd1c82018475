//! Acceptance criteria from lists, lines and texts, each with its target compiled; how a text is parted into metric and
//! target stands in `parting`, those of tables in `criteria_table`, which lines of an acceptance section are criteria in
//! `acceptance`.
//!
//! What must hold: whatever stands in an acceptance section as a row or an item becomes a criterion, even when nothing in
//! it can be judged; dropping it would make the order easier than written.

use super::blocks::{Block, List, ListItem};
use super::criteria_table::from_table;
use super::demand::{MEASURED_BY, TARGET};
use super::draft::Draft;
use super::model::{Criterion, CriterionSource, Span};
use super::nested::{self, Nested};
pub(crate) use super::parting::{Split, is_judged, parted, several, split, stated};
use super::service_label::label_apart;
use super::source::Remark;
use super::target::{self, Narrowing, Target};
use super::{acceptance, below, denial, elsewhere, fold, keyline, parting, section_names, tags};

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
    let own = |text| fold::without_references(tags::without(text));
    let (metric, target) = (own(metric), own(target));
    let (metric, target) = target::unit_apart(&metric, &target).unwrap_or((metric, target));
    let (metric, target) = label_apart(&metric, &target).unwrap_or((metric, target));
    let (metric, target) = (metric.as_str(), target.as_str());
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
        whose: draft.whose.clone(),
    });
}

/// Each item is a criterion; see [`item`].
pub(crate) fn from_list(draft: &mut Draft<'_>, list: &List, parent: Option<&str>) {
    let outer = draft.around();
    for entry in &list.items {
        if draft.has_too_many {
            break;
        }
        // `- Must not:` among its siblings heads those that follow
        let label = draft.source.slice(&entry.span).trim_end();
        if entry.blocks.is_empty() && label.ends_with([':', '：']) {
            let label = raw_text(draft, &entry.lines);
            draft.restore(&outer);
            draft.deny(denial::of_label(&label));
            draft.head(&label, false);
        }
        item(draft, entry, parent);
    }
    draft.restore(&outer);
}

/// `Runtime still <5ms for ≤200 rows.`, or a title with bullets below it: bullets named Target or Measurement belong to
/// the title, others that state something are criteria of their own (see `nested`), and where the title has no target all are.
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
    let around = draft.around();
    draft.head(&split(fold::strip_marks(&fold::without_struck(raw))).metric, false);
    let known = draft.order.acceptance.len();
    for block in below {
        if let Block::Table(table) = block {
            from_table(draft, table, true);
        }
    }
    let has_rows = draft.order.acceptance.len() > known;
    draft.restore(&around);
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
    let Details { target: mut keyed_target, mut measured_by, others, mut lines } =
        Details::of(draft, raw, nested, below);
    let split = split(raw);
    let metric = metric_of(&split, parent);
    let has_target = keyed_target.is_some();
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
    let is_summary = !has_target && nested::is_summary(draft, &split, &others);
    let is_group = is_summary || (is_bare_title && (has_rows || !(others.is_empty() && stated.is_empty())));
    let nested = match is_group {
        true => Nested::of_group(others),
        false => Nested::of(draft, others, has_target),
    };
    measured_by.extend(nested.notes.iter().cloned());
    if !is_group {
        let measured_by = (!measured_by.is_empty()).then(|| measured_by.join("; "));
        add(draft, &metric, &target, measured_by, CriterionSource::Bullets, span);
    }
    draft.head(&split.metric, false);
    for line in stated {
        from_line(draft, &line.text, CriterionSource::Bullets, line.span);
    }
    for entry in &nested.own {
        item(draft, entry, Some(&split.metric));
    }
    below::from_code(draft, below);
    draft.restore(&around);
    acceptance::tell_unread(draft, &unread);
    nested.tell(draft);
}

/// What stands below a statement: what belongs to it, and the rest.
struct Details<'a> {
    /// Of `Target: …`.
    target: Option<String>,
    measured_by: Vec<String>,
    others: Vec<&'a ListItem>,
    lines: Vec<below::Line>,
}

impl<'a> Details<'a> {
    fn of(draft: &Draft<'_>, raw: &str, nested: Vec<&'a ListItem>, below: &[Block]) -> Self {
        let mut target = None;
        let mut measured_by: Vec<String> = explanation(raw).into_iter().collect();
        let mut is_detail = |text: &str| match keyed(text) {
            Some((name, value)) if TARGET.contains(&name.as_str()) && target.is_none() => {
                target = Some(value);
                true
            }
            Some((name, value)) if MEASURED_BY.contains(&name.as_str()) || name == "evidence" => {
                measured_by.push(value);
                true
            }
            _ => false,
        };
        let others = nested.into_iter().filter(|entry| !is_detail(&raw_text(draft, &entry.lines))).collect();
        let mut lines = below::lines(draft, below);
        lines.retain(|line| !is_detail(&line.text));
        Details { target, measured_by, others, lines }
    }
}

/// What a statement is about: a bare target below a title is the title's.
fn metric_of(split: &Split, parent: Option<&str>) -> String {
    let is_target = || !matches!(target::compile("", &split.target), Target::Unclear { .. } | Target::Category { .. });
    let is_own = |parent: &&str| parting::is_named_below(parent, &split.target);
    parent.filter(|parent| split.is_whole && is_target() && !is_own(parent)).unwrap_or(&split.metric).to_owned()
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
pub(super) fn begins_with_sign(text: &str) -> bool {
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
    let several = several(raw);
    if !several.is_empty() {
        return several.into_iter().for_each(|part| from_line(draft, part, source, span.clone()));
    }
    let Split { metric, target, .. } = split(fold::strip_marks(raw));
    if !metric.is_empty() {
        let outer = draft.deny(denial::of_line(raw));
        add(draft, &metric, &target, explanation(raw), source, span);
        draft.denied = outer;
    }
}
