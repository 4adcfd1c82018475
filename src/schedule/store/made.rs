//! What runs made, as they recorded it themselves before they ended: an exit status of 0 says nothing of that.
//!
//! A table of its own, which an older `wo` leaves alone. A run adds to its record, for it may export more than once.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{ManagerKind, ScheduleError, Store};
use crate::evidence::Made;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS exports (
    run   INTEGER PRIMARY KEY,
    files INTEGER NOT NULL,
    rows  INTEGER NOT NULL
);";

/// Asks first: nothing is written where it is there already.
pub(super) fn set_up(db: &Connection) -> rusqlite::Result<()> {
    let asked = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'exports'";
    match db.query_row(asked, [], |_| Ok(())).optional()? {
        Some(()) => Ok(()),
        None => db.execute_batch(TABLE),
    }
}

impl Store {
    /// Adds to what the run `id`, which goes on, has exported: nothing is a record too.
    pub fn exported(&self, id: i64, files: u64, rows: u64) -> Result<(), ScheduleError> {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.execute("DELETE FROM exports WHERE run NOT IN (SELECT id FROM runs)", [])?;
        self.execute(
            "INSERT INTO exports (run, files, rows) SELECT id, ?2, ?3 FROM runs WHERE id = ?1 AND ended_us IS NULL
             ON CONFLICT (run) DO UPDATE SET files = files + excluded.files, rows = rows + excluded.rows",
            params![id, number(files), number(rows)],
        )
    }

    /// What each run of a label made, where it said so.
    pub(super) fn made_by(&self, label: &str, manager: ManagerKind) -> Result<HashMap<i64, Made>, ScheduleError> {
        let found: Vec<(i64, i64, i64)> = self.query(
            "SELECT run, files, rows FROM exports JOIN runs ON id = run WHERE label = ?1 AND manager = ?2",
            params![label, manager.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let words = |files: i64, rows: i64| match (files, rows) {
            (0, _) | (_, 0) => Made::Nothing("it exported nothing, for no report of the days due was there".to_owned()),
            (1, rows) => Made::Something(format!("it exported 1 file, {rows} rows")),
            (files, rows) => Made::Something(format!("it exported {files} files, {rows} rows")),
        };
        Ok(found.into_iter().map(|(run, files, rows)| (run, words(files, rows))).collect())
    }
}
