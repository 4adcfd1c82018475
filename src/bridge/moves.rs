//! The moves of an order's file: inbox → processing → archive or rejected, and back to the inbox where it turns out that
//! the file is not the one that was looked at.
//!
//! What must hold here:
//! * no move replaces anything: a taken name gives an error or, in `archive/` and `rejected/`, a numbered name;
//! * a name can be swapped between the check and the rename, so the check comes after: what was moved is compared with the
//!   inode that was looked at, and goes back when it is another file. Meanwhile that inode is held open, since a freed one
//!   may be another file's at once;
//! * directories are not fsynced here but by [`super::sync_dirs`], once for a batch. The exception is a bridge whose folders
//!   lie on different file systems: there a move is a copy that is durable before the original's name goes.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::names::{nth, signature_of};
use super::scan::{Candidate, entries, open_dir};
use super::take::{Taken, hex};
use super::{BridgeError, Kind, Place, Stat, check_agent};
use crate::root::Root;
use crate::{durable, failpoint};

/// A file that is being carried to another file system has this prefix in its old folder meanwhile.
const CARRIED: &str = ".wo-carried.";
/// What can't be carried to another file system (a pipe, a directory, a huge file) stays in the inbox under this prefix,
/// where no look takes it up again.
const REFUSED: &str = ".wo-refused.";
/// Files up to this size are copied when they have to cross to another file system.
const CARRY_MAX_BYTES: u64 = 64 * 1024 * 1024;

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

/// Which move it is, for the failpoints' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    Claim,
    Archive,
    Reject,
    Return,
    Drop,
}

impl Point {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Point::Claim => ("claim.rename.before", "claim.rename.after"),
            Point::Archive => ("archive.rename.before", "archive.rename.after"),
            Point::Reject => ("reject.rename.before", "reject.rename.after"),
            Point::Return => ("return.rename.before", "return.rename.after"),
            Point::Drop => ("drop.rename.before", "drop.rename.after"),
        }
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

/// Renames without replacing. Where the file system has no such rename, the target is looked for first: only the holder of
/// the lock makes names in the folders that are moved to.
pub(super) fn rename_new(
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

struct Source<'a> {
    dir: BorrowedFd<'a>,
    dir_path: PathBuf,
    name: &'a OsStr,
    /// The file that is meant; `None` in folders where only we make names.
    expect: Option<Stat>,
}

impl<'a> Source<'a> {
    fn candidate(candidate: &'a Candidate, expect: Stat) -> Source<'a> {
        Source {
            dir: candidate.dir.as_fd(),
            dir_path: parent(&candidate.path),
            name: &candidate.name,
            expect: Some(expect),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir_path.join(self.name)
    }

    fn is_meant(&self, found: &Stat) -> bool {
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

    /// Elsewhere a [`Taken`] holds its file open, and what is refused is held by nothing.
    #[cfg(not(target_os = "linux"))]
    fn open_pin(&self) -> io::Result<(Option<OwnedFd>, Stat)> {
        Ok((None, Stat::at(self.dir, self.name)?))
    }
}

struct Target {
    dir: OwnedFd,
    path: PathBuf,
}

impl Target {
    fn open(root: &Root, agent: &str, place: Place) -> Result<Target, BridgeError> {
        check_agent(agent)?;
        let path = place.dir(root, agent);
        durable::create_dir_all(&path)?;
        let dir = open_dir(&path).map_err(BridgeError::io("open", &path))?;
        Ok(Target { dir, path })
    }

    fn exists(&self, name: &OsStr) -> bool {
        Stat::at(&self.dir, name).is_ok()
    }

    fn holds(&self, name: &OsStr, stat: &Stat) -> bool {
        Stat::at(&self.dir, name).is_ok_and(|found| found.same_file(stat))
    }
}

/// Moves the file, or nothing. `Ok` is where it lies: at the target, or set aside in its old folder where it can't be
/// carried over to the target's file system.
fn transfer(source: &Source, target: &Target, name: &OsStr, point: Point) -> Result<Option<PathBuf>, MoveError> {
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
fn numbered_transfer(source: &Source, target: &Target, name: &OsStr, point: Point) -> Result<OsString, MoveError> {
    loop {
        let n = first_free(|n| target.exists(&nth(name, n)));
        let name = nth(name, n);
        match transfer(source, target, &name, point) {
            Err(MoveError::Exists(_)) => {}
            other => return other.map(|_| name),
        }
    }
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

/// The signature follows its order as well as it can: without it nothing is lost but a proof that was already checked.
fn take_signature_along(signed: bool, source: &Source, target: &Target, name: &OsStr, point: Point) {
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
fn put_back(from_dir: &OwnedFd, from: &OsStr, source: &Source, name: &OsStr) -> Result<(), BridgeError> {
    loop {
        let n = first_free(|n| Stat::at(source.dir, nth(name, n)).is_ok());
        match rename_new(from_dir.as_fd(), from, source.dir, &nth(name, n), Point::Return) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map_err(BridgeError::io("put back", &source.path())),
        }
    }
}

/// A move to another file system: copied under a hidden name there, durable; then out of sight here, shown there, and
/// only then removed here. Until the copy is made nothing moves, so that a full target disturbs nothing.
fn carry(source: &Source, target: &Target, name: &OsStr, point: Point) -> Result<Option<PathBuf>, MoveError> {
    let here = source.dir.try_clone_to_owned().map_err(BridgeError::io("open", &source.dir_path))?;
    let failed = |op| BridgeError::io(op, &source.path());
    let found = Stat::at(&here, source.name).map_err(failed("look at"))?;
    let fits = found.kind == Kind::Regular && found.size <= CARRY_MAX_BYTES;
    if !fits && point != Point::Reject {
        let why = io::Error::other("it lies on another file system than its target and is no small regular file");
        return Err(failed("move")(why).into());
    }
    if target.exists(name) {
        return Err(MoveError::Exists(target.path.join(name)));
    }
    if !fits {
        let hidden = hide(source, &here, REFUSED, point, |_| true)?;
        return Ok(Some(source.dir_path.join(hidden)));
    }
    let temporary = durable::temporary_beside(&target.path.join(name));
    let carried = copy_over(source, &here, &temporary)
        .and_then(|copied| show(source, &here, target, &temporary, name, &copied, point));
    if carried.is_err() {
        // our own and never visible; once it is shown it is gone from here anyway
        let _ = std::fs::remove_file(&temporary);
    }
    carried.map(|()| None)
}

/// Copies the meant file to `temporary`, and fsyncs it; what it was when it was copied.
fn copy_over(source: &Source, here: &OwnedFd, temporary: &Path) -> Result<Stat, MoveError> {
    let failed = |op| BridgeError::io(op, &source.path());
    let mut from = match open_plain(here, source.name) {
        Ok(from) => from,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(MoveError::Gone),
        Err(error) => return Err(failed("open")(error).into()),
    };
    let before = Stat::of(&from).map_err(failed("look at"))?;
    if !source.is_meant(&before) {
        return Err(MoveError::Swapped);
    }
    let mut to = File::create_new(temporary).map_err(BridgeError::io("create", temporary))?;
    io::copy(&mut from, &mut to).map_err(BridgeError::io("write", temporary))?;
    durable::sync_file(&to, temporary)?;
    Ok(before)
}

/// The original out of sight, the copy into sight and durable, the original removed.
fn show(
    source: &Source,
    here: &OwnedFd,
    target: &Target,
    temporary: &Path,
    name: &OsStr,
    copied: &Stat,
    point: Point,
) -> Result<(), MoveError> {
    let is_copied = |found: &Stat| (found.size, found.mtime_ns) == (copied.size, copied.mtime_ns);
    let hidden = hide(source, here, CARRIED, point, is_copied)?;
    let there = temporary.file_name().unwrap_or_default();
    let path = target.path.join(name);
    let shown = rename_new(target.dir.as_fd(), there, target.dir.as_fd(), name, point).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            MoveError::Exists(path.clone())
        } else {
            BridgeError::io("rename to", &path)(error).into()
        }
    });
    if let Err(error) = shown {
        put_back(here, &hidden, source, source.name)?;
        return Err(error);
    }
    durable::sync_dir(&target.path)?;
    rustix::fs::unlinkat(here, &hidden, AtFlags::empty())
        .map_err(|error| BridgeError::io("remove", &source.dir_path.join(&hidden))(error.into()).into())
}

/// Gives the meant file a hidden name in its folder; one that had its name by then, or changed, gets it back.
fn hide(
    source: &Source,
    here: &OwnedFd,
    prefix: &str,
    point: Point,
    is_unchanged: impl Fn(&Stat) -> bool,
) -> Result<OsString, MoveError> {
    let mut hidden = OsString::from(prefix);
    hidden.push(shortened(source.name));
    loop {
        let hidden = nth(&hidden, first_free(|n| Stat::at(here, nth(&hidden, n)).is_ok()));
        match rename_new(source.dir, source.name, here.as_fd(), &hidden, point) {
            Ok(()) => {
                let moved = Stat::at(here, &hidden).map_err(BridgeError::io("look at", &source.path()))?;
                if !source.is_meant(&moved) || !is_unchanged(&moved) {
                    put_back(here, &hidden, source, source.name)?;
                    return Err(MoveError::Swapped);
                }
                return Ok(hidden);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(MoveError::Gone),
            Err(error) => return Err(BridgeError::io("move", &source.path())(error).into()),
        }
    }
}

/// Ends what a crash left between two file systems: a carried file whose bytes arrived is removed, any other goes back to
/// its name.
fn finish_carried(root: &Root, agent: &str, held: &[Held]) -> Result<(), BridgeError> {
    for place in [Place::Inbox, Place::Processing] {
        let path = place.dir(root, agent);
        let dir = match open_dir(&path) {
            Ok(dir) => dir,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(BridgeError::io("open", &path)(error)),
        };
        let names: Vec<OsString> = entries(&dir).and_then(Iterator::collect).map_err(BridgeError::io("list", &path))?;
        for hidden in names {
            let Some(name) = hidden.as_bytes().strip_prefix(CARRIED.as_bytes()) else { continue };
            let digest = hash(&dir, &hidden).map_err(BridgeError::io("read", &path.join(&hidden)))?;
            let arrived = place == Place::Inbox && digest.is_some() && held.iter().any(|held| held.sha256 == digest);
            if arrived {
                rustix::fs::unlinkat(&dir, &hidden, AtFlags::empty())
                    .map_err(|error| BridgeError::io("remove", &path.join(&hidden))(error.into()))?;
            } else {
                let source = Source { dir: dir.as_fd(), dir_path: path.clone(), name: &hidden, expect: None };
                put_back(&dir, &hidden, &source, OsStr::from_bytes(name))?;
            }
        }
    }
    Ok(())
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

fn open_plain(dir: &OwnedFd, name: &OsStr) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    Ok(File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?))
}

/// Of a regular file; `None` for anything else.
fn hash(dir: &OwnedFd, name: &OsStr) -> io::Result<Option<String>> {
    if Stat::at(dir, name)?.kind != Kind::Regular {
        return Ok(None);
    }
    let mut file = open_plain(dir, name)?;
    let mut digest = Sha256::new();
    io::copy(&mut file, &mut digest)?;
    Ok(Some(hex(&digest.finalize())))
}

fn split(from: &Path) -> Result<(OwnedFd, OsString), MoveError> {
    match open_parent(from) {
        Ok(parts) => Ok(parts),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(MoveError::Gone),
        Err(error) => Err(BridgeError::io("open", from)(error).into()),
    }
}

fn open_parent(path: &Path) -> io::Result<(OwnedFd, OsString)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((open_dir(&parent(path))?, name.to_owned()))
}

fn parent(path: &Path) -> PathBuf {
    durable::parent_of(path).to_owned()
}

/// The first of 1, 2, 3 … that is not taken, in a number of looks that grows with its logarithm: thousands of drops of one
/// name must not cost the square. Where numbers are missing in between, it may be a later free one.
fn first_free(is_taken: impl Fn(u64) -> bool) -> u64 {
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

/// A name that leaves room for `.reason.md` and a number: a longer one is cut, with a digest of the whole.
fn shortened(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    if bytes.len() <= super::names::MAX_BYTES {
        return name.to_owned();
    }
    let text = name.to_string_lossy();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if at + c.len_utf8() > 160 {
            break;
        }
        end = at + c.len_utf8();
    }
    let digest = hex(&Sha256::digest(bytes));
    let extension = text.rsplit_once('.').map(|(_, last)| last).filter(|last| last.len() <= 8).unwrap_or("md");
    format!("{}-{}.{extension}", text.get(..end).unwrap_or_default(), digest.get(..8).unwrap_or_default()).into()
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

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let a = OsString::from(format!("WO-{}a.md", "ก".repeat(80)));
        let b = OsString::from(format!("WO-{}b.md", "ก".repeat(80)));
        assert!(a.len() > super::super::names::MAX_BYTES);
        let (short_a, short_b) = (shortened(&a), shortened(&b));
        assert!(short_a.len() <= super::super::names::MAX_BYTES && short_a != short_b);
        assert!(short_a.to_str().is_some_and(|name| name.starts_with("WO-ก") && name.ends_with(".md")));
        assert_eq!(shortened(OsStr::new("WO-1.md")), "WO-1.md");
    }
}
