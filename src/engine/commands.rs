//! Verification commands of an order and operational tests of a template. What the handler recognizes is answered by its
//! own measurements; anything else runs only if policy allows that very program, as argv, never through a shell.

use std::path::Path;
use std::time::Duration;

use super::EngineError;
use super::tape::Tape;
use crate::handlers::{Context, Handler};
use crate::journal::{Event, Phase};
use crate::order::Command;
use crate::process;
use crate::report::{CommandEnd, CommandResult};

const DEADLINE: Duration = Duration::from_secs(60);
/// Most commands of one order that are looked at.
const MAX_COMMANDS: usize = 64;

pub fn measure(tape: &mut Tape<'_>, handler: &dyn Handler, context: &Context) -> Result<(), EngineError> {
    if tape.run().commands.is_some() || tape.run().phase == Phase::Undoing {
        return Ok(());
    }
    let template = tape.run().template.as_ref().map(|template| crate::report::template_commands(&template.text));
    let commands: Vec<Command> =
        context.order.verification.iter().cloned().chain(template.unwrap_or_default()).take(MAX_COMMANDS).collect();
    if commands.is_empty() {
        return Ok(());
    }
    let results = commands.iter().map(|command| answer(tape, handler, context, command)).collect();
    tape.push(Event::Commands { results })
}

fn answer(tape: &Tape<'_>, handler: &dyn Handler, context: &Context, command: &Command) -> CommandResult {
    let (result, evidence) = match handler.recognize_command(&command.text) {
        Some(keys) if !keys.is_empty() => from_measurements(tape, &keys),
        _ => (run_allowed(context, &command.text), Vec::new()),
    };
    CommandResult { command: command.text.clone(), result, evidence }
}

fn from_measurements(tape: &Tape<'_>, keys: &[String]) -> (CommandEnd, Vec<String>) {
    let newest = |key: &String| tape.run().measurements.iter().rev().find(|measurement| measurement.key == *key);
    let taken: Vec<_> = keys.iter().filter_map(newest).collect();
    let evidence = taken.iter().map(|measurement| measurement.id.clone()).collect();
    let missing: Vec<&str> = keys.iter().filter(|key| newest(key).is_none()).map(String::as_str).collect();
    let shown = |measurement: &&crate::evidence::Measurement| format!("{} = {}", measurement.key, measurement.value);
    let output = taken.iter().map(shown).collect::<Vec<_>>().join("; ");
    let bad: Vec<String> = taken.iter().filter(|measurement| measurement.ok == Some(false)).map(shown).collect();
    let mute: Vec<&str> = taken
        .iter()
        .filter(|measurement| measurement.ok.is_none())
        .map(|measurement| measurement.key.as_str())
        .collect();
    let end = if !bad.is_empty() {
        CommandEnd::Failed { output, why: bad.join("; ") }
    } else if !missing.is_empty() {
        CommandEnd::NotRun { why: format!("{} was not measured", missing.join(", ")) }
    } else if !mute.is_empty() {
        CommandEnd::NotRun { why: format!("{} does not say whether it works", mute.join(", ")) }
    } else {
        CommandEnd::Passed { output }
    };
    (end, evidence)
}

/// Runs a block of plain commands, all of whose programs policy allows.
fn run_allowed(context: &Context, text: &str) -> CommandEnd {
    let not_run = |why: String| CommandEnd::NotRun { why };
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    if lines.is_empty() {
        return not_run("there is no command in it".to_owned());
    }
    let mut specs = Vec::new();
    for line in lines {
        let Some(argv) = plain_argv(line) else { return not_run("policy (it needs a shell)".to_owned()) };
        let Some((program, args)) = argv.split_first() else { return not_run("there is no command in it".to_owned()) };
        let allowed = context.config.policy.programs.iter().find(|allowed| {
            let named = Path::new(program);
            if named.is_absolute() {
                named == allowed.as_path()
            } else {
                allowed.file_name() == named.file_name() && !program.contains('/')
            }
        });
        let Some(allowed) = allowed else { return not_run("policy".to_owned()) };
        specs.push(
            process::Spec::new(allowed)
                .args(args)
                .dir(context.root.path())
                .deadline(DEADLINE.min(context.deadline.remaining())),
        );
    }
    let mut output = String::new();
    for mut spec in specs {
        spec.max_output = context.config.limits.output_bytes;
        match process::run(&spec) {
            Ok(run) => {
                output.push_str(&context.masker.mask(&run.stdout_text()));
                if !run.success() {
                    let why =
                        format!("{}: {}", run.end, crate::text::line(&context.masker.mask(&run.stderr_text()), 200));
                    return CommandEnd::Failed { output, why };
                }
            }
            Err(error) => return CommandEnd::Failed { output, why: error.to_string() },
        }
    }
    CommandEnd::Passed { output }
}

/// The words of a line without anything that only a shell understands; `None` otherwise.
fn plain_argv(line: &str) -> Option<Vec<String>> {
    if line.contains([
        '$', '`', '|', '&', ';', '<', '>', '(', ')', '{', '}', '*', '?', '[', ']', '~', '!', '\\', '"', '\'', '#',
    ]) {
        return None;
    }
    Some(line.split_whitespace().map(str::to_owned).collect())
}
