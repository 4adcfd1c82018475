//! Which section, table or block what is asked belongs to, however it is parted.

use super::{Order, Severity, parse};

fn markdown(body: &str) -> Order {
    parse(format!("# WO-1\n\n{body}").as_bytes(), "WO-1.md").unwrap()
}

fn compiled(order: &Order) -> Vec<String> {
    order.acceptance.iter().map(|one| format!("{}: {}", one.metric, one.compiled)).collect()
}

fn paths(order: &Order) -> Vec<&str> {
    order.deliverables.iter().filter_map(|one| one.path.as_deref()).collect()
}

/// What is told beyond notes, and that a target can't be judged.
fn warned(order: &Order) -> Vec<&str> {
    let found = order.diagnostics.iter().filter(|found| found.severity != Severity::Note);
    found.map(|found| found.code.as_str()).filter(|code| *code != "unclear-target").collect()
}

#[test]
fn bullets_below_a_number_of_two_digits_are_its_own() {
    for (text, expect) in [
        (
            "9. **Rows**\n   - Target: > 0\n\n10. **Compression**\n   - Target: Snappy\n11. **Size**\n   - Target: ≤ 5 MB\n",
            vec!["Rows: > 0", "Compression: is Snappy", "Size: ≤ 5 MB"],
        ),
        ("10) **Compression**\r\n\r\n   * Target: Snappy\r\n", vec!["Compression: is Snappy"]),
        ("- All:\n\n  10. **Compression**\n     - Target: Snappy\n", vec!["Compression: is Snappy"]),
        ("> 10. **Compression**\n>    - Target: Snappy\n", vec!["Compression: is Snappy"]),
        // beside it, not below it
        ("10. Compression: zstd\n- Rows: ≥ 1\n", vec!["Compression: is zstd", "Rows: ≥ 1"]),
        ("10. Compression: zstd\n\nSpeed:\n   - Rows: ≥ 1\n", vec!["Compression: is zstd", "Rows: ≥ 1"]),
    ] {
        let order = markdown(&format!("## Acceptance\n\n{text}"));
        assert_eq!(compiled(&order), expect, "{text}: {:?}", order.diagnostics);
    }
}

#[test]
fn a_remark_among_criteria_ends_none_of_them() {
    let rest = "**Compression:** gzip\n**Rows:** > 100000\n";
    for remark in [
        "**Note:** day files only",
        "**Rollback:** git revert",
        "**Estimated time:** 2 h",
        "**Notes:** see below",
        "Note: day files only",
    ] {
        for order in [
            format!("**Handler:** parquet-exporter\n**Acceptance Criteria:**\n**File size:** ≤ 5 MB\n{remark}\n{rest}"),
            format!(
                "**Acceptance Criteria:**\n- File size: ≤ 5 MB\n\n{remark}\n\n- Compression: gzip\n- Rows: > 100000\n"
            ),
            format!(
                "## Plan\n\n**Acceptance Criteria:**\n\n- File size: ≤ 5 MB\n\n{remark}\n\n- Compression: gzip\n- Rows: > 100000\n"
            ),
            format!(
                "## Plan\n\n**Acceptance Criteria:**\nFile size: ≤ 5 MB\n{remark}\nCompression: gzip\nRows: > 100000\n"
            ),
        ] {
            let read = markdown(&order);
            assert_eq!(
                compiled(&read),
                ["File size: ≤ 5 MB", "Compression: is gzip", "Rows: > 100000"],
                "{order}: {:?}",
                read.diagnostics
            );
        }
    }
}

#[test]
fn groups_of_criteria_may_be_called_like_sections() {
    for label in [
        "**Validation**",
        "**Validation:**",
        "Validation:",
        "**Verification steps**",
        "**Testing**",
        "**Requirements:**",
        "**Objective**",
        "**Scope**",
        "**📦 Outputs**",
        "**Deliverables**",
        "**Dependencies**",
        "### 📦 Outputs",
        "### Deliverables",
        "#### Dependencies of the exporter",
        "### Dependencies",
        "**Tests of the exporter**",
    ] {
        let order = markdown(&format!(
            "## Acceptance\n\n**Size**\n\n- a ≤ 5 MB\n\n{label}\n\n- b < 1 ms\n- Rows: ≥ 9\n\n## Deliverables\n1. `run/x.cjs`\n"
        ));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB", "b: < 1 ms", "Rows: ≥ 9"], "{label}");
        assert_eq!((warned(&order), paths(&order)), (vec![], vec!["run/x.cjs"]), "{label}: {:?}", order.diagnostics);
    }
    for (text, expect) in [
        ("**Validation time < 1 ms**\n\n- b: zstd", vec!["Validation time: < 1 ms", "b: is zstd"]),
        ("**Validation (< 1 ms)**\n\n- b: zstd", vec!["Validation: < 1 ms", "b: is zstd"]),
        ("**Outputs**\n\n| Metric | Target |\n|-|-|\n| b | zstd |", vec!["b: is zstd"]),
        ("**Outputs**\nb: ≥ 1\n**Validation**\nc: ≥ 2\n", vec!["b: ≥ 1", "c: ≥ 2"]),
        ("### No deliverables dropped\n- b: ≥ 1\n", vec!["No deliverables dropped: no deliverables dropped", "b: ≥ 1"]),
        ("### Speed\n**Tests:**\n- b: ≥ 1\n", vec!["b: ≥ 1"]),
    ] {
        let order = markdown(&format!("## Acceptance\n\n- a ≤ 5 MB\n\n{text}\n"));
        let mut got = compiled(&order);
        got.retain(|one| one != "a: ≤ 5 MB" && !one.contains("unclear"));
        assert_eq!(got, expect, "{text}: {:?}", order.diagnostics);
    }
    let ticked = markdown("## Acceptance\n\n- a ≤ 5 MB\n\n**Testing**\n- [ ] unit tests were written\n");
    assert_eq!(ticked.acceptance.len(), 2, "{:?}", ticked.diagnostics);
    let order = markdown("**Acceptance:**\n- a ≤ 5 MB\n\n**Validation time < 1 ms**\n\n**Validation**\n- b < 1 s\n");
    assert_eq!(compiled(&order), ["a: ≤ 5 MB", "Validation time: < 1 ms", "b: < 1 s"], "before the first section");
}

#[test]
fn a_section_of_its_own_ends_acceptance() {
    for (text, paths_expected, warned_expected) in [
        ("**Deliverables:**\n1. `run/x.cjs`\n2. Report: weekly\n", vec!["run/x.cjs"], vec![]),
        ("**Deliverables & Paths**\n- `run/x.cjs` (≤ 5 MB)\n", vec!["run/x.cjs"], vec![]),
        ("### Expected deliverables\n- run/x.cjs\n", vec!["run/x.cjs"], vec![]),
        ("### Deliverables\n#### 1. run/x.cjs\nThe exporter.\n", vec!["run/x.cjs"], vec![]),
        ("**Deliverables:** `run/x.cjs`\n", vec!["run/x.cjs"], vec![]),
        ("**Dependencies:**\n- Redis Auth: ✅ fixed\n", vec![], vec![]),
        ("**Next steps**\n- Export 2× daily\n", vec![], vec![]),
        ("**Verification:**\n```bash\nwo verify\n```\n", vec![], vec![]),
        ("**Verification:**\n1. `wo verify parquet`\n", vec![], vec![]),
        (
            "**Verification:**\n1. Run `wo export --dry`, which prints 0 errors\n2. Look at the file of the day, it has 5 rows\n",
            vec![],
            vec!["acceptance-text"],
        ),
        ("**Verification:**\n1. look at the newest file\n", vec![], vec!["acceptance-text"]),
    ] {
        let order = markdown(&format!("## Acceptance\n\n- a ≤ 5 MB\n\n{text}"));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB"], "{text}");
        assert_eq!((paths(&order), warned(&order)), (paths_expected, warned_expected), "{text}");
    }
    let order = markdown(
        "**Objective:** x\n**Acceptance:**\n- a ≤ 5 MB\n\n**Requirements:**\n1. Write one file within 24 h\n\n**Deliverables:**\n- `run/x.cjs`\n\n**Verification:**\n- look at the newest file\n",
    );
    assert_eq!((compiled(&order), paths(&order)), (vec!["a: ≤ 5 MB".to_owned()], vec!["run/x.cjs"]));
    assert_eq!(order.requirements.len(), 1);
}

#[test]
fn what_a_label_lists_is_its_own_whatever_an_item_is_called() {
    let expect = ["a: ≤ 5 MB", "Validation time: < 2 s", "Test coverage: ≥ 80%", "Validation: < 9 s", "b: is zstd"];
    for label in [
        "**Acceptance Criteria:**",
        "**Acceptance Criteria**",
        "Acceptance criteria:",
        "**3.0 Acceptance Criteria**",
        "**✅ Acceptance Criteria**",
        "**Acceptance:**\nAll of them:",
    ] {
        for (mark, bold) in [("-", "**"), ("-", ""), ("1.", "**")] {
            let list: String = [
                ("a", "≤ 5 MB"),
                ("Validation time", "< 2 s"),
                ("Test coverage", "≥ 80 %"),
                ("Validation", "< 9 s"),
                ("b", "zstd"),
            ]
            .iter()
            .map(|(name, target)| format!("{mark} {bold}{name}:{bold} {target}\n"))
            .collect();
            for after in ["", "\n**Deliverables:**\n- `run/x.cjs`\n", "\n## Notes\nx\n"] {
                let order = markdown(&format!("**Owner:** GG\n\n{label}\n\n{list}{after}"));
                assert_eq!(compiled(&order), expect, "{label} {mark} {bold} {after}: {:?}", order.diagnostics);
                assert_eq!(warned(&order), [""; 0], "{label} {mark} {bold} {after}");
            }
        }
    }
    let order =
        markdown("**Acceptance:**\n- a: zstd\n- **Validation:**\n  - b: ≥ 1\n- **Deliverables:**\n  - `run/x.cjs`\n");
    assert_eq!(
        (compiled(&order), paths(&order)),
        (vec!["a: is zstd".to_owned(), "b: ≥ 1".to_owned()], vec!["run/x.cjs"])
    );
    for (list, expect) in [
        ("- **Exporter:** `run/x.cjs`\n- **Test script:** `run/t.zsh`\n", vec!["run/x.cjs", "run/t.zsh"]),
        ("- **Tests:**\n  - `run/t.zsh`\n- **Scripts:**\n  - `run/x.cjs`\n", vec!["run/t.zsh", "run/x.cjs"]),
        ("- **Outputs:** `run/x.cjs`\n- **Acceptance:**\n  - a: zstd\n", vec!["run/x.cjs"]),
    ] {
        let order = markdown(&format!("**Deliverables:**\n\n{list}\n**Acceptance Criteria:**\n- a: zstd\n"));
        assert_eq!((paths(&order), compiled(&order)), (expect, vec!["a: is zstd".to_owned()]), "{list}");
    }
    let order = markdown(
        "**Objective:** x\n\n- **Priority:** P0\n- **Acceptance:** a: zstd\n- **Deliverables:** `run/x.cjs`\n",
    );
    assert_eq!((compiled(&order), paths(&order)), (vec!["a: is zstd".to_owned()], vec!["run/x.cjs"]));
    let order = markdown("**Requirements:**\n- **Test coverage:** 80%\n- **Layout:** one file per day\n");
    assert_eq!(order.requirements.len(), 2, "{order:?}");
}

#[test]
fn parts_of_a_plan_end_a_list_of_acceptance_below_a_label() {
    for part in [
        "**Risks:**\n- b: ≥ 50 MB\n- disk full\n",
        "**Risks**\n- b: ≥ 50 MB\n",
        "**⚠️ Risks & mitigations:**\n- b may grow > 50 MB\n",
        "**Rollback:**\n- Compression: gzip\n",
        "**Rollback plan:** git revert\n- Compression: gzip\n",
        "**Notes:**\n- b: 80% today\n",
        "Notes:\n- b: 80% today\n",
        "**Estimated time:** 2 h\n",
        "**Timeline**\n- Phase 1: 2 h\n",
        "**4.0 Risks**\n\n- b: > 50 MB\n\n**Open questions:**\n- c ≤ 1 MB?\n",
    ] {
        for before in ["## Phase 1\n\n**Tasks:**\n1. build it\n\n", "**Objective:** x\n\n"] {
            let order = markdown(&format!("{before}**Acceptance criteria:**\n- a ≤ 5 MB\n\n{part}\n"));
            assert_eq!((compiled(&order), warned(&order)), (vec!["a: ≤ 5 MB".to_owned()], vec![]), "{before}{part}");
            let order = markdown(&format!("{before}{part}\n**Acceptance criteria:**\n- a ≤ 5 MB\n"));
            assert_eq!(compiled(&order), ["a: ≤ 5 MB"], "above: {before}{part}");
        }
    }
    for (part, expect) in [
        ("**Rollback time:** < 5 s\n", "Rollback time: < 5 s"),
        ("**Rollback:** works\n", "Rollback: works (works)"),
        ("**Risk checks**\n- b: zstd\n", "b: is zstd"),
        ("**Speed**\n- b: zstd\n", "b: is zstd"),
    ] {
        let order = markdown(&format!("## Phase 1\n\n**Acceptance criteria:**\n- a ≤ 5 MB\n\n{part}\n"));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB", expect], "{part}");
    }
    let order = markdown("## Acceptance\n- a ≤ 5 MB\n\n**Estimated time:** 2 h\n\n**Rollback**\n- b: works\n");
    assert_eq!(compiled(&order), ["a: ≤ 5 MB", "b: works (works)"], "below a heading a label is a group");
}

#[test]
fn what_will_not_be_is_denied_behind_other_groups() {
    let order = |label: &str| {
        markdown(&format!(
            "## Acceptance\n\n**Must have:**\n- a: zstd\n\n**Nice to have:**\n- b: zstd\n\n{label}\n- c: ≥ 9\n"
        ))
    };
    for label in ["**Will not:**", "**Must not:**", "### Not acceptable"] {
        let got = compiled(&order(label));
        assert!(got.len() == 2 && got[1].starts_with("c: unclear"), "{label}: {got:?}");
    }
    // what MoSCoW calls so is put off, not forbidden
    for label in [
        "**Won't have:**",
        "**Won’t have (this time)**",
        "### Won't have",
        "### Won't",
        "Will not have:",
        "**Won't Have**",
    ] {
        let order = order(label);
        assert_eq!(compiled(&order), ["a: is zstd"], "{label}");
        assert!(order.diagnostics.iter().any(|found| found.code == "not-asked"), "{label}");
    }
    let order = markdown("## Acceptance\n- a: zstd\n\n### Won't lose reports\n- c: ≥ 9\n");
    assert_eq!(order.acceptance.len(), 2, "{:?}", compiled(&order));
}

#[test]
fn headings_of_groups_are_no_criteria() {
    for heading in [
        "### 2.1 Storage",
        "### 2.1. Storage",
        "### 2.1) Storage",
        "### 2.1 – Storage",
        "#### 2.1.3 Storage",
        "### 2.0 errors",
        "### A. Storage",
        "### Group 3: Storage",
        "### Functional",
        "### ✅ Operational",
        "### 1. Functional",
        "### Non-functional",
        "### Reliability",
    ] {
        for (below, expect) in [
            ("- [ ] Compression zstd\n- [ ] b: ≤ 5 MB\n- [ ] ขนาด: ไม่เกิน 5 MB\n", 3),
            ("| Metric | Target |\n|-|-|\n| b | ≤ 5 MB |\n", 1),
        ] {
            let order = markdown(&format!("## 2. Acceptance Criteria\n\n{heading}\n\n{below}\n"));
            let got = compiled(&order);
            assert!(got.len() == expect && got.contains(&"b: ≤ 5 MB".to_owned()), "{heading}: {got:?}");
        }
    }
    for (heading, expect) in [
        ("### Executable\nOf the exporter.", "Executable: works (Executable)"),
        ("### 2.1 Validation time < 2 s\n- for each file", "Validation time: < 2 s"),
        ("### 0 errors", "0 errors: = 0 errors"),
        ("### 2.5 MB", "2.5 MB: "),
    ] {
        let got = compiled(&markdown(&format!("## Acceptance\n\n{heading}\n")));
        assert!(got.len() == 1 && got[0].starts_with(expect), "{heading}: {got:?}");
    }
}

#[test]
fn rows_that_stand_apart_are_rows_of_the_table_above() {
    let rows = "| b | ≥ 9 |\n| c | zstd |";
    for between in [
        "\n",
        "<!-- GG: added later -->\n",
        "\n<!-- GG:\nadded later -->\n\n",
        "GG added these:\n",
        "\nGG added these:\n\n",
        "\n---\n\n",
        "\n**Later**\n\n",
    ] {
        for (header, first) in
            [("| Metric | Target |\n|---|---|\n", "| a | ≤ 5 MB |\n"), ("| Metric | Target |\n", "| a | ≤ 5 MB |\n")]
        {
            let order = markdown(&format!("## Acceptance\n\n{header}{first}{between}{rows}\n"));
            assert_eq!(
                compiled(&order),
                ["a: ≤ 5 MB", "b: ≥ 9", "c: is zstd"],
                "{header}{between}: {:?}",
                order.diagnostics
            );
            assert_eq!(warned(&order), [""; 0], "{header}{between}");
            let order =
                markdown(&format!("## Acceptance\n\n{header}{first}{between}| b | ≥ 9 |\n{between}| c | zstd |\n"));
            assert_eq!(compiled(&order), ["a: ≤ 5 MB", "b: ≥ 9", "c: is zstd"], "alone: {header}{between}");
        }
    }
    let outside = markdown("## Overview\n\n| Metric | Target |\n|---|---|\n| a | ≤ 5 MB |\n\n| b | ≥ 9 |\n");
    assert_eq!(compiled(&outside), ["a: ≤ 5 MB", "b: ≥ 9"]);
    let wide = markdown("## Acceptance\n| # | Metric | Target |\n|-|-|-|\n| 1 | a | ≤ 5 MB |\n\n| 2 | b | `x | y` |\n");
    assert_eq!(wide.acceptance.len(), 2, "{:?}", wide.diagnostics);
}

#[test]
fn a_table_with_a_header_of_its_own_is_another() {
    for (second, expect) in [
        ("| Check | Expected |\n| b | OK |", vec!["a: ≤ 5 MB", "b: works (OK)"]),
        ("| Metric | Target |\n| b | OK |", vec!["a: ≤ 5 MB", "b: works (OK)"]),
        ("| Item | Requirement |\n|-|-|\n| b | OK |", vec!["a: ≤ 5 MB", "b: works (OK)"]),
        ("**Deliverables:**\n\n| `run/x.cjs` | exporter |\n| `run/y.cjs` | runner |", vec!["a: ≤ 5 MB"]),
    ] {
        let order = markdown(&format!("## Acceptance\n| Metric | Target |\n|-|-|\n| a | ≤ 5 MB |\n\n{second}\n"));
        assert_eq!(compiled(&order), expect, "{second}: {:?}", order.diagnostics);
    }
}

#[test]
fn a_table_without_a_header_keeps_its_first_row() {
    for table in ["| a | ≤ 5 MB |\n| b | zstd |", "| a | ≤ 5 MB |\n|---|---|\n| b | zstd |"] {
        let order = markdown(&format!("## Acceptance\n{table}\n"));
        assert_eq!(compiled(&order), ["a: ≤ 5 MB", "b: is zstd"], "{table}");
        assert_eq!(warned(&order), [""; 0], "{table}");
    }
    for (header, expect) in [
        ("| Metric | 30 days |", vec![]),
        ("| Item | 2025 |", vec![]),
        ("| Check | OK |", vec![]),
        ("| Item | Demand |", vec![]),
    ] {
        let order = markdown(&format!("## Acceptance\n{header}\n|---|---|\n| b | zstd |\n"));
        assert_eq!((compiled(&order), warned(&order)), (vec!["b: is zstd".to_owned()], expect), "{header}");
    }
    let order = markdown("## Acceptance\n| Codec | zstd |\n| b | OK |\n");
    assert_eq!(warned(&order), ["table-header"]);
}

#[test]
fn what_was_asked_before_is_not_asked_again() {
    let list = "- b: zstd\n- Rows: ≥ 9,000,000\n";
    let table = "| Metric | Target |\n|---|---|\n| b | zstd |\n";
    for (heading, body) in [
        ("## History", table),
        ("## Change log", table),
        ("## History\n\n### WO-250101", table),
        ("## Previous run", table),
        ("## Example", table),
        ("## Old acceptance criteria (WO-250101)", list),
        ("## Previous acceptance criteria", table),
        ("## Obsolete criteria", list),
        ("## Removed criteria", list),
        ("## Dropped criteria", list),
        ("## Example criteria", table),
        ("## Descoped", table),
        ("## Acceptance criteria (v1, replaced)", list),
        ("## Acceptance criteria (old)", list),
        ("### Old criteria", list),
        ("### Dropped criteria", list),
        ("### Previous targets (v1)", list),
        ("> # Work Order: WO-250101-PARQUET\n>\n> ## Acceptance Criteria\n>", "> - b: zstd\n"),
    ] {
        let order = markdown(&format!("## Acceptance\n- a: zstd\n\n{heading}\n\n{body}\n"));
        assert_eq!(compiled(&order), ["a: is zstd"], "{heading}: {:?}", order.diagnostics);
        assert_eq!((warned(&order), order.diagnostics.len()), (vec![], 1), "{heading}: {:?}", order.diagnostics);
    }
    for heading in [
        "## Background",
        "## Previous 30 days",
        "## Old reports and new ones",
        "## Example-driven checks",
        "## Earlier export time",
        "## Old files: acceptance criteria",
        "## Acceptance criteria (the old ones were dropped)",
        "### Old files",
        "### Previous exports untouched",
        "> GG asked for this too:\n",
    ] {
        let order = markdown(&format!("## Acceptance\n- a: zstd\n\n{heading}\n\n{table}\n"));
        assert_eq!(compiled(&order), ["a: is zstd", "b: is zstd"], "{heading}: {:?}", order.diagnostics);
    }
    let order = markdown("> # Work Order: WO-2\n> ## Acceptance\n> - a: zstd\n");
    assert_eq!(warned(&order), ["quoted-order"]);
    let order = parse(b"> # Work Order: WO-2\n>\n> | Metric | Target |\n> |-|-|\n> | a | zstd |\n", "WO-2.md").unwrap();
    assert_eq!(compiled(&order), ["a: is zstd"], "quoted as a whole");
}

#[test]
fn criteria_of_one_metric_that_can_not_both_hold_are_told() {
    for (first, second, expect) in [
        ("zstd", "Snappy", true),
        ("≤ 5 MB", "≥ 6 MB", true),
        ("0", "≥ 1", true),
        ("10-20%", "> 30%", true),
        ("zstd", "ZSTD", false),
        ("≤ 5 MB", "≥ 1 kB", false),
        ("≤ 5 MB", "≤ 1 MB", false),
        ("≤ 5", "≥ 6 MB", false),
        ("≤ 5 MB", "≥ 6 MB per day", false),
        ("< 5ms for ≤200 rows", "> 9 ms", false),
        ("zstd", "OK", false),
    ] {
        let order = markdown(&format!("## Acceptance\n- a: {first}\n- a: {second}\n"));
        assert_eq!(warned(&order), if expect { vec!["contradiction"] } else { vec![] }, "{first} / {second}");
    }
    for apart in ["- a: 0\n\n### Dry run\n- a: 1\n", "- a: ≥ 1\n- a: 0 lost\n"] {
        assert_eq!(warned(&markdown(&format!("## Acceptance\n{apart}"))), [""; 0], "{apart}");
    }
}

#[test]
fn an_order_names_its_template_in_any_shape() {
    let front = |key: &str| parse(format!("---\nid: WO-1\n{key}\n---\n# T\n").as_bytes(), "WO-1.md").unwrap();
    for key in [
        "template: F7.md",
        "template: templates/F7.md",
        "template: [F7.md]",
        "report_template: F7",
        "templates: [F7.md]",
        "body: |\n  **Template:** F7.md",
    ] {
        let order = front(key);
        assert_eq!((order.template.as_deref(), warned(&order)), (Some("F7"), vec![]), "{key}: {:?}", order.diagnostics);
    }
    for text in [
        "- **ID:** WO-1\n- **Template:** F7.md\n",
        "**Template:** F7\n",
        "**Report Template:** `templates/F7.md` (the new one)\n",
        "Template: F7.md\n\n## Objective\nx\n",
        "## Metadata\n- Report template: F7.md\n",
        "## Metadata\n\n| Field | Value |\n|-|-|\n| Template | F7.md |\n",
        "## Requirements\n1. **Report template:** `F7.md`\n",
        "## Report template\n\n`templates/F7.md`\n",
        "## Objective\nx\n\n---\nTemplate: F7.md\n",
    ] {
        let order = markdown(text);
        assert_eq!(order.template.as_deref(), Some("F7"), "{text}: {:?}", order.diagnostics);
    }
    for (text, expect) in [
        ("**Template:** none\n", vec![]),
        ("**Template:** see the attachment\n", vec!["bad-template"]),
        ("**Template:** g/other/F7.md\n", vec!["bad-template"]),
        ("**Template:** F7.md, F8.md\n", vec!["bad-template"]),
        ("## Background\n- **Template:** F7.md\n", vec![]),
        ("## Notes\n- Template: as agreed with GG\n", vec![]),
        ("## Deliverables\n- Template: `templates/F7.md`\n", vec![]),
    ] {
        let order = markdown(&format!("{text}\n## Acceptance\n- a: zstd\n"));
        assert_eq!((order.template.as_deref(), warned(&order)), (None, expect), "{text}: {:?}", order.diagnostics);
    }
    let order = front("templates: [a.md, b.md]");
    assert_eq!((order.template.as_deref(), warned(&order)), (None, vec!["bad-template"]));
    let order = front("template: F7\nreport_template: F8");
    assert_eq!((order.template.as_deref(), warned(&order)), (Some("F7"), vec!["duplicate-key"]));
}

#[test]
fn deliverables_in_a_code_block_are_read_or_told() {
    for (text, expect, told) in [
        ("```\nrun/x.cjs\nrun/y.zsh # the runner\n```\n", vec!["run/x.cjs", "run/y.zsh"], vec![]),
        ("These two:\n\n```text\n- `run/x.cjs`\n- run/y.zsh\n```\n", vec!["run/x.cjs", "run/y.zsh"], vec![]),
        ("### Scripts\n```\nrun/x.cjs\n```\n", vec!["run/x.cjs"], vec![]),
        ("```\nrun/\n├── run/x.cjs\n```\n", vec![], vec!["deliverables-code"]),
        ("1. `run/x.cjs`\n\n```\nnode run/x.cjs --dry\n```\n", vec!["run/x.cjs"], vec![]),
        ("1. `run/x.cjs`\n\n```js\nimport './y.cjs'\n```\n", vec!["run/x.cjs"], vec![]),
        ("```bash\nnode run/x.cjs\n```\n", vec![], vec![]),
    ] {
        let order = markdown(&format!("## Acceptance\n- a: zstd\n\n## Deliverables\n{text}"));
        assert_eq!((paths(&order), warned(&order)), (expect, told), "{text}: {:?}", order.diagnostics);
        assert!(order.deliverables.iter().all(|one| one.path.is_some()), "{text}: {:?}", order.deliverables);
    }
}

#[test]
fn what_numbers_an_item_is_no_part_of_it() {
    for item in [
        "- [ ] **AC-1** File size: ≤ 5 MB",
        "- **AC1** – File size: ≤ 5 MB",
        "- **1. File size:** ≤ 5 MB",
        "- [P1] File size: ≤ 5 MB",
        "- **AC-1** File size\n  - Target: ≤ 5 MB",
        "### AC-1: File size\n**Target:** ≤ 5 MB",
        "| Metric | Target |\n|-|-|\n| **AC-1** File size | ≤ 5 MB |",
    ] {
        assert_eq!(compiled(&markdown(&format!("## Acceptance\n{item}\n"))), ["File size: ≤ 5 MB"], "{item}");
    }
}
