//! The steps of a deployment, one file a kind.

mod compare;
mod data;
pub mod earlier;
pub(crate) mod files;
pub mod look;
pub mod service;

use std::path::PathBuf;

use super::plan::{Params, Work};
use crate::handlers::not_made::NotMade;
use crate::handlers::{Context, HandlerError, Step, StepSpec};

/// The code of a stored step.
pub fn step(spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
    let params: Params = serde_json::from_value(spec.params.clone()).map_err(|error| {
        HandlerError::failed(format!("failed to understand the stored step `{}`", spec.name), error)
    })?;
    let deployment = params.deployment;
    Ok(match params.work {
        Work::Earlier { earlier } => Box::new(earlier::Retire { earlier, is_replaced: false }),
        Work::Replaced { earlier } => Box::new(earlier::Retire { earlier, is_replaced: true }),
        Work::Directories { paths } => Box::new(files::Directories { paths }),
        Work::Script { role, path } => Box::new(files::Script { role, path, deployment }),
        Work::Record => Box::new(files::Record { deployment }),
        Work::Service => Box::new(service::Service { deployment }),
        Work::AutomaticRun => Box::new(service::AutomaticRun { deployment }),
        Work::Plist { path } => Box::new(look::Plist { path, deployment }),
        Work::DryRun => Box::new(data::DryRun { deployment }),
        Work::Export => Box::new(data::Export { deployment }),
        Work::Rerun => Box::new(data::Rerun { deployment }),
        Work::Deliverables { paths } => Box::new(NotMade { paths }),
        Work::Verification => Box::new(look::Verify { deployment, deployed: true, deploys: true }),
    })
}

/// A path relative to the root, beneath it also when links are followed.
fn target(context: &Context, relative: &str) -> Result<PathBuf, HandlerError> {
    crate::handlers::place::target(context, relative)
}
