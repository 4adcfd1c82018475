//! The second fault of the field: the database check points nowhere, because its path, its program or its module does not
//! exist. A check that is there and says no is something else, which no repair here cures.

use std::path::{Path, PathBuf};

use super::super::database;
use super::DatabaseFault;
use crate::config::Config;
use crate::handlers::Context;
use crate::monitor::checks::State;
use crate::monitor::config::CheckConfig;
use crate::monitor::cycle::Observed;

/// What one look at a check says of the database.
pub(super) enum Seen {
    /// Nothing is wrong, or it is no check of the database.
    Well,
    Nowhere(DatabaseFault),
    /// What a person must look at, in words.
    Beyond(String),
}

pub(super) fn look(check: &CheckConfig, observed: &Observed, config: &Config, context: &Context) -> Seen {
    let finding = &observed.finding;
    let is_error = finding.state == State::Error;
    let beyond = || Seen::Beyond(format!("{}: {}", observed.name, finding.message));
    let path = text(check, "path");
    match check.kind.as_str() {
        "sqlite" if is_error && is_gone(path, context) => Seen::Nowhere(fault(check, observed, config, context)),
        "sqlite" if is_error => beyond(),
        "file" if is_error && path.is_some_and(|path| path.ends_with(".db")) && is_gone(path, context) => {
            Seen::Nowhere(fault(check, observed, config, context))
        }
        "command" if finding.state != State::Ok && is_of_database(check, context) => {
            match missing_program(check, observed, context) {
                Some(_) => Seen::Nowhere(fault(check, observed, config, context)),
                // another check that only speaks of the database is its author's
                None if is_named_so(check) => beyond(),
                None => Seen::Well,
            }
        }
        _ => Seen::Well,
    }
}

/// Whether nothing at all is at the path; a link whose target is missing leads nowhere too. A file that is there and is no
/// database is one that something emptied or damaged, not one that moved.
fn is_gone(path: Option<&str>, context: &Context) -> bool {
    path.is_none_or(|path| !context.root.join(path).exists())
}

fn text<'a>(check: &'a CheckConfig, key: &str) -> Option<&'a str> {
    check.settings.get(key).and_then(toml::Value::as_str)
}

fn words(check: &CheckConfig) -> Vec<String> {
    let command = check.settings.get("command").and_then(toml::Value::as_array);
    command.into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

fn speaks_of_database(text: &str) -> bool {
    ["database", "sqlite", "02luka.db"].iter().any(|word| text.to_lowercase().contains(word))
}

fn is_named_so(check: &CheckConfig) -> bool {
    speaks_of_database(&check.name) || check.name == "db"
}

/// Whether a command is about the database.
fn is_of_database(check: &CheckConfig, context: &Context) -> bool {
    // a module of the knowledge base may do anything; one that does not exist did this
    let of_knowledge = || missing_module(check, context).is_some_and(|module| module.contains("knowledge/"));
    is_named_so(check) || words(check).iter().any(|word| speaks_of_database(word)) || of_knowledge()
}

/// The program or the module that a command names and that does not exist.
fn missing_program(check: &CheckConfig, observed: &Observed, context: &Context) -> Option<String> {
    let words = words(check);
    if let Some(program) = words.first().filter(|program| program.starts_with('/') && !Path::new(program).exists()) {
        return Some(program.clone());
    }
    if let Some(module) = missing_module(check, context) {
        return Some(module);
    }
    // one that is named without its ending, or by a script that is there: only the program itself can say so
    said_missing(&observed.finding.message)
        .map(|module| module.unwrap_or_else(|| words.last().cloned().unwrap_or_default()))
}

/// Whether a program says that a module of its own is not there, and which, as far as it names it.
fn said_missing(message: &str) -> Option<Option<String>> {
    const SAID: [&str; 4] = ["Cannot find module", "Cannot find package", "No module named", "can't open file"];
    let rest = SAID.iter().find_map(|said| message.split_once(said).map(|(_, rest)| rest))?;
    let quoted = rest.trim_start().strip_prefix(['\'', '"']).and_then(|rest| rest.split(['\'', '"']).next());
    Some(quoted.filter(|name| !name.is_empty()).map(str::to_owned))
}

/// The script that a command runs, if it does not exist. Where a shell changes the folder first, only the program can tell.
fn missing_module(check: &CheckConfig, context: &Context) -> Option<String> {
    let words = words(check);
    if words.iter().any(|word| word.split_whitespace().any(|piece| piece == "cd")) {
        return None;
    }
    let dir = context.root.join(text(check, "dir").unwrap_or_default());
    let module = modules(&words).into_iter().next()?;
    (!dir.join(&module).exists() && !context.root.join(&module).exists()).then_some(module)
}

/// What looks like a script among the arguments of a command, also within `require('…')`.
fn modules(words: &[String]) -> Vec<String> {
    const ENDS: [&str; 6] = [".cjs", ".js", ".mjs", ".py", ".sh", ".zsh"];
    let pieces =
        words.iter().skip(1).flat_map(|word| word.split(|c: char| c.is_whitespace() || "'\"()=,;`".contains(c)));
    pieces
        .filter(|piece| ENDS.iter().any(|end| piece.ends_with(end) && piece.len() > end.len()))
        .map(str::to_owned)
        .collect()
}

fn fault(check: &CheckConfig, observed: &Observed, config: &Config, context: &Context) -> DatabaseFault {
    let written = text(check, "path").map(PathBuf::from);
    let meant = written.or_else(|| database::path_in(&words(check))).unwrap_or_else(|| config.paths.database.clone());
    let name = meant.file_name().unwrap_or(config.paths.database.as_os_str()).to_string_lossy().into_owned();
    let found = database::find(&context.root, &name);
    let mut why = observed.finding.message.clone();
    if let Some(missing) = missing_program(check, observed, context) {
        why = format!("it shells out to `{}`, which does not exist ({why})", crate::text::line(&missing, 120));
    }
    let link = |(link, target): &(PathBuf, PathBuf)| {
        format!("`{}` is a link to `{}`, which is missing", link.display(), target.display())
    };
    let dangling = found.dangling.iter().map(link).collect();
    let (only, others) = match found.only(&config.paths.database) {
        Some(path) => (Some(path), Vec::new()),
        None => (None, found.databases),
    };
    DatabaseFault { check: check.name.clone(), why, name, found: only, others, dangling }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_which_module_is_missing() {
        for (message, expected) in [
            ("`/usr/bin/node`: exit status 1: Error: Cannot find module './index.cjs'", Some(Some("./index.cjs"))),
            (
                "x: Error [ERR_MODULE_NOT_FOUND]: Cannot find module '/r/a.mjs' imported from /r/b",
                Some(Some("/r/a.mjs")),
            ),
            ("x: ModuleNotFoundError: No module named 'memory'", Some(Some("memory"))),
            ("x: /usr/bin/python3: No module named agents.memory", Some(None)),
            ("x: python3: can't open file '/r/x.py': [Errno 2] No such file", Some(Some("/r/x.py"))),
            ("x: exit status 3: 5 failed jobs", None),
        ] {
            let found = said_missing(message);
            assert_eq!(found, expected.map(|name| name.map(str::to_owned)), "{message}");
        }
    }
}
