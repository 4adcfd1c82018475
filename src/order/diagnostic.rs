//! What an author is told: line, column, what is wrong, what was understood, how to cure it.

use serde::{Deserialize, Serialize};

use super::model::Span;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, for machines: `missing-id`, `unclear-target`, …
    pub code: String,
    pub message: String,
    /// What Workbridge takes it to mean.
    pub understood: Option<String>,
    pub cure: Option<String>,
    pub span: Span,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub excerpt: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Note,
    Warning,
    /// The order cannot be carried out as it is.
    Error,
}
