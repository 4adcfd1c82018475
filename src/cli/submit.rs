//! `wo submit FILE|-`: checks an order as `wo lint` does, drops it whole into the inbox and prints its id. One that is sure to
//! be rejected is not dropped.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{CliError, Exit, Global, lint, output};
use crate::bridge::names::{self, Name};
use crate::bridge::{BridgeError, mailbox, moves, watch};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::digest;
use crate::order::{self, Order, Severity};
use crate::root::Root;
use crate::text;

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
    let checked = checked(&root, &args.file)?;
    checked.examine(&args.file, &root, &Config::load(&root)?, SystemClock.now())?;
    if !args.dry_run {
        checked.submit(&root, &agent(&root, args.agent.as_deref())?)?;
    }
    output::print(&format!("{}\n", checked.id))?;
    Ok(Exit::Good)
}

/// An order that can be dropped.
pub struct Checked {
    pub id: String,
    /// What it is called in the inbox.
    pub name: String,
    pub sha256: String,
    bytes: Vec<u8>,
    order: Order,
}

impl Checked {
    /// Refuses an order that is sure to be rejected, and says what is doubtful about another: whoever drops an order and goes
    /// away sees neither later.
    fn examine(&self, file: &Path, root: &Root, config: &Config, now: Timestamp) -> Result<(), CliError> {
        let source = String::from_utf8_lossy(&self.bytes).into_owned();
        let linted = lint::examine(self.order.clone(), source, file, (Some(root), config), now);
        if let Some(why) = linted.rejection() {
            return Err(CliError::new(format!(
                "`{}` would be rejected, so it was not dropped: {why}\nhint: `wo lint` shows all of it",
                text::line(&file.display().to_string(), 200)
            )));
        }
        linted.warnings().for_each(|warning| output::complain(&warning));
        Ok(())
    }

    pub fn submit(&self, root: &Root, agent: &str) -> Result<(), CliError> {
        mailbox::drop_order(root, agent, &self.name, &self.bytes).map_err(|error| not_dropped(&error))?;
        ring(root);
        Ok(())
    }

    /// As [`Checked::submit`]; a file of this name that lies there with these very bytes is this one.
    pub fn submit_once(&self, root: &Root, agent: &str) -> Result<(), CliError> {
        match mailbox::drop_order(root, agent, &self.name, &self.bytes) {
            Err(BridgeError::Exists(path)) if moves::still_same(&path, &self.sha256).unwrap_or(false) => {}
            other => drop(other.map_err(|error| not_dropped(&error))?),
        }
        ring(root);
        Ok(())
    }
}

/// Nothing tries a drop again but the one who wanted it.
fn not_dropped(error: &BridgeError) -> CliError {
    CliError::new(match error {
        BridgeError::Io { .. } | BridgeError::Durable(_) => {
            format!("{error}\nhint: the order was not dropped; give it again once that is cured")
        }
        // they say themselves what became of the order
        _ => error.to_string(),
    })
}

/// A daemon that watches has seen a drop already; one that can't is woken.
fn ring(root: &Root) {
    if let Err(error) = watch::ring(root) {
        tracing::debug!("{error}");
    }
}

/// The agent whose inbox it goes to: the one that was named, or the first.
pub fn agent(root: &Root, named: Option<&str>) -> Result<String, CliError> {
    let config = Config::load(root)?;
    Ok(match named {
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
    })
}

/// Reads an order and refuses one that can't be carried out.
pub fn checked(root: &Root, file: &Path) -> Result<Checked, CliError> {
    let limit = Config::load(root)?.limits.order_bytes;
    let (bytes, given) = super::read_input(file, limit)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        let shown = text::line(&file.display().to_string(), 200);
        return Err(CliError::new(format!("`{shown}` is empty\nhint: `wo new HANDLER` prints an order to begin with")));
    }
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
    for note in order.diagnostics.iter().filter(|diagnostic| diagnostic.code == order::OTHER_NAME) {
        let known = note.understood.as_deref().unwrap_or_default();
        output::complain(format_args!(
            "note: {}\n  understood: {}",
            text::line(&note.message, 300),
            text::line(known, 300)
        ));
    }
    let extension = Path::new(&given).extension().and_then(|extension| extension.to_str()).unwrap_or("md");
    // the inbox takes WO-* only, and may take `WO-1 2.md` for a copy; such an order goes by its id
    let is_copy = matches!(names::classify(OsStr::new(&given)), Name::OrderUnlessCopyOf(_));
    let name = if given.starts_with("WO-") && !is_copy { given.clone() } else { format!("{}.{extension}", order.id) };
    Ok(Checked { id: order.id.clone(), name, sha256: digest::sha256(&bytes), bytes, order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_that_failed_promises_nothing() {
        let io = |errno: rustix::io::Errno| std::io::Error::from(errno);
        let path = Path::new("bridge/inbox/CLC/WO-1.md");
        let full = BridgeError::io("write", path)(io(rustix::io::Errno::NOSPC));
        let no_folder =
            BridgeError::Durable(crate::durable::DurableError::io("create", path)(io(rustix::io::Errno::NOSPC)));
        let lies_there = BridgeError::Dropped {
            path: path.to_owned(),
            source: crate::durable::DurableError::Sync { path: path.to_owned(), source: io(rustix::io::Errno::IO) },
        };
        for (error, is_dropped) in [(full, false), (no_folder, false), (lies_there, true)] {
            let said = not_dropped(&error).message;
            assert_eq!(!said.contains("was not dropped; give it again"), is_dropped, "{said}");
            assert!(!said.contains("it is tried again"), "{said}");
        }
    }
}
