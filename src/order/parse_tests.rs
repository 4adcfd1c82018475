use super::*;
use crate::order::{Priority, Requirement, Severity};

fn order(text: &str) -> Order {
    named(text, "WO-1.md")
}

fn named(text: &str, name: &str) -> Order {
    let order = parse(text.as_bytes(), name).unwrap();
    assert_tiles(&order, text);
    order
}

#[track_caller]
fn assert_tiles(order: &Order, text: &str) {
    let mut at = 0;
    for part in &order.parts {
        assert_eq!(part.span.start, at, "{:?}", order.parts);
        assert!(text.get(part.span.clone()).is_some_and(|text| !text.is_empty()), "{part:?}");
        at = part.span.end;
    }
    assert_eq!(at, text.len());
}

fn codes(order: &Order) -> Vec<&str> {
    order.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

fn errors(order: &Order) -> Vec<&str> {
    order
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(|found| found.code.as_str())
        .collect()
}

fn criteria(order: &Order) -> Vec<String> {
    order.acceptance.iter().map(|one| format!("{} | {} | {}", one.metric, one.target, one.compiled)).collect()
}

const PARQUET: &str = include_str!("../../tests/fixtures/orders/WO-251029-PARQUET-EXPORTER.md");
const MONITOR: &str = include_str!("../../tests/fixtures/orders/WO-251028-OPS-ACTIVATE-MONITOR.md");

#[test]
fn the_banner_shape() {
    let order = named(PARQUET, "WO-251029-PARQUET-EXPORTER.md");
    assert_eq!((order.id.as_str(), order.shape), ("WO-251029-PARQUET-EXPORTER", Shape::Banner));
    assert_eq!(order.phase.as_deref(), Some("7.8 – Data Analytics Integration"));
    assert_eq!(order.origin.as_deref(), Some("GG (Strategic Orchestrator)"));
    assert_eq!(order.assignee.as_deref(), Some("CLC (Claude Code)"));
    assert_eq!((order.priority, order.created.as_deref()), (Priority::P1, Some("2025-10-28")));
    assert!(order.objective.as_deref().unwrap().starts_with("Convert the OPS-Atomic"));
    assert_eq!(order.requirements.len(), 5);
    assert_eq!(order.requirements[0].children.len(), 2);
    assert_eq!(order.requirements[0].text, "Parse every heartbeat_*.md of the last 24 h");
    assert_eq!(
        criteria(&order),
        [
            "File size | ≤ 5 MB/day | ≤ 5 MB per day",
            "Export frequency | 1× daily (02:30) | once a day at 02:30",
            "Validation time | < 2 s | < 2 s",
            "Compression | Snappy | is Snappy",
            "Schema consistency | 0 errors | = 0 errors",
            "LaunchAgent | loads & runs automatically | was started by the service manager itself and ended well",
        ]
    );
    let paths: Vec<&str> = order.deliverables.iter().filter_map(|one| one.path.as_deref()).collect();
    assert_eq!(paths.len(), 6);
    assert_eq!(paths[3], "launchd/com.02luka.analytics.parquet.plist");
    assert_eq!(order.dependencies[0].name, "Redis Auth");
    assert_eq!(order.dependencies[0].claim.as_deref(), Some("✅ fixed"));
    assert_eq!((order.verification.len(), order.verification[0].language.as_str()), (1, "bash"));
    assert!(order.next_phase.as_deref().unwrap().starts_with("Phase 7.9"));
    assert_eq!(order.extra["Authorization"], "GG (Strategic Orchestrator)");
    assert_eq!(order.diagnostics, []);
}

#[test]
fn the_status_shape_with_numbered_acceptance() {
    let order = named(MONITOR, "WO-251028-OPS-ACTIVATE-MONITOR.md");
    assert_eq!((order.id.as_str(), order.shape), ("WO-251028-OPS-ACTIVATE-MONITOR", Shape::StatusHeader));
    assert_eq!(order.assignee.as_deref(), Some("CLC"));
    assert_eq!(order.priority, Priority::P1);
    assert_eq!(
        criteria(&order),
        [
            "Heartbeat cycles | ≥ 2 | ≥ 2",
            "Redis connectivity | Working | works (Working)",
            "Database check | OK | works (OK)",
            "Exit code | 0 | = 0",
            "Report generation | every 5 minutes | within 10% of 5 min",
            "Verification script | 3/3 pass | all of 3 pass",
        ]
    );
    assert!(order.acceptance[0].measured_by.as_deref().unwrap().starts_with("reports under"));
    let requirements: Vec<&str> = order.requirements.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(requirements[0], "Fix the Redis check");
    assert_eq!(order.requirements[0].children.len(), 2);
    assert_eq!(order.deliverables.len(), 3);
    assert_eq!(order.verification.len(), 1);
    assert_eq!(errors(&order), [""; 0]);
}

#[test]
fn the_bullets_shape() {
    let text = "# Work Order: CSV → Parquet Converter\n\n- **ID:** WO-251029-CSV\n- **Requested by:** GG\n- **Goal:** convert it\n\n## Background\ntext\n\n## Scope\n- one\n- two\n\n## Deliverables\n1) `a/b.cjs`\n2) `c/d.zsh`\n\n```js\n// ## not a heading\nconst a = `x|y`;\n```\n";
    let order = named(text, "WO-251029-CSV.md");
    assert_eq!((order.id.as_str(), order.shape), ("WO-251029-CSV", Shape::Bullets));
    assert_eq!(order.title.as_deref(), Some("CSV → Parquet Converter"));
    assert_eq!((order.origin.as_deref(), order.objective.as_deref()), (Some("GG"), Some("convert it")));
    assert_eq!(order.requirements.len(), 2);
    assert_eq!(order.deliverables.len(), 2);
    assert_eq!(order.diagnostics, []);
}

#[test]
fn the_heading_only_shape() {
    let order = named(
        "# WO-251030-PHASE5_CONTINUOUS_OPS\n**Owner:** GG → CLC\n**Priority:** low\n\n**Objective:** keep it\nrunning\n\n**Acceptance:**\n- uptime > 80%\n",
        "x.md",
    );
    assert_eq!((order.id.as_str(), order.shape), ("WO-251030-PHASE5_CONTINUOUS_OPS", Shape::HeadingOnly));
    assert_eq!((order.origin.as_deref(), order.assignee.as_deref()), (Some("GG"), Some("CLC")));
    assert_eq!((order.priority, order.objective.as_deref()), (Priority::P3, Some("keep it\nrunning")));
    assert_eq!(criteria(&order), ["uptime | > 80% | > 80%"]);
    let order = named("# WO-251030-X\n\n[Full WO content as provided...]\n", "WO-251030-X.md");
    assert_eq!(codes(&order), ["placeholder"]);
}

#[test]
fn acceptance_in_every_place_where_people_put_it() {
    for (text, expect) in [
        ("**Acceptance:** log folder ≤ 100 MB\n", vec!["log folder ≤ 100 MB"]),
        (
            "**Acceptance:**\n**Validation time:** < 2 s\n**Colour:** nice\n**Priority:** P1\n",
            vec!["Validation time < 2 s", "Colour nice"],
        ),
        ("**Acceptance:**\n- a ≤ 1 MB\n**Deliverables:**\n- b.md\n", vec!["a ≤ 1 MB"]),
        ("Acceptance criteria:\n\n1. a ≤ 1 MB\n", vec!["a ≤ 1 MB"]),
        ("## Acceptance\nRuntime still <5ms for ≤200 rows.\n", vec!["Runtime <5ms for ≤200 rows"]),
        (
            "## Acceptance\nMust hold:\n\n- a ≤ 1 MB\n\nb ≤ 2 MB in all cases\nThis is a sentence.\n",
            vec!["a ≤ 1 MB", "b ≤ 2 MB in all cases"],
        ),
        ("## Acceptance\n✅ a ≤ 1 MB\n✅ b works\n", vec!["a ≤ 1 MB", "b works"]),
        ("## Acceptance\n- a ≤ 1 MB\n\n---\nAuthorization: GG\nSigned: 2025-11-05\n", vec!["a ≤ 1 MB"]),
        ("## Acceptance\n\n---\n\n| Metric | Target |\n|---|---|\n| a | ≤ 1 MB |\n", vec!["a ≤ 1 MB"]),
        ("## Acceptance\n### Speed\n- a < 1 s\n### Deliverables\n- b.md\n## Next\n- c < 1 s\n", vec!["a < 1 s"]),
        ("## Overview\n\n| Check | Expected |\n|---|---|\n| a | OK |\n", vec!["a OK"]),
        ("## Acceptance\n| Item | Requirement | Status |\n|---|---|---|\n| a | ≤ 1 MB | ☐ |\n", vec!["a ≤ 1 MB"]),
        (
            "## Acceptance\n| Metric | Target |\n|---|---|\n| a | ≤ 1 MB |\n| | ≥ 1 kB |\n| c | |\n",
            vec!["a ≤ 1 MB", "a ≥ 1 kB", "c "],
        ),
        ("## Out of Scope\n- a < 1 s\n", vec![]),
        ("## Acceptance\n```\na ≤ 1 MB\nb ≤ 2 MB\n```\n", vec!["a ≤ 1 MB", "b ≤ 2 MB"]),
        ("## KPIs\n| Success metric | Target (max) | Unit |\n|---|---|---|\n| a | ≤ 1 | MB |\n", vec!["a ≤ 1 MB"]),
        ("## Acceptance\n– a: ≥ 1\n— b: gzip\n-c: 5\n", vec!["a ≥ 1", "b gzip", "c 5"]),
        ("## Acceptance\na： ≥ 1\nb： gzip\n", vec!["a ≥ 1", "b gzip"]),
        (
            "## Acceptance\na: ≥ 1\nb: zstd\nThe job must be loaded\nCoverage – 200%\n",
            vec!["a ≥ 1", "b zstd", "The job loaded", "Coverage – 200% Coverage – 200%"],
        ),
        ("## Acceptance\n    - a: ≥ 1\n- b: gzip\n", vec!["a ≥ 1", "b gzip"]),
        (
            "## Acceptance\n### a ≥ 5\nOf the day.\n### b: gzip\nThe default.\n### 3. c ≤ 1 MB\n- of the whole file\n",
            vec!["a ≥ 5", "b gzip", "c ≤ 1 MB"],
        ),
        (
            "## Acceptance\n| Metric | Operator | Target |\n|---|---|---|\n| a | > | 20 |\n| b | | 0 |\n",
            vec!["a > 20", "b 0"],
        ),
        ("## Overview\n| Metric | Op | Target | Unit |\n|---|---|---|---|\n| a | <= | 20 | MB |\n", vec!["a <= 20 MB"]),
        (
            "## Acceptance\n| Metric | Min | Max | Unit |\n|---|---|---|---|\n| a | 1 | 5 | MB |\n| b | - | 3 | |\n",
            vec!["a ≥ 1 MB", "a ≤ 5 MB", "b ≤ 3"],
        ),
        ("```\n## Acceptance\n- a < 1 s\n```\n", vec![]),
        ("<!--\n## Acceptance\n\n- a < 1 s\n-->\n", vec![]),
    ] {
        let order = order(&format!("# WO-1\n\n{text}"));
        let got: Vec<String> = order.acceptance.iter().map(|one| format!("{} {}", one.metric, one.target)).collect();
        assert_eq!(got, expect, "{text}");
    }
}

#[test]
fn text_in_acceptance_that_is_no_criterion_is_told() {
    for (text, expect) in [
        ("- a ≤ 1 MB\n\nThe exporter writes a file.\nGG looks at it.\n", vec!["acceptance-text"]),
        ("All of this must hold:\n\n- a ≤ 1 MB\n\nAuthorization: GG\n", vec![]),
        ("- a ≤ 1 MB\n\nNote: it is small.\n", vec![]),
        ("### a ≤ 1 MB\n\nOf the file of the day.\n", vec![]),
        (
            "| Metric | Target |\n|---|---|\n| a | ≤ 1 MB |\n\nAll of the above must be confirmed before hand-over.\n\nReviewed: yes\n\nEffort: 2 h\n",
            vec!["acceptance-text"],
        ),
    ] {
        let order = order(&format!("# WO-1\n\n## Acceptance\n{text}"));
        assert_eq!(criteria(&order).len(), 1, "{text}");
        assert_eq!(codes(&order), expect, "{text}");
    }
}

#[test]
fn front_matter_and_its_machine_keys() {
    let text = "---\nid: WO-1\nhandler: parquet-exporter\npriority: P0\nrequires:\n  - WO-251028-X\n  - monitor.healthy_for >= 24h\nacceptance:\n  - { metric: export.file_size, target: \"<= 5 MB\" }\n  - Map freshness <48h\nbindings: { \"Map freshness\": map.age }\nwaive:\n  - { metric: \"Map freshness\", reason: \"no map\", until: 2026-12-31 }\nparams: { dir: x }\nexpires: 2026-01-31\ntemplate: T.md\napproval: required\nnovel: [1, 2]\n---\n# Title\n\n## Acceptance\n- Validation time < 2 s\n";
    let order = order(text);
    assert_eq!((order.id.as_str(), order.shape, order.priority), ("WO-1", Shape::FrontMatter, Priority::P0));
    assert_eq!((order.handler.as_deref(), order.template.as_deref()), (Some("parquet-exporter"), Some("T")));
    assert_eq!(order.requires.len(), 2);
    assert_eq!(criteria(&order).len(), 3);
    assert_eq!(order.bindings["Map freshness"], "map.age");
    assert_eq!(order.waive.len(), 1);
    assert_eq!(order.expires.unwrap().to_string(), "2026-02-01T00:00:00Z");
    assert!(order.needs_approval);
    assert_eq!(order.extra["novel"][1], 2);
    assert_eq!(errors(&order), [""; 0], "{:?}", order.diagnostics);
    let names: Vec<&str> =
        order.parts.iter().filter(|part| part.kind == PartKind::Key).map(|part| part.name.as_str()).collect();
    assert_eq!(names.len(), 12);
    let first = &order.acceptance[0];
    assert_eq!(text.get(first.span.clone()), Some("export.file_size"));
}

#[test]
fn comparators_and_units_of_their_own_belong_to_the_target() {
    let order = order(
        "---\nid: WO-1\nacceptance:\n  - { metric: a, op: \">\", value: 20 }\n  - { metric: b, comparator: lte, target: 5, unit: MB }\n  - { metric: c, op: contains, target: x }\n---\n# T\n",
    );
    assert_eq!(criteria(&order)[..2], ["a | > 20 | > 20", "b | ≤ 5 MB | ≤ 5 MB"]);
    assert!(order.acceptance[2].compiled.to_string().starts_with("unclear"));
    assert_eq!(codes(&order), ["unclear-target"]);
}

#[test]
fn an_id_with_letters_beyond_ascii_is_told_and_required_as_written() {
    let order = order("# ใบสั่งงาน: WO-1-ส่งออก-X\n\n## Acceptance\n- a ≤ 1 MB\n");
    let told = order.diagnostics.iter().find(|found| found.code == "id-letters").unwrap();
    assert_eq!(told.severity, Severity::Note);
    assert!(told.understood.as_ref().is_some_and(|text| text.contains(&order.id)), "{told:?}");
    let other = named("---\nid: WO-2\nrequires: [WO-1-ส่งออก-X]\n---\n# T\n", "WO-2.md");
    assert_eq!(errors(&other), [""; 0]);
    assert_eq!(other.requires, [Requirement::OrderDone { id: order.id }]);
}

#[test]
fn toml_front_matter() {
    let order = order(
        "+++\nid = \"WO-1\"\nexpires = 2026-01-31T00:00:00Z\n[[acceptance]]\nmetric = \"x\"\ntarget = \"<= 5 MB\"\n+++\n# T\n",
    );
    assert_eq!(order.expires.unwrap().to_string(), "2026-01-31T00:00:00Z");
    assert_eq!(criteria(&order), ["x | <= 5 MB | ≤ 5 MB"]);
    assert_eq!(errors(&order), [""; 0]);
}

#[test]
fn data_orders() {
    let yaml = "---\nwo_id: 251030-MAP\ntitle: Map refresh\ntask_type: build\nagent: CLC\npriority: normal\ntags: a, b\ncreated_at: \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"\nproblem: |\n  The map is old.\nrequirements: |\n  - read the index\n  - write the map\n    - once\nsuccess_criteria: |\n  1. Map freshness <48h\n  2. no file write errors\nacceptance_tests: [Map size ≤ 5 MB]\ndeliverables:\n  - path: g/map.json\n  - run/map.cjs\ndepends_on: [WO-251029-X]\nfiles:\n  a/b.txt: |\n    text\npost_verify:\n  - ls g/map.json\ncontext: { a: 1 }\ntimeout_sec: 60\n";
    let order = named(yaml, "WO-251030-MAP.yaml");
    assert_eq!((order.id.as_str(), order.shape), ("WO-251030-MAP", Shape::Data));
    assert_eq!(order.objective.as_deref(), Some("The map is old."));
    assert_eq!(order.created, None);
    assert_eq!(order.extra["tags"][1], "b");
    assert_eq!(order.requirements.len(), 2);
    assert_eq!(order.requirements[1].children.len(), 1);
    assert_eq!(yaml.get(order.requirements[1].span.clone()), Some("- write the map"));
    assert_eq!(
        criteria(&order),
        [
            "Map freshness | <48h | < 2 d",
            "no file write errors | no file write errors | no file write errors",
            "Map size | ≤ 5 MB | ≤ 5 MB"
        ]
    );
    assert_eq!(order.deliverables.len(), 3);
    assert_eq!(order.verification[0].text, "ls g/map.json");
    assert_eq!(codes(&order), ["unexpanded-date", "no-gate"]);

    let json = "{\"id\": \"WO-2\", \"title\": \"T\", \"acceptance\": {\"File size\": \"<= 5 MB\"}, \"zzz\": null}";
    let order = named(json, "WO-2.json");
    assert_eq!((order.id.as_str(), order.shape), ("WO-2", Shape::Data));
    assert_eq!(criteria(&order), ["File size | <= 5 MB | ≤ 5 MB"]);
    assert_eq!(order.parts.len(), 5);
}

#[test]
fn data_criteria_in_all_their_shapes() {
    for (text, expect) in [
        ("acceptance: a ≤ 1 MB", vec!["a ≤ 1 MB"]),
        ("acceptance: { a: ≤ 1 MB, b: OK }", vec!["a ≤ 1 MB", "b OK"]),
        ("acceptance: { metric: a, target: ≤ 1 MB }", vec!["a ≤ 1 MB"]),
        ("acceptance: [{ a: ≤ 1 MB }, { description: \"b ≤ 2 MB\" }]", vec!["a ≤ 1 MB", "b ≤ 2 MB"]),
        (
            "success_criteria: { speed: [a < 1 s, b < 2 s], size: { c: ≤ 1 MB } }",
            vec!["a < 1 s", "b < 2 s", "c ≤ 1 MB"],
        ),
        ("definition_of_done: [a ≤ 1 MB]", vec!["a ≤ 1 MB"]),
        ("success_metrics:\n  a: { target: ≤ 1 MB, how: ls }", vec!["a ≤ 1 MB"]),
        ("acceptance: |\n  | Metric | Target |\n  |---|---|\n  | a | ≤ 1 MB |", vec!["a ≤ 1 MB"]),
        ("acceptance: |\n  ## Speed\n  - a < 1 s", vec!["a < 1 s"]),
        ("acceptance: []", vec![]),
        ("acceptance: [{ metric: a, max: 5 MB }]", vec!["a ≤ 5 MB"]),
        ("acceptance: [{ metric: a, min: 1, max: 5, unit: MB }]", vec!["a ≥ 1 MB", "a ≤ 5 MB"]),
        ("acceptance: [{ metric: a, lt: 2 s }, { metric: b, \">=\": 3 }]", vec!["a < 2 s", "b ≥ 3"]),
        (
            "acceptance:\n  a: { max: 5 MB }\n  b: { p95: < 1 s, max: < 2 s }",
            vec!["a ≤ 5 MB", "p95 < 1 s", "max < 2 s"],
        ),
    ] {
        let order = named(&format!("id: WO-1\n{text}\n"), "WO-1.yaml");
        let got: Vec<String> = order.acceptance.iter().map(|one| format!("{} {}", one.metric, one.target)).collect();
        assert_eq!(got, expect, "{text}: {:?}", order.diagnostics);
        assert_eq!(errors(&order), [""; 0], "{text}");
    }
    let order = named("id: WO-1\ndeliverables: { script: run/x.cjs, docs/y.md: text }\n", "WO-1.yaml");
    let paths: Vec<&str> = order.deliverables.iter().filter_map(|one| one.path.as_deref()).collect();
    assert_eq!(paths, ["run/x.cjs", "docs/y.md"]);
    assert_eq!(named("title: WO-7 x\n", "WO-7.yaml").id, "WO-7");
}

#[test]
fn what_steers_the_machine_is_read_or_is_an_error() {
    for (key, code) in [
        ("expires: soon", "unreadable-expires"),
        ("expires: [2026-01-01]", "wrong-type"),
        ("expires: 2569-11-26", "unreadable-expires"),
        ("handler: [a]", "wrong-type"),
        ("handler: The Exporter", "bad-handler"),
        ("waive: [{ metric: x, until: 2026-12-31 }]", "bad-waiver"),
        ("waive: [{ metric: x, reason: y, until: soon }]", "bad-waiver"),
        ("waive: all", "bad-waiver"),
        ("waive: [x]", "bad-waiver"),
        ("bindings: [x]", "bad-bindings"),
        ("bindings: { x: [y] }", "bad-bindings"),
        ("params: x", "bad-params"),
        ("template: ../x", "bad-template"),
        ("requires: a healthy monitor", "unclear-requirement"),
        ("requires: [{ order: WO-1, weather: fine }]", "unclear-requirement"),
        ("acceptance: [{ metric: x }]", "malformed-acceptance"),
        ("acceptance: [[x]]", "malformed-key"),
        ("acceptance: 5", "malformed-key"),
        ("approval: [x]", "bad-approval"),
        ("expires: 2026-01-01\nexpires: 2027-01-01", "duplicate-key"),
        ("a: [", "front-matter-syntax"),
    ] {
        let order = order(&format!("---\nid: WO-1\n{key}\n---\n# T\n"));
        assert_eq!(errors(&order), [code], "{key}: {:?}", order.diagnostics);
        let found = order.diagnostics.iter().find(|found| found.severity == Severity::Error).unwrap();
        assert!(found.line >= 3 && found.cure.is_some() && !found.excerpt.is_empty(), "{key}: {found:?}");
    }
}

#[test]
fn identity_and_its_disagreements() {
    for (text, name, id, expect) in [
        ("# WO-1: x\n", "WO-1.md", "WO-1", vec![]),
        ("# WO: title\n- **ID:** WO-7\n", "WO-7.md", "WO-7", vec![]),
        ("# WO-1\n", "WO-2.md", "WO-1", vec!["id-disagreement"]),
        ("---\nid: WO-3\n---\n# WO-1\n**ID:** WO-2\n", "WO-4.md", "WO-3", vec!["id-disagreement"; 3]),
        ("# A title\n", "WO-4.md", "WO-4", vec!["missing-id"]),
        ("# A title\n", "notes.md", "WO-notes", vec!["missing-id"]),
        ("---\nid: 251029-x\n---\n", "WO-251029-X.md", "WO-251029-x", vec![]),
        ("**ID:** WO-1\n**ID:** WO-2\n", "WO-1.md", "WO-1", vec!["duplicate-key", "id-disagreement"]),
    ] {
        let order = named(text, name);
        assert_eq!(order.id, id, "{text}");
        let found: Vec<&str> = codes(&order).into_iter().filter(|code| *code != "no-criteria").collect();
        assert_eq!(found, expect, "{text}: {:?}", order.diagnostics);
    }
    assert!(matches!(parse(b"---\nid: ../../x\n---\n", "WO-1.md"), Err(ParseRefusal::UnsafeId { .. })));
    assert!(matches!(parse(b"**ID:** WO-1/../../x\n", "WO-1.md"), Err(ParseRefusal::UnsafeId { .. })));
}

#[test]
fn what_may_not_be_read_is_refused() {
    for (bytes, part) in [
        (b"# WO-1\n\xff\xfe".to_vec(), "not UTF-8"),
        (b"# WO-1\nx\0y".to_vec(), "NUL"),
        ("#\u{0}W".encode_utf16().flat_map(u16::to_le_bytes).collect(), "NUL"),
        (b"---\nid: x\na: &a [1]\nb: *a\n---\n".to_vec(), "anchor"),
        (format!("---\nid: {}\n---\n", "x".repeat(70_000)).into_bytes(), "limit"),
        (format!("---\nid: x\na: {}\n---\n", "[".repeat(100)).into_bytes(), "nested"),
        (
            format!(
                "---\nid: x\n{}\n---\n",
                (0..40).map(|n| format!("{}a:", " ".repeat(n))).collect::<Vec<_>>().join("\n")
            )
            .into_bytes(),
            "nested",
        ),
        (format!("# WO-1\n{}x", "> ".repeat(1000)).into_bytes(), "nested"),
    ] {
        let refusal = parse(&bytes, "WO-1.md").unwrap_err().to_string();
        assert!(refusal.contains(part) && refusal.contains("hint: "), "{refusal}");
    }
    let deep = format!("{{\"id\":\"WO-1\",\"a\":{}", "[".repeat(100_000));
    assert!(parse(deep.as_bytes(), "WO-1.json").is_err());
    assert!(parse(b"id: WO-1\na: &a x\nb: *a\n", "WO-1.yaml").is_err());
}

#[test]
fn contradictions_name_both_places() {
    let text = PARQUET.replace(
        "6. `g/reports/parquet/parquet_export_summary_YYYYMMDD.md`",
        "6. `g/reports/parquet_export_summary_YYYYMMDD.md`",
    );
    let order = named(&text, "WO-251029-PARQUET-EXPORTER.md");
    let found = order.diagnostics.iter().find(|found| found.code == "contradiction").unwrap();
    assert!(found.message.contains("line 31") && found.message.contains("line 64"), "{}", found.message);
}

#[test]
fn thousands_of_criteria_are_an_error_and_not_an_afternoon() {
    let order = order(&format!("# WO-1\n\n## Acceptance\n{}", "- a thing\n".repeat(20_000)));
    assert_eq!(errors(&order), ["too-many-criteria"]);
    let text = "# ".to_owned() + &"xWO-".repeat(100_000);
    assert_eq!(named(&text, "WO-1.md").id, "WO-1");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]

    #[test]
    fn bytes_of_any_kind_never_panic_and_tile(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), name in "[a-zA-Z./-]{0,12}") {
        if let Ok(order) = parse(&bytes, &name) {
            assert_tiles(&order, std::str::from_utf8(&bytes).unwrap());
        }
    }

    #[test]
    fn markdown_of_any_kind_never_panics_and_tiles(
        pieces in proptest::collection::vec(proptest::sample::select(vec![
            "# ", "## ", "WO-1", "work order: ", "**Phase:** x", "**ID:** ", "Acceptance", "Deliverables", "Requirements", "\n", "\n\n", "\r\n",
            "- ", "  - ", "1. ", "1) ", "> ", "| a | b |", "|---|---|", "| Metric | Target |", "`", "```\n", "---\n", "+++\n", "id: x\n", "a: [", "\u{feff}",
            "≤ 5 MB", "✅ ", "☐ ", "⸻\n", "：", "<div>", "é", "ข้", "\t", "    ", "\\|", "**", "*", "[x]", "(y)", "{", "}", "\"", ":", "$(date)", "2026-01-01", "expires: ",
        ]), 0..60),
        name in proptest::sample::select(vec!["WO-1.md", "a.yaml", "b.json", "-"]),
    ) {
        let text = pieces.concat();
        if let Ok(order) = parse(text.as_bytes(), name) {
            assert_tiles(&order, &text);
            assert!(order.id.starts_with("WO-") && order.id.len() <= 120 && order.id.is_ascii());
            for criterion in &order.acceptance {
                assert!(text.get(criterion.span.clone()).is_some());
            }
        }
    }
}
