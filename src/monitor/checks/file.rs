//! `file`: exists, is not too old, has a size within bounds.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe, why_unreadable};
use crate::clock::ns_between;
use crate::text;

pub const KIND: Kind = Kind::of::<File>("file", "Files", "a file exists, with an age and a size within bounds");

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Relative to the root.
    pub path: PathBuf,
    /// Seconds since it was last changed.
    #[serde(default)]
    pub max_age_s: Option<u64>,
    #[serde(default)]
    pub min_bytes: Option<u64>,
    #[serde(default)]
    pub max_bytes: Option<u64>,
}

/// Clocks of two machines differ by less.
const SKEW_NS: u64 = 60 * 1_000_000_000;

impl Check for File {
    fn validate(&self) -> Result<(), String> {
        match (self.min_bytes, self.max_bytes) {
            (Some(min), Some(max)) if min > max => Err(format!("`min_bytes` {min} is above `max_bytes` {max}")),
            _ => Ok(()),
        }
    }

    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move { probe.blocking(move |probe| self.look(probe)).await })
    }
}

impl File {
    fn look(&self, probe: &Probe) -> Finding {
        let path = probe.path(&self.path);
        let shown = self.path.display().to_string();
        let meta = match std::fs::metadata(&path) {
            Ok(meta) if meta.is_file() => meta,
            Ok(_) => return Finding::error(format!("`{shown}` is not a file")),
            Err(error) => return Finding::error(why_unreadable(&path, &shown, &error)),
        };
        let modified = match meta.modified().map_err(|error| error.to_string()).and_then(|at| {
            Timestamp::try_from(at).map_err(|error| error.to_string())
        }) {
            Ok(modified) => modified,
            Err(error) => return Finding::error(format!("the age of `{shown}` can't be told: {error}")),
        };
        let now = probe.around.clock.now();
        let (size, age) = (meta.len(), ns_between(modified, now));
        let (size_text, age_text) = (text::bytes(size), text::duration_ns(age));
        let ahead = ns_between(now, modified);
        if self.max_age_s.is_some() && ahead > SKEW_NS {
            let ahead = text::duration_ns(ahead);
            return Finding::warn(format!("`{shown}` is dated {ahead} ahead of the clock, so its age can't be told"));
        }
        if let Some(max) = self.max_age_s.filter(|max| age > max.saturating_mul(1_000_000_000)) {
            let max = text::duration_ns(max.saturating_mul(1_000_000_000));
            return Finding::error(format!("`{shown}` was last changed {age_text} ago, more than {max}"));
        }
        if let Some(min) = self.min_bytes.filter(|min| size < *min) {
            return Finding::error(format!("`{shown}` has {size_text}, less than {}", text::bytes(min)));
        }
        if let Some(max) = self.max_bytes.filter(|max| size > *max) {
            return Finding::error(format!("`{shown}` has {size_text}, more than {}", text::bytes(max)));
        }
        Finding::ok(format!("{size_text}, changed {age_text} ago"))
    }
}
