//! Heartbeats of a span of time, from Parquet files and from reports together, each once.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::row::{HeartbeatRow, heartbeat_row};
use super::scan::{self, Outcome, Work};
use super::{Dataset, ExportError, Silent, Unreadable, paths, read};
use crate::config::Config;
use crate::monitor::heartbeat;
use crate::root::Root;

/// What is known of a span of time.
#[derive(Debug, Clone)]
pub struct History<T = HeartbeatRow> {
    /// By time, then file name.
    pub rows: Vec<T>,
    /// Reports in that span that can't be read.
    pub unreadable: Vec<Unreadable>,
    /// Parquet files that can't be read, with the reason.
    pub damaged: Vec<(std::path::PathBuf, String)>,
}

/// How far the time in a file name may be from the report's own before the file is not looked at.
const NAME_MARGIN_H: i64 = 26;

/// The heartbeats with `from` ≤ time ≤ `to`. A report on disk wins over its row in a file.
pub fn read_heartbeats(root: &Root, config: &Config, from: Timestamp, to: Timestamp) -> Result<History, ExportError> {
    read_heartbeats_as(root, config, from, to, |row| row)
}

/// [`read_heartbeats`], of each row only what `keep` makes of it: years of rows with all their words fill the memory.
pub fn read_heartbeats_as<T: Send>(
    root: &Root,
    config: &Config,
    from: Timestamp,
    to: Timestamp,
    mut keep: impl FnMut(HeartbeatRow) -> T + Send,
) -> Result<History<T>, ExportError> {
    let mut history = History { rows: Vec::new(), unreadable: Vec::new(), damaged: Vec::new() };
    let span = from.as_microsecond()..=to.as_microsecond();
    let dir = paths::resolve(root.path(), &config.paths.heartbeats);
    let shown = paths::shown(root.path(), &dir);
    let margin = jiff::Span::new().hours(NAME_MARGIN_H);
    let near =
        from.saturating_sub(margin).unwrap_or(Timestamp::MIN)..=to.saturating_add(margin).unwrap_or(Timestamp::MAX);
    let work =
        Work { threads: config.export.thread_count(), max_bytes: config.export.heartbeat_bytes, progress: &Silent };
    let mut rows: BTreeMap<(i64, String), T> = BTreeMap::new();
    // names of all reports on disk that were read: their rows in files are not taken
    let mut on_disk: HashSet<String> = HashSet::new();
    // a copy of a report, or one that has another name in a file, is the same heartbeat
    let mut seen: HashSet<(i64, String)> = HashSet::new();
    let nearby = |found: &scan::Found| {
        let at = found.name.to_str().and_then(heartbeat::name_time);
        at.is_none_or(|at| near.contains(&at))
    };
    scan::read_all(
        &work,
        |found| scan::heartbeats(&dir, &shown, &mut |entry| !nearby(&entry) || found(entry)),
        |_, name, content| heartbeat_row(name, content.bytes).map(|(row, _)| row),
        |outcome: Outcome<HeartbeatRow>| {
            match outcome {
                Outcome::Row(row) => {
                    on_disk.insert(row.filename.clone());
                    if span.contains(&row.timestamp_us) && seen.insert((row.timestamp_us, row.sha256.clone())) {
                        rows.insert((row.timestamp_us, row.filename.clone()), keep(row));
                    }
                }
                Outcome::Unreadable { path, reason, .. } => {
                    let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
                    let at = heartbeat::name_time(&name);
                    if at.is_none_or(|at| (from..=to).contains(&at)) {
                        let date = at.map(|at| at.to_zoned(TimeZone::UTC).date());
                        history.unreadable.push(Unreadable { path, reason, date });
                    }
                    on_disk.insert(name);
                }
                Outcome::Link { .. } => {}
            }
            Ok(())
        },
    )?;
    let (files, _) = read::ours(&paths::resolve(root.path(), &config.paths.analytics))?;
    for (path, footer) in files {
        if footer.dataset() != Some(Dataset::Heartbeats) || !may_hold(&path, &near) {
            continue;
        }
        let result = read::open(&path).and_then(|opened| {
            for row in opened.rows::<HeartbeatRow>()? {
                let row = row?;
                if span.contains(&row.timestamp_us)
                    && !on_disk.contains(&row.filename)
                    && seen.insert((row.timestamp_us, row.sha256.clone()))
                {
                    rows.entry((row.timestamp_us, row.filename.clone())).or_insert_with(|| keep(row));
                }
            }
            Ok(())
        });
        if let Err(error) = result {
            history.damaged.push((path, error.to_string()));
        }
    }
    history.rows = rows.into_values().collect();
    history.unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(history)
}

/// Whether a file of that name can hold rows of `span`; files of more than one day always can.
fn may_hold(path: &std::path::Path, span: &std::ops::RangeInclusive<Timestamp>) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(Dataset::of_file_name);
    let Some((_, day)) = name else { return true };
    let Ok(noon) = day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC) else { return true };
    // a day in whatever zone lies within 26 hours of its noon in UTC
    let margin = jiff::Span::new().hours(NAME_MARGIN_H);
    let noon = noon.timestamp();
    let (Ok(start), Ok(end)) = (noon.checked_sub(margin), noon.checked_add(margin)) else { return true };
    start <= *span.end() && end >= *span.start()
}
