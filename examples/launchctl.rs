//! A stand-in for macOS's `launchctl` and launchd, for tests on machines that have neither.
//!
//! It keeps real state in the directory `$LAUNCHCTL_STATE`: one JSON file a bootstrapped service, with the property list as
//! it was read, the process, the raw wait status of the last run. Each service has a supervisor process that starts its job
//! as launchd does (RunAtLoad, KeepAlive, StartInterval, StartCalendarInterval, kickstart), with nothing but the plist's
//! environment and launchd's default PATH. What launchd refuses is refused; what could not start ends with 78 << 8.
//! Messages and exit statuses are those that launchctl(1) prints.
//!
//! A supervisor ends on bootout, when its state is gone, when the process `$LAUNCHCTL_OWNER` is gone, or after
//! `$LAUNCHCTL_LIFE_S` (1800 s): no test leaves one behind. `$LAUNCHCTL_THROTTLE_MS` replaces the 10 s between starts of a
//! kept-alive job. The verb `tick LABEL`, which the real one lacks, does what launchd does when the calendar matches.
//!
//! It shares no code with Workbridge, which is tested against it.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::fs::{self, File, OpenOptions};
use std::io::Cursor;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use plist::{Dictionary, Value};
use rustix::fs::FlockOperation;
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

const DEFAULT_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";
/// launchd could not start the program: EX_CONFIG as a raw wait status.
const NOT_STARTED: i32 = 78 << 8;
const POLL: Duration = Duration::from_millis(15);
const PATIENCE: Duration = Duration::from_secs(120);

/// A bootstrapped service.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Service {
    label: String,
    path: PathBuf,
    /// Tells this bootstrap from an earlier one of the same label.
    token: u128,
    /// The property list as it was when it was bootstrapped, as XML.
    plist: String,
    supervisor: Option<u32>,
    pid: Option<u32>,
    last_exit_status: Option<i32>,
    runs: u64,
    requests: Vec<Request>,
    leaving: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Request {
    Start,
    /// Ends the running process first.
    Restart,
}

/// An exit status and what goes to standard error with it.
struct Refusal(u8, String);

type Answer = Result<(), Refusal>;

fn refuse(code: u8, text: impl Into<String>) -> Refusal {
    Refusal(code, text.into())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let Some(dir) = std::env::var_os("LAUNCHCTL_STATE").map(PathBuf::from) else {
        eprintln!("launchctl (stand-in): LAUNCHCTL_STATE names no directory");
        return ExitCode::from(64);
    };
    let state = State { dir };
    match state.answer(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refusal(code, text)) => {
            eprintln!("{text}");
            ExitCode::from(code)
        }
    }
}

#[derive(Clone)]
struct State {
    dir: PathBuf,
}

/// Held while the state is read and changed.
struct Held(#[allow(dead_code, reason = "the lock goes with it")] File);

impl State {
    fn answer(&self, args: &[&str]) -> Answer {
        match args {
            ["bootstrap", domain, paths @ ..] if !paths.is_empty() => {
                check_domain(domain, "Bootstrap")?;
                paths.iter().try_for_each(|path| self.bootstrap(Path::new(path), "Bootstrap"))
            }
            ["bootout", target] => self.bootout_service(target),
            ["bootout", domain, paths @ ..] => {
                check_domain(domain, "Boot-out")?;
                paths.iter().try_for_each(|path| self.bootout(&label_of(Path::new(path))?, "Boot-out"))
            }
            ["kickstart", options @ .., target] => self.kickstart(options, target),
            ["list"] => self.list(),
            ["list", label] => self.list_one(label),
            ["print", target] => self.print(target),
            ["enable" | "disable", target] => self.enable(args.first() == Some(&"enable"), target),
            ["load", rest @ ..] => self.legacy(rest, |path| self.bootstrap(path, "Load")),
            ["unload", rest @ ..] => self.legacy(rest, |path| self.bootout(&label_of(path)?, "Unload")),
            ["tick", label] => self.request(label, Request::Start),
            ["supervise", label, token] => {
                Supervisor::new(self.clone(), label, token).map_or(Ok(()), |supervisor| supervisor.work())
            }
            [] => Err(refuse(64, "Usage: launchctl <subcommand> ... | help [subcommand]")),
            [verb, ..] => Err(refuse(64, format!("Unrecognized subcommand: {verb}"))),
        }
    }

    /// launchd is one process: what it does to its state does not interleave.
    fn hold(&self) -> Option<Held> {
        fs::create_dir_all(self.dir.parent()?).ok()?;
        if !self.dir.exists() {
            fs::create_dir(&self.dir).ok();
        }
        self.hold_existing()
    }

    fn hold_existing(&self) -> Option<Held> {
        let path = self.dir.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).ok()?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive).ok()?;
        Some(Held(file))
    }

    fn file(&self, label: &str) -> PathBuf {
        self.dir.join(format!("{label}.service"))
    }

    fn read(&self, label: &str) -> Option<Service> {
        serde_json::from_slice(&fs::read(self.file(label)).ok()?).ok()
    }

    fn write(&self, service: &Service) -> Option<()> {
        let path = self.file(&service.label);
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&temporary, serde_json::to_vec(service).ok()?).ok()?;
        fs::rename(temporary, path).ok()
    }

    fn bootstrap(&self, path: &Path, verb: &str) -> Answer {
        let failed = |code: u8, why: &str| refuse(code, format!("{verb} failed: {code}: {why}"));
        let io = || failed(5, "Input/output error");
        let meta = path.metadata().map_err(|_| io())?;
        if meta.permissions().mode() & 0o022 != 0 || meta.uid() != rustix::process::getuid().as_raw() {
            return Err(failed(122, "Path had bad ownership/permissions"));
        }
        let root = fs::read(path)
            .ok()
            .and_then(|bytes| Value::from_reader(Cursor::new(bytes)).ok())
            .and_then(Value::into_dictionary)
            .ok_or_else(|| failed(109, "Invalid property list"))?;
        let label = text(&root, "Label").ok_or_else(|| failed(109, "Invalid property list"))?;
        let has_program = root.contains_key("Program") || !strings(&root, "ProgramArguments").is_empty();
        if !is_label(&label) || !has_program {
            return Err(io());
        }
        let disabled = self.dir.join(format!("{label}.disabled")).exists();
        let held = self.hold().ok_or_else(io)?;
        if disabled || root.get("Disabled").and_then(Value::as_boolean) == Some(true) {
            return Err(failed(119, "Service is disabled"));
        }
        if self.read(&label).is_some() {
            return Err(failed(37, "Operation already in progress"));
        }
        let mut xml = Vec::new();
        Value::Dictionary(root).to_writer_xml(&mut xml).map_err(|_| io())?;
        let service = Service {
            label: label.clone(),
            path: path.to_owned(),
            token: now_ns(),
            plist: String::from_utf8_lossy(&xml).into_owned(),
            supervisor: None,
            pid: None,
            last_exit_status: None,
            runs: 0,
            requests: Vec::new(),
            leaving: false,
        };
        self.write(&service).ok_or_else(io)?;
        drop(held);
        let started = std::env::current_exe().and_then(|program| {
            Command::new(program)
                .args(["supervise", &label, &service.token.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
        });
        let ready = || self.read(&label).is_none_or(|service| service.supervisor.is_some());
        if started.is_err() || !wait_until(ready) {
            let _held = self.hold();
            let _ = fs::remove_file(self.file(&label));
            return Err(io());
        }
        Ok(())
    }

    fn bootout_service(&self, target: &str) -> Answer {
        let Some((domain, label)) = target.rsplit_once('/').filter(|(domain, _)| domain.contains('/')) else {
            return Err(refuse(125, "Boot-out failed: 125: Domain does not support specified action"));
        };
        check_domain(domain, "Boot-out")?;
        self.bootout(label, "Boot-out")
    }

    fn bootout(&self, label: &str, verb: &str) -> Answer {
        let gone = || refuse(3, format!("{verb} failed: 3: No such process"));
        let token = {
            let _held = self.hold().ok_or_else(gone)?;
            let mut service = self.read(label).ok_or_else(gone)?;
            service.leaving = true;
            self.write(&service);
            service.token
        };
        let left = wait_until(|| {
            let still = self.read(label).filter(|service| service.token == token);
            if let Some(service) = &still
                && !service.supervisor.is_some_and(is_alive)
            {
                // its supervisor was killed: nobody else will do it
                service.pid.iter().for_each(|pid| signal_group(*pid, Signal::KILL));
                let _ = fs::remove_file(self.file(label));
            }
            still.is_none()
        });
        if left { Ok(()) } else { Err(refuse(36, format!("{verb} failed: 36: Operation now in progress"))) }
    }

    fn kickstart(&self, options: &[&str], target: &str) -> Answer {
        if let Some(odd) = options.iter().find(|option| !["-k", "-p", "-kp", "-pk"].contains(option)) {
            return Err(refuse(64, format!("Unrecognized option: {odd}")));
        }
        let label = self.target(target)?;
        let restart = options.iter().any(|option| option.contains('k'));
        self.request(&label, if restart { Request::Restart } else { Request::Start })?;
        if options.iter().any(|option| option.contains('p'))
            && let Some(pid) = self.read(&label).and_then(|service| service.pid)
        {
            println!("service spawned with pid: {pid}");
        }
        Ok(())
    }

    /// Asks the supervisor, and waits until it has done it.
    fn request(&self, label: &str, request: Request) -> Answer {
        {
            let _held = self.hold();
            let mut service = self.read(label).ok_or_else(|| not_found(label))?;
            service.requests.push(request);
            self.write(&service);
        }
        match wait_until(|| self.read(label).is_none_or(|service| service.requests.is_empty())) {
            true => Ok(()),
            false => Err(refuse(37, "Operation already in progress")),
        }
    }

    fn target(&self, target: &str) -> Result<String, Refusal> {
        let (domain, label) = target.rsplit_once('/').unwrap_or(("", target));
        check_domain(domain, "Operation")?;
        self.read(label).map(|service| service.label).ok_or_else(|| not_found(label))
    }

    fn services(&self) -> Vec<Service> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut services: Vec<Service> = names.filter_map(|name| self.read(name.strip_suffix(".service")?)).collect();
        services.sort_by(|a, b| a.label.cmp(&b.label));
        services
    }

    fn list(&self) -> Answer {
        let _held = self.hold();
        println!("PID\tStatus\tLabel");
        for service in self.services() {
            let pid = service.pid.map_or("-".to_owned(), |pid| pid.to_string());
            let status = match service.last_exit_status.unwrap_or(0) {
                raw if raw & 0x7f == 0 => (raw >> 8) & 0xff,
                raw => -(raw & 0x7f),
            };
            println!("{pid}\t{status}\t{}", service.label);
        }
        Ok(())
    }

    fn list_one(&self, label: &str) -> Answer {
        let _held = self.hold();
        let service = self
            .read(label)
            .ok_or_else(|| refuse(113, format!("Could not find service \"{label}\" in domain for port")))?;
        let root = service.root();
        println!("{{");
        for key in ["StandardOutPath", "StandardErrorPath"] {
            text(&root, key).iter().for_each(|path| println!("\t\"{key}\" = \"{path}\";"));
        }
        println!(
            "\t\"LimitLoadToSessionType\" = \"Aqua\";\n\t\"Label\" = \"{label}\";\n\t\"OnDemand\" = {};",
            !keep_alive(&root)
        );
        println!("\t\"LastExitStatus\" = {};", service.last_exit_status.unwrap_or(0));
        service.pid.iter().for_each(|pid| println!("\t\"PID\" = {pid};"));
        let arguments = strings(&root, "ProgramArguments");
        let program = text(&root, "Program").or_else(|| arguments.first().cloned()).unwrap_or_default();
        println!("\t\"Program\" = \"{program}\";\n\t\"ProgramArguments\" = (");
        arguments.iter().for_each(|argument| println!("\t\t\"{argument}\";"));
        println!("\t);\n}};");
        Ok(())
    }

    /// For people; nothing may depend on its text.
    fn print(&self, target: &str) -> Answer {
        let label = self.target(target)?;
        if let Some(service) = self.read(&label) {
            let state = if service.pid.is_some() { "running" } else { "not running" };
            println!(
                "{target} = {{\n\tpath = {}\n\tstate = {state}\n\truns = {}\n}}",
                service.path.display(),
                service.runs
            );
        }
        Ok(())
    }

    fn enable(&self, enable: bool, target: &str) -> Answer {
        let (domain, label) = target.rsplit_once('/').unwrap_or(("", target));
        check_domain(domain, "Operation")?;
        let _held = self.hold();
        let mark = self.dir.join(format!("{label}.disabled"));
        let _ = if enable { fs::remove_file(mark) } else { fs::write(mark, "") };
        Ok(())
    }

    /// `load` and `unload` print what went wrong and answer 0 all the same.
    fn legacy(&self, args: &[&str], each: impl Fn(&Path) -> Answer) -> Answer {
        for path in args.iter().filter(|arg| !arg.starts_with('-')) {
            if let Err(Refusal(_, text)) = each(Path::new(path)) {
                eprintln!("{path}: {text}");
            }
        }
        Ok(())
    }
}

impl Service {
    fn root(&self) -> Dictionary {
        Value::from_reader_xml(self.plist.as_bytes()).ok().and_then(Value::into_dictionary).unwrap_or_default()
    }
}

/// Runs one service from bootstrap to bootout.
struct Supervisor {
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
    fn new(state: State, label: &str, token: &str) -> Option<Supervisor> {
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

    fn work(mut self) -> Answer {
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

fn check_domain(domain: &str, verb: &str) -> Answer {
    let uid = rustix::process::getuid().as_raw();
    match domain == format!("gui/{uid}") || domain == format!("user/{uid}") {
        true => Ok(()),
        false => Err(refuse(125, format!("{verb} failed: 125: Domain does not support specified action"))),
    }
}

fn not_found(label: &str) -> Refusal {
    let uid = rustix::process::getuid().as_raw();
    refuse(113, format!("Could not find service \"{label}\" in domain for user gui: {uid}"))
}

fn label_of(path: &Path) -> Result<String, Refusal> {
    Value::from_file(path)
        .ok()
        .and_then(Value::into_dictionary)
        .and_then(|root| text(&root, "Label"))
        .ok_or_else(|| refuse(109, "109: Invalid property list"))
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && !label.starts_with('.') && !label.contains(['/', '\0'])
}

fn text(root: &Dictionary, key: &str) -> Option<String> {
    root.get(key).and_then(Value::as_string).map(str::to_owned)
}

fn strings(root: &Dictionary, key: &str) -> Vec<String> {
    let values = root.get(key).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_string).map(str::to_owned).collect()
}

fn keep_alive(root: &Dictionary) -> bool {
    !matches!(root.get("KeepAlive"), None | Some(Value::Boolean(false)))
}

fn interval(root: &Dictionary) -> Option<Duration> {
    root.get("StartInterval").and_then(Value::as_unsigned_integer).filter(|s| *s > 0).map(Duration::from_secs)
}

fn calendar_matches(root: &Dictionary) -> bool {
    let now = jiff::Zoned::now();
    let entries: Vec<&Dictionary> = match root.get("StartCalendarInterval") {
        Some(Value::Dictionary(entry)) => vec![entry],
        Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_dictionary).collect(),
        _ => return false,
    };
    let weekday = i64::from(now.weekday().to_sunday_zero_offset());
    entries.iter().any(|entry| {
        let is = |key: &str, value: i64| {
            entry.get(key).is_none_or(|wanted| {
                wanted
                    .as_signed_integer()
                    .is_some_and(|wanted| wanted == value || (key == "Weekday" && wanted == 7 && value == 0))
            })
        };
        let day = match entry.contains_key("Day") && entry.contains_key("Weekday") {
            true => is("Day", now.day().into()) || is("Weekday", weekday),
            false => is("Day", now.day().into()) && is("Weekday", weekday),
        };
        day && is("Month", now.month().into()) && is("Hour", now.hour().into()) && is("Minute", now.minute().into())
    })
}

fn minute_now() -> i64 {
    jiff::Timestamp::now().as_second().div_euclid(60)
}

fn now_ns() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

fn wait_until(mut condition: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while !condition() {
        if began.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

fn pid(raw: u32) -> Option<Pid> {
    i32::try_from(raw).ok().and_then(Pid::from_raw)
}

fn is_alive(raw: u32) -> bool {
    pid(raw).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

fn signal_group(raw: u32, signal: Signal) {
    if let Some(pid) = pid(raw) {
        let _ = rustix::process::kill_process_group(pid, signal);
    }
}
