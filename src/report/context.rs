//! The names that expressions of templates may use.

use minijinja::Value;
use serde_json::json;

use super::hold::judging::believed;
use super::record::{RunRecord, now};
use super::result::{criterion_json, measurement_json};

/// `order`, `outcome`, `reason`, `attempt`, `agent`, `handler`, `criteria`, `measurements`, `steps`, `dates`. Nothing in it is
/// marked safe: all of it is escaped where it is printed.
pub fn of(record: &RunRecord) -> Value {
    let now = now(record);
    let order = &record.order;
    let show = |format: &str| now.strftime(format).to_string();
    Value::from_serialize(json!({
        "order": {
            "id": order.id,
            "title": order.title,
            "phase": order.phase,
            "origin": order.origin,
            "assignee": order.assignee,
            "priority": order.priority,
            "created": order.created,
            "objective": order.objective,
            "next_phase": order.next_phase,
            "handler": order.handler,
            "template": order.template,
            "params": order.params,
            "sha256": record.order_sha256,
        },
        "outcome": record.outcome,
        "reason": record.reason,
        "attempt": record.attempt,
        "agent": record.agent,
        "handler": record.handler,
        "criteria": record.criteria.iter().map(|judged| criterion_json(&believed(record, judged))).collect::<Vec<_>>(),
        "measurements": record.measurements.iter().map(measurement_json).collect::<Vec<_>>(),
        "steps": record.steps,
        "dates": {
            "date": show("%Y-%m-%d"),
            "time": show("%H:%M:%S"),
            "datetime": show("%Y-%m-%d %H:%M:%S"),
            "compact": show("%Y%m%d"),
            "week": show("%G%V"),
            "zone": record.zone,
            "received": record.received.to_string(),
            "started": record.started.to_string(),
            "ended": record.ended.to_string(),
        },
    }))
}
