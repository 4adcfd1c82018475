//! When the inboxes are looked at again after trouble that is no single file's: a full disk, too many open files.
//!
//! What must hold here: whatever wakes the loop, no look comes before its time; a look without trouble ends the waiting.

use std::time::{Duration, Instant};

use crate::config::LimitsConfig;

pub(super) struct HoldOff {
    until: Option<Instant>,
    /// How long the next trouble holds the look off.
    next: Duration,
}

impl HoldOff {
    pub(super) fn new(limits: &LimitsConfig) -> HoldOff {
        HoldOff { until: None, next: limits.retry_after(None) }
    }

    /// Holds the look off, after trouble upon trouble for longer and longer; for how long this time.
    pub(super) fn after_error(&mut self, limits: &LimitsConfig) -> Duration {
        let delay = self.next;
        self.until = Some(Instant::now() + delay);
        self.next = limits.retry_after(Some(delay));
        delay
    }

    /// After a look without such trouble.
    pub(super) fn clear(&mut self, limits: &LimitsConfig) {
        *self = HoldOff::new(limits);
    }

    pub(super) fn delays(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// When a look that is due then may come.
    pub(super) fn put_off(&self, due: Instant) -> Instant {
        self.until.map_or(due, |until| due.max(until))
    }
}
