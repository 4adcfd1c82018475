//! When a file is whole: moved in, closed, or quiet, as editors and copy programs bring it.

use std::fs;
#[cfg(target_os = "linux")]
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Loop, QUIET, append, names, scene};
#[cfg(target_os = "linux")]
use crate::support::wait_for;

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
