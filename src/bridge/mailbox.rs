//! Drops an order into an inbox whole: hidden temporary name, write, fsync, rename without replacing, fsync of the folder.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use super::moves::{Point, rename_new};
use super::names::{self, Name};
use super::{BridgeError, Place, check_agent, scan, sync_dirs};
use crate::durable;
use crate::root::Root;

/// Puts `bytes` into the inbox of `agent` as `name`. After `Ok` the order survives a power cut; it is never seen half
/// written. A name that is taken is an error ([`BridgeError::Exists`]), not a replacement. After an error nothing
/// lies there but with [`BridgeError::Dropped`].
pub fn drop_order(root: &Root, agent: &str, name: &str, bytes: &[u8]) -> Result<PathBuf, BridgeError> {
    check_agent(agent)?;
    check_name(name)?;
    let inbox = root.inbox(agent);
    durable::create_dir_all(&inbox)?;
    let dir = scan::open_dir(&inbox).map_err(BridgeError::io("open", &inbox))?;
    let path = inbox.join(name);
    let temporary = durable::temporary_beside(&path);
    let written = write_hidden(&temporary, bytes).and_then(|()| {
        let hidden = temporary.file_name().unwrap_or_default();
        rename_new(dir.as_fd(), hidden, dir.as_fd(), OsStr::new(name), Point::Drop).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                BridgeError::Exists(path.clone())
            } else {
                BridgeError::io("rename to", &path)(error)
            }
        })
    });
    if written.is_err() {
        // our own, never visible
        let _ = std::fs::remove_file(&temporary);
    }
    written?;
    match sync_dirs(root, agent, &[Place::Inbox]) {
        Ok(()) => Ok(path),
        Err(source) => Err(BridgeError::Dropped { path, source }),
    }
}

fn check_name(name: &str) -> Result<(), BridgeError> {
    let why = match names::classify(OsStr::new(name)) {
        _ if name.contains(['/', '\0']) => "it holds a `/` or NUL".to_owned(),
        Name::Order | Name::OrderUnlessCopyOf(_) => return Ok(()),
        Name::Result => "it is a result's name".to_owned(),
        Name::Bad(why) => why,
        Name::Conflict { .. } => "it is a conflict copy's name".to_owned(),
        Name::Signature | Name::Passing | Name::Stray => "it is not an order's name".to_owned(),
    };
    Err(BridgeError::Name { name: crate::text::line(name, 120), why })
}

fn write_hidden(path: &std::path::Path, bytes: &[u8]) -> Result<(), BridgeError> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(path)
        .map_err(BridgeError::io("create", path))?;
    file.write_all(bytes).map_err(BridgeError::io("write", path))?;
    Ok(durable::sync_file(&file, path)?)
}
