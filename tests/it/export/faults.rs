//! What an export meets: damaged day files, misplaced ones, renamed and moved reports, directories that stay closed.

use super::*;

fn day_file(day: &str) -> String {
    format!("{ANALYTICS}/ops_atomic_{day}.parquet")
}

/// The file cut short, or with its first pages overwritten, while its footer is whole.
fn damage(scene: &Scene, day: &str, truncate: bool) {
    let path = scene.path(day_file(day));
    let mut bytes = fs::read(&path).unwrap();
    if truncate {
        bytes.truncate(bytes.len() / 2);
    } else {
        bytes.iter_mut().skip(4).take(400).for_each(|byte| *byte ^= 0x5a);
    }
    fs::write(&path, bytes).unwrap();
}

fn remove_heartbeats(scene: &Scene, of: &str) {
    for name in scene.list(HEARTBEATS).iter().filter(|name| name.contains(of)) {
        fs::remove_file(scene.path(HEARTBEATS).join(name)).unwrap();
    }
}

fn summary(scene: &Scene) -> String {
    let name = scene.list("g/reports/parquet").into_iter().rfind(|name| name.starts_with("parquet_export_summary_"));
    scene.read(Path::new("g/reports/parquet").join(name.expect("a summary")))
}

#[test]
fn a_damaged_day_whose_reports_are_there_is_named_and_made_anew() {
    for truncate in [true, false] {
        let scene = Scene::new().heartbeats(three_days());
        export(&scene, &["--all"]).expect_exit(0);
        let good = files(&scene);
        damage(&scene, "20251027", truncate);
        let damaged = fs::read(scene.path(day_file("20251027"))).unwrap();
        // a late report makes an export look at the day
        write_heartbeat(&scene, "heartbeat_2025-10-27_12-01-01.md", heartbeat("2025-10-27T12:01:01Z", "").as_bytes());
        let dry = export(&scene, &["--dry-run"]).expect_exit(1);
        assert!(dry.stdout.contains("damaged: g/analytics/ops_atomic_20251027.parquet"), "{dry}");
        assert_eq!(fs::read(scene.path(day_file("20251027"))).unwrap(), damaged);
        let ran = export(&scene, &[]).expect_exit(1);
        assert!(ran.stdout.contains("damaged: g/analytics/ops_atomic_20251027.parquet"), "{ran}");
        assert!(ran.stderr.contains("1 day file is damaged"), "{ran}");
        assert!(summary(&scene).contains("**Status:** ❌ INCOMPLETE: 1 day file is damaged"), "{}", summary(&scene));
        assert_eq!(fs::read(scene.path(ANALYTICS).join("legacy/ops_atomic_20251027.parquet")).unwrap(), damaged);
        assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 865);
        fs::remove_file(scene.path(HEARTBEATS).join("heartbeat_2025-10-27_12-01-01.md")).unwrap();
        fs::remove_file(scene.path(day_file("20251027"))).unwrap();
        export(&scene, &[]).expect_exit(0);
        assert!(files(&scene) == good, "once it is mended all is as before");
    }
}

#[test]
fn a_damaged_day_without_reports_stays_is_named_each_time_and_stops_nothing() {
    for (truncate, args) in [(true, &["--all"][..]), (true, &[]), (false, &["--all"]), (false, &[])] {
        let scene = Scene::new().heartbeats(three_days());
        export(&scene, &["--all"]).expect_exit(0);
        remove_heartbeats(&scene, "2025-10-26");
        damage(&scene, "20251026", truncate);
        let damaged = fs::read(scene.path(day_file("20251026"))).unwrap();
        write_heartbeat(&scene, "heartbeat_2025-10-28_12-01-01.md", heartbeat("2025-10-28T12:01:01Z", "").as_bytes());
        for _ in 0..2 {
            let ran = export(&scene, args).expect_exit(1);
            assert!(ran.stdout.contains("damaged: g/analytics/ops_atomic_20251026.parquet"), "{ran}");
            assert!(summary(&scene).contains("left as it is"), "{}", summary(&scene));
        }
        assert_eq!(fs::read(scene.path(day_file("20251026"))).unwrap(), damaged);
        export(&scene, &["--date", "2025-10-28"]).expect_exit(0);
        fs::remove_file(scene.path(day_file("20251026"))).unwrap();
        assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 577);
        export(&scene, args).expect_exit(0);
    }
}

#[test]
fn a_day_file_that_cannot_be_replaced_is_named_and_keeps_no_other_day_back() {
    if !(rustix::process::geteuid().is_root() && makes_immutable()) {
        return eprintln!("NOT RUN: only root makes a file that its own folder can't replace");
    }
    // one that is whole, and one that would have to be set aside first
    for damaged in [false, true] {
        let scene = Scene::new().heartbeats(three_days());
        export(&scene, &["--all"]).expect_exit(0);
        if damaged {
            damage(&scene, "20251026", true);
        }
        for day in ["26", "28"] {
            let at = format!("2025-10-{day}T12:01:01Z");
            let name = format!("heartbeat_2025-10-{day}_12-01-01.md");
            write_heartbeat(&scene, &name, heartbeat(&at, "").as_bytes());
        }
        let before = fs::read(scene.path(day_file("20251026"))).unwrap();
        {
            let _locked = Locked::new(scene.path(day_file("20251026")));
            for args in [&[][..], &["--all"]] {
                let ran = export(&scene, args).expect_exit(1);
                assert!(ran.stdout.contains("damaged: g/analytics/ops_atomic_20251026.parquet"), "{ran}");
                assert!(summary(&scene).contains("left as it is"), "{}", summary(&scene));
            }
            assert_eq!(fs::read(scene.path(day_file("20251026"))).unwrap(), before);
            assert_eq!(fs::read_dir(scene.path("g/analytics/legacy")).map_or(0, Iterator::count), 0);
            let of_28 = "SELECT count(*) FROM heartbeats WHERE CAST(timestamp AS DATE) = DATE '2025-10-28'";
            assert_eq!(number(&scene, of_28), 289);
        }
        export(&scene, &[]).expect_exit(if damaged { 1 } else { 0 });
        assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 866);
    }
}

/// Puts `new` in place of `old` in the bytes of the file; both are as long.
fn flip(scene: &Scene, day: &str, old: &[u8], new: &[u8]) {
    let path = scene.path(day_file(day));
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(old.len()).position(|window| window == old).expect("the value");
    bytes[at..at + new.len()].copy_from_slice(new);
    fs::write(&path, bytes).unwrap();
}

/// Names and hashes are as they were, and each reader reads it.
#[test]
fn a_value_that_is_not_what_was_written_makes_a_file_damaged() {
    let scene = Scene::new().heartbeats(three_days());
    export(&scene, &["--all"]).expect_exit(0);
    let good = files(&scene);
    let healthy = "SELECT count(*) FROM heartbeats WHERE status = 'healthy'";
    let before = number(&scene, healthy);
    assert!(before > 0);
    let altered = || {
        flip(&scene, "20251026", b"healthy", b"lealthy");
        assert!(number(&scene, healthy) < before);
    };
    altered();
    let inspected = workbridge::export::inspect(&scene.path(day_file("20251026")), &workbridge::export::sql_program());
    assert!(inspected.unwrap().lost.is_some_and(|why| why.contains("not those that were written")));
    // nobody asks for that day, and no report of it is new
    let ran = export(&scene, &[]).expect_exit(1);
    assert!(ran.stdout.contains("damaged: g/analytics/ops_atomic_20251026.parquet"), "{ran}");
    assert!(scene.exists("g/analytics/legacy/ops_atomic_20251026.parquet"));
    assert!(files(&scene) == good, "made anew of its reports");
    export(&scene, &[]).expect_exit(0);
    // once reports were rotated away, an altered value is never taken over
    remove_heartbeats(&scene, "2025-10-26_0");
    altered();
    write_heartbeat(&scene, "heartbeat_2025-10-26_12-01-01.md", heartbeat("2025-10-26T12:01:01Z", "").as_bytes());
    export(&scene, &[]).expect_exit(1).expect_stdout("damaged: g/analytics/ops_atomic_20251026.parquet");
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats WHERE status = 'lealthy'"), 0);
    assert!(scene.exists("g/analytics/legacy/ops_atomic_20251026-2.parquet"));
}

#[test]
fn rows_that_are_lost_with_a_damaged_file_are_never_a_success() {
    let scene = Scene::new().heartbeats(three_days());
    export(&scene, &["--all"]).expect_exit(0);
    remove_heartbeats(&scene, "2025-10-27_0");
    damage(&scene, "20251027", true);
    let ran = export(&scene, &["--date", "2025-10-27"]).expect_exit(1);
    assert!(ran.stdout.contains("it is now g/analytics/legacy/ops_atomic_20251027.parquet"), "{ran}");
    assert!(!ran.stdout.contains("was not made by this exporter"), "{ran}");
}

#[test]
fn a_copy_of_a_day_counts_nowhere() {
    let scene = Scene::new().heartbeats(three_days());
    scene.write("g/reports/daily.md", "# Daily\n\n**Date:** 2025-10-28\n");
    export(&scene, &["--all"]).expect_exit(0);
    let copy = |from: &str, to: &str| fs::copy(scene.path(from), scene.path(to)).unwrap();
    for (from, to, why) in [
        (day_file("20251027"), day_file("20251020"), "it is of the day 2025-10-27, its name says 2025-10-20"),
        (day_file("20251027"), format!("{ANALYTICS}/ops_atomic_20251027 copy.parquet"), "not that of a day's file"),
        (
            format!("{ANALYTICS}/reports_20251028.parquet"),
            day_file("20251021"),
            "it holds reports, its name says heartbeats",
        ),
    ] {
        copy(&from, &to);
        let ran = scene.wo(["query", "--json", "SELECT count(*) AS n FROM heartbeats"]).expect_exit(0);
        assert_eq!(ran.json(), json!([{"n": 864}]), "{to}");
        assert!(ran.stderr.contains(why), "{ran}");
        fs::remove_file(scene.path(&to)).unwrap();
    }
}

#[test]
fn a_renamed_report_is_one_row() {
    let scene = Scene::new().heartbeats(three_days());
    scene.write("g/reports/daily.md", "# Daily\n\n**Date:** 2025-10-28\n");
    export(&scene, &["--all"]).expect_exit(0);
    let dir = scene.path(HEARTBEATS);
    let names: Vec<String> = scene.list(HEARTBEATS).into_iter().filter(|name| name.contains("2025-10-27")).collect();
    fs::rename(dir.join(&names[7]), dir.join(names[7].replace(".md", "_2.md"))).unwrap();
    // one that is really gone stays
    fs::remove_file(dir.join(&names[9])).unwrap();
    // neither is one that says the same as another but for the time in its name
    let silent = "# OPS-Atomic Monitor Heartbeat\n\n**Status:** ✅ HEALTHY\n";
    for minute in [1, 2] {
        write_heartbeat(&scene, &format!("heartbeat_2025-10-27_12-0{minute}-01.md"), silent.as_bytes());
    }
    export(&scene, &["--all"]).expect_exit(0);
    fs::remove_file(dir.join("heartbeat_2025-10-27_12-01-01.md")).unwrap();
    fs::rename(scene.path("g/reports/daily.md"), scene.path("g/reports/daily-28.md")).unwrap();
    export(&scene, &["--all"]).expect_exit(0);
    let counted = query(&scene, "SELECT count(*) AS n, count(DISTINCT sha256) AS reports FROM heartbeats");
    assert_eq!(counted, json!([{"n": 866, "reports": 865}]));
    assert_eq!(
        query(&scene, "SELECT path FROM reports WHERE path LIKE '%daily%'"),
        json!([{"path": "g/reports/daily-28.md"}])
    );
}

#[test]
fn a_day_whose_reports_all_have_another_day_now_goes() {
    let scene = Scene::new();
    write_heartbeat(&scene, "heartbeat_x.md", heartbeat("2025-10-20T12:00:00Z", "").as_bytes());
    export(&scene, &["--all"]).expect_exit(0);
    assert!(scene.exists(day_file("20251020")));
    write_heartbeat(&scene, "heartbeat_x.md", heartbeat("2025-10-21T12:00:00Z", "").as_bytes());
    export(&scene, &["--dry-run"]).expect_exit(0).expect_stdout("would go: g/analytics/ops_atomic_20251020.parquet");
    assert!(scene.exists(day_file("20251020")));
    let before = fs::read(scene.path(day_file("20251020"))).unwrap();
    export(&scene, &[]).expect_exit(0).expect_stdout("removed: g/analytics/ops_atomic_20251020.parquet");
    let kept = scene.path(ANALYTICS).join("legacy/ops_atomic_20251020.parquet");
    assert!(fs::read(kept).unwrap() == before, "nothing that was measured is lost");
    assert!(!scene.exists(day_file("20251020")) && scene.exists(day_file("20251021")));
    assert!(summary(&scene).contains("`g/analytics/ops_atomic_20251020.parquet` went"), "{}", summary(&scene));
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 1);
}

/// `wo export` that may have so many files open.
fn export_with_open_files(scene: &Scene, most: u32) -> Ran {
    let mut command = std::process::Command::new("sh");
    let inner = scene.command(["export", "--all"]);
    command.args(["-c", &format!("ulimit -n {most} && exec \"$@\""), "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.current_dir(scene.dir());
    support::run(command, b"")
}

#[test]
fn folders_beyond_the_limit_of_open_files_are_read_or_listed() {
    let scene = Scene::new().heartbeats(Heartbeats::days(1));
    for n in 0..300 {
        scene.write(format!("g/reports/many/d{n}/note.md"), format!("# Note\n\n**Date:** 2025-10-{:02}\n", n % 28 + 1));
    }
    let ran = export_with_open_files(&scene, 128).expect_exit(0);
    assert_eq!(number(&scene, "SELECT count(*) FROM reports"), 300, "{ran}");
    // so deep, and so much beside each level, that not all can be open at once
    let mut level = PathBuf::from("g/reports/deep");
    for _ in 0..200 {
        for leaf in 0..8 {
            fs::create_dir_all(scene.path(level.join(format!("leaf{leaf}")))).unwrap();
        }
        level.push("d");
    }
    let ran = export_with_open_files(&scene, 128).expect_exit(1);
    assert!(ran.stdout.contains("the directory can't be looked into"), "{ran}");
    assert!(ran.stdout.contains("unreadable: g/reports/deep/"), "{ran}");
    assert_eq!(number(&scene, "SELECT count(*) FROM heartbeats"), 288);
    assert_eq!(number(&scene, "SELECT count(*) FROM reports"), 300);
}
