//! What an order stands at, in words for a person: who is at it, what it waits for, and whether a person must do something
//! about it. Pure.
//!
//! What must hold here: nothing is said to be at work that nobody executes, and nothing waits for a person who has spoken.

use jiff::Timestamp;

use crate::bridge::lock::Holder;
use crate::config::Config;
use crate::engine::held_up::{self, HeldUp, Trouble};
use crate::engine::{gate, orphan};
use crate::handlers::registry;
use crate::journal::run::{Progress, StepRun};
use crate::journal::{Phase, Run, WaitOn};
use crate::root::Root;

/// What an order's standing depends on beside its own events.
pub struct World {
    pub has_executor: bool,
    /// Names of the handlers that the settings have; `None` where those can't be read.
    handlers: Option<Vec<String>>,
    held_up: HeldUp,
}

impl World {
    pub fn new(root: &Root, holder: Option<&Holder>, config: Option<&Config>) -> World {
        let names = |config| registry::all(config).iter().map(|handler| handler.descriptor().name.to_owned()).collect();
        let held_up = held_up::told(root, holder);
        World { has_executor: holder.is_some(), handlers: config.map(names), held_up }
    }

    /// The machine's trouble that a run waits out.
    pub fn trouble_of(&self, run: i64) -> Option<&Trouble> {
        self.held_up.runs.iter().find(|held| held.run == run).map(|held| &held.trouble)
    }

    /// The machine's trouble that keeps the executor from looking at the inboxes.
    pub fn trouble_of_look(&self) -> Option<&Trouble> {
        self.held_up.look.as_ref()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    NeedsPerson,
    /// For something other than its turn.
    Waits,
    /// Its turn comes by itself.
    Queued,
    /// A worker has it, or will as soon as one is free.
    AtWork,
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub stand: Stand,
    pub why: String,
    /// When it is looked at again, as far as that is settled.
    pub until: Option<Timestamp>,
    /// When what the machine holds up is tried again.
    pub again: Option<Timestamp>,
}

impl Standing {
    pub fn needs_person(&self) -> bool {
        self.stand == Stand::NeedsPerson
    }

    /// `why`, with when it goes on.
    pub fn told(&self) -> String {
        let why = &self.why;
        match (self.again, self.until) {
            (Some(at), _) => format!("{why}; tried again {at:.0}"),
            (None, Some(at)) => format!("{why}; looked at again {at:.0}"),
            (None, None) => why.clone(),
        }
    }

    /// Whether `why` tells what keeps it from going on.
    pub fn is_kept(&self) -> bool {
        matches!(self.stand, Stand::NeedsPerson | Stand::Waits)
    }
}

/// How `run` stands at `now`.
pub fn of(run: &Run, world: &World, now: Timestamp) -> Standing {
    let (stand, why) = stand(run, world);
    if let (Stand::Queued | Stand::AtWork, Some(trouble)) = (stand, world.trouble_of(run.key.run)) {
        return Standing { stand: Stand::Waits, why: trouble.why.clone(), until: None, again: Some(trouble.again) };
    }
    let (stand, why) = match stand {
        Stand::Queued | Stand::AtWork if !world.has_executor => {
            (Stand::Waits, format!("{why}; it waits for an executor: `wo up` or `wo run`"))
        }
        stand => (stand, why),
    };
    Standing { stand, why, until: gate::next_look(&run.phase, now), again: None }
}

/// As it is where an executor lives.
fn stand(run: &Run, world: &World) -> (Stand, String) {
    let is_approved = run.approved.as_deref() == Some(run.key.sha256.as_str());
    match &run.phase {
        Phase::Ended { .. } => return (Stand::Ended, run.reason.clone()),
        Phase::Judged { .. } => return (Stand::AtWork, run.reason.clone()),
        Phase::Uncertain { why, .. } => return (Stand::NeedsPerson, why.clone()),
        Phase::Waiting { on: WaitOn::Approval, why, .. } if !is_approved => return (Stand::NeedsPerson, why.clone()),
        _ => {}
    }
    if let Some(name) = gone(run, world) {
        return (Stand::NeedsPerson, orphan::why(name, &run.key.id));
    }
    match &run.phase {
        Phase::Waiting { on: WaitOn::Approval, .. } => {
            (Stand::Queued, format!("approved{}", run.approved_at.map_or(String::new(), |at| format!(" {at:.0}"))))
        }
        Phase::Waiting { why, .. } => (Stand::Waits, why.clone()),
        Phase::Received => (Stand::Queued, "not planned yet".to_owned()),
        Phase::Planned => (Stand::Queued, "planned; its turn has not come".to_owned()),
        Phase::Running => running(run, world),
        _ => match run.failure() {
            Some(step) => {
                let why = step.failure.as_deref().unwrap_or("no reason given");
                (Stand::AtWork, format!("step {} failed ({why}); what was done is undone", step.spec.name))
            }
            None => (Stand::AtWork, "cancelled; what was done is undone".to_owned()),
        },
    }
}

fn running(run: &Run, world: &World) -> (Stand, String) {
    let Some((n, step)) = run.steps.iter().enumerate().find(|(_, step)| !is_over(step)) else {
        return (Stand::AtWork, "all steps are over; it is judged".to_owned());
    };
    let why = format!("step {} of {}: {}", n + 1, run.steps.len(), step.spec.describe);
    if step.progress == Progress::Intent && !world.has_executor {
        // nobody knows what became of it, nor looks
        let what = "it was at work when its executor ended: start `wo up` or `wo run`, which looks what became of it";
        return (Stand::NeedsPerson, format!("{why}; {what}"));
    }
    (Stand::AtWork, why)
}

/// The handler of a run that can't go on without it and that the settings have no more.
fn gone<'a>(run: &'a Run, world: &World) -> Option<&'a str> {
    let known = world.handlers.as_ref()?;
    run.handler.as_deref().filter(|name| !run.cancel && known.iter().all(|known| known != name))
}

fn is_over(step: &StepRun) -> bool {
    matches!(step.progress, Progress::Done | Progress::Already | Progress::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::held_up::HeldUpRun;
    use crate::handlers::{Plan, StepSpec};
    use crate::journal::{Event, RunKey};

    fn run(events: &[Event]) -> Run {
        let at = Timestamp::UNIX_EPOCH;
        let key = RunKey {
            run: 1,
            id: "WO-1".to_owned(),
            attempt: 1,
            agent: "CLC".to_owned(),
            file: "WO-1.md".to_owned(),
            sha256: "abc".to_owned(),
            received: at,
        };
        let mut run = Run::new(key);
        let step = StepSpec {
            name: "run".to_owned(),
            describe: "run `x`".to_owned(),
            subjects: Vec::new(),
            params: serde_json::Value::Null,
            deadline_s: None,
            measures_only: false,
        };
        let planned = Event::Planned {
            handler: "mine".to_owned(),
            dispatch: String::new(),
            facts: serde_json::Value::Null,
            plan: Plan { steps: vec![step], keep_on_failure: true, notes: Vec::new() },
            template: None,
            criteria: Vec::new(),
        };
        for event in [planned].iter().chain(events) {
            run.apply(event, at).unwrap();
        }
        run
    }

    #[test]
    fn what_the_machine_holds_up_waits_and_is_not_said_to_be_at_work() {
        let trouble = Trouble { why: "no space left on device".to_owned(), again: Timestamp::UNIX_EPOCH };
        let waiting = Event::Waiting { on: WaitOn::Gate, why: "it waits".to_owned(), until: Timestamp::UNIX_EPOCH };
        for (events, held, told) in [
            (vec![], 1, "no space left on device; tried again 1970-01-01T00:00:00Z"),
            (vec![Event::Opened], 1, "no space left on device; tried again 1970-01-01T00:00:00Z"),
            (vec![Event::Opened], 2, "step 1 of 1: run `x`"),
            (vec![waiting], 1, "it waits"),
        ] {
            let held_up = HeldUp { runs: vec![HeldUpRun { run: held, trouble: trouble.clone() }], look: None };
            let world = World { has_executor: true, handlers: Some(vec!["mine".to_owned()]), held_up };
            let found = of(&run(&events), &world, Timestamp::UNIX_EPOCH);
            assert!(found.told().starts_with(told), "{}", found.told());
            assert_eq!(found.stand == Stand::Waits, told != "step 1 of 1: run `x`", "{found:?}");
        }
    }

    #[test]
    fn a_person_is_asked_for_what_only_a_person_can_do() {
        let waiting = |on| Event::Waiting { on, why: "it waits".to_owned(), until: Timestamp::UNIX_EPOCH };
        let approval = || waiting(WaitOn::Approval);
        let approved = |sha256: &str| Event::Approved { sha256: sha256.to_owned() };
        let intent = || Event::StepIntent { step: "run".to_owned(), before: String::new(), backups: Vec::new() };
        let asked = || Event::StepUncertain { step: "run".to_owned(), why: "nobody knows".to_owned() };
        let (executor, handler) = (true, true);
        use Stand::{AtWork, NeedsPerson, Queued, Waits};
        for (events, has_executor, has_handler, stand, why) in [
            (vec![], executor, handler, Queued, "its turn has not come"),
            (vec![], !executor, handler, Waits, "waits for an executor"),
            (vec![approval()], executor, handler, NeedsPerson, "it waits"),
            (vec![approval(), approved("abc")], executor, handler, Queued, "approved 1970"),
            (vec![approval(), approved("abc")], !executor, handler, Waits, "approved 1970"),
            (vec![approval(), approved("of other bytes")], executor, handler, NeedsPerson, "it waits"),
            (vec![waiting(WaitOn::Gate)], !executor, handler, Waits, "it waits"),
            (vec![waiting(WaitOn::Gate)], executor, !handler, NeedsPerson, "no longer in wo.toml"),
            (vec![Event::Opened, Event::CancelRequested], executor, !handler, AtWork, "cancelled"),
            (vec![Event::Opened, intent()], executor, handler, AtWork, "step 1 of 1: run `x`"),
            (vec![Event::Opened, intent()], !executor, handler, NeedsPerson, "when its executor ended"),
            (vec![Event::Opened], !executor, handler, Waits, "step 1 of 1: run `x`; it waits for an executor"),
            (vec![Event::Opened, intent(), asked()], !executor, !handler, NeedsPerson, "nobody knows"),
        ] {
            let handlers = Some(if has_handler { vec!["mine".to_owned()] } else { Vec::new() });
            let found =
                of(&run(&events), &World { has_executor, handlers, held_up: HeldUp::default() }, Timestamp::UNIX_EPOCH);
            assert_eq!(found.stand, stand, "{events:?}");
            assert!(found.why.contains(why), "{} for {events:?}", found.why);
        }
    }
}
