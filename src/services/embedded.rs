//! The embedded schedule as a service manager. It passes for one only while a live `wo up` runs it: every question is
//! answered from what that process has loaded, and its pid and start time are in every answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{ManagerKind, ServiceDefinition, ServiceError, ServiceManager, ServiceStatus, facts, plist};
use crate::bridge::lock::Holder;
use crate::clock::Clock;
use crate::evidence::ServiceRun;
use crate::root::Root;
use crate::schedule::store::{Registration, Session, Store};
use crate::schedule::{self, ScheduleError, calendar, child};

/// How long a live scheduler may take to load a registration, on a busy machine too.
const LOAD_DEADLINE: Duration = Duration::from_secs(20);

pub struct Embedded {
    root: Root,
    clock: Arc<dyn Clock>,
}

impl Embedded {
    pub fn new(root: &Root, clock: Arc<dyn Clock>) -> Self {
        Embedded { root: root.clone(), clock }
    }

    fn open(&self, op: &'static str, label: &str) -> Result<Store, ServiceError> {
        Store::open(&self.root).map_err(failed(op, label))
    }

    /// The state and who runs it; [`ServiceError::NoManager`] when nobody does.
    fn live(&self, op: &'static str, label: &str) -> Result<(Store, Holder, Session), ServiceError> {
        let nobody = |why: String| ServiceError::NoManager(format!("embedded: {why}\nhint: start `wo up`"));
        let store = Store::open_existing(&self.root).map_err(failed(op, label))?;
        let store = store.ok_or_else(|| nobody("no `wo up` has run a schedule here".to_owned()))?;
        let (holder, session) = schedule::live(&self.root, &store).map_err(nobody)?;
        Ok((store, holder, session))
    }

    /// The registration of `label`, if the live scheduler has loaded it.
    fn loaded(&self, op: &'static str, label: &str) -> Result<(Store, Session, Option<Registration>), ServiceError> {
        let (store, _, session) = self.live(op, label)?;
        let registration = store.registration(label).map_err(failed(op, label))?;
        Ok((store, session.clone(), registration.filter(|found| found.loaded.as_deref() == Some(&session.token()))))
    }
}

fn failed(op: &'static str, label: &str) -> impl FnOnce(ScheduleError) -> ServiceError {
    let label = label.to_owned();
    move |error| ServiceError::Failed { op, label, why: error.to_string() }
}

/// What the schedule can run at all.
fn check(definition: &ServiceDefinition) -> Result<(), String> {
    if !child::is_label(&definition.label) {
        return Err("a label has letters, digits, `.`, `_` and `-` only".to_owned());
    }
    if definition.label == facts::DAEMON {
        return Err("`wo up` is what runs the embedded schedule, so that one can't keep it alive\n\
                    hint: start `wo up` yourself, or set `services.manager` in wo.toml to a manager of the machine"
            .to_owned());
    }
    match definition.program.first() {
        Some(program) if std::path::Path::new(program).is_absolute() => {}
        _ => return Err("its program is not an absolute path".to_owned()),
    }
    match definition.start {
        super::Start::Interval { every_s: 0 } => Err("its interval is zero".to_owned()),
        _ => Ok(()),
    }
}

impl ServiceManager for Embedded {
    fn kind(&self) -> ManagerKind {
        ManagerKind::Embedded
    }

    fn files(&self, _definition: &ServiceDefinition) -> Vec<PathBuf> {
        Vec::new()
    }

    fn is_installed(&self, definition: &ServiceDefinition) -> Result<bool, ServiceError> {
        let (_, _, registration) = self.loaded("look at", &definition.label)?;
        Ok(registration.is_some_and(|found| found.definition == *definition))
    }

    fn installed(&self, label: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        let (_, _, registration) = self.loaded("look at", label)?;
        Ok(registration.map(|found| plist::render(&found.definition)))
    }

    /// Registers, and waits until the scheduler of the live `wo up` has loaded it. Without one the registration is kept
    /// for the next `wo up`, and the answer is still [`ServiceError::NoManager`]: nothing runs it now.
    fn install(&self, definition: &ServiceDefinition) -> Result<(), ServiceError> {
        const OP: &str = "install";
        let label = &definition.label;
        check(definition).map_err(|why| ServiceError::Failed { op: OP, label: label.clone(), why })?;
        self.open(OP, label)?.register(definition, self.clock.now()).map_err(failed(OP, label))?;
        schedule::poke();
        let began = Instant::now();
        loop {
            match self.is_installed(definition) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(ServiceError::NoManager(why)) => {
                    let why = why.replacen('\n', "; it is registered, and the next `wo up` loads it\n", 1);
                    return Err(ServiceError::NoManager(why));
                }
                Err(error) => return Err(error),
            }
            if began.elapsed() > LOAD_DEADLINE {
                let why = format!("embedded: `wo up` did not load it within {} s", LOAD_DEADLINE.as_secs());
                return Err(ServiceError::NoManager(why));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn uninstall(&self, label: &str) -> Result<bool, ServiceError> {
        let store = Store::open_existing(&self.root).map_err(failed("uninstall", label))?;
        let Some(store) = store else { return Ok(false) };
        let was_there = store.unregister(label).map_err(failed("uninstall", label))?;
        schedule::poke();
        Ok(was_there)
    }

    fn status(&self, label: &str) -> Result<ServiceStatus, ServiceError> {
        let (store, holder, session) = self.live("look at", label)?;
        let who = format!("embedded in {}", schedule::held_by(&holder));
        let registration = store.registration(label).map_err(failed("look at", label))?;
        let loaded = registration.is_some_and(|found| found.loaded.as_deref() == Some(&session.token()));
        let last = store.runs(label, ManagerKind::Embedded, 20).map_err(failed("look at", label))?;
        let pid = last.last().filter(|run| run.ended.is_none()).and_then(|run| run.pid);
        Ok(ServiceStatus {
            loaded,
            pid: pid.filter(|_| loaded),
            last_exit: last.iter().rev().find_map(|run| run.exit),
            detail: if loaded { who } else { format!("not registered; {who}") },
        })
    }

    fn next_runs(&self, label: &str, now: Timestamp, n: usize) -> Result<Vec<Timestamp>, ServiceError> {
        let (_, session, registration) = self.loaded("read the schedule of", label)?;
        let Some(registration) = registration else { return Ok(Vec::new()) };
        let zone = calendar::zone_named(&session.zone);
        let start = &registration.definition.start;
        // the first is the one that the scheduler itself waits for
        let first = registration.next.filter(|next| *next > now);
        let after = first.unwrap_or(now);
        let later = calendar::upcoming(start, registration.registered, after, &zone, n);
        Ok(first.into_iter().chain(later).take(n).collect())
    }

    fn runs(&self, label: &str) -> Result<Vec<ServiceRun>, ServiceError> {
        let (store, _, _) = self.live("read the runs of", label)?;
        let runs = store.runs(label, ManagerKind::Embedded, 100).map_err(failed("read the runs of", label))?;
        Ok(runs.into_iter().map(ServiceRun::from).collect())
    }

    /// Asks the scheduler to start it; while it runs already, the kicked run begins after that one.
    fn kick(&self, label: &str) -> Result<(), ServiceError> {
        const OP: &str = "kick";
        let (store, _, registration) = self.loaded(OP, label)?;
        if registration.is_none() {
            return Err(ServiceError::Failed { op: OP, label: label.to_owned(), why: "it is not loaded".to_owned() });
        }
        store.kick(label, ManagerKind::Embedded, self.clock.now()).map_err(failed(OP, label))?;
        schedule::poke();
        Ok(())
    }
}
