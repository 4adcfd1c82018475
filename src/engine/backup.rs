//! Copies of files that a step may change, and putting them back. A file that someone else changed since is left as it is
//! and named.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::durable::{self, DurableError};
use crate::evidence::Artifact;
use crate::journal::chain;
use crate::journal::event::Backup;
use crate::report::FileChange;
use crate::root::Root;

/// The file at `path` as it is now; `None` when there is none.
pub fn artifact(root: &Root, path: &Path) -> Result<Option<Artifact>, DurableError> {
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DurableError::io("read", path)(error)),
    };
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk).map_err(DurableError::io("read", path))? {
            0 => break,
            n => {
                hasher.update(&chunk[..n]);
                bytes += n as u64;
            }
        }
    }
    Ok(Some(Artifact { path: root.show(path), bytes, sha256: chain::hex(&hasher.finalize()) }))
}

/// Copies each of `paths` under `bridge/state/backups/ID/`, 0600, before a step of that name changes them.
pub fn take(root: &Root, id: &str, attempt: u32, step: &str, paths: &[PathBuf]) -> Result<Vec<Backup>, DurableError> {
    let folder: String = step.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let dir = root.backups(id).join(format!("attempt-{attempt}")).join(folder);
    let mut backups = Vec::with_capacity(paths.len());
    for (n, path) in paths.iter().enumerate() {
        let before = artifact(root, path)?;
        let mut backup = Backup { path: path.display().to_string(), copy: None, mode: 0o644, before };
        if backup.before.is_some() {
            let bytes = fs::read(path).map_err(DurableError::io("read", path))?;
            backup.mode = path.metadata().map_err(DurableError::io("read", path))?.permissions().mode() & 0o7777;
            let copy = dir.join(n.to_string());
            durable::write(&copy, &bytes, 0o600)?;
            backup.copy = Some(root.show(&copy));
        }
        backups.push(backup);
    }
    Ok(backups)
}

/// What became of the backed-up files.
pub fn changes(root: &Root, backups: &[Backup]) -> Result<Vec<FileChange>, DurableError> {
    let mut changes = Vec::new();
    for backup in backups {
        let path = Path::new(&backup.path);
        let after = artifact(root, path)?;
        if after.as_ref().map(|a| &a.sha256) != backup.before.as_ref().map(|b| &b.sha256) {
            changes.push(FileChange { path: root.show(path), before: backup.before.clone(), after });
        }
    }
    Ok(changes)
}

/// What [`restore`] did: files put back, and files left because someone else changed them since.
#[derive(Debug, Default, PartialEq)]
pub struct Restored {
    pub restored: Vec<String>,
    pub kept: Vec<String>,
    /// Left because their backup is gone or no longer holds what it held.
    pub spoilt: Vec<String>,
}

/// Puts every backed-up file back, unless it is neither as it was before nor as the step left it.
pub fn restore(root: &Root, backups: &[Backup], changed: &[FileChange]) -> Result<Restored, DurableError> {
    let mut outcome = Restored::default();
    for backup in backups.iter().rev() {
        let path = Path::new(&backup.path);
        let shown = root.show(path);
        let now = artifact(root, path)?.map(|artifact| artifact.sha256);
        let before = backup.before.as_ref().map(|artifact| &artifact.sha256);
        if now.as_ref() == before {
            continue;
        }
        let left = changed.iter().find(|change| change.path == shown);
        if left.is_none_or(|change| change.after.as_ref().map(|artifact| &artifact.sha256) != now.as_ref()) {
            outcome.kept.push(shown);
            continue;
        }
        match &backup.copy {
            Some(copy) => {
                let copy = root.join(copy);
                let bytes = match fs::read(&copy) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                    read => Some(read.map_err(DurableError::io("read the backup", &copy))?),
                };
                let Some(bytes) = bytes.filter(|bytes| before == Some(&chain::sha256(bytes))) else {
                    outcome.spoilt.push(shown);
                    continue;
                };
                durable::write(path, &bytes, backup.mode)?;
            }
            None => {
                fs::remove_file(path).map_err(DurableError::io("remove", path))?;
                durable::sync_dir(durable::parent_of(path))?;
            }
        }
        outcome.restored.push(shown);
    }
    Ok(outcome)
}
