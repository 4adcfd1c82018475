//! What an order waits for before its first step, and how that ends when nothing comes of it.

use jiff::Timestamp;

use crate::support::{Scene, probe, wait_for};

const UP: &str = "[web]\nenabled = false\n\n[monitor]\nenabled = false\n\n[inbox]\nsettle_ms = 1\nrescan_ms = 100\n";
const ID: &str = "WO-1-PROBE";
const RESULT: &str = "bridge/outbox/CLC/WO-1-PROBE.result.json";

fn scene(more: &str) -> Scene {
    Scene::new().config(&format!("{UP}\n{more}")).env("WO_PROBE", "1")
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap()
}

/// Nobody need say a word: an order that waits for a person ends when it can't begin any more.
#[test]
fn an_approval_that_does_not_come_in_time_ends_the_order() {
    let expires = in_seconds(3);
    for (limits, front, why) in [
        ("", format!("expires: {expires}\n"), "expired before its first step"),
        ("[limits]\nwait_max_s = 1\n", String::new(), "limits.wait_max_s"),
    ] {
        let scene = scene(limits);
        let mut daemon = scene.up();
        scene.drop_order("WO-1-PROBE.md", probe(ID, &format!("approval: true\n{front}")));
        daemon.wait_for(why, || scene.exists(RESULT));
        daemon.stop().expect_exit(0);
        let result = scene.result(ID);
        assert_eq!(result["outcome"], "rejected", "{why}");
        assert!(result["reason"].as_str().is_some_and(|reason| reason.contains(why)), "{result:#}");
        assert!(!scene.exists("ledger.txt"), "{why}");
    }
}

/// Without a daemon nobody has looked yet: who approves is told that it is too late.
#[test]
fn an_approval_that_comes_too_late_is_refused() {
    let expires = in_seconds(3);
    let scene = scene("").order("WO-1-PROBE.md", probe(ID, &format!("approval: true\nexpires: {expires}\n")));
    scene.wo(["run"]).expect_exit(1).expect_stdout("wo approve WO-1-PROBE");
    wait_for("it has expired", || Timestamp::now() > expires);
    scene.wo(["approve", ID]).expect_exit(1).expect_stderr("expired before its first step");
    scene.wo(["run"]).expect_exit(1).expect_stdout("rejected");
}

/// Only heartbeats are measured outside an order: whoever asks for anything else hears it at once, not after a week.
#[test]
fn a_requirement_that_nothing_can_measure_is_refused_at_once() {
    for (key, is_measured) in [
        ("export.rows >= 1", false),
        ("disk.free >= 10 GB", false),
        ("monitor.nonsense >= 1", false),
        ("monitor.uptime.nobody >= 99%", true),
        ("monitor.healthy_for >= 24h", true),
        ("monitor.longest_gap <= 10 min", true),
    ] {
        let scene = scene("").file("order.md", probe(ID, &format!("requires: [\"{key}\"]\n")));
        if is_measured {
            scene.wo(["lint", "order.md"]).expect_exit(0).expect_no_stdout("unmeasured-requirement");
            scene.wo(["run", "order.md"]).expect_exit(1).expect_stdout("left: waits for");
            continue;
        }
        let said = format!("`{}`, which nothing measures", key.split(' ').next().unwrap());
        scene.wo(["lint", "order.md"]).expect_exit(1).expect_stdout("unmeasured-requirement").expect_stdout(&said);
        scene.wo(["submit", "order.md"]).expect_exit(2).expect_stderr(&said);
        scene.drop_order("WO-1-PROBE.md", scene.read("order.md"));
        scene.wo(["run"]).expect_exit(1).expect_stdout("rejected").expect_stdout(&said);
        assert!(!scene.exists("ledger.txt"), "{key}");
    }
}

/// Whoever looks while an order is claimed sees it in the inbox, among the orders or in both, never in neither.
#[test]
fn an_order_on_its_way_from_the_inbox_is_always_told_of() {
    let scene = scene("");
    let daemon = scene.up();
    for n in 0..12 {
        let id = format!("WO-{n}-PROBE");
        scene.drop_order(&format!("{id}.md"), probe(&id, ""));
        wait_for("its end", || {
            let told = scene.wo(["status", "--json", "-n", "100"]).expect_exit(0).json();
            let order = told["orders"].as_array().unwrap().iter().find(|order| order["id"] == id.as_str()).cloned();
            assert!(order.is_some() || told["inbox"] != 0, "{id}: {told:#}");
            order.is_some_and(|order| order["outcome"] == "done")
        });
    }
    daemon.stop().expect_exit(0);
}
