//! The executor's loop: wake → scan → claim → hand runs to workers. Truth is the scan and the journal; events only wake.
//!
//! One thread loops; `limits.workers` threads advance runs. Runs that touch the same subject never run side by side, and a
//! run whose step waits keeps what it touches.
//!
//! What the loop knows stands in four places, each with its own rules: `Inbox` the files, `Runs` the orders in hand, `Pool` the
//! workers, `HoldOff` when to look again after trouble.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::held_up::{self, HeldUp, Trouble};
use super::pipeline::Next;
use super::{EngineError, Executor, claim, edited, notice, requests};
use crate::bridge::settle::Patience;
use crate::bridge::watch::{Waker, Watcher};
use crate::config::InboxConfig;
use crate::evidence::Outcome;
use crate::journal::{Reader, RunKey};

mod hold_off;
mod inbox;
mod runs;
mod subjects;
mod worker;

use hold_off::HoldOff;
use inbox::Inbox;
use runs::Runs;
use subjects::Subjects;
use worker::Pool;

/// Workers get this long to finish or park their steps after the wish to stop.
const DRAIN: Duration = Duration::from_secs(6);
/// What is remembered is looked through this often.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// What waits for delivery after a signal gets this long; the rest is told at the next start.
const COURIER_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Until stopped.
    Daemon,
    /// Until nothing is left to do now.
    Once,
}

impl Mode {
    /// How long a file in an inbox must be quiet.
    fn patience(self, inbox: &InboxConfig) -> Patience {
        match self {
            Mode::Daemon => Patience::daemon(inbox),
            Mode::Once => Patience::once(inbox),
        }
    }
}

/// What the loop came to, for the exit code.
#[derive(Debug, Default)]
pub struct Summary {
    pub ended: Vec<(RunKey, Outcome)>,
    /// Runs that are left waiting, with why.
    pub left: Vec<(RunKey, String)>,
    /// Files that were rejected, with why.
    pub rejected: Vec<(String, String)>,
    /// What stays in an inbox because a limit is reached, and why.
    pub unclaimed: Vec<String>,
    /// How many notices wait for whom, after one pass.
    pub undelivered: Option<String>,
    /// Told to stop before everything was done.
    pub interrupted: bool,
}

struct Loop {
    executor: Arc<Executor>,
    mode: Mode,
    reader: Reader,
    watcher: Watcher,
    inbox: Inbox,
    runs: Runs,
    subjects: Arc<Subjects>,
    pool: Pool,
    summary: Summary,
    hold_off: HoldOff,
    next_forget: Option<Instant>,
    /// The trouble of the last look.
    look_trouble: Option<Trouble>,
    /// What other processes were told last.
    told: HeldUp,
}

/// Runs until the mode's end. `reload` is looked at on every turn and answers with new settings when a person asked.
pub fn run(
    executor: &Arc<Executor>,
    mode: Mode,
    reload: &dyn Fn(&Executor),
    on_waker: impl FnOnce(Waker),
) -> Result<Summary, EngineError> {
    make_folders(executor)?;
    // of an executor that was killed, whose pid this one may have
    let _ = held_up::tell(&executor.root, &HeldUp::default());
    let watcher = Watcher::start(&executor.root, &executor.settings().config.inbox);
    on_waker(watcher.waker());
    let mut this = Loop::start(executor, mode, watcher)?;
    let courier = notice::start_courier(executor, mode == Mode::Once)?;
    let result = this.recover().and_then(|()| this.turns(reload));
    if mode == Mode::Once {
        notice::finish_courier(executor, &courier);
        this.summary.undelivered = notice::undelivered(executor).ok().flatten();
    }
    this.drain();
    let _ = held_up::tell(&executor.root, &HeldUp::default());
    let result = match mode {
        Mode::Once if this.summary.interrupted => result.and_then(|()| this.note_left()),
        _ => result,
    };
    notice::end_courier(executor, courier, COURIER_PATIENCE);
    executor.journal.close();
    crate::process::kill_all();
    result.map(|()| this.summary)
}

/// The folders of each agent's mail; says where mail lies that nobody looks at.
fn make_folders(executor: &Executor) -> Result<(), EngineError> {
    let config = executor.settings().config;
    for agent in &config.inbox.agents {
        crate::bridge::check_agent(agent)?;
        for dir in [
            executor.root.inbox(agent),
            executor.root.processing(agent),
            executor.root.archive(agent),
            executor.root.rejected(agent),
            executor.root.outbox(agent),
        ] {
            crate::durable::create_dir_all(&dir)?;
        }
    }
    for why in crate::bridge::astray::told(&executor.root, &config) {
        tracing::warn!("{why}");
    }
    Ok(())
}

impl Loop {
    /// With its workers, which wait for work.
    fn start(executor: &Arc<Executor>, mode: Mode, watcher: Watcher) -> Result<Loop, EngineError> {
        let config = executor.settings().config;
        let subjects: Arc<Subjects> = Arc::default();
        let pool = Pool::start(executor, &subjects, &watcher)?;
        Ok(Loop {
            executor: Arc::clone(executor),
            mode,
            reader: executor.journal.reader()?,
            watcher,
            inbox: Inbox::new(mode.patience(&config.inbox)),
            runs: Runs::new(mode, executor.clock.now()),
            subjects,
            pool,
            summary: Summary::default(),
            hold_off: HoldOff::new(&config.limits),
            next_forget: None,
            look_trouble: None,
            told: HeldUp::default(),
        })
    }

    /// Takes up every run that has not ended, and sweeps out what was being written when an earlier executor was killed.
    fn recover(&mut self) -> Result<(), EngineError> {
        let open = self.reader.open_runs()?;
        let mut is_sorted_out = true;
        for agent in &self.executor.settings().config.inbox.agents {
            let root = &self.executor.root;
            for dir in [root.outbox(agent), root.processing(agent), root.archive(agent), root.rejected(agent)] {
                crate::durable::sweep(&dir);
            }
            for held in crate::bridge::moves::recover_listing(&self.executor.root, agent)? {
                let keys = open.iter().map(|row| &row.key);
                let aside = edited::sort_out(&self.executor, &self.reader, agent, &held, keys);
                let aside = unless_fatal(aside)?;
                is_sorted_out &= aside.is_some();
                self.summary.rejected.extend(aside.flatten());
            }
        }
        if is_sorted_out {
            unless_fatal(self.executor.journal.make_sure().map_err(EngineError::from))?;
        }
        for row in open {
            let moved = unless_fatal(claim::finish_unmoved(&self.executor, &row.key))?;
            // what it touched before it was cut off is its own again before anybody else can ask for it
            let run = self.reader.load(&row.key)?;
            if run.keeps_subjects() {
                self.subjects.reserve(row.key.run, row.priority, &run.subjects());
            } else if moved.is_none() && !run.has_begun() {
                // the look at the inbox takes it up, once its file can be moved
                continue;
            }
            self.runs.enqueue(row.key, row.priority);
        }
        Ok(())
    }

    fn turns(&mut self, reload: &dyn Fn(&Executor)) -> Result<(), EngineError> {
        let mut wanted = true;
        let mut next_rescan = Instant::now();
        while !self.executor.stop.is_set() {
            reload(&self.executor);
            let config = self.executor.settings().config;
            let now = Instant::now();
            wanted |= self.inbox.next_look().is_some_and(|due| due <= now) || next_rescan <= now;
            let look = wanted && !self.hold_off.delays(now);
            match self.turn(look) {
                Ok(()) => {
                    if look {
                        wanted = false;
                        self.look_trouble = None;
                        next_rescan = Instant::now() + Duration::from_millis(config.inbox.rescan_ms);
                    }
                }
                Err(error) if error.is_fatal() || self.mode == Mode::Once => return Err(error),
                // nothing is lost, all of it is looked at again
                Err(error) => {
                    let delay = self.hold_off.after_error(&config.limits);
                    let again = self.executor.clock.now() + delay;
                    self.look_trouble = Some(Trouble { why: error.to_string(), again });
                    tracing::warn!("{error}; looked at again in {delay:?}");
                }
            }
            self.tell_trouble();
            if self.mode == Mode::Once && self.runs.is_idle() && !self.inbox.is_settling() {
                return self.note_left();
            }
            let wake = self.watcher.wait(self.timeout(next_rescan, wanted));
            if let Some(error) = &wake.error {
                tracing::warn!("{error}");
            }
            self.inbox.hear(&wake);
            wanted |= wake.dirty || wake.rescan;
        }
        self.summary.interrupted = true;
        Ok(())
    }

    /// One look at everything that may have changed.
    fn turn(&mut self, look: bool) -> Result<(), EngineError> {
        self.executor.check_hold()?;
        self.collect()?;
        if look {
            self.scan()?;
            self.forget_old()?;
        }
        let is_in_flight = |run: i64| self.runs.is_in_flight(run);
        for (key, priority) in requests::carry_out(&self.executor, &self.reader, &is_in_flight)? {
            self.runs.wake(key, priority);
        }
        self.runs.release_due(self.executor.clock.now());
        self.hand_out();
        Ok(())
    }

    /// Tells other processes what the machine holds up, where that has changed.
    fn tell_trouble(&mut self) {
        let held_up = HeldUp { runs: self.runs.held_up(), look: self.look_trouble.clone() };
        if held_up == self.told {
            return;
        }
        match held_up::tell(&self.executor.root, &held_up.masked(&self.executor.settings().masker)) {
            Ok(()) => self.told = held_up,
            // the log has it, too; it is tried again with the next turn
            Err(error) => tracing::debug!("failed to tell what is held up: {error}"),
        }
    }

    fn forget_old(&mut self) -> Result<(), EngineError> {
        let now = Instant::now();
        if self.next_forget.is_none_or(|due| due <= now) {
            self.next_forget = Some(now + FORGET_EVERY);
            let given_up = self.executor.journal.forget(self.executor.settings().config.limits.remembered)?;
            if given_up > 0 {
                tracing::warn!("{given_up} notices that could not be delivered are forgotten (limits.remembered)");
            }
        }
        Ok(())
    }

    fn timeout(&self, next_rescan: Instant, wanted: bool) -> Duration {
        let now = Instant::now();
        let due = if wanted { now } else { self.inbox.next_look().map_or(next_rescan, |due| due.min(next_rescan)) };
        let mut timeout = self.hold_off.put_off(due).saturating_duration_since(now);
        if let Some(until) = self.runs.soonest() {
            let left = until.duration_since(self.executor.clock.now());
            timeout = timeout.min(Duration::try_from(left).unwrap_or_default());
        }
        timeout
    }

    /// Lets the workers finish or park their steps; what does not come back in time is recovered at the next start.
    fn drain(&mut self) {
        self.executor.stop.set();
        for done in self.pool.drain(self.runs.in_flight_count(), DRAIN) {
            if let Ok(Next::Ended(outcome)) = done.result {
                self.summary.ended.push((done.key, outcome));
            }
        }
    }
}

/// The machine's trouble with one file at the start: it is said, and keeps nothing else back.
fn unless_fatal<T>(result: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_fatal() => Err(error),
        Err(error) => {
            tracing::warn!("{error}");
            Ok(None)
        }
    }
}
