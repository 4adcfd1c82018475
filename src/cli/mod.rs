//! The command line: one file a command, each with its `Args` and `run`. Results go to stdout, diagnostics to stderr.
//!
//! Exit codes: 0 all passed, 1 a check failed or an order did not end `done`/`noop`, 2 usage or unreadable input,
//! 3 timed out waiting. Never 78: launchd uses that for failures before exec.

pub mod completions;
pub mod export;
pub mod init;
pub mod monitor;
pub mod new;
pub mod output;
pub mod query;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::root::Root;

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
    New(new::Args),
    Export(export::Args),
    Query(query::Args),
    Completions(completions::Args),
    Man(completions::ManArgs),
    Monitor(monitor::Args),
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

/// Why a command could not do its work. Any error becomes one with exit code 2, its sources joined.
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
    match run(cli) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(error) => {
            eprintln!("error: {}", error.message);
            ExitCode::from(error.exit as u8)
        }
    }
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

fn run(cli: Cli) -> Result<Exit, CliError> {
    match cli.command {
        Command::Init(args) => init::run(args, &cli.global),
        Command::New(args) => new::run(args, &cli.global),
        Command::Export(args) => export::run(args, &cli.global),
        Command::Query(args) => query::run(args, &cli.global),
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => completions::man(args),
        Command::Monitor(args) => monitor::run(args, &cli.global),
    }
}
