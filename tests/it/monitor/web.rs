//! `/metrics` and `/healthz`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use workbridge::clock::FixedClock;
use workbridge::config::Config;
use workbridge::web::{self, Server};

use crate::support::Scene;

const CHECKS: &str = "[[monitor.check]]\nname = \"file\"\nkind = \"file\"\npath = \"there.txt\"\n\
                      [[monitor.check]]\nname = \"api\"\nkind = \"file\"\npath = \"api.txt\"\nseverity = \"warn\"\n";

struct Site {
    server: Server,
    clock: Arc<FixedClock>,
    stop: watch::Sender<bool>,
}

fn open(scene: &Scene, toml: &str) -> Option<Site> {
    let config = Config::parse(toml, std::path::Path::new("wo.toml")).expect("a good wo.toml");
    let clock = Arc::new(FixedClock::at(Timestamp::now()));
    let (stop, stopped) = watch::channel(false);
    let server = web::start(scene.root(), Arc::new(config), clock.clone(), stopped)?;
    Some(Site { server, clock, stop })
}

/// Status and body.
fn get(address: SocketAddr, path: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
}

fn health(site: &Site) -> (u16, String) {
    get(site.server.address, "/healthz", "localhost")
}

#[test]
fn health_is_what_a_recent_cycle_measured() {
    let toml = format!("[web]\nlisten = \"127.0.0.1:0\"\n{CHECKS}");
    let scene = Scene::new().config(&toml).file("there.txt", "x").file("api.txt", "x");
    let site = open(&scene, &toml).expect("a server");
    let (status, body) = health(&site);
    assert_eq!(status, 503);
    assert!(body.contains("unmeasured: no heartbeat yet"), "{body}");
    let cycle = |exit| {
        let _ = scene.wo(["monitor", "--once"]).expect_exit(exit);
        site.clock.set(Timestamp::now());
    };
    cycle(0);
    assert_eq!(health(&site).0, 200);
    std::fs::remove_file(scene.path("api.txt")).expect("away with it");
    cycle(0);
    let (status, body) = health(&site);
    assert!(status == 200 && body.contains("api warn: `api.txt` not found"), "{body}");
    std::fs::remove_file(scene.path("there.txt")).expect("away with it");
    cycle(1);
    let (status, body) = health(&site);
    assert!(status == 503 && body.contains("file error: `there.txt` not found"), "{body}");
    scene.write("there.txt", "x");
    cycle(0);
    assert_eq!(health(&site).0, 200);
    // green is not what was measured long ago
    site.clock.set(Timestamp::now() + Duration::from_secs(700));
    let (status, body) = health(&site);
    assert!(status == 503 && body.contains("stale: "), "{body}");
}

/// Silence is neither green nor an outage, and `healthy` would be green.
#[test]
fn a_cycle_that_could_measure_nothing_is_not_healthy() {
    let checks = "[[monitor.check]]\nname = \"own\"\nkind = \"command\"\ncommand = [\"/bin/true\"]\n";
    let toml = format!("[web]\nlisten = \"127.0.0.1:0\"\n{checks}");
    let scene = Scene::new().config(&toml);
    let site = open(&scene, &toml).expect("a server");
    drop(scene.wo(["monitor", "--once"]).expect_stdout("unmeasured"));
    site.clock.set(Timestamp::now());
    let (status, body) = health(&site);
    assert!(status == 503 && body.contains("could measure nothing"), "{status} {body}");
}

/// A heartbeat that is written nowhere was measured for nobody: nothing says that all is well.
#[test]
fn what_is_not_written_is_not_healthy() {
    let toml = format!("[web]\nlisten = \"127.0.0.1:0\"\n[monitor]\ninterval_s = 0.2\n{CHECKS}");
    let scene = Scene::new().config(&toml).file("there.txt", "x").file("api.txt", "x");
    let site = open(&scene, &toml).expect("a server");
    let _ = scene.wo(["monitor", "--once"]).expect_exit(0);
    let written = |site: &Site| get(site.server.address, "/metrics", "localhost").1;
    assert!(written(&site).contains("workbridge_monitor_report_written 1"), "{}", written(&site));
    // a file where the folder was
    std::fs::remove_dir_all(scene.path("g/reports/ops_atomic")).expect("away with it");
    scene.write("g/reports/ops_atomic", "x");
    let mut daemon = scene.start(["monitor"]);
    let log = daemon.log_path();
    daemon.wait_for("a cycle without a report", || {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("error: ") && log.contains("not written"))
    });
    daemon.stop().expect_exit(0);
    site.clock.set(Timestamp::now());
    let (status, body) = health(&site);
    assert!(status == 503 && body.contains("heartbeat was not written: "), "{body}");
    assert!(written(&site).contains("workbridge_monitor_report_written 0"), "{}", written(&site));
    let _ = scene.wo(["status"]).expect_exit(0).expect_stdout("trouble: the heartbeat of ");
    std::fs::remove_file(scene.path("g/reports/ops_atomic")).expect("away with it");
    let _ = scene.wo(["monitor", "--once"]).expect_exit(0);
    site.clock.set(Timestamp::now());
    assert_eq!(health(&site).0, 200);
    let _ = scene.wo(["status"]).expect_exit(0).expect_no_stdout("trouble: ");
}

#[test]
fn health_is_stale_by_the_interval_that_the_loop_took_meanwhile() {
    let toml =
        |interval: &str| format!("[web]\nlisten = \"127.0.0.1:0\"\n[monitor]\ninterval_s = {interval}\n{CHECKS}");
    let scene = Scene::new().file("there.txt", "x").file("api.txt", "x").config(&toml("0.2"));
    // the server still has the settings that it was started with
    let site = open(&scene, &toml("7200")).expect("a server");
    let daemon = scene.start(["monitor"]);
    crate::support::wait_for("a cycle", || scene.exists("g/reports/ops_atomic"));
    daemon.stop().expect_exit(0);
    let (_, metrics) = get(site.server.address, "/metrics", "localhost");
    assert!(metrics.contains("workbridge_monitor_interval_seconds 0.2\n"), "{metrics}");
    site.clock.set(Timestamp::now());
    assert_eq!(health(&site).0, 200);
    site.clock.set(Timestamp::now() + Duration::from_secs(60));
    let (status, body) = health(&site);
    assert!(status == 503 && body.contains("stale: "), "{body}");
}

#[test]
fn metrics_are_prometheus_text() {
    let toml = format!("[web]\nlisten = \"127.0.0.1:0\"\n{CHECKS}");
    let scene = Scene::new().config(&toml).file("there.txt", "x");
    let site = open(&scene, &toml).expect("a server");
    let (status, body) = get(site.server.address, "/metrics", "127.0.0.1:1");
    assert!(status == 200 && body.contains("workbridge_info{version="), "{body}");
    for _ in 0..2 {
        let _ = scene.wo(["monitor", "--once"]).expect_exit(0);
    }
    let (_, body) = get(site.server.address, "/metrics", "127.0.0.1:1");
    for line in [
        "workbridge_monitor_cycles_total 2",
        "workbridge_monitor_status{status=\"warnings\"} 1",
        "workbridge_monitor_interval_seconds 300",
        "workbridge_check_state{check=\"file\",component=\"Files\",state=\"ok\"} 1",
        "workbridge_check_state{check=\"api\",component=\"Files\",state=\"warn\"} 1",
        "workbridge_check_consecutive_failures{check=\"file\"} 0",
        "workbridge_alerts_queued 0",
    ] {
        assert!(body.lines().any(|there| there == line), "{line} in\n{body}");
    }
    let typed =
        |line: &str| line.starts_with('#') || line.split(' ').next_back().is_some_and(|n| n.parse::<f64>().is_ok());
    assert!(body.lines().all(typed), "{body}");
}

#[test]
fn it_answers_to_loopback_names_only_and_ends_when_told() {
    let toml = "[web]\nlisten = \"127.0.0.1:0\"\n";
    let site = open(&Scene::new(), toml).expect("a server");
    assert_eq!(get(site.server.address, "/metrics", "evil.example").0, 421);
    assert_eq!(get(site.server.address, "/nothing", "localhost").0, 404);
    // a reader that holds its connection open does not hold the end up
    let _open = TcpStream::connect(site.server.address).expect("a connection");
    site.stop.send(true).expect("the end");
    site.server.thread.join().expect("the server's thread");
}

/// It takes orders, so all that it starts before that has started.
fn daemon_works(scene: &Scene) -> bool {
    if scene.list("bridge/rejected/CLC").is_empty() && scene.list("bridge/inbox/CLC").is_empty() {
        scene.drop_order("WO-NOTHING.md", "# WO-NOTHING\n\nNo handler takes this.\n");
    }
    !scene.list("bridge/rejected/CLC").is_empty()
}

#[test]
fn the_daemon_beats_and_serves() {
    let port = crate::support::free_port();
    let scene = Scene::new()
        .config(&format!("[web]\nlisten = \"127.0.0.1:{port}\"\n[monitor]\ninterval_s = 0.2\n{CHECKS}"))
        .file("there.txt", "x");
    let mut daemon = scene.up();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let healthy = || TcpStream::connect(address).is_ok() && get(address, "/healthz", "localhost").0 == 200;
    daemon.wait_for("it is healthy", healthy);
    daemon.wait_for("three heartbeats", || scene.list("g/reports/ops_atomic").len() >= 3);
    std::fs::remove_file(scene.path("there.txt")).expect("away with it");
    daemon.wait_for("it is not", || get(address, "/healthz", "localhost").0 == 503);
    daemon.stop().expect_exit(0);
    let off = scene.config("[monitor]\nenabled = false\n[web]\nenabled = false\n");
    let before = off.list("g/reports/ops_atomic");
    let mut daemon = off.up();
    daemon.wait_for("it works", || daemon_works(&off));
    assert!(TcpStream::connect(address).is_err());
    daemon.kill();
    assert_eq!(off.list("g/reports/ops_atomic"), before);
}

#[test]
fn off_by_one_setting_and_a_taken_port_is_no_failure() {
    let scene = Scene::new();
    assert!(open(&scene, "[web]\nenabled = false\n").is_none());
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = taken.local_addr().expect("its address");
    assert!(open(&scene, &format!("[web]\nlisten = \"{address}\"\n")).is_none());
    let outside = Config::parse("[web]\nlisten = \"0.0.0.0:4902\"\n", std::path::Path::new("wo.toml"));
    assert!(outside.is_err_and(|error| error.to_string().contains("is not a loopback address")));
}
