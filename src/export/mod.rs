//! Reports to Parquet: one file a day and kind, typed, verified by two readers, replaced whole or not at all.
//!
//! The way of an export, to be read in [`run`]: scan → parse (many at once) → sort by day → choose days → stage → read back
//! by the parquet crate and by DuckDB → rename → summary.
//!
//! Invariants:
//! * rows + listed unreadable reports = reports found;
//! * the same reports give the same bytes, whatever the clock, the host or the number of threads;
//! * memory is bounded whatever the number of reports;
//! * nothing a person had is lost: a file without our metadata, one that is damaged (a single value is enough: its cells have a
//!   digest), or one with rows of reports that can't be read any more, is kept in `legacy/`, rows whose reports
//!   were rotated away, or lie where this export did not look (behind a link, in a closed folder), are kept;
//! * a dry run writes nothing below the root.

mod choose;
mod config;
pub mod copies;
mod document;
pub mod facts;
mod history;
mod inspect;
mod keep;
mod look;
mod make;
mod moved;
mod paths;
mod place;
mod publish;
mod query;
mod reach;
pub mod read;
pub mod row;
mod run;
mod scan;
pub mod schema;
mod sort;
pub mod sql;
mod stage;
pub mod summary;
mod validate;

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

pub use config::{Compression, Dataset, ExportConfig, sql_program};
pub use history::{History, read_heartbeats, read_heartbeats_as};
pub use inspect::{Inspection, inspect, inspect_all};
pub use look::{Looked, look, without_row};
pub use paths::resolve;
pub use query::{Queried, query};
/// Figures of a report in words.
pub mod describe {
    pub use super::summary::{compression, counted_rows, state, validation, why};
}

pub use row::{AgentState, CheckRow, HeartbeatRow, ReportRow};
pub use run::run;
pub use schema::schema;

/// The title of the reports of `wo verify parquet`, which lie beside the summaries.
pub const VERIFICATION: &str = "Phase 7.8 – Parquet Agent Verification";

/// What to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub days: Days,
    /// Do all but write below the root.
    pub dry_run: bool,
    /// Instead of the configured one.
    pub compression: Option<Compression>,
    /// Where the summary goes, instead of the configured place.
    pub summaries: Option<PathBuf>,
    /// Other directories where summaries and verification reports lie: those are no reports either.
    pub own_dirs: Vec<PathBuf>,
}

impl Default for Request {
    fn default() -> Self {
        Request { days: Days::Due, dry_run: false, compression: None, summaries: None, own_dirs: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Days {
    /// Yesterday, today so far, then any day with late reports: what the nightly job does.
    Due,
    One(Date),
    /// Every day there is a report or a file of.
    All,
}

/// What an export did; durations are measured.
#[derive(Debug, Clone, Serialize)]
pub struct ExportReport {
    pub started: Timestamp,
    /// The day in the export's zone on which it ran, or the one that was asked for.
    pub date: Date,
    pub timezone: String,
    pub dry_run: bool,
    pub compression: Compression,
    /// Files, in the order of dataset and day.
    pub days: Vec<DayReport>,
    /// Days that were asked for and have neither reports nor a file.
    pub empty_days: Vec<Date>,
    pub heartbeats: Tally,
    pub reports: Tally,
    /// Every report that can't be read; with [`Days::One`] those of that day and those of no day that can be told.
    pub unreadable: Vec<Unreadable>,
    /// Symbolic links to reports and directories, which are not followed, relative to the root.
    pub links: Vec<String>,
    /// Files without our metadata that were moved aside: from and to.
    pub moved: Vec<(String, String)>,
    /// Day files that can't be read or replaced, or lost rows.
    pub damaged: Vec<Damaged>,
    /// Day files that were replaced by ones without the rows of reports that can't be read now.
    pub set_aside: Vec<SetAside>,
    /// Day files that went because no row is left for them.
    pub removed: Vec<Removed>,
    /// Both readers with their versions.
    pub readers: Vec<String>,
    pub duration_ns: u64,
    /// Of it, reading back.
    pub validation_ns: u64,
    /// `None` in a dry run.
    pub summary: Option<PathBuf>,
}

/// How many there are of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Files that are reports of this kind.
    pub found: u64,
    pub unreadable: u64,
    /// Of the readable ones, those whose time is the file name's.
    pub times_from_names: u64,
}

/// One file.
#[derive(Debug, Clone, Serialize)]
pub struct DayReport {
    pub dataset: Dataset,
    pub date: Date,
    /// Relative to the root.
    pub path: String,
    pub rows: u64,
    /// Of them, kept from the earlier file, since their reports are gone.
    pub kept_rows: u64,
    /// Of heartbeats.
    pub copies: copies::Copies,
    pub bytes: u64,
    pub sha256: String,
    /// As found in the footer.
    pub compression: String,
    pub state: FileState,
    pub why: Why,
    #[serde(skip)]
    pub before: Before,
    /// Writing it.
    pub duration_ns: u64,
    /// Reading it back: by both readers.
    pub validation_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    New,
    Replaced,
    /// The file that is there has these very bytes.
    Unchanged,
    /// A dry run: it would be written.
    Dry,
}

/// What the file that stood in a day's place was made of: where it was the same, other bytes are no news of the reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    SameReports,
    /// Reports came, went or changed since.
    OtherReports,
    /// There was none of ours, or it was damaged.
    Nothing,
}

/// Why a day was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    Requested,
    Yesterday,
    Today,
    /// Its reports are not those that its file was made of.
    Late,
    /// Its file is of a day in another time zone than is configured.
    Zone,
    /// Its reports were read by an older version, which understood less.
    Reader,
    /// Its file has another codec than is configured.
    Compression,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// Relative to the root.
    pub path: String,
    pub reason: String,
    /// That of its file name, if it has one.
    pub date: Option<Date>,
}

/// A day file that can't be read or replaced, or has not the rows that it says it was made of: rows of reports that were
/// rotated away may be lost with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Relative to the root.
    pub path: String,
    pub reason: String,
    /// Where it is kept, now that the day was made anew from its reports; `None`: there are none, or it can't be set aside, and
    /// it stays where it is.
    pub kept: Option<String>,
}

/// A day file with rows of reports that were read before and can't be read now: those rows are in it alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAside {
    /// Relative to the root.
    pub path: String,
    /// So many.
    pub rows: u64,
    /// Where it is kept; `None` in a dry run.
    pub kept: Option<String>,
}

/// A day file whose reports all have another day now, or can't be read any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Relative to the root.
    pub path: String,
    /// Where it is kept; `None` in a dry run.
    pub kept: Option<String>,
}

impl ExportReport {
    /// Whether every report was readable, and every earlier file that was looked at.
    pub fn is_complete(&self) -> bool {
        self.unreadable.is_empty() && self.damaged.is_empty()
    }

    /// What could not be read, and why: reports, then day files.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &str)> {
        let reports = self.unreadable.iter().map(|one| (one.path.as_str(), one.reason.as_str()));
        reports.chain(self.damaged.iter().map(|one| (one.path.as_str(), one.reason.as_str())))
    }

    pub fn rows(&self) -> u64 {
        self.days.iter().map(|day| day.rows).sum()
    }

    pub fn bytes(&self) -> u64 {
        self.days.iter().map(|day| day.bytes).sum()
    }

    /// The newest file of heartbeats.
    pub fn main_file(&self) -> Option<&DayReport> {
        self.days.iter().rfind(|day| day.dataset == Dataset::Heartbeats).or(self.days.last())
    }
}

/// Follows an export, e.g. as a bar on a terminal.
pub trait Progress: Sync {
    /// A new phase begins; `total` is the number of its units, where it is known.
    fn phase(&self, _name: &str, _total: Option<u64>) {}

    /// Some units are done.
    fn advance(&self, _units: u64) {}
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(
        "failed to find the time zone `{name}`: {why}\nhint: set [export] timezone to an IANA name, e.g. UTC or Asia/Bangkok"
    )]
    Zone { name: String, why: String },
    #[error("failed to {op} `{}`: {source}", path.display())]
    Io { op: &'static str, path: PathBuf, source: io::Error },
    #[error("failed to {op} `{}`: {why}", path.display())]
    Parquet { op: &'static str, path: PathBuf, why: String },
    #[error("{} is busy: another export has been running for {}\nhint: wait for it, or look for a hung `wo export`", dir.display(), crate::text::duration_ns(waited.as_nanos() as u64))]
    Busy { dir: PathBuf, waited: std::time::Duration },
    #[error("failed to validate `{file}`: {reader} does not find in it what was written: {}\nhint: nothing was replaced; run it again, and check the disk if it recurs", what.join("; "))]
    Disagree { file: String, reader: String, what: Vec<String> },
    #[error(transparent)]
    Durable(#[from] crate::durable::DurableError),
    #[error(transparent)]
    Sql(#[from] sql::SqlError),
}

impl ExportError {
    fn io(op: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ExportError + use<> {
        let path = path.to_owned();
        move |source| ExportError::Io { op, path, source }
    }

    fn parquet(op: &'static str, path: &Path, why: impl std::fmt::Display) -> ExportError {
        ExportError::Parquet { op, path: path.to_owned(), why: why.to_string() }
    }

    /// An error of writing with the parquet crate; one of the file system stays what it is.
    fn writing(path: &Path, error: parquet::errors::ParquetError) -> ExportError {
        let error = match error {
            parquet::errors::ParquetError::External(source) => match source.downcast::<io::Error>() {
                Ok(source) => return ExportError::io("write", path)(*source),
                Err(source) => parquet::errors::ParquetError::External(source),
            },
            error => error,
        };
        ExportError::parquet("write", path, error)
    }

    /// Whether it is that this very file can't be read, set aside or replaced.
    fn is_about(&self, file: &Path) -> bool {
        use crate::durable::{DurableError, is_resource};
        // a full disk is no fault of the file that was written last; a bad sector is
        let is_its_own = |source: &io::Error| {
            !is_resource(source) || source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        };
        match self {
            ExportError::Parquet { path, .. } => path == file,
            ExportError::Io { path, source, .. } | ExportError::Durable(DurableError::Io { path, source, .. }) => {
                path == file && is_its_own(source)
            }
            _ => false,
        }
    }

    /// Whether the daemon must stop: an fsync failed.
    pub fn is_fatal(&self) -> bool {
        matches!(self, ExportError::Durable(error) if error.is_fatal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_stays_one_through_the_parquet_crate() {
        let full = || io::Error::from(rustix::io::Errno::NOSPC);
        let path = Path::new("/x");
        let error = ExportError::writing(path, parquet::errors::ParquetError::from(full()));
        assert!(matches!(error, ExportError::Io { source, .. } if source.raw_os_error() == full().raw_os_error()));
        let error = ExportError::writing(path, parquet::errors::ParquetError::General("odd".to_owned()));
        assert!(matches!(error, ExportError::Parquet { .. }));
    }

    #[test]
    fn only_what_is_a_files_own_trouble_lets_the_others_go_on() {
        use rustix::io::Errno;
        let path = Path::new("/x");
        for (errno, expect) in [
            (Errno::ACCESS, true),
            (Errno::PERM, true),
            (Errno::IO, true),
            (Errno::NOSPC, false),
            (Errno::DQUOT, false),
            (Errno::ROFS, false),
            (Errno::MFILE, false),
        ] {
            let io = ExportError::io("write", path)(errno.into());
            let durable = ExportError::Durable(crate::durable::DurableError::io("rename", path)(errno.into()));
            assert_eq!((io.is_about(path), durable.is_about(path)), (expect, expect), "{errno}");
            assert!(!io.is_about(Path::new("/y")));
        }
    }
}
