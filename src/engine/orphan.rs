//! A run whose handler has left `wo.toml`: it waits until that is back, or a person cancels it. Without the handler's code
//! nothing of it can be looked at, measured or taken back.

use super::gate::LOOK_AGAIN;
use super::pipeline::Next;
use super::tape::Tape;
use super::{EngineError, notice};
use crate::journal::run::Progress;
use crate::journal::{Event, Phase, WaitOn};

/// What such a run waits for.
pub fn why(name: &str, id: &str) -> String {
    format!("it was planned for the handler `{name}`, which is no longer in wo.toml: put it back, or `wo cancel {id}`")
}

/// Lets the run wait for the handler `name`; `None` when it was cancelled and can be judged: what it began stands.
pub fn keep(tape: &mut Tape<'_>, name: &str) -> Result<Option<Next>, EngineError> {
    let run = tape.run();
    let id = run.key.id.clone();
    if run.cancel {
        let is_left = |progress| progress != Progress::Undone;
        let begun = run.steps.iter().rev().filter(|step| step.intended && is_left(step.progress) && !step.stands);
        for step in begun.map(|step| step.spec.name.clone()).collect::<Vec<_>>() {
            let why = format!("its handler `{name}` is no longer in wo.toml");
            tape.push(Event::StepStands { step, why })?;
        }
        return Ok(None);
    }
    if let Phase::Uncertain { why, .. } = &run.phase {
        return Ok(Some(Next::NeedsPerson { why: why.clone(), until: None }));
    }
    let why = why(name, &id);
    let until = tape.executor.clock.now() + LOOK_AGAIN;
    // one that is being undone goes on with that
    let is_told = match &run.phase {
        Phase::Undoing => true,
        Phase::Waiting { why: said, .. } => *said == why,
        _ => false,
    };
    notice::tell(tape.executor, &tape.run().key, &format!("handler {name}"), &why)?;
    match is_told {
        true => tape.commit()?,
        false => tape.write(Event::Waiting { on: WaitOn::Gate, why: why.clone(), until })?,
    }
    Ok(Some(Next::NeedsPerson { why, until: Some(until) }))
}
