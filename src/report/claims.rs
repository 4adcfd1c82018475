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
use crate::order::target::{Comparator, Target, begins_comparison, compile};

/// `claim` is what stands behind the mark; `commands`, `output` and `own` are those of the test, which passed.
pub fn hold(claim: &str, commands: &str, output: &str, own: &[&Measurement], record: &RunRecord) -> Held {
    let claim = label::plain(claim);
    let claim = claim.as_str();
    let seen = || format!("{commands}\n{output}");
    let held = [
        amounts(claim, commands, output, own, record),
        freshness(claim, output, record),
        things(claim, seen(), own, record),
        names(claim, seen(), record),
    ];
    worst(held)
}

/// What contradicts weighs more than what can't be told.
fn worst(held: impl IntoIterator<Item = Held>) -> Held {
    let mut out = Held::Meets;
    for held in held {
        match (&out, &held) {
            (_, Held::Differs(_)) => return held,
            (Held::Meets, _) => out = held,
            _ => {}
        }
    }
    out
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

/// What the rows of the telemetry's files are called, too.
const ROWS: [&str; 9] = ["row", "rows", "record", "records", "heartbeat", "heartbeats", "report", "reports", "entries"];

/// `288 rows`, `> 5000 rows`, `14/14 checks pass`, `12 kB`.
fn amounts(claim: &str, commands: &str, output: &str, own: &[&Measurement], record: &RunRecord) -> Held {
    let words: Vec<&str> =
        claim.split_whitespace().map(|word| word.trim_matches(|c: char| "(),.;:!“”\"'".contains(c))).collect();
    let answers = Answers::of(record, own.to_vec());
    let amount = |(n, word): (usize, &&str)| {
        if !word.starts_with(|c: char| c.is_ascii_digit() || "<>≤≥=~±".contains(c)) {
            return Held::Meets;
        }
        let noun = words.get(n + 1).map(|word| fold(word)).unwrap_or_default();
        let is_ratio = word.split_once('/').is_some_and(|(a, b)| [a, b].iter().all(|part| part.parse::<u32>().is_ok()));
        let is_number = word.trim_start_matches(|c: char| !c.is_ascii_digit()).replace(',', "").parse::<f64>().is_ok();
        let has_unit = matches!(compile("", word), Target::Compare { unit, .. } if !matches!(unit, crate::order::target::Unit::Count { .. }));
        let (wanted, printed) = match () {
            () if is_ratio || has_unit => ((*word).to_owned(), Printed::Other),
            () if is_number && COUNTED.contains(&noun.as_str()) => {
                let printed = if own.is_empty() { printed(&noun, commands, output) } else { Printed::Other };
                let noun = match noun.as_str() {
                    noun if ROWS.contains(&noun) => "rows",
                    // alone, a day is a time
                    "day" | "days" if printed == Printed::All => "",
                    noun => noun,
                };
                (bounded(&words, n, noun), printed)
            }
            () => return Held::Meets,
        };
        let unclear = || Held::Unclear(format!("“{wanted}” can't be told from it"));
        // of something else than what the number that was printed counts
        if printed == Printed::OfAnother {
            return unclear();
        }
        let expected = Expected { text: wanted.clone(), is_literal: printed == Printed::All };
        match expectation::hold(&expected, output, &answers) {
            Held::Differs(_) if printed == Printed::Some => unclear(),
            Held::Unclear(_) => unclear(),
            held => held,
        }
    };
    worst(words.iter().enumerate().map(amount))
}

/// What the numbers that a command printed are of, as seen from a noun.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Printed {
    /// All of them that there are: another number contradicts.
    All,
    /// Those that a condition picks.
    Some,
    OfAnother,
    /// No bare number was printed.
    Other,
}

fn printed(noun: &str, commands: &str, output: &str) -> Printed {
    let parts: Vec<&str> = output.lines().flat_map(|line| line.split("; ")).map(str::trim).collect();
    let is_bare = |part: &&str| part.parse::<f64>().is_ok();
    if !parts.iter().any(is_bare) {
        return Printed::Other;
    }
    let stem = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
    let is_named = |part: &str| fold(part).split(' ').any(|word| stem(word) == stem(noun));
    let asked = fold(commands);
    let narrows = ["where", "distinct", "group", "having", "limit", "filter"];
    match () {
        () if parts.iter().any(|part| is_named(part)) => Printed::All,
        () if !ROWS.contains(&noun) => Printed::OfAnother,
        () if asked.split(' ').any(|word| narrows.contains(&word)) => Printed::Some,
        () => Printed::All,
    }
}

/// The number at `n` with its noun and the comparison before it: `at least 5 rows`.
fn bounded(words: &[&str], n: usize, noun: &str) -> String {
    /// Words of the longest comparison.
    const LONGEST: usize = 5;
    let number = words.get(n).copied().unwrap_or_default();
    for before in (1..=LONGEST).rev() {
        let Some(lead) = n.checked_sub(before).and_then(|from| words.get(from..n)) else { continue };
        let phrase = format!("{} {number} {noun}", lead.join(" ")).trim_end().to_owned();
        if begins_comparison(&phrase)
            && matches!(compile("", &phrase), Target::Compare { comparator, condition: None, .. } if comparator != Comparator::Equal)
        {
            return phrase;
        }
    }
    format!("{number} {noun}").trim_end().to_owned()
}

/// `fresh data today`: the day of the run stands in the output. What is merely fresh may be of the night before.
fn freshness(claim: &str, output: &str, record: &RunRecord) -> Held {
    const TODAY: [&str; 3] = ["today", "todays", "tonight"];
    const FRESH: [&str; 3] = ["fresh", "freshness", "yesterday"];
    let folded = fold(claim);
    let words: Vec<&str> = folded.split(' ').collect();
    let is_today = words.iter().any(|word| TODAY.contains(word));
    let is_fresh = words.iter().any(|word| FRESH.contains(word)) || folded.contains("up to date");
    if !is_today && !is_fresh {
        return Held::Meets;
    }
    let days = label::days(record);
    let dates: Vec<jiff::civil::Date> = dates_in(output);
    match dates.iter().max() {
        _ if words.contains(&"yesterday") => Held::Unclear(format!("“{claim}” can't be told from it")),
        Some(latest) if days.contains(latest) => Held::Meets,
        Some(latest) if !is_today => Held::Unclear(format!("it says {latest}; whether that is fresh can't be told")),
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
