//! Which files beneath the root may hold settings, and how one is read.
//!
//! Bounded: in their number, in depth, and in the size of one.

use std::path::{Path, PathBuf};

/// Files beyond this are not settings.
pub(super) const FILE_BYTES: u64 = 256 * 1024;

/// Files looked at, and how deep beneath the root they may lie.
const MAX_FILES: usize = 200;
const MAX_DEPTH: usize = 4;

/// Directories that hold data or other people's code, not settings.
const SKIPPED: &[&str] = &["node_modules", ".git", "bridge", "g", "target", "Library", ".venv", "venv", "third_party"];

/// Files beneath the root, each kind sorted by depth and name.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) dot_env: Vec<PathBuf>,
    pub(super) compose: Vec<PathBuf>,
    pub(super) redis_conf: Vec<PathBuf>,
    pub(super) plists: Vec<PathBuf>,
    seen: usize,
}

impl Files {
    pub(super) fn walk(&mut self, dir: &Path, depth: usize) {
        let mut entries: Vec<_> = std::fs::read_dir(dir).map(|entries| entries.flatten().collect()).unwrap_or_default();
        entries.sort_by_key(|entry| entry.file_name());
        let mut directories = Vec::new();
        for entry in entries {
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name().to_string_lossy().to_lowercase();
            if kind.is_dir() {
                if !SKIPPED.iter().any(|skipped| name.eq_ignore_ascii_case(skipped)) {
                    directories.push(entry.path());
                }
                continue;
            }
            let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
            let list = if name == ".env" || name.starts_with(".env.") || name.ends_with(".env") {
                &mut self.dot_env
            } else if is_yaml && (name.starts_with("docker-compose") || name.starts_with("compose")) {
                &mut self.compose
            } else if (name.starts_with("redis") && name.ends_with(".conf")) || name == "users.acl" {
                &mut self.redis_conf
            } else if name.ends_with(".plist") {
                &mut self.plists
            } else {
                continue;
            };
            if self.seen < MAX_FILES {
                self.seen += 1;
                list.push(entry.path());
            }
        }
        if depth < MAX_DEPTH {
            directories.iter().for_each(|dir| self.walk(dir, depth + 1));
        }
    }
}

/// A small text file. `Err` says why it was passed over; nothing, when it isn't there. A byte that is no UTF-8, in a comment
/// most often, costs itself and nothing else.
pub(super) fn read(path: &Path) -> Result<String, Option<String>> {
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(None),
        Err(error) => return Err(Some(format!("it can't be read: {error}"))),
    };
    if !metadata.is_file() {
        return Err(Some("it is no file".to_owned()));
    }
    if metadata.len() > FILE_BYTES {
        return Err(Some(format!("it is larger than {}", crate::text::bytes(FILE_BYTES))));
    }
    let bytes = std::fs::read(path).map_err(|error| Some(format!("it can't be read: {error}")))?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned())
}
