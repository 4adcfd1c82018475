//! An executor whose lock or journal is taken away begins nothing more, and lets no second one in beside it.

use std::fs;

use workbridge::bridge::lock::{self, LockError, Role};
use workbridge::clock::{Clock as _, SystemClock};

use crate::support::Scene;

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n\n[inbox]\nrescan_ms = 100\n";

#[test]
fn a_lock_that_is_removed_lets_nobody_in_and_is_missed() {
    let scene = Scene::new();
    let now = SystemClock.now();
    let held = lock::acquire(&scene.root(), &[], Role::Daemon, now).unwrap();
    held.check().unwrap();
    for remove in ["bridge/state/lock", "bridge/state"] {
        let path = scene.path(remove);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        assert!(matches!(held.check(), Err(LockError::Lost(_))), "{remove}");
        let second = lock::acquire(&scene.root(), &[], Role::Run, now);
        assert!(matches!(second, Err(LockError::Held(_))), "{remove}: {second:?}");
        // the newcomer's own file is not the one that is held
        assert!(matches!(held.check(), Err(LockError::Lost(_))), "{remove}");
    }
    drop(held);
    lock::acquire(&scene.root(), &[], Role::Run, now).unwrap().check().unwrap();
}

#[test]
fn a_daemon_whose_state_is_taken_away_stops_and_runs_nothing_more() {
    let database = ["journal.db", "journal.db-wal", "journal.db-shm"];
    for (gone, said) in [
        (&["lock"][..], "the bridge's lock"),
        (&database[..], "the journal"),
        (
            &["lock", "journal.made", "journal.head", "journal.db", "journal.db-wal", "journal.db-shm"][..],
            "the bridge's lock",
        ),
    ] {
        let scene = Scene::new().config(UP).env("WO_PROBE", "1");
        let mut daemon = scene.up();
        scene.drop_order("WO-0-PROBE.md", "---\nid: WO-0-PROBE\nhandler: probe\n---\n");
        daemon.wait_for("it works", || scene.exists("bridge/archive/CLC/WO-0-PROBE.md"));
        let ledger = scene.read("ledger.txt");
        for name in gone {
            let _ = fs::remove_file(scene.path("bridge/state").join(name));
        }
        scene.drop_order("WO-1-PROBE.md", "---\nid: WO-1-PROBE\nhandler: probe\n---\n");
        let ended = daemon.wait_end().expect_exit(1);
        assert!(ended.log.contains(said) && ended.log.contains("was removed or replaced"), "{gone:?}: {}", ended.log);
        assert_eq!(scene.read("ledger.txt"), ledger, "{gone:?}");
        assert_eq!(scene.list("bridge/inbox/CLC"), ["WO-1-PROBE.md"], "{gone:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_executor_that_is_suspended_is_told_to_be() {
    let scene = Scene::new().config(UP);
    let mut daemon = scene.up();
    daemon.wait_for("it holds the bridge", || scene.wo(["status"]).stdout.starts_with("executor: `wo up`"));
    scene.wo(["status"]).expect_no_stdout("is suspended");
    daemon.signal(rustix::process::Signal::STOP);
    let cure = format!("is suspended: `fg` in its terminal, or `kill -CONT {}`", daemon.pid());
    daemon.wait_for("it is suspended", || scene.wo(["status"]).stdout.contains(&cure));
    daemon.signal(rustix::process::Signal::CONT);
    daemon.stop().expect_exit(0);
}

/// Whoever reaches the folder through a link, its orders are one executor's.
#[test]
fn an_inbox_that_two_roots_share_has_one_executor() {
    let (first, second) = (Scene::new().config(UP).env("WO_PROBE", "1"), Scene::new().config(UP).env("WO_PROBE", "1"));
    let inbox = second.path("bridge/inbox/CLC");
    fs::remove_dir_all(&inbox).unwrap();
    std::os::unix::fs::symlink(first.path("bridge/inbox/CLC"), &inbox).unwrap();
    let mut daemon = first.up();
    daemon.wait_for("it looks", || first.exists("bridge/state/journal.db"));
    let held = format!("is held by the executor of another root, pid {}", daemon.pid());
    for args in [["up"], ["run"]] {
        second.wo(args).expect_exit(2).expect_stderr(&held);
    }
    first.drop_order("WO-1-PROBE.md", "---\nid: WO-1-PROBE\nhandler: probe\n---\n");
    daemon.wait_for("the first carries it out", || first.exists("bridge/archive/CLC/WO-1-PROBE.md"));
    assert!(!second.exists("ledger.txt"));
    daemon.stop().expect_exit(0);
    second.wo(["run"]).expect_exit(0);
}
