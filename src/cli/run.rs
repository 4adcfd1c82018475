//! `wo run [FILE…]`: processes the inbox (or the files) once and exits with the worst outcome. Beside a live daemon it drops
//! the files and waits for the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::executor::{self, TakeError};
use super::signals::Signals;
use super::{CliError, Exit, Global, output, submit};
use crate::bridge::lock::Role;
use crate::engine::daemon::{self, Mode};
use crate::evidence::Outcome;
use crate::journal::Reader;
use crate::root::Root;

/// Process the inbox, or the files, once; exit with the worst outcome
#[derive(clap::Args)]
pub struct Args {
    /// orders to drop first; without any, what lies in the inbox
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// the inbox that the files go to
    #[arg(long, env = "WO_AGENT", value_name = "AGENT")]
    agent: Option<String>,
    /// give up waiting for another executor after this many seconds
    #[arg(long, env = "WO_TIMEOUT", value_name = "SECONDS", default_value_t = 3600)]
    timeout: u64,
}

const LOOK_EVERY: Duration = Duration::from_millis(50);

pub fn run(args: Args, global: &Global, signals: &Signals) -> Result<Exit, CliError> {
    let root = global.root()?;
    super::log_to_stderr();
    let mut ids = Vec::new();
    for file in &args.files {
        ids.push(submit::submit(&root, file, args.agent.as_deref())?);
    }
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    loop {
        match executor::take(&root, Role::Run, Arc::clone(&signals.stop)) {
            Ok(held) => return drain(&held, signals, &ids),
            Err(TakeError::Other(error)) => return Err(error),
            Err(TakeError::Held(_)) => {}
        }
        if let Some(exit) = drained_by_another(&root, &ids)? {
            return Ok(exit);
        }
        if signals.stop.is_set() {
            eprintln!("error: stopped by a signal; the orders stay with the executor that holds the bridge");
            return Ok(Exit::Bad);
        }
        if Instant::now() >= deadline {
            eprintln!("error: timed out waiting for the executor that holds the bridge");
            return Ok(Exit::TimedOut);
        }
        // waiting for another process: there is no event to wait for
        std::thread::sleep(LOOK_EVERY);
    }
}

fn drain(held: &executor::Held, signals: &Signals, ids: &[String]) -> Result<Exit, CliError> {
    let summary = daemon::run(&held.executor, Mode::Once, &|_| {}, |waker| signals.wake_with(waker))
        .map_err(|error| CliError::from(error).exit(Exit::Bad))?;
    let reader = held.executor.journal.reader()?;
    let mut worst = Exit::Good;
    let mut text = String::new();
    for (key, outcome) in &summary.ended {
        let run = reader.load(key)?;
        text.push_str(&line(&key.id, *outcome, &run.reason, run.reports.first().map(|report| report.path.as_str())));
        if !outcome.is_good() {
            worst = Exit::Bad;
        }
    }
    for (key, why) in &summary.left {
        text.push_str(&format!("{}  left: {}\n", key.id, crate::text::line(why, 400)));
        worst = Exit::Bad;
    }
    if summary.rejected > 0 {
        text.push_str(&format!("{} files rejected; see bridge/rejected/\n", summary.rejected));
        worst = Exit::Bad;
    }
    for why in &summary.unclaimed {
        text.push_str(&format!("{why}\n"));
        worst = Exit::Bad;
    }
    // files whose text ended in an earlier run are duplicates: what came of them then counts
    for id in ids.iter().filter(|id| !summary.ended.iter().any(|(key, _)| key.id == **id)) {
        if let Some(outcome) = reader.last_run_of(id)?.and_then(|row| row.phase.ended()) {
            text.push_str(&format!("{id}  {outcome} (before; `wo retry {id}` runs it again)\n"));
            if !outcome.is_good() {
                worst = Exit::Bad;
            }
        }
    }
    if summary.interrupted {
        text.push_str("stopped by a signal; what is left goes on with the next `wo run` or `wo up`\n");
        worst = Exit::Bad;
    }
    if text.is_empty() {
        text = "nothing to do: no order lies in the inbox\n".to_owned();
    }
    output::print(&text)?;
    Ok(worst)
}

fn line(id: &str, outcome: Outcome, reason: &str, report: Option<&str>) -> String {
    let report = report.map(|report| format!("\n    report: {report}")).unwrap_or_default();
    format!("{id}  {outcome}: {}{report}\n", crate::text::line(reason, 600))
}

/// The exit code once another executor has ended all of `ids`, or everything when there are none.
fn drained_by_another(root: &Root, ids: &[String]) -> Result<Option<Exit>, CliError> {
    let Some(reader) = Reader::open_existing(root)? else { return Ok(None) };
    let mut text = String::new();
    let mut worst = Exit::Good;
    if ids.is_empty() {
        let config = crate::config::Config::load(root)?;
        let left = crate::bridge::scan::scan(root, &config)?
            .iter()
            .any(|look| matches!(look, crate::bridge::scan::Look::Order(_)));
        if left || reader.open_count()? > 0 {
            return Ok(None);
        }
        text.push_str("the inbox was drained by the executor that holds the bridge\n");
    }
    for id in ids {
        let Some(row) = reader.last_run_of(id)? else { return Ok(None) };
        let Some(outcome) = row.phase.ended() else { return Ok(None) };
        text.push_str(&line(id, outcome, &reader.load(&row.key)?.reason, None));
        if !outcome.is_good() {
            worst = Exit::Bad;
        }
    }
    output::print(&text)?;
    Ok(Some(worst))
}
