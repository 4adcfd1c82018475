//! What a `Confirms:` line says beyond what its command did.
//!
//! Invariant: a number, a path, another thing or a day that a line names is vouched for only where the command's own output or
//! a measurement bears it out; all else that it says is the author's description of the command.

use super::answers::Answers;
use super::expectation::{self, Held};
use super::slots::Expected;
use super::{RunRecord, label};
use crate::evidence::{Measurement, subject};
use crate::order::fold;
use crate::order::target::{Comparator, Target, compile};

/// `claim` is what stands behind the mark; `commands`, `output` and `own` are those of the test, which passed.
pub fn hold(claim: &str, commands: &str, output: &str, own: &[&Measurement], record: &RunRecord) -> Held {
    let claim = label::plain(claim);
    let claim = claim.as_str();
    let seen = || format!("{commands}\n{output}");
    for held in
        [amounts(claim, output, own, record), freshness(claim, output, record), things(claim, seen(), own, record)]
    {
        if held != Held::Meets {
            return held;
        }
    }
    names(claim, seen(), record)
}

/// Nouns of numbers that a command can be asked about.
const COUNTED: [&str; 30] = [
    "row",
    "rows",
    "file",
    "files",
    "record",
    "records",
    "check",
    "checks",
    "test",
    "tests",
    "error",
    "errors",
    "failure",
    "failures",
    "warning",
    "warnings",
    "heartbeat",
    "heartbeats",
    "report",
    "reports",
    "column",
    "columns",
    "day",
    "days",
    "mismatch",
    "mismatches",
    "entries",
    "kb",
    "mb",
    "gb",
];

/// `288 rows`, `> 5000 rows`, `14/14 checks pass`, `12 kB`.
fn amounts(claim: &str, output: &str, own: &[&Measurement], record: &RunRecord) -> Held {
    let words: Vec<&str> =
        claim.split_whitespace().map(|word| word.trim_matches(|c: char| "(),.;:!“”\"'".contains(c))).collect();
    for (n, word) in words.iter().enumerate() {
        if !word.starts_with(|c: char| c.is_ascii_digit() || "<>≤≥=~±".contains(c)) {
            continue;
        }
        let noun = words.get(n + 1).map(|word| fold(word)).unwrap_or_default();
        let is_ratio = word.split_once('/').is_some_and(|(a, b)| [a, b].iter().all(|part| part.parse::<u32>().is_ok()));
        let is_number = word.trim_start_matches(|c: char| !c.is_ascii_digit()).replace(',', "").parse::<f64>().is_ok();
        let has_unit = matches!(compile("", word), Target::Compare { unit, .. } if !matches!(unit, crate::order::target::Unit::Count { .. }));
        let wanted = match () {
            () if is_ratio || has_unit => (*word).to_owned(),
            () if is_number && COUNTED.contains(&noun.as_str()) => bounded(&words, n, &noun),
            () => continue,
        };
        // a number that was printed is another one
        let is_literal =
            output.lines().flat_map(|line| line.split("; ")).any(|part| part.trim().parse::<f64>().is_ok());
        let expected = Expected { text: wanted.clone(), is_literal };
        match expectation::hold(&expected, output, &Answers::of(record, own.to_vec())) {
            Held::Meets => {}
            Held::Differs(why) => return Held::Differs(why),
            Held::Unclear(_) => return Held::Unclear(format!("“{wanted}” can't be told from it")),
        }
    }
    Held::Meets
}

/// The number at `n` with its noun and the comparison before it: `at least 5 rows`.
fn bounded(words: &[&str], n: usize, noun: &str) -> String {
    let number = words.get(n).copied().unwrap_or_default();
    for before in [2, 1] {
        let Some(lead) = n.checked_sub(before).and_then(|from| words.get(from..n)) else { continue };
        let phrase = format!("{} {number} {noun}", lead.join(" "));
        if matches!(compile("", &phrase), Target::Compare { comparator, .. } if comparator != Comparator::Equal) {
            return phrase;
        }
    }
    format!("{number} {noun}")
}

/// `fresh data today`: the day of the run stands in the output.
fn freshness(claim: &str, output: &str, record: &RunRecord) -> Held {
    const FRESH: [&str; 8] = ["fresh", "freshness", "today", "todays", "recent", "recently", "yesterday", "tonight"];
    let folded = fold(claim);
    let words: Vec<&str> = folded.split(' ').collect();
    let asks = words.iter().any(|word| FRESH.contains(word)) || folded.contains("up to date");
    if !asks {
        return Held::Meets;
    }
    let days = label::days(record);
    let dates: Vec<jiff::civil::Date> = dates_in(output);
    match dates.iter().max() {
        _ if words.contains(&"yesterday") => Held::Unclear(format!("“{claim}” can't be told from it")),
        Some(latest) if days.contains(latest) => Held::Meets,
        Some(latest) => Held::Differs(format!("it says {latest}, which is not the day of the run")),
        None => Held::Unclear("it names no day".to_owned()),
    }
}

/// `2026-11-27`, `20261127`.
fn dates_in(text: &str) -> Vec<jiff::civil::Date> {
    let runs = text.split(|c: char| !(c.is_ascii_digit() || c == '-')).filter(|run| run.len() >= 8);
    runs.filter_map(|run| run.parse().ok()).collect()
}

/// Other things than what the command asked for: `and Redis is up`.
fn things(claim: &str, seen: String, own: &[&Measurement], record: &RunRecord) -> Held {
    let aliases = |measurement: &Measurement| {
        let declared = record.declarations.iter().find(|declared| declared.key == measurement.key);
        declared.map(|declared| declared.aliases.join(" ")).unwrap_or_default()
    };
    let mut known = seen;
    for measurement in own {
        known.push_str(&format!("\n{} {} {}", measurement.key, measurement.how, aliases(measurement)));
    }
    let known = subject::things_in(&known);
    // what the telemetry is made of
    let others =
        subject::things_in(claim).into_iter().filter(|thing| !["heartbeat", "monitor"].contains(&thing.as_str()));
    for thing in others.filter(|thing| !known.contains(thing)) {
        let newest = |one: &&Measurement| label::newest(record, &one.key).is_some_and(|newest| newest.id == one.id);
        let about = |one: &&Measurement| subject::things_in(&one.key).contains(&thing);
        let states: Vec<Option<bool>> =
            record.measurements.iter().filter(newest).filter(about).map(label::works).collect();
        match () {
            () if states.contains(&Some(false)) => return Held::Differs(format!("{thing} does not work")),
            () if states.contains(&Some(true)) => {}
            () => return Held::Unclear(format!("it asks nothing of {thing}")),
        }
    }
    Held::Meets
}

/// Paths, service labels and hosts: in the command, in what it printed, or measured.
fn names(claim: &str, seen: String, record: &RunRecord) -> Held {
    let days = label::days(record);
    for name in subject::names_in(claim).into_iter().filter(|name| name.contains(['/', '.', ':'])) {
        let works = |one: &&Measurement| label::works(one) != Some(false);
        let is_measured = record.measurements.iter().filter(works).any(|one| subject::names(one, &name, &days));
        let is_asked = seen.contains(&name) && !name.contains("YYYY");
        if !is_measured && !is_asked {
            return Held::Unclear(format!("it asks nothing of `{name}`"));
        }
    }
    Held::Meets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_out_of_output() {
        let found = dates_in("2026-11-24T23:53:45Z g/ops_20261127.parquet 12345678901 1-2");
        assert_eq!(found, [jiff::civil::date(2026, 11, 24), jiff::civil::date(2026, 11, 27)]);
    }
}
