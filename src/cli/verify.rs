//! `wo verify [SUBJECT]`: measures a deployed thing again; its report, and the exit code.

use std::sync::Arc;

use super::{CliError, Exit, Global, output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::export::Days;
use crate::handlers::monitor_fix::layout::LOOP;
use crate::verify::deployment::{Deployment, MonitorDeployment};
use crate::verify::format::{self, Format};
use crate::verify::{monitor, parquet, report};

/// Measure a deployed thing again; exit 0 only when every check passed
#[derive(clap::Args)]
pub struct Args {
    /// what to verify [default: everything that is known]
    #[arg(value_enum)]
    subject: Option<Subject>,
    /// run an export first (parquet)
    #[arg(long, env = "WO_TRIGGER")]
    trigger: bool,
    /// how the checks are printed
    #[arg(short, long, env = "WO_VERIFY_FORMAT", value_enum, default_value_t)]
    format: Format,
    /// as `--format json`
    #[arg(long, env = "WO_JSON", conflicts_with = "format")]
    json: bool,
    /// write no report
    #[arg(long, visible_alias = "dry", env = "WO_DRY_RUN")]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Subject {
    /// the Parquet export: service, scripts, directories, data
    Parquet,
    /// the monitor: Redis, database, two heartbeats of the loop
    Monitor,
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let config = Config::load(&root)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let services = crate::services::manager(&root, &config, Arc::clone(&clock))?;
    let monitored = MonitorDeployment::load(&root)?;
    let subjects = match args.subject {
        Some(subject) => vec![subject],
        // the monitor is known once an order deployed its loop
        None if monitored.is_some() => vec![Subject::Parquet, Subject::Monitor],
        None => vec![Subject::Parquet],
    };
    let mut exit = Exit::Good;
    let mut done = Vec::new();
    let mut unwritten = Vec::new();
    for subject in subjects {
        let (verification, dir) = match subject {
            Subject::Parquet => {
                let recorded = Deployment::load(&root)?;
                let deployed = recorded.is_some();
                let deployment = recorded.unwrap_or_else(|| Deployment::standard(&config));
                let mut failed = None;
                if args.trigger {
                    match parquet::export(&root, &config, &deployment, Days::Due, args.dry_run, clock.now()) {
                        Ok(report) => {
                            for (path, reason) in report.faults() {
                                output::complain(format_args!("error: failed to read `{path}`: {reason}"));
                                exit = Exit::Bad;
                            }
                        }
                        // the verification tells it beside what it finds
                        Err(error) => {
                            output::complain(format_args!("error: {error}"));
                            failed = Some(error);
                        }
                    }
                }
                let dir = root.join(&deployment.summaries);
                let scope = parquet::Scope {
                    root: &root,
                    config: &config,
                    services: services.as_ref(),
                    now: clock.now(),
                    deployment,
                    deployed,
                    since: None,
                };
                let mut verification = parquet::verify(&scope);
                if let Some(error) = failed {
                    verification.checks.insert(0, parquet::failed(&scope, &error));
                }
                (verification, dir)
            }
            Subject::Monitor => {
                let label = monitored.as_ref().map_or(LOOP, |deployed| deployed.label.as_str());
                let scope = monitor::Scope {
                    root: &root,
                    config: &config,
                    clock: Arc::clone(&clock),
                    services: Arc::clone(&services),
                    label,
                    since: None,
                    cycles: monitor::CYCLES,
                    asked: &[],
                };
                (monitor::verify(&scope), root.join(monitor::reports(&config)))
            }
        };
        if !verification.is_good() {
            exit = Exit::Bad;
        }
        // what was measured is told, whether or not its report can be written
        let place = match args.dry_run {
            true => None,
            false => report::write(&verification, &dir).map_err(|error| unwritten.push(error)).ok(),
        };
        done.push((verification, place.map(|path| root.show(&path))));
    }
    let format = if args.json { Format::Json } else { args.format };
    output::print(&format::render(&done, format))?;
    let Some(last) = unwritten.pop() else { return Ok(exit) };
    unwritten.iter().for_each(|error| output::complain(format_args!("error: {error}")));
    Err(last.into())
}
