use super::super::*;
use super::*;

fn shown(metric: &str, target: &str) -> String {
    compile(metric, target).to_string()
}

fn is_unclear(metric: &str, target: &str) -> bool {
    matches!(compile(metric, target), Target::Unclear { .. })
}

#[test]
fn every_target_seen_in_the_field_compiles() {
    for (metric, target, expect) in [
        ("File size", "≤ 5 MB/day", "≤ 5 MB per day"),
        ("File size", "≤ 5 MB", "≤ 5 MB"),
        ("Validation time", "< 2 s", "< 2 s"),
        ("Runtime", "<5ms for ≤200 rows", "< 5 ms, for ≤200 rows"),
        ("Compression", "Snappy", "is Snappy"),
        ("Compression", "„Snappy“", "is Snappy"),
        ("Compression", "'zstd'", "is zstd"),
        ("Status", "“OK”", "works (OK)"),
        ("File size", "≤ 5 MB ^ac1", "≤ 5 MB"),
        ("Validation time", "< 2 s 📅 2026-12-01", "< 2 s"),
        ("Schema", "0 errors", "= 0 errors"),
        ("Heartbeats", "2 in a row", "= 2 consecutive"),
        ("Heartbeats", "≥ 3 heartbeats in a row", "≥ 3 consecutive heartbeats"),
        ("Heartbeat interval", "5 min", "within 10% of 5 min"),
        ("Heartbeat interval", "≤ 5 min", "≤ 5 min"),
        ("Schema", "0", "= 0"),
        ("Schema", "100%", "= 100%"),
        ("Export frequency", "1× daily (02:30)", "once a day at 02:30"),
        ("Export frequency", "1× / day", "once a day"),
        ("Export frequency", "02:30 daily", "once a day at 02:30"),
        ("Runs", "Automatic", "was started by the service manager itself and ended well"),
        ("Redis", "OK", "works (OK)"),
        ("Redis", "Working", "works (Working)"),
        ("Docs", "Complete", "works (Complete)"),
        ("Script", "Executable", "works (Executable)"),
        ("LaunchAgent", "loads & runs automatically", "was started by the service manager itself and ended well"),
        ("Uptime", "> 80%", "> 80%"),
        ("Latency", "p95 < 100ms", "p95 < 100 ms"),
        ("Logs", "no file write errors", "no file write errors"),
        ("Checks", "3/3", "all of 3 pass"),
        ("Checks", "100% pass", "all pass"),
        ("Checks", "All pass", "all pass"),
        ("CPU", "10-20%", "10% to 20%"),
        ("Runtime", "<20ms @ ≤300 rows", "< 20 ms, @ ≤300 rows"),
        ("Digest", "Sundays at 03:00 Asia/Bangkok", "once a week on Sunday at 03:00 Asia/Bangkok"),
        ("Health checks < 200ms", "p95", "p95 < 200 ms"),
        ("Exit code", "0 (was 19968)", "= 0"),
        ("Exit code", "0 (currently 19968)", "= 0"),
        ("Exit code", "0 instead of 19968", "= 0"),
        ("Exit code", "0, not 19968", "= 0"),
        ("Heartbeat cycles", "≥ 2 (was 0)", "≥ 2"),
        ("Redis connectivity", "OK (was NOAUTH)", "works (OK)"),
        ("Database", "Database file exists", "works (Database file exists)"),
        ("Database check", "file found", "works (file found)"),
    ] {
        assert_eq!(shown(metric, target), expect, "{metric} | {target}");
    }
}

#[test]
fn variants_of_notation_mean_the_same() {
    for (metric, target, expect) in [
        ("x", "≤ ５ ＭＢ", "≤ 5 MB"),
        ("x", "at most 5 MB", "≤ 5 MB"),
        ("x", "≤ PT2S", "≤ 2 s"),
        ("Max time", "PT1M30S", "≤ 1 min 30 s"),
        ("x", "no more than 5 MB", "≤ 5 MB"),
        ("x", "must not exceed 5 MB", "≤ 5 MB"),
        ("x", "5 MB or less", "≤ 5 MB"),
        ("x", "5 MB max", "≤ 5 MB"),
        ("x", "5 MB max/day", "≤ 5 MB per day"),
        ("Max file size", "5 MB", "≤ 5 MB"),
        ("x", "<= 5242880 bytes", "≤ 5 MiB"),
        ("x", "≤ 5 MiB", "≤ 5 MiB"),
        ("x", "max. 5 MB/day", "≤ 5 MB per day"),
        ("x", "under two seconds", "< 2 s"),
        ("x", "at least one row", "≥ 1 row"),
        ("x", "non-zero", "≠ 0"),
        ("x", "= Snappy", "is Snappy"),
        ("x", "Snappy codec", "is Snappy"),
        ("x", "100% match", "= 100%"),
        ("Schema", "consistent", "works (consistent)"),
        (
            "",
            "Schema is fully consistent",
            "unclear: `Schema is fully consistent` is no comparison, word or schedule that can be judged",
        ),
        ("", "The schema fully consistent", "works (The schema fully consistent)"),
        ("Database", "consistent", "is consistent"),
        ("Schema", "consistent?", "unclear: `consistent?` is no comparison, word or schedule that can be judged"),
        ("Uptime of Redis", "99.9%", "≥ 99.9%"),
        ("x", "every 5 minutes (± 10%)", "within 10% of 5 min"),
        ("x", "30 2 * * *", "once a day at 02:30"),
        ("x", "0 * * * *", "once a hour at :00"),
        ("x", "0 3 * * 0", "once a week on Sunday at 03:00"),
        ("x", "daily 02:30 ICT", "once a day at 02:30 Asia/Bangkok"),
        ("x", "auto-run", "was started by the service manager itself and ended well"),
        ("x", "under 2 s", "< 2 s"),
        ("x", "**< 2 s**", "< 2 s"),
        ("x", "&lt; 2 s", "< 2 s"),
        ("x", "`< 2 s`", "< 2 s"),
        ("x", "should be under 2 seconds.", "< 2 s"),
        ("x", "within 5 minutes", "≤ 5 min"),
        ("x", "< 380 µs", "< 380 µs"),
        ("x", "< 380 μs", "< 380 µs"),
        ("x", "< 1 h 30 min", "< 1 h 30 min"),
        ("x", "<48h", "< 2 d"),
        ("x", "≥ 1,000 rows", "≥ 1000 rows"),
        ("x", "≥ 1 000 rows", "≥ 1000 rows"),
        ("x", ">= 10k rows", "≥ 10000 rows"),
        ("x", "≤ 5 million rows", "≤ 5000000 rows"),
        ("x", "≥ 1.5 million", "≥ 1500000"),
        ("x", "≥ two thousand rows", "≥ 2000 rows"),
        ("x", "≤ 5 million bytes", "≤ 5 MB"),
        ("x", "≥ 1.000 s", "≥ 1 s"),
        ("x", "≥ 99.999 %", "≥ 99.999%"),
        ("Size does not go over 5 MB", "OK", "≤ 5 MB"),
        ("x", "10–30 million rows", "10000000 rows to 30000000 rows"),
        ("x", "10–30k rows", "10000 rows to 30000 rows"),
        ("x", "10k–30k rows", "10000 rows to 30000 rows"),
        ("x", "500k–2 million rows", "500000 rows to 2000000 rows"),
        ("x", "10-30 files", "10 files to 30 files"),
        ("x", "10k rows ± 500", "9500 rows to 10500 rows"),
        ("x", "over 80 %", "> 80%"),
        ("x", "80% or more", "≥ 80%"),
        ("x", "80%+", "≥ 80%"),
        ("x", "zero errors", "= 0 errors"),
        ("x", "Zero", "= 0"),
        ("x", "≥ 1", "≥ 1"),
        ("x", "exit code 0", "= 0 exit code"),
        ("x", "exits with 0", "= 0 exit code"),
        ("x", "≠ 0", "≠ 0"),
        ("x", "± 5 ms", "within 10% of 5 ms"),
        ("x", "~ 5 min", "within 10% of 5 min"),
        ("x", "5 min ± 10%", "4 min 30 s to 5 min 30 s"),
        ("x", "100 ± 5", "95 to 105"),
        ("x", "864 heartbeats ± 50", "814 heartbeats to 914 heartbeats"),
        ("x", "100 ± 5 ms", "95 ms to 105 ms"),
        ("x", "5–10 ms", "5 ms to 10 ms"),
        ("x", "between 5 and 10 ms", "5 ms to 10 ms"),
        ("x", "10 to 20%", "10% to 20%"),
        ("x", "3 of 3", "all of 3 pass"),
        ("x", "3/3 pass", "all of 3 pass"),
        ("x", "all 12 checks pass", "all of 12 pass"),
        ("x", "all present", "all pass"),
        ("x", "All exist", "all pass"),
        ("x", "all created and in place", "all pass"),
        ("x", "all in place", "all pass"),
        ("x", "all are available", "all pass"),
        ("x", "all 3 delivered", "all of 3 pass"),
        ("x", "All", "all pass"),
        ("x", "delivered", "works (delivered)"),
        ("x", "✅", "works (✅)"),
        ("x", "✅ OK", "works (OK)"),
        ("x", "present & executable", "works (present & executable)"),
        ("x", "none", "none"),
        ("x", "no errors in logs", "no errors in logs"),
        ("Compression", "Snappy compression", "is Snappy"),
        ("Compression", "snappy (default)", "is snappy"),
        ("x", "daily at 2:30 AM", "once a day at 02:30"),
        ("x", "every day at 14:05 UTC", "once a day at 14:05 UTC"),
        ("x", "twice daily", "2 times a day"),
        ("x", "once per week", "once a week"),
        ("x", "every Monday at 9:00", "once a week on Monday at 09:00"),
        ("x", "hourly :00", "once a hour at :00"),
        ("x", "02:30 (UTC+7)", "once a day at 02:30 Etc/GMT-7"),
        ("x", "every 5 min", "within 10% of 5 min"),
        ("x", "288 / day", "288 times a day"),
        ("x", "≥ 280 cycles/day", "≥ 280 cycles per day"),
        ("x", "< 100ms (p95)", "p95 < 100 ms"),
        ("x", "< 100 ms at p99", "p99 < 100 ms"),
        ("Runtime for ≤200 rows", "< 5ms", "< 5 ms, for ≤200 rows"),
        ("Health checks < 200ms", "", "< 200 ms"),
        ("Health checks < 200ms", "OK", "< 200 ms"),
        ("ขนาดไฟล์", "≤ ๕ MB", "≤ 5 MB"),
        ("x", "≤ 5 MB/file", "≤ 5 MB, per file"),
        ("x", "≤ 5 MB (measured with ls -l)", "≤ 5 MB"),
        ("x", "Snappy — verified via DuckDB", "is Snappy"),
        ("x", "0 (zero)", "= 0"),
        ("Exit code", "0 (not 19968)", "= 0"),
        ("Exit code", "= 0 (not 78)", "= 0"),
        ("Exit code", "0 (not 0)", "= 0, not 0"),
        ("Exit code", "≤ 1 (not 78)", "≤ 1, not 78"),
        ("Heartbeats", "2 in a row, 5 min apart", "= 2 consecutive, 5 min apart"),
        ("Two heartbeats, 5 minutes apart", "Two heartbeats, 5 minutes apart", "= 2 heartbeats, 5 minutes apart"),
        ("x", "≥ 2 heartbeats 90 s apart", "≥ 2 heartbeats, 90 s apart"),
    ] {
        assert_eq!(shown(metric, target), expect, "{metric} | {target}");
    }
}

#[test]
fn what_is_not_understood_is_unclear_never_easier() {
    for (metric, target) in [
        ("x", ""),
        ("x", "TBD"),
        ("x", "-"),
        ("x", "[as discussed]"),
        ("x", "5 MB"),
        ("x", "43ms"),
        ("x", "24h"),
        ("x", "95%"),
        ("x", "< 5 Mb"),
        ("x", "< 5 M"),
        ("x", "≤ 5 MB and ≥ 1 kB"),
        ("x", "0 errors / 100%"),
        ("x", "0 errors, 3 warnings"),
        ("x", "Snappy or zstd"),
        ("x", "2/3"),
        ("x", "*/5 * * * *"),
        ("x", "30 2 1 * *"),
        ("x", "30 2 * * 1-5"),
        ("x", "0 * * * 1"),
        ("x", "daily 02:30 EST"),
        ("x", "p95"),
        ("x", "< fast"),
        ("x", "≤ 1.2.3"),
        ("x", "≥ 1,0000"),
        ("x", "≥ 1.000 rows"),
        ("x", "1.000–2.000 rows"),
        ("x", "≥ 1.000"),
        ("x", "± 5%"),
        ("x", "≥ 5k million rows"),
        ("x", "≤ 5 M rows"),
        ("x", "500–2k rows"),
        ("x", "runs automatically every day at 02:30"),
        ("x", "02:30 and 14:30 daily"),
        ("x", "daily on Sundays"),
        ("x", "as fast as possible"),
        ("x", "no errors for 24h"),
        ("x", "not working"),
        ("x", "> 10 and < 20 ms"),
        ("x", "99:99 daily"),
        ("Runtime for ≤200 rows", ""),
        ("No gap longer than 15 minutes", ""),
        ("x", "≤ 5.000 kB"),
        ("x", "1.000–2.000 MB"),
        ("Schema mismatches > 0", "❌"),
        ("x", "> 1 kB ❌"),
        ("x", "🔴 > 1 ms"),
        ("x", "❌ gzip"),
        ("❌ Parquet file", "exists"),
        ("Rows > 5", "Snappy"),
    ] {
        assert!(is_unclear(metric, target), "{metric} | {target}: {}", shown(metric, target));
    }
}

#[test]
fn numbers_are_in_base_units() {
    let Target::Compare { number, unit, per, .. } = compile("x", "≤ 5 MB/day") else { panic!() };
    assert_eq!((number, unit, per), (5e6, Unit::Bytes, Some(Period::Day)));
    let Target::Compare { number, unit, .. } = compile("x", "< 2 s") else { panic!() };
    assert_eq!((number, unit), (2e9, Unit::Time));
    let Target::Range { low, high, unit } = compile("x", "5-10 MB") else { panic!() };
    assert_eq!((low, high, unit), (5e6, 1e7, Unit::Bytes));
}

proptest::proptest! {
    #[test]
    fn any_text_compiles_without_panic(metric in "\\PC{0,40}", target in "\\PC{0,60}") {
        let _ = compile(&metric, &target).to_string();
    }

    #[test]
    fn texts_of_target_words_compile_without_panic(words in proptest::collection::vec(
        proptest::sample::select(vec!["≤", "<", "5", "MB", "/", "day", "02:30", "×", "no", "p95", "-", "±", "%", "(", ")", "and", "1", ",", "é", "Sundays", "UTC+", ":"]), 0..9)) {
        let _ = compile("", &words.concat()).to_string();
        let _ = compile(&words.join(" "), &words.join(" ")).to_string();
    }
}
