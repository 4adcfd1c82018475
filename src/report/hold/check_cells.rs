//! What a row's `Check` column says of its subject: `| Exporter script | Survives Redis outage | ✅ |` says more than that there is
//! such a script.
//!
//! Invariant: a row is green only where all that such a cell says was measured too, as in a checklist's item of the same words.

use super::labels::Labels;
use super::state::{Held, State, Subject};
use super::{judging, vouched};
use crate::evidence::{Judged, Measurement, Value, Verdict};
use crate::order::target::{Comparator, Target, compile};
use crate::order::{Criterion, fold};
use crate::report::template::headers;
use crate::report::template::slot::{Aside, RowSubject};
use crate::report::{criteria, figures, marks, record, text};

/// The subject of a row that works, as far as what its other cells assert of it holds.
pub fn hold(labels: &Labels, subject: Subject, row: &RowSubject) -> Subject {
    let asserted = row.said.iter().filter(|aside| headers::asserts(&aside.header));
    asserted.fold(subject, |subject, aside| one(labels, subject, row, aside))
}

/// The same of a row that has a target: one that asks for no more than `OK` asks for what is asserted.
pub fn judged(labels: &Labels, row: &RowSubject, judged: Judged) -> Judged {
    let newest = judged.key.as_deref().and_then(|key| record::newest(labels.record, key));
    let asked = fold(&marks::without_green(&row.target, " "));
    let is_mere = matches!(asked.as_str(), "" | "ok" | "yes" | "works" | "working");
    let (Verdict::Pass, Some(measurement), true) = (&judged.verdict, newest, is_mere) else { return judged };
    let held = hold(labels, Subject::of(measurement), row);
    match held.state {
        State::Green => judged,
        _ => judged.unmeasured(held.why),
    }
}

/// The subject of a row, as far as the time in front of its name is so.
pub fn hold_time(labels: &Labels, subject: Subject, time: &str) -> Subject {
    let newest = labels.record.measurements.iter().rev().find(|one| subject.evidence.contains(&one.id));
    let (State::Green, Some(measurement)) = (subject.state, newest) else { return subject };
    let held = match held(labels, measurement, "", time) {
        Held::Unclear(_) => Held::Unclear(format!("“{time}” was not measured")),
        held => held,
    };
    subject.held_by([held])
}

fn one(labels: &Labels, subject: Subject, row: &RowSubject, aside: &Aside) -> Subject {
    let newest = labels.record.measurements.iter().rev().find(|one| subject.evidence.contains(&one.id));
    let (State::Green, Some(measurement)) = (subject.state, newest) else { return subject };
    let said = said(row, aside);
    if says_nothing(&said, &aside.header) || text::says_works(&said) {
        return subject;
    }
    let label = row.names.first().map_or("", String::as_str);
    let held = borne_out(labels, measurement, label, &said, &aside.text);
    match by_itself(labels, &aside.text) {
        // what failed is shown, and not what works
        other if other.state == State::Failed && matches!(held, Held::Differs(_)) => other,
        _ => subject.held_by([held]),
    }
}

/// Whether `said`, of what `label` means, is so; `text` is the same as it is written.
pub(super) fn borne_out(labels: &Labels, measurement: &Measurement, label: &str, said: &str, text: &str) -> Held {
    let whole = held(labels, measurement, label, said);
    let held = match (whole, rest(labels, measurement, label, said)) {
        (Held::Unclear(_), Some(rest)) if rest.is_empty() => Held::Meets,
        (Held::Unclear(_), Some(rest)) if is_plain(label, &rest) => held(labels, measurement, label, &rest),
        (whole, _) => whole,
    };
    let Held::Unclear(_) = held else { return held };
    // what it states by itself may be of something else: `Row count > 0`
    let of_itself = by_itself(labels, text);
    let is_green = |subject: &Subject| subject.state == State::Green;
    if is_green(&of_itself) || is_green(&judging::subject(labels, &text::names(&format!("{label} {said}")))) {
        return Held::Meets;
    }
    match of_itself.state {
        State::Failed => Held::Differs(of_itself.why),
        _ => {
            let fits = labels.fits(&[format!("{label} {said}")], label, measurement);
            Held::Unclear(fits.err().unwrap_or_else(|| format!("“{said}” was not measured")))
        }
    }
}

fn by_itself(labels: &Labels, text: &str) -> Subject {
    judging::subject(labels, &text::names(&marks::without_green(text, " ")))
}

/// The words of a cell, without commands and without the paths, labels and hosts, which are held against the measurement by
/// themselves.
fn said(row: &RowSubject, aside: &Aside) -> String {
    let markdown = match aside.text.matches('`').count().is_multiple_of(2) {
        true => aside.text.split('`').step_by(2).collect::<Vec<_>>().join(" "),
        false => aside.text.clone(),
    };
    let mut text = text::plain(&marks::without_green(&markdown, " "));
    for name in &row.beside {
        text = text.replace(name.as_str(), " ");
    }
    text::without_lead_on(&text, &['.', '!', ';', ':'])
}

/// Whether a cell holds no more than what tells it from others: `T1`, `Test 4`, the number of a step.
fn says_nothing(said: &str, header: &str) -> bool {
    let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit() || c == '.');
    let words = text::words(said);
    let is_counted = || headers::is_sequence(header) && !said.contains(char::is_alphabetic) && text::is_id(said);
    let is_named = || {
        words.iter().any(is_number)
            && words.iter().all(|word| is_number(word) || headers::asserts(word))
            && words.len() > 1
    };
    // `T1` under `Test`, but not `S3`
    let initial = |text: &str| text.chars().next().filter(|c| c.is_alphabetic()).map(|c| c.to_ascii_lowercase());
    let is_lettered = || {
        let letters = text::words(header).into_iter().filter(|word| headers::asserts(word)).map(|word| initial(&word));
        text::is_id(said) && initial(said).is_some() && letters.into_iter().any(|letter| letter == initial(said))
    };
    words.is_empty() || is_counted() || is_named() || is_lettered()
}

/// Whether `said`, as a target of the measurement, is so.
fn held(labels: &Labels, measurement: &Measurement, label: &str, said: &str) -> Held {
    let unclear = || Held::Unclear(String::new());
    let asked = Criterion {
        metric: measurement.key.clone(),
        compiled: compile(label, said),
        ..criteria::criterion("", said, 0..0)
    };
    let verdict = labels.judge(&asked).map(|judged| (judged.verdict, judged.reason));
    let figures = figures::find(said);
    let is_mere = is_mere(said, &figures);
    match (verdict, &asked.compiled) {
        (_, Target::Unclear { .. }) | (None, _) if !is_mere => unclear(),
        (Some((Verdict::Pass, _)), _) => Held::Meets,
        // how it is put, `27 kB` of 27.4 kB, or what it printed, `12/12 passed`
        (_, Target::Compare { comparator: Comparator::Equal, .. } | Target::All { .. } | Target::Unclear { .. })
            if is_mere =>
        {
            let held: Vec<Held> = figures.iter().map(|one| vouched::by(one, measurement, labels.record)).collect();
            let other = held.into_iter().find(|held| *held != Held::Meets);
            match (other, &measurement.value) {
                (None, _) => Held::Meets,
                (Some(Held::Differs(_)), Value::State { .. }) => unclear(),
                (Some(held), _) => held,
            }
        }
        // another word than was measured says otherwise only where it is of the same kind
        (Some((Verdict::Fail, why)), _) if !figures.is_empty() => Held::Differs(why),
        _ => unclear(),
    }
}

/// Whether nothing but figures is said, each with its unit or what it counts.
fn is_mere(said: &str, figures: &[figures::Figure]) -> bool {
    let known: Vec<String> =
        figures.iter().flat_map(|one| text::words(&format!("{} {}", one.text, one.noun))).collect();
    let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit());
    !figures.is_empty() && text::words(said).iter().all(|word| is_number(word) || word == "of" || known.contains(word))
}

/// What is left of `said` without the names of what was measured, an order to do something as what was done: `Deploy the exporter
/// script` of `Exporter script` is `deployed`.
fn rest(labels: &Labels, measurement: &Measurement, label: &str, said: &str) -> Option<String> {
    const LITTLE: [&str; 16] = [
        "the",
        "a",
        "an",
        "is",
        "are",
        "was",
        "were",
        "has",
        "been",
        "it",
        "its",
        "uses",
        "used",
        "there",
        "existence",
        "file",
    ];
    let declared = labels.record.declarations.iter().find(|declared| declared.key == measurement.key);
    let aliases = declared.map_or(&[][..], |declared| declared.aliases);
    let words_of = |text: &str| fold(text).split(' ').map(figures::singular).collect::<Vec<_>>();
    let mut own: Vec<String> = aliases.iter().flat_map(|alias| words_of(alias)).chain(words_of(label)).collect();
    own.extend(measurement.artifact.iter().map(|_| "file".to_owned()));
    let is_own = |word: &&str| {
        let words = words_of(word);
        words.iter().all(|word| own.contains(word) || LITTLE.contains(&word.as_str()))
    };
    let left: Vec<&str> = said.split_whitespace().filter(|word| !is_own(word)).collect();
    let (first, others) = match left.split_first() {
        Some((first, others)) => (*first, others),
        None => return Some(String::new()),
    };
    let stem = first.strip_suffix('y').map(|stem| format!("{stem}ied"));
    let done = [Some(format!("{first}ed")), Some(format!("{first}d")), stem].into_iter().flatten();
    let first = done.into_iter().find(|done| is_ready(done)).filter(|_| !is_ready(first)).unwrap_or(first.to_owned());
    Some(std::iter::once(first.as_str()).chain(others.iter().copied()).collect::<Vec<_>>().join(" "))
}

pub(super) fn is_ready(word: &str) -> bool {
    matches!(compile("", word), Target::Ready { .. })
}

/// Whether what is left asks for the same as all of it: `no` of `no rows` does not.
fn is_plain(label: &str, rest: &str) -> bool {
    matches!(compile(label, rest), Target::Ready { .. } | Target::Category { .. } | Target::Compare { .. })
}
