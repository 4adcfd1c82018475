//! Signals of a process that executes orders. They are listened for from its first moment on, so that one that comes while
//! the bridge is still being opened is a wish to stop like any other and not the end of the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

use crate::bridge::watch::Waker;
use crate::engine::Stop;

/// What SIGTERM, SIGINT and SIGHUP asked for. Clones share it.
#[derive(Clone, Default)]
pub struct Signals {
    pub stop: Arc<Stop>,
    /// Whether SIGHUP asks for a reload.
    reloads: bool,
    /// Set by SIGHUP then; taken by whoever reads the settings again.
    reload: Arc<AtomicBool>,
    waker: Arc<Mutex<Option<Waker>>>,
}

impl Signals {
    /// Listens from now on, on a thread of its own. SIGHUP asks for a reload where `reloads`, else to stop, as a terminal
    /// does that is closed; whoever started this process under `nohup` wants it to outlive that.
    pub fn listen(reloads: bool) -> Signals {
        let signals = Signals { reloads, ..Signals::default() };
        let heeds_hangup = reloads || !is_ignored(SIGHUP);
        let which: &[i32] = if heeds_hangup { &[SIGTERM, SIGINT, SIGHUP] } else { &[SIGTERM, SIGINT] };
        match signal_hook::iterator::Signals::new(which) {
            Ok(mut came) => {
                let shared = signals.clone();
                std::thread::spawn(move || came.forever().for_each(|signal| shared.take(signal)));
            }
            Err(error) => tracing::warn!("failed to listen for signals: {error}"),
        }
        signals
    }

    /// Wakes the loop with each signal from now on.
    pub fn wake_with(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// Whether a reload was asked for since the last time.
    pub fn take_reload(&self) -> bool {
        self.reload.swap(false, Ordering::SeqCst)
    }

    /// Where whoever started this process left SIGCHLD ignored, the kernel forgets the ends of programs before anybody can
    /// ask for them: then it is heeded, and nothing is done with it.
    pub fn heed_children() {
        if is_ignored(SIGCHLD)
            && let Err(error) = signal_hook::flag::register(SIGCHLD, Arc::default())
        {
            tracing::warn!("failed to heed the ends of programs: {error}");
        }
    }

    fn take(&self, signal: i32) {
        if signal == SIGHUP && self.reloads {
            self.reload.store(true, Ordering::SeqCst);
        } else {
            self.stop.set();
        }
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            waker.wake();
        }
    }
}

/// Whether whoever started this process left `signal` ignored, as `/proc` tells; `false` where there is no `/proc`.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    ignored >> (signal - 1) & 1 == 1
}
