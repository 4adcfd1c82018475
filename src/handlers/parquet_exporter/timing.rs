//! When the export is to run: what an order says of it, and of no other job. Pure.
//!
//! The criteria that are bound to the export's schedule say it, else the requirements that speak of the export; both are
//! read by the parser of targets. Where an order names two times the standard one stays, with a note that names both:
//! nothing is scheduled at a time that nobody ordered.

use jiff::civil::Time;

use super::DECLARED;
use crate::evidence::bind::{Binding, bind};
use crate::order::target::{Period, Target, Weekday, compile};
use crate::order::{Item, Order};
use crate::verify::deployment::Deployment;

/// A time of day, every day or on one day of the week.
#[derive(Debug, Clone, PartialEq)]
struct When {
    /// `None`: only the day is named.
    at: Option<Time>,
    weekday: Option<Weekday>,
    zone: Option<String>,
    /// As it is written.
    text: String,
}

impl When {
    fn is_as(&self, other: &When) -> bool {
        (self.at, self.weekday) == (other.at, other.weekday)
    }

    fn is_standard(&self, deployment: &Deployment) -> bool {
        self.at.is_none_or(|at| at == deployment.at) && self.weekday == deployment.weekday
    }
}

pub fn adopt(order: &Order, deployment: &mut Deployment, notes: &mut Vec<String>) {
    let accepted = of_criteria(order, notes);
    let mut required = Vec::new();
    for item in &order.requirements {
        of_requirement(item, &deployment.label, false, notes, &mut required);
    }
    let named = |all: &[When]| all.iter().map(|when| format!("`{}`", when.text)).collect::<Vec<_>>().join(" and ");
    let timed = |all: &[When]| all.iter().filter(|when| when.at.is_some()).cloned().collect::<Vec<_>>();
    // an acceptance that only says `1× daily` leaves the time to the requirements
    let chosen = match (timed(&accepted), timed(&required)) {
        (times, others) if !times.is_empty() => {
            if let [time] = times.as_slice()
                && others.iter().any(|other| other.at != time.at)
            {
                let others = named(&others);
                notes.push(format!(
                    "the acceptance says {}, a requirement {others}: the acceptance counts",
                    named(&times)
                ));
            }
            times
        }
        (_, times) if !times.is_empty() => times,
        _ => accepted.iter().chain(&required).cloned().collect(),
    };
    match chosen.as_slice() {
        [] => {}
        [when] => take(when, &accepted, deployment, notes),
        several => match several.iter().find(|when| when.is_standard(deployment)) {
            Some(standard) => {
                notes.push(format!(
                    "the order names two times, {}; `{}` is the standard one",
                    named(several),
                    standard.text
                ));
            }
            None => notes.push(format!(
                "the order names two times, {}; the export stays at {}, and runs once a day or a week\n\
                 hint: name one, as a criterion `Export schedule`",
                named(several),
                deployment.at.strftime("%H:%M")
            )),
        },
    }
}

fn take(when: &When, accepted: &[When], deployment: &mut Deployment, notes: &mut Vec<String>) {
    if let Some(at) = when.at {
        deployment.at = at;
    }
    // `weekly on Sundays` in the acceptance, the time in a requirement
    deployment.weekday = when.weekday.or_else(|| accepted.iter().find_map(|other| other.weekday));
    if let Some(zone) = &when.zone {
        notes.push(format!("`{}`: services run in this machine's zone, not in {zone}", when.text));
    }
}

fn push(found: &mut Vec<When>, when: When) {
    if !found.iter().any(|known| known.is_as(&when)) {
        found.push(when);
    }
}

fn of_criteria(order: &Order, notes: &mut Vec<String>) -> Vec<When> {
    let mut found = Vec::new();
    for criterion in &order.acceptance {
        let Target::Schedule { times, every, at, weekday, zone } = &criterion.compiled else { continue };
        let bound = bind(&criterion.metric, &order.bindings, &DECLARED);
        if !matches!(bound, Binding::Bound { key, .. } if key == "export.schedule" || key == "export.frequency") {
            continue;
        }
        if !matches!(every, Period::Day | Period::Week) || *times > 1 {
            notes.push(format!("`{}`: this handler schedules one run a day or a week", criterion.target));
            continue;
        }
        if at.is_some() || weekday.is_some() {
            let text = criterion.target.trim().to_owned();
            push(&mut found, When { at: *at, weekday: *weekday, zone: zone.clone(), text });
        }
    }
    found
}

/// `of_export`: what it is nested in speaks of the export.
fn of_requirement(item: &Item, label: &str, of_export: bool, notes: &mut Vec<String>, found: &mut Vec<When>) {
    let mut speaks = of_export;
    for clause in clauses(&item.text) {
        let of_other = names_other(clause, label);
        speaks = (speaks || names_export(clause, label)) && !of_other;
        if !speaks {
            continue;
        }
        if clause.to_lowercase().contains("weekdays") {
            notes.push(format!(
                "`{}`: this handler schedules one run a day or a week, not on weekdays",
                crate::text::line(clause.trim(), 80)
            ));
        }
        whens(clause).into_iter().for_each(|when| push(found, when));
    }
    for child in &item.children {
        of_requirement(child, label, speaks, notes, found);
    }
}

/// Parted where another subject may begin.
fn clauses(text: &str) -> impl Iterator<Item = &str> {
    text.split([';', '\n']).flat_map(|part| part.split(". "))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn names_export(text: &str, label: &str) -> bool {
    let lower = text.to_lowercase();
    let ours = |word: &str| {
        ["export", "parquet", "schedul", "launchagent", "launchd", "cron"].iter().any(|known| word.starts_with(known))
    };
    text.contains(label) || words(&lower).any(ours)
}

/// Another job: by its label, or by a word for what such jobs do.
fn names_other(text: &str, label: &str) -> bool {
    const OTHERS: [&str; 15] = [
        "digest",
        "optimizer",
        "backup",
        "backups",
        "mail",
        "mails",
        "email",
        "newsletter",
        "cleanup",
        "rotation",
        "logrotate",
        "sync",
        "reboot",
        "maintenance",
        "own job",
    ];
    let lower = text.to_lowercase();
    let foreign = lower.split(|c: char| !(c.is_alphanumeric() || ".-_".contains(c))).any(|word| {
        let word = word.trim_matches('.').trim_end_matches(".plist");
        word.starts_with("com.") && word.matches('.').count() >= 2 && word != label.to_lowercase()
    });
    let spaced = format!(" {} ", words(&lower).collect::<Vec<_>>().join(" "));
    foreign || OTHERS.iter().chain(&["other job", "another job"]).any(|other| spaced.contains(&format!(" {other} ")))
}

/// Words of a schedule in a text: at most this many in a row.
const LONGEST: usize = 8;

/// The schedules that a text names: the longest runs of its words that the parser of targets takes for one.
fn whens(text: &str) -> Vec<When> {
    const MARKS: [char; 13] = ['(', ')', '[', ']', ',', '.', '`', '*', '"', '\'', ':', '“', '”'];
    // the stars of a cron line are words
    let words: Vec<&str> = text
        .split_whitespace()
        .map(|word| if word == "*" { word } else { word.trim_matches(MARKS) })
        .filter(|word| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    let mut from = 0;
    while from < words.len() {
        let longest = (1..=LONGEST.min(words.len() - from)).rev().find_map(|length| {
            let run = words.get(from..from + length)?.join(" ");
            schedule(&run).map(|when| (length, when))
        });
        match longest {
            Some((length, when)) => {
                if !is_other_time(words.get(..from).unwrap_or_default()) {
                    push(&mut found, when);
                }
                from += length;
            }
            None => from += 1,
        }
    }
    found
}

fn schedule(run: &str) -> Option<When> {
    match compile("", run) {
        Target::Schedule { times: 1, every: Period::Day | Period::Week, at, weekday, zone } => {
            // `sat` and `sun` alone are words like others
            let is_day = weekday.is_some() && words(run).any(|word| word.len() > 5);
            (at.is_some() || is_day).then(|| When { at, weekday, zone, text: run.to_owned() })
        }
        _ => None,
    }
}

/// Whether the words before a time say that it is none to run at: a bound, an earlier time, or a moment of a day.
fn is_other_time(before: &[&str]) -> bool {
    const BEFORE: [&str; 13] =
        ["not", "instead", "than", "was", "from", "before", "after", "until", "till", "since", "by", "of", "between"];
    let last = before.iter().rev().take(2).map(|word| word.to_lowercase());
    let is_date = |word: &str| word.len() >= 8 && word.chars().all(|c| c.is_ascii_digit() || "-/.".contains(c));
    last.into_iter().any(|word| BEFORE.contains(&word.as_str()) || is_date(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    /// `HH:MM` and the day that an order with this acceptance and these requirements gets, and how many notes.
    fn deployed(frequency: &str, requirements: &str) -> (String, Option<Weekday>, Vec<String>) {
        let text = format!(
            "# Work Order: WO-1-PARQUET-EXPORTER\n\n## Requirements\n\n{requirements}\n\n## Acceptance Criteria\n\n\
             | Metric | Target |\n|---|---|\n| File size | ≤ 5 MB |\n{frequency}\n"
        );
        let order = crate::order::parse(text.as_bytes(), "WO-1-PARQUET-EXPORTER.md").expect("an order");
        let mut deployment = Deployment::standard(&Config::default());
        let mut notes = Vec::new();
        adopt(&order, &mut deployment, &mut notes);
        (deployment.at.strftime("%H:%M").to_string(), deployment.weekday, notes)
    }

    #[test]
    fn requirements_that_speak_of_the_export_say_when() {
        let sunday = Some(Weekday::Sunday);
        for (requirements, at, weekday) in [
            ("1. **Schedule** daily at 03:15 by launchd", "03:15", None),
            ("1. **Schedule** via LaunchAgent (03:15 daily)", "03:15", None),
            ("1. **Schedule** the export daily at 2:30 PM (after lunch) via LaunchAgent", "14:30", None),
            ("1. **Schedule** the export nightly at 04:00", "04:00", None),
            ("1. **Export** on Sundays at 03:00", "03:00", sunday),
            ("1. **Run** `com.02luka.analytics.parquet` at 05:10 each day", "05:10", None),
            ("1. **Schedule**\n   - daily at 06:20\n   - the digest stays at 09:00", "06:20", None),
            ("1. **Schedule** with cron: 15 4 * * *", "04:15", None),
            // of other jobs
            (
                "1. **Keep** the daily digest at 09:00 untouched\n2. **Schedule** the export nightly at 02:45",
                "02:45",
                None,
            ),
            ("1. **Daily digest mail** goes out at 09:15 by its own job; it reads our files.", "02:30", None),
            ("1. **Schedule** the export at 04:10; the backup runs at 05:00", "04:10", None),
            ("1. **Leave** `com.02luka.digest` at its schedule, 09:00 daily", "02:30", None),
            // no times to run at
            ("1. **Export** must be ready by 06:00", "02:30", None),
            ("1. **Move** the export from 05:00 to 04:00", "04:00", None),
            ("1. **Find out** why the export of 2025-10-29 02:45 failed", "02:30", None),
            ("1. **Daily** standup at 09:00", "02:30", None),
        ] {
            let (is, on, notes) = deployed("", requirements);
            assert_eq!((is.as_str(), on), (at, weekday), "{requirements}: {notes:?}");
        }
    }

    #[test]
    fn the_acceptance_counts_before_a_requirement() {
        let late = "1. **Schedule** the export daily at 05:00";
        let row = |target: &str| format!("| Export frequency | {target} |");
        for (frequency, requirements, at, weekday, n) in [
            (row("1× daily (2:30 PM)"), "", "14:30", None, 0),
            (row("1× daily"), late, "05:00", None, 0),
            (row("04:00 daily"), late, "04:00", None, 1),
            (row("Sundays at 03:00"), "", "03:00", Some(Weekday::Sunday), 0),
            (row("Sundays"), late, "05:00", Some(Weekday::Sunday), 0),
            (row("4× daily"), "", "02:30", None, 1),
            (row("02:30 daily Asia/Bangkok"), "", "02:30", None, 1),
            ("| Digest time | 09:00 daily |".to_owned(), "", "02:30", None, 0),
        ] {
            let (is, on, notes) = deployed(&frequency, requirements);
            assert_eq!((is.as_str(), on, notes.len()), (at, weekday, n), "{frequency} {requirements}: {notes:?}");
        }
    }

    #[test]
    fn of_two_times_the_standard_one_stays_and_both_are_named() {
        for requirements in [
            "1. **Schedule** via LaunchAgent (daily at 2:30 AM, and 14:30)",
            "1. **Schedule** the export at 04:00\n2. **Export** daily at 05:00",
        ] {
            let (at, _, notes) = deployed("", requirements);
            assert_eq!(at, "02:30", "{requirements}");
            assert!(notes.len() == 1 && notes[0].contains(" and ") && notes[0].contains("two times"), "{notes:?}");
        }
    }
}
