//! `sqlite`: exists, header, opens read-only, `quick_check`.
//!
//! `quick_check` reads the whole file, so its length is the file's. A cycle waits for it a moment only (`wait_ms`; of a large
//! file, [`LARGE_WAIT`]); when it takes longer, it goes on beside the loop and its result is used, with its age, until it is `recheck_s` old. What no
//! finished `quick_check` vouches for is a warning, never `ok`. A locked database is a warning: it says that someone
//! works, not that something is broken. So is one whose write-ahead log can't be read for want of a place for its index.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::{Deserialize, Serialize};

use super::{Check, Finding, Kind, Pending, Probe, State, why_unreadable};
use crate::clock::ns_between;
use crate::monitor::heartbeat::{DATABASE, message};
use crate::text;

pub const KIND: Kind = Kind::of::<Sqlite>("sqlite", DATABASE, "a database exists, opens and passes quick_check");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sqlite {
    /// Relative to the root.
    pub path: PathBuf,
    #[serde(default = "yes")]
    pub quick_check: bool,
    /// Milliseconds a cycle waits for `quick_check`, within the check's deadline, 0 not at all; when unset, as long as a file
    /// of this size is worth it.
    #[serde(default)]
    pub wait_ms: Option<u64>,
    /// Seconds for which the result of a `quick_check` that took longer than that is good.
    #[serde(default = "recheck_s")]
    pub recheck_s: u64,
}

fn yes() -> bool {
    true
}

fn recheck_s() -> u64 {
    3_600
}

/// A file of at most this many bytes is read in far less than [`SMALL_WAIT`], unless the machine is busy.
const SMALL_BYTES: u64 = 16 * 1024 * 1024;
const SMALL_WAIT: Duration = Duration::from_millis(300);
/// A larger one seldom is, and the cycle has other things to do.
const LARGE_WAIT: Duration = Duration::from_millis(20);
/// A result older than this many times `recheck_s` vouches for nothing.
const STALE_FACTOR: u64 = 24;
/// A `quick_check` beside the loop is stopped after this.
const BACKGROUND_MAX: Duration = Duration::from_secs(900);
/// How long a lock is waited for, so that a short transaction of a writer is no warning.
const BUSY_MAX: Duration = Duration::from_millis(100);

impl Check for Sqlite {
    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move {
            let finding = probe.blocking(move |probe| self.look(probe)).await;
            match finding.state {
                State::Ok => finding.headline(message::DATABASE_OK),
                // only what is missing has the field's line for it
                _ => finding,
            }
        })
    }
}

/// What a `quick_check` said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Verdict {
    device: u64,
    inode: u64,
    finished: Timestamp,
    took_ms: u64,
    /// The first complaint; `None` when there is none.
    complaint: Option<String>,
}

enum Stop {
    Busy,
    /// A writer was interrupted within a transaction, which only a writer may take back.
    InterruptedWriter,
    /// A write-ahead log is there, its index is not, and can't be made.
    NoIndex,
    NotDatabase(String),
    Interrupted,
    CantOpen(String),
    Failed(String),
}

impl Sqlite {
    fn look(&self, probe: &Probe) -> Finding {
        let started = Instant::now();
        let path = probe.path(&self.path);
        let shown = self.path.display().to_string();
        let meta = match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() => meta,
            Ok(_) => return Finding::error(format!("`{shown}` is not a file")),
            Err(error) => {
                let finding = Finding::error(why_unreadable(&path, &shown, &error));
                return match error.kind() {
                    std::io::ErrorKind::NotFound => finding.headline(message::DATABASE_MISSING),
                    _ => finding,
                };
            }
        };
        let file = (meta.dev(), meta.ino());
        let kept_as_log = match header(&path, file, meta.len()) {
            Ok(kept_as_log) => kept_as_log,
            Err(why) => return Finding::error(format!("`{shown}` {why}")),
        };
        // a write-ahead log that is not there is one that nobody has open; looking for it would make it
        let at_rest = kept_as_log && !beside(&path, "-wal").exists();
        let connection = match open(&path, at_rest, BUSY_MAX.min(probe.remaining() / 2)) {
            Ok(connection) => connection,
            Err(Stop::CantOpen(_)) if kept_as_log && lacks_index(&path) => return self.stopped(Stop::NoIndex, &shown),
            Err(stop) => return self.stopped(stop, &shown),
        };
        let opened = started.elapsed();
        let size = text::bytes(meta.len());
        if !self.quick_check {
            return Finding::ok(format!("opens and has a schema, {size}; quick_check is off")).latency(opened);
        }
        let key = format!("sqlite {}", path.display());
        let known: Option<Verdict> =
            probe.around.memo.get(&key).filter(|verdict: &Verdict| (verdict.device, verdict.inode) == file);
        let now = probe.around.clock.now();
        let age_s = known.as_ref().map(|verdict| ns_between(verdict.finished, now) / 1_000_000_000);
        if let (Some(verdict), Some(age_s)) = (&known, age_s)
            && verdict.complaint.is_none()
            && age_s < self.recheck_s
            // one look is asked how it is now, and has the time
            && !probe.around.memo.is_for_one_look()
        {
            return vouched(verdict, now, &size).latency(opened);
        }
        let wait = match self.wait_ms {
            _ if probe.around.memo.is_for_one_look() => probe.timeout,
            Some(wait_ms) => Duration::from_millis(wait_ms),
            None if meta.len() <= SMALL_BYTES => SMALL_WAIT,
            None => LARGE_WAIT,
        };
        let wait = wait.min(probe.remaining().saturating_sub(Duration::from_millis(20)));
        match self.check(probe, connection, &key, file, wait) {
            // what was at rest may have been woken meanwhile, and then half of it was read
            Some(Ok(verdict)) if at_rest && verdict.complaint.is_some() && beside(&path, "-wal").exists() => {
                Finding::warn(format!("`{shown}` was opened by a writer while it was checked; the next cycle tells"))
            }
            Some(Ok(verdict)) => match verdict.complaint {
                None => {
                    Finding::ok(format!("quick_check ok in {}, {size}", took(&verdict))).latency(opened)
                }
                Some(complaint) => Finding::error(format!("`{shown}` is corrupt: {complaint}; restore a backup")),
            },
            Some(Err(stop)) => self.stopped(stop, &shown),
            None => match known {
                Some(verdict) if verdict.complaint.is_some() => Finding::error(format!(
                    "`{shown}` is corrupt, as of {}: {}; quick_check runs again",
                    verdict.finished,
                    verdict.complaint.unwrap_or_default()
                )),
                Some(verdict) if age_s.is_some_and(|age| age < self.recheck_s.saturating_mul(STALE_FACTOR)) => {
                    vouched(&verdict, now, &size).latency(opened)
                }
                _ => Finding::warn(format!(
                    "opens and has a schema, {size}; quick_check unfinished after {}, so nothing vouches for its pages yet",
                    text::duration_ns(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX))
                ))
                .latency(opened),
            },
        }
    }

    /// Runs `quick_check` and waits for it; `None` when it goes on beside the loop, or already did.
    fn check(
        &self,
        probe: &Probe,
        connection: Connection,
        key: &str,
        file: (u64, u64),
        wait: Duration,
    ) -> Option<Result<Verdict, Stop>> {
        let memo = probe.around.memo.clone();
        if !memo.begin(key) {
            return None;
        }
        let interrupt = connection.get_interrupt_handle();
        let (sender, result) = mpsc::channel();
        // whether the cycle went on without the result; decided and asked under the lock, so that it is never lost
        let went_on = Arc::new(Mutex::new(wait.is_zero()));
        let went_on_meanwhile = went_on.clone();
        let (clock, key) = (probe.around.clock.clone(), key.to_owned());
        let work = move || {
            let started = Instant::now();
            let result = quick_check(&connection).map(|complaint| Verdict {
                device: file.0,
                inode: file.1,
                finished: clock.now(),
                took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                complaint,
            });
            let went_on = went_on_meanwhile.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Ok(verdict) = &result
                && *went_on
            {
                memo.put(&key, verdict);
            }
            memo.ended(&key);
            let _ = sender.send(result);
        };
        if let Err(error) = std::thread::Builder::new().name("quick_check".to_owned()).spawn(work) {
            probe.around.memo.ended(&format!("sqlite {}", probe.path(&self.path).display()));
            return Some(Err(Stop::Failed(format!("quick_check could not be started: {error}"))));
        }
        if !wait.is_zero() {
            if let Ok(result) = result.recv_timeout(wait) {
                return Some(result);
            }
            let mut went_on = went_on.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Ok(result) = result.try_recv() {
                return Some(result);
            }
            *went_on = true;
        }
        // nothing waits for the result any more, but it must not go on for ever
        let _ = std::thread::Builder::new().name("quick_check limit".to_owned()).spawn(move || {
            if result.recv_timeout(BACKGROUND_MAX).is_err() {
                interrupt.interrupt();
            }
        });
        None
    }

    fn stopped(&self, stop: Stop, shown: &str) -> Finding {
        match stop {
            Stop::Busy => Finding::warn(format!(
                "`{shown}` is locked by a writer; its header is that of a database, its pages were not checked"
            )),
            Stop::InterruptedWriter => Finding::warn(format!(
                "`{shown}` holds a transaction that its writer did not finish; the next writer takes it back, and its \
                 pages were not checked"
            )),
            Stop::NoIndex => Finding::warn(format!(
                "`{shown}` has a write-ahead log, `{shown}-wal`, without its index, `{shown}-shm`, which can't be made \
                 there: is the folder read-only? Its header is that of a database, its pages were not checked"
            )),
            Stop::NotDatabase(why) => Finding::error(format!("`{shown}` is not a database: {why}")),
            Stop::Interrupted => Finding::warn(format!("quick_check of `{shown}` was stopped before its end")),
            Stop::CantOpen(why) | Stop::Failed(why) => Finding::error(format!("`{shown}`: {why}")),
        }
    }
}

fn vouched(verdict: &Verdict, now: Timestamp, size: &str) -> Finding {
    let age = text::duration_ns(ns_between(verdict.finished, now));
    Finding::ok(format!("opens and has a schema, {size}; quick_check ok {age} ago (it took {})", took(verdict)))
}

fn took(verdict: &Verdict) -> String {
    match verdict.took_ms {
        0 => "under 1 ms".to_owned(),
        ms => text::duration_ns(ms.saturating_mul(1_000_000)),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether a write-ahead log that can be read is there without the index that SQLite makes of it. A folder that was copied
/// or is mounted read-only is so; it says nothing of the database.
fn lacks_index(path: &Path) -> bool {
    !beside(path, "-shm").exists() && File::open(beside(path, "-wal")).is_ok()
}

/// Looks at the first bytes of the file; `true` when it is kept with a write-ahead log.
/// Source: <https://www.sqlite.org/fileformat.html>, section 1.3.
fn header(path: &Path, file: (u64, u64), bytes: u64) -> Result<bool, String> {
    if bytes == 0 {
        return Err("is empty (0 bytes); nothing was ever stored in it, or it was truncated".to_owned());
    }
    let head = first_bytes(path, file).map_err(|error| format!("can't be read: {error}"))?;
    if !head.starts_with(b"SQLite format 3\0") {
        return Err("is not a database: it does not begin with `SQLite format 3`".to_owned());
    }
    if head.len() < 100 {
        return Err(format!("is not a database: it ends after {bytes} bytes, within the header"));
    }
    // the file format read version: 2 is WAL
    Ok(head.get(19) == Some(&2))
}

/// Files by device and inode, opened once and never closed: the locks of SQLite belong to the process, and closing any
/// descriptor of the file lets go of all of them, those of other threads' connections too.
/// Source: <https://www.sqlite.org/howtocorrupt.html>, section 2.2.
static OPENED: Mutex<BTreeMap<(u64, u64), File>> = Mutex::new(BTreeMap::new());

/// The first 100 bytes, fewer of a shorter file.
fn first_bytes(path: &Path, file: (u64, u64)) -> std::io::Result<Vec<u8>> {
    let mut opened = OPENED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let file = match opened.entry(file) {
        Entry::Occupied(there) => there.into_mut(),
        Entry::Vacant(_) => {
            // a deleted file would keep its space; nobody's locks on it matter any more
            opened.retain(|_, file| file.metadata().is_ok_and(|meta| meta.nlink() > 0));
            opened.entry(file).or_insert(File::open(path)?)
        }
    };
    let mut head = vec![0; 100];
    let mut length = 0;
    while let Some(rest) = head.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, length as u64)? {
            0 => break,
            n => length += n,
        }
    }
    head.truncate(length);
    Ok(head)
}

/// Opens read-only and reads the schema, which takes a read lock. A file `at_rest` is opened so that nothing is made beside
/// it.
fn open(path: &Path, at_rest: bool, busy: Duration) -> Result<Connection, Stop> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let resting = url::Url::from_file_path(path).ok().filter(|_| at_rest).map(|mut url| {
        url.set_query(Some("immutable=1"));
        url.to_string()
    });
    let connection = match resting {
        Some(url) => Connection::open_with_flags(url, flags | OpenFlags::SQLITE_OPEN_URI),
        None => Connection::open_with_flags(path, flags),
    }
    .map_err(|error| stop(&error))?;
    connection.busy_timeout(busy).map_err(|error| stop(&error))?;
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))
        .map_err(|error| stop(&error))?;
    Ok(connection)
}

/// The first complaint, if there is one.
fn quick_check(connection: &Connection) -> Result<Option<String>, Stop> {
    let said = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match said {
        Ok(said) if said == "ok" => Ok(None),
        Ok(said) => Ok(Some(text::line(&said, 200))),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            Ok(Some(text::line(&error.to_string(), 200)))
        }
        Err(error) => Err(stop(&error)),
    }
}

fn stop(error: &rusqlite::Error) -> Stop {
    let said = text::line(&error.to_string(), 200);
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Stop::Busy,
        Some(ErrorCode::NotADatabase) => Stop::NotDatabase(said),
        Some(ErrorCode::OperationInterrupted) => Stop::Interrupted,
        Some(ErrorCode::DatabaseCorrupt) => Stop::Failed(format!("is corrupt: {said}; restore a backup")),
        Some(ErrorCode::ReadOnly) => Stop::InterruptedWriter,
        Some(ErrorCode::CannotOpen) => Stop::CantOpen(said),
        _ => Stop::Failed(said),
    }
}
