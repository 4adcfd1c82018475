//! The facts of a Parquet file as DuckDB decodes it; see `workbridge::export::facts`.

use std::collections::BTreeMap;
use std::time::Instant;

use duckdb::Connection;
use duckdb::arrow::array::{Array as _, AsArray as _, RecordBatch};
use workbridge::export::facts::{Facts, Gatherer};
use workbridge::export::sql::{Answer, FactsOrError, FileFacts};

use super::{guarded, literal, lock_down};

/// With `alike` the files have the schema of the first one, and each of `threads` reads its share of them in one go.
pub fn answer(connection: &Connection, files: Vec<String>, alike: bool, threads: usize) -> Result<Answer, String> {
    let version = connection
        .query_row("SELECT version()", [], |row| row.get::<_, String>(0))
        .map_err(|error| error.to_string())?;
    let together = alike && files.len() > 1;
    let others = prepare(connection, if together { threads } else { 1 }).map_err(|error| error.to_string())?;
    lock_down(connection, &files).map_err(|error| error.to_string())?;
    let start = Instant::now();
    // a file that can't be read fails them all: then each is asked alone, so that it is named
    let mut together = if together { shared_out(connection, others, &files).ok() } else { None };
    let each_ns = start.elapsed().as_nanos() as u64 / files.len().max(1) as u64;
    let files = files
        .into_iter()
        .map(|file| match &mut together {
            Some(found) => {
                let facts = found.remove(&file).unwrap_or_default();
                FileFacts { file, elapsed_ns: each_ns, result: FactsOrError::Facts(facts) }
            }
            None => alone(connection, file),
        })
        .collect();
    Ok(Answer::Facts { version, files })
}

/// Makes `connection` ready to hand over rows, and as many others that there are `threads` of them in all.
fn prepare(connection: &Connection, threads: usize) -> duckdb::Result<Vec<Connection>> {
    // rows that nobody has asked for yet are copied aside
    let ready = |connection: &Connection| connection.execute_batch("SET streaming_buffer_size='100KB'");
    ready(connection)?;
    (1..threads)
        .map(|_| {
            let other = connection.try_clone()?;
            ready(&other).map(|()| other)
        })
        .collect()
}

/// The facts of all files, of which each connection reads an equal share on a thread of its own. DuckDB's own threads would
/// share the decoding alone: the way to Arrow and the hashing are as much again.
fn shared_out(
    connection: &Connection,
    others: Vec<Connection>,
    files: &[String],
) -> Result<BTreeMap<String, Facts>, String> {
    let mut shares = files.chunks(files.len().div_ceil(others.len() + 1).max(1));
    let Some(first) = shares.next() else { return Ok(BTreeMap::new()) };
    std::thread::scope(|scope| {
        let others: Vec<_> = others
            .into_iter()
            .zip(shares)
            .map(|(connection, share)| {
                scope.spawn(move || {
                    let found = facts_of(&connection, share);
                    // see `respond`: the process ends soon
                    std::mem::forget(connection);
                    found
                })
            })
            .collect();
        let mut found = facts_of(connection, first)?;
        for other in others {
            found.extend(other.join().map_err(|_| "a thread gave up".to_owned())??);
        }
        Ok(found)
    })
}

fn alone(connection: &Connection, file: String) -> FileFacts {
    let start = Instant::now();
    let result = match facts_of(connection, std::slice::from_ref(&file)) {
        Ok(found) => FactsOrError::Facts(found.into_values().next().unwrap_or_default()),
        Err(error) => FactsOrError::Error(error),
    };
    FileFacts { file, elapsed_ns: start.elapsed().as_nanos() as u64, result }
}

/// The column that tells the file of a row.
const FILE: &str = "__workbridge_file";

/// The facts of each file; a file without rows is not among them.
fn facts_of(connection: &Connection, files: &[String]) -> Result<BTreeMap<String, Facts>, String> {
    // the iterator over the batches panics where DuckDB fails in the middle of a file
    guarded(|| gather(connection, files))
}

fn gather(connection: &Connection, files: &[String]) -> Result<BTreeMap<String, Facts>, String> {
    let list = files.iter().map(|file| literal(file)).collect::<Vec<_>>().join(", ");
    // DuckDB keeps the order of rows (preserve_insertion_order)
    let sql = format!("SELECT * FROM read_parquet([{list}], hive_partitioning=false, filename='{FILE}')");
    let mut statement = connection.prepare(&sql).map_err(|error| error.to_string())?;
    let mut gatherers: BTreeMap<String, Gatherer> = BTreeMap::new();
    for batch in statement.stream_arrow([]).map_err(|error| error.to_string())? {
        for (file, rows) in by_file(&batch)? {
            gatherers.entry(file).or_default().add(&rows);
        }
    }
    Ok(gatherers.into_iter().map(|(file, gatherer)| (file, gatherer.finish())).collect())
}

/// Cuts `batch` where the file changes, and takes the column that tells it away.
fn by_file(batch: &RecordBatch) -> Result<Vec<(String, RecordBatch)>, String> {
    let odd = || format!("DuckDB's answer has no text column {FILE}");
    let (at, _) = batch.schema_ref().column_with_name(FILE).ok_or_else(odd)?;
    let mut rest = batch.clone();
    let names = rest.remove_column(at);
    let names = names.as_string_opt::<i32>().ok_or_else(odd)?;
    let mut parts = Vec::new();
    let mut start = 0;
    for i in 1..=names.len() {
        if i == names.len() || names.value(i) != names.value(start) {
            parts.push((names.value(start).to_owned(), rest.slice(start, i - start)));
            start = i;
        }
    }
    Ok(parts)
}
