//! What was deployed where: `bridge/state/deployments/NAME.json`, written by the handler that deployed it and read by
//! `wo verify`, so that both speak of the same files. Where no order deployed anything, the standard names count.
//!
//! Invariant: the record holds places, settings and the digests of what was written there, never a result; the same
//! deployment by the same `wo` gives the same bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::durable::{self, DurableError};
use crate::order::target::Weekday;
use crate::root::Root;

pub const PARQUET: &str = "parquet-exporter";

/// The label of the export's service, unless an order lists another plist.
pub const EXPORT_LABEL: &str = "com.02luka.analytics.parquet";
/// The label of the monitor's loop, likewise.
pub const LOOP_LABEL: &str = "com.02luka.ops_atomic_monitor.loop";

/// The deployed Parquet export. Paths are relative to the root unless they are absolute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Of this format.
    pub version: u32,
    /// The service's label.
    pub label: String,
    /// `None`: the order listed none, so there is none to check.
    pub exporter: Option<String>,
    pub runner: Option<String>,
    pub test_script: Option<String>,
    /// The rendered plist.
    pub plist: String,
    /// Directory of the Parquet files.
    pub output: String,
    /// The service's log.
    pub log: String,
    /// Directory of summaries.
    pub summaries: String,
    /// The codec that the order asks for; the configured one when `None`.
    pub compression: Option<String>,
    /// Local wall-clock time of the daily run.
    pub at: Time,
    /// Only on this day of the week.
    pub weekday: Option<Weekday>,
    /// SHA-256 of each script and of the rendered plist, by path; none in records of before they were kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<String, String>,
}

/// The monitor's loop as an order deployed it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorDeployment {
    /// Of this format.
    pub version: u32,
    /// The loop's label.
    pub label: String,
    /// The rendered plist, relative to the root.
    pub plist: String,
    /// The verification script, relative to the root.
    pub script: Option<String>,
}

impl MonitorDeployment {
    pub fn path(root: &Root) -> PathBuf {
        root.state().join("deployments/monitor-fix.json")
    }

    /// The record of this root; `None` where no order deployed a loop.
    pub fn load(root: &Root) -> Result<Option<Self>, DeploymentError> {
        read(MonitorDeployment::path(root), |found: &Self| found.version)
    }

    /// The bytes of the record.
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes(self)
    }
}

fn bytes(record: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(record).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn read<T: serde::de::DeserializeOwned>(
    path: PathBuf,
    version: impl Fn(&T) -> u32,
) -> Result<Option<T>, DeploymentError> {
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DeploymentError::Read { path, source }),
    };
    match serde_json::from_str::<T>(&text) {
        Ok(record) if version(&record) == VERSION => Ok(Some(record)),
        Ok(other) => Err(DeploymentError::Parse { path, why: format!("version {} is not {VERSION}", version(&other)) }),
        Err(error) => Err(DeploymentError::Parse { path, why: error.to_string() }),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    #[error("failed to read the deployment record `{}`: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "failed to understand the deployment record `{}`: {why}\n\
         hint: run the order that deployed it again, which writes it anew", path.display()
    )]
    Parse { path: PathBuf, why: String },
}

pub const VERSION: u32 = 1;

impl Deployment {
    /// Where everything lies when an order names nothing else.
    pub fn standard(config: &Config) -> Self {
        let text = |path: &Path| path.display().to_string();
        Deployment {
            version: VERSION,
            label: EXPORT_LABEL.to_owned(),
            exporter: Some(text(&config.paths.run.join("parquet_exporter.cjs"))),
            runner: Some(text(&config.paths.scripts.join("analytics/run_parquet_exporter.zsh"))),
            test_script: Some(text(&config.paths.scripts.join("analytics/test_parquet_exporter.zsh"))),
            plist: format!("launchd/{EXPORT_LABEL}.plist"),
            output: text(&config.paths.analytics),
            log: text(&config.paths.logs.join("parquet_exporter.log")),
            summaries: text(&config.paths.parquet_reports),
            compression: None,
            at: jiff::civil::time(2, 30, 0, 0),
            weekday: None,
            sha256: BTreeMap::new(),
        }
    }

    /// The codec that its files are to have.
    pub fn codec(&self, config: &Config) -> String {
        self.compression.clone().unwrap_or_else(|| config.export.compression.to_string())
    }

    pub fn path(root: &Root) -> PathBuf {
        root.state().join("deployments").join(format!("{PARQUET}.json"))
    }

    /// The record of this root; `None` where nothing was deployed by an order.
    pub fn load(root: &Root) -> Result<Option<Deployment>, DeploymentError> {
        read(Deployment::path(root), |found: &Deployment| found.version)
    }

    /// The bytes of the record.
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes(self)
    }

    pub fn store(&self, root: &Root) -> Result<(), DurableError> {
        durable::write(&Deployment::path(root), &self.to_bytes(), 0o644)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back_and_a_strange_one_is_refused() {
        let dir = tempfile::Builder::new().prefix("ราก ").tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        assert_eq!(Deployment::load(&root).unwrap(), None);
        let deployment = Deployment { weekday: Some(Weekday::Sunday), ..Deployment::standard(&Config::default()) };
        deployment.store(&root).unwrap();
        assert_eq!(Deployment::load(&root).unwrap(), Some(deployment.clone()));
        for broken in ["", "{}", "[]", &String::from_utf8(deployment.to_bytes()).unwrap().replace(": 1,", ": 2,")] {
            durable::write(&Deployment::path(&root), broken.as_bytes(), 0o644).unwrap();
            assert!(matches!(Deployment::load(&root), Err(DeploymentError::Parse { .. })), "{broken}");
        }
    }
}
