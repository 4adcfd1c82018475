//! Whether a label that was bound to a measurement is about what was measured: `Exporter script (run/csv_exporter.cjs)` is
//! not about `run/parquet_exporter.cjs`, though both are exporter scripts.
//!
//! Invariant: each path, service label, host and program that a label names is one that the measurement names too: its
//! artifact, its value or how it was taken. What can't be told is not so.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{Measurement, Value, instance};
use crate::order::fold;
use crate::order::paths::file_ending;
use crate::order::service_label::is_service_label as is_label;

/// Days that a date token in a label may stand for; none is any day.
pub type Days = [Date];

/// Why `label`, bound to `measurement` by the name `bound`, is not about it. `aliases` are the names that are declared for
/// the measurement's key; `is_own` tells an identifier that is a label's spelling (`row_count`) from one that is a thing's name.
pub fn fits(
    label: &str,
    bound: &str,
    aliases: &[&str],
    measurement: &Measurement,
    days: &Days,
    is_own: &dyn Fn(&str) -> bool,
) -> Result<(), String> {
    if label.contains("{{") {
        return Err("what its label names is filled in with the report".to_owned());
    }
    let known = Known::of(measurement);
    for name in names_in(label) {
        let is_own = is_identifier(&name) && !name.contains('.') && is_own(&name);
        if !known.may_name(&name, aliases, measurement, days) && !is_own {
            let of = known.shown().map(|of| format!(": {} is of `{of}`", measurement.key)).unwrap_or_default();
            return Err(format!("`{name}` was not measured{of}"));
        }
    }
    if fold(label) != fold(bound) {
        let own: BTreeSet<String> = aliases.iter().flat_map(|alias| words(alias)).chain(known.described).collect();
        if let Some(other) = words(label).into_iter().find(|word| is_foreign(word, &own)) {
            return Err(format!("`{other}` was not measured, {} was", measurement.key));
        }
        if let Some(other) = instance::other(label, aliases, measurement, &known.words) {
            return Err(format!("`{other}` was not measured, {} was", measurement.key));
        }
        let times = label.split(|c: char| !c.is_ascii_digit() && c != ':').filter(|word| is_time(word));
        if let Value::Schedule { .. } = &measurement.value {
            let shown = measurement.value.to_string();
            for time in times {
                if !shown.contains(&format!("{time:0>5}")) {
                    return Err(format!("{time} was not measured: {shown}"));
                }
            }
        }
    }
    Ok(())
}

/// Whether the words of an identifier stand one behind the other in a folded label.
pub fn says(label: &str, identifier: &str) -> bool {
    format!(" {label} ").contains(&format!(" {} ", fold(identifier)))
}

/// Whether `written`, with the date tokens in it on one of `days`, is the path `known`.
pub fn is_path_of(written: &str, known: &str, days: &Days) -> bool {
    on_days(written, days).iter().any(|written| is_same(written, known))
}

/// Whether `name`, with the date tokens in it on one of `days`, is one that the measurement names.
pub fn names(measurement: &Measurement, name: &str, days: &Days) -> bool {
    Known::of(measurement).names_one(name, days)
}

/// What a measurement names.
pub(super) struct Known {
    artifact: Option<String>,
    names: Vec<String>,
    pub words: BTreeSet<String>,
    /// These and those in whose terms it is described.
    described: BTreeSet<String>,
}

impl Known {
    pub fn of(measurement: &Measurement) -> Self {
        let artifact = measurement.artifact.as_ref().map(|artifact| artifact.path.clone());
        let value = measurement.value.to_string();
        let mut names: Vec<String> = artifact.iter().cloned().collect();
        names.extend([&value, &measurement.how].into_iter().flat_map(|text| names_in(text)));
        let stems: Vec<String> = names
            .iter()
            .filter_map(|name| name.rsplit('/').next()?.rsplit_once('.'))
            // `com.02luka.analytics.parquet` has no file's ending: what stands in front of it is another service's label
            .filter(|(stem, end)| *end == "plist" || !is_label(&format!("{stem}.{end}")))
            .map(|(stem, _)| stem.to_owned())
            .collect();
        names.extend(stems);
        let texts = [Some(measurement.key.as_str()), Some(&value), Some(&measurement.how), artifact.as_deref()];
        let mut words: BTreeSet<String> = texts.into_iter().flatten().flat_map(words).collect();
        // what the telemetry's files hold
        if names.iter().any(|name| name.contains("ops_atomic")) {
            words.insert("heartbeat".to_owned());
        }
        let mut described = words.clone();
        if is_exporters(&measurement.key) {
            described.extend(EXPORTED.map(str::to_owned));
        }
        Known { artifact, names, words, described }
    }

    /// Whether a name in a label may be one of what was measured.
    pub fn may_name(&self, name: &str, aliases: &[&str], measurement: &Measurement, days: &Days) -> bool {
        // a file of a directory that was measured, by its declared name
        let is_declared = measurement.artifact.is_none() && aliases.contains(&name);
        let parent = name.rsplit_once('/').map(|(parent, _)| parent).filter(|_| is_declared);
        // what is missing has no name that could be another's
        let is_gone = self.names.is_empty() && measurement.ok == Some(false);
        name == measurement.key
            || is_gone
            || self.names_one(name, days)
            || parent.is_some_and(|parent| self.names_one(parent, days))
    }

    fn shown(&self) -> Option<&str> {
        self.artifact.as_deref().or(self.names.first().map(String::as_str))
    }

    pub fn names_one(&self, name: &str, days: &Days) -> bool {
        let wanted = on_days(name, days);
        wanted.iter().any(|wanted| {
            let folder = self.artifact.iter().filter_map(|path| path.rsplit_once('/')).map(|(folder, _)| folder);
            let mut known = self.names.iter().map(String::as_str).chain(folder);
            known.any(|known| is_same(wanted, known) || is_plist_of(wanted, known))
        })
    }
}

const DATES: [(&str, &str); 3] = [("YYYYMMDD", "%Y%m%d"), ("YYYY-MM-DD", "%Y-%m-%d"), ("YYYYWW", "%G%V")];

/// `name` as a pattern in which `*` is any text, once a day.
fn on_days(name: &str, days: &Days) -> Vec<String> {
    let filled = |show: &dyn Fn(&str) -> String| {
        DATES.iter().fold(name.to_owned(), |name, (token, format)| match name.contains(token) {
            true => name.replace(token, &show(format)),
            false => name,
        })
    };
    let mut out: Vec<String> = days.iter().map(|day| filled(&|format| day.strftime(format).to_string())).collect();
    if days.is_empty() {
        out.push(filled(&|_| "*".to_owned()));
    }
    for name in &mut out {
        // `ops_atomic_<date>.parquet`
        while let Some((from, to)) = name.find('<').and_then(|from| Some((from, from + name.get(from..)?.find('>')?))) {
            name.replace_range(from..=to, "*");
        }
    }
    out
}

/// Whether a path as people write it, below a home folder, in full or as its last part, is this one.
fn is_same(written: &str, known: &str) -> bool {
    let written = written.strip_prefix("./").unwrap_or(written).trim_end_matches('/');
    let known = known.trim_end_matches('/');
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    // where launchd looks for the plists that are kept in `launchd/`
    let is_installed = written.rsplit_once('/').is_some_and(|(folder, _)| folder.ends_with("Library/LaunchAgents"));
    if written.is_empty() || known.is_empty() {
        return false;
    }
    let is_full = written.starts_with(['/', '~', '$']);
    like(written, known)
        || (is_installed && name(written) == name(known))
        || (is_full && known.contains('/') && (written.ends_with(&format!("/{known}"))))
        || (!is_full
            && known.match_indices('/').any(|(at, _)| known.get(at + 1..).is_some_and(|tail| like(written, tail))))
}

/// Whether `written` is the plist of the service with this label, by its name, where it is kept or where launchd looks for it.
fn is_plist_of(written: &str, label: &str) -> bool {
    let (folder, name) = written.rsplit_once('/').unwrap_or(("", written));
    let is_kept = folder.rsplit('/').next() == Some("launchd");
    (folder.is_empty() || is_kept || folder.ends_with("Library/LaunchAgents"))
        && name.strip_suffix(".plist").is_some_and(|stem| stem == label && is_label(stem))
}

/// Whether `text` fits `pattern`, in which `*` is any text but `/`.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        let at = if is_last { rest.len().checked_sub(part.len()) } else { rest.find(part) };
        let Some((between, tail)) = at.and_then(|at| rest.split_at_checked(at)) else { return false };
        let Some(behind) = tail.strip_prefix(part) else { return false };
        if between.contains('/') {
            return false;
        }
        rest = behind;
    }
    true
}

/// In whose terms the exporter and what it makes are described.
pub(super) const EXPORTED: [&str; 3] = ["heartbeat", "monitor", "json"];

/// Whether the exporter or what it makes is measured under this key.
pub(super) fn is_exporters(key: &str) -> bool {
    ["export.", "exporter.", "parquet.", "paths."].iter().any(|prefix| key.starts_with(prefix))
}

/// Folded words, the `s` of long ones taken off.
pub(super) fn words(text: &str) -> Vec<String> {
    fold(text).split(' ').filter(|word| !word.is_empty()).map(long_without_s).collect()
}

/// Without an `s` behind more than three letters, for a shorter word is none without it; `redis` and `access` end so.
fn long_without_s(word: &str) -> String {
    word.strip_suffix('s').filter(|stem| stem.len() > 3 && !stem.ends_with(['s', 'i'])).unwrap_or(word).to_owned()
}

/// Things that some check or handler measures, or that stand beside them, each with its other names. One of them in a label is
/// about that thing.
const THINGS: [&[&str]; 23] = [
    &["redis", "valkey"],
    &["database", "db", "sqlite", "sqlite3"],
    &["postgres", "postgresql", "psql"],
    &["mysql", "mariadb"],
    &["mongo", "mongodb"],
    &["optimizer"],
    &["digest"],
    &["csv"],
    &["json", "jsonl"],
    &["excel", "xlsx"],
    &["api", "endpoint", "http", "https"],
    &["heartbeat"],
    &["monitor"],
    &["webhook", "discord", "slack"],
    &["nginx", "caddy"],
    &["docker", "container", "kubernetes"],
    &["pytest", "jest", "vitest", "mocha"],
    &["grafana", "prometheus"],
    &["backup"],
    &["rotation"],
    &["dashboard"],
    &["localhost"],
    &["staging", "sandbox"],
];

pub(super) fn is_foreign(word: &str, own: &BTreeSet<String>) -> bool {
    THINGS.iter().any(|names| {
        let mut names = names.iter().map(|name| long_without_s(name));
        names.clone().any(|name| name == word) && !names.any(|name| own.contains(&name))
    })
}

/// The things of [`THINGS`] that a text names.
pub fn things_in(text: &str) -> Vec<String> {
    words(text).into_iter().filter(|word| is_foreign(word, &BTreeSet::new())).collect()
}

fn is_time(word: &str) -> bool {
    word.split_once(':').is_some_and(|(hour, minute)| {
        (1..=2).contains(&hour.len()) && minute.len() == 2 && hour.parse().is_ok_and(|hour: u8| hour < 24)
    })
}

/// The paths, files, service labels, hosts and identifiers that a text names.
pub fn names_in(text: &str) -> Vec<String> {
    let splits = |c: char| c.is_whitespace() || "()（）[]{},;\"'`·|“”‘’=".contains(c);
    text.split(splits)
        .map(|word| word.trim_matches(['*', ':', '!', '?', '→', '–', '—']).trim_end_matches(['.', '…']))
        .filter(|word| !word.is_empty() && (is_path(word) || is_label(word) || is_host(word) || is_identifier(word)))
        .map(|word| word.replace('\\', "/"))
        .collect()
}

/// Where paths of a root begin that have no ending: `g/analytics`, but not `and/or`.
const FOLDERS: [&str; 26] = [
    "g",
    "run",
    "scripts",
    "launchd",
    "knowledge",
    "bridge",
    "templates",
    "tests",
    "src",
    "tools",
    "docs",
    "config",
    "logs",
    "log",
    "data",
    "bin",
    "etc",
    "var",
    "tmp",
    "home",
    "Users",
    "Library",
    "opt",
    "usr",
    "analytics",
    "reports",
];

fn is_file(name: &str) -> bool {
    // a language's name, not a file's
    let is_word = ["node.js", "next.js", "vue.js", "express.js", "d3.js"].contains(&name.to_ascii_lowercase().as_str());
    // no known ending is left out: a row about a file that is not seen to be one would be taken for one about what was measured
    !is_word && file_ending(name).is_some()
}

fn is_path(word: &str) -> bool {
    let word = word.replace('\\', "/");
    let Some((head, name)) = word.rsplit_once('/') else { return is_file(&word) };
    let has_letters = word.chars().any(char::is_alphabetic);
    let starts = ["/", "~/", "./", "../", "$"].iter().any(|start| word.starts_with(start));
    let first = word.split('/').next().unwrap_or("");
    has_letters
        && (starts
            || is_file(name)
            || (name.is_empty() && !head.is_empty())
            || head.contains('/')
            || FOLDERS.contains(&first))
}

/// `10.0.0.7`, `redis.local:6379`, `mini.local`.
fn is_host(word: &str) -> bool {
    let host = word.split_once(':').map_or(word, |(host, _)| host);
    let is_local = [".local", ".lan", ".internal"].iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphanumeric()))
    });
    let is_address = host.split('.').count() == 4 && host.split('.').all(|part| part.parse::<u8>().is_ok());
    let port = word.rsplit_once(':').filter(|(host, _)| host.chars().any(char::is_alphabetic)).map(|(_, port)| port);
    is_address
        || is_local
        || port.is_some_and(|port| (2..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit()))
}

/// `csv_exporter`: a program's or a module's name.
pub(super) fn is_identifier(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    plain && word.trim_matches('_').contains('_') && word.starts_with(|c: char| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Artifact;

    fn measured(key: &str, detail: &str, how: &str, path: &str) -> Measurement {
        let value = Value::State { works: true, detail: detail.to_owned() };
        let mut taken = Measurement::new(key, value, how, jiff::Timestamp::UNIX_EPOCH).ok(true);
        taken.artifact =
            (!path.is_empty()).then(|| Artifact { path: path.to_owned(), bytes: 1, sha256: String::new() });
        taken
    }

    #[test]
    fn a_label_is_about_what_was_measured_or_about_something_else() {
        let script = measured("exporter.script", "executable, runs", "ran it", "run/parquet_exporter.cjs");
        let label = "com.02luka.analytics.parquet";
        let plist = measured("service.plist", "1 kB", "read it", &format!("launchd/{label}.plist"));
        let service = measured("service.runs", "1 by launchd", &format!("asked launchd for the runs of {label}"), "");
        let day = measured("parquet.file", "10 kB, and 3 older", "looked", "g/analytics/ops_atomic_20261127.parquet");
        let logs = measured("paths.logs", "`g/logs/` is there", "looked", "");
        for (label, measurement, about) in [
            ("Exporter", &script, true),
            ("Exporter script (run/parquet_exporter.cjs)", &script, true),
            ("Exporter script (~/02luka/run/parquet_exporter.cjs)", &script, true),
            ("Exporter script parquet_exporter.cjs", &script, true),
            ("Exporter (Node.js shim)", &script, true),
            ("Exporter (snappy, 02:30 daily)", &script, true),
            ("Exporter (parquet_exporter)", &script, true),
            ("Exporter script (run/csv_exporter.cjs)", &script, false),
            ("Exporter script (/opt/parquet_exporter.cjs)", &script, false),
            ("Exporter (the CSV one)", &script, false),
            ("Exporter script (heartbeats → Parquet)", &script, true),
            ("Exporter (JSON → Parquet)", &script, true),
            ("Exporter (monitor heartbeats, Markdown)", &script, true),
            ("Exporter (Redis streams)", &script, false),
            ("Exporter (row_count > 0)", &script, true),
            ("Exporter (bad_count)", &script, false),
            ("Log directory (monitor)", &logs, true),
            ("Exporter (csv_export)", &script, false),
            ("Exporter ({{ order.title }})", &script, false),
            ("LaunchAgent plist (com.02luka.analytics.parquet.plist)", &plist, true),
            ("Plist ~/Library/LaunchAgents/com.02luka.analytics.parquet.plist", &plist, true),
            ("Plist (com.02luka.analytics.parquet)", &plist, true),
            ("LaunchAgent plist (launchd/com.02luka.digest.plist)", &plist, false),
            ("LaunchAgent com.02luka.analytics.parquet", &service, true),
            ("LaunchAgent (com.02luka.optimizer)", &service, false),
            ("LaunchAgent (com.02luka.analytics)", &service, false),
            ("com.02luka.analytics", &service, false),
            ("LaunchAgent (com.02luka.analytics.parquet.plist)", &service, true),
            ("LaunchAgent (~/Library/LaunchAgents/com.02luka.analytics.parquet.plist)", &service, true),
            ("LaunchAgent (com.02luka.optimizer.plist)", &service, false),
            ("LaunchAgent (/tmp/com.02luka.analytics.parquet.plist)", &service, false),
            ("Service (row_count)", &service, true),
            ("Service (heartbeats)", &service, false),
            ("Service (redis-server)", &service, false),
            ("Service (10.0.0.7)", &service, false),
            ("LaunchAgent (and/or systemd unit)", &service, true),
            ("Parquet file (g/analytics/ops_atomic_YYYYMMDD.parquet)", &day, true),
            ("Parquet file (ops_atomic_*.parquet)", &day, true),
            ("Parquet file (ops_atomic_<date>.parquet)", &day, true),
            ("Parquet files (g/analytics/)", &day, true),
            ("Parquet file (heartbeats)", &day, true),
            ("Parquet file (g/analytics/perf_YYYYMMDD.parquet)", &day, false),
            ("Parquet file (g/analytics/ops_atomic_20251028.parquet)", &day, false),
            ("Parquet file (g/exports/)", &day, false),
            ("Log directory (g/logs)", &logs, true),
            ("Log directory (/var/log/redis)", &logs, false),
            ("Log file g/logs/own.log", &logs, true),
            ("Log file g/logs/redis.log", &logs, false),
        ] {
            let days = [jiff::civil::date(2026, 11, 27)];
            let is_figure = |name: &str| name == "row_count";
            let found = fits(label, "x", &["Log file", "g/logs/own.log"], measurement, &days, &is_figure);
            assert_eq!(found.is_ok(), about, "{label}: {found:?}");
        }
        let label = "Parquet file (g/analytics/ops_atomic_YYYYMMDD.parquet)";
        assert!(
            fits(
                label,
                "x",
                &["g/analytics/ops_atomic_YYYYMMDD.parquet"],
                &day,
                &[jiff::civil::date(2026, 11, 28)],
                &|_| false
            )
            .is_err()
        );
        assert!(fits(label, "x", &[], &day, &[], &|_| false).is_ok());
    }

    #[test]
    fn names_are_told_from_words() {
        for (text, expect) in [
            ("and/or Pass/Fail 1/2 Asia/Bangkok Node.js 02:30 v1.2.3 e.g. 5 MB", vec![]),
            ("run/a.cjs, `g/logs/` and /etc.", vec!["run/a.cjs", "g/logs/", "/etc"]),
            ("main.css, rows.tsv app.TSX and backup.gz", vec!["main.css", "rows.tsv", "app.TSX", "backup.gz"]),
            ("com.02luka.x localhost:6379 10.0.0.1 a_b", vec!["com.02luka.x", "localhost:6379", "10.0.0.1", "a_b"]),
            ("mac-mini.local .env.local local", vec!["mac-mini.local"]),
        ] {
            assert_eq!(names_in(text), expect, "{text}");
        }
    }
}
