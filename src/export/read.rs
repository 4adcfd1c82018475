//! Reading Parquet files with the parquet crate: footer, rows, facts.
//!
//! Invariant: a damaged file is an error with its path, never a panic.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::facts::{Facts, Gatherer};
use super::schema::{self, Tabular, key};
use super::sort::SourceDigest;
use super::{Dataset, ExportError};
use crate::files::open_regular;

const BATCH_ROWS: usize = 1024;
/// A file of up to this size is read in one go: the crate asks a file for each page and for each header of one.
const WHOLE_BYTES: u64 = 1024 * 1024;

/// A file whose footer has been read.
pub struct Opened {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    metadata: ArrowReaderMetadata,
}

/// Where the crate finds the pages.
enum Content {
    Whole(Bytes),
    File(Arc<File>),
}

impl Length for Content {
    fn len(&self) -> u64 {
        match self {
            Content::Whole(bytes) => bytes.len() as u64,
            Content::File(file) => Length::len(&**file),
        }
    }
}

impl ChunkReader for Content {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(match self {
            Content::Whole(bytes) => Box::new(bytes.get_read(start)?),
            Content::File(file) => Box::new(file.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            Content::Whole(bytes) => bytes.get_bytes(start, length),
            Content::File(file) => file.get_bytes(start, length),
        }
    }
}

/// What a footer says.
#[derive(Debug, Clone, PartialEq)]
pub struct Footer {
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// All key-value metadata.
    pub metadata: BTreeMap<String, String>,
    /// Leaf column and codec, lower case, e.g. `("checks.list.element.name", "snappy")`.
    pub compression: Vec<(String, String)>,
    pub schema: SchemaRef,
    pub created_by: Option<String>,
}

impl Footer {
    /// Whether the file carries our metadata key; only such files are queried.
    pub fn is_ours(&self) -> bool {
        self.metadata.contains_key(key::SCHEMA_VERSION)
    }

    pub fn dataset(&self) -> Option<Dataset> {
        self.metadata.get(key::DATASET).and_then(|word| Dataset::from_word(word))
    }

    /// Why a file of ours doesn't belong at `path`: a copy under another name would count its rows twice.
    pub fn misplaced(&self, path: &Path) -> Option<String> {
        let says = |key: &str| self.metadata.get(key).map_or("nothing", String::as_str);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((dataset, day)) = Dataset::of_file_name(name) else {
            return Some("its name is not that of a day's file (a copy?)".to_owned());
        };
        if self.dataset() != Some(dataset) {
            return Some(format!("it holds {}, its name says {dataset}", says(key::DATASET)));
        }
        let of_day = says(key::DAY) == day.to_string();
        (!of_day).then(|| format!("it is of the day {}, its name says {day}", says(key::DAY)))
    }

    /// Why a file of ours has not as many rows as it says it was made of.
    pub fn short(&self) -> Option<String> {
        let stated = self.metadata.get(key::SOURCE_COUNT)?;
        let same = stated.parse() == Ok(self.rows);
        (!same).then(|| format!("it says that it was made of {stated} reports and holds {} rows", self.rows))
    }

    /// Why a file of ours that holds `found` has other cells than were written to it; nothing of files that say nothing of them.
    pub fn altered(&self, found: &Facts) -> Option<String> {
        let stated = self.metadata.get(key::CELLS)?;
        (*stated != found.digest()).then(|| ALTERED.to_owned())
    }

    /// The codecs that occur, each once.
    pub fn codecs(&self) -> Vec<&str> {
        let mut codecs: Vec<&str> = self.compression.iter().map(|(_, codec)| codec.as_str()).collect();
        codecs.sort_unstable();
        codecs.dedup();
        codecs
    }
}

/// Runs `f`, in which the parquet crate reads `path`, and turns a panic of its into an error.
fn guarded<T>(path: &Path, f: impl FnOnce() -> Result<T, parquet::errors::ParquetError>) -> Result<T, ExportError> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => result.map_err(|error| ExportError::parquet("read", path, error)),
        Err(_) => Err(ExportError::parquet("read", path, "the file is damaged (the parquet crate gave up)")),
    }
}

/// Opens `path` and reads its footer.
pub fn open(path: &Path) -> Result<Opened, ExportError> {
    let file = open_regular(path).map_err(ExportError::io("open", path))?;
    let bytes = file.metadata().map_err(ExportError::io("read the size of", path))?.len();
    let metadata = guarded(path, || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))?;
    Ok(Opened { path: path.to_owned(), file: Arc::new(file), bytes, metadata })
}

impl Opened {
    pub fn footer(&self) -> Result<Footer, ExportError> {
        let parquet: &Arc<ParquetMetaData> = self.metadata.metadata();
        let file = parquet.file_metadata();
        let pairs = file.key_value_metadata().into_iter().flatten();
        let columns = parquet.row_groups().iter().flat_map(|group| group.columns());
        let mut compression: Vec<(String, String)> = columns
            .map(|column| {
                let codec = column.compression().to_string().to_lowercase();
                (column.column_path().string(), codec.split('(').next().unwrap_or_default().to_owned())
            })
            .collect();
        compression.sort();
        compression.dedup();
        Ok(Footer {
            rows: u64::try_from(file.num_rows()).unwrap_or(0),
            bytes: self.bytes,
            metadata: pairs.map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default())).collect(),
            compression,
            schema: self.metadata.schema().clone(),
            created_by: file.created_by().map(str::to_owned),
        })
    }

    fn content(&self) -> Result<Content, ExportError> {
        if self.bytes > WHOLE_BYTES {
            return Ok(Content::File(self.file.clone()));
        }
        let mut whole = vec![0; self.bytes as usize];
        self.file.read_exact_at(&mut whole, 0).map_err(ExportError::io("read", &self.path))?;
        Ok(Content::Whole(whole.into()))
    }

    /// The facts of the file as the parquet crate decodes it.
    pub fn facts(&self) -> Result<Facts, ExportError> {
        let content = self.content()?;
        guarded(&self.path, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, self.metadata.clone());
            let mut gatherer = Gatherer::default();
            for batch in builder.with_batch_size(BATCH_ROWS).build()? {
                gatherer.add(&batch?);
            }
            Ok(gatherer.finish())
        })
    }

    /// An error where the file can't be read whole, or has other cells than were written to it. Files that don't say which
    /// they were are not read.
    pub fn check_cells(&self, footer: &Footer) -> Result<(), ExportError> {
        if !footer.metadata.contains_key(key::CELLS) {
            return Ok(());
        }
        match footer.altered(&self.facts()?) {
            None => Ok(()),
            Some(why) => Err(ExportError::parquet("read", &self.path, why)),
        }
    }

    /// The rows, in the order of the file.
    pub fn rows<T: Tabular>(&self) -> Result<impl Iterator<Item = Result<T, ExportError>> + use<T>, ExportError> {
        let path = self.path.clone();
        let content = self.content()?;
        let mut reader = guarded(&path, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(content, self.metadata.clone())
                .with_batch_size(BATCH_ROWS)
                .build()
        })?;
        let mut next_batch = move || -> Result<Option<Vec<T>>, ExportError> {
            guarded(&path, || {
                let batch = reader.next().transpose()?;
                Ok(batch.map(|batch| T::from_batch(&batch)).transpose()?)
            })
        };
        let mut current = Vec::new().into_iter();
        Ok(std::iter::from_fn(move || {
            loop {
                if let Some(row) = current.next() {
                    return Some(Ok(row));
                }
                match next_batch() {
                    Ok(Some(rows)) => current = rows.into_iter(),
                    Ok(None) => return None,
                    Err(error) => return Some(Err(error)),
                }
            }
        }))
    }

    /// Why the rows of a file of ours are not those that it says it was made of. A file that can't be read so far, or lacks the
    /// columns, says nothing here.
    pub fn lost(&self, footer: &Footer) -> Option<String> {
        use arrow::array::AsArray as _;
        if let Some(short) = footer.short() {
            return Some(short);
        }
        let stated = footer.metadata.get(key::SOURCE_DIGEST)?;
        let name = footer.dataset()?.name_column();
        let content = self.content().ok()?;
        let digest = guarded(&self.path, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, self.metadata.clone());
            let mask = ProjectionMask::columns(builder.parquet_schema(), [name, "sha256"]);
            let mut digest = SourceDigest::default();
            for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
                let batch = batch?;
                let column = |name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
                let (Some(names), Some(hashes)) = (column(name), column("sha256")) else { return Ok(None) };
                for (hash, name) in hashes.iter().zip(names) {
                    digest.add_line(hash.unwrap_or_default().as_bytes(), name.unwrap_or_default().as_bytes());
                }
            }
            Ok(Some(digest.finish()))
        });
        (digest.ok()?? != *stated).then(|| OTHER_ROWS.to_owned())
    }

    /// Calls `each` with every value of the text column `name`, until it answers false.
    pub fn texts(&self, name: &str, mut each: impl FnMut(&str) -> bool) -> Result<(), ExportError> {
        use arrow::array::AsArray as _;
        let content = self.content()?;
        guarded(&self.path, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, self.metadata.clone());
            let mask = ProjectionMask::columns(builder.parquet_schema(), [name]);
            for batch in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
                let batch = batch?;
                let Some(texts) = batch.columns().first().and_then(|column| column.as_string_opt::<i32>()) else {
                    return Ok(());
                };
                if !texts.iter().flatten().all(&mut each) {
                    return Ok(());
                }
            }
            Ok(())
        })
    }
}

/// Said of a file of ours whose rows have not the digest that it states.
pub const OTHER_ROWS: &str = "its rows are not those of the reports that it says it was made of";

/// Said of a file of ours in which a value is another one than was written, e.g. by a disk that lost a bit.
pub const ALTERED: &str = "it is damaged: its values are not those that were written to it";

/// Files that are not ours, each with the reason.
pub type Others = Vec<(PathBuf, String)>;

/// The Parquet files of ours in `dir`, sorted by name, and the names of those that are not ours or can't be read, each
/// with the reason. An absent directory holds none.
pub fn ours(dir: &Path) -> Result<(Vec<(PathBuf, Footer)>, Others), ExportError> {
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for path in parquet_files(dir)? {
        match open(&path).and_then(|opened| opened.footer()) {
            Ok(footer) if footer.is_ours() => match footer.misplaced(&path) {
                None => ours.push((path, footer)),
                Some(why) => others.push((path, why)),
            },
            Ok(_) => others.push((path, "it doesn't carry our metadata (an older, cumulative file?)".to_owned())),
            Err(error) => others.push((path, error.to_string())),
        }
    }
    Ok((ours, others))
}

/// Visible `*.parquet` files of `dir`, sorted.
pub fn parquet_files(dir: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(ExportError::io("list the directory", dir)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(ExportError::io("list the directory", dir))?;
        let name = entry.file_name();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let path = entry.path();
        if !hidden && path.extension().is_some_and(|extension| extension == "parquet") && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// How the file at `path` differs from what its name says it holds (heartbeats when it says nothing): in its columns, and
/// where it is ours in what it says of itself.
pub fn schema_mismatches(path: &Path, footer: &Footer) -> Vec<String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let dataset = Dataset::of_file_name(name).map(|(dataset, _)| dataset).or(footer.dataset());
    let misplaced = if footer.is_ours() { footer.misplaced(path) } else { None };
    let columns = schema::mismatches(dataset.unwrap_or(Dataset::Heartbeats), &footer.schema);
    misplaced.into_iter().chain(columns).collect()
}
