//! The loop's look at the inboxes: what is whole is claimed, what is refused is rejected, what is no order is named once.
//!
//! What must hold here: the limits are looked at before each file and each batch; what a limit keeps out stays in its inbox,
//! and trouble with one file keeps no other back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::{Loop, Mode};
use crate::bridge::scan::{self, Candidate, Look};
use crate::bridge::settle::{Patience, Settler, Sorted};
use crate::bridge::{Refusal, Stat, watch};
use crate::config::{Config, LimitsConfig};
use crate::engine::{EngineError, Executor, claim};
use crate::journal::Reader;

/// The file itself and its reason.
const FILES_PER_REJECT: u64 = 2;

/// A file that can't be taken: tried again after a while, or as soon as somebody has touched it.
struct Stuck {
    candidate: Candidate,
    until: Instant,
    delay: Duration,
    why: String,
}

/// What is known of the files that lie in the inboxes.
pub(super) struct Inbox {
    settler: Settler,
    /// Whether some file was not whole at the last look.
    settling: bool,
    /// When to look again, though nothing wakes the loop.
    next_settle: Option<Instant>,
    /// Files that can't be taken, by agent and name.
    stuck: HashMap<(String, OsString), Stuck>,
    /// Files that are no orders and were named.
    noted: HashSet<(String, OsString)>,
    noted_more: bool,
}

impl Loop {
    /// Looks at all inboxes and takes in what is there to be taken.
    pub(super) fn scan(&mut self) -> Result<(), EngineError> {
        let config = self.executor.settings().config;
        let looks = scan::scan(&self.executor.root, &config)?;
        let now = Instant::now();
        let mut sorted = self.inbox.sort(looks, self.mode.patience(&config.inbox), now);
        self.inbox.note(&self.executor, &sorted)?;
        self.forget_gone()?;
        let held = self.inbox.hold_back(&mut sorted, now);
        self.inbox.settling = !sorted.waiting.is_empty();
        self.inbox.next_settle = sorted.next_look;
        self.summary.unclaimed.clear();
        if self.mode == Mode::Daemon {
            self.summary.rejected.clear();
        }
        let mut trouble = claim::Trouble::default();
        for agent in &config.inbox.agents {
            if self.take_in(agent, &sorted, &config, &mut trouble)?.is_break() {
                return Ok(());
            }
        }
        self.hold_off.clear(&config.limits);
        let told = self.inbox.note_stuck(&self.executor, &self.reader, held, trouble)?;
        self.summary.unclaimed.extend(told);
        Ok(())
    }

    /// Rejects what is refused and claims the orders of one inbox, until a limit is reached; breaks off when the executor is to
    /// stop.
    fn take_in(
        &mut self,
        agent: &str,
        sorted: &Sorted,
        config: &Config,
        trouble: &mut claim::Trouble,
    ) -> Result<ControlFlow<()>, EngineError> {
        let limits = &config.limits;
        let mut refused: VecDeque<&(Candidate, Refusal)> =
            sorted.refused.iter().filter(|(candidate, _)| candidate.agent == *agent).collect();
        let mut orders: VecDeque<Candidate> =
            sorted.orders.iter().filter(|candidate| candidate.agent == *agent).cloned().collect();
        let mut rejected = scan::count(&self.executor.root.rejected(agent), limits.rejected_files)?;
        while !(refused.is_empty() && orders.is_empty()) {
            if self.executor.stop.is_set() {
                return Ok(ControlFlow::Break(()));
            }
            // looked at before each file and each batch, so that no flood passes the limit by more than one of them
            if let Some(why) = self.limit_reached(limits, agent, rejected, refused.is_empty())? {
                let files = refused.len() + orders.len();
                tracing::warn!("claiming stops for {agent}: {why}; {files} files stay in its inbox");
                self.summary.unclaimed.push(format!("{files} files stay in the inbox of {agent}: {why}"));
                break;
            }
            if let Some((candidate, why)) = refused.pop_front() {
                let refused = claim::refuse(&self.executor, candidate, why);
                if trouble.note(candidate, refused)?.is_some() {
                    self.summary.rejected.push((candidate.shown(), why.to_string()));
                    rejected += FILES_PER_REJECT;
                }
                continue;
            }
            let room = limits.open_orders.saturating_sub(self.reader.open_count()?).max(1);
            let room = room.min((limits.rejected_files - rejected).div_ceil(FILES_PER_REJECT));
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let batch: Vec<Candidate> = orders.drain(..orders.len().min(limits.claim_batch).min(room)).collect();
            rejected += FILES_PER_REJECT * self.claim(&batch, config, trouble)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The limit that lets no further file be taken, in words: a refused one, or an order where `is_order`.
    fn limit_reached(
        &self,
        limits: &LimitsConfig,
        agent: &str,
        rejected: u64,
        is_order: bool,
    ) -> Result<Option<String>, EngineError> {
        if rejected >= limits.rejected_files {
            return Ok(Some(format!("rejected/{agent}/ holds {rejected} files (limits.rejected_files)")));
        }
        if is_order && self.reader.open_count()? >= limits.open_orders {
            return Ok(Some(format!("{} orders are open (limits.open_orders)", limits.open_orders)));
        }
        Ok(None)
    }

    /// Claims a batch and has the workers go on meanwhile; how many of it were rejected.
    fn claim(
        &mut self,
        batch: &[Candidate],
        config: &Config,
        trouble: &mut claim::Trouble,
    ) -> Result<u64, EngineError> {
        let claimed = claim::claim(&self.executor, batch)?;
        let rejected = claimed.rejected.len() as u64;
        self.summary.rejected.extend(claimed.rejected);
        if claimed.unsettled > 0 {
            self.inbox.look_again_after(Duration::from_millis(config.inbox.settle_ms.max(10)));
        }
        for key in claimed.runs {
            let row = self.reader.last_run_of(&key.id)?;
            let priority = row.map(|row| row.priority).unwrap_or_default();
            self.runs.enqueue(key, priority);
        }
        trouble.files.extend(claimed.trouble.files);
        self.collect()?;
        self.hand_out();
        Ok(rejected)
    }

    /// A stuck file that somebody took away is forgotten, which is told. An order that was stored from it goes on, for its bytes are
    /// in the journal.
    fn forget_gone(&mut self) -> Result<(), EngineError> {
        // each is known as stuck until it is dealt with: trouble with one makes no other be forgotten
        for candidate in self.inbox.gone() {
            let (agent, file) = (&candidate.agent, candidate.shown());
            let waiting = self.reader.runs_of_file(agent, &file)?.into_iter().find(|row| claim::is_stuck(&row.phase));
            let goes_on = waiting.as_ref().map_or(String::new(), |row| {
                format!("; {0} goes on with the text that was taken in (`wo cancel {0}` ends it)", row.key.id)
            });
            tracing::warn!("{file} is gone from the inbox of {agent}, for somebody took it away{goes_on}");
            claim::forget_taken(&self.executor, &self.reader, &candidate)?;
            if let Some(row) = waiting {
                self.runs.enqueue(row.key, row.priority);
            }
            self.inbox.forget(&candidate);
        }
        Ok(())
    }
}

impl Inbox {
    pub(super) fn new(patience: Patience) -> Inbox {
        Inbox {
            settler: Settler::new(patience),
            settling: false,
            next_settle: None,
            stuck: HashMap::new(),
            noted: HashSet::new(),
            noted_more: false,
        }
    }

    /// Takes in what the watcher heard.
    pub(super) fn hear(&mut self, wake: &watch::Wake) {
        wake.tell(&mut self.settler);
    }

    pub(super) fn is_settling(&self) -> bool {
        self.settling
    }

    /// When to look again, though nothing wakes the loop.
    pub(super) fn next_look(&self) -> Option<Instant> {
        self.next_settle
    }

    /// Sorts what one look found by what is to be done with it.
    fn sort(&mut self, looks: Vec<Look>, patience: Patience, now: Instant) -> Sorted {
        self.settler.set_patience(patience);
        let sorted = self.settler.sort(looks, now);
        for (agent, error) in &sorted.unavailable {
            tracing::warn!("the inbox of {agent} can't be read: {error}");
        }
        sorted
    }

    /// Some files were still being written when they were to be taken.
    fn look_again_after(&mut self, delay: Duration) {
        self.settling = true;
        self.next_settle = Some(Instant::now() + delay);
    }

    /// The stuck files that are not there any more.
    fn gone(&self) -> Vec<Candidate> {
        let lies = |candidate: &Candidate| match Stat::at(rustix::fs::CWD, &candidate.path) {
            Ok(stat) => stat.same_file(&candidate.stat),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        };
        self.stuck.values().map(|stuck| &stuck.candidate).filter(|candidate| !lies(candidate)).cloned().collect()
    }

    fn forget(&mut self, candidate: &Candidate) {
        self.stuck.remove(&(candidate.agent.clone(), candidate.name.clone()));
    }

    /// Takes out of `sorted` what was in trouble and need not be tried again yet; what is known of it, and of what is not there
    /// any more, of which the next look tells.
    fn hold_back(&mut self, sorted: &mut Sorted, now: Instant) -> HashMap<(String, OsString), Stuck> {
        let key_of = |candidate: &Candidate| (candidate.agent.clone(), candidate.name.clone());
        let seen: HashSet<_> =
            sorted.orders.iter().chain(sorted.refused.iter().map(|(candidate, _)| candidate)).map(key_of).collect();
        // what is not seen is not tried now, and is due once more in its turn
        let later = |stuck: Stuck| Stuck { until: stuck.until.max(now + stuck.delay), ..stuck };
        let unseen = self.stuck.extract_if(|key, _| !seen.contains(key));
        let mut held: HashMap<_, _> = unseen.map(|(key, stuck)| (key, later(stuck))).collect();
        let mut is_due = |candidate: &Candidate| {
            let key = key_of(candidate);
            match self.stuck.get(&key) {
                Some(stuck) if stuck.candidate.stat == candidate.stat && stuck.until > now => {
                    held.extend(self.stuck.remove(&key).map(|stuck| (key, stuck)));
                    false
                }
                _ => true,
            }
        };
        sorted.orders.retain(&mut is_due);
        sorted.refused.retain(|(candidate, _)| is_due(candidate));
        held
    }

    /// What can't be taken is tried again less and less often, each for itself; what is to be told of it.
    fn note_stuck(
        &mut self,
        executor: &Executor,
        reader: &Reader,
        held: HashMap<(String, OsString), Stuck>,
        trouble: claim::Trouble,
    ) -> Result<Vec<String>, EngineError> {
        let config = executor.settings().config;
        let now = Instant::now();
        let before = std::mem::replace(&mut self.stuck, held);
        let others = trouble.files.len().saturating_sub(1);
        for (n, (candidate, error)) in trouble.files.into_iter().enumerate() {
            let key = (candidate.agent.clone(), candidate.name.clone());
            let earlier = before.get(&key).filter(|stuck| stuck.candidate.stat == candidate.stat);
            let delay = config.limits.retry_after(earlier.map(|stuck| stuck.delay));
            if n == 0 {
                let more = if others > 0 { format!(" (and {others} files more)") } else { String::new() };
                tracing::warn!("{error}{more}; tried again in {delay:?}");
            }
            let why = error.to_string();
            self.stuck.insert(key, Stuck { candidate, until: now + delay, delay, why });
        }
        if let Some(due) = self.stuck.values().map(|stuck| stuck.until).min() {
            self.next_settle = Some(self.next_settle.map_or(due, |next| next.min(due)));
        }
        if self.stuck.is_empty() {
            return Ok(Vec::new());
        }
        // an order that was stored says for itself what it waits for
        let stored = reader.open_runs()?.into_iter().filter(|row| claim::is_stuck(&row.phase));
        let stored: HashSet<(String, String)> = stored.map(|row| (row.key.agent, row.key.file)).collect();
        let shown = self
            .stuck
            .iter()
            .map(|((agent, name), stuck)| (agent, crate::text::line(&name.to_string_lossy(), 255), stuck));
        let mut told = Vec::new();
        for (agent, name, stuck) in shown.filter(|(agent, name, _)| !stored.contains(&((*agent).clone(), name.clone())))
        {
            let (root, file) = (&executor.root, &stuck.candidate.name);
            told.push(match claim::left_behind(root, &config, reader, agent, file)? {
                Some((key, outcome)) => claim::tell_left_behind(&name, &key, outcome),
                None => format!("{name} stays in the inbox of {agent}: {}", stuck.why),
            });
        }
        told.sort();
        Ok(told)
    }

    /// Says once which files are left in the inbox, and why. Of a heap of them the first are named.
    fn note(&mut self, executor: &Executor, sorted: &Sorted) -> Result<(), EngineError> {
        let most = usize::try_from(executor.settings().config.limits.remembered / 2).unwrap_or(usize::MAX);
        if self.noted.len() > 2 * most {
            self.noted.clear();
        }
        let results = sorted.results.iter().map(|candidate| (candidate, true));
        let strays = sorted.ignored.iter().map(|candidate| (candidate, false));
        for (candidate, is_result) in results.chain(strays).take(most) {
            if self.noted.insert((candidate.agent.clone(), candidate.name.clone())) {
                match is_result {
                    true => claim::note_result(executor, candidate)?,
                    false => claim::note_stray(executor, candidate)?,
                }
            }
        }
        let more = (sorted.results.len() + sorted.ignored.len()).saturating_sub(most);
        if more > 0 && !std::mem::replace(&mut self.noted_more, true) {
            tracing::warn!("{more} files more lie in the inboxes and are no orders");
        }
        Ok(())
    }
}
