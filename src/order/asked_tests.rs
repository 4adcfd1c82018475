//! What an order asks for, part by part: columns, keys, what stands below items, marks and words that say "not".

use super::{Order, Severity, parse};

fn named(text: &str, name: &str) -> Order {
    parse(text.as_bytes(), name).unwrap()
}

fn markdown(body: &str) -> Order {
    named(&format!("# WO-1\n\n{body}"), "WO-1.md")
}

fn compiled(order: &Order) -> Vec<String> {
    order.acceptance.iter().map(|one| format!("{}: {}", one.metric, one.compiled)).collect()
}

/// What is told beyond notes, and that a target can't be judged.
fn warned(order: &Order) -> Vec<&str> {
    let found = order.diagnostics.iter().filter(|found| found.severity != Severity::Note);
    found.map(|found| found.code.as_str()).filter(|code| *code != "unclear-target").collect()
}

#[test]
fn columns_that_restrict_a_target_are_part_of_it() {
    for (table, expect) in [
        ("| Metric | Statistic | Target | Owner |\n|-|-|-|-|\n| a | p99 | < 60 s | GG |", vec!["a: p99 < 1 min"]),
        (
            "| Metric | Statistic | Target |\n|-|-|-|\n| a | p99 of 1,000 runs | < 60 s |",
            vec!["a: < 1 min, p99 of 1,000 runs"],
        ),
        (
            "| Metric | Condition | Target | Weight |\n|-|-|-|-|\n| a | at ≥ 50 rows | ≤ 2 min | 20 |",
            vec!["a: ≤ 2 min, at ≥ 50 rows"],
        ),
        (
            "| Metric | Target | Window | Notes |\n|-|-|-|-|\n| a | 0 | 30 days | incl. retries |\n| b | 0 | – | |",
            vec!["a: = 0, 30 days", "b: = 0"],
        ),
        ("| Metric | Target | Per |\n|-|-|-|\n| a | ≥ 1 | minute |", vec!["a: ≥ 1 per minute"]),
        ("| Metric | Scope | Target |\n|-|-|-|\n| a | all 5 days | 0 |", vec!["a: = 0, all 5 days"]),
        (
            "| Metric | Target (MVP) | Target (GA) | Baseline |\n|-|-|-|-|\n| a | ≤ 50 MB | ≤ 1 kB | 80 MB |\n| b | ≥ 1 | - | 0 |",
            vec!["a: ≤ 50 MB", "a: ≤ 1 kB", "b: ≥ 1"],
        ),
        (
            "| Metric | Target | Hard limit | Must not exceed | Upper bound |\n|-|-|-|-|-|\n| a | ≤ 60 s | 5 s | < 4 s | 3 s |",
            vec!["a: ≤ 1 min", "a: ≤ 5 s", "a: < 4 s", "a: ≤ 3 s"],
        ),
        (
            "| Metric | Target | Tolerance |\n|-|-|-|\n| a | 100 | ± 5 |\n| b | ≤ 1 h | ± 0 % |",
            vec!["a: 95 to 105", "b: ≤ 1 h"],
        ),
        ("| Metric | P95 |\n|-|-|\n| a | < 5 s |", vec!["a: p95 < 5 s"]),
        (
            "| Operation | P50 | P99.9 (cold) | Status |\n|-|-|-|-|\n| a | < 1 s | p99.9 < 3 s | ☐ |\n| b | - | < 2 s | ☐ |",
            vec!["a: p50 < 1 s", "a: p99.9 < 3 s", "b: p99.9 < 2 s"],
        ),
        ("| Metric | Average |\n|-|-|\n| a | ≤ 5 MB |", vec!["a: mean ≤ 5 MB"]),
        (
            "| Metric | Target (P95) | Median |\n|-|-|-|\n| a | < 5 s | 1.3 s |\n| b | < 2 s | < 1 s |",
            vec!["a: p95 < 5 s", "b: p95 < 2 s", "b: p50 < 1 s"],
        ),
        ("| Metric | Target date | Target |\n|-|-|-|\n| a | 2025-11-05 | zstd |", vec!["a: is zstd"]),
        ("| Metric | Limit |\n|-|-|\n| a | 5 MB |\n| b | Snappy |", vec!["a: ≤ 5 MB", "b: is Snappy"]),
        ("| Item | Condition | Status |\n|-|-|-|\n| a | ≤ 5 MB | ☐ |", vec!["a: ≤ 5 MB"]),
        (
            "| Check | Required? | Expected | Severity |\n|-|-|-|-|\n| a | nice to have | OK | low |",
            vec!["a: works (OK)"],
        ),
        ("| Metric | Goal | Target |\n|-|-|-|\n| a | keep it small | ≤ 5 MB |", vec!["a: ≤ 5 MB"]),
    ] {
        let order = markdown(&format!("## Acceptance\n\n{table}\n"));
        assert_eq!(compiled(&order), expect, "{table}: {:?}", order.diagnostics);
        assert_eq!(warned(&order), [""; 0], "{table}");
    }
}

#[test]
fn a_column_that_compares_and_is_not_read_is_told() {
    for (header, cell, expect) in [
        ("Warning threshold", "≤ 10 MB", true),
        ("Stretch goal", "< 1 kB", true),
        ("SLA", "at most 5 MB", true),
        ("Target date", "2025-11-05", false),
        ("Owner", "GG", false),
        ("Weight", "20", false),
        ("Priority", "P1", false),
        ("Baseline", "> 80 MB", false),
        ("Why", "disks are small, < 1 TB", false),
    ] {
        let order =
            markdown(&format!("## Acceptance\n| Metric | {header} | Target |\n|-|-|-|\n| a | {cell} | ≤ 5 MB |\n"));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB"], "{header}");
        let expect = if expect { vec!["unread-column"] } else { vec![] };
        assert_eq!(warned(&order), expect, "{header}");
    }
}

#[test]
fn keys_that_restrict_a_target_are_part_of_it() {
    for (item, expect) in [
        ("{ metric: a, statistic: p99, target: \"< 60 s\" }", vec!["a: p99 < 1 min"]),
        ("{ metric: a, target: \"< 60 s\", aggregation: 95th percentile }", vec!["a: p95 < 1 min"]),
        (
            "{ metric: a, target: \"<= 2 min\", condition: with 50 rows, id: AC-1, owner: GG }",
            vec!["a: ≤ 2 min, with 50 rows"],
        ),
        ("{ metric: a, target: 0, window: 30 days }", vec!["a: = 0, 30 days"]),
        ("{ metric: a, target: 0, scope: [x, y] }", vec!["a: = 0, [\"x\",\"y\"]"]),
        ("{ metric: a, target: \">= 1\", per: minute }", vec!["a: ≥ 1 per minute"]),
        ("{ metric: a, target: \"<= 50 MB\", hard_limit: 1 kB }", vec!["a: ≤ 50 MB", "a: ≤ 1 kB"]),
        ("{ metric: a, target: 100, tolerance: 5 }", vec!["a: 95 to 105"]),
        ("{ description: a ≤ 5 MB, condition: at night, priority: should }", vec!["a: ≤ 5 MB, at night"]),
        ("{ a: { max: 5 MB, per: day } }", vec!["a: ≤ 5 MB per day"]),
    ] {
        let order = named(&format!("id: WO-1\nacceptance:\n  - {item}\n"), "WO-1.yaml");
        assert_eq!(compiled(&order), expect, "{item}: {:?}", order.diagnostics);
        assert_eq!(warned(&order), [""; 0], "{item}");
    }
    let order =
        named("id: WO-1\nacceptance:\n  - { metric: a, target: \">= 1\", negate: true, invert: no }\n", "WO-1.yaml");
    assert_eq!(warned(&order), ["unread-criterion-key"]);
    let told = order.diagnostics.first().unwrap();
    assert!(told.message.contains("`negate`, `invert`"), "{}", told.message);
}

#[test]
fn deliverables_of_data_are_all_kept() {
    let yaml = "id: WO-1\ndeliverables:\n  - run/x.cjs\n  - docs/manual.md: two pages\n  - script: tools/y.zsh\n  - { path: a/b.md, kind: doc }\n  - [c/d.md]\n  - reports: [g/e.md, g/f.md]\n";
    let order = named(yaml, "WO-1.yaml");
    let paths: Vec<&str> = order.deliverables.iter().filter_map(|one| one.path.as_deref()).collect();
    assert_eq!(paths, ["run/x.cjs", "docs/manual.md", "tools/y.zsh", "a/b.md", "c/d.md", "g/e.md", "g/f.md"]);
}

#[test]
fn what_stands_below_an_item_is_read_or_told() {
    for (text, expect, told) in [
        (
            "1. **DuckDB:** readable\n\n   Row count: ≥ 9,000,000\n   Compression: gzip\n",
            vec!["DuckDB: works (readable)", "Row count: ≥ 9000000"],
            vec!["acceptance-text"],
        ),
        ("1. **Output:** OK\n\n   > **File size:** ≤ 1 kB\n", vec!["Output: works (OK)", "File size: ≤ 1 kB"], vec![]),
        (
            "1. **Summary:** exists\n\n   ```text\n   Export duration: < 1 µs\n   ```\n",
            vec!["Summary: works (exists)", "Export duration: < 1 µs"],
            vec![],
        ),
        (
            "1. **Data quality**\n\n   Coverage: ≥ 99 %\n   Compression: gzip\n",
            vec!["Coverage: ≥ 99%", "Compression: is gzip"],
            vec![],
        ),
        ("1. **File size**\n\n   ≤ 10 kB per day\n", vec!["File size: ≤ 10 kB per day"], vec![]),
        ("1. **Speed**\n\n   **Target:** < 2 s\n   **Measurement:** `wo verify`\n", vec!["Speed: < 2 s"], vec![]),
        (
            "1. a: ≤ 5 MB\n\n   Measured over days with more than 1000 rows.\n   **Rationale:** disks are small\n\n   ```bash\n   test 6 > 5\n   ```\n",
            vec!["a: ≤ 5 MB"],
            vec![],
        ),
        ("- p95 < 100 ms\n  - at night\n", vec!["p95 < 100 ms: p95 < 100 ms"], vec![]),
        ("- a: OK\n\n```text\nb: ≤ 1 kB\n```\n", vec!["a: works (OK)", "b: ≤ 1 kB"], vec![]),
    ] {
        let order = markdown(&format!("## Acceptance\n\n{text}"));
        assert_eq!(compiled(&order), expect, "{text}: {:?}", order.diagnostics);
        assert_eq!(warned(&order), told, "{text}");
    }
}

#[test]
fn a_label_right_below_an_item_begins_a_group() {
    let text = "Data:\n- Compression: Snappy\n- Rows: >= 1\nPerformance:\n- Validation time: < 2 s\n**Service:**\n- Agent: OK\nNote: all of it on the Mac mini\n";
    let expect = ["Compression: is Snappy", "Rows: ≥ 1", "Validation time: < 2 s", "Agent: works (OK)"];
    let order = markdown(&format!("## Acceptance\n{text}"));
    assert_eq!((compiled(&order), warned(&order)), (expect.map(str::to_owned).to_vec(), vec![]));
    let indented = text.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let order = named(&format!("id: WO-1\nsuccess_criteria: |\n{indented}"), "WO-1.yaml");
    assert_eq!((compiled(&order), warned(&order)), (expect.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn what_is_said_not_to_be_asked_is_not() {
    let acceptance = "## Acceptance\n- a ≤ 5 MB\n";
    for text in [
        "## Out of scope\n| Metric | Target |\n|-|-|\n| b | ≥ 9 |\n",
        "## Out of scope\n### Acceptance criteria we decided against\n- b: gzip\n",
        "### Non-criteria\n- b < 1 ms\n",
        "### Stretch goals (not required)\n- b < 1 ms\n",
        "### Rollback criteria\n- Errors > 3\n",
        "### ❌ Failure conditions\n| Metric | Target |\n|-|-|\n| Coverage | < 50 % |\n",
        "**Stretch goals:**\n- b < 1 ms\n",
        "## ~~Acceptance criteria~~\n- b < 1 ms\n",
        "## Background\n| Metric | Target | Actual | Status |\n|-|-|-|-|\n| b | ≤ 1 kB | 29 kB | ❌ |\n",
        "## Results of the last run\n| Metric | Target | Status |\n|-|-|-|\n| b | ≤ 1 kB | FAIL |\n",
    ] {
        let order = markdown(&format!("{acceptance}{text}"));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB"], "{text}");
        assert_eq!(warned(&order), [""; 0], "{text}: {:?}", order.diagnostics);
    }
    for (text, expect) in [
        ("## Out of scope\n- x\n### Acceptance criteria\n- b < 1 s\n", "b: < 1 s"),
        ("### Rollback\n- b: OK\n", "b: works (OK)"),
        ("**Stretch goals:**\n- c < 1 ms\n\n**Speed:**\n- b < 1 s\n", "b: < 1 s"),
        ("## Background\n| Metric | Target | Status |\n|-|-|-|\n| b | ≤ 1 kB | ☐ |\n", "b: ≤ 1 kB"),
        ("## Overview\n| Metric | Target | Status |\n|-|-|-|\n| b | ≤ 1 kB | ✅ |\n", "b: ≤ 1 kB"),
    ] {
        let order = markdown(&format!("{acceptance}{text}"));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB", expect], "{text}");
    }
}

#[test]
fn what_must_not_be_is_never_read_as_what_must() {
    for text in [
        "- ❌ b > 1 kB\n",
        "- b > 1 kB ❌\n",
        "- **⛔ b:** > 1 kB\n",
        "⛔ b > 1 kB\n",
        "| Metric | Target |\n|-|-|\n| b | > 1 kB ❌ |\n",
        "| Metric | Target |\n|-|-|\n| b | 🔴 > 1 kB |\n",
        "| Metric | Target |\n|-|-|\n| b > 0 | ❌ |\n",
        "| Metric | Target |\n|-|-|\n| ❌ b | exists |\n",
        "| Metric | Fail if |\n|-|-|\n| b | > 1 kB |\n",
        "| Metric | Failure threshold |\n|-|-|\n| b | > 1 kB |\n",
        "| Must not | Target |\n|-|-|\n| b | > 1 kB |\n",
        "**Reject if:**\n\n- b > 1 kB\n",
        "**Reject if**\n- b > 1 kB\n",
        "Reject if:\nb > 1 kB\n",
        "Reject if:\n```\nb > 1 kB\n```\n",
        "The export is rejected when any of these holds:\n\n- b > 1 kB\n",
        "Nothing of it may be taken over, and the whole of the export\nis rejected if any of these is true:\n\n- b > 1 kB\n",
        "### Must not\n- b > 1 kB\n",
        "### Must not\n#### Sizes\n- b > 1 kB\n",
        "### ❌ Bad\n| Metric | Target |\n|-|-|\n| b | > 1 kB |\n",
        "- Not acceptable:\n  - b > 1 kB\n",
        "- ❌ Bad\n  - b > 1 kB\n",
        "- Never:\n- b > 1 kB\n",
        "- ห้าม:\n  - b > 1 kB\n",
        "- **Red flags**\n  - b > 1 kB\n",
    ] {
        let order = markdown(&format!("## Acceptance\n- a ≤ 5 MB\n\n{text}"));
        let all = compiled(&order);
        let (first, rest) = all.split_first().unwrap();
        assert_eq!(first, "a: ≤ 5 MB", "{text}");
        assert!(!rest.is_empty() && rest.iter().all(|one| one.contains(": unclear: ")), "{text}: {all:?}");
    }
    for data in [
        "acceptance:\n  must:\n    - \"a ≤ 5 MB\"\n  must_not:\n    - b > 1 kB\n",
        "acceptance:\n  - a ≤ 5 MB\n  - must_not: b > 1 kB\n",
        "acceptance:\n  a: ≤ 5 MB\n  reject_if: { b: \"> 1 kB\" }\n",
        "success_criteria: |\n  Must:\n  - a ≤ 5 MB\n  Must not:\n  - b > 1 kB\n",
        "acceptance:\n  - a ≤ 5 MB\n  - { metric: b, target: \"> 1 kB\", expected: false }\n",
        "acceptance:\n  - a ≤ 5 MB\n  - { metric: b, expected: false, threshold: \"> 1 kB\" }\n",
        "acceptance:\n  - a ≤ 5 MB\n  - { metric: b, target: \"> 1 kB\", type: forbidden }\n",
        "acceptance:\n  - a ≤ 5 MB\n  - { metric: b, target: \"> 1 kB\", must_not: true }\n",
    ] {
        let order = named(&format!("id: WO-1\n{data}"), "WO-1.yaml");
        let all = compiled(&order);
        let (first, rest) = all.split_first().unwrap();
        assert_eq!(first, "a: ≤ 5 MB", "{data}");
        assert!(!rest.is_empty() && rest.iter().all(|one| one.contains(": unclear: ")), "{data}: {all:?}");
    }
    // what follows is asked again, and a mark that says how far it is changes nothing
    for text in [
        "**Reject if:**\n- b > 1 kB\n\n**Must:**\n- c: 0\n",
        "### Must not\n- b > 1 kB\n### Must\n- c: 0\n",
        "- Never:\n  - b > 1 kB\n- c: 0\n",
        "- Failure criteria:\n  - b > 1 kB\n- c: 0\n",
        "- Out of scope:\n  - b > 1 kB\n- c: 0\n",
        "| Metric | Target | Status |\n|-|-|-|\n| c | 0 | ❌ |\n",
        "- ☐ c: 0\n",
        "### No failures\n- c: 0\n",
        "### 🔴 Critical\n- c: 0\n",
        "- 🔴 c: 0\n",
        "- c: 0 🔴\n",
        "| Metric | Target |\n|-|-|\n| c | 0 🔴 |\n",
        "Do not ship unless:\n- c: 0\n",
    ] {
        let order = markdown(&format!("## Acceptance\n- a ≤ 5 MB\n\n{text}"));
        let all = compiled(&order);
        let is_wrong = |one: &String| one.starts_with("b: ") && !one.starts_with("b: unclear");
        assert!(all.contains(&"c: = 0".to_owned()) && !all.iter().any(is_wrong), "{text}: {all:?}");
    }
}

#[test]
fn a_comparator_that_stands_apart_is_the_targets() {
    for (text, expect) in [
        ("| Metric | Target |\n|-|-|\n| b ≥ | 100 |\n", "b ≥: ≥ 100"),
        ("| Metric | Target (≤) |\n|-|-|\n| b | 5 MB |\n", "b: ≤ 5 MB"),
        ("| Metric | ≥ |\n|-|-|\n| b | 100 |\n", "b: ≥ 100"),
        ("- b ≤: 3\n", "b ≤: ≤ 3"),
    ] {
        let order = markdown(&format!("## Acceptance\n{text}"));
        assert_eq!(compiled(&order), [expect], "{text}");
    }
    for (entry, expect) in [
        ("{ metric: b, type: min, target: 100 }", "b: ≥ 100"),
        ("{ metric: b, kind: upper_bound, target: 5 MB }", "b: ≤ 5 MB"),
        ("{ metric: b, direction: at_most, target: 5 }", "b: ≤ 5"),
        ("{ metric: b, type: exact, target: 5 }", "b: = 5"),
        (
            "{ metric: b, type: max, target: \"< 5\" }",
            "b: unclear: `≤ < 5` has no number that can be read in one way only",
        ),
        ("{ metric: b, type: max, op: \"<=\", target: 5 }", "b: ≤ 5"),
        ("{ metric: b, type: performance, target: \"< 5 s\" }", "b: < 5 s"),
        ("{ metric: b, target: \"< 5 s\", expected: true }", "b: < 5 s"),
        ("{ description: \"b: 100\", type: min }", "b: ≥ 100"),
    ] {
        let order = named(&format!("id: WO-1\nacceptance:\n  - {entry}\n"), "WO-1.yaml");
        assert_eq!((compiled(&order), warned(&order)), (vec![expect.to_owned()], vec![]), "{entry}");
    }
}

#[test]
fn within_acceptance_only_a_name_of_its_own_puts_a_section_aside() {
    for heading in [
        "### 2. No heartbeats dropped",
        "### 3. Manual restart not needed",
        "### Malformed heartbeats rejected",
        "### Out-of-scope files untouched",
        "### Rejected heartbeats are logged",
        "### Requirements not needed any more: untouched",
        "### Stretch of 30 days without a gap",
        "#### Old files deprecated",
        "**No rows dropped**",
        "**Out-of-scope files untouched**",
        "### Speed\n**Stretch goals:**\n- c < 1 ms\n\n**Out-of-scope files untouched**",
    ] {
        let order = markdown(&format!("## Acceptance\n### Size\n- a ≤ 5 MB\n{heading}\n- b: 0\n"));
        assert!(compiled(&order).contains(&"b: = 0".to_owned()), "{heading}: {:?}", order.diagnostics);
        assert!(!compiled(&order).contains(&"c: < 1 ms".to_owned()), "{heading}");
    }
    let order = markdown("**Acceptance:**\n**Out-of-scope files untouched**\n- b: 0\n");
    assert_eq!(compiled(&order), ["b: = 0"], "before the first section");
    for heading in [
        "### Out of scope",
        "### ❌ Out of scope for this order",
        "### Non-criteria",
        "### Stretch goals (not required)",
        "### Rollback criteria: any of these",
        "### Acceptance criteria (dropped)",
        "### Nice to have",
        "**Stretch goals**",
        "**Out of scope:**",
    ] {
        let order = markdown(&format!("## Acceptance\n- a ≤ 5 MB\n\n{heading}\n- b: 0\n"));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB"], "{heading}");
    }
}

#[test]
fn a_heading_of_two_things_is_the_first_of_them() {
    for heading in [
        "## Acceptance Criteria and out of scope",
        "## Success Criteria — stretch goals out of scope",
        "## Acceptance / Out of Scope",
        "## ✅ Acceptance Criteria (supersedes WO-251029; the old ones were dropped)",
        "## Acceptance Criteria: what is not needed any more is struck out",
        "## Acceptance Criteria (what is out of scope stands below)",
    ] {
        let order = markdown(&format!("{heading}\n- b: 0\n"));
        assert_eq!(compiled(&order), ["b: = 0"], "{heading}");
    }
    let order = markdown("## Scope / Out of Scope\n- x\n\n| Metric | Target |\n|-|-|\n| b | 0 |\n");
    assert_eq!((compiled(&order), order.requirements.len()), (vec!["b: = 0".to_owned()], 2));
    for heading in [
        "## Out of scope / Acceptance of others",
        "## Acceptance Criteria (out of scope)",
        "## Goals (dropped by GG)",
        "## Phase 2 acceptance criteria — not needed",
    ] {
        let order =
            markdown(&format!("## Acceptance\n- a ≤ 5 MB\n\n{heading}\n| Metric | Target |\n|-|-|\n| b | 0 |\n"));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB"], "{heading}");
    }
}

#[test]
fn what_is_struck_out_is_not_asked() {
    let order = markdown(
        "## Acceptance\n- [x] ~~**Compression:** gzip~~ (GG: no)\n- **File size:** ~~≤ 5 MB~~ ≤ 10 kB\n- ~~Group~~\n  - b: OK\n\n| Metric | Target |\n|-|-|\n| ~~c~~ | ≤ 1 MB |\n| d | ~~< 2 s~~ < 5 s |\n| e | ~~< 2 s~~ |\n\n## Deliverables\n1. `run/x.cjs`\n2. ~~`run/y.zsh`~~ (dropped)\n3. no change to `wo.toml`\n4. Delete `docs/old.md`\n5. see `docs/style.md`\n6. Remove duplicates: `run/z.zsh`\n",
    );
    assert_eq!(compiled(&order), ["File size: ≤ 10 kB", "b: works (OK)", "d: < 5 s", "e: unclear: no target is given"]);
    let paths: Vec<&str> = order.deliverables.iter().filter_map(|one| one.path.as_deref()).collect();
    assert_eq!(paths, ["run/x.cjs", "run/z.zsh"]);
    assert_eq!(order.diagnostics.iter().filter(|found| found.code == "struck-out").count(), 4);
}

#[test]
fn what_may_be_meant_as_acceptance_is_told_where_there_is_none() {
    for (text, expect) in [
        ("## Constraints\n- File size: ≤ 1 kB\n", true),
        ("## Expected results\n| What | How much |\n|-|-|\n| File size | ≤ 1 kB |\n", true),
        ("## Validation\n- File size: ≤ 1 kB\n", true),
        ("## Validation\n```bash\ntest 1 -le 2\n```\n", false),
        ("## Requirements\n1. **Export** each night\n", false),
        ("## Dependencies\n- Node ≥ 18\n", false),
        ("## Stretch goals\n- File size: ≤ 1 kB\n", false),
        ("## Acceptance\n- Rows: ≥ 1\n\n## Constraints\n- File size: ≤ 1 kB\n", false),
    ] {
        let order = markdown(text);
        let told: Vec<&str> = warned(&order).into_iter().filter(|code| *code != "no-criteria").collect();
        assert_eq!(told, if expect { vec!["criteria-elsewhere"] } else { vec![] }, "{text}");
    }
    let commands = markdown("## Verification criteria\n```bash\nwo verify\n```\n");
    assert_eq!((commands.acceptance.len(), commands.verification.len()), (0, 1));
    let criteria = markdown("## Verification criteria\n- File size: ≤ 1 kB\n");
    assert_eq!(compiled(&criteria), ["File size: ≤ 1 kB"]);
}

#[test]
fn a_fence_that_swallows_sections_stops_the_order() {
    for (text, expect) in [
        (
            "## Notes\n```markdown\n# Handover\n```bash\nx\n```\nand look.\n```\n\n## Acceptance\n- a ≤ 5 MB\n",
            Some(Severity::Error),
        ),
        ("```\n# Notes\n\n**Acceptance:**\n- a ≤ 5 MB\n", Some(Severity::Error)),
        ("<!-- a note\n\n## Acceptance\n- a ≤ 5 MB\n", Some(Severity::Error)),
        ("```md\n```bash\nx\n\n## Acceptance\n- a ≤ 5 MB\n```\n", Some(Severity::Error)),
        ("## Acceptance\n- a ≤ 5 MB\n\n```md\n```bash\nx\n\n## Deliverables\n- b.md\n```\n", Some(Severity::Warning)),
        ("## Acceptance\n- a ≤ 5 MB\n\n```bash\n# tests\nx\n", Some(Severity::Warning)),
        ("## Acceptance\n- a ≤ 5 MB\n\n```bash\n# Acceptance\nx\n# Deliverables\n", Some(Severity::Warning)),
        ("## Acceptance\n- a ≤ 5 MB\n\n```yaml\nx: 1\n\n# Deliverables\ny: 2\n", Some(Severity::Warning)),
        ("## Acceptance\n- a ≤ 5 MB\n\n```python\nx()\n\n# Deliverables\n\n- b.md\n", Some(Severity::Error)),
        ("## Acceptance\n- a ≤ 5 MB\n\n```bash\n# Acceptance\nx\n## Deliverables\n- b.md\n", Some(Severity::Error)),
        ("```\n# Acceptance\n- a ≤ 5 MB\n", Some(Severity::Error)),
        ("## Acceptance\n- a ≤ 5 MB\n\n````md\n## Acceptance\n```bash\nx\n```\n````\n", None),
        (
            "## Acceptance\n- a ≤ 5 MB\n\n```md\n## Acceptance\n```\n~~~bash\nx\n~~~\n- b\n  ```\n  x\n  ```\n> ```\n> x\n> ```\n",
            None,
        ),
    ] {
        let order = markdown(text);
        let found = order.diagnostics.iter().find(|found| found.code == "open-fence").map(|found| found.severity);
        assert_eq!(found, expect, "{text}: {:?}", order.diagnostics);
    }
    let order = named("id: WO-1\nbody: |\n  ```\n  ## Acceptance\n  - a ≤ 5 MB\n", "WO-1.yaml");
    assert!(order.diagnostics.iter().any(|found| found.code == "open-fence" && found.severity == Severity::Error));
}
