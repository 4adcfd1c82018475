//! Whether an order is about the loop's service, or only about heartbeats; what is asked of a root that has no such check; what
//! an order quotes.

use super::*;

/// A root with nothing wrong, whose heartbeats come from `wo up` itself.
pub(super) fn healthy(redis: bool) -> (World, Daemon) {
    let launchd = TestLaunchd::new();
    let server = RedisServer::with_password(PASSWORD);
    let check = format!(
        "[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"{}\"\npassword = {{ file = \"known\" }}\n",
        server.url()
    );
    let settings = format!(
        "[monitor]\ninterval_s = 1.0\n{}[[monitor.check]]\nname = \"database\"\nkind = \"sqlite\"\n\
         path = \"knowledge/02luka.db\"\n[web]\nenabled = false\n{}",
        if redis { &check } else { "" },
        launchd.config()
    );
    let scene = Scene::new().config(&settings).database().file("known", PASSWORD);
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(scene.path("known"), fs::Permissions::from_mode(0o600)).unwrap();
    let daemon = scene.up();
    let beats = || scene.exists("g/reports/ops_atomic") && scene.list("g/reports/ops_atomic").len() >= 3;
    wait_for("three heartbeats", beats);
    (World { scene, launchd, _redis: server }, daemon)
}

pub(super) const ANY: &str = "WO-1-ACTIVATE-MONITOR";

pub(super) fn outcome(world: &World, body: &str) -> (String, String) {
    world.scene.drop_order(&format!("{ANY}.md"), format!("# {ANY}\n\n{body}\n"));
    let shown = wait_for_order(&world.scene, ANY);
    (world.scene.result(ANY)["outcome"].as_str().unwrap().to_owned(), shown)
}

#[test]
fn a_service_that_the_order_asks_for_is_deployed_though_heartbeats_come() {
    let (world, daemon) = healthy(true);
    let body = format!(
        "## Objective\n\nThe LaunchAgent `{LOOP}` must run the monitor again.\n\n## Acceptance\n\n\
         - LaunchAgent: loads & runs automatically\n- Exit code: 0\n- Redis connectivity: Working\n- Heartbeat cycles: ≥ 2"
    );
    let (outcome, shown) = outcome(&world, &body);
    assert_eq!(outcome, "done", "{shown}");
    assert!(world.is_loaded(LOOP), "{shown}");
    daemon.stop().expect_exit(0);
}

#[test]
fn an_order_without_criteria_on_a_healthy_root_is_a_noop_with_its_proof() {
    let (world, daemon) = healthy(true);
    let (outcome, shown) = outcome(&world, "[Make sure the OPS-Atomic monitor is alive]");
    assert_eq!(outcome, "noop", "{shown}");
    let verdicts = verdicts(&world.scene, ANY);
    assert!(verdicts.len() >= 4 && verdicts.iter().all(|(_, verdict)| verdict == "PASS"), "{verdicts:?}");
    assert!(verdicts.iter().all(|(metric, _)| metric != "Exit code"), "no service was deployed: {verdicts:?}");
    assert!(!world.is_loaded(LOOP));
    daemon.stop().expect_exit(0);
}

#[test]
fn what_no_check_is_configured_for_is_asked_of_nobody_unless_the_order_does() {
    let (world, daemon) = healthy(false);
    let (outcome, shown) = outcome(&world, "[Make sure the OPS-Atomic monitor is alive]");
    assert_eq!(outcome, "noop", "{shown}");
    let verified = world.scene.wo(["verify", "monitor", "--dry-run"]).expect_exit(0);
    assert!(verified.stdout.contains("2 passed, 0 failed, 0 unmeasured"), "{verified}");
    let asks = "WO-2-ACTIVATE-MONITOR";
    world.scene.drop_order(&format!("{asks}.md"), format!("# {asks}\n\n## Acceptance\n\n- Redis: Working\n"));
    let shown = wait_for_order(&world.scene, asks);
    let result = world.scene.result(asks);
    assert_eq!(result["outcome"], "failed", "{shown}");
    assert!(result["reason"].as_str().unwrap().contains("has no such check"), "{result:#}");
    daemon.stop().expect_exit(0);
}

/// Nobody knew that it is a secret when the order came.
#[test]
fn a_password_that_the_order_quotes_and_then_stores_stands_in_no_report() {
    let world = broken();
    let quoted = order().replace("## ", &format!("redis-cli -a {PASSWORD} ping works by hand.\n\n## "));
    world.scene.drop_order(&format!("{ID}.md"), quoted);
    let ran = world.scene.wo(["run"]).expect_exit(0);
    assert_eq!(world.scene.result(ID)["outcome"], "done", "{ran}");
    let outbox = files(&world.scene.path("bridge/outbox"));
    assert!(outbox.len() >= 2, "{outbox:?}");
    for path in outbox {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains(PASSWORD), "{}", path.display());
    }
}
