//! Staged files are read back by two independent readers, which must find exactly what was handed to the writer.

use std::time::{Duration, Instant};

use super::facts::Facts;
use super::read;
use super::schema;
use super::sql::{FactsOrError, FileFacts, SideCar, SqlError};
use super::stage::Staged;
use super::{Compression, ExportError};

/// What the readers found in one staged file.
#[derive(Debug, Clone)]
pub struct Validation {
    pub parquet_reader: Duration,
    pub duckdb: Duration,
    /// As found in the footer.
    pub compression: String,
}

/// Differences that are listed of one file.
const SHOWN: usize = 5;

/// Validates all of `staged`, which lie where `sql` was started; the answer is in their order, with DuckDB's version. Any disagreement
/// is an error.
pub fn validate(
    staged: &[Staged],
    compression: Compression,
    sql: SideCar,
) -> Result<(String, Vec<Validation>), ExportError> {
    let names: Vec<String> = staged.iter().map(Staged::name).collect();
    let (first, second) = std::thread::scope(|scope| {
        // the child works while the parquet crate reads
        let second = scope.spawn(|| sql.facts(names, true));
        let first: Result<Vec<_>, ExportError> = staged.iter().map(|staged| by_crate(staged, compression)).collect();
        (first, second.join())
    });
    let first = first?;
    let (version, second): (String, Vec<FileFacts>) =
        second.unwrap_or_else(|_| Err(SqlError::Refused("the thread that ran wo-sql failed".to_owned())))?;
    let mut validations = Vec::with_capacity(staged.len());
    for ((staged, (parquet_reader, codec)), other) in staged.iter().zip(first).zip(second) {
        match other.result {
            FactsOrError::Facts(facts) => agree(staged, "DuckDB", &facts)?,
            FactsOrError::Error(error) => return Err(disagree(staged, "DuckDB", vec![error])),
        }
        let duckdb = Duration::from_nanos(other.elapsed_ns);
        validations.push(Validation { parquet_reader, duckdb, compression: codec });
    }
    Ok((version, validations))
}

fn by_crate(staged: &Staged, compression: Compression) -> Result<(Duration, String), ExportError> {
    const READER: &str = "the parquet crate";
    let start = Instant::now();
    let opened = read::open(staged.path())?;
    let footer = opened.footer()?;
    let mut wrong = schema::mismatches(staged.dataset, &footer.schema);
    if footer.rows != staged.rows {
        wrong.push(format!("rows in the footer: {} against {}", footer.rows, staged.rows));
    }
    // a file without rows has no column that is compressed
    let codecs = footer.codecs();
    if staged.rows > 0 && codecs != [compression.as_str()] {
        wrong.push(format!("compression in the footer: {} against {compression}", codecs.join(", ")));
    }
    if !wrong.is_empty() {
        return Err(disagree(staged, READER, wrong));
    }
    agree(staged, READER, &opened.facts()?)?;
    let codec = if codecs.is_empty() { compression.as_str().to_owned() } else { codecs.join(", ") };
    Ok((start.elapsed(), codec))
}

fn agree(staged: &Staged, reader: &str, found: &Facts) -> Result<(), ExportError> {
    let differences = found.differences(&staged.expected, SHOWN);
    if differences.is_empty() { Ok(()) } else { Err(disagree(staged, reader, differences)) }
}

fn disagree(staged: &Staged, reader: &str, what: Vec<String>) -> ExportError {
    ExportError::Disagree { file: staged.dataset.file_name(staged.day), reader: reader.to_owned(), what }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::sample;
    use super::super::stage::{About, stage};
    use super::*;

    /// The check must be able to fail: a staged file is exchanged for another one behind its back.
    #[test]
    fn each_kind_of_difference_is_found_by_the_parquet_crate() {
        let dir = tempfile::tempdir().unwrap();
        let about = About { day: jiff::civil::date(2025, 10, 28), timezone: "UTC", compression: Compression::Snappy };
        let make = |names: &[&str], about: &About| {
            let rows: Vec<_> = names.iter().map(|name| Ok((sample(name, 1), false))).collect();
            stage(dir.path(), about, rows.into_iter()).unwrap()
        };
        let good = make(&["a", "b"], &about);
        let (_, codec) = by_crate(&good, Compression::Snappy).unwrap();
        assert_eq!(codec, "snappy");
        let zstd = make(&["a", "b"], &About { compression: Compression::Zstd, ..about.clone() });
        for (other, expected) in [
            (make(&["a"], &about), "rows"),
            (make(&["a", "c"], &about), "filename: the cells differ"),
            (make(&["b", "a"], &about), "filename: the cells differ"),
            (zstd, "zstd"),
        ] {
            std::fs::copy(other.path(), good.path()).unwrap();
            let error = by_crate(&good, Compression::Snappy).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("ops_atomic_20251028.parquet"), "{error}");
        }
    }
}
