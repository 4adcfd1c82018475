//! The export itself.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::choose::Chosen;
use super::reach::Own;
use super::row::{HeartbeatRow, ReportRow, day_of, heartbeat_row};
use super::scan::{self, Found, HeartbeatsDir, Outcome, Work};
use super::schema::Tabular;
use super::sort::{Packed, Sorted, Sorter};
use super::sql::{Program, SideCar};
use super::{
    Compression, Dataset, Days, ExportError, ExportReport, Progress, Request, Tally, Unreadable, document, paths,
    place, summary,
};
use crate::config::Config;
use crate::dates;
use crate::durable;
use crate::monitor::heartbeat;
use crate::root::Root;

/// Files that are staged and validated together: a bound on the disk that staging takes and on what one run of `wo-sql`
/// is asked.
pub(super) const CHUNK: usize = 64;
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
    job.remove(&mut report)?;

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

pub(super) fn nanoseconds(duration: Duration) -> u64 {
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
    pub(super) sql: Program<'a>,
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
}
