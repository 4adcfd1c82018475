//! What stands beside a target: columns and keys that restrict it, and those that change nothing.

use super::{Order, Severity, parse};

fn named(text: &str, name: &str) -> Order {
    parse(text.as_bytes(), name).unwrap()
}

fn table(header: &str, rows: &[&str]) -> Order {
    let rule = "|-".repeat(header.matches('|').count() - 1);
    named(&format!("# WO-1\n\n## Acceptance\n\n{header}\n{rule}|\n{}\n", rows.join("\n")), "WO-1.md")
}

fn compiled(order: &Order) -> Vec<String> {
    order.acceptance.iter().map(|one| format!("{}: {}", one.metric, one.compiled)).collect()
}

fn codes(order: &Order, is_note: bool) -> Vec<&str> {
    let found = order.diagnostics.iter().filter(|found| (found.severity == Severity::Note) == is_note);
    found.map(|found| found.code.as_str()).collect()
}

#[test]
fn columns_that_only_begin_like_targets_are_asides() {
    for (header, rows, expect) in [
        ("| Metric | Target | Expected impact |", vec!["| a | Snappy | High |"], vec!["a: is Snappy"]),
        (
            "| Metric | Target | Expected outcome |",
            vec!["| a | Snappy | Fast |", "| b | ≤ 5 MB | small files |"],
            vec!["a: is Snappy", "b: ≤ 5 MB"],
        ),
        ("| Metric | Target | Target source |", vec!["| a | Snappy | GG |"], vec!["a: is Snappy"]),
        (
            "| Metric | Target | Target met? |",
            vec!["| a | ≤ 5 MB | Yes |", "| b | 0 | No |", "| c | 0 | TBD |"],
            vec!["a: ≤ 5 MB", "b: = 0", "c: = 0"],
        ),
        (
            "| Metric | Target | Expected by |",
            vec!["| a | ≤ 5 MB | 2025-11-01 |", "| b | Snappy | Phase 7.8 |"],
            vec!["a: ≤ 5 MB", "b: is Snappy"],
        ),
        (
            "| Metric | Goal | Threshold |",
            vec!["| a | Small | ≤ 5 MB |", "| b | Snappy | Snappy |"],
            vec!["a: ≤ 5 MB", "b: is Snappy"],
        ),
        ("| Metric | Target | Expected |", vec!["| a | ≤ 5 MB | 2025-11-01 |"], vec!["a: ≤ 5 MB"]),
        ("| Metric | Target | Expected benefit |", vec!["| a | ≤ 5 MB | ≤ 1 kB |"], vec!["a: ≤ 5 MB", "a: ≤ 1 kB"]),
        (
            "| Metric | Target | Expected |",
            vec!["| a | ≤ 5 | 3 |", "| b | 1× daily | 02:30 |"],
            vec!["a: ≤ 5", "a: = 3", "b: once a day", "b: once a day at 02:30"],
        ),
        ("| Metric | Target (MVP) | Target (GA) |", vec!["| a | Snappy | zstd |"], vec!["a: is Snappy", "a: is zstd"]),
        ("| Metric | Expected outcome |", vec!["| a | ≤ 5 MB |"], vec!["a: ≤ 5 MB"]),
        ("| Metric | Goal |", vec!["| a | Snappy |"], vec!["a: is Snappy"]),
    ] {
        let order = table(header, &rows);
        assert_eq!(compiled(&order), expect, "{header}");
        assert_eq!(codes(&order, false), [""; 0], "{header}");
    }
}

#[test]
fn ordinary_columns_beside_a_target_change_nothing() {
    for (header, rows, expect, asides) in [
        (
            "| Metric | Target | When |",
            vec!["| a | ≤ 5 MB | after each run |", "| b | Snappy | always |", "| c | < 2 s | nightly |"],
            vec!["a: ≤ 5 MB", "b: is Snappy", "c: < 2 s"],
            1,
        ),
        (
            "| Metric | Target | Scope |",
            vec!["| a | ≤ 5 MB | Export |", "| b | Snappy | All files |", "| c | 0 | All rows |"],
            vec!["a: ≤ 5 MB", "b: is Snappy", "c: = 0"],
            0,
        ),
        (
            "| Metric | Target | Where |",
            vec!["| a | ≤ 5 MB | `g/analytics/` |", "| b | loads & runs automatically | launchctl |"],
            vec!["a: ≤ 5 MB", "b: was started by the service manager itself and ended well"],
            1,
        ),
        (
            "| Metric | Period | Target |",
            vec!["| a | daily | ≤ 5 MB |", "| b | daily | 1× daily (02:30) |", "| c | per run | 0 |"],
            vec!["a: ≤ 5 MB per day", "b: once a day at 02:30", "c: = 0"],
            0,
        ),
        (
            "| Metric | Target | For |",
            vec!["| a | ≤ 5 MB | GG |", "| b | Snappy | CLS |"],
            vec!["a: ≤ 5 MB", "b: is Snappy"],
            1,
        ),
        (
            "| Metric | Target | At |",
            vec!["| a | 1× daily | 02:30 |", "| b | ≤ 5 MB | end of day |"],
            vec!["a: once a day at 02:30", "b: ≤ 5 MB"],
            1,
        ),
        (
            "| Metric | Target | Per |",
            vec!["| a | ≤ 5 MB | day |", "| b | < 2 s | run |", "| c | 0 | export |"],
            vec!["a: ≤ 5 MB per day", "b: < 2 s", "c: = 0"],
            0,
        ),
        ("| Metric | Target | Load |", vec!["| a | < 2 s | normal |"], vec!["a: < 2 s"], 0),
        ("| Metric | Target | Applies to |", vec!["| a | Snappy | every file |"], vec!["a: is Snappy"], 0),
        ("| Metric | Condition | Target |", vec!["| a | must be | Snappy |"], vec!["a: is Snappy"], 0),
        ("| Metric | Condition | Target |", vec!["| a | ≤ | 5 MB |", "| b | = | 0 |"], vec!["a: ≤ 5 MB", "b: = 0"], 0),
        ("| Metric | Target | Tolerance |", vec!["| a | Snappy | exact |"], vec!["a: is Snappy"], 0),
    ] {
        let order = table(header, &rows);
        assert_eq!(compiled(&order), expect, "{header}: {:?}", order.diagnostics);
        assert_eq!(codes(&order, false), [""; 0], "{header}");
        assert_eq!(codes(&order, true).iter().filter(|code| **code == "aside").count(), asides, "{header}");
        assert!(order.acceptance.iter().all(|one| !one.target.contains("launchctl")), "{header}");
    }
}

#[test]
fn what_has_a_number_or_compares_goes_on_to_restrict() {
    for (header, row, expect) in [
        ("| Metric | Target | When |", "| a | < 2 s | at ≥ 50,000 heartbeats |", "a: < 2 s, at ≥ 50,000 heartbeats"),
        ("| Metric | Target | For |", "| a | ≥ 99 % | every day for 30 days |", "a: ≥ 99%, every day for 30 days"),
        ("| Metric | Target | Scope |", "| a | < 2 s | p99 |", "a: < 2 s, p99"),
        ("| Metric | Target | Load |", "| a | < 2 s | heavy |", "a: < 2 s, heavy"),
        ("| Metric | Target | Window |", "| a | 0 | 24 h |", "a: = 0, 24 h"),
        ("| Metric | Target | When |", "| a | < 2 s | cold start |", "a: < 2 s, cold start"),
        ("| Metric | Period | Target |", "| a | weekly | ≤ 5 MB/day |", "a: ≤ 5 MB per day, weekly"),
    ] {
        let order = table(header, &[row]);
        assert_eq!(compiled(&order), [expect], "{row}");
    }
}

#[test]
fn keys_that_change_nothing_are_asides() {
    for (item, expect) in [
        ("{ metric: a, target: 0, required: true, must: yes, mandatory: yes, critical: no }", "a: = 0"),
        ("{ metric: a, target: 0, blocking: true, pass: false, on_fail: stop }", "a: = 0"),
        ("{ metric: a, target: 0, verify: wo verify }", "a: = 0"),
        ("{ metric: a, target: Snappy, when: after each run, where: g/analytics/, scope: all files }", "a: is Snappy"),
        ("{ metric: a, target: 1× daily, at: \"02:30\" }", "a: once a day at 02:30"),
        ("{ metric: a, target: < 2 s, per: run, load: normal }", "a: < 2 s"),
        ("{ given: a day of heartbeats, when: the export ran, then: a ≤ 5 MB }", "a: ≤ 5 MB"),
        ("{ given: \"1,000 rows\", when: the export ran, then: a ≤ 5 MB }", "a: ≤ 5 MB, 1,000 rows"),
    ] {
        let order = named(&format!("id: WO-1\nacceptance:\n  - {item}\n"), "WO-1.yaml");
        assert_eq!(compiled(&order), [expect], "{item}: {:?}", order.diagnostics);
        assert_eq!(codes(&order, false), [""; 0], "{item}");
    }
    let item = "  - { metric: a, target: 0, verify: wo verify, when: nightly }\n  - { metric: b, target: 0, when: by hand }\n  - { metric: c, target: 0, when: by GG }\n";
    let order = named(&format!("id: WO-1\nacceptance:\n{item}"), "WO-1.yaml");
    assert_eq!(order.acceptance.first().and_then(|one| one.measured_by.as_deref()), Some("wo verify"));
    assert_eq!(codes(&order, true).iter().filter(|code| **code == "aside").count(), 1);
}
