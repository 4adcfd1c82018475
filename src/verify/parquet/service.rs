//! Checks of the service: loaded as it was deployed, and when it runs next. Whether its plist is well made is another file's.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::{CheckResult, Finding};
use super::written::Written;
use super::{Scope, looked, unmeasured};
use crate::deployed::record::Deployment;
use crate::evidence::{Made, Measurement, ServiceRun, StartedBy, Value};
use crate::schedule::calendar;
use crate::services::{ManagerKind, ServiceError, ServiceStatus, Start};

/// What the service manager says now, asked once for all that depends on it.
pub struct Seen {
    status: Result<ServiceStatus, ServiceError>,
    next: Result<Vec<Timestamp>, ServiceError>,
    runs: Result<Vec<ServiceRun>, ServiceError>,
    /// Why what the manager has of it is not what was deployed.
    altered: Option<String>,
}

/// Fire times that are shown and judged.
const NEXT_RUNS: usize = 2;

impl Seen {
    pub fn look(scope: &Scope, written: &Written) -> Self {
        let label = &scope.deployment.label;
        let status = scope.services.status(label);
        let is_loaded = status.as_ref().is_ok_and(|status| status.loaded);
        Seen {
            altered: if is_loaded { altered(scope, written) } else { None },
            status,
            next: scope.services.next_runs(label, scope.now, NEXT_RUNS),
            runs: scope.services.runs(label).map(|runs| proven(runs, scope.since)),
        }
    }

    pub fn loaded(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("service.loaded", "Service loaded");
        let label = &scope.deployment.label;
        match &self.status {
            Err(error) => unmeasured(id, title, error.to_string()),
            Ok(status) => {
                let altered = self.altered.as_ref().map(|why| format!("; {why}")).unwrap_or_default();
                let detail = format!("`{label}`: {}{altered}", status.detail);
                let works = status.loaded && self.altered.is_none();
                let kind = scope.services.kind();
                let how = format!(
                    "asked {kind} for the status of {label}, and compared what is installed with what was deployed"
                );
                looked(scope, id, title, "service.loaded", works, detail, &how)
            }
        }
    }

    pub fn next_run(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("service.next-run", "Next scheduled run");
        match (&self.status, &self.next) {
            (Err(error), _) | (_, Err(error)) => unmeasured(id, title, error.to_string()),
            (Ok(status), _) if !status.loaded => unmeasured(id, title, "the service is not loaded"),
            (Ok(_), Ok(next)) => {
                let value = self.schedule(scope, next);
                let right = is_right(scope, next);
                // one fault, told once
                if let (false, Some(why)) = (right, &self.altered) {
                    return unmeasured(
                        id,
                        title,
                        format!("the schedule that was deployed is not the one that is installed: {why}"),
                    );
                }
                let detail = match right {
                    true => value.to_string(),
                    false => format!("{value}; ordered: {}", calendar::describe(&ordered(scope))),
                };
                let how = how_next(scope);
                looked(scope, id, title, "service.next_run", right, detail, &how).value(value)
            }
        }
    }

    /// That the newest run ended badly, whoever started it; nothing where it did not, or nobody knows.
    pub fn last_run(&self) -> Option<CheckResult> {
        let newest = self.runs.as_ref().ok()?.iter().rev().find(|run| run.exit.is_some())?;
        let exit = newest.exit.filter(|exit| *exit != 0)?;
        let detail = format!("started {}, exit {exit}: see `wo jobs`", newest.started.strftime("%Y-%m-%d %H:%M:%SZ"));
        let (id, title) = ("service.last-run", "Last run failed");
        Some(CheckResult { id, title, finding: Finding::Info, detail, measurement: None })
    }

    /// Frequency, schedule and runs. Nothing where no manager answers: then they are unmeasured. `broken` says why the
    /// program that the service starts can't run now, whatever its earlier runs did.
    pub fn measurements(&self, scope: &Scope, broken: Option<&str>) -> Vec<Measurement> {
        let (Ok(status), Ok(next)) = (&self.status, &self.next) else { return Vec::new() };
        // a service that is not loaded never runs, whatever a file on disk says
        let next: &[Timestamp] = if status.loaded { next } else { &[] };
        let how = how_next(scope);
        let schedule =
            |key: &str| Measurement::new(key, self.schedule(scope, next), &how, scope.now).ok(is_right(scope, next));
        let mut measurements = vec![schedule("export.frequency"), schedule("export.schedule")];
        measurements.extend(self.runs.as_ref().ok().map(|runs| self.runs_of(scope, status, runs, broken)));
        measurements
    }

    /// The manager; the embedded one with the process that holds the schedule, which must live for it to count.
    fn manager(&self, scope: &Scope) -> String {
        match (scope.services.kind(), &self.status) {
            (ManagerKind::Embedded, Ok(status)) => status.detail.clone(),
            (kind, _) => kind.to_string(),
        }
    }

    /// Runs of the service, and whether it loads and runs by itself and well.
    fn runs_of(&self, scope: &Scope, status: &ServiceStatus, runs: &[ServiceRun], broken: Option<&str>) -> Measurement {
        let asked = scope.services.kind();
        let how = format!("asked {asked} for the runs of {} and who started each", scope.deployment.label);
        let value = Value::Runs { manager: self.manager(scope), runs: runs.to_vec() };
        if let Some(why) = broken {
            let detail = format!("what it starts is broken: {why}; {value}");
            let how = format!("{how}, and looked at the program that it starts");
            return Measurement::new("service.runs", Value::State { works: false, detail }, how, scope.now).ok(false);
        }
        let measurement = Measurement::new("service.runs", value, how, scope.now);
        match works(runs) {
            _ if !status.loaded || self.altered.is_some() => measurement.ok(false),
            Some(works) => measurement.ok(works),
            None => measurement,
        }
    }

    fn schedule(&self, scope: &Scope, next: &[Timestamp]) -> Value {
        let zone = TimeZone::system().iana_name().unwrap_or("UTC").to_owned();
        Value::Schedule { next: next.to_vec(), zone, manager: self.manager(scope) }
    }
}

/// Why what is installed is not what was deployed.
fn altered(scope: &Scope, written: &Written) -> Option<String> {
    let Deployment { label, plist, .. } = &scope.deployment;
    match scope.services.installed(label) {
        Ok(Some(bytes)) if !written.differs(plist, &bytes) => None,
        Ok(Some(_)) => Some("what is installed is not what was deployed; deploy it again".to_owned()),
        Ok(None) if scope.deployed => Some("what was deployed is not installed".to_owned()),
        Ok(None) => None,
        Err(error) => Some(error.to_string()),
    }
}

fn how_next(scope: &Scope) -> String {
    format!("asked {} for the next {NEXT_RUNS} runs of {}", scope.services.kind(), scope.deployment.label)
}

/// The runs since then. One that ended well without saying what it exported is no evidence that it exports.
pub fn proven(runs: Vec<ServiceRun>, since: Option<Timestamp>) -> Vec<ServiceRun> {
    let unsaid = || Made::Nothing("it did not record what it exported".to_owned());
    let mut runs: Vec<ServiceRun> =
        runs.into_iter().filter(|run| since.is_none_or(|since| run.started >= since)).collect();
    for run in &mut runs {
        if run.exit == Some(0) && run.started_by != StartedBy::Kicked && run.made == Made::Unsaid {
            run.made = unsaid();
        }
    }
    runs
}

/// Whether the newest run that ended did so well and the manager's own newest exported something; `None` where that had
/// nothing to export.
pub fn works(runs: &[ServiceRun]) -> Option<bool> {
    let newest = runs.iter().rev().find(|run| run.exit.is_some());
    let own = runs.iter().rev().find(|run| run.ended.is_some() && run.started_by != StartedBy::Kicked);
    match (newest.and_then(|run| run.exit), own.map(|run| (run.exit, &run.made))) {
        (Some(0), Some((Some(0), Made::Something(_)))) => Some(true),
        (Some(0), Some((Some(0), _))) => None,
        _ => Some(false),
    }
}

pub fn ordered(scope: &Scope) -> Start {
    Start::Calendar { at: scope.deployment.at, weekday: scope.deployment.weekday }
}

/// Whether it runs next when it was ordered to, by day and by time.
fn is_right(scope: &Scope, next: &[Timestamp]) -> bool {
    let zone = TimeZone::system();
    !next.is_empty() && calendar::upcoming(&ordered(scope), scope.now, scope.now, &zone, next.len()) == next
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(exit: Option<i32>, own: bool, made: Made) -> ServiceRun {
        let at = Timestamp::UNIX_EPOCH;
        let started_by = if own { StartedBy::Manager { cause: "at load".to_owned() } } else { StartedBy::Kicked };
        ServiceRun { started: at, ended: exit.map(|_| at), exit, started_by, made }
    }

    #[test]
    fn only_a_run_of_its_own_that_exported_shows_that_it_works() {
        let something = || Made::Something("2 files".to_owned());
        let nothing = || Made::Nothing("no reports".to_owned());
        for (runs, expected) in [
            (vec![], Some(false)),
            (vec![run(Some(0), true, something())], Some(true)),
            (vec![run(Some(0), true, nothing())], None),
            (vec![run(Some(0), true, Made::Unsaid)], None),
            (vec![run(Some(0), false, something())], Some(false)),
            (vec![run(Some(0), true, something()), run(Some(0), true, nothing())], None),
            (vec![run(Some(0), true, something()), run(Some(0), false, Made::Unsaid)], Some(true)),
            (vec![run(Some(0), true, something()), run(Some(127), false, Made::Unsaid)], Some(false)),
            (vec![run(Some(1), true, something()), run(Some(0), false, something())], Some(false)),
            (vec![run(Some(0), true, something()), run(None, true, Made::Unsaid)], Some(true)),
        ] {
            assert_eq!(works(&runs), expected, "{runs:?}");
        }
    }

    #[test]
    fn a_run_that_does_not_say_what_it_exported_is_no_evidence() {
        let runs = vec![run(Some(0), true, Made::Unsaid), run(Some(0), false, Made::Unsaid)];
        let runs = proven(runs, None);
        assert!(matches!(&runs[0].made, Made::Nothing(why) if why.contains("did not record")));
        assert_eq!(runs[1].made, Made::Unsaid);
        assert_eq!(proven(runs, Some(Timestamp::now())), []);
    }
}
