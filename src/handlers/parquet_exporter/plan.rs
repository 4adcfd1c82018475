//! The plan of a deployment, as data: which steps, in which order, and why in that order.
//!
//! A service that is replaced is booted out before anything is touched, so that undo, which goes backwards, brings it back
//! when all that it uses is back. Scripts and directories next, for all else uses them; then a dry run, so that a broken
//! deployment changes no data; then the export, the service, the rerun and the service's own run; the verification last,
//! for it looks at everything.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::timing;
use crate::deployed::record::Deployment;
use crate::deployed::render::ScriptRole;
use crate::handlers::place::Bounds;
use crate::handlers::steps::{Steps, list};
use crate::handlers::{HandlerError, Plan, read_facts};
use crate::services::ManagerKind;

/// What a deployment touches as a whole; who looks at all of it waits for its end.
pub const DEPLOYMENT: &str = "deployment:parquet-exporter";

/// What `diagnose` saw; the plan and `undo` depend on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    #[serde(flatten)]
    pub bounds: Bounds,
    pub manager: ManagerKind,
    /// Labels that were loaded before.
    pub loaded: Vec<String>,
    /// The service of that label that the deployment replaces: booted out first, brought back last when it fails.
    #[serde(default)]
    pub earlier: Option<Earlier>,
    /// Whether the service was loaded as it is defined now, so that its earlier runs are this deployment's too; `None` in
    /// plans of before this was looked at.
    #[serde(default)]
    pub installed: Option<bool>,
    /// What an earlier order deployed.
    #[serde(default)]
    pub before: Option<Deployment>,
    /// Why the record of that can't be read.
    #[serde(default)]
    pub unread: Option<String>,
    /// The service of that deployment, where it goes by another label: booted out as well, for both would write the same files.
    #[serde(default)]
    pub replaced: Option<Earlier>,
    /// Directories that are not there yet, relative to the root; undo removes those it made, when they are empty.
    pub missing: Vec<PathBuf>,
}

impl Facts {
    pub fn read(value: &serde_json::Value) -> Result<Facts, HandlerError> {
        read_facts(value)
    }
}

/// A service as it was loaded before the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    pub label: String,
    /// Where its plist is installed; `None` where the manager keeps no files.
    pub plist: Option<PathBuf>,
}

/// What one step is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Work {
    Earlier { earlier: Earlier },
    Replaced { earlier: Earlier },
    Directories { paths: Vec<String> },
    Script { role: ScriptRole, path: String },
    Record,
    Plist { path: String },
    DryRun,
    Export,
    Rerun,
    Service,
    AutomaticRun,
    Verification,
    Deliverables { paths: Vec<String> },
}

/// The parameters of every step of this handler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Params {
    pub deployment: Deployment,
    #[serde(flatten)]
    pub work: Work,
}

pub fn plan(layout: Layout, facts: &Facts) -> Result<Plan, HandlerError> {
    let Layout { deployment, more_plists, others, mut notes, ordered: _ } = layout;
    let service = format!("service:{}", deployment.label);
    let mut steps = Steps::new(|work| Params { deployment: deployment.clone(), work });

    if let Some(why) = &facts.unread {
        notes.push(format!("what was deployed before can't be told, and nothing of it is kept: {why}"));
    }
    if let Some(earlier) = &facts.earlier {
        let describe = format!("boot out `{}` as it is loaded now; it is loaded again if this fails", earlier.label);
        steps.change("old-service", describe, vec![service.clone()], Work::Earlier { earlier: earlier.clone() })?;
    }
    if let Some(earlier) = &facts.replaced {
        let describe = format!(
            "boot out `{}`, the export's service until now, for `{}` takes its place; it is loaded again if this fails",
            earlier.label, deployment.label
        );
        let subjects = vec![format!("service:{}", earlier.label)];
        steps.change("replaced-service", describe, subjects, Work::Replaced { earlier: earlier.clone() })?;
    }
    let log_dir = deployment.log.rsplit_once('/').map(|(dir, _)| dir).unwrap_or(".");
    let directories = vec![deployment.output.clone(), log_dir.to_owned(), deployment.summaries.clone()];
    let describe = format!("make {}", list(&directories));
    steps.change("directories", describe, directories.clone(), Work::Directories { paths: directories })?;
    let scripts = [
        ("exporter", ScriptRole::Exporter, &deployment.exporter, "over `wo export`"),
        ("runner", ScriptRole::Runner, &deployment.runner, "over `wo export`"),
        ("test-script", ScriptRole::TestScript, &deployment.test_script, "over `wo verify parquet`"),
    ];
    for (name, role, path, what) in scripts {
        if let Some(path) = path {
            let describe = format!("write `{path}`, a shim {what}");
            steps.change(name, describe, vec![path.clone()], Work::Script { role, path: path.clone() })?;
        }
    }
    let describe = "record what is deployed where, for `wo verify`".to_owned();
    steps.change("record", describe, vec![DEPLOYMENT.to_owned()], Work::Record)?;
    for (n, path) in [&deployment.plist].into_iter().chain(&more_plists).enumerate() {
        let name = if n == 0 { "plist".to_owned() } else { format!("plist-{}", n + 1) };
        let describe = format!("render the service `{}` into `{path}`", deployment.label);
        steps.change(&name, describe, vec![path.clone()], Work::Plist { path: path.clone() })?;
    }
    let describe = "a dry run: all but the writing must work, and nothing may change".to_owned();
    steps.measure("dry-run", describe, vec![], Work::DryRun)?;
    let data = vec![deployment.output.clone(), deployment.summaries.clone()];
    let describe = format!("export every day that has new reports to `{}/`, with a summary", deployment.output);
    steps.change("export", describe, data.clone(), Work::Export)?;
    let when = timing::in_words(&deployment);
    let describe = format!("install and load the service `{}`, {when} local time", deployment.label);
    steps.change("service", describe, vec![service.clone()], Work::Service)?;
    let describe = "export once more: the same bytes must come out; time, size and rows are taken".to_owned();
    steps.measure("rerun", describe, data, Work::Rerun)?;
    let describe = "wait for a run that the service manager itself starts".to_owned();
    steps.measure("automatic-run", describe, vec![service], Work::AutomaticRun)?;
    if !others.is_empty() {
        notes.push(format!("this handler does not make {}; only whether they are there is measured", list(&others)));
        let describe = format!("look whether {} are there", list(&others));
        steps.measure("deliverables", describe, others.clone(), Work::Deliverables { paths: others })?;
    }
    let describe = "measure everything that is deployed, as `wo verify parquet` does".to_owned();
    steps.measure("verification", describe, vec![], Work::Verification)?;

    Ok(Plan { steps: steps.finish(), keep_on_failure: false, notes })
}
