//! Programs of external handlers that outlive their executor: whoever comes next ends them before it does anything else, and
//! what they did is for a person to say.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::{Pid, Signal};

use crate::support::{Scene, wait_for};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n";
const ID: &str = "WO-1-X";

/// At work until its root is gone, but for what finds `quick` there.
const PROGRAM: &str = "#!/bin/sh\ncat >/dev/null\necho $$ >>\"$WO_ROOT/started\"\n\
    if [ -e \"$WO_ROOT/quick\" ]; then echo x >\"$WO_ROOT/effect.txt\"; exit 0; fi\n\
    while [ -d \"$WO_ROOT/bridge\" ]; do sleep 0.1; done\n";

fn order(id: &str) -> String {
    format!(
        "---\nid: {id}\nhandler: mine\n---\n\n# {id}\n\n## Acceptance\n\n- Deliverables present\n\n\
         ## Deliverables\n\n1. `effect.txt`\n"
    )
}

fn scene(program: &str) -> Scene {
    let scene = Scene::new().file("mine.sh", program).order("WO-1-X.md", order(ID));
    let path = scene.path("mine.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    scene.config(&format!("{UP}\n[handlers.mine]\ncommand = ['{}']\n", path.display()))
}

/// The programs that were started.
fn started(scene: &Scene, name: &str) -> Vec<Pid> {
    let text = fs::read_to_string(scene.path(name)).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|pid| Pid::from_raw(pid.parse().unwrap()).unwrap()).collect()
}

/// Ended, perhaps not collected yet by whoever inherited it.
fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    let is_left = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']));
    is_left || rustix::process::test_kill_process(pid).is_err()
}

/// An order whose executor was killed while its program was at work.
fn cut_off(program: &str) -> (Scene, Pid) {
    let scene = scene(program);
    let mut run = scene.start(["run"]);
    run.wait_for("the program is at work", || started(&scene, "started").len() == 1);
    drop(run.kill());
    let pid = started(&scene, "started")[0];
    assert!(!is_gone(pid), "it outlives its executor");
    (scene, pid)
}

fn shown(scene: &Scene) -> serde_json::Value {
    scene.wo(["show", ID, "--json"]).expect_exit(0).json()
}

#[test]
fn an_order_that_was_cut_off_is_not_told_as_running() {
    let (scene, _) = cut_off(PROGRAM);
    let status = scene.wo(["status"]).expect_exit(0).expect_no_stdout("\nruns:").expect_stdout("needs a person:");
    assert!(status.stdout.contains("it was at work when its executor ended: start `wo up`"), "{status}");
    assert_eq!(scene.wo(["status", "--json"]).json()["orders"][0]["needs_person"], true);
    assert_eq!(shown(&scene)["needs_person"], true);
    scene.wo(["wait", ID, "--timeout", "0"]).expect_exit(3).expect_stderr("it was at work when its executor ended");
}

#[test]
fn a_cancel_ends_a_program_that_outlived_its_executor() {
    let (scene, pid) = cut_off(PROGRAM);
    scene.wo(["cancel", ID]).expect_exit(0);
    assert!(is_gone(pid));
    assert_eq!(scene.result(ID)["outcome"], "cancelled");
    assert!(scene.list("bridge/state/programs").is_empty());
}

/// What a person says of a program that is at work is said of something else than what is there once it was ended.
#[test]
fn a_person_says_what_became_of_it_after_its_end() {
    let (scene, pid) = cut_off(PROGRAM);
    scene.wo(["resolve", "--done", ID]).expect_exit(1).expect_stderr("was ended just now");
    assert!(is_gone(pid));
    let why = shown(&scene)["waits_for"].to_string();
    assert!(why.contains("it was still at work when the next executor began, and was ended"), "{why}");
    scene.wo(["resolve", "--done", ID]).expect_exit(0).expect_stdout("a person says it is done");

    // begun again it is not beside itself
    let (scene, pid) = cut_off(PROGRAM);
    scene.wo(["resolve", "--again", ID]).expect_exit(0);
    scene.wo(["status"]).expect_exit(0).expect_no_stdout("\nruns:").expect_stdout("it waits for an executor");
    scene.write("quick", "");
    scene.wo(["run"]).expect_exit(0).expect_stdout("WO-1-X  done");
    assert!(is_gone(pid) && started(&scene, "started").len() == 2);
    assert!(scene.list("bridge/state/programs").is_empty());
}

#[test]
fn another_order_of_that_handler_begins_neither_beside_it_nor_before_its_outcome() {
    let (scene, pid) = cut_off(PROGRAM);
    scene.write("quick", "");
    scene.drop_order("WO-2-X.md", order("WO-2-X"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("wo resolve WO-1-X").expect_stdout("WO-2-X  left: waits for WO-1-X");
    assert!(is_gone(pid) && started(&scene, "started").len() == 1);
    scene.wo(["cancel", ID]).expect_exit(0);
    scene.wo(["run"]).expect_exit(0).expect_stdout("WO-2-X  done");
}

/// As a terminal does that is closed.
#[test]
fn a_hangup_is_a_wish_to_stop_and_no_program_is_left() {
    let scene = scene(PROGRAM);
    let mut run = scene.start(["run"]);
    run.wait_for("the program is at work", || started(&scene, "started").len() == 1);
    run.signal(Signal::HUP);
    let ended = run.wait_end().expect_exit(1);
    assert!(ended.log.contains("stopped by a signal"), "{}", ended.log);
    wait_for("its end", || is_gone(started(&scene, "started")[0]));
}

/// One that left its group and lost its parent is no one's whom it could be known by: nothing is said of its order before its
/// end.
#[test]
fn an_order_whose_program_can_not_be_ended_is_neither_cancelled_nor_begun_again() {
    let stray = "#!/bin/bash\ncat >/dev/null\necho $$ >>\"$WO_ROOT/started\"\nset -m\n\
        (echo $BASHPID >\"$WO_ROOT/stray\"; while [ -d \"$WO_ROOT/bridge\" ]; do sleep 0.1; done) <&0 &\n\
        while [ -d \"$WO_ROOT/bridge\" ] && [ ! -e \"$WO_ROOT/go\" ]; do sleep 0.1; done\n";
    let (scene, pid) = cut_off(stray);
    wait_for("the stray", || started(&scene, "stray").len() == 1);
    scene.write("go", "");
    wait_for("the end of its parent", || is_gone(pid));
    for args in [["cancel", ID].as_slice(), &["resolve", "--again", ID], &["resolve", "--done", ID]] {
        scene.wo(args).expect_exit(1).expect_stderr("still works (process group ");
        assert!(shown(&scene)["outcome"].is_null());
    }
    rustix::process::kill_process(started(&scene, "stray")[0], Signal::KILL).unwrap();
    scene.wo(["cancel", ID]).expect_exit(0);
    assert_eq!(scene.result(ID)["outcome"], "cancelled");
}
