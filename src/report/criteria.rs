//! What a template asks for: its metric rows are criteria, its operational tests are commands.

use super::template::slot::MetricRow;
use super::template::{slots, whole};
use crate::order::target::{self, compile};
use crate::order::{Command, Criterion, CriterionSource, Order, Span, fold};

/// The metric rows of a template, in order. They count towards the outcome like the order's own. Those about the whole order
/// are none.
pub fn template_criteria(template: &str) -> Vec<Criterion> {
    criteria(template, &|row| if row.is_whole { row.place.first().cloned() } else { Some(row.metric.clone()) })
}

/// The same for this order: a row that its bindings name is a criterion whatever it is called, and below a heading that names
/// the order a status is the whole order's.
pub fn criteria_for(template: &str, order: &Order) -> Vec<Criterion> {
    criteria(template, &|row| metric(order, &row.metric, row.is_whole, &row.place))
}

fn criteria(template: &str, metric: &dyn Fn(&MetricRow) -> Option<String>) -> Vec<Criterion> {
    let rows = slots::survey(template).metrics.into_iter();
    rows.filter_map(|row| Some(criterion(&metric(&row)?, &row.target, row.span))).collect()
}

/// What a metric row asks after: what it is called, the unit of its target aside, or for a bare status what its place is about;
/// `None` for the whole order.
pub(super) fn metric(order: &Order, metric: &str, is_whole: bool, place: &[String]) -> Option<String> {
    let is_bound = || order.bindings.keys().any(|name| fold(name) == fold(metric));
    match place.first() {
        _ if is_bound() => Some(metric.to_owned()),
        _ if !is_whole => Some(target::unit_behind(metric).map_or(metric, |(name, _)| name).to_owned()),
        _ if whole::is_order(order, place) => None,
        name => name.cloned(),
    }
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
        whose: Vec::new(),
    }
}

/// The fenced commands of a template's operational tests, in order. They are text: whether one may run is policy's to say.
pub fn template_commands(template: &str) -> Vec<Command> {
    slots::survey(template).commands
}
