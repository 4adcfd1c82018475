//! `wo monitor`: the heartbeat loop, or one cycle (`--once`), the measurements from heartbeats (`--measure`), or a test of
//! the webhooks (`--test-alert`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::output::{self, print, print_json};
use super::{CliError, Exit, Global};
use crate::clock::{Clock, SystemClock, ns_between};
use crate::config::Config;
use crate::monitor::deliver::{self, Pass};
use crate::monitor::heartbeat::{Heartbeat, State, Status};
use crate::monitor::measure::Measured;
use crate::monitor::notice::Notice;
use crate::monitor::record::Recorded;
use crate::monitor::{self, Parts, history};
use crate::root::Root;
use crate::text;

/// check everything and write a heartbeat: the loop, or one cycle
#[derive(clap::Args, Debug)]
pub struct Args {
    /// run one cycle and exit: 0, or 1 when a check is in error
    #[arg(long, env = "WO_ONCE", conflicts_with_all = ["measure", "test_alert"])]
    once: bool,
    /// print what the heartbeats measure: cycles, gaps, health, uptime, outages
    #[arg(long, env = "WO_MEASURE", conflicts_with = "test_alert")]
    measure: bool,
    /// post a test alert to every webhook now
    #[arg(long, env = "WO_TEST_ALERT")]
    test_alert: bool,
    /// print JSON, one value a cycle
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

/// How long `--once` stays for alerts after its cycle; what is not delivered stays queued.
const DELIVERY_LIMIT: Duration = Duration::from_secs(10);

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let config = Arc::new(Config::load(&root)?);
    if args.test_alert {
        return test_alert(&root, &config, args.json);
    }
    if args.measure {
        return measure(&root, &config, args.json);
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let services = crate::services::manager(&root, &config, clock.clone())?;
    let parts = Parts { root, config, clock, services };
    if args.once { once(parts, args.json) } else { stay(parts, args.json) }
}

fn once(parts: Parts, json: bool) -> Result<Exit, CliError> {
    let root = parts.root.clone();
    let (recorded, pass) = monitor::once(parts, DELIVERY_LIMIT)?;
    for problem in &recorded.problems {
        output::complain(format_args!("error: {problem}"));
    }
    for (webhook, why) in &pass.failed {
        output::complain(format_args!(
            "warning: failed to deliver an alert to {webhook}: {why}\nhint: it stays queued and is tried again"
        ));
    }
    if json {
        print_json(&as_json(&root, &recorded, Some(&pass)))?;
    } else {
        print(&as_table(&root, &recorded, &pass))?;
    }
    let critical = recorded.heartbeat.status == Some(Status::Critical);
    Ok(if critical || !recorded.problems.is_empty() { Exit::Bad } else { Exit::Good })
}

/// The loop, until SIGINT or SIGTERM.
fn stay(parts: Parts, json: bool) -> Result<Exit, CliError> {
    let root = parts.root.clone();
    let (stop, stopped) = watch::channel(false);
    stop_on_signals(stop)?;
    let listener = Box::new(move |recorded: &Recorded| {
        for problem in &recorded.problems {
            output::complain(format_args!("error: {problem}"));
        }
        let line = if json { as_json(&root, recorded, None).to_string() } else { as_line(&root, recorded) };
        // the loop's product are its reports: it goes on when nobody reads its output
        let _ = print(&format!("{line}\n"));
    });
    let every = text::duration_ns(parts.config.monitor.interval_ns());
    let thread = monitor::start_with(parts, stopped, listener)?;
    output::complain(format_args!("monitoring: one cycle every {every}; SIGINT or SIGTERM ends it"));
    match thread.join() {
        Ok(Ok(())) => Ok(Exit::Good),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(CliError::new("the monitor's loop failed; this is a defect").exit(Exit::Bad)),
    }
}

fn stop_on_signals(stop: watch::Sender<bool>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        stop.send_replace(true);
    })?;
    Ok(())
}

fn test_alert(root: &Root, config: &Config, json: bool) -> Result<Exit, CliError> {
    let monitor = &config.monitor;
    if monitor.webhooks.is_empty() {
        return Err(CliError::new(
            "no webhook is configured\nhint: add `webhooks = [{ url = \"…\", format = \"discord\" }]` under [monitor]",
        ));
    }
    let now = SystemClock.now();
    let timeout = Duration::from_millis(monitor.webhook_timeout_ms);
    let id = format!("test-{}", now.as_millisecond());
    let mut all_arrived = true;
    let mut results = Vec::new();
    for (webhook, name) in monitor.webhooks.iter().zip(deliver::names(&monitor.webhooks)) {
        let result = deliver::post(root, webhook, &Notice::test(now), &id, timeout);
        all_arrived &= result.is_ok();
        let why = result.err().map(|error| error.why);
        if json {
            results.push(json!({ "webhook": name, "delivered": why.is_none(), "why": why }));
        } else {
            print(&match &why {
                None => format!("{name}: delivered\n"),
                Some(why) => format!("{name}: not delivered: {why}\n"),
            })?;
        }
    }
    if json {
        print_json(&results)?;
    }
    Ok(if all_arrived { Exit::Good } else { Exit::Bad })
}

fn measure(root: &Root, config: &Config, json: bool) -> Result<Exit, CliError> {
    let now = SystemClock.now();
    let measured = history::measured(root, config, now)?;
    let gaps = match monitor::store::Store::open_existing(root)? {
        Some(store) => store.gaps()?,
        None => Vec::new(),
    };
    let taken = measured.as_ref().map(|measured| measured.measurements(now)).unwrap_or_default();
    for unreadable in measured.iter().flat_map(|measured| &measured.unreadable) {
        output::complain(format_args!("warning: failed to read {unreadable}; it is missing in what is measured"));
    }
    if json {
        print_json(&json!({ "measurements": taken, "measured": measured, "gaps": gaps }))?;
        return Ok(Exit::Good);
    }
    let Some(measured) = measured else {
        output::complain(format_args!(
            "nothing is measured: there are no heartbeats in `{}`",
            config.paths.heartbeats.display()
        ));
        return Ok(Exit::Good);
    };
    let mut out = String::new();
    let width = taken.iter().map(|measurement| measurement.key.chars().count()).max().unwrap_or(0);
    for measurement in &taken {
        let how = measurement.how.split("; from ").next().unwrap_or_default();
        out.push_str(&format!("{:width$}  {}  ({how})\n", measurement.key, measurement.value));
    }
    out.push_str(&basis(&measured, now));
    for gap in gaps.iter().rev().take(10) {
        let length = duration(gap.from, gap.until);
        out.push_str(&format!(
            "gap: {}, {} to {} ({length}, {} cycles)\n",
            gap.kind.as_str(),
            gap.from,
            gap.until,
            gap.missed
        ));
    }
    print(&out)?;
    Ok(Exit::Good)
}

fn basis(measured: &Measured, now: jiff::Timestamp) -> String {
    let old = if measured.is_stale(now) { "; it says nothing of the present" } else { "" };
    format!(
        "from {} heartbeats, {} to {}; the newest is {} old{old}\n",
        measured.seen,
        measured.first,
        measured.newest,
        duration(measured.newest, now)
    )
}

fn duration(from: jiff::Timestamp, to: jiff::Timestamp) -> String {
    text::duration_ns(ns_between(from, to))
}

fn as_json(root: &Root, recorded: &Recorded, pass: Option<&Pass>) -> serde_json::Value {
    json!({
        "heartbeat": recorded.heartbeat,
        "report": recorded.report.as_ref().map(|path| root.show(path)),
        "gap": recorded.gap,
        "notices": recorded.notices,
        "problems": recorded.problems,
        "delivered": pass.map(|pass| pass.sent),
        "undelivered": pass.map(|pass| pass.failed.iter().map(|(name, why)| json!({ "webhook": name, "why": why })).collect::<Vec<_>>()),
    })
}

fn as_line(root: &Root, recorded: &Recorded) -> String {
    let heartbeat = &recorded.heartbeat;
    let bad = heartbeat.checks.iter().filter(|check| check.state != State::Ok);
    let bad: Vec<String> = bad.map(|check| format!("{} {}: {}", mark(check.state), check.name, seen(check))).collect();
    let gap = recorded.gap.as_ref().map(|gap| {
        format!(" after {} ({}, {} cycles missed)", duration(gap.from, gap.until), gap.kind.as_str(), gap.missed)
    });
    let report = match &recorded.report {
        Some(path) => root.show(path),
        None => format!("{} not written", mark(State::Error)),
    };
    format!("{}{} {report} {}", headline(heartbeat), gap.unwrap_or_default(), bad.join(" · ")).trim_end().to_owned()
}

fn as_table(root: &Root, recorded: &Recorded, pass: &Pass) -> String {
    let heartbeat = &recorded.heartbeat;
    let mut out = format!("{}\n", headline(heartbeat));
    let width = heartbeat.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    for check in &heartbeat.checks {
        out.push_str(&format!("  {} {:width$}  {}\n", mark(check.state), check.name, seen(check)));
    }
    for notice in &recorded.notices {
        out.push_str(&format!("{}: {}\n", notice.kind.as_str(), notice.title()));
    }
    if pass.sent > 0 {
        out.push_str(&format!("alerts delivered: {}\n", pass.sent));
    }
    if let Some(report) = &recorded.report {
        out.push_str(&format!("report: {}\n", root.show(report)));
    }
    out
}

fn headline(heartbeat: &Heartbeat) -> String {
    let (mark, word) = match heartbeat.status {
        Some(Status::Healthy) => (mark(State::Ok), "HEALTHY"),
        Some(Status::Warnings) => (mark(State::Warn), "WARNINGS"),
        Some(Status::Critical) => (mark(State::Error), "CRITICAL"),
        None => (mark(State::Unknown), "UNKNOWN"),
    };
    let at = heartbeat.timestamp.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()).unwrap_or_default();
    format!("{at} {mark} {word} {} ms", heartbeat.duration_ms.unwrap_or(0))
}

fn seen(check: &monitor::heartbeat::CheckResult) -> String {
    match &check.detail {
        Some(detail) => format!("{}: {detail}", check.message),
        None => check.message.to_string(),
    }
}

fn mark(state: State) -> &'static str {
    match state {
        State::Ok => "✅",
        State::Warn => "⚠️ ",
        State::Error => "❌",
        State::Unknown => "❓",
    }
}
