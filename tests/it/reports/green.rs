//! Every way by which green has leaked, or could.

use workbridge::evidence::{Outcome, Value, Verdict};
use workbridge::order::CriterionSource;
use workbridge::report::{self, CommandEnd, CommandResult, RunRecord};

use super::record::{Taken as _, artifact, criterion, deployed, empty, state, waived};

fn filled(template: &str, record: &RunRecord) -> String {
    let text = report::fill(template, record).unwrap_or_else(|error| panic!("{template}: {error}")).text;
    text.split("\n## Evidence").next().unwrap().to_owned()
}

/// Templates that arrive green, each with what it is when nothing was measured. In all of them `Exporter` and `Log directory`
/// are known subjects.
const LEAKS: [(&str, &str); 30] = [
    ("| Component | Status | Details |\n|---|---|---|\n| Exporter | ✅ Verified | ✅ ran at 02:30 |\n", "☐ unmeasured"),
    (
        "| Component | Status | Details |\n|---|---|---|\n| Exporter | ☐ Pending / ✅ Verified | |\n",
        "☐ Pending (unmeasured)",
    ),
    (
        "| Component | Status | Details |\n|---|---|---|\n| Exporter | ✅ Verified on 2025-10-28 by CLC ✅ | 4 kB |\n",
        "☐ unmeasured",
    ),
    ("| COMPONENT | **Status** | *Details* |\n|---|---|---|\n| **Exporter** | **✅ Verified** | x |\n", "☐ unmeasured"),
    ("| 🧩 Component | 🧭 State |\n|---|---|\n| Exporter | 🟢 Active |\n", "☐ unmeasured"),
    ("| Component | State |\n|---|---|\n| ✅ Exporter | ✅ OK |\n", "| ☐ Exporter | ☐ unmeasured"),
    ("| Component | State |\n|---|---|\n| Exporter | OK |\n", "☐ unmeasured"),
    ("| Component | State |\n|---|---|\n| Exporter | Active ✔ |\n", "☐ unmeasured"),
    ("| Component | State |\n|---|---|\n| Exporter | ✅ OK | ✅ extra |\n", "☐ unmeasured"),
    ("Component | State\n--- | ---\nExporter | ✅ OK\n", "☐ unmeasured"),
    ("Intro:\n| Component | State |\n|---|---|\n| Exporter | ✅ OK |\n", "☐ unmeasured"),
    ("| Component | State |\n|---|---|---|\n| Exporter | ✅ OK |\n", "☐ unmeasured"),
    ("- item\n  | Component | State |\n  |---|---|\n  | Exporter | ✅ OK |\n", "☐ unmeasured"),
    ("> | Component | State |\r\n> |---|---|\r\n> | Exporter | ✅ OK |\r\n", "☐ unmeasured"),
    ("| Service | Running? | Status |\n|---|---|---|\n| Exporter | ✅ | :white_check_mark: |\n", "☐ unmeasured"),
    ("| Test | Result |\n|---|---|\n| Exporter | ✅ Pass |\n", "☐ unmeasured"),
    ("| When | Who | Status |\n|---|---|---|\n| 02:30 | CLC | ✅ done |\n", "☐ unmeasured"),
    (
        "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| File size | ≤ 5 MB | 4.2 kB | ✅ PASS |\n",
        "☐ UNMEASURED",
    ),
    (
        "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| File size | ≤ 5 MB | ✅ 4.2 kB | PASS |\n",
        "☐ UNMEASURED",
    ),
    ("| Metric | Target | Status |\n|---|---|---|\n| File size | ≤ 5 MB | ✅ |\n", "☐ UNMEASURED"),
    (
        "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| Never heard of | ≤ 5 MB | 1 | ✅ PASS |\n",
        "☐ UNMEASURED",
    ),
    ("- [x] Exporter\n- ✅ Log directory\n  - ☑ Exporter\n", "- [ ] (unmeasured) Exporter"),
    ("- Exporter: ✅ OK\n- **Log directory:** 🟢 up\n- Exporter ✅\n", "Exporter: ☐ (unmeasured) OK"),
    ("1. ✅ **Exporter**\n2. **✅ Log directory**\n", "1. ☐ (unmeasured) **Exporter**"),
    ("```bash\nx\n```\n✅ Confirms: all good\n", "☐ (unmeasured: not run) Confirms"),
    ("```bash\nx\n```\n**✅ Confirms:** all good\n", "☐ (unmeasured: not run) Confirms"),
    ("```bash\nx\n```\n\n- ✅ Confirms: all good\n", "☐ (unmeasured: not run) Confirms"),
    ("```bash\nx\n```\n✅ rows are there\n", "☐ (unmeasured: not run) rows"),
    ("✅ Confirms: without a command\n", "☐ (unmeasured: no command stands above it)"),
    ("- ☐ Pending…\n- ☐ Partial Success – some\n- ✅ Full Success – all\n", "- ☐ Full Success"),
];

#[test]
fn what_arrives_green_leaves_green_only_by_measurement() {
    let mut nothing = empty(Outcome::Failed);
    nothing.declarations = deployed().declarations;
    for (template, expect) in LEAKS {
        let text = filled(template, &nothing);
        assert!(!report::marks::has_green(&text) && !text.contains("[x]"), "{template}\n{text}");
        assert!(text.contains(expect), "{template}\n{text}");
    }
    // broken is not green either
    let mut broken = nothing;
    for key in ["exporter.script", "paths.logs"] {
        broken.take(key, state(false, "gone"), Some(false));
    }
    broken.take("export.file_size", Value::Bytes(6_000_000), None);
    for (template, _) in LEAKS {
        let text = filled(template, &broken);
        assert!(!report::marks::has_green(&text) && !text.contains("[x]"), "{template}\n{text}");
    }
}

#[test]
fn what_works_is_green_in_the_same_places() {
    let record = deployed();
    for (template, expect) in [
        (0, "| Exporter | ✅ Verified | executable"),
        (1, "| Exporter | ✅ Verified | executable"),
        (5, "| ✅ Exporter | ✅ OK: executable, ran with --dry [E7] |"),
        (15, "| Exporter | ✅ Pass: executable"),
        (17, "| 41.2 kB [E1] | ✅ PASS |"),
        (19, "| ✅ PASS: 41.2 kB [E1] |"),
        (21, "- [x] Exporter\n- ✅ Log directory\n  - ✅ Exporter"),
        (22, "- Exporter: ✅ OK\n- **Log directory:** ✅ up\n- Exporter ✅"),
        (29, "- ✅ Full Success"),
    ] {
        let text = filled(LEAKS[template].0, &record);
        assert!(text.contains(expect), "{text}");
    }
}

/// Shapes in which green arrives beside the tables and lists that are asked to be filled.
#[test]
fn a_sign_that_claims_something_is_reset_wherever_it_stands() {
    let record = deployed();
    for (template, expect) in [
        (
            "| Field | Value |\n|---|---|\n| Auth | ✅ COMPLETE |\n| Exporter | ✅ there |\n",
            "| Auth | ☐ (unmeasured) COMPLETE |\n| Exporter | ✅ there |",
        ),
        ("| Requirement | Met? |\n|---|---|\n| Redis auth | ✅ |\n", "| Redis auth | ☐ unmeasured: "),
        (
            "| Deliverable | Delivered | Path |\n|---|:-:|---|\n| Redis module | ✅ | `run/redis.cjs` |\n",
            "| Redis module | ☐ unmeasured: ",
        ),
        (
            "| Service | Running | Healthy |\n|---|---|---|\n| redis-server | ✅ | ✅ |\n",
            "| redis-server | ☐ (unmeasured) | ☐ (unmeasured) |",
        ),
        (
            "| รายการตรวจ | สถานะ |\n|---|---|\n| Redis auth | ✅ ผ่าน |\n| Exporter | ✅ ผ่าน |\n",
            "| Redis auth | ☐ (unmeasured) ผ่าน |\n| Exporter | ✅ ผ่าน |",
        ),
        (
            "| Environment | Redis | DuckDB |\n|---|---|---|\n| production | ✅ | ✅ |\n",
            "| production | ☐ (unmeasured) | ☐ (unmeasured) |",
        ),
        (
            "| Check | Pass | Fail |\n|---|---|---|\n| Exporter | | ✅ |\n| Redis auth | ✅ | |\n",
            "| Exporter | ✅ Verified: executable, ran with --dry [E7] | — |\n| Redis auth | ☐ unmeasured: nothing measures it | — |",
        ),
        ("- Redis auth ✅ (PONG in 3 ms)\n", "- Redis auth ☐ (unmeasured) (PONG in 3 ms)"),
        ("- Exporter ✅ / Redis ✅\n", "- Exporter ✅ / Redis ☐ (unmeasured)"),
        ("**Redis:** ✅ up and running\n", "**Redis:** ☐ (unmeasured) up and running"),
        ("**Exporter:** ✅ Deployed\n", "**Exporter:** ✅ Deployed"),
        ("Conclusion: ✅ SUCCESS\n", "Conclusion: ✅ done"),
        ("> ✅ **All systems** are operational\n", "> ☐ (unmeasured) **All systems** are operational"),
        ("> [!NOTE]\n> ✅ Redis auth\n> ✅ Exporter\n", "> ☐ (unmeasured) Redis auth\n> ✅ Exporter"),
        ("✅ Complete / ☐ Partial / ☐ Failed\n", "✅ Complete / ☐ Partial / ☐ Failed"),
    ] {
        let text = filled(template, &record);
        assert!(text.contains(expect), "{text}");
        let mut nothing = empty(Outcome::Failed);
        nothing.declarations = record.declarations.clone();
        let text = filled(template, &nothing);
        // what is chosen and no reason to be green has a box that is ticked
        assert!(!report::marks::has_green(&text.replace("☑ Failed", "")), "{text}");
    }
    let text = filled("✅ Complete / ☐ Partial / ☐ Failed\n", &empty(Outcome::Partial));
    assert!(text.starts_with("☐ Complete / ✅ Partial / ☐ Failed\n"), "{text}");
    let mut broken = empty(Outcome::Failed);
    broken.declarations = record.declarations.clone();
    broken.take("exporter.script", state(false, "gone"), Some(false));
    let text = filled("| Check | ✅ | ❌ |\n|---|---|---|\n| Exporter | ✅ | |\n", &broken);
    assert!(text.contains("| Exporter | — | ❌ Failed: gone [E1] |"), "{text}");
}

#[test]
fn a_row_that_is_about_the_whole_order_is_its_outcome() {
    let mut record = deployed();
    record.take("verify.checks", Value::Ratio { pass: 15, of: 15 }, Some(true));
    for outcome in [Outcome::Done, Outcome::Partial] {
        record.outcome = outcome;
        let sign = if outcome == Outcome::Done { "✅ done" } else { "⚠️ partial" };
        for template in [
            "| Item | Value |\n|---|---|\n| Overall Status | ✅ PASSED |\n",
            "| Field | Value |\n|---|---|\n| Status | ✅ COMPLETE |\n",
            "| Check | Status | Notes |\n|---|---|---|\n| **Overall status** | ✅ DONE | |\n",
        ] {
            assert!(filled(template, &record).contains(&format!("| {sign} |")), "{}", filled(template, &record));
        }
    }
}

#[test]
fn a_failed_cell_says_failed() {
    let mut record = empty(Outcome::Failed);
    record.take("exporter", state(false, "exit 1"), Some(false));
    let table = "| Component | Status | Details |\n|---|---|---|\n| exporter | ☐ Pending / ✅ Verified | |\n";
    assert!(filled(table, &record).contains("| exporter | ❌ Failed | exit 1 · "), "{}", filled(table, &record));
    let table = "| Component | State |\n|---|---|\n| exporter | ✅ OK |\n";
    assert!(filled(table, &record).contains("| exporter | ❌ Failed: exit 1 [E1] |"));
}

#[test]
fn the_newest_measurement_counts_and_a_contradiction_fails() {
    let table = "| Component | State |\n|---|---|\n| exporter | ✅ OK |\n";
    let mut record = empty(Outcome::Partial);
    record.take("exporter", state(true, "up"), Some(true));
    assert!(filled(table, &record).contains("✅ OK: up [E1]"));
    record.take("exporter", state(false, "down"), Some(false));
    assert!(filled(table, &record).contains("❌ Failed: down [E2]"));
    record.take("exporter", state(false, "down but said ok"), Some(true));
    assert!(filled(table, &record).contains("❌ Failed"));
    record.take("exporter", Value::Count { n: 3, noun: String::new() }, None);
    assert!(filled(table, &record).contains("☐ unmeasured: a mere value"));
}

/// Like-named things: the measurement that a label is bound to is of something else than what the label goes on to name.
#[test]
fn what_a_label_names_must_be_what_was_measured() {
    let mut record = deployed();
    let of = "asked embedded for the runs of com.02luka.analytics.parquet";
    record.measurements.iter_mut().find(|one| one.key == "service.runs").unwrap().how = of.to_owned();
    record.take("paths.output", state(true, "`g/analytics/` is there"), Some(true));
    for (label, green) in [
        ("Exporter script (`run/parquet_exporter.cjs`)", true),
        ("Parquet file (`g/analytics/ops_atomic_YYYYMMDD.parquet`)", true),
        ("`g/analytics/ops_atomic_YYYYMMDD.parquet`", true),
        ("Exporter (Node shim)", true),
        ("LaunchAgent `com.02luka.analytics.parquet` (02:30 daily)", true),
        ("Output directory (`g/analytics/`)", true),
        ("Exporter script (`run/csv_exporter.cjs`)", false),
        ("Exporter script `run/reports_exporter.cjs`", false),
        ("Parquet file (`g/analytics/perf_YYYYMMDD.parquet`)", false),
        ("Parquet file (ops_atomic_20251028.parquet)", false),
        ("LaunchAgent (`com.02luka.optimizer`)", false),
        ("Output directory (`g/exports/csv/`)", false),
        ("Exporter (the CSV one)", false),
        ("Test suite (pytest)", false),
        ("Service (redis-server)", false),
    ] {
        let table = format!("| Component | Status | Details |\n|---|---|---|\n| {label} | ✅ Verified | |\n");
        let text = filled(&table, &record);
        assert_eq!(text.contains("| ✅ Verified |"), green, "{text}");
        let text = filled(&format!("- [x] {label}\n"), &record);
        assert_eq!(text.starts_with("- [x]"), green, "{text}");
    }
    // a run of the small hours: the file's name is of the day in UTC, and so is what the report says
    record.ended = "2025-10-29T18:00:00Z".parse().unwrap();
    let table = "| Component | State |\n|---|---|\n| Parquet file (`g/analytics/ops_atomic_YYYYMMDD.parquet`) | ✅ OK |\n\nYYYYMMDD\n";
    let text = filled(table, &record);
    assert!(
        text.contains("(`g/analytics/ops_atomic_20251029.parquet`) | ✅ OK: ") && text.ends_with("\n20251030\n"),
        "{text}"
    );
    record.ended = "2025-10-30T03:00:00Z".parse().unwrap();
    let text = filled(table, &record);
    assert!(text.contains("(`g/analytics/ops_atomic_20251030.parquet`) | ☐ unmeasured: "), "{text}");
}

/// A deployment under names of its own.
#[test]
fn declared_paths_and_labels_are_those_of_what_was_deployed() {
    let mut record = deployed();
    record.measurements.retain(|one| !matches!(one.key.as_str(), "exporter.script" | "service.runs"));
    record.take("exporter.script", state(true, "runs"), Some(true)).artifact =
        Some(artifact("tools/export.mjs", 9, "3"));
    record.take("service.loaded", state(true, "`com.home.nightly` is loaded"), Some(true));
    record.take("service.runs", state(true, "1 run"), Some(true)).how = "asked for com.home.nightly".to_owned();
    for (label, green) in [
        ("`run/parquet_exporter.cjs`", false),
        ("parquet_exporter.cjs", false),
        ("`tools/export.mjs`", true),
        ("LaunchAgent com.02luka.analytics.parquet", false),
        ("LaunchAgent (`com.home.nightly`)", true),
    ] {
        let table = format!("| Component | State |\n|---|---|\n| {label} | ✅ OK |\n");
        assert_eq!(filled(&table, &record).contains("| ✅ OK"), green, "{}", filled(&table, &record));
        let table = format!("| Metric | Target | Actual | Status |\n|---|---|---|---|\n| {label} | OK | | |\n");
        if label.starts_with("Launch") && !green {
            assert!(filled(&table, &record).contains("☐ UNMEASURED"), "{}", filled(&table, &record));
        }
    }
}

#[test]
fn a_verdict_without_a_measurement_is_not_believed() {
    let table = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| File size | ≤ 5 MB | | |\n";
    let mut record = deployed();
    record.judge(&report::template_criteria(table));
    assert!(filled(table, &record).contains("| 41.2 kB [E1] | ✅ PASS |"));
    assert_eq!(record.criteria[0].source, CriterionSource::Template);
    record.measurements.clear();
    assert!(filled(table, &record).contains("☐ UNMEASURED"), "{}", filled(table, &record));
    let text = report::completion(&record, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
    assert!(
        text.contains("| File size | ≤ 5 MB | 41.2 kB \\[E1] | ☐ UNMEASURED |") || text.contains("☐ UNMEASURED"),
        "{text}"
    );
    assert!(!text.contains("✅ PASS |\n| "), "{text}");
}

#[test]
fn a_waived_row_is_no_pass_and_its_reason_breaks_nothing() {
    let table = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| LaunchAgent | Automatic | | ✅ PASS |\n";
    let mut record = empty(Outcome::Partial);
    record.criteria.push(waived("LaunchAgent", "Automatic"));
    let text = filled(table, &record);
    assert!(text.contains("| waived | ⚠️ WAIVED (no launchd \\| here (tick), until 2026-12-31) |"), "{text}");
}

#[test]
fn the_order_s_own_criterion_is_not_mixed_up_with_the_template_s() {
    let table = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| File size | ≤ 5 kB | | |\n";
    let mut record = deployed();
    record.judge(&[criterion("File size", "≤ 5 MB")]);
    assert_eq!(record.criteria[0].verdict, Verdict::Pass);
    assert!(filled(table, &record).contains("| 41.2 kB [E1] | ❌ FAIL |"), "{}", filled(table, &record));
}

#[test]
fn a_test_is_bound_to_its_own_command() {
    let template = "```bash\na\n```\n✅ Confirms: a\n\n```bash\nb\n```\n✅ Confirms: b\n\n```bash\nc\n```\nExpected:\n```\nrows\n```\nnext\n";
    let result = |command: &str, result| CommandResult { command: command.to_owned(), result, evidence: Vec::new() };
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
        record.commands = vec![CommandResult { command: "a".to_owned(), result: end, evidence: Vec::new() }];
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
    record.commands = vec![CommandResult { command: "x".to_owned(), result, evidence: vec![id] }];
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
    let mut query = measured_test("x", Value::Bytes(1), "");
    query.commands[0].evidence.clear();
    let mut printed = |output: &str| {
        query.commands[0].result = CommandEnd::Passed { output: output.to_owned() };
        query.clone()
    };
    // the run ended on 2025-10-29
    for (record, claim, sign) in [
        (checks.clone(), "all checks pass", "✅ "),
        (checks.clone(), "15/15 checks pass", "✅ "),
        (checks.clone(), "14/14 checks pass", "☐ ("),
        (checks.clone(), "all checks pass and Redis is up", "☐ ("),
        (printed("max; 2025-10-29T01:00:00Z"), "fresh data today", "✅ "),
        (printed("max; 2025-10-24T23:53:45Z"), "fresh data today", "❌ ("),
        (printed("fine"), "fresh data today", "☐ ("),
        (printed("n; 288"), "288 rows", "✅ "),
        (printed("n; 288"), "at least 200 rows", "✅ "),
        (printed("n; 288"), "999999 rows readable", "❌ ("),
        (printed("n; 288"), "DuckDB opens `g/analytics/ops_atomic_YYYYMMDD.parquet`", "✅ "),
        (printed("n; 288"), "DuckDB opens `g/analytics/perf.parquet`", "☐ ("),
        (printed("n; 288"), "it works", "✅ "),
        (printed("n; 288"), "Test 1 of Phase 7.8 (02:30) runs", "✅ "),
    ] {
        let text = filled(&format!("```sh\nx\n```\n✅ Confirms: {claim}\n"), &record);
        let line = text.lines().find(|line| line.contains("Confirms")).unwrap();
        assert!(line.starts_with(sign), "{claim}: {line}");
    }
}

#[test]
fn the_completion_report_shows_a_command_as_its_test_asks_for_it() {
    let template = "```sh\na\n```\nExpected: exit code 1\n\n### 2\n```sh\nb\n```\nExpected: `20`\n";
    let mut record = empty(Outcome::Done);
    let why = "exit status 1: it is not there".to_owned();
    let result = |command: &str, result| CommandResult { command: command.to_owned(), result, evidence: Vec::new() };
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
    let result = |command: &str, result| CommandResult { command: command.to_owned(), result, evidence: Vec::new() };
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
fn exactly_one_line_of_a_verdict_list_is_ticked() {
    let four = "- ✅ Pending…\n- ✅ Partial Success – some\n- ✅ **Full Success** – all\n- ✅ Failed\n\nafter\n";
    let three = "1. [x] Pending\n2. [x] Partial Success\n3. [x] Full Success\n";
    for (outcome, line) in [
        (Outcome::Done, "- ✅ **Full Success**"),
        (Outcome::Noop, "- ✅ **Full Success**"),
        (Outcome::Partial, "- ✅ Partial Success"),
        (Outcome::Failed, "- ☑ Failed"),
        (Outcome::Rejected, "- ☑ Failed"),
        (Outcome::Uncertain, "- ☑ Failed"),
        (Outcome::Cancelled, "- ☑ Failed"),
    ] {
        let text = filled(four, &empty(outcome));
        assert!(text.contains(line), "{outcome}\n{text}");
        assert_eq!(text.matches(['✅', '☑']).count(), 1, "{outcome}\n{text}");
        assert_eq!(text.lines().count(), four.lines().count(), "{text}");
        let text = filled(three, &empty(outcome));
        let fits = matches!(outcome, Outcome::Done | Outcome::Noop | Outcome::Partial);
        assert_eq!(text.matches("[x]").count(), usize::from(fits), "{outcome}\n{text}");
        assert_eq!(text.contains(&format!("Outcome: {outcome} – said by the engine")), !fits, "{text}");
    }
}

#[test]
fn a_success_with_reservations_is_a_partial_one() {
    let template = "- ☐ Success with warnings – needs a follow-up\n- ✅ Full Success – all criteria met\n- ☐ Failed\n";
    let text = filled(template, &empty(Outcome::Done));
    assert!(text.contains("- ☐ Success with warnings") && text.contains("- ✅ Full Success"), "{text}");
    let text = filled(template, &empty(Outcome::Partial));
    assert!(text.contains("- ✅ Success with warnings") && text.contains("- ☐ Full Success"), "{text}");
}

#[test]
fn verdict_lines_without_list_markers_are_a_list_too() {
    let template = "☐ Pending\r\n☐ Partial Success\r\n✅ Full Success\r\n\r\nafter\r\n";
    let text = report::fill(template, &empty(Outcome::Partial)).unwrap().text;
    assert!(text.starts_with("☐ Pending\r\n✅ Partial Success\r\n☐ Full Success\r\n\r\nafter\r\n"), "{text}");
    let text = report::fill(template, &empty(Outcome::Failed)).unwrap().text;
    let expect = "☐ Full Success\r\n\r\n❌ Outcome: failed – said by the engine\r\n\r\nafter\r\n";
    assert!(text.contains(expect), "{text}");
}

#[test]
fn status_lines_are_the_outcomes() {
    let template = "**Overall Status:** ☐ Pending / ✅ Verified\n**Status:** ✅ COMPLETE\n**Exporter status:** ✅ up\n";
    let record = deployed();
    let text = filled(template, &record);
    assert!(text.starts_with("**Overall Status:** ✅ Verified\n**Status:** ✅ done\n**Exporter status:** "), "{text}");
    let text = filled(template, &empty(Outcome::Failed));
    assert!(
        text.starts_with("**Overall Status:** ❌ failed\n**Status:** ❌ failed\n**Exporter status:** ☐ unmeasured"),
        "{text}"
    );
}

#[test]
fn values_cannot_leave_their_cells() {
    let hostile = [
        "a | b",
        "a\n| Exporter | ✅ OK |",
        "✅ PASS",
        "{{ order.id }} {% for x in y %}",
        "\u{1b}[32m✔\u{1b}[0m",
        "\\|",
        "`unclosed",
        "<!-- gone",
        "<details>",
        "&#x2705; :white_check_mark:",
        "[x] ![tick](https://x/tick.png)",
        "\u{202e}desrever",
        "```\n~~~",
    ];
    for value in hostile {
        let mut record = empty(Outcome::Failed);
        record.order.title = Some(value.to_owned());
        record.order.objective = Some(value.to_owned());
        record.order.next_phase = Some(value.to_owned());
        record.reason = value.to_owned();
        record.agent = value.to_owned();
        record.take("exporter", state(false, value), Some(false)).how = value.to_owned();
        record.judge(&[criterion(value, value)]);
        let template = "| Component | Status | Details |\n|---|---|---|\n| exporter | ✅ | |\n\n{{ order.title }} `{{ reason }}`\n";
        let text = report::fill(template, &record).unwrap().text;
        let completion = report::completion(&record, report::builtin("COMPLETION_REPORT").unwrap()).unwrap();
        for (what, text) in [("filled", &text), ("completion", &completion)] {
            assert!(!report::marks::has_green(text), "{what} {value:?}\n{text}");
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{what} {value:?}\n{text}");
            for (line, columns) in text.lines().filter(|line| line.starts_with('|')).zip(columns(text)) {
                assert_eq!(borders(line), columns, "{what} {value:?}\n{line}");
            }
            assert_eq!(text.matches("\n## Evidence\n").count(), 1, "{what} {value:?}");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with("| E1 |")).count(), 1);
    }
}

/// Unescaped pipes of a line.
fn borders(line: &str) -> usize {
    let mut escaped = false;
    line.chars()
        .filter(|c| {
            let is_border = *c == '|' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_border
        })
        .count()
}

/// For each table line of a text, the borders of its table's header.
fn columns(text: &str) -> Vec<usize> {
    let mut out = Vec::new();
    let mut header = 0;
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with('|') {
            if !inside {
                header = borders(line);
            }
            out.push(header);
        }
        inside = line.starts_with('|');
    }
    out
}

#[test]
fn a_row_that_ends_early_gets_its_cells() {
    let mut record = empty(Outcome::Done);
    record.take("exporter", state(true, "up"), Some(true));
    for (row, expect) in [
        ("| exporter |", "| exporter | ✅ Verified | up · 2025-10-29 09:00:03 [E1] |\n"),
        ("| exporter", "| exporter | ✅ Verified | up · 2025-10-29 09:00:03 [E1]\n"),
        ("| exporter | ✅", "| exporter | ✅ Verified | up · 2025-10-29 09:00:03 [E1]\n"),
    ] {
        let text = filled(&format!("| Component | Status | Details |\n|---|---|---|\n{row}\n"), &record);
        assert!(text.ends_with(expect), "{text}");
    }
}

#[test]
fn an_expression_that_fails_names_its_place() {
    let error = report::fill("# x\n\nab {{ order.nope }}\n", &empty(Outcome::Done)).unwrap_err();
    assert_eq!((error.line, error.column), (3, 4));
    assert!(
        error.to_string().starts_with("failed to fill the template at line 3, column 4: `{{ order.nope }}`: "),
        "{error}"
    );
    assert!(error.to_string().contains("\nhint: "), "{error}");
}

#[test]
fn evidence_is_visible_even_after_an_open_fence() {
    for (template, ends) in [
        ("text\n\n```bash\nx", "x\n```\n\n## Evidence\n"),
        ("~~~~\n", "~~~~\n~~~~\n\n## Evidence\n"),
        ("", "\n## Evidence\n"),
    ] {
        let text = report::fill(template, &empty(Outcome::Done)).unwrap().text;
        assert!(text.contains(ends), "{text}");
    }
}

#[test]
fn template_criteria_are_its_metric_rows() {
    let template = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| **File size** | `≤ 5 MB` | | |\n| | | | |\n| Rows \\| all | > 0 | | |\n";
    let criteria = report::template_criteria(template);
    let rows: Vec<(&str, &str)> = criteria.iter().map(|row| (row.metric.as_str(), row.target.as_str())).collect();
    assert_eq!(rows, [("File size", "≤ 5 MB"), ("Rows | all", "> 0")]);
    assert!(criteria.iter().all(|row| row.source == CriterionSource::Template));
    let commands = report::template_commands(report::builtin("PHASE7_8_VERIFICATION_TEMPLATE").unwrap());
    assert_eq!(commands.len(), 3);
}

#[test]
fn of_n_subjects_exactly_the_k_that_work_are_green() {
    const N: usize = 9;
    let template: String = [
        "| Component | Status | Details |\n|---|---|---|\n| subject.0 | ✅ Verified | ✅ |\n| subject.1 | ☐ Pending / ✅ Verified | |\n\n",
        "| Component | State |\n|---|---|\n| subject.2 | ✅ OK |\n| subject.3 | 🟢 Active |\n\n",
        "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| subject.4 | OK | ✅ | ✅ PASS |\n\n",
        "- [x] subject.5\n- ✅ subject.6\n- subject.7: ✅ OK\n\n",
        "```sh\nsubject.8\n```\n✅ Confirms: subject 8\n",
    ]
    .concat();
    for k in 0..=N {
        for offset in 0..N {
            let mut record = empty(if k == N { Outcome::Done } else { Outcome::Partial });
            let works: Vec<bool> = (0..N).map(|n| (n + offset) % N < k).collect();
            for (n, works) in works.iter().enumerate() {
                let id = record.take(&format!("subject.{n}"), state(*works, "seen"), Some(*works)).id.clone();
                let result = CommandEnd::Passed { output: "ran".to_owned() };
                record.commands.push(CommandResult { command: format!("subject.{n}"), result, evidence: vec![id] });
            }
            let text = filled(&template, &record);
            for (n, works) in works.iter().enumerate() {
                let name = if n == 8 { "subject 8".to_owned() } else { format!("subject.{n}") };
                let line = text.lines().find(|line| line.contains(&name)).unwrap();
                assert_eq!(report::marks::has_green(line) || line.contains("[x]"), *works, "{k} of {N}: {line}");
            }
        }
    }
}

#[test]
fn html_that_stays_open_does_not_hide_the_evidence() {
    for (template, end) in [
        ("<!-- x\n\ny", "\n-->\n\n## Evidence"),
        ("<pre>\nx\n", "</pre>\n\n## Evidence"),
        ("<!-- x -->\n", "-->\n\n## Evidence"),
    ] {
        let text = report::fill(template, &empty(Outcome::Done)).unwrap().text;
        assert!(text.contains(end), "{text}");
    }
}

#[test]
fn a_byte_order_mark_hides_nothing() {
    let record = empty(Outcome::Failed);
    for (template, expect) in [
        ("\u{feff}# {{ nope }} YYYYMMDD\n", "\u{feff}# {{ nope }} YYYYMMDD\n"),
        ("\u{feff}- [x] a\n", "\u{feff}- [ ] (unmeasured) a\n"),
        ("\u{feff}| Component | State |\n|---|---|\n| a | ✅ |\n", "| a | ☐ unmeasured: nothing measures it |\n"),
    ] {
        let text = filled(template, &record);
        assert!(text.ends_with(expect), "{text:?}");
        assert!(text.starts_with('\u{feff}'));
    }
}

/// Templates that are made to be slow, each filled in about linear time: seconds where a quadratic filler takes many minutes.
#[test]
fn templates_made_to_be_slow_are_not() {
    const N: usize = 6_000;
    let record = deployed();
    for (template, name) in [
        ("- ✅ Exporter\n".repeat(N), "items"),
        ("- ☐ Pending\n- ✅ Full Success\n".repeat(N / 2), "verdicts"),
        (format!("```\nx\n```\n{}", "✅ Confirms: x\n\n".repeat(N)), "confirmed"),
        ("```\nx\n```\nExpected:\n- x\n\n".repeat(N / 4), "expected"),
        ("{{ ".repeat(N), "open expressions"),
        ("$(date '".repeat(N), "open dates"),
        (format!("| Component | State |\n|---|---|\n{}", "| Exporter | ✅ |\n".repeat(N / 4)), "rows"),
        (format!("|{}\n|{}\n{}", "Status|".repeat(3_000), "-|".repeat(3_000), "|a|\n".repeat(N / 8)), "short rows"),
        (
            format!("| Metric | Target | Status |\n|---|---|---|\n{}", "| File size | ≤ 5 MB | |\n".repeat(N / 4)),
            "metrics",
        ),
        (
            format!(
                "| Component | State |\n|---|---|\n| {} | ✅ |\n",
                (1..200).map(|n| "`".repeat(n) + "|").collect::<String>()
            ),
            "code",
        ),
        (">".repeat(N * 5), "quotes"),
        (format!("| Component | State |\n|---|---|\n| {} | ✅ |\n", "&[✅](".repeat(N / 2)), "links"),
    ] {
        assert!(report::fill(&template, &record).is_ok(), "{name}");
    }
}
