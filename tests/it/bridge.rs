//! The bridge by itself: what lies in an inbox is taken once, whole, or refused with a reason; nothing is lost or overwritten.
//!
//! The settling runs on a time of the test's own: [`Loop::beat`] first waits until every event of what the test did has
//! arrived (a marker is renamed into the inbox after it; events keep their order), then looks.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use workbridge::bridge::scan::{Candidate, Look, scan};
use workbridge::bridge::settle::{Patience, Settler};
use workbridge::bridge::take::{self, MoveError, TakeError, Taken};
use workbridge::bridge::watch::{self, Watcher};
use workbridge::bridge::{BridgeError, Place, Refusal, mailbox, signature, sync_dirs};
use workbridge::config::Config;
use workbridge::root::Root;

use crate::support::{PATIENCE, Scene, wait_for};

const QUIET: Duration = Duration::from_millis(300);

/// The claiming half of the daemon's loop, over the real watcher, on a time of its own.
struct Loop {
    root: Root,
    config: Config,
    watcher: Watcher,
    settler: Settler,
    now: Instant,
    markers: u64,
    taken: Vec<(OsString, Vec<u8>)>,
    refused: Vec<(OsString, Refusal)>,
    results: Vec<OsString>,
    ignored: Vec<OsString>,
}

impl Loop {
    fn over(scene: &Scene) -> Loop {
        Loop::with(scene, Config::default())
    }

    fn unwatched(scene: &Scene) -> Loop {
        let mut config = Config::default();
        config.inbox.watch = false;
        Loop::with(scene, config)
    }

    fn with(scene: &Scene, config: Config) -> Loop {
        let root = scene.root();
        let watcher = Watcher::start(&root, &config.inbox);
        let patience = Patience { quiet: QUIET, ..Patience::daemon(&config.inbox) };
        Loop {
            watcher,
            settler: Settler::new(patience),
            root,
            config,
            now: Instant::now(),
            markers: 0,
            taken: Vec::new(),
            refused: Vec::new(),
            results: Vec::new(),
            ignored: Vec::new(),
        }
    }

    fn inbox(&self) -> PathBuf {
        self.root.inbox("CLC")
    }

    /// Lets `passed` go by, hears all that happened, looks once and takes what is whole.
    fn beat(&mut self, passed: Duration) {
        self.now += passed;
        if self.config.inbox.watch {
            self.hear();
        }
        let looks = scan(&self.root, &self.config).unwrap();
        let sorted = self.settler.sort(looks, self.now);
        assert!(sorted.unavailable.is_empty(), "{:?}", sorted.unavailable);
        self.results = sorted.results.into_iter().map(|candidate| candidate.name).collect();
        self.ignored = sorted.ignored.into_iter().map(|candidate| candidate.name).collect();
        for candidate in sorted.orders {
            match take::open(&self.root, &candidate, self.config.limits.order_bytes) {
                Ok(taken) => self.claim(&candidate, taken),
                Err(TakeError::Refused(reason)) => self.refuse(&candidate, reason),
                Err(TakeError::NotSettled | TakeError::Gone) => {}
                Err(TakeError::Failed(error)) => panic!("{error}"),
            }
        }
        for (candidate, reason) in sorted.refused {
            self.refuse(&candidate, reason);
        }
    }

    fn claim(&mut self, candidate: &Candidate, taken: Taken) {
        let name = format!("{}-{}", self.taken.len(), candidate.shown());
        match take::to_processing(&self.root, candidate, &taken, name) {
            Ok(path) => {
                assert_eq!(fs::read(path).unwrap(), taken.bytes);
                self.taken.push((candidate.name.clone(), taken.bytes));
            }
            Err(MoveError::Gone | MoveError::Swapped) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn refuse(&mut self, candidate: &Candidate, reason: Refusal) {
        match take::refuse(&self.root, candidate, &reason.markdown(&candidate.shown())) {
            Ok(_) => self.refused.push((candidate.name.clone(), reason)),
            Err(MoveError::Gone | MoveError::Swapped) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn hear(&mut self) {
        self.markers += 1;
        let hidden = self.root.bridge().join("marker");
        let marker = self.inbox().join(format!(".marker-{}", self.markers));
        fs::write(&hidden, "").unwrap();
        fs::rename(&hidden, &marker).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let wake = self.watcher.wait(PATIENCE);
            assert_eq!(wake.error, None);
            if wake.rescan {
                self.settler.forget_events();
            }
            let mut heard_marker = wake.rescan;
            for event in wake.events {
                heard_marker |= Some(event.name.as_os_str()) == marker.file_name();
                self.settler.hear(&event.agent, &event.name, event.heard, self.now);
            }
            if heard_marker {
                return fs::remove_file(marker).unwrap();
            }
            assert!(Instant::now() < deadline, "the marker was never heard of");
        }
    }

    /// Looks so often and so long that whatever will ever be whole is.
    fn settle_down(&mut self) {
        for _ in 0..3 {
            self.beat(QUIET);
        }
    }

    #[track_caller]
    fn expect_taken(&self, expected: &[(&str, &str)]) {
        let taken: Vec<(String, String)> = self
            .taken
            .iter()
            .map(|(name, bytes)| (name.to_string_lossy().into_owned(), String::from_utf8_lossy(bytes).into_owned()))
            .collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(taken, expected);
    }
}

fn scene() -> Scene {
    Scene::new()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

// ---------------------------------------------------------------------------------------------------- settling

/// Only inotify tells a rename into the folder from other changes.
#[cfg(target_os = "linux")]
#[test]
fn an_order_moved_in_is_taken_at_the_first_look() {
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    scene.drop_order("WO-1.md", "whole");
    inbox.beat(Duration::ZERO);
    inbox.expect_taken(&[("WO-1.md", "whole")]);
}

#[test]
fn an_order_that_was_closed_is_taken_after_the_quiet_time() {
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    scene.write("bridge/inbox/CLC/WO-1.md", "whole");
    inbox.beat(Duration::ZERO);
    inbox.beat(QUIET / 2);
    inbox.expect_taken(&[]);
    inbox.beat(QUIET);
    inbox.expect_taken(&[("WO-1.md", "whole")]);
}

/// Only inotify tells when a writer closes a file.
#[cfg(target_os = "linux")]
#[test]
fn a_writer_that_pauses_is_waited_for_however_long() {
    let scene = scene();
    let mut inbox = Loop::over(&scene);
    let mut file = fs::File::create(inbox.inbox().join("WO-1.md")).unwrap();
    inbox.beat(QUIET * 9);
    for part in ["first ", "second ", "third"] {
        file.write_all(part.as_bytes()).unwrap();
        for _ in 0..10 {
            inbox.beat(QUIET * 9);
        }
    }
    inbox.expect_taken(&[]);
    drop(file);
    inbox.settle_down();
    inbox.expect_taken(&[("WO-1.md", "first second third")]);
}

/// Without events, `/proc` tells that the other process has it open.
#[cfg(target_os = "linux")]
#[test]
fn a_writer_that_pauses_is_waited_for_without_a_watcher() {
    let scene = scene();
    let mut inbox = Loop::unwatched(&scene);
    let script = r#"exec 3>"$1"; printf 'first ' >&3; read line; printf second >&3; exec 3>&-; echo closed; read line"#;
    let mut writer = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .arg(inbox.inbox().join("WO-1.md"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let path = inbox.inbox().join("WO-1.md");
    wait_for("the first part", || fs::read(&path).is_ok_and(|bytes| bytes == b"first "));
    for _ in 0..20 {
        inbox.beat(QUIET * 5);
    }
    inbox.expect_taken(&[]);
    let mut stdin = writer.stdin.take().unwrap();
    stdin.write_all(b"go on\n").unwrap();
    let mut said = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(writer.stdout.take().unwrap()), &mut said).unwrap();
    inbox.settle_down();
    inbox.expect_taken(&[("WO-1.md", "first second")]);
    stdin.write_all(b"end\n").unwrap();
    writer.wait().unwrap();
}

#[test]
fn without_a_watcher_two_equal_looks_make_it_whole() {
    let scene = scene();
    let mut inbox = Loop::unwatched(&scene);
    let path = inbox.inbox().join("WO-1.md");
    let mut text = String::new();
    for n in 0..10 {
        text.push_str(&format!("line {n}\n"));
        fs::write(&path, &text).unwrap();
        inbox.beat(QUIET * 2);
        inbox.expect_taken(&[]);
    }
    inbox.beat(QUIET);
    inbox.expect_taken(&[("WO-1.md", &text)]);
}

#[test]
fn what_lay_there_at_the_start_is_taken() {
    let scene = scene();
    scene.drop_order("WO-2.md", "two");
    scene.drop_order("WO-1.md", "one");
    let mut inbox = Loop::over(&scene);
    inbox.settle_down();
    inbox.expect_taken(&[("WO-1.md", "one"), ("WO-2.md", "two")]);
}

/// Each step of a save is followed by a look; less than the quiet time goes by between two steps.
type Save = fn(dir: &Path, file: &Path, step: usize) -> bool;

const TEXT: &str = "# WO-1\n\nline one\nline two\n";

fn append(file: &Path, text: &str) {
    fs::OpenOptions::new().append(true).create(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

/// How editors and copy programs bring a file to its name, step by step; `true` while there are more steps.
const SAVES: [(&str, Save); 14] = [
    ("vim: probe, old to backup, new in place, backup away", |dir, file, step| {
        match step {
            0 => fs::write(dir.join("4913"), "").unwrap(),
            1 => fs::remove_file(dir.join("4913")).unwrap(),
            2 => fs::write(dir.join(".WO-1.md.swp"), "swap").unwrap(),
            3 => fs::write(file, "").unwrap(),
            4 => fs::rename(file, dir.join("WO-1.md~")).unwrap(),
            5 => fs::write(file, TEXT).unwrap(),
            6 => fs::remove_file(dir.join("WO-1.md~")).unwrap(),
            _ => fs::remove_file(dir.join(".WO-1.md.swp")).unwrap(),
        }
        step < 7
    }),
    ("emacs: lock, autosave, write in place", |dir, file, step| {
        match step {
            0 => symlink("user@host.1234:5678", dir.join(".#WO-1.md")).unwrap(),
            1 => fs::write(dir.join("#WO-1.md#"), "half").unwrap(),
            2 => fs::write(file, TEXT).unwrap(),
            3 => fs::remove_file(dir.join("#WO-1.md#")).unwrap(),
            _ => fs::remove_file(dir.join(".#WO-1.md")).unwrap(),
        }
        step < 4
    }),
    ("nano: truncate, then write", |_, file, step| {
        match step {
            0 => fs::write(file, "an older text").unwrap(),
            1 => drop(fs::File::create(file).unwrap()),
            _ => append(file, TEXT),
        }
        step < 2
    }),
    ("VS Code: write in place, twice", |_, file, step| {
        fs::write(file, if step == 0 { "# WO-1\n" } else { TEXT }).unwrap();
        step < 1
    }),
    ("JetBrains: temporary, old aside, new in place", |dir, file, step| {
        let (temporary, old) = (dir.join("WO-1.md___jb_tmp___"), dir.join("WO-1.md___jb_old___"));
        match step {
            0 => fs::write(file, "").unwrap(),
            1 => fs::write(&temporary, TEXT).unwrap(),
            2 => fs::rename(file, &old).unwrap(),
            3 => fs::rename(&temporary, file).unwrap(),
            _ => fs::remove_file(&old).unwrap(),
        }
        step < 4
    }),
    ("gedit: hidden temporary, rename", |dir, file, step| {
        let temporary = dir.join(".goutputstream-X1Y2Z3");
        match step {
            0 => fs::write(&temporary, "# WO-1\n").unwrap(),
            1 => append(&temporary, &TEXT[7..]),
            _ => fs::rename(&temporary, file).unwrap(),
        }
        step < 2
    }),
    ("rsync: hidden temporary with an ending, times, rename", |dir, file, step| {
        let temporary = dir.join(".WO-1.md.Xa81Qz");
        match step {
            0 => fs::write(&temporary, TEXT).unwrap(),
            1 => set_old(&temporary),
            _ => fs::rename(&temporary, file).unwrap(),
        }
        step < 2
    }),
    ("cp -p: write, then old times and mode", |_, file, step| {
        match step {
            0 => fs::write(file, TEXT).unwrap(),
            _ => set_old(file),
        }
        step < 1
    }),
    ("touch, then write", |_, file, step| {
        fs::write(file, if step == 0 { "" } else { TEXT }).unwrap();
        step < 1
    }),
    ("append in pieces", |_, file, step| {
        append(file, ["# WO-1\n", "\nline one\n", "line two\n"][step]);
        step < 2
    }),
    ("mv from another file system: made anew, written, old times", |_, file, step| {
        match step {
            0 => drop(fs::File::create_new(file).unwrap()),
            1 => append(file, TEXT),
            _ => set_old(file),
        }
        step < 2
    }),
    ("link and unlink, as mail programs do", |dir, file, step| {
        let temporary = dir.join(".tmp.1234");
        match step {
            0 => fs::write(&temporary, TEXT).unwrap(),
            1 => fs::hard_link(&temporary, file).unwrap(),
            _ => fs::remove_file(&temporary).unwrap(),
        }
        step < 2
    }),
    ("browser: .crdownload, rename", |dir, file, step| {
        let temporary = dir.join("WO-1.md.crdownload");
        match step {
            0 => fs::write(&temporary, "# WO-1\n").unwrap(),
            1 => append(&temporary, &TEXT[7..]),
            _ => fs::rename(&temporary, file).unwrap(),
        }
        step < 2
    }),
    ("delete, then write anew", |_, file, step| {
        match step {
            0 => fs::write(file, "an older text").unwrap(),
            1 => fs::remove_file(file).unwrap(),
            _ => fs::write(file, TEXT).unwrap(),
        }
        step < 2
    }),
];

fn set_old(file: &Path) {
    let old = std::time::SystemTime::now() - Duration::from_secs(86_400 * 30);
    fs::File::options().append(true).open(file).unwrap().set_modified(old).unwrap();
}

fn save_and_look(inbox: &mut Loop, what: &str, save: Save) {
    let dir = inbox.inbox();
    let file = dir.join("WO-1.md");
    let mut step = 0;
    while save(&dir, &file, step) {
        inbox.beat(QUIET / 4);
        step += 1;
    }
    inbox.settle_down();
    let taken: Vec<_> = inbox.taken.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect();
    assert_eq!(taken, [TEXT], "{what}");
    assert!(inbox.refused.is_empty(), "{what}: {:?}", inbox.refused);
    assert!(names(&dir).is_empty(), "{what}: {:?}", names(&dir));
}

#[test]
fn save_patterns_with_a_watcher() {
    for (what, save) in SAVES {
        let scene = scene();
        save_and_look(&mut Loop::over(&scene), what, save);
    }
}

#[test]
fn save_patterns_without_a_watcher() {
    for (what, save) in SAVES {
        let scene = scene();
        save_and_look(&mut Loop::unwatched(&scene), what, save);
    }
}

// ------------------------------------------------------------------------------------------------------ watching

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

// ------------------------------------------------------------------------------------------------- hostile drops

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

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
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

// ----------------------------------------------------------------------------------- swapped after the look

fn only_candidate(scene: &Scene) -> Candidate {
    let mut looks = scan(&scene.root(), &Config::default()).unwrap();
    match (looks.pop(), looks.is_empty()) {
        (Some(Look::Order(candidate)), true) => candidate,
        other => panic!("one order expected: {other:?}"),
    }
}

fn open(scene: &Scene, candidate: &Candidate) -> Result<Taken, TakeError> {
    take::open(&scene.root(), candidate, 1024)
}

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

// ---------------------------------------------------------------------------------------------------- moving

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

// -------------------------------------------------------------------------------------- another file system

/// A scene whose inbox lies on another file system (a tmpfs) than the rest.
#[cfg(target_os = "linux")]
fn scene_over_two_file_systems() -> (Scene, tempfile::TempDir) {
    let scene = scene();
    let other = tempfile::Builder::new().prefix("wo inbox ๓ ").tempdir_in("/dev/shm").unwrap();
    let differs = other.path().metadata().unwrap().dev() != scene.dir().metadata().unwrap().dev();
    assert!(differs, "/dev/shm must be another file system than the temporary folder");
    fs::remove_dir(scene.root().inbox("CLC")).unwrap();
    symlink(other.path(), scene.root().inbox("CLC")).unwrap();
    (scene, other)
}

#[cfg(target_os = "linux")]
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

#[cfg(target_os = "linux")]
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

// ------------------------------------------------------------------------------------------------- the mailbox

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

// --------------------------------------------------------------------------------------------------- signatures

/// Key, and the signature of the bytes `test`, from the documentation of minisign-verify.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
const SIGNATURE: &str = "untrusted comment: signature from minisign secret key\n\
    RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
    trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
    wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==\n";

fn check_signature(order: &str, sign: impl FnOnce(&Path)) -> Result<(), TakeError> {
    let scene = scene().order("WO-1.md", order);
    sign(&scene.path("bridge/inbox/CLC/WO-1.md.minisig"));
    let candidate = only_candidate(&scene);
    let taken = open(&scene, &candidate).unwrap();
    signature::check_beside(KEY, &candidate, &taken.bytes)
}

#[test]
fn only_a_good_signature_passes() {
    let write = |path: &Path| fs::write(path, SIGNATURE).unwrap();
    check_signature("test", write).unwrap();
    let code = |result: Result<(), TakeError>| match result {
        Err(TakeError::Refused(reason)) => reason.code(),
        other => panic!("{other:?}"),
    };
    assert_eq!(code(check_signature("Test", write)), "bad-signature");
    assert_eq!(code(check_signature("test", |_| ())), "unsigned");
    assert_eq!(code(check_signature("test", |path| fs::write(path, "nonsense").unwrap())), "bad-signature");
    assert_eq!(code(check_signature("test", |path| fs::write(path, "x".repeat(100_000)).unwrap())), "bad-signature");
    assert_eq!(code(check_signature("test", |path| fs::create_dir(path).unwrap())), "bad-signature");
}

#[test]
fn a_signature_that_comes_after_its_order_is_waited_for() {
    let scene = scene();
    let mut config = Config::default();
    config.inbox.require_signature = Some(KEY.to_owned());
    let mut inbox = Loop::with(&scene, config);
    scene.drop_order("WO-1.md", "test");
    inbox.settle_down();
    inbox.expect_taken(&[]);
    scene.drop_order("WO-1.md.minisig", SIGNATURE);
    inbox.beat(QUIET);
    inbox.expect_taken(&[("WO-1.md", "test")]);
    assert!(names(&inbox.inbox()).is_empty(), "the signature went along");
}
