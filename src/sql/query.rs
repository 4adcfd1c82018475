//! One read-only statement over views of Parquet files.

use duckdb::Connection;
use duckdb::types::Value;
use workbridge::export::sql::{Answer, Header, Table, View};

use super::value::to_json;
use super::{identifier, literal, lock_down};

pub fn answer(connection: &Connection, sql: &str, views: &[View], max_bytes: usize) -> Result<Answer, String> {
    let files: Vec<String> = views.iter().flat_map(|view| view.files.iter().cloned()).collect();
    let zones = knows_zones(connection);
    for view in views {
        connection.execute_batch(&definition(view, zones)).map_err(|error| {
            format!(
                "failed to open the files of `{}`: {}\nhint: `wo verify parquet` tells which is damaged",
                view.name,
                plain(&error)
            )
        })?;
    }
    if views.iter().any(|view| view.columns.iter().any(|(name, _)| name == "checks")) {
        connection.execute_batch(CHECKS).map_err(|error| plain(&error))?;
    }
    lock_down(connection, &files).map_err(|error| plain(&error))?;
    only_reads(connection, sql)?;
    run(connection, sql, max_bytes).map(Answer::Table)
}

/// DuckDB's word for the type of a moment.
const MOMENT: &str = "TIMESTAMP WITH TIME ZONE";

/// One row a check of a heartbeat.
const CHECKS: &str = "CREATE VIEW checks AS SELECT timestamp, filename, c.name AS name, c.component AS component, \
     c.state AS state, c.message AS message, c.latency_ms AS latency_ms \
     FROM (SELECT timestamp, filename, unnest(checks) AS c FROM heartbeats)";

/// Whether DuckDB knows time zones, by its ICU extension, which a build of it from source lacks.
fn knows_zones(connection: &Connection) -> bool {
    let zone = connection.query_row("SELECT current_setting('TimeZone')", [], |row| row.get::<_, String>(0));
    zone.is_ok_and(|zone| zone == "UTC")
}

/// Times are moments, and the zone of the session is UTC: so they show in UTC, and `AT TIME ZONE` gives the time that a clock
/// shows there. Without zones they are plain timestamps in UTC, for then no date function takes a moment, and `AT TIME ZONE` is
/// an error.
fn definition(view: &View, zones: bool) -> String {
    let name = identifier(&view.name);
    let column = |(name, kind): &(String, String)| {
        let name = identifier(name);
        if view.files.is_empty() {
            let kind = if zones { kind.clone() } else { kind.replace(MOMENT, "TIMESTAMP") };
            format!("CAST(NULL AS {kind}) AS {name}")
        } else if !zones && kind == MOMENT {
            format!("CAST({name} AS TIMESTAMP) AS {name}")
        } else {
            name
        }
    };
    let columns = view.columns.iter().map(column).collect::<Vec<_>>().join(", ");
    if view.files.is_empty() {
        return format!("CREATE VIEW {name} AS SELECT {columns} WHERE false");
    }
    let files = view.files.iter().map(|file| literal(file)).collect::<Vec<_>>().join(", ");
    format!(
        "CREATE VIEW {name} AS SELECT {columns} FROM read_parquet([{files}], union_by_name=true, hive_partitioning=false)"
    )
}

/// Refuses everything but one statement that DuckDB's own parser takes for a SELECT (which includes WITH, FROM, VALUES,
/// DESCRIBE, SUMMARIZE and SHOW); EXPLAIN may stand before it.
fn only_reads(connection: &Connection, sql: &str) -> Result<(), String> {
    let inner = strip_word(strip_word(sql, "explain"), "analyze");
    let json: String = connection
        .query_row("SELECT json_serialize_sql(?::VARCHAR)", [inner], |row| row.get(0))
        .map_err(|error| plain(&error))?;
    let parsed: serde_json::Value = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    let text = |key: &str| parsed.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    if parsed.get("error").and_then(|value| value.as_bool()) != Some(false) {
        return Err(if text("error_type") == "parser" {
            format!("failed to parse the query: {}", text("error_message"))
        } else {
            "refused the query: it only reads\nhint: one SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE or SHOW; \
             a PIVOT needs `SELECT * FROM (PIVOT … ON … IN (…) USING …)`"
                .to_owned()
        });
    }
    match parsed.get("statements").and_then(|value| value.as_array()).map(Vec::len) {
        Some(1) => Ok(()),
        Some(0) => Err("the query is empty\nhint: e.g. `wo query \"SELECT count(*) FROM heartbeats\"`".to_owned()),
        _ => Err("refused the query: one statement at a time".to_owned()),
    }
}

fn strip_word<'a>(sql: &'a str, word: &str) -> &'a str {
    let trimmed = sql.trim_start();
    match (trimmed.get(..word.len()), trimmed.get(word.len()..)) {
        (Some(start), Some(rest)) if start.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace) => rest,
        _ => sql,
    }
}

fn run(connection: &Connection, sql: &str, max_bytes: usize) -> Result<Table, String> {
    let fail = |error: duckdb::Error| {
        let why = plain(&error);
        // the one cast of a moment that DuckDB lacks
        let hint = match why.contains(&format!("{MOMENT} -> TIME)")) {
            true => "\nhint: cast the time in UTC: timestamp::TIMESTAMP::TIME",
            false => "",
        };
        format!("failed to run the query: {why}{hint}")
    };
    let types = described(connection, sql);
    if types.iter().any(|kind| kind == "TIME WITH TIME ZONE") {
        return Err("a column of the result is TIME WITH TIME ZONE, whose zone can't be shown\n\
                    hint: cast it: SELECT CAST(column AS VARCHAR) …"
            .to_owned());
    }
    let mut statement = connection.prepare(sql).map_err(fail)?;
    let mut rows = statement.query([]).map_err(fail)?;
    let mut table = Table { columns: Vec::new(), rows: Vec::new() };
    let mut bytes = 0;
    if let Some(statement) = rows.as_ref() {
        table.columns = headers(statement, types);
    }
    while let Some(row) = rows.next().map_err(fail)? {
        let values: Vec<serde_json::Value> = (0..table.columns.len())
            .map(|i| row.get::<_, Value>(i).map(|value| to_json(value, &table.columns[i].kind)))
            .collect::<duckdb::Result<_>>()
            .map_err(fail)?;
        bytes += values.iter().map(|value| size(value).saturating_add(2)).fold(2, usize::saturating_add);
        if bytes > max_bytes {
            return Err(format!(
                "the result is larger than {max_bytes} bytes\nhint: add LIMIT or WHERE, or raise [export] query_bytes"
            ));
        }
        table.rows.push(values);
    }
    Ok(table)
}

/// DuckDB's own words for the types of the columns; empty where it describes no such statement (EXPLAIN).
fn described(connection: &Connection, sql: &str) -> Vec<String> {
    let types = || -> duckdb::Result<Vec<String>> {
        let mut statement = connection.prepare(&format!("DESCRIBE {sql}"))?;
        statement.query_map([], |row| row.get(1))?.collect()
    };
    types().unwrap_or_default()
}

fn headers(statement: &duckdb::Statement, types: Vec<String>) -> Vec<Header> {
    let described = types.len() == statement.column_count();
    let kind = |i: usize| match types.get(i) {
        Some(kind) if described => kind.clone(),
        _ => format!("{:?}", statement.column_logical_type(i)),
    };
    let name = |i: usize| statement.column_name(i).cloned().unwrap_or_default();
    (0..statement.column_count()).map(|i| Header { name: name(i), kind: kind(i) }).collect()
}

/// Bytes of `value` in the answer.
fn size(value: &serde_json::Value) -> usize {
    serde_json::to_string(value).map_or(usize::MAX / 2, |text| text.len())
}

/// DuckDB's message without its stack of prefixes.
fn plain(error: &duckdb::Error) -> String {
    let text = error.to_string();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_zones_a_time_is_a_plain_one_in_utc() {
        let columns = vec![("filename".to_owned(), "VARCHAR".to_owned()), ("timestamp".to_owned(), MOMENT.to_owned())];
        for (files, zones, expected) in [
            (vec![], true, "CAST(NULL AS TIMESTAMP WITH TIME ZONE) AS \"timestamp\" WHERE false"),
            (vec![], false, "CAST(NULL AS TIMESTAMP) AS \"timestamp\" WHERE false"),
            (vec!["a.parquet".to_owned()], true, "SELECT \"filename\", \"timestamp\" FROM read_parquet(['a.parquet']"),
            (vec!["a.parquet".to_owned()], false, "CAST(\"timestamp\" AS TIMESTAMP) AS \"timestamp\" FROM"),
        ] {
            let view = View { name: "v".to_owned(), files, columns: columns.clone() };
            let sql = definition(&view, zones);
            assert!(sql.contains(expected), "{sql}");
        }
    }
}
