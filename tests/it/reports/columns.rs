//! What the columns of a table say by their headers: which cells are held against a measurement, which are targets, which are
//! filled.

use workbridge::evidence::Value;
use workbridge::report;

use super::filled;
use super::record::{Taken as _, deployed};

/// A column of the author's says what a thing is now, or something else of it: what it was, may be, weighs.
#[test]
fn only_a_cell_that_says_what_is_now_is_held_against_the_measurement() {
    let mut record = deployed();
    record.take("export.rows", Value::Count { n: 864, noun: "rows".to_owned() }, Some(true));
    record.take("export.compression", Value::Word("Snappy".to_owned()), Some(true));
    let mut wrong = Vec::new();
    for (headers, row, sign) in [
        ("Check | Before | After | Result", "Rows | 0 | 864 | ✅", "✅"),
        ("Check | Before | After | Result", "Rows | 864 | 0 | ✅", "☐"),
        ("Check | Was | Is | Result", "File size | 40 MB | 41.2 kB | ✅", "✅"),
        ("Check | Was | Is | Result", "File size | 40 MB | 12.3 kB | ✅", "☐"),
        ("Check | Before | After | Result", "Compression | gzip | Snappy | ✅", "✅"),
        ("Check | Before | After | Result", "Compression | Snappy | gzip | ✅", "☐"),
        ("Metric | Previous | Current | Status", "Rows | 96 | 864 | ✅", "✅"),
        ("Metric | Previous | Current | Status", "Rows | 96 | 9999 | ✅", "☐"),
        ("Metric | Previous | Actual | Status", "Rows | 96 | | ", "✅"),
        ("Metric | Count | Actual | Status", "Rows | 96 | | ", "✅"),
        ("Check | Count | Result", "Rows | 864 | ✅", "✅"),
        ("Check | Count | Result", "Rows | 9999 | ✅", "☐"),
        ("Check | Current count (rows) | Result", "Rows | 9999 | ✅", "☐"),
        ("Check | Count | After | Result", "Rows | 96 | 864 | ✅", "✅"),
        ("Export | Rows | Result", "Rows | 9999 | ✅", "☐"),
        ("Export | Rows | Result", "Rows | 864 | ✅", "✅"),
        ("Quality | Value | Status", "Rows | 9999 | ✅", "☐"),
        ("Quality | Value | Status", "Rows | 864 | ✅", "✅"),
        ("Quality | Before | Status", "Rows | 9999 | ✅", "✅"),
        ("Check | Weight | Result", "Rows | 20 | ✅", "✅"),
        ("Item | Priority | Status", "Rows | 1 | ✅", "✅"),
        ("Item | Alert at | Status", "File size | 4 MB | ✅", "✅"),
        ("Item | Fallback | Status", "Compression | zstd | ✅", "✅"),
        ("Check | Previous value | Result", "Rows | 96 | ✅", "✅"),
        ("Check | Tests | Result", "Rows | 15 | ✅", "✅"),
        ("Prüfpunkt | Vorher | Ergebnis", "Rows | 96 | ✅", "✅"),
    ] {
        let rule = "---|".repeat(headers.split('|').count());
        let text = filled(&format!("| {headers} |\n|{rule}\n| {row} |\n"), &record);
        let row = text.lines().nth(2).unwrap();
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        if !last.starts_with(sign) {
            wrong.push(format!("{headers}: {row}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a column of checks says of a row's subject is held against what was measured, as an item of a checklist is.
#[test]
fn what_a_check_column_says_must_be_so() {
    let mut record = deployed();
    record.take("export.rows", Value::Count { n: 192, noun: "rows".to_owned() }, Some(true));
    record.take("export.compression", Value::Word("Snappy".to_owned()), Some(true));
    let mut wrong = Vec::new();
    for (headers, row, sign) in [
        ("Component | Check | Status", "Exporter script | Survives Redis outage | ✅", "☐"),
        ("Component | Test | Result", "Exporter script | Survives all of it | ✅ Pass", "☐"),
        ("Component | What was tested | Status", "Exporter script | Survives Redis outage | ✅", "☐"),
        ("Component | Check | Status", "Parquet file | Uploaded to S3 | ✅", "☐"),
        ("Component | Check | Status", "Parquet file | Uploaded | ✅", "☐"),
        ("Component | Action | Status", "Parquet file | S3 | ✅", "☐"),
        ("Area | Verification | Status", "Compression | zstd | ✅", "❌"),
        ("Area | Check | Status", "Compression | LZ4 | ✅", "❌"),
        ("Area | Check | Status | Details", "Compression | ✅ zstd | ✅ | x", "❌"),
        ("Area | Check | Actual | Status", "Compression | zstd | | ✅", "❌"),
        ("Area | Check | Status", "Compression | Uses zstd | ✅", "☐"),
        ("Area | Check | Status", "Compression | Checked | ✅", "☐"),
        ("Component | Check | Status", "Rows | 500 | ✅", "❌"),
        ("Component | Check | Status", "Rows | ≥ 500 rows | ✅", "❌"),
        ("Component | Check | Status", "Rows | None lost | ✅", "☐"),
        ("Component | Check | Status", "LaunchAgent | Restarted twice | ✅", "☐"),
        ("Component | Check | Status", "LaunchAgent | Not loaded | ✅", "☐"),
        ("Component | Check | Status", "LaunchAgent | Redis is loaded | ✅", "☐"),
        ("Component | Task | Status", "Summary | E-mailed to GG | ✅", "☐"),
        ("Component | Step | Status", "Exporter script | Rolled out to all hosts | ✅", "☐"),
        ("Component | Check | Expected | Status", "Exporter script | Survives Redis outage | OK | ✅", "☐"),
        ("Component | Check | Expected | Status", "Exporter script | Exists | OK | ✅", "✅"),
        ("Component | Check | Expected | Status", "Rows | Count | > 0 | ✅", "✅"),
        ("Component | Check | Status", "Exporter script | Exists and executable | ✅", "✅"),
        ("Component | Check | Status", "Exporter script | Script exists | ✅", "✅"),
        ("Component | Check | Status", "Exporter script | File exists & is executable | ✅", "✅"),
        ("Component | Check | Status", "Exporter script | Exists at `run/parquet_exporter.cjs` | ✅", "✅"),
        ("Component | Test | Status", "Exporter script | `node run/parquet_exporter.cjs --dry` | ✅", "✅"),
        ("Component | Check | Status", "LaunchAgent | Loaded | ✅", "✅"),
        ("Component | Check | Status", "LaunchAgent | Is loaded | ✅", "✅"),
        ("Component | Check | Status", "Compression | Snappy | ✅", "✅"),
        ("Component | Check | Status", "Compression | Snappy compression | ✅", "✅"),
        ("Component | Check | Status", "Rows | 192 | ✅", "✅"),
        ("Component | Check | Status", "Rows | 192 rows | ✅", "✅"),
        ("Component | Check | Status", "Rows | > 0 | ✅", "✅"),
        ("Component | Check | Status", "Rows | Row count > 0 | ✅", "✅"),
        ("Component | Check | Status", "File size | ≤ 5 MB | ✅", "✅"),
        ("Component | Check | Status", "File size | 4 MB | ✅", "❌"),
        ("Component | Check | Status", "File size | 41 kB | ✅", "✅"),
        ("Component | Check | Status", "Exporter script | exists at run/parquet_exporter.cjs. | ✅", "✅"),
        ("Component | Check | Status", "Test script | 5/5 passed | ✅", "☐"),
        ("Component | Check | Status", "Exporter script | File size ≤ 5 MB | ✅", "✅"),
        ("Component | Check | Status", "Exporter script | File size ≤ 5 kB | ✅", "❌"),
        ("Component | Action | Status", "Exporter script | Deployed | ✅", "✅"),
        ("Component | Task | Status", "Exporter script | Deploy the exporter script | ✅", "✅"),
        ("Component | Task | Status", "Summary | Generate | ✅", "✅"),
        ("Component | Step | Status", "Exporter script | 3 | ✅", "✅"),
        ("Component | Test | Status", "Exporter script | Test 3 | ✅", "✅"),
        ("Component | Test | Status", "Exporter script | T3 | ✅", "✅"),
        ("Component | Tests | Status", "Exporter script | 12 | ✅", "✅"),
        ("Component | Test script | Status", "Exporter script | the usual one | ✅", "✅"),
        ("Component | Check | Status", "Exporter script | | ✅", "✅"),
        ("Component | Check | Status", "Exporter script | — | ✅", "✅"),
    ] {
        let rule = "---|".repeat(headers.split('|').count());
        let text = filled(&format!("| {headers} |\n|{rule}\n| {row} |\n"), &record);
        let row = text.lines().nth(2).unwrap();
        let signs = ["✅", "❌", "☐"].into_iter().filter(|sign| row.contains(sign)).collect::<Vec<_>>();
        if signs != [sign] {
            wrong.push(format!("{headers}: {row}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// A time in front of other words is when something happened, and says nothing of the schedule.
#[test]
fn a_row_that_begins_with_a_time_is_of_what_its_words_say() {
    let mut record = deployed();
    let schedule = record.measurements.iter().find(|one| one.key == "export.frequency").unwrap().value.clone();
    record.take("export.schedule", schedule, Some(true));
    let mut wrong = Vec::new();
    for (headers, row, sign) in [
        ("Time | Event | Status", "02:30 | Redis restarted | ✅", "☐"),
        ("Time | Event | Status", "14:00 | Redis restarted | ❌", "❌"),
        ("Time | Event | Status", "14:00 | Redis restarted | ✅", "☐"),
        ("Time | Event | Status", "Daily | Backup of Redis | ✅", "☐"),
        ("Time | Event | Status", "daily at 02:30 | ✅ Log rotation | ✅", "☐"),
        ("Time | Event", "02:30 | ✅ Redis restarted", "☐"),
        ("Time | Event | Done at", "02:30 | Redis restarted | ✅", "☐"),
        ("Component | Event | Status | Details", "02:30 | Log rotation | ✅ | ", "☐"),
        ("Check | Event | Status", "Automatically | Redis restarts | ✅", "☐"),
        ("Time | Event | Status", "02:30 | Export schedule | ✅", "✅"),
        ("Time | Event | Owner | Status", "02:30 daily | Export schedule | GG | ✅", "✅"),
        ("Time | Event | Status", "03:30 | Export schedule | ✅", "❌"),
        ("Time | Event | Status", "Weekly | Export schedule | ✅", "☐"),
        ("Time | Event | Note | Status", "02:30 | Export schedule | Redis restarted | ✅", "☐"),
        ("Time | Event | Status", "02:30 | Exporter script | ✅", "☐"),
        ("Check | Status | Details", "02:30 daily | ✅ | runs the export", "✅"),
        ("Check | Weight | Status", "02:30 daily | 20 | ✅", "✅"),
        ("Check | Time | Status", "Export frequency | 02:30 | ✅", "✅"),
    ] {
        let rule = "---|".repeat(headers.split('|').count());
        let text = filled(&format!("| {headers} |\n|{rule}\n| {row} |\n"), &record);
        let row = text.lines().nth(2).unwrap();
        let is_right = match sign {
            "☐" => row.contains(sign) && !report::marks::has_green(row) && !row.contains("❌"),
            sign => row.contains(sign),
        };
        if !is_right {
            wrong.push(format!("{headers}: {row}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a table asks for and where it is answered is said by its headers too.
#[test]
fn a_header_gives_its_targets_their_comparator_and_says_where_the_value_goes() {
    let mut record = deployed();
    record.take("export.rows", Value::Count { n: 864, noun: "rows".to_owned() }, Some(true));
    for (headers, row, expect) in [
        ("Metric | Limit | Actual | Status", "File size | 5 MB | |", "| File size | 5 MB | 41.2 kB [E1] | ✅ PASS |"),
        ("Metric | Limit | Actual | Status", "File size | 5 kB | |", "| File size | 5 kB | 41.2 kB [E1] | ❌ FAIL |"),
        ("Metric | Limit | Actual | Status", "File size | < 5 kB | |", "❌ FAIL |"),
        ("Metric | Limit | Actual | Status", "Rows | ≥ 800 | |", "✅ PASS |"),
        ("Metric | Limit | Unit | Actual | Status", "File size | 5 | MB | |", "✅ PASS |"),
        (
            "Metric | Limit | Actual | Status",
            "File size in MB | 5 | |",
            "| File size in MB | 5 | 41.2 kB [E1] | ✅ PASS |",
        ),
        ("Metric | Target | Actual | Status", "File size (in kB) | ≤ 5 | |", "❌ FAIL |"),
        ("Metric | Max | Actual | Status", "Rows | 1000 | |", "✅ PASS |"),
        ("Metric | Minimum | Actual | Status", "Rows | 1000 | |", "❌ FAIL |"),
        ("Metric | Lower limit | Actual | Status", "Rows | 800 | |", "✅ PASS |"),
        ("Metric | Target (≥) | Actual | Status", "Rows | 800 | |", "✅ PASS |"),
        ("Metric | Target | Actual | Status", "File size | 5 MB | |", "41.2 kB [E1] | ☐ UNMEASURED (`5 MB` "),
        ("Metric | Target | Actual | Status", "Schema mismatches | few | |", "mismatches [E5] | ☐ UNMEASURED ("),
        (
            "Metric | Target | Actual | Status",
            "Uptime | ≥ 99% | |",
            "| unmeasured: nothing measures it | ☐ UNMEASURED |",
        ),
        ("Metric | Target | Current | Status", "Rows | > 0 | 9999 | ✅", "| Rows | > 0 | 864 rows ["),
        ("Metric | Target | Before | After | Status", "Rows | > 0 | 0 | 9999 | ✅", "| Rows | > 0 | 0 | 864 rows ["),
        ("Metric | Target | Current owner | Status", "Rows | > 0 | GG | ✅", "| Rows | > 0 | GG | ✅ PASS"),
    ] {
        let rule = "---|".repeat(headers.split('|').count());
        let text = filled(&format!("| {headers} |\n|{rule}\n| {row} |\n"), &record);
        assert!(text.contains(expect), "{headers}: {text}");
    }
}

/// Of two columns of names the one of what is smaller has the subjects, and the other says whose they are.
#[test]
fn of_two_columns_of_names_the_smaller_one_has_the_subject() {
    let mut record = deployed();
    let loaded = record.measurements.iter_mut().find(|one| one.key == "service.loaded").unwrap();
    (loaded.value, loaded.ok) = (super::record::state(false, "not in launchd's list"), Some(false));
    let runs = record.measurements.iter_mut().find(|one| one.key == "service.runs").unwrap();
    (runs.value, runs.ok) = (super::record::state(false, "not loaded"), Some(false));
    record.take("export.rows", Value::Count { n: 864, noun: "rows".to_owned() }, Some(true));
    let mut wrong = Vec::new();
    for (headers, row, expect) in [
        ("Area | Component | Status | Details", "Parquet | LaunchAgent | ✅ Verified | ", "❌ Failed | not loaded"),
        ("Area | Component | Status | Details", "Exporter | LaunchAgent | ✅ Verified | ", "❌ Failed | not loaded"),
        ("Area | Component | Status | Details", "Parquet | Runner | ✅ Verified | ", "✅ Verified | executable"),
        ("Area | Component | Status | Details", "Parquet | Uploader | ✅ Verified | ", "☐ unmeasured"),
        ("Group | Item | Result", "Parquet | LaunchAgent loaded | ✅", "❌ Failed: not in launchd's list"),
        ("Group | Item | Result", "Data | Parquet file | ✅", "✅ Verified: 3 day files"),
        ("Module | Feature | State", "Exporter | Nightly run | ✅ OK", "☐ unmeasured"),
        ("Module | Feature | State", "Exporter | Test script | ✅ OK", "✅ OK: executable, 4 of 4"),
        ("Module | Feature | State", "Uploader | Test script | ✅ OK", "☐ unmeasured"),
        ("Service | Job | State", "Parquet exporter | LaunchAgent | ✅ OK", "❌ Failed: not loaded"),
        ("Component | Service | State", "Runner | parquet exporter | ✅ OK", "✅ OK: executable, ran with --dry [E8]"),
        ("Component | Metric | Target | Actual | Status", "Exporter | Rows | ≥ 800 | |", "864 rows [E18] | ✅ PASS"),
        ("Component | Artifact | Status", "LaunchAgent | launchd/com.02luka.analytics.parquet.plist | ✅", "❌ Failed"),
        ("Component | Artifact | Status", "Exporter | run/parquet_exporter.cjs | ✅", "✅ Verified: executable"),
        ("Component | Artifact | Status", "Exporter | run/csv_exporter.cjs | ✅", "☐ unmeasured"),
        ("Component | File | Status", "Exporter | run/csv_exporter.cjs | ✅", "☐ unmeasured"),
        ("Component | Agent | Status", "Exporter | CLC | ✅", "✅ Verified: executable"),
        ("Component | Dependency | Status", "Exporter | Redis | ✅", "✅ Verified: executable"),
        // what a column of checks says is held by itself, and what fails is what is shown
        ("Subsystem | Check | Status", "Exporter | LaunchAgent loaded | ✅", "❌ Failed: not in launchd's list"),
        ("Subsystem | Check | Status", "Exporter | Executable | ✅", "✅ Verified: executable"),
        ("Check | Component | Status", "LaunchAgent loaded | Exporter | ✅", "❌ Failed: not in launchd's list"),
    ] {
        let rule = "---|".repeat(headers.split('|').count());
        let text = filled(&format!("| {headers} |\n|{rule}\n| {row} |\n"), &record);
        let row = text.lines().nth(2).unwrap();
        if !row.contains(expect) {
            wrong.push(format!("{headers}: {row}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
