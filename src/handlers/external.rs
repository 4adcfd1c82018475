//! External handlers: `[handlers.NAME] command = ["/abs/program", "arg"]` gets the order as JSON on stdin and answers JSON
//! lines: `{"claim": "…"}` for what it says it achieved, `{"step": "…"}` for what it says it did.
//!
//! Invariant: what such a program says is recorded as its claim and is never a
//! [`Measurement`](crate::evidence::Measurement), so it can turn nothing green. What Workbridge measures for such orders
//! is what the heartbeats say and whether the deliverables are there. Whether an interrupted run took effect can't be
//! probed: then a person decides. One that outlives its executor is ended by the next (`engine::left_over`), so that
//! it is never beside itself or beside another order of its handler.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use super::{Applied, Check, Context, Descriptor, Handler, HandlerError, Plan, Step, StepSpec, Verified};
use crate::config::{Config, ExternalHandler};
use crate::evidence::Vocabulary;
use crate::order::{Criterion, Order};
use crate::process::{self, Spec, last_words};
use crate::secret::Masker;
use crate::text;

/// Claims of one run that are kept; a program that says more is cut and the note says so.
const MAX_CLAIMS: usize = 50;

/// Characters of what a failing program wrote that are kept.
const LAST_WORDS: usize = 400;

static DECLARED: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::new(super::heartbeats::join(super::deliverables::DECLARATIONS)));

pub struct External {
    descriptor: &'static Descriptor,
}

impl External {
    pub fn new(name: &str, _settings: &ExternalHandler) -> Self {
        External { descriptor: descriptor(name) }
    }
}

/// One descriptor a name for the life of the process: names come from `wo.toml`, so there are few.
fn descriptor(name: &str) -> &'static Descriptor {
    static KNOWN: LazyLock<Mutex<BTreeMap<String, &'static Descriptor>>> = LazyLock::new(Default::default);
    let mut known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    known.entry(name.to_owned()).or_insert_with(|| {
        Box::leak(Box::new(Descriptor {
            name: Box::leak(name.to_owned().into_boxed_str()),
            about: "an external program; what it says is a claim, not a measurement",
            id_patterns: &[],
            service_labels: &[],
            deliverable_paths: &[],
            measurements: &DECLARED,
            default_criteria: &[],
            default_template: None,
        }))
    })
}

impl Handler for External {
    fn descriptor(&self) -> &Descriptor {
        self.descriptor
    }

    fn diagnose(&self, _order: &Order, context: &Context) -> Result<serde_json::Value, HandlerError> {
        program(self.descriptor.name, &context.config).map(|_| serde_json::Value::Null)
    }

    fn plan(
        &self,
        order: &Order,
        criteria: &[Criterion],
        _facts: &serde_json::Value,
        config: &Config,
    ) -> Result<Plan, HandlerError> {
        let name = self.descriptor.name;
        let (program, settings) = program(name, config)?;
        let mut plan = Plan {
            steps: vec![StepSpec {
                name: "run".to_owned(),
                describe: format!("run `{}` with the order on stdin; what it answers is a claim", program.display()),
                subjects: vec![format!("handler:{name}")],
                params: serde_json::json!({ "handler": name }),
                deadline_s: settings.deadline_s,
                measures_only: false,
            }],
            keep_on_failure: true,
            notes: vec![format!("`{name}` is an external program: Workbridge measures none of what it claims")],
        };
        let asked = super::asked(order, criteria, &DECLARED);
        super::deliverables::append(&mut plan, &asked);
        super::heartbeats::append(&mut plan, &asked);
        Ok(plan)
    }

    fn step(&self, spec: &StepSpec) -> Result<Box<dyn Step>, HandlerError> {
        if let Some(step) = super::deliverables::step(spec).or_else(|| super::heartbeats::step(spec)) {
            return Ok(step);
        }
        match spec.name.as_str() {
            "run" => Ok(Box::new(Run { handler: self.descriptor.name })),
            other => Err(HandlerError::Refused(format!("{} has no step `{other}`", self.descriptor.name))),
        }
    }
}

/// The program as `wo.toml` names it now; the journal is not asked, so a plan can't smuggle one in.
fn program<'a>(name: &str, config: &'a Config) -> Result<(PathBuf, &'a ExternalHandler), HandlerError> {
    let refuse = |why: &str| {
        HandlerError::Refused(format!("the handler `{name}` {why}\nhint: see [handlers.{name}] in wo.toml"))
    };
    let settings = config.handlers.get(name).ok_or_else(|| refuse("is no longer configured"))?;
    let program = settings.command.first().map(PathBuf::from).ok_or_else(|| refuse("has an empty command"))?;
    if !program.is_absolute() {
        return Err(refuse("names a program without its absolute path"));
    }
    Ok((program, settings))
}

struct Run {
    handler: &'static str,
}

impl Step for Run {
    fn files(&self, _context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        Ok(Vec::new())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        Ok(match context.step_applied {
            Some(at) => Check::Unknown(format!(
                "`{}` was started at {at} and its end was not recorded; whether it took effect can't be told",
                self.handler
            )),
            None => Check::Needed("not run yet".to_owned()),
        })
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let (program, settings) = program(self.handler, &context.config)?;
        let order = serde_json::to_vec(&*context.order)
            .map_err(|error| HandlerError::failed("failed to write the order as JSON", error))?;
        let mut deadline = context.deadline.remaining();
        if let Some(seconds) = settings.deadline_s {
            deadline = deadline.min(Duration::from_secs(seconds));
        }
        let mut spec = Spec::new(&program)
            .args(settings.command.iter().skip(1))
            .dir(context.root.path())
            .env("WO_ROOT", context.root.path())
            .env("WO_ATTEMPT", context.attempt.to_string())
            .deadline(deadline);
        spec.stdin = Some(order);
        spec.at_work = Some(context.root.program_lock(&context.order.id, context.attempt));
        spec.cancel = Some(Arc::clone(&context.cancelled));
        spec.max_output = context.config.limits.output_bytes;
        // what it claims, and why it gives up, it says last
        spec.keep_end = true;
        let output = process::run(&spec)?;
        let said = said(&output.stdout_text(), output.stdout_is_cut, &context.masker);
        if !output.success() {
            let why = failure(said, &context.masker.mask(&output.stderr_text()));
            let why = format!("{}; {why}", output.end);
            return Err(HandlerError::failed(format!("the handler `{}` failed", self.handler), why));
        }
        Ok(Applied { after: claims(said) })
    }

    fn verify(&self, _context: &Context) -> Result<Verified, HandlerError> {
        Ok(Verified::Yes(Vec::new()))
    }

    fn stands(&self) -> Option<&'static str> {
        Some("an external program did it, and only it could take it back")
    }
}

/// What a program said on its standard output, without the secrets in it.
struct Said {
    /// Claims and steps, in words.
    notes: Vec<String>,
    /// Lines that are neither.
    strange: Vec<String>,
    /// Whether it said more, which was not kept.
    is_cut: bool,
}

/// Words are masked before they are cut and laid out anew, so that neither a part nor another spelling of a secret is left.
fn said(stdout: &str, is_cut: bool, masker: &Masker) -> Said {
    let mut notes = Vec::new();
    let mut strange = Vec::new();
    let mut more = 0;
    let is_mark = |line: &str| is_cut && line == process::CUT.trim();
    for line in stdout.lines().filter(|line| !line.trim().is_empty() && !is_mark(line)) {
        let answer = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line).unwrap_or_default();
        let word = |key: &str| {
            answer.get(key).map(|value| match value.as_str() {
                Some(words) => text::line(&masker.mask(words), 200),
                None => text::line(&masker.mask_json(&value.to_string()), 200),
            })
        };
        let note = match (word("claim"), word("step")) {
            (Some(claim), _) => format!("claims: {claim}"),
            (None, Some(step)) => format!("says it did: {step}"),
            (None, None) => {
                strange.push(masker.mask(line));
                continue;
            }
        };
        if notes.len() < MAX_CLAIMS {
            notes.push(note);
        } else {
            more += 1;
        }
    }
    if more > 0 {
        notes.push(format!("{more} more claims are not shown"));
    }
    Said { notes, strange, is_cut }
}

/// What a program that went well said, in words that nobody can take for a measurement.
fn claims(Said { mut notes, strange, is_cut }: Said) -> String {
    if !strange.is_empty() {
        let cut = if is_cut { " kept, output cut at limits.output_bytes" } else { "" };
        notes.push(format!("also wrote what is neither a claim nor a step (lines: {}{cut})", strange.len()));
    }
    match notes.is_empty() {
        true => "it ended with exit status 0 and claimed nothing".to_owned(),
        false => format!("not measured; the program {}", notes.join("; ")),
    }
}

/// What a program that failed said: its last words, and, as claims, what it had done by then.
fn failure(Said { notes, strange, .. }: Said, stderr: &str) -> String {
    let mut parts = Vec::new();
    if !stderr.trim().is_empty() {
        parts.push(format!("it said: {}", last_words(stderr)));
    }
    if !strange.is_empty() {
        parts.push(format!("it wrote: {}", last_words(&strange.join("\n"))));
    }
    if !notes.is_empty() {
        parts.push(format!("not measured; the program {}", notes.join("; ")));
    }
    match parts.is_empty() {
        true => "it said nothing".to_owned(),
        false => parts.join("; "),
    }
}

/// The end of a text on one line: a program says last why it gives up.
fn last_words(words: &str) -> String {
    let words = words.trim();
    let cut = words.char_indices().rev().nth(LAST_WORDS).map_or(0, |(at, _)| at);
    let (before, last) = words.split_at(cut);
    let mark = if cut > 0 { "… " } else { "" };
    // where it names its error and says more behind it than is shown
    let error = last_words::error(before).filter(|_| last_words::error(last).is_none());
    let error = error.map_or(String::new(), |error| format!("{} ", text::line(error, LAST_WORDS)));
    format!("{error}{mark}{}", text::line(last, 2 * LAST_WORDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{self, Scene};
    use crate::secret::Secret;

    fn scene(script: &str) -> (Scene, External) {
        let mut scene = Scene::new();
        let program = scene.root.join("handler ไทย");
        crate::durable::write(&program, format!("#!/bin/sh\n{script}\n").as_bytes(), 0o755).unwrap();
        let settings =
            ExternalHandler { command: vec![program.display().to_string(), "a b".to_owned()], deadline_s: Some(60) };
        scene.configure(|config| {
            config.handlers.insert("mine".to_owned(), settings.clone());
        });
        (scene, External::new("mine", &settings))
    }

    #[test]
    fn what_it_says_is_noted_as_a_claim_and_measures_nothing() {
        let (scene, handler) = scene(
            r#"order=$(cat); case "$order" in *'"id":"WO-1"'*) ;; *) exit 9;; esac
            [ "$1" = "a b" ] || exit 8
            echo '{"claim": "file size is 1 MB ✅"}'
            echo '{"step": "converted"}'
            echo 'done!'"#,
        );
        let run = testing::drive(&handler, &testing::order("WO-1"), &scene).unwrap();
        assert!(run.measurements.is_empty());
        let after = &run.steps[0].after;
        assert!(after.starts_with("not measured; ") && after.contains("claims: file size is 1 MB"), "{after}");
        assert!(
            after.contains("says it did: converted")
                && after.contains("also wrote what is neither a claim nor a step (lines: 1)"),
            "{after}"
        );
    }

    #[test]
    fn a_failing_program_fails_the_step_with_its_words() {
        let (scene, handler) = scene("echo 'no disk' >&2; exit 3");
        let error = testing::drive(&handler, &testing::order("WO-1"), &scene).unwrap_err();
        assert!(error.contains("exit status 3") && error.contains("no disk"), "{error}");
    }

    #[test]
    fn what_a_program_of_many_words_says_last_is_kept() {
        let (mut scene, handler) = scene(
            r#"yes 'noise of the build' | head -n 20000; echo '{"claim": "built"}'
            [ ! -e fail ] || { yes noise | head -n 200000 >&2; echo 'Error: no package.json' >&2; yes at | head -n 300 >&2; exit 3; }"#,
        );
        scene.configure(|config| config.limits.output_bytes = 64 * 1024);
        let after = testing::drive(&handler, &testing::order("WO-1"), &scene).unwrap().steps[0].after.clone();
        assert!(
            after.contains("claims: built") && after.contains(" kept, output cut at limits.output_bytes)"),
            "{after}"
        );
        crate::durable::write(&scene.root.join("fail"), b"", 0o644).unwrap();
        let error = testing::drive(&handler, &testing::order("WO-1"), &scene).unwrap_err();
        assert!(error.contains("it said: Error: no package.json … "), "{error}");
    }

    #[test]
    fn what_a_failing_program_claimed_is_kept_and_so_are_its_last_words() {
        let (scene, handler) = scene(
            r#"echo '{"claim":"migrated 40 of 50 rows"}'; echo '{"step":"dropped table old"}'
            echo 'quota exceeded'; yes noise | head -n 500 >&2; echo 'no disk' >&2; exit 3"#,
        );
        let error = testing::drive(&handler, &testing::order("WO-1"), &scene).unwrap_err();
        for part in [
            "exit status 3; it said: … ",
            "no disk; it wrote: quota exceeded; ",
            "not measured; the program claims: migrated 40 of 50 rows; says it did: dropped table old",
        ] {
            assert!(error.contains(part), "`{part}` expected in: {error}");
        }
        assert!(error.len() < 1500, "{}", error.len());
    }

    /// Neither a part of it, where words are cut, nor another spelling, where they are laid out anew.
    #[test]
    fn no_secret_is_left_in_what_a_program_said() {
        let masker = Masker::new([Secret::new("correct horse  battery \"staple\"")]);
        let long = "x".repeat(190);
        for stdout in [
            r#"{"claim": "logged in with correct horse  battery \"staple\""}"#.to_owned(),
            format!(r#"{{"step": "{long} correct horse  battery \"staple\""}}"#),
            r#"{"claim": {"pw": "correct horse  battery \"staple\""}}"#.to_owned(),
        ] {
            let after = claims(said(&stdout, false, &masker));
            assert!(!after.contains("horse") && after.contains("not measured"), "{after}");
        }
        let why = failure(said("correct horse  battery \"staple\"", false, &masker), "");
        assert_eq!(why, "it wrote: ***");
    }

    #[test]
    fn an_interrupted_run_is_for_a_person_to_decide() {
        let (scene, handler) = scene("exit 0");
        let order = testing::order("WO-1");
        let plan = handler.plan(&order, &[], &serde_json::Value::Null, &scene.config()).unwrap();
        let step = handler.step(&plan.steps[0]).unwrap();
        let mut context = scene.context(&order, serde_json::Value::Null);
        assert!(matches!(step.check(&context).unwrap(), Check::Needed(_)));
        context.step_applied = Some(jiff::Timestamp::UNIX_EPOCH);
        assert!(matches!(step.check(&context).unwrap(), Check::Unknown(_)));
    }

    #[test]
    fn only_absolute_programs_are_run() {
        let mut config = Config::default();
        for command in [vec![], vec!["true".to_owned()]] {
            config.handlers.insert("mine".to_owned(), ExternalHandler { command, deadline_s: None });
            assert!(matches!(program("mine", &config), Err(HandlerError::Refused(_))));
        }
    }
}
