//! `wo retry|cancel|approve|resolve`: requests to the executor. Beside a live one they are written to the journal and waited
//! for; without one this process is the executor for as long as it takes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::executor::{self, TakeError};
use super::signals::Signals;
use super::{CliError, Exit, Global, output};
use crate::bridge::lock::Role;
use crate::bridge::watch;
use crate::clock::{Clock as _, SystemClock};
use crate::engine::{pipeline, requests};
use crate::journal::requests::Answer;
use crate::journal::{Reader, RequestKind, store};
use crate::root::Root;

/// An order's id
#[derive(clap::Args)]
pub struct Target {
    /// the order's id
    #[arg(value_name = "ID", value_parser = super::order_id)]
    id: String,
}

/// Say whether an uncertain step took effect
#[derive(clap::Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("answer").required(true).args(["done", "again"]))]
pub struct Resolve {
    #[command(flatten)]
    target: Target,
    /// it took effect: go on to measuring it
    #[arg(long, env = "WO_DONE")]
    done: bool,
    /// it did not: apply it again
    #[arg(long, env = "WO_AGAIN")]
    again: bool,
}

/// Approve an order that waits for it; bound to its bytes
#[derive(clap::Args)]
pub struct Approve {
    #[command(flatten)]
    target: Target,
    /// approve only if the order's bytes have this SHA-256
    #[arg(long, env = "WO_SHA256", value_name = "HEX")]
    sha256: Option<String>,
}

const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub fn retry(args: Target, global: &Global, signals: &Signals) -> Result<Exit, CliError> {
    ask(&global.root()?, &args.id, RequestKind::Retry, signals)
}

pub fn cancel(args: Target, global: &Global, signals: &Signals) -> Result<Exit, CliError> {
    ask(&global.root()?, &args.id, RequestKind::Cancel, signals)
}

pub fn resolve(args: Resolve, global: &Global, signals: &Signals) -> Result<Exit, CliError> {
    ask(&global.root()?, &args.target.id, RequestKind::Resolve { done: args.done }, signals)
}

pub fn approve(args: Approve, global: &Global, signals: &Signals) -> Result<Exit, CliError> {
    let root = global.root()?;
    let id = &args.target.id;
    let known = Reader::open_existing(&root)?.map(|reader| reader.last_run_of(id)).transpose()?.flatten();
    let Some(row) = known else { return Err(unknown(id)) };
    // what the person saw is what is approved: other bytes by the time it is carried out void it
    let sha256 = args.sha256.unwrap_or(row.key.sha256);
    ask(&root, id, RequestKind::Approve { sha256 }, signals)
}

fn unknown(id: &str) -> CliError {
    CliError::new(format!("no order {id} is known\nhint: `wo status` lists what is"))
}

fn ask(root: &Root, id: &str, kind: RequestKind, signals: &Signals) -> Result<Exit, CliError> {
    super::log_to_stderr();
    let Some(reader) = Reader::open_existing(root)? else { return Err(unknown(id)) };
    if reader.last_run_of(id)?.is_none() {
        return Err(unknown(id));
    }
    let most = crate::config::Config::load(root)?.limits.requests;
    let seq = store::request(root, id, &kind, SystemClock.now(), most)?;
    let start = Instant::now();
    loop {
        if let Some(answer) = reader.request(seq)?.and_then(|request| request.answer) {
            return told(id, &answer);
        }
        if signals.stop.is_set() {
            output::complain("error: stopped by a signal; the request stays and will be carried out");
            return Ok(Exit::Bad);
        }
        match executor::take(root, Role::Run, Arc::clone(&signals.stop)) {
            Ok(held) => {
                let workers_reader = held.executor.journal.reader()?;
                if matches!(kind, RequestKind::Resolve { .. }) {
                    requests::look_first(&held.executor, &workers_reader, id, seq)?;
                }
                let woken = requests::carry_out(&held.executor, &workers_reader, &|_| false)?;
                // without a daemon a cancelled order is brought to its end here; the rest is for the next `wo run`
                for (key, _) in woken {
                    if matches!(kind, RequestKind::Cancel) && key.id == id {
                        pipeline::advance(&held.executor, &workers_reader, &key, &|_| true)?;
                    }
                }
            }
            Err(TakeError::Held(_)) => watch::ring(root)?,
            Err(TakeError::Other(error)) => return Err(error),
        }
        if start.elapsed() > ANSWER_WITHIN {
            output::complain("error: the executor has not answered yet; the request stays and will be carried out");
            return Ok(Exit::TimedOut);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn told(id: &str, answer: &Answer) -> Result<Exit, CliError> {
    if answer.accepted {
        output::print(&format!("{id}: {}\n", answer.text))?;
        return Ok(Exit::Good);
    }
    Err(CliError::new(answer.text.clone()).exit(Exit::Bad))
}
