//! `wo verify [SUBJECT]`: measures a deployed thing again; its report, and the exit code.

use std::sync::Arc;

use super::{CliError, Exit, Global, output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::export::Days;
use crate::verify::deployment::Deployment;
use crate::verify::format::{self, Format};
use crate::verify::{parquet, report};

/// Measure a deployed thing again; exit 0 only when every check passed
#[derive(clap::Args)]
pub struct Args {
    /// what to verify [default: everything that is known]
    #[arg(value_enum)]
    subject: Option<Subject>,
    /// run an export first
    #[arg(long, env = "WO_TRIGGER")]
    trigger: bool,
    #[arg(short, long, env = "WO_FORMAT", value_enum, default_value_t)]
    format: Format,
    /// as `--format json`
    #[arg(long, env = "WO_JSON", conflicts_with = "format")]
    json: bool,
    /// write no report
    #[arg(long, visible_alias = "dry", env = "WO_DRY_RUN")]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Subject {
    /// the Parquet export: service, scripts, directories, data
    Parquet,
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    // one subject is known; naming none verifies all there are
    let Subject::Parquet = args.subject.unwrap_or(Subject::Parquet);
    let root = global.root()?;
    let config = Config::load(&root)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let services = crate::services::manager(&root, &config, Arc::clone(&clock))?;
    let recorded = Deployment::load(&root)?;
    let deployed = recorded.is_some();
    let deployment = recorded.unwrap_or_else(|| Deployment::standard(&config));
    let mut exit = Exit::Good;
    if args.trigger {
        let exported = parquet::export(&root, &config, &deployment, Days::Due, args.dry_run, clock.now())?;
        for one in &exported.unreadable {
            eprintln!("error: failed to read the report `{}`: {}", one.path, one.reason);
            exit = Exit::Bad;
        }
    }
    let verification = parquet::verify(&parquet::Scope {
        root: &root,
        config: &config,
        services: services.as_ref(),
        now: clock.now(),
        deployment: deployment.clone(),
        deployed,
    });
    if !verification.is_good() {
        exit = Exit::Bad;
    }
    let place = if args.dry_run {
        None
    } else {
        Some(root.show(&report::write(&verification, &root.join(&deployment.summaries))?))
    };
    let format = if args.json { Format::Json } else { args.format };
    output::print(&format::render(&[(verification, place)], format))?;
    Ok(exit)
}
