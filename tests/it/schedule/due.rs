//! When a job runs, and why: at its time, at load, made up, kicked; what is registered meanwhile and who answers for it.

use std::sync::Arc;
use std::time::Duration;

use workbridge::bridge::lock::{self, Role};
use workbridge::clock::{Clock, SystemClock};
use workbridge::evidence::{Made, ServiceRun, StartedBy};
use workbridge::schedule::store::Store;
use workbridge::schedule::{self, ScheduleConfig, Scheduler};
use workbridge::services::{Embedded, ServiceDefinition, ServiceError, ServiceManager, Start};

use super::{LABEL, at, by, text, wait_for, world};

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
    assert_eq!(
        runs,
        [ServiceRun {
            started,
            ended: Some(started),
            exit: Some(3),
            started_by: by("02:30 daily"),
            made: Made::Unsaid
        }]
    );
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
fn a_clock_that_is_set_back_holds_no_job_up_and_runs_none_twice() {
    let cases = [
        (
            Start::Calendar { at: "02:30".parse().unwrap(), weekday: None },
            "02:30 daily",
            "2026-11-27T19:29:00Z",
            "2026-11-27T19:30:00Z",
            "2026-11-28T19:30:00Z",
        ),
        (
            Start::Interval { every_s: 3600 },
            "every 1 h",
            "2026-11-27T18:30:00Z",
            "2026-11-27T19:30:00Z",
            "2026-11-27T20:30:00Z",
        ),
    ];
    for (start, cause, back, due, then) in cases {
        // as with a dead battery: weeks ahead, until the time is fetched
        let world = world("2027-01-10T12:00:00Z");
        let _up = world.up();
        world.manager().install(&ServiceDefinition { start, ..world.job("exit 0") }).unwrap();
        let is_next = |expected: &str| {
            let store = Store::open(&world.root).unwrap();
            let next = || store.registration(LABEL).unwrap().and_then(|registration| registration.next);
            wait_for(expected, || (next() == Some(at(expected))).then_some(()));
        };
        world.set(back);
        is_next(due);
        world.set(due);
        assert_eq!(world.ended_runs(1)[0].started_by, by(cause));
        is_next(then);
        // a few seconds, as clocks are corrected every day
        world.clock.set(at(due) - Duration::from_secs(5));
        schedule::poke();
        world.settled();
        world.set(due);
        world.settled();
        assert_eq!(world.runs().len(), 1, "{cause}");
    }
}

#[test]
fn on_the_real_clock_an_interval_fires() {
    let world = world("2026-03-01T00:00:00Z");
    let clock = Arc::new(SystemClock);
    let _lock = lock::acquire(&world.root, &[], Role::Daemon, clock.now()).unwrap();
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
