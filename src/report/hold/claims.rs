//! What a `Confirms:` line says beyond what its command did.
//!
//! Invariant: a figure (a number, a share, a time, a day, a codec), a path or another thing that a line names is vouched for only
//! where the command's own output or a measurement bears it out; all else that it says is the author's description of the command.

use std::collections::BTreeSet;

use super::answers::{Answer, Answers};
use super::numbers::{self, Number};
use super::state::Held;
use super::{cut, expectation, vouched};
use crate::evidence::{Measurement, subject};
use crate::order::fold;
use crate::report::figures::{self, Figure, Kind, ROWS};
use crate::report::record::{self, RunRecord};
use crate::report::template::slot::Expected;
use crate::report::text;

/// A test that passed.
pub struct Ran<'t> {
    pub commands: &'t str,
    pub output: &'t str,
    /// The status that its last command ended with.
    pub exit: i32,
    /// Whether a part of its output is missing.
    pub is_cut: bool,
}

/// `claim` is what stands behind the mark; `own` are the measurements that the test was answered with.
pub fn hold(claim: &str, test: &Ran, own: &[&Measurement], record: &RunRecord) -> Held {
    let claim = text::plain(claim);
    let claim = claim.as_str();
    let seen = || format!("{}\n{}", test.commands, test.output);
    let held = [
        amounts(claim, test, own, record),
        presence(claim, test, own),
        freshness(claim, test, record),
        things(claim, seen, own, record),
        names(claim, seen, record),
    ];
    match worst(held) {
        Held::Meets if test.is_cut && cut::is_deniable(claim, test.output) => Held::Unclear(cut::WHY.to_owned()),
        Held::Unclear(why) if test.is_cut => Held::Unclear(format!("{why}: {}", cut::WHY)),
        held => held,
    }
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

/// `288 rows`, `> 5000 rows`, `14/14 checks pass`, `12 kB`, `compression is Snappy`, `since 2026-11-27`, `at 02:30`.
fn amounts(claim: &str, test: &Ran, own: &[&Measurement], record: &RunRecord) -> Held {
    let found = figures::find(claim);
    if found.is_empty() {
        return Held::Meets;
    }
    let printed = Printed::of(claim, test, own, figures::days(test.output));
    worst(found.iter().map(|figure| match printed.hold(figure, test, record) {
        // of the days that there are, the command named others
        Held::Unclear(why) if matches!(figure.kind, Kind::Day(_)) && !printed.days.is_empty() => Held::Unclear(why),
        Held::Unclear(why) if !is_asked(figure, test, record) => match vouched::by_any(figure, record) {
            Held::Meets => Held::Meets,
            // what was measured elsewhere contradicts only what there is one of
            Held::Differs(said) if figure.kind == Kind::Codec => Held::Differs(said),
            _ => Held::Unclear(why),
        },
        Held::Unclear(_) => Held::Meets,
        held => held,
    }))
}

/// `no critical heartbeats`, `Redis never failed` ask for none of what was printed; what found nothing confirms nothing else. What
/// measurements answered says by itself whether it is good.
fn presence(claim: &str, test: &Ran, own: &[&Measurement]) -> Held {
    // what a test says of a file finds nothing that could be counted
    let tests_a_file =
        test.commands.lines().any(|line| ["test ", "[ "].iter().any(|it| line.trim_start().starts_with(it)));
    if !own.is_empty() || tests_a_file {
        return Held::Meets;
    }
    let says_empty = text::words(claim).iter().any(|word| word == "nothing" || word == "empty");
    let is_counted = |figure: &Figure| matches!(figure.kind, Kind::Count | Kind::Measure | Kind::Ratio);
    let denied = denied(claim);
    match (numbers::is_nothing(test.output), denied) {
        (true, None) if !says_empty && !figures::find(claim).iter().any(is_counted) => {
            Held::Unclear("nothing was found that bears it out".to_owned())
        }
        (_, None) | (true, Some(_)) => Held::Meets,
        (false, Some(zeros)) => {
            let unclear = || Held::Unclear(format!("“{claim}” asks for none"));
            let printed = Printed::of(claim, test, own, Vec::new());
            let found = figures::find(&zeros);
            let counts: Vec<&Figure> = found.iter().filter(|one| one.kind == Kind::Count && one.bare == "0").collect();
            // a number that says of nothing what it is of may be of something else
            let is_of = |figure: &Figure| printed.numbers.iter().any(|one| one.is_of(figure) && !one.is_bare());
            let held = |figure: &Figure| match printed.counted(figure, test) {
                Some(Held::Differs(_)) if !is_of(figure) => unclear(),
                held => held.unwrap_or_else(unclear),
            };
            match counts.is_empty() {
                true => unclear(),
                false => worst(counts.into_iter().map(held)),
            }
        }
    }
}

/// What a claim that denies would ask of numbers: `0 critical heartbeats` for `no critical heartbeats`. `no more than` compares.
fn denied(claim: &str) -> Option<String> {
    const DENYING: [&str; 4] = ["no", "never", "none", "zero"];
    const COMPARING: [&str; 8] = ["more", "less", "fewer", "greater", "later", "earlier", "longer", "matter"];
    let words: Vec<&str> = claim.split_whitespace().collect();
    let folded: Vec<String> = words.iter().map(|word| fold(word)).collect();
    let compares = |at: usize| folded.get(at + 1).is_some_and(|next| COMPARING.contains(&next.as_str()));
    let denies = |at: usize| folded.get(at).is_some_and(|word| DENYING.contains(&word.as_str())) && !compares(at);
    if !(0..words.len()).any(denies) {
        return None;
    }
    let zeros = words
        .iter()
        .enumerate()
        .map(|(at, word)| if denies(at) && folded.get(at).is_some_and(|one| one == "no") { "0" } else { *word });
    Some(zeros.collect::<Vec<_>>().join(" "))
}

/// Whether the command asks for that very figure, or the order is called so (`7.8`): it is then no result.
fn is_asked(figure: &Figure, test: &Ran, record: &RunRecord) -> bool {
    let is_within = |text: &str| {
        let number = figure.bare.rsplit(' ').next().unwrap_or_default();
        text.split(|c: char| !(c.is_alphanumeric() || ".:-_".contains(c))).any(|word| word == number)
    };
    // `subject 8` of `subject.8`
    let is_name = |key: &String| format!(" {} ", fold(test.commands)).contains(&format!(" {key} {} ", figure.bare));
    match figure.kind {
        Kind::Count if figure.keys.last().is_some_and(is_name) => true,
        // rows that are asked for by a number are not counted by it
        Kind::Count if ROWS.contains(&figure.noun.as_str()) => false,
        Kind::Count | Kind::Measure | Kind::Day(_) | Kind::Time => {
            is_within(test.commands)
                || (figure.kind == Kind::Count && record.order.phase.as_deref().is_some_and(is_within))
        }
        _ => false,
    }
}

/// What a command printed, or was answered with.
struct Printed<'p> {
    /// The words of the claim.
    said: BTreeSet<String>,
    numbers: Vec<Number>,
    days: Vec<jiff::civil::Date>,
    own: &'p [&'p Measurement],
}

impl<'p> Printed<'p> {
    fn of(claim: &str, test: &Ran, own: &'p [&'p Measurement], days: Vec<jiff::civil::Date>) -> Self {
        Printed { said: numbers::said(claim), numbers: numbers::printed(test.output), days, own }
    }

    fn hold(&self, figure: &Figure, test: &Ran, record: &RunRecord) -> Held {
        let unclear = || Held::Unclear(format!("“{}” can't be told from it", figure.with_noun(&figure.noun)));
        let is_printed = |figure: &Figure| test.output.lines().any(|line| figures::find(line).contains(figure));
        match &figure.kind {
            Kind::Exit(code) if *code == test.exit => Held::Meets,
            Kind::Day(day) if self.days.contains(day) => Held::Meets,
            Kind::Codec | Kind::Time if is_printed(figure) => Held::Meets,
            Kind::Exit(_) | Kind::Day(_) | Kind::Codec | Kind::Time => unclear(),
            _ if !self.own.is_empty() => self.measured(figure, test, record).unwrap_or_else(unclear),
            Kind::Ratio if is_printed(figure) => Held::Meets,
            Kind::Ratio => unclear(),
            Kind::Count | Kind::Measure => self.counted(figure, test).unwrap_or_else(unclear),
        }
    }

    /// By the measurements that the command was answered with: under its key, else by what it is of.
    fn measured(&self, figure: &Figure, test: &Ran, record: &RunRecord) -> Option<Held> {
        let answers = Answers::of(record, self.own.to_vec());
        for key in &figure.keys {
            match answers.answer(&format!("{key}: {}", figure.asked(""))) {
                Answer::Yes => return Some(Held::Meets),
                Answer::No(said) => return Some(Held::Differs(format!("{said}, “{}” was claimed", figure.text))),
                Answer::Nothing => {}
            }
        }
        let noun = if ROWS.contains(&figure.noun.as_str()) { "rows" } else { figure.noun.as_str() };
        let expected = Expected { text: figure.asked(noun), is_literal: false };
        Some(expectation::hold(&expected, test.output, test.is_cut, &answers))
            .filter(|held| !matches!(held, Held::Unclear(_)))
    }

    /// By the numbers that were printed: those of what the figure is of decide; a number that says of nothing what it is of, or
    /// is of another thing, counts rows at most.
    fn counted(&self, figure: &Figure, test: &Ran) -> Option<Held> {
        let of_it: Vec<&Number> =
            self.numbers.iter().filter(|number| number.is_of(figure) && number.meets(figure).is_some()).collect();
        let settled = |numbers: &[&Number]| numbers::settled(numbers, figure, &self.said);
        match (settled(&of_it), of_it.as_slice()) {
            (None, []) => {}
            (None, [one]) => return Some(Held::Differs(one.against(figure))),
            (None, several) if numbers::claims_none(figure) => {
                let one = several.iter().find(|one| one.is_of_no_more_than(&self.said));
                return one.map(|one| Held::Differs(one.against(figure)));
            }
            (held, _) => return held,
        }
        let asked = fold(test.commands);
        let asks = |words: &[&str]| asked.split(' ').any(|word| words.contains(&word));
        if ROWS.contains(&figure.noun.as_str()) {
            let counts: Vec<&Number> =
                self.numbers.iter().filter(|one| one.is_bare() || (one.is_count() && asks(&["count"]))).collect();
            return match (settled(&counts), counts.as_slice()) {
                (None, [one]) if !asks(&["where", "distinct", "group", "having", "limit", "filter"]) => {
                    Some(Held::Differs(one.against(figure)))
                }
                (held, _) => held,
            };
        }
        // a size or a time that nothing else is said of, and a number alone
        let is_alone =
            || figure.noun.is_empty() && figure.of.iter().all(|word| numbers::says_no_more_than_counted(word));
        let is_free = figure.kind == Kind::Measure || is_alone();
        is_free.then(|| settled(&self.numbers.iter().collect::<Vec<_>>())).flatten()
    }
}

/// `fresh data today`: the day of the run stands in the output. What is merely fresh may be of the night before.
fn freshness(claim: &str, test: &Ran, record: &RunRecord) -> Held {
    const TODAY: [&str; 3] = ["today", "todays", "tonight"];
    const FRESH: [&str; 3] = ["fresh", "freshness", "yesterday"];
    let folded = fold(claim);
    let words: Vec<&str> = folded.split(' ').collect();
    let is_today = words.iter().any(|word| TODAY.contains(word));
    let is_fresh = words.iter().any(|word| FRESH.contains(word)) || folded.contains("up to date");
    if !is_today && !is_fresh {
        return Held::Meets;
    }
    let days = record::days(record);
    let dates: Vec<jiff::civil::Date> = figures::days(test.output);
    match dates.iter().max() {
        _ if words.contains(&"yesterday") => Held::Unclear(format!("“{claim}” can't be told from it")),
        Some(latest) if days.contains(latest) => Held::Meets,
        Some(latest) if !is_today || test.is_cut => {
            Held::Unclear(format!("it says {latest}; whether that is fresh can't be told"))
        }
        Some(latest) => Held::Differs(format!("it says {latest}, which is not the day of the run")),
        None => Held::Unclear("it names no day".to_owned()),
    }
}

/// Other things than what the command asked for: `and Redis is up`.
fn things(claim: &str, seen: impl FnOnce() -> String, own: &[&Measurement], record: &RunRecord) -> Held {
    let aliases = |measurement: &Measurement| {
        let declared = record.declarations.of_key(&measurement.key);
        declared.map(|declared| declared.aliases.join(" ")).unwrap_or_default()
    };
    // what the telemetry is made of
    let others: Vec<String> = subject::things_in(claim)
        .into_iter()
        .filter(|thing| !["heartbeat", "monitor"].contains(&thing.as_str()))
        .collect();
    if others.is_empty() {
        return Held::Meets;
    }
    let mut known = seen();
    for measurement in own {
        known.push_str(&format!("\n{} {} {}", measurement.key, measurement.how, aliases(measurement)));
    }
    let known = subject::things_in(&known);
    for thing in others.into_iter().filter(|thing| !known.contains(thing)) {
        let newest = |one: &&Measurement| record::newest(record, &one.key).is_some_and(|newest| newest.id == one.id);
        let about = |one: &&Measurement| subject::things_in(&one.key).contains(&thing);
        let states: Vec<Option<bool>> =
            record.measurements.iter().filter(newest).filter(about).map(record::works).collect();
        match () {
            () if states.contains(&Some(false)) => return Held::Differs(format!("{thing} does not work")),
            () if states.contains(&Some(true)) => {}
            () => return Held::Unclear(format!("it asks nothing of {thing}")),
        }
    }
    Held::Meets
}

/// Paths, service labels and hosts: in the command, in what it printed, or measured.
fn names(claim: &str, seen: impl FnOnce() -> String, record: &RunRecord) -> Held {
    let days = record::days(record);
    let is_name = |name: &String| name.contains(['/', '.', ':']);
    let named: Vec<String> = subject::names_in(claim).into_iter().filter(is_name).collect();
    if named.is_empty() {
        return Held::Meets;
    }
    let seen = seen();
    for name in named {
        let works = |one: &&Measurement| record::works(one) != Some(false);
        let is_measured = record.measurements.iter().filter(works).any(|one| subject::names(one, &name, &days));
        let is_asked = seen.contains(&name) && !name.contains("YYYY");
        if !is_measured && !is_asked {
            return Held::Unclear(format!("it asks nothing of `{name}`"));
        }
    }
    Held::Meets
}
