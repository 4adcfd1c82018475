//! `wo.toml`: every setting has a default, so the file may be missing. A section's struct lives here unless the module it
//! configures owns it. Unknown keys are errors with their name, so that a typing error never passes as a default; so are
//! values that nothing could use ([`check`]), numbers out of their range among them ([`ranges`]).

mod check;
mod ranges;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::root::Root;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub inbox: InboxConfig,
    pub paths: PathsConfig,
    pub limits: LimitsConfig,
    /// `[[dispatch]]` rules, tried in order when an order names no handler.
    pub dispatch: Vec<DispatchRule>,
    /// External handlers: `[handlers.NAME] command = ["/abs/program", "arg"]`.
    pub handlers: BTreeMap<String, ExternalHandler>,
    pub policy: PolicyConfig,
    pub notify: NotifyConfig,
    pub export: crate::export::ExportConfig,
    pub monitor: crate::monitor::MonitorConfig,
    pub services: crate::services::ServicesConfig,
    pub schedule: crate::schedule::ScheduleConfig,
    pub web: crate::web::WebConfig,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InboxConfig {
    pub agents: Vec<String>,
    /// Quiet time after the last write before a file counts as whole.
    pub settle_ms: u64,
    /// The inbox is scanned this often even when no event came.
    pub rescan_ms: u64,
    /// Take changes from the operating system; off, the scan alone finds orders.
    pub watch: bool,
    /// A minisign public key; with it, orders without a valid `NAME.minisig` are rejected before parsing.
    pub require_signature: Option<String>,
}

impl Default for InboxConfig {
    fn default() -> Self {
        InboxConfig {
            agents: vec!["CLC".to_owned()],
            settle_ms: 300,
            rescan_ms: 15_000,
            watch: true,
            require_signature: None,
        }
    }
}

/// Directories and files of the home-ops system, relative to the root or absolute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PathsConfig {
    pub reports: PathBuf,
    pub heartbeats: PathBuf,
    pub parquet_reports: PathBuf,
    pub analytics: PathBuf,
    pub logs: PathBuf,
    pub database: PathBuf,
    pub run: PathBuf,
    pub scripts: PathBuf,
}

impl Default for PathsConfig {
    fn default() -> Self {
        PathsConfig {
            reports: "g/reports".into(),
            heartbeats: "g/reports/ops_atomic".into(),
            parquet_reports: "g/reports/parquet".into(),
            analytics: "g/analytics".into(),
            logs: "g/logs".into(),
            database: "knowledge/02luka.db".into(),
            run: "run".into(),
            scripts: "scripts".into(),
        }
    }
}

impl PathsConfig {
    /// The folders that are named by an absolute path: what lies there may lie outside the root.
    pub fn absolute(&self) -> Vec<&Path> {
        let folders = [
            &self.reports,
            &self.heartbeats,
            &self.parquet_reports,
            &self.analytics,
            &self.logs,
            &self.run,
            &self.scripts,
        ];
        folders.into_iter().filter(|folder| folder.is_absolute()).map(PathBuf::as_path).collect()
    }
}

/// A bound on every queue, retry, wait, output and file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    pub order_bytes: u64,
    /// Orders that run side by side; those that touch the same subject never do.
    pub workers: usize,
    /// Orders that are claimed and not ended; beyond, claiming stops and nothing is deleted.
    pub open_orders: u64,
    /// Files in `rejected/`; beyond, claiming stops and nothing is deleted.
    pub rejected_files: u64,
    /// Orders that share one claim transaction and its directory fsyncs.
    pub claim_batch: usize,
    pub step_deadline_s: u64,
    /// An order whose steps were at work for longer than this, waits left out, begins no further one.
    pub order_deadline_s: u64,
    /// An order that waits longer than this for its gate or an approval ends `rejected`, one whose step waits longer `failed`.
    pub wait_max_s: u64,
    pub output_bytes: usize,
    pub attempts: u32,
    /// After the machine's trouble (a full disk) a run or a look at the inbox is tried again after this, then after twice that,
    /// and so on up to `retry_max_ms`.
    pub retry_first_ms: u64,
    pub retry_max_ms: u64,
    /// Requests that wait for an executor; beyond, a further one is refused.
    pub requests: u64,
    /// What was told once, drops that became no order, answered requests: the oldest beyond this many of each are forgotten.
    pub remembered: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        LimitsConfig {
            order_bytes: 1024 * 1024,
            workers: 8,
            open_orders: 100_000,
            rejected_files: 10_000,
            claim_batch: 128,
            step_deadline_s: 600,
            order_deadline_s: 3_600,
            wait_max_s: 7 * 86_400,
            output_bytes: 256 * 1024,
            attempts: 100,
            retry_first_ms: 1_000,
            retry_max_ms: 30_000,
            requests: 10_000,
            remembered: 10_000,
        }
    }
}

impl LimitsConfig {
    /// After how long to try again what met the machine's trouble, when the last try came after `before`.
    pub fn retry_after(&self, before: Option<Duration>) -> Duration {
        match before {
            None => Duration::from_millis(self.retry_first_ms),
            Some(before) => (before * 2).min(Duration::from_millis(self.retry_max_ms)),
        }
    }
}

/// `[[dispatch]] id = "WO-*-EXPORT*" handler = "parquet-exporter"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatchRule {
    /// A pattern over the order's id; `*` stands for any run of characters.
    pub id: String,
    pub handler: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalHandler {
    /// argv; the program's path is absolute.
    pub command: Vec<String>,
    #[serde(default)]
    pub deadline_s: Option<u64>,
}

/// What orders may ask for; the default allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// Absolute programs that verification commands of orders and `command` checks may run.
    pub programs: Vec<PathBuf>,
}

/// Whom to tell when an order is rejected, uncertain or waits for a person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyConfig {
    /// argv; gets the notice as JSON on stdin.
    pub command: Option<Vec<String>>,
    /// An http(s) URL that gets the notice as JSON.
    pub webhook: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("failed to read `{}`: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "failed to read `{}`: it is a link to `{}`, which is not there\n\
         hint: put the settings there again; remove the link only if the defaults shall hold", path.display(), target.display()
    )]
    Dangling { path: PathBuf, target: PathBuf },
    #[error("failed to understand `{}`: {message}", path.display())]
    Parse { path: PathBuf, message: String },
    #[error("failed to use `{}`: {value}", path.display())]
    Value { path: PathBuf, value: check::BadValue },
}

impl Config {
    /// The settings of `root`; defaults where `wo.toml` is missing.
    pub fn load(root: &Root) -> Result<Config, ConfigError> {
        let path = root.config();
        match std::fs::read_to_string(&path) {
            Ok(text) => Config::parse(&text, &path),
            // a link that leads nowhere is not a missing file: the settings that it stands for hold, and are unknown
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match std::fs::read_link(&path) {
                Ok(target) => Err(ConfigError::Dangling { path, target }),
                Err(_) => Ok(Config::default()),
            },
            Err(source) => Err(ConfigError::Read { path, source }),
        }
    }

    /// Every secret that these settings refer to.
    pub fn secrets(&self) -> Vec<crate::secret::SecretRef> {
        self.monitor.secret_refs(&self.paths)
    }

    /// Parses the text of a `wo.toml`; `path` is for the message.
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        // the message quotes the line, in which someone may have put a password after all
        let message = |error: toml::de::Error| crate::secret::mask_settings(&error.to_string());
        let config: Config = toml::from_str(text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), message: message(error) })?;
        check::check(&config).map_err(|value| ConfigError::Value { path: path.to_owned(), value })?;
        Ok(config)
    }
}
