//! An export as a deployment sets it: to its directories, in its codec.

use jiff::Timestamp;

use super::super::CheckResult;
use super::{Scope, looked};
use crate::config::Config;
use crate::deployed::record::Deployment;
use crate::export::{self, Days, ExportError, ExportReport, Looked, Request, Silent};
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
    let (config, request) = asked(config, deployment, days, dry_run);
    export::run(root, &config, &request, now, &export::sql_program(), &Silent)
}

/// Reads the reports that such an export would read; the error says why they can't be looked at.
pub fn look(scope: &Scope) -> Result<Looked, String> {
    let (config, request) = asked(scope.config, &scope.deployment, Days::All, true);
    export::look(scope.root, &config, &request, scope.now).map_err(|error| error.to_string().replace('\n', "; "))
}

fn asked(config: &Config, deployment: &Deployment, days: Days, dry_run: bool) -> (Config, Request) {
    let mut config = config.clone();
    config.paths.analytics = deployment.output.clone().into();
    // an order's codec was checked when it was planned; the configured one stands in for a record edited by hand
    let compression = deployment.compression.as_deref().and_then(|word| word.parse().ok());
    let request = Request {
        days,
        dry_run,
        compression,
        summaries: Some(deployment.summaries.clone().into()),
        own_dirs: Vec::new(),
    };
    (config, request)
}

/// That the export which was to run first failed: what is verified then is what was there before.
pub fn failed(scope: &Scope, error: &ExportError) -> CheckResult {
    let detail = error.to_string().replace('\n', "; ");
    looked(scope, "export", "Export", "check.export", false, detail, "exported first, as asked")
}
