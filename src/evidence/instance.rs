//! Which server or database a label is of, where a bracket says so: `Redis (port 6380)`, `Database (archive)`.
//!
//! Invariant: a word there that is not known to describe what was measured is the name of another.

use std::collections::BTreeSet;

use super::Measurement;
use super::subject::words;
use crate::order::target::{self, Target};

/// Of which other instance a bracket says that a label is: `Redis (port 6380)`, `Redis (queue)`, `Database (archive)`. There may be
/// many servers and databases beside the one that is checked; any other thing is one of its kind, and a bracket describes it.
pub(super) fn other(
    label: &str,
    aliases: &[&str],
    measurement: &Measurement,
    known: &BTreeSet<String>,
) -> Option<String> {
    if !["monitor.redis", "monitor.database"].contains(&measurement.key.as_str()) {
        return None;
    }
    let own: BTreeSet<String> = aliases.iter().flat_map(|alias| words(alias)).collect();
    let is_own = |word: &String| {
        let is_number = word.bytes().all(|b| b.is_ascii_digit());
        let is_port = is_number && (4..=5).contains(&word.len());
        // a version, a count, a day's share: what they say is held against the value elsewhere
        (is_number && !is_port) || known.contains(word) || own.contains(word) || (!is_port && says_how_it_is(word))
    };
    let brackets = label.split(['(', '（']).skip(1).filter_map(|rest| rest.split([')', '）']).next());
    brackets.flat_map(words).find(|word| !is_own(word))
}

/// Words that tell how a server or a database is or by what that is seen, and not which one it is.
fn says_how_it_is(word: &str) -> bool {
    const WORDS: [&str; 45] = [
        "port", "main", "primary", "local", "default", "server", "service", "instance", "wal", "ops", "atomic", "up",
        "live", "ping", "required", "enabled", "set", "fixed", "restored", "repaired", "fix", "repair", "response",
        "reply", "answer", "now", "with", "without", "via", "by", "on", "at", "of", "and", "the", "a", "in", "for",
        "no", "after", "latency", "ms", "kb", "mb", "s",
    ];
    !word.is_ascii() || WORDS.contains(&word) || matches!(target::compile("", word), Target::Ready { .. })
}

#[cfg(test)]
mod tests {
    use crate::evidence::{Measurement, Value, subject};

    fn measured(key: &str, detail: &str, how: &str) -> Measurement {
        let value = Value::State { works: true, detail: detail.to_owned() };
        Measurement::new(key, value, how, jiff::Timestamp::UNIX_EPOCH).ok(true)
    }

    #[test]
    fn a_bracket_may_name_another_server_or_database() {
        let checks = "ran the configured checks once: redis (redis://127.0.0.1:17251, 127.0.0.1, localhost:17251)";
        let redis = measured("monitor.redis", "PONG in 99 µs", checks);
        let how = "ran the configured checks once: database (knowledge/02luka.db)";
        let database = measured("monitor.database", "quick_check ok in under 1 ms, 24.6 kB", how);
        let script = measured("exporter.script", "executable", "ran it");
        for (label, measurement, about) in [
            ("Redis (port 17251)", &redis, true),
            ("Redis (17251)", &redis, true),
            ("Redis (localhost:17251)", &redis, true),
            ("Redis (auth)", &redis, true),
            ("Redis (connection restored)", &redis, true),
            ("Redis (PONG)", &redis, true),
            ("Redis (PING answers PONG, 2 ms)", &redis, true),
            ("Redis (password set)", &redis, true),
            ("Redis (OPS-Atomic monitor)", &redis, true),
            ("Redis (การเชื่อมต่อ)", &redis, true),
            ("Redis (port 6380)", &redis, false),
            ("Redis (6380)", &redis, false),
            ("Redis (queue)", &redis, false),
            ("Redis （queue）", &redis, false),
            ("Database (SQLite)", &database, true),
            ("Database (main, quick_check OK)", &database, true),
            ("Database (02luka)", &database, true),
            ("Database (integrity)", &database, true),
            ("Database (archive)", &database, false),
            ("Database (replica)", &database, false),
            ("Exporter (archive, 6380)", &script, true),
        ] {
            let aliases =
                ["Redis", "Redis auth", "Redis connection", "Redis password", "SQLite database", "Database integrity"];
            let found = subject::fits(label, "x", &aliases, measurement, &[], &|_| false);
            assert_eq!(found.is_ok(), about, "{label}: {found:?}");
        }
    }
}
