//! The facts of a Parquet file as DuckDB reads it; the rules are those of `workbridge::export::facts`.

use std::collections::BTreeMap;
use std::time::Instant;

use duckdb::Connection;
use workbridge::export::facts::{Facts, PREFIX_CHARS};
use workbridge::export::sql::{Answer, FactsOrError, FileFacts};

use super::{identifier, literal, lock_down};

/// With `alike` the files have the schema of the first one, and are read in one go.
pub fn answer(connection: &Connection, files: Vec<String>, alike: bool) -> Result<Answer, String> {
    let version = connection
        .query_row("SELECT version()", [], |row| row.get::<_, String>(0))
        .map_err(|error| error.to_string())?;
    lock_down(connection, &files).map_err(|error| error.to_string())?;
    let start = Instant::now();
    // a file that can't be read fails them all: then each is asked alone, so that it is named
    let together = if alike && files.len() > 1 { facts_of(connection, &files).ok() } else { None };
    let each_ns = start.elapsed().as_nanos() as u64 / files.len().max(1) as u64;
    let files = files
        .into_iter()
        .map(|file| match &together {
            Some(found) => {
                let facts = found.get(&file).cloned().unwrap_or_default();
                FileFacts { file, elapsed_ns: each_ns, result: FactsOrError::Facts(facts) }
            }
            None => alone(connection, file),
        })
        .collect();
    Ok(Answer::Facts { version, files })
}

fn alone(connection: &Connection, file: String) -> FileFacts {
    let start = Instant::now();
    let result = match facts_of(connection, std::slice::from_ref(&file)) {
        Ok(found) => FactsOrError::Facts(found.into_values().next().unwrap_or_default()),
        Err(error) => FactsOrError::Error(error.to_string()),
    };
    FileFacts { file, elapsed_ns: start.elapsed().as_nanos() as u64, result }
}

/// The aggregates of one schema.
#[derive(Default)]
struct Plan {
    /// Key of the fact and the expression that gives it as text.
    table: Vec<(String, String)>,
    /// For each list column, the same over its unnested elements.
    lists: Vec<(String, Vec<(String, String)>)>,
}

/// The column that tells the file of a row.
const FILE: &str = "__workbridge_file";

/// The facts of each file; a file without rows is not among them.
fn facts_of(connection: &Connection, files: &[String]) -> duckdb::Result<BTreeMap<String, Facts>> {
    let list = files.iter().map(|file| literal(file)).collect::<Vec<_>>().join(", ");
    let source = format!("read_parquet([{list}], hive_partitioning=false, filename='{FILE}')");
    let plan = Plan::of(&columns_of(connection, &source)?);
    let mut found: BTreeMap<String, Facts> = BTreeMap::new();
    let mut selected = vec![FILE.to_owned(), "CAST(count(*) AS VARCHAR)".to_owned()];
    selected.extend(plan.table.iter().map(|(_, expression)| expression.clone()));
    let sql = format!("SELECT {} FROM {source} GROUP BY {FILE}", selected.join(", "));
    for row in rows_of(connection, &sql)? {
        let mut values = row.into_iter();
        let (Some(file), Some(rows)) = (values.next().flatten(), values.next().flatten()) else { continue };
        let facts = found.entry(file).or_default();
        facts.rows = rows.parse().unwrap_or(0);
        keep(facts, &plan.table, values);
    }
    for (column, expressions) in &plan.lists {
        let selected: Vec<&str> = expressions.iter().map(|(_, expression)| expression.as_str()).collect();
        let column = identifier(column);
        let sql = format!(
            "SELECT {FILE}, {} FROM (SELECT {FILE}, unnest({column}) AS e FROM {source}) GROUP BY {FILE}",
            selected.join(", ")
        );
        let mut with_elements = BTreeMap::new();
        for row in rows_of(connection, &sql)? {
            let mut values = row.into_iter();
            let Some(file) = values.next().flatten() else { continue };
            with_elements.insert(file, values);
        }
        for (file, facts) in &mut found {
            match with_elements.remove(file) {
                Some(values) => keep(facts, expressions, values),
                // no list of this file has an element
                None => keep(facts, expressions, expressions.iter().map(|(key, _)| nothing(key))),
            }
        }
    }
    Ok(found)
}

fn keep(facts: &mut Facts, keys: &[(String, String)], values: impl Iterator<Item = Option<String>>) {
    facts.values.extend(keys.iter().zip(values).filter_map(|((key, _), value)| Some((key.clone(), value?))));
}

/// What an aggregate gives for no rows.
fn nothing(key: &str) -> Option<String> {
    (key.ends_with(".count") || key.ends_with(".bytes")).then(|| "0".to_owned())
}

fn columns_of(connection: &Connection, source: &str) -> duckdb::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(&format!("DESCRIBE SELECT * EXCLUDE ({FILE}) FROM {source}"))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// All cells as text.
fn rows_of(connection: &Connection, sql: &str) -> duckdb::Result<Vec<Vec<Option<String>>>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let count = row.as_ref().column_count();
        let cells: duckdb::Result<Vec<_>> = (0..count).map(|i| row.get::<_, Option<String>>(i)).collect();
        found.push(cells?);
    }
    Ok(found)
}

impl Plan {
    fn of(columns: &[(String, String)]) -> Plan {
        let mut plan = Plan::default();
        for (name, kind) in columns {
            let column = identifier(name);
            match kind.strip_suffix("[]") {
                None => plan.table.extend(aggregates(name, &column, kind)),
                Some(element) => {
                    plan.table.push((format!("{name}.count"), format!("CAST(count({column}) AS VARCHAR)")));
                    let elements = format!("CAST(coalesce(sum(len({column})), 0) AS VARCHAR)");
                    plan.table.push((format!("{name}.elements"), elements));
                    let inner: Vec<_> = fields_of(element)
                        .into_iter()
                        .flat_map(|(field, kind)| {
                            aggregates(&format!("{name}.{field}"), &format!("e.{}", identifier(&field)), &kind)
                        })
                        .collect();
                    if !inner.is_empty() {
                        plan.lists.push((name.clone(), inner));
                    }
                }
            }
        }
        plan
    }
}

/// The facts of one column of a plain type.
fn aggregates(name: &str, column: &str, kind: &str) -> Vec<(String, String)> {
    let fact = |what: &str, expression: String| (format!("{name}.{what}"), format!("CAST({expression} AS VARCHAR)"));
    let mut facts = vec![fact("count", format!("count({column})"))];
    let extremes =
        |of: &dyn Fn(&str) -> String| ["min", "max"].map(|what| fact(what, of(&format!("{what}({column})"))));
    match kind {
        "VARCHAR" => {
            facts.push(fact("bytes", format!("coalesce(sum(strlen({column})), 0)")));
            facts.extend(extremes(&|extreme| format!("left({extreme}, {PREFIX_CHARS})")));
        }
        "TINYINT" | "SMALLINT" | "INTEGER" | "BIGINT" => {
            facts.push(fact("sum", format!("sum({column}::HUGEINT)")));
            facts.extend(extremes(&|extreme| extreme.to_owned()));
        }
        "TIMESTAMP" | "TIMESTAMP WITH TIME ZONE" => {
            facts.push(fact("sum", format!("sum(epoch_us({column})::HUGEINT)")));
            facts.extend(extremes(&|extreme| format!("epoch_us({extreme})")));
        }
        "DOUBLE" => facts.extend(extremes(&|extreme| format!("CAST(round({extreme} * 1e6) AS BIGINT)"))),
        _ => {}
    }
    facts
}

/// The fields of `STRUCT("name" VARCHAR, level INTEGER)`; empty for any other type, and for structs that nest.
fn fields_of(kind: &str) -> Vec<(String, String)> {
    let Some(inner) = kind.strip_prefix("STRUCT(").and_then(|rest| rest.strip_suffix(')')) else { return Vec::new() };
    if inner.contains(['(', '[']) {
        return Vec::new();
    }
    inner
        .split(", ")
        .filter_map(|field| {
            let (name, kind) = match field.strip_prefix('"') {
                Some(quoted) => quoted.split_once("\" ")?,
                None => field.split_once(' ')?,
            };
            Some((name.to_owned(), kind.to_owned()))
        })
        .collect()
}
