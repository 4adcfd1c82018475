//! What kind of value a measurement will be, so that lint can tell beforehand that a target can never be judged by it.
//!
//! What must hold: it is the judge itself that is asked, with samples; a target of which any sample can tell is left alone.

use jiff::{SignedDuration, Timestamp};

use super::compare::{self, Finding};
use super::{Made, Measurement, ServiceRun, StartedBy, Value};
use crate::order::Target;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Bytes,
    Duration,
    /// Of what is counted.
    Count(&'static str),
    Percent,
    Ratio,
    Word,
    State,
    Schedule,
    Runs,
}

impl Kind {
    /// In words, and a target that fits.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Kind::Bytes => ("a size", "≤ 5 MB"),
            Kind::Duration => ("a time", "< 2 s"),
            Kind::Count(_) => ("a count", "≥ 1"),
            Kind::Percent | Kind::Ratio => ("a share", "≥ 95%"),
            Kind::Word => ("a word", "Snappy"),
            Kind::State => ("whether it works", "OK"),
            Kind::Schedule => ("a schedule", "1× daily (02:30)"),
            Kind::Runs => ("runs of a service", "runs automatically"),
        }
    }

    /// Whether a value of this kind, measured as `key`, could ever be held against `target`. Its conditions are not looked at.
    pub fn can_judge(self, key: &str, metric: &str, target: &Target) -> bool {
        let target = unconditional(target.clone());
        self.samples().into_iter().any(|value| {
            [None, Some(true), Some(false)].into_iter().any(|ok| {
                let mut taken = Measurement::new(key, value.clone(), "a sample", Timestamp::UNIX_EPOCH);
                taken.ok = ok;
                !matches!(compare::check(metric, &target, &taken, &[]), Finding::Cannot(_))
            })
        })
    }

    fn samples(self) -> Vec<Value> {
        const MANY: u64 = 1_000_000_000_000_000;
        let numbers = [0, 1, MANY];
        let at = Timestamp::UNIX_EPOCH;
        match self {
            Kind::Bytes => numbers.map(Value::Bytes).to_vec(),
            Kind::Duration => numbers.map(Value::Duration).to_vec(),
            Kind::Count(noun) => numbers.map(|n| Value::Count { n, noun: noun.to_owned() }).to_vec(),
            Kind::Percent => [0.0, 50.0, 100.0].map(Value::Percent).to_vec(),
            Kind::Ratio => [(0, 1), (1, 1), (MANY, MANY)].map(|(pass, of)| Value::Ratio { pass, of }).to_vec(),
            Kind::Word => vec![Value::Word("a".to_owned())],
            Kind::State => [true, false].map(|works| Value::State { works, detail: String::new() }).to_vec(),
            Kind::Schedule => {
                let tomorrow = at.checked_add(SignedDuration::from_hours(24)).unwrap_or(at);
                vec![Value::Schedule { next: vec![at, tomorrow], zone: "UTC".to_owned(), manager: String::new() }]
            }
            Kind::Runs => {
                let started_by = StartedBy::Manager { cause: String::new() };
                let run = ServiceRun { started: at, ended: Some(at), exit: Some(0), started_by, made: Made::default() };
                vec![Value::Runs { manager: String::new(), runs: vec![run] }]
            }
        }
    }
}

fn unconditional(target: Target) -> Target {
    match target {
        Target::Compare { comparator, number, unit, per, condition: _ } => {
            Target::Compare { comparator, number, unit, per, condition: None }
        }
        Target::Statistic { statistic, then } => Target::Statistic { statistic, then: Box::new(unconditional(*then)) },
        target => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::target;

    #[test]
    fn what_a_kind_of_value_can_never_tell_is_known_beforehand() {
        for (kind, key, metric, text, expect) in [
            (Kind::Word, "export.compression", "Compression", "Snappy", true),
            (Kind::Word, "export.compression", "Compression", "≥ 3×", false),
            (Kind::Count("rows"), "export.rows", "Rows", "≥ 1", true),
            (Kind::Count("rows"), "export.rows", "Rows", "864 ± 2%", true),
            (Kind::Count("rows"), "export.rows", "Rows", "≥ 1 %", false),
            (Kind::Count("rows"), "export.rows", "Rows", "≥ 1 heartbeats", false),
            (Kind::Count("errors"), "export.unreadable", "Unreadable", "max 3 per hour", false),
            (Kind::State, "export.summary", "Summary", "exists", true),
            (Kind::State, "export.summary", "Summary", "≤ 100 lines", false),
            (Kind::Bytes, "export.file_size", "File size", "≤ 5 MB/day", true),
            (Kind::Bytes, "export.file_size", "File size", "≤ 5 MB/month", false),
            (Kind::Bytes, "export.file_size", "File size", "≤ 5 MB when it rains", true),
            (Kind::Bytes, "export.file_size", "File size", "≤ 2 s", false),
            (Kind::Duration, "export.duration", "Duration", "p99 < 2 s", false),
            (Kind::Ratio, "verify.checks", "Checks", "3/3", true),
            (Kind::Percent, "export.schema_consistency", "Schema consistency", "0 errors", true),
            (Kind::Schedule, "export.frequency", "Frequency", "1× daily (02:30)", true),
            (Kind::Schedule, "export.frequency", "Frequency", "≤ 5 MB", false),
            (Kind::Runs, "service.runs", "LaunchAgent", "loads & runs automatically", true),
            (Kind::Runs, "service.runs", "LaunchAgent", "OK", true),
        ] {
            assert_eq!(kind.can_judge(key, metric, &target::compile(metric, text)), expect, "{metric} {text}");
        }
    }
}
