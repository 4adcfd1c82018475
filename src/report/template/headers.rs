//! The words of headers by which a column names the subjects of its rows, or says what they claim.

use crate::report::text;

pub const LABEL: [&str; 56] = [
    "metric",
    "metrics",
    "criterion",
    "criteria",
    "kpi",
    "kpis",
    "indicator",
    "measure",
    "measurement",
    "requirement",
    "component",
    "components",
    "service",
    "services",
    "subject",
    "item",
    "items",
    "check",
    "checks",
    "module",
    "part",
    "system",
    "subsystem",
    "agent",
    "agents",
    "launchagent",
    "launchagents",
    "file",
    "files",
    "artifact",
    "artifacts",
    "deliverable",
    "deliverables",
    "test",
    "tests",
    "script",
    "scripts",
    "endpoint",
    "area",
    "feature",
    "process",
    "job",
    "jobs",
    "dependency",
    "resource",
    "layer",
    "element",
    "name",
    "step",
    "task",
    "case",
    "tool",
    "directory",
    "integration",
    "aspect",
    "what",
];

pub fn is(set: &[&str], word: &str) -> bool {
    set.contains(&word)
}

/// Words of headers whose cells say what was found of their row's subject, or done to it.
const ASSERTING: [&str; 18] = [
    "check",
    "checks",
    "checked",
    "test",
    "tests",
    "tested",
    "testing",
    "verification",
    "verifications",
    "verify",
    "validation",
    "assertion",
    "scenario",
    "action",
    "actions",
    "task",
    "tasks",
    "step",
];

const AROUND: [&str; 11] =
    ["what", "was", "were", "is", "the", "performed", "description", "case", "made", "taken", "done"];

/// Whether a column says what its rows claim: `Check`, `What was tested`, but not `Test script`.
pub fn asserts(header: &str) -> bool {
    let words = text::words(header);
    words.iter().any(|word| is(&ASSERTING, word)) && words.iter().all(|word| is(&ASSERTING, word) || is(&AROUND, word))
}

/// Whether a bare number under that header counts what is done, or tells how many were made (`Tests`).
pub fn is_sequence(header: &str) -> bool {
    let words = text::words(header);
    words
        .iter()
        .any(|word| ["step", "task", "action"].contains(&word.as_str()) || word.ends_with('s') && is(&ASSERTING, word))
}
