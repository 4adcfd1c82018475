//! What one look at the configured checks says beside Redis and the database: of all of them, of each, and of the services.
//!
//! What must hold here: a check that nothing could look at makes nothing green, and is nobody's failure.

use jiff::Timestamp;

use super::{state, target};
use crate::evidence::{Measurement, Value};
use crate::monitor::checks::State;
use crate::monitor::config::CheckConfig;
use crate::monitor::cycle::Observed;
use crate::services::ServiceStatus;
use crate::verify::{CheckResult, Finding};

/// Of so many configured checks so many are green. Where none is bad and one could not be looked at, nobody can say.
pub(super) fn all(observed: &[Observed], now: Timestamp) -> Option<Measurement> {
    let states = || observed.iter().map(|observed| observed.finding.state);
    let is_bad = states().any(|state| matches!(state, State::Warn | State::Error));
    if observed.is_empty() || (!is_bad && states().any(|state| state == State::Unknown)) {
        return None;
    }
    let (green, others): (Vec<_>, Vec<_>) = observed.iter().partition(|observed| observed.finding.state == State::Ok);
    let names = |of: &[&Observed]| of.iter().map(|observed| observed.name.clone()).collect::<Vec<_>>().join(", ");
    let mut how = "ran all configured checks once".to_owned();
    for (said, of) in [("green", &green), ("not green", &others)] {
        if !of.is_empty() {
            how.push_str(&format!("; {said}: {}", names(of)));
        }
    }
    let value = Value::Ratio { pass: green.len() as u64, of: observed.len() as u64 };
    Some(Measurement::new("monitor.checks", value, how, now).ok(others.is_empty()))
}

/// Each that is not `verified` with the others of its component, or is asked for: whether it works, and how long it took to
/// answer.
pub(super) fn each(
    observed: &[Observed],
    checks: &[CheckConfig],
    verified: &[&str],
    asked: &[String],
    now: Timestamp,
) -> Vec<Measurement> {
    let mut taken = Vec::new();
    for seen in observed {
        let check = checks.iter().find(|check| check.name == seen.name);
        let of = check.map(target::names).unwrap_or_default();
        let of = if of.is_empty() { String::new() } else { format!(", `{}`", of.join("`, `")) };
        let how = format!("ran the check {} once{of}", seen.name);
        let key = format!("monitor.check.{}", seen.name);
        if seen.finding.state != State::Unknown && (!verified.contains(&seen.name.as_str()) || asked.contains(&key)) {
            taken.push(state(&key, answers(seen), &seen.finding.message, &how, now));
        }
        let key = format!("monitor.latency.{}", seen.name);
        // what was refused was so fast
        if let Some(latency) = seen.finding.latency.filter(|_| answers(seen) && asked.contains(&key)) {
            let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
            taken.push(Measurement::new(key, Value::Duration(ns), how, now));
        }
    }
    taken
}

/// Whether what the check looks at was seen to work. A Redis or a server that warns has answered; any other warning says that
/// something is not as it should be, or was not looked at to its end.
pub(super) fn answers(observed: &Observed) -> bool {
    match observed.finding.state {
        State::Ok => true,
        State::Warn => !observed.softened && ["redis", "http"].contains(&observed.kind),
        State::Unknown | State::Error => false,
    }
}

/// Those that are neither Redis' nor the database's and complain: told beside the verification, whose subject they are not.
pub(super) fn complaints(observed: &[Observed], verified: &[&str]) -> Option<CheckResult> {
    let others = observed.iter().filter(|observed| !verified.contains(&observed.name.as_str()));
    let said: Vec<String> = others
        .filter_map(|observed| match observed.finding.state {
            State::Error => Some(format!("{} is in error: {}", observed.name, observed.finding.message)),
            State::Warn => Some(format!("{} warns: {}", observed.name, observed.finding.message)),
            State::Ok | State::Unknown => None,
        })
        .collect();
    (!said.is_empty()).then(|| CheckResult {
        id: "checks",
        title: "All checks",
        finding: Finding::Info,
        detail: said.join("; "),
        measurement: None,
    })
}

/// The loop's service and all that some check is about: each is loaded, and its last run did not fail. Where none is bad and one
/// could not be looked at, nobody can say.
pub(super) fn services(
    label: &str,
    status: &ServiceStatus,
    observed: &[Observed],
    how: &str,
    now: Timestamp,
) -> Option<Measurement> {
    let loop_works = status.loaded && (status.pid.is_some() || matches!(status.last_exit, None | Some(0)));
    let checks = || observed.iter().filter(|observed| observed.kind == "service");
    let own = format!("`{label}`: {}", status.detail);
    let bad = checks().filter(|observed| matches!(observed.finding.state, State::Warn | State::Error));
    let say = |observed: &Observed| match &observed.finding.message {
        message if message.contains(&observed.report_name) => message.clone(),
        message => format!("`{}`: {message}", observed.report_name),
    };
    let bad: Vec<String> = (!loop_works).then(|| own.clone()).into_iter().chain(bad.map(say)).collect();
    if bad.is_empty() && checks().any(|observed| observed.finding.state == State::Unknown) {
        return None;
    }
    let others: Vec<String> = checks().map(|observed| format!("`{}`", observed.report_name)).collect();
    let how = match others.is_empty() {
        true => how.to_owned(),
        false => format!("{how}, and for those of the configured checks: {}", others.join(", ")),
    };
    let good = || [vec![own.clone()], others.iter().map(|one| format!("{one}: loaded")).collect()].concat().join("; ");
    let detail = if bad.is_empty() { good() } else { bad.join("; ") };
    Some(state("monitor.services", bad.is_empty(), &detail, &how, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::checks::Finding as Found;

    fn service(name: &str, finding: Found) -> Observed {
        let (name, report_name) = (name.to_owned(), format!("com.02luka.{name}"));
        Observed { name, kind: "service", component: "LaunchAgents", report_name, finding, softened: false }
    }

    #[test]
    fn a_check_that_nothing_could_look_at_makes_nothing_green_and_is_nobodys_failure() {
        let (good, bad, unseen) = (Found::ok("loaded"), Found::error("not loaded"), Found::unmeasured("no manager"));
        let status = |loaded| ServiceStatus { loaded, pid: None, last_exit: None, detail: "it is there".to_owned() };
        for (findings, of_services, of_all) in [
            ([&good, &good], Some(true), Some(true)),
            ([&good, &bad], Some(false), Some(false)),
            ([&good, &unseen], None, None),
            ([&bad, &unseen], Some(false), Some(false)),
        ] {
            let observed = [service("optimizer", findings[0].clone()), service("digest", findings[1].clone())];
            let now = Timestamp::UNIX_EPOCH;
            let measured = services("com.02luka.loop", &status(true), &observed, "asked", now);
            assert_eq!(measured.map(|one| one.ok), of_services.map(Some), "{findings:?}");
            assert_eq!(all(&observed, now).map(|one| one.ok), of_all.map(Some), "{findings:?}");
            // the loop itself was looked at
            let measured = services("com.02luka.loop", &status(false), &observed, "asked", now);
            assert_eq!(measured.map(|one| one.ok), Some(Some(false)), "{findings:?}");
        }
    }
}
