//! The heartbeats of a root, as measurements need them: read from what is on disk, each once.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::heartbeat;
use super::measure::{self, Beat, Measured};
use crate::config::Config;
use crate::evidence::Measurement;
use crate::root::Root;

#[derive(Debug, thiserror::Error)]
#[error("failed to read the heartbeats in `{path}`: {why}")]
pub struct HistoryError {
    path: String,
    why: String,
}

/// A report is a page of text; a larger one is none.
const REPORT_MAX: u64 = 1024 * 1024;

/// All heartbeats of `root`, in no order.
pub fn beats(root: &Root, config: &Config) -> Result<Vec<Beat>, HistoryError> {
    let names = names(config);
    reports(&root.join(&config.paths.heartbeats), &names)
        .map_err(|error| HistoryError { path: root.show(&root.join(&config.paths.heartbeats)), why: error.to_string() })
}

/// What the heartbeats of `root` say; `None` when there are none.
pub fn measured(root: &Root, config: &Config) -> Result<Option<Measured>, HistoryError> {
    Ok(measure::measure(beats(root, config)?, config.monitor.interval_ns()))
}

/// Measurements of the heartbeats of `root`, for gates and criteria. An old series vouches for nothing now: with the newest
/// heartbeat older than two intervals, `monitor.healthy_for` is not among them (unless it is zero).
pub fn take(root: &Root, config: &Config, now: Timestamp) -> Result<Vec<Measurement>, HistoryError> {
    let taken = measured(root, config)?.map(|measured| measured.measurements(now)).unwrap_or_default();
    let vouches = |measurement: &Measurement| measurement.key != "monitor.healthy_for" || measurement.ok == Some(true);
    Ok(taken.into_iter().filter(|measurement| vouches(measurement) || is_zero(measurement)).collect())
}

/// The measurement of one key, or in words why there is none.
pub fn take_key(root: &Root, config: &Config, key: &str, now: Timestamp) -> Result<Measurement, String> {
    let measured = measured(root, config).map_err(|error| error.to_string())?;
    let measured = measured.ok_or_else(|| "unmeasured: there are no heartbeats".to_owned())?;
    let found = measured.measurements(now).into_iter().find(|measurement| measurement.key == key);
    let measurement = found.ok_or_else(|| format!("unmeasured: no heartbeat speaks of `{key}`"))?;
    if key == "monitor.healthy_for" && measured.is_stale(now) && !is_zero(&measurement) {
        return Err(format!(
            "unmeasured: it was {} at the newest heartbeat, {}, which is too old to say anything of the present",
            measurement.value, measured.newest
        ));
    }
    Ok(measurement)
}

fn is_zero(measurement: &Measurement) -> bool {
    measurement.value == crate::evidence::Value::Duration(0)
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

fn reports(dir: &Path, names: &BTreeMap<String, String>) -> std::io::Result<Vec<Beat>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut beats = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("heartbeat_") || !name.ends_with(".md") {
            continue;
        }
        // one that can't be read counts as not there: then its cycle is missing, which is the safe side
        let meta = entry.metadata()?;
        if !meta.is_file() || meta.len() > REPORT_MAX {
            continue;
        }
        let Ok(bytes) = std::fs::read(entry.path()) else { continue };
        let Ok(mut report) = heartbeat::parse(&String::from_utf8_lossy(&bytes)) else { continue };
        report.timestamp = report.timestamp.or_else(|| heartbeat::name_time(&name));
        beats.extend(Beat::of(&report, names));
    }
    Ok(beats)
}
