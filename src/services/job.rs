//! What a job is to run, taken from a plist or a definition, and what keeps it from running, tested one by one.
//!
//! What must hold: every cause is really looked at, on the files that the job would use, with the PATH that the job has; one
//! that can't be tested says so. Nothing is changed, nothing is run.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use plist::{Dictionary, Value};
use serde::Serialize;

use super::ServiceDefinition;
use crate::process::find_on_path;
use crate::schedule::child::LAUNCHD_PATH;

/// A job's command and surroundings, as its manager would use them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Job {
    pub label: Option<String>,
    /// What is executed: `Program`, else the first of `ProgramArguments`. Without a `/` it is searched on the job's PATH.
    pub program: Option<String>,
    /// argv, with the program's name as the first.
    pub arguments: Vec<String>,
    pub working_directory: Option<PathBuf>,
    pub environment: BTreeMap<String, String>,
    pub stdout: Option<PathBuf>,
    pub stderr: Option<PathBuf>,
}

impl Job {
    pub fn of_plist(root: &Dictionary) -> Self {
        let text = |key: &str| root.get(key).and_then(Value::as_string).map(str::to_owned);
        let arguments: Vec<String> = match root.get("ProgramArguments") {
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_string).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let environment = match root.get("EnvironmentVariables") {
            Some(Value::Dictionary(values)) => {
                values.iter().filter_map(|(key, value)| Some((key.clone(), value.as_string()?.to_owned()))).collect()
            }
            _ => BTreeMap::new(),
        };
        Job {
            label: text("Label"),
            program: text("Program").or_else(|| arguments.first().cloned()),
            arguments,
            working_directory: text("WorkingDirectory").map(PathBuf::from),
            environment,
            stdout: text("StandardOutPath").map(PathBuf::from),
            stderr: text("StandardErrorPath").map(PathBuf::from),
        }
    }

    pub fn of_definition(definition: &ServiceDefinition) -> Self {
        Job {
            label: Some(definition.label.clone()),
            program: definition.program.first().cloned(),
            arguments: definition.program.clone(),
            working_directory: Some(definition.working_directory.clone()),
            environment: definition.environment.clone(),
            stdout: Some(definition.stdout.clone()),
            stderr: Some(definition.stderr.clone()),
        }
    }

    /// The PATH that the job sees.
    pub fn path(&self) -> &str {
        self.environment.get("PATH").map_or(LAUNCHD_PATH, String::as_str)
    }

    /// The file that would be executed, if it is there.
    pub fn executable(&self) -> Option<PathBuf> {
        let program = self.program.as_deref()?;
        if program.contains('/') {
            let path = self.resolve(Path::new(program));
            return path.exists().then_some(path);
        }
        // not yet asked whether it is executable: that is a cause of its own
        self.path().split(':').map(|dir| Path::new(dir).join(program)).find(|path| path.is_file())
    }

    fn resolve(&self, path: &Path) -> PathBuf {
        match &self.working_directory {
            Some(dir) => dir.join(path),
            None => Path::new("/").join(path),
        }
    }

    /// The script that an interpreter is given as its first argument that is no option, e.g. of `node /x/y.cjs`.
    pub fn script(&self) -> Option<PathBuf> {
        let is_interpreter = |name: &str| {
            const NAMES: [&str; 12] =
                ["sh", "bash", "zsh", "dash", "ksh", "node", "python", "python3", "ruby", "perl", "osascript", "deno"];
            NAMES.contains(&name)
        };
        let mut arguments = self.arguments.iter().map(String::as_str).peekable();
        let mut program = base_name(arguments.next()?);
        if program == "env" {
            program = base_name(arguments.find(|argument| !argument.starts_with('-') && !argument.contains('='))?);
        }
        if !is_interpreter(program) {
            return None;
        }
        let script = arguments.next()?;
        // `-c`, `-e`: the text is the script
        (!script.starts_with('-')).then(|| self.resolve(Path::new(script)))
    }

    /// The text that a shell is given with `-c`, however its options are joined (`-lc`).
    pub fn shell_text(&self) -> Option<&str> {
        let is_shell =
            |argument: &String| matches!(base_name(argument), "sh" | "bash" | "zsh" | "dash" | "ksh" | "fish");
        let after = self.arguments.iter().skip_while(|argument| !is_shell(argument)).skip(1);
        let mut text = after.skip_while(|argument| !is_command_option(argument));
        text.next()?;
        text.next().map(String::as_str)
    }

    pub fn logs(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let paths = [("StandardOutPath", &self.stdout), ("StandardErrorPath", &self.stderr)];
        paths.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?)))
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_command_option(argument: &str) -> bool {
    argument.strip_prefix('-').is_some_and(|options| {
        options.ends_with('c') && options.len() <= 5 && options.chars().all(|c| c.is_ascii_alphabetic())
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    LogFolder,
    /// The log file can't be opened although its folder is there.
    LogFile,
    Program,
    WorkingDirectory,
    NotExecutable,
    Interpreter,
    Script,
    Protected,
}

/// One usual cause, tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    pub kind: CauseKind,
    /// What it was looked for on, as the plist names it.
    pub subject: String,
    /// `true`: this keeps the job from running; `false`: looked at, and it does not; `None`: could not be told here.
    pub found: Option<bool>,
    /// What was seen.
    pub seen: String,
    /// What to do where it was found.
    pub cure: Option<String>,
}

impl Cause {
    fn new(kind: CauseKind, subject: impl ToString, result: Result<String, (String, String)>) -> Self {
        let subject = subject.to_string();
        match result {
            Ok(seen) => Cause { kind, subject, found: Some(false), seen, cure: None },
            Err((seen, cure)) => Cause { kind, subject, found: Some(true), seen, cure: Some(cure) },
        }
    }

    fn untold(kind: CauseKind, subject: &str, seen: &str) -> Self {
        Cause { kind, subject: subject.to_owned(), found: None, seen: seen.to_owned(), cure: None }
    }
}

/// The usual causes for a job that does not start or fails at once, each tested for this job.
pub fn causes(job: &Job) -> Vec<Cause> {
    let mut causes: Vec<Cause> = job.logs().map(|(key, path)| log_cause(key, path)).collect();
    if causes.is_empty() {
        causes.push(Cause::new(CauseKind::LogFolder, "", Ok("it writes no log files".to_owned())));
    }
    causes.push(working_directory_cause(job));
    causes.extend(program_causes(job));
    if let Some(script) = job.script() {
        causes.push(Cause::new(
            CauseKind::Script,
            script.display(),
            match script.is_file() {
                true => Ok(format!("the script `{}` is there", script.display())),
                false => Err((
                    format!("the script `{}` is not there", script.display()),
                    "put it there, or correct ProgramArguments".to_owned(),
                )),
            },
        ));
    }
    causes.push(protected_cause(job));
    causes
}

fn log_cause(key: &str, path: &Path) -> Cause {
    let shown = path.display();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("/"));
    let missing_folder = !folder.is_dir();
    let result = if missing_folder {
        Err((
            format!("{key} `{shown}`: the folder `{}` is missing, and launchd makes none", folder.display()),
            format!("mkdir -p '{}'", folder.display()),
        ))
    } else if path.is_dir() {
        Err((format!("{key} `{shown}` is a folder"), "name a file".to_owned()))
    } else {
        let (subject, what) = if path.exists() { (path, "the file") } else { (folder, "the folder") };
        match may(subject, rustix::fs::Access::WRITE_OK) {
            true => Ok(format!("{key} `{shown}` can be written")),
            false => Err((
                format!("{key} `{shown}`: {what} can't be written by the user that the job runs as"),
                format!("chown or chmod `{}`", subject.display()),
            )),
        }
    };
    Cause::new(if missing_folder { CauseKind::LogFolder } else { CauseKind::LogFile }, shown, result)
}

fn working_directory_cause(job: &Job) -> Cause {
    let result = match &job.working_directory {
        None => Ok("no WorkingDirectory: it runs in `/`".to_owned()),
        Some(dir) if !dir.is_dir() => Err((
            format!("WorkingDirectory `{}` is missing", dir.display()),
            "make it, or correct WorkingDirectory".to_owned(),
        )),
        Some(dir) if !may(dir, rustix::fs::Access::EXEC_OK) => Err((
            format!("WorkingDirectory `{}` can't be entered", dir.display()),
            format!("chmod u+x `{}`", dir.display()),
        )),
        Some(dir) => Ok(format!("WorkingDirectory `{}` is there", dir.display())),
    };
    let subject = job.working_directory.as_deref().unwrap_or(Path::new("/"));
    Cause::new(CauseKind::WorkingDirectory, subject.display(), result)
}

fn program_causes(job: &Job) -> Vec<Cause> {
    use CauseKind::{Interpreter, NotExecutable, Program};
    let Some(program) = job.program.as_deref() else {
        let cure = "add ProgramArguments".to_owned();
        return vec![Cause::new(Program, "", Err(("it names no program".to_owned(), cure)))];
    };
    let Some(executable) = job.executable() else {
        let missing = match program.contains('/') {
            true => (format!("`{program}` is not there"), "install it there, or correct the path".to_owned()),
            false => (
                format!("`{program}` is not on the job's PATH ({})", job.path()),
                "write its absolute path, or set PATH in EnvironmentVariables".to_owned(),
            ),
        };
        let untold = "not looked at: the program is not there";
        return vec![
            Cause::new(Program, program, Err(missing)),
            Cause::untold(NotExecutable, program, untold),
            Cause::untold(Interpreter, program, untold),
        ];
    };
    let shown = executable.display();
    let mode = executable.metadata().map_or(0, |meta| meta.permissions().mode());
    let is_executable = executable.is_file() && mode & 0o111 != 0 && may(&executable, rustix::fs::Access::EXEC_OK);
    let executable_cause = match is_executable {
        true => Ok(format!("`{shown}` is executable (mode {:o})", mode & 0o7777)),
        false if executable.is_dir() => Err((format!("`{shown}` is a folder"), "name the program".to_owned())),
        false => {
            Err((format!("`{shown}` is not executable (mode {:o})", mode & 0o7777), format!("chmod +x '{shown}'")))
        }
    };
    vec![
        Cause::new(Program, program, Ok(format!("the program is `{shown}`"))),
        Cause::new(NotExecutable, program, executable_cause),
        Cause::new(Interpreter, program, interpreter(&executable, job.path())),
    ]
}

/// Whether the `#!` line of a script names something that can be run.
fn interpreter(executable: &Path, path: &str) -> Result<String, (String, String)> {
    let mut head = Vec::new();
    let read = std::fs::File::open(executable).and_then(|file| file.take(512).read_to_end(&mut head));
    if read.is_err() || !head.starts_with(b"#!") {
        return Ok("it has no `#!` line".to_owned());
    }
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line).into_owned();
    let shown = crate::text::line(&line, 120);
    if line.ends_with('\r') {
        return Err((
            format!("its first line `{shown}` ends with a carriage return, which becomes part of the name"),
            "save the script with LF line ends".to_owned(),
        ));
    }
    let mut words = line.trim_start_matches("#!").split_whitespace();
    let Some(interpreter) = words.next() else {
        return Err((format!("its first line `{shown}` names no interpreter"), "write e.g. `#!/bin/sh`".to_owned()));
    };
    let runs = |path: &Path| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    if !Path::new(interpreter).is_absolute() || !runs(Path::new(interpreter)) {
        return Err((
            format!("its first line `{shown}` names `{interpreter}`, which is not an executable file"),
            "name an interpreter that is installed, by its absolute path".to_owned(),
        ));
    }
    if base_name(interpreter) == "env"
        && let Some(name) = words.find(|word| !word.starts_with('-') && !word.contains('='))
        && !name.contains('/')
        && find_on_path(name, path).is_none()
    {
        return Err((
            format!("its first line `{shown}` needs `{name}`, which is not on the job's PATH ({path})"),
            format!("put the folder of `{name}` on PATH in EnvironmentVariables"),
        ));
    }
    Ok(format!("its first line `{shown}` names an interpreter that is there"))
}

/// macOS asks a person before a program may use these folders (TCC); a job has nobody to ask.
fn protected_cause(job: &Job) -> Cause {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let folders = ["Documents", "Desktop", "Downloads", "Library/Mobile Documents"].map(|name| home.join(name));
    let inside = |path: &Path| path.starts_with("/Volumes") || folders.iter().any(|folder| path.starts_with(folder));
    let paths = job.executable().into_iter().chain(job.script()).chain(job.working_directory.clone());
    let paths = paths.chain(job.logs().map(|(_, path)| path.to_owned()));
    match paths.into_iter().find(|path| inside(path)) {
        None => {
            Cause::new(CauseKind::Protected, "", Ok("no path lies where macOS asks for permission first".to_owned()))
        }
        // only macOS itself knows whether it was granted
        Some(path) => Cause {
            kind: CauseKind::Protected,
            subject: path.display().to_string(),
            found: None,
            seen: format!("`{}` lies where macOS asks for permission first (TCC)", path.display()),
            cure: Some("move it elsewhere, or give the program Full Disk Access in System Settings".to_owned()),
        },
    }
}

fn may(path: &Path, access: rustix::fs::Access) -> bool {
    rustix::fs::access(path, access).is_ok()
}
