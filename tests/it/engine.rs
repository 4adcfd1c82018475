//! The life of an order, with the `probe` handler: each of its steps appends a line to a ledger and fsyncs it.

use std::collections::BTreeSet;

use crate::support::{Locked, Ran, Scene, makes_immutable, probe, wait_for};

fn scene() -> Scene {
    Scene::new().env("WO_PROBE", "1")
}

fn ledger(scene: &Scene) -> Vec<String> {
    let text = std::fs::read_to_string(scene.path("ledger.txt")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn show(scene: &Scene, id: &str) -> serde_json::Value {
    scene.wo(["show", id, "--json"]).expect_exit(0).json()
}

#[test]
fn an_order_ends_done_with_each_step_once() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(0).expect_stdout("WO-1-PROBE  done");
    assert_eq!(ledger(&scene), ["WO-1-PROBE 1 1", "WO-1-PROBE 1 2"]);
    assert_eq!(scene.list("bridge/inbox/CLC"), Vec::<String>::new());
    assert_eq!(scene.list("bridge/processing/CLC"), Vec::<String>::new());
    assert_eq!(scene.list("bridge/archive/CLC"), ["WO-1-PROBE.md"]);
    assert_eq!(scene.result("WO-1-PROBE")["outcome"], "done");
    assert!(scene.exists("bridge/outbox/CLC/WO-1-PROBE_REPORT.md"));
    // a further run finds nothing to do and changes nothing
    let before = scene.tree("bridge/outbox");
    scene.wo(["run"]).expect_exit(0).expect_stdout("nothing to do");
    assert_eq!(scene.tree("bridge/outbox"), before);
    assert_eq!(ledger(&scene).len(), 2);
}

#[test]
fn a_failed_step_undoes_those_before_it() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { steps: 3, fail: line-2 }\n"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("step line-2 failed: the test says so");
    assert_eq!(ledger(&scene), ["WO-1-PROBE 1 1", "WO-1-PROBE 1 2", "undo WO-1-PROBE 1 2", "undo WO-1-PROBE 1 1"]);
    assert_ne!(scene.result("WO-1-PROBE")["outcome"], "done");
}

/// Whoever reads `undone` takes the world to be as it was.
#[test]
fn a_step_that_could_not_be_taken_back_is_not_told_as_undone() {
    let more = "params: { steps: 3, fail: line-3, no_undo: line-1 }\n";
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", more));
    scene.wo(["run"]).expect_exit(1).expect_stdout("undo failed");
    let result = scene.result("WO-1-PROBE");
    let told: Vec<(&str, &str)> = result["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["state"].as_str().unwrap(), step["after"].as_str().unwrap()))
        .collect();
    assert_eq!(told[0].0, "failed", "{told:?}");
    assert!(told[0].1.starts_with("undo failed: ") && told[0].1.contains("the test says so"), "{told:?}");
    assert_eq!((told[1].0, told[2].0), ("undone", "undone"), "{told:?}");
    let reason = result["reason"].as_str().unwrap();
    assert!(
        reason.contains("; undo failed: failed to take back the line") && !reason.contains("undone: undo"),
        "{reason}"
    );
    let report = scene.read("bridge/outbox/CLC/WO-1-PROBE_REPORT.md");
    assert_eq!(report.matches("↩️ undone").count(), 2, "{report}");
}

/// What was measured before an undo is no longer so: no criterion and no cell of a report may be green from it.
#[test]
fn nothing_is_green_from_what_was_undone() {
    let template = "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| Ledger lines | = 1 | | |\n";
    let more = "template: T\nparams: { steps: 3, fail: line-3 }\n";
    let scene = scene().file("templates/T.md", template).order("WO-1-PROBE.md", probe("WO-1-PROBE", more));
    scene.wo(["run"]).expect_exit(1).expect_stdout("failed");
    let result = scene.result("WO-1-PROBE");
    assert_eq!(result["outcome"], "failed");
    let criteria = result["criteria"].as_array().unwrap();
    assert_eq!(criteria.len(), 2, "the order's and the template's");
    for criterion in criteria {
        assert_ne!(criterion["verdict"], "PASS", "{criterion:#}");
    }
    for name in ["WO-1-PROBE_REPORT.md", "WO-1-PROBE_T.md"] {
        let report = scene.read(format!("bridge/outbox/CLC/{name}"));
        assert!(!report.contains('✅'), "{name}: {report}");
        assert!(report.contains("undone, not measured again"), "{name}: {report}");
    }
}

/// Found out after the deployment it would be too late.
#[test]
fn a_template_that_can_not_be_filled_is_told_before_anything_is_done() {
    for (template, exit) in [
        ("{{ order.nope }}\n", 1),
        ("{{ measurements[0].nope.nope | }}\n", 1),
        ("{{ order.id }} {{ measurements[0].shown }} {{ reason }}\n", 0),
    ] {
        let scene =
            scene().file("templates/T.md", template).order("WO-1-PROBE.md", probe("WO-1-PROBE", "template: T\n"));
        let planned = scene.wo(["plan", "bridge/inbox/CLC/WO-1-PROBE.md"]).expect_exit(exit);
        let ran = scene.wo(["run"]).expect_exit(exit);
        assert_eq!(ledger(&scene).is_empty(), exit == 1, "{template}");
        if exit == 1 {
            planned
                .expect_stdout("would be rejected: the report template `T` can't be filled")
                .expect_stdout("line 1, column 1");
            ran.expect_stdout("rejected");
        }
    }
}

#[test]
fn an_id_with_letters_beyond_ascii_is_addressed_as_it_is_written() {
    let written = "WO-1-ส่งออก-X";
    let scene = scene();
    scene.write("order.md", probe(written, ""));
    let known = scene.wo(["submit", "order.md"]).expect_exit(0).expect_stderr("note: the id `WO-1-ส่งออก-X`").stdout;
    scene.drop_order("WO-2-PROBE.md", probe("WO-2-PROBE", &format!("requires: [{written}]\n")));
    scene.wo(["run"]).expect_exit(0).expect_stdout("WO-2-PROBE  done");
    assert_eq!(show(&scene, written)["id"], known.trim());
    scene.wo(["wait", written, "--timeout", "20"]).expect_exit(0).expect_stdout("done");
    scene.wo(["cancel", written]).expect_exit(1).expect_stderr("has ended: done");
    scene.wo(["log", written]).expect_exit(0).expect_stdout(known.trim());
    // the newest of that order, whatever came of others since
    let all = scene.wo(["log", written]).expect_exit(0).stdout;
    let last = scene.wo(["log", written, "-n", "1"]).expect_exit(0).stdout;
    assert_eq!(Some(last.trim_end()), all.lines().last());
}

/// A request that comes when its run can no longer take it is refused; it stops neither this executor nor the next.
#[test]
fn a_request_that_comes_too_late_is_refused_and_stops_nobody() {
    for request in [["approve", "WO-1-PROBE"], ["cancel", "WO-1-PROBE"]] {
        let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
        let mut killed = scene.command(["run"]);
        killed.env("WO_FAILPOINT", "archive.rename.before");
        crate::support::run(killed, b"").expect_killed();
        assert_eq!(show(&scene, "WO-1-PROBE")["state"], "judged");
        scene.wo(request).expect_exit(1);
        scene.wo(["run"]).expect_exit(0).expect_stdout("done");
        assert_eq!(ledger(&scene).len(), 2);
    }
}

#[test]
fn what_nothing_measures_is_never_done() {
    for (more, why) in [
        ("acceptance:\n  - { metric: Happiness, target: \"100%\" }\n", "unmeasured"),
        (
            "acceptance:\n  - { metric: Ledger lines, target: \"= 1\" }\n  - { metric: Happiness, target: OK }\n",
            "unmeasured",
        ),
        ("", "no criterion"),
    ] {
        let text = format!("---\nid: WO-1-PROBE\nhandler: probe\n{more}---\n");
        let scene = scene().order("WO-1-PROBE.md", text);
        scene.wo(["run"]).expect_exit(1).expect_stdout("partial").expect_stdout(why);
        assert_eq!(scene.result("WO-1-PROBE")["outcome"], "partial", "{more}");
    }
    let silent = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { measure: false }\n"));
    silent.wo(["run"]).expect_exit(1).expect_stdout("partial");
}

#[test]
fn an_order_that_nobody_takes_is_rejected_with_the_candidates() {
    let scene = scene().order("WO-9-NOBODY.md", "# WO-9-NOBODY\n\nJust do it.\n");
    scene.wo(["run"]).expect_exit(1).expect_stdout("rejected").expect_stdout("parquet-exporter");
    assert_eq!(scene.result("WO-9-NOBODY")["outcome"], "rejected");
    let rejected = scene.list("bridge/rejected/CLC");
    assert_eq!(rejected, ["WO-9-NOBODY.md", "WO-9-NOBODY.md.reason.md"]);
    assert!(scene.read("bridge/rejected/CLC/WO-9-NOBODY.md.reason.md").contains("parquet-exporter"));
}

#[test]
fn the_same_bytes_twice_are_a_duplicate_and_other_bytes_a_revision() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(0);
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(ledger(&scene).len(), 2, "a duplicate runs nothing");
    assert_eq!(scene.list("bridge/inbox/CLC"), Vec::<String>::new());
    assert_eq!(scene.list("bridge/archive/CLC").len(), 2);

    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { steps: 1 }\n"));
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(show(&scene, "WO-1-PROBE")["attempt"], 2);
    assert!(scene.exists("bridge/outbox/CLC/WO-1-PROBE_REPORT.attempt-2.md"));
}

#[test]
fn other_bytes_while_the_order_is_open_are_rejected_with_both_hashes() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", "approval: true\n"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("wo approve WO-1-PROBE");
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { steps: 1 }\n"));
    scene.wo(["run"]).expect_exit(1);
    let reason = scene.read("bridge/rejected/CLC/WO-1-PROBE.md.reason.md");
    assert!(reason.contains("still open") && reason.matches("sha256").count() >= 1, "{reason}");
    assert!(ledger(&scene).is_empty());
}

#[test]
fn an_order_waits_for_what_its_body_or_a_camel_case_key_asks_for() {
    let body = |id: &str, gate: &str| format!("{}\n{gate}\n", probe(id, ""));
    let scene = scene()
        .order("WO-1-PROBE.md", body("WO-1-PROBE", "**Approval:** required"))
        .order("WO-2-PROBE.md", body("WO-2-PROBE", "- **Requires:** WO-9-NEVER"))
        .order("WO-3-PROBE.md", probe("WO-3-PROBE", "requiresApproval: true\n"));
    scene.wo(["run"]).expect_exit(1);
    assert!(ledger(&scene).is_empty(), "{:?}", ledger(&scene));
    scene.drop_order("WO-4-PROBE.md", body("WO-4-PROBE", "**Approval:** pending GG's review of the report"));
    let _ = scene.wo(["run"]);
    assert!(scene.exists("bridge/outbox/CLC/WO-4-PROBE.result.json"), "prose stops no order");
}

#[test]
fn an_approval_is_bound_to_the_bytes() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", "approval: true\n"));
    scene.wo(["run"]).expect_exit(1);
    assert_eq!(show(&scene, "WO-1-PROBE")["state"], "waiting");
    scene.wo(["approve", "WO-1-PROBE", "--sha256", "00"]).expect_exit(1).expect_stderr("other text");
    scene.wo(["run"]).expect_exit(1);
    assert!(ledger(&scene).is_empty());
    scene.wo(["approve", "WO-1-PROBE"]).expect_exit(0);
    // whoever looks sees that it was given
    scene.wo(["status"]).expect_exit(0).expect_no_stdout("needs a person:").expect_stdout("approved 2");
    assert_eq!(scene.wo(["status", "--json"]).json()["orders"][0]["needs_person"], false);
    scene.wo(["show", "WO-1-PROBE"]).expect_exit(0).expect_stdout("it waits for an executor");
    scene.wo(["run"]).expect_exit(0).expect_stdout("done");
    assert_eq!(ledger(&scene).len(), 2);
}

/// From the claim on the journal has the text and the file is only a view: an edit of it never runs by itself, and is kept.
#[test]
fn an_edit_of_a_claimed_file_is_set_aside_and_not_run() {
    let claimed = probe("WO-1-PROBE", "approval: true\n");
    let edited = probe("WO-1-PROBE", "approval: true\nparams: { steps: 1 }\n");
    let view = "bridge/processing/CLC/WO-1-PROBE.md";
    let reason = "bridge/rejected/CLC/WO-1-PROBE.md.reason.md";

    // while it waits for a person: what that person approves is not what they see there
    let scene = scene().order("WO-1-PROBE.md", &claimed);
    scene.wo(["run"]).expect_exit(1);
    scene.write(view, &edited);
    scene
        .wo(["approve", "WO-1-PROBE"])
        .expect_exit(1)
        .expect_stderr("changed in processing/")
        .expect_stderr("rejected/CLC");
    assert_eq!(scene.read("bridge/rejected/CLC/WO-1-PROBE.md"), edited);
    assert!(scene.read(reason).contains("wo cancel WO-1-PROBE"), "{}", scene.read(reason));
    scene.wo(["approve", "WO-1-PROBE"]).expect_exit(0);
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(ledger(&scene).len(), 2, "the claimed text");
    scene.wo(["wait", "WO-1-PROBE"]).expect_exit(0);
    assert_eq!(scene.read("bridge/archive/CLC/WO-1-PROBE.md"), claimed);

    // at a start, while it is open; and when it ended without anybody looking at the file
    let scene = self::scene().order("WO-1-PROBE.md", &claimed);
    scene.wo(["run"]).expect_exit(1);
    scene.write(view, &edited);
    scene.wo(["run"]).expect_exit(1).expect_no_stdout("done");
    assert_eq!(scene.read("bridge/rejected/CLC/WO-1-PROBE.md"), edited);
    scene.wo(["approve", "WO-1-PROBE"]).expect_exit(0);
    scene.wo(["run"]).expect_exit(0);
    scene.write(view, probe("WO-1-PROBE", "params: { steps: 5 }\n"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("rejected: it was changed in processing/");
    assert_eq!(ledger(&scene).len(), 2);
    assert_eq!(scene.list("bridge/rejected/CLC").len(), 4);
    assert_eq!(show(&scene, "WO-1-PROBE")["attempt"], 1);

    // under another name, known by its id
    scene.write("bridge/processing/CLC/WO-1-copy.md", &edited);
    scene.wo(["run"]).expect_exit(1);
    assert_eq!((ledger(&scene).len(), scene.list("bridge/rejected/CLC").len()), (2, 6));
}

#[test]
fn an_edit_while_its_order_is_at_work_is_set_aside_at_its_end() {
    let text = probe("WO-1-PROBE", "params: { wait_ms: 4000 }\n");
    let scene = scene().config("[web]\nenabled = false\n[monitor]\nenabled = false\n").order("WO-1-PROBE.md", &text);
    let mut daemon = scene.up();
    daemon.wait_for("its last step waits", || ledger(&scene).len() == 2);
    scene.write("bridge/processing/CLC/WO-1-PROBE.md", format!("{text}\nnote to self\n"));
    scene.wo(["wait", "WO-1-PROBE"]).expect_exit(1).expect_stdout("done").expect_stderr("was rejected");
    daemon.stop().expect_exit(0);
    assert!(scene.read("bridge/rejected/CLC/WO-1-PROBE.md").contains("note to self"));
    assert_eq!(scene.read("bridge/archive/CLC/WO-1-PROBE.md"), text);
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(ledger(&scene).len(), 2);
}

#[test]
fn a_gate_opens_when_the_other_order_is_done() {
    let scene = scene().order("WO-2-PROBE.md", probe("WO-2-PROBE", "requires: [\"WO-1-PROBE done\"]\n"));
    scene.wo(["run"]).expect_exit(1).expect_stdout("WO-1-PROBE");
    assert!(ledger(&scene).is_empty());
    scene.drop_order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(show(&scene, "WO-2-PROBE")["outcome"], "done");
    let lines = ledger(&scene);
    assert!(lines.first().is_some_and(|line| line.starts_with("WO-1-PROBE")), "{lines:?}");
}

#[test]
fn cancel_and_retry_without_a_daemon() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", "approval: true\n"));
    scene.wo(["run"]).expect_exit(1);
    scene.wo(["retry", "WO-1-PROBE"]).expect_exit(1).expect_stderr("has not ended");
    scene.wo(["cancel", "WO-1-PROBE"]).expect_exit(0);
    assert_eq!(show(&scene, "WO-1-PROBE")["outcome"], "cancelled");
    scene.wo(["cancel", "WO-1-PROBE"]).expect_exit(1).expect_stderr("has ended");
    scene.wo(["retry", "WO-1-PROBE"]).expect_exit(0);
    scene.wo(["approve", "WO-1-PROBE"]).expect_exit(0);
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(ledger(&scene), ["WO-1-PROBE 2 1", "WO-1-PROBE 2 2"]);
    scene.wo(["retry", "WO-404"]).expect_exit(2).expect_stderr("WO-404");
}

#[test]
fn a_hanging_step_becomes_uncertain_and_a_person_decides() {
    for (answer, lines) in [("--done", 1), ("--again", 2)] {
        let params = "params: { steps: 2, uncertain: line-2 }\n";
        let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", params));
        scene.wo(["run"]).expect_exit(1).expect_stdout("wo resolve WO-1-PROBE");
        assert_eq!(show(&scene, "WO-1-PROBE")["state"], "uncertain");
        scene.wo(["status"]).expect_exit(0).expect_stdout("needs a person");
        scene.wo(["resolve", "WO-1-PROBE"]).expect_exit(2);
        scene.wo(["resolve", "WO-1-PROBE", answer]).expect_exit(0);
        let ran = scene.wo(["run"]);
        assert_eq!(ledger(&scene).iter().filter(|line| !line.starts_with("undo")).count(), lines, "{answer}: {ran}");
        // a person's word is no measurement: what is not in the ledger fails its verification
        let expected = if answer == "--again" { "done" } else { "failed" };
        assert_eq!(show(&scene, "WO-1-PROBE")["outcome"], expected, "{answer}");
    }
}

#[test]
fn both_ways_to_resolve_are_named() {
    scene().wo(["resolve", "WO-1-PROBE"]).expect_exit(2).expect_stderr("--done").expect_stderr("--again");
    scene().wo(["resolve", "WO-1-PROBE", "--done", "--again"]).expect_exit(2);
}

#[test]
fn a_step_may_ask_to_be_verified_later() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", "params: { wait_ms: 400 }\n"));
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(ledger(&scene).len(), 2);
    scene.wo(["log", "WO-1-PROBE"]).expect_exit(0).expect_stdout("waits until");
}

#[test]
fn a_hanging_step_is_given_up_at_its_deadline() {
    let params = "params: { steps: 1, hang: line-1, deadline_s: 1 }\n";
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", params));
    scene.wo(["run"]).expect_exit(1).expect_stdout("deadline");
    assert_eq!(show(&scene, "WO-1-PROBE")["state"], "uncertain");
}

#[test]
fn the_daemon_takes_orders_and_requests_and_drains_on_sigterm() {
    let scene = scene();
    let mut daemon = scene.up_with(&["--no-monitor"]);
    scene.wo(["up", "--no-monitor"]).expect_exit(2).expect_stderr("wo up");
    let order = scene.path("order.md");
    std::fs::write(&order, probe("WO-1-PROBE", "")).unwrap();
    let id = scene.wo([std::ffi::OsStr::new("submit"), order.as_os_str()]).expect_exit(0).stdout;
    assert_eq!(id.trim(), "WO-1-PROBE");
    scene.wo(["wait", "WO-1-PROBE", "--timeout", "60"]).expect_exit(0).expect_stdout("done");

    scene.drop_order("WO-2-PROBE.md", probe("WO-2-PROBE", "approval: true\n"));
    daemon.wait_for("the approval", || {
        scene.wo(["status", "--json"]).json()["orders"].as_array().is_some_and(|orders| {
            orders.iter().any(|order| order["id"] == "WO-2-PROBE" && order["needs_person"] == true)
        })
    });
    scene.wo(["wait", "WO-2-PROBE", "--timeout", "0.1"]).expect_exit(3);
    scene.wo(["approve", "WO-2-PROBE"]).expect_exit(0);
    scene.wo(["wait", "WO-2-PROBE", "--timeout", "60"]).expect_exit(0);
    scene.wo(["retry", "WO-2-PROBE"]).expect_exit(0);
    scene.wo(["approve", "WO-2-PROBE"]).expect_exit(0);
    wait_for("the second attempt", || show(&scene, "WO-2-PROBE")["outcome"] == "done");
    assert_eq!(show(&scene, "WO-2-PROBE")["attempt"], 2);

    // `wo run` beside the daemon leaves the work to it
    std::fs::write(&order, probe("WO-3-PROBE", "")).unwrap();
    scene.wo([std::ffi::OsStr::new("run"), order.as_os_str()]).expect_exit(0).expect_stdout("WO-3-PROBE  done");
    daemon.stop().expect_exit(0);
    assert_eq!(ledger(&scene).len(), 2 + 2 + 2 + 2);
}

#[test]
fn a_journal_that_is_gone_or_damaged_stops_everything() {
    let scene = scene().order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    scene.wo(["run"]).expect_exit(0);
    let journal = scene.path("bridge/state/journal.db");
    let good = std::fs::read(&journal).unwrap();
    scene.drop_order("WO-2-PROBE.md", probe("WO-2-PROBE", ""));

    std::fs::remove_file(&journal).unwrap();
    scene.wo(["run"]).expect_exit(2).expect_stderr("can't be trusted");
    std::fs::write(&journal, b"").unwrap();
    scene.wo(["run"]).expect_exit(2).expect_stderr("can't be trusted");
    std::fs::write(&journal, &good[..good.len() / 2]).unwrap();
    scene.wo(["run"]).expect_exit(2);

    // text of an event, changed where SQLite's own check can't see it
    let mut bad = good.clone();
    let at = bad.windows(9).position(|window| window == b"in the le").expect("an event's text");
    bad[at] = b'X';
    std::fs::write(&journal, &bad).unwrap();
    scene.wo(["run"]).expect_exit(2).expect_stderr("chain");
    assert_eq!(ledger(&scene).len(), 2, "nothing was executed");
    assert_eq!(scene.list("bridge/inbox/CLC"), ["WO-2-PROBE.md"]);

    std::fs::write(&journal, &good).unwrap();
    scene.wo(["run"]).expect_exit(0);
    assert_eq!(ledger(&scene).len(), 4);
}

/// Every failpoint that an uninterrupted run passes: killed there, started again, the order ends once with the same report.
#[test]
fn killed_at_every_failpoint_an_order_ends_once() {
    let text = probe("WO-1-PROBE", "");
    let clean = scene().order("WO-1-PROBE.md", &text);
    let log = clean.path("failpoints.log");
    let clean = clean.env("WO_FAILPOINT_LOG", &log);
    clean.wo(["run"]).expect_exit(0);
    let passed: BTreeSet<String> = std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect();
    for name in [
        "commit.before",
        "commit.after",
        "apply.before",
        "apply.after",
        "fsync.before",
        "rename.after",
        "claim.rename.before",
    ] {
        assert!(passed.iter().any(|point| point.starts_with(name)), "{name} in {passed:?}");
    }
    let expected = comparable(&clean);
    for point in &passed {
        let scene = scene().order("WO-1-PROBE.md", &text);
        let mut command = scene.command(["run"]);
        command.env("WO_FAILPOINT", point);
        crate::support::run(command, b"").expect_killed();
        let again: Ran = scene.wo(["run"]);
        assert_eq!(show(&scene, "WO-1-PROBE")["outcome"], "done", "{point}: {again}");
        assert_eq!(ledger(&scene), ["WO-1-PROBE 1 1", "WO-1-PROBE 1 2"], "{point}");
        assert_eq!(comparable(&scene), expected, "{point}");
        let before = scene.tree("bridge/outbox");
        scene.wo(["run"]).expect_exit(0);
        assert_eq!(scene.tree("bridge/outbox"), before, "{point}");
        assert_eq!(scene.list("bridge/archive/CLC"), ["WO-1-PROBE.md"], "{point}");
    }
}

/// The reports without times, and what lies where.
fn comparable(scene: &Scene) -> String {
    let mut text = String::new();
    for dir in ["bridge/outbox/CLC", "bridge/archive/CLC", "bridge/processing/CLC", "bridge/inbox/CLC"] {
        for name in scene.list(dir) {
            if !name.starts_with('.') {
                text.push_str(&format!("== {dir}/{name}\n{}\n", without_times(&scene.read(format!("{dir}/{name}")))));
            }
        }
    }
    text
}

/// `text` with dates, times and durations blanked.
fn without_times(text: &str) -> String {
    let stamp = |c: char| c.is_ascii_digit() || matches!(c, ':' | '-' | 'T' | 'Z' | '.' | '+');
    let mut out = String::new();
    for line in text.lines() {
        for word in line.split_inclusive([' ', '"', '`', ',', '|', '(', ')']) {
            let body = word.trim_end_matches([' ', '"', '`', ',', '|', '(', ')']);
            let digits = body.chars().filter(char::is_ascii_digit).count();
            let time =
                digits > 0 && body.chars().all(stamp) && (digits >= 6 || body.contains('.') || !line.contains("count"));
            out.push_str(if time { "#" } else { word });
        }
        out.push('\n');
    }
    for unit in ["# ns", "# µs", "# ms", "# s", "#ns", "#ms", "#s"] {
        out = out.replace(unit, "#");
    }
    out
}

/// What keeps an executor from its work stands on the page that a person looks at first.
#[test]
fn a_folder_that_cannot_be_written_to_is_told_of() {
    if rustix::process::geteuid().is_root() && !makes_immutable() {
        return eprintln!("NOT RUN: this user writes everywhere and can't make a folder immutable");
    }
    let limits = "[limits]\nretry_first_ms = 10\n";
    let scene = scene().config(limits).order("WO-1-PROBE.md", probe("WO-1-PROBE", ""));
    let _locked = Locked::new(scene.path("bridge/outbox/CLC"));
    scene.wo(["run"]).expect_exit(1);
    let outbox = "bridge/outbox/CLC` can't be written to";
    scene.wo(["status"]).expect_exit(0).expect_stdout(outbox).expect_stdout("its report can't be written");
    let told = scene.wo(["status", "--json"]).expect_exit(0).json();
    assert!(told["trouble"][0].as_str().is_some_and(|why| why.contains(outbox)), "{told:#}");
    assert!(told["orders"][0]["why"].as_str().is_some_and(|why| why.contains("report can't be written")), "{told:#}");
    assert_eq!(told["claiming_stops"], serde_json::json!([]));
    let _inbox = Locked::new(scene.path("bridge/inbox/CLC"));
    let told = scene.wo(["status", "--json"]).expect_exit(0).json();
    assert!(told["claiming_stops"][0].as_str().is_some_and(|why| why.contains("bridge/inbox/CLC")), "{told:#}");
}
