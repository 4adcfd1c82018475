//! What the words of a value say: that something fails or is not as it should be, and the denial of it.
//!
//! Invariant: a word for a failure counts unless the text itself takes it back (`0 errors`, `recovered from a failure`).

use super::State;

/// One part of a text; what stands in another part denies nothing of it.
#[derive(Debug, Default)]
pub(super) struct Clause {
    /// Lower case.
    pub(super) words: Vec<String>,
    /// What ends it.
    end: Option<char>,
    /// Whether it tells of a first attempt, which others followed.
    is_of_first_attempt: bool,
}

impl Clause {
    pub(super) fn is_of_first_attempt(&self) -> bool {
        self.is_of_first_attempt
    }

    /// The word at `at`; empty where there is none.
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map(String::as_str).unwrap_or_default()
    }
}

const NONE_OF: [&str; 9] = ["no", "not", "non", "0", "zero", "without", "never", "none", "nothing"];
const NOT: [&str; 7] = ["not", "cannot", "never", "hardly", "neither", "unable", "no"];
/// Of a longer value only the start is read: it is no message any more.
const READ: usize = 4096;

/// The part of a value that is read for words.
pub(super) fn start(text: &str) -> &str {
    let end = (0..=READ.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// The worst that the words say; `None` when they speak of no trouble.
pub(super) fn worst(text: &str) -> Option<State> {
    worst_of(&clauses(start(text)))
}

pub(super) fn worst_of(clauses: &[Clause]) -> Option<State> {
    let each = clauses.iter().enumerate().skip(over(clauses));
    each.filter_map(|(at, clause)| worst_in(clause, clauses.get(at + 1))).max()
}

/// The worst that one part says; `next` follows it, where the number of `errors: 0` stands.
pub(super) fn worst_in(clause: &Clause, next: Option<&Clause>) -> Option<State> {
    (0..clause.words.len()).filter_map(|at| said(clause, at, next)).max()
}

/// How many parts, from the first on, speak of what was over when it was written; what is said after that is not.
pub(super) fn over(clauses: &[Clause]) -> usize {
    clauses.iter().rposition(is_over).map_or(0, |at| at + 1)
}

/// Whether a value is what a program writes that has nothing to say.
pub(super) fn is_silence(text: &str) -> bool {
    const SILENCE: [&str; 8] = ["undefined", "null", "nan", "nil", "unknown", "n/a", "?", "[object object]"];
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '"'));
    SILENCE.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether the first word is one for a failure, as in `DOWN` or `FAILED (2 checks)`.
pub(super) fn begins_with_failure(text: &str) -> bool {
    begins_with(text) == Some(State::Error)
}

/// What the first word says.
pub(super) fn begins_with(text: &str) -> Option<State> {
    let clauses = clauses(start(text));
    said(clauses.first()?, 0, clauses.get(1))
}

pub(super) fn clauses(text: &str) -> Vec<Clause> {
    let ends = |c: char| matches!(c, ',' | ';' | ':' | '(' | ')' | '|' | '–' | '—' | '!' | '·' | '→' | '.' | '：');
    let mut clauses: Vec<Clause> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut close = |words: &mut Vec<String>, end: Option<char>| match clauses.last_mut() {
        // `errors): 0`: of several signs the last one
        Some(last) if words.is_empty() => last.end = end.or(last.end),
        _ => {
            let words = std::mem::take(words);
            clauses.push(Clause { is_of_first_attempt: tells_of_first_attempt(&words), words, end });
        }
    };
    for token in plain(text).split_whitespace() {
        if token == "-" {
            close(&mut words, Some('-'));
            continue;
        }
        let number = number(token);
        let token = number.as_deref().unwrap_or(token);
        if is_place(token) {
            continue;
        }
        for part in token.split_inclusive(ends) {
            let parts = part.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')));
            words.extend(parts.filter(|word| !word.is_empty()).map(str::to_lowercase));
            if let Some(end) = part.chars().last().filter(|c| ends(*c)) {
                close(&mut words, Some(end));
            }
        }
    }
    close(&mut words, None);
    clauses.retain(|clause| !clause.words.is_empty());
    clauses
}

/// Without what stands in backticks: names and commands. Empty lists are none.
fn plain(text: &str) -> String {
    text.split('`')
        .step_by(2)
        .collect::<Vec<_>>()
        .join(" ")
        .replace("[]", " none ")
        .replace("{}", " none ")
        .replace("\"\"", " none ")
}

/// A number with a fraction as one without: `0.0%)` → `0%)`, `0.5%` → `1%`.
fn number(token: &str) -> Option<String> {
    let inner = token.trim_matches(|c: char| !c.is_ascii_digit());
    let (whole, fraction) = inner.split_once('.')?;
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = is_digits(whole) && is_digits(fraction) && !token.contains(char::is_alphabetic);
    let whole = if whole.bytes().chain(fraction.bytes()).all(|byte| byte == b'0') { "0" } else { "1" };
    is_number.then(|| token.replacen(inner, whole, 1))
}

/// A path, a host, a file name, a version: its parts are no words.
fn is_place(token: &str) -> bool {
    let inner = token.trim_matches(|c: char| !c.is_alphanumeric());
    let dotted = inner.as_bytes().windows(3).any(|w| w[1] == b'.' && w[0] != b'.' && w[2].is_ascii_alphanumeric());
    dotted || token.starts_with(['/', '~']) || token.matches('/').count() > 1
}

fn is_over(clause: &Clause) -> bool {
    const OVER: [&str; 6] = ["recovered", "resolved", "cleared", "restored", "fixed", "reconnected"];
    let position = clause.words.iter().position(|word| OVER.contains(&word.as_str()));
    position.is_some_and(|at| !clause.words.iter().take(at).any(|word| denies(word) || word == "yet"))
}

pub(super) fn denies(word: &str) -> bool {
    NOT.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

/// What the word at `at` says; `next` is the part that follows.
fn said(clause: &Clause, at: usize, next: Option<&Clause>) -> Option<State> {
    let word = clause.word(at);
    let back = |n: usize| at.checked_sub(n).map_or("", |at| clause.word(at));
    if works(word, Deniable) {
        // `no connection errors`
        if trouble(clause.word(at + 1)).is_some() {
            return None;
        }
        let denied = (1..=3).find(|n| denies(back(*n)))?;
        // `no errors found`
        let of_trouble = back(denied) == "no" && (1..denied).any(|n| is_trouble_noun(back(n)));
        return (!of_trouble).then_some(State::Error);
    }
    let state = trouble(word)?;
    if word == "timed" && clause.word(at + 1) != "out" {
        return None;
    }
    if word == "critical" && is_critical_part(clause, at) {
        return None;
    }
    (!takes_back(clause, at, next)).then_some(state)
}

fn is_trouble_noun(word: &str) -> bool {
    const NOUNS: [&str; 6] = ["issues", "issue", "problems", "problem", "alerts", "locks"];
    trouble(word).is_some() || NOUNS.contains(&word)
}

/// `critical services`, `all critical endpoints`.
fn is_critical_part(clause: &Clause, at: usize) -> bool {
    const PARTS: [&str; 8] = ["service", "system", "check", "component", "path", "endpoint", "job", "agent"];
    PARTS.iter().any(|part| clause.word(at + 1).starts_with(part))
}

/// Whether the text itself takes back the word for trouble at `at`: `0 errors`, `no errors or timeouts`, `failed auth attempts:
/// 0`, `last failure 2025-10-20`.
pub(super) fn takes_back(clause: &Clause, at: usize, next: Option<&Clause>) -> bool {
    const COUNTED: [&str; 12] = [
        "rate",
        "count",
        "total",
        "level",
        "time",
        "requests",
        "queries",
        "attempts",
        "pages",
        "errors",
        "percentage",
        "events",
    ];
    let none = |word: &str| matches!(word, "0" | "none" | "zero" | "free" | "no" | "null" | "never" | "false");
    let back = |n: usize| at.checked_sub(n).map_or("", |at| clause.word(at));
    let ahead = |n: usize| clause.word(at + n);
    // `0 of 3 checks failed`
    let none_of_all = NONE_OF.contains(&clause.word(0)) && clause.words.iter().take(at).any(|word| word == "of");
    // `no errors or timeouts`
    let listed = || {
        let before = clause.words.get(at.saturating_sub(5)..at).unwrap_or_default();
        let from = before.iter().rposition(|word| matches!(word.as_str(), "no" | "without" | "zero" | "0"));
        let between = from.and_then(|from| before.get(from + 1..)).unwrap_or_default();
        let counts = |word: &String| word.starts_with(|c: char| c.is_ascii_digit());
        between.iter().any(|word| matches!(word.as_str(), "or" | "nor" | "and")) && !between.iter().any(counts)
    };
    // `errors in last 24h: 0`, `errors (0)`; not `FAILED: 0 of 3 passed`, nor `1 failed, 0 skipped`
    let counted_after = || {
        next.is_some_and(|next| {
            let is_count = matches!(clause.end, Some(':' | '：')) || next.words.len() == 1 && clause.end == Some('(');
            is_count
                && none(next.word(0))
                && !next.words.iter().skip(1).any(|word| works(word, Deniable) || word == "passed")
        })
    };
    let past = matches!(back(1), "last" | "previous" | "prior" | "past" | "former" | "earlier")
        || back(1) == "from" && matches!(back(2), "recovery" | "recovering")
        || clause.word(at) == "timeout" && back(1) == "after" && clause.words.iter().any(|w| w == "succeeded")
        || clause.is_of_first_attempt;
    none_of_all
        || NONE_OF.contains(&back(1))
        || matches!(back(2), "no" | "0" | "zero" | "without")
        || none(ahead(1))
        || COUNTED.contains(&ahead(1)) && none(ahead(2))
        || past
        || listed()
        || counted_after()
}

/// `first attempt timed out`: it was tried again since.
fn tells_of_first_attempt(words: &[String]) -> bool {
    let is_first = |word: &String| matches!(word.as_str(), "first" | "1st" | "initial");
    let is_attempt = |word: &String| matches!(word.as_str(), "attempt" | "attempts" | "try" | "tries");
    // `the first 2 attempts`
    words.iter().enumerate().any(|(at, word)| is_first(word) && words.iter().skip(at + 1).take(2).any(is_attempt))
}

fn trouble(word: &str) -> Option<State> {
    const ERROR: [&str; 33] = [
        "fail",
        "fails",
        "failed",
        "failing",
        "failure",
        "failures",
        "error",
        "errors",
        "errored",
        "err",
        "critical",
        "refused",
        "denied",
        "timeout",
        "timeouts",
        "timed",
        "missing",
        "down",
        "offline",
        "unreachable",
        "unavailable",
        "unresponsive",
        "nok",
        "dead",
        "broken",
        "outage",
        "unhealthy",
        "exception",
        "fatal",
        "stopped",
        "unloaded",
        "unauthorized",
        "lost",
    ];
    const REDIS: [&str; 5] = ["noauth", "wrongpass", "noperm", "misconf", "readonly"];
    let is_error = ERROR.contains(&word)
        || REDIS.contains(&word)
        || is_errno(word)
        || word.starts_with("crash")
        || word.starts_with("corrupt");
    let is_warning = word.starts_with("warn")
        || word.starts_with("degrade")
        || (word.starts_with("slow") && word != "slowest")
        || word == "stale";
    match () {
        () if is_error => Some(State::Error),
        () if is_warning => Some(State::Warn),
        () => None,
    }
}

/// `ECONNREFUSED`, `ETIMEDOUT`, …
pub(super) fn is_errno(word: &str) -> bool {
    ["econn", "etime", "enoent", "enotfound", "ehost", "enet", "epipe", "eacces", "eperm"]
        .iter()
        .any(|start| word.starts_with(start))
}

/// What a word that something works may be taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Alone it says that a check is well: `pong`.
    Check,
    /// Alone it says that the whole report is: `nominal`.
    Status,
    /// Among other words it says that something is well: `Redis responding`.
    Well,
    /// Its denial is a failure: `not responding`, `can't connect`, `no response`.
    Deniable,
    /// It says of some out of all that they are well: `0 of 3 checks passed`.
    Counted,
}

use Use::{Check, Counted, Deniable, Status, Well};

/// The words that something works, each with all that it may be taken for.
const WORKS: &[(&str, &[Use])] = &[
    ("ok", &[Check, Status, Well, Deniable, Counted]),
    ("okay", &[Check, Status, Well, Deniable]),
    ("healthy", &[Check, Well, Deniable, Counted]),
    ("pong", &[Check, Well]),
    ("up", &[Check, Status, Well, Deniable, Counted]),
    ("loaded", &[Check, Well, Deniable]),
    ("exists", &[Check, Well]),
    ("responding", &[Check, Well, Deniable, Counted]),
    ("running", &[Check, Status, Well, Deniable]),
    ("online", &[Check, Status, Well]),
    ("connected", &[Check, Well, Deniable]),
    ("reachable", &[Check, Well, Deniable]),
    ("available", &[Check, Well, Deniable]),
    ("operational", &[Check, Well]),
    ("passed", &[Check, Status, Well, Counted]),
    ("responds", &[Well, Deniable]),
    ("alive", &[Well, Deniable]),
    ("pass", &[Status, Well]),
    ("ready", &[Well, Deniable]),
    ("working", &[Well, Deniable]),
    ("good", &[Status, Well]),
    ("fine", &[Status, Well]),
    ("green", &[Status, Well]),
    ("normal", &[Status, Well]),
    ("stable", &[Status, Well]),
    ("present", &[Well, Deniable]),
    ("nominal", &[Status]),
    ("respond", &[Deniable]),
    ("response", &[Deniable]),
    ("answer", &[Deniable]),
    ("answering", &[Deniable]),
    ("reply", &[Deniable]),
    ("found", &[Deniable]),
    ("reached", &[Deniable]),
    ("connect", &[Deniable]),
    ("connection", &[Deniable]),
    ("listening", &[Deniable]),
    ("accessible", &[Deniable]),
    ("exist", &[Deniable]),
    ("open", &[Deniable]),
    ("answered", &[Counted]),
];

/// Whether `word` says that something works, where it is taken so.
pub(super) fn works(word: &str, taken_as: Use) -> bool {
    WORKS.iter().any(|(known, uses)| *known == word && uses.contains(&taken_as))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_heard_and_their_denial_too() {
        for text in [
            "Connection refused (ECONNREFUSED 127.0.0.1:6379)",
            "Redis error: NOAUTH Authentication required",
            "Redis: not responding",
            "Redis is not responding",
            "Redis is not currently responding",
            "Redis isn't responding",
            "no response",
            "can't connect",
            "Database file NOT found",
            "Database file missing",
            "timeout after 5000ms",
            "timed out",
            "Redis down",
            "offline",
            "NOK",
            "recovered, then failed",
            "not recovered from the failure",
            "10 errors",
            "0.5% errors",
            "no route: error",
            "failed: 3",
        ] {
            assert_eq!(worst(text), Some(State::Error), "{text}");
        }
        for text in ["Redis responding (degraded, 4900ms)", "1 warning", "slow"] {
            assert_eq!(worst(text), Some(State::Warn), "{text}");
        }
        for text in [
            "Redis responding (0 errors)",
            "no errors",
            "no failures",
            "no connection errors",
            "errors: 0, failed: none",
            "error rate: 0",
            "error-free",
            "recovered after 3 failures",
            "was down, recovered",
            "never failed",
            "0 of 3 checks failed",
            "all critical services running",
            "`errors.log` is there",
            "logs/errors.log, 3 kB",
            "/var/log/error/x read",
            "not slow",
            "timed 3 runs",
            "",
        ] {
            assert_eq!(worst(text), None, "{text}");
        }
        assert!(begins_with_failure("DOWN") && begins_with_failure("FAILED (2 checks)"));
        assert!(!begins_with_failure("failed: 0") && !begins_with_failure("HEALTHY, none failed"));
    }
}
