//! Steps of the job: folders, the old job out, the loop in.

use std::path::PathBuf;

use super::super::facts::{Facts, OldJob};
use super::super::layout::Layout;
use crate::deployed::record::{MonitorDeployment, VERSION};
use crate::deployed::shims::{self, Language};
use crate::durable::{self, DurableError};
use crate::handlers::place;
use crate::handlers::same_file::same_file;
use crate::handlers::{Applied, Check, Context, HandlerError, Step, Verified};
use crate::services::job::{Job, causes};
use crate::services::{ServiceDefinition, ServiceError, plist};

const SCRIPT_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

fn no(why: String) -> Verified {
    Verified::No { why, measurements: Vec::new() }
}

/// Folders that were missing, parents first.
pub struct Folders {
    pub paths: Vec<String>,
}

impl Step for Folders {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let mut missing = Vec::new();
        for path in &self.paths {
            if !place::target(context, path)?.is_dir() {
                missing.push(format!("`{path}`"));
            }
        }
        Ok(match missing.is_empty() {
            true => Check::Already("all are there".to_owned()),
            false => Check::Needed(format!("missing: {}", missing.join(", "))),
        })
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        for path in &self.paths {
            durable::create_dir_all(&place::target(context, path)?).map_err(|error| match error.is_fatal() {
                true => HandlerError::Durable(error),
                false => HandlerError::failed(format!("failed to make the folder `{path}`"), error),
            })?;
        }
        Ok(Applied { after: "all are there".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        for path in &self.paths {
            let at = place::target(context, path)?;
            if let Err(error) = rustix::fs::access(&at, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
                return Ok(no(format!("`{path}` can't be written: {error}")));
            }
        }
        Ok(Verified::Yes(Vec::new()))
    }

    /// Removes those that are empty again.
    fn undo(&self, context: &Context) -> Result<(), HandlerError> {
        for path in self.paths.iter().rev() {
            let _ = std::fs::remove_dir(context.root.join(path));
        }
        Ok(())
    }
}

/// Boots a job out. Its plist is another step's.
pub struct Retire {
    pub job: OldJob,
}

impl Retire {
    /// A manager without files: what is loaded is kept here, so that undo can load it again.
    fn kept(&self, context: &Context) -> PathBuf {
        let attempt = format!("attempt-{}", context.attempt);
        context.root.backups(&context.order.id).join(attempt).join("old-job").join(format!("{}.json", self.job.label))
    }
}

impl Step for Retire {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        match context.services.status(&self.job.label) {
            Ok(status) if status.loaded => {
                Ok(Check::Needed(format!("{}; {}", status.detail, crate::text::line(&self.job.faults.join("; "), 120))))
            }
            Ok(status) => Ok(Check::Already(status.detail)),
            Err(ServiceError::NoManager(why)) => Ok(Check::Already(why)),
            Err(error) => Err(error.into()),
        }
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let label = &self.job.label;
        if self.job.plist.is_none() {
            let known = crate::services::facts::definition(&context.root, &context.program, label)?;
            let bytes = serde_json::to_vec(&known.0)
                .map_err(|error| HandlerError::failed(format!("failed to keep the definition of {label}"), error))?;
            durable::write(&self.kept(context), &bytes, 0o600)?;
        }
        context.services.uninstall(label)?;
        Ok(Applied { after: "booted out".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        match context.services.status(&self.job.label) {
            Ok(status) if status.loaded => Ok(no(format!("`{}` is still there: {}", self.job.label, status.detail))),
            Ok(_) | Err(ServiceError::NoManager(_)) => Ok(Verified::Yes(Vec::new())),
            Err(error) => Err(error.into()),
        }
    }

    /// Loads it again: what is undone was found loaded by `check`, whatever the diagnosis saw. Its plist was put back before:
    /// the step that removed it comes after this one.
    fn undo(&self, context: &Context) -> Result<(), HandlerError> {
        let label = &self.job.label;
        if self.job.plist.is_some() {
            return Ok(context.services.load(label)?);
        }
        let failed = |why: String| HandlerError::failed(format!("failed to load {label} again"), why);
        let bytes = match std::fs::read(self.kept(context)) {
            Ok(bytes) => bytes,
            // it was never booted out
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error.to_string())),
        };
        let definition: ServiceDefinition =
            serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
        Ok(context.services.install(&definition)?)
    }
}

/// Removes the old job's plist; the engine keeps a copy of it, unless it is a link, whose target stays.
pub struct RemovePlist {
    /// Absolute.
    pub path: PathBuf,
    /// What it is a link to.
    pub link: Option<PathBuf>,
}

impl Step for RemovePlist {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(if self.link.is_some() { Vec::new() } else { vec![self.path.clone()] })
    }

    fn check(&self, _context: &Context) -> Result<Check, HandlerError> {
        Ok(match self.path.symlink_metadata() {
            Ok(metadata) => Check::Needed(crate::text::bytes(metadata.len())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Check::Already("it is gone".to_owned()),
            Err(error) => {
                return Err(HandlerError::failed(format!("failed to look at `{}`", self.path.display()), error));
            }
        })
    }

    fn apply(&self, _context: &Context) -> Result<Applied, HandlerError> {
        std::fs::remove_file(&self.path).map_err(DurableError::io("remove", &self.path))?;
        durable::sync_dir(durable::parent_of(&self.path))?;
        Ok(Applied {
            after: match &self.link {
                Some(target) => format!("removed; what it was a link to, `{}`, stays", target.display()),
                None => "removed; a copy is kept beneath bridge/state/backups".to_owned(),
            },
        })
    }

    /// Makes the link again; a file is put back by the engine.
    fn undo(&self, _context: &Context) -> Result<(), HandlerError> {
        let Some(target) = &self.link else { return Ok(()) };
        match std::os::unix::fs::symlink(target, &self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(HandlerError::failed(format!("failed to make the link `{}` again", self.path.display()), error))
            }
            _ => Ok(durable::sync_dir(durable::parent_of(&self.path))?),
        }
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        self.check(context).map(Verified::from)
    }
}

/// The loop's plist, rendered beneath the root.
pub struct Plist {
    pub layout: Layout,
    pub path: String,
}

impl Step for Plist {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(vec![place::target(context, &self.path)?])
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let bytes = plist::render(&self.layout.definition(context));
        same_file(&place::target(context, &self.path)?, &bytes, FILE_MODE)
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let bytes = plist::render(&self.layout.definition(context));
        durable::write(&place::target(context, &self.path)?, &bytes, FILE_MODE)?;
        Ok(Applied { after: crate::text::bytes(bytes.len() as u64) })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        self.check(context).map(Verified::from)
    }
}

/// The verification script.
pub struct Script {
    pub path: String,
}

impl Script {
    fn text(&self, context: &Context) -> Result<String, HandlerError> {
        let args = ["verify".to_owned(), "monitor".to_owned()];
        let about = "Monitor verification: a shim over `wo verify monitor`";
        Ok(shims::render(Language::of(&self.path), about, &context.program, context.root.path(), &args)?)
    }
}

impl Step for Script {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(vec![place::target(context, &self.path)?])
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        same_file(&place::target(context, &self.path)?, self.text(context)?.as_bytes(), SCRIPT_MODE)
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let text = self.text(context)?;
        durable::write(&place::target(context, &self.path)?, text.as_bytes(), SCRIPT_MODE)?;
        Ok(Applied { after: format!("{}, executable", crate::text::bytes(text.len() as u64)) })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        self.check(context).map(Verified::from)
    }
}

/// What is deployed where, for `wo verify monitor`.
pub struct Record {
    pub layout: Layout,
}

impl Record {
    fn bytes(&self) -> Vec<u8> {
        MonitorDeployment {
            version: VERSION,
            label: self.layout.label.clone(),
            plist: self.layout.plists.first().cloned().unwrap_or_default(),
            script: self.layout.script.clone(),
        }
        .to_bytes()
    }
}

impl Step for Record {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(vec![MonitorDeployment::path(&context.root)])
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        same_file(&MonitorDeployment::path(&context.root), &self.bytes(), FILE_MODE)
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        durable::write(&MonitorDeployment::path(&context.root), &self.bytes(), FILE_MODE)?;
        Ok(Applied { after: "recorded".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        self.check(context).map(Verified::from)
    }
}

/// The loop: `wo monitor`, kept alive by the service manager.
pub struct Loop {
    pub layout: Layout,
}

impl Step for Loop {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(context.services.files(&self.layout.definition(context)))
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        match context.services.is_installed(&self.layout.definition(context)) {
            Ok(true) => Ok(Check::Already(format!("loaded by {}", context.services.kind()))),
            Ok(false) => Ok(Check::Needed("not loaded as defined".to_owned())),
            Err(ServiceError::NoManager(why)) => Ok(Check::Needed(why)),
            Err(error) => Err(error.into()),
        }
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let definition = self.layout.definition(context);
        // what would end it with 78 at once is better said now
        let found: Vec<String> = causes(&Job::of_definition(&definition))
            .into_iter()
            .filter(|cause| cause.found == Some(true))
            .map(|cause| match cause.cure {
                Some(cure) => format!("{} (cure: {cure})", cause.seen),
                None => cause.seen,
            })
            .collect();
        if !found.is_empty() {
            let what = format!("the loop `{}` could not run", definition.label);
            return Err(HandlerError::failed(what, found.join("; ")));
        }
        match context.services.install(&definition) {
            Ok(()) => Ok(Applied { after: format!("loaded by {}", context.services.kind()) }),
            // nothing to be undone: what needs a manager is unmeasured, which is no success
            Err(ServiceError::NoManager(why)) => Ok(Applied { after: format!("not loaded: {why}") }),
            Err(error) => Err(error.into()),
        }
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        match context.services.is_installed(&self.layout.definition(context)) {
            Ok(true) | Err(ServiceError::NoManager(_)) => Ok(Verified::Yes(Vec::new())),
            Ok(false) => Ok(no(format!("`{}` is not loaded as defined", self.layout.label))),
            Err(error) => Err(error.into()),
        }
    }

    fn undo(&self, context: &Context) -> Result<(), HandlerError> {
        if Facts::read(&context.facts)?.loop_loaded == Some(true) {
            return Ok(());
        }
        match context.services.uninstall(&self.layout.label) {
            Err(ServiceError::NoManager(_)) | Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
