//! The export itself.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::choose::{Chosen, Earlier};
use super::reach::Own;
use super::row::{HeartbeatRow, ReportRow, day_of, heartbeat_row};
use super::scan::{self, Found, HeartbeatsDir, Outcome, Work};
use super::schema::Tabular;
use super::sort::{Packed, Sorted, Sorter};
use super::sql::{Program, SideCar};
use super::stage::Staged;
use super::{
    Before, Compression, Damaged, Dataset, DayReport, Days, ExportError, ExportReport, FileState, Progress, Removed,
    Request, SetAside, Tally, Unreadable, document, paths, place, summary, validate,
};
use crate::config::Config;
use crate::dates;
use crate::durable;
use crate::monitor::heartbeat;
use crate::root::Root;

/// Files that are staged and validated together: a bound on the disk that staging takes and on what one run of `wo-sql`
/// is asked.
pub(super) const CHUNK: usize = 64;
/// A chunk of up to this size is read by DuckDB on two threads.
const SMALL_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of an answer of `wo-sql` about one chunk.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Exports what `request` says. `now` decides which days are today and yesterday; `program_sql` is the path of `wo-sql`.
///
/// Unreadable reports are no error: they are listed in the result. An error means that what was staged last was not
/// published; days that were published before stay, each of them whole.
pub fn run(
    root: &Root,
    config: &Config,
    request: &Request,
    now: Timestamp,
    program_sql: &Path,
    progress: &dyn Progress,
) -> Result<ExportReport, ExportError> {
    let start = Instant::now();
    let job = Job::new(root, config, request, now, program_sql, progress)?;
    let _held = if request.dry_run { None } else { Some(place::hold(&job.analytics, progress)?) };
    let mut report = job.empty_report();

    // it gets ready while the reports are read; one that can't be started is an error once it is needed
    let mut side_car = job.sql.start(job.work_dir.path()).ok();
    let (heartbeats, others) = job.read_heartbeats(&mut report)?;
    let reports = job.read_reports(others, &mut report)?;
    // read once: nobody has set it before
    let _ = job.unreadable.set(report.unreadable.iter().map(|one| one.path.clone()).collect());
    job.export_days(&heartbeats, &mut side_car, &mut report)?;
    job.export_days(&reports, &mut side_car, &mut report)?;
    job.remove(&mut report.removed)?;

    if let Days::One(day) = request.days {
        let is_of_it = |other: Date| other == day || report.days.iter().any(|file| file.date == other);
        report.unreadable.retain(|one| one.date.is_none_or(is_of_it));
    }
    report.empty_days.retain(|day| !report.days.iter().any(|file| file.date == *day));
    report.empty_days.sort_unstable();
    report.empty_days.dedup();
    report.duration_ns = nanoseconds(start.elapsed());
    if !request.dry_run {
        let dir = request.summaries.as_ref().unwrap_or(&config.paths.parquet_reports);
        let path = summary::path(&paths::resolve(root.path(), dir), report.date);
        let earlier = crate::files::read_regular(&path).unwrap_or_default();
        if summary::replaces(&report, &String::from_utf8_lossy(&earlier)) {
            durable::write(&path, summary::render(&report).as_bytes(), 0o644)?;
        }
        report.summary = Some(path);
    }
    Ok(report)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What stays the same during one export.
pub(super) struct Job<'a> {
    pub(super) root: &'a Root,
    pub(super) config: &'a Config,
    pub(super) request: &'a Request,
    now: Timestamp,
    zone: TimeZone,
    pub(super) today: Date,
    pub(super) compression: Compression,
    pub(super) analytics: PathBuf,
    sql: Program<'a>,
    progress: &'a dyn Progress,
    /// Where files are staged and sorted: beside their targets, in a dry run outside of the root.
    pub(super) work_dir: WorkDir,
    pub(super) places: Places,
    /// Directories of reports that could not be looked into, as shown; known once reports were read.
    pub(super) closed: OnceLock<Vec<String>>,
    /// Reports that can't be read, as shown; known once all were read.
    pub(super) unreadable: OnceLock<HashSet<String>>,
}

/// Where other reports are looked for, as shown.
pub(super) struct Places {
    pub(super) reports: String,
    /// Where heartbeats are.
    pub(super) heartbeats: String,
    /// Left out.
    pub(super) skip: [String; 1],
    pub(super) own: Own,
}

pub(super) enum WorkDir {
    Beside(PathBuf),
    Temporary(tempfile::TempDir),
}

impl WorkDir {
    pub(super) fn path(&self) -> &Path {
        match self {
            WorkDir::Beside(path) => path,
            WorkDir::Temporary(dir) => dir.path(),
        }
    }
}

impl<'a> Job<'a> {
    pub(super) fn new(
        root: &'a Root,
        config: &'a Config,
        request: &'a Request,
        now: Timestamp,
        program_sql: &'a Path,
        progress: &'a dyn Progress,
    ) -> Result<Self, ExportError> {
        let zone = config.export.zone()?;
        let analytics = paths::resolve(root.path(), &config.paths.analytics);
        let work_dir = if request.dry_run {
            let failed = ExportError::io("make a temporary directory in", &std::env::temp_dir());
            WorkDir::Temporary(tempfile::Builder::new().prefix("wo-export-").tempdir().map_err(failed)?)
        } else {
            WorkDir::Beside(analytics.clone())
        };
        let shown = |path: &Path| paths::shown(root.path(), &paths::resolve(root.path(), path));
        let summaries = &config.paths.parquet_reports;
        let own_dirs = request.own_dirs.iter().chain(&request.summaries).chain([summaries]);
        let places = Places {
            reports: shown(&config.paths.reports),
            heartbeats: shown(&config.paths.heartbeats),
            skip: [shown(summaries)],
            own: Own(own_dirs.map(|dir| shown(dir)).collect()),
        };
        Ok(Job {
            places,
            closed: OnceLock::new(),
            unreadable: OnceLock::new(),
            root,
            config,
            request,
            now,
            today: now.to_zoned(zone.clone()).date(),
            zone,
            compression: request.compression.unwrap_or(config.export.compression),
            analytics,
            sql: Program {
                path: program_sql,
                memory_mb: config.export.sql_memory_mb,
                threads: 1,
                deadline: Duration::from_secs(config.export.sql_deadline_s),
                max_output: ANSWER_BYTES,
            },
            progress,
            work_dir,
        })
    }

    pub(super) fn empty_report(&self) -> ExportReport {
        ExportReport {
            started: self.now,
            date: if let Days::One(day) = self.request.days { day } else { self.today },
            timezone: self.config.export.timezone.clone(),
            dry_run: self.request.dry_run,
            compression: self.compression,
            days: Vec::new(),
            empty_days: Vec::new(),
            heartbeats: Tally::default(),
            reports: Tally::default(),
            unreadable: Vec::new(),
            links: Vec::new(),
            moved: Vec::new(),
            damaged: Vec::new(),
            set_aside: Vec::new(),
            removed: Vec::new(),
            readers: Vec::new(),
            duration_ns: 0,
            validation_ns: 0,
            summary: None,
        }
    }

    /// With them, what else is in their directory.
    pub(super) fn read_heartbeats(
        &self,
        report: &mut ExportReport,
    ) -> Result<(Sorted<HeartbeatRow>, Option<Vec<Found>>), ExportError> {
        let dir = self.listed_dir(Dataset::Heartbeats);
        let shown = &self.places.heartbeats;
        self.progress.phase("reading heartbeats", None);
        let mut tally = Tally::default();
        let date_of_name =
            |name: &str| heartbeat::name_time(name).and_then(|at| day_of(at.as_microsecond(), &self.zone));
        let mut others = None;
        let (sorted, _) = self.read(
            self.config.export.heartbeat_bytes,
            |found| {
                others = scan::heartbeats_and_others(&dir, shown, found)?;
                Ok(())
            },
            |_, name, content| heartbeat_row(name, content.bytes),
            &date_of_name,
            &mut tally,
            report,
        )?;
        report.heartbeats = tally;
        Ok((sorted, others))
    }

    /// `others` lie beside the heartbeats.
    pub(super) fn read_reports(
        &self,
        others: Option<Vec<Found>>,
        report: &mut ExportReport,
    ) -> Result<Sorted<ReportRow>, ExportError> {
        let dir = self.listed_dir(Dataset::Reports);
        let Places { reports: shown, heartbeats, skip, own } = &self.places;
        self.progress.phase("reading reports", None);
        let mut tally = Tally::default();
        let date_of_name = |name: &str| dates::in_file_name(name, &self.zone).and_then(|at| day_of(at, &self.zone));
        let (sorted, closed) = self.read(
            self.config.export.report_bytes,
            |found| {
                let heartbeats = HeartbeatsDir { shown: heartbeats, others };
                scan::reports(&dir, shown, skip, own, heartbeats, found)
            },
            |found, _, content| {
                let path = found.shown();
                document::report_row(&path, content.bytes, &self.zone, || content.modified_us()).map(|row| (row, false))
            },
            &date_of_name,
            &mut tally,
            report,
        )?;
        report.reports = tally;
        // read once: nobody has set it before
        let _ = self.closed.set(closed);
        Ok(sorted)
    }

    /// The directory that is listed for the reports of `dataset`.
    pub(super) fn listed_dir(&self, dataset: Dataset) -> PathBuf {
        let dir = match dataset {
            Dataset::Heartbeats => &self.config.paths.heartbeats,
            Dataset::Reports => &self.config.paths.reports,
        };
        paths::resolve(self.root.path(), dir)
    }

    /// Reads and sorts everything that `list` finds; with it, the directories that stayed closed.
    fn read<T: Tabular>(
        &self,
        max_bytes: usize,
        list: impl FnOnce(&mut dyn FnMut(Found) -> bool) -> Result<(), ExportError> + Send,
        parse: impl Fn(&Found, &str, &scan::Content) -> Result<(T, bool), String> + Sync,
        date_of_name: &(dyn Fn(&str) -> Option<Date> + Sync),
        tally: &mut Tally,
        report: &mut ExportReport,
    ) -> Result<(Sorted<T>, Vec<String>), ExportError> {
        let spill_dir = self.work_dir.path();
        let mut sorter = Sorter::<T>::new(self.config.export.sort_bytes, spill_dir);
        let spill_failed = |error| ExportError::io("sort rows in", spill_dir)(error);
        let work = Work { threads: self.config.export.thread_count(), max_bytes, progress: self.progress };
        let mut closed = Vec::new();
        // packed by the threads that read, so that little is left to do one after the other
        let parse = |found: &Found, name: &str, content: &scan::Content| {
            let (row, named) = parse(found, name, content)?;
            let day = day_of(row.at_us(), &self.zone).ok_or("its time is out of range: the years 1970 to 9999")?;
            Ok((Packed::new(day, &row).map_err(|error| error.to_string())?, named))
        };
        scan::read_all(&work, list, parse, |outcome: Outcome<(Packed, bool)>| {
            match outcome {
                Outcome::Link { path } => report.links.push(path),
                Outcome::Unreadable { path, reason, is_closed } => {
                    tally.found += 1;
                    tally.unreadable += 1;
                    if is_closed {
                        closed.push(path.clone());
                    }
                    let date = date_of_name(path.rsplit('/').next().unwrap_or(&path));
                    report.unreadable.push(Unreadable { path, reason, date });
                }
                Outcome::Row((row, named)) => {
                    tally.found += 1;
                    tally.times_from_names += u64::from(named);
                    sorter.push(row).map_err(spill_failed)?;
                }
            }
            Ok(())
        })?;
        report.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
        report.links.sort();
        Ok((sorter.finish().map_err(spill_failed)?, closed))
    }

    fn export_days<T: Tabular>(
        &self,
        sorted: &Sorted<T>,
        side_car: &mut Option<SideCar>,
        report: &mut ExportReport,
    ) -> Result<(), ExportError> {
        let chosen = self.choose(sorted, report)?;
        self.progress.phase(&format!("exporting {}", T::DATASET), Some(chosen.len() as u64));
        let mut chosen = chosen.into_iter();
        loop {
            let chunk: Vec<Chosen> = chosen.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return Ok(());
            }
            let units = chunk.len() as u64;
            self.export_chunk(chunk, sorted, side_car, report)?;
            self.progress.advance(units);
        }
    }

    fn export_chunk<T: Tabular>(
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
            unchanged.push(has_bytes_of(target, staged)?);
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
                day.state = self.publish(chosen, staged, &target, report)?;
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
        let mut kept = None;
        if is_there && !matches!(chosen.earlier, Earlier::Ours { .. }) && !self.request.dry_run {
            let aside = shown(&place::keep_aside(target)?);
            kept = Some(aside.clone());
            if let Earlier::None = chosen.earlier {
                report.moved.push((shown(target), aside));
            }
        }
        match &chosen.earlier {
            Earlier::Damaged(reason) => {
                report.damaged.push(Damaged { path: shown(target), reason: reason.clone(), kept });
            }
            Earlier::Unread(rows) => report.set_aside.push(SetAside { path: shown(target), rows: *rows, kept }),
            Earlier::None | Earlier::Ours { .. } => {}
        }
        if self.request.dry_run {
            return Ok(FileState::Dry);
        }
        staged.publish(target)?;
        Ok(if is_there { FileState::Replaced } else { FileState::New })
    }

    /// Takes away the day files for which no row is left; they are kept in `legacy/`. Last: until then their rows are nowhere else.
    fn remove(&self, removed: &mut [Removed]) -> Result<(), ExportError> {
        if removed.is_empty() || self.request.dry_run {
            return Ok(());
        }
        for removed in removed {
            let path = self.root.join(&removed.path);
            let aside = place::keep_aside(&path)?;
            removed.kept = Some(paths::shown(self.root.path(), &aside));
            std::fs::remove_file(&path).map_err(ExportError::io("remove", &path))?;
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
