//! The `redis` check against a real server: each fault is told apart, with its cure.

use std::os::unix::fs::PermissionsExt as _;

use workbridge::monitor::checks::State;
use workbridge::monitor::checks::redis::{Fault, Server, ping_blocking};
use workbridge::secret::Secret;

use super::{Bench, finding};
use crate::support::redis::RedisServer;
use crate::support::{PATIENCE, Scene, free_port, wait_for};

const PASSWORD: &str = "s3kret-กขค-2luka";

fn check(server: &RedisServer, rest: &str) -> String {
    format!("[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"{}\"\n{rest}\n", server.url())
}

/// A secret file of mode 0600 beneath the root.
fn secret(scene: &Scene, path: &str, value: &str) {
    scene.write(path, format!("{value}\n"));
    std::fs::set_permissions(scene.path(path), std::fs::Permissions::from_mode(0o600)).expect("the mode");
}

#[test]
fn a_password_that_is_missing_wrong_and_right() {
    let scene = Scene::new();
    let server = RedisServer::with_password(PASSWORD);
    let with_file = check(&server, "password = { file = \"bridge/state/secrets/redis\" }");
    Bench::new(&scene.root(), &check(&server, "")).expect(
        "redis",
        State::Error,
        "NOAUTH: the server wants a password and none is configured; add `password",
    );
    let bench = Bench::new(&scene.root(), &with_file);
    bench.expect("redis", State::Error, "NOAUTH: the server wants a password and no source of it could be read");
    secret(&scene, "bridge/state/secrets/redis", "wrong-one");
    bench.expect(
        "redis",
        State::Error,
        "WRONGPASS: the server wants another password; sources tried: file bridge/state/secrets/redis",
    );
    secret(&scene, "bridge/state/secrets/redis", PASSWORD);
    let found = bench.look("redis");
    assert_eq!(found.state, State::Ok, "{found:?}");
    assert_eq!(found.headline.as_deref(), Some("Redis responding"));
    assert!(found.latency.is_some());
    // one that others can read is not used
    std::fs::set_permissions(scene.path("bridge/state/secrets/redis"), std::fs::Permissions::from_mode(0o644))
        .expect("the mode");
    bench.expect("redis", State::Error, "(mode 644, wants 600)");
}

#[test]
fn of_several_sources_the_first_that_is_accepted_counts() {
    let scene = Scene::new();
    let server = RedisServer::with_password(PASSWORD);
    secret(&scene, "a", "wrong-one");
    let sources = "password = [{ env = \"WO_TEST_NO_SUCH_VARIABLE\" }, { file = \"a\" }, { file = \"b\" }]";
    let bench = Bench::new(&scene.root(), &check(&server, sources));
    let found = bench.look("redis");
    let expected = "sources tried: env WO_TEST_NO_SUCH_VARIABLE (not set), file a, file b (No such file";
    assert!(found.state == State::Error && found.message.contains(expected), "{found:?}");
    secret(&scene, "b", PASSWORD);
    bench.expect("redis", State::Ok, "PONG");
}

#[test]
fn a_user_of_an_acl() {
    let scene = Scene::new();
    let server = RedisServer::with(&format!(
        "user default off\nuser monitor on >{PASSWORD} ~* +ping\nuser blind on >{PASSWORD} ~* -@all\n"
    ));
    secret(&scene, "pw", PASSWORD);
    secret(&scene, "wrong", "wrong-one");
    let bench = |user: &str, file: &str| {
        Bench::new(
            &scene.root(),
            &check(&server, &format!("username = \"{user}\"\npassword = {{ file = \"{file}\" }}")),
        )
    };
    Bench::new(&scene.root(), &check(&server, "")).expect("redis", State::Error, "NOAUTH");
    bench("monitor", "pw").expect("redis", State::Ok, "PONG");
    bench("monitor", "wrong").expect("redis", State::Error, "WRONGPASS: the server knows no enabled user `monitor`");
    bench("nobody", "pw").expect("redis", State::Error, "WRONGPASS: the server knows no enabled user `nobody`");
    bench("blind", "pw").expect("redis", State::Error, "NOPERM: the user may not run PING");
    let other = "username = \"monitor\"\npassword = { file = \"pw\" }\ndb = 1";
    let said = "NOPERM: the user may not run SELECT; allow it with `ACL SETUSER … +select`";
    Bench::new(&scene.root(), &check(&server, other)).expect("redis", State::Error, said);
}

#[test]
fn refused_when_stopped_and_fine_again_when_started() {
    let scene = Scene::new();
    let mut server = RedisServer::with_password(PASSWORD);
    secret(&scene, "pw", PASSWORD);
    let bench = Bench::new(&scene.root(), &check(&server, "password = { file = \"pw\" }"));
    bench.expect("redis", State::Ok, "PONG");
    server.stop();
    bench.expect("redis", State::Error, "refused: nothing listens on 127.0.0.1:");
    server.start_again();
    bench.expect("redis", State::Ok, "PONG");
}

#[test]
fn a_suspended_server_times_out_and_delays_nobody_else() {
    let scene = Scene::new().file("there.txt", "x");
    let server = RedisServer::with_password(PASSWORD);
    let user = RedisServer::with(&format!("user default off\nuser monitor on >{PASSWORD} ~* +ping\n"));
    secret(&scene, "pw", PASSWORD);
    let toml = check(&server, "timeout_ms = 400\npassword = { file = \"pw\" }")
        + &check(&user, "timeout_ms = 400\nusername = \"monitor\"\npassword = { file = \"pw\" }")
            .replace("\"redis\"\nkind", "\"acl\"\nkind")
        + "[[monitor.check]]\nname = \"file\"\nkind = \"file\"\npath = \"there.txt\"\n";
    let bench = Bench::new(&scene.root(), &toml);
    server.suspend();
    user.suspend();
    let cycle = bench.cycle();
    for name in ["redis", "acl"] {
        let found = finding(&cycle, name);
        assert_eq!(found.state, State::Error, "{found:?}");
        assert!(found.message.starts_with("time-out: 127.0.0.1:"), "{found:?}");
        assert!(found.message.contains("did not answer within 400 ms"), "{found:?}");
    }
    assert_eq!(finding(&cycle, "file").state, State::Ok);
    // both waited at the same time, and no longer than their deadlines; the rest is for a busy machine
    assert!(cycle.took >= std::time::Duration::from_millis(400) && cycle.took < PATIENCE, "{:?}", cycle.took);
    server.resume();
    user.resume();
    bench.expect("redis", State::Ok, "PONG");
    bench.expect("acl", State::Ok, "PONG");
}

#[test]
fn a_password_that_nobody_asked_for_is_a_warning() {
    let scene = Scene::new();
    let server = RedisServer::open();
    secret(&scene, "pw", PASSWORD);
    Bench::new(&scene.root(), &check(&server, "")).expect("redis", State::Ok, "PONG");
    let bench = Bench::new(&scene.root(), &check(&server, "password = { file = \"pw\" }"));
    bench.expect("redis", State::Warn, "the server asks for no password although one is configured (file pw)");
}

/// It says so and closes, whatever the check sends meanwhile.
#[test]
fn a_server_with_too_many_clients_is_told_in_its_own_words() {
    use std::io::{Read as _, Write as _};
    let scene = Scene::new();
    let server = RedisServer::with("maxclients 1\n");
    secret(&scene, "pw", PASSWORD);
    let mut held = None;
    // the client that looked whether it answers may still be there
    wait_for("the only client", || {
        let mut client = std::net::TcpStream::connect(("127.0.0.1", server.port)).expect("a client");
        let mut answer = [0; 7];
        let is_in = client.write_all(b"PING\r\n").and_then(|()| client.read_exact(&mut answer)).is_ok()
            && answer == *b"+PONG\r\n";
        held = is_in.then_some(client);
        is_in
    });
    for rest in ["", "password = { file = \"pw\" }"] {
        let bench = Bench::new(&scene.root(), &check(&server, rest));
        for _ in 0..5 {
            bench.expect("redis", State::Error, "max number of clients reached");
        }
    }
    drop(held);
}

#[test]
fn what_is_not_redis_is_said_so() {
    let scene = Scene::new();
    let http = crate::support::webhook::HttpServer::start();
    let redis = RedisServer::open();
    let toml = |url: String| format!("[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"{url}\"\n");
    let found = Bench::new(&scene.root(), &toml(format!("redis://127.0.0.1:{}", http.port))).look("redis");
    assert_eq!(found.state, State::Error, "{found:?}");
    // a server without TLS behind a TLS address
    let found = Bench::new(&scene.root(), &toml(format!("rediss://127.0.0.1:{}", redis.port))).look("redis");
    assert!(found.state == State::Error && found.message.contains("TLS"), "{found:?}");
    let found = Bench::new(&scene.root(), &toml("redis://no-such-host.invalid".to_owned())).look("redis");
    assert_eq!(found.state, State::Error, "{found:?}");
}

#[test]
fn tls_with_an_authority_that_is_known_and_one_that_is_not() {
    let scene = Scene::new().file("ca.pem", include_str!("../../fixtures/tls/ca.pem"));
    let server = RedisServer::with_tls(&format!("requirepass {PASSWORD}\n"));
    secret(&scene, "pw", PASSWORD);
    let bench = |scheme: &str, rest: &str| {
        let toml = check(&server, &format!("password = {{ file = \"pw\" }}\n{rest}"));
        Bench::new(&scene.root(), &toml.replace("redis://", scheme))
    };
    bench("rediss://", "ca_file = \"ca.pem\"").expect("redis", State::Ok, "PONG");
    bench("rediss://", "ca_file = \"ca.pem\"\ndb = 2").expect("redis", State::Ok, "PONG");
    bench("rediss://", "").expect("redis", State::Error, "TLS failed: ");
    bench("rediss://", "ca_file = \"missing.pem\"").expect("redis", State::Error, "`ca_file` can't be read");
    let found = bench("redis://", "").look("redis");
    assert_eq!(found.state, State::Error, "{found:?}");
}

#[test]
fn the_database_number_is_selected_after_the_password() {
    let scene = Scene::new();
    let server = RedisServer::with(&format!("requirepass {PASSWORD}\ndatabases 4\n"));
    secret(&scene, "pw", PASSWORD);
    let bench =
        |db: u8| Bench::new(&scene.root(), &check(&server, &format!("db = {db}\npassword = {{ file = \"pw\" }}")));
    bench(3).expect("redis", State::Ok, "PONG");
    bench(4).expect("redis", State::Error, "out of range");
    for (of_url, state, said) in [
        ("/3", State::Ok, "PONG"),
        ("/4", State::Error, "out of range"),
        ("?db=3", State::Ok, "PONG"),
        ("?db=4", State::Error, "out of range"),
    ] {
        let url = server.url();
        let toml = check(&server, "password = { file = \"pw\" }").replace(&url, &format!("{url}{of_url}"));
        Bench::new(&scene.root(), &toml).expect("redis", state, said);
    }
}

#[test]
fn faults_are_types_for_those_who_repair() {
    let server = RedisServer::with_password(PASSWORD);
    let target = Server::new(&server.url(), None, None).expect("a server");
    let ping = |passwords: &[&str]| {
        let secrets: Vec<Secret> = passwords.iter().map(|password| Secret::new(*password)).collect();
        ping_blocking(&target, None, &secrets, PATIENCE)
    };
    assert_eq!(ping(&[]).unwrap_err(), Fault::NoAuth);
    assert_eq!(ping(&["wrong"]).unwrap_err(), Fault::WrongPass);
    assert_eq!(ping(&["wrong", PASSWORD]).unwrap().accepted, Some(1));
    let nobody = Server::new(&format!("redis://127.0.0.1:{}", free_port()), None, None).expect("a server");
    assert_eq!(ping_blocking(&nobody, None, &[], PATIENCE).unwrap_err(), Fault::Refused);
}

#[test]
fn a_password_in_the_settings_is_refused_and_not_shown() {
    let check = "interval_s = 5\n[[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\n\
                 url = \"redis://:pa55word@127.0.0.1\"\nslow_ms = 3\n";
    let inline = "[monitor]\ncheck = [{ name = \"redis\", kind = \"redis\", url = \"redis://:pa55word@127.0.0.1\" }]\n";
    for toml in [format!("[monitor]\n{check}"), inline.to_owned()] {
        let ran = Scene::new().config(&toml).wo(["monitor", "--once"]).expect_exit(2);
        assert!(ran.stderr.contains("must not hold a password") && !ran.stderr.contains("pa55word"), "{ran}");
    }
}

#[test]
fn no_secret_is_in_anything_that_is_written() {
    let server = RedisServer::with_password(PASSWORD);
    let scene = Scene::new()
        .config(&check(&server, "password = [{ file = \"../wrong\" }, { env = \"REDIS_PASSWORD\" }]"))
        .env("REDIS_PASSWORD", PASSWORD);
    secret(&scene, "../wrong", "another-secret-word");
    let ok = scene.wo(["monitor", "--once", "--json"]).expect_exit(0);
    let bad = scene.env("REDIS_PASSWORD", "not-the-password");
    let failed = bad.wo(["monitor", "--once"]).expect_exit(1).expect_stdout("WRONGPASS");
    let mut texts = vec![ok.stdout, ok.stderr, failed.stdout, failed.stderr];
    for file in bad.tree("").keys().filter(|file| bad.path(file).is_file()) {
        texts.push(String::from_utf8_lossy(&std::fs::read(bad.path(file)).expect("the file")).into_owned());
    }
    for text in texts {
        for word in [PASSWORD, "another-secret-word", "not-the-password"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

/// A program may print what another has: the URL of a webhook is a secret of the monitor as a password is.
#[test]
fn a_check_says_no_secret_of_the_monitor() {
    const TOKEN: &str = "tok-9f8e7d6c5b4a3210";
    let scene = Scene::new();
    let script = scene.path("run/leak.sh");
    scene.write("run/leak.sh", "#!/bin/sh\necho \"posting to $(cat hook) failed\"\nexit 1\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("the mode");
    secret(&scene, "hook", &format!("http://127.0.0.1:1/h/{TOKEN}"));
    let script = script.display();
    let scene = scene.config(&format!(
        "[policy]\nprograms = ['{script}']\n[monitor]\nwebhooks = [{{ name = \"d\", url = {{ file = \"hook\" }} }}]\n\
         [[monitor.check]]\nname = \"leak\"\nkind = \"command\"\ncommand = ['{script}']\n"
    ));
    let ran = scene.wo(["monitor", "--once", "--json"]).expect_exit(1);
    assert!(ran.stdout.contains("posting to *** failed"), "{ran}");
    let mut texts = vec![ran.stdout, ran.stderr];
    for file in scene.tree("").keys().filter(|file| *file != "hook" && scene.path(file).is_file()) {
        texts.push(String::from_utf8_lossy(&std::fs::read(scene.path(file)).expect("the file")).into_owned());
    }
    assert!(texts.iter().all(|text| !text.contains(TOKEN)), "{texts:#?}");
}
