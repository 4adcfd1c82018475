//! What the record says of a template's row, item or test.
//!
//! Invariant: without a measurement in the record there is no [`State::Green`], whatever a verdict or a command claims.

use jiff::Timestamp;

use super::criteria;
use super::fill::State;
use super::label::{self, Labels, Meaning};
use super::slots::RowSubject;
use super::{CommandEnd, CommandResult, RunRecord};
use crate::evidence::{Artifact, Judged, Measurement, Verdict, judge};
use crate::order::{Command, CriterionSource};

/// A component, or whatever else either works or doesn't.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    pub state: State,
    /// As it is shown.
    pub value: Option<String>,
    pub artifact: Option<Artifact>,
    pub at: Option<Timestamp>,
    pub evidence: Vec<String>,
    /// Why it is unmeasured.
    pub why: String,
}

impl Subject {
    fn unmeasured(why: impl Into<String>) -> Self {
        Subject {
            state: State::Unmeasured,
            value: None,
            artifact: None,
            at: None,
            evidence: Vec::new(),
            why: why.into(),
        }
    }

    fn of(measurement: &Measurement) -> Self {
        let (state, why) = match label::works(measurement) {
            Some(true) => (State::Green, ""),
            Some(false) => (State::Failed, ""),
            None => (State::Unmeasured, "a mere value, nothing says whether it is good"),
        };
        Subject {
            state,
            value: Some(measurement.value.to_string()),
            artifact: measurement.artifact.clone(),
            at: Some(measurement.at),
            evidence: vec![measurement.id.clone()],
            why: why.to_owned(),
        }
    }
}

/// What the newest measurement says of the first of `names` that means one.
pub fn subject(labels: &Labels, names: &[String]) -> Subject {
    match labels.meaning(names) {
        Meaning::One { newest: Some(measurement), .. } => Subject::of(measurement),
        Meaning::One { key, newest: None } => Subject::unmeasured(format!("{key} was not measured")),
        Meaning::Several(keys) => Subject::unmeasured(format!("it could mean {}", keys.join(" or "))),
        Meaning::Nothing => Subject::unmeasured("nothing measures it"),
    }
}

/// [`subject`] for a line that may also be the name of a criterion.
pub fn check(labels: &Labels, names: &[String]) -> Subject {
    let record = labels.record;
    let found = subject(labels, names);
    if found.state != State::Unmeasured {
        return found;
    }
    let keys: Vec<String> = names.iter().map(|name| label::key(name)).collect();
    let mut judged = record.criteria.iter().filter(|judged| keys.contains(&label::key(&judged.metric))).peekable();
    if judged.peek().is_none() {
        return found;
    }
    let judged: Vec<&Judged> = judged.collect();
    let state = if judged.iter().any(|judged| judged.verdict == Verdict::Fail) {
        State::Failed
    } else if judged.iter().all(|judged| judged.verdict == Verdict::Pass && is_measured(record, judged)) {
        State::Green
    } else {
        return found;
    };
    let value = judged.first().and_then(|judged| judged.actual.clone());
    let evidence = judged.iter().flat_map(|judged| judged.evidence.clone()).collect();
    Subject { state, value, evidence, ..found }
}

/// Whether the record holds a measurement that this was judged from.
pub fn is_measured(record: &RunRecord, judged: &Judged) -> bool {
    record.measurements.iter().any(|measurement| {
        judged.key.as_deref() == Some(measurement.key.as_str())
            || (!measurement.id.is_empty() && judged.evidence.contains(&measurement.id))
    })
}

/// The verdict of a metric row: the one that the engine gave for this very row, else for the same criterion of the order.
pub fn criterion(record: &RunRecord, row: &RowSubject) -> Judged {
    let same = |judged: &&Judged| {
        label::key(&judged.metric) == label::key(&row.metric)
            && squeezed(&label::plain(&judged.target)) == squeezed(&row.target)
    };
    let of_template = |judged: &&Judged| judged.source == CriterionSource::Template && same(judged);
    let found = record.criteria.iter().find(of_template).or_else(|| record.criteria.iter().find(same));
    let mut judged = match found {
        Some(judged) => judged.clone(),
        None => judge(record, row),
    };
    if judged.verdict == Verdict::Pass && !is_measured(record, &judged) {
        judged.verdict = Verdict::Unmeasured;
        judged.actual = None;
        judged.reason = "no measurement of it is recorded".to_owned();
    }
    judged
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// For a row that the engine didn't judge.
fn judge(record: &RunRecord, row: &RowSubject) -> Judged {
    let criterion = criteria::criterion(&row.metric, &row.target, 0..0);
    let today = record.ended.to_zoned(jiff::tz::TimeZone::UTC).date();
    let judged = judge::judge(
        std::slice::from_ref(&criterion),
        &record.order,
        &record.measurements,
        &record.declarations,
        today,
    );
    judged.into_iter().next().unwrap_or(Judged {
        metric: criterion.metric,
        target: criterion.target,
        source: criterion.source,
        key: None,
        actual: None,
        verdict: Verdict::Unmeasured,
        reason: "it was not judged".to_owned(),
        evidence: Vec::new(),
    })
}

/// How an operational test went.
#[derive(Debug, Clone, PartialEq)]
pub enum TestResult {
    Passed { output: String, evidence: Vec<String> },
    Failed { why: String, output: String, evidence: Vec<String> },
    NotRun { why: String },
}

impl TestResult {
    pub fn evidence(&self) -> &[String] {
        match self {
            TestResult::Passed { evidence, .. } | TestResult::Failed { evidence, .. } => evidence,
            TestResult::NotRun { .. } => &[],
        }
    }
}

/// The result of a test that has these commands: passed only if each of them did.
pub fn test(record: &RunRecord, commands: &[Command]) -> TestResult {
    if commands.is_empty() {
        return TestResult::NotRun { why: "no command stands above it".to_owned() };
    }
    let results: Vec<TestResult> = commands.iter().map(|command| command_result(record, command)).collect();
    for wanted in [true, false] {
        let bad = results.iter().find(|result| match result {
            TestResult::Failed { .. } => wanted,
            TestResult::NotRun { .. } => !wanted,
            TestResult::Passed { .. } => false,
        });
        if let Some(bad) = bad {
            return bad.clone();
        }
    }
    let mut evidence: Vec<String> = Vec::new();
    for id in results.iter().flat_map(TestResult::evidence) {
        if !evidence.contains(id) {
            evidence.push(id.clone());
        }
    }
    let output = match results.into_iter().last() {
        Some(TestResult::Passed { output, .. }) => output,
        _ => String::new(),
    };
    TestResult::Passed { output, evidence }
}

fn command_result(record: &RunRecord, command: &Command) -> TestResult {
    let text = normal(&command.text);
    match record.commands.iter().rev().find(|result| normal(&result.command) == text) {
        Some(result) => end(record, result),
        None => TestResult::NotRun { why: "not run".to_owned() },
    }
}

fn normal(command: &str) -> String {
    command.replace("\r\n", "\n").trim().to_owned()
}

/// A process that ended well and showed nothing, with no measurement behind it, proves nothing.
pub fn end(record: &RunRecord, result: &CommandResult) -> TestResult {
    let evidence = result.evidence.clone();
    match &result.result {
        CommandEnd::NotRun { why } => TestResult::NotRun { why: format!("not run: {why}") },
        CommandEnd::Failed { output, why } => TestResult::Failed { why: why.clone(), output: output.clone(), evidence },
        CommandEnd::Passed { output } => {
            let known: Vec<&Measurement> =
                record.measurements.iter().filter(|measurement| evidence.contains(&measurement.id)).collect();
            if let Some(broken) = known.iter().find(|measurement| label::works(measurement) == Some(false)) {
                let why = format!("{} is {}", broken.key, broken.value);
                return TestResult::Failed { why, output: output.clone(), evidence };
            }
            if known.is_empty() && output.trim().is_empty() {
                return TestResult::NotRun { why: "it ended with 0 and showed nothing".to_owned() };
            }
            TestResult::Passed { output: output.clone(), evidence }
        }
    }
}
