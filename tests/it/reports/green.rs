//! Every way by which green has leaked, or could.

use workbridge::evidence::{Outcome, Value, Verdict};
use workbridge::order::CriterionSource;
use workbridge::report::{self, CommandEnd, CommandResult};

use super::filled;
use super::record::{Taken as _, artifact, criterion, deployed, empty, state, waived};

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
            "| Redis | Exporter | Grafana |\n|---|---|---|\n| ✅ | ✅ | ✅ OK |\n| ✅ | | ❌ |\n",
            "| ☐ (unmeasured) | ✅ | ☐ (unmeasured) OK |\n| ☐ (unmeasured) | | ❌ |",
        ),
        ("| Redis |\n|---|\n| ✅ |\n", "\n| ☐ (unmeasured) |"),
        ("| Redis | Exporter |\n|---|---|\n| ✅ | ✅ Exporter |\n", "| ☐ (unmeasured) | ☐ (unmeasured) Exporter |"),
        ("| Redis | S3 |\n|---|---|\n| | ✅ Exporter script |\n", "| | ☐ (unmeasured) Exporter script |"),
        ("| | Redis | Exporter |\n|---|---|---|\n| Status | ✅ | ✅ up |\n", "| Status | ☐ (unmeasured) | ✅ up |"),
        ("| | Redis |\n|---|---|\n| Status | ✅ |\n", "| Status | ☐ (unmeasured) |"),
        ("| | |\n|---|---|\n| Status | ✅ complete |\n", "| Status | ✅ done |"),
        (
            "| Check | Pass | Fail |\n|---|---|---|\n| Exporter | | ✅ |\n| Redis auth | ✅ | |\n",
            "| Exporter | ✅ Verified: executable, ran with --dry [E7] | — |\n| Redis auth | ☐ unmeasured: nothing measures it | — |",
        ),
        ("Redis is healthy and responding to all requests ✅\n", "all requests ☐ (unmeasured)\n"),
        ("All criteria have been met. The exporter is ready. ✅\n", "is ready. ☐ (unmeasured)\n"),
        ("It took us a long time to deploy all of the\nExporter ✅\n", "Exporter ☐ (unmeasured)\n"),
        ("- It took us a long time to deploy all of the\n  Exporter ✅\n", "Exporter ☐ (unmeasured)\n"),
        ("- Log directory:\n  Exporter ✅\n", "Exporter ✅\n"),
        ("- Redis auth ✅ (PONG in 3 ms)\n", "- Redis auth ☐ (unmeasured) (PONG in 3 ms)"),
        ("- Exporter ✅ / Redis ✅\n", "- Exporter ✅ / Redis ☐ (unmeasured)"),
        ("- Redis auth ✅ configured\n", "- Redis auth ☐ (unmeasured) configured"),
        ("- Peer review – done ✅, see minutes\n", "- Peer review – done ☐ (unmeasured), see minutes"),
        ("- Exporter ✅ deployed\n", "- Exporter ✅ deployed"),
        ("- Exporter ✅ deployed as `run/csv.cjs`\n", "- Exporter ☐ (unmeasured) deployed as `run/csv.cjs`"),
        ("- Redis ✅ up, Exporter ✅ deployed\n", "- Redis ☐ (unmeasured) up, Exporter ✅ deployed"),
        ("- [x] **Exporter** – deployed\n", "- [x] **Exporter** – deployed"),
        ("1. ✅ **Log directory** – OK\n- Exporter: OK ✅\n", "1. ✅ **Log directory** – OK\n- Exporter: OK ✅"),
        ("- [x] Exporter – deployed twice\n", "- [ ] (unmeasured) Exporter – deployed twice"),
        ("**Exporter Status:** ✅ OK\n", "**Exporter Status:** ✅ OK"),
        ("**Redis Status:** ✅ OK\n", "**Redis Status:** ☐ unmeasured"),
        ("**1. Exporter:** ✅ OK\n", "**1. Exporter:** ✅ OK"),
        ("- [x] Exporter #ops\n- [x] Redis #ops\n", "- [x] Exporter #ops\n- [ ] (unmeasured) Redis #ops"),
        ("- Exporter ✅ ^f1\n- Exporter: ✅ OK #ops\n", "- Exporter ✅ ^f1\n- Exporter: ✅ OK #ops"),
        ("- [x] Exporter 📅 2026-12-01\n", "- [x] Exporter 📅 2026-12-01"),
        ("- [x] Exporter since 2026-12-01\n", "- [ ] (unmeasured) Exporter since 2026-12-01"),
        ("- Exporter ✅ 2026-12-01\n", "- Exporter ☐ (unmeasured) 2026-12-01"),
        ("- [x] [[run/a|Exporter]] deployed\n", "- [x] [[run/a|Exporter]] deployed"),
        ("redis:: ✅ up\n[exporter:: ✅ up]\n", "redis:: ☐ (unmeasured) up\n[exporter:: ✅ up]"),
        ("status:: ✅ complete\n", "status:: ✅ done"),
        (
            "| Req | Description | Met? |\n|---|---|---|\n| R1 | Exporter | ✅ Yes |\n| R2 | Redis | ✅ Yes |\n",
            "| R1 | Exporter | ✅ Yes: executable, ran with --dry [E7] |\n| R2 | Redis | ☐ unmeasured: ",
        ),
        ("| Nr | Prüfpunkt | Ist |\n|---|---|---|\n| 1 | Exporter | ✅ da |\n", "| 1 | Exporter | ✅ da |"),
        ("**Redis:** ✅ up and running\n", "**Redis:** ☐ (unmeasured) up and running"),
        ("**Exporter:** ✅ Deployed\n", "**Exporter:** ✅ Deployed"),
        ("Conclusion: ✅ SUCCESS\n", "Conclusion: ✅ done"),
        ("> ✅ **All systems** are operational\n", "> ☐ (unmeasured) **All systems** are operational"),
        ("> [!NOTE]\n> ✅ Redis auth\n> ✅ Exporter\n", "> ☐ (unmeasured) Redis auth\n> ✅ Exporter"),
        ("✅ Complete / ☐ Partial / ☐ Failed\n", "✅ Complete / ☐ Partial / ☐ Failed"),
        ("✅ **DEPLOYMENT SUCCESSFUL** – all of it\n", "✅ **DEPLOYMENT SUCCESSFUL** – all of it"),
        ("☐ Partial Success\n\n✅ Full Success\n", "☐ Partial Success\n\n✅ Full Success"),
        ("✅ Redis auth\n\n**✅ Exporter**\n", "☐ (unmeasured) Redis auth\n\n**✅ Exporter**"),
        ("• ✅ Redis auth\n• ✅ Exporter\n", "• ☐ (unmeasured) Redis auth\n• ✅ Exporter"),
        ("✅ All tests passed\n", "☐ (unmeasured) All tests passed"),
    ] {
        let text = filled(template, &record);
        assert!(text.contains(expect), "{text}");
        let mut nothing = empty(Outcome::Failed);
        nothing.declarations = record.declarations;
        let text = filled(template, &nothing);
        // what is chosen and no reason to be green has a box that is ticked
        assert!(!report::marks::has_green(&text.replace("☑ Failed", "")), "{text}");
    }
    let text = filled("✅ Complete / ☐ Partial / ☐ Failed\n", &empty(Outcome::Partial));
    assert!(text.starts_with("☐ Complete / ✅ Partial / ☐ Failed\n"), "{text}");
    let mut broken = empty(Outcome::Failed);
    broken.declarations = record.declarations;
    broken.take("exporter.script", state(false, "gone"), Some(false));
    let text = filled("| Check | ✅ | ❌ |\n|---|---|---|\n| Exporter | ✅ | |\n", &broken);
    assert!(text.contains("| Exporter | — | ❌ Failed: gone [E1] |"), "{text}");
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
                record.commands.push(CommandResult {
                    command: format!("subject.{n}"),
                    result,
                    evidence: vec![id],
                    is_cut: false,
                });
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

/// The path column says what a row is about as much as its label does.
#[test]
fn what_stands_beside_a_label_must_be_what_was_measured() {
    let record = deployed();
    for (header, row, green) in [
        ("Component | Path", "Exporter script | `run/parquet_exporter.cjs`", true),
        ("Component | Path", "Exporter script | run/parquet_exporter.cjs", true),
        ("Component | Path", "Exporter script | `run/csv_exporter.cjs`", false),
        ("Deliverable | Path", "Exporter script | `run/csv_exporter.cjs`", false),
        ("Component | Owner", "Exporter script | Boss, see docs/people.md", true),
        ("Component | Runtime", "Exporter script | Node.js, by launchd", true),
        ("Component | Module", "Exporter script | csv_exporter", false),
        ("Component | Module", "Exporter script | shared_exporter", true),
        ("Component | Host", "Exporter script | 10.0.0.7:6379", false),
        ("Component | Label", "LaunchAgent | com.02luka.digest", false),
        ("Component | Where", "LaunchAgent | g/logs/, com.02luka.optimizer", false),
        ("ส่วน | ที่อยู่", "Exporter script | `run/csv_exporter.cjs`", false),
        ("ส่วน | ที่อยู่", "Exporter script | `run/parquet_exporter.cjs`", true),
    ] {
        let last = if header.is_ascii() { "Status" } else { "สถานะ" };
        let text = filled(&format!("| {header} | {last} |\n|---|---|---|\n| {row} | ✅ Verified |\n"), &record);
        assert_eq!(report::marks::has_green(&text), green, "{header}: {row}\n{text}");
    }
    for (path, green) in [("g/analytics/", true), ("g/exports/", false)] {
        let table = "| Metric | Path | Target | Status |\n|---|---|---|---|\n";
        let text = filled(&format!("{table}| Parquet file | {path} | Working | ✅ |\n"), &record);
        assert_eq!(report::marks::has_green(&text), green, "{path}\n{text}");
    }
}

/// A sign is about all that stands beside it: what was measured to be otherwise, or not at all, is not green.
#[test]
fn the_figures_beside_a_sign_must_be_what_was_measured() {
    let mut record = deployed();
    record.take("export.rows", Value::Count { n: 864, noun: "rows".to_owned() }, Some(true));
    record.take("verify.checks", Value::Ratio { pass: 15, of: 15 }, Some(true));
    record.take("export.compression", Value::Word("Snappy".to_owned()), Some(true));
    let schedule = record.measurements.iter().find(|one| one.key == "export.frequency").unwrap().value.clone();
    record.take("export.schedule", schedule, Some(true));
    record.judge(&[criterion("Compression", "Snappy"), criterion("Validation time", "< 2 s for ≤1000 rows")]);
    let mut wrong = Vec::new();
    for (line, sign) in [
        ("**Rows:** ✅ 9,999", "❌"),
        ("**Rows:** ✅ 864", "✅"),
        ("**Rows:** ✅ ≥ 800 rows", "✅"),
        ("**Rows:** ✅ 864 แถว", "✅"),
        ("**Rows:** ✅ 864 Zeilen, snappy, in 3 day files", "✅"),
        ("**Rows:** ✅ 864 rows in 4 files, 0 lost", "✅"),
        ("**Rows:** ✅ 865 rows in 4 files", "❌"),
        ("**Rows:** ✅ 864 heartbeats", "✅"),
        ("**Rows:** ✅ 864/864", "✅"),
        ("**Compression:** ✅ Zstd", "❌"),
        ("**Compression:** ✅ SNAPPY", "✅"),
        ("**Compression:** ✅ Snappy, not gzip", "✅"),
        ("**Compression:** ✅ zstd, not Snappy", "❌"),
        ("**Compression:** ✅ zstd (was Snappy)", "❌"),
        ("**File size:** ✅ 9 GB (was 41.2 kB)", "❌"),
        ("**Rows:** ✅ 9,999 exported (864 yesterday)", "❌"),
        ("**Rows:** ✅ 864 rows, 9999 heartbeats", "❌"),
        ("- [x] Test 15", "[ ] (unmeasured)"),
        ("**Exporter:** ✅ Deployed; supports Snappy and ZSTD", "✅"),
        ("**File size:** ✅ 41.2 kB (limit 5 MB)", "✅"),
        ("**File size:** ✅ OK (max. 5 MB)", "✅"),
        ("**File size:** ✅ within the 5 MB limit", "✅"),
        ("**File size:** ✅ 41.2 kB / 5 MB", "✅"),
        ("**File size:** ✅ OK (limit 5 kB)", "❌"),
        ("**File size (5 MB max):** ✅ OK", "✅"),
        ("**File size:** ✅ 4.2 GB", "❌"),
        ("**File size:** ✅ 41.2 kB", "✅"),
        ("**File size:** ✅ ≤ 5 MB/day", "✅"),
        ("**Schedule:** ✅ 04:00 daily", "❌"),
        ("**Schedule:** ✅ 02:30 daily", "✅"),
        ("**Next run:** ✅ 2026-12-24 02:30", "☐"),
        ("**Next run:** ✅ 2025-10-30 02:30", "✅"),
        ("**Tests passed:** ✅ 42 passed, 0 failed", "❌"),
        ("**Tests passed:** ✅ 15 passed, 0 failed", "✅"),
        ("**Tests passed:** ✅ Passed: 15, Failed: 0", "✅"),
        ("**Tests passed:** ✅ Passed: 15, Failed: 3", "❌"),
        ("**Exporter:** ✅ Deployed YYYY-MM-DD", "✅"),
        ("**Exporter:** ✅ Deployed 2025-10-29 by Phase 7.8, Node 18", "✅"),
        ("**Exporter:** ✅ Deployed 2024-01-01", "☐"),
        ("**Exporter:** ✅ Deployed (30 s timeout, step 2 of 5, PID: 4411, 245 lines)", "✅"),
        ("**Exporter:** ✅ 42 passed, 0 failed", "☐"),
        ("1. ✅ **Exporter**", "✅"),
        ("2. ✅ **`run/parquet_exporter.cjs`**", "✅"),
        ("- ✅ Compression (zstd)", "❌"),
        ("- ✅ Compression (snappy)", "✅"),
        ("- ✅ Exporter (snappy, 02:30 daily)", "✅"),
        ("- ✅ Two readers agree", "✅"),
        ("- ✅ Validation time (< 2 s for ≤1000 rows)", "✅"),
        ("- Rows ✅ / Compression (zstd) ✅", "✅ / Compression (zstd) ❌"),
        ("- [x] Rows `2,880 rows`", "[ ] ❌"),
        ("- [x] Rows `864 rows`", "[x]"),
        ("- [ ] Rows `2,880 rows`", "[ ] ❌"),
        ("> ✅ Compression (zstd)", "❌"),
        ("| รายการ | ผลลัพธ์ |\n|---|---|\n| Compression | ✅ Zstd |", "❌"),
        ("| รายการ | ผลลัพธ์ |\n|---|---|\n| Compression | ✅ Snappy |", "✅"),
        ("| Prüfpunkt | Ist | Ergebnis |\n|---|---|---|\n| Rows | 9.999 | ✅ bestanden |", "☐"),
        ("| Prüfpunkt | Ist | Ergebnis |\n|---|---|---|\n| Rows | 864 | ✅ bestanden |", "✅"),
        ("| Prüfpunkt | Rang | Ergebnis |\n|---|---|---|\n| Exporter | 1 | ✅ bestanden |", "✅"),
        ("| Field | Value |\n|---|---|\n| Next run | ✅ 2026-12-24 02:30 |", "☐"),
        ("| Component | Codec | Status |\n|---|---|---|\n| Exporter | zstd | ✅ OK |", "☐"),
        ("| Component | Codec | Status |\n|---|---|---|\n| Exporter | snappy | ✅ OK |", "✅"),
        ("| Component | Since | Status |\n|---|---|---|\n| Exporter | 2024-01-01 | ✅ OK |", "✅"),
    ] {
        let text = filled(&format!("{line}\n"), &record);
        let at = line.find(['✅', '[']).unwrap();
        if !text.get(at..).is_some_and(|text| text.starts_with(sign)) {
            wrong.push(text.lines().take(line.lines().count()).last().unwrap().to_owned());
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
