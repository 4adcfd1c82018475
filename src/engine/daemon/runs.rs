//! The runs in hand: which are handed out, wait, are busy behind others or need a person, and when they are tried again.
//!
//! What must hold here: one run is with one worker at a time, and one that has begun keeps what it touches until its outcome
//! stands, whatever holds it up.

use jiff::Timestamp;

use super::worker::Done;
use super::{Hold, Loop, Mode};
use crate::engine::EngineError;
use crate::engine::pipeline::Next;
use crate::journal::{Phase, RunKey};
use crate::order::Priority;

/// How often `wo run` tries a run that meets the machine's trouble before it leaves it to the next one.
const TRIES_ONCE: u32 = 4;

impl Loop {
    pub(super) fn enqueue(&mut self, key: RunKey, priority: Priority) {
        if !self.in_flight.contains(&key.run) {
            self.queue.insert((priority, key.run));
        }
        self.priorities.insert(key.run, priority);
        self.keys.insert(key.run, key);
    }

    pub(super) fn hand_out(&mut self) {
        let room = self.pool.room();
        while self.in_flight.len() < room
            && let Some((_, run)) = self.queue.pop_first()
        {
            if let Some(key) = self.keys.get(&run) {
                self.in_flight.insert(run);
                let priority = self.priorities.get(&run).copied().unwrap_or_default();
                if !self.pool.send(key.clone(), priority) {
                    return;
                }
            }
        }
    }

    /// Takes in what the workers came to.
    pub(super) fn collect(&mut self) -> Result<(), EngineError> {
        while let Some(Done { key, result }) = self.pool.try_recv() {
            let run = key.run;
            self.in_flight.remove(&run);
            self.given_up.remove(&run);
            // one that has begun keeps what it touches until its outcome stands, whatever holds it up
            let keeps = match &result {
                Ok(Next::Waits { step: true, .. } | Next::NeedsPerson { .. } | Next::Yielded) => true,
                Ok(_) => false,
                Err(_) => !self.is_judged(&key),
            };
            let frees = match &result {
                Ok(Next::Busy) => false,
                _ if keeps => self.subjects.keep(run),
                _ => self.subjects.release(run),
            };
            if frees {
                // those that waited for what it touched try again
                for run in std::mem::take(&mut self.busy) {
                    let priority = self.priorities.get(&run).copied().unwrap_or_default();
                    self.queue.insert((priority, run));
                }
            }
            match result {
                Ok(Next::Ended(outcome)) => {
                    self.backoff.remove(&run);
                    self.keys.remove(&run);
                    self.priorities.remove(&run);
                    self.summary.ended.push((key, outcome));
                    if self.mode == Mode::Daemon {
                        self.summary.ended.clear();
                    }
                    // gates of other orders may open now
                    for (until, hold) in self.waiting.values_mut() {
                        if *hold == Hold::Gate {
                            *until = Timestamp::MIN;
                        }
                    }
                }
                Ok(Next::Waits { until, step }) => {
                    self.waiting.insert(run, (until, if step { Hold::Step } else { Hold::Gate }));
                }
                Ok(Next::NeedsPerson { why, until }) => {
                    self.waiting.extend(until.map(|until| (run, (until, Hold::Person))));
                    if self.mode == Mode::Once {
                        self.given_up.insert(run, why);
                    }
                }
                Ok(Next::Busy) => {
                    let priority = self.priorities.get(&run).copied().unwrap_or_default();
                    if self.subjects.is_servable(run, priority) {
                        self.queue.insert((priority, run));
                    } else {
                        self.busy.insert(run);
                    }
                }
                Ok(Next::Yielded) => {
                    // after the request that made it yield
                    self.waiting.insert(run, (Timestamp::MIN, Hold::Step));
                }
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    let earlier = self.backoff.get(&run);
                    let tries = earlier.map_or(1, |(tries, _)| tries + 1);
                    let limits = &self.executor.settings().config.limits;
                    let delay = limits.retry_after(earlier.map(|(_, delay)| *delay));
                    if self.mode == Mode::Once && tries >= TRIES_ONCE {
                        tracing::warn!("{}: {error}; left to the next run", key.id);
                        self.given_up.insert(run, error.to_string());
                        continue;
                    }
                    tracing::warn!("{}: {error}; tried again in {delay:?}", key.id);
                    self.backoff.insert(run, (tries, delay));
                    self.waiting.insert(run, (self.executor.clock.now() + delay, Hold::Step));
                }
            }
        }
        Ok(())
    }

    /// Whether nothing but its report and its file are left to do.
    fn is_judged(&self, key: &RunKey) -> bool {
        let row = self.reader.last_run_of(&key.id).ok().flatten();
        row.is_some_and(|row| row.key.run == key.run && matches!(row.phase, Phase::Judged { .. }))
    }

    pub(super) fn release_due(&mut self) {
        let now = self.executor.clock.now();
        let looked = std::mem::replace(&mut self.looked, now);
        let is_due = |until: Timestamp| is_over(until, looked, now);
        let due: Vec<i64> = self.waiting.iter().filter(|(_, (until, _))| is_due(*until)).map(|(run, _)| *run).collect();
        for run in due {
            self.waiting.remove(&run);
            let priority = self.priorities.get(&run).copied().unwrap_or_default();
            self.queue.insert((priority, run));
        }
    }

    /// Nothing runs, nothing settles, and no step waits; gates, persons and the machine's trouble may take days, and so may
    /// what is busy behind them.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.in_flight.is_empty()
            && !self.inbox.is_settling()
            && !self.waiting.values().any(|(_, hold)| *hold == Hold::Step)
    }

    pub(super) fn note_left(&mut self) -> Result<(), EngineError> {
        for row in self.reader.open_runs()? {
            let blocked = match self.busy.contains(&row.key.run) {
                true => self.holder_of(&self.reader.load(&row.key)?.subjects(), row.key.run)?,
                false => None,
            };
            let why = match &row.phase {
                _ if blocked.is_some() => blocked.unwrap_or_default(),
                _ if self.given_up.contains_key(&row.key.run) => {
                    self.given_up.get(&row.key.run).cloned().unwrap_or_default()
                }
                Phase::Waiting { why, .. } | Phase::Uncertain { why, .. } => why.clone(),
                phase => phase.name().to_owned(),
            };
            self.summary.left.push((row.key, why));
        }
        Ok(())
    }

    /// Who has some of `subjects`, in words.
    fn holder_of(&self, subjects: &[String], run: i64) -> Result<Option<String>, EngineError> {
        let Some((other, shared)) = self.subjects.holder(run, subjects) else { return Ok(None) };
        let holder = self.reader.open_runs()?.into_iter().find(|row| row.key.run == other);
        let id = holder.map_or_else(|| "another order".to_owned(), |row| row.key.id);
        Ok(Some(format!("waits for {id}, which touches `{shared}` too")))
    }
}

/// Whether a wait until `until` is over `now`. After a clock that was set back all are: how long they wait is found out anew.
fn is_over(until: Timestamp, looked: Timestamp, now: Timestamp) -> bool {
    until <= now || now < looked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_it() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        for (until, looked, now, over) in
            [(10, 5, 9, false), (10, 9, 10, true), (10, 9, 9, false), (1_000_010, 1_000_005, 9, true), (10, 9, 8, true)]
        {
            assert_eq!(is_over(at(until), at(looked), at(now)), over, "{until} {looked} {now}");
        }
    }
}
