//! The words that tell a figure from a name, and what it is of.

use crate::order::fold;
use crate::order::target::CODECS;

/// Nouns of what is counted.
const COUNTED: [&str; 27] = [
    "row",
    "rows",
    "file",
    "files",
    "record",
    "records",
    "check",
    "checks",
    "test",
    "tests",
    "error",
    "errors",
    "failure",
    "failures",
    "warning",
    "warnings",
    "heartbeat",
    "heartbeats",
    "report",
    "reports",
    "column",
    "columns",
    "mismatch",
    "mismatches",
    "entries",
    "passed",
    "failed",
];

/// Whether a number of this can only be one of the same.
pub fn is_counted(noun: &str) -> bool {
    COUNTED.contains(&noun)
}

/// What the rows of the telemetry's files are called, too.
pub const ROWS: [&str; 9] =
    ["row", "rows", "record", "records", "heartbeat", "heartbeats", "report", "reports", "entries"];

/// What has its number behind it, as a name.
pub(super) const NUMBERED: [&str; 44] = [
    "test",
    "check",
    "file",
    "row",
    "column",
    "record",
    "report",
    "error",
    "day",
    "phase",
    "step",
    "stage",
    "part",
    "section",
    "version",
    "release",
    "level",
    "tier",
    "priority",
    "sprint",
    "week",
    "round",
    "milestone",
    "iteration",
    "criterion",
    "requirement",
    "item",
    "task",
    "case",
    "scenario",
    "order",
    "issue",
    "ticket",
    "pr",
    "attempt",
    "run",
    "no",
    "nr",
    "port",
    "pid",
    "line",
    "page",
    "code",
    "status",
];

/// Beside a size or a time they say that it is the most that there may be.
pub(super) const LIMITS: [&str; 10] =
    ["limit", "max", "maximum", "target", "cap", "budget", "timeout", "threshold", "goal", "allowed"];

/// Words that end what a number is of.
pub(super) const LINKING: [&str; 42] = [
    "of", "in", "and", "or", "are", "is", "was", "were", "be", "with", "from", "for", "on", "at", "by", "to", "as",
    "per", "that", "which", "each", "every", "the", "a", "an", "than", "has", "have", "it", "its", "into", "across",
    "–", "—", "-", "/", "+", "&", "=", "→", "|", "·",
];

/// The codec that a word names.
pub fn codec(word: &str) -> Option<&'static str> {
    let folded = fold(word);
    let found = folded.split(' ').find_map(|part| CODECS.iter().find(|codec| **codec == part));
    found.map(|codec| if *codec == "zstandard" { "zstd" } else { *codec })
}
