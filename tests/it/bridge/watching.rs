//! What the watcher hears, and that no flood and no inbox made anew escapes it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::time::{Duration, Instant};

use workbridge::bridge::scan::{Look, scan};
use workbridge::bridge::watch::{self, Watcher};
use workbridge::config::Config;

use super::{Loop, QUIET, names, scene};
use crate::support::{PATIENCE, wait_for};

/// Waits until the watcher says that there is something to look at.
#[track_caller]
fn wait_dirty(watcher: &mut Watcher, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !watcher.wait(PATIENCE).dirty {
        assert!(Instant::now() < deadline, "{what}");
    }
}

/// Takes off what is still to be heard of earlier changes.
fn drain(watcher: &mut Watcher) {
    loop {
        let wake = watcher.wait(QUIET);
        if !wake.dirty && !wake.rung && !wake.rescan {
            return;
        }
    }
}

#[test]
fn an_inbox_that_is_deleted_and_made_anew_is_watched_again() {
    let scene = scene();
    let root = scene.root();
    let mut watcher = Watcher::start(&root, &Config::default().inbox);
    for round in 0..20 {
        drain(&mut watcher);
        fs::remove_dir_all(root.inbox("CLC")).unwrap();
        fs::create_dir(root.inbox("CLC")).unwrap();
        wait_dirty(&mut watcher, "the new inbox counts as dirty");
        drain(&mut watcher);
        assert!(watcher.is_watching(), "round {round}");
        scene.drop_order(&format!("WO-{round}.md"), "x");
        wait_dirty(&mut watcher, "an order in the new inbox is heard of");
    }
}

/// FSEvents watches paths, inotify the very folder.
#[cfg(target_os = "linux")]
#[test]
fn an_inbox_that_is_moved_away_and_one_put_in_its_place() {
    let scene = scene();
    let root = scene.root();
    let mut watcher = Watcher::start(&root, &Config::default().inbox);
    drain(&mut watcher);
    fs::rename(root.inbox("CLC"), root.join("bridge/old")).unwrap();
    fs::create_dir(root.join("bridge/new")).unwrap();
    fs::rename(root.join("bridge/new"), root.inbox("CLC")).unwrap();
    wait_dirty(&mut watcher, "the new inbox counts as dirty");
    drain(&mut watcher);
    fs::write(root.join("bridge/old/WO-1.md"), "in the old one").unwrap();
    assert!(!watcher.wait(QUIET).dirty, "the old one is no inbox any more");
    scene.drop_order("WO-2.md", "x");
    wait_dirty(&mut watcher, "the new one is watched");
}

#[test]
fn the_folder_of_all_inboxes_is_deleted_and_made_anew() {
    let scene = scene();
    let root = scene.root();
    let mut watcher = Watcher::start(&root, &Config::default().inbox);
    drain(&mut watcher);
    fs::remove_dir_all(root.bridge()).unwrap();
    wait_for("the watcher sees that it is gone", || {
        watcher.wait(Duration::from_millis(10));
        !root.inbox("CLC").exists()
    });
    let looks = scan(&root, &Config::default()).unwrap();
    assert!(matches!(looks.as_slice(), [Look::Unavailable { .. }]), "{looks:?}");
    fs::create_dir_all(root.inbox("CLC")).unwrap();
    // nothing above `bridge` is watched: the next wait finds the new folders by itself
    wait_dirty(&mut watcher, "the new inbox counts as dirty");
    drain(&mut watcher);
    scene.drop_order("WO-1.md", "x");
    wait_dirty(&mut watcher, "the new inbox is watched");
}

#[test]
fn a_disabled_watcher_only_waits() {
    let scene = scene();
    let mut config = Config::default();
    config.inbox.watch = false;
    let mut watcher = Watcher::start(&scene.root(), &config.inbox);
    scene.drop_order("WO-1.md", "x");
    let wake = watcher.wait(Duration::from_millis(20));
    assert!(!wake.dirty && !wake.rescan && !wake.rung && wake.events.is_empty() && wake.error.is_none());
    assert_eq!(scan(&scene.root(), &config).unwrap().len(), 1, "the look finds it all the same");
}

#[test]
fn ringing_and_waking_end_the_wait() {
    let scene = scene();
    let mut watcher = Watcher::start(&scene.root(), &Config::default().inbox);
    drain(&mut watcher);
    watch::ring(&scene.root()).unwrap();
    assert!(watcher.wait(PATIENCE).rung);
    drain(&mut watcher);
    watch::ring(&scene.root()).unwrap();
    assert!(watcher.wait(PATIENCE).rung, "a bell that is there already rings too");
    drain(&mut watcher);
    let waker = watcher.waker();
    std::thread::spawn(move || waker.wake());
    assert!(watcher.wait(PATIENCE).rung);
}

/// FSEvents does not say in which direction a file was renamed.
#[cfg(target_os = "linux")]
#[test]
fn reading_and_taking_away_wake_nobody() {
    let scene = scene();
    scene.drop_order("WO-1.md", "x");
    let mut watcher = Watcher::start(&scene.root(), &Config::default().inbox);
    drain(&mut watcher);
    fs::read(scene.path("bridge/inbox/CLC/WO-1.md")).unwrap();
    names(&scene.root().inbox("CLC"));
    fs::rename(scene.path("bridge/inbox/CLC/WO-1.md"), scene.path("bridge/outbox/away")).unwrap();
    assert!(!watcher.wait(QUIET).dirty);
}

#[test]
fn twenty_thousand_orders_dropped_while_nothing_ran() {
    const COUNT: usize = 20_000;
    let scene = scene();
    for n in 0..COUNT {
        fs::write(scene.path(format!("bridge/inbox/CLC/WO-{n:05}.md")), format!("order {n}")).unwrap();
    }
    let mut inbox = Loop::over(&scene);
    inbox.settle_down();
    assert_eq!(inbox.taken.len(), COUNT);
    for (n, (name, bytes)) in inbox.taken.iter().enumerate() {
        assert_eq!(
            (name.to_str(), bytes),
            (Some(format!("WO-{n:05}.md").as_str()), &format!("order {n}").into_bytes())
        );
    }
    assert!(names(&inbox.inbox()).is_empty());
    assert_eq!(names(&inbox.root.processing("CLC")).len(), COUNT);
}

#[test]
fn a_storm_of_drops_while_it_watches() {
    const COUNT: usize = 3_000;
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    let dir = inbox.inbox();
    let writer = std::thread::spawn(move || {
        for n in 0..COUNT {
            let hidden = dir.join(format!(".{n}.tmp"));
            fs::write(&hidden, format!("order {n}")).unwrap();
            fs::rename(&hidden, dir.join(format!("WO-{n}.md"))).unwrap();
        }
    });
    while !writer.is_finished() {
        inbox.beat(QUIET / 10);
    }
    writer.join().unwrap();
    inbox.settle_down();
    let taken: BTreeMap<&OsString, &Vec<u8>> = inbox.taken.iter().map(|(name, bytes)| (name, bytes)).collect();
    assert_eq!((taken.len(), inbox.taken.len()), (COUNT, COUNT), "each once");
    for n in 0..COUNT {
        assert_eq!(taken[&OsString::from(format!("WO-{n}.md"))], &format!("order {n}").into_bytes());
    }
}
