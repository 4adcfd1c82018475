//! The keys that steer the machine: `template`, `params`, `bindings`, `waive`, `requires`, `approval`. (`handler`,
//! `priority` and `expires` are one-line fields, `acceptance` is read with the other lists, `template` in `template_key`,
//! the gates of a body in `body_gates`.)
//!
//! What must hold: each of them is read whole or is an error.

use serde_json::Value;

use super::draft::Draft;
use super::embedded::Locator;
use super::fields::text_of;
use super::fold;
use super::identity;
use super::model::{Requirement, Span, Waiver};
use super::source::Remark;
use super::target::{self, Target};
use super::template_key;

pub(crate) fn is_machine_key(name: &str) -> bool {
    let is_other = matches!(
        name,
        "params" | "parameters" | "bindings" | "waive" | "waivers" | "requires" | "approval" | "acceptance"
    );
    is_other || template_key::is_key(name)
}

/// Reads a machine key; `false` when this is none.
pub(crate) fn apply(draft: &mut Draft<'_>, name: &str, value: &Value, span: &Span) -> bool {
    match name {
        name if template_key::is_key(name) => template_key::apply(draft, name, value, span),
        "params" | "parameters" => params(draft, value, span),
        "bindings" => bindings(draft, value, span),
        "waive" | "waivers" => waive(draft, value, span),
        "requires" => requires(draft, value, span),
        "approval" | "requires approval" | "needs approval" | "approval required" => approval(draft, value, span),
        _ => return false,
    }
    true
}

fn error(draft: &mut Draft<'_>, code: &str, message: impl Into<String>, cure: &str, span: &Span) {
    let remark = Remark::error(code, message).understood("the order does not run until it is cured").cure(cure);
    draft.remark(span, remark);
}

fn params(draft: &mut Draft<'_>, value: &Value, span: &Span) {
    match value {
        Value::Object(map) => draft.order.params = map.clone(),
        Value::Null => {}
        _ => error(
            draft,
            "bad-params",
            "`params` is not a map of names to values",
            "write `params: { name: value }`",
            span,
        ),
    }
}

fn bindings(draft: &mut Draft<'_>, value: &Value, span: &Span) {
    const CURE: &str = "write `bindings: { \"File size\": export.file_size }`";
    let Value::Object(map) = value else {
        if !value.is_null() {
            error(draft, "bad-bindings", "`bindings` is not a map of metrics to measurements", CURE, span);
        }
        return;
    };
    for (metric, key) in map {
        match key.as_str().map(str::trim).filter(|key| !key.is_empty() && !key.contains(char::is_whitespace)) {
            Some(key) => {
                draft.order.bindings.insert(metric.clone(), key.to_owned());
            }
            None => error(
                draft,
                "bad-bindings",
                format!("`{metric}` is bound to {key}, which is no measurement"),
                CURE,
                span,
            ),
        }
    }
}

fn waive(draft: &mut Draft<'_>, value: &Value, span: &Span) {
    let mut locator = Locator::new(draft.source, span.clone());
    match value {
        Value::Array(items) => {
            for item in items {
                waiver(draft, item, &mut locator);
            }
        }
        Value::Object(_) => waiver(draft, value, &mut locator),
        Value::Null => {}
        _ => error(draft, "bad-waiver", "`waive` is not a list of waivers", WAIVER_CURE, span),
    }
}

const WAIVER_CURE: &str =
    "write `- { metric: \"LaunchAgent\", reason: \"no launchd on this host\", until: 2026-12-31 }`";

fn waiver(draft: &mut Draft<'_>, item: &Value, locator: &mut Locator<'_>) {
    let get = |name: &str| {
        item.as_object()?
            .iter()
            .find(|(key, _)| fold::fold(key) == name)
            .and_then(|(_, value)| text_of(value))
            .map(|text| text.trim().to_owned())
    };
    let metric = get("metric").or_else(|| get("criterion")).filter(|text| !text.is_empty());
    let reason = get("reason").filter(|text| !text.is_empty());
    let until = get("until").filter(|text| !text.is_empty());
    let span = locator.find(metric.as_deref().unwrap_or(""));
    let date = until.as_deref().and_then(date);
    let missing = [("metric", metric.is_none()), ("reason", reason.is_none()), ("until", until.is_none())];
    let missing: Vec<&str> = missing.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
    match (metric, reason, date) {
        (Some(metric), Some(reason), Some(until)) => draft.order.waive.push(Waiver { metric, reason, until }),
        _ if missing.is_empty() => {
            let message = format!("`{}` is no date until which a waiver can hold", until.unwrap_or_default());
            error(draft, "bad-waiver", message, WAIVER_CURE, &span);
        }
        _ => error(draft, "bad-waiver", format!("a waiver has no {}", missing.join(" and no ")), WAIVER_CURE, &span),
    }
}

/// A day, also as the date of a point in time in UTC.
fn date(text: &str) -> Option<jiff::civil::Date> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(at.to_zoned(jiff::tz::TimeZone::UTC).date());
    }
    (text.len() <= 10).then(|| text.parse().ok()).flatten()
}

fn approval(draft: &mut Draft<'_>, value: &Value, span: &Span) {
    let text = text_of(value).map(|text| text.trim().to_lowercase());
    match (value, text.as_deref()) {
        (Value::Bool(needed), _) => draft.order.needs_approval |= *needed,
        (_, Some("no" | "false" | "none" | "not required" | "off")) | (Value::Null, _) => {}
        (_, Some(text)) => {
            draft.order.needs_approval = true;
            if !matches!(text, "yes" | "true" | "required" | "person" | "human" | "on") {
                draft.remark(
                    span,
                    Remark::note("approval", format!("`approval: {text}`"))
                        .understood("a person must approve the order before its first step"),
                );
            }
        }
        _ => {
            draft.order.needs_approval = true;
            error(draft, "bad-approval", "`approval` is neither yes nor no", "write `approval: required`", span);
        }
    }
}

fn requires(draft: &mut Draft<'_>, value: &Value, span: &Span) {
    let mut locator = Locator::new(draft.source, span.clone());
    let items: Vec<&Value> = match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        value => vec![value],
    };
    for item in items {
        match item {
            Value::Object(map) if map.len() == 1 && !map.keys().any(|key| known_entry(&fold::fold(key))) => {
                let text = map
                    .iter()
                    .next()
                    .map(|(key, value)| format!("{key} {}", text_of(value).unwrap_or_else(|| value.to_string())))
                    .unwrap_or_default();
                requirement(draft, &text, &mut locator);
            }
            Value::Object(map) => {
                let get = |names: &[&str]| {
                    names.iter().find_map(|name| {
                        map.iter().find(|(key, _)| fold::fold(key) == *name).and_then(|(_, value)| text_of(value))
                    })
                };
                let parts = [
                    get(&["order", "id", "wo"]),
                    get(&["metric", "key", "measurement", "check"]),
                    get(&["state", "status", "outcome", "target", "is", "value", "expected"]),
                    map.keys().find(|key| fold::fold(key) == "approval").map(|_| "approval".to_owned()),
                ];
                let known = map.keys().all(|key| known_entry(&fold::fold(key)));
                let text =
                    if known { parts.into_iter().flatten().collect::<Vec<_>>().join(" ") } else { item.to_string() };
                requirement(draft, &text, &mut locator);
            }
            value => {
                let text = text_of(value).unwrap_or_else(|| value.to_string());
                requirement(draft, &text, &mut locator);
            }
        }
    }
}

fn known_entry(name: &str) -> bool {
    matches!(
        name,
        "order"
            | "id"
            | "wo"
            | "metric"
            | "key"
            | "measurement"
            | "check"
            | "state"
            | "status"
            | "outcome"
            | "target"
            | "is"
            | "value"
            | "expected"
            | "approval"
    )
}

pub(super) fn requirement(draft: &mut Draft<'_>, text: &str, locator: &mut Locator<'_>) {
    let text = text.trim();
    let span = locator.find(text.split_whitespace().next().unwrap_or(""));
    if is_approval(text) {
        draft.order.needs_approval = true;
        return;
    }
    let requirement = compile_requirement(text);
    if let Requirement::Unclear { why, .. } = &requirement {
        let message = format!("`requires` has `{text}`, which can't be understood: {why}");
        let remark = Remark::error("unclear-requirement", message)
            .understood("the order waits for a person")
            .cure("write an order's id, or a measurement with its target: `monitor.healthy_for >= 24h`");
        draft.remark(&span, remark);
    }
    draft.order.requires.push(requirement);
}

/// `requires: [approval]`.
pub(super) fn is_approval(text: &str) -> bool {
    let folded = fold::fold(text);
    matches!(folded.as_str(), "approval" | "approved" | "an approval" | "human approval" | "approval required")
}

/// `WO-…`, `WO-… done`, `monitor.healthy_for >= 24h`.
pub(crate) fn compile_requirement(text: &str) -> Requirement {
    let unclear = |why: &str| Requirement::Unclear { text: text.to_owned(), why: why.to_owned() };
    let plain = fold::widths(&fold::inline(text));
    let plain = fold::strip_marks(&plain);
    let plain = plain.strip_prefix("order ").unwrap_or(plain);
    let end = plain.find(|c: char| c.is_whitespace() || "<>=≤≥≠~±!".contains(c)).unwrap_or(plain.len());
    let (first, rest) = plain.split_at_checked(end).unwrap_or((plain, ""));
    let rest = rest.trim();
    if first.to_ascii_uppercase().starts_with("WO-") {
        let first = identity::known_as(without_ending(first));
        let is_id = first.len() > 3
            && first.len() <= 120
            && first.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let words = fold::fold(rest);
        let asks_done = words.split(' ').all(|word| {
            matches!(
                word,
                "" | "done"
                    | "noop"
                    | "is"
                    | "must"
                    | "be"
                    | "complete"
                    | "completed"
                    | "finished"
                    | "ended"
                    | "or"
                    | "to"
            )
        });
        let id = format!("WO-{}", first.get(3..).unwrap_or(""));
        return match (is_id, asks_done) {
            (true, true) => Requirement::OrderDone { id },
            (true, false) => unclear("only that an order is done can be required of it"),
            _ => unclear("that is no order's id"),
        };
    }
    let parts: Vec<&str> = first.split('.').collect();
    let is_key = parts.len() >= 2
        && parts.iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)));
    if !is_key {
        return unclear("it names neither an order nor a measurement");
    }
    match target::compile("", rest) {
        Target::Unclear { why } => unclear(&why),
        compiled => Requirement::Measurement { key: first.to_owned(), target: rest.to_owned(), compiled },
    }
}

/// An id without the ending of the file that it was copied from: `WO-1.md`.
fn without_ending(id: &str) -> &str {
    let ending = [".md", ".markdown"].into_iter().find(|ending| id.to_ascii_lowercase().ends_with(ending));
    ending.and_then(|ending| id.get(..id.len() - ending.len())).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_understood_or_stop_the_order() {
        for (text, expect) in [
            ("WO-251029-X", "order WO-251029-X"),
            ("wo-251029-X done", "order WO-251029-X"),
            ("order WO-1 must be done", "order WO-1"),
            ("WO-251029-X.md", "order WO-251029-X"),
            ("`WO-1.MARKDOWN` done", "order WO-1"),
            ("WO-1.5", "order WO-1.5"),
            ("WO-.md", "unclear"),
            ("monitor.healthy_for >= 24h", "monitor.healthy_for ≥ 1 d"),
            ("monitor.healthy_for>=24h", "monitor.healthy_for ≥ 1 d"),
            ("monitor.uptime.redis > 80%", "monitor.uptime.redis > 80%"),
            ("WO-1 failed", "unclear"),
            ("WO-../x", "unclear"),
            ("monitor.healthy_for", "unclear"),
            ("monitor.healthy_for 24h", "unclear"),
            ("a healthy monitor", "unclear"),
            ("", "unclear"),
        ] {
            let got = match compile_requirement(text) {
                Requirement::OrderDone { id } => format!("order {id}"),
                Requirement::Measurement { key, compiled, .. } => format!("{key} {compiled}"),
                Requirement::Unclear { .. } => "unclear".to_owned(),
            };
            assert_eq!(got, expect, "{text}");
        }
    }
}
