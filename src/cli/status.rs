//! `wo status`: the page a person looks at first: who executes, what runs, what waits and for what, what failed and why, what
//! needs a person, what the machine hinders, what is scheduled.

use serde_json::json;

use super::standing::{self, Stand, Standing, World};
use super::trouble;
use super::{CliError, Exit, Global, output};
use crate::bridge::{lock, scan};
use crate::config::Config;
use crate::engine::dispatch::pattern_matches;
use crate::engine::held_up::Trouble;
use crate::evidence::Outcome;
use crate::journal::records::{Drop, DropKind, RunRow};
use crate::journal::{Phase, Reader, Run};
use crate::process;
use crate::root::Root;
use crate::schedule::JobView;

/// Show what runs, what waits and for what, what failed and why
#[derive(clap::Args)]
pub struct Args {
    /// only orders in this state: received, planned, running, waiting, uncertain, undoing, judged, ended, or an outcome
    #[arg(long, env = "WO_STATE", value_name = "STATE")]
    state: Option<String>,
    /// only orders whose id fits this pattern; `*` is any run of characters
    #[arg(long, env = "WO_ID_PATTERN", value_name = "PATTERN")]
    id: Option<String>,
    /// how many ended orders to show
    #[arg(short = 'n', long, env = "WO_LIMIT", value_name = "N", default_value_t = 20)]
    limit: usize,
    /// print JSON
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
/// Most open orders that the page lists; JSON has them all.
const OPEN_SHOWN: usize = 200;

/// An order as the page shows it.
struct Line {
    row: RunRow,
    standing: Standing,
    handler: Option<String>,
    ended: Option<jiff::Timestamp>,
}

impl Line {
    fn state(&self) -> &'static str {
        self.row.phase.ended().map_or(self.row.phase.name(), Outcome::as_str)
    }

    /// What it waits for, what it is at, or how it ended.
    fn why(&self) -> String {
        self.standing.told()
    }

    fn cells(&self) -> Vec<String> {
        let row = &self.row;
        let priority = format!("{:?}", row.priority);
        let why = crate::text::line(&self.why(), 300);
        vec![row.key.id.clone(), priority, self.state().to_owned(), why]
    }
}

/// All that the page shows.
struct Page {
    holder: Option<lock::Holder>,
    /// Files in the inboxes.
    waiting_files: usize,
    /// Why nothing more is taken from an inbox, if so.
    stopped: Vec<String>,
    trouble: trouble::Trouble,
    untold: u64,
    lines: Vec<Line>,
    /// Open orders that are not among the lines.
    more_open: usize,
    drops: Vec<Drop>,
    /// One store that can't be read must not take away what the other one says.
    jobs: Result<Vec<JobView>, String>,
}

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
    let page = collect(&root, &args)?;
    match args.json {
        true => output::print_json(&page.json())?,
        false => output::print(&page.text())?,
    }
    Ok(if page.jobs.is_err() { Exit::Bad } else { Exit::Good })
}

fn collect(root: &Root, args: &Args) -> Result<Page, CliError> {
    let holder = lock::holder(root)?;
    let config = Config::load(root)?;
    // before the journal is read: an order that is claimed in between is told twice, not passed over
    let waiting_files = scan::scan(root, &config)
        .map(|looks| looks.iter().filter(|look| matches!(look, scan::Look::Order(_))).count())
        .unwrap_or(0);
    let fits = |row: &RunRow| {
        args.id.as_deref().is_none_or(|pattern| pattern_matches(pattern, &row.key.id))
            && args.state.as_deref().is_none_or(|state| {
                row.phase.name() == state || row.phase.ended().is_some_and(|outcome| outcome.as_str() == state)
            })
    };
    let world = World::new(root, holder.as_ref(), Some(&config));
    let (mut drops, mut lines, mut more_open, mut untold) = (Vec::new(), Vec::new(), 0, 0);
    if let Some(reader) = Reader::open_existing(root)? {
        let mut open: Vec<RunRow> = reader.open_runs()?.into_iter().filter(|row| fits(row)).collect();
        // those that a person may have to look at first, then by urgency as they come
        open.sort_by_key(|row| (!row.phase.needs_person(), !is_begun(&row.phase)));
        if !args.json && open.len() > OPEN_SHOWN {
            more_open = open.len() - OPEN_SHOWN;
            open.truncate(OPEN_SHOWN);
        }
        let ended =
            reader.recent_runs(LOOK_THROUGH)?.into_iter().filter(|row| row.phase.ended().is_some() && fits(row));
        // each kind with its own room: many that went well do not hide one that failed
        let (mut good, mut bad) = (0, 0);
        let mut seen = std::collections::HashSet::new();
        let ended = ended.filter(|row| {
            let is_last = seen.insert(row.key.id.clone());
            let is_good = row.phase.ended().is_some_and(Outcome::is_good) || !is_last;
            let count = if is_good { &mut good } else { &mut bad };
            *count += 1;
            *count <= args.limit
        });
        let ended: Vec<RunRow> = ended.collect();
        if args.state.as_deref().is_none_or(|state| state == "rejected") {
            drops = reader.drops(args.limit)?.into_iter().filter(is_refused).collect();
        }
        untold = reader.untold_count()?;
        let mut runs = Vec::new();
        for row in open.into_iter().chain(ended) {
            let run = reader.load(&row.key)?;
            runs.push((row, run));
        }
        let now = jiff::Timestamp::now();
        for (row, run) in &runs {
            let mut standing = standing::of(run, &world, now);
            if let Some(why) = blocked(run, &runs).filter(|_| !standing.needs_person()) {
                standing = Standing { stand: Stand::Waits, why, ..standing };
            }
            lines.push(Line { row: row.clone(), standing, handler: run.handler.clone(), ended: run.ended });
        }
    }
    let mut trouble = trouble::look(root, &config, holder.is_some())?;
    if let Some(Trouble { why, again }) = world.trouble_of_look() {
        trouble.all.push(format!("{why}; the inboxes are looked at again {again:.0}"));
    }
    let mut stopped = claiming_stops(root, &config)?;
    stopped.extend(trouble.claiming.iter().cloned());
    for line in &mut lines {
        if matches!(line.row.phase, Phase::Judged { .. })
            && let Some(why) = trouble.of_outbox(&line.row.key.agent)
        {
            line.standing.why = format!("{}; {why}", line.standing.why);
        }
    }
    let jobs = crate::schedule::overview(root).map_err(|error| error.to_string());
    Ok(Page { holder, waiting_files, stopped, trouble, untold, lines, more_open, drops, jobs })
}

impl Page {
    fn json(&self) -> serde_json::Value {
        json!({
            "executor": self.holder,
            "executor_suspended": self.holder.as_ref().is_some_and(|holder| process::is_suspended(holder.pid)),
            "inbox": self.waiting_files,
            "claiming_stops": self.stopped,
            "trouble": self.trouble.all,
            "untold_notices": self.untold,
            "orders": self.lines.iter().map(|line| json!({
                "id": line.row.key.id, "attempt": line.row.key.attempt, "agent": line.row.key.agent,
                "priority": line.row.priority, "state": line.row.phase.name(), "outcome": line.row.phase.ended(),
                "needs_person": line.standing.needs_person(), "why": line.why(), "handler": line.handler,
                "received": line.row.key.received, "ended": line.ended,
            })).collect::<Vec<_>>(),
            "rejected_files": self.drops,
            "jobs": self.jobs.as_deref().unwrap_or_default(),
            "jobs_trouble": self.jobs.as_ref().err(),
        })
    }

    fn text(&self) -> String {
        let mut text = match &self.holder {
            Some(holder) => {
                let suspended = match process::is_suspended(holder.pid) {
                    true => format!(", is suspended: `fg` in its terminal, or `kill -CONT {}`", holder.pid),
                    false => String::new(),
                };
                format!("executor: {holder}{suspended}\n")
            }
            None => "executor: none; `wo up` starts one, `wo run` processes the inbox once\n".to_owned(),
        };
        text.push_str(&format!("inbox: {} waiting\n", self.waiting_files));
        for why in &self.stopped {
            text.push_str(&format!("claiming stops: {why}\n"));
        }
        for why in self.trouble.all.iter().filter(|why| !self.stopped.contains(why)) {
            text.push_str(&format!("trouble: {why}\n"));
        }
        if self.untold > 0 {
            text.push_str(&format!(
                "notices not delivered yet: {}; see [notify] in wo.toml and the log of `wo up`\n",
                self.untold
            ));
        }
        // an attempt that was followed by another is history, whatever came of it
        let newest = |line: &Line| {
            self.lines
                .iter()
                .all(|other| other.row.key.id != line.row.key.id || other.row.key.attempt <= line.row.key.attempt)
        };
        let title = |line: &Line| match line.row.phase.ended() {
            None if line.standing.needs_person() => "needs a person",
            None if line.standing.stand == Stand::AtWork => "runs",
            None => "waits",
            Some(outcome) if !outcome.is_good() && newest(line) => "did not end well",
            Some(_) => "ended",
        };
        for section in ["needs a person", "runs", "waits", "did not end well", "ended"] {
            let rows: Vec<_> = self.lines.iter().filter(|line| title(line) == section).map(Line::cells).collect();
            if !rows.is_empty() {
                text.push_str(&format!("\n{section}:\n"));
                text.push_str(&output::table(&["Order", "Prio", "State", "Why"], rows));
            }
            if section == "waits" && self.more_open > 0 {
                text.push_str(&format!("and {} open orders more; `wo status --json` lists them all\n", self.more_open));
            }
        }
        if !self.drops.is_empty() {
            text.push_str("\nrejected files:\n");
            text.push_str(&output::table(
                &["File", "When", "Why"],
                self.drops.iter().map(|drop| {
                    vec![
                        crate::text::line(&drop.file, 60),
                        format!("{:.0}", drop.at),
                        crate::text::line(&drop.reason, 300),
                    ]
                }),
            ));
        }
        match &self.jobs {
            Ok(jobs) if jobs.is_empty() => {}
            Ok(jobs) => {
                text.push_str("\nscheduled:\n");
                text.push_str(&jobs_table(jobs));
            }
            Err(why) => text.push_str(&format!("\nscheduled: not known: {why}\n")),
        }
        text
    }
}

/// Whether its file lies in `rejected/`.
fn is_refused(drop: &Drop) -> bool {
    matches!(drop.kind, DropKind::Rejected | DropKind::Edited)
}

fn is_begun(phase: &Phase) -> bool {
    matches!(phase, Phase::Running | Phase::Undoing | Phase::Judged { .. })
}

/// Which order has what this one touches, while this one has not begun.
fn blocked(run: &Run, all: &[(RunRow, Run)]) -> Option<String> {
    if run.phase != Phase::Running || run.has_begun() {
        return None;
    }
    let subjects = run.subjects();
    let others =
        all.iter().map(|(_, other)| other).filter(|other| other.key.run != run.key.run && other.keeps_subjects());
    others.into_iter().find_map(|other| {
        let shared = other.subjects().into_iter().find(|subject| subjects.contains(subject))?;
        Some(format!("waits for {}, which touches `{shared}` too", other.key.id))
    })
}

/// Why nothing more is taken from an inbox, if so.
fn claiming_stops(root: &Root, config: &Config) -> Result<Vec<String>, CliError> {
    let limits = &config.limits;
    let mut why = Vec::new();
    for agent in &config.inbox.agents {
        if crate::bridge::scan::count(&root.rejected(agent), limits.rejected_files)? >= limits.rejected_files {
            why.push(format!(
                "rejected/{agent}/ holds {} files (limits.rejected_files); look through them and move them away",
                limits.rejected_files
            ));
        }
    }
    if let Some(reader) = Reader::open_existing(root)?
        && reader.open_count()? >= limits.open_orders
    {
        why.push(format!("{} orders are open (limits.open_orders)", limits.open_orders));
    }
    Ok(why)
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
