//! Checks: one file a kind. A kind is a struct of its settings that implements [`Check`]; adding one touches its file
//! and one line of the list below.
//!
//! What must hold: a check only reads; it is done by its deadline or is given up; what it says leads to the cure and
//! holds no secret; it is `ok` only if it measured that, and `unknown` when it measured nothing.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use super::heartbeat::State;
use super::memo::Memo;
use crate::clock::Clock;
use crate::config::PolicyConfig;
use crate::root::Root;
use crate::secret::SecretRef;
use crate::services::ServiceManager;

macro_rules! kinds {
    ($($kind:ident),* $(,)?) => {
        $(pub mod $kind;)*

        /// Every kind there is.
        pub fn kinds() -> &'static [Kind] {
            static KINDS: &[Kind] = &[$($kind::KIND),*];
            KINDS
        }
    };
}

kinds! {
    command,
    disk,
    file,
    heartbeat,
    http,
    redis,
    service,
    sqlite,
    tcp,
}

/// A kind of check, and how one is made of the settings of a `[[monitor.check]]`.
#[derive(Debug)]
pub struct Kind {
    pub name: &'static str,
    pub about: &'static str,
    /// The section of the heartbeat report that it stands in.
    pub component: &'static str,
    pub build: fn(toml::Table) -> Result<Arc<dyn Check>, String>,
}

impl Kind {
    pub(crate) const fn of<C: Check + DeserializeOwned>(
        name: &'static str,
        component: &'static str,
        about: &'static str,
    ) -> Kind {
        Kind { name, about, component, build: build::<C> }
    }
}

fn build<C: Check + DeserializeOwned>(settings: toml::Table) -> Result<Arc<dyn Check>, String> {
    // `message` leaves out the source text that the full error quotes: there might be a secret in it
    let check: C = settings.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    check.validate()?;
    Ok(Arc::new(check))
}

pub type Pending = Pin<Box<dyn Future<Output = Finding> + Send>>;

pub trait Check: Send + Sync + std::fmt::Debug + 'static {
    /// What can be said of the settings without looking at the world.
    fn validate(&self) -> Result<(), String> {
        Ok(())
    }

    /// Looks once. Work that blocks goes through [`Probe::blocking`].
    fn run(self: Arc<Self>, probe: Probe) -> Pending;

    /// What it is called in the heartbeat report, where that is not its own name: a service's label.
    fn report_name(&self) -> Option<&str> {
        None
    }

    /// Where its secrets are read from.
    fn secrets(&self) -> Vec<SecretRef> {
        Vec::new()
    }
}

/// What a check saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    pub state: State,
    /// In words that lead to the cure.
    pub message: String,
    /// The line that the field's tools look for, where there is one; the message is then a detail of it.
    pub headline: Option<String>,
    /// How long the subject took to answer, where that means something.
    pub latency: Option<Duration>,
}

impl Finding {
    pub fn new(state: State, message: impl Into<String>) -> Self {
        Finding { state, message: message.into(), headline: None, latency: None }
    }

    pub fn ok(message: impl Into<String>) -> Self {
        Finding::new(State::Ok, message)
    }

    pub fn warn(message: impl Into<String>) -> Self {
        Finding::new(State::Warn, message)
    }

    /// Not measured, which is neither good nor bad; the message begins so.
    pub fn unmeasured(why: impl std::fmt::Display) -> Self {
        Finding::new(State::Unknown, format!("unmeasured: {why}"))
    }

    pub fn error(message: impl Into<String>) -> Self {
        Finding::new(State::Error, message)
    }

    pub fn headline(mut self, headline: impl Into<String>) -> Self {
        self.headline = Some(headline.into());
        self
    }

    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = Some(latency);
        self
    }
}

/// What checks may look at.
#[derive(Clone)]
pub struct Surroundings {
    pub root: Root,
    pub policy: PolicyConfig,
    pub clock: Arc<dyn Clock>,
    pub services: Arc<dyn ServiceManager>,
    /// What a check remembers from one cycle to the next.
    pub memo: Arc<Memo>,
    /// Every secret that the settings refer to, whoever uses it: no check may say one.
    pub secrets: Vec<SecretRef>,
}

/// One look of one check.
#[derive(Clone)]
pub struct Probe {
    pub around: Arc<Surroundings>,
    /// The check's name.
    pub name: String,
    /// When it must have answered.
    pub deadline: Instant,
    /// The whole of its time, for messages.
    pub timeout: Duration,
    busy: Arc<AtomicBool>,
}

impl Probe {
    pub fn new(around: Arc<Surroundings>, name: impl Into<String>, timeout: Duration, busy: Arc<AtomicBool>) -> Self {
        Probe { around, name: name.into(), deadline: Instant::now() + timeout, timeout, busy }
    }

    /// Time that is left, zero when it is over.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Its time, as messages give it.
    pub fn within(&self) -> String {
        crate::text::duration_ns(u64::try_from(self.timeout.as_nanos()).unwrap_or(u64::MAX))
    }

    /// A path of the settings: relative ones lie beneath the root.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.around.root.join(path)
    }

    /// Runs `work` on a thread of its own. When the deadline passes first, the thread is left alone (a call into a dead
    /// file system can't be taken back); until it ends, this check is not started again.
    pub async fn blocking(&self, work: impl FnOnce(&Probe) -> Finding + Send + 'static) -> Finding {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let guard = Busy::set(&self.busy);
        let probe = self.clone();
        let spawned = std::thread::Builder::new().name(format!("check {}", self.name)).spawn(move || {
            let guard = guard;
            let finding = work(&probe);
            // before the finding is known: who hears of it may look again at once
            drop(guard);
            let _ = sender.send(finding);
        });
        if let Err(error) = spawned {
            return Finding::error(format!("the check could not be started: {error}"));
        }
        // the sender is dropped without a word only when the thread panicked
        receiver.await.unwrap_or_else(|_| Finding::error("the check itself failed; this is a defect of Workbridge"))
    }
}

/// Says that a thread of the check lives, however it ends.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn set(flag: &Arc<AtomicBool>) -> Self {
        flag.store(true, Ordering::Release);
        Busy(flag.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A setting that is one value or a list of them.
pub(crate) fn one_or_many<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany<T> {
        One(T),
        Many(Vec<T>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// References of secrets: one or a list. The message says what is wanted and not what stands there.
pub(crate) fn secret_refs<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<SecretRef>, D::Error> {
    const WANTED: &str = "wants a reference, `{ file = \"…\" }` or `{ env = \"…\" }`, or a list of them; the secret itself \
                          does not belong into wo.toml";
    let value = toml::Value::deserialize(deserializer).map_err(|_| serde::de::Error::custom(WANTED))?;
    one_or_many(value).map_err(|_| serde::de::Error::custom(format!("`password` {WANTED}")))
}

/// Why a path can't be looked at: missing, a dangling link and its target, or the system's words.
pub(crate) fn why_unreadable(path: &Path, shown: &str, error: &std::io::Error) -> String {
    if error.kind() != std::io::ErrorKind::NotFound {
        return format!("`{shown}` can't be read: {error}");
    }
    match std::fs::read_link(path) {
        Ok(target) => format!("`{shown}` is a link to `{}`, which is missing", target.display()),
        Err(_) => format!("`{shown}` not found"),
    }
}
