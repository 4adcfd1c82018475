//! All that a report may speak of, read from the journal alone, and what every part of a report asks of it.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

use crate::evidence::{Artifact, Judged, Measurement, Outcome, Value, Vocabulary};
use crate::order::Order;

/// All that a report may speak of.
#[derive(Debug, Clone)]
pub struct RunRecord {
    pub order: Order,
    pub agent: String,
    /// Of the order's raw bytes.
    pub order_sha256: String,
    /// From 1.
    pub attempt: u32,
    pub handler: Option<String>,
    pub received: Timestamp,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub outcome: Outcome,
    /// Why it ended so, in words.
    pub reason: String,
    pub criteria: Vec<Judged>,
    pub measurements: Vec<Measurement>,
    /// What the handler can measure; template rows bind through these aliases.
    pub declarations: &'static Vocabulary,
    pub steps: Vec<StepRecord>,
    pub commands: Vec<CommandResult>,
    /// Commands for reference that a person may run again, e.g. `wo verify parquet`.
    pub reference: Vec<String>,
    /// What the plan told: how contradictions of the order were settled, what is not as it says.
    pub notes: Vec<String>,
    /// The zone that `$(date …)` slots and date tokens are shown in.
    pub zone: String,
}

/// One step as it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    pub name: String,
    pub describe: String,
    pub state: StepState,
    /// How it was before and after, in words; secrets masked.
    pub before: String,
    pub after: String,
    pub files: Vec<FileChange>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// Ids of the measurements it gave.
    pub evidence: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// It was already so; nothing was changed.
    Already,
    Applied,
    Failed,
    Undone,
    Waiting,
    Uncertain,
    NotReached,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileChange {
    /// Relative to the root where it lies beneath it.
    pub path: String,
    /// `None`: there was no such file.
    pub before: Option<Artifact>,
    /// `None`: there is no such file now.
    pub after: Option<Artifact>,
}

/// A command of the order's Verification section or of a template's operational test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandResult {
    /// The fenced text, as written.
    pub command: String,
    pub result: CommandEnd,
    /// Ids of the measurements it rests on.
    pub evidence: Vec<String>,
    /// Whether it printed more than `limits.output_bytes`, of which a part is missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum CommandEnd {
    Passed {
        output: String,
    },
    Failed {
        output: String,
        why: String,
    },
    /// e.g. `policy`.
    NotRun {
        why: String,
    },
}

/// The end of the run in the record's zone; UTC where that isn't known.
pub fn now(record: &RunRecord) -> Zoned {
    record.ended.to_zoned(TimeZone::get(&record.zone).unwrap_or(TimeZone::UTC))
}

/// The day of the run in the root's zone, and in UTC, by which the telemetry's files are named.
pub fn days(record: &RunRecord) -> Vec<Date> {
    let mut days = vec![now(record).date(), record.ended.to_zoned(TimeZone::UTC).date()];
    days.dedup();
    days
}

/// The measurement of `key` that was taken last.
pub fn newest<'r>(record: &'r RunRecord, key: &str) -> Option<&'r Measurement> {
    record.measurements.iter().rev().find(|measurement| measurement.key == key)
}

/// Whether what was measured works; `None` for a mere number. A measurement that contradicts itself doesn't work.
pub fn works(measurement: &Measurement) -> Option<bool> {
    match (&measurement.value, measurement.ok) {
        (Value::State { works: false, .. }, _) => Some(false),
        (Value::State { works, .. }, None) => Some(*works),
        (_, ok) => ok,
    }
}
