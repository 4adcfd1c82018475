//! The loop's look at the inboxes: what is whole is claimed, what is refused is rejected, what is no order is named once.
//!
//! What must hold here: the limits are looked at before each file and each batch; what a limit keeps out stays in its inbox,
//! and trouble with one file keeps no other back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Loop, Mode, retry_first};
use crate::bridge::scan::{self, Candidate};
use crate::bridge::settle::Sorted;
use crate::engine::{EngineError, claim};

/// The file itself and its reason.
const FILES_PER_REJECT: u64 = 2;

impl Loop {
    pub(super) fn scan(&mut self) -> Result<(), EngineError> {
        let settings = self.executor.settings();
        let looks = scan::scan(&self.executor.root, &settings.config)?;
        self.settler.set_patience(self.mode.patience(&settings.config.inbox));
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
}
