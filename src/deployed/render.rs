//! From a deployed Parquet export to what is written for it: its scripts, its service, and the digests of both.
//!
//! Invariant: the same deployment at the same site gives the same bytes; only the digests look at what is there.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::Deployment;
use super::shims::{self, Language, Unnameable};
use crate::config::Config;
use crate::digest::sha256;
use crate::process::DEFAULT_PATH;
use crate::root::Root;
use crate::services::{ServiceDefinition, Start, plist};

/// Where a deployment is made, and by which `wo`: all that its files depend on beside the deployment itself.
pub struct Site<'a> {
    pub root: &'a Root,
    pub config: &'a Config,
    pub program: &'a Path,
}

/// What a script of the deployment is for; as it stands in stored plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptRole {
    Exporter,
    Runner,
    TestScript,
}

/// The text of a script at `path`.
pub fn script(role: ScriptRole, path: &str, deployment: &Deployment, site: &Site) -> Result<String, Unnameable> {
    let (about, args) = match role {
        ScriptRole::Exporter => ("Parquet exporter: a shim over `wo export`", export_args(deployment, site)),
        ScriptRole::Runner => ("Parquet export runner: a shim over `wo export`", export_args(deployment, site)),
        ScriptRole::TestScript => {
            let about =
                "Parquet exporter test: a shim over `wo verify parquet`, prints Rows, Size, Compression, Validation";
            (about, vec!["verify".to_owned(), "parquet".to_owned()])
        }
    };
    shims::render(Language::of(path), about, site.program, site.root.path(), &args)
}

/// The arguments after `--root ROOT` of a run of the exporter: what the deployment sets otherwise than wo.toml does.
fn export_args(deployment: &Deployment, site: &Site) -> Vec<String> {
    let codec = deployment.compression.iter().flat_map(|codec| ["--compression".to_owned(), codec.clone()]);
    let is_other = Path::new(&deployment.summaries) != site.config.paths.parquet_reports;
    let summaries = is_other.then(|| ["--summaries".to_owned(), deployment.summaries.clone()]).into_iter().flatten();
    std::iter::once("export".to_owned()).chain(codec).chain(summaries).collect()
}

/// The service of this deployment: it starts the deployed runner, else the exporter, else `wo` itself.
pub fn service(deployment: &Deployment, site: &Site) -> ServiceDefinition {
    let root = site.root.path();
    let program = match deployment.runner.as_ref().or(deployment.exporter.as_ref()) {
        Some(script) => vec![site.root.join(script).display().to_string()],
        None => {
            let words = [site.program.display().to_string(), "--root".to_owned(), root.display().to_string()];
            words.into_iter().chain(export_args(deployment, site)).collect()
        }
    };
    let log = site.root.join(&deployment.log);
    ServiceDefinition {
        label: deployment.label.clone(),
        program,
        working_directory: root.to_owned(),
        environment: [("PATH".to_owned(), DEFAULT_PATH.to_owned())].into(),
        start: Start::Calendar { at: deployment.at, weekday: deployment.weekday },
        // a run that the manager itself starts proves that it runs automatically, without waiting for the night
        run_at_load: true,
        stdout: log.clone(),
        stderr: log,
    }
}

/// The SHA-256 of every file that the deployment writes, by its path. A script that is there stands for the `wo` that it
/// names, which may have been another one than `site` has: an order that is finished by a newer program does not write
/// again what is done.
pub fn digests(deployment: &Deployment, site: &Site) -> Result<BTreeMap<String, String>, Unnameable> {
    let scripts = [
        (ScriptRole::Exporter, &deployment.exporter),
        (ScriptRole::Runner, &deployment.runner),
        (ScriptRole::TestScript, &deployment.test_script),
    ];
    let rendered = plist::render(&service(deployment, site));
    let mut digests = BTreeMap::from([(deployment.plist.clone(), sha256(&rendered))]);
    for (role, path) in scripts {
        let Some(path) = path else { continue };
        let named = std::fs::read(site.root.join(path)).ok().and_then(|bytes| shims::program(&bytes));
        let site = Site { program: named.as_deref().unwrap_or(site.program), ..*site };
        digests.insert(path.clone(), sha256(script(role, path, deployment, &site)?.as_bytes()));
    }
    Ok(digests)
}
