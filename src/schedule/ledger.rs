//! Records the runs of `wo` that an outside service manager started: launchd and systemd keep no history that tells who
//! started a run.
//!
//! A service that Workbridge defines has `WO_SERVICE=<label>` in its environment. That alone proves nothing, since anybody
//! can set a variable. So `wo` asks the manager which process it runs for that label now, and believes that the
//! manager started this run only when it is this process, its parent, or the leader of its process group (shims start
//! `wo` as a child). Everything else is recorded as kicked: a run that a person started never counts as automatic.
//! Runs of the embedded schedule carry `WO_RUN_ID` and are recorded by the scheduler itself.

use std::io::Write as _;
use std::sync::Arc;

use jiff::Timestamp;

use super::ScheduleError;
use super::store::made::Exported;
use super::store::{Begin, Store};
use crate::clock::Clock;
use crate::config::Config;
use crate::evidence::StartedBy;
use crate::root::Root;
use crate::services::{self, ManagerKind};

/// The label of the service that a process belongs to.
pub const SERVICE: &str = "WO_SERVICE";
/// The run of the embedded schedule that a process is.
pub const RUN_ID: &str = "WO_RUN_ID";

/// A run that has begun; [`Recording::end`] says how it ended. One that is dropped stays open: its end is not known.
pub struct Recording {
    store: Store,
    id: i64,
    clock: Arc<dyn Clock>,
}

impl Recording {
    pub fn end(self, exit: i32) -> Result<(), ScheduleError> {
        self.store.end(self.id, self.clock.now(), Some(exit), None)
    }
}

/// Records that this process begins, when it runs for a service of an outside manager.
pub fn begin(root: &Root, config: &Config, clock: Arc<dyn Clock>) -> Result<Option<Recording>, ScheduleError> {
    let label = match (std::env::var(SERVICE), std::env::var_os(RUN_ID)) {
        (Ok(label), None) if super::child::is_label(&label) => label,
        _ => return Ok(None),
    };
    let Ok(manager) = services::manager(root, config, clock.clone()) else { return Ok(None) };
    if manager.kind() == ManagerKind::Embedded {
        return Ok(None);
    }
    let now = clock.now();
    let managed = manager.status(&label).ok().and_then(|status| status.pid);
    let store = &mut Store::open(root)?;
    let started_by = match managed.filter(|pid| is_ours(*pid)) {
        Some(_) => {
            let plist = services::installed_plist(root, config, &label);
            let has = |key: &str| plist.as_ref().and_then(|plist| plist.get(key)?.as_boolean()) == Some(true);
            // a service that is kept alive starts when it is loaded, whatever RunAtLoad says
            let at_load = has("RunAtLoad") || has("KeepAlive");
            StartedBy::Manager { cause: cause(store, &label, manager.as_ref(), at_load, now)? }
        }
        None => StartedBy::Kicked,
    };
    let run = Begin {
        label: &label,
        manager: manager.kind(),
        due: None,
        started_by: &started_by,
        pid: managed,
        next: None,
        kick: None,
        load_run: false,
    };
    let id = store.begin(&run, now)?;
    Ok(Some(Recording { store: Store::open(root)?, id, clock }))
}

/// [`begin`] for the command line: a run that can't be recorded is told on stderr and goes on.
pub fn begin_or_warn(root: impl FnOnce() -> Option<Root>) -> Option<Recording> {
    // the common case first: it costs nothing
    std::env::var_os(SERVICE)?;
    let root = root()?;
    let config = Config::load(&root).ok()?;
    match begin(&root, &config, Arc::new(crate::clock::SystemClock)) {
        Ok(recording) => recording,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "warning: this run is not recorded: {error}");
            None
        }
    }
}

/// Records what this process exported with the run that it is; without effect where it is none.
pub fn exported(root: &Root, what: Exported) -> Result<(), ScheduleError> {
    let Ok(label) = std::env::var(SERVICE) else { return Ok(()) };
    let Some(store) = Store::open_existing(root)? else { return Ok(()) };
    let scheduled = std::env::var(RUN_ID).ok().and_then(|id| id.parse::<i64>().ok());
    let managers: &[ManagerKind] = match scheduled {
        Some(_) => &[ManagerKind::Embedded],
        None => &[ManagerKind::Launchd, ManagerKind::Systemd],
    };
    for manager in managers {
        let runs = store.runs(&label, *manager, 10)?;
        // the scheduler writes the process down a moment after it started it
        let is_this = |run: &&super::store::Run| {
            run.ended.is_none()
                && run.pid.map_or(scheduled == Some(run.id), is_ours)
                && scheduled.is_none_or(|id| id == run.id)
        };
        if let Some(run) = runs.iter().rev().find(is_this) {
            return store.exported(run.id, what);
        }
    }
    Ok(())
}

/// [`exported`] for the command line, which goes on without the record.
pub fn exported_or_warn(root: &Root, what: Exported) {
    if let Err(error) = exported(root, what) {
        let _ = writeln!(std::io::stderr(), "warning: what this run exported is not recorded: {error}");
    }
}

/// Whether `pid` is this process, its parent or the leader of its process group.
fn is_ours(pid: u32) -> bool {
    let ours = [Some(rustix::process::getpid()), rustix::process::getppid(), Some(rustix::process::getpgrp())];
    ours.into_iter().flatten().any(|own| u32::try_from(own.as_raw_nonzero().get()) == Ok(pid))
}

/// Why the manager started this run, as far as it can be told; managers don't say.
fn cause(
    store: &Store,
    label: &str,
    manager: &dyn services::ServiceManager,
    at_load: bool,
    now: Timestamp,
) -> Result<String, ScheduleError> {
    let soon = jiff::SignedDuration::from_secs(60);
    let before = store.runs(label, manager.kind(), 1)?.pop().map(|run| run.started);
    if at_load
        && let Some(loaded) = store.load(label, manager.kind())?
        && before.is_none_or(|before| before < loaded)
        && now.duration_since(loaded) <= soon
    {
        return Ok("at load".to_owned());
    }
    let earlier = now.checked_sub(soon).unwrap_or(now);
    let due = manager.next_runs(label, earlier, 1).unwrap_or_default();
    if let Some(at) = due.first().filter(|at| **at <= now) {
        let local = at.to_zoned(super::calendar::local_zone());
        return Ok(format!("due at {}", local.strftime("%H:%M")));
    }
    Ok(format!("by {}, which gives no cause", manager.kind()))
}
