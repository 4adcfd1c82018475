//! What tests of handlers share: an empty order, a root to work in, a stand-in service manager, and a driver that takes a
//! plan through its steps as the engine would, without journal, backups or undo.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use super::{Check, Context, Deadline, Handler, Verified};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::evidence::{Made, Measurement, ServiceRun, StartedBy};
use crate::order::{Order, Priority, Shape};
use crate::root::Root;
use crate::secret::Masker;
use crate::services::{ManagerKind, ServiceDefinition, ServiceError, ServiceManager, ServiceStatus, Start};

/// An order with nothing but an id.
pub fn order(id: &str) -> Order {
    Order {
        id: id.to_owned(),
        shape: Shape::HeadingOnly,
        title: None,
        phase: None,
        origin: None,
        assignee: None,
        priority: Priority::default(),
        created: None,
        expires: None,
        handler: None,
        template: None,
        params: Default::default(),
        objective: None,
        requirements: Vec::new(),
        deliverables: Vec::new(),
        left_alone: Vec::new(),
        dependencies: Vec::new(),
        requires: Vec::new(),
        acceptance: Vec::new(),
        bindings: Default::default(),
        waive: Vec::new(),
        verification: Vec::new(),
        next_phase: None,
        needs_approval: false,
        extra: Default::default(),
        parts: Vec::new(),
        diagnostics: Vec::new(),
    }
}

/// A root in a folder of its own, with settings and a service manager.
pub struct Scene {
    _dir: tempfile::TempDir,
    pub root: Root,
    config: Arc<Config>,
    pub services: Arc<FakeManager>,
}

impl Scene {
    pub fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("ราก it's a root ").tempdir().unwrap();
        std::fs::create_dir(dir.path().join("bridge")).unwrap();
        let root = Root::at(dir.path()).unwrap();
        Scene { _dir: dir, root, config: Arc::default(), services: Arc::default() }
    }

    pub fn configure(&mut self, change: impl FnOnce(&mut Config)) {
        change(Arc::make_mut(&mut self.config));
    }

    pub fn config(&self) -> Config {
        (*self.config).clone()
    }

    pub fn context(&self, order: &Order, facts: serde_json::Value) -> Context {
        Context {
            root: self.root.clone(),
            config: self.config.clone(),
            clock: Arc::new(SystemClock),
            services: self.services.clone(),
            masker: Arc::new(Masker::default()),
            order: Arc::new(order.clone()),
            attempt: 1,
            facts: Arc::new(facts),
            attempt_started: Timestamp::now(),
            step_applied: None,
            program: PathBuf::from("/bin/true"),
            deadline: Deadline::after(Duration::from_secs(600)),
            cancelled: Arc::default(),
        }
    }
}

/// How a driven step went.
#[derive(Debug)]
pub struct Went {
    pub after: String,
}

#[derive(Debug, Default)]
pub struct Driven {
    pub steps: Vec<Went>,
    pub measurements: Vec<Measurement>,
}

/// Takes the order through its plan; the first step that changes something and fails ends it with its reason.
pub fn drive(handler: &dyn Handler, order: &Order, scene: &Scene) -> Result<Driven, String> {
    let facts = handler.diagnose(order, &scene.context(order, serde_json::Value::Null)).map_err(|e| e.to_string())?;
    let plan = handler.plan(order, &order.acceptance, &facts, &scene.config).map_err(|e| e.to_string())?;
    let mut driven = Driven::default();
    let mut context = scene.context(order, facts);
    for spec in &plan.steps {
        let spec = serde_json::from_value(serde_json::to_value(spec).unwrap()).unwrap();
        let step = handler.step(&spec).map_err(|e| e.to_string())?;
        context.step_applied = None;
        step.files(&context).map_err(|e| e.to_string())?;
        let after = match step.check(&context).map_err(|e| e.to_string())? {
            Check::Already(now) => now,
            Check::Needed(_) => {
                context.step_applied = Some(Timestamp::now());
                step.apply(&context).map_err(|e| e.to_string())?.after
            }
            Check::Unknown(why) => return Err(format!("{}: unknown: {why}", spec.name)),
        };
        let failed = loop {
            match step.verify(&context).map_err(|e| e.to_string())? {
                Verified::Yes(measurements) => {
                    driven.measurements.extend(measurements);
                    break None;
                }
                Verified::No { why, measurements } => {
                    driven.measurements.extend(measurements);
                    break Some(why);
                }
                Verified::Wait { .. } => std::thread::yield_now(),
            }
        };
        if let (Some(why), false) = (&failed, spec.measures_only) {
            return Err(format!("{}: {why}", spec.name));
        }
        driven.steps.push(Went { after });
    }
    Ok(driven)
}

/// A manager that keeps definitions in memory; it runs nothing, and says that it ran once at load.
#[derive(Default)]
pub struct FakeManager {
    state: Mutex<FakeState>,
}

#[derive(Default)]
struct FakeState {
    loaded: BTreeMap<String, (ServiceDefinition, Vec<ServiceRun>)>,
}

impl FakeManager {
    fn state(&self) -> std::sync::MutexGuard<'_, FakeState> {
        self.state.lock().unwrap()
    }

    fn present(&self) -> Result<std::sync::MutexGuard<'_, FakeState>, ServiceError> {
        Ok(self.state())
    }
}

impl ServiceManager for FakeManager {
    fn kind(&self) -> ManagerKind {
        ManagerKind::Embedded
    }

    fn files(&self, _definition: &ServiceDefinition) -> Vec<PathBuf> {
        Vec::new()
    }

    fn is_installed(&self, definition: &ServiceDefinition) -> Result<bool, ServiceError> {
        Ok(self.present()?.loaded.get(&definition.label).is_some_and(|(known, _)| known == definition))
    }

    fn installed(&self, label: &str) -> Result<Option<Vec<u8>>, ServiceError> {
        Ok(self.present()?.loaded.get(label).map(|(known, _)| crate::services::plist::render(known)))
    }

    fn install(&self, definition: &ServiceDefinition) -> Result<(), ServiceError> {
        let now = Timestamp::now();
        let started_by = StartedBy::Manager { cause: "at load".to_owned() };
        let runs = match definition.run_at_load {
            true => {
                let made = Made::Something("it exported 1 file, 3 rows".to_owned());
                vec![ServiceRun { started: now, ended: Some(now), exit: Some(0), started_by, made }]
            }
            false => Vec::new(),
        };
        self.present()?.loaded.insert(definition.label.clone(), (definition.clone(), runs));
        Ok(())
    }

    fn uninstall(&self, label: &str) -> Result<bool, ServiceError> {
        Ok(self.present()?.loaded.remove(label).is_some())
    }

    fn status(&self, label: &str) -> Result<ServiceStatus, ServiceError> {
        let loaded = self.present()?.loaded.contains_key(label);
        let detail = if loaded { "loaded" } else { "not loaded" }.to_owned();
        Ok(ServiceStatus { loaded, pid: None, last_exit: None, detail })
    }

    fn next_runs(&self, label: &str, now: Timestamp, n: usize) -> Result<Vec<Timestamp>, ServiceError> {
        let state = self.present()?;
        let Some((definition, _)) = state.loaded.get(label) else { return Ok(Vec::new()) };
        let Start::Calendar { at, .. } = definition.start else { return Ok(Vec::new()) };
        let zone = jiff::tz::TimeZone::system();
        let today = now.to_zoned(zone.clone()).date();
        let days = (0..).map(|day| today.saturating_add(jiff::Span::new().days(day)).to_datetime(at));
        let times = days.filter_map(|at| zone.to_timestamp(at).ok());
        Ok(times.filter(|at| *at > now).take(n).collect())
    }

    fn runs(&self, label: &str) -> Result<Vec<ServiceRun>, ServiceError> {
        Ok(self.present()?.loaded.get(label).map(|(_, runs)| runs.clone()).unwrap_or_default())
    }

    fn kick(&self, label: &str) -> Result<(), ServiceError> {
        let now = Timestamp::now();
        let (started_by, made) = (StartedBy::Kicked, Made::Unsaid);
        let run = ServiceRun { started: now, ended: Some(now), exit: Some(0), started_by, made };
        if let Some((_, runs)) = self.present()?.loaded.get_mut(label) {
            runs.push(run);
        }
        Ok(())
    }
}
