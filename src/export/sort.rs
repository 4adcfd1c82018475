//! An external sort: rows come in any order and leave by day, time and name, with memory bounded by a budget.
//!
//! Rows are packed by whoever brings them ([`Packed`]). They stay in memory up to the budget; beyond it, sorted runs go to
//! an unnamed temporary file and are merged there, still packed. The order is total (a name is unique), so it doesn't
//! depend on how many threads brought the rows.

mod packed;
mod spill;

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

pub use packed::Packed;
use packed::{Parts, body, damaged, decode, parts, row_at, unpack_day};
use spill::{Reader, Run, Spill, merge};

use super::row::Row;
use crate::digest::Hasher;

/// Runs that are merged at once; each holds one read buffer.
const FAN_IN: usize = 32;

/// What is known of a day before its rows are read.
#[derive(Debug, Clone)]
pub struct DaySources {
    pub day: Date,
    /// Packed bytes.
    pub bytes: u64,
    /// See [`SourceDigest`].
    pub digest: String,
}

/// The SHA-256 of the lines `<sha256>  <name>` of all sources in the order of the rows: what
/// `sha256sum FILE… | sha256sum` prints for those files.
#[derive(Default, Clone)]
pub struct SourceDigest(Hasher);

impl SourceDigest {
    pub fn add(&mut self, row: &impl Row) {
        self.add_line(row.sha256().as_bytes(), row.name().as_bytes());
    }

    pub(super) fn add_line(&mut self, sha256: &[u8], name: &[u8]) {
        for part in [sha256, b"  ", name, b"\n"] {
            self.0.add(part);
        }
    }

    pub fn finish(self) -> String {
        self.0.finish()
    }
}

pub struct Sorter<T> {
    budget: usize,
    dir: PathBuf,
    /// Packed rows, one after the other, and where each is.
    held: Vec<u8>,
    places: Vec<Place>,
    spill: Option<Spill>,
    runs: Vec<Run>,
    kind: PhantomData<fn() -> T>,
}

/// Where a row begins, after what orders it but for the name: rows are compared without looking at them.
#[derive(Debug, Clone, Copy)]
struct Place {
    day: u32,
    at: i64,
    start: u32,
}

impl<T: Row> Sorter<T> {
    /// `dir` takes the temporary file, should there be need of one.
    pub fn new(budget: usize, dir: &Path) -> Self {
        let budget = budget.clamp(1, i32::MAX as usize);
        let (held, places) = (Vec::new(), Vec::new());
        Sorter { budget, dir: dir.to_owned(), held, places, spill: None, runs: Vec::new(), kind: PhantomData }
    }

    pub fn push(&mut self, row: Packed) -> io::Result<()> {
        if !self.held.is_empty() && self.held.len() + row.0.len() > self.budget {
            self.spill_held()?;
        }
        let Parts { key: (day, at, _), .. } = parts(body(&row.0)).ok_or_else(damaged)?;
        self.places.push(Place { day, at, start: self.held.len() as u32 });
        self.held.extend_from_slice(&row.0);
        Ok(())
    }

    /// Sorts what is held and appends it to the temporary file as one run.
    fn spill_held(&mut self) -> io::Result<()> {
        sort(&self.held, &mut self.places);
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(Spill::new(&self.dir)?),
        };
        let mut writer = spill.writer();
        for place in &self.places {
            writer.put(row_at(&self.held, place.start))?;
        }
        let run = writer.finish()?;
        spill.end = run.end;
        self.runs.push(run);
        self.held.clear();
        self.places.clear();
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<Sorted<T>> {
        if self.runs.is_empty() {
            sort(&self.held, &mut self.places);
            return Sorted::in_memory(self.held, &self.places);
        }
        if !self.held.is_empty() {
            self.spill_held()?;
        }
        (self.held, self.places) = (Vec::new(), Vec::new());
        let Some(mut spill) = self.spill.take() else { return Err(damaged()) };
        while self.runs.len() > FAN_IN {
            let rest = self.runs.split_off(FAN_IN);
            let merged = merge(&spill, &self.runs, |_, _| Ok(()))?;
            spill.end = merged.end;
            self.runs = rest;
            self.runs.push(merged);
        }
        let mut days = Days::default();
        let mut runs: Vec<Run> = Vec::new();
        let whole = merge(&spill, &self.runs, |row, at| {
            if days.add(row)? {
                runs.push(Run { start: at, end: at });
            }
            Ok(())
        })?;
        for i in 0..runs.len() {
            let end = runs.get(i + 1).map_or(whole.end, |next| next.start);
            runs[i].end = end;
        }
        Ok(Sorted { days: days.finish(), stored: Stored::Spilled { file: spill.file, runs }, kind: PhantomData })
    }
}

fn sort(held: &[u8], places: &mut [Place]) {
    places.sort_unstable_by(|a, b| {
        let name = |place: &Place| parts(body(row_at(held, place.start))).map(|parts| parts.key.2);
        (a.day, a.at).cmp(&(b.day, b.at)).then_with(|| name(a).cmp(&name(b)))
    });
}

#[derive(Default)]
struct Days {
    done: Vec<DaySources>,
    open: Option<(u32, u64, SourceDigest)>,
}

impl Days {
    /// Whether `row` begins a new day.
    fn add(&mut self, row: &[u8]) -> io::Result<bool> {
        let Parts { key: (day, _, name), sha256, .. } = parts(row).ok_or_else(damaged)?;
        let begins = self.open.as_ref().is_none_or(|(open, ..)| *open != day);
        if begins {
            self.close()?;
        }
        let (_, bytes, digest) = self.open.get_or_insert_with(|| (day, 0, SourceDigest::default()));
        *bytes += row.len() as u64;
        digest.add_line(sha256, name);
        Ok(begins)
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some((day, bytes, digest)) = self.open.take() {
            let day = unpack_day(day).ok_or_else(damaged)?;
            self.done.push(DaySources { day, bytes, digest: digest.finish() });
        }
        Ok(())
    }

    fn finish(mut self) -> Vec<DaySources> {
        // the day was read from a date, or an earlier row would have failed
        let _ = self.close();
        self.done
    }
}

/// The sorted rows, by day.
pub struct Sorted<T> {
    pub days: Vec<DaySources>,
    stored: Stored,
    kind: PhantomData<fn() -> T>,
}

/// For each day, in their order.
enum Stored {
    Memory { held: Arc<Vec<u8>>, starts: Vec<Vec<u32>> },
    Spilled { file: Arc<File>, runs: Vec<Run> },
}

impl<T: Row> Sorted<T> {
    fn in_memory(held: Vec<u8>, sorted: &[Place]) -> io::Result<Self> {
        let mut days = Days::default();
        let mut starts: Vec<Vec<u32>> = Vec::new();
        for Place { start, .. } in sorted.iter().copied() {
            let begins = days.add(body(row_at(&held, start)))?;
            match starts.last_mut() {
                Some(day) if !begins => day.push(start),
                _ => starts.push(vec![start]),
            }
        }
        let stored = Stored::Memory { held: Arc::new(held), starts };
        Ok(Sorted { days: days.finish(), stored, kind: PhantomData })
    }

    pub fn day(&self, day: Date) -> Option<&DaySources> {
        self.days.binary_search_by_key(&day, |sources| sources.day).ok().map(|i| &self.days[i])
    }

    /// The rows of `day`.
    pub fn rows(&self, day: Date) -> Rows<T> {
        let i = self.days.binary_search_by_key(&day, |sources| sources.day).ok();
        let source = i.and_then(|i| match &self.stored {
            Stored::Memory { held, starts } => {
                Some(Source::Memory { held: held.clone(), starts: starts.get(i)?.clone().into_iter() })
            }
            Stored::Spilled { file, runs } => Some(Source::Spilled(Reader::new(file, *runs.get(i)?))),
        });
        Rows { source, kind: PhantomData }
    }
}

/// The rows of one day; each is unpacked when it is asked for.
pub struct Rows<T> {
    source: Option<Source>,
    kind: PhantomData<fn() -> T>,
}

enum Source {
    Memory { held: Arc<Vec<u8>>, starts: std::vec::IntoIter<u32> },
    Spilled(Reader),
}

impl<T: Row> Iterator for Rows<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.source.as_mut()? {
            Source::Memory { held, starts } => starts.next().map(|start| decode(body(row_at(held, start)))),
            Source::Spilled(reader) => match reader.advance() {
                Ok(true) => Some(decode(body(reader.row()))),
                Ok(false) => None,
                Err(error) => Some(Err(error)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::sample;
    use super::super::row::{HeartbeatRow, day_of};
    use super::*;

    /// Rows over three days in a scrambled order; some share a time.
    fn scrambled(n: i64) -> Vec<HeartbeatRow> {
        (0..n)
            .map(|i| {
                let i = i * 7_919 % n;
                sample(&format!("heartbeat_{i:06}.md"), (i / 2) * (5 * 86_400_000_000 / n.max(1)))
            })
            .collect()
    }

    fn sorted(budget: usize, n: i64) -> (Vec<DaySources>, Vec<HeartbeatRow>, bool) {
        let dir = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(budget, dir.path());
        for row in scrambled(n) {
            let day = day_of(row.timestamp_us, &jiff::tz::TimeZone::UTC).unwrap();
            sorter.push(Packed::new(day, &row).unwrap()).unwrap();
        }
        let sorted: Sorted<HeartbeatRow> = sorter.finish().unwrap();
        let days = sorted.days.clone();
        let rows = days.iter().flat_map(|day| sorted.rows(day.day).map(Result::unwrap)).collect();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the temporary file has no name");
        let spilled = matches!(sorted.stored, Stored::Spilled { .. });
        (days, rows, spilled)
    }

    #[test]
    fn memory_and_disk_give_the_same_order() {
        let n = 2_000;
        let (days, rows, spilled) = sorted(usize::MAX, n);
        assert!(!spilled);
        assert_eq!(rows.len(), n as usize);
        assert!(rows.is_sorted_by_key(|row| (row.timestamp_us, row.filename.clone())));
        assert_eq!(days.len(), 3);
        // a budget that makes a few runs, one that makes more than are merged at once, one below a single row
        for budget in [200_000, 5_000, 1] {
            let (other_days, other, spilled) = sorted(budget, n);
            assert!(spilled);
            assert_eq!(other, rows);
            let digests = |days: &[DaySources]| days.iter().map(|day| day.digest.clone()).collect::<Vec<_>>();
            assert_eq!(digests(&other_days), digests(&days));
        }
    }

    #[test]
    fn nothing_in_nothing_out() {
        let (days, rows, _) = sorted(1, 0);
        assert!(days.is_empty() && rows.is_empty());
    }
}
