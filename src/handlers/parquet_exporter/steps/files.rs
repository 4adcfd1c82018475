//! Steps that make directories and write whole files: scripts and the deployment record.

use std::path::PathBuf;

use super::super::plan::Facts;
use super::target;
use crate::deployed::record::Deployment;
use crate::deployed::render::{self, ScriptRole};
use crate::durable;
use crate::evidence::{Measurement, Value};
use crate::handlers::same_file::same_file;
use crate::handlers::{Applied, Check, Context, HandlerError, Step, Verified};
use crate::verify::artifact::artifact;

pub struct Directories {
    pub paths: Vec<String>,
}

impl Step for Directories {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let mut missing = Vec::new();
        for path in &self.paths {
            let at = target(context, path)?;
            if at.symlink_metadata().is_ok() && !at.is_dir() {
                return Err(HandlerError::Refused(format!(
                    "`{path}` is in the way: it is not a directory\nhint: move it elsewhere"
                )));
            }
            if !at.is_dir() {
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
            durable::create_dir_all(&target(context, path)?)?;
        }
        Ok(Applied { after: "all are there".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        for path in &self.paths {
            let at = target(context, path)?;
            if let Err(error) = rustix::fs::access(&at, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
                return Ok(Verified::No {
                    why: format!("`{path}` can't be written: {error}"),
                    measurements: Vec::new(),
                });
            }
        }
        Ok(Verified::Yes(Vec::new()))
    }

    /// Removes what was not there before and is empty again.
    fn undo(&self, context: &Context) -> Result<(), HandlerError> {
        let facts = Facts::read(&context.facts)?;
        // children before their parents
        for path in facts.missing.iter().rev() {
            let _ = std::fs::remove_dir(context.root.join(path));
        }
        Ok(())
    }
}

pub struct Script {
    pub role: ScriptRole,
    pub path: String,
    pub deployment: Deployment,
}

const SCRIPT_MODE: u32 = 0o755;

impl Script {
    fn text(&self, context: &Context) -> Result<String, HandlerError> {
        Ok(render::script(self.role, &self.path, &self.deployment, &context.into())?)
    }

    fn key(&self) -> &'static str {
        match self.role {
            ScriptRole::Exporter => "exporter.script",
            ScriptRole::Runner => "exporter.runner",
            ScriptRole::TestScript => "exporter.test_script",
        }
    }
}

impl Step for Script {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(vec![target(context, &self.path)?])
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        same_file(&target(context, &self.path)?, self.text(context)?.as_bytes(), SCRIPT_MODE)
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let text = self.text(context)?;
        durable::write(&target(context, &self.path)?, text.as_bytes(), SCRIPT_MODE)?;
        Ok(Applied { after: format!("{}, executable", crate::text::bytes(text.len() as u64)) })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let at = target(context, &self.path)?;
        verified(same_file(&at, self.text(context)?.as_bytes(), SCRIPT_MODE)?, |detail| {
            let how = "compared the file with its shim, byte for byte, and its mode";
            let value = Value::State { works: true, detail };
            let measurement = Measurement::new(self.key(), value, how, context.clock.now()).ok(true);
            Ok(match artifact(&context.root, &at) {
                Ok(artifact) => measurement.artifact(artifact),
                Err(error) => return Err(HandlerError::failed(format!("failed to read `{}`", self.path), error)),
            })
        })
    }
}

/// The deployment as it is recorded.
pub fn recorded(deployment: &Deployment, context: &Context) -> Result<Deployment, HandlerError> {
    Ok(Deployment { sha256: render::digests(deployment, &context.into())?, ..deployment.clone() })
}

pub struct Record {
    pub deployment: Deployment,
}

const RECORD_MODE: u32 = 0o644;

impl Step for Record {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(vec![Deployment::path(&context.root)])
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let bytes = recorded(&self.deployment, context)?.to_bytes();
        same_file(&Deployment::path(&context.root), &bytes, RECORD_MODE)
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        recorded(&self.deployment, context)?.store(&context.root)?;
        Ok(Applied { after: "recorded".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        self.check(context).map(Verified::from)
    }
}

/// From a check's result to a step's.
fn verified(
    check: Check,
    measure: impl FnOnce(String) -> Result<Measurement, HandlerError>,
) -> Result<Verified, HandlerError> {
    Ok(match check {
        Check::Already(detail) => Verified::Yes(vec![measure(detail)?]),
        unmet => unmet.into(),
    })
}
