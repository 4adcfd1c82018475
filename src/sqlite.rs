//! The one way a SQLite store of this project is opened. Several processes may open one at once, and make it.
//!
//! What must hold: what a commit returned `Ok` for survives a power cut, unless its store says otherwise for that commit.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::files;

/// How often the change to WAL is tried, 10 ms apart: SQLite calls no busy handler for it, so that two processes that make
/// a store at the same moment would get in each other's way.
const TRIES: u32 = 1_000;
const APART: Duration = Duration::from_millis(10);

/// To read and write; made where it is missing.
pub const READ_WRITE_CREATE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_CREATE);

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// Its file system, or somebody else's hold on it, does not let it have a write-ahead log.
    #[error("its journal mode is `{0}`, not WAL")]
    Mode(String),
}

/// What cures an error that is the machine's and passes; `None` where the file itself may be what is wrong. SQLite says `disk I/O
/// error` and the like also where the folder has no room for its log's index: what is seen of that is told.
pub fn hint(error: &rusqlite::Error, path: &Path) -> Option<String> {
    use ErrorCode::{CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure};
    let said = match error.sqlite_error_code()? {
        DiskFull => "make room (or inodes) on that file system",
        DatabaseBusy | DatabaseLocked => return Some("another process is at it; try again".to_owned()),
        ReadOnly | CannotOpen | PermissionDenied => {
            "check owner and mode of the file and its folder, and whether the file system is mounted read-only"
        }
        SystemIoFailure => "check the disk and its room, and try again",
        _ => return None,
    };
    let seen = path.parent().and_then(|dir| Some(format!("`{}` {}", dir.display(), files::hindrance(dir)?)));
    Some(seen.map_or(said.to_owned(), |seen| format!("{seen}; put that right and try again")))
}

/// A store that may be written to, without a look at it before: see [`connect`] and [`make_durable`] for one that needs it.
pub fn open(path: &Path, patience: Duration) -> Result<Connection, OpenError> {
    let connection = connect(path, READ_WRITE_CREATE, patience)?;
    make_durable(&connection)?;
    Ok(connection)
}

/// A connection that waits up to `patience` for others. Nothing is written into the file.
pub fn connect(path: &Path, flags: OpenFlags, patience: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(patience)?;
    Ok(connection)
}

/// Has the database keep a write-ahead log, and each commit and checkpoint reach the disk.
pub fn make_durable(connection: &Connection) -> Result<(), OpenError> {
    let mode = patiently(|| change_to_wal(connection))?;
    if mode != "wal" {
        return Err(OpenError::Mode(mode));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(())
}

/// Tries again while others are in the way.
fn patiently<T>(mut work: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let mut tries = TRIES;
    loop {
        match work() {
            Err(error) if tries > 0 && error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                tries -= 1;
                std::thread::sleep(APART);
            }
            other => return other,
        }
    }
}

/// Changes the database to a write-ahead log; returns the mode that it has then.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opened_keeps_what_it_commits() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open(&dir.path().join("a store.db"), Duration::from_secs(3)).unwrap();
        for (pragma, value) in
            [("synchronous", 2), ("fullfsync", 1), ("checkpoint_fullfsync", 1), ("busy_timeout", 3_000)]
        {
            let found: i64 = connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap();
            assert_eq!(found, value, "{pragma}");
        }
    }

    #[test]
    fn what_can_have_no_log_is_refused() {
        let refused = open(Path::new(":memory:"), Duration::ZERO).expect_err("no log");
        assert_eq!(refused.to_string(), "its journal mode is `memory`, not WAL");
    }

    #[test]
    fn a_lock_in_the_way_of_the_change_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a store.db");
        let other = connect(&path, READ_WRITE_CREATE, Duration::ZERO).unwrap();
        other.execute_batch("CREATE TABLE notes (text TEXT); BEGIN IMMEDIATE").unwrap();
        let connection = connect(&path, READ_WRITE_CREATE, Duration::ZERO).unwrap();
        let mut looks = 0;
        let mode = patiently(|| {
            looks += 1;
            if looks == 3 {
                other.execute_batch("COMMIT").unwrap();
            }
            change_to_wal(&connection)
        });
        assert_eq!((mode.unwrap().as_str(), looks), ("wal", 3));
    }
}
