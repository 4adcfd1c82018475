//! Handlers turn an order into a plan of steps; steps change the world one idempotent bit at a time.
//!
//! A handler never says how an order ended: the engine judges from the measurements that the steps' `verify` took.
//! `diagnose` reads, `plan` is pure and its result is stored in the journal as data, so that after a crash the very same
//! steps are found again; `step` rebuilds the code for a stored [`StepSpec`].

pub mod command_line;
mod dated;
pub(crate) mod deliverables;
pub mod external;
pub(crate) mod heartbeats;
pub mod labels;
pub mod monitor_fix;
mod not_made;
pub mod parquet_exporter;
pub(crate) mod patience;
pub mod place;
#[cfg(any(debug_assertions, feature = "probe"))]
pub mod probe;
pub mod registry;
mod same_file;
pub mod steps;
#[cfg(test)]
pub(crate) mod testing;
pub mod verification;

pub use registry::{all, find};

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::config::Config;
use crate::deployed::render::Site;
use crate::deployed::shims::Unnameable;
use crate::evidence::{Binder, Measurement, Vocabulary};
use crate::order::{Criterion, Order};
use crate::root::Root;
use crate::secret::Masker;
use crate::services::ServiceManager;

/// What the engine needs to know of a handler before it looks at an order.
pub struct Descriptor {
    pub name: &'static str,
    pub about: &'static str,
    /// `WO-*-PARQUET-EXPORTER*`; `*` is any run of characters; case folded.
    pub id_patterns: &'static [&'static str],
    pub service_labels: &'static [&'static str],
    /// Paths relative to the root; an order that lists one of them as a deliverable is this handler's. One with `*`, any run
    /// of characters, is no sign by itself: it goes with an id that fits.
    pub deliverable_paths: &'static [&'static str],
    pub measurements: &'static Vocabulary,
    /// Criteria of an order that has none: metric and target as one would write them.
    pub default_criteria: &'static [(&'static str, &'static str)],
    /// Template for a report beside the completion report.
    pub default_template: Option<&'static str>,
}

pub trait Handler: Send + Sync {
    fn descriptor(&self) -> &Descriptor;

    /// What it can measure for this order; where a label is one of several things', the order says which.
    fn measurements(&self, _order: &Order) -> &'static Vocabulary {
        self.descriptor().measurements
    }

    /// The report template for an order that names none.
    fn template(&self, _order: &Order) -> Option<&'static str> {
        self.descriptor().default_template
    }

    /// Why it takes no such order, and the cure, as far as the order alone says it.
    fn refuses(&self, _order: &Order) -> Option<(&'static str, &'static str)> {
        None
    }

    /// Reads the world as far as the plan depends on it; changes nothing. The result goes to the journal: no secrets.
    fn diagnose(&self, order: &Order, context: &Context) -> Result<serde_json::Value, HandlerError>;

    /// Pure: the same order, criteria and facts give the same plan. `criteria` are all that will be judged, those of the
    /// report's template too, so that what they ask for is measured; what is to be made stands in the order.
    fn plan(
        &self,
        order: &Order,
        criteria: &[Criterion],
        facts: &serde_json::Value,
        config: &Config,
    ) -> Result<Plan, HandlerError>;

    /// The criteria of an order that has none, as far as they apply to what was found.
    fn default_criteria(&self, _facts: &serde_json::Value) -> Vec<(&'static str, &'static str)> {
        self.descriptor().default_criteria.to_vec()
    }

    /// What [`Handler::asked`] must know, as far as files of the root tell it (`None`: outside of one): for who checks an order
    /// without looking at the machine. [`Handler::diagnose`] tells it too.
    fn glance(&self, _root: Option<&Root>) -> serde_json::Value {
        serde_json::Value::Null
    }

    /// What the order asks by other words than criteria, such as a time to run at: key and target. It goes before the
    /// target of a default criterion and of a template's row.
    fn asked(&self, _order: &Order, _facts: &serde_json::Value, _config: &Config) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What the order asks by other words than criteria and this handler doesn't do. It becomes a criterion like any other.
    fn unmet(&self, _order: &Order) -> Vec<Unmet> {
        Vec::new()
    }

    /// The code of one step of a stored plan.
    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError>;

    /// What answers one command of a fenced verification block (see [`command_line`]) natively: the key of this handler's
    /// measurement of the very thing that it asks, whose `ok` decides. Commands that are not recognized run only where
    /// policy allows their program.
    fn recognize_command(&self, _context: &Context, _words: &[String]) -> Option<String> {
        None
    }

    /// Commands for a person to repeat the measurement.
    fn reference(&self, _order: &Order) -> Vec<String> {
        Vec::new()
    }
}

/// Something that an order asks of a handler that doesn't do it, as a criterion.
#[derive(Debug, Clone, PartialEq)]
pub struct Unmet {
    /// What its metric is bound to.
    pub key: &'static str,
    pub metric: String,
    pub target: String,
    /// What the handler does instead.
    pub instead: String,
    pub span: crate::order::Span,
}

impl Unmet {
    pub fn criterion(&self) -> Criterion {
        Criterion::of_handler(&self.metric, &self.target, self.span.clone())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub steps: Vec<StepSpec>,
    /// Whether what was done stays when a later step fails.
    pub keep_on_failure: bool,
    /// Notes for the reader of the plan, e.g. contradictions in the order and how they were settled.
    pub notes: Vec<String>,
}

/// One step as data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepSpec {
    /// Unique within the plan.
    pub name: String,
    /// What it does, in one line for a person.
    pub describe: String,
    /// What it touches: paths relative to the root, `service:LABEL`, …; orders that share one are serialized.
    pub subjects: Vec<String>,
    /// For the handler's `step`.
    pub params: serde_json::Value,
    /// Seconds; the configured deadline when `None`.
    pub deadline_s: Option<u64>,
    /// A step that only measures: it runs even after another failed, and its failure undoes nothing but where a change was
    /// to follow, which then does not come.
    pub measures_only: bool,
}

/// One idempotent change.
pub trait Step: Send {
    /// Files that `apply` will change, absolute; the engine backs them up first and restores them on undo.
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError>;

    /// Is it already so? Changes nothing.
    fn check(&self, context: &Context) -> Result<Check, HandlerError>;

    /// Makes it so. Called again after a crash in the middle, when `check` says that it is still needed.
    fn apply(&self, context: &Context) -> Result<Applied, HandlerError>;

    /// Measures whether it is so now. Called after `apply`, after `Check::Already`, and again after `Verified::Wait`.
    fn verify(&self, context: &Context) -> Result<Verified, HandlerError>;

    /// Whether `verify` may write the step's files once more, to bring them up to date with what arrived since `apply`.
    fn verify_writes(&self) -> bool {
        false
    }

    /// Takes back what `apply` did beyond files, e.g. boots a service out. Files are the engine's; it restores them after
    /// this, but for those that someone else changed meanwhile.
    fn undo(&self, _context: &Context) -> Result<(), HandlerError> {
        Ok(())
    }

    /// Why what `apply` did can't be taken back; then it stands, and the report says so.
    fn stands(&self) -> Option<&'static str> {
        None
    }

    /// Removes what `apply` made and what nothing needs any more, now that the files are restored as far as they could be.
    fn clear(&self, _context: &Context) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// A step that changes nothing: all that it does is to measure.
pub trait Measuring: Send {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError>;
}

impl<M: Measuring> Step for M {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, _context: &Context) -> Result<Check, HandlerError> {
        Ok(Check::Needed("not measured yet".to_owned()))
    }

    fn apply(&self, _context: &Context) -> Result<Applied, HandlerError> {
        Ok(Applied { after: "measured".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        self.measure(context)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// As ordered; in words.
    Already(String),
    /// Not so; how it is now, in words (the report's `before`).
    Needed(String),
    /// Can't be told; a person decides.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// How it is now, in words (the report's `after`).
    pub after: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Verified {
    Yes(Vec<Measurement>),
    /// Measured, and it is not so: the step failed.
    No {
        why: String,
        measurements: Vec<Measurement>,
    },
    /// Not yet known. The order waits without holding a thread; `verify` is called again at `until`.
    Wait {
        until: Timestamp,
        why: String,
    },
}

/// Of a step whose `check` is its proof.
impl From<Check> for Verified {
    fn from(check: Check) -> Self {
        match check {
            Check::Already(_) => Verified::Yes(Vec::new()),
            Check::Needed(why) | Check::Unknown(why) => Verified::No { why, measurements: Vec::new() },
        }
    }
}

/// What steps and diagnoses may use.
#[derive(Clone)]
pub struct Context {
    pub root: Root,
    pub config: Arc<Config>,
    pub clock: Arc<dyn Clock>,
    pub services: Arc<dyn ServiceManager>,
    pub masker: Arc<Masker>,
    pub order: Arc<Order>,
    /// From 1.
    pub attempt: u32,
    /// Facts of `diagnose`.
    pub facts: Arc<serde_json::Value>,
    /// When this attempt's first step began; in a dry run now.
    pub attempt_started: Timestamp,
    /// When this step was first applied, for proofs that need what came after.
    pub step_applied: Option<Timestamp>,
    /// The absolute path of this `wo`, for shims and services.
    pub program: PathBuf,
    pub deadline: Deadline,
    /// Set once the order is to be cancelled: a program that a step waits for may be killed then.
    pub cancelled: Arc<AtomicBool>,
}

impl<'a> From<&'a Context> for Site<'a> {
    fn from(context: &'a Context) -> Self {
        Site { root: &context.root, config: &context.config, program: &context.program }
    }
}

/// A point on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(duration: Duration) -> Self {
        Deadline(Instant::now() + duration)
    }

    /// Zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The order asks for something that this handler can't or must not do.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Durable(#[from] crate::durable::DurableError),
    #[error(transparent)]
    Process(#[from] crate::process::ProcessError),
    #[error(transparent)]
    Service(#[from] crate::services::ServiceError),
    #[error("{what}: {why}")]
    Failed { what: String, why: String },
}

impl From<Unnameable> for HandlerError {
    fn from(why: Unnameable) -> Self {
        HandlerError::Refused(why.to_string())
    }
}

impl HandlerError {
    pub fn failed(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        HandlerError::Failed { what: what.into(), why: why.to_string() }
    }
}

/// What `diagnose` found, from the journal, as a handler's own type.
fn read_facts<F: serde::de::DeserializeOwned>(value: &serde_json::Value) -> Result<F, HandlerError> {
    serde_json::from_value(value.clone())
        .map_err(|error| HandlerError::failed("failed to understand the facts of this order", error))
}

/// The keys of the measurements that criteria ask for.
pub fn asked(order: &Order, criteria: &[Criterion], known: &Vocabulary) -> Vec<String> {
    let binder = Binder::new(&order.bindings, known);
    criteria.iter().filter_map(|criterion| binder.key_of(criterion)).collect()
}

/// The criteria that count for an order: its own, else its handler's.
pub fn criteria_of<'a>(order: &'a Order, defaults: &'a [Criterion]) -> &'a [Criterion] {
    if order.acceptance.is_empty() { defaults } else { &order.acceptance }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::deployed::shims::{self, Language};

    #[test]
    fn a_path_that_no_script_can_name_is_refused_and_no_fault_of_the_machine() {
        let error = shims::render(Language::Node, "x", Path::new("/wo"), Path::new("/a\nb"), &[]).unwrap_err();
        let why = error.to_string();
        assert!(matches!(HandlerError::from(error), HandlerError::Refused(said) if said == why));
    }
}
