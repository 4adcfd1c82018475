//! DuckDB over Parquet files: the facts of a file, and read-only queries.
//!
//! Part of `wo-sql` alone, so that `wo` is never linked to libduckdb. Invariants: nothing is written, no network, no
//! extension is loaded, only the files that the request names are read, and memory is limited.

mod facts;
mod query;
mod value;

use std::io::{BufRead as _, Read as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use duckdb::{Config, Connection};
use serde::de::DeserializeOwned;
use workbridge::export::sql::{Answer, Ask, Limits, Request};

/// A request longer than this is refused.
const REQUEST_BYTES: u64 = 16 * 1024 * 1024;

pub fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|arg| arg == "--version") {
        println!("wo-sql {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let answer = respond().unwrap_or_else(Answer::Error);
    let written = serde_json::to_vec(&answer)
        .map_err(std::io::Error::other)
        .and_then(|bytes| std::io::stdout().lock().write_all(&bytes));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // where that can't be written to either, the exit code says it
            let _ = writeln!(std::io::stderr(), "error: failed to answer: {error}");
            ExitCode::from(2)
        }
    }
}

fn respond() -> Result<Answer, String> {
    let mut input = std::io::stdin().lock().take(REQUEST_BYTES);
    let limits: Limits = parse(|text| input.read_until(b'\n', text))?;
    limit_memory(limits.memory_mb);
    let connection = connect(&limits).map_err(|error| error.to_string())?;
    let request: Request = parse(|text| input.read_to_end(text))?;
    let threads = request.threads.clamp(1, 64);
    let answer = match request.ask {
        Ask::Facts { files, alike } => facts::answer(&connection, files, alike, threads),
        Ask::Query { sql, views, max_bytes } => connection
            .execute_batch(&format!("SET threads={threads}"))
            .map_err(|error| error.to_string())
            .and_then(|()| guarded(|| query::answer(&connection, &sql, &views, max_bytes))),
    };
    // the process ends with its answer: nobody has to wait until DuckDB has tidied up its memory
    std::mem::forget(connection);
    answer
}

/// Runs `work`, in which DuckDB's client is asked, and turns a panic of its into an error.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("DuckDB gave up").to_owned())
    })
}

fn parse<T: DeserializeOwned>(read: impl FnOnce(&mut Vec<u8>) -> std::io::Result<usize>) -> Result<T, String> {
    let mut text = Vec::new();
    read(&mut text).map_err(|error| format!("failed to read the request: {error}"))?;
    serde_json::from_slice(&text).map_err(|error| {
        format!("failed to understand the request: {error}\nhint: `wo query` and `wo export` run this program")
    })
}

/// A hard limit above DuckDB's own, for what its accounting doesn't see.
fn limit_memory(memory_mb: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    const ADDRESS_SPACE_BESIDES_MB: u64 = 4 * 1024;
    let bytes = memory_mb.saturating_add(ADDRESS_SPACE_BESIDES_MB).saturating_mul(1024 * 1024);
    // best effort: DuckDB's limit holds without it
    let _ = setrlimit(Resource::As, Rlimit { current: Some(bytes), maximum: Some(bytes) });
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

fn connect(limits: &Limits) -> duckdb::Result<Connection> {
    let config = Config::default()
        .max_memory(&format!("{}MiB", limits.memory_mb.max(64)))?
        .threads(1)?
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("allow_community_extensions", "false")?
        .with("allow_unsigned_extensions", "false")?
        // no spilling: nothing is written
        .with("temp_directory", "")?
        // every file is read once: keeping a copy of it is work in vain
        .with("enable_external_file_cache", "false")?;
    let connection = Connection::open_in_memory_with_flags(config)?;
    // only where the ICU extension is there: see `query::knows_zones`
    let _ = connection.execute_batch("SET TimeZone='UTC'");
    Ok(connection)
}

/// Forbids everything but reading `files`, for good.
fn lock_down(connection: &Connection, files: &[String]) -> duckdb::Result<()> {
    let list: Vec<String> = files.iter().map(|file| literal(file)).collect();
    connection.execute_batch(&format!(
        "SET allowed_paths=[{}]; SET enable_external_access=false; SET lock_configuration=true;",
        list.join(", ")
    ))
}

/// A string as SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as SQL.
fn identifier(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
