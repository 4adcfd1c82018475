//! Verdict lists and status lines are the order's outcome.

use workbridge::evidence::{Outcome, Value};
use workbridge::report::{self, CommandEnd, CommandResult};

use super::filled;
use super::record::{Taken as _, deployed, empty};

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
fn a_status_below_the_heading_of_a_thing_is_of_that_thing() {
    let mut order = deployed();
    order.order.title = Some("Deploy the parquet exporter".to_owned());
    order.order.phase = Some("7.8 – Telemetry".to_owned());
    let mut failed = empty(Outcome::Failed);
    failed.order.phase = order.order.phase.clone();
    for (template, done, not) in [
        ("# R\n\n## Redis\n\n**Status:** ✅ Connected\n", "**Status:** ☐ unmeasured", "☐ unmeasured"),
        ("# R\n\n### Redis\n- **Status:** ✅ up\n", "- **Status:** ☐ unmeasured", "☐ unmeasured"),
        ("# R\n\n## 3. Exporter\n\n**Status:** ✅ OK\n", "**Status:** ✅ OK: ", "☐ unmeasured"),
        ("# R\n\n## Summary\n\n**Status:** ✅ OK\n", "**Status:** ✅ done", "❌ failed"),
        ("# R\n\n## Deploy the parquet exporter\n\n**Status:** ✅ OK\n", "**Status:** ✅ done", "☐ unmeasured"),
        ("# R\n\n## Deploy the parquet exporter\n\n✅ Complete\n", "\n✅ Complete", "☐"),
        ("# R\n\n## Phase 7.8\n\n**Status:** ✅ OK\n", "**Status:** ✅ done", "❌ failed"),
        ("# R\n\n## Phase 7.8\n\n✅ Complete\n", "\n✅ Complete", "☐"),
        ("# R\n\n## Phase 7.9\n\n**Status:** ✅ OK\n", "**Status:** ☐ unmeasured", "☐ unmeasured"),
        ("# R\n\n## Phase 7.9\n\n✅ Complete\n", "☐ (unmeasured) Complete", "☐"),
        ("# R\n\n## Redis\n\n**Order status:** ✅ OK\n", "**Order status:** ✅ done", "❌ failed"),
    ] {
        let text = filled(template, &order);
        assert!(text.contains(done), "{text}");
        let text = filled(template, &failed);
        assert!(text.contains(not) && !text.contains('✅'), "{text}");
    }
}

/// The result of that very test, and none of the order's.
#[test]
fn a_result_behind_a_command_is_that_commands() {
    let mut record = deployed();
    record.commands.push(CommandResult {
        command: "echo one\n".to_owned(),
        result: CommandEnd::Passed { output: "one".to_owned() },
        evidence: Vec::new(),
        is_cut: false,
    });
    let passed = "**Result:** ✅ passed – “one”";
    for (template, expect) in [
        (
            "# R\n\n### Test 7 – failover\n\n```bash\nredis-cli -p 6380 ping\n```\n\n**Result:** ✅ PASS\n",
            "**Result:** ☐ unmeasured: not run",
        ),
        ("# R\n\n### Test 1\n\n```bash\necho one\n```\n\n**Result:** ✅ PASS\n", passed),
        ("# R\n\n## Tests\n\n```bash\necho one\n```\n\nIt prints.\n\n- **Result:** ✅ PASS\n", passed),
        (
            "# R\n\n## Tests\n\n```bash\necho one\n```\n\nExpected: `two`\n**Result:** ✅ PASS\n",
            "**Result:** ❌ failed: “two” was expected",
        ),
        (
            "# R\n\n## Tests\n\n```bash\necho 2\n```\n\nProse.\n\n**Overall Status:** ✅ PASS\n",
            "**Overall Status:** ✅ done",
        ),
        ("# R\n\n### Redis\n\n```bash\necho 2\n```\n\n**Status:** ✅ PASS\n", "**Status:** ☐ unmeasured: not run"),
        ("# R\n\n### Step 2: Backup\n\n✅ Complete\n", "☐ (unmeasured) Complete"),
        ("# R\n\n### Step 2: Exporter\n\n✅ Complete\n", "\n✅ Complete"),
        ("# R\n\n### Summary\n\n✅ Complete\n", "\n✅ Complete"),
    ] {
        let text = filled(template, &record);
        assert!(text.contains(expect), "{template}\n{text}");
    }
    // what stays where it is so goes where it isn't
    for template in ["# R\n\n### Step 2: Exporter\n\n✅ Complete\n", "# R\n\n### Summary\n\n✅ Complete\n"] {
        let text = filled(template, &empty(Outcome::Failed));
        assert!(!text.contains('✅'), "{text}");
    }
}

/// An outcome bears out that the order is done, not what else is said behind it.
#[test]
fn a_verdict_alone_bears_out_no_claim_behind_it() {
    for (line, is_green) in [
        ("✅ **SUCCESS** – Redis and S3 are healthy", false),
        ("✅ **COMPLETE** – 9,999 rows exported, zstd", false),
        ("✅ Success. Redis is running and 500 rows were moved", false),
        ("**COMPLETE – Redis healthy ✅**", false),
        ("✅ **DEPLOYMENT SUCCESSFUL** – all is in place", true),
        ("✅ **GO** – ready for production", true),
    ] {
        let text = filled(&format!("# R\n\n{line}\n"), &deployed());
        let own = text.lines().nth(2).unwrap();
        assert_eq!(own.contains('✅'), is_green, "{own}");
        assert!(!filled(&format!("# R\n\n{line}\n"), &empty(Outcome::Failed)).contains('✅'), "{line}");
    }
}

#[test]
fn a_verdict_that_a_tick_ends_is_the_outcomes() {
    let template = "# R\n\n**DEPLOYMENT COMPLETE ✅**\n\nAll acceptance criteria met ✅\n\n**12/12 checks passed ✅**\n\nRedis ✅\n\n✅ **GO**\n\nVerdict — ✅ GO\n";
    let text = filled(template, &deployed());
    assert!(text.contains("**DEPLOYMENT COMPLETE ✅**") && text.contains("✅ **GO**"), "{text}");
    assert!(text.contains("criteria met ☐ (unmeasured)") && text.contains("Redis ☐ (unmeasured)"), "{text}");
    assert!(text.contains("12/12 checks passed ☐ (unmeasured)**") && text.contains("Verdict — ✅ done"), "{text}");
    let text = filled(template, &empty(Outcome::Failed));
    assert!(!text.contains('✅') && text.contains("**DEPLOYMENT COMPLETE ☐**"), "{text}");
}

#[test]
fn a_form_keeps_its_choices_and_has_the_right_one_ticked() {
    let form = "⬜ Not started ⬜ Partial ✅ Complete";
    let open = "⬜ Not started ⬜ Partial ⬜ Complete";
    for (key, outcome, expect) in [
        ("Status", Outcome::Done, form.to_owned()),
        ("Status", Outcome::Partial, "⬜ Not started ☑ Partial ⬜ Complete".to_owned()),
        ("Status", Outcome::Failed, format!("{open} – ❌ failed")),
        ("Redis Status", Outcome::Done, format!("{open} (unmeasured)")),
        ("Exporter Status", Outcome::Done, form.to_owned()),
    ] {
        let mut record = deployed();
        record.outcome = outcome;
        for form in [form, "✅ Not started ⬜ Partial ⬜ Complete"] {
            let text = filled(&format!("**{key}:** {form}\n"), &record);
            assert!(text.starts_with(&format!("**{key}:** {expect}")), "{form}: {text}");
        }
    }
}

/// Rows that sum up, part or hold a place for others ask for nothing that is measured.
#[test]
fn rows_of_metrics_tables_that_ask_for_nothing_are_no_criteria() {
    let head = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| File size | ≤ 5 MB | | ✅ PASS |\n";
    for (row, done, partial) in [
        ("| **TOTAL** | | | ✅ 2/2 |", "✅ done |", "⚠️ partial |"),
        ("| **Overall Status** | All pass | All pass | ✅ PASS |", "✅ done |", "⚠️ partial |"),
        ("| Result | | | ✅ |", "✅ done |", "⚠️ partial |"),
        ("| Result | | | |", "✅ done |", "⚠️ partial |"),
        ("| Verdict | ✅ | | |", "✅ done |", "⚠️ partial |"),
        ("| **Export** | | | |", "| **Export** | | | |", "| **Export** | | | |"),
        ("| ✅ **Export** | | | |", "| ☐ **Export** | | | |", "| ☐ **Export** | | | |"),
        ("| **Export** |", "| **Export** |\n", "| **Export** |\n"),
        ("| … | | | |", "| … | | | |", "| … | | | |"),
        ("| *(add rows as needed)* |", "| *(add rows as needed)* |\n", "| *(add rows as needed)* |\n"),
    ] {
        let table = format!("{head}{row}\n");
        let rows = report::template_criteria(&table);
        assert_eq!(rows.iter().map(|row| row.metric.as_str()).collect::<Vec<_>>(), ["File size"], "{row}");
        for (outcome, expect) in [(Outcome::Done, done), (Outcome::Partial, partial)] {
            let mut record = deployed();
            record.outcome = outcome;
            record.take("verify.checks", Value::Ratio { pass: 15, of: 15 }, Some(true));
            let text = filled(&table, &record);
            let line = text.lines().nth(3).unwrap();
            assert!(format!("{line}\n").contains(expect), "{row}\n{text}");
        }
    }
    // what is asked of something that is measured is a criterion, and so is what the order binds
    for (row, metric) in [
        ("| Overall Status | 15/15 | | |", "Overall Status"),
        ("| Total | ≥ 100 | | |", "Total"),
        ("| Exporter | OK | | |", "Exporter"),
        ("| Rows exported | | | |", "Rows exported"),
        ("| Health checks < 200ms | | | |", "Health checks < 200ms"),
    ] {
        let rows = report::template_criteria(&format!("{head}{row}\n"));
        assert_eq!(rows.iter().map(|row| row.metric.as_str()).collect::<Vec<_>>(), ["File size", metric]);
    }
    let bindings = [("overall status".to_owned(), "verify.checks".to_owned())].into();
    let table = format!("{head}| Overall Status | All pass | | |\n");
    let mut record = deployed();
    record.order.bindings = bindings;
    assert_eq!(report::criteria_for(&table, &record.order).len(), 2);
    record.take("verify.checks", Value::Ratio { pass: 15, of: 15 }, Some(true));
    assert!(filled(&table, &record).contains("| Overall Status | All pass | 15/15 [E"), "{}", filled(&table, &record));
    // without any target nothing parts anything
    let rows = report::template_criteria("| Metric | Target | Actual |\n|---|---|---|\n| File size | | |\n");
    assert_eq!(rows.len(), 1);
}

/// A status in a table below a heading that names a thing is that thing's.
#[test]
fn a_row_of_status_is_of_what_its_heading_names() {
    let form = "| Property | Value |\n|---|---|\n| Status | ✅ Connected |\n";
    let states = "| Item | Status |\n|---|---|\n| Overall | ✅ OK |\n";
    let metric = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| Status | OK | OK | ✅ PASS |\n";
    let sum = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| File size | ≤ 5 MB | | |\n| **Overall Status** | All pass | | ✅ |\n";
    let elsewhere = "| Check | Path | Status |\n|---|---|---|\n| Status | `run/csv_exporter.cjs` | ✅ |\n";
    let mut record = deployed();
    record.order.title = Some("Deploy the parquet exporter".to_owned());
    for (heading, table, expect, criteria) in [
        ("S3 backup", form, "| Status | ☐ unmeasured: nothing measures it |", 0),
        ("Exporter", form, "| Status | ✅ Verified: executable", 0),
        ("Summary", form, "| Status | ✅ done |", 0),
        ("Grafana", states, "| Overall | ☐ unmeasured: nothing measures it |", 0),
        ("Exporter", states, "| Overall | ✅ OK: executable", 0),
        ("Verification results", states, "| Overall | ✅ done |", 0),
        ("Database", metric, "| Status | OK | unmeasured: nothing measures it | ☐ UNMEASURED |", 1),
        ("Exporter", metric, "| Status | OK | executable, ran with --dry [E", 1),
        ("Verification results", metric, "| ✅ done |", 0),
        ("Deploy the parquet exporter", metric, "| ✅ done |", 0),
        ("Database", sum, "| ✅ done |", 1),
        ("Exporter", elsewhere, "| ☐ unmeasured: ", 0),
    ] {
        let template = format!("# R\n\n## Redis\n\nx\n\n## {heading}\n\n{table}");
        assert_eq!(report::criteria_for(&template, &record.order).len(), criteria, "{template}");
        let text = filled(&template, &record);
        assert!(text.contains(expect), "{text}");
    }
}

/// Emphasis that opens before a status and closes within it stays whole.
#[test]
fn a_status_keeps_the_marks_around_it() {
    let mut record = deployed();
    for (template, expect) in [
        ("Verdict: **PASS** ✅\n", "Verdict: **@**\n"),
        ("**Verdict:** **PASS** ✅\n", "**Verdict:** **@**\n"),
        ("**Status: PASS** ✅\n", "**Status: @**\n"),
        ("Status: *Complete* ✅\n", "Status: *@*\n"),
        ("**Result**: **✅ PASS**\n", "**Result**: **@**\n"),
        ("**Status: ✅ PASS**\n", "**Status: @**\n"),
        ("**Status:** ✅ PASS\n", "**Status:** @\n"),
        ("**Status:**\n**✅ PASS** (all)\n", "**Status:**\n**@**\n"),
        ("**Status: ☐ Pending / ✅ PASS** (all)\n", "**Status: @**\n"),
        ("Overall result: `PASS` ✅\n", "Overall result: @\n"),
    ] {
        for (outcome, sign) in [(Outcome::Done, "✅ done"), (Outcome::Partial, "⚠️ partial")] {
            record.outcome = outcome;
            let sign = match outcome {
                Outcome::Done if template.contains("Pending") => "✅ PASS (all)",
                _ => sign,
            };
            assert!(filled(template, &record).starts_with(&expect.replace('@', sign)), "{}", filled(template, &record));
        }
    }
}

#[test]
fn a_status_in_thai_is_the_outcome_s_too() {
    let mut record = deployed();
    for key in ["สถานะ", "สถานะรวม", "ผลลัพธ์", "สถานะ (Status)", "Status (สถานะ)", "Status / สถานะ"]
    {
        for (outcome, sign) in [(Outcome::Done, "✅ done"), (Outcome::Partial, "⚠️ partial")] {
            record.outcome = outcome;
            let text = filled(&format!("# รายงาน\n\n**{key}:** ✅ สำเร็จ\n"), &record);
            assert!(text.contains(&format!("**{key}:** {sign}\n")), "{text}");
        }
    }
    let text = filled("# รายงาน\n\n**สถานะฐานข้อมูล:** ✅ สำเร็จ\n", &record);
    assert!(text.contains("**สถานะฐานข้อมูล:** ☐"), "{text}");
}
