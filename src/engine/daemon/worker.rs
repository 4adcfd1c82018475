//! The threads that advance runs.
//!
//! What must hold here: whatever becomes of a run, its thread goes on and says so.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::subjects::Subjects;
use crate::bridge::watch::{Waker, Watcher};
use crate::engine::pipeline::{self, Next};
use crate::engine::{EngineError, Executor};
use crate::journal::{Reader, RunKey};
use crate::order::Priority;
use crate::text;

/// What a worker came to.
pub(super) struct Done {
    pub(super) key: RunKey,
    pub(super) result: Result<Next, EngineError>,
}

/// The workers, as the loop sees them.
pub(super) struct Pool {
    work: mpsc::Sender<(RunKey, Priority)>,
    done: mpsc::Receiver<Done>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// `limits.workers` threads, which wait for work.
    pub(super) fn start(
        executor: &Arc<Executor>,
        subjects: &Arc<Subjects>,
        watcher: &Watcher,
    ) -> Result<Pool, EngineError> {
        let (work, jobs) = mpsc::channel();
        let (finished, done) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let mut workers = Vec::new();
        for n in 0..executor.settings().config.limits.workers {
            let worker = Worker {
                executor: Arc::clone(executor),
                reader: executor.journal.reader()?,
                jobs: Arc::clone(&jobs),
                done: finished.clone(),
                waker: watcher.waker(),
                subjects: Arc::clone(subjects),
            };
            workers.push(
                std::thread::Builder::new()
                    .name(format!("worker {n}"))
                    .spawn(move || worker.run())
                    .map_err(EngineError::Thread)?,
            );
        }
        Ok(Pool { work, done, workers })
    }

    /// How many runs the workers should have: the next of each lies ready.
    pub(super) fn room(&self) -> usize {
        self.workers.len() * 2
    }

    /// Whether a worker will take it; none does once all have ended.
    pub(super) fn send(&self, key: RunKey, priority: Priority) -> bool {
        self.work.send((key, priority)).is_ok()
    }

    pub(super) fn try_recv(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }

    /// Gives out no more work; what became, within `patience`, of the `out` runs that the workers have. Once all are back the
    /// workers have ended, too.
    pub(super) fn drain(&mut self, out: usize, patience: Duration) -> Vec<Done> {
        let (closed, _) = mpsc::channel();
        self.work = closed;
        let deadline = Instant::now() + patience;
        let mut back = Vec::new();
        while back.len() < out
            && let Ok(done) = self.done.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            back.push(done);
        }
        if back.len() == out {
            for worker in self.workers.drain(..) {
                let _ = worker.join();
            }
        }
        back
    }
}

struct Worker {
    executor: Arc<Executor>,
    reader: Reader,
    jobs: Arc<Mutex<mpsc::Receiver<(RunKey, Priority)>>>,
    done: mpsc::Sender<Done>,
    waker: Waker,
    subjects: Arc<Subjects>,
}

impl Worker {
    fn run(self) {
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
