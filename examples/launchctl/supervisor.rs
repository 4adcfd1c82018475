//! Runs one service from bootstrap to bootout, as launchd does.
//!
//! What must hold here: the job gets nothing but the plist's environment and launchd's defaults, and no supervisor outlives its
//! state, its owner or its time.

use std::fs::{self, OpenOptions};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use plist::{Dictionary, Value};
use rustix::process::Signal;

use super::Answer;
use super::definition::{calendar_matches, interval, minute_now, strings, text};
use super::process::{POLL, is_alive, signal_group};
use super::state::{Request, Service, State};

const DEFAULT_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";
/// launchd could not start the program: EX_CONFIG as a raw wait status.
const NOT_STARTED: i32 = 78 << 8;

/// Runs one service from bootstrap to bootout.
pub(super) struct Supervisor {
    state: State,
    label: String,
    token: u128,
    root: Dictionary,
    child: Option<Child>,
    started: Option<Instant>,
    /// When a process that was told to end is killed.
    kill_at: Option<Instant>,
    /// A start that waits until the process before it has ended.
    start_next: bool,
    next_interval: Option<Instant>,
    last_minute: i64,
    born: Instant,
    /// Nothing was looked at yet: the run at load is due.
    first: bool,
}

impl Supervisor {
    pub(super) fn new(state: State, label: &str, token: &str) -> Option<Supervisor> {
        let _ = rustix::process::setsid();
        let token = token.parse().ok()?;
        let held = state.hold_existing()?;
        let mut service = state.read(label).filter(|service| service.token == token)?;
        service.supervisor = Some(std::process::id());
        state.write(&service)?;
        drop(held);
        let root = service.root();
        let now = Instant::now();
        Some(Supervisor {
            next_interval: interval(&root).map(|every| now + every),
            state,
            label: label.to_owned(),
            token,
            root,
            child: None,
            started: None,
            kill_at: None,
            start_next: false,
            last_minute: minute_now(),
            born: now,
            first: true,
        })
    }

    pub(super) fn work(mut self) -> Answer {
        while self.turn().is_some() {
            std::thread::sleep(POLL);
        }
        if let Some(mut child) = self.child.take() {
            signal_group(child.id(), Signal::KILL);
            let _ = child.wait();
        }
        Ok(())
    }

    /// `None` when this supervisor is to end.
    fn turn(&mut self) -> Option<()> {
        let owner = std::env::var("LAUNCHCTL_OWNER").ok().and_then(|pid| pid.parse::<u32>().ok());
        let life = std::env::var("LAUNCHCTL_LIFE_S").ok().and_then(|s| s.parse().ok()).unwrap_or(1800);
        if owner.is_some_and(|pid| !is_alive(pid)) || self.born.elapsed() > Duration::from_secs(life) {
            return None;
        }
        let _held = self.state.hold_existing()?;
        let mut service = self.state.read(&self.label).filter(|service| service.token == self.token)?;
        let before = serde_json::to_value(&service).ok()?;
        self.reap(&mut service);
        if service.leaving {
            if self.child.is_none() {
                return fs::remove_file(self.state.file(&self.label)).ok().and(None);
            }
            self.tell_to_end();
        } else {
            self.start_if_due(&mut service);
        }
        if serde_json::to_value(&service).ok()? != before {
            self.state.write(&service)?;
        }
        Some(())
    }

    fn reap(&mut self, service: &mut Service) {
        let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) else {
            if self.kill_at.is_some_and(|at| at <= Instant::now()) {
                self.child.iter().for_each(|child| signal_group(child.id(), Signal::KILL));
            }
            return;
        };
        // AbandonProcessGroup is not set: what is left of the job goes with it
        self.child.iter().for_each(|child| signal_group(child.id(), Signal::KILL));
        self.child = None;
        self.kill_at = None;
        service.pid = None;
        service.last_exit_status = Some(status.into_raw());
    }

    fn tell_to_end(&mut self) {
        if let (Some(child), None) = (&self.child, self.kill_at) {
            signal_group(child.id(), Signal::TERM);
            let seconds = self.root.get("ExitTimeOut").and_then(Value::as_unsigned_integer).unwrap_or(20);
            self.kill_at = Some(Instant::now() + Duration::from_secs(seconds));
        }
    }

    fn start_if_due(&mut self, service: &mut Service) {
        let now = Instant::now();
        if service.requests.contains(&Request::Restart) && self.child.is_some() {
            // answered once the new one runs
            self.start_next = true;
            self.tell_to_end();
            return;
        }
        let is_true = |key: &str| self.root.get(key).and_then(Value::as_boolean) == Some(true);
        let mut due = std::mem::take(&mut self.first) && is_true("RunAtLoad");
        due |= !std::mem::take(&mut service.requests).is_empty() || std::mem::take(&mut self.start_next);
        if let Some(at) = self.next_interval.filter(|at| *at <= now) {
            due = true;
            self.next_interval = interval(&self.root).map(|every| at + every);
        }
        let minute = minute_now();
        if minute != self.last_minute {
            self.last_minute = minute;
            due |= calendar_matches(&self.root);
        }
        let throttle = std::env::var("LAUNCHCTL_THROTTLE_MS").ok().and_then(|ms| ms.parse().ok());
        let throttle = Duration::from_millis(throttle.unwrap_or_else(|| {
            self.root.get("ThrottleInterval").and_then(Value::as_unsigned_integer).unwrap_or(10) * 1000
        }));
        due |= self.wants_alive(service) && self.started.is_none_or(|started| started + throttle <= now);
        if due && self.child.is_none() {
            self.start(service);
        }
    }

    /// The keys of a KeepAlive dictionary are independent: any that holds keeps it alive.
    fn wants_alive(&self, service: &Service) -> bool {
        match self.root.get("KeepAlive") {
            Some(Value::Boolean(alive)) => *alive,
            Some(Value::Dictionary(conditions)) => {
                let succeeded = service.last_exit_status.map(|raw| raw == 0);
                let crashed = service.last_exit_status.map(|raw| raw & 0x7f != 0);
                let wanted = |key: &str| conditions.get(key).and_then(Value::as_boolean);
                let holds = |wanted: Option<bool>, is: Option<bool>| {
                    wanted.is_some_and(|wanted| is.is_none_or(|is| is == wanted))
                };
                holds(wanted("SuccessfulExit"), succeeded) || holds(wanted("Crashed"), crashed)
            }
            _ => false,
        }
    }

    fn start(&mut self, service: &mut Service) {
        self.started = Some(Instant::now());
        service.runs += 1;
        match spawn(&self.root, &self.label) {
            Some(child) => {
                service.pid = Some(child.id());
                self.child = Some(child);
            }
            None => service.last_exit_status = Some(NOT_STARTED),
        }
    }
}

/// `None` for whatever keeps launchd from reaching the program.
fn spawn(root: &Dictionary, label: &str) -> Option<Child> {
    let log = |key: &str| match text(root, key) {
        None => Some(Stdio::null()),
        Some(path) => OpenOptions::new().append(true).create(true).open(path).ok().map(Stdio::from),
    };
    let arguments = strings(root, "ProgramArguments");
    let environment = match root.get("EnvironmentVariables") {
        Some(Value::Dictionary(values)) => values.clone(),
        _ => Dictionary::new(),
    };
    let path = text(&environment, "PATH").unwrap_or_else(|| DEFAULT_PATH.to_owned());
    let program = text(root, "Program").or_else(|| arguments.first().cloned())?;
    let program = match program.contains('/') {
        true => PathBuf::from(&program),
        false => path.split(':').map(|dir| Path::new(dir).join(&program)).find(|path| path.is_file())?,
    };
    let mut command = Command::new(program);
    if let Some(name) = arguments.first() {
        command.arg0(name);
    }
    command.args(arguments.iter().skip(1)).env_clear().env("PATH", DEFAULT_PATH);
    for name in ["HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ"] {
        std::env::var_os(name).iter().for_each(|value| {
            command.env(name, value);
        });
    }
    for (key, value) in &environment {
        value.as_string().iter().for_each(|value| {
            command.env(key, value);
        });
    }
    command
        .env("XPC_SERVICE_NAME", label)
        .current_dir(text(root, "WorkingDirectory").unwrap_or_else(|| "/".to_owned()))
        .stdin(Stdio::null())
        .stdout(log("StandardOutPath")?)
        .stderr(log("StandardErrorPath")?)
        .process_group(0)
        .spawn()
        .ok()
}
