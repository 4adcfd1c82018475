//! What other processes ask of the executor. A request is durable before its caller hears that it was taken, is carried
//! out once, and keeps its answer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub seq: i64,
    pub at: Timestamp,
    pub id: String,
    pub kind: RequestKind,
    /// `None` while it waits.
    pub answer: Option<Answer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum RequestKind {
    /// A new attempt at an order that has ended.
    Retry,
    Cancel,
    /// Bound to the order's bytes.
    Approve {
        sha256: String,
    },
    /// The answer to an uncertain step.
    Resolve {
        done: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub accepted: bool,
    /// What was done, or why not.
    pub text: String,
}
