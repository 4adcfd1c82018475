//! A move between file systems, where the bridge's folders lie on different ones: no rename goes there.
//!
//! What must hold here:
//! * the copy is durable before the original's name goes, and until the copy is made nothing moves;
//! * what a crash leaves in between is finished at the next start ([`finish_carried`]): the original lies under a hidden name
//!   in its old folder until the copy has arrived;
//! * what can't be copied is set aside, so that no look takes it up again.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::AtFlags;

use super::MoveError;
use super::held::{Held, hash, open_plain};
use super::transfer::{Point, Source, Target, first_free, put_back, rename_new};
use crate::bridge::names::{nth, shortened};
use crate::bridge::scan::{entries, open_dir};
use crate::bridge::{BridgeError, Kind, Place, Stat};
use crate::durable;
use crate::root::Root;

/// A file that is being carried to another file system has this prefix in its old folder meanwhile.
const CARRIED: &str = ".wo-carried.";
/// What can't be carried to another file system (a pipe, a directory, a huge file) stays in the inbox under this prefix,
/// where no look takes it up again.
const REFUSED: &str = ".wo-refused.";
/// Files up to this size are copied when they have to cross to another file system.
const CARRY_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A move to another file system: copied under a hidden name there, durable; then out of sight here, shown there, and
/// only then removed here. Until the copy is made nothing moves, so that a full target disturbs nothing.
pub(super) fn carry(
    source: &Source,
    target: &Target,
    name: &OsStr,
    point: Point,
) -> Result<Option<PathBuf>, MoveError> {
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
pub(super) fn finish_carried(root: &Root, agent: &str, held: &[Held]) -> Result<(), BridgeError> {
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
