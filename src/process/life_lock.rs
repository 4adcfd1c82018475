//! A lock that lives as long as a program: its file is the program's standard input, so the kernel holds it for exactly as
//! long as that lives, even when the `wo` that started it was killed.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::durable::{self, DurableError};

/// Held until it and every process that it was given to are gone.
#[derive(Debug)]
pub struct LifeLock(File);

impl LifeLock {
    /// `None` when somebody has it.
    pub fn take(path: &Path) -> Result<Option<LifeLock>, DurableError> {
        durable::create_dir_all(durable::parent_of(path))?;
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(DurableError::io("open", path))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(LifeLock(file))),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(DurableError::io("lock", path)(error.into())),
        }
    }

    /// [`LifeLock::take`], tried for two seconds: whoever asks [`is_held`] has it for a moment, so one refusal says nothing.
    pub fn take_patiently(path: &Path) -> Result<Option<LifeLock>, DurableError> {
        for _ in 0..200 {
            if let Some(lock) = LifeLock::take(path)? {
                return Ok(Some(lock));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(None)
    }

    /// What the program that gets it as its standard input reads; without it, an end of file at once.
    pub(super) fn give(&mut self, input: &[u8]) -> io::Result<()> {
        self.0.set_len(0)?;
        self.0.write_all(input)?;
        self.0.rewind()
    }

    /// The standard input of a program that has it from now on.
    pub fn stdin(&self) -> io::Result<Stdio> {
        self.0.try_clone().map(Stdio::from)
    }
}

/// Whether somebody has it; makes no files.
pub fn is_held(path: &Path) -> Result<bool, DurableError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(DurableError::io("open", path)(error)),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(DurableError::io("lock", path)(error.into())),
    }
}
