//! The engine: what becomes of an order, from the inbox to the archive. Read [`pipeline::advance`] first: the life of an
//! order stands there from top to bottom.
//!
//! Invariants:
//! * whoever executes holds the bridge's lock, and stops once that or its journal is gone;
//! * one run is advanced by one worker at a time;
//! * an intent is durable before its effect, an effect's evidence before it counts;
//! * every run can be picked up after a crash from its events alone.

pub mod backup;
pub mod claim;
pub mod commands;
pub mod criteria;
pub mod daemon;
pub mod dispatch;
pub mod edited;
pub mod error;
pub mod finish;
pub mod gate;
pub mod held_up;
mod left_over;
pub mod notice;
pub mod orphan;
pub mod pipeline;
pub mod plan;
pub mod removal;
pub mod requests;
pub mod steps;
pub mod stop;
pub mod tape;
mod test_lines;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::time::Duration;

pub use error::EngineError;
use jiff::Timestamp;
pub use stop::Stop;

use crate::bridge::lock::Lock;
use crate::clock::Clock;
use crate::config::Config;
use crate::handlers::Handler;
use crate::journal::{Event, Journal};
use crate::root::Root;
use crate::secret::{Masker, Secret};
use crate::services::ServiceManager;

/// What all workers share.
pub struct Executor {
    pub root: Root,
    pub journal: Journal,
    // after the journal, so that that one is closed before the lock goes
    lock: Lock,
    pub clock: Arc<dyn Clock>,
    /// The absolute path of this `wo`.
    pub program: PathBuf,
    pub stop: Arc<Stop>,
    settings: RwLock<Settings>,
    /// Wakes the thread that delivers notices; `None` while none runs.
    courier: Mutex<Option<mpsc::Sender<()>>>,
    /// Runs with a request that waits; their worker yields at the next step.
    interrupted: Mutex<HashSet<i64>>,
    /// Of each open run that was looked at, whether its programs are to be killed, since it is to be cancelled.
    cancels: Mutex<HashMap<i64, Arc<AtomicBool>>>,
    /// What became of steps of a run and could not be written down yet.
    unwritten: Mutex<HashMap<i64, Vec<(Timestamp, Event)>>>,
    /// How long workers of this process were at work on each open run, waits left out.
    worked: Mutex<HashMap<i64, Duration>>,
    /// Locks of the programs that an earlier executor left at work and that were ended.
    cut_off: HashSet<PathBuf>,
}

/// What a reload of `wo.toml` replaces as a whole.
#[derive(Clone)]
pub struct Settings {
    pub config: Arc<Config>,
    pub handlers: Vec<Arc<dyn Handler>>,
    pub services: Arc<dyn ServiceManager>,
    pub masker: Arc<Masker>,
}

impl Settings {
    pub fn load(root: &Root, config: Config, clock: &Arc<dyn Clock>) -> Result<Settings, EngineError> {
        let masker = Masker::new(secrets(root, &config));
        let services = crate::services::manager(root, &config, Arc::clone(clock))?;
        let handlers = crate::handlers::registry::all(&config);
        Ok(Settings { config: Arc::new(config), handlers, services, masker: Arc::new(masker) })
    }

    pub fn handler(&self, name: &str) -> Option<Arc<dyn Handler>> {
        self.handlers.iter().find(|handler| handler.descriptor().name == name).cloned()
    }
}

fn secrets<'a>(root: &'a Root, config: &Config) -> impl Iterator<Item = Secret> + 'a {
    config.secrets().into_iter().filter_map(|secret| secret.read(root.path()).ok())
}

impl Executor {
    /// Opens the journal, which checks all of it; keeps the bridge's lock. What an earlier executor left at work is ended.
    pub fn open(
        root: &Root,
        lock: Lock,
        settings: Settings,
        clock: Arc<dyn Clock>,
        stop: Arc<Stop>,
    ) -> Result<Executor, EngineError> {
        Ok(Executor {
            root: root.clone(),
            journal: Journal::open(root)?,
            lock,
            clock,
            program: std::env::current_exe().map_err(EngineError::NoProgram)?,
            stop,
            settings: RwLock::new(settings),
            courier: Mutex::default(),
            interrupted: Mutex::default(),
            cancels: Mutex::default(),
            unwritten: Mutex::default(),
            worked: Mutex::default(),
            cut_off: left_over::end(root)?,
        })
    }

    /// That this still is the bridge's one executor, and its journal the one that everybody reads. Looked at before anything
    /// is claimed or applied.
    pub fn check_hold(&self) -> Result<(), EngineError> {
        self.lock.check()?;
        Ok(self.journal.check_place()?)
    }

    pub fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Knows the secrets of the settings in force, and those that `wo.toml` refers to by now: an order may just have stored one.
    pub(crate) fn masker_now(&self) -> Masker {
        let mut masker = Masker::clone(&self.settings().masker);
        if let Ok(config) = Config::load(&self.root) {
            secrets(&self.root, &config).for_each(|secret| masker.add(secret));
        }
        masker
    }

    pub fn replace_settings(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub(crate) fn set_courier(&self, courier: Option<mpsc::Sender<()>>) {
        *self.courier.lock().unwrap_or_else(PoisonError::into_inner) = courier;
    }

    pub(crate) fn wake_courier(&self) {
        if let Some(courier) = self.courier.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // a courier that has ended leaves the notice in the journal
            let _ = courier.send(());
        }
    }

    pub(crate) fn interrupt(&self, run: i64) {
        self.interrupted.lock().unwrap_or_else(PoisonError::into_inner).insert(run);
    }

    /// Set once `run`, which a worker has, is to be cancelled.
    pub(crate) fn cancel_of(&self, run: i64) -> Arc<AtomicBool> {
        Arc::clone(self.cancels.lock().unwrap_or_else(PoisonError::into_inner).entry(run).or_default())
    }

    pub(crate) fn clear_interrupt(&self, run: i64) {
        self.interrupted.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }

    /// How long workers were at work on `run` before now.
    pub(crate) fn worked(&self, run: i64) -> Duration {
        self.worked.lock().unwrap_or_else(PoisonError::into_inner).get(&run).copied().unwrap_or_default()
    }

    /// A worker lets go of `run` after `time`; `None` when the run has ended and need not be known any more.
    pub(crate) fn add_worked(&self, run: i64, time: Option<Duration>) {
        let mut worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner);
        match time {
            Some(time) => *worked.entry(run).or_default() += time,
            None => {
                worked.remove(&run);
                self.cancels.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
            }
        }
    }

    /// Whether the worker of `run` shall stop at the next step.
    pub(crate) fn should_yield(&self, run: i64) -> bool {
        self.stop.is_set() || self.interrupted.lock().unwrap_or_else(PoisonError::into_inner).contains(&run)
    }
}
