//! A file as it is now: path, size and sha256, read as a stream so that its size doesn't matter.

use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::evidence::Artifact;
use crate::files::open_regular;
use crate::root::Root;

/// The artifact at `path`; its path is shown relative to the root where it lies beneath it.
pub fn artifact(root: &Root, path: &Path) -> io::Result<Artifact> {
    let mut file = open_regular(path)?;
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            n => {
                hasher.update(&chunk[..n]);
                bytes += n as u64;
            }
        }
    }
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Artifact { path: root.show(path), bytes, sha256 })
}
