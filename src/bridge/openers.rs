//! Who has a file open for writing, as far as this system tells: on Linux from `/proc`, for the processes that we may see.
//!
//! It is a help where no watcher event told that the writer closed the file: a writer that pauses longer than the quiet
//! time is still seen to hold it. It never blocks (no status is asked of a file whose name doesn't match), and what it
//! can't see counts as nobody.

use std::collections::HashSet;
use std::ffi::OsStr;

use super::scan::Candidate;

/// Device and inode of those of `candidates` that some process has open for writing.
#[cfg(target_os = "linux")]
pub fn being_written(candidates: &[&Candidate]) -> HashSet<(u64, u64)> {
    let names: HashSet<&OsStr> = candidates.iter().map(|candidate| candidate.name.as_os_str()).collect();
    let ids: HashSet<(u64, u64)> = candidates.iter().map(|candidate| candidate.stat.id()).collect();
    let mut found = HashSet::new();
    let Ok(processes) = std::fs::read_dir("/proc") else { return found };
    let me = std::process::id().to_string();
    for process in processes.flatten() {
        let pid = process.file_name();
        let is_other = pid.to_str().is_some_and(|pid| pid.bytes().all(|b| b.is_ascii_digit()) && pid != me);
        if is_other {
            look_into(&process.path(), &names, &ids, &mut found);
        }
    }
    found
}

#[cfg(target_os = "linux")]
fn look_into(
    process: &std::path::Path,
    names: &HashSet<&OsStr>,
    ids: &HashSet<(u64, u64)>,
    found: &mut HashSet<(u64, u64)>,
) {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(descriptors) = std::fs::read_dir(process.join("fd")) else { return };
    for descriptor in descriptors.flatten() {
        let link = descriptor.path();
        let named_alike =
            std::fs::read_link(&link).is_ok_and(|target| target.file_name().is_some_and(|name| names.contains(name)));
        if !named_alike {
            continue;
        }
        let Ok(meta) = std::fs::metadata(&link) else { continue };
        let id = (meta.dev(), meta.ino());
        if ids.contains(&id) && is_open_for_writing(&process.join("fdinfo").join(descriptor.file_name())) {
            found.insert(id);
        }
    }
}

/// `flags:` in fdinfo is octal; its lowest two bits are the access mode, 0 is read-only (proc(5)).
#[cfg(target_os = "linux")]
fn is_open_for_writing(fdinfo: &std::path::Path) -> bool {
    let Ok(text) = std::fs::read_to_string(fdinfo) else { return false };
    text.lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .and_then(|flags| u64::from_str_radix(flags.trim(), 8).ok())
        .is_some_and(|flags| flags & 0b11 != 0)
}

/// This system has no cheap way to tell.
#[cfg(not(target_os = "linux"))]
pub fn being_written(_candidates: &[&Candidate]) -> HashSet<(u64, u64)> {
    HashSet::new()
}
