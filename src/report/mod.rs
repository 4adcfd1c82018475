//! Reports: pure functions from a [`RunRecord`] (read from the journal alone) and a template to text.
//! Same record, same bytes.
//!
//! `template` finds the slots of a template, `hold` says what the record has of that which they are about, `cells` and `fill` write it
//! into them.

mod cells;
mod completion;
mod context;
mod criteria;
pub mod dates;
mod evidence_table;
mod expressions;
mod figures;
mod fill;
mod generic;
mod hold;
pub mod marks;
mod record;
mod result;
mod shipped;
mod targets;
mod template;
mod text;
mod verdicts;

pub use completion::completion;
pub use criteria::{criteria_for, template_commands, template_criteria};
pub use expressions::FillError;
pub use fill::{Filled, FilledSlot, check, fill};
pub use hold::judging::as_rows_say;
pub use hold::state::State;
pub use hold::test_results::{as_tests_ask, failures};
pub use record::{CommandEnd, CommandResult, FileChange, RunRecord, StepRecord, StepState};
pub use result::{SCHEMA, SCHEMA_VERSION, result_json};
pub use shipped::{builtin, builtin_names, file_name};
pub use targets::resolve;
pub use template::{slot, slots};
