//! The builder of integration tests. A test reads like a sentence:
//!
//! ```text
//! Scene::new()
//!     .heartbeats(Heartbeats::days(3).database_missing(100..109))
//!     .order("WO-X.md", "…")
//!     .wo(["run"])
//!     .expect_exit(1)
//!     .expect_stdout("partial");
//! ```
//!
//! Every scene is a root of its own in a temporary folder whose name has spaces and non-ASCII letters. Nothing sleeps for a
//! fixed time: whoever waits, waits for a condition with [`wait_for`]. Whatever a scene starts dies with it.
#![allow(dead_code, unused_imports, reason = "each area uses a part of it")]

pub mod field;
pub mod launchd;
pub mod locked;
pub mod process;
pub mod redis;
pub mod tmpfs;
pub mod webhook;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use workbridge::root::Root;

pub use field::Heartbeats;
pub use launchd::TestLaunchd;
pub use locked::{Locked, makes_immutable};
pub use process::{Daemon, Ended, Ran, run};
pub use tmpfs::Tmpfs;

/// How long anything may take before a test gives up: far beyond what a busy machine needs.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The settings that every scene starts with: no test touches the service manager of the machine it runs on.
const EMBEDDED: &str = "[services]\nmanager = \"embedded\"\n";

/// A root with all that a test put in it.
#[must_use = "a scene does nothing by itself: run `wo` in it"]
pub struct Scene {
    dir: tempfile::TempDir,
    env: BTreeMap<OsString, OsString>,
}

impl Scene {
    /// A root with an inbox, an outbox and a `wo.toml` that embeds the schedule.
    pub fn new() -> Scene {
        Scene::new_in(&std::env::temp_dir())
    }

    /// As [`Scene::new`], in a folder of `top`.
    pub fn new_in(top: &Path) -> Scene {
        let scene = Scene::bare_in(top);
        for dir in ["bridge/inbox/CLC", "bridge/outbox/CLC"] {
            fs::create_dir_all(scene.path(dir)).expect("folders of the scene");
        }
        scene.config("")
    }

    /// An empty folder, which is no root yet.
    pub fn bare() -> Scene {
        Scene::bare_in(&std::env::temp_dir())
    }

    /// As [`Scene::bare`], in a folder of `top`.
    pub fn bare_in(top: &Path) -> Scene {
        let dir = tempfile::Builder::new().prefix("wo เทสต์ räume ").tempdir_in(top).expect("a temporary folder");
        fs::create_dir_all(dir.path().join("ein root ๒")).expect("the root's folder");
        fs::create_dir_all(dir.path().join("home")).expect("a home");
        Scene { dir, env: BTreeMap::new() }
    }

    /// Writes `wo.toml`. The service manager is `embedded` unless `text` has a `[services]` section.
    pub fn config(self, text: &str) -> Scene {
        let services = if text.contains("[services]") { "" } else { EMBEDDED };
        self.file("wo.toml", format!("{text}\n{services}"))
    }

    /// Writes a file beneath the root, with its folders.
    pub fn file(self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> Scene {
        self.write(path, contents);
        self
    }

    /// Drops an order into the inbox of CLC, whole (a hidden name, then a rename).
    pub fn order(self, name: &str, text: impl AsRef<[u8]>) -> Scene {
        self.drop_order(name, text);
        self
    }

    /// Writes heartbeats into `g/reports/ops_atomic`.
    pub fn heartbeats(self, heartbeats: Heartbeats) -> Scene {
        heartbeats.write(&self.path("g/reports/ops_atomic")).expect("heartbeats");
        self
    }

    /// A small, sound SQLite database where the monitor looks for it.
    pub fn database(self) -> Scene {
        let path = self.path("knowledge/02luka.db");
        fs::create_dir_all(path.parent().expect("a parent")).expect("knowledge/");
        let database = rusqlite::Connection::open(&path).expect("a database");
        database
            .execute_batch("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT);")
            .expect("a table");
        self
    }

    /// Sets a variable for every `wo` that this scene runs.
    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Scene {
        self.env.insert(key.into(), value.into());
        self
    }

    /// Kills the next `wo` at this place: `rename.before`, or `rename.before:3` for the third passing.
    pub fn failpoint(self, name: &str) -> Scene {
        self.env("WO_FAILPOINT", name)
    }

    pub fn dir(&self) -> PathBuf {
        self.dir.path().join("ein root ๒")
    }

    pub fn root(&self) -> Root {
        Root::at(&self.dir()).expect("the scene's root")
    }

    /// A path beneath the root.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir().join(relative)
    }

    /// The home directory that this scene's programs see.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn write(&self, path: impl AsRef<Path>, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders of the file");
        fs::write(&path, contents).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    pub fn drop_order(&self, name: &str, text: impl AsRef<[u8]>) {
        let hidden = format!("bridge/inbox/CLC/.{name}.tmp");
        self.write(&hidden, text);
        fs::rename(self.path(&hidden), self.path("bridge/inbox/CLC").join(name)).expect("the drop");
    }

    pub fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.path(path).symlink_metadata().is_ok()
    }

    #[track_caller]
    pub fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.path(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()))
    }

    #[track_caller]
    pub fn read_json(&self, path: impl AsRef<Path>) -> serde_json::Value {
        serde_json::from_str(&self.read(path)).expect("JSON")
    }

    /// The file names in a folder, sorted; none when it is not there.
    pub fn list(&self, path: impl AsRef<Path>) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The one file in CLC's outbox whose name ends so, e.g. `_REPORT.md` or `.result.json`.
    #[track_caller]
    pub fn outbox(&self, suffix: &str) -> String {
        let names: Vec<String> =
            self.list("bridge/outbox/CLC").into_iter().filter(|name| name.ends_with(suffix)).collect();
        match names.as_slice() {
            [name] => self.read(Path::new("bridge/outbox/CLC").join(name)),
            _ => panic!("one file …{suffix} expected in the outbox, found {:?}", self.list("bridge/outbox/CLC")),
        }
    }

    /// `WO-ID.result.json` of CLC's outbox.
    #[track_caller]
    pub fn result(&self, id: &str) -> serde_json::Value {
        self.read_json(format!("bridge/outbox/CLC/{id}.result.json"))
    }

    /// A read-only look into the journal.
    #[track_caller]
    pub fn journal(&self) -> rusqlite::Connection {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let journal = rusqlite::Connection::open_with_flags(self.root().journal(), flags).expect("the journal");
        journal.busy_timeout(PATIENCE).expect("a timeout");
        journal
    }

    /// All that is beneath the root (or `below` it): path → kind, permissions and sha256. Two equal trees are equal
    /// byte for byte; times don't count.
    pub fn tree(&self, below: impl AsRef<Path>) -> BTreeMap<String, String> {
        tree(&self.path(below))
    }

    /// A command of this scene, not yet started.
    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(wo());
        command.args(args).current_dir(self.dir()).stdin(Stdio::null());
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("WO_")) {
            command.env_remove(key);
        }
        command.env("HOME", self.home()).env("TZ", "UTC").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.envs(&self.env);
        command
    }

    /// Runs `wo` to its end. One that hangs is killed after [`PATIENCE`] and fails the test.
    #[must_use = "say what you expect of it"]
    #[track_caller]
    pub fn wo<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ran {
        self.wo_with_stdin(args, b"")
    }

    #[must_use = "say what you expect of it"]
    #[track_caller]
    pub fn wo_with_stdin<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>, stdin: &[u8]) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped());
        run(command, stdin)
    }

    /// Starts `wo up` in the background and waits until it holds the bridge.
    #[track_caller]
    pub fn up(&self) -> Daemon {
        self.up_with(&[])
    }

    #[track_caller]
    pub fn up_with(&self, args: &[&str]) -> Daemon {
        let mut daemon = self.start(["up"].iter().chain(args));
        let lock = self.root().lock();
        let pid = u64::from(daemon.pid());
        // the text of the lock, not the lock: a look that takes the flock could be in the daemon's way
        let holds = || {
            let holder = fs::read_to_string(&lock).ok()?;
            serde_json::from_str::<serde_json::Value>(&holder).ok()?.get("pid")?.as_u64()
        };
        daemon.wait_for("`wo up` holds the bridge", || holds() == Some(pid));
        daemon
    }

    /// Starts any `wo` in the background.
    #[track_caller]
    pub fn start(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Daemon {
        Daemon::start(self.command(args), self.dir.path())
    }
}

/// The program under test.
pub fn wo() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wo"))
}

/// The side-car, beside it.
pub fn wo_sql() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wo-sql"))
}

/// Polls until the condition holds; fails with `what` after [`PATIENCE`].
#[track_caller]
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An order for `probe` with these further lines of front matter.
pub fn probe(id: &str, more: &str) -> String {
    format!(
        "---\nid: {id}\nhandler: probe\nacceptance:\n  - {{ metric: Ledger lines, target: \"= 1\" }}\n{more}---\n\n# {id}\n"
    )
}

/// A TCP port of the loopback interface that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("its address").port()
}

/// The sha256 of some bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Path → kind, permissions and sha256 of all that is beneath `dir`.
pub fn tree(dir: &Path) -> BTreeMap<String, String> {
    fn walk(top: &Path, dir: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
            let path = entry.expect("an entry").path();
            let meta = path.symlink_metadata().expect("its metadata");
            let name = path.strip_prefix(top).expect("beneath the top").display().to_string();
            let mode = meta.mode() & 0o7777;
            if meta.is_dir() {
                found.insert(name, format!("folder {mode:o}"));
                walk(top, &path, found);
            } else if meta.is_file() {
                found.insert(name, format!("file {mode:o} {}", sha256(&fs::read(&path).expect("its bytes"))));
            } else {
                found.insert(name, format!("{:?} {:?}", meta.file_type(), fs::read_link(&path).ok()));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(dir, dir, &mut found);
    found
}
