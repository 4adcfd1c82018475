//! Checks of scripts and directories.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::super::artifact::artifact;
use super::super::{CheckResult, Finding};
use super::written::Written;
use super::{Scope, looked};
use crate::deployed::shims::{self, MARKER};
use crate::evidence::{Measurement, Value};
use crate::files;
use crate::process::{self, Spec};
use crate::text;

/// A shim only starts `wo`; a minute is ample even on a busy machine.
const SCRIPT_DEADLINE: Duration = Duration::from_secs(60);
/// Scripts of ours are a kilobyte; what is larger is not read whole.
const SCRIPT_BYTES: u64 = 64 * 1024;

pub fn scripts(scope: &Scope, written: &Written) -> Vec<CheckResult> {
    let of = &scope.deployment;
    vec![
        script(scope, "exporter", "Exporter script", "exporter.script", of.exporter.as_deref(), written),
        script(scope, "runner", "Runner script", "exporter.runner", of.runner.as_deref(), written),
        script(scope, "test-script", "Test script", "exporter.test_script", of.test_script.as_deref(), written),
    ]
}

fn script(
    scope: &Scope,
    id: &'static str,
    title: &'static str,
    key: &'static str,
    path: Option<&str>,
    written: &Written,
) -> CheckResult {
    let Some(path) = path else {
        let detail = "the order listed none, so none was deployed".to_owned();
        return CheckResult { id, title, finding: Finding::Info, detail, measurement: None };
    };
    let at = scope.path(path);
    let how =
        "compared the file with what was deployed, looked at its mode, and ran it with --help, which changes nothing";
    match look(scope, &at, |content| written.differs(path, content)) {
        Ok(detail) => looked(scope, id, title, key, true, format!("`{path}`, {detail}"), how),
        Err(why) => looked(scope, id, title, key, false, format!("`{path}` {why}"), how),
    }
    .artifact(artifact(scope.root, &at).ok())
}

/// What is right with the script, or what is wrong with it.
fn look(scope: &Scope, at: &Path, differs: impl Fn(&[u8]) -> bool) -> Result<String, String> {
    let metadata = at.metadata().map_err(|error| format!("is not there: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o111 == 0 {
        return Err(format!("is not executable (mode {mode:o})"));
    }
    if metadata.len() == 0 {
        return Err("is empty".to_owned());
    }
    let size = text::bytes(metadata.len());
    let content = match metadata.len() <= SCRIPT_BYTES {
        true => std::fs::read(at).map_err(|error| format!("can't be read: {error}"))?,
        false => Vec::new(),
    };
    let ours = content.windows(MARKER.len()).any(|w| w == MARKER.as_bytes());
    match ours {
        true if !shims::is_about(&content, scope.root.path()) => {
            Err("works on another root than this one (moved or copied?); deploy it again".to_owned())
        }
        _ if differs(&content) => {
            Err("is no longer the script that was deployed; deploy it again, or undo the change".to_owned())
        }
        // a script of someone else's is not run: nobody knows what it does
        false => Ok(format!("{size}, executable; not one of Workbridge's, so not run")),
        // `--help` is answered by `wo` and goes no further: the test script, which runs `wo verify`, can't run in circles
        true => {
            let spec = Spec::new(at).args(["--help"]).dir(scope.root.path()).deadline(SCRIPT_DEADLINE);
            let output = process::run(&spec).map_err(|error| format!("can't be run: {error}"))?;
            if output.success() && !output.stdout.is_empty() {
                Ok(format!("{size}, executable, starts (--help)"))
            } else {
                let said = text::line(&output.stderr_text(), 200);
                Err(format!("does not run: {}, it said: {said}", output.end))
            }
        }
    }
}

pub fn directories(scope: &Scope) -> Vec<CheckResult> {
    let log_dir = Path::new(&scope.deployment.log).parent().map(|dir| dir.display().to_string()).unwrap_or_default();
    let log = scope.path(&scope.deployment.log);
    // a manager that can't open the log does not start the job; where there is none, it makes one
    let in_the_way = files::try_append(&log)
        .err()
        .filter(|error| !files::is_absent(error))
        .map(|error| format!("`{}` can't be opened to add to it, so nothing is logged: {error}", scope.deployment.log));
    vec![
        directory(scope, "output-dir", "Output directory", "paths.output", &scope.deployment.output, None),
        directory(scope, "log-dir", "Log directory", "paths.logs", &log_dir, in_the_way),
    ]
}

/// The service's log, beside the checks: before the service's first run there is none, which is no fault.
pub fn log_file(scope: &Scope) -> Measurement {
    let path = &scope.deployment.log;
    let (works, detail) = match files::try_append(&scope.path(path)) {
        // not how long it is: that is another number a moment later
        Ok(()) => (true, format!("`{path}` is there and can be written")),
        Err(error) if files::is_absent(&error) => (false, format!("`{path}` is not there: {error}")),
        Err(error) => (false, format!("`{path}` can't be opened to add to it: {error}")),
    };
    let value = Value::State { works, detail };
    let how = "opened the service's log to add to it, and added nothing";
    Measurement::new("paths.log_file", value, how, scope.now).ok(works)
}

/// `fault` is what is wrong with it otherwise.
fn directory(
    scope: &Scope,
    id: &'static str,
    title: &'static str,
    key: &'static str,
    path: &str,
    fault: Option<String>,
) -> CheckResult {
    let at = scope.path(path);
    let (works, detail) = if !at.is_dir() {
        (false, format!("`{path}/` is not there"))
    } else {
        match files::try_write_in(&at) {
            Ok(()) if fault.is_some() => (false, fault.unwrap_or_default()),
            Ok(()) => (true, format!("`{path}/` is there and can be written")),
            Err(error) => (false, format!("`{path}/` can't be written: {error}")),
        }
    };
    looked(
        scope,
        id,
        title,
        key,
        works,
        detail,
        "wrote a block to a file without a name in the directory, which leaves nothing there",
    )
}
