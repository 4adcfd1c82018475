//! What is loaded under the loop's label: one of somebody's own that works, and one that crashed, though it runs again.

use super::service::healthy;
use super::*;

const TEXT: &str =
    "## Acceptance\n\n- Heartbeat cycles: ≥ 2\n- Redis connectivity: Working\n- Database check: OK\n- Exit code: 0";

/// Process of the loop, as launchd has it.
fn pid(world: &World) -> Option<i32> {
    let listed = world.launchd.launchctl(["list", LOOP]).stdout;
    listed.lines().find_map(|line| line.trim().strip_prefix("\"PID\" = ")?.trim_end_matches(';').parse().ok())
}

/// Ends the loop by SIGABRT, and waits until another process of it makes two heartbeats.
fn crash(world: &World) {
    let scene = &world.scene;
    let old = pid(world).expect("it runs");
    let process = rustix::process::Pid::from_raw(old).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::ABORT).unwrap();
    let beats = |pid: i32| scene.read("g/logs/heartbeats.jsonl").matches(&format!("\"pid\":{pid},")).count();
    wait_for("the loop again", || pid(world).is_some_and(|new| new != old && beats(new) >= 2));
}

fn run(world: &World, id: &str) -> serde_json::Value {
    world.scene.drop_order(&format!("{id}.md"), format!("# {id}\n\n{TEXT}\n"));
    let ran = world.scene.wo(["run"]);
    let result = world.scene.result(id);
    assert!(result["outcome"].is_string(), "{ran}");
    result
}

/// A root without faults, whose loop is loaded by a plist that a person wrote.
fn own() -> World {
    let launchd = TestLaunchd::new();
    let redis = RedisServer::open();
    let settings = format!(
        "[monitor]\ninterval_s = 2.0\n[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"{}\"\n\
         [[monitor.check]]\nname = \"database\"\nkind = \"sqlite\"\npath = \"knowledge/02luka.db\"\n\
         [web]\nenabled = false\n{}",
        redis.url(),
        launchd.config()
    );
    let scene = Scene::new().config(&settings).database();
    fs::create_dir_all(scene.path("g/logs")).unwrap();
    let text = |path: &std::path::Path| path.display().to_string();
    let plist = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>Label</key><string>{LOOP}</string>\
         <key>ProgramArguments</key><array><string>{}</string><string>--root</string><string>{}</string>\
         <string>monitor</string></array><key>KeepAlive</key><true/><key>RunAtLoad</key><true/>\
         <key>StandardOutPath</key><string>{}</string></dict></plist>\n",
        text(crate::support::wo()),
        text(&scene.dir()),
        text(&scene.path("g/logs/mine.log"))
    );
    let path = launchd.agents().join(format!("{LOOP}.plist"));
    fs::write(&path, plist).unwrap();
    launchd.launchctl(["bootstrap", &launchd.domain(), &path.display().to_string()]).expect_exit(0);
    wait_for("its proof", || scene.wo(["verify", "monitor", "--dry-run"]).status.code() == Some(0));
    World { scene, launchd, _redis: redis }
}

#[test]
fn a_loop_of_its_own_that_works_stays_and_one_that_crashed_is_replaced() {
    let world = own();
    let plist = world.launchd.agents().join(format!("{LOOP}.plist"));
    let before = fs::read(&plist).unwrap();
    let running = pid(&world);
    let result = run(&world, "WO-1-ACTIVATE-MONITOR");
    assert_eq!(result["outcome"], "noop", "{result:#}");
    assert!((fs::read(&plist).unwrap(), pid(&world)) == (before, running), "it was touched");

    crash(&world);
    world.scene.write("order.md", format!("# WO-2-ACTIVATE-MONITOR\n\n{TEXT}\n"));
    let plan = world.scene.wo(["plan", "order.md"]).expect_exit(0).expect_stdout("signal 6");
    assert!(!plan.stdout.contains("the loop is not loaded") && !plan.stdout.contains("monitor twice"), "{plan}");
    let result = run(&world, "WO-2-ACTIVATE-MONITOR");
    assert_eq!(result["outcome"], "done", "{result:#}");
}

/// launchd starts it again and again, and each time it makes its heartbeats.
#[test]
fn a_crash_is_no_exit_code_0_though_the_loop_runs_again() {
    let (world, daemon) = healthy(true);
    daemon.stop().expect_exit(0);
    let result = run(&world, "WO-1-ACTIVATE-MONITOR");
    assert_eq!(result["outcome"], "done", "{result:#}");
    crash(&world);
    let id = "WO-2-ACTIVATE-MONITOR";
    let result = run(&world, id);
    assert_ne!(result["outcome"], "noop", "{result:#}");
    let failed: Vec<_> = verdicts(&world.scene, id).into_iter().filter(|(_, verdict)| verdict != "PASS").collect();
    assert_eq!(failed, [("Exit code".to_owned(), "FAIL".to_owned())], "{result:#}");
    let report = world.scene.read(format!("bridge/outbox/CLC/{id}_REPORT.md"));
    assert!(report.contains("it was ended by signal 6") && !report.contains("last exit 0"), "{report}");
}
