//! What the record says of a template's row, item or test.
//!
//! Invariant: without a measurement in the record there is no [`State::Green`], whatever a verdict or a command claims.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::criteria;
use super::expectation::{self, Held};
use super::fill::State;
use super::label::{self, Labels, Meaning};
use super::slots::{self, Expected, RowSubject, SlotKind, Test};
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
        Meaning::Other { why, .. } => Subject::unmeasured(why),
        Meaning::One { key, newest: None } => Subject::unmeasured(format!("{key} was not measured")),
        Meaning::Several(keys) => Subject::unmeasured(format!("it could mean {}", keys.join(" or "))),
        Meaning::Nothing => Subject::unmeasured("nothing measures it"),
    }
}

/// [`subject`] for a line that may also be the name of a criterion.
pub fn check(labels: &Labels, names: &[String]) -> Subject {
    let record = labels.record;
    let found = subject(labels, names);
    if found.state != State::Unmeasured || matches!(labels.meaning(names), Meaning::Other { .. }) {
        return found;
    }
    let judged: Vec<&Judged> = names.iter().flat_map(|name| labels.criteria(name)).copied().collect();
    let of = |judged: &&Judged| judged.key.as_deref().and_then(|key| label::newest(record, key));
    if let Some(why) = judged.iter().filter_map(of).find_map(|one| labels.fits(names, "", one).err()) {
        return Subject::unmeasured(why);
    }
    if judged.is_empty() {
        return found;
    }
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

/// A verdict as far as the record bears it out.
pub fn believed(record: &RunRecord, judged: &Judged) -> Judged {
    let mut judged = judged.clone();
    if judged.verdict == Verdict::Pass && !is_measured(record, &judged) {
        judged.verdict = Verdict::Unmeasured;
        judged.actual = None;
        judged.reason = "no measurement of it is recorded".to_owned();
    }
    judged
}

/// The verdicts of metric rows, each with the one that the engine gave for this very row, else for the same criterion of the
/// order. The rows that the engine didn't judge are judged here.
pub struct Rows(HashMap<(String, String), Judged>);

impl Rows {
    pub fn of<'s>(labels: &Labels, rows: impl Iterator<Item = (&'s str, &'s str)>) -> Self {
        let record = labels.record;
        let mut found = HashMap::new();
        let mut left = Vec::new();
        for (metric, target) in rows {
            let row = (metric.to_owned(), target.to_owned());
            if found.contains_key(&row) {
                continue;
            }
            let wanted = squeezed(target);
            let same =
                || labels.criteria(metric).iter().filter(|judged| squeezed(&label::plain(&judged.target)) == wanted);
            let judged = same().find(|judged| judged.source == CriterionSource::Template).or_else(|| same().next());
            match judged {
                Some(judged) => drop(found.insert(row, believed(record, judged))),
                None => left.push(criteria::criterion(metric, target, 0..0)),
            }
        }
        let today = record.ended.to_zoned(jiff::tz::TimeZone::UTC).date();
        for judged in judge::judge(&left, &record.order, &record.measurements, &record.declarations, today) {
            found.insert((judged.metric.clone(), judged.target.clone()), believed(record, &judged));
        }
        found.values_mut().for_each(|judged| about_its_label(labels, judged));
        Rows(found)
    }

    pub fn get(&self, row: &RowSubject) -> Judged {
        self.0.get(&(row.metric.clone(), row.target.clone())).cloned().unwrap_or_else(|| Judged {
            metric: row.metric.clone(),
            target: row.target.clone(),
            source: CriterionSource::Template,
            key: None,
            actual: None,
            verdict: Verdict::Unmeasured,
            reason: "the row names no metric".to_owned(),
            evidence: Vec::new(),
        })
    }
}

/// A row is green only where all that its label names is what was measured, a date token filled in.
fn about_its_label(labels: &Labels, judged: &mut Judged) {
    let measurement = judged.key.as_deref().and_then(|key| label::newest(labels.record, key));
    let (Verdict::Pass, Some(measurement)) = (&judged.verdict, measurement) else { return };
    if labels.is_bound_by_order(&judged.metric) {
        return;
    }
    if let Err(why) = labels.fits(std::slice::from_ref(&judged.metric), &judged.metric, measurement) {
        judged.verdict = Verdict::Unmeasured;
        judged.actual = None;
        judged.reason = why;
    }
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
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

/// The result of a test: passed only if each of its commands did, and the last as is expected where the template says so.
pub fn test(record: &RunRecord, test: &Test) -> TestResult {
    let result = all(record, &test.commands);
    match &test.expected {
        Some(expected) => as_expected(record, test, expected, result),
        None => result,
    }
}

fn as_expected(record: &RunRecord, test: &Test, expected: &Expected, result: TestResult) -> TestResult {
    if let Some(wanted) = expectation::exit_status(expected) {
        return match result {
            TestResult::Failed { why, output, evidence }
                if test.commands.len() == 1 && wanted != 0 && expectation::exit_status_of(&why) == Some(wanted) =>
            {
                let output = if output.trim().is_empty() { format!("exit status {wanted}") } else { output };
                TestResult::Passed { output, evidence }
            }
            TestResult::Passed { output, evidence } if wanted != 0 => {
                let why = format!("it ended with 0, exit status {wanted} was expected");
                TestResult::Failed { why, output, evidence }
            }
            result => result,
        };
    }
    let TestResult::Passed { output, evidence } = result else { return result };
    let measured: Vec<&Measurement> =
        record.measurements.iter().filter(|measurement| evidence.contains(&measurement.id)).collect();
    match expectation::hold(expected, &output, &measured) {
        Held::Meets => TestResult::Passed { output, evidence },
        Held::Differs(why) => TestResult::Failed { why, output, evidence },
        // the subject of the test was measured, whatever words a tool would put it in
        Held::Unclear(why) if !measured.is_empty() => {
            TestResult::Passed { output: format!("{output} ({why})"), evidence }
        }
        Held::Unclear(why) => {
            let shown = crate::text::line(&output, 200);
            TestResult::NotRun { why: if shown.is_empty() { why } else { format!("{why}; it says “{shown}”") } }
        }
    }
}

/// The commands that failed and the operational tests of `template` that did, in words; an order with one of them is not
/// done, whatever its criteria say. A command that was to fail, and did so as its test expects, is none of them.
pub fn failures(record: &RunRecord, template: Option<&str>) -> Vec<String> {
    const COMMAND_CHARS: usize = 80;
    let tests: Vec<Arc<Test>> = template
        .map(|template| slots::survey(template).slots)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|slot| match slot.kind {
            SlotKind::TestMark { test, .. } | SlotKind::TestResult { test, .. } => Some(test),
            _ => None,
        })
        .collect();
    let is_ordered = |text: &str| record.order.verification.iter().any(|command| normal(&command.text) == normal(text));
    let was_to_fail = |text: &str| {
        let mut own = tests
            .iter()
            .filter(|test| test.commands.iter().any(|command| normal(&command.text) == normal(text)))
            .peekable();
        own.peek().is_some() && own.all(|one| matches!(test(record, one), TestResult::Passed { .. }))
    };
    let mut out: Vec<String> = Vec::new();
    let mut tell = |command: &str, why: &str| {
        let told = format!("`{}` ({why})", crate::text::line(command, COMMAND_CHARS));
        if !out.contains(&told) {
            out.push(told);
        }
    };
    for result in &record.commands {
        if let CommandEnd::Failed { why, .. } = &result.result
            && (is_ordered(&result.command) || !was_to_fail(&result.command))
        {
            tell(&result.command, why);
        }
    }
    for one in tests.iter().filter(|one| matches!(all(record, &one.commands), TestResult::Passed { .. })) {
        if let (TestResult::Failed { why, .. }, Some(command)) = (test(record, one), one.commands.last()) {
            tell(&command.text, &why);
        }
    }
    out
}

fn all(record: &RunRecord, commands: &[Command]) -> TestResult {
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
