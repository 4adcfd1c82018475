//! What a text beside a green sign says in words: `**LaunchAgent:** ✅ Unloaded` says more than that there is one.
//!
//! Invariant: such a sign is green only where its text says no more than that the thing works, or what was measured, or tells
//! something that is not of the thing: who looked at it, where more is written. The figures in it are `figures_beside`'s
//! to hold.

use super::labels::{Labels, Meaning};
use super::state::{Held, State, Subject};
use super::{check_cells, figures_beside, row_cells};
use crate::evidence::{Measurement, Value};
use crate::order::target::{Comparator, Target, Unit, compile};
use crate::report::template::asides;
use crate::report::{figures, marks, text, verdicts};

/// What is said of a thing beside its name.
pub struct Remark {
    /// The name, without what is said.
    label: String,
    /// Plain text.
    text: String,
    /// All that the line calls it.
    names: Vec<String>,
}

/// Of a list or key line: what stands around its sign, but for the name; none where all of the line is the name.
pub fn beside(names: &[String], before: &str, after: &str) -> Option<Remark> {
    let begins = |c: char| !c.is_alphanumeric() && !"<>≤≥=~(（/".contains(c);
    let before = plain(before);
    let before = before.trim_start_matches(begins);
    let whole = format!("{before} {}", plain(after));
    let name = names.first()?;
    let (label, text) = match whole.strip_prefix(plain(name).trim_start_matches(begins)) {
        // a key, and its value
        Some(text) if !before.is_empty() && !text::key(text).is_empty() => (name.as_str(), text),
        _ if text::key(before).is_empty() => return None,
        _ => (before, whole.get(before.len()..).unwrap_or("")),
    };
    let label = label.trim_end_matches([':', '：', '–', '—', '-', '→', '=', ' ']).to_owned();
    Some(Remark { label, text: text.trim_start_matches(begins).to_owned(), names: names.to_vec() })
}

/// Of a choice that is to stay.
pub fn of_choice(names: &[String], choice: &str) -> Option<Remark> {
    let label = names.first()?.clone();
    Some(Remark { label, text: plain(choice), names: names.to_vec() })
}

/// Of a cell beside the one with the name.
pub fn of_cell(names: &[String], cell: &str) -> Option<Remark> {
    let text = plain(cell);
    let is_name = |name: &String| text::key(name).contains(&text::key(&text));
    let label = names.first().filter(|_| !names.iter().any(is_name))?;
    Some(Remark { label: label.clone(), text, names: names.to_vec() })
}

fn plain(markdown: &str) -> String {
    text::plain(&marks::without_green(markdown, " "))
}

/// A subject that works, as far as what is said of it holds.
pub fn hold(labels: &Labels, subject: Subject, remark: &Remark) -> Subject {
    let (State::Green, Some(measurement)) = (subject.state, figures_beside::cited(labels, &subject)) else {
        return subject;
    };
    let held = parts_held(labels, measurement, remark);
    subject.held_by(held)
}

/// A period that a text names in brackets, `Schedule (hourly)`, held against the schedule.
pub fn scheduled(labels: &Labels, measurement: &Measurement, text: &str) -> Held {
    let Value::Schedule { .. } = measurement.value else { return Held::Meets };
    let inside = text.split(['(', '（']).skip(1).filter_map(|rest| rest.split([')', '）']).next());
    let held = inside.filter(|inside| is_period(&compile("", inside))).map(|inside| {
        match check_cells::borne_out(labels, measurement, "", inside, inside) {
            Held::Meets => Held::Meets,
            Held::Differs(why) => Held::Differs(why),
            Held::Unclear(_) => Held::Unclear(format!("“{inside}” was not measured: {}", measurement.value)),
        }
    });
    held.into_iter().find(|held| *held != Held::Meets).unwrap_or(Held::Meets)
}

fn is_period(target: &Target) -> bool {
    matches!(target, Target::Schedule { .. } | Target::Compare { comparator: Comparator::About, unit: Unit::Time, .. })
}

/// All of what is said, else each part of it.
fn parts_held(labels: &Labels, measurement: &Measurement, remark: &Remark) -> Vec<Held> {
    let parts = parts(&remark.text);
    let whole = remark.text.replace(['(', ')', '（', '）'], " ");
    let whole = Part { text: whole.trim(), goes_on: false, is_first: true, is_whole: true };
    if parts.len() > 1 {
        match held(labels, measurement, remark, &whole) {
            Held::Unclear(_) => {}
            held => return vec![held],
        }
    }
    parts.iter().map(|part| held(labels, measurement, remark, part)).collect()
}

struct Part<'t> {
    text: &'t str,
    /// Whether it goes on with what is said of the thing: `and survives reboot`, but not `– see below`.
    goes_on: bool,
    is_first: bool,
    /// Whether it has parts of its own, each of which may say something else.
    is_whole: bool,
}

/// The parts of what is said, at commas, dashes, brackets and `and`.
fn parts(text: &str) -> Vec<Part<'_>> {
    const BREAKS: [(&str, bool); 17] = [
        (", ", true),
        ("; ", true),
        (" & ", true),
        (" + ", true),
        (" and ", true),
        (" but ", true),
        (" / ", true),
        (" | ", true),
        (" · ", true),
        (". ", false),
        (" – ", false),
        (" — ", false),
        (" - ", false),
        ("(", false),
        (")", false),
        ("（", false),
        ("）", false),
    ];
    let mut out = Vec::new();
    let (mut rest, mut goes_on) = (text, true);
    loop {
        let next = BREAKS.iter().filter_map(|(by, on)| Some((rest.find(by)?, by.len(), *on))).min_by_key(|one| one.0);
        let (own, behind) = match next {
            Some((at, length, on)) => (rest.get(..at).unwrap_or(""), rest.get(at + length..).map(|rest| (rest, on))),
            None => (rest, None),
        };
        if own.contains(char::is_alphanumeric) {
            out.push(Part { text: own.trim(), goes_on, is_first: out.is_empty(), is_whole: false });
        }
        match behind {
            Some((behind, on)) => (rest, goes_on) = (behind, on),
            None => return out,
        }
    }
}

fn held(labels: &Labels, measurement: &Measurement, remark: &Remark, part: &Part) -> Held {
    let label = remark.label.as_str();
    let words = text::words(part.text);
    if words.is_empty() || words.first().is_some_and(|first| first == "see" || first == "details") {
        return Held::Meets;
    }
    let said = without_names(part.text);
    let is_bound = remark.names.iter().any(|name| labels.is_bound_by_order(name));
    let stranger = || row_cells::stranger(labels, &asides::names("", part.text), measurement).filter(|_| !is_bound);
    match of_another(labels, measurement, label, &said) {
        Some(Held::Meets) => return stranger().map_or(Held::Meets, Held::Unclear),
        Some(held) => return held,
        None => {}
    }
    if said_works(&said) {
        return stranger().map_or(Held::Meets, Held::Unclear);
    }
    if is_of_figures(labels, measurement, label, &said) || is_told(measurement, &said) {
        return Held::Meets;
    }
    match check_cells::borne_out(labels, measurement, label, &said, part.text) {
        Held::Unclear(why) => match stranger() {
            Some(why) => Held::Unclear(why),
            None if !part.is_whole && is_free(labels, measurement, label, part, &said) => Held::Meets,
            None => Held::Unclear(why),
        },
        Held::Meets => stranger().map_or(Held::Meets, Held::Unclear),
        held => held,
    }
}

/// Without paths, labels and hosts, which are held by themselves, and the word that leads on to one.
fn without_names(text: &str) -> String {
    let mut out = text.to_owned();
    for name in asides::names("", text) {
        out = out.replace(name.as_str(), " ");
    }
    text::without_lead_on(&out, &['.', '!', ';', ':', ','])
}

/// `readable` of `Parquet file` is what another measurement is of.
fn of_another(labels: &Labels, measurement: &Measurement, label: &str, said: &str) -> Option<Held> {
    let first = said.split_whitespace().next()?.trim_end_matches(',');
    let found = [said, first].into_iter().filter(|said| !said.is_empty()).find_map(|said| {
        match labels.meaning(&[format!("{label} {said}")]) {
            Meaning::One { key, newest: Some(other) } if key != measurement.key => Some(Subject::of(other)),
            _ => None,
        }
    })?;
    Some(match found.state {
        State::Green => Held::Meets,
        State::Failed => Held::Differs(found.value.unwrap_or(found.why)),
        _ => Held::Unclear(found.why),
    })
}

/// Whether it says no more than that the thing works or that what was to be done is.
fn said_works(said: &str) -> bool {
    // of reports in other languages; those that nobody knows here say nothing that was measured
    const ELSEWHERE: [&str; 37] = [
        "ja",
        "getestet",
        "eingerichtet",
        "funktioniert",
        "bereit",
        "in ordnung",
        "ausführbar",
        "ติดตั้งแล้ว",
        "ตรวจสอบแล้ว",
        "ทดสอบแล้ว",
        "โหลดแล้ว",
        "เรียบร้อยแล้ว",
        "เสร็จแล้ว",
        "ครบถ้วน",
        "ใช่",
        "กำลังทำงาน",
        "da",
        "bestanden",
        "erledigt",
        "fertig",
        "erfolgreich",
        "aktiv",
        "läuft",
        "geladen",
        "vorhanden",
        "réussi",
        "terminé",
        "actif",
        "vérifié",
        "aprobado",
        "completado",
        "correcto",
        "activo",
        "正常",
        "完了",
        "成功",
        "完成",
    ];
    let lower = said.to_lowercase();
    said.is_empty()
        || ELSEWHERE.contains(&lower.as_str())
        || text::says_works(said)
        || check_cells::is_ready(said)
        || verdicts::class(said) == Some(verdicts::Class::Full)
}

/// The words of all that the measurement is called.
fn own_words(labels: &Labels, measurement: &Measurement, label: &str) -> Vec<String> {
    let declared = labels.record.declarations.of_key(&measurement.key);
    let aliases = declared.map_or(&[][..], |declared| declared.aliases);
    aliases.iter().chain([&label]).flat_map(|name| text::words(name)).collect()
}

/// Whether nothing but figures is said, each with its unit, what it counts or that it is a limit: `said` holds them. A time of day
/// may be another's by the words around it (`2:30 PM`).
fn is_of_figures(labels: &Labels, measurement: &Measurement, label: &str, said: &str) -> bool {
    const AROUND: [&str; 16] = [
        "passed", "failed", "of", "in", "the", "a", "well", "within", "below", "under", "above", "limit", "max",
        "target", "budget", "files",
    ];
    let found = figures::find(said);
    let known: Vec<String> = found.iter().flat_map(|one| text::words(&format!("{} {}", one.text, one.noun))).collect();
    let own = own_words(labels, measurement, label);
    let is_known = |word: &String| {
        let is_number = word.chars().all(|c| c.is_ascii_digit());
        is_number || AROUND.contains(&word.as_str()) || known.contains(word) || own.contains(word)
    };
    let is_time = |figure: &figures::Figure| figure.kind == figures::Kind::Time;
    !found.is_empty() && !found.iter().any(is_time) && text::words(said).iter().all(is_known)
}

/// Whether it is what the measurement says in words, or one of the things that it says.
fn is_told(measurement: &Measurement, said: &str) -> bool {
    let told = measurement.value.to_string();
    let said = text::key(said);
    let is_part = told.split([';', ',']).any(|part| text::key(part) == said);
    // a word alone may stand there for anything
    is_part || (said.contains(' ') && format!(" {} ", text::key(&told)).contains(&format!(" {said} ")))
}

/// Whether a part that nothing bears out says nothing of the thing beyond that it works.
fn is_free(labels: &Labels, measurement: &Measurement, label: &str, part: &Part, said: &str) -> bool {
    const LITTLE: [&str; 28] = [
        "then",
        "later",
        "again",
        "is",
        "are",
        "was",
        "were",
        "has",
        "have",
        "been",
        "it",
        "its",
        "the",
        "a",
        "now",
        "also",
        "tested",
        "set",
        "up",
        "implemented",
        "already",
        "currently",
        "confirmed",
        "working",
        "all",
        "good",
        "fine",
        "works",
    ];
    const DENYING: [&str; 6] = ["no", "not", "never", "none", "without", "nothing"];
    // with `by`: who looked at it
    const LOOKED: [&str; 14] = [
        "seen",
        "looked",
        "checked",
        "rechecked",
        "reviewed",
        "inspected",
        "noted",
        "approved",
        "signed",
        "acknowledged",
        "audited",
        "owned",
        "handled",
        "reported",
    ];
    if is_period(&compile(label, said)) || compile(label, said) == Target::Automatic {
        return false;
    }
    let own = own_words(labels, measurement, label);
    let words = text::words(said);
    let mut left = words.iter().skip_while(|word| LITTLE.contains(&word.as_str()) || own.contains(word));
    let Some(first) = left.next().map(String::as_str) else { return true };
    let has_more = left.next().is_some();
    if LOOKED.contains(&first) && words.iter().any(|word| word == "by") {
        return true;
    }
    let found = figures::find(said);
    // `Snappy, not gzip`
    let is_of_codecs = !found.is_empty() && found.iter().all(|figure| figure.kind == figures::Kind::Codec);
    let is_verb = first.ends_with('s') && !first.ends_with("ss") && first.len() > 3;
    match (check_cells::is_ready(first), part.is_first) {
        // `runs as root`, but `verified by CLC`
        (true, _) => !(is_verb && has_more),
        (false, true) => first == "by" || found.first().is_some_and(|figure| words_begin(&words, &figure.text)),
        (false, false) => {
            (!DENYING.contains(&first) || is_of_codecs)
                && !(first.ends_with("ed") && first.len() > 3)
                && !(is_verb && has_more && part.goes_on && found.is_empty())
        }
    }
}

/// Whether what is said begins with this figure, whose words the measurement was held against.
fn words_begin(words: &[String], figure: &str) -> bool {
    let figure = text::words(figure);
    !figure.is_empty() && words.starts_with(&figure)
}
