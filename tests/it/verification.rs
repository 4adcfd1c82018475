//! Orders that verify the export: what they are judged by, and what a loss does to it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::support::{Heartbeats, Scene};

/// Two days with a heartbeat an hour each, exported; the names of their files.
fn exported() -> (Scene, Vec<String>) {
    let start = "2025-10-26T00:30:00Z".parse().unwrap();
    let scene = Scene::new().config("[services]\nmanager = \"embedded\"\n").heartbeats(Heartbeats::series(
        start,
        SignedDuration::from_hours(1),
        48,
    ));
    scene.wo(["export", "--all"]).expect_exit(0);
    let files =
        scene.list("g/analytics").into_iter().filter(|name| name.starts_with("ops_atomic_")).collect::<Vec<_>>();
    assert_eq!(files.len(), 2, "{files:?}");
    (scene, files.into_iter().map(|name| format!("g/analytics/{name}")).collect())
}

/// Metric, verdict and actual value of each criterion of a verification that asks these.
fn judged(scene: &Scene, n: usize, criteria: &[(&str, &str)]) -> Vec<(String, String, String)> {
    let id = format!("WO-{n}-VERIFY-PARQUET");
    let rows: String = criteria.iter().map(|(metric, target)| format!("| {metric} | {target} |\n")).collect();
    let order = format!("# {id}\n\n## Acceptance Criteria\n\n| Metric | Target |\n|---|---|\n{rows}");
    let file = scene.path(format!("bridge/inbox/CLC/{id}.md"));
    fs::write(file, order).unwrap();
    let _ = scene.wo(["run"]);
    let result = scene.result(&id);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let all = result["criteria"].as_array().unwrap_or_else(|| panic!("{result:#}"));
    let own = all.iter().filter(|one| criteria.iter().any(|(metric, _)| one["metric"] == *metric));
    own.map(|one| (text(&one["metric"]), text(&one["verdict"]), text(&one["actual"]))).collect()
}

/// Writes a Parquet file anew as another tool does: the same columns and rows, and nothing of our metadata.
pub fn strip(path: &Path) {
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let schema = Arc::new(arrow::datatypes::Schema::new(batches[0].schema().fields().clone()));
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, Arc::clone(&schema), None).unwrap();
    for batch in batches {
        let columns = batch.columns().to_vec();
        writer.write(&arrow::array::RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()).unwrap();
    }
    writer.close().unwrap();
    fs::write(path, out).unwrap();
}

#[test]
fn labels_are_judged_as_lint_binds_them_and_tell_what_is_verified() {
    let (scene, _) = exported();
    let asked = [
        ("file_size", "<= 5 MB"),
        ("row_count", ">= 1"),
        ("schema_mismatches", "0"),
        ("Max file size", "5 MB"),
        ("Rows (min)", "1"),
        ("Schema", "consistent"),
    ];
    let seen = judged(&scene, 1, &asked);
    let wrong: Vec<_> = seen.iter().filter(|(_, verdict, _)| verdict != "PASS").collect();
    assert!(seen.len() >= asked.len() && wrong.is_empty(), "{wrong:#?}");

    let order = "---\nid: WO-2-VERIFY-NIGHTLY\nhandler: verification\n---\n# Nightly check\n\n## Acceptance Criteria\n\n\
                 | Metric | Target |\n|---|---|\n| File size | ≤ 5 MB |\n| Compression | Snappy |\n";
    fs::write(scene.path("order.md"), order).unwrap();
    scene.wo(["lint", "order.md"]).expect_exit(0).expect_no_stdout("nothing that");
    let _ = scene.wo(["run", "order.md"]);
    let result = scene.result("WO-2-VERIFY-NIGHTLY");
    let passed = |metric: &str| {
        result["criteria"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["metric"] == metric && one["verdict"] == "PASS"))
    };
    assert!(passed("File size") && passed("Compression"), "{result:#}");
}

#[test]
fn a_lost_day_and_an_unreadable_report_are_seen() {
    let (scene, files) = exported();
    let asked = [("Coverage", "100%"), ("Unreadable reports", "0"), ("Heartbeat reports", "≥ 48")];
    let seen = |n: usize| {
        let judged = judged(&scene, n, &asked);
        judged.into_iter().map(|(_, verdict, actual)| format!("{verdict} {actual}")).collect::<Vec<_>>()
    };
    assert_eq!(seen(1), ["PASS 48/48", "PASS 0 errors", "PASS 48 reports"]);
    // what came since the export was last to run waits for the next, and is no loss
    let now = jiff::Timestamp::now();
    let scene = scene.heartbeats(Heartbeats::series(now, SignedDuration::from_secs(60), 1));
    let seen = |n: usize| {
        let judged = judged(&scene, n, &asked);
        judged.into_iter().map(|(_, verdict, actual)| format!("{verdict} {actual}")).collect::<Vec<_>>()
    };
    assert_eq!(seen(2), ["PASS 48/48", "PASS 0 errors", "PASS 49 reports"]);
    let aside = scene.path("aside");
    for (n, file) in files.iter().enumerate() {
        fs::rename(scene.path(file), &aside).unwrap();
        assert_eq!(seen(3 + n)[0], "FAIL 24/48", "{file}");
        fs::rename(&aside, scene.path(file)).unwrap();
    }
    let report = scene.list("g/reports/ops_atomic").swap_remove(7);
    scene.write(format!("g/reports/ops_atomic/{report}"), b"\xff\xfe no text");
    assert_eq!(seen(5)[..2], ["FAIL 47/48", "FAIL 1 errors"]);
}

/// Its footer still tells of its rows; what asks whether it can be read asks for them.
#[test]
fn a_damaged_day_file_is_there_and_not_readable() {
    let (scene, files) = exported();
    let asked = [
        ("Parquet", "readable"),
        ("Output", "readable"),
        ("Parquet file", "present and readable"),
        ("Parquet output", "valid"),
        ("Parquet file present", "yes"),
    ];
    let verdicts = |n: usize| judged(&scene, n, &asked).into_iter().map(|one| one.1).collect::<Vec<_>>();
    let confirms = |n: usize| {
        let report = scene.read(format!("bridge/outbox/CLC/WO-{n}-VERIFY-PARQUET_PHASE7_8_VERIFICATION.md"));
        report.lines().find(|line| line.contains("Confirms: DuckDB opens")).unwrap().to_owned()
    };
    assert_eq!(verdicts(1), ["PASS"; 5]);
    assert!(!confirms(1).starts_with('❌'), "{}", confirms(1));
    let file = scene.path(files.last().unwrap());
    let mut bytes = fs::read(&file).unwrap();
    bytes[100..1500].iter_mut().for_each(|byte| *byte ^= 0x5a);
    fs::write(&file, bytes).unwrap();
    assert_eq!(verdicts(2), ["FAIL", "FAIL", "FAIL", "FAIL", "PASS"]);
    assert!(confirms(2).starts_with('❌'), "{}", confirms(2));
}

#[test]
fn a_day_file_of_another_tool_is_none_of_ours() {
    let (scene, files) = exported();
    let checks = || {
        let json = scene.wo(["verify", "parquet", "--json", "--dry-run"]).json();
        let told = json["checks"].as_array().unwrap().iter().filter(|check| {
            check["id"].as_str().is_some_and(|id| id.starts_with("parquet.")) && check["result"] != "pass"
        });
        let told: Vec<String> = told.map(|check| format!("{} {}", check["id"], check["detail"])).collect();
        (told, json["figures"]["validation"].as_str().unwrap_or_default().to_owned())
    };
    let good = checks();
    assert_eq!(good.0, [""; 0]);
    for (n, file) in files.iter().enumerate() {
        let kept = fs::read(scene.path(file)).unwrap();
        strip(&scene.path(file));
        let (told, validation) = checks();
        assert!(
            matches!(told.as_slice(), [one] if one.contains("parquet.present") && one.contains(file.as_str())
            && one.contains("no query reads it; export anew")),
            "{told:?}"
        );
        assert_eq!(validation == "failed", n == 1, "{validation}");
        let asked = [("Parquet file present", "yes"), ("Row count", "≥ 1"), ("Verification", "all pass")];
        let judged = judged(&scene, 1 + n, &asked);
        let shown: Vec<&str> = judged.iter().map(|(_, verdict, _)| verdict.as_str()).collect();
        assert_eq!((shown, judged[1].2.as_str()), (vec!["FAIL", "PASS", "FAIL"], "24 rows"), "{judged:?}");
        fs::write(scene.path(file), kept).unwrap();
    }
    // one of a day without reports is an older exporter's, and in nobody's way
    let older = scene.path("g/analytics/ops_atomic_20251020.parquet");
    fs::copy(scene.path(&files[0]), &older).unwrap();
    strip(&older);
    let (told, _) = checks();
    assert!(matches!(told.as_slice(), [one] if one.contains("parquet.others")), "{told:?}");
}

/// What a verification calls its checks is what an order may ask for.
#[test]
fn every_check_is_bound_by_its_title() {
    let scene = Scene::new();
    for subject in ["parquet", "monitor"] {
        let json = scene.wo(["verify", subject, "--json", "--dry-run"]).json();
        let checks = json["checks"].as_array().unwrap();
        let titles: Vec<&str> = checks.iter().filter_map(|check| check["title"].as_str()).collect();
        let rows: String = titles.iter().map(|title| format!("| {title} | OK |\n")).collect();
        let order = format!(
            "# WO-1-VERIFY\n\n## Verification\n\n```bash\nwo verify {subject}\n```\n\n## Acceptance\n\n| Check | Expected |\n|---|---|\n{rows}"
        );
        scene.write("WO-1-VERIFY.md", &order);
        let linted = scene.wo(["lint", "--json", "WO-1-VERIFY.md"]).json();
        let criteria = linted[0]["criteria"].as_array().unwrap();
        assert!(titles.len() > 2 && criteria.len() == titles.len(), "{titles:?}: {criteria:#?}");
        for criterion in criteria {
            assert!(criterion["binding"]["key"].is_string(), "{subject}: {criterion:#}");
        }
    }
}

/// What nothing in a verification ever measures is told before it is asked.
#[test]
fn what_only_a_deployment_measures_is_told_before_any_work() {
    let scene = Scene::new();
    let order = "# WO-1-VERIFY-PARQUET\n\n## Acceptance\n\n| Metric | Target |\n|---|---|\n| Export duration | < 5 s |\n\
                 | Idempotent rerun | yes |\n| Exit code | 0 |\n| Coverage | 100% |\n";
    scene.write("WO-1-VERIFY-PARQUET.md", order);
    let linted = scene.wo(["lint", "WO-1-VERIFY-PARQUET.md"]);
    for metric in ["Export duration", "Idempotent rerun", "Exit code"] {
        assert!(linted.stdout.contains(&format!("goes by the name `{metric}`")), "{linted}");
    }
    assert!(!linted.stdout.contains("goes by the name `Coverage`"), "{linted}");
}
