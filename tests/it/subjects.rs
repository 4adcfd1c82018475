//! Orders that touch different things run side by side, bounded; those that share one take turns, and one that has begun
//! keeps what it touches, over waits, persons and restarts.

use crate::support::Scene;

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n\n[inbox]\nsettle_ms = 1\nrescan_ms = 100\n";

fn scene(workers: usize) -> Scene {
    Scene::new().config(&format!("{UP}\n[limits]\nworkers = {workers}\n")).env("WO_PROBE", "1")
}

fn probe(id: &str, params: &str) -> String {
    format!(
        "---\nid: {id}\nhandler: probe\nparams: {{ {params} }}\nacceptance:\n  - {{ metric: Ledger lines, target: \"= 1\" }}\n---\n\n# {id}\n"
    )
}

fn order(scene: &Scene, id: &str, params: &str) {
    scene.drop_order(&format!("{id}.md"), probe(id, params));
}

fn is_done(scene: &Scene, id: &str) -> bool {
    scene.exists(format!("bridge/outbox/CLC/{id}.result.json")) && scene.result(id)["outcome"] == "done"
}

fn ledger(scene: &Scene) -> String {
    if scene.exists("ledger.txt") { scene.read("ledger.txt") } else { String::new() }
}

#[test]
fn others_pass_one_that_hangs_and_those_that_share_its_subject_wait() {
    let scene = scene(2);
    let mut daemon = scene.up();
    order(&scene, "WO-1-PROBE", "hang: line-1, subject: s");
    daemon.wait_for("it is at its step", || scene.wo(["status"]).stdout.contains("step 1 of 2"));
    order(&scene, "WO-2-PROBE", "subject: s");
    daemon.wait_for("it waits for the other", || {
        scene.wo(["status"]).stdout.contains("waits for WO-1-PROBE, which touches `s` too")
    });
    for n in 3..8 {
        order(&scene, &format!("WO-{n}-PROBE"), "steps: 1");
    }
    daemon.wait_for("the others", || (3..8).all(|n| is_done(&scene, &format!("WO-{n}-PROBE"))));
    assert!(!ledger(&scene).contains("WO-2-PROBE"), "{}", ledger(&scene));
    daemon.stop().expect_exit(0);
}

#[test]
fn no_more_run_at_once_than_there_are_workers() {
    let scene = scene(1);
    let mut daemon = scene.up();
    order(&scene, "WO-1-PROBE", "hang: line-1, deadline_s: 1");
    daemon.wait_for("it is at its step", || scene.wo(["status"]).stdout.contains("step 1 of 2"));
    order(&scene, "WO-2-PROBE", "steps: 1");
    daemon.wait_for("the next one", || is_done(&scene, "WO-2-PROBE"));
    let runs = scene.wo(["show", "WO-1-PROBE", "--json"]).json();
    assert_eq!(runs["state"], "uncertain", "it was given up before the next one began: {runs}");
    daemon.stop().expect_exit(0);
}

/// It has nothing to take back, and so nothing to wait for.
#[test]
fn one_that_waits_for_its_turn_is_cancelled_at_once() {
    let scene = scene(2);
    let mut daemon = scene.up();
    order(&scene, "WO-1-PROBE", "hang: line-1, subject: s");
    daemon.wait_for("it is at its step", || scene.wo(["status"]).stdout.contains("step 1 of 2"));
    order(&scene, "WO-2-PROBE", "subject: s");
    daemon.wait_for("it waits for the other", || {
        scene.wo(["status"]).stdout.contains("waits for WO-1-PROBE, which touches `s` too")
    });
    scene.wo(["cancel", "WO-2-PROBE"]).expect_exit(0);
    scene.wo(["wait", "WO-2-PROBE", "--timeout", "60"]).expect_exit(1).expect_stdout("cancelled by a person");
    let other = scene.wo(["show", "WO-1-PROBE", "--json"]).json();
    assert_eq!(other["state"], "running", "{other}");
    daemon.stop().expect_exit(0);
}

/// An uncertain order keeps its subject, in the next process too; `wo run` says so and ends.
#[test]
fn what_an_uncertain_order_touches_stays_its_own() {
    let scene = scene(8);
    order(&scene, "WO-1-PROBE", "uncertain: line-2, subject: s");
    scene.wo(["run"]).expect_exit(1).expect_stdout("wo resolve WO-1-PROBE");
    for n in 2..5 {
        order(&scene, &format!("WO-{n}-PROBE"), "subject: s");
    }
    for _ in 0..2 {
        let ran = scene.wo(["run"]).expect_exit(1);
        for n in 2..5 {
            let left = format!("WO-{n}-PROBE  left: waits for WO-1-PROBE, which touches `s` too");
            assert!(ran.stdout.contains(&left), "{left}: {ran}");
        }
    }
    assert_eq!(ledger(&scene).lines().count(), 1, "{}", ledger(&scene));
    scene.wo(["resolve", "WO-1-PROBE", "--again"]).expect_exit(0);
    scene.wo(["run"]).expect_exit(0);
    assert!((1..5).all(|n| is_done(&scene, &format!("WO-{n}-PROBE"))));
    assert_eq!(ledger(&scene).lines().count(), 8);
}
