//! Other processes: waited for, looked for, and signalled with their group.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

pub(super) const POLL: Duration = Duration::from_millis(15);
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !condition() {
        if began.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

fn pid(raw: u32) -> Option<Pid> {
    i32::try_from(raw).ok().and_then(Pid::from_raw)
}

pub(super) fn is_alive(raw: u32) -> bool {
    pid(raw).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

pub(super) fn signal_group(raw: u32, signal: Signal) {
    if let Some(pid) = pid(raw) {
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}
