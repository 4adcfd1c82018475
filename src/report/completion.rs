//! The completion report, `WO-ID_REPORT.md`, from the `COMPLETION_REPORT` template.
//!
//! Invariant: every word of praise in it is bound to a verdict, to what a measurement says, or to an outcome that is good.

use minijinja::Value;
use serde_json::json;

use super::cells::{actual_text, verdict_text};
use super::expressions::{self, FillError};
use super::hold::test_results::{self, TestResult};
use super::hold::{cut, judging};
use super::record::{self, CommandResult, FileChange, RunRecord, StepRecord, StepState, now};
use super::{context, evidence_table, marks, result, verdicts};
use crate::clock::ns_between;
use crate::evidence::{Artifact, Judged, Measurement};

/// Renders the completion report.
///
/// # Errors
/// What the template asks for and the record doesn't hold, with line and column.
pub fn completion(record: &RunRecord, template: &str) -> Result<String, FillError> {
    let now = now(record);
    let zone = now.time_zone().clone();
    let shown_at = |at: jiff::Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string();
    let outcome = record.outcome;
    // texts of this crate's own making are safe; all that comes from orders and measurements went through `show`
    let safe = Value::from_safe_string;
    let base = context::of(record);
    let criteria: Vec<Judged> = record.criteria.iter().map(|judged| judging::believed(record, judged)).collect();
    let context = minijinja::context! {
        status => safe(format!("{} {outcome}", verdicts::sign(outcome))),
        good => outcome.is_good(),
        created => shown_at(record.ended),
        received => shown_at(record.received),
        started => shown_at(record.started),
        duration => duration(record),
        changes => record.steps.iter().map(step).collect::<Vec<_>>(),
        files => files(record).into_iter().map(|change| file(&change)).collect::<Vec<_>>(),
        tests => distinct(&record.commands).into_iter().map(|command| test(record, command)).collect::<Vec<_>>(),
        asks_commands => !record.order.verification.is_empty(),
        subjects => subjects(record).into_iter().map(subject).collect::<Vec<_>>(),
        metrics => criteria.iter().map(metric).collect::<Vec<_>>(),
        artifacts => result::artifacts(record).iter().map(artifact).collect::<Vec<_>>(),
        reference => record.reference.iter().map(|line| safe(code_line(line))).collect::<Vec<_>>(),
        notes => record.notes.iter().map(|note| safe(marks::show(note))).collect::<Vec<_>>(),
        counts => counts(record, &criteria),
        evidence => safe(evidence_table::table(record).trim_end().to_owned()),
        ..base
    };
    expressions::render(template, &context)
}

/// From its start to its end; nothing is said of it where the clock was set back meanwhile.
fn duration(record: &RunRecord) -> String {
    match record.started <= record.ended {
        true => crate::text::duration_ns(ns_between(record.started, record.ended)),
        false => "—".to_owned(),
    }
}

fn counts(record: &RunRecord, criteria: &[Judged]) -> Value {
    let count = |sign: &str| criteria.iter().filter(|judged| verdict_text(judged).starts_with(sign)).count();
    Value::from_serialize(json!({
        "passed": count("✅"),
        "failed": count("❌"),
        "unmeasured": count("☐"),
        "waived": count("⚠️"),
        "criteria": criteria.len(),
        "measurements": record.measurements.len(),
    }))
}

fn step(step: &StepRecord) -> Value {
    let state = match step.state {
        StepState::Already => "already so, nothing changed",
        StepState::Applied => "applied",
        StepState::Failed => "❌ failed",
        StepState::Undone => "↩️ undone",
        StepState::Waiting => "waiting",
        StepState::Uncertain => "❓ uncertain, a person decides",
        StepState::NotReached => "not reached",
    };
    let text =
        |text: &str| Value::from_safe_string(if text.trim().is_empty() { "—".to_owned() } else { marks::show(text) });
    let files: Vec<&str> = step.files.iter().map(|change| change.path.as_str()).collect();
    minijinja::context! {
        name => text(&step.name),
        describe => text(&step.describe),
        state => Value::from_safe_string(state.to_owned()),
        before => text(&step.before),
        after => text(&step.after),
        files => text(&files.join(", ")),
        evidence => text(&step.evidence.join(", ")),
    }
}

/// Without the repetitions of what both the order and its template ask for.
fn distinct(commands: &[CommandResult]) -> Vec<&CommandResult> {
    let mut out: Vec<&CommandResult> = Vec::new();
    for command in commands {
        let same =
            |seen: &&CommandResult| seen.command.trim() == command.command.trim() && seen.result == command.result;
        if !out.iter().any(same) {
            out.push(command);
        }
    }
    out
}

/// Changes of all steps; those that were undone changed nothing.
fn files(record: &RunRecord) -> Vec<FileChange> {
    let mut out: Vec<FileChange> = Vec::new();
    for change in record.steps.iter().filter(|step| step.state != StepState::Undone).flat_map(|step| &step.files) {
        match out.iter_mut().find(|seen| seen.path == change.path) {
            // the first before and the last after
            Some(seen) => seen.after.clone_from(&change.after),
            None => out.push(change.clone()),
        }
    }
    out.retain(|change| change.before != change.after);
    out
}

fn file(change: &FileChange) -> Value {
    let state = match (&change.before, &change.after) {
        (None, Some(_)) => "new",
        (Some(_), None) => "removed",
        (None, None) => "not there",
        (Some(before), Some(after)) if before.sha256 == after.sha256 => "unchanged",
        (Some(_), Some(_)) => "changed",
    };
    let show = |side: &Option<Artifact>| {
        Value::from_safe_string(match side {
            Some(artifact) => format!("{}, sha256 {}", crate::text::bytes(artifact.bytes), short(&artifact.sha256)),
            None => "—".to_owned(),
        })
    };
    minijinja::context! {
        path => Value::from_safe_string(marks::show(&change.path)),
        state => state,
        before => show(&change.before),
        after => show(&change.after),
    }
}

fn short(sha256: &str) -> String {
    marks::show(&format!("{}…", sha256.get(..12).unwrap_or(sha256)))
}

fn artifact(artifact: &Artifact) -> Value {
    minijinja::context! {
        path => Value::from_safe_string(marks::show(&artifact.path)),
        size => crate::text::bytes(artifact.bytes),
        sha256 => Value::from_safe_string(marks::show(&artifact.sha256)),
    }
}

fn test(record: &RunRecord, command: &CommandResult) -> Value {
    let result = test_results::end(record, command);
    let evidence: Vec<&str> = result.evidence().iter().map(String::as_str).collect();
    let evidence = if evidence.is_empty() { "—".to_owned() } else { marks::show(&evidence.join(", ")) };
    let (verdict, note) = match &result {
        TestResult::Passed { output, .. } if command.is_cut => {
            let end = match cut::last_line(output) {
                "" => "its last line was not kept".to_owned(),
                line => format!("it ends with: {line}"),
            };
            ("✅ PASS", &format!("{}; {end}", cut::WHY))
        }
        TestResult::Passed { output, .. } => ("✅ PASS", output),
        TestResult::Failed { why, .. } => ("❌ FAIL", why),
        TestResult::NotRun { why } => ("☐ UNMEASURED", why),
    };
    let note = if note.trim().is_empty() { "—".to_owned() } else { marks::show_at_most(note, 200) };
    minijinja::context! {
        command => Value::from_safe_string(marks::show_at_most(&command.command, 160)),
        verdict => Value::from_safe_string(verdict.to_owned()),
        note => Value::from_safe_string(note),
        evidence => Value::from_safe_string(evidence),
    }
}

/// The newest measurement of each key that says whether its subject works.
fn subjects(record: &RunRecord) -> Vec<&Measurement> {
    let mut out: Vec<&Measurement> = Vec::new();
    for measurement in &record.measurements {
        let newest = record::newest(record, &measurement.key).unwrap_or(measurement);
        if record::works(newest).is_some() && !out.iter().any(|seen| seen.key == newest.key) {
            out.push(newest);
        }
    }
    out
}

fn subject(measurement: &Measurement) -> Value {
    let state = match record::works(measurement) {
        Some(true) => "✅ works",
        Some(false) => "❌ Failed",
        None => "☐ unmeasured",
    };
    minijinja::context! {
        key => Value::from_safe_string(marks::show(&measurement.key)),
        state => Value::from_safe_string(state.to_owned()),
        value => Value::from_safe_string(marks::show(&measurement.value.to_string())),
        id => Value::from_safe_string(if measurement.id.is_empty() { "—".to_owned() } else { marks::show(&measurement.id) }),
    }
}

fn metric(judged: &Judged) -> Value {
    minijinja::context! {
        metric => Value::from_safe_string(marks::show(&judged.metric)),
        target => Value::from_safe_string(marks::show(&judged.target)),
        actual => Value::from_safe_string(actual_text(judged)),
        verdict => Value::from_safe_string(verdict_text(judged)),
        source => source(judged),
        reason => Value::from_safe_string(marks::show(&judged.reason)),
    }
}

fn source(judged: &Judged) -> &'static str {
    use crate::order::CriterionSource;
    match judged.source {
        CriterionSource::Table | CriterionSource::Bullets | CriterionSource::FrontMatter => "order",
        CriterionSource::Handler => "handler",
        CriterionSource::Template => "template",
    }
}

/// A command for a fence: one line, and nothing that ends the fence.
fn code_line(line: &str) -> String {
    marks::without_green(&crate::text::line(line, 400), "(tick)").replace("```", "` ` `")
}
