//! File tests of verification commands: `test -f x`, `[ -s x ] && echo OK || echo MISSING`. They are made, not run.
//!
//! Invariant: only what lies beneath the root is looked at; a line is taken as a whole or not at all; one whose test does not
//! hold has failed, whatever it echoes then; of one that could not be looked at nothing is said. A date token in a path is the day
//! of the run, as in the template around it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use crate::files;
use crate::handlers::{Context, command_line};
use crate::report::{CommandEnd, dates};
use crate::text;

/// A test of `test` with its flag and file.
#[derive(Debug, Clone, PartialEq)]
struct FileTest {
    flag: char,
    negated: bool,
    path: PathBuf,
}

enum Part {
    Test(FileTest),
    Echo(String),
}

#[derive(Clone, Copy, PartialEq)]
enum Join {
    And,
    Or,
}

/// How a line ends that consists of file tests and what is echoed behind them; `None` for any other line.
pub fn line(context: &Context, line: &str) -> Option<CommandEnd> {
    let parts = parts(context, &command_line::words(line)?)?;
    parts.iter().any(|(_, part)| matches!(part, Part::Test(_))).then(|| made(context, &parts))
}

fn parts(context: &Context, words: &[String]) -> Option<Vec<(Join, Part)>> {
    let mut parts = Vec::new();
    let mut join = Join::And;
    let mut from = 0;
    for (n, word) in words.iter().map(String::as_str).chain(["&&"]).enumerate() {
        let next = match word {
            "&&" => Join::And,
            "||" => Join::Or,
            _ => continue,
        };
        parts.push((join, part(context, words.get(from..n)?)?));
        (join, from) = (next, n + 1);
    }
    Some(parts)
}

fn part(context: &Context, words: &[String]) -> Option<Part> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let plain = |word: &&str| !word.contains(['$', '`', '>', '<', '|', ';', '&']);
    match words.as_slice() {
        ["echo", said @ ..] if said.iter().all(plain) => Some(Part::Echo(said.join(" "))),
        words => file_test(context, words).map(Part::Test),
    }
}

fn file_test(context: &Context, words: &[&str]) -> Option<FileTest> {
    let (negated, words) = match words {
        ["!", rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let inner = match words {
        ["test", inner @ ..] | ["[", inner @ .., "]"] | ["[[", inner @ .., "]]"] => inner,
        _ => return None,
    };
    let (negated, flag, path) = match inner {
        ["!", flag, path] => (!negated, flag, path),
        [flag, path] => (negated, flag, path),
        _ => return None,
    };
    let flag = flag.strip_prefix('-').filter(|flag| flag.len() == 1)?.chars().next()?;
    let path = of_today(context, path);
    // what lies elsewhere is nobody's business
    let beneath = path.starts_with(context.root.path())
        && path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
    let expanded = !path.to_string_lossy().contains(['~', '$', '*', '?']);
    (beneath && expanded && "efdsx".contains(flag)).then_some(FileTest { flag, negated, path })
}

/// The path with its date tokens as the day of the run; where that is not there, in UTC, by which the telemetry's files are named.
fn of_today(context: &Context, path: &str) -> PathBuf {
    let now = context.clock.now();
    let on = |zone| context.root.path().join(dates::with_tokens(path, &now.to_zoned(zone)));
    let (here, utc) = (on(TimeZone::system()), on(TimeZone::UTC));
    if !here.exists() && utc.exists() { utc } else { here }
}

fn made(context: &Context, parts: &[(Join, Part)]) -> CommandEnd {
    let mut holds = true;
    let mut status = 0;
    let mut echoed: Vec<String> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut failed: Option<String> = None;
    for (n, (join, part)) in parts.iter().enumerate() {
        if n > 0 && holds != (*join == Join::And) {
            continue;
        }
        match part {
            Part::Echo(said) => {
                echoed.push(said.clone());
                holds = true;
            }
            Part::Test(test) => match look(context, test) {
                Err(blind) => return CommandEnd::NotRun { why: blind },
                Ok(Ok(found)) => {
                    seen.push(found);
                    holds = true;
                }
                Ok(Err(why)) => {
                    failed.get_or_insert(why);
                    holds = false;
                }
            },
        }
        status = i32::from(!holds);
    }
    match failed {
        Some(why) if status == 0 => CommandEnd::Failed { output: echoed.join("; "), why },
        Some(why) => CommandEnd::Failed { output: echoed.join("; "), why: format!("exit status {status}: {why}") },
        None => CommandEnd::Passed { output: echoed.into_iter().chain(seen).collect::<Vec<_>>().join("; ") },
    }
}

/// What the test sees, or why it does not hold; the outer error says why it could not be made.
fn look(context: &Context, test: &FileTest) -> Result<Result<String, String>, String> {
    let shown = context.root.show(&test.path);
    let found = match test.path.metadata() {
        Err(error) if files::is_absent(&error) => Err("is not there".to_owned()),
        Err(error) => return Err(format!("`{shown}` can't be looked at: {error}")),
        Ok(meta) => {
            let holds = match test.flag {
                'f' => meta.is_file(),
                'd' => meta.is_dir(),
                's' => meta.len() > 0,
                'x' => meta.permissions().mode() & 0o111 != 0,
                _ => true,
            };
            match holds {
                true => Ok(format!("is there, {}", text::bytes(meta.len()))),
                false => Err(format!("is there, but `test -{}` does not hold", test.flag)),
            }
        }
    };
    Ok(match (found, test.negated) {
        (Ok(seen), false) | (Err(seen), true) => Ok(format!("`{shown}` {seen}")),
        (Ok(seen), true) | (Err(seen), false) => Err(format!("`{shown}` {seen}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{Scene, order};

    #[test]
    fn a_date_token_is_the_day_of_the_run() {
        let scene = Scene::new();
        let context = scene.context(&order("WO-1"), serde_json::Value::Null);
        let today = context.clock.now().to_zoned(TimeZone::UTC).strftime("%Y%m%d").to_string();
        std::fs::write(scene.root.join(format!("ops_{today}.parquet")), "x").unwrap();
        let end = |command: &str| line(&context, command).unwrap();
        let CommandEnd::Passed { output } = end("test -s ops_YYYYMMDD.parquet && echo OK") else { panic!() };
        assert_eq!(output, format!("OK; `ops_{today}.parquet` is there, 1 B"));
        assert!(matches!(end("test -f other_YYYYMMDD.parquet"), CommandEnd::Failed { .. }));
        assert!(matches!(end("test -f ops_20200101.parquet"), CommandEnd::Failed { .. }));
    }

    #[test]
    fn a_test_of_what_can_not_be_looked_at_is_not_made() {
        let scene = Scene::new();
        let context = scene.context(&order("WO-1"), serde_json::Value::Null);
        std::fs::write(scene.root.join("file"), "x").unwrap();
        // as root no folder is closed; a link to itself can be looked through by nobody
        std::os::unix::fs::symlink("closed", scene.root.join("closed")).unwrap();
        for (command, end) in [
            ("test -e file", "passed"),
            ("test ! -e none", "passed"),
            ("test ! -e file/none", "passed"),
            ("test -e none", "failed"),
            ("test -e closed/lock", "not run"),
            ("test ! -e closed/lock", "not run"),
            ("test ! -e closed/lock && echo OK || echo STALE", "not run"),
            ("test -e none && test -e closed/lock", "failed"),
        ] {
            let found = match line(&context, command).unwrap() {
                CommandEnd::Passed { .. } => "passed",
                CommandEnd::Failed { .. } => "failed",
                CommandEnd::NotRun { why } => {
                    assert!(why.contains("closed/lock` can't be looked at"), "{why}");
                    "not run"
                }
            };
            assert_eq!(found, end, "{command}");
        }
    }
}
