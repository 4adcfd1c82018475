//! A run: one attempt at one order. Its state is the fold of its events ([`Run::apply`]), which is pure: no clock, no
//! store. An event that can't follow the ones before it is an error, never ignored.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{Backup, Event, TemplateText, WaitOn};
use crate::evidence::{Artifact, Judged, Measurement, Outcome, Value};
use crate::handlers::{Plan, StepSpec};
use crate::order::{Criterion, Priority};
use crate::report::{CommandResult, FileChange, StepRecord, StepState};

/// What identifies a run and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunKey {
    /// Row number in the journal.
    pub run: i64,
    pub id: String,
    /// From 1, over all revisions of the id.
    pub attempt: u32,
    pub agent: String,
    /// As it was dropped.
    pub file: String,
    pub sha256: String,
    pub received: Timestamp,
}

/// Where a run stands; each variant holds only what it needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "kebab-case")]
pub enum Phase {
    Received,
    Planned,
    Waiting {
        on: WaitOn,
        why: String,
        until: Timestamp,
        since: Timestamp,
    },
    Running,
    /// A person must say whether this step took effect.
    Uncertain {
        step: String,
        why: String,
    },
    /// A step failed or the order was cancelled: what was applied is taken back.
    Undoing,
    Judged {
        outcome: Outcome,
    },
    Ended {
        outcome: Outcome,
    },
}

impl Phase {
    pub fn name(&self) -> &'static str {
        match self {
            Phase::Received => "received",
            Phase::Planned => "planned",
            Phase::Waiting { .. } => "waiting",
            Phase::Running => "running",
            Phase::Uncertain { .. } => "uncertain",
            Phase::Undoing => "undoing",
            Phase::Judged { .. } => "judged",
            Phase::Ended { .. } => "ended",
        }
    }

    /// Whether it goes on only when a person has answered.
    pub fn needs_person(&self) -> bool {
        matches!(self, Phase::Uncertain { .. } | Phase::Waiting { on: WaitOn::Approval, .. })
    }

    pub fn ended(&self) -> Option<Outcome> {
        match self {
            Phase::Ended { outcome } => Some(*outcome),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct StepRun {
    pub spec: StepSpec,
    pub progress: Progress,
    pub before: String,
    pub after: String,
    /// Why it failed; stays when it is undone.
    pub failure: Option<String>,
    /// Whether an intent to change something stands in the journal.
    pub intended: bool,
    pub backups: Vec<Backup>,
    pub files: Vec<FileChange>,
    /// Files that undoing it left as they were, since someone else had changed them.
    pub kept: Vec<String>,
    /// What it did can't be taken back, though the order was to be undone.
    pub stands: bool,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub evidence: Vec<String>,
}

/// What the note of an undone step begins with when the step itself could not be taken back.
pub const UNDO_FAILED: &str = "undo failed";

impl StepRun {
    /// Whether undoing it did not bring back what was there before.
    pub fn undo_failed(&self) -> bool {
        self.progress == Progress::Undone && self.after.starts_with(UNDO_FAILED)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    NotReached,
    /// In the journal before the effect; whether the effect took place must be probed after a crash.
    Intent,
    /// A person said to apply it again.
    Again,
    Applied,
    Done,
    Already,
    Failed,
    Uncertain,
    Undone,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub key: RunKey,
    pub phase: Phase,
    pub priority: Priority,
    pub retry: bool,
    pub approved: Option<String>,
    pub approved_at: Option<Timestamp>,
    pub gates_open: bool,
    pub cancel: bool,
    /// How often a person said what became of an uncertain step.
    pub answers: u32,
    pub handler: Option<String>,
    pub dispatch: String,
    pub facts: serde_json::Value,
    pub plan: Option<Plan>,
    pub template: Option<TemplateText>,
    /// The criteria that count, the template's included.
    pub criteria: Vec<Criterion>,
    pub steps: Vec<StepRun>,
    pub measurements: Vec<Measurement>,
    pub commands: Option<Vec<CommandResult>>,
    pub judged: Vec<Judged>,
    pub outcome: Option<Outcome>,
    pub reason: String,
    pub reports: Vec<Artifact>,
    /// Where the source lies, once it has ended.
    pub source: Option<String>,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
#[error("the event `{event}` of {id} attempt {attempt} can't follow the state `{phase}`")]
pub struct Illegal {
    pub event: &'static str,
    pub id: String,
    pub attempt: u32,
    pub phase: &'static str,
}

impl Run {
    /// A run of which no event is known yet.
    pub fn new(key: RunKey) -> Run {
        Run {
            key,
            phase: Phase::Received,
            priority: Priority::default(),
            retry: false,
            approved: None,
            approved_at: None,
            gates_open: false,
            cancel: false,
            answers: 0,
            handler: None,
            dispatch: String::new(),
            facts: serde_json::Value::Null,
            plan: None,
            template: None,
            criteria: Vec::new(),
            steps: Vec::new(),
            measurements: Vec::new(),
            commands: None,
            judged: Vec::new(),
            outcome: None,
            reason: String::new(),
            reports: Vec::new(),
            source: None,
            started: None,
            ended: None,
        }
    }

    /// State × Event → State.
    pub fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), Illegal> {
        let illegal = Illegal {
            event: event.kind(),
            id: self.key.id.clone(),
            attempt: self.key.attempt,
            phase: self.phase.name(),
        };
        if matches!(self.phase, Phase::Ended { .. })
            || (matches!(self.phase, Phase::Judged { .. }) && !matches!(event, Event::Ended { .. }))
        {
            return Err(illegal);
        }
        match event {
            Event::Received { priority, retry } => {
                self.priority = *priority;
                self.retry = *retry;
            }
            Event::Planned { handler, dispatch, facts, plan, template, criteria } => {
                if self.plan.is_some() {
                    return Err(illegal);
                }
                self.handler = Some(handler.clone());
                self.dispatch.clone_from(dispatch);
                self.facts = facts.clone();
                self.steps = plan.steps.iter().cloned().map(StepRun::new).collect();
                self.plan = Some(plan.clone());
                self.template.clone_from(template);
                self.criteria.clone_from(criteria);
                self.phase = Phase::Planned;
            }
            Event::Waiting { on, why, until } => {
                let since = match &self.phase {
                    Phase::Waiting { on: before, since, .. } if before == on => *since,
                    _ => at,
                };
                self.phase = Phase::Waiting { on: on.clone(), why: why.clone(), until: *until, since };
            }
            Event::Approved { sha256 } => {
                self.approved = Some(sha256.clone());
                self.approved_at = Some(at);
            }
            Event::Opened => {
                self.gates_open = true;
                self.started.get_or_insert(at);
                self.phase = Phase::Running;
            }
            Event::StepIntent { step, before, backups } => {
                let run = self.step_mut(step).ok_or(illegal)?;
                run.progress = Progress::Intent;
                run.before.clone_from(before);
                // a second intent after a crash must not take the half-made state for the state before
                if !run.intended {
                    run.backups.clone_from(backups);
                    run.intended = true;
                }
                run.started.get_or_insert(at);
                self.phase = Phase::Running;
            }
            Event::StepApplied { step, after, files } => {
                let run = self.step_mut(step).ok_or(illegal)?;
                run.progress = Progress::Applied;
                run.after.clone_from(after);
                run.files.clone_from(files);
                self.phase = Phase::Running;
            }
            Event::StepDone { step, already, note, measurements } => {
                let evidence = self.record(measurements);
                let run = self.step_mut(step).ok_or(illegal)?;
                run.progress = if *already { Progress::Already } else { Progress::Done };
                if *already {
                    run.before.clone_from(note);
                    run.after.clone_from(note);
                }
                run.evidence.extend(evidence);
                run.started.get_or_insert(at);
                run.ended = Some(at);
                self.phase = Phase::Running;
            }
            Event::StepFailed { step, why, measurements } => {
                let evidence = self.record(measurements);
                let keep = self.plan.as_ref().is_some_and(|plan| plan.keep_on_failure);
                // a change that was to follow comes no more: what was done for its sake would stand half made
                let mut rest = self.steps.iter().skip_while(|run| run.spec.name != *step);
                let harmless = rest.all(|run| run.spec.measures_only);
                let run = self.step_mut(step).ok_or(illegal)?;
                run.progress = Progress::Failed;
                run.failure = Some(why.clone());
                run.evidence.extend(evidence);
                run.started.get_or_insert(at);
                run.ended = Some(at);
                self.phase = if keep || harmless { Phase::Running } else { Phase::Undoing };
            }
            Event::StepNotBegun { step, .. } => {
                let is_answered = self.answers > 0;
                let run = self.step_mut(step).filter(|run| run.progress == Progress::Intent).ok_or(illegal)?;
                if is_answered {
                    // an earlier start of it was uncertain: what a person said of that still holds
                    run.progress = Progress::Again;
                } else {
                    run.progress = Progress::NotReached;
                    run.intended = false;
                    run.started = None;
                }
            }
            Event::StepUncertain { step, why } => {
                let run = self.step_mut(step).ok_or(illegal)?;
                run.progress = Progress::Uncertain;
                self.phase = Phase::Uncertain { step: step.clone(), why: why.clone() };
            }
            Event::Resolved { step, done } => {
                let run = self.step_mut(step).ok_or(illegal)?;
                run.progress = if *done { Progress::Applied } else { Progress::Again };
                self.answers += 1;
                self.phase = Phase::Running;
            }
            Event::StepUndone { step, note, kept } => {
                let run = self.step_mut(step).ok_or(illegal)?;
                // what could not be taken back must not be told as undone
                run.after = match note.as_str() {
                    "" => "undone".to_owned(),
                    note if note.starts_with(UNDO_FAILED) => note.to_owned(),
                    note => format!("undone: {note}"),
                };
                run.kept.clone_from(kept);
                run.progress = Progress::Undone;
                run.ended = Some(at);
            }
            Event::StepStands { step, why } => {
                let run = self.step_mut(step).ok_or(illegal)?;
                let did = if run.after.is_empty() { "what it did can't be told" } else { run.after.as_str() };
                run.after = format!("{did}; NOT undone: {why}");
                // its end was verified, or else nobody knows how far it came
                run.progress = match run.progress {
                    Progress::Done | Progress::Already | Progress::Applied => Progress::Done,
                    Progress::Failed => Progress::Failed,
                    _ => Progress::Uncertain,
                };
                run.stands = true;
                run.ended.get_or_insert(at);
            }
            Event::CancelRequested => {
                self.cancel = true;
                self.phase = Phase::Undoing;
            }
            Event::Commands { results } => self.commands = Some(results.clone()),
            Event::Judged { outcome, reason, criteria } => {
                self.outcome = Some(*outcome);
                self.reason.clone_from(reason);
                self.judged.clone_from(criteria);
                self.ended = Some(at);
                self.phase = Phase::Judged { outcome: *outcome };
            }
            Event::Ended { reports, source } => {
                let outcome = self.outcome.ok_or(illegal)?;
                self.reports.clone_from(reports);
                self.source = Some(source.clone());
                self.phase = Phase::Ended { outcome };
            }
        }
        Ok(())
    }

    fn record(&mut self, measurements: &[Measurement]) -> Vec<String> {
        measurements
            .iter()
            .map(|measurement| {
                let id = format!("E{}", self.measurements.len() + 1);
                self.measurements.push(Measurement { id: id.clone(), ..measurement.clone() });
                id
            })
            .collect()
    }

    /// The measurements as they may be judged. What a step gave that was undone says nothing any more, nor does what a step
    /// measured after the first of those was done, for it may have seen its effect. What was found to be so already stands.
    pub fn standing_measurements(&self) -> Vec<Measurement> {
        let first = self.steps.iter().position(|step| step.progress == Progress::Undone).unwrap_or(self.steps.len());
        let is_void = |(n, step): &(usize, &StepRun)| {
            step.progress == Progress::Undone
                || (*n > first && (step.spec.measures_only || step.progress != Progress::Already))
        };
        let void: BTreeSet<&str> = self
            .steps
            .iter()
            .enumerate()
            .filter(is_void)
            .flat_map(|(_, step)| step.evidence.iter().map(String::as_str))
            .collect();
        let standing = |measurement: &Measurement| match void.contains(measurement.id.as_str()) {
            true => Measurement {
                value: Value::Undone { was: measurement.value.to_string() },
                ok: None,
                ..measurement.clone()
            },
            false => measurement.clone(),
        };
        self.measurements.iter().map(standing).collect()
    }

    pub fn step(&self, name: &str) -> Option<&StepRun> {
        self.steps.iter().find(|step| step.spec.name == name)
    }

    fn step_mut(&mut self, name: &str) -> Option<&mut StepRun> {
        self.steps.iter_mut().find(|step| step.spec.name == name)
    }

    /// Whether any step changed something and that still stands.
    pub fn changed_something(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step.progress, Progress::Applied | Progress::Done) && !step.spec.measures_only)
    }

    /// Whether the plan has nothing but measuring steps: then measuring is what was ordered.
    pub fn only_measures(&self) -> bool {
        self.steps.iter().all(|step| step.spec.measures_only)
    }

    /// The first step that failed, with why.
    pub fn failure(&self) -> Option<&StepRun> {
        self.steps.iter().find(|step| step.failure.is_some())
    }

    /// Whether any step has been begun.
    pub fn has_begun(&self) -> bool {
        self.steps.iter().any(|step| step.progress != Progress::NotReached)
    }

    /// Whether what the steps touch is this run's own now: from its first step until its outcome stands. Where its report can't
    /// be written, or its file not be put away, nobody need wait for that.
    pub fn keeps_subjects(&self) -> bool {
        self.has_begun() && !matches!(self.phase, Phase::Judged { .. } | Phase::Ended { .. })
    }

    /// What the steps touch; runs that share one are serialized.
    pub fn subjects(&self) -> Vec<String> {
        let mut subjects: Vec<String> = self.steps.iter().flat_map(|step| step.spec.subjects.iter().cloned()).collect();
        subjects.sort();
        subjects.dedup();
        subjects
    }

    /// The steps as reports show them.
    pub fn step_records(&self) -> Vec<StepRecord> {
        self.steps.iter().map(|step| step.record(self.key.received)).collect()
    }
}

impl StepRun {
    fn new(spec: StepSpec) -> StepRun {
        StepRun {
            spec,
            progress: Progress::NotReached,
            before: String::new(),
            after: String::new(),
            failure: None,
            intended: false,
            backups: Vec::new(),
            files: Vec::new(),
            kept: Vec::new(),
            stands: false,
            started: None,
            ended: None,
            evidence: Vec::new(),
        }
    }

    fn record(&self, fallback: Timestamp) -> StepRecord {
        // what undo left as it was is changed still
        let is_back = |file: &FileChange| self.progress == Progress::Undone && !self.kept.contains(&file.path);
        StepRecord {
            name: self.spec.name.clone(),
            describe: self.spec.describe.clone(),
            state: match self.progress {
                Progress::NotReached => StepState::NotReached,
                Progress::Intent | Progress::Again | Progress::Applied => StepState::Waiting,
                Progress::Done => StepState::Applied,
                Progress::Already => StepState::Already,
                Progress::Failed => StepState::Failed,
                Progress::Uncertain => StepState::Uncertain,
                Progress::Undone if self.undo_failed() => StepState::Failed,
                Progress::Undone => StepState::Undone,
            },
            before: self.before.clone(),
            after: match &self.failure {
                Some(why) if self.after.is_empty() => format!("failed: {why}"),
                Some(why) => format!("failed: {why}; {}", self.after),
                None => self.after.clone(),
            },
            files: self.files.iter().filter(|file| !is_back(file)).cloned().collect(),
            started: self.started.unwrap_or(fallback),
            ended: self.ended,
            evidence: self.evidence.clone(),
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
