//! The values that measurements hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "kebab-case")]
pub enum Value {
    Bytes(u64),
    /// Nanoseconds.
    Duration(u64),
    Count {
        n: u64,
        noun: String,
    },
    /// Percent points, e.g. `99.5`.
    Percent(f64),
    /// `pass` of `of` worked.
    Ratio {
        pass: u64,
        of: u64,
    },
    /// A word, e.g. a codec.
    Word(String),
    /// Works or does not, with what was seen.
    State {
        works: bool,
        detail: String,
    },
    /// The next fire times that the named manager reports, and the zone its times are local in.
    Schedule {
        next: Vec<Timestamp>,
        zone: String,
        manager: String,
    },
    /// Runs of a service that are known, newest last.
    Runs {
        manager: String,
        runs: Vec<ServiceRun>,
    },
    /// What was measured of a thing before it was undone, as it was shown. It says nothing of how the thing is now; no journal
    /// holds it.
    Undone {
        was: String,
    },
}

/// Why what was undone is unmeasured.
pub const UNDONE: &str = "undone, not measured again";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceRun {
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub exit: Option<i32>,
    pub started_by: StartedBy,
    #[serde(default, skip_serializing_if = "Made::is_unsaid")]
    pub made: Made,
}

/// What a run made, by its own record; in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// It keeps no record of what it makes.
    #[default]
    Unsaid,
    /// It ended well and had nothing to do, which is no evidence that it works.
    Nothing(String),
    Something(String),
}

impl Made {
    fn is_unsaid(&self) -> bool {
        *self == Made::Unsaid
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartedBy {
    /// The service manager of its own accord; the cause in words: `at load`, `02:30 daily`, `made up after sleep`.
    Manager { cause: String },
    /// A person or Workbridge kicked it.
    Kicked,
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Bytes(n) => f.write_str(&crate::text::bytes(*n)),
            Value::Duration(ns) => f.write_str(&crate::text::duration_ns(*ns)),
            Value::Count { n, noun } if noun.is_empty() => write!(f, "{n}"),
            Value::Count { n, noun } => write!(f, "{n} {noun}"),
            Value::Percent(p) if p.fract() == 0.0 => write!(f, "{p:.0}%"),
            Value::Percent(p) => write!(f, "{p:.2}%"),
            Value::Ratio { pass, of } => write!(f, "{pass}/{of}"),
            Value::Word(word) => f.write_str(word),
            Value::State { works: _, detail } => f.write_str(detail),
            Value::Undone { was } => write!(f, "{UNDONE}; it was {was}"),
            Value::Schedule { next, zone, manager } => {
                let shown: Vec<String> = next
                    .iter()
                    .take(2)
                    .map(|at| match at.in_tz(zone) {
                        Ok(local) => local.strftime("%Y-%m-%d %H:%M").to_string(),
                        Err(_) => at.to_string(),
                    })
                    .collect();
                if shown.is_empty() {
                    write!(f, "never ({manager})")
                } else {
                    write!(f, "next {} {zone} ({manager})", shown.join(", "))
                }
            }
            Value::Runs { manager, runs } => {
                // a process that goes on through later ones is what makes them, and no run beside them
                let makes_others = |run: &ServiceRun| {
                    run.ended.is_none()
                        && runs.iter().any(|other| other.ended.is_some() && other.started >= run.started)
                };
                let counted: Vec<&ServiceRun> = runs.iter().filter(|run| !makes_others(run)).collect();
                let own = counted.iter().filter(|run| run.started_by != StartedBy::Kicked).count();
                write!(f, "{own} by {manager}, {} kicked", counted.len() - own)?;
                if let Some(exit) = runs.last().and_then(|run| run.exit) {
                    write!(f, ", last exit {exit}")?;
                }
                Ok(())
            }
        }
    }
}
