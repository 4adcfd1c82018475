//! `wo completions` and `wo man`: generated from the very definitions that parse the arguments.

use std::path::PathBuf;

use super::{CliError, Exit, output};
use crate::durable;

/// print the completion script for a shell
#[derive(clap::Args)]
pub struct Args {
    /// whose script
    shell: clap_complete::Shell,
}

pub fn run(args: Args) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "wo", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Good)
}

/// print the man page, or write one for each command
#[derive(clap::Args)]
pub struct ManArgs {
    /// write wo.1, wo-run.1, … into this directory
    #[arg(long, value_name = "DIR", env = "WO_OUT_DIR")]
    out_dir: Option<PathBuf>,
}

pub fn man(args: ManArgs) -> Result<Exit, CliError> {
    let mut command = super::command();
    // names the commands `wo-run`, …
    command.build();
    let Some(dir) = args.out_dir else {
        output::print(&page(&command)?)?;
        return Ok(Exit::Good);
    };
    durable::write(&dir.join("wo.1"), page(&command)?.as_bytes(), 0o644)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        let name = format!("wo-{}.1", sub.get_name());
        durable::write(&dir.join(name), page(sub)?.as_bytes(), 0o644)?;
    }
    Ok(Exit::Good)
}

fn page(command: &clap::Command) -> Result<String, CliError> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
