//! `bridge/state/monitor.db`: the grid of due times, the standing of each check, gaps, the queue of notices, what checks
//! remember, and the last cycle. Several processes may use it at once; each change is one transaction.
//!
//! What can't be read stops the caller with a clear message: it never starts empty, never deletes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::memo::Memo;
use super::notice::{Notice, NoticeKind};
use super::thresholds::Standing;
use super::timing::{self, Fire, Gap, Grid};
use crate::durable::{self, DurableError};
use crate::root::Root;
use crate::sqlite::into_wal;

#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "failed to {op} `{}`: {source}\nhint: nothing was changed; to start anew move the file away yourself, which \
         forgets counters, gaps and queued alerts",
        path.display()
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
/// No notice waits longer than this for its next attempt: the most that `Retry-After` may ask for, and a minute.
const WAIT_MAX_NS: i64 = 3_660 * 1_000_000_000;
/// A notice is tried at least this often before it is let go.
const ATTEMPTS_MIN: i64 = 20;

/// A notice that this process may post now.
#[derive(Debug, Clone, PartialEq)]
pub struct Leased {
    pub id: i64,
    pub notice: Notice,
    pub attempts: u32,
    pub queued: Timestamp,
}

/// How many notices wait, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct QueueState {
    pub waiting: u64,
    pub oldest: Option<Timestamp>,
    pub last_error: Option<String>,
}

impl Store {
    pub fn path_in(root: &Root) -> PathBuf {
        root.state().join("monitor.db")
    }

    /// Opens the store of `root`, made anew if there is none.
    pub fn open(root: &Root) -> Result<Store, StoreError> {
        durable::create_dir_all(&root.state())?;
        let path = Store::path_in(root);
        let fail = |op| failed(op, &path);
        let mut connection = Connection::open(&path).map_err(fail("open"))?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(fail("open"))?;
        let mode = into_wal(&connection).map_err(fail("open"))?;
        if mode != "wal" {
            return Err(StoreError::Content { path, what: "the journal mode".to_owned(), why: mode });
        }
        connection
            .execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;")
            .map_err(fail("open"))?;
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
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(failed("open", &path))?;
        connection.busy_timeout(Duration::from_secs(2)).map_err(failed("open", &path))?;
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

    pub fn queue_state(&self) -> Result<QueueState, StoreError> {
        self.connection
            .query_row(
                "SELECT count(*), min(queued_ns), (SELECT last_error FROM queue WHERE last_error IS NOT NULL ORDER BY id \
                 LIMIT 1) FROM queue",
                [],
                |row| {
                    Ok(QueueState {
                        waiting: row.get::<_, i64>(0)?.try_into().unwrap_or(0),
                        oldest: row.get::<_, Option<i64>>(1)?.and_then(|ns| Timestamp::from_nanosecond(ns.into()).ok()),
                        last_error: row.get(2)?,
                    })
                },
            )
            .map_err(failed("read", &self.path))
    }

    /// The oldest notice for `webhook`, for this process alone until `until`; `None` when there is none, another process
    /// has it, or its next attempt is not due (unless `impatient`). A webhook gets its notices in order.
    pub fn lease(
        &mut self,
        webhook: &str,
        now: Timestamp,
        until: Timestamp,
        impatient: bool,
    ) -> Result<Option<Leased>, StoreError> {
        // without a lock first: most often there is nothing
        if self.next_attempt(webhook)?.is_none() {
            return Ok(None);
        }
        self.write(|write| {
            let head = write
                .transaction
                .query_row(
                    "SELECT id, notice, attempts, queued_ns, next_ns, leased_until_ns FROM queue WHERE webhook = ?1 \
                     ORDER BY id LIMIT 1",
                    [webhook],
                    |row| {
                        let leased = (row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, i64>(3)?);
                        Ok((leased, row.get::<_, i64>(4)?, row.get::<_, i64>(5)?))
                    },
                )
                .optional()
                .map_err(failed("read", &write.path))?;
            let Some(((id, notice, attempts, queued_ns), next_ns, leased_until_ns)) = head else { return Ok(None) };
            let now_ns = ns(now);
            // a lease far ahead is one from before the clock was set back
            let leased = leased_until_ns > now_ns && leased_until_ns <= ns(until).saturating_add(60_000_000_000);
            // likewise a next attempt that lies further ahead than any wait between two
            let waits = next_ns > now_ns && next_ns <= now_ns.saturating_add(WAIT_MAX_NS);
            if leased || (!impatient && waits) {
                return Ok(None);
            }
            let notice =
                serde_json::from_str(&notice).map_err(|error| write.content(&format!("queued notice {id}"), &error))?;
            write.execute("UPDATE queue SET leased_until_ns = ?2 WHERE id = ?1", params![id, ns(until)])?;
            let queued = Timestamp::from_nanosecond(queued_ns.into()).unwrap_or(now);
            Ok(Some(Leased { id, notice, attempts, queued }))
        })
    }

    /// When the oldest notice for `webhook` may be tried next.
    pub fn next_attempt(&self, webhook: &str) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = self
            .connection
            .query_row(
                "SELECT max(next_ns, leased_until_ns) FROM queue WHERE webhook = ?1 ORDER BY id LIMIT 1",
                [webhook],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed("read", &self.path))?;
        Ok(next.map(|ns| Timestamp::from_nanosecond(ns.into()).unwrap_or_default()))
    }

    pub fn delivered(&mut self, id: i64) -> Result<(), StoreError> {
        self.write(|write| write.execute("DELETE FROM queue WHERE id = ?1", params![id]))
    }

    /// Puts a notice back; it is tried again at `next`.
    pub fn put_back(&mut self, id: i64, next: Timestamp, error: &str) -> Result<(), StoreError> {
        self.write(|write| {
            write.execute(
                "UPDATE queue SET attempts = attempts + 1, next_ns = ?2, leased_until_ns = 0, last_error = ?3 WHERE id = ?1",
                params![id, ns(next), error],
            )
        })
    }

    /// Settles what waits for webhooks that are gone, now that `names` are configured. The only one there is gets what was
    /// queued before it was there: it has got another name, or stands in the place of one that is gone. Of what came
    /// later it got a copy of its own, and the others are let go.
    pub fn adopt(&mut self, names: &[String], now: Timestamp) -> Result<Orphans, StoreError> {
        let known: BTreeMap<String, i64> = read(&self.connection, &self.path, "value", "webhooks")?.unwrap_or_default();
        let since = |name: &String| (name.clone(), known.get(name).copied().unwrap_or(ns(now)));
        let current: BTreeMap<String, i64> = names.iter().map(since).collect();
        let mut orphans = Orphans::default();
        let only = names.first().filter(|_| names.len() == 1);
        if let Some(only) = only {
            let since = current.get(only).copied().unwrap_or(0);
            let count = |when: &str| -> Result<usize, StoreError> {
                let sql = format!("SELECT count(*) FROM queue WHERE webhook <> ?1 AND queued_ns {when} ?2");
                let count: i64 = self
                    .connection
                    .query_row(&sql, params![only, since], |row| row.get(0))
                    .map_err(failed("read", &self.path))?;
                Ok(usize::try_from(count).unwrap_or(0))
            };
            orphans = Orphans { adopted: count("<=")?, let_go: count(">")? };
        }
        if known != current || orphans != Orphans::default() {
            self.write(|write| {
                if let Some(only) = only {
                    let since = current.get(only).copied().unwrap_or(0);
                    write.execute("DELETE FROM queue WHERE webhook <> ?1 AND queued_ns > ?2", params![only, since])?;
                    let adopt = "UPDATE queue SET webhook = ?1, next_ns = 0 WHERE webhook <> ?1";
                    write.execute(adopt, params![only])?;
                }
                write.put("value", "webhooks", &current)
            })?;
        }
        Ok(orphans)
    }

    /// Removes what was queued before `before` and tried in vain again and again since; gives how many. Age alone is no
    /// reason: the machine may have been off, or its clock set forward.
    pub fn expire(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        let stale = "queued_ns < ?1 AND attempts >= ?2";
        let values = params![ns(before), ATTEMPTS_MIN];
        let count: i64 = self
            .connection
            .query_row(&format!("SELECT count(*) FROM queue WHERE {stale}"), values, |row| row.get(0))
            .map_err(failed("read", &self.path))?;
        if count > 0 {
            self.write(|write| write.execute(&format!("DELETE FROM queue WHERE {stale}"), values))?;
        }
        Ok(usize::try_from(count).unwrap_or(0))
    }
}

/// What became of notices for webhooks that are no longer configured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orphans {
    pub adopted: usize,
    pub let_go: usize,
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

    /// Queues `notice` for `webhook`. A queue that is full lets go of the oldest reminder, else of the oldest notice, and the
    /// new one says how many went.
    pub fn queue(&self, webhook: &str, notice: &Notice, now: Timestamp, max: u32) -> Result<(), StoreError> {
        let fail = failed("read", &self.path);
        let waiting: i64 = self
            .transaction
            .query_row("SELECT count(*) FROM queue WHERE webhook = ?1", [webhook], |row| row.get(0))
            .map_err(&fail)?;
        let mut notice = notice.clone();
        for _ in 0..(waiting + 1 - i64::from(max)).max(0) {
            let gone: Option<(i64, String)> = self
                .transaction
                .query_row(
                    "SELECT id, notice FROM queue WHERE webhook = ?1 ORDER BY kind <> ?2, id LIMIT 1",
                    params![webhook, NoticeKind::Reminder.as_str()],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()
                .map_err(&fail)?;
            let Some((id, json)) = gone else { break };
            let before = serde_json::from_str::<Notice>(&json).map_or(0, |gone| gone.dropped_before);
            notice.dropped_before = notice.dropped_before.saturating_add(before).saturating_add(1);
            self.execute("DELETE FROM queue WHERE id = ?1", params![id])?;
        }
        let json = serde_json::to_string(&notice).map_err(|error| self.content("a notice", &error))?;
        self.execute(
            "INSERT INTO queue (webhook, kind, notice, queued_ns) VALUES (?1, ?2, ?3, ?4)",
            params![webhook, notice.kind.as_str(), json, ns(now)],
        )
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

fn ns(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::Builder::new().prefix("ราก ").tempdir().unwrap();
        let store = Store::open(&Root::at(dir.path()).unwrap()).unwrap();
        (dir, store)
    }

    fn queue(store: &mut Store, now: Timestamp) {
        store.record(|write| write.queue("ops", &Notice::test(now), now, 10)).unwrap();
    }

    #[test]
    fn a_clock_that_was_set_back_holds_no_notice_up() {
        let (_dir, mut store) = store();
        queue(&mut store, at(90_000));
        let lease = |store: &mut Store, now: i64| store.lease("ops", at(now), at(now + 15), false).unwrap();
        let leased = lease(&mut store, 90_000).expect("a notice");
        store.put_back(leased.id, at(90_300), "refused").unwrap();
        assert_eq!(lease(&mut store, 90_100), None, "its next attempt is not due");
        assert!(lease(&mut store, 100).is_some(), "a day earlier by the clock");
    }

    #[test]
    fn what_waits_for_a_webhook_that_is_gone_goes_to_the_other_once() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let waiting = |store: &mut Store| {
            let mut n = 0;
            while let Some(leased) = store.lease("ops", at(100), at(200), true).unwrap() {
                store.delivered(leased.id).unwrap();
                n += 1;
            }
            n
        };
        let (_dir, mut store) = store();
        let queue = |store: &mut Store, webhook: &str, s: i64| {
            store.record(|write| write.queue(webhook, &Notice::test(at(s)), at(s), 10)).unwrap();
        };
        store.adopt(&names(&["old"]), at(0)).unwrap();
        queue(&mut store, "old", 1);
        // from here on both get their copies
        store.adopt(&names(&["old", "ops"]), at(10)).unwrap();
        for webhook in ["old", "ops"] {
            queue(&mut store, webhook, 11);
        }
        assert_eq!(waiting(&mut store), 1, "its own copy");
        let orphans = store.adopt(&names(&["ops"]), at(20)).unwrap();
        assert_eq!(orphans, Orphans { adopted: 1, let_go: 1 });
        assert_eq!(waiting(&mut store), 1, "what came before it was there");
        assert_eq!(store.adopt(&names(&["ops"]), at(30)).unwrap(), Orphans::default());
        // another name
        queue(&mut store, "ops", 31);
        let renamed = store.adopt(&names(&["new"]), at(40)).unwrap();
        assert_eq!(renamed, Orphans { adopted: 1, let_go: 0 });
    }

    #[test]
    fn age_alone_drops_no_notice() {
        let (_dir, mut store) = store();
        queue(&mut store, at(0));
        let week = at(8 * 86_400);
        assert_eq!(store.expire(week).unwrap(), 0);
        let leased = store.lease("ops", week, week, true).unwrap().expect("it is still there");
        for _ in 0..ATTEMPTS_MIN {
            store.put_back(leased.id, week, "refused").unwrap();
        }
        assert_eq!(store.expire(at(-1)).unwrap(), 0, "tried often, and not old");
        assert_eq!(store.expire(week).unwrap(), 1);
        assert_eq!(store.queue_state().unwrap().waiting, 0);
    }

    #[test]
    fn a_claim_leaves_the_store_as_durable_as_before() {
        let (_dir, mut store) = store();
        assert!(store.claim(at(0), 1_000_000_000, true).unwrap().0.is_some());
        let mode: i64 = store.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, 2, "FULL");
        assert_eq!(store.claim(at(0), 1_000_000_000, false).unwrap().0, None);
    }
}
