//! Services: launchd LaunchAgents, systemd user units, and the schedule that `wo up` embeds where neither is there.
//! Say *service* in code, to keep it apart from AI agents.

mod embedded;
pub mod explain;
pub mod facts;
pub mod job;
mod launchd;
pub mod lint;
pub mod plist;
pub mod systemd;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use embedded::Embedded;
pub use launchd::Launchd;

use crate::clock::Clock;
use crate::config::Config;
use crate::evidence::ServiceRun;
use crate::root::Root;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServicesConfig {
    /// `launchd`, `systemd` or `embedded`; found out when unset.
    pub manager: Option<ManagerKind>,
    /// The `launchctl` to use; found on the PATH when unset.
    pub launchctl: Option<PathBuf>,
    /// Where installed plists go; `~/Library/LaunchAgents` when unset.
    pub launch_agents: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ManagerKind {
    Launchd,
    Systemd,
    Embedded,
}

impl std::fmt::Display for ManagerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ManagerKind::Launchd => "launchd",
            ManagerKind::Systemd => "systemd",
            ManagerKind::Embedded => "embedded",
        })
    }
}

/// A service as Workbridge defines it, before it is rendered for a manager.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceDefinition {
    /// e.g. `com.02luka.analytics.parquet`.
    pub label: String,
    /// argv; the program's path is absolute.
    pub program: Vec<String>,
    pub working_directory: PathBuf,
    pub environment: BTreeMap<String, String>,
    pub start: Start,
    pub run_at_load: bool,
    pub stdout: PathBuf,
    pub stderr: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Local wall-clock time, every day, or on one weekday.
    Calendar {
        at: jiff::civil::Time,
        weekday: Option<crate::order::target::Weekday>,
    },
    /// Seconds.
    Interval {
        every_s: u64,
    },
    KeepAlive,
}

/// What a manager says of a label now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceStatus {
    pub loaded: bool,
    pub pid: Option<u32>,
    /// Exit status, negative for a signal.
    pub last_exit: Option<i32>,
    /// In words, with the manager; for `embedded` the pid and start time of the `wo up` that holds the schedule.
    pub detail: String,
}

impl ServiceStatus {
    /// How it ended last, as far as that counts: beside a process that runs, an end by SIGTERM is a normal relaunch, and a
    /// process that never ended has not failed. A crash stays one, however often it was started again.
    pub fn standing_exit(&self) -> Option<i32> {
        const TERMINATED: [i32; 2] = [15, -15];
        match (self.pid, self.last_exit) {
            (Some(_), None) => Some(0),
            (Some(_), Some(exit)) if TERMINATED.contains(&exit) => Some(0),
            (_, exit) => exit,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// No manager answers here, e.g. `embedded` without a live `wo up`: whatever depends on it is `UNMEASURED`.
    #[error("no service manager answers: {0}")]
    NoManager(String),
    #[error("failed to {op} the service {label}: {why}")]
    Failed { op: &'static str, label: String, why: String },
}

/// One of the managers.
pub trait ServiceManager: Send + Sync {
    fn kind(&self) -> ManagerKind;
    /// Files that [`ServiceManager::install`] writes, so that they can be backed up before.
    fn files(&self, definition: &ServiceDefinition) -> Vec<PathBuf>;
    /// Whether the installed definition is this one and it is loaded.
    fn is_installed(&self, definition: &ServiceDefinition) -> Result<bool, ServiceError>;
    /// The plist of what is installed under this label; of a manager that keeps no files, the one that its definition renders
    /// to. `None` when nothing is.
    fn installed(&self, label: &str) -> Result<Option<Vec<u8>>, ServiceError>;
    /// Writes the definition and loads it, replacing an older one of the same label. Idempotent.
    fn install(&self, definition: &ServiceDefinition) -> Result<(), ServiceError>;
    /// Boots it out; whether it was there, which is no error when not. Files stay.
    fn uninstall(&self, label: &str) -> Result<bool, ServiceError>;
    /// Loads what is installed under this label as it is, writing nothing: takes back an
    /// [`ServiceManager::uninstall`]. A manager that keeps no files can't.
    fn load(&self, label: &str) -> Result<(), ServiceError> {
        let why = format!("{} keeps no files of its services", self.kind());
        Err(ServiceError::Failed { op: "load", label: label.to_owned(), why })
    }
    fn status(&self, label: &str) -> Result<ServiceStatus, ServiceError>;
    /// The next `n` fire times after `now`, from what the manager has loaded.
    fn next_runs(&self, label: &str, now: Timestamp, n: usize) -> Result<Vec<Timestamp>, ServiceError>;
    /// The runs that are known, newest last, each with who started it.
    fn runs(&self, label: &str) -> Result<Vec<ServiceRun>, ServiceError>;
    /// Starts it now; the run is recorded as kicked.
    fn kick(&self, label: &str) -> Result<(), ServiceError>;
}

/// The service manager of this machine: the configured one, else launchd where a `launchctl` is, else the schedule that
/// `wo up` embeds. Choosing `embedded` says nothing about a `wo up` being alive; its answers do.
pub fn manager(root: &Root, config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<dyn ServiceManager>, ServiceError> {
    let settings = &config.services;
    let embedded = || -> Arc<dyn ServiceManager> { Arc::new(Embedded::new(root, clock.clone())) };
    match settings.manager {
        Some(ManagerKind::Embedded) => Ok(embedded()),
        Some(ManagerKind::Systemd) => Err(ServiceError::NoManager(
            "systemd: this `wo` renders its units (`wo services render --format systemd`) but does not drive it\n\
             hint: set `services.manager` to \"embedded\" in wo.toml"
                .to_owned(),
        )),
        kind => match launchd::find(settings.launchctl.as_ref().map(|path| root.join(path))) {
            Some(launchctl) => Ok(Arc::new(Launchd::new(root, launchctl, launch_agents(root, config)?, clock))),
            None if kind.is_none() => Ok(embedded()),
            None => Err(ServiceError::NoManager(
                "launchd: no `launchctl` is on the PATH\nhint: name it in `services.launchctl` in wo.toml".to_owned(),
            )),
        },
    }
}

/// Where launchd finds the user's plists.
fn launch_agents(root: &Root, config: &Config) -> Result<PathBuf, ServiceError> {
    match (&config.services.launch_agents, std::env::var_os("HOME")) {
        (Some(path), _) => Ok(root.join(path)),
        (None, Some(home)) => Ok(PathBuf::from(home).join("Library/LaunchAgents")),
        (None, None) => Err(ServiceError::NoManager(
            "launchd: HOME is not set\nhint: name the folder in `services.launch_agents` in wo.toml".to_owned(),
        )),
    }
}

/// The plist that launchd has of `label`, if one is installed and can be read.
pub(crate) fn installed_plist(root: &Root, config: &Config, label: &str) -> Option<::plist::Dictionary> {
    let path = launch_agents(root, config).ok()?.join(format!("{label}.plist"));
    plist::parse(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relaunch_is_no_fault_and_a_crash_stays_one() {
        for (pid, last_exit, expected) in [
            (Some(7), None, Some(0)),
            (Some(7), Some(0), Some(0)),
            (Some(7), Some(15), Some(0)),
            (Some(7), Some(-15), Some(0)),
            (Some(7), Some(-11), Some(-11)),
            (Some(7), Some(-9), Some(-9)),
            (Some(7), Some(78), Some(78)),
            (None, Some(-15), Some(-15)),
            (None, Some(0), Some(0)),
            (None, None, None),
        ] {
            let status = ServiceStatus { loaded: true, pid, last_exit, detail: String::new() };
            assert_eq!(status.standing_exit(), expected, "{pid:?} {last_exit:?}");
        }
    }
}
