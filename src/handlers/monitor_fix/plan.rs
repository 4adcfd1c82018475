//! The plan of a repair: what was found wrong, each with its step; then the loop; then the proof.
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
}

/// `healthy_for_ns` is how long criteria want the monitor to have been healthy.
pub fn plan(
    layout: &Layout,
    facts: &Facts,
    asked: &Asked,
    healthy_for_ns: Option<u64>,
    times: Times,
) -> Result<Plan, HandlerError> {
    let cycles = asked.cycles;
    let takes_ns = times.interval_ns.saturating_mul(cycles as u64);
    let is_too_long = takes_ns > times.wait_max_ns && !facts.is_healthy();
    // a repair is not taken back for want of heartbeats that can't come in time: those that are there are measured
    let proven_by = if is_too_long { two() } else { cycles };
    let mut steps = Steps::new(|work| Params { layout: layout.clone(), work });
    let settings = || vec!["wo.toml".to_owned()];
    let service = format!("service:{}", layout.label);
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
        steps.change("old-loop", describe, vec![service.clone()], Work::RetireJob { job: job.clone() })?;
    }
    let deploys = facts.deploys();
    let parents = facts.missing_parents.iter().filter(|_| deploys);
    let mut paths: Vec<String> =
        facts.missing_folders.iter().chain(parents).map(|path| path.display().to_string()).collect();
    let mut seen = std::collections::BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    if !paths.is_empty() {
        let describe = format!("make {}", list(&paths));
        steps.change("folders", describe, paths.clone(), Work::Folders { paths })?;
    }
    if deploys {
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
            steps.change("loop", describe, vec![service.clone()], Work::Loop)?;
        }
    }
    let repaired: Vec<String> = facts
        .redis
        .iter()
        .map(|fault| fault.check.clone())
        .chain(facts.database.iter().map(|fault| fault.check.clone()))
        .collect();
    let proof = Work::Proof { repaired, cycles: proven_by, asked: asked.keys.clone() };
    match facts.is_healthy() {
        true => {
            let describe = format!("look for {cycles} heartbeats of the loop in a row, at its interval, all green");
            steps.measure("proof", describe, vec![service], proof)?;
        }
        // a repair that is not proven is none, and is taken back
        false => {
            let describe = format!(
                "wait for {proven_by} heartbeats of the loop in a row, at its interval, green in what was repaired"
            );
            steps.change("proof", describe, vec![service], proof)?;
        }
    }
    let mut notes = facts.notes();
    let too_long = |what: String| {
        let max = crate::text::duration_ns(times.wait_max_ns);
        format!("{what}: longer than an order waits, {max} (limits.wait_max_s), so what is there by then is judged")
    };
    if is_too_long {
        let takes = crate::text::duration_ns(takes_ns);
        notes.push(too_long(format!("{cycles} heartbeats in a row take {takes}")));
    }
    if !layout.others.is_empty() {
        let paths = layout.others.clone();
        notes.push(format!("this handler does not make {}; only whether they are there is measured", list(&paths)));
        let describe = format!("look whether {} are there", list(&paths));
        steps.measure("deliverables", describe, paths.clone(), Work::Deliverables { paths })?;
    }
    let describe = "measure Redis, the database and the heartbeats, as `wo verify monitor` does".to_owned();
    steps.measure("verification", describe, vec![], Work::Verification { cycles, asked: asked.keys.clone() })?;
    if let Some(wanted_ns) = healthy_for_ns {
        if wanted_ns > times.wait_max_ns {
            notes.push(too_long(format!("healthy for {}", crate::text::duration_ns(wanted_ns))));
        }
        let describe = format!(
            "wait until `{HEALTHY_FOR}` reaches {}; no longer than it grows",
            crate::text::duration_ns(wanted_ns)
        );
        steps.measure("health", describe, vec![], Work::Health { wanted_ns })?;
    }
    Ok(Plan { steps: steps.finish(), keep_on_failure: false, notes })
}

/// The faults of a job in a line; the notes have them in full.
fn brief(faults: &[String]) -> String {
    crate::text::line(&faults.join("; "), 120)
}
