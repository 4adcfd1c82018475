//! Named places where a test can kill the process, to prove that recovery works from there.
//!
//! `WO_FAILPOINT=name` or `name:n` kills the process with SIGKILL at the n-th passing (1 by default) of that place.
//! `WO_FAILPOINT_LOG=file` appends each name passed, so that a test can list them and see that its own was hit.
//! Release builds hold none of this.

/// Passes the failpoint `name`; does not return when it is the one that is armed.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn hit(_name: &str) {}

/// Passes the failpoint `name`; does not return when it is the one that is armed.
#[cfg(debug_assertions)]
pub fn hit(name: &str) {
    use std::collections::HashMap;
    use std::io::Write as _;
    use std::sync::{LazyLock, Mutex};

    static LOG: LazyLock<Option<std::path::PathBuf>> =
        LazyLock::new(|| std::env::var_os("WO_FAILPOINT_LOG").map(Into::into));
    static ARMED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("WO_FAILPOINT").ok()?;
        match text.rsplit_once(':') {
            Some((name, count)) if count.parse::<u64>().is_ok() => Some((name.to_owned(), count.parse().unwrap_or(1))),
            _ => Some((text, 1)),
        }
    });
    static PASSED: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Default::default);

    if LOG.is_none() && ARMED.is_none() {
        return;
    }
    let count = {
        let mut passed = PASSED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let count = passed.entry(name.to_owned()).or_insert(0);
        *count += 1;
        *count
    };
    if let Some(path) = LOG.as_ref()
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {
        let _ = writeln!(file, "{name}:{count}");
    }
    if ARMED.as_ref().is_some_and(|(armed, at)| armed == name && *at == count) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
