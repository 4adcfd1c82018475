//! `bridge/state/schedule.db`: what is registered with the embedded schedule, and every run that is known, whoever
//! started it.
//!
//! SQLite in WAL mode, `synchronous=FULL`: what a call returned `Ok` for survives a power cut. What must hold:
//! * a run stands here before its process starts, so no run is unknown and none that was cut off looks as if it still ran;
//! * a registration counts as loaded only when the scheduler of the `wo up` that lives now has said so;
//! * who started a run is decided from what was written at the time, never guessed in favour of the manager.
//!
//! Times are microseconds since 1970 UTC.

mod kicks;
pub mod made;
mod runs;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};

use super::ScheduleError;
use crate::bridge::lock::Holder;
use crate::durable;
use crate::root::Root;
use crate::services::{ManagerKind, ServiceDefinition};
use crate::sqlite::{self, OpenError};
pub use runs::{Begin, Run};

/// The version of the tables; a file of a newer one is refused.
const VERSION: i64 = 1;
const PATIENCE: Duration = Duration::from_secs(20);

const TABLES: &str = "
CREATE TABLE registrations (
    label         TEXT PRIMARY KEY,
    definition    TEXT NOT NULL,
    revision      INTEGER NOT NULL,
    registered_us INTEGER NOT NULL,
    next_us       INTEGER,
    owes_load_run INTEGER NOT NULL,
    loaded        TEXT
);
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    label      TEXT NOT NULL,
    manager    TEXT NOT NULL,
    due_us     INTEGER,
    started_us INTEGER NOT NULL,
    ended_us   INTEGER,
    exit       INTEGER,
    pid        INTEGER,
    started_by TEXT NOT NULL,
    note       TEXT
);
CREATE INDEX runs_of ON runs (label, manager, id);
CREATE TABLE kicks (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    label        TEXT NOT NULL,
    manager      TEXT NOT NULL,
    requested_us INTEGER NOT NULL,
    returned_us  INTEGER,
    pid          INTEGER,
    taken        INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE loads (
    label     TEXT NOT NULL,
    manager   TEXT NOT NULL,
    loaded_us INTEGER NOT NULL,
    PRIMARY KEY (label, manager)
);
CREATE TABLE session (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    pid        INTEGER NOT NULL,
    started_us INTEGER NOT NULL,
    zone       TEXT NOT NULL
);
";

pub struct Store {
    connection: Connection,
    path: PathBuf,
}

/// A service that is registered with the embedded schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Registration {
    pub definition: ServiceDefinition,
    /// Grows with each change.
    pub revision: i64,
    pub registered: Timestamp,
    /// When it is due next, as the scheduler that loaded it last computed; in the past when that run was missed.
    pub next: Option<Timestamp>,
    /// Its run at load has not begun yet.
    pub owes_load_run: bool,
    /// [`Session::token`] of the scheduler that loaded this revision.
    pub loaded: Option<String>,
}

/// The scheduler of a `wo up`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub pid: u32,
    /// When its `wo up` took the bridge.
    pub started: Timestamp,
    /// The zone that its local times are in.
    pub zone: String,
}

impl Session {
    pub fn token(&self) -> String {
        format!("{}@{}", self.pid, micros(self.started))
    }

    /// Whether it is the one of this holder of the bridge.
    pub fn is_of(&self, holder: &Holder) -> bool {
        self.pid == holder.pid && micros(self.started) == micros(holder.started)
    }
}

pub fn path(root: &Root) -> PathBuf {
    root.state().join("schedule.db")
}

impl Store {
    /// Opens the state, making it where it is missing. State that can't be read is an error, never an empty start.
    pub fn open(root: &Root) -> Result<Store, ScheduleError> {
        durable::create_dir_all(&root.state())?;
        let path = path(root);
        let connection = match sqlite::open(&path, PATIENCE) {
            Ok(connection) => connection,
            Err(OpenError::Sqlite(source)) => return Err(ScheduleError::Sqlite { op: "open", path, source }),
            Err(error @ OpenError::Mode(_)) => return Err(ScheduleError::NoLog { path, said: error.to_string() }),
        };
        let mut store = Store { connection, path };
        store.set_up()?;
        Ok(store)
    }

    /// [`Store::open`] only where the state exists: reading must leave no files.
    pub fn open_existing(root: &Root) -> Result<Option<Store>, ScheduleError> {
        if path(root).exists() { Store::open(root).map(Some) } else { Ok(None) }
    }

    fn set_up(&mut self) -> Result<(), ScheduleError> {
        let path = self.path.clone();
        let fail = || failed("set up", &path);
        let db = &mut self.connection;
        let version = |db: &Connection| db.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        if version(db).map_err(fail())? == 0 {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail())?;
            // another process may have been faster
            if version(&tx).map_err(fail())? == 0 {
                tx.execute_batch(TABLES).map_err(fail())?;
                tx.pragma_update(None, "user_version", VERSION).map_err(fail())?;
            }
            tx.commit().map_err(fail())?;
        }
        match version(db).map_err(fail())? {
            VERSION => made::set_up(db).map_err(fail()),
            found => Err(ScheduleError::Version { path, found }),
        }
    }

    /// Reads every page; for the start of a daemon.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let said: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(failed("check", &self.path))?;
        if said == "ok" { Ok(()) } else { Err(ScheduleError::Damaged { path: self.path.clone(), said }) }
    }

    /// Changes when another connection has written.
    pub fn data_version(&self) -> Result<i64, ScheduleError> {
        self.connection
            .query_row("PRAGMA data_version", [], |row| row.get(0))
            .map_err(failed("read the version of", &self.path))
    }

    /// Registers `definition`, replacing one of the same label that differs. Returns whether anything changed.
    pub fn register(&mut self, definition: &ServiceDefinition, now: Timestamp) -> Result<bool, ScheduleError> {
        let text = serde_json::to_string(definition).map_err(|error| self.bad(&definition.label, error))?;
        let fail = failed("register in", &self.path);
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        (|| {
            let tx = tx?;
            let old: Option<String> = tx
                .query_row("SELECT definition FROM registrations WHERE label = ?1", [&definition.label], |row| row.get(0))
                .optional()?;
            if old.as_deref() == Some(&text) {
                return Ok(false);
            }
            tx.execute(
                "INSERT OR REPLACE INTO registrations (label, definition, revision, registered_us, next_us, owes_load_run, loaded)
                 VALUES (?1, ?2, (SELECT coalesce(max(revision), 0) + 1 FROM registrations), ?3, NULL, ?4, NULL)",
                params![definition.label, text, micros(now), definition.run_at_load],
            )?;
            tx.commit()?;
            Ok(true)
        })()
        .map_err(fail)
    }

    pub fn unregister(&self, label: &str) -> Result<bool, ScheduleError> {
        let fail = failed("unregister from", &self.path);
        self.connection.execute("DELETE FROM registrations WHERE label = ?1", [label]).map(|n| n > 0).map_err(fail)
    }

    pub fn registration(&self, label: &str) -> Result<Option<Registration>, ScheduleError> {
        Ok(self.registrations()?.into_iter().find(|registration| registration.definition.label == label))
    }

    pub fn registrations(&self) -> Result<Vec<Registration>, ScheduleError> {
        type Fields = (String, String, i64, i64, Option<i64>, bool, Option<String>);
        let rows: Vec<Fields> = self.query(
            "SELECT label, definition, revision, registered_us, next_us, owes_load_run, loaded FROM registrations ORDER BY label",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?)),
        )?;
        rows.into_iter()
            .map(|(label, definition, revision, registered, next, owes_load_run, loaded)| {
                Ok(Registration {
                    definition: serde_json::from_str(&definition).map_err(|error| self.bad(&label, error))?,
                    revision,
                    registered: time(registered),
                    next: next.map(time),
                    owes_load_run,
                    loaded,
                })
            })
            .collect()
    }

    /// Says that `session` has loaded this revision and that it is due next at `next`.
    pub fn set_loaded(
        &self,
        label: &str,
        revision: i64,
        session: &Session,
        next: Option<Timestamp>,
    ) -> Result<(), ScheduleError> {
        self.execute(
            "UPDATE registrations SET loaded = ?3, next_us = ?4 WHERE label = ?1 AND revision = ?2",
            params![label, revision, session.token(), next.map(micros)],
        )
    }

    pub fn set_next(&self, label: &str, revision: i64, next: Option<Timestamp>) -> Result<(), ScheduleError> {
        self.execute(
            "UPDATE registrations SET next_us = ?3 WHERE label = ?1 AND revision = ?2",
            params![label, revision, next.map(micros)],
        )
    }

    /// Owes a run that was cut off or never began: the one that was due at `due`, or the one at load.
    pub fn owe(&self, label: &str, due: Option<Timestamp>, at_load: bool) -> Result<(), ScheduleError> {
        self.execute(
            "UPDATE registrations SET next_us = min(coalesce(?2, next_us), coalesce(next_us, ?2)),
             owes_load_run = owes_load_run OR ?3 WHERE label = ?1",
            params![label, due.map(micros), at_load],
        )
    }

    pub fn session(&self) -> Result<Option<Session>, ScheduleError> {
        let found = self.query("SELECT pid, started_us, zone FROM session", [], |row| {
            Ok(Session { pid: row.get(0)?, started: time(row.get(1)?), zone: row.get(2)? })
        })?;
        Ok(found.into_iter().next())
    }

    pub fn set_session(&self, session: Option<&Session>) -> Result<(), ScheduleError> {
        match session {
            None => self.execute("DELETE FROM session", []),
            Some(session) => self.execute(
                "INSERT OR REPLACE INTO session (one, pid, started_us, zone) VALUES (1, ?1, ?2, ?3)",
                params![session.pid, micros(session.started), session.zone],
            ),
        }
    }

    /// Writes when an outside manager was made to load a label.
    pub fn set_load(&self, label: &str, manager: ManagerKind, now: Timestamp) -> Result<(), ScheduleError> {
        self.execute(
            "INSERT OR REPLACE INTO loads (label, manager, loaded_us) VALUES (?1, ?2, ?3)",
            params![label, manager.to_string(), micros(now)],
        )
    }

    pub fn load(&self, label: &str, manager: ManagerKind) -> Result<Option<Timestamp>, ScheduleError> {
        let found = self.query(
            "SELECT loaded_us FROM loads WHERE label = ?1 AND manager = ?2",
            params![label, manager.to_string()],
            |row| row.get::<_, i64>(0),
        )?;
        Ok(found.first().map(|us| time(*us)))
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), ScheduleError> {
        self.connection.execute(sql, params).map(drop).map_err(failed("write", &self.path))
    }

    fn query<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ScheduleError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params, read)?.collect())
            .map_err(failed("read", &self.path))
    }

    fn bad(&self, label: &str, error: serde_json::Error) -> ScheduleError {
        ScheduleError::Entry { path: self.path.clone(), label: label.to_owned(), why: error.to_string() }
    }
}

fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

fn time(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(if us < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn failed(op: &'static str, path: &Path) -> impl FnOnce(rusqlite::Error) -> ScheduleError {
    let path = path.to_owned();
    move |source| ScheduleError::Sqlite { op, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_may_make_the_store_at_once() {
        for _ in 0..40 {
            let dir = tempfile::tempdir().unwrap();
            let root = Root::at(dir.path()).unwrap();
            std::thread::scope(|scope| {
                let all: Vec<_> = (0..4).map(|_| scope.spawn(|| Store::open(&root).map(drop))).collect();
                for one in all {
                    one.join().unwrap().unwrap();
                }
            });
        }
    }
}
