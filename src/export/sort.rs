//! An external sort: rows come in any order and leave by day, time and name, with memory bounded by a budget.
//!
//! Rows stay in memory up to the budget; beyond it, sorted runs go to an unnamed temporary file and are merged. The
//! order is total (a name is unique), so it doesn't depend on how many threads brought the rows.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::row::Row;

/// Runs that are merged at once; each holds one row and one read buffer.
const FAN_IN: usize = 16;
const READ_BYTES: usize = 8 * 1024;

pub struct Sorter<T> {
    budget: usize,
    dir: PathBuf,
    held: Vec<(Date, T)>,
    held_bytes: usize,
    spill: Option<Spill>,
    runs: Vec<Run>,
}

struct Spill {
    file: Arc<File>,
    end: u64,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    start: u64,
    end: u64,
}

/// What is known of a day before its rows are read.
#[derive(Debug, Clone)]
pub struct DaySources {
    pub day: Date,
    /// See [`SourceDigest`].
    pub digest: String,
}

/// The SHA-256 of the lines `<sha256>  <name>` of all sources in the order of the rows: what
/// `sha256sum FILE… | sha256sum` prints for those files.
#[derive(Default, Clone)]
pub struct SourceDigest(Sha256);

impl SourceDigest {
    pub fn add(&mut self, row: &impl Row) {
        self.0.update(row.sha256());
        self.0.update("  ");
        self.0.update(row.name());
        self.0.update("\n");
    }

    pub fn finish(self) -> String {
        super::row::hex(&self.0.finalize())
    }
}

impl<T: Row> Sorter<T> {
    /// `dir` takes the temporary file, should there be need of one.
    pub fn new(budget: usize, dir: &Path) -> Self {
        let dir = dir.to_owned();
        Sorter { budget, dir, held: Vec::new(), held_bytes: 0, spill: None, runs: Vec::new() }
    }

    pub fn push(&mut self, day: Date, row: T) -> io::Result<()> {
        self.held_bytes += row.weight();
        self.held.push((day, row));
        if self.held_bytes >= self.budget { self.spill_held() } else { Ok(()) }
    }

    /// Sorts what is held and appends it to the temporary file as one run.
    fn spill_held(&mut self) -> io::Result<()> {
        sort(&mut self.held);
        let rows = self.held.drain(..).map(Ok);
        let spill = match &mut self.spill {
            Some(spill) => spill,
            None => self.spill.insert(Spill { file: Arc::new(tempfile::tempfile_in(&self.dir)?), end: 0 }),
        };
        self.runs.push(spill.append(rows, |_, _, _| {})?);
        self.held_bytes = 0;
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<Sorted<T>> {
        if self.runs.is_empty() {
            sort(&mut self.held);
            return Ok(Sorted::in_memory(self.held));
        }
        if !self.held.is_empty() {
            self.spill_held()?;
        }
        self.held = Vec::new();
        let Some(mut spill) = self.spill.take() else { return Ok(Sorted::in_memory(Vec::new())) };
        while self.runs.len() > FAN_IN {
            let rest = self.runs.split_off(FAN_IN);
            let merged = spill.append(Merge::<T>::of(&spill, &self.runs)?, |_, _, _| {})?;
            self.runs = rest;
            self.runs.push(merged);
        }
        let mut days = Days::default();
        let mut starts: Vec<Run> = Vec::new();
        let whole = spill.append(Merge::<T>::of(&spill, &self.runs)?, |day, row: &T, at| {
            if days.add(day, row) {
                starts.push(Run { start: at, end: at });
            }
        })?;
        let days = days.finish();
        for i in 0..starts.len() {
            let end = starts.get(i + 1).map_or(whole.end, |next| next.start);
            starts[i].end = end;
        }
        let stored = starts.into_iter().map(Stored::Spilled).collect();
        Ok(Sorted { days, stored, spill: Some(spill.file) })
    }
}

fn sort<T: Row>(rows: &mut [(Date, T)]) {
    rows.sort_unstable_by(|(day_a, a), (day_b, b)| (day_a, a.at_us(), a.name()).cmp(&(day_b, b.at_us(), b.name())));
}

impl Spill {
    /// Appends `rows` as one run; `seen` gets each with the offset it starts at.
    fn append<T: Row>(
        &mut self,
        rows: impl Iterator<Item = io::Result<(Date, T)>>,
        mut seen: impl FnMut(Date, &T, u64),
    ) -> io::Result<Run> {
        let start = self.end;
        let mut out = BufWriter::with_capacity(64 * 1024, At { file: self.file.clone(), at: start });
        let mut bytes = Vec::new();
        for row in rows {
            let (day, row) = row?;
            seen(day, &row, self.end);
            bytes.clear();
            // a row is preceded by its length and its day
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(&pack(day).to_le_bytes());
            row.encode(&mut bytes);
            let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            out.write_all(&bytes)?;
            self.end += bytes.len() as u64;
        }
        out.flush()?;
        Ok(Run { start, end: self.end })
    }
}

struct At {
    file: Arc<File>,
    at: u64,
}

impl io::Write for At {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write_at(bytes, self.at)?;
        self.at += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn pack(day: Date) -> u32 {
    day.year().unsigned_abs() as u32 * 10_000
        + day.month().unsigned_abs() as u32 * 100
        + day.day().unsigned_abs() as u32
}

fn unpack(n: u32) -> Option<Date> {
    Date::new(i16::try_from(n / 10_000).ok()?, i8::try_from(n / 100 % 100).ok()?, i8::try_from(n % 100).ok()?).ok()
}

/// Reads one run.
struct Reader {
    file: Arc<File>,
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Reader {
    fn new(file: &Arc<File>, run: Run) -> Self {
        Reader { file: file.clone(), at: run.start, end: run.end, buffer: Vec::new(), used: 0 }
    }

    fn next<T: Row>(&mut self) -> io::Result<Option<(Date, T)>> {
        if self.used == self.buffer.len() && self.at == self.end {
            return Ok(None);
        }
        self.fill(4)?;
        let length = self.take(4).and_then(|head| head.first_chunk().map(|head| u32::from_le_bytes(*head)));
        let length = length.ok_or_else(damaged)? as usize;
        self.fill(length)?;
        let mut body = self.take(length).ok_or_else(damaged)?;
        let day = body.split_off(..4).and_then(|day| day.first_chunk()).map(|day| u32::from_le_bytes(*day));
        let day = day.and_then(unpack).ok_or_else(damaged)?;
        Ok(Some((day, T::decode(&mut body).ok_or_else(damaged)?)))
    }

    /// Makes at least `n` unread bytes available.
    fn fill(&mut self, n: usize) -> io::Result<()> {
        let have = self.buffer.len() - self.used;
        if have >= n {
            return Ok(());
        }
        self.buffer.drain(..self.used);
        self.used = 0;
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let more = (n.max(READ_BYTES) - have).min(left);
        if more < n - have {
            return Err(damaged());
        }
        self.buffer.resize(have + more, 0);
        self.file.read_exact_at(&mut self.buffer[have..], self.at)?;
        self.at += more as u64;
        Ok(())
    }

    fn take(&mut self, n: usize) -> Option<&[u8]> {
        let taken = self.buffer.get(self.used..self.used + n)?;
        self.used += n;
        Some(taken)
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the temporary file of the sort is damaged")
}

/// The least of the heads of some runs, again and again.
struct Merge<T> {
    sources: Vec<(Reader, (Date, T))>,
}

impl<T: Row> Merge<T> {
    fn of(spill: &Spill, runs: &[Run]) -> io::Result<Self> {
        let mut sources = Vec::with_capacity(runs.len());
        for run in runs {
            let mut reader = Reader::new(&spill.file, *run);
            if let Some(head) = reader.next()? {
                sources.push((reader, head));
            }
        }
        Ok(Merge { sources })
    }
}

impl<T: Row> Iterator for Merge<T> {
    type Item = io::Result<(Date, T)>;

    fn next(&mut self) -> Option<Self::Item> {
        // at most FAN_IN heads: looking at each is cheap beside decoding a row
        let least = (0..self.sources.len()).min_by(|a, b| {
            let key = |i: usize| {
                let (day, row) = &self.sources[i].1;
                (*day, row.at_us(), row.name())
            };
            key(*a).cmp(&key(*b))
        })?;
        let (reader, head) = &mut self.sources[least];
        match reader.next() {
            Ok(Some(next)) => Some(Ok(std::mem::replace(head, next))),
            Ok(None) => Some(Ok(self.sources.swap_remove(least).1)),
            Err(error) => Some(Err(error)),
        }
    }
}

#[derive(Default)]
struct Days {
    done: Vec<DaySources>,
    open: Option<(Date, SourceDigest)>,
}

impl Days {
    /// Whether `row` begins a new day.
    fn add(&mut self, day: Date, row: &impl Row) -> bool {
        let begins = self.open.as_ref().is_none_or(|(open, _)| *open != day);
        if begins {
            self.close();
        }
        let (_, digest) = self.open.get_or_insert_with(|| (day, SourceDigest::default()));
        digest.add(row);
        begins
    }

    fn close(&mut self) {
        if let Some((day, digest)) = self.open.take() {
            self.done.push(DaySources { day, digest: digest.finish() });
        }
    }

    fn finish(mut self) -> Vec<DaySources> {
        self.close();
        self.done
    }
}

/// The sorted rows, by day.
pub struct Sorted<T> {
    pub days: Vec<DaySources>,
    stored: Vec<Stored<T>>,
    spill: Option<Arc<File>>,
}

enum Stored<T> {
    Memory(Vec<T>),
    Spilled(Run),
}

impl<T: Row> Sorted<T> {
    fn in_memory(rows: Vec<(Date, T)>) -> Self {
        let mut days = Days::default();
        let mut stored: Vec<Stored<T>> = Vec::new();
        for (day, row) in rows {
            let begins = days.add(day, &row);
            match stored.last_mut() {
                Some(Stored::Memory(rows)) if !begins => rows.push(row),
                _ => stored.push(Stored::Memory(vec![row])),
            }
        }
        Sorted { days: days.finish(), stored, spill: None }
    }

    pub fn day(&self, day: Date) -> Option<&DaySources> {
        self.days.binary_search_by_key(&day, |sources| sources.day).ok().map(|i| &self.days[i])
    }

    /// Whether all rows fit into the budget, so that reading days side by side takes no more memory.
    pub fn is_in_memory(&self) -> bool {
        self.spill.is_none()
    }

    /// The rows of `day`, once.
    pub fn take(&mut self, day: Date) -> Rows<T> {
        let Ok(i) = self.days.binary_search_by_key(&day, |sources| sources.day) else { return Rows::none() };
        match (self.stored.get_mut(i), &self.spill) {
            (Some(Stored::Memory(rows)), _) => Rows::Memory(std::mem::take(rows).into_iter()),
            (Some(Stored::Spilled(run)), Some(file)) => Rows::Spilled(Box::new(SpilledRows(Reader::new(file, *run)))),
            _ => Rows::none(),
        }
    }
}

pub enum Rows<T> {
    Memory(std::vec::IntoIter<T>),
    Spilled(Box<SpilledRows>),
}

/// Rows of one day in the temporary file.
pub struct SpilledRows(Reader);

impl<T> Rows<T> {
    fn none() -> Self {
        Rows::Memory(Vec::new().into_iter())
    }
}

impl<T: Row> Iterator for Rows<T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Rows::Memory(rows) => rows.next().map(Ok),
            Rows::Spilled(rows) => rows.0.next().transpose().map(|row| row.map(|(_, row)| row)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::sample;
    use super::super::row::{HeartbeatRow, day_of};
    use super::*;

    /// Rows over five days in a scrambled order; some share a time.
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
            sorter.push(day_of(row.timestamp_us, &jiff::tz::TimeZone::UTC).unwrap(), row).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
        let days = sorted.days.clone();
        let rows = days.iter().flat_map(|day| sorted.take(day.day).map(Result::unwrap).collect::<Vec<_>>()).collect();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the temporary file has no name");
        (days, rows, sorted.spill.is_some())
    }

    #[test]
    fn memory_and_disk_give_the_same_order() {
        let n = 2_000;
        let (days, rows, spilled) = sorted(usize::MAX, n);
        assert!(!spilled);
        assert_eq!(rows.len(), n as usize);
        assert!(rows.is_sorted_by_key(|row| (row.timestamp_us, row.filename.clone())));
        assert_eq!(days.len(), 3);
        // a budget that makes a few runs, and one that makes more than are merged at once
        for budget in [200_000, 5_000] {
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
