//! `scripts/demo.sh`, whole and broken on purpose: what `make demo` promises.

use std::path::Path;
use std::process::Command;

use crate::support::{self, Ran, Scene};

/// Runs the demo in the folder of `scene`, broken as `how` says.
fn demo(scene: &Scene, how: &str) -> Ran {
    let debug = support::wo().parent().expect("target/debug");
    let generator = debug.join("examples/heartbeats");
    assert!(generator.is_file(), "{} is missing: cargo build --examples", generator.display());
    let mut command = Command::new("bash");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/demo.sh"));
    command.env("TARGET", debug.parent().expect("target")).env("DEMO_ROOT", scene.dir()).env("DEMO_BREAK", how);
    command.env("HOME", scene.home()).env("TZ", "UTC");
    support::run(command, b"")
}

/// Metric and verdict of each of the order's own criteria.
fn verdicts(result: &serde_json::Value) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let criteria = result["criteria"].as_array().expect("criteria");
    criteria
        .iter()
        .filter(|one| one["source"] == "table")
        .map(|one| (text(&one["metric"]), text(&one["verdict"])))
        .collect()
}

const ID: &str = "WO-251029-PARQUET-EXPORTER";

#[test]
fn ends_done_with_six_criteria_each_measured() {
    let scene = Scene::bare();
    let ran = demo(&scene, "").expect_exit(0).expect_stdout("verdict: done").expect_stdout("| Export frequency |");
    let result = scene.result(ID);
    let verdicts = verdicts(&result);
    assert_eq!(verdicts.len(), 6, "{verdicts:?}");
    assert!(verdicts.iter().all(|(_, verdict)| verdict == "PASS"), "{verdicts:?}");
    for criterion in result["criteria"].as_array().expect("criteria") {
        assert!(!criterion["evidence"].as_array().expect("evidence").is_empty(), "{criterion}");
    }
    // nothing but what the generator wrote: the scratch root's own monitor is off
    assert_eq!(scene.list("g/reports/ops_atomic").iter().filter(|name| name.starts_with("heartbeat_")).count(), 864);
    // the places that are printed are there, and so is the answer of the query
    assert!(ran.stdout.contains(&format!("{ID}_REPORT.md")) && ran.stdout.contains(".parquet"), "{ran}");
    assert!(ran.stdout.contains("healthy") && ran.stdout.contains("critical"), "{ran}");
}

#[test]
fn a_heartbeat_that_cannot_be_read_is_named_and_the_order_is_not_done() {
    let scene = Scene::bare();
    let ran = demo(&scene, "heartbeat").expect_exit(1);
    let result = scene.result(ID);
    assert!(["partial", "failed"].iter().any(|bad| result["outcome"] == *bad), "{result:#}");
    let victim = ran.stdout.lines().find_map(|line| line.strip_prefix("broken on purpose: g/reports/ops_atomic/"));
    let victim = victim.and_then(|line| line.split_whitespace().next()).expect("the victim's name");
    assert!(scene.read(format!("bridge/outbox/CLC/{ID}_REPORT.md")).contains(victim), "{victim} in the report; {ran}");
}

#[test]
fn without_a_schedule_the_order_is_not_done_and_the_criteria_say_so() {
    let scene = Scene::bare();
    let ran = demo(&scene, "schedule").expect_exit(1);
    let result = scene.result(ID);
    assert!(["partial", "failed"].iter().any(|bad| result["outcome"] == *bad), "{result:#}");
    for (metric, verdict) in verdicts(&result) {
        let scheduled = ["Export Frequency", "LaunchAgent"].contains(&metric.as_str());
        assert_eq!(verdict == "PASS", !scheduled, "{metric}: {verdict}; {ran}");
    }
}
