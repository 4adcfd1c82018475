//! The heartbeats of a root, as measurements need them: from Parquet files and from reports that are still there, each
//! once ([`export::read_heartbeats`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::heartbeat::State;
use super::measure::{self, Beat, Measured};
use crate::config::Config;
use crate::evidence::{Measurement, Value};
use crate::export::{self, ExportError};
use crate::root::Root;

/// What is known of a root's heartbeats.
#[derive(Debug, Default)]
pub struct Beats {
    /// By time.
    pub beats: Vec<Beat>,
    /// Reports and Parquet files that can't be read, each with the reason: what they hold is missing, so their cycles
    /// count as not seen.
    pub unreadable: Vec<String>,
}

/// Clocks of two machines differ by less. What is dated later than this from now is no heartbeat that happened.
const SKEW_S: i64 = 60;

/// All heartbeats of `root` up to `now`.
pub fn beats(root: &Root, config: &Config, now: Timestamp) -> Result<Beats, ExportError> {
    beats_since(root, config, Timestamp::UNIX_EPOCH, now)
}

/// Those from `from` to `now`.
fn beats_since(root: &Root, config: &Config, from: Timestamp, now: Timestamp) -> Result<Beats, ExportError> {
    let until = now.saturating_add(jiff::SignedDuration::from_secs(SKEW_S)).unwrap_or(now);
    let names = names(config);
    // a name is held once, however many heartbeats have it
    let mut known: BTreeMap<String, Arc<str>> = BTreeMap::new();
    let mut name = |reported: &str| match known.get(reported) {
        Some(name) => name.clone(),
        None => known.entry(reported.to_owned()).or_insert(measure::name_of(&names, reported).into()).clone(),
    };
    let history = export::read_heartbeats_as(root, config, from, until, |row| {
        let at = Timestamp::from_microsecond(row.timestamp_us).ok()?;
        // as their columns have it, in which a part that fails counts and another instance does not
        let whole = [("redis", row.redis), ("database", row.database)];
        let named = row.checks.iter().map(|check| (check.name.as_str(), check.state)).chain(whole);
        let checks = named.map(|(reported, state)| (name(reported), state)).collect();
        let is_down = [row.redis, row.database].contains(&State::Error);
        Some(Beat { at, status: row.status, checks, is_down })
    })?;
    let reports = history.unreadable.iter().map(|report| format!("{}: {}", report.path, report.reason));
    let files = history.damaged.iter().map(|(path, why)| format!("{}: {why}", root.show(path)));
    let unreadable = reports.chain(files).collect();
    let mut beats: Vec<Beat> = history.rows.into_iter().flatten().collect();
    let is_configured = |name: &str| names.values().any(|configured| configured == name);
    measure::unite(&mut beats, known.values(), is_configured);
    Ok(Beats { beats, unreadable })
}

/// What the heartbeats of `root` say; `None` when there are none.
pub fn measured(root: &Root, config: &Config, now: Timestamp) -> Result<Option<Measured>, ExportError> {
    measured_since(root, config, Timestamp::UNIX_EPOCH, now)
}

fn measured_since(
    root: &Root,
    config: &Config,
    from: Timestamp,
    now: Timestamp,
) -> Result<Option<Measured>, ExportError> {
    let known = beats_since(root, config, from, now)?;
    let measured = measure::measure(known.beats, config.monitor.interval_ns());
    Ok(measured.map(|measured| Measured { unreadable: known.unreadable, ..measured }))
}

/// What `key` needs of the heartbeats: a gate asks every few seconds, and years of them are not read each time. Looks
/// further and further back until what lies before changes nothing, or there is nothing before.
fn measured_for(root: &Root, config: &Config, key: &str, now: Timestamp) -> Result<Option<Measured>, ExportError> {
    let is_enough = |measured: &Measured, from: Timestamp| match key {
        // of the day up to the newest one
        "monitor.heartbeat_age" | "monitor.cycles_24h" | "monitor.expected_cycles_24h" => {
            measured.newest.saturating_sub(SignedDuration::from_hours(24)).is_ok_and(|day| day >= from)
        }
        // what broke it lies within
        HEALTHY_FOR => measured.healthy.is_none_or(|span| span.from > measured.first),
        _ => false,
    };
    let has_window = [HEALTHY_FOR, "monitor.heartbeat_age", "monitor.cycles_24h", "monitor.expected_cycles_24h"];
    for days in WINDOWS_DAYS.iter().filter(|_| has_window.contains(&key)) {
        let Ok(from) = now.checked_sub(SignedDuration::from_hours(24 * days)) else { break };
        if let Some(measured) = measured_since(root, config, from, now)?.filter(|measured| is_enough(measured, from)) {
            return Ok(Some(measured));
        }
    }
    measured(root, config, now)
}

/// Each several times the one before, so that all of them together cost little more than the last.
const WINDOWS_DAYS: [i64; 4] = [2, 8, 32, 128];

/// Measurements of the heartbeats of `root`, for gates and criteria. An old series vouches for nothing now: with the newest
/// heartbeat older than two intervals, `monitor.healthy_for` is not among them (unless it is zero).
pub fn take(root: &Root, config: &Config, now: Timestamp) -> Result<Vec<Measurement>, ExportError> {
    let taken = measured(root, config, now)?.map(|measured| measured.measurements(now)).unwrap_or_default();
    let vouches = |measurement: &Measurement| measurement.key != HEALTHY_FOR || measurement.ok == Some(true);
    Ok(taken.into_iter().filter(|measurement| vouches(measurement) || is_zero(measurement)).collect())
}

/// The measurement of one key, or in words why there is none.
pub fn take_key(root: &Root, config: &Config, key: &str, now: Timestamp) -> Result<Measurement, String> {
    let measured = measured_for(root, config, key, now).map_err(|error| error.to_string())?;
    let measured = measured.ok_or_else(|| "unmeasured: there are no heartbeats".to_owned())?;
    let found = measured.measurements(now).into_iter().find(|measurement| measurement.key == key);
    let measurement = found.ok_or_else(|| format!("unmeasured: no heartbeat speaks of `{key}`"))?;
    if key == HEALTHY_FOR && measured.is_stale(now) && !is_zero(&measurement) {
        return Err(format!(
            "unmeasured: it was {} at the newest heartbeat, {}, which is too old to say anything of the present",
            measurement.value, measured.newest
        ));
    }
    Ok(measurement)
}

/// Whether heartbeats can say anything of `key` at all.
pub fn measures(key: &str) -> bool {
    measure::DECLARATIONS.iter().any(|declaration| crate::evidence::bind::key_matches(declaration.key, key))
}

/// For how long nothing was wrong.
pub const HEALTHY_FOR: &str = "monitor.healthy_for";

fn is_zero(measurement: &Measurement) -> bool {
    measurement.value == Value::Duration(0)
}

/// The configured name of each check by what reports call it: the same, but for services, which stand there by their label.
fn names(config: &Config) -> BTreeMap<String, String> {
    let checks = config.monitor.checks(&config.paths);
    let renamed = |check: &super::config::CheckConfig| {
        let reported = check.build().ok()?.report_name()?.to_owned();
        Some((reported, check.name.clone()))
    };
    let same = checks.iter().map(|check| (check.name.clone(), check.name.clone()));
    same.chain(checks.iter().filter_map(renamed)).collect()
}
