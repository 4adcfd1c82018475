//! Verdicts: a typed target against a measurement. Pure. What can't be compared is `UNMEASURED` with the reason, never a
//! pass.

use jiff::civil::Date;

use super::bind::{Binding, bind, fold};
use super::{Declaration, Judged, Measurement, Outcome, StartedBy, Value, Verdict};
use crate::order::target::{Comparator, Period, Target, Unit, Weekday};
use crate::order::{Criterion, Order};

/// How far a value may lie from an "about" target, as a part of it.
const ABOUT: f64 = 0.10;

/// Judges every criterion; the newest measurement of a key counts.
pub fn judge(
    criteria: &[Criterion],
    order: &Order,
    measurements: &[Measurement],
    declarations: &[Declaration],
    today: Date,
) -> Vec<Judged> {
    criteria.iter().map(|criterion| judge_one(criterion, order, measurements, declarations, today)).collect()
}

fn judge_one(
    criterion: &Criterion,
    order: &Order,
    measurements: &[Measurement],
    declarations: &[Declaration],
    today: Date,
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
    match bind(&criterion.metric, &order.bindings, declarations) {
        Binding::None => judged.reason = "no measurement goes by this name".to_owned(),
        Binding::Ambiguous(keys) => {
            judged.reason = format!("several measurements go by this name: {}; bind it", keys.join(", "));
        }
        Binding::Bound { key, .. } => {
            match measurements.iter().rev().find(|measurement| measurement.key == key) {
                None => judged.reason = format!("{key} was not measured"),
                Some(measurement) => {
                    judged.actual = Some(measurement.value.to_string());
                    judged.evidence = vec![measurement.id.clone()];
                    let (verdict, reason) = match compare(&criterion.compiled, measurement) {
                        Finding::Holds => (Verdict::Pass, "measured".to_owned()),
                        Finding::Fails(why) => (Verdict::Fail, why),
                        Finding::Unknown(why) => (Verdict::Unmeasured, why),
                    };
                    (judged.verdict, judged.reason) = (verdict, reason);
                }
            }
            judged.key = Some(key);
        }
    }
    if judged.verdict != Verdict::Pass {
        let label = fold(&criterion.metric);
        if let Some(waiver) = order.waive.iter().find(|waiver| {
            (fold(&waiver.metric) == label || Some(waiver.metric.trim()) == judged.key.as_deref())
                && waiver.until >= today
        }) {
            judged.reason = format!("waived until {}: {}; {}", waiver.until, waiver.reason, judged.reason);
            judged.verdict = Verdict::Waived { reason: waiver.reason.clone(), until: waiver.until };
        }
    }
    judged
}

/// The outcome and its reason. `failed_step` is the first step that failed, in words.
///
/// * a failed step: `partial` when some criterion passes by measurement, else `failed`;
/// * no criteria at all, or one that is unmeasured: `partial` (nothing that was not measured is green);
/// * some fail: `partial` when others pass, else `failed`;
/// * all pass or are waived, and at least one passes: `done`, or `noop` when nothing had to be changed.
pub fn outcome(judged: &[Judged], failed_step: Option<&str>, changed: bool) -> (Outcome, String) {
    let count = |wanted: fn(&Verdict) -> bool| judged.iter().filter(|judged| wanted(&judged.verdict)).count();
    let (pass, fail) = (count(|v| *v == Verdict::Pass), count(|v| *v == Verdict::Fail));
    let unmeasured = count(|v| *v == Verdict::Unmeasured);
    let named = |wanted: fn(&Verdict) -> bool| {
        judged
            .iter()
            .filter(|judged| wanted(&judged.verdict))
            .map(|judged| format!("{} ({})", judged.metric, judged.reason))
            .collect::<Vec<_>>()
            .join("; ")
    };
    let mut reasons: Vec<String> = failed_step.map(str::to_owned).into_iter().collect();
    if fail > 0 {
        reasons.push(format!("failed: {}", named(|v| *v == Verdict::Fail)));
    }
    if unmeasured > 0 {
        reasons.push(format!("unmeasured: {}", named(|v| *v == Verdict::Unmeasured)));
    }
    if judged.is_empty() {
        reasons.push("no criterion says when this order is done".to_owned());
    } else if pass == 0 && fail == 0 && unmeasured == 0 {
        reasons.push("every criterion is waived; none was measured to pass".to_owned());
    }
    let outcome = if failed_step.is_some() || fail > 0 {
        if pass > 0 { Outcome::Partial } else { Outcome::Failed }
    } else if !reasons.is_empty() {
        Outcome::Partial
    } else if changed {
        Outcome::Done
    } else {
        Outcome::Noop
    };
    if reasons.is_empty() {
        let waived = judged.len() - pass;
        let waived = if waived > 0 { format!(", {waived} waived") } else { String::new() };
        let already = if changed { "" } else { "; it was already so, nothing was changed" };
        reasons.push(format!("{pass} of {} criteria pass{waived}{already}", judged.len()));
    }
    (outcome, reasons.join("; "))
}

/// Whether the measurement meets the target for certain.
pub fn holds(target: &Target, measurement: &Measurement) -> bool {
    compare(target, measurement) == Finding::Holds
}

#[derive(Debug, Clone, PartialEq)]
enum Finding {
    Holds,
    Fails(String),
    /// Can't be compared.
    Unknown(String),
}

fn compare(target: &Target, measurement: &Measurement) -> Finding {
    let value = &measurement.value;
    let finding = match target {
        Target::Unclear { why } => Finding::Unknown(format!("the target is not understood: {why}")),
        Target::Compare { condition: Some(condition), .. } => {
            Finding::Unknown(format!("the condition `{condition}` is not measured"))
        }
        Target::Compare { comparator, number, unit, per, condition: None } => {
            compare_number(*comparator, *number, unit, *per, value)
        }
        Target::Range { low, high, unit } => match number_of(unit, value) {
            Some(actual) => verdict(actual >= *low && actual <= *high, value),
            None => mismatch(value),
        },
        Target::All { of } => match value {
            Value::Ratio { pass, of: total } => {
                verdict(*total > 0 && pass == total && of.is_none_or(|of| of == *total), value)
            }
            Value::Percent(percent) if of.is_none() => verdict(*percent >= 100.0, value),
            Value::State { works, .. } if of.is_none() => verdict(*works, value),
            _ => mismatch(value),
        },
        Target::Statistic { statistic, .. } => Finding::Unknown(format!("the statistic {statistic} is not measured")),
        Target::Category { word } => match value {
            Value::Word(actual) => verdict(fold(actual) == fold(word) && !fold(word).is_empty(), value),
            _ => mismatch(value),
        },
        Target::Schedule { times, every, at, weekday, zone } => {
            schedule(&Wanted { times: *times, every: *every, at: *at, weekday: *weekday, zone: zone.as_deref() }, value)
        }
        Target::Ready { .. } => match (value, measurement.ok) {
            (Value::Runs { .. }, _) => automatic(value),
            (Value::State { works: true, .. }, Some(true) | None) => Finding::Holds,
            (Value::State { .. }, _) | (_, Some(false)) => verdict(false, value),
            (Value::Ratio { pass, of }, Some(true)) => verdict(*of > 0 && pass == of, value),
            (_, Some(true)) => Finding::Holds,
            (_, None) => Finding::Unknown(format!("{value} does not say whether it works")),
        },
        Target::Automatic => automatic(value),
        Target::None { .. } => match value {
            Value::Count { n, .. } => verdict(*n == 0, value),
            _ => mismatch(value),
        },
    };
    // what the taking code calls broken is never a pass of a target about its state
    match finding {
        Finding::Holds
            if measurement.ok == Some(false) && !matches!(target, Target::Compare { .. } | Target::Range { .. }) =>
        {
            verdict(false, value)
        }
        other => other,
    }
}

fn compare_number(comparator: Comparator, wanted: f64, unit: &Unit, per: Option<Period>, value: &Value) -> Finding {
    // a size a day is what one day's file has; for anything else the period changes what is asked
    if per.is_some() && !matches!(value, Value::Bytes(_)) {
        return Finding::Unknown("a rate is asked for, and what was measured is not one".to_owned());
    }
    if per.is_some_and(|per| per != Period::Day) {
        return Finding::Unknown("what was measured is a day's size, not that of another period".to_owned());
    }
    let Some(actual) = number_of(unit, value) else { return mismatch(value) };
    if !actual.is_finite() || !wanted.is_finite() {
        return Finding::Unknown("not a number".to_owned());
    }
    let holds = match comparator {
        Comparator::Less => actual < wanted,
        Comparator::AtMost => actual <= wanted,
        Comparator::Equal => actual == wanted,
        Comparator::NotEqual => actual != wanted,
        Comparator::AtLeast => actual >= wanted,
        Comparator::Greater => actual > wanted,
        Comparator::About => (actual - wanted).abs() <= wanted.abs() * ABOUT,
    };
    verdict(holds, value)
}

/// The value as a number in the target's unit; `None` when it is of another kind.
fn number_of(unit: &Unit, value: &Value) -> Option<f64> {
    match (unit, value) {
        (Unit::Bytes, Value::Bytes(n)) | (Unit::Time, Value::Duration(n)) => Some(*n as f64),
        (Unit::Percent, Value::Percent(percent)) => Some(*percent),
        (Unit::Percent, Value::Ratio { pass, of }) if *of > 0 => Some(*pass as f64 * 100.0 / *of as f64),
        (Unit::Count { noun }, Value::Count { n, noun: counted }) => {
            let fits = noun.as_deref().is_none_or(|noun| counted.is_empty() || same_noun(noun, counted));
            fits.then_some(*n as f64)
        }
        _ => None,
    }
}

/// Nouns that count the same: equal but for a plural `s`, or one's last word is the other.
fn same_noun(wanted: &str, counted: &str) -> bool {
    let words =
        |text: &str| fold(text).split(' ').map(|word| word.trim_end_matches('s').to_owned()).collect::<Vec<_>>();
    let (wanted, counted) = (words(wanted), words(counted));
    wanted.last() == counted.last() || wanted == counted
}

struct Wanted<'a> {
    times: u32,
    every: Period,
    at: Option<jiff::civil::Time>,
    weekday: Option<Weekday>,
    zone: Option<&'a str>,
}

/// Judged from the next two fire times: one is at the wanted time of day and the other a period later.
fn schedule(wanted: &Wanted<'_>, value: &Value) -> Finding {
    let Value::Schedule { next, zone, manager } = value else { return mismatch(value) };
    let [first, second, ..] = next.as_slice() else {
        return Finding::Fails(format!("{manager} reports no next two fire times"));
    };
    let zone = wanted.zone.unwrap_or(zone);
    let (Ok(first), Ok(second)) = (first.in_tz(zone), second.in_tz(zone)) else {
        return Finding::Unknown(format!("the time zone {zone} is not known"));
    };
    let fits_time = wanted.at.is_none_or(|at| {
        [&first, &second].iter().all(|fire| fire.time().hour() == at.hour() && fire.time().minute() == at.minute())
    });
    let fits_day =
        wanted.weekday.is_none_or(|weekday| [&first, &second].iter().all(|fire| same_weekday(fire.weekday(), weekday)));
    let period = match wanted.every {
        Period::Minute => jiff::Span::new().minutes(1),
        Period::Hour => jiff::Span::new().hours(1),
        Period::Day => jiff::Span::new().days(1),
        Period::Week => jiff::Span::new().weeks(1),
        Period::Month => jiff::Span::new().months(1),
        Period::Year => jiff::Span::new().years(1),
    };
    let fits_period = if wanted.times <= 1 {
        // on the local calendar, so that a change of clocks between the two is no fault
        first
            .checked_add(period)
            .is_ok_and(|due| due.timestamp() == second.timestamp() || due.datetime() == second.datetime())
    } else {
        let length = first.checked_add(period).map(|end| end.timestamp().as_second() - first.timestamp().as_second());
        length.is_ok_and(|length| {
            second.timestamp().as_second() - first.timestamp().as_second() == length / i64::from(wanted.times)
        })
    };
    verdict(fits_time && fits_day && fits_period, value)
}

fn same_weekday(actual: jiff::civil::Weekday, wanted: Weekday) -> bool {
    let wanted = match wanted {
        Weekday::Monday => jiff::civil::Weekday::Monday,
        Weekday::Tuesday => jiff::civil::Weekday::Tuesday,
        Weekday::Wednesday => jiff::civil::Weekday::Wednesday,
        Weekday::Thursday => jiff::civil::Weekday::Thursday,
        Weekday::Friday => jiff::civil::Weekday::Friday,
        Weekday::Saturday => jiff::civil::Weekday::Saturday,
        Weekday::Sunday => jiff::civil::Weekday::Sunday,
    };
    actual == wanted
}

/// Needs a run that the manager itself started, and the newest such run must have ended well.
fn automatic(value: &Value) -> Finding {
    let Value::Runs { manager, runs } = value else { return mismatch(value) };
    let own = runs.iter().rev().find(|run| matches!(run.started_by, StartedBy::Manager { .. }));
    match own.map(|run| (run.ended, run.exit)) {
        Some((Some(_), Some(0))) => Finding::Holds,
        Some((Some(_), Some(exit))) => {
            Finding::Fails(format!("the run that {manager} started ended with exit status {exit}"))
        }
        Some(_) => Finding::Unknown(format!("the run that {manager} started has not ended")),
        None if runs.is_empty() => Finding::Unknown(format!("{manager} has not started it yet")),
        None => Finding::Unknown(format!("it was only kicked; {manager} has not started it of its own accord")),
    }
}

fn verdict(holds: bool, value: &Value) -> Finding {
    if holds { Finding::Holds } else { Finding::Fails(format!("measured {value}")) }
}

fn mismatch(value: &Value) -> Finding {
    Finding::Unknown(format!("what was measured ({value}) can't be compared with this target"))
}
