//! `wo log [ID] [-f]`: the events of the journal, one a line. It ends with its reader (`wo log -f | grep -m1 …`).

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;

use super::{CliError, Exit, Global, output, rejection};
use crate::journal::Reader;
use crate::journal::records::Entry;

/// Show the journal's events; -f follows
#[derive(clap::Args)]
pub struct Args {
    /// one order only
    #[arg(value_name = "ID", value_parser = super::order_id)]
    id: Option<String>,
    /// go on as events come
    #[arg(short, long, env = "WO_FOLLOW")]
    follow: bool,
    /// how many of the newest events to begin with
    #[arg(short = 'n', long, env = "WO_LINES", value_name = "N", default_value_t = 50)]
    lines: usize,
    /// print a JSON object a line
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

const LOOK_EVERY: Duration = Duration::from_millis(100);
const PAGE: usize = 1_000;

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let Some(reader) = Reader::open_existing(&root)? else {
        return Err(CliError::new("nothing has happened here yet: there is no journal"));
    };
    // with an id the events of other orders stand between: those before the newest `lines` are dropped once all are read
    let mut seen = match &args.id {
        Some(_) => 0,
        None => reader.last_event()?.saturating_sub(args.lines as i64),
    };
    let mut begun: Option<VecDeque<String>> = args.id.as_ref().map(|_| VecDeque::new());
    if let Some(id) = &args.id {
        match reader.last_run_of(id)? {
            None if !args.follow => return Err(rejection::of_unknown(Some(&reader), id)?),
            row => {
                let run = row.map(|row| reader.load(&row.key)).transpose()?;
                if let Some(drop) = rejection::of_newest(&reader, id, run.as_ref())? {
                    output::complain(format_args!(
                        "{id}: its newest text is not among these: {}",
                        rejection::said(&drop)
                    ));
                }
            }
        }
    }
    loop {
        let entries = reader.events_after(seen, PAGE)?;
        let full = entries.len() == PAGE;
        let wanted: Option<Vec<i64>> = match &args.id {
            Some(id) => Some(reader.runs_of(id)?.iter().map(|row| row.key.run).collect()),
            None => None,
        };
        let mut text = String::new();
        for entry in entries {
            seen = entry.seq;
            if wanted.as_ref().is_none_or(|runs| runs.contains(&entry.run)) {
                let line = line(&reader, &entry, args.json)?;
                match &mut begun {
                    Some(newest) => {
                        newest.push_back(line);
                        if newest.len() > args.lines {
                            newest.pop_front();
                        }
                    }
                    None => text.push_str(&line),
                }
            }
        }
        if full && begun.is_some() {
            continue;
        }
        text.extend(begun.take().into_iter().flatten());
        if !output::print_on(&text)? {
            return Ok(Exit::Good);
        }
        if full {
            continue;
        }
        if !args.follow {
            return Ok(Exit::Good);
        }
        // SQLite tells other processes of commits by its data version alone
        let version = reader.data_version()?;
        while reader.data_version()? == version {
            if !output::pause_while_read(LOOK_EVERY) {
                return Ok(Exit::Good);
            }
        }
    }
}

fn line(reader: &Reader, entry: &Entry, json: bool) -> Result<String, CliError> {
    let row = reader.run(entry.run)?;
    let (id, attempt) = row.map(|row| (row.key.id, row.key.attempt)).unwrap_or_default();
    if json {
        let value = json!({ "seq": entry.seq, "at": entry.at, "id": id, "attempt": attempt, "event": entry.event });
        return Ok(format!("{value}\n"));
    }
    Ok(format!("{:.3} {id}#{attempt} {}\n", entry.at, crate::text::line(&entry.event.summary(), 400)))
}
