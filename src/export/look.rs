//! A look at the reports that an export would read.

use std::path::Path;

use jiff::Timestamp;

use super::run::Job;
use super::{ExportError, ExportReport, Request, Silent};
use crate::config::Config;
use crate::root::Root;

/// Reads every report as an export does and exports none: the result tells what was found and what can't be read.
/// `request` says whose reports they are; writes nothing whatever it says.
pub fn look(root: &Root, config: &Config, request: &Request, now: Timestamp) -> Result<ExportReport, ExportError> {
    let request = Request { dry_run: true, ..request.clone() };
    let job = Job::new(root, config, &request, now, Path::new(""), &Silent)?;
    let mut report = job.empty_report();
    let (_, others) = job.read_heartbeats(&mut report)?;
    job.read_reports(others, &mut report)?;
    Ok(report)
}
