//! What is wrong with a LaunchAgent's plist: each finding with its cure. The rules are those of launchd.plist(5) and of jobs
//! that failed in the field without a word.
//!
//! What must hold: a finding never shows the value of a secret; a plist that is as it should be has no findings.

mod masks;
mod secrets;

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use plist::{Dictionary, Value};
use serde::Serialize;

use super::job::{CauseKind, Job, causes};
use super::plist::{calendar, parse};
use crate::schedule::calendar::Entry;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// launchd can't read it; a raw `&&` in XML occurs.
    NotAPlist,
    /// A key that launchd.plist(5) does not know: launchd ignores it.
    UnknownKey,
    /// A value of a kind that launchd ignores or refuses.
    BadValue,
    LabelMissing,
    LabelUnlikeFileName,
    ProgramMissing,
    /// `~` or a variable where nothing expands it.
    Unexpanded,
    RelativePath,
    /// A path that is not there.
    MissingPath,
    NotExecutable,
    BadInterpreter,
    LogFolderMissing,
    LogNotWritable,
    ExitStatusMasked,
    SecretInPlist,
    /// `StartInterval` under ten minutes.
    ShortInterval,
    KeepAliveWithCalendar,
    /// A `StartCalendarInterval` with an hour or a day and no minute.
    EveryMinute,
    NoSchedule,
    Disabled,
    /// The plist itself can be changed by others: launchd refuses it.
    WritableByOthers,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub rule: Rule,
    pub message: String,
    pub cure: String,
}

/// What is known of the plist's own file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Permission bits; unknown for a plist that is no file yet.
    pub mode: Option<u32>,
}

/// An interval below this misses firings; a KeepAlive loop does not.
const SHORT_INTERVAL_S: u64 = 600;

/// launchd.plist(5), with the keys that launchd still accepts though they are deprecated.
const KEYS: [&str; 59] = [
    "AbandonProcessGroup",
    "AssociatedBundleIdentifiers",
    "BundleProgram",
    "Debug",
    "Disabled",
    "EnableGlobbing",
    "EnablePressuredExit",
    "EnableTransactions",
    "EnvironmentVariables",
    "ExitTimeOut",
    "FailureHandler",
    "GroupName",
    "HardResourceLimits",
    "HopefullyExitsFirst",
    "HopefullyExitsLast",
    "InitGroups",
    "KeepAlive",
    "Label",
    "LaunchEvents",
    "LaunchOnlyOnce",
    "LegacyTimers",
    "LimitLoadFromHosts",
    "LimitLoadToDeveloperMode",
    "LimitLoadToHardware",
    "LimitLoadToHosts",
    "LimitLoadToSessionType",
    "LowPriorityBackgroundIO",
    "LowPriorityIO",
    "MachServices",
    "MaterializeDatalessFiles",
    "Nice",
    "OnDemand",
    "POSIXSpawnType",
    "ProcessType",
    "Program",
    "ProgramArguments",
    "QueueDirectories",
    "RootDirectory",
    "RunAtLoad",
    "ServiceDescription",
    "ServiceIPC",
    "SessionCreate",
    "SoftResourceLimits",
    "Sockets",
    "SpawnConstraint",
    "StandardErrorPath",
    "StandardInPath",
    "StandardOutPath",
    "StartCalendarInterval",
    "StartInterval",
    "StartOnMount",
    "ThrottleInterval",
    "TimeOut",
    "Umask",
    "UserName",
    "WaitForDebugger",
    "WatchPaths",
    "WorkingDirectory",
    "inetdCompatibility",
];

/// A key, what its value must be, in words, and whether a value is.
type TypeRule = (&'static str, &'static str, fn(&Value) -> bool);

const TYPES: [TypeRule; 17] = [
    ("Label", "a string", is_text),
    ("Program", "a string", is_text),
    ("WorkingDirectory", "a string", is_text),
    ("StandardOutPath", "a string", is_text),
    ("StandardErrorPath", "a string", is_text),
    ("StandardInPath", "a string", is_text),
    ("ProgramArguments", "an array of strings", is_texts),
    ("WatchPaths", "an array of strings", is_texts),
    ("QueueDirectories", "an array of strings", is_texts),
    ("EnvironmentVariables", "a dictionary of strings", is_text_map),
    ("RunAtLoad", "true or false", is_bool),
    ("Disabled", "true or false", is_bool),
    ("StartOnMount", "true or false", is_bool),
    ("KeepAlive", "true, false or a dictionary", |value| is_bool(value) || value.as_dictionary().is_some()),
    ("StartInterval", "a number of seconds above 0", |value| value.as_unsigned_integer().is_some_and(|n| n > 0)),
    ("ThrottleInterval", "a number of seconds", |value| value.as_unsigned_integer().is_some()),
    ("Umask", "a number, or octal digits in a string", |value| {
        value.as_unsigned_integer().is_some()
            || value.as_string().is_some_and(|text| u32::from_str_radix(text, 8).is_ok())
    }),
];

fn is_text(value: &Value) -> bool {
    value.as_string().is_some()
}

fn is_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|values| values.iter().all(is_text))
}

fn is_text_map(value: &Value) -> bool {
    value.as_dictionary().is_some_and(|values| values.values().all(is_text))
}

fn is_bool(value: &Value) -> bool {
    value.as_boolean().is_some()
}

/// [`lint_plist`] on the file at `path`.
pub fn lint_file(path: &Path) -> std::io::Result<Vec<Finding>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    // one more than is read at all, so that a longer one is told apart
    file.take(super::plist::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(lint_plist(path, &bytes, FileFacts { mode: Some(meta.permissions().mode() & 0o7777) }))
}

/// Everything that is wrong with the plist `bytes`, which lie (or will lie) at `path`.
pub fn lint_plist(path: &Path, bytes: &[u8], facts: FileFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |rule, message: String, cure: &str| {
        findings.push(Finding { rule, message, cure: cure.to_owned() });
    };
    if let Some(mode) = facts.mode.filter(|mode| mode & 0o022 != 0) {
        let message = format!("others can write it (mode {mode:o}), so launchd refuses it");
        report(Rule::WritableByOthers, message, "chmod 644 it");
    }
    if let Some(what) = other_kind(path, bytes) {
        let cure = "`wo services lint` reads plists; `systemd-analyze --user verify FILE` checks units";
        report(Rule::NotAPlist, format!("it is not a property list but {what}"), cure);
        return findings;
    }
    let root = match parse(bytes) {
        Ok(root) => root,
        Err(why) => {
            report(
                Rule::NotAPlist,
                format!("it is not a property list: {why}"),
                "correct it until `plutil -lint` passes",
            );
            return findings;
        }
    };
    let job = Job::of_plist(&root);
    keys(&root, &mut report);
    label(path, &job, &mut report);
    paths(&root, &job, &mut report);
    command(&job, &mut report);
    secrets::find(&job, &mut report);
    schedule(&root, &mut report);
    findings
}

/// What a file is that somebody may take for a job's definition.
fn other_kind(path: &Path, bytes: &[u8]) -> Option<&'static str> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let has = |section: &str| text.lines().any(|line| line.trim() == section);
    match extension {
        "timer" if has("[Timer]") => Some("a systemd timer"),
        "service" if has("[Service]") => Some("a systemd service unit"),
        _ if has("[Timer]") && has("[Unit]") => Some("a systemd timer"),
        _ if has("[Service]") && has("[Unit]") => Some("a systemd service unit"),
        _ => None,
    }
}

type Report<'a> = dyn FnMut(Rule, String, &str) + 'a;

fn keys(root: &Dictionary, report: &mut Report) {
    for key in root.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        let near = KEYS.iter().find(|known| known.eq_ignore_ascii_case(key));
        let cure = near.map_or("remove it".to_owned(), |known| format!("write `{known}`"));
        report(Rule::UnknownKey, format!("launchd does not know the key `{}`", crate::text::line(key, 80)), &cure);
    }
    for (key, wanted, is_right) in TYPES {
        if root.get(key).is_some_and(|value| !is_right(value)) {
            report(Rule::BadValue, format!("{key} is not {wanted}"), "correct its value; a number is an <integer>");
        }
    }
}

fn label(path: &Path, job: &Job, report: &mut Report) {
    let Some(label) = &job.label else {
        report(Rule::LabelMissing, "it has no Label".to_owned(), "add Label, equal to the file's name");
        return;
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name != format!("{label}.plist") {
        let shown = crate::text::line(label, 120);
        let message = format!("its Label is `{shown}`, its file is named `{}`", crate::text::line(&name, 120));
        report(Rule::LabelUnlikeFileName, message, &format!("name the file `{shown}.plist`"));
    }
}

fn paths(root: &Dictionary, job: &Job, report: &mut Report) {
    let mut unexpanded = Vec::new();
    let mut relative = Vec::new();
    let mut check = |what: &str, path: &str| {
        if is_unexpanded(path) {
            unexpanded.push(what.to_owned());
        } else if !path.starts_with('/') {
            relative.push(what.to_owned());
        }
    };
    for key in ["WorkingDirectory", "StandardOutPath", "StandardErrorPath", "StandardInPath", "RootDirectory"] {
        if let Some(path) = root.get(key).and_then(Value::as_string) {
            check(key, path);
        }
    }
    for key in ["WatchPaths", "QueueDirectories"] {
        let paths = root.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_string);
        paths.for_each(|path| check(key, path));
    }
    // a bare name is searched on the PATH
    if let Some(program) = job.program.as_ref().filter(|program| program.contains('/') || is_unexpanded(program)) {
        check("the program", program);
    }
    for (n, argument) in job.arguments.iter().enumerate().skip(1) {
        // what a shell is given with -c, the shell expands
        if Some(argument.as_str()) != job.shell_text() && is_unexpanded(argument) {
            unexpanded.push(format!("argument {n}"));
        }
    }
    for (name, value) in &job.environment {
        if value.split(':').any(is_unexpanded) {
            unexpanded.push(format!("the variable {name}"));
        }
    }
    for what in unexpanded {
        let message = format!("{what} holds `~` or a variable, which launchd does not expand");
        report(Rule::Unexpanded, message, "write the absolute path");
    }
    for what in relative {
        report(Rule::RelativePath, format!("{what} is a relative path"), "write the absolute path");
    }
    if let Some(script) = job.script()
        && job.working_directory.is_none()
        && let Some(given) =
            job.arguments.iter().find(|given| script.ends_with(given.as_str()) && !given.starts_with('/'))
        && !is_unexpanded(given)
    {
        let message = format!(
            "the script `{}` is a relative path, and no WorkingDirectory is set",
            crate::text::line(given, 120)
        );
        report(Rule::RelativePath, message, "write the absolute path");
    }
    existing(job, report);
}

/// `~/x`, `~user/x`, `$HOME/x`, `${HOME}`, `--out=$HOME/x`.
fn is_unexpanded(text: &str) -> bool {
    let value = match text.split_once('=') {
        Some((name, value)) if !name.contains('/') => value,
        _ => text,
    };
    let variable = |rest: &str| rest.starts_with(|c: char| c == '{' || c == '_' || c.is_ascii_alphabetic());
    value.starts_with('~') || text.split('$').skip(1).any(variable)
}

/// What the usual causes of [`causes`] find. A path that is not absolute has its own finding; where it would lead is no
/// fact.
fn existing(job: &Job, report: &mut Report) {
    for cause in causes(job).into_iter().filter(|cause| cause.found == Some(true)) {
        let rule = match cause.kind {
            CauseKind::LogFolder => Rule::LogFolderMissing,
            CauseKind::LogFile => Rule::LogNotWritable,
            CauseKind::Program if job.program.is_none() => Rule::ProgramMissing,
            CauseKind::Program | CauseKind::WorkingDirectory | CauseKind::Script => Rule::MissingPath,
            CauseKind::NotExecutable => Rule::NotExecutable,
            CauseKind::Interpreter => Rule::BadInterpreter,
            CauseKind::Protected => continue,
        };
        let subject = &cause.subject;
        // a bare program name is searched on the PATH
        let is_name = cause.kind == CauseKind::Program && !subject.contains('/');
        let is_fact = !is_unexpanded(subject) && (subject.starts_with('/') || is_name);
        if is_fact {
            report(rule, cause.seen, cause.cure.as_deref().unwrap_or_default());
        }
    }
}

fn command(job: &Job, report: &mut Report) {
    let Some(text) = job.shell_text() else { return };
    if let Some(mask) = masks::masking(text) {
        let message = format!("its command ends with `{mask}`, so a failure looks like success");
        report(Rule::ExitStatusMasked, message, "let the command's own exit status through");
    }
}

fn schedule(root: &Dictionary, report: &mut Report) {
    let keep_alive = match root.get("KeepAlive") {
        Some(Value::Boolean(alive)) => *alive,
        Some(Value::Dictionary(conditions)) => !conditions.is_empty(),
        _ => false,
    };
    let has = |key: &str| root.contains_key(key);
    let is_true = |key: &str| root.get(key).and_then(Value::as_boolean) == Some(true);
    if let Some(every) = root.get("StartInterval").and_then(Value::as_unsigned_integer)
        && (1..SHORT_INTERVAL_S).contains(&every)
    {
        let message =
            format!("StartInterval is {every} s: firings are missed while the machine sleeps and while the job runs");
        report(Rule::ShortInterval, message, "make it a loop: KeepAlive and RunAtLoad, with its own timer");
    }
    if keep_alive && has("StartCalendarInterval") {
        let message = "KeepAlive starts it again whenever it ends, beside StartCalendarInterval".to_owned();
        report(Rule::KeepAliveWithCalendar, message, "keep one of them");
    }
    match calendar(root) {
        Err(why) => {
            report(
                Rule::BadValue,
                format!("StartCalendarInterval never fires: {why}"),
                "use <integer> values in range",
            );
        }
        Ok(entries) => {
            let is_narrowed = |entry: &Entry| entry.hour.or(entry.day).or(entry.weekday).or(entry.month).is_some();
            if entries.iter().any(|entry| entry.minute.is_none() && is_narrowed(entry)) {
                let message =
                    "StartCalendarInterval has no Minute: it fires at every minute of its hour or day".to_owned();
                report(Rule::EveryMinute, message, "add the Minute, e.g. 0");
            }
        }
    }
    let triggers = [
        "StartInterval",
        "StartCalendarInterval",
        "WatchPaths",
        "QueueDirectories",
        "Sockets",
        "MachServices",
        "LaunchEvents",
    ];
    let starts = keep_alive || is_true("RunAtLoad") || is_true("StartOnMount") || triggers.iter().any(|key| has(key));
    if !starts {
        let message =
            "nothing ever starts it: no StartCalendarInterval, StartInterval, KeepAlive, RunAtLoad or other trigger";
        report(Rule::NoSchedule, message.to_owned(), "add the schedule that it is to have");
    }
    if is_true("Disabled") {
        report(Rule::Disabled, "it is Disabled".to_owned(), "remove the key, or `launchctl enable` it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unexpanded() {
        for text in ["~/x", "~icmini/x", "$HOME/x", "${HOME}/x", "/Users/$USER/x", "--out=~/x", "--out=$HOME/x", "~"] {
            assert!(is_unexpanded(text), "{text}");
        }
        for text in ["/x", "/x/~y", "a~b", "$", "5$", "--out=/x", "/x=~y", ""] {
            assert!(!is_unexpanded(text), "{text}");
        }
    }

    #[test]
    fn the_known_keys_are_sorted_and_apart() {
        let mut sorted = KEYS.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), KEYS.len());
        assert!(TYPES.iter().all(|(key, ..)| KEYS.contains(key)));
    }
}
