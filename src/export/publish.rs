//! What was staged is validated, then takes its place: an earlier file of another kind is set aside first.
//!
//! Invariant: no day is published that two readers did not agree on, and a file that can be neither set aside nor replaced
//! keeps no other day back.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::choose::{Chosen, Earlier};
use super::run::{Job, nanoseconds};
use super::schema::Tabular;
use super::sort::Sorted;
use super::sql::SideCar;
use super::stage::Staged;
use super::{
    Before, Damaged, DayReport, ExportError, ExportReport, FileState, Removed, SetAside, paths, place, validate,
};
use crate::durable;

/// A chunk of up to this size is read by DuckDB on two threads.
const SMALL_BYTES: u64 = 4 * 1024 * 1024;

impl Job<'_> {
    pub(super) fn export_chunk<T: Tabular>(
        &self,
        chunk: Vec<Chosen>,
        sorted: &Sorted<T>,
        side_car: &mut Option<SideCar>,
        report: &mut ExportReport,
    ) -> Result<(), ExportError> {
        let (chunk, staged) = self.to_validate(chunk, sorted, report)?;
        if staged.is_empty() {
            return Ok(());
        }
        let targets: Vec<PathBuf> = chunk.iter().map(|chosen| self.target(T::DATASET, chosen.day)).collect();
        let mut unchanged = Vec::with_capacity(staged.len());
        for (target, staged) in targets.iter().zip(&staged) {
            unchanged.push(match has_bytes_of(target, staged) {
                // publishing it tells what is the matter with that file
                Err(error) if error.is_about(target) => false,
                found => found?,
            });
        }
        // DuckDB's memory grows with its threads and the size of what they read
        let small = staged.iter().map(|staged| staged.bytes).sum::<u64>() <= SMALL_BYTES;
        let sql = match side_car.take() {
            Some(started) => started,
            None => self.sql.start(self.work_dir.path())?,
        };
        let sql = sql.threads(if small { self.config.export.thread_count().min(2) } else { 1 });
        let start = Instant::now();
        let (version, validations) = std::thread::scope(|scope| {
            // the disk works while the readers do
            let mut to_sync =
                staged.iter().zip(&unchanged).filter(|(_, unchanged)| !**unchanged && !self.request.dry_run);
            let synced = scope.spawn(move || to_sync.try_for_each(|(staged, _)| staged.sync()));
            let found = validate::validate(&staged, self.compression, sql);
            // a thread that panicked has synced nothing
            synced.join().unwrap_or_else(|_| {
                let path = self.work_dir.path();
                Err(ExportError::io("fsync what is staged in", path)(std::io::ErrorKind::Other.into()))
            })?;
            found
        })?;
        report.validation_ns += nanoseconds(start.elapsed());
        report.readers = vec!["the parquet crate".to_owned(), format!("DuckDB {version}")];
        let mut changed = false;
        let files = chunk.iter().zip(targets).zip(staged).zip(unchanged).zip(validations);
        for ((((chosen, target), staged), unchanged), validation) in files {
            let mut day = DayReport {
                dataset: T::DATASET,
                date: chosen.day,
                path: paths::shown(self.root.path(), &target),
                rows: staged.rows,
                kept_rows: staged.kept_rows,
                copies: staged.copies.clone(),
                bytes: staged.bytes,
                sha256: staged.sha256.clone(),
                compression: validation.compression,
                state: FileState::Unchanged,
                why: chosen.why,
                before: match &chosen.earlier {
                    Earlier::Ours { digest, .. } if *digest == staged.digest => Before::SameReports,
                    Earlier::Ours { .. } | Earlier::Unread(_) => Before::OtherReports,
                    Earlier::None | Earlier::Damaged(_) => Before::Nothing,
                },
                duration_ns: nanoseconds(staged.elapsed),
                validation_ns: nanoseconds(validation.parquet_reader + validation.duckdb),
            };
            if !unchanged {
                day.state = match self.publish(chosen, staged, &target, report) {
                    // one file that can be neither set aside nor replaced keeps no other day back
                    Err(error) if error.is_about(&target) => {
                        self.report_damaged::<T>(chosen.day, error.to_string(), report);
                        continue;
                    }
                    state => state?,
                };
                changed = true;
            }
            report.days.push(day);
        }
        if changed && !self.request.dry_run {
            durable::sync_dir(&self.analytics)?;
        }
        Ok(())
    }

    /// Stages `chunk`. What comes out of it to be read back and published: not a day whose damaged file is all there is, and
    /// not one that no report has any more.
    fn to_validate<T: Tabular>(
        &self,
        chunk: Vec<Chosen>,
        sorted: &Sorted<T>,
        report: &mut ExportReport,
    ) -> Result<(Vec<Chosen>, Vec<Staged>), ExportError> {
        let made = self.stage_all(&chunk, sorted)?;
        let (mut days, mut files) = (Vec::with_capacity(chunk.len()), Vec::with_capacity(chunk.len()));
        for (mut chosen, made) in chunk.into_iter().zip(made) {
            match (made.damage, made.unread) {
                (Some(reason), _) => chosen.earlier = Earlier::Damaged(reason),
                (None, 0) => {}
                (None, rows) => chosen.earlier = Earlier::Unread(rows),
            }
            let path = || paths::shown(self.root.path(), &self.target(T::DATASET, chosen.day));
            match (made.staged, &chosen.earlier) {
                (None, Earlier::Damaged(reason)) => {
                    report.damaged.push(Damaged { path: path(), reason: reason.clone(), kept: None });
                }
                (None, _) => {}
                (Some(staged), Earlier::Ours { .. } | Earlier::Damaged(_) | Earlier::Unread(_)) if staged.rows == 0 => {
                    report.removed.push(Removed { path: path(), kept: None })
                }
                (Some(staged), _) => {
                    days.push(chosen);
                    files.push(staged);
                }
            }
        }
        Ok((days, files))
    }

    fn publish(
        &self,
        chosen: &Chosen,
        staged: Staged,
        target: &Path,
        report: &mut ExportReport,
    ) -> Result<FileState, ExportError> {
        let shown = |path: &Path| paths::shown(self.root.path(), path);
        let is_there = std::fs::symlink_metadata(target).is_ok();
        let mut aside = None;
        if is_there && !matches!(chosen.earlier, Earlier::Ours { .. }) && !self.request.dry_run {
            aside = Some(place::keep_aside(target)?);
        }
        if !self.request.dry_run
            && let Err(error) = staged.publish(target)
        {
            if let Some(aside) = aside {
                place::forget(&aside, target);
            }
            return Err(error);
        }
        let kept = aside.as_deref().map(shown);
        match (&chosen.earlier, kept) {
            (Earlier::Damaged(reason), kept) => {
                report.damaged.push(Damaged { path: shown(target), reason: reason.clone(), kept });
            }
            (Earlier::Unread(rows), kept) => {
                report.set_aside.push(SetAside { path: shown(target), rows: *rows, kept });
            }
            (Earlier::None, Some(kept)) => report.moved.push((shown(target), kept)),
            (Earlier::None | Earlier::Ours { .. }, _) => {}
        }
        Ok(match (self.request.dry_run, is_there) {
            (true, _) => FileState::Dry,
            (false, true) => FileState::Replaced,
            (false, false) => FileState::New,
        })
    }

    /// Takes away the day files for which no row is left; they are kept in `legacy/`. Last: until then their rows are nowhere else.
    pub(super) fn remove(&self, report: &mut ExportReport) -> Result<(), ExportError> {
        if report.removed.is_empty() || self.request.dry_run {
            return Ok(());
        }
        for mut removed in std::mem::take(&mut report.removed) {
            let path = self.root.join(&removed.path);
            match place::move_aside(&path) {
                Ok(aside) => {
                    removed.kept = Some(paths::shown(self.root.path(), &aside));
                    report.removed.push(removed);
                }
                Err(error) if error.is_about(&path) => {
                    report.damaged.push(Damaged { path: removed.path, reason: error.to_string(), kept: None });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(durable::sync_dir(&self.analytics)?)
    }
}

/// Whether `target` holds the very bytes of `staged`.
fn has_bytes_of(target: &Path, staged: &Staged) -> Result<bool, ExportError> {
    use std::io::Read as _;
    let meta = match std::fs::symlink_metadata(target) {
        Ok(meta) => meta,
        Err(error) if crate::files::is_absent(&error) => return Ok(false),
        Err(error) => return Err(ExportError::io("look at", target)(error)),
    };
    if !meta.is_file() || meta.len() != staged.bytes {
        return Ok(false);
    }
    let open = |path: &Path| {
        let file = std::fs::File::open(path).map_err(ExportError::io("open", path))?;
        Ok::<_, ExportError>(std::io::BufReader::with_capacity(64 * 1024, file))
    };
    let (mut a, mut b) = (open(target)?, open(staged.path())?);
    let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let n = a.read(&mut left).map_err(ExportError::io("read", target))?;
        if n == 0 {
            return Ok(true);
        }
        b.read_exact(&mut right[..n]).map_err(ExportError::io("read", staged.path()))?;
        if left[..n] != right[..n] {
            return Ok(false);
        }
    }
}
