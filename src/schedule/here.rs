//! Runs a registered job in the foreground, where no `wo up` lives. It is a kick: recorded as such, and never beside another
//! run of the same job.

use std::sync::Arc;

use super::store::{Begin, Run, Store};
use super::{ScheduleError, child};
use crate::clock::Clock;
use crate::evidence::StartedBy;
use crate::root::Root;
use crate::services::ManagerKind;

/// Runs `label` to its end. `None` when it is not registered, or runs already.
pub fn run_here(root: &Root, label: &str, clock: Arc<dyn Clock>) -> Result<Option<Run>, ScheduleError> {
    let Some(mut store) = Store::open_existing(root)? else { return Ok(None) };
    let Some(registration) = store.registration(label)? else { return Ok(None) };
    let Some(lock) = child::lock_patiently(root, label)? else { return Ok(None) };
    let begin = Begin {
        label,
        manager: ManagerKind::Embedded,
        due: None,
        started_by: &StartedBy::Kicked,
        pid: Some(std::process::id()),
        // what is due stays due: it was not the schedule that ran
        next: registration.next,
        kick: None,
        load_run: false,
    };
    let id = store.begin(&begin, clock.now())?;
    let (exit, note) = match child::spawn(&registration.definition, &lock, id) {
        Err(why) => (Some(child::NOT_STARTED), Some(why)),
        Ok(process) => {
            store.set_pid(id, process.id())?;
            match child::wait(process) {
                Ok(status) => (child::exit_of(status), None),
                Err(error) => (None, Some(format!("failed to wait for it: {error}"))),
            }
        }
    };
    store.end(id, clock.now(), exit, note.as_deref())?;
    Ok(store.runs(label, ManagerKind::Embedded, 20)?.into_iter().rev().find(|run| run.id == id))
}
