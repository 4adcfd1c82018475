//! Verification commands of an order and operational tests of a template. What the handler recognizes is answered by its
//! own measurements; anything else runs only if policy allows that very program, as argv, never through a shell.

use std::path::Path;
use std::time::Duration;

use super::tape::Tape;
use super::{EngineError, test_lines};
use crate::export;
use crate::handlers::{Context, Handler, command_line};
use crate::journal::{Event, Phase};
use crate::order::Command;
use crate::process::{self, last_words};
use crate::report::{CommandEnd, CommandResult};
use crate::text;

const DEADLINE: Duration = Duration::from_secs(60);
/// Most commands of one order that are looked at.
const MAX_COMMANDS: usize = 64;
/// Rows of a query that are kept, so that a pasted table can be held against them; a report shows the first of them.
const ROWS_SHOWN: usize = 40;
const OUTPUT_CHARS: usize = 2_000;
const WHY_CHARS: usize = 200;

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
    let of = |result, evidence, is_cut| CommandResult { command: command.text.clone(), result, evidence, is_cut };
    match recognized(tape, handler, context, &command.text) {
        Some((result, evidence)) => of(result, evidence, false),
        None => {
            let (result, is_cut) = run_allowed(context, &command.text);
            of(result, Vec::new(), is_cut)
        }
    }
}

/// What answers one command of a block.
enum Answer {
    /// The handler's measurement of that key.
    Measured(String),
    /// A read-only statement over our Parquet files, which is run as `wo query` runs it.
    Query(String),
}

/// The answer to a block all of whose commands are recognized.
fn recognized(
    tape: &Tape<'_>,
    handler: &dyn Handler,
    context: &Context,
    block: &str,
) -> Option<(CommandEnd, Vec<String>)> {
    let mut ends: Vec<CommandEnd> = Vec::new();
    let mut rest = String::new();
    for line in block.lines() {
        match test_lines::line(context, line) {
            Some(end) => ends.push(end),
            None => rest.push_str(&format!("{line}\n")),
        }
    }
    let answers: Option<Vec<Answer>> =
        command_line::commands(&rest)?.iter().map(|words| answer_of(handler, context, words)).collect();
    let answers = answers.filter(|answers| !answers.is_empty() || !ends.is_empty())?;
    let mut keys: Vec<String> = Vec::new();
    for answer in answers {
        match answer {
            Answer::Measured(key) if keys.contains(&key) => {}
            Answer::Measured(key) => keys.push(key),
            Answer::Query(sql) => ends.push(queried(context, &sql)),
        }
    }
    // a shell's status is that of its last command, which is not told apart from the others here
    let alone = ends.len() == 1 && keys.is_empty();
    let (measured, evidence) = from_measurements(tape, &keys);
    let end = ends.into_iter().fold(measured, both);
    Some((if alone { end } else { without_status(end) }, evidence))
}

fn without_status(end: CommandEnd) -> CommandEnd {
    match end {
        CommandEnd::Failed { output, why } => {
            let why = why.strip_prefix("exit status 1: ").map_or_else(|| why.clone(), str::to_owned);
            CommandEnd::Failed { output, why }
        }
        end => end,
    }
}

fn answer_of(handler: &dyn Handler, context: &Context, words: &[String]) -> Option<Answer> {
    if let Some(key) = handler.recognize_command(context, words) {
        return Some(Answer::Measured(key));
    }
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    match plain.as_slice() {
        ["wo", "query", sql]
        | ["wo", "query", "-f" | "--format", _, sql]
        | ["wo", "query", sql, "-f" | "--format", _]
            if !sql.starts_with('-') =>
        {
            Some(Answer::Query((*sql).to_owned()))
        }
        _ => None,
    }
}

fn queried(context: &Context, sql: &str) -> CommandEnd {
    match export::query(&context.root, &context.config, sql, &export::sql_program()) {
        Ok(queried) => {
            let cell = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let rows = queried.table.rows.iter().take(ROWS_SHOWN);
            let shown: Vec<String> = rows.map(|row| row.iter().map(cell).collect::<Vec<_>>().join(", ")).collect();
            let count = queried.table.rows.len();
            let rest = if count > ROWS_SHOWN { format!("; … ({count} rows)") } else { String::new() };
            let head: Vec<&str> = queried.table.columns.iter().map(|column| column.name.as_str()).collect();
            let head = head.join(", ");
            let output = if count == 0 { "0 rows".to_owned() } else { format!("{head}; {}{rest}", shown.join("; ")) };
            CommandEnd::Passed { output: text::line(&output, OUTPUT_CHARS) }
        }
        Err(error) => CommandEnd::Failed { output: String::new(), why: text::line(&error.to_string(), OUTPUT_CHARS) },
    }
}

/// A block is as good as the worst of it.
fn both(a: CommandEnd, b: CommandEnd) -> CommandEnd {
    match (a, b) {
        (CommandEnd::Passed { output }, CommandEnd::Passed { output: more }) => {
            let outputs: Vec<String> = [output, more].into_iter().filter(|output| !output.is_empty()).collect();
            CommandEnd::Passed { output: outputs.join("; ") }
        }
        (failed @ CommandEnd::Failed { .. }, _) | (_, failed @ CommandEnd::Failed { .. }) => failed,
        (not_run @ CommandEnd::NotRun { .. }, _) | (_, not_run @ CommandEnd::NotRun { .. }) => not_run,
    }
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

/// Runs a block of plain commands, all of whose programs policy allows; how it ended, and whether a part of its output is missing.
fn run_allowed(context: &Context, text: &str) -> (CommandEnd, bool) {
    let specs = match allowed(context, text) {
        Ok(specs) => specs,
        Err(why) => return (CommandEnd::NotRun { why }, false),
    };
    let mut output = String::new();
    let mut is_cut = false;
    for spec in specs {
        match process::run(&spec) {
            Ok(run) => {
                is_cut |= run.stdout_is_cut;
                let stdout = context.masker.mask(&run.stdout_text());
                output.push_str(&stdout);
                if !run.success() {
                    let said = last_words::why(&context.masker.mask(&run.stderr_text()), &stdout).map(str::to_owned);
                    let why = match said {
                        Some(said) => format!("{}: {}", run.end, text::line(&said, WHY_CHARS)),
                        None => run.end.to_string(),
                    };
                    return (CommandEnd::Failed { output, why }, is_cut);
                }
            }
            Err(error) => return (CommandEnd::Failed { output, why: error.to_string() }, is_cut),
        }
    }
    (CommandEnd::Passed { output }, is_cut)
}

/// The programs of a block, ready to be run; else why it is not run.
fn allowed(context: &Context, text: &str) -> Result<Vec<process::Spec>, String> {
    let none = || "there is no command in it".to_owned();
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    if lines.is_empty() {
        return Err(none());
    }
    let mut specs = Vec::new();
    for line in lines {
        let argv = plain_argv(line).ok_or("policy (it needs a shell)")?;
        let (program, args) = argv.split_first().ok_or_else(none)?;
        let allowed = context.config.policy.programs.iter().find(|allowed| {
            let named = Path::new(program);
            if named.is_absolute() {
                named == allowed.as_path()
            } else {
                allowed.file_name() == named.file_name() && !program.contains('/')
            }
        });
        specs.push(process::Spec {
            max_output: context.config.limits.output_bytes,
            // what a test comes to stands at its end
            keep_end: true,
            at_work: Some(context.root.program_lock(&context.order.id, context.attempt)),
            ..process::Spec::new(allowed.ok_or("policy")?)
                .args(args)
                .dir(context.root.path())
                .deadline(DEADLINE.min(context.deadline.remaining()))
        });
    }
    Ok(specs)
}

/// The words of a line without anything that only a shell understands; `None` otherwise. Quotes only tell which characters
/// are one word: within them a shell would leave all as it stands, but within double ones for what it would put in its place.
fn plain_argv(line: &str) -> Option<Vec<String>> {
    const BARE: &str = "$`|&;<>(){}*?[]~!\\#";
    const IN_DOUBLE: &str = "$`\\";
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some('"') if IN_DOUBLE.contains(c) => return None,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if BARE.contains(c) => return None,
            None => {}
        }
    }
    shlex::split(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_no_reason_for_a_shell() {
        for (line, expected) in [
            ("/usr/bin/sqlite3 a.db .tables", Some("/usr/bin/sqlite3·a.db·.tables")),
            ("sqlite3 a.db \"PRAGMA quick_check;\"", Some("sqlite3·a.db·PRAGMA quick_check;")),
            ("sqlite3 a.db 'select count(*) from \"memo\"'", Some("sqlite3·a.db·select count(*) from \"memo\"")),
            ("grep -c '^$HOME|x' \"a (b) & c.md\"", Some("grep·-c·^$HOME|x·a (b) & c.md")),
            ("grep '' x", Some("grep··x")),
            ("echo a' b'\"c \"d", Some("echo·a bc d")),
            ("sqlite3 a.db \"$SQL\"", None),
            ("sqlite3 a.db \"`cat x`\"", None),
            ("sqlite3 a.db \"a\\\"b\"", None),
            ("sqlite3 a.db 'select 1' | head", None),
            ("sqlite3 a.db 'select 1'; rm -rf g", None),
            ("ls \"a\"*", None),
            ("ls $HOME", None),
            ("sqlite3 a.db 'not closed", None),
        ] {
            assert_eq!(plain_argv(line).map(|words| words.join("·")).as_deref(), expected, "{line}");
        }
    }
}
