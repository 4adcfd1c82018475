//! The bridge: inbox, processing, archive, rejected, outbox. The only code that moves files under `bridge/`.
//!
//! What must hold here:
//! * the scan is the truth, watcher events are hints ([`watch`] marks dirty, [`scan`] looks);
//! * a file is read through one descriptor that was opened beneath the inbox without following links, and what was
//!   checked is what is read ([`take`]); a name is looked at again only to see that it still has the checked inode;
//! * nothing is overwritten and nothing is deleted: every move refuses an existing target, a file that turns out to be
//!   another one than the checked goes back to where it was ([`moves`]);
//! * errors are returned for the loop to try again; only a failed fsync ends it ([`BridgeError::is_fatal`]).

use std::io;
use std::path::{Path, PathBuf};

use crate::durable::{self, DurableError};
use crate::root::Root;

pub mod astray;
pub mod lock;
pub mod mailbox;
pub mod moves;
pub mod names;
pub mod openers;
pub mod outbox;
pub mod refusal;
pub mod scan;
pub mod settle;
pub mod signature;
pub mod stat;
pub mod take;
pub mod watch;

pub use refusal::Refusal;
pub use stat::{Kind, Stat};

#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    #[error("failed to {op} `{}`: {source}{}", path.display(), hint(source))]
    Io { op: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Durable(#[from] DurableError),
    #[error(
        "refused the agent name `{0}`: it must be one plain folder name\nhint: correct `agents` under [inbox] in wo.toml"
    )]
    Agent(String),
    #[error("refused the file name `{name}`: {why}\nhint: an order's file is named WO-….md, .yaml, .yml or .json")]
    Name { name: String, why: String },
    #[error("`{}` is there already and is not overwritten\nhint: choose another name, or wait until it was taken", .0.display())]
    Exists(PathBuf),
    #[error("`{}` lies in the inbox, and may be lost in a power cut: {source}", path.display())]
    Dropped { path: PathBuf, source: DurableError },
}

impl BridgeError {
    /// Whether the daemon must stop: an fsync that failed is never retried.
    pub fn is_fatal(&self) -> bool {
        matches!(self, BridgeError::Durable(error) | BridgeError::Dropped { source: error, .. } if error.is_fatal())
    }

    pub(crate) fn io(op: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BridgeError + use<> {
        let path = path.to_owned();
        move |source| BridgeError::Io { op, path, source }
    }
}

/// What cures it. Whether it is tried again is the caller's to say: a daemon does, a command does not.
fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
            "\nhint: too many open files; raise the limit (ulimit -n) or stop what holds them"
        }
        Some(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT) => {
            "\nhint: make room (or inodes) on that file system"
        }
        Some(rustix::io::Errno::ROFS) => "\nhint: the file system is mounted read-only",
        Some(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => {
            "\nhint: check owner and mode; the user who runs `wo` needs to read and write there"
        }
        _ => "",
    }
}

/// The folders of an agent that hold mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    Inbox,
    Processing,
    Archive,
    Rejected,
}

impl Place {
    pub fn dir(self, root: &Root, agent: &str) -> PathBuf {
        match self {
            Place::Inbox => root.inbox(agent),
            Place::Processing => root.processing(agent),
            Place::Archive => root.archive(agent),
            Place::Rejected => root.rejected(agent),
        }
    }
}

/// Fsyncs the folders between which files were moved; a batch of moves shares one call. A folder that is gone has
/// nothing to keep and is passed over.
pub fn sync_dirs(root: &Root, agent: &str, places: &[Place]) -> Result<(), DurableError> {
    for place in places {
        let dir = place.dir(root, agent);
        match durable::sync_dir(&dir) {
            Err(DurableError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    Ok(())
}

/// An agent's name is one plain path component, so that no configured name leads out of `bridge/`.
pub fn check_agent(agent: &str) -> Result<(), BridgeError> {
    let plain = !agent.is_empty()
        && agent.len() <= 100
        && !agent.starts_with('.')
        && !agent.contains(['/', '\\', '\0'])
        && crate::text::line(agent, 200) == agent;
    if plain { Ok(()) } else { Err(BridgeError::Agent(crate::text::line(agent, 120))) }
}
