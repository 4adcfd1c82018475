//! The summary of an export, `parquet_export_summary_YYYYMMDD.md`. Pure; every figure is from the [`ExportReport`].

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::{DayReport, ExportReport, FileState, Why, copies};
use crate::text;

/// What every summary begins with.
pub const HEADING: &str = "# Parquet Export Summary";

pub fn path(dir: &Path, day: Date) -> PathBuf {
    dir.join(format!("parquet_export_summary_{}.md", day.strftime("%Y%m%d")))
}

pub fn render(report: &ExportReport) -> String {
    let mut out = format!("{HEADING}\n\n");
    let mut line = |label: &str, value: String| out.push_str(&format!("**{label}:** {value}\n"));
    line("Date", report.date.to_string());
    line("Timestamp", report.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    line("Status", status(report));
    line("Rows", report.rows().to_string());
    line("File size", size(report));
    line("Duration", text::duration_ns(report.duration_ns));
    line("Output file", output_file(report));
    line("Compression", compression(report));
    line("Validation", validation(report));
    line("Timezone", report.timezone.clone());

    out.push_str("\n## Files\n\n");
    if report.days.is_empty() {
        out.push_str("None: there are no reports to export.\n");
    } else {
        out.push_str("| File | Rows | Size | Compression | Written in | Validated in | Why | State | SHA-256 |\n");
        out.push_str("|---|---|---|---|---|---|---|---|---|\n");
        report.days.iter().for_each(|day| out.push_str(&row(day)));
    }
    for day in &report.empty_days {
        out.push_str(&format!("\nNo reports on {day}.\n"));
    }

    out.push_str("\n## Validation\n\n");
    for reader in &report.readers {
        let files = report.days.len();
        out.push_str(&format!("- ✅ {reader}: {files} of {files} files read back, {} rows\n", report.rows()));
    }
    if !report.readers.is_empty() {
        out.push_str("- ✅ Both agree with what was written: every cell of every column, in order\n");
        out.push_str("- ✅ Schema and compression as found in each footer\n");
    }
    for (name, tally) in [("Heartbeats", report.heartbeats), ("Other reports", report.reports)] {
        let rows = tally.found.saturating_sub(tally.unreadable);
        out.push_str(&format!("- {name}: {} found = {rows} readable + {} unreadable\n", tally.found, tally.unreadable));
        if tally.times_from_names > 0 {
            out.push_str(&format!("- {name} whose time is their file name's: {}\n", tally.times_from_names));
        }
    }

    if !report.unreadable.is_empty() {
        out.push_str("\n## Unreadable reports\n\n| Report | Reason |\n|---|---|\n");
        for unreadable in &report.unreadable {
            out.push_str(&format!("| `{}` | {} |\n", text::cell(&unreadable.path), text::cell(&unreadable.reason)));
        }
    }
    if !report.damaged.is_empty() {
        out.push_str("\n## Damaged day files\n\n| File | Reason | What became of it |\n|---|---|---|\n");
        for damaged in &report.damaged {
            let became = match &damaged.kept {
                Some(kept) => {
                    format!("kept as `{}`; the day was made anew from the reports that are there", text::cell(kept))
                }
                None => "left as it is: the day can't be made anew".to_owned(),
            };
            let (path, reason) = (text::cell(&damaged.path), text::cell(&damaged.reason));
            out.push_str(&format!("| `{path}` | {reason} | {became} |\n"));
        }
    }
    let copies = copies::line(report.days.iter().map(|day| &day.copies), |name| format!("`{}`", text::cell(name)));
    let notes =
        [copies.iter().len(), report.links.len(), report.moved.len(), report.removed.len(), report.set_aside.len()];
    if notes.iter().any(|n| *n > 0) {
        out.push_str("\n## Notes\n\n");
        out.extend(copies.map(|line| format!("- {line}\n")));
        for aside in &report.set_aside {
            let kept =
                aside.kept.as_deref().map_or(String::new(), |kept| format!("; it is kept as `{}`", text::cell(kept)));
            let rows = counted_rows(aside.rows);
            out.push_str(&format!(
                "- `{}` had {rows} of reports that can't be read now{kept}\n",
                text::cell(&aside.path)
            ));
        }
        for removed in &report.removed {
            let kept =
                removed.kept.as_deref().map_or(String::new(), |kept| format!("; kept as `{}`", text::cell(kept)));
            out.push_str(&format!("- `{}` went: no row is left for it{kept}\n", text::cell(&removed.path)));
        }
        for (from, to) in &report.moved {
            out.push_str(&format!(
                "- `{}` was not made by this exporter; kept as `{}`\n",
                text::cell(from),
                text::cell(to)
            ));
        }
        for link in &report.links {
            out.push_str(&format!("- `{}` is a symbolic link and was not followed\n", text::cell(link)));
        }
    }
    out
}

/// The files that a rendered summary lists, each with its sha256.
pub fn files(text: &str) -> Vec<(String, String)> {
    let Some((_, table)) = text.split_once("\n## Files\n\n") else { return Vec::new() };
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let file = row.strip_prefix("| `")?.split_once('`')?.0;
        let sha256 = row.strip_suffix("` |")?.rsplit_once('`')?.1;
        Some((file.replace("\\|", "|"), sha256.to_owned()))
    })
    .collect()
}

/// Whether the summary of this export may replace the one of the same day, `earlier`: an export that found nothing to do
/// takes nothing away that an earlier one told.
pub fn replaces(report: &ExportReport, earlier: &str) -> bool {
    let found_nothing =
        report.days.is_empty() && report.is_complete() && report.removed.is_empty() && report.moved.is_empty();
    !found_nothing || files(earlier).is_empty()
}

fn status(report: &ExportReport) -> String {
    let count = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let faults: Vec<String> = [
        count(report.unreadable.len(), "report is unreadable", "reports are unreadable"),
        count(report.damaged.len(), "day file is damaged", "day files are damaged"),
    ]
    .into_iter()
    .flatten()
    .collect();
    match (faults.is_empty(), report.days.is_empty()) {
        (false, _) => format!("❌ INCOMPLETE: {}", faults.join(", ")),
        (true, false) => "✅ SUCCESS".to_owned(),
        (true, true) => "⚠️ NOTHING TO EXPORT".to_owned(),
    }
}

fn size(report: &ExportReport) -> String {
    let largest = report.days.iter().map(|day| day.bytes).max().unwrap_or(0);
    match report.days.len() {
        0 | 1 => text::bytes(largest),
        n => format!("{} in {n} files, the largest {}", text::bytes(report.bytes()), text::bytes(largest)),
    }
}

fn output_file(report: &ExportReport) -> String {
    match (report.main_file(), report.days.len()) {
        (None, _) => "none".to_owned(),
        (Some(day), 1) => format!("`{}`", day.path),
        (Some(day), n) => format!("`{}` and {} more", day.path, n - 1),
    }
}

/// The codecs found in the footers.
pub fn compression(report: &ExportReport) -> String {
    let mut found: Vec<&str> = report.days.iter().map(|day| day.compression.as_str()).collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { "none".to_owned() } else { found.join(", ").to_uppercase() }
}

/// In one line.
pub fn validation(report: &ExportReport) -> String {
    if report.readers.is_empty() {
        return "not run: there was nothing to export".to_owned();
    }
    format!(
        "✅ {} agree on {} rows in {}",
        report.readers.join(" and "),
        report.rows(),
        text::duration_ns(report.validation_ns)
    )
}

fn row(day: &DayReport) -> String {
    let rows = if day.kept_rows == 0 {
        day.rows.to_string()
    } else {
        format!("{} ({} of reports that are gone)", day.rows, day.kept_rows)
    };
    let cells = [
        format!("`{}`", text::cell(&day.path)),
        rows,
        text::bytes(day.bytes),
        day.compression.to_uppercase(),
        text::duration_ns(day.duration_ns),
        text::duration_ns(day.validation_ns),
        why(day.why).to_owned(),
        state(day.state).to_owned(),
        format!("`{}`", day.sha256),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// `1 row`, `5 rows`.
pub fn counted_rows(n: u64) -> String {
    format!("{n} row{}", if n == 1 { "" } else { "s" })
}

pub fn why(why: Why) -> &'static str {
    match why {
        Why::Requested => "requested",
        Why::Yesterday => "yesterday",
        Why::Today => "today",
        Why::Late => "late reports",
        Why::Zone => "another time zone",
        Why::Compression => "another codec",
        Why::Reader => "read by an older version",
    }
}

pub fn state(state: FileState) -> &'static str {
    match state {
        FileState::New => "new",
        FileState::Replaced => "replaced",
        FileState::Unchanged => "unchanged",
        FileState::Dry => "not written (dry run)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_summary_are_read_back() {
        let text = "# Parquet Export Summary\n\n**Rows:** 3\n\n## Files\n\n| File | Rows | SHA-256 |\n|---|---|---|\n\
                    | `g/a \\| b/ops_atomic_20251029.parquet` | 3 | `abc` |\n\n## Validation\n\n| `x` | 1 | `def` |\n";
        assert_eq!(files(text), [("g/a | b/ops_atomic_20251029.parquet".to_owned(), "abc".to_owned())]);
        for none in ["", "# x\n\n## Files\n\nNone: there are no reports to export.\n", "| `x` | `y` |\n"] {
            assert_eq!(files(none), [], "{none}");
        }
    }
}
