//! The proof: two heartbeats of the loop, and the verification of everything. Nothing here changes anything.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::super::facts::{self, Facts};
use super::super::layout::Layout;
use crate::config::Config;
use crate::evidence::{Measurement, Value};
use crate::handlers::{Applied, Check, Context, HandlerError, Measuring, Step, Verified, patience};
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

/// Waits, holding no thread, for heartbeats of the loop.
pub struct Proof {
    /// Checks that were repaired, which must be green. What was red before and no repair of ours is no fault of the loop.
    pub repaired: Vec<String>,
    /// Heartbeats in a row.
    pub cycles: usize,
    /// Of the loop's service.
    pub label: String,
}

const WAIT: &str = "heartbeats in a row";
/// After so many intervals more than heartbeats are wanted, and this long, the loop is given up.
const INTERVALS: u32 = 4;
const SETTLE: Duration = Duration::from_secs(60);

impl Measuring for Proof {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let config = facts::settings(context)?;
        let facts = Facts::read(&context.facts)?;
        let names = match facts.is_healthy() {
            true => proof_checks(&config).into_iter().map(|check| check.name).collect(),
            false => self.repaired.clone(),
        };
        let now = context.clock.now();
        let since = since(&facts, context);
        let asked = monitor::Asked { since, names: &names, wanted: self.cycles, now };
        let process = monitor::process_of(context.services.as_ref(), &self.label);
        let why = match process.and_then(|process| monitor::chain(&context.root, &config, &asked, process)) {
            Ok(_) => {
                patience::forget(context, WAIT);
                // what the two heartbeats say is measured with the verification, on the state at the end
                return Ok(Verified::Yes(Vec::new()));
            }
            Err(why) => why,
        };
        let interval = Duration::from_nanos(config.monitor.interval_ns());
        let intervals = INTERVALS.saturating_add(u32::try_from(self.cycles).unwrap_or(u32::MAX));
        if patience::waited(context, WAIT) < interval.saturating_mul(intervals) + SETTLE {
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
    /// Heartbeats in a row that prove the loop.
    pub cycles: usize,
}

impl Measuring for Verification {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let config = facts::settings(context)?;
        let facts = Facts::read(&context.facts)?;
        let verification = monitor::verify(&Scope {
            root: &context.root,
            config: &config,
            clock: Arc::clone(&context.clock),
            services: Arc::clone(&context.services),
            label: &self.layout.label,
            since: since(&facts, context),
            cycles: self.cycles,
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
        let (script, trouble) = self.script(context);
        measurements.push(self.tally(&verification, &place, trouble.is_none(), context));
        measurements.extend(script);
        wrong.extend(trouble);
        measurements.extend(self.plist(context));
        Ok(match wrong.is_empty() {
            true => Verified::Yes(measurements),
            false => Verified::No { why: wrong.join("; "), measurements },
        })
    }
}

impl Verification {
    /// How many checks passed; none, where the order lists a script that does not work: it has verified nothing.
    fn tally(
        &self,
        verification: &crate::verify::Verification,
        place: &std::path::Path,
        script_works: bool,
        context: &Context,
    ) -> Measurement {
        let count = |finding| verification.count(finding) as u64;
        let of = count(Finding::Pass) + count(Finding::Fail) + count(Finding::Unmeasured);
        let pass = if script_works { count(Finding::Pass) } else { 0 };
        let how = format!("the checks of `wo verify monitor`, report `{}`", context.root.show(place));
        let how = match &self.layout.script {
            Some(script) => format!("ran `{script}`; {how}"),
            None => how,
        };
        let value = Value::Ratio { pass, of };
        let measurement =
            Measurement::new("monitor.verification", value, how, verification.at).ok(pass == of && of > 0);
        match artifact(&context.root, place) {
            Ok(artifact) => measurement.artifact(artifact),
            Err(_) => measurement,
        }
    }

    /// Runs the script that the order lists: its exit code, and what is wrong with it.
    fn script(&self, context: &Context) -> (Option<Measurement>, Option<String>) {
        let Some(script) = &self.layout.script else { return (None, None) };
        match run(context, script) {
            Ok((code, said)) => {
                let value = Value::Count { n: u64::from(code.unsigned_abs()), noun: String::new() };
                let how = format!("ran `{script} --dry-run`");
                let taken = Measurement::new("monitor.script_exit", value, how, context.clock.now()).ok(code == 0);
                let trouble = (code != 0).then(|| format!("`{script}`: exit status {code}, it said: {said}"));
                (Some(taken), trouble)
            }
            Err(why) => (None, Some(why)),
        }
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

/// Exit code and words of the script.
fn run(context: &Context, script: &str) -> Result<(i32, String), String> {
    use crate::process::{self, End, Spec};
    let fail = |why: String| format!("`{script}`: {why}");
    let spec = Spec::new(context.root.join(script)).args(["--dry-run"]).dir(context.root.path());
    let output = process::run(&spec.deadline(context.deadline.remaining())).map_err(|error| fail(error.to_string()))?;
    let said = context.masker.mask(&(output.stdout_text() + &output.stderr_text()));
    let said = crate::text::line(&said, 400);
    match output.end {
        End::Exit(code) => Ok((code, said)),
        end => Err(fail(format!("{end}, it said: {said}"))),
    }
}
