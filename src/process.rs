//! The one way a program is started: argv only, its own process group, a clean environment, a deadline, bounded output.
//! Jobs of the schedule, which outlive a call, are started by `schedule::child`.
//!
//! Nothing here ever goes through a shell. On the deadline, or when `cancel` says so, the whole process group is killed.
//! One that must not outlive this process unseen says where it is written down ([`at_work`]).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use at_work::AtWork;
pub use output::CUT;
use output::{Collected, Kept, collect};
use tree::kill_group_and_children;

pub mod at_work;
mod lacks;
pub mod last_words;
pub mod life_lock;
mod output;
mod tree;

/// What to run. `program` must be absolute; the environment holds `PATH` and what `env` adds, nothing inherited.
#[derive(Debug, Clone)]
pub struct Spec {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub dir: Option<PathBuf>,
    pub env: BTreeMap<OsString, OsString>,
    pub stdin: Option<Vec<u8>>,
    pub deadline: Duration,
    /// Bytes kept of each of stdout and stderr; the rest is read and dropped.
    pub max_output: usize,
    /// Of more output than that, its beginning and its end are kept, half each and in whole lines, with [`CUT`] between them;
    /// else its beginning.
    pub keep_end: bool,
    /// Once it is set the program is killed.
    pub cancel: Option<Arc<AtomicBool>>,
    /// The lock that tells, beyond the end of this process too, that it lives.
    pub at_work: Option<PathBuf>,
}

impl Spec {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Spec {
            program: program.into(),
            args: Vec::new(),
            dir: None,
            env: BTreeMap::new(),
            stdin: None,
            deadline: Duration::from_secs(60),
            max_output: 256 * 1024,
            keep_end: false,
            cancel: None,
            at_work: None,
        }
    }

    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    pub fn env(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.insert(key.into(), value.into());
        self
    }

    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Output {
    pub end: End,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Whether it said more on that than is kept.
    pub stdout_is_cut: bool,
    pub stderr_is_cut: bool,
    /// Wall-clock length, measured on the monotonic clock.
    pub elapsed: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Signal(i32),
    /// Killed with its process group at the deadline.
    DeadlinePassed,
    /// Killed with its process group, since that was asked for.
    Cancelled,
}

impl Output {
    pub fn success(&self) -> bool {
        self.end == End::Exit(0)
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Exit(code) => write!(f, "exit status {code}"),
            End::Signal(signal) => write!(f, "killed by signal {signal}"),
            End::DeadlinePassed => write!(f, "killed at its deadline"),
            End::Cancelled => write!(f, "killed, since the order was cancelled"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("refused to run `{}`: the path of a program must be absolute", .0.display())]
    NotAbsolute(PathBuf),
    #[error("failed to start `{}`: {source}", program.display())]
    Start { program: PathBuf, source: io::Error },
    /// Its end is not known, so neither is what it did.
    #[error("failed to wait for `{}`: {source}", program.display())]
    Wait { program: PathBuf, source: io::Error },
}

impl ProcessError {
    /// Why it was not started; `None` once it was.
    pub fn not_started(&self) -> Option<&io::Error> {
        match self {
            ProcessError::Start { source, .. } => Some(source),
            ProcessError::NotAbsolute(_) | ProcessError::Wait { .. } => None,
        }
    }
}

pub const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// Runs `spec` to its end or its deadline.
pub fn run(spec: &Spec) -> Result<Output, ProcessError> {
    start(spec)?.finish(spec.stdin.clone().unwrap_or_default(), spec.deadline)
}

/// A program that was started and waits for the rest of its input. Dropping it kills it with its process group.
pub struct Running {
    program: PathBuf,
    started: Instant,
    /// `None` once it was handed to the thread that waits.
    child: Option<Child>,
    waits: mpsc::Sender<Child>,
    ended: mpsc::Receiver<io::Result<ExitStatus>>,
    feeds: Option<mpsc::Sender<(ChildStdin, Vec<u8>)>>,
    live: Live,
    stdout: Collected,
    stderr: Collected,
    cancel: Option<Arc<AtomicBool>>,
    /// After the others: its end is told when nothing more is done about it.
    _at_work: Option<AtWork>,
}

/// Starts `spec` and hands it nothing yet; its `stdin` and `deadline` are for [`Running::finish`].
///
/// Once it was started nothing can be wanting any more to see it through to its end: the threads for that are there before it.
pub fn start(spec: &Spec) -> Result<Running, ProcessError> {
    if !spec.program.is_absolute() {
        return Err(ProcessError::NotAbsolute(spec.program.clone()));
    }
    let started = Instant::now();
    let failed = |source| ProcessError::Start { program: spec.program.clone(), source };
    let input = || spec.stdin.as_deref().unwrap_or_default();
    let at_work = spec.at_work.as_ref().map(|path| AtWork::begin(path, input())).transpose().map_err(failed)?;
    let stdin = match (&at_work, &spec.stdin) {
        (Some(at_work), _) => at_work.stdin().map_err(failed)?,
        (None, Some(_)) => Stdio::piped(),
        (None, None) => Stdio::null(),
    };
    let mut command = Command::new(&spec.program);
    command
        .args(&spec.args)
        .env_clear()
        .env("PATH", DEFAULT_PATH)
        .envs(&spec.env)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(dir) = &spec.dir {
        command.current_dir(dir);
    }
    let kept = || Kept::new(spec.max_output, spec.keep_end);
    let (give_stdout, stdout) = collect(kept()).map_err(failed)?;
    let (give_stderr, stderr) = collect(kept()).map_err(failed)?;
    let feed = |(mut stdin, input): (ChildStdin, Vec<u8>)| {
        // a program that does not read its input is not an error of ours
        let _ = io::Write::write_all(&mut stdin, &input);
    };
    let piped = spec.stdin.as_ref().filter(|_| at_work.is_none());
    let feeds = piped.map(|_| thread_for(feed)).transpose().map_err(failed)?;
    let (say, ended) = mpsc::channel();
    let waits = thread_for(move |mut child: Child| {
        let _ = say.send(child.wait());
    })
    .map_err(failed)?;
    if ENDING.load(Ordering::SeqCst) {
        return Err(failed(io::Error::other("this process is about to end")));
    }
    let mut child = command.spawn().map_err(|error| failed(lacks::named(&spec.program, spec.dir.as_deref(), error)))?;
    let group = rustix::process::Pid::from_raw(child.id() as i32);
    let live = Live::enter(group);
    if let Some(at_work) = &at_work {
        at_work.started(group);
    }
    if ENDING.load(Ordering::SeqCst) {
        // too late to be seen by `kill_all`
        live.kill();
    }
    // the threads are there, and wait for nothing else
    let _ = child.stdout.take().map(|pipe| give_stdout.send(Box::new(pipe)));
    let _ = child.stderr.take().map(|pipe| give_stderr.send(Box::new(pipe)));
    Ok(Running {
        program: spec.program.clone(),
        started,
        child: Some(child),
        waits,
        ended,
        feeds,
        live,
        stdout,
        stderr,
        cancel: spec.cancel.clone(),
        _at_work: at_work,
    })
}

impl Running {
    /// Hands it the beginning of its input, which must be small: less than a pipe takes.
    pub fn hand(&mut self, input: &[u8]) {
        if let Some(stdin) = self.child.as_mut().and_then(|child| child.stdin.as_mut()) {
            // a program that does not read its input is not an error of ours
            let _ = io::Write::write_all(stdin, input);
        }
    }

    /// Hands it `input` and waits for its end, at most for `deadline` from now.
    pub fn finish(mut self, input: Vec<u8>, deadline: Duration) -> Result<Output, ProcessError> {
        let asked = Instant::now();
        if let Some(mut child) = self.child.take() {
            if let (Some(stdin), Some(feeds)) = (child.stdin.take(), self.feeds.take()) {
                let _ = feeds.send((stdin, input));
            }
            let _ = self.waits.send(child);
        }
        let end = match self.wait(deadline) {
            Ok(Ok(status)) => end_of(status),
            Ok(Err(source)) => {
                // the last that can be done: whatever it still does is over now
                self.live.kill();
                return Err(ProcessError::Wait { program: self.program.clone(), source });
            }
            Err(end) => {
                self.live.0.into_iter().for_each(kill_group_and_children);
                end
            }
        };
        // a grandchild that stayed in the group must not outlive the step, nor hold the pipes open
        self.live.kill();
        // one that left the group may hold them open as long as it likes: what was said until then is what there is
        let left = deadline.saturating_sub(asked.elapsed());
        let elapsed = self.started.elapsed();
        let grace = match end {
            End::DeadlinePassed | End::Cancelled => GRACE_KILLED,
            _ => GRACE_MAX.min(left).max(GRACE_MIN),
        };
        let grace = Instant::now() + grace;
        let (stdout, stdout_is_cut) = self.stdout.until(grace);
        let (stderr, stderr_is_cut) = self.stderr.until(grace);
        Ok(Output { end, stdout, stderr, stdout_is_cut, stderr_is_cut, elapsed })
    }
}

impl Running {
    /// Its exit status; or why it is to be killed.
    fn wait(&self, deadline: Duration) -> Result<io::Result<ExitStatus>, End> {
        let until = Instant::now() + deadline;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let cancel = self.cancel.as_ref();
            if cancel.is_some_and(|cancel| cancel.load(Ordering::SeqCst)) {
                return Err(End::Cancelled);
            }
            match self.ended.recv_timeout(cancel.map_or(left, |_| left.min(LOOK_EVERY))) {
                Ok(status) => return Ok(status),
                Err(_) if until <= Instant::now() => return Err(End::DeadlinePassed),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(End::DeadlinePassed),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// How often it is looked whether a program is to be killed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the pipes of a program that ended are waited for, within its deadline and a little beyond.
const GRACE_MAX: Duration = Duration::from_secs(2);
const GRACE_MIN: Duration = Duration::from_millis(200);
/// After its deadline a program has said what it had to say.
const GRACE_KILLED: Duration = Duration::from_millis(20);

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            self.live.kill();
            let _ = child.wait();
        }
    }
}

/// Kills every process group that was started here and that still runs: at the end of a process whose steps did not come
/// back in time. From then on none is started.
pub fn kill_all() {
    ENDING.store(true, Ordering::SeqCst);
    for group in LIVE.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        let _ = rustix::process::kill_process_group(*group, rustix::process::Signal::KILL);
    }
}

static ENDING: AtomicBool = AtomicBool::new(false);

static LIVE: Mutex<Vec<rustix::process::Pid>> = Mutex::new(Vec::new());

/// A process group for as long as it is waited for.
struct Live(Option<rustix::process::Pid>);

impl Live {
    fn enter(group: Option<rustix::process::Pid>) -> Live {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).extend(group);
        Live(group)
    }

    fn kill(&self) {
        if let Some(group) = self.0 {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        LIVE.lock().unwrap_or_else(PoisonError::into_inner).retain(|group| Some(*group) != self.0);
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::Signal(0),
    }
}

/// A thread that does `work` once it is handed what it is for, and ends when that can't come any more.
fn thread_for<T: Send + 'static>(work: impl FnOnce(T) + Send + 'static) -> io::Result<mpsc::Sender<T>> {
    let (give, given) = mpsc::channel();
    let wait = move || given.recv().map_or((), work);
    std::thread::Builder::new().name("program".to_owned()).spawn(wait).map(|_| give)
}

/// Whether the process was stopped and is not at work, as far as the system tells it.
pub fn is_suspended(pid: u32) -> bool {
    tree::is_suspended(pid)
}

/// Finds `name` on `path` (colon-separated), as a service manager would with that PATH.
pub fn find_on_path(name: &str, path: &str) -> Option<PathBuf> {
    path.split(':').filter(|dir| !dir.is_empty()).map(|dir| Path::new(dir).join(name)).find(|candidate| {
        use std::os::unix::fs::PermissionsExt as _;
        candidate.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_leaves_the_group_neither_holds_the_output_up_nor_takes_it_away() {
        // job control gives it a group of its own, in which it holds both pipes open for longer than anyone waits
        let text = "set -m; echo said; sleep 30 & exit 0";
        let spec = Spec::new("/bin/bash").args(["-c", text]).deadline(Duration::from_secs(20));
        let started = Instant::now();
        let output = run(&spec).unwrap();
        assert_eq!((output.end, output.stdout_text().as_str()), (End::Exit(0), "said\n"));
        assert!(output.elapsed < Duration::from_secs(20) && started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn children_in_groups_of_their_own_end_with_the_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let text = "set -m; sleep 300 & echo $! > child; (sleep 300 & echo $! > grandchild; wait) & wait";
        let spec = Spec::new("/bin/bash").args(["-c", text]).dir(dir.path()).deadline(Duration::from_secs(6));
        assert_eq!(run(&spec).unwrap().end, End::DeadlinePassed);
        for name in ["child", "grandchild"] {
            let pid = std::fs::read_to_string(dir.path().join(name)).unwrap();
            let stat = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            // killed, perhaps not collected yet by whoever inherited it
            let is_gone = || stat().rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']));
            while !is_gone() {
                std::thread::yield_now();
            }
        }
    }
}
