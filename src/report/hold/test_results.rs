//! How the operational tests of a template and the commands of an order went.
//!
//! Invariant: a test is green only where each of its commands ran or was measured, what is expected of it was found, and what
//! its line claims does not go beyond that; its result is no better than what any line confirms of it. What can't be compared
//! is neither good nor bad.

use std::collections::HashMap;
use std::sync::Arc;

use super::answers::Answers;
use super::state::Held;
use super::{claims, cut, expectation};
use crate::evidence::Measurement;
use crate::order::Command;
use crate::report::record::{self, CommandEnd, CommandResult, RunRecord};
use crate::report::template::slot::{Expected, Slot, SlotKind, Test};
use crate::report::template::slots;

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

    /// What failed is worse than what can't be told.
    fn worse(self, other: TestResult) -> TestResult {
        match (&self, &other) {
            (TestResult::Failed { .. }, _) | (_, TestResult::Passed { .. }) => self,
            (TestResult::NotRun { .. }, TestResult::NotRun { .. }) => self,
            _ => other,
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

/// The result of a test as far as it bears out what a line says of it.
pub fn claimed(record: &RunRecord, test: &Test, claim: &str) -> TestResult {
    let (output, evidence) = match self::test(record, test) {
        TestResult::Passed { output, evidence } if !claim.is_empty() => (output, evidence),
        result => return result,
    };
    let commands: Vec<&str> = test.commands.iter().map(|command| command.text.as_str()).collect();
    let exit = test.expected.as_ref().and_then(expectation::exit_status).unwrap_or(0);
    let ran = claims::Ran { commands: &commands.join("\n"), output: &output, exit, is_cut: is_cut(record, test) };
    match claims::hold(claim, &ran, &measured(record, &evidence), record) {
        Held::Meets => TestResult::Passed { output, evidence },
        Held::Differs(why) => TestResult::Failed { why, output, evidence },
        Held::Unclear(why) => TestResult::NotRun { why: said(why, &output, ran.is_cut) },
    }
}

/// What became of the lines that confirm something, the worst of each test. A test is known by where it is.
#[derive(Default)]
pub struct Confirmed(HashMap<*const Test, TestResult>);

impl Confirmed {
    pub fn of(record: &RunRecord, slots: &[Slot]) -> Self {
        let mut out = HashMap::new();
        for slot in slots {
            let SlotKind::TestMark { test, claim, .. } = &slot.kind else { continue };
            let result = claimed(record, test, claim);
            let result = match out.remove(&Arc::as_ptr(test)) {
                Some(known) => TestResult::worse(known, result),
                None => result,
            };
            out.insert(Arc::as_ptr(test), result);
        }
        Confirmed(out)
    }

    /// The result of a test where a line tells it in these words: no better than what the test's other lines confirm.
    pub fn told(&self, record: &RunRecord, test: &Arc<Test>, claim: &str) -> TestResult {
        let result = claimed(record, test, claim);
        match self.0.get(&Arc::as_ptr(test)) {
            Some(confirmed) => result.worse(confirmed.clone()),
            None => result,
        }
    }
}

/// Whether a part is missing of what a test came to.
pub fn is_cut(record: &RunRecord, test: &Test) -> bool {
    let last = test.commands.last().and_then(|command| result_of(record, command));
    last.is_some_and(|result| result.is_cut)
}

fn measured<'r>(record: &'r RunRecord, evidence: &[String]) -> Vec<&'r Measurement> {
    record.measurements.iter().filter(|measurement| evidence.contains(&measurement.id)).collect()
}

fn said(why: String, output: &str, is_cut: bool) -> String {
    let shown = crate::text::line(if is_cut { cut::last_line(output) } else { output }, 200);
    match (shown.is_empty(), is_cut) {
        (true, _) => why,
        (false, false) => format!("{why}; it says “{shown}”"),
        (false, true) => format!("{why}; it ends with “{shown}”"),
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
    let answers = Answers::of(record, measured(record, &evidence));
    let is_cut = is_cut(record, test);
    match expectation::hold(expected, &output, is_cut, &answers) {
        Held::Meets => TestResult::Passed { output, evidence },
        Held::Differs(why) => TestResult::Failed { why, output, evidence },
        Held::Unclear(why) => TestResult::NotRun { why: said(why, &output, is_cut) },
    }
}

/// The operational tests of a template, each with what the line says that speaks of it, if that is a claim.
fn tests_of(template: Option<&str>) -> Vec<(Arc<Test>, String)> {
    let slots = template.map(|template| slots::survey(template).slots).unwrap_or_default();
    slots
        .into_iter()
        .filter_map(|slot| match slot.kind {
            SlotKind::TestMark { test, claim, .. } | SlotKind::TestStatus { test, claim } => Some((test, claim)),
            SlotKind::TestResult { test, .. } => Some((test, String::new())),
            _ => None,
        })
        .collect()
}

/// The commands that failed and the operational tests of `template` that did, in words; an order with one of them is not
/// done, whatever its criteria say. A command that was to fail, and did so as its test expects, is none of them.
pub fn failures(record: &RunRecord, template: Option<&str>) -> Vec<String> {
    const COMMAND_CHARS: usize = 80;
    let mut out: Vec<String> = Vec::new();
    for result in &as_tests_ask(record, template).commands {
        if let CommandEnd::Failed { why, .. } = &result.result {
            let told = format!("`{}` ({why})", crate::text::line(&result.command, COMMAND_CHARS));
            if !out.contains(&told) {
                out.push(told);
            }
        }
    }
    out
}

/// The record with its commands as the tests of `template` ask for them: one that was to fail, and did, ended well; one that
/// did not print what is expected failed. What the order itself asks for is to end well, whatever a template expects.
pub fn as_tests_ask(record: &RunRecord, template: Option<&str>) -> RunRecord {
    let mut out = record.clone();
    let tests = tests_of(template);
    let is_ordered = |text: &str| record.order.verification.iter().any(|command| normal(&command.text) == normal(text));
    for result in &mut out.commands {
        let command = normal(&result.command);
        let results: Vec<TestResult> = tests
            .iter()
            .filter(|(test, _)| test.commands.last().is_some_and(|last| normal(&last.text) == command))
            .map(|(test, claim)| claimed(record, test, claim))
            .collect();
        let failed = results.iter().find_map(|one| match one {
            TestResult::Failed { why, .. } => Some(why.clone()),
            _ => None,
        });
        result.result = match (&result.result, failed) {
            (CommandEnd::Failed { output, why }, None)
                if !is_ordered(&result.command)
                    && !results.is_empty()
                    && results.iter().all(|one| matches!(one, TestResult::Passed { .. })) =>
            {
                let output = if output.trim().is_empty() { why } else { output };
                CommandEnd::Passed { output: format!("{output} (as its test expects)") }
            }
            (CommandEnd::Passed { output }, Some(why)) => CommandEnd::Failed { output: output.clone(), why },
            (end, _) => end.clone(),
        };
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
    match result_of(record, command) {
        Some(result) => end(record, result),
        None => TestResult::NotRun { why: "not run".to_owned() },
    }
}

fn result_of<'r>(record: &'r RunRecord, command: &Command) -> Option<&'r CommandResult> {
    let text = normal(&command.text);
    record.commands.iter().rev().find(|result| normal(&result.command) == text)
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
            if let Some(broken) = known.iter().find(|measurement| record::works(measurement) == Some(false)) {
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
