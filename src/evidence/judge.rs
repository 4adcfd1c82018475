//! Verdicts from measurements, and the outcome of an order from its verdicts.
//!
//! Pure. What must hold: only a measurement makes a criterion pass; a waiver covers a criterion that did not pass and
//! never hides one that did; of several measurements of a key the last one counts.

use std::collections::HashMap;

use jiff::civil::Date;

use super::compare::{self, Finding};
use super::{Binder, Binding, BoundBy, Judged, Measurement, Outcome, Value, Verdict, Vocabulary, subject, whose};
use crate::order::{Criterion, Order, Target, Waiver, fold};

/// Judges each criterion. `today` is the date in UTC, for waivers; `order` gives bindings and waivers, `known` what its handler
/// can measure.
pub fn judge(
    criteria: &[Criterion],
    order: &Order,
    measurements: &[Measurement],
    known: &Vocabulary,
    today: Date,
) -> Vec<Judged> {
    judge_by(&Binder::new(&order.bindings, known), criteria, order, measurements, today)
}

/// The same with the order's binder at hand.
pub fn judge_by(
    binder: &Binder,
    criteria: &[Criterion],
    order: &Order,
    measurements: &[Measurement],
    today: Date,
) -> Vec<Judged> {
    let mut latest: HashMap<&str, &Measurement> = HashMap::new();
    for measurement in measurements {
        latest.insert(&measurement.key, measurement);
    }
    let mut others: Vec<&Measurement> = latest.values().copied().collect();
    others.sort_by(|a, b| a.key.cmp(&b.key));
    criteria
        .iter()
        .map(|criterion| {
            let judged = judge_one(criterion, binder, &latest, &others);
            waived(judged, &order.waive, today)
        })
        .collect()
}

fn judge_one(
    criterion: &Criterion,
    binder: &Binder,
    latest: &HashMap<&str, &Measurement>,
    others: &[&Measurement],
) -> Judged {
    let mut judged = Judged {
        metric: criterion.metric.clone(),
        target: criterion.target.clone(),
        source: criterion.source,
        key: None,
        actual: None,
        verdict: Verdict::Unmeasured,
        reason: String::new(),
        evidence: Vec::new(),
    };
    let written = criterion.metric.trim().trim_matches('`');
    let mut by_alias = false;
    let key = match binder.bind(criterion) {
        Binding::Bound { key, by } => {
            by_alias = by == BoundBy::Alias;
            key
        }
        // nobody declared it, yet it was measured under that very key
        Binding::None if latest.contains_key(written) => written.to_owned(),
        Binding::None => {
            let other = binder.other(criterion).map(|name| format!("it is of {}", crate::text::line(&name, 60)));
            judged.reason = other.unwrap_or_else(|| "nothing measures it".to_owned());
            return judged;
        }
        Binding::Ambiguous(keys) => {
            judged.reason = format!("it could mean {}; the order's `bindings` must say which", keys.join(" or "));
            return judged;
        }
    };
    judged.key = Some(key.clone());
    let Some(measurement) = latest.get(key.as_str()) else {
        judged.reason = format!("{key} was not measured");
        return judged;
    };
    if by_alias {
        // a declared label may be the path or the service of another deployment
        let aliases = binder.known().of_key(&key).map_or(&[][..], |one| one.aliases);
        // `row_count` is how a program writes the label, and names no program
        let label = binder.label_of(criterion).unwrap_or_default();
        let is_label = |name: &str| subject::says(&label, name);
        if let Err(why) = subject::fits(written, written, aliases, measurement, &[], &is_label) {
            judged.reason = why;
            return judged;
        }
        let other = criterion.whose.iter().find_map(|one| whose::other(&one.name, aliases, measurement, others, &[]));
        if let Some(name) = other {
            judged.reason = format!("it is of {name}");
            return judged;
        }
    }
    judged.actual = Some(measurement.value.to_string()).filter(|_| !matches!(measurement.value, Value::Undone { .. }));
    judged.evidence = vec![measurement.id.clone()].into_iter().filter(|id| !id.is_empty()).collect();
    (judged.verdict, judged.reason) = match compare::check(&criterion.metric, &criterion.compiled, measurement, others)
    {
        Finding::Pass(reason) => (Verdict::Pass, reason),
        Finding::Fail(reason) => (Verdict::Fail, reason),
        Finding::Cannot(reason) => (Verdict::Unmeasured, reason),
    };
    judged
}

/// A waiver names the metric as written or the measurement's key and holds until the end of its last day.
fn waived(mut judged: Judged, waivers: &[Waiver], today: Date) -> Judged {
    if judged.verdict == Verdict::Pass {
        return judged;
    }
    let metric = fold(&judged.metric);
    let names = |waiver: &&Waiver| {
        (!metric.is_empty() && fold(&waiver.metric) == metric) || judged.key.as_deref() == Some(waiver.metric.trim())
    };
    let mut matching: Vec<&Waiver> = waivers.iter().filter(names).collect();
    matching.sort_by_key(|waiver| std::cmp::Reverse(waiver.until));
    let Some(waiver) = matching.first() else { return judged };
    let found = if judged.verdict == Verdict::Fail { "FAIL" } else { "UNMEASURED" };
    if waiver.until < today {
        judged.reason = format!("{}; its waiver ended on {}", judged.reason, waiver.until);
        return judged;
    }
    judged.reason = format!("waived until {}: {} (else {found}: {})", waiver.until, waiver.reason, judged.reason);
    judged.verdict = Verdict::Waived { reason: waiver.reason.clone(), until: waiver.until };
    judged
}

/// The outcome and its reason. `failed_step` is the first step that failed, in words; a step that only measures fails
/// through its criteria instead. `changed` is false when every step found all already so. An attempt with a step of
/// which it can't be told whether it took effect ends `uncertain` before it comes here; one whose verification commands
/// failed is no better than `partial` (see `engine::finish`).
///
/// | steps | criteria | outcome |
/// |---|---|---|
/// | one failed (what went before it is undone) | any | `failed` |
/// | well | all PASS or WAIVED, at least one PASS | `done`, or `noop` when nothing had to be changed |
/// | well | none PASS, at least one FAIL | `failed` |
/// | well | anything else: something UNMEASURED, PASS beside FAIL, all WAIVED, no criteria at all | `partial` |
pub fn outcome(judged: &[Judged], failed_step: Option<&str>, changed: bool) -> (Outcome, String) {
    let with = |wanted: fn(&Verdict) -> bool| judged.iter().filter(move |one| wanted(&one.verdict));
    let named = |wanted: fn(&Verdict) -> bool| {
        let named: Vec<String> = with(wanted).map(|one| format!("{} ({})", one.metric, one.reason)).collect();
        named.join("; ")
    };
    let pass = with(|verdict| *verdict == Verdict::Pass).count();
    let fail = with(|verdict| *verdict == Verdict::Fail).count();
    let unmeasured = with(|verdict| *verdict == Verdict::Unmeasured).count();
    let mut reasons: Vec<String> = failed_step.map(str::to_owned).into_iter().collect();
    if fail > 0 {
        reasons.push(format!("failed: {}", named(|verdict| *verdict == Verdict::Fail)));
    }
    if unmeasured > 0 {
        reasons.push(format!("unmeasured: {}", named(|verdict| *verdict == Verdict::Unmeasured)));
    }
    if judged.is_empty() {
        reasons.push("no criterion says when this order is done".to_owned());
    } else if pass == 0 && fail == 0 && unmeasured == 0 {
        reasons.push("every criterion is waived; none was measured to pass".to_owned());
    }
    let outcome = match (failed_step, pass, fail) {
        (Some(_), ..) => Outcome::Failed,
        (None, 0, 1..) => Outcome::Failed,
        _ if !reasons.is_empty() => Outcome::Partial,
        _ if changed => Outcome::Done,
        _ => Outcome::Noop,
    };
    if reasons.is_empty() {
        let waived = match judged.len() - pass {
            0 => String::new(),
            n => format!(", {n} waived"),
        };
        let already = if changed { "" } else { "; it was already so, nothing was changed" };
        reasons.push(format!("{pass} of {} criteria pass{waived}{already}", judged.len()));
    }
    (outcome, reasons.join("; "))
}

/// Whether the measurement meets the target for certain. A target with a condition
/// (`for ≤200 rows`) never does here, for nothing else that was measured is looked at.
pub fn holds(target: &Target, measurement: &Measurement) -> bool {
    matches!(compare::check(&measurement.key, target, measurement, &[]), Finding::Pass(_))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
