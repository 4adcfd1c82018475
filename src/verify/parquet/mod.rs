//! `wo verify parquet`: the deployed Parquet export, measured.
//!
//! The checks and the order they stand in are those of the field's `verify_*.md`. Each speaks of one subject: what it can't
//! see because another subject is broken is unmeasured, so that one fault flips one check.

mod coverage;
mod data;
mod export;
mod files;
mod plist;
pub mod service;
mod summary;
mod written;

use std::path::PathBuf;

use jiff::Timestamp;

pub use export::{export, failed};

use super::{CheckResult, Finding, Verification};
use crate::config::Config;
use crate::deployed::record::Deployment;
use crate::evidence::{Artifact, Measurement, Value};
use crate::root::Root;
use crate::services::ServiceManager;

/// What is verified, and with what.
pub struct Scope<'a> {
    pub root: &'a Root,
    pub config: &'a Config,
    pub services: &'a dyn ServiceManager,
    pub now: Timestamp,
    pub deployment: Deployment,
    /// Whether an order deployed it: then the scripts must be those it wrote.
    pub deployed: bool,
    /// Runs of the service before this are another deployment's.
    pub since: Option<Timestamp>,
}

pub const TITLE: &str = crate::export::VERIFICATION;

/// Measures everything. Changes nothing that stays: whether directories can be written is tried with a file without a name.
pub fn verify(scope: &Scope) -> Verification {
    let mut checks = Vec::new();
    let mut extra = Vec::new();
    let written = written::Written::of(scope);
    let service = service::Seen::look(scope, &written);
    let data = data::Data::look(scope);
    checks.push(service.loaded(scope));
    let plist = plist::look(scope, &written);
    checks.extend(plist.checks);
    let scripts = files::scripts(scope, &written);
    let broken = broken(scope, &scripts);
    checks.extend(scripts);
    checks.extend(files::directories(scope));
    checks.extend(data.checks(scope));
    checks.push(service.next_run(scope));
    checks.extend(service.last_run());
    extra.push(plist.whole);
    extra.push(files::log_file(scope));
    extra.extend(data.measurements(scope));
    extra.extend(service.measurements(scope, broken.as_deref()));
    extra.extend(summary::measurement(scope));
    Verification {
        subject: "parquet",
        title: TITLE,
        at: scope.now,
        root: scope.root.path().to_owned(),
        checks,
        headline: data.headline(),
        extra,
    }
}

/// What is wrong with the script that the service starts, of all that were looked at.
fn broken(scope: &Scope, scripts: &[CheckResult]) -> Option<String> {
    let of = &scope.deployment;
    let id = if of.runner.is_some() { "runner" } else { "exporter" };
    let started = scripts.iter().find(|check| check.id == id && check.finding == Finding::Fail)?;
    Some(started.detail.clone())
}

impl Scope<'_> {
    /// The codec that files are to have, lower case.
    fn compression(&self) -> String {
        self.deployment.codec(self.config).to_lowercase()
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }
}

/// A check that looked: its finding follows from `works`.
fn looked(
    scope: &Scope,
    id: &'static str,
    title: &'static str,
    key: &str,
    works: bool,
    detail: String,
    how: &str,
) -> CheckResult {
    let value = Value::State { works, detail: detail.clone() };
    let measurement = Measurement::new(key, value, how, scope.now).ok(works);
    let finding = if works { Finding::Pass } else { Finding::Fail };
    CheckResult { id, title, finding, detail, measurement: Some(measurement) }
}

/// A check that could not look.
fn unmeasured(id: &'static str, title: &'static str, why: impl Into<String>) -> CheckResult {
    CheckResult { id, title, finding: Finding::Unmeasured, detail: why.into(), measurement: None }
}

impl CheckResult {
    fn artifact(mut self, artifact: Option<Artifact>) -> Self {
        if let (Some(measurement), Some(artifact)) = (&mut self.measurement, artifact) {
            measurement.artifact = Some(artifact);
        }
        self
    }

    /// Replaces the bare state by a value of its kind.
    fn value(mut self, value: Value) -> Self {
        if let Some(measurement) = &mut self.measurement {
            measurement.value = value;
        }
        self
    }
}
