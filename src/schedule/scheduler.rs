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
use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, Signal};

use super::child::{self, JobLock};
use super::store::{Begin, Registration, Run, Session, Store};
use super::{ScheduleConfig, ScheduleError, calendar};
use crate::bridge::lock::{self, Role};
use crate::clock::Clock;
use crate::evidence::StartedBy;
use crate::failpoint;
use crate::root::Root;
use crate::services::{ManagerKind, Start};

/// The lock that the thread holds while it lives; no label can have this name.
pub(crate) const LOCK: &str = ".scheduler";

/// A run that begins this much after its time was missed and is made up.
const ON_TIME: SignedDuration = SignedDuration::from_secs(60);

const AT_LOAD: &str = "at load";
const MADE_UP: &str = "made up after ";

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

struct Job {
    registration: Registration,
    /// A kept-alive service is not started again before this.
    not_before: Option<Instant>,
    /// Kept alive, it has been started by this session before.
    started: bool,
}

struct Running {
    run: i64,
    group: Option<Pid>,
    kept_alive: bool,
    deadline: Option<Instant>,
    /// Told to end; when to kill it.
    kill_at: Option<Instant>,
    note: Option<String>,
    owed: Owed,
    /// It ends because its `wo up` does.
    cut_off: bool,
    _lock: JobLock,
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
    _alive: JobLock,
}

struct End {
    run: i64,
    label: String,
    at: Timestamp,
    exit: Option<i32>,
    note: Option<String>,
    /// Cut off with its `wo up`: it is owed once more.
    owed: Option<Owed>,
}

/// What is owed when a run is cut off. One that was made up is not made up again.
#[derive(Debug, Clone, Copy)]
struct Owed {
    due: Option<Timestamp>,
    at_load: bool,
}

impl Owed {
    fn of(started_by: &StartedBy, due: Option<Timestamp>) -> Owed {
        match started_by {
            StartedBy::Manager { cause } => {
                Owed { due: due.filter(|_| !cause.starts_with(MADE_UP)), at_load: cause == AT_LOAD }
            }
            StartedBy::Kicked => Owed { due: None, at_load: false },
        }
    }
}

struct LeftOver {
    run: Run,
    /// Told to end; when to kill it.
    kill_at: Option<Instant>,
}

/// Why a run begins.
struct Cause {
    started_by: StartedBy,
    due: Option<Timestamp>,
    kick: Option<i64>,
    load_run: bool,
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
        let poll = Duration::from_millis(self.config.poll_ms.clamp(10, 60_000));
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
        self.fire()
    }

    /// Ends what an earlier session left: a run that was cut off, or never began, is owed once more.
    fn recover(&mut self) -> Result<(), ScheduleError> {
        let left = self.store.open_runs()?;
        self.left_over = left.into_iter().map(|run| LeftOver { run, kill_at: None }).collect();
        self.reap_left_over()
    }

    fn reap_left_over(&mut self) -> Result<(), ScheduleError> {
        let mut remaining = Vec::new();
        for left in std::mem::take(&mut self.left_over) {
            let run = &left.run;
            if child::is_locked(&self.root, &run.label)? {
                // it outlived its `wo up` and still works
                remaining.push(left);
                continue;
            }
            let note = match run.pid {
                Some(_) => "cut off, or its end not seen, when the `wo up` that ran it ended",
                None => "whether it began is not known: the `wo up` that was to run it ended",
            };
            self.store.end(run.id, self.clock.now(), None, Some(note))?;
            let owed = Owed::of(&run.started_by, run.due);
            // made up or not: as far as is known, one without a process did not happen
            let due = if run.pid.is_none() { run.due } else { owed.due };
            self.store.owe(&run.label, due, owed.at_load)?;
            // `load` must see it even though this connection wrote it
            self.seen = None;
        }
        self.left_over = remaining;
        Ok(())
    }

    /// A run that outlived its `wo up` may finish, within its deadline. A service that is kept alive, or is no longer
    /// registered, is ended: the first then starts again under this schedule.
    fn end_left_over(&mut self) {
        let deadline = SignedDuration::try_from(Duration::from_secs(self.config.job_deadline_s)).unwrap_or_default();
        let (now, grace) = (Instant::now(), Duration::from_secs(self.config.stop_grace_s));
        for left in &mut self.left_over {
            let job = self.jobs.get(&left.run.label);
            let kept_alive = job.is_some_and(|job| job.registration.definition.start == Start::KeepAlive);
            let late = self.clock.now().duration_since(left.run.started) > deadline;
            if job.is_some() && !kept_alive && !late {
                continue;
            }
            let group = left.run.pid.and_then(group_of);
            match left.kill_at {
                None => signal_group(group, Signal::TERM),
                Some(at) if at <= now => signal_group(group, Signal::KILL),
                Some(_) => continue,
            }
            left.kill_at = Some(now + grace);
        }
    }

    /// Local times follow the machine when its zone changes.
    fn follow_zone(&mut self) -> Result<(), ScheduleError> {
        if self.fixed_zone.is_some() {
            return Ok(());
        }
        let zone = calendar::local_zone();
        let name = calendar::zone_name(&zone);
        if name == self.session.zone {
            return Ok(());
        }
        self.zone = zone;
        self.session.zone = name;
        self.store.set_session(Some(&self.session))?;
        let now = self.clock.now();
        for job in self.jobs.values_mut() {
            let registration = &mut job.registration;
            if registration.next.is_some_and(|next| next > now) {
                registration.next =
                    calendar::next(&registration.definition.start, registration.registered, now, &self.zone);
                self.store.set_next(&registration.definition.label, registration.revision, registration.next)?;
            }
        }
        Ok(())
    }

    fn load(&mut self) -> Result<(), ScheduleError> {
        let version = self.store.data_version()?;
        if self.seen == Some(version) {
            return Ok(());
        }
        let now = self.clock.now();
        let token = self.session.token();
        let mut jobs = BTreeMap::new();
        for mut registration in self.store.registrations()? {
            let label = registration.definition.label.clone();
            let known = self.jobs.remove(&label);
            let same = known.as_ref().is_some_and(|job| job.registration.revision == registration.revision);
            if registration.loaded.as_deref() != Some(&token) {
                // a due time in the past is a run that was missed: it stays, and is made up
                if registration.next.is_none_or(|next| next > now) {
                    let start = &registration.definition.start;
                    registration.next = calendar::next(start, registration.registered, now, &self.zone);
                }
                self.store.set_loaded(&label, registration.revision, &self.session, registration.next)?;
                registration.loaded = Some(token.clone());
                if self.running.get(&label).is_some_and(|running| running.kept_alive) {
                    self.tell_to_end(&label, "replaced by a new definition");
                }
            }
            let job = match known.filter(|_| same) {
                Some(known) => Job { registration, ..known },
                None => Job { registration, not_before: None, started: false },
            };
            jobs.insert(label, job);
        }
        for label in std::mem::replace(&mut self.jobs, jobs).into_keys() {
            self.tell_to_end(&label, "its service was booted out");
        }
        self.seen = Some(version);
        Ok(())
    }

    fn fire(&mut self) -> Result<(), ScheduleError> {
        let mut kicks: BTreeMap<String, i64> = BTreeMap::new();
        for (label, kick) in self.store.pending_kicks()? {
            if self.jobs.contains_key(&label) {
                kicks.entry(label).or_insert(kick);
            } else {
                self.store.forget_kick(kick)?;
            }
        }
        let labels: Vec<String> = self.jobs.keys().cloned().collect();
        for label in labels {
            self.skip_interval_while_running(&label)?;
            if self.running.contains_key(&label) {
                continue;
            }
            if let Some(cause) = self.cause(&label, kicks.get(&label).copied())? {
                self.start_job(&label, cause)?;
            }
        }
        Ok(())
    }

    /// An interval that passes while the job still runs is skipped, as launchd does; a calendar time is kept.
    fn skip_interval_while_running(&mut self, label: &str) -> Result<(), ScheduleError> {
        let now = self.clock.now();
        let (Some(job), true) = (self.jobs.get_mut(label), self.running.contains_key(label)) else { return Ok(()) };
        let registration = &mut job.registration;
        let start = &registration.definition.start;
        if matches!(start, Start::Interval { .. }) && registration.next.is_some_and(|next| next <= now) {
            registration.next = calendar::next(start, registration.registered, now, &self.zone);
            self.store.set_next(label, registration.revision, registration.next)?;
        }
        Ok(())
    }

    fn cause(&self, label: &str, kick: Option<i64>) -> Result<Option<Cause>, ScheduleError> {
        let Some(job) = self.jobs.get(label) else { return Ok(None) };
        let by_manager = |cause: String| StartedBy::Manager { cause };
        let registration = &job.registration;
        let start = &registration.definition.start;
        let now = self.clock.now();
        if registration.owes_load_run {
            return Ok(Some(Cause {
                started_by: by_manager(AT_LOAD.to_owned()),
                due: None,
                kick: None,
                load_run: true,
            }));
        }
        if let Some(due) = registration.next.filter(|next| *next <= now) {
            let cause = if due <= self.session.started {
                format!("{MADE_UP}being down")
            } else if now.duration_since(due) <= ON_TIME {
                calendar::describe(start)
            } else {
                let last = self.store.runs(label, ManagerKind::Embedded, 1)?.pop();
                match last.and_then(|run| run.ended).is_some_and(|ended| ended >= due) {
                    true => format!("{MADE_UP}the run before it"),
                    false => format!("{MADE_UP}sleep"),
                }
            };
            return Ok(Some(Cause { started_by: by_manager(cause), due: Some(due), kick: None, load_run: false }));
        }
        if kick.is_some() {
            return Ok(Some(Cause { started_by: StartedBy::Kicked, due: None, kick, load_run: false }));
        }
        let free = job.not_before.is_none_or(|at| at <= Instant::now());
        if matches!(start, Start::KeepAlive) && free {
            let cause = if job.started { "kept alive: started again" } else { "kept alive" };
            return Ok(Some(Cause {
                started_by: by_manager(cause.to_owned()),
                due: None,
                kick: None,
                load_run: false,
            }));
        }
        Ok(None)
    }

    fn start_job(&mut self, label: &str, cause: Cause) -> Result<(), ScheduleError> {
        let Some(lock) = child::lock(&self.root, label)? else { return Ok(()) };
        let Some(job) = self.jobs.get_mut(label) else { return Ok(()) };
        let now = self.clock.now();
        let registration = &mut job.registration;
        let definition = &registration.definition;
        let next = match registration.next {
            Some(next) if next > now => Some(next),
            _ => calendar::next(&definition.start, registration.registered, now, &self.zone),
        };
        let begin = Begin {
            label,
            manager: ManagerKind::Embedded,
            due: cause.due,
            started_by: &cause.started_by,
            pid: None,
            next,
            kick: cause.kick,
            load_run: cause.load_run,
        };
        let run = self.store.begin(&begin, now)?;
        failpoint::hit("schedule.begun");
        registration.next = next;
        registration.owes_load_run &= !cause.load_run;
        let kept_alive = definition.start == Start::KeepAlive;
        job.started = true;
        job.not_before = kept_alive.then(|| Instant::now() + Duration::from_secs(self.config.throttle_s));
        let child = match child::spawn(definition, &lock, run) {
            Ok(child) => child,
            Err(why) => {
                tracing::warn!("{label} did not start: {why}");
                return self.store.end(run, self.clock.now(), Some(child::NOT_STARTED), Some(&why));
            }
        };
        failpoint::hit("schedule.spawned");
        let group = child::pid_of(&child);
        let recorded = self.store.set_pid(run, child.id());
        let deadline = Duration::from_secs(self.config.job_deadline_s);
        let running = Running {
            run,
            group,
            kept_alive,
            deadline: (!kept_alive).then(|| Instant::now() + deadline),
            kill_at: None,
            note: None,
            owed: Owed::of(&cause.started_by, cause.due),
            cut_off: false,
            _lock: lock,
        };
        self.running.insert(label.to_owned(), running);
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            let _ = sender.send(Message::Ended { run, status: child::wait(child) });
        });
        recorded
    }

    fn ended(&mut self, run: i64, status: std::io::Result<ExitStatus>) {
        let Some(label) = self.running.iter().find(|(_, running)| running.run == run).map(|(label, _)| label.clone())
        else {
            return;
        };
        let Some(running) = self.running.remove(&label) else { return };
        let exit = status.as_ref().ok().copied().and_then(child::exit_of);
        let note = running.note.or_else(|| status.err().map(|error| format!("failed to wait for it: {error}")));
        let owed = (running.cut_off && exit != Some(0)).then_some(running.owed);
        self.unrecorded.push(End { run, label, at: self.clock.now(), exit, note, owed });
    }

    fn record_ends(&mut self) -> Result<(), ScheduleError> {
        while let Some(end) = self.unrecorded.first() {
            self.store.end(end.run, end.at, end.exit, end.note.as_deref())?;
            if let Some(owed) = end.owed {
                self.store.owe(&end.label, owed.due, owed.at_load)?;
            }
            self.unrecorded.remove(0);
        }
        Ok(())
    }

    /// Deadlines of runs, and of those that were told to end.
    fn enforce(&mut self) {
        let now = Instant::now();
        let late: Vec<String> = self
            .running
            .iter()
            .filter(|(_, running)| running.kill_at.is_none() && running.deadline.is_some_and(|at| at <= now))
            .map(|(label, _)| label.clone())
            .collect();
        let deadline = crate::text::duration_ns(self.config.job_deadline_s.saturating_mul(1_000_000_000));
        for label in late {
            self.tell_to_end(&label, &format!("ended at its deadline of {deadline}"));
        }
        for running in self.running.values_mut().filter(|running| running.kill_at.is_some_and(|at| at <= now)) {
            running.signal(Signal::KILL);
            running.kill_at = Some(now + Duration::from_secs(1));
        }
    }

    fn tell_to_end(&mut self, label: &str, note: &str) {
        let grace = Duration::from_secs(self.config.stop_grace_s);
        if let Some(running) = self.running.get_mut(label).filter(|running| running.kill_at.is_none()) {
            running.signal(Signal::TERM);
            running.kill_at = Some(Instant::now() + grace);
            running.note = Some(note.to_owned());
        }
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        signal_group(self.group, signal);
    }
}

fn group_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn signal_group(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // it may have ended meanwhile
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
