//! A `wo` that runs or ran: what it printed and how it ended. Nothing outlives its test.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::PATIENCE;

/// A `wo` that ended.
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
    shown: String,
}

impl Ran {
    #[track_caller]
    pub fn expect_exit(self, code: i32) -> Ran {
        assert_eq!(self.status.code(), Some(code), "exit code of {self}");
        self
    }

    /// That a failpoint killed it.
    #[track_caller]
    pub fn expect_killed(self) -> Ran {
        assert_eq!(self.status.signal(), Some(9), "signal that ended {self}");
        self
    }

    #[track_caller]
    pub fn expect_stdout(self, part: &str) -> Ran {
        assert!(self.stdout.contains(part), "`{part}` expected in stdout of {self}");
        self
    }

    #[track_caller]
    pub fn expect_no_stdout(self, part: &str) -> Ran {
        assert!(!self.stdout.contains(part), "`{part}` not expected in stdout of {self}");
        self
    }

    #[track_caller]
    pub fn expect_stderr(self, part: &str) -> Ran {
        assert!(self.stderr.contains(part), "`{part}` expected in stderr of {self}");
        self
    }

    #[track_caller]
    pub fn expect_silent_stderr(self) -> Ran {
        assert_eq!(self.stderr, "", "nothing expected in stderr of {self}");
        self
    }

    /// Stdout as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("JSON expected ({error}) from {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ran { status, stdout, stderr, shown } = self;
        write!(f, "{shown}: {status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---")
    }
}

/// Runs a command to its end in a process group of its own.
#[track_caller]
pub fn run(mut command: Command, stdin: &[u8]) -> Ran {
    let shown = format!("{command:?}");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|error| panic!("failed to start {shown}: {error}"));
    let input = child.stdin.take();
    let bytes = stdin.to_vec();
    let writer = std::thread::spawn(move || {
        if let Some(mut input) = input {
            // a program that does not read its input is no error of the test
            let _ = input.write_all(&bytes);
        }
    });
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let group = child.id();
    let status = match end_within(&mut child, PATIENCE) {
        Some(status) => status,
        None => {
            kill_group(group);
            child.wait().expect("the killed program")
        }
    };
    let hung = status.signal() == Some(9) && !shown.contains("WO_FAILPOINT");
    // a grandchild must not hold the pipes open
    kill_group(group);
    writer.join().expect("stdin");
    let text =
        |pipe: std::thread::JoinHandle<Vec<u8>>| String::from_utf8_lossy(&pipe.join().expect("a pipe")).into_owned();
    let ran = Ran { status, stdout: text(stdout), stderr: text(stderr), shown };
    assert!(!hung, "it did not end within {PATIENCE:?}, or was killed without a failpoint: {ran}");
    ran
}

/// A `wo` in the background; its process group is killed when this is dropped.
#[must_use = "it is killed when it is dropped"]
pub struct Daemon {
    child: Child,
    log: tempfile::NamedTempFile,
    shown: String,
    ended: Option<ExitStatus>,
}

/// Tests under `nohup` would hand on that SIGHUP is ignored. What a process heeds itself is as usual for those that it starts.
fn heed_hangups() {
    static HEEDED: std::sync::Once = std::sync::Once::new();
    HEEDED.call_once(|| {
        signal_hook::flag::register(signal_hook::consts::SIGHUP, Default::default()).expect("SIGHUP");
    });
}

impl Daemon {
    /// Starts it, with its log in `dir`.
    #[track_caller]
    pub(super) fn start(mut command: Command, dir: &Path) -> Daemon {
        heed_hangups();
        let log = tempfile::NamedTempFile::new_in(dir).expect("a log");
        let out = log.reopen().expect("the log again");
        let shown = format!("{command:?}");
        command.stdout(out.try_clone().expect("the log twice")).stderr(out).process_group(0);
        Daemon { child: command.spawn().expect("wo"), log, shown, ended: None }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far, stdout and stderr together.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap_or_default()
    }

    /// Where that is written.
    pub fn log_path(&self) -> PathBuf {
        self.log.path().to_owned()
    }

    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("the daemon's state");
        }
        self.ended
    }

    /// Waits for a condition; fails at once when the daemon ends before it holds.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, mut condition: impl FnMut() -> bool) {
        let ended = {
            let deadline = Instant::now() + PATIENCE;
            loop {
                // looked at before the condition, so that an end right after it came true is no failure
                let ended = self.has_ended();
                if condition() {
                    return;
                }
                if ended.is_some() || Instant::now() > deadline {
                    break ended;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        let state = ended.map_or("still runs".to_owned(), |status| format!("ended: {status}"));
        panic!("waited for: {what}; {} {state}\n--- log\n{}\n---", self.shown, self.log());
    }

    /// Sends a signal to the daemon alone.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("a signal");
    }

    /// SIGTERM, and how it ended.
    #[track_caller]
    pub fn stop(mut self) -> Ended {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }

    /// SIGKILL to the group, as a crash would have it.
    #[track_caller]
    pub fn kill(mut self) -> Ended {
        kill_group(self.pid());
        self.wait()
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait_end(mut self) -> Ended {
        self.wait()
    }

    #[track_caller]
    fn wait(&mut self) -> Ended {
        let status = match self.ended.or_else(|| end_within(&mut self.child, PATIENCE)) {
            Some(status) => status,
            None => panic!("{} did not end\n--- log\n{}\n---", self.shown, self.log()),
        };
        self.ended = Some(status);
        Ended { status, log: self.log() }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.has_ended().is_none() {
            kill_group(self.child.id());
            let _ = self.child.wait();
        }
    }
}

/// A daemon that ended.
pub struct Ended {
    pub status: ExitStatus,
    pub log: String,
}

impl Ended {
    #[track_caller]
    pub fn expect_exit(self, code: i32) -> Ended {
        assert_eq!(self.status.code(), Some(code), "{}; log:\n{}", self.status, self.log);
        self
    }
}

fn end_within(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().expect("the child's state") {
            return Some(status);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

fn kill_group(leader: u32) {
    let Some(group) = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw) else { return };
    // the group may be gone
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
}

fn collect(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
