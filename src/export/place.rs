//! The directory of Parquet files while an export works in it: one export at a time, leftovers swept, other people's
//! files moved aside instead of overwritten.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Dataset, ExportError, Progress};
use crate::durable;

/// How long an export waits for another one to end.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Where files without our metadata go, below the directory.
const LEGACY: &str = "legacy";

/// The directory, held alone until this is dropped.
pub struct Held {
    _lock: File,
}

/// Makes `dir` and takes it.
pub fn hold(dir: &Path, progress: &dyn Progress) -> Result<Held, ExportError> {
    durable::create_dir_all(dir)?;
    let lock = File::open(dir).map_err(ExportError::io("open the directory", dir))?;
    let start = Instant::now();
    let mut told = false;
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) if start.elapsed() < PATIENCE => {
                if !std::mem::replace(&mut told, true) {
                    progress.phase("waiting for another export to end", None);
                }
                std::thread::sleep(LOOK_AGAIN);
            }
            Err(Errno::WOULDBLOCK) => {
                return Err(ExportError::Busy { dir: dir.to_owned(), waited: start.elapsed() });
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(ExportError::io("lock the directory", dir)(errno.into())),
        }
    }
    sweep(dir)?;
    Ok(Held { _lock: lock })
}

/// Removes what an export that was killed left behind; nobody else works here now.
fn sweep(dir: &Path) -> Result<(), ExportError> {
    for entry in fs::read_dir(dir).map_err(ExportError::io("list the directory", dir))? {
        let entry = entry.map_err(ExportError::io("list the directory", dir))?;
        if entry.file_name().to_str().is_some_and(Dataset::is_temporary) {
            // what can't be removed disturbs nobody
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Gives `target`, which is not ours, a second name below `legacy/`, so that replacing it loses nothing; what is no regular
/// file (a directory, a FIFO) is moved there. The new name is on disk when this returns.
pub fn keep_aside(target: &Path) -> Result<PathBuf, ExportError> {
    let dir = target.parent().unwrap_or(Path::new(".")).join(LEGACY);
    durable::create_dir_all(&dir)?;
    let kind = fs::symlink_metadata(target).map_err(ExportError::io("look at", target))?;
    let stem = target.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    for n in 1..10_000 {
        let name = if n == 1 { format!("{stem}.parquet") } else { format!("{stem}-{n}.parquet") };
        let aside = dir.join(name);
        if !kind.is_file() {
            if fs::symlink_metadata(&aside).is_ok() {
                continue;
            }
            fs::rename(target, &aside).map_err(ExportError::io("move aside", target))?;
            durable::sync_dir(&dir)?;
            return Ok(aside);
        }
        match fs::hard_link(target, &aside) {
            Ok(()) => {
                durable::sync_dir(&dir)?;
                return Ok(aside);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            // a file system without hard links: a copy does as well
            Err(_) => {
                let bytes = fs::read(target).map_err(ExportError::io("read", target))?;
                durable::write(&aside, &bytes, 0o644)?;
                return Ok(aside);
            }
        }
    }
    let full = std::io::Error::other("there are too many files of that name");
    Err(ExportError::io("find a free name for an older file in", &dir)(full))
}

/// As [`keep_aside`], and `target` goes; the caller fsyncs its directory.
pub fn move_aside(target: &Path) -> Result<PathBuf, ExportError> {
    let aside = keep_aside(target)?;
    match fs::remove_file(target) {
        Ok(()) => Ok(aside),
        Err(error) if crate::files::is_absent(&error) => Ok(aside),
        Err(error) => {
            forget(&aside, target);
            Err(ExportError::io("remove", target)(error))
        }
    }
}

/// Takes the second name back where `target` could not be replaced: it would be another one each night. What was moved stays.
pub fn forget(aside: &Path, target: &Path) {
    if fs::symlink_metadata(target).is_ok() {
        // best effort: one more copy loses nothing
        let _ = fs::remove_file(aside);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Silent;
    use super::*;

    #[test]
    fn leftovers_go_and_other_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in [".ops_atomic_20251028.parquet.1-0.tmp", ".reports_20251028.parquet.1-0.tmp", ".mine.tmp", "a.tmp"]
        {
            fs::write(at(name), "x").unwrap();
        }
        let held = hold(dir.path(), &Silent).unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".mine.tmp", "a.tmp"]);
        let other = File::open(dir.path()).unwrap();
        assert_eq!(flock(&other, FlockOperation::NonBlockingLockExclusive), Err(Errno::WOULDBLOCK));
        drop(held);
        assert_eq!(flock(&other, FlockOperation::NonBlockingLockExclusive), Ok(()));
    }

    #[test]
    fn what_is_set_aside_never_overwrites() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("ops_atomic_20251028.parquet");
        for (content, expected) in
            [("one", "legacy/ops_atomic_20251028.parquet"), ("two", "legacy/ops_atomic_20251028-2.parquet")]
        {
            fs::write(dir.path().join("new"), content).unwrap();
            fs::rename(dir.path().join("new"), &target).unwrap();
            let aside = keep_aside(&target).unwrap();
            assert_eq!(aside, dir.path().join(expected));
            assert_eq!(fs::read_to_string(aside).unwrap(), content);
        }
        assert_eq!(fs::read_to_string(dir.path().join("legacy/ops_atomic_20251028.parquet")).unwrap(), "one");
        fs::remove_file(&target).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("inside"), "x").unwrap();
        let aside = keep_aside(&target).unwrap();
        assert_eq!(aside, dir.path().join("legacy/ops_atomic_20251028-3.parquet"));
        assert!(aside.join("inside").is_file() && !target.exists());
    }
}
