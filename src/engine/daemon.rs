//! The executor's loop: wake → scan → claim → hand runs to workers. Truth is the scan and the journal; events only wake.
//!
//! One thread loops; `limits.workers` threads advance runs. Runs that touch the same subject never run side by side, and a
//! run whose step waits keeps what it touches.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::pipeline::{self, Next};
use super::{EngineError, Executor, claim, edited, notice, requests};
use crate::bridge::scan::{self, Candidate};
use crate::bridge::settle::{Patience, Settler, Sorted};
use crate::bridge::watch::{Waker, Watcher};
use crate::config::Config;
use crate::evidence::Outcome;
use crate::journal::{Reader, RunKey};
use crate::order::Priority;

/// How often `wo run` tries a run that meets the machine's trouble before it leaves it to the next one.
const TRIES_ONCE: u32 = 4;
/// Workers get this long to finish or park their steps after the wish to stop.
const DRAIN: Duration = Duration::from_secs(6);

/// The file itself and its reason.
const FILES_PER_REJECT: u64 = 2;
/// What is remembered is looked through this often.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// What waits for delivery at the end gets this long; the rest is told at the next start.
const COURIER_PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Until stopped.
    Daemon,
    /// Until nothing is left to do now.
    Once,
}

/// What the loop came to, for the exit code.
#[derive(Debug, Default)]
pub struct Summary {
    pub ended: Vec<(RunKey, Outcome)>,
    /// Runs that are left waiting, with why.
    pub left: Vec<(RunKey, String)>,
    /// Files that were rejected, with why.
    pub rejected: Vec<(String, String)>,
    /// What stays in an inbox because a limit is reached, and why.
    pub unclaimed: Vec<String>,
    /// Told to stop before everything was done.
    pub interrupted: bool,
}

struct Done {
    key: RunKey,
    result: Result<Next, EngineError>,
}

/// What each run in hand touches.
type Reserved = Arc<Mutex<HashMap<i64, Vec<String>>>>;

struct Loop {
    executor: Arc<Executor>,
    mode: Mode,
    reader: Reader,
    watcher: Watcher,
    settler: Settler,
    queue: BTreeSet<(Priority, i64)>,
    keys: HashMap<i64, RunKey>,
    priorities: HashMap<i64, Priority>,
    in_flight: HashSet<i64>,
    waiting: HashMap<i64, (Timestamp, bool)>,
    busy: HashSet<i64>,
    /// How often a run met the machine's trouble, and after how long it is tried again.
    backoff: HashMap<i64, (u32, Duration)>,
    /// Runs that one pass does not try again, with the machine's trouble that they met.
    given_up: HashMap<i64, String>,
    reserved: Reserved,
    work: mpsc::Sender<RunKey>,
    done: mpsc::Receiver<Done>,
    workers: Vec<JoinHandle<()>>,
    summary: Summary,
    settling: bool,
    next_settle: Option<Instant>,
    /// After trouble the inbox is not looked at before this, whatever wakes the loop.
    hold_off: Option<Instant>,
    hold_off_for: Duration,
    /// The first error of the last look that kept single files from being taken.
    trouble: Option<EngineError>,
    /// Files that are no orders and were named.
    noted: HashSet<(String, OsString)>,
    noted_more: bool,
    next_forget: Option<Instant>,
}

/// Runs until the mode's end. `reload` is looked at on every turn and answers with new settings when a person asked.
pub fn run(
    executor: &Arc<Executor>,
    mode: Mode,
    reload: &dyn Fn(&Executor),
    on_waker: impl FnOnce(Waker),
) -> Result<Summary, EngineError> {
    let config = executor.settings().config;
    for agent in &config.inbox.agents {
        crate::bridge::check_agent(agent)?;
        for dir in [
            executor.root.inbox(agent),
            executor.root.processing(agent),
            executor.root.archive(agent),
            executor.root.rejected(agent),
            executor.root.outbox(agent),
        ] {
            crate::durable::create_dir_all(&dir)?;
        }
    }
    let watcher = Watcher::start(&executor.root, &config.inbox);
    on_waker(watcher.waker());
    let (work, jobs) = mpsc::channel();
    let (finished, done) = mpsc::channel();
    let reserved: Reserved = Arc::default();
    let jobs = Arc::new(Mutex::new(jobs));
    let mut workers = Vec::new();
    for n in 0..config.limits.workers.clamp(1, 64) {
        let worker = Worker {
            executor: Arc::clone(executor),
            reader: executor.journal.reader()?,
            jobs: Arc::clone(&jobs),
            done: finished.clone(),
            waker: watcher.waker(),
            reserved: Arc::clone(&reserved),
        };
        workers.push(
            std::thread::Builder::new()
                .name(format!("worker {n}"))
                .spawn(move || worker.run())
                .map_err(EngineError::Thread)?,
        );
    }
    let patience = match mode {
        Mode::Daemon => Patience::daemon(&config.inbox),
        Mode::Once => Patience::once(&config.inbox),
    };
    let mut this = Loop {
        executor: Arc::clone(executor),
        mode,
        reader: executor.journal.reader()?,
        watcher,
        settler: Settler::new(patience),
        queue: BTreeSet::new(),
        keys: HashMap::new(),
        priorities: HashMap::new(),
        in_flight: HashSet::new(),
        waiting: HashMap::new(),
        busy: HashSet::new(),
        backoff: HashMap::new(),
        given_up: HashMap::new(),
        reserved,
        work,
        done,
        workers,
        summary: Summary::default(),
        settling: false,
        next_settle: None,
        hold_off: None,
        hold_off_for: retry_first(&config),
        trouble: None,
        noted: HashSet::new(),
        noted_more: false,
        next_forget: None,
    };
    let courier = notice::start_courier(executor)?;
    let result = this.recover().and_then(|()| this.turns(reload));
    this.drain();
    let result = match mode {
        Mode::Once if this.summary.interrupted => result.and_then(|()| this.note_left()),
        _ => result,
    };
    notice::end_courier(executor, courier, COURIER_PATIENCE);
    crate::process::kill_all();
    result.map(|()| this.summary)
}

impl Loop {
    /// Takes up every run that has not ended, and sweeps out what was being written when an earlier executor was killed.
    fn recover(&mut self) -> Result<(), EngineError> {
        let open = self.reader.open_runs()?;
        for agent in &self.executor.settings().config.inbox.agents {
            let root = &self.executor.root;
            for dir in [root.outbox(agent), root.processing(agent), root.archive(agent), root.rejected(agent)] {
                crate::durable::sweep(&dir);
            }
            for held in crate::bridge::moves::recover_listing(&self.executor.root, agent)? {
                let keys = open.iter().map(|row| &row.key);
                let aside = edited::sort_out(&self.executor, &self.reader, agent, &held, keys)?;
                self.summary.rejected.extend(aside);
            }
        }
        for row in open {
            claim::finish_unmoved(&self.executor, &row.key)?;
            // what it touched before it was cut off is its own again before anybody else can ask for it
            let run = self.reader.load(&row.key)?;
            if run.has_begun() {
                reserve(&self.reserved, row.key.run, &run.subjects());
            }
            self.enqueue(row.key, row.priority);
        }
        Ok(())
    }

    fn turns(&mut self, reload: &dyn Fn(&Executor)) -> Result<(), EngineError> {
        let mut wanted = true;
        let mut next_rescan = Instant::now();
        while !self.executor.stop.is_set() {
            reload(&self.executor);
            let config = self.executor.settings().config;
            let now = Instant::now();
            wanted |= self.next_settle.is_some_and(|due| due <= now) || next_rescan <= now;
            let look = wanted && self.hold_off.is_none_or(|until| until <= now);
            match self.turn(look) {
                Ok(()) => {
                    if look {
                        wanted = false;
                        next_rescan = Instant::now() + Duration::from_millis(config.inbox.rescan_ms.max(100));
                    }
                }
                Err(error) if error.is_fatal() || self.mode == Mode::Once => return Err(error),
                Err(error) => self.hold_off_after(&error.to_string()),
            }
            if self.mode == Mode::Once && self.is_idle() {
                if let Some(error) = self.trouble.take() {
                    return Err(error);
                }
                return self.note_left();
            }
            let wake = self.watcher.wait(self.timeout(next_rescan, wanted));
            if let Some(error) = &wake.error {
                tracing::warn!("{error}");
            }
            wake.tell(&mut self.settler);
            wanted |= wake.dirty || wake.rescan;
        }
        self.summary.interrupted = true;
        Ok(())
    }

    /// A full disk, too many open files: nothing is lost, all of it is looked at again, and less and less often.
    fn hold_off_after(&mut self, error: &str) {
        tracing::warn!("{error}; looked at again in {:?}", self.hold_off_for);
        self.hold_off = Some(Instant::now() + self.hold_off_for);
        self.hold_off_for = (self.hold_off_for * 2).min(retry_max(&self.executor.settings().config));
    }

    /// One look at everything that may have changed.
    fn turn(&mut self, look: bool) -> Result<(), EngineError> {
        self.executor.check_hold()?;
        self.collect()?;
        if look {
            self.scan()?;
            self.forget_old()?;
        }
        for key in requests::carry_out(&self.executor, &self.reader, &self.in_flight)? {
            let priority = self.priorities.get(&key.run).copied().unwrap_or_default();
            self.waiting.remove(&key.run);
            self.enqueue(key, priority);
        }
        self.release_due();
        self.hand_out();
        Ok(())
    }

    fn scan(&mut self) -> Result<(), EngineError> {
        let settings = self.executor.settings();
        let looks = scan::scan(&self.executor.root, &settings.config)?;
        let sorted = self.settler.sort(looks, Instant::now());
        for (agent, error) in &sorted.unavailable {
            tracing::warn!("the inbox of {agent} can't be read: {error}");
        }
        self.note(&sorted)?;
        let limits = &settings.config.limits;
        let mut trouble = claim::Trouble::default();
        self.settling = !sorted.waiting.is_empty();
        self.next_settle = sorted.next_look;
        self.summary.unclaimed.clear();
        if self.mode == Mode::Daemon {
            self.summary.rejected.clear();
        }
        for agent in &settings.config.inbox.agents {
            let mut refused: VecDeque<_> =
                sorted.refused.iter().filter(|(candidate, _)| candidate.agent == *agent).collect();
            let mut orders: VecDeque<Candidate> =
                sorted.orders.iter().filter(|candidate| candidate.agent == *agent).cloned().collect();
            let mut rejected = scan::count(&self.executor.root.rejected(agent), limits.rejected_files)?;
            while !(refused.is_empty() && orders.is_empty()) {
                if self.executor.stop.is_set() {
                    return Ok(());
                }
                // looked at before each file and each batch, so that no flood passes the limit by more than one of them
                let stop = if rejected >= limits.rejected_files {
                    Some(format!("rejected/{agent}/ holds {rejected} files (limits.rejected_files)"))
                } else if refused.is_empty() && self.reader.open_count()? >= limits.open_orders {
                    Some(format!("{} orders are open (limits.open_orders)", limits.open_orders))
                } else {
                    None
                };
                if let Some(why) = stop {
                    let files = refused.len() + orders.len();
                    tracing::warn!("claiming stops for {agent}: {why}; {files} files stay in its inbox");
                    self.summary.unclaimed.push(format!("{files} files stay in the inbox of {agent}: {why}"));
                    break;
                }
                if let Some((candidate, why)) = refused.pop_front() {
                    if trouble.note(claim::refuse(&self.executor, candidate, why, "", ""))?.is_some() {
                        self.summary.rejected.push((candidate.shown(), why.to_string()));
                        rejected += FILES_PER_REJECT;
                    }
                    continue;
                }
                let room = limits.open_orders.saturating_sub(self.reader.open_count()?).max(1);
                let room = room.min((limits.rejected_files - rejected).div_ceil(FILES_PER_REJECT));
                let room = usize::try_from(room).unwrap_or(usize::MAX);
                let batch: Vec<Candidate> =
                    orders.drain(..orders.len().min(limits.claim_batch.max(1)).min(room)).collect();
                let claimed = claim::claim(&self.executor, &batch)?;
                rejected += FILES_PER_REJECT * claimed.rejected.len() as u64;
                self.summary.rejected.extend(claimed.rejected);
                if claimed.unsettled > 0 {
                    self.settling = true;
                    self.next_settle =
                        Some(Instant::now() + Duration::from_millis(settings.config.inbox.settle_ms.max(10)));
                }
                for key in claimed.runs {
                    let row = self.reader.last_run_of(&key.id)?;
                    let priority = row.map(|row| row.priority).unwrap_or_default();
                    self.enqueue(key, priority);
                }
                trouble.add(claimed.trouble);
                self.collect()?;
                self.hand_out();
            }
        }
        match &trouble.first {
            Some(error) => {
                let others = trouble.files.saturating_sub(1);
                let error = if others > 0 { format!("{error} (and {others} files more)") } else { error.to_string() };
                self.hold_off_after(&error);
            }
            None => (self.hold_off, self.hold_off_for) = (None, retry_first(&settings.config)),
        }
        self.trouble = trouble.first;
        Ok(())
    }

    /// Says once which files are left in the inbox, and why. Of a heap of them the first are named.
    fn note(&mut self, sorted: &Sorted) -> Result<(), EngineError> {
        let most = usize::try_from(self.executor.settings().config.limits.remembered / 2).unwrap_or(usize::MAX);
        if self.noted.len() > 2 * most {
            self.noted.clear();
        }
        let results = sorted.results.iter().map(|candidate| (candidate, true));
        let strays = sorted.ignored.iter().map(|candidate| (candidate, false));
        for (candidate, is_result) in results.chain(strays).take(most) {
            if self.noted.insert((candidate.agent.clone(), candidate.name.clone())) {
                match is_result {
                    true => claim::note_result(&self.executor, candidate)?,
                    false => claim::note_stray(&self.executor, candidate)?,
                }
            }
        }
        let more = (sorted.results.len() + sorted.ignored.len()).saturating_sub(most);
        if more > 0 && !std::mem::replace(&mut self.noted_more, true) {
            tracing::warn!("{more} files more lie in the inboxes and are no orders");
        }
        Ok(())
    }

    fn forget_old(&mut self) -> Result<(), EngineError> {
        let now = Instant::now();
        if self.next_forget.is_none_or(|due| due <= now) {
            self.next_forget = Some(now + FORGET_EVERY);
            let given_up = self.executor.journal.forget(self.executor.settings().config.limits.remembered)?;
            if given_up > 0 {
                tracing::warn!("{given_up} notices that could not be delivered are forgotten (limits.remembered)");
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, key: RunKey, priority: Priority) {
        if !self.in_flight.contains(&key.run) {
            self.queue.insert((priority, key.run));
        }
        self.priorities.insert(key.run, priority);
        self.keys.insert(key.run, key);
    }

    fn hand_out(&mut self) {
        let room = self.workers.len() * 2;
        while self.in_flight.len() < room
            && let Some((_, run)) = self.queue.pop_first()
        {
            if let Some(key) = self.keys.get(&run) {
                self.in_flight.insert(run);
                if self.work.send(key.clone()).is_err() {
                    return;
                }
            }
        }
    }

    /// Takes in what the workers came to.
    fn collect(&mut self) -> Result<(), EngineError> {
        while let Ok(Done { key, result }) = self.done.try_recv() {
            let run = key.run;
            self.in_flight.remove(&run);
            // one that has begun keeps what it touches until its end, whatever holds it up
            let keeps = matches!(
                result,
                Ok(Next::Waits { step: true, .. } | Next::NeedsPerson { .. } | Next::Yielded) | Err(_)
            );
            if !keeps && self.reserved.lock().unwrap_or_else(PoisonError::into_inner).remove(&run).is_some() {
                // what it touched is free: those that waited for it try again
                for run in std::mem::take(&mut self.busy) {
                    let priority = self.priorities.get(&run).copied().unwrap_or_default();
                    self.queue.insert((priority, run));
                }
            }
            match result {
                Ok(Next::Ended(outcome)) => {
                    self.backoff.remove(&run);
                    self.keys.remove(&run);
                    self.priorities.remove(&run);
                    self.summary.ended.push((key, outcome));
                    if self.mode == Mode::Daemon {
                        self.summary.ended.clear();
                    }
                    // gates of other orders may open now
                    for (_, (until, step)) in self.waiting.iter_mut() {
                        if !*step {
                            *until = Timestamp::MIN;
                        }
                    }
                }
                Ok(Next::Waits { until, step }) => {
                    self.waiting.insert(run, (until, step));
                }
                Ok(Next::NeedsPerson { .. }) => {}
                Ok(Next::Busy) => {
                    self.busy.insert(run);
                }
                Ok(Next::Yielded) => {
                    // after the request that made it yield
                    self.waiting.insert(run, (Timestamp::MIN, true));
                }
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    let config = self.executor.settings().config;
                    let (tries, delay) = match self.backoff.get(&run) {
                        Some((tries, delay)) => (tries + 1, (*delay * 2).min(retry_max(&config))),
                        None => (1, retry_first(&config)),
                    };
                    if self.mode == Mode::Once && tries >= TRIES_ONCE {
                        tracing::warn!("{}: {error}; left to the next run", key.id);
                        self.given_up.insert(run, error.to_string());
                        continue;
                    }
                    tracing::warn!("{}: {error}; tried again in {delay:?}", key.id);
                    self.backoff.insert(run, (tries, delay));
                    self.waiting.insert(run, (self.executor.clock.now() + delay, true));
                }
            }
        }
        Ok(())
    }

    fn release_due(&mut self) {
        let now = self.executor.clock.now();
        let due: Vec<i64> = self.waiting.iter().filter(|(_, (until, _))| *until <= now).map(|(run, _)| *run).collect();
        for run in due {
            self.waiting.remove(&run);
            let priority = self.priorities.get(&run).copied().unwrap_or_default();
            self.queue.insert((priority, run));
        }
    }

    /// Nothing runs, nothing settles, and no step waits; gates, persons and the machine's trouble may take days, and so may
    /// what is busy behind them.
    fn is_idle(&self) -> bool {
        self.queue.is_empty()
            && self.in_flight.is_empty()
            && !self.settling
            && !self.waiting.values().any(|(_, step)| *step)
    }

    fn note_left(&mut self) -> Result<(), EngineError> {
        for row in self.reader.open_runs()? {
            let blocked = match self.busy.contains(&row.key.run) {
                true => self.holder_of(&self.reader.load(&row.key)?.subjects(), row.key.run)?,
                false => None,
            };
            let why = match &row.phase {
                _ if blocked.is_some() => blocked.unwrap_or_default(),
                _ if self.given_up.contains_key(&row.key.run) => {
                    self.given_up.get(&row.key.run).cloned().unwrap_or_default()
                }
                crate::journal::Phase::Waiting { why, .. } | crate::journal::Phase::Uncertain { why, .. } => {
                    why.clone()
                }
                phase => phase.name().to_owned(),
            };
            self.summary.left.push((row.key, why));
        }
        Ok(())
    }

    /// Who has some of `subjects`, in words.
    fn holder_of(&self, subjects: &[String], run: i64) -> Result<Option<String>, EngineError> {
        let reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        for (other, theirs) in reserved.iter().filter(|(other, _)| **other != run) {
            let Some(shared) = theirs.iter().find(|subject| subjects.contains(subject)) else { continue };
            let holder = self.reader.open_runs()?.into_iter().find(|row| row.key.run == *other);
            let id = holder.map_or_else(|| "another order".to_owned(), |row| row.key.id);
            return Ok(Some(format!("waits for {id}, which touches `{shared}` too")));
        }
        Ok(None)
    }

    fn timeout(&self, next_rescan: Instant, wanted: bool) -> Duration {
        let now = Instant::now();
        let due = if wanted { now } else { self.next_settle.map_or(next_rescan, |due| due.min(next_rescan)) };
        let due = self.hold_off.map_or(due, |until| due.max(until));
        let mut timeout = due.saturating_duration_since(now);
        let wall = self.executor.clock.now();
        if let Some(until) = self.waiting.values().map(|(until, _)| *until).min() {
            let left = until.duration_since(wall);
            timeout = timeout.min(Duration::try_from(left).unwrap_or_default());
        }
        timeout
    }

    /// Lets the workers finish or park their steps; what does not come back in time is recovered at the next start.
    fn drain(&mut self) {
        self.executor.stop.set();
        let (closed, _) = mpsc::channel();
        self.work = closed;
        let deadline = Instant::now() + DRAIN;
        while !self.in_flight.is_empty() && Instant::now() < deadline {
            match self.done.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(done) => {
                    self.in_flight.remove(&done.key.run);
                    if let Ok(Next::Ended(outcome)) = done.result {
                        self.summary.ended.push((done.key, outcome));
                    }
                }
                Err(_) => break,
            }
        }
        if self.in_flight.is_empty() {
            for worker in self.workers.drain(..) {
                let _ = worker.join();
            }
        }
    }
}

struct Worker {
    executor: Arc<Executor>,
    reader: Reader,
    jobs: Arc<Mutex<mpsc::Receiver<RunKey>>>,
    done: mpsc::Sender<Done>,
    waker: Waker,
    reserved: Reserved,
}

impl Worker {
    fn run(self) {
        loop {
            let job = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(key) = job else { return };
            let reserve = |subjects: &[String]| reserve(&self.reserved, key.run, subjects);
            let start = Instant::now();
            let result = if self.executor.stop.is_set() {
                Ok(Next::Yielded)
            } else {
                pipeline::advance(&self.executor, &self.reader, &key, &reserve)
            };
            let over = matches!(result, Ok(Next::Ended(_)));
            self.executor.add_worked(key.run, (!over).then(|| start.elapsed()));
            if self.done.send(Done { key, result }).is_err() {
                return;
            }
            self.waker.wake();
        }
    }
}

fn retry_first(config: &Config) -> Duration {
    Duration::from_millis(config.limits.retry_first_ms.max(1))
}

fn retry_max(config: &Config) -> Duration {
    Duration::from_millis(config.limits.retry_max_ms).max(retry_first(config))
}

fn reserve(reserved: &Reserved, run: i64, subjects: &[String]) -> bool {
    let mut reserved = reserved.lock().unwrap_or_else(PoisonError::into_inner);
    let taken =
        reserved.iter().any(|(other, theirs)| *other != run && theirs.iter().any(|subject| subjects.contains(subject)));
    if !taken {
        reserved.insert(run, subjects.to_vec());
    }
    !taken
}
