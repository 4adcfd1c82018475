//! What looks like an order and is taken by nobody: orders that lie where nobody looks (in `bridge/inbox/` itself, in the
//! folder of an agent that is not configured, in a folder within an inbox), and files in an inbox that are not named like
//! orders. They are nobody's to move; a person is told.
//!
//! Bounded: folders are looked at one level deep, and at most [`MAX`] such files are named.

use std::ffi::OsStr;
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
    let mut found = files_in(&inboxes, is_order);
    for dir in folders_in(&inboxes) {
        let name = dir.file_name().unwrap_or_default();
        if config.inbox.agents.iter().any(|agent| name == agent.as_str()) {
            let templates = dir.join("templates");
            folders_in(&dir)
                .iter()
                .filter(|inner| **inner != templates)
                .for_each(|inner| found.extend(files_in(inner, is_order)));
        } else {
            found.extend(files_in(&dir, is_order));
        }
    }
    first_by_name(found)
}

/// What is left lying in an inbox for its name alone.
pub fn misnamed(root: &Root, config: &Config) -> Vec<PathBuf> {
    let inboxes = config.inbox.agents.iter().map(|agent| root.inbox(agent));
    first_by_name(inboxes.flat_map(|inbox| files_in(&inbox, names::is_misnamed_order)).collect())
}

fn first_by_name(mut found: Vec<PathBuf>) -> Vec<PathBuf> {
    found.sort();
    found.truncate(MAX);
    found
}

fn is_order(name: &OsStr) -> bool {
    matches!(names::classify(name), Name::Order | Name::OrderUnlessCopyOf(_))
}

fn entries(dir: &Path) -> impl Iterator<Item = std::fs::DirEntry> {
    std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok).take(MAX_ENTRIES)
}

fn folders_in(dir: &Path) -> Vec<PathBuf> {
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries(dir).filter(is_folder).map(|entry| entry.path()).collect()
}

fn files_in(dir: &Path, is_wanted: fn(&OsStr) -> bool) -> Vec<PathBuf> {
    let is_file = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let wanted = entries(dir).filter(|entry| is_wanted(&entry.file_name()) && is_file(entry));
    wanted.map(|entry| entry.path()).take(MAX).collect()
}

/// Each kind in words, with the cure.
pub fn told(root: &Root, config: &Config) -> Vec<String> {
    let lie = |found: &[PathBuf]| {
        let first = root.show(found.first()?);
        Some(match found.len() {
            1 => format!("`{first}` lies"),
            n => format!("`{first}` and {} more lie", n - 1),
        })
    };
    let agents = config.inbox.agents.join(",");
    let astray = lie(&look(root, config)).map(|lies| {
        format!(
            "{lies} where nobody looks: orders are taken from bridge/inbox/{{{agents}}}/ alone; move them there, or add the \
             folder to `agents` under [inbox] in wo.toml"
        )
    });
    let misnamed = lie(&misnamed(root, config)).map(|lies| {
        format!(
            "{lies} in the inbox, not taken for the name: an order's file is named WO-….md, .yaml, .yml or .json; rename \
             what is an order, or drop it with `wo submit`"
        )
    });
    astray.into_iter().chain(misnamed).collect()
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
        assert!(told(&root, &Config::default()).is_empty());
        ["CLC/templates/WO-2.md", "CLC/notes/x.md", "GG/x.txt", "README.md"].iter().for_each(|path| write(path));
        assert!(told(&root, &Config::default()).is_empty());
        ["WO-3.md", "GG/WO-4.md", "CLC/urgent/WO-5.yaml"].iter().for_each(|path| write(path));
        let inbox = root.bridge().join("inbox");
        let expect = ["CLC/urgent/WO-5.yaml", "GG/WO-4.md", "WO-3.md"].map(|path| inbox.join(path));
        assert_eq!(look(&root, &Config::default()), expect);
        let [said] = told(&root, &Config::default()).try_into().unwrap();
        assert!(said.starts_with("`bridge/inbox/CLC/urgent/WO-5.yaml` and 2 more lie where"), "{said}");
    }

    #[test]
    fn orders_that_are_left_for_their_name_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        let inbox = root.inbox("CLC");
        std::fs::create_dir_all(inbox.join("folder.md")).unwrap();
        let write = |name: &str| std::fs::write(inbox.join(name), "# WO-1\n").unwrap();
        ["WO-1.md", "WO-1_COMPLETE.md", "x_COMPLETE.md", "x.result.json", "x.ack.json"]
            .iter()
            .for_each(|name| write(name));
        [".order.md", "order.md~", "order.md.part", "order.txt", "WO-1.md.minisig"].iter().for_each(|name| write(name));
        assert!(told(&root, &Config::default()).is_empty(), "{:?}", told(&root, &Config::default()));
        ["order.md", "o.YAML", "o.yml", "a.json"].iter().for_each(|name| write(name));
        let names: Vec<_> = misnamed(&root, &Config::default());
        assert_eq!(names, ["a.json", "o.YAML", "o.yml", "order.md"].map(|name| inbox.join(name)));
        let [said] = told(&root, &Config::default()).try_into().unwrap();
        assert!(said.starts_with("`bridge/inbox/CLC/a.json` and 3 more lie in the inbox"), "{said}");
    }
}
