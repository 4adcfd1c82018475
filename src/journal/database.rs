//! Opens the journal's database and checks all of it before it is trusted.
//!
//! Invariant: nothing is written into a journal, nor folded from its log into it, before it was checked; one that is gone,
//! damaged or has lost its end is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::chain;
use super::head::{self, Mark};
use super::records::{JournalError, damaged, sqlite_at};
use super::seal::Sealed;
use crate::digest;
use crate::durable;
use crate::root::Root;
use crate::sqlite::{self, OpenError};

const APPLICATION_ID: i32 = 0x574f_4a31; // "WOJ1"
const SCHEMA_VERSION: i32 = 1;
const PATIENCE: Duration = Duration::from_secs(10);
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

/// A file that says that a journal was made here, so that a missing one is not taken for a new root.
pub(super) fn marker(root: &Root) -> PathBuf {
    root.state().join("journal.made")
}

/// A file that lies there as long as the journal may not know what was claimed: it is new, or its head was taken away, so that
/// nothing tells whether its end is there.
pub(super) fn unsure(root: &Root) -> PathBuf {
    root.state().join("journal.unsure")
}

pub(super) fn missing(root: &Root) -> JournalError {
    damaged(&root.journal(), "it was here before and is gone or empty")
}

pub(super) fn create_or_open(root: &Root) -> Result<Connection, JournalError> {
    let path = root.journal();
    durable::create_dir_all(&root.state())?;
    let exists = path.metadata().is_ok_and(|meta| meta.len() > 0);
    if !exists && marker(root).exists() {
        return Err(missing(root));
    }
    let connection = connect(&path, sqlite::READ_WRITE_CREATE)?;
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
        (APPLICATION_ID, other) => return Err(other_version(&path, other)),
        _ => return Err(damaged(&path, "its header is not a journal's")),
    }
    if !marker(root).exists() {
        durable::write(&marker(root), b"a journal was made here; see journal.db\n", 0o644)?;
    }
    Ok(connection)
}

fn other_version(path: &Path, version: i32) -> JournalError {
    damaged(path, format!("its schema is version {version}; this `wo` knows version {SCHEMA_VERSION}"))
}

/// What a reader relies on without reading all of it: that this is a journal of this `wo`'s form, and that its end is there.
pub(super) fn check_form(root: &Root, connection: &Connection) -> Result<(), JournalError> {
    let path = root.journal();
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0));
    match version.map_err(|error| damaged(&path, error))? {
        SCHEMA_VERSION => check_head(root, connection),
        other => Err(other_version(&path, other)),
    }
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, JournalError> {
    let fail = sqlite_at("open", path);
    let connection = sqlite::connect(path, flags, PATIENCE).map_err(&fail)?;
    let unreadable = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => damaged(path, error),
        _ => fail(error),
    };
    // the last one to close a database folds its log into it and removes the log: not before it was checked
    keep_log_on_close(&connection, true).map_err(&fail)?;
    // to make it durable writes into the file: not into one that is somebody else's
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(&unreadable)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(&unreadable)?;
    let is_new = flags.contains(OpenFlags::SQLITE_OPEN_CREATE) && tables == 0;
    if application != APPLICATION_ID && !is_new {
        return Err(damaged(path, "its header is not a journal's"));
    }
    sqlite::make_durable(&connection).map_err(|error| match error {
        OpenError::Sqlite(error) => unreadable(error),
        OpenError::Mode(_) => damaged(path, error),
    })?;
    connection.pragma_update(None, "foreign_keys", true).map_err(&fail)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

pub(super) fn keep_log_on_close(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep).map(drop)
}

/// Number and hash of the newest event.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Mark> {
    connection
        .prepare_cached("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok(Mark { seq: row.get(0)?, hash: row.get(1)? }))
        .optional()
        .map(|mark| mark.unwrap_or_else(|| Mark { seq: 0, hash: chain::GENESIS.to_owned() }))
}

/// Looks at the head, and what is waited between two: one that is read while the executor overwrites it may be half of each.
const LOOKS: usize = 20;
const BETWEEN: Duration = Duration::from_millis(1);

/// That the journal still has the newest event that the head knows of.
pub(super) fn check_head(root: &Root, connection: &Connection) -> Result<(), JournalError> {
    settled(|| against_head(root, connection))
}

/// The first good look, else the last one.
fn settled(mut look: impl FnMut() -> Result<(), JournalError>) -> Result<(), JournalError> {
    for _ in 1..LOOKS {
        if look().is_ok() {
            return Ok(());
        }
        std::thread::sleep(BETWEEN);
    }
    look()
}

fn against_head(root: &Root, connection: &Connection) -> Result<(), JournalError> {
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
                 an older copy (to go on with that one all the same, remove `{shown}`: orders in processing/ that it does not \
                 know are then set aside)",
                mark.seq
            );
            Err(damaged(&path, why))
        }
    }
}

/// Checks pages, the event chain, and that every run's row is the fold of its events. Returns the number of events.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<u64, JournalError> {
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
        if digest::sha256(&bytes) != sha256 {
            return Err(bad(format!("the bytes of {id} do not have their hash")));
        }
    }
    Ok(count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_is_being_overwritten_is_looked_at_again() {
        let torn = || damaged(std::path::Path::new("journal.db"), "half of each");
        let mut looks = 0;
        let mut after = |good: usize| {
            looks = 0;
            let ended = settled(|| {
                looks += 1;
                if looks > good { Ok(()) } else { Err(torn()) }
            });
            (ended.is_ok(), looks)
        };
        assert_eq!(after(0), (true, 1));
        assert_eq!(after(2), (true, 3));
        assert_eq!(after(LOOKS), (false, LOOKS));
    }
}
