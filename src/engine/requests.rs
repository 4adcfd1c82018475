//! Carries out what other processes asked for. Each request is answered in the transaction that carries it out.

use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::{EngineError, Executor, edited, gate, pipeline};
use crate::journal::requests::Answer;
use crate::journal::{Event, Phase, Reader, Request, RequestKind, Run, RunKey};
use crate::order::Priority;

/// Carries out all requests whose run no worker has; the runs to look at again, each with its priority. A run that a worker has is asked to yield.
pub fn carry_out(
    executor: &Executor,
    reader: &Reader,
    is_in_flight: &dyn Fn(i64) -> bool,
) -> Result<Vec<(RunKey, Priority)>, EngineError> {
    let mut woken = Vec::new();
    for request in reader.pending_requests()? {
        let Some(row) = reader.last_run_of(&request.id)? else {
            answer(executor, &request, false, format!("no order {} is known", request.id))?;
            continue;
        };
        if is_in_flight(row.key.run) && row.phase.ended().is_none() {
            executor.interrupt(row.key.run);
            if matches!(request.kind, RequestKind::Cancel) {
                executor.cancel_of(row.key.run).store(true, Ordering::SeqCst);
            }
            continue;
        }
        super::tape::catch_up(executor, reader, &row.key)?;
        let run = reader.load(&row.key)?;
        executor.clear_interrupt(row.key.run);
        let priority = run.priority;
        woken.extend(one(executor, &request, run)?.map(|key| (key, priority)));
    }
    Ok(woken)
}

/// For a person who is to say what became of a step, where no executor lived that could have asked: looks for it now. What
/// was still at work until this moment is looked at anew before it is said to be done.
pub fn look_first(executor: &Executor, reader: &Reader, id: &str, seq: i64) -> Result<(), EngineError> {
    let Some(row) = reader.last_run_of(id)?.filter(|row| row.phase == Phase::Running) else { return Ok(()) };
    pipeline::probe(executor, reader, &row.key)?;
    let request = reader.request(seq)?.filter(|request| request.kind == RequestKind::Resolve { done: true });
    let is_asked = matches!(reader.load(&row.key)?.phase, Phase::Uncertain { .. });
    if let Some(request) = request
        && is_asked
        && executor.cut_off(&row.key)
    {
        let text = format!("{id} was still at work, and was ended just now: look what it did, then say so again");
        answer(executor, &request, false, text)?;
    }
    Ok(())
}

fn one(executor: &Executor, request: &Request, mut run: Run) -> Result<Option<RunKey>, EngineError> {
    let id = request.id.clone();
    let now = executor.clock.now();
    let refused = |text: String| answer(executor, request, false, text).map(|()| None);
    let event = match &request.kind {
        RequestKind::Retry => {
            let Some(outcome) = run.phase.ended() else {
                return refused(format!("{id} has not ended: it is {}", run.phase.name()));
            };
            let limit = executor.settings().config.limits.attempts;
            if run.key.attempt >= limit {
                return refused(format!("{id} has had {limit} attempts (limits.attempts)"));
            }
            let text = format!("attempt {} after {outcome}", run.key.attempt + 1);
            let answer = (request.seq, Answer { accepted: true, text });
            return Ok(Some(executor.journal.retry(&run.key, run.priority, answer, now)?));
        }
        RequestKind::Cancel => match &run.phase {
            Phase::Ended { outcome } => return refused(format!("{id} has ended: {outcome}")),
            Phase::Judged { .. } => return refused(format!("{id} is already judged")),
            _ => match executor.outlived(&run.key)? {
                Some(why) => return refused(format!("{id} is not cancelled: {why}")),
                None => Event::CancelRequested,
            },
        },
        RequestKind::Approve { sha256 } => {
            if *sha256 != run.key.sha256 {
                return refused(format!("{id} has other text now: sha256 {}, not {sha256}", run.key.sha256));
            }
            if let Some(outcome) = run.phase.ended() {
                return refused(format!("{id} has ended: {outcome}"));
            }
            if let Some(why) = too_late(executor, &run)? {
                return refused(format!("{id} can't begin any more: {why}"));
            }
            // the person may mean the text that they see there
            match edited::edited(executor, &run.key)? {
                Some((path, now_has)) => {
                    let aside = edited::set_aside(executor, &run.key, &path, &now_has)?;
                    return refused(voided(&run.key, &executor.root.show(&aside)));
                }
                None => Event::Approved { sha256: sha256.clone() },
            }
        }
        RequestKind::Resolve { done } => match &run.phase {
            Phase::Uncertain { step, .. } => match executor.outlived(&run.key)? {
                Some(why) => return refused(format!("{id} is not resolved: {why}")),
                None => Event::Resolved { step: step.clone(), done: *done },
            },
            phase => return refused(format!("{id} is not uncertain: it is {}", phase.name())),
        },
    };
    // what can't follow the state that the run is in is refused: it must stop neither this executor nor every later one
    if let Err(illegal) = run.apply(&event, now) {
        return refused(illegal.to_string());
    }
    let text = event.summary();
    let events: Vec<(Timestamp, Event)> = vec![(now, event)];
    executor.journal.answer(request.seq, Answer { accepted: true, text }, Some((&run, events)))?;
    Ok(Some(run.key))
}

/// Why an approval would come too late.
fn too_late(executor: &Executor, run: &Run) -> Result<Option<String>, EngineError> {
    let bytes = executor.journal.reader()?.bytes(&run.key)?;
    let Some(order) = crate::order::parse(&bytes, &run.key.file).ok().filter(|_| !run.gates_open) else {
        return Ok(None);
    };
    let limit = executor.settings().config.limits.wait_max_s;
    Ok(gate::too_late(&order, &run.phase, limit, executor.clock.now()))
}

fn voided(key: &RunKey, aside: &str) -> String {
    let id = &key.id;
    format!(
        "{id} was changed in processing/ after it was claimed, so it is not approved; the changed text lies in `{aside}` now\n\
         hint: to run that one, `wo cancel {id}` and drop it again; to run the claimed text (sha256 {}), approve it again",
        key.sha256
    )
}

fn answer(executor: &Executor, request: &Request, accepted: bool, text: String) -> Result<(), EngineError> {
    Ok(executor.journal.answer(request.seq, Answer { accepted, text }, None)?)
}
