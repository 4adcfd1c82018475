//! The journal's store: SQLite in WAL mode, `synchronous=FULL` (and `fullfsync` on macOS).
//!
//! Writes go through one thread: whoever waits at the same moment shares one transaction and its fsync (group commit),
//! and hears of success only after the commit. A commit that fails for want of space is reported and may be tried
//! again; one whose fsync failed is fatal.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, params};

use super::chain;
use super::event::Event;
use super::head::{self, Head, Mark};
use super::requests::{Answer, Request, RequestKind};
use super::run::{Illegal, Phase, Run, RunKey};
use crate::durable::{self, DurableError};
use crate::failpoint;
use crate::order::Priority;
use crate::root::Root;

const APPLICATION_ID: i32 = 0x574f_4a31; // "WOJ1"
const SCHEMA_VERSION: i32 = 1;
/// Most writes that share one transaction.
const GROUP_MAX: usize = 512;
/// Databases up to this many bytes get the full integrity check at start, larger ones the quick one.
const FULL_CHECK_BYTES: u64 = 64 * 1024 * 1024;

const SCHEMA: &str = "
CREATE TABLE sources (
    source INTEGER PRIMARY KEY, id TEXT NOT NULL, sha256 TEXT NOT NULL, bytes BLOB NOT NULL, UNIQUE (id, sha256)
) STRICT;
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES sources, id TEXT NOT NULL, attempt INTEGER NOT NULL,
    agent TEXT NOT NULL, file TEXT NOT NULL, received TEXT NOT NULL, priority INTEGER NOT NULL,
    phase TEXT NOT NULL, open INTEGER NOT NULL, seal TEXT NOT NULL, UNIQUE (id, attempt)
) STRICT;
CREATE INDEX open_runs ON runs (open) WHERE open = 1;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, run INTEGER NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events (run, seq);
CREATE TABLE drops (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, agent TEXT NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL,
    id TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE requests (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, answer TEXT
) STRICT;
CREATE TABLE notices (
    key TEXT PRIMARY KEY, at TEXT NOT NULL, body TEXT NOT NULL, told INTEGER NOT NULL DEFAULT 0
) STRICT;
";

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("failed to {op} the journal `{}`: {source}", path.display())]
    Sqlite { op: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error(
        "the journal `{}` can't be trusted: {why}\n\
         hint: nothing was executed and nothing was changed; put a backup of it in its place, or move the whole \
         `bridge/state` aside to start anew knowing that past orders are then forgotten", path.display()
    )]
    Damaged { path: PathBuf, why: String },
    #[error(transparent)]
    Durable(#[from] DurableError),
    #[error(transparent)]
    Illegal(#[from] Illegal),
    #[error("the journal's writer has stopped after: {0}")]
    Stopped(String),
    #[error(
        "{0} requests wait for an executor already (limits.requests)\n\
         hint: `wo up` or `wo run` carries them out"
    )]
    TooManyRequests(i64),
    #[error("no order {0} is known")]
    Unknown(String),
}

impl JournalError {
    /// Whether the executor must stop: a failed fsync, damage, or an I/O error below SQLite.
    pub fn is_fatal(&self) -> bool {
        match self {
            JournalError::Durable(error) => error.is_fatal(),
            JournalError::Damaged { .. } | JournalError::Illegal(_) | JournalError::Stopped(_) => true,
            JournalError::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(
                    rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::CannotOpen,
                ) => false,
                Some(rusqlite::ErrorCode::SystemIoFailure) => {
                    // a write that failed for want of space or descriptors can be tried again; an fsync that failed can't
                    let code = source.sqlite_error().map_or(0, |error| error.extended_code);
                    code == rusqlite::ffi::SQLITE_IOERR_FSYNC || code == rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC
                }
                Some(rusqlite::ErrorCode::ReadOnly) => false,
                _ => true,
            },
            JournalError::Unknown(_) | JournalError::TooManyRequests(_) => false,
        }
    }
}

/// A row of `runs`, enough for a list.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    pub key: RunKey,
    pub priority: Priority,
    pub phase: Phase,
}

/// A file that was dropped and did not become a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Drop {
    pub at: Timestamp,
    pub agent: String,
    pub file: String,
    pub sha256: String,
    /// Empty when the file gave none.
    pub id: String,
    /// `duplicate`, `rejected` or `result`.
    pub kind: String,
    pub reason: String,
}

/// Something that a person is told once.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// `ID/attempt/what`, or what stands for a file.
    pub key: String,
    /// JSON.
    pub body: String,
    /// Nobody is to be told: it is only remembered.
    pub told: bool,
}

/// An event as it stands in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub seq: i64,
    pub at: Timestamp,
    pub run: i64,
    pub event: Event,
}

/// What a drop is, given what the journal knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    /// Stored; the file may be moved.
    Accepted(RunKey),
    /// This very drop was stored before a crash and not yet moved.
    Unmoved(RunKey),
    /// Same id, same bytes.
    Duplicate { of: RunKey },
    /// Same id, other bytes, while the earlier attempt is still open.
    Conflict { with: RunKey },
}

/// A drop that wants to become a run.
#[derive(Debug, Clone)]
pub struct Admit {
    pub id: String,
    pub agent: String,
    pub file: String,
    pub sha256: String,
    pub bytes: Vec<u8>,
    pub priority: Priority,
    /// Whether a file that may be the view of an already stored drop lies in `processing/`.
    pub view_exists: bool,
}

type Job = Box<dyn FnOnce(&Transaction<'_>) -> Result<(), JournalError> + Send>;
type Write = (Job, mpsc::SyncSender<Result<(), JournalError>>);

/// Reads; any process may have one.
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// The executor's journal. Cheap to clone; all clones share the writer thread.
pub struct Journal {
    root: Root,
    writer: Option<mpsc::SyncSender<Write>>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal, checks all of it, and starts the writer. The caller holds the bridge's lock.
    pub fn open(root: &Root) -> Result<Journal, JournalError> {
        let connection = create_or_open(root)?;
        check(&connection, &root.journal())?;
        let path = root.journal();
        let newest = newest(&connection).map_err(sqlite_at("read", &path))?;
        check_head(root, &connection)?;
        let mut head = Head::open(root, &newest)?;
        // it can be trusted: its log may be folded into it when it is closed
        keep_log_on_close(&connection, false).map_err(sqlite_at("open", &path))?;
        let (writer, jobs) = mpsc::sync_channel::<Write>(GROUP_MAX);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_loop(connection, &path, &mut head, &jobs))
            .map_err(|source| DurableError::Io { op: "start the writer of", path: root.journal(), source })?;
        Ok(Journal { root: root.clone(), writer: Some(writer), thread: Some(thread) })
    }

    pub fn reader(&self) -> Result<Reader, JournalError> {
        let reader = Reader::open(&self.root)?;
        keep_log_on_close(&reader.connection, false).map_err(sqlite_at("open", &reader.path))?;
        Ok(reader)
    }

    /// Runs `work` in a transaction that may be shared; returns after the commit.
    fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let (result_sender, result) = mpsc::sync_channel(1);
        let job: Job = Box::new(move |transaction| {
            let value = work(transaction)?;
            let _ = result_sender.send(value);
            Ok(())
        });
        let (done, committed) = mpsc::sync_channel(1);
        let stopped = || JournalError::Stopped("an earlier error".to_owned());
        self.writer.as_ref().ok_or_else(stopped)?.send((job, done)).map_err(|_| stopped())?;
        committed.recv().map_err(|_| stopped())??;
        result.recv().map_err(|_| stopped())
    }

    /// Appends `events` to the run; `run` is already folded with them.
    pub fn append(&self, run: &Run, events: Vec<(Timestamp, Event)>) -> Result<(), JournalError> {
        if events.is_empty() {
            return Ok(());
        }
        let (key, phase) = (run.key.run, run.phase.clone());
        self.write(move |transaction| insert_events(transaction, key, &phase, &events))
    }

    /// Stores drops as runs, all in one transaction: the raw bytes first.
    pub fn admit(&self, drops: Vec<Admit>, now: Timestamp) -> Result<Vec<Admission>, JournalError> {
        self.write(move |transaction| drops.into_iter().map(|drop| admit(transaction, drop, now)).collect())
    }

    /// Records a drop that does not become a run.
    pub fn record_drop(&self, drop: Drop) -> Result<(), JournalError> {
        self.write(move |transaction| insert_drop(transaction, &drop))
    }

    /// Records a drop that is rejected, with the notice of it; `true` when this is new. One that can't be moved yet is looked
    /// at again and again, and recorded once.
    pub fn reject(&self, drop: Drop, notice: Notice) -> Result<bool, JournalError> {
        self.write(move |transaction| {
            let new = insert_notice(transaction, &notice, drop.at)?;
            if new {
                insert_drop(transaction, &drop)?;
            }
            Ok(new)
        })
    }

    /// A new attempt at the bytes of an ended run.
    pub fn retry(
        &self,
        of: &RunKey,
        priority: Priority,
        answer: (i64, Answer),
        now: Timestamp,
    ) -> Result<RunKey, JournalError> {
        let of = of.clone();
        self.write(move |transaction| {
            let source: i64 = transaction
                .query_row("SELECT source FROM runs WHERE run = ?1", [of.run], |row| row.get(0))
                .map_err(sqlite("read"))?;
            let key = insert_run(transaction, source, &of.id, &of.agent, &of.file, &of.sha256, priority, true, now)?;
            set_answer(transaction, answer.0, &answer.1)?;
            Ok(key)
        })
    }

    /// Answers a request; with `events` (folded into `run` already) in the same transaction, so that it is carried out
    /// once.
    pub fn answer(
        &self,
        request: i64,
        answer: Answer,
        run: Option<(&Run, Vec<(Timestamp, Event)>)>,
    ) -> Result<(), JournalError> {
        let run = run.map(|(run, events)| (run.key.run, run.phase.clone(), events));
        self.write(move |transaction| {
            if let Some((key, phase, events)) = run {
                insert_events(transaction, key, &phase, &events)?;
            }
            set_answer(transaction, request, &answer)
        })
    }

    /// Notes that something needs a person; `true` when this is new. The key makes it be told once.
    pub fn notice(&self, notice: Notice, now: Timestamp) -> Result<bool, JournalError> {
        self.write(move |transaction| insert_notice(transaction, &notice, now))
    }

    /// Forgets the oldest of what was told, of drops that became no run, and of answered requests: `keep` of each stay. What
    /// open runs have told stays, so that it is told once. Returns how many notices were given up that nobody got.
    pub fn forget(&self, keep: u64) -> Result<usize, JournalError> {
        let keep = i64::try_from(keep).unwrap_or(i64::MAX);
        self.write(move |transaction| {
            let fail = sqlite("write");
            let oldest = "key IN (SELECT key FROM notices ORDER BY at DESC, rowid DESC LIMIT -1 OFFSET ?1)
                          AND substr(key, 1, instr(key, '/') - 1) NOT IN (SELECT id FROM runs WHERE open = 1)";
            let untold = transaction
                .execute(&format!("DELETE FROM notices WHERE told = 0 AND {oldest}"), [keep])
                .map_err(&fail)?;
            transaction.execute(&format!("DELETE FROM notices WHERE {oldest}"), [keep]).map_err(&fail)?;
            transaction
                .execute("DELETE FROM drops WHERE seq <= (SELECT max(seq) FROM drops) - ?1", [keep])
                .map_err(&fail)?;
            transaction
                .execute(
                    "DELETE FROM requests WHERE answer IS NOT NULL AND seq <= (SELECT max(seq) FROM requests) - ?1",
                    [keep],
                )
                .map_err(&fail)?;
            Ok(untold)
        })
    }

    pub fn notice_told(&self, key: &str) -> Result<(), JournalError> {
        let key = key.to_owned();
        self.write(move |transaction| {
            transaction.execute("UPDATE notices SET told = 1 WHERE key = ?1", [key]).map_err(sqlite("write"))?;
            Ok(())
        })
    }
}

impl std::ops::Drop for Journal {
    fn drop(&mut self) {
        self.writer = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Adds a request from any process; returns its number once it is durable. Refused when `most` wait already.
pub fn request(root: &Root, id: &str, kind: &RequestKind, now: Timestamp, most: u64) -> Result<i64, JournalError> {
    let path = root.journal();
    if !marker(root).exists() {
        return Err(JournalError::Unknown(id.to_owned()));
    }
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let body = serde_json::to_string(kind).map_err(|error| damaged(&path, error))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let added = connection
        .execute(
            "INSERT INTO requests (at, id, kind)
             SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM requests WHERE answer IS NULL) < ?4",
            params![now.to_string(), id, body, most],
        )
        .map_err(sqlite_at("write to", &path))?;
    if added == 0 { Err(JournalError::TooManyRequests(most)) } else { Ok(connection.last_insert_rowid()) }
}

impl Reader {
    /// Opens the journal for reading; `None` in [`Reader::open_existing`] when there is none yet.
    pub fn open(root: &Root) -> Result<Reader, JournalError> {
        let path = root.journal();
        // not SQLITE_OPEN_READ_ONLY: a reader of a WAL database must be able to make its shared memory
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true).map_err(sqlite_at("open", &path))?;
        Ok(Reader { connection, path })
    }

    pub fn open_existing(root: &Root) -> Result<Option<Reader>, JournalError> {
        // the marker comes after the schema: without it, a journal is just being made
        match (marker(root).exists(), root.journal().exists()) {
            (false, _) => Ok(None),
            (true, true) => Reader::open(root).map(Some),
            (true, false) => Err(missing(root)),
        }
    }

    /// Changes whenever another connection has committed.
    pub fn data_version(&self) -> Result<i64, JournalError> {
        self.connection.query_row("PRAGMA data_version", [], |row| row.get(0)).map_err(sqlite_at("read", &self.path))
    }

    /// Runs that have not ended, most urgent first.
    pub fn open_runs(&self) -> Result<Vec<RunRow>, JournalError> {
        self.rows("WHERE open = 1 ORDER BY priority, run", [])
    }

    pub fn open_count(&self) -> Result<u64, JournalError> {
        self.count("SELECT count(*) FROM runs WHERE open = 1")
    }

    /// The newest `limit` runs, newest first.
    pub fn recent_runs(&self, limit: usize) -> Result<Vec<RunRow>, JournalError> {
        self.rows("ORDER BY run DESC LIMIT ?1", [limit as i64])
    }

    /// All attempts at `id`, oldest first.
    pub fn runs_of(&self, id: &str) -> Result<Vec<RunRow>, JournalError> {
        self.rows("WHERE id = ?1 ORDER BY attempt", [id])
    }

    pub fn last_run_of(&self, id: &str) -> Result<Option<RunRow>, JournalError> {
        Ok(self.rows("WHERE id = ?1 ORDER BY attempt DESC LIMIT 1", [id])?.pop())
    }

    /// Runs after row `run`, oldest first; for following.
    pub fn runs_after(&self, run: i64) -> Result<Vec<RunRow>, JournalError> {
        self.rows("WHERE run > ?1 ORDER BY run", [run])
    }

    /// The run with all its events folded.
    pub fn load(&self, key: &RunKey) -> Result<Run, JournalError> {
        let mut run = Run::new(key.clone());
        for entry in self.events_of(key.run)? {
            run.apply(&entry.event, entry.at)?;
        }
        Ok(run)
    }

    /// The raw bytes of a run's order; an error when they no longer have the hash they came with.
    pub fn bytes(&self, key: &RunKey) -> Result<Vec<u8>, JournalError> {
        let bytes: Vec<u8> = self
            .connection
            .query_row("SELECT bytes FROM sources JOIN runs USING (source) WHERE run = ?1", [key.run], |row| row.get(0))
            .map_err(sqlite_at("read", &self.path))?;
        if chain::sha256(&bytes) != key.sha256 {
            return Err(damaged(&self.path, format!("the bytes of {} do not have their hash", key.id)));
        }
        Ok(bytes)
    }

    pub fn events_of(&self, run: i64) -> Result<Vec<Entry>, JournalError> {
        self.entries("WHERE run = ?1 ORDER BY seq", [run])
    }

    /// Events after `seq`, at most `limit`.
    pub fn events_after(&self, seq: i64, limit: usize) -> Result<Vec<Entry>, JournalError> {
        self.entries("WHERE seq > ?1 ORDER BY seq LIMIT ?2", [seq, limit as i64])
    }

    pub fn last_event(&self) -> Result<i64, JournalError> {
        self.connection
            .query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| row.get(0))
            .map_err(sqlite_at("read", &self.path))
    }

    /// Requests that wait for the executor, oldest first.
    pub fn pending_requests(&self) -> Result<Vec<Request>, JournalError> {
        self.requests("WHERE answer IS NULL ORDER BY seq LIMIT 1000", [])
    }

    pub fn request(&self, seq: i64) -> Result<Option<Request>, JournalError> {
        Ok(self.requests("WHERE seq = ?1", [seq])?.pop())
    }

    /// The newest `limit` drops that did not become runs, newest first.
    pub fn drops(&self, limit: usize) -> Result<Vec<Drop>, JournalError> {
        self.drops_where("ORDER BY seq DESC LIMIT ?1", [limit as i64])
    }

    /// Drops of files with this hash, newest first.
    pub fn drops_with(&self, sha256: &str) -> Result<Vec<Drop>, JournalError> {
        self.drops_where("WHERE sha256 = ?1 ORDER BY seq DESC LIMIT 10", [sha256])
    }

    fn drops_where(&self, clause: &str, params: impl rusqlite::Params) -> Result<Vec<Drop>, JournalError> {
        let fail = sqlite_at("read", &self.path);
        let sql = format!("SELECT at, agent, file, sha256, id, kind, reason FROM drops {clause}");
        let mut statement = self.connection.prepare_cached(&sql).map_err(&fail)?;
        let rows = statement
            .query_map(params, |row| {
                Ok(Drop {
                    at: timestamp(row, 0)?,
                    agent: row.get(1)?,
                    file: row.get(2)?,
                    sha256: row.get(3)?,
                    id: row.get(4)?,
                    kind: row.get(5)?,
                    reason: row.get(6)?,
                })
            })
            .map_err(&fail)?;
        rows.collect::<Result<_, _>>().map_err(&fail)
    }

    /// Notices that were not told yet: key and body.
    pub fn untold_notices(&self) -> Result<Vec<(String, String)>, JournalError> {
        let fail = sqlite_at("read", &self.path);
        let mut statement = self
            .connection
            .prepare_cached("SELECT key, body FROM notices WHERE told = 0 ORDER BY at LIMIT 1000")
            .map_err(&fail)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&fail)?;
        rows.collect::<Result<_, _>>().map_err(&fail)
    }

    pub fn untold_count(&self) -> Result<u64, JournalError> {
        self.count("SELECT count(*) FROM notices WHERE told = 0")
    }

    /// The whole chain and every seal, as the executor checks them at start.
    pub fn verify(&self) -> Result<u64, JournalError> {
        check(&self.connection, &self.path)
    }

    fn count(&self, sql: &str) -> Result<u64, JournalError> {
        let count: i64 = self.connection.query_row(sql, [], |row| row.get(0)).map_err(sqlite_at("read", &self.path))?;
        Ok(count.max(0) as u64)
    }

    fn rows(&self, clause: &str, params: impl rusqlite::Params) -> Result<Vec<RunRow>, JournalError> {
        let fail = sqlite_at("read", &self.path);
        let sql = format!(
            "SELECT run, id, attempt, agent, file, sha256, received, priority, phase
             FROM (SELECT runs.*, sources.sha256 AS sha256 FROM runs JOIN sources USING (source)) {clause}"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(&fail)?;
        let rows = statement
            .query_map(params, |row| {
                Ok(RunRow {
                    key: RunKey {
                        run: row.get(0)?,
                        id: row.get(1)?,
                        attempt: row.get(2)?,
                        agent: row.get(3)?,
                        file: row.get(4)?,
                        sha256: row.get(5)?,
                        received: timestamp(row, 6)?,
                    },
                    priority: priority_of(row.get(7)?),
                    phase: json(row, 8)?,
                })
            })
            .map_err(&fail)?;
        rows.collect::<Result<_, _>>().map_err(&fail)
    }

    fn entries(&self, clause: &str, params: impl rusqlite::Params) -> Result<Vec<Entry>, JournalError> {
        let fail = sqlite_at("read", &self.path);
        let sql = format!("SELECT seq, at, run, body FROM events {clause}");
        let mut statement = self.connection.prepare_cached(&sql).map_err(&fail)?;
        let rows = statement
            .query_map(params, |row| {
                Ok(Entry { seq: row.get(0)?, at: timestamp(row, 1)?, run: row.get(2)?, event: json(row, 3)? })
            })
            .map_err(&fail)?;
        rows.collect::<Result<_, _>>().map_err(&fail)
    }

    fn requests(&self, clause: &str, params: impl rusqlite::Params) -> Result<Vec<Request>, JournalError> {
        let fail = sqlite_at("read", &self.path);
        let sql = format!("SELECT seq, at, id, kind, answer FROM requests {clause}");
        let mut statement = self.connection.prepare_cached(&sql).map_err(&fail)?;
        let rows = statement
            .query_map(params, |row| {
                let answer: Option<String> = row.get(4)?;
                Ok(Request {
                    seq: row.get(0)?,
                    at: timestamp(row, 1)?,
                    id: row.get(2)?,
                    kind: json(row, 3)?,
                    answer: if answer.is_some() { Some(json(row, 4)?) } else { None },
                })
            })
            .map_err(&fail)?;
        rows.collect::<Result<_, _>>().map_err(&fail)
    }
}

/// A file that says that a journal was made here, so that a missing one is not taken for a new root.
fn marker(root: &Root) -> PathBuf {
    root.state().join("journal.made")
}

fn missing(root: &Root) -> JournalError {
    damaged(&root.journal(), "it was here before and is gone or empty")
}

fn create_or_open(root: &Root) -> Result<Connection, JournalError> {
    let path = root.journal();
    durable::create_dir_all(&root.state())?;
    let exists = path.metadata().is_ok_and(|meta| meta.len() > 0);
    if !exists && marker(root).exists() {
        return Err(missing(root));
    }
    let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let fail = sqlite_at("open", &path);
    let application: i32 =
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(|error| damaged(&path, error))?;
    let version: i32 =
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(|error| damaged(&path, error))?;
    match (application, version) {
        (APPLICATION_ID, SCHEMA_VERSION) => {}
        (0, 0) if !marker(root).exists() => {
            let tables: i64 = connection
                .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
                .map_err(|error| damaged(&path, error))?;
            if tables != 0 {
                return Err(damaged(&path, "it is a database of something else"));
            }
            connection
                .execute_batch(&format!(
                    "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
                ))
                .map_err(&fail)?;
            durable::sync_dir(&root.state())?;
        }
        (APPLICATION_ID, other) => {
            return Err(damaged(
                &path,
                format!("its schema is version {other}; this `wo` knows version {SCHEMA_VERSION}"),
            ));
        }
        _ => return Err(damaged(&path, "its header is not a journal's")),
    }
    if !marker(root).exists() {
        durable::write(&marker(root), b"a journal was made here; see journal.db\n", 0o644)?;
    }
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, JournalError> {
    let fail = sqlite_at("open", path);
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(&fail)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(&fail)?;
    let unreadable = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => damaged(path, error),
        _ => fail(error),
    };
    // the last one to close a database folds its log into it and removes the log: not before it was checked
    keep_log_on_close(&connection, true).map_err(&fail)?;
    // the next pragma writes into the file: not into one that is somebody else's
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(&unreadable)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(&unreadable)?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(damaged(path, "its header is not a journal's"));
    }
    let mode = change_to_wal(&connection).map_err(&unreadable)?;
    if mode != "wal" {
        return Err(damaged(path, format!("its journal mode is `{mode}`, not WAL")));
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(&fail)?;
    connection.pragma_update(None, "fullfsync", true).map_err(&fail)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true).map_err(&fail)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(&fail)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// To the end of the statement: its row comes before its commit, which may fail.
fn change_to_wal(connection: &Connection) -> rusqlite::Result<String> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    Ok(mode)
}

fn keep_log_on_close(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(drop)
}

/// Number and hash of the newest event.
fn newest(connection: &Connection) -> rusqlite::Result<Mark> {
    connection
        .prepare_cached("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok(Mark { seq: row.get(0)?, hash: row.get(1)? }))
        .optional()
        .map(|mark| mark.unwrap_or_else(|| Mark { seq: 0, hash: chain::GENESIS.to_owned() }))
}

/// That the journal still has the newest event that the head knows of.
fn check_head(root: &Root, connection: &Connection) -> Result<(), JournalError> {
    let path = root.journal();
    let shown = head::path(root);
    let shown = root.show(&shown);
    let mark = head::read(root).map_err(|error| damaged(&path, format!("failed to read `{shown}`: {error}")))?;
    let Some(mark) = mark.filter(|mark| mark.seq > 0) else { return Ok(()) };
    let hash: Option<String> = connection
        .query_row("SELECT hash FROM events WHERE seq = ?1", [mark.seq], |row| row.get(0))
        .optional()
        .map_err(|error| damaged(&path, error))?;
    match hash {
        Some(hash) if hash == mark.hash => Ok(()),
        Some(_) => Err(damaged(&path, format!("event {} is another one than `{shown}` knows", mark.seq))),
        None => {
            let last = newest(connection).map_err(|error| damaged(&path, error))?.seq;
            let why = format!(
                "it ends at event {last}, yet event {} was written: its write-ahead log was removed or cut off, or this is \
                 an older copy (to go on with that one all the same, remove `{shown}`)",
                mark.seq
            );
            Err(damaged(&path, why))
        }
    }
}

/// Checks pages, the event chain, and that every run's row is the fold of its events. Returns the number of events.
fn check(connection: &Connection, path: &Path) -> Result<u64, JournalError> {
    let bad = |why: String| damaged(path, why);
    let size = path.metadata().map_or(0, |meta| meta.len());
    let pragma = if size <= FULL_CHECK_BYTES { "PRAGMA integrity_check(1)" } else { "PRAGMA quick_check(1)" };
    let verdict: String = connection.query_row(pragma, [], |row| row.get(0)).map_err(|error| bad(error.to_string()))?;
    if verdict != "ok" {
        return Err(bad(verdict));
    }
    let mut statement = connection
        .prepare("SELECT seq, at, run, body, hash FROM events ORDER BY seq")
        .map_err(|error| bad(error.to_string()))?;
    let mut rows = statement.query([]).map_err(|error| bad(error.to_string()))?;
    let mut previous = chain::GENESIS.to_owned();
    let mut count = 0;
    while let Some(row) = rows.next().map_err(|error| bad(error.to_string()))? {
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(i64, String, i64, String, String)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        };
        let (seq, at, run, body, hash) = read(row).map_err(|error| bad(error.to_string()))?;
        let expected = chain::link(&previous, seq, &at, run, &body);
        if expected != hash || seq != count + 1 {
            return Err(bad(format!("the hash chain breaks at event {seq}")));
        }
        previous = hash;
        count += 1;
    }
    drop(rows);
    let mut statement = connection
        .prepare(
            "SELECT run, runs.id, attempt, agent, file, received, priority, phase, open, seal, sha256
             FROM runs JOIN sources USING (source)",
        )
        .map_err(|error| bad(error.to_string()))?;
    let mut rows = statement.query([]).map_err(|error| bad(error.to_string()))?;
    while let Some(row) = rows.next().map_err(|error| bad(error.to_string()))? {
        let sealed = Sealed::read(row).map_err(|error| bad(error.to_string()))?;
        let stored: String = row.get(9).map_err(|error| bad(error.to_string()))?;
        if sealed.seal() != stored {
            return Err(bad(format!("the row of {} attempt {} does not have its seal", sealed.id, sealed.attempt)));
        }
    }
    drop(rows);
    let mut statement =
        connection.prepare("SELECT id, sha256, bytes FROM sources").map_err(|error| bad(error.to_string()))?;
    let mut rows = statement.query([]).map_err(|error| bad(error.to_string()))?;
    while let Some(row) = rows.next().map_err(|error| bad(error.to_string()))? {
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(String, String, Vec<u8>)> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        };
        let (id, sha256, bytes) = read(row).map_err(|error| bad(error.to_string()))?;
        if chain::sha256(&bytes) != sha256 {
            return Err(bad(format!("the bytes of {id} do not have their hash")));
        }
    }
    Ok(count as u64)
}

/// The columns of a `runs` row that its seal covers.
struct Sealed {
    run: i64,
    id: String,
    attempt: i64,
    agent: String,
    file: String,
    received: String,
    priority: i64,
    phase: String,
    open: i64,
    sha256: String,
}

impl Sealed {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sealed> {
        Ok(Sealed {
            run: row.get(0)?,
            id: row.get(1)?,
            attempt: row.get(2)?,
            agent: row.get(3)?,
            file: row.get(4)?,
            received: row.get(5)?,
            priority: row.get(6)?,
            phase: row.get(7)?,
            open: row.get(8)?,
            sha256: row.get(10)?,
        })
    }

    fn seal(&self) -> String {
        let body = [
            self.id.as_str(),
            &self.attempt.to_string(),
            &self.agent,
            &self.file,
            &self.received,
            &self.priority.to_string(),
            &self.phase,
            &self.open.to_string(),
            &self.sha256,
        ]
        .join("\u{1f}");
        chain::link("runs", self.run, "", 0, &body)
    }
}

fn write_loop(mut connection: Connection, path: &Path, head: &mut Head, jobs: &mpsc::Receiver<Write>) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(next) = jobs.try_recv()
        {
            group.push(next);
        }
        if let Err(error) = write_group(&mut connection, path, head, group) {
            // what the callers heard is that their writes failed; nothing more may be written after a fatal error
            tracing::error!("{error}");
            return;
        }
    }
}

/// Commits a group; `Err` when the journal must not be written to any more.
fn write_group(
    connection: &mut Connection,
    path: &Path,
    head: &mut Head,
    group: Vec<Write>,
) -> Result<(), JournalError> {
    let mut waiting = Vec::with_capacity(group.len());
    let committed = (|| {
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(sqlite_at("write to", path))?;
        for (job, done) in group {
            transaction.execute_batch("SAVEPOINT one").map_err(sqlite_at("write to", path))?;
            match job(&transaction) {
                Ok(()) => {
                    transaction.execute_batch("RELEASE one").map_err(sqlite_at("write to", path))?;
                    waiting.push(done);
                }
                Err(error) => {
                    transaction.execute_batch("ROLLBACK TO one; RELEASE one").map_err(sqlite_at("write to", path))?;
                    let _ = done.send(Err(error));
                }
            }
        }
        let newest = newest(&transaction).map_err(sqlite_at("read", path))?;
        failpoint::hit("commit.before");
        transaction.commit().map_err(sqlite_at("commit to", path))?;
        failpoint::hit("commit.after");
        if let Err(error) = head.note(&newest) {
            // an older head misses nothing but a loss after it
            tracing::debug!("the journal's head was not written: {error}");
        }
        Ok(())
    })();
    match committed {
        Ok(()) => {
            for done in waiting {
                let _ = done.send(Ok(()));
            }
            Ok(())
        }
        Err(error) => {
            let error: JournalError = error;
            let fatal = error.is_fatal();
            let text = error.to_string();
            let mut first = Some(error);
            for done in waiting {
                // every waiter hears; the first gets the error itself
                let answer = first.take().unwrap_or_else(|| {
                    JournalError::Durable(DurableError::Io {
                        op: "write to",
                        path: path.to_owned(),
                        source: std::io::Error::other(text.clone()),
                    })
                });
                let _ = done.send(Err(answer));
            }
            if fatal { Err(JournalError::Stopped(text)) } else { Ok(()) }
        }
    }
}

fn insert_drop(transaction: &Transaction<'_>, drop: &Drop) -> Result<(), JournalError> {
    transaction
        .prepare_cached(
            "INSERT INTO drops (at, agent, file, sha256, id, kind, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                drop.at.to_string(),
                drop.agent,
                drop.file,
                drop.sha256,
                drop.id,
                drop.kind,
                drop.reason
            ])
        })
        .map(std::mem::drop)
        .map_err(sqlite("write"))
}

fn insert_notice(transaction: &Transaction<'_>, notice: &Notice, now: Timestamp) -> Result<bool, JournalError> {
    transaction
        .prepare_cached("INSERT INTO notices (key, at, body, told) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
        .and_then(|mut insert| insert.execute(params![notice.key, now.to_string(), notice.body, notice.told]))
        .map(|new| new == 1)
        .map_err(sqlite("write"))
}

fn admit(transaction: &Transaction<'_>, drop: Admit, now: Timestamp) -> Result<Admission, JournalError> {
    let fail = sqlite("write");
    let newest = transaction
        .prepare_cached(
            "SELECT run, attempt, agent, file, received, sha256, open FROM runs JOIN sources USING (source)
             WHERE runs.id = ?1 ORDER BY attempt DESC",
        )
        .and_then(|mut select| {
            select
                .query_map([&drop.id], |row| {
                    let key = RunKey {
                        run: row.get(0)?,
                        id: drop.id.clone(),
                        attempt: row.get(1)?,
                        agent: row.get(2)?,
                        file: row.get(3)?,
                        sha256: row.get(5)?,
                        received: timestamp(row, 4)?,
                    };
                    Ok((key, row.get::<_, i64>(6)? == 1))
                })?
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(&fail)?;
    if let Some((key, open)) = newest.iter().find(|(key, _)| key.sha256 == drop.sha256) {
        let same_drop = *open && key.agent == drop.agent && key.file == drop.file && !drop.view_exists;
        return Ok(if same_drop { Admission::Unmoved(key.clone()) } else { Admission::Duplicate { of: key.clone() } });
    }
    if let Some((key, _)) = newest.iter().find(|(_, open)| *open) {
        return Ok(Admission::Conflict { with: key.clone() });
    }
    transaction
        .prepare_cached("INSERT INTO sources (id, sha256, bytes) VALUES (?1, ?2, ?3)")
        .and_then(|mut insert| insert.execute(params![drop.id, drop.sha256, drop.bytes]))
        .map_err(&fail)?;
    let source = transaction.last_insert_rowid();
    insert_run(transaction, source, &drop.id, &drop.agent, &drop.file, &drop.sha256, drop.priority, false, now)
        .map(Admission::Accepted)
}

#[allow(clippy::too_many_arguments, reason = "the columns of one row")]
fn insert_run(
    transaction: &Transaction<'_>,
    source: i64,
    id: &str,
    agent: &str,
    file: &str,
    sha256: &str,
    priority: Priority,
    retry: bool,
    now: Timestamp,
) -> Result<RunKey, JournalError> {
    let fail = sqlite("write");
    let attempt: u32 = transaction
        .query_row("SELECT coalesce(max(attempt), 0) + 1 FROM runs WHERE id = ?1", [id], |row| row.get(0))
        .map_err(&fail)?;
    transaction
        .prepare_cached(
            "INSERT INTO runs (source, id, attempt, agent, file, received, priority, phase, open, seal)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '', 1, '')",
        )
        .and_then(|mut insert| {
            insert.execute(params![source, id, attempt, agent, file, now.to_string(), priority as i64])
        })
        .map_err(&fail)?;
    let key = RunKey {
        run: transaction.last_insert_rowid(),
        id: id.to_owned(),
        attempt,
        agent: agent.to_owned(),
        file: file.to_owned(),
        sha256: sha256.to_owned(),
        received: now,
    };
    insert_event(transaction, key.run, now, &Event::Received { priority, retry })?;
    set_phase(transaction, key.run, &Phase::Received)?;
    Ok(key)
}

fn insert_events(
    transaction: &Transaction<'_>,
    run: i64,
    phase: &Phase,
    events: &[(Timestamp, Event)],
) -> Result<(), JournalError> {
    for (at, event) in events {
        insert_event(transaction, run, *at, event)?;
    }
    set_phase(transaction, run, phase)
}

fn insert_event(transaction: &Transaction<'_>, run: i64, at: Timestamp, event: &Event) -> Result<(), JournalError> {
    let fail = sqlite("write");
    let body = serde_json::to_string(event)
        .map_err(|error| JournalError::Damaged { path: PathBuf::new(), why: error.to_string() })?;
    let (seq, previous) = transaction
        .prepare_cached("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
        .and_then(|mut select| {
            select.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).optional()
        })
        .map_err(&fail)?
        .unwrap_or_else(|| (0, chain::GENESIS.to_owned()));
    let (seq, at) = (seq + 1, at.to_string());
    let hash = chain::link(&previous, seq, &at, run, &body);
    transaction
        .prepare_cached("INSERT INTO events (seq, at, run, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut insert| insert.execute(params![seq, at, run, body, hash]))
        .map_err(&fail)?;
    Ok(())
}

fn set_phase(transaction: &Transaction<'_>, run: i64, phase: &Phase) -> Result<(), JournalError> {
    let fail = sqlite("write");
    let text = serde_json::to_string(phase)
        .map_err(|error| JournalError::Damaged { path: PathBuf::new(), why: error.to_string() })?;
    let open = i64::from(phase.ended().is_none());
    let mut sealed = transaction
        .prepare_cached(
            "SELECT run, runs.id, attempt, agent, file, received, priority, phase, open, seal, sha256
             FROM runs JOIN sources USING (source) WHERE run = ?1",
        )
        .and_then(|mut select| select.query_row([run], Sealed::read))
        .map_err(&fail)?;
    sealed.phase.clone_from(&text);
    sealed.open = open;
    transaction
        .prepare_cached("UPDATE runs SET phase = ?2, open = ?3, seal = ?4 WHERE run = ?1")
        .and_then(|mut update| update.execute(params![run, text, open, sealed.seal()]))
        .map_err(&fail)?;
    Ok(())
}

fn set_answer(transaction: &Transaction<'_>, request: i64, answer: &Answer) -> Result<(), JournalError> {
    let text = serde_json::to_string(answer)
        .map_err(|error| JournalError::Damaged { path: PathBuf::new(), why: error.to_string() })?;
    transaction
        .execute("UPDATE requests SET answer = ?2 WHERE seq = ?1 AND answer IS NULL", params![request, text])
        .map_err(sqlite("write"))?;
    Ok(())
}

fn priority_of(n: i64) -> Priority {
    match n {
        0 => Priority::P0,
        1 => Priority::P1,
        3 => Priority::P3,
        _ => Priority::P2,
    }
}

fn timestamp(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| conversion(column, error))
}

fn json<T: serde::de::DeserializeOwned>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| conversion(column, error))
}

fn conversion(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> JournalError {
    JournalError::Damaged { path: path.to_owned(), why: why.to_string() }
}

fn sqlite(op: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
    move |source| JournalError::Sqlite { op, path: PathBuf::from("bridge/state/journal.db"), source }
}

fn sqlite_at(op: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Sqlite { op, path: path.clone(), source }
}
