//! What a template asks for: its metric rows are criteria, its operational tests are commands.

use std::collections::BTreeMap;

use super::slots;
use crate::order::target::compile;
use crate::order::{Command, Criterion, CriterionSource, Span, fold};

/// The metric rows of a template, in order. They count towards the outcome like the order's own. Those about the whole order
/// are none.
pub fn template_criteria(template: &str) -> Vec<Criterion> {
    criteria_for(template, &BTreeMap::new())
}

/// The same for an order with these bindings: a row that they name is a criterion whatever it is called.
pub fn criteria_for(template: &str, bindings: &BTreeMap<String, String>) -> Vec<Criterion> {
    let is_bound = |metric: &str| bindings.keys().any(|name| fold(name) == fold(metric));
    let rows = slots::survey(template).metrics.into_iter().filter(|row| !row.is_whole || is_bound(&row.metric));
    rows.map(|row| criterion(&row.metric, &row.target, row.span)).collect()
}

/// One metric row as a criterion.
pub(super) fn criterion(metric: &str, target: &str, span: Span) -> Criterion {
    Criterion {
        metric: metric.to_owned(),
        target: target.to_owned(),
        compiled: compile(metric, target),
        measured_by: None,
        source: CriterionSource::Template,
        span,
    }
}

/// The fenced commands of a template's operational tests, in order. They are text: whether one may run is policy's to say.
pub fn template_commands(template: &str) -> Vec<Command> {
    slots::survey(template).commands
}
