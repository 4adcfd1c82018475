//! Orders dropped by Workbridge itself: whole, under a name that is free.

use std::fs;

use workbridge::bridge::{BridgeError, mailbox};

use super::{names, scene};
use crate::support::Scene;

#[test]
fn a_drop_is_whole_and_never_replaces() {
    let scene = scene();
    let root = scene.root();
    let path = mailbox::drop_order(&root, "CLC", "WO-1.md", b"first").unwrap();
    let again = mailbox::drop_order(&root, "CLC", "WO-1.md", b"second");
    assert!(matches!(again, Err(BridgeError::Exists(_))), "{again:?}");
    assert_eq!(fs::read_to_string(path).unwrap(), "first");
    assert_eq!(names(&root.inbox("CLC")), ["WO-1.md"], "no temporary file stays");
}

#[test]
fn a_drop_makes_its_inbox_and_minds_its_name() {
    let scene = Scene::bare();
    let root = scene.root();
    mailbox::drop_order(&root, "GG", "WO-1.yaml", b"x").unwrap();
    assert_eq!(names(&root.inbox("GG")), ["WO-1.yaml"]);
    for name in
        ["../WO-1.md", "WO-1.txt", "a.md", "WO-1.result.json", "WO-\u{1b}.md", "", "WO-a/../../b.md", ".WO-1.md"]
    {
        let dropped = mailbox::drop_order(&root, "GG", name, b"x");
        assert!(matches!(dropped, Err(BridgeError::Name { .. })), "{name}: {dropped:?}");
    }
    assert_eq!(names(&root.join("bridge/inbox")), ["GG"]);
}

#[test]
fn of_eight_drops_of_one_name_one_wins() {
    let scene = scene();
    let root = scene.root();
    let won: Vec<bool> = std::thread::scope(|threads| {
        let drops: Vec<_> = (0..8)
            .map(|n| {
                let root = &root;
                threads.spawn(move || mailbox::drop_order(root, "CLC", "WO-1.md", format!("{n}").as_bytes()))
            })
            .collect();
        drops.into_iter().map(|drop| drop.join().unwrap().is_ok()).collect()
    });
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = won.iter().position(|won| *won).unwrap();
    assert_eq!(fs::read_to_string(root.inbox("CLC").join("WO-1.md")).unwrap(), winner.to_string());
    assert_eq!(names(&root.inbox("CLC")), ["WO-1.md"]);
}
