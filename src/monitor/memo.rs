//! What checks remember from one cycle to the next, and across restarts: small JSON values by key. The loop loads them
//! from the store and saves what changed with the cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Debug, Default)]
pub struct Memo(Mutex<Inner>, Condvar);

#[derive(Debug, Default)]
struct Inner {
    values: BTreeMap<String, String>,
    changed: BTreeSet<String>,
    running: BTreeSet<String>,
    is_last: bool,
}

impl Memo {
    pub fn load(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Memo(Mutex::new(Inner { values: values.into_iter().collect(), ..Inner::default() }), Condvar::new())
    }

    /// No cycle follows and nothing is saved: what a check would put off it had better do now.
    pub fn for_one_look(self) -> Self {
        self.inner().is_last = true;
        self
    }

    pub fn is_for_one_look(&self) -> bool {
        self.inner().is_last
    }

    /// Waits until no background work runs any more, at most this long.
    pub fn settle(&self, limit: Duration) {
        let _ = self.1.wait_timeout_while(self.inner(), limit, |inner| !inner.running.is_empty());
    }

    /// The value of `key`; one that an older version wrote in another shape counts as not there.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.inner().values.get(key)?).ok()
    }

    pub fn put(&self, key: &str, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(value) {
            let mut inner = self.inner();
            inner.values.insert(key.to_owned(), text);
            inner.changed.insert(key.to_owned());
        }
    }

    /// What changed since the last call, to be saved.
    pub fn take_changed(&self) -> Vec<(String, String)> {
        let mut inner = self.inner();
        let changed = std::mem::take(&mut inner.changed);
        changed.into_iter().filter_map(|key| inner.values.get(&key).cloned().map(|value| (key, value))).collect()
    }

    /// Whether the background work `key` may start: `true` once, until [`Memo::ended`].
    pub fn begin(&self, key: &str) -> bool {
        self.inner().running.insert(key.to_owned())
    }

    pub fn ended(&self, key: &str) {
        self.inner().running.remove(key);
        self.1.notify_all();
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
