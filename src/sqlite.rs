//! What the SQLite stores share that several processes may open at once.

use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

/// How often the change to WAL is tried, 10 ms apart: SQLite calls no busy handler for it, so that two processes that make
/// a store at the same moment would get in each other's way.
const TRIES: u32 = 1_000;
const APART: Duration = Duration::from_millis(10);

/// Changes the database to a write-ahead log; the mode that it has then.
pub fn into_wal(connection: &Connection) -> rusqlite::Result<String> {
    let mut tries = TRIES;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)) {
            Err(error) if tries > 0 && error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                tries -= 1;
                std::thread::sleep(APART);
            }
            other => return other,
        }
    }
}
