//! `bridge/state/journal.head`: number and hash of the newest event, beside the journal.
//!
//! The hash chain shows every change within it but not that its end is missing: a write-ahead log that was removed or cut
//! short is, to SQLite, a sound older database. The head shows it. It is written after each commit and not fsynced: after a
//! crash or a power cut it may be older than the journal, never newer.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use crate::durable::{self, DurableError};
use crate::root::Root;

/// Number and hash of an event; event 0 with the genesis hash stands before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub seq: i64,
    pub hash: String,
}

/// The open file.
#[derive(Debug)]
pub struct Head {
    file: File,
    noted: Option<Mark>,
}

pub fn path(root: &Root) -> PathBuf {
    root.state().join("journal.head")
}

/// The stored mark; `None` where there is no file yet, an error with the reason where it can't be understood.
pub fn read(root: &Root) -> io::Result<Option<Mark>> {
    let mut text = String::new();
    match File::open(path(root)) {
        Ok(file) => file.take(1024).read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    parse(&text).map(Some).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not `NUMBER HASH`"))
}

fn parse(text: &str) -> Option<Mark> {
    let (seq, hash) = text.strip_suffix('\n')?.split_once(' ')?;
    let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| Some(Mark { seq: seq.trim().parse().ok()?, hash: hash.to_owned() })).flatten()
}

/// Of one length, so that it is always overwritten in place and within one sector.
fn line(mark: &Mark) -> String {
    format!("{:020} {}\n", mark.seq, mark.hash)
}

impl Head {
    /// Opens the file for the writer; makes it, durable, where it is missing.
    pub fn open(root: &Root, mark: &Mark) -> Result<Head, DurableError> {
        let path = path(root);
        if !path.exists() {
            durable::write(&path, line(mark).as_bytes(), 0o644)?;
        }
        let file = OpenOptions::new().write(true).open(&path).map_err(DurableError::io("open", &path))?;
        Ok(Head { file, noted: None })
    }

    /// Notes the newest event of a commit that is durable.
    pub fn note(&mut self, mark: &Mark) -> io::Result<()> {
        if self.noted.as_ref() != Some(mark) {
            self.file.write_all_at(line(mark).as_bytes(), 0)?;
            self.noted = Some(mark.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Mark { seq: 42, hash: "ab".repeat(32) };
        assert_eq!(parse(&line(&mark)), Some(mark.clone()));
        assert_eq!(line(&mark).len(), line(&Mark { seq: i64::MAX, hash: mark.hash.clone() }).len());
        for bad in ["", "1", "1 ab\n", "x 0\n", &line(&mark)[1..80]] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
