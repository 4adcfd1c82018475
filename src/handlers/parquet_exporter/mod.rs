//! `parquet-exporter`: deploys the heartbeat → Parquet export and measures it (orders such as
//! `WO-251029-PARQUET-EXPORTER`).
//!
//! Invariant: what is measured comes from the very checks of `wo verify parquet`; a deployment adds only what needs a
//! run of its own (dry run, export, rerun).

pub mod declarations;
pub mod layout;
pub mod place;
pub mod plan;
pub mod shims;
mod steps;

use super::{Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec};
use crate::config::Config;
use crate::order::Order;

/// The label of the service, unless the order lists another plist.
pub const LABEL: &str = "com.02luka.analytics.parquet";

pub const DESCRIPTOR: Descriptor = Descriptor {
    name: "parquet-exporter",
    about: "deploys the export of heartbeats to Parquet: scripts, daily service, first export, verification",
    id_patterns: &["WO-*-PARQUET-EXPORTER*", "WO-*-PARQUET_EXPORTER*"],
    service_labels: &[LABEL],
    deliverable_paths: &[
        "run/parquet_exporter.cjs",
        "scripts/analytics/run_parquet_exporter.zsh",
        "scripts/analytics/test_parquet_exporter.zsh",
        "launchd/com.02luka.analytics.parquet.plist",
        "~/Library/LaunchAgents/com.02luka.analytics.parquet.plist",
    ],
    measurements: declarations::DECLARATIONS,
    default_criteria: &[
        ("Export frequency", "1× daily (02:30)"),
        ("File size", "≤ 5 MB"),
        ("Rows", "> 0"),
        ("Validation time", "< 2 s"),
        ("Schema mismatches", "0"),
        ("LaunchAgent", "loads & runs automatically"),
    ],
    default_template: Some("PHASE7_8_VERIFICATION_TEMPLATE"),
};

pub struct ParquetExporter;

impl Handler for ParquetExporter {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn diagnose(&self, _order: &Order, _context: &Context) -> Result<serde_json::Value, HandlerError> {
        Err(HandlerError::Refused("parquet-exporter cannot deploy yet".to_owned()))
    }

    fn plan(&self, _order: &Order, _facts: &serde_json::Value, _config: &Config) -> Result<Plan, HandlerError> {
        Err(HandlerError::Refused("parquet-exporter cannot deploy yet".to_owned()))
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        Err(HandlerError::Refused(format!("parquet-exporter has no step `{}`", spec.name)))
    }
}
