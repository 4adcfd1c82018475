//! Checks of the exported data: the newest Parquet file of ours, read whole by two readers; the size is the largest file's.

use std::path::PathBuf;

use super::super::CheckResult;
use super::super::artifact::artifact;
use super::{Scope, looked, unmeasured};
use crate::evidence::{Measurement, Value};
use crate::export::{self, Inspection};
use crate::text;

/// 5 MiB: what a day's file may have.
const SIZE_MAX: u64 = 5 * 1024 * 1024;

/// What was found, looked at once for all checks.
pub struct Data {
    newest: Result<Inspection, String>,
    largest: Option<(PathBuf, u64)>,
}

impl Data {
    pub fn look(scope: &Scope) -> Data {
        let mut files = files(scope);
        files.sort();
        let largest = files
            .iter()
            .filter_map(|path| Some((path.clone(), path.metadata().ok()?.len())))
            .max_by_key(|(_, bytes)| *bytes);
        let newest = match files.last() {
            None => Err(format!("there is no `{}/ops_atomic_YYYYMMDD.parquet`", scope.deployment.output)),
            Some(path) => match export::inspect(path, &export::sql_program()) {
                Ok(inspection) if inspection.is_ours => Ok(inspection),
                Ok(_) => Err(format!("`{}` is not a file of this exporter", scope.root.show(path))),
                Err(error) => Err(format!("`{}` can't be read: {error}", scope.root.show(path))),
            },
        };
        Data { newest, largest }
    }

    pub fn checks(&self, scope: &Scope) -> Vec<CheckResult> {
        vec![
            self.present(scope),
            self.size(scope),
            self.compression(scope),
            self.rows(scope),
            self.schema(scope),
            self.readers(scope),
        ]
    }

    fn present(&self, scope: &Scope) -> CheckResult {
        let (id, title, key) = ("parquet.present", "Parquet file present", "parquet.file");
        let how = "looked for the newest day file and read its footer";
        match &self.newest {
            Err(why) => looked(scope, id, title, key, false, why.clone(), how),
            Ok(found) => {
                let path = scope.root.show(&found.path);
                let size = text::bytes(found.bytes);
                looked(scope, id, title, key, true, format!("`{path}`, {size}, {} rows", found.rows), how)
                    .artifact(artifact(scope.root, &found.path).ok())
            }
        }
    }

    fn size(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.size", "File size");
        let (Ok(_), Some((path, bytes))) = (&self.newest, &self.largest) else { return no_file(id, title) };
        let detail = format!("{} at most, `{}`; limit 5 MiB", text::bytes(*bytes), scope.root.show(path));
        looked(scope, id, title, "export.file_size", *bytes <= SIZE_MAX, detail, "size of the largest day file")
            .value(Value::Bytes(*bytes))
            .artifact(artifact(scope.root, path).ok())
    }

    fn compression(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.compression", "Compression");
        let Ok(found) = &self.newest else { return no_file(id, title) };
        if found.codecs.is_empty() {
            return unmeasured(id, title, "the file holds no column data to look at");
        }
        let wanted = scope
            .deployment
            .compression
            .clone()
            .unwrap_or_else(|| scope.config.export.compression.to_string())
            .to_lowercase();
        let codecs = found.codecs.join(", ");
        let right = found.codecs.iter().all(|codec| codec.to_lowercase() == wanted);
        let detail = if right { codecs.clone() } else { format!("{codecs}; configured is {wanted}") };
        let mut word: Vec<String> = found.codecs.iter().map(|codec| capital(codec)).collect();
        word.dedup();
        looked(scope, id, title, "export.compression", right, detail, "codecs of all columns in the footer")
            .value(Value::Word(word.join(", ")))
    }

    fn rows(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.rows", "Row count");
        let Ok(found) = &self.newest else { return no_file(id, title) };
        let detail = format!("{} rows", found.rows);
        looked(scope, id, title, "export.rows", found.rows > 0, detail, "rows that the footer states")
            .value(Value::Count { n: found.rows, noun: "rows".to_owned() })
    }

    fn schema(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.schema", "Schema");
        let Ok(found) = &self.newest else { return no_file(id, title) };
        let wrong = &found.schema_mismatches;
        let detail = match wrong.len() {
            0 => format!("{} columns as the telemetry's", found.columns.len()),
            n => format!("{n} mismatches: {}", wrong.join("; ")),
        };
        let how = "compared names and types of the columns with the telemetry's";
        looked(scope, id, title, "export.schema_mismatches", wrong.is_empty(), detail, how)
            .value(Value::Count { n: wrong.len() as u64, noun: "errors".to_owned() })
    }

    fn readers(&self, scope: &Scope) -> CheckResult {
        let (id, title) = ("parquet.readers", "Two independent readers");
        let Ok(found) = &self.newest else { return no_file(id, title) };
        let agree = found.readers_agree();
        let detail = match (&found.parquet_reader, &found.duckdb) {
            (Err(why), _) => format!("the parquet crate can't read it: {why}"),
            (_, Err(why)) => format!("DuckDB can't read it: {why}"),
            _ if agree => format!("the parquet crate and DuckDB agree on {} rows", found.rows),
            _ => format!("the parquet crate and DuckDB differ: {}", found.disagreements.join("; ")),
        };
        let how = "read the whole file with the parquet crate and with DuckDB and compared";
        looked(scope, id, title, "export.validation", agree, detail, how)
    }

    /// Beside the checks' own: how long reading back took, and the schema as a percentage.
    pub fn measurements(&self, scope: &Scope) -> Vec<Measurement> {
        let Ok(found) = &self.newest else { return Vec::new() };
        let elapsed = u64::try_from(found.elapsed.as_nanos()).unwrap_or(u64::MAX);
        let how = format!("time in which both readers read {} whole", scope.root.show(&found.path));
        let columns = found.columns.len().max(1) as f64;
        let wrong = (found.schema_mismatches.len() as f64).min(columns);
        let consistent = Value::Percent((columns - wrong) * 100.0 / columns);
        let by = "columns that are as the telemetry's";
        vec![
            Measurement::new("export.validation_time", Value::Duration(elapsed), how, scope.now)
                .ok(found.readers_agree()),
            Measurement::new("export.schema_consistency", consistent, by, scope.now)
                .ok(found.schema_mismatches.is_empty()),
        ]
    }

    /// Rows, Size, Compression, Validation: what the field's test script prints.
    pub fn headline(&self) -> Vec<(&'static str, String)> {
        let Ok(found) = &self.newest else { return Vec::new() };
        let validation = if found.readers_agree() && found.schema_mismatches.is_empty() { "passed" } else { "failed" };
        vec![
            ("Rows", found.rows.to_string()),
            ("Size", text::bytes(found.bytes)),
            ("Compression", found.codecs.join(", ").to_uppercase()),
            ("Validation", format!("{validation} in {}", text::duration_ns(found.elapsed.as_nanos() as u64))),
        ]
    }
}

/// `snappy` → `Snappy`, as people write it.
fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn no_file(id: &'static str, title: &'static str) -> CheckResult {
    unmeasured(id, title, "there is no Parquet file to look at")
}

/// Day files of heartbeats in the output directory.
fn files(scope: &Scope) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(scope.path(&scope.deployment.output)) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let day = name.to_str().and_then(|name| name.strip_prefix("ops_atomic_")?.strip_suffix(".parquet"));
            day.is_some_and(|day| day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(|entry| entry.path())
        .collect()
}
