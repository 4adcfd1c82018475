//! The service that a deployment replaces: booted out before anything is touched, loaded again as it was when the deployment
//! is undone. One of another label loses its installed plist too, by which the next login would load it.
//!
//! Invariant: a failed deployment leaves the service loaded that was loaded before, or its undo says that it could not.

use std::path::PathBuf;

use super::super::plan::Earlier;
use crate::durable::{self, DurableError};
use crate::handlers::{Applied, Check, Context, HandlerError, Step, Verified};
use crate::schedule::store::Store;
use crate::services::{ManagerKind, ServiceDefinition, ServiceError};

/// What is loaded under the label of `definition` and is another one. A schedule that nobody runs now is loaded by the next
/// `wo up`, and so counts.
pub fn find(definition: &ServiceDefinition, context: &Context) -> Result<Option<Earlier>, HandlerError> {
    let waits = registered(&definition.label, context)?.is_some_and(|found| found != *definition);
    Ok((waits || is_loaded(definition, context)).then(|| earlier(definition, context)))
}

/// The service under `label`, another one than that of `definition`, where it is loaded.
pub fn find_other(
    label: &str,
    definition: &ServiceDefinition,
    context: &Context,
) -> Result<Option<Earlier>, HandlerError> {
    let other = ServiceDefinition { label: label.to_owned(), ..definition.clone() };
    let waits = registered(label, context)?.is_some();
    Ok((waits || is_loaded(&other, context)).then(|| earlier(&other, context)))
}

fn is_loaded(definition: &ServiceDefinition, context: &Context) -> bool {
    match context.services.status(&definition.label) {
        Ok(status) => status.loaded,
        // no answer is no "no": what is installed may be loaded, and [`Retire`] asks again
        Err(_) => context.services.files(definition).iter().any(|file| file.exists()),
    }
}

fn earlier(definition: &ServiceDefinition, context: &Context) -> Earlier {
    Earlier { label: definition.label.clone(), plist: context.services.files(definition).into_iter().next() }
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
    /// Whether another label takes its place.
    pub is_replaced: bool,
}

const KEPT_MODE: u32 = 0o600;

impl Retire {
    /// A manager without files: what is loaded is kept here.
    fn kept(&self, context: &Context) -> PathBuf {
        let attempt = format!("attempt-{}", context.attempt);
        let name = format!("{}.json", self.earlier.label);
        context.root.backups(&context.order.id).join(attempt).join("old-service").join(name)
    }

    /// The installed plist, where this step removes it and it is there.
    fn removes(&self) -> Option<&PathBuf> {
        self.earlier.plist.as_ref().filter(|plist| self.is_replaced && plist.symlink_metadata().is_ok())
    }
}

impl Step for Retire {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(self.removes().cloned().into_iter().collect())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let label = &self.earlier.label;
        let waits = registered(label, context)?.is_some();
        match context.services.status(label) {
            Ok(status) if status.loaded => Ok(Check::Needed(format!("{}, not as ordered", status.detail))),
            Ok(_) | Err(ServiceError::NoManager(_)) if waits => {
                Ok(Check::Needed("registered for the next `wo up`, not as ordered".to_owned()))
            }
            Ok(status) if self.removes().is_some() => Ok(Check::Needed(format!("{}, and installed", status.detail))),
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
        if let Some(plist) = self.removes() {
            std::fs::remove_file(plist).map_err(DurableError::io("remove", plist))?;
            durable::sync_dir(durable::parent_of(plist))?;
        }
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

    /// Comes last of all: its plist and the scripts that it starts are back, but for what this step removes itself.
    fn undo(&self, context: &Context) -> Result<(), HandlerError> {
        let label = &self.earlier.label;
        if self.earlier.plist.is_some() {
            return if self.is_replaced { Ok(()) } else { load_again(label, context) };
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

    fn clear(&self, context: &Context) -> Result<(), HandlerError> {
        match self.is_replaced && self.earlier.plist.is_some() {
            true => load_again(&self.earlier.label, context),
            false => Ok(()),
        }
    }
}
