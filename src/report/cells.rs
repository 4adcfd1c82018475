//! What a cell or a status becomes, by the verdict or the measurement it is about.
//!
//! Invariant: a green sign only where [`State::Green`] is; all values are shown inert.

use jiff::tz::TimeZone;

use super::hold::state::{Became, State, Subject};
use super::marks::{self, Sense};
use super::record::RunRecord;
use super::template::choices::{self, choices};
use super::template::slot::{CellSlot, Part};
use super::text::WORKING;
use super::verdicts;
use crate::evidence::{Judged, Outcome, Verdict};

/// ` [E1, E3]`, or nothing.
pub fn cite(evidence: &[String]) -> String {
    let ids: Vec<&str> = evidence.iter().map(String::as_str).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() { String::new() } else { format!(" [{}]", ids.join(", ")) }
}

pub(super) fn quoted(output: &str) -> String {
    let line = marks::show_at_most(output, 200);
    if line.is_empty() { String::new() } else { format!(" – “{line}”") }
}

/// The verdict of a criterion as it is shown in a cell.
pub fn verdict_text(judged: &Judged) -> String {
    match &judged.verdict {
        Verdict::Pass => "✅ PASS".to_owned(),
        Verdict::Fail => "❌ FAIL".to_owned(),
        // without a value the reason stands in its place
        Verdict::Unmeasured if judged.actual.is_some() && !judged.reason.is_empty() => {
            format!("☐ UNMEASURED ({})", marks::show(&judged.reason))
        }
        Verdict::Unmeasured => "☐ UNMEASURED".to_owned(),
        Verdict::Waived { reason, until } => format!("⚠️ WAIVED ({}, until {until})", marks::show(reason)),
    }
}

/// The measured value of a criterion as it is shown in a cell.
pub fn actual_text(judged: &Judged) -> String {
    match &judged.actual {
        Some(actual) => format!("{}{}", marks::show(actual), cite(&judged.evidence)),
        None if judged.reason.is_empty() => "unmeasured".to_owned(),
        None if matches!(judged.verdict, Verdict::Waived { .. }) => marks::show(&judged.reason),
        None => format!("unmeasured: {}", marks::show(&judged.reason)),
    }
}

pub(super) fn metric(judged: &Judged, cell: &CellSlot) -> Became {
    let state = match &judged.verdict {
        Verdict::Pass => State::Green,
        Verdict::Fail => State::Failed,
        Verdict::Unmeasured => State::Unmeasured,
        Verdict::Waived { .. } => State::Waived,
    };
    let evidence = judged.evidence.clone();
    let verdict = match (state, green_choice(&cell.was)) {
        (State::Green, Some(choice)) => choice,
        _ => verdict_text(judged),
    };
    let text = match cell.part {
        Part::Status if cell.row.value_elsewhere => verdict,
        // one column for both
        Part::Status => format!("{verdict}: {}", actual_text(judged)),
        Part::Actual => return Became { text: actual_text(judged), state: State::Neutral, evidence },
        Part::Details => return Became { text: marks::show(&judged.reason), state: State::Neutral, evidence },
        Part::Evidence => return Became { text: ids(&evidence), state: State::Neutral, evidence },
        Part::Sign | Part::Claim => return sign(state, cell, evidence),
        Part::Pass if state == State::Failed => return Became::neutral("—"),
        Part::Pass => verdict,
        Part::Fail => return fails(state, verdict, evidence),
    };
    Became { text, state, evidence }
}

pub(super) fn component(subject: &Subject, cell: &CellSlot, record: &RunRecord) -> Became {
    let evidence = subject.evidence.clone();
    match cell.part {
        Part::Status => status(subject, &cell.was, !cell.row.value_elsewhere),
        Part::Sign | Part::Claim => sign(subject.state, cell, evidence),
        Part::Pass if subject.state == State::Failed => Became::neutral("—"),
        Part::Pass => status(subject, &cell.was, !cell.row.value_elsewhere),
        Part::Fail => fails(subject.state, status(subject, "", !cell.row.value_elsewhere).text, evidence),
        Part::Evidence => Became { text: ids(&evidence), state: State::Neutral, evidence },
        Part::Actual => Became { text: value_text(subject), state: State::Neutral, evidence },
        Part::Details => Became { text: details(subject, record), state: State::Neutral, evidence },
    }
}

/// A cell of a Fail column: what doesn't work is shown there, nothing else.
pub(super) fn fails(state: State, text: String, evidence: Vec<String>) -> Became {
    match state {
        State::Failed => Became { text, state, evidence },
        _ => Became::neutral("—"),
    }
}

pub(super) fn ids(evidence: &[String]) -> String {
    if evidence.is_empty() { "unmeasured".to_owned() } else { evidence.join(", ") }
}

/// A status or state cell. With `value`, no other cell shows what was measured.
pub(super) fn status(subject: &Subject, was: &str, value: bool) -> Became {
    let measured = if value && subject.value.is_some() { format!(": {}", value_text(subject)) } else { String::new() };
    let form = choices::form(was);
    let ticked = |chosen| form.as_deref().map(|options| choices::ticked(options, chosen, "✅"));
    // what says that it is done, else what the author ticked: that may be `Not started`
    let classes: Vec<_> = form.iter().flatten().map(|(_, option)| verdicts::class(option)).collect();
    let author = form.iter().flatten().position(|(sense, _)| *sense == Sense::Green);
    let is_done =
        |at: &usize| classes.get(*at).is_none_or(|class| class.is_none_or(|class| class == verdicts::Class::Full));
    let green = verdicts::choose(Outcome::Done, &classes).or(author.filter(is_done));
    let text = match subject.state {
        State::Green if let (Some(_), Some(text)) = (green_choice(was), ticked(green)) => format!("{text}{measured}"),
        State::Failed if let Some(text) = ticked(None) => format!("{text} – ❌ Failed{measured}"),
        State::Unmeasured if let Some(text) = ticked(None) => format!("{text} (unmeasured)"),
        State::Green => {
            format!("{}{measured}", green_choice(was).or_else(|| green_word(was)).unwrap_or("✅ Verified".to_owned()))
        }
        State::Failed => format!("❌ Failed{measured}"),
        _ => {
            let open = choices(was).into_iter().find(|(sense, option)| *sense == Sense::Open && !option.is_empty());
            match open {
                Some((_, option)) if choices(was).len() > 1 && !option.contains('|') => {
                    format!("{} (unmeasured)", option.trim_end())
                }
                _ if value => format!("☐ unmeasured: {}", marks::show(&subject.why)),
                _ => "☐ unmeasured".to_owned(),
            }
        }
    };
    Became { text, state: subject.state, evidence: subject.evidence.clone() }
}

pub(super) fn sign(state: State, cell: &CellSlot, evidence: Vec<String>) -> Became {
    let text = match state {
        State::Green => cell.was.clone(),
        State::Failed if cell.was.starts_with('[') => "[ ]".to_owned(),
        State::Failed => "❌".to_owned(),
        _ => {
            let open = if cell.was.starts_with('[') { "[ ]" } else { "☐" };
            // in a row whose other cells say so already, the sign alone
            if cell.part == Part::Claim { format!("{open} (unmeasured)") } else { open.to_owned() }
        }
    };
    Became { text, state, evidence }
}

/// The green alternative where the template offers a choice.
pub(super) fn green_choice(was: &str) -> Option<String> {
    let options = choices(was);
    let (_, option) = options.iter().find(|(sense, _)| *sense == Sense::Green)?;
    // more green ones are no choice, and a long one is no word for it
    let one = options.iter().filter(|(sense, _)| *sense == Sense::Green).count() == 1;
    (options.len() > 1 && one && option.chars().count() <= 24 && !option.contains('|')).then(|| (*option).to_owned())
}

pub(super) fn green_word(was: &str) -> Option<String> {
    let options = choices(was);
    let [(Sense::Green, option)] = options.as_slice() else { return None };
    let mark = marks::at(option)?;
    let word = option.get(mark.len..)?.trim();
    WORKING.contains(&word.to_lowercase().as_str()).then(|| format!("✅ {word}"))
}

pub(super) fn value_text(subject: &Subject) -> String {
    match &subject.value {
        Some(value) => format!("{}{}", marks::show(value), cite(&subject.evidence)),
        None => format!("unmeasured: {}", marks::show(&subject.why)),
    }
}

/// Value, size, hash and time.
pub(super) fn details(subject: &Subject, record: &RunRecord) -> String {
    let Some(value) = &subject.value else { return value_text(subject) };
    let mut parts = vec![marks::show(value)];
    if let Some(artifact) = &subject.artifact {
        let size = crate::text::bytes(artifact.bytes);
        if !value.contains(&size) {
            parts.push(size);
        }
        parts.push(format!("sha256 {}…", marks::show(artifact.sha256.get(..12).unwrap_or(&artifact.sha256))));
    }
    if let Some(at) = subject.at {
        let zone = TimeZone::get(&record.zone).unwrap_or(TimeZone::UTC);
        parts.push(at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string());
    }
    if subject.state == State::Unmeasured {
        parts.push(format!("unmeasured: {}", marks::show(&subject.why)));
    }
    parts.retain(|part| !part.is_empty());
    format!("{}{}", parts.join(" · "), cite(&subject.evidence))
}
