//! The monitor: checks, loop, alerts, measurements, and what the web pages say of them.

mod alerts;
mod checks;
mod cycles;
mod measurements;
mod redis;
mod web;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use jiff::Timestamp;
use workbridge::clock::{Clock, SystemClock};
use workbridge::config::Config;
use workbridge::evidence::ServiceRun;
use workbridge::monitor::checks::{Finding, State, Surroundings};
use workbridge::monitor::cycle::{self, Cycle, Ready};
use workbridge::monitor::memo::Memo;
use workbridge::root::Root;
use workbridge::services::{ManagerKind, ServiceDefinition, ServiceError, ServiceManager, ServiceStatus};

/// Checks of a `wo.toml`, ready to be run again and again.
struct Bench {
    around: Arc<Surroundings>,
    checks: Vec<Ready>,
    services: Arc<Services>,
}

impl Bench {
    /// `toml` is the text of `wo.toml`.
    #[track_caller]
    fn new(root: &Root, toml: &str) -> Bench {
        Bench::with_clock(root, toml, Arc::new(SystemClock))
    }

    #[track_caller]
    fn with_clock(root: &Root, toml: &str, clock: Arc<dyn Clock>) -> Bench {
        let config = Config::parse(toml, Path::new("wo.toml")).expect("a good wo.toml");
        let services = Arc::new(Services::default());
        let around = Arc::new(Surroundings {
            root: root.clone(),
            policy: config.policy.clone(),
            clock,
            services: services.clone(),
            memo: Arc::new(Memo::default()),
            secrets: config.secrets(),
        });
        let checks = cycle::ready(&config.monitor, &config.paths).expect("good checks");
        Bench { around, checks, services }
    }

    fn cycle(&self) -> Cycle {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let cycle = runtime.block_on(cycle::run(&self.checks, &self.around));
        runtime.shutdown_background();
        cycle
    }

    /// What the check of that name sees now.
    #[track_caller]
    fn look(&self, name: &str) -> Finding {
        finding(&self.cycle(), name)
    }

    /// That the check is in this state now, with these words.
    #[track_caller]
    fn expect(&self, name: &str, state: State, words: &str) {
        let found = self.look(name);
        assert!(found.state == state && found.message.contains(words), "{state:?} `{words}` expected: {found:?}");
    }
}

#[track_caller]
fn finding(cycle: &Cycle, name: &str) -> Finding {
    let observed = cycle.observed.iter().find(|observed| observed.name == name);
    observed.unwrap_or_else(|| panic!("{name} in {cycle:?}")).finding.clone()
}

/// A service manager that says what it is told to, or hangs.
#[derive(Default)]
struct Services {
    statuses: Mutex<BTreeMap<String, ServiceStatus>>,
    hangs: Mutex<bool>,
    released: Condvar,
}

impl Services {
    fn set(&self, label: &str, loaded: bool, pid: Option<u32>, last_exit: Option<i32>) {
        let status = ServiceStatus { loaded, pid, last_exit, detail: "a stand-in".to_owned() };
        self.statuses.lock().expect("the statuses").insert(label.to_owned(), status);
    }

    fn hang(&self, hangs: bool) {
        *self.hangs.lock().expect("the flag") = hangs;
        self.released.notify_all();
    }
}

impl ServiceManager for Services {
    fn kind(&self) -> ManagerKind {
        ManagerKind::Launchd
    }

    fn files(&self, _: &ServiceDefinition) -> Vec<std::path::PathBuf> {
        Vec::new()
    }

    fn is_installed(&self, _: &ServiceDefinition) -> Result<bool, ServiceError> {
        Ok(false)
    }

    fn installed(&self, _: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        Ok(None)
    }

    fn install(&self, _: &ServiceDefinition) -> Result<(), ServiceError> {
        unreachable!("a check installs nothing")
    }

    fn uninstall(&self, _: &str) -> Result<bool, ServiceError> {
        unreachable!("a check uninstalls nothing")
    }

    fn status(&self, label: &str) -> Result<ServiceStatus, ServiceError> {
        let hangs = self.hangs.lock().expect("the flag");
        drop(self.released.wait_while(hangs, |hangs| *hangs).expect("the flag"));
        let statuses = self.statuses.lock().expect("the statuses");
        statuses.get(label).cloned().ok_or_else(|| ServiceError::NoManager("nobody is there".to_owned()))
    }

    fn next_runs(&self, _: &str, _: Timestamp, _: usize) -> Result<Vec<Timestamp>, ServiceError> {
        Ok(Vec::new())
    }

    fn runs(&self, _: &str) -> Result<Vec<ServiceRun>, ServiceError> {
        Ok(Vec::new())
    }

    fn kick(&self, _: &str) -> Result<(), ServiceError> {
        unreachable!("a check kicks nothing")
    }
}
