//! The checksum that seals a row of the journal's index of runs.

use super::chain;

/// The columns of a `runs` row that its seal covers.
pub(super) struct Sealed {
    run: i64,
    pub(super) id: String,
    pub(super) attempt: i64,
    agent: String,
    file: String,
    received: String,
    priority: i64,
    pub(super) phase: String,
    pub(super) open: i64,
    sha256: String,
}

impl Sealed {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sealed> {
        Ok(Sealed {
            run: row.get(0)?,
            id: row.get(1)?,
            attempt: row.get(2)?,
            agent: row.get(3)?,
            file: row.get(4)?,
            received: row.get(5)?,
            priority: row.get(6)?,
            phase: row.get(7)?,
            open: row.get(8)?,
            sha256: row.get(10)?,
        })
    }

    pub(super) fn seal(&self) -> String {
        let body = [
            self.id.as_str(),
            &self.attempt.to_string(),
            &self.agent,
            &self.file,
            &self.received,
            &self.priority.to_string(),
            &self.phase,
            &self.open.to_string(),
            &self.sha256,
        ]
        .join("\u{1f}");
        chain::link("runs", self.run, "", 0, &body)
    }
}
