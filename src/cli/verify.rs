//! `wo verify [SUBJECT]`: measures a deployed thing again; its report, and the exit code.

use std::path::PathBuf;
use std::sync::Arc;

use super::{CliError, Exit, Global, output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::deployed::record::{Deployment, LOOP_LABEL, MonitorDeployment};
use crate::export::{Days, ExportError};
use crate::root::Root;
use crate::services::ServiceManager;
use crate::verify::format::{self, Format};
use crate::verify::{Verification, monitor, parquet, report};

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
    let ground = Ground { root, config, clock, services };
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
        let looked = match subject {
            Subject::Parquet => ground.parquet(args.trigger, args.dry_run)?,
            Subject::Monitor => ground.monitor(monitored.as_ref()),
        };
        if !looked.is_good {
            exit = Exit::Bad;
        }
        // what was measured is told, whether or not its report can be written
        let place = match args.dry_run {
            true => None,
            false => report::write(&looked.verification, &looked.dir).map_err(|error| unwritten.push(error)).ok(),
        };
        done.push((looked.verification, place.map(|path| ground.root.show(&path))));
    }
    let format = if args.json { Format::Json } else { args.format };
    output::print(&format::render(&done, format))?;
    let Some(last) = unwritten.pop() else { return Ok(exit) };
    unwritten.iter().for_each(|error| output::complain(format_args!("error: {error}")));
    Err(last.into())
}

/// What every subject is measured with.
struct Ground {
    root: Root,
    config: Config,
    clock: Arc<dyn Clock>,
    services: Arc<dyn ServiceManager>,
}

struct Looked {
    verification: Verification,
    /// Where its report goes.
    dir: PathBuf,
    /// Every check passed, and what was done before them went well.
    is_good: bool,
}

impl Ground {
    fn parquet(&self, trigger: bool, dry_run: bool) -> Result<Looked, CliError> {
        let recorded = Deployment::load(&self.root)?;
        let deployed = recorded.is_some();
        let deployment = recorded.unwrap_or_else(|| Deployment::standard(&self.config));
        let exported = match trigger {
            true => self.export(&deployment, dry_run),
            false => Ok(true),
        };
        let dir = self.root.join(&deployment.summaries);
        let scope = parquet::Scope {
            root: &self.root,
            config: &self.config,
            services: self.services.as_ref(),
            now: self.clock.now(),
            deployment,
            deployed,
            since: None,
        };
        let mut verification = parquet::verify(&scope);
        if let Err(error) = &exported {
            verification.checks.insert(0, parquet::failed(&scope, error));
        }
        let is_good = verification.is_good() && exported.unwrap_or(false);
        Ok(Looked { verification, dir, is_good })
    }

    /// Whether every report could be read. What failed is told here, and an error by the verification too, beside what it
    /// finds.
    fn export(&self, deployment: &Deployment, dry_run: bool) -> Result<bool, ExportError> {
        let exported =
            parquet::export(&self.root, &self.config, deployment, Days::Due, dry_run, self.clock.now()).map(|report| {
                let mut is_whole = true;
                for (path, reason) in report.faults() {
                    output::complain(format_args!("error: failed to read `{path}`: {reason}"));
                    is_whole = false;
                }
                is_whole
            });
        exported.inspect_err(|error| output::complain(format_args!("error: {error}")))
    }

    fn monitor(&self, deployed: Option<&MonitorDeployment>) -> Looked {
        let verification = monitor::verify(&monitor::Scope {
            root: &self.root,
            config: &self.config,
            clock: Arc::clone(&self.clock),
            services: Arc::clone(&self.services),
            label: deployed.map_or(LOOP_LABEL, |deployed| deployed.label.as_str()),
            since: None,
            cycles: monitor::CYCLES,
            asked: &[],
        });
        let is_good = verification.is_good();
        Looked { verification, dir: self.root.join(monitor::reports(&self.config)), is_good }
    }
}
