//! The root that is repaired: what its state is, where the password stands, and a `launchctl` that refuses.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{LOOP, OLD, PASSWORD};
use crate::support::redis::RedisServer;
use crate::support::{Scene, TestLaunchd};

pub(super) struct World {
    pub(super) scene: Scene,
    pub(super) launchd: TestLaunchd,
    pub(super) _redis: RedisServer,
}

impl World {
    pub(super) fn is_loaded(&self, label: &str) -> bool {
        self.launchd.launchctl(["list", label]).status.success()
    }

    /// Everything that a repair may touch: files with their bytes and modes, and what is loaded.
    pub(super) fn state(&self) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        let mut put = |dir: &Path, skip: &[&str]| {
            for path in files(dir) {
                let shown = path.strip_prefix(dir).unwrap().display().to_string();
                if !skip.iter().any(|skip| shown.starts_with(skip)) {
                    state.insert(format!("{} {shown}", dir.display()), describe(&path));
                }
            }
        };
        // the mail, the journal and the copies beneath `backups/` are the engine's
        put(&self.scene.dir(), &["bridge/"]);
        put(&self.launchd.agents(), &[]);
        let secrets = self.scene.path("bridge/state/secrets");
        if secrets.exists() {
            put(&secrets, &[]);
        }
        for label in [OLD, LOOP] {
            state.insert(format!("loaded {label}"), self.is_loaded(label).to_string());
        }
        for dir in ["g", "g/logs", "launchd", "bridge/state/secrets"] {
            state.insert(format!("dir {dir}"), self.scene.path(dir).is_dir().to_string());
        }
        state
    }
}

pub(super) fn describe(path: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    if let Ok(target) = fs::read_link(path) {
        return format!("link to {}", target.display());
    }
    let mode = path.symlink_metadata().unwrap().permissions().mode() & 0o777;
    let bytes = fs::read(path).unwrap_or_default();
    format!("{mode:o} {}", crate::support::sha256(&bytes))
}

pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

pub(super) fn wait_for_order(scene: &Scene, id: &str) -> String {
    let waited = scene.wo(["wait", id, "--timeout", "170"]);
    format!("{waited}\n{}", scene.wo(["show", id]))
}

/// Files in which the password stands, relative to the root; where it belongs is left out.
pub(super) fn leaks(scene: &Scene) -> Vec<String> {
    let root = scene.dir();
    let belongs = ["docker-compose.yml", "bridge/state/secrets/", "bridge/state/backups/"];
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes())
    };
    let shown = |path: PathBuf| path.strip_prefix(&root).unwrap().display().to_string();
    let found = files(&root).into_iter().filter(holds).map(shown);
    found.filter(|path| !belongs.iter().any(|place| path.starts_with(place))).collect()
}

/// Looks at the arguments of all processes until it is told to end.
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(usize, Vec<String>)>,
}

impl Watch {
    pub(super) fn start() -> Watch {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut rounds, mut found) = (0, Vec::new());
            while !flag.load(Ordering::SeqCst) {
                for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
                    let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    if line.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()) {
                        found.push(String::from_utf8_lossy(&line).into_owned());
                    }
                }
                rounds += 1;
                std::thread::yield_now();
            }
            (rounds, found)
        });
        Watch { stop, thread }
    }

    pub(super) fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        let (rounds, found) = self.thread.join().unwrap();
        assert_eq!(found, Vec::<String>::new(), "the password in an argument");
        assert!(rounds > 0 || cfg!(not(target_os = "linux")));
    }
}

pub(super) fn verdicts(scene: &Scene, id: &str) -> Vec<(String, String)> {
    let result = scene.result(id);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let criteria = result["criteria"].as_array().unwrap();
    criteria.iter().map(|criterion| (text(&criterion["metric"]), text(&criterion["verdict"]))).collect()
}

impl World {
    /// The first time that `wo` asks `launchctl` just this, the answer is so, as a shell says it. (What `wo` starts has a clean
    /// environment, what the test starts has cargo's.)
    pub(super) fn answer_first(&self, args: &str, answer: &str) {
        let once = self.launchd.agents().parent().unwrap().join("answered once");
        self.wrap(&format!(
            "case \"$CARGO_MANIFEST_DIR$*\" in '{args}') mkdir '{}' 2>/dev/null && {{ {answer}; }};; esac",
            once.display()
        ));
    }

    /// Puts a shell's words before every `launchctl`.
    pub(super) fn wrap(&self, words: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let launchctl = self.launchd.agents().parent().unwrap().join("launchctl");
        let wrapped = (0..).map(|n| launchctl.with_extension(format!("real-{n}"))).find(|path| !path.exists()).unwrap();
        fs::rename(&launchctl, &wrapped).unwrap();
        let temporary = launchctl.with_extension("tmp");
        fs::write(&temporary, format!("#!/bin/sh\n{words}\nexec '{}' \"$@\"\n", wrapped.display())).unwrap();
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(temporary, launchctl).unwrap();
    }
}

/// From now on `launchctl` refuses one verb: `bootout` of the old job, `bootstrap` of the loop.
pub(super) fn refuse(world: &World, verb: &str) {
    refuse_and(world, verb, "");
}

/// And does something else first, as a shell says it.
pub(super) fn refuse_and(world: &World, verb: &str, also: &str) {
    let what = if verb == "bootout" { format!("{OLD}\"") } else { format!("{LOOP}.plist\"") };
    world.wrap(&format!(
        "case \"$1 $*\\\"\" in '{verb} '*'{what}') {also} echo 'Operation not permitted' >&2; exit 150;; esac"
    ));
}
