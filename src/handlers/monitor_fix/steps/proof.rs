//! The proof: two heartbeats of the loop, after which the verification must find nothing wrong either. Nothing here changes
//! anything; where the proof fails, what was repaired before it is taken back.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::super::facts::{self, Facts};
use super::verification::Verification;
use crate::config::Config;
use crate::handlers::{Applied, Check, Context, HandlerError, Measuring, Step, Verified, patience};
use crate::monitor::checks::State;
use crate::verify::monitor::{self, proof_checks};

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
        self.check(context).map(Verified::from)
    }
}

/// Waits, holding no thread, for heartbeats of the loop.
pub struct Proof {
    /// Checks that were repaired, which must be green. What was red before and no repair of ours is no fault of the loop.
    pub repaired: Vec<String>,
    pub verification: Verification,
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
        let Verification { layout, cycles, .. } = &self.verification;
        let asked = monitor::Asked { since, names: &names, may_warn: facts.is_healthy(), wanted: *cycles, now };
        let process = monitor::process_of(context.services.as_ref(), &layout.label);
        let why = match process.and_then(|process| monitor::chain(&context.root, &config, &asked, process)) {
            Ok(_) => {
                patience::forget(context, WAIT);
                // what the two heartbeats say is measured with the verification, on the state at the end
                let wrong = if facts.is_healthy() { Vec::new() } else { self.verification.look(context)?.failed() };
                return Ok(match wrong.is_empty() {
                    true => Verified::Yes(Vec::new()),
                    false => Verified::No { why: wrong.join("; "), measurements: Vec::new() },
                });
            }
            Err(why) => why,
        };
        let interval = Duration::from_nanos(config.monitor.interval_ns());
        let intervals = INTERVALS.saturating_add(u32::try_from(*cycles).unwrap_or(u32::MAX));
        if patience::waited(context, WAIT) < interval.saturating_mul(intervals) + SETTLE {
            return Ok(Verified::Wait { until: next_look(context, &config, now), why });
        }
        patience::forget(context, WAIT);
        Ok(Verified::No { why: format!("the loop is not proven: {why}"), measurements: Vec::new() })
    }
}

/// Only heartbeats after the repair prove it.
pub(super) fn since(facts: &Facts, context: &Context) -> Option<Timestamp> {
    (!facts.is_healthy()).then_some(context.attempt_started)
}

/// A moment after the next heartbeat is due; soon, when none is known.
pub(super) fn next_look(context: &Context, config: &Config, now: Timestamp) -> Timestamp {
    let interval = Duration::from_nanos(config.monitor.interval_ns());
    let shortly = (interval / 4).clamp(Duration::from_millis(200), Duration::from_secs(5));
    let newest = monitor::beats(&context.root, config).last().map(|beat| beat.timestamp);
    let due = newest.and_then(|at| at.checked_add(interval + Duration::from_millis(200)).ok());
    due.filter(|due| *due > now).or_else(|| now.checked_add(shortly).ok()).unwrap_or(now)
}
