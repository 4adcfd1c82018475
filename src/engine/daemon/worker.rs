//! The threads that advance runs, and what each run touches meanwhile.
//!
//! What must hold here: two runs that touch the same subject are never at work at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use crate::bridge::watch::Waker;
use crate::engine::pipeline::{self, Next};
use crate::engine::{EngineError, Executor};
use crate::journal::{Reader, RunKey};

pub(super) struct Done {
    pub(super) key: RunKey,
    pub(super) result: Result<Next, EngineError>,
}

/// What each run in hand touches.
pub(super) type Reserved = Arc<Mutex<HashMap<i64, Vec<String>>>>;

pub(super) struct Worker {
    pub(super) executor: Arc<Executor>,
    pub(super) reader: Reader,
    pub(super) jobs: Arc<Mutex<mpsc::Receiver<RunKey>>>,
    pub(super) done: mpsc::Sender<Done>,
    pub(super) waker: Waker,
    pub(super) reserved: Reserved,
}

impl Worker {
    pub(super) fn run(self) {
        loop {
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(key) = job else { return };
            let reserve = |subjects: &[String]| reserve(&self.reserved, key.run, subjects);
            let start = Instant::now();
            let result = if self.executor.stop.is_set() {
                Ok(Next::Yielded)
            } else {
                pipeline::advance(&self.executor, &self.reader, &key, &reserve)
            };
            let over = matches!(result, Ok(Next::Ended(_)));
            self.executor.add_worked(key.run, (!over).then(|| start.elapsed()));
            if self.done.send(Done { key, result }).is_err() {
                return;
            }
            self.waker.wake();
        }
    }
}

pub(super) fn reserve(reserved: &Reserved, run: i64, subjects: &[String]) -> bool {
    let mut reserved = reserved.lock().unwrap_or_else(PoisonError::into_inner);
    let taken =
        reserved.iter().any(|(other, theirs)| *other != run && theirs.iter().any(|subject| subjects.contains(subject)));
    if !taken {
        reserved.insert(run, subjects.to_vec());
    }
    !taken
}
