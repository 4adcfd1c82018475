//! What a root knows of its services beyond what a manager says: where definitions lie, which labels there are, and how
//! each stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ManagerKind, ServiceDefinition, ServiceError, ServiceManager, Start, manager, plist};
use crate::clock::Clock;
use crate::config::Config;
use crate::process::DEFAULT_PATH;
use crate::root::Root;
use crate::schedule::store::Store;
use crate::schedule::{self, JobView, calendar, child};

/// The service that keeps `wo up` alive.
pub const DAEMON: &str = "com.02luka.workbridge";

/// Where things of one service lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The rendered plist in the root, checked in.
    pub rendered: PathBuf,
    /// What the manager reads; nothing for the embedded schedule.
    pub installed: Vec<PathBuf>,
    /// Folders that must be there before it starts, each once.
    pub log_folders: Vec<PathBuf>,
}

pub fn places(root: &Root, manager: &dyn ServiceManager, definition: &ServiceDefinition) -> Places {
    let logs = [&definition.stdout, &definition.stderr];
    let mut log_folders: Vec<PathBuf> = logs.into_iter().filter_map(|log| Some(log.parent()?.to_owned())).collect();
    log_folders.dedup();
    Places { rendered: rendered(root, &definition.label), installed: manager.files(definition), log_folders }
}

/// `launchd/LABEL.plist` of the root.
pub fn rendered(root: &Root, label: &str) -> PathBuf {
    root.launchd().join(format!("{label}.plist"))
}

/// The labels that this root knows: plists in `launchd/`, and what is registered with the embedded schedule. Sorted.
pub fn labels(root: &Root) -> Result<Vec<String>, ServiceError> {
    let entries = std::fs::read_dir(root.launchd()).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut labels: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".plist")?.to_owned())).collect();
    labels.retain(|label| child::is_label(label));
    let store = Store::open_existing(root).and_then(|store| store.map(|store| store.registrations()).transpose());
    let store = store.map_err(|error| failed("list", "services", error))?;
    labels.extend(store.into_iter().flatten().map(|registration| registration.definition.label));
    labels.sort();
    labels.dedup();
    Ok(labels)
}

/// The definition of a label: registered, in `launchd/`, or the daemon's own. With it the keys of the plist that a
/// definition has no place for.
pub fn definition(root: &Root, program: &Path, label: &str) -> Result<(ServiceDefinition, Vec<String>), ServiceError> {
    const OP: &str = "find";
    if !child::is_label(label) {
        return Err(failed(OP, &crate::text::line(label, 120), "it is no label"));
    }
    let registered = Store::open_existing(root)
        .and_then(|store| store.map_or(Ok(None), |store| store.registration(label)))
        .map_err(|error| failed(OP, label, error))?;
    if let Some(registration) = registered {
        return Ok((registration.definition, Vec::new()));
    }
    let path = rendered(root, label);
    match std::fs::read(&path) {
        // the template of the daemon has places to be filled
        Ok(bytes) if !bytes.windows(6).any(|window| window == b"@ROOT@") => {
            let parsed = plist::parse(&bytes).and_then(|parsed| plist::definition(&parsed));
            parsed.map_err(|why| failed(OP, label, format!("`{}`: {why}", path.display())))
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(OP, label, error)),
        _ if label == DAEMON => Ok((daemon(root, program), Vec::new())),
        _ => Err(failed(OP, label, format!("neither `{}` nor the schedule has it", path.display()))),
    }
}

/// `wo up` on this root, kept alive.
pub fn daemon(root: &Root, program: &Path) -> ServiceDefinition {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    ServiceDefinition {
        label: DAEMON.to_owned(),
        program: vec![text(program), "--root".to_owned(), text(root.path()), "up".to_owned()],
        working_directory: root.path().to_owned(),
        environment: [("PATH".to_owned(), DEFAULT_PATH.to_owned())].into(),
        start: Start::KeepAlive,
        run_at_load: true,
        stdout: root.join("g/logs/workbridge.log"),
        stderr: root.join("g/logs/workbridge.err.log"),
    }
}

/// How every service of this root stands, for `wo jobs` and `wo status`. Where no manager answers, nothing is next.
pub fn overview(root: &Root, config: &Config, clock: Arc<dyn Clock>) -> Result<Vec<JobView>, ServiceError> {
    let manager = manager(root, config, clock.clone())?;
    if manager.kind() == ManagerKind::Embedded {
        return schedule::overview(root).map_err(|error| failed("list", "services", error));
    }
    labels(root)?.iter().map(|label| view(root, manager.as_ref(), label, clock.as_ref())).collect()
}

fn view(root: &Root, manager: &dyn ServiceManager, label: &str, clock: &dyn Clock) -> Result<JobView, ServiceError> {
    let status = manager.status(label)?;
    let runs = if status.loaded { manager.runs(label)? } else { Vec::new() };
    let next = manager.next_runs(label, clock.now(), 1).unwrap_or_default();
    let when = definition(root, Path::new("/"), label).map(|(definition, _)| calendar::describe(&definition.start));
    Ok(JobView {
        label: label.to_owned(),
        when: when.unwrap_or_else(|_| "as its plist says".to_owned()),
        last: runs.last().cloned(),
        note: (!status.loaded).then(|| status.detail.clone()),
        next: next.first().copied(),
        zone: Some(calendar::zone_name(&calendar::local_zone())),
        running: status.pid.is_some(),
        held_by: status.loaded.then_some(status.detail),
    })
}

fn failed(op: &'static str, label: &str, why: impl ToString) -> ServiceError {
    ServiceError::Failed { op, label: label.to_owned(), why: why.to_string() }
}
