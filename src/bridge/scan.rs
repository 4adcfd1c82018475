//! The look at the inboxes: what lies there now. This is the truth; watcher events only say when to look.
//!
//! Bounded: of each inbox at most [`MAX_ORDERS`] order names are kept a look (the first by name; the rest comes once these
//! were taken) and [`MAX_OTHERS`] of what is left alone. The order of the result is that of the agents, then of the names.

use std::collections::{BinaryHeap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

use super::names::{self, Name};
use super::{BridgeError, Kind, Refusal, Stat, check_agent};
use crate::config::Config;
use crate::root::Root;

/// Order names kept of one inbox in one look.
pub const MAX_ORDERS: usize = 100_000;
/// Results and strays named of one inbox in one look.
pub const MAX_OTHERS: usize = 1_000;

/// A file that lay in an inbox at the look.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub agent: String,
    /// Without loss: a name may be anything but NUL and `/`.
    pub name: OsString,
    pub path: PathBuf,
    pub stat: Stat,
    /// Whether `NAME.minisig` lay beside it.
    pub signed: bool,
    /// The inbox that was looked at; all that is done with the file is done beneath this descriptor.
    pub(super) dir: Arc<OwnedFd>,
}

impl Candidate {
    /// The name, safe to show.
    pub fn shown(&self) -> String {
        crate::text::line(&self.name.to_string_lossy(), 255)
    }
}

#[derive(Debug)]
pub enum Look {
    /// Named like an order and a regular file; settle it, then [`super::take::open`] it.
    Order(Candidate),
    /// A result that somebody left here: not ours to move; worth saying once.
    Result(Candidate),
    /// A file that is no order by its name: left alone; worth saying once.
    Ignored(Candidate),
    /// Goes to `rejected/` with the reason, once it is settled.
    Refused { candidate: Candidate, reason: Refusal },
    /// An inbox that could not be looked at (missing, or e.g. too many open files); look again later.
    Unavailable { agent: String, error: BridgeError },
}

/// Looks at every configured inbox. Errors only for an agent name that leads out of the bridge; what hinders a
/// single inbox is a [`Look::Unavailable`] among the rest.
pub fn scan(root: &Root, config: &Config) -> Result<Vec<Look>, BridgeError> {
    let mut looks = Vec::new();
    for agent in &config.inbox.agents {
        check_agent(agent)?;
    }
    for agent in &config.inbox.agents {
        if let Err(error) = scan_inbox(root, agent, config.limits.order_bytes, &mut looks) {
            looks.push(Look::Unavailable { agent: agent.clone(), error });
        }
    }
    Ok(looks)
}

/// Looks at one name in the inbox of `agent`; `None` where there is nothing to say about it.
pub fn look_at(root: &Root, config: &Config, agent: &str, name: &OsStr) -> Result<Option<Look>, BridgeError> {
    check_agent(agent)?;
    let inbox = root.inbox(agent);
    let dir = Arc::new(open_dir(&inbox).map_err(BridgeError::io("open", &inbox))?);
    let signed = Stat::at(dir.as_fd(), names::signature_of(name)).is_ok();
    look(root, agent, &dir, name.to_owned(), signed, config.limits.order_bytes)
}

/// Opens a directory for acting beneath it.
pub(super) fn open_dir(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

fn scan_inbox(root: &Root, agent: &str, limit: u64, looks: &mut Vec<Look>) -> Result<(), BridgeError> {
    let inbox = root.inbox(agent);
    let dir = Arc::new(open_dir(&inbox).map_err(BridgeError::io("open", &inbox))?);
    let mut orders = Smallest::new(MAX_ORDERS);
    let mut others = Smallest::new(MAX_OTHERS);
    let mut signatures = HashSet::new();
    for name in entries(&dir).map_err(BridgeError::io("list", &inbox))? {
        let name = name.map_err(BridgeError::io("list", &inbox))?;
        match names::classify(&name) {
            Name::Passing => {}
            Name::Signature if signatures.len() < MAX_ORDERS => {
                signatures.insert(name);
            }
            Name::Signature => {}
            Name::Result | Name::Stray => others.push(name),
            _ => orders.push(name),
        }
    }
    let mut kept = orders.into_sorted();
    kept.extend(others.into_sorted());
    kept.sort_unstable();
    for name in kept {
        let signed = !signatures.is_empty() && signatures.contains(&names::signature_of(&name));
        if let Some(look) = look(root, agent, &dir, name, signed, limit)? {
            looks.push(look);
        }
    }
    Ok(())
}

fn look(
    root: &Root,
    agent: &str,
    dir: &Arc<OwnedFd>,
    name: OsString,
    signed: bool,
    limit: u64,
) -> Result<Option<Look>, BridgeError> {
    let path = root.inbox(agent).join(&name);
    let stat = match Stat::at(dir.as_fd(), &name) {
        Ok(stat) => stat,
        // it went away after it was listed
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // a name that the file system lists and can't find again (a damaged disk, a name over the limit of a network
        // share): the others must not wait for it
        Err(_) => return Ok(None),
    };
    let kind = names::classify(&name);
    let candidate = Candidate { agent: agent.to_owned(), name, path, stat, signed, dir: Arc::clone(dir) };
    Ok(match kind {
        Name::Passing | Name::Signature => None,
        Name::Stray if stat.kind == Kind::Directory => None,
        Name::Stray => Some(Look::Ignored(candidate)),
        Name::Result => Some(Look::Result(candidate)),
        Name::Bad(why) => Some(refused(candidate, Refusal::Name(why))),
        Name::Conflict { by } => Some(refused(candidate, Refusal::Conflict { by })),
        Name::OrderUnlessCopyOf(original) if is_on_bridge(root, agent, dir, &original) => {
            Some(refused(candidate, Refusal::CopyOf { original }))
        }
        // our own report, copied back
        Name::Order if root.outbox(agent).join(&candidate.name).symlink_metadata().is_ok() => {
            Some(Look::Result(candidate))
        }
        Name::Order | Name::OrderUnlessCopyOf(_) => Some(match refusal_of(&stat, limit) {
            Some(reason) => refused(candidate, reason),
            None => Look::Order(candidate),
        }),
    })
}

fn refused(candidate: Candidate, reason: Refusal) -> Look {
    Look::Refused { candidate, reason }
}

/// Why a file with this status can't be an order.
pub(super) fn refusal_of(stat: &Stat, limit: u64) -> Option<Refusal> {
    match stat.kind {
        Kind::Regular if stat.nlink > 1 => Some(Refusal::Links(stat.nlink)),
        Kind::Regular if stat.size > limit => Some(Refusal::TooLarge { bytes: stat.size, limit }),
        Kind::Regular => None,
        Kind::Directory => Some(Refusal::Directory),
        Kind::Symlink => Some(Refusal::Symlink),
        Kind::Fifo => Some(Refusal::Fifo),
        Kind::Socket => Some(Refusal::Socket),
        Kind::Device => Some(Refusal::Device),
        Kind::Unknown => Some(Refusal::NotRegular),
    }
}

fn is_on_bridge(root: &Root, agent: &str, inbox: &OwnedFd, original: &str) -> bool {
    Stat::at(inbox.as_fd(), original).is_ok()
        || [root.processing(agent), root.archive(agent)].iter().any(|dir| dir.join(original).symlink_metadata().is_ok())
}

/// The names in an open directory, `.` and `..` left out.
pub(super) fn entries(dir: &OwnedFd) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
    let listing = Dir::read_from(dir)?;
    Ok(listing.filter_map(|entry| match entry {
        Ok(entry) => {
            let name = entry.file_name().to_bytes();
            (name != b"." && name != b"..").then(|| Ok(OsStr::from_bytes(name).to_owned()))
        }
        // the directory was deleted while it was open: nothing is in it
        Err(Errno::NOENT) => None,
        Err(error) => Some(Err(error.into())),
    }))
}

/// How many names a folder holds, counted up to `max`; 0 for one that is missing.
pub fn count(dir: &Path, max: u64) -> Result<u64, BridgeError> {
    let open = match open_dir(dir) {
        Ok(open) => open,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(BridgeError::io("open", dir)(error)),
    };
    let mut n = 0;
    for name in entries(&open).map_err(BridgeError::io("list", dir))? {
        name.map_err(BridgeError::io("list", dir))?;
        n += 1;
        if n >= max {
            break;
        }
    }
    Ok(n)
}

/// The smallest `max` names of any number of them, in bounded memory.
struct Smallest {
    max: usize,
    heap: BinaryHeap<OsString>,
}

impl Smallest {
    fn new(max: usize) -> Self {
        Smallest { max, heap: BinaryHeap::new() }
    }

    fn push(&mut self, name: OsString) {
        if self.heap.len() < self.max {
            self.heap.push(name);
        } else if let Some(mut largest) = self.heap.peek_mut()
            && name < *largest
        {
            *largest = name;
        }
    }

    fn into_sorted(self) -> Vec<OsString> {
        self.heap.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_keeps_the_first_by_name() {
        let mut smallest = Smallest::new(3);
        for name in ["e", "b", "d", "a", "c"] {
            smallest.push(name.into());
        }
        assert_eq!(smallest.into_sorted(), ["a", "b", "c"]);
    }
}
