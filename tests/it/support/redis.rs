//! A real `redis-server` on a private port. It needs the program on the PATH (`make setup-tests` installs it); a test that
//! misses it fails.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::{free_port, wait_for};

/// Ends with the test.
pub struct RedisServer {
    child: Child,
    pub port: u16,
    dir: tempfile::TempDir,
    config: String,
}

impl RedisServer {
    /// Without a password.
    pub fn open() -> RedisServer {
        RedisServer::with("")
    }

    /// With `requirepass`.
    pub fn with_password(password: &str) -> RedisServer {
        RedisServer::with(&format!("requirepass {password}\n"))
    }

    /// With lines of `redis.conf`, e.g. `user monitor on >secret ~* +ping`. Passwords are in the file, not in argv.
    pub fn with(config: &str) -> RedisServer {
        let dir = tempfile::Builder::new().prefix("redis เทสต์ ").tempdir().expect("a folder");
        // another process may take the port between the look and the start
        for _ in 0..20 {
            let port = free_port();
            if let Some(child) = start(&dir, port, config) {
                return RedisServer { child, port, dir, config: config.to_owned() };
            }
        }
        panic!("redis-server did not start; is it on the PATH?");
    }

    /// Speaks TLS alone, with a certificate of the authority in `tests/fixtures/tls/ca.pem`.
    pub fn with_tls(config: &str) -> RedisServer {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls");
        RedisServer::with(&format!(
            "{config}port 0\ntls-port PORT\ntls-cert-file \"{fixtures}/server.pem\"\ntls-key-file \"{fixtures}/server.key\"\n\
             tls-ca-cert-file \"{fixtures}/ca.pem\"\ntls-auth-clients no\n"
        ))
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it: its port refuses from here on.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port.
    pub fn start_again(&mut self) {
        self.stop();
        wait_for("redis-server on its old port", || match start(&self.dir, self.port, &self.config) {
            Some(child) => {
                self.child = child;
                true
            }
            None => false,
        });
    }

    /// SIGSTOP: it accepts connections (the kernel does) and answers nothing.
    pub fn suspend(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("a pid");
        kill_process(pid, signal).expect("the signal");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `None` when it ended at once, as with a port that is taken.
fn start(dir: &tempfile::TempDir, port: u16, config: &str) -> Option<Child> {
    let file = dir.path().join("redis.conf");
    let text = format!(
        "port {port}\nbind 127.0.0.1\nsave \"\"\nappendonly no\ndaemonize no\n{}",
        config.replace("PORT", &port.to_string())
    );
    fs::write(&file, text).expect("redis.conf");
    let mut child = Command::new("redis-server")
        .arg(&file)
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("failed to start redis-server: {error}; `make setup-tests` installs it"));
    let mut alive = true;
    wait_for("redis-server answers", || {
        alive = child.try_wait().expect("its state").is_none();
        !alive
            || if config.contains("tls-port") { TcpStream::connect(("127.0.0.1", port)).is_ok() } else { answers(port) }
    });
    alive.then_some(child)
}

/// Any answer to PING counts: `+PONG`, or `-NOAUTH …`.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut answer = [0; 1];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && matches!(&answer, b"+" | b"-")
}
