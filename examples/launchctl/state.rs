//! What is kept in `$LAUNCHCTL_STATE`: one JSON file a bootstrapped service.
//!
//! What must hold here: a file is seen whole, and what is read and changed is held meanwhile.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;

use plist::{Dictionary, Value};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

/// A bootstrapped service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Service {
    pub(super) label: String,
    pub(super) path: PathBuf,
    /// Tells this bootstrap from an earlier one of the same label.
    pub(super) token: u128,
    /// The property list as it was when it was bootstrapped, as XML.
    pub(super) plist: String,
    pub(super) supervisor: Option<u32>,
    pub(super) pid: Option<u32>,
    pub(super) last_exit_status: Option<i32>,
    pub(super) runs: u64,
    pub(super) requests: Vec<Request>,
    pub(super) leaving: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Request {
    Start,
    /// Ends the running process first.
    Restart,
}

#[derive(Clone)]
pub(super) struct State {
    pub(super) dir: PathBuf,
}

/// Held while the state is read and changed.
pub(super) struct Held(#[allow(dead_code, reason = "the lock goes with it")] File);

impl State {
    /// launchd is one process: what it does to its state does not interleave.
    pub(super) fn hold(&self) -> Option<Held> {
        fs::create_dir_all(self.dir.parent()?).ok()?;
        if !self.dir.exists() {
            fs::create_dir(&self.dir).ok();
        }
        self.hold_existing()
    }

    pub(super) fn hold_existing(&self) -> Option<Held> {
        let path = self.dir.join("lock");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).ok()?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive).ok()?;
        Some(Held(file))
    }

    pub(super) fn file(&self, label: &str) -> PathBuf {
        self.dir.join(format!("{label}.service"))
    }

    pub(super) fn read(&self, label: &str) -> Option<Service> {
        serde_json::from_slice(&fs::read(self.file(label)).ok()?).ok()
    }

    pub(super) fn write(&self, service: &Service) -> Option<()> {
        let path = self.file(&service.label);
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&temporary, serde_json::to_vec(service).ok()?).ok()?;
        fs::rename(temporary, path).ok()
    }

    pub(super) fn services(&self) -> Vec<Service> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut services: Vec<Service> = names.filter_map(|name| self.read(name.strip_suffix(".service")?)).collect();
        services.sort_by(|a, b| a.label.cmp(&b.label));
        services
    }
}

impl Service {
    pub(super) fn root(&self) -> Dictionary {
        Value::from_reader_xml(self.plist.as_bytes()).ok().and_then(Value::into_dictionary).unwrap_or_default()
    }
}
