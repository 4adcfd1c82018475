//! Checks of the service: loaded, and when it runs next. Whether its plist is well made is another file's.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Time};

use super::super::CheckResult;
use super::{Scope, looked, unmeasured};
use crate::evidence::{Measurement, ServiceRun, StartedBy, Value};
use crate::services::{ManagerKind, ServiceError, ServiceStatus};

/// What the service manager says now, asked once for all that depends on it.
pub struct Seen {
    status: Result<ServiceStatus, ServiceError>,
    next: Result<Vec<Timestamp>, ServiceError>,
    runs: Result<Vec<ServiceRun>, ServiceError>,
}

/// Fire times that are shown and judged.
const NEXT_RUNS: usize = 2;

impl Seen {
    pub fn look(scope: &Scope) -> Self {
        let label = &scope.deployment.label;
        Seen {
            status: scope.services.status(label),
            next: scope.services.next_runs(label, scope.now, NEXT_RUNS),
            runs: scope.services.runs(label),
        }
    }

    pub fn loaded(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("service.loaded", "Service loaded");
        let label = &scope.deployment.label;
        match &self.status {
            Err(error) => unmeasured(id, title, error.to_string()),
            Ok(status) => {
                let detail = format!("`{label}`: {}", status.detail);
                let how = format!("asked {} for the status of {label}", scope.services.kind());
                looked(scope, id, title, "service.loaded", status.loaded, detail, &how)
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
                let right = is_right(next, scope.deployment.at);
                let detail = match right {
                    true => value.to_string(),
                    false => format!("{value}; ordered: {}", scope.deployment.at.strftime("%H:%M")),
                };
                let how = how_next(scope);
                looked(scope, id, title, "service.next_run", right, detail, &how).value(value)
            }
        }
    }

    /// Frequency, schedule and runs. Nothing where no manager answers: then they are unmeasured.
    pub fn measurements(&self, scope: &Scope) -> Vec<Measurement> {
        let (Ok(status), Ok(next)) = (&self.status, &self.next) else { return Vec::new() };
        // a service that is not loaded never runs, whatever a file on disk says
        let next: &[Timestamp] = if status.loaded { next } else { &[] };
        let how = how_next(scope);
        let schedule = |key: &str| {
            Measurement::new(key, self.schedule(scope, next), &how, scope.now).ok(is_right(next, scope.deployment.at))
        };
        let mut measurements = vec![schedule("export.frequency"), schedule("export.schedule")];
        measurements.extend(self.runs.as_ref().ok().map(|runs| self.runs_of(scope, status, runs)));
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
    fn runs_of(&self, scope: &Scope, status: &ServiceStatus, runs: &[ServiceRun]) -> Measurement {
        let ended = |run: &&ServiceRun| run.exit.is_some() && run.started_by != StartedBy::Kicked;
        let works = status.loaded && runs.iter().rev().find(ended).is_some_and(|run| run.exit == Some(0));
        let asked = scope.services.kind();
        let how = format!("asked {asked} for the runs of {} and who started each", scope.deployment.label);
        let value = Value::Runs { manager: self.manager(scope), runs: runs.to_vec() };
        Measurement::new("service.runs", value, how, scope.now).ok(works)
    }

    fn schedule(&self, scope: &Scope, next: &[Timestamp]) -> Value {
        let zone = TimeZone::system().iana_name().unwrap_or("UTC").to_owned();
        Value::Schedule { next: next.to_vec(), zone, manager: self.manager(scope) }
    }
}

fn how_next(scope: &Scope) -> String {
    format!("asked {} for the next {NEXT_RUNS} runs of {}", scope.services.kind(), scope.deployment.label)
}

/// Whether it runs again, and at the ordered local time; across a change of clocks the time that stands for it is right.
fn is_right(next: &[Timestamp], at: Time) -> bool {
    let zone = TimeZone::system();
    !next.is_empty()
        && next.iter().all(|run| {
            let local = run.to_zoned(zone.clone());
            local.time() == at || local.date().to_datetime(at).to_zoned(zone.clone()).is_ok_and(|due| due == local)
        })
}
