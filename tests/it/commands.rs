//! Verification blocks of orders: each is answered by that very test, or says that it was not run and why.

use crate::support::Scene;
use crate::support::field::Heartbeats;

/// The lines of the report's table of commands, for an order with these blocks.
fn answers(blocks: &[&str]) -> Vec<String> {
    let blocks: String = blocks.iter().map(|block| format!("\n```bash\n{block}\n```\n")).collect();
    let order = format!(
        "# WO-251029-PARQUET-EXPORTER\n\n## Acceptance\n\n- Compression: Snappy\n\n## Verification\n{blocks}\n"
    );
    let scene = Scene::new()
        .config("[services]\nmanager = \"embedded\"\n[limits]\nstep_deadline_s = 20\n")
        .heartbeats(Heartbeats::days(1))
        .order("WO-251029-PARQUET-EXPORTER.md", &order);
    // nothing holds the schedule, so the order is not done; its commands are answered all the same
    scene.wo(["run"]).expect_exit(1);
    let report = scene.read("bridge/outbox/CLC/WO-251029-PARQUET-EXPORTER_REPORT.md");
    let table = report.split("## Validation Results").nth(1).expect("the table of commands");
    let rows = table.split("\n## ").next().unwrap_or_default().lines().filter(|line| line.starts_with("| "));
    rows.skip(1).map(str::to_owned).collect()
}

#[test]
fn each_block_is_answered_by_what_it_asks() {
    let cases = [
        ("wo query \"SELECT count(*) AS n FROM heartbeats\"", "✅ PASS | n; 288 "),
        ("wo query \"SELECT nonsense FROM nowhere\"", "❌ FAIL"),
        ("duckdb -c \"select count(*) from '/tmp/x.parquet'\"", "not run: policy"),
        ("wo verify monitor", "not run: policy"),
        ("launchctl list | grep com.somebody.else", "not run: policy"),
        ("test -x run/parquet_exporter.cjs", "✅ PASS"),
        ("test -f run/nowhere.cjs", "❌ FAIL"),
        ("test -f run/parquet_exporter.cjs && echo OK", "OK; `run/parquet_exporter.cjs` is there"),
        ("[ -x run/parquet_exporter.cjs ] && echo yes || echo no", "✅ PASS"),
        ("test -f run/nowhere.cjs && echo OK || echo MISSING", "❌ FAIL"),
        ("test ! -e run/nowhere.cjs", "✅ PASS"),
        ("test -f run/parquet_exporter.cjs && rm -rf g", "not run: policy"),
        ("test -f ../outside", "not run: policy"),
        ("node run/parquet_exporter.cjs --dry\nls -lh g/analytics/*.parquet", "✅ PASS"),
        ("node run/parquet_exporter.cjs --dry\ntest -f run/nowhere.cjs", "❌ FAIL"),
        ("ls -lh g/analytics/*.parquet\nrm -rf g", "not run: policy"),
    ];
    let blocks: Vec<&str> = cases.iter().map(|(block, _)| *block).collect();
    let rows = answers(&blocks);
    // the template's own tests come after the order's
    assert!(rows.len() >= cases.len(), "{rows:#?}");
    for ((block, expected), row) in cases.iter().zip(&rows) {
        assert!(row.contains(expected), "{block}: {row}");
    }
}

/// All criteria pass; the outcome says more only where every command that was answered says so too.
#[test]
fn an_order_with_a_command_that_failed_is_not_done() {
    let order = |id: &str, block: &str| {
        format!(
            "---\nid: {id}\nhandler: probe\nacceptance:\n  - {{ metric: Ledger lines, target: \"= 1\" }}\n---\n\n# {id}\n\n\
             ## Verification\n\n```bash\n{block}\n```\n"
        )
    };
    let scene = Scene::new()
        .env("WO_PROBE", "1")
        .order("WO-1-PROBE.md", order("WO-1-PROBE", "test -f ledger.txt"))
        .order("WO-2-PROBE.md", order("WO-2-PROBE", "test -f nowhere.txt"))
        .order("WO-3-PROBE.md", order("WO-3-PROBE", "curl nowhere"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("WO-1-PROBE  done").expect_stdout("WO-3-PROBE  done");
    let failed = scene.result("WO-2-PROBE");
    assert_eq!(failed["outcome"], "partial", "{failed:#}");
    let reason = failed["reason"].as_str().unwrap();
    assert!(
        reason.contains("these commands failed: `test -f nowhere.txt` (exit status 1: `nowhere.txt` is not there)"),
        "{reason}"
    );
}

/// What it comes to stands at the end of a program's output; what was cut between says nothing.
#[test]
fn the_end_of_long_output_is_judged_and_what_was_cut_confirms_nothing() {
    let sweep = "#!/bin/sh\n[ \"$1\" = bad ] || echo 'errors: 0'; echo 'Files: 4'\ni=0; while [ $i -lt 400 ]; do echo \"row $i is ok, as it was \
                 before\"; i=$((i+1)); done\necho 'Rows: 5'\n[ \"$1\" = bad ] && echo 'errors: 3'\n[ \"$1\" = warned ] && { i=0; \
                 while [ $i -lt 30 ]; do echo \"DeprecationWarning: module x is deprecated\" >&2; i=$((i+1)); done; echo \
                 'AssertionError: 3 rows expected' >&2; exit 1; }\necho 'ALL PASS'\n";
    let scene = Scene::new().file("sweep", sweep).env("WO_PROBE", "1");
    let path = scene.path("sweep");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let policy = format!("[policy]\nprograms = ['{}']\n[limits]\noutput_bytes = 4096\n", path.display());
    let scene = scene.config(&policy);
    for (n, (command, after, outcome, line)) in [
        ("sweep", "✅ Confirms: 5 rows", "done", "✅ Confirms: 5 rows"),
        ("sweep", "✅ Confirms: 4 files", "done", "✅ Confirms: 4 files"),
        ("sweep", "✅ Confirms: ALL PASS", "done", "✅ Confirms: ALL PASS"),
        ("sweep", "Expected: `ALL PASS`", "done", "✅ passed (output cut at limits.output_bytes)"),
        ("sweep", "✅ Confirms: errors: 0", "done", "☐ (unmeasured: output cut at limits.output_bytes"),
        (
            "sweep",
            "Expected: `row 200 is ok, as it was before`",
            "done",
            "☐ unmeasured: output cut at limits.output_bytes",
        ),
        ("sweep bad", "✅ Confirms: errors: 0", "partial", "❌ (failed: it says"),
        (
            "sweep warned",
            "✅ Confirms: 5 rows",
            "partial",
            "❌ (failed: exit status 1: AssertionError: 3 rows expected)",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("WO-{n}-PROBE");
        scene.write("templates/SWEEP.md", format!("# Sweep\n\n```bash\n{command}\n```\n{after}\n"));
        let order = format!(
            "---\nid: {id}\nhandler: probe\ntemplate: SWEEP\nacceptance:\n  - {{ metric: Ledger lines, target: \"= 1\" }}\n---\n\n# {id}\n"
        );
        scene.drop_order(&format!("{id}.md"), order);
        drop(scene.wo(["run"]));
        let filled = scene.read(format!("bridge/outbox/CLC/{id}_SWEEP.md"));
        assert!(filled.contains(line), "{command}: {after}: {filled}");
        assert_eq!(scene.result(&id)["outcome"], outcome, "{command}: {after}");
        let report = scene.read(format!("bridge/outbox/CLC/{id}_REPORT.md"));
        let cut = "output cut at limits.output_bytes; it ends with: ALL PASS";
        assert_eq!(report.contains(cut), outcome == "done", "{report}");
    }
}

/// What a program of the user's says is a claim; what it was to deliver is looked for.
#[test]
fn an_external_handler_is_judged_by_what_is_there() {
    let order = |id: &str| {
        format!(
            "---\nid: {id}\nhandler: mine\nacceptance:\n  - {{ metric: Deliverables, target: 100% }}\n---\n\n# {id}\n\n\
             ## Deliverables\n\n1. `run/one.cjs`\n2. `run/two.cjs`\n"
        )
    };
    let program = "#!/bin/sh\ncat >/dev/null\nmkdir -p \"$WO_ROOT/run\"\nfor name in $(cat \"$WO_ROOT/names\"); do echo x \
                   >\"$WO_ROOT/run/$name.cjs\"; done\necho '{\"claim\": \"both are there\"}'\n";
    let scene = Scene::new().file("mine.sh", program).file("names", "one").order("WO-1-X.md", order("WO-1-X"));
    let path = scene.path("mine.sh");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let scene = scene.config(&format!("[handlers.mine]\ncommand = ['{}']\n", path.display()));
    scene.wo(["run"]).expect_exit(1);
    let result = scene.result("WO-1-X");
    assert_eq!(result["outcome"], "failed", "{result:#}");
    assert!(
        result["reason"].as_str().unwrap().contains("1/2 against = 100%: `run/two.cjs` is not there"),
        "{result:#}"
    );
    let report = scene.read("bridge/outbox/CLC/WO-1-X_REPORT.md");
    assert!(report.contains("| Deliverables | 100% | 1/2 [E1] | ❌ FAIL |"), "{report}");
    assert!(report.contains("`run/two.cjs` is not there"), "{report}");
    std::fs::write(scene.path("names"), "one two").unwrap();
    let rows = "| Component | Status |\n|---|---|\n| All deliverables (`run/one.cjs`, `run/two.cjs`) | ☐ |\n\
                | All deliverables (`run/three.cjs`) | ☐ |\n";
    scene.write("templates/ROWS.md", rows);
    scene.drop_order("WO-2-X.md", order("WO-2-X").replace("handler: mine", "handler: mine\ntemplate: ROWS"));
    scene.wo(["run"]).expect_stdout("WO-2-X  done: 1 of 1 criteria pass");
    let said = |id: &str| scene.read(format!("bridge/outbox/CLC/{id}_REPORT.md"));
    assert!(!said("WO-2-X").contains("before this attempt began"), "{}", said("WO-2-X"));
    let filled = scene.read("bridge/outbox/CLC/WO-2-X_ROWS.md");
    let row = |name: &str| filled.lines().find(|line| line.starts_with("| All") && line.contains(name)).unwrap();
    assert!(row("one.cjs").contains("✅ Verified"), "{filled}");
    assert!(row("three.cjs").contains('☐') && !row("three.cjs").contains('✅'), "{filled}");
    // what lay there before counts, and is not passed off as this attempt's
    std::fs::write(scene.path("names"), "").unwrap();
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    for name in ["run/one.cjs", "run/two.cjs"] {
        let file = std::fs::OpenOptions::new().append(true).open(scene.path(name)).unwrap();
        file.set_modified(hour_ago).unwrap();
    }
    scene.drop_order("WO-3-X.md", order("WO-3-X"));
    scene.wo(["run"]).expect_stdout("WO-3-X  done: 1 of 1 criteria pass");
    let old = "last written before this attempt began: `run/one.cjs`, `run/two.cjs`";
    assert!(said("WO-3-X").contains(old), "{}", said("WO-3-X"));
}

/// With the root in front, for the file of the day, as a folder; what is only a pattern is nothing that can be looked for.
#[test]
fn deliverables_are_looked_for_as_their_authors_write_them() {
    let program = "#!/bin/sh\ncat >/dev/null\ncd \"$WO_ROOT\"\nmkdir -p g/raw\necho x >g/raw/a.csv\n\
                   echo x >\"g/rollup_$(date -u +%Y%m%d).md\"\n";
    let scene = Scene::new().file("mine.sh", program);
    let path = scene.path("mine.sh");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let scene = scene.config(&format!("[handlers.mine]\ncommand = ['{}']\n", path.display()));
    let order = |id: &str, paths: &[&str]| {
        let listed: String = paths.iter().map(|path| format!("- `{path}`\n")).collect();
        format!(
            "---\nid: {id}\nhandler: mine\n---\n\n# {id}\n\n## Deliverables\n\n{listed}\n## Acceptance Criteria\n\n\
             | Metric | Target |\n|---|---|\n| Deliverables | all present |\n"
        )
    };
    let whole = scene.path("g/raw/a.csv").display().to_string();
    scene.drop_order("WO-1-X.md", order("WO-1-X", &[&whole, "g/rollup_YYYYMMDD.md", "g/raw/"]));
    scene.wo(["run"]).expect_exit(0).expect_stdout("WO-1-X  done: 1 of 1 criteria pass");
    let pattern = order("WO-2-X", &["g/raw/a.csv", "g/raw/*.csv"]);
    scene.write("WO-2-X.md", &pattern);
    scene.wo(["lint", "WO-2-X.md"]).expect_exit(0).expect_stdout("unfilled-deliverable");
    scene.drop_order("WO-2-X.md", &pattern);
    scene.wo(["run"]).expect_exit(1).expect_stdout(
        "WO-2-X  partial: unmeasured: Deliverables (it can't be told, for `g/raw/*.csv` is a pattern of names)",
    );
}
