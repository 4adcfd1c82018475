//! From the inbox into the journal: open, check, store the raw bytes, then move the file. A batch shares one transaction
//! and one fsync per directory.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use jiff::Timestamp;

use crate::bridge::moves::MoveError;
use crate::bridge::scan::Candidate;
use crate::bridge::take::{self, TakeError, Taken};
use crate::bridge::{self, Place, Refusal, moves, refusal, signature};
use crate::config::Config;
use crate::digest;
use crate::evidence::Outcome;
use crate::journal::records::{Admission, Admit, Drop, DropKind, JournalError, Notice};
use crate::journal::{Event, Phase, Reader, RunKey, WaitOn};
use crate::order;
use crate::root::Root;

use super::{EngineError, Executor, notice};

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Claimed {
    pub runs: Vec<RunKey>,
    /// Files that were still being written: look again.
    pub unsettled: usize,
    /// Files, with why.
    pub rejected: Vec<(String, String)>,
    pub duplicates: Vec<RunKey>,
    /// The machine's trouble with single files, which stay where they are and are looked at again; the others go on.
    pub trouble: Trouble,
}

/// What kept single files from being taken, each with why.
#[derive(Debug, Default)]
pub struct Trouble {
    pub files: Vec<(Candidate, EngineError)>,
}

impl Trouble {
    /// Takes in an error that is not fatal; hands on one that is.
    pub fn note<T>(&mut self, candidate: &Candidate, result: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => {
                self.files.push((candidate.clone(), error));
                Ok(None)
            }
        }
    }
}

/// The names under which a run's file may lie in `processing/`: its own, or one with the run's number when that is taken.
pub fn processing_names(key: &RunKey) -> [String; 2] {
    [key.file.clone(), format!("{}-{}", key.run, key.file)]
}

/// A candidate that was read as an order and can be stored.
struct Ready<'a> {
    candidate: &'a Candidate,
    taken: Taken,
    admit: Admit,
}

/// Claims settled candidates.
pub fn claim(executor: &Executor, candidates: &[Candidate]) -> Result<Claimed, EngineError> {
    executor.check_hold()?;
    let (ready, mut claimed) = read(executor, candidates)?;
    if !ready.is_empty() {
        admit(executor, &ready, &mut claimed)?;
    }
    Ok(claimed)
}

/// Reads each candidate; what is no order, or must not be stored, is rejected.
fn read<'a>(executor: &Executor, candidates: &'a [Candidate]) -> Result<(Vec<Ready<'a>>, Claimed), EngineError> {
    let settings = executor.settings();
    let limit = settings.config.limits.order_bytes;
    let mut claimed = Claimed::default();
    let mut ready = Vec::new();
    for candidate in candidates {
        let taken = match open(executor, candidate, limit) {
            Ok(taken) => taken,
            Err(TakeError::Refused(why)) => {
                claimed.reject(candidate, &why.to_string(), refuse(executor, candidate, &why))?;
                continue;
            }
            Err(TakeError::NotSettled) => {
                claimed.unsettled += 1;
                continue;
            }
            Err(TakeError::Gone) => continue,
            Err(TakeError::Failed(error)) => {
                claimed.trouble.note::<()>(candidate, Err(error.into()))?;
                continue;
            }
        };
        let file = candidate.shown();
        let parsed = order::parse(&taken.bytes, &file);
        if settings.masker.finds_in(&taken.bytes) {
            let why = "it contains a secret that Workbridge knows";
            let cure =
                "take the secret out, name it as `{ env = … }` or `{ file = … }` in wo.toml, and drop the order again";
            let reason = refusal::reason(&file, why, cure);
            let id = parsed.map_or_else(|_| order::named_by(&file), |order| order.id);
            // what is no word of the order must not bring the secret into the journal either
            let id = if settings.masker.finds_in(id.as_bytes()) { String::new() } else { id };
            claimed.reject(candidate, why, reject(executor, candidate, &reason, &taken.sha256, &id, why))?;
            continue;
        }
        match parsed {
            Ok(order) => {
                let admit = Admit {
                    id: order.id.clone(),
                    agent: candidate.agent.clone(),
                    file: file.clone(),
                    sha256: taken.sha256.clone(),
                    bytes: taken.bytes.clone(),
                    priority: order.priority,
                    view_exists: executor.root.processing(&candidate.agent).join(&file).symlink_metadata().is_ok(),
                    written: written(candidate),
                    note: taken_note(candidate, &taken.sha256),
                };
                ready.push(Ready { candidate, taken, admit });
            }
            Err(why) => {
                let why = why.to_string();
                let reason = refusal::reason(&file, &why, "correct it and drop it again");
                let id = order::named_by(&file);
                claimed.reject(candidate, &why, reject(executor, candidate, &reason, &taken.sha256, &id, &why))?;
            }
        }
    }
    Ok((ready, claimed))
}

/// Stores what is ready in one transaction, then moves the files.
fn admit(executor: &Executor, ready: &[Ready<'_>], claimed: &mut Claimed) -> Result<(), EngineError> {
    let admits = ready.iter().map(|ready| ready.admit.clone()).collect();
    let admissions = executor.journal.admit(admits, executor.clock.now())?;
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    for (Ready { candidate, taken, admit }, admission) in ready.iter().zip(admissions) {
        touched.insert(&candidate.agent);
        match admission {
            Admission::Accepted(key) => {
                let moved = to_processing(executor, candidate, taken, &key);
                let moved = moved.map_err(|error| stuck(executor, candidate, &key, error));
                if claimed.trouble.note(candidate, moved)?.is_some() {
                    claimed.runs.push(key);
                }
            }
            // a drop that was stored by an earlier look and could not be moved then is taken up now
            Admission::Unmoved(key) => {
                let moved = to_processing(executor, candidate, taken, &key)
                    .map_err(|error| stuck(executor, candidate, &key, error))
                    .and_then(|()| Ok(executor.journal.forget_notice(&admit.note)?));
                if claimed.trouble.note(candidate, moved)?.is_some() {
                    claimed.runs.push(key);
                }
            }
            Admission::Duplicate { of } => {
                let why = format!("the same bytes as {0} attempt {1}; `wo retry {0}` runs it again", of.id, of.attempt);
                if claimed.trouble.note(candidate, put_by(executor, candidate, taken, admit, &why))?.is_some() {
                    claimed.duplicates.push(of);
                }
            }
            Admission::Known => {
                let why =
                    "it was taken in before, and another text of it since; to run it now, `touch` it and drop it again";
                claimed.trouble.note(candidate, put_by(executor, candidate, taken, admit, why))?;
            }
            Admission::Conflict { with } => {
                let why = format!(
                    "{} is still open with other text (sha256 {}; this one has {})",
                    with.id, with.sha256, admit.sha256
                );
                let cure = "wait until the earlier one has ended or cancel it, then drop this one again";
                let reason = refusal::reason(&admit.file, &why, cure);
                let rejected = reject(executor, candidate, &reason, &admit.sha256, &admit.id, &why);
                claimed.reject(candidate, &why, rejected)?;
            }
        }
    }
    for agent in touched {
        bridge::sync_dirs(&executor.root, agent, &[Place::Processing, Place::Inbox])?;
    }
    Ok(())
}

impl Claimed {
    fn reject(
        &mut self,
        candidate: &Candidate,
        why: &str,
        rejected: Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        if self.trouble.note(candidate, rejected)?.is_some() {
            self.rejected.push((candidate.shown(), why.to_owned()));
        }
        Ok(())
    }
}

/// A duplicate goes to the archive. As long as it has not got there it is noted, or it would be taken for a new word once
/// another text of its id has come.
fn put_by(
    executor: &Executor,
    candidate: &Candidate,
    taken: &Taken,
    admit: &Admit,
    why: &str,
) -> Result<(), EngineError> {
    let drop = dropped(executor, candidate, &admit.sha256, &admit.id, DropKind::Duplicate, why);
    executor.journal.record_drop(drop, remembered(&admit.note))?;
    moved(moves::set_aside(&executor.root, candidate, taken, &candidate.name))?;
    bridge::sync_dirs(&executor.root, &candidate.agent, &[Place::Archive])?;
    Ok(executor.journal.forget_notice(&admit.note)?)
}

/// The key of the notice that this very file was taken in.
fn taken_note(candidate: &Candidate, sha256: &str) -> String {
    let stat = &candidate.stat;
    let which = format!("{}\u{1f}{sha256}\u{1f}{:?}", candidate.shown(), stat.id());
    format!("taken/{}/{}", candidate.agent, digest::sha256(which.as_bytes()))
}

/// When a candidate was last written; the end of all times, for one that is none.
fn written(candidate: &Candidate) -> Timestamp {
    Timestamp::from_nanosecond(candidate.stat.mtime_ns.into()).unwrap_or(Timestamp::MAX)
}

/// A notice that nobody is told.
fn remembered(key: &str) -> Notice {
    Notice { key: key.to_owned(), body: "{}".to_owned(), told: true }
}

const STUCK: &str = "its file can't be taken out of the inbox";

/// Whether a run waits for its own file, which lies in the inbox still.
pub fn is_stuck(phase: &Phase) -> bool {
    matches!(phase, Phase::Waiting { on: WaitOn::Gate, why, .. } if why.starts_with(STUCK))
}

/// A claimed order whose file can't be moved waits, and says why; whatever becomes of it, the file is no new drop. The worse
/// of the errors.
fn stuck(executor: &Executor, candidate: &Candidate, key: &RunKey, error: EngineError) -> EngineError {
    let said = (|| -> Result<(), EngineError> {
        let now = executor.clock.now();
        executor.journal.notice(remembered(&taken_note(candidate, &key.sha256)), now)?;
        let mut run = executor.journal.reader()?.load(key)?;
        let why = format!("{STUCK}: {error}");
        let is_new = match &run.phase {
            Phase::Received => true,
            // a worker has none of these: what waits with a plan has been moved
            Phase::Waiting { why: said, .. } => run.plan.is_none() && *said != why,
            _ => false,
        };
        if is_new {
            let event =
                super::tape::masked(&executor.settings().masker, Event::Waiting { on: WaitOn::Gate, why, until: now })?;
            run.apply(&event, now).map_err(JournalError::from)?;
            executor.journal.append(&run, vec![(now, event)])?;
        }
        Ok(())
    })();
    match said {
        Err(worse) if worse.is_fatal() => worse,
        _ => error,
    }
}

/// The run that this very file was taken in for and that has ended since, where the file could not be moved and lies in its inbox
/// still: nothing becomes of it any more.
pub fn left_behind(
    root: &Root,
    config: &Config,
    reader: &Reader,
    agent: &str,
    file: &OsStr,
) -> Result<Option<(RunKey, Outcome)>, EngineError> {
    let shown = crate::text::line(&file.to_string_lossy(), 255);
    let runs = reader.runs_of_file(agent, &shown)?;
    if runs.iter().all(|row| row.phase.ended().is_none()) {
        return Ok(None);
    }
    let Some(bridge::scan::Look::Order(candidate)) = bridge::scan::look_at(root, config, agent, file)? else {
        return Ok(None);
    };
    let Ok(taken) = take::open(root, &candidate, config.limits.order_bytes) else { return Ok(None) };
    let Some(row) = runs.into_iter().find(|row| row.key.sha256 == taken.sha256) else { return Ok(None) };
    let is_taken = reader.is_noted(&taken_note(&candidate, &taken.sha256))?;
    Ok(row.phase.ended().filter(|_| is_taken).map(|outcome| (row.key, outcome)))
}

/// What is to be said of such a file.
pub fn tell_left_behind(file: &str, key: &RunKey, outcome: Outcome) -> String {
    let (id, became) = match outcome {
        Outcome::Cancelled => (&key.id, "was cancelled".to_owned()),
        outcome => (&key.id, format!("has ended ({outcome})")),
    };
    format!("{file} stays in the inbox of {}: {id} {became}, but its file can't be moved; remove it by hand", key.agent)
}

/// What was taken in from files that were stuck and are away now is no longer remembered by them: another file may get the place
/// of one on the disk.
pub fn forget_taken(executor: &Executor, reader: &Reader, candidate: &Candidate) -> Result<(), EngineError> {
    for row in reader.runs_of_file(&candidate.agent, &candidate.shown())? {
        executor.journal.forget_notice(&taken_note(candidate, &row.key.sha256))?;
    }
    Ok(())
}

/// After a crash between the commit and the rename: the stored drop still lies in the inbox. Must come before its run is
/// taken up, or the file would look like a duplicate afterwards.
pub fn finish_unmoved(executor: &Executor, key: &RunKey) -> Result<(), EngineError> {
    let root = &executor.root;
    let processing = root.processing(&key.agent);
    if processing_names(key).iter().any(|name| processing.join(name).symlink_metadata().is_ok()) {
        return Ok(());
    }
    let config = executor.settings().config;
    let look = bridge::scan::look_at(root, &config, &key.agent, key.file.as_ref())?;
    let Some(bridge::scan::Look::Order(candidate)) = look else { return Ok(()) };
    let Ok(taken) = take::open(root, &candidate, config.limits.order_bytes) else { return Ok(()) };
    if taken.sha256 != key.sha256 {
        return Ok(());
    }
    to_processing(executor, &candidate, &taken, key).map_err(|error| stuck(executor, &candidate, key, error))?;
    executor.journal.forget_notice(&taken_note(&candidate, &key.sha256))?;
    Ok(bridge::sync_dirs(root, &key.agent, &[Place::Processing, Place::Inbox])?)
}

fn open(executor: &Executor, candidate: &Candidate, limit: u64) -> Result<Taken, TakeError> {
    let taken = take::open(&executor.root, candidate, limit)?;
    if let Some(key) = &executor.settings().config.inbox.require_signature {
        signature::check_beside(key, candidate, &taken.bytes)?;
    }
    Ok(taken)
}

fn to_processing(executor: &Executor, candidate: &Candidate, taken: &Taken, key: &RunKey) -> Result<(), EngineError> {
    let [plain, numbered] = processing_names(key);
    match moves::to_processing(&executor.root, candidate, taken, &plain) {
        Err(MoveError::Exists(_)) => moved(moves::to_processing(&executor.root, candidate, taken, &numbered)),
        other => moved(other),
    }
}

/// A file that went away or was replaced after it was stored is no loss: the bytes are in the journal, and a new file of
/// that name is found by the next scan.
fn moved<T>(result: Result<T, MoveError>) -> Result<(), EngineError> {
    match result {
        Ok(_) | Err(MoveError::Gone | MoveError::Swapped) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Puts a candidate that is not fit to be read into `rejected/`. It counts as a text of the id that its name gives, or an
/// earlier text of that id would pass for the newest.
pub fn refuse(executor: &Executor, candidate: &Candidate, why: &Refusal) -> Result<(), EngineError> {
    let file = candidate.shown();
    reject(executor, candidate, &why.markdown(&file), "", &order::named_by(&file), &why.to_string())
}

fn reject(
    executor: &Executor,
    candidate: &Candidate,
    reason_markdown: &str,
    sha256: &str,
    id: &str,
    why: &str,
) -> Result<(), EngineError> {
    let file = candidate.shown();
    let stat = &candidate.stat;
    let which = format!("{file}\u{1f}{sha256}\u{1f}{:?}\u{1f}{}\u{1f}{why}", stat.id(), stat.mtime_ns);
    let key = format!("rejected/{}", digest::sha256(which.as_bytes()));
    // before the move: afterwards nobody looks at the file again
    let notice = notice::notice(executor, key, &file, "rejected", why);
    let new =
        executor.journal.record_drop(dropped(executor, candidate, sha256, id, DropKind::Rejected, why), notice)?;
    if new {
        notice::noted(executor, &file, "rejected", why);
    }
    moved(moves::refuse(&executor.root, candidate, reason_markdown))?;
    Ok(bridge::sync_dirs(&executor.root, &candidate.agent, &[Place::Rejected, Place::Inbox])?)
}

fn dropped(executor: &Executor, candidate: &Candidate, sha256: &str, id: &str, kind: DropKind, why: &str) -> Drop {
    Drop {
        at: executor.clock.now(),
        agent: candidate.agent.clone(),
        file: candidate.shown(),
        sha256: sha256.to_owned(),
        id: id.to_owned(),
        kind,
        reason: why.to_owned(),
    }
}

/// Says once that a result lies in the inbox, where it is left.
pub fn note_result(executor: &Executor, candidate: &Candidate) -> Result<(), EngineError> {
    note_once(executor, candidate, "result", "is a result, not an order; it is left where it is")
}

/// Says once that a file in the inbox is not named like an order, and so is left where it is.
pub fn note_stray(executor: &Executor, candidate: &Candidate) -> Result<(), EngineError> {
    note_once(
        executor,
        candidate,
        "stray",
        "is left where it is: an order's file is named WO-….md, .yaml, .yml or .json",
    )
}

fn note_once(executor: &Executor, candidate: &Candidate, kind: &str, what: &str) -> Result<(), EngineError> {
    let key = format!("{kind}/{}/{}", candidate.agent, candidate.shown());
    let notice = Notice { key, body: "{}".to_owned(), told: true };
    if executor.journal.notice(notice, executor.clock.now())? {
        tracing::info!("{} {what}", candidate.shown());
    }
    Ok(())
}
