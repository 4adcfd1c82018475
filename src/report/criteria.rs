//! What a template asks for: its metric rows are criteria, its operational tests are commands.

use super::slots;
use crate::order::target::compile;
use crate::order::{Command, Criterion, CriterionSource, Span};

/// The metric rows of a template, in order. They count towards the outcome like the order's own.
pub fn template_criteria(template: &str) -> Vec<Criterion> {
    slots::survey(template)
        .metrics
        .into_iter()
        .map(|(metric, target, span)| criterion(&metric, &target, span))
        .collect()
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
