//! The moves of an order's file: inbox → processing → archive or rejected, and back to the inbox where it turns out that
//! the file is not the one that was looked at.
//!
//! What must hold here:
//! * no move replaces anything: a taken name gives an error or, in `archive/` and `rejected/`, a numbered name;
//! * a file is moved only while it is the one that was looked at (`transfer`);
//! * directories are not fsynced here but by [`super::sync_dirs`], once for a batch. The exception is a bridge whose folders
//!   lie on different file systems: there a move is a copy that is durable before the original's name goes (`carry`).

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use super::names::{nth, shortened};
use super::scan::Candidate;
use super::take::Taken;
use super::{BridgeError, Place};
use crate::durable;
use crate::root::Root;

mod carry;
mod held;
mod transfer;

pub use held::{Held, read_held, recover_listing, still_same};
pub(super) use transfer::{Point, first_free, parent, rename_new, split};
use transfer::{Source, Target, numbered_transfer, take_signature_along, transfer};

#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The name is gone: somebody took the file away.
    #[error("the file is gone")]
    Gone,
    /// Another file has the name now; it lies in the inbox, untouched. Look again.
    #[error("another file has that name now")]
    Swapped,
    /// The target's name is taken; nothing was moved.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// The system would not: try again later.
    #[error(transparent)]
    Failed(#[from] BridgeError),
}

impl MoveError {
    /// Whether the daemon must stop.
    pub fn is_fatal(&self) -> bool {
        matches!(self, MoveError::Failed(error) if error.is_fatal())
    }
}

impl From<durable::DurableError> for MoveError {
    fn from(error: durable::DurableError) -> Self {
        MoveError::Failed(error.into())
    }
}

/// Claims: inbox → `processing/NAME`. Only the very file that was taken is moved; when it lies there already (a restart),
/// that is `Ok`.
pub fn to_processing(
    root: &Root,
    candidate: &Candidate,
    taken: &Taken,
    name: impl AsRef<OsStr>,
) -> Result<PathBuf, MoveError> {
    let target = Target::open(root, &candidate.agent, Place::Processing)?;
    let name = name.as_ref();
    let source = Source::candidate(candidate, taken.stat);
    match transfer(&source, &target, name, Point::Claim) {
        Err(MoveError::Gone | MoveError::Exists(_)) if target.holds(name, &taken.stat) => {}
        other => other.map(drop)?,
    }
    take_signature_along(candidate.signed, &source, &target, name, Point::Claim);
    Ok(target.path.join(name))
}

/// `from` (in `processing/`) → `archive/NAME`, numbered where that is taken.
pub fn to_archive(root: &Root, agent: &str, from: &Path, name: impl AsRef<OsStr>) -> Result<PathBuf, MoveError> {
    let target = Target::open(root, agent, Place::Archive)?;
    let (dir, file) = split(from)?;
    let source = Source { dir: dir.as_fd(), dir_path: parent(from), name: &file, expect: None };
    let moved = numbered_transfer(&source, &target, name.as_ref(), Point::Archive)?;
    take_signature_along(true, &source, &target, &moved, Point::Archive);
    Ok(target.path.join(moved))
}

/// `from` (in `processing/`) → `rejected/NAME` with `NAME.reason.md` beside it, numbered where that is taken.
pub fn to_rejected(
    root: &Root,
    agent: &str,
    from: &Path,
    name: impl AsRef<OsStr>,
    reason_markdown: &str,
) -> Result<PathBuf, MoveError> {
    let (dir, file) = split(from)?;
    let source = Source { dir: dir.as_fd(), dir_path: parent(from), name: &file, expect: None };
    reject(root, agent, &source, name.as_ref(), true, reason_markdown)
}

/// A candidate that never was claimed: inbox → `rejected/NAME`, as [`to_rejected`], and only if it still is the same file.
pub fn refuse(root: &Root, candidate: &Candidate, reason_markdown: &str) -> Result<PathBuf, MoveError> {
    let source = Source::candidate(candidate, candidate.stat);
    reject(root, &candidate.agent, &source, &candidate.name, candidate.signed, reason_markdown)
}

/// A duplicate: inbox → `archive/NAME`, as [`to_archive`], and only if it still is the file that was taken.
pub fn set_aside(
    root: &Root,
    candidate: &Candidate,
    taken: &Taken,
    name: impl AsRef<OsStr>,
) -> Result<PathBuf, MoveError> {
    let target = Target::open(root, &candidate.agent, Place::Archive)?;
    let source = Source::candidate(candidate, taken.stat);
    let moved = numbered_transfer(&source, &target, name.as_ref(), Point::Archive)?;
    take_signature_along(candidate.signed, &source, &target, &moved, Point::Archive);
    Ok(target.path.join(moved))
}

/// `from` (in `processing/`) back into the inbox as `name`, numbered where that is taken: for a file there that the journal
/// does not know.
pub fn to_inbox(root: &Root, agent: &str, from: &Path, name: impl AsRef<OsStr>) -> Result<PathBuf, MoveError> {
    let target = Target::open(root, agent, Place::Inbox)?;
    let (dir, file) = split(from)?;
    let source = Source { dir: dir.as_fd(), dir_path: parent(from), name: &file, expect: None };
    let moved = numbered_transfer(&source, &target, name.as_ref(), Point::Return)?;
    take_signature_along(true, &source, &target, &moved, Point::Return);
    Ok(target.path.join(moved))
}

fn reject(
    root: &Root,
    agent: &str,
    source: &Source,
    name: &OsStr,
    signed: bool,
    reason_markdown: &str,
) -> Result<PathBuf, MoveError> {
    let target = Target::open(root, agent, Place::Rejected)?;
    let name = shortened(name);
    let reason_of = |name: &OsStr| {
        let mut file = name.to_owned();
        file.push(".reason.md");
        target.path.join(file)
    };
    // a reason with this very text and no file beside it is ours, from before a crash
    let is_taken = |n: u64| {
        let name = nth(&name, n);
        target.exists(&name)
            || match std::fs::read(reason_of(&name)) {
                Ok(there) => there != reason_markdown.as_bytes(),
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            }
    };
    loop {
        let name = nth(&name, first_free(is_taken));
        let reason = reason_of(&name);
        durable::write(&reason, reason_markdown.as_bytes(), 0o644)?;
        match transfer(source, &target, &name, Point::Reject) {
            Ok(aside) => {
                take_signature_along(signed, source, &target, &name, Point::Reject);
                return Ok(aside.unwrap_or_else(|| target.path.join(&name)));
            }
            Err(error) => {
                // the reason of a rejection that did not happen
                let _ = std::fs::remove_file(&reason);
                if !matches!(error, MoveError::Exists(_)) {
                    return Err(error);
                }
            }
        }
    }
}
