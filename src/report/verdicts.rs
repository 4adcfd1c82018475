//! Verdict lists: `- ☐ Pending`, `- ☐ Partial Success – …`, `- ✅ Full Success – …`; one line of them is the outcome's.

use super::{marks, text};
use crate::evidence::Outcome;

/// What a line of a verdict list says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Pending,
    Partial,
    Full,
    Noop,
    Failed,
    Rejected,
    Uncertain,
    Cancelled,
}

/// Words that a verdict is made of; one other word before the first separator and the line says something else.
const VOCABULARY: [&str; 85] = [
    "go",
    "pending",
    "waiting",
    "awaiting",
    "in",
    "progress",
    "not",
    "started",
    "yet",
    "blocked",
    "todo",
    "partial",
    "partially",
    "full",
    "fully",
    "success",
    "successful",
    "successfully",
    "failed",
    "failure",
    "fail",
    "failing",
    "unsuccessful",
    "complete",
    "completed",
    "completion",
    "verified",
    "verification",
    "passed",
    "pass",
    "done",
    "ok",
    "rejected",
    "cancelled",
    "canceled",
    "aborted",
    "uncertain",
    "unknown",
    "noop",
    "no",
    "op",
    "changes",
    "change",
    "nothing",
    "to",
    "do",
    "all",
    "checks",
    "review",
    "overall",
    "status",
    "with",
    "issues",
    "warnings",
    "work",
    "order",
    "phase",
    "deployment",
    "action",
    "needed",
    "required",
    "test",
    "tests",
    "approved",
    "accepted",
    "conditional",
    "conditionally",
    "conditions",
    "minor",
    "some",
    "known",
    "mostly",
    "only",
    "but",
    "and",
    "without",
    "any",
    "zero",
    "issue",
    "warning",
    "error",
    "errors",
    "caveats",
    "reservations",
    "findings",
];

/// What is left to be desired: with one of them a success is none in full.
const RESERVATIONS: [&str; 18] = [
    "issue",
    "issues",
    "warning",
    "warnings",
    "error",
    "errors",
    "caveats",
    "reservations",
    "findings",
    "conditions",
    "conditional",
    "conditionally",
    "mostly",
    "some",
    "minor",
    "known",
    "only",
    "but",
];

const GOOD: [&str; 15] = [
    "go",
    "success",
    "successful",
    "successfully",
    "complete",
    "completed",
    "full",
    "fully",
    "verified",
    "passed",
    "pass",
    "done",
    "ok",
    "approved",
    "accepted",
];

/// Whether a word is one that verdicts are made of.
pub fn is_of_verdicts(word: &str) -> bool {
    VOCABULARY.contains(&word)
}

/// Verdicts as they are written in Thai, which has no blanks between words.
const THAI: [(&str, Class); 15] = [
    ("สำเร็จ", Class::Full),
    ("สำเร็จทั้งหมด", Class::Full),
    ("สมบูรณ์", Class::Full),
    ("ผ่าน", Class::Full),
    ("ผ่านทั้งหมด", Class::Full),
    ("เสร็จสิ้น", Class::Full),
    ("เสร็จสมบูรณ์", Class::Full),
    ("บางส่วน", Class::Partial),
    ("สำเร็จบางส่วน", Class::Partial),
    ("ผ่านบางส่วน", Class::Partial),
    ("ล้มเหลว", Class::Failed),
    ("ไม่สำเร็จ", Class::Failed),
    ("ไม่ผ่าน", Class::Failed),
    ("รอดำเนินการ", Class::Pending),
    ("ยกเลิก", Class::Cancelled),
];

/// The class of a list line, its marks taken off or not.
pub fn class(markdown: &str) -> Option<Class> {
    let text = text::plain(markdown).replace(" - ", " – ");
    let text = without_lead(&text);
    let separators = ['–', '—', ':', '(', '.', ',', ';', '/', '→', '…', '|', '='];
    let head = text.split(separators).next().unwrap_or("");
    // `Partial Success ✅ most of it`
    let head = marks::all(head).first().and_then(|(sign, _)| head.get(..*sign)).unwrap_or(head);
    if let Some((_, class)) = THAI.iter().find(|(words, _)| text::key(words) == text::key(head)) {
        return Some(*class);
    }
    let words = text::words(head);
    if words.is_empty() || !words.iter().all(|word| VOCABULARY.contains(&word.as_str())) {
        return None;
    }
    let any = |set: &[&str]| words.iter().any(|word| set.contains(&word.as_str()));
    // `without any issues` and `no warnings` are none
    let denied = |n: usize| {
        words
            .get(n.saturating_sub(2)..n)
            .is_some_and(|before| before.iter().any(|word| matches!(word.as_str(), "no" | "without" | "zero" | "any")))
    };
    let is_reserved = |wanted: bool| {
        let found = |(n, word): (usize, &String)| RESERVATIONS.contains(&word.as_str()) && denied(n) != wanted;
        words.iter().enumerate().any(found)
    };
    let says_good = any(&GOOD);
    let is_no_go = words.windows(2).any(|two| two == ["no", "go"]);
    let class = if any(&["partial", "partially"]) || (says_good && !any(&["not", "failed"]) && is_reserved(true)) {
        Class::Partial
    } else if any(&["rejected"]) {
        Class::Rejected
    } else if any(&["cancelled", "canceled", "aborted"]) {
        Class::Cancelled
    } else if any(&["uncertain", "unknown"]) {
        Class::Uncertain
    } else if any(&["noop", "op", "changes", "change", "nothing"]) {
        Class::Noop
    } else if any(&[
        "pending", "waiting", "awaiting", "progress", "started", "yet", "blocked", "todo", "needed", "required",
    ]) {
        Class::Pending
    } else if any(&["failed", "failure", "fail", "failing", "unsuccessful", "not"]) || is_no_go {
        Class::Failed
    } else if says_good || is_reserved(false) {
        Class::Full
    } else {
        return None;
    };
    Some(class)
}

/// Whether what a test's result says of it is no more than that it passed. `All tests passed` speaks of others, too.
pub fn says_no_more_than_good(markdown: &str) -> bool {
    let is_thai = |(words, class): &(&str, Class)| *class == Class::Full && text::key(words) == text::key(markdown);
    text::words(markdown).iter().all(|word| word == "test" || GOOD.contains(&word.as_str())) || THAI.iter().any(is_thai)
}

fn without_lead(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(mark) = marks::at(rest) {
        rest = rest.get(mark.len..).unwrap_or("").trim_start();
    }
    rest.trim_start_matches(|c: char| !c.is_alphanumeric())
}

/// Whether lines of these classes are a verdict list.
pub fn is_list(classes: &[Option<Class>]) -> bool {
    let mut known: Vec<Class> = classes.iter().flatten().copied().collect();
    let enough = known.len() >= 2 && known.len() * 2 > classes.len();
    known.sort_unstable();
    known.dedup();
    enough && known.len() >= 2 && known.iter().any(|class| matches!(class, Class::Full | Class::Partial))
}

/// The line that the outcome maps to.
pub fn choose(outcome: Outcome, classes: &[Option<Class>]) -> Option<usize> {
    let wanted: &[Class] = match outcome {
        Outcome::Done => &[Class::Full],
        Outcome::Noop => &[Class::Noop, Class::Full],
        Outcome::Partial => &[Class::Partial],
        Outcome::Failed => &[Class::Failed],
        Outcome::Rejected => &[Class::Rejected, Class::Failed],
        Outcome::Uncertain => &[Class::Uncertain, Class::Failed],
        Outcome::Cancelled => &[Class::Cancelled, Class::Failed],
    };
    wanted.iter().find_map(|wanted| classes.iter().position(|class| *class == Some(*wanted)))
}

/// How an outcome is shown; only what was measured to be good is green.
pub fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done | Outcome::Noop => "✅",
        Outcome::Partial => "⚠️",
        Outcome::Uncertain => "❓",
        Outcome::Failed | Outcome::Rejected | Outcome::Cancelled => "❌",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_classified_by_what_stands_before_the_first_separator() {
        for (line, expect) in [
            ("☐ Pending…", Some(Class::Pending)),
            ("☐ Pending verification", Some(Class::Pending)),
            ("☐ Partial Success – some checks failed", Some(Class::Partial)),
            ("✅ **Full Success** – all checks verified", Some(Class::Full)),
            ("[x] Success - all good", Some(Class::Full)),
            ("☐ Partial Success ✅ most of it", Some(Class::Partial)),
            ("❌ Failed (see log)", Some(Class::Failed)),
            ("Not successful", Some(Class::Failed)),
            ("Not yet verified", Some(Class::Pending)),
            ("Rejected: forged", Some(Class::Rejected)),
            ("Success with warnings – needs a follow-up", Some(Class::Partial)),
            ("Completed with issues", Some(Class::Partial)),
            ("Phase complete with issues", Some(Class::Partial)),
            ("All tests passed with warnings", Some(Class::Partial)),
            ("**CONDITIONAL PASS** (minor)", Some(Class::Partial)),
            ("Approved with conditions", Some(Class::Partial)),
            ("Completed with no issues", Some(Class::Full)),
            ("Completed, no issues", Some(Class::Full)),
            ("Success without any warnings", Some(Class::Full)),
            ("No issues / All checks passed", Some(Class::Full)),
            ("No known issues", Some(Class::Full)),
            ("Some checks passed", Some(Class::Partial)),
            ("Issues with tests", None),
            ("Approved", Some(Class::Full)),
            ("Not completed", Some(Class::Failed)),
            ("Tests failed with errors", Some(Class::Failed)),
            ("Verified output", None),
            ("Redis ok", None),
            ("✅ **GO** – ready for production", Some(Class::Full)),
            ("NO-GO", Some(Class::Failed)),
            ("Conditional GO", Some(Class::Partial)),
            ("Go live", None),
            ("✅ สำเร็จ / Full Success", Some(Class::Full)),
            ("☐ บางส่วน / Partial Success", Some(Class::Partial)),
            ("☐ ไม่ผ่าน (Failed)", Some(Class::Failed)),
            ("ฐานข้อมูล / OK", None),
            ("", None),
        ] {
            assert_eq!(class(line), expect, "{line}");
        }
    }

    #[test]
    fn each_outcome_has_its_line_or_none() {
        let three = [Some(Class::Pending), Some(Class::Partial), Some(Class::Full)];
        for (outcome, expect) in [
            (Outcome::Done, Some(2)),
            (Outcome::Noop, Some(2)),
            (Outcome::Partial, Some(1)),
            (Outcome::Failed, None),
            (Outcome::Rejected, None),
            (Outcome::Uncertain, None),
            (Outcome::Cancelled, None),
        ] {
            assert_eq!(choose(outcome, &three), expect, "{outcome}");
        }
        assert!(is_list(&three));
        assert!(!is_list(&[Some(Class::Full), None, None]));
        assert!(!is_list(&[Some(Class::Full), Some(Class::Full)]));
        let four = [Some(Class::Full), Some(Class::Failed)];
        assert_eq!(choose(Outcome::Cancelled, &four), Some(1));
    }
}
