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

/// Whether a host is the one that was measured, or a system the one that it runs.
pub fn is_here(host: &str) -> bool {
    let key = text::key(host);
    let name = key.strip_prefix("host ").unwrap_or(&key);
    ["localhost", "local host", "local", "this host", "this machine", "this mac"].contains(&name)
        || system(name) == Some(std::env::consts::OS)
}

/// The system that a name means, with or without its version, as the compiler calls it.
fn system(name: &str) -> Option<&'static str> {
    match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ') {
        "macos" | "mac os" | "mac os x" | "os x" | "darwin" => Some("macos"),
        "linux" => Some("linux"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_that_is_run_is_no_other_host() {
        for (name, is_mac, is_linux) in [
            ("this machine", true, true),
            ("macOS", true, false),
            ("macOS 15.1", true, false),
            ("Mac OS X", true, false),
            ("Linux", false, true),
            ("Linux 6.8", false, true),
            ("Windows", false, false),
            ("Redis on macOS", false, false),
        ] {
            let expect = if cfg!(target_os = "macos") { is_mac } else { is_linux };
            assert_eq!(is_here(name), expect, "{name}");
        }
    }

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
