//! `wo wait ID`: until the order has ended; exit code by its outcome, 3 on time-out.

use std::time::{Duration, Instant};

use super::{CliError, Exit, Global, output};
use crate::journal::{Phase, Reader};

/// Wait until an order has ended; exit 3 on time-out
#[derive(clap::Args)]
pub struct Args {
    /// the order's id
    #[arg(value_name = "ID")]
    id: String,
    /// seconds
    #[arg(long, env = "WO_TIMEOUT", value_name = "SECONDS")]
    timeout: Option<f64>,
}

const LOOK_EVERY: Duration = Duration::from_millis(50);

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let timeout = args.timeout.map(Duration::try_from_secs_f64).transpose();
    let timeout = timeout.map_err(|error| CliError::new(format!("--timeout: {error}")))?;
    let start = Instant::now();
    let mut told = String::new();
    let mut reader = None;
    loop {
        if reader.is_none() {
            reader = Reader::open_existing(&root)?;
        }
        let row = reader.as_ref().map(|reader| reader.last_run_of(&args.id)).transpose()?.flatten();
        if let (Some(reader), Some(row)) = (&reader, &row) {
            if let Some(outcome) = row.phase.ended() {
                let run = reader.load(&row.key)?;
                output::print(&format!("{}  {outcome}: {}\n", args.id, crate::text::line(&run.reason, 600)))?;
                return Ok(if outcome.is_good() { Exit::Good } else { Exit::Bad });
            }
            if let Phase::Waiting { why, .. } | Phase::Uncertain { why, .. } = &row.phase
                && *why != told
            {
                eprintln!("{}: {}", args.id, crate::text::line(why, 400));
                told.clone_from(why);
            }
        }
        if timeout.is_some_and(|timeout| start.elapsed() >= timeout) {
            let state = row.map_or("not known yet", |row| row.phase.name());
            eprintln!("error: timed out; {} is {state}", args.id);
            return Ok(Exit::TimedOut);
        }
        // another process ends the order: there is no event to wait for
        std::thread::sleep(LOOK_EVERY);
    }
}
