//! Marks of services that were started by hand, so that no such run counts as the manager's own.

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::{Run, Store, micros, time};
use crate::schedule::ScheduleError;
use crate::services::ManagerKind;

/// A run that began this long after a kick of unknown process may still be that kick's.
const KICK_WINDOW: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kick {
    pub id: i64,
    pub requested: Timestamp,
    pub returned: Option<Timestamp>,
    pub pid: Option<u32>,
}

impl Store {
    /// Writes that a label is to be kicked, before it is; returns the mark's id.
    pub fn kick(&self, label: &str, manager: ManagerKind, now: Timestamp) -> Result<i64, ScheduleError> {
        self.execute(
            "INSERT INTO kicks (label, manager, requested_us) VALUES (?1, ?2, ?3)",
            params![label, manager.to_string(), micros(now)],
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Writes which process a kick started, once the manager has said so.
    pub fn kicked(&self, id: i64, at: Timestamp, pid: Option<u32>) -> Result<(), ScheduleError> {
        self.execute("UPDATE kicks SET returned_us = ?2, pid = ?3 WHERE id = ?1", params![id, micros(at), pid])
    }

    pub fn forget_kick(&self, id: i64) -> Result<(), ScheduleError> {
        self.execute("DELETE FROM kicks WHERE id = ?1", [id])
    }

    /// The kicks of the embedded schedule that no run has answered, oldest first.
    pub fn pending_kicks(&self) -> Result<Vec<(String, i64)>, ScheduleError> {
        self.query("SELECT label, id FROM kicks WHERE manager = 'embedded' AND NOT taken ORDER BY id", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    pub(super) fn kicks(&self, label: &str, manager: ManagerKind) -> Result<Vec<Kick>, ScheduleError> {
        // the embedded scheduler writes who started a run itself; marks only name the runs of outside managers
        if manager == ManagerKind::Embedded {
            return Ok(Vec::new());
        }
        self.query(
            "SELECT id, requested_us, returned_us, pid FROM kicks WHERE label = ?1 AND manager = ?2",
            params![label, manager.to_string()],
            |row| {
                Ok(Kick {
                    id: row.get(0)?,
                    requested: time(row.get(1)?),
                    returned: row.get::<_, Option<i64>>(2)?.map(time),
                    pid: row.get(3)?,
                })
            },
        )
    }
}

impl Kick {
    /// Whether `run` is, or may be, this kick's. In doubt it is: a run that may have been kicked proves no automatic start.
    pub(super) fn may_have_started(&self, run: &Run) -> bool {
        if run.started < self.requested {
            return false;
        }
        let until = self.returned.unwrap_or(self.requested).saturating_add(KICK_WINDOW).unwrap_or(Timestamp::MAX);
        match (self.pid, run.pid) {
            (Some(kicked), Some(pid)) => kicked == pid && run.started <= until,
            _ => run.started <= until,
        }
    }
}
