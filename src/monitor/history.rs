//! The heartbeats of a root, as measurements need them: from Parquet files and from reports that are still there, each
//! once ([`export::read_heartbeats`]).

use std::collections::BTreeMap;

use jiff::Timestamp;

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
    let until = now.saturating_add(jiff::SignedDuration::from_secs(SKEW_S)).unwrap_or(now);
    let history = export::read_heartbeats(root, config, Timestamp::UNIX_EPOCH, until)?;
    let names = names(config);
    let beat = |row: export::HeartbeatRow| {
        let checks = row.checks.into_iter().map(|check| (measure::name_of(&names, &check.name), check.state)).collect();
        Some(Beat { at: Timestamp::from_microsecond(row.timestamp_us).ok()?, status: row.status, checks })
    };
    let reports = history.unreadable.iter().map(|report| format!("{}: {}", report.path, report.reason));
    let files = history.damaged.iter().map(|(path, why)| format!("{}: {why}", root.show(path)));
    let unreadable = reports.chain(files).collect();
    Ok(Beats { beats: history.rows.into_iter().filter_map(beat).collect(), unreadable })
}

/// What the heartbeats of `root` say; `None` when there are none.
pub fn measured(root: &Root, config: &Config, now: Timestamp) -> Result<Option<Measured>, ExportError> {
    let known = beats(root, config, now)?;
    let measured = measure::measure(known.beats, config.monitor.interval_ns());
    Ok(measured.map(|measured| Measured { unreadable: known.unreadable, ..measured }))
}

/// Measurements of the heartbeats of `root`, for gates and criteria. An old series vouches for nothing now: with the newest
/// heartbeat older than two intervals, `monitor.healthy_for` is not among them (unless it is zero).
pub fn take(root: &Root, config: &Config, now: Timestamp) -> Result<Vec<Measurement>, ExportError> {
    let taken = measured(root, config, now)?.map(|measured| measured.measurements(now)).unwrap_or_default();
    let vouches = |measurement: &Measurement| measurement.key != HEALTHY_FOR || measurement.ok == Some(true);
    Ok(taken.into_iter().filter(|measurement| vouches(measurement) || is_zero(measurement)).collect())
}

/// The measurement of one key, or in words why there is none.
pub fn take_key(root: &Root, config: &Config, key: &str, now: Timestamp) -> Result<Measurement, String> {
    let measured = measured(root, config, now).map_err(|error| error.to_string())?;
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

const HEALTHY_FOR: &str = "monitor.healthy_for";

fn is_zero(measurement: &Measurement) -> bool {
    measurement.value == Value::Duration(0)
}

/// What reports call a check otherwise than the configuration: services stand there by their label.
fn names(config: &Config) -> BTreeMap<String, String> {
    let checks = config.monitor.checks(&config.paths);
    let renamed = |check: &super::config::CheckConfig| {
        let reported = check.build().ok()?.report_name()?.to_owned();
        Some((reported, check.name.clone()))
    };
    checks.iter().filter_map(renamed).collect()
}
