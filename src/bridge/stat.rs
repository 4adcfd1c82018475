//! What of a file's status the bridge goes by.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType};

/// Identity and state of a file at one look; two equal values mean that nothing touched the file between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub dev: u64,
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Nanoseconds since 1970, saturated.
    pub mtime_ns: i64,
    /// Nanoseconds since 1970, saturated.
    pub ctime_ns: i64,
    pub nlink: u64,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Regular,
    Directory,
    Symlink,
    Fifo,
    Socket,
    Device,
    Unknown,
}

impl Stat {
    /// Of the open file itself.
    pub fn of(file: impl AsFd) -> io::Result<Stat> {
        Ok(Stat::from(rustix::fs::fstat(file)?))
    }

    /// Of `name` in the open directory `dir`; a link is not followed.
    pub fn at(dir: impl AsFd, name: impl AsRef<Path>) -> io::Result<Stat> {
        Ok(Stat::from(rustix::fs::statat(dir, name.as_ref(), AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Device and inode: which file it is, whatever its name.
    pub fn id(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }

    pub fn same_file(&self, other: &Stat) -> bool {
        self.id() == other.id()
    }
}

#[allow(clippy::unnecessary_cast, reason = "the widths of these fields differ between systems")]
impl From<rustix::fs::Stat> for Stat {
    fn from(stat: rustix::fs::Stat) -> Stat {
        Stat {
            dev: stat.st_dev as u64,
            ino: stat.st_ino as u64,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            ctime_ns: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
            nlink: stat.st_nlink as u64,
            kind: match FileType::from_raw_mode(stat.st_mode as rustix::fs::RawMode) {
                FileType::RegularFile => Kind::Regular,
                FileType::Directory => Kind::Directory,
                FileType::Symlink => Kind::Symlink,
                FileType::Fifo => Kind::Fifo,
                FileType::Socket => Kind::Socket,
                FileType::BlockDevice | FileType::CharacterDevice => Kind::Device,
                FileType::Unknown => Kind::Unknown,
            },
        }
    }
}

fn nanoseconds(s: i64, ns: i64) -> i64 {
    s.saturating_mul(1_000_000_000).saturating_add(ns)
}
