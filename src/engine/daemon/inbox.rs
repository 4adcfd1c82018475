//! The loop's look at the inboxes: what is whole is claimed, what is refused is rejected, what is no order is named once.
//!
//! What must hold here: the limits are looked at before each file and each batch; what a limit keeps out stays in its inbox,
//! and trouble with one file keeps no other back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::OsString;
use std::time::{Duration, Instant};

use super::{Loop, Mode};
use crate::bridge::Stat;
use crate::bridge::scan::{self, Candidate};
use crate::bridge::settle::Sorted;
use crate::engine::{EngineError, claim};

/// The file itself and its reason.
const FILES_PER_REJECT: u64 = 2;

/// A file that can't be taken: tried again after a while, or as soon as somebody has touched it.
pub(super) struct Stuck {
    candidate: Candidate,
    until: Instant,
    delay: Duration,
    why: String,
}

impl Loop {
    pub(super) fn scan(&mut self) -> Result<(), EngineError> {
        let settings = self.executor.settings();
        let looks = scan::scan(&self.executor.root, &settings.config)?;
        self.settler.set_patience(self.mode.patience(&settings.config.inbox));
        let now = Instant::now();
        let mut sorted = self.settler.sort(looks, now);
        for (agent, error) in &sorted.unavailable {
            tracing::warn!("the inbox of {agent} can't be read: {error}");
        }
        self.note(&sorted)?;
        self.forget_gone()?;
        let held = self.hold_back(&mut sorted, now);
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
                trouble.files.extend(claimed.trouble.files);
                self.collect()?;
                self.hand_out();
            }
        }
        self.hold_off.clear(limits);
        self.note_stuck(held, trouble)
    }

    /// A stuck file that somebody took away is forgotten, which is told. An order that was stored from it goes on, for its bytes are
    /// in the journal.
    fn forget_gone(&mut self) -> Result<(), EngineError> {
        let lies = |candidate: &Candidate| match Stat::at(rustix::fs::CWD, &candidate.path) {
            Ok(stat) => stat.same_file(&candidate.stat),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        };
        let gone: Vec<Candidate> =
            self.stuck.extract_if(|_, stuck| !lies(&stuck.candidate)).map(|(_, stuck)| stuck.candidate).collect();
        for candidate in gone {
            let (agent, file) = (&candidate.agent, candidate.shown());
            let waiting = self.reader.runs_of_file(agent, &file)?.into_iter().find(|row| claim::is_stuck(&row.phase));
            let goes_on = waiting.as_ref().map_or(String::new(), |row| {
                format!("; {0} goes on with the text that was taken in (`wo cancel {0}` ends it)", row.key.id)
            });
            tracing::warn!("{file} is gone from the inbox of {agent}, for somebody took it away{goes_on}");
            claim::forget_taken(&self.executor, &self.reader, &candidate)?;
            if let Some(row) = waiting {
                self.enqueue(row.key, row.priority);
            }
        }
        Ok(())
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

    /// What can't be taken is tried again less and less often, each for itself, and told.
    fn note_stuck(
        &mut self,
        held: HashMap<(String, OsString), Stuck>,
        trouble: claim::Trouble,
    ) -> Result<(), EngineError> {
        let config = self.executor.settings().config;
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
            return Ok(());
        }
        // an order that was stored says for itself what it waits for
        let stored = self.reader.open_runs()?.into_iter().filter(|row| claim::is_stuck(&row.phase));
        let stored: HashSet<(String, String)> = stored.map(|row| (row.key.agent, row.key.file)).collect();
        let shown = self
            .stuck
            .iter()
            .map(|((agent, name), stuck)| (agent, crate::text::line(&name.to_string_lossy(), 255), stuck));
        let mut told = Vec::new();
        for (agent, name, stuck) in shown.filter(|(agent, name, _)| !stored.contains(&((*agent).clone(), name.clone())))
        {
            let (root, file) = (&self.executor.root, &stuck.candidate.name);
            told.push(match claim::left_behind(root, &config, &self.reader, agent, file)? {
                Some((key, outcome)) => claim::tell_left_behind(&name, &key, outcome),
                None => format!("{name} stays in the inbox of {agent}: {}", stuck.why),
            });
        }
        told.sort();
        self.summary.unclaimed.extend(told);
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
}
