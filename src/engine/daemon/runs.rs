//! The runs in hand: which are handed out, wait, are busy behind others or need a person, and when they are tried again.
//!
//! What must hold here: one run is with one worker at a time, and one that has begun keeps what it touches until its outcome
//! stands, whatever holds it up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::worker::Done;
use super::{Loop, Mode};
use crate::config::LimitsConfig;
use crate::engine::EngineError;
use crate::engine::held_up::{HeldUpRun, Trouble};
use crate::engine::pipeline::Next;
use crate::evidence::Outcome;
use crate::journal::{Phase, RunKey};
use crate::order::Priority;

/// How often `wo run` tries a run that meets the machine's trouble before it leaves it to the next one.
const TRIES_ONCE: u32 = 4;

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Looked at again whenever an order ends, too.
    Gate,
    Step,
    Person,
}

/// Each run that has not ended, by its row in the journal.
pub(super) struct Runs {
    mode: Mode,
    /// To be handed out next, the most urgent first.
    queue: BTreeSet<(Priority, i64)>,
    known: HashMap<i64, (RunKey, Priority)>,
    /// With a worker, or on the way to one.
    in_flight: HashSet<i64>,
    waiting: HashMap<i64, (Timestamp, Hold)>,
    /// When it was last looked which of them are due.
    looked: Timestamp,
    /// Those that wait for what another one touches.
    busy: HashSet<i64>,
    /// How often a run met the machine's trouble, and after how long it is tried again.
    backoff: HashMap<i64, (u32, Duration)>,
    /// The machine's trouble that a run met, until it is tried again.
    trouble: BTreeMap<i64, Trouble>,
    /// Runs that one pass does not try again, with the machine's trouble that they met or what they need a person for.
    given_up: HashMap<i64, String>,
}

/// What is left to do about a run that came back from its worker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing before it is due again, if it ever is.
    Held,
    /// It counts as busy until something is freed: what it waits for may be free by now.
    Busy(Priority),
    Ended(Outcome),
}

impl Runs {
    pub(super) fn new(mode: Mode, now: Timestamp) -> Runs {
        Runs {
            mode,
            queue: BTreeSet::new(),
            known: HashMap::new(),
            in_flight: HashSet::new(),
            waiting: HashMap::new(),
            looked: now,
            busy: HashSet::new(),
            backoff: HashMap::new(),
            trouble: BTreeMap::new(),
            given_up: HashMap::new(),
        }
    }

    pub(super) fn enqueue(&mut self, key: RunKey, priority: Priority) {
        self.queue.remove(&(self.priority_of(key.run), key.run));
        if !self.in_flight.contains(&key.run) {
            self.queue.insert((priority, key.run));
        }
        self.known.insert(key.run, (key, priority));
    }

    /// Has a run looked at again now, whatever it waits for; one that is new is as urgent as its order.
    pub(super) fn wake(&mut self, key: RunKey, priority: Priority) {
        self.waiting.remove(&key.run);
        self.enqueue(key, priority);
    }

    /// The most urgent run, which is in flight from now on, as long as fewer than `room` are.
    pub(super) fn take_next(&mut self, room: usize) -> Option<(RunKey, Priority)> {
        while self.in_flight.len() < room
            && let Some((_, run)) = self.queue.pop_first()
        {
            if let Some(known) = self.known.get(&run)
                && self.in_flight.insert(run)
            {
                // what it comes to says anew what it waits for
                self.waiting.remove(&run);
                self.busy.remove(&run);
                self.trouble.remove(&run);
                return Some(known.clone());
            }
        }
        None
    }

    /// Takes in what a worker came to; fails with what nothing can go on after.
    pub(super) fn finished(
        &mut self,
        key: &RunKey,
        result: Result<Next, EngineError>,
        now: Timestamp,
        limits: &LimitsConfig,
    ) -> Result<After, EngineError> {
        let run = key.run;
        self.in_flight.remove(&run);
        self.given_up.remove(&run);
        match result {
            Ok(Next::Ended(outcome)) => {
                self.backoff.remove(&run);
                self.known.remove(&run);
                self.open_gates();
                return Ok(After::Ended(outcome));
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
                self.busy.insert(run);
                return Ok(After::Busy(self.priority_of(run)));
            }
            Ok(Next::Yielded) => {
                // after the request that made it yield
                self.waiting.insert(run, (Timestamp::MIN, Hold::Step));
            }
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => self.try_later(key, &error, now, limits),
        }
        Ok(After::Held)
    }

    /// After the machine's trouble; one pass gives the run up at last.
    fn try_later(&mut self, key: &RunKey, error: &EngineError, now: Timestamp, limits: &LimitsConfig) {
        let earlier = self.backoff.get(&key.run);
        let tries = earlier.map_or(1, |(tries, _)| tries + 1);
        let delay = limits.retry_after(earlier.map(|(_, delay)| *delay));
        if self.mode == Mode::Once && tries >= TRIES_ONCE {
            tracing::warn!("{}: {error}; left to the next run", key.id);
            self.given_up.insert(key.run, error.to_string());
            return;
        }
        tracing::warn!("{}: {error}; tried again in {delay:?}", key.id);
        self.backoff.insert(key.run, (tries, delay));
        self.trouble.insert(key.run, Trouble { why: error.to_string(), again: now + delay });
        self.waiting.insert(key.run, (now + delay, Hold::Step));
    }

    /// Gates of other orders may open once one has ended.
    fn open_gates(&mut self) {
        for (until, hold) in self.waiting.values_mut() {
            if *hold == Hold::Gate {
                *until = Timestamp::MIN;
            }
        }
    }

    /// All that are busy are tried again, for something was freed.
    pub(super) fn release_busy(&mut self) {
        for run in std::mem::take(&mut self.busy) {
            self.requeue(run);
        }
    }

    /// One that is busy is tried again.
    pub(super) fn release(&mut self, run: i64) {
        if self.busy.remove(&run) {
            self.requeue(run);
        }
    }

    /// What has waited long enough is tried again.
    pub(super) fn release_due(&mut self, now: Timestamp) {
        let looked = std::mem::replace(&mut self.looked, now);
        let is_due = |until: Timestamp| is_over(until, looked, now);
        let due: Vec<i64> = self.waiting.iter().filter(|(_, (until, _))| is_due(*until)).map(|(run, _)| *run).collect();
        for run in due {
            self.waiting.remove(&run);
            self.requeue(run);
        }
    }

    fn requeue(&mut self, run: i64) {
        self.queue.insert((self.priority_of(run), run));
    }

    fn priority_of(&self, run: i64) -> Priority {
        self.known.get(&run).map(|(_, priority)| *priority).unwrap_or_default()
    }

    /// When the first of those that wait is due.
    pub(super) fn soonest(&self) -> Option<Timestamp> {
        self.waiting.values().map(|(until, _)| *until).min()
    }

    /// Nothing runs, and no step waits; gates, persons and the machine's trouble may take days, and so may what is busy behind
    /// them.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.in_flight.is_empty()
            && !self.waiting.values().any(|(_, hold)| *hold == Hold::Step)
    }

    /// What the machine holds up.
    pub(super) fn held_up(&self) -> Vec<HeldUpRun> {
        self.trouble.iter().map(|(run, trouble)| HeldUpRun { run: *run, trouble: trouble.clone() }).collect()
    }

    pub(super) fn is_in_flight(&self, run: i64) -> bool {
        self.in_flight.contains(&run)
    }

    pub(super) fn in_flight_count(&self) -> usize {
        self.in_flight.len()
    }
}

impl Loop {
    pub(super) fn hand_out(&mut self) {
        while let Some((key, priority)) = self.runs.take_next(self.pool.room()) {
            if !self.pool.send(key, priority) {
                return;
            }
        }
    }

    /// Takes in what the workers came to.
    pub(super) fn collect(&mut self) -> Result<(), EngineError> {
        let limits = &self.executor.settings().config.limits;
        while let Some(Done { key, result }) = self.pool.try_recv() {
            if self.lets_go(&key, &result) {
                // those that waited for what it touched try again
                self.runs.release_busy();
            }
            match self.runs.finished(&key, result, self.executor.clock.now(), limits)? {
                After::Held => {}
                After::Busy(priority) => {
                    if self.subjects.is_servable(key.run, priority) {
                        self.runs.release(key.run);
                    }
                }
                After::Ended(outcome) => {
                    if self.mode == Mode::Once {
                        self.summary.ended.push((key, outcome));
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes from a run what it touches, unless it keeps that, and what it waits for; whether that may let others begin.
    fn lets_go(&self, key: &RunKey, result: &Result<Next, EngineError>) -> bool {
        // one that has begun keeps what it touches until its outcome stands, whatever holds it up
        let keeps = match result {
            Ok(Next::Waits { step: true, .. } | Next::NeedsPerson { .. } | Next::Yielded) => true,
            Ok(_) => false,
            Err(_) => !self.is_judged(key),
        };
        match result {
            Ok(Next::Busy) => false,
            _ if keeps => self.subjects.keep(key.run),
            _ => self.subjects.release(key.run),
        }
    }

    /// Whether nothing but its report and its file are left to do.
    fn is_judged(&self, key: &RunKey) -> bool {
        let row = self.reader.last_run_of(&key.id).ok().flatten();
        row.is_some_and(|row| row.key.run == key.run && matches!(row.phase, Phase::Judged { .. }))
    }

    pub(super) fn note_left(&mut self) -> Result<(), EngineError> {
        for row in self.reader.open_runs()? {
            let blocked = match self.runs.busy.contains(&row.key.run) {
                true => self.holder_of(&self.reader.load(&row.key)?.subjects(), row.key.run)?,
                false => None,
            };
            let why = match (blocked, self.runs.given_up.get(&row.key.run), &row.phase) {
                (Some(why), _, _) => why,
                (None, Some(why), _) => why.clone(),
                (None, None, Phase::Waiting { why, .. } | Phase::Uncertain { why, .. }) => why.clone(),
                (None, None, phase) => phase.name().to_owned(),
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

    fn key(run: i64) -> RunKey {
        RunKey {
            run,
            id: format!("WO-{run}"),
            attempt: 1,
            agent: "a".to_owned(),
            file: format!("WO-{run}.md"),
            sha256: String::new(),
            received: Timestamp::UNIX_EPOCH,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Runs that one pass or a daemon has in hand, at second 0.
    fn runs(mode: Mode, queued: &[(i64, Priority)]) -> Runs {
        let mut runs = Runs::new(mode, at(0));
        for (run, priority) in queued {
            runs.enqueue(key(*run), *priority);
        }
        runs
    }

    impl Runs {
        fn next(&mut self, room: usize) -> Option<i64> {
            self.take_next(room).map(|(key, _)| key.run)
        }

        /// What the worker that has `run` comes to, at second `now`.
        fn back(&mut self, run: i64, now: i64, result: Result<Next, EngineError>) -> After {
            self.finished(&key(run), result, at(now), &LimitsConfig::default()).unwrap()
        }
    }

    #[test]
    fn a_run_is_with_one_worker_at_a_time_and_the_most_urgent_goes_first() {
        let mut runs = runs(Mode::Daemon, &[(1, Priority::P2), (2, Priority::P2), (3, Priority::P0)]);
        assert_eq!((runs.next(2), runs.next(2), runs.next(2)), (Some(3), Some(1), None));
        runs.enqueue(key(3), Priority::P0);
        runs.wake(key(1), Priority::P2);
        assert_eq!((runs.next(9), runs.next(9)), (Some(2), None), "they are with workers");
        // what is busy is tried again once something is freed, as urgent as it was
        assert_eq!(runs.back(3, 0, Ok(Next::Busy)), After::Busy(Priority::P0));
        assert_eq!(runs.back(1, 0, Ok(Next::Busy)), After::Busy(Priority::P2));
        assert_eq!(runs.next(9), None);
        runs.release(1);
        assert_eq!((runs.next(9), runs.next(9)), (Some(1), None));
        runs.release_busy();
        assert_eq!((runs.next(9), runs.next(9)), (Some(3), None));
    }

    /// As where a file that was stuck can be moved after a request had its run looked at.
    #[test]
    fn whatever_queues_a_run_again_it_is_with_one_worker() {
        let mut runs = runs(Mode::Daemon, &[(1, Priority::P2)]);
        assert_eq!(runs.next(9), Some(1));
        runs.back(1, 0, Ok(Next::Waits { until: at(5), step: true }));
        // it waits, and is queued all the same
        runs.enqueue(key(1), Priority::P0);
        runs.enqueue(key(1), Priority::P1);
        assert_eq!(runs.next(9), Some(1));
        runs.release_due(at(9));
        runs.requeue(1);
        assert_eq!(runs.next(9), None, "a worker has it");
        runs.back(1, 9, Ok(Next::Busy));
        runs.release_busy();
        assert_eq!((runs.next(9), runs.next(9)), (Some(1), None));
    }

    #[test]
    fn a_run_that_a_request_made_is_as_urgent_as_its_order() {
        let mut runs = runs(Mode::Daemon, &[(1, Priority::P1)]);
        runs.wake(key(2), Priority::P0);
        assert_eq!((runs.next(9), runs.next(9)), (Some(2), Some(1)));
    }

    #[test]
    fn the_end_of_an_order_lets_gates_be_looked_at_again_and_nothing_else() {
        let mut runs = runs(Mode::Once, &[(1, Priority::P2), (2, Priority::P2), (3, Priority::P2), (4, Priority::P2)]);
        while runs.next(9).is_some() {}
        runs.back(1, 0, Ok(Next::Waits { until: at(50), step: false }));
        runs.back(2, 0, Ok(Next::Waits { until: at(60), step: true }));
        runs.back(3, 0, Ok(Next::NeedsPerson { why: "approval".to_owned(), until: Some(at(70)) }));
        runs.release_due(at(1));
        assert_eq!((runs.next(9), runs.soonest()), (None, Some(at(50))));
        assert_eq!(runs.back(4, 1, Ok(Next::Ended(Outcome::Done))), After::Ended(Outcome::Done));
        runs.release_due(at(2));
        assert_eq!((runs.next(9), runs.next(9), runs.soonest()), (Some(1), None, Some(at(60))));
        // one pass is over when only gates and persons are waited for
        runs.back(1, 2, Ok(Next::Waits { until: at(50), step: false }));
        assert!(!runs.is_idle(), "a step waits");
        runs.release_due(at(60));
        while let Some(run) = runs.next(9) {
            runs.back(run, 60, Ok(Next::Waits { until: at(90), step: false }));
        }
        assert!(runs.is_idle() && runs.given_up.get(&3).is_some_and(|why| why == "approval"));
    }

    #[test]
    fn the_machines_trouble_is_waited_out_for_longer_and_longer_and_one_pass_gives_up() {
        let trouble = || Err(EngineError::Resource("no space left".to_owned()));
        for (mode, waits) in [(Mode::Daemon, &[1, 2, 4, 8, 16, 30, 30][..]), (Mode::Once, &[1, 2, 4][..])] {
            let mut runs = runs(mode, &[(1, Priority::P2)]);
            let mut now = 0;
            for wait in waits {
                assert_eq!((runs.next(9), runs.back(1, now, trouble())), (Some(1), After::Held), "{now}");
                assert_eq!(runs.soonest(), Some(at(now + wait)));
                assert_eq!(runs.held_up().first().map(|held| held.trouble.again), Some(at(now + wait)));
                now += wait;
                runs.release_due(at(now));
            }
            assert_eq!((runs.next(9), runs.back(1, now, trouble())), (Some(1), After::Held));
            assert_eq!((runs.is_idle(), runs.given_up.contains_key(&1)), (mode == Mode::Once, mode == Mode::Once));
            if mode == Mode::Daemon {
                runs.release_due(at(now + 30));
                assert_eq!((runs.held_up().len(), runs.next(9)), (1, Some(1)));
                assert!(runs.held_up().is_empty(), "it is tried again");
            }
        }
        let fatal = Err(EngineError::Fatal("the journal is gone".to_owned()));
        assert!(runs(Mode::Daemon, &[]).finished(&key(1), fatal, at(0), &LimitsConfig::default()).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait_for_it() {
        for (until, looked, now, over) in
            [(10, 5, 9, false), (10, 9, 10, true), (10, 9, 9, false), (1_000_010, 1_000_005, 9, true), (10, 9, 8, true)]
        {
            assert_eq!(is_over(at(until), at(looked), at(now)), over, "{until} {looked} {now}");
        }
    }
}
