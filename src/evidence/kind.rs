//! What kind of value a measurement will be, so that lint can tell beforehand that a target can never be judged by it.
//!
//! What must hold: it is the judge itself that is asked, with samples; a target of which any sample can tell is left alone.

use jiff::{SignedDuration, Timestamp};

use super::compare::{self, Finding};
use super::{Made, Measurement, ServiceRun, StartedBy, Value};
use crate::order::Target;

const MANY: u64 = 1_000_000_000_000_000;
/// Of which any may be what a target asks for.
const NUMBERS: [u64; 3] = [0, 1, MANY];

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
        self.tells(key, metric, &unconditional(target.clone()), &[])
    }

    /// Whether the conditions of `target` could ever be seen to hold, with what else is counted: keys and what they count.
    pub fn can_hold(self, key: &str, metric: &str, target: &Target, counted: &[(&str, &str)]) -> bool {
        NUMBERS.into_iter().any(|n| {
            let sample = |(key, noun): &(&str, &str)| taken(key, Value::Count { n, noun: (*noun).to_owned() });
            let others: Vec<Measurement> = counted.iter().map(sample).collect();
            self.tells(key, metric, target, &others.iter().collect::<Vec<_>>())
        })
    }

    fn tells(self, key: &str, metric: &str, target: &Target, others: &[&Measurement]) -> bool {
        self.samples().into_iter().any(|value| {
            [None, Some(true), Some(false)].into_iter().any(|ok| {
                let one = Measurement { ok, ..taken(key, value.clone()) };
                !matches!(compare::check(metric, target, &one, others), Finding::Cannot(_))
            })
        })
    }

    fn samples(self) -> Vec<Value> {
        let at = Timestamp::UNIX_EPOCH;
        match self {
            Kind::Bytes => NUMBERS.map(Value::Bytes).to_vec(),
            Kind::Duration => NUMBERS.map(Value::Duration).to_vec(),
            Kind::Count(noun) => NUMBERS.map(|n| Value::Count { n, noun: noun.to_owned() }).to_vec(),
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

fn taken(key: &str, value: Value) -> Measurement {
    Measurement::new(key, value, "a sample", Timestamp::UNIX_EPOCH)
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
    #[test]
    fn conditions_that_nothing_counts_are_known_beforehand() {
        let counted = [("export.rows", "rows"), ("export.unreadable", "errors")];
        for (text, expect) in [
            ("< 2 s", true),
            ("< 2 s for ≤200 rows", true),
            ("< 2 s at ≥ 50,000,000 rows", true),
            ("< 2 s at ≥ 5 heartbeats", false),
            ("< 2 s on a Mac mini M1", false),
        ] {
            let target = target::compile("Duration", text);
            assert_eq!(Kind::Duration.can_hold("export.duration", "Duration", &target, &counted), expect, "{text}");
        }
        let each = target::compile("File size", "≤ 5 MB per file");
        assert!(Kind::Bytes.can_hold("export.file_size", "File size", &each, &counted));
    }
}
