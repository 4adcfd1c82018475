//! The scheduler's thread in `wo up`: loads what is registered, starts what is due, records how it ended.
//!
//! What must hold:
//! * the run is in the store before its process starts, and the next due time is moved on in the same transaction, so a
//!   crash between the two makes the run up once and never runs it twice;
//! * one run of a job at a time, also beside a job that outlived the `wo up` that started it;
//! * the thread holds a lock while it lives: a schedule whose thread ended is not taken for a live one.
//!
//! Due times are on the wall clock and looked at again at least every `poll_ms`, so sleep and a changed clock are seen;
//! deadlines and throttles run on the monotonic clock.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use rustix::process::Signal;

use super::child;
use super::store::{Session, Store};
use super::{ScheduleConfig, ScheduleError, calendar};
use crate::bridge::lock::{self, Role};
use crate::clock::Clock;
use crate::process::life_lock::LifeLock;
use crate::root::Root;

mod due;
mod jobs;
mod left_over;
mod running;

use jobs::Job;
use left_over::LeftOver;
use running::{End, Running, group_of, signal_group};

/// The lock that the thread holds while it lives; no label can have this name.
pub(crate) const LOCK: &str = ".scheduler";

/// The schedulers of this process.
static POKES: Mutex<Vec<Sender<Message>>> = Mutex::new(Vec::new());

/// Tells the schedulers of this process to look now rather than at their next poll.
pub fn poke() {
    let mut pokes = POKES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    pokes.retain(|sender| sender.send(Message::Look).is_ok());
}

enum Message {
    Look,
    Ended { run: i64, status: std::io::Result<ExitStatus> },
    Stop,
}

/// The running schedule; stopped by [`Scheduler::stop`] or when it is dropped.
pub struct Scheduler {
    sender: Sender<Message>,
    thread: Option<JoinHandle<Result<(), ScheduleError>>>,
}

impl Scheduler {
    /// Starts the schedule of `root` in this process, which must hold the bridge as `wo up`.
    pub fn start(root: &Root, config: &ScheduleConfig, clock: Arc<dyn Clock>) -> Result<Scheduler, ScheduleError> {
        Scheduler::start_in(root, config, clock, None)
    }

    /// [`Scheduler::start`] with local times in `zone` rather than in the machine's zone.
    pub fn start_in(
        root: &Root,
        config: &ScheduleConfig,
        clock: Arc<dyn Clock>,
        zone: Option<TimeZone>,
    ) -> Result<Scheduler, ScheduleError> {
        let holder = match lock::holder(root) {
            Ok(Some(holder)) if holder.role == Role::Daemon && holder.pid == std::process::id() => holder,
            Ok(Some(holder)) => return Err(ScheduleError::NotHeld(format!("the bridge is held by {holder}"))),
            Ok(None) => return Err(ScheduleError::NotHeld("nobody holds the bridge".to_owned())),
            Err(error) => return Err(ScheduleError::NotHeld(error.to_string())),
        };
        let Some(alive) = child::lock_patiently(root, LOCK)? else {
            return Err(ScheduleError::NotHeld("a schedule runs here already".to_owned()));
        };
        let store = Store::open(root)?;
        store.check()?;
        let (sender, receiver) = mpsc::channel();
        let now_zone = zone.clone().unwrap_or_else(calendar::local_zone);
        let session = Session { pid: holder.pid, started: holder.started, zone: calendar::zone_name(&now_zone) };
        let mut worker = Worker {
            root: root.clone(),
            config: config.clone(),
            clock,
            fixed_zone: zone,
            zone: now_zone,
            session,
            store,
            seen: None,
            jobs: BTreeMap::new(),
            running: BTreeMap::new(),
            left_over: Vec::new(),
            unrecorded: Vec::new(),
            sender: sender.clone(),
            receiver,
            _alive: alive,
        };
        worker.recover()?;
        worker.store.set_session(Some(&worker.session))?;
        worker.look()?;
        POKES.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(sender.clone());
        let thread = std::thread::Builder::new()
            .name("schedule".to_owned())
            .spawn(move || worker.work())
            .map_err(ScheduleError::Thread)?;
        Ok(Scheduler { sender, thread: Some(thread) })
    }

    /// Whether the thread has ended by itself, which it does only when its state can no longer be trusted;
    /// [`Scheduler::stop`] then says why. `wo up` must end too.
    pub fn has_failed(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends the jobs that run (SIGTERM, then SIGKILL after the grace), records them, and ends the thread.
    pub fn stop(mut self) -> Result<(), ScheduleError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), ScheduleError> {
        let _ = self.sender.send(Message::Stop);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ScheduleError::NotHeld("its thread panicked".to_owned())),
            None => Ok(()),
        }
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!("{error}");
        }
    }
}

struct Worker {
    root: Root,
    config: ScheduleConfig,
    clock: Arc<dyn Clock>,
    fixed_zone: Option<TimeZone>,
    zone: TimeZone,
    session: Session,
    store: Store,
    /// The store's version that `jobs` was read at.
    seen: Option<i64>,
    jobs: BTreeMap<String, Job>,
    /// By label.
    running: BTreeMap<String, Running>,
    /// Runs of an earlier session whose end is not known yet.
    left_over: Vec<LeftOver>,
    /// Ends that could not be written yet.
    unrecorded: Vec<End>,
    sender: Sender<Message>,
    receiver: Receiver<Message>,
    _alive: LifeLock,
}

impl Worker {
    fn work(mut self) -> Result<(), ScheduleError> {
        let mut stopping = false;
        loop {
            match self.receiver.recv_timeout(self.wait()) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    stopping = true;
                    let labels: Vec<String> = self.running.keys().cloned().collect();
                    for label in labels {
                        self.tell_to_end(&label, "ended with the `wo up` that ran it");
                        self.running.get_mut(&label).iter_mut().for_each(|running| running.cut_off = true);
                    }
                    // their end is seen by the next `wo up`
                    self.left_over.iter().for_each(|left| signal_group(left.run.pid.and_then(group_of), Signal::TERM));
                }
                Ok(Message::Ended { run, status }) => self.ended(run, status),
                Ok(Message::Look) | Err(RecvTimeoutError::Timeout) => {}
            }
            let result = if stopping { self.record_ends() } else { self.look() };
            match result {
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) if stopping && self.running.is_empty() => return Err(error),
                // the cause may pass (disk full, busy); nothing starts unrecorded meanwhile
                Err(error) => tracing::error!("{error}"),
                Ok(()) if stopping && self.running.is_empty() => return self.store.set_session(None),
                Ok(()) => {}
            }
            self.enforce();
        }
    }

    /// How long nothing can become due.
    fn wait(&self) -> Duration {
        let now = Instant::now();
        let today = self.clock.now();
        let poll = Duration::from_millis(self.config.poll_ms);
        // what is due by now and did not start is held up: the next poll is soon enough
        let due = self
            .jobs
            .values()
            .filter_map(|job| job.registration.next)
            .filter_map(|next| Duration::try_from(next.duration_since(today)).ok().filter(|left| !left.is_zero()));
        let moments = self.running.values().filter_map(|running| running.kill_at.or(running.deadline));
        let throttled = self.jobs.values().filter_map(|job| job.not_before);
        let moments = moments.chain(throttled).filter(|at| *at > now).map(|at| at.saturating_duration_since(now));
        due.chain(moments).fold(poll, Duration::min)
    }

    fn look(&mut self) -> Result<(), ScheduleError> {
        self.record_ends()?;
        self.follow_zone()?;
        self.load()?;
        self.end_left_over();
        self.reap_left_over()?;
        // what is owed since comes before kicks
        self.load()?;
        self.follow_clock()?;
        self.fire()
    }
}
