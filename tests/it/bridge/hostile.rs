//! What lies in an inbox and is no order, or no honest one: refused with a reason, or left where it is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::time::Duration;

use workbridge::bridge::scan::{Look, scan};
use workbridge::bridge::{BridgeError, Refusal, mailbox};
use workbridge::config::Config;

use super::{Loop, make_fifo, names, scene};
use crate::support::Scene;

/// Puts one bad file beside a good order; sees it refused for the reason, with the reason file, and the good one taken.
#[track_caller]
fn check_refused(name: &OsStr, expect: &str, make: impl FnOnce(&Path)) {
    drop(refused_scene(name, expect, make));
}

#[track_caller]
fn refused_scene(name: &OsStr, expect: &str, make: impl FnOnce(&Path)) -> Scene {
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    make(&inbox.inbox().join(name));
    let before = inbox.inbox().join(name).symlink_metadata().unwrap();
    scene.drop_order("WO-good.md", "good");
    inbox.settle_down();
    inbox.expect_taken(&[("WO-good.md", "good")]);
    let codes: Vec<&str> = inbox.refused.iter().map(|(_, reason)| reason.code()).collect();
    assert_eq!(codes, [expect], "{name:?}");
    let rejected = inbox.root.rejected("CLC");
    let moved = rejected.join(name).symlink_metadata().unwrap();
    assert_eq!((moved.dev(), moved.ino()), (before.dev(), before.ino()), "the very file lies in rejected/");
    let mut reason = name.to_owned();
    reason.push(".reason.md");
    let text = fs::read_to_string(rejected.join(reason)).unwrap();
    assert!(text.contains("**Reason:**") && text.contains("**What to do:**"), "{text}");
    assert!(names(&inbox.inbox()).is_empty());
    // and nothing more happens
    inbox.settle_down();
    assert_eq!((inbox.taken.len(), inbox.refused.len()), (1, 1));
    scene
}

#[test]
fn symlinks_are_refused_and_not_followed() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "untouched").unwrap();
    check_refused(OsStr::new("WO-1.md"), "symlink", |path| symlink(secret.path(), path).unwrap());
    check_refused(OsStr::new("WO-1.md"), "symlink", |path| symlink("WO-1.md", path).unwrap());
    check_refused(OsStr::new("WO-1.md"), "symlink", |path| symlink("/nowhere", path).unwrap());
    check_refused(OsStr::new("WO-1.md"), "symlink", |path| symlink("..", path).unwrap());
    assert_eq!(fs::read_to_string(secret.path()).unwrap(), "untouched");
}

#[test]
fn hard_links_are_refused() {
    let scene = refused_scene(OsStr::new("WO-1.md"), "hard-link", |path| {
        let other = path.ancestors().nth(3).unwrap().join("other name");
        fs::write(&other, "mine").unwrap();
        fs::hard_link(&other, path).unwrap();
    });
    assert_eq!(fs::read_to_string(scene.path("bridge/other name")).unwrap(), "mine");
}

#[test]
fn pipes_and_sockets_are_refused_without_blocking() {
    check_refused(OsStr::new("WO-1.md"), "fifo", make_fifo);
    check_refused(OsStr::new("WO-1.md"), "socket", |path| {
        // a socket's path is short: bound beneath a short folder in /tmp, then moved
        let dir = tempfile::Builder::new().prefix("s").tempdir_in("/tmp").unwrap();
        let socket = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        fs::rename(dir.path().join("s"), path).unwrap();
        drop(socket);
    });
}

/// Only root may make device nodes; what a user can't make, a user can't drop.
#[cfg(target_os = "linux")]
#[test]
fn devices_are_refused() {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    if rustix::process::geteuid().is_root() {
        check_refused(OsStr::new("WO-1.md"), "device", |path| {
            mknodat(CWD, path, FileType::CharacterDevice, Mode::from_raw_mode(0o644), makedev(1, 3)).unwrap();
        });
    }
}

#[test]
fn directories_named_like_orders_are_refused_with_what_they_hold() {
    let scene = refused_scene(OsStr::new("WO-1.md"), "directory", |path| {
        fs::create_dir(path).unwrap();
        fs::write(path.join("WO-2.md"), "inside").unwrap();
    });
    assert_eq!(fs::read_to_string(scene.path("bridge/rejected/CLC/WO-1.md/WO-2.md")).unwrap(), "inside");
}

#[test]
fn files_over_the_limit_are_refused_unread() {
    let scene = refused_scene(OsStr::new("WO-1.md"), "too-large", |path| {
        // sparse: reading it all would take for ever
        fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
    });
    let reason = fs::read_to_string(scene.path("bridge/rejected/CLC/WO-1.md.reason.md")).unwrap();
    assert!(reason.contains("order_bytes"), "{reason}");
}

#[test]
fn an_order_of_exactly_the_limit_is_taken() {
    let scene = scene();
    let limit = usize::try_from(Config::default().limits.order_bytes).unwrap();
    let mut inbox = Loop::over(&scene);
    scene.drop_order("WO-1.md", vec![b'x'; limit]);
    scene.drop_order("WO-2.md", vec![b'x'; limit + 1]);
    inbox.settle_down();
    assert_eq!(inbox.taken.iter().map(|(_, bytes)| bytes.len()).collect::<Vec<_>>(), [limit]);
    assert!(matches!(inbox.refused.as_slice(), [(_, Refusal::TooLarge { .. })]));
}

#[test]
fn names_that_could_mislead_are_refused() {
    let write = |path: &Path| fs::write(path, "x").unwrap();
    for name in ["WO-\u{1b}[2J.md", "WO-a\nb.md", "WO-\u{202e}dm.exe.md", "WO-..\\..\\x.md"] {
        let scene = refused_scene(OsStr::new(name), "name", write);
        let reason = fs::read_dir(scene.path("bridge/rejected/CLC"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.to_string_lossy().ends_with(".reason.md"))
            .unwrap();
        let text = fs::read_to_string(reason).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "escaped: {text}");
    }
}

/// macOS makes no such names.
#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_utf8_is_refused_without_loss() {
    check_refused(OsStr::from_bytes(b"WO-\xff\xfe.md"), "name", |path| fs::write(path, "x").unwrap());
}

#[test]
fn a_name_as_long_as_names_get_is_refused_with_a_reason_beside_it() {
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    let name = format!("WO-{}.md", "x".repeat(249));
    fs::write(inbox.inbox().join(&name), "long").unwrap();
    inbox.settle_down();
    assert!(matches!(inbox.refused.as_slice(), [(_, Refusal::Name(_))]));
    let rejected = names(&inbox.root.rejected("CLC"));
    assert_eq!(rejected.len(), 2, "{rejected:?}");
    assert_eq!(rejected[1], format!("{}.reason.md", rejected[0]));
    assert_eq!(fs::read_to_string(inbox.root.rejected("CLC").join(&rejected[0])).unwrap(), "long");
}

#[test]
fn conflict_copies_are_refused() {
    let write = |path: &Path| fs::write(path, "x").unwrap();
    for name in ["WO-1 (Ann's conflicted copy 2025-10-28).md", "WO-1.sync-conflict-20251028-101112-ABCDEFG.md"] {
        check_refused(OsStr::new(name), "conflict-copy", write);
    }
}

#[test]
fn a_numbered_name_is_a_copy_only_where_its_original_is_on_the_bridge() {
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    scene.drop_order("WO-7 2.md", "an order of its own");
    inbox.settle_down();
    inbox.expect_taken(&[("WO-7 2.md", "an order of its own")]);
    fs::create_dir_all(inbox.root.archive("CLC")).unwrap();
    fs::write(inbox.root.archive("CLC").join("WO-8.md"), "done long ago").unwrap();
    scene.drop_order("WO-8 2.md", "from the cloud");
    inbox.settle_down();
    assert!(matches!(inbox.refused.as_slice(), [(_, Refusal::CopyOf { .. })]), "{:?}", inbox.refused);
}

#[test]
fn an_empty_order_is_given_time_and_then_refused() {
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    fs::write(inbox.inbox().join("WO-1.md"), "").unwrap();
    inbox.settle_down();
    assert!(inbox.refused.is_empty() && inbox.taken.is_empty());
    inbox.beat(Duration::from_secs(60));
    assert!(matches!(inbox.refused.as_slice(), [(_, Refusal::Empty)]));
}

#[test]
fn results_strays_and_templates_stay_where_they_are() {
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    scene.write("bridge/outbox/CLC/WO-9_REPORT.md", "our report");
    let left = [
        "README.md",
        "WO-1.ack.json",
        "WO-1.result.json",
        "WO-1_COMPLETE.md",
        "WO-9_REPORT.md",
        "templates/WO-T.md",
        ".hidden.md",
        "WO-1.md.minisig",
    ];
    for name in left {
        scene.write(Path::new("bridge/inbox/CLC").join(name), "left alone");
    }
    let before = scene.tree("bridge/inbox");
    inbox.settle_down();
    assert_eq!(inbox.results, ["WO-1.ack.json", "WO-1.result.json", "WO-1_COMPLETE.md", "WO-9_REPORT.md"]);
    assert_eq!(inbox.ignored, ["README.md"]);
    assert!(inbox.taken.is_empty() && inbox.refused.is_empty());
    assert_eq!(scene.tree("bridge/inbox"), before);
}

#[test]
fn an_agent_name_that_leads_away_is_an_error() {
    let scene = scene();
    for agent in ["..", "a/b", "", ".hidden", "a\u{1b}b", "../../etc"] {
        let mut config = Config::default();
        config.inbox.agents = vec![agent.to_owned()];
        assert!(matches!(scan(&scene.root(), &config), Err(BridgeError::Agent(_))), "{agent:?}");
        assert!(matches!(mailbox::drop_order(&scene.root(), agent, "WO-1.md", b"x"), Err(BridgeError::Agent(_))));
    }
}

#[test]
fn one_missing_inbox_does_not_hinder_the_others() {
    let scene = scene();
    scene.write("bridge/inbox/GG/WO-1.md", "x");
    let mut config = Config::default();
    config.inbox.agents = vec!["CLS".to_owned(), "GG".to_owned()];
    let looks = scan(&scene.root(), &config).unwrap();
    assert!(
        matches!(looks.as_slice(), [Look::Unavailable { agent, .. }, Look::Order(order)] if agent == "CLS" && order.agent == "GG"),
        "{looks:?}"
    );
}
