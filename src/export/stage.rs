//! Writes one day's rows to a hidden file beside its target, and knows what must be found in it.
//!
//! Invariant: the bytes depend on the rows, the metadata and the codec alone: no clock, no host, no number of threads.
//! Memory is bounded: a batch and the pages of one row group.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::ZstdLevel;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::copies::{Copies, Finder};
use super::facts::{Facts, Gatherer};
use super::row::Row;
use super::schema::{READER, SCHEMA_VERSION, Tabular, key, schema};
use super::sort::SourceDigest;
use super::{Compression, Dataset, ExportError};
use crate::digest::Hasher;
use crate::durable;

const BATCH_ROWS: usize = 1024;
const BATCH_WEIGHT: usize = 1024 * 1024;
const GROUP_ROWS: usize = 16 * 1024;
const GROUP_WEIGHT: usize = 8 * 1024 * 1024;

/// A file that is written but not yet visible; dropping it removes it.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    pub dataset: Dataset,
    pub day: Date,
    pub rows: u64,
    /// Of `rows`, those taken over from the file that is replaced, because their reports are gone.
    pub kept_rows: u64,
    pub copies: Copies,
    pub bytes: u64,
    pub sha256: String,
    pub digest: String,
    /// What any reader must find.
    pub expected: Facts,
    pub elapsed: Duration,
}

impl Staged {
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name within its directory.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Puts its bytes on disk.
    pub fn sync(&self) -> Result<(), ExportError> {
        let file = File::open(&self.path).map_err(ExportError::io("open", &self.path))?;
        Ok(durable::sync_file(&file, &self.path)?)
    }

    /// Gives it, which is on disk, its name; the caller fsyncs the directory.
    pub fn publish(self, target: &Path) -> Result<(), ExportError> {
        Ok(durable::rename(&self.path, target)?)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // once it is published there is nothing of that name
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What the file says of itself.
#[derive(Debug, Clone)]
pub struct About<'a> {
    pub day: Date,
    pub timezone: &'a str,
    pub compression: Compression,
}

/// A row and whether it is kept from an earlier file.
pub type Kept<T> = (T, bool);

/// Writes `rows`, which come in their final order, to a hidden file in `dir`.
pub fn stage<T: Tabular>(
    dir: &Path,
    about: &About,
    rows: impl Iterator<Item = Result<Kept<T>, ExportError>>,
) -> Result<Staged, ExportError> {
    let start = Instant::now();
    let path = durable::temporary_beside(&dir.join(T::DATASET.file_name(about.day)));
    let file = File::options().write(true).create_new(true).open(&path).map_err(ExportError::io("create", &path))?;
    let mut staged = Staged {
        path,
        dataset: T::DATASET,
        day: about.day,
        rows: 0,
        kept_rows: 0,
        copies: Copies::default(),
        bytes: 0,
        sha256: String::new(),
        digest: String::new(),
        expected: Facts::default(),
        elapsed: Duration::ZERO,
    };
    let path = staged.path.clone();
    let failed = |error: parquet::errors::ParquetError| ExportError::writing(&path, error);
    let options =
        ArrowWriterOptions::new().with_properties(properties(about.compression)).with_skip_arrow_metadata(true);
    let mut writer =
        ArrowWriter::try_new_with_options(Hashing::new(file), schema(T::DATASET), options).map_err(failed)?;
    let mut facts = Gatherer::default();
    let mut digest = SourceDigest::default();
    let mut copies = Finder::default();
    let mut batch: Vec<T> = Vec::new();
    let (mut weight, mut group_weight) = (0, 0);
    let mut write = |batch: &mut Vec<T>, weight: usize, writer: &mut ArrowWriter<Hashing>| {
        if batch.is_empty() {
            return Ok(());
        }
        let table = T::to_batch(batch)?;
        batch.clear();
        facts.add(&table);
        writer.write(&table)?;
        group_weight += weight;
        if group_weight >= GROUP_WEIGHT {
            group_weight = 0;
            writer.flush()?;
        }
        Ok(())
    };
    for row in rows {
        let (row, kept) = row?;
        staged.rows += 1;
        staged.kept_rows += u64::from(kept);
        digest.add(&row);
        if T::DATASET == Dataset::Heartbeats {
            copies.see(row.at_us(), row.sha256(), row.name());
        }
        weight += row.weight();
        batch.push(row);
        if batch.len() == BATCH_ROWS || weight >= BATCH_WEIGHT {
            write(&mut batch, weight, &mut writer).map_err(failed)?;
            weight = 0;
        }
    }
    write(&mut batch, weight, &mut writer).map_err(failed)?;
    staged.digest = digest.finish();
    staged.copies = copies.finish();
    staged.expected = facts.finish();
    for (key, value) in metadata(about, &staged) {
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }
    writer.finish().map_err(failed)?;
    let written = writer.inner_mut();
    written.flush().map_err(ExportError::io("write", &path))?;
    (staged.bytes, staged.sha256) = written.result();
    staged.elapsed = start.elapsed();
    Ok(staged)
}

fn properties(compression: Compression) -> WriterProperties {
    let codec = match compression {
        Compression::Snappy => parquet::basic::Compression::SNAPPY,
        Compression::Zstd => parquet::basic::Compression::ZSTD(ZstdLevel::default()),
    };
    // where every value is another one, a dictionary would be built in vain
    let unique = ["filename", "path", "text", "sha256"];
    unique
        .into_iter()
        .fold(WriterProperties::builder(), |builder, name| {
            builder.set_column_dictionary_enabled(ColumnPath::from(name), false)
        })
        .set_compression(codec)
        // a page is nearly a row group here: an index of pages would say the same twice
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_created_by(concat!("workbridge ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_write_batch_size(BATCH_ROWS)
        .build()
}

fn metadata(about: &About, staged: &Staged) -> [(&'static str, String); 9] {
    [
        (key::SCHEMA_VERSION, SCHEMA_VERSION.to_owned()),
        (key::DATASET, staged.dataset.as_str().to_owned()),
        (key::DAY, about.day.to_string()),
        (key::TIMEZONE, about.timezone.to_owned()),
        (key::SOURCE_COUNT, staged.rows.to_string()),
        (key::SOURCE_DIGEST, staged.digest.clone()),
        (key::CELLS, staged.expected.digest()),
        (key::READER, READER.to_owned()),
        (key::TOOL_VERSION, env!("CARGO_PKG_VERSION").to_owned()),
    ]
}

/// Merges fresh rows with those of the file that will be replaced: of the latter only rows stay that `keep` says, whose report is gone
/// (rotated into an archive, say), so that no re-export ever loses what was once measured. Both are sorted.
pub fn merge<T: Row>(
    fresh: impl Iterator<Item = io::Result<T>>,
    earlier: impl Iterator<Item = Result<T, ExportError>>,
    keep: impl Fn(&T) -> bool,
    spill: &Path,
) -> impl Iterator<Item = Result<Kept<T>, ExportError>> {
    let spill = spill.to_owned();
    let mut fresh = fresh.map(move |row| row.map_err(ExportError::io("read the sorted rows in", &spill))).peekable();
    let mut earlier = earlier.peekable();
    std::iter::from_fn(move || {
        loop {
            let order = match (fresh.peek(), earlier.peek()) {
                (None, None) => return None,
                (Some(_), None) | (Some(Err(_)), _) => std::cmp::Ordering::Less,
                (None, Some(_)) | (_, Some(Err(_))) => std::cmp::Ordering::Greater,
                (Some(Ok(a)), Some(Ok(b))) => (a.at_us(), a.name()).cmp(&(b.at_us(), b.name())),
            };
            if order == std::cmp::Ordering::Equal {
                earlier.next();
            }
            if order != std::cmp::Ordering::Greater {
                return fresh.next().map(|row| row.map(|row| (row, false)));
            }
            match earlier.next()? {
                Ok(row) if keep(&row) => return Some(Ok((row, true))),
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    })
}

/// Counts and hashes what goes to the file.
struct Hashing {
    file: BufWriter<File>,
    hash: Hasher,
    bytes: u64,
}

impl Hashing {
    fn new(file: File) -> Self {
        Hashing { file: BufWriter::with_capacity(64 * 1024, file), hash: Hasher::default(), bytes: 0 }
    }

    fn result(&self) -> (u64, String) {
        (self.bytes, self.hash.clone().finish())
    }
}

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.hash.add(bytes.get(..n).unwrap_or(bytes));
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::super::row::HeartbeatRow;
    use super::super::row::tests::sample;
    use super::*;

    fn about() -> About<'static> {
        About { day: jiff::civil::date(2025, 10, 28), timezone: "UTC", compression: Compression::Snappy }
    }

    fn staged(dir: &Path, rows: &[HeartbeatRow], about: &About) -> Staged {
        stage(dir, about, rows.iter().cloned().map(|row| Ok((row, false)))).unwrap()
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let rows: Vec<_> = (0..3_000).map(|i| sample(&format!("heartbeat_{i:05}.md"), i)).collect();
        let first = staged(dir.path(), &rows, &about());
        let opened = read::open(first.path()).unwrap();
        let footer = opened.footer().unwrap();
        assert_eq!((footer.rows, first.rows), (3_000, 3_000));
        assert_eq!(footer.bytes, first.bytes);
        assert_eq!(footer.codecs(), ["snappy"]);
        assert_eq!(footer.metadata[key::SOURCE_COUNT], "3000");
        assert_eq!(footer.metadata[key::SOURCE_DIGEST], first.digest);
        assert!(footer.is_ours());
        assert_eq!(opened.facts().unwrap(), first.expected);
        assert_eq!(opened.rows::<HeartbeatRow>().unwrap().map(Result::unwrap).collect::<Vec<_>>(), rows);
        assert!(super::super::schema::mismatches(Dataset::Heartbeats, &footer.schema).is_empty());
        let bytes = std::fs::read(first.path()).unwrap();
        assert_eq!(crate::digest::sha256(&bytes), first.sha256);
        let second = staged(dir.path(), &rows, &about());
        assert_eq!(std::fs::read(second.path()).unwrap(), bytes, "the same rows give the same bytes");
        let zstd = staged(dir.path(), &rows, &About { compression: Compression::Zstd, ..about() });
        assert_eq!(read::open(zstd.path()).unwrap().footer().unwrap().codecs(), ["zstd"]);
        drop((first, second, zstd));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "what is not published leaves nothing");
    }

    #[test]
    fn a_file_that_is_not_read_in_one_go_is_read_as_well() {
        let dir = tempfile::tempdir().unwrap();
        let name = |i: i64| format!("{}.md", crate::digest::sha256(&i.to_le_bytes()));
        let rows: Vec<_> = (0..10_000).map(|i| sample(&name(i), i)).collect();
        let large = staged(dir.path(), &rows, &about());
        assert!(large.bytes > 1024 * 1024, "{}", large.bytes);
        let opened = read::open(large.path()).unwrap();
        assert_eq!(opened.footer().unwrap().bytes, large.bytes);
        assert_eq!(opened.facts().unwrap(), large.expected);
        assert!(opened.rows::<HeartbeatRow>().unwrap().map(Result::unwrap).eq(rows));
    }

    #[test]
    fn an_empty_day_is_a_valid_file() {
        let dir = tempfile::tempdir().unwrap();
        let empty = staged(dir.path(), &[], &about());
        let opened = read::open(empty.path()).unwrap();
        assert_eq!(opened.footer().unwrap().rows, 0);
        assert_eq!(opened.facts().unwrap(), empty.expected);
    }

    #[test]
    fn a_merge_keeps_rows_of_reports_that_are_gone_and_no_others() {
        let row = |name: &str, at| sample(name, at);
        let fresh = vec![row("a", 1), row("c", 3), row("moved", 5)];
        let earlier = vec![row("a", 1), row("archived", 2), row("moved", 4), row("rewritten", 6), row("old", 7)];
        let gone = |row: &HeartbeatRow| matches!(row.filename.as_str(), "archived" | "old");
        let merged: Vec<_> = merge(fresh.into_iter().map(Ok), earlier.into_iter().map(Ok), gone, Path::new("/"))
            .map(Result::unwrap)
            .map(|(row, kept)| (row.filename, kept))
            .collect();
        let expected = [("a", false), ("archived", true), ("c", false), ("moved", false), ("old", true)];
        assert_eq!(merged, expected.map(|(name, kept)| (name.to_owned(), kept)));
    }

    #[test]
    fn a_damaged_file_is_an_error_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let rows: Vec<_> = (0..300).map(|i| sample(&format!("{i}.md"), i)).collect();
        let good = std::fs::read(staged(dir.path(), &rows, &about()).path()).unwrap();
        let path = dir.path().join("x.parquet");
        for cut in [0, 3, 4, 100, good.len() / 2, good.len() - 1] {
            std::fs::write(&path, &good[..cut]).unwrap();
            let error = read::open(&path).and_then(|opened| opened.facts()).unwrap_err();
            assert!(error.to_string().contains("x.parquet"), "{error}");
        }
        // a flipped bit is an error, or shows in the facts, or hits padding and hashes: it never panics
        for at in (0..good.len()).step_by(37) {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            std::fs::write(&path, &bad).unwrap();
            let _ = read::open(&path).and_then(|opened| {
                let _ = opened.footer()?;
                opened.facts()
            });
        }
    }
}
