//! `wo verify monitor`: Redis, the database and the heartbeats of the loop, measured. Three checks, each of one subject; what
//! the other configured checks say is told beside them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{CheckResult, Finding, Verification};
use crate::clock::Clock;
use crate::config::Config;
use crate::evidence::{Made, Measurement, ServiceRun, StartedBy, Value};
use crate::monitor::checks::State;
use crate::monitor::config::CheckConfig;
use crate::monitor::cycle::{Cycle, Observed};
use crate::monitor::heartbeat::Status;
use crate::monitor::{self, Parts};
use crate::root::Root;
use crate::services::{ServiceError, ServiceManager};
use crate::text;

mod heartbeats;
mod present;
mod target;

pub use heartbeats::{Asked, Beat, Chain, beats, chain, process_of};
use heartbeats::{LOG, heard, is_old};

pub const TITLE: &str = "OPS-Atomic Monitor Verification";

/// What is verified, and with what.
pub struct Scope<'a> {
    pub root: &'a Root,
    pub config: &'a Config,
    pub clock: Arc<dyn Clock>,
    pub services: Arc<dyn ServiceManager>,
    /// Of the loop's service.
    pub label: &'a str,
    /// Only heartbeats after this prove the loop.
    pub since: Option<Timestamp>,
    /// So many in a row do; [`CYCLES`] unless more are asked for.
    pub cycles: usize,
    /// Measurements that criteria ask for: a component that no check is configured for is no fault where nobody does.
    pub asked: &'a [String],
}

/// Heartbeats in a row that prove a loop.
pub const CYCLES: usize = 2;

/// The checks whose state in two heartbeats proves the loop: Redis and the database.
pub fn proof_checks(config: &Config) -> Vec<CheckConfig> {
    config.monitor.checks(&config.paths).into_iter().filter(|check| is_redis(check) || is_database(check)).collect()
}

fn is_redis(check: &CheckConfig) -> bool {
    check.kind == "redis"
}

fn is_database(check: &CheckConfig) -> bool {
    check.kind == "sqlite" || (check.kind == "command" && check.name.to_lowercase().contains("database"))
}

const REDIS: &str = "monitor.redis";
const DATABASE: &str = "monitor.database";

/// The measurements that nothing takes, for want of a check.
pub fn unconfigured(config: &Config) -> Vec<String> {
    let checks = config.monitor.checks(&config.paths);
    let has = |is_kind: fn(&CheckConfig) -> bool| checks.iter().any(is_kind);
    let missing = [(REDIS, !has(is_redis)), (DATABASE, !has(is_database))].into_iter().filter(|(_, missing)| *missing);
    missing.map(|(key, _)| key.to_owned()).collect()
}

/// Measures everything. Changes nothing.
pub fn verify(scope: &Scope) -> Verification {
    let now = scope.clock.now();
    let parts = Parts {
        root: scope.root.clone(),
        config: Arc::new(scope.config.clone()),
        clock: Arc::clone(&scope.clock),
        services: Arc::clone(&scope.services),
    };
    let cycle = monitor::look(&parts).map_err(|error| error.to_string());
    let checks = scope.config.monitor.checks(&scope.config.paths);
    let of =
        |which: fn(&CheckConfig) -> bool| -> Vec<&CheckConfig> { checks.iter().filter(|check| which(check)).collect() };
    let redis = component(scope, "redis", "Redis", REDIS, &of(is_redis), &cycle);
    let database = component(scope, "database", "Database", DATABASE, &of(is_database), &cycle);
    let (heartbeats, mut extra) = heartbeats(scope, now);
    let mut all = vec![redis, database, heartbeats];
    let observed = cycle.as_ref().map_or(&[][..], |cycle| &cycle.observed);
    let verified: Vec<&str> =
        of(|check| is_redis(check) || is_database(check)).iter().map(|check| check.name.as_str()).collect();
    all.extend(present::complaints(observed, &verified));
    extra.extend(present::all(observed, now));
    extra.extend(present::each(observed, &checks, &verified, scope.asked, now));
    extra.extend(service(scope, now, observed, &mut all));
    Verification {
        subject: "monitor",
        title: TITLE,
        at: now,
        root: scope.root.path().to_owned(),
        headline: Vec::new(),
        checks: all,
        extra,
    }
}

/// All checks of one component, as they are now.
fn component(
    scope: &Scope,
    id: &'static str,
    title: &'static str,
    key: &str,
    checks: &[&CheckConfig],
    cycle: &Result<Cycle, String>,
) -> CheckResult {
    let without =
        |finding: Finding, why: &str| CheckResult { id, title, finding, detail: why.to_owned(), measurement: None };
    let now = scope.clock.now();
    if checks.is_empty() {
        let is_asked = scope.asked.iter().any(|asked| asked == key);
        let finding = if is_asked { Finding::Unmeasured } else { Finding::Info };
        return without(finding, "no such check is configured");
    }
    let cycle = match cycle {
        Ok(cycle) => cycle,
        Err(why) => return without(Finding::Unmeasured, why),
    };
    let is_of = |name: &String| checks.iter().any(|check| check.name == *name);
    let seen: Vec<_> = cycle.observed.iter().filter(|observed| is_of(&observed.name)).collect();
    if seen.is_empty() {
        return without(Finding::Unmeasured, "it was not looked at");
    }
    let said: Vec<String> = seen
        .iter()
        .map(|observed| {
            let warning = if observed.finding.state == State::Warn { "warning: " } else { "" };
            match seen.len() {
                1 => format!("{warning}{}", observed.finding.message),
                _ => format!("{}: {warning}{}", observed.name, observed.finding.message),
            }
        })
        .collect();
    let detail = said.join("; ");
    let finding = finding_of(&seen);
    if finding == Finding::Unmeasured {
        return without(finding, &detail);
    }
    let works = finding == Finding::Pass;
    // what is down and may be is told in the check, and is nothing that was seen to work
    let counts = |observed: &Observed| !works || present::answers(observed);
    let shown: Vec<&str> =
        seen.iter().zip(&said).filter(|(observed, _)| counts(observed)).map(|(_, said)| said.as_str()).collect();
    let is_shown = |check: &&CheckConfig| seen.iter().any(|observed| observed.name == check.name && counts(observed));
    let of: Vec<&CheckConfig> = checks.iter().copied().filter(is_shown).collect();
    let value = Value::State { works, detail: of_file(&of, works, &shown.join("; ")) };
    let how = format!("ran the configured checks once: {}", told(&of));
    CheckResult { id, title, finding, detail, measurement: Some(Measurement::new(key, value, how, now).ok(works)) }
}

/// What the checks of one component come to. A warning fails nothing, as it makes no heartbeat CRITICAL; what works is only
/// what was seen to: a Redis that warns has answered PONG, a database that does was not read to its end.
fn finding_of(seen: &[&Observed]) -> Finding {
    let any = |is: fn(&Observed) -> bool| seen.iter().any(|observed| is(observed));
    if any(|observed| matches!(observed.finding.state, State::Error | State::Unknown)) {
        Finding::Fail
    } else if any(|observed| !observed.softened && !present::answers(observed)) {
        Finding::Unmeasured
    } else if any(present::answers) {
        Finding::Pass
    } else {
        // down, and whoever configured it has it so: told, and held against nothing but a criterion that asks for it
        Finding::Info
    }
}

/// What the checks look at, each with its check. The names come first: they are what the measurement is of.
fn told(checks: &[&CheckConfig]) -> String {
    let one = |check: &&CheckConfig| match target::names(check).as_slice() {
        [] => format!("check {}", check.name),
        names => format!("`{}` (check {})", names.join("`, `"), check.name),
    };
    checks.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// The detail of a database that is fine says which file is; one that is not fine says so already.
fn of_file(checks: &[&CheckConfig], works: bool, detail: &str) -> String {
    match checks {
        [check] if works && check.kind == "sqlite" => match target::names(check).first() {
            Some(path) => format!("`{path}`: {detail}"),
            None => detail.to_owned(),
        },
        _ => detail.to_owned(),
    }
}

fn heartbeats(scope: &Scope, now: Timestamp) -> (CheckResult, Vec<Measurement>) {
    let (id, title) = ("heartbeats", "Heartbeats");
    let names: Vec<String> = proof_checks(scope.config).into_iter().map(|check| check.name).collect();
    let interval = text::duration_ns(scope.config.monitor.interval_ns());
    let how = format!("read the loop's heartbeats in `{}`, due every {interval}", log(scope));
    let mut extra = newest(scope, now);
    let asked = Asked { since: scope.since, names: &names, may_warn: true, wanted: scope.cycles, now };
    let found = process_of(scope.services.as_ref(), scope.label)
        .and_then(|process| chain(scope.root, scope.config, &asked, process));
    match found {
        Ok(chain) => {
            let apart = text::duration_ns(chain.gap_ns());
            let detail = format!("{}, {apart} apart{}", times(&chain.beats), colours(&chain.beats, &names));
            let reports = reports_of(scope, &chain.beats);
            let how = format!("{how}; {} in a row were looked for{reports}", scope.cycles);
            let count = Value::Count { n: chain.beats.len() as u64, noun: String::new() };
            let measurement = Measurement::new("monitor.cycles", count, &how, now).ok(true);
            extra.push(Measurement::new("monitor.interval", Value::Duration(chain.gap_ns()), &how, now).ok(true));
            let check = CheckResult { id, title, finding: Finding::Pass, detail, measurement: Some(measurement) };
            (check, extra)
        }
        Err(why) => {
            let n = beats(scope.root, scope.config)
                .iter()
                .filter(|beat| scope.since.is_none_or(|since| beat.timestamp > since))
                .count();
            let count = Value::Count { n: n as u64, noun: String::new() };
            let measurement = Measurement::new("monitor.cycles", count, how, now).ok(false);
            (CheckResult { id, title, finding: Finding::Fail, detail: why, measurement: Some(measurement) }, extra)
        }
    }
}

/// In which checks all of these heartbeats are green, and in which one of them warns.
fn colours(beats: &[Beat], names: &[String]) -> String {
    let is_green = |name: &&String| beats.iter().all(|beat| beat.is_green(name));
    let (green, warned): (Vec<&String>, Vec<&String>) = names.iter().partition(is_green);
    let listed = |said: &str, names: &[&String]| match names {
        [] => String::new(),
        names => format!(", {said} {}", names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ")),
    };
    listed("green in", &green) + &listed("with a warning of", &warned)
}

/// When they were; of many, how many and the first and the last.
fn times(beats: &[Beat]) -> String {
    match beats {
        [first, _, _, _, .., last] => format!("{} heartbeats, {} to {}", beats.len(), first.timestamp, last.timestamp),
        _ => beats.iter().map(|beat| beat.timestamp.to_string()).collect::<Vec<_>>().join(" and "),
    }
}

fn log(scope: &Scope) -> String {
    scope.config.paths.logs.join(LOG).display().to_string()
}

/// The folder of the heartbeats' reports, and the newest of theirs, where they are all there.
fn reports_of(scope: &Scope, beats: &[Beat]) -> String {
    let reports: Option<Vec<&str>> = beats.iter().map(|beat| beat.report.as_deref()).collect();
    let is_there = |path: &&str| scope.root.join(path).is_file();
    let Some(reports) = reports.filter(|reports| reports.iter().all(is_there)) else { return String::new() };
    let folder = scope.config.paths.heartbeats.display();
    reports
        .last()
        .map(|newest| format!("; their reports are in `{folder}/`, the newest is `{newest}`"))
        .unwrap_or_default()
}

/// What the newest heartbeat of the loop says as a whole; nothing when there is none, or it is old.
fn newest(scope: &Scope, now: Timestamp) -> Vec<Measurement> {
    let beats = heard(beats(scope.root, scope.config), scope.since, now);
    let Some(beat) = beats.last().filter(|beat| !is_old(beat, scope.config, now)) else { return Vec::new() };
    let bad: Vec<&str> =
        beat.checks.iter().filter(|check| check.state == State::Error).map(|check| check.name.as_str()).collect();
    let reports = reports_of(scope, std::slice::from_ref(beat));
    let how = format!("read the loop's newest heartbeat, {}, in `{}`{reports}", beat.timestamp, log(scope));
    let errors = Value::Count { n: bad.len() as u64, noun: "errors".to_owned() };
    let listed = if bad.is_empty() { how.clone() } else { format!("{how}; in error: {}", bad.join(", ")) };
    let errors = Measurement::new("monitor.errors", errors, listed, now).ok(bad.is_empty());
    let status = beat.status.map(|status| {
        let works = status == Status::Healthy;
        state("monitor.status", works, &status.as_str().to_uppercase(), &how, now)
    });
    status.into_iter().chain([errors]).collect()
}

/// The loop's service: told, and measured for criteria, but no check of its own: where the loop runs in `wo up`, there is
/// none. Nothing where no manager answers.
fn service(scope: &Scope, now: Timestamp, observed: &[Observed], checks: &mut Vec<CheckResult>) -> Vec<Measurement> {
    let label = scope.label;
    let manager = scope.services.kind();
    let mut info = |detail: String| {
        checks.push(CheckResult { id: "service", title: "Loop", finding: Finding::Info, detail, measurement: None });
    };
    let status = match scope.services.status(label) {
        Ok(status) => status,
        Err(error) => {
            info(error.to_string());
            return Vec::new();
        }
    };
    info(format!("`{label}`: {}", status.detail));
    let how = format!("asked {manager} for the status of {label}");
    let services = present::services(label, &status, observed, &how, now);
    if !status.loaded {
        let detail = format!("`{label}` is not loaded");
        let loaded = state("service.loaded", false, &detail, &format!("asked {manager}"), now);
        return [loaded].into_iter().chain(services).collect();
    }
    let detail = format!("`{label}`: {}", status.detail);
    let mut taken = vec![state("service.loaded", true, &detail, &how, now)];
    taken.extend(services);
    if let Some(exit) = status.standing_exit() {
        let how = match status.pid {
            Some(pid) if exit == 0 => format!("{how}: it runs, pid {pid}"),
            Some(pid) => format!("{how}: it runs again, pid {pid}; {}", ended(exit)),
            None => format!("{how}: {}", ended(exit)),
        };
        let value = Value::Count { n: exit.unsigned_abs().into(), noun: String::new() };
        taken.push(Measurement::new("monitor.exit_code", value, how, now).ok(exit == 0));
    }
    taken.extend(runs(scope, status.pid, now));
    taken
}

fn ended(exit: i32) -> String {
    match exit {
        0.. => format!("it ended with exit status {exit}"),
        _ => format!("it was ended by signal {}", exit.unsigned_abs()),
    }
}

/// The loop never ends; what it runs of its own accord are its cycles. They count as the manager's while the process
/// that makes them is one that the manager started. The process itself comes last: it has no exit status to be told.
fn runs(scope: &Scope, pid: Option<u32>, now: Timestamp) -> Option<Measurement> {
    let manager = scope.services.kind();
    let known: Result<Vec<ServiceRun>, ServiceError> = scope.services.runs(scope.label);
    let process = known.ok()?.into_iter().rfind(|run| run.ended.is_none())?;
    let began = process.started;
    let cycles = beats(scope.root, scope.config);
    let of_process = cycles.iter().filter(|beat| beat.timestamp >= began && beat.may_be_of(pid));
    let mut runs: Vec<ServiceRun> = of_process
        .map(|beat| ServiceRun {
            started: beat.timestamp,
            ended: beat.timestamp.checked_add(Duration::from_secs_f64(beat.duration_ms.clamp(0.0, 1e9) / 1e3)).ok(),
            exit: Some(0),
            started_by: match &process.started_by {
                StartedBy::Kicked => StartedBy::Kicked,
                StartedBy::Manager { cause } => StartedBy::Manager { cause: format!("a cycle of the loop, {cause}") },
            },
            made: Made::Unsaid,
        })
        .collect();
    let works = runs.iter().any(|run| run.started_by != StartedBy::Kicked);
    runs.push(process);
    let how = format!("that {manager} started {} at {began}, and its cycles since", scope.label);
    Some(Measurement::new("service.runs", Value::Runs { manager: manager.to_string(), runs }, how, now).ok(works))
}

fn state(key: &str, works: bool, detail: &str, how: &str, now: Timestamp) -> Measurement {
    Measurement::new(key, Value::State { works, detail: detail.to_owned() }, how, now).ok(works)
}

/// Where reports of this verification go, relative to the root.
pub fn reports(config: &Config) -> std::path::PathBuf {
    config.paths.reports.join("monitor")
}
