//! What says that something must not be: a mark (`❌ File size > 1 kB`), or a label for what stands below it (`Reject if:`).
//!
//! What must hold: what must not be is never read as what must be. It isn't turned round either, for it is often not plain
//! into what; its author is told to write what must hold.

use super::names::{self, Role};
use super::target::{self, Comparator, Target};
use super::{fold, section_names};

/// Crosses, stops and red lights. An empty box says nothing, and a ticked one (`☒`) that it is done.
const MARKS: [char; 13] = ['❌', '❎', '✖', '✕', '✗', '✘', '⛔', '🚫', '🛑', '🔴', '🟥', '👎', '🙅'];

const LIGHTS: [char; 2] = ['🔴', '🟥'];

/// More words than a label has.
const MAX_LABEL_WORDS: usize = 20;

/// The denying mark that a text begins or ends with, or is. A red light is as often how urgent something is (`🔴 File size`, beside a
/// `🟡`): it denies where it stands right before what is compared.
pub(super) fn mark(text: &str) -> Option<char> {
    let is_around =
        |c: char| c.is_whitespace() || "*_\"'`()[].,;:!|-–—+".contains(c) || (fold::is_emoji(c) && !MARKS.contains(&c));
    let text = text.trim_matches(is_around);
    let ends = [text.chars().next(), text.chars().next_back()];
    let found = ends.into_iter().flatten().find(|c| MARKS.contains(c));
    found.filter(|c| !LIGHTS.contains(c) || target::begins_comparison(text.trim_start_matches(*c).trim()))
}

/// What in a line, as written, denies it and what stands below it: its mark, or all of it as a label.
pub(super) fn of_line(raw: &str) -> Option<String> {
    // `Blockers: 0` asks for none of them
    let value = raw.split_once([':', '：']).map_or("", |(_, value)| value);
    let asks_for_none = || match target::compile("", value.trim_start_matches("**")) {
        Target::None { .. } => true,
        Target::Compare { comparator: Comparator::Equal, number, .. } => number == 0.0,
        _ => false,
    };
    mark(raw).map(String::from).or_else(|| of_label(raw).filter(|_| !asks_for_none()))
}

/// The label, where what stands below it must not be.
pub(super) fn of_label(raw: &str) -> Option<String> {
    if let Some(mark) = mark(raw).filter(|mark| !LIGHTS.contains(mark))
        && names::role(&fold::heading(raw)) != Role::Acceptance
    {
        return Some(mark.to_string());
    }
    let label = fold::inline(fold::strip_marks(raw));
    let end = [" (", " [", ":", "：", " – ", " — ", " - "].iter().filter_map(|mark| label.find(mark)).min();
    let name = label.get(..end.unwrap_or(label.len())).unwrap_or(&label).trim();
    is_denial(name).then(|| name.to_owned())
}

pub(super) fn why(by: &str) -> String {
    format!("`{by}` says what must not be; write what must hold, e.g. `File size | ≤ 5 MB`")
}

/// Whether a label denies and says nothing else: `Must not`, `Reject if`, `The export is rejected when any of these holds`.
/// `No heartbeats dropped`, `Failure handling` and `Rejected rows` have words of their own: they name what is asked below.
fn is_denial(name: &str) -> bool {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.len() > MAX_LABEL_WORDS || section_names::is_acceptance(&fold::heading(name)) {
        return false;
    }
    if is_thai_denial(name) {
        return true;
    }
    // `Not done until` asks for what follows
    if words.iter().any(|word| matches!(*word, "unless" | "until" | "before" | "without" | "except" | "only")) {
        return false;
    }
    // what stands before `if` may be of any kind, what stands behind it may not
    let condition = words.iter().position(|word| matches!(*word, "if" | "when" | "whenever" | "where"));
    let (before, behind) = words.split_at(condition.unwrap_or(0));
    let is_conditional = condition.is_some() || words.iter().any(|word| CASES.contains(word));
    let is_known = |word: &&str| PLAIN.contains(word) || CASES.contains(word) || is_negation(word) || is_bad(word);
    let asked = if condition.is_some() { before } else { &words };
    let negates = asked.iter().any(|word| is_negation(word));
    let is_refused = asked.iter().any(|word| is_bad(word) && (is_conditional || is_bad_alone(word)));
    let denies = match condition {
        Some(_) => negates || is_refused,
        // `No failures` denies what is bad
        None if negates => !asked.iter().any(|word| is_bad(word)),
        None => is_refused,
    };
    denies && behind.iter().all(is_known) && (condition.is_some() || words.iter().all(is_known))
}

/// Lower case; `must_not` and `mustNot` are two words, a red flag is one.
fn words(name: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(name.len());
    let mut last = ' ';
    for c in name.chars() {
        if c.is_uppercase() && last.is_lowercase() {
            spaced.push(' ');
        }
        spaced.extend(if c == '’' { '\''.to_lowercase() } else { c.to_lowercase() });
        last = c;
    }
    let parts = spaced.split(|c: char| !(c.is_alphanumeric() || c == '\'')).filter(|part| !part.is_empty());
    let mut joined = parts.collect::<Vec<_>>().join(" ");
    for (pair, one) in [("red flag", "redflag"), ("deal breaker", "dealbreaker"), ("show stopper", "showstopper")] {
        joined = joined.replace(pair, one);
    }
    joined.split(' ').map(str::to_owned).collect()
}

fn is_negation(word: &str) -> bool {
    matches!(word, "not" | "no" | "never" | "none" | "nothing" | "cannot" | "neither" | "nor") || word.ends_with("n't")
}

/// `rejected`, `failure`, `aborts`.
fn is_bad(word: &str) -> bool {
    const STEMS: [&str; 12] =
        ["reject", "fail", "abort", "refus", "revert", "rollback", "rolled", "veto", "halt", "stop", "block", "declin"];
    STEMS.iter().any(|stem| word.starts_with(stem)) || matches!(word, "roll" | "kill") || is_bad_alone(word)
}

/// Bad without a word about when: `Forbidden`, `Blockers`; not `Failures`, which may be counted.
fn is_bad_alone(word: &str) -> bool {
    const STEMS: [&str; 8] =
        ["forbid", "prohibit", "unaccept", "disallow", "blocker", "redflag", "showstopper", "dealbreaker"];
    STEMS.iter().any(|stem| word.starts_with(stem)) || matches!(word, "reject" | "fail")
}

/// Thai is written without blanks between words. `ห้ามเกิน` and `ต้องไม่ต่ำกว่า` compare: they are limits.
fn is_thai_denial(name: &str) -> bool {
    ["ห้าม", "ต้องไม่", "ไม่ผ่าน", "ไม่ยอมรับ", "ปฏิเสธ"].iter().any(|lead| name.starts_with(lead))
        && !["เกิน", "ต่ำกว่า", "น้อยกว่า", "มากกว่า"].iter().any(|limit| name.contains(limit))
}

/// What a label calls the cases in which something is bad.
const CASES: [&str; 17] = [
    "criteria",
    "criterion",
    "condition",
    "conditions",
    "case",
    "cases",
    "threshold",
    "thresholds",
    "trigger",
    "triggers",
    "sign",
    "signs",
    "reason",
    "reasons",
    "any",
    "following",
    "limits",
];

/// Words that say nothing by themselves.
const PLAIN: [&str; 83] = [
    "must",
    "may",
    "should",
    "shall",
    "can",
    "could",
    "will",
    "would",
    "do",
    "does",
    "be",
    "is",
    "are",
    "was",
    "have",
    "has",
    "happen",
    "happens",
    "occur",
    "occurs",
    "hold",
    "holds",
    "true",
    "apply",
    "applies",
    "seen",
    "see",
    "want",
    "allow",
    "allowed",
    "accept",
    "acceptable",
    "accepted",
    "permit",
    "permitted",
    "tolerated",
    "ok",
    "okay",
    "good",
    "done",
    "complete",
    "completed",
    "passed",
    "ready",
    "if",
    "when",
    "where",
    "whenever",
    "one",
    "either",
    "of",
    "these",
    "those",
    "the",
    "this",
    "that",
    "it",
    "they",
    "we",
    "you",
    "there",
    "what",
    "which",
    "thing",
    "things",
    "all",
    "below",
    "and",
    "or",
    "to",
    "in",
    "for",
    "a",
    "an",
    "go",
    "back",
    "order",
    "export",
    "work",
    "release",
    "rollout",
    "run",
    "ever",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_deny_what_stands_below_them_are_known() {
        for label in [
            "Must not",
            "**Must not:**",
            "must_not",
            "mustNot",
            "Must not happen",
            "Never",
            "Never:",
            "Forbidden",
            "Not acceptable:",
            "Not allowed",
            "Not done if",
            "Unacceptable",
            "Reject if",
            "**Reject if:**",
            "reject_if",
            "Reject when any of these holds",
            "The export is rejected when any of these holds:",
            "We roll back if:",
            "Fail if",
            "Fail",
            "Fails when",
            "Failure criteria",
            "Failure threshold",
            "Do not ship if any of the following is true:",
            "This must never happen:",
            "Don’t accept if",
            "None of these may hold",
            "Things we never want to see",
            "Red flags",
            "🚩 Red flags:",
            "Blockers",
            "Deal breakers",
            "No-go",
            "No-go (any of these stops the rollout)",
            "Abort if",
            "❌ Bad",
            "ห้าม",
            "ห้ามมี:",
            "ต้องไม่เกิดขึ้น",
        ] {
            assert!(of_label(label).is_some(), "{label}");
        }
        for label in [
            "Must",
            "Must hold",
            "Must not exceed",
            "Must not fall below",
            "Not to exceed",
            "No heartbeats dropped",
            "No failures",
            "Failures",
            "Failure handling",
            "Failed exports",
            "Rejected rows",
            "Rejected",
            "Blocking",
            "Stops gracefully",
            "Go / No-Go",
            "Pass/Fail",
            "Pass / fail criteria",
            "Not done until:",
            "Do not ship unless:",
            "Accept if",
            "Done when",
            "Performance",
            "Export",
            "Order",
            "All of these",
            "☒ Done",
            "🔴 Critical",
            "❌ Acceptance Criteria",
            "✅ Go",
            "Exporter must not crash",
            "ห้ามเกิน",
            "ขนาดไฟล์",
            "",
        ] {
            assert_eq!(of_label(label), None, "{label}");
        }
    }

    #[test]
    fn marks_deny_in_front_behind_and_alone() {
        for text in ["❌", "- ❌ x", "– ❌ x", "> 1 kB ❌", "> 1 kB (🚫)", "**✖️ x**", "☐ ⛔ x", "🔴 > 1 ms"]
        {
            assert!(mark(text).is_some(), "{text}");
        }
        for text in ["", "✅", "☐ x", "☒ x", "x ❌ y", "≤ 5 MB", "🟢 x", "[x] y"] {
            assert_eq!(mark(text), None, "{text}");
        }
    }
}
