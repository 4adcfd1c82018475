//! What goes into the journal's store and comes out of it, and what may go wrong.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::event::Event;
use super::run::{Illegal, Phase, RunKey};
use crate::durable::DurableError;
use crate::order::Priority;

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("failed to {op} the journal `{}`: {source}{}", path.display(), hinted(source, path))]
    Sqlite { op: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error(
        "the journal `{}` can't be trusted: {why}\n\
         hint: nothing was executed and nothing was changed; put a backup of it in its place, or move the whole \
         `bridge/state` aside to start anew knowing that past orders are then forgotten: what lies in `bridge/processing` \
         is then set aside in `bridge/rejected`, for it may have begun, and runs once somebody drops it again", path.display()
    )]
    Damaged { path: PathBuf, why: String },
    #[error(
        "the journal `{}` was removed or replaced while this executor had it open: it begins nothing more\n\
         hint: put the file, or a backup of it, back in its place; leave `bridge/state` alone while an executor lives",
        .0.display()
    )]
    Lost(PathBuf),
    #[error(transparent)]
    Durable(#[from] DurableError),
    #[error(transparent)]
    Illegal(#[from] Illegal),
    #[error("the journal's writer has stopped after: {0}")]
    Stopped(String),
    #[error(
        "{0} requests wait for an executor already (limits.requests)\n\
         hint: `wo up` or `wo run` carries them out"
    )]
    TooManyRequests(i64),
    #[error("no order {0} is known")]
    Unknown(String),
}

impl JournalError {
    /// Whether the executor must stop: a failed fsync, damage, or an I/O error below SQLite.
    pub fn is_fatal(&self) -> bool {
        match self {
            JournalError::Durable(error) => error.is_fatal(),
            JournalError::Damaged { .. }
            | JournalError::Lost(_)
            | JournalError::Illegal(_)
            | JournalError::Stopped(_) => true,
            JournalError::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(
                    rusqlite::ErrorCode::DiskFull | rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::CannotOpen,
                ) => false,
                Some(rusqlite::ErrorCode::SystemIoFailure) => {
                    // a write that failed for want of space or descriptors can be tried again; an fsync that failed can't
                    let code = source.sqlite_error().map_or(0, |error| error.extended_code);
                    code == rusqlite::ffi::SQLITE_IOERR_FSYNC || code == rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC
                }
                Some(rusqlite::ErrorCode::ReadOnly) => false,
                _ => true,
            },
            JournalError::Unknown(_) | JournalError::TooManyRequests(_) => false,
        }
    }
}

/// A row of `runs`, enough for a list.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    pub key: RunKey,
    pub priority: Priority,
    pub phase: Phase,
}

/// A file that was dropped and did not become a run.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Drop {
    pub at: Timestamp,
    pub agent: String,
    pub file: String,
    pub sha256: String,
    /// Of a file that could not be read as an order, the one that its name gives; empty where nothing may be kept of it.
    pub id: String,
    pub kind: DropKind,
    pub reason: String,
}

/// Why a file that was dropped did not become a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DropKind {
    /// Its text was taken already.
    Duplicate,
    Rejected,
    /// It is a result and no order.
    Result,
    /// The view of a claimed order that was changed in `processing/`.
    Edited,
    /// A word of another version of this program; what it says of the file is not known.
    Other(String),
}

impl DropKind {
    /// As it stands in the journal.
    pub fn as_str(&self) -> &str {
        match self {
            DropKind::Duplicate => "duplicate",
            DropKind::Rejected => "rejected",
            DropKind::Result => "result",
            DropKind::Edited => "edited",
            DropKind::Other(word) => word,
        }
    }
}

impl From<String> for DropKind {
    fn from(word: String) -> Self {
        match word.as_str() {
            "duplicate" => DropKind::Duplicate,
            "rejected" => DropKind::Rejected,
            "result" => DropKind::Result,
            "edited" => DropKind::Edited,
            _ => DropKind::Other(word),
        }
    }
}

impl serde::Serialize for DropKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Something that a person is told once.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// `ID/attempt/what`, or what stands for a file.
    pub key: String,
    /// JSON.
    pub body: String,
    /// Nobody is to be told: it is only remembered.
    pub told: bool,
}

/// An event as it stands in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub seq: i64,
    pub at: Timestamp,
    pub run: i64,
    pub event: Event,
}

/// What a drop is, given what the journal knows.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    /// Stored; the file may be moved.
    Accepted(RunKey),
    /// This very drop was stored before a crash and not yet moved.
    Unmoved(RunKey),
    /// Same id, same bytes, and no other text of it since.
    Duplicate { of: RunKey },
    /// This very file was taken in before, and its id has another text since.
    Known,
    /// Same id, other bytes, while the earlier attempt is still open.
    Conflict { with: RunKey },
}

/// A drop that wants to become a run.
#[derive(Debug, Clone)]
pub struct Admit {
    pub id: String,
    pub agent: String,
    pub file: String,
    pub sha256: String,
    pub bytes: Vec<u8>,
    pub priority: Priority,
    /// Whether a file that may be the view of an already stored drop lies in `processing/`.
    pub view_exists: bool,
    /// When the file was last written.
    pub written: Timestamp,
    /// The key of the notice that this very file was taken in before and has not been moved since.
    pub note: String,
}

fn hinted(error: &rusqlite::Error, path: &Path) -> String {
    crate::sqlite::hint(error, path).map(|hint| format!("\nhint: {hint}")).unwrap_or_default()
}

pub(super) fn damaged(path: &Path, why: impl std::fmt::Display) -> JournalError {
    JournalError::Damaged { path: path.to_owned(), why: why.to_string() }
}

pub(super) fn sqlite(op: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
    move |source| JournalError::Sqlite { op, path: PathBuf::from("bridge/state/journal.db"), source }
}

pub(super) fn sqlite_at(op: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Sqlite { op, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_drop_is_read_as_it_was_written() {
        for word in ["duplicate", "rejected", "result", "edited", "of-tomorrow"] {
            let kind = DropKind::from(word.to_owned());
            assert_eq!(kind.as_str(), word);
            assert_eq!(matches!(kind, DropKind::Other(_)), word == "of-tomorrow", "{word}");
        }
    }
}
