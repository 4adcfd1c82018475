//! `bridge/state/monitor.db`: the grid of due times, the standing of each check, gaps, the queue of notices, what checks
//! remember, and the last cycle. Several processes may use it at once; each change is one transaction.
//!
//! What can't be read stops the caller with a clear message: it never starts empty, never deletes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::memo::Memo;
use super::thresholds::Standing;
use super::timing::{self, Fire, Gap, Grid};
use crate::durable::{self, DurableError};
use crate::root::Root;
use crate::sqlite::{self, OpenError};

mod queue;

pub use queue::{Leased, Orphans, QueueState};

#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    // to start anew is advice only where the file itself is what is wrong: the machine's trouble passes, and what was counted
    // and queued need not go with it
    #[error(
        "failed to {op} `{}`: {source}\nhint: nothing was changed; {}",
        path.display(),
        sqlite::hint(source, path).as_deref().unwrap_or(
            "to start anew move the file away yourself, which forgets counters, gaps and queued alerts"
        )
    )]
    Sqlite { op: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error("failed to read `{}`: {what} is not what it should be: {why}", path.display())]
    Content { path: PathBuf, what: String, why: String },
    #[error("`{}` was written by a newer Workbridge (version {found}, this one knows {known})", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error(transparent)]
    Durable(#[from] DurableError),
}

impl StoreError {
    /// An fsync that failed: what was written can no longer be trusted.
    pub fn is_fatal(&self) -> bool {
        match self {
            StoreError::Durable(error) => error.is_fatal(),
            StoreError::Sqlite { source: rusqlite::Error::SqliteFailure(error, _), .. } => {
                error.extended_code == rusqlite::ffi::SQLITE_IOERR_FSYNC
                    || error.extended_code == rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC
            }
            _ => false,
        }
    }
}

const VERSION: i64 = 1;
const PATIENCE: Duration = Duration::from_secs(10);
const READERS_PATIENCE: Duration = Duration::from_secs(2);

const SCHEMA: &str = "
    CREATE TABLE value (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE standing (name TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE memo (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE gap (id INTEGER PRIMARY KEY, json TEXT NOT NULL);
    CREATE TABLE queue (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        webhook TEXT NOT NULL,
        kind TEXT NOT NULL,
        notice TEXT NOT NULL,
        queued_ns INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_ns INTEGER NOT NULL DEFAULT 0,
        leased_until_ns INTEGER NOT NULL DEFAULT 0,
        last_error TEXT
    );
    CREATE INDEX queue_order ON queue (webhook, id);
";

const GAPS_KEPT: i64 = 1_000;

impl Store {
    pub fn path_in(root: &Root) -> PathBuf {
        root.state().join("monitor.db")
    }

    /// Opens the store of `root`, made anew if there is none.
    pub fn open(root: &Root) -> Result<Store, StoreError> {
        durable::create_dir_all(&root.state())?;
        let path = Store::path_in(root);
        let fail = |op| failed(op, &path);
        let mut connection = match sqlite::open(&path, PATIENCE) {
            Ok(connection) => connection,
            Err(OpenError::Sqlite(error)) => return Err(fail("open")(error)),
            Err(OpenError::Mode(why)) => {
                return Err(StoreError::Content { path, what: "the journal mode".to_owned(), why });
            }
        };
        let said: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(fail("check"))?;
        if said != "ok" {
            return Err(StoreError::Content { path, what: "quick_check".to_owned(), why: said });
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail("open"))?;
        let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(fail("read"))?;
        match found {
            0 => {
                transaction.execute_batch(SCHEMA).map_err(fail("write"))?;
                transaction.pragma_update(None, "user_version", VERSION).map_err(fail("write"))?;
            }
            VERSION => {}
            _ => return Err(StoreError::Newer { path, found, known: VERSION }),
        }
        transaction.commit().map_err(fail("write"))?;
        Ok(Store { connection, path })
    }

    /// Opens what is there to read it; `None` when this root never ran a cycle. Writes nothing.
    pub fn open_existing(root: &Root) -> Result<Option<Store>, StoreError> {
        let path = Store::path_in(root);
        if !path.exists() {
            return Ok(None);
        }
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = sqlite::connect(&path, flags, READERS_PATIENCE).map_err(failed("open", &path))?;
        let found: i64 =
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed("read", &path))?;
        match found {
            // its maker has not come to its schema yet
            0 => Ok(None),
            VERSION => Ok(Some(Store { connection, path })),
            _ => Err(StoreError::Newer { path, found, known: VERSION }),
        }
    }

    fn write<T>(&mut self, work: impl FnOnce(&Write<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let path = self.path.clone();
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed("lock", &path))?;
        let write = Write { transaction, path };
        let result = work(&write)?;
        write.transaction.commit().map_err(failed("write", &write.path))?;
        Ok(result)
    }

    /// Takes the cycle that is due at `now`, if one is: no other process gets the same. The second value is when the next
    /// one is due.
    pub fn claim(
        &mut self,
        now: Timestamp,
        interval_ns: u64,
        starting: bool,
    ) -> Result<(Option<Fire>, Timestamp), StoreError> {
        // the look that most often finds nothing due takes no lock and writes nothing
        if let Some(grid) = self.grid()?
            && let (unchanged, None) = timing::step(Some(grid.clone()), now, interval_ns, starting)
            && unchanged == grid
        {
            return Ok((None, grid.due));
        }
        // no fsync of its own: the record of the cycle that follows makes it durable. A power cut between the two takes it
        // back, and then the cycle has left nothing either, so that it may run again.
        self.synchronous("NORMAL")?;
        let claimed = self.write(|write| {
            let (grid, fire) = timing::step(write.value("grid")?, now, interval_ns, starting);
            write.put("value", "grid", &grid)?;
            Ok((fire, grid.due))
        });
        self.synchronous("FULL")?;
        claimed
    }

    fn synchronous(&self, mode: &str) -> Result<(), StoreError> {
        self.connection.pragma_update(None, "synchronous", mode).map_err(failed("open", &self.path))
    }

    pub fn grid(&self) -> Result<Option<Grid>, StoreError> {
        read(&self.connection, &self.path, "value", "grid")
    }

    /// The last cycle of any process.
    pub fn last_cycle<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        read(&self.connection, &self.path, "value", "last cycle")
    }

    /// One transaction for all that a cycle changes; it also is the lock under which the report gets its name.
    pub fn record<T>(&mut self, work: impl FnOnce(&Write<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.write(work)
    }

    pub fn standings(&self) -> Result<Vec<(String, Standing)>, StoreError> {
        all(&self.connection, &self.path, "SELECT name, json FROM standing ORDER BY name")
    }

    /// Oldest first.
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let rows: Vec<(String, Gap)> = all(&self.connection, &self.path, "SELECT 'a gap', json FROM gap ORDER BY id")?;
        Ok(rows.into_iter().map(|(_, gap)| gap).collect())
    }

    pub fn memo(&self) -> Result<Memo, StoreError> {
        let fail = failed("read", &self.path);
        let mut statement = self.connection.prepare("SELECT key, json FROM memo").map_err(&fail)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&fail)?;
        let values = rows.collect::<Result<Vec<(String, String)>, _>>().map_err(&fail)?;
        Ok(Memo::load(values))
    }
}

/// A transaction that writes.
pub struct Write<'a> {
    transaction: Transaction<'a>,
    path: PathBuf,
}

impl Write<'_> {
    fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        self.transaction.execute(sql, values).map(|_| ()).map_err(failed("write", &self.path))
    }

    fn content(&self, what: &str, why: &dyn std::fmt::Display) -> StoreError {
        StoreError::Content { path: self.path.clone(), what: what.to_owned(), why: why.to_string() }
    }

    fn value<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        read(&self.transaction, &self.path, "value", key)
    }

    fn put(&self, table: &str, key: &str, value: &impl Serialize) -> Result<(), StoreError> {
        let json = serde_json::to_string(value).map_err(|error| self.content(key, &error))?;
        self.execute(&format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2)"), params![key, json])
    }

    pub fn standing(&self, name: &str) -> Result<Standing, StoreError> {
        Ok(read(&self.transaction, &self.path, "standing", name)?.unwrap_or_default())
    }

    pub fn put_standing(&self, name: &str, standing: &Standing) -> Result<(), StoreError> {
        self.put("standing", name, standing)
    }

    pub fn put_last_cycle(&self, cycle: &impl Serialize) -> Result<(), StoreError> {
        self.put("value", "last cycle", cycle)
    }

    /// Cycles that were recorded so far.
    pub fn cycles(&self) -> Result<u64, StoreError> {
        let last: Option<serde_json::Value> = self.value("last cycle")?;
        Ok(last.and_then(|last| last.get("cycles")?.as_u64()).unwrap_or(0))
    }

    pub fn put_gap(&self, gap: &Gap) -> Result<(), StoreError> {
        let json = serde_json::to_string(gap).map_err(|error| self.content("a gap", &error))?;
        self.execute("INSERT INTO gap (json) VALUES (?1)", params![json])?;
        self.execute("DELETE FROM gap WHERE id <= (SELECT max(id) FROM gap) - ?1", params![GAPS_KEPT])
    }

    pub fn put_memo(&self, changed: &[(String, String)]) -> Result<(), StoreError> {
        for (key, json) in changed {
            self.execute("INSERT OR REPLACE INTO memo VALUES (?1, ?2)", params![key, json])?;
        }
        Ok(())
    }

    /// Forgets checks that are no longer configured.
    pub fn keep_standings(&self, names: &[&str]) -> Result<(), StoreError> {
        let known = serde_json::to_string(names).map_err(|error| self.content("names", &error))?;
        self.execute("DELETE FROM standing WHERE name NOT IN (SELECT value FROM json_each(?1))", params![known])
    }
}

fn failed(op: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Sqlite { op, path: path.clone(), source }
}

fn read<T: DeserializeOwned>(
    connection: &Connection,
    path: &Path,
    table: &str,
    key: &str,
) -> Result<Option<T>, StoreError> {
    let column = if table == "standing" { "name" } else { "key" };
    let json: Option<String> = connection
        .query_row(&format!("SELECT json FROM {table} WHERE {column} = ?1"), [key], |row| row.get(0))
        .optional()
        .map_err(failed("read", path))?;
    json.map(|json| serde_json::from_str(&json)).transpose().map_err(|error| StoreError::Content {
        path: path.to_owned(),
        what: key.to_owned(),
        why: error.to_string(),
    })
}

fn all<T: DeserializeOwned>(connection: &Connection, path: &Path, sql: &str) -> Result<Vec<(String, T)>, StoreError> {
    let fail = failed("read", path);
    let mut statement = connection.prepare(sql).map_err(&fail)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&fail)?;
    let mut all = Vec::new();
    for row in rows {
        let (key, json): (String, String) = row.map_err(&fail)?;
        let value = serde_json::from_str(&json).map_err(|error| StoreError::Content {
            path: path.to_owned(),
            what: key.clone(),
            why: error.to_string(),
        })?;
        all.push((key, value));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    pub(super) fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::Builder::new().prefix("ราก ").tempdir().unwrap();
        let store = Store::open(&Root::at(dir.path()).unwrap()).unwrap();
        (dir, store)
    }

    #[test]
    fn a_claim_leaves_the_store_as_durable_as_before() {
        let (_dir, mut store) = store();
        assert!(store.claim(at(0), 1_000_000_000, true).unwrap().0.is_some());
        let mode: i64 = store.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, 2, "FULL");
        assert_eq!(store.claim(at(0), 1_000_000_000, false).unwrap().0, None);
    }

    #[test]
    fn only_a_file_that_is_damaged_is_to_be_moved_away() {
        use rusqlite::ffi;
        for (code, hint) in [
            (ffi::SQLITE_FULL, "make room"),
            (ffi::SQLITE_BUSY, "try again"),
            (ffi::SQLITE_BUSY_SNAPSHOT, "try again"),
            (ffi::SQLITE_READONLY, "check owner and mode"),
            (ffi::SQLITE_CANTOPEN, "check owner and mode"),
            (ffi::SQLITE_IOERR_WRITE, "check the disk and its room"),
            (ffi::SQLITE_CORRUPT, "move the file away"),
            (ffi::SQLITE_NOTADB, "move the file away"),
        ] {
            let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let said = failed("write", Path::new("monitor.db"))(source).to_string();
            assert!(said.contains(hint), "{code}: {said}");
            assert_eq!(said.contains("forgets"), hint == "move the file away", "{code}: {said}");
        }
    }
}
