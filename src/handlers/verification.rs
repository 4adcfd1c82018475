//! `verification`: measures a deployed thing again, for an order or for a template that was dropped with one.
//!
//! Invariant: it changes nothing but its own report.

use super::parquet_exporter::declarations::DECLARATIONS;
use super::{Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec};
use crate::config::Config;
use crate::order::Order;

pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "verification",
    about: "measures what is deployed again and fills the verification report",
    id_patterns: &["WO-*-VERIFICATION*", "WO-*-VERIFY*", "WO-*_VERIFICATION*", "WO-*_VERIFY*"],
    service_labels: &[],
    deliverable_paths: &[],
    measurements: DECLARATIONS,
    default_criteria: &[("Verification", "All pass")],
    default_template: Some("PHASE7_8_VERIFICATION_TEMPLATE"),
};

pub struct Verification;

impl Handler for Verification {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn diagnose(&self, _order: &Order, _context: &Context) -> Result<serde_json::Value, HandlerError> {
        Err(HandlerError::Refused("verification cannot measure yet".to_owned()))
    }

    fn plan(&self, _order: &Order, _facts: &serde_json::Value, _config: &Config) -> Result<Plan, HandlerError> {
        Err(HandlerError::Refused("verification cannot measure yet".to_owned()))
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        Err(HandlerError::Refused(format!("verification has no step `{}`", spec.name)))
    }
}
