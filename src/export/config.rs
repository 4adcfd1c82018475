//! `[export]` of `wo.toml`, and what is derived from it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::ExportError;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportConfig {
    /// The zone whose days the files hold, as in the IANA database (`Asia/Bangkok`); `system` is the machine's own.
    pub timezone: String,
    pub compression: Compression,
    /// Threads that read reports; `0`: one a processor, at most 8.
    pub threads: usize,
    /// Rows are sorted in memory up to this size, beyond in a temporary file.
    pub sort_bytes: usize,
    /// A heartbeat larger than this is listed as unreadable.
    pub heartbeat_bytes: usize,
    /// Any other report larger than this is listed as unreadable.
    pub report_bytes: usize,
    /// Memory that `wo-sql` may use.
    pub sql_memory_mb: u64,
    pub sql_deadline_s: u64,
    /// What `wo query` may print, in bytes of its result.
    pub query_bytes: usize,
}

impl Default for ExportConfig {
    fn default() -> Self {
        ExportConfig {
            timezone: "UTC".to_owned(),
            compression: Compression::Snappy,
            threads: 0,
            sort_bytes: 8 * 1024 * 1024,
            heartbeat_bytes: 1024 * 1024,
            report_bytes: 8 * 1024 * 1024,
            sql_memory_mb: 512,
            sql_deadline_s: 120,
            query_bytes: 64 * 1024 * 1024,
        }
    }
}

impl ExportConfig {
    pub fn zone(&self) -> Result<TimeZone, ExportError> {
        let name = self.timezone.trim();
        if name.eq_ignore_ascii_case("utc") {
            return Ok(TimeZone::UTC);
        }
        if name.eq_ignore_ascii_case("system") || name.eq_ignore_ascii_case("local") {
            return Ok(TimeZone::system());
        }
        TimeZone::get(name).map_err(|error| ExportError::Zone { name: name.to_owned(), why: error.to_string() })
    }

    pub(super) fn thread_count(&self) -> usize {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        if self.threads == 0 { available.min(8) } else { self.threads.clamp(1, 64) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    Snappy,
    Zstd,
}

impl Compression {
    pub fn as_str(self) -> &'static str {
        match self {
            Compression::Snappy => "snappy",
            Compression::Zstd => "zstd",
        }
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Compression::Snappy, Compression::Zstd]
            .into_iter()
            .find(|codec| codec.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| format!("unknown compression `{text}`: snappy or zstd"))
    }
}

/// The kinds of files that an export makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dataset {
    /// One row a heartbeat.
    Heartbeats,
    /// One row for every other Markdown report.
    Reports,
}

impl Dataset {
    /// As in the metadata of a file and as the view of `wo query` is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Dataset::Heartbeats => "heartbeats",
            Dataset::Reports => "reports",
        }
    }

    pub fn from_word(word: &str) -> Option<Dataset> {
        [Dataset::Heartbeats, Dataset::Reports].into_iter().find(|dataset| dataset.as_str() == word)
    }

    /// The column that holds the names of reports.
    pub(super) fn name_column(self) -> &'static str {
        match self {
            Dataset::Heartbeats => "filename",
            Dataset::Reports => "path",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Dataset::Heartbeats => "ops_atomic",
            Dataset::Reports => "reports",
        }
    }

    /// `ops_atomic_20251028.parquet`.
    pub fn file_name(self, day: jiff::civil::Date) -> String {
        format!("{}_{}.parquet", self.prefix(), day.strftime("%Y%m%d"))
    }

    /// The inverse of [`Dataset::file_name`].
    pub fn of_file_name(name: &str) -> Option<(Dataset, jiff::civil::Date)> {
        [Dataset::Heartbeats, Dataset::Reports].into_iter().find_map(|dataset| {
            let digits = name.strip_prefix(dataset.prefix())?.strip_prefix('_')?.strip_suffix(".parquet")?;
            let all_digits = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit());
            let day = all_digits.then(|| jiff::civil::Date::strptime("%Y%m%d", digits).ok())??;
            Some((dataset, day))
        })
    }

    /// Whether `name` is a temporary file of an export of this kind.
    pub(super) fn is_temporary(name: &str) -> bool {
        [Dataset::Heartbeats, Dataset::Reports]
            .iter()
            .any(|dataset| name.starts_with(&format!(".{}_", dataset.prefix())) && name.ends_with(".tmp"))
    }
}

impl std::fmt::Display for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where `wo-sql` is: `WO_SQL`, else beside the program that runs.
pub fn sql_program() -> PathBuf {
    if let Some(path) = std::env::var_os("WO_SQL").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return std::path::absolute(&path).unwrap_or(path);
    }
    let here = std::env::current_exe().and_then(|exe| exe.canonicalize()).unwrap_or_default();
    let dir = here.parent().unwrap_or(Path::new("/"));
    // test binaries lie in `deps/`, one level below
    [Some(dir), dir.parent()]
        .into_iter()
        .flatten()
        .map(|dir| dir.join("wo-sql"))
        .find(|path| path.is_file())
        .unwrap_or_else(|| dir.join("wo-sql"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_go_there_and_back() {
        let day = jiff::civil::date(2025, 10, 28);
        for dataset in [Dataset::Heartbeats, Dataset::Reports] {
            assert_eq!(Dataset::of_file_name(&dataset.file_name(day)), Some((dataset, day)));
        }
        for name in
            ["ops_atomic_202510.parquet", "ops_atomic_20251328.parquet", "x.parquet", "ops_atomic_+2025102.parquet"]
        {
            assert_eq!(Dataset::of_file_name(name), None, "{name}");
        }
    }

    #[test]
    fn zones_by_name_and_a_wrong_one_is_an_error_that_names_it() {
        let zone = |name: &str| ExportConfig { timezone: name.to_owned(), ..Default::default() }.zone();
        assert_eq!(zone("UTC").unwrap(), TimeZone::UTC);
        assert_eq!(zone("Asia/Bangkok").unwrap().iana_name(), Some("Asia/Bangkok"));
        assert!(zone("Mars/Olympus").unwrap_err().to_string().contains("Mars/Olympus"));
    }
}
