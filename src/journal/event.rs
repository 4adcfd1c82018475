//! What can happen to an order. The journal holds these as JSON; a variant or field once written must always load.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::run::UNDO_FAILED;
use crate::evidence::{Artifact, Judged, Measurement, Outcome};
use crate::handlers::Plan;
use crate::order::{Criterion, Priority};
use crate::report::{CommandResult, FileChange};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The raw bytes are stored; the run exists. `attempt` counts over all revisions of the id.
    Received {
        priority: Priority,
        /// `true` when a person asked for this attempt with `wo retry`.
        retry: bool,
    },
    /// What will be done, as data; nothing was changed yet.
    Planned {
        handler: String,
        /// Why this handler.
        dispatch: String,
        facts: serde_json::Value,
        plan: Plan,
        template: Option<TemplateText>,
        criteria: Vec<Criterion>,
    },
    Waiting {
        on: WaitOn,
        why: String,
        /// When it is looked at again.
        until: Timestamp,
    },
    Approved {
        sha256: String,
    },
    /// The gates are open; steps may run.
    Opened,
    /// About to apply a step; what it may change is backed up.
    StepIntent {
        step: String,
        before: String,
        backups: Vec<Backup>,
    },
    /// `apply` returned; `verify` has not yet.
    StepApplied {
        step: String,
        after: String,
        files: Vec<FileChange>,
    },
    /// Verified. A step with this is never applied again.
    StepDone {
        step: String,
        /// Nothing was changed: it was already so.
        already: bool,
        note: String,
        measurements: Vec<Measurement>,
    },
    StepFailed {
        step: String,
        why: String,
        measurements: Vec<Measurement>,
    },
    /// Its program could not be started, for want of what the machine had none left of: the step has had no effect.
    StepNotBegun {
        step: String,
        why: String,
    },
    StepUncertain {
        step: String,
        why: String,
    },
    /// A person's answer to an uncertain step.
    Resolved {
        step: String,
        done: bool,
    },
    StepUndone {
        step: String,
        note: String,
        /// Files that someone else changed since; left as they are.
        kept: Vec<String>,
    },
    /// What it did can't be taken back, and so stands.
    StepStands {
        step: String,
        why: String,
    },
    CancelRequested,
    /// Verification commands and the tests of the template.
    Commands {
        results: Vec<CommandResult>,
    },
    Judged {
        outcome: Outcome,
        reason: String,
        criteria: Vec<Judged>,
    },
    /// The reports are whole on disk and the source is archived (or rejected): the end.
    Ended {
        reports: Vec<Artifact>,
        /// Where the source lies now, relative to the root.
        source: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "on", rename_all = "kebab-case")]
pub enum WaitOn {
    /// `requires:` of the order.
    Gate,
    /// `wo approve ID`.
    Approval,
    /// A step that asked to be verified later.
    Step { step: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateText {
    pub name: String,
    pub text: String,
}

/// A file as it was before a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Absolute.
    pub path: String,
    /// The copy, relative to the root; `None`: there was no such file.
    pub copy: Option<String>,
    pub mode: u32,
    /// User and group.
    #[serde(default)]
    pub owner: Option<(u32, u32)>,
    /// When it was last changed.
    #[serde(default)]
    pub modified: Option<Timestamp>,
    pub before: Option<Artifact>,
}

impl Event {
    /// The variant's name, for `wo log`.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Received { .. } => "received",
            Event::Planned { .. } => "planned",
            Event::Waiting { .. } => "waiting",
            Event::Approved { .. } => "approved",
            Event::Opened => "opened",
            Event::StepIntent { .. } => "step-intent",
            Event::StepApplied { .. } => "step-applied",
            Event::StepDone { .. } => "step-done",
            Event::StepFailed { .. } => "step-failed",
            Event::StepNotBegun { .. } => "step-not-begun",
            Event::StepUncertain { .. } => "step-uncertain",
            Event::Resolved { .. } => "resolved",
            Event::StepUndone { .. } => "step-undone",
            Event::StepStands { .. } => "step-stands",
            Event::CancelRequested => "cancel-requested",
            Event::Commands { .. } => "commands",
            Event::Judged { .. } => "judged",
            Event::Ended { .. } => "ended",
        }
    }

    /// One line for a person.
    pub fn summary(&self) -> String {
        match self {
            Event::Received { retry: true, .. } => "received again by wo retry".to_owned(),
            Event::Received { priority, .. } => format!("received, priority {priority:?}"),
            Event::Planned { handler, plan, dispatch, .. } => {
                format!("planned for {handler} ({dispatch}): {} steps", plan.steps.len())
            }
            Event::Waiting { why, until, .. } => format!("waits until {until:.0}: {why}"),
            Event::Approved { sha256 } => format!("approved for sha256 {}", crate::text::line(sha256, 13)),
            Event::Opened => "gates open".to_owned(),
            Event::StepIntent { step, before, .. } => format!("{step}: about to apply; before: {before}"),
            Event::StepApplied { step, after, .. } => format!("{step}: applied; after: {after}"),
            Event::StepDone { step, already: true, note, .. } => format!("{step}: already so: {note}"),
            Event::StepDone { step, measurements, .. } => {
                format!("{step}: verified, {} measurements", measurements.len())
            }
            Event::StepFailed { step, why, .. } => format!("{step}: failed: {why}"),
            Event::StepNotBegun { step, why } => format!("{step}: not begun: {why}"),
            Event::StepUncertain { step, why } => format!("{step}: uncertain: {why}"),
            Event::Resolved { step, done: true } => format!("{step}: a person says it is done"),
            Event::Resolved { step, done: false } => format!("{step}: a person says to apply it again"),
            Event::StepUndone { step, note, .. } if note.starts_with(UNDO_FAILED) => format!("{step}: {note}"),
            Event::StepUndone { step, note, .. } => format!("{step}: undone: {note}"),
            Event::StepStands { step, why } => format!("{step}: not undone: {why}"),
            Event::CancelRequested => "cancel requested".to_owned(),
            Event::Commands { results } => format!("{} verification commands", results.len()),
            Event::Judged { outcome, reason, .. } => format!("{outcome}: {reason}"),
            Event::Ended { source, .. } => format!("reported; source at {source}"),
        }
    }
}
