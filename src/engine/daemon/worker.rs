//! The threads that advance runs.
//!
//! What must hold here: whatever becomes of a run, its thread goes on and says so.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Instant;

use super::subjects::Subjects;
use crate::bridge::watch::Waker;
use crate::engine::pipeline::{self, Next};
use crate::engine::{EngineError, Executor};
use crate::journal::{Reader, RunKey};
use crate::order::Priority;
use crate::text;

pub(super) struct Done {
    pub(super) key: RunKey,
    pub(super) result: Result<Next, EngineError>,
}

pub(super) struct Worker {
    pub(super) executor: Arc<Executor>,
    pub(super) reader: Reader,
    pub(super) jobs: Arc<Mutex<mpsc::Receiver<(RunKey, Priority)>>>,
    pub(super) done: mpsc::Sender<Done>,
    pub(super) waker: Waker,
    pub(super) subjects: Arc<Subjects>,
}

impl Worker {
    pub(super) fn run(self) {
        loop {
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((key, priority)) = job else { return };
            let reserve = |subjects: &[String]| self.subjects.reserve(key.run, priority, subjects);
            let start = Instant::now();
            let result = if self.executor.stop.is_set() {
                Ok(Next::Yielded)
            } else {
                let advance = || pipeline::advance(&self.executor, &self.reader, &key, &reserve);
                catch_unwind(AssertUnwindSafe(advance)).unwrap_or_else(|panic| Err(panicked(&*panic)))
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

fn panicked(panic: &(dyn Any + Send)) -> EngineError {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    EngineError::Panicked(text::line(words.unwrap_or("no reason given"), 300))
}
