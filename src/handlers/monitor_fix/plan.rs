//! The plan of a repair: what was found wrong, each with its step; then the loop; then the proof; then what is measured of
//! all of it.
//!
//! The order of the steps is that of undo, backwards: the old job is loaded again after its plist was put back and the new
//! folders are gone, so it is booted out before either is touched.

use serde::{Deserialize, Serialize};

use super::asked::Asked;
use super::facts::{DatabaseFault, Facts, OldJob, RedisFault};
use super::layout::Layout;
use crate::config::Config;
use crate::handlers::steps::{Steps, list};
use crate::handlers::{HandlerError, Plan};
use crate::monitor::history::HEALTHY_FOR;

/// What a repair touches as a whole; who looks at all of it waits for its end.
pub const DEPLOYMENT: &str = "deployment:monitor-fix";

/// What one step is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Work {
    /// Nothing was found wrong: looks again, and changes nothing.
    Healthy,
    /// What no repair here cures: looks again, and ends the order before anything is changed.
    Beyond {
        faults: Vec<String>,
    },
    Redis {
        fault: RedisFault,
    },
    Database {
        fault: DatabaseFault,
    },
    Folders {
        paths: Vec<String>,
    },
    RetireJob {
        job: OldJob,
    },
    RemovePlist {
        path: String,
        #[serde(default)]
        link: Option<std::path::PathBuf>,
    },
    Plist {
        path: String,
    },
    Script {
        path: String,
    },
    Record,
    Loop,
    Proof {
        repaired: Vec<String>,
        #[serde(default = "two")]
        cycles: usize,
        /// Measurements that criteria are bound to.
        #[serde(default)]
        asked: Vec<String>,
    },
    Deliverables {
        paths: Vec<String>,
    },
    Verification {
        #[serde(default = "two")]
        cycles: usize,
        /// Measurements that criteria are bound to.
        #[serde(default)]
        asked: Vec<String>,
    },
    /// Waits until the monitor has been healthy for so long.
    Health {
        wanted_ns: u64,
    },
}

/// What plans of before there was a choice waited for.
fn two() -> usize {
    crate::verify::monitor::CYCLES
}

/// The parameters of every step of this handler.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Params {
    pub layout: Layout,
    #[serde(flatten)]
    pub work: Work,
}

/// How long an order waits at most, and how long a heartbeat takes, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub interval_ns: u64,
    pub wait_max_ns: u64,
}

impl Times {
    pub fn of(config: &Config) -> Times {
        Times {
            interval_ns: config.monitor.interval_ns(),
            wait_max_ns: config.limits.wait_max_s.saturating_mul(1_000_000_000),
        }
    }

    fn too_long(self, what: &str) -> String {
        let max = crate::text::duration_ns(self.wait_max_ns);
        format!("{what}: longer than an order waits, {max} (limits.wait_max_s), so what is there by then is judged")
    }
}

/// `healthy_for_ns` is how long criteria want the monitor to have been healthy.
pub fn plan(
    layout: &Layout,
    facts: &Facts,
    asked: &Asked,
    healthy_for_ns: Option<u64>,
    times: Times,
) -> Result<Plan, HandlerError> {
    let takes_ns = times.interval_ns.saturating_mul(asked.cycles as u64);
    let is_too_long = takes_ns > times.wait_max_ns && !facts.is_healthy();
    // a repair is not taken back for want of heartbeats that can't come in time: those that are there are measured
    let proven_by = if is_too_long { two() } else { asked.cycles };

    let mut steps = Steps::new(|work| Params { layout: layout.clone(), work });
    repairs(&mut steps, layout, facts)?;
    deploys(&mut steps, layout, facts)?;
    proof(&mut steps, layout, facts, asked, proven_by)?;
    measures(&mut steps, layout, asked, healthy_for_ns)?;

    let mut notes = facts.notes();
    if is_too_long {
        let takes = crate::text::duration_ns(takes_ns);
        notes.push(times.too_long(&format!("{} heartbeats in a row take {takes}", asked.cycles)));
    }
    if !layout.others.is_empty() {
        let others = list(&layout.others);
        notes.push(format!("this handler does not make {others}; only whether they are there is measured"));
    }
    if let Some(wanted_ns) = healthy_for_ns.filter(|wanted_ns| *wanted_ns > times.wait_max_ns) {
        notes.push(times.too_long(&format!("healthy for {}", crate::text::duration_ns(wanted_ns))));
    }
    Ok(Plan { steps: steps.finish(), keep_on_failure: false, notes })
}

/// What was found wrong, each with its step; the jobs that the loop replaces last.
fn repairs(steps: &mut Steps<impl Fn(Work) -> Params>, layout: &Layout, facts: &Facts) -> Result<(), HandlerError> {
    let settings = || vec!["wo.toml".to_owned()];
    if facts.is_healthy() {
        steps.change("healthy", "nothing is wrong: look again, change nothing".to_owned(), vec![], Work::Healthy)?;
    }
    if !facts.beyond.is_empty() {
        let describe = "look again at what a person must cure first; nothing is changed while it is so".to_owned();
        steps.change("beyond", describe, vec![], Work::Beyond { faults: facts.beyond.clone() })?;
    }
    for fault in &facts.database {
        let what = match &fault.found {
            Some(path) => format!("a native check of `{}`", path.display()),
            None if !fault.others.is_empty() => {
                "a native check of the database, once a person has said which".to_owned()
            }
            None => "a native check of the database, wherever it is found".to_owned(),
        };
        let describe = format!("make the check `{}` {what}", fault.check);
        let work = Work::Database { fault: fault.clone() };
        steps.change(&format!("database-{}", fault.check), describe, settings(), work)?;
    }
    for fault in &facts.redis {
        let from = fault.source.as_ref().map_or("no source".to_owned(), ToString::to_string);
        let describe =
            format!("store the password of `{}` from {from} in `{}`, 0600", fault.check, fault.file.display());
        let subjects = [settings(), vec![fault.file.display().to_string()]].concat();
        steps.change(&format!("redis-{}", fault.check), describe, subjects, Work::Redis { fault: fault.clone() })?;
    }
    if let Some(job) = &facts.old_job {
        let describe = format!("boot out `{}`: {}", job.label, brief(&job.faults));
        let subjects = vec![format!("service:{}", job.label)];
        steps.change("old-job", describe, subjects, Work::RetireJob { job: job.clone() })?;
        if let Some(path) = &job.plist {
            let path = path.display().to_string();
            let kept = match &job.link {
                Some(target) => format!("it is a link to `{}`, which stays", target.display()),
                None => "a backup is kept".to_owned(),
            };
            let describe = format!("remove `{path}`, which would load it at the next login; {kept}");
            let work = Work::RemovePlist { path: path.clone(), link: job.link.clone() };
            steps.change("old-plist", describe, vec![path], work)?;
        }
    }
    if let Some(job) = &facts.old_loop {
        let describe = format!("boot out `{}`: {}", job.label, brief(&job.faults));
        steps.change("old-loop", describe, vec![service(layout)], Work::RetireJob { job: job.clone() })?;
    }
    Ok(())
}

/// The folders that are missing, then the loop as it is to run.
fn deploys(steps: &mut Steps<impl Fn(Work) -> Params>, layout: &Layout, facts: &Facts) -> Result<(), HandlerError> {
    let is_deployed = facts.deploys();
    let parents = facts.missing_parents.iter().filter(|_| is_deployed);
    let mut paths: Vec<String> =
        facts.missing_folders.iter().chain(parents).map(|path| path.display().to_string()).collect();
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    if !paths.is_empty() {
        let describe = format!("make {}", list(&paths));
        steps.change("folders", describe, paths.clone(), Work::Folders { paths })?;
    }
    if !is_deployed {
        return Ok(());
    }
    for (n, path) in layout.plists.iter().enumerate().filter(|_| !facts.own_loop) {
        let name = if n == 0 { "plist".to_owned() } else { format!("plist-{}", n + 1) };
        let describe = format!("render the loop `{}` into `{path}`", layout.label);
        steps.change(&name, describe, vec![path.clone()], Work::Plist { path: path.clone() })?;
    }
    if let Some(path) = &layout.script {
        let describe = format!("write `{path}`, a shim over `wo verify monitor`");
        steps.change("script", describe, vec![path.clone()], Work::Script { path: path.clone() })?;
    }
    if !facts.own_loop || layout.script.is_some() {
        let describe = "record what is deployed where, for `wo verify`".to_owned();
        steps.change("record", describe, vec![DEPLOYMENT.to_owned()], Work::Record)?;
    }
    if !facts.own_loop {
        let describe = format!("install and load `{}`: `wo monitor`, kept alive", layout.label);
        steps.change("loop", describe, vec![service(layout)], Work::Loop)?;
    }
    Ok(())
}

/// The heartbeats in a row that prove the loop.
fn proof(
    steps: &mut Steps<impl Fn(Work) -> Params>,
    layout: &Layout,
    facts: &Facts,
    asked: &Asked,
    cycles: usize,
) -> Result<(), HandlerError> {
    let redis = facts.redis.iter().map(|fault| fault.check.clone());
    let database = facts.database.iter().map(|fault| fault.check.clone());
    let work = Work::Proof { repaired: redis.chain(database).collect(), cycles, asked: asked.keys.clone() };
    let subjects = vec![service(layout)];
    if facts.is_healthy() {
        let describe = format!("look for {cycles} heartbeats of the loop in a row, at its interval, all green");
        return steps.measure("proof", describe, subjects, work);
    }
    // a repair that is not proven is none, and is taken back
    let describe =
        format!("wait for {cycles} heartbeats of the loop in a row, at its interval, green in what was repaired");
    steps.change("proof", describe, subjects, work)
}

/// What is measured at the end, whatever became of the steps before.
fn measures(
    steps: &mut Steps<impl Fn(Work) -> Params>,
    layout: &Layout,
    asked: &Asked,
    healthy_for_ns: Option<u64>,
) -> Result<(), HandlerError> {
    if !layout.others.is_empty() {
        let paths = layout.others.clone();
        let describe = format!("look whether {} are there", list(&paths));
        steps.measure("deliverables", describe, paths.clone(), Work::Deliverables { paths })?;
    }
    let describe = "measure Redis, the database and the heartbeats, as `wo verify monitor` does".to_owned();
    let work = Work::Verification { cycles: asked.cycles, asked: asked.keys.clone() };
    steps.measure("verification", describe, vec![], work)?;
    if let Some(wanted_ns) = healthy_for_ns {
        let describe = format!(
            "wait until `{HEALTHY_FOR}` reaches {}; no longer than it grows",
            crate::text::duration_ns(wanted_ns)
        );
        steps.measure("health", describe, vec![], Work::Health { wanted_ns })?;
    }
    Ok(())
}

/// The loop's service, as a subject of steps.
fn service(layout: &Layout) -> String {
    format!("service:{}", layout.label)
}

/// The faults of a job in a line; the notes have them in full.
fn brief(faults: &[String]) -> String {
    crate::text::line(&faults.join("; "), 120)
}
