//! How long a step of an attempt has waited in this process.
//!
//! The attempt's own start is no measure, for hours of other steps may lie between; nor is a measuring step ever
//! "applied". After a restart the wait begins anew, which is bounded all the same (`limits.wait_max_s`).

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::Context;

type Key = (String, u32, &'static str);

static WAITING: Mutex<BTreeMap<Key, Instant>> = Mutex::new(BTreeMap::new());

/// Time since this was first asked for `what` of this attempt.
pub fn waited(context: &Context, what: &'static str) -> Duration {
    waiting().entry(key(context, what)).or_insert_with(Instant::now).elapsed()
}

/// The wait is over.
pub fn forget(context: &Context, what: &'static str) {
    waiting().remove(&key(context, what));
}

fn key(context: &Context, what: &'static str) -> Key {
    (format!("{} {}", context.root.path().display(), context.order.id), context.attempt, what)
}

fn waiting() -> MutexGuard<'static, BTreeMap<Key, Instant>> {
    WAITING.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
