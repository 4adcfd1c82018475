//! `command`: a program ends with exit status 0, and says what it should. argv only, never a shell; it runs only if
//! `policy.programs` allows the program, and says so when not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe};
use crate::process::{self, End, Spec, last_words};
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
        let [stderr, stdout] = &texts;
        let line = if output.success() { last_words::last_line(stderr, stdout) } else { last_words::why(stderr, stdout) };
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
