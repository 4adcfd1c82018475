//! `bridge/state/lock`: one executor a bridge. The lock is a flock, so the kernel lets it go with its holder, however
//! that one ends; the file's text only says who holds it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use crate::durable::{self, DurableError};
use crate::root::Root;

/// How often a taken lock is looked at again before it counts as held.
const LOOKS: u32 = 5;

/// Held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
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
    #[error("the bridge is held by {}", .0.as_ref().map_or("another process".to_owned(), ToString::to_string))]
    Held(Option<Holder>),
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

/// Takes the lock at once or says who holds it.
pub fn acquire(root: &Root, role: Role, now: Timestamp) -> Result<Lock, LockError> {
    durable::create_dir_all(&root.state())?;
    let path = root.lock();
    let fail = |source| LockError::Io { path: path.clone(), source };
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(fail)?;
    let mut looks = LOOKS;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK) if looks > 0 => {
                // `holder` takes a shared lock for a moment; that is nobody who holds the bridge
                looks -= 1;
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(LockError::Held(read(&mut file))),
            Err(error) => return Err(fail(error.into())),
        }
    }
    let holder = Holder { pid: std::process::id(), started: now, role };
    let text = serde_json::to_vec(&holder).map_err(|error| fail(error.into()))?;
    file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(&text)).map_err(fail)?;
    Ok(Lock { _file: file })
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
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(read(&mut file)),
        Err(error) => Err(LockError::Io { path, source: error.into() }),
    }
}

fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}
