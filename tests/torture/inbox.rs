//! The inbox under a live daemon: slow and pausing writers, every way of saving, floods, folders that go and come, no
//! watcher at all, files that can't be moved. Every order is claimed once, none half-read, and none holds up the others.
//!
//! How the bridge decides is tested step by step in `tests/it/bridge.rs`; here the whole program runs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ground::{full, loud, runs_in};
use crate::support::{Daemon, Scene};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n";

fn scene(inbox: &str) -> Scene {
    let memory = Path::new("/dev/shm");
    let top = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    Scene::new_in(&top).config(&format!("[inbox]\n{inbox}\n\n{UP}")).env("WO_PROBE", "1")
}

/// An order that is understood only when it is whole: its handler stands at its very end.
fn order(id: &str) -> String {
    format!(
        "{{\n  \"id\": \"{id}\",\n  \"title\": \"an order of one step\",\n  \"params\": {{ \"steps\": 1 }},\n  \"handler\": \"probe\"\n}}\n"
    )
}

fn inbox(scene: &Scene) -> PathBuf {
    scene.path("bridge/inbox/CLC")
}

fn line(id: &str) -> String {
    format!("{id} 1 1")
}

fn ledger(scene: &Scene) -> Vec<String> {
    fs::read_to_string(scene.path("ledger.txt")).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[track_caller]
fn wait_done(daemon: &mut Daemon, scene: &Scene, id: &str) {
    daemon.wait_for(&format!("{id} is done"), || ledger(scene).contains(&line(id)));
}

/// Stops the daemon; every id was claimed once and whole, and nothing else was claimed or refused.
#[track_caller]
fn check(daemon: Daemon, scene: &Scene, ids: &[String]) {
    daemon.stop().expect_exit(0);
    let ran = scene.wo(["run"]);
    assert!(ran.status.code().is_some_and(|code| code <= 1), "{ran}");
    let lines = ledger(scene);
    let expected: BTreeSet<String> = ids.iter().map(|id| line(id)).collect();
    assert_eq!(lines.iter().cloned().collect::<BTreeSet<_>>(), expected);
    assert_eq!(lines.len(), ids.len(), "each once");
    let runs = runs_in(&scene.path("bridge/state"));
    assert_eq!(runs.len(), ids.len(), "one attempt at each");
    assert!(runs.iter().all(|run| run.contains("\"ended\"")), "{runs:?}");
    assert_eq!(scene.list("bridge/rejected/CLC"), Vec::<String>::new());
    assert_eq!(scene.list("bridge/processing/CLC"), Vec::<String>::new());
}

/// Only inotify tells when a writer closes a file.
#[cfg(target_os = "linux")]
#[test]
fn slow_and_pausing_writers() {
    let scene = scene("settle_ms = 100\nrescan_ms = 100");
    let mut daemon = scene.up();
    let ids: Vec<String> = (0..4).map(|n| format!("WO-SLOW-{n}")).collect();
    let mut open: Vec<(fs::File, Vec<u8>)> = ids
        .iter()
        .map(|id| (fs::File::create(inbox(&scene).join(format!("{id}.json"))).unwrap(), order(id).into_bytes()))
        .collect();
    // a byte here and there, with other orders going through in between, so that many looks see the half-written ones
    let mut others = Vec::new();
    for round in 0..if full() { 40 } else { 8 } {
        for (file, rest) in &mut open {
            let part: Vec<u8> = rest.drain(..rest.len().min(3)).collect();
            file.write_all(&part).unwrap();
        }
        let id = format!("WO-QUICK-{round}");
        scene.drop_order(&format!("{id}.json"), order(&id));
        wait_done(&mut daemon, &scene, &id);
        others.push(id);
    }
    assert!(ledger(&scene).iter().all(|line| line.contains("QUICK")), "none of the open ones was taken");
    for (mut file, rest) in open {
        file.write_all(&rest).unwrap();
    }
    for id in &ids {
        wait_done(&mut daemon, &scene, id);
    }
    check(daemon, &scene, &[ids, others].concat());
}

/// The writer is another process and the daemon never heard of what it does: `/proc` tells it.
#[cfg(target_os = "linux")]
#[test]
fn a_pausing_writer_and_no_watcher() {
    let scene = scene("settle_ms = 50\nrescan_ms = 50\nwatch = false");
    let text = order("WO-SLOW-0");
    let (first, second) = text.split_at(text.len() / 2);
    let script = r#"exec 3>"$1"; printf '%s' "$2" >&3; read line; printf '%s' "$3" >&3"#;
    let mut writer = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .arg(inbox(&scene).join("WO-SLOW-0.json"))
        .args([first, second])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    crate::support::wait_for("the first half", || {
        fs::read_to_string(inbox(&scene).join("WO-SLOW-0.json")).is_ok_and(|text| text == first)
    });
    let mut daemon = scene.up();
    let mut ids = vec!["WO-SLOW-0".to_owned()];
    for round in 0..5 {
        let id = format!("WO-QUICK-{round}");
        scene.drop_order(&format!("{id}.json"), order(&id));
        wait_done(&mut daemon, &scene, &id);
        ids.push(id);
    }
    assert!(!ledger(&scene).contains(&line("WO-SLOW-0")));
    writer.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    writer.wait().unwrap();
    wait_done(&mut daemon, &scene, "WO-SLOW-0");
    check(daemon, &scene, &ids);
}

/// Folder, name, text.
type Save = fn(&Path, &str, &str);

/// The ways in which programs bring a text to its name, each in one go.
const SAVES: [(&str, Save); 10] = [
    ("in place", |dir, name, text| fs::write(dir.join(name), text).unwrap()),
    ("hidden, renamed", |dir, name, text| {
        fs::write(dir.join(format!(".{name}.tmp")), text).unwrap();
        fs::rename(dir.join(format!(".{name}.tmp")), dir.join(name)).unwrap();
    }),
    ("vim", |dir, name, text| {
        fs::write(dir.join("4913"), "").unwrap();
        fs::remove_file(dir.join("4913")).unwrap();
        fs::write(dir.join(format!("{name}~")), "the old text").unwrap();
        fs::write(dir.join(name), text).unwrap();
        fs::remove_file(dir.join(format!("{name}~"))).unwrap();
    }),
    ("emacs", |dir, name, text| {
        std::os::unix::fs::symlink("user@host.1:2", dir.join(format!(".#{name}"))).unwrap();
        fs::write(dir.join(format!("#{name}#")), "half").unwrap();
        fs::write(dir.join(name), text).unwrap();
        fs::remove_file(dir.join(format!("#{name}#"))).unwrap();
        fs::remove_file(dir.join(format!(".#{name}"))).unwrap();
    }),
    ("touched, then written", |dir, name, text| {
        fs::File::create(dir.join(name)).unwrap();
        fs::write(dir.join(name), text).unwrap();
    }),
    ("appended in pieces", |dir, name, text| {
        for part in text.as_bytes().chunks(7) {
            let mut file = fs::OpenOptions::new().append(true).create(true).open(dir.join(name)).unwrap();
            file.write_all(part).unwrap();
        }
    }),
    ("copied with old times", |dir, name, text| {
        fs::write(dir.join(name), text).unwrap();
        let file = fs::File::options().append(true).open(dir.join(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000)).unwrap();
    }),
    ("rsync", |dir, name, text| {
        fs::write(dir.join(format!(".{name}.Xa81Qz")), text).unwrap();
        fs::rename(dir.join(format!(".{name}.Xa81Qz")), dir.join(name)).unwrap();
    }),
    ("linked and unlinked", |dir, name, text| {
        fs::write(dir.join(format!(".{name}.tmp")), text).unwrap();
        fs::hard_link(dir.join(format!(".{name}.tmp")), dir.join(name)).unwrap();
        fs::remove_file(dir.join(format!(".{name}.tmp"))).unwrap();
    }),
    ("from another file system", |dir, name, text| {
        let elsewhere = tempfile::NamedTempFile::new_in("/tmp").unwrap();
        fs::write(elsewhere.path(), text).unwrap();
        assert!(Command::new("mv").arg(elsewhere.path()).arg(dir.join(name)).status().unwrap().success());
    }),
];

fn all_saves(settings: &str) {
    let scene = scene(settings);
    let mut daemon = scene.up();
    let ids: Vec<String> = (0..SAVES.len()).map(|n| format!("WO-SAVE-{n}")).collect();
    for (id, (_, save)) in ids.iter().zip(SAVES) {
        save(&inbox(&scene), &format!("{id}.json"), &order(id));
    }
    for (id, (what, _)) in ids.iter().zip(SAVES) {
        daemon.wait_for(what, || ledger(&scene).contains(&line(id)));
    }
    check(daemon, &scene, &ids);
}

#[test]
fn every_way_of_saving_with_a_watcher() {
    all_saves("settle_ms = 3000\nrescan_ms = 200");
}

#[test]
fn every_way_of_saving_without_a_watcher() {
    all_saves("settle_ms = 3000\nrescan_ms = 100\nwatch = false");
}

#[test]
fn a_flood_that_fell_while_nothing_ran() {
    let count = if full() { 20_000 } else { 600 };
    let scene = scene("settle_ms = 100");
    let ids: Vec<String> = (0..count).map(|n| format!("WO-FLOOD-{n:05}")).collect();
    for id in &ids {
        fs::write(inbox(&scene).join(format!("{id}.json")), order(id)).unwrap();
    }
    let mut daemon = scene.up();
    daemon.wait_for("the first are done", || !ledger(&scene).is_empty());
    // more falls meanwhile, faster than it is taken up
    let late: Vec<String> = (0..count / 10).map(|n| format!("WO-LATE-{n:05}")).collect();
    for id in &late {
        scene.drop_order(&format!("{id}.json"), order(id));
    }
    let total = ids.len() + late.len();
    // as long as it moves on; on a slow machine a flood takes its time
    let mut seen = 0;
    while seen < total {
        daemon.wait_for("the flood goes on being taken up", || ledger(&scene).len() > seen);
        seen = ledger(&scene).len();
    }
    check(daemon, &scene, &[ids, late].concat());
}

/// FSEvents watches paths, inotify the very folder.
#[cfg(target_os = "linux")]
#[test]
fn an_inbox_that_goes_and_comes() {
    let scene = scene("settle_ms = 50\nrescan_ms = 60000");
    let mut daemon = scene.up();
    let mut ids = Vec::new();
    for round in 0..if full() { 20 } else { 4 } {
        let id = format!("WO-ROUND-{round}");
        match round % 4 {
            0 => {
                fs::remove_dir_all(inbox(&scene)).unwrap();
                fs::create_dir(inbox(&scene)).unwrap();
            }
            1 => {
                fs::rename(inbox(&scene), scene.path("bridge/moved away")).unwrap();
                fs::create_dir(inbox(&scene)).unwrap();
                fs::remove_dir_all(scene.path("bridge/moved away")).unwrap();
            }
            2 => {
                // it comes with an order in it
                fs::create_dir(scene.path("bridge/new")).unwrap();
                let early = format!("WO-EARLY-{round}");
                fs::write(scene.path(format!("bridge/new/{early}.json")), order(&early)).unwrap();
                fs::remove_dir_all(inbox(&scene)).unwrap();
                fs::rename(scene.path("bridge/new"), inbox(&scene)).unwrap();
                wait_done(&mut daemon, &scene, &early);
                ids.push(early);
            }
            _ => {
                fs::remove_dir_all(scene.path("bridge/inbox")).unwrap();
                fs::create_dir_all(inbox(&scene)).unwrap();
            }
        }
        scene.drop_order(&format!("{id}.json"), order(&id));
        // no look of its own comes for a minute: the watcher tells
        wait_done(&mut daemon, &scene, &id);
        ids.push(id);
    }
    check(daemon, &scene, &ids);
}

/// One order and one bad drop that can't be moved: both are told, and the others go on; once they can be moved, they are.
#[cfg(target_os = "linux")]
#[test]
fn files_that_cannot_be_moved_hold_up_no_other() {
    let scene = Scene::new().config(&format!("[inbox]\nsettle_ms = 20\nrescan_ms = 100\n\n{UP}")).env("WO_PROBE", "1");
    let stuck = ["WO-A-STUCK.json", "WO-A-BAD.json"];
    fs::write(inbox(&scene).join(stuck[0]), order("WO-A-STUCK")).unwrap();
    fs::write(inbox(&scene).join(stuck[1]), vec![b'x'; 2 << 20]).unwrap();
    let immutable = |how: &str| {
        stuck.iter().all(|name| {
            let done = Command::new("chattr").arg(how).arg(inbox(&scene).join(name)).output();
            done.is_ok_and(|output| output.status.success())
        })
    };
    if !immutable("+i") {
        immutable("-i");
        return loud("FILES THAT CANNOT BE MOVED WERE NOT TRIED: chattr +i needs root and a file system that knows it");
    }
    // made free whatever happens, so that the folder can be removed
    struct Free<F: Fn(&str) -> bool>(F);
    impl<F: Fn(&str) -> bool> Drop for Free<F> {
        fn drop(&mut self) {
            (self.0)("-i");
        }
    }
    let free = Free(immutable);
    let mut daemon = scene.up();
    for n in 0..5 {
        let id = format!("WO-Z-{n}");
        scene.drop_order(&format!("{id}.json"), order(&id));
        wait_done(&mut daemon, &scene, &id);
    }
    daemon.stop().expect_exit(0);
    let ran = scene.wo(["run"]).expect_exit(1).expect_stderr("not permitted");
    drop(ran);
    assert_eq!(ledger(&scene).len(), 5 + usize::from(ledger(&scene).contains(&line("WO-A-STUCK"))));
    assert!(scene.exists("bridge/inbox/CLC/WO-A-BAD.json"));
    drop(free);
    scene.wo(["run"]).expect_exit(1).expect_stdout("rejected");
    assert_eq!(ledger(&scene).iter().filter(|seen| **seen == line("WO-A-STUCK")).count(), 1);
    assert_eq!(ledger(&scene).len(), 6);
    assert!(scene.exists("bridge/rejected/CLC/WO-A-BAD.json.reason.md"));
    assert_eq!(scene.list("bridge/inbox/CLC"), Vec::<String>::new());
}
