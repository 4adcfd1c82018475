//! An order that wants the monitor healthy for a time waits for it, as long as it can still come, and can be cancelled.

use super::service::{ANY, healthy, outcome};
use super::*;

fn body(wanted: &str) -> String {
    format!("## Acceptance\n\n- Heartbeat cycles: ≥ 2\n- Healthy for: ≥ {wanted}")
}

/// Until the order waits for its health.
fn wait_until_it_waits(scene: &Scene) {
    wait_for("the order waits", || scene.wo(["show", ANY]).stdout.contains("monitor.healthy_for is to reach"));
}

#[test]
fn an_order_waits_until_the_monitor_was_healthy_for_so_long() {
    let (world, daemon) = healthy(true);
    let (outcome, shown) = outcome(&world, &body("8 s"));
    assert_eq!(outcome, "noop", "{shown}");
    assert!(verdicts(&world.scene, ANY).iter().all(|(_, verdict)| verdict == "PASS"), "{shown}");
    daemon.stop().expect_exit(0);
}

#[test]
fn health_that_breaks_meanwhile_ends_the_wait() {
    let (world, daemon) = healthy(true);
    let scene = &world.scene;
    scene.drop_order(&format!("{ANY}.md"), format!("# {ANY}\n\n{}\n", body("1 h")));
    wait_until_it_waits(scene);
    scene.write("known", "wrong");
    let shown = wait_for_order(scene, ANY);
    let expected = [("Heartbeat cycles", "PASS"), ("Healthy for", "FAIL")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let judged: Vec<_> =
        verdicts(scene, ANY).into_iter().map(|(metric, v)| (metric, v.replace("UNMEASURED", "FAIL"))).collect();
    assert_eq!(judged, expected, "{shown}");
    daemon.stop().expect_exit(0);
}

#[test]
fn it_is_cancelled_while_it_waits_and_what_can_not_come_is_not_waited_for() {
    let (world, daemon) = healthy(true);
    let scene = &world.scene;
    scene.drop_order(&format!("{ANY}.md"), format!("# {ANY}\n\n{}\n", body("1 h")));
    wait_until_it_waits(scene);
    scene.wo(["cancel", ANY]).expect_exit(0);
    wait_for_order(scene, ANY);
    assert_eq!(scene.result(ANY)["outcome"], "cancelled");
    // longer than orders wait
    let other = "WO-2-ACTIVATE-MONITOR";
    scene.write("order.md", format!("# {other}\n\n{}\n", body("8 days")));
    scene.wo(["plan", "order.md"]).expect_exit(0).expect_stdout("limits.wait_max_s");
    scene.drop_order(&format!("{other}.md"), format!("# {other}\n\n{}\n", body("8 days")));
    wait_for_order(scene, other);
    assert_eq!(verdicts(scene, other)[1].1, "FAIL");
    daemon.stop().expect_exit(0);
}
