//! The end of an order: judge, report, archive. Reports are rendered from the journal alone: same events, same bytes, so
//! that a crash in the middle is mended by doing it again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::pipeline::Next;
use super::tape::Tape;
use super::{EngineError, Executor, backup, edited, notice};
use crate::bridge::{self, Place, moves, refusal};
use crate::durable;
use crate::evidence::{Outcome, Vocabulary, judge};
use crate::handlers::Handler;
use crate::journal::run::Progress;
use crate::journal::{Event, Run};
use crate::order::Order;
use crate::report::{self, RunRecord};
use crate::secret::Masker;

/// Judges the criteria from the measurements and so the outcome.
pub fn judge(tape: &mut Tape<'_>, order: &Order, handler: Option<&dyn Handler>) -> Result<(), EngineError> {
    let run = tape.run();
    let known = handler.map_or(Vocabulary::empty(), |handler| handler.measurements(order));
    let today = tape.executor.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let mut criteria = judge::judge(&run.criteria, order, &run.standing_measurements(), known, today);
    if let Some(template) = &run.template {
        let mut record = record(tape.executor, run, order, handler);
        record.criteria = criteria;
        criteria = report::as_rows_say(&template.text, &record);
    }
    let failed_step = run.failure().map(|step| {
        format!("step {} failed: {}", step.spec.name, step.failure.as_deref().unwrap_or("no reason given"))
    });
    let (mut outcome, mut reason) = if run.cancel {
        (Outcome::Cancelled, "cancelled by a person".to_owned())
    } else {
        judge::outcome(&criteria, failed_step.as_deref(), run.changed_something() || run.only_measures())
    };
    if outcome.is_good() && run.commands.is_some() {
        let template = run.template.as_ref().map(|template| template.text.as_str());
        let failures = report::failures(&record(tape.executor, run, order, handler), template);
        if !failures.is_empty() {
            outcome = Outcome::Partial;
            reason = format!("{reason}, but these commands failed: {}", failures.join("; "));
        }
    }
    let kept: Vec<&str> = run
        .steps
        .iter()
        .filter(|step| {
            let is_left = !step.kept.is_empty() || step.undo_failed();
            step.stands || (step.progress == Progress::Undone && is_left)
        })
        .map(|step| step.after.as_str())
        .collect();
    if !kept.is_empty() {
        reason = format!("{reason}; {}", kept.join("; "));
    }
    // a template that can't be filled must not end in a success without its report
    if let Some(template) = &run.template
        && outcome.is_good()
    {
        let mut record = record(tape.executor, run, order, handler);
        record.outcome = outcome;
        record.criteria.clone_from(&criteria);
        if let Err(error) = report::fill(&template.text, &record) {
            outcome = Outcome::Partial;
            reason = format!("the template {} can't be filled: {error}", template.name);
        }
    }
    tape.push(Event::Judged { outcome, reason, criteria })
}

/// Ends a run whose order can't be carried out; its file goes to `rejected/` with the reason.
pub fn reject(tape: &mut Tape<'_>, order: &Order, bytes: &[u8], reason: &str) -> Result<Next, EngineError> {
    tape.write(Event::Judged { outcome: Outcome::Rejected, reason: reason.to_owned(), criteria: Vec::new() })?;
    report_and_archive(tape, order, bytes)
}

/// As [`reject`], for bytes that are no longer understood as an order (an older `wo` took them).
pub fn reject_unparsed(tape: &mut Tape<'_>, bytes: &[u8], reason: &str) -> Result<Next, EngineError> {
    if tape.run().outcome.is_none() {
        tape.write(Event::Judged { outcome: Outcome::Rejected, reason: reason.to_owned(), criteria: Vec::new() })?;
    }
    let source = put_away(tape.executor, tape.run(), bytes)?;
    notice::tell(tape.executor, &tape.run().key, "rejected", reason)?;
    tape.write(Event::Ended { reports: Vec::new(), source })?;
    Ok(Next::Ended(tape.run().outcome.unwrap_or(Outcome::Rejected)))
}

/// Writes the reports, puts the source away, and ends the run.
pub fn report_and_archive(tape: &mut Tape<'_>, order: &Order, bytes: &[u8]) -> Result<Next, EngineError> {
    let executor = tape.executor;
    let run = tape.run();
    let outcome = run.outcome.ok_or_else(|| EngineError::Fatal(format!("{} was not judged", run.key.id)))?;
    let handler = super::plan::handler_of(run, executor).unwrap_or(None);
    let masker = executor.masker_now();
    // as its author wrote it, before Markdown escapes anything in it
    let record = record(executor, run, &masked(&masker, order), handler.as_deref());
    let mut reports = Vec::new();
    let files = render(executor, run, &record, &masker)?;
    for (path, text) in &files {
        if let Some(kept) = bridge::outbox::make_room(path, text.as_bytes())? {
            let (path, kept) = (executor.root.show(path), executor.root.show(&kept));
            tracing::warn!("{}: `{path}` was somebody else's; it is kept as `{kept}`", run.key.id);
        }
    }
    durable::write_all(files.iter().map(|(path, text)| (path.as_path(), text.as_bytes())), 0o644)?;
    for (path, _) in &files {
        reports.extend(backup::artifact(&executor.root, path)?);
    }
    let source = put_away(executor, run, bytes)?;
    if outcome == Outcome::Rejected {
        // before its end is written: a run that has ended is not looked at again after a crash
        notice::tell(executor, &run.key, "rejected", &run.reason)?;
    }
    tape.write(Event::Ended { reports, source })?;
    Ok(Next::Ended(outcome))
}

/// `order` without the secrets that are known now: it may quote one that was none when it was taken in.
fn masked(masker: &Masker, order: &Order) -> Order {
    let text = serde_json::to_string(order).unwrap_or_default();
    match masker.finds_in_json(&text) {
        true => serde_json::from_str(&masker.mask_json(&text)).unwrap_or_else(|_| order.clone()),
        false => order.clone(),
    }
}

/// The files of the outbox: path and text.
fn render(
    executor: &Executor,
    run: &Run,
    record: &RunRecord,
    masker: &Masker,
) -> Result<Vec<(PathBuf, String)>, EngineError> {
    let outbox = executor.root.outbox(&run.key.agent);
    let mut files = Vec::new();
    if record.outcome != Outcome::Rejected {
        let template = report::builtin("COMPLETION_REPORT").unwrap_or_default();
        let asked = run.template.as_ref().map(|template| template.text.as_str());
        let text = report::completion(&report::as_tests_ask(record, asked), template).map_err(|error| {
            EngineError::Fatal(format!("failed to render the completion report of {}: {error}", run.key.id))
        })?;
        files.push((outbox.join(report::file_name(&run.key.id, None, run.key.attempt)), masker.mask(&text)));
        if let Some(template) = &run.template
            && let Ok(filled) = report::fill(&template.text, record)
        {
            let name = report::file_name(&run.key.id, Some(&template.name), run.key.attempt);
            files.push((outbox.join(name), masker.mask(&filled.text)));
        }
    }
    let mut result = serde_json::to_string_pretty(&report::result_json(record)).unwrap_or_default();
    result.push('\n');
    let suffix = if run.key.attempt > 1 { format!(".attempt-{}", run.key.attempt) } else { String::new() };
    files.push((outbox.join(format!("{}{suffix}.result.json", run.key.id)), masker.mask_json(&result)));
    Ok(files)
}

/// All that reports may speak of, from the run alone.
pub fn record(executor: &Executor, run: &Run, order: &Order, handler: Option<&dyn Handler>) -> RunRecord {
    RunRecord {
        order: order.clone(),
        agent: run.key.agent.clone(),
        order_sha256: run.key.sha256.clone(),
        attempt: run.key.attempt,
        handler: run.handler.clone(),
        received: run.key.received,
        started: run.started.unwrap_or(run.key.received),
        ended: run.ended.unwrap_or_else(|| executor.clock.now()),
        outcome: run.outcome.unwrap_or(Outcome::Partial),
        reason: run.reason.clone(),
        criteria: run.judged.clone(),
        measurements: run.standing_measurements(),
        declarations: handler.map_or(Vocabulary::empty(), |handler| handler.measurements(order)),
        steps: run.step_records(),
        commands: run.commands.clone().unwrap_or_default(),
        reference: super::pipeline::reference(handler, order),
        notes: run.plan.as_ref().map(|plan| plan.notes.clone()).unwrap_or_default(),
        zone: zone(),
    }
}

/// The local zone's IANA name; `UTC` where the machine names none.
fn zone() -> String {
    jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned()
}

/// Moves the source from `processing/` to `archive/` or `rejected/`; where the view is gone, the bytes of the journal are
/// written there. Returns where it lies, relative to the root.
fn put_away(executor: &Executor, run: &Run, bytes: &[u8]) -> Result<String, EngineError> {
    let (root, agent) = (&executor.root, run.key.agent.as_str());
    let rejected = run.outcome == Some(Outcome::Rejected);
    let place = if rejected { Place::Rejected } else { Place::Archive };
    let reason = refusal::reason(&run.key.file, &run.reason, "correct the order and drop it again; its id may stay");
    if let Some((path, sha256)) = edited::edited(executor, &run.key)? {
        edited::set_aside(executor, &run.key, &path, &sha256)?;
    }
    if let Some(path) = arrived(executor, run, place)? {
        return Ok(root.show(&path));
    }
    let moved = match view(executor, run)? {
        Some(path) if rejected => moves::to_rejected(root, agent, &path, &run.key.file, &reason)?,
        Some(path) => moves::to_archive(root, agent, &path, &run.key.file)?,
        None => {
            let path = free_name(&place.dir(root, agent), &run.key.file);
            durable::write(&path, bytes, 0o644)?;
            if rejected {
                let beside = path.with_file_name(format!("{}.reason.md", file_name(&path)));
                durable::write(&beside, reason.as_bytes(), 0o644)?;
            }
            path
        }
    };
    bridge::sync_dirs(root, agent, &[Place::Processing, place])?;
    Ok(root.show(&moved))
}

/// Where the source lies already: a crash came after the move and before its record, or this is a retry. Only a run with
/// no view in `processing/` looks.
fn arrived(executor: &Executor, run: &Run, place: Place) -> Result<Option<PathBuf>, EngineError> {
    if view(executor, run)?.is_some() {
        return Ok(None);
    }
    let dir = place.dir(&executor.root, &run.key.agent);
    for name in names(&run.key.file).take(64) {
        let path = dir.join(name);
        match backup::artifact(&executor.root, &path)? {
            Some(artifact) if artifact.sha256 == run.key.sha256 => return Ok(Some(path)),
            // a person may have taken one of the numbers away
            _ => {}
        }
    }
    Ok(None)
}

/// The file of this run in `processing/`, if it lies there with its very bytes.
fn view(executor: &Executor, run: &Run) -> Result<Option<PathBuf>, EngineError> {
    let dir = executor.root.processing(&run.key.agent);
    for name in super::claim::processing_names(&run.key) {
        let path = dir.join(name);
        if backup::artifact(&executor.root, &path)?.is_some_and(|artifact| artifact.sha256 == run.key.sha256) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn free_name(dir: &Path, name: &str) -> PathBuf {
    let free = |path: &PathBuf| path.symlink_metadata().is_err();
    names(name).map(|name| dir.join(name)).find(free).unwrap_or_else(|| dir.join(name))
}

/// `name`, then its numbered forms, as the bridge gives them where a name is taken.
fn names(name: &str) -> impl Iterator<Item = OsString> {
    let name = OsString::from(name);
    (1..).map(move |n| bridge::names::nth(&name, n))
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
