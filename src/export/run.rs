//! The export itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::read;
use super::row::{HeartbeatRow, ReportRow, day_of, heartbeat_row};
use super::scan::{self, Found, HeartbeatsDir, Outcome, Work};
use super::schema::{Tabular, key};
use super::sort::{Packed, Rows, Sorted, Sorter};
use super::sql::{Program, SideCar};
use super::stage::{self, About, Staged};
use super::{
    Compression, Dataset, DayReport, Days, ExportError, ExportReport, FileState, Progress, Request, Tally, Unreadable,
    Why, document, place, summary, validate,
};
use crate::config::Config;
use crate::dates;
use crate::durable;
use crate::monitor::heartbeat;
use crate::root::Root;

/// Files that are staged and validated together: a bound on the disk that staging takes and on what one run of `wo-sql`
/// is asked.
const CHUNK: usize = 64;
/// Days of up to this size, packed, are staged side by side.
const SMALL_DAY_BYTES: u64 = 1024 * 1024;
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
    job.export_days(&heartbeats, &mut side_car, &mut report)?;
    job.export_days(&reports, &mut side_car, &mut report)?;

    report.empty_days.retain(|day| !report.days.iter().any(|file| file.date == *day));
    report.empty_days.sort_unstable();
    report.empty_days.dedup();
    report.duration_ns = nanoseconds(start.elapsed());
    if !request.dry_run {
        let path = summary::path(&scan::resolve(root.path(), &config.paths.parquet_reports), report.date);
        durable::write(&path, summary::render(&report).as_bytes(), 0o644)?;
        report.summary = Some(path);
    }
    Ok(report)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What stays the same during one export.
struct Job<'a> {
    root: &'a Root,
    config: &'a Config,
    request: &'a Request,
    now: Timestamp,
    zone: TimeZone,
    today: Date,
    compression: Compression,
    analytics: PathBuf,
    sql: Program<'a>,
    progress: &'a dyn Progress,
    /// Where files are staged and sorted: beside their targets, in a dry run outside of the root.
    work_dir: WorkDir,
}

enum WorkDir {
    Beside(PathBuf),
    Temporary(tempfile::TempDir),
}

impl WorkDir {
    fn path(&self) -> &Path {
        match self {
            WorkDir::Beside(path) => path,
            WorkDir::Temporary(dir) => dir.path(),
        }
    }
}

/// A day to export.
struct Chosen {
    day: Date,
    why: Why,
    /// Whether there is a file of ours; it is opened only while it is needed, for there may be many.
    replaces_ours: bool,
    /// Whether it was made of the very reports that are there now, so that none of its rows has to be kept.
    same_sources: bool,
}

impl<'a> Job<'a> {
    fn new(
        root: &'a Root,
        config: &'a Config,
        request: &'a Request,
        now: Timestamp,
        program_sql: &'a Path,
        progress: &'a dyn Progress,
    ) -> Result<Self, ExportError> {
        let zone = config.export.zone()?;
        let analytics = scan::resolve(root.path(), &config.paths.analytics);
        let work_dir = if request.dry_run {
            let failed = ExportError::io("make a temporary directory in", &std::env::temp_dir());
            WorkDir::Temporary(tempfile::Builder::new().prefix("wo-export-").tempdir().map_err(failed)?)
        } else {
            WorkDir::Beside(analytics.clone())
        };
        Ok(Job {
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

    fn empty_report(&self) -> ExportReport {
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
            readers: Vec::new(),
            duration_ns: 0,
            validation_ns: 0,
            summary: None,
        }
    }

    /// With them, what else is in their directory.
    fn read_heartbeats(
        &self,
        report: &mut ExportReport,
    ) -> Result<(Sorted<HeartbeatRow>, Option<Vec<Found>>), ExportError> {
        let dir = scan::resolve(self.root.path(), &self.config.paths.heartbeats);
        let shown = scan::shown(self.root.path(), &dir);
        self.progress.phase("reading heartbeats", None);
        let mut tally = Tally::default();
        let date_of_name =
            |name: &str| heartbeat::name_time(name).and_then(|at| day_of(at.as_microsecond(), &self.zone));
        let mut others = None;
        let sorted = self.read(
            self.config.export.heartbeat_bytes,
            |found| {
                others = scan::heartbeats_and_others(&dir, &shown, found)?;
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
    fn read_reports(
        &self,
        others: Option<Vec<Found>>,
        report: &mut ExportReport,
    ) -> Result<Sorted<ReportRow>, ExportError> {
        let root = self.root.path();
        let resolve = |path: &Path| scan::resolve(root, path);
        let dir = resolve(&self.config.paths.reports);
        let shown = scan::shown(root, &dir);
        let skip = [scan::shown(root, &resolve(&self.config.paths.parquet_reports))];
        let heartbeats = scan::shown(root, &resolve(&self.config.paths.heartbeats));
        self.progress.phase("reading reports", None);
        let mut tally = Tally::default();
        let date_of_name = |name: &str| dates::in_file_name(name, &self.zone).and_then(|at| day_of(at, &self.zone));
        let sorted = self.read(
            self.config.export.report_bytes,
            |found| {
                let heartbeats = HeartbeatsDir { shown: &heartbeats, others };
                scan::reports(&dir, &shown, &skip, heartbeats, found)
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
        Ok(sorted)
    }

    /// Reads and sorts everything that `list` finds.
    fn read<T: Tabular>(
        &self,
        max_bytes: usize,
        list: impl FnOnce(&mut dyn FnMut(Found) -> bool) -> Result<(), ExportError> + Send,
        parse: impl Fn(&Found, &str, &scan::Content) -> Result<(T, bool), String> + Sync,
        date_of_name: &(dyn Fn(&str) -> Option<Date> + Sync),
        tally: &mut Tally,
        report: &mut ExportReport,
    ) -> Result<Sorted<T>, ExportError> {
        let spill_dir = self.work_dir.path();
        let mut sorter = Sorter::<T>::new(self.config.export.sort_bytes, spill_dir);
        let spill_failed = |error| ExportError::io("sort rows in", spill_dir)(error);
        let work = Work { threads: self.config.export.thread_count(), max_bytes, progress: self.progress };
        let one_day = if let Days::One(day) = self.request.days { Some(day) } else { None };
        let unreadable = |path: String, reason: String, report: &mut ExportReport| {
            let date = date_of_name(path.rsplit('/').next().unwrap_or(&path));
            if one_day.is_none() || date.is_none() || date == one_day {
                report.unreadable.push(Unreadable { path, reason, date });
            }
        };
        // packed by the threads that read, so that little is left to do one after the other
        let parse = |found: &Found, name: &str, content: &scan::Content| {
            let (row, named) = parse(found, name, content)?;
            let day = day_of(row.at_us(), &self.zone).ok_or("its time is out of range: the years 1970 to 9999")?;
            Ok((Packed::new(day, &row).map_err(|error| error.to_string())?, named))
        };
        scan::read_all(&work, list, parse, |outcome: Outcome<(Packed, bool)>| {
            match outcome {
                Outcome::Link { path } => report.links.push(path),
                Outcome::Unreadable { path, reason } => {
                    tally.found += 1;
                    tally.unreadable += 1;
                    unreadable(path, reason, report);
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
        sorter.finish().map_err(spill_failed)
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

    /// The days to export, in order.
    fn choose<T: Tabular>(&self, sorted: &Sorted<T>, report: &mut ExportReport) -> Result<Vec<Chosen>, ExportError> {
        let mut existing = self.existing(T::DATASET)?;
        let mut candidates: BTreeMap<Date, Option<Why>> = BTreeMap::new();
        let known = sorted.days.iter().map(|sources| sources.day).chain(existing.keys().copied());
        match self.request.days {
            Days::One(day) => {
                candidates.insert(day, Some(Why::Requested));
            }
            Days::All => candidates.extend(known.map(|day| (day, Some(Why::Requested)))),
            Days::Due => {
                candidates.extend(known.map(|day| (day, None)));
                if let Ok(yesterday) = self.today.yesterday() {
                    candidates.insert(yesterday, Some(Why::Yesterday));
                }
                candidates.insert(self.today, Some(Why::Today));
            }
        }
        let mut chosen = Vec::new();
        for (day, why) in candidates {
            let digest = existing.remove(&day);
            if digest.is_none() && sorted.day(day).is_none() {
                report.empty_days.push(day);
                continue;
            }
            let why = match why {
                Some(why) => why,
                None if self.is_late(sorted, day, digest.as_deref())? => Why::Late,
                None => continue,
            };
            let same_sources = sorted.day(day).is_some_and(|sources| digest.as_ref() == Some(&sources.digest));
            chosen.push(Chosen { day, why, replaces_ours: digest.is_some(), same_sources });
        }
        Ok(chosen)
    }

    /// Our day files of `dataset` and the digest of what they were made of. Others, and those that can't be read, are
    /// left for [`Job::publish`] to set aside.
    fn existing(&self, dataset: Dataset) -> Result<BTreeMap<Date, String>, ExportError> {
        let mut found = BTreeMap::new();
        for path in read::parquet_files(&self.analytics)? {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let Some((_, day)) = Dataset::of_file_name(&name).filter(|(kind, _)| *kind == dataset) else { continue };
            let Ok(mut footer) = read::open(&path).and_then(|opened| opened.footer()) else { continue };
            if footer.is_ours() && footer.dataset() == Some(dataset) {
                found.insert(day, footer.metadata.remove(key::SOURCE_DIGEST).unwrap_or_default());
            }
        }
        Ok(found)
    }

    fn target(&self, dataset: Dataset, day: Date) -> PathBuf {
        self.analytics.join(dataset.file_name(day))
    }

    /// Whether the reports of `day` differ from those that its file was made of, which have `digest`.
    fn is_late<T: Tabular>(&self, sorted: &Sorted<T>, day: Date, digest: Option<&str>) -> Result<bool, ExportError> {
        match (sorted.day(day), digest) {
            (Some(sources), digest) => Ok(digest != Some(&sources.digest)),
            (None, None) => Ok(false),
            (None, Some(_)) => {
                // its reports were rotated away, or one of them now has another day
                let is_gone = self.is_gone::<T>()?;
                let mut all_gone = true;
                let name = match T::DATASET {
                    Dataset::Heartbeats => "filename",
                    Dataset::Reports => "path",
                };
                read::open(&self.target(T::DATASET, day))?.texts(name, |name| {
                    all_gone = is_gone(name);
                    all_gone
                })?;
                Ok(!all_gone)
            }
        }
    }

    /// Tells whether the report of a row no longer exists.
    fn is_gone<T: Tabular>(&self) -> Result<impl Fn(&str) -> bool + use<T>, ExportError> {
        let dir = match T::DATASET {
            Dataset::Heartbeats => scan::resolve(self.root.path(), &self.config.paths.heartbeats),
            Dataset::Reports => self.root.path().to_owned(),
        };
        let dir = scan::open_dir(&dir)?;
        Ok(move |name: &str| dir.as_ref().is_none_or(|dir| !scan::exists(dir, name)))
    }

    fn export_chunk<T: Tabular>(
        &self,
        chunk: Vec<Chosen>,
        sorted: &Sorted<T>,
        side_car: &mut Option<SideCar>,
        report: &mut ExportReport,
    ) -> Result<(), ExportError> {
        let staged = self.stage_all(&chunk, sorted)?;
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
                path: scan::shown(self.root.path(), &target),
                rows: staged.rows,
                kept_rows: staged.kept_rows,
                bytes: staged.bytes,
                sha256: staged.sha256.clone(),
                compression: validation.compression,
                state: FileState::Unchanged,
                why: chosen.why,
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

    /// A few small days side by side. Large ones one after the other, since each writer takes memory; many as well, since
    /// threads that come and go leave the allocator's memory in pieces.
    fn stage_all<T: Tabular>(&self, chunk: &[Chosen], sorted: &Sorted<T>) -> Result<Vec<Staged>, ExportError> {
        let large = chunk.iter().any(|chosen| sorted.day(chosen.day).is_some_and(|day| day.bytes > SMALL_DAY_BYTES));
        let many = sorted.days.len() > CHUNK;
        let threads = if large || many { 1 } else { self.config.export.thread_count().min(chunk.len()) };
        if threads <= 1 {
            return chunk.iter().map(|chosen| self.stage(chosen, sorted.rows(chosen.day))).collect();
        }
        let queue = Mutex::new(chunk.iter().enumerate());
        let next = || queue.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
        let done: Mutex<Vec<(usize, Result<Staged, ExportError>)>> = Mutex::new(Vec::with_capacity(chunk.len()));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some((i, chosen)) = next() {
                        let staged = self.stage(chosen, sorted.rows(chosen.day));
                        done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push((i, staged));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        done.sort_by_key(|(i, _)| *i);
        done.into_iter().map(|(_, staged)| staged).collect()
    }

    fn stage<T: Tabular>(&self, chosen: &Chosen, fresh: Rows<T>) -> Result<Staged, ExportError> {
        let about = About { day: chosen.day, timezone: &self.config.export.timezone, compression: self.compression };
        let dir = self.work_dir.path();
        if !chosen.replaces_ours || chosen.same_sources {
            return stage::stage(dir, &about, stage::merge(fresh, std::iter::empty(), |_| false, dir));
        }
        let earlier = read::open(&self.target(T::DATASET, chosen.day))?.rows::<T>()?;
        stage::stage(dir, &about, stage::merge(fresh, earlier, self.is_gone::<T>()?, dir))
    }

    fn publish(
        &self,
        chosen: &Chosen,
        staged: Staged,
        target: &Path,
        report: &mut ExportReport,
    ) -> Result<FileState, ExportError> {
        if self.request.dry_run {
            return Ok(FileState::Dry);
        }
        let there = std::fs::symlink_metadata(target).is_ok();
        if there && !chosen.replaces_ours {
            let aside = place::keep_aside(target)?;
            let shown = |path: &Path| scan::shown(self.root.path(), path);
            report.moved.push((shown(target), shown(&aside)));
        }
        staged.publish(target)?;
        Ok(if there { FileState::Replaced } else { FileState::New })
    }
}

/// Whether `target` holds the very bytes of `staged`.
fn has_bytes_of(target: &Path, staged: &Staged) -> Result<bool, ExportError> {
    use std::io::Read as _;
    let Ok(meta) = std::fs::symlink_metadata(target) else { return Ok(false) };
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
        let same = b.read_exact(&mut right[..n]).is_ok() && left[..n] == right[..n];
        if !same {
            return Ok(false);
        }
    }
}
