//! What an order asks beside its criteria, and what it asks of something else: followed, told, or not green.

use crate::support::{Heartbeats, Scene, TestLaunchd};

fn scene(launchd: &TestLaunchd) -> Scene {
    Scene::new().config(&launchd.config()).heartbeats(Heartbeats::days(2).ending(jiff::Timestamp::now()))
}

/// Each criterion of an order as `metric | target: verdict`.
fn verdicts(scene: &Scene, id: &str) -> Vec<String> {
    let result = scene.result(id);
    let one = |one: &serde_json::Value| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        format!("{} | {}: {}", text("metric"), text("target"), text("verdict"))
    };
    result["criteria"].as_array().map(|all| all.iter().map(one).collect()).unwrap_or_default()
}

#[test]
fn an_order_to_take_the_exporter_away_is_rejected_and_deploys_nothing() {
    for (id, head, body) in [
        (
            "WO-2611-PARQUET-EXPORTER-ROLLBACK",
            "",
            "## Objective\n\nRoll back the Parquet exporter.\n\n## Requirements\n\n\
             1. **Unload** the LaunchAgent `com.02luka.analytics.parquet`\n2. **Remove** `run/parquet_exporter.cjs`\n",
        ),
        (
            "WO-2611-STOP",
            "",
            "## Requirements\n\n1. **Stop** and **unload** the LaunchAgent `com.02luka.analytics.parquet`.\n\n\
             ## Acceptance Criteria\n\n- File size ≤ 5 MB\n",
        ),
        ("WO-2611-OFF", "**Handler:** parquet-exporter\n\n", "## Objective\n\nDisable the nightly export.\n"),
    ] {
        let scene = Scene::new();
        scene.drop_order(&format!("{id}.md"), format!("# {id}\n\n{head}{body}"));
        scene.wo(["run"]).expect_exit(1);
        let result = scene.result(id);
        assert_eq!(result["outcome"], "rejected", "{result:#}");
        let reason = result["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("no handler takes away what another made"), "{reason}");
        assert!(!scene.exists("run/parquet_exporter.cjs"), "{id}");
    }
}

#[test]
fn a_requirement_is_followed_or_a_criterion_that_is_not_met() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    let run = |id: &str, requirement: &str| {
        let order = format!("# {id}\n**Handler:** parquet-exporter\n\n## Requirements\n1. {requirement}\n");
        scene.drop_order(&format!("{id}.md"), &order);
        let ran = scene.wo(["run"]);
        let lint = scene.wo_with_stdin(["lint", "-"], order.as_bytes());
        (ran, lint.stdout)
    };
    let (ran, lint) = run("WO-1-X", "Use zstd instead of Snappy");
    ran.expect_exit(0);
    assert!(!lint.contains("unmet-requirement"), "{lint}");
    assert!(
        verdicts(&scene, "WO-1-X").contains(&"Compression | zstd: PASS".to_owned()),
        "{:?}",
        verdicts(&scene, "WO-1-X")
    );
    for (id, requirement, criterion) in [
        ("WO-2-X", "Compress with gzip", "Compression | gzip"),
        ("WO-3-X", "**Schedule** the export every 6 hours", "Export frequency | every 6 hours"),
        ("WO-4-X", "Schedule: every weekday at 07:00", "Export frequency | every weekday at 07:00"),
        (
            "WO-5-X",
            "Install as `com.02luka.analytics.parquet.v2`, daily 02:30",
            "LaunchAgent loaded (com.02luka.analytics.parquet.v2) | yes",
        ),
    ] {
        let (ran, lint) = run(id, requirement);
        ran.expect_exit(1);
        assert!(lint.contains("warning[unmet-requirement]"), "{lint}");
        let found = verdicts(&scene, id);
        let own: Vec<&String> = found.iter().filter(|one| one.starts_with(criterion)).collect();
        assert!(!own.is_empty() && own.iter().all(|one| !one.ends_with("PASS")), "{requirement}: {found:?}");
        assert_eq!(scene.result(id)["outcome"], "partial", "{requirement}");
    }
}

#[test]
fn a_criterion_of_another_thing_is_unmeasured_and_lint_says_so() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    let order = |id: &str, acceptance: &str| {
        format!("# {id}\n**Handler:** parquet-exporter\n\n## Acceptance Criteria\n\n{acceptance}\n")
    };
    let own = "### Storage\n- File size ≤ 5 MB\n\n### Parquet Exporter\n- LaunchAgent loaded\n";
    scene.drop_order("WO-1-X.md", order("WO-1-X", own));
    scene.wo(["run"]).expect_exit(0);
    let others = format!("{own}\n### Optimizer\n- LaunchAgent loaded\n\n### com.02luka.other\n- LaunchAgent loaded\n");
    scene.drop_order("WO-2-X.md", order("WO-2-X", &others));
    scene.wo(["run"]).expect_exit(1);
    let result = scene.result("WO-2-X");
    assert_eq!(result["outcome"], "partial", "{result:#}");
    let reason = result["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("it is of Optimizer") && reason.contains("it is of com.02luka.other"), "{reason}");
    let lint = scene.wo_with_stdin(["lint", "-"], order("WO-2-X", &others).as_bytes());
    lint.expect_stdout("is of `Optimizer`, which parquet-exporter does not measure");
}

/// Metric → target, as `lint` or `plan` has it; those that only the report's template asks apart.
fn criteria(criteria: &serde_json::Value) -> [std::collections::BTreeMap<String, String>; 2] {
    let all = criteria.as_array().unwrap_or_else(|| panic!("criteria in {criteria:#}"));
    let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    [false, true].map(|of_template| {
        let some = all.iter().filter(|one| (one["source"] == "template") == of_template);
        some.map(|one| (text(one, "metric"), text(one, "target"))).collect()
    })
}

#[test]
fn lint_shows_what_the_plan_judges_by_before_and_after_a_deployment() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    let alike = |text: &str| {
        let order = format!("# WO-1-PARQUET-EXPORTER\n\n{text}\n");
        let file = scene.path("order.md");
        std::fs::write(&file, &order).unwrap();
        let file = file.to_str().unwrap();
        let [lint, none] = criteria(&scene.wo(["lint", file, "--json"]).json()[0]["criteria"]);
        let [plan, rows] = criteria(&scene.wo(["plan", file, "--json"]).json()["criteria"]);
        assert!(none.is_empty() && plan.iter().all(|one| lint.get(one.0) == Some(one.1)), "{text}: {lint:?} {plan:?}");
        // what the template asks already is no criterion twice
        let is_judged = |(metric, target)| plan.get(metric).or_else(|| rows.get(metric)) == Some(target);
        assert!(lint.iter().all(is_judged), "{text}: {lint:?} {plan:?} {rows:?}");
        lint
    };
    let daily = "## Requirements\n\n1. **Schedule:** every day at 03:15\n2. Compress with zstd\n";
    let bodies = [
        daily,
        "## Requirements\n\n1. Export every 6 hours\n",
        "## Requirements\n\n1. Compress with gzip\n\n## Acceptance Criteria\n\n- File size ≤ 5 MB\n",
        "## Acceptance Criteria\n\n| Metric | Target |\n|---|---|\n| Rows | > 0 |\n",
        "**Handler:** verification\n\n## Objective\n\nVerify the Parquet export.\n",
        "",
    ];
    for body in bodies {
        alike(body);
    }
    assert_eq!(alike(daily)["Export frequency"], "1× daily (03:15)");
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", format!("# WO-1-PARQUET-EXPORTER\n\n{daily}"));
    scene.wo(["run"]).expect_exit(0);
    // what was deployed stands where an order says nothing of it
    for body in bodies {
        alike(body);
    }
    assert_eq!(alike("")["Export frequency"], "daily at 03:15");
}

#[test]
fn what_may_be_asked_and_is_not_judged_stands_in_the_report() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    let run = |id: &str, body: &str, exit: i32, outcome: &str| {
        scene.drop_order(&format!("{id}.md"), format!("# {id}\n**Handler:** parquet-exporter\n\n{body}"));
        scene.wo(["run"]).expect_exit(exit);
        assert_eq!(scene.result(id)["outcome"], outcome, "{body}");
        scene.read(format!("bridge/outbox/CLC/{id}_REPORT.md"))
    };
    let report = run("WO-1-X", "## Constraints\n- File size: ≤ 5 MB\n", 0, "done");
    assert!(
        report.contains("`Constraints` holds what may be meant so (`File size: ≤ 5 MB`); read as text"),
        "{report}"
    );
    let told = "## Acceptance Criteria\n- LaunchAgent is loaded\n  - Backup to S3\n";
    let report = run("WO-2-X", told, 0, "noop");
    assert!(report.contains("- line 6: `Backup to S3` below a criterion"), "{report}");
    // what surely states something is asked
    let stated = "## Acceptance Criteria\n- LaunchAgent is loaded\n  - Backup is uploaded to S3\n";
    assert!(!run("WO-3-X", stated, 1, "partial").contains("**Notes:**\n\n- line"));
}
