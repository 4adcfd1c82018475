//! `wo-sql`: the DuckDB side-car, the only binary that is linked to libduckdb.
//!
//! Reads one request as JSON from stdin and answers in JSON on stdout; what it can do is in `sql`.

#[path = "../sql/mod.rs"]
mod sql;

fn main() -> std::process::ExitCode {
    sql::main()
}
