//! Signals to executors, whenever they come, and the limits that end an order's work.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Daemon, Scene, probe};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n\n[inbox]\nrescan_ms = 100\n";

fn scene() -> Scene {
    Scene::new().config(UP).env("WO_PROBE", "1")
}

/// Until the kernel would hand SIGTERM to the program instead of ending it.
#[cfg(target_os = "linux")]
fn wait_until_it_listens(daemon: &mut Daemon) {
    let status = format!("/proc/{}/status", daemon.pid());
    daemon.wait_for("it listens for SIGTERM", || {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let caught = text.lines().find_map(|line| line.strip_prefix("SigCgt:")).map(str::trim);
        caught.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask >> 14 & 1 == 1)
    });
}

/// At the first moment at which it can hear anything at all: it has hardly begun to open the bridge.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_right_after_the_start_is_a_wish_to_stop() {
    for signal in [Signal::TERM, Signal::INT] {
        let scene = scene().file("bridge/inbox/CLC/WO-1-PROBE.md", probe("WO-1-PROBE", ""));
        let mut daemon = scene.start(["up"]);
        wait_until_it_listens(&mut daemon);
        daemon.signal(signal);
        let start = Instant::now();
        daemon.wait_end().expect_exit(0);
        assert!(start.elapsed() < Duration::from_secs(60));
        // and what it left behind is no obstacle
        scene.wo(["run"]).expect_exit(0).expect_stdout("WO-1-PROBE  done");
    }
}

#[test]
fn an_interrupted_run_says_what_is_left_and_is_no_success() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { steps: 2, wait_ms: 600000 }\n"));
        let mut run = scene.start(["run"]);
        run.wait_for("the step waits", || {
            scene.exists("bridge/state/journal.made")
                && scene.wo(["status", "--json"]).json()["orders"][0]["state"] == "waiting"
        });
        run.signal(signal);
        let ended = run.wait_end().expect_exit(1);
        for part in ["WO-1-PROBE  left: the test says so", "stopped by a signal"] {
            assert!(ended.log.contains(part), "{part}: {}", ended.log);
        }
        // it goes on where it was: no step runs again
        let daemon = scene.up();
        scene.wo(["cancel", "WO-1-PROBE"]).expect_exit(0);
        daemon.stop().expect_exit(0);
        let ledger = scene.read("ledger.txt");
        assert_eq!(ledger.lines().filter(|line| !line.starts_with("undo")).count(), 2, "{ledger}");
    }
}

/// Waits for a line in the log after its first `start` bytes.
fn said_since(daemon: &mut Daemon, start: usize, part: &str) {
    let log = daemon.log_path();
    daemon.wait_for(part, || {
        fs::read_to_string(&log).is_ok_and(|text| text.get(start..).is_some_and(|new| new.contains(part)))
    });
}

/// SIGHUP reads `wo.toml` again; one that can't be used is refused with its reason, and the settings stay as they were.
#[test]
fn a_bad_configuration_is_refused_and_a_good_one_taken() {
    let scene = scene();
    let mut daemon = scene.up();
    for (bad, why) in [
        ("[limits]\nworkers = \"many\"\n", "workers"),
        ("[limits\n", "wo.toml"),
        ("[limits]\nno_such_limit = 1\n", "no_such_limit"),
        ("\u{0}\u{1}", "wo.toml"),
        ("[inbox]\nagents = [\"CLC\", \"../x\"]\n", "inbox.agents: \"../x\""),
        ("[inbox]\nrequire_signature = \"bogus\"\n", "inbox.require_signature"),
        ("[limits]\nworkers = 0\n", "limits.workers: 0 is out of range: 1 to 256"),
    ] {
        let said = daemon.log().len();
        fs::write(scene.path("wo.toml"), bad).unwrap();
        daemon.signal(Signal::HUP);
        said_since(&mut daemon, said, "the settings stay as they were");
        assert!(daemon.log()[said..].contains(why), "{}", daemon.log());
    }
    let said = daemon.log().len();
    fs::remove_file(scene.path("wo.toml")).unwrap();
    std::os::unix::fs::symlink("/nowhere/wo.toml", scene.path("wo.toml")).unwrap();
    daemon.signal(Signal::HUP);
    said_since(&mut daemon, said, "the settings stay as they were");
    scene.wo(["run"]).expect_exit(2).expect_stderr("is a link to `/nowhere/wo.toml`, which is not there");
    fs::remove_file(scene.path("wo.toml")).unwrap();
    // it still takes orders, under the old settings
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    daemon.wait_for("an order under the old settings", || scene.exists("bridge/outbox/CLC/WO-1-PROBE.result.json"));

    let said = daemon.log().len();
    fs::write(
        scene.path("wo.toml"),
        format!(
            "{UP}agents = [\"CLC\", \"NEW\"]\n\n[limits]\norder_bytes = 64\n\n[services]\nmanager = \"embedded\"\n"
        ),
    )
    .unwrap();
    daemon.signal(Signal::HUP);
    said_since(&mut daemon, said, "wo.toml was read again");
    // a further agent has its inbox at the next start, and is in nobody's way until then
    scene.drop_order("WO-2-PROBE.md", probe("WO-2-PROBE", ""));
    daemon.wait_for("the new limit holds", || scene.exists("bridge/rejected/CLC/WO-2-PROBE.md.reason.md"));
    daemon.stop().expect_exit(0);
}

/// Beyond its deadline an order begins no further step, and what it did is undone.
#[test]
fn an_order_works_no_longer_than_its_deadline() {
    let limits = |seconds: u32| format!("{UP}\n[limits]\norder_deadline_s = {seconds}\n");
    let scene = Scene::new().config(&limits(0)).env("WO_PROBE", "1").order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(1).expect_stdout("failed").expect_stdout("limits.order_deadline_s");
    assert!(!scene.exists("ledger.txt"), "no step ran");

    // a step that is at work gets what is left of it
    let hangs = probe("WO-1-PROBE", "params: { steps: 1, hang: line-1 }\n");
    let scene = Scene::new().config(&limits(2)).env("WO_PROBE", "1").order("WO-1-PROBE.md", hangs);
    scene.wo(["run"]).expect_exit(1).expect_stdout("did not come back within its deadline of");
}

/// A cancelled order takes back what it did; a file that someone else changed since is left, and the report names it.
#[test]
fn a_cancel_undoes_and_leaves_what_someone_else_changed() {
    for theirs in [false, true] {
        let scene = scene().file("probe.txt", "as it was");
        scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { files: true, uncertain: line-2 }\n"));
        scene.wo(["run"]).expect_exit(1).expect_stdout("wo resolve");
        assert_eq!(scene.read("probe.txt"), "WO-1-PROBE 1 1\n");
        if theirs {
            scene.write("probe.txt", "theirs");
        }
        scene.wo(["cancel", "WO-1-PROBE"]).expect_exit(0);
        let result = scene.result("WO-1-PROBE");
        assert_eq!(result["outcome"], "cancelled");
        let reason = result["reason"].as_str().unwrap();
        assert_eq!(scene.read("probe.txt"), if theirs { "theirs" } else { "as it was" });
        assert_eq!(reason.contains("NOT restored") && reason.contains("probe.txt"), theirs, "{reason}");
    }
}

/// Killed between the effect and the record of it, and cancelled then: what the order itself did is no stranger's change.
#[test]
fn a_cancel_after_a_crash_undoes_what_was_not_recorded() {
    let scene = scene().file("probe.txt", "as it was");
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { files: true }\n"));
    let mut command = scene.command(["run"]);
    command.env("WO_FAILPOINT", "apply.after:1");
    drop(crate::support::run(command, b"").expect_killed());
    assert_eq!(scene.read("probe.txt"), "WO-1-PROBE 1 1\n");
    scene.wo(["cancel", "WO-1-PROBE"]).expect_exit(0);
    assert_eq!(scene.read("probe.txt"), "as it was");
    assert_eq!(scene.result("WO-1-PROBE")["outcome"], "cancelled");
}

/// At a limit claiming stops and nothing is deleted; what stays is named, and is taken once there is room.
#[test]
fn a_flood_stops_at_its_limits_and_loses_nothing() {
    let limits = "[limits]\nrejected_files = 6\nopen_orders = 3\n";
    let scene = Scene::new().config(&format!("{UP}\n{limits}")).env("WO_PROBE", "1");
    for n in 0..7 {
        scene.drop_order(&format!("WO-{n}-PROBE.md"), probe(&format!("WO-{n}-PROBE"), "approval: true\n"));
    }
    let stays = "4 files stay in the inbox of CLC: 3 orders are open (limits.open_orders)";
    scene.wo(["run"]).expect_exit(1).expect_stdout(stays);
    assert_eq!(scene.list("bridge/processing/CLC").len(), 3);
    assert_eq!(scene.list("bridge/inbox/CLC").len(), 4);
    scene.wo(["status"]).expect_exit(0).expect_stdout("claiming stops: 3 orders are open");
    for row in scene.wo(["status", "--json"]).json()["orders"].as_array().unwrap() {
        scene.wo(["cancel", row["id"].as_str().unwrap()]).expect_exit(0);
    }
    scene.wo(["run"]).expect_exit(1).expect_stdout("1 files stay");

    let scene = Scene::new().config(&format!("{UP}\n{limits}")).env("WO_PROBE", "1");
    for n in 0..5 {
        scene.drop_order(&format!("WO-A{n}.md"), [0xff]);
        std::os::unix::fs::symlink("/etc/passwd", scene.path(format!("bridge/inbox/CLC/WO-B{n}.md"))).unwrap();
    }
    scene
        .wo(["run"])
        .expect_exit(1)
        .expect_stdout("3 files rejected")
        .expect_stdout("7 files stay in the inbox of CLC");
    assert_eq!(scene.list("bridge/rejected/CLC").len(), 6);
    scene.wo(["run"]).expect_exit(1).expect_stdout("7 files stay");
    for name in scene.list("bridge/rejected/CLC") {
        fs::remove_file(scene.path("bridge/rejected/CLC").join(name)).unwrap();
    }
    scene.wo(["run"]).expect_exit(1).expect_stdout("4 files stay");
}

/// What an external program did can't be taken back, and the report does not say that it was.
#[test]
fn a_cancel_says_what_stands() {
    let program = "#!/bin/sh\ncat >/dev/null\necho x >\"$WO_ROOT/effect.txt\"\n";
    let order = "---\nid: WO-1-X\nhandler: mine\n---\n\n# WO-1-X\n\n## Acceptance\n\n- Deliverables present\n\n\
                 ## Deliverables\n\n1. `effect.txt`\n";
    let scene = Scene::new().file("mine.sh", program).order("WO-1-X.md", order);
    let path = scene.path("mine.sh");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let scene = scene.config(&format!("[handlers.mine]\ncommand = ['{}']\n", path.display()));
    let mut command = scene.command(["run"]);
    command.env("WO_FAILPOINT", "apply.after:1");
    drop(crate::support::run(command, b"").expect_killed());
    assert_eq!(scene.read("effect.txt"), "x\n");
    scene.wo(["run"]).expect_exit(1).expect_stdout("wo resolve");
    scene.wo(["cancel", "WO-1-X"]).expect_exit(0);
    let result = scene.result("WO-1-X");
    assert_eq!((&result["outcome"], &result["steps"][0]["state"]), (&"cancelled".into(), &"uncertain".into()));
    let reason = result["reason"].as_str().unwrap();
    assert!(reason.contains("NOT undone: an external program did it"), "{reason}");
    let report = scene.read("bridge/outbox/CLC/WO-1-X_REPORT.md");
    assert!(!report.contains("↩️") && report.contains("NOT undone"), "{report}");
}

/// A program that a step waits for ends with its order, not at its deadline.
#[test]
fn a_cancel_ends_the_program_that_is_at_work() {
    let program = "#!/bin/sh\ncat >/dev/null\necho x >\"$WO_ROOT/effect.txt\"\nexec sleep 500\n";
    let order = "---\nid: WO-1-X\nhandler: mine\n---\n\n# WO-1-X\n\n## Acceptance\n\n- Deliverables present\n\n\
                 ## Deliverables\n\n1. `effect.txt`\n";
    let scene = Scene::new().file("mine.sh", program).order("WO-1-X.md", order);
    let path = scene.path("mine.sh");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let scene = scene.config(&format!(
        "[web]\nenabled = false\n[monitor]\nenabled = false\n[handlers.mine]\ncommand = ['{}']\n",
        path.display()
    ));
    let mut daemon = scene.up();
    daemon.wait_for("the program is at work", || scene.exists("effect.txt"));
    scene.wo(["cancel", "WO-1-X"]).expect_exit(0);
    scene.wo(["wait", "WO-1-X"]).expect_exit(1).expect_stdout("cancelled");
    let report = scene.read("bridge/outbox/CLC/WO-1-X_REPORT.md");
    assert!(report.contains("killed, since the order was cancelled") && report.contains("NOT undone"), "{report}");
    daemon.stop().expect_exit(0);
}

/// A file that had a report's name before is kept beside it.
#[test]
fn a_report_replaces_nothing_of_somebody_else() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.write("bridge/outbox/CLC/WO-1-PROBE_REPORT.md", "written by hand");
    scene.wo(["run"]).expect_exit(0).expect_stderr("kept as `bridge/outbox/CLC/WO-1-PROBE_REPORT.earlier.md`");
    assert_eq!(scene.read("bridge/outbox/CLC/WO-1-PROBE_REPORT.earlier.md"), "written by hand");
    assert!(scene.read("bridge/outbox/CLC/WO-1-PROBE_REPORT.md").contains("WO-1-PROBE"));
}

/// Orders that no inbox holds are named; nothing to do is not all that is said.
#[test]
fn orders_where_nobody_looks_are_named() {
    let scene = scene().file("bridge/inbox/GG/WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    let where_it_lies = "`bridge/inbox/GG/WO-1-PROBE.md` lies where nobody looks";
    scene.wo(["run"]).expect_exit(0).expect_stdout("nothing to do").expect_stderr(where_it_lies);
    scene.wo(["status"]).expect_exit(0).expect_stdout("trouble:").expect_stdout(where_it_lies);
    // in an inbox, and not named like an order
    let scene = self::scene().file("bridge/inbox/CLC/order.md", probe("WO-1-PROBE", ""));
    let lies = "`bridge/inbox/CLC/order.md` lies in the inbox, not taken for the name";
    scene.wo(["status"]).expect_exit(0).expect_stdout("inbox: 0 waiting").expect_stdout(&format!("trouble: {lies}"));
    scene.wo(["run"]).expect_exit(0).expect_stdout("nothing to do").expect_stdout(lies);
    std::fs::rename(scene.path("bridge/inbox/CLC/order.md"), scene.path("bridge/inbox/CLC/WO-1-PROBE.md")).unwrap();
    scene.wo(["run"]).expect_exit(0).expect_stdout("WO-1-PROBE  done").expect_no_stdout("not taken");
    scene.wo(["status"]).expect_exit(0).expect_no_stdout("trouble:");
}
