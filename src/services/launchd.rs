//! launchd, driven by `launchctl` (launchctl(1), launchd.plist(5)), in the domain `gui/<uid>`.
//!
//! Facts this is built on: `launchctl print` is documented as no interface, so nothing here reads it. `launchctl list LABEL`
//! gives `LastExitStatus`, a raw wait status, and `PID` while it runs. launchd reports neither next fire times nor who
//! started a run: next runs are computed from the calendar of the installed plist, only while launchd has the service
//! loaded; runs come from the ledger that `wo` itself writes (see [`crate::schedule::ledger`]).
//!
//! What must hold: a service is booted out before its plist is replaced and bootstrapped after, so that while one is
//! loaded, the file is what launchd has loaded, also after a crash in between.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::explain::decode_wait_status;
use super::{ManagerKind, ServiceDefinition, ServiceError, ServiceManager, ServiceStatus, plist};
use crate::clock::Clock;
use crate::durable;
use crate::evidence::ServiceRun;
use crate::process::{self, End, Output, Spec};
use crate::root::Root;
use crate::schedule::calendar::{self, Entry};
use crate::schedule::store::Store;
use crate::schedule::{ScheduleError, child};

/// `launchctl` answers at once, unless launchd is in trouble.
const DEADLINE: Duration = Duration::from_secs(60);
/// A service that is booted out gets `ExitTimeOut` (20 s by default) to end.
const BOOT_OUT_DEADLINE: Duration = Duration::from_secs(45);
/// `launchctl` for "could not find the specified service".
const NOT_FOUND: i32 = 113;
/// ESRCH: there is nothing to boot out.
const NO_SUCH_PROCESS: i32 = 3;
/// EINPROGRESS: it is being booted out.
const IN_PROGRESS: i32 = 36;
/// EIO, EEXIST and EALREADY: bootstrapping right after a boot-out may fail so, and pass a moment later.
const TRY_AGAIN: [i32; 3] = [5, 17, 37];
const BOOTSTRAP_TRIES: u32 = 4;
/// Runs that are told.
const RUNS: usize = 100;

/// What `launchctl` may need of our environment.
const ENVIRONMENT: [&str; 5] = ["HOME", "USER", "LOGNAME", "TMPDIR", "LAUNCHCTL_STATE"];

pub struct Launchd {
    root: Root,
    launchctl: PathBuf,
    /// Where installed plists lie.
    agents: PathBuf,
    clock: Arc<dyn Clock>,
}

/// What `launchctl list LABEL` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Listed {
    pid: Option<u32>,
    /// Raw wait status.
    last_exit_status: Option<i32>,
}

impl Launchd {
    pub fn new(root: &Root, launchctl: PathBuf, agents: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Launchd { root: root.clone(), launchctl, agents, clock }
    }

    /// Where the plist of `label` is installed.
    pub fn plist(&self, label: &str) -> PathBuf {
        self.agents.join(format!("{label}.plist"))
    }

    fn domain(&self) -> String {
        format!("gui/{}", rustix::process::getuid().as_raw())
    }

    fn service(&self, label: &str) -> String {
        format!("{}/{label}", self.domain())
    }

    fn launchctl(&self, args: &[&str]) -> Result<Output, ServiceError> {
        let mut spec = Spec::new(&self.launchctl).args(args).deadline(DEADLINE);
        for name in ENVIRONMENT {
            if let Some(value) = std::env::var_os(name) {
                spec = spec.env(name, value);
            }
        }
        let output = process::run(&spec).map_err(|error| ServiceError::NoManager(format!("launchd: {error}")))?;
        match output.end {
            End::DeadlinePassed => {
                let why =
                    format!("launchd: `launchctl {}` did not answer within {} s", args.join(" "), DEADLINE.as_secs());
                Err(ServiceError::NoManager(why))
            }
            _ => Ok(output),
        }
    }

    /// `None` when it is not loaded.
    fn list(&self, label: &str) -> Result<Option<Listed>, ServiceError> {
        let label = checked(label, "look at")?;
        let output = self.launchctl(&["list", label])?;
        match output.end {
            End::Exit(0) => Ok(Some(parse_list(&output.stdout_text()))),
            // older releases answer 1, with the same words
            End::Exit(NOT_FOUND | 1) => Ok(None),
            end => Err(failed("look at", label, &said(&output, end))),
        }
    }

    /// Whether it was loaded.
    fn boot_out(&self, op: &'static str, label: &str) -> Result<bool, ServiceError> {
        let began = Instant::now();
        let mut was_loaded = false;
        while self.list(label)?.is_some() {
            was_loaded = true;
            let output = self.launchctl(&["bootout", &self.service(label)])?;
            match output.end {
                End::Exit(0 | NO_SUCH_PROCESS | IN_PROGRESS | NOT_FOUND) => {}
                end => return Err(failed(op, label, &said(&output, end))),
            }
            if began.elapsed() > BOOT_OUT_DEADLINE {
                return Err(failed(op, label, "launchd has not let go of it"));
            }
            if self.list(label)?.is_some() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Ok(was_loaded)
    }

    fn bootstrap(&self, label: &str) -> Result<(), ServiceError> {
        const OP: &str = "install";
        let path = self.plist(label).display().to_string();
        let mut tries = 1;
        loop {
            let output = self.launchctl(&["bootstrap", &self.domain(), &path])?;
            match output.end {
                End::Exit(0) => return Ok(()),
                End::Exit(code) if TRY_AGAIN.contains(&code) && tries < BOOTSTRAP_TRIES => {
                    // somebody else may have been faster
                    self.boot_out(OP, label)?;
                    std::thread::sleep(Duration::from_millis(100 * u64::from(tries)));
                    tries += 1;
                }
                // no session of this user: nothing could run it
                End::Exit(125) => {
                    return Err(ServiceError::NoManager(format!("launchd: {}", said(&output, output.end))));
                }
                end => return Err(failed(OP, label, &said(&output, end))),
            }
        }
    }

    fn store(&self, op: &'static str, label: &str) -> Result<Store, ServiceError> {
        Store::open(&self.root).map_err(|error| failed(op, label, &error.to_string()))
    }
}

fn failed(op: &'static str, label: &str, why: &str) -> ServiceError {
    ServiceError::Failed { op, label: label.to_owned(), why: why.to_owned() }
}

fn ledger<'a>(op: &'static str, label: &'a str) -> impl Fn(ScheduleError) -> ServiceError + use<'a> {
    move |error| failed(op, label, &error.to_string())
}

/// A label that is safe as an argument and as a file name.
fn checked<'a>(label: &'a str, op: &'static str) -> Result<&'a str, ServiceError> {
    match child::is_label(label) {
        true => Ok(label),
        false => {
            let shown = crate::text::line(label, 120);
            Err(failed(op, &shown, "a label has letters, digits, `.`, `_` and `-` only"))
        }
    }
}

fn said(output: &Output, end: End) -> String {
    let text = [output.stderr_text(), output.stdout_text()].join(" ");
    format!("launchctl: {} ({end})", crate::text::line(&text, 300))
}

/// Reads the old-style property list that `launchctl list LABEL` prints: `"PID" = 4711;`, one a line, of the outermost
/// dictionary.
fn parse_list(text: &str) -> Listed {
    let mut listed = Listed::default();
    let mut depth = 0;
    for line in text.lines().map(str::trim) {
        if depth == 1
            && let Some((key, value)) = line.trim_end_matches(';').split_once('=')
        {
            let value = value.trim().parse::<i64>().ok();
            match key.trim().trim_matches('"') {
                "PID" => listed.pid = value.and_then(|value| u32::try_from(value).ok()),
                "LastExitStatus" => listed.last_exit_status = value.and_then(|value| i32::try_from(value).ok()),
                _ => {}
            }
        }
        if line.ends_with('{') || line.ends_with('(') {
            depth += 1;
        } else if line.starts_with('}') || line.starts_with(')') {
            depth -= 1;
        }
    }
    listed
}

impl ServiceManager for Launchd {
    fn kind(&self) -> ManagerKind {
        ManagerKind::Launchd
    }

    fn files(&self, definition: &ServiceDefinition) -> Vec<PathBuf> {
        vec![self.plist(&definition.label)]
    }

    fn is_installed(&self, definition: &ServiceDefinition) -> Result<bool, ServiceError> {
        let label = &definition.label;
        let same = self.installed(label)?.is_some_and(|bytes| bytes == plist::render(definition));
        Ok(same && self.list(label)?.is_some())
    }

    fn installed(&self, label: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        match std::fs::read(self.plist(label)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read the plist of", label, &error.to_string())),
        }
    }

    fn install(&self, definition: &ServiceDefinition) -> Result<(), ServiceError> {
        const OP: &str = "install";
        let label = checked(&definition.label, OP)?;
        if self.is_installed(definition)? {
            return Ok(());
        }
        self.boot_out(OP, label)?;
        durable::write(&self.plist(label), &plist::render(definition), 0o644)
            .map_err(|error| failed(OP, label, &error.to_string()))?;
        // before it, so that no run at load is older than the load
        let store = self.store(OP, label)?;
        store.set_load(label, ManagerKind::Launchd, self.clock.now()).map_err(ledger(OP, label))?;
        // a label that was once disabled is refused until it is enabled; releases differ in what they answer
        let _ = self.launchctl(&["enable", &self.service(label)])?;
        self.bootstrap(label)?;
        match self.list(label)? {
            Some(_) => Ok(()),
            None => Err(failed(OP, label, "launchd took it and does not list it")),
        }
    }

    fn uninstall(&self, label: &str) -> Result<bool, ServiceError> {
        self.boot_out("boot out", label)
    }

    fn load(&self, label: &str) -> Result<(), ServiceError> {
        let label = checked(label, "load")?;
        match self.list(label)? {
            Some(_) => Ok(()),
            None => self.bootstrap(label),
        }
    }

    fn status(&self, label: &str) -> Result<ServiceStatus, ServiceError> {
        let Some(listed) = self.list(label)? else {
            return Ok(ServiceStatus {
                loaded: false,
                pid: None,
                last_exit: None,
                detail: "launchd: not loaded".to_owned(),
            });
        };
        let last_exit = listed.last_exit_status.map(decode_wait_status);
        let mut detail = format!("launchd: loaded in {}", self.domain());
        if let Some(pid) = listed.pid {
            detail.push_str(&format!(", pid {pid}"));
        }
        match last_exit {
            Some(exit) if exit < 0 => detail.push_str(&format!(", last ended by signal {}", exit.unsigned_abs())),
            Some(exit) => detail.push_str(&format!(", last exit status {exit}")),
            None => {}
        }
        Ok(ServiceStatus { loaded: true, pid: listed.pid, last_exit, detail })
    }

    /// Computed from the calendar of the installed plist, in the local zone that launchd uses; launchd tells no fire times.
    /// A `StartInterval` counts from when it was loaded by us.
    fn next_runs(&self, label: &str, now: Timestamp, n: usize) -> Result<Vec<Timestamp>, ServiceError> {
        const OP: &str = "read the schedule of";
        if self.list(label)?.is_none() {
            return Ok(Vec::new());
        }
        let Some(bytes) = self.installed(label)? else {
            return Err(failed(
                OP,
                label,
                &format!("launchd has it loaded, but not from `{}`", self.plist(label).display()),
            ));
        };
        let root = plist::parse(&bytes).map_err(|why| failed(OP, label, &why))?;
        let entries = plist::calendar(&root).map_err(|why| failed(OP, label, &why))?;
        if let Some(every_s) = root.get("StartInterval").and_then(::plist::Value::as_unsigned_integer) {
            let loaded = self.store(OP, label)?.load(label, ManagerKind::Launchd).map_err(ledger(OP, label))?;
            let start = super::Start::Interval { every_s };
            return Ok(calendar::upcoming(&start, loaded.unwrap_or(now), now, &calendar::local_zone(), n));
        }
        Ok(upcoming(&entries, now, n))
    }

    fn runs(&self, label: &str) -> Result<Vec<ServiceRun>, ServiceError> {
        const OP: &str = "read the runs of";
        let pid = self.list(label)?.and_then(|listed| listed.pid);
        let store = self.store(OP, label)?;
        let runs = || store.runs(label, ManagerKind::Launchd, RUNS).map_err(ledger(OP, label));
        // `wo` writes its own end; one that was killed could not
        let gone = |pid_of_run: Option<u32>| pid_of_run.is_some() && pid_of_run != pid;
        for run in runs()?.iter().filter(|run| run.ended.is_none() && gone(run.pid)) {
            let note = "launchd runs it no more, and it did not record its end";
            store.end(run.id, self.clock.now(), None, Some(note)).map_err(ledger(OP, label))?;
        }
        Ok(runs()?.into_iter().map(ServiceRun::from).collect())
    }

    /// A run that goes on is ended and begun anew (`kickstart -k`).
    fn kick(&self, label: &str) -> Result<(), ServiceError> {
        const OP: &str = "kick";
        let label = checked(label, OP)?;
        let store = self.store(OP, label)?;
        // the mark comes first: the run must find it whatever happens to us
        let mark = store.kick(label, ManagerKind::Launchd, self.clock.now()).map_err(ledger(OP, label))?;
        let output = self.launchctl(&["kickstart", "-k", &self.service(label)])?;
        if !output.success() {
            store.forget_kick(mark).map_err(ledger(OP, label))?;
            return Err(failed(OP, label, &said(&output, output.end)));
        }
        let pid = self.list(label)?.and_then(|listed| listed.pid);
        store.kicked(mark, self.clock.now(), pid).map_err(ledger(OP, label))
    }
}

fn upcoming(entries: &[Entry], now: Timestamp, n: usize) -> Vec<Timestamp> {
    let zone = calendar::local_zone();
    std::iter::successors(calendar::next_of(entries, now, &zone), |last| calendar::next_of(entries, *last, &zone))
        .take(n)
        .collect()
}

/// The `launchctl` of this machine: the configured one, else the first on the PATH.
pub fn find(configured: Option<PathBuf>) -> Option<PathBuf> {
    configured.or_else(|| {
        let path = std::env::var("PATH").unwrap_or_else(|_| process::DEFAULT_PATH.to_owned());
        process::find_on_path("launchctl", &path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_list_prints() {
        let text = "{\n\t\"LimitLoadToSessionType\" = \"Aqua\";\n\t\"Label\" = \"com.02luka.x\";\n\t\"OnDemand\" = true;\n\
                    \t\"LastExitStatus\" = 19968;\n\t\"PID\" = 4711;\n\t\"Program\" = \"/bin/sh\";\n\
                    \t\"ProgramArguments\" = (\n\t\t\"PID = 1;\";\n\t\t\"LastExitStatus\" = 1;\n\t);\n\
                    \t\"MachServices\" = {\n\t\t\"PID\" = 9;\n\t};\n};\n";
        assert_eq!(parse_list(text), Listed { pid: Some(4711), last_exit_status: Some(19968) });
        assert_eq!(parse_list("{\n\t\"LastExitStatus\" = 9;\n};\n"), Listed { pid: None, last_exit_status: Some(9) });
        for odd in ["", "}{", "{\n\"PID\" = x;\n\"LastExitStatus\" = 99999999999;\n}", "{\n= ;\n\"PID\"\n"] {
            assert_eq!(parse_list(odd), Listed::default(), "{odd}");
        }
    }
}
