//! `wo show ID`: one order, its attempts, steps, criteria and where its reports are.

use serde_json::json;

use super::standing::{self, Standing, World};
use super::{CliError, Exit, Global, output, rejection};
use crate::bridge::lock;
use crate::config::Config;
use crate::evidence::Verdict;
use crate::journal::records::Drop;
use crate::journal::{Phase, Reader, Run};

/// Show an order: state, steps, criteria, reports
#[derive(clap::Args)]
pub struct Args {
    /// the order's id
    #[arg(value_name = "ID", value_parser = super::order_id)]
    id: String,
    /// an earlier attempt
    #[arg(long, env = "WO_ATTEMPT", value_name = "N")]
    attempt: Option<u32>,
    /// print JSON
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let Some(reader) = Reader::open_existing(&root)? else { return Err(rejection::of_unknown(None, &args.id)?) };
    let rows = reader.runs_of(&args.id)?;
    let Some(newest) = rows.last() else { return Err(rejection::of_unknown(Some(&reader), &args.id)?) };
    let row = match args.attempt {
        Some(attempt) => rows.iter().find(|row| row.key.attempt == attempt).ok_or_else(|| {
            CliError::new(format!("{} has no attempt {attempt}\nhint: it has {}", args.id, rows.len()))
        })?,
        None => newest,
    };
    let run = reader.load(&row.key)?;
    // what was recorded is shown also where the settings can't be read
    let world = World::new(&root, lock::holder(&root)?.as_ref(), Config::load(&root).ok().as_ref());
    let standing = standing::of(&run, &world, jiff::Timestamp::now());
    let rejected = match row.key == newest.key {
        true => rejection::of_newest(&reader, &args.id, Some(&run))?,
        false => None,
    };
    match args.json {
        true => output::print_json(&as_json(&run, &standing, rejected.as_ref()))?,
        false => output::print(&page(&run, &standing, rows.len(), rejected.as_ref()))?,
    }
    Ok(Exit::Good)
}

/// A run for machines; `rejected`: a later text of its id.
fn as_json(run: &Run, standing: &Standing, rejected: Option<&Drop>) -> serde_json::Value {
    let why = standing.is_kept().then_some(&standing.why);
    json!({
        "id": run.key.id,
        "attempt": run.key.attempt,
        "agent": run.key.agent,
        "file": run.key.file,
        "sha256": run.key.sha256,
        "received": run.key.received,
        "priority": run.priority,
        "handler": run.handler,
        "state": run.phase.name(),
        "waits_for": why,
        "needs_person": standing.needs_person(),
        "until": standing.until,
        "outcome": run.phase.ended(),
        "reason": run.reason,
        "criteria": run.judged,
        "steps": run.step_records(),
        "measurements": run.measurements,
        "reports": run.reports,
        "source": run.source,
        "ended": run.ended,
        "rejected_later": rejected,
    })
}

fn page(run: &Run, standing: &Standing, attempts: usize, rejected: Option<&Drop>) -> String {
    let state = match &run.phase {
        Phase::Ended { outcome } => outcome.to_string(),
        phase if standing.is_kept() => {
            let until = standing.until.map_or(String::new(), |at| format!(" until {at:.0}"));
            let why = standing.again.map_or_else(|| standing.why.clone(), |_| format!("waits: {}", standing.told()));
            format!("{}{until}: {why}", phase.name())
        }
        phase => phase.name().to_owned(),
    };
    let mut text = format!("{}  attempt {} of {attempts}\nstate: {state}\n", run.key.id, run.key.attempt);
    if !run.reason.is_empty() {
        text.push_str(&format!("reason: {}\n", run.reason));
    }
    if let Some(drop) = rejected {
        text.push_str(&format!("newest text: {}\n", rejection::said_later(drop)));
    }
    if let Some(handler) = &run.handler {
        text.push_str(&format!("handler: {handler} ({})\n", run.dispatch));
    }
    if !run.steps.is_empty() {
        text.push_str(&output::table(
            &["Step", "State", "Before", "After"],
            run.step_records().into_iter().map(|step| {
                let state = serde_json::to_value(step.state).ok().and_then(|v| v.as_str().map(str::to_owned));
                vec![step.name, state.unwrap_or_default(), step.before, step.after]
            }),
        ));
    }
    if !run.judged.is_empty() {
        text.push_str(&output::table(
            &["Metric", "Target", "Actual", "Verdict"],
            run.judged.iter().map(|judged| {
                let verdict = match &judged.verdict {
                    Verdict::Pass => "PASS".to_owned(),
                    Verdict::Fail => "FAIL".to_owned(),
                    Verdict::Unmeasured => format!("UNMEASURED: {}", judged.reason),
                    Verdict::Waived { reason, until } => format!("WAIVED until {until}: {reason}"),
                };
                vec![judged.metric.clone(), judged.target.clone(), judged.actual.clone().unwrap_or_default(), verdict]
            }),
        ));
    }
    for report in &run.reports {
        text.push_str(&format!("report: {}\n", report.path));
    }
    if let Some(source) = &run.source {
        text.push_str(&format!("source: {source}\n"));
    }
    crate::text::escape(&text)
}
