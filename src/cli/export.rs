//! `wo export`: reports to Parquet.

use std::io::IsTerminal as _;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::Date;

use super::{CliError, Exit, Global, output};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::deployed::record::Deployment;
use crate::export::{self, Compression, Days, ExportReport, Progress, Request, describe};
use crate::root::Root;
use crate::schedule::ledger;
use crate::schedule::store::made::Exported;
use crate::text;

/// export heartbeats and other reports to Parquet, verified by two readers
///
/// Without a day: yesterday, today so far, and every day whose reports changed since. Exit code 1 when a report can't be
/// read; all others are exported.
#[derive(clap::Args)]
pub struct Args {
    /// the day to export: YYYY-MM-DD, YYYYMMDD, today or yesterday
    #[arg(long, value_name = "DAY", env = "WO_DATE", conflicts_with = "all")]
    date: Option<String>,
    /// export every day again
    #[arg(long, env = "WO_ALL")]
    all: bool,
    /// do all but write: stage, read back, say what would be written
    #[arg(long, alias = "dry", env = "WO_DRY_RUN")]
    dry_run: bool,
    /// snappy or zstd [default: as deployed, else as configured]
    #[arg(long, value_name = "CODEC", env = "WO_COMPRESSION")]
    compression: Option<Compression>,
    /// the folder of the summary, relative to the root [default: as deployed, else as configured]
    #[arg(long, value_name = "FOLDER", env = "WO_SUMMARIES")]
    summaries: Option<PathBuf>,
    /// print the result as JSON
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

/// What is written lies below the root, or in a folder that the settings name.
fn within(root: &Root, config: &Config, folder: &Path) -> Result<(), CliError> {
    let at = export::resolve(root.path(), folder);
    let climbs = at.components().any(|part| part == Component::ParentDir);
    let mut allowed = config.paths.absolute().into_iter().chain([root.path()]);
    if !climbs && allowed.any(|allowed| at.starts_with(allowed)) {
        return Ok(());
    }
    Err(CliError::new(format!(
        "`{}` lies outside the root `{}`\nhint: name a folder relative to the root, or set `[paths] parquet_reports` in wo.toml",
        text::line(&folder.display().to_string(), 200),
        root.path().display()
    )))
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let config = Config::load(&root)?;
    let now = SystemClock.now();
    let today = now.to_zoned(config.export.zone()?).date();
    let days = match (&args.date, args.all) {
        (Some(text), _) => Days::One(parse_day(text, today)?),
        (None, true) => Days::All,
        (None, false) => Days::Due,
    };
    // a record that can't be read is told by `wo verify`
    let deployed = Deployment::load(&root).ok().flatten();
    let request = Request {
        days,
        dry_run: args.dry_run,
        // what an order asked for stands, so that an export by hand and the nightly one don't undo each other's files
        compression: args.compression.or_else(|| deployed.as_ref()?.compression.as_deref()?.parse().ok()),
        summaries: args.summaries.or_else(|| Some(deployed.as_ref()?.summaries.clone().into())),
        own_dirs: deployed.map(|deployment| deployment.summaries.into()).into_iter().collect(),
    };
    if let Some(folder) = &request.summaries {
        within(&root, &config, folder)?;
    }
    let bar = Bar::new();
    let result = export::run(&root, &config, &request, now, &export::sql_program(), &bar);
    bar.clear();
    let report = result?;
    if !report.dry_run {
        let read = |tally: export::Tally| tally.found - tally.unreadable;
        let what = Exported {
            files: report.days.len() as u64,
            rows: report.rows(),
            seen: read(report.heartbeats) + read(report.reports),
        };
        ledger::exported_or_warn(&root, what);
    }
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print(&render(&report, &root.show(report.summary.as_deref().unwrap_or(root.path()))))?;
    }
    if report.is_complete() {
        return Ok(Exit::Good);
    }
    let n = report.unreadable.len();
    if n > 0 {
        output::complain(format_args!(
            "error: failed to read {n} report{}; all others are exported",
            if n == 1 { "" } else { "s" }
        ));
    }
    let n = report.damaged.len();
    if n > 0 {
        output::complain(format_args!(
            "error: {n} day file{} damaged: rows of reports that were rotated away may be lost\n\
             hint: put a good copy from a backup in its place, or move it out of the folder",
            if n == 1 { " is" } else { "s are" }
        ));
    }
    Ok(Exit::Bad)
}

fn parse_day(text: &str, today: Date) -> Result<Date, CliError> {
    let text = text.trim();
    match text {
        "today" => return Ok(today),
        "yesterday" => return today.yesterday().map_err(CliError::from),
        _ => {}
    }
    let parsed = ["%Y-%m-%d", "%Y%m%d"].iter().find_map(|format| Date::strptime(format, text).ok());
    parsed.filter(|day| (1970..=9999).contains(&day.year())).ok_or_else(|| {
        CliError::new(format!(
            "failed to read the day `{}`\nhint: YYYY-MM-DD, YYYYMMDD, today or yesterday",
            text::line(text, 40)
        ))
    })
}

fn render(report: &ExportReport, summary: &str) -> String {
    let mut out = String::new();
    if !report.days.is_empty() {
        let mut table = Table::new();
        table.load_preset(NOTHING).set_header(["FILE", "ROWS", "SIZE", "COMPRESSION", "WHY", "STATE"]);
        for day in &report.days {
            table.add_row([
                text::line(&day.path, 200),
                day.rows.to_string(),
                text::bytes(day.bytes),
                day.compression.to_uppercase(),
                describe::why(day.why).to_owned(),
                describe::state(day.state).to_owned(),
            ]);
        }
        for right in [1, 2] {
            if let Some(column) = table.column_mut(right) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        out.push_str(&format!("{}\n\n", table.trim_fmt()));
    }
    for day in &report.empty_days {
        out.push_str(&format!("no reports on {day}\n"));
    }
    for (from, to) in &report.moved {
        out.push_str(&format!(
            "kept: {} was not made by this exporter and is now {}\n",
            text::line(from, 200),
            text::line(to, 200)
        ));
    }
    for damaged in &report.damaged {
        let became = match &damaged.kept {
            Some(kept) => format!("; it is now {}, and the day was made anew", text::line(kept, 200)),
            None => String::new(),
        };
        let (path, reason) = (text::line(&damaged.path, 200), text::line(&damaged.reason, 300));
        out.push_str(&format!("damaged: {path}: {reason}{became}\n"));
    }
    for aside in &report.set_aside {
        let kept = aside.kept.as_ref().map_or(String::new(), |kept| format!("; it is now {}", text::line(kept, 200)));
        let (path, rows) = (text::line(&aside.path, 200), describe::counted_rows(aside.rows));
        out.push_str(&format!("kept: {path} had {rows} of reports that can't be read now{kept}\n"));
    }
    for removed in &report.removed {
        let path = text::line(&removed.path, 200);
        out.push_str(&match &removed.kept {
            Some(kept) => format!("removed: {path}: no row is left for it; it is now {}\n", text::line(kept, 200)),
            None => format!("would go: {path}: no row is left for it\n"),
        });
    }
    let copies = export::copies::line(report.days.iter().map(|day| &day.copies), |name| text::line(name, 200));
    out.extend(copies.map(|line| format!("copies: {line}\n")));
    for link in &report.links {
        out.push_str(&format!("skipped: {} is a symbolic link\n", text::line(link, 200)));
    }
    for unreadable in &report.unreadable {
        out.push_str(&format!(
            "unreadable: {}: {}\n",
            text::line(&unreadable.path, 200),
            text::line(&unreadable.reason, 200)
        ));
    }
    out.push_str(&format!(
        "Rows: {}\nSize: {}\nCompression: {}\nValidation: {}\nDuration: {}\n",
        report.rows(),
        text::bytes(report.bytes()),
        describe::compression(report),
        describe::validation(report),
        text::duration_ns(report.duration_ns)
    ));
    if report.dry_run {
        out.push_str("Dry run: nothing was written\n");
    } else {
        out.push_str(&format!("Summary: {}\n", text::line(summary, 200)));
    }
    out
}

/// A bar on stderr, when that is a terminal.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Bar(bar)
    }

    fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn phase(&self, name: &str, total: Option<u64>) {
        let Some(bar) = &self.0 else { return };
        let template = match total {
            Some(_) => "{spinner} {msg} {wide_bar} {pos}/{len}",
            None => "{spinner} {msg} {pos}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_position(0);
        bar.set_length(total.unwrap_or(0));
        bar.set_message(name.to_owned());
    }

    fn advance(&self, units: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(units);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_as_people_write_them() {
        let today = jiff::civil::date(2025, 10, 29);
        let day = |text: &str| parse_day(text, today).map(|day| day.to_string()).map_err(|error| error.message);
        for (text, expected) in [
            ("2025-10-28", "2025-10-28"),
            ("20251028", "2025-10-28"),
            ("today", "2025-10-29"),
            (" yesterday ", "2025-10-28"),
        ] {
            assert_eq!(day(text).as_deref(), Ok(expected));
        }
        for text in ["", "2025-13-01", "tomorrow", "28.10.2025", "-0001-01-01"] {
            assert!(day(text).unwrap_err().contains("hint:"), "{text}");
        }
    }
}
