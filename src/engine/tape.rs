//! A run with the events that are not durable yet. Nothing outside may be changed while [`Tape::commit`] is due.

use jiff::Timestamp;

use super::{EngineError, Executor};
use crate::journal::{Event, JournalError, Reader, Run, RunKey};
use crate::secret::Masker;

pub struct Tape<'e> {
    pub executor: &'e Executor,
    run: Run,
    pending: Vec<(Timestamp, Event)>,
    masker: std::sync::Arc<Masker>,
    taken_up: std::time::Instant,
}

impl<'e> Tape<'e> {
    pub fn load(executor: &'e Executor, reader: &Reader, key: &RunKey) -> Result<Tape<'e>, EngineError> {
        let run = reader.load(key)?;
        Ok(Tape {
            executor,
            run,
            pending: Vec::new(),
            masker: executor.settings().masker,
            taken_up: std::time::Instant::now(),
        })
    }

    /// How long this process has been at work on the run; what it waited for is left out, and so is what an earlier process
    /// did.
    pub fn worked(&self) -> std::time::Duration {
        self.executor.worked(self.run.key.run) + self.taken_up.elapsed()
    }

    /// The run as it is with all events, the pending ones too.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Folds `event` in; durable with the next [`Tape::commit`].
    pub fn push(&mut self, event: Event) -> Result<(), EngineError> {
        let event = masked(&self.masker, event)?;
        let at = self.executor.clock.now();
        self.run.apply(&event, at).map_err(JournalError::from)?;
        self.pending.push((at, event));
        Ok(())
    }

    pub fn commit(&mut self) -> Result<(), EngineError> {
        let events = std::mem::take(&mut self.pending);
        Ok(self.executor.journal.append(&self.run, events)?)
    }

    /// [`Tape::push`] and [`Tape::commit`].
    pub fn write(&mut self, event: Event) -> Result<(), EngineError> {
        self.push(event)?;
        self.commit()
    }
}

/// `event` without the secrets that Workbridge knows.
pub fn masked(masker: &Masker, event: Event) -> Result<Event, EngineError> {
    let broken = |error: serde_json::Error| EngineError::Fatal(format!("failed to write an event as JSON: {error}"));
    if masker.is_empty() {
        return Ok(event);
    }
    let text = serde_json::to_string(&event).map_err(broken)?;
    if !masker.finds_in_json(&text) {
        return Ok(event);
    }
    serde_json::from_str(&masker.mask_json(&text)).map_err(broken)
}
