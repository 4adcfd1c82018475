//! The monitor, measured as `wo verify monitor` does.

use std::sync::Arc;

use serde::Deserialize;

use crate::deployed::record::{LOOP_LABEL, MonitorDeployment};
use crate::evidence::{Declaration, Measurement, Value};
use crate::handlers::monitor_fix::{self, steps};
use crate::handlers::{Context, HandlerError, Measuring, Step, StepSpec, Verified};
use crate::verify::artifact::artifact;
use crate::verify::{Finding, monitor, report};

const NAME: &str = "monitor-verification";

/// What it measures: all that a repair does, but for the plist that the repair writes.
pub fn declarations() -> Vec<Declaration> {
    let own = monitor_fix::declarations::DECLARATIONS.iter();
    own.filter(|declaration| declaration.key != "service.plist").copied().collect()
}

/// `is_all`: the order is about nothing else, so that what it calls its verification is this one.
pub fn spec(is_all: bool, asked: &[String]) -> StepSpec {
    StepSpec {
        name: NAME.to_owned(),
        describe: "measure Redis, the database and the heartbeats, as `wo verify monitor` does".to_owned(),
        subjects: vec!["verification:monitor".to_owned(), monitor_fix::plan::DEPLOYMENT.to_owned()],
        params: serde_json::json!({ "is_all": is_all, "asked": asked }),
        deadline_s: None,
        measures_only: true,
    }
}

/// The code of the step, when this is it.
pub fn step(spec: &StepSpec) -> Result<Option<Box<dyn Step>>, HandlerError> {
    if spec.name != NAME {
        return Ok(None);
    }
    let look = match &spec.params {
        // a plan of before what is asked was stored
        serde_json::Value::Bool(is_all) => Look { is_all: *is_all, asked: Vec::new() },
        params => serde_json::from_value(params.clone())
            .map_err(|error| HandlerError::failed("failed to understand the stored step", error))?,
    };
    Ok(Some(Box::new(look)))
}

#[derive(Deserialize)]
struct Look {
    is_all: bool,
    /// Measurements that criteria ask for.
    asked: Vec<String>,
}

impl Measuring for Look {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let deployed = MonitorDeployment::load(&context.root)
            .map_err(|error| HandlerError::failed("failed to find what is deployed", error))?;
        let verification = monitor::verify(&monitor::Scope {
            root: &context.root,
            config: &context.config,
            clock: Arc::clone(&context.clock),
            services: Arc::clone(&context.services),
            label: deployed.as_ref().map_or(LOOP_LABEL, |deployed| deployed.label.as_str()),
            since: None,
            cycles: monitor::CYCLES,
            asked: &self.asked,
        });
        let place = report::write(&verification, &context.root.join(monitor::reports(&context.config)))?;
        let script = deployed.as_ref().and_then(|deployed| deployed.script.as_deref());
        let (exit, trouble) = steps::verification::script(script, context);
        let mut measurements = verification.measurements();
        let count = |finding| verification.count(finding) as u64;
        let of = verification.of() as u64;
        // a script that doesn't work has verified nothing
        let pass = if trouble.is_none() { count(Finding::Pass) } else { 0 };
        let ran = script.map(|script| format!("ran `{script}`; ")).unwrap_or_default();
        let how = format!("{ran}the checks of `wo verify monitor`, report `{}`", context.root.show(&place));
        let keys = ["monitor.verification", "verify.checks"];
        for key in keys.into_iter().take(if self.is_all { 2 } else { 1 }) {
            let tally =
                Measurement::new(key, Value::Ratio { pass, of }, how.clone(), verification.at).ok(pass == of && of > 0);
            measurements.push(match artifact(&context.root, &place) {
                Ok(artifact) => tally.artifact(artifact),
                Err(_) => tally,
            });
        }
        measurements.extend(exit);
        let wrong: Vec<String> = verification
            .with(Finding::Fail)
            .chain(verification.with(Finding::Unmeasured))
            .map(|check| format!("{}: {}", check.title, check.detail))
            .chain(trouble)
            .collect();
        Ok(match wrong.is_empty() {
            true => Verified::Yes(measurements),
            false => Verified::No { why: wrong.join("; "), measurements },
        })
    }
}
