//! Orders as they come in from the field, in every shape and oddity: what they are read as, and what `wo lint` says.

use std::path::{Path, PathBuf};

use workbridge::order::{self, Order, PartKind, Shape, Target};

use crate::support::Scene;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/orders")
}

/// Parses a text and holds its spans to the promise: the parts tile the source byte for byte, and whatever has a span
/// has one within the source, at the bounds of characters.
#[track_caller]
fn parse(bytes: &[u8], name: &str) -> Order {
    let order = order::parse(bytes, name).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    let text = std::str::from_utf8(bytes).expect("UTF-8");
    let mut at = 0;
    for part in &order.parts {
        assert_eq!(part.span.start, at, "{name}: {part:?}");
        assert!(text.get(part.span.clone()).is_some_and(|text| !text.is_empty()), "{name}: {part:?}");
        at = part.span.end;
    }
    assert_eq!(at, text.len(), "{name}: the parts end before the source does");
    let spans = order.acceptance.iter().map(|one| &one.span).chain(order.deliverables.iter().map(|one| &one.span));
    let spans = spans
        .chain(order.requirements.iter().map(|one| &one.span))
        .chain(order.dependencies.iter().map(|one| &one.span));
    let spans = spans
        .chain(order.verification.iter().map(|one| &one.span))
        .chain(order.diagnostics.iter().map(|one| &one.span));
    for span in spans {
        assert!(text.get(span.clone()).is_some(), "{name}: {span:?}");
    }
    for found in &order.diagnostics {
        assert!(
            found.line >= 1 && found.line <= text.lines().count().max(1) + 1 && found.column >= 1,
            "{name}: {found:?}"
        );
        assert!(!found.message.is_empty(), "{name}: {found:?}");
    }
    order
}

fn criteria(order: &Order) -> Vec<String> {
    let understood = |target: &Target| match target {
        Target::Unclear { .. } => "unclear".to_owned(),
        other => other.to_string(),
    };
    order.acceptance.iter().map(|one| format!("{} | {}", one.metric, understood(&one.compiled))).collect()
}

/// One long order a shape: name, shape, how many criteria, requirements, deliverables and commands it holds.
#[test]
fn a_field_order_in_each_shape() {
    for (name, shape, criteria, requirements, deliverables, commands) in [
        ("WO-251029-PARQUET-EXPORTER.md", Shape::Banner, 6, 5, 6, 1),
        ("WO-251029-CSV-PARQUET.md", Shape::Bullets, 5, 4, 4, 1),
        ("WO-251030-PHASE5_CONTINUOUS_OPS.md", Shape::HeadingOnly, 4, 1, 2, 0),
        ("WO-251028-OPS-ACTIVATE-MONITOR.md", Shape::StatusHeader, 6, 4, 3, 1),
        ("WO-251031-MONITOR_PERF.md", Shape::StatusHeader, 5, 2, 2, 0),
        ("WO-251101-ACCEPTANCE-BULLETS.md", Shape::AcceptanceBullets, 5, 2, 1, 0),
        ("WO-251102-FRONT-MATTER.md", Shape::FrontMatter, 5, 0, 0, 0),
        ("WO-251103-MAP-REFRESH.yaml", Shape::Data, 5, 2, 3, 2),
        ("WO-251104-DIGEST.json", Shape::Data, 2, 2, 1, 1),
    ] {
        let order = parse(&std::fs::read(fixtures().join(name)).unwrap(), name);
        assert_eq!(Some(order.id.as_str()), Path::new(name).file_stem().and_then(|stem| stem.to_str()));
        assert_eq!(order.shape, shape, "{name}");
        let held =
            (order.acceptance.len(), order.requirements.len(), order.deliverables.len(), order.verification.len());
        assert_eq!(held, (criteria, requirements, deliverables, commands), "{name}: {order:#?}");
        assert!(order.diagnostics.iter().all(|found| found.severity != order::Severity::Error), "{name}");
    }
}

/// Name, id, criteria with what their targets are understood as, codes of the diagnostics.
#[allow(clippy::type_complexity, reason = "the columns of a table")]
const ODD: &[(&str, &str, &[&str], &[&str])] = &[
    ("01-fullwidth.md", "WO-251105-FULL", &["Ｆｉｌｅ ｓｉｚｅ | ≤ 5 MB per day", "Validation time | < 2 s"], &[]),
    (
        "02-en-dash.md",
        "WO-251105-DASHES",
        &["CPU | 10% to 20%", "Latency | 5 ms to 10 ms", "Drift − | unclear"],
        &["unclear-target"],
    ),
    ("03-thai.md", "WO-251105-43337efd", &["ขนาดไฟล์ | ≤ 5 MB", "เวลาตรวจสอบ | < 2 s"], &["id-letters"]),
    ("04-crlf.md", "WO-251105-CRLF", &["File size | ≤ 5 MB"], &[]),
    ("05-bom.md", "WO-251105-BOM", &["File size | ≤ 5 MB"], &[]),
    ("06-bom-crlf.yaml", "WO-251105-BOMY", &["File size | ≤ 5 MB"], &[]),
    (
        "07-nested-lists.md",
        "WO-251105-NESTED",
        &["File size | ≤ 5 MB", "Compression | is Snappy", "Validation time | < 2 s", "Schema | = 0 errors"],
        &[],
    ),
    (
        "08-pipes-in-code.md",
        "WO-251105-PIPES",
        &["Rows | > 0", "a || b | works (OK)", "Escaped | pipe | ≤ 5 MB", "Health checks < 200ms | p95 < 200 ms"],
        &[],
    ),
    (
        "09-two-tables.md",
        "WO-251105-TABLES",
        &["File size | ≤ 5 MB", "Compression | is Snappy", "Archive size | ≤ 50 MB"],
        &["several-tables", "repeated-criterion"],
    ),
    ("10-no-id.md", "WO-10-no-id", &["log folder | ≤ 100 MB"], &["missing-id"]),
    ("11-duplicate-ids.md", "WO-251105-SECOND", &[], &["id-disagreement", "duplicate-key", "id-disagreement"]),
    ("12-duplicate-keys.md", "WO-251105-DUPKEYS", &[], &["duplicate-key", "duplicate-key"]),
    ("13-placeholder.md", "WO-251105-PLACEHOLDER", &[], &["placeholder"]),
    ("14-bold-keys-only.md", "WO-251105-BOLD", &["File size | ≤ 5 MB"], &[]),
    ("15-separator-under-text.md", "WO-251105-SETEXT", &["File size | ≤ 5 MB"], &[]),
    ("16-rule-first.md", "WO-251105-RULE", &["File size | ≤ 5 MB"], &[]),
    ("17-paren-lists.md", "WO-251105-PAREN", &["File size | ≤ 5 MB", "Compression | is Snappy"], &[]),
    ("18-no-space-headings.md", "WO-251105-NOSPACE", &["File size | ≤ 5 MB"], &[]),
    ("19-table-no-rule.md", "WO-251105-NORULE", &["File size | ≤ 5 MB", "Compression | is Snappy"], &["table-rule"]),
    ("20-table-in-quote.md", "WO-251105-QUOTE", &["File size | ≤ 5 MB", "Compression | is Snappy"], &[]),
    ("21-html-comment.md", "WO-251105-HTML", &["File size | ≤ 5 MB"], &[]),
    ("22-toml.md", "WO-251105-TOML", &["File size | ≤ 5 MB"], &[]),
    (
        "23-yaml-unquoted.md",
        "WO-251105-UNQUOTED",
        &["Uptime | > 80%", "Rows | > 0"],
        &["unquoted-value", "unquoted-value", "unquoted-value"],
    ),
    ("24-yaml-broken.md", "WO-251105-BROKEN", &["File size | ≤ 5 MB"], &["front-matter-syntax"]),
    ("25-open-front-matter.md", "WO-251105-OPEN", &["File size | ≤ 5 MB"], &["open-front-matter"]),
    ("26-markdown-in-yaml.yaml", "WO-251105-MISNAMED", &["File size | ≤ 5 MB"], &["not-data"]),
    ("27-yaml-in-md.md", "WO-251105-BARE", &["File size | ≤ 5 MB"], &[]),
    ("28-json-commas.json", "WO-251105-COMMAS", &["File size | ≤ 5 MB"], &["not-json"]),
    ("29-contradiction.md", "WO-251105-CONTRADICTION", &["File size | ≤ 5 MB"], &["contradiction", "contradiction"]),
    (
        "30-emoji-everywhere.md",
        "WO-251105-EMOJI",
        &["📦 File size | ≤ 5 MB", "🗜️ Compression | is Snappy", "🟢 Redis | works (✅)"],
        &[],
    ),
    (
        "31-hostile-text.md",
        "WO-251105-HOSTILE",
        &["$(rm -rf /) | ≤ 5 MB", "; DROP TABLE orders | works (OK)", "-rf | < 2 s", "<script>alert(1)</script> | = 0"],
        &[],
    ),
    ("33-data-with-body.json", "WO-251105-BODY", &["File size | ≤ 5 MB"], &[]),
    ("34-metadata-table.md", "WO-251105-META", &["File size | ≤ 5 MB", "Compression | is Snappy"], &[]),
    (
        "35-children-of-acceptance.md",
        "WO-251105-CHILDREN",
        &["Validation time | < 2 s", "File size | ≤ 5 MB", "Script | works (executable)", "Looks good to GG | unclear"],
        &["unclear-target"],
    ),
    ("36-old-mac-tabs.md", "WO-251105-TABS", &["File size | ≤ 5 MB", "Compression | is Snappy", "x | is x"], &[]),
    (
        "37-machine-errors.md",
        "WO-251105-ERRORS",
        &["File size | ≤ 5 MB"],
        &["unreadable-expires", "bad-waiver", "unclear-requirement", "bad-params"],
    ),
    ("38-numbers-as-ids.yaml", "WO-0251105", &["Rows | > 0", "Errors | = 0", "Done | works (true)"], &[]),
    ("39-lowercase-keys.md", "WO-251105-lower", &["file size | ≤ 5 MB"], &[]),
    ("40-separators.md", "WO-251105-SEPARATORS", &["File size | ≤ 5 MB"], &[]),
];

#[test]
fn odd_orders_are_read_as_they_are_meant() {
    let mut names: Vec<String> = std::fs::read_dir(fixtures().join("odd"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ODD.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), "every file is listed");
    for (name, id, expected, codes) in ODD {
        let order = parse(&std::fs::read(fixtures().join("odd").join(name)).unwrap(), name);
        assert_eq!(order.id, *id, "{name}");
        assert_eq!(criteria(&order), *expected, "{name}");
        let found: Vec<&str> = order.diagnostics.iter().map(|found| found.code.as_str()).collect();
        assert_eq!(found, *codes, "{name}: {:#?}", order.diagnostics);
    }
}

/// The same order with line ends of Windows, or behind a byte order mark, holds the same.
#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let name = path.file_name().unwrap().to_str().unwrap();
        let plain = parse(text.as_bytes(), name);
        for other in [text.replace('\n', "\r\n"), format!("\u{feff}{text}")] {
            let order = parse(other.as_bytes(), name);
            assert_eq!(criteria(&order), criteria(&plain), "{name}");
            assert_eq!(
                (&order.id, order.shape, &order.objective),
                (&plain.id, plain.shape, &plain.objective),
                "{name}"
            );
            let paths = |order: &Order| order.deliverables.iter().map(|one| one.path.clone()).collect::<Vec<_>>();
            assert_eq!(paths(&order), paths(&plain), "{name}");
            assert_eq!(order.requirements.len(), plain.requirements.len(), "{name}");
        }
    }
}

/// Cut anywhere, an order still parses or is refused, and never panics.
#[test]
fn orders_cut_anywhere_still_tile() {
    for name in [
        "WO-251029-PARQUET-EXPORTER.md",
        "WO-251102-FRONT-MATTER.md",
        "WO-251103-MAP-REFRESH.yaml",
        "WO-251104-DIGEST.json",
    ] {
        let text = std::fs::read_to_string(fixtures().join(name)).unwrap();
        for (at, _) in text.char_indices().step_by(7) {
            parse(&text.as_bytes()[..at], name);
        }
    }
}

/// A body of about 60 KB made of one piece again and again.
fn sixty_kb(piece: &str) -> String {
    piece.repeat(60_000 / piece.len() + 1)
}

#[test]
fn bodies_of_sixty_kilobytes() {
    let code = "```js\nconst x = `a | b`; // ## no heading\n```\n\n";
    for (what, piece, shape) in [
        (
            "prose",
            "Lorem ipsum — dolor sit amet, **bold** `code`, ภาษาไทย และ emoji 🎉.\nGoes on here.\n\n",
            Shape::StatusHeader,
        ),
        ("lists", "- item\n  - nested\n    1. deep\n", Shape::StatusHeader),
        ("sections", "### 🔹 Section\n\ntext\n\n", Shape::StatusHeader),
        ("code", code, Shape::StatusHeader),
        ("table", "| a | `b | c` |\n", Shape::StatusHeader),
        ("one line", "word ", Shape::StatusHeader),
        ("stars", "**", Shape::StatusHeader),
        ("brackets", "[", Shape::StatusHeader),
        ("backticks", "`a``", Shape::StatusHeader),
        ("html", "<b", Shape::StatusHeader),
        ("entities", "&lt;", Shape::StatusHeader),
    ] {
        let text = format!(
            "# Work Order: WO-1\n**Status:** DROPPED\n\n## Background\n\n{}\n\n## Acceptance Criteria\n\n| Metric | Target |\n|---|---|\n| File size | ≤ 5 MB |\n",
            sixty_kb(piece)
        );
        let order = parse(text.as_bytes(), "WO-1.md");
        assert_eq!((order.id.as_str(), order.shape), ("WO-1", shape), "{what}");
        assert_eq!(criteria(&order), ["File size | ≤ 5 MB"], "{what}");
    }
    let many: String = (0..2_000).map(|n| format!("| Metric {n} | ≤ {n} MB |\n")).collect();
    let order = parse(format!("# WO-1\n\n## Acceptance\n| Metric | Target |\n|---|---|\n{many}").as_bytes(), "WO-1.md");
    assert_eq!(order.acceptance.len(), 2_000);
    let unclear: String = (0..2_000).map(|n| format!("- nobody knows {n} what\n")).collect();
    let order = parse(format!("# WO-1\n\n## Acceptance\n{unclear}").as_bytes(), "WO-1.md");
    assert_eq!(order.acceptance.len(), 2_000, "nothing is dropped");
    assert!(order.diagnostics.len() < 500, "and nobody is told two thousand times");
    assert_eq!(order.diagnostics.last().map(|last| last.code.as_str()), Some("too-many"));
}

#[test]
fn every_section_and_key_is_a_part() {
    let name = "WO-251029-PARQUET-EXPORTER.md";
    let text = std::fs::read_to_string(fixtures().join(name)).unwrap();
    let order = parse(text.as_bytes(), name);
    let named = |kind: PartKind| {
        order.parts.iter().filter(|part| part.kind == kind).map(|part| part.name.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        named(PartKind::Key),
        ["phase", "origin", "assigned to", "priority", "created", "authorization", "executor", "status"]
    );
    assert_eq!(
        named(PartKind::Section),
        [
            "objective",
            "requirements",
            "acceptance criteria",
            "dependencies",
            "deliverables",
            "verification",
            "next phase"
        ]
    );
    let part = order.parts.iter().find(|part| part.name == "acceptance criteria").unwrap();
    assert!(text[part.span.clone()].starts_with("### ✅ Acceptance Criteria\n"));
    let yaml = std::fs::read_to_string(fixtures().join("WO-251103-MAP-REFRESH.yaml")).unwrap();
    let order = parse(yaml.as_bytes(), "WO-251103-MAP-REFRESH.yaml");
    for part in order.parts.iter().filter(|part| part.kind == PartKind::Key) {
        assert!(yaml[part.span.clone()].starts_with(&format!("{}:", part.name)), "{part:?}");
    }
}

#[test]
fn lint_shows_identity_handler_and_each_criterion_with_what_measures_it() {
    let order = fixtures().join("WO-251029-PARQUET-EXPORTER.md");
    let ran = Scene::new().wo([Path::new("lint"), &order]).expect_exit(0).expect_silent_stderr();
    for part in [
        "WO-251029-PARQUET-EXPORTER",
        "banner",
        "P1",
        "parquet-exporter",
        "≤ 5 MB per day",
        "export.file_size",
        "once a day at 02:30",
        "export.frequency",
        "service.runs",
        "0 error(s), 0 warning(s)",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {ran}");
    }
    assert!(!ran.stdout.contains('\u{1b}'), "no colour where there is no terminal");
    let json = Scene::new().wo([Path::new("lint"), Path::new("--json"), &order]).expect_exit(0).json();
    let one = &json[0];
    assert_eq!(
        (one["id"].as_str(), one["handler"]["name"].as_str()),
        (Some("WO-251029-PARQUET-EXPORTER"), Some("parquet-exporter"))
    );
    let size = &one["criteria"][0];
    assert_eq!(size["typed"]["kind"], "compare");
    assert_eq!(size["typed"]["number"], 5_000_000.0);
    assert_eq!((&size["binding"]["key"], &size["binding"]["by"]), (&"export.file_size".into(), &"alias".into()));
    assert_eq!(one["findings"], serde_json::json!([]));
}

#[test]
fn lint_says_what_is_wrong_where_and_how_to_cure_it() {
    let text = "---\nid: WO-9\nhandler: parquet-exporter\nexpires: soon\n---\n# WO-9\n\n## Acceptance\n\n- File size ≤ 5 MB\n- Colour of the file: 5 MB\n";
    let ran = Scene::new().wo_with_stdin(["lint", "-"], text.as_bytes()).expect_exit(1);
    for part in [
        "error[unreadable-expires]",
        ":4:1",
        "cure: ",
        "warning[unclear-target]",
        ":11:",
        "warning[unmeasured]",
        "Colour of the file",
        "1 error(s)",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {ran}");
    }
    let good = text.replace("expires: soon", "expires: 2099-01-01");
    Scene::new().wo_with_stdin(["lint", "-"], good.as_bytes()).expect_exit(0).expect_no_stdout("error[");
}

#[test]
fn lint_says_beforehand_what_can_never_be_judged() {
    let text = "---\nid: WO-9\nhandler: parquet-exporter\n---\n# WO-9\n\n## Acceptance\n\n| Metric | Condition | Target |\n|---|---|---|\n| Compression | | ≥ 3× |\n| Export duration | at ≥ 5 heartbeats | ≤ 1.5 s |\n| Validation time | at ≥ 5 rows | ≤ 2 s |\n| File size | | ≤ 5 MB |\n";
    let ran = Scene::new().wo_with_stdin(["lint", "-"], text.as_bytes()).expect_exit(0);
    for part in ["warning[never-judged]", ":11:", "warning[unmeasured-condition]", ":12:", "≤ 1.5 s", "2 warning(s)"]
    {
        assert!(ran.stdout.contains(part), "{part}: {ran}");
    }
}

#[test]
fn lint_of_what_can_not_be_read_exits_2_and_goes_on_with_the_rest() {
    let scene = Scene::new()
        .file("nul.md", b"# WO-1\n\0")
        .file("bomb.md", "---\nid: WO-1\na: &a [1, 1]\nb: [*a, *a]\n---\n")
        .file("good.md", "# WO-1\n\n## Acceptance\n- File size ≤ 5 MB\n");
    let ran = scene
        .wo(["lint", "nul.md", "missing.md", "bomb.md", "good.md"])
        .expect_exit(2)
        .expect_stdout("good.md: 0 error(s)");
    ran.expect_stderr("`nul.md`")
        .expect_stderr("NUL")
        .expect_stderr("missing.md")
        .expect_stderr("line 3 has a YAML anchor")
        .expect_stderr("hint: ");
    let json = scene.wo(["lint", "--json", "nul.md", "good.md"]).expect_exit(2).json();
    assert!(json[0]["unreadable"].as_str().is_some_and(|why| why.contains("NUL")) && json[1]["id"] == "WO-1", "{json}");
}

#[test]
fn lint_works_outside_any_root_and_warns_of_orders_that_no_handler_takes() {
    let scene = Scene::bare().file("x.md", "# WO-1 Paint the shed\n\n## Acceptance\n- Colour: green\n");
    scene.wo(["lint", "x.md"]).expect_exit(0).expect_stdout("warning[no-handler]").expect_stdout("handler     none");
}

/// Whoever submits an order and goes away does not see it rejected later.
#[test]
fn submit_drops_no_order_that_is_sure_to_be_rejected_and_warns_of_what_is_doubtful() {
    let order = |head: &str, metric: &str| {
        format!("---\nid: WO-1-X\n{head}\n---\n# WO-1-X\n\n## Acceptance\n\n- {metric}: ≤ 5 MB\n")
    };
    let scene = Scene::new();
    for (head, why) in [
        ("handler: nope", "names the handler `nope`, which is not there"),
        ("priority: P2", "no handler takes this order"),
        ("handler: parquet-exporter\nexpires: 2024-11-01", "the order expired at 2024-11-02T00:00:00Z"),
    ] {
        scene.write("order.md", order(head, "File size"));
        let ran = scene.wo(["submit", "order.md"]).expect_exit(2).expect_stderr("was not dropped").expect_stderr(why);
        assert_eq!(ran.stdout, "");
        assert!(scene.list("bridge/inbox/CLC").iter().all(|name| name == "templates"), "{head}");
    }
    let soon = "handler: parquet-exporter\nexpires: 2099-01-01";
    scene.write("order.md", order(soon, "Colour of the file"));
    let ran = scene.wo(["submit", "order.md"]).expect_exit(0).expect_stdout("WO-1-X");
    ran.expect_stderr("warning: order.md:10: ").expect_stderr("Colour of the file").expect_stderr("UNMEASURED");
    let scene = Scene::new().file("order.md", order(soon, "File size"));
    scene.wo(["submit", "order.md"]).expect_exit(0).expect_silent_stderr();
    let past = order("handler: parquet-exporter\nexpires: 2024-11-01", "File size");
    scene.wo_with_stdin(["lint", "-"], past.as_bytes()).expect_exit(1).expect_stdout("error[expired]");
}

#[test]
fn a_file_that_the_order_says_not_to_touch_is_not_written() {
    for deliverables in [
        "1. `scripts/analytics/run_parquet_exporter.zsh` (do not touch `run/parquet_exporter.cjs`!)\n",
        "1. `scripts/analytics/run_parquet_exporter.zsh` – calls `run/parquet_exporter.cjs`\n",
        "1. `run/parquet_exporter.cjs` – unchanged, stays as it is\n",
    ] {
        let order = format!(
            "# Work Order: WO-260501-PARQUET-EXPORTER-I\n\n## Deliverables\n\n{deliverables}\n## Acceptance\n\n- Rows: ≥ 1\n"
        );
        let scene = Scene::new()
            .file("run/parquet_exporter.cjs", "// by hand\n")
            .order("WO-260501-PARQUET-EXPORTER-I.md", order);
        let plan = scene.wo(["plan", "bridge/inbox/CLC/WO-260501-PARQUET-EXPORTER-I.md"]).expect_exit(0).stdout;
        assert!(plan.contains("the service") && !plan.contains("write `run/parquet_exporter.cjs`"), "{plan}");
    }
}
