//! The verification of everything, as `wo verify monitor` does it, with the script and the plist that were deployed. Changes
//! nothing but its own report.

use std::sync::Arc;

use super::super::facts::{self, Facts};
use super::super::layout::Layout;
use super::proof::since;
use crate::deployed::shims;
use crate::evidence::{Measurement, Value};
use crate::handlers::{Context, HandlerError, Measuring, Verified};
use crate::services::lint::{FileFacts, lint_plist};
use crate::verify::artifact::artifact;
use crate::verify::monitor::{self, Scope};
use crate::verify::{Finding, report};

/// All checks of `wo verify monitor`, with its report.
pub struct Verification {
    pub layout: Layout,
    /// Heartbeats in a row that prove the loop.
    pub cycles: usize,
    /// Measurements that criteria are bound to.
    pub asked: Vec<String>,
}

/// What one look at everything came to.
pub(super) struct Looked {
    verification: crate::verify::Verification,
    script: Option<Measurement>,
    /// What is wrong with the script, in words.
    trouble: Option<String>,
}

impl Looked {
    /// What is wrong, in words: what failed.
    pub(super) fn failed(&self) -> Vec<String> {
        self.told(&[Finding::Fail])
    }

    /// What is wrong or could not be looked at.
    fn wrong(&self) -> Vec<String> {
        self.told(&[Finding::Fail, Finding::Unmeasured])
    }

    fn told(&self, findings: &[Finding]) -> Vec<String> {
        let checks = findings.iter().flat_map(|finding| self.verification.with(*finding));
        checks.map(|check| format!("{}: {}", check.title, check.detail)).chain(self.trouble.clone()).collect()
    }
}

impl Measuring for Verification {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let config = facts::settings(context)?;
        let looked = self.look(context)?;
        let wrong = looked.wrong();
        let Looked { verification, script, trouble } = looked;
        let place = report::write(&verification, &context.root.join(monitor::reports(&config)))?;
        let mut measurements = verification.measurements();
        measurements.push(self.tally(&verification, &place, trouble.is_none(), context));
        measurements.extend(script);
        measurements.extend(self.plist(context));
        Ok(match wrong.is_empty() {
            true => Verified::Yes(measurements),
            false => Verified::No { why: wrong.join("; "), measurements },
        })
    }
}

impl Verification {
    /// Looks at everything, and writes no report.
    pub(super) fn look(&self, context: &Context) -> Result<Looked, HandlerError> {
        let config = facts::settings(context)?;
        let verification = monitor::verify(&Scope {
            root: &context.root,
            config: &config,
            clock: Arc::clone(&context.clock),
            services: Arc::clone(&context.services),
            label: &self.layout.label,
            since: since(&Facts::read(&context.facts)?, context),
            cycles: self.cycles,
            asked: &self.asked,
        });
        let (script, trouble) = script(self.layout.script.as_deref(), context);
        Ok(Looked { verification, script, trouble })
    }

    /// How many checks passed; none, where the order lists a script that does not work: it has verified nothing.
    fn tally(
        &self,
        verification: &crate::verify::Verification,
        place: &std::path::Path,
        script_works: bool,
        context: &Context,
    ) -> Measurement {
        let count = |finding| verification.count(finding) as u64;
        let of = verification.of() as u64;
        let pass = if script_works { count(Finding::Pass) } else { 0 };
        let how = format!("the checks of `wo verify monitor`, report `{}`", context.root.show(place));
        let how = match &self.layout.script {
            Some(script) => format!("ran `{script}`; {how}"),
            None => how,
        };
        let value = Value::Ratio { pass, of };
        let measurement =
            Measurement::new("monitor.verification", value, how, verification.at).ok(pass == of && of > 0);
        match artifact(&context.root, place) {
            Ok(artifact) => measurement.artifact(artifact),
            Err(_) => measurement,
        }
    }

    fn plist(&self, context: &Context) -> Option<Measurement> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.layout.plists.first()?;
        let at = context.root.join(path);
        let bytes = std::fs::read(&at).ok()?;
        let mode = at.metadata().ok().map(|metadata| metadata.permissions().mode() & 0o7777);
        let findings: Vec<String> =
            lint_plist(&at, &bytes, FileFacts { mode }).into_iter().map(|finding| finding.message).collect();
        let works = findings.is_empty();
        let detail =
            if works { format!("`{path}`, nothing found") } else { format!("`{path}`: {}", findings.join("; ")) };
        let how = "linted the rendered plist";
        let value = Value::State { works, detail };
        let measurement = Measurement::new("service.plist", value, how, context.clock.now()).ok(works);
        Some(match artifact(&context.root, &at) {
            Ok(artifact) => measurement.artifact(artifact),
            Err(_) => measurement,
        })
    }
}

/// Runs the verification script, where there is one: its exit code, and what is wrong with it.
pub(crate) fn script(script: Option<&str>, context: &Context) -> (Option<Measurement>, Option<String>) {
    let Some(script) = script else { return (None, None) };
    match run(context, script) {
        Ok((code, said)) => {
            let value = Value::Count { n: u64::from(code.unsigned_abs()), noun: String::new() };
            let how = format!("ran `{script} --dry-run`");
            let taken = Measurement::new("monitor.script_exit", value, how, context.clock.now()).ok(code == 0);
            let trouble = (code != 0).then(|| format!("`{script}`: exit status {code}, it said: {said}"));
            (Some(taken), trouble)
        }
        Err(why) => (None, Some(why)),
    }
}

/// Exit code and words of the script. One that is no shim of ours over this root may do anything, and is not run.
fn run(context: &Context, script: &str) -> Result<(i32, String), String> {
    use crate::process::{self, End, Spec};
    let fail = |why: String| format!("`{script}`: {why}");
    let at = context.root.join(script);
    let text = crate::files::read_regular(&at).map_err(|error| fail(format!("it can't be read: {error}")))?;
    if !shims::is_about(&text, context.root.path()) {
        return Err(fail("it is no longer the script that was deployed, so it was not run".to_owned()));
    }
    let spec = Spec::new(at).args(["--dry-run"]).dir(context.root.path());
    let output = process::run(&spec.deadline(context.deadline.remaining())).map_err(|error| fail(error.to_string()))?;
    let said = context.masker.mask(&(output.stdout_text() + &output.stderr_text()));
    let said = crate::text::line(&said, 400);
    match output.end {
        End::Exit(code) => Ok((code, said)),
        end => Err(fail(format!("{end}, it said: {said}"))),
    }
}
