//! Finds the SQLite database that a check meant: a file of that name beneath the root which is a database.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::root::Root;

/// Directories that hold copies, mail or other people's code.
const SKIPPED: &[&str] = &["node_modules", ".git", "bridge", "target", "backups", "backup", "archive", ".venv", "venv"];
const MAX_DEPTH: usize = 6;
/// Directories that are looked into.
const MAX_DIRS: usize = 5_000;

/// What was found under a name.
#[derive(Debug, Default, PartialEq)]
pub struct Found {
    /// Relative to the root, the newest first.
    pub databases: Vec<PathBuf>,
    /// Links of that name whose target is missing: link and target.
    pub dangling: Vec<(PathBuf, PathBuf)>,
}

/// Looks beneath the root for files called `name`.
pub fn find(root: &Root, name: &str) -> Found {
    let mut found = Vec::new();
    let mut dangling = Vec::new();
    let mut queue = vec![(root.path().to_owned(), 0)];
    let mut seen = 0;
    while let Some((dir, depth)) = queue.pop() {
        seen += 1;
        if seen > MAX_DIRS {
            break;
        }
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let file_name = entry.file_name();
            let is_skipped = SKIPPED.iter().any(|skipped| file_name.eq_ignore_ascii_case(skipped));
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
                Ok(metadata) if is_database(&path) => found.push((metadata.modified().ok(), relative)),
                Ok(_) => {}
                Err(_) => dangling.extend(std::fs::read_link(&path).ok().map(|target| (relative, target))),
            }
        }
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    dangling.sort();
    Found { databases: found.into_iter().map(|(_, path)| path).collect(), dangling }
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
    fn finds_databases_by_name_newest_first_and_names_links_that_dangle() {
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
