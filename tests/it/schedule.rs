//! The embedded schedule, end to end: a real scheduler thread, real jobs, a clock that the test sets.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::Scene;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use workbridge::bridge::lock::{self, Lock, Role};
use workbridge::clock::{Clock, FixedClock, SystemClock};
use workbridge::evidence::{ServiceRun, StartedBy};
use workbridge::root::Root;
use workbridge::schedule::store::{Begin, Store};
use workbridge::schedule::{self, ScheduleConfig, Scheduler};
use workbridge::services::{Embedded, ManagerKind, ServiceDefinition, ServiceError, ServiceManager, Start};

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
        wait_for("the lock", || lock::acquire(&self.root, role, self.clock.now()).ok())
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

#[test]
fn without_a_live_wo_up_nothing_answers_and_the_registration_waits() {
    let world = world("2026-03-01T00:00:00Z");
    let manager = world.manager();
    let job = world.job("echo ran");
    let no_manager = |result: Result<(), ServiceError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, ServiceError::NoManager(_)), "{error}");
    };
    no_manager(manager.status(LABEL).map(drop));
    assert!(!world.path("bridge/state").exists(), "asking made files");
    no_manager(manager.install(&job));
    no_manager(manager.status(LABEL).map(drop));
    no_manager(manager.is_installed(&job).map(drop));
    no_manager(manager.next_runs(LABEL, world.clock.now(), 2).map(drop));
    no_manager(manager.runs(LABEL).map(drop));
    no_manager(manager.kick(LABEL));
    // `wo run` holds the bridge, and still nothing runs the schedule
    {
        let _lock = world.lock(Role::Run);
        no_manager(manager.status(LABEL).map(drop));
        assert!(Scheduler::start(&world.root, &ScheduleConfig::default(), world.clock()).is_err());
    }
    // a daemon whose schedule is not running does not pass either
    {
        let _lock = world.lock(Role::Daemon);
        no_manager(manager.status(LABEL).map(drop));
    }
    let up = world.up();
    assert!(manager.is_installed(&job).unwrap());
    let status = manager.status(LABEL).unwrap();
    assert!(status.loaded);
    assert_eq!(status.detail, format!("embedded in wo up, pid {}, since 2026-03-01T00:00:00Z", std::process::id()));
    assert_eq!(
        manager.next_runs(LABEL, world.clock.now(), 2).unwrap(),
        [at("2026-03-01T19:30:00Z"), at("2026-03-02T19:30:00Z")]
    );
    up.scheduler.stop().unwrap();
    no_manager(manager.status(LABEL).map(drop));
}

#[test]
fn a_due_job_runs_once_with_its_environment_and_logs() {
    let world = world("2026-03-01T00:00:00Z");
    let _up = world.up();
    let manager = world.manager();
    manager.install(&world.job("pwd; echo \"$WO_TEST $WO_SERVICE $PATH\"; cat; echo oops >&2; exit 3")).unwrap();
    world.set("2026-03-01T19:29:59Z");
    world.settled();
    assert_eq!(world.runs(), []);
    world.set("2026-03-01T19:30:00Z");
    let runs = world.ended_runs(1);
    let started = at("2026-03-01T19:30:00Z");
    assert_eq!(runs, [ServiceRun { started, ended: Some(started), exit: Some(3), started_by: by("02:30 daily") }]);
    assert_eq!(manager.runs(LABEL).unwrap(), runs);
    assert_eq!(
        text(&world.path("g/logs/parquet_exporter.log")),
        format!("{}\nค่า value {LABEL} /usr/bin:/bin:/usr/sbin:/sbin\noops\n", world.root.path().display())
    );
    let status = manager.status(LABEL).unwrap();
    assert_eq!((status.pid, status.last_exit), (None, Some(3)));
    world.settled();
    assert_eq!(world.runs().len(), 1);
    assert_eq!(
        manager.next_runs(LABEL, world.clock.now(), 2).unwrap(),
        [at("2026-03-02T19:30:00Z"), at("2026-03-03T19:30:00Z")]
    );
    // the same definition again changes nothing; another replaces it
    manager.install(&world.job("exit 0")).unwrap();
    world.set("2026-03-02T19:30:30Z");
    assert_eq!(world.ended_runs(2).last().unwrap().exit, Some(0));
    let view = schedule::overview(&world.root).unwrap().into_iter().find(|view| view.label == LABEL).unwrap();
    assert_eq!((view.when.as_str(), view.next), ("02:30 daily", Some(at("2026-03-03T19:30:00Z"))));
    assert_eq!(view.zone.as_deref(), Some("Asia/Bangkok"));
    assert!(!view.running && view.held_by.is_some());
    assert_eq!(view.last, world.runs().pop());
}

#[test]
fn the_run_at_load_is_the_managers_and_happens_once() {
    let world = world("2026-03-01T00:00:00Z");
    let up = world.up();
    let manager = world.manager();
    let job = ServiceDefinition { run_at_load: true, ..world.job("exit 0") };
    manager.install(&job).unwrap();
    assert_eq!(world.ended_runs(1)[0].started_by, by("at load"));
    manager.install(&job).unwrap();
    manager.kick(LABEL).unwrap();
    assert_eq!(world.ended_runs(2)[1].started_by, StartedBy::Kicked);
    drop(up);
    let _up = world.up();
    world.settled();
    assert_eq!(world.runs().len(), 2, "a new `wo up` is no new registration");
    // taken away and deployed again, it is
    manager.uninstall(LABEL).unwrap();
    world.settled();
    assert!(!manager.status(LABEL).unwrap().loaded);
    assert_eq!(manager.next_runs(LABEL, world.clock.now(), 2).unwrap(), []);
    assert!(matches!(manager.kick(LABEL), Err(ServiceError::Failed { .. })));
    manager.uninstall(LABEL).unwrap();
    manager.install(&job).unwrap();
    assert_eq!(world.ended_runs(3)[2].started_by, by("at load"));
}

#[test]
fn runs_missed_while_down_are_made_up_once() {
    let world = world("2026-03-01T00:00:00Z");
    let manager = world.manager();
    let up = world.up();
    manager.install(&world.job("exit 0")).unwrap();
    drop(up);
    world.set("2026-03-05T00:00:00Z");
    let _up = world.up();
    let runs = world.ended_runs(1);
    assert_eq!(runs[0].started_by, by("made up after being down"));
    world.settled();
    assert_eq!(world.runs().len(), 1, "four were missed, one is made up");
    assert_eq!(manager.next_runs(LABEL, world.clock.now(), 1).unwrap(), [at("2026-03-05T19:30:00Z")]);
    // asleep over the next one
    world.set("2026-03-06T03:00:00Z");
    assert_eq!(world.ended_runs(2)[1].started_by, by("made up after sleep"));
    assert_eq!(manager.next_runs(LABEL, world.clock.now(), 1).unwrap(), [at("2026-03-06T19:30:00Z")]);
}

#[test]
fn a_run_cut_off_with_its_daemon_is_made_up_once_and_its_end_is_not_invented() {
    let world = world("2026-03-01T00:00:00Z");
    let manager = world.manager();
    drop({
        let up = world.up();
        manager.install(&world.job("exit 0")).unwrap();
        up
    });
    // what a `wo up` that was killed leaves: two runs in the store, one never begun
    let due = at("2026-03-01T19:30:00Z");
    let begin = |cause: &str, pid| {
        let mut store = Store::open(&world.root).unwrap();
        let started_by = by(cause);
        let begin = Begin {
            label: LABEL,
            manager: ManagerKind::Embedded,
            due: Some(due),
            started_by: &started_by,
            pid,
            next: Some(at("2026-03-02T19:30:00Z")),
            kick: None,
            load_run: false,
        };
        store.begin(&begin, due).unwrap();
    };
    begin("02:30 daily", Some(4_000_000));
    world.set("2026-03-01T20:00:00Z");
    let up = world.up();
    let runs = world.ended_runs(2);
    assert_eq!((runs[0].ended, runs[0].exit), (Some(at("2026-03-01T20:00:00Z")), None));
    assert_eq!(runs[1].started_by, by("made up after being down"));
    drop(up);
    // the made-up one is cut off too: enough
    begin("made up after being down", Some(4_000_000));
    let up = world.up();
    world.settled();
    assert_eq!(world.runs().len(), 3);
    drop(up);
    // but one that never had a process did not happen
    begin("made up after being down", None);
    let _up = world.up();
    assert_eq!(world.ended_runs(5).len(), 5);
}

#[test]
fn two_runs_never_overlap() {
    let world = world("2026-03-01T00:00:00Z");
    let up = world.up();
    let manager = world.manager();
    let script = "mkdir busy || { echo overlap; exit 9; }; echo begun >> begun; until [ -e go ]; do sleep 0.05; done; rmdir busy";
    manager.install(&world.job(script)).unwrap();
    let begun = |n: usize| wait_for("the job", || (text(&world.path("begun")).lines().count() == n).then_some(()));
    world.set("2026-03-01T19:30:00Z");
    begun(1);
    wait_for("its pid", || manager.status(LABEL).unwrap().pid);
    manager.kick(LABEL).unwrap();
    world.set("2026-03-02T19:30:00Z");
    world.settled();
    assert_eq!(world.runs().len(), 1);
    std::fs::write(world.path("go"), "").unwrap();
    let runs = world.ended_runs(3);
    let causes: Vec<StartedBy> = runs.iter().map(|run| run.started_by.clone()).collect();
    assert_eq!(causes, [by("02:30 daily"), by("02:30 daily"), StartedBy::Kicked]);
    assert!(runs.iter().all(|run| run.exit == Some(0)), "{runs:?}");
    // one that outlives its `wo up` still keeps the next one waiting
    std::fs::remove_file(world.path("go")).unwrap();
    drop(up);
    let lock = schedule::child::lock(&world.root, LABEL).unwrap().unwrap();
    let mut orphan = schedule::child::spawn(&world.job(script), &lock, 0).unwrap();
    drop(lock);
    begun(4);
    world.set("2026-03-03T19:30:00Z");
    let _up = world.up();
    world.settled();
    assert_eq!(world.runs().len(), 3);
    std::fs::write(world.path("go"), "").unwrap();
    assert!(orphan.wait().unwrap().success());
    assert_eq!(world.ended_runs(4)[3].exit, Some(0));
}

#[test]
fn a_job_that_can_not_start_says_why() {
    let world = world("2026-03-01T00:00:00Z");
    let _up = world.up();
    let manager = world.manager();
    let good = world.job("exit 0");
    let broken: [(&str, ServiceDefinition); 4] = [
        ("failed to open the log", ServiceDefinition { stdout: world.path("g/none/x.log"), ..good.clone() }),
        ("failed to enter", ServiceDefinition { working_directory: world.path("gone"), ..good.clone() }),
        ("failed to start", ServiceDefinition { program: vec!["/no/such/program".to_owned()], ..good.clone() }),
        (
            "failed to start",
            ServiceDefinition { program: vec![world.path("bridge").display().to_string()], ..good.clone() },
        ),
    ];
    for (n, (why, definition)) in broken.iter().enumerate() {
        manager.install(definition).unwrap();
        manager.kick(LABEL).unwrap();
        assert_eq!(world.ended_runs(n + 1)[n].exit, Some(78));
        assert!(world.note().starts_with(why), "{}", world.note());
    }
    manager.install(&good).unwrap();
    manager.kick(LABEL).unwrap();
    assert_eq!(world.ended_runs(5)[4].exit, Some(0));
    for bad in [
        ServiceDefinition { label: "../x".to_owned(), ..good.clone() },
        ServiceDefinition { program: vec!["sh".to_owned()], ..good.clone() },
        ServiceDefinition { program: vec![], ..good.clone() },
        ServiceDefinition { start: Start::Interval { every_s: 0 }, ..good.clone() },
    ] {
        assert!(matches!(manager.install(&bad), Err(ServiceError::Failed { .. })), "{bad:?}");
    }
}

#[test]
fn stopping_ends_the_whole_group_and_records_it() {
    let world = world("2026-03-01T00:00:00Z");
    let up = world.up();
    let manager = world.manager();
    manager.install(&world.job("sleep 1000 & echo $! > child; wait")).unwrap();
    manager.kick(LABEL).unwrap();
    let child = wait_for("the child", || text(&world.path("child")).trim().parse::<i32>().ok());
    up.scheduler.stop().unwrap();
    assert_eq!(world.runs()[0].exit, Some(-15));
    assert_eq!(world.note(), "ended with the `wo up` that ran it");
    assert!(!schedule::overview(&world.root).unwrap()[0].running);
    let child = rustix::process::Pid::from_raw(child).unwrap();
    wait_for("the end of the child", || {
        let gone = rustix::process::test_kill_process(child).is_err();
        // a container without an init leaves zombies
        let stat = text(Path::new(&format!("/proc/{}/stat", child.as_raw_nonzero())));
        (gone || stat.contains(") Z ")).then_some(())
    });
}

#[test]
fn a_run_that_ended_with_its_wo_up_is_owed_once_more() {
    let world = world("2026-03-01T00:00:00Z");
    let up = world.up();
    let manager = world.manager();
    let script = "echo begun >> begun; [ -e go ] || exec sleep 1000";
    manager.install(&ServiceDefinition { run_at_load: true, ..world.job(script) }).unwrap();
    let begun = |n: usize| wait_for("the job", || (text(&world.path("begun")).lines().count() == n).then_some(()));
    begun(1);
    drop(up);
    // the run at load, then one that was due
    let up = world.up();
    begun(2);
    std::fs::write(world.path("go"), "").unwrap();
    drop(up);
    let up = world.up();
    let runs = world.ended_runs(3);
    let ends: Vec<_> = runs.iter().map(|run| (run.started_by.clone(), run.exit)).collect();
    assert_eq!(ends, [(by("at load"), Some(-15)), (by("at load"), Some(-15)), (by("at load"), Some(0))]);
    std::fs::remove_file(world.path("go")).unwrap();
    world.set("2026-03-01T19:30:00Z");
    begun(4);
    drop(up);
    let up = world.up();
    begun(5);
    drop(up);
    let _up = world.up();
    world.settled();
    let causes: Vec<_> = world.runs().into_iter().skip(3).map(|run| run.started_by).collect();
    assert_eq!(causes, [by("02:30 daily"), by("made up after being down")], "made up once, and not again");
}

#[test]
fn a_kept_alive_service_that_outlived_its_wo_up_starts_again_under_the_next() {
    let world = world("2026-03-01T00:00:00Z");
    let manager = world.manager();
    let job = ServiceDefinition { start: Start::KeepAlive, ..world.job("echo $$ >> begun; exec sleep 1000") };
    drop({
        let up = world.up();
        manager.install(&job).unwrap();
        wait_for("the job", || manager.status(LABEL).unwrap().pid);
        up
    });
    // as after a SIGKILL: the process lives, its run is open
    let lock = schedule::child::lock(&world.root, LABEL).unwrap().unwrap();
    let mut orphan = schedule::child::spawn(&job, &lock, 0).unwrap();
    drop(lock);
    let begin = Begin {
        label: LABEL,
        manager: ManagerKind::Embedded,
        due: None,
        started_by: &by("kept alive"),
        pid: Some(orphan.id()),
        next: None,
        kick: None,
        load_run: false,
    };
    Store::open(&world.root).unwrap().begin(&begin, world.clock.now()).unwrap();
    let _up = world.up();
    assert!(!orphan.wait().unwrap().success(), "it was ended");
    let pid = wait_for("a new one", || manager.status(LABEL).unwrap().pid.filter(|pid| *pid != orphan.id()));
    wait_for("its first line", || text(&world.path("begun")).lines().any(|line| line == pid.to_string()).then_some(()));
}

#[test]
fn a_run_ends_at_its_deadline() {
    let world = world("2026-03-01T00:00:00Z");
    let _lock = world.lock(Role::Daemon);
    let config = ScheduleConfig { poll_ms: 50, job_deadline_s: 0, stop_grace_s: 0, ..ScheduleConfig::default() };
    let _scheduler = Scheduler::start(&world.root, &config, world.clock()).unwrap();
    world.manager().install(&world.job("trap '' TERM; while :; do sleep 1; done")).unwrap();
    world.manager().kick(LABEL).unwrap();
    assert!(matches!(world.ended_runs(1)[0].exit, Some(-9 | -15)));
    assert!(world.note().starts_with("ended at its deadline"), "{}", world.note());
}

#[test]
fn a_service_that_is_kept_alive_starts_again_until_it_is_booted_out() {
    let world = world("2026-03-01T00:00:00Z");
    let _up = world.up();
    let manager = world.manager();
    let kept_alive = |script: &str| ServiceDefinition { start: Start::KeepAlive, ..world.job(script) };
    let job = ServiceDefinition { run_at_load: true, ..kept_alive("exit 0") };
    manager.install(&job).unwrap();
    let runs = world.ended_runs(3);
    assert_eq!(runs[0].started_by, by("at load"));
    assert_eq!(runs[1].started_by, by("kept alive: started again"));
    assert_eq!(manager.next_runs(LABEL, world.clock.now(), 2).unwrap(), []);
    manager
        .install(&ServiceDefinition { run_at_load: true, ..kept_alive("echo new >> new; exec sleep 1000") })
        .unwrap();
    wait_for("the new one", || world.path("new").exists().then_some(()));
    manager.uninstall(LABEL).unwrap();
    let last = wait_for("its end", || world.runs().pop().filter(|run| run.ended.is_some()));
    assert_eq!(last.exit, Some(-15));
}

#[test]
fn local_times_are_right_across_daylight_saving() {
    for (zone, before, due, next) in [
        ("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"),
        ("Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        ("America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"),
        ("Asia/Bangkok", "2026-03-07T12:00:00Z", "2026-03-07T19:30:00Z", "2026-03-08T19:30:00Z"),
    ] {
        let world = world(before);
        let _up = world.up_in(zone);
        let manager = world.manager();
        manager.install(&world.job("exit 0")).unwrap();
        assert_eq!(manager.next_runs(LABEL, at(before), 2).unwrap(), [at(due), at(next)], "{zone}");
        world.set(due);
        assert_eq!(world.ended_runs(1)[0].started_by, by("02:30 daily"), "{zone}");
        // the second 02:30 of the night in which the clocks go back
        world.clock.set(at(due) + Duration::from_secs(3600));
        schedule::poke();
        world.settled();
        assert_eq!(world.runs().len(), 1, "{zone}");
        assert_eq!(manager.next_runs(LABEL, world.clock.now(), 1).unwrap(), [at(next)], "{zone}");
    }
}

#[test]
fn on_the_real_clock_an_interval_fires() {
    let world = world("2026-03-01T00:00:00Z");
    let clock = Arc::new(SystemClock);
    let _lock = lock::acquire(&world.root, Role::Daemon, clock.now()).unwrap();
    let _scheduler = Scheduler::start(&world.root, &ScheduleConfig::default(), clock.clone()).unwrap();
    let manager = Embedded::new(&world.root, clock);
    manager.install(&ServiceDefinition { start: Start::Interval { every_s: 1 }, ..world.job("exit 0") }).unwrap();
    assert!(world.ended_runs(2).iter().all(|run| run.started_by == by("every 1 s") && run.exit == Some(0)));
}

#[test]
fn state_that_can_not_be_read_is_an_error_and_is_kept() {
    let world = world("2026-03-01T00:00:00Z");
    drop(world.up());
    let path = workbridge::schedule::store::path(&world.root);
    let bytes = vec![7; 8192];
    std::fs::write(&path, &bytes).unwrap();
    let _lock = world.lock(Role::Daemon);
    let start = || Scheduler::start(&world.root, &ScheduleConfig::default(), world.clock());
    let error = start().err().unwrap().to_string();
    assert!(error.contains("schedule.db") && error.contains("hint:"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    std::fs::remove_file(&path).unwrap();
    assert!(start().is_ok());
}

// With the real `wo up`.

/// A root with one job that a person defined in `launchd/`.
fn scene(script: &str) -> Scene {
    let scene =
        Scene::new().config("[schedule]\npoll_ms = 100\n\n[monitor]\nenabled = false\n\n[web]\nenabled = false\n");
    std::fs::create_dir_all(scene.path("g/logs")).unwrap();
    let definition = ServiceDefinition {
        label: LABEL.to_owned(),
        program: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()],
        working_directory: scene.root().path().to_owned(),
        environment: Default::default(),
        start: Start::Calendar { at: "02:30".parse().unwrap(), weekday: None },
        run_at_load: true,
        stdout: scene.path("g/logs/job.log"),
        stderr: scene.path("g/logs/job.log"),
    };
    let bytes = workbridge::services::plist::render(&definition);
    scene.file(format!("launchd/{LABEL}.plist"), bytes)
}

#[test]
fn wo_up_runs_the_schedule_and_says_so() {
    let scene = scene("[ -e fail ] && exit 7; exit 0");
    scene.wo(["jobs"]).expect_exit(0).expect_stdout("no jobs");
    scene.wo(["services", "install", LABEL]).expect_exit(2).expect_stderr("no service manager answers");
    // registered, and nobody runs it
    scene.wo(["jobs"]).expect_exit(0).expect_stdout("nobody").expect_stdout("none: nothing runs the schedule");
    scene.wo(["services", "status"]).expect_exit(1).expect_stdout("not known");
    scene.wo(["jobs", "run", "parquet"]).expect_exit(0).expect_stdout("ok");
    std::fs::write(scene.path("fail"), "").unwrap();
    scene.wo(["jobs", "run", "parquet"]).expect_exit(1).expect_stdout("ended with 7");
    std::fs::remove_file(scene.path("fail")).unwrap();

    let up = scene.up();
    let held = format!("wo up, pid {}, since ", up.pid());
    let job = || scene.wo(["jobs", "--json"]).expect_exit(0).json()[0].clone();
    wait_for("the run at load", || {
        let last = &job()["last"];
        (last["started_by"]["manager"]["cause"] == "at load" && last["exit"] == 0).then_some(())
    });
    assert!(job()["held_by"].as_str().unwrap().starts_with(&held), "{}", job());
    assert!(job()["next"].is_string(), "{}", job());
    scene.wo(["services", "install", LABEL]).expect_exit(0).expect_stdout("loaded");
    scene.wo(["services", "status", LABEL]).expect_exit(0).expect_stdout(&format!("embedded in {held}"));
    scene.wo(["jobs", "run", LABEL]).expect_exit(0).expect_stdout("ok");
    assert_eq!(job()["last"]["started_by"], "kicked");
    std::fs::write(scene.path("fail"), "").unwrap();
    scene.wo(["jobs", "run", LABEL]).expect_exit(1).expect_stdout("ended with 7");
    scene.wo(["jobs", "run", "none"]).expect_exit(2).expect_stderr(LABEL);
    up.stop().expect_exit(0);
    scene.wo(["jobs"]).expect_exit(0).expect_stdout("nobody");
    scene.wo(["services", "status"]).expect_exit(1).expect_stdout("not known");
}

#[test]
fn a_job_that_outlives_a_killed_wo_up_is_never_started_twice() {
    let script =
        "mkdir busy || { echo >> overlap; exit 9; }; echo >> begun; until [ -e go ]; do sleep 0.05; done; rmdir busy";
    let scene = scene(script);
    let up = scene.up();
    // loaded once the schedule of this `wo up` answers
    wait_for("the schedule", || (scene.wo(["services", "install", LABEL]).status.code() == Some(0)).then_some(()));
    let begun = |n: usize| wait_for("the job", || (text(&scene.path("begun")).lines().count() == n).then_some(()));
    begun(1);
    up.kill();
    let _up = scene.up();
    let loaded = || scene.wo(["services", "status", LABEL]).status.code() == Some(0);
    wait_for("the new schedule", || loaded().then_some(()));
    scene.wo(["jobs", "run", LABEL, "--no-wait"]).expect_exit(0);
    // it waits for the old one
    scene.wo(["services", "status", LABEL]).expect_exit(0);
    assert_eq!(text(&scene.path("begun")).lines().count(), 1);
    std::fs::write(scene.path("go"), "").unwrap();
    // nobody saw how the run at load ended, so it is owed again; then comes the kicked one
    begun(3);
    let job = || scene.wo(["jobs", "--json"]).expect_exit(0).json()[0].clone();
    wait_for("the end of the kicked run", || {
        (job()["last"]["started_by"] == "kicked" && job()["last"]["exit"] == 0).then_some(())
    });
    assert!(!scene.exists("overlap"));
}
