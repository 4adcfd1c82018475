//! Talks to `wo-sql`, the DuckDB side-car: on its stdin a line with its [`Limits`], then one JSON [`Request`]; one JSON
//! [`Answer`] on its stdout. With the first line DuckDB is made ready, so that it can start while the request isn't known yet.
//!
//! It is a child with a memory limit and a deadline, so that neither a bad file nor a heavy query can take `wo` down. It
//! runs in the directory of the files and gets names without directories: quotes, brackets or `=` in the root's path
//! never meet DuckDB's globs and Hive partitions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::process::{self, End, ProcessError, Running, Spec};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_mb: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub threads: usize,
    #[serde(flatten)]
    pub ask: Ask,
}

/// File names are relative to the directory that the child runs in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Ask {
    /// The facts of each file. `alike`: they have one schema, so that one statement can read them all.
    Facts { files: Vec<String>, alike: bool },
    /// One read-only statement over the views.
    Query { sql: String, views: Vec<View>, max_bytes: usize },
}

/// `name` with its files; an empty one has the columns that `columns` says, as DuckDB types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub name: String,
    pub files: Vec<String>,
    /// Name and DuckDB type.
    pub columns: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Facts { version: String, files: Vec<FileFacts> },
    Table(Table),
    Error(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileFacts {
    pub file: String,
    pub elapsed_ns: u64,
    #[serde(flatten)]
    pub result: FactsOrError,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FactsOrError {
    Facts(Facts),
    Error(String),
}

/// The result of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub columns: Vec<Header>,
    /// Numbers, booleans and nulls as such, times as RFC 3339, lists and structs as JSON, everything else as text.
    pub rows: Vec<Vec<serde_json::Value>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub name: String,
    /// DuckDB's name of the type.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    #[error(
        "failed to find the SQL side-car `{}`\n\
         hint: `wo-sql` belongs beside `wo`; build both, or name it with WO_SQL", .0.display()
    )]
    Missing(PathBuf),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("failed to run `{}`: {end}: {stderr}", program.display())]
    Ended { program: PathBuf, end: String, stderr: String },
    #[error("failed to finish within {}: the query was stopped\nhint: narrow it, or raise [export] sql_deadline_s", crate::text::duration_ns(.0.as_nanos() as u64))]
    Deadline(Duration),
    #[error("failed to understand the answer of `{}`: {why}", program.display())]
    Answer { program: PathBuf, why: String },
    #[error("{0}")]
    Refused(String),
}

/// How to run `wo-sql`.
#[derive(Debug, Clone)]
pub struct Program<'a> {
    pub path: &'a Path,
    pub memory_mb: u64,
    pub threads: usize,
    pub deadline: Duration,
    /// Bytes of an answer.
    pub max_output: usize,
}

/// `wo-sql`, started and ready for one question.
pub struct SideCar {
    running: Running,
    program: PathBuf,
    threads: usize,
    deadline: Duration,
}

impl Program<'_> {
    /// Starts it with the files in `dir`.
    pub fn start(&self, dir: &Path) -> Result<SideCar, SqlError> {
        if !self.path.is_file() {
            return Err(SqlError::Missing(self.path.to_owned()));
        }
        let program = self.path.to_owned();
        let answer = |error: serde_json::Error| SqlError::Answer { program: program.clone(), why: error.to_string() };
        let mut limits = serde_json::to_vec(&Limits { memory_mb: self.memory_mb }).map_err(answer)?;
        limits.push(b'\n');
        let mut spec = Spec::new(self.path).dir(dir);
        spec.stdin = Some(Vec::new());
        spec.max_output = self.max_output;
        let mut running = process::start(&spec)?;
        running.hand(&limits);
        Ok(SideCar { running, program, threads: self.threads, deadline: self.deadline })
    }

    /// Asks once, with the files in `dir`.
    pub fn ask(&self, dir: &Path, ask: Ask) -> Result<Answer, SqlError> {
        self.start(dir)?.ask(ask)
    }

    /// The facts of `files` in `dir` as DuckDB reads them, in their order, and DuckDB's version.
    pub fn facts(&self, dir: &Path, files: Vec<String>, alike: bool) -> Result<(String, Vec<FileFacts>), SqlError> {
        self.start(dir)?.facts(files, alike)
    }
}

impl SideCar {
    /// Threads that DuckDB takes for the question.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The deadline counts from here.
    pub fn ask(self, ask: Ask) -> Result<Answer, SqlError> {
        let SideCar { running, program, threads, deadline } = self;
        let fail = |why: String| SqlError::Answer { program: program.clone(), why };
        let request = serde_json::to_vec(&Request { threads, ask }).map_err(|error| fail(error.to_string()))?;
        let output = running.finish(request, deadline)?;
        match output.end {
            End::DeadlinePassed => return Err(SqlError::Deadline(deadline)),
            End::Exit(0) => {}
            end => {
                let stderr = crate::text::line(&output.stderr_text(), 400);
                return Err(SqlError::Ended { program, end: end.to_string(), stderr });
            }
        }
        match serde_json::from_slice(&output.stdout) {
            Ok(Answer::Error(message)) => Err(SqlError::Refused(message)),
            Ok(answer) => Ok(answer),
            Err(error) => Err(fail(error.to_string())),
        }
    }

    /// The facts of `files` as DuckDB reads them, in their order, and DuckDB's version.
    pub fn facts(self, files: Vec<String>, alike: bool) -> Result<(String, Vec<FileFacts>), SqlError> {
        let (count, program) = (files.len(), self.program.clone());
        match self.ask(Ask::Facts { files, alike })? {
            Answer::Facts { version, files } if files.len() == count => Ok((version, files)),
            _ => Err(SqlError::Answer { program, why: "it answers something else".to_owned() }),
        }
    }
}
