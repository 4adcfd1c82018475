//! What `/metrics` and `/healthz` say, from what the monitor recorded.
//! Format: <https://prometheus.io/docs/instrumenting/exposition_formats/>, text version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::Pages;
use crate::monitor::heartbeat::{State, Status};
use crate::monitor::record::LastCycle;
use crate::monitor::store::{Store, StoreError};
use crate::text;

/// The answer of `/healthz`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Health {
    pub healthy: bool,
    /// Why not; what is a warning when it is.
    pub reasons: Vec<String>,
    pub status: Option<Status>,
    pub last_cycle: Option<Timestamp>,
    pub age_s: Option<f64>,
}

impl Health {
    pub(super) fn unknown(why: String) -> Health {
        Health { healthy: false, reasons: vec![why], status: None, last_cycle: None, age_s: None }
    }
}

/// Healthy only if a recent cycle measured it: it measured anything, is not CRITICAL, not older than two intervals, and its heartbeat was written.
pub(super) fn health(pages: &Pages) -> Health {
    if !pages.config.monitor.enabled {
        return Health::unknown("unmeasured: the monitor is off (`enabled = false` under [monitor])".to_owned());
    }
    let (store, last) = match read(pages) {
        Ok(Some((store, Some(last)))) => (store, last),
        Ok(_) => return Health::unknown("unmeasured: no heartbeat yet".to_owned()),
        Err(why) => return Health::unknown(why),
    };
    let interval_ns = match interval_ns(&store, pages) {
        Ok(interval_ns) => interval_ns,
        Err(error) => return Health::unknown(error.to_string()),
    };
    let age_ns = pages.clock.now().as_nanosecond() - last.at.as_nanosecond();
    // a cycle may take as long as its slowest check
    let slack = i128::from(pages.config.monitor.timeout_ms) * 1_000_000 + 1_000_000_000;
    let limit = i128::from(interval_ns) * 2 + slack;
    let mut reasons = Vec::new();
    // from the future is as good as too old
    let stale = age_ns > limit || age_ns < -limit;
    if stale {
        reasons.push(format!("stale: the last heartbeat is of {}; the loop does not run", last.at));
    }
    if let Some(problem) = last.unwritten() {
        reasons.push(format!("the last heartbeat was not written: {problem}"));
    }
    let measured_anything = last.checks.iter().any(|(_, check)| check.state != State::Unknown);
    if !measured_anything {
        reasons.push("unmeasured: the last cycle could measure nothing".to_owned());
    }
    for (name, check) in last.checks.iter().filter(|(_, check)| check.state != State::Ok) {
        reasons.push(format!("{name} {}: {}", check.state.as_str(), check.detail.as_deref().unwrap_or(&check.message)));
    }
    Health {
        healthy: !stale && measured_anything && last.unwritten().is_none() && last.status != Status::Critical,
        reasons,
        status: Some(last.status),
        last_cycle: Some(last.at),
        age_s: Some(age_ns as f64 / 1e9),
    }
}

/// The loop takes other settings while it runs; what it last used is on record.
fn interval_ns(store: &Store, pages: &Pages) -> Result<u64, StoreError> {
    Ok(store.grid()?.map_or(pages.config.monitor.interval_ns(), |grid| grid.interval_ns))
}

fn read(pages: &Pages) -> Result<Option<(Store, Option<LastCycle>)>, String> {
    let Some(store) = Store::open_existing(&pages.root).map_err(|error| error.to_string())? else { return Ok(None) };
    let last = store.last_cycle().map_err(|error| error.to_string())?;
    Ok(Some((store, last)))
}

/// The samples of a metric under its help and type.
struct Exposition(String);

impl Exposition {
    fn metric(&mut self, name: &str, kind: &str, help: &str, samples: &[(Vec<(&str, &str)>, f64)]) {
        let _ = writeln!(self.0, "# HELP workbridge_{name} {help}\n# TYPE workbridge_{name} {kind}");
        for (labels, value) in samples {
            let labels: Vec<String> =
                labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(self.0, "workbridge_{name}{labels} {value}");
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.metric(name, "gauge", help, &[(Vec::new(), value)]);
    }
}

fn escape(value: &str) -> String {
    text::escape(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

pub(super) fn render(pages: &Pages) -> Result<String, String> {
    let mut out = Exposition(String::with_capacity(4096));
    let info = [(vec![("version", env!("CARGO_PKG_VERSION"))], 1.0)];
    out.metric("info", "gauge", "The version that runs.", &info);
    let monitor = &pages.config.monitor;
    out.gauge("monitor_enabled", "Whether the heartbeat loop is on.", f64::from(u8::from(monitor.enabled)));
    let known = read(pages)?;
    let fail = |error: StoreError| error.to_string();
    let interval_ns = match &known {
        Some((store, _)) => interval_ns(store, pages).map_err(fail)?,
        None => monitor.interval_ns(),
    };
    out.gauge("monitor_interval_seconds", "Time between two cycles.", interval_ns as f64 / 1e9);
    let Some((store, last)) = known else { return Ok(out.0) };
    if let Some(last) = &last {
        cycle(&mut out, last);
    }
    let standings = store.standings().map_err(fail)?;
    let standing = |value: fn(&crate::monitor::thresholds::Standing) -> f64| -> Vec<_> {
        standings.iter().map(|(name, standing)| (vec![("check", name.as_str())], value(standing))).collect()
    };
    let failures = standing(|standing| standing.failures as f64);
    out.metric("check_consecutive_failures", "gauge", "Cycles in error, one after the other.", &failures);
    let alerting = standing(|standing| f64::from(u8::from(standing.alerting)));
    out.metric("check_alerting", "gauge", "1 from the alert to the recovery.", &alerting);
    let queue = store.queue_state().map_err(fail)?;
    out.gauge("alerts_queued", "Notices that wait for a webhook.", queue.waiting as f64);
    let mut gaps: BTreeMap<&str, f64> = BTreeMap::new();
    let recorded = store.gaps().map_err(fail)?;
    for gap in &recorded {
        *gaps.entry(gap.kind.as_str()).or_default() += 1.0;
    }
    let gaps: Vec<_> = gaps.into_iter().map(|(kind, n)| (vec![("kind", kind)], n)).collect();
    out.metric("monitor_gaps", "gauge", "Gaps between cycles that are on record.", &gaps);
    Ok(out.0)
}

fn cycle(out: &mut Exposition, last: &LastCycle) {
    let at = last.at.as_nanosecond() as f64 / 1e9;
    out.gauge("monitor_last_cycle_timestamp_seconds", "When the last cycle began.", at);
    out.gauge("monitor_last_cycle_duration_seconds", "How long it took.", last.duration_ms / 1e3);
    out.metric("monitor_cycles_total", "counter", "Cycles recorded.", &[(Vec::new(), last.cycles as f64)]);
    let written = f64::from(u8::from(last.unwritten().is_none()));
    out.gauge("monitor_report_written", "Whether the last cycle's heartbeat could be written.", written);
    let statuses = [Status::Healthy, Status::Warnings, Status::Critical];
    let statuses: Vec<_> = statuses
        .iter()
        .map(|status| (vec![("status", status.as_str())], f64::from(u8::from(last.status == *status))))
        .collect();
    out.metric("monitor_status", "gauge", "1 for the status of the last cycle.", &statuses);
    let mut states = Vec::new();
    let mut latencies = Vec::new();
    for (name, check) in &last.checks {
        for state in [State::Ok, State::Warn, State::Error, State::Unknown] {
            let labels =
                vec![("check", name.as_str()), ("component", check.component.as_str()), ("state", state.as_str())];
            states.push((labels, f64::from(u8::from(check.state == state))));
        }
        if let Some(ms) = check.latency_ms {
            latencies.push((vec![("check", name.as_str())], ms / 1e3));
        }
    }
    out.metric("check_state", "gauge", "1 for the state that the last cycle saw.", &states);
    out.metric("check_latency_seconds", "gauge", "How long the subject took to answer.", &latencies);
}
