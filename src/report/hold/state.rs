//! What a slot says, and what the record says of a thing.
//!
//! Invariant: a [`Subject`] is green by a measurement that works, and what is said of it besides never makes it greener.

use jiff::Timestamp;

use crate::evidence::value::UNDONE;
use crate::evidence::{Artifact, Measurement, Value};
use crate::report::record;

/// What a slot says now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Measured, and it is so.
    Green,
    /// Measured, and it isn't.
    Failed,
    Unmeasured,
    Waived,
    /// It judges nothing: a date, a value, a line that isn't chosen.
    Neutral,
}

/// What a slot becomes.
pub struct Became {
    pub text: String,
    pub state: State,
    pub evidence: Vec<String>,
}

impl Became {
    pub fn neutral(text: impl Into<String>) -> Self {
        Became { text: text.into(), state: State::Neutral, evidence: Vec::new() }
    }
}

/// A component, or whatever else either works or doesn't.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    pub state: State,
    /// As it is shown.
    pub value: Option<String>,
    pub artifact: Option<Artifact>,
    pub at: Option<Timestamp>,
    pub evidence: Vec<String>,
    /// Why it is unmeasured.
    pub why: String,
    /// The label, where all of it was judged.
    pub judged: String,
}

impl Subject {
    pub fn unmeasured(why: impl Into<String>) -> Self {
        Subject {
            state: State::Unmeasured,
            value: None,
            artifact: None,
            at: None,
            evidence: Vec::new(),
            why: why.into(),
            judged: String::new(),
        }
    }

    /// As far as all that is said of it is so: what differs makes it fail, else what is unclear leaves it unmeasured.
    pub fn held_by(self, said: impl IntoIterator<Item = Held>) -> Self {
        let mut unclear = None;
        for held in said {
            match held {
                Held::Meets => {}
                Held::Differs(why) => return Subject { state: State::Failed, why, ..self },
                Held::Unclear(why) => unclear = Some(why),
            }
        }
        match unclear {
            Some(why) => Subject { state: State::Unmeasured, why, ..self },
            None => self,
        }
    }

    pub fn of(measurement: &Measurement) -> Self {
        let (state, why) = match record::works(measurement) {
            Some(true) => (State::Green, ""),
            Some(false) => (State::Failed, ""),
            None if matches!(measurement.value, Value::Undone { .. }) => (State::Unmeasured, UNDONE),
            None => (State::Unmeasured, "a mere value, nothing says whether it is good"),
        };
        Subject {
            state,
            value: Some(measurement.value.to_string()).filter(|_| why != UNDONE),
            artifact: measurement.artifact.clone(),
            at: Some(measurement.at),
            evidence: vec![measurement.id.clone()],
            why: why.to_owned(),
            judged: String::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Held {
    Meets,
    /// In words, what was printed instead.
    Differs(String),
    /// Why it can't be told.
    Unclear(String),
}
