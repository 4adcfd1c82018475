//! State that can't be trusted: `wo` says so, executes nothing and changes nothing; and what it can't notice changes nothing
//! that matters.
//!
//! The journal's own file under a thousand mutations is in `tests/it/journal.rs`; here are the program as a whole and the
//! write-ahead log that a killed executor leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::ground::{CONFIG, full, probe};
use crate::support::Scene;

/// A root whose executor was killed in the middle of its second order, with a third in the inbox.
fn killed() -> Scene {
    static FIRST: LazyLock<Scene> = LazyLock::new(make_killed);
    let scene = Scene::bare().env("WO_PROBE", "1");
    let from = FIRST.dir().join(".");
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(scene.dir()).status().unwrap();
    assert!(copied.success(), "cp -a");
    scene
}

fn make_killed() -> Scene {
    let scene = Scene::new().config(CONFIG).env("WO_PROBE", "1");
    let (name, text) = probe("WO-1-PROBE", "");
    scene.drop_order(&name, text);
    let ran = scene.wo(["run"]);
    assert!(ran.status.success(), "{ran}");
    let (name, text) = probe("WO-2-PROBE", "");
    scene.drop_order(&name, text);
    let mut command = scene.command(["run"]);
    command.env("WO_FAILPOINT", "apply.after:2");
    crate::support::run(command, b"").expect_killed();
    let (name, text) = probe("WO-3-PROBE", "");
    scene.drop_order(&name, text);
    scene
}

/// The files of `bridge/state` that hold the journal.
fn journal(scene: &Scene) -> BTreeMap<PathBuf, Vec<u8>> {
    ["journal.db", "journal.db-wal"]
        .iter()
        .map(|name| scene.path("bridge/state").join(name))
        .filter(|path| path.exists())
        .map(|path| (path.clone(), fs::read(path).expect("the journal")))
        .collect()
}

fn restore(scene: &Scene, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for name in ["journal.db", "journal.db-wal", "journal.db-shm"] {
        let _ = fs::remove_file(scene.path("bridge/state").join(name));
    }
    for (path, bytes) in files {
        fs::write(path, bytes).expect("the journal");
    }
}

/// Everything but `bridge/state`.
fn mail(scene: &Scene) -> BTreeMap<String, String> {
    let mut tree = scene.tree("");
    tree.retain(|path, _| !path.starts_with("bridge/state"));
    tree
}

/// The executor refuses: exit code 2, the reason, nothing executed, nothing changed, and a backup put back makes it go on.
#[track_caller]
fn check_refused(what: &str, damage: impl FnOnce(&Scene)) {
    let scene = killed();
    let good = journal(&scene);
    damage(&scene);
    let (bad, before) = (journal(&scene), mail(&scene));
    for command in ["run", "up"] {
        let ran = scene.wo([command]).expect_exit(2).expect_stderr("journal");
        assert!(ran.stderr.contains("hint:") && !ran.stderr.contains("panicked"), "{what}: {ran}");
        assert_eq!(mail(&scene), before, "{what}: `wo {command}` changed something");
    }
    for (path, bytes) in &bad {
        assert!(fs::read(path).expect("still there") == *bytes, "{what}: {} was changed", path.display());
    }
    restore(&scene, &good);
    scene.wo(["run"]).expect_exit(0);
    check_done(what, &scene);
}

fn check_done(what: &str, scene: &Scene) {
    let ledger = scene.read("ledger.txt");
    let mut lines: Vec<&str> = ledger.lines().collect();
    lines.sort_unstable();
    let expected: Vec<String> =
        (1..=3).flat_map(|order| (1..=2).map(move |step| format!("WO-{order}-PROBE 1 {step}"))).collect();
    assert_eq!(lines, expected, "{what}: I2");
    for n in 1..=3 {
        // where the journal forgot an order whose steps were done, doing it again finds nothing to do
        let outcome = scene.result(&format!("WO-{n}-PROBE"))["outcome"].as_str().map(str::to_owned);
        assert!(outcome.as_deref().is_some_and(|outcome| ["done", "noop"].contains(&outcome)), "{what}: {outcome:?}");
        assert!(scene.exists(format!("bridge/archive/CLC/WO-{n}-PROBE.md")), "{what}: I1");
    }
}

#[test]
fn a_journal_that_is_damaged_or_gone_is_refused_and_kept() {
    let path = |scene: &Scene| scene.path("bridge/state/journal.db");
    let wal = |scene: &Scene| scene.path("bridge/state/journal.db-wal");
    check_refused("gone", |scene| {
        fs::remove_file(path(scene)).unwrap();
        fs::remove_file(wal(scene)).unwrap();
    });
    check_refused("empty", |scene| {
        fs::remove_file(wal(scene)).unwrap();
        fs::write(path(scene), "").unwrap();
    });
    check_refused("another database", |scene| {
        fs::remove_file(wal(scene)).unwrap();
        fs::remove_file(path(scene)).unwrap();
        let other = rusqlite::Connection::open(path(scene)).unwrap();
        other.execute_batch("CREATE TABLE t (a)").unwrap();
    });
    check_refused("text", |scene| fs::write(path(scene), "not a database ".repeat(1000)).unwrap());
    for part in [3, 2] {
        check_refused("cut off", move |scene| {
            let bytes = fs::read(path(scene)).unwrap();
            fs::write(path(scene), &bytes[..bytes.len() / part]).unwrap();
        });
    }
}

/// A write-ahead log that is cut short or gone is, to SQLite, an older journal; the order's own traces tell that it is one.
#[test]
fn a_write_ahead_log_that_lost_its_end_is_refused() {
    check_refused("the log is gone", |scene| {
        fs::remove_file(scene.path("bridge/state/journal.db-wal")).unwrap();
    });
    check_refused("the log is cut to half", |scene| {
        let path = scene.path("bridge/state/journal.db-wal");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    });
}

/// Without the head (a person who knows better) an older journal is taken, and without the state a new one. The order in
/// `processing/` that it does not know may have begun: it is not lost, and not run before a person says so.
#[test]
fn a_journal_that_forgot_what_was_claimed_neither_loses_nor_runs_it() {
    for (what, forget) in [
        ("an older journal", &["journal.db-wal", "journal.head"][..]),
        ("a new journal", &["journal.db", "journal.db-wal", "journal.db-shm", "journal.head", "journal.made"]),
    ] {
        let scene = killed();
        for name in forget {
            let _ = fs::remove_file(scene.path("bridge/state").join(name));
        }
        let held = scene.list("bridge/processing/CLC");
        let begun = |scene: &Scene| scene.read("ledger.txt").matches("WO-2-PROBE").count();
        let before = begun(&scene);
        scene.wo(["run"]).expect_exit(1).expect_stdout("to run it now, drop it again");
        let aside: Vec<String> =
            scene.list("bridge/rejected/CLC").into_iter().filter(|name| !name.ends_with(".reason.md")).collect();
        assert_eq!((aside.len(), held.len()), (1, 1), "{what}: {held:?} {aside:?}");
        assert_eq!(begun(&scene), before, "{what}: it was run");
        for name in aside {
            let reason = scene.read(format!("bridge/rejected/CLC/{name}.reason.md"));
            assert!(reason.contains("Whether any of it was run is not known."), "{reason}");
            fs::rename(scene.path("bridge/rejected/CLC").join(&name), scene.path("bridge/inbox/CLC").join(&name))
                .unwrap();
        }
        scene.wo(["run"]).expect_exit(0);
        check_done(what, &scene);
    }
}

/// Bits flip in the log that a kill left: it is refused, or it makes no difference.
#[test]
fn flipped_bits_in_the_write_ahead_log() {
    let rounds = if full() { 200 } else { 12 };
    let mut refused = 0;
    for n in 0..rounds {
        let scene = killed();
        let path = scene.path("bridge/state/journal.db-wal");
        let mut bytes = fs::read(&path).unwrap();
        let at = (n * 7919 + 13) % bytes.len();
        bytes[at] ^= 1 << (n % 8);
        fs::write(&path, bytes).unwrap();
        let before = mail(&scene);
        let ran = scene.wo(["run"]);
        assert!(!ran.stderr.contains("panicked"), "byte {at}: {ran}");
        match ran.status.code() {
            Some(0) => check_done(&format!("byte {at}"), &scene),
            Some(2) => {
                refused += 1;
                assert_eq!(mail(&scene), before, "byte {at}: refused, yet something changed: {ran}");
            }
            _ => panic!("byte {at}: {ran}"),
        }
    }
    assert!(refused > 0, "of {rounds} none was refused");
}
