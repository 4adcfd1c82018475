//! The one way a visible file is written: whole, and on disk before anything says so. Logs are appended to where they are
//! kept (`monitor::record`, `schedule::child`), and Parquet files are staged and renamed by `export`.
//!
//! Invariant: a reader sees the old bytes or the new bytes, never a part; after `Ok` the new bytes survive a power cut.
//! A failed fsync is [`DurableError::Sync`], which is fatal for a daemon: the page cache may have dropped the data, so
//! retrying the fsync would prove nothing.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{failpoint, shared_sync};

#[derive(Debug, thiserror::Error)]
pub enum DurableError {
    #[error("failed to {op} `{}`: {source}", path.display())]
    Io { op: &'static str, path: PathBuf, source: io::Error },
    #[error("failed to fsync `{}`: {source}; what was written there can no longer be trusted", path.display())]
    Sync { path: PathBuf, source: io::Error },
}

impl DurableError {
    /// Whether the daemon must stop: an fsync that failed is never retried.
    pub fn is_fatal(&self) -> bool {
        matches!(self, DurableError::Sync { .. })
    }

    pub fn io(op: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DurableError {
        let path = path.to_owned();
        move |source| DurableError::Io { op, path, source }
    }
}

/// Writes `bytes` to `path` through a hidden temporary file in the same directory, replacing what is there.
/// Parent directories are made. `mode` is the permission of the new file, e.g. `0o644`.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DurableError> {
    put(path, bytes, &Keep { mode, ..Keep::default() })?;
    sync_dir(parent_of(path))
}

/// What a file that takes another's place keeps of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    pub mode: u32,
    /// User and group; as far as this process may give them away.
    pub owner: Option<(u32, u32)>,
    /// When it was last changed.
    pub modified: Option<SystemTime>,
}

/// As [`write`]; the new file is whose the old one was.
pub fn write_keeping(path: &Path, bytes: &[u8], keep: &Keep) -> Result<(), DurableError> {
    put(path, bytes, keep)?;
    sync_dir(parent_of(path))
}

/// As [`write`] for each of `files`, which share one fsync per directory: after `Ok` all of them survive a power cut.
pub fn write_all<'f>(files: impl IntoIterator<Item = (&'f Path, &'f [u8])>, mode: u32) -> Result<(), DurableError> {
    let mut dirs = std::collections::BTreeSet::new();
    for (path, bytes) in files {
        put(path, bytes, &Keep { mode, ..Keep::default() })?;
        dirs.insert(parent_of(path));
    }
    dirs.into_iter().try_for_each(sync_dir)
}

/// All of [`write`] but the fsync of the directory.
fn put(path: &Path, bytes: &[u8], keep: &Keep) -> Result<(), DurableError> {
    create_dir_all(parent_of(path))?;
    let temporary = temporary_beside(path);
    let result = write_new(&temporary, bytes, keep).and_then(|()| rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result
}

/// Renames without fsync of the directory; [`write`] and callers that share a directory fsync do that once.
pub fn rename(from: &Path, to: &Path) -> Result<(), DurableError> {
    failpoint::hit("rename.before");
    fs::rename(from, to).map_err(DurableError::io("rename to", to))?;
    failpoint::hit("rename.after");
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8], keep: &Keep) -> Result<(), DurableError> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(keep.mode)
        .open(path)
        .map_err(DurableError::io("create", path))?;
    if let Some((user, group)) = keep.owner {
        give(&file, user, group).map_err(DurableError::io("set the owner of", path))?;
    }
    // the umask may have taken bits away, and so may a change of owner
    file.set_permissions(fs::Permissions::from_mode(keep.mode)).map_err(DurableError::io("set the mode of", path))?;
    file.write_all(bytes).map_err(DurableError::io("write", path))?;
    if let Some(modified) = keep.modified {
        file.set_modified(modified).map_err(DurableError::io("set the time of", path))?;
    }
    sync_file(&file, path)
}

/// Gives the file to whom it belonged; where this process may not, at least to the group, if it may do that.
fn give(file: &File, user: u32, group: u32) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let now = file.metadata()?;
    if (now.uid(), now.gid()) == (user, group) {
        return Ok(());
    }
    let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    match fchown(file, Some(user), Some(group)) {
        Err(error) if is_refused(&error) => match fchown(file, None, Some(group)) {
            Err(error) if !is_refused(&error) => Err(error),
            _ => Ok(()),
        },
        given => given,
    }
}

/// Fsyncs an open file.
pub fn sync_file(file: &File, path: &Path) -> Result<(), DurableError> {
    failpoint::hit("fsync.before");
    file.sync_all().map_err(|source| DurableError::Sync { path: path.to_owned(), source })?;
    failpoint::hit("fsync.after");
    Ok(())
}

/// Fsyncs a directory, so that names made, renamed or removed in it survive a power cut. Threads that ask at the same time
/// share one.
pub fn sync_dir(path: &Path) -> Result<(), DurableError> {
    shared_sync::shared(path, || {
        let dir = File::open(path).map_err(DurableError::io("open", path))?;
        sync_file(&dir, path)
    })
}

/// Makes `path` and its parents; each new name is fsynced.
pub fn create_dir_all(path: &Path) -> Result<(), DurableError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = parent_of(path);
    create_dir_all(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(DurableError::io("create", path)(error)),
        _ => sync_dir(parent),
    }
}

/// A hidden name beside `path` that no scan takes for an order; unique for this process and call.
pub fn temporary_beside(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    // long names: keep within NAME_MAX
    let short: String = name.chars().take(60).collect();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    parent_of(path).join(format!(".{short}.{}-{n}.tmp", std::process::id()))
}

/// Removes from `dir` what [`temporary_beside`] named for processes that were killed. Best effort: what stays is hidden and
/// disturbs nobody.
pub fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(is_abandoned) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether this is a temporary name of a process that is no more.
fn is_abandoned(name: &str) -> bool {
    let process = || {
        let (_, unique) = name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
        let (process, n) = unique.split_once('-')?;
        n.parse::<u64>().ok()?;
        rustix::process::Pid::from_raw(process.parse().ok().filter(|process| *process > 0)?)
    };
    // one that may not be signalled is there
    process().is_some_and(|process| rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH))
}

pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Errors that go away when somebody makes room, ends a process or mends a disk, and say nothing about the order.
pub fn is_resource(error: &io::Error) -> bool {
    use rustix::io::Errno;
    // EAGAIN: no further thread or process
    let codes = [Errno::MFILE, Errno::NFILE, Errno::IO, Errno::AGAIN, Errno::NOMEM];
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::OutOfMemory
            | io::ErrorKind::ResourceBusy
    ) || codes.iter().any(|code| error.raw_os_error() == Some(code.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_process_was_writing_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = child.id();
        child.wait().unwrap();
        let gone = format!(".WO-1_REPORT.md.{dead}-0.tmp");
        let ours = temporary_beside(&dir.path().join("x.md"));
        let ours = ours.file_name().unwrap().to_str().unwrap();
        let kept = [ours, ".x.tmp", ".x.md.0-1.tmp", ".x.md.-5-1.tmp", ".x.md.1-y.tmp", "x.md.1-1.tmp", "x.md"];
        for name in kept.into_iter().chain([gone.as_str()]) {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        sweep(dir.path());
        sweep(&dir.path().join("nowhere"));
        for name in kept {
            assert!(dir.path().join(name).exists(), "{name}");
        }
        assert!(!dir.path().join(gone).exists());
    }
}
