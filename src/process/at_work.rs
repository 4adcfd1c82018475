//! Programs that are known beyond the end of whoever started them. `NAME.lock` is such a program's standard input, and so
//! locked for as long as it lives; `NAME.group` beside it says which process group it is.
//!
//! What must hold: a program is never started while an earlier one of that name lives; a group is signalled only while it
//! has the lock, for its number may be somebody else's later.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::life_lock::{LifeLock, is_held};
use super::tree;
use crate::durable::DurableError;

/// How long a program that was killed is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The record of a program, for as long as it is waited for.
#[derive(Debug)]
pub(super) struct AtWork {
    lock: LifeLock,
    path: PathBuf,
}

impl AtWork {
    /// Of a program that will read `input`; an error while an earlier one lives.
    pub(super) fn begin(path: &Path, input: &[u8]) -> io::Result<AtWork> {
        let lock = LifeLock::take_patiently(path).map_err(|error| match error {
            DurableError::Io { source, .. } | DurableError::Sync { source, .. } => source,
        })?;
        let Some(mut lock) = lock else {
            let why = format!("an earlier start of it still works{}", told(path));
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, why));
        };
        // of an earlier one that is gone
        let _ = std::fs::remove_file(group_path(path));
        lock.give(input)?;
        Ok(AtWork { lock, path: path.to_owned() })
    }

    pub(super) fn stdin(&self) -> io::Result<Stdio> {
        self.lock.stdin()
    }

    pub(super) fn started(&self, group: Option<Pid>) {
        let text = group.map_or(String::new(), |group| format!("{}\n", group.as_raw_nonzero()));
        // without it the program can still be seen to live, but not be ended
        if let Err(error) = std::fs::write(group_path(&self.path), text) {
            tracing::warn!("failed to note a program's process group in `{}`: {error}", self.path.display());
        }
    }
}

impl Drop for AtWork {
    /// It has ended, or all that can be done to end it was done.
    fn drop(&mut self) {
        forget(&self.path);
    }
}

/// A program that outlived whoever started it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub lock: PathBuf,
    /// Whether it is gone now, with its process group.
    pub has_ended: bool,
}

/// Ends what earlier processes left at work in `dir`, and sweeps out the records of what has ended by itself.
pub fn end_left(dir: &Path) -> Result<Vec<Left>, DurableError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(DurableError::io("list", dir)(error)),
    };
    let mut held = Vec::new();
    for entry in entries {
        let path = entry.map_err(DurableError::io("list", dir))?.path();
        if path.extension() != Some(OsStr::new("lock")) {
            continue;
        }
        match is_held(&path)? {
            true => held.push(path),
            false => forget(&path),
        }
    }
    for path in &held {
        if let Some(group) = group_of(path).filter(|group| is_whose(*group, path)) {
            tree::kill_group_and_children(group);
        }
    }
    let until = Instant::now() + PATIENCE;
    let mut left = Vec::new();
    for path in held {
        while is_held(&path)? && Instant::now() < until {
            // another process's end: there is no event to wait for
            std::thread::sleep(LOOK_EVERY);
        }
        let has_ended = !is_held(&path)?;
        if has_ended {
            forget(&path);
        }
        left.push(Left { lock: path, has_ended });
    }
    Ok(left)
}

/// That the program of this lock lives, and its process group, in words; `None` when it does not.
pub fn lives(path: &Path) -> Result<Option<String>, DurableError> {
    Ok(is_held(path)?.then(|| format!("still works{}", told(path))))
}

fn told(path: &Path) -> String {
    group_of(path).map_or(String::new(), |group| format!(" (process group {})", group.as_raw_nonzero()))
}

/// `None` where it was not written down whole.
fn group_of(path: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(group_path(path)).ok()?;
    // no number that stands for something else than one group
    let group = text.strip_suffix('\n')?.parse().ok().filter(|group| *group > 1)?;
    Pid::from_raw(group)
}

/// Whether a process of the group, or a descendant of its leader, has the lock: a number alone may be a stranger's by now, where
/// one that left the group is the last to live. Taken for granted where there is no `/proc` to tell.
fn is_whose(group: Pid, path: &Path) -> bool {
    let (all, number) = (tree::processes(), group.as_raw_nonzero().get());
    let Ok(lock) = path.metadata() else { return false };
    let has_it = |pid: i32| {
        let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let of = |entry: std::fs::DirEntry| entry.path().metadata();
        open.filter_map(|entry| of(entry).ok()).any(|open| (open.dev(), open.ino()) == (lock.dev(), lock.ino()))
    };
    let members = all.iter().filter(|kin| kin.group == number).map(|kin| kin.pid);
    let children = tree::descendants(group).into_iter().map(|pid| pid.as_raw_nonzero().get());
    all.is_empty() || members.chain(children).any(has_it)
}

fn group_path(path: &Path) -> PathBuf {
    path.with_extension("group")
}

fn forget(path: &Path) {
    // what stays is swept out by the next executor
    let _ = std::fs::remove_file(group_path(path));
    let _ = std::fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{self, ProcessError, Spec};

    #[test]
    fn of_one_name_one_program_is_at_work_and_no_record_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("programs/WO-1.1.lock");
        let spec = |program: &str| Spec { at_work: Some(path.clone()), ..Spec::new(program) };
        let running = process::start(&spec("/bin/sleep").args(["300"])).unwrap();
        assert!(lives(&path).unwrap().unwrap().starts_with("still works (process group "));
        let refused = process::run(&spec("/bin/cat")).unwrap_err();
        let why = refused.not_started().map(io::Error::kind);
        assert_eq!(why, Some(io::ErrorKind::ResourceBusy), "{refused}");
        drop(running);
        assert_eq!(lives(&path).unwrap(), None);
        // what it is to read comes all the same
        let cat = Spec { stdin: Some(b"an order".to_vec()), ..spec("/bin/cat") };
        assert_eq!(process::run(&cat).unwrap().stdout_text(), "an order");
        assert!(matches!(process::run(&spec("/no/such/program")), Err(ProcessError::Start { .. })));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn no_group_is_read_from_what_was_not_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("WO-1.1.lock");
        for (text, group) in [
            ("", None),
            ("12", None),
            ("x\n", None),
            ("0\n", None),
            ("1\n", None),
            ("-7\n", None),
            ("4711\n", Some(4711)),
        ] {
            std::fs::write(group_path(&path), text).unwrap();
            assert_eq!(group_of(&path).map(|group| group.as_raw_nonzero().get()), group, "{text:?}");
        }
    }
}
