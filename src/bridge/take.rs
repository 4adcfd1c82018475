//! Takes an order's bytes out of the inbox: one descriptor, opened beneath the inbox that was scanned, checked, read, and
//! checked again. A path is never opened twice.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

pub use super::moves::*;
use super::scan::{Candidate, refusal_of};
use super::{BridgeError, Refusal, Stat};
use crate::digest::sha256;
use crate::root::Root;

/// The bytes of an order as they were read, and what file they came from.
#[derive(Debug, Clone)]
pub struct Taken {
    pub bytes: Vec<u8>,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub stat: Stat,
    /// Kept open so that the inode stays this file's: a freed one may be given to the next file at once. A batch holds as
    /// many descriptors as it has orders.
    _file: Arc<File>,
}

#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// It will never be an order: to `rejected/` with the reason.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// It changed, or another file has its name now: look again.
    #[error("it changed while it was read")]
    NotSettled,
    /// Its name is gone: somebody took it away.
    #[error("it is gone")]
    Gone,
    /// The system would not: try again later.
    #[error(transparent)]
    Failed(#[from] BridgeError),
}

/// Reads the order that `candidate` names, at most `limit` bytes.
pub fn open(_root: &Root, candidate: &Candidate, limit: u64) -> Result<Taken, TakeError> {
    let taken = read_beneath(candidate, &candidate.name, limit)?;
    if !taken.stat.same_file(&candidate.stat) || differs(&taken.stat, &candidate.stat) {
        return Err(TakeError::NotSettled);
    }
    Ok(taken)
}

/// Reads `name` beneath the inbox of `candidate`: regular, one link, at most `limit` bytes, unchanged while it was read.
pub(super) fn read_beneath(candidate: &Candidate, name: &OsStr, limit: u64) -> Result<Taken, TakeError> {
    let path = candidate.path.with_file_name(name);
    // NONBLOCK: opening a FIFO that was put there after the look must not wait for a writer
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match rustix::fs::openat(candidate.dir.as_fd(), name, flags, Mode::empty()) {
        Ok(descriptor) => File::from(descriptor),
        Err(Errno::NOENT) => return Err(TakeError::Gone),
        // a link or a socket was put there after the look; the next look names it
        Err(Errno::LOOP | Errno::NXIO | Errno::MLINK) => return Err(TakeError::NotSettled),
        Err(error @ (Errno::ACCESS | Errno::PERM)) => {
            return Err(Refusal::Unreadable(io::Error::from(error).to_string()).into());
        }
        Err(error) => return Err(BridgeError::io("open", &path)(error.into()).into()),
    };
    let before = Stat::of(&file).map_err(BridgeError::io("look at", &path))?;
    if let Some(refusal) = refusal_of(&before, limit) {
        return Err(refusal.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(before.size).unwrap_or(0));
    (&file).take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(BridgeError::io("read", &path))?;
    let after = Stat::of(&file).map_err(BridgeError::io("look at", &path))?;
    if differs(&before, &after) || bytes.len() as u64 != after.size {
        return Err(TakeError::NotSettled);
    }
    let sha256 = sha256(&bytes);
    Ok(Taken { bytes, sha256, stat: after, _file: Arc::new(file) })
}

fn differs(a: &Stat, b: &Stat) -> bool {
    (a.size, a.mtime_ns, a.kind) != (b.size, b.mtime_ns, b.kind)
}
