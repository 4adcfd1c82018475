//! Steps: intent → backup → effect → verify → done, and back again when one fails.
//!
//! Invariants: the intent is durable before `apply`; a step that is `done` is passed over; a step with only an intent is
//! probed with `check` before anything else; nothing is applied by an executor that lost its lock or its journal.

use std::sync::mpsc;
use std::time::Duration;

use super::error::{Severity, classify};
use super::pipeline::Next;
use super::tape::Tape;
use super::{EngineError, backup, notice};
use crate::failpoint;
use crate::handlers::{Check, Context, Deadline, Handler, HandlerError, Step, StepSpec, Verified};
use crate::journal::run::{Progress, StepRun, UNDO_FAILED};
use crate::journal::{Event, Phase, WaitOn};
use crate::process::ProcessError;

/// A step that does not come back this long after its deadline is given up.
const GRACE: Duration = Duration::from_secs(5);

/// Runs what is left of the plan; `Some` when the run must be let go of before its end.
pub fn execute(tape: &mut Tape<'_>, handler: &dyn Handler, context: &Context) -> Result<Option<Next>, EngineError> {
    if let Phase::Uncertain { why, .. } = &tape.run().phase {
        return Ok(Some(Next::NeedsPerson { why: why.clone(), until: None }));
    }
    for spec in tape.run().plan.as_ref().map(|plan| plan.steps.clone()).unwrap_or_default() {
        let progress = tape.run().step(&spec.name).map(|step| step.progress);
        if matches!(progress, Some(Progress::Done | Progress::Already | Progress::Failed | Progress::Undone)) {
            continue;
        }
        let stopped = tape.run().phase == Phase::Undoing || tape.run().failure().is_some();
        if stopped && !spec.measures_only {
            continue;
        }
        if tape.run().phase == Phase::Undoing {
            continue;
        }
        if tape.executor.should_yield(tape.run().key.run) {
            tape.commit()?;
            return Ok(Some(Next::Yielded));
        }
        if let Some(next) = run_step(tape, handler, context, &spec)? {
            return Ok(Some(next));
        }
    }
    Ok(None)
}

fn run_step(
    tape: &mut Tape<'_>,
    handler: &dyn Handler,
    context: &Context,
    spec: &StepSpec,
) -> Result<Option<Next>, EngineError> {
    let mut context = context.clone();
    context.step_applied = tape.run().step(&spec.name).and_then(|step| step.started);
    let limits = &context.config.limits;
    let left = Duration::from_secs(limits.order_deadline_s).saturating_sub(tape.worked());
    let own = Duration::from_secs(spec.deadline_s.unwrap_or(limits.step_deadline_s));
    let progress = tape.run().step(&spec.name).map_or(Progress::NotReached, |step| step.progress);
    // a step that was begun is brought to its end: what it did must be known before it is undone
    let begun = !matches!(progress, Progress::NotReached);
    if left.is_zero() && !begun && !spec.measures_only {
        let why =
            format!("not begun: the order has worked for {} s (limits.order_deadline_s)", limits.order_deadline_s);
        tape.write(Event::StepFailed { step: spec.name.clone(), why, measurements: Vec::new() })?;
        return Ok(None);
    }
    let deadline = if begun || left.is_zero() { own } else { own.min(left) };
    context.deadline = Deadline::after(deadline);
    let code = Code { handler, context, spec, deadline };

    if spec.measures_only || progress == Progress::Applied {
        return verify(tape, &code, spec.measures_only.then(|| "measured".to_owned()));
    }
    if progress == Progress::Again {
        // durable like any intent: what a crash in the middle leaves is probed, not applied once more
        intend(tape, &code, "a person said to apply it again".to_owned())?;
        return apply(tape, &code);
    }
    match code.call(|step, context| step.check(context)) {
        Ok(Check::Already(note)) if progress == Progress::Intent => {
            // the effect took place before the crash
            let files = changed_files(tape, spec)?;
            tape.push(Event::StepApplied { step: spec.name.clone(), after: note, files })?;
            verify(tape, &code, None)
        }
        Ok(Check::Already(note)) => verify(tape, &code, Some(note)),
        Ok(Check::Needed(before)) => {
            if progress != Progress::Intent {
                intend(tape, &code, before)?;
            }
            apply(tape, &code)
        }
        Ok(Check::Unknown(why)) => {
            let why = why + how_cut_off(tape);
            uncertain(tape, spec, why)
        }
        Err(error) => failed(tape, spec, error),
    }
}

/// Backs up what the step may change and makes the intent durable. The backups of an earlier intent stay: they hold what was
/// there before anything was done.
fn intend(tape: &mut Tape<'_>, code: &Code<'_>, before: String) -> Result<(), EngineError> {
    let spec = code.spec;
    let earlier = tape.run().step(&spec.name).filter(|step| step.intended).map(|step| step.backups.clone());
    let backups = match earlier {
        Some(backups) => backups,
        None => {
            let files = match code.call(|step, context| step.files(context)) {
                Ok(files) => files,
                Err(error) => {
                    let why = classify_call(error)?;
                    return tape.push(Event::StepFailed { step: spec.name.clone(), why, measurements: Vec::new() });
                }
            };
            let key = &tape.run().key;
            backup::take(&tape.executor.root, &key.id, key.attempt, &spec.name, &files)?
        }
    };
    tape.write(Event::StepIntent { step: spec.name.clone(), before, backups })
}

fn apply(tape: &mut Tape<'_>, code: &Code<'_>) -> Result<Option<Next>, EngineError> {
    let spec = code.spec;
    if tape.run().step(&spec.name).is_some_and(|step| step.progress == Progress::Failed) {
        return Ok(None);
    }
    tape.executor.check_hold()?;
    failpoint::hit("apply.before");
    let applied = code.call(|step, context| step.apply(context));
    failpoint::hit("apply.after");
    match applied {
        Ok(applied) => {
            let files = changed_files(tape, spec)?;
            // looked at rather than told by `apply`, and so the same words as after a crash in between
            let after = match code.call(|step, context| step.check(context)) {
                Ok(Check::Already(note)) => note,
                _ => applied.after,
            };
            tape.push(Event::StepApplied { step: spec.name.clone(), after, files })?;
            verify(tape, code, None)
        }
        Err(CallError::TimedOut) => {
            let seconds = code.deadline.as_millis().div_ceil(1000);
            uncertain(tape, spec, format!("it did not come back within its deadline of {seconds} s"))
        }
        Err(CallError::Handler(HandlerError::Process(error @ ProcessError::Wait { .. }))) => {
            uncertain(tape, spec, error.to_string())
        }
        // what can be looked at is undone; of what can't, nothing is known but that it began
        Err(CallError::Panicked) if code.stands() => uncertain(tape, spec, PANICKED.to_owned()),
        Err(CallError::Panicked) => apply_failed(tape, spec, PANICKED.to_owned()),
        Err(CallError::Handler(error)) => {
            let has_begun = !matches!(&error, HandlerError::Process(error) if error.not_started().is_some());
            match classify(error) {
                Severity::Machine(error) => {
                    // what can be looked at is probed; of what can't, a person would be asked though nothing was done
                    if !has_begun && code.stands() {
                        tape.write(Event::StepNotBegun { step: spec.name.clone(), why: error.to_string() })?;
                    }
                    Err(error)
                }
                Severity::Step(why) => apply_failed(tape, spec, why),
            }
        }
    }
}

fn apply_failed(tape: &mut Tape<'_>, spec: &StepSpec, why: String) -> Result<Option<Next>, EngineError> {
    // what it changed before it failed is known now, so that undo can tell it from a stranger's change
    let files = changed_files(tape, spec)?;
    tape.push(Event::StepApplied { step: spec.name.clone(), after: String::new(), files })?;
    tape.write(Event::StepFailed { step: spec.name.clone(), why, measurements: Vec::new() })?;
    Ok(None)
}

/// Measures whether it is so. `already`: nothing was changed, with the words of `check`.
fn verify(tape: &mut Tape<'_>, code: &Code<'_>, already: Option<String>) -> Result<Option<Next>, EngineError> {
    let spec = code.spec;
    let verified = code.call(|step, context| step.verify(context));
    if code.verify_writes() {
        record_files_again(tape, spec)?;
    }
    match verified {
        Ok(Verified::Yes(measurements)) => {
            let note = already.clone().unwrap_or_default();
            tape.push(Event::StepDone { step: spec.name.clone(), already: already.is_some(), note, measurements })?;
            Ok(None)
        }
        Ok(Verified::No { why, measurements }) => {
            if already.is_some() && !spec.measures_only {
                // `check` was content but the measurement is not: it is needed after all
                intend(tape, code, format!("{}, yet {why}", already.unwrap_or_default()))?;
                return apply(tape, code);
            }
            tape.write(Event::StepFailed { step: spec.name.clone(), why, measurements })?;
            Ok(None)
        }
        Ok(Verified::Wait { until, why }) => {
            let since = match &tape.run().phase {
                Phase::Waiting { on: WaitOn::Step { step }, since, .. } if *step == spec.name => Some(*since),
                _ => None,
            };
            let limit = code.context.config.limits.wait_max_s;
            let now = tape.executor.clock.now();
            if since.is_some_and(|since| now.duration_since(since).as_secs() > limit as i64) {
                let why = format!("{why}; it waited longer than {limit} s (limits.wait_max_s)");
                tape.write(Event::StepFailed { step: spec.name.clone(), why, measurements: Vec::new() })?;
                return Ok(None);
            }
            let on = WaitOn::Step { step: spec.name.clone() };
            let known = matches!(&tape.run().phase, Phase::Waiting { on: before, why: said, .. } if *before == on && *said == why);
            if !known {
                tape.write(Event::Waiting { on, why, until })?;
            }
            Ok(Some(Next::Waits { until, step: true }))
        }
        Err(error) => failed(tape, spec, error),
    }
}

fn failed(tape: &mut Tape<'_>, spec: &StepSpec, error: CallError) -> Result<Option<Next>, EngineError> {
    let why = classify_call(error)?;
    tape.write(Event::StepFailed { step: spec.name.clone(), why, measurements: Vec::new() })?;
    Ok(None)
}

fn uncertain(tape: &mut Tape<'_>, spec: &StepSpec, why: String) -> Result<Option<Next>, EngineError> {
    let why = asks_person(tape, spec, &why);
    // before it is written down: afterwards the step is not looked at again until a person answers
    let kind = match tape.run().answers {
        0 => format!("uncertain {}", spec.name),
        answers => format!("uncertain {}, after {answers} answers", spec.name),
    };
    notice::tell(tape.executor, &tape.run().key, &kind, &why)?;
    tape.write(Event::StepUncertain { step: spec.name.clone(), why: why.clone() })?;
    Ok(Some(Next::NeedsPerson { why, until: None }))
}

/// Why a person must say what became of a step, with how to say it.
fn asks_person(tape: &Tape<'_>, spec: &StepSpec, why: &str) -> String {
    let id = &tape.run().key.id;
    format!("{}: {why}; a person must say: `wo resolve {id} --done` or `--again`", spec.name)
}

fn how_cut_off(tape: &Tape<'_>) -> &'static str {
    match tape.executor.cut_off(&tape.run().key) {
        true => "; it was still at work when the next executor began, and was ended",
        false => "",
    }
}

/// Looks what became of a step that was cut off with its executor, for somebody who is about to say it; begins nothing.
pub fn probe(tape: &mut Tape<'_>, handler: &dyn Handler, context: &Context) -> Result<(), EngineError> {
    let cut_off = |step: &&StepRun| step.progress == Progress::Intent;
    let Some(step) = tape.run().steps.iter().find(cut_off).filter(|_| tape.run().phase == Phase::Running) else {
        return Ok(());
    };
    let (spec, started) = (step.spec.clone(), step.started);
    let deadline = Duration::from_secs(context.config.limits.step_deadline_s);
    let context = Context { step_applied: started, deadline: Deadline::after(deadline), ..context.clone() };
    let code = Code { handler, context, spec: &spec, deadline };
    // what can be told is left to whoever goes on with it
    if let Ok(Check::Unknown(why)) = code.call(|step, context| step.check(context)) {
        let why = asks_person(tape, &spec, &(why + how_cut_off(tape)));
        tape.write(Event::StepUncertain { step: spec.name.clone(), why })?;
    }
    Ok(())
}

/// Takes back, in reverse, what was applied, when a step failed or the order was cancelled.
pub fn undo_if_due(tape: &mut Tape<'_>, handler: &dyn Handler, context: &Context) -> Result<(), EngineError> {
    if tape.run().phase != Phase::Undoing {
        return Ok(());
    }
    let due: Vec<StepSpec> = tape
        .run()
        .steps
        .iter()
        .rev()
        .filter(|step| step.intended && step.progress != Progress::Undone && !step.stands)
        .map(|step| step.spec.clone())
        .collect();
    for spec in due {
        let mut context = context.clone();
        let deadline = Duration::from_secs(context.config.limits.step_deadline_s);
        context.deadline = Deadline::after(deadline);
        let code = Code { handler, context, spec: &spec, deadline };
        if let Ok(Some(why)) = handler.step(&spec).map(|step| step.stands()) {
            tape.write(Event::StepStands { step: spec.name.clone(), why: why.to_owned() })?;
            continue;
        }
        let Some(step) = tape.run().step(&spec.name) else { continue };
        let files = match step.progress {
            // cut off between its effect and the record of it: what it left is told from a stranger's change by its `check`
            Progress::Intent => match code.call(|step, context| step.check(context)) {
                Ok(Check::Already(_)) => changed_files(tape, &spec)?,
                _ => step.files.clone(),
            },
            _ => step.files.clone(),
        };
        let mut troubles = Vec::new();
        if let Err(error) = code.call(|step, context| step.undo(context)) {
            troubles.push(format!("{UNDO_FAILED}: {}", classify_call(error)?));
        }
        let restored = backup::restore(&tape.executor.root, &step.backups, &files)?;
        if let Err(error) = code.call(|step, context| step.clear(context)) {
            troubles.push(format!("{UNDO_FAILED}, clearing up: {}", classify_call(error)?));
        }
        if !troubles.is_empty() {
            // a person must hear of it: the world is neither as it was nor as ordered
            let kind = format!("undo of {}", spec.name);
            notice::tell(tape.executor, &tape.run().key, &kind, &troubles.join("; "))?;
        }
        let mut note: String = troubles.iter().map(|trouble| format!("{trouble}; ")).collect();
        let copies = tape.executor.root.show(&tape.executor.root.backups(&tape.run().key.id));
        let parts = [
            ("restored", &restored.restored, String::new()),
            ("NOT restored, since someone else changed it:", &restored.kept, format!(" (the old copy is in {copies})")),
            ("NOT restored, since its backup is damaged or gone:", &restored.spoilt, format!(" (it was in {copies})")),
        ];
        let parts = parts.into_iter().filter(|(_, paths, _)| !paths.is_empty());
        let parts: Vec<String> =
            parts.map(|(what, paths, more)| format!("{what} {}{more}", paths.join(", "))).collect();
        note.push_str(&match (parts.is_empty(), note.is_empty()) {
            // of a step without files nothing is known but that its undo succeeded
            (true, true) if step.backups.is_empty() => String::new(),
            (true, true) => "nothing of it was left".to_owned(),
            (true, false) => "what it did may stand".to_owned(),
            (false, _) => parts.join("; "),
        });
        let kept = [restored.kept, restored.spoilt].concat();
        tape.write(Event::StepUndone { step: spec.name.clone(), note, kept })?;
    }
    Ok(())
}

/// How the files of a step are left that wrote them again after they were recorded, so that undo can tell that from a stranger's
/// change.
fn record_files_again(tape: &mut Tape<'_>, spec: &StepSpec) -> Result<(), EngineError> {
    let files = changed_files(tape, spec)?;
    let Some(step) = tape.run().step(&spec.name).filter(|step| step.intended && step.files != files) else {
        return Ok(());
    };
    let after = step.after.clone();
    tape.push(Event::StepApplied { step: spec.name.clone(), after, files })
}

fn changed_files(tape: &Tape<'_>, spec: &StepSpec) -> Result<Vec<crate::report::FileChange>, EngineError> {
    let backups = tape.run().step(&spec.name).map(|step| step.backups.clone()).unwrap_or_default();
    Ok(backup::changes(&tape.executor.root, &backups)?)
}

enum CallError {
    Handler(HandlerError),
    TimedOut,
    Panicked,
}

const PANICKED: &str = "its code panicked";

fn classify_call(error: CallError) -> Result<String, EngineError> {
    match error {
        CallError::TimedOut => Ok("it did not come back within its deadline".to_owned()),
        CallError::Panicked => Ok(PANICKED.to_owned()),
        CallError::Handler(error) => match classify(error) {
            Severity::Step(why) => Ok(why),
            Severity::Machine(error) => Err(error),
        },
    }
}

/// One step's code with what it may use.
struct Code<'a> {
    handler: &'a dyn Handler,
    context: Context,
    spec: &'a StepSpec,
    deadline: Duration,
}

impl Code<'_> {
    /// Calls into the step on a thread of its own, so that one that hangs or panics can't take the executor with it.
    fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Step, &Context) -> Result<T, HandlerError> + Send + 'static,
    ) -> Result<T, CallError> {
        let step = self.handler.step(self.spec).map_err(CallError::Handler)?;
        let context = self.context.clone();
        let (sender, result) = mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name(format!("step {}", self.spec.name))
            .spawn(move || {
                let _ = sender.send(work(step.as_ref(), &context));
            })
            .map_err(|error| {
                CallError::Handler(HandlerError::Durable(crate::durable::DurableError::Io {
                    op: "start a thread for",
                    path: self.spec.name.clone().into(),
                    source: error,
                }))
            })?;
        match result.recv_timeout(self.deadline + GRACE) {
            Ok(result) => result.map_err(CallError::Handler),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(CallError::TimedOut),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(CallError::Panicked),
        }
    }

    fn verify_writes(&self) -> bool {
        self.handler.step(self.spec).is_ok_and(|step| step.verify_writes())
    }

    /// Whether nobody but a person can tell or take back what it did.
    fn stands(&self) -> bool {
        self.handler.step(self.spec).is_ok_and(|step| step.stands().is_some())
    }
}
