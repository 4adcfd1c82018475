//! What is wanting around an order: resources, readable folders and stores, a log that takes lines. None of it ends an order
//! with a word that was not measured, and none of it is kept quiet.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Scene, Tmpfs, probe, run, wait_for};

const QUIET: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n";

const EXTERNAL: &str = "---\nid: WO-1-X\nhandler: mine\n---\n\n# WO-1-X\n\n## Acceptance\n\n- Deliverables present\n\n\
                        ## Deliverables\n\n1. `effect.txt`\n";

/// An order for an external program that has its effect at once, and what it does then.
fn external(then: &str) -> Scene {
    let program = format!("#!/bin/sh\ncat >/dev/null\necho x >>\"$WO_ROOT/effect.txt\"\n{then}\n");
    let scene = Scene::new().file("mine.sh", program).order("WO-1-X.md", EXTERNAL);
    let path = scene.path("mine.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    scene.config(&format!("{QUIET}[handlers.mine]\ncommand = ['{}']\n", path.display()))
}

/// Whether it took effect can't be told, and it was not the program's fault.
#[test]
fn a_program_that_is_killed_by_the_wish_to_stop_leaves_its_order_uncertain() {
    let scene = external("exec sleep 500");
    let mut daemon = scene.up();
    daemon.wait_for("the program is at work", || scene.exists("effect.txt"));
    daemon.stop().expect_exit(0);
    assert!(scene.list("bridge/outbox/CLC").is_empty(), "it has not ended");
    scene.wo(["run"]).expect_exit(1).expect_stdout("its end was not recorded");
    scene.wo(["show", "WO-1-X"]).expect_exit(0).expect_stdout("state: uncertain").expect_no_stdout("signal 9");
    assert_eq!(scene.read("effect.txt").lines().count(), 1);
}

/// How it ended is known once only: what finds no room in the journal is written down when there is some again.
#[test]
fn a_program_that_ends_while_the_disk_is_full_has_ended() {
    let scene = external("until [ -e \"$WO_ROOT/go\" ]; do sleep 0.05; done");
    let config = scene.read("wo.toml");
    let scene = scene.file("wo.toml", format!("{config}[limits]\nretry_first_ms = 50\n"));
    fs::create_dir_all(scene.path("bridge/state")).unwrap();
    let disk = match Tmpfs::over(&scene.path("bridge/state"), "size=16m") {
        Ok(disk) => disk,
        Err(why) => return eprintln!("a full disk was not tried: {}", why.trim()),
    };
    let mut daemon = scene.up();
    daemon.wait_for("the program is at work", || scene.exists("effect.txt"));
    disk.fill();
    scene.write("go", "");
    let log = daemon.log_path();
    let tried = || fs::read_to_string(&log).unwrap_or_default().matches("WO-1-X: failed to").count();
    daemon.wait_for("its end finds no room, twice", || tried() >= 2);
    disk.free();
    daemon.wait_for("the report", || scene.exists("bridge/outbox/CLC/WO-1-X.result.json"));
    daemon.stop().expect_exit(0);
    assert_eq!(scene.result("WO-1-X")["outcome"], "done");
    assert_eq!(scene.read("effect.txt").lines().count(), 1);
    scene.wo(["run"]).expect_exit(0).expect_stdout("nothing to do");
}

/// Also by another process than the one that waits, which only its log would tell.
#[test]
fn what_the_machine_holds_up_is_told_as_waiting_for_that() {
    let scene = external("");
    let programs = scene.path("bridge/state/programs");
    fs::create_dir_all(&programs).unwrap();
    let disk = match Tmpfs::over(&programs, "size=64k,nr_inodes=20") {
        Ok(disk) => disk,
        Err(why) => return eprintln!("a full disk was not tried: {}", why.trim()),
    };
    disk.fill_inodes();
    let mut daemon = scene.up();
    let trouble = "No space left on device";
    // each time that it is tried it is at work for a moment
    let mut told = |args: &[&str], parts: &[&str]| {
        daemon.wait_for("it is told", || {
            let ran = scene.wo(args);
            parts.iter().all(|part| ran.stdout.contains(part) || ran.stderr.contains(part))
        });
    };
    told(&["status"], &[trouble, "; tried again 2", "\nwaits:\n"]);
    told(&["show", "WO-1-X"], &[trouble, ": waits: "]);
    told(&["wait", "WO-1-X", "--timeout", "0.5"], &[trouble, "WO-1-X: waits: "]);
    disk.free();
    daemon.wait_for("the report", || scene.exists("bridge/outbox/CLC/WO-1-X.result.json"));
    daemon.wait_for("it is held up no more", || !scene.exists("bridge/state/trouble.json"));
    daemon.stop().expect_exit(0);
    assert_eq!(scene.result("WO-1-X")["outcome"], "done");
}

/// SQLite makes files beside the journal to read it, and says `disk I/O error` where there is no room for them.
#[test]
fn a_journal_without_room_beside_it_is_not_taken_for_a_dying_disk() {
    let scene = Scene::new().config(QUIET).env("WO_PROBE", "1");
    fs::create_dir_all(scene.path("bridge/state")).unwrap();
    let disk = match Tmpfs::over(&scene.path("bridge/state"), "size=4m,nr_inodes=40") {
        Ok(disk) => disk,
        Err(why) => return eprintln!("a full disk was not tried: {}", why.trim()),
    };
    let scene = scene.order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    for (fill, said) in
        [(Tmpfs::fill as fn(&Tmpfs), "lies on a full file system"), (Tmpfs::fill_inodes, "without free inodes")]
    {
        // an executor that ends takes these files away
        drop(scene.wo(["run"]).expect_exit(0));
        fill(&disk);
        for args in [&["status"][..], &["show", "WO-1-PROBE"], &["log"], &["run"], &["up"]] {
            scene.wo(args).expect_exit(2).expect_stderr("bridge/state` ").expect_stderr(said).expect_stderr("hint: ");
        }
        disk.free();
        scene.wo(["show", "WO-1-PROBE"]).expect_exit(0).expect_stdout("state: done");
    }
}

/// It had no effect, so it is neither failed nor uncertain.
#[test]
fn a_program_that_could_not_be_started_for_want_of_files_is_started_later() {
    let scene = external("exit 0");
    let mut ended = false;
    // how many files `wo run` itself needs is not known here: some limit lies between that and what a program needs
    for limit in 16..64 {
        let inner = scene.command(["run"]);
        let mut command = Command::new("/bin/bash");
        let script = format!("ulimit -n {limit}; exec \"$0\" \"$@\"");
        command.args(["-c", &script]).arg(inner.get_program()).args(inner.get_args());
        command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let ran = run(
            {
                command.current_dir(scene.dir());
                command
            },
            b"",
        );
        assert!(!ran.stdout.contains("failed:") && !ran.stdout.contains("uncertain"), "{limit}: {ran}");
        ended = ran.stdout.contains("WO-1-X  done");
        if ended {
            break;
        }
    }
    assert!(ended, "no limit was enough");
    assert_eq!(scene.read("effect.txt").lines().count(), 1);
    scene.wo(["log", "WO-1-X"]).expect_exit(0).expect_stdout("run: not begun: failed to start");
}

#[test]
fn the_ends_of_programs_are_known_where_the_parent_ignored_them() {
    let scene = external("exit 0");
    let inner = scene.command(["run"]);
    let mut command = Command::new("/bin/bash");
    command.args(["-c", "trap '' CHLD; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.current_dir(scene.dir());
    run(command, b"").expect_exit(0).expect_stdout("WO-1-X  done");
}

#[test]
fn a_log_that_takes_no_line_stops_nobody() {
    let scene = Scene::new().config(QUIET).env("WO_PROBE", "1").order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let mut daemon = scene.command(["up"]).stderr(full()).stdout(Stdio::null()).spawn().unwrap();
    wait_for("the report", || !scene.list("bridge/outbox/CLC").is_empty());
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    let unknown = scene.command(["show", "WO-9"]).stderr(full()).status().unwrap();
    assert_eq!(unknown.code(), Some(2));
}

/// Without the rows of its template the order would have ended green.
#[test]
fn a_folder_of_templates_that_can_not_be_read_is_not_taken_for_an_empty_one() {
    let order = probe("WO-1-PROBE", "phase: '7.8'\n");
    let scene = Scene::new().config(QUIET).env("WO_PROBE", "1").order("WO-1-PROBE.md", &order);
    let templates = scene.path("bridge/inbox/CLC/templates");
    let _ = fs::remove_dir_all(&templates);
    symlink("templates", &templates).unwrap();
    scene.wo(["run"]).expect_exit(1).expect_stdout("rejected").expect_stdout("failed to look for a report template in");
    // as for a person who asks beforehand
    let file = scene.path("WO-2-PROBE.md");
    fs::write(&file, probe("WO-2-PROBE", "phase: '7.8'\n")).unwrap();
    let file = file.display().to_string();
    scene.wo(["plan", file.as_str()]).expect_exit(1).expect_stdout("failed to look for a report template in");
    fs::remove_file(&templates).unwrap();
    scene.wo(["plan", file.as_str()]).expect_exit(0);
}

/// What an executor refuses to trust answers nobody else either.
#[test]
fn readers_trust_no_journal_that_an_executor_refuses() {
    let scene = Scene::new().config(QUIET).env("WO_PROBE", "1").order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(0);
    let (journal, head) = (scene.path("bridge/state/journal.db"), scene.path("bridge/state/journal.head"));
    let (good, good_head) = (fs::read(&journal).unwrap(), fs::read(&head).unwrap());
    let is_refused = |why: &str| {
        for args in [&["status"][..], &["show", "WO-1-PROBE"], &["wait", "WO-1-PROBE"]] {
            scene.wo(args).expect_exit(2).expect_stderr("can't be trusted").expect_stderr(why);
        }
        fs::write(&journal, &good).unwrap();
        fs::write(&head, &good_head).unwrap();
        for args in [&["status"][..], &["show", "WO-1-PROBE"], &["wait", "WO-1-PROBE"]] {
            scene.wo(args).expect_exit(0);
        }
    };
    let mut other = good.clone();
    // `user_version` in the file's header
    other[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&journal, &other).unwrap();
    is_refused("its schema is version 99");
    let mut other = good.clone();
    let at = other.windows(9).position(|window| window == b"in the le").expect("an event's text");
    other[at] = b'X';
    fs::write(&journal, &other).unwrap();
    is_refused("the hash chain breaks");
    fs::write(&head, "x\n").unwrap();
    is_refused("journal.head");
    fs::write(&journal, b"").unwrap();
    is_refused("its header is not a journal's");
}

#[test]
fn a_schedule_that_can_not_be_read_does_not_take_the_orders_away() {
    let scene = Scene::new().config(QUIET).env("WO_PROBE", "1").order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(0);
    let schedule = scene.path("bridge/state/schedule.db");
    fs::write(&schedule, "no database at all, but long enough to be looked at as one".repeat(40)).unwrap();
    let page = scene.wo(["status"]).expect_exit(1);
    page.expect_stdout("WO-1-PROBE").expect_stdout("scheduled: not known: ");
    let told = scene.wo(["status", "--json"]).expect_exit(1).json();
    assert!(told["jobs_trouble"].is_string() && told["orders"][0]["id"] == "WO-1-PROBE", "{told:#}");
    fs::remove_file(&schedule).unwrap();
    scene.wo(["status"]).expect_exit(0);
}

/// The right to write is not the room: what `wo verify parquet` says of a directory is what a writer would find there.
#[test]
fn a_directory_without_room_is_none_that_can_be_written() {
    let scene = Scene::new().config(QUIET);
    let found = |id: &str| {
        let json = scene.wo(["verify", "parquet", "--json", "--dry-run"]).json();
        let check = json["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap().clone();
        (check["result"].as_str().unwrap().to_owned(), check["detail"].as_str().unwrap().to_owned())
    };
    for (id, dir) in [("output-dir", "g/analytics"), ("log-dir", "g/logs")] {
        fs::create_dir_all(scene.path(dir)).unwrap();
        let tmpfs = match Tmpfs::over(&scene.path(dir), "size=64k,nr_inodes=20") {
            Ok(tmpfs) => tmpfs,
            Err(why) => return eprintln!("a full disk was not tried: {}", why.trim()),
        };
        let good = ("pass".to_owned(), format!("`{dir}/` is there and can be written"));
        assert_eq!(found(id), good);
        assert!(scene.list(dir).is_empty(), "{:?}", scene.list(dir));
        for (what, fill) in [("bytes", Tmpfs::fill as fn(&Tmpfs)), ("inodes", Tmpfs::fill_inodes)] {
            fill(&tmpfs);
            let (result, detail) = found(id);
            assert_eq!(result, "fail", "{dir} without {what}: {detail}");
            assert!(detail.starts_with(&format!("`{dir}/` can't be written: ")), "{detail}");
            tmpfs.free();
            assert_eq!(found(id), good, "{dir} with {what} again");
        }
    }
}
