//! `wo status`: the page a person looks at first: who executes, what runs, what waits and for what, what failed and why, what
//! needs a person, what is scheduled.

use serde_json::json;

use super::{CliError, Exit, Global, output};
use crate::bridge::lock;
use crate::engine::dispatch::pattern_matches;
use crate::evidence::Outcome;
use crate::journal::store::RunRow;
use crate::journal::{Phase, Reader, WaitOn};
use crate::schedule::JobView;

/// Show what runs, what waits and for what, what failed and why
#[derive(clap::Args)]
pub struct Args {
    /// only orders in this state: received, planned, running, waiting, uncertain, undoing, judged, ended, or an outcome
    #[arg(long, env = "WO_STATE", value_name = "STATE")]
    state: Option<String>,
    /// only orders whose id fits this pattern; `*` is any run of characters
    #[arg(long, env = "WO_ID", value_name = "PATTERN")]
    id: Option<String>,
    /// how many ended orders to show
    #[arg(short = 'n', long, env = "WO_LIMIT", value_name = "N", default_value_t = 20)]
    limit: usize,
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

const OUTCOMES: [Outcome; 7] = [
    Outcome::Done,
    Outcome::Partial,
    Outcome::Failed,
    Outcome::Rejected,
    Outcome::Noop,
    Outcome::Uncertain,
    Outcome::Cancelled,
];
const PHASES: [&str; 8] = ["received", "planned", "running", "waiting", "uncertain", "undoing", "judged", "ended"];
/// Most rows that are looked through for ended orders that fit the filters.
const LOOK_THROUGH: usize = 10_000;

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    if let Some(state) = &args.state
        && !PHASES.contains(&state.as_str())
        && !OUTCOMES.iter().any(|outcome| outcome.as_str() == state)
    {
        let outcomes = OUTCOMES.map(Outcome::as_str).join(", ");
        return Err(CliError::new(format!(
            "there is no state `{state}`\nhint: one of {}, {outcomes}",
            PHASES.join(", ")
        )));
    }
    let holder = lock::holder(&root)?;
    let fits = |row: &RunRow| {
        args.id.as_deref().is_none_or(|pattern| pattern_matches(pattern, &row.key.id))
            && args.state.as_deref().is_none_or(|state| {
                row.phase.name() == state || row.phase.ended().is_some_and(|outcome| outcome.as_str() == state)
            })
    };
    let (mut drops, mut lines) = (Vec::new(), Vec::new());
    if let Some(reader) = Reader::open_existing(&root)? {
        let open: Vec<RunRow> = reader.open_runs()?.into_iter().filter(|row| fits(row)).collect();
        let ended: Vec<RunRow> = reader
            .recent_runs(LOOK_THROUGH)?
            .into_iter()
            .filter(|row| row.phase.ended().is_some() && fits(row))
            .take(args.limit)
            .collect();
        if args.state.as_deref().is_none_or(|state| state == "rejected") {
            drops = reader.drops(args.limit)?.into_iter().filter(|drop| drop.kind == "rejected").collect();
        }
        for row in open.iter().chain(&ended) {
            let run = reader.load(&row.key)?;
            lines.push((row.clone(), why(&row.phase, &run.reason), run.handler.clone(), run.ended));
        }
    }
    let jobs = crate::schedule::overview(&root)?;
    let waiting_files = crate::bridge::scan::scan(&root, &crate::config::Config::load(&root)?)
        .map(|looks| looks.iter().filter(|look| matches!(look, crate::bridge::scan::Look::Order(_))).count())
        .unwrap_or(0);

    if args.json {
        return output::print_json(&json!({
            "executor": holder,
            "inbox": waiting_files,
            "orders": lines.iter().map(|(row, why, handler, ended)| json!({
                "id": row.key.id, "attempt": row.key.attempt, "agent": row.key.agent, "priority": row.priority,
                "state": row.phase.name(), "outcome": row.phase.ended(), "needs_person": needs_person(&row.phase),
                "why": why, "handler": handler, "received": row.key.received, "ended": ended,
            })).collect::<Vec<_>>(),
            "rejected_files": drops,
            "jobs": jobs,
        }))
        .map(|()| Exit::Good);
    }

    let mut text = match &holder {
        Some(holder) => format!("executor: {holder}\n"),
        None => "executor: none; `wo up` starts one, `wo run` processes the inbox once\n".to_owned(),
    };
    text.push_str(&format!("inbox: {waiting_files} waiting\n"));
    let person: Vec<_> = lines.iter().filter(|(row, ..)| needs_person(&row.phase)).collect();
    let others: Vec<_> =
        lines.iter().filter(|(row, ..)| row.phase.ended().is_none() && !needs_person(&row.phase)).collect();
    let past: Vec<_> = lines.iter().filter(|(row, ..)| row.phase.ended().is_some()).collect();
    let row = |(row, why, ..): &&(RunRow, String, Option<String>, Option<jiff::Timestamp>)| {
        let state = row.phase.ended().map_or(row.phase.name(), Outcome::as_str);
        vec![row.key.id.clone(), format!("{:?}", row.priority), state.to_owned(), crate::text::line(why, 300)]
    };
    for (title, rows) in [("needs a person", person), ("open", others), ("ended", past)] {
        if !rows.is_empty() {
            text.push_str(&format!("\n{title}:\n"));
            text.push_str(&output::table(&["Order", "Prio", "State", "Why"], rows.iter().map(row)));
        }
    }
    if !drops.is_empty() {
        text.push_str("\nrejected files:\n");
        text.push_str(&output::table(
            &["File", "When", "Why"],
            drops.iter().map(|drop| vec![drop.file.clone(), format!("{:.0}", drop.at), drop.reason.clone()]),
        ));
    }
    if !jobs.is_empty() {
        text.push_str("\nscheduled:\n");
        text.push_str(&jobs_table(&jobs));
    }
    output::print(&text)?;
    Ok(Exit::Good)
}

fn needs_person(phase: &Phase) -> bool {
    matches!(phase, Phase::Uncertain { .. } | Phase::Waiting { on: WaitOn::Approval, .. })
}

fn why(phase: &Phase, reason: &str) -> String {
    match phase {
        Phase::Waiting { why, until, .. } => format!("{why}; looked at again {until:.0}"),
        Phase::Uncertain { why, .. } => why.clone(),
        _ => reason.to_owned(),
    }
}

fn jobs_table(jobs: &[JobView]) -> String {
    output::table(
        &["Service", "When", "Last run", "Next run", "Held by"],
        jobs.iter().map(|job| {
            let last = job.last.as_ref().map(|run| {
                let end = run.exit.map_or("runs".to_owned(), |exit| format!("exit {exit}"));
                format!("{:.0}, {end}", run.started)
            });
            vec![
                job.label.clone(),
                job.when.clone(),
                last.unwrap_or_else(|| "never".to_owned()),
                job.next.map_or("none".to_owned(), |next| format!("{next:.0}")),
                job.held_by.clone().unwrap_or_else(|| "nobody: `wo up` does not run".to_owned()),
            ]
        }),
    )
}
