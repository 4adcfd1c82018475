//! Checks of the rendered plist: that it is one, that it is the one that was deployed, and that
//! it is well made. What a plist names (program, log folder) has
//! checks of its own; a fault there is not a fault of the plist.

use super::super::CheckResult;
use super::super::artifact::artifact;
use super::written::Written;
use super::{Scope, looked, unmeasured};
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

const NOT_DEPLOYED: &str = "it is no longer the plist that was deployed; deploy it again, or undo the change";

pub fn checks(scope: &Scope, written: &Written) -> Vec<CheckResult> {
    let path = &scope.deployment.plist;
    let at = scope.path(path);
    let (syntax_id, syntax_title) = ("plist.syntax", "Plist syntax");
    let (lint_id, lint_title) = ("plist.lint", "Plist lint");
    let how = "read the plist as launchd would";
    let bytes = match read_regular(&at) {
        Ok(bytes) => bytes,
        Err(error) => {
            let detail = format!("`{path}` can't be read: {error}");
            return vec![
                looked(scope, syntax_id, syntax_title, "service.plist", false, detail, how),
                unmeasured(lint_id, lint_title, "there is no plist to lint"),
            ];
        }
    };
    let job = match plist::parse(&bytes) {
        Ok(plist) => Job::of_plist(&plist),
        Err(why) => {
            let detail = format!("`{path}` is no plist: {why}");
            return vec![
                looked(scope, syntax_id, syntax_title, "service.plist", false, detail, how)
                    .artifact(artifact(scope.root, &at).ok()),
                unmeasured(lint_id, lint_title, "it is no plist"),
            ];
        }
    };
    let detail = format!("`{path}`, {}", crate::text::bytes(bytes.len() as u64));
    let syntax = looked(scope, syntax_id, syntax_title, "service.plist", true, detail, how)
        .artifact(artifact(scope.root, &at).ok());
    let mode = {
        use std::os::unix::fs::PermissionsExt as _;
        at.metadata().ok().map(|meta| meta.permissions().mode() & 0o7777)
    };
    let findings: Vec<String> = lint_plist(&at, &bytes, FileFacts { mode })
        .into_iter()
        .filter(|finding| !OF_OTHERS.contains(&finding.rule))
        .map(|finding| finding.message)
        .chain(elsewhere(scope, &job))
        .chain(written.differs(path, &bytes).then(|| NOT_DEPLOYED.to_owned()))
        .collect();
    let detail = if findings.is_empty() { "nothing found".to_owned() } else { findings.join("; ") };
    let how = "compared it with what was deployed, and looked for what launchd ignores, refuses or never fires";
    vec![syntax, looked(scope, lint_id, lint_title, "check.plist.lint", findings.is_empty(), detail, how)]
}

/// Why the job does not work in this root: its plist was moved or copied with the root and still names the old place.
fn elsewhere(scope: &Scope, job: &Job) -> Option<String> {
    let dir = job.working_directory.as_ref()?;
    let is_here = dir.canonicalize().is_ok_and(|dir| dir == scope.root.path());
    (!is_here).then(|| format!("it works in `{}`, not in this root (moved or copied?); deploy it again", dir.display()))
}
