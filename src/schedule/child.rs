//! Starts a job: the one place besides [`crate::process::run`] where a program is started. That one keeps the output in
//! memory and has a deadline; a job appends to its log files, lives as long as it must, and may outlive its `wo`.
//!
//! What must hold: no two processes run the same label at once. The label's lock file is the job's standard input
//! ([`LifeLock`]). Reading it gives an end of file, as launchd's `/dev/null` does.

use std::fs::{File, OpenOptions};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use crate::durable::DurableError;
use crate::process::life_lock::{self, LifeLock};
use crate::root::Root;
use crate::services::ServiceDefinition;

/// What launchd gives a job as PATH.
pub const LAUNCHD_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// What launchd reports when it could not start a program at all (EX_CONFIG); ours means the same.
pub const NOT_STARTED: i32 = 78;

/// Of the user's session, as launchd passes them to a user's jobs; besides these a job inherits nothing.
const SESSION_VARIABLES: [&str; 6] = ["HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ"];

/// Takes the lock of `label`, the right to run it; `None` when it runs somewhere.
pub fn lock(root: &Root, label: &str) -> Result<Option<LifeLock>, DurableError> {
    LifeLock::take(&lock_path(root, label))
}

/// As [`LifeLock::take_patiently`].
pub fn lock_patiently(root: &Root, label: &str) -> Result<Option<LifeLock>, DurableError> {
    LifeLock::take_patiently(&lock_path(root, label))
}

/// Whether somebody holds the lock of `label`; makes no files.
pub fn is_locked(root: &Root, label: &str) -> Result<bool, DurableError> {
    life_lock::is_held(&lock_path(root, label))
}

fn lock_path(root: &Root, label: &str) -> PathBuf {
    root.state().join("jobs").join(format!("{label}.lock"))
}

/// Whether `label` may name a service: it becomes a file name and an argument.
pub fn is_label(label: &str) -> bool {
    label.len() <= 200
        && label.starts_with(|c: char| c.is_ascii_alphanumeric())
        && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// Starts the job in a process group of its own. `Err` says in words what kept it from starting.
pub fn spawn(definition: &ServiceDefinition, lock: &LifeLock, run_id: i64) -> Result<Child, String> {
    let Some((program, args)) = definition.program.split_first() else {
        return Err("the definition names no program".to_owned());
    };
    if !Path::new(program).is_absolute() {
        return Err(format!("the program `{program}` is not absolute"));
    }
    let stdin = lock.stdin().map_err(|error| format!("failed to pass on the job's lock: {error}"))?;
    let stdout = log(&definition.stdout)?;
    let stderr = if definition.stderr == definition.stdout {
        stdout.try_clone().map_err(|error| format!("failed to share the log: {error}"))?
    } else {
        log(&definition.stderr)?
    };
    let session = SESSION_VARIABLES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", LAUNCHD_PATH)
        .envs(session)
        .envs(&definition.environment)
        .env(super::ledger::SERVICE, &definition.label)
        .env(super::ledger::RUN_ID, run_id.to_string())
        .current_dir(&definition.working_directory)
        .stdin(stdin)
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr))
        .process_group(0)
        .spawn()
        .map_err(|error| match definition.working_directory.is_dir() {
            true => format!("failed to start `{program}`: {error}"),
            false => format!("failed to enter `{}`: it is no directory", definition.working_directory.display()),
        })
}

fn log(path: &Path) -> Result<File, String> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(|error| format!("failed to open the log `{}`: {error}", path.display()))
}

/// Waits for the job's process, then ends whatever is left of its group. The group is signalled while the process is
/// still a zombie, so its number can't have gone to somebody else.
pub fn wait(mut child: Child) -> std::io::Result<ExitStatus> {
    if let Some(pid) = pid_of(&child) {
        while let Err(rustix::io::Errno::INTR) =
            rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
    child.wait()
}

pub fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Exit status, negative for a signal.
pub fn exit_of(status: ExitStatus) -> Option<i32> {
    status.code().or_else(|| status.signal().map(|signal| -signal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        for good in ["com.02luka.analytics.parquet", "a", "02luka_x-y"] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", ".x", "-x", "a/b", "a b", "ก", "a\0", "..", &"x".repeat(201)] {
            assert!(!is_label(bad), "{bad}");
        }
    }
}
