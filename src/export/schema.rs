//! The columns of our Parquet files, their metadata keys, and rows to Arrow and back.
//!
//! The first ten columns of [`Dataset::Heartbeats`] are those of the field's files. A change of a column's name or type
//! raises [`SCHEMA_VERSION`].

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Field, Fields, Float64Type, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::Dataset;
use super::row::{AgentState, CheckRow, CreatedFrom, HeartbeatRow, ReportRow, Row};
use crate::monitor::heartbeat::{State, Status};

pub const SCHEMA_VERSION: &str = "1";

/// Counted up when reports are read otherwise than before: files of an older reader are made anew where their reports are there.
pub const READER: &str = "6";

/// Keys of the metadata in a file's footer. A file is ours when it has [`key::SCHEMA_VERSION`].
pub mod key {
    pub const SCHEMA_VERSION: &str = "workbridge.schema_version";
    /// `heartbeats` or `reports`.
    pub const DATASET: &str = "workbridge.dataset";
    /// `2025-10-28`.
    pub const DAY: &str = "workbridge.day";
    pub const TIMEZONE: &str = "workbridge.timezone";
    pub const SOURCE_COUNT: &str = "workbridge.source_count";
    /// The SHA-256 of the lines `<sha256>  <name>` of all sources, in the order of the rows.
    pub const SOURCE_DIGEST: &str = "workbridge.source_digest";
    /// Of all cells, [`super::super::facts::Facts::digest`]; none in files of before it was kept. What is digested otherwise than
    /// before gets another key.
    pub const CELLS: &str = "workbridge.cells";
    /// How the reports were read, [`super::READER`]; none in files of the first.
    pub const READER: &str = "workbridge.reader";
    pub const TOOL_VERSION: &str = "workbridge.version";
}

/// A kind of row with its columns.
pub trait Tabular: Row {
    const DATASET: Dataset;

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, ArrowError>;

    /// Rows of a batch that has the columns; columns are found by name.
    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError>;
}

/// The columns of `dataset`.
pub fn schema(dataset: Dataset) -> SchemaRef {
    let text = |name: &str, nullable: bool| Field::new(name, DataType::Utf8, nullable);
    let timestamp = |name: &str| Field::new(name, timestamp_type(), false);
    let fields = match dataset {
        Dataset::Heartbeats => vec![
            text("filename", false),
            text("report_type", false),
            timestamp("timestamp"),
            text("status", true),
            Field::new("duration_ms", DataType::Int64, true),
            text("redis_status", false),
            text("database_status", false),
            text("api_status", false),
            text("launchagent_optimizer", false),
            text("launchagent_digest", false),
            list_of("checks", check_fields()),
            text("sha256", false),
        ],
        Dataset::Reports => vec![
            text("path", false),
            text("title", true),
            text("type", false),
            timestamp("created"),
            text("created_from", false),
            text("front_matter", true),
            list_of("headings", heading_fields()),
            text("text", false),
            text("sha256", false),
        ],
    };
    Arc::new(Schema::new(fields))
}

const REPORT_TYPE: &str = "heartbeat";

fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn check_fields() -> Fields {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let latency = Field::new("latency_ms", DataType::Float64, true);
    vec![text("name"), text("component"), text("state"), text("message"), latency].into()
}

fn heading_fields() -> Fields {
    vec![Field::new("level", DataType::Int32, false), Field::new("text", DataType::Utf8, false)].into()
}

fn element(fields: Fields) -> Field {
    Field::new("element", DataType::Struct(fields), false)
}

fn list_of(name: &str, fields: Fields) -> Field {
    Field::new(name, DataType::List(Arc::new(element(fields))), false)
}

/// How `actual` differs from the columns of `dataset`: one line a column, empty when it doesn't.
pub fn mismatches(dataset: Dataset, actual: &Schema) -> Vec<String> {
    let expected = schema(dataset);
    let mut found = Vec::new();
    for field in expected.fields() {
        match actual.column_with_name(field.name()) {
            None => found.push(format!("column `{}` is missing", field.name())),
            Some((_, other)) if !same_type(field.data_type(), other.data_type()) => found.push(format!(
                "column `{}` is {}, expected {}",
                field.name(),
                short_type(other.data_type()),
                short_type(field.data_type())
            )),
            _ => {}
        }
    }
    let extra = actual.fields().iter().filter(|field| expected.column_with_name(field.name()).is_none());
    found.extend(extra.map(|field| format!("column `{}` is not part of the schema", field.name())));
    if found.is_empty() {
        let names = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        if names(&expected) != names(actual) {
            found.push("the columns stand in another order".to_owned());
        }
    }
    found
}

/// Equal but for nullability and the names of list elements, which differ between writers.
fn same_type(a: &DataType, b: &DataType) -> bool {
    match (a, b) {
        (DataType::List(a), DataType::List(b)) => same_type(a.data_type(), b.data_type()),
        (DataType::Struct(a), DataType::Struct(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| a.name() == b.name() && same_type(a.data_type(), b.data_type()))
        }
        (a, b) => a == b,
    }
}

/// As DuckDB would write it.
pub fn short_type(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "VARCHAR".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "TIMESTAMP WITH TIME ZONE".to_owned(),
        DataType::Timestamp(_, None) => "TIMESTAMP".to_owned(),
        DataType::List(element) => format!("{}[]", short_type(element.data_type())),
        DataType::Struct(fields) => {
            let parts: Vec<_> = fields.iter().map(|f| format!("{} {}", f.name(), short_type(f.data_type()))).collect();
            format!("STRUCT({})", parts.join(", "))
        }
        other => other.to_string(),
    }
}

fn texts<'a, T: 'a>(rows: &'a [T], get: impl Fn(&'a T) -> Option<&'a str>) -> ArrayRef {
    Arc::new(rows.iter().map(get).collect::<StringArray>())
}

fn times<T>(rows: &[T], get: impl Fn(&T) -> i64) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(get)).with_timezone("UTC"))
}

fn numbers<T>(rows: &[T], get: impl Fn(&T) -> Option<i64>) -> ArrayRef {
    Arc::new(rows.iter().map(get).collect::<Int64Array>())
}

/// A list for each row, whose structs stand one after the other in `columns`.
fn lists(
    fields: Fields,
    lengths: impl IntoIterator<Item = usize>,
    columns: Vec<ArrayRef>,
) -> Result<ArrayRef, ArrowError> {
    let structs = StructArray::try_new(fields.clone(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(Arc::new(element(fields)), offsets, Arc::new(structs), None)?))
}

impl Tabular for HeartbeatRow {
    const DATASET: Dataset = Dataset::Heartbeats;

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let checks: Vec<&CheckRow> = rows.iter().flat_map(|row| &row.checks).collect();
        let check_columns: Vec<ArrayRef> = vec![
            texts(&checks, |check| Some(&check.name)),
            texts(&checks, |check| Some(&check.component)),
            texts(&checks, |check| Some(check.state.as_str())),
            texts(&checks, |check| Some(&check.message)),
            Arc::new(checks.iter().map(|check| check.latency_ms).collect::<Float64Array>()),
        ];
        let columns: Vec<ArrayRef> = vec![
            texts(rows, |row| Some(&row.filename)),
            texts(rows, |_| Some(REPORT_TYPE)),
            times(rows, |row| row.timestamp_us),
            texts(rows, |row| row.status.map(Status::as_str)),
            numbers(rows, |row| row.duration_ms),
            texts(rows, |row| Some(row.redis.as_str())),
            texts(rows, |row| Some(row.database.as_str())),
            texts(rows, |row| Some(row.api.as_str())),
            texts(rows, |row| Some(row.optimizer.as_str())),
            texts(rows, |row| Some(row.digest.as_str())),
            lists(check_fields(), rows.iter().map(|row| row.checks.len()), check_columns)?,
            texts(rows, |row| Some(&row.sha256)),
        ];
        RecordBatch::try_new(schema(Self::DATASET), columns)
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let columns = Columns(batch);
        let state = |name: &str, i: usize| -> Result<State, ArrowError> {
            let word = columns.text(name, i)?;
            State::from_word(&word).ok_or_else(|| ArrowError::ParseError(format!("`{word}` is no state of a check")))
        };
        let agent = |name: &str, i: usize| -> Result<AgentState, ArrowError> {
            let word = columns.text(name, i)?;
            AgentState::from_word(&word).ok_or_else(|| ArrowError::ParseError(format!("`{word}` is no agent's state")))
        };
        (0..batch.num_rows())
            .map(|i| {
                Ok(HeartbeatRow {
                    filename: columns.text("filename", i)?,
                    timestamp_us: columns.time("timestamp", i)?,
                    status: columns.optional_text("status", i)?.as_deref().and_then(Status::from_word),
                    duration_ms: columns.number("duration_ms", i)?,
                    redis: state("redis_status", i)?,
                    database: state("database_status", i)?,
                    api: state("api_status", i)?,
                    optimizer: agent("launchagent_optimizer", i)?,
                    digest: agent("launchagent_digest", i)?,
                    checks: columns.checks(i)?,
                    sha256: columns.text("sha256", i)?,
                })
            })
            .collect()
    }
}

impl Tabular for ReportRow {
    const DATASET: Dataset = Dataset::Reports;

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, ArrowError> {
        let headings: Vec<&(i32, String)> = rows.iter().flat_map(|row| &row.headings).collect();
        let heading_columns: Vec<ArrayRef> = vec![
            Arc::new(headings.iter().map(|(level, _)| *level).collect::<Int32Array>()),
            texts(&headings, |(_, text)| Some(text)),
        ];
        let columns: Vec<ArrayRef> = vec![
            texts(rows, |row| Some(&row.path)),
            texts(rows, |row| row.title.as_deref()),
            texts(rows, |row| Some(&row.kind)),
            times(rows, |row| row.created_us),
            texts(rows, |row| Some(row.created_from.as_str())),
            texts(rows, |row| row.front_matter.as_deref()),
            lists(heading_fields(), rows.iter().map(|row| row.headings.len()), heading_columns)?,
            texts(rows, |row| Some(&row.text)),
            texts(rows, |row| Some(&row.sha256)),
        ];
        RecordBatch::try_new(schema(Self::DATASET), columns)
    }

    fn from_batch(batch: &RecordBatch) -> Result<Vec<Self>, ArrowError> {
        let columns = Columns(batch);
        (0..batch.num_rows())
            .map(|i| {
                let from = columns.text("created_from", i)?;
                Ok(ReportRow {
                    path: columns.text("path", i)?,
                    title: columns.optional_text("title", i)?,
                    kind: columns.text("type", i)?,
                    created_us: columns.time("created", i)?,
                    created_from: CreatedFrom::from_word(&from)
                        .ok_or_else(|| ArrowError::ParseError(format!("`{from}` is no source of a date")))?,
                    front_matter: columns.optional_text("front_matter", i)?,
                    headings: columns.headings(i)?,
                    text: columns.text("text", i)?,
                    sha256: columns.text("sha256", i)?,
                })
            })
            .collect()
    }
}

/// Cells by column name, with an error where a column is missing or has another type.
struct Columns<'a>(&'a RecordBatch);

impl Columns<'_> {
    fn column(&self, name: &str) -> Result<&ArrayRef, ArrowError> {
        self.0.column_by_name(name).ok_or_else(|| ArrowError::SchemaError(format!("column `{name}` is missing")))
    }

    fn optional_text(&self, name: &str, i: usize) -> Result<Option<String>, ArrowError> {
        text_at(self.column(name)?, i)
    }

    fn text(&self, name: &str, i: usize) -> Result<String, ArrowError> {
        self.optional_text(name, i)?.ok_or_else(|| ArrowError::ParseError(format!("column `{name}` has no value")))
    }

    fn number(&self, name: &str, i: usize) -> Result<Option<i64>, ArrowError> {
        let array = self.column(name)?;
        let numbers = array.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(array))?;
        Ok((!numbers.is_null(i)).then(|| numbers.value(i)))
    }

    fn time(&self, name: &str, i: usize) -> Result<i64, ArrowError> {
        let array = self.column(name)?;
        let times = array.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| wrong_type(array))?;
        Ok(times.value(i))
    }

    fn structs(&self, name: &str, i: usize) -> Result<BTreeMap<String, ArrayRef>, ArrowError> {
        let array = self.column(name)?;
        let list = array.as_list_opt::<i32>().ok_or_else(|| wrong_type(array))?;
        let values = list.value(i);
        let structs = values.as_struct_opt().ok_or_else(|| wrong_type(&values))?;
        let names = structs.fields().iter().map(|field| field.name().clone());
        Ok(names.zip(structs.columns().iter().cloned()).collect())
    }

    fn checks(&self, i: usize) -> Result<Vec<CheckRow>, ArrowError> {
        let fields = self.structs("checks", i)?;
        let latency = field(&fields, "latency_ms")?;
        let latency = latency.as_primitive_opt::<Float64Type>().ok_or_else(|| wrong_type(latency))?;
        let text = |name: &str, i: usize| Ok::<_, ArrowError>(text_at(field(&fields, name)?, i)?.unwrap_or_default());
        (0..latency.len())
            .map(|i| {
                Ok::<_, ArrowError>(CheckRow {
                    name: text("name", i)?.into(),
                    component: text("component", i)?.into(),
                    state: State::from_word(&text("state", i)?).unwrap_or(State::Unknown),
                    message: text("message", i)?.into(),
                    latency_ms: (!latency.is_null(i)).then(|| latency.value(i)),
                })
            })
            .collect()
    }

    fn headings(&self, i: usize) -> Result<Vec<(i32, String)>, ArrowError> {
        let fields = self.structs("headings", i)?;
        let level = field(&fields, "level")?;
        let level = level.as_primitive_opt::<Int32Type>().ok_or_else(|| wrong_type(level))?;
        (0..level.len())
            .map(|i| Ok((level.value(i), text_at(field(&fields, "text")?, i)?.unwrap_or_default())))
            .collect()
    }
}

fn field<'a>(fields: &'a BTreeMap<String, ArrayRef>, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    fields.get(name).ok_or_else(|| ArrowError::SchemaError(format!("field `{name}` is missing")))
}

fn text_at(array: &ArrayRef, i: usize) -> Result<Option<String>, ArrowError> {
    let texts = array.as_string_opt::<i32>().ok_or_else(|| wrong_type(array))?;
    Ok((!texts.is_null(i)).then(|| texts.value(i).to_owned()))
}

fn wrong_type(array: &ArrayRef) -> ArrowError {
    ArrowError::SchemaError(format!("a column has the type {}", short_type(array.data_type())))
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::sample;
    use super::*;

    #[test]
    fn rows_go_to_arrow_and_back() {
        let mut rows = vec![sample("a.md", 1), sample("b.md", 2)];
        rows[1].checks.clear();
        rows[1].status = None;
        rows[1].duration_ms = None;
        let batch = HeartbeatRow::to_batch(&rows).unwrap();
        assert_eq!(HeartbeatRow::from_batch(&batch).unwrap(), rows);
        let report = ReportRow {
            path: "g/ü.md".to_owned(),
            title: None,
            kind: "x".to_owned(),
            created_us: 7,
            created_from: CreatedFrom::FileName,
            front_matter: None,
            headings: vec![(1, "a".to_owned()), (2, String::new())],
            text: "t".to_owned(),
            sha256: "s".to_owned(),
        };
        let batch = ReportRow::to_batch(std::slice::from_ref(&report)).unwrap();
        assert_eq!(ReportRow::from_batch(&batch).unwrap(), [report]);
    }

    #[test]
    fn the_fields_columns_come_first() {
        // as the field's files have them
        let telemetry = [
            "filename",
            "report_type",
            "timestamp",
            "status",
            "duration_ms",
            "redis_status",
            "database_status",
            "api_status",
            "launchagent_optimizer",
            "launchagent_digest",
        ];
        let ours = schema(Dataset::Heartbeats);
        let names: Vec<&str> = ours.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names[..10], telemetry);
        assert_eq!(names[10..], ["checks", "sha256"]);
    }

    #[test]
    fn every_kind_of_mismatch_is_named() {
        let ours = schema(Dataset::Heartbeats);
        assert!(mismatches(Dataset::Heartbeats, &ours).is_empty());
        let mut fields: Vec<Field> = ours.fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.remove(0);
        fields[0] = Field::new("report_type", DataType::Int64, true);
        fields.push(Field::new("extra", DataType::Utf8, true));
        assert_eq!(
            mismatches(Dataset::Heartbeats, &Schema::new(fields)),
            [
                "column `filename` is missing",
                "column `report_type` is BIGINT, expected VARCHAR",
                "column `extra` is not part of the schema"
            ]
        );
        let mut swapped: Vec<Field> = ours.fields().iter().map(|field| field.as_ref().clone()).collect();
        swapped.swap(0, 1);
        assert_eq!(mismatches(Dataset::Heartbeats, &Schema::new(swapped)), ["the columns stand in another order"]);
    }
}
