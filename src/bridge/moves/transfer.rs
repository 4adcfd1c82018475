//! One file from one folder to another, by rename.
//!
//! What must hold here:
//! * nothing is replaced: a taken name is an error, or the file gets a numbered name;
//! * a name can be swapped between the check and the rename, so the check comes after: what was moved is compared with the
//!   inode that was looked at, and goes back when it is another file. Meanwhile that inode is held open, since a freed one
//!   may be another file's at once.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::RenameFlags;
#[cfg(target_os = "linux")]
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::MoveError;
use super::carry::carry;
use super::held::open_parent;
use crate::bridge::names::{nth, signature_of};
use crate::bridge::scan::{Candidate, open_dir};
use crate::bridge::{BridgeError, Kind, Place, Stat, check_agent};
use crate::root::Root;
use crate::{durable, failpoint};

/// Which move it is, for the failpoints' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bridge) enum Point {
    Claim,
    Archive,
    Reject,
    Return,
    Drop,
    Aside,
}

impl Point {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Point::Claim => ("claim.rename.before", "claim.rename.after"),
            Point::Archive => ("archive.rename.before", "archive.rename.after"),
            Point::Reject => ("reject.rename.before", "reject.rename.after"),
            Point::Return => ("return.rename.before", "return.rename.after"),
            Point::Drop => ("drop.rename.before", "drop.rename.after"),
            Point::Aside => ("aside.rename.before", "aside.rename.after"),
        }
    }
}

/// Renames without replacing. Where the file system has no such rename, the target is looked for first: only the holder of
/// the lock makes names in the folders that are moved to.
pub(in crate::bridge) fn rename_new(
    from_dir: BorrowedFd<'_>,
    from: &OsStr,
    to_dir: BorrowedFd<'_>,
    to: &OsStr,
    point: Point,
) -> io::Result<()> {
    let (before, after) = point.names();
    failpoint::hit(before);
    match rustix::fs::renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match Stat::at(to_dir, to) {
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                rustix::fs::renameat(from_dir, from, to_dir, to)?;
            }
            Err(error) => return Err(error),
        },
        other => other?,
    }
    failpoint::hit(after);
    Ok(())
}

pub(super) struct Source<'a> {
    pub(super) dir: BorrowedFd<'a>,
    pub(super) dir_path: PathBuf,
    pub(super) name: &'a OsStr,
    /// The file that is meant; `None` in folders where only we make names.
    pub(super) expect: Option<Stat>,
}

impl<'a> Source<'a> {
    pub(super) fn candidate(candidate: &'a Candidate, expect: Stat) -> Source<'a> {
        Source {
            dir: candidate.dir.as_fd(),
            dir_path: parent(&candidate.path),
            name: &candidate.name,
            expect: Some(expect),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.dir_path.join(self.name)
    }

    pub(super) fn is_meant(&self, found: &Stat) -> bool {
        self.expect.is_none_or(|expect| expect.same_file(found))
    }

    /// Sees that the name still is the meant file's, unchanged, and keeps that file's inode from being given to another
    /// one for as long as the result lives.
    fn pin(&self) -> Result<Option<OwnedFd>, MoveError> {
        let (pin, found) = self.open_pin().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MoveError::Gone,
            _ => BridgeError::io("look at", &self.path())(error).into(),
        })?;
        let unchanged = self.expect.is_none_or(|expect| {
            expect.same_file(&found) && (expect.size, expect.mtime_ns) == (found.size, found.mtime_ns)
        });
        if unchanged { Ok(pin) } else { Err(MoveError::Swapped) }
    }

    /// O_PATH opens anything, a link or a pipe too, without touching it.
    #[cfg(target_os = "linux")]
    fn open_pin(&self) -> io::Result<(Option<OwnedFd>, Stat)> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let pin = rustix::fs::openat(self.dir, self.name, flags, Mode::empty())?;
        let found = Stat::of(&pin)?;
        Ok((Some(pin), found))
    }

    /// Elsewhere a [`Taken`](crate::bridge::take::Taken) holds its file open, and what is refused is held by nothing.
    #[cfg(not(target_os = "linux"))]
    fn open_pin(&self) -> io::Result<(Option<OwnedFd>, Stat)> {
        Ok((None, Stat::at(self.dir, self.name)?))
    }
}

pub(super) struct Target {
    pub(super) dir: OwnedFd,
    pub(super) path: PathBuf,
}

impl Target {
    pub(super) fn open(root: &Root, agent: &str, place: Place) -> Result<Target, BridgeError> {
        check_agent(agent)?;
        let path = place.dir(root, agent);
        durable::create_dir_all(&path)?;
        let dir = open_dir(&path).map_err(BridgeError::io("open", &path))?;
        Ok(Target { dir, path })
    }

    pub(super) fn exists(&self, name: &OsStr) -> bool {
        Stat::at(&self.dir, name).is_ok()
    }

    pub(super) fn holds(&self, name: &OsStr, stat: &Stat) -> bool {
        Stat::at(&self.dir, name).is_ok_and(|found| found.same_file(stat))
    }
}

/// Moves the file, or nothing. `Ok` is where it lies: at the target, or set aside in its old folder where it can't be
/// carried over to the target's file system.
pub(super) fn transfer(
    source: &Source,
    target: &Target,
    name: &OsStr,
    point: Point,
) -> Result<Option<PathBuf>, MoveError> {
    let _pin = source.pin()?;
    match rename_new(source.dir, source.name, target.dir.as_fd(), name, point) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(MoveError::Exists(target.path.join(name)));
        }
        Err(error) if error.raw_os_error() == Some(Errno::XDEV.raw_os_error()) => {
            return carry(source, target, name, point);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && Stat::at(source.dir, source.name).is_err() => {
            return Err(MoveError::Gone);
        }
        Err(error) => return Err(BridgeError::io("move", &source.path())(error).into()),
    }
    let found = Stat::at(&target.dir, name).map_err(BridgeError::io("look at", &target.path.join(name)))?;
    if !source.is_meant(&found) {
        put_back(&target.dir, name, source, source.name)?;
        return Err(MoveError::Swapped);
    }
    Ok(None)
}

/// [`transfer`] to the first free of `name`, `name.2`, `name.3` …; returns the name it got.
pub(super) fn numbered_transfer(
    source: &Source,
    target: &Target,
    name: &OsStr,
    point: Point,
) -> Result<OsString, MoveError> {
    loop {
        let n = first_free(|n| target.exists(&nth(name, n)));
        let name = nth(name, n);
        match transfer(source, target, &name, point) {
            Err(MoveError::Exists(_)) => {}
            other => return other.map(|_| name),
        }
    }
}

/// The signature follows its order as well as it can: without it nothing is lost but a proof that was already checked.
pub(super) fn take_signature_along(signed: bool, source: &Source, target: &Target, name: &OsStr, point: Point) {
    if !signed {
        return;
    }
    let from = signature_of(source.name);
    let signature = Source { dir: source.dir, dir_path: source.dir_path.clone(), name: &from, expect: None };
    if Stat::at(source.dir, &from).is_ok_and(|stat| stat.kind == Kind::Regular)
        && let Err(error) = transfer(&signature, target, &signature_of(name), point)
    {
        tracing::debug!("the signature `{}` stayed behind: {error}", signature.path().display());
    }
}

/// Moves a file that turned out to be another one back to where it was, under a numbered name if it must be.
pub(super) fn put_back(from_dir: &OwnedFd, from: &OsStr, source: &Source, name: &OsStr) -> Result<(), BridgeError> {
    loop {
        let n = first_free(|n| Stat::at(source.dir, nth(name, n)).is_ok());
        match rename_new(from_dir.as_fd(), from, source.dir, &nth(name, n), Point::Return) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map_err(BridgeError::io("put back", &source.path())),
        }
    }
}

pub(in crate::bridge) fn split(from: &Path) -> Result<(OwnedFd, OsString), MoveError> {
    match open_parent(from) {
        Ok(parts) => Ok(parts),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(MoveError::Gone),
        Err(error) => Err(BridgeError::io("open", from)(error).into()),
    }
}

pub(in crate::bridge) fn parent(path: &Path) -> PathBuf {
    durable::parent_of(path).to_owned()
}

/// The first of 1, 2, 3 … that is not taken, in a number of looks that grows with its logarithm: thousands of drops of one
/// name must not cost the square. Where numbers are missing in between, it may be a later free one.
pub(in crate::bridge) fn first_free(is_taken: impl Fn(u64) -> bool) -> u64 {
    if !is_taken(1) {
        return 1;
    }
    let mut taken = 1;
    let mut free = 2;
    while free < 1 << 40 && is_taken(free) {
        taken = free;
        free *= 2;
    }
    while free - taken > 1 {
        let middle = taken + (free - taken) / 2;
        if is_taken(middle) {
            taken = middle;
        } else {
            free = middle;
        }
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_free_of_a_run() {
        for taken in [0, 1, 2, 3, 7, 8, 9, 1000] {
            assert_eq!(first_free(|n| n <= taken), taken + 1);
        }
    }
}
