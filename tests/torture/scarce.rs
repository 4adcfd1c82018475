//! What a machine runs out of, while the daemon lives: space, inodes, descriptors, the right to write; and a disk that says
//! that an fsync failed. Orders resume when the cause is gone; a failed fsync stops the daemon.

use std::fs;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit};

use crate::ground::{CONFIG, Ground, State, Story, failing, full, loud, plain, probe, runs_in, stories};
use crate::support::{Daemon, Scene, Tmpfs};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n";

fn is_done(scene: &Scene, id: &str) -> bool {
    runs_in(&scene.path("bridge/state"))
        .iter()
        .any(|run| run.starts_with(id) && run.contains("\"ended\",\"outcome\":\"done\""))
}

/// An order that lies ready to be moved into the inbox at once, which takes no space.
fn lay_ready(scene: &Scene, id: &str) {
    let (name, text) = probe(id, "");
    scene.write(format!("bridge/inbox/CLC/.{name}.ready"), text);
}

fn drop_ready(scene: &Scene, id: &str) {
    let dir = scene.path("bridge/inbox/CLC");
    fs::rename(dir.join(format!(".{id}.md.ready")), dir.join(format!("{id}.md"))).expect("the drop");
}

/// One order before, one while `short` holds, one after; all end done, each once, under one and the same daemon.
fn check_resumes(what: &str, scene: &Scene, short: impl FnOnce(&Daemon), relieved: impl FnOnce(&Daemon)) {
    let mut daemon = scene.up();
    for id in ["WO-1-PROBE", "WO-2-PROBE", "WO-3-PROBE"] {
        lay_ready(scene, id);
    }
    drop_ready(scene, "WO-1-PROBE");
    daemon.wait_for("the order before", || is_done(scene, "WO-1-PROBE"));
    let said = daemon.log().len();
    short(&daemon);
    drop_ready(scene, "WO-2-PROBE");
    // it may need nothing of what is short; else it says what it lacks
    let log = || String::from_utf8_lossy(&daemon_log(&daemon)[said.min(daemon_log(&daemon).len())..]).into_owned();
    let mut troubled = false;
    crate::support::wait_for("the order is done or its trouble is told", || {
        troubled = log().contains("os error") || log().contains("full") || log().contains("readonly");
        troubled || is_done(scene, "WO-2-PROBE")
    });
    relieved(&daemon);
    daemon.wait_for("the order resumes when the cause is gone", || is_done(scene, "WO-2-PROBE"));
    drop_ready(scene, "WO-3-PROBE");
    daemon.wait_for("the order after", || is_done(scene, "WO-3-PROBE"));
    let ended = daemon.stop();
    assert!(!ended.log.contains("panicked"), "{what}: {}", ended.log);
    ended.expect_exit(0);
    check_three_done(what, scene);
}

fn daemon_log(daemon: &Daemon) -> Vec<u8> {
    daemon.log().into_bytes()
}

fn check_three_done(what: &str, scene: &Scene) {
    let mut ledger: Vec<String> = scene.read("ledger.txt").lines().map(str::to_owned).collect();
    ledger.sort();
    let expected: Vec<String> =
        (1..=3).flat_map(|order| (1..=2).map(move |step| format!("WO-{order}-PROBE 1 {step}"))).collect();
    assert_eq!(ledger, expected, "{what}: I2");
    for n in 1..=3 {
        let (name, text) = probe(&format!("WO-{n}-PROBE"), "");
        assert_eq!(scene.read(format!("bridge/archive/CLC/{name}")), text, "{what}: I1");
        assert_eq!(scene.result(&format!("WO-{n}-PROBE"))["outcome"], "done", "{what}: I3");
        scene.read(format!("bridge/outbox/CLC/WO-{n}-PROBE_REPORT.md"));
    }
    assert!(scene.list("bridge/inbox/CLC").iter().all(|name| name.starts_with('.')), "{what}: I1");
    let before = scene.tree("bridge/outbox");
    let ran = scene.wo(["run"]);
    assert!(ran.status.success(), "{what}: I4 {ran}");
    assert_eq!(scene.tree("bridge/outbox"), before, "{what}: I4");
}

fn up_scene() -> Scene {
    Scene::new().config(&format!("{CONFIG}\n{UP}")).env("WO_PROBE", "1")
}

/// Mounts over a folder of a new scene, or says loudly that this can't be done here.
fn mounted(place: &str, options: &str) -> Option<(Scene, Tmpfs)> {
    let scene = up_scene();
    let dir = scene.path(place);
    fs::create_dir_all(&dir).expect("the mount point");
    match Tmpfs::over(&dir, options) {
        Ok(tmpfs) => Some((scene, tmpfs)),
        Err(why) => {
            loud(&format!("DISK FULL WAS NOT TRIED: {}", why.trim()));
            None
        }
    }
}

#[test]
fn full_disk_under_inbox_state_and_outbox() {
    for place in
        ["bridge/inbox/CLC", "bridge/state", "bridge/outbox/CLC", "bridge/archive/CLC", "bridge/processing/CLC"]
    {
        let Some((scene, tmpfs)) = mounted(place, "size=2m") else { return };
        check_resumes(&format!("{place} is full"), &scene, |_| tmpfs.fill(), |_| tmpfs.free());
        drop(tmpfs);
        drop(scene);
    }
}

#[test]
fn no_inodes_under_inbox_state_and_outbox() {
    for place in
        ["bridge/inbox/CLC", "bridge/state", "bridge/outbox/CLC", "bridge/archive/CLC", "bridge/processing/CLC"]
    {
        let Some((scene, tmpfs)) = mounted(place, "size=2m,nr_inodes=60") else { return };
        check_resumes(&format!("{place} has no inodes"), &scene, |_| tmpfs.fill_inodes(), |_| tmpfs.free());
        drop(tmpfs);
        drop(scene);
    }
}

/// A journal that is open for writing keeps its file system from becoming read-only; the others can.
#[test]
fn remounted_read_only() {
    for place in ["bridge/outbox/CLC", "bridge/archive/CLC", "bridge/processing/CLC"] {
        let Some((scene, tmpfs)) = mounted(place, "size=2m") else { return };
        check_resumes(&format!("{place} is read-only"), &scene, |_| tmpfs.remount("ro"), |_| tmpfs.remount("rw"));
        drop(tmpfs);
        drop(scene);
    }
}

/// `wo run` does not wait for ever for somebody to make room: it says what it met and leaves the order to the next run.
#[test]
fn a_run_that_meets_a_full_disk_ends_and_says_so() {
    let Some((scene, tmpfs)) = mounted("bridge/outbox/CLC", "size=2m") else { return };
    let (name, text) = probe("WO-1-PROBE", "");
    scene.drop_order(&name, text);
    tmpfs.fill();
    drop(scene.wo(["run"]).expect_exit(1).expect_stdout("WO-1-PROBE  left:").expect_stdout("No space left"));
    tmpfs.free();
    drop(scene.wo(["run"]).expect_exit(0).expect_stdout("WO-1-PROBE  done"));
    assert_eq!(scene.read("ledger.txt").lines().count(), 2);
    drop(tmpfs);
}

/// The order lies there already when its inbox becomes read-only: it can't be moved, and is taken when it can be.
#[test]
fn an_inbox_that_becomes_read_only() {
    use rustix::process::Signal;
    let Some((scene, tmpfs)) = mounted("bridge/inbox/CLC", "size=2m") else { return };
    let mut daemon = scene.up();
    let (name, text) = probe("WO-1-PROBE", "");
    daemon.signal(Signal::STOP);
    scene.drop_order(&name, &text);
    tmpfs.remount("ro");
    daemon.signal(Signal::CONT);
    let log = daemon.log_path();
    daemon.wait_for("its trouble is told", || {
        fs::read_to_string(&log).is_ok_and(|text| text.contains("Read-only file system"))
    });
    tmpfs.remount("rw");
    daemon.wait_for("the order resumes", || is_done(&scene, "WO-1-PROBE"));
    daemon.stop().expect_exit(0);
    assert_eq!(scene.read("ledger.txt").lines().count(), 2);
    assert_eq!(scene.read(format!("bridge/archive/CLC/{name}")), text);
    drop(tmpfs);
}

#[test]
fn a_drop_into_a_full_inbox_fails_clearly_and_leaves_nothing() {
    let Some((scene, tmpfs)) = mounted("bridge/inbox/CLC", "size=64k") else { return };
    tmpfs.fill();
    scene.write("order.md", probe("WO-1-PROBE", "").1);
    let ran = scene
        .wo(["submit", "order.md"])
        .expect_exit(2)
        .expect_stderr("hint: make room")
        .expect_stderr("was not dropped");
    assert_eq!(ran.stdout, "");
    assert_eq!(scene.list("bridge/inbox/CLC"), [".filler"]);
    tmpfs.free();
    scene.wo(["submit", "order.md"]).expect_exit(0).expect_stdout("WO-1-PROBE");
    scene.wo(["run"]).expect_exit(0);
    assert!(is_done(&scene, "WO-1-PROBE"));
    drop(tmpfs);
}

#[test]
fn no_descriptors_left() {
    let scene = up_scene();
    let limits = |daemon: &Daemon, current: Option<u64>| {
        let pid = i32::try_from(daemon.pid()).ok().and_then(Pid::from_raw);
        let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
        rustix::process::prlimit(pid, Resource::Nofile, Rlimit { current: current.or(maximum), maximum })
            .expect("prlimit");
    };
    let open =
        |daemon: &Daemon| fs::read_dir(format!("/proc/{}/fd", daemon.pid())).expect("its descriptors").count() as u64;
    for spare in 0..if full() { 12 } else { 3 } {
        let scene = if spare == 0 { &scene } else { &up_scene() };
        check_resumes(
            &format!("{spare} descriptors to spare"),
            scene,
            |daemon| limits(daemon, Some(open(daemon) + spare)),
            |daemon| limits(daemon, None),
        );
    }
}

/// Makes the `n`-th call of the act fail, sees that nothing panics, recovers, checks. The exit code and what was said.
fn fail_at(story: &Story, finals: &[State], n: usize, errno: Errno) -> (Option<i32>, String, String) {
    let ground = Ground::prepare(story);
    let (code, said, calls) = failing(&ground.scene, story.act, n, errno);
    let call = calls.get(n - 1).cloned().unwrap_or_default();
    let what = format!("{}, {errno:?} at call {call}", story.name);
    assert!(matches!(code, Some(0..=2)), "{what}: ended with {code:?}\n{said}");
    assert!(!said.contains("panicked"), "{what}: {said}");
    ground.recover_and_check(finals, &what);
    (code, said, call)
}

fn calls_of(story: &Story) -> Vec<String> {
    let ground = Ground::prepare(story);
    failing(&ground.scene, story.act, 0, Errno::IO).2
}

#[test]
fn an_fsync_that_fails_stops_it_and_loses_nothing() {
    let story = plain();
    let finals = Ground::finals(&story);
    let calls = calls_of(&story);
    let last_commit = calls.iter().rposition(|call| call.contains(" fsync ") && call.ends_with("-wal"));
    let fsyncs = (1..=calls.len()).filter(|n| calls[n - 1].contains("sync "));
    for n in fsyncs.step_by(if full() { 1 } else { 3 }) {
        let (code, said, call) = fail_at(&story, &finals, n, Errno::IO);
        // SQLite passes over a folder that it can't fsync, which `wo` does itself once more; the last ones belong to the
        // closing of the journal, after everything was said and done
        if call.contains("sync ") && !call.ends_with("bridge/state") && last_commit.is_some_and(|last| n <= last - 3) {
            assert_ne!(code, Some(0), "{call}: {said}");
            assert!(said.contains("fsync") || said.contains("I/O error"), "the cause is named: {said}");
        }
    }
}

#[test]
fn the_nth_call_fails_and_nothing_is_lost() {
    let mut failed = 0;
    for (index, story) in stories().iter().enumerate() {
        let finals = Ground::finals(story);
        let calls = calls_of(story);
        for errno in [Errno::NOSPC, Errno::IO, Errno::MFILE, Errno::ROFS] {
            let step = match (full(), index, errno) {
                (true, _, _) => 1,
                (false, 0, Errno::NOSPC) => 4,
                (false, ..) => 41,
            };
            for n in (1 + index % step..=calls.len()).step_by(step) {
                let opens = calls[n - 1].contains(" open");
                // descriptors run out where files are opened only
                if (errno == Errno::MFILE) == opens || errno == Errno::NOSPC {
                    failed += usize::from(fail_at(story, &finals, n, errno).0 != Some(0));
                }
            }
        }
    }
    assert!(failed > 5, "calls that fail show: {failed}");
}

/// A live daemon, and every fsync from now on fails.
#[test]
fn an_fsync_that_fails_stops_the_daemon() {
    let scene = up_scene();
    let (name, text) = probe("WO-1-PROBE", "");
    let mut inner = scene.command(["up"]);
    let log = tempfile::NamedTempFile::new().expect("a log");
    let mut command = Command::new("strace");
    // the first ones make the root's folders and the journal
    command.args(["-f", "-o", "/dev/null", "-e", "inject=fsync,fdatasync:error=EIO:when=24+"]);
    command.arg(inner.get_program()).args(inner.get_args()).current_dir(scene.dir());
    for (key, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    inner.stdin(std::process::Stdio::null());
    let out = log.reopen().expect("the log");
    let mut child = command.stdout(out.try_clone().expect("the log")).stderr(out).spawn().expect("strace");
    let mut n = 0;
    let mut status = None;
    crate::support::wait_for("the daemon stops by itself", || {
        // orders until its fsyncs are used up
        if scene.list("bridge/inbox/CLC").iter().all(|name| name.starts_with('.')) && n < 50 {
            n += 1;
            scene.drop_order(&name.replace('1', &n.to_string()), text.replace("WO-1", &format!("WO-{n}")));
        }
        status = child.try_wait().expect("its state");
        status.is_some()
    });
    let said = fs::read_to_string(log.path()).expect("the log");
    assert!(matches!(status.and_then(|status| status.code()), Some(1 | 2)), "{status:?} {said}");
    assert!(said.contains("fsync") || said.contains("I/O error"), "{said}");
    let ran = scene.wo(["run"]);
    assert_eq!(ran.status.code(), Some(0), "{ran}\n{said}");
    let ledger = scene.read("ledger.txt");
    let mut lines: Vec<&str> = ledger.lines().collect();
    assert_eq!(lines.len(), 2 * n, "{ledger}");
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 2 * n, "I2 {ledger}");
}
