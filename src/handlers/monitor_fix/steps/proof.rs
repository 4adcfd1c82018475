//! The proof: two heartbeats of the loop, and the verification of everything. Nothing here changes anything.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::facts::{self, Facts};
use super::super::layout::Layout;
use crate::config::Config;
use crate::evidence::{Measurement, Value};
use crate::handlers::{Applied, Check, Context, HandlerError, Step, Verified, patience};
use crate::monitor::checks::State;
use crate::services::lint::{FileFacts, lint_plist};
use crate::verify::artifact::artifact;
use crate::verify::monitor::{self, Scope, proof_checks};
use crate::verify::{Finding, report};

/// Nothing was wrong at the diagnosis.
pub struct Healthy;

impl Step for Healthy {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let config = facts::settings(context)?;
        let names: Vec<String> = proof_checks(&config).into_iter().map(|check| check.name).collect();
        let cycle = facts::look(context, &config)?;
        let mut said = Vec::new();
        for observed in cycle.observed.iter().filter(|observed| names.contains(&observed.name)) {
            if observed.finding.state == State::Error {
                return Ok(Check::Needed(format!("{}: {}", observed.name, observed.finding.message)));
            }
            said.push(format!("{}: {}", observed.name, observed.finding.message));
        }
        Ok(Check::Already(said.join("; ")))
    }

    fn apply(&self, _context: &Context) -> Result<Applied, HandlerError> {
        let why = "it was well when it was diagnosed and is no longer\nhint: `wo retry` diagnoses anew";
        Err(HandlerError::failed("failed to find the monitor healthy", why))
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        Ok(match self.check(context)? {
            Check::Already(_) => Verified::Yes(Vec::new()),
            Check::Needed(why) | Check::Unknown(why) => Verified::No { why, measurements: Vec::new() },
        })
    }
}

/// Waits, holding no thread, for two heartbeats of the loop.
pub struct Proof {
    /// Checks that were repaired, which must be green. What was red before and no repair of ours is no fault of the loop.
    pub repaired: Vec<String>,
}

const WAIT: &str = "two heartbeats";
/// After so many intervals and this long, the loop is given up.
const INTERVALS: u32 = 6;
const SETTLE: Duration = Duration::from_secs(60);

impl Step for Proof {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, _context: &Context) -> Result<Check, HandlerError> {
        Ok(Check::Needed("not proven yet".to_owned()))
    }

    fn apply(&self, _context: &Context) -> Result<Applied, HandlerError> {
        Ok(Applied { after: "waited for the loop".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let config = facts::settings(context)?;
        let facts = Facts::read(&context.facts)?;
        let names = match facts.is_healthy() {
            true => proof_checks(&config).into_iter().map(|check| check.name).collect(),
            false => self.repaired.clone(),
        };
        let now = context.clock.now();
        let since = since(&facts, context);
        let why = match monitor::pair(&context.root, &config, since, &names, now) {
            Ok(_) => {
                patience::forget(context, WAIT);
                // what the two heartbeats say is measured with the verification, on the state at the end
                return Ok(Verified::Yes(Vec::new()));
            }
            Err(why) => why,
        };
        let interval = Duration::from_nanos(config.monitor.interval_ns());
        if patience::waited(context, WAIT) < interval * INTERVALS + SETTLE {
            return Ok(Verified::Wait { until: next_look(context, &config, now), why });
        }
        patience::forget(context, WAIT);
        Ok(Verified::No { why: format!("the loop is not proven: {why}"), measurements: Vec::new() })
    }
}

/// Only heartbeats after the repair prove it.
fn since(facts: &Facts, context: &Context) -> Option<Timestamp> {
    (!facts.is_healthy()).then_some(context.attempt_started)
}

/// A moment after the next heartbeat is due; soon, when none is known.
fn next_look(context: &Context, config: &Config, now: Timestamp) -> Timestamp {
    let interval = Duration::from_nanos(config.monitor.interval_ns());
    let shortly = (interval / 4).clamp(Duration::from_millis(200), Duration::from_secs(5));
    let newest = monitor::beats(&context.root, config).last().map(|beat| beat.timestamp);
    let due = newest.and_then(|at| at.checked_add(interval + Duration::from_millis(200)).ok());
    due.filter(|due| *due > now).or_else(|| now.checked_add(shortly).ok()).unwrap_or(now)
}

/// All checks of `wo verify monitor`, with its report.
pub struct Verification {
    pub layout: Layout,
}

impl Step for Verification {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, _context: &Context) -> Result<Check, HandlerError> {
        Ok(Check::Needed("not measured yet".to_owned()))
    }

    fn apply(&self, _context: &Context) -> Result<Applied, HandlerError> {
        Ok(Applied { after: "measured".to_owned() })
    }

    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        let config = facts::settings(context)?;
        let facts = Facts::read(&context.facts)?;
        let verification = monitor::verify(&Scope {
            root: &context.root,
            config: &config,
            clock: Arc::clone(&context.clock),
            services: Arc::clone(&context.services),
            label: &self.layout.label,
            since: since(&facts, context),
        });
        let place = report::write(&verification, &context.root.join(monitor::reports(&config)))?;
        let mut measurements: Vec<Measurement> = verification
            .checks
            .iter()
            .filter_map(|check| check.measurement.clone())
            .chain(verification.extra.iter().cloned())
            .collect();
        let mut wrong: Vec<String> = verification
            .with(Finding::Fail)
            .chain(verification.with(Finding::Unmeasured))
            .map(|check| format!("{}: {}", check.title, check.detail))
            .collect();
        let (tally, trouble) = self.tally(&verification, &place, context);
        measurements.push(tally);
        wrong.extend(trouble);
        measurements.extend(self.plist(context));
        Ok(match wrong.is_empty() {
            true => Verified::Yes(measurements),
            false => Verified::No { why: wrong.join("; "), measurements },
        })
    }
}

impl Verification {
    /// How many checks passed. Where the order lists a script, it is that script's run that counts.
    fn tally(
        &self,
        verification: &crate::verify::Verification,
        place: &std::path::Path,
        context: &Context,
    ) -> (Measurement, Option<String>) {
        let count = |finding| verification.count(finding) as u64;
        let of = count(Finding::Pass) + count(Finding::Fail) + count(Finding::Unmeasured);
        let mut pass = count(Finding::Pass);
        let mut how = format!("the checks of `wo verify monitor`, report `{}`", context.root.show(place));
        let mut trouble = None;
        if let Some(script) = &self.layout.script {
            how = format!("ran `{script}`; {how}");
            if let Err(why) = run(context, script) {
                // a script that does not work has verified nothing
                pass = 0;
                trouble = Some(why);
            }
        }
        let ok = pass == of && of > 0;
        let measurement =
            Measurement::new("monitor.verification", Value::Ratio { pass, of }, how, verification.at).ok(ok);
        let measurement = match artifact(&context.root, place) {
            Ok(artifact) => measurement.artifact(artifact),
            Err(_) => measurement,
        };
        (measurement, trouble)
    }

    fn plist(&self, context: &Context) -> Option<Measurement> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.layout.plists.first()?;
        let at = context.root.join(path);
        let bytes = std::fs::read(&at).ok()?;
        let mode = at.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o7777);
        let findings: Vec<String> =
            lint_plist(&at, &bytes, FileFacts { mode }).into_iter().map(|finding| finding.message).collect();
        let works = findings.is_empty();
        let detail =
            if works { format!("`{path}`, nothing found") } else { format!("`{path}`: {}", findings.join("; ")) };
        let how = "linted the rendered plist";
        let value = Value::State { works, detail };
        let measurement = Measurement::new("service.plist", value, how, context.clock.now()).ok(works);
        Some(match artifact(&context.root, &at) {
            Ok(artifact) => measurement.artifact(artifact),
            Err(_) => measurement,
        })
    }
}

fn run(context: &Context, script: &str) -> Result<(), String> {
    use crate::process::{self, Spec};
    let fail = |why: String| format!("`{script}`: {why}");
    let spec = Spec::new(context.root.join(script)).args(["--dry-run"]).dir(context.root.path());
    let output = process::run(&spec.deadline(context.deadline.remaining())).map_err(|error| fail(error.to_string()))?;
    match output.success() {
        true => Ok(()),
        false => {
            let said = context.masker.mask(&(output.stdout_text() + &output.stderr_text()));
            Err(fail(format!("{}, it said: {}", output.end, crate::text::line(&said, 400))))
        }
    }
}
