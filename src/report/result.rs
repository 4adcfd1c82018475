//! `WO-ID.result.json`: the report for other agents. Its schema is `docs/result.schema.json`.
//!
//! Invariant: only what the record holds; `schema_version` is raised with every change that a reader could trip over.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::hold::judging::believed;
use super::record::RunRecord;
use crate::evidence::{self, Artifact, Judged, Measurement, Verdict};

/// Of `docs/result.schema.json`.
pub const SCHEMA_VERSION: u32 = 1;

/// The schema itself.
pub const SCHEMA: &str = include_str!("../../docs/result.schema.json");

pub fn result_json(record: &RunRecord) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "id": record.order.id,
        "title": record.order.title,
        "attempt": record.attempt,
        "outcome": record.outcome,
        "reason": record.reason,
        "agent": record.agent,
        "handler": record.handler,
        "order_sha256": record.order_sha256,
        "times": {
            "received": record.received,
            "started": record.started,
            "ended": record.ended,
            "zone": record.zone,
        },
        "criteria": record.criteria.iter().map(|judged| criterion_json(&believed(record, judged))).collect::<Vec<_>>(),
        "measurements": record.measurements.iter().map(measurement_json).collect::<Vec<_>>(),
        "steps": record.steps,
        "commands": record.commands,
        "artifacts": artifacts(record),
    })
}

/// With `waiver` apart from the criterion's own reason.
pub fn criterion_json(judged: &Judged) -> Value {
    let (verdict, waiver) = match &judged.verdict {
        Verdict::Pass => ("PASS", Value::Null),
        Verdict::Fail => ("FAIL", Value::Null),
        Verdict::Unmeasured => ("UNMEASURED", Value::Null),
        Verdict::Waived { reason, until } => ("WAIVED", json!({ "reason": reason, "until": until })),
    };
    json!({
        "metric": judged.metric,
        "target": judged.target,
        "source": judged.source,
        "key": judged.key,
        "actual": judged.actual,
        "verdict": verdict,
        "waiver": waiver,
        "reason": judged.reason,
        "evidence": judged.evidence,
    })
}

/// With `shown`, the value as reports show it.
pub fn measurement_json(measurement: &Measurement) -> Value {
    let shown = measurement.value.to_string();
    let value = match &measurement.value {
        // to other agents a word, and no subject
        evidence::Value::Undone { .. } => &evidence::Value::Word(shown.clone()),
        value => value,
    };
    json!({
        "id": measurement.id,
        "key": measurement.key,
        "value": value,
        "shown": shown,
        "ok": measurement.ok,
        "how": measurement.how,
        "at": measurement.at,
        "artifact": measurement.artifact,
    })
}

/// Every file that a step left or a measurement speaks of, as it was last, by path.
pub fn artifacts(record: &RunRecord) -> Vec<Artifact> {
    let mut by_path: BTreeMap<&str, &Artifact> = BTreeMap::new();
    for change in record.steps.iter().flat_map(|step| &step.files) {
        match &change.after {
            Some(artifact) => by_path.insert(&artifact.path, artifact),
            None => by_path.remove(change.path.as_str()),
        };
    }
    // measured after it was written
    let stands = |measurement: &&Measurement| !matches!(measurement.value, evidence::Value::Undone { .. });
    for artifact in record.measurements.iter().filter(stands).filter_map(|measurement| measurement.artifact.as_ref()) {
        by_path.insert(&artifact.path, artifact);
    }
    by_path.into_values().cloned().collect()
}
