//! `wo jobs`: the schedule, last and next runs; `wo jobs run NAME`: one of them now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;

use super::{CliError, Exit, Global, output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::evidence::{ServiceRun, StartedBy};
use crate::root::Root;
use crate::schedule::{self, JobView, calendar};
use crate::services::{self, ManagerKind, ServiceError, ServiceManager, facts};

/// the schedule, last and next runs; `jobs run NAME` runs one now
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// print the result as JSON
    #[arg(long, env = "WO_JSON", global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// run one now; the run is recorded as kicked
    Run {
        /// its label, or the end of it after a dot
        name: String,
        /// do not wait for its end
        #[arg(long, env = "WO_NO_WAIT")]
        no_wait: bool,
        /// how long to wait for its end, in seconds
        #[arg(long, env = "WO_TIMEOUT", default_value_t = 3600)]
        timeout: u64,
    },
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let config = Config::load(&root)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match args.verb {
        None => {
            let views = facts::overview(&root, &config, clock)?;
            if args.json {
                output::print_json(&views)?
            } else {
                output::print(&table(&views))?
            }
            Ok(Exit::Good)
        }
        Some(Verb::Run { name, no_wait, timeout }) => {
            let ran = run_job(&root, &config, clock, &name, (!no_wait).then(|| Duration::from_secs(timeout)))?;
            if args.json {
                output::print_json(&ran)?
            } else {
                output::print(&format!("{}\n", ran.shown()))?
            }
            Ok(ran.exit())
        }
    }
}

/// A table of jobs, also for `wo status`.
pub fn table(views: &[JobView]) -> String {
    if views.is_empty() {
        return "no jobs: nothing is registered here\n".to_owned();
    }
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["JOB", "WHEN", "LAST RUN", "NEXT RUN", "RUN BY"]);
    for view in views {
        let zone = view.zone.as_deref().unwrap_or("UTC");
        let last = view.last.as_ref().map_or("never".to_owned(), |run| run_in_words(run, view.running, zone));
        let last = match &view.note {
            Some(note) => format!("{last}: {}", crate::text::line(note, 120)),
            None => last,
        };
        let next = match (view.next, &view.held_by) {
            (Some(next), _) => local(next, zone),
            (None, Some(_)) => "-".to_owned(),
            (None, None) => "none: nothing runs the schedule".to_owned(),
        };
        table.add_row([&view.label, &view.when, &last, &next, view.held_by.as_deref().unwrap_or("nobody")]);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("{}\n", lines.join("\n"))
}

fn run_in_words(run: &ServiceRun, running: bool, zone: &str) -> String {
    let how = match (run.exit, run.ended, running) {
        (Some(0), ..) => "ok".to_owned(),
        (Some(exit), ..) if exit < 0 => format!("signal {}", exit.unsigned_abs()),
        (Some(exit), ..) => format!("exit {exit}"),
        (None, None, true) => "running".to_owned(),
        (None, ..) => "end not known".to_owned(),
    };
    let by = match &run.started_by {
        StartedBy::Manager { cause } => cause.clone(),
        StartedBy::Kicked => "kicked".to_owned(),
    };
    format!("{}, {how} ({by})", local(run.started, zone))
}

fn local(at: Timestamp, zone: &str) -> String {
    at.to_zoned(calendar::zone_named(zone)).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

#[derive(Serialize)]
struct Ran {
    label: String,
    manager: ManagerKind,
    /// Nothing when it was not waited for, or did not end in time.
    run: Option<ServiceRun>,
    note: Option<String>,
    timed_out: bool,
}

impl Ran {
    fn exit(&self) -> Exit {
        match &self.run {
            _ if self.timed_out => Exit::TimedOut,
            Some(run) if run.exit != Some(0) => Exit::Bad,
            _ => Exit::Good,
        }
    }

    fn shown(&self) -> String {
        let label = &self.label;
        let note = self.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
        match &self.run {
            _ if self.timed_out => format!("{label} still runs ({})", self.manager),
            None => format!("{label} was kicked ({})", self.manager),
            Some(ServiceRun { exit: Some(0), .. }) => format!("{label} ran: ok ({})", self.manager),
            Some(ServiceRun { exit: Some(exit), .. }) => {
                format!("{label} ran and ended with {exit}{note}; `wo services explain {exit}`")
            }
            Some(_) => format!("{label} ran, and its end is not known{note}"),
        }
    }
}

/// Kicks `name`; waits for its end for at most `patience`.
fn run_job(
    root: &Root,
    config: &Config,
    clock: Arc<dyn Clock>,
    name: &str,
    patience: Option<Duration>,
) -> Result<Ran, CliError> {
    let label = find(root, name)?;
    let manager = services::manager(root, config, clock.clone())?;
    let kind = manager.kind();
    let ran = |run, note, timed_out| Ran { label: label.clone(), manager: kind, run, note, timed_out };
    let asked = clock.now();
    match manager.kick(&label) {
        // without a `wo up`, this process runs it itself
        Err(ServiceError::NoManager(_)) if kind == ManagerKind::Embedded => {
            let Some(run) = schedule::run_here(root, &label, clock)? else {
                return Err(CliError::new(format!("failed to run {label}: it is not registered, or runs already")));
            };
            let note = run.note.clone();
            Ok(ran(Some(run.into()), note, false))
        }
        Err(error) => Err(error.into()),
        // an outside manager's runs are known only as far as they go through `wo`
        Ok(()) if kind != ManagerKind::Embedded => Ok(ran(None, None, false)),
        Ok(()) => match patience {
            None => Ok(ran(None, None, false)),
            Some(patience) => {
                let run = wait(manager.as_ref(), &label, asked, patience)?;
                let note = schedule::overview(root)?.into_iter().find(|view| view.label == label);
                let timed_out = run.is_none();
                Ok(ran(run, note.and_then(|view| view.note), timed_out))
            }
        },
    }
}

fn wait(
    manager: &dyn ServiceManager,
    label: &str,
    asked: Timestamp,
    patience: Duration,
) -> Result<Option<ServiceRun>, CliError> {
    let began = Instant::now();
    while began.elapsed() < patience {
        let runs = manager.runs(label)?;
        let mine =
            |run: &ServiceRun| run.started >= asked && run.started_by == StartedBy::Kicked && run.ended.is_some();
        if let Some(run) = runs.into_iter().find(mine) {
            return Ok(Some(run));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(None)
}

/// The label that `name` is, or ends.
fn find(root: &Root, name: &str) -> Result<String, CliError> {
    let labels = facts::labels(root)?;
    if labels.iter().any(|label| label == name) {
        return Ok(name.to_owned());
    }
    let ending = format!(".{name}");
    let found: Vec<&String> = labels.iter().filter(|label| label.ends_with(&ending)).collect();
    match found.as_slice() {
        [label] => Ok((*label).clone()),
        [] if labels.is_empty() => Err(CliError::new("failed to find a job: nothing is registered here")),
        _ => Err(CliError::new(format!(
            "failed to find the job `{}`\nhint: this root has {}",
            crate::text::line(name, 80),
            labels.join(", ")
        ))),
    }
}
