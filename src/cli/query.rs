//! `wo query`: SQL over the Parquet files.

use std::io::Read as _;

use comfy_table::presets::{NOTHING, UTF8_FULL_CONDENSED};
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde_json::Value;

use super::{CliError, Exit, Global, output};
use crate::config::Config;
use crate::export::{self, sql};
use crate::text;

/// run one read-only SQL statement over the Parquet files
///
/// Views: `heartbeats` (one row a heartbeat), `checks` (one row a check of one), `reports` (every other report); times
/// show in UTC, and `timestamp AT TIME ZONE 'Asia/Bangkok'` is what a clock there shows. `DESCRIBE heartbeats` lists the
/// columns.
#[derive(clap::Args)]
pub struct Args {
    /// the statement, or `-` to read it from stdin
    sql: String,
    /// how the rows are printed
    #[arg(short, long, value_enum, default_value_t = Format::Table, env = "WO_QUERY_FORMAT")]
    format: Format,
    /// the same as --format json
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
    #[value(alias = "md")]
    Markdown,
}

/// A longer statement is refused.
const SQL_BYTES: u64 = 1024 * 1024;

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let root = global.root()?;
    let config = Config::load(&root)?;
    let statement = if args.sql == "-" {
        let mut text = String::new();
        std::io::stdin().lock().take(SQL_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > SQL_BYTES {
            return Err(CliError::new(format!(
                "failed to read the statement: it is larger than {}\nhint: shorten it, or take out its comments",
                text::bytes(SQL_BYTES)
            )));
        }
        text
    } else {
        args.sql
    };
    let queried = export::query(&root, &config, &statement, &export::sql_program())?;
    let format = if args.json { Format::Json } else { args.format };
    output::print(&match format {
        Format::Table => table(&queried.table),
        Format::Csv => csv(&queried.table),
        Format::Json => json(&queried.table)?,
        Format::Markdown => markdown(&queried.table),
    })?;
    let analytics = config.paths.analytics.display();
    for (path, why) in &queried.left_out {
        output::complain(format_args!(
            "note: left out {}: {}",
            text::line(&root.show(path), 200),
            text::line(why, 300)
        ));
    }
    if queried.files == 0 {
        output::complain(format_args!(
            "note: there is no Parquet file of ours in {analytics} yet, so every view is empty\nhint: run `wo export`"
        ));
    }
    Ok(Exit::Good)
}

fn is_number(kind: &str) -> bool {
    ["INT", "DOUBLE", "FLOAT", "DECIMAL"].iter().any(|word| kind.contains(word)) && !kind.contains(['(', '[', 'V'])
        || kind.starts_with("DECIMAL")
}

/// One value in one line of text; nothing for NULL.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(result: &sql::Table) -> String {
    if result.columns.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    let on_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    table.load_preset(if on_terminal { UTF8_FULL_CONDENSED } else { NOTHING });
    if on_terminal {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(result.columns.iter().map(|column| text::escape(&column.name)));
    for row in &result.rows {
        table.add_row(row.iter().map(|value| text::escape(&shown(value).replace('\t', " "))));
    }
    for (i, column) in result.columns.iter().enumerate() {
        if let Some(cells) = table.column_mut(i).filter(|_| is_number(&column.kind)) {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    let rows = result.rows.len();
    let body = match table.width().filter(|_| on_terminal) {
        Some(width) if rows > 0 && is_crammed(&table, usize::from(width)) => one_by_one(result),
        _ if on_terminal => table.to_string(),
        _ => table.trim_fmt(),
    };
    let count = if on_terminal { format!("\n{rows} row{}", if rows == 1 { "" } else { "s" }) } else { String::new() };
    format!("{body}{count}\n")
}

/// Whether columns would have to be cut to a few letters to stand beside each other.
fn is_crammed(table: &Table, width: usize) -> bool {
    const READABLE: usize = 12;
    // a space on either side and a line between
    const FRAME: usize = 3;
    let wanted = table.column_max_content_widths();
    let least: usize = wanted.iter().map(|wanted| usize::from(*wanted).min(READABLE) + FRAME).sum();
    least > width
}

/// Each row as a list of its columns.
fn one_by_one(result: &sql::Table) -> String {
    let row =
        |(n, row): (usize, &Vec<Value>)| {
            let mut table = Table::new();
            table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
            table.add_rows(
                result.columns.iter().zip(row).map(|(column, value)| {
                    [text::escape(&column.name), text::escape(&shown(value).replace('\t', " "))]
                }),
            );
            format!("row {}\n{table}", n + 1)
        };
    result.rows.iter().enumerate().map(row).collect::<Vec<_>>().join("\n")
}

/// RFC 4180: CRLF would be its line end, but every tool here wants LF.
fn csv(result: &sql::Table) -> String {
    let cell = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let mut out = String::new();
    let header: Vec<String> = result.columns.iter().map(|column| cell(&column.name)).collect();
    out.push_str(&format!("{}\n", header.join(",")));
    for row in &result.rows {
        // an empty text is told apart from NULL
        let cells: Vec<String> =
            row.iter().map(|value| if value == "" { "\"\"".to_owned() } else { cell(&shown(value)) }).collect();
        out.push_str(&format!("{}\n", cells.join(",")));
    }
    out
}

/// A list of objects; columns that share a name get a number.
fn json(result: &sql::Table) -> Result<String, CliError> {
    let mut names: Vec<String> = Vec::new();
    for column in &result.columns {
        let taken = |name: &str| names.iter().any(|other| other == name);
        let mut name = column.name.clone();
        let mut n = 2;
        while taken(&name) {
            name = format!("{}_{n}", column.name);
            n += 1;
        }
        names.push(name);
    }
    let rows: Vec<Value> =
        result.rows.iter().map(|row| Value::Object(names.iter().cloned().zip(row.iter().cloned()).collect())).collect();
    Ok(format!("{}\n", serde_json::to_string_pretty(&rows)?))
}

fn markdown(result: &sql::Table) -> String {
    let cell = |text: &str| text::escape(text).replace('|', "\\|").replace('\n', "<br>");
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out = line(result.columns.iter().map(|column| cell(&column.name)).collect());
    let rule = |kind: &str| if is_number(kind) { "--:" } else { "---" };
    out.push_str(&line(result.columns.iter().map(|column| rule(&column.kind).to_owned()).collect()));
    for row in &result.rows {
        out.push_str(&line(row.iter().map(|value| cell(&shown(value))).collect()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_beside_each_other_while_they_can_be_read() {
        let table = |columns: usize, letters: usize| {
            let mut table = Table::new();
            table.add_row(vec!["x".repeat(letters); columns]);
            table
        };
        for (columns, letters, width, crammed) in [
            (3, 200, 80, false),
            (5, 12, 80, false),
            (6, 12, 80, true),
            (12, 3, 80, false),
            (12, 40, 200, false),
            (24, 40, 200, true),
        ] {
            assert_eq!(is_crammed(&table(columns, letters), width), crammed, "{columns} × {letters} in {width}");
        }
    }

    fn result() -> sql::Table {
        let column = |name: &str, kind: &str| sql::Header { name: name.to_owned(), kind: kind.to_owned() };
        sql::Table {
            columns: vec![column("a", "BIGINT"), column("a", "VARCHAR"), column("c", "VARCHAR[]")],
            rows: vec![
                vec![1.into(), "x|y,\"z\"\n".into(), serde_json::json!(["q"])],
                vec![Value::Null, "".into(), Value::Null],
            ],
        }
    }

    #[test]
    fn formats() {
        assert_eq!(csv(&result()), "a,a,c\n1,\"x|y,\"\"z\"\"\n\",\"[\"\"q\"\"]\"\n,\"\",\n");
        assert_eq!(
            markdown(&result()),
            "| a | a | c |\n| --: | --- | --- |\n| 1 | x\\|y,\"z\"<br> | [\"q\"] |\n|  |  |  |\n"
        );
        let rows: Vec<serde_json::Value> = serde_json::from_str(&json(&result()).unwrap()).unwrap();
        assert_eq!(rows[0], serde_json::json!({"a": 1, "a_2": "x|y,\"z\"\n", "c": ["q"]}));
    }

    #[test]
    fn numbers_by_type() {
        for kind in ["BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "DECIMAL(18,3)", "UTINYINT"] {
            assert!(is_number(kind), "{kind}");
        }
        for kind in ["VARCHAR", "INTERVAL", "TIMESTAMP", "BIGINT[]", "STRUCT(a BIGINT)", "BOOLEAN"] {
            assert!(!is_number(kind), "{kind}");
        }
    }
}
