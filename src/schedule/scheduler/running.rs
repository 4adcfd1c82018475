//! The runs that have a process: their deadlines, how they are told to end, and their ends recorded.
//!
//! What must hold here: an end that could not be written is kept until it can be; nothing is killed before its grace.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal};

use super::Worker;
use super::due::Owed;
use crate::process::life_lock::LifeLock;
use crate::schedule::{ScheduleError, child};

pub(super) struct Running {
    pub(super) run: i64,
    pub(super) group: Option<Pid>,
    pub(super) kept_alive: bool,
    pub(super) deadline: Option<Instant>,
    /// Told to end; when to kill it.
    pub(super) kill_at: Option<Instant>,
    pub(super) note: Option<String>,
    pub(super) owed: Owed,
    /// It ends because its `wo up` does.
    pub(super) cut_off: bool,
    pub(super) _lock: LifeLock,
}

pub(super) struct End {
    run: i64,
    label: String,
    at: Timestamp,
    exit: Option<i32>,
    note: Option<String>,
    /// Cut off with its `wo up`: it is owed once more.
    owed: Option<Owed>,
}

impl Worker {
    pub(super) fn ended(&mut self, run: i64, status: std::io::Result<ExitStatus>) {
        let Some(label) = self.running.iter().find(|(_, running)| running.run == run).map(|(label, _)| label.clone())
        else {
            return;
        };
        let Some(running) = self.running.remove(&label) else { return };
        let exit = status.as_ref().ok().copied().and_then(child::exit_of);
        let note = running.note.or_else(|| status.err().map(|error| format!("failed to wait for it: {error}")));
        let owed = (running.cut_off && exit != Some(0)).then_some(running.owed);
        // killed because its `wo up` ended: no crash of its own
        let exit = exit.filter(|exit| !(running.cut_off && *exit == -9));
        self.unrecorded.push(End { run, label, at: self.clock.now(), exit, note, owed });
    }

    pub(super) fn record_ends(&mut self) -> Result<(), ScheduleError> {
        while let Some(end) = self.unrecorded.first() {
            self.store.end(end.run, end.at, end.exit, end.note.as_deref())?;
            if let Some(owed) = end.owed {
                self.store.owe(&end.label, owed.due, owed.at_load)?;
            }
            self.unrecorded.remove(0);
        }
        Ok(())
    }

    /// Deadlines of runs, and of those that were told to end.
    pub(super) fn enforce(&mut self) {
        let now = Instant::now();
        let late: Vec<String> = self
            .running
            .iter()
            .filter(|(_, running)| running.kill_at.is_none() && running.deadline.is_some_and(|at| at <= now))
            .map(|(label, _)| label.clone())
            .collect();
        let deadline = crate::text::duration_ns(self.config.job_deadline_s.saturating_mul(1_000_000_000));
        for label in late {
            self.tell_to_end(&label, &format!("ended at its deadline of {deadline}"));
        }
        for running in self.running.values_mut().filter(|running| running.kill_at.is_some_and(|at| at <= now)) {
            running.signal(Signal::KILL);
            running.kill_at = Some(now + Duration::from_secs(1));
        }
    }

    pub(super) fn tell_to_end(&mut self, label: &str, note: &str) {
        let grace = Duration::from_secs(self.config.stop_grace_s);
        if let Some(running) = self.running.get_mut(label).filter(|running| running.kill_at.is_none()) {
            running.signal(Signal::TERM);
            running.kill_at = Some(Instant::now() + grace);
            running.note = Some(note.to_owned());
        }
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        signal_group(self.group, signal);
    }
}

pub(super) fn group_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

pub(super) fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // it may have ended meanwhile
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
