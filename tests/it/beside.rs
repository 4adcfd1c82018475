//! `wo run` and `wo wait` beside a live `wo up`, and over what lay in the inbox before: each file is answered for by its
//! own text, never by an earlier text of the same id.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::process::Signal;

use crate::support::{Daemon, Scene, probe};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n\n[inbox]\nrescan_ms = 100\n";

fn scene() -> Scene {
    Scene::new().config(UP).env("WO_PROBE", "1")
}

fn state(scene: &Scene, id: &str) -> String {
    if !scene.exists("bridge/state/journal.made") {
        return String::new();
    }
    let orders = scene.wo(["status", "--json"]).expect_exit(0).json()["orders"].take();
    let of_id = orders.as_array().and_then(|orders| orders.iter().find(|order| order["id"] == id).cloned());
    of_id.map_or(String::new(), |order| order["state"].as_str().unwrap_or_default().to_owned())
}

fn wait_until(daemon: &mut Daemon, scene: &Scene, id: &str, wanted: &str) {
    daemon.wait_for(&format!("{id} is {wanted}"), || state(scene, id) == wanted);
}

#[test]
fn another_text_is_not_answered_for_by_the_open_one() {
    let scene = scene().file("b.md", probe("WO-1-PROBE", "params: { steps: 1 }\n"));
    let mut daemon = scene.up();
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { steps: 2, wait_ms: 4000 }\n"));
    wait_until(&mut daemon, &scene, "WO-1-PROBE", "waiting");
    scene
        .wo(["run", "b.md"])
        .expect_exit(1)
        .expect_stdout("rejected: WO-1-PROBE is still open")
        .expect_no_stdout("done");
    // the same by its parts: the earlier text's success is none of the newest
    scene.wo(["submit", "b.md"]).expect_exit(0);
    scene
        .wo(["wait", "WO-1-PROBE"])
        .expect_exit(1)
        .expect_stdout("done")
        .expect_stderr("outcome of an earlier text")
        .expect_stderr("still open with other text");
    // taken now, and answered for by itself
    scene.wo(["run", "b.md"]).expect_exit(0).expect_stdout("WO-1-PROBE  done");
    scene.wo(["wait", "WO-1-PROBE"]).expect_exit(0);
    assert_eq!(scene.read("ledger.txt").lines().count(), 3);
    daemon.stop().expect_exit(0);
}

#[test]
fn an_earlier_end_is_not_that_of_a_text_that_lies_in_the_inbox_or_of_a_retry() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(0);
    scene.wo(["wait", "WO-1-PROBE"]).expect_exit(0);
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { steps: 1, fail: line-1 }\n"));
    let wait = ["wait", "WO-1-PROBE", "--timeout", "0.2"];
    scene.wo(wait).expect_exit(3).expect_stderr("lies in the inbox");
    scene.wo(["run"]).expect_exit(1);
    scene.wo(wait).expect_exit(1).expect_stdout("failed");
}

#[test]
fn a_run_of_the_inbox_beside_a_daemon_tells_of_each_file() {
    let scene = scene().env("WO_LOG", "workbridge=debug");
    let mut daemon = scene.up();
    scene.drop_order("WO-0-PROBE.md", probe("WO-0-PROBE", "params: { steps: 1, wait_ms: 4000 }\n"));
    wait_until(&mut daemon, &scene, "WO-0-PROBE", "waiting");
    daemon.signal(Signal::STOP);
    scene.drop_order("WO-1-PROBE.md", b"\xff");
    scene.drop_order("WO-2-PROBE.md", probe("WO-2-PROBE", ""));
    scene.drop_order("WO-3-PROBE.md", probe("WO-3-PROBE", "params: { fail: line-1 }\n"));
    scene.drop_order("WO-4-PROBE.md", probe("WO-4-PROBE", "approval: true\n"));
    symlink("/etc/passwd", scene.path("bridge/inbox/CLC/WO-5-PROBE.md")).unwrap();
    let mut run = scene.start(["run"]);
    let log = run.log_path();
    run.wait_for("it knows what lies there", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("5 files and 1 orders"))
    });
    daemon.signal(Signal::CONT);
    let ended = run.wait_end().expect_exit(1);
    for part in [
        "WO-0-PROBE  done",
        "WO-1-PROBE.md  rejected: ",
        "WO-2-PROBE  done",
        "WO-3-PROBE  failed",
        "WO-4-PROBE  left: ",
        "WO-5-PROBE.md  rejected: ",
    ] {
        assert!(ended.log.contains(part), "{part}: {}", ended.log);
    }
    daemon.stop().expect_exit(0);
}

#[test]
fn a_file_that_lies_in_the_inbox_already_is_run_from_there() {
    let scene = scene().file("a.md", probe("WO-1-PROBE", ""));
    scene.wo(["submit", "a.md"]).expect_exit(0);
    scene.wo(["run", "a.md"]).expect_exit(0).expect_stdout("WO-1-PROBE  done");
    scene.wo(["run", "a.md"]).expect_exit(0).expect_stdout("WO-1-PROBE  done (before");
    assert_eq!(scene.read("ledger.txt").lines().count(), 2);
    // other text under the name that is taken is still refused
    let scene = scene_with_two();
    scene.wo(["submit", "a.md"]).expect_exit(0);
    scene.wo(["run", "b.md"]).expect_exit(2).expect_stderr("is there already");
}

#[test]
fn of_files_that_share_an_id_none_is_dropped() {
    let scene = scene_with_two();
    scene.wo(["run", "a.md", "b.md"]).expect_exit(2).expect_stderr("`b.md`").expect_stderr("nothing was dropped");
    assert_eq!(scene.list("bridge/inbox/CLC"), Vec::<String>::new());
    scene.wo(["run", "a.md", "a.md"]).expect_exit(0).expect_stdout("WO-1-PROBE  done");
}

fn scene_with_two() -> Scene {
    scene().file("a.md", probe("WO-1-PROBE", "")).file("b.md", probe("WO-1-PROBE", "params: { steps: 1 }\n"))
}
