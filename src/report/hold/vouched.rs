//! Whether what was measured bears out a figure that a text names.
//!
//! Invariant: what is neither measured nor contradicted is unclear, and so never green.

use jiff::tz::TimeZone;

use super::answers::Answers;
use super::expectation;
use super::state::Held;
use crate::evidence::{Measurement, Value};
use crate::order::fold;
use crate::report::figures::{self, Figure, Kind, ROWS};
use crate::report::record::{self, RunRecord};
use crate::report::template::slot::Expected;

/// By the measurement of the figure's own subject, else by any other of the record.
pub fn by(figure: &Figure, subject: &Measurement, record: &RunRecord) -> Held {
    match own(figure, subject, record) {
        Held::Unclear(why) => match by_any(figure, record) {
            Held::Unclear(_) => Held::Unclear(why),
            held => held,
        },
        held => held,
    }
}

fn own(figure: &Figure, subject: &Measurement, record: &RunRecord) -> Held {
    let differs = || Held::Differs(format!("{} = {}", subject.key, subject.value));
    match (&figure.kind, &subject.value) {
        (Kind::Exit(_), _) => return Held::Meets,
        (Kind::Codec, Value::Word(word)) => {
            return if figures::codec(word) == Some(figure.text.as_str()) { Held::Meets } else { differs() };
        }
        (Kind::Time, Value::Schedule { .. }) => {
            return if times(subject).contains(&clock(&figure.text)) { Held::Meets } else { differs() };
        }
        _ => {}
    }
    if says(subject, figure, record) {
        return Held::Meets;
    }
    if !matches!(figure.kind, Kind::Count | Kind::Measure | Kind::Ratio) {
        return unclear(figure);
    }
    // in whatever language what is counted is called, the label says what it is
    let is_free = matches!(subject.value, Value::Count { .. }) && !figures::is_counted(&figure.noun);
    let is_rows = matches!(&subject.value, Value::Count { noun, .. } if noun == "rows");
    let noun = match figure.noun.as_str() {
        _ if is_free => "",
        noun if is_rows && ROWS.contains(&noun) => "rows",
        noun => noun,
    };
    // `864/864` of what was counted
    let all_of = figure.text.split_once('/').filter(|(n, of)| figure.kind == Kind::Ratio && n == of).map(|(n, _)| n);
    let answers = Answers::of(record, vec![subject]);
    let hold = |text: String| {
        expectation::hold(&Expected { text, is_literal: false }, &subject.value.to_string(), false, &answers)
    };
    let held = match (all_of, figure.keys.last()) {
        (Some(n), _) if matches!(subject.value, Value::Count { .. }) => hold(n.to_owned()),
        // `Failed: 0`
        (_, Some(key)) if matches!(subject.value, Value::Ratio { .. }) && figure.noun.is_empty() => {
            match hold(figure.asked(key)) {
                Held::Meets => Held::Meets,
                _ => hold(figure.asked(noun)),
            }
        }
        _ => hold(figure.asked(noun)),
    };
    match held {
        Held::Unclear(_) => unclear(figure),
        held => held,
    }
}

/// By what any measurement of the record says.
pub fn by_any(figure: &Figure, record: &RunRecord) -> Held {
    let newest = |one: &&Measurement| record::newest(record, &one.key).is_some_and(|newest| std::ptr::eq(newest, *one));
    let stands = record.measurements.iter().filter(newest).filter(|one| record::works(one) != Some(false));
    let mut found = unclear(figure);
    for one in stands.filter(|one| figure.kind != Kind::Measure || is_named(one, figure, record)) {
        match (&figure.kind, &one.value) {
            (Kind::Codec, Value::Word(word)) if figures::codec(word).is_some_and(|own| own != figure.text) => {
                found = Held::Differs(format!("{} = {word}", one.key));
            }
            (Kind::Time, Value::Schedule { .. }) if times(one).contains(&clock(&figure.text)) => return Held::Meets,
            _ if says(one, figure, record) => return Held::Meets,
            _ => {}
        }
    }
    found
}

/// Whether what a size, a time or a share is said of is what that measurement is called by: `file size below 5 MB`. Many things
/// have one of `100%`.
fn is_named(one: &Measurement, figure: &Figure, record: &RunRecord) -> bool {
    let declared = record.declarations.of_key(&one.key);
    let mut names: Vec<&str> = declared.map(|declared| declared.aliases.to_vec()).unwrap_or_default();
    names.push(&one.key);
    let has_all = |name: &&str| {
        let words: Vec<String> = fold(name).split(' ').map(figures::singular).collect();
        figure.of.iter().all(|word| words.contains(word))
    };
    !figure.of.is_empty() && names.iter().any(has_all)
}

fn unclear(figure: &Figure) -> Held {
    Held::Unclear(format!("“{}” can't be told from it", figure.with_noun(&figure.noun)))
}

/// Whether the words that a measurement is put in name the figure.
fn says(one: &Measurement, figure: &Figure, record: &RunRecord) -> bool {
    if matches!(one.value, Value::Undone { .. }) {
        return false;
    }
    let mut texts = vec![one.value.to_string()];
    texts.extend(one.printed.iter().cloned());
    if let Some(artifact) = &one.artifact {
        texts.push(crate::text::bytes(artifact.bytes));
        texts.push(artifact.path.replace(['/', '.', '_'], " "));
    }
    // what works is all that its names say
    if matches!(one.value, Value::State { .. }) && record::works(one) == Some(true) {
        let declared = record.declarations.of_key(&one.key);
        texts.extend(declared.iter().flat_map(|declared| declared.aliases).map(|alias| in_digits(alias)));
    }
    texts.iter().flat_map(|text| text.split("; ")).flat_map(figures::find).any(|known| figures::agrees(figure, &known))
}

/// `Two readers` as `2 readers`.
fn in_digits(text: &str) -> String {
    const WORDS: [&str; 5] = ["two", "three", "four", "five", "six"];
    let digit = |word: &str| WORDS.iter().zip(2..).find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, n)| n);
    let words = text.split(' ').map(|word| digit(word).map_or_else(|| word.to_owned(), |n: u32| n.to_string()));
    words.collect::<Vec<_>>().join(" ")
}

/// The times of day at which a schedule fires next.
fn times(schedule: &Measurement) -> Vec<String> {
    let Value::Schedule { next, zone, .. } = &schedule.value else { return Vec::new() };
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    next.iter().map(|at| at.to_zoned(zone.clone()).strftime("%H:%M").to_string()).collect()
}

/// `2:30`, `02:30:00` as `02:30`.
fn clock(time: &str) -> String {
    let mut parts = time.split(':');
    let (hour, minute) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{hour:0>2}:{minute}")
}
