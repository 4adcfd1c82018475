//! What an earlier session left: runs whose end nobody saw.
//!
//! What must hold here: a job that outlived its `wo up` is not started beside itself, and what was cut off, or never began, is
//! owed once more.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use rustix::process::Signal;

use super::Worker;
use super::due::Owed;
use super::running::{group_of, signal_group};
use crate::schedule::store::Run;
use crate::schedule::{ScheduleError, child};
use crate::services::Start;

pub(super) struct LeftOver {
    pub(super) run: Run,
    /// Told to end; when to kill it.
    kill_at: Option<Instant>,
}

impl Worker {
    /// Ends what an earlier session left: a run that was cut off, or never began, is owed once more.
    pub(super) fn recover(&mut self) -> Result<(), ScheduleError> {
        let left = self.store.open_runs()?;
        self.left_over = left.into_iter().map(|run| LeftOver { run, kill_at: None }).collect();
        self.reap_left_over()
    }

    pub(super) fn reap_left_over(&mut self) -> Result<(), ScheduleError> {
        let mut remaining = Vec::new();
        for left in std::mem::take(&mut self.left_over) {
            let run = &left.run;
            if child::is_locked(&self.root, &run.label)? {
                // it outlived its `wo up` and still works
                remaining.push(left);
                continue;
            }
            let note = match run.pid {
                Some(_) => "cut off, or its end not seen, when the `wo up` that ran it ended",
                None => "whether it began is not known: the `wo up` that was to run it ended",
            };
            self.store.end(run.id, self.clock.now(), None, Some(note))?;
            let owed = Owed::of(&run.started_by, run.due);
            // made up or not: as far as is known, one without a process did not happen
            let due = if run.pid.is_none() { run.due } else { owed.due };
            self.store.owe(&run.label, due, owed.at_load)?;
            // `load` must see it even though this connection wrote it
            self.seen = None;
        }
        self.left_over = remaining;
        Ok(())
    }

    /// A run that outlived its `wo up` may finish, within its deadline. A service that is kept alive, or is no longer
    /// registered, is ended: the first then starts again under this schedule.
    pub(super) fn end_left_over(&mut self) {
        let deadline = SignedDuration::try_from(Duration::from_secs(self.config.job_deadline_s)).unwrap_or_default();
        let (now, grace) = (Instant::now(), Duration::from_secs(self.config.stop_grace_s));
        for left in &mut self.left_over {
            let job = self.jobs.get(&left.run.label);
            let kept_alive = job.is_some_and(|job| job.registration.definition.start == Start::KeepAlive);
            let late = self.clock.now().duration_since(left.run.started) > deadline;
            if job.is_some() && !kept_alive && !late {
                continue;
            }
            let group = left.run.pid.and_then(group_of);
            match left.kill_at {
                None => signal_group(group, Signal::TERM),
                Some(at) if at <= now => signal_group(group, Signal::KILL),
                Some(_) => continue,
            }
            left.kill_at = Some(now + grace);
        }
    }
}
