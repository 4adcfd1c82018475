//! One cycle: every check at once, each with its own deadline. A check that hangs, fails or panics costs the others
//! nothing, and the cycle no more than that check's deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::task::JoinSet;

use super::checks::{self, Check, Finding, Probe, State, Surroundings};
use super::config::{MonitorConfig, Severity};
use super::heartbeat;
use crate::config::PathsConfig;
use crate::secret::Masker;
use crate::text;

/// A check that is ready to run, cycle after cycle.
#[derive(Debug, Clone)]
pub struct Ready {
    pub name: String,
    pub kind: &'static str,
    pub component: &'static str,
    severity: Severity,
    timeout: Duration,
    check: Arc<dyn Check>,
    busy: Arc<AtomicBool>,
}

/// What a check saw in a cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub name: String,
    pub kind: &'static str,
    pub component: &'static str,
    /// What the heartbeat report calls it.
    pub report_name: String,
    pub finding: Finding,
    /// It is in error, of which its severity makes a warning.
    pub softened: bool,
}

/// A finished cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// When it began.
    pub at: Timestamp,
    pub took: Duration,
    /// In the order of the configuration.
    pub observed: Vec<Observed>,
}

/// A check gets this much beyond its deadline to say itself that the deadline passed.
const GRACE: Duration = Duration::from_millis(50);

/// The checks of `config`, ready to run.
pub fn ready(config: &MonitorConfig, paths: &PathsConfig) -> Result<Vec<Ready>, String> {
    let make = |config: &MonitorConfig, check: &super::config::CheckConfig| {
        let kind = checks::kinds().iter().find(|kind| kind.name == check.kind);
        Ok(Ready {
            name: check.name.clone(),
            kind: kind.map_or("", |kind| kind.name),
            component: kind.map_or("", |kind| kind.component),
            severity: check.severity,
            timeout: Duration::from_millis(check.timeout_ms.unwrap_or(config.timeout_ms)),
            check: check.build()?,
            busy: Arc::default(),
        })
    };
    config.checks(paths).iter().map(|check| make(config, check)).collect()
}

/// Runs all checks and waits for the last of them.
pub async fn run(checks: &[Ready], around: &Arc<Surroundings>) -> Cycle {
    // milliseconds, as reports have them: what is read back is what was written
    let at = Timestamp::from_millisecond(around.clock.now().as_millisecond()).unwrap_or_default();
    let started = Instant::now();
    let mut running = JoinSet::new();
    for (index, ready) in checks.iter().enumerate() {
        let (ready, around) = (ready.clone(), around.clone());
        running.spawn(async move { (index, look(&ready, around).await) });
    }
    let mut findings: Vec<Option<Finding>> = vec![None; checks.len()];
    while let Some(joined) = running.join_next().await {
        // an error here is a panic in a check: its place stays empty
        if let Ok((index, finding)) = joined
            && let Some(place) = findings.get_mut(index)
        {
            *place = Some(finding);
        }
    }
    let masker = masker(around);
    let observe = |(ready, finding): (&Ready, Option<Finding>)| {
        let failed = || Finding::error("the check itself failed; this is a defect of Workbridge");
        let mut finding = finding.unwrap_or_else(failed);
        let softened = ready.severity == Severity::Warn && finding.state == State::Error;
        if softened {
            finding.state = State::Warn;
        }
        finding.message = clean(&masker, &finding.message);
        finding.headline = finding.headline.map(|headline| clean(&masker, &headline));
        Observed {
            name: ready.name.clone(),
            kind: ready.kind,
            component: ready.component,
            report_name: ready.check.report_name().unwrap_or(&ready.name).to_owned(),
            finding,
            softened,
        }
    };
    let observed = checks.iter().zip(findings).map(observe).collect();
    Cycle { at, took: started.elapsed(), observed }
}

async fn look(ready: &Ready, around: Arc<Surroundings>) -> Finding {
    if ready.busy.load(Ordering::Acquire) {
        return Finding::error("still hangs in an earlier cycle; what it looks at does not answer at all");
    }
    let probe = Probe::new(around, &ready.name, ready.timeout, ready.busy.clone());
    let limit = tokio::time::Instant::from_std(probe.deadline) + GRACE;
    let within = probe.within();
    match tokio::time::timeout_at(limit, ready.check.clone().run(probe)).await {
        Ok(finding) => finding,
        Err(_) => Finding::error(format!("time-out: no answer within {within}")),
    }
}

fn clean(masker: &Masker, said: &str) -> String {
    text::line(&masker.mask(said), 400)
}

/// Nothing that a check says may hold a secret, its own or another's such as a webhook's URL, whatever a server answers or
/// a program prints.
fn masker(around: &Surroundings) -> Masker {
    Masker::new(around.secrets.iter().filter_map(|source| source.read(around.root.path()).ok()))
}

impl Observed {
    /// As it stands in the heartbeat report.
    pub fn to_result(&self, consecutive_failures: u64, since: Timestamp) -> heartbeat::CheckResult {
        let finding = &self.finding;
        let message = finding.headline.as_ref().unwrap_or(&finding.message);
        heartbeat::CheckResult {
            name: self.report_name.as_str().into(),
            component: self.component.into(),
            state: finding.state,
            message: message.as_str().into(),
            detail: (!message.contains(&finding.message)).then(|| finding.message.clone()),
            latency_ms: finding.latency.map(|latency| (latency.as_secs_f64() * 1e6).round() / 1e3),
            consecutive_failures: Some(consecutive_failures),
            since: Some(since),
        }
    }
}

impl Cycle {
    pub fn status(&self) -> heartbeat::Status {
        match self.observed.iter().map(|observed| observed.finding.state).max() {
            Some(State::Error) => heartbeat::Status::Critical,
            Some(State::Warn | State::Unknown) | None => heartbeat::Status::Warnings,
            Some(State::Ok) => heartbeat::Status::Healthy,
        }
    }
}
