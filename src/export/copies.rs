//! Which heartbeats of a day are copies of others, as sync clients leave them: `heartbeat_2025-10-28_19-13-38 (1).md`. Each is a row,
//! since each is a file; measurements count them once ([`super::history`]), and the summary says how many they are.

use std::collections::HashMap;

use serde::Serialize;

/// The same bytes under other names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Copies {
    pub count: u64,
    /// Of the first few.
    pub names: Vec<String>,
}

/// Names that a summary shows of one day.
const NAMES_MAX: usize = 8;
/// More reports of one moment are not remembered.
const OF_MOMENT_MAX: usize = 1024;

/// Sees the rows of a day in the order of their time.
#[derive(Debug, Default)]
pub(super) struct Finder {
    at_us: i64,
    /// Of each digest of this moment, the shortest name: that of the original.
    originals: HashMap<String, String>,
    found: Copies,
}

impl Finder {
    pub(super) fn see(&mut self, at_us: i64, sha256: &str, name: &str) {
        if self.at_us != at_us {
            self.at_us = at_us;
            self.originals.clear();
        }
        let Some(original) = self.originals.get_mut(sha256) else {
            if self.originals.len() < OF_MOMENT_MAX {
                self.originals.insert(sha256.to_owned(), name.to_owned());
            }
            return;
        };
        let copy =
            if name.len() < original.len() { std::mem::replace(original, name.to_owned()) } else { name.to_owned() };
        self.found.count += 1;
        if self.found.names.len() < NAMES_MAX {
            self.found.names.push(copy);
        }
    }

    pub(super) fn finish(self) -> Copies {
        self.found
    }
}

/// `2 heartbeats are copies of others`, and the names of some; `None` where there are none. `quoted` makes a name safe where it
/// is shown.
pub fn line<'a>(all: impl Iterator<Item = &'a Copies>, quoted: impl Fn(&str) -> String) -> Option<String> {
    let (mut count, mut names) = (0, Vec::new());
    for copies in all {
        count += copies.count;
        names.extend(copies.names.iter().take(NAMES_MAX.saturating_sub(names.len())).map(|name| quoted(name)));
    }
    let are = match count {
        1 => "heartbeat is a copy of another, and counts once with it",
        _ => "heartbeats are copies of others, and count once with them",
    };
    let more = if count > names.len() as u64 { ", …" } else { "" };
    (count > 0).then(|| format!("{count} {are} in what is measured: {}{more}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(rows: &[(i64, &str, &str)]) -> Copies {
        let mut finder = Finder::default();
        rows.iter().for_each(|(at_us, sha256, name)| finder.see(*at_us, sha256, name));
        finder.finish()
    }

    #[test]
    fn the_same_bytes_of_one_moment_are_copies() {
        let found =
            copies(&[(0, "a", "x (1).md"), (0, "a", "x.md"), (0, "b", "y.md"), (1, "c", "z 2.md"), (1, "c", "z.md")]);
        assert_eq!(found, Copies { count: 2, names: vec!["x (1).md".to_owned(), "z 2.md".to_owned()] });
        let none = copies(&[(0, "a", "x.md"), (0, "b", "x_2.md"), (1, "a", "z.md")]);
        assert_eq!(none, Copies::default());
        let quoted = |name: &str| format!("`{name}`");
        let told =
            "2 heartbeats are copies of others, and count once with them in what is measured: `x (1).md`, `z 2.md`";
        assert_eq!(line([&none, &found].into_iter(), quoted).as_deref(), Some(told));
        assert_eq!(line([&none].into_iter(), quoted), None);
    }

    #[test]
    fn of_many_only_some_are_named() {
        let rows: Vec<String> = (0..100).map(|n| format!("x ({n}).md")).collect();
        let rows: Vec<_> = rows.iter().map(|name| (0, "a", name.as_str())).collect();
        let found = copies(&rows);
        assert_eq!((found.count, found.names.len()), (99, NAMES_MAX));
        assert!(line([&found].into_iter(), str::to_owned).is_some_and(|line| line.ends_with(", …")));
    }
}
