//! Operational tests of a template: green only where their own output, or a measurement, is what is expected.

use workbridge::evidence::{Outcome, Value};
use workbridge::report::{self, CommandEnd, CommandResult, RunRecord};

use super::filled;
use super::record::{Taken as _, artifact, deployed, empty, state};

#[test]
fn a_test_is_bound_to_its_own_command() {
    let template = "```bash\na\n```\n✅ Confirms: a\n\n```bash\nb\n```\n✅ Confirms: b\n\n```bash\nc\n```\nExpected:\n```\nrows\n```\nnext\n";
    let result = |command: &str, result| CommandResult {
        command: command.to_owned(),
        result,
        evidence: Vec::new(),
        is_cut: false,
    };
    let mut record = empty(Outcome::Partial);
    record.commands = vec![
        result("a\n", CommandEnd::Passed { output: "fine".to_owned() }),
        result("b", CommandEnd::Failed { output: String::new(), why: "exit 1 | ✅".to_owned() }),
        result("c", CommandEnd::Passed { output: "  \n".to_owned() }),
    ];
    let text = filled(template, &record);
    assert!(text.contains("\n✅ Confirms: a\n"), "{text}");
    assert!(text.contains("\n❌ (failed: exit 1 \\| (tick)) Confirms: b\n"), "{text}");
    // an exit code of a process that produced nothing is no evidence
    assert!(
        text.contains("rows\n```\n\n**Result:** ☐ unmeasured: it ended with 0 and showed nothing\n\nnext\n"),
        "{text}"
    );
    record.commands[2].result = CommandEnd::Passed { output: "rows\n✅ | 3".to_owned() };
    assert!(filled(template, &record).contains("**Result:** ✅ passed – “rows (tick) \\| 3”\n\nnext\n"));
}

#[test]
fn a_test_is_green_only_where_its_output_is_what_is_expected() {
    let result_of = |expected: &str, end: CommandEnd| {
        let template = format!("```sh\na\n```\n✅ Confirms: it\n\nExpected:{expected}\n");
        let mut record = empty(Outcome::Partial);
        record.commands =
            vec![CommandResult { command: "a".to_owned(), result: end, evidence: Vec::new(), is_cut: false }];
        let text = filled(&template, &record);
        let (mark, result) = text.split_once("**Result:** ").unwrap();
        let signs = ["✅", "❌", "☐"].map(|sign| mark.contains(&format!("\n{sign}")));
        assert!(["✅", "❌", "☐"].iter().zip(signs).all(|(sign, leads)| leads == result.starts_with(sign)), "{text}");
        result.lines().next().unwrap().to_owned()
    };
    let passed = |output: &str| CommandEnd::Passed { output: output.to_owned() };
    let failed = |why: &str| CommandEnd::Failed { output: String::new(), why: why.to_owned() };
    for (expected, end, says) in [
        ("\n```\n20\n```", passed("20"), "✅ passed – “20”"),
        ("\n```\n999999\n```", passed("20"), "❌ failed: “999999” was expected – “20”"),
        (" 8 rows", passed("7\n"), "❌ failed: “8 rows” was expected – “7”"),
        ("\n```\nn > 0\n```", passed("n; 192"), "✅ passed – “n; 192”"),
        (" `n > 200`", passed("n; 192"), "❌ failed: it says “n: 192”, “n > 200” was expected – “n; 192”"),
        (
            "\n```\ndays > 0\n```",
            passed("n; 192"),
            "☐ unmeasured: it ran, but was not compared: what is expected is no literal output; it says “n; 192”",
        ),
        (" exit code 1", failed("exit status 1: "), "✅ passed – “exit status 1”"),
        (" exit code 1", failed("exit status 2: no"), "❌ failed: exit status 2: no"),
        (" exit code 1", passed("x"), "❌ failed: it ended with 0, exit status 1 was expected – “x”"),
        (
            " some rows",
            passed("20"),
            "☐ unmeasured: it ran, but was not compared: what is expected is no literal output; it says “20”",
        ),
    ] {
        assert_eq!(result_of(expected, end), says, "{expected}");
    }
}

/// A record in which this command was answered with measurements of the exporter.
fn measured_test(key: &str, value: Value, output: &str) -> RunRecord {
    let mut record = deployed();
    record.take("export.rows", Value::Count { n: 288, noun: "rows".to_owned() }, Some(true));
    let id = record.take(key, value, Some(true)).id.clone();
    record.measurements.last_mut().unwrap().artifact = Some(artifact("launchd/a.plist", 9, "3"));
    let result = CommandEnd::Passed { output: output.to_owned() };
    record.commands = vec![CommandResult { command: "x".to_owned(), result, evidence: vec![id], is_cut: false }];
    record
}

/// What another tool would print of it is green only where a measurement says the same.
#[test]
fn a_test_whose_subject_was_measured_is_held_against_the_measurements() {
    let plist = measured_test("service.plist", state(true, "1.2 kB"), "service.plist = 1.2 kB");
    let rows = measured_test("export.rows", Value::Count { n: 288, noun: "rows".to_owned() }, "export.rows = 288 rows");
    let checks = measured_test("verify.checks", Value::Ratio { pass: 15, of: 15 }, "verify.checks = 15/15");
    for (record, expected, sign) in [
        (&plist, "\n```\na.plist: OK\n```", "✅ passed ["),
        (&plist, " `OK`", "✅ passed ["),
        (&plist, "\n```\nb.plist: OK\n```", "☐ unmeasured: "),
        (&plist, "\n```\n-\t0\tcom.home.x\n```", "☐ unmeasured: "),
        (&rows, " 288 rows", "✅ passed ["),
        (&rows, " `Rows: 288`", "✅ passed ["),
        (&rows, "\n```\n288\n```", "✅ passed ["),
        (&rows, "\n```\n999999\n```", "❌ failed: export.rows = 288 rows, “999999” was expected ["),
        (&rows, " `Rows: 999999`", "❌ failed: "),
        (&rows, " > 5000 rows", "❌ failed: "),
        (&rows, "\n```\nRows: 288\nCompression: ZSTD\n```", "❌ failed: export.compression = snappy, "),
        (&rows, "\n```\nRows: 288\nValidation: FAILED\n```", "❌ failed: "),
        (&rows, " 30 files, each below 1 kB", "☐ unmeasured: "),
        (&checks, " all checks pass", "✅ passed ["),
        (&checks, " `Failed: 0`", "✅ passed ["),
        (&checks, " some prose of it", "☐ unmeasured: "),
    ] {
        let text = filled(&format!("```sh\nx\n```\n\nExpected:{expected}\n"), record);
        let (_, result) = text.split_once("**Result:** ").unwrap();
        assert!(result.starts_with(sign), "{expected}: {result}");
    }
    let mut broken = plist;
    broken.commands[0].result = CommandEnd::Failed { output: String::new(), why: "it is no plist".to_owned() };
    let text = filled("```sh\nx\n```\n\nExpected: `OK`\n", &broken);
    assert!(text.contains("**Result:** ❌ failed: it is no plist ["), "{text}");
}

#[test]
fn a_line_that_confirms_vouches_for_no_more_than_was_seen() {
    let checks = measured_test("verify.checks", Value::Ratio { pass: 15, of: 15 }, "verify.checks = 15/15");
    let mut script = measured_test("exporter.test_script", state(true, "ran"), "exporter.test_script = ran");
    let figures = ["Rows: 266", "Size: 25.5 kB", "Compression: SNAPPY", "Validation: passed in 52 ms"];
    script.measurements.last_mut().unwrap().printed = figures.map(str::to_owned).to_vec();
    let mut query = measured_test("x", Value::Bytes(1), "");
    query.commands[0].evidence.clear();
    query.take("export.schema_consistency", Value::Percent(100.0), Some(true));
    let mut printed = |output: &str| {
        query.commands[0].result = CommandEnd::Passed { output: output.to_owned() };
        query.clone()
    };
    // the run ended on 2025-10-29
    for (record, claim, sign) in [
        (checks.clone(), "all checks pass", "✅ "),
        (checks.clone(), "15/15 checks pass", "✅ "),
        (checks.clone(), "14/14 checks pass", "☐ ("),
        (checks.clone(), "15 rows", "❌ ("),
        (checks.clone(), "288 rows", "✅ "),
        (checks.clone(), "at least 200 rows, none lost", "✅ "),
        (checks.clone(), "15 files readable", "☐ ("),
        (checks.clone(), "0 failures", "✅ "),
        (checks.clone(), "0 failures, 0 warnings", "☐ ("),
        (checks.clone(), "all checks pass and Redis is up", "☐ ("),
        (printed("max; 2025-10-29T01:00:00Z"), "fresh data today", "✅ "),
        (printed("max; 2025-10-24T23:53:45Z"), "fresh data today", "❌ ("),
        (printed("fine"), "fresh data today", "☐ ("),
        (printed("n; 288"), "288 rows", "✅ "),
        (printed("n; 288"), "at least 200 rows", "✅ "),
        (printed("n; 288"), "999999 rows readable", "❌ ("),
        (printed("n; 288"), "288 heartbeats", "✅ "),
        (printed("n; 288"), "288 reports became records", "✅ "),
        (printed("n; 288"), "no more than 1,000 rows", "✅ "),
        (printed("n; 288"), "no fewer than 1,000 rows", "❌ ("),
        (printed("n; 288"), "3 days of heartbeats present", "☐ ("),
        (printed("n; 288"), "at least 1 day of data", "☐ ("),
        (printed("n; 288"), "288 rows in 4 files", "☐ ("),
        (printed("n; 288"), "4 files hold 9 rows", "❌ ("),
        (printed("n; 288"), "288 files", "☐ ("),
        (printed("n; 288"), "DuckDB reads all rows, 0 errors", "☐ ("),
        (printed("n; 288"), "10 columns are readable", "☐ ("),
        (printed("n; 288"), "100% of it, 12 kB", "☐ ("),
        (printed("days; 3"), "3 days of heartbeats", "✅ "),
        (printed("days; 3"), "4 days of heartbeats", "❌ ("),
        (printed("n; 288"), "recent heartbeats are readable", "✅ "),
        (printed("max; 2025-10-28T23:58:45Z"), "data is fresh", "☐ ("),
        (printed("max; 2025-10-28T23:58:45Z"), "recent data", "✅ "),
        (printed("n; 288"), "DuckDB opens `g/analytics/ops_atomic_YYYYMMDD.parquet`", "✅ "),
        (printed("n; 288"), "DuckDB opens `g/analytics/perf.parquet`", "☐ ("),
        (printed("n; 288"), "it works", "✅ "),
        (printed("n; 288"), "Test 1 of Phase 7.8 (02:30) runs", "✅ "),
        (printed("n; 288"), "it runs at 04:00", "☐ ("),
        (printed("n; 288"), "Node 18 and DuckDB 1.2 read it, exit 0", "✅ "),
        (printed("n; 288"), "exit code 1", "☐ ("),
        (printed("n; 288"), "12 partitions", "☐ ("),
        (printed("n; 288"), "2 readers agree on 864 rows", "❌ ("),
        (printed("n; 288"), "2 readers agree", "✅ "),
        (printed("n; 288"), "the file is Snappy-compressed", "✅ "),
        (printed("n; 288"), "the file is zstd-compressed", "❌ ("),
        (printed("n; 288"), "file size below 5 MB", "✅ "),
        (printed("n; 288"), "disk usage below 5 MB", "☐ ("),
        (printed("n; 288"), "count is 288", "✅ "),
        (printed("n; 288"), "count is 289", "☐ ("),
        (printed("critical; 11"), "0 critical heartbeats", "❌ ("),
        (printed("critical; 11"), "zero critical heartbeats", "❌ ("),
        (printed("critical; 11"), "11 critical heartbeats", "✅ "),
        (printed("critical; 11"), "fewer than 20 critical heartbeats", "✅ "),
        (printed("status, n; critical, 11; healthy, 85"), "11 critical heartbeats", "✅ "),
        (printed("status, n; critical, 11; healthy, 85"), "0 critical heartbeats", "❌ ("),
        (printed("healthy_pct; 72.9"), "uptime above 99.9%", "☐ ("),
        (printed("healthy_pct; 99.95"), "uptime above 99.9%", "✅ "),
        (printed("max_ms; 88"), "every cycle took < 1 ms", "☐ ("),
        (printed("max_ms; 88"), "max < 1 ms", "☐ ("),
        (printed("max_ms; 88"), "every cycle took < 100 ms", "✅ "),
        (printed("max_ms; 88"), "88 rows", "☐ ("),
        (printed("max_ms; 88"), "rows < 100", "☐ ("),
        (printed("max_ms; 88"), "rows = 88", "☐ ("),
        (printed("max_ms; 88"), "files > 50", "☐ ("),
        (printed("max_ms; 88"), "healthy > 50", "☐ ("),
        (printed("n; 288"), "n > 0", "✅ "),
        (printed("oldest; 2025-10-28T00:00:00Z"), "history goes back to 2025-10-28", "✅ "),
        (printed("oldest; 2025-10-29T00:00:00Z"), "history goes back to 2025-10-28", "☐ ("),
        (printed("oldest; 2025-10-28T00:00:00Z"), "history goes back to 2025-10-29", "☐ ("),
        (printed("n; 288"), "data since 2025-10-01", "☐ ("),
        // what a query found none of, or did find
        (printed("count_star(); 4"), "no critical heartbeats", "☐ ("),
        (printed("count_star(); 0"), "no critical heartbeats", "✅ "),
        (printed("bad; 4"), "Redis never failed", "☐ ("),
        (printed("bad; 0"), "the query never found any", "✅ "),
        (printed("status, n; critical, 11; healthy, 85"), "no critical heartbeats", "❌ ("),
        (printed("status, n; critical, 0; healthy, 85"), "no critical heartbeats", "✅ "),
        (printed("0 rows"), "rows come back", "☐ ("),
        (printed("0 rows"), "no rows come back", "✅ "),
        (printed("0 rows"), "none of them is lost", "✅ "),
        (printed("n; 0"), "the Parquet file is readable", "☐ ("),
        (printed("max_ms; null"), "every cycle is quick", "☐ ("),
        (printed("n; 10"), "the Parquet file is readable", "✅ "),
        (printed("n; 288"), "no rows were lost", "☐ ("),
        (checks.clone(), "no check failed", "✅ "),
        (printed("fine"), "it never fails", "☐ ("),
        (script.clone(), "compression is ZSTD, rows = 9999, validated in under 1ms", "❌ ("),
        (script.clone(), "compression is Snappy, rows = 266, size below 5 MB", "✅ "),
        (script.clone(), "rows = 9999", "❌ ("),
        (script.clone(), "validated in under 1ms", "☐ ("),
        (script.clone(), "compression is ZSTD", "❌ ("),
    ] {
        let text = filled(&format!("```sh\nx\n```\n✅ Confirms: {claim}\n"), &record);
        let line = text.lines().find(|line| line.contains("Confirms")).unwrap();
        assert!(line.starts_with(sign), "{claim}: {line}");
    }
}

/// Two figures of one name, or of two things that a claim doesn't tell apart, bear out neither; in a table each row has its own.
#[test]
fn what_is_printed_twice_confirms_where_each_is_so() {
    let printed = |output: &str| {
        let mut record = empty(Outcome::Done);
        let result = CommandEnd::Passed { output: output.to_owned() };
        record.commands = vec![CommandResult { command: "x".to_owned(), result, evidence: Vec::new(), is_cut: false }];
        record
    };
    let suites = "unit\nFailed: 0\nintegration\nFailed: 3";
    let table = "suite, failed; unit, 0; integration, 3";
    for (output, claim, sign) in [
        (suites, "Failed: 0", "❌ ("),
        (suites, "0 failed", "❌ ("),
        (suites, "3 failed", "☐ ("),
        (suites, "fewer than 4 failed", "✅ "),
        ("Failed: 3\nFailed: 2", "0 failed", "❌ ("),
        ("unit failed: 3\nintegration failed: 2", "End to end: 0 failed", "☐ ("),
        ("Failed: 0\nFailed: 0", "0 failed", "✅ "),
        ("unit failed: 0\nintegration failed: 3", "0 failed", "❌ ("),
        ("unit failed: 0\nintegration failed: 3", "Unit: 0 failed", "✅ "),
        ("Errors: 0\nIgnored errors: 3", "0 errors", "☐ ("),
        ("Errors: 0\nIgnored errors: 3", "0 errors, 3 ignored errors", "✅ "),
        ("unit passed: 12\nintegration passed: 14", "12 passed", "☐ ("),
        ("Tests: 15\nPassed: 12\nFailed: 0", "12 tests passed", "✅ "),
        ("Rows: 864\nSkipped rows: 3", "864 rows", "✅ "),
        ("Rows: 864\nSkipped rows: 3", "3 skipped rows", "✅ "),
        ("Rows: 864\nRows: 12", "864 rows", "☐ ("),
        ("Count: 864\nCount: 12", "864 rows", "☐ ("),
        ("day, rows; 2025-10-28, 192; 2025-10-29, 672", "672 rows", "✅ "),
        ("status, n; critical, 11; healthy, 85", "11 critical heartbeats", "✅ "),
        (table, "0 failed", "❌ ("),
        (table, "Unit: 0 failed", "✅ "),
    ] {
        let text = filled(&format!("```sh\nx\n```\n✅ Confirms: {claim}\n"), &printed(output));
        let line = text.lines().find(|line| line.contains("Confirms")).unwrap();
        assert!(line.starts_with(sign), "{output:?}, {claim}: {line}");
    }
}

/// What tells how a test went is no better than what the test's other lines confirm, and held to its own words.
#[test]
fn a_result_is_no_better_than_what_its_test_confirms() {
    let mut record = empty(Outcome::Done);
    for (command, output) in [("x", "n; 864"), ("none", "n; 0")] {
        let result = CommandEnd::Passed { output: output.to_owned() };
        record.commands.push(CommandResult {
            command: command.to_owned(),
            result,
            evidence: Vec::new(),
            is_cut: false,
        });
    }
    for (command, lines, result) in [
        ("x", "✅ Confirms: 864 rows\n\n**Result:** ✅ Pass", "✅ passed"),
        ("x", "✅ Confirms: 900 rows\n\n**Result:** ✅ Pass", "❌ failed: it says “n: 864”, “900 rows” was claimed"),
        ("x", "✅ Confirms: Redis is up\n\n**Result:** ✅ Pass", "☐ unmeasured: it asks nothing of redis"),
        ("x", "**Result:** ✅ Pass\n\n✅ Confirms: Redis is up", "☐ unmeasured: it asks nothing of redis"),
        ("x", "✅ Confirms: Redis is up\n✅ Confirms: 900 rows\n\n**Result:** ✅ Pass", "❌ failed: it says"),
        ("x", "✅ Confirms: 900 rows\n\nExpected: > 0", "❌ failed: it says"),
        ("x", "✅ Confirms: 864 rows\n\nExpected: > 0", "✅ passed"),
        ("x", "**Result:** ✅ Pass – 864 rows", "✅ passed"),
        ("x", "**Result:** ✅ Pass – 900 rows", "❌ failed: it says"),
        ("x", "**Result:** ☐ Pending / ✅ 900 rows", "❌ failed: it says"),
        ("x", "**Result:** ☐ 900 rows", "✅ passed"),
        ("x", "**Result:** [✅ PASS / ❌ FAIL / ⚠️ 0 rows]", "✅ passed"),
        ("x", "**Result:** `✅ PASS` / `❌ 0 rows`", "✅ passed"),
        ("x", "**Result:** [x] PASS / [ ] FAIL (0 rows)", "✅ passed"),
        ("x", "**Result:** PASSED, Redis is up ✅", "☐ unmeasured: it asks nothing of redis"),
        ("x", "**Result:** ✅ All tests passed", "✅ passed"),
        ("none", "**Result:** ✅ All tests passed", "☐ unmeasured: nothing was found that bears it out"),
        ("none", "**Result:** ✅ **PASS**", "✅ passed"),
        ("none", "Expected: `0`\n**Result:** ✅ Test passed", "✅ passed"),
        ("none", "Expected: `0`", "✅ passed"),
    ] {
        let text = filled(&format!("### Test 1\n\n```sh\n{command}\n```\n\n{lines}\n"), &record);
        let (_, told) = text.split_once("**Result:** ").unwrap();
        assert!(told.starts_with(result), "{lines}: {told}");
    }
    let template = "### 1\n\n```sh\nx\n```\n\n**Result:** ✅ 900 rows\n";
    assert_eq!(report::failures(&record, Some(template)), ["`x` (it says “n: 864”, “900 rows” was claimed)"]);
}

#[test]
fn the_completion_report_shows_a_command_as_its_test_asks_for_it() {
    let template = "```sh\na\n```\nExpected: exit code 1\n\n### 2\n```sh\nb\n```\nExpected: `20`\n";
    let mut record = empty(Outcome::Done);
    let why = "exit status 1: it is not there".to_owned();
    let result = |command: &str, result| CommandResult {
        command: command.to_owned(),
        result,
        evidence: Vec::new(),
        is_cut: false,
    };
    record.commands = vec![
        result("a", CommandEnd::Failed { output: String::new(), why }),
        result("b", CommandEnd::Passed { output: "7".to_owned() }),
    ];
    let asked = report::as_tests_ask(&record, Some(template));
    let text = report::completion(&asked, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
    assert!(text.contains("| `a` | ✅ PASS |") || text.contains("| a | ✅ PASS |"), "{text}");
    assert!(text.contains("b | ❌ FAIL |") || text.contains("`b` | ❌ FAIL |"), "{text}");
}

#[test]
fn a_test_that_was_not_as_expected_is_a_failure_of_the_order() {
    let template =
        "```sh\na\n```\nExpected: `20`\n\n### 2\n```sh\nb\n```\nExpected: exit code 1\n\n### 3\n```sh\nc\n```\n";
    let mut record = empty(Outcome::Done);
    let result = |command: &str, result| CommandResult {
        command: command.to_owned(),
        result,
        evidence: Vec::new(),
        is_cut: false,
    };
    let failed = |why: &str| CommandEnd::Failed { output: String::new(), why: why.to_owned() };
    record.commands = vec![
        result("a", CommandEnd::Passed { output: "7".to_owned() }),
        result("b", failed("exit status 1: ")),
        result("c", failed("exit status 1: no")),
    ];
    assert_eq!(report::failures(&record, Some(template)), ["`a` (“20” was expected)", "`c` (exit status 1: no)"]);
    assert_eq!(report::failures(&record, None), ["`b` (exit status 1: )", "`c` (exit status 1: no)"]);
}

#[test]
fn a_clock_that_was_set_back_gives_no_duration() {
    let mut record = empty(Outcome::Done);
    let completion =
        |record: &RunRecord| report::completion(record, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
    record.ended = record.started + std::time::Duration::from_secs(4);
    assert!(completion(&record).contains("**Duration:** 4 s"));
    record.ended = record.started - std::time::Duration::from_secs(86_400);
    assert!(completion(&record).contains("**Duration:** —"));
}
