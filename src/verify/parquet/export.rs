//! An export as a deployment sets it: to its directories, in its codec.

use jiff::Timestamp;

use super::super::deployment::Deployment;
use crate::config::Config;
use crate::export::{self, Days, ExportError, ExportReport, Request, Silent};
use crate::root::Root;

/// Exports `days`; writes nothing in a dry run.
pub fn export(
    root: &Root,
    config: &Config,
    deployment: &Deployment,
    days: Days,
    dry_run: bool,
    now: Timestamp,
) -> Result<ExportReport, ExportError> {
    let mut config = config.clone();
    config.paths.analytics = deployment.output.clone().into();
    config.paths.parquet_reports = deployment.summaries.clone().into();
    // an order's codec was checked when it was planned; the configured one stands in for a record edited by hand
    let compression = deployment.compression.as_deref().and_then(|word| word.parse().ok());
    let request = Request { days, dry_run, compression };
    export::run(root, &config, &request, now, &export::sql_program(), &Silent)
}
