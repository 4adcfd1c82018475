//! Copies of files that a step may change, and putting them back. A file that someone else changed since is left as it is
//! and named.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use crate::digest;
use crate::durable::{self, DurableError, Keep};
use crate::evidence::Artifact;
use crate::journal::event::Backup;
use crate::report::FileChange;
use crate::root::Root;

/// The file at `path` as it is now; `None` when there is none.
pub fn artifact(root: &Root, path: &Path) -> Result<Option<Artifact>, DurableError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DurableError::io("read", path)(error)),
    };
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let (bytes, sha256) = digest::sha256_of(file).map_err(DurableError::io("read", path))?;
    Ok(Some(Artifact { path: root.show(path), bytes, sha256 }))
}

/// Copies each of `paths` under `bridge/state/backups/ID/`, 0600, before a step of that name changes them.
pub fn take(root: &Root, id: &str, attempt: u32, step: &str, paths: &[PathBuf]) -> Result<Vec<Backup>, DurableError> {
    let folder: String = step.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let dir = root.backups(id).join(format!("attempt-{attempt}")).join(folder);
    let mut backups = Vec::with_capacity(paths.len());
    for (n, path) in paths.iter().enumerate() {
        let before = artifact(root, path)?;
        let path_text = path.display().to_string();
        let mut backup = Backup { path: path_text, copy: None, mode: 0o644, owner: None, modified: None, before };
        if backup.before.is_some() {
            let bytes = fs::read(path).map_err(DurableError::io("read", path))?;
            let metadata = path.metadata().map_err(DurableError::io("read", path))?;
            backup.mode = metadata.permissions().mode() & 0o7777;
            backup.owner = Some((metadata.uid(), metadata.gid()));
            backup.modified = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
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

/// What [`restore`] came to: files that are as they were before, and files left because someone else changed them since.
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
        let left = changed.iter().find(|change| change.path == shown);
        if now.as_ref() == before {
            // by an undo that was cut off, so that a report says the same whether it was or not
            outcome.restored.extend(left.map(|_| shown));
            continue;
        }
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
                let Some(bytes) = bytes.filter(|bytes| before == Some(&digest::sha256(bytes))) else {
                    outcome.spoilt.push(shown);
                    continue;
                };
                let modified = backup.modified.map(SystemTime::from);
                durable::write_keeping(path, &bytes, &Keep { mode: backup.mode, owner: backup.owner, modified })?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: std::time::Duration = std::time::Duration::new(1_700_000_000, 123_456_000);
    const OWNER: (u32, u32) = (12_345, 54_321);

    struct World {
        _dir: tempfile::TempDir,
        root: Root,
        path: PathBuf,
    }

    /// A root with a file that a step is about to change.
    fn world(before: Option<&str>) -> (World, Vec<Backup>) {
        let dir = tempfile::Builder::new().prefix("wo backup räume ๒").tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        let path = root.join("a file ๒.txt");
        if let Some(text) = before {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
            fs::File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH + AGE).unwrap();
            // only root may give a file away; anybody else's keeps its owner anyhow
            let _ = std::os::unix::fs::chown(&path, Some(OWNER.0), Some(OWNER.1));
        }
        let backups = take(&root, "WO-1", 1, "a step", std::slice::from_ref(&path)).unwrap();
        (World { _dir: dir, root, path }, backups)
    }

    fn restored(shown: &str) -> Restored {
        Restored { restored: vec![shown.to_owned()], ..Restored::default() }
    }

    #[test]
    fn what_a_step_changed_is_put_back_with_its_mode_owner_and_time() {
        let (world, backups) = world(Some("before"));
        let of = |path: &Path| {
            let metadata = path.metadata().unwrap();
            (metadata.uid(), metadata.gid(), metadata.modified().unwrap())
        };
        let known = of(&world.path);
        assert_eq!(known.2, SystemTime::UNIX_EPOCH + AGE);
        let copy = world.root.join(backups[0].copy.as_ref().unwrap());
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        durable::write(&world.path, b"after", 0o644).unwrap();
        let changed = changes(&world.root, &backups).unwrap();
        assert_eq!(restore(&world.root, &backups, &changed).unwrap(), restored("a file ๒.txt"));
        assert_eq!(fs::read_to_string(&world.path).unwrap(), "before");
        assert_eq!(world.path.metadata().unwrap().permissions().mode() & 0o777, 0o604);
        assert_eq!(of(&world.path), known);
        // the same once more, after a crash in between
        assert_eq!(restore(&world.root, &backups, &changed).unwrap(), restored("a file ๒.txt"));
        // what the step did not change is not spoken of
        assert_eq!(restore(&world.root, &backups, &[]).unwrap(), Restored::default());
    }

    #[test]
    fn what_a_step_made_is_removed_and_what_it_removed_comes_back() {
        let (made, backups) = world(None);
        fs::write(&made.path, "new").unwrap();
        let changed = changes(&made.root, &backups).unwrap();
        assert_eq!(restore(&made.root, &backups, &changed).unwrap(), restored("a file ๒.txt"));
        assert!(!made.path.exists());

        let (removed, backups) = world(Some("before"));
        fs::remove_file(&removed.path).unwrap();
        let changed = changes(&removed.root, &backups).unwrap();
        assert_eq!(restore(&removed.root, &backups, &changed).unwrap(), restored("a file ๒.txt"));
        assert_eq!(fs::read_to_string(&removed.path).unwrap(), "before");
    }

    #[test]
    fn what_someone_else_changed_since_is_kept() {
        for theirs in [Some("theirs"), None] {
            let (world, backups) = world(Some("before"));
            fs::write(&world.path, "after").unwrap();
            let changed = changes(&world.root, &backups).unwrap();
            match theirs {
                Some(text) => fs::write(&world.path, text).unwrap(),
                None => fs::remove_file(&world.path).unwrap(),
            }
            let kept = Restored { kept: vec!["a file ๒.txt".to_owned()], ..Restored::default() };
            assert_eq!(restore(&world.root, &backups, &changed).unwrap(), kept);
            assert_eq!(fs::read_to_string(&world.path).ok().as_deref(), theirs);
        }
    }

    #[test]
    fn a_backup_that_is_damaged_or_gone_is_not_put_back() {
        for damage in [Some("other bytes"), None] {
            let (world, backups) = world(Some("before"));
            fs::write(&world.path, "after").unwrap();
            let changed = changes(&world.root, &backups).unwrap();
            let copy = world.root.join(backups[0].copy.as_ref().unwrap());
            match damage {
                Some(text) => fs::write(copy, text).unwrap(),
                None => fs::remove_file(copy).unwrap(),
            }
            let spoilt = Restored { spoilt: vec!["a file ๒.txt".to_owned()], ..Restored::default() };
            assert_eq!(restore(&world.root, &backups, &changed).unwrap(), spoilt);
            assert_eq!(fs::read_to_string(&world.path).unwrap(), "after");
        }
    }
}
