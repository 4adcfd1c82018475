//! Sorted runs of packed rows in an unnamed temporary file, and their merging. What is read of a run is bounded by a buffer.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use super::packed::{LENGTH, body, damaged, parts};

/// What is read of a run at once.
const READ_BYTES: usize = 8 * 1024;

pub(super) struct Spill {
    pub file: Arc<File>,
    pub end: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub start: u64,
    pub end: u64,
}

impl Spill {
    pub fn new(dir: &Path) -> io::Result<Spill> {
        Ok(Spill { file: Arc::new(tempfile::tempfile_in(dir)?), end: 0 })
    }

    pub fn writer(&self) -> RunWriter {
        let at = At { file: self.file.clone(), at: self.end };
        RunWriter { start: self.end, end: self.end, out: BufWriter::with_capacity(64 * 1024, at) }
    }
}

pub(super) struct RunWriter {
    start: u64,
    pub end: u64,
    out: BufWriter<At>,
}

impl RunWriter {
    /// `row` with its length.
    pub fn put(&mut self, row: &[u8]) -> io::Result<()> {
        self.out.write_all(row)?;
        self.end += row.len() as u64;
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<Run> {
        self.out.flush()?;
        Ok(Run { start: self.start, end: self.end })
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

/// Reads one run, row by row; the current row stays in the buffer.
pub(super) struct Reader {
    file: Arc<File>,
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    used: usize,
    /// Length of the current row, which lies before `used`.
    current: usize,
}

impl Reader {
    pub fn new(file: &Arc<File>, run: Run) -> Self {
        Reader { file: file.clone(), at: run.start, end: run.end, buffer: Vec::new(), used: 0, current: 0 }
    }

    /// Goes on to the next row; false at the end.
    pub fn advance(&mut self) -> io::Result<bool> {
        if self.used == self.buffer.len() && self.at == self.end {
            return Ok(false);
        }
        self.fill(LENGTH)?;
        let length = self.buffer.get(self.used..).and_then(|tail| tail.first_chunk()).ok_or_else(damaged)?;
        let length = LENGTH + u32::from_le_bytes(*length) as usize;
        self.fill(length)?;
        self.used += length;
        self.current = length;
        Ok(true)
    }

    /// The current row, with its length.
    pub fn row(&self) -> &[u8] {
        self.buffer.get(self.used - self.current..self.used).unwrap_or_default()
    }

    /// Makes at least `n` unread bytes available.
    fn fill(&mut self, n: usize) -> io::Result<()> {
        let have = self.buffer.len() - self.used;
        if have >= n {
            return Ok(());
        }
        self.buffer.drain(..self.used);
        self.used = 0;
        self.current = 0;
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
}

/// Merges `runs` into a new one at the end of the file; `seen` gets each row without its length, and where it goes.
pub(super) fn merge(
    spill: &Spill,
    runs: &[Run],
    mut seen: impl FnMut(&[u8], u64) -> io::Result<()>,
) -> io::Result<Run> {
    let mut readers = Vec::with_capacity(runs.len());
    for run in runs {
        let mut reader = Reader::new(&spill.file, *run);
        if reader.advance()? {
            readers.push(reader);
        }
    }
    let mut writer = spill.writer();
    // at most FAN_IN heads: looking at each is cheap beside reading a row
    let key = |reader: &Reader| parts(body(reader.row())).map(|parts| (parts.key.0, parts.key.1, parts.key.2.to_vec()));
    let mut keys: Vec<_> = readers.iter().map(key).collect();
    while let Some(least) = (0..readers.len()).min_by(|a, b| keys[*a].cmp(&keys[*b])) {
        seen(body(readers[least].row()), writer.end)?;
        writer.put(readers[least].row())?;
        if readers[least].advance()? {
            keys[least] = key(&readers[least]);
        } else {
            readers.swap_remove(least);
            keys.swap_remove(least);
        }
    }
    writer.finish()
}
