//! Verification commands as words, so that a handler can tell what exactly one asks.
//!
//! Invariant: nothing is guessed. A command is recognized as a whole or not at all; what is not recognized is never
//! answered by a measurement that was taken of something else.

use std::path::Path;

/// The commands of a block, each as its words. Comments, blank lines, prompts, a shell's own settings, `cd` and `echo` ask nothing.
/// `None` when a line can't be taken apart.
pub fn commands(block: &str) -> Option<Vec<Vec<String>>> {
    let mut found = Vec::new();
    for line in block.lines() {
        // the day of the run, as people write it
        let words = words(&line.replace("$(date +%Y%m%d)", "*").replace("$(date +%F)", "*"))?;
        for command in words.split(|word| word == "&&") {
            let asks_nothing = matches!(command.first().map(String::as_str), None | Some("cd" | "set" | "echo"));
            if !asks_nothing {
                found.push(command.to_vec());
            }
        }
    }
    Some(found)
}

/// The words of one line without its prompt; a comment has none. `None` when it can't be taken apart.
pub fn words(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    let line = line.strip_prefix("$ ").unwrap_or(line);
    if line.starts_with('#') { Some(Vec::new()) } else { shlex::split(line) }
}

/// Whether `word` names the file or folder `path`, which is relative to `root`: as it is, below `./`, below a home folder,
/// or in full.
pub fn names(word: &str, path: &str, root: &Path) -> bool {
    let path = path.trim_matches('/');
    let word = word.strip_prefix("./").unwrap_or(word).trim_end_matches('/');
    let below_home = ["~/", "$HOME/", "${HOME}/"].iter().find_map(|home| word.strip_prefix(home));
    match below_home {
        Some(rest) => rest == path || rest.strip_suffix(path).is_some_and(|before| before.ends_with('/')),
        None if word.starts_with('/') => Path::new(word) == root.join(path),
        None => word == path,
    }
}

/// Whether `word` names something in the folder `dir`, relative to `root`, whose name is a pattern that starts with
/// `prefix` and ends with `suffix`: `g/analytics/ops_atomic_*.parquet`. The name of one file is no pattern.
pub fn names_any(word: &str, dir: &str, prefix: &str, suffix: &str, root: &Path) -> bool {
    let Some((parent, pattern)) = word.rsplit_once('/') else { return false };
    let Some((head, tail)) = pattern.split_once('*') else { return false };
    let is_plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let fits = (prefix.starts_with(head) || head.starts_with(prefix)) && (suffix.ends_with(tail) || tail == suffix);
    names(parent, dir, root) && is_plain(head) && is_plain(tail) && fits && (head.len() <= prefix.len())
}

/// The words without leading options such as `-lh`.
pub fn without_flags(words: &[String]) -> &[String] {
    let flags = words.iter().take_while(|word| word.starts_with('-')).count();
    words.get(flags..).unwrap_or_default()
}

/// A script with its arguments, whether an interpreter is named before it or not.
pub fn script(words: &[String]) -> Option<(&str, &[String])> {
    let is_interpreter = |word: &str| matches!(word.rsplit('/').next(), Some("node" | "zsh" | "bash" | "sh"));
    let words = if words.first().is_some_and(|word| is_interpreter(word)) { words.get(1..)? } else { words };
    words.split_first().map(|(script, arguments)| (script.as_str(), arguments))
}

/// Whether this asks launchd for the service `label` and no other.
pub fn asks_for_service(words: &[String], label: &str) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["launchctl", "list", asked] => *asked == label,
        ["launchctl", "print", asked] => asked.rsplit('/').next() == Some(label),
        // a part of the label, long enough to mean it
        ["launchctl", "list", "|", "grep", asked]
        | ["launchctl", "list", "|", "grep", "-i" | "-E" | "-F" | "-q", asked] => {
            asked.len() >= 6 && label.contains(asked)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_apart() {
        let words = |block: &str| {
            commands(block).map(|found| found.iter().map(|words| words.join("·")).collect::<Vec<_>>().join(" "))
        };
        for (block, expected) in [
            ("# only a comment\n\nset -euo pipefail\n", Some("")),
            ("$ cd ~/02luka && wo verify parquet", Some("wo·verify·parquet")),
            ("wo query \"SELECT 1\"\nls 'a b'", Some("wo·query·SELECT 1 ls·a b")),
            ("cat x_$(date +%Y%m%d).md", Some("cat·x_*.md")),
            ("echo \"not closed", None),
        ] {
            assert_eq!(words(block).as_deref(), expected, "{block}");
        }
    }

    #[test]
    fn paths_and_patterns() {
        let root = Path::new("/srv/home");
        for word in ["run/x.cjs", "./run/x.cjs", "/srv/home/run/x.cjs", "~/02luka/run/x.cjs", "$HOME/run/x.cjs"] {
            assert!(names(word, "run/x.cjs", root), "{word}");
        }
        for word in ["x.cjs", "/elsewhere/run/x.cjs", "other/run/x.cjs", "run/x.cjs.bak", "~/rerun/x.cjs", "run/x.cjs;"]
        {
            assert!(!names(word, "run/x.cjs", root), "{word}");
        }
        let any = |word: &str| names_any(word, "g/analytics", "ops_atomic_", ".parquet", root);
        for word in ["g/analytics/*.parquet", "~/02luka/g/analytics/ops_atomic_*.parquet", "./g/analytics/*"] {
            assert!(any(word), "{word}");
        }
        for word in ["g/analytics/ops_atomic_20251028.parquet", "g/other/*.parquet", "*.parquet", "g/analytics/csv_*"] {
            assert!(!any(word), "{word}");
        }
    }

    #[test]
    fn only_the_very_service_counts() {
        let label = "com.02luka.analytics.parquet";
        let asks = |line: &str| asks_for_service(&commands(line).unwrap().concat(), label);
        for line in [
            "launchctl list com.02luka.analytics.parquet",
            "launchctl print gui/501/com.02luka.analytics.parquet",
            "launchctl list | grep analytics.parquet",
            "launchctl list | grep -i com.02luka.analytics",
        ] {
            assert!(asks(line), "{line}");
        }
        for line in [
            "launchctl list",
            "launchctl list | grep com",
            "launchctl list com.other.service",
            "launchctl list | grep com.02luka.analytics.parquet | wc -l",
            "launchctl list | grep -v com.02luka.analytics.parquet",
            "launchctl print gui/501/other",
        ] {
            assert!(!asks(line), "{line}");
        }
    }
}
