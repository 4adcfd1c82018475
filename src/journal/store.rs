//! The executor's journal: SQLite in WAL mode, `synchronous=FULL` (and `fullfsync` on macOS).
//!
//! Writes go through one thread ([`super::write`]); reads have connections of their own ([`super::read`]).

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use jiff::Timestamp;
use rusqlite::{OpenFlags, Transaction, params};

use super::database::{check, check_head, connect, create_or_open, keep_log_on_close, marker, newest, unsure};
use super::event::Event;
use super::head::{self, Head};
use super::read::Reader;
use super::records::{Admission, Admit, Drop, JournalError, Notice, damaged, sqlite, sqlite_at};
use super::requests::{Answer, RequestKind};
use super::run::{Run, RunKey};
use super::write::{
    GROUP_MAX, Job, NewRun, Write, admit, insert_drop, insert_events, insert_notice, insert_run, set_answer, write_loop,
};
use crate::durable::{self, DurableError};
use crate::order::Priority;
use crate::root::Root;

/// The executor's journal. Cheap to clone; all clones share the writer thread.
pub struct Journal {
    root: Root,
    /// Device and inode of the database.
    file: (u64, u64),
    writer: Option<mpsc::SyncSender<Write>>,
    closed: AtomicBool,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal, checks all of it, and starts the writer. The caller holds the bridge's lock.
    pub fn open(root: &Root) -> Result<Journal, JournalError> {
        let connection = create_or_open(root)?;
        check(&connection, &root.journal())?;
        let path = root.journal();
        let file = identity(&path)?.ok_or_else(|| JournalError::Lost(path.clone()))?;
        let newest = newest(&connection).map_err(sqlite_at("read", &path))?;
        check_head(root, &connection)?;
        if !head::path(root).exists() {
            // before there is a head again: a crash in between takes no doubt away
            durable::write(&unsure(root), b"what lies in processing/ may be of an earlier journal\n", 0o644)?;
        }
        let mut head = Head::open(root, &newest)?;
        // it can be trusted: its log may be folded into it when it is closed
        keep_log_on_close(&connection, false).map_err(sqlite_at("open", &path))?;
        let (writer, jobs) = mpsc::sync_channel::<Write>(GROUP_MAX);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_loop(connection, &path, &mut head, &jobs))
            .map_err(|source| DurableError::Io { op: "start the writer of", path: root.journal(), source })?;
        Ok(Journal {
            root: root.clone(),
            file,
            writer: Some(writer),
            closed: AtomicBool::new(false),
            thread: Some(thread),
        })
    }

    /// Refuses whatever would be written from now on: by workers that did not come back in time, whose programs are about to be
    /// killed. What they would tell of that is none of the order's; its step stays begun, and is probed at the next start.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// That the journal's name still is the file that is open here: what is written to another one is read by nobody.
    pub fn check_place(&self) -> Result<(), JournalError> {
        let path = self.root.journal();
        if identity(&path)? == Some(self.file) { Ok(()) } else { Err(JournalError::Lost(path)) }
    }

    /// Whether an order that is not known here may have been claimed, and begun, all the same.
    pub fn is_unsure(&self) -> bool {
        unsure(&self.root).exists()
    }

    /// What was claimed and is not known here was dealt with.
    pub fn make_sure(&self) -> Result<(), JournalError> {
        let path = unsure(&self.root);
        match std::fs::remove_file(&path) {
            // one that comes back with a power cut only makes the next start more careful
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(DurableError::Io { op: "remove", path, source }.into()),
        }
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
        if self.closed.load(Ordering::SeqCst) {
            return Err(JournalError::Stopped("the wish to stop".to_owned()));
        }
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

    /// Records a drop that does not become a run, with the notice of it; `true` when this is new. One that can't be moved yet
    /// is looked at again and again, and recorded once.
    pub fn record_drop(&self, drop: Drop, notice: Notice) -> Result<bool, JournalError> {
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
            let (id, agent, file, sha256) = (&of.id, &of.agent, &of.file, &of.sha256);
            let new = NewRun { source, id, agent, file, sha256, priority, retry: true };
            let key = insert_run(transaction, &new, now)?;
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

    pub fn forget_notice(&self, key: &str) -> Result<(), JournalError> {
        let key = key.to_owned();
        self.write(move |transaction| {
            transaction.execute("DELETE FROM notices WHERE key = ?1", [key]).map_err(sqlite("write"))?;
            Ok(())
        })
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
                .execute(&format!("DELETE FROM notices WHERE told <> 1 AND {oldest}"), [keep])
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

    /// Notes that everyone was told.
    pub fn notice_told(&self, key: &str) -> Result<(), JournalError> {
        self.set_told(key, 1)
    }

    /// Notes who was told so far: a set of bits above the first, whose meaning is the caller's.
    pub fn notice_told_to(&self, key: &str, receivers: u8) -> Result<(), JournalError> {
        self.set_told(key, receivers & !1)
    }

    fn set_told(&self, key: &str, told: u8) -> Result<(), JournalError> {
        let key = key.to_owned();
        self.write(move |transaction| {
            let update = "UPDATE notices SET told = ?2 WHERE key = ?1";
            transaction.execute(update, rusqlite::params![key, told]).map_err(sqlite("write"))?;
            Ok(())
        })
    }
}

/// Device and inode of the file at `path`; `None` when there is none.
fn identity(path: &Path) -> Result<Option<(u64, u64)>, JournalError> {
    match path.metadata() {
        Ok(meta) => Ok(Some((meta.dev(), meta.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DurableError::Io { op: "look at", path: path.to_owned(), source }.into()),
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
