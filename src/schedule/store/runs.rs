//! The runs that are known, whoever started them.

use jiff::Timestamp;
use rusqlite::{Row, TransactionBehavior, params};

use super::{Store, failed, micros, time};
use crate::evidence::{Made, ServiceRun, StartedBy};
use crate::schedule::ScheduleError;
use crate::services::ManagerKind;

/// Runs kept of each service.
const KEPT_RUNS: i64 = 500;

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: i64,
    pub label: String,
    pub due: Option<Timestamp>,
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    /// Negative for a signal; `None` with `ended` when it was cut off and nobody saw how it ended.
    pub exit: Option<i32>,
    pub pid: Option<u32>,
    pub started_by: StartedBy,
    pub note: Option<String>,
    /// By its own record, see [`made`].
    pub made: Made,
}

impl From<Run> for ServiceRun {
    fn from(run: Run) -> Self {
        let made = run.made;
        ServiceRun { started: run.started, ended: run.ended, exit: run.exit, started_by: run.started_by, made }
    }
}

/// What a run that begins is.
pub struct Begin<'a> {
    pub label: &'a str,
    pub manager: ManagerKind,
    pub due: Option<Timestamp>,
    pub started_by: &'a StartedBy,
    pub pid: Option<u32>,
    /// When the registration is due after this run; only for the embedded schedule.
    pub next: Option<Timestamp>,
    /// The kick that this run answers.
    pub kick: Option<i64>,
    /// This is the run at load that the registration of this revision owed.
    pub load_run: bool,
}

impl Store {
    /// Writes that a run begins, before its process does; returns its id.
    pub fn begin(&mut self, run: &Begin, now: Timestamp) -> Result<i64, ScheduleError> {
        let started_by = serde_json::to_string(run.started_by).map_err(|error| self.bad(run.label, error))?;
        let fail = failed("record a run in", &self.path);
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        (|| {
            let tx = tx?;
            let manager = run.manager.to_string();
            tx.execute(
                "INSERT INTO runs (label, manager, due_us, started_us, started_by, pid) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![run.label, manager, run.due.map(micros), micros(now), started_by, run.pid],
            )?;
            let id = tx.last_insert_rowid();
            if run.manager == ManagerKind::Embedded {
                tx.execute(
                    "UPDATE registrations SET next_us = ?2, owes_load_run = owes_load_run AND NOT ?3 WHERE label = ?1",
                    params![run.label, run.next.map(micros), run.load_run],
                )?;
            }
            if let Some(kick) = run.kick {
                tx.execute("UPDATE kicks SET taken = 1 WHERE id = ?1", [kick])?;
            }
            tx.execute(
                "DELETE FROM runs WHERE label = ?1 AND manager = ?2 AND id <= ?3 - ?4 AND id NOT IN
                 (SELECT id FROM runs WHERE label = ?1 AND manager = ?2 ORDER BY id DESC LIMIT ?4)",
                params![run.label, manager, id, KEPT_RUNS],
            )?;
            tx.execute(
                "DELETE FROM kicks WHERE label = ?1 AND manager = ?2 AND id NOT IN
                 (SELECT id FROM kicks WHERE label = ?1 AND manager = ?2 ORDER BY id DESC LIMIT ?3)",
                params![run.label, manager, KEPT_RUNS],
            )?;
            tx.commit()?;
            Ok(id)
        })()
        .map_err(fail)
    }

    pub fn set_pid(&self, id: i64, pid: u32) -> Result<(), ScheduleError> {
        self.execute("UPDATE runs SET pid = ?2 WHERE id = ?1", params![id, pid])
    }

    /// Writes how a run ended.
    pub fn end(&self, id: i64, at: Timestamp, exit: Option<i32>, note: Option<&str>) -> Result<(), ScheduleError> {
        self.execute(
            "UPDATE runs SET ended_us = ?2, exit = ?3, note = coalesce(?4, note) WHERE id = ?1 AND ended_us IS NULL",
            params![id, micros(at), exit, note],
        )
    }

    /// The newest `limit` runs of a label under a manager, oldest first, kicked ones named as such.
    pub fn runs(&self, label: &str, manager: ManagerKind, limit: usize) -> Result<Vec<Run>, ScheduleError> {
        let manager_name = manager.to_string();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = self.query(
            "SELECT id, label, due_us, started_us, ended_us, exit, pid, started_by, note FROM runs
             WHERE label = ?1 AND manager = ?2 ORDER BY id DESC LIMIT ?3",
            params![label, manager_name, limit],
            run_of,
        )?;
        rows.reverse();
        let kicks = self.kicks(label, manager)?;
        let made = self.made_by(label, manager)?;
        rows.into_iter()
            .map(|(mut run, started_by)| {
                run.started_by = serde_json::from_str(&started_by).map_err(|error| self.bad(label, error))?;
                if kicks.iter().any(|kick| kick.may_have_started(&run)) {
                    run.started_by = StartedBy::Kicked;
                }
                run.made = made.get(&run.id).cloned().unwrap_or_default();
                Ok(run)
            })
            .collect()
    }

    /// Runs of the embedded schedule that have not ended.
    pub fn open_runs(&self) -> Result<Vec<Run>, ScheduleError> {
        let rows = self.query(
            "SELECT id, label, due_us, started_us, ended_us, exit, pid, started_by, note FROM runs
             WHERE manager = 'embedded' AND ended_us IS NULL ORDER BY id",
            [],
            run_of,
        )?;
        rows.into_iter()
            .map(|(mut run, started_by)| {
                run.started_by = serde_json::from_str(&started_by).map_err(|error| self.bad(&run.label, error))?;
                Ok(run)
            })
            .collect()
    }
}

fn run_of(row: &Row) -> rusqlite::Result<(Run, String)> {
    let run = Run {
        id: row.get(0)?,
        label: row.get(1)?,
        due: row.get::<_, Option<i64>>(2)?.map(time),
        started: time(row.get(3)?),
        ended: row.get::<_, Option<i64>>(4)?.map(time),
        exit: row.get(5)?,
        pid: row.get(6)?,
        started_by: StartedBy::Kicked,
        note: row.get(8)?,
        made: Made::Unsaid,
    };
    Ok((run, row.get(7)?))
}
