//! `monitor-fix`: diagnoses why the monitor does not work, repairs it and proves it (orders such as
//! `WO-251028-OPS-ACTIVATE-MONITOR`).
//!
//! Four faults of the field: Redis refuses; the database check points nowhere; the job never fires; it runs and fails.
//!
//! Invariants: a password is in no fact, plan, message or argument, only in the 0600 file that it is stored in; repairs
//! measure nothing, the proof and the verification do, so that what was undone leaves nothing green behind.

pub mod asked;
pub mod commands;
pub mod credentials;
pub mod database;
pub mod declarations;
pub mod facts;
pub mod layout;
pub mod plan;
mod redis_cli;
pub mod settings;
pub(crate) mod steps;

use std::sync::LazyLock;

use asked::Asked;
use facts::Facts;

use super::place::Bounds;
use super::{Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec};
use crate::config::Config;
use crate::deployed::record::LOOP_LABEL;
use crate::evidence::Vocabulary;
use crate::order::{Criterion, Order};

/// What this handler measures, and what heartbeats do.
static DECLARED: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(super::heartbeats::join(declarations::DECLARATIONS)));

pub static DESCRIPTOR: LazyLock<Descriptor> = LazyLock::new(|| Descriptor {
    name: "monitor-fix",
    about: "repairs the heartbeat monitor: Redis password, database check, the loop's service; proves it by two heartbeats",
    id_patterns: &[
        "WO-*-ACTIVATE-MONITOR*",
        "WO-*ACTIVATE_MONITOR*",
        "WO-*-MONITOR-FIX*",
        "WO-*MONITOR_FIX*",
        "WO-*-FIX-MONITOR*",
        "WO-*-FIX-OPS-MONITOR*",
        "WO-*-OPS-MONITOR-FIX*",
        "WO-*-REPAIR-MONITOR*",
        "WO-*-MONITOR-REPAIR*",
        "WO-*-MONITOR-ACTIVATION*",
        "WO-*ACTIVATE-OPS-MONITOR*",
    ],
    service_labels: &[LOOP_LABEL, "com.02luka.ops_atomic_monitor"],
    deliverable_paths: &[
        "launchd/com.02luka.ops_atomic_monitor.loop.plist",
        "~/Library/LaunchAgents/com.02luka.ops_atomic_monitor.loop.plist",
        "Library/LaunchAgents/com.02luka.ops_atomic_monitor.loop.plist",
        // with an id that fits
        "*ops_atomic*",
        "*verify_monitor.*",
    ],
    measurements: &DECLARED,
    default_criteria: &[
        ("Heartbeat cycles", "≥ 2"),
        ("Redis connectivity", "Working"),
        ("Database check", "OK"),
        ("Exit code", "0"),
        ("Verification script", "All pass"),
    ],
    default_template: None,
});

pub struct MonitorFix;

impl Handler for MonitorFix {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn diagnose(&self, order: &Order, context: &Context) -> Result<serde_json::Value, HandlerError> {
        let home = std::env::var_os("HOME").map(Into::into);
        let bounds = Bounds { root: context.root.path().to_owned(), home };
        let layout = layout::layout(order, &context.config, &bounds)?;
        let facts = facts::diagnose(&layout, bounds, &Asked::of(order, &layout), context)?;
        serde_json::to_value(facts).map_err(|error| HandlerError::failed("failed to write down the facts", error))
    }

    fn plan(
        &self,
        order: &Order,
        criteria: &[Criterion],
        facts: &serde_json::Value,
        config: &Config,
    ) -> Result<Plan, HandlerError> {
        let facts = Facts::read(facts)?;
        let layout = layout::layout(order, config, &facts.bounds)?;
        let healthy_for_ns = asked::healthy_for_ns(order, criteria);
        let mut asked = Asked::of(order, &layout);
        // a single check is measured where a row of the template asks for it too
        let of_check = |key: &String| ["monitor.check.", "monitor.latency."].iter().any(|part| key.starts_with(part));
        asked.keys.extend(super::asked(order, criteria, &DECLARED).into_iter().filter(of_check));
        let mut plan = plan::plan(&layout, &facts, &asked, healthy_for_ns, plan::Times::of(config))?;
        super::heartbeats::append(&mut plan, &super::asked(order, criteria, &DECLARED));
        Ok(plan)
    }

    fn default_criteria(&self, facts: &serde_json::Value) -> Vec<(&'static str, &'static str)> {
        Facts::read(facts).map_or_else(|_| DESCRIPTOR.default_criteria.to_vec(), |facts| asked::defaults(&facts))
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        super::heartbeats::step(spec).map_or_else(|| steps::step(spec), Ok)
    }

    fn recognize_command(&self, context: &Context, words: &[String]) -> Option<String> {
        commands::key(context, words)
    }

    fn reference(&self, _order: &Order) -> Vec<String> {
        ["wo verify monitor", "wo monitor --once", "wo monitor --measure"].map(str::to_owned).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_the_target_says_decides_what_is_measured() {
        let cases = [
            ("Heartbeat cycles", "≥ 2", "monitor.cycles"),
            ("Heartbeat cycles", "every 5 minutes", "monitor.interval"),
            ("Heartbeat reports", "5 min ±10%", "monitor.interval"),
            ("Report generation", "every 5 minutes", "monitor.interval"),
            ("Report generation", "Working", "monitor.interval"),
            ("Report generation", "Automatic", "service.runs"),
            ("Heartbeats", "Automatic", "service.runs"),
            ("Verification script", "3/3 pass", "monitor.verification"),
            // whoever speaks of a verification means that; of checks, all that there are
            ("Verification checks", "all pass", "monitor.verification"),
            ("All checks", "pass", "monitor.checks"),
            ("All checks pass", "yes", "monitor.checks"),
            ("", "All checks pass", "monitor.checks"),
            ("", "All checks green", "monitor.checks"),
            ("Checks passed", "3/3", "monitor.checks"),
            ("Health checks", "all green", "monitor.checks"),
            ("Health checks", "✅ all green", "monitor.checks"),
            ("Redis latency", "< 100 ms", "monitor.latency.redis"),
            ("Redis ping", "< 100 ms", "monitor.latency.redis"),
            ("Redis ping", "PONG", "monitor.redis"),
            ("API", "responding", "monitor.check.api"),
            ("Digest LaunchAgent", "loaded", "monitor.check.digest"),
            ("com.02luka.digest", "loaded", "monitor.check.digest"),
            ("com.02luka.optimizer", "loaded", "monitor.check.optimizer"),
            ("monitor.check.disk", "OK", "monitor.check.disk"),
            ("Monitor runs", "every 5 minutes", "monitor.interval"),
            ("Interval between heartbeats", "5 min ± 10 %", "monitor.interval"),
            ("Monitor runs", "Automatic", "service.runs"),
            ("Heartbeat loop", "running", "service.runs"),
            ("Heartbeat loop", "loaded", "service.loaded"),
            ("Loop service", "running", "service.runs"),
            ("Monitor service", "running", "service.runs"),
            ("Monitor LaunchAgent", "loaded", "service.loaded"),
            ("LaunchAgent com.02luka.ops_atomic_monitor.loop", "loaded", "service.loaded"),
            ("com.02luka.ops_atomic_monitor.loop", "loaded", "service.loaded"),
            ("Loop plist", "OK", "service.plist"),
            ("Redis server", "OK", "monitor.redis"),
            ("wo verify monitor", "passes", "monitor.verification"),
            ("Cycles in 24h", "≥ 280", "monitor.cycles_24h"),
            ("Cycles (24 h)", "≥ 280", "monitor.cycles_24h"),
            ("Heartbeats in 24 h", "≥ 280", "monitor.cycles_24h"),
            ("Heartbeats (last 24h)", "≥ 280", "monitor.cycles_24h"),
            ("24h cycles", "≥ 280", "monitor.cycles_24h"),
            ("Max gap between heartbeats", "< 15 min", "monitor.longest_gap"),
            ("Heartbeat gap", "< 15 min", "monitor.longest_gap"),
            ("Uptime (Redis)", "≥ 99 %", "monitor.uptime.redis"),
            ("Digest outages", "0", "monitor.outages.digest"),
            ("Optimizer outages", "0", "monitor.outages.optimizer"),
            ("LaunchAgents", "loaded", "monitor.services"),
            ("LaunchAgents", "running", "monitor.services"),
            ("", "All LaunchAgents are loaded", "monitor.services"),
            ("Reports generated", "≥ 2", "monitor.cycles"),
            ("Reports generated", "every 5 minutes", "monitor.interval"),
            ("LaunchAgent status", "loaded", "service.loaded"),
            ("LaunchAgent", "loaded", "service.loaded"),
            ("Verification script", "exit 0", "monitor.script_exit"),
            ("Exit code", "0", "monitor.exit_code"),
            ("Exit code", "exit 0", "monitor.exit_code"),
            ("Database file exists", "Yes", "monitor.database"),
            ("Monitor status", "HEALTHY", "monitor.status"),
            ("Critical issues", "0", "monitor.errors"),
            ("", "Redis answers PONG", "monitor.redis"),
            ("", "Redis returns PONG", "monitor.redis"),
            ("", "Redis responds to PING", "monitor.redis"),
            ("", "Redis replies to a PING", "monitor.redis"),
            ("", "Redis answers PING with PONG", "monitor.redis"),
            ("Redis responds to PING", "yes", "monitor.redis"),
            ("Redis answers PING", "PONG", "monitor.redis"),
            ("", "Database check returns OK", "monitor.database"),
            ("", "SQLite quick_check returns ok", "monitor.database"),
            ("", "No NOAUTH errors", "monitor.redis"),
            ("", "LaunchAgent exits with 0", "monitor.exit_code"),
            ("", "Verification script exits with 0", "monitor.script_exit"),
            ("Service exit status", "0", "monitor.exit_code"),
            ("launchctl exit code", "0", "monitor.exit_code"),
            ("", "Heartbeat reports generated every 5 minutes", "monitor.interval"),
            ("", "Heartbeats are generated every 5 minutes", "monitor.interval"),
            ("", "Heartbeat report is generated every 5 minutes", "monitor.interval"),
            ("", "Heartbeat files created every 5 minutes", "monitor.interval"),
            ("", "A heartbeat every 5 minutes", "monitor.interval"),
            ("", "A new heartbeat report every 5 minutes", "monitor.interval"),
            ("", "Two heartbeats, 5 minutes apart", "monitor.cycles"),
            ("", "Two heartbeats 5 minutes apart", "monitor.cycles"),
            ("Heartbeats", "2 in a row, 5 min apart", "monitor.cycles"),
            ("Heartbeats (consecutive)", "≥ 2", "monitor.cycles"),
            ("Heartbeat cycles (consecutive)", "≥ 2", "monitor.cycles"),
            ("Heartbeats in a row", "2", "monitor.cycles"),
            ("New heartbeat reports", "≥ 2", "monitor.cycles"),
            ("Number of heartbeats", "≥ 2", "monitor.cycles"),
            ("Latest heartbeat status", "HEALTHY", "monitor.status"),
            ("", "Latest heartbeat is HEALTHY", "monitor.status"),
            ("", "Monitor is healthy", "monitor.status"),
            // all that the heartbeat looks at, not only what a verification does
            ("", "All health checks pass", "monitor.status"),
        ];
        for (metric, target, expected) in cases {
            let line = [metric, target].join(if metric.is_empty() { "" } else { ": " });
            let text = format!("# WO-1-MONITOR-FIX\n\n## Acceptance\n\n- {line}\n");
            let order = crate::order::parse(text.as_bytes(), "WO-1-MONITOR-FIX.md").unwrap();
            let binder = crate::evidence::Binder::new(&order.bindings, &super::DECLARED);
            let bound = binder.bind(&order.acceptance[0]);
            let crate::evidence::Binding::Bound { key, .. } = bound else { panic!("{metric}: {bound:?}") };
            assert_eq!(key, expected, "{line}");
            let compiled = &order.acceptance[0].compiled;
            assert!(!matches!(compiled, crate::order::Target::Unclear { .. }), "{line}: {compiled:?}");
        }
    }

    #[test]
    fn which_orders_are_taken() {
        let config = Config::default();
        let handlers = crate::handlers::all(&config);
        let taken = |id: &str, body: &str| {
            let text = format!("# Work Order: {id}\n\n{body}\n");
            let order = crate::order::parse(text.as_bytes(), &format!("{id}.md")).unwrap();
            crate::engine::dispatch::dispatch(&order, &config, &handlers)
                .ok()
                .map(|(handler, _)| handler.descriptor().name)
        };
        let ours = Some("monitor-fix");
        let cases = [
            ("WO-251028-OPS-ACTIVATE-MONITOR", "", ours),
            ("WO-251028-OPS-ACTIVATE-MONITOR", "**Objective:** five green minutes", ours),
            ("WO-260101-MONITOR-REPAIR", "", ours),
            ("WO-260101-OPS_MONITOR_FIX", "", ours),
            // the field's own files, and nothing of the handler's
            (
                "WO-251028-OPS-ACTIVATE-MONITOR",
                "## Deliverables\n\n1. `run/ops_atomic_monitor.cjs` – fixed\n2. `g/reports/ops_atomic/heartbeat_YYYY-MM-DD_HH-MM-SS.md`",
                ours,
            ),
            ("WO-251028-OPS-ACTIVATE-MONITOR", "## Deliverables\n\n- `scripts/ops/verify_monitor.zsh`", ours),
            // by the service, whatever the id
            ("WO-1", "## Requirements\n\n1. **Load** `com.02luka.ops_atomic_monitor.loop`", ours),
            ("WO-1", "## Deliverables\n\n- `~/Library/LaunchAgents/com.02luka.ops_atomic_monitor.plist`", ours),
            // about other things
            ("WO-251028-OPS-ACTIVATE-MONITOR", "## Deliverables\n\n- `knowledge/perf_rollup.cjs`", None),
            ("WO-251031-MONITOR_PERF", "## Deliverables\n\n- `run/ops_atomic_monitor.cjs`", None),
            ("WO-1", "## Deliverables\n\n- `docs/ops_atomic_monitor.md`", None),
            ("WO-1", "## Deliverables\n\n- `com.02luka.ops_atomic_monitor.loop2`", None),
            ("WO-251101-ACTIVATE-DISK-MONITOR", "", None),
        ];
        for (id, body, expected) in cases {
            assert_eq!(taken(id, body), expected, "{id}: {body}");
        }
    }
}
