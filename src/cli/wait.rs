//! `wo wait ID`: until the order has ended; exit code by its outcome, 3 on time-out.
//!
//! The outcome is that of the newest text: while one lies in the inbox, or a retry was asked for, an earlier end is not it,
//! and when the newest text was rejected, an earlier success is none. Where nothing but rejected texts is known, that is the
//! end of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::standing::{self, Standing, World};
use super::{CliError, Exit, Global, follow, output, rejection};
use crate::bridge::lock;
use crate::bridge::scan::{self, Look};
use crate::bridge::take;
use crate::config::Config;
use crate::journal::records::RunRow;
use crate::journal::{Reader, RequestKind};
use crate::root::Root;
use crate::{order, text};

/// Wait until an order has ended; exit 3 on time-out
#[derive(clap::Args)]
pub struct Args {
    /// the order's id
    #[arg(value_name = "ID", value_parser = super::order_id)]
    id: String,
    /// seconds
    #[arg(long, env = "WO_TIMEOUT", value_name = "SECONDS")]
    timeout: Option<f64>,
}

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often it is looked whether anybody executes orders.
const HOLDER_EVERY: Duration = Duration::from_secs(1);

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let timeout = args.timeout.map(Duration::try_from_secs_f64).transpose();
    let timeout = timeout.map_err(|error| CliError::new(format!("--timeout: {error}")))?;
    let start = Instant::now();
    let mut told = String::new();
    let mut inboxes = Inboxes { root: &root, config: Config::load(&root)?, ids: HashMap::new() };
    let mut reader = None;
    let (mut stood, mut holder_looked) = (None, None);
    let mut world = World::new(&root, None, None);
    loop {
        if reader.is_none() {
            reader = Reader::open_existing(&root)?;
        }
        let mut row = reader.as_ref().map(|reader| reader.last_run_of(&args.id)).transpose()?.flatten();
        let (mut newer, mut is_rejected) = (None, false);
        if let Some(reader) = &reader
            && is_answered(reader, &args.id, row.as_ref())?
        {
            is_rejected = row.is_none();
            newer = inboxes.newer(reader, &args.id)?;
            // what lay there until just now may be in the journal by now
            row = reader.last_run_of(&args.id)?;
        }
        if let (Some(reader), None) = (&reader, &newer) {
            match &row {
                None if is_rejected => {
                    if let Some(drop) = rejection::of_newest(reader, &args.id, None)? {
                        output::print(&follow::rejected(&drop.file, &drop.reason))?;
                        output::complain(rejection::hint(&drop));
                        return Ok(Exit::Bad);
                    }
                }
                None => {}
                Some(row) if row.phase.ended().is_some() => return ended(reader, row),
                Some(row) => {
                    if holder_looked.is_none_or(|at: Instant| at.elapsed() >= HOLDER_EVERY) {
                        holder_looked = Some(Instant::now());
                        world = World::new(&root, lock::holder(&root)?.as_ref(), Some(&inboxes.config));
                    }
                    let trouble = world.trouble_of(row.key.run).cloned();
                    let now = (row.key.run, row.phase.clone(), world.has_executor, trouble);
                    if stood.as_ref() != Some(&now) {
                        let standing = standing::of(&reader.load(&row.key)?, &world, jiff::Timestamp::now());
                        if standing.is_kept() && standing.why != told {
                            output::complain(format_args!("{}: {}", args.id, text::line(&told_of(&standing), 400)));
                            told = standing.why;
                        }
                        stood = Some(now);
                    }
                }
            }
        }
        if let Some(newer) = newer.as_ref().filter(|newer| **newer != told) {
            output::complain(format_args!("{}: {newer}", args.id));
            told.clone_from(newer);
        }
        if timeout.is_some_and(|timeout| start.elapsed() >= timeout) {
            let state = row.map_or("not known yet", |row| row.phase.name());
            let newer = newer.map(|newer| format!(", and {newer}")).unwrap_or_default();
            output::complain(format_args!("error: timed out; {} is {state}{newer}", args.id));
            return Ok(Exit::TimedOut);
        }
        // another process ends the order: there is no event to wait for
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What it waits for, with when that is tried again.
fn told_of(standing: &Standing) -> String {
    standing.again.map_or_else(|| standing.why.clone(), |_| format!("waits: {}", standing.told()))
}

/// Whether something would answer for `id`, were there nothing newer: its newest run has ended, or none is known and a text was
/// rejected.
fn is_answered(reader: &Reader, id: &str, row: Option<&RunRow>) -> Result<bool, CliError> {
    match row {
        Some(row) => Ok(row.phase.ended().is_some()),
        None => Ok(rejection::of_newest(reader, id, None)?.is_some()),
    }
}

fn ended(reader: &Reader, row: &RunRow) -> Result<Exit, CliError> {
    let (id, run) = (&row.key.id, reader.load(&row.key)?);
    let Some(outcome) = run.phase.ended() else { return Ok(Exit::Bad) };
    output::print(&format!("{id}  {outcome}: {}\n", text::line(&run.reason, 600)))?;
    if let Some(drop) = rejection::of_newest(reader, id, Some(&run))? {
        output::complain(format_args!(
            "error: that is the outcome of an earlier text; {}\n{}, or run the earlier text again with `wo retry {id}`",
            rejection::said_later(&drop),
            rejection::hint(&drop)
        ));
        return Ok(Exit::Bad);
    }
    Ok(if outcome.is_good() { Exit::Good } else { Exit::Bad })
}

/// What lies in the inboxes; each file is read once.
struct Inboxes<'a> {
    root: &'a Root,
    config: Config,
    ids: HashMap<(PathBuf, (u64, u64), i64), String>,
}

impl Inboxes<'_> {
    /// What is still to come for `id` though something answers for it already, in words.
    fn newer(&mut self, reader: &Reader, id: &str) -> Result<Option<String>, CliError> {
        let asked = |kind: &RequestKind| matches!(kind, RequestKind::Retry);
        if reader.pending_requests()?.iter().any(|request| request.id == id && asked(&request.kind)) {
            return Ok(Some("a retry of it waits for an executor".to_owned()));
        }
        for look in scan::scan(self.root, &self.config)? {
            let (candidate, is_refused) = match look {
                Look::Order(candidate) => (candidate, false),
                Look::Refused { candidate, .. } => (candidate, true),
                _ => continue,
            };
            let which = (candidate.path.clone(), candidate.stat.id(), candidate.stat.mtime_ns);
            let found = self.ids.entry(which).or_insert_with(|| {
                let name = candidate.shown();
                match take::open(self.root, &candidate, self.config.limits.order_bytes) {
                    Ok(taken) if !is_refused => order::id_of(&taken.bytes, &name),
                    // will be rejected as a text of this id
                    _ => order::named_by(&name),
                }
            });
            if found == id {
                return Ok(Some(format!("`{}` lies in the inbox and was not taken yet", candidate.shown())));
            }
        }
        Ok(None)
    }
}
