use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::evidence::{Declaration, Made, ServiceRun, StartedBy, Value};
use crate::order::{CriterionSource, target};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn criterion(metric: &str, target: &str) -> Criterion {
    Criterion {
        metric: metric.to_owned(),
        target: target.to_owned(),
        compiled: target::compile(metric, target),
        measured_by: None,
        source: CriterionSource::Table,
        span: 0..0,
        whose: Vec::new(),
    }
}

fn order() -> Order {
    crate::order::model::blank("WO-1")
}

/// The verdict of `target` against one measured value of the metric's own key.
fn verdict_of(key: &str, target: &str, value: Value, ok: Option<bool>) -> (String, String) {
    let mut measurement = Measurement::new(key, value, "test", at("2025-10-30T12:00:00Z"));
    measurement.ok = ok;
    let judged = judge(
        &[criterion(key, target)],
        &order(),
        &[measurement],
        Vocabulary::empty(),
        jiff::civil::date(2025, 10, 30),
    );
    let name = match judged[0].verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Unmeasured => "UNMEASURED",
        Verdict::Waived { .. } => "WAIVED",
    };
    (name.to_owned(), judged[0].reason.clone())
}

fn count(n: u64, noun: &str) -> Value {
    Value::Count { n, noun: noun.to_owned() }
}

fn state(works: bool) -> Value {
    Value::State { works, detail: "seen".to_owned() }
}

#[test]
fn how_far_apart_things_lie_is_the_interval_measured_beside_them() {
    let minute = 60_000_000_000;
    for (count_of, interval, ok, expect) in [
        (2, Some(5 * minute), true, "Pass"),
        (2, Some(5 * minute + minute / 4), true, "Pass"),
        (3, Some(5 * minute), true, "Fail"),
        (2, Some(6 * minute), true, "Unmeasured"),
        (2, Some(5 * minute), false, "Unmeasured"),
        (2, None, true, "Unmeasured"),
    ] {
        let now = at("2025-10-30T12:00:00Z");
        let cycles = Measurement::new("monitor.cycles", count(count_of, ""), "test", now).ok(true);
        let interval = interval.map(|ns| Measurement::new("monitor.interval", Value::Duration(ns), "test", now).ok(ok));
        let measured: Vec<Measurement> = [cycles].into_iter().chain(interval).collect();
        let criteria = [criterion("monitor.cycles", "2 heartbeats, 5 minutes apart")];
        let judged = judge(&criteria, &order(), &measured, Vocabulary::empty(), jiff::civil::date(2025, 10, 30));
        assert_eq!(format!("{:?}", judged[0].verdict), expect, "{:?}", judged[0]);
    }
}

#[test]
fn each_kind_of_target_passes_fails_and_is_not_fooled_by_another_kind() {
    let ratio = |pass, of| Value::Ratio { pass, of };
    let word = |word: &str| Value::Word(word.to_owned());
    for (target, value, expect) in [
        ("≤ 5 MB/day", Value::Bytes(5_000_000), "PASS"),
        ("≤ 5 MB/day", Value::Bytes(5_000_001), "FAIL"),
        ("≤ 5 MB/hour", Value::Bytes(4_000_000), "PASS"),
        ("≤ 5 MB/hour", Value::Bytes(6_000_000), "UNMEASURED"),
        ("≤ 5 MB/week", Value::Bytes(4_000_000), "UNMEASURED"),
        ("≥ 5 MB/hour", Value::Bytes(6_000_000), "UNMEASURED"),
        ("≤ 5 MB", Value::Duration(1), "UNMEASURED"),
        ("≤ 5 MB", count(1, "files"), "UNMEASURED"),
        ("≤ 5 MB", word("5 MB"), "UNMEASURED"),
        ("≤ 5 MB", state(true), "UNMEASURED"),
        ("5 MB", Value::Bytes(5_000_000), "UNMEASURED"),
        ("< 2 s", Value::Duration(1_999_999_999), "PASS"),
        ("< 2 s", Value::Duration(2_000_000_000), "FAIL"),
        ("> 80%", Value::Percent(80.0), "FAIL"),
        ("> 80%", Value::Percent(80.1), "PASS"),
        ("> 80%", Value::Percent(f64::NAN), "UNMEASURED"),
        ("> 80%", Value::Percent(f64::INFINITY), "UNMEASURED"),
        ("≠ 0%", Value::Percent(f64::NAN), "UNMEASURED"),
        ("10-20%", Value::Percent(f64::NAN), "UNMEASURED"),
        ("> 80%", ratio(9, 10), "PASS"),
        ("> 80%", ratio(0, 0), "UNMEASURED"),
        ("100%", ratio(9, 10), "FAIL"),
        ("100%", ratio(10, 10), "PASS"),
        ("100%", count(0, "mismatches"), "UNMEASURED"),
        ("10-20%", Value::Percent(10.0), "PASS"),
        ("10-20%", Value::Percent(20.5), "FAIL"),
        ("0 errors", count(0, "mismatches"), "PASS"),
        ("0 errors", count(1, "mismatches"), "FAIL"),
        ("0 errors", ratio(10, 10), "PASS"),
        ("0 errors", ratio(9, 10), "FAIL"),
        ("0 errors", Value::Percent(100.0), "PASS"),
        ("0 errors", Value::Percent(99.0), "FAIL"),
        ("0 errors", Value::Percent(f64::NAN), "UNMEASURED"),
        ("≤ 2 errors", Value::Percent(99.0), "UNMEASURED"),
        ("0 errors", state(true), "UNMEASURED"),
        ("0", count(0, ""), "PASS"),
        ("≥ 5 consecutive runs", count(5, "runs"), "UNMEASURED"),
        ("≥ 5 runs", count(5, "runs"), "PASS"),
        ("≥ 5 rows", count(5, "files"), "UNMEASURED"),
        ("≤ 5 schema files", count(5, "files"), "PASS"),
        ("≤ 5 rows", count(5, "files"), "UNMEASURED"),
        ("0 errors", count(0, "rows"), "UNMEASURED"),
        ("≥ 5 rows", count(5, ""), "PASS"),
        ("10–30 rows", count(20, "rows"), "PASS"),
        ("10–30 files", count(20, "rows"), "UNMEASURED"),
        ("10–30k rows", count(20, "rows"), "FAIL"),
        ("10–30 million rows", count(20, "rows"), "FAIL"),
        ("20 ± 2 files", count(20, "rows"), "UNMEASURED"),
        ("Snappy", word("SNAPPY"), "PASS"),
        ("Snappy", word("zstd"), "FAIL"),
        ("Snappy", state(true), "UNMEASURED"),
        ("OK", state(true), "PASS"),
        ("OK", state(false), "FAIL"),
        ("OK", word("OK"), "UNMEASURED"),
        ("no file write errors", count(0, "errors"), "PASS"),
        ("no file write errors", count(2, "errors"), "FAIL"),
        ("no file write errors", count(0, "rows"), "UNMEASURED"),
        ("no file write errors", Value::Bytes(0), "UNMEASURED"),
        ("no errors", ratio(4, 5), "FAIL"),
        ("no errors", state(true), "UNMEASURED"),
        ("no errors", state(false), "UNMEASURED"),
        ("no log file", state(true), "UNMEASURED"),
        ("no log file", state(false), "UNMEASURED"),
        ("no error log", state(true), "UNMEASURED"),
        ("none", state(true), "UNMEASURED"),
        ("no manual steps", ratio(5, 5), "UNMEASURED"),
        ("3/3", ratio(3, 3), "PASS"),
        ("3/3", ratio(2, 3), "FAIL"),
        ("3/3", ratio(2, 2), "FAIL"),
        ("3/3", ratio(5, 5), "UNMEASURED"),
        ("All pass", ratio(5, 5), "PASS"),
        ("All pass", ratio(4, 5), "FAIL"),
        ("All pass", ratio(0, 0), "UNMEASURED"),
        ("All pass", Value::Percent(99.9), "FAIL"),
        ("~ 5 min", Value::Duration(270_000_000_000), "PASS"),
        ("~ 5 min", Value::Duration(269_000_000_000), "FAIL"),
        ("≥ 280 cycles/day", count(288, "cycles"), "UNMEASURED"),
        ("Automatic", state(true), "UNMEASURED"),
        ("1× daily (02:30)", state(true), "UNMEASURED"),
    ] {
        let (verdict, reason) = verdict_of("a.b", target, value.clone(), None);
        assert_eq!(verdict, expect, "{target} against {value:?}: {reason}");
        assert!(!reason.is_empty(), "{target} against {value:?}");
    }
    assert_eq!(verdict_of("service.log_file", "No log file", state(true), Some(false)).0, "UNMEASURED");
    assert_eq!(verdict_of("monitor.cycles_24h", "≥ 280 cycles/day", count(288, "cycles"), None).0, "PASS");
    assert_eq!(verdict_of("monitor.cycles_24h", "288 / day", count(287, "cycles"), None).0, "FAIL");
}

/// Verdict and reason of a row that is bound to `key`.
fn verdict_of_row(key: &str, metric: &str, target: &str, value: Value) -> (String, String) {
    let mut order = order();
    order.bindings = BTreeMap::from([(metric.to_owned(), key.to_owned())]);
    let measured = [Measurement::new(key, value, "looked", at("2025-10-30T12:00:00Z"))];
    let judged =
        judge(&[criterion(metric, target)], &order, &measured, Vocabulary::empty(), jiff::civil::date(2025, 10, 30))
            .remove(0);
    (format!("{:?}", judged.verdict).to_uppercase(), judged.reason)
}

#[test]
fn that_there_are_faults_is_never_good() {
    for (metric, target, noun, expect) in [
        ("Errors", "exist", "errors", "UNMEASURED"),
        ("Lost rows", "present", "errors", "UNMEASURED"),
        ("Failures", "exist", "", "UNMEASURED"),
        ("Errors", "OK", "errors", "PASS"),
        ("Schema", "valid", "errors", "PASS"),
        ("Rows", "exist", "rows", "PASS"),
    ] {
        let mut measured = Measurement::new("a.b", count(0, noun), "looked", at("2025-10-30T12:00:00Z"));
        measured.ok = Some(true);
        let mut order = order();
        order.bindings = BTreeMap::from([(metric.to_owned(), "a.b".to_owned())]);
        let today = jiff::civil::date(2025, 10, 30);
        let judged = judge(&[criterion(metric, target)], &order, &[measured], Vocabulary::empty(), today).remove(0);
        assert_eq!(format!("{:?}", judged.verdict).to_uppercase(), expect, "{metric} {target}: {}", judged.reason);
    }
}

#[test]
fn a_number_is_held_against_a_number_of_the_same_thing_alone() {
    let all = Value::Ratio { pass: 576, of: 576 };
    let some = Value::Ratio { pass: 575, of: 576 };
    let rows = count(576, "rows");
    let (coverage, checks, deliverables) = ("export.coverage", "verify.checks", "deliverables.present");
    for (key, metric, target, value, expect) in [
        // a share of reports is no number of other things
        (coverage, "Coverage", "≥ 3 platforms", &all, "UNMEASURED"),
        (coverage, "Heartbeat coverage", "≥ 30 consecutive days", &all, "UNMEASURED"),
        (coverage, "Coverage", "3–5 platforms", &all, "UNMEASURED"),
        (coverage, "Coverage", "≥ 2×", &all, "UNMEASURED"),
        (coverage, "Coverage", "≥ 500 reports", &all, "PASS"),
        (coverage, "Coverage", "≥ 600 reports", &all, "FAIL"),
        (coverage, "Heartbeat coverage", "≥ 500 heartbeats exported", &all, "PASS"),
        (coverage, "Coverage", "500–600 reports", &all, "PASS"),
        (coverage, "Coverage", "≥ 500", &all, "PASS"),
        (coverage, "Coverage", "≥ 95%", &some, "PASS"),
        (checks, "Checks", "≥ 15 checks passed", &all, "PASS"),
        (checks, "Verification", "576 passed", &some, "FAIL"),
        (checks, "Verification", "≥ 576 passed", &some, "FAIL"),
        (checks, "Verification", "≥ 3 scripts", &all, "UNMEASURED"),
        (deliverables, "Deliverables", "≥ 3 files", &all, "PASS"),
        (deliverables, "Deliverables", "≥ 3 sections", &all, "UNMEASURED"),
        // what did not pass
        (coverage, "Report coverage", "0 missing", &all, "PASS"),
        (coverage, "Report coverage", "0 missing", &some, "FAIL"),
        (coverage, "Report coverage", "0 missing heartbeats", &some, "FAIL"),
        (coverage, "Heartbeats exported", "≤ 2 skipped", &some, "PASS"),
        (coverage, "Heartbeats exported", "no missing reports", &all, "PASS"),
        (coverage, "Heartbeats exported", "no lost reports", &some, "FAIL"),
        (coverage, "Heartbeats exported", "0 missing days", &all, "UNMEASURED"),
        (coverage, "Coverage", "no duplicates", &all, "UNMEASURED"),
        (coverage, "Coverage", "no errors", &all, "PASS"),
        (coverage, "Coverage", "0 read errors", &all, "PASS"),
        (coverage, "Coverage", "0 read errors", &some, "UNMEASURED"),
        (checks, "Checks", "0 failed", &some, "FAIL"),
        (checks, "Checks", "0 failed checks", &all, "PASS"),
        (checks, "Checks", "0 failing", &all, "PASS"),
        (checks, "Checks", "0 skipped", &all, "UNMEASURED"),
        (deliverables, "Deliverables", "0 missing", &some, "FAIL"),
        // rows are neither so many times as much, nor missing, nor twice there
        ("export.rows", "Rows exported", "≥ 2×", &rows, "UNMEASURED"),
        ("export.rows", "Rows exported", "≤ 2×", &rows, "UNMEASURED"),
        ("monitor.cycles", "Cycles", "≥ 2×", &count(3, "cycles"), "PASS"),
        ("monitor.cycles_24h", "Cycles 24h", "≥ 280× / day", &count(288, "cycles"), "PASS"),
        ("export.rows", "Rows", "no duplicates", &rows, "UNMEASURED"),
        ("export.rows", "Rows", "0 duplicates", &rows, "UNMEASURED"),
        ("export.rows", "Row count", "no data loss", &rows, "UNMEASURED"),
        ("export.rows", "Rows exported", "no missing rows", &rows, "UNMEASURED"),
        ("export.rows", "Rows exported", "no missing rows", &count(0, "rows"), "UNMEASURED"),
        ("export.rows", "Rows exported", "≤ 800 missing rows", &rows, "UNMEASURED"),
        ("export.rows", "Rows exported", "no duplicate rows", &rows, "UNMEASURED"),
        ("export.rows", "Records", "without gaps", &rows, "UNMEASURED"),
        ("export.rows", "Rows", "no rows", &rows, "FAIL"),
        ("export.rows", "Rows", "≤ 500 exported rows", &rows, "FAIL"),
        ("export.rows", "Rows", "≤ 600 heartbeat rows", &rows, "PASS"),
        ("export.rows", "Rows", "≤ 500 heartbeat rows", &rows, "UNMEASURED"),
        ("export.unreadable", "Skipped reports", "0 skipped", &count(1, "errors"), "FAIL"),
        ("export.schema_mismatches", "Errors", "no file write errors", &count(2, "errors"), "FAIL"),
    ] {
        let (verdict, reason) = verdict_of_row(key, metric, target, value.clone());
        assert_eq!(verdict, expect, "{metric} | {target} against {value:?}: {reason}");
    }
    let (_, reason) = verdict_of_row("export.rows", "Rows", "no duplicates", rows.clone());
    assert_eq!(reason, "rows were counted, the target speaks of duplicates");
    let (_, reason) = verdict_of_row(coverage, "Coverage", "≥ 3 platforms", all.clone());
    assert_eq!(reason, "export.coverage is 576/576, which is no share of platforms");
}

#[test]
fn that_a_thing_is_there_does_not_tell_that_it_has_no_errors() {
    for (key, metric, target, works, expect) in [
        ("paths.logs", "Logs", "no errors", true, "UNMEASURED"),
        ("paths.logs", "Logs", "no errors", false, "UNMEASURED"),
        ("paths.logs", "Log file", "no file write errors", true, "UNMEASURED"),
        ("paths.output", "Output directory", "no issues", true, "UNMEASURED"),
        ("export.summary", "Summary", "no errors", true, "UNMEASURED"),
        ("service.loaded", "LaunchAgent loaded", "no failures", true, "UNMEASURED"),
        ("exporter.script", "Exporter script", "no errors", true, "UNMEASURED"),
        ("export.live", "Export", "no errors", true, "UNMEASURED"),
        // what was read, run or looked through
        ("export.validation", "Validation", "no mismatches", true, "PASS"),
        ("export.validation", "Validation", "no mismatches", false, "FAIL"),
        ("export.deterministic", "Rerun", "no differences", true, "PASS"),
        ("export.dry_run", "Dry run", "no errors", true, "PASS"),
        ("exporter.test_script", "Tests", "no failures", true, "PASS"),
        ("service.plist", "Plist", "no syntax errors", true, "PASS"),
        ("monitor.redis", "Redis", "no connection errors", true, "PASS"),
        ("paths.logs", "Logs", "OK", true, "PASS"),
    ] {
        let (verdict, reason) = verdict_of_row(key, metric, target, state(works));
        assert_eq!(verdict, expect, "{metric} | {target}: {reason}");
    }
}

#[test]
fn what_the_taking_code_calls_broken_is_never_ready() {
    for target in ["OK", "no errors", "All pass"] {
        assert_eq!(verdict_of("export.validation", target, state(true), Some(false)).0, "FAIL", "{target}");
        assert_eq!(verdict_of("export.validation", target, state(true), None).0, "PASS", "{target}");
    }
    assert_eq!(
        verdict_of("monitor.healthy_for", ">= 24h", Value::Duration(90_000_000_000_000), Some(false)).0,
        "UNMEASURED"
    );
    assert_eq!(verdict_of("monitor.healthy_for", ">= 24h", Value::Duration(90_000_000_000_000), Some(true)).0, "PASS");
    assert_eq!(verdict_of("a.b", "OK", count(3, "files"), Some(true)).0, "PASS");
    assert_eq!(verdict_of("a.b", "OK", count(3, "files"), None).0, "UNMEASURED");
}

fn run(started: &str, exit: Option<i32>, by_manager: bool) -> ServiceRun {
    let started = at(started);
    let started_by =
        if by_manager { StartedBy::Manager { cause: "02:30 daily".to_owned() } } else { StartedBy::Kicked };
    ServiceRun { started, ended: exit.map(|_| started), exit, started_by, made: Made::Unsaid }
}

fn made(started: &str, made: Made) -> ServiceRun {
    ServiceRun { made, ..run(started, Some(0), true) }
}

#[test]
fn a_process_is_no_run_beside_the_cycles_that_it_makes() {
    let (a, b, c) = ("2025-10-29T10:00:00Z", "2025-10-29T10:00:02Z", "2025-10-29T10:00:04Z");
    let cycles = [run(b, Some(0), true), run(c, Some(0), true)];
    for (runs, expected) in [
        (vec![run(a, None, true)], "1 by launchd, 0 kicked"),
        ([&cycles[..], &[run(a, None, true)]].concat(), "2 by launchd, 0 kicked"),
        // the first cycle begins with it
        ([&cycles[..], &[run(b, None, true)]].concat(), "2 by launchd, 0 kicked"),
        ([&cycles[..], &[run(a, None, false)]].concat(), "2 by launchd, 0 kicked"),
        // one that began after the others ended
        ([&cycles[..1], &[run(c, None, true)]].concat(), "2 by launchd, 0 kicked"),
        (vec![run(a, Some(0), true), run(b, Some(0), false)], "1 by launchd, 1 kicked, last exit 0"),
    ] {
        let value = Value::Runs { manager: "launchd".to_owned(), runs };
        assert_eq!(value.to_string(), expected);
    }
}

#[test]
fn automatic_needs_a_run_of_the_managers_own_that_ended_well() {
    let (a, b, c) = ("2025-10-29T02:30:00Z", "2025-10-29T10:00:00Z", "2025-10-30T02:30:00Z");
    for (runs, ok, expect, says) in [
        (vec![], None, "UNMEASURED", "not started it"),
        (vec![run(b, Some(0), false)], None, "UNMEASURED", "kicked"),
        (vec![run(a, Some(0), true)], None, "PASS", "02:30 daily"),
        // its newest run failed, whoever started it: it does not run well now
        (
            vec![run(a, Some(0), true), run(b, Some(127), false)],
            None,
            "FAIL",
            "kicked at 2025-10-29T10:00:00Z, ended with 127",
        ),
        (vec![run(b, Some(127), false), run(c, Some(0), true)], None, "PASS", "02:30 daily"),
        (
            vec![made(a, Made::Nothing("there was nothing to export".to_owned()))],
            None,
            "UNMEASURED",
            "nothing to export",
        ),
        (vec![made(a, Made::Something("2 files, 90 rows".to_owned()))], None, "PASS", "2 files, 90 rows"),
        (vec![run(a, Some(0), true), run(c, Some(1), true)], None, "FAIL", "ended with 1"),
        (vec![run(c, Some(1), true), run(a, Some(0), true)], None, "FAIL", "ended with 1"),
        (vec![run(a, Some(1), true), run(b, Some(0), false)], None, "FAIL", "ended with 1"),
        (vec![run(a, Some(1), true), run(c, Some(0), true)], None, "PASS", "ended with 0"),
        (vec![run(a, Some(0), true)], Some(false), "FAIL", ""),
        (vec![run(c, None, true)], None, "UNMEASURED", "not ended"),
        (vec![run(c, None, true)], Some(true), "PASS", "it runs"),
        (vec![run("2025-10-30T11:59:55Z", None, true)], Some(true), "UNMEASURED", "not ended"),
        (vec![run(a, Some(78), true), run(c, None, true)], Some(true), "FAIL", "78"),
    ] {
        let value = Value::Runs { manager: "launchd".to_owned(), runs };
        let (verdict, reason) = verdict_of("service.runs", "loads & runs automatically", value.clone(), ok);
        assert_eq!(verdict, expect, "{value:?}: {reason}");
        assert!(reason.contains(says), "{reason}");
    }
    let broken = Value::State { works: false, detail: "its program does not run".to_owned() };
    let (verdict, reason) = verdict_of("service.runs", "loads & runs automatically", broken.clone(), Some(false));
    assert!(verdict == "FAIL" && reason == "its program does not run", "{verdict}: {reason}");
    assert_eq!(verdict_of("service.runs", "loads & runs automatically", state(true), Some(true)).0, "UNMEASURED");
}

#[test]
fn exit_codes_are_read_from_runs() {
    let value =
        |exit| Value::Runs { manager: "launchd".to_owned(), runs: vec![run("2025-10-29T02:30:00Z", exit, true)] };
    assert_eq!(verdict_of("service.runs", "exit code 0", value(Some(0)), None).0, "PASS");
    assert_eq!(verdict_of("service.runs", "exit code 0", value(Some(78)), None).0, "FAIL");
    assert_eq!(verdict_of("service.runs", "exit code 0", value(None), None).0, "UNMEASURED");
    assert_eq!(verdict_of("service.runs", "0 errors", value(Some(0)), None).0, "UNMEASURED");
}

fn fires(zone: &str, times: &[&str]) -> Value {
    Value::Schedule {
        next: times.iter().map(|text| at(text)).collect(),
        zone: zone.to_owned(),
        manager: "launchd".to_owned(),
    }
}

#[test]
fn schedules_are_judged_from_fire_times_in_local_time() {
    let bangkok = fires("Asia/Bangkok", &["2025-10-29T19:30:00Z", "2025-10-30T19:30:00Z"]);
    let utc = fires("UTC", &["2025-10-30T02:30:00Z", "2025-10-31T02:30:00Z"]);
    // New York leaves summer time on 2025-11-02 and enters it on 2026-03-08, skipping 02:00 to 03:00
    let autumn = fires("America/New_York", &["2025-11-01T06:30:00Z", "2025-11-02T07:30:00Z"]);
    let spring = fires("America/New_York", &["2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"]);
    let before_spring = fires("America/New_York", &["2026-03-07T07:30:00Z", "2026-03-08T07:30:00Z"]);
    for (target, value, expect) in [
        ("1× daily (02:30)", &bangkok, "PASS"),
        ("02:30 daily", &utc, "PASS"),
        ("02:30", &utc, "PASS"),
        ("1× / day", &utc, "PASS"),
        ("02:31 daily", &utc, "FAIL"),
        ("2× daily", &utc, "UNMEASURED"),
        ("hourly", &utc, "FAIL"),
        ("weekly", &utc, "FAIL"),
        ("Thursdays at 02:30", &utc, "FAIL"),
        ("02:30 daily Asia/Bangkok", &bangkok, "PASS"),
        ("02:30 daily UTC", &bangkok, "FAIL"),
        ("19:30 daily UTC", &bangkok, "PASS"),
        ("02:30 daily Asia/Nowhere", &utc, "UNMEASURED"),
        ("02:30 daily", &autumn, "PASS"),
        ("02:30 daily", &spring, "PASS"),
        ("02:30 daily", &before_spring, "PASS"),
        ("1× / day", &spring, "PASS"),
        ("03:30 daily", &autumn, "FAIL"),
        ("02:30 daily", &fires("UTC", &["2025-10-30T02:30:00Z", "2025-11-01T02:30:00Z"]), "FAIL"),
        ("02:30 daily", &fires("UTC", &["2025-10-30T02:30:00Z", "2025-10-30T14:30:00Z"]), "FAIL"),
        ("02:30 daily", &fires("UTC", &["2025-10-30T02:30:00Z"]), "UNMEASURED"),
        ("02:30 daily", &fires("UTC", &[]), "FAIL"),
        ("1× / day", &fires("UTC", &["2025-10-30T02:30:00Z", "2025-10-30T02:35:00Z"]), "FAIL"),
        ("Sundays at 03:00 Asia/Bangkok", &fires("UTC", &["2025-11-01T20:00:00Z", "2025-11-08T20:00:00Z"]), "PASS"),
        ("Sundays at 03:00", &fires("UTC", &["2025-11-02T03:00:00Z", "2025-11-09T03:00:00Z"]), "PASS"),
        ("Sundays at 03:00", &fires("UTC", &["2025-11-02T03:00:00Z", "2025-11-03T03:00:00Z"]), "FAIL"),
        ("hourly :00", &fires("UTC", &["2025-11-02T03:00:00Z", "2025-11-02T04:00:00Z"]), "PASS"),
        ("hourly :05", &fires("UTC", &["2025-11-02T03:00:00Z", "2025-11-02T04:00:00Z"]), "FAIL"),
        ("2× daily", &fires("UTC", &["2025-11-02T03:00:00Z", "2025-11-02T15:00:00Z", "2025-11-03T03:00:00Z"]), "PASS"),
        ("every 5 min", &fires("UTC", &["2025-11-02T03:00:00Z", "2025-11-02T03:05:00Z"]), "PASS"),
        ("every 5 min", &fires("UTC", &["2025-11-02T03:00:00Z", "2025-11-02T03:06:00Z"]), "FAIL"),
        ("≥ 1× / day", &utc, "PASS"),
        ("≥ 2× / day", &utc, "FAIL"),
        ("≤ 5 MB", &utc, "UNMEASURED"),
    ] {
        let (verdict, reason) = verdict_of("export.schedule", target, value.clone(), None);
        assert_eq!(verdict, expect, "{target} against {value:?}: {reason}");
    }
}

#[test]
fn a_condition_must_be_measured_too() {
    let judged = |rows: Option<u64>| {
        let mut measurements =
            vec![Measurement::new("x.runtime", Value::Duration(4_000_000), "", at("2025-10-30T00:00:00Z"))];
        measurements.extend(rows.map(|n| Measurement::new("x.rows", count(n, "rows"), "", at("2025-10-30T00:00:00Z"))));
        measurements.push(Measurement::new("y.rows", count(1, "rows"), "", at("2025-10-30T00:00:00Z")));
        judge(
            &[criterion("x.runtime", "<5ms for ≤200 rows")],
            &order(),
            &measurements,
            Vocabulary::empty(),
            jiff::civil::date(2025, 1, 1),
        )
        .remove(0)
    };
    assert_eq!(verdict_of("export.file_size", "≤ 5 MB each", Value::Bytes(5), None).0, "PASS");
    assert_eq!(verdict_of("export.file_size", "≤ 5 MB / file", Value::Bytes(6_000_000), None).0, "FAIL");
    assert_eq!(verdict_of("export.total", "≤ 5 MB per file", Value::Bytes(5), None).0, "UNMEASURED");
    assert_eq!(judged(None).verdict, Verdict::Unmeasured);
    assert_eq!(judged(Some(200)).verdict, Verdict::Pass);
    assert_eq!(judged(Some(201)).verdict, Verdict::Unmeasured);
}

#[test]
fn a_statistic_must_be_that_statistic() {
    let ms = |n: u64| Value::Duration(n * 1_000_000);
    assert_eq!(verdict_of("health.latency", "p95 < 100ms", ms(5), None).0, "UNMEASURED");
    assert_eq!(verdict_of("health.latency.p95", "p95 < 100ms", ms(5), None).0, "PASS");
    assert_eq!(verdict_of("health.latency.p95", "p95 < 100ms", ms(500), None).0, "FAIL");
    assert_eq!(verdict_of("health.latency.p50", "p95 < 100ms", ms(5), None).0, "UNMEASURED");
}

#[test]
fn what_a_criterion_names_in_brackets_is_what_was_measured() {
    let known = Vocabulary::new([Declaration::new("x.script", &["Exporter script"], "")]);
    let mut script =
        Measurement::new("x.script", state(true), "stat run/parquet_exporter.cjs", at("2025-10-30T00:00:00Z"));
    script.ok = Some(true);
    for (metric, expect) in [
        ("Exporter script (`run/parquet_exporter.cjs`)", Verdict::Pass),
        ("Exporter script (run/csv_exporter.cjs)", Verdict::Unmeasured),
        ("Exporter script (run/parquet_exporter.cjs, run/csv_exporter.cjs)", Verdict::Unmeasured),
        ("Exporter script (old)", Verdict::Unmeasured),
    ] {
        let day = jiff::civil::date(2025, 10, 30);
        let judged = judge(&[criterion(metric, "works")], &order(), &[script.clone()], &known, day);
        assert_eq!(judged[0].verdict, expect, "{metric}: {}", judged[0].reason);
    }
}

#[test]
fn the_last_measurement_of_a_key_counts() {
    let one = |n| Measurement::new("x.size", Value::Bytes(n), "", at("2025-10-30T00:00:00Z"));
    let judged = judge(
        &[criterion("x.size", "≤ 5 MB")],
        &order(),
        &[one(1), one(6_000_000)],
        Vocabulary::empty(),
        jiff::civil::date(2025, 1, 1),
    );
    assert_eq!(judged[0].verdict, Verdict::Fail);
}

#[test]
fn waivers_hold_to_the_end_of_their_last_day_and_hide_nothing_green() {
    let mut order = order();
    order.waive = vec![Waiver {
        metric: "launch-agent".to_owned(),
        reason: "no launchd".to_owned(),
        until: jiff::civil::date(2025, 12, 31),
    }];
    let criteria = [criterion("Launch Agent", "OK"), criterion("Other", "OK")];
    let judged = |today, works: Option<bool>| {
        order.clone().bindings.insert("x".to_owned(), "x".to_owned());
        let mut order = order.clone();
        order.bindings = BTreeMap::from([("Launch Agent".to_owned(), "s.l".to_owned())]);
        let measured: Vec<_> = works
            .map(|works| Measurement::new("s.l", state(works), "", at("2025-10-30T00:00:00Z")))
            .into_iter()
            .collect();
        judge(&criteria, &order, &measured, Vocabulary::empty(), today)
    };
    let last_day = jiff::civil::date(2025, 12, 31);
    let waived = judged(last_day, None);
    assert!(matches!(waived[0].verdict, Verdict::Waived { .. }));
    assert_eq!(waived[1].verdict, Verdict::Unmeasured);
    assert!(matches!(judged(last_day, Some(false))[0].verdict, Verdict::Waived { .. }));
    assert_eq!(judged(last_day, Some(true))[0].verdict, Verdict::Pass);
    let after = judged(last_day.tomorrow().unwrap(), Some(false));
    assert_eq!(after[0].verdict, Verdict::Fail);
    assert!(after[0].reason.contains("waiver ended"));
}

#[test]
fn outcomes_follow_the_table() {
    let judged = |verdicts: &str| -> Vec<Judged> {
        verdicts
            .chars()
            .map(|c| Judged {
                metric: String::new(),
                target: String::new(),
                source: CriterionSource::Table,
                key: None,
                actual: None,
                verdict: match c {
                    'P' => Verdict::Pass,
                    'F' => Verdict::Fail,
                    'W' => Verdict::Waived { reason: String::new(), until: jiff::civil::date(2025, 1, 1) },
                    _ => Verdict::Unmeasured,
                },
                reason: String::new(),
                evidence: Vec::new(),
            })
            .collect()
    };
    for (verdicts, failed_step, changed, expect) in [
        ("PP", false, true, Outcome::Done),
        ("PW", false, true, Outcome::Done),
        ("PP", false, false, Outcome::Noop),
        ("WW", false, true, Outcome::Partial),
        ("", false, true, Outcome::Partial),
        ("", false, false, Outcome::Partial),
        ("PU", false, true, Outcome::Partial),
        ("PF", false, true, Outcome::Partial),
        ("PU", false, false, Outcome::Partial),
        ("FF", false, true, Outcome::Failed),
        ("FU", false, true, Outcome::Failed),
        ("UU", false, true, Outcome::Partial),
        ("PP", true, true, Outcome::Failed),
        ("", true, true, Outcome::Failed),
    ] {
        let (got, reason) = outcome(&judged(verdicts), failed_step.then_some("step x failed"), changed);
        assert_eq!(got, expect, "{verdicts} {failed_step} {changed}: {reason}");
        assert!(!reason.is_empty());
    }
}
