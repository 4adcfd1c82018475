//! What the words of a value say: that something fails or is not as it should be, and the denial of it.
//!
//! Invariant: a word for a failure counts unless the text itself takes it back (`0 errors`, `recovered from a failure`).

use super::State;

/// The words of one part of a text, lower case; nothing that stands in another part denies them.
type Clause = Vec<String>;

const NONE_OF: [&str; 8] = ["no", "not", "non", "0", "zero", "without", "never", "none"];
const NOT: [&str; 7] = ["not", "cannot", "never", "hardly", "neither", "unable", "no"];

/// The worst that the words say; `None` when they speak of no trouble.
pub(super) fn worst(text: &str) -> Option<State> {
    let clauses = clauses(text);
    // what was over when it was written is no trouble any more; what is said after that is
    let over = clauses.iter().rposition(is_over).map_or(0, |at| at + 1);
    let trouble = |at: usize, clause: &Clause| {
        // `errors: 0`: the number stands in the next part
        let after = clauses.get(at + 1).and_then(|next| next.first()).map(String::as_str);
        (0..clause.len()).filter_map(|i| said(clause, i, after)).max()
    };
    clauses.iter().enumerate().skip(over).filter_map(|(at, clause)| trouble(at, clause)).max()
}

/// Whether a value is what a program writes that has nothing to say.
pub(super) fn is_silence(text: &str) -> bool {
    const SILENCE: [&str; 8] = ["undefined", "null", "nan", "nil", "unknown", "n/a", "?", "[object object]"];
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '"'));
    SILENCE.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether the first word is one for a failure, as in `DOWN` or `FAILED (2 checks)`.
pub(super) fn begins_with_failure(text: &str) -> bool {
    let clauses = clauses(text);
    let Some(first) = clauses.first() else { return false };
    let after = clauses.get(1).and_then(|next| next.first()).map(String::as_str);
    said(first, 0, after) == Some(State::Error)
}

fn clauses(text: &str) -> Vec<Clause> {
    let ends = |c: char| matches!(c, ',' | ';' | ':' | '(' | ')' | '|' | '–' | '—' | '!' | '·' | '→' | '.' | '：');
    let mut clauses: Vec<Clause> = Vec::new();
    let mut clause = Clause::new();
    for token in plain(text).split_whitespace() {
        if token == "-" {
            clauses.push(std::mem::take(&mut clause));
            continue;
        }
        if is_place(token) {
            continue;
        }
        for part in token.split_inclusive(ends) {
            let words = part.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')));
            clause.extend(words.filter(|word| !word.is_empty()).map(str::to_lowercase));
            if part.ends_with(ends) && !clause.is_empty() {
                clauses.push(std::mem::take(&mut clause));
            }
        }
    }
    clauses.push(clause);
    clauses.retain(|clause| !clause.is_empty());
    clauses
}

/// Without what stands in backticks: names and commands.
fn plain(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// A path, a host, a file name, a version: its parts are no words.
fn is_place(token: &str) -> bool {
    let inner = token.trim_matches(|c: char| !c.is_alphanumeric());
    let dotted = inner.as_bytes().windows(3).any(|w| w[1] == b'.' && w[0] != b'.' && w[2].is_ascii_alphanumeric());
    dotted || token.starts_with(['/', '~']) || token.matches('/').count() > 1
}

fn is_over(clause: &Clause) -> bool {
    const OVER: [&str; 6] = ["recovered", "resolved", "cleared", "restored", "fixed", "reconnected"];
    let position = clause.iter().position(|word| OVER.contains(&word.as_str()));
    position.is_some_and(|at| !clause.iter().take(at).any(|word| denies(word) || word == "yet"))
}

fn denies(word: &str) -> bool {
    NOT.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

/// What the word at `at` says; `next` begins the part that follows.
fn said(clause: &Clause, at: usize, next: Option<&str>) -> Option<State> {
    let word = clause.get(at)?.as_str();
    let back = |n: usize| at.checked_sub(n).and_then(|i| clause.get(i)).map(String::as_str);
    let ahead = |n: usize| match clause.get(at + n) {
        Some(word) => Some(word.as_str()),
        None if at + n == clause.len() => next,
        None => None,
    };
    if is_good(word) {
        // `no connection errors`
        if ahead(1).is_some_and(|word| trouble(word).is_some()) {
            return None;
        }
        let denied = [back(1), back(2), back(3)].into_iter().flatten().any(denies);
        return denied.then_some(State::Error);
    }
    let state = trouble(word)?;
    if word == "timed" && ahead(1) != Some("out") {
        return None;
    }
    if word == "critical"
        && ahead(1).is_some_and(|noun| {
            ["service", "system", "check", "component", "path"].iter().any(|of| noun.starts_with(of))
        })
    {
        return None;
    }
    let none = |word: Option<&str>| word.is_some_and(|word| matches!(word, "0" | "none" | "zero" | "free" | "no"));
    let counted = |word: Option<&str>| word.is_some_and(|word| matches!(word, "rate" | "count" | "total" | "level"));
    // `0 of 3 checks failed`
    let none_of_all = clause.first().is_some_and(|word| NONE_OF.contains(&word.as_str()))
        && clause.iter().take(at).any(|word| word == "of");
    let takes_back = none_of_all
        || back(1).is_some_and(|word| NONE_OF.contains(&word))
        || back(2).is_some_and(|word| matches!(word, "no" | "0" | "zero" | "without"))
        || none(ahead(1))
        || counted(ahead(1)) && none(ahead(2));
    (!takes_back).then_some(state)
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
    let errno = ["econn", "etime", "enoent", "enotfound", "ehost", "enet", "epipe", "eacces", "eperm"];
    let is_error = ERROR.contains(&word)
        || REDIS.contains(&word)
        || errno.iter().any(|start| word.starts_with(start))
        || word.starts_with("crash")
        || word.starts_with("corrupt");
    let is_warning =
        word.starts_with("warn") || word.starts_with("degrade") || word.starts_with("slow") || word == "stale";
    match () {
        () if is_error => Some(State::Error),
        () if is_warning => Some(State::Warn),
        () => None,
    }
}

/// What is a failure when it is denied: `not responding`, `can't connect`, `no response`.
fn is_good(word: &str) -> bool {
    const GOOD: [&str; 28] = [
        "responding",
        "responds",
        "respond",
        "response",
        "answer",
        "answering",
        "reply",
        "loaded",
        "found",
        "reachable",
        "reached",
        "running",
        "available",
        "connected",
        "connect",
        "connection",
        "ok",
        "okay",
        "healthy",
        "working",
        "ready",
        "listening",
        "accessible",
        "alive",
        "up",
        "exist",
        "open",
        "present",
    ];
    GOOD.contains(&word)
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
