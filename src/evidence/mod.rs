//! Measurements and what is judged from them. Only a [`Measurement`] can make anything green.

pub mod bilingual;
pub mod bind;
mod compare;
mod counted;
#[cfg(test)]
mod groups_tests;
mod instance;
pub mod judge;
mod kind;
mod rates;
mod schedule;
pub mod subject;
pub mod value;
mod vocabulary;
pub mod whose;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use bind::{Binder, Binding, BoundBy};
pub(crate) use compare::{Finding, check, holds};
pub use kind::Kind;
pub use value::{Made, ServiceRun, StartedBy, Value};
pub use vocabulary::Vocabulary;

/// A value that Workbridge took itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// `E1`, `E2`, … within an attempt, given by the engine when it is recorded; empty before.
    pub id: String,
    /// e.g. `export.file_size`.
    pub key: String,
    pub value: Value,
    /// How it was taken, in words that a reader can repeat.
    pub how: String,
    pub at: Timestamp,
    /// What the taking code says of the subject: works, is broken, or `None` where the value is a mere number.
    pub ok: Option<bool>,
    pub artifact: Option<Artifact>,
    /// What the command that it answers prints, line by line, as far as a test may ask for it: `Rows: 288`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub printed: Vec<String>,
    /// What of the subject is missing, in words, where it is not all there; where `ok` is none, why it can't be told whether it
    /// is, and then nothing is judged by it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lacks: String,
}

impl Measurement {
    pub fn new(key: impl Into<String>, value: Value, how: impl Into<String>, at: Timestamp) -> Self {
        let (id, key, how) = (String::new(), key.into(), how.into());
        Measurement { id, key, value, how, at, ok: None, artifact: None, printed: Vec::new(), lacks: String::new() }
    }

    pub fn ok(mut self, ok: bool) -> Self {
        self.ok = Some(ok);
        self
    }

    pub fn artifact(mut self, artifact: Artifact) -> Self {
        self.artifact = Some(artifact);
        self
    }

    pub fn lacks(mut self, lacks: impl Into<String>) -> Self {
        self.lacks = lacks.into();
        self
    }

    pub fn printed(mut self, lines: Vec<String>) -> Self {
        self.printed = lines;
        self
    }
}

/// A file that a measurement or a step speaks of, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Relative to the root where it lies beneath it.
    pub path: String,
    pub bytes: u64,
    /// Lower-case hex.
    pub sha256: String,
}

/// What a handler or a check can measure, and the labels people write for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Declaration {
    pub key: &'static str,
    /// Folded (case, punctuation, emoji) before they are compared.
    pub aliases: &'static [&'static str],
    pub about: &'static str,
    /// What its value will be, where it is always the same.
    pub kind: Option<Kind>,
    /// The key that says whether what it names can be read, where it says itself only that it is there.
    pub read_by: Option<&'static str>,
    /// The key that says whether what it names is loaded, where it says itself what became of it.
    pub loaded_by: Option<&'static str>,
}

impl Declaration {
    pub const fn new(key: &'static str, aliases: &'static [&'static str], about: &'static str) -> Declaration {
        Declaration { key, aliases, about, kind: None, read_by: None, loaded_by: None }
    }

    /// The same with the kind of its value.
    pub const fn of(mut self, kind: Kind) -> Declaration {
        self.kind = Some(kind);
        self
    }

    /// The same with the key that its names ask for with a word for what can be read.
    pub const fn read_by(mut self, key: &'static str) -> Declaration {
        self.read_by = Some(key);
        self
    }

    /// The same with the key that its names ask for with a word for what is loaded.
    pub const fn loaded_by(mut self, key: &'static str) -> Declaration {
        self.loaded_by = Some(key);
        self
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "UPPERCASE")]
pub enum Verdict {
    Pass,
    Fail,
    Unmeasured,
    Waived {
        /// Beside the criterion's own `reason` in JSON, where both lie in one object.
        #[serde(rename = "waiver")]
        reason: String,
        until: jiff::civil::Date,
    },
}

/// One criterion with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    pub metric: String,
    pub target: String,
    pub source: crate::order::CriterionSource,
    /// The measurement's key it is bound to.
    pub key: Option<String>,
    /// The actual value as it is shown, with its unit.
    pub actual: Option<String>,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
    /// Ids of the measurements it was judged from.
    pub evidence: Vec<String>,
}

impl Judged {
    /// The same without its verdict and its value, and why.
    #[must_use]
    pub fn unmeasured(self, why: impl Into<String>) -> Self {
        Judged { verdict: Verdict::Unmeasured, actual: None, reason: why.into(), ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All criteria pass.
    Done,
    /// Some pass; none that counts failed for certain, or some were not measured.
    Partial,
    Failed,
    Rejected,
    /// Everything was already as ordered, and that was measured.
    Noop,
    /// It cannot be told whether a step took effect; a person decides.
    Uncertain,
    Cancelled,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Partial => "partial",
            Outcome::Failed => "failed",
            Outcome::Rejected => "rejected",
            Outcome::Noop => "noop",
            Outcome::Uncertain => "uncertain",
            Outcome::Cancelled => "cancelled",
        }
    }

    /// Whether the exit code is 0.
    pub fn is_good(self) -> bool {
        matches!(self, Outcome::Done | Outcome::Noop)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
