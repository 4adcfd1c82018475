//! `disk`: free space and free inodes of the file system that holds a path.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::{Check, Finding, Kind, Pending, Probe};
use crate::text;

pub const KIND: Kind = Kind::of::<Disk>("disk", "Disk", "free space of a file system");

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Disk {
    /// Any path on the file system, relative to the root.
    pub path: PathBuf,
    /// Percent of space or inodes free for users; below is a warning.
    pub warn_percent: f64,
    /// Below is an error.
    pub error_percent: f64,
    /// Bytes; below is an error, whatever the percentage.
    pub min_free_bytes: Option<u64>,
}

impl Default for Disk {
    fn default() -> Self {
        Disk { path: ".".into(), warn_percent: 10.0, error_percent: 3.0, min_free_bytes: None }
    }
}

impl Check for Disk {
    fn validate(&self) -> Result<(), String> {
        for (name, percent) in [("warn_percent", self.warn_percent), ("error_percent", self.error_percent)] {
            if !(0.0..=100.0).contains(&percent) {
                return Err(format!("`{name}` = {percent} is not between 0 and 100"));
            }
        }
        Ok(())
    }

    fn run(self: Arc<Self>, probe: Probe) -> Pending {
        Box::pin(async move { probe.blocking(move |probe| self.look(probe)).await })
    }
}

/// What a file system has, as `statvfs` tells it; counts of inodes are 0 where it has no fixed number of them.
struct Space {
    bytes: u64,
    free_bytes: u64,
    inodes: u64,
    free_inodes: u64,
}

impl Disk {
    fn look(&self, probe: &Probe) -> Finding {
        match rustix::fs::statvfs(probe.path(&self.path)) {
            Ok(stat) => self.judge(&Space {
                bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
                free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
                inodes: stat.f_files,
                free_inodes: stat.f_favail,
            }),
            Err(error) => {
                Finding::error(format!("`{}`: {}", self.path.display(), std::io::Error::from(error)))
            }
        }
    }

    fn judge(&self, space: &Space) -> Finding {
        if space.bytes == 0 {
            return Finding::warn(format!("`{}` lies on a file system that tells no size", self.path.display()));
        }
        let percent = |free: u64, all: u64| if all == 0 { 100.0 } else { 100.0 * free as f64 / all as f64 };
        let bytes = percent(space.free_bytes, space.bytes);
        let inodes = percent(space.free_inodes, space.inodes);
        let shown = format!(
            "{} of {} free ({bytes:.1}%), inodes {inodes:.0}% free",
            text::bytes(space.free_bytes),
            text::bytes(space.bytes)
        );
        let least = bytes.min(inodes);
        if let Some(min) = self.min_free_bytes.filter(|min| space.free_bytes < *min) {
            Finding::error(format!("{shown}; less than {}", text::bytes(min)))
        } else if least < self.error_percent {
            Finding::error(format!("{shown}; less than {}%", self.error_percent))
        } else if least < self.warn_percent {
            Finding::warn(format!("{shown}; less than {}%", self.warn_percent))
        } else {
            Finding::ok(shown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::checks::State;

    #[test]
    fn space_and_inodes_are_judged_apart() {
        let disk = Disk { min_free_bytes: Some(1_000), ..Disk::default() };
        let cases = [
            ((100_000, 50_000, 100, 50), State::Ok),
            ((100_000, 9_000, 100, 50), State::Warn),
            ((100_000, 2_000, 100, 50), State::Error),
            ((100_000, 50_000, 100, 1), State::Error),
            ((100_000, 50_000, 0, 0), State::Ok),
            ((5_000, 900, 100, 50), State::Error),
            ((0, 0, 0, 0), State::Warn),
        ];
        for ((bytes, free_bytes, inodes, free_inodes), expected) in cases {
            let found = disk.judge(&Space { bytes, free_bytes, inodes, free_inodes });
            assert_eq!(found.state, expected, "{found:?}");
        }
    }
}
