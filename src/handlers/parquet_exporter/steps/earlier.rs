//! The service that a deployment replaces: booted out before anything is touched, loaded again as it was when the deployment
//! is undone.
//!
//! Invariant: a failed deployment leaves the service loaded that was loaded before, or its undo says that it could not.

use std::path::PathBuf;

use super::super::plan::Earlier;
use crate::durable;
use crate::handlers::{Applied, Check, Context, HandlerError, Step, Verified};
use crate::schedule::store::Store;
use crate::services::{ManagerKind, ServiceDefinition, ServiceError};

/// What is loaded under the label of `definition` and is another one. A schedule that nobody runs now is loaded by the next
/// `wo up`, and so counts.
pub fn find(definition: &ServiceDefinition, context: &Context) -> Result<Option<Earlier>, HandlerError> {
    let label = &definition.label;
    let loaded = match context.services.status(label) {
        Ok(status) => status.loaded,
        // no answer is no "no": what is installed may be loaded, and [`Retire`] asks again
        Err(_) => context.services.files(definition).iter().any(|file| file.exists()),
    };
    let waits = registered(label, context)?.is_some_and(|found| found != *definition);
    Ok((loaded || waits)
        .then(|| Earlier { label: label.clone(), plist: context.services.files(definition).into_iter().next() }))
}

/// What the embedded schedule has under this label, whether a `wo up` lives or not.
fn registered(label: &str, context: &Context) -> Result<Option<ServiceDefinition>, HandlerError> {
    if context.services.kind() != ManagerKind::Embedded {
        return Ok(None);
    }
    let found = Store::open_existing(&context.root)
        .and_then(|store| store.map_or(Ok(None), |store| store.registration(label)))
        .map_err(|error| HandlerError::failed(format!("failed to look at the schedule of {label}"), error))?;
    Ok(found.map(|registration| registration.definition))
}

/// Loads what is installed under this label; loud when it can't be.
pub fn load_again(label: &str, context: &Context) -> Result<(), HandlerError> {
    match context.services.status(label) {
        Ok(status) if status.loaded => Ok(()),
        _ => context.services.load(label).map_err(|error| lost(label, error)),
    }
}

fn lost(label: &str, error: impl std::fmt::Display) -> HandlerError {
    HandlerError::failed(
        format!("the service `{label}`, which was loaded before, is NOT loaded any more"),
        format!("{error}; load it by hand: `wo services install {label}`"),
    )
}

pub struct Retire {
    pub earlier: Earlier,
}

const KEPT_MODE: u32 = 0o600;

impl Retire {
    /// A manager without files: what is loaded is kept here.
    fn kept(&self, context: &Context) -> PathBuf {
        let attempt = format!("attempt-{}", context.attempt);
        let name = format!("{}.json", self.earlier.label);
        context.root.backups(&context.order.id).join(attempt).join("old-service").join(name)
    }
}

impl Step for Retire {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let label = &self.earlier.label;
        let waits = registered(label, context)?.is_some();
        match context.services.status(label) {
            Ok(status) if status.loaded => Ok(Check::Needed(format!("{}, not as ordered", status.detail))),
            Ok(_) | Err(ServiceError::NoManager(_)) if waits => {
                Ok(Check::Needed("registered for the next `wo up`, not as ordered".to_owned()))
            }
            Ok(status) => Ok(Check::Already(status.detail)),
            Err(ServiceError::NoManager(why)) => Ok(Check::Already(why)),
            Err(error) => Err(error.into()),
        }
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let label = &self.earlier.label;
        if self.earlier.plist.is_none() {
            let (definition, _) = crate::services::facts::definition(&context.root, &context.program, label)?;
            let bytes = serde_json::to_vec(&definition)
                .map_err(|error| HandlerError::failed(format!("failed to keep the definition of {label}"), error))?;
            durable::write(&self.kept(context), &bytes, KEPT_MODE)?;
        }
        context.services.uninstall(label)?;
        Ok(Applied { after: "booted out".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        match context.services.status(&self.earlier.label) {
            Ok(status) if status.loaded => Ok(Verified::No {
                why: format!("`{}` is still there: {}", self.earlier.label, status.detail),
                measurements: Vec::new(),
            }),
            Ok(_) | Err(ServiceError::NoManager(_)) => Ok(Verified::Yes(Vec::new())),
            Err(error) => Err(error.into()),
        }
    }

    /// Comes last of all: its plist and the scripts that it starts are back.
    fn undo(&self, context: &Context) -> Result<(), HandlerError> {
        let label = &self.earlier.label;
        if self.earlier.plist.is_some() {
            return load_again(label, context);
        }
        let bytes = match std::fs::read(self.kept(context)) {
            Ok(bytes) => bytes,
            // it was never booted out
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(lost(label, error)),
        };
        let definition: ServiceDefinition = serde_json::from_slice(&bytes).map_err(|error| lost(label, error))?;
        match context.services.install(&definition) {
            // as it was: registered, for the next `wo up`
            Ok(()) | Err(ServiceError::NoManager(_)) => Ok(()),
            Err(error) => Err(lost(label, error)),
        }
    }
}
