//! What checks remember from one cycle to the next, and across restarts: small JSON values by key. The loop loads them
//! from the store and saves what changed with the cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Debug, Default)]
pub struct Memo(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    values: BTreeMap<String, String>,
    changed: BTreeSet<String>,
    running: BTreeSet<String>,
}

impl Memo {
    pub fn load(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Memo(Mutex::new(Inner { values: values.into_iter().collect(), ..Inner::default() }))
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
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
