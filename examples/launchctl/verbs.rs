//! The verbs of launchctl(1), with its messages and exit statuses.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use plist::Value;
use rustix::process::Signal;

use super::definition::{self, keep_alive, strings, text};
use super::process::{is_alive, signal_group, wait_until};
use super::state::{Request, Service, State};
use super::supervisor::Supervisor;
use super::{Answer, Refusal, refuse};

impl State {
    pub(super) fn answer(&self, args: &[&str]) -> Answer {
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

    fn bootstrap(&self, path: &Path, verb: &str) -> Answer {
        let failed = |code: u8, why: &str| refuse(code, format!("{verb} failed: {code}: {why}"));
        let io = || failed(5, "Input/output error");
        let meta = path.metadata().map_err(|_| io())?;
        if meta.permissions().mode() & 0o022 != 0 || meta.uid() != rustix::process::getuid().as_raw() {
            return Err(failed(122, "Path had bad ownership/permissions"));
        }
        let root = fs::read(path)
            .ok()
            .and_then(|bytes| definition::read(&bytes))
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
    fs::read(path)
        .ok()
        .and_then(|bytes| definition::read(&bytes))
        .and_then(|root| text(&root, "Label"))
        .ok_or_else(|| refuse(109, "109: Invalid property list"))
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && !label.starts_with('.') && !label.contains(['/', '\0'])
}

fn now_ns() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}
