//! Finds the reports of a root and reads them, many at once.
//!
//! Invariants: no symbolic link is followed below a configured directory; a file is read through the descriptor that was
//! opened, never by its path again; at most a bounded number of names and one file a thread are in memory, however many
//! files there are, and a bounded number of directories is open. A directory that can't be looked into is listed as
//! unreadable and stops nothing. A file that vanished between its name and its opening is no longer a report and is not counted.
//! Of a `heartbeat_*.md` without a time in its name the first lines tell, when it is listed, whether it is a heartbeat.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::reach::{self, Own};
use super::{ExportError, Progress};
use crate::monitor::heartbeat::{self, HeartbeatError};

/// So much of a report is read to see whether it is a heartbeat: its time stands in the first lines.
const HEAD: u64 = 64 * 1024;

/// One name found in a directory.
#[derive(Clone)]
pub struct Found {
    dir: Arc<OwnedFd>,
    /// The directory as it is shown, with a slash at its end unless it is empty.
    shown_dir: Arc<str>,
    pub name: OsString,
    kind: FileType,
    /// Why what lies below this directory can't be seen.
    closed: Option<String>,
}

/// A report's bytes.
pub struct Content<'a> {
    pub bytes: &'a [u8],
    /// Microseconds since the epoch; read only when asked for.
    file: &'a std::fs::File,
}

/// What became of one name.
pub enum Outcome<T> {
    Row(T),
    Unreadable {
        path: String,
        reason: String,
        /// It is a directory, and what lies below it was not seen.
        is_closed: bool,
    },
    /// A symbolic link, which is not followed.
    Link {
        path: String,
    },
}

impl Found {
    fn is_link_to_directory(&self) -> bool {
        self.kind == FileType::Symlink
            && rustix::fs::statat(&self.dir, self.name.as_os_str(), AtFlags::empty())
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// Whether this is a heartbeat. What only begins its name so, as `heartbeat_summary_2025-10-28.md`, and can be read, is one
    /// where it says of what time it is.
    fn is_heartbeat(&self) -> bool {
        let name = self.name.as_encoded_bytes();
        may_be_heartbeat(name)
            && (is_dated(name) || self.kind != FileType::RegularFile || self.has_time().unwrap_or(true))
    }

    /// Whether the exporter wrote this itself: it has such a name and begins like it, in whatever folder it lies.
    fn is_own(&self) -> bool {
        self.kind == FileType::RegularFile
            && self.name.to_str().is_some_and(reach::is_own)
            && self.head().is_some_and(|head| reach::begins_like_own(&head))
    }

    /// `None` where it can't be read.
    fn has_time(&self) -> Option<bool> {
        let head = self.head()?;
        let text = match std::str::from_utf8(&head) {
            Ok(text) => text,
            // cut within a letter
            Err(error) if error.error_len().is_none() => std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?,
            Err(_) => return None,
        };
        Some(match heartbeat::parse(text) {
            Ok(heartbeat) => heartbeat.timestamp.is_some(),
            Err(error) => matches!(error, HeartbeatError::Several(_)),
        })
    }

    /// The first bytes; `None` where they can't be read.
    fn head(&self) -> Option<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, self.name.as_os_str(), flags, Mode::empty()).ok()?;
        let mut head = Vec::new();
        std::fs::File::from(file).take(HEAD).read_to_end(&mut head).ok()?;
        Some(head)
    }

    /// As it is shown: relative to the root, with `/`.
    pub fn shown(&self) -> String {
        format!("{}{}", self.shown_dir, self.name.to_string_lossy())
    }
}

impl Content<'_> {
    /// When the file was last written, microseconds since the epoch.
    pub fn modified_us(&self) -> io::Result<i64> {
        let modified = self.file.metadata()?.modified()?;
        Ok(jiff::Timestamp::try_from(modified).map_err(io::Error::other)?.as_microsecond())
    }
}

/// Whether this may be the name of a heartbeat: `heartbeat_YYYY-MM-DD_HH-MM-SS.md` is, any other `heartbeat_*.md` where its text
/// has the time ([`Found::is_heartbeat`]).
pub fn may_be_heartbeat(name: &[u8]) -> bool {
    name.starts_with(b"heartbeat_") && is_markdown(name)
}

/// Whether a name has the shape of a heartbeat's, even if there is no such date.
fn is_dated(name: &[u8]) -> bool {
    const PATTERN: &[u8] = b"heartbeat_0000-00-00_00-00-00";
    name.len() >= PATTERN.len()
        && std::iter::zip(name, PATTERN)
            .all(|(c, wanted)| if *wanted == b'0' { c.is_ascii_digit() } else { c == wanted })
}

pub fn is_markdown(name: &[u8]) -> bool {
    name.len() > 3 && name[name.len() - 3..].eq_ignore_ascii_case(b".md")
}

/// Opens a directory that the configuration names; `None` where there is none.
pub fn open_dir(path: &Path) -> Result<Option<OwnedFd>, ExportError> {
    match rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(ExportError::io("open the directory", path)(errno.into())),
    }
}

/// The heartbeats of one directory, not of those below it.
pub fn heartbeats(path: &Path, shown: &str, found: &mut dyn FnMut(Found) -> bool) -> Result<(), ExportError> {
    heartbeats_and_others(path, shown, found).map(drop)
}

/// As [`heartbeats`], and what else is there, so that [`reports`] need not list that many names again; `None` where that is
/// too much to remember.
pub fn heartbeats_and_others(
    path: &Path,
    shown: &str,
    found: &mut dyn FnMut(Found) -> bool,
) -> Result<Option<Vec<Found>>, ExportError> {
    const REMEMBERED: usize = 1024;
    let mut others = Some(Vec::new());
    let Some(fd) = open_dir(path)? else { return Ok(None) };
    let whole = read_dir(&Arc::new(fd), &with_slash(shown), &mut |entry| {
        if entry.is_heartbeat() {
            return found(entry);
        }
        if let Some(some) = others.as_mut().filter(|some| some.len() < REMEMBERED) {
            some.push(entry);
        } else {
            others = None;
        }
        true
    })
    .map_err(|errno| ExportError::io("list the directory", path)(errno.into()))?;
    Ok(others.filter(|_| whole))
}

/// The directory of heartbeats, in which they are left out.
pub struct HeartbeatsDir<'a> {
    pub shown: &'a str,
    /// From [`heartbeats_and_others`].
    pub others: Option<Vec<Found>>,
}

/// Every other Markdown file below `path`, and the links to directories. `skip` holds directories (as shown) that are left out,
/// `own` those where the exporter's own files are now; where they were before they are told by how they begin.
pub fn reports(
    path: &Path,
    shown: &str,
    skip: &[String],
    own: &Own,
    mut heartbeats: HeartbeatsDir,
    found: &mut dyn FnMut(Found) -> bool,
) -> Result<(), ExportError> {
    let Some(fd) = open_dir(path)? else { return Ok(()) };
    let top = Directory { fd: Arc::new(fd), shown: with_slash(shown) };
    let mut stack = match top.list(skip, own, &mut heartbeats, found) {
        Ok(Some(below)) => below,
        Ok(None) => return Ok(()),
        Err(errno) => return Err(ExportError::io("list the directory", path)(errno.into())),
    };
    // a directory is opened only when its turn comes: the number that is open is that of the levels, not of the names
    while let Some(next) = stack.pop() {
        let Some(shown) = Some(next.shown()).filter(|shown| !skip.contains(shown)) else { continue };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let listed = rustix::fs::openat(&next.dir, next.name.as_os_str(), flags, Mode::empty()).and_then(|fd| {
            Directory { fd: Arc::new(fd), shown: with_slash(&shown) }.list(skip, own, &mut heartbeats, found)
        });
        let goes_on = match listed {
            Ok(Some(below)) => {
                stack.extend(below);
                true
            }
            Ok(None) => false,
            // gone, or no directory any more
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => true,
            Err(errno) => {
                let why = format!("the directory can't be looked into: {}", io::Error::from(errno));
                found(Found { closed: Some(why), ..next })
            }
        };
        if !goes_on {
            return Ok(());
        }
    }
    Ok(())
}

struct Directory {
    fd: Arc<OwnedFd>,
    /// With a slash at its end unless it is empty.
    shown: Arc<str>,
}

impl Directory {
    /// Hands over the reports in it; the directories in it, or `None` when no more is wanted.
    fn list(
        self,
        skip: &[String],
        own: &Own,
        heartbeats: &mut HeartbeatsDir,
        found: &mut dyn FnMut(Found) -> bool,
    ) -> Result<Option<Vec<Found>>, Errno> {
        let mut below = Vec::new();
        let heartbeats_at = heartbeats.shown;
        let heartbeats_here = self.shown.trim_end_matches('/') == heartbeats_at;
        let known = if heartbeats_here { heartbeats.others.take() } else { None };
        // those that are known were told apart already
        let beside_heartbeats = heartbeats_here && known.is_none();
        let mut see = |entry: Found| {
            let name = entry.name.as_encoded_bytes();
            if name.starts_with(b".") || (beside_heartbeats && entry.is_heartbeat()) {
                return true;
            }
            if entry.name.to_str().is_some_and(|name| own.holds(&self.shown, name)) || entry.is_own() {
                return true;
            }
            // a configured folder is reached by its own way, which a link may be
            let is_known =
                |entry: &Found| Some(entry.shown()).is_some_and(|at| at == heartbeats_at || skip.contains(&at));
            let is_report = is_markdown(name) || (entry.is_link_to_directory() && !is_known(&entry));
            if entry.kind == FileType::Directory {
                below.push(entry.clone());
            }
            !is_report || found(entry)
        };
        let goes_on = match known {
            Some(known) => known.into_iter().all(&mut see),
            None => read_dir(&self.fd, &self.shown, &mut see)?,
        };
        Ok(goes_on.then_some(below))
    }
}

fn with_slash(shown: &str) -> Arc<str> {
    if shown.is_empty() { Arc::from("") } else { Arc::from(format!("{}/", shown.trim_end_matches('/'))) }
}

/// False when `found` wants no more.
fn read_dir(dir: &Arc<OwnedFd>, shown_dir: &Arc<str>, found: &mut dyn FnMut(Found) -> bool) -> Result<bool, Errno> {
    let mut entries = rustix::fs::Dir::read_from(dir)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let mut kind = entry.file_type();
        if kind == FileType::Unknown {
            match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => kind = FileType::from_raw_mode(stat.st_mode),
                Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno),
            }
        }
        let name = OsString::from_vec(name.to_bytes().to_vec());
        if !found(Found { dir: dir.clone(), shown_dir: shown_dir.clone(), name, kind, closed: None }) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What [`read_all`] needs to know of its work.
pub struct Work<'a> {
    pub threads: usize,
    /// A file larger than this is unreadable.
    pub max_bytes: usize,
    pub progress: &'a dyn Progress,
}

const BATCH: usize = 64;
/// Directories that a batch keeps open; a process may have as few as 256 files open at once.
const BATCH_DIRECTORIES: usize = 4;

/// Lists with `list`, parses each file with `parse`, hands batches of outcomes to `take`, one at a time, in any order.
pub fn read_all<T: Send>(
    work: &Work,
    list: impl FnOnce(&mut dyn FnMut(Found) -> bool) -> Result<(), ExportError> + Send,
    parse: impl Fn(&Found, &str, &Content) -> Result<T, String> + Sync,
    take: impl FnMut(Outcome<T>) -> Result<(), ExportError> + Send,
) -> Result<(), ExportError> {
    let (sender, receiver) = sync_channel::<Vec<Found>>(work.threads * 2);
    let receiver = Mutex::new(receiver);
    let take = Mutex::new(take);
    let failed: Mutex<Option<ExportError>> = Mutex::new(None);
    let stop = AtomicBool::new(false);
    let listed = std::thread::scope(|scope| {
        for _ in 0..work.threads {
            scope.spawn(|| {
                let result = worker(work, &receiver, &stop, &parse, &take);
                if let Err(error) = result {
                    stop.store(true, Ordering::Relaxed);
                    lock(&failed).get_or_insert(error);
                }
            });
        }
        list_in_batches(sender, &stop, list)
    });
    match failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
        Some(error) => Err(error),
        None => listed,
    }
}

fn list_in_batches(
    sender: SyncSender<Vec<Found>>,
    stop: &AtomicBool,
    list: impl FnOnce(&mut dyn FnMut(Found) -> bool) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut batch: Vec<Found> = Vec::with_capacity(BATCH);
    let mut directories = 0;
    let listed = list(&mut |found| {
        let is_of_another = batch.last().is_none_or(|last| !Arc::ptr_eq(&last.dir, &found.dir));
        batch.push(found);
        directories = if batch.len() == 1 { 1 } else { directories + usize::from(is_of_another) };
        if batch.len() < BATCH && directories < BATCH_DIRECTORIES {
            return true;
        }
        let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
        sender.send(full).is_ok() && !stop.load(Ordering::Relaxed)
    });
    let _ = sender.send(batch);
    listed
}

fn worker<T>(
    work: &Work,
    receiver: &Mutex<Receiver<Vec<Found>>>,
    stop: &AtomicBool,
    parse: &(impl Fn(&Found, &str, &Content) -> Result<T, String> + Sync),
    take: &Mutex<impl FnMut(Outcome<T>) -> Result<(), ExportError>>,
) -> Result<(), ExportError> {
    let mut buffer = Vec::new();
    let mut done = Vec::with_capacity(BATCH);
    loop {
        // the lock is held while waiting: whoever has it takes the next batch
        let batch = lock(receiver).recv();
        let Ok(batch) = batch else { return Ok(()) };
        // after a failure the channel is still emptied, so that the lister never blocks
        if stop.load(Ordering::Relaxed) {
            continue;
        }
        work.progress.advance(batch.len() as u64);
        done.extend(batch.iter().filter_map(|found| outcome(found, work.max_bytes, &mut buffer, parse)));
        let mut take = lock(take);
        done.drain(..).try_for_each(&mut *take)?;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// `None` when the file vanished.
fn outcome<T>(
    found: &Found,
    max_bytes: usize,
    buffer: &mut Vec<u8>,
    parse: impl Fn(&Found, &str, &Content) -> Result<T, String>,
) -> Option<Outcome<T>> {
    let is_closed = found.closed.is_some();
    let unreadable = |reason: String| Some(Outcome::Unreadable { path: found.shown(), reason, is_closed });
    if let Some(why) = &found.closed {
        return unreadable(why.clone());
    }
    match found.kind {
        FileType::RegularFile => {}
        FileType::Symlink => return Some(Outcome::Link { path: found.shown() }),
        FileType::Directory => return unreadable("it is a directory".to_owned()),
        kind => return unreadable(format!("it is no regular file: {kind:?}")),
    }
    let Some(name) = found.name.to_str() else { return unreadable("its name is not UTF-8".to_owned()) };
    // NONBLOCK: a FIFO that took the place of the file must not hang us
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(&found.dir, name, flags, Mode::empty()) {
        Ok(fd) => std::fs::File::from(fd),
        Err(Errno::NOENT) => return None,
        Err(Errno::LOOP) => return Some(Outcome::Link { path: found.shown() }),
        Err(errno) => return unreadable(io::Error::from(errno).to_string()),
    };
    let length = match read_bounded(&file, max_bytes, buffer) {
        Ok(Some(length)) => length,
        Ok(None) => return unreadable(format!("it is larger than {max_bytes} bytes")),
        Err(error) => return unreadable(error.to_string()),
    };
    let bytes = buffer.get(..length).unwrap_or_default();
    match parse(found, name, &Content { bytes, file: &file }) {
        Ok(row) => Some(Outcome::Row(row)),
        Err(reason) => unreadable(reason),
    }
}

/// Reads the whole file to the start of `buffer`, which grows as needed; its length, or `None` when it is larger than
/// `max`.
fn read_bounded(mut file: &std::fs::File, max: usize, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
    const FIRST: usize = 16 * 1024;
    let mut length = 0;
    loop {
        // one byte more than may be: it tells that the file is too large
        if buffer.len() <= length {
            let grown = (buffer.len() * 2).clamp(FIRST, max.saturating_add(1).max(FIRST));
            buffer.resize(grown.max(length + 1), 0);
        }
        match file.read(&mut buffer[length..]) {
            Ok(0) => return Ok(Some(length)),
            Ok(n) => length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length > max {
            return Ok(None);
        }
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
