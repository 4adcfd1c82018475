//! Orders that lie where nobody looks: in `bridge/inbox/` itself, in the folder of an agent that is not configured, in a
//! folder within an inbox. They are nobody's to move; a person is told.
//!
//! Bounded: folders are looked at one level deep, and at most [`MAX`] such files are named.

use std::path::{Path, PathBuf};

use super::names::{self, Name};
use crate::config::Config;
use crate::root::Root;

/// Files that are named.
const MAX: usize = 20;
/// Entries of one folder that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// What lies astray, by name. What can't be listed is passed over: a scan says what hinders it.
pub fn look(root: &Root, config: &Config) -> Vec<PathBuf> {
    let inboxes = root.bridge().join("inbox");
    let mut found = orders_in(&inboxes);
    for dir in folders_in(&inboxes) {
        let name = dir.file_name().unwrap_or_default();
        if config.inbox.agents.iter().any(|agent| name == agent.as_str()) {
            let templates = dir.join("templates");
            folders_in(&dir)
                .iter()
                .filter(|inner| **inner != templates)
                .for_each(|inner| found.extend(orders_in(inner)));
        } else {
            found.extend(orders_in(&dir));
        }
    }
    found.sort();
    found.truncate(MAX);
    found
}

fn entries(dir: &Path) -> impl Iterator<Item = std::fs::DirEntry> {
    std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok).take(MAX_ENTRIES)
}

fn folders_in(dir: &Path) -> Vec<PathBuf> {
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries(dir).filter(is_folder).map(|entry| entry.path()).collect()
}

fn orders_in(dir: &Path) -> Vec<PathBuf> {
    let is_order = |entry: &std::fs::DirEntry| {
        entry.file_type().is_ok_and(|kind| kind.is_file())
            && matches!(names::classify(&entry.file_name()), Name::Order | Name::OrderUnlessCopyOf(_))
    };
    entries(dir).filter(is_order).map(|entry| entry.path()).take(MAX).collect()
}

/// In words, with the cure; `None` when there are none.
pub fn told(root: &Root, config: &Config) -> Option<String> {
    let found = look(root, config);
    let first = found.first()?;
    let lies = match found.len() {
        1 => " lies".to_owned(),
        n => format!(" and {} more lie", n - 1),
    };
    Some(format!(
        "`{}`{lies} where nobody looks: orders are taken from bridge/inbox/{{{}}}/ alone; move them there, or add the \
         folder to `agents` under [inbox] in wo.toml",
        root.show(first),
        config.inbox.agents.join(",")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_outside_of_every_inbox_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = dir.path().join("bridge/inbox").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "# WO-1\n").unwrap();
        };
        write("CLC/WO-1.md");
        let root = Root::at(dir.path()).unwrap();
        assert_eq!(told(&root, &Config::default()), None);
        ["CLC/templates/WO-2.md", "CLC/notes/x.md", "GG/x.txt", "README.md"].iter().for_each(|path| write(path));
        assert_eq!(told(&root, &Config::default()), None);
        ["WO-3.md", "GG/WO-4.md", "CLC/urgent/WO-5.yaml"].iter().for_each(|path| write(path));
        let inbox = root.bridge().join("inbox");
        let expect = ["CLC/urgent/WO-5.yaml", "GG/WO-4.md", "WO-3.md"].map(|path| inbox.join(path));
        assert_eq!(look(&root, &Config::default()), expect);
        assert!(
            told(&root, &Config::default())
                .unwrap()
                .starts_with("`bridge/inbox/CLC/urgent/WO-5.yaml` and 2 more lie where")
        );
    }
}
