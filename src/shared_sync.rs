//! Directory fsyncs that callers share: whoever asks while one is under way waits for the next one, and all who wait are
//! served by it. So a backlog of orders costs one fsync of the outbox for many reports.
//!
//! Invariant: the fsync that serves a caller began after the caller asked, so that whatever it did before is covered.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::durable::DurableError;

/// One directory's rounds.
#[derive(Default)]
struct Group {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// Rounds that have begun and that have ended, counted from 1.
    begun: u64,
    done: u64,
    /// Callers that wait for a round to end.
    waiting: usize,
    /// What the last rounds came to, by number; only those that somebody may still ask for.
    failed: HashMap<u64, Failure>,
}

/// An error that many callers get.
#[derive(Clone)]
struct Failure {
    is_fatal: bool,
    code: Option<i32>,
    text: String,
}

impl Failure {
    fn of(error: &DurableError) -> Failure {
        let (DurableError::Io { source, .. } | DurableError::Sync { source, .. }) = error;
        Failure { is_fatal: error.is_fatal(), code: source.raw_os_error(), text: source.to_string() }
    }

    fn error(&self, path: &Path) -> DurableError {
        let source = self.code.map_or_else(|| io::Error::other(self.text.clone()), io::Error::from_raw_os_error);
        match self.is_fatal {
            true => DurableError::Sync { path: path.to_owned(), source },
            false => DurableError::Io { op: "open", path: path.to_owned(), source },
        }
    }
}

static GROUPS: Mutex<Option<HashMap<PathBuf, Arc<Group>>>> = Mutex::new(None);

/// Carries out `sync` on the directory `path`, or waits for another caller's that begins after this call.
pub fn shared(path: &Path, sync: impl FnOnce() -> Result<(), DurableError>) -> Result<(), DurableError> {
    let group = {
        let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(groups.get_or_insert_default().entry(path.to_owned()).or_default())
    };
    let result = group.join(path, sync);
    let mut groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    // this one and the table's: nobody else is in it
    let is_last = Arc::strong_count(&group) <= 2;
    // while the table is held, so that the next one to leave doesn't count this one
    drop(group);
    if is_last {
        groups.get_or_insert_default().remove(path);
    }
    result
}

impl Group {
    fn join(&self, path: &Path, sync: impl FnOnce() -> Result<(), DurableError>) -> Result<(), DurableError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = state.begun + 1;
        while state.begun > state.done {
            state.waiting += 1;
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
            if state.done >= mine {
                return state.failed.get(&mine).map_or(Ok(()), |failure| Err(failure.error(path)));
            }
        }
        state.begun += 1;
        let round = state.begun;
        drop(state);
        let result = sync();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done = round;
        if let Err(error) = &result {
            state.failed.insert(round, Failure::of(error));
        }
        drop(state);
        self.ended.notify_all();
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// Eight callers come while the first one's fsync is under way: one more serves them all, and it begins after they came.
    #[test]
    fn callers_that_wait_share_the_next_one() {
        let path = Path::new("/somewhere/räume ๒");
        let (begun, wait_begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let syncs = AtomicUsize::new(0);
        std::thread::scope(|threads| {
            let syncs = &syncs;
            threads.spawn(move || {
                shared(path, || {
                    begun.send(()).unwrap();
                    may_go_on.recv().unwrap();
                    syncs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            });
            wait_begun.recv().unwrap();
            let others: Vec<_> = (0..8)
                .map(|_| {
                    threads.spawn(move || {
                        shared(path, || {
                            assert_eq!(syncs.load(Ordering::SeqCst), 1, "it begins after the first has ended");
                            syncs.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        })
                    })
                })
                .collect();
            let waiting = || {
                let groups = GROUPS.lock().unwrap();
                let group = groups.as_ref().and_then(|groups| groups.get(path)).unwrap();
                group.state.lock().unwrap().waiting
            };
            while waiting() < 8 {
                std::thread::yield_now();
            }
            go_on.send(()).unwrap();
            assert!(others.into_iter().all(|other| other.join().unwrap().is_ok()));
        });
        assert_eq!(syncs.load(Ordering::SeqCst), 2);
        assert!(!GROUPS.lock().unwrap().as_ref().unwrap().contains_key(path), "nothing is kept");
    }

    #[test]
    fn all_who_share_one_that_failed_hear_of_it_and_the_next_is_a_new_one() {
        let path = Path::new("/somewhere/else");
        let source = || io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error());
        let failed = shared(path, || Err(DurableError::Sync { path: path.to_owned(), source: source() }));
        assert!(failed.unwrap_err().is_fatal());
        assert!(shared(path, || Ok(())).is_ok());
        let failure = Failure::of(&DurableError::Sync { path: path.to_owned(), source: source() });
        assert!(failure.error(path).is_fatal());
        let gone = io::Error::from_raw_os_error(rustix::io::Errno::NOENT.raw_os_error());
        let failure = Failure::of(&DurableError::Io { op: "open", path: path.to_owned(), source: gone });
        let DurableError::Io { source, .. } = failure.error(path) else { panic!("not fatal") };
        assert_eq!(source.kind(), io::ErrorKind::NotFound);
    }
}
