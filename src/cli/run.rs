//! `wo run [FILE…]`: processes the inbox (or the files) once and exits with the worst outcome. Beside a live daemon it drops
//! the files, and follows them, or what lay in the inbox, to their ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::executor::{self, TakeError};
use super::follow::{self, Account, Dropped, Follow};
use super::signals::Signals;
use super::submit::{self, Checked};
use super::{CliError, Exit, Global, output};
use crate::bridge::astray;
use crate::bridge::lock::Role;
use crate::config::Config;
use crate::engine::daemon::{self, Mode};
use crate::journal::{Reader, RunKey};
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
    let agent = submit::agent(&root, args.agent.as_deref())?;
    let orders = read_all(&root, &args.files)?;
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    let mut followed = None;
    let mut reader = None;
    loop {
        let held = match executor::take(&root, Role::Run, Arc::clone(&signals.stop)) {
            Ok(held) => Some(held),
            Err(TakeError::Held(_)) => None,
            Err(TakeError::Other(error)) => return Err(error),
        };
        // not before the first try: an executor checks the journal before anybody reads it
        let mut follow = match followed.take() {
            Some(follow) => follow,
            None => begin(&root, &agent, &orders)?,
        };
        if let Some(held) = held {
            return drain(&held, signals, follow);
        }
        if reader.is_none() {
            reader = Reader::open_existing(&root)?;
        }
        if let Some(reader) = &reader {
            follow.look(reader)?;
            if follow.is_settled(reader)? {
                return told(&root, &follow.account(reader, |_| false, |_| false)?);
            }
        }
        let follow = followed.insert(follow);
        if signals.stop.is_set() {
            output::complain("error: stopped by a signal; the orders stay with the executor that holds the bridge");
            return Ok(Exit::Bad);
        }
        if Instant::now() >= deadline {
            let pending = follow.pending(reader.as_ref())?;
            output::complain(format_args!(
                "error: timed out waiting for the executor that holds the bridge: {}",
                pending.join("; ")
            ));
            return Ok(Exit::TimedOut);
        }
        // waiting for another process: there is no event to wait for
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The orders of all files; where one of them is not fit to be dropped, none is.
fn read_all(root: &Root, files: &[PathBuf]) -> Result<Vec<Checked>, CliError> {
    let mut orders: Vec<Checked> = Vec::new();
    for file in files {
        let order = submit::checked(root, file)?;
        match orders.iter().find(|other| other.id == order.id || other.name == order.name) {
            Some(other) if other.id == order.id && other.sha256 == order.sha256 => {}
            Some(other) => {
                let shared = if other.id == order.id { &order.id } else { &order.name };
                return Err(CliError::new(format!(
                    "failed to take `{}`: an order given before it is `{shared}` too; nothing was dropped\n\
                     hint: give each order an id and a file name of its own, or run one after the other",
                    file.display()
                )));
            }
            None => orders.push(order),
        }
    }
    Ok(orders)
}

/// Drops the orders and follows them; without any, follows what lies in the inboxes.
fn begin(root: &Root, agent: &str, orders: &[Checked]) -> Result<Follow, CliError> {
    let mut follow = Follow::begin(root)?;
    if orders.is_empty() {
        follow.add_inboxes(root)?;
    }
    for (n, order) in orders.iter().enumerate() {
        order.submit_once(root, agent).map_err(|error| match n {
            0 => error,
            _ => CliError::new(format!("{}\nhint: the {n} given before it lie in the inbox already", error.message)),
        })?;
        let path = root.inbox(agent).join(&order.name);
        let sha256 = Some(order.sha256.clone());
        follow.add(Dropped { agent: agent.to_owned(), file: order.name.clone(), path, sha256 });
    }
    tracing::debug!("{follow}");
    Ok(follow)
}

fn told(root: &Root, account: &Account) -> Result<Exit, CliError> {
    if account.text.is_empty() {
        output::print(&nothing(root)?)?;
    } else {
        output::print(&account.text)?;
    }
    Ok(account.worst)
}

/// That there was nothing to do, and what lies there for an order and is none to Workbridge.
fn nothing(root: &Root) -> Result<String, CliError> {
    let mut text = "nothing to do: no order lies in the inbox\n".to_owned();
    for why in astray::told(root, &Config::load(root)?) {
        text.push_str(&format!("but {why}\n"));
    }
    Ok(text)
}

fn drain(held: &executor::Held, signals: &Signals, mut follow: Follow) -> Result<Exit, CliError> {
    let summary = daemon::run(&held.executor, Mode::Once, &|_| {}, |waker| signals.wake_with(waker))
        .map_err(|error| CliError::from(error).exit(Exit::Bad))?;
    let reader = held.executor.journal.reader()?;
    let mut worst = Exit::Good;
    let mut text = String::new();
    for (key, outcome) in &summary.ended {
        let run = reader.load(key)?;
        let report = run.reports.first().map(|report| report.path.as_str());
        text.push_str(&follow::ended(&key.id, *outcome, &run.reason, report));
        if !outcome.is_good() {
            worst = Exit::Bad;
        }
    }
    for (key, why) in &summary.left {
        text.push_str(&follow::left(&key.id, why));
        worst = Exit::Bad;
    }
    for (file, why) in &summary.rejected {
        text.push_str(&follow::rejected(file, why));
    }
    if !summary.rejected.is_empty() {
        text.push_str(&format!("{} files rejected; see bridge/rejected/\n", summary.rejected.len()));
        worst = Exit::Bad;
    }
    for why in &summary.unclaimed {
        text.push_str(&format!("{why}\n"));
        worst = Exit::Bad;
    }
    // what another executor came to before this one took over, and files whose text ended in an earlier run
    follow.look(&reader)?;
    let told = |key: &RunKey| {
        summary.ended.iter().any(|(ended, _)| ended.run == key.run)
            || summary.left.iter().any(|(left, _)| left.run == key.run)
    };
    let is_told = |file: &str| {
        let stays = format!("{file} stays in the inbox");
        summary.rejected.iter().any(|(told, _)| told == file)
            || summary.unclaimed.iter().any(|why| why.starts_with(&stays))
    };
    let others = follow.account(&reader, is_told, told)?;
    text.push_str(&others.text);
    if matches!(others.worst, Exit::Bad) {
        worst = Exit::Bad;
    }
    if summary.interrupted {
        text.push_str("stopped by a signal; what is left goes on with the next `wo run` or `wo up`\n");
        worst = Exit::Bad;
    }
    if text.is_empty() {
        text = nothing(&held.executor.root)?;
    }
    output::print(&text)?;
    if let Some(waiting) = &summary.undelivered {
        output::complain(format_args!("warning: {waiting}"));
    }
    Ok(worst)
}
