//! Deployments of the exporter that replace one another: what a failed one leaves, and what the runs of the service show.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{Heartbeats, Scene, TestLaunchd, wait_for};

const LABEL: &str = "com.02luka.analytics.parquet";

/// How often planning a deployment asks launchd for what is loaded.
const PLANNING_ASKS: usize = 2;

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

/// The verdict of a criterion and its reason.
fn verdict(scene: &Scene, id: &str, metric: &str) -> (String, String) {
    let result = scene.result(id);
    let all = result["criteria"].as_array().unwrap();
    let one = all.iter().find(|one| one["metric"] == metric).unwrap_or_else(|| panic!("no {metric} in {result:#}"));
    (one["verdict"].as_str().unwrap().to_owned(), one["reason"].as_str().unwrap().to_owned())
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

/// A verification that names no codec and no time asks for those that were ordered when it was deployed.
#[test]
fn a_verification_asks_for_what_was_ordered() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    for (n, time, codec) in [(1, "02:30", "Snappy"), (3, "07:00", "zstd")] {
        let id = format!("WO-{n}-PARQUET-EXPORTER");
        scene.drop_order(&format!("{id}.md"), order(&id, &format!("{time} daily"), codec));
        scene.wo(["run"]).expect_exit(0);
        let id = format!("WO-{}-VERIFY-PARQUET", n + 1);
        let criteria = "## Acceptance Criteria\n\n| Metric | Target |\n|---|---|\n| Verification | All pass |\n";
        scene.drop_order(&format!("{id}.md"), format!("# {id}\n\n{criteria}"));
        let _ = scene.wo(["run"]);
        let report = scene.read(format!("bridge/outbox/CLC/{id}_PHASE7_8_VERIFICATION.md"));
        for row in [format!("| Compression | {codec} |"), format!("| Export frequency | 1× daily ({time}) |")] {
            let line = report.lines().find(|line| line.to_lowercase().starts_with(&row.to_lowercase()));
            assert!(line.is_some_and(|line| line.ends_with("✅ PASS |")), "{row}: {report}");
        }
    }
}

#[test]
fn a_redeployment_whose_dry_run_fails_leaves_all_as_it_was() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", order("WO-1-PARQUET-EXPORTER", "02:30 daily", "Snappy"));
    scene.wo(["run"]).expect_exit(0);
    let deployed = |scene: &Scene| {
        let plist = fs::read(launchd.agents().join(format!("{LABEL}.plist"))).unwrap();
        (["run", "scripts", "launchd", "bridge/state/deployments"].map(|dir| scene.tree(dir)), plist)
    };
    let before = deployed(&scene);

    let broken = scene.home().join("wo-sql");
    fs::write(&broken, "#!/bin/sh\necho 'libduckdb.so: cannot open shared object file' >&2\nexit 127\n").unwrap();
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let scene = scene.env("WO_SQL", &broken);
    scene.drop_order("WO-2-PARQUET-EXPORTER.md", order("WO-2-PARQUET-EXPORTER", "05:30 daily", "zstd"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("dry-run failed");
    let result = scene.result("WO-2-PARQUET-EXPORTER");
    let of = |name: &str| result["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap();
    for step in ["old-service", "runner", "record", "plist"] {
        assert_eq!(of(step)["state"], "undone", "{:#}", of(step));
    }

    // the cause is mended: what was deployed goes on
    let scene = scene.env("WO_SQL", "");
    assert_eq!(deployed(&scene), before);
    launchd.launchctl(["list", LABEL]).expect_exit(0);
    scene.wo(["verify", "parquet"]).expect_exit(0).expect_stdout("02:30");
}

#[test]
fn an_export_that_fails_says_why_and_is_taken_back_whole() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let ended = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 4);
    let scene = Scene::new().config(&launchd.config()).heartbeats(Heartbeats::days(2).ending(ended));
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", order("WO-1-PARQUET-EXPORTER", "02:30 daily", "Snappy"));
    scene.wo(["run"]).expect_exit(0);

    // a folder in the way of a day's file, and nowhere to move it
    let day = scene.list("g/analytics").into_iter().find(|name| name.starts_with("ops_atomic_")).unwrap();
    fs::remove_file(scene.path(format!("g/analytics/{day}"))).unwrap();
    scene.write(format!("g/analytics/{day}/keep"), "");
    scene.write("g/analytics/legacy", "");
    scene.drop_order("WO-2-PARQUET-EXPORTER.md", order("WO-2-PARQUET-EXPORTER", "05:30 daily", "Snappy"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("failed to move aside");
    let result = scene.result("WO-2-PARQUET-EXPORTER");
    let of = |name: &str| result["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap();
    assert_eq!((&of("export")["state"], &of("old-service")["state"]), (&"undone".into(), &"undone".into()));
    assert_eq!(of("old-service")["after"], "undone");
    // all that it wrote is put back, its summary too: of that file nothing more can be seen, for the service that is loaded again
    // may write the next one at once
    assert_eq!(of("export")["files"], serde_json::json!([]), "{:#}", of("export"));
    let reason = result["reason"].as_str().unwrap();
    assert!(!reason.contains("someone else"), "{reason}");
}

#[test]
fn a_job_of_which_launchd_said_nothing_at_first_is_brought_back_as_well() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", order("WO-1-PARQUET-EXPORTER", "02:30 daily", "Snappy"));
    scene.wo(["run"]).expect_exit(0);
    launchd.refuse("<integer>45</integer>");
    // as often as it is asked while the order is planned
    launchd.leave_unanswered(PLANNING_ASKS);
    scene.drop_order("WO-2-PARQUET-EXPORTER.md", order("WO-2-PARQUET-EXPORTER", "04:45 daily", "zstd"));
    scene.wo(["run"]).expect_exit(1);
    assert_eq!(scene.result("WO-2-PARQUET-EXPORTER")["outcome"], "failed");
    launchd.launchctl(["list", LABEL]).expect_exit(0);
    scene.wo(["verify", "parquet"]).expect_exit(0).expect_stdout("02:30");
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

#[test]
fn a_report_that_arrives_while_a_deployment_is_under_way_is_exported_too() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    // between the export and the rerun; a report of another day than today's, whose file stays as it is then, and halfway between
    // two that are there, for one of the same second would take their place
    let ago = jiff::SignedDuration::from_secs(30 * 3600 + 150);
    let late = Heartbeats::series(jiff::Timestamp::now() - ago, Default::default(), 1);
    let late = late.write(&scene.path("held")).unwrap().remove(0);
    let heartbeats = scene.path("g/reports/ops_atomic");
    launchd.let_arrive(&late, &heartbeats.join(late.file_name().unwrap()));
    let id = "WO-1-PARQUET-EXPORTER";
    scene.drop_order(&format!("{id}.md"), order(id, "02:30 daily", "Snappy"));
    scene.wo(["run"]).expect_exit(0).expect_stdout("done");
    assert!(!late.exists(), "it arrived");
    let result = scene.result(id);
    let all = result["measurements"].as_array().unwrap();
    let rerun = all.iter().find(|one| one["key"] == "export.deterministic").unwrap();
    assert!(rerun["ok"] == true, "{rerun:#}");
    let rows = scene.wo(["query", "--json", "select count(*) as n from heartbeats"]).expect_exit(0);
    assert!(rows.stdout.contains("577"), "{rows}");
}

#[test]
fn a_run_that_finds_all_reports_exported_takes_no_summary_away() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let ended = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * 4);
    let scene = Scene::new().config(&launchd.config()).heartbeats(Heartbeats::days(2).ending(ended));
    let id = "WO-1-PARQUET-EXPORTER";
    scene.drop_order(&format!("{id}.md"), order(id, "02:30 daily", "Snappy"));
    scene.wo(["run"]).expect_exit(0);
    let (is, why) = verdict(&scene, id, "LaunchAgent");
    assert_eq!(is, "PASS", "{why}");
    let (is, why) = verdict(&scene, id, "Summary");
    assert_eq!(is, "PASS", "{why}");
    let name = &scene.list("g/reports/parquet")[0];
    assert!(name.starts_with("parquet_export_summary_"), "{name}");
    let tree = scene.tree("g/reports/parquet");
    let sha256 = tree.get(name).unwrap().rsplit(' ').next().unwrap().to_owned();
    let report = scene.read(format!("bridge/outbox/CLC/{id}_REPORT.md"));
    let row = report.lines().find(|line| line.contains("| export.summary |") && line.contains("compared")).unwrap();
    assert!(row.contains(&sha256), "{sha256} in {row}");
    assert!(scene.read(format!("g/reports/parquet/{name}")).contains("ops_atomic_"), "it lists the exported files");
}

#[test]
fn a_service_whose_program_is_broken_or_whose_newest_run_failed_does_not_run_automatically() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", order("WO-1-PARQUET-EXPORTER", "02:30 daily", "Snappy"));
    scene.wo(["run"]).expect_exit(0);
    let verify = |id: &str| {
        let text = format!(
            "# {id}\n\n## Acceptance\n\n| Metric | Target |\n|---|---|\n| LaunchAgent | loads & runs automatically |\n"
        );
        scene.drop_order(&format!("{id}.md"), text);
        scene.wo(["run"])
    };
    verify("WO-1-VERIFY-PARQUET").expect_exit(0);
    let runner = "scripts/analytics/run_parquet_exporter.zsh";
    let sound = scene.read(runner);
    scene.write(runner, "#!/bin/sh\nexit 7\n");
    verify("WO-2-VERIFY-PARQUET").expect_exit(1);
    let (is, why) = verdict(&scene, "WO-2-VERIFY-PARQUET", "LaunchAgent");
    assert!(is == "FAIL" && why.contains("run_parquet_exporter.zsh"), "{is}: {why}");
    // mended; then somebody kicks it while its exports fail
    scene.write(runner, &sound);
    verify("WO-3-VERIFY-PARQUET").expect_exit(0);
    scene.write("g/reports/ops_atomic/heartbeat_2025-10-28_19-13-38.md", "no heartbeat");
    scene.wo(["jobs", "run", LABEL]).expect_exit(0);
    let log = || scene.read("g/logs/parquet_exporter.log");
    wait_for("the end of the kicked run", || log().contains("failed to read 1 report"));
    wait_for("its record", || !scene.wo(["jobs"]).stdout.contains("running"));
    verify("WO-4-VERIFY-PARQUET").expect_exit(1);
    let (is, why) = verdict(&scene, "WO-4-VERIFY-PARQUET", "LaunchAgent");
    assert!(is == "FAIL" && why.contains("kicked") && why.contains("ended with 1"), "{is}: {why}");
}

#[test]
fn the_next_run_must_be_on_the_ordered_day_too() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", order("WO-1-PARQUET-EXPORTER", "Sundays 03:00", "Snappy"));
    scene.wo(["run"]).expect_exit(0);
    scene.wo(["verify", "parquet"]).expect_exit(0);
    let record = "bridge/state/deployments/parquet-exporter.json";
    let weekly = scene.read(record);
    for day in ["\"monday\"", "null"] {
        scene.write(record, weekly.replace("\"sunday\"", day));
        scene.wo(["verify", "parquet"]).expect_exit(1).expect_stdout("ordered");
    }
    scene.write(record, &weekly);
    scene.wo(["verify", "parquet"]).expect_exit(0);
}

#[test]
fn the_deployed_scripts_write_their_summaries_where_the_order_wants_them() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    let id = "WO-1-PARQUET-EXPORTER";
    let more = "5. `g/reports/exports/parquet_export_summary_YYYYMMDD.md`\n\n### 🧩 Requirements\n\n\
                1. **Write** `g/analytics/daily/ops_atomic_YYYYMMDD.parquet`\n";
    scene.drop_order(&format!("{id}.md"), order(id, "02:30 daily", "Snappy") + more);
    scene.wo(["run"]).expect_exit(0);
    let is_summary = |name: &String| name.starts_with("parquet_export_summary_");
    assert!(scene.list("g/reports/exports").iter().any(is_summary));
    assert!(!scene.list("g/reports/parquet").iter().any(is_summary), "{:?}", scene.list("g/reports/parquet"));
    assert!(scene.read("scripts/analytics/run_parquet_exporter.zsh").contains("--summaries g/reports/exports"));
    let report = scene.read(format!("bridge/outbox/CLC/{id}_REPORT.md"));
    assert!(
        report.contains("`g/analytics/daily/ops_atomic_YYYYMMDD.parquet`, but Parquet files go to `g/analytics/`"),
        "{report}"
    );
}

#[test]
fn what_the_exporter_writes_is_no_report_wherever_its_folder_is_or_was() {
    if crate::support::launchd::is_real() {
        return;
    }
    for folder in ["g/reports/exports", "g/reports"] {
        let launchd = TestLaunchd::new();
        let scene = scene(&launchd).file("g/reports/weekly_2026-11-27.md", "# Weekly\n\n**Date:** 2026-11-27\n");
        // somebody else's, though it is called like one of the exporter's
        let scene = scene.file("g/reports/shop/verify_2025-10-28_19-13-38.md", "# Shop\n\n**Date:** 2025-10-28\n");
        let rows = || {
            scene.wo(["query", "--json", "select path from reports order by path"]).expect_exit(0).json().to_string()
        };
        let legacy = || scene.list("g/analytics/legacy");
        scene.wo(["export", "--all"]).expect_exit(0);
        scene.wo(["verify", "parquet"]).expect_exit(1);
        let (before, aside) = (rows(), legacy());
        assert!(before.contains("weekly") && before.contains("shop"), "{before}");
        let id = "WO-1-PARQUET-EXPORTER";
        let more = format!("5. `{folder}/parquet_export_summary_YYYYMMDD.md`\n");
        scene.drop_order(&format!("{id}.md"), order(id, "02:30 daily", "Snappy") + &more);
        scene.wo(["run"]).expect_exit(0);
        let runner = scene.path("scripts/analytics/run_parquet_exporter.zsh");
        let nightly = || {
            let ended = std::process::Command::new(&runner).arg("--all").output().expect("the runner runs");
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        };
        nightly();
        assert_eq!((rows(), legacy()), (before.clone(), aside.clone()), "{folder}");
        // by hand it does the same, to the same folder
        let said = scene.wo(["export", "--all"]).expect_exit(0);
        assert!(said.stdout.contains(&format!("{folder}/parquet_export_summary_")), "{said}");
        nightly();
        assert_eq!((rows(), legacy()), (before.clone(), aside.clone()), "{folder}");
        scene.wo(["verify", "parquet"]).expect_exit(0);

        // back to the standard folder: what lies in the other one is the exporter's still
        let id = "WO-2-PARQUET-EXPORTER";
        let more = "5. `g/reports/parquet/parquet_export_summary_YYYYMMDD.md`\n";
        scene.drop_order(&format!("{id}.md"), order(id, "02:30 daily", "Snappy") + more);
        scene.wo(["run"]).expect_exit(0);
        nightly();
        assert_eq!((rows(), legacy()), (before, aside), "{folder}");
    }
}

#[test]
fn an_order_about_one_thing_leaves_the_rest_as_it_was_deployed() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", order("WO-1-PARQUET-EXPORTER", "03:45 daily", "zstd"));
    scene.wo(["run"]).expect_exit(0);
    let deploy = |id: &str, deliverable: &str, acceptance: &str| {
        let text = format!(
            "# {id}\n\n- **Handler:** parquet-exporter\n\n## Deliverables\n\n- `{deliverable}`\n\n\
             ## Acceptance\n\n- {acceptance}\n"
        );
        scene.drop_order(&format!("{id}.md"), text);
        scene.wo(["run"]).expect_exit(0).expect_stdout("done");
        scene.read(format!("bridge/outbox/CLC/{id}_REPORT.md"))
    };
    let log = "g/logs/px/export.log";
    let report = deploy("WO-2-PARQUET-EXPORTER", log, "Schema mismatches: 0");
    assert!(report.contains("as it was deployed before: daily at 03:45, compression zstd"), "{report}");
    scene.wo(["verify", "parquet"]).expect_exit(0).expect_stdout("03:45").expect_stdout("zstd");
    let plist = format!("launchd/{LABEL}.plist");
    deploy("WO-3-PARQUET-EXPORTER", &plist, "Export schedule: daily at 04:00");
    let verified = scene.wo(["verify", "parquet"]).expect_exit(0).expect_stdout("04:00").expect_stdout("zstd");
    assert!(!verified.stdout.contains("the order listed none"), "{verified}");
    assert!(scene.read(&plist).contains(log), "the log stays where the order before put it");
    for script in ["run/parquet_exporter.cjs", "scripts/analytics/test_parquet_exporter.zsh"] {
        let text = scene.read(script);
        fs::remove_file(scene.path(script)).unwrap();
        scene.wo(["verify", "parquet"]).expect_exit(1).expect_stdout(script);
        scene.write(script, text);
        fs::set_permissions(scene.path(script), fs::Permissions::from_mode(0o755)).unwrap();
    }
    scene.wo(["verify", "parquet"]).expect_exit(0);
}

#[test]
fn a_deployment_under_another_label_takes_the_place_of_the_one_before() {
    if crate::support::launchd::is_real() {
        return;
    }
    const OTHER: &str = "com.02luka.nightly.parquet";
    let launchd = TestLaunchd::new();
    let scene = scene(&launchd);
    let run = |id: &str, at: &str, label: &str| {
        let text =
            order(id, at, "zstd").replace(LABEL, label).replace("run/parquet_exporter.cjs", "run/nightly_export.cjs");
        scene.drop_order(&format!("{id}.md"), text);
        scene.wo(["run"])
    };
    run("WO-1-PARQUET-EXPORTER", "02:30 daily", LABEL).expect_exit(0);
    let agent = |label: &str| launchd.agents().join(format!("{label}.plist"));
    let before = fs::read(agent(LABEL)).unwrap();

    launchd.refuse("<integer>45</integer>");
    run("WO-2-PARQUET-EXPORTER", "04:45 daily", OTHER).expect_exit(1);
    assert_eq!((fs::read(agent(LABEL)).unwrap(), agent(OTHER).exists()), (before, false));
    launchd.launchctl(["list", LABEL]).expect_exit(0);
    scene.wo(["verify", "parquet"]).expect_exit(0).expect_stdout(LABEL);

    launchd.refuse("nothing like it");
    run("WO-3-PARQUET-EXPORTER", "04:45 daily", OTHER).expect_exit(0);
    launchd.launchctl(["list", LABEL]).expect_exit(113);
    launchd.launchctl(["list", OTHER]).expect_exit(0);
    assert!(!agent(LABEL).exists(), "the next login would load it");
    let report = scene.read("bridge/outbox/CLC/WO-3-PARQUET-EXPORTER_REPORT.md");
    assert!(report.contains(&format!("also wrote `launchd/{LABEL}.plist`")), "{report}");
    scene.wo(["verify", "parquet"]).expect_exit(0).expect_stdout(OTHER);
}

#[test]
fn data_may_lie_in_a_folder_outside_that_the_settings_name() {
    if crate::support::launchd::is_real() {
        return;
    }
    let launchd = TestLaunchd::new();
    let volume = tempfile::tempdir().unwrap();
    let paths = format!("{}\n[paths]\nanalytics = \"{}\"\n", launchd.config(), volume.path().display());
    let scene = Scene::new().config(&paths).heartbeats(Heartbeats::days(2).ending(jiff::Timestamp::now()));
    scene.drop_order("WO-1-PARQUET-EXPORTER.md", order("WO-1-PARQUET-EXPORTER", "02:30 daily", "Snappy"));
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(scene.result("WO-1-PARQUET-EXPORTER")["outcome"], "done");
    assert!(fs::read_dir(volume.path()).unwrap().count() > 0);
    scene.wo(["verify", "parquet"]).expect_exit(0);
}
