//! `wo verify parquet` on what the exporter's order deployed: every check in a subject that is broken, and mended again.

mod orders;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::{Daemon, Heartbeats, Scene};

const ID: &str = "WO-251029-PARQUET-EXPORTER";
const ORDER: &str = include_str!("../../fixtures/orders/WO-251029-PARQUET-EXPORTER.md");

/// A day file's worth of today's heartbeats, so that the service's own run has something to export.
fn fresh() -> Heartbeats {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).start_of_day().unwrap();
    Heartbeats::series(today.timestamp(), jiff::SignedDuration::from_secs(5), 288)
}

/// A root in which the order ended done, with the `wo up` that holds the schedule.
pub fn deployed() -> (Scene, Daemon) {
    let scene = Scene::new().config("[web]\nenabled = false\n").heartbeats(fresh()).database();
    let daemon = scene.up_with(&["--no-monitor"]);
    scene.drop_order(&format!("{ID}.md"), ORDER);
    let waited = scene.wo(["wait", ID, "--timeout", "170"]);
    assert!(waited.stdout.contains("done"), "{waited}{}", scene.wo(["show", ID]));
    (scene, daemon)
}

/// Id → finding.
fn findings(scene: &Scene) -> BTreeMap<String, String> {
    let ran = scene.wo(["verify", "parquet", "--json", "--dry-run"]);
    let json = ran.json();
    let checks = json["checks"].as_array().unwrap_or_else(|| panic!("checks in {ran}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let found: BTreeMap<_, _> = checks.iter().map(|check| (text(&check["id"]), text(&check["result"]))).collect();
    let good = found.values().all(|finding| finding == "pass" || finding == "info");
    assert_eq!(ran.status.code(), Some(if good { 0 } else { 1 }), "{ran}");
    found
}

fn failed(found: &BTreeMap<String, String>) -> Vec<&str> {
    found.iter().filter(|(_, finding)| *finding == "fail").map(|(id, _)| id.as_str()).collect()
}

fn day_file(scene: &Scene) -> PathBuf {
    let newest = scene.list("g/analytics").into_iter().rfind(|name| name.starts_with("ops_atomic_"));
    scene.path("g/analytics").join(newest.expect("a day file"))
}

/// What a check is about, and how it is broken.
type Break = fn(&Scene);

pub fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Puts `new` in place of `old`, which must be there.
fn edit(scene: &Scene, path: &str, old: &str, new: &str) {
    let text = scene.read(path);
    assert!(text.contains(old), "{old} in {text}");
    fs::write(scene.path(path), text.replace(old, new)).unwrap();
}

/// Writes the day file anew with other properties and so many of its rows.
fn rewrite(scene: &Scene, compression: parquet::basic::Compression, rows: usize, padding: usize, rename: bool) {
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::WriterProperties;

    let path = day_file(scene);
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&path).unwrap()).unwrap();
    let mut metadata = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    metadata.retain(|pair| pair.key != "ARROW:schema");
    if padding > 0 {
        metadata.push(KeyValue::new("padding".to_owned(), "x".repeat(padding)));
    }
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let mut schema = batches[0].schema();
    if rename {
        let fields: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                "duration_ms" => Arc::new(field.as_ref().clone().with_name("duration_seconds")),
                _ => Arc::clone(field),
            })
            .collect();
        schema = Arc::new(arrow::datatypes::Schema::new_with_metadata(fields, schema.metadata().clone()));
    }
    let properties =
        WriterProperties::builder().set_compression(compression).set_key_value_metadata(Some(metadata)).build();
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, Arc::clone(&schema), Some(properties)).unwrap();
    let mut left = rows;
    for batch in batches {
        let take = left.min(batch.num_rows());
        left -= take;
        let columns = batch.slice(0, take).columns().to_vec();
        writer.write(&arrow::array::RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()).unwrap();
    }
    writer.close().unwrap();
    fs::write(path, out).unwrap();
}

#[test]
fn each_check_flips_with_its_subject_and_no_other() {
    use parquet::basic::Compression;

    let (scene, daemon) = deployed();
    let good = findings(&scene);
    assert!(good.values().all(|finding| finding == "pass"), "{good:?}");
    let mut breaks: Vec<(&str, Break)> = vec![
        ("plist.syntax", |scene| scene.write("launchd/com.02luka.analytics.parquet.plist", "<plist>a && b</plist>")),
        ("plist.lint", |scene| chmod(&scene.path("launchd/com.02luka.analytics.parquet.plist"), 0o666)),
        ("exporter", |scene| chmod(&scene.path("run/parquet_exporter.cjs"), 0o644)),
        ("exporter", |scene| {
            scene.write("run/parquet_exporter.cjs", "#!/bin/sh\nexit 0\n");
            chmod(&scene.path("run/parquet_exporter.cjs"), 0o755);
        }),
        // a shim whose `wo` has moved away
        ("runner", |scene| {
            let path = scene.path("scripts/analytics/run_parquet_exporter.zsh");
            let text = fs::read_to_string(&path).unwrap().replace("/wo ", "/wo-gone ").replace("/wo'", "/wo-gone'");
            fs::write(path, text).unwrap();
        }),
        // whole, executable, of this root, and not what was deployed
        ("runner", |scene| edit(scene, "scripts/analytics/run_parquet_exporter.zsh", " export", " export --dry-run")),
        ("runner", |scene| {
            edit(scene, "scripts/analytics/run_parquet_exporter.zsh", " export", " query 'SELECT 1'");
        }),
        ("exporter", |scene| edit(scene, "run/parquet_exporter.cjs", "\"export\"", "\"export\", \"--dry-run\"")),
        ("test-script", |scene| {
            edit(scene, "scripts/analytics/test_parquet_exporter.zsh", "exec ", "exit 0; exec ");
        }),
        ("plist.lint", |scene| {
            let runner = scene.path("scripts/analytics/run_parquet_exporter.zsh").display().to_string();
            edit(scene, "launchd/com.02luka.analytics.parquet.plist", &runner, "/usr/bin/true");
        }),
        ("runner", |scene| fs::remove_file(scene.path("scripts/analytics/run_parquet_exporter.zsh")).unwrap()),
        ("test-script", |scene| scene.write("scripts/analytics/test_parquet_exporter.zsh", "")),
        ("log-dir", |scene| {
            fs::rename(scene.path("g/logs"), scene.path("g/logs aside")).unwrap();
        }),
        ("log-dir", |scene| {
            let log = scene.path("g/logs/parquet_exporter.log");
            let _ = fs::remove_file(&log);
            fs::create_dir(log).unwrap();
        }),
        ("parquet.size", |scene| rewrite(scene, Compression::SNAPPY, usize::MAX, 6 * 1024 * 1024, false)),
        ("parquet.compression", |scene| {
            rewrite(scene, Compression::ZSTD(Default::default()), usize::MAX, 0, false);
        }),
        // both readers know every codec that a writer of today has
        ("parquet.compression", |scene| rewrite(scene, Compression::GZIP(Default::default()), usize::MAX, 0, false)),
        ("parquet.compression", |scene| rewrite(scene, Compression::BROTLI(Default::default()), usize::MAX, 0, false)),
        ("parquet.compression", |scene| rewrite(scene, Compression::LZ4_RAW, usize::MAX, 0, false)),
        ("parquet.compression", |scene| rewrite(scene, Compression::UNCOMPRESSED, usize::MAX, 0, false)),
        // and of one that they don't, nothing is known but that
        ("parquet.compression", |scene| rewrite(scene, Compression::LZ4, usize::MAX, 0, false)),
        ("parquet.rows", |scene| rewrite(scene, Compression::SNAPPY, 0, 0, false)),
        // whole for every reader, but rows were lost
        ("parquet.rows", |scene| rewrite(scene, Compression::SNAPPY, 100, 0, false)),
        // what is no file at all, the newest or not
        ("parquet.present", |scene| fs::write(day_file(scene), "").unwrap()),
        ("parquet.present", |scene| fs::create_dir(scene.path("g/analytics/ops_atomic_20251023.parquet")).unwrap()),
        ("parquet.present", |scene| fs::create_dir(scene.path("g/analytics/ops_atomic_20991231.parquet")).unwrap()),
        ("parquet.schema", |scene| rewrite(scene, Compression::SNAPPY, usize::MAX, 0, true)),
        ("parquet.readers", |scene| {
            let path = day_file(scene);
            let mut bytes = fs::read(&path).unwrap();
            // the first pages; the footer stays as it is
            bytes[4..600].fill(0xff);
            fs::write(path, bytes).unwrap();
        }),
        ("parquet.readers", |scene| fs::write(day_file(scene), "no Parquet at all").unwrap()),
        // an older day counts as the newest does
        ("parquet.readers", |scene| scene.write("g/analytics/ops_atomic_20251023.parquet", "PAR1 torn")),
        // a copy of another day, a file of another kind
        ("parquet.schema", |scene| {
            fs::copy(day_file(scene), scene.path("g/analytics/ops_atomic_20251024.parquet")).unwrap();
        }),
        ("parquet.schema", |scene| {
            scene.write("g/reports/daily.md", "# Daily\n\n**Date:** 2025-10-28\n");
            scene.wo(["export", "--date", "2025-10-28"]).expect_exit(0);
            fs::copy(scene.path("g/analytics/reports_20251028.parquet"), day_file(scene)).unwrap();
        }),
        ("parquet.present", |scene| fs::remove_file(day_file(scene)).unwrap()),
        // whole and of the same rows, but another tool's, which no query reads
        ("parquet.present", |scene| crate::verification::strip(&day_file(scene))),
        // loaded, but at another time than ordered
        ("service.next-run", |scene| {
            scene.write(RECORD, scene.read(RECORD).replace("02:30", "03:33"));
        }),
    ];
    // a log that lies there, and that nobody can write to, whatever his rights
    if cfg!(target_os = "linux") {
        breaks.push(("log-dir", |scene| {
            let log = scene.path("g/logs/parquet_exporter.log");
            let _ = fs::remove_file(&log);
            std::os::unix::fs::symlink("/proc/sys/kernel/ostype", log).unwrap();
        }));
    }
    let covered: Vec<&str> = breaks.iter().map(|(id, _)| *id).collect();
    for (id, broken) in breaks {
        let keep = tempfile::tempdir().unwrap();
        let saved = keep.path().join("saved");
        copy(&scene.dir(), &saved);
        broken(&scene);
        let found = findings(&scene);
        // what can't be looked at for the fault is unmeasured, which is no second fault
        assert_eq!(failed(&found), [id], "{found:?}");
        restore(&saved, &scene.dir());
        assert_eq!(findings(&scene), good, "mended: {id}");
    }

    // a job that was booted out while the manager lives is a fault, not a blind spot
    let label = "com.02luka.analytics.parquet";
    scene.wo(["services", "uninstall", label]).expect_exit(0);
    let found = findings(&scene);
    assert_eq!(failed(&found), ["service.loaded"], "{found:?}");
    assert_eq!(found["service.next-run"], "unmeasured");
    scene.wo(["services", "install", label]).expect_exit(0);
    assert_eq!(findings(&scene), good);

    // what is no file at all is no file, and nobody waits for what it will never say
    let fifo = scene.path("g/analytics/ops_atomic_20991231.parquet");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert_eq!(failed(&findings(&scene)), ["parquet.present"]);
    fs::remove_file(fifo).unwrap();

    // without the side-car there is one reader only
    let mut command = scene.command(["verify", "parquet", "--json", "--dry-run"]);
    command.env("WO_SQL", "/nonexistent/wo-sql");
    let ran = crate::support::run(command, b"").expect_exit(1);
    assert!(ran.stdout.contains("DuckDB can't be asked"), "{ran}");

    // no file at all: what speaks of it is unmeasured
    let hidden = scene.path("g/analytics aside");
    fs::rename(scene.path("g/analytics"), &hidden).unwrap();
    let found = findings(&scene);
    assert_eq!((found["output-dir"].as_str(), found["parquet.rows"].as_str()), ("fail", "unmeasured"), "{found:?}");
    fs::rename(&hidden, scene.path("g/analytics")).unwrap();
    assert_eq!(findings(&scene), good);

    // the schedule counts only while the `wo up` that holds it lives
    daemon.stop().expect_exit(0);
    let found = findings(&scene);
    assert_eq!(found["service.loaded"], "unmeasured");
    assert_eq!(found["service.next-run"], "unmeasured");
    let others = |found: &BTreeMap<String, String>| {
        found
            .iter()
            .filter(|(id, _)| !id.starts_with("service."))
            .map(|(id, f)| (id.clone(), f.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(others(&found), others(&good));
    let again = scene.up_with(&["--no-monitor"]);
    crate::support::wait_for("the schedule is held again", || findings(&scene) == good);
    again.stop().expect_exit(0);

    let tested = ["output-dir", "service.loaded"];
    for id in good.keys() {
        assert!(covered.contains(&id.as_str()) || tested.contains(&id.as_str()), "no break for {id}");
    }
}

/// More than two months, and more than one run of the side-car reads.
#[test]
fn every_day_file_is_read_however_many_there_are() {
    const DAYS: usize = 70;
    let start = "2025-10-26T00:00:00Z".parse().unwrap();
    let beats = Heartbeats::series(start, jiff::SignedDuration::from_hours(12), 2 * DAYS);
    let scene = Scene::new().config("[services]\nmanager = \"embedded\"\n").heartbeats(beats);
    scene.wo(["export", "--all"]).expect_exit(0);
    let checks = || {
        let json = scene.wo(["verify", "parquet", "--json", "--dry-run"]).json();
        let of = |check: &serde_json::Value| {
            let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
            (text("id"), (text("result"), text("detail")))
        };
        json["checks"].as_array().unwrap().iter().map(of).collect::<BTreeMap<_, _>>()
    };
    let good = checks();
    assert!(good["parquet.present"].1.ends_with("and 69 older"), "{good:?}");
    assert_eq!(good["parquet.rows"].1, "140 rows in 70 day files, at least 2 in each");
    assert_eq!(good["parquet.readers"].1, "the parquet crate and DuckDB agree on 140 rows");
    assert!(!good.contains_key("parquet.others"), "{good:?}");
    // the oldest, one in the middle, and one that has no footer any more
    let names = scene.list("g/analytics").into_iter().filter(|name| name.starts_with("ops_atomic_"));
    let names: Vec<String> = names.collect();
    for name in [&names[0], &names[40]] {
        let path = scene.path("g/analytics").join(name);
        let mut bytes = fs::read(&path).unwrap();
        bytes[4..600].fill(0xff);
        fs::write(path, bytes).unwrap();
    }
    scene.write(format!("g/analytics/{}", names[50]), "PAR1 torn");
    let found = checks();
    let (finding, detail) = &found["parquet.readers"];
    assert_eq!(finding, "fail");
    for name in [&names[0], &names[40], &names[50]] {
        assert!(detail.contains(name), "{detail}");
    }
    assert!(!detail.contains(" more") && !detail.contains(&names[1]), "{detail}");
}

#[test]
fn without_a_daemon_the_schedule_is_unmeasured() {
    let scene = Scene::new().heartbeats(fresh()).order(&format!("{ID}.md"), ORDER);
    scene.wo(["run"]).expect_exit(1).expect_stdout("partial").expect_stdout("unmeasured");
    let result = scene.result(ID);
    for criterion in result["criteria"].as_array().unwrap() {
        let scheduled =
            ["LaunchAgent", "requency"].iter().any(|word| criterion["metric"].as_str().unwrap().contains(word));
        assert_eq!(criterion["verdict"], if scheduled { "UNMEASURED" } else { "PASS" }, "{criterion:#}");
    }
}

#[test]
fn formats_and_exit_codes() {
    let scene = Scene::new();
    scene.wo(["verify", "parquet"]).expect_exit(1).expect_stdout("Parquet file present");
    assert_eq!(scene.list("g/reports/parquet").len(), 1, "the report");
    scene.wo(["verify", "parquet", "-f", "markdown"]).expect_exit(1).expect_stdout("**Repo:**");
    scene.wo(["verify", "parquet", "-f", "junit"]).expect_exit(1).expect_stdout("<testsuite");
    scene.wo(["verify", "parquet", "-f", "tap"]).expect_exit(1).expect_stdout("not ok");
    scene.wo(["verify", "nothing"]).expect_exit(2);
    // an export that can't be made is a failed check, told in every form
    scene.write("g/analytics", "a file, not a folder");
    let before = scene.list("g/reports/parquet").len();
    let ran = scene.wo(["verify", "parquet", "--trigger", "--json"]).expect_exit(1);
    assert_eq!(
        (&ran.json()["checks"][0]["id"], &ran.json()["checks"][0]["result"]),
        (&"export".into(), &"fail".into())
    );
    assert_eq!(scene.list("g/reports/parquet").len(), before + 1, "the report");
    scene.wo(["verify", "parquet", "-f", "xml"]).expect_exit(2);
}

/// What a break may touch, beside the deployment's record.
const KEPT: [&str; 4] = ["g", "launchd", "run", "scripts"];
const RECORD: &str = "bridge/state/deployments/parquet-exporter.json";

fn copy(from: &Path, to: &Path) {
    fs::copy(from.join(RECORD), to.parent().unwrap().join("record")).unwrap();
    for name in KEPT {
        let done = std::process::Command::new("cp").arg("-a").arg(from.join(name)).arg(to.parent().unwrap()).status();
        assert!(done.unwrap().success());
    }
}

fn restore(saved: &Path, to: &Path) {
    fs::copy(saved.parent().unwrap().join("record"), to.join(RECORD)).unwrap();
    for name in KEPT {
        fs::remove_dir_all(to.join(name)).unwrap();
        let done = std::process::Command::new("cp").arg("-a").arg(saved.parent().unwrap().join(name)).arg(to).status();
        assert!(done.unwrap().success());
    }
}

#[test]
fn what_was_measured_is_told_though_its_report_cannot_be_written() {
    // a file lies where the folder of the reports would be
    let scene = Scene::new().file("g/reports/parquet", "");
    let told = scene.wo(["verify", "parquet", "--dry-run"]).expect_exit(1);
    let ran = scene.wo(["verify", "parquet"]).expect_exit(2).expect_stderr("g/reports/parquet");
    assert!(!told.stdout.is_empty() && ran.stdout.lines().count() >= told.stdout.lines().count(), "{told}{ran}");
    let json = scene.wo(["verify", "parquet", "--json"]).expect_exit(2).json();
    assert!(json["checks"].as_array().is_some_and(|checks| checks.len() > 10), "{json:#}");
}

/// What pins the old place works on the old root, or not at all.
#[test]
fn a_copied_root_is_not_the_one_that_was_deployed() {
    let (scene, daemon) = deployed();
    daemon.stop().expect_exit(0);
    let copy = scene.home().join("copy");
    let copied = std::process::Command::new("cp").arg("-R").arg(scene.path("")).arg(&copy).status().unwrap();
    assert!(copied.success());
    let root = copy.to_str().unwrap();
    let ran = scene.wo(["--root", root, "verify", "parquet", "--json", "--dry-run"]).expect_exit(1);
    let json = ran.json();
    let failed: Vec<&str> = json["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["result"] == "fail" && check["detail"].as_str().unwrap().contains("moved or copied?"))
        .filter_map(|check| check["id"].as_str())
        .collect();
    assert_eq!(failed, ["plist.lint", "exporter", "runner", "test-script"], "{json:#}");
}

/// A night that nothing was exported in leaves the older files as they were.
#[test]
fn a_day_that_was_to_be_exported_and_has_no_file_is_told() {
    let two_days_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(48);
    let scene = Scene::new().heartbeats(Heartbeats::days(3).ending(two_days_ago));
    scene.wo(["export"]).expect_exit(0);
    let present = |found: &BTreeMap<String, String>| found["parquet.present"].clone();
    let good = findings(&scene);
    assert_eq!((present(&good).as_str(), good.get("parquet.days")), ("pass", None));
    let files: Vec<String> =
        scene.list("g/analytics").into_iter().filter(|name| name.starts_with("ops_atomic_")).collect();
    let aside = |name: &String| fs::rename(scene.path("g/analytics").join(name), scene.path("g").join(name)).unwrap();
    let back = |name: &String| fs::rename(scene.path("g").join(name), scene.path("g/analytics").join(name)).unwrap();

    let newest = files.last().unwrap();
    aside(newest);
    let found = findings(&scene);
    assert_eq!((present(&found).as_str(), found.get("parquet.days")), ("fail", None));
    back(newest);
    aside(&files[0]);
    let found = findings(&scene);
    assert_eq!((present(&found).as_str(), found["parquet.days"].as_str()), ("pass", "info"));
    back(&files[0]);
    assert_eq!(findings(&scene), good);
}
