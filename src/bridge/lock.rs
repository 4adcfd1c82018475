//! `bridge/state/lock`: one executor a bridge. The lock is a flock, so the kernel lets it go with its holder, however
//! that one ends; the file's text only says who holds it.
//!
//! The folder `bridge/` is locked too: whoever takes the file for a stale one and removes it lets no second executor in
//! while the first one lives. That one sees it ([`Lock::check`]) and stops. So is each inbox, for it may be reached from
//! another bridge too, through a link: what lies there is one executor's to take.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::Stat;
use crate::durable::{self, DurableError};
use crate::root::Root;

/// A holder whose lock file was removed.
const NAMELESS: &str = "another process, which its lock file does not name";
/// How often a taken lock is looked at again before it counts as held.
const LOOKS: u32 = 5;
const INBOX_LOOKS: u32 = 50;

/// Held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    // let go before the bridge is: whoever has that next wants them at once
    _inboxes: Vec<OwnedFd>,
    file: File,
    path: PathBuf,
    _bridge: OwnedFd,
}

impl Lock {
    /// That the lock's name still is the file that is held.
    pub fn check(&self) -> Result<(), LockError> {
        let fail = |source| LockError::Io { path: self.path.clone(), source };
        let held = Stat::of(&self.file).map_err(fail)?;
        match self.path.metadata() {
            Ok(found) if (found.dev(), found.ino()) == held.id() => Ok(()),
            Ok(_) => Err(LockError::Lost(self.path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LockError::Lost(self.path.clone())),
            Err(error) => Err(fail(error)),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub started: Timestamp,
    pub role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `wo up`: watches, runs the embedded schedule, stays.
    Daemon,
    /// `wo run` and its kin: ends by itself.
    Run,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("the bridge is held by {}", .0.as_ref().map_or(NAMELESS.to_owned(), ToString::to_string))]
    Held(Option<Holder>),
    /// By the executor of another root.
    #[error(
        "the inbox of {agent}, `{}`, is held by the executor of another root{}: an order in it would be carried out by both\n\
         hint: give each root an inbox of its own, or stop that executor", path.display(),
        pid.map_or(String::new(), |pid| format!(", pid {pid}"))
    )]
    InboxHeld { agent: String, path: PathBuf, pid: Option<u32> },
    #[error(
        "the bridge's lock `{}` was removed or replaced while this executor held it: it begins nothing more\n\
         hint: leave `bridge/state` alone while an executor lives; `wo status` says who holds the bridge", .0.display()
    )]
    Lost(PathBuf),
    #[error("failed to lock `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Durable(#[from] DurableError),
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let role = match self.role {
            Role::Daemon => "wo up",
            Role::Run => "wo run",
        };
        write!(f, "`{role}`, pid {}, since {}", self.pid, self.started)
    }
}

/// Takes the lock at once, with the inboxes of `agents`, or says who holds it.
pub fn acquire(root: &Root, agents: &[String], role: Role, now: Timestamp) -> Result<Lock, LockError> {
    durable::create_dir_all(&root.state())?;
    let path = root.lock();
    let fail = |source| LockError::Io { path: path.clone(), source };
    let bridge = lock_folder(&root.bridge())?;
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
    let Some(bridge) = bridge else { return Err(LockError::Held(read(&mut file))) };
    let mut looks = LOOKS;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(Errno::WOULDBLOCK) if looks > 0 => {
                // `holder` takes a shared lock for a moment; that is nobody who holds the bridge
                looks -= 1;
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            Err(Errno::WOULDBLOCK) => return Err(LockError::Held(read(&mut file))),
            Err(error) => return Err(fail(error.into())),
        }
    }
    let inboxes = lock_inboxes(root, agents)?;
    let holder = Holder { pid: std::process::id(), started: now, role };
    let text = serde_json::to_vec(&holder).map_err(|error| fail(error.into()))?;
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text)).map_err(fail)?;
    Ok(Lock { _inboxes: inboxes, file, path, _bridge: bridge })
}

/// The inboxes, made where they are not there, each folder once: two agents may share one.
fn lock_inboxes(root: &Root, agents: &[String]) -> Result<Vec<OwnedFd>, LockError> {
    let mut locked = Vec::new();
    let mut known = HashSet::new();
    for agent in agents {
        let inbox = root.inbox(agent);
        // one that is made later would not be locked; what hinders that is told where folders are made
        if super::check_agent(agent).is_ok() {
            let _ = durable::create_dir_all(&inbox);
        }
        let Ok(path) = inbox.canonicalize() else { continue };
        let meta = path.metadata().map_err(|source| LockError::Io { path: path.clone(), source })?;
        if !meta.is_dir() || !known.insert((meta.dev(), meta.ino())) {
            continue;
        }
        let mut folder = lock_folder(&path)?;
        // a holder of this bridge that was killed lets go of one after the other
        for _ in 0..INBOX_LOOKS {
            if folder.is_some() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
            folder = lock_folder(&path)?;
        }
        match folder {
            Some(folder) => locked.push(folder),
            None => {
                let pid = flock_holder(meta.dev(), meta.ino());
                return Err(LockError::InboxHeld { agent: agent.clone(), path, pid });
            }
        }
    }
    Ok(locked)
}

/// Who has a file locked, where the system tells it (Linux).
fn flock_holder(dev: u64, inode: u64) -> Option<u32> {
    let file = format!("{:02x}:{:02x}:{inode}", rustix::fs::major(dev), rustix::fs::minor(dev));
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        // `1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF`
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields.as_slice() {
            [_, "FLOCK", _, "WRITE", pid, of, ..] if *of == file => pid.parse().ok(),
            _ => None,
        }
    })
}

/// The folder, locked where its file system locks folders (some network file systems don't); `None` when another process
/// has it.
fn lock_folder(path: &Path) -> Result<Option<OwnedFd>, LockError> {
    let fail = |source| LockError::Io { path: path.to_owned(), source };
    let folder = super::scan::open_dir(path).map_err(fail)?;
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) | Err(Errno::BADF | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::NOLCK) => Ok(Some(folder)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(fail(error.into())),
    }
}

/// Who holds the lock now; `None` when nobody does, whatever the file's text says.
pub fn holder(root: &Root) -> Result<Option<Holder>, LockError> {
    let path = root.lock();
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LockError::Io { path, source }),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(Errno::WOULDBLOCK) => Ok(read(&mut file)),
        Err(error) => Err(LockError::Io { path, source: error.into() }),
    }
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
