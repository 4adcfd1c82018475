//! The steps of a repair.

mod beyond;
mod health;
mod job;
mod proof;
mod settings;
pub(crate) mod verification;

use super::plan::{Params, Work};
use crate::handlers::not_made::NotMade;
use crate::handlers::{HandlerError, Step, StepSpec};

/// The code of a stored step.
pub fn step(spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
    let params: Params = serde_json::from_value(spec.params.clone()).map_err(|error| {
        HandlerError::failed(format!("failed to understand the stored step `{}`", spec.name), error)
    })?;
    let layout = params.layout;
    Ok(match params.work {
        Work::Healthy => Box::new(proof::Healthy),
        Work::Beyond { faults } => Box::new(beyond::Beyond { faults }),
        Work::Redis { fault } => Box::new(settings::Redis { fault }),
        Work::Database { fault } => Box::new(settings::Database { fault }),
        Work::Folders { paths } => Box::new(job::Folders { paths }),
        Work::RetireJob { job } => Box::new(job::Retire { job }),
        Work::RemovePlist { path, link } => Box::new(job::RemovePlist { path: path.into(), link }),
        Work::Plist { path } => Box::new(job::Plist { layout, path }),
        Work::Script { path } => Box::new(job::Script { path }),
        Work::Record => Box::new(job::Record { layout }),
        Work::Loop => Box::new(job::Loop { layout }),
        Work::Proof { repaired, cycles, asked } => {
            Box::new(proof::Proof { repaired, verification: verification::Verification { layout, cycles, asked } })
        }
        Work::Health { wanted_ns } => Box::new(health::Health { wanted_ns }),
        Work::Deliverables { paths } => Box::new(NotMade { paths }),
        Work::Verification { cycles, asked } => Box::new(verification::Verification { layout, cycles, asked }),
    })
}
