//! One monitor cycle with every local check answering, against its bound of 50 ms: the checks alone, and with the report,
//! the counters and the log line that it leaves.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use workbridge::clock::SystemClock;
use workbridge::config::Config;
use workbridge::monitor::checks::{State, Surroundings};
use workbridge::monitor::cycle;
use workbridge::monitor::record::{self, Place as Records, Source};
use workbridge::monitor::store::Store;
use workbridge::root::Root;

use super::place::{Daemon, Place, wait_for};
use super::{Line, Outcome, median, timed};

const ROUNDS: usize = 100;
const BOUND: Duration = Duration::from_millis(50);

pub fn bench() -> Outcome {
    let place = Place::new("")?;
    let (redis_port, _redis) = redis()?;
    let http_port = http()?;
    database(&place)?;
    std::fs::write(place.path("there.txt"), "x")?;
    let toml = format!(
        "[services]\nmanager = \"embedded\"\n\
         [[monitor.check]]\nname = \"redis\"\nkind = \"redis\"\nurl = \"redis://127.0.0.1:{redis_port}\"\n\
         [[monitor.check]]\nname = \"database\"\nkind = \"sqlite\"\npath = \"knowledge/02luka.db\"\n\
         [[monitor.check]]\nname = \"api\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{http_port}/healthz\"\n\
         [[monitor.check]]\nname = \"port\"\nkind = \"tcp\"\naddress = \"127.0.0.1:{http_port}\"\n\
         [[monitor.check]]\nname = \"file\"\nkind = \"file\"\npath = \"there.txt\"\n\
         [[monitor.check]]\nname = \"disk\"\nkind = \"disk\"\nwarn_percent = 0\nerror_percent = 0\n"
    );
    let root = Root::at(place.root())?;
    let config = Config::parse(&toml, &root.config())?;
    let clock: Arc<SystemClock> = Arc::new(SystemClock);
    let checks = cycle::ready(&config.monitor, &config.paths)?;
    let mut store = Store::open(&root)?;
    let around = Arc::new(Surroundings {
        root: root.clone(),
        policy: config.policy.clone(),
        clock: clock.clone(),
        services: workbridge::services::manager(&root, &config, clock)?,
        memo: Arc::new(store.memo()?),
        secrets: config.secrets(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let records = Records { root: &root, config: &config };
    let (mut alone, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (observed, took) = timed(|| {
            let cycle = runtime.block_on(cycle::run(&checks, &around));
            alone.push(cycle.took);
            record::record(&records, &mut store, &around.memo, &cycle, Source::Loop, None).map(|_| cycle)
        })?;
        if let Some(bad) = observed.observed.iter().find(|one| one.finding.state != State::Ok) {
            return Err(format!("{} does not answer: {}", bad.name, bad.finding.message).into());
        }
        whole.push(took);
    }
    let line = |what: &str, times: &mut Vec<Duration>| {
        times.sort_unstable();
        let p99 = times.get(times.len() * 99 / 100).copied().unwrap_or_default();
        let what = format!("{what}, median of {ROUNDS} (p99 {})", super::time(p99));
        Line::times(what, median(times.clone()), ("is the bound", BOUND), 1.0, 1.0)
    };
    Ok(vec![
        line("a monitor cycle: redis, sqlite, http, tcp, file, disk", &mut alone),
        line("the same with its report, counters and log line, fsynced", &mut whole),
    ])
}

/// A database of some megabytes.
fn database(place: &Place) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(place.path("knowledge"))?;
    let database = rusqlite::Connection::open(place.path("knowledge/02luka.db"))?;
    database.execute_batch(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO notes (text) SELECT hex(randomblob(100)) FROM n;",
    )?;
    Ok(())
}

/// A real server where there is one, else a thread that answers as it does.
fn redis() -> Result<(u16, Option<Daemon>), Box<dyn Error>> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    match start_redis(port) {
        Ok(server) => {
            let server = Daemon(server);
            wait_for(|| Ok(TcpStream::connect(("127.0.0.1", port)).is_ok()))?;
            Ok((port, Some(server)))
        }
        Err(_) => Ok((answer(b"+PONG\r\n")?, None)),
    }
}

fn start_redis(port: u16) -> std::io::Result<Child> {
    let port = port.to_string();
    let args = ["--port", port.as_str(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    Command::new("redis-server").args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

fn http() -> std::io::Result<u16> {
    answer(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
}

/// Answers whatever comes, once a connection, until this process ends.
fn answer(bytes: &'static [u8]) -> std::io::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            // a client that only looks whether the port is open sends nothing
            if stream.read(&mut request).is_ok_and(|n| n > 0) {
                let _ = stream.write_all(bytes);
            }
        }
    });
    Ok(port)
}
