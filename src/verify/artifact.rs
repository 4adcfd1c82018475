//! A file as it is now: path, size and sha256, read as a stream so that its size doesn't matter.

use std::io;
use std::path::Path;

use crate::digest::sha256_of;
use crate::evidence::Artifact;
use crate::files::open_regular;
use crate::root::Root;

/// The artifact at `path`; its path is shown relative to the root where it lies beneath it.
pub fn artifact(root: &Root, path: &Path) -> io::Result<Artifact> {
    let (bytes, sha256) = sha256_of(open_regular(path)?)?;
    Ok(Artifact { path: root.show(path), bytes, sha256 })
}
