//! Reads the journal; any process may.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::chain;
use super::database::{check, check_form, connect, marker, missing};
use super::records::{Drop, Entry, JournalError, RunRow, damaged, sqlite_at};
use super::requests::Request;
use super::run::{Run, RunKey};
use crate::digest::sha256;
use crate::order::Priority;
use crate::root::Root;

/// Reads; any process may have one.
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

impl Reader {
    /// Opens the journal for reading; `None` in [`Reader::open_existing`] when there is none yet.
    pub fn open(root: &Root) -> Result<Reader, JournalError> {
        let path = root.journal();
        // not SQLITE_OPEN_READ_ONLY: a reader of a WAL database must be able to make its shared memory
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "query_only", true).map_err(sqlite_at("open", &path))?;
        check_form(root, &connection)?;
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

    /// The newest attempt at this text of `id`.
    pub fn last_run_with(&self, id: &str, sha256: &str) -> Result<Option<RunRow>, JournalError> {
        Ok(self.rows("WHERE id = ?1 AND sha256 = ?2 ORDER BY attempt DESC LIMIT 1", [id, sha256])?.pop())
    }

    /// Runs whose file was dropped under this name, newest first.
    pub fn runs_of_file(&self, agent: &str, file: &str) -> Result<Vec<RunRow>, JournalError> {
        self.rows("WHERE agent = ?1 AND file = ?2 ORDER BY run DESC LIMIT 1000", [agent, file])
    }

    pub fn last_run_of(&self, id: &str) -> Result<Option<RunRow>, JournalError> {
        Ok(self.rows("WHERE id = ?1 ORDER BY attempt DESC LIMIT 1", [id])?.pop())
    }

    /// The newest run's row; 0 when there is none.
    pub fn last_run(&self) -> Result<i64, JournalError> {
        self.number("SELECT coalesce(max(run), 0) FROM runs")
    }

    /// The row of one run.
    pub fn run(&self, run: i64) -> Result<Option<RunRow>, JournalError> {
        Ok(self.rows("WHERE run = ?1", [run])?.pop())
    }

    /// Runs after row `run`, oldest first; for following.
    pub fn runs_after(&self, run: i64) -> Result<Vec<RunRow>, JournalError> {
        self.rows("WHERE run > ?1 ORDER BY run", [run])
    }

    /// The run with all its events folded, each of which is the one that was written: it has its place in the chain.
    pub fn load(&self, key: &RunKey) -> Result<Run, JournalError> {
        self.check_links(key.run)?;
        let mut run = Run::new(key.clone());
        for entry in self.events_of(key.run)? {
            run.apply(&entry.event, entry.at)?;
        }
        Ok(run)
    }

    fn check_links(&self, run: i64) -> Result<(), JournalError> {
        let fail = sqlite_at("read", &self.path);
        let sql = "SELECT seq, at, body, hash, (SELECT hash FROM events AS before WHERE before.seq = events.seq - 1)
                   FROM events WHERE run = ?1";
        let mut statement = self.connection.prepare_cached(sql).map_err(&fail)?;
        let mut rows = statement.query([run]).map_err(&fail)?;
        while let Some(row) = rows.next().map_err(&fail)? {
            let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(i64, String, String, String, Option<String>)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            };
            let (seq, at, body, hash, previous) = read(row).map_err(&fail)?;
            if chain::link(previous.as_deref().unwrap_or(chain::GENESIS), seq, &at, run, &body) != hash {
                return Err(damaged(&self.path, format!("the hash chain breaks at event {seq}")));
            }
        }
        Ok(())
    }

    /// The raw bytes of a run's order; an error when they no longer have the hash they came with.
    pub fn bytes(&self, key: &RunKey) -> Result<Vec<u8>, JournalError> {
        let bytes: Vec<u8> = self
            .connection
            .query_row("SELECT bytes FROM sources JOIN runs USING (source) WHERE run = ?1", [key.run], |row| row.get(0))
            .map_err(sqlite_at("read", &self.path))?;
        if sha256(&bytes) != key.sha256 {
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
        self.number("SELECT coalesce(max(seq), 0) FROM events")
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

    /// The newest drop's number; 0 when there is none.
    pub fn last_drop(&self) -> Result<i64, JournalError> {
        self.number("SELECT coalesce(max(seq), 0) FROM drops")
    }

    /// Drops after number `seq`, oldest first.
    pub fn drops_after(&self, seq: i64) -> Result<Vec<Drop>, JournalError> {
        self.drops_where("WHERE seq > ?1 ORDER BY seq", [seq])
    }

    /// Drops of files with this name, newest first.
    pub fn drops_of_file(&self, agent: &str, file: &str) -> Result<Vec<Drop>, JournalError> {
        self.drops_where("WHERE agent = ?1 AND file = ?2 ORDER BY seq DESC LIMIT 1000", [agent, file])
    }

    /// The newest rejection of a text of `id`, unless the text `sha256`, which is known, was dropped once more after it.
    pub fn last_rejection_of(&self, id: &str, sha256: &str) -> Result<Option<Drop>, JournalError> {
        let sql = "WHERE id = ?1 AND kind IN ('rejected', 'edited') AND seq > (
                       SELECT coalesce(max(seq), 0) FROM drops WHERE id = ?1 AND kind = 'duplicate' AND sha256 = ?2
                   ) ORDER BY seq DESC LIMIT 1";
        Ok(self.drops_where(sql, [id, sha256])?.pop())
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
                    kind: row.get::<_, String>(5)?.into(),
                    reason: row.get(6)?,
                })
            })
            .map_err(&fail)?;
        rows.collect::<Result<_, _>>().map_err(&fail)
    }

    /// Whether there is a notice of this key, told or not.
    pub fn is_noted(&self, key: &str) -> Result<bool, JournalError> {
        let found = self
            .connection
            .prepare_cached("SELECT 1 FROM notices WHERE key = ?1")
            .and_then(|mut select| select.exists([key]));
        found.map_err(sqlite_at("read", &self.path))
    }

    /// Notices that not everyone was told: key, body and whom it was told already.
    pub fn untold_notices(&self) -> Result<Vec<(String, String, u8)>, JournalError> {
        let fail = sqlite_at("read", &self.path);
        let mut statement = self
            .connection
            .prepare_cached("SELECT key, body, told FROM notices WHERE told <> 1 ORDER BY at LIMIT 1000")
            .map_err(&fail)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(&fail)?;
        rows.collect::<Result<_, _>>().map_err(&fail)
    }

    pub fn untold_count(&self) -> Result<u64, JournalError> {
        self.count("SELECT count(*) FROM notices WHERE told <> 1")
    }

    /// The whole chain and every seal, as the executor checks them at start.
    pub fn verify(&self) -> Result<u64, JournalError> {
        check(&self.connection, &self.path)
    }

    fn count(&self, sql: &str) -> Result<u64, JournalError> {
        Ok(self.number(sql)?.max(0) as u64)
    }

    fn number(&self, sql: &str) -> Result<i64, JournalError> {
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(sqlite_at("read", &self.path))
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

pub(super) fn priority_of(n: i64) -> Priority {
    match n {
        0 => Priority::P0,
        1 => Priority::P1,
        3 => Priority::P3,
        _ => Priority::P2,
    }
}

pub(super) fn timestamp(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let text: String = row.get(column)?;
    text.parse().map_err(|error| conversion(column, error))
}

pub(super) fn json<T: serde::de::DeserializeOwned>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| conversion(column, error))
}

pub(super) fn conversion(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}
