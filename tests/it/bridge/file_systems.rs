//! An inbox on another file system than the rest: orders cross whole, and what can't cross is set aside.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};

use workbridge::bridge::scan::{Look, scan};
use workbridge::bridge::take::{self, MoveError};
use workbridge::config::Config;

use super::{names, only_candidate, open, scene};
use crate::support::Scene;

/// A scene whose inbox lies on another file system (a tmpfs) than the rest.
fn scene_over_two_file_systems() -> (Scene, tempfile::TempDir) {
    let scene = scene();
    let other = tempfile::Builder::new().prefix("wo inbox ๓ ").tempdir_in("/dev/shm").unwrap();
    let differs = other.path().metadata().unwrap().dev() != scene.dir().metadata().unwrap().dev();
    assert!(differs, "/dev/shm must be another file system than the temporary folder");
    fs::remove_dir(scene.root().inbox("CLC")).unwrap();
    symlink(other.path(), scene.root().inbox("CLC")).unwrap();
    (scene, other)
}

#[test]
fn orders_cross_to_another_file_system_whole() {
    let (scene, other) = scene_over_two_file_systems();
    fs::write(other.path().join("WO-1.md"), "over there").unwrap();
    fs::write(other.path().join("WO-1.md.minisig"), "its signature").unwrap();
    let root = scene.root();
    let candidate = only_candidate(&scene);
    let taken = open(&scene, &candidate).unwrap();
    let path = take::to_processing(&root, &candidate, &taken, "WO-1.md").unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "over there");
    assert_eq!(names(&root.processing("CLC")), ["WO-1.md", "WO-1.md.minisig"]);
    assert!(names(other.path()).is_empty(), "{:?}", names(other.path()));

    // a taken name leaves everything where it was
    fs::write(other.path().join("WO-1.md"), "again").unwrap();
    let candidate = only_candidate(&scene);
    let taken = open(&scene, &candidate).unwrap();
    let moved = take::to_processing(&root, &candidate, &taken, "WO-1.md");
    assert!(matches!(moved, Err(MoveError::Exists(_))), "{moved:?}");
    assert_eq!(names(other.path()), ["WO-1.md"]);
}

#[test]
fn what_cannot_cross_is_set_aside_with_its_reason() {
    let (scene, other) = scene_over_two_file_systems();
    symlink("/nowhere", other.path().join("WO-1.md")).unwrap();
    fs::create_dir(other.path().join("WO-2.md")).unwrap();
    fs::File::create(other.path().join("WO-3.md")).unwrap().set_len(1 << 32).unwrap();
    fs::write(other.path().join("WO-4.md"), "too large for this bridge, small enough to copy").unwrap();
    let mut config = Config::default();
    config.limits.order_bytes = 10;
    for look in scan(&scene.root(), &config).unwrap() {
        let Look::Refused { candidate, reason } = look else { panic!("{look:?}") };
        take::refuse(&scene.root(), &candidate, &reason.markdown(&candidate.shown())).unwrap();
    }
    assert!(scan(&scene.root(), &config).unwrap().is_empty(), "none is looked at again");
    assert_eq!(names(other.path()), [".wo-refused.WO-1.md", ".wo-refused.WO-2.md", ".wo-refused.WO-3.md"]);
    assert_eq!(
        names(&scene.root().rejected("CLC")),
        ["WO-1.md.reason.md", "WO-2.md.reason.md", "WO-3.md.reason.md", "WO-4.md", "WO-4.md.reason.md"]
    );
}
