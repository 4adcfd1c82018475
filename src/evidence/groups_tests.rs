//! Orders whose criteria stand below headings and beside cells: categories change nothing, the name of another thing makes what
//! stands there unmeasured.

use super::judge::judge;
use super::{Artifact, Declaration, Kind, Measurement, Value, Verdict, Vocabulary};

fn judged(body: &str, name: &str) -> Vec<String> {
    let order = crate::order::parse(body.as_bytes(), name).expect("an order");
    let known = Vocabulary::new([
        Declaration::new("service.loaded", &["LaunchAgent", "LaunchAgent loaded"], "").of(Kind::State),
        Declaration::new("export.file_size", &["File size"], "").of(Kind::Bytes),
        Declaration::new("export.rows", &["Rows"], ""),
        Declaration::new("parquet.file", &["Parquet file"], "").of(Kind::State),
        Declaration::new("exporter.script", &["Exporter script"], "").of(Kind::State),
    ]);
    let now = jiff::Timestamp::UNIX_EPOCH;
    let state = Value::State { works: true, detail: "loaded".to_owned() };
    let file = Artifact { path: "g/analytics/ops_atomic_20261127.parquet".to_owned(), bytes: 1, sha256: String::new() };
    let measured = [
        Measurement::new("service.loaded", state, "asked launchd for com.02luka.analytics.parquet", now).ok(true),
        Measurement::new("export.file_size", Value::Bytes(1000), "looked", now).artifact(file),
        Measurement::new("export.rows", Value::Count { n: 9, noun: "rows".to_owned() }, "counted", now),
    ];
    let judged = judge(&order.acceptance, &order, &measured, &known, jiff::civil::date(2026, 11, 28));
    let shown = judged.iter().map(|one| match one.verdict {
        Verdict::Pass => "PASS".to_owned(),
        _ => one.reason.clone(),
    });
    shown.collect()
}

#[test]
fn what_stands_below_the_name_of_another_thing_is_of_it() {
    for (acceptance, expect) in [
        ("### Performance\n\n- File size ≤ 5 MB\n\n### P0 – Must have\n\n- LaunchAgent loaded", vec!["PASS", "PASS"]),
        ("**Storage:**\n- File size ≤ 5 MB\n\n**Phase 7.8**\n- Rows > 0\n", vec!["PASS", "PASS"]),
        ("### Parquet exporter\n- LaunchAgent loaded\n### Heartbeats\n- Rows > 0", vec!["PASS", "PASS"]),
        ("### ประสิทธิภาพ\n- File size ≤ 5 MB", vec!["PASS"]),
        ("### Optimizer\n- LaunchAgent loaded\n### Exporter\n- LaunchAgent loaded", vec!["it is of Optimizer", "PASS"]),
        ("### Optimizer\n#### State\n- LaunchAgent loaded", vec!["nothing measures it", "it is of Optimizer"]),
        (
            "**Optimizer**\n- LaunchAgent loaded\n\n**com.02luka.other**\n- LaunchAgent loaded\n\n**Exporter**\n- Rows > 0",
            vec!["it is of Optimizer", "it is of com.02luka.other", "PASS"],
        ),
        (
            "1. Optimizer\n   - LaunchAgent loaded\n2. Exporter\n   - LaunchAgent loaded",
            vec!["it is of Optimizer", "PASS"],
        ),
        (
            "- Optimizer:\n- LaunchAgent loaded\n- Exporter:\n- LaunchAgent loaded",
            vec!["nothing measures it", "it is of Optimizer", "nothing measures it", "PASS"],
        ),
        (
            "| Component | Metric | Target |\n|---|---|---|\n| Exporter | File size | ≤ 5 MB |\n| Optimizer | LaunchAgent | loaded |\n\
             |  | Rows | > 0 |\n| Frontend | Rows | > 0 |\n| Storage | Rows | > 0 |",
            vec!["PASS", "it is of Optimizer", "it is of Optimizer", "it is of Frontend", "PASS"],
        ),
        (
            "1. Optimizer\n\n   | Metric | Target |\n   |---|---|\n   | LaunchAgent | loaded |\n\n2. Exporter\n\n   | Metric | Target |\n   |---|---|\n   | LaunchAgent | loaded |",
            vec!["it is of Optimizer", "PASS"],
        ),
        (
            "| Service | Check | Expected |\n|---|---|---|\n| com.02luka.other | LaunchAgent | loaded |\n\
             | com.02luka.analytics.parquet | LaunchAgent | loaded |",
            vec!["it is of com.02luka.other", "PASS"],
        ),
        (
            "| # | Category | Metric | Target |\n|---|---|---|---|\n| 1 | Frontend | File size | ≤ 5 MB |\n| 2 | Redis | Rows | > 0 |",
            vec!["PASS", "it is of Redis"],
        ),
        (
            "| ID | Description | Metric | Target |\n|---|---|---|---|\n| AC-1 | Smaller than the CSV dumps | File size | ≤ 5 MB |\n\
             | AC-2 | As written in docs/spec.md | Rows | > 0 |",
            vec!["PASS", "PASS"],
        ),
        ("**Without SQLite:**\n- File size ≤ 5 MB", vec!["PASS"]),
        ("| Metric | Target | Notes |\n|---|---|---|\n| File size | ≤ 5 MB | Redis was slow |", vec!["PASS"]),
    ] {
        let text = format!("# WO-1-X\n\n## Acceptance Criteria\n\n{acceptance}\n");
        assert_eq!(judged(&text, "WO-1-X.md"), expect, "{acceptance}");
    }
    for (body, expect) in [
        ("## Optimizer\n\n### Acceptance Criteria\n- LaunchAgent loaded", "it is of Optimizer"),
        ("## Digest – Acceptance Criteria\n- LaunchAgent loaded", "it is of Digest – Acceptance Criteria"),
        ("## Acceptance Criteria (Redis)\n- File size ≤ 5 MB", "it is of Acceptance Criteria (Redis)"),
        ("## Acceptance Criteria (see docs/redis.md)\n- File size ≤ 5 MB", "PASS"),
        ("## Monitoring\n\n### Acceptance Criteria\n- LaunchAgent loaded", "PASS"),
    ] {
        assert_eq!(judged(&format!("# WO-1-X: Redis export\n\n{body}\n"), "WO-1-X.md"), [expect], "{body}");
    }
}

#[test]
fn keys_of_data_are_headings_too() {
    for (acceptance, expect) in [
        (
            "acceptance:\n  functional:\n    - LaunchAgent: loaded\n  optimizer:\n    launchagent: loaded\n",
            vec!["PASS", "it is of optimizer"],
        ),
        (
            "acceptance:\n  optimizer: [LaunchAgent loaded]\n  storage:\n    File size: { max: 5 MB }\n",
            vec!["it is of optimizer", "PASS"],
        ),
        ("acceptance:\n  - { component: Redis, metric: File size, target: ≤ 5 MB }\n", vec!["it is of Redis"]),
        ("acceptance:\n  - { component: Exporter, metric: File size, target: ≤ 5 MB }\n", vec!["PASS"]),
        (
            "bindings: { LaunchAgent: service.loaded }\nacceptance:\n  optimizer:\n    LaunchAgent: loaded\n",
            vec!["PASS"],
        ),
    ] {
        let text = format!("id: WO-1-X\ntitle: x\n{acceptance}");
        let mut found = judged(&text, "WO-1-X.yaml");
        let mut expect: Vec<String> = expect.into_iter().map(str::to_owned).collect();
        found.sort();
        expect.sort();
        assert_eq!(found, expect, "{acceptance}");
    }
}
