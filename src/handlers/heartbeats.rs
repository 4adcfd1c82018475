//! What heartbeats measure (`monitor.healthy_for`, `monitor.uptime.redis`, …), for criteria of any handler: it
//! joins the declarations to its own, and a plan gets one measuring step when a criterion asks for them.

use std::collections::HashSet;

use super::{Context, HandlerError, Measuring, Plan, Step, StepSpec, Verified};
use crate::evidence::Declaration;
use crate::evidence::bind::fold;
use crate::monitor::{history, measure};

/// The step's name; no handler has one of that name.
const NAME: &str = "heartbeat-history";

/// `own`, and what heartbeats measure.
pub fn join(own: &[Declaration]) -> Vec<Declaration> {
    joined(own, measure::DECLARATIONS)
}

/// `own` and `more`, which live as long as the program. A key or a label that `own` has already stays its own; `more` goes by
/// its other labels.
pub fn joined(own: &[Declaration], more: &[Declaration]) -> Vec<Declaration> {
    let labels: HashSet<String> = own.iter().flat_map(|known| known.aliases).map(|alias| fold(alias)).collect();
    let is_known = |declaration: &&Declaration| own.iter().any(|known| known.key == declaration.key);
    let more = more.iter().filter(|declaration| !is_known(declaration)).map(|declaration| {
        let is_free = |alias: &&str| !labels.contains(&fold(alias));
        match declaration.aliases.iter().all(is_free) {
            true => *declaration,
            false => {
                let free: Vec<&str> = declaration.aliases.iter().copied().filter(is_free).collect();
                Declaration { aliases: free.leak(), ..*declaration }
            }
        }
    });
    own.iter().cloned().chain(more).collect()
}

/// Adds the step when a criterion, be it the order's or a row of its template, asks for what heartbeats measure. They are
/// read last of all, after the other steps did what they do.
pub fn append(plan: &mut Plan, asked: &[String]) {
    if asked.iter().any(|key| is_history(key)) {
        plan.steps.push(StepSpec {
            name: NAME.to_owned(),
            describe: "measure what the heartbeats say: cycles, gaps, health, uptime".to_owned(),
            subjects: Vec::new(),
            params: serde_json::Value::Null,
            deadline_s: None,
            measures_only: true,
        });
    }
}

fn is_history(key: &str) -> bool {
    measure::DECLARATIONS.iter().any(|declaration| declaration.key == key)
        || key.starts_with("monitor.uptime.")
        || key.starts_with("monitor.outages.")
}

/// The code of the step, when this is it.
pub fn step(spec: &StepSpec) -> Option<Box<dyn Step>> {
    (spec.name == NAME).then(|| Box::new(History) as Box<dyn Step>)
}

struct History;

impl Measuring for History {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let taken = history::take(&context.root, &context.config, context.clock.now());
        taken.map(Verified::Yes).map_err(|error| HandlerError::failed("failed to measure the heartbeats", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Vocabulary;
    use crate::order::target::Target;
    use crate::order::{Criterion, CriterionSource};

    fn plan_for(metric: &str, bindings: &[(&str, &str)]) -> usize {
        let mut order = super::super::testing::order("WO-1");
        let compiled = Target::Unclear { why: String::new() };
        let source = CriterionSource::Table;
        let metric = metric.to_owned();
        let criterion = Criterion {
            metric,
            target: String::new(),
            compiled,
            measured_by: None,
            source,
            span: 0..0,
            whose: Vec::new(),
        };
        order.bindings = bindings.iter().map(|(name, key)| ((*name).to_owned(), (*key).to_owned())).collect();
        let mut plan = Plan { steps: Vec::new(), keep_on_failure: false, notes: Vec::new() };
        let declared = Vocabulary::new(join(super::super::parquet_exporter::declarations::DECLARATIONS));
        append(&mut plan, &super::super::asked(&order, &[criterion], &declared));
        plan.steps.len()
    }

    #[test]
    fn heartbeats_are_read_only_when_a_criterion_asks() {
        assert_eq!(plan_for("File size", &[]), 0);
        assert_eq!(plan_for("Healthy for", &[]), 1);
        assert_eq!(plan_for("monitor.uptime.redis", &[]), 1);
        assert_eq!(plan_for("Mine", &[("Mine", "monitor.uptime.disk")]), 1);
        // the exporter's own
        assert_eq!(plan_for("Coverage", &[]), 0);
        // a label beside the one that both have
        assert_eq!(plan_for("Monitor coverage", &[]), 1);
        assert_eq!(plan_for("monitor.coverage", &[]), 1);
    }
}
