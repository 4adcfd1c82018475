//! The command line: one file a command (those that steer an order share `steer`), each with its `Args` and `run`. Results go to stdout, diagnostics to stderr.
//!
//! Exit codes: 0 all passed, 1 a check failed or an order did not end `done`/`noop`, 2 usage or unreadable input,
//! 3 timed out waiting. Never 78: launchd uses that for failures before exec.

pub mod completions;
pub mod executor;
pub mod export;
pub mod findings;
mod follow;
pub mod init;
pub mod jobs;
pub mod lint;
pub mod log;
pub mod monitor;
pub mod new;
pub mod output;
pub mod plan;
pub mod query;
mod rejection;
pub mod run;
pub mod services;
pub mod show;
mod signals;
mod standing;
pub mod status;
pub mod steer;
pub mod submit;
mod trouble;
pub mod up;
pub mod verify;
pub mod wait;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::root::Root;
use signals::Signals;

#[derive(Parser)]
#[command(name = "wo", version, about = "processes work orders and reports only what it measured")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(clap::Args, Debug, Clone)]
pub struct Global {
    /// the directory to work in [default: nearest ancestor with wo.toml or bridge/]
    #[arg(long, global = true, env = "WO_ROOT", value_name = "DIR")]
    pub root: Option<PathBuf>,
}

/// An order's id as a person writes it, as the order is known.
pub fn order_id(written: &str) -> Result<String, std::convert::Infallible> {
    Ok(crate::order::known_as(written))
}

impl Global {
    pub fn root(&self) -> Result<Root, CliError> {
        let here = std::env::current_dir()?;
        Ok(Root::find(self.root.as_deref(), &here)?)
    }
}

/// Each variant holds the `Args` of its file.
#[derive(Subcommand)]
pub enum Command {
    Init(init::Args),
    Jobs(jobs::Args),
    Services(services::Args),
    New(new::Args),
    Export(export::Args),
    Query(query::Args),
    Verify(verify::Args),
    Completions(completions::Args),
    Man(completions::ManArgs),
    Monitor(monitor::Args),
    Up(up::Args),
    Run(run::Args),
    Submit(submit::Args),
    Lint(lint::Args),
    Plan(plan::Args),
    Status(status::Args),
    Show(show::Args),
    Log(log::Args),
    Wait(wait::Args),
    /// Run an ended order again: a new attempt, the old evidence kept
    Retry(steer::Target),
    /// Cancel an order; what it changed is undone where the plan allows
    Cancel(steer::Target),
    Approve(steer::Approve),
    Resolve(steer::Resolve),
}

/// The exit codes, in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    Good = 0,
    Bad = 1,
    Usage = 2,
    TimedOut = 3,
}

/// Why a command could not do its work. Any error becomes one with exit code 2.
#[derive(Debug)]
pub struct CliError {
    pub message: String,
    pub exit: Exit,
}

impl CliError {
    pub fn new(message: impl Into<String>) -> Self {
        CliError { message: message.into(), exit: Exit::Usage }
    }

    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl<E: std::error::Error> From<E> for CliError {
    fn from(error: E) -> Self {
        CliError::new(error.to_string())
    }
}

/// Runs the parsed command; the process ends with what this returns.
pub fn main() -> ExitCode {
    let cli = match Cli::from_arg_matches(&command().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    Signals::heed_children();
    // before anything that takes time: a signal that comes early is a wish to stop like any other
    let signals = match cli.command {
        Command::Up(_) => Signals::listen(true),
        Command::Run(_) | Command::Retry(_) | Command::Cancel(_) | Command::Approve(_) | Command::Resolve(_) => {
            Signals::listen(false)
        }
        _ => Signals::default(),
    };
    // a run that an outside service manager started is recorded, with who started it
    let recording = crate::schedule::ledger::begin_or_warn(|| cli.global.root().ok());
    let exit = run(cli, signals).unwrap_or_else(|error| {
        output::complain(format_args!("error: {}", error.message));
        error.exit
    });
    if let Some(Err(error)) = recording.map(|recording| recording.end(exit as i32)) {
        output::complain(format_args!("warning: the end of this run is not recorded: {error}"));
    }
    ExitCode::from(exit as u8)
}

/// The definition of all commands. A flag's variable takes what people write: `WO_JSON=1`, `yes`, `true`; `0`, `no`,
/// `false` and nothing at all are off.
pub fn command() -> clap::Command {
    fn flags(command: clap::Command) -> clap::Command {
        let lenient = |arg: clap::Arg| match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(FalseyValueParser::new()),
            _ => arg,
        };
        command.mut_args(lenient).mut_subcommands(flags)
    }
    flags(Cli::command())
}

fn run(cli: Cli, signals: Signals) -> Result<Exit, CliError> {
    let global = &cli.global;
    match cli.command {
        Command::Init(args) => init::run(args, global),
        Command::New(args) => new::run(args, global),
        Command::Jobs(args) => jobs::run(args, global),
        Command::Services(args) => services::run(args, global),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => completions::man(args),
        Command::Monitor(args) => monitor::run(args, global),
        Command::Export(args) => export::run(args, global),
        Command::Verify(args) => verify::run(args, global),
        Command::Query(args) => query::run(args, global),
        Command::Up(args) => up::run(args, global, &signals),
        Command::Run(args) => self::run::run(args, global, &signals),
        Command::Submit(args) => submit::run(args, global),
        Command::Lint(args) => lint::run(args, global),
        Command::Plan(args) => plan::run(args, global),
        Command::Status(args) => status::run(args, global),
        Command::Show(args) => show::run(args, global),
        Command::Log(args) => log::run(args, global),
        Command::Wait(args) => wait::run(args, global),
        Command::Retry(args) => steer::retry(args, global, &signals),
        Command::Cancel(args) => steer::cancel(args, global, &signals),
        Command::Approve(args) => steer::approve(args, global, &signals),
        Command::Resolve(args) => steer::resolve(args, global, &signals),
    }
}

/// The bytes of `file` (`-`: stdin), at most `limit`, and the name to parse them under.
pub fn read_input(file: &Path, limit: u64) -> Result<(Vec<u8>, String), CliError> {
    let mut bytes = Vec::new();
    let (read, name) = if file == Path::new("-") {
        (std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes), "stdin.md".to_owned())
    } else {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        (std::fs::File::open(file).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)), name)
    };
    read.map_err(|error| CliError::new(format!("failed to read `{}`: {error}", file.display())))?;
    if bytes.len() as u64 > limit {
        return Err(CliError::new(format!("`{}` is larger than {limit} bytes (limits.order_bytes)", file.display())));
    }
    Ok((bytes, name))
}

/// Diagnostics of a long-running command go to stderr, `WO_LOG` filters them (`info` by default).
pub fn log_to_stderr() {
    use std::io::IsTerminal as _;
    let filter = tracing_subscriber::EnvFilter::try_from_env("WO_LOG").unwrap_or_else(|_| "info".into());
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // a second call finds the first one's subscriber in place
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // a full disk under the log must not end the daemon: by default such an error is printed, on the same stderr, or panics
        .log_internal_errors(false)
        .with_ansi(colour)
        .with_target(false)
        .try_init();
}
