//! Finds the SQLite database that a check meant: a file of that name beneath the root which is a database.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::root::Root;

/// Directories that hold mail or other people's code.
const SKIPPED: &[&str] = &["node_modules", ".git", "bridge", "target", ".venv", "venv"];
/// Directories with one of these in their name hold copies, of yesterday or for a test: a monitor that watches one is green
/// over a database that is lost.
const OF_COPIES: &[&str] = &["backup", "snapshot", "archive", "trash", "fixture", "sample", "example"];
/// Likewise, as a whole word: `latest` is no `test`, `threshold` not `old`.
const OF_COPIES_AS_WORD: &[&str] =
    &["old", "bak", "tmp", "temp", "test", "tests", "testing", "copy", "copies", "demo", "mock", "mocks"];
const MAX_DEPTH: usize = 6;
/// Directories that are looked into.
const MAX_DIRS: usize = 5_000;

/// What was found under a name.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// Relative to the root, sorted.
    pub databases: Vec<PathBuf>,
    /// Links of that name whose target is missing: link and target.
    pub dangling: Vec<(PathBuf, PathBuf)>,
    /// The search ended before everything was seen.
    pub is_cut: bool,
}

impl Found {
    /// The one that it must be: what the settings call the database, if it is one, else the only one there is. Which of
    /// several it is, a person knows.
    pub fn only(&self, configured: &Path) -> Option<PathBuf> {
        match self.databases.as_slice() {
            databases if databases.iter().any(|path| path == configured) => Some(configured.to_owned()),
            [path] if !self.is_cut => Some(path.clone()),
            _ => None,
        }
    }
}

/// Why there is none to be pointed at, in words.
pub fn none_or_several(found: &[PathBuf]) -> String {
    match found {
        [] => "no database of that name lies beneath the root".to_owned(),
        [path] => {
            format!("`{}` is one, but there are too many folders to be sure that it is the only one", path.display())
        }
        paths => {
            let shown: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
            format!(
                "there is more than one database of that name, and which one is meant only a person knows: {}",
                shown.join(", ")
            )
        }
    }
}

/// Whether a directory of this name holds copies.
fn holds_copies(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut words = name.split(|c: char| !c.is_alphabetic());
    OF_COPIES.iter().any(|part| name.contains(part)) || words.any(|word| OF_COPIES_AS_WORD.contains(&word))
}

/// Looks beneath the root for files called `name`.
pub fn find(root: &Root, name: &str) -> Found {
    let mut found = Vec::new();
    let mut dangling = Vec::new();
    let mut queue = vec![(root.path().to_owned(), 0)];
    let mut seen = 0;
    let mut is_cut = false;
    while let Some((dir, depth)) = queue.pop() {
        seen += 1;
        if seen > MAX_DIRS {
            is_cut = true;
            break;
        }
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let file_name = entry.file_name();
            let is_skipped = SKIPPED.iter().any(|skipped| file_name.eq_ignore_ascii_case(skipped))
                || holds_copies(&file_name.to_string_lossy());
            if kind.is_dir() {
                if depth < MAX_DEPTH && !is_skipped {
                    queue.push((entry.path(), depth + 1));
                }
                continue;
            }
            if file_name != name {
                continue;
            }
            let path = entry.path();
            let relative = path.strip_prefix(root.path()).unwrap_or(&path).to_owned();
            match path.metadata() {
                Ok(_) if is_database(&path) => found.push(relative),
                Ok(_) => {}
                Err(_) => dangling.extend(std::fs::read_link(&path).ok().map(|target| (relative, target))),
            }
        }
    }
    found.sort();
    dangling.sort();
    Found { databases: found, dangling, is_cut }
}

/// Whether the file begins as a SQLite database does (<https://www.sqlite.org/fileformat.html>, 1.3).
pub fn is_database(path: &Path) -> bool {
    let mut head = [0; 16];
    let opened = path.metadata().is_ok_and(|metadata| metadata.is_file()).then(|| std::fs::File::open(path));
    opened.is_some_and(|file| file.and_then(|mut file| file.read_exact(&mut head)).is_ok())
        && head == *b"SQLite format 3\0"
}

/// A path that looks like a database among words, e.g. of a command.
pub fn path_in(words: &[String]) -> Option<PathBuf> {
    let ends = [".db", ".sqlite", ".sqlite3"];
    let pieces = words.iter().flat_map(|word| word.split(|c: char| c.is_whitespace() || "'\"()=,;`".contains(c)));
    pieces
        .into_iter()
        .find(|piece| ends.iter().any(|end| piece.ends_with(end) && piece.len() > end.len()))
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_databases_by_name_and_names_links_that_dangle() {
        let dir = tempfile::Builder::new().prefix("ราก ").tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        let write = |path: &str, bytes: &[u8]| crate::durable::write(&root.join(path), bytes, 0o644).unwrap();
        write("ความรู้/02luka.db", b"SQLite format 3\0 and more");
        write("backups/02luka.db", b"SQLite format 3\0 and more");
        write("a/02luka.db", b"not a database, but long enough");
        write("b/02luka.db", b"");
        std::fs::create_dir(root.join("knowledge")).unwrap();
        std::os::unix::fs::symlink("/Volumes/gone/02luka.db", root.join("knowledge/02luka.db")).unwrap();
        let found = find(&root, "02luka.db");
        assert_eq!(found.databases, [PathBuf::from("ความรู้/02luka.db")]);
        assert_eq!(found.dangling, [("knowledge/02luka.db".into(), "/Volumes/gone/02luka.db".into())]);
        assert_eq!(find(&root, "other.db"), Found::default());
    }

    #[test]
    fn copies_are_no_candidates_and_of_several_a_person_chooses() {
        for name in [
            "backups",
            "db-backup",
            "snapshots",
            "2025-09-30.snapshot",
            "Archive",
            "old",
            "db_old_2",
            ".Trash-1000",
            "tmp",
            "tests",
            "fixtures",
            "sample_data",
            "02luka.bak",
        ] {
            assert!(holds_copies(name), "{name}");
        }
        for name in ["knowledge", "latest", "threshold", "gold", "contest", "data", "ความรู้"] {
            assert!(!holds_copies(name), "{name}");
        }
        let found = |paths: &[&str], is_cut| Found {
            databases: paths.iter().map(PathBuf::from).collect(),
            is_cut,
            ..Found::default()
        };
        let only = |paths: &[&str], is_cut| found(paths, is_cut).only(Path::new("knowledge/02luka.db"));
        assert_eq!(only(&[], false), None);
        assert_eq!(only(&["a/02luka.db"], false), Some("a/02luka.db".into()));
        assert_eq!(only(&["a/02luka.db"], true), None);
        assert_eq!(only(&["a/02luka.db", "b/02luka.db"], false), None);
        assert_eq!(only(&["a/02luka.db", "knowledge/02luka.db"], true), Some("knowledge/02luka.db".into()));
        let said = none_or_several(&["a/x.db".into(), "b/x.db".into()]);
        assert!(said.contains("`a/x.db`, `b/x.db`"), "{said}");
    }

    #[test]
    fn a_path_among_the_words_of_a_command() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let cases = [
            ("node -e require('better-sqlite3')('knowledge/02luka.db')", Some("knowledge/02luka.db")),
            ("/usr/bin/node knowledge/index.cjs --health", None),
            ("x .db", None),
        ];
        for (text, expected) in cases {
            assert_eq!(path_in(&words(text)), expected.map(PathBuf::from), "{text}");
        }
    }
}
