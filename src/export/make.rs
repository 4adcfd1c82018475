//! Days are staged: from the reports that are there, and the rows that stay of the file that is replaced.

use std::path::Path;
use std::sync::Mutex;

use super::choose::{Chosen, Earlier};
use super::run::{CHUNK, Job};
use super::schema::Tabular;
use super::sort::Sorted;
use super::stage::{self, About, Staged};
use super::{ExportError, read};

/// Days of up to this size, packed, are staged side by side.
const SMALL_DAY_BYTES: u64 = 1024 * 1024;

/// What became of a day.
pub(super) struct Made {
    /// `None`: nothing is left to make it of.
    pub staged: Option<Staged>,
    /// Why the earlier file could not be read, or what it lost.
    pub damage: Option<String>,
    /// Rows of the earlier file that go because their reports can't be read now.
    pub unread: u64,
}

impl Job<'_> {
    /// A few small days side by side. Large ones one after the other, since each writer takes memory; many as well, since
    /// threads that come and go leave the allocator's memory in pieces.
    pub(super) fn stage_all<T: Tabular>(&self, chunk: &[Chosen], sorted: &Sorted<T>) -> Result<Vec<Made>, ExportError> {
        let large = chunk.iter().any(|chosen| sorted.day(chosen.day).is_some_and(|day| day.bytes > SMALL_DAY_BYTES));
        let many = sorted.days.len() > CHUNK;
        let threads = if large || many { 1 } else { self.config.export.thread_count().min(chunk.len()) };
        if threads <= 1 {
            return chunk.iter().map(|chosen| self.make(chosen, sorted)).collect();
        }
        let queue = Mutex::new(chunk.iter().enumerate());
        let next = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
        let done: Mutex<Vec<(usize, Result<Made, ExportError>)>> = Mutex::new(Vec::with_capacity(chunk.len()));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((i, chosen)) = next() {
                        let made = self.make(chosen, sorted);
                        done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((i, made));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        done.sort_by_key(|(i, _)| *i);
        done.into_iter().map(|(_, made)| made).collect()
    }

    /// Stages a day. Where the file that it replaces turns out to be damaged, it is made of its reports alone; of one that lost
    /// rows the others are kept.
    fn make<T: Tabular>(&self, chosen: &Chosen, sorted: &Sorted<T>) -> Result<Made, ExportError> {
        let target = self.target(T::DATASET, chosen.day);
        let damage = match self.stage(chosen, &target, sorted) {
            Err(error) if error.is_about(&target) => error.to_string(),
            made => return made,
        };
        let alone = Chosen { day: chosen.day, why: chosen.why, earlier: Earlier::None };
        let made = match sorted.day(chosen.day) {
            Some(_) => self.stage(&alone, &target, sorted)?,
            None => Made { staged: None, damage: None, unread: 0 },
        };
        Ok(Made { damage: Some(damage), ..made })
    }

    fn stage<T: Tabular>(&self, chosen: &Chosen, target: &Path, sorted: &Sorted<T>) -> Result<Made, ExportError> {
        let about = About { day: chosen.day, timezone: &self.config.export.timezone, compression: self.compression };
        let dir = self.work_dir.path();
        let fresh = sorted.rows(chosen.day);
        if !matches!(chosen.earlier, Earlier::Ours { same_sources: false, .. }) {
            let alone = stage::merge(fresh, std::iter::empty(), |_| false, dir);
            return Ok(Made { staged: Some(stage::stage(dir, &about, alone)?), damage: None, unread: 0 });
        }
        let earlier = read::open(target)?;
        let kept = self.kept(&earlier, chosen.day, sorted)?;
        let rows = stage::merge(fresh, earlier.rows::<T>()?, |row| kept.has(row), dir);
        Ok(Made { staged: Some(stage::stage(dir, &about, rows)?), damage: kept.lost, unread: kept.unread })
    }
}
