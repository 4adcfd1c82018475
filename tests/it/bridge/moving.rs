//! The moves of a file: it is the one that was looked at, and nothing is overwritten.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use workbridge::bridge::scan::{Look, scan};
use workbridge::bridge::take::{self, MoveError, TakeError};
use workbridge::bridge::{Place, sync_dirs};
use workbridge::config::Config;

use super::{append, make_fifo, names, only_candidate, open, scene};

#[test]
fn swapped_between_look_and_open() {
    let path = "bridge/inbox/CLC/WO-1.md";
    type Swap = (&'static str, fn(&Path));
    let swaps: [Swap; 5] = [
        ("a link", |path| symlink("/etc/passwd", path).unwrap()),
        ("another file", |path| fs::write(path, "other").unwrap()),
        ("a pipe", make_fifo),
        ("a directory", |path| fs::create_dir(path).unwrap()),
        ("a file with two links", |path| {
            fs::write(path.with_file_name(".x"), "other").unwrap();
            fs::hard_link(path.with_file_name(".x"), path).unwrap();
        }),
    ];
    for (what, swap) in swaps {
        let scene = scene().order("WO-1.md", "good");
        let candidate = only_candidate(&scene);
        // kept, so that its inode is not given to the new file
        fs::rename(scene.path(path), scene.path("bridge/kept")).unwrap();
        swap(&scene.path(path));
        let opened = open(&scene, &candidate);
        assert!(matches!(opened, Err(TakeError::NotSettled | TakeError::Refused(_))), "{what}: {opened:?}");
    }
    let scene = scene().order("WO-1.md", "good");
    let candidate = only_candidate(&scene);
    fs::remove_file(scene.path(path)).unwrap();
    assert!(matches!(open(&scene, &candidate), Err(TakeError::Gone)));
}

#[test]
fn written_to_between_look_and_open() {
    let scene = scene().order("WO-1.md", "good");
    let candidate = only_candidate(&scene);
    append(&scene.path("bridge/inbox/CLC/WO-1.md"), " and more");
    assert!(matches!(open(&scene, &candidate), Err(TakeError::NotSettled)));
}

#[test]
fn saved_anew_between_open_and_move() {
    let scene = scene().order("WO-1.md", "old");
    let candidate = only_candidate(&scene);
    let taken = open(&scene, &candidate).unwrap();
    scene.drop_order("WO-1.md", "new");
    let moved = take::to_processing(&scene.root(), &candidate, &taken, "WO-1.md");
    assert!(matches!(moved, Err(MoveError::Swapped)), "{moved:?}");
    assert_eq!(fs::read_to_string(scene.path("bridge/inbox/CLC/WO-1.md")).unwrap(), "new");
    assert!(names(&scene.root().processing("CLC")).is_empty());
}

/// The name is checked again after the move: there is no moment in which another file can be carried off.
#[test]
fn saved_anew_again_and_again_while_it_is_moved() {
    let scene = scene();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let mut seen = Vec::new();
    std::thread::scope(|threads| {
        let scene = &scene;
        threads.spawn(move || {
            // ends with its sender, also when the test fails
            for n in 0.. {
                if stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Disconnected) {
                    return;
                }
                scene.drop_order("WO-1.md", format!("save {n}"));
            }
        });
        let _stop = stop;
        let root = scene.root();
        while seen.len() < 300 {
            for look in scan(&root, &Config::default()).unwrap() {
                let Look::Order(candidate) = look else { panic!("{look:?}") };
                let Ok(taken) = open(scene, &candidate) else { continue };
                let name = format!("WO-{}.md", seen.len());
                match take::to_processing(&root, &candidate, &taken, name) {
                    Ok(path) => {
                        assert_eq!(fs::read(&path).unwrap(), taken.bytes, "what was moved is what was read");
                        seen.push(taken.bytes);
                    }
                    Err(MoveError::Gone | MoveError::Swapped) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count, "no save twice");
}

#[test]
fn a_claim_that_was_made_already_is_no_error() {
    let scene = scene().order("WO-1.md", "x");
    let candidate = only_candidate(&scene);
    let taken = open(&scene, &candidate).unwrap();
    let first = take::to_processing(&scene.root(), &candidate, &taken, "WO-1.md").unwrap();
    let second = take::to_processing(&scene.root(), &candidate, &taken, "WO-1.md").unwrap();
    assert_eq!(first, second);
    sync_dirs(&scene.root(), "CLC", &[Place::Inbox, Place::Processing, Place::Archive]).unwrap();
}

#[test]
fn a_claim_never_overwrites() {
    let scene = scene().order("WO-1.md", "new").file("bridge/processing/CLC/WO-1.md", "old");
    let candidate = only_candidate(&scene);
    let taken = open(&scene, &candidate).unwrap();
    let moved = take::to_processing(&scene.root(), &candidate, &taken, "WO-1.md");
    assert!(matches!(moved, Err(MoveError::Exists(_))), "{moved:?}");
    assert_eq!(fs::read_to_string(scene.path("bridge/processing/CLC/WO-1.md")).unwrap(), "old");
    assert_eq!(fs::read_to_string(scene.path("bridge/inbox/CLC/WO-1.md")).unwrap(), "new");
}

#[test]
fn archive_and_rejected_number_what_has_the_same_name() {
    let scene = scene();
    let root = scene.root();
    for n in 1..=12 {
        for place in ["archive", "rejected"] {
            scene.write("bridge/processing/CLC/WO-1.md", format!("{place} {n}"));
            let from = scene.path("bridge/processing/CLC/WO-1.md");
            let to = match place {
                "archive" => take::to_archive(&root, "CLC", &from, "WO-1.md"),
                _ => take::to_rejected(&root, "CLC", &from, "WO-1.md", &format!("reason {n}")),
            };
            let expected = if n == 1 { "WO-1.md".to_owned() } else { format!("WO-1.{n}.md") };
            let to = to.unwrap();
            assert_eq!(to, scene.path(format!("bridge/{place}/CLC/{expected}")));
            assert_eq!(fs::read_to_string(&to).unwrap(), format!("{place} {n}"));
        }
    }
    for n in 2..=12 {
        let reason = fs::read_to_string(scene.path(format!("bridge/rejected/CLC/WO-1.{n}.md.reason.md"))).unwrap();
        assert_eq!(reason, format!("reason {n}"));
    }
    assert!(names(&root.processing("CLC")).is_empty());
}

#[test]
fn a_reason_that_a_crash_left_is_used_and_another_is_kept() {
    let scene = scene().file("bridge/rejected/CLC/WO-1.md.reason.md", "the same reason");
    scene.write("bridge/processing/CLC/WO-1.md", "x");
    let from = scene.path("bridge/processing/CLC/WO-1.md");
    let to = take::to_rejected(&scene.root(), "CLC", &from, "WO-1.md", "the same reason").unwrap();
    assert_eq!(to, scene.path("bridge/rejected/CLC/WO-1.md"));

    let scene = scene.file("bridge/rejected/CLC/WO-2.md.reason.md", "of a file that a person took away");
    scene.write("bridge/processing/CLC/WO-2.md", "x");
    let from = scene.path("bridge/processing/CLC/WO-2.md");
    let to = take::to_rejected(&scene.root(), "CLC", &from, "WO-2.md", "another reason").unwrap();
    assert_eq!(to, scene.path("bridge/rejected/CLC/WO-2.2.md"));
    let kept = fs::read_to_string(scene.path("bridge/rejected/CLC/WO-2.md.reason.md")).unwrap();
    assert_eq!(kept, "of a file that a person took away");
}

#[test]
fn moving_what_is_gone_says_so_and_leaves_no_reason() {
    let scene = scene();
    let from = scene.path("bridge/processing/CLC/WO-1.md");
    fs::create_dir_all(scene.root().processing("CLC")).unwrap();
    let archived = take::to_archive(&scene.root(), "CLC", &from, "WO-1.md");
    assert!(matches!(archived, Err(MoveError::Gone)), "{archived:?}");
    let rejected = take::to_rejected(&scene.root(), "CLC", &from, "WO-1.md", "why");
    assert!(matches!(rejected, Err(MoveError::Gone)), "{rejected:?}");
    assert!(names(&scene.root().rejected("CLC")).is_empty());
}

#[test]
fn what_the_journal_does_not_know_goes_back_to_the_inbox() {
    let scene = scene().order("WO-1.md", "new").file("bridge/processing/CLC/WO-1.md", "unknown");
    let held = take::recover_listing(&scene.root(), "CLC").unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].sha256.as_deref(), Some(crate::support::sha256(b"unknown").as_str()));
    let back = take::to_inbox(&scene.root(), "CLC", &held[0].path, &held[0].name).unwrap();
    assert_eq!(back, scene.path("bridge/inbox/CLC/WO-1.2.md"));
    assert_eq!(fs::read_to_string(scene.path("bridge/inbox/CLC/WO-1.md")).unwrap(), "new");
    assert!(take::recover_listing(&scene.root(), "CLC").unwrap().is_empty());
}

#[test]
fn a_writer_that_kept_the_file_open_over_the_claim_is_found_out() {
    let scene = scene().order("WO-1.md", "claimed");
    let candidate = only_candidate(&scene);
    let mut writer = fs::OpenOptions::new().append(true).open(&candidate.path).unwrap();
    let taken = open(&scene, &candidate).unwrap();
    let path = take::to_processing(&scene.root(), &candidate, &taken, "WO-1.md").unwrap();
    assert!(take::still_same(&path, &taken.sha256).unwrap());
    writer.write_all(b" and the rest").unwrap();
    assert!(!take::still_same(&path, &taken.sha256).unwrap());
}

#[test]
fn what_a_crash_left_between_two_file_systems_is_finished() {
    let scene = scene()
        .file("bridge/processing/CLC/WO-1.md", "arrived")
        .file("bridge/inbox/CLC/.wo-carried.WO-1.md", "arrived")
        .file("bridge/inbox/CLC/.wo-carried.WO-2.md", "not arrived")
        .file("bridge/inbox/CLC/WO-3.md", "a new one")
        .file("bridge/inbox/CLC/.wo-carried.WO-3.md", "an old one");
    let held = take::recover_listing(&scene.root(), "CLC").unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(names(&scene.root().inbox("CLC")), ["WO-2.md", "WO-3.2.md", "WO-3.md"]);
    assert_eq!(fs::read_to_string(scene.path("bridge/inbox/CLC/WO-2.md")).unwrap(), "not arrived");
    assert_eq!(fs::read_to_string(scene.path("bridge/inbox/CLC/WO-3.2.md")).unwrap(), "an old one");
    let before = scene.tree("bridge");
    take::recover_listing(&scene.root(), "CLC").unwrap();
    assert_eq!(scene.tree("bridge"), before, "a second time changes nothing");
}
