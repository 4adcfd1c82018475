//! Targets in words: readiness, categories, `all pass`, `no errors`, `runs automatically`.

use super::{Comparator, Target, Unit, lexer};
use crate::order::fold;

fn unclear(why: impl Into<String>) -> Target {
    Target::Unclear { why: why.into() }
}

pub(super) fn words_of(text: &str) -> Vec<String> {
    fold::fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// `Automatic`, `loads & runs automatically`.
pub(super) fn automatic(text: &str) -> Option<Target> {
    const KEY: [&str; 8] =
        ["automatic", "automatically", "autostart", "autostarts", "autorun", "autoruns", "automated", "unattended"];
    const AROUND: [&str; 31] = [
        "runatload",
        "keepalive",
        "loads",
        "load",
        "loaded",
        "and",
        "runs",
        "run",
        "running",
        "starts",
        "start",
        "started",
        "launches",
        "launched",
        "at",
        "on",
        "login",
        "boot",
        "by",
        "itself",
        "its",
        "own",
        "the",
        "is",
        "it",
        "fully",
        "job",
        "agent",
        "service",
        "launchd",
        "executes",
    ];
    let words = words_of(text);
    let short = ["auto", "auto run", "auto runs", "auto start", "auto starts"].contains(&words.join(" ").as_str());
    let has_key = short || words.iter().any(|word| KEY.contains(&word.as_str()));
    let all_known =
        words.iter().all(|word| KEY.contains(&word.as_str()) || AROUND.contains(&word.as_str()) || word == "auto");
    match (has_key, all_known) {
        (true, true) => Some(Target::Automatic),
        (true, false) => Some(unclear(format!(
            "`{text}` asks for more than to run automatically; write one criterion for each thing it asks"
        ))),
        _ => None,
    }
}

/// `3/3`, `3 of 3`, `100% pass`, `All pass`, `all 12 checks green`, `all present`, `all`.
pub(super) fn all(text: &str) -> Option<Target> {
    const GOOD: [&str; 11] = [
        "pass",
        "passed",
        "passes",
        "passing",
        "green",
        "ok",
        "succeed",
        "successful",
        "success",
        "complete",
        "pass rate",
    ];
    const BETWEEN: [&str; 13] =
        ["tests", "checks", "test", "check", "of", "them", "must", "are", "steps", "criteria", "items", "the", "cases"];
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let good = |word: &&str| GOOD.contains(word) || READY.contains(word) && *word != "fully";
    let known = |word: &&str| good(word) || BETWEEN.contains(word) || AMONG_READY.contains(word) || *word == "fully";
    let any_good = |words: &[&str]| words.iter().any(good) || words.ends_with(&["in", "place"]);
    if let Some((pass, of, rest)) = fraction(&lower) {
        let rest: Vec<&str> = rest.split_whitespace().collect();
        if !rest.iter().all(&known) {
            return None;
        }
        return Some(if pass == of && of > 0 {
            Target::All { of: Some(of) }
        } else {
            unclear(format!("`{text}` does not say which may fail; write e.g. `≥ {pass}`"))
        });
    }
    match words.as_slice() {
        ["all"] => Some(Target::All { of: None }),
        ["100%", rest @ ..] | ["100", "%", rest @ ..] if any_good(rest) && rest.iter().all(known) => {
            Some(Target::All { of: None })
        }
        ["all", rest @ ..] if any_good(rest) => {
            let numbers: Vec<u64> = rest.iter().filter_map(|word| word.parse().ok()).collect();
            let others_known = rest.iter().all(|word| known(word) || word.parse::<u64>().is_ok());
            (others_known && numbers.len() <= 1)
                .then(|| Target::All { of: numbers.first().copied().filter(|of| *of > 0) })
        }
        _ => None,
    }
}

fn fraction(text: &str) -> Option<(u64, u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let pass = text.get(..end)?.parse().ok()?;
    let rest = text.get(end..)?.trim_start();
    let rest = rest
        .strip_prefix('/')
        .or_else(|| lexer::phrase(rest, "of"))
        .or_else(|| lexer::phrase(rest, "out of"))?
        .trim_start();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let of = rest.get(..end)?.parse().ok()?;
    let rest = rest.get(end..)?;
    (!rest.starts_with(['.', '%', '/']) && !rest.starts_with(|c: char| c.is_alphabetic())).then_some((pass, of, rest))
}

/// `non-zero`.
pub(super) fn nonzero(text: &str) -> Option<Target> {
    ["non zero", "nonzero", "not zero"].contains(&fold::fold(text).as_str()).then_some(Target::Compare {
        comparator: Comparator::NotEqual,
        number: 0.0,
        unit: Unit::Count { noun: None },
        per: None,
        condition: None,
    })
}

/// `no file write errors`, `none`, `without errors`.
pub(super) fn none(text: &str) -> Option<Target> {
    if ["none", "nil", "not one", "not a single one"].contains(&text.to_lowercase().as_str()) {
        return Some(Target::None { noun: String::new() });
    }
    let noun = lexer::phrase(text, "no").or_else(|| lexer::phrase(text, "without"))?.trim();
    let noun = lexer::phrase(noun, "any").unwrap_or(noun).trim();
    if noun.is_empty() {
        return None;
    }
    const BOUND: [&str; 14] = [
        "for", "during", "within", "after", "before", "while", "when", "until", "since", "over", "per", "longer",
        "more", "less",
    ];
    let words = words_of(noun);
    let plain = noun.chars().all(|c| c.is_alphanumeric() || " -_'/.".contains(c) || !c.is_ascii());
    let bounded = words.iter().any(|word| BOUND.contains(&word.as_str()) || word.chars().any(|c| c.is_ascii_digit()));
    if !plain || bounded || words.len() > 6 || words.iter().any(|word| word == "and" || word == "but") {
        return Some(unclear(format!(
            "`{text}` has a condition that can't be judged; write e.g. `0 errors` and name the measurement"
        )));
    }
    Some(Target::None { noun: noun.to_owned() })
}

/// What stands between words of [`READY`].
const AMONG_READY: [&str; 3] = ["and", "in", "place"];

const READY: [&str; 74] = [
    "pong",
    "ok",
    "okay",
    "working",
    "works",
    "work",
    "complete",
    "completed",
    "completes",
    "executable",
    "ready",
    "healthy",
    "up",
    "running",
    "runs",
    "loaded",
    "loads",
    "active",
    "enabled",
    "present",
    "exists",
    "exist",
    "available",
    "success",
    "successful",
    "successfully",
    "succeeds",
    "pass",
    "passes",
    "passed",
    "passing",
    "valid",
    "green",
    "yes",
    "true",
    "done",
    "connected",
    "responding",
    "responds",
    "installed",
    "deployed",
    "delivered",
    "operational",
    "online",
    "verified",
    "accessible",
    "readable",
    "writable",
    "reachable",
    "created",
    "generated",
    "fixed",
    "functional",
    "functioning",
    "good",
    "correct",
    "connects",
    "loadable",
    "authenticated",
    "alive",
    "started",
    "live",
    "configured",
    "resolved",
    "repaired",
    "restored",
    "runnable",
    "written",
    "produced",
    "registered",
    "queryable",
    "validated",
    "finished",
    "fully",
];

/// What whoever is up does with a `PING`.
const ANSWERS: [&str; 4] = ["answers", "replies", "responds", "responding"];

/// `OK`, `Working`, `present & executable`, `answers PING with PONG`.
pub(super) fn ready(text: &str) -> Option<Target> {
    let words = words_of(text);
    // `ping OK` may be what is named so
    let is_answer =
        words.iter().any(|word| word == "ping") && words.first().is_some_and(|word| ANSWERS.contains(&word.as_str()));
    let known = |word: &String| {
        READY.contains(&word.as_str())
            || AMONG_READY.contains(&word.as_str())
            || (is_answer && matches!(word.as_str(), "answers" | "replies" | "to" | "a" | "ping" | "with"))
    };
    let has_one = words.iter().any(|word| READY.contains(&word.as_str()) && word != "fully")
        || words == ["in", "place"]
        || is_answer;
    let plain = text.chars().all(|c| c.is_alphabetic() || " &,/+-".contains(c));
    (has_one && plain && words.len() <= 6 && words.iter().all(known)).then(|| Target::Ready { word: text.to_owned() })
}

/// `Database file exists`, `file found`: as a heartbeat says it of a database that is there, of a metric that is about one.
pub(super) fn file_is_there(metric: &str, text: &str) -> Option<Target> {
    let said = words_of(metric);
    let is_about_file = ["database", "db", "file"].iter().any(|word| said.iter().any(|known| known == word));
    let words: Vec<String> = words_of(text).into_iter().filter(|word| !said.contains(word)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "file").collect();
    let plain = text.chars().all(|c| c.is_alphabetic() || c == ' ');
    let is_there = matches!(words.as_slice(), ["exists" | "found" | "present"]);
    (plain && is_about_file && is_there).then(|| Target::Ready { word: text.to_owned() })
}

/// `Schema | consistent`, `Schema consistent`: what is said of a schema alone, of which its share of columns tells.
pub(super) fn is_consistent(metric: &str, text: &str) -> Option<Target> {
    const SCHEMA: [&str; 3] = ["schema", "schemas", "the"];
    let (said, text_words) = (words_of(metric), words_of(text));
    let is_schemas = said.iter().chain(&text_words).any(|word| SCHEMA[..2].contains(&word.as_str()));
    let mut words = text_words.iter().filter(|word| !SCHEMA.contains(&word.as_str()));
    let is_said = words.next_back().is_some_and(|word| word == "consistent") && words.all(|word| word == "fully");
    (is_schemas && is_said && !text.contains('?')).then(|| Target::Ready { word: text.to_owned() })
}

/// Names of codecs, folded.
pub(crate) const CODECS: [&str; 8] = ["snappy", "zstd", "zstandard", "gzip", "lz4", "brotli", "lzo", "uncompressed"];

pub(crate) fn is_codec(word: &str) -> bool {
    CODECS.contains(&fold::fold(word).as_str())
}

/// One word, besides words that the metric has already said: `Snappy`, `Snappy compression`, `zstd (default)`.
pub(super) fn category(metric: &str, text: &str) -> Option<Target> {
    let text = text.strip_prefix("==").or_else(|| text.strip_prefix('=')).unwrap_or(text).trim();
    let text = ["(default)", "(required)", "(codec)", " codec", " compression"]
        .iter()
        .find_map(|note| text.strip_suffix(note))
        .unwrap_or(text)
        .trim();
    let said = words_of(metric);
    let words: Vec<&str> = text.split_whitespace().filter(|word| !said.contains(&fold::fold(word))).collect();
    let [word] = words.as_slice() else { return None };
    let well_formed = word.starts_with(char::is_alphabetic)
        && word.chars().all(|c| c.is_alphanumeric() || "._-+#".contains(c) || !c.is_ascii())
        && !matches!(word.to_lowercase().as_str(), "not" | "no" | "never" | "any" | "all" | "some" | "unknown");
    (well_formed && word.chars().count() <= 64).then(|| Target::Category { word: (*word).to_owned() })
}
