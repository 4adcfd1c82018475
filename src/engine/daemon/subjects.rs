//! What each run in hand touches, and what runs wait to touch.
//!
//! What must hold here: two runs that touch the same subject are never at work at once, and of those that wait for one the
//! most urgent gets it, then the one that came first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::order::Priority;

#[derive(Default)]
pub(super) struct Subjects(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    held: HashMap<i64, Vec<String>>,
    /// By urgency; those that asked and did not get it.
    wanted: BTreeMap<(Priority, i64), Vec<String>>,
}

impl Subjects {
    /// Takes all of `subjects` for `run`, or none; `false` when another run has some of them, or a more urgent one that could
    /// begin now waits for them.
    pub(super) fn reserve(&self, run: i64, priority: Priority, subjects: &[String]) -> bool {
        let mut inner = self.inner();
        let is_served = inner.may_have(run, priority, subjects);
        if is_served {
            inner.wanted.remove(&(priority, run));
            inner.held.insert(run, subjects.to_vec());
        } else {
            inner.wanted.insert((priority, run), subjects.to_vec());
        }
        is_served
    }

    /// Whether a run that was refused would be served now: what it waited for may have become free before its refusal was
    /// looked at.
    pub(super) fn is_servable(&self, run: i64, priority: Priority) -> bool {
        let inner = self.inner();
        inner.wanted.get(&(priority, run)).is_none_or(|subjects| inner.may_have(run, priority, subjects))
    }

    /// Neither holds nor wants anything any more; whether that may let others begin.
    pub(super) fn release(&self, run: i64) -> bool {
        let mut inner = self.inner();
        let held = inner.held.remove(&run).is_some();
        inner.forget(run) || held
    }

    /// Keeps what it has and waits for nothing more; whether that may let others begin.
    pub(super) fn keep(&self, run: i64) -> bool {
        self.inner().forget(run)
    }

    /// A run that has some of `subjects`, and which.
    pub(super) fn holder(&self, run: i64, subjects: &[String]) -> Option<(i64, String)> {
        let inner = self.inner();
        inner.held.iter().filter(|(other, _)| **other != run).find_map(|(other, theirs)| {
            theirs.iter().find(|subject| subjects.contains(subject)).map(|subject| (*other, subject.clone()))
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn may_have(&self, run: i64, priority: Priority, subjects: &[String]) -> bool {
        self.is_free(run, subjects)
            && !self
                .wanted
                .range(..(priority, run))
                .any(|((_, other), theirs)| *other != run && share(theirs, subjects) && self.is_free(*other, theirs))
    }

    fn is_free(&self, run: i64, subjects: &[String]) -> bool {
        self.held.iter().all(|(other, theirs)| *other == run || !share(theirs, subjects))
    }

    fn forget(&mut self, run: i64) -> bool {
        let before = self.wanted.len();
        self.wanted.retain(|(_, other), _| *other != run);
        self.wanted.len() < before
    }
}

fn share(a: &[String], b: &[String]) -> bool {
    a.iter().any(|subject| b.contains(subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_most_urgent_of_those_that_wait_is_served_first_then_the_oldest() {
        let subjects = Subjects::default();
        let s = named(&["s"]);
        assert!(subjects.reserve(1, Priority::P2, &s));
        for (run, priority) in [(2, Priority::P3), (3, Priority::P0), (4, Priority::P0)] {
            assert!(!subjects.reserve(run, priority, &s), "{run}");
        }
        assert!(subjects.reserve(1, Priority::P2, &s), "what a run has it may take again");
        assert!(!subjects.is_servable(3, Priority::P0));
        assert!(subjects.release(1));
        assert!(!subjects.reserve(2, Priority::P3, &s) && !subjects.reserve(4, Priority::P0, &s));
        assert!(subjects.is_servable(3, Priority::P0) && subjects.reserve(3, Priority::P0, &s));
        assert!(subjects.release(3) && subjects.reserve(4, Priority::P0, &s));
        assert!(subjects.release(4) && subjects.reserve(2, Priority::P3, &s));
    }

    /// One that can't begin anyway keeps nobody from what is free.
    #[test]
    fn who_waits_for_something_else_holds_up_nobody() {
        let subjects = Subjects::default();
        assert!(subjects.reserve(1, Priority::P2, &named(&["a"])));
        assert!(!subjects.reserve(2, Priority::P0, &named(&["a", "b"])));
        assert!(subjects.reserve(3, Priority::P3, &named(&["b"])));
        assert_eq!(subjects.holder(2, &named(&["b"])), Some((3, "b".to_owned())));
        // a waiter that goes away lets others begin
        assert!(subjects.release(1) && subjects.release(3) && subjects.is_servable(2, Priority::P0));
        assert!(!subjects.reserve(4, Priority::P3, &named(&["a"])));
        assert!(subjects.keep(2) && subjects.is_servable(4, Priority::P3));
        assert!(!subjects.release(9), "nothing was freed");
    }
}
