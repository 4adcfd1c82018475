//! `verification`: measures a deployed thing again, for an order or for a template that was dropped with one.
//!
//! Invariant: it changes nothing but its own report.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::parquet_exporter::declarations::DECLARATIONS;
use super::parquet_exporter::steps::look::Verify;
use super::{Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec};
use crate::config::Config;
use crate::evidence::Declaration;
use crate::order::Order;
use crate::verify::deployment::Deployment;

/// What this handler measures, and what heartbeats do.
static DECLARED: LazyLock<Vec<Declaration>> = LazyLock::new(|| super::heartbeats::join(DECLARATIONS));

pub static DESCRIPTOR: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    name: "verification",
    about: "measures what is deployed again and fills the verification report",
    id_patterns: &["WO-*-VERIFICATION*", "WO-*-VERIFY*", "WO-*_VERIFICATION*", "WO-*_VERIFY*"],
    service_labels: &[],
    deliverable_paths: &[],
    measurements: &DECLARED,
    default_criteria: &[("Verification", "All pass")],
    default_template: Some("PHASE7_8_VERIFICATION_TEMPLATE"),
});

pub struct Verification;

impl Handler for Verification {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn diagnose(&self, _order: &Order, context: &Context) -> Result<serde_json::Value, HandlerError> {
        let recorded = Deployment::load(&context.root)
            .map_err(|error| HandlerError::failed("failed to find what is deployed", error))?;
        let facts = Facts {
            deployed: recorded.is_some(),
            deployment: recorded.unwrap_or_else(|| Deployment::standard(&context.config)),
        };
        serde_json::to_value(facts).map_err(|error| HandlerError::failed("failed to write down the facts", error))
    }

    fn plan(&self, order: &Order, facts: &serde_json::Value, _config: &Config) -> Result<Plan, HandlerError> {
        let spec = StepSpec {
            name: "verification".to_owned(),
            describe: "measure everything that is deployed, as `wo verify parquet` does".to_owned(),
            subjects: vec!["verification:parquet".to_owned()],
            params: facts.clone(),
            deadline_s: None,
            measures_only: true,
        };
        let mut plan = Plan { steps: vec![spec], keep_on_failure: true, notes: Vec::new() };
        super::heartbeats::append(&mut plan, order, &DECLARED);
        Ok(plan)
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        if let Some(step) = super::heartbeats::step(spec) {
            return Ok(step);
        }
        let facts: Facts = serde_json::from_value(spec.params.clone())
            .map_err(|error| HandlerError::failed("failed to understand the stored step", error))?;
        Ok(Box::new(Verify { deployment: facts.deployment, deployed: facts.deployed }))
    }

    fn recognize_command(&self, context: &Context, words: &[String]) -> Option<String> {
        super::parquet_exporter::commands::key(context, words)
    }

    fn reference(&self, _order: &Order) -> Vec<String> {
        vec!["wo verify parquet".to_owned()]
    }
}

/// What is verified, found before the plan.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Facts {
    deployed: bool,
    deployment: Deployment,
}
