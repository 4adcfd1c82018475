//! SQL over our Parquet files, through `wo-sql`. Only files that carry our metadata are read: the field's older ones are
//! cumulative and would count every heartbeat many times.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::schema::{schema, short_type};
use super::sql::{Answer, Ask, Program, SqlError, Table, View};
use super::{Dataset, ExportError, paths, read};
use crate::config::Config;
use crate::root::Root;

/// The result of a query and what it was taken from.
#[derive(Debug, Clone)]
pub struct Queried {
    pub table: Table,
    /// How many files were read.
    pub files: usize,
    /// Files in the directory that were left out, with the reason.
    pub left_out: Vec<(PathBuf, String)>,
}

/// Runs one read-only statement. Its views: `heartbeats` and `reports` with the columns of [`schema`] (times in UTC), and
/// `checks`, one row a check of a heartbeat. Without files they are empty.
pub fn query(root: &Root, config: &Config, sql: &str, program_sql: &Path) -> Result<Queried, ExportError> {
    let dir = paths::resolve(root.path(), &config.paths.analytics);
    let (ours, mut left_out) = read::ours(&dir)?;
    let mut views: Vec<View> = [Dataset::Heartbeats, Dataset::Reports].map(empty_view).into();
    let mut files = 0;
    for (path, footer) in ours {
        let Some(name) = usable_name(&path) else {
            left_out.push((path, "its name has characters that DuckDB takes for a pattern".to_owned()));
            continue;
        };
        for view in views.iter_mut().filter(|view| footer.dataset().is_some_and(|d| d.as_str() == view.name)) {
            view.files.push(name.clone());
            files += 1;
        }
    }
    let settings = &config.export;
    let program = Program {
        path: program_sql,
        memory_mb: settings.sql_memory_mb,
        threads: settings.thread_count(),
        deadline: Duration::from_secs(settings.sql_deadline_s),
        max_output: settings.query_bytes.saturating_add(1024 * 1024),
    };
    let ask = Ask::Query { sql: sql.to_owned(), views, max_bytes: settings.query_bytes };
    // an absent directory holds no files: any other does
    let dir = if dir.is_dir() { dir } else { root.path().to_owned() };
    match program.ask(&dir, ask)? {
        Answer::Table(table) => Ok(Queried { table, files, left_out }),
        _ => Err(SqlError::Answer { program: program_sql.to_owned(), why: "it answers something else".to_owned() })?,
    }
}

fn empty_view(dataset: Dataset) -> View {
    let schema = schema(dataset);
    let columns = schema.fields().iter().map(|field| (field.name().clone(), short_type(field.data_type())));
    View { name: dataset.as_str().to_owned(), files: Vec::new(), columns: columns.collect() }
}

fn usable_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    (!name.contains(['*', '?', '['])).then(|| name.to_owned())
}
