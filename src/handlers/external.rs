//! External handlers: `[handlers.NAME] command = ["/abs/program", "arg"]` gets the order as JSON on stdin and answers JSON
//! lines.
//!
//! Invariant: what such a program claims is recorded as a claim and is never a [`Measurement`](crate::evidence::Measurement).

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex};

use super::{Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec};
use crate::config::{Config, ExternalHandler};
use crate::order::Order;

pub struct External {
    descriptor: &'static Descriptor,
}

impl External {
    pub fn new(name: &str, _settings: &ExternalHandler) -> Self {
        External { descriptor: descriptor(name) }
    }
}

/// One descriptor a name for the life of the process: names come from `wo.toml`, so there are few.
fn descriptor(name: &str) -> &'static Descriptor {
    static KNOWN: LazyLock<Mutex<BTreeMap<String, &'static Descriptor>>> = LazyLock::new(Default::default);
    let mut known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    known.entry(name.to_owned()).or_insert_with(|| {
        Box::leak(Box::new(Descriptor {
            name: Box::leak(name.to_owned().into_boxed_str()),
            about: "an external program; what it says is a claim, not a measurement",
            id_patterns: &[],
            service_labels: &[],
            deliverable_paths: &[],
            measurements: &[],
            default_criteria: &[],
            default_template: None,
        }))
    })
}

impl Handler for External {
    fn descriptor(&self) -> &Descriptor {
        self.descriptor
    }

    fn diagnose(&self, _order: &Order, _context: &Context) -> Result<serde_json::Value, HandlerError> {
        Err(HandlerError::Refused("external handlers cannot run yet".to_owned()))
    }

    fn plan(&self, _order: &Order, _facts: &serde_json::Value, _config: &Config) -> Result<Plan, HandlerError> {
        Err(HandlerError::Refused("external handlers cannot run yet".to_owned()))
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        Err(HandlerError::Refused(format!("{} has no step `{}`", self.descriptor.name, spec.name)))
    }
}
