//! `wo export`: heartbeats and other reports to Parquet. What a file holds is asked of it through `wo query`, that is
//! through DuckDB; what it is, through its bytes.

mod faults;
mod rows;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::{self, Heartbeats, Locked, Ran, Scene, makes_immutable};

const ANALYTICS: &str = "g/analytics";
const HEARTBEATS: &str = "g/reports/ops_atomic";

/// Three days, 2025-10-26 to 2025-10-28, with faults as in the field.
fn three_days() -> Heartbeats {
    Heartbeats::days(3)
        .redis_down(3..5, "undefined")
        .database_missing(300..309)
        .api_down(500..607)
        .digest_not_loaded(700..710)
        .without_timestamp(20..22)
}

#[track_caller]
fn query(scene: &Scene, sql: &str) -> Value {
    scene.wo(["query", "--json", sql]).expect_exit(0).json()
}

#[track_caller]
fn number(scene: &Scene, sql: &str) -> u64 {
    let rows = query(scene, sql);
    let first = rows.get(0).and_then(Value::as_object).and_then(|row| row.values().next().cloned());
    first.as_ref().and_then(Value::as_u64).unwrap_or_else(|| panic!("a number expected of {sql}: {rows}"))
}

#[track_caller]
fn export(scene: &Scene, args: &[&str]) -> Ran {
    scene.wo(["export"].iter().chain(args))
}

/// Path and bytes of every Parquet file.
fn files(scene: &Scene) -> Vec<(String, Vec<u8>)> {
    let names = scene.list(ANALYTICS).into_iter().filter(|name| name.ends_with(".parquet"));
    names.map(|name| (name.clone(), fs::read(scene.path(ANALYTICS).join(&name)).unwrap())).collect()
}

fn write_heartbeat(scene: &Scene, name: &str, text: &[u8]) {
    scene.write(Path::new(HEARTBEATS).join(name), text);
}

fn heartbeat(at: &str, sections: &str) -> String {
    format!(
        "# OPS-Atomic Monitor Heartbeat\n\n**Timestamp:** {at}\n**Status:** ❌ CRITICAL\n**Duration:** 7ms\n\n{sections}"
    )
}

#[test]
fn every_state_is_what_the_report_says_and_only_silence_is_unknown() {
    let scene = Scene::new().heartbeats(three_days());
    write_heartbeat(
        &scene,
        "heartbeat_2025-10-28_23-59-59.md",
        heartbeat("2025-10-28T23:59:59.500Z", "### Redis\n- **Status:** ✅ Redis responding\n").as_bytes(),
    );
    let report = export(&scene, &["--all", "--json"]).expect_exit(0).json();
    assert_eq!(report["heartbeats"], json!({"found": 865, "unreadable": 0, "times_from_names": 2}));
    assert_eq!(
        query(&scene, "SELECT redis_status AS s, count(*) AS n FROM heartbeats GROUP BY ALL ORDER BY s"),
        json!([{"s": "error", "n": 2}, {"s": "ok", "n": 863}])
    );
    assert_eq!(
        query(&scene, "SELECT database_status AS s, count(*) AS n FROM heartbeats GROUP BY ALL ORDER BY s"),
        json!([{"s": "error", "n": 9}, {"s": "ok", "n": 855}, {"s": "unknown", "n": 1}])
    );
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats WHERE api_status = 'warn'"), 107);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats WHERE launchagent_digest = 'not_loaded'"), 10);
    assert_eq!(
        query(&scene, "SELECT DISTINCT message FROM checks WHERE name = 'redis' AND state = 'error'"),
        json!([{"message": "Redis not responding: undefined"}])
    );
    assert_eq!(
        query(&scene, "SELECT filename, duration_ms, status FROM heartbeats ORDER BY timestamp DESC LIMIT 1"),
        json!([{"filename": "heartbeat_2025-10-28_23-59-59.md", "duration_ms": 7, "status": "critical"}])
    );
    // each day holds exactly its own rows
    assert_eq!(
        query(&scene, "SELECT CAST(timestamp AS DATE) AS d, count(*) AS n FROM heartbeats GROUP BY ALL ORDER BY d"),
        json!([{"d": "2025-10-26", "n": 288}, {"d": "2025-10-27", "n": 288}, {"d": "2025-10-28", "n": 289}])
    );
}

#[test]
fn rows_and_listed_unreadables_are_all_the_files() {
    let at: Timestamp = "2025-10-28T10:00:00.100Z".parse().unwrap();
    // neighbours 0.2 s apart share the second of their names
    let close = Heartbeats::series(at, SignedDuration::from_millis(200), 4);
    let scene = Scene::new().heartbeats(three_days()).heartbeats(close);
    let good = heartbeat("2025-10-27T10:00:00Z", "");
    let bad: [(&str, &[u8], &str); 6] = [
        ("heartbeat_2025-10-26_11-11-11.md", b"# OPS-Atomic Monitor Heartbeat\n\xff\n", "not UTF-8"),
        ("heartbeat_2025-10-27_11-11-11.md", b"", "empty"),
        ("heartbeat_2025-10-28_11-11-11.md", b"# Shopping list\n\n- eggs\n", "not a heartbeat"),
        ("heartbeat_2025-10-28_25-61-00.md", b"# OPS-Atomic Monitor Heartbeat\n**Status:** ok\n", "no time"),
        ("heartbeat_2025-10-28_12-12-12.md", &vec![b'x'; 1024 * 1024 + 1], "larger than"),
        (
            "heartbeat_2025-10-28_13-13-13.md",
            b"# OPS-Atomic Monitor Heartbeat\n**Timestamp:** 0000-01-01T00:00:00Z\n",
            "out of range",
        ),
    ];
    for (name, text, _) in bad {
        write_heartbeat(&scene, name, text);
    }
    fs::create_dir_all(scene.path(HEARTBEATS).join("heartbeat_2025-10-28_14-14-14.md")).unwrap();
    // the same time twice, under two names, and a name of another day than the report's own
    for name in [
        "heartbeat_2025-10-27_10-00-00_2.md",
        "heartbeat_2025-10-27_10-00-00 (copy).md",
        "heartbeat_1999-01-01_00-00-00.md",
    ] {
        write_heartbeat(&scene, name, good.as_bytes());
    }
    let ran = export(&scene, &["--all"]).expect_exit(1).expect_stderr("failed to read 7 reports");
    let summary = scene.read(summary_path(&scene));
    assert!(summary.contains("**Status:** ❌ INCOMPLETE: 7 reports are unreadable"), "{summary}");
    let directory = ("heartbeat_2025-10-28_14-14-14.md", "directory");
    for (name, reason) in bad.iter().map(|(name, _, reason)| (*name, *reason)).chain([directory]) {
        for text in [&ran.stdout, &summary] {
            assert!(text.lines().any(|line| line.contains(name) && line.contains(reason)), "{name} {reason}: {text}");
        }
    }
    let names = scene.list(HEARTBEATS);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats") + 7, names.len() as u64);
    assert_eq!(number(&scene, "SELECT count(DISTINCT filename) FROM heartbeats") + 7, names.len() as u64);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats WHERE CAST(timestamp AS DATE) = '2025-10-27'"), 288 + 3);
    // repaired, the export is complete and says so
    for (name, ..) in bad {
        write_heartbeat(&scene, name, good.as_bytes());
    }
    fs::remove_dir(scene.path(HEARTBEATS).join(directory.0)).unwrap();
    export(&scene, &[]).expect_exit(0);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats") as usize, scene.list(HEARTBEATS).len());
}

#[test]
fn what_is_only_called_a_heartbeat_is_exported_with_the_other_reports() {
    let timed = heartbeat("2025-10-28T10:05:00Z", "");
    let scene = Scene::new()
        .file(format!("{HEARTBEATS}/heartbeat_2025-10-28_10-00-00.md"), heartbeat("2025-10-28T10:00:00Z", ""))
        .file(format!("{HEARTBEATS}/heartbeat_latest.md"), timed)
        .file(format!("{HEARTBEATS}/heartbeat_summary_2025-10-28.md"), "# Heartbeat summary\n\n288 cycles\n")
        .file(
            format!("{HEARTBEATS}/heartbeat_weekly.md"),
            "# Weekly digest\n\n**Date:** 2025-11-02\n\n**Redis:** 97.2 %\n",
        );
    export(&scene, &["--all"]).expect_exit(0);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 2);
    let named = "SELECT count(*) FROM reports WHERE path LIKE '%/heartbeat_summary_2025-10-28.md' OR path LIKE '%/heartbeat_weekly.md'";
    assert_eq!(number(&scene, named), 2);
    assert_eq!(number(&scene, "SELECT count(*) FROM reports"), 2);
}

fn summary_path(scene: &Scene) -> PathBuf {
    let names = scene.list("g/reports/parquet");
    let name = names.iter().rfind(|name| name.starts_with("parquet_export_summary_")).expect("a summary");
    Path::new("g/reports/parquet").join(name)
}

#[test]
fn the_same_reports_give_the_same_bytes() {
    let scene = Scene::new().heartbeats(three_days()).file("g/reports/a.md", "# A\n\nDate: 2025-10-27\n");
    export(&scene, &["--all"]).expect_exit(0);
    let first = files(&scene);
    assert_eq!(
        first.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        [
            "ops_atomic_20251026.parquet",
            "ops_atomic_20251027.parquet",
            "ops_atomic_20251028.parquet",
            "reports_20251027.parquet"
        ]
    );
    let again = export(&scene, &["--all", "--json"]).expect_exit(0).json();
    for day in again["days"].as_array().unwrap() {
        assert_eq!(day["state"], "unchanged", "{day}");
    }
    assert!(files(&scene) == first);
    // another root, one thread, a sort that goes through the disk, files written in another order
    let other = Scene::new().config("[export]\nthreads = 1\nsort_bytes = 20000\n");
    let mut names = scene.list(HEARTBEATS);
    names.reverse();
    for name in names {
        write_heartbeat(&other, &name, &fs::read(scene.path(HEARTBEATS).join(&name)).unwrap());
    }
    other.write("g/reports/a.md", "# A\n\nDate: 2025-10-27\n");
    export(&other, &["--all"]).expect_exit(0);
    assert!(files(&other) == first);
    assert_eq!(other.list(ANALYTICS), scene.list(ANALYTICS), "nothing but the files is left");
}

#[test]
fn a_late_heartbeat_changes_its_day_alone() {
    let scene = Scene::new().heartbeats(three_days());
    export(&scene, &[]).expect_exit(0);
    let before = files(&scene);
    let quiet = export(&scene, &["--json"]).expect_exit(0).json();
    assert_eq!(quiet["days"], json!([]), "nothing is due");
    write_heartbeat(&scene, "heartbeat_2025-10-27_12-01-01.md", heartbeat("2025-10-27T12:01:01Z", "").as_bytes());
    let report = export(&scene, &["--json"]).expect_exit(0).json();
    let [day] = report["days"].as_array().unwrap().as_slice() else { panic!("one day expected: {report}") };
    assert_eq!((&day["date"], &day["why"], &day["state"]), (&json!("2025-10-27"), &json!("late"), &json!("replaced")));
    let after = files(&scene);
    for ((name, old), (_, new)) in before.iter().zip(&after) {
        assert_eq!(old == new, name != "ops_atomic_20251027.parquet", "{name}");
    }
    // a report that is corrected is late as well, and one that moves to another day leaves the old one
    write_heartbeat(&scene, "heartbeat_2025-10-27_12-01-01.md", heartbeat("2025-10-26T12:01:01Z", "").as_bytes());
    export(&scene, &[]).expect_exit(0);
    assert_eq!(
        query(&scene, "SELECT CAST(timestamp AS DATE) AS d, count(*) AS n FROM heartbeats GROUP BY ALL ORDER BY d"),
        json!([{"d": "2025-10-26", "n": 289}, {"d": "2025-10-27", "n": 288}, {"d": "2025-10-28", "n": 288}])
    );
}

#[test]
fn one_day_can_be_asked_for() {
    let scene = Scene::new().heartbeats(three_days());
    let report = export(&scene, &["--date", "20251027", "--json"]).expect_exit(0).json();
    assert_eq!(scene.list(ANALYTICS), ["ops_atomic_20251027.parquet"]);
    assert_eq!(report["date"], "2025-10-27");
    assert!(scene.exists("g/reports/parquet/parquet_export_summary_20251027.md"));
    export(&scene, &["--date", "2025-10-20"]).expect_exit(0).expect_stdout("no reports on 2025-10-20");
    assert!(scene.read("g/reports/parquet/parquet_export_summary_20251020.md").contains("NOTHING TO EXPORT"));
    export(&scene, &["--date", "27.10.2025"]).expect_exit(2).expect_stderr("YYYY-MM-DD");
    export(&scene, &["--date", "today", "--all"]).expect_exit(2);
}

#[test]
fn a_dry_run_writes_nothing_and_tells_all() {
    let scene = Scene::new().heartbeats(three_days());
    let before = scene.tree(".");
    for flag in ["--dry-run", "--dry"] {
        let ran = export(&scene, &["--all", flag]).expect_exit(0);
        for part in ["Rows: 864", "Size: ", "Compression: SNAPPY", "Validation: ✅", "DuckDB v", "nothing was written"]
        {
            assert!(ran.stdout.contains(part), "{part}: {ran}");
        }
    }
    assert_eq!(scene.tree("."), before);
    export(&scene, &["--all"]).expect_exit(0);
    let before = scene.tree(".");
    export(&scene, &["--all", "--dry"]).expect_exit(0);
    assert_eq!(scene.tree("."), before);
}

#[test]
fn days_follow_the_configured_zone() {
    let scene = Scene::new().config("[export]\ntimezone = \"Asia/Bangkok\"\n").heartbeats(Heartbeats::days(1));
    export(&scene, &["--all"]).expect_exit(0);
    // 2025-10-26 in UTC begins and ends at 07:00 in Bangkok
    assert_eq!(scene.list(ANALYTICS), ["ops_atomic_20251026.parquet", "ops_atomic_20251027.parquet"]);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats WHERE timestamp < '2025-10-26 17:00:00'"), 17 * 12);
    let scene = scene.config("[export]\ntimezone = \"Mars/Olympus\"\n");
    export(&scene, &[]).expect_exit(2).expect_stderr("Mars/Olympus").expect_stderr("hint:");
}

#[test]
fn compression_is_what_the_footer_says() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    for (codec, args) in [("snappy", &["--all"][..]), ("zstd", &["--all", "--compression", "zstd"])] {
        export(&scene, args).expect_exit(0).expect_stdout(&format!("Compression: {}", codec.to_uppercase()));
        let path = scene.path(ANALYTICS).join("ops_atomic_20251026.parquet");
        let seen = workbridge::export::inspect(&path, support::wo_sql()).unwrap();
        assert_eq!(seen.codecs, [codec]);
        assert!(seen.readers_agree() && seen.is_ours && seen.schema_mismatches.is_empty(), "{seen:?}");
        assert_eq!(seen.rows, 288);
        assert_eq!(seen.first.unwrap().to_string(), "2025-10-26T00:00:00.137Z");
        assert_eq!(seen.metadata["workbridge.source_count"], "288");
    }
    export(&scene, &["--compression", "lzma"]).expect_exit(2).expect_stderr("lzma");
}

#[test]
fn files_that_are_inspected_together_are_seen_as_each_alone() {
    let start = "2025-10-26T00:00:00Z".parse().unwrap();
    let scene = Scene::new().heartbeats(Heartbeats::series(start, jiff::SignedDuration::from_hours(12), 80));
    export(&scene, &["--all"]).expect_exit(0);
    let path = |n: usize| scene.path(ANALYTICS).join(&scene.list(ANALYTICS)[n]);
    let damaged = path(2);
    let mut bytes = fs::read(&damaged).unwrap();
    bytes[4..600].fill(0xff);
    fs::write(&damaged, bytes).unwrap();
    fs::write(path(3), "PAR1 torn").unwrap();
    fs::rename(path(4), path(4).with_file_name("ops_atomic_[2025].parquet")).unwrap();
    let paths: Vec<_> = scene.list(ANALYTICS).iter().map(|name| scene.path(ANALYTICS).join(name)).collect();
    let all = workbridge::export::inspect_all(&paths, support::wo_sql());
    assert_eq!(all.len(), 40);
    let mut agree = 0;
    for (path, together) in paths.iter().zip(all) {
        match (together, workbridge::export::inspect(path, support::wo_sql())) {
            (Ok(together), Ok(alone)) => {
                assert_eq!(&together.path, path);
                assert_eq!((&together.parquet_reader, &together.duckdb), (&alone.parquet_reader, &alone.duckdb));
                assert_eq!(together.readers_agree(), alone.readers_agree(), "{}", path.display());
                agree += usize::from(together.readers_agree());
            }
            (together, alone) => assert!(together.is_err() && alone.is_err(), "{}", path.display()),
        }
    }
    assert_eq!(agree, 37);
    let blind = workbridge::export::inspect_all(&paths, std::path::Path::new("/nonexistent/wo-sql"));
    assert!(blind.iter().flatten().all(|found| found.side_car_failed || found.duckdb.is_err()));
}

#[test]
fn the_digest_is_that_of_sha256sum() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    export(&scene, &["--all"]).expect_exit(0);
    let names = scene.list(HEARTBEATS);
    let lines: String = names
        .iter()
        .map(|name| {
            let bytes = fs::read(scene.path(HEARTBEATS).join(name)).unwrap();
            format!("{}  {name}\n", workbridge::digest::sha256(&bytes))
        })
        .collect();
    let path = scene.path(ANALYTICS).join("ops_atomic_20251026.parquet");
    let footer = workbridge::export::read::open(&path).unwrap().footer().unwrap();
    let expected = workbridge::digest::sha256(lines.as_bytes());
    assert_eq!(footer.metadata["workbridge.source_digest"], expected);
    assert_eq!(footer.metadata["workbridge.schema_version"], "1");
}

#[test]
fn rows_of_reports_that_were_rotated_away_are_kept() {
    let scene = Scene::new().heartbeats(three_days());
    export(&scene, &["--all"]).expect_exit(0);
    let before = files(&scene);
    for name in scene.list(HEARTBEATS).iter().filter(|name| name.contains("2025-10-26")) {
        fs::remove_file(scene.path(HEARTBEATS).join(name)).unwrap();
    }
    // neither a nightly run nor a full one touches that day
    export(&scene, &[]).expect_exit(0);
    let report = export(&scene, &["--all", "--json"]).expect_exit(0).json();
    assert!(files(&scene) == before);
    assert_eq!(report["days"][0]["kept_rows"], 288);
    // a late report joins the rows that are kept
    write_heartbeat(&scene, "heartbeat_2025-10-26_12-01-01.md", heartbeat("2025-10-26T12:01:01Z", "").as_bytes());
    export(&scene, &[]).expect_exit(0);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats WHERE CAST(timestamp AS DATE) = '2025-10-26'"), 289);
    // one whose file came back unreadable is no longer a row: it is listed
    write_heartbeat(&scene, "heartbeat_2025-10-26_00-00-00.md", b"\xff");
    export(&scene, &[]).expect_exit(1);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats WHERE CAST(timestamp AS DATE) = '2025-10-26'"), 288);
}

#[test]
fn older_files_of_others_are_kept_aside_and_never_counted() {
    let scene = Scene::new().heartbeats(three_days());
    // a cumulative file as the field's exporter wrote them: the day's name, all days' rows, no metadata of ours
    let source = Scene::new().heartbeats(three_days());
    export(&source, &["--all"]).expect_exit(0);
    let cumulative = foreign_file(&source);
    for day in ["20251025", "20251026"] {
        scene.write(format!("{ANALYTICS}/ops_atomic_{day}.parquet"), &cumulative);
    }
    let ran = scene.wo(["query", "--json", "SELECT count(*) AS n FROM heartbeats"]).expect_exit(0);
    assert_eq!(ran.json(), json!([{"n": 0}]));
    assert!(ran.stderr.contains("left out") && ran.stderr.contains("ops_atomic_20251026.parquet"), "{ran}");
    export(&scene, &["--all"]).expect_exit(0).expect_stdout("legacy/ops_atomic_20251026.parquet");
    assert_eq!(fs::read(scene.path(ANALYTICS).join("legacy/ops_atomic_20251026.parquet")).unwrap(), cumulative);
    // there are no reports of the 25th: its file stays where it is, and is still not counted
    assert_eq!(fs::read(scene.path(ANALYTICS).join("ops_atomic_20251025.parquet")).unwrap(), cumulative);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 864);
}

/// The rows of a whole scene in one file without our metadata, made with the parquet crate alone.
fn foreign_file(scene: &Scene) -> Vec<u8> {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    let mut out = Vec::new();
    let mut writer: Option<parquet::arrow::ArrowWriter<&mut Vec<u8>>> = None;
    let mut target = Some(&mut out);
    for (name, _) in files(scene) {
        let file = fs::File::open(scene.path(ANALYTICS).join(name)).unwrap();
        for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let writer = writer.get_or_insert_with(|| {
                parquet::arrow::ArrowWriter::try_new(target.take().unwrap(), batch.schema(), None).unwrap()
            });
            writer.write(&batch).unwrap();
        }
    }
    writer.unwrap().close().unwrap();
    out
}

#[test]
fn every_other_report_is_a_row_of_its_day() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    for (path, text) in [
        ("g/reports/daily/OPS_ATOMIC_DAILY_20251027.md", "# 📊 Daily\n\n**Date:** 2025-10-28 02:00 +07:00\n"),
        (
            "g/reports/digest_2025-10-27_09-00-00.md",
            "---\ntitle: Digest\ntags: [a]\n---\nno heading, \u{1b}[31mred\u{1b}[0m\n",
        ),
        ("g/reports/tief/ไทย/notes 'x'.md", "no date at all\n"),
        ("g/reports/ops_atomic/README.md", "# About\n\nDate: 2025-10-26\n"),
        ("g/reports/parquet/parquet_export_summary_20251027.md", "# Summary\n\nDate: 2025-10-27\n"),
        ("g/reports/not markdown.txt", "Date: 2025-10-27\n"),
        ("elsewhere/outside.md", "# Outside\n\nDate: 2025-10-27\n"),
    ] {
        scene.write(path, text);
    }
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(scene.path(to), scene.path(name)).unwrap();
    link("elsewhere/outside.md", "g/reports/link.md");
    link("elsewhere", "g/reports/linked folder");
    link("g/reports", "g/reports/tief/loop");
    scene.write("g/reports/broken.md", b"\xff\xfe");
    let report = export(&scene, &["--all", "--json"]).expect_exit(1).json();
    assert_eq!(report["links"], json!(["g/reports/link.md", "g/reports/linked folder", "g/reports/tief/loop"]));
    assert_eq!(report["reports"]["found"], 5);
    assert_eq!(report["unreadable"][0]["path"], "g/reports/broken.md");
    let today = Timestamp::now().strftime("%Y-%m-%d").to_string();
    let rows = query(
        &scene,
        "SELECT path, title, type, CAST(CAST(created AS DATE) AS VARCHAR) AS day, created_from, front_matter, len(headings) AS h FROM reports ORDER BY path",
    );
    assert_eq!(
        rows,
        json!([
            {"path": "g/reports/daily/OPS_ATOMIC_DAILY_20251027.md", "title": "📊 Daily", "type": "ops_atomic_daily", "day": "2025-10-27", "created_from": "report", "front_matter": null, "h": 1},
            {"path": "g/reports/digest_2025-10-27_09-00-00.md", "title": "Digest", "type": "digest", "day": "2025-10-27", "created_from": "file name", "front_matter": "{\"title\":\"Digest\",\"tags\":[\"a\"]}", "h": 0},
            {"path": "g/reports/ops_atomic/README.md", "title": "About", "type": "readme", "day": "2025-10-26", "created_from": "report", "front_matter": null, "h": 1},
            {"path": "g/reports/tief/ไทย/notes 'x'.md", "title": null, "type": "notes_x", "day": today, "created_from": "mtime", "front_matter": null, "h": 0},
        ])
    );
    let text = query(&scene, "SELECT text FROM reports WHERE type = 'digest'");
    assert_eq!(text[0]["text"], "---\ntitle: Digest\ntags: [a]\n---\nno heading, red\n");
    assert!(
        scene.exists("g/analytics/reports_20251027.parquet") && scene.exists("g/analytics/reports_20251026.parquet")
    );
}

#[test]
fn without_the_second_reader_nothing_is_replaced() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    export(&scene, &["--all"]).expect_exit(0);
    let before = scene.tree(".");
    write_heartbeat(&scene, "heartbeat_2025-10-26_12-01-01.md", heartbeat("2025-10-26T12:01:01Z", "").as_bytes());
    let expected = scene.tree(".");
    let scene = scene.env("WO_SQL", "/nowhere/wo-sql");
    export(&scene, &["--all"]).expect_exit(2).expect_stderr("/nowhere/wo-sql").expect_stderr("hint:");
    assert_eq!(scene.tree("."), expected);
    // one that sees a row too few, one that sees another value, one that crashes, one that talks nonsense
    for (script, part) in [
        ("sed 's/\"rows\":289/\"rows\":288/'", "rows: 288 against 289"),
        ("sed 's/\"redis_status.cells\":\"./\"redis_status.cells\":\"x/'", "redis_status: the cells differ"),
        ("{ cat >/dev/null; echo it broke >&2; exit 3; }", "exit status 3: it broke"),
        ("{ cat >/dev/null; echo '[]'; }", "failed to understand the answer"),
        ("{ cat >/dev/null; kill -9 $$; }", "killed by signal 9"),
    ] {
        let fake = scene.home().join("wo-sql");
        let text = format!("#!/bin/sh\n'{}' | {script}\n", support::wo_sql().display());
        fs::write(&fake, text).unwrap();
        fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = scene.command(["export", "--all"]);
        command.env("WO_SQL", &fake);
        let ran = support::run(command, b"").expect_exit(2);
        assert!(ran.stderr.contains(part), "{part}: {ran}");
        assert_eq!(scene.tree("."), expected, "{script}");
    }
    assert_ne!(before, expected);
}

#[test]
fn a_killed_export_leaves_whole_files_and_the_next_one_cleans_up() {
    let whole = Scene::new().heartbeats(three_days());
    export(&whole, &["--all"]).expect_exit(0);
    let expected = files(&whole);
    for place in ["fsync.before", "fsync.after:2", "rename.before", "rename.before:3", "rename.after:2"] {
        let scene = Scene::new().heartbeats(three_days());
        let mut command = scene.command(["export", "--all"]);
        command.env("WO_FAILPOINT", place);
        support::run(command, b"").expect_killed();
        for (name, bytes) in files(&scene) {
            let same = expected.iter().find(|(other, _)| *other == name).unwrap();
            assert!(same.1 == bytes, "{name} after a kill at {place}");
        }
        export(&scene, &["--all"]).expect_exit(0);
        assert!(files(&scene) == expected, "{place}");
        assert_eq!(scene.list(ANALYTICS), whole.list(ANALYTICS), "{place}");
    }
}

#[test]
fn exports_side_by_side_take_turns() {
    let scene = Scene::new().heartbeats(three_days());
    let mut daemons: Vec<_> = (0..4).map(|_| scene.start(["export", "--all"])).collect();
    for daemon in &mut daemons {
        support::wait_for("an export ended", || daemon.has_ended().is_some());
        assert!(daemon.has_ended().unwrap().success(), "{}", daemon.log());
    }
    assert_eq!(scene.list(ANALYTICS).len(), 3);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 864);
}

#[test]
fn failures_name_the_path_and_the_cure() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1)).file(ANALYTICS, "a file, not a folder");
    export(&scene, &[]).expect_exit(2).expect_stderr(ANALYTICS);
    let scene = Scene::new().file(HEARTBEATS, "a file, not a folder");
    export(&scene, &[]).expect_exit(2).expect_stderr(HEARTBEATS);
    let scene = Scene::new().config("[export]\ncompresion = \"zstd\"\n");
    export(&scene, &[]).expect_exit(2).expect_stderr("compresion");
    // an empty root has nothing to export, and that is no failure
    let scene = Scene::new();
    export(&scene, &[]).expect_exit(0).expect_stdout("Rows: 0").expect_stdout("no reports on");
    assert!(scene.read(summary_path(&scene)).contains("NOTHING TO EXPORT"));
}

#[test]
fn memory_does_not_grow_with_the_number_of_heartbeats() {
    // small buffers, so that 2,000 heartbeats fill them as well as 20,000 do
    const SETTINGS: &str = "[export]\nthreads = 2\nsort_bytes = 200000\n";
    let peak = |count: usize| {
        let start = "2025-10-26T00:00:00Z".parse().unwrap();
        let heartbeats = Heartbeats::series(start, SignedDuration::from_secs(4), count);
        let scene = Scene::new().config(SETTINGS).heartbeats(heartbeats);
        let mut daemon = scene.start(["export", "--all", "--json"]);
        let status = format!("/proc/{}/status", daemon.pid());
        let mut peak_kb = 0;
        support::wait_for("the export ended", || {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kb = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
            peak_kb = peak_kb.max(kb.unwrap_or(0));
            daemon.has_ended().is_some()
        });
        assert!(daemon.has_ended().unwrap().success(), "{}", daemon.log());
        assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats") as usize, count);
        peak_kb
    };
    let (few, many) = (peak(2_000), peak(20_000));
    if cfg!(target_os = "linux") {
        assert!(few > 0 && many <= few * 12 / 10, "2,000 heartbeats: {few} kB, 20,000: {many} kB");
    }
}
