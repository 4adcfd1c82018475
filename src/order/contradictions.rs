//! A body that contradicts itself: a requirement puts a file into one directory, the deliverables put it into another; two
//! criteria of one metric that can't both hold.

use std::collections::HashMap;

use super::draft::Draft;
use super::model::{Criterion, Item};
use super::source::Remark;
use super::target::{Comparator, Target, Unit};
use super::{fold, paths};

/// So that a long order stays cheap.
const MAX_COMPARED: usize = 200;
const MAX_OF_METRIC: usize = 20;

/// Names both places. Which one counts is the handler's affair: its own default if that is among them, else the
/// Deliverables list.
pub(crate) fn find(draft: &mut Draft<'_>) {
    let mut required: Vec<(String, String, super::model::Span)> = Vec::new();
    let mut stack: Vec<&Item> = draft.order.requirements.iter().collect();
    while let Some(item) = stack.pop() {
        if required.len() >= MAX_COMPARED {
            break;
        }
        let raw = draft.source.slice(&item.span);
        // only its own lines: what is nested is looked at by itself
        let own_end = item.children.iter().map(|child| child.span.start).min().unwrap_or(item.span.end);
        let raw = raw.get(..own_end.saturating_sub(item.span.start)).unwrap_or(raw);
        let found = if raw.is_empty() { paths::in_text(&item.text) } else { paths::in_text(raw) };
        required.extend(found.into_iter().map(|path| (path, item.text.clone(), item.span.clone())));
        stack.extend(&item.children);
    }
    let mut remarks = Vec::new();
    for deliverable in draft.order.deliverables.iter().take(MAX_COMPARED) {
        let Some(path) = &deliverable.path else { continue };
        for (other, text, span) in &required {
            if contradict(other, text, path, &deliverable.text) {
                let message = format!(
                    "a requirement says `{other}` (line {}), the deliverables say `{path}` (line {})",
                    draft.source.line(span.start),
                    draft.source.line(deliverable.span.start)
                );
                let remark = Remark::warning("contradiction", message)
                    .understood(format!("the handler's own default if it is one of them, else `{path}`"))
                    .cure("make them agree");
                remarks.push((deliverable.span.clone(), remark));
            }
        }
    }
    for (span, remark) in remarks.into_iter().take(20) {
        draft.remark(&span, remark);
    }
}

/// Criteria of one metric that can't both hold: one of them is left from what was asked before, most likely.
pub(crate) fn find_targets(draft: &mut Draft<'_>) {
    let mut of_metric: HashMap<String, Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (n, criterion) in draft.order.acceptance.iter().enumerate() {
        let others = of_metric.entry(fold::fold(&criterion.metric)).or_default();
        // a row with several targets says itself that they differ
        let is_apart = |other: &Criterion| {
            let between = other.span.end.min(criterion.span.start)..criterion.span.start.max(other.span.end);
            other.span != criterion.span && !parts_groups(draft.source.slice(&between))
        };
        let other = others.iter().take(MAX_OF_METRIC).filter_map(|n| draft.order.acceptance.get(*n));
        if let Some(other) =
            other.into_iter().find(|other| is_apart(other) && exclude(&other.compiled, &criterion.compiled))
        {
            let message = format!(
                "`{}` must be `{}` (line {}) and `{}` (line {})",
                criterion.metric,
                other.target,
                draft.line(&other.span),
                criterion.target,
                draft.line(&criterion.span)
            );
            found.push((criterion.span.clone(), message));
        }
        others.push(n);
    }
    for (span, message) in found.into_iter().take(20) {
        let remark = Remark::warning("contradiction", message)
            .understood("both are judged, and both can't hold")
            .cure("strike out the one that is not asked any more");
        draft.remark(&span, remark);
    }
}

/// Whether a heading stands here: what it parts may well be of different things (`### Dry run`).
fn parts_groups(between: &str) -> bool {
    between.lines().any(|line| line.trim_start().starts_with('#'))
}

/// Whether no value reaches both: two words, or two ranges of one unit that don't touch.
fn exclude(a: &Target, b: &Target) -> bool {
    if let (Target::Category { word: a }, Target::Category { word: b }) = (a, b) {
        let is_word = |text: &str| !text.contains(char::is_whitespace);
        return is_word(a) && is_word(b) && fold::fold(a) != fold::fold(b);
    }
    match (range(a), range(b)) {
        (Some((low_a, high_a, unit_a)), Some((low_b, high_b, unit_b))) => {
            let is_same = match (unit_a, unit_b) {
                (Unit::Count { noun: a }, Unit::Count { noun: b }) => a == b,
                (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
            };
            is_same && (high_a < low_b || high_b < low_a)
        }
        _ => false,
    }
}

/// From where to where a value may be. Of a limit that is not included itself the limit is taken.
fn range(target: &Target) -> Option<(f64, f64, &Unit)> {
    match target {
        Target::Compare { comparator, number, unit, per: None, condition: None } => {
            let (low, high) = match comparator {
                Comparator::Less | Comparator::AtMost => (f64::NEG_INFINITY, *number),
                Comparator::Greater | Comparator::AtLeast => (*number, f64::INFINITY),
                Comparator::Equal => (*number, *number),
                Comparator::About | Comparator::NotEqual => return None,
            };
            Some((low, high, unit))
        }
        Target::Range { low, high, unit } => Some((*low, *high, unit)),
        _ => None,
    }
}

/// The same file under another directory; or a directory for what the deliverable is, near its own but not it.
fn contradict(required: &str, required_text: &str, delivered: &str, delivered_text: &str) -> bool {
    let (required_dir, required_name) = split(required);
    let (delivered_dir, delivered_name) = split(delivered);
    if required_dir == delivered_dir {
        return false;
    }
    if !required_name.is_empty() && !delivered_name.is_empty() {
        // `~/Library/LaunchAgents/x.plist` is where `launchd/x.plist` is installed, no contradiction
        let installed = |dir: &str| dir.starts_with('~') || dir.starts_with('/');
        return undated(required_name) == undated(delivered_name)
            && !required_dir.is_empty()
            && !delivered_dir.is_empty()
            && installed(required_dir) == installed(delivered_dir);
    }
    let near = required_dir.starts_with(delivered_dir) || delivered_dir.starts_with(required_dir);
    near && !delivered_dir.is_empty()
        && !required_dir.is_empty()
        && share_a_word(required_text, &format!("{delivered_text} {delivered_name}"))
}

/// Directory with its slash, and name.
fn split(path: &str) -> (&str, &str) {
    path.rfind('/').map_or(("", path), |at| path.split_at(at + 1))
}

/// The name without dates and their tokens.
fn undated(name: &str) -> String {
    let lower = name.to_lowercase();
    let lower = lower.replace("yyyymmdd", "").replace("yyyy-mm-dd", "");
    lower.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// What kind of thing both speak of.
fn share_a_word(a: &str, b: &str) -> bool {
    const KINDS: [&str; 9] =
        ["summary", "report", "reports", "summaries", "log", "logs", "script", "plist", "database"];
    let words =
        |text: &str| fold::fold(text).split(' ').map(|word| word.trim_end_matches('s').to_owned()).collect::<Vec<_>>();
    let (a, b) = (words(a), words(b));
    KINDS.iter().map(|kind| kind.trim_end_matches('s').to_owned()).any(|kind| a.contains(&kind) && b.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_told_from_agreement() {
        for (required, text, delivered, delivered_text, expect) in [
            (
                "g/reports/parquet/",
                "Write the summary under g/reports/parquet/",
                "g/reports/parquet_export_summary_YYYYMMDD.md",
                "Summary",
                true,
            ),
            (
                "g/reports/parquet/",
                "Write the summary there",
                "g/reports/parquet/parquet_export_summary_YYYYMMDD.md",
                "Summary",
                false,
            ),
            ("g/reports/parquet/", "Write the summary there", "g/reports/", "Summary", true),
            ("g/analytics/x_YYYYMMDD.parquet", "", "data/x_20251028.parquet", "", true),
            ("run/x.cjs", "", "run/x.cjs", "", false),
            ("x.cjs", "", "run/x.cjs", "", false),
            ("launchd/x.plist", "", "~/Library/LaunchAgents/x.plist", "", false),
            ("g/reports/ops_atomic/", "Read heartbeats", "g/analytics/x.parquet", "Parquet", false),
            ("g/reports/", "Read every report", "g/reports/parquet/x.parquet", "Parquet", false),
        ] {
            assert_eq!(contradict(required, text, delivered, delivered_text), expect, "{required} {delivered}");
        }
    }
}
