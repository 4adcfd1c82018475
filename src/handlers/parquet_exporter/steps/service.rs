//! Steps of the service: install it, and see it run of its own accord.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::super::plan::Facts;
use crate::deployed::record::Deployment;
use crate::deployed::render;
use crate::evidence::{Measurement, ServiceRun, StartedBy, Value};
use crate::handlers::{Applied, Check, Context, HandlerError, Step, Verified, patience};
use crate::services::ServiceError;
use crate::verify::parquet;

pub struct Service {
    pub deployment: Deployment,
}

impl Step for Service {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(context.services.files(&render::service(&self.deployment, &context.into())))
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        match context.services.is_installed(&render::service(&self.deployment, &context.into())) {
            Ok(true) => Ok(Check::Already(format!("loaded by {}", context.services.kind()))),
            Ok(false) => Ok(Check::Needed("not loaded as defined".to_owned())),
            Err(ServiceError::NoManager(why)) => Ok(Check::Needed(why)),
            Err(error) => Err(error.into()),
        }
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        match context.services.install(&render::service(&self.deployment, &context.into())) {
            Ok(()) => Ok(Applied { after: format!("loaded by {}", context.services.kind()) }),
            // nothing to be undone: the criteria that need a manager are unmeasured, which is no success
            Err(ServiceError::NoManager(why)) => Ok(Applied { after: format!("not loaded: {why}") }),
            Err(error) => Err(error.into()),
        }
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let label = &self.deployment.label;
        match context.services.is_installed(&render::service(&self.deployment, &context.into())) {
            Ok(works) => {
                let status = context.services.status(label)?;
                let manager = context.services.kind();
                let detail = format!("`{label}` by {manager}: {}", status.detail);
                let how = format!("asked {manager} whether {label} is loaded with this very definition");
                let value = Value::State { works, detail: detail.clone() };
                let measurement = Measurement::new("service.loaded", value, how, context.clock.now()).ok(works);
                Ok(match works {
                    true => Verified::Yes(vec![measurement]),
                    false => Verified::No { why: format!("not loaded: {detail}"), measurements: vec![measurement] },
                })
            }
            Err(ServiceError::NoManager(_)) => Ok(Verified::Yes(Vec::new())),
            Err(error) => Err(error.into()),
        }
    }

    /// Boots it out, whoever was loaded before: what is loaded now is not what its file will say.
    fn undo(&self, context: &Context) -> Result<(), HandlerError> {
        match context.services.uninstall(&self.deployment.label) {
            Err(ServiceError::NoManager(_)) | Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Its file is back. A service that was loaded before is loaded again, by the first step of the plan where that booted
    /// it out.
    fn clear(&self, context: &Context) -> Result<(), HandlerError> {
        let facts = Facts::read(&context.facts)?;
        match facts.earlier.is_none() && facts.loaded.contains(&self.deployment.label) {
            true => super::earlier::load_again(&self.deployment.label, context),
            false => Ok(()),
        }
    }
}

/// Waits, holding no thread, until a run that the manager itself started is known to have ended.
pub struct AutomaticRun {
    pub deployment: Deployment,
}

/// A manager starts a job at load within moments.
const START_WAIT: Duration = Duration::from_secs(30);
/// A run that has begun may take as long as an export of years.
const END_WAIT: Duration = Duration::from_secs(600);
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl AutomaticRun {
    fn runs(&self, context: &Context) -> Result<Option<Vec<ServiceRun>>, HandlerError> {
        match context.services.runs(&self.deployment.label) {
            Ok(runs) => Ok(Some(parquet::service::proven(runs, since(context)?))),
            Err(ServiceError::NoManager(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// When the runs of this deployment begin: a service that was replaced ran before, which says nothing of this one.
pub fn since(context: &Context) -> Result<Option<Timestamp>, HandlerError> {
    let facts = Facts::read(&context.facts)?;
    Ok((facts.installed == Some(false)).then_some(context.attempt_started))
}

const WAIT: &str = "automatic run";

fn own(run: &&ServiceRun) -> bool {
    run.started_by != StartedBy::Kicked
}

impl Step for AutomaticRun {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        Ok(match self.runs(context)? {
            None => Check::Already("no service manager answers: nothing to wait for".to_owned()),
            Some(runs) => match runs.iter().rev().find(own).filter(|run| run.ended.is_some()) {
                Some(run) => Check::Already(format!("it ran at {}", run.started)),
                None => Check::Needed("no run of its own has ended yet".to_owned()),
            },
        })
    }

    /// The manager acts, not this step.
    fn apply(&self, _context: &Context) -> Result<Applied, HandlerError> {
        Ok(Applied { after: "waited for the service manager".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let Some(runs) = self.runs(context)? else { return Ok(Verified::Yes(Vec::new())) };
        let now = context.clock.now();
        let waited = patience::waited(context, WAIT);
        let last = runs.iter().rev().find(own);
        match last {
            Some(run) if run.ended.is_none() && waited < END_WAIT => {
                return Ok(wait(now, "its own run has not ended yet"));
            }
            None if waited < START_WAIT => return Ok(wait(now, "no run of its own yet")),
            _ => patience::forget(context, WAIT),
        }
        let manager = context.services.kind();
        let works = parquet::service::works(&runs);
        let why = match last {
            Some(run) => match run.exit {
                Some(0) => {
                    format!("{manager} started it itself at {}, but a newer run that was kicked failed", run.started)
                }
                Some(exit) => format!("the run that {manager} started at {} ended with {exit}", run.started),
                None => format!("the run that {manager} started at {} has no end", run.started),
            },
            None => format!("{manager} started no run within {} s of loading it", START_WAIT.as_secs()),
        };
        let how = format!("asked {manager} for the runs of {} and who started each", self.deployment.label);
        let value = Value::Runs { manager: manager.to_string(), runs };
        let measurements = vec![Measurement { ok: works, ..Measurement::new("service.runs", value, how, now) }];
        // a run that proves nothing is no failure: its criterion stays unmeasured, with the reason
        Ok(if works == Some(false) { Verified::No { why, measurements } } else { Verified::Yes(measurements) })
    }
}

fn wait(now: Timestamp, why: &str) -> Verified {
    Verified::Wait { until: now.checked_add(LOOK_AGAIN).unwrap_or(now), why: why.to_owned() }
}
