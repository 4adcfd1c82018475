//! `wo-sql`: the DuckDB side-car; the only binary that is linked to libduckdb.

fn main() {}
