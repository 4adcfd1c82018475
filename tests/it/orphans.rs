//! Orders whose handler is gone from the settings: they wait and say so, and a person can end them.

use crate::support::{Ran, Scene, probe, run};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n\n[inbox]\nrescan_ms = 100\n";
const ID: &str = "WO-1-PROBE";
const WHY: &str = "the handler `probe`, which is no longer in wo.toml: put it back, or `wo cancel WO-1-PROBE`";

fn scene() -> Scene {
    Scene::new().config(UP).env("WO_PROBE", "1")
}

/// `wo` as it is without the handler.
fn without(scene: &Scene, args: &[&str]) -> Ran {
    let mut command = scene.command(args);
    command.env_remove("WO_PROBE");
    run(command, b"")
}

fn state(scene: &Scene) -> (String, String) {
    let shown = scene.wo(["show", ID, "--json"]).expect_exit(0).json();
    (shown["state"].as_str().unwrap().to_owned(), shown["outcome"].as_str().unwrap_or("").to_owned())
}

/// A step that was applied and waits to be verified, left by a daemon that was stopped.
fn begun() -> Scene {
    let scene = scene().order("WO-1-PROBE.md", probe(ID, "params: { steps: 1, wait_ms: 600000 }\n"));
    let mut daemon = scene.up();
    daemon.wait_for("the step waits", || {
        scene.exists("ledger.txt") && scene.wo(["status", "--json"]).json()["orders"][0]["state"] == "waiting"
    });
    daemon.stop().expect_exit(0);
    scene
}

#[test]
fn an_order_whose_handler_is_gone_waits_and_goes_on_when_it_is_back() {
    let scene = scene().order("WO-1-PROBE.md", probe(ID, "approval: true\n"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("wo approve");
    drop(without(&scene, &["approve", ID]).expect_exit(0));
    for _ in 0..2 {
        drop(without(&scene, &["run"]).expect_exit(1).expect_stdout(WHY));
    }
    drop(without(&scene, &["status"]).expect_exit(0).expect_stdout(WHY).expect_stdout("needs a person:"));
    assert_eq!(without(&scene, &["status", "--json"]).json()["orders"][0]["needs_person"], true);
    scene.wo(["run"]).expect_exit(0).expect_stdout("WO-1-PROBE  done");
    assert_eq!(scene.read("ledger.txt").lines().count(), 2);
}

#[test]
fn an_order_whose_handler_is_gone_can_be_cancelled() {
    // before its first step there is nothing to take back
    let waiting = scene().order("WO-1-PROBE.md", probe(ID, "approval: true\n"));
    waiting.wo(["run"]).expect_exit(1);
    // what was begun stands, and the result says so
    for (scene, stands) in [(waiting, false), (begun(), true)] {
        drop(without(&scene, &["cancel", ID]).expect_exit(0));
        assert_eq!(state(&scene), ("ended".to_owned(), "cancelled".to_owned()), "{stands}");
        let reason = scene.result(ID)["reason"].to_string();
        assert_eq!(reason.contains("NOT undone: its handler `probe`"), stands, "{reason}");
        drop(without(&scene, &["run"]).expect_exit(0).expect_stdout("nothing to do"));
    }
}

#[test]
fn a_step_that_was_begun_waits_for_its_handler() {
    let scene = begun();
    drop(without(&scene, &["run"]).expect_exit(1).expect_stdout(WHY));
    assert_eq!(scene.read("ledger.txt").lines().count(), 1);
    let daemon = scene.up();
    scene.wo(["cancel", ID]).expect_exit(0);
    scene.wo(["wait", ID, "--timeout", "60"]).expect_exit(1).expect_stdout("cancelled");
    daemon.stop().expect_exit(0);
    assert!(scene.read("ledger.txt").contains("undo "), "it is taken back by its own handler");
}
