//! Which rows an export keeps, drops and counts: each report that was ever measured once, wherever it is now.

use workbridge::export::schema;

use super::*;

fn report(scene: &Scene, path: &str, text: &str) {
    scene.write(Path::new("g/reports").join(path), text);
}

fn paths(scene: &Scene) -> Vec<String> {
    let rows = query(scene, "SELECT path FROM reports ORDER BY path");
    rows.as_array().unwrap().iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect()
}

/// A report whose time is that of its file.
fn touch(scene: &Scene, path: &str, at: &str) {
    let done = std::process::Command::new("touch").args(["-d", at]).arg(scene.path("g/reports").join(path)).status();
    assert!(done.unwrap().success());
}

#[test]
fn what_was_moved_elsewhere_and_linked_keeps_its_row() {
    let scene = Scene::new().heartbeats(Heartbeats::days(2));
    for day in [26, 27] {
        report(&scene, &format!("daily/d_202510{day}.md"), &format!("# Daily\n\n**Date:** 2025-10-{day}\n"));
    }
    report(&scene, "weekly/w_20251027.md", "# Weekly\n\n**Date:** 2025-10-27\n");
    export(&scene, &["--all"]).expect_exit(0);
    let before = paths(&scene);
    let cold = scene.home().join("cold");
    fs::create_dir_all(&cold).unwrap();
    let away = |path: &str| {
        let (from, to) = (scene.path("g/reports").join(path), cold.join(path.replace('/', "_")));
        fs::rename(&from, &to).unwrap();
        std::os::unix::fs::symlink(to, from).unwrap();
    };
    away("daily");
    for name in scene.list(HEARTBEATS).iter().filter(|name| name.contains("2025-10-26_0")) {
        away(&format!("ops_atomic/{name}"));
    }
    // within the tree: found under its new name, once
    fs::rename(scene.path("g/reports/weekly"), scene.path("g/reports/old weeks")).unwrap();
    std::os::unix::fs::symlink("old weeks", scene.path("g/reports/weekly")).unwrap();
    for args in [&["--all"][..], &[], &["--date", "2025-10-26"]] {
        let ran = export(&scene, args).expect_exit(0);
        assert!(scene.read(summary_path(&scene)).contains("`g/reports/daily` is a symbolic link"), "{ran}");
        assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 576, "{ran}");
        let after: Vec<String> = before.iter().map(|path| path.replace("weekly/", "old weeks/")).collect();
        assert_eq!(paths(&scene), after, "{args:?}");
    }
}

#[test]
fn of_two_reports_that_say_the_same_each_is_a_row_and_stays_one() {
    let scene = Scene::new();
    for agent in ["clc", "cls", "gg"] {
        report(&scene, &format!("{agent}/status_2025-10-26.md"), "# Daily status\n\nNo issues.\n");
    }
    export(&scene, &["--all"]).expect_exit(0);
    let all = paths(&scene);
    assert_eq!(all.len(), 3);
    fs::remove_dir_all(scene.path("g/reports/cls")).unwrap();
    export(&scene, &["--all"]).expect_exit(0);
    assert_eq!(paths(&scene), all, "one that is there stands for itself alone");
    // a new name stands for one that is gone, not for two
    fs::remove_dir_all(scene.path("g/reports/gg")).unwrap();
    report(&scene, "new/status_2025-10-26.md", "# Daily status\n\nNo issues.\n");
    export(&scene, &[]).expect_exit(0);
    assert_eq!(paths(&scene).len(), 3);
    assert!(paths(&scene).contains(&"g/reports/new/status_2025-10-26.md".to_owned()));
}

/// As sync clients leave them: copies under a name of their own, and what two wrote at once in one file.
#[test]
fn copies_are_told_and_two_heartbeats_in_one_file_are_no_row() {
    let scene = Scene::new().heartbeats(Heartbeats::of(
        ["2025-10-28T10:00:00Z", "2025-10-28T10:05:00Z"].map(|at| support::field::Cycle::good(at.parse().unwrap())),
    ));
    let at = |name: &str| scene.path(HEARTBEATS).join(name);
    fs::copy(at("heartbeat_2025-10-28_10-00-00.md"), at("heartbeat_2025-10-28_10-00-00 (1).md")).unwrap();
    export(&scene, &[]).expect_exit(0).expect_stdout("copies: 1 heartbeat is a copy of another");
    let summary = scene.read(summary_path(&scene));
    assert!(
        summary.contains("copy of another") && summary.contains("`heartbeat_2025-10-28_10-00-00 (1).md`"),
        "{summary}"
    );
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 3, "a file is a row");
    let both = ["00", "05"].map(|minute| scene.read(at(&format!("heartbeat_2025-10-28_10-{minute}-00.md")))).concat();
    scene.write(Path::new(HEARTBEATS).join("heartbeat_2025-10-28_10-10-00.md"), both);
    export(&scene, &[]).expect_exit(1).expect_stdout("holds 2 heartbeats");
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 3);
}

#[test]
fn a_report_that_has_another_day_now_counts_once_whichever_day_is_exported() {
    for day in ["2025-10-20", "2025-10-24", "2025-10-27"] {
        let scene = Scene::new();
        for (path, at) in [("RUNBOOK.md", "2025-10-20"), ("notes.md", "2025-10-24"), ("still.md", "2025-10-20")] {
            report(&scene, path, &format!("# {path}\n"));
            touch(&scene, path, &format!("{at}T10:00:00Z"));
        }
        export(&scene, &["--all"]).expect_exit(0);
        touch(&scene, "RUNBOOK.md", "2025-10-24T10:00:00Z");
        touch(&scene, "notes.md", "2025-10-27T10:00:00Z");
        // one of the day that is not touched by any move, and is not exported
        report(&scene, "late.md", "# Late\n\n**Date:** 2025-10-01\n");
        export(&scene, &["--date", day]).expect_exit(0);
        assert_eq!(paths(&scene), ["g/reports/RUNBOOK.md", "g/reports/notes.md", "g/reports/still.md"], "{day}");
        assert!(!scene.exists("g/analytics/reports_20251001.parquet"));
        let days = query(&scene, "SELECT CAST(created AS DATE) AS d FROM reports ORDER BY path");
        assert_eq!(days, json!([{"d": "2025-10-24"}, {"d": "2025-10-27"}, {"d": "2025-10-20"}]), "{day}");
    }
}

#[test]
fn the_exporters_own_files_are_no_reports_wherever_they_lie() {
    let scene = Scene::new().config("[paths]\nparquet_reports = \"g/reports\"\n").heartbeats(Heartbeats::days(1));
    report(&scene, "verify_2025-10-28_19-13-38.md", "# Verification\n");
    report(&scene, "verify_backup.md", "# Backups\n\n**Date:** 2025-10-28\n");
    report(&scene, "x/verify_2025-10-28_19-13-38.md", "# Of someone else\n");
    export(&scene, &["--all"]).expect_exit(0);
    let before = files(&scene);
    for _ in 0..2 {
        export(&scene, &["--all"]).expect_exit(0);
        assert_eq!(paths(&scene), ["g/reports/verify_backup.md", "g/reports/x/verify_2025-10-28_19-13-38.md"]);
        assert!(files(&scene) == before);
    }
}

#[test]
fn a_day_file_that_lost_rows_is_named_and_made_anew_with_what_is_left() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    export(&scene, &["--all"]).expect_exit(0);
    let whole = files(&scene);
    let path = scene.path(ANALYTICS).join("ops_atomic_20251026.parquet");
    lose_rows(&path, 100);
    // one that is there no more and has its row still, one that is lost for good
    for name in ["heartbeat_2025-10-26_00-00-00.md", "heartbeat_2025-10-26_23-55-00.md"] {
        fs::remove_file(scene.path(HEARTBEATS).join(name)).unwrap();
    }
    let ran = export(&scene, &[]).expect_exit(1);
    assert!(ran.stdout.contains("it says that it was made of 288 reports and holds 100 rows"), "{ran}");
    assert!(scene.exists("g/analytics/legacy/ops_atomic_20251026.parquet"));
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 287);
    export(&scene, &[]).expect_exit(0);
    assert!(files(&scene) != whole);
}

/// Writes the file anew with its metadata and the first of its rows.
fn lose_rows(path: &Path, left: usize) {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::properties::WriterProperties;
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let metadata = builder.metadata().file_metadata().key_value_metadata().cloned();
    let batch = builder.build().unwrap().next().unwrap().unwrap().slice(0, left);
    let properties = WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .set_key_value_metadata(metadata)
        .build();
    let mut out = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    fs::write(path, out).unwrap();
}

#[test]
fn what_is_no_file_in_a_day_files_place_stops_nothing() {
    let scene = Scene::new().heartbeats(Heartbeats::days(3));
    let at = |day: &str| scene.path(ANALYTICS).join(format!("ops_atomic_{day}.parquet"));
    fs::create_dir_all(at("20251026").join("inside")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(at("20251027")).status().unwrap().success());
    std::os::unix::fs::symlink("nowhere", at("20251028")).unwrap();
    // of no report's day
    fs::create_dir_all(at("20251020")).unwrap();
    export(&scene, &["--dry-run"]).expect_exit(0);
    export(&scene, &[]).expect_exit(0).expect_stdout("legacy/ops_atomic_20251026.parquet");
    assert!(scene.exists("g/analytics/legacy/ops_atomic_20251026.parquet/inside"));
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 864);
    export(&scene, &[]).expect_exit(0);
}

#[test]
fn another_time_zone_makes_the_files_anew() {
    let scene = Scene::new().heartbeats(Heartbeats::of(
        ["2025-10-28T10:00:00Z", "2025-10-28T20:00:00Z"].map(|at| support::field::Cycle::good(at.parse().unwrap())),
    ));
    report(&scene, "a.md", "# A\n\n**Timestamp:** 2025-10-28T10:00:00Z\n");
    export(&scene, &[]).expect_exit(0);
    let scene = scene.config("[export]\ntimezone = \"Asia/Bangkok\"\n");
    export(&scene, &[]).expect_exit(0).expect_stdout("another time zone");
    for name in ["ops_atomic_20251028", "ops_atomic_20251029", "reports_20251028"] {
        let path = scene.path(ANALYTICS).join(format!("{name}.parquet"));
        let footer = workbridge::export::read::open(&path).unwrap().footer().unwrap();
        assert_eq!((footer.rows, footer.metadata["workbridge.timezone"].as_str()), (1, "Asia/Bangkok"), "{name}");
    }
}

#[test]
fn a_report_that_was_renamed_before_the_zone_changed_is_one_row() {
    let scene = Scene::new();
    for at in ["2025-10-28T20-15-00", "2025-10-28T03-00-00"] {
        let stated = format!("{}:{}:{}Z", &at[..13], &at[14..16], &at[17..]);
        write_heartbeat(&scene, &format!("heartbeat_{}.md", at.replace('T', "_")), heartbeat(&stated, "").as_bytes());
    }
    export(&scene, &["--all"]).expect_exit(0);
    let dir = scene.path(HEARTBEATS);
    let old = "heartbeat_2025-10-28_20-15-00.md";
    fs::rename(dir.join(old), dir.join("heartbeat_2025-10-28_20-15-00 (1).md")).unwrap();
    // of the 29th in Bangkok, and in a file of the 28th in UTC
    let scene = scene.config("[export]\ntimezone = \"Asia/Bangkok\"\n");
    export(&scene, &[]).expect_exit(0);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 2);
}

#[test]
fn a_row_whose_report_was_emptied_since_is_kept_aside() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    export(&scene, &["--all"]).expect_exit(0);
    let before = fs::read(scene.path(ANALYTICS).join("ops_atomic_20251026.parquet")).unwrap();
    write_heartbeat(&scene, "heartbeat_2025-10-26_12-00-00.md", b"");
    let said = "kept: g/analytics/ops_atomic_20251026.parquet had 1 row of reports that can't be read now";
    export(&scene, &["--dry-run"]).expect_exit(1).expect_stdout(said);
    assert!(!scene.exists("g/analytics/legacy"));
    let ran = export(&scene, &[]).expect_exit(1).expect_stdout(said);
    assert!(ran.stdout.contains("it is now g/analytics/legacy/ops_atomic_20251026.parquet"), "{ran}");
    assert!(fs::read(scene.path(ANALYTICS).join("legacy/ops_atomic_20251026.parquet")).unwrap() == before);
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 287);
    let again = export(&scene, &["--all"]).expect_exit(1);
    assert!(!again.stdout.contains("had 1 row"), "{again}");
}

#[test]
fn another_codec_makes_the_files_anew_with_all_their_rows() {
    let scene = Scene::new().heartbeats(Heartbeats::days(2));
    export(&scene, &["--all"]).expect_exit(0);
    // of the first day no report is left
    for name in scene.list(HEARTBEATS).iter().filter(|name| name.contains("2025-10-26")) {
        fs::remove_file(scene.path(HEARTBEATS).join(name)).unwrap();
    }
    let scene = scene.config("[export]\ncompression = \"zstd\"\n");
    let ran = export(&scene, &[]).expect_exit(0);
    assert_eq!(ran.stdout.matches("another codec").count(), 2, "{ran}");
    for day in ["20251026", "20251027"] {
        let path = scene.path(ANALYTICS).join(format!("ops_atomic_{day}.parquet"));
        let footer = workbridge::export::read::open(&path).unwrap().footer().unwrap();
        assert_eq!((footer.codecs(), footer.rows), (vec!["zstd"], 288), "{day}");
    }
    assert!(!export(&scene, &[]).expect_exit(0).stdout.contains("another codec"));
}

#[test]
fn heartbeats_are_no_other_reports_however_their_folder_is_written() {
    for paths in ["reports = \"g/../g/reports\"", "heartbeats = \"./g/reports/x/../ops_atomic\""] {
        let scene = Scene::new().heartbeats(Heartbeats::days(1)).config(&format!("[paths]\n{paths}\n"));
        fs::create_dir_all(scene.path("g/reports/x")).unwrap();
        for _ in 0..2 {
            export(&scene, &["--all"]).expect_exit(0);
        }
        assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 288, "{paths}");
        assert!(!scene.list(ANALYTICS).iter().any(|name| name.starts_with("reports_")), "{paths}");
    }
}

/// Writes a file anew as one of the first reader.
fn forget_reader(path: &Path) {
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::properties::WriterProperties;

    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let mut metadata = builder.metadata().file_metadata().key_value_metadata().cloned().unwrap_or_default();
    metadata.retain(|pair| !matches!(pair.key.as_str(), "ARROW:schema" | "workbridge.reader"));
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    let properties = WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .set_key_value_metadata(Some(metadata))
        .build();
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.close().unwrap();
    fs::write(path, out).unwrap();
}

#[test]
fn files_of_an_older_reader_are_made_anew_where_their_reports_are_there() {
    let scene = Scene::new().heartbeats(Heartbeats::of(
        ["2025-10-27T10:00:00Z", "2025-10-28T10:00:00Z"].map(|at| support::field::Cycle::good(at.parse().unwrap())),
    ));
    export(&scene, &[]).expect_exit(0);
    let file = |day: u8| scene.path(ANALYTICS).join(format!("ops_atomic_202510{day}.parquet"));
    [27, 28].iter().for_each(|day| forget_reader(&file(*day)));
    fs::remove_file(scene.path("g/reports/ops_atomic/heartbeat_2025-10-27_10-00-00.md")).unwrap();
    export(&scene, &[]).expect_exit(0).expect_stdout("read by an older version");
    let reader = |day: u8| {
        let footer = workbridge::export::read::open(&file(day)).unwrap().footer().unwrap();
        (footer.rows, footer.metadata.get("workbridge.reader").cloned())
    };
    assert_eq!([27, 28].map(reader), [(1, None), (1, Some(schema::READER.to_owned()))]);
    export(&scene, &[]).expect_exit(0).expect_no_stdout("read by an older version");
    assert_eq!([27, 28].map(reader), [(1, None), (1, Some(schema::READER.to_owned()))]);
}

#[test]
fn a_configured_folder_that_is_a_link_is_no_report_that_was_passed_over() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    let elsewhere = tempfile::tempdir().unwrap();
    for folder in ["ops_atomic", "parquet"] {
        let at = scene.path("g/reports").join(folder);
        fs::create_dir_all(&at).unwrap();
        std::process::Command::new("mv").arg(&at).arg(elsewhere.path()).status().unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join(folder), &at).unwrap();
    }
    fs::create_dir(elsewhere.path().join("other")).unwrap();
    export(&scene, &[]).expect_exit(0).expect_no_stdout("symbolic link");
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 288);
    std::os::unix::fs::symlink(elsewhere.path().join("other"), scene.path("g/reports/other")).unwrap();
    export(&scene, &[]).expect_exit(0).expect_stdout("g/reports/other is a symbolic link");
}

#[test]
fn a_summary_goes_below_the_root_or_where_the_settings_say() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    let elsewhere = tempfile::tempdir().unwrap();
    let outside = elsewhere.path().join("x");
    for folder in ["../x", "g/../../x", outside.to_str().unwrap()] {
        export(&scene, &["--summaries", folder]).expect_exit(2).expect_stderr("lies outside the root");
    }
    assert!(!outside.exists() && !scene.path("../x").exists() && scene.list(ANALYTICS).is_empty());
    export(&scene, &["--summaries", "g/../g/exports"]).expect_exit(0);
    let scene = scene.config(&format!("[paths]\nparquet_reports = \"{}\"\n", elsewhere.path().display()));
    export(&scene, &["--all", "--summaries", outside.to_str().unwrap()]).expect_exit(0);
    assert!(outside.is_dir());
}
