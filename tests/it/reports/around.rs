//! Whose a row, an item or a key is, by what stands around it.

use std::sync::LazyLock;

use workbridge::evidence::{Outcome, Value, Vocabulary};
use workbridge::handlers::monitor_fix;
use workbridge::report::RunRecord;

use super::filled;
use super::record::{Taken as _, deployed, empty, state};

static MONITORS: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::new(monitor_fix::declarations::DECLARATIONS));

/// A repaired monitor.
fn repaired() -> RunRecord {
    let mut record = empty(Outcome::Done);
    record.declarations = &MONITORS;
    record.take("monitor.redis", state(true, "PONG from 127.0.0.1:6379"), Some(true));
    record.take("monitor.database", state(true, "quick_check ok"), Some(true));
    record.take("monitor.status", state(true, "healthy"), Some(true));
    record.take("service.loaded", state(true, "pid 7"), Some(true)).how =
        "asked launchd for com.02luka.ops_atomic_monitor.loop".to_owned();
    record
}

fn exported() -> RunRecord {
    let mut record = deployed();
    record.take("export.rows", Value::Count { n: 864, noun: "rows".to_owned() }, Some(true));
    for key in ["service.loaded", "service.runs"] {
        let found = record.measurements.iter_mut().find(|one| one.key == key).unwrap();
        found.how = "asked launchd for com.02luka.analytics.parquet".to_owned();
    }
    record
}

/// Each template's last line, and whether it is green.
fn check(record: &RunRecord, cases: &[(&str, bool)]) {
    let mut wrong = Vec::new();
    for (template, green) in cases {
        let text = filled(template, record);
        let last = text.trim_end().lines().last().unwrap();
        let is_green = last.contains('✅') || last.contains("[x]");
        if is_green != *green || last.contains('❌') {
            wrong.push(format!("{template} → {last}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

const STATES: &str = "| Component | State |\n|---|---|\n| LaunchAgent | ✅ OK |\n";
const METRICS: &str = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| LaunchAgent | loaded | | |\n";

#[test]
fn below_a_heading_that_names_another_thing_nothing_is_of_what_was_measured() {
    let heading = |heading: &str, body: &str| format!("# Report\n\n{heading}\n\n{body}");
    let mut cases = Vec::new();
    for other in [
        "## 2. Optimizer (`com.02luka.optimizer`)",
        "## Digest",
        "## Redis",
        "## OPS-Atomic monitor",
        "## Database health",
        "## 🔴 3. **Redis** ##",
        "## com.02luka.digest",
        "## CSV converter",
        "## Host mac-mini.local",
        "## Optimizer\n\n### Performance",
        "**Optimizer**",
        "Optimizer:",
        "- Optimizer\n  - LaunchAgent",
    ] {
        let is_list = other.ends_with(":") || other.starts_with("**");
        for body in ["- [x] LaunchAgent loaded\n", "- LaunchAgent: ✅ loaded\n"] {
            let indented = if other.starts_with('-') { format!("    {body}") } else { body.to_owned() };
            cases.push((heading(other, &indented), false));
        }
        if !is_list && !other.starts_with('-') {
            for body in
                [STATES, METRICS, "**LaunchAgent:** ✅ loaded\n", "✅ LaunchAgent loaded\n", "> ✅ LaunchAgent\n"]
            {
                cases.push((heading(other, body), false));
            }
        }
    }
    for own in [
        "## Performance",
        "## Storage",
        "## Verification",
        "## Phase 7.8",
        "## Component status",
        "## Parquet Exporter",
        "## Data analytics",
        "## Monitoring",
        "## การติดตั้ง",
        "## 3.1 LaunchAgent (com.02luka.analytics.parquet)",
        "## Parquet exporter (`run/parquet_exporter.cjs`)",
        "## Heartbeat → Parquet export",
        "## Checks that were made after Redis had been repaired for good",
        "## WO-251029-PARQUET-EXPORTER – Redis",
        "## Redis\n\n## Service",
    ] {
        for body in [STATES, METRICS, "- [x] LaunchAgent loaded\n", "**LaunchAgent:** ✅ loaded\n"] {
            cases.push((heading(own, body), true));
        }
    }
    let cases: Vec<(&str, bool)> = cases.iter().map(|(template, green)| (template.as_str(), *green)).collect();
    check(&exported(), &cases);
}

#[test]
fn what_is_of_the_thing_itself_stays_green_below_its_name() {
    let cases = [
        ("# R\n\n## Redis\n\n- [x] Redis auth\n", true),
        ("# R\n\n## Redis\n\n| Check | Status |\n|---|---|\n| Redis ping | ✅ |\n", true),
        ("# R\n\n## Redis\n\n**Redis connection:** ✅ OK\n", true),
        ("# R\n\n## Redis\n\n**Status:** ✅ OK\n", true),
        ("# R\n\n## OPS-Atomic monitor\n\n- [x] Redis\n", true),
        ("# R\n\n## Heartbeat checks\n\n- [x] Database\n", true),
        ("# R\n\n## Heartbeat loop\n\n- [x] LaunchAgent loaded\n", true),
        ("# R\n\n## Redis\n\n- [x] LaunchAgent loaded\n", false),
        ("# R\n\n## Redis\n\n- [x] Database\n", false),
        ("# R\n\n## Optimizer\n\n- [x] Database\n", false),
        ("| Service | Check | Status |\n|---|---|---|\n| Redis | Redis ping | ✅ |\n", true),
    ];
    check(&repaired(), &cases);
    let cases = [
        ("# R\n\n## Heartbeats\n\n- [x] Rows\n", true),
        ("# R\n\n## Compression\n\n- [x] Compression: Snappy\n", true),
        ("# R\n\n## Output (g/analytics/ops_atomic_YYYYMMDD.parquet)\n\n- [x] Parquet file\n", true),
        ("# R\n\n## Redis\n\n- [x] Compression: Snappy\n", false),
        ("# R\n\n## Redis\n\n**Compression:** ✅ Snappy\n", false),
    ];
    check(&exported(), &cases);
}

#[test]
fn the_other_cells_of_a_row_say_whose_it_is() {
    let mut cases = Vec::new();
    for (headers, row, green) in [
        ("Area | Component | Status", "Optimizer | LaunchAgent | ✅", false),
        ("Area | Component | Status", "Staging | LaunchAgent | ✅", false),
        ("Module | Feature | Status", "Uploader | LaunchAgent | ✅", false),
        ("Module | Feature | Status", "Scripts | LaunchAgent | ✅", true),
        ("Module | Feature | Status", "ตัวส่งออก | LaunchAgent | ✅", true),
        ("Area | Component | Status", "Parquet | LaunchAgent | ✅", true),
        ("Area | Component | Status", "Scheduling | LaunchAgent | ✅", true),
        ("Area | Component | Status", "การตั้งเวลา | LaunchAgent | ✅", true),
        ("Category | Metric | Target | Actual | Status", "Optimizer | LaunchAgent | loaded | | ", false),
        ("Category | Metric | Target | Actual | Status", "CSV converter | File size | ≤ 5 MB | | ", false),
        ("Category | Metric | Target | Actual | Status", "Redis | Validation time | < 2 s | | ", false),
        ("Category | Metric | Target | Actual | Status", "Storage | File size | ≤ 5 MB | | ", true),
        ("Component | Metric | Target | Actual | Status", "Redis | Validation time | < 2 s | | ", false),
        ("Metric | Component | Target | Actual | Status", "Validation time | Redis | < 2 s | | ", false),
        ("Metric | Component | Target | Actual | Status", "File size | Export | ≤ 5 MB | | ", true),
        ("Component | Service | State", "LaunchAgent | optimizer | ✅ OK", false),
        ("Component | Service | State", "LaunchAgent | com.02luka.digest | ✅ OK", false),
        ("Component | Service | State", "LaunchAgent | com.02luka.analytics.parquet | ✅ OK", true),
        ("Host | Component | State", "mac-mini.local | Exporter | ✅ OK", false),
        ("Host | Component | State", "mac-mini | Exporter | ✅ OK", false),
        ("Component | Host | State", "Exporter | mac-mini | ✅ OK", false),
        ("Host | Component | State", "localhost | Exporter | ✅ OK", true),
        ("Phase | Component | State", "7.8 | Exporter | ✅ OK", true),
        ("Priority | Component | State", "P1 | Exporter | ✅ OK", true),
        ("Owner | Component | State", "Redis team | Exporter | ✅ OK", true),
        ("Component | Description | State", "Exporter | reads what the monitor wrote, not Redis | ✅ OK", true),
        ("Component | Notes | State", "Exporter | without Redis | ✅ OK", true),
        ("Environment | Component | State", "production | Exporter | ✅ OK", true),
    ] {
        let rule = "---|".repeat(headers.split('|').count());
        cases.push((format!("| {headers} |\n|{rule}\n| {row} |\n"), green));
    }
    let cases: Vec<(&str, bool)> = cases.iter().map(|(template, green)| (template.as_str(), *green)).collect();
    check(&exported(), &cases);
    let mut record = exported();
    record.order.bindings.insert("LaunchAgent".to_owned(), "service.loaded".to_owned());
    check(&record, &[(&*format!("# R\n\n## Optimizer\n\n{STATES}"), true)]);
}

#[test]
fn what_a_second_column_says_of_the_first_is_of_the_first() {
    let items = |row: &str| format!("| Component | Item | State |\n|---|---|---|\n{row}");
    let metrics = |row: &str| {
        format!(
            "# R\n\n### Exporter script\n\n| Component | Metric | Target | Actual | Status |\n|---|---|---|---|---|\n{row}"
        )
    };
    let below = |heading: &str| format!("# R\n\n### {heading}\n\n{STATES}");
    let cases = [
        (items("| LaunchAgent | Loaded | ✅ OK |\n"), true),
        (items("| LaunchAgent | Unloaded | ✅ OK |\n"), false),
        (items("| Kafka | Status | ✅ OK |\n"), false),
        (metrics("| Kafka | Status | OK | | |\n"), false),
        (below("launchd/com.02luka.analytics.parquet.plist"), true),
        (below("launchd/com.02luka.optimizer.plist"), false),
        (below("Host: localhost"), true),
        (below("Host: mac-mini.local"), false),
    ];
    check(&exported(), &cases.iter().map(|(template, green)| (template.as_str(), *green)).collect::<Vec<_>>());
}
