//! What an order waits for before its first step: other orders, measurements, a person's approval. Nothing that can't be
//! told opens a gate.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::EngineError;
use super::pipeline::Next;
use super::tape::Tape;
use crate::evidence::{Measurement, Outcome, judge};
use crate::journal::{Event, Phase, WaitOn};
use crate::monitor::history;
use crate::order::{Order, Requirement};

/// A gate is looked at this often, and whenever an order ends.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// When a run that waits is looked at next, at or after `now`; `None` while only a person's word is waited for. An executor
/// that finds a gate as it was writes nothing down.
pub fn next_look(phase: &Phase, now: Timestamp) -> Option<Timestamp> {
    match phase {
        Phase::Waiting { on: WaitOn::Gate, until, .. } if *until < now => {
            let late = now.duration_since(*until).as_secs();
            let looks = u32::try_from(late / LOOK_AGAIN.as_secs() as i64).ok()?.checked_add(1)?;
            until.checked_add(LOOK_AGAIN.checked_mul(looks)?).ok()
        }
        Phase::Waiting { on: WaitOn::Approval, .. } => None,
        Phase::Waiting { until, .. } => Some(*until),
        _ => None,
    }
}

pub enum Gate {
    Open,
    Shut(Next),
    /// It can't open any more; the reason.
    Never(String),
}

pub fn check(tape: &mut Tape<'_>, order: &Order) -> Result<Gate, EngineError> {
    let now = tape.executor.clock.now();
    let limit = tape.executor.settings().config.limits.wait_max_s;
    if let Some(why) = too_late(order, &tape.run().phase, limit, now) {
        return Ok(Gate::Never(why));
    }
    if let Some(why) = shut(tape, order)? {
        return wait(tape, order, WaitOn::Gate, why, now).map(Gate::Shut);
    }
    if order.needs_approval && tape.run().approved.as_deref() != Some(&tape.run().key.sha256) {
        let why = format!("a person must approve it: `wo approve {}`", order.id);
        return wait(tape, order, WaitOn::Approval, why, now).map(Gate::Shut);
    }
    Ok(Gate::Open)
}

/// Why a run that has not begun can't begin any more at `now`, with the most seconds that it may wait.
pub fn too_late(order: &Order, phase: &Phase, limit: u64, now: Timestamp) -> Option<String> {
    if order.expires.is_some_and(|expires| expires <= now) {
        return Some("the order expired before its first step".to_owned());
    }
    match phase {
        Phase::Waiting { since, .. } if now.duration_since(*since).as_secs() > seconds(limit) => {
            Some(format!("it waited longer than {limit} s (limits.wait_max_s)"))
        }
        _ => None,
    }
}

/// When [`too_late`] begins to hold, if ever, should nothing happen.
fn last_call(order: &Order, phase: &Phase, limit: u64) -> Option<Timestamp> {
    let waited = match phase {
        Phase::Waiting { since, .. } => {
            since.checked_add(SignedDuration::from_secs(seconds(limit).saturating_add(1))).ok()
        }
        _ => None,
    };
    order.expires.into_iter().chain(waited).min()
}

fn seconds(limit: u64) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// What `requires:` asks of the world that no gate can tell, each in words: only heartbeats are measured outside an order.
pub fn never_measured(order: &Order) -> impl Iterator<Item = String> {
    order.requires.iter().filter_map(|requirement| match requirement {
        Requirement::Measurement { key, .. } if !history::measures(key) => {
            Some(format!("`requires` asks for `{key}`, which nothing measures outside an order: it would never begin"))
        }
        _ => None,
    })
}

fn wait(tape: &mut Tape<'_>, order: &Order, on: WaitOn, why: String, now: Timestamp) -> Result<Next, EngineError> {
    let until = now + LOOK_AGAIN;
    let known =
        matches!(&tape.run().phase, Phase::Waiting { on: before, why: said, .. } if *before == on && *said == why);
    let approval = on == WaitOn::Approval;
    if !known {
        tape.write(Event::Waiting { on, why: why.clone(), until })?;
    }
    if approval {
        super::notice::tell(tape.executor, &tape.run().key, "approval", &why)?;
        let limit = tape.executor.settings().config.limits.wait_max_s;
        return Ok(Next::NeedsPerson { why, until: last_call(order, &tape.run().phase, limit) });
    }
    Ok(Next::Waits { until, step: false })
}

/// Why the gate of `requires:` is shut, each with the current value.
fn shut(tape: &Tape<'_>, order: &Order) -> Result<Option<String>, EngineError> {
    let mut reasons = Vec::new();
    for requirement in &order.requires {
        match requirement {
            Requirement::OrderDone { id } => {
                let row = tape.executor.journal.reader()?.last_run_of(id)?;
                match row.map(|row| row.phase) {
                    Some(Phase::Ended { outcome: Outcome::Done | Outcome::Noop }) => {}
                    Some(Phase::Ended { outcome }) => reasons.push(format!("{id} done (it ended {outcome})")),
                    Some(phase) => reasons.push(format!("{id} done (it is {})", phase.name())),
                    None => reasons.push(format!("{id} done (it is not known)")),
                }
            }
            Requirement::Measurement { key, target, compiled } => match measure(tape, key) {
                Ok(measurement) => {
                    if !judge::holds(compiled, &measurement) {
                        reasons.push(format!("{key} {target} (now {})", measurement.value));
                    }
                }
                Err(why) => reasons.push(format!("{key} {target} ({why})")),
            },
            Requirement::Unclear { text, why } => reasons.push(format!("`{text}`, which is not understood: {why}")),
        }
    }
    Ok((!reasons.is_empty()).then(|| format!("waits for {}", reasons.join("; "))))
}

/// The measurement of `key` now, or why there is none.
fn measure(tape: &Tape<'_>, key: &str) -> Result<Measurement, String> {
    let settings = tape.executor.settings();
    if !key.starts_with("monitor.") {
        return Err("nothing measures it outside an order".to_owned());
    }
    crate::monitor::history::take_key(&tape.executor.root, &settings.config, key, tape.executor.clock.now())
}
