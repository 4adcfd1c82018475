//! The one model that all seven shapes of work orders parse to. Nothing of the source is dropped: every section and key
//! keeps its span, and the spans of [`Order::parts`] tile the source byte for byte.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::diagnostic::Diagnostic;
use super::target::Target;

/// Bytes of the source.
pub type Span = Range<usize>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// `WO-…`; always safe as a file name (ASCII letters, digits, `-`, `_`, `.`; at most 120 bytes).
    pub id: String,
    pub shape: Shape,
    pub title: Option<String>,
    pub phase: Option<String>,
    pub origin: Option<String>,
    pub assignee: Option<String>,
    pub priority: Priority,
    /// As written; an unexpanded `$(date …)` is `None` with a diagnostic.
    pub created: Option<String>,
    pub expires: Option<Timestamp>,
    pub handler: Option<String>,
    /// Name of the report template, without directory and `.md`.
    pub template: Option<String>,
    pub params: serde_json::Map<String, serde_json::Value>,
    pub objective: Option<String>,
    pub requirements: Vec<Item>,
    pub deliverables: Vec<Deliverable>,
    /// Paths that its deliverables say not to touch, as written: no handler writes there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_alone: Vec<String>,
    pub dependencies: Vec<Dependency>,
    /// Machine gates: `WO-… done`, `monitor.healthy_for >= 24h`.
    pub requires: Vec<Requirement>,
    pub acceptance: Vec<Criterion>,
    /// Metric as written → measurement key.
    pub bindings: BTreeMap<String, String>,
    pub waive: Vec<Waiver>,
    pub verification: Vec<Command>,
    pub next_phase: Option<String>,
    /// Whether a person must approve this order before its first step.
    pub needs_approval: bool,
    /// Keys that the model has no field for, as written.
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// Every part of the source in order; the spans tile it.
    pub parts: Vec<Part>,
    pub diagnostics: Vec<Diagnostic>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    Banner,
    Bullets,
    HeadingOnly,
    StatusHeader,
    AcceptanceBullets,
    FrontMatter,
    /// YAML or JSON.
    Data,
}

/// `P0` first. `normal` and no priority are `P2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Priority {
    P0,
    P1,
    #[default]
    P2,
    P3,
}

/// A requirement with what is nested below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    pub text: String,
    pub children: Vec<Item>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deliverable {
    /// The path when the text holds one in backticks or is one; as written, not yet checked.
    pub path: Option<String>,
    pub text: String,
    pub span: Span,
}

/// `- Redis Auth: ✅ fixed`; the tick is the author's claim, never evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    pub name: String,
    pub claim: Option<String>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// The order with this id ended `done` or `noop`.
    OrderDone { id: String },
    /// A measurement compares well with a target.
    Measurement { key: String, target: String, compiled: Target },
    /// Cannot be understood: the order waits for a person rather than run ungated.
    Unclear { text: String, why: String },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    pub metric: String,
    /// As written.
    pub target: String,
    /// A target that cannot be compiled is `Target::Unclear` and judges `UNMEASURED`.
    pub compiled: Target,
    /// The third column, where there is one.
    pub measured_by: Option<String>,
    pub source: CriterionSource,
    pub span: Span,
    /// The headings, labels and cells that it stands below or beside, the outermost first: they may say whose it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whose: Vec<Whose>,
}

impl Criterion {
    /// One that a handler sets; `span` is what it stands for in the order, empty where nothing is written there.
    pub fn of_handler(metric: &str, target: &str, span: Span) -> Self {
        Criterion {
            metric: metric.to_owned(),
            target: target.to_owned(),
            compiled: super::target::compile(metric, target),
            measured_by: None,
            source: CriterionSource::Handler,
            span,
            whose: Vec::new(),
        }
    }
}

/// A name that a criterion stands below or beside: of a group of criteria (`Performance`), or of a thing (`Redis`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whose {
    pub name: String,
    /// Its column or key says that it names a thing: `Component`, `Service`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_thing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CriterionSource {
    Table,
    Bullets,
    FrontMatter,
    /// The order has none; these are what its handler declares.
    Handler,
    /// A metric row of the report template.
    Template,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waiver {
    pub metric: String,
    pub reason: String,
    /// The last day on which it holds, in UTC.
    pub until: jiff::civil::Date,
}

/// A fenced command of the Verification section. It is text: nothing is executed unless policy allows its program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    pub language: String,
    pub text: String,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub kind: PartKind,
    /// Folded title of a section (no emoji, lower case), or the key.
    pub name: String,
    pub span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// BOM, front matter fences, separators, blank lines, loose lines.
    Other,
    FrontMatter,
    Title,
    Key,
    Section,
}

/// An order with this id and nothing else, which the parser fills.
pub(crate) fn blank(id: impl Into<String>) -> Order {
    Order {
        id: id.into(),
        shape: Shape::HeadingOnly,
        title: None,
        phase: None,
        origin: None,
        assignee: None,
        priority: Priority::default(),
        created: None,
        expires: None,
        handler: None,
        template: None,
        params: serde_json::Map::new(),
        objective: None,
        requirements: Vec::new(),
        deliverables: Vec::new(),
        left_alone: Vec::new(),
        dependencies: Vec::new(),
        requires: Vec::new(),
        acceptance: Vec::new(),
        bindings: BTreeMap::new(),
        waive: Vec::new(),
        verification: Vec::new(),
        next_phase: None,
        needs_approval: false,
        extra: serde_json::Map::new(),
        parts: Vec::new(),
        diagnostics: Vec::new(),
    }
}
