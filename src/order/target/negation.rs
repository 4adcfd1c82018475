//! Comparators that deny: `not larger than`, `must never exceed`, `does not take longer than`, `no fewer than`.

use super::{Comparator, lexer};

const AUXILIARIES: [&str; 12] =
    ["must", "should", "shall", "may", "can", "could", "will", "would", "do", "does", "is", "are"];

/// What stands between `not` and what it compares.
const VERBS: [&str; 24] = [
    "be", "take", "takes", "go", "goes", "get", "gets", "grow", "grows", "run", "runs", "last", "lasts", "drop",
    "drops", "fall", "falls", "sink", "sinks", "rise", "rises", "need", "needs", "use",
];

/// The complement of what is denied, and the rest, at the front of a text.
pub(super) fn comparator(text: &str) -> Option<(Comparator, &str)> {
    let (first, after) = next_word(text);
    let rest = if AUXILIARIES.contains(&first.as_str()) { after } else { text };
    let (denial, mut rest) = next_word(rest);
    let is_no = denial == "no";
    if !(is_no || matches!(denial.as_str(), "not" | "never" | "cannot") || denial.ends_with("n't")) {
        return None;
    }
    while let (verb, after) = next_word(rest)
        && !is_no
        && VERBS.contains(&verb.as_str())
    {
        rest = after;
    }
    let exceeds = ["exceed", "exceeds", "exceeding", "exceeded"];
    if let Some(rest) = exceeds.iter().find_map(|verb| lexer::phrase(rest, verb)).filter(|_| !is_no) {
        return Some((Comparator::AtMost, rest));
    }
    if let Some((denied, rest)) = lexer::symbol(rest).filter(|_| !is_no) {
        return Some((complement(denied)?, rest));
    }
    let (denied, after) = lexer::plain_word(rest)?;
    let words = rest.strip_suffix(after)?.to_lowercase();
    // `not at least`, `not within` are nothing that anyone writes
    let has_complement = words.ends_with("than")
        || (!is_no && ["over", "under", "above", "below", "equal to"].iter().any(|end| words.ends_with(end)));
    Some((complement(denied).filter(|_| has_complement)?, after))
}

fn next_word(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word.to_lowercase(), rest.trim_start())
}

fn complement(of: Comparator) -> Option<Comparator> {
    Some(match of {
        Comparator::Less => Comparator::AtLeast,
        Comparator::AtMost => Comparator::Greater,
        Comparator::Equal => Comparator::NotEqual,
        Comparator::NotEqual => Comparator::Equal,
        Comparator::AtLeast => Comparator::Less,
        Comparator::Greater => Comparator::AtMost,
        Comparator::About => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::compile;

    #[test]
    fn what_is_denied_is_its_complement() {
        for (target, expect) in [
            ("not larger than 5 MB", "≤ 5 MB"),
            ("should never exceed 5 MB", "≤ 5 MB"),
            ("must not exceed 5 MB", "≤ 5 MB"),
            ("not exceeding 5 MB", "≤ 5 MB"),
            ("cannot exceed 5 MB", "≤ 5 MB"),
            ("can't be more than 5 MB", "≤ 5 MB"),
            ("must not be > 5 MB", "≤ 5 MB"),
            ("is not over 5 MB", "≤ 5 MB"),
            ("does not go over 5 MB", "≤ 5 MB"),
            ("no larger than 5 MB", "≤ 5 MB"),
            ("does not take longer than 30 s", "≤ 30 s"),
            ("takes no longer than 30 s", "≤ 30 s"),
            ("no slower than 30 s", "≤ 30 s"),
            ("must complete within 2 s", "≤ 2 s"),
            ("finishes in under 2 s", "< 2 s"),
            ("never fewer than 100", "≥ 100"),
            ("no fewer than 100 rows", "≥ 100 rows"),
            ("must not drop below 80 %", "≥ 80%"),
            ("must never fall below 80 %", "≥ 80%"),
            ("not less than or equal to 5", "> 5"),
            ("not equal to 0", "≠ 0"),
            ("not a single one", "none"),
        ] {
            assert_eq!(compile("x", target).to_string(), expect, "{target}");
        }
        for target in ["not at least 5", "not within 5 s", "not ~ 5 s", "no over 5 s", "not complete", "not 5", "never"]
        {
            assert!(compile("x", target).to_string().starts_with("unclear"), "{target}");
        }
    }
}
