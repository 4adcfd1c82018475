//! The life of an order, top to bottom. [`advance`] takes a run as far as it can go now; whatever was already done stands
//! in the run's events and is passed over, so that after a crash the same call goes on where it stopped.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::tape::Tape;
use super::{EngineError, Executor, finish, gate, orphan, plan, steps};
use crate::evidence::Outcome;
use crate::handlers::{Context, Deadline, Handler};
use crate::journal::{Phase, Reader, RunKey};
use crate::order::Order;

/// Why a worker lets go of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    Ended(Outcome),
    /// Looked at again then; `step`: a step waits, and what it touches stays its own.
    Waits {
        until: Timestamp,
        step: bool,
    },
    /// Looked at again then all the same, if ever: it may expire, or what is missing may be back.
    NeedsPerson {
        why: String,
        until: Option<Timestamp>,
    },
    /// What it touches is another run's now.
    Busy,
    /// Asked to stop, or a request came.
    Yielded,
}

/// Takes what a run touches, all or nothing; `false` when another run has some of it.
pub type Reserve<'a> = &'a dyn Fn(&[String]) -> bool;

pub fn advance(executor: &Executor, reader: &Reader, key: &RunKey, reserve: Reserve<'_>) -> Result<Next, EngineError> {
    let tape = &mut Tape::load(executor, reader, key)?;
    if let Some(outcome) = tape.run().phase.ended() {
        return Ok(Next::Ended(outcome));
    }
    let bytes = reader.bytes(key)?;

    // parse
    let order = match crate::order::parse(&bytes, &key.file) {
        Ok(order) => Arc::new(order),
        Err(refusal) => return finish::reject_unparsed(tape, &bytes, &refusal.to_string()),
    };

    if !matches!(tape.run().phase, Phase::Judged { .. }) {
        // plan
        if tape.run().plan.is_none()
            && !tape.run().cancel
            && let Err(reason) = plan::plan(tape, &order)?
        {
            return finish::reject(tape, &order, &bytes, &reason);
        }
        let handler = plan::handler_of(tape.run(), executor);
        let context = context(executor, tape, &order);

        // gate
        if !tape.run().gates_open && !tape.run().cancel {
            match gate::check(tape, &order)? {
                // one without its handler can't begin, and may still expire
                gate::Gate::Open if handler.is_err() => {}
                gate::Gate::Open => tape.push(crate::journal::Event::Opened)?,
                gate::Gate::Shut(next) => return Ok(next),
                gate::Gate::Never(reason) => return finish::reject(tape, &order, &bytes, &reason),
            }
        }
        let handler = match handler {
            Ok(handler) => handler,
            Err(gone) => match orphan::keep(tape, &gone)? {
                Some(next) => return Ok(next),
                None => None,
            },
        };
        // a cancelled one that changed nothing has nothing to take back, and so nothing to wait for
        let touches_nothing = tape.run().cancel && !tape.run().steps.iter().any(|step| step.intended);
        if !touches_nothing && !reserve(&tape.run().subjects()) {
            tape.commit()?;
            return Ok(Next::Busy);
        }

        // execute and measure
        if let Some(handler) = &handler {
            if let Some(next) = steps::execute(tape, handler.as_ref(), &context)? {
                return Ok(next);
            }
            // asked for while the last step was at work: it is carried out before there is an outcome
            if context.cancelled.load(Ordering::SeqCst) && !tape.run().cancel {
                tape.commit()?;
                return Ok(Next::Yielded);
            }
            steps::undo_if_due(tape, handler.as_ref(), &context)?;
            super::commands::measure(tape, handler.as_ref(), &context)?;
        }

        // judge
        finish::judge(tape, &order, handler.as_deref())?;
        tape.commit()?;
    }

    // report, archive
    finish::report_and_archive(tape, &order, &bytes)
}

/// Looks what became of the step of a run that was cut off, and begins nothing: what only a person can tell is asked then.
pub fn probe(executor: &Executor, reader: &Reader, key: &RunKey) -> Result<(), EngineError> {
    let tape = &mut Tape::load(executor, reader, key)?;
    let Ok(order) = crate::order::parse(&reader.bytes(key)?, &key.file).map(Arc::new) else { return Ok(()) };
    let Ok(Some(handler)) = plan::handler_of(tape.run(), executor) else { return Ok(()) };
    let context = context(executor, tape, &order);
    steps::probe(tape, handler.as_ref(), &context)
}

/// What steps and diagnoses get to see.
pub fn context(executor: &Executor, tape: &Tape<'_>, order: &Arc<Order>) -> Context {
    let settings = executor.settings();
    let run = tape.run();
    Context {
        root: executor.root.clone(),
        clock: Arc::clone(&executor.clock),
        services: settings.services,
        masker: settings.masker,
        order: Arc::clone(order),
        attempt: run.key.attempt,
        facts: Arc::new(run.facts.clone()),
        attempt_started: run.started.unwrap_or_else(|| executor.clock.now()),
        step_applied: None,
        program: executor.program.clone(),
        deadline: Deadline::after(std::time::Duration::from_secs(settings.config.limits.step_deadline_s)),
        cancelled: executor.cancel_of(run.key.run),
        config: settings.config,
    }
}

/// The handler's own commands for a reader of the report.
pub fn reference(handler: Option<&dyn Handler>, order: &Order) -> Vec<String> {
    let mut commands = handler.map(|handler| handler.reference(order)).unwrap_or_default();
    commands.push(format!("wo show {}", order.id));
    commands
}
