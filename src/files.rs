//! Opening files where anybody may have put something else, whether one takes more, and whether a directory takes new ones or
//! what keeps it from that.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, OFlags};

use crate::text;

/// Opens the regular file at `path`, following links. Anything else is an error at once: a FIFO would wait for a writer.
pub fn open_regular(path: &Path) -> io::Result<File> {
    open_as(OpenOptions::new().read(true), path)
}

/// Whether this user can add to the regular file at `path`, which is only opened: not a byte of it changes, nor its times.
pub fn try_append(path: &Path) -> io::Result<()> {
    open_as(OpenOptions::new().append(true), path).map(drop)
}

fn open_as(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.custom_flags(OFlags::NONBLOCK.bits() as i32).open(path)?;
    let kind = file.metadata()?.file_type();
    match () {
        () if kind.is_file() => Ok(file),
        () if kind.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")),
        () => Err(io::Error::other("it is no regular file")),
    }
}

/// Whether an error of looking at a path says that nothing is there. Any other says that it could not be looked at, so that
/// nothing is known of it.
pub fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    // the last two: no file can have such a name
    matches!(error.kind(), NotFound | NotADirectory | InvalidInput | InvalidFilename)
}

/// Below this a transaction with an order may find no room.
const ROOM: u64 = 512 * 1024;

/// What keeps this user from making files in `dir` and filling them, in words; nothing of one that does not exist.
pub fn hindrance(dir: &Path) -> Option<String> {
    match rustix::fs::accessat(CWD, dir, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => no_room(dir),
        Err(rustix::io::Errno::NOENT) => None,
        Err(error) => Some(format!("can't be written to ({})", io::Error::from(error))),
    }
}

/// The same of the file system that `dir` lies on, whoever may write there.
pub fn no_room(dir: &Path) -> Option<String> {
    let room = match rustix::fs::statvfs(dir) {
        Ok(room) => room,
        Err(error) => return Some(format!("can't be asked for its room ({})", io::Error::from(error))),
    };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    // some file systems count no inodes
    if room.f_files > 0 && room.f_favail == 0 {
        return Some("lies on a file system without free inodes".to_owned());
    }
    (free < ROOM).then(|| format!("lies on a full file system ({} are left)", text::bytes(free)))
}

/// The bytes of the regular file at `path`.
pub fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether this user can make a file in the directory `dir` and fill it. The right to is not the room for it, and of the room
/// a quota tells only who writes; so a block is written to a file without a name, which is gone when this returns.
pub fn try_write_in(dir: &Path) -> io::Result<()> {
    const BLOCK: [u8; 4096] = [b'.'; 4096];
    rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK)?;
    // its error has the name that the file would have had
    let mut file = tempfile::tempfile_in(dir).map_err(|error| io::Error::from(error.kind()))?;
    file.write_all(&BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_nothing_hangs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        assert_eq!(read_regular(&at("file")).unwrap(), b"x");
        assert_eq!(read_regular(&at("link")).unwrap(), b"x");
        assert_eq!(open_regular(&at("fifo")).unwrap_err().to_string(), "it is no regular file");
        assert_eq!(open_regular(dir.path()).unwrap_err().to_string(), "it is a directory");
        assert_eq!(open_regular(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn trying_to_add_changes_nothing_and_takes_only_a_file_that_may_be_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        let told = || at("file").metadata().map(|meta| (meta.len(), meta.modified().unwrap())).unwrap();
        let before = told();
        try_append(&at("file")).unwrap();
        assert_eq!(told(), before);
        assert_eq!(try_append(&at("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!at("none").exists());
        assert!(std::process::Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        assert!(try_append(&at("fifo")).is_err() && try_append(dir.path()).is_err());
        // a file that nobody can write to, whatever his rights
        #[cfg(target_os = "linux")]
        assert!(try_append(Path::new("/proc/sys/kernel/ostype")).is_err());
    }

    #[test]
    fn trying_to_write_leaves_nothing_and_takes_only_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        try_write_in(dir.path()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert_eq!(try_write_in(&dir.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        // where nobody can make a file, whatever his rights
        #[cfg(target_os = "linux")]
        assert!(try_write_in(Path::new("/proc")).is_err());
    }
}
