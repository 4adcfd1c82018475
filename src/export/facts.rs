//! What a reader finds in a table, told in constant memory, so that two readers can be compared cell by cell.
//!
//! Three sides tell the same [`Facts`] of one file: the rows as they were handed to the writer, the file as the parquet
//! crate decodes it, and the file as DuckDB decodes it (`src/sql/facts.rs`). All hand over Arrow batches in the order of the
//! rows. Two tables have the same facts when they have the same columns with the same cells in the same order; how the rows
//! were cut into batches does not matter. Of each column `c` there is `c.count` of values that are not null and `c.cells`, a
//! 128-bit XXH3 of its cells in their order (nulls, lengths of texts and lists included); of integers and times also `c.min`
//! and `c.max` (times in microseconds). Fields of structs, and elements of lists, go on with `c.field`.
//!
//! Types are told apart by what they hold, not by how a reader stores it: all integers are 64-bit ones, all times
//! microseconds, all fractions 64-bit ones, texts and bytes are bytes. A column of a type that is not known here has its
//! count alone.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::digest::Hasher;

/// `{"rows": 288, "values": {"filename.count": "288", …}}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub rows: u64,
    pub values: BTreeMap<String, String>,
}

impl Facts {
    /// The SHA-256 of all facts: two tables with the same one have the same columns and cells.
    pub fn digest(&self) -> String {
        let mut hash = Hasher::default();
        hash.add(format!("rows\t{}\n", self.rows));
        for (key, value) in &self.values {
            hash.add(format!("{key}\t{value}\n"));
        }
        hash.finish()
    }

    /// One line for each value in which the two differ, at most `max`.
    pub fn differences(&self, other: &Facts, max: usize) -> Vec<String> {
        let mut found = Vec::new();
        if self.rows != other.rows {
            found.push(format!("rows: {} against {}", self.rows, other.rows));
        }
        let keys: std::collections::BTreeSet<_> = self.values.keys().chain(other.values.keys()).collect();
        let show = |value: Option<&String>| value.map_or("nothing".to_owned(), |value| crate::text::line(value, 80));
        for key in keys {
            let (a, b) = (self.values.get(key), other.values.get(key));
            if a != b && found.len() < max {
                found.push(match (key.strip_suffix(CELLS), a, b) {
                    (Some(column), Some(_), Some(_)) => format!("{column}: the cells differ, or their order"),
                    _ => format!("{key}: {} against {}", show(a), show(b)),
                });
            }
        }
        found
    }
}

const CELLS: &str = ".cells";

/// Gathers [`Facts`] batch by batch.
#[derive(Default)]
pub struct Gatherer {
    rows: u64,
    columns: BTreeMap<String, Column>,
    /// Used again and again.
    buffer: Vec<u8>,
}

#[derive(Default)]
struct Column {
    count: u64,
    /// `None` of a type that is not known.
    cells: Option<Cells>,
    extremes: Option<(i64, i64)>,
}

/// The shape apart from the content, so that neither depends on how rows are cut into batches.
struct Cells {
    /// Of each cell a `u32`: its length where it has one, [`NULL`] where there is none.
    shape: XxHash3_128,
    /// The values one after the other.
    content: XxHash3_128,
}

impl Default for Cells {
    fn default() -> Self {
        Cells { shape: XxHash3_128::new(), content: XxHash3_128::new() }
    }
}

const NULL: u32 = u32::MAX;
const VALUE: u32 = 0;

impl Gatherer {
    pub fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            self.add_array(field.name(), array);
        }
    }

    fn add_array(&mut self, name: &str, array: &ArrayRef) {
        let mut column = self.columns.remove(name).unwrap_or_default();
        column.count += (array.len() - array.null_count()) as u64;
        self.add_cells(name, array, &mut column);
        self.columns.insert(name.to_owned(), column);
    }

    fn add_cells(&mut self, name: &str, array: &ArrayRef, column: &mut Column) {
        match array.data_type() {
            DataType::Int64 => column.add_integers::<Int64Type>(array, &mut self.buffer),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                column.add_integers::<TimestampMicrosecondType>(array, &mut self.buffer);
            }
            DataType::UInt64 => column.add_numbers::<UInt64Type>(array, &mut self.buffer, u64::to_le_bytes),
            DataType::Float64 => column.add_numbers::<Float64Type>(array, &mut self.buffer, fraction),
            DataType::Binary => column.add_bytes(array, &mut self.buffer),
            DataType::List(_) => self.add_list(name, array, column),
            DataType::Struct(_) => {
                let Some(structs) = array.as_struct_opt() else { return };
                column.add_shape(array, &mut self.buffer, |_| VALUE);
                for (field, array) in structs.fields().iter().zip(structs.columns()) {
                    self.add_array(&format!("{name}.{}", field.name()), array);
                }
            }
            other => {
                let Some(plain) = plain_type(other) else { return };
                // a value that has no place in the plain type is null there, for either reader
                if let Ok(array) = cast(array, &plain) {
                    self.add_cells(name, &array, column);
                }
            }
        }
    }

    fn add_list(&mut self, name: &str, array: &ArrayRef, column: &mut Column) {
        let Some(list) = array.as_list_opt::<i32>() else { return };
        let offsets = list.value_offsets();
        let length = |i: usize| offsets.get(i + 1).zip(offsets.get(i)).map_or(0, |(end, start)| (end - start) as u32);
        column.add_shape(array, &mut self.buffer, length);
        // only what the rows refer to, not all that the buffer holds
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return };
        let values = list.values().slice(*first as usize, (*last - *first) as usize);
        match values.as_struct_opt() {
            // the elements of a list of structs are told by their fields
            Some(structs) => {
                for (field, array) in structs.fields().iter().zip(structs.columns()) {
                    self.add_array(&format!("{name}.{}", field.name()), array);
                }
            }
            None => self.add_array(&format!("{name}.element"), &values),
        }
    }

    pub fn finish(self) -> Facts {
        let mut values = BTreeMap::new();
        for (name, column) in self.columns {
            let mut put = |what: &str, value: String| values.insert(format!("{name}{what}"), value);
            put(".count", column.count.to_string());
            if let Some(cells) = column.cells {
                let mut both = XxHash3_128::new();
                both.write(&cells.shape.finish_128().to_le_bytes());
                both.write(&cells.content.finish_128().to_le_bytes());
                put(CELLS, format!("{:032x}", both.finish_128()));
            }
            if let Some((min, max)) = column.extremes {
                put(".min", min.to_string());
                put(".max", max.to_string());
            }
        }
        Facts { rows: self.rows, values }
    }
}

/// The type that stands for `other`; `None` when there is none.
fn plain_type(other: &DataType) -> Option<DataType> {
    Some(match other {
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => DataType::Int64,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            DataType::Timestamp(TimeUnit::Microsecond, None)
        }
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Binary,
        DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Decimal128(..) | DataType::Decimal256(..) => DataType::Utf8,
        DataType::Dictionary(_, value) => value.as_ref().clone(),
        DataType::LargeList(element) => DataType::List(element.clone()),
        _ => return None,
    })
}

/// All NaNs are one.
fn fraction(n: f64) -> [u8; 8] {
    if n.is_nan() { f64::NAN.to_bits().to_le_bytes() } else { n.to_bits().to_le_bytes() }
}

impl Column {
    /// `shape` gives that of a cell that is not null.
    fn add_shape(&mut self, array: &ArrayRef, buffer: &mut Vec<u8>, shape: impl Fn(usize) -> u32) {
        buffer.clear();
        let nulls = array.logical_nulls();
        for i in 0..array.len() {
            let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(i));
            buffer.extend_from_slice(&(if is_null { NULL } else { shape(i) }).to_le_bytes());
        }
        self.cells.get_or_insert_default().shape.write(buffer);
    }

    fn add_bytes(&mut self, array: &ArrayRef, buffer: &mut Vec<u8>) {
        let Some(texts) = array.as_binary_opt::<i32>() else { return };
        self.add_shape(array, buffer, |i| texts.value_length(i) as u32);
        let content = &mut self.cells.get_or_insert_default().content;
        match (texts.null_count(), texts.value_offsets().first(), texts.value_offsets().last()) {
            (0, Some(start), Some(end)) => {
                content.write(texts.value_data().get(*start as usize..*end as usize).unwrap_or_default());
            }
            _ => texts.iter().flatten().for_each(|text| content.write(text)),
        }
    }

    fn add_integers<T: ArrowPrimitiveType<Native = i64>>(&mut self, array: &ArrayRef, buffer: &mut Vec<u8>) {
        self.add_numbers::<T>(array, buffer, i64::to_le_bytes);
        for n in array.as_primitive::<T>().iter().flatten() {
            let (min, max) = self.extremes.get_or_insert((n, n));
            *min = n.min(*min);
            *max = n.max(*max);
        }
    }

    fn add_numbers<T: ArrowPrimitiveType>(
        &mut self,
        array: &ArrayRef,
        buffer: &mut Vec<u8>,
        bytes: impl Fn(T::Native) -> [u8; 8],
    ) {
        self.add_shape(array, buffer, |_| VALUE);
        buffer.clear();
        for n in array.as_primitive::<T>().iter().flatten() {
            buffer.extend_from_slice(&bytes(n));
        }
        self.cells.get_or_insert_default().content.write(buffer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, LargeStringArray, StringArray, UInt8Array};

    use super::super::row::tests::sample;
    use super::super::schema::Tabular as _;
    use super::*;
    use crate::export::row::HeartbeatRow;

    fn facts(rows: &[HeartbeatRow], chunk: usize) -> Facts {
        let mut gatherer = Gatherer::default();
        rows.chunks(chunk).for_each(|rows| gatherer.add(&HeartbeatRow::to_batch(rows).unwrap()));
        gatherer.finish()
    }

    fn of(array: ArrayRef) -> Facts {
        let mut gatherer = Gatherer::default();
        gatherer.add(&RecordBatch::try_from_iter_with_nullable([("c", array, true)]).unwrap());
        gatherer.finish()
    }

    #[test]
    fn batches_do_not_matter_but_every_cell_does() {
        let rows: Vec<_> = (0..10).map(|i| sample(&format!("{i}.md"), i)).collect();
        let whole = facts(&rows, 10);
        assert_eq!(whole.rows, 10);
        assert_eq!(whole.values["checks.latency_ms.count"], "10");
        assert_eq!((whole.values["timestamp.min"].as_str(), whole.values["timestamp.max"].as_str()), ("0", "9"));
        for chunk in [1, 3, 9] {
            assert_eq!(facts(&rows, chunk), whole);
        }
        let changes: [fn(&mut HeartbeatRow); 6] = [
            |row| row.timestamp_us += 1,
            |row| row.filename.push('x'),
            |row| row.checks[1].message.push('x'),
            |row| row.checks[0].latency_ms = None,
            |row| row.status = None,
            |row| row.checks.swap(0, 1),
        ];
        for change in changes {
            let mut rows = rows.clone();
            change(&mut rows[4]);
            assert!(!facts(&rows, 10).differences(&whole, 5).is_empty());
            assert_ne!(facts(&rows, 10).digest(), whole.digest());
        }
    }

    #[test]
    fn two_values_swapped_between_rows_are_seen() {
        let rows: Vec<_> = (0..10).map(|i| sample(&format!("{i}.md"), i)).collect();
        let whole = facts(&rows, 10);
        let swaps: [fn(&mut HeartbeatRow, &mut HeartbeatRow); 3] = [
            |a, b| std::mem::swap(&mut a.filename, &mut b.filename),
            |a, b| std::mem::swap(&mut a.timestamp_us, &mut b.timestamp_us),
            |a, b| b.checks.push(a.checks.pop().unwrap()),
        ];
        for swap in swaps {
            let mut rows = rows.clone();
            let (left, right) = rows.split_at_mut(5);
            swap(&mut left[4], &mut right[0]);
            assert!(!facts(&rows, 10).differences(&whole, 5).is_empty());
        }
        let texts = |texts: [Option<&str>; 2]| of(Arc::new(StringArray::from(texts.to_vec())));
        for (a, b) in [
            ([Some("ab"), Some("c")], [Some("a"), Some("bc")]),
            ([Some(""), None], [None, Some("")]),
            ([Some(""), Some("")], [None, Some("")]),
        ] {
            assert_ne!(texts(a), texts(b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn how_a_reader_stores_a_value_does_not_matter() {
        let texts = ["a", "ü"].to_vec();
        assert_eq!(of(Arc::new(StringArray::from(texts.clone()))), of(Arc::new(LargeStringArray::from(texts))));
        assert_eq!(of(Arc::new(Int64Array::from(vec![1, 2]))), of(Arc::new(UInt8Array::from(vec![1, 2]))));
        // what lies behind a null is nobody's business
        let sliced = Float64Array::from(vec![Some(0.5), None, Some(1.5)]).slice(1, 2);
        assert_eq!(of(Arc::new(sliced)), of(Arc::new(Float64Array::from(vec![None, Some(1.5)]))));
    }
}
