//! What is in a Parquet file, as two independent readers see it; for verification.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::facts::Facts;
use super::read::{Footer, Opened};
use super::sql::{FactsOrError, FileFacts, Program};
use super::{Dataset, ExportError, read, schema};

/// Differences that are listed.
const SHOWN: usize = 5;
/// Files that one run of the side-car is asked for: a bound on what it answers, and on what is read again where it fails.
const CHUNK: usize = 32;

/// What both readers decode; DuckDB neither the LZ4 of before `LZ4_RAW` nor LZO.
const DECODED: [&str; 6] = ["uncompressed", "snappy", "gzip", "brotli", "zstd", "lz4_raw"];

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
    /// Why its rows are not those that it says it was made of, or its values not those that were written.
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

    /// The codec for which a reader that failed has no decoder: then its failure says nothing about the file.
    pub fn foreign_codec(&self) -> Option<&str> {
        let is_read = self.parquet_reader.is_ok() && self.duckdb.is_ok();
        let foreign = |codec: &&String| !DECODED.contains(&codec.as_str());
        if is_read { None } else { self.codecs.iter().find(foreign).map(String::as_str) }
    }
}

/// Reads the whole of `path` twice. An error when its footer can't be read; a body that can't be read is in
/// [`Inspection::parquet_reader`] and [`Inspection::duckdb`], a side-car that can't be run in
/// [`Inspection::side_car_failed`].
pub fn inspect(path: &Path, program_sql: &Path) -> Result<Inspection, ExportError> {
    let half = Half::read(path)?;
    let other = by_duckdb(&[path], program_sql).pop().unwrap_or_else(|| Other::failed(NO_ANSWER));
    Ok(inspection(path, half, other))
}

/// Inspects all of `paths`, which lie in one directory; the answers are in their order. One run of the side-car reads many
/// files. What the readers do not agree on there is read once more, alone: another file may have brought the side-car
/// down, and an export may have replaced the file between its two readers.
pub fn inspect_all(paths: &[PathBuf], program_sql: &Path) -> Vec<Result<Inspection, ExportError>> {
    let mut all = Vec::with_capacity(paths.len());
    for chunk in paths.chunks(CHUNK) {
        let found = together(chunk, program_sql);
        all.extend(chunk.iter().zip(found).map(|(path, found)| match found {
            Ok(found) if found.readers_agree() => Ok(found),
            _ => inspect(path, program_sql),
        }));
    }
    all
}

/// What the parquet crate finds, before DuckDB is asked.
struct Half {
    opened: Opened,
    footer: Footer,
    facts: Result<Facts, String>,
    elapsed: Duration,
}

impl Half {
    fn read(path: &Path) -> Result<Half, ExportError> {
        let start = Instant::now();
        let opened = read::open(path)?;
        let footer = opened.footer()?;
        let facts = opened.facts().map_err(|error| error.to_string());
        Ok(Half { opened, footer, facts, elapsed: start.elapsed() })
    }
}

fn together(paths: &[PathBuf], program_sql: &Path) -> Vec<Result<Inspection, ExportError>> {
    let halves: Vec<Result<Half, ExportError>> = paths.iter().map(|path| Half::read(path)).collect();
    let readable: Vec<&Path> =
        paths.iter().zip(&halves).filter(|(_, half)| half.is_ok()).map(|(path, _)| path.as_path()).collect();
    let mut others = by_duckdb(&readable, program_sql).into_iter();
    let whole = |(path, half): (&PathBuf, Result<Half, ExportError>)| {
        let half = half?;
        let other = others.next().unwrap_or_else(|| Other::failed(NO_ANSWER));
        Ok(inspection(path, half, other))
    };
    paths.iter().zip(halves).map(whole).collect()
}

fn inspection(path: &Path, half: Half, other: Other) -> Inspection {
    let start = Instant::now();
    let Half { opened, footer, facts: parquet_reader, elapsed } = half;
    let disagreements = match (&parquet_reader, &other.facts) {
        (Ok(a), Ok(b)) => a.differences(b, SHOWN),
        _ => Vec::new(),
    };
    let schema_mismatches = read::schema_mismatches(path, &footer);
    // where the columns are others, or the readers differ, the cells can't be the same: that is told already
    let altered = match &parquet_reader {
        Ok(found) if schema_mismatches.is_empty() && disagreements.is_empty() => footer.altered(found),
        _ => None,
    };
    let dataset = footer.dataset();
    let column = if dataset == Some(Dataset::Reports) { "created" } else { "timestamp" };
    let time = |what: &str| {
        let facts = parquet_reader.as_ref().ok()?;
        let us = facts.values.get(&format!("{column}.{what}"))?.parse().ok()?;
        Timestamp::from_microsecond(us).ok()
    };
    let columns = footer.schema.fields().iter();
    Inspection {
        path: path.to_owned(),
        bytes: footer.bytes,
        rows: footer.rows,
        is_ours: footer.is_ours(),
        dataset,
        codecs: footer.codecs().into_iter().map(str::to_owned).collect(),
        columns: columns.map(|field| (field.name().clone(), schema::short_type(field.data_type()))).collect(),
        schema_mismatches,
        lost: opened.lost(&footer).or(altered),
        first: time("min"),
        last: time("max"),
        compression: footer.compression,
        metadata: footer.metadata,
        parquet_reader,
        duckdb: other.facts,
        side_car_failed: other.side_car_failed,
        disagreements,
        elapsed: elapsed + other.elapsed + start.elapsed(),
    }
}

/// What DuckDB finds in one file.
struct Other {
    facts: Result<Facts, String>,
    side_car_failed: bool,
    elapsed: Duration,
}

impl Other {
    fn failed(why: &str) -> Other {
        Other { facts: Err(why.to_owned()), side_car_failed: false, elapsed: Duration::ZERO }
    }
}

const NO_ANSWER: &str = "wo-sql did not answer";

/// In the order of `paths`. To each file's time that of starting the side-car is added, as if it were asked for that file alone.
///
/// A copy of the name without anything DuckDB could take for a pattern can't be had for a foreign file: such a name is
/// reported as unreadable rather than matched against other files.
fn by_duckdb(paths: &[&Path], program_sql: &Path) -> Vec<Other> {
    let names: Vec<Option<String>> = paths
        .iter()
        .map(|path| path.file_name().and_then(|name| name.to_str()))
        .map(|name| name.filter(|name| !name.contains(['*', '?', '['])).map(str::to_owned))
        .collect();
    let asked: Vec<String> = names.iter().flatten().cloned().collect();
    let dir = paths.first().and_then(|path| path.parent()).filter(|dir| !dir.as_os_str().is_empty());
    let program = Program {
        path: program_sql,
        memory_mb: 512,
        threads: 2,
        deadline: Duration::from_secs(120),
        max_output: 16 * 1024 * 1024,
    };
    let start = Instant::now();
    let answer = match asked.is_empty() {
        true => Ok(Vec::new()),
        false => program.facts(dir.unwrap_or(Path::new(".")), asked, false).map(|(_, files)| files),
    };
    let answer = answer.map_err(|error| error.to_string());
    let own = |file: &FileFacts| Duration::from_nanos(file.elapsed_ns);
    let read: Duration = answer.iter().flatten().map(own).sum();
    let rest = start.elapsed().saturating_sub(read);
    let mut files = answer.as_ref().map(|files| files.iter().cloned());
    names
        .into_iter()
        .map(|name| match (name, &mut files) {
            (None, _) => Other::failed("its name has characters that DuckDB takes for a pattern"),
            (Some(_), Err(why)) => {
                Other { facts: Err((*why).clone()), side_car_failed: true, elapsed: start.elapsed() }
            }
            (Some(_), Ok(files)) => files.next().map_or_else(
                || Other::failed(NO_ANSWER),
                |file| Other {
                    elapsed: own(&file) + rest,
                    facts: match file.result {
                        FactsOrError::Facts(facts) => Ok(facts),
                        FactsOrError::Error(error) => Err(error),
                    },
                    side_car_failed: false,
                },
            ),
        })
        .collect()
}
