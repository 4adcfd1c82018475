//! Checks of the rendered plist: that it is one, that it is the one that was deployed, and that
//! it is well made. What a plist names (program, log folder) has
//! checks of its own; a fault there is not a fault of the plist.

use super::super::CheckResult;
use super::super::artifact::artifact;
use super::written::Written;
use super::{Scope, looked, unmeasured};
use crate::evidence::{Measurement, Value};
use crate::files::read_regular;
use crate::services::job::Job;
use crate::services::lint::{FileFacts, Rule, lint_plist};
use crate::services::plist;

/// Rules that speak of what the plist names rather than of the plist.
const OF_OTHERS: [Rule; 6] = [
    Rule::MissingPath,
    Rule::NotExecutable,
    Rule::BadInterpreter,
    Rule::LogFolderMissing,
    Rule::LogNotWritable,
    Rule::NotAPlist,
];

/// That launchd can read it, and no more.
const SYNTAX: &str = "service.plist_syntax";
const READ: &str = "read the plist as launchd would";
const LINTED: &str = "compared it with what was deployed, and looked for what launchd ignores, refuses or never fires";
const NOT_DEPLOYED: &str = "it is no longer the plist that was deployed; deploy it again, or undo the change";

/// The two checks, and beside them the plist as a whole, which is as it should be only where both find nothing.
pub struct Seen {
    pub checks: [CheckResult; 2],
    pub whole: Measurement,
}

pub fn look(scope: &Scope, written: &Written) -> Seen {
    let path = &scope.deployment.plist;
    let at = scope.path(path);
    let read =
        read_regular(&at).map_err(|error| (format!("`{path}` can't be read: {error}"), "there is no plist to lint"));
    let parsed = read.and_then(|bytes| match plist::parse(&bytes) {
        Ok(plist) => Ok((Job::of_plist(&plist), bytes)),
        Err(why) => Err((format!("`{path}` is no plist: {why}"), "it is no plist")),
    });
    let syntax = |works, detail| looked(scope, "plist.syntax", "Plist syntax", SYNTAX, works, detail, READ);
    let (lint_id, lint_title) = ("plist.lint", "Plist lint");
    let (syntax, lint, fault) = match parsed {
        Err((why, unlinted)) => (syntax(false, why.clone()), unmeasured(lint_id, lint_title, unlinted), Some(why)),
        Ok((job, bytes)) => {
            let found = findings(scope, written, &job, &bytes);
            let fault = found.first().map(|first| format!("`{path}`: {first}"));
            let detail = if found.is_empty() { "nothing found".to_owned() } else { found.join("; ") };
            let lint = looked(scope, lint_id, lint_title, "check.plist.lint", found.is_empty(), detail, LINTED);
            (syntax(true, format!("`{path}`, {}", crate::text::bytes(bytes.len() as u64))), lint, fault)
        }
    };
    let value = Value::State { works: fault.is_none(), detail: fault.unwrap_or_else(|| syntax.detail.clone()) };
    let works = matches!(value, Value::State { works: true, .. });
    let whole = Measurement::new("service.plist", value, format!("{READ}, {LINTED}"), scope.now).ok(works);
    // the file is the whole's alone: a row that names its path asks for all of it
    let whole = Measurement { artifact: artifact(scope.root, &at).ok(), ..whole };
    Seen { checks: [syntax, lint], whole }
}

fn findings(scope: &Scope, written: &Written, job: &Job, bytes: &[u8]) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = &scope.deployment.plist;
    let at = scope.path(path);
    let mode = at.metadata().ok().map(|meta| meta.permissions().mode() & 0o7777);
    lint_plist(&at, bytes, FileFacts { mode })
        .into_iter()
        .filter(|finding| !OF_OTHERS.contains(&finding.rule))
        .map(|finding| finding.message)
        .chain(elsewhere(scope, job))
        .chain(written.differs(path, bytes).then(|| NOT_DEPLOYED.to_owned()))
        .collect()
}

/// Why the job does not work in this root: its plist was moved or copied with the root and still names the old place.
fn elsewhere(scope: &Scope, job: &Job) -> Option<String> {
    let dir = job.working_directory.as_ref()?;
    let is_here = dir.canonicalize().is_ok_and(|dir| dir == scope.root.path());
    (!is_here).then(|| format!("it works in `{}`, not in this root (moved or copied?); deploy it again", dir.display()))
}
