//! Whether what was counted is what a target asks for.
//!
//! What must hold: a number of one thing is never held against a number of another. The metric and the key say what is
//! counted, too, and failures go by many names.

use super::{Measurement, Value};
use crate::order::fold;

/// How a count or a share stands to what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Of a share, what did not pass.
    pub is_lack: bool,
    /// More was counted than is asked: `errors` hold the `write errors`. What is within a limit is so in each part, too; of
    /// what is above it no part need be.
    pub is_more: bool,
}

/// It is what is asked, as a whole.
pub const EXACTLY: Counted = Counted { is_lack: false, is_more: false };

/// What is asked: `noun`, of which a limit may be narrower than what was counted, but a floor must count all that its words
/// say (`≥ 5 consecutive runs` is not met by runs).
pub struct Asked<'a> {
    pub metric: &'a str,
    pub noun: &'a str,
    pub is_limit: bool,
    /// `≥ 2× / day`.
    pub is_rate: bool,
}

/// Whether the count or share is of what is asked, else why not. Values of other kinds count nothing.
pub fn is_asked(asked: &Asked, measurement: &Measurement) -> Result<Counted, String> {
    match &measurement.value {
        Value::Count { noun: counted, .. } => of_count(asked, measurement, counted),
        Value::Ratio { .. } => of_share(asked, measurement),
        _ => Ok(EXACTLY),
    }
}

fn of_count(asked: &Asked, measurement: &Measurement, counted: &str) -> Result<Counted, String> {
    if asked.noun == "×" {
        // what happens is so many times; a row is not
        let happens = ["cycles", "runs"].contains(&counted);
        return match happens || asked.is_rate {
            true => Ok(EXACTLY),
            false => Err(format!("{} were measured, not how often or how many times as much", measurement.value)),
        };
    }
    if counted.is_empty() || (names_failures(asked.noun) && names_failures(counted)) {
        return Ok(EXACTLY);
    }
    let known = stems(&[counted, asked.metric, &measurement.key]);
    let lacks = |words: &[String]| words.iter().any(|word| !known.contains(&stem(word)) && is_lack(word));
    match stands(&known, &words(asked.noun), asked.is_limit) {
        // rows are no part of the missing ones
        Some(found) if !lacks(&words(asked.noun)) => Ok(found),
        _ => Err(format!("{counted} were counted, the target speaks of {}", asked.noun)),
    }
}

/// What shares are of, by the last part of their key, and whether what did not pass is missing, skipped or lost.
const SHARES: [(&str, &[&str], bool); 4] = [
    ("coverage", &["reports", "heartbeats", "rows", "exported"], true),
    ("present", &["files", "deliverables", "there"], true),
    ("checks", &["checks", "tests", "passed", "passing"], false),
    ("verification", &["checks", "tests", "passed", "passing"], false),
];

fn of_share(asked: &Asked, measurement: &Measurement) -> Result<Counted, String> {
    let last = measurement.key.rsplit('.').next().unwrap_or_default();
    let (_, of, loses) = SHARES.iter().find(|(key, ..)| *key == last).copied().unwrap_or_default();
    let known = stems(&[of, &[asked.metric, &measurement.key]].concat());
    let (lacks, rest): (Vec<String>, Vec<String>) =
        words(asked.noun).into_iter().partition(|word| is_failing(word) || (loses && is_lack(word)));
    let found = if names_failures(asked.noun) {
        // of some kind, where more is said of them
        let is_more = !rest.iter().filter(|word| !names_failures(word)).all(|word| known.contains(&stem(word)));
        Some(Counted { is_lack: true, is_more }).filter(|_| !is_more || asked.is_limit)
    } else {
        let found = if rest.is_empty() { Some(EXACTLY) } else { stands(&known, &rest, asked.is_limit) };
        found.map(|found| Counted { is_lack: !lacks.is_empty(), ..found })
    };
    found.ok_or_else(|| format!("{} is {}, which is no share of {}", measurement.key, measurement.value, asked.noun))
}

/// How what is known by these words stands to what the others ask.
fn stands(known: &[String], asked: &[String], is_limit: bool) -> Option<Counted> {
    let is_known = |word: &String| known.contains(&stem(word));
    if asked.iter().all(is_known) {
        return Some(EXACTLY);
    }
    (is_limit && asked.last().is_some_and(is_known)).then_some(Counted { is_lack: false, is_more: true })
}

fn words(text: &str) -> Vec<String> {
    fold(text).split(' ').map(str::to_owned).collect()
}

fn stems(texts: &[&str]) -> Vec<String> {
    texts.iter().flat_map(|text| words(text)).map(|word| stem(&word)).collect()
}

/// `rows` and `row`, `exported` and `export`.
fn stem(word: &str) -> String {
    let plural = || word.strip_suffix('s').filter(|stem| !stem.ends_with('s'));
    word.strip_suffix("ed").or_else(plural).unwrap_or(word).to_owned()
}

/// What is not there and so is no part of what was counted.
fn is_lack(word: &str) -> bool {
    ["missing", "skipped", "lost", "dropped", "absent", "omitted"].contains(&word) || is_failing(word)
}

fn is_failing(word: &str) -> bool {
    ["failed", "failing", "fail"].contains(&word)
}

/// Whether the last word is one for failures.
pub fn names_failures(noun: &str) -> bool {
    let last = fold(noun).rsplit(' ').next().unwrap_or_default().to_owned();
    is_failing(&last)
        || matches!(
            last.as_str(),
            "error"
                | "errors"
                | "failure"
                | "failures"
                | "mismatch"
                | "mismatches"
                | "defect"
                | "defects"
                | "issue"
                | "issues"
                | "problem"
                | "problems"
                | "violation"
                | "violations"
                | "difference"
                | "differences"
                | "drift"
        )
}
