//! Whether what stands below a heading or beside a cell (`### Redis`, `Component | Optimizer`) can be of what was measured.
//!
//! Invariant: a heading is a category (`Performance`, `Phase 7.8`) and restricts nothing, unless it names a thing: a path, a
//! service's label, a host, or what some check measures. What stands below that is of it and of nothing else.

use std::collections::BTreeSet;

use super::Measurement;
use super::subject::{self, Days, EXPORTED, Known};
use crate::text;

/// Whose `measurement` is not, where `heading` names another thing than it. `aliases` are the names that are declared for the
/// measurement's key, `all` are the measurements beside it.
pub fn other(
    heading: &str,
    aliases: &[&str],
    measurement: &Measurement,
    all: &[&Measurement],
    days: &Days,
) -> Option<String> {
    let heading = without_reference(heading);
    let known = Known::of(measurement);
    // whoever makes a thing or runs it is a name for it too
    let is_maker = |one: &&&Measurement| ["service.", "exporter."].iter().any(|part| one.key.starts_with(part));
    let is_made = !measurement.key.starts_with("service.");
    let may_name = |name: &str| {
        known.may_name(name, aliases, measurement, days)
            || (is_made && all.iter().filter(is_maker).any(|one| Known::of(one).names_one(name, days)))
    };
    // `row_count` may be the name of a figure
    let is_name = |name: &String| !subject::is_identifier(name) || name.contains(['.', '/']);
    let names: Vec<String> = subject::names_in(&heading).into_iter().filter(is_name).collect();
    if let Some(name) = names.iter().find(|name| !may_name(name)) {
        return Some(shown(name));
    }
    let mut own: BTreeSet<String> = aliases.iter().flat_map(|alias| subject::words(alias)).collect();
    own.extend(known.words);
    // names that were found to be its own
    own.extend(names.iter().flat_map(|name| subject::words(name)));
    names_another(&heading, &measurement.key, own).then(|| shown(&heading))
}

/// Whether `heading` names a thing that no measurement under `key` can be of, whatever is measured.
pub fn is_surely_other(heading: &str, key: &str, aliases: &[&str]) -> bool {
    let heading = without_reference(heading);
    let mut own: BTreeSet<String> = aliases.iter().flat_map(|alias| subject::words(alias)).collect();
    own.extend(subject::words(key));
    // whether the service is the monitor's is not said by its key
    own.extend(EXPORTED.map(str::to_owned));
    names_another(&heading, key, own)
}

fn names_another(heading: &str, key: &str, mut own: BTreeSet<String>) -> bool {
    // `Without SQLite`, `Smaller than CSV`, `Replaces SQLite` name what it is not
    const AGAINST: [&str; 9] = ["than", "without", "vs", "versus", "instead", "no", "replace", "replacing", "replaced"];
    let words = subject::words(heading).into_iter().take_while(|word| !AGAINST.contains(&word.as_str()));
    let words: Vec<String> = words.collect();
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    let is_data = ["export.", "parquet."].iter().any(|prefix| key.starts_with(prefix));
    let names_exporter = words.iter().any(|word| word.starts_with("export") || word == "parquet");
    // `Heartbeat → Parquet export`
    if names_exporter && (subject::is_exporters(key) || own.contains("parquet")) {
        own.extend(EXPORTED.map(str::to_owned));
    }
    // what a monitor writes; and what is exported
    if is_data || own.contains("monitor") {
        own.insert("heartbeat".to_owned());
    }
    if is_data && has("heartbeat") {
        own.insert("monitor".to_owned());
    }
    words.iter().any(|word| subject::is_foreign(word, &own))
}

/// Without a closing bracket that tells where to read on: `Acceptance (see docs/spec.md)`.
fn without_reference(heading: &str) -> String {
    let reference = heading.trim_end().strip_suffix(')').and_then(|rest| rest.rsplit_once('('));
    let is_reference = |inside: &str| {
        let first = inside.split_whitespace().next().unwrap_or("").to_lowercase();
        ["see", "cf.", "per", "from", "source:"].contains(&first.as_str())
    };
    reference.filter(|(_, inside)| is_reference(inside)).map_or(heading, |(before, _)| before).to_owned()
}

fn shown(name: &str) -> String {
    text::line(name.trim(), 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::{Artifact, Value};

    fn measured(key: &str, how: &str, path: &str) -> Measurement {
        let value = Value::State { works: true, detail: "there".to_owned() };
        let mut taken = Measurement::new(key, value, how, jiff::Timestamp::UNIX_EPOCH).ok(true);
        taken.artifact =
            (!path.is_empty()).then(|| Artifact { path: path.to_owned(), bytes: 1, sha256: String::new() });
        taken
    }

    #[test]
    fn a_heading_is_a_category_or_names_a_thing() {
        let file = measured("parquet.file", "looked", "g/analytics/ops_atomic_20261127.parquet");
        let script = measured("exporter.script", "ran it", "run/parquet_exporter.cjs");
        let service = measured("service.loaded", "asked launchd for com.02luka.analytics.parquet", "");
        let monitor = measured("service.loaded", "asked launchd for com.02luka.ops_atomic_monitor", "");
        let redis = measured("monitor.uptime.redis", "counted heartbeats", "");
        let exporters = [&file, &script, &service];
        let all = |measurement: &Measurement| match measurement.how.contains("monitor") {
            true => vec![&monitor, &redis],
            false => exporters.to_vec(),
        };
        for (heading, measurement, expect) in [
            ("Performance", &service, None),
            ("Storage:", &file, None),
            ("Data quality", &file, None),
            ("Phase 7.8 – Data Analytics Integration", &service, None),
            ("P0 / must have", &service, None),
            ("Monitoring", &service, None),
            ("ประสิทธิภาพ", &service, None),
            ("Parquet Exporter", &service, None),
            ("Heartbeat → Parquet export", &service, None),
            ("Exporter (monitor heartbeats, JSON)", &script, None),
            ("Heartbeats", &file, None),
            ("Monitor heartbeats", &file, None),
            ("row_count", &file, None),
            ("Acceptance Criteria (see docs/spec.md)", &file, None),
            ("com.02luka.analytics.parquet", &service, None),
            ("com.02luka.analytics.parquet", &file, None),
            ("run/parquet_exporter.cjs", &file, None),
            ("g/analytics/ops_atomic_YYYYMMDD.parquet", &file, None),
            ("Monitor", &monitor, None),
            ("Heartbeat", &monitor, None),
            ("com.02luka.ops_atomic_monitor", &monitor, None),
            ("Redis", &redis, None),
            ("Redis (OPS-Atomic monitor)", &redis, None),
            ("Redis", &monitor, Some("Redis")),
            ("Redis", &file, Some("Redis")),
            ("2. Optimizer (com.02luka.optimizer)", &service, Some("com.02luka.optimizer")),
            ("com.02luka.digest", &file, Some("com.02luka.digest")),
            ("Digest – Acceptance Criteria", &service, Some("Digest – Acceptance Criteria")),
            ("OPS-Atomic monitor", &script, Some("OPS-Atomic monitor")),
            ("OPS-Atomic monitor", &file, Some("OPS-Atomic monitor")),
            ("Heartbeat", &service, Some("Heartbeat")),
            ("CSV converter", &file, Some("CSV converter")),
            ("g/logs/", &file, Some("g/logs/")),
            ("run/csv_exporter.cjs", &script, Some("run/csv_exporter.cjs")),
            ("Host: mac-mini.local", &script, Some("mac-mini.local")),
        ] {
            let found = other(heading, &[], measurement, &all(measurement), &[]);
            assert_eq!(found.as_deref(), expect, "{heading} of {}", measurement.key);
        }
    }

    #[test]
    fn what_is_surely_of_another_thing_is_known_before_it_is_measured() {
        for (heading, key, expect) in [
            ("Optimizer", "service.loaded", true),
            ("com.02luka.digest", "export.schedule", true),
            ("Redis", "export.validation_time", true),
            ("Redis", "monitor.uptime.redis", false),
            ("OPS-Atomic monitor", "service.loaded", false),
            ("Functional", "service.loaded", false),
        ] {
            assert_eq!(is_surely_other(heading, key, &[]), expect, "{heading} of {key}");
        }
    }
}
