//! What an order says of all checks and of all services is of those too that no repair is about.

use super::beyond::scene;
use super::*;

const DIGEST: &str = "com.02luka.digest";

const CRITERIA: &str = "| Metric | Target |\n|---|---|\n| Redis | OK |\n| Database | OK |\n| Heartbeat cycles | ≥ 2 |\n\
                        | LaunchAgents | loaded |\n| Health checks | all green |\n| All checks | pass |\n\
                        | Checks passed | 3/3 |\n| Digest LaunchAgent | loaded |\n| com.02luka.digest | loaded |\n\
                        | Redis latency | < 10 s |\n";

const TEMPLATE: &str = "- [ ] All checks green\n- [ ] LaunchAgents: loaded\n\n**All checks:** ✅ green\n\n\
                        Health checks: ✅ all green\n\n| Component | Status |\n|---|---|\n| LaunchAgents | ✅ Verified |\n\
                        | Redis | ✅ Verified |\n| Digest | ☐ |\n";

/// Runs an order of this id to its end: its verdicts and its filled template.
fn run(world: &World, id: &str) -> (BTreeMap<String, String>, String) {
    let scene = &world.scene;
    let front = format!("---\nid: {id}\ntemplate: ALL\n---\n\n# {id}\n\n## Acceptance Criteria\n\n{CRITERIA}");
    scene.drop_order(&format!("{id}.md"), front);
    let ran = scene.wo(["run"]);
    assert!(scene.result(id)["outcome"].is_string(), "{ran}");
    let filled = scene.read(format!("bridge/outbox/CLC/{id}_ALL.md"));
    let filled = filled.split("## Evidence").next().unwrap().to_owned();
    (verdicts(scene, id).into_iter().collect(), filled)
}

#[test]
fn all_checks_are_more_than_what_was_repaired() {
    let (scene, redis, launchd) = scene(&format!(
        "kind = \"sqlite\"\npath = \"knowledge/02luka.db\"\n[[monitor.check]]\nname = \"digest\"\nkind = \"service\"\n\
         label = \"{DIGEST}\""
    ));
    let world = World { scene: scene.database(), launchd, _redis: redis };
    let scene = &world.scene;
    scene.write("templates/ALL.md", TEMPLATE);
    let (verdicts, filled) = run(&world, "WO-1-ACTIVATE-MONITOR");
    for (metric, verdict) in &verdicts {
        let expected = match metric.as_str() {
            "Redis" | "Database" | "Heartbeat cycles" | "Redis latency" => "PASS",
            _ => "FAIL",
        };
        assert_eq!(verdict, expected, "{metric}: {verdicts:#?}");
    }
    let green = |filled: &str| -> Vec<String> {
        filled.lines().filter(|line| line.contains('✅') || line.contains("[x]")).map(str::to_owned).collect()
    };
    assert!(matches!(green(&filled).as_slice(), [redis] if redis.starts_with("| Redis |")), "{filled}");
    let verified = scene.wo(["verify", "monitor", "--dry-run"]).expect_exit(0);
    assert!(verified.stdout.contains(&format!("digest is in error: {DIGEST} is not loaded")), "{verified}");

    let plist = world.launchd.agents().join(format!("{DIGEST}.plist"));
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>Label</key><string>{DIGEST}</string>\
         <key>ProgramArguments</key><array><string>/bin/sh</string></array></dict></plist>\n"
    );
    fs::write(&plist, text).unwrap();
    world.launchd.launchctl(["bootstrap", &world.launchd.domain(), &plist.display().to_string()]).expect_exit(0);
    let (verdicts, filled) = run(&world, "WO-2-ACTIVATE-MONITOR");
    assert!(verdicts.values().all(|verdict| verdict == "PASS"), "{verdicts:#?}");
    assert_eq!(green(&filled).len(), 7, "{filled}");
    assert_eq!(scene.result("WO-2-ACTIVATE-MONITOR")["outcome"], "noop");
}
