//! The loop of `wo up` and `wo monitor`, and the single cycle of `wo monitor --once`.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::MonitorError;
use super::checks::Surroundings;
use super::cycle::{self, Cycle, Ready};
use super::deliver::{Courier, Delivery, Pass};
use super::memo::Memo;
use super::record::{self, Place, Recorded, Source};
use super::store::Store;
use super::timing::{self, Fire, Gap, Reading};
use crate::clock::Clock;
use crate::config::Config;
use crate::root::Root;
use crate::services::ServiceManager;

/// How long a look ahead is at most: after a sleep of the machine, or with a clock that was set, the due time is noticed
/// this late.
const LOOK_MAX: Duration = Duration::from_secs(30);

/// How much later than another loop a daemon's takes a cycle.
const SECOND_MAX: Duration = Duration::from_millis(50);

/// How long a single cycle waits, after its record, for work that goes on beside it.
const SETTLE_MAX: Duration = Duration::from_secs(5);

/// What the loop is made of.
#[derive(Clone)]
pub struct Parts {
    pub root: Root,
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub services: Arc<dyn ServiceManager>,
}

/// What is told of each cycle, e.g. printed; on the loop's thread.
pub type Listener = Box<dyn FnMut(&Recorded) + Send>;

struct Engine {
    parts: Parts,
    settings: SettingsFile,
    checks: Vec<Ready>,
    around: Arc<Surroundings>,
    store: Store,
    runtime: Option<tokio::runtime::Runtime>,
    /// Lets another loop have a due time first, if there is one.
    is_second: bool,
}

/// Starts the loop of a daemon that has other things to do, on a thread of its own: where a service runs a loop for this
/// root, that one has the first go at each cycle. It ends when `shutdown` becomes true (or its sender is gone), within a second
/// or so; with an error, when an fsync failed or the store can't be used. Whatever would keep it from starting at all is
/// returned at once.
pub fn start(
    root: Root,
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    services: Arc<dyn ServiceManager>,
    shutdown: watch::Receiver<bool>,
) -> Result<JoinHandle<Result<(), MonitorError>>, MonitorError> {
    let mut engine = Engine::new(Parts { root, config, clock, services })?;
    engine.is_second = true;
    spawn(engine, shutdown, Box::new(|_| {}))
}

/// [`start`], with someone who hears of each cycle.
pub fn start_with(
    parts: Parts,
    shutdown: watch::Receiver<bool>,
    listener: Listener,
) -> Result<JoinHandle<Result<(), MonitorError>>, MonitorError> {
    spawn(Engine::new(parts)?, shutdown, listener)
}

fn spawn(
    engine: Engine,
    shutdown: watch::Receiver<bool>,
    listener: Listener,
) -> Result<JoinHandle<Result<(), MonitorError>>, MonitorError> {
    std::thread::Builder::new()
        .name("monitor".to_owned())
        .spawn(move || engine.run(shutdown, listener))
        .map_err(|error| MonitorError::Start(error.to_string()))
}

/// One cycle now, whatever is due, and one try to deliver what is queued.
pub fn once(parts: Parts, delivery_limit: Duration) -> Result<(Recorded, Pass), MonitorError> {
    let mut engine = Engine::new(parts)?;
    let cycle = engine.cycle();
    let recorded = engine.record(&cycle, Source::Once, None)?;
    // else a database that takes longer than the cycle waits would never be checked to its end
    engine.around.memo.settle(SETTLE_MAX);
    let changed = engine.around.memo.take_changed();
    if !changed.is_empty() {
        engine.store.record(|write| write.put_memo(&changed))?;
    }
    let Parts { root, config, clock, .. } = engine.parts.clone();
    let pass = if config.monitor.webhooks.is_empty() {
        Pass::default()
    } else {
        // a post to each begins only with its whole time-out left
        let posts = u32::try_from(config.monitor.webhooks.len()).unwrap_or(u32::MAX);
        let limit = Duration::from_millis(config.monitor.webhook_timeout_ms).saturating_mul(posts);
        Courier::new(root, config, clock)?.pass(true, std::time::Instant::now() + limit + delivery_limit)?
    };
    Ok((recorded, pass))
}

/// Runs every check once and records nothing: no report, no counter, no alert.
pub fn look(parts: &Parts) -> Result<Cycle, MonitorError> {
    let checks = ready(parts)?;
    // what a loop found out in the time that one look does not have, such as a `quick_check` of a large database
    let memo = match Store::open_existing(&parts.root) {
        Ok(Some(store)) => store.memo().unwrap_or_default(),
        Ok(None) | Err(_) => Memo::default(),
    };
    let around = surroundings(parts, Arc::new(memo.for_one_look()));
    let runtime = runtime()?;
    let cycle = runtime.block_on(cycle::run(&checks, &around));
    runtime.shutdown_background();
    Ok(cycle)
}

fn ready(parts: &Parts) -> Result<Vec<Ready>, MonitorError> {
    cycle::ready(&parts.config.monitor, &parts.config.paths).map_err(MonitorError::Config)
}

fn surroundings(parts: &Parts, memo: Arc<Memo>) -> Arc<Surroundings> {
    Arc::new(Surroundings {
        root: parts.root.clone(),
        policy: parts.config.policy.clone(),
        clock: parts.clock.clone(),
        services: parts.services.clone(),
        memo,
        secrets: parts.config.secrets(),
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, MonitorError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| MonitorError::Start(error.to_string()))
}

/// `wo.toml` as the loop last read it. A loop that is kept alive for months must not go on with settings that were
/// repaired meanwhile; so it looks at the file before each cycle.
struct SettingsFile {
    path: PathBuf,
    seen: Option<(std::time::SystemTime, u64, u64)>,
}

impl SettingsFile {
    fn new(root: &Root) -> Self {
        let path = root.config();
        SettingsFile { seen: Self::stamp(&path), path }
    }

    /// Time of change, size and inode.
    fn stamp(path: &std::path::Path) -> Option<(std::time::SystemTime, u64, u64)> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = path.metadata().ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
    }

    fn has_changed(&mut self) -> bool {
        let now = Self::stamp(&self.path);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

impl Engine {
    fn new(parts: Parts) -> Result<Engine, MonitorError> {
        // the stamp comes first: a change in between is then seen at the next cycle
        let settings = SettingsFile::new(&parts.root);
        let checks = ready(&parts)?;
        let store = Store::open(&parts.root)?;
        let around = surroundings(&parts, Arc::new(store.memo()?));
        Ok(Engine { settings, checks, around, store, runtime: Some(runtime()?), parts, is_second: false })
    }

    /// Takes `wo.toml` anew when it has changed; `true` when other settings are in force now. One that can't be used is
    /// refused and said, and the old ones stay.
    fn refresh(&mut self) -> bool {
        if !self.settings.has_changed() {
            return false;
        }
        let config = match Config::load(&self.parts.root) {
            Ok(config) => Arc::new(config),
            Err(error) => {
                tracing::error!("{error}\nthe monitor's settings stay as they were");
                return false;
            }
        };
        if config == self.parts.config {
            return false;
        }
        let parts = Parts { config, ..self.parts.clone() };
        match ready(&parts) {
            Ok(checks) => {
                if self.is_second && !parts.config.monitor.enabled {
                    tracing::warn!("the monitor goes on until the next start of `wo up`, which leaves it off");
                }
                self.around = surroundings(&parts, Arc::clone(&self.around.memo));
                self.checks = checks;
                self.parts = parts;
                tracing::info!("wo.toml has changed: the monitor goes on with its new settings");
                true
            }
            Err(error) => {
                tracing::error!("{error}\nthe monitor's settings stay as they were");
                false
            }
        }
    }

    /// Due → cycle → record → next, until the end.
    fn run(mut self, mut shutdown: watch::Receiver<bool>, mut listener: Listener) -> Result<(), MonitorError> {
        let Parts { root, config, clock, .. } = self.parts.clone();
        let mut delivery = Delivery::start(&root, &config, &clock)?;
        let mut interval_ns = config.monitor.interval_ns();
        // this loop's last cycle; `None` before the first
        let mut last: Option<Reading> = None;
        let mut starting = true;
        let result = loop {
            let before = Arc::clone(&self.parts.config);
            if self.refresh() {
                let config = &self.parts.config;
                interval_ns = config.monitor.interval_ns();
                if config.monitor != before.monitor
                    && let Some(old) = delivery.take()
                {
                    old.stop(Duration::from_secs(1));
                }
                if delivery.is_none() {
                    delivery = match Delivery::start(&root, config, &clock) {
                        Ok(delivery) => delivery,
                        Err(error) if error.is_fatal() => break Err(error.into()),
                        Err(error) => {
                            tracing::error!("{error}");
                            None
                        }
                    };
                }
            }
            let now = clock.now();
            let (fire, due) = match self.store.claim(now, interval_ns, starting) {
                Ok(claimed) => claimed,
                Err(error) if error.is_fatal() => break Err(error.into()),
                Err(error) => {
                    // a full disk is over some day; the loop outlives it
                    tracing::error!("{error}");
                    (None, now.checked_add(LOOK_MAX).unwrap_or(now))
                }
            };
            starting = false;
            let Some(fire) = fire else {
                let later = if self.is_second {
                    SECOND_MAX.min(Duration::from_nanos(interval_ns / 40))
                } else {
                    Duration::ZERO
                };
                if self.wait(until(due, clock.now()) + later, &mut shutdown) {
                    break Ok(());
                }
                continue;
            };
            let reading = Reading::take(now);
            let gap = gap_before(&fire, now, last.map(|last| reading.since(&last)), interval_ns);
            last = Some(reading);
            let cycle = self.cycle();
            match self.record(&cycle, Source::Loop, gap) {
                Ok(recorded) => {
                    for problem in &recorded.problems {
                        tracing::error!("{problem}");
                    }
                    if let Some(delivery) = &delivery {
                        delivery.wake();
                    }
                    listener(&recorded);
                }
                Err(error) if error.is_fatal() => break Err(error),
                Err(error) => tracing::error!("{error}"),
            }
            if *shutdown.borrow() {
                break Ok(());
            }
        };
        if let Some(delivery) = delivery {
            delivery.stop(Duration::from_secs(1));
        }
        result
    }

    /// Waits; `true` when it is the end.
    fn wait(&self, time: Duration, shutdown: &mut watch::Receiver<bool>) -> bool {
        let Some(runtime) = &self.runtime else { return true };
        runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(time) => false,
                // an error: nobody can stop this loop any more, so nobody wants it
                ended = shutdown.wait_for(|stop| *stop) => { let _ = ended; true }
            }
        })
    }

    fn cycle(&self) -> Cycle {
        match &self.runtime {
            Some(runtime) => runtime.block_on(cycle::run(&self.checks, &self.around)),
            None => Cycle { at: self.parts.clock.now(), took: Duration::ZERO, observed: Vec::new() },
        }
    }

    fn record(&mut self, cycle: &Cycle, source: Source, gap: Option<Gap>) -> Result<Recorded, MonitorError> {
        let place = Place { root: &self.parts.root, config: &self.parts.config };
        record::record(&place, &mut self.store, &self.around.memo, cycle, source, gap)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // a name server that hangs must not hold the process
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn until(due: Timestamp, now: Timestamp) -> Duration {
    let ns = due.as_nanosecond() - now.as_nanosecond();
    Duration::from_nanos(u64::try_from(ns).unwrap_or(0)).min(LOOK_MAX)
}

fn gap_before(fire: &Fire, now: Timestamp, elapsed: Option<timing::Elapsed>, interval_ns: u64) -> Option<Gap> {
    let from = fire.previous.filter(|_| fire.missed > 0)?;
    Some(Gap { kind: timing::classify(elapsed, interval_ns), from, until: now, missed: fire.missed })
}
