//! What can be told of a table in constant memory: rows, and for each column counts, sums and extremes.
//!
//! Three sides compute the same [`Facts`] of one file: the rows as they were handed to the writer, the file as the
//! parquet crate reads it, and the file as DuckDB reads it (`src/sql/facts.rs`, which must match this module's rules).
//! Values are compared as text. Rules, for a column `c`: `c.count` of values; for text `c.bytes` (UTF-8) and the least and
//! greatest of the first 64 characters; for integers and times (microseconds) `c.sum`, `c.min`, `c.max`; for fractions
//! `c.min`, `c.max` in millionths; lists count their elements in `c.elements` and go on with `c.field`.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use serde::{Deserialize, Serialize};

/// `{"rows": 288, "values": {"filename.count": "288", …}}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    pub rows: u64,
    pub values: BTreeMap<String, String>,
}

/// Characters of a text that its extremes are taken over.
pub const PREFIX_CHARS: usize = 64;

impl Facts {
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
                found.push(format!("{key}: {} against {}", show(a), show(b)));
            }
        }
        found
    }
}

/// Gathers [`Facts`] batch by batch.
#[derive(Default)]
pub struct Gatherer {
    rows: u64,
    columns: BTreeMap<String, Column>,
}

#[derive(Default)]
struct Column {
    count: u64,
    numbers: Option<Numbers>,
    texts: Option<Texts>,
    fractions: Option<(f64, f64)>,
    elements: Option<u64>,
}

struct Numbers {
    sum: i128,
    min: i64,
    max: i64,
}

#[derive(Default)]
struct Texts {
    bytes: u64,
    extremes: Option<(String, String)>,
}

impl Gatherer {
    pub fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            self.add_array(field.name(), array);
        }
    }

    fn add_array(&mut self, name: &str, array: &ArrayRef) {
        if !self.columns.contains_key(name) {
            self.columns.insert(name.to_owned(), Column::default());
        }
        let Some(column) = self.columns.get_mut(name) else { return };
        column.count += (array.len() - array.null_count()) as u64;
        match array.data_type() {
            DataType::Utf8 => column.add_texts(array),
            DataType::Int8 => column.add_numbers::<Int8Type>(array),
            DataType::Int16 => column.add_numbers::<Int16Type>(array),
            DataType::Int32 => column.add_numbers::<Int32Type>(array),
            DataType::Int64 => column.add_numbers::<Int64Type>(array),
            DataType::Timestamp(TimeUnit::Microsecond, _) => column.add_numbers::<TimestampMicrosecondType>(array),
            DataType::Float64 => column.add_fractions(array),
            DataType::List(_) => {
                let Some(list) = array.as_list_opt::<i32>() else { return };
                // only what the rows refer to, not all that the buffer holds
                let offsets = list.value_offsets();
                let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return };
                let values = list.values().slice(*first as usize, (*last - *first) as usize);
                *column.elements.get_or_insert(0) += values.len() as u64;
                if let Some(structs) = values.as_struct_opt() {
                    for (field, array) in structs.fields().iter().zip(structs.columns()) {
                        self.add_array(&format!("{name}.{}", field.name()), array);
                    }
                }
            }
            _ => {}
        }
    }

    pub fn finish(self) -> Facts {
        let mut values = BTreeMap::new();
        for (name, column) in self.columns {
            let mut put = |what: &str, value: String| values.insert(format!("{name}.{what}"), value);
            put("count", column.count.to_string());
            if let Some(elements) = column.elements {
                put("elements", elements.to_string());
            }
            if let Some(numbers) = column.numbers {
                put("sum", numbers.sum.to_string());
                put("min", numbers.min.to_string());
                put("max", numbers.max.to_string());
            }
            if let Some(texts) = column.texts {
                put("bytes", texts.bytes.to_string());
                if let Some((min, max)) = texts.extremes {
                    put("min", min);
                    put("max", max);
                }
            }
            if let Some((min, max)) = column.fractions {
                put("min", millionths(min).to_string());
                put("max", millionths(max).to_string());
            }
        }
        Facts { rows: self.rows, values }
    }
}

fn millionths(n: f64) -> i64 {
    (n * 1e6).round() as i64
}

fn prefix(text: &str) -> &str {
    if text.len() <= PREFIX_CHARS {
        return text;
    }
    text.char_indices().nth(PREFIX_CHARS).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

impl Column {
    fn add_texts(&mut self, array: &ArrayRef) {
        let texts = self.texts.get_or_insert_default();
        for text in array.as_string::<i32>().iter().flatten() {
            texts.bytes += text.len() as u64;
            let text = prefix(text);
            match &mut texts.extremes {
                None => texts.extremes = Some((text.to_owned(), text.to_owned())),
                Some((min, _)) if text < min.as_str() => text.clone_into(min),
                Some((_, max)) if text > max.as_str() => text.clone_into(max),
                Some(_) => {}
            }
        }
    }

    fn add_numbers<T: ArrowPrimitiveType>(&mut self, array: &ArrayRef)
    where
        T::Native: Into<i64>,
    {
        for n in array.as_primitive::<T>().iter().flatten() {
            let n: i64 = n.into();
            let numbers = self.numbers.get_or_insert(Numbers { sum: 0, min: n, max: n });
            numbers.sum += i128::from(n);
            numbers.min = numbers.min.min(n);
            numbers.max = numbers.max.max(n);
        }
    }

    fn add_fractions(&mut self, array: &ArrayRef) {
        for n in array.as_primitive::<Float64Type>().iter().flatten() {
            let (min, max) = self.fractions.get_or_insert((n, n));
            *min = min.min(n);
            *max = max.max(n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::sample;
    use super::super::schema::Tabular as _;
    use super::*;
    use crate::export::row::HeartbeatRow;

    fn facts(rows: &[HeartbeatRow], chunk: usize) -> Facts {
        let mut gatherer = Gatherer::default();
        rows.chunks(chunk).for_each(|rows| gatherer.add(&HeartbeatRow::to_batch(rows).unwrap()));
        gatherer.finish()
    }

    #[test]
    fn batches_do_not_matter_but_every_cell_does() {
        let rows: Vec<_> = (0..10).map(|i| sample(&format!("{i}.md"), i)).collect();
        let whole = facts(&rows, 10);
        assert_eq!(whole.rows, 10);
        assert_eq!(whole.values["checks.elements"], "20");
        assert_eq!(whole.values["checks.latency_ms.count"], "10");
        assert_eq!(whole.values["timestamp.sum"], "45");
        assert_eq!(facts(&rows, 3), whole);
        let changes: [fn(&mut HeartbeatRow); 5] = [
            |row| row.timestamp_us += 1,
            |row| row.filename.push('x'),
            |row| row.checks[1].message.push('x'),
            |row| row.checks[0].latency_ms = None,
            |row| row.status = None,
        ];
        for change in changes {
            let mut rows = rows.clone();
            change(&mut rows[4]);
            assert!(!facts(&rows, 10).differences(&whole, 5).is_empty());
        }
    }
}
