//! `wo submit FILE|-`: checks an order, drops it whole into the inbox and prints its id.

use std::path::{Path, PathBuf};

use super::{CliError, Exit, Global, output};
use crate::bridge::{mailbox, watch};
use crate::config::Config;
use crate::order::{self, Severity};
use crate::root::Root;

/// Check an order and drop it into the inbox; prints its id
#[derive(clap::Args)]
pub struct Args {
    /// the order; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// the inbox it goes to [default: the first of inbox.agents]
    #[arg(long, env = "WO_AGENT", value_name = "AGENT")]
    agent: Option<String>,
    /// check only, drop nothing
    #[arg(long, visible_alias = "dry", env = "WO_DRY_RUN")]
    dry_run: bool,
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let id =
        if args.dry_run { checked(&root, &args.file)?.id } else { submit(&root, &args.file, args.agent.as_deref())? };
    output::print(&format!("{id}\n"))?;
    Ok(Exit::Good)
}

struct Checked {
    id: String,
    name: String,
    bytes: Vec<u8>,
}

/// Drops the file's order and returns its id.
pub fn submit(root: &Root, file: &Path, agent: Option<&str>) -> Result<String, CliError> {
    let checked = checked(root, file)?;
    let config = Config::load(root)?;
    let agent = match agent {
        Some(agent) if !config.inbox.agents.iter().any(|known| known == agent) => {
            return Err(CliError::new(format!(
                "there is no agent `{agent}`; known are: {}\nhint: add it to `agents` under [inbox] in wo.toml",
                config.inbox.agents.join(", ")
            )));
        }
        Some(agent) => agent.to_owned(),
        None => {
            config.inbox.agents.first().cloned().ok_or_else(|| CliError::new("inbox.agents in wo.toml is empty"))?
        }
    };
    mailbox::drop_order(root, &agent, &checked.name, &checked.bytes)?;
    // a daemon that watches has seen the drop already; one that can't is woken
    if let Err(error) = watch::ring(root) {
        tracing::debug!("{error}");
    }
    Ok(checked.id)
}

fn checked(root: &Root, file: &Path) -> Result<Checked, CliError> {
    let limit = Config::load(root)?.limits.order_bytes;
    let (bytes, given) = super::read_input(file, limit)?;
    let order = order::parse(&bytes, &given)?;
    let errors: Vec<_> = order.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect();
    if let Some(first) = errors.first() {
        return Err(CliError::new(format!(
            "`{}` can't be carried out: line {}, column {}: {}\nhint: `wo lint` shows all of it",
            file.display(),
            first.line,
            first.column,
            first.message
        )));
    }
    let extension = Path::new(&given).extension().and_then(|extension| extension.to_str()).unwrap_or("md");
    // the inbox takes WO-* only; anything else goes by its id
    let name = if given.starts_with("WO-") { given.clone() } else { format!("{}.{extension}", order.id) };
    Ok(Checked { id: order.id, name, bytes })
}
