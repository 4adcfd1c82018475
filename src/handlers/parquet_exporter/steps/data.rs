//! Steps of the data: a dry run, the export, and a rerun that must give the same bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::compare::compare;
use super::target;
use crate::deployed::record::Deployment;
use crate::durable::DurableError;
use crate::evidence::{Measurement, Value};
use crate::export::sql::SqlError;
use crate::export::{Days, ExportError, ExportReport, FileState};
use crate::handlers::{Applied, Check, Context, HandlerError, Measuring, Step, Verified};
use crate::process::{self, End, Spec};
use crate::verify::artifact::artifact;
use crate::verify::parquet;

/// Unreadable reports that are named.
const NAMED: usize = 5;

/// An export of every day as this deployment sets it.
fn export(deployment: &Deployment, context: &Context, dry_run: bool) -> Result<ExportReport, HandlerError> {
    let now = context.clock.now();
    parquet::export(&context.root, &context.config, deployment, Days::All, dry_run, now).map_err(|error| match error {
        ExportError::Durable(error) => HandlerError::Durable(error),
        ExportError::Sql(SqlError::Process(error)) => HandlerError::Process(error),
        ExportError::Io { op, path, source } => HandlerError::Durable(DurableError::Io { op, path, source }),
        error => HandlerError::failed("failed to export", error),
    })
}

/// `3 files can't be read: a (why); b (why)`; `None` when all can.
fn unreadable(report: &ExportReport) -> Option<String> {
    let named: Vec<String> = report.faults().take(NAMED).map(|(path, why)| format!("{path} ({why})")).collect();
    let n = report.faults().count();
    let more = n.saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let noun = if n == 1 { "file" } else { "files" };
    (n > 0).then(|| format!("{n} {noun} can't be read: {}{more}", named.join("; ")))
}

/// `; a (why); b (why)` of the files that an export could not write, or nothing.
fn not_written(report: &ExportReport) -> String {
    report.damaged.iter().take(NAMED).map(|one| format!("; {} ({})", one.path, one.reason)).collect()
}

/// A dry run does all but write.
pub struct DryRun {
    pub deployment: Deployment,
}

impl Measuring for DryRun {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let output = target(context, &self.deployment.output)?;
        let before = listing(&output);
        let report = export(&self.deployment, context, true)?;
        let scripts = [&self.deployment.exporter, &self.deployment.runner];
        let (mut wrong, mut said) = (Vec::new(), Vec::new());
        for script in scripts.into_iter().flatten() {
            match run_script(context, script, &["--dry"], &[]) {
                Ok(output) => said.push(output),
                Err(why) => wrong.push(why),
            }
        }
        if listing(&output) != before {
            wrong.push(format!("a dry run changed `{}`", self.deployment.output));
        }
        let works = wrong.is_empty();
        let detail = match works {
            true => format!("{} files, {} rows; nothing was changed", report.days.len(), report.rows()),
            false => wrong.join("; "),
        };
        let how = "exported without writing, ran the deployed scripts with --dry, and compared the output directory \
                   before and after";
        let value = Value::State { works, detail: detail.clone() };
        let measurement = Measurement::new("export.dry_run", value, how, context.clock.now()).ok(works);
        let measurements = vec![measurement.printed(figures(&report, &said))];
        Ok(if works { Verified::Yes(measurements) } else { Verified::No { why: detail, measurements } })
    }
}

/// What an export prints of its whole, where the scripts printed the same.
fn figures(report: &ExportReport, said: &[String]) -> Vec<String> {
    let has = |output: &str, line: &str| output.lines().any(|own| own == line);
    let mut lines = vec![format!("Rows: {}", report.rows()), format!("Size: {}", crate::text::bytes(report.bytes()))];
    let codec = said.first().and_then(|output| output.lines().find(|line| line.starts_with("Compression: ")));
    lines.extend(codec.map(str::to_owned));
    lines.retain(|line| said.iter().all(|output| has(output, line)));
    lines
}

/// Runs a deployed script. It works when `wo` answers through it, whatever it finds (exit status 0 or 1), and prints all of
/// `labels` at the beginning of lines; its output is returned.
pub fn run_script(context: &Context, path: &str, args: &[&str], labels: &[&str]) -> Result<String, String> {
    let fail = |why: String| format!("`{path}` {}: {why}", args.join(" "));
    let at = target(context, path).map_err(|error| fail(error.to_string()))?;
    let spec = Spec::new(at).args(args).dir(context.root.path()).deadline(context.deadline.remaining());
    let output = process::run(&spec).map_err(|error| fail(error.to_string()))?;
    if !matches!(output.end, End::Exit(0 | 1)) {
        let said = context.masker.mask(&output.stderr_text());
        return Err(fail(format!("{}, it said: {}", output.end, crate::text::line(&said, 200))));
    }
    let stdout = output.stdout_text();
    match labels.iter().find(|label| !stdout.lines().any(|line| line.starts_with(&format!("{label}:")))) {
        Some(label) => Err(fail(format!("prints no line `{label}: …`"))),
        None => Ok(stdout),
    }
}

/// Name, size and time of change of what lies in a directory.
fn listing(dir: &std::path::Path) -> BTreeMap<std::ffi::OsString, (u64, Option<std::time::SystemTime>)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let meta = entry.metadata().ok()?;
            Some((entry.file_name(), (meta.len(), meta.modified().ok())))
        })
        .collect()
}

/// The live export of every day whose file is not yet what its reports give.
pub struct Export {
    pub deployment: Deployment,
}

impl Export {
    fn due(report: &ExportReport) -> Vec<&str> {
        report.days.iter().filter(|day| day.state == FileState::Dry).map(|day| day.path.as_str()).collect()
    }

    /// Where the summary of an export at `report`'s time lies.
    fn summary(&self, context: &Context, report: &ExportReport) -> Result<PathBuf, HandlerError> {
        let name = format!("parquet_export_summary_{}.md", report.date.strftime("%Y%m%d"));
        Ok(target(context, &self.deployment.summaries)?.join(name))
    }

    /// Whether an export that was begun before a crash got as far as its summary, which is written last of all.
    fn is_summarised(&self, context: &Context, report: &ExportReport) -> Result<bool, HandlerError> {
        let Some(begun) = context.step_applied else { return Ok(true) };
        let written = std::fs::metadata(self.summary(context, report)?).and_then(|meta| meta.modified());
        Ok(written.is_ok_and(|written| jiff::Timestamp::try_from(written).is_ok_and(|written| written >= begun)))
    }
}

impl Step for Export {
    fn files(&self, context: &Context) -> Result<Vec<PathBuf>, HandlerError> {
        let report = export(&self.deployment, context, true)?;
        let summary = self.summary(context, &report)?;
        Ok(Self::due(&report).into_iter().map(|path| context.root.join(path)).chain([summary]).collect())
    }

    fn check(&self, context: &Context) -> Result<Check, HandlerError> {
        let report = export(&self.deployment, context, true)?;
        let due = Self::due(&report);
        Ok(if due.is_empty() && !report.days.is_empty() && !self.is_summarised(context, &report)? {
            Check::Needed("the files are what their reports give; the summary was not written yet".to_owned())
        } else if due.is_empty() && !report.days.is_empty() {
            Check::Already(format!("{} files are what their reports give", report.days.len()))
        } else if report.days.is_empty() {
            Check::Needed("there is no report to export".to_owned())
        } else {
            Check::Needed(format!("{} of {} files are due", due.len(), report.days.len()))
        })
    }

    fn apply(&self, context: &Context) -> Result<Applied, HandlerError> {
        let report = export(&self.deployment, context, false)?;
        Ok(Applied { after: format!("{} files, {} rows", report.days.len(), report.rows()) })
    }

    fn verify_writes(&self) -> bool {
        true
    }

    /// Whether the files are there; what is in them is measured by the rerun and by the verification.
    fn verify(&self, context: &Context) -> Result<Verified, HandlerError> {
        // a dry run doesn't come to the place where writing fails
        let mut not_written_why = String::new();
        let found = compare(context, |round| {
            if round > 0 {
                not_written_why = not_written(&export(&self.deployment, context, false)?);
            }
            export(&self.deployment, context, true)
        })?;
        let report = &found.report;
        let works = found.is_same() && report.rows() > 0;
        let detail = match (works, report.rows()) {
            (_, 0) => "there is nothing to export".to_owned(),
            (true, rows) => format!("{} files hold {rows} rows{}", report.days.len(), found.not_compared()),
            (false, _) => format!("not as their reports give them: {}{not_written_why}", found.faults()),
        };
        let how = "compared every day file with what its reports give, byte for byte";
        let value = Value::State { works, detail: detail.clone() };
        let mut measurement = Measurement::new("export.live", value, how, context.clock.now()).ok(works);
        if let Some(day) = report.main_file()
            && let Ok(artifact) = artifact(&context.root, &context.root.join(&day.path))
        {
            measurement = measurement.artifact(artifact);
        }
        Ok(match works {
            true => Verified::Yes(vec![measurement]),
            false => Verified::No { why: detail, measurements: vec![measurement] },
        })
    }
}

/// Exports once more: the same bytes must come out. Takes time, rows and unreadable reports; the summary is the
/// verification's, for the service's own run writes it once more.
pub struct Rerun {
    pub deployment: Deployment,
}

impl Measuring for Rerun {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let compared = compare(context, |_| export(&self.deployment, context, false))?;
        let report = &compared.report;
        let now = context.clock.now();
        let same = compared.is_same();
        let found = report.heartbeats.found + report.reports.found;
        let detail = match same {
            true => format!("{} files, byte for byte{}", compared.same.len(), compared.not_compared()),
            false => format!("other bytes in {}", compared.faults()),
        };
        let lost = unreadable(report);
        let n = report.unreadable.len() as u64;
        let state = |key: &str, works, detail: &str, how: &str| {
            Measurement::new(key, Value::State { works, detail: detail.to_owned() }, how, now).ok(works)
        };
        let measurements = vec![
            state("export.deterministic", same, &detail, "exported twice and compared every file"),
            Measurement::new("export.duration", Value::Duration(report.duration_ns), "time of a whole export", now)
                .ok(true),
            Measurement::new(
                "export.unreadable",
                Value::Count { n, noun: "errors".to_owned() },
                "reports that the export could not read",
                now,
            )
            .ok(n == 0),
            Measurement::new(
                "export.coverage",
                Value::Ratio { pass: found.saturating_sub(n), of: found },
                "reports exported of reports found",
                now,
            )
            .ok(n == 0 && found > 0),
        ];
        let wrong: Vec<String> = (!same).then_some(detail).into_iter().chain(lost).collect();
        Ok(match wrong.is_empty() {
            true => Verified::Yes(measurements),
            false => Verified::No { why: wrong.join("; "), measurements },
        })
    }
}
