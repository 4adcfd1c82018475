//! The criteria that count for an order: its own, else its handler's, with what it asks by other words, and the metric rows of its
//! report template. Pure: `wo lint` and the plan ask the same.

use crate::evidence::bind::{Binding, bind};
use crate::evidence::{Binder, Vocabulary, subject};
use crate::handlers::{Unmet, criteria_of};
use crate::journal::event::TemplateText;
use crate::order::{Criterion, Order, fold};
use crate::report;

/// What a handler says of an order, for its criteria.
pub struct Wanted<'a> {
    /// Metric and target of what it judges an order without criteria by.
    pub defaults: &'a [(&'static str, &'static str)],
    /// See [`Handler::asked`](crate::handlers::Handler::asked).
    pub asked: &'a [(&'static str, String)],
    /// See [`Handler::unmet`](crate::handlers::Handler::unmet).
    pub unmet: &'a [Unmet],
    /// What it measures.
    pub known: &'a Vocabulary,
}

/// The criteria of `order`; those of `template` come last but for what the handler doesn't do.
pub fn of(order: &Order, wanted: &Wanted<'_>, template: Option<&TemplateText>) -> Vec<Criterion> {
    let rows = template.map(|template| report::criteria_for(&template.text, order)).unwrap_or_default();
    let mut criteria: Vec<Criterion> = criteria_of(order, &defaults(wanted)).iter().cloned().chain(rows).collect();
    add_unmet(&mut criteria, wanted, order);
    criteria
}

/// The handler's criteria; what the order asks by other words stands instead of its own target.
fn defaults(wanted: &Wanted<'_>) -> Vec<Criterion> {
    let criterion = |(metric, default): &(&str, &str)| {
        let own = match bind(metric, &Default::default(), wanted.known) {
            Binding::Bound { key, .. } => wanted.asked.iter().find(|(known, _)| *known == key),
            _ => None,
        };
        let target = own.map_or(*default, |(_, target)| target.as_str());
        Criterion::of_handler(metric, target, 0..0)
    };
    wanted.defaults.iter().map(criterion).collect()
}

/// What the handler doesn't do counts as a criterion, unless one asks the same already.
fn add_unmet(criteria: &mut Vec<Criterion>, wanted: &Wanted<'_>, order: &Order) {
    let binder = Binder::new(&order.bindings, wanted.known);
    for one in wanted.unmet {
        let asks = |criterion: &Criterion| {
            binder.key_of(criterion).as_deref() == Some(one.key)
                && fold(&criterion.target) == fold(&one.target)
                && subject::names_in(&criterion.metric) == subject::names_in(&one.metric)
        };
        if !criteria.iter().any(asks) {
            criteria.push(one.criterion());
        }
    }
}
