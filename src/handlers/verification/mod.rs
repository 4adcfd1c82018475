//! `verification`: measures a deployed thing again, for an order or for a template that was dropped with one. What it is
//! about, the exporter or the monitor, stands in the order ([`subject`]).
//!
//! Invariants: it changes nothing but its own report; an order about anything else is refused, never answered with what
//! happens to be measurable.

mod monitor;
mod subject;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use self::subject::Subject;
use super::parquet_exporter::declarations::VERIFIED;
use super::parquet_exporter::steps::look::Verify;
use super::{
    Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec, asked, heartbeats, monitor_fix, parquet_exporter,
};
use crate::config::Config;
use crate::deployed::record::Deployment;
use crate::evidence::{Declaration, Vocabulary};
use crate::order::{Criterion, Order};
use crate::root::Root;

/// What this handler measures of both subjects, and what heartbeats do. A label that both have is the exporter's.
static DECLARED: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(heartbeats::join(&heartbeats::joined(VERIFIED, &monitor::declarations()))));

/// The same for an order that is about the exporter alone: of the monitor there is only what heartbeats say.
static OF_EXPORTER: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::new(heartbeats::join(VERIFIED)));

/// The same for one that is about the monitor alone, whose checks are all that there are.
static OF_MONITOR: LazyLock<Vocabulary> = LazyLock::new(|| {
    let checks: Vec<Declaration> = VERIFIED.iter().filter(|one| one.key == CHECKS).copied().collect();
    Vocabulary::new(heartbeats::joined(&heartbeats::join(&monitor::declarations()), &checks))
});

/// Checks of a whole verification.
const CHECKS: &str = "verify.checks";

fn declared(subjects: &[Subject]) -> &'static Vocabulary {
    match subjects {
        [Subject::Exporter] => &OF_EXPORTER,
        [Subject::Monitor] => &OF_MONITOR,
        _ => &DECLARED,
    }
}

const TEMPLATE: &str = "PHASE7_8_VERIFICATION_TEMPLATE";

pub static DESCRIPTOR: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    name: "verification",
    about: "measures what is deployed again and fills the verification report",
    id_patterns: &["WO-*-VERIFICATION*", "WO-*-VERIFY*", "WO-*_VERIFICATION*", "WO-*_VERIFY*"],
    service_labels: &[],
    deliverable_paths: &[],
    measurements: &DECLARED,
    default_criteria: &[("Verification", "All pass")],
    default_template: Some(TEMPLATE),
});

pub struct Verification;

impl Handler for Verification {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn measurements(&self, order: &Order) -> &'static Vocabulary {
        declared(&subject::of(order, &DECLARED))
    }

    /// The verification template is about the exporter.
    fn template(&self, order: &Order) -> Option<&'static str> {
        subject::of(order, &DECLARED).contains(&Subject::Exporter).then_some(TEMPLATE)
    }

    fn refuses(&self, order: &Order) -> Option<(&'static str, &'static str)> {
        subject::of(order, &DECLARED).is_empty().then_some((subject::UNCLEAR, subject::CURE))
    }

    fn diagnose(&self, order: &Order, context: &Context) -> Result<serde_json::Value, HandlerError> {
        if let Some((why, cure)) = self.refuses(order) {
            return Err(HandlerError::Refused(format!("{why}\nhint: {cure}")));
        }
        let recorded = Deployment::load(&context.root)
            .map_err(|error| HandlerError::failed("failed to find what is deployed", error))?;
        let facts = Facts {
            deployed: recorded.is_some(),
            deployment: recorded.unwrap_or_else(|| Deployment::standard(&context.config)),
        };
        serde_json::to_value(facts).map_err(|error| HandlerError::failed("failed to write down the facts", error))
    }

    fn plan(
        &self,
        order: &Order,
        criteria: &[Criterion],
        facts: &serde_json::Value,
        _config: &Config,
    ) -> Result<Plan, HandlerError> {
        let subjects = subject::of(order, &DECLARED);
        let asked = asked(order, criteria, declared(&subjects));
        let steps = subjects.iter().map(|subject| match subject {
            Subject::Exporter => StepSpec {
                name: "verification".to_owned(),
                describe: "measure everything that is deployed, as `wo verify parquet` does".to_owned(),
                // half of a deployment would be found wanting
                subjects: vec!["verification:parquet".to_owned(), parquet_exporter::plan::DEPLOYMENT.to_owned()],
                params: facts.clone(),
                deadline_s: None,
                measures_only: true,
            },
            Subject::Monitor => monitor::spec(subjects.as_slice() == [Subject::Monitor], &asked),
        });
        let mut plan = Plan { steps: steps.collect(), keep_on_failure: true, notes: Vec::new() };
        heartbeats::append(&mut plan, &asked);
        Ok(plan)
    }

    /// What was ordered when it was deployed: a verification asks for no other codec or time.
    fn glance(&self, root: Option<&Root>) -> serde_json::Value {
        let recorded = root.and_then(|root| Deployment::load(root).ok().flatten());
        let facts = recorded.map(|deployment| Facts { deployed: true, deployment });
        serde_json::to_value(facts).unwrap_or_default()
    }

    fn asked(&self, order: &Order, facts: &serde_json::Value, config: &Config) -> Vec<(&'static str, String)> {
        let facts: Option<Facts> = serde_json::from_value(facts.clone()).ok();
        let Some(Facts { deployed: true, deployment }) = facts else { return Vec::new() };
        if !subject::of(order, &DECLARED).contains(&Subject::Exporter) {
            return Vec::new();
        }
        let schedule = parquet_exporter::timing::target(&deployment);
        vec![
            ("export.compression", parquet_exporter::codec::target(&deployment, config)),
            ("export.frequency", schedule.clone()),
            ("export.schedule", schedule),
        ]
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        if let Some(step) = heartbeats::step(spec) {
            return Ok(step);
        }
        if let Some(step) = monitor::step(spec)? {
            return Ok(step);
        }
        let facts: Facts = serde_json::from_value(spec.params.clone())
            .map_err(|error| HandlerError::failed("failed to understand the stored step", error))?;
        Ok(Box::new(Verify { deployment: facts.deployment, deployed: facts.deployed, deploys: false }))
    }

    fn recognize_command(&self, context: &Context, words: &[String]) -> Option<String> {
        parquet_exporter::commands::key(context, words).or_else(|| monitor_fix::commands::key(context, words))
    }

    fn reference(&self, order: &Order) -> Vec<String> {
        let command = |subject| match subject {
            Subject::Exporter => "wo verify parquet".to_owned(),
            Subject::Monitor => "wo verify monitor".to_owned(),
        };
        subject::of(order, &DECLARED).into_iter().map(command).collect()
    }
}

/// What is verified, found before the plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Facts {
    deployed: bool,
    deployment: Deployment,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::bind::{Binding, bind};

    #[test]
    fn the_monitors_labels_are_its_own_where_the_order_is_about_it() {
        let monitor = "WO-251103-VERIFY-MONITOR";
        let exporter = "WO-251103-VERIFY-PARQUET";
        let both = "WO-251103-VERIFY-PARQUET-AND-MONITOR";
        let cases = [
            (monitor, "Heartbeat cycles", "monitor.cycles"),
            (monitor, "Heartbeat interval", "monitor.interval"),
            (monitor, "Heartbeat status", "monitor.status"),
            (monitor, "Failed checks", "monitor.errors"),
            (monitor, "Errors", "monitor.errors"),
            (monitor, "Heartbeat coverage", "monitor.coverage"),
            (monitor, "Coverage", "monitor.coverage"),
            (monitor, "Exit code", "monitor.exit_code"),
            (monitor, "verify.checks", "verify.checks"),
            // a verification of the other would measure it
            (monitor, "File size", ""),
            (exporter, "Redis connectivity", ""),
            (exporter, "Exit code", ""),
            (exporter, "Two independent readers", "export.validation"),
            (exporter, "Unreadable reports", "export.unreadable"),
            (both, "File size", "export.file_size"),
            (both, "Redis connectivity", "monitor.redis"),
            // only a deployment does
            (exporter, "Export duration", ""),
            (exporter, "Idempotent rerun", ""),
            (exporter, "Dry run", ""),
            (both, "Live export", ""),
            (monitor, "Plist lint", ""),
            (exporter, "Errors", "export.schema_mismatches"),
            (exporter, "Coverage", "export.coverage"),
            (exporter, "Heartbeat cycles", ""),
            (exporter, "Longest gap", "monitor.longest_gap"),
            (both, "Errors", "export.schema_mismatches"),
            (both, "Failed checks", "monitor.errors"),
        ];
        for (id, label, expected) in cases {
            let order = crate::order::parse(format!("# {id}\n").as_bytes(), "order.md").expect("an order");
            let bound = bind(label, &order.bindings, Verification.measurements(&order));
            let key = if let Binding::Bound { key, .. } = &bound { key.as_str() } else { "" };
            assert_eq!(key, expected, "{id} {label}: {bound:?}");
        }
        let own = monitor::declarations();
        let lost = own.iter().flat_map(|own| own.aliases.iter().map(move |alias| (alias, own.key))).filter(|(alias, key)| {
            !matches!(bind(alias, &Default::default(), &OF_MONITOR), Binding::Bound { key: bound, .. } if bound == *key)
        });
        assert_eq!(lost.collect::<Vec<_>>(), []);
    }
}
