//! Writes a heartbeat: the field's lines, with what is known beyond them as nested bullets below each check.

use super::{AGENTS, API, CheckResult, DATABASE, Heartbeat, REDIS, State, Status};
use crate::text;

const TITLE: &str = "# OPS-Atomic Monitor Heartbeat";

/// The report for `heartbeat`: the field's lines, with details as nested bullets below each check.
pub fn render(heartbeat: &Heartbeat) -> String {
    let mut out = String::with_capacity(1024);
    out.push_str(TITLE);
    out.push_str("\n\n");
    if let Some(at) = heartbeat.timestamp {
        out.push_str(&format!("**Timestamp:** {}\n", at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ")));
    }
    if let Some(status) = heartbeat.status {
        let (mark, word) = match status {
            Status::Healthy => (State::Ok.mark(), "HEALTHY"),
            Status::Warnings => (State::Warn.mark(), "WARNINGS"),
            Status::Critical => (State::Error.mark(), "CRITICAL"),
        };
        out.push_str(&format!("**Status:** {mark}{word}\n"));
    }
    if let Some(ms) = heartbeat.duration_ms {
        out.push_str(&format!("**Duration:** {ms}ms\n"));
    }
    out.push_str("\n---\n\n## Health Checks\n");
    for component in components(&heartbeat.checks) {
        out.push_str(&format!("\n### {}\n", text::line(component, 100)));
        for check in heartbeat.checks.iter().filter(|check| check.component == component) {
            render_check(check, &mut out);
        }
    }
    out.push_str("\n---\n\n## Summary\n\n");
    out.push_str(match heartbeat.status {
        Some(Status::Healthy) => "🟢 **ALL SYSTEMS HEALTHY** - No action required\n",
        Some(Status::Warnings) => "🟡 **WARNINGS DETECTED** - Review recommended\n",
        Some(Status::Critical) => "🔴 **CRITICAL ISSUES DETECTED** - Immediate attention required\n",
        None => "❓ **STATUS UNKNOWN** - Nothing was measured\n",
    });
    if let Some(next) = &heartbeat.next_check {
        out.push_str(&format!("\n**Next Check:** {}\n", text::line(next, 100)));
    }
    out.push_str("\n---\n\n*OPS-Atomic Monitor · Workbridge*\n");
    out
}

/// The field's sections first and in its order, then the others as they come.
fn components(checks: &[CheckResult]) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    let there = |name: &str| checks.iter().any(|check| check.component == name);
    order.extend([REDIS, DATABASE, API, AGENTS].into_iter().filter(|name| there(name)));
    for check in checks {
        if !order.contains(&check.component.as_str()) {
            order.push(&check.component);
        }
    }
    order
}

fn render_check(check: &CheckResult, out: &mut String) {
    let label = match (check.component.as_str(), check.name.as_str()) {
        (REDIS, "redis") | (DATABASE, "database") => "Status".to_owned(),
        (API, "api") => "API Health".to_owned(),
        (_, name) => text::line(name, 200),
    };
    out.push_str(&format!("- **{label}:** {}{}\n", check.state.mark(), text::line(&check.message, 400)));
    if let Some(detail) = &check.detail {
        out.push_str(&format!("  - Detail: {}\n", text::line(detail, 400)));
    }
    if let Some(ms) = check.latency_ms {
        out.push_str(&format!("  - Latency: {ms} ms\n"));
    }
    if let Some(n) = check.consecutive_failures {
        out.push_str(&format!("  - Consecutive failures: {n}\n"));
    }
    if let Some(since) = check.since {
        out.push_str(&format!("  - Since: {since}\n"));
    }
}
