//! The jobs as they are registered: read anew whenever the store changed, due times along with the machine's zone.
//!
//! What must hold here: a due time that passed while nothing ran the schedule is kept, a job that did not change goes on as it
//! is, and no clock that is set back holds a job up.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Worker;
use crate::schedule::store::Registration;
use crate::schedule::{ScheduleError, calendar};
use crate::services::ManagerKind;

pub(super) struct Job {
    pub(super) registration: Registration,
    /// A kept-alive service is not started again before this.
    pub(super) not_before: Option<Instant>,
    /// Kept alive, it has been started by this session before.
    pub(super) started: bool,
}

impl Worker {
    /// Local times follow the machine when its zone changes.
    pub(super) fn follow_zone(&mut self) -> Result<(), ScheduleError> {
        if self.fixed_zone.is_some() {
            return Ok(());
        }
        let zone = calendar::local_zone();
        let name = calendar::zone_name(&zone);
        if name == self.session.zone {
            return Ok(());
        }
        self.zone = zone;
        self.session.zone = name;
        self.store.set_session(Some(&self.session))?;
        let now = self.clock.now();
        for job in self.jobs.values_mut() {
            let registration = &mut job.registration;
            if registration.next.is_some_and(|next| next > now) {
                registration.next =
                    calendar::next(&registration.definition.start, registration.registered, now, &self.zone);
                self.store.set_next(&registration.definition.label, registration.revision, registration.next)?;
            }
        }
        Ok(())
    }

    /// A clock that was set back leaves due times far ahead: what is due is the first time from now on, save the one that ran
    /// last.
    pub(super) fn follow_clock(&mut self) -> Result<(), ScheduleError> {
        let now = self.clock.now();
        for (label, job) in &mut self.jobs {
            let registration = &mut job.registration;
            let Some(known) = registration.next.filter(|next| *next > now) else { continue };
            let next =
                |after| calendar::next(&registration.definition.start, registration.registered, after, &self.zone);
            let Some(mut first) = next(now).filter(|first| *first < known) else { continue };
            let last = self.store.runs(label, ManagerKind::Embedded, 1)?.pop();
            if last.is_some_and(|run| run.due == Some(first)) {
                first = next(first).unwrap_or(known);
            }
            if first < known {
                tracing::warn!("the clock was set back: {label} is due at {first}, not at {known}");
                registration.next = Some(first);
                self.store.set_next(label, registration.revision, registration.next)?;
            }
        }
        Ok(())
    }

    pub(super) fn load(&mut self) -> Result<(), ScheduleError> {
        let version = self.store.data_version()?;
        if self.seen == Some(version) {
            return Ok(());
        }
        let now = self.clock.now();
        let token = self.session.token();
        let mut jobs = BTreeMap::new();
        for mut registration in self.store.registrations()? {
            let label = registration.definition.label.clone();
            let known = self.jobs.remove(&label);
            let same = known.as_ref().is_some_and(|job| job.registration.revision == registration.revision);
            if registration.loaded.as_deref() != Some(&token) {
                // a due time in the past is a run that was missed: it stays, and is made up
                if registration.next.is_none_or(|next| next > now) {
                    let start = &registration.definition.start;
                    registration.next = calendar::next(start, registration.registered, now, &self.zone);
                }
                self.store.set_loaded(&label, registration.revision, &self.session, registration.next)?;
                registration.loaded = Some(token.clone());
                if self.running.get(&label).is_some_and(|running| running.kept_alive) {
                    self.tell_to_end(&label, "replaced by a new definition");
                }
            }
            let job = match known.filter(|_| same) {
                Some(known) => Job { registration, ..known },
                None => Job { registration, not_before: None, started: false },
            };
            jobs.insert(label, job);
        }
        for label in std::mem::replace(&mut self.jobs, jobs).into_keys() {
            self.tell_to_end(&label, "its service was booted out");
        }
        self.seen = Some(version);
        Ok(())
    }
}
