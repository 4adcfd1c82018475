//! Single cycles and the loop, as processes: reports, due times, gaps.

use std::time::{Duration, Instant};

use serde_json::Value;
use workbridge::monitor::heartbeat;

use crate::support::{Scene, wait_for};

const REPORTS: &str = "g/reports/ops_atomic";

/// A root whose one check is a file that is there, or not.
fn scene(monitor: &str) -> Scene {
    let check = "[[monitor.check]]\nname = \"file\"\nkind = \"file\"\npath = \"there.txt\"\n";
    Scene::new().config(&format!("[monitor]\n{monitor}\n{check}")).file("there.txt", "x")
}

/// The JSON lines of all cycles; each line is whole.
fn lines(scene: &Scene) -> Vec<Value> {
    let path = scene.path("g/logs/heartbeats.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
}

#[test]
fn one_cycle_exits_by_what_it_saw_and_leaves_a_report() {
    let scene = scene("");
    scene.wo(["monitor", "--once"]).expect_exit(0).expect_stdout("HEALTHY").expect_silent_stderr();
    std::fs::remove_file(scene.path("there.txt")).expect("away with it");
    scene.wo(["monitor", "--once"]).expect_exit(1).expect_stdout("`there.txt` not found");
    scene.write("there.txt", "x");
    let json = scene.wo(["monitor", "--once", "--json"]).expect_exit(0).json();
    assert_eq!(json["heartbeat"]["status"], "healthy");
    let reports = scene.list(REPORTS);
    assert_eq!(reports.len(), 3, "{reports:?}");
    let statuses: Vec<_> = reports
        .iter()
        .map(|name| heartbeat::parse(&scene.read(format!("{REPORTS}/{name}"))).expect("a heartbeat").status)
        .collect();
    let critical = statuses.iter().filter(|status| **status == Some(heartbeat::Status::Critical)).count();
    assert_eq!(critical, 1, "{statuses:?}");
    assert_eq!(lines(&scene).len(), 3);
}

#[test]
fn warnings_do_not_fail_a_cycle() {
    let toml = "[[monitor.check]]\nname = \"api\"\nkind = \"file\"\npath = \"missing\"\nseverity = \"warn\"\n";
    Scene::new().config(toml).wo(["monitor", "--once"]).expect_exit(0).expect_stdout("WARNINGS");
}

#[test]
fn the_default_checks_keep_the_fields_lines() {
    let scene = Scene::new().config("").database();
    let _ = scene.wo(["monitor", "--once"]);
    let name = scene.list(REPORTS).remove(0);
    let report = scene.read(format!("{REPORTS}/{name}"));
    for line in [
        "# OPS-Atomic Monitor Heartbeat\n",
        "\n### Database\n- **Status:** ✅ Database file exists\n",
        "\n### API Endpoints\n- **API Health:** ",
        "\n### LaunchAgents\n- **com.02luka.optimizer:** ",
        "\n- **com.02luka.digest:** ",
        "\n**Next Check:** 5 minutes from now\n",
    ] {
        assert!(report.contains(line), "{line:?} in\n{report}");
    }
}

#[test]
fn a_bad_setting_is_named_and_nothing_runs() {
    let scene = Scene::new().config("[monitor]\ninterval = 5\n");
    scene.wo(["monitor", "--once"]).expect_exit(2).expect_stderr("unknown field `interval`");
    assert!(!scene.exists(REPORTS));
}

#[test]
fn cycles_at_once_overwrite_nothing() {
    let scene = scene("");
    let runs: Vec<_> = (0..8).map(|_| scene.start(["monitor", "--once"])).collect();
    for run in runs {
        run.wait_end().expect_exit(0);
    }
    assert_eq!(scene.list(REPORTS).len(), 8, "{:?}", scene.list(REPORTS));
    assert_eq!(lines(&scene).len(), 8);
}

#[test]
fn a_report_that_cannot_be_written_fails_the_cycle_and_the_counters_go_on() {
    let scene = scene("").file(REPORTS, "a file where the folder should be");
    scene.wo(["monitor", "--once"]).expect_exit(1).expect_stderr("error: failed to");
    std::fs::remove_file(scene.path(REPORTS)).expect("away with it");
    scene.wo(["monitor", "--once"]).expect_exit(0);
    let last = lines(&scene);
    assert_eq!((last.len(), &last[0]["report"]), (2, &Value::Null));
}

#[test]
fn state_that_cannot_be_read_stops_with_a_message_and_stays() {
    let scene =
        scene("").file("bridge/state/monitor.db", "no database at all, but long enough to be looked at".repeat(99));
    let before = scene.tree("bridge/state");
    let ran = scene.wo(["monitor", "--once"]).expect_exit(2);
    assert!(ran.stderr.contains("monitor.db") && ran.stderr.contains("hint:"), "{ran}");
    assert_eq!(scene.tree("bridge/state"), before);
}

#[test]
fn a_cycle_that_is_killed_anywhere_leaves_whole_files_and_the_next_one_works() {
    let log = scene("").env("WO_FAILPOINT_LOG", "passed.txt");
    let _ = log.wo(["monitor", "--once"]).expect_exit(0);
    let places: Vec<String> = log.read("passed.txt").lines().map(str::to_owned).collect();
    assert!(places.contains(&"rename.before:1".to_owned()), "{places:?}");
    for place in places {
        let dying = scene("").failpoint(&place);
        let _ = dying.wo(["monitor", "--once"]).expect_killed();
        let next = dying.env("WO_FAILPOINT", "");
        let _ = next.wo(["monitor", "--once"]).expect_exit(0);
        let reports = next.list(REPORTS);
        let visible: Vec<&String> = reports.iter().filter(|name| !name.starts_with('.')).collect();
        assert!(!visible.is_empty(), "{place}");
        for name in visible {
            let report = heartbeat::parse(&next.read(format!("{REPORTS}/{name}"))).expect("a heartbeat");
            assert_eq!(report.status, Some(heartbeat::Status::Healthy), "{place}: {name}");
            assert!(next.read(format!("{REPORTS}/{name}")).ends_with("Workbridge*\n"), "{place}: {name}");
        }
        let _ = lines(&next);
    }
}

/// Cycles by the loop on record, never more than there were due times.
fn expect_no_double_fire(scene: &Scene, interval_s: f64) {
    let times: Vec<f64> = lines(scene)
        .iter()
        .map(|line| line["timestamp"].as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time"))
        .map(|at| at.as_nanosecond() as f64 / 1e9)
        .collect();
    let span = times.iter().copied().fold(f64::MIN, f64::max) - times.iter().copied().fold(f64::MAX, f64::min);
    let due = (span / interval_s) as usize + 2;
    assert!(times.len() <= due, "{} cycles, {due} due times at most: {times:?}", times.len());
}

#[test]
fn loops_of_several_processes_fire_each_due_time_once() {
    let scene = scene("interval_s = 0.2");
    let loops: Vec<_> = (0..3).map(|_| scene.start(["monitor"])).collect();
    wait_for("twelve cycles", || lines(&scene).len() >= 12);
    for each in loops {
        each.stop().expect_exit(0);
    }
    expect_no_double_fire(&scene, 0.2);
    assert_eq!(lines(&scene).len(), scene.list(REPORTS).len());
}

#[test]
fn a_stopped_loop_and_a_stalled_one_are_told_apart() {
    let scene = scene("interval_s = 0.2");
    let gaps = |kind: &str| {
        let lines = lines(&scene);
        lines.iter().filter(|line| line["gap"]["kind"] == kind).map(|line| line["gap"].clone()).collect::<Vec<_>>()
    };
    let mut daemon = scene.start(["monitor"]);
    daemon.wait_for("three cycles", || lines(&scene).len() >= 3);
    daemon.kill();
    let killed = Instant::now();
    wait_for("some due times pass", || killed.elapsed() > Duration::from_millis(900));
    let mut daemon = scene.start(["monitor"]);
    daemon.wait_for("the gap is on record", || !gaps("stopped").is_empty());
    assert!(gaps("stopped")[0]["missed"].as_u64() >= Some(3), "{:?}", gaps("stopped"));
    let before = gaps("stalled").len();
    daemon.signal(rustix::process::Signal::STOP);
    let stopped = Instant::now();
    wait_for("more due times pass", || stopped.elapsed() > Duration::from_millis(900));
    daemon.signal(rustix::process::Signal::CONT);
    daemon.wait_for("the other gap is on record", || gaps("stalled").len() > before);
    assert_eq!(gaps("stopped").len(), 1);
    daemon.stop().expect_exit(0);
    expect_no_double_fire(&scene, 0.2);
}

#[test]
fn a_restart_within_the_interval_repeats_nothing() {
    let scene = scene("interval_s = 3600");
    for _ in 0..3 {
        let mut daemon = scene.start(["monitor"]);
        daemon.wait_for("the first cycle", || !lines(&scene).is_empty());
        wait_for("it is ready to be stopped", || daemon.log().contains("monitoring:"));
        daemon.stop().expect_exit(0);
    }
    assert_eq!(lines(&scene).len(), 1);
}

#[test]
fn a_cycle_of_local_checks_takes_no_time() {
    let scene = Scene::new().database().file("there.txt", "x");
    let server = crate::support::redis::RedisServer::open();
    let api = crate::support::webhook::HttpServer::start();
    let toml = format!(
        "[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"{}\"\n\
         [[monitor.check]]\nname = \"database\"\nkind = \"sqlite\"\npath = \"knowledge/02luka.db\"\n\
         [[monitor.check]]\nname = \"api\"\nkind = \"http\"\nurl = \"{}/\"\n\
         [[monitor.check]]\nname = \"file\"\nkind = \"file\"\npath = \"there.txt\"\n\
         [[monitor.check]]\nname = \"disk\"\nkind = \"disk\"\nwarn_percent = 0\nerror_percent = 0\n",
        server.url(),
        api.url()
    );
    let bench = super::Bench::new(&scene.root(), &toml);
    // the best of many: a busy machine delays some, not all
    let best = (0..50).map(|_| bench.cycle()).min_by_key(|cycle| cycle.took).expect("a cycle");
    assert!(best.observed.iter().all(|observed| observed.finding.state == heartbeat::State::Ok), "{best:?}");
    assert!(best.took < Duration::from_millis(50), "{:?}", best.took);
}

#[test]
fn a_loop_that_is_switched_off_leaves_nothing() {
    let order = "# WO-1-NOBODY\n\nJust do it.\n";
    for (settings, args, expected) in
        [("", [].as_slice(), true), ("enabled = false", &[], false), ("", &["--no-monitor"], false)]
    {
        let scene = scene(&format!("interval_s = 0.05\n{settings}"));
        let mut daemon = scene.up_with(args);
        if expected {
            daemon.wait_for("the second cycle", || lines(&scene).len() >= 2);
        }
        // its whole way takes longer than a cycle does
        scene.drop_order("WO-1-NOBODY.md", order);
        daemon.wait_for("the order's end", || scene.exists("bridge/outbox/CLC/WO-1-NOBODY.result.json"));
        daemon.stop().expect_exit(0);
        assert_eq!(lines(&scene).is_empty(), !expected, "{settings} {args:?}");
        assert_eq!(scene.exists(REPORTS) && !scene.list(REPORTS).is_empty(), expected, "{settings} {args:?}");
    }
}
