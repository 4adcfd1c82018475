//! The third and fourth fault of the field: a job that never fires, or runs and fails. Also what is loaded under the loop's own
//! label, and is not what would be installed: one that works is left alone.

use crate::handlers::Context;
use crate::services::explain::explain;
use crate::services::job::Job;
use crate::services::plist;

use super::{OldJob, agents_dir};

/// The job that the loop replaces, when it is still there.
pub(super) fn replaced(label: &str, context: &Context) -> Option<OldJob> {
    let job = find(label, context)?;
    Some(or_else(job, "a job beside the loop would monitor twice"))
}

/// What is loaded under the loop's label.
pub(super) fn other_loop(label: &str, context: &Context) -> Option<OldJob> {
    let job = find(label, context).filter(|job| job.loaded)?;
    Some(or_else(job, "it is loaded, but not as Workbridge would install it"))
}

/// Whether what is loaded under this label is kept alive, runs, and has no fault of its own. That it makes heartbeats is
/// proven elsewhere.
pub(super) fn is_kept_alive(label: &str, context: &Context) -> bool {
    let installed = context.services.installed(label).ok().flatten().and_then(|bytes| plist::parse(&bytes).ok());
    let keeps = |root: &::plist::Dictionary| root.get("KeepAlive").and_then(::plist::Value::as_boolean) == Some(true);
    let runs = context.services.status(label).is_ok_and(|status| status.loaded && status.pid.is_some());
    runs && installed.as_ref().is_some_and(keeps) && find(label, context).is_some_and(|job| job.faults.is_empty())
}

fn or_else(mut job: OldJob, fault: &str) -> OldJob {
    if job.faults.is_empty() {
        job.faults.push(fault.to_owned());
    }
    job
}

/// The job of this label, loaded or only installed, and what is wrong with it by itself.
fn find(label: &str, context: &Context) -> Option<OldJob> {
    let path = agents_dir(context)
        .map(|dir| dir.join(format!("{label}.plist")))
        .filter(|path| path.symlink_metadata().is_ok());
    let status = context.services.status(label).ok();
    // no answer is no "no": what is installed may be loaded, and the step that boots it out asks again
    let loaded = status.as_ref().map_or(path.is_some(), |status| status.loaded);
    if path.is_none() && !loaded {
        return None;
    }
    let parsed = path.as_ref().and_then(|path| std::fs::read(path).ok()).map(|bytes| plist::parse(&bytes));
    let mut faults = Vec::new();
    match &parsed {
        Some(Ok(root)) => {
            if let Some(every_s) = root.get("StartInterval").and_then(::plist::Value::as_unsigned_integer) {
                faults.push(format!(
                    "StartInterval {every_s} s misses firings while the machine sleeps and while it still runs"
                ));
            }
        }
        Some(Err(why)) => faults.push(format!("its plist is none: {why}")),
        None => {}
    }
    let exit = status.and_then(|status| status.standing_exit()).filter(|exit| *exit != 0);
    if let Some(exit) = exit {
        let mut explanation = explain(exit);
        if let Some(Ok(root)) = &parsed {
            explanation = explanation.tested(&Job::of_plist(root));
        }
        faults.push(format!("last exit status {exit} ({})", explanation.meaning.join("; ")));
        faults.extend(explanation.found().map(|cause| context.masker.mask(&cause.seen)));
    }
    let link = path.as_ref().and_then(|path| std::fs::read_link(path).ok());
    Some(OldJob { label: label.to_owned(), loaded, plist: path, link, faults })
}
