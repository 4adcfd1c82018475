//! Reports: pure functions from a [`RunRecord`] (read from the journal alone) and a template to text.
//! Same record, same bytes.

mod answers;
mod around;
mod asserted;
mod beside;
mod cells;
mod claim_lines;
mod claims;
pub mod columns;
mod completion;
mod context;
mod criteria;
pub mod dates;
mod evidence_table;
mod expectation;
mod expressions;
mod figures;
pub mod fill;
mod judging;
mod label;
mod list_slots;
pub mod marks;
mod name_columns;
mod numbers;
mod outline;
mod printed;
mod remarks;
mod result;
mod rows;
mod said;
mod shipped;
pub mod slots;
mod status_lines;
mod table_slots;
mod targets;
mod test_results;
mod test_slots;
mod ticked_lines;
pub mod verdicts;
mod vouched;
mod whole;

pub use completion::completion;
pub use criteria::{criteria_for, template_commands, template_criteria};
pub use expressions::FillError;
pub use fill::{Filled, FilledSlot, State, check, fill};
pub use judging::as_rows_say;
pub use result::{SCHEMA, SCHEMA_VERSION, result_json};
pub use shipped::{builtin, builtin_names, file_name};
pub use targets::resolve;
pub use test_results::{as_tests_ask, failures};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::evidence::{Artifact, Judged, Measurement, Outcome, Vocabulary};
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
