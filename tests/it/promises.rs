//! What a label promises is what its measurement holds: a verification order fills its rows green only while all that
//! they say was seen.

use jiff::ToSpan as _;

use crate::support::{Heartbeats, Scene};
use crate::verify::{chmod, deployed};

const TEMPLATE: &str = "# Report

| Metric | Target | Actual | Status |
|---|---|---|---|
| Plist lint | OK | | |
| Plist syntax | OK | | |
| Tests | All pass | | |
| Test suite | 100% pass | | |
| Test script | Executable | | |
| Log file | OK | | |
| Log directory | OK | | |

| Component | Status | Details |
|---|---|---|
| LaunchAgent plist | ☐ Pending / ✅ Verified | |
| launchd/com.02luka.analytics.parquet.plist | ☐ Pending / ✅ Verified | |

- [ ] Plist valid
- [ ] Exporter tests

```bash
plutil -lint launchd/com.02luka.analytics.parquet.plist
```
✅ Confirms: plist lint is clean

```bash
zsh scripts/analytics/test_parquet_exporter.zsh
```
✅ Confirms: the tests pass
";

/// The filled template of a verification order.
fn filled(scene: &Scene, id: &str) -> String {
    let order = format!(
        "---\nid: {id}\nhandler: verification\ntemplate: PROMISES\nparams: {{subject: parquet}}\n---\n# Verify\n"
    );
    scene.drop_order(&format!("{id}.md"), &order);
    // how it ends is not asked here
    let _ = scene.wo(["wait", id, "--timeout", "170"]);
    scene.read(format!("bridge/outbox/CLC/{id}_PROMISES.md"))
}

/// Those of these lines, by what stands in them, that are green.
fn green<'a>(report: &str, lines: &[&'a str]) -> Vec<&'a str> {
    let is_green = |part: &&&str| {
        let line = report.lines().find(|line| line.contains(**part));
        let line = line.unwrap_or_else(|| panic!("`{part}` in {report}"));
        line.contains('✅') || line.contains("[x]")
    };
    lines.iter().filter(is_green).copied().collect()
}

#[test]
fn a_label_is_green_only_while_all_that_it_promises_was_seen() {
    let (scene, daemon) = deployed();
    scene.write("bridge/inbox/CLC/templates/PROMISES.md", TEMPLATE);
    let plist = ["| Plist lint", "| LaunchAgent plist", "| launchd/", "Plist valid", "Confirms: plist lint is clean"];
    let tests = ["| Tests", "| Test suite", "Exporter tests", "Confirms: the tests pass"];
    // what is not broken here: that launchd can read the plist, and the script that makes the tests
    let own = ["| Plist syntax", "| Test script"];
    let none: [&str; 0] = [];

    let report = filled(&scene, "WO-260101-WELL");
    for lines in [&plist[..], &tests, &own] {
        assert_eq!(green(&report, lines), lines, "{report}");
    }
    for (id, path, mode, mended, of_plist) in [
        ("WO-260102-LINT", "launchd/com.02luka.analytics.parquet.plist", 0o666, 0o644, &none[..]),
        ("WO-260103-RUNNER", "scripts/analytics/run_parquet_exporter.zsh", 0o644, 0o755, &plist),
    ] {
        chmod(&scene.path(path), mode);
        let report = filled(&scene, id);
        chmod(&scene.path(path), mended);
        assert_eq!(green(&report, &plist), of_plist, "{report}");
        assert_eq!(green(&report, &tests), none, "{report}");
        assert_eq!(green(&report, &own), own, "{report}");
    }
    std::fs::remove_file(scene.path("g/logs/parquet_exporter.log")).unwrap();
    let report = filled(&scene, "WO-260104-LOG");
    assert_eq!(green(&report, &["| Log file", "| Log directory"]), ["| Log directory"], "{report}");
    daemon.stop().expect_exit(0);
}

#[test]
fn a_templates_rows_about_heartbeats_are_measured_without_the_order_asking() {
    let rows = [
        ("monitor.uptime.database", "≥ 99%"),
        ("Longest gap", "≤ 10 min"),
        ("Cycles in 24 h", "≥ 1"),
        ("Database uptime", "≥ 99%"),
    ];
    let table: String = rows.iter().map(|(metric, target)| format!("| {metric} | {target} | | |\n")).collect();
    let heartbeats = Heartbeats::series(jiff::Timestamp::now() - 1.hour(), jiff::SignedDuration::from_mins(5), 12);
    let scene = Scene::new().config("[web]\nenabled = false\n").heartbeats(heartbeats).database().file(
        "bridge/inbox/CLC/templates/ROWS.md",
        format!("# Rows\n\n| Metric | Target | Actual | Status |\n|---|---|---|---|\n{table}"),
    );
    let id = "WO-260101-VERIFY-MONITOR";
    scene.drop_order(
        &format!("{id}.md"),
        format!("---\nid: {id}\nhandler: verification\ntemplate: ROWS\nparams: {{subject: monitor}}\n---\n# Verify\n"),
    );
    // the loop does not run here, so not all is well
    let _ = scene.wo(["run"]);
    let result = scene.result(id);
    let judged = result["criteria"].as_array().unwrap();
    for (metric, _) in rows {
        let row = judged.iter().find(|one| one["metric"] == metric).unwrap_or_else(|| panic!("{metric} in {result:#}"));
        assert_eq!(row["verdict"], "PASS", "{row:#}");
    }
}

/// What a row says in a column of checks counts for the outcome too: report, result and journal say the same.
#[test]
fn the_result_says_of_a_row_what_its_report_says() {
    let scene = Scene::new().config("[web]\nenabled = false\n").heartbeats(Heartbeats::days(1)).database();
    for (id, check, verdict) in [
        ("WO-260101-VERIFY-MONITOR", "Exists", "PASS"),
        ("WO-260102-VERIFY-MONITOR", "Survives an outage", "UNMEASURED"),
    ] {
        let table = "| Metric | Check | Target | Actual | Status |\n|---|---|---|---|---|\n";
        scene.write(
            "bridge/inbox/CLC/templates/CHECKS.md",
            format!("# Checks\n\n{table}| Database | {check} | OK | | |\n"),
        );
        scene.drop_order(
            &format!("{id}.md"),
            format!("---\nid: {id}\ntemplate: CHECKS\n---\n# Verify\n\n## Acceptance\n\n- Database: OK\n"),
        );
        let _ = scene.wo(["run"]);
        let result = scene.result(id);
        let rows: Vec<_> =
            result["criteria"].as_array().unwrap().iter().map(|one| one["verdict"].as_str().unwrap()).collect();
        assert_eq!(rows, ["PASS", verdict], "the order's and the template's: {result:#}");
        let report = scene.read(format!("bridge/outbox/CLC/{id}_CHECKS.md"));
        assert!(report.lines().any(|line| line.starts_with("| Database |") && line.contains(verdict)), "{report}");
    }
}

#[test]
fn a_verification_script_that_is_another_one_has_verified_nothing() {
    let scene = Scene::new().config("[web]\nenabled = false\n").heartbeats(Heartbeats::days(1)).database();
    let script = "scripts/ops/verify_monitor.zsh";
    let record =
        serde_json::json!({ "version": 1, "label": "com.02luka.x", "plist": "launchd/x.plist", "script": script });
    scene.write("bridge/state/deployments/monitor-fix.json", record.to_string());
    scene.write(script, "#!/bin/sh\nexit 0\n");
    chmod(&scene.path(script), 0o755);
    let id = "WO-260101-VERIFY-MONITOR";
    let order = "# WO-260101-VERIFY-MONITOR\n\n## Acceptance\n\n- Verification script: All pass\n- Database: OK\n";
    scene.drop_order(&format!("{id}.md"), order);
    let _ = scene.wo(["run"]);
    let result = scene.result(id);
    let [tally, database] = [0, 1].map(|n| &result["criteria"][n]);
    assert_eq!(database["verdict"], "PASS", "{result:#}");
    assert_eq!(tally["verdict"], "FAIL", "{result:#}");
    assert!(tally["actual"].as_str().is_some_and(|actual| actual.starts_with("0/")), "{tally:#}");
    assert!(result["reason"].as_str().is_some_and(|reason| reason.contains("no longer the script")), "{result:#}");
}
