//! `parquet-exporter`: deploys the heartbeat → Parquet export and measures it (orders such as
//! `WO-251029-PARQUET-EXPORTER`).
//!
//! Invariant: what is measured comes from the very checks of `wo verify parquet`; a deployment adds only what needs a
//! run of its own (dry run, export, rerun).

mod before;
pub mod codec;
pub mod commands;
pub mod declarations;
pub mod layout;
mod period;
pub mod plan;
mod said;
pub mod steps;
pub mod timing;
mod wishes;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use layout::Layout;
use plan::Facts;

use super::place::Bounds;
use super::{Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec, Unmet};
use crate::config::Config;
use crate::deployed::record::{Deployment, EXPORT_LABEL};
use crate::deployed::render;
use crate::evidence::Vocabulary;
use crate::order::{Criterion, Order};
use crate::root::Root;

/// What this handler measures, and what heartbeats do.
static DECLARED: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(super::heartbeats::join(declarations::DECLARATIONS)));

pub static DESCRIPTOR: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    name: "parquet-exporter",
    about: "deploys the export of heartbeats to Parquet: scripts, daily service, first export, verification",
    id_patterns: &["WO-*-PARQUET-EXPORTER*", "WO-*-PARQUET_EXPORTER*"],
    service_labels: &[EXPORT_LABEL],
    deliverable_paths: &[
        "run/parquet_exporter.cjs",
        "scripts/analytics/run_parquet_exporter.zsh",
        "scripts/analytics/test_parquet_exporter.zsh",
        "launchd/com.02luka.analytics.parquet.plist",
        "~/Library/LaunchAgents/com.02luka.analytics.parquet.plist",
        // what it writes, with an id that fits
        "*g/analytics/*ops_atomic_*.parquet",
        "*g/reports/*parquet_export_summary_*.md",
        "*g/logs/*parquet*.log",
    ],
    measurements: &DECLARED,
    default_criteria: &[
        ("Export frequency", "1× daily (02:30)"),
        ("File size", "≤ 5 MB"),
        ("Rows", "> 0"),
        ("Validation time", "< 2 s"),
        ("Schema mismatches", "0"),
        ("LaunchAgent", "loads & runs automatically"),
    ],
    default_template: Some("PHASE7_8_VERIFICATION_TEMPLATE"),
});

pub struct ParquetExporter;

/// The part of [`Facts`] that tells how an order is laid out.
#[derive(serde::Serialize, serde::Deserialize)]
struct Known {
    #[serde(flatten)]
    bounds: Bounds,
    #[serde(default)]
    before: Option<Deployment>,
}

fn bounds(root: &Path) -> Bounds {
    Bounds { root: root.to_owned(), home: std::env::var_os("HOME").map(Into::into) }
}

impl Handler for ParquetExporter {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn diagnose(&self, order: &Order, context: &Context) -> Result<serde_json::Value, HandlerError> {
        let root = &context.root;
        let bounds = bounds(root.path());
        let (before, unread) = match Deployment::load(root) {
            Ok(before) => (before, None),
            // this order writes it anew
            Err(error) => (None, Some(error.to_string().replace('\n', "; "))),
        };
        let layout = layout::layout(order, &context.config, &bounds, before.as_ref())?;
        let label = layout.deployment.label.clone();
        let loaded = context.services.status(&label).is_ok_and(|status| status.loaded);
        let definition = render::service(&layout.deployment, &context.into());
        let installed = context.services.is_installed(&definition).is_ok_and(|installed| installed);
        let replaced = match before::replaced(before.as_ref(), &layout.deployment, order, &bounds) {
            Some(label) => steps::earlier::find_other(label, &definition, context)?,
            None => None,
        };
        let facts = Facts {
            manager: context.services.kind(),
            loaded: if loaded { vec![label] } else { Vec::new() },
            earlier: if installed { None } else { steps::earlier::find(&definition, context)? },
            installed: Some(installed),
            before,
            unread,
            replaced,
            missing: missing_dirs(&layout, root),
            bounds,
        };
        serde_json::to_value(facts).map_err(|error| HandlerError::failed("failed to write down the facts", error))
    }

    fn plan(
        &self,
        order: &Order,
        criteria: &[Criterion],
        facts: &serde_json::Value,
        config: &Config,
    ) -> Result<Plan, HandlerError> {
        let facts = Facts::read(facts)?;
        let layout = layout::layout(order, config, &facts.bounds, facts.before.as_ref())?;
        let mut plan = plan::plan(layout, &facts)?;
        super::heartbeats::append(&mut plan, &super::asked(order, criteria, &DECLARED));
        plan.notes.push(format!("the service manager here is {}", facts.manager));
        Ok(plan)
    }

    fn glance(&self, root: Option<&Root>) -> serde_json::Value {
        let bounds = bounds(root.map_or(Path::new("/"), Root::path));
        // a record that can't be read is told by the plan
        let before = root.and_then(|root| Deployment::load(root).ok().flatten());
        serde_json::to_value(Known { bounds, before }).unwrap_or_default()
    }

    fn asked(&self, order: &Order, facts: &serde_json::Value, config: &Config) -> Vec<(&'static str, String)> {
        let laid = super::read_facts::<Known>(facts)
            .and_then(|known| layout::layout(order, config, &known.bounds, known.before.as_ref()));
        let (when, codec) =
            laid.map_or((None, None), |laid| (laid.ordered, Some(codec::target(&laid.deployment, config))));
        let unmet = self.unmet(order);
        let unmet = |key: &str| unmet.iter().find(|one| one.key == key).map(|one| one.target.clone());
        let when = unmet("export.frequency").or(when);
        let codec = unmet("export.compression").or(codec);
        let asked = [("export.frequency", when.clone()), ("export.schedule", when), ("export.compression", codec)];
        asked.into_iter().filter_map(|(key, target)| Some((key, target?))).collect()
    }

    fn unmet(&self, order: &Order) -> Vec<Unmet> {
        wishes::unmet(order)
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        super::heartbeats::step(spec).map_or_else(|| steps::step(spec), Ok)
    }

    fn recognize_command(&self, context: &Context, words: &[String]) -> Option<String> {
        commands::key(context, words)
    }

    fn reference(&self, _order: &Order) -> Vec<String> {
        [
            "wo verify parquet",
            "wo export --dry-run",
            "wo query \"SELECT status, count(*) FROM heartbeats GROUP BY status\"",
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

/// Directories that the deployment makes and that are not there yet, parents first, relative to the root.
fn missing_dirs(layout: &Layout, root: &Root) -> Vec<PathBuf> {
    let deployment = &layout.deployment;
    let files = [&deployment.exporter, &deployment.runner, &deployment.test_script].into_iter().flatten();
    let files = files.chain([&deployment.log, &deployment.plist]).chain(&layout.more_plists);
    let parents = files.filter_map(|file| Path::new(file).parent());
    let mut missing = Vec::new();
    for dir in [Path::new(&deployment.output), Path::new(&deployment.summaries)].into_iter().chain(parents) {
        let mut above: Vec<&Path> = dir.ancestors().filter(|dir| !dir.as_os_str().is_empty()).collect();
        above.reverse();
        for dir in above {
            if root.join(dir).symlink_metadata().is_err() && !missing.contains(&dir.to_owned()) {
                missing.push(dir.to_owned());
            }
        }
    }
    missing
}
