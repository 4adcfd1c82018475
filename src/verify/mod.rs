//! Verification: measures a deployed thing again, for `wo verify`, for handlers' steps and for the verification handler.
//!
//! Invariant: every check is independent. Its result speaks of its own subject alone; what it depends on and cannot see
//! makes it [`Finding::Unmeasured`], never green and never a second red for one fault.

pub mod artifact;
pub mod format;
pub mod monitor;
pub mod parquet;
pub mod report;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::evidence::Measurement;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    Pass,
    Fail,
    /// Worth knowing; neither good nor bad, and not counted.
    Info,
    /// It couldn't be looked at; says why. Not green.
    Unmeasured,
}

impl Finding {
    pub fn as_str(self) -> &'static str {
        match self {
            Finding::Pass => "pass",
            Finding::Fail => "fail",
            Finding::Info => "info",
            Finding::Unmeasured => "unmeasured",
        }
    }
}

/// One check as it went.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckResult {
    /// Stable, for machines: `plist.syntax`.
    pub id: &'static str,
    /// For people: `Plist syntax`.
    pub title: &'static str,
    pub finding: Finding,
    /// What was seen, or why nothing could be, in one line.
    pub detail: String,
    /// What it rests on; present whenever the finding is a pass or a failure.
    pub measurement: Option<Measurement>,
}

/// All checks of one subject at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// As on the command line: `parquet`.
    pub subject: &'static str,
    /// Of the report: `Phase 7.8 – Parquet Agent Verification`.
    pub title: &'static str,
    pub at: Timestamp,
    pub root: PathBuf,
    pub checks: Vec<CheckResult>,
    /// Numbers that habits look for, in this order: label and value.
    pub headline: Vec<(&'static str, String)>,
    /// Measurements beside the checks' own, for a handler to give on.
    pub extra: Vec<Measurement>,
}

impl Verification {
    pub fn count(&self, finding: Finding) -> usize {
        self.checks.iter().filter(|check| check.finding == finding).count()
    }

    /// How many checks there were to pass: also what is down and may be, which is told and has not passed.
    pub fn of(&self) -> usize {
        let counts = |check: &&CheckResult| check.finding != Finding::Info || check.measurement.is_some();
        self.checks.iter().filter(counts).count()
    }

    /// Whether every check that counts passed: what is unmeasured is not good.
    pub fn is_good(&self) -> bool {
        self.count(Finding::Fail) == 0 && self.count(Finding::Unmeasured) == 0 && self.count(Finding::Pass) > 0
    }

    /// Those of the checks, and those beside them.
    pub fn measurements(&self) -> Vec<Measurement> {
        let of_checks = self.checks.iter().filter_map(|check| check.measurement.as_ref());
        of_checks.chain(&self.extra).cloned().collect()
    }

    pub fn with(&self, finding: Finding) -> impl Iterator<Item = &CheckResult> {
        self.checks.iter().filter(move |check| check.finding == finding)
    }

    /// All measurements, the checks' own first, each with its id `E1`, `E2`, ….
    pub fn evidence(&self) -> Vec<Measurement> {
        self.measurements()
            .into_iter()
            .enumerate()
            .map(|(n, measurement)| Measurement { id: format!("E{}", n + 1), ..measurement })
            .collect()
    }

    /// `14 passed, 0 failed, 1 unmeasured`.
    pub fn tally(&self) -> String {
        let count = |finding| self.count(finding);
        let (pass, fail, unmeasured) = (count(Finding::Pass), count(Finding::Fail), count(Finding::Unmeasured));
        format!("{pass} passed, {fail} failed, {unmeasured} unmeasured")
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::evidence::{Artifact, Value};

    /// One check of each finding, with text that needs escaping everywhere.
    pub fn sample() -> Verification {
        let at: Timestamp = "2025-10-29T02:31:07Z".parse().unwrap();
        let state = |works| Value::State { works, detail: "a|b".to_owned() };
        let artifact = Artifact { path: "launchd/x.plist".into(), bytes: 12, sha256: "00ff".repeat(16) };
        let check = |id, title, finding, detail: &str, measurement| CheckResult {
            id,
            title,
            finding,
            detail: detail.to_owned(),
            measurement,
        };
        Verification {
            subject: "parquet",
            title: "Phase 7.8 – Parquet Agent Verification",
            at,
            root: "/srv/ราก \"x\"".into(),
            checks: vec![
                check(
                    "plist.syntax",
                    "Plist syntax",
                    Finding::Pass,
                    "XML, 12 B",
                    Some(Measurement::new("check.plist.syntax", state(true), "parsed", at).ok(true).artifact(artifact)),
                ),
                check(
                    "parquet.rows",
                    "Row count",
                    Finding::Fail,
                    "0 rows in <x> & |y|\u{1b}[31m",
                    Some(Measurement::new("check.parquet.rows", state(false), "footer", at).ok(false)),
                ),
                check("files.other", "Other files", Finding::Info, "2 older files", None),
                check("service.loaded", "Service loaded", Finding::Unmeasured, "no service manager", None),
            ],
            headline: vec![("Rows", "768".to_owned())],
            extra: Vec::new(),
        }
    }

    #[test]
    fn only_all_measured_and_passed_is_good() {
        let mut verification = sample();
        assert!(!verification.is_good());
        verification.checks.remove(1);
        assert!(!verification.is_good(), "unmeasured is not good");
        verification.checks.pop();
        assert!(verification.is_good());
        verification.checks.remove(0);
        assert!(!verification.is_good(), "nothing was measured");
    }
}
