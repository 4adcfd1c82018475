//! What lies in `processing/`: listed, read, and compared with what the journal has.
//!
//! What must hold here: only a regular file is read, and no link is followed to one; nothing waits for a FIFO.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::carry::finish_carried;
use super::transfer::parent;
use crate::bridge::scan::{entries, open_dir};
use crate::bridge::{BridgeError, Kind, Stat, check_agent};
use crate::digest::sha256_of;
use crate::root::Root;

/// A file in `processing/`.
#[derive(Debug, Clone)]
pub struct Held {
    pub name: OsString,
    pub path: PathBuf,
    pub stat: Stat,
    /// Of a regular file, lower-case hexadecimal.
    pub sha256: Option<String>,
}

/// What lies in `processing/` of `agent`, by name; first finishes what a crash left between two file systems. For the
/// holder of the lock, before it claims anything.
pub fn recover_listing(root: &Root, agent: &str) -> Result<Vec<Held>, BridgeError> {
    check_agent(agent)?;
    let held = held_in(&root.processing(agent))?;
    finish_carried(root, agent, &held)?;
    Ok(held)
}

/// The bytes of a held file; `None` when it is none, or larger than `limit`.
pub fn read_held(held: &Held, limit: u64) -> Result<Option<Vec<u8>>, BridgeError> {
    let failed = |error| BridgeError::io("read", &held.path)(error);
    let (dir, name) = open_parent(&held.path).map_err(failed)?;
    if held.stat.kind != Kind::Regular {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    open_plain(&dir, &name).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(failed)?;
    Ok((bytes.len() as u64 <= limit).then_some(bytes))
}

/// Whether the file at `path` has the bytes with this hash. A writer may have kept a claimed file open, or a person may have
/// edited it: what was written then is not in the journal.
pub fn still_same(path: &Path, sha256: &str) -> Result<bool, BridgeError> {
    let (dir, name) = open_parent(path).map_err(BridgeError::io("open", path))?;
    Ok(hash(&dir, &name).map_err(BridgeError::io("read", path))?.as_deref() == Some(sha256))
}

fn held_in(path: &Path) -> Result<Vec<Held>, BridgeError> {
    let dir = match open_dir(path) {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BridgeError::io("open", path)(error)),
    };
    let mut names: Vec<OsString> = entries(&dir).and_then(Iterator::collect).map_err(BridgeError::io("list", path))?;
    names.sort_unstable();
    let mut held = Vec::new();
    for name in names {
        let is_order = !name.as_bytes().starts_with(b".") && !name.as_bytes().ends_with(b".minisig");
        if !is_order {
            continue;
        }
        let file = path.join(&name);
        let stat = Stat::at(&dir, &name).map_err(BridgeError::io("look at", &file))?;
        let sha256 = hash(&dir, &name).map_err(BridgeError::io("read", &file))?;
        held.push(Held { path: file, name, stat, sha256 });
    }
    Ok(held)
}

pub(super) fn open_plain(dir: &OwnedFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?))
}

/// Of a regular file; `None` for anything else.
pub(super) fn hash(dir: &OwnedFd, name: &OsStr) -> io::Result<Option<String>> {
    if Stat::at(dir, name)?.kind != Kind::Regular {
        return Ok(None);
    }
    Ok(Some(sha256_of(open_plain(dir, name)?)?.1))
}

pub(super) fn open_parent(path: &Path) -> io::Result<(OwnedFd, OsString)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((open_dir(&parent(path))?, name.to_owned()))
}
