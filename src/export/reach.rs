//! Which reports an export has looked at itself, and which files are its own.
//!
//! What must hold: the row of a report that was not looked at (because it is gone, or lies behind a link or in a folder that
//! stays closed) may be all that is left of it, and is kept. What the exporter writes itself is never a report.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

use super::{Dataset, ExportError, VERIFICATION, scan, summary};

/// Directories in which the exporter's own files are left out, as shown.
#[derive(Debug, Clone, Default)]
pub struct Own(pub Vec<String>);

impl Own {
    /// `dir` as shown, with or without a slash at its end.
    pub fn holds(&self, dir: &str, name: &str) -> bool {
        let dir = dir.trim_end_matches('/');
        self.0.iter().any(|own| own == dir) && is_own(name)
    }

    fn holds_path(&self, path: &str) -> bool {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.holds(dir, name)
    }
}

/// `parquet_export_summary_YYYYMMDD.md`, `verify_YYYY-MM-DD_HH-MM-SS.md` and those that share its second.
pub(super) fn is_own(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".md") else { return false };
    let is = |pattern: &str, text: &str| {
        text.len() == pattern.len()
            && text
                .bytes()
                .zip(pattern.bytes())
                .all(|(c, wanted)| if wanted == b'0' { c.is_ascii_digit() } else { c == wanted })
    };
    if let Some(day) = stem.strip_prefix("parquet_export_summary_") {
        return is("00000000", day);
    }
    let Some(stamp) = stem.strip_prefix("verify_") else { return false };
    let Some((time, rest)) = stamp.split_at_checked(19) else { return false };
    let is_nth = rest.strip_prefix('_').is_some_and(|nth| !nth.is_empty() && nth.bytes().all(|c| c.is_ascii_digit()));
    is("0000-00-00_00-00-00", time) && (rest.is_empty() || is_nth)
}

/// Whether a file begins like a summary or a verification report.
pub(super) fn begins_like_own(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix("## 🔍 ".as_bytes()).and_then(|rest| rest.strip_prefix(VERIFICATION.as_bytes()));
    rest.or_else(|| bytes.strip_prefix(summary::HEADING.as_bytes())).is_some_and(|rest| rest.starts_with(b"\n"))
}

/// Tells of the row of an earlier file whether this export has looked at its report.
pub(super) struct Reach<'a> {
    pub dataset: Dataset,
    /// The directory that was listed; `None` where there is none.
    pub dir: Option<OwnedFd>,
    /// It, as shown: what the names of other reports begin with.
    pub shown: &'a str,
    /// Directories below it that are left out, and those that could not be looked into, as shown.
    pub skip: &'a [String],
    pub closed: &'a [String],
    pub own: &'a Own,
}

impl Reach<'_> {
    /// Opens the directory that is listed for `dataset`.
    pub fn open_dir(path: &std::path::Path) -> Result<Option<OwnedFd>, ExportError> {
        scan::open_dir(path)
    }

    /// Whether the report called `name` is a regular file that this export came to, or no report but a file of its own.
    pub fn has_seen(&self, name: &str) -> bool {
        let Some(dir) = &self.dir else { return false };
        match self.dataset {
            Dataset::Heartbeats => !name.contains('/') && scan::may_be_heartbeat(name.as_bytes()) && is_file(dir, name),
            Dataset::Reports => self.own.holds_path(name) || self.has_come_to(dir, name),
        }
    }

    fn has_come_to(&self, top: &OwnedFd, path: &str) -> bool {
        let below = match self.shown.trim_end_matches('/') {
            "" => Some(path),
            shown => path.strip_prefix(shown).and_then(|rest| rest.strip_prefix('/')),
        };
        let left_out = |dirs: &[String]| {
            dirs.iter().any(|dir| path.strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/')))
        };
        let Some(below) = below.filter(|_| !left_out(self.skip) && !left_out(self.closed)) else { return false };
        let mut parts: Vec<&str> = below.split('/').collect();
        let Some(name) = parts.pop() else { return false };
        if !scan::is_markdown(name.as_bytes())
            || parts.iter().chain([&name]).any(|part| part.is_empty() || part.starts_with('.'))
        {
            return false;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut open: Option<OwnedFd> = None;
        for part in parts {
            let from = open.as_ref().unwrap_or(top);
            let Ok(next) = rustix::fs::openat(from, OsStr::new(part), flags, Mode::empty()) else { return false };
            open = Some(next);
        }
        is_file(open.as_ref().unwrap_or(top), name)
    }
}

fn is_file(dir: &OwnedFd, name: &str) -> bool {
    rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_the_exporter_writes_is_known_by_its_name_in_its_folder() {
        let own = Own(vec!["g/reports".to_owned()]);
        for (dir, name, expected) in [
            ("g/reports", "parquet_export_summary_20251028.md", true),
            ("g/reports/", "verify_2025-10-28_19-13-38.md", true),
            ("g/reports", "verify_2025-10-28_19-13-38_2.md", true),
            ("g/reports/x", "verify_2025-10-28_19-13-38.md", false),
            ("g/reports", "verify_backup.md", false),
            ("g/reports", "verify_2025-10-28.md", false),
            ("g/reports", "verify_2025-10-28_19-13-38_old.md", false),
            ("g/reports", "parquet_export_summary_notes.md", false),
            ("g/reports", "parquet_export_summary_20251028.txt", false),
        ] {
            assert_eq!(own.holds(dir, name), expected, "{dir} {name}");
        }
    }

    #[test]
    fn a_summary_and_a_verification_are_known_by_how_they_begin() {
        for (text, expected) in [
            ("# Parquet Export Summary\n\n**Date:** 2025-10-28\n", true),
            ("## 🔍 Phase 7.8 – Parquet Agent Verification\n\n**Timestamp:** x\n", true),
            ("# Parquet Export Summary of last year\n", false),
            ("## 🔍 Phase 7.8 – Parquet Agent Verification", false),
            ("# Weekly\n\n# Parquet Export Summary\n", false),
            ("", false),
        ] {
            assert_eq!(begins_like_own(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn only_a_regular_file_on_a_way_without_links_and_closed_folders_was_seen() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for dir in ["r/day", "r/.hidden", "r/parquet", "r/closed", "r/folder.md", "else"] {
            fs::create_dir_all(at(dir)).unwrap();
        }
        let files = ["r/a.md", "r/day/b.md", "r/.hidden/c.md", "r/parquet/d.md", "r/closed/e.md", "else/f.md"];
        for file in files.iter().chain(&["r/verify_2025-10-28_19-13-38.md", "r/x.txt"]) {
            fs::write(at(file), "x").unwrap();
        }
        std::os::unix::fs::symlink(at("else"), at("r/linked")).unwrap();
        std::os::unix::fs::symlink(at("else/f.md"), at("r/f.md")).unwrap();
        let own = Own(vec!["r".to_owned()]);
        let reach = Reach {
            dataset: Dataset::Reports,
            dir: Reach::open_dir(&at("r")).unwrap(),
            shown: "r",
            skip: &["r/parquet".to_owned()],
            closed: &["r/closed".to_owned()],
            own: &own,
        };
        for (name, expected) in [
            ("r/a.md", true),
            ("r/day/b.md", true),
            ("r/verify_2025-10-28_19-13-38.md", true),
            ("r/gone.md", false),
            ("r/.hidden/c.md", false),
            ("r/parquet/d.md", false),
            ("r/closed/e.md", false),
            ("r/linked/f.md", false),
            ("r/f.md", false),
            ("r/folder.md", false),
            ("r/x.txt", false),
            ("else/f.md", false),
            ("r/../else/f.md", false),
            ("", false),
        ] {
            assert_eq!(reach.has_seen(name), expected, "{name}");
        }
    }
}
