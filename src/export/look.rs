//! A look at the reports that an export would read.

use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;

use super::row::{HeartbeatRow, Row as _};
use super::run::Job;
use super::sort::Sorted;
use super::{Dataset, ExportError, ExportReport, Request, Silent, read};
use crate::config::Config;
use crate::root::Root;

/// What lies there to be exported.
#[derive(Debug, Clone)]
pub struct Looked {
    /// What was found and what can't be read; nothing was exported.
    pub report: ExportReport,
    /// The days that have heartbeats, sorted.
    pub days: Vec<Date>,
    /// Each heartbeat that can be read: its time and its file's name, as the rows have it.
    pub heartbeats: Vec<(Timestamp, String)>,
}

/// Reads every report as an export does and exports none. `request` says whose reports they are; writes nothing whatever it
/// says.
pub fn look(root: &Root, config: &Config, request: &Request, now: Timestamp) -> Result<Looked, ExportError> {
    let request = Request { dry_run: true, ..request.clone() };
    let job = Job::new(root, config, &request, now, Path::new(""), &Silent)?;
    let mut report = job.empty_report();
    let (sorted, others) = job.read_heartbeats(&mut report)?;
    let heartbeats = heartbeats(&sorted).map_err(ExportError::io("read the sorted rows in", job.work_dir.path()))?;
    job.read_reports(others, &mut report)?;
    Ok(Looked { report, days: sorted.days.iter().map(|sources| sources.day).collect(), heartbeats })
}

fn heartbeats(sorted: &Sorted<HeartbeatRow>) -> std::io::Result<Vec<(Timestamp, String)>> {
    let rows = sorted.days.iter().flat_map(|sources| sorted.rows(sources.day));
    let one = |row: HeartbeatRow| Some((Timestamp::from_microsecond(row.at_us()).ok()?, row.filename));
    rows.filter_map(|row| row.map(one).transpose()).collect()
}

/// Those of `names` that are a row of none of `files`, which are day files of heartbeats.
pub fn without_row<'a>(
    names: impl Iterator<Item = &'a str>,
    files: impl Iterator<Item = &'a Path>,
) -> Result<HashSet<&'a str>, ExportError> {
    let mut missing: HashSet<&str> = names.collect();
    for file in files {
        if missing.is_empty() {
            break;
        }
        read::open(file)?.texts(Dataset::Heartbeats.name_column(), |name| {
            missing.remove(name);
            !missing.is_empty()
        })?;
    }
    Ok(missing)
}
