//! The facts of a Parquet file as DuckDB reads it; the rules are those of `workbridge::export::facts`.

use std::collections::BTreeMap;
use std::time::Instant;

use duckdb::Connection;
use duckdb::types::Value;
use workbridge::export::facts::{Facts, PREFIX_CHARS};
use workbridge::export::sql::{Answer, FactsOrError, FileFacts};

use super::{identifier, literal, lock_down};

pub fn answer(connection: &Connection, files: Vec<String>) -> Result<Answer, String> {
    let version = connection
        .query_row("SELECT version()", [], |row| row.get::<_, String>(0))
        .map_err(|error| error.to_string())?;
    lock_down(connection, &files).map_err(|error| error.to_string())?;
    let mut plans: BTreeMap<String, Plan> = BTreeMap::new();
    let files = files
        .into_iter()
        .map(|file| {
            let start = Instant::now();
            let result = match facts_of(connection, &file, &mut plans) {
                Ok(facts) => FactsOrError::Facts(facts),
                Err(error) => FactsOrError::Error(error.to_string()),
            };
            FileFacts { file, elapsed_ns: start.elapsed().as_nanos() as u64, result }
        })
        .collect();
    Ok(Answer::Facts { version, files })
}

/// The aggregates of one schema.
#[derive(Clone, Default)]
struct Plan {
    /// Key of the fact and the expression that gives it as text.
    table: Vec<(String, String)>,
    /// For each list column, the same over its unnested elements.
    lists: Vec<(String, Vec<(String, String)>)>,
}

fn facts_of(connection: &Connection, file: &str, plans: &mut BTreeMap<String, Plan>) -> duckdb::Result<Facts> {
    let source = format!("read_parquet([{}], hive_partitioning=false, filename=false)", literal(file));
    let columns = columns_of(connection, &source)?;
    let fingerprint = columns.iter().map(|(name, kind)| format!("{name} {kind}\n")).collect::<String>();
    let plan = plans.entry(fingerprint).or_insert_with(|| Plan::of(&columns)).clone();
    let mut selected = vec!["CAST(count(*) AS VARCHAR)".to_owned()];
    selected.extend(plan.table.iter().map(|(_, expression)| expression.clone()));
    let row = one_row(connection, &format!("SELECT {} FROM {source}", selected.join(", ")))?;
    let rows: u64 = row.first().cloned().flatten().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut facts = Facts { rows, values: BTreeMap::new() };
    // without rows the other reader sees no columns either
    if rows == 0 {
        return Ok(facts);
    }
    let mut keep = |keys: &[(String, String)], values: Vec<Option<String>>| {
        let known = keys.iter().zip(values).filter_map(|((key, _), value)| Some((key.clone(), value?)));
        facts.values.extend(known);
    };
    keep(&plan.table, row.into_iter().skip(1).collect());
    for (column, expressions) in &plan.lists {
        let selected: Vec<&str> = expressions.iter().map(|(_, expression)| expression.as_str()).collect();
        let column = identifier(column);
        let sql = format!("SELECT {} FROM (SELECT unnest({column}) AS e FROM {source})", selected.join(", "));
        keep(expressions, one_row(connection, &sql)?);
    }
    Ok(facts)
}

fn columns_of(connection: &Connection, source: &str) -> duckdb::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare(&format!("DESCRIBE SELECT * FROM {source}"))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn one_row(connection: &Connection, sql: &str) -> duckdb::Result<Vec<Option<String>>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else { return Ok(Vec::new()) };
    let count = row.as_ref().column_count();
    (0..count)
        .map(|i| match row.get::<_, Value>(i)? {
            Value::Text(text) => Ok(Some(text)),
            _ => Ok(None),
        })
        .collect()
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
