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
    rows  INTEGER NOT NULL,
    seen  INTEGER NOT NULL
);";

/// What one export did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Day files that it wrote, or made anew and found unchanged.
    pub files: u64,
    /// Rows of these.
    pub rows: u64,
    /// Reports that it read; those that are in none of these files it found in the files of their days.
    pub seen: u64,
}

impl Exported {
    fn made(self) -> Made {
        match self {
            Exported { seen: 0, .. } => Made::Nothing("it exported nothing, for there was no report".to_owned()),
            Exported { files: 0, seen, .. } => {
                Made::Something(format!("it found each of {seen} reports in the file of its day already"))
            }
            Exported { files: 1, rows, .. } => Made::Something(format!("it exported 1 file, {rows} rows")),
            Exported { files, rows, .. } => Made::Something(format!("it exported {files} files, {rows} rows")),
        }
    }
}

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
    pub fn exported(&self, id: i64, what: Exported) -> Result<(), ScheduleError> {
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.execute("DELETE FROM exports WHERE run NOT IN (SELECT id FROM runs)", [])?;
        self.execute(
            "INSERT INTO exports (run, files, rows, seen) SELECT id, ?2, ?3, ?4 FROM runs WHERE id = ?1 AND ended_us IS NULL
             ON CONFLICT (run) DO UPDATE SET files = files + excluded.files, rows = rows + excluded.rows,
                                             seen = max(seen, excluded.seen)",
            params![id, number(what.files), number(what.rows), number(what.seen)],
        )
    }

    /// What each run of a label made, where it said so.
    pub(super) fn made_by(&self, label: &str, manager: ManagerKind) -> Result<HashMap<i64, Made>, ScheduleError> {
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let found: Vec<(i64, Made)> = self.query(
            "SELECT run, files, rows, seen FROM exports JOIN runs ON id = run WHERE label = ?1 AND manager = ?2",
            params![label, manager.to_string()],
            |row| {
                let [files, rows, seen] = [number(row.get(1)?), number(row.get(2)?), number(row.get(3)?)];
                Ok((row.get(0)?, Exported { files, rows, seen }.made()))
            },
        )?;
        Ok(found.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_reports_made_nothing() {
        for (files, rows, seen, expect) in [
            (0, 0, 0, "nothing: it exported nothing, for there was no report"),
            (1, 0, 0, "nothing: it exported nothing, for there was no report"),
            (0, 0, 768, "it found each of 768 reports in the file of its day already"),
            (1, 3, 768, "it exported 1 file, 3 rows"),
            (2, 576, 576, "it exported 2 files, 576 rows"),
        ] {
            let is = match (Exported { files, rows, seen }).made() {
                Made::Nothing(why) => format!("nothing: {why}"),
                Made::Something(what) => what,
                Made::Unsaid => "unsaid".to_owned(),
            };
            assert_eq!(is, expect);
        }
    }
}
