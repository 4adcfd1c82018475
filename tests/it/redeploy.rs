//! Deployments of the exporter that replace one another: what a failed one leaves.

use std::fs;

use crate::support::{Heartbeats, Scene, TestLaunchd};

const LABEL: &str = "com.02luka.analytics.parquet";

/// An order as the field writes them.
fn order(id: &str, frequency: &str, codec: &str) -> String {
    format!(
        "## 🧠 WORK ORDER: {id}\n\n**Phase:** 7.8 – Data Analytics Integration  \n\n\
         ### ✅ Acceptance Criteria\n\n| Metric | Target |\n|---|---|\n| Export Frequency | {frequency} |\n\
         | File Size | ≤ 5 MB |\n| Compression | {codec} |\n| LaunchAgent | loads & runs automatically |\n\
         | Summary | OK |\n\n\
         ### 📦 Deliverables\n\n1. `run/parquet_exporter.cjs`\n2. `scripts/analytics/run_parquet_exporter.zsh`\n\
         3. `scripts/analytics/test_parquet_exporter.zsh`\n4. `launchd/{LABEL}.plist`\n"
    )
}

fn scene(launchd: &TestLaunchd) -> Scene {
    Scene::new().config(&launchd.config()).heartbeats(Heartbeats::days(2).ending(jiff::Timestamp::now()))
}

#[test]
fn a_failed_redeployment_brings_the_earlier_job_back_or_says_that_it_could_not() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    let run = |id: &str, at: &str, codec: &str| {
        scene.drop_order(&format!("{id}.md"), order(id, at, codec));
        scene.wo(["run"])
    };
    run("WO-1-PARQUET-EXPORTER", "02:30 daily", "Snappy").expect_exit(0);
    let installed = || fs::read(launchd.agents().join(format!("{LABEL}.plist"))).unwrap();
    let runner = || scene.read("scripts/analytics/run_parquet_exporter.zsh");
    let (before, script) = (installed(), runner());

    launchd.refuse("<integer>45</integer>");
    run("WO-2-PARQUET-EXPORTER", "04:45 daily", "zstd").expect_exit(1);
    assert_eq!(scene.result("WO-2-PARQUET-EXPORTER")["outcome"], "failed");
    assert!(installed() == before && runner() == script, "the files of the earlier one are back");
    launchd.launchctl(["list", LABEL]).expect_exit(0);
    scene.wo(["verify", "parquet"]).expect_exit(0).expect_stdout("02:30");

    launchd.refuse("plist");
    run("WO-3-PARQUET-EXPORTER", "04:45 daily", "zstd").expect_exit(1).expect_stderr("is NOT loaded any more");
    launchd.launchctl(["list", LABEL]).expect_exit(113);
    let report = scene.read("bridge/outbox/CLC/WO-3-PARQUET-EXPORTER_REPORT.md");
    assert!(report.contains("is NOT loaded any more"), "{report}");

    // whatever else fails: the next order deploys as ordered
    launchd.refuse("nothing like it");
    run("WO-4-PARQUET-EXPORTER", "04:45 daily", "zstd").expect_exit(0);
    scene.wo(["verify", "parquet"]).expect_exit(0).expect_stdout("04:45");
}

#[test]
fn a_schedule_registered_for_later_survives_a_failed_redeployment() {
    let scene = Scene::new().heartbeats(Heartbeats::days(2).ending(jiff::Timestamp::now()));
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", order("WO-1-PARQUET-EXPORTER", "02:30 daily", "Snappy"));
    // nobody runs the schedule here: registered, and not loaded
    scene.wo(["run"]).expect_exit(1);
    let registered = || {
        let store = workbridge::schedule::store::Store::open(&scene.root()).unwrap();
        store.registration(LABEL).unwrap().expect("a registration").definition
    };
    let before = registered();
    scene.write("g/analytics/x", "");
    // its log's folder is in the way of a file: the service can't be written down, and all is taken back
    let blocked = order("WO-2-PARQUET-EXPORTER", "04:45 daily", "zstd") + "5. `wo.toml/parquet_exporter.log`\n";
    scene.drop_order("WO-2-PARQUET-EXPORTER.md", blocked);
    scene.wo(["run"]).expect_exit(1);
    assert_eq!(scene.result("WO-2-PARQUET-EXPORTER")["outcome"], "failed");
    assert_eq!(registered(), before);
}
