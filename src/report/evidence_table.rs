//! The Evidence table that ends every report: one row a measurement.

use jiff::tz::TimeZone;

use super::marks;
use super::record::RunRecord;

/// `## Evidence` and its table, with a blank line before; lines end with `\n`.
pub fn section(record: &RunRecord) -> String {
    format!("\n## Evidence\n\n{}", table(record))
}

/// The table alone.
pub fn table(record: &RunRecord) -> String {
    let zone = TimeZone::get(&record.zone).unwrap_or(TimeZone::UTC);
    let mut out = String::new();
    if record.measurements.is_empty() {
        out.push_str("Nothing was measured.\n\n");
    }
    out.push_str("| Id | Key | Value | How | When | Artifact | SHA-256 |\n|---|---|---|---|---|---|---|\n");
    for measurement in &record.measurements {
        let (path, hash) = match &measurement.artifact {
            Some(artifact) => (marks::show(&artifact.path), marks::show(&artifact.sha256)),
            None => ("—".to_owned(), "—".to_owned()),
        };
        let cells = [
            marks::show(&measurement.id),
            marks::show(&measurement.key),
            marks::show(&measurement.value.to_string()),
            marks::show(&measurement.how),
            measurement.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
            path,
            hash,
        ];
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}
