//! The runs themselves: none overlaps, each ends as it should, and what is cut off or outlives its `wo up` is accounted for.

use std::path::Path;

use workbridge::bridge::lock::Role;
use workbridge::clock::Clock;
use workbridge::evidence::StartedBy;
use workbridge::schedule::store::{Begin, Store};
use workbridge::schedule::{self, ScheduleConfig, Scheduler};
use workbridge::services::{ManagerKind, ServiceDefinition, ServiceError, ServiceManager, Start};

use super::{LABEL, at, by, text, wait_for, world};

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
