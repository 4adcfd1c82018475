//! What is in a Parquet file, as two independent readers see it; for verification.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::facts::Facts;
use super::sql::{FactsOrError, Program};
use super::{Dataset, ExportError, read, schema};

/// Differences that are listed.
const SHOWN: usize = 5;

#[derive(Debug, Clone)]
pub struct Inspection {
    pub path: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    /// As the footer says.
    pub rows: u64,
    /// Whether it carries our metadata; only such files are queried.
    pub is_ours: bool,
    pub dataset: Option<Dataset>,
    /// Key-value metadata of the footer.
    pub metadata: BTreeMap<String, String>,
    /// The codecs found in the footer, lower case, each once; `["snappy"]`.
    pub codecs: Vec<String>,
    /// Leaf column and its codec.
    pub compression: Vec<(String, String)>,
    /// Column and type, in DuckDB's words.
    pub columns: Vec<(String, String)>,
    /// How it differs from what its name says it holds, in columns and metadata; empty when it doesn't.
    pub schema_mismatches: Vec<String>,
    /// Why its rows are not those that it says it was made of.
    pub lost: Option<String>,
    /// The least and greatest time of a row.
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// What the parquet crate finds, or why it can't read the file.
    pub parquet_reader: Result<Facts, String>,
    /// What DuckDB finds, or why it can't read the file.
    pub duckdb: Result<Facts, String>,
    /// Whether DuckDB could not be asked at all, e.g. for want of `wo-sql`; this says nothing about the file.
    pub side_car_failed: bool,
    /// In what the two differ; empty when they agree.
    pub disagreements: Vec<String>,
    pub elapsed: Duration,
}

impl Inspection {
    /// Whether both readers read the whole file, find the rows that the footer says, and agree.
    pub fn readers_agree(&self) -> bool {
        let rows = |facts: &Result<Facts, String>| facts.as_ref().is_ok_and(|facts| facts.rows == self.rows);
        rows(&self.parquet_reader) && rows(&self.duckdb) && self.disagreements.is_empty()
    }
}

/// Reads the whole of `path` twice. An error when its footer can't be read; a body that can't be read is in
/// [`Inspection::parquet_reader`] and [`Inspection::duckdb`], a side-car that can't be run in
/// [`Inspection::side_car_failed`].
pub fn inspect(path: &Path, program_sql: &Path) -> Result<Inspection, ExportError> {
    let start = Instant::now();
    let opened = read::open(path)?;
    let footer = opened.footer()?;
    let parquet_reader = opened.facts().map_err(|error| error.to_string());
    let (duckdb, side_car_failed) = match by_duckdb(path, program_sql) {
        Ok(duckdb) => (duckdb, false),
        Err(error) => (Err(error.to_string()), true),
    };
    let disagreements = match (&parquet_reader, &duckdb) {
        (Ok(a), Ok(b)) => a.differences(b, SHOWN),
        _ => Vec::new(),
    };
    let dataset = footer.dataset();
    let column = if dataset == Some(Dataset::Reports) { "created" } else { "timestamp" };
    let time = |what: &str| {
        let facts = parquet_reader.as_ref().ok()?;
        let us = facts.values.get(&format!("{column}.{what}"))?.parse().ok()?;
        Timestamp::from_microsecond(us).ok()
    };
    let columns = footer.schema.fields().iter();
    Ok(Inspection {
        path: path.to_owned(),
        bytes: footer.bytes,
        rows: footer.rows,
        is_ours: footer.is_ours(),
        dataset,
        codecs: footer.codecs().into_iter().map(str::to_owned).collect(),
        columns: columns.map(|field| (field.name().clone(), schema::short_type(field.data_type()))).collect(),
        schema_mismatches: read::schema_mismatches(path, &footer),
        lost: opened.lost(&footer),
        first: time("min"),
        last: time("max"),
        compression: footer.compression,
        metadata: footer.metadata,
        parquet_reader,
        duckdb,
        side_car_failed,
        disagreements,
        elapsed: start.elapsed(),
    })
}

/// A copy of the name without anything DuckDB could take for a pattern can't be had for a foreign file: such a name is
/// reported as unreadable rather than matched against other files.
fn by_duckdb(path: &Path, program_sql: &Path) -> Result<Result<Facts, String>, ExportError> {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|name| !name.contains(['*', '?', '['])) else {
        return Ok(Err("its name has characters that DuckDB takes for a pattern".to_owned()));
    };
    let program = Program {
        path: program_sql,
        memory_mb: 512,
        threads: 2,
        deadline: Duration::from_secs(120),
        max_output: 16 * 1024 * 1024,
    };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (_, files) = program.facts(dir, vec![name.to_owned()], false)?;
    Ok(match files.into_iter().next().map(|file| file.result) {
        Some(FactsOrError::Facts(facts)) => Ok(facts),
        Some(FactsOrError::Error(error)) => Err(error),
        None => Err("wo-sql did not answer".to_owned()),
    })
}
