//! `[notify]`: an order that is rejected, uncertain or waits for a person is told once; and what is remembered of files that
//! are no orders has a bound.

use std::collections::BTreeMap;

use workbridge::journal::{RequestKind, store};

use crate::support::webhook::HttpServer;
use crate::support::{Scene, probe, wait_for};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n\n[inbox]\nsettle_ms = 1\nrescan_ms = 100\n";

fn scene(server: &HttpServer) -> Scene {
    Scene::new().config(&format!("{UP}\n[notify]\nwebhook = \"{}/told\"\n", server.url())).env("WO_PROBE", "1")
}

/// What was told: `id needs`, each with how often.
fn told(server: &HttpServer) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for request in server.taken() {
        let body = request.json();
        assert!(body["why"].as_str().is_some_and(|why| !why.is_empty()), "{body}");
        *told.entry(format!("{} {}", body["id"].as_str().unwrap(), body["needs"].as_str().unwrap())).or_default() += 1;
    }
    told
}

#[test]
fn what_needs_a_person_is_told_once() {
    let server = HttpServer::start();
    let scene = scene(&server);
    let mut daemon = scene.up();
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", "approval: true\n"));
    scene.drop_order("WO-2-PROBE.md", probe("WO-2-PROBE", "params: { uncertain: line-2 }\n"));
    scene.drop_order("WO-3-NOBODY.md", "# WO-3-NOBODY\n\nJust do it.\n");
    scene.drop_order("WO-4-LARGE.md", "x".repeat(2 << 20));
    scene.drop_order("WO-5-PROBE.md", probe("WO-5-PROBE", ""));
    let expected: BTreeMap<String, usize> =
        ["WO-1-PROBE approval", "WO-2-PROBE uncertain line-2", "WO-3-NOBODY rejected", "WO-4-LARGE.md rejected"]
            .map(|told| (told.to_owned(), 1))
            .into();
    daemon.wait_for("all four", || told(&server).len() == 4);
    daemon.wait_for("the last order", || scene.exists("bridge/outbox/CLC/WO-5-PROBE.result.json"));
    daemon.stop().expect_exit(0);
    // a further start, a further look at what waits: nothing is told again
    drop(scene.wo(["run"]).expect_exit(1));
    let daemon = scene.up();
    daemon.stop().expect_exit(0);
    assert_eq!(told(&server), expected);
    let status = scene.wo(["status"]).expect_exit(0);
    for part in ["needs a person", "WO-1-PROBE", "wo approve WO-1-PROBE", "wo resolve WO-2-PROBE", "did not end well"] {
        assert!(status.stdout.contains(part), "{part}: {status}");
    }

    // the same step uncertain once more is another matter
    drop(scene.wo(["resolve", "WO-2-PROBE", "--again"]).expect_exit(0));
    drop(scene.wo(["run"]).expect_exit(1));
    assert!(told(&server).values().all(|times| *times == 1), "{:?}", told(&server));
}

#[test]
fn what_could_not_be_told_is_told_later() {
    let server = HttpServer::start();
    server.set_status(503);
    let scene = scene(&server).order("WO-1-PROBE.md", probe("WO-1-PROBE", "approval: true\n"));
    drop(scene.wo(["run"]).expect_exit(1).expect_stderr("tried again"));
    assert_eq!(told(&server).len(), 0);
    drop(scene.wo(["status"]).expect_exit(0).expect_stdout("notices not delivered yet: 1"));
    server.set_status(200);
    drop(scene.wo(["run"]).expect_exit(1));
    assert_eq!(told(&server), [("WO-1-PROBE approval".to_owned(), 1)].into());
    drop(scene.wo(["status"]).expect_exit(0).expect_no_stdout("not delivered"));
}

#[test]
fn a_command_gets_the_notice_on_its_input() {
    let scene = Scene::new().env("WO_PROBE", "1");
    let told = scene.path("told.txt");
    let command = format!("[\"/bin/sh\", \"-c\", \"cat >> \\\"$0\\\"\", \"{}\"]", told.display());
    let scene = scene.config(&format!("{UP}\n[notify]\ncommand = {command}\n"));
    scene.drop_order("WO-3-NOBODY.md", "# WO-3-NOBODY\n\nJust do it.\n");
    drop(scene.wo(["run"]).expect_exit(1));
    drop(scene.wo(["run"]).expect_exit(0));
    let said = scene.read("told.txt");
    assert_eq!(said.matches("WO-3-NOBODY").count(), said.matches("\"id\"").count(), "{said}");
    assert!(said.contains("parquet-exporter"), "the reason is in it: {said}");
}

#[test]
fn why_a_command_takes_no_notice_is_told_in_its_own_words() {
    let script = "echo 'Error: no such channel' >&2; echo 'npm error code 1' >&2; exit 1";
    let config = format!("{UP}\n[notify]\ncommand = ['/bin/sh', '-c', \"{script}\"]\n");
    let scene = Scene::new().config(&config).order("WO-3-NOBODY.md", "# WO-3-NOBODY\n\nJust do it.\n");
    drop(
        scene
            .wo(["run"])
            .expect_exit(1)
            .expect_stderr("`/bin/sh`: exit status 1: Error: no such channel; it is tried again"),
    );
}

/// `wo run` waits for a receiver that takes its time: one that is cut off would be told again by every run, and the notices
/// behind it never.
#[test]
fn a_slow_receiver_is_told_all_of_it_once() {
    let scene = Scene::new().env("WO_PROBE", "1");
    let told = scene.path("told.txt");
    let script = "echo begun >> \\\"$0\\\"; sleep 1.2; cat >> \\\"$0\\\"";
    let command = format!("[\"/bin/sh\", \"-c\", \"{script}\", \"{}\"]", told.display());
    let scene = scene.config(&format!("{UP}\n[notify]\ncommand = {command}\n"));
    for id in ["WO-1-PROBE", "WO-2-PROBE"] {
        scene.drop_order(&format!("{id}.md"), probe(id, "approval: true\n"));
    }
    for _ in 0..2 {
        drop(scene.wo(["run"]).expect_exit(1));
        let said = scene.read("told.txt");
        let times = ["begun", "\"WO-1-PROBE\"", "\"WO-2-PROBE\""].map(|part| said.matches(part).count());
        assert_eq!(times, [2, 1, 1], "{said}");
    }
}

/// A receiver that never answers holds up the run that has something new for it, and not each that comes after.
#[test]
fn what_an_earlier_run_left_is_tried_for_a_short_while() {
    let server = HttpServer::start();
    server.set_status(503);
    let scene = scene(&server).order("WO-1-PROBE.md", probe("WO-1-PROBE", "approval: true\n"));
    let waiting = "1 notice waits for the webhook, not delivered yet";
    drop(scene.wo(["run"]).expect_exit(1).expect_stderr(waiting));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let webhook = |url: &str| format!("{UP}\n[notify]\nwebhook = \"{url}/told\"\n");
    let scene = scene.config(&webhook(&format!("http://{}", silent.local_addr().unwrap())));
    let began = std::time::Instant::now();
    drop(scene.wo(["run"]).expect_exit(1).expect_stderr(waiting));
    let took = began.elapsed();
    assert!(took.as_secs() < 15, "{took:?}");
    // it stays queued
    server.set_status(200);
    let scene = scene.config(&webhook(&server.url()));
    let told_all = scene.wo(["run"]).expect_exit(1);
    assert!(!told_all.stderr.contains("not delivered"), "{told_all}");
    assert_eq!(told(&server), [("WO-1-PROBE approval".to_owned(), 1)].into());
}

/// Where one of two receivers fails, the other is told, and once.
#[test]
fn each_of_two_receivers_is_told_once_whatever_the_other_does() {
    let server = HttpServer::start();
    let scene = scene(&server);
    let told_file = scene.path("told.txt");
    let both = |script: &str| {
        let command = format!("[\"/bin/sh\", \"-c\", \"{script}\", \"{}\"]", told_file.display());
        format!("{UP}\n[notify]\nwebhook = \"{}/told\"\ncommand = {command}\n", server.url())
    };
    // the webhook is down
    server.set_status(503);
    let scene =
        scene.config(&both("cat >> \\\"$0\\\"")).order("WO-1-PROBE.md", probe("WO-1-PROBE", "approval: true\n"));
    for _ in 0..3 {
        drop(scene.wo(["run"]));
    }
    assert_eq!(scene.read("told.txt").matches("\"id\"").count(), 1);
    server.set_status(200);
    drop(scene.wo(["run"]));
    assert_eq!(scene.read("told.txt").matches("\"id\"").count(), 1);
    assert_eq!(told(&server), [("WO-1-PROBE approval".to_owned(), 1)].into());
    // the command is broken
    let scene = scene.config(&both("exit 3")).order("WO-2-PROBE.md", probe("WO-2-PROBE", "approval: true\n"));
    for _ in 0..3 {
        drop(scene.wo(["run"]));
    }
    let expected = ["WO-1-PROBE approval", "WO-2-PROBE approval"].map(|told| (told.to_owned(), 1));
    assert_eq!(told(&server), expected.into());
    scene.wo(["status"]).expect_exit(0).expect_stdout("notices not delivered yet: 1");
}

/// Killed anywhere, what needs a person is told all the same.
#[test]
fn a_crash_forgets_no_notice() {
    let drops = [
        ("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { uncertain: line-1 }\n")),
        ("WO-3-NOBODY.md", "# WO-3-NOBODY\n\nJust do it.\n".to_owned()),
        ("WO-4-LARGE.md", "x".repeat(2 << 20)),
    ];
    let prepare = |server: &HttpServer| {
        let scene = scene(server);
        drops.iter().for_each(|(name, text)| scene.drop_order(name, text));
        scene
    };
    let server = HttpServer::start();
    let clean = prepare(&server);
    let log = clean.path("points.log");
    let mut command = clean.command(["run"]);
    command.env("WO_FAILPOINT_LOG", &log);
    drop(crate::support::run(command, b"").expect_exit(1));
    assert_eq!(told(&server).len(), 3);
    let points: Vec<String> = clean.read("points.log").lines().map(str::to_owned).collect();
    let is_chosen = |point: &&String| point.starts_with("commit.") || point.contains("reject");
    let chosen: Vec<&String> = points.iter().filter(is_chosen).collect();
    assert!(chosen.len() >= 8, "{points:?}");
    for point in chosen {
        let server = HttpServer::start();
        let scene = prepare(&server);
        let mut command = scene.command(["run"]);
        command.env("WO_FAILPOINT", point);
        // workers take turns: now and then a run passes a point fewer
        let _ = command.output().unwrap();
        drop(scene.wo(["run"]));
        wait_for("all are told", || told(&server).len() == 3);
    }
}

#[test]
fn what_is_remembered_has_a_bound() {
    let limits = "[limits]\nremembered = 10\n";
    let scene = Scene::new().config(&format!("{UP}\n{limits}")).env("WO_PROBE", "1");
    for n in 0..30 {
        scene.drop_order(&format!("note {n}.txt"), "no order");
        scene.drop_order(&format!("WO-{n}-BAD.md"), [0xff, 0xfe, 0xfd]);
    }
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", "approval: true\n"));
    drop(scene.wo(["run"]).expect_exit(1));
    drop(scene.wo(["run"]).expect_exit(1));
    let count = |table: &str| -> i64 {
        scene.journal().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert!(count("drops") <= 10, "{} drops", count("drops"));
    // ten, and the one of the order that still waits
    assert!(count("notices") <= 11, "{} notices", count("notices"));
    let kept: i64 = scene
        .journal()
        .query_row("SELECT count(*) FROM notices WHERE key LIKE 'WO-1-PROBE/%'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 1);
    // nothing of the files themselves is gone
    assert_eq!(scene.list("bridge/inbox/CLC").len(), 30);
    assert_eq!(scene.list("bridge/rejected/CLC").len(), 60);
}

#[test]
fn requests_that_nobody_carries_out_have_a_bound() {
    let scene = Scene::new().env("WO_PROBE", "1").order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    drop(scene.wo(["run"]).expect_exit(0));
    let root = scene.root();
    let ask = || store::request(&root, "WO-1-PROBE", &RequestKind::Retry, jiff::Timestamp::now(), 3);
    for _ in 0..3 {
        ask().unwrap();
    }
    let refused = ask().unwrap_err().to_string();
    assert!(refused.contains("limits.requests") && refused.contains("hint:"), "{refused}");
    drop(scene.wo(["run"]).expect_exit(0));
    ask().unwrap();
    assert_eq!(
        scene.read("ledger.txt").lines().count(),
        4,
        "the second of two retries came before the first had ended"
    );
}
