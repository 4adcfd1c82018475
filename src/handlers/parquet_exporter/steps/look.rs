//! Steps that look: the rendered plist, and the whole verification.

use std::path::PathBuf;

use super::files::recorded;
use super::service::since;
use super::target;
use crate::deployed::record::Deployment;
use crate::deployed::render;
use crate::durable;
use crate::evidence::{Measurement, Value};
use crate::handlers::same_file::same_file;
use crate::handlers::{Applied, Check, Context, HandlerError, Measuring, Step, Verified};
use crate::services::plist;
use crate::verify::artifact::artifact;
use crate::verify::{Finding, Verification, parquet, report};

const PLIST_MODE: u32 = 0o644;
/// Failed checks that are named.
const NAMED: usize = 8;

/// The plist, rendered beneath the root, where it can be read and checked in.
pub struct Plist {
    pub path: String,
    pub deployment: Deployment,
}

impl Step for Plist {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(vec![target(context, &self.path)?])
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let bytes = plist::render(&render::service(&self.deployment, &context.into()));
        same_file(&target(context, &self.path)?, &bytes, PLIST_MODE)
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let bytes = plist::render(&render::service(&self.deployment, &context.into()));
        durable::write(&target(context, &self.path)?, &bytes, PLIST_MODE)?;
        Ok(Applied { after: crate::text::bytes(bytes.len() as u64) })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let at = target(context, &self.path)?;
        Ok(match self.check(context)? {
            Check::Already(detail) => {
                let how = "compared the file with the rendered service, byte for byte";
                let value = Value::State { works: true, detail: format!("`{}`, {detail}", self.path) };
                let measurement = Measurement::new("service.plist", value, how, context.clock.now()).ok(true);
                Verified::Yes(vec![match artifact(&context.root, &at) {
                    Ok(artifact) => measurement.artifact(artifact),
                    Err(_) => measurement,
                }])
            }
            unmet => unmet.into(),
        })
    }
}

/// All checks of `wo verify parquet`, with its report.
pub struct Verify {
    pub deployment: Deployment,
    /// Whether an order deployed it.
    pub deployed: bool,
    /// Whether that is this very order: then the runs of what it replaced are none of its own.
    pub deploys: bool,
}

impl Measuring for Verify {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let (deployment, deployed) = match self.deploys {
            true => (recorded(&self.deployment, context)?, self.deployed),
            false => self.newest(context)?,
        };
        let (summaries, test_script) = (deployment.summaries.clone(), deployment.test_script.clone());
        let verification = parquet::verify(&parquet::Scope {
            root: &context.root,
            config: &context.config,
            services: context.services.as_ref(),
            now: context.clock.now(),
            deployment,
            deployed,
            since: if self.deploys { since(context)? } else { None },
        });
        let place = report::write(&verification, &target(context, &summaries)?)?;
        let mut measurements = verification.measurements();
        let mut failed: Vec<String> = verification
            .with(Finding::Fail)
            .take(NAMED)
            .map(|check| format!("{}: {}", check.title, check.detail))
            .collect();
        let ran = match &test_script {
            Some(script) if deployed && failed.is_empty() => Some(run(&verification, script, context)?),
            _ => None,
        };
        failed.extend(ran.iter().filter(|ran| ran.ok != Some(true)).map(|ran| ran.value.to_string()));
        let tally = tally(&verification, context, &place);
        // all checks may pass, and still no test did where the script that is to make them doesn't
        let is_good = tally.ok == Some(true) && failed.is_empty();
        measurements.push(tally.ok(is_good));
        measurements.extend(ran);
        Ok(match failed.is_empty() {
            true => Verified::Yes(measurements),
            false => Verified::No { why: failed.join("; "), measurements },
        })
    }
}

impl Verify {
    /// What is deployed by now, and whether an order did: since the plan was made another order may have deployed it, for which this
    /// one waited.
    fn newest(&self, context: &Context) -> Result<(Deployment, bool), HandlerError> {
        let found = Deployment::load(&context.root)
            .map_err(|error| HandlerError::failed("failed to find what is deployed", error))?;
        Ok(found.map_or_else(|| (self.deployment.clone(), self.deployed), |found| (found, true)))
    }
}

/// Runs the test script, to see that it prints what was measured. What its checks find is told by [`tally`].
fn run(verification: &Verification, script: &str, context: &Context) -> Result<Measurement, HandlerError> {
    let labels = verification.headline.iter().map(|(label, _)| *label).collect::<Vec<_>>();
    let ran = super::data::run_script(context, script, &["--dry-run"], &labels);
    let (works, detail, printed) = match ran {
        Ok(said) => (true, format!("`{script}` ran and prints {}", labels.join(", ")), figures(&said, &labels)),
        Err(why) => (false, why, Vec::new()),
    };
    let how = "ran the deployed test script and read what it prints";
    let value = Value::State { works, detail };
    let measurement = Measurement::new("exporter.test_script", value, how, context.clock.now());
    let measurement = measurement.ok(works).printed(printed);
    Ok(match artifact(&context.root, &target(context, script)?) {
        Ok(artifact) => measurement.artifact(artifact),
        Err(_) => measurement,
    })
}

/// The lines of an output that begin with one of these labels.
fn figures(output: &str, labels: &[&str]) -> Vec<String> {
    let is_figure = |line: &&str| line.split_once(':').is_some_and(|(label, _)| labels.contains(&label));
    output.lines().filter(is_figure).map(str::to_owned).collect()
}

/// How many checks passed of those that count; what is unmeasured counts and did not pass.
fn tally(verification: &Verification, context: &Context, place: &std::path::Path) -> Measurement {
    let count = |finding| verification.count(finding) as u64;
    let pass = count(Finding::Pass);
    let of = pass + count(Finding::Fail) + count(Finding::Unmeasured);
    let how = format!("the checks of `wo verify parquet`, report `{}`", context.root.show(place));
    let measurement = Measurement::new("verify.checks", Value::Ratio { pass, of }, how, verification.at);
    let figures = verification.headline.iter().map(|(label, value)| format!("{label}: {value}"));
    let printed = figures.chain([verification.tally()]).collect();
    let measurement = measurement.ok(verification.is_good()).printed(printed);
    match artifact(&context.root, place) {
        Ok(artifact) => measurement.artifact(artifact),
        Err(_) => measurement,
    }
}
