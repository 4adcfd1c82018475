//! Orders that deploy the exporter or verify it, among others that are under way, again, with a launchd, and refused.

use super::*;
use crate::support::TestLaunchd;

/// A verification that is dropped behind its deployment measures the whole of it, not the half that is there.
#[test]
fn a_verification_waits_for_the_deployment_that_is_under_way() {
    let scene = Scene::new().config("[web]\nenabled = false\n").heartbeats(fresh()).database();
    let mut daemon = scene.up_with(&["--no-monitor"]);
    scene.drop_order(&format!("{ID}.md"), ORDER);
    daemon.wait_for("it is at a step", || scene.wo(["status"]).stdout.contains("step "));
    let verify = "# WO-260101-PARQUET-VERIFICATION\n\n## Acceptance\n\n- Verification: 100% pass\n";
    scene.drop_order("WO-260101-PARQUET-VERIFICATION.md", verify);
    let waited = scene.wo(["wait", "WO-260101-PARQUET-VERIFICATION", "--timeout", "170"]);
    assert!(waited.stdout.contains("done: 7 of 7"), "{waited}{}", scene.wo(["show", "WO-260101-PARQUET-VERIFICATION"]));
    assert_eq!(scene.result(ID)["outcome"], "done");
    daemon.stop().expect_exit(0);
}

#[test]
fn a_second_deployment_changes_nothing_and_an_unreadable_heartbeat_is_named() {
    let (scene, daemon) = deployed();
    let result = scene.result(ID);
    let criteria = result["criteria"].as_array().unwrap();
    assert!(criteria.len() >= 6 && criteria.iter().all(|criterion| criterion["verdict"] == "PASS"), "{criteria:#?}");
    let filled = scene.read(format!("bridge/outbox/CLC/{ID}_PHASE7_8_VERIFICATION.md"));
    assert!(filled.contains("✅ Full Success") && filled.contains("pid "), "{filled}");

    let again = ORDER.replace(ID, "WO-251030-PARQUET-EXPORTER");
    let before = scene.tree("g/analytics");
    scene.drop_order("WO-251030-PARQUET-EXPORTER.md", &again);
    scene.wo(["wait", "WO-251030-PARQUET-EXPORTER", "--timeout", "170"]).expect_exit(0).expect_stdout("noop");
    assert_eq!(scene.tree("g/analytics"), before);

    let name = scene.list("g/reports/ops_atomic").swap_remove(7);
    scene.write(format!("g/reports/ops_atomic/{name}"), b"\xff\xfe no text");
    let third = ORDER.replace(ID, "WO-251031-PARQUET-EXPORTER");
    let third = third.replace("| Compression | Snappy |\n", "| Compression | Snappy |\n| Export errors | 0 errors |\n");
    scene.drop_order("WO-251031-PARQUET-EXPORTER.md", &third);
    let waited = scene.wo(["wait", "WO-251031-PARQUET-EXPORTER", "--timeout", "170"]).expect_exit(1);
    assert!(waited.stdout.contains(&name), "{waited}");
    // it is an error of the export, and its row is missing in what is consistent
    let result = scene.result("WO-251031-PARQUET-EXPORTER");
    let judged = |metric: &str| {
        let all = result["criteria"].as_array().unwrap();
        all.iter().find(|one| one["metric"] == metric).unwrap_or_else(|| panic!("{metric} in {result:#}")).clone()
    };
    for metric in ["Schema consistency", "Export errors"] {
        assert_eq!(judged(metric)["verdict"], "FAIL", "{:#}", judged(metric));
    }
    assert_eq!(judged("Export errors")["actual"], "1 errors");
    assert_eq!(judged("Compression")["verdict"], "PASS");
    let ran = scene.wo(["verify", "parquet", "--dry-run"]);
    assert!(ran.stdout.contains("1 can't be read: ") && ran.stdout.contains(&name), "{ran}");
    daemon.stop().expect_exit(0);
}

#[test]
fn a_verification_order_measures_what_is_deployed() {
    let (scene, daemon) = deployed();
    let order = "---\nid: WO-1-VERIFY-PARQUET\n---\n# WO-1-VERIFY-PARQUET\n";
    scene.drop_order("WO-1-VERIFY-PARQUET.md", order);
    let waited = scene.wo(["wait", "WO-1-VERIFY-PARQUET", "--timeout", "170"]);
    waited.expect_exit(0).expect_stdout("done");
    fs::remove_file(scene.path("run/parquet_exporter.cjs")).unwrap();
    scene.wo(["retry", "WO-1-VERIFY-PARQUET"]).expect_exit(0);
    crate::support::wait_for("the second attempt", || {
        scene.wo(["show", "WO-1-VERIFY-PARQUET", "--json"]).json()["outcome"].is_string()
    });
    let shown = scene.wo(["show", "WO-1-VERIFY-PARQUET"]).expect_exit(0);
    assert!(shown.stdout.contains("parquet_exporter.cjs") && !shown.stdout.contains("state: done"), "{shown}");
    daemon.stop().expect_exit(0);
}

#[test]
fn launchd_runs_the_deployed_export_by_itself() {
    let launchd = TestLaunchd::new();
    let scene = Scene::new().config(&launchd.config()).heartbeats(fresh()).database();
    scene.drop_order(&format!("{ID}.md"), ORDER);
    scene.wo(["run"]).expect_exit(0).expect_stdout("done");
    let result = scene.result(ID);
    let criteria = result["criteria"].as_array().unwrap();
    assert!(criteria.iter().all(|criterion| criterion["verdict"] == "PASS"), "{criteria:#?}");
    let label = "com.02luka.analytics.parquet";
    assert!(launchd.agents().join(format!("{label}.plist")).is_file());
    let found = findings(&scene);
    assert!(found.values().all(|finding| finding == "pass"), "{found:?}");
    // launchd starts what lies there at the next login, whatever is rendered beneath the root
    let installed = launchd.agents().join(format!("{label}.plist"));
    let text = fs::read_to_string(&installed).unwrap();
    let runner = scene.path("scripts/analytics/run_parquet_exporter.zsh").display().to_string();
    for (old, new, next) in [(runner.as_str(), "/usr/bin/true", "pass"), ("<integer>30<", "<integer>31<", "unmeasured")]
    {
        assert!(text.contains(old), "{text}");
        fs::write(&installed, text.replace(old, new)).unwrap();
        let found = findings(&scene);
        assert_eq!((failed(&found), found["service.next-run"].as_str()), (vec!["service.loaded"], next));
    }
    fs::write(&installed, text).unwrap();
    // a record of before digests were kept: what this `wo` would write is compared
    let record = scene.read(RECORD);
    let mut earlier: serde_json::Value = serde_json::from_str(&record).unwrap();
    assert_eq!(earlier["sha256"].as_object().unwrap().len(), 4, "{record}");
    earlier.as_object_mut().unwrap().remove("sha256");
    scene.write(RECORD, earlier.to_string());
    let found = findings(&scene);
    assert!(found.values().all(|finding| finding == "pass"), "{found:?}");
    edit(&scene, "scripts/analytics/run_parquet_exporter.zsh", " export", " export --dry-run");
    assert_eq!(failed(&findings(&scene)), ["runner"]);
    launchd.launchctl(["bootout", &format!("{}/{label}", launchd.domain())]).expect_exit(0);
    edit(&scene, "scripts/analytics/run_parquet_exporter.zsh", " export --dry-run", " export");
    let found = findings(&scene);
    assert_eq!((failed(&found), found["service.next-run"].as_str()), (vec!["service.loaded"], "unmeasured"));
}

#[test]
fn a_service_that_is_refused_takes_everything_back_and_leaves_nothing_green() {
    let launchd = TestLaunchd::new();
    let scene = Scene::new()
        .config(&launchd.config())
        .heartbeats(fresh())
        .file("run/parquet_exporter.cjs", "// the field's own\n");
    let launchctl = launchd.agents().parent().unwrap().join("launchctl");
    let real = launchctl.with_extension("real");
    fs::rename(&launchctl, &real).unwrap();
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = bootstrap ] && {{ echo 'Operation not permitted' >&2; exit 150; }}\nexec '{}' \"$@\"\n",
        real.display()
    );
    let temporary = launchctl.with_extension("tmp");
    fs::write(&temporary, text).unwrap();
    chmod(&temporary, 0o755);
    fs::rename(temporary, &launchctl).unwrap();
    let state = || {
        let mut state = scene.tree("");
        state.retain(|path, _| !path.starts_with("bridge"));
        state
    };
    let before = state();
    scene.drop_order(&format!("{ID}.md"), ORDER);
    let ran = scene.wo(["run"]).expect_exit(1);
    let result = scene.result(ID);
    assert_eq!(result["outcome"], "failed", "{ran}");
    assert!(result["reason"].as_str().unwrap().contains("Operation not permitted"), "{ran}");
    for criterion in result["criteria"].as_array().unwrap() {
        assert_ne!(criterion["verdict"], "PASS", "{criterion:#}");
    }
    let filled = scene.read(format!("bridge/outbox/CLC/{ID}_PHASE7_8_VERIFICATION.md"));
    let green = filled.lines().filter(|line| line.contains("✅ Verified") && !line.contains('☐')).count();
    assert_eq!(green, 0, "{filled}");
    assert_eq!(state(), before, "{ran}");
    for dir in ["scripts", "launchd", "g/logs", "g/analytics"] {
        assert!(!scene.exists(dir), "{dir} was not there before");
    }
}

/// The monitor with a Redis that nobody serves; the exporter is deployed and well.
#[test]
fn an_order_about_the_monitor_is_never_answered_by_the_exporter() {
    let (scene, daemon) = deployed();
    let nobody = crate::support::free_port();
    let redis = format!(
        "[web]\nenabled = false\n[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"redis://127.0.0.1:{nobody}\"\n"
    );
    let scene = scene.config(&redis);
    daemon.signal(rustix::process::Signal::HUP);
    let order = "# Work Order: WO-251120-OPS-MONITOR-VERIFICATION\n\n## Success Criteria\n\n| Metric | Target |\n|---|---|\n\
                 | Verification script | All pass |\n\n## Verification\n\n```bash\nwo verify monitor\n```\n";
    scene.drop_order("WO-251120-OPS-MONITOR-VERIFICATION.md", order);
    scene.wo(["wait", "WO-251120-OPS-MONITOR-VERIFICATION", "--timeout", "170"]).expect_exit(1);
    let report = scene.outbox("WO-251120-OPS-MONITOR-VERIFICATION_REPORT.md");
    assert!(report.contains("wo verify monitor") && report.contains("Redis"), "{report}");
    assert!(!report.contains("Verification script | All pass | 15/15"), "{report}");
    assert_eq!(scene.result("WO-251120-OPS-MONITOR-VERIFICATION")["criteria"][0]["verdict"], "FAIL", "{report}");
    // what nobody can measure is refused, and lint says so before
    let backup = "# WO-251122-BACKUP-VERIFICATION\n\n**Goal:** the NAS backup can be restored\n";
    scene.write("backup.md", backup);
    scene.wo(["lint", "backup.md"]).expect_exit(1).expect_stdout("can't be told");
    scene.drop_order("WO-251122-BACKUP-VERIFICATION.md", backup);
    let waited = scene.wo(["wait", "WO-251122-BACKUP-VERIFICATION", "--timeout", "170"]).expect_exit(1);
    assert!(waited.stdout.contains("can't be told") || waited.stderr.contains("can't be told"), "{waited}");
    daemon.stop().expect_exit(0);
}
