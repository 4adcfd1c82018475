//! launchd through `launchctl`: the stand-in, or the real one with `WO_TEST_LAUNCHCTL=real`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use workbridge::clock::SystemClock;
use workbridge::config::Config;
use workbridge::evidence::{ServiceRun, StartedBy};
use workbridge::order::target::Weekday;
use workbridge::schedule::store::{Begin, Store};
use workbridge::services::{self, ManagerKind, ServiceDefinition, ServiceError, ServiceManager, Start};

use crate::support::launchd::is_real;
use crate::support::{Heartbeats, Scene, TestLaunchd, wait_for, wo};

/// A root whose services launchd runs.
struct World {
    scene: Scene,
    launchd: TestLaunchd,
    label: String,
    manager: Arc<dyn ServiceManager>,
}

fn world() -> World {
    let launchd = TestLaunchd::new();
    let scene = Scene::new().config(&launchd.config());
    fs::create_dir_all(scene.path("g/logs")).unwrap();
    let root = scene.root();
    let config = Config::load(&root).unwrap();
    let manager = services::manager(&root, &config, Arc::new(SystemClock)).unwrap();
    World { label: launchd.label(), scene, launchd, manager }
}

impl World {
    /// A job that runs `wo` and ends well.
    fn job(&self) -> ServiceDefinition {
        let root = self.scene.root();
        let words = [wo().display().to_string(), "--root".into(), root.path().display().to_string(), "jobs".into()];
        ServiceDefinition {
            label: self.label.clone(),
            program: words.into(),
            working_directory: root.path().to_owned(),
            environment: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            start: Start::Calendar { at: "02:30".parse().unwrap(), weekday: None },
            run_at_load: true,
            stdout: root.join("g/logs/job.log"),
            stderr: root.join("g/logs/job.log"),
        }
    }

    fn runs(&self) -> Vec<ServiceRun> {
        self.manager.runs(&self.label).unwrap()
    }

    #[track_caller]
    fn ended_runs(&self, n: usize) -> Vec<ServiceRun> {
        wait_for(&format!("{n} ended runs; the log says: {}", self.log()), || {
            self.runs().iter().filter(|run| run.ended.is_some()).count() >= n
        });
        self.runs()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.scene.path("g/logs/job.log")).unwrap_or_default()
    }

    #[track_caller]
    fn wait_idle(&self) {
        wait_for("the end of the run", || self.manager.status(&self.label).unwrap().pid.is_none());
    }
}

fn by(cause: &str) -> StartedBy {
    StartedBy::Manager { cause: cause.to_owned() }
}

#[test]
fn a_service_is_loaded_runs_by_itself_and_is_booted_out() {
    let world = world();
    let manager = &world.manager;
    let job = world.job();
    assert_eq!(manager.kind(), ManagerKind::Launchd);
    assert!(!manager.is_installed(&job).unwrap());
    assert!(!manager.status(&world.label).unwrap().loaded);
    assert_eq!(manager.next_runs(&world.label, jiff::Timestamp::now(), 2).unwrap(), []);
    manager.uninstall(&world.label).unwrap();

    manager.install(&job).unwrap();
    assert!(manager.is_installed(&job).unwrap());
    let file = world.launchd.agents().join(format!("{}.plist", world.label));
    assert_eq!(manager.files(&job), std::slice::from_ref(&file));
    assert_eq!(fs::read(&file).unwrap(), services::plist::render(&job));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(services::lint::lint_file(&file).unwrap(), []);

    let runs = world.ended_runs(1);
    assert_eq!((runs.len(), runs[0].exit, &runs[0].started_by), (1, Some(0), &by("at load")), "{}", world.log());
    world.wait_idle();
    let status = manager.status(&world.label).unwrap();
    assert_eq!((status.loaded, status.last_exit), (true, Some(0)), "{}", status.detail);
    assert!(status.detail.starts_with("launchd: loaded in gui/"), "{}", status.detail);

    let now = jiff::Timestamp::now();
    let next = manager.next_runs(&world.label, now, 2).unwrap();
    let zone = workbridge::schedule::calendar::local_zone();
    assert_eq!(next.len(), 2);
    assert!(next[0] > now && next[1] > next[0]);
    next.iter().for_each(|at| assert_eq!(at.to_zoned(zone.clone()).time(), "02:30".parse().unwrap()));

    // idempotent: nothing is loaded anew, nothing runs again
    manager.install(&job).unwrap();
    assert_eq!(world.runs().len(), 1);

    manager.kick(&world.label).unwrap();
    let runs = world.ended_runs(2);
    assert_eq!(runs[1].started_by, StartedBy::Kicked);
    assert_eq!(runs[0].started_by, by("at load"), "a kick says nothing of earlier runs");

    world.wait_idle();
    manager.uninstall(&world.label).unwrap();
    assert!(!manager.status(&world.label).unwrap().loaded);
    assert!(!manager.is_installed(&job).unwrap());
    assert_eq!(manager.next_runs(&world.label, now, 2).unwrap(), []);
    assert!(matches!(manager.kick(&world.label), Err(ServiceError::Failed { .. })));
    assert!(file.exists(), "files stay");
}

#[test]
fn another_definition_replaces_the_loaded_one() {
    let world = world();
    world.manager.install(&world.job()).unwrap();
    world.ended_runs(1);
    let start = Start::Calendar { at: "03:00".parse().unwrap(), weekday: Some(Weekday::Sunday) };
    let weekly = ServiceDefinition { start, ..world.job() };
    assert!(!world.manager.is_installed(&weekly).unwrap());
    world.manager.install(&weekly).unwrap();
    assert!(world.manager.is_installed(&weekly).unwrap());
    assert!(!world.manager.is_installed(&world.job()).unwrap());
    assert_eq!(world.ended_runs(2)[1].started_by, by("at load"));
    let next = world.manager.next_runs(&world.label, jiff::Timestamp::now(), 2).unwrap();
    assert_eq!(next[1].duration_since(next[0]).as_hours() / 24, 7);
    // a file that changed under a loaded service is not "as defined"
    let file = world.launchd.agents().join(format!("{}.plist", world.label));
    let bytes = fs::read_to_string(&file).unwrap().replace("<integer>3</integer>", "<integer>4</integer>");
    fs::write(&file, bytes).unwrap();
    assert!(!world.manager.is_installed(&weekly).unwrap());
    world.manager.install(&weekly).unwrap();
    assert!(world.manager.is_installed(&weekly).unwrap());
}

#[test]
fn a_shim_that_starts_wo_as_its_child_is_the_managers_run_too() {
    let world = world();
    let job = world.job();
    let shim = world.scene.path("run/shim.sh");
    let words: Vec<String> = job.program.iter().map(|word| format!("'{word}'")).collect();
    world.scene.write("run/shim.sh", format!("#!/bin/sh\n{}\nstatus=$?\nexit $status\n", words.join(" ")));
    fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
    world.manager.install(&ServiceDefinition { program: vec![shim.display().to_string()], ..job }).unwrap();
    let runs = world.ended_runs(1);
    assert_eq!((runs[0].exit, &runs[0].started_by), (Some(0), &by("at load")), "{}", world.log());
}

#[test]
fn a_run_by_hand_never_counts_as_the_managers() {
    let world = world();
    let quiet = ServiceDefinition { run_at_load: false, ..world.job() };
    world.manager.install(&quiet).unwrap();
    let mut command = world.scene.command(["jobs"]);
    // all that a person can set
    command.env("WO_SERVICE", &world.label).env("XPC_SERVICE_NAME", &world.label);
    crate::support::run(command, b"").expect_exit(0);
    let runs = world.runs();
    assert_eq!((runs.len(), &runs[0].started_by, runs[0].exit), (1, &StartedBy::Kicked, Some(0)));
    // without the variable, and with a foreign one, nothing is recorded
    world.scene.wo(["jobs"]).expect_exit(0);
    let mut command = world.scene.command(["jobs"]);
    command.env("WO_SERVICE", "../x");
    crate::support::run(command, b"").expect_exit(0);
    assert_eq!(world.runs().len(), 1);
}

#[test]
fn a_run_that_failed_is_recorded_with_its_exit_status() {
    let world = world();
    let mut job = world.job();
    job.program.extend(["run".into(), "no-such-job".into()]);
    world.manager.install(&job).unwrap();
    assert_eq!(world.ended_runs(1)[0].exit, Some(2), "{}", world.log());
    world.wait_idle();
    assert_eq!(world.manager.status(&world.label).unwrap().last_exit, Some(2));
}

#[test]
fn a_run_whose_end_nobody_saw_has_no_exit_status() {
    let world = world();
    world.manager.install(&ServiceDefinition { run_at_load: false, ..world.job() }).unwrap();
    let started_by = by("at load");
    let begin = Begin {
        label: &world.label,
        manager: ManagerKind::Launchd,
        due: None,
        started_by: &started_by,
        pid: Some(4_000_000),
        next: None,
        kick: None,
        load_run: false,
    };
    let mut store = Store::open(&world.scene.root()).unwrap();
    store.begin(&begin, jiff::Timestamp::now()).unwrap();
    let runs = world.runs();
    assert!(runs[0].ended.is_some() && runs[0].exit.is_none(), "{runs:?}");
}

#[test]
fn what_could_not_start_ends_with_78_and_the_cause_is_found() {
    let world = world();
    let gone = world.scene.path("g/gone/job.log");
    let job = ServiceDefinition { stdout: gone, ..world.job() };
    world.manager.install(&job).unwrap();
    wait_for("the failed start", || world.manager.status(&world.label).unwrap().last_exit == Some(78));
    let listed = world.launchd.launchctl(["list", &world.label]).expect_exit(0);
    if !is_real() {
        let listed = listed.expect_stdout("\"LastExitStatus\" = 19968;");
        assert!(!listed.stdout.contains("\"PID\""), "{listed}");
    }
    let plist = world.launchd.agents().join(format!("{}.plist", world.label));
    let explain = |plist: &Path| {
        let words: [&std::ffi::OsStr; 5] =
            ["services".as_ref(), "explain".as_ref(), "19968".as_ref(), "--plist".as_ref(), plist.as_ref()];
        world.scene.wo(words).expect_exit(0).expect_stdout("78 × 256")
    };
    explain(&plist).expect_stdout("found     StandardOutPath").expect_stdout("hint: mkdir -p");
    fs::create_dir_all(world.scene.path("g/gone")).unwrap();
    explain(&plist).expect_no_stdout("  found  ");
    world.manager.kick(&world.label).unwrap();
    wait_for("a good run", || world.manager.status(&world.label).unwrap().last_exit == Some(0));
    assert_eq!(world.ended_runs(1)[0].started_by, StartedBy::Kicked);
}

#[test]
fn the_commands_answer_from_the_manager() {
    let world = world();
    let job = ServiceDefinition { run_at_load: false, ..world.job() };
    let relative = format!("launchd/{}.plist", world.label);
    world.scene.write(&relative, services::plist::render(&job));
    let label = world.label.as_str();
    world.scene.wo(["services", "lint"]).expect_exit(0).expect_stdout("nothing found");
    world.scene.wo(["services", "status", label]).expect_exit(1).expect_stdout("not loaded");
    world.scene.wo(["services", "install", label, "--dry-run"]).expect_exit(0).expect_stdout("would load");
    assert!(!world.manager.is_installed(&job).unwrap());
    world.scene.wo(["services", "install", label]).expect_exit(0);
    assert!(world.manager.is_installed(&job).unwrap());
    world.scene.wo(["services", "status"]).expect_exit(0).expect_stdout("launchd: loaded");
    let jobs = world.scene.wo(["jobs", "--json"]).expect_exit(0).json();
    assert_eq!(jobs[0]["label"], label);
    assert_eq!(jobs[0]["when"], "02:30 daily");
    assert!(jobs[0]["next"].is_string() && jobs[0]["last"].is_null(), "{jobs}");
    world.scene.wo(["jobs", "run", label]).expect_exit(0).expect_stdout("kicked");
    assert_eq!(world.ended_runs(1)[0].started_by, StartedBy::Kicked);
    world.scene.wo(["jobs"]).expect_exit(0).expect_stdout("(kicked)");
    world.scene.wo(["services", "uninstall", label, "--dry"]).expect_exit(0).expect_stdout("would boot out");
    world.scene.wo(["services", "uninstall", label]).expect_exit(0).expect_stdout("booted out");
    assert!(!world.manager.status(label).unwrap().loaded);
    world.scene.wo(["services", "uninstall", label]).expect_exit(1).expect_stderr("no such service loaded");
    // the daemon itself has no file in launchd/, and is told of all the same
    world
        .scene
        .wo(["services", "install", "--dry-run"])
        .expect_exit(0)
        .expect_stdout("would load com.02luka.workbridge");
    let daemon = ServiceDefinition { label: services::facts::DAEMON.to_owned(), ..job.clone() };
    world.manager.install(&daemon).unwrap();
    let told = world.scene.wo(["services", "status"]).expect_stdout("com.02luka.workbridge: launchd: loaded");
    world.manager.uninstall(services::facts::DAEMON).unwrap();
    drop(told);
    // a definition broken in one place
    let broken = services::plist::render(&job);
    world.scene.write(&relative, String::from_utf8(broken).unwrap().replace("g/logs", "g/none"));
    world.scene.wo(["services", "lint"]).expect_exit(1).expect_stdout("[log-folder-missing]");
    let linted = world.scene.wo(["services", "lint", "--json", &relative]).expect_exit(1).json();
    assert_eq!(linted[0]["findings"][0]["rule"], "log-folder-missing");
    world.scene.wo(["services", "lint", "none.plist"]).expect_exit(2).expect_stderr("none.plist");
}

#[test]
fn without_a_launchctl_nothing_pretends_to_be_launchd() {
    let scene = Scene::new().config("[services]\nmanager = \"launchd\"\nlaunchctl = \"/no/such/launchctl\"\n");
    let manager = |scene: &Scene| {
        let root = scene.root();
        services::manager(&root, &Config::load(&root).unwrap(), Arc::new(SystemClock))
    };
    let status = manager(&scene).and_then(|manager| manager.status("com.02luka.x"));
    assert!(matches!(status, Err(ServiceError::NoManager(_))), "{status:?}");
    assert_eq!(manager(&Scene::new()).unwrap().kind(), ManagerKind::Embedded);
}

// What only the stand-in has: its own refusals, and that it leaves nothing behind.

#[test]
fn the_stand_in_refuses_what_launchd_refuses() {
    if is_real() {
        return;
    }
    let world = world();
    let (launchd, label) = (&world.launchd, world.label.as_str());
    let (domain, file) = (launchd.domain(), launchd.agents().join(format!("{label}.plist")));
    let target = format!("{domain}/{label}");
    let path = file.display().to_string();
    let bootstrap = |domain: &str| launchd.launchctl(["bootstrap", domain, &path]);
    bootstrap(&domain).expect_exit(5).expect_stderr("Bootstrap failed: 5: Input/output error");
    fs::write(&file, "<plist><dict><key>Label</key><string>a && b</string></dict></plist>").unwrap();
    bootstrap(&domain).expect_exit(109).expect_stderr("Invalid property list");
    fs::write(&file, services::plist::render(&world.job())).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    bootstrap(&domain).expect_exit(122).expect_stderr("bad ownership/permissions");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    bootstrap("gui/99999").expect_exit(125);
    bootstrap("system").expect_exit(125);
    launchd.launchctl(["list", label]).expect_exit(113).expect_stderr("Could not find service");
    launchd.launchctl(["bootout", &target]).expect_exit(3).expect_stderr("No such process");
    launchd.launchctl(["kickstart", "-k", &target]).expect_exit(113);
    launchd.launchctl(["disable", &target]).expect_exit(0);
    bootstrap(&domain).expect_exit(119);
    launchd.launchctl(["enable", &target]).expect_exit(0);
    bootstrap(&domain).expect_exit(0);
    bootstrap(&domain).expect_exit(37);
    launchd.launchctl(["list"]).expect_exit(0).expect_stdout("PID\tStatus\tLabel").expect_stdout(label);
    launchd.launchctl(["print", &target]).expect_exit(0);
    launchd.launchctl(["bootout", &target]).expect_exit(0);
    launchd.launchctl(["load", "-w", &path]).expect_exit(0);
    launchd.launchctl(["list", label]).expect_exit(0);
    launchd.launchctl(["unload", &path]).expect_exit(0);
    launchd.launchctl(["list", label]).expect_exit(113);
}

#[test]
fn the_stand_in_fires_keeps_alive_and_leaves_nothing_behind() {
    if is_real() {
        return;
    }
    let world = world();
    let (launchd, label) = (&world.launchd, world.label.as_str());
    world.manager.install(&ServiceDefinition { run_at_load: false, ..world.job() }).unwrap();
    assert_eq!(world.runs(), []);
    launchd.launchctl(["tick", label]).expect_exit(0);
    let started_by = world.ended_runs(1)[0].started_by.clone();
    assert!(matches!(&started_by, StartedBy::Manager { cause } if cause != "at load"), "{started_by:?}");
    world.wait_idle();

    let alive = ServiceDefinition {
        program: vec!["/bin/sh".into(), "-c".into(), "echo $$ >> pids; exec sleep 1000".into()],
        start: Start::KeepAlive,
        ..world.job()
    };
    world.manager.install(&alive).unwrap();
    let pids = || -> Vec<i32> {
        let text = fs::read_to_string(world.scene.path("pids")).unwrap_or_default();
        text.lines().map(|line| line.parse().unwrap()).collect()
    };
    wait_for("its process", || pids().len() == 1);
    let first = rustix::process::Pid::from_raw(pids()[0]).unwrap();
    rustix::process::kill_process(first, rustix::process::Signal::KILL).unwrap();
    wait_for("the next one", || pids().len() == 2);
    wait_for("its pid", || world.manager.status(label).unwrap().pid == Some(pids()[1] as u32));
    assert_eq!(world.manager.status(label).unwrap().last_exit, Some(-9));
    world.manager.kick(label).unwrap();
    wait_for("the kicked one", || pids().len() == 3);
    assert_eq!(world.manager.status(label).unwrap().last_exit, Some(-15));
    let supervisor = |label: &str| -> i32 {
        let bytes = fs::read(launchd.state().join(format!("{label}.service"))).unwrap();
        serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()["supervisor"].as_i64().unwrap() as i32
    };
    let supervisors = supervisor(label);
    world.manager.uninstall(label).unwrap();
    gone(pids()[2]);
    gone(supervisors);
    // its state taken away, a supervisor ends its job and itself
    world.manager.install(&alive).unwrap();
    wait_for("its process", || pids().len() == 4);
    let supervisors = supervisor(label);
    // in one go: a supervisor that looks meanwhile would put its lock back
    fs::rename(launchd.state(), launchd.state().with_extension("gone")).unwrap();
    gone(pids()[3]);
    gone(supervisors);
}

#[track_caller]
fn gone(pid: i32) {
    let id = rustix::process::Pid::from_raw(pid).unwrap();
    wait_for("the end of a process", || {
        // a container without an init keeps zombies
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        rustix::process::test_kill_process(id).is_err() || stat.contains(") Z ")
    });
}

/// The label that the sample order deploys; unlike the other tests' it is the field's own, so the real launchd of a machine
/// that uses it is left alone.
#[test]
fn the_parquet_exporter_is_deployed_under_launchd_and_measured_there() {
    if is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = Scene::new().config(&launchd.config()).heartbeats(Heartbeats::days(2).ending(jiff::Timestamp::now()));
    scene.wo(["init"]).expect_exit(0);
    scene.wo(["submit", "examples/WO-251029-PARQUET-EXPORTER.md"]).expect_exit(0);
    scene.wo(["run"]).expect_exit(0);
    let result = scene.result("WO-251029-PARQUET-EXPORTER");
    assert_eq!(result["outcome"], "done", "{result:#}");
    let report = scene.outbox("_PHASE7_8_VERIFICATION.md");
    let row = |name: &str| {
        let line = report.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap_or_default();
        assert!(line.contains("✅ PASS") && line.contains("launchd"), "{line}");
    };
    row("Export frequency");
    row("LaunchAgent");
    let label = "com.02luka.analytics.parquet";
    launchd.launchctl(["list", label]).expect_exit(0).expect_stdout("\"LastExitStatus\" = 0;");
    // what is checked in is what is installed
    let installed = fs::read(launchd.agents().join(format!("{label}.plist"))).unwrap();
    assert_eq!(fs::read(scene.path(format!("launchd/{label}.plist"))).unwrap(), installed);
    // booted out, and nothing else changed: the very criteria that need it fail
    launchd.launchctl(["bootout", &format!("{}/{label}", launchd.domain())]).expect_exit(0);
    scene.wo(["verify", "parquet"]).expect_exit(1).expect_stdout("not loaded");
}
