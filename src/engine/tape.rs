//! A run with the events that are not durable yet. Nothing outside may be changed while [`Tape::commit`] is due.
//!
//! What became of a step is known once only. Where the machine's trouble (a full disk) keeps it from being written down, it is
//! kept with the executor and written before anything else is done with the run.

use std::sync::PoisonError;

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
        catch_up(executor, reader, key)?;
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
        self.executor.journal.append(&self.run, self.pending.clone())?;
        self.pending.clear();
        Ok(())
    }

    /// [`Tape::push`] and [`Tape::commit`].
    pub fn write(&mut self, event: Event) -> Result<(), EngineError> {
        self.push(event)?;
        self.commit()
    }
}

impl Drop for Tape<'_> {
    fn drop(&mut self) {
        let known = outcomes(std::mem::take(&mut self.pending));
        if !known.is_empty() {
            let mut unwritten = self.executor.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
            unwritten.insert(self.run.key.run, known);
        }
    }
}

/// What `events` tell of steps that were at work, up to the next intent: that one was not durable, and so nothing came of it.
fn outcomes(events: Vec<(Timestamp, Event)>) -> Vec<(Timestamp, Event)> {
    let until_intent = events.into_iter().take_while(|(_, event)| !matches!(event, Event::StepIntent { .. }));
    let kept: Vec<_> = until_intent.collect();
    let is_of_step = |event: &Event| {
        matches!(
            event,
            Event::StepApplied { .. }
                | Event::StepDone { .. }
                | Event::StepFailed { .. }
                | Event::StepNotBegun { .. }
                | Event::StepUndone { .. }
        )
    };
    if kept.iter().any(|(_, event)| is_of_step(event)) { kept } else { Vec::new() }
}

/// Writes what an earlier tape of the run could not write.
pub fn catch_up(executor: &Executor, reader: &Reader, key: &RunKey) -> Result<(), EngineError> {
    let unwritten = || executor.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(events) = unwritten().get(&key.run).cloned() else { return Ok(()) };
    let mut run = reader.load(key)?;
    // a commit that was told to have failed may have come through all the same
    let is_written = reader.events_of(key.run)?.iter().any(|entry| events.contains(&(entry.at, entry.event.clone())));
    if !is_written && events.iter().all(|(at, event)| run.apply(event, *at).is_ok()) {
        executor.journal.append(&run, events)?;
    }
    unwritten().remove(&key.run);
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// `i` an intent, `a` applied, `d` done, `o` opened, `j` judged.
    #[test]
    fn what_became_of_a_step_is_kept_and_an_intent_is_not() {
        let event = |letter: char| match letter {
            'i' => Event::StepIntent { step: "s".to_owned(), before: String::new(), backups: Vec::new() },
            'a' => Event::StepApplied { step: "s".to_owned(), after: String::new(), files: Vec::new() },
            'd' => {
                Event::StepDone { step: "s".to_owned(), already: false, note: String::new(), measurements: Vec::new() }
            }
            'o' => Event::Opened,
            _ => Event::Commands { results: Vec::new() },
        };
        for (pending, kept) in
            [("", ""), ("i", ""), ("oi", ""), ("o", ""), ("adj", "adj"), ("di", "d"), ("adiad", "ad"), ("j", "")]
        {
            let events = |letters: &str| letters.chars().map(|letter| (Timestamp::UNIX_EPOCH, event(letter))).collect();
            let (pending, kept): (Vec<_>, Vec<_>) = (events(pending), events(kept));
            assert_eq!(outcomes(pending), kept);
        }
    }
}
