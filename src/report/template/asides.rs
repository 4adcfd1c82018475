//! What the author's own cells name besides a row's subject.

use crate::evidence::subject;
use crate::report::{marks, text};

/// Columns whose paths are about something else than the row's subject.
const ELSEWHERE: [&str; 18] = [
    "owner",
    "author",
    "assignee",
    "contact",
    "team",
    "doc",
    "docs",
    "documentation",
    "reference",
    "references",
    "ref",
    "link",
    "links",
    "depends",
    "dependencies",
    "dependency",
    "input",
    "inputs",
];

/// The paths, service labels and hosts in a cell of the author's, under this header.
pub fn names(header: &str, cell: &str) -> Vec<String> {
    if is_elsewhere(header) {
        return Vec::new();
    }
    let mut names = subject::names_in(&marks::without_green(&text::plain(cell), " "));
    // an identifier alone is a word like others
    names.retain(|name| !subject::names_in(&name.replace('_', "x")).is_empty());
    names
}

/// Whether what stands under this header is about something else than the row's subject.
pub fn is_elsewhere(header: &str) -> bool {
    text::words(header).iter().any(|word| ELSEWHERE.contains(&word.as_str()))
}

/// Whether a host is the one that was measured.
pub fn is_here(host: &str) -> bool {
    let key = text::key(host);
    let name = key.strip_prefix("host ").unwrap_or(&key);
    ["localhost", "local host", "local", "this host", "this machine", "this mac"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_labels_and_hosts_count() {
        for (header, cell, expect) in [
            ("Path", "`run/csv_exporter.cjs`", "run/csv_exporter.cjs"),
            ("Label", "com.02luka.digest", "com.02luka.digest"),
            ("Host", "10.0.0.7:6379", "10.0.0.7:6379"),
            ("Where", "[script](x) in run/a.cjs, g/logs/", "run/a.cjs g/logs/"),
            ("Module", "csv_exporter", ""),
            ("Owner", "ops/team.md", ""),
            ("Schedule", "02:30 daily, and/or by hand", ""),
            ("Runtime", "Node.js", ""),
        ] {
            assert_eq!(names(header, cell).join(" "), expect, "{header}: {cell}");
        }
    }
}
