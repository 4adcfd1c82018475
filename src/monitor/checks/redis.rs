//! `redis`: connect, AUTH (with and without a user name), PING. Tells NOAUTH, WRONGPASS, refused and time-out apart,
//! since each has another cure.
//!
//! AUTH is sent as a command of its own and not through the URL, so that the server's own error code is seen, and so
//! that no password is ever part of a URL or of an error's text.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{ConnectionAddr, ConnectionInfo, ErrorKind, IntoConnectionInfo as _, RedisError, TlsCertificates};
use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe, State, secret_refs};
use crate::monitor::heartbeat::{REDIS, message};
use crate::secret::{Secret, SecretRef};
use crate::text;

pub const KIND: Kind = Kind::of::<Redis>("redis", REDIS, "connect, AUTH, PING");

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// `redis://HOST[:PORT]`, `rediss://…` for TLS, `redis+unix:///PATH`. Holds no password.
    pub url: String,
    /// A user of an ACL; the default user when unset.
    pub username: Option<String>,
    /// Where the password is read from; of several, the first that the server accepts.
    #[serde(deserialize_with = "secret_refs")]
    pub password: Vec<SecretRef>,
    /// The number of the database; the one that `url` names when unset, and 0 when it names none.
    pub db: Option<i64>,
    /// A PEM file with the certificate authority of a `rediss://` server; the system's when unset.
    pub ca_file: Option<PathBuf>,
    /// Milliseconds; a slower answer is a warning.
    pub slow_ms: Option<u64>,
}

impl Default for Redis {
    fn default() -> Self {
        Redis {
            url: "redis://127.0.0.1:6379".to_owned(),
            username: None,
            password: Vec::new(),
            db: None,
            ca_file: None,
            slow_ms: None,
        }
    }
}

/// Whether a parameter of a URL is of those in which people write credentials.
fn is_secret(key: &str) -> bool {
    ["pass", "user", "auth", "secret", "token"].iter().any(|word| key.to_lowercase().contains(word))
}

/// Each source costs the server one AUTH a cycle.
const MAX_SOURCES: usize = 8;

impl Check for Redis {
    fn validate(&self) -> Result<(), String> {
        let url = url::Url::parse(&self.url).map_err(|error| format!("`url` is no URL: {error}"))?;
        if url.password().is_some() || !url.username().is_empty() || url.query_pairs().any(|(key, _)| is_secret(&key)) {
            return Err("`url` must not hold a password or user name; use `username` and `password = { file = \"…\" }`"
                .to_owned());
        }
        self.server(None).map_err(|fault| fault.to_string())?;
        if self.username.is_some() && self.password.is_empty() {
            return Err("`username` needs a `password`".to_owned());
        }
        if self.password.len() > MAX_SOURCES {
            return Err(format!("more than {MAX_SOURCES} sources of the password"));
        }
        Ok(())
    }

    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move {
            let finding = self.look(&probe).await;
            let headline = match finding.state {
                State::Error => format!("{}: {}", message::REDIS_DOWN, finding.message),
                _ => message::REDIS_OK.to_owned(),
            };
            finding.headline(headline)
        })
    }

    fn secrets(&self) -> Vec<SecretRef> {
        self.password.clone()
    }
}

impl Redis {
    fn server(&self, ca: Option<Vec<u8>>) -> Result<Server, Fault> {
        Server::new(&self.url, self.db, ca)
    }

    /// What is asked for a PONG.
    pub fn target(&self) -> Result<Target, Fault> {
        let info = self.url.as_str().into_connection_info().map_err(|error| Fault::Address(error.to_string()))?;
        Ok(Target::new(info.addr().clone(), database(&self.url, self.db)?, self.username.as_deref()))
    }

    async fn look(&self, probe: &Probe) -> Finding {
        let ca = match self.ca_file.as_ref().map(|path| std::fs::read(probe.path(path))).transpose() {
            Ok(ca) => ca,
            Err(error) => return Finding::error(format!("`ca_file` can't be read: {error}")),
        };
        let server = match self.server(ca) {
            Ok(server) => server,
            Err(fault) => return Finding::error(fault.to_string()),
        };
        let root = probe.around.root.path();
        let mut tried = Vec::new();
        let mut passwords = Vec::new();
        for source in &self.password {
            match source.read(root) {
                Ok(secret) => {
                    tried.push(source.to_string());
                    passwords.push(secret);
                }
                Err(error) => tried.push(format!("{source} ({})", short(&error))),
            }
        }
        let user = self.username.as_deref();
        let result = tokio::time::timeout_at(probe.deadline.into(), ping(&server, user, &passwords)).await;
        match result.unwrap_or(Err(Fault::TimedOut)) {
            Ok(pong) => self.judge(&pong, passwords.is_empty(), &tried),
            Err(fault) => Finding::error(self.explain(&fault, &server, probe, passwords.is_empty(), &tried)),
        }
    }

    fn judge(&self, pong: &Pong, none_read: bool, tried: &[String]) -> Finding {
        let shown = text::duration_ns(u64::try_from(pong.latency.as_nanos()).unwrap_or(u64::MAX));
        let finding = if pong.password_not_wanted || (none_read && !tried.is_empty()) {
            Finding::warn(format!(
                "PONG in {shown}, but the server asks for no password although one is configured ({})",
                tried.join(", ")
            ))
        } else if self.slow_ms.is_some_and(|slow| pong.latency > Duration::from_millis(slow)) {
            Finding::warn(format!("PONG only after {shown}"))
        } else {
            Finding::ok(format!("PONG in {shown}"))
        };
        finding.latency(pong.latency)
    }

    fn explain(&self, fault: &Fault, server: &Server, probe: &Probe, none_read: bool, tried: &[String]) -> String {
        let sources = tried.join(", ");
        match fault {
            Fault::NoAuth if tried.is_empty() => "NOAUTH: the server wants a password and none is configured; add \
                 `password = { file = \"…\" }` or `{ env = \"…\" }` to this check"
                .to_owned(),
            Fault::NoAuth if none_read => {
                format!("NOAUTH: the server wants a password and no source of it could be read; sources tried: {sources}")
            }
            Fault::NoAuth => format!("NOAUTH: the server wants a password; sources tried: {sources}"),
            Fault::WrongPass => match &self.username {
                None => format!("WRONGPASS: the server wants another password; sources tried: {sources}"),
                Some(user) => format!(
                    "WRONGPASS: the server knows no enabled user `{user}` with this password; sources tried: {sources}"
                ),
            },
            Fault::Refused => format!("refused: nothing listens on {}; is redis-server running there?", server.shown),
            Fault::TimedOut => format!(
                "time-out: {} did not answer within {}; it is stopped, busy or not reachable{}",
                server.shown,
                probe.within(),
                if server.secure { ", or speaks no TLS on this port" } else { "" }
            ),
            other => format!("{other} ({})", server.shown),
        }
    }
}

fn short(error: &crate::secret::SecretError) -> String {
    use crate::secret::SecretError;
    match error {
        SecretError::EnvUnset(_) => "not set".to_owned(),
        SecretError::Read { source, .. } => source.to_string(),
        SecretError::Mode { mode, .. } => format!("mode {mode:o}, wants 600"),
    }
}

/// A server's database as a user sees it: what one PING tells of another.
#[derive(Debug, PartialEq)]
pub struct Target {
    address: ConnectionAddr,
    db: i64,
    user: String,
}

impl Target {
    pub fn new(address: ConnectionAddr, db: i64, user: Option<&str>) -> Target {
        // two names of one host
        let host = |host: String| if host.eq_ignore_ascii_case("localhost") { "127.0.0.1".to_owned() } else { host };
        let address = match address {
            ConnectionAddr::Tcp(name, port) => ConnectionAddr::Tcp(host(name), port),
            other => other,
        };
        Target { address, db, user: user.unwrap_or("default").to_owned() }
    }
}

/// A Redis server, without credentials.
pub struct Server {
    client: redis::Client,
    db: i64,
    secure: bool,
    /// Host and port, or the socket's path.
    pub shown: String,
}

/// What a server that works answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Pong {
    /// Of the PING alone.
    pub latency: Duration,
    /// Which of the passwords was accepted.
    pub accepted: Option<usize>,
    /// The server has no password, though one was offered.
    pub password_not_wanted: bool,
}

/// Why a server does not work for us.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("NOAUTH: the server wants a password")]
    NoAuth,
    #[error("WRONGPASS: the server wants another password")]
    WrongPass,
    /// Of this command.
    #[error("NOPERM: the user may not run {0}; allow it with `ACL SETUSER … +{lower}`", lower = .0.to_lowercase())]
    NoPerm(&'static str),
    #[error("refused: nothing listens there")]
    Refused,
    #[error("time-out: no answer")]
    TimedOut,
    #[error("the host name can't be resolved: {0}")]
    Resolve(String),
    #[error("TLS failed: {0}; does the server speak TLS on this port, and is its certificate's authority known?")]
    Tls(String),
    #[error("what answers is not Redis: {0}")]
    NotRedis(String),
    #[error("the server closed the connection: {0}")]
    Closed(String),
    #[error("{0}")]
    Server(String),
    #[error("failed to understand the server's address: {0}")]
    Address(String),
}

impl Server {
    /// `url` and `db` as in [`Redis`]; `ca` is a PEM certificate authority for `rediss://`.
    pub fn new(url: &str, db: Option<i64>, ca: Option<Vec<u8>>) -> Result<Server, Fault> {
        let db = database(url, db)?;
        let address = |error: RedisError| Fault::Address(error.to_string());
        let info: ConnectionInfo = url.into_connection_info().map_err(address)?;
        let shown = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => format!("{host}:{port}"),
            ConnectionAddr::Unix(path) => path.display().to_string(),
            _ => url.to_owned(),
        };
        // the database is selected after AUTH, by hand; a connection that asks for nothing needs no answer to open
        let settings = info.redis_settings().clone().set_skip_set_lib_name().set_db(0);
        let secure = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        let info = info.set_redis_settings(settings);
        let client = if secure {
            // rustls is built without a default provider
            let _ = rustls::crypto::ring::default_provider().install_default();
            redis::Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: ca }).map_err(address)?
        } else {
            redis::Client::open(info).map_err(address)?
        };
        Ok(Server { client, db, secure, shown })
    }
}

/// The database that `url` and `db` name together: as the path or the `db` of a server's URL, as the `db` of a socket's.
fn database(url: &str, db: Option<i64>) -> Result<i64, Fault> {
    let parsed = url::Url::parse(url).map_err(|error| Fault::Address(error.to_string()))?;
    let path = parsed.path().trim_matches('/');
    let has_host = parsed.host_str().is_some_and(|host| !host.is_empty());
    let of_path = Some(path.to_owned()).filter(|path| has_host && !path.is_empty());
    // the crate reads this one of a socket's URL only
    let of_query = parsed.query_pairs().filter(|(key, _)| key == "db").map(|(_, value)| value.into_owned());
    let mut named = db;
    for word in of_path.into_iter().chain(of_query) {
        // not quoted: it might be what should not be there
        let number = word.parse().map_err(|_| Fault::Address("the database in `url` is no number".to_owned()))?;
        match named {
            Some(other) if other != number => {
                return Err(Fault::Address(format!("both database {other} and database {number} are named")));
            }
            _ => named = Some(number),
        }
    }
    Ok(named.unwrap_or(0))
}

/// Connects, offers the passwords in order until one is accepted, and sends PING. The caller sets the deadline; a future
/// that is dropped closes its connection.
pub async fn ping(server: &Server, user: Option<&str>, passwords: &[Secret]) -> Result<Pong, Fault> {
    match ask(server, user, passwords).await {
        Err(Fault::Closed(why)) => Err(said_unasked(server).await.unwrap_or(Fault::Closed(why))),
        answer => answer,
    }
}

/// How long a server that closed a connection is listened to on another one.
const LISTEN: Duration = Duration::from_millis(300);
/// Most bytes of what it says then.
const LISTEN_BYTES: usize = 200;

/// What a server says to whoever connects, before it closes: in protected mode, or with too many clients. Where something
/// was sent meanwhile, the sending fails, and what had come before is lost.
async fn said_unasked(server: &Server) -> Option<Fault> {
    let info = server.client.get_connection_info();
    let ConnectionAddr::Tcp(host, port) = info.addr() else { return None };
    let mut said = [0; LISTEN_BYTES];
    let listen = async {
        let stream = tokio::net::TcpStream::connect((host.as_str(), *port)).await?;
        stream.readable().await?;
        stream.try_read(&mut said)
    };
    let length = tokio::time::timeout(LISTEN, listen).await.ok()?.ok()?;
    let said = String::from_utf8_lossy(said.get(..length)?).into_owned();
    let (code, detail) = said.lines().next()?.strip_prefix('-')?.split_once(' ')?;
    Some(Fault::Server(text::line(&format!("{code}: {detail}"), 200)))
}

async fn ask(server: &Server, user: Option<&str>, passwords: &[Secret]) -> Result<Pong, Fault> {
    let config = redis::AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let mut connection =
        server.client.get_multiplexed_async_connection_with_config(&config).await.map_err(|error| fault(&error, server.secure, "HELLO"))?;
    let mut accepted = None;
    let mut refusal = None;
    let mut password_not_wanted = false;
    for (index, password) in passwords.iter().enumerate() {
        let mut auth = redis::cmd("AUTH");
        if let Some(user) = user {
            auth.arg(user);
        }
        match auth.arg(password.expose()).query_async::<String>(&mut connection).await {
            Ok(_) => {
                accepted = Some(index);
                break;
            }
            Err(error) if says_no_password_set(&error) => {
                password_not_wanted = true;
                break;
            }
            Err(error) => match fault(&error, server.secure, "AUTH") {
                Fault::WrongPass => refusal = Some(Fault::WrongPass),
                other => return Err(other),
            },
        }
    }
    if accepted.is_none() && !password_not_wanted && let Some(refusal) = refusal {
        return Err(refusal);
    }
    if server.db != 0 {
        redis::cmd("SELECT").arg(server.db).query_async::<String>(&mut connection).await.map_err(|error| fault(&error, server.secure, "SELECT"))?;
    }
    let sent = Instant::now();
    let answer: String = redis::cmd("PING").query_async(&mut connection).await.map_err(|error| fault(&error, server.secure, "PING"))?;
    let latency = sent.elapsed();
    if answer != "PONG" {
        return Err(Fault::NotRedis(format!("PING was answered with `{}`", text::line(&answer, 60))));
    }
    Ok(Pong { latency, accepted, password_not_wanted })
}

/// [`ping`] for callers without a runtime; `Err(TimedOut)` at the deadline.
pub fn ping_blocking(
    server: &Server,
    user: Option<&str>,
    passwords: &[Secret],
    timeout: Duration,
) -> Result<Pong, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::Server(format!("no runtime: {error}")))?;
    let result = runtime.block_on(async { tokio::time::timeout(timeout, ping(server, user, passwords)).await });
    // a name server that hangs must not hold the caller
    runtime.shutdown_background();
    result.unwrap_or(Err(Fault::TimedOut))
}

fn says_no_password_set(error: &RedisError) -> bool {
    let text = error.to_string();
    text.contains("without any password configured") || text.contains("no password is set")
}

/// `command` is what was answered so.
fn fault(error: &RedisError, secure: bool, command: &'static str) -> Fault {
    let text = text::line(&error.to_string(), 200);
    match error.code() {
        Some("NOAUTH") => return Fault::NoAuth,
        Some("WRONGPASS") => return Fault::WrongPass,
        Some("NOPERM") => return Fault::NoPerm(command),
        // servers before 6.0
        Some("ERR") if text.contains("invalid password") => return Fault::WrongPass,
        Some(code) => {
            let detail = error.detail().unwrap_or_default();
            return Fault::Server(text::line(&format!("{code}: {detail}"), 200));
        }
        None => {}
    }
    if error.is_connection_refusal() {
        return Fault::Refused;
    }
    if error.is_timeout() {
        return Fault::TimedOut;
    }
    if error.kind() == ErrorKind::Parse {
        return Fault::NotRedis(text);
    }
    if text.contains("failed to lookup address") || text.contains("not known") {
        return Fault::Resolve(text);
    }
    if error.is_connection_dropped() {
        return Fault::Closed(text);
    }
    // the crate hides rustls' errors in an io::Error
    if secure && error.is_io_error() {
        return Fault::Tls(text);
    }
    Fault::Server(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_that_is_named() {
        for (url, db, expect) in [
            ("redis://h", None, Ok(0)),
            ("redis://h/", Some(2), Ok(2)),
            ("redis://h:1/9", None, Ok(9)),
            ("redis://h:1/9/", Some(9), Ok(9)),
            ("redis://h?db=9", None, Ok(9)),
            ("rediss://h/3?db=3", None, Ok(3)),
            ("redis+unix:///run/7?db=4", None, Ok(4)),
            ("unix:///run/7", None, Ok(0)),
            ("redis://h/9", Some(3), Err("both database 3 and database 9")),
            ("redis://h/0", Some(3), Err("both database 3 and database 0")),
            ("redis://h/1?db=2", None, Err("both database 1 and database 2")),
            ("redis+unix:///run/7?db=4", Some(7), Err("both database 7 and database 4")),
            ("redis://h/sessions", None, Err("is no number")),
            ("redis://h?db=", None, Err("is no number")),
        ] {
            let check = Redis { url: url.to_owned(), db, ..Redis::default() };
            let found = check.server(None).map(|server| server.db).map_err(|fault| fault.to_string());
            match (&found, expect) {
                (Ok(found), Ok(expect)) => assert_eq!(*found, expect, "{url}"),
                (Err(found), Err(expect)) => assert!(found.contains(expect), "{url}: {found}"),
                _ => panic!("{url}, {db:?}: {found:?}"),
            }
            assert_eq!(check.validate().is_ok(), found.is_ok(), "{url}");
        }
    }
    /// As in protected mode: the line stands there before anything was asked, and the connection is closed.
    #[test]
    fn what_a_server_says_before_it_closes_is_heard() {
        use std::io::Write as _;
        for (says, expect) in [
            ("-DENIED Redis is running in protected mode\r\n", "DENIED: Redis is running in protected mode"),
            ("-ERR max number of clients reached\r\n", "ERR: max number of clients reached"),
            ("", "the server closed the connection: "),
        ] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("redis://{}", listener.local_addr().unwrap());
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    // one that is gone already is no fault of this server's
                    let _ = stream.unwrap().write_all(says.as_bytes());
                }
            });
            let server = Server::new(&url, None, None).unwrap();
            for _ in 0..8 {
                let fault = ping_blocking(&server, None, &[Secret::new("x")], Duration::from_secs(20)).unwrap_err();
                assert!(fault.to_string().starts_with(expect), "{says}: {fault}");
            }
        }
    }
}
