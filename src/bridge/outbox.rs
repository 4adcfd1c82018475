//! Room for a report in the outbox, where somebody else's file has its name: reports from the time before this root was
//! Workbridge's, or of a root whose state was not restored with it.
//!
//! What must hold here: nothing that is not the very report is replaced.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use super::moves::{MoveError, Point, first_free, parent, rename_new, split};
use super::names::nth;
use super::{BridgeError, Stat};

/// Gives what lies at `path` another name, unless it is a file of these `bytes`; where it lies then.
pub fn make_room(path: &Path, bytes: &[u8]) -> Result<Option<PathBuf>, MoveError> {
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(BridgeError::io("look at", path)(error).into()),
    };
    // a crash came between the writing of the report and the record of it
    if meta.is_file() && meta.len() == bytes.len() as u64 {
        let there = std::fs::read(path).map_err(BridgeError::io("read", path))?;
        if there == bytes {
            return Ok(None);
        }
    }
    let (dir, name) = split(path)?;
    let earlier = earlier(&name);
    loop {
        let n = first_free(|n| Stat::at(&dir, nth(&earlier, n)).is_ok());
        let free = nth(&earlier, n);
        match rename_new(dir.as_fd(), &name, dir.as_fd(), &free, Point::Aside) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => {
                other.map_err(BridgeError::io("rename", path))?;
                return Ok(Some(parent(path).join(free)));
            }
        }
    }
}

/// `WO-1_REPORT.md` → `WO-1_REPORT.earlier.md`.
fn earlier(name: &OsStr) -> OsString {
    let path = Path::new(name);
    let mut earlier = path.file_stem().unwrap_or(name).to_owned();
    earlier.push(".earlier");
    if let Some(extension) = path.extension() {
        earlier.push(".");
        earlier.push(extension);
    }
    earlier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_has_the_name_is_kept_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("WO-1_REPORT.md");
        let kept = |name: &str| Some(dir.path().join(name));
        assert_eq!(make_room(&path, b"new").unwrap(), None);
        std::fs::write(&path, "new").unwrap();
        assert_eq!(make_room(&path, b"new").unwrap(), None);
        std::fs::write(&path, "old").unwrap();
        assert_eq!(make_room(&path, b"new").unwrap(), kept("WO-1_REPORT.earlier.md"));
        std::fs::create_dir(&path).unwrap();
        assert_eq!(make_room(&path, b"new").unwrap(), kept("WO-1_REPORT.earlier.2.md"));
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert_eq!(make_room(&path, b"new").unwrap(), kept("WO-1_REPORT.earlier.3.md"));
        assert!(path.symlink_metadata().is_err());
        assert_eq!(std::fs::read_to_string(dir.path().join("WO-1_REPORT.earlier.md")).unwrap(), "old");
    }
}
