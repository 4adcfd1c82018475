//! The embedded schedule: what `wo up` runs by itself where no service manager is there, and the ledger of runs.
//!
//! `calendar` is pure; `store` keeps registrations and runs; `child` is the only code that starts a job; `scheduler` is the
//! thread in `wo up`; `ledger` records the runs that an outside manager started. [`crate::services::Embedded`] is the
//! service manager over it.
//!
//! What must hold: two runs of one job never overlap, whoever starts them; a run missed while down or asleep is made up
//! once; nothing counts as scheduled unless the scheduler of a live `wo up` has loaded it.

pub mod calendar;
pub mod child;
mod here;
pub mod ledger;
mod scheduler;
pub mod store;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use here::run_here;
pub use scheduler::{Scheduler, poke};
pub use store::{Session, Store};

use crate::bridge::lock::{self, Holder, Role};
use crate::durable::DurableError;
use crate::evidence::ServiceRun;
use crate::root::Root;
use crate::services::ManagerKind;
use crate::sqlite;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// The schedule is looked at this often even when nothing says that it changed; also how soon after sleep a missed
    /// run is made up.
    pub poll_ms: u64,
    /// A scheduled run is ended when it takes longer than this; services that are kept alive have no deadline.
    pub job_deadline_s: u64,
    /// A service that is kept alive starts at most once in this time, as launchd's `ThrottleInterval`.
    pub throttle_s: u64,
    /// A run gets this long to end after SIGTERM, then SIGKILL.
    pub stop_grace_s: u64,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        ScheduleConfig { poll_ms: 1_000, job_deadline_s: 3_600, throttle_s: 10, stop_grace_s: 5 }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    #[error(
        "failed to {op} `{}`: {source}\nhint: {}; nothing is scheduled from it until then", path.display(),
        sqlite::hint(source, path).as_deref().unwrap_or("keep the file and look into it until it can be read")
    )]
    Sqlite { op: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error("failed to open `{}`: {said}\nhint: keep the root on a local disk, and end what else has the file open", path.display())]
    NoLog { path: PathBuf, said: String },
    #[error("failed to read `{}`: it is damaged: {said}\nhint: move it away and deploy the services again", path.display())]
    Damaged { path: PathBuf, said: String },
    #[error("failed to read `{}`: its version {found} is not known\nhint: use the `wo` that wrote it, or a newer one", path.display())]
    Version { path: PathBuf, found: i64 },
    #[error("failed to understand the entry of {label} in `{}`: {why}", path.display())]
    Entry { path: PathBuf, label: String, why: String },
    #[error("failed to start the schedule: {0}\nhint: only the `wo up` that holds the bridge runs it")]
    NotHeld(String),
    #[error("failed to start the schedule's thread: {0}")]
    Thread(std::io::Error),
    #[error(transparent)]
    Durable(#[from] DurableError),
}

impl ScheduleError {
    /// Whether an fsync failed: what was written can no longer be trusted, so the daemon must stop.
    pub fn is_fatal(&self) -> bool {
        match self {
            ScheduleError::Durable(error) => error.is_fatal(),
            ScheduleError::Sqlite { source: rusqlite::Error::SqliteFailure(error, _), .. } => {
                matches!(error.extended_code, rusqlite::ffi::SQLITE_IOERR_FSYNC | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC)
            }
            _ => false,
        }
    }
}

/// A job as `wo status` and `wo jobs` show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobView {
    pub label: String,
    /// `02:30 daily`
    pub when: String,
    pub last: Option<ServiceRun>,
    /// Why the last run ended as it did, where that is known beyond its exit status.
    pub note: Option<String>,
    /// `None` while nothing runs the schedule.
    pub next: Option<Timestamp>,
    /// The zone of the local times.
    pub zone: Option<String>,
    pub running: bool,
    /// Who runs it, e.g. `wo up, pid 4711, since …`; `None` when nobody does.
    pub held_by: Option<String>,
}

/// Everything that is registered with the embedded schedule of `root`; makes no files.
pub fn overview(root: &Root) -> Result<Vec<JobView>, ScheduleError> {
    let Some(store) = Store::open_existing(root)? else { return Ok(Vec::new()) };
    let live = live(root, &store).ok();
    store
        .registrations()?
        .into_iter()
        .map(|registration| {
            let label = registration.definition.label.clone();
            let held = live.as_ref().filter(|(_, session)| registration.loaded.as_deref() == Some(&session.token()));
            let last = store.runs(&label, ManagerKind::Embedded, 1)?.pop();
            Ok(JobView {
                when: calendar::describe(&registration.definition.start),
                note: last.as_ref().and_then(|run| run.note.clone()),
                // a run without an end may have been cut off: its lock knows
                running: last.as_ref().is_some_and(|run| run.ended.is_none()) && child::is_locked(root, &label)?,
                last: last.map(ServiceRun::from),
                next: held.and(registration.next),
                zone: held.map(|(_, session)| session.zone.clone()),
                held_by: held.map(|(holder, _)| held_by(holder)),
                label,
            })
        })
        .collect()
}

/// `wo up, pid 4711, since 2026-…`
pub(crate) fn held_by(holder: &Holder) -> String {
    format!("wo up, pid {}, since {}", holder.pid, holder.started.strftime("%Y-%m-%dT%H:%M:%SZ"))
}

/// Who runs the schedule of `root` now, or why nobody does.
pub(crate) fn live(root: &Root, store: &Store) -> Result<(Holder, Session), String> {
    let holder = match lock::holder(root) {
        Ok(Some(holder)) if holder.role == Role::Daemon => holder,
        Ok(Some(holder)) => return Err(format!("the bridge is held by {holder}, which runs no schedule")),
        Ok(None) => return Err("no `wo up` lives here".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let session = store.session().map_err(|error| error.to_string())?;
    let answers = child::is_locked(root, scheduler::LOCK).map_err(|error| error.to_string())?;
    match session.filter(|session| answers && session.is_of(&holder)) {
        Some(session) => Ok((holder, session)),
        None => Err(format!("{holder} holds the bridge, but runs no schedule")),
    }
}
