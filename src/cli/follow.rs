//! What becomes of files that another executor takes: each is followed by its name and its text, since its id alone would
//! answer with the outcome of an earlier text.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{CliError, Exit};
use crate::bridge::scan::{self, Look};
use crate::config::Config;
use crate::engine::claim;
use crate::evidence::Outcome;
use crate::journal::records::DropKind;
use crate::journal::{Phase, Reader, RunKey, WaitOn};
use crate::root::Root;
use crate::text;

/// A file that lies, or lay, in an inbox.
pub struct Dropped {
    pub agent: String,
    /// Its name, safe to show; the journal has it under this one.
    pub file: String,
    pub path: PathBuf,
    /// `None` when only its name is known.
    pub sha256: Option<String>,
}

impl Dropped {
    /// Whether a record of the journal that has this hash can be about this file. A file that was refused unread has none.
    fn may_be(&self, sha256: &str) -> bool {
        sha256.is_empty() || self.sha256.as_ref().is_none_or(|own| own == sha256)
    }
}

enum Fate {
    /// Nobody has taken it yet.
    Lies,
    Rejected(String),
    /// It became this run, or (`known`) has the very bytes of it.
    Run {
        key: RunKey,
        known: bool,
    },
    /// Its order has ended, and it could not be taken away.
    LeftBehind {
        key: RunKey,
        outcome: Outcome,
    },
    /// It is away, and the journal does not know it.
    Gone,
}

/// Files and runs that are followed to their ends, from a mark in the journal that was set before the files were there.
pub struct Follow {
    files: Vec<(Dropped, Fate)>,
    /// Runs that were open already.
    runs: Vec<RunKey>,
    run_mark: i64,
    drop_mark: i64,
    root: Root,
    config: Config,
}

/// How it stands with all that is followed.
pub struct Account {
    pub text: String,
    pub worst: Exit,
}

impl Follow {
    /// Sets the mark; what is dropped after it can be followed.
    pub fn begin(root: &Root) -> Result<Follow, CliError> {
        let (run_mark, drop_mark) = match Reader::open_existing(root)? {
            Some(reader) => (reader.last_run()?, reader.last_drop()?),
            None => (0, 0),
        };
        let (root, config) = (root.clone(), Config::load(root)?);
        Ok(Follow { files: Vec::new(), runs: Vec::new(), run_mark, drop_mark, root, config })
    }

    pub fn add(&mut self, dropped: Dropped) {
        self.files.push((dropped, Fate::Lies));
    }

    /// All that lies in the inboxes now, and the orders that are at work.
    pub fn add_inboxes(&mut self, root: &Root) -> Result<(), CliError> {
        for look in scan::scan(root, &self.config)? {
            let (Look::Order(candidate) | Look::Refused { candidate, .. }) = look else { continue };
            self.add(Dropped { file: candidate.shown(), agent: candidate.agent, path: candidate.path, sha256: None });
        }
        if let Some(reader) = Reader::open_existing(root)? {
            self.runs = reader.open_runs()?.into_iter().map(|row| row.key).collect();
        }
        Ok(())
    }

    /// Learns what the journal says by now.
    pub fn look(&mut self, reader: &Reader) -> Result<(), CliError> {
        // before the journal: whoever takes a file away has written why by then
        let away: Vec<bool> = self.files.iter().map(|(file, _)| file.path.symlink_metadata().is_err()).collect();
        let newest_drop = reader.last_drop()?;
        let drops = reader.drops_after(self.drop_mark)?;
        let runs = reader.runs_after(self.run_mark)?;
        let mut lying: HashMap<(String, String), usize> = HashMap::new();
        for (n, (file, fate)) in self.files.iter().enumerate() {
            if matches!(fate, Fate::Lies) {
                lying.insert((file.agent.clone(), file.file.clone()), n);
            }
        }
        for drop in drops {
            let Some(&n) = lying.get(&(drop.agent, drop.file)) else { continue };
            let Some((file, fate)) = self.files.get_mut(n).filter(|(file, _)| file.may_be(&drop.sha256)) else {
                continue;
            };
            match drop.kind {
                DropKind::Rejected => *fate = Fate::Rejected(drop.reason),
                DropKind::Duplicate => *fate = known(reader, &drop.id, &drop.sha256)?.unwrap_or(Fate::Gone),
                DropKind::Result | DropKind::Edited | DropKind::Other(_) => {
                    tracing::debug!("{} is no order", file.file);
                }
            }
        }
        for row in runs {
            self.run_mark = self.run_mark.max(row.key.run);
            let Some(&n) = lying.get(&(row.key.agent.clone(), row.key.file.clone())) else { continue };
            if let Some((_, fate)) = self.files.get_mut(n).filter(|(file, _)| file.may_be(&row.key.sha256)) {
                *fate = Fate::Run { key: row.key, known: false };
            }
        }
        // one that was stored before the mark and could not be moved since
        if self.files.iter().any(|(_, fate)| matches!(fate, Fate::Lies)) {
            for row in reader.open_runs()?.into_iter().filter(|row| claim::is_stuck(&row.phase)) {
                let Some(&n) = lying.get(&(row.key.agent.clone(), row.key.file.clone())) else { continue };
                let is_it =
                    |(file, fate): &&mut (Dropped, Fate)| matches!(fate, Fate::Lies) && file.may_be(&row.key.sha256);
                if let Some((_, fate)) = self.files.get_mut(n).filter(is_it) {
                    *fate = Fate::Run { key: row.key, known: false };
                }
            }
        }
        let left = self.files.iter_mut().zip(&away).filter(|((_, fate), away)| !**away && matches!(fate, Fate::Lies));
        for ((file, fate), _) in left {
            let Some(name) = file.path.file_name() else { continue };
            let found = claim::left_behind(&self.root, &self.config, reader, &file.agent, name);
            if let Some((key, outcome)) = found.map_err(CliError::from)? {
                *fate = Fate::LeftBehind { key, outcome };
            }
        }
        self.drop_mark = newest_drop;
        for ((file, fate), _) in
            self.files.iter_mut().zip(away).filter(|((_, fate), away)| *away && matches!(fate, Fate::Lies))
        {
            *fate = recorded_before(reader, file)?;
        }
        Ok(())
    }

    /// Whether nothing that is followed goes on by itself: all has ended, or waits for a person or a gate.
    pub fn is_settled(&self, reader: &Reader) -> Result<bool, CliError> {
        if self.files.iter().any(|(_, fate)| matches!(fate, Fate::Lies)) {
            return Ok(false);
        }
        let open = reader.open_runs()?;
        // a gate may open as long as any order is at work
        let at_work = open.iter().any(|row| !row.phase.needs_person() && !waits_at_gate(&row.phase));
        let goes_on = |phase: &Phase| !phase.needs_person() && (!waits_at_gate(phase) || at_work);
        Ok(!open.iter().any(|row| self.keys().any(|key| key.run == row.key.run) && goes_on(&row.phase)))
    }

    /// What is still on its way, for whoever gives up waiting.
    pub fn pending(&self, reader: Option<&Reader>) -> Result<Vec<String>, CliError> {
        let lies = self.files.iter().filter(|(_, fate)| matches!(fate, Fate::Lies));
        let mut pending: Vec<String> = lies.map(|(file, _)| format!("{} lies in the inbox", file.file)).collect();
        for row in reader.map(Reader::open_runs).transpose()?.unwrap_or_default() {
            if self.keys().any(|key| key.run == row.key.run) {
                pending.push(format!("{} is {}", row.key.id, row.phase.name()));
            }
        }
        Ok(pending)
    }

    /// How each of them ended. `told_file` and `told` say which rejected files and which runs were spoken of already.
    pub fn account(
        &self,
        reader: &Reader,
        told_file: impl Fn(&str) -> bool,
        told: impl Fn(&RunKey) -> bool,
    ) -> Result<Account, CliError> {
        let mut account = Account { text: String::new(), worst: Exit::Good };
        for key in self.runs.iter().filter(|key| !told(key)) {
            account.run(reader, key, false)?;
        }
        for (file, fate) in &self.files {
            match fate {
                Fate::Run { key, known } if !told(key) => account.run(reader, key, *known)?,
                Fate::Run { .. } => {}
                Fate::Rejected(_) | Fate::LeftBehind { .. } | Fate::Lies if told_file(&file.file) => {}
                Fate::Rejected(why) => account.bad(&rejected(&file.file, why)),
                Fate::Lies => account.bad(&format!("{}  left in the inbox: no executor has taken it\n", file.file)),
                Fate::LeftBehind { key, outcome } => {
                    account.bad(&format!("{}\n", claim::tell_left_behind(&file.file, key, *outcome)));
                }
                Fate::Gone => account.bad(&format!(
                    "{}  is gone from the inbox, and no order came of it: somebody took it away\n",
                    file.file
                )),
            }
        }
        Ok(account)
    }

    fn keys(&self) -> impl Iterator<Item = &RunKey> {
        let of_files = self.files.iter().filter_map(|(_, fate)| match fate {
            Fate::Run { key, .. } => Some(key),
            _ => None,
        });
        self.runs.iter().chain(of_files)
    }
}

impl std::fmt::Display for Follow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} files and {} orders are followed", self.files.len(), self.runs.len())
    }
}

impl Account {
    fn bad(&mut self, line: &str) {
        self.text.push_str(line);
        self.worst = Exit::Bad;
    }

    fn run(&mut self, reader: &Reader, key: &RunKey, known: bool) -> Result<(), CliError> {
        let run = reader.load(key)?;
        let is_newest = reader.last_run_of(&key.id)?.is_none_or(|newest| newest.key.run == key.run);
        match run.phase.ended() {
            None => self.bad(&left(&key.id, why_open(&run.phase))),
            Some(outcome) => {
                let report = run.reports.first().map(|report| report.path.as_str());
                self.text.push_str(&match known {
                    true if is_newest => format!("{0}  {outcome} (before; `wo retry {0}` runs it again)\n", key.id),
                    true => format!("{}  {outcome} (before; another text of it came since)\n", key.id),
                    false => ended(&key.id, outcome, &run.reason, report),
                });
                if !outcome.is_good() || known && !is_newest {
                    self.worst = Exit::Bad;
                }
            }
        }
        Ok(())
    }
}

/// One line of a run that has ended, and one of its report.
pub fn ended(id: &str, outcome: Outcome, reason: &str, report: Option<&str>) -> String {
    let report = report.map(|report| format!("\n    report: {report}")).unwrap_or_default();
    format!("{id}  {outcome}: {}{report}\n", text::line(reason, 600))
}

pub fn left(id: &str, why: &str) -> String {
    format!("{id}  left: {}\n", text::line(why, 400))
}

pub fn rejected(file: &str, why: &str) -> String {
    format!("{file}  rejected: {}\n", text::line(why, 400))
}

fn why_open(phase: &Phase) -> &str {
    match phase {
        Phase::Waiting { why, .. } | Phase::Uncertain { why, .. } => why,
        phase => phase.name(),
    }
}

fn waits_at_gate(phase: &Phase) -> bool {
    matches!(phase, Phase::Waiting { on: WaitOn::Gate, .. })
}

fn known(reader: &Reader, id: &str, sha256: &str) -> Result<Option<Fate>, CliError> {
    Ok(reader.last_run_with(id, sha256)?.map(|row| Fate::Run { key: row.key, known: true }))
}

/// A file that is away without a record since the mark: its record was made before, and only the move came after.
fn recorded_before(reader: &Reader, file: &Dropped) -> Result<Fate, CliError> {
    let runs = reader.runs_of_file(&file.agent, &file.file)?;
    let drops = reader.drops_of_file(&file.agent, &file.file)?;
    let run = runs.into_iter().find(|row| file.may_be(&row.key.sha256));
    let drop = drops.into_iter().find(|drop| file.may_be(&drop.sha256) && drop.kind != DropKind::Result);
    Ok(match (run, drop) {
        (Some(row), drop) if drop.as_ref().is_none_or(|drop| drop.at <= row.key.received) => {
            Fate::Run { key: row.key, known: false }
        }
        (_, Some(drop)) if drop.kind == DropKind::Duplicate => {
            known(reader, &drop.id, &drop.sha256)?.unwrap_or(Fate::Gone)
        }
        (_, Some(drop)) => Fate::Rejected(drop.reason),
        _ => Fate::Gone,
    })
}
