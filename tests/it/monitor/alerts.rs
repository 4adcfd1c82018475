//! Alerts across processes, with a webhook that is there, fails, or is down.

use workbridge::monitor::store::Store;

use crate::support::webhook::HttpServer;
use crate::support::{Scene, free_port, wait_for};

const CHECK: &str = "[[monitor.check]]\nname = \"file\"\nkind = \"file\"\npath = \"there.txt\"\n";

/// Its one check is the file `there.txt`, which is missing.
fn scene(webhook: &str, monitor: &str) -> Scene {
    Scene::new().config(&format!("[monitor]\nwebhook_gap_ms = 0\nwebhooks = [{webhook}]\n{monitor}\n{CHECK}"))
}

fn once(scene: &Scene, exit: i32) {
    let _ = scene.wo(["monitor", "--once"]).expect_exit(exit);
}

fn break_it(scene: &Scene) {
    let _ = std::fs::remove_file(scene.path("there.txt"));
}

fn repair_it(scene: &Scene) {
    scene.write("there.txt", "x");
}

fn kinds(server: &HttpServer) -> Vec<String> {
    server.taken().iter().map(|post| post.json()["kind"].as_str().expect("a kind").to_owned()).collect()
}

fn waiting(scene: &Scene) -> u64 {
    let store = Store::open_existing(&scene.root()).expect("the store").expect("a store");
    store.queue_state().expect("the queue").waiting
}

#[test]
fn three_failures_in_three_processes_give_one_alert() {
    let server = HttpServer::start();
    let scene = scene(&format!("{{ url = \"{}/hook\" }}", server.url()), "");
    once(&scene, 1);
    once(&scene, 1);
    assert_eq!(server.received().len(), 0);
    once(&scene, 1);
    assert_eq!(kinds(&server), ["alert"]);
    once(&scene, 1);
    once(&scene, 1);
    assert_eq!(kinds(&server), ["alert"]);
    repair_it(&scene);
    once(&scene, 0);
    assert_eq!(kinds(&server), ["alert"]);
    once(&scene, 0);
    once(&scene, 0);
    assert_eq!(kinds(&server), ["alert", "recovery"]);
    let posts = server.taken();
    let (alert, recovery) = (posts[0].json(), posts[1].json());
    assert_eq!(alert["check"], "file");
    assert_eq!(alert["state"], "error");
    assert_eq!(alert["consecutive_failures"], 3);
    assert!(alert["message"].as_str().is_some_and(|message| message.contains("`there.txt` not found")), "{alert}");
    assert_eq!(recovery["outage_began"], alert["outage_began"]);
    assert!(recovery["outage_s"].as_f64().is_some_and(|seconds| seconds > 0.0), "{recovery}");
    assert!(posts[0].line.starts_with("POST /hook"), "{posts:?}");
    assert_eq!(waiting(&scene), 0);
}

#[test]
fn a_webhook_that_is_down_for_a_while_loses_no_alert() {
    let port = free_port();
    let scene = scene(
        &format!("{{ name = \"ops\", url = \"http://127.0.0.1:{port}/\" }}"),
        "failures_to_alert = 1\nsuccesses_to_recover = 1",
    );
    for _ in 0..2 {
        break_it(&scene);
        once(&scene, 1);
        repair_it(&scene);
        once(&scene, 0);
    }
    assert_eq!(waiting(&scene), 4);
    let server = HttpServer::at(port);
    server.set_status(500);
    let ran = scene.wo(["monitor", "--once"]).expect_exit(0);
    assert!(ran.stderr.contains("failed to deliver an alert to ops: the webhook answered 500"), "{ran}");
    assert_eq!(waiting(&scene), 4);
    server.set_status(204);
    once(&scene, 0);
    assert_eq!(kinds(&server), ["alert", "recovery", "alert", "recovery"]);
    let mut ids: Vec<String> = server.taken().iter().map(|post| post.json()["id"].to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert_eq!(waiting(&scene), 0);
}

/// The webhook was wrong, and who mends it gives it a name, too.
#[test]
fn a_webhook_under_another_name_gets_what_waited() {
    let dead = scene(&format!("{{ url = \"http://127.0.0.1:{}/\" }}", free_port()), "failures_to_alert = 1");
    once(&dead, 1);
    assert_eq!(waiting(&dead), 1);
    let server = HttpServer::start();
    let named = format!("[monitor]\nwebhooks = [{{ name = \"ops\", url = \"{}/\" }}]\n{CHECK}", server.url());
    let mended = dead.config(&named);
    once(&mended, 1);
    assert_eq!(kinds(&server), ["alert"]);
    assert_eq!(waiting(&mended), 0);
}

#[test]
fn the_loop_delivers_beside_its_cycles_when_the_webhook_is_back() {
    let port = free_port();
    let scene = scene(
        &format!("{{ url = \"http://127.0.0.1:{port}/\" }}"),
        "interval_s = 0.1\nfailures_to_alert = 2\nwebhook_timeout_ms = 2000",
    );
    let mut daemon = scene.start(["monitor"]);
    let cycles = || scene.list("g/reports/ops_atomic").len();
    daemon.wait_for("an alert is queued", || cycles() >= 3 && waiting(&scene) == 1);
    // a receiver that takes the connection and never answers does not hold up a cycle
    let silent = std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port");
    let before = cycles();
    daemon.wait_for("cycles go on", || cycles() >= before + 5);
    drop(silent);
    let server = HttpServer::at(port);
    daemon.wait_for("the alert arrives", || kinds(&server) == ["alert"]);
    daemon.wait_for("the queue is empty", || waiting(&scene) == 0);
    daemon.stop().expect_exit(0);
}

#[test]
fn a_flapping_check_gives_no_storm() {
    let server = HttpServer::start();
    let scene = scene(
        &format!("{{ url = \"{}/\" }}", server.url()),
        "failures_to_alert = 1\nsuccesses_to_recover = 1\nflap_notices = 3",
    );
    for _ in 0..10 {
        break_it(&scene);
        once(&scene, 1);
        repair_it(&scene);
        once(&scene, 0);
    }
    assert_eq!(kinds(&server), ["alert", "recovery", "alert", "flapping"]);
}

#[test]
fn maintenance_silences_alerts_and_not_records() {
    let server = HttpServer::start();
    let window = "maintenance = [{ from = \"2020-01-01T00:00:00Z\", until = \"2099-01-01T00:00:00Z\" }]";
    let hook = format!("{{ url = \"{}/\" }}", server.url());
    let scene = scene(&hook, &format!("failures_to_alert = 2\n{window}"));
    for _ in 0..4 {
        once(&scene, 1);
    }
    assert_eq!(server.received().len(), 0);
    assert_eq!(scene.list("g/reports/ops_atomic").len(), 4);
    // the window is over and it still fails: now people are told
    let scene = scene.config(&format!("[monitor]\nfailures_to_alert = 2\nwebhooks = [{hook}]\n{CHECK}"));
    once(&scene, 1);
    assert_eq!(kinds(&server), ["alert"]);
    assert_eq!(server.taken()[0].json()["consecutive_failures"], 5);
}

#[test]
fn every_webhook_gets_its_shape_and_a_url_that_is_a_secret_is_shown_nowhere() {
    let server = HttpServer::start();
    let url = format!("{}/api/webhooks/123/t0ken-of-the-channel", server.url());
    let hooks = format!(
        "{{ name = \"plain\", url = \"{}/plain\" }}, {{ name = \"chat\", url = {{ env = \"HOOK\" }}, format = \"discord\" }}",
        server.url()
    );
    let scene = scene(&hooks, "failures_to_alert = 1").env("HOOK", &url);
    once(&scene, 1);
    let posts = server.taken();
    assert_eq!(posts.len(), 2);
    let discord = posts.iter().find(|post| post.line.contains("t0ken")).expect("the chat's post").json();
    assert_eq!(discord["embeds"][0]["title"], "🔴 file is in error");
    assert_eq!(discord["content"], "🔴 file is in error");
    assert_eq!(discord["allowed_mentions"]["parse"], serde_json::json!([]));
    server.set_status(404);
    let ran = scene.wo(["monitor", "--test-alert"]).expect_exit(1);
    assert!(ran.stdout.contains("chat: not delivered: the webhook answered 404"), "{ran}");
    drop(server);
    let ran = scene.wo(["monitor", "--test-alert"]).expect_exit(1).expect_stdout("refused");
    let mut texts = vec![ran.stdout, ran.stderr];
    for file in scene.tree("").keys().filter(|file| scene.path(file).is_file()) {
        texts.push(String::from_utf8_lossy(&std::fs::read(scene.path(file)).expect("the file")).into_owned());
    }
    assert!(texts.iter().all(|text| !text.contains("t0ken")));
}

#[test]
fn a_test_alert_arrives_or_says_why_not() {
    let server = HttpServer::start();
    let with_hook = scene(&format!("{{ url = \"{}/\", format = \"discord\" }}", server.url()), "");
    with_hook.wo(["monitor", "--test-alert"]).expect_exit(0).expect_stdout("webhook-1: delivered");
    assert_eq!(server.taken()[0].json()["embeds"][0]["title"], "🔔 Workbridge test alert");
    server.redirect_to("http://127.0.0.1:1/");
    let json = with_hook.wo(["monitor", "--test-alert", "--json"]).expect_exit(1).json();
    assert_eq!(json[0]["delivered"], false);
    assert_eq!(json[0]["why"], "the webhook answered 302; redirects are not followed");
    Scene::new().wo(["monitor", "--test-alert"]).expect_exit(2).expect_stderr("no webhook is configured");
    // a test counts for nothing
    wait_for("nothing is queued", || !with_hook.exists("bridge/state/monitor.db") || waiting(&with_hook) == 0);
}

#[test]
fn a_full_queue_says_what_it_let_go() {
    let port = free_port();
    let scene = scene(
        &format!("{{ url = \"http://127.0.0.1:{port}/\" }}"),
        "failures_to_alert = 1\nsuccesses_to_recover = 1\nflap_notices = 100\nqueue_max = 3",
    );
    for _ in 0..4 {
        break_it(&scene);
        once(&scene, 1);
        repair_it(&scene);
        once(&scene, 0);
    }
    assert_eq!(waiting(&scene), 3);
    let server = HttpServer::at(port);
    once(&scene, 0);
    let dropped: Vec<_> = server.taken().iter().map(|post| post.json()["dropped_before"].as_u64()).collect();
    assert_eq!(kinds(&server), ["recovery", "alert", "recovery"]);
    assert_eq!(dropped.iter().flatten().sum::<u64>(), 5, "{dropped:?}");
}

#[test]
fn two_posts_to_a_webhook_are_a_gap_apart_in_every_process() {
    let server = HttpServer::start();
    let scene = Scene::new().config(&format!(
        "[monitor]\nwebhook_gap_ms = 600000\nfailures_to_alert = 1\nsuccesses_to_recover = 1\nwebhooks = [{{ url = \"{}/\" }}]\n{CHECK}",
        server.url()
    ));
    once(&scene, 1);
    assert_eq!(kinds(&server), ["alert"]);
    repair_it(&scene);
    once(&scene, 0);
    once(&scene, 0);
    assert_eq!(kinds(&server), ["alert"], "the gap is not over");
    assert_eq!(waiting(&scene), 1);
}

#[test]
fn a_webhook_that_asks_to_wait_is_left_alone_and_the_other_gets_all_of_its_own() {
    let (busy, good) = (HttpServer::start(), HttpServer::start());
    let hooks =
        format!("{{ name = \"busy\", url = \"{}/\" }}, {{ name = \"good\", url = \"{}/\" }}", busy.url(), good.url());
    let scene = scene(&hooks, "failures_to_alert = 1\nsuccesses_to_recover = 1");
    busy.set_status(429);
    busy.retry_after("60");
    once(&scene, 1);
    repair_it(&scene);
    once(&scene, 0);
    once(&scene, 0);
    assert_eq!(busy.received().len(), 1, "it asked for a minute");
    assert_eq!(kinds(&good), ["alert", "recovery"]);
    assert_eq!(waiting(&scene), 2);
}

/// A receiver that never answers takes one time-out of each pass, and no other receiver's place.
#[test]
fn a_slow_webhook_does_not_keep_another_from_its_notices() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let good = HttpServer::start();
    let hooks = format!(
        "{{ name = \"silent\", url = \"http://{}/\" }}, {{ name = \"good\", url = \"{}/\" }}",
        silent.local_addr().expect("its address"),
        good.url()
    );
    let scene =
        scene(&hooks, "interval_s = 0.2\nwebhook_timeout_ms = 2000\nfailures_to_alert = 1\nsuccesses_to_recover = 1");
    let mut daemon = scene.start(["monitor"]);
    daemon.wait_for("the alert arrives", || kinds(&good) == ["alert"]);
    repair_it(&scene);
    daemon.wait_for("the recovery arrives", || kinds(&good) == ["alert", "recovery"]);
    drop(silent);
    daemon.stop().expect_exit(0);
}
