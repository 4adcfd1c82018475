//! What is due, why, and its start; what is owed when a run is cut off.
//!
//! What must hold here: the run is in the store, and the next due time moved on with it, before its process starts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::running::Running;
use super::{Message, Worker};
use crate::evidence::StartedBy;
use crate::failpoint;
use crate::schedule::store::Begin;
use crate::schedule::{ScheduleError, calendar, child};
use crate::services::{ManagerKind, Start};

/// A run that begins this much after its time was missed and is made up.
const ON_TIME: SignedDuration = SignedDuration::from_secs(60);

const AT_LOAD: &str = "at load";
const MADE_UP: &str = "made up after ";

/// What is owed when a run is cut off. One that was made up is not made up again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owed {
    pub(super) due: Option<Timestamp>,
    pub(super) at_load: bool,
}

impl Owed {
    pub(super) fn of(started_by: &StartedBy, due: Option<Timestamp>) -> Owed {
        match started_by {
            StartedBy::Manager { cause } => {
                Owed { due: due.filter(|_| !cause.starts_with(MADE_UP)), at_load: cause == AT_LOAD }
            }
            StartedBy::Kicked => Owed { due: None, at_load: false },
        }
    }
}

/// Why a run begins.
struct Cause {
    started_by: StartedBy,
    due: Option<Timestamp>,
    kick: Option<i64>,
    load_run: bool,
}

impl Worker {
    pub(super) fn fire(&mut self) -> Result<(), ScheduleError> {
        let mut kicks: BTreeMap<String, i64> = BTreeMap::new();
        for (label, kick) in self.store.pending_kicks()? {
            if self.jobs.contains_key(&label) {
                kicks.entry(label).or_insert(kick);
            } else {
                self.store.forget_kick(kick)?;
            }
        }
        let labels: Vec<String> = self.jobs.keys().cloned().collect();
        for label in labels {
            self.skip_interval_while_running(&label)?;
            if self.running.contains_key(&label) {
                continue;
            }
            if let Some(cause) = self.cause(&label, kicks.get(&label).copied())? {
                self.start_job(&label, cause)?;
            }
        }
        Ok(())
    }

    /// An interval that passes while the job still runs is skipped, as launchd does; a calendar time is kept.
    fn skip_interval_while_running(&mut self, label: &str) -> Result<(), ScheduleError> {
        let now = self.clock.now();
        let (Some(job), true) = (self.jobs.get_mut(label), self.running.contains_key(label)) else { return Ok(()) };
        let registration = &mut job.registration;
        let start = &registration.definition.start;
        if matches!(start, Start::Interval { .. }) && registration.next.is_some_and(|next| next <= now) {
            registration.next = calendar::next(start, registration.registered, now, &self.zone);
            self.store.set_next(label, registration.revision, registration.next)?;
        }
        Ok(())
    }

    fn cause(&self, label: &str, kick: Option<i64>) -> Result<Option<Cause>, ScheduleError> {
        let Some(job) = self.jobs.get(label) else { return Ok(None) };
        let by_manager = |cause: String| StartedBy::Manager { cause };
        let registration = &job.registration;
        let start = &registration.definition.start;
        let now = self.clock.now();
        if registration.owes_load_run {
            return Ok(Some(Cause {
                started_by: by_manager(AT_LOAD.to_owned()),
                due: None,
                kick: None,
                load_run: true,
            }));
        }
        if let Some(due) = registration.next.filter(|next| *next <= now) {
            // with a clock that was set back, the session seems to begin later than now
            let cause = if due <= self.session.started && self.session.started <= now {
                format!("{MADE_UP}being down")
            } else if now.duration_since(due) <= ON_TIME {
                calendar::describe(start)
            } else {
                let last = self.store.runs(label, ManagerKind::Embedded, 1)?.pop();
                match last.and_then(|run| run.ended).is_some_and(|ended| ended >= due) {
                    true => format!("{MADE_UP}the run before it"),
                    false => format!("{MADE_UP}sleep"),
                }
            };
            return Ok(Some(Cause { started_by: by_manager(cause), due: Some(due), kick: None, load_run: false }));
        }
        if kick.is_some() {
            return Ok(Some(Cause { started_by: StartedBy::Kicked, due: None, kick, load_run: false }));
        }
        let free = job.not_before.is_none_or(|at| at <= Instant::now());
        if matches!(start, Start::KeepAlive) && free {
            let cause = if job.started { "kept alive: started again" } else { "kept alive" };
            return Ok(Some(Cause {
                started_by: by_manager(cause.to_owned()),
                due: None,
                kick: None,
                load_run: false,
            }));
        }
        Ok(None)
    }

    fn start_job(&mut self, label: &str, cause: Cause) -> Result<(), ScheduleError> {
        let Some(lock) = child::lock(&self.root, label)? else { return Ok(()) };
        let Some(job) = self.jobs.get_mut(label) else { return Ok(()) };
        let now = self.clock.now();
        let registration = &mut job.registration;
        let definition = &registration.definition;
        let next = match registration.next {
            Some(next) if next > now => Some(next),
            _ => calendar::next(&definition.start, registration.registered, now, &self.zone),
        };
        let begin = Begin {
            label,
            manager: ManagerKind::Embedded,
            due: cause.due,
            started_by: &cause.started_by,
            pid: None,
            next,
            kick: cause.kick,
            load_run: cause.load_run,
        };
        let run = self.store.begin(&begin, now)?;
        failpoint::hit("schedule.begun");
        registration.next = next;
        registration.owes_load_run &= !cause.load_run;
        let kept_alive = definition.start == Start::KeepAlive;
        job.started = true;
        job.not_before = kept_alive.then(|| Instant::now() + Duration::from_secs(self.config.throttle_s));
        let child = match child::spawn(definition, &lock, run) {
            Ok(child) => child,
            Err(why) => {
                tracing::warn!("{label} did not start: {why}");
                return self.store.end(run, self.clock.now(), Some(child::NOT_STARTED), Some(&why));
            }
        };
        failpoint::hit("schedule.spawned");
        let group = child::pid_of(&child);
        let recorded = self.store.set_pid(run, child.id());
        let deadline = Duration::from_secs(self.config.job_deadline_s);
        let running = Running {
            run,
            group,
            kept_alive,
            deadline: (!kept_alive).then(|| Instant::now() + deadline),
            kill_at: None,
            note: None,
            owed: Owed::of(&cause.started_by, cause.due),
            cut_off: false,
            _lock: lock,
        };
        self.running.insert(label.to_owned(), running);
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            let _ = sender.send(Message::Ended { run, status: child::wait(child) });
        });
        recorded
    }
}
