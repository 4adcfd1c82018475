//! The bridge by itself: what lies in an inbox is taken once, whole, or refused with a reason; nothing is lost or overwritten.
//!
//! The settling runs on a time of the test's own: [`Loop::beat`] first waits until every event of what the test did has
//! arrived (a marker is renamed into the inbox after it; events keep their order), then looks.

// /dev/shm is another file system that every user may write to
#[cfg(target_os = "linux")]
mod file_systems;
mod hostile;
mod mailbox;
mod moving;
mod settling;
mod signatures;
mod watching;

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use workbridge::bridge::Refusal;
use workbridge::bridge::scan::{Candidate, Look, scan};
use workbridge::bridge::settle::{Patience, Settler};
use workbridge::bridge::take::{self, MoveError, TakeError, Taken};
use workbridge::bridge::watch::Watcher;
use workbridge::config::Config;
use workbridge::root::Root;

use crate::support::{PATIENCE, Scene};

const QUIET: Duration = Duration::from_millis(300);

/// The claiming half of the daemon's loop, over the real watcher, on a time of its own.
struct Loop {
    root: Root,
    config: Config,
    watcher: Watcher,
    settler: Settler,
    now: Instant,
    markers: u64,
    taken: Vec<(OsString, Vec<u8>)>,
    refused: Vec<(OsString, Refusal)>,
    results: Vec<OsString>,
    ignored: Vec<OsString>,
}

impl Loop {
    fn over(scene: &Scene) -> Loop {
        Loop::with(scene, Config::default())
    }

    fn unwatched(scene: &Scene) -> Loop {
        let mut config = Config::default();
        config.inbox.watch = false;
        Loop::with(scene, config)
    }

    fn with(scene: &Scene, config: Config) -> Loop {
        let root = scene.root();
        let watcher = Watcher::start(&root, &config.inbox);
        let patience = Patience { quiet: QUIET, ..Patience::daemon(&config.inbox) };
        Loop {
            watcher,
            settler: Settler::new(patience),
            root,
            config,
            now: Instant::now(),
            markers: 0,
            taken: Vec::new(),
            refused: Vec::new(),
            results: Vec::new(),
            ignored: Vec::new(),
        }
    }

    fn inbox(&self) -> PathBuf {
        self.root.inbox("CLC")
    }

    /// Lets `passed` go by, hears all that happened, looks once and takes what is whole.
    fn beat(&mut self, passed: Duration) {
        self.now += passed;
        if self.config.inbox.watch {
            self.hear();
        }
        let looks = scan(&self.root, &self.config).unwrap();
        let sorted = self.settler.sort(looks, self.now);
        assert!(sorted.unavailable.is_empty(), "{:?}", sorted.unavailable);
        self.results = sorted.results.into_iter().map(|candidate| candidate.name).collect();
        self.ignored = sorted.ignored.into_iter().map(|candidate| candidate.name).collect();
        for candidate in sorted.orders {
            match take::open(&self.root, &candidate, self.config.limits.order_bytes) {
                Ok(taken) => self.claim(&candidate, taken),
                Err(TakeError::Refused(reason)) => self.refuse(&candidate, reason),
                Err(TakeError::NotSettled | TakeError::Gone) => {}
                Err(TakeError::Failed(error)) => panic!("{error}"),
            }
        }
        for (candidate, reason) in sorted.refused {
            self.refuse(&candidate, reason);
        }
    }

    fn claim(&mut self, candidate: &Candidate, taken: Taken) {
        let name = format!("{}-{}", self.taken.len(), candidate.shown());
        match take::to_processing(&self.root, candidate, &taken, name) {
            Ok(path) => {
                assert_eq!(fs::read(path).unwrap(), taken.bytes);
                self.taken.push((candidate.name.clone(), taken.bytes));
            }
            Err(MoveError::Gone | MoveError::Swapped) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn refuse(&mut self, candidate: &Candidate, reason: Refusal) {
        match take::refuse(&self.root, candidate, &reason.markdown(&candidate.shown())) {
            Ok(_) => self.refused.push((candidate.name.clone(), reason)),
            Err(MoveError::Gone | MoveError::Swapped) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn hear(&mut self) {
        self.markers += 1;
        let hidden = self.root.bridge().join("marker");
        let marker = self.inbox().join(format!(".marker-{}", self.markers));
        fs::write(&hidden, "").unwrap();
        fs::rename(&hidden, &marker).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let wake = self.watcher.wait(PATIENCE);
            assert_eq!(wake.error, None);
            if wake.rescan {
                self.settler.forget_events();
            }
            let mut heard_marker = wake.rescan;
            for event in wake.events {
                heard_marker |= Some(event.name.as_os_str()) == marker.file_name();
                self.settler.hear(&event.agent, &event.name, event.heard, self.now);
            }
            if heard_marker {
                return fs::remove_file(marker).unwrap();
            }
            assert!(Instant::now() < deadline, "the marker was never heard of");
        }
    }

    /// Looks so often and so long that whatever will ever be whole is.
    fn settle_down(&mut self) {
        for _ in 0..3 {
            self.beat(QUIET);
        }
    }

    #[track_caller]
    fn expect_taken(&self, expected: &[(&str, &str)]) {
        let taken: Vec<(String, String)> = self
            .taken
            .iter()
            .map(|(name, bytes)| (name.to_string_lossy().into_owned(), String::from_utf8_lossy(bytes).into_owned()))
            .collect();
        let expected: Vec<(String, String)> =
            expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(taken, expected);
    }
}

fn scene() -> Scene {
    Scene::new()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

fn append(file: &Path, text: &str) {
    fs::OpenOptions::new().append(true).create(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

fn make_fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn only_candidate(scene: &Scene) -> Candidate {
    let mut looks = scan(&scene.root(), &Config::default()).unwrap();
    match (looks.pop(), looks.is_empty()) {
        (Some(Look::Order(candidate)), true) => candidate,
        other => panic!("one order expected: {other:?}"),
    }
}

fn open(scene: &Scene, candidate: &Candidate) -> Result<Taken, TakeError> {
    take::open(&scene.root(), candidate, 1024)
}
