//! The embedded schedule, end to end: a real scheduler thread, real jobs, a clock that the test sets.

mod due;
mod running;
mod up;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use workbridge::bridge::lock::{self, Lock, Role};
use workbridge::clock::{Clock, FixedClock};
use workbridge::evidence::{ServiceRun, StartedBy};
use workbridge::root::Root;
use workbridge::schedule::store::Store;
use workbridge::schedule::{self, ScheduleConfig, Scheduler};
use workbridge::services::{Embedded, ManagerKind, ServiceDefinition, ServiceManager, Start};

const LABEL: &str = "com.02luka.analytics.parquet";

/// A root whose jobs are shell scripts, and the `wo up` that this process plays.
struct World {
    _dir: tempfile::TempDir,
    root: Root,
    clock: Arc<FixedClock>,
}

struct Up {
    // the scheduler ends before the lock goes
    scheduler: Scheduler,
    _lock: Lock,
}

fn world(now: &str) -> World {
    let dir = tempfile::Builder::new().prefix("wo schedule ตาราง ").tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("bridge")).unwrap();
    std::fs::create_dir_all(dir.path().join("g/logs")).unwrap();
    let root = Root::at(dir.path()).unwrap();
    World { _dir: dir, root, clock: Arc::new(FixedClock::at(now.parse().unwrap())) }
}

impl World {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn manager(&self) -> Embedded {
        Embedded::new(&self.root, self.clock())
    }

    /// A process that another test is just starting may hold a copy of an old lock until it executes its program.
    fn lock(&self, role: Role) -> Lock {
        wait_for("the lock", || lock::acquire(&self.root, &[], role, self.clock.now()).ok())
    }

    fn up_in(&self, zone: &str) -> Up {
        let lock = self.lock(Role::Daemon);
        let config = ScheduleConfig { poll_ms: 50, throttle_s: 0, stop_grace_s: 20, ..ScheduleConfig::default() };
        let zone = TimeZone::get(zone).unwrap();
        let scheduler = Scheduler::start_in(&self.root, &config, self.clock(), Some(zone)).unwrap();
        Up { scheduler, _lock: lock }
    }

    fn up(&self) -> Up {
        self.up_in("Asia/Bangkok")
    }

    fn set(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
        schedule::poke();
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A job that runs `script` in the root.
    fn job(&self, script: &str) -> ServiceDefinition {
        ServiceDefinition {
            label: LABEL.to_owned(),
            program: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()],
            working_directory: self.root.path().to_owned(),
            environment: [("WO_TEST".to_owned(), "ค่า value".to_owned())].into(),
            start: Start::Calendar { at: "02:30".parse().unwrap(), weekday: None },
            run_at_load: false,
            stdout: self.path("g/logs/parquet_exporter.log"),
            stderr: self.path("g/logs/parquet_exporter.log"),
        }
    }

    fn runs(&self) -> Vec<ServiceRun> {
        let store = Store::open(&self.root).unwrap();
        store.runs(LABEL, ManagerKind::Embedded, 100).unwrap().into_iter().map(ServiceRun::from).collect()
    }

    fn ended_runs(&self, n: usize) -> Vec<ServiceRun> {
        wait_for(&format!("{n} ended runs"), || {
            let runs = self.runs();
            (runs.iter().filter(|run| run.ended.is_some()).count() >= n).then_some(runs)
        })
    }

    fn note(&self) -> String {
        let store = Store::open(&self.root).unwrap();
        store.runs(LABEL, ManagerKind::Embedded, 1).unwrap().pop().and_then(|run| run.note).unwrap_or_default()
    }

    /// Waits until the scheduler has looked since now.
    fn settled(&self) {
        let mut probe = self.job("exit 0");
        probe.label = "probe".to_owned();
        probe.start = Start::Interval { every_s: u64::from(u32::MAX) };
        probe.environment = [("AT".to_owned(), format!("{:?}", Instant::now()))].into();
        self.manager().install(&probe).unwrap();
    }
}

#[track_caller]
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(120), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn by(cause: &str) -> StartedBy {
    StartedBy::Manager { cause: cause.to_owned() }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
