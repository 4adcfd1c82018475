//! One target against one measurement.
//!
//! What must hold: a kind of value that does not fit the target, a number that is none, a condition that is not seen
//! satisfied is never a pass; it can't be told.

use super::counted::{self, Asked, Counted, EXACTLY, names_failures};
use super::rates::{counts_per, rate_fits};
use super::value::UNDONE;
use super::{Made, Measurement, ServiceRun, StartedBy, Value, schedule};
use crate::order::fold;
use crate::order::target::{Comparator, Period, Target, Unit, quantity, spacing};

#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    Pass(String),
    Fail(String),
    /// Not measured well enough to tell; why.
    Cannot(String),
}

use Finding::{Cannot, Fail, Pass};

/// How `measurement` stands to `target`. `metric` is what the criterion says is measured; `others` are the latest
/// measurements of every key, for conditions such as `for ≤200 rows`. What the taking code calls broken or stale never
/// passes, whatever its number is.
pub fn check(metric: &str, target: &Target, measurement: &Measurement, others: &[&Measurement]) -> Finding {
    if measurement.ok.is_none() && !measurement.lacks.is_empty() {
        return Cannot(measurement.lacks.clone());
    }
    match against(metric, target, measurement, others) {
        Pass(reason) if measurement.ok == Some(false) => {
            Cannot(format!("{reason}, but what measured it says that it is broken or out of date: {}", measurement.how))
        }
        Fail(reason) if !measurement.lacks.is_empty() => Fail(format!("{reason}: {}", measurement.lacks)),
        finding => finding,
    }
}

fn against(metric: &str, target: &Target, measurement: &Measurement, others: &[&Measurement]) -> Finding {
    if let Value::Undone { .. } = &measurement.value {
        return Cannot(UNDONE.to_owned());
    }
    match target {
        Target::Unclear { why } => Cannot(why.clone()),
        Target::Statistic { statistic, then } => {
            if is_statistic(&measurement.key, statistic) {
                against(metric, then, measurement, others)
            } else {
                Cannot(format!("{} is one value, not the {statistic} of many", measurement.key))
            }
        }
        Target::Compare { comparator, number, unit, per, condition } => {
            if let Some(condition) = condition
                && let Err(why) = condition_holds(condition, measurement, others)
            {
                return Cannot(why);
            }
            let is_limit = matches!(comparator, Comparator::Less | Comparator::AtMost)
                || (*comparator == Comparator::Equal && *number == 0.0);
            match counts_what_is_asked(metric, unit, is_limit, per.is_some(), measurement) {
                Ok(counted) => {
                    of_part(counted, measurement, compare(measurement, *comparator, *number, unit, *per, counted))
                }
                Err(why) => Cannot(why),
            }
        }
        Target::Range { low, high, unit } => {
            // all that its words say must be counted, as for a floor
            match counts_what_is_asked(metric, unit, false, false, measurement) {
                Ok(counted) => within(measurement, *low, *high, unit, target, counted),
                Err(why) => Cannot(why),
            }
        }
        Target::Category { word } => match &measurement.value {
            Value::Word(actual) if fold(actual) == fold(word) => Pass(format!("it is {actual}")),
            Value::Word(actual) => Fail(format!("it is {actual}, not {word}")),
            value => mismatch(value, target),
        },
        Target::Schedule { times, every, at, weekday, zone } => match &measurement.value {
            Value::Schedule { next, zone: own, .. } => {
                let wanted = schedule::Wanted { times: *times, every: *every, at: *at, weekday: *weekday };
                schedule::check(&wanted, next, zone.as_deref().unwrap_or(own))
            }
            Value::Count { n, .. } if at.is_none() && weekday.is_none() && counts_per(measurement) == Some(*every) => {
                let shown = format!("{n} a {every}, {times} wanted");
                if *n == u64::from(*times) { Pass(shown) } else { Fail(shown) }
            }
            value => mismatch(value, target),
        },
        Target::Ready { word } if says_it_is_there(word) && counts_faults(metric, measurement) => Cannot(format!(
            "that there are some is no good thing to say of {}; write how many there may be",
            measurement.key
        )),
        Target::Ready { .. } => works(measurement),
        Target::None { noun } => none(metric, noun, target, measurement),
        Target::All { of } => all(measurement, *of, target),
        Target::Automatic => match &measurement.value {
            Value::Runs { manager, runs } => automatic(measurement, manager, runs),
            // what keeps it from running, seen now
            Value::State { works: false, detail } if measurement.ok == Some(false) => Fail(detail.clone()),
            value => mismatch(value, target),
        },
    }
}

/// Whether what was counted is what `unit` names; all that names nothing is.
fn counts_what_is_asked(
    metric: &str,
    unit: &Unit,
    is_limit: bool,
    is_rate: bool,
    measurement: &Measurement,
) -> Result<Counted, String> {
    match unit {
        Unit::Count { noun: Some(noun) } => counted::is_asked(&Asked { metric, noun, is_limit, is_rate }, measurement),
        _ => Ok(EXACTLY),
    }
}

/// What fails as a whole need not fail in the part that is asked.
fn of_part(counted: Counted, measurement: &Measurement, finding: Finding) -> Finding {
    match finding {
        Fail(reason) if counted.is_more => {
            Cannot(format!("{reason}, but {} holds more than is asked", measurement.key))
        }
        finding => finding,
    }
}

fn within(measurement: &Measurement, low: f64, high: f64, unit: &Unit, target: &Target, counted: Counted) -> Finding {
    match amount(&measurement.value, unit, counted) {
        Some(actual) if actual.is_nan() => Cannot("the measured value is not a number".to_owned()),
        Some(actual) => {
            let shown = format!("{} against {} to {}", measurement.value, quantity(low, unit), quantity(high, unit));
            verdict((low..=high).contains(&actual), shown)
        }
        None => mismatch(&measurement.value, target),
    }
}

/// What a state says of these is that it went well, or that no fault was found when it was looked for. Of others it says that
/// they are there, that they are loaded or that they can be written, which tells of no error.
const FAULTLESS: [&str; 8] = [
    "export.validation",
    "export.deterministic",
    "export.dry_run",
    "exporter.test_script",
    "service.plist",
    "monitor.redis",
    "monitor.database",
    "monitor.status",
];

/// `no file write errors`, `none`. Something that was seen to go without a fault, or a share of it that does, shows that
/// there are no failures; of anything else (`no log file`) a state shows that it is there, or nothing.
fn none(metric: &str, noun: &str, target: &Target, measurement: &Measurement) -> Finding {
    let subject = before_place(if noun.is_empty() { metric } else { noun });
    let of_failures = names_failures(subject);
    let asked = |noun| counted::is_asked(&Asked { metric, noun, is_limit: true, is_rate: false }, measurement);
    match &measurement.value {
        Value::State { .. } if of_failures && FAULTLESS.contains(&measurement.key.as_str()) => works(measurement),
        Value::State { detail, .. } => Cannot(format!(
            "whether it works was measured ({detail}), which does not tell that there is none; ask for `0` of something counted"
        )),
        _ if of_failures && measurement.ok == Some(false) => {
            Fail(format!("{}, and what measured it says that it is broken: {}", measurement.value, measurement.how))
        }
        Value::Count { n, .. } => {
            let counted = if noun.is_empty() { Ok(EXACTLY) } else { asked(noun) };
            match counted {
                Ok(_) if *n == 0 => Pass("none found".to_owned()),
                Ok(counted) => of_part(counted, measurement, Fail(format!("{} found", measurement.value))),
                Err(why) => Cannot(why),
            }
        }
        Value::Ratio { pass, of } if *of > 0 => match asked(subject) {
            Ok(counted) if counted.is_lack => {
                of_part(counted, measurement, verdict(pass == of, format!("{pass} of {of}")))
            }
            Ok(_) => mismatch(&measurement.value, target),
            Err(why) => Cannot(why),
        },
        value => mismatch(value, target),
    }
}

/// `file write errors in the log`: what it is about, without where.
fn before_place(noun: &str) -> &str {
    [" in ", " on ", " at ", " from ", " of ", " by "]
        .iter()
        .filter_map(|word| noun.find(word))
        .min()
        .map_or(noun, |at| noun.get(..at).unwrap_or(noun))
}

fn verdict(good: bool, reason: String) -> Finding {
    if good { Pass(reason) } else { Fail(reason) }
}

fn mismatch(value: &Value, target: &Target) -> Finding {
    let kind = match value {
        Value::Bytes(_) => "a size",
        Value::Duration(_) => "a time",
        Value::Count { .. } => "a count",
        Value::Percent(_) => "a percentage",
        Value::Ratio { .. } => "a ratio",
        Value::Word(_) => "a word",
        Value::State { .. } => "a state",
        Value::Undone { .. } => UNDONE,
        Value::Schedule { .. } => "a schedule",
        Value::Runs { .. } => "runs of a service",
    };
    Cannot(format!("{kind} was measured, which can't be held against `{target}`"))
}

/// Whether a key says that its value is this statistic: a part of it is the statistic's name.
fn is_statistic(key: &str, statistic: &str) -> bool {
    let parts = key.split(['.', '_', '-']);
    let name = statistic.replace('.', "");
    parts.into_iter().any(|part| {
        let part = part.to_lowercase();
        part == name || matches!((part.as_str(), statistic), ("median", "p50") | ("avg" | "average", "mean"))
    })
}

/// The value in the unit's base, where the kinds agree; of a share what `counted` says.
fn amount(value: &Value, unit: &Unit, counted: Counted) -> Option<f64> {
    match (value, unit) {
        (Value::Bytes(n), Unit::Bytes) | (Value::Duration(n), Unit::Time) => Some(*n as f64),
        (Value::Count { n, .. }, Unit::Count { .. }) => Some(*n as f64),
        (Value::Percent(p), Unit::Percent) => Some(*p),
        (Value::Ratio { pass, of }, Unit::Percent) if *of > 0 => Some(*pass as f64 / *of as f64 * 100.0),
        // `0 errors` of a share that is complete, and `2 errors` of 8 out of 10
        (Value::Ratio { pass, of }, Unit::Count { .. }) if *of > 0 && counted.is_lack => {
            Some(of.saturating_sub(*pass) as f64)
        }
        (Value::Ratio { pass, of }, Unit::Count { .. }) if *of > 0 => Some(*pass as f64),
        (Value::Percent(p), Unit::Count { noun: Some(noun) }) if *p == 100.0 && names_failures(noun) => Some(0.0),
        (Value::Runs { runs, .. }, Unit::Count { noun: Some(noun) }) if noun == "exit code" => {
            newest_first(runs).into_iter().find(|run| run.ended.is_some())?.exit.map(f64::from)
        }
        _ => None,
    }
}

fn compare(
    measurement: &Measurement,
    comparator: Comparator,
    number: f64,
    unit: &Unit,
    per: Option<Period>,
    counted: Counted,
) -> Finding {
    let target = || Target::Compare { comparator, number, unit: unit.clone(), per, condition: None };
    if let Value::Schedule { next, zone, .. } = &measurement.value {
        return schedule::compare(next, zone, comparator, number, unit, per)
            .unwrap_or_else(|| mismatch(&measurement.value, &target()));
    }
    if let (Value::Percent(p), Unit::Count { noun: Some(noun) }, Comparator::Equal) =
        (&measurement.value, unit, comparator)
        && number == 0.0
        && names_failures(noun)
        && *p < 100.0
    {
        // how many is not known, but that there are some is
        return Fail(format!("{} against {}", measurement.value, target()));
    }
    let Some(actual) = amount(&measurement.value, unit, counted) else {
        return mismatch(&measurement.value, &target());
    };
    if !actual.is_finite() || !number.is_finite() {
        return Cannot("the measured value is not a number".to_owned());
    }
    let holds = holds(comparator, actual, number);
    let reason = format!("{} against {}", measurement.value, target());
    match rate_fits(measurement, comparator, holds, per) {
        Ok(()) => verdict(holds, reason),
        Err(why) => Cannot(why),
    }
}

pub(crate) fn holds(comparator: Comparator, actual: f64, number: f64) -> bool {
    match comparator {
        Comparator::Less => actual < number,
        Comparator::AtMost => actual <= number,
        Comparator::Equal => actual == number,
        Comparator::NotEqual => actual != number,
        Comparator::AtLeast => actual >= number,
        Comparator::Greater => actual > number,
        // a hair for rounding, so that 4 min 30 s is within 10 % of 5 min
        Comparator::About => (actual - number).abs() <= number.abs() * 0.1 * (1.0 + 1e-12),
    }
}

/// `5 minutes apart`: the interval measured beside the count must be so, within a tenth.
/// `for ≤200 rows`: the rows measured beside it (same first part of the key) must be so, else the comparison says
/// nothing about this run.
fn condition_holds(condition: &str, measurement: &Measurement, others: &[&Measurement]) -> Result<(), String> {
    // a key of that name is the size of the largest single file
    let is_each = matches!(
        fold(condition).as_str(),
        "per file" | "each" | "a file" | "each file" | "for each file" | "per day file" | "per parquet file"
    );
    if is_each && measurement.key.ends_with(".file_size") {
        return Ok(());
    }
    let unverified = || format!("the condition `{condition}` was not measured");
    let family = |key: &str| key.split_once('.').map(|(family, _)| family.to_owned());
    if let Some(gap) = spacing(condition) {
        let interval = family(&measurement.key).map(|family| format!("{family}.interval"));
        let found = others.iter().find(|other| Some(&other.key) == interval.as_ref());
        return match found.map(|found| (&found.value, found.ok)) {
            Some((Value::Duration(n), Some(true))) if holds(Comparator::About, *n as f64, gap) => Ok(()),
            Some((value @ Value::Duration(_), _)) => {
                Err(format!("the condition `{condition}` does not hold for what was measured: {value}"))
            }
            _ => Err(unverified()),
        };
    }
    let bare = condition.trim_start_matches('@').trim();
    let bare =
        ["for", "at", "with", "on", "when", "if"].iter().find_map(|lead| strip_word(bare, lead)).unwrap_or(bare).trim();
    let Target::Compare { comparator, number, unit: Unit::Count { noun: Some(noun) }, per: None, condition: None } =
        crate::order::target::compile("", bare)
    else {
        return Err(unverified());
    };
    let wanted = folded_without_s(&noun);
    let found: Vec<&&Measurement> = others
        .iter()
        .filter(|other| family(&other.key).is_some() && family(&other.key) == family(&measurement.key))
        .filter(|other| matches!(&other.value, Value::Count { noun, .. } if folded_without_s(noun) == wanted))
        .collect();
    let [one] = found.as_slice() else { return Err(unverified()) };
    let Value::Count { n, .. } = &one.value else { return Err(unverified()) };
    if holds(comparator, *n as f64, number) {
        Ok(())
    } else {
        Err(format!("the condition `{condition}` does not hold for what was measured: {}", one.value))
    }
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    text.strip_prefix(word).filter(|rest| rest.starts_with(char::is_whitespace))
}

/// Folded, without one `s` at the end, whatever stands before it.
fn folded_without_s(noun: &str) -> String {
    let folded = fold(noun);
    folded.strip_suffix('s').unwrap_or(&folded).to_owned()
}

/// `exists`, `present`: of what is counted it says no more than that it is not none.
fn says_it_is_there(word: &str) -> bool {
    let there = ["exist", "exists", "present", "available", "created", "generated", "produced", "written"];
    fold(word).split(' ').any(|one| there.contains(&one))
}

/// Whether it is a count of what should not be.
fn counts_faults(metric: &str, measurement: &Measurement) -> bool {
    matches!(&measurement.value, Value::Count { noun, .. } if names_failures(metric) || names_failures(noun))
}

/// A readiness target: a state that works, or any value whose taking code says that it works.
fn works(measurement: &Measurement) -> Finding {
    match (&measurement.value, measurement.ok) {
        (value, Some(false)) => Fail(value.to_string()),
        (Value::Ratio { pass, of }, Some(true)) => verdict(*of > 0 && pass == of, measurement.value.to_string()),
        (Value::Runs { runs, .. }, Some(true)) => {
            match newest_first(runs).into_iter().find(|run| run.ended.is_some()) {
                Some(run) => verdict(run.exit == Some(0), measurement.value.to_string()),
                None => Cannot(format!("no run has ended yet: {}", measurement.value)),
            }
        }
        (Value::State { works, detail }, _) => verdict(*works, detail.clone()),
        (value, Some(true)) => Pass(value.to_string()),
        (value, None) => Cannot(format!("`{value}` was measured, which does not say whether it works")),
    }
}

fn all(measurement: &Measurement, wanted: Option<u64>, target: &Target) -> Finding {
    if measurement.ok == Some(false) {
        return Fail(measurement.value.to_string());
    }
    match (&measurement.value, wanted) {
        (Value::Ratio { of: 0, .. }, _) => Cannot("there was nothing to pass".to_owned()),
        (Value::Ratio { pass, of }, Some(wanted)) if of != &wanted && pass >= &wanted => {
            Cannot(format!("{pass} of {of} were measured, the target speaks of {wanted}"))
        }
        (Value::Ratio { pass, of }, wanted) => {
            verdict(pass == of && wanted.is_none_or(|wanted| *of == wanted), format!("{pass} of {of}"))
        }
        (Value::Percent(p), None) if p.is_finite() => verdict(*p == 100.0, measurement.value.to_string()),
        (Value::State { .. }, None) => works(measurement),
        (value, _) => mismatch(value, target),
    }
}

fn newest_first(runs: &[ServiceRun]) -> Vec<&ServiceRun> {
    let mut runs: Vec<&ServiceRun> = runs.iter().collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.started));
    runs
}

/// Needs a run that the manager itself started, that ended with 0 and did not make nothing, and no later one that failed,
/// whoever started that. A service that stays (it never ends) passes once the manager's own run has outlived launchd's 10 s throttle and the
/// taking code says that it works.
fn automatic(measurement: &Measurement, manager: &str, runs: &[ServiceRun]) -> Finding {
    const OUTLIVED_S: i64 = 10;
    let sorted = newest_first(runs);
    if let Some(run) = sorted.iter().find(|run| run.ended.is_some())
        && let (StartedBy::Kicked, Some(exit)) = (&run.started_by, run.exit)
        && exit != 0
    {
        return Fail(format!("its newest run, kicked at {}, ended with {exit}", run.started));
    }
    if measurement.ok == Some(false) {
        return Fail(measurement.value.to_string());
    }
    let own: Vec<&ServiceRun> = sorted.into_iter().filter(|run| run.started_by != StartedBy::Kicked).collect();
    let cause = |run: &ServiceRun| match &run.started_by {
        StartedBy::Manager { cause } => cause.clone(),
        StartedBy::Kicked => "kicked".to_owned(),
    };
    if own.is_empty() {
        return Cannot(match runs.len() {
            0 => format!("{manager} has not started it yet"),
            1 => format!("its only run was kicked; {manager} has not started it itself yet"),
            n => format!("all {n} runs were kicked; {manager} has not started it itself yet"),
        });
    }
    if let Some(ended) = own.iter().find(|run| run.ended.is_some()) {
        return match ended.exit {
            Some(0) => {
                let seen =
                    format!("{manager} started it itself ({}) at {} and it ended with 0", cause(ended), ended.started);
                match &ended.made {
                    Made::Nothing(why) => Cannot(format!("{seen}, which proves nothing: {why}")),
                    Made::Something(what) => Pass(format!("{seen}: {what}")),
                    Made::Unsaid => Pass(seen),
                }
            }
            Some(exit) => Fail(format!(
                "{manager} started it itself ({}) at {} and it ended with {exit}",
                cause(ended),
                ended.started
            )),
            None => Fail(format!(
                "{manager} started it itself ({}) at {} and it ended without an exit status",
                cause(ended),
                ended.started
            )),
        };
    }
    match own.first() {
        Some(running)
            if measurement.ok == Some(true)
                && measurement.at.as_second().saturating_sub(running.started.as_second()) > OUTLIVED_S =>
        {
            Pass(format!("{manager} started it itself ({}) at {} and it runs", cause(running), running.started))
        }
        _ => Cannot(format!("the run that {manager} started has not ended yet")),
    }
}
