//! A file that can't be taken out of the inbox: it waits, says why, and keeps no other back.

use crate::support::{Locked, Scene, makes_immutable, probe};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n\n[inbox]\nsettle_ms = 1\nrescan_ms = 100\n\n\
                  [limits]\nretry_first_ms = 50\nretry_max_ms = 86400000\n";
const FILE: &str = "bridge/inbox/CLC/WO-1-STUCK.md";
const WHY: &str = "its file can't be taken out of the inbox";

fn can_lock_a_file() -> bool {
    let can = rustix::process::geteuid().is_root() && makes_immutable();
    if !can {
        eprintln!("NOT RUN: this user can't make a file immutable");
    }
    can
}

#[test]
fn one_file_that_cannot_be_moved_keeps_no_other_back() {
    if !can_lock_a_file() {
        return;
    }
    let scene = Scene::new().config(UP).env("WO_PROBE", "1").order("WO-1-STUCK.md", probe("WO-1-STUCK", ""));
    let locked = Locked::new(scene.path(FILE));
    // each start is a recovery; the second one has the stuck run in its journal
    for id in ["WO-2-PROBE", "WO-3-PROBE"] {
        scene.drop_order(&format!("{id}.md"), probe(id, ""));
        let told = scene.wo(["run"]).expect_exit(1);
        assert!(told.stdout.contains(&format!("{id}  done")) && told.stdout.contains(WHY), "{told}");
        assert_eq!(told.stdout.matches("WO-1-STUCK").count(), 2, "said once, with its path: {told}");
    }
    let mut daemon = scene.up();
    for id in ["WO-4-PROBE", "WO-5-PROBE"] {
        scene.drop_order(&format!("{id}.md"), probe(id, ""));
        daemon.wait_for(id, || scene.exists(format!("bridge/outbox/CLC/{id}.result.json")));
    }
    scene.wo(["status"]).expect_exit(0).expect_stdout(WHY);
    // nor does it keep anybody who follows the inbox
    scene.wo(["run", "--timeout", "100"]).expect_exit(1).expect_stdout(WHY);
    assert!(!scene.exists("bridge/outbox/CLC/WO-1-STUCK.result.json"), "it waits");
    // whoever touches it need not wait for the next try
    drop(locked);
    daemon.wait_for("the stuck one", || scene.exists("bridge/outbox/CLC/WO-1-STUCK.result.json"));
    daemon.stop().expect_exit(0);
    let ledger = scene.read("ledger.txt");
    assert_eq!(ledger.matches("WO-1-STUCK 1 ").count(), 2, "once: {ledger}");
    assert_eq!((scene.list("bridge/inbox/CLC").len(), scene.list("bridge/archive/CLC").len()), (0, 5));
}

/// A person cancelled it and dropped another text: the file that lies there still is the old word.
#[test]
fn a_stuck_file_whose_order_was_cancelled_is_no_new_drop() {
    if !can_lock_a_file() {
        return;
    }
    let scene = Scene::new().config(UP).env("WO_PROBE", "1").order("WO-1-STUCK.md", probe("WO-1-STUCK", ""));
    let locked = Locked::new(scene.path(FILE));
    scene.wo(["run"]).expect_exit(1).expect_stdout(WHY);
    scene.wo(["cancel", "WO-1-STUCK"]).expect_exit(0);
    let left = "WO-1-STUCK was cancelled, but its file can't be moved; remove it by hand";
    for _ in 0..2 {
        let told = scene.wo(["run"]).expect_exit(1).expect_stdout(left).expect_no_stdout("no executor");
        assert_eq!(told.stdout.matches("WO-1-STUCK.md").count(), 1, "{told}");
    }
    let daemon = scene.up();
    scene.wo(["run", "--timeout", "100"]).expect_exit(1).expect_stdout(left).expect_no_stdout("no executor");
    daemon.stop().expect_exit(0);
    scene.drop_order("WO-1-OTHER.md", probe("WO-1-STUCK", "params: { steps: 1 }\n"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("WO-1-STUCK  done");
    drop(locked);
    // by a person or a sync client
    std::fs::File::options()
        .append(true)
        .open(scene.path(FILE))
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    drop(scene.wo(["run"]));
    assert_eq!(scene.read("ledger.txt"), "WO-1-STUCK 2 1\n");
    assert_eq!(scene.list("bridge/inbox/CLC"), Vec::<String>::new());
}

/// Its owner takes it away beside a live daemon: the order, which is stored, goes on, and the name is free.
#[test]
fn a_stuck_file_that_is_taken_away_is_told_and_forgotten() {
    if !can_lock_a_file() {
        return;
    }
    let scene = Scene::new().config(UP).env("WO_PROBE", "1").order("WO-1-STUCK.md", probe("WO-1-STUCK", ""));
    // what can't go there stays, and can be deleted
    std::fs::create_dir_all(scene.path("bridge/processing/CLC")).unwrap();
    let locked = Locked::new(scene.path("bridge/processing/CLC"));
    let mut daemon = scene.up();
    let waits = || scene.wo(["status"]).stdout.contains(WHY);
    daemon.wait_for("the file to be stuck", waits);
    std::fs::remove_file(scene.path(FILE)).unwrap();
    daemon.wait_for("the stored order", || scene.wo(["wait", "--timeout", "60", "WO-1-STUCK"]).stdout.contains("done"));
    let log = daemon.log_path();
    let told = || std::fs::read_to_string(&log).unwrap_or_default().matches("is gone from the inbox of CLC").count();
    daemon.wait_for("what is told of the file", || told() > 0);
    drop(locked);
    scene.drop_order("WO-1-STUCK.md", probe("WO-1-STUCK", "params: { steps: 1 }\n"));
    daemon.wait_for("the next drop", || scene.exists("bridge/outbox/CLC/WO-1-STUCK.attempt-2.result.json"));
    assert_eq!(told(), 1, "{}", daemon.log());
    daemon.stop().expect_exit(0);
    assert_eq!(scene.read("ledger.txt").matches("WO-1-STUCK 1 ").count(), 2);
}

/// A file that can't be put away holds up the end of its own order, and nobody who needs what that has touched.
#[test]
fn an_order_that_only_waits_to_be_put_away_keeps_nothing() {
    if !can_lock_a_file() {
        return;
    }
    let shared = "params: { subject: s }\n";
    let text = probe("WO-1-STUCK", &format!("approval: true\n{shared}"));
    let scene = Scene::new().config(UP).env("WO_PROBE", "1").order("WO-1-STUCK.md", text);
    scene.wo(["run"]).expect_exit(1).expect_stdout("wo approve");
    let locked = Locked::new(scene.path("bridge/processing/CLC/WO-1-STUCK.md"));
    scene.wo(["approve", "WO-1-STUCK"]).expect_exit(0);
    for id in ["WO-2-PROBE", "WO-3-PROBE"] {
        scene.drop_order(&format!("{id}.md"), probe(id, shared));
        scene.wo(["run"]).expect_exit(1).expect_stdout(&format!("{id}  done")).expect_stdout("WO-1-STUCK  left");
    }
    drop(locked);
    scene.wo(["run"]).expect_exit(0).expect_stdout("WO-1-STUCK  done");
    assert_eq!(scene.read("ledger.txt").matches("WO-1-STUCK 1 ").count(), 2);
}
