//! Texts of one id, one after the other: the newest is the one that counts, and what was taken in once is never a new word.

use crate::support::{Scene, probe};

const ID: &str = "WO-1-PROBE";

fn scene() -> Scene {
    Scene::new().env("WO_PROBE", "1")
}

fn ledger(scene: &Scene) -> Vec<String> {
    let text = std::fs::read_to_string(scene.path("ledger.txt")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn attempt(scene: &Scene) -> serde_json::Value {
    scene.wo(["show", ID, "--json"]).expect_exit(0).json()["attempt"].clone()
}

/// The text that works, one that fails, and the first again: whoever rolls back means it.
#[test]
fn an_earlier_text_that_is_dropped_again_is_carried_out() {
    let scene = scene();
    let (good, bad) = (probe(ID, "params: { steps: 1 }\n"), probe(ID, "params: { fail: line-1 }\n"));
    for (n, (text, exit)) in [(&good, 0), (&bad, 1), (&good, 0)].into_iter().enumerate() {
        scene.drop_order("WO-1-PROBE.md", text);
        drop(scene.wo(["run"]).expect_exit(exit).expect_no_stdout("before"));
        assert_eq!(attempt(&scene), n + 1);
    }
    assert_eq!(ledger(&scene).last().map(String::as_str), Some("WO-1-PROBE 3 1"));
    scene.wo(["wait", ID, "--timeout", "5"]).expect_exit(0).expect_stdout("done");
    // the newest text once more is a duplicate, and what it advises runs that text
    scene.drop_order("WO-1-PROBE.md", &good);
    scene.wo(["run"]).expect_exit(0).expect_stdout("`wo retry WO-1-PROBE` runs it again");
    assert_eq!(attempt(&scene), 3);
    scene.wo(["retry", ID]).expect_exit(0);
    scene.wo(["run"]).expect_exit(0).expect_stdout("done");
    assert_eq!(ledger(&scene).last().map(String::as_str), Some("WO-1-PROBE 4 1"));
}

#[test]
fn an_earlier_text_is_rejected_while_another_one_is_open() {
    let scene = scene();
    let texts = [probe(ID, ""), probe(ID, "approval: true\n")];
    for (text, exit) in [(&texts[0], 0), (&texts[1], 1), (&texts[0], 1)] {
        scene.drop_order("WO-1-PROBE.md", text);
        drop(scene.wo(["run"]).expect_exit(exit));
    }
    assert!(scene.read("bridge/rejected/CLC/WO-1-PROBE.md.reason.md").contains("still open"));
    assert_eq!((ledger(&scene).len(), attempt(&scene)), (2, 2.into()));
}

/// A sync client delivers the same two files again and again, as they were written.
#[test]
fn copies_of_two_texts_that_come_again_and_again_run_once_each() {
    let scene = scene();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    for _ in 0..3 {
        for (name, text) in
            [("WO-1-PROBE.md", probe(ID, "")), ("WO-1-PROBE-v2.md", probe(ID, "params: { steps: 1 }\n"))]
        {
            scene.drop_order(name, text);
            let file = std::fs::File::options().write(true).open(scene.path("bridge/inbox/CLC").join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
            // nobody writes to it any more
            drop(file);
            drop(scene.wo(["run"]));
        }
    }
    assert_eq!(ledger(&scene), ["WO-1-PROBE 1 1", "WO-1-PROBE 1 2", "WO-1-PROBE 2 1"]);
    assert_eq!(scene.list("bridge/inbox/CLC").iter().filter(|name| name.ends_with(".md")).count(), 0);
}

/// A duplicate that was recorded, and then the process died before it was put away; another text came meanwhile.
#[test]
fn a_duplicate_that_was_cut_off_on_its_way_is_no_revision() {
    for point in ["archive.rename.before", "archive.rename.after"] {
        let scene = scene().order("WO-1-PROBE.md", probe(ID, ""));
        drop(scene.wo(["run"]).expect_exit(0));
        scene.drop_order("WO-1-PROBE.md", probe(ID, ""));
        let mut cut = scene.command(["run"]);
        cut.env("WO_FAILPOINT", point);
        drop(crate::support::run(cut, b"").expect_killed());
        // its name comes first, and so does its claim
        scene.drop_order("WO-1-A.md", probe(ID, "params: { steps: 1 }\n"));
        drop(scene.wo(["run"]));
        assert_eq!(ledger(&scene), ["WO-1-PROBE 1 1", "WO-1-PROBE 1 2", "WO-1-PROBE 2 1"], "{point}");
        assert_eq!(scene.list("bridge/inbox/CLC"), Vec::<String>::new(), "{point}");
        assert_eq!(scene.list("bridge/archive/CLC").len(), 3, "{point}");
        // nothing is remembered of it beyond that: the same text is a new word now
        scene.drop_order("WO-1-PROBE.md", probe(ID, ""));
        drop(scene.wo(["run"]).expect_exit(0));
        assert_eq!(attempt(&scene), 3, "{point}");
    }
}

/// What can't be read as an order is a text of the id that its file's name gives: it is the newest one all the same.
#[test]
fn a_newer_text_that_is_rejected_unread_is_not_answered_for_by_an_earlier_one() {
    let utf16 = |text: &str| [vec![0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    let newer = probe(ID, "params: { steps: 1 }\n");
    let wait = ["wait", ID, "--timeout", "0.2"];
    for (what, bytes) in [
        ("UTF-16", utf16(&newer)),
        ("a NUL byte", [newer.as_bytes(), b"\0\n"].concat()),
        ("an anchor", newer.replace("steps: 1", "steps: &a 1").into_bytes()),
        ("too large", [newer.as_bytes(), &vec![b' '; 2_000_000]].concat()),
        ("a secret", newer.replace("---\n\n", "---\n\nPassword: hunter2-hunter2\n").into_bytes()),
    ] {
        let scene = scene()
            .config(
                "[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"redis://127.0.0.1:1\"\n\
                 password = { env = \"SECRET_OF_TEST\" }\n",
            )
            .env("SECRET_OF_TEST", "hunter2-hunter2");
        // nothing else is known of the id
        scene.drop_order("WO-1-PROBE.md", &bytes);
        drop(scene.wo(wait).expect_exit(3));
        drop(scene.wo(["run"]).expect_exit(1));
        scene.wo(wait).expect_exit(1).expect_stdout("WO-1-PROBE.md  rejected: ").expect_stderr("rejected/CLC");
        scene.wo(["show", ID]).expect_exit(2).expect_stderr("`WO-1-PROBE.md` was rejected: ");
        scene.wo(["log", ID]).expect_exit(2).expect_stderr("`WO-1-PROBE.md` was rejected: ");
        // corrected
        let good = probe(ID, "");
        scene.drop_order("WO-1-PROBE.md", &good);
        scene.wo(wait).expect_exit(3).expect_stderr("lies in the inbox");
        drop(scene.wo(["run"]).expect_exit(0));
        scene.wo(wait).expect_exit(0).expect_silent_stderr();
        drop(scene.wo(["log", ID]).expect_exit(0).expect_silent_stderr());
        // and spoiled
        scene.drop_order("WO-1-PROBE.md", &bytes);
        scene.wo(wait).expect_exit(3).expect_stderr("lies in the inbox");
        drop(scene.wo(["run"]).expect_exit(1));
        scene.wo(wait).expect_exit(1).expect_stdout("done").expect_stderr("outcome of an earlier text");
        let rejected = scene.wo(["show", ID, "--json"]).expect_exit(0).json()["rejected_later"].take();
        assert_eq!(rejected["file"], "WO-1-PROBE.md", "{what}");
        scene
            .wo(["show", ID])
            .expect_exit(0)
            .expect_stdout("newest text: `WO-1-PROBE.md`, dropped later, was rejected");
        scene.wo(["log", ID]).expect_exit(0).expect_stderr("was rejected: ");
        // whoever drops the earlier text once more means that one
        scene.drop_order("WO-1-PROBE.md", &good);
        drop(scene.wo(["run"]).expect_exit(0));
        scene.wo(wait).expect_exit(0).expect_silent_stderr();
    }
}
