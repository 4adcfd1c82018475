//! `command`: a program ends with exit status 0, and says what it should. argv only, never a shell; it runs only if
//! `policy.programs` allows the program, and says so when not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe};
use crate::process::{self, End, Spec};
use crate::text;

pub const KIND: Kind = Kind::of::<Command>("command", "Commands", "a program that policy allows ends with exit status 0");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// argv; the program's path is absolute and in `policy.programs`.
    pub command: Vec<String>,
    /// Relative to the root; the root when unset.
    #[serde(default)]
    pub dir: Option<PathBuf>,
    /// Text that it must print, on stdout or stderr.
    #[serde(default)]
    pub contains: Option<String>,
}

impl Check for Command {
    fn validate(&self) -> Result<(), String> {
        match self.command.first() {
            Some(program) if program.starts_with('/') => Ok(()),
            Some(program) => Err(format!("the program `{}` must be an absolute path", text::line(program, 100))),
            None => Err("`command` is empty".to_owned()),
        }
    }

    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move { probe.blocking(move |probe| self.look(probe)).await })
    }
}

impl Command {
    fn look(&self, probe: &Probe) -> Finding {
        let Some((program, args)) = self.command.split_first() else {
            return Finding::error("`command` is empty");
        };
        let program = PathBuf::from(program);
        if !probe.around.policy.programs.contains(&program) {
            return Finding::unmeasured(format!(
                "not run: policy; add \"{}\" to `programs` under [policy] to allow it",
                program.display()
            ));
        }
        // killed a little before the check is given up, so that the reason is the program's
        let deadline = probe.remaining().mul_f64(0.95).max(Duration::from_millis(1));
        let dir = self.dir.as_ref().map_or_else(|| probe.around.root.path().to_owned(), |dir| probe.path(dir));
        let spec = Spec {
            max_output: 64 * 1024,
            keep_end: true,
            ..Spec::new(&program).args(args).dir(dir).deadline(deadline)
        };
        let output = match process::run(&spec) {
            Ok(output) => output,
            Err(error) => return Finding::error(error.to_string()),
        };
        let texts = [output.stderr_text(), output.stdout_text()];
        let line = if output.success() { last_line(&texts) } else { reason(&texts).or_else(|| last_line(&texts)) };
        let said = line.map(|line| format!(": {}", text::line(line, 160))).unwrap_or_default();
        let shown = program.display();
        let finding = match output.end {
            End::Exit(0) => match &self.contains {
                Some(wanted) if !texts.iter().any(|text| text.contains(wanted)) => Finding::error(format!(
                    "`{shown}` ended with exit status 0, but did not print `{}`{said}",
                    text::line(wanted, 60)
                )),
                _ => Finding::ok(format!("exit status 0{said}")),
            },
            End::DeadlinePassed => Finding::error(format!("time-out: `{shown}` did not end within {}", probe.within())),
            end => Finding::error(format!("`{shown}`: {end}{said}")),
        };
        finding.latency(output.elapsed)
    }
}

/// The lines of a program, last first, without the version with which Node ends every crash.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let is_version = |line: &&str| line.strip_prefix("Node.js v").is_some_and(|version| !version.contains(' '));
    text.lines().rev().map(str::trim).filter(move |line| !line.is_empty() && !is_version(line))
}

fn last_line(texts: &[String]) -> Option<&str> {
    texts.iter().find_map(|text| lines(text).next())
}

/// Why a program failed, where it names its error: `ModuleNotFoundError: No module named 'memory'`, with its own words or a
/// trace behind it.
fn reason(texts: &[String]) -> Option<&str> {
    texts.iter().find_map(|text| lines(text).find(|line| names_error(line)))
}

/// `Error: …`, `TypeError: …`, `Error [ERR_MODULE_NOT_FOUND]: …`, `sqlite3.OperationalError: …`
fn names_error(line: &str) -> bool {
    let Some((name, _)) = line.split_once(": ") else { return false };
    let name = name.split_once(" [").map_or(name, |(name, code)| if code.ends_with(']') { name } else { "" });
    let is_name = name.chars().all(|c| c.is_alphanumeric() || "._$".contains(c));
    is_name && (name.ends_with("Error") || name.ends_with("Exception"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_the_program_names_as_its_error() {
        let node = "node:internal/modules/cjs/loader:1143\n  throw err;\n  ^\n\nError: Cannot find module './index.cjs'\n\
                    Require stack:\n- /r/knowledge/check.cjs\n    at Module._resolveFilename (node:internal:1140:15) {\n  \
                    code: 'MODULE_NOT_FOUND',\n  requireStack: [ '/r/knowledge/check.cjs' ]\n}\n\nNode.js v20.20.2\n";
        let module = "Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/r/index.mjs' imported from /r/check.mjs";
        for (stderr, stdout, expected) in [
            (node, "", "Error: Cannot find module './index.cjs'"),
            (&format!("{module}\n    at finalizeResolution\n\nNode.js v22.1.0"), "", module),
            (&format!("{node}npm error code 1\nnpm error command failed\n"), "> node x", "Error: Cannot find module './index.cjs'"),
            ("Traceback:\n  File \"x.py\"\nModuleNotFoundError: No module named 'memory'\n", "", "ModuleNotFoundError: No module named 'memory'"),
            ("sqlite3.OperationalError: no such table: x\n", "", "sqlite3.OperationalError: no such table: x"),
            // none is named: the last line, as it stands
            ("", "5 failed jobs\n\n", "5 failed jobs"),
            ("first\nlast: it failed\n", "more", "last: it failed"),
            ("Node.js v20.20.2", "", ""),
            ("Node.js v20 is too old\n", "", "Node.js v20 is too old"),
        ] {
            let texts = [stderr.to_owned(), stdout.to_owned()];
            let found = reason(&texts).or_else(|| last_line(&texts)).unwrap_or_default();
            assert_eq!(found, expected, "{stderr}");
        }
    }
}
