//! The journal's writer thread, and what it writes.
//!
//! Whoever waits at the same moment shares one transaction and its fsync (group commit), and hears of success only after
//! the commit. A commit that fails for want of space is reported and may be tried again; one whose fsync failed is fatal.

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::chain;
use super::database::newest;
use super::event::Event;
use super::head::Head;
use super::read::timestamp;
use super::records::{Admission, Admit, Drop, JournalError, Notice, sqlite, sqlite_at};
use super::requests::Answer;
use super::run::{Phase, RunKey};
use super::seal::Sealed;
use crate::durable::DurableError;
use crate::failpoint;
use crate::order::Priority;

/// Most writes that share one transaction.
pub(super) const GROUP_MAX: usize = 512;

pub(super) type Job = Box<dyn FnOnce(&Transaction<'_>) -> Result<(), JournalError> + Send>;
pub(super) type Write = (Job, mpsc::SyncSender<Result<(), JournalError>>);

pub(super) fn write_loop(mut connection: Connection, path: &Path, head: &mut Head, jobs: &mpsc::Receiver<Write>) {
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
pub(super) fn write_group(
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

pub(super) fn insert_drop(transaction: &Transaction<'_>, drop: &Drop) -> Result<(), JournalError> {
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
                drop.kind.as_str(),
                drop.reason
            ])
        })
        .map(std::mem::drop)
        .map_err(sqlite("write"))
}

pub(super) fn insert_notice(
    transaction: &Transaction<'_>,
    notice: &Notice,
    now: Timestamp,
) -> Result<bool, JournalError> {
    transaction
        .prepare_cached("INSERT INTO notices (key, at, body, told) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")
        .and_then(|mut insert| insert.execute(params![notice.key, now.to_string(), notice.body, notice.told]))
        .map(|new| new == 1)
        .map_err(sqlite("write"))
}

pub(super) fn admit(transaction: &Transaction<'_>, drop: Admit, now: Timestamp) -> Result<Admission, JournalError> {
    let fail = sqlite("write");
    let newest = transaction
        .prepare_cached(
            "SELECT run, attempt, agent, file, received, sha256, open FROM runs JOIN sources USING (source)
             WHERE runs.id = ?1 ORDER BY attempt DESC LIMIT 1",
        )
        .and_then(|mut select| {
            select
                .query_row([&drop.id], |row| {
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
                })
                .optional()
        })
        .map_err(&fail)?;
    match newest {
        Some((key, open)) if key.sha256 == drop.sha256 => {
            let same_drop = open && key.agent == drop.agent && key.file == drop.file && !drop.view_exists;
            return Ok(if same_drop { Admission::Unmoved(key) } else { Admission::Duplicate { of: key } });
        }
        // its text was taken before the newest one came: it is no new word
        Some(_) if is_noted(transaction, &drop.note)? || is_copy(transaction, &drop)? => return Ok(Admission::Known),
        Some((key, true)) => return Ok(Admission::Conflict { with: key }),
        _ => {}
    }
    // an earlier text that is dropped again, after another one, is a revision like any other
    transaction
        .prepare_cached("INSERT INTO sources (id, sha256, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
        .and_then(|mut insert| insert.execute(params![drop.id, drop.sha256, drop.bytes]))
        .map_err(&fail)?;
    let source = transaction
        .prepare_cached("SELECT source FROM sources WHERE id = ?1 AND sha256 = ?2")
        .and_then(|mut select| select.query_row([&drop.id, &drop.sha256], |row| row.get(0)))
        .map_err(&fail)?;
    let new = NewRun {
        source,
        id: &drop.id,
        agent: &drop.agent,
        file: &drop.file,
        sha256: &drop.sha256,
        priority: drop.priority,
        retry: false,
    };
    insert_run(transaction, &new, now).map(Admission::Accepted)
}

/// Whether the file was last written before its text was taken in the last time: a copy that a program delivers again, and no
/// new word.
fn is_copy(transaction: &Transaction<'_>, drop: &Admit) -> Result<bool, JournalError> {
    let received = transaction
        .prepare_cached(
            "SELECT received FROM runs JOIN sources USING (source) WHERE runs.id = ?1 AND sha256 = ?2
             ORDER BY run DESC LIMIT 1",
        )
        .and_then(|mut select| select.query_row(params![drop.id, drop.sha256], |row| timestamp(row, 0)).optional())
        .map_err(sqlite("read"))?;
    Ok(received.is_some_and(|received| drop.written <= received))
}

fn is_noted(transaction: &Transaction<'_>, key: &str) -> Result<bool, JournalError> {
    transaction
        .prepare_cached("SELECT 1 FROM notices WHERE key = ?1")
        .and_then(|mut select| select.exists([key]))
        .map_err(sqlite("read"))
}

/// What a new run is given.
pub(super) struct NewRun<'a> {
    /// Where its bytes are.
    pub source: i64,
    pub id: &'a str,
    pub agent: &'a str,
    pub file: &'a str,
    pub sha256: &'a str,
    pub priority: Priority,
    pub retry: bool,
}

pub(super) fn insert_run(
    transaction: &Transaction<'_>,
    new: &NewRun<'_>,
    now: Timestamp,
) -> Result<RunKey, JournalError> {
    let fail = sqlite("write");
    let NewRun { source, id, agent, file, sha256, priority, retry } = *new;
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

pub(super) fn insert_events(
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

pub(super) fn insert_event(
    transaction: &Transaction<'_>,
    run: i64,
    at: Timestamp,
    event: &Event,
) -> Result<(), JournalError> {
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

pub(super) fn set_phase(transaction: &Transaction<'_>, run: i64, phase: &Phase) -> Result<(), JournalError> {
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

pub(super) fn set_answer(transaction: &Transaction<'_>, request: i64, answer: &Answer) -> Result<(), JournalError> {
    let text = serde_json::to_string(answer)
        .map_err(|error| JournalError::Damaged { path: PathBuf::new(), why: error.to_string() })?;
    transaction
        .execute("UPDATE requests SET answer = ?2 WHERE seq = ?1 AND answer IS NULL", params![request, text])
        .map_err(sqlite("write"))?;
    Ok(())
}
