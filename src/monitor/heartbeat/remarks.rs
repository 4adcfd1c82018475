//! What stands behind a tick: the tick is its author's verdict, and most of what follows it explains.
//!
//! Invariant: where the words before the first comma or bracket say that all is well, only what surely denies it counts; else
//! every word does.

use super::State;
use super::words::{self, Clause, Use};

/// The worst that the words behind a tick say against it; `None` when they leave it standing. `timeout 5s`, `no WAL present`,
/// `last failure 2025-10-20` explain; `NOAUTH`, `not responding`, `3 of 5 failed` deny.
pub(super) fn behind_tick(text: &str) -> Option<State> {
    let clauses = words::clauses(words::start(text));
    match clauses.split_first() {
        Some((first, rest)) if says_well(first) => remarks(rest),
        _ => words::worst_of(&clauses),
    }
}

/// The check itself, or what it needs.
const VITAL: [&str; 18] = [
    "redis",
    "database",
    "api",
    "service",
    "checks",
    "auth",
    "authentication",
    "authorization",
    "ping",
    "check",
    "connection",
    "connect",
    "connecting",
    "login",
    "query",
    "request",
    "endpoint",
    "integrity",
];

/// Whether a part says that something works, and nothing else: `Redis responding`, `HEALTHY`.
pub(super) fn says_well(clause: &Clause) -> bool {
    let is_well = clause.words.iter().any(|word| words::works(word, Use::Well));
    is_well && words::worst_of(std::slice::from_ref(clause)).is_none()
}

/// What stands after a word for good, where no tick is: as behind a tick, but doubt leaves nothing good, `(3/5)`, `(?)`,
/// `(not tested)`.
pub(super) fn behind_word(rest: &str) -> State {
    let clauses = words::clauses(rest);
    if let Some(state) = remarks(&clauses) {
        return state;
    }
    let is_not = |clause: &Clause| {
        let first = clause.word(0);
        let denies = words::denies(first) && !(first == "no" && clause.words.len() > 1);
        denies || matches!(first, "false" | "until" | "skipped" | "assumed" | "expected" | "none" | "unknown")
    };
    if is_doubt(rest) || clauses.iter().any(is_not) { State::Unknown } else { State::Ok }
}

/// Whether a remark leaves open, or denies in part, what stands before it: `3/5`, `?`.
pub(super) fn is_doubt(rest: &str) -> bool {
    let is_part = |word: &str| {
        let count = |part: &str| part.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().ok();
        word.split_once('/').is_some_and(|(some, all)| count(some) != count(all))
    };
    rest.contains('?') || rest.split_whitespace().any(is_part)
}

/// Whether a label is that of the check itself or of what it needs: `Ping`, `Redis auth`.
pub(super) fn is_vital(label: &str) -> bool {
    let clauses = words::clauses(label);
    !clauses.is_empty() && clauses.iter().flat_map(|clause| &clause.words).all(|word| VITAL.contains(&word.as_str()))
}

/// Whether a text without any mark plainly says that something fails now: `Connection refused`, `No such file or directory`,
/// `sh: redis-cli: not found`; not `Timeout: 5s`, `Last error: NOAUTH`, `Alert after 3 failures`.
pub(super) fn fails(text: &str) -> bool {
    let clauses = words::clauses(words::start(text));
    // what is said behind it is of the past or of the might-be too
    let is_aside = clauses.first().is_none_or(|first| is_past(first) || is_supposed(first));
    let rest = clauses.get(words::over(&clauses)..).unwrap_or_default();
    !is_aside
        && rest.iter().enumerate().any(|(at, clause)| {
            let is_over = is_past(clause) || tells_of_past(clause) || is_supposed(clause);
            !is_over && plainly(clause, rest.get(at + 1))
        })
}

fn plainly(clause: &Clause, next: Option<&Clause>) -> bool {
    let (first, second) = (clause.word(0), clause.word(1));
    let begins = matches!(first, "fatal" | "cannot" | "can't" | "unable" | "couldn't")
        // `Error: …`, but not `Error budget left`
        || first == "error" && matches!(second, "" | "while" | "connecting" | "opening" | "reading" | "in" | "at")
        || first == "could" && second == "not"
        || first == "failed" && matches!(second, "to" | "");
    let last = clause.words.last().map(String::as_str).unwrap_or_default();
    let ends = matches!(last, "missing" | "failed" | "down" | "offline" | "stopped" | "broken" | "malformed")
        || last == "found" && clause.words.len().checked_sub(2).is_some_and(|at| clause.word(at) == "not");
    denial(clause, next) == Some(State::Error)
        || first == "no" && second == "such"
        || (begins || ends) && words::worst_in(clause, next) == Some(State::Error)
}

fn remarks(clauses: &[Clause]) -> Option<State> {
    let over = words::over(clauses);
    let rest = clauses.get(over..).unwrap_or_default();
    rest.iter().enumerate().filter_map(|(at, clause)| denial(clause, rest.get(at + 1))).max()
}

/// What a remark says against a tick.
fn denial(clause: &Clause, next: Option<&Clause>) -> Option<State> {
    if is_past(clause) || is_supposed(clause) {
        return None;
    }
    if some_failed(clause) {
        return Some(State::Error);
    }
    (0..clause.words.len()).filter_map(|at| denies_at(clause, at, next)).max()
}

/// Of the past: `was WRONGPASS`, `last refused 09:55`, `first attempt timed out`.
fn is_past(clause: &Clause) -> bool {
    let first = clause.word(0);
    matches!(first, "was" | "were" | "last" | "previous" | "previously" | "formerly") || clause.is_of_first_attempt()
}

/// `Redis was down earlier`, `refused yesterday`.
fn tells_of_past(clause: &Clause) -> bool {
    let last = clause.words.last().map(String::as_str).unwrap_or_default();
    matches!(last, "earlier" | "yesterday" | "before" | "ago")
}

/// What would be: `restart if down`.
fn is_supposed(clause: &Clause) -> bool {
    clause.words.iter().any(|word| matches!(word.as_str(), "if" | "when" | "unless" | "whenever"))
}

fn denies_at(clause: &Clause, at: usize, next: Option<&Clause>) -> Option<State> {
    const SURELY: [&str; 16] = [
        "noauth",
        "wrongpass",
        "noperm",
        "misconf",
        "refused",
        "denied",
        "unreachable",
        "unresponsive",
        "unavailable",
        "unhealthy",
        "unauthorized",
        "down",
        "offline",
        "dead",
        "fatal",
        "nok",
    ];
    let word = clause.word(at);
    let before = |n: usize| at.checked_sub(n).map_or("", |at| clause.word(at));
    let is_last = at + 1 == clause.words.len();
    let is_denied = || (1..=3).any(|n| words::denies(before(n)) && before(n) != "no");
    let state = match word {
        "responding" | "responds" | "respond" | "answering" | "reachable" | "loaded" | "healthy" | "alive"
        | "accessible" | "exist" | "operational" => {
            return is_denied().then_some(State::Error);
        }
        // `cannot open`, `could not connect`; not `not open elsewhere`
        "connect" | "reach" | "read" | "open" => {
            let could = (1..=3).any(|n| matches!(before(n), "could" | "did" | "does" | "can" | "will" | "would"));
            let cannot = (1..=3).any(|n| words::denies(before(n)) && !matches!(before(n), "no" | "not"));
            return (cannot || could && is_denied()).then_some(State::Error);
        }
        "ok" | "okay" | "found" | "connected" | "working" | "ready" => {
            return (is_last && is_denied()).then_some(State::Error);
        }
        "response" | "reply" | "answer" | "pong" | "connection" if before(1) == "no" => {
            return is_last.then_some(State::Error);
        }
        "slow" | "slowly" if !is_last => return None,
        "slow" | "slowly" => State::Warn,
        "failed" | "fails" | "failing" | "failure" if VITAL.contains(&before(1)) => State::Error,
        // a remark of its own: `(failed)`, `error: EOF`
        "failed" | "failing" | "error" | "broken" | "missing" if clause.words.len() == 1 => State::Error,
        "lost" if before(1) == "connection" || clause.word(at + 1) == "connection" => State::Error,
        "timed" if clause.word(at + 1) == "out" => State::Error,
        "timeout" if matches!(clause.word(at + 1), "after" | "while" | "on" | "connecting") => State::Error,
        "down" if matches!(clause.word(at + 1), "time" | "to") => return None,
        word if SURELY.contains(&word) || words::is_errno(word) => State::Error,
        word if word.starts_with("corrupt") || word.starts_with("crash") => State::Error,
        word if word.starts_with("degraded") => State::Warn,
        _ => return None,
    };
    (!words::takes_back(clause, at, next)).then_some(state)
}

/// `1 failed`, `3 of 5 checks failed`, `3 errors`, `2/5 down`, `0 of 3 checks passed`; not `max 3 failures allowed`.
fn some_failed(clause: &Clause) -> bool {
    const FAILED: [&str; 8] = ["failed", "failing", "failures", "failure", "error", "errors", "down", "critical"];
    const HARMLESS: [&str; 8] =
        ["allowed", "corrected", "ago", "retried", "ignored", "tolerated", "recovered", "repaired"];
    let Ok(count) = clause.word(0).parse::<u64>() else { return false };
    let is_short = clause.words.len() <= 5;
    let any = |list: &[&str]| clause.words.iter().any(|word| list.contains(&word.as_str()));
    let of_some = clause.words.iter().skip(1).any(|word| word.parse::<u64>().is_ok_and(|all| all > 0));
    // `3 up / 0 down`
    let number_before = |at: usize| (0..at).rev().find_map(|at| clause.word(at).parse::<u64>().ok());
    let is_failed = |at: usize| FAILED.contains(&clause.word(at)) && number_before(at).is_some_and(|some| some > 0);
    let failed = count > 0 && (0..clause.words.len()).any(is_failed)
        || count == 0 && of_some && clause.words.iter().any(|word| words::works(word, Use::Counted));
    is_short && failed && !any(&HARMLESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanations_leave_a_tick_standing() {
        for text in [
            "Redis responding (PONG in 2ms, timeout 5000ms)",
            "Redis responding (connect timeout=5s)",
            "Redis responding (max 3 failures allowed)",
            "Redis responding (error rate 0.0%)",
            "Redis responding (error rate: 0.00%)",
            "Redis responding (0.0% errors)",
            "Redis responding (failed auth attempts: 0)",
            "Redis responding (errors in last 24h: 0)",
            "Redis responding (failures since start: 0)",
            "Redis responding: no errors or timeouts",
            "Redis responding (no connection or auth errors)",
            "Redis responding (no errors found)",
            "Redis responding (last failure 2025-10-20)",
            "Redis responding (last error: 3 days ago)",
            "Redis responding (down time 0)",
            "Redis responding; retry after timeout succeeded",
            "Redis responding – nothing lost",
            "OK: restart if down",
            "Redis responding, not connected to replica (standalone)",
            "Redis responding (no reply delay)",
            "Redis responding (auth fixed: was WRONGPASS)",
            "Redis responding (3/3 up, 0 down)",
            "Redis responding (0/3 down)",
            "Redis responding (down: 0)",
            "Database file exists (readonly)",
            "Database file exists (no WAL present)",
            "Database file exists (wal missing is fine)",
            "Database file exists (corrupted pages: 0)",
            "Database file exists (no corruption found)",
            "Database file exists (no locks found)",
            "Database file exists, last backup failed: never",
            "Endpoint responding ({\"status\":\"ok\",\"error\":null})",
            "Endpoint responding (errors: [])",
            "Endpoint responding ({\"error\": \"\", \"up\": true})",
            "Endpoint responding (error: none, failed: 0)",
            "Endpoint responding (all critical endpoints up)",
            "Endpoint responding (slowest 12ms)",
            "Endpoint responding (slow requests: 0)",
            "Endpoint responding (errors per minute: 0)",
            "LaunchAgent loaded (not running)",
            "LaunchAgent loaded (state = not running)",
            "LaunchAgent loaded (waiting, not running; next run 04:00)",
            "LaunchAgent loaded (runs daily 04:00; stopped between runs)",
            "HEALTHY after recovery from timeout",
            "HEALTHY since the last outage",
            "HEALTHY (nothing down)",
            "HEALTHY (3 up / 0 down)",
            "Database file exists (not open elsewhere)",
            "HEALTHY — API error budget 98%",
            "HEALTHY - 0 failed, 5 passed",
            "no corruption found",
            "no issues found",
            "",
        ] {
            assert_eq!(behind_tick(text), None, "{text}");
        }
    }

    #[test]
    fn denials_do_not() {
        for text in [
            "Redis responding (NOAUTH Authentication required)",
            "Redis responding (WRONGPASS)",
            "Redis responding, connection refused",
            "Redis responding (AUTH failed, 0 retries left)",
            "Redis responding – not responding since 10:00",
            "Redis up, but cannot connect",
            "Redis: not responding",
            "Redis ok: no response",
            "Redis ok (timeout after 5000ms)",
            "Redis responding (3 errors, 0 warnings)",
            "Redis error: NOAUTH",
            "Connection refused (ECONNREFUSED 127.0.0.1:6379)",
            "Redis (not running)",
            "Database file exists, corrupted",
            "Database file missing",
            "timeout after 5000ms",
            "HEALTHY (1 failed, 0 skipped)",
            "HEALTHY (2 up / 1 down)",
            "Database file exists (could not open)",
            "OK (0 of 3 checks passed)",
            "HEALTHY (redis failed)",
            "Redis responding (failed)",
            "Redis responding (error: EOF)",
            "Redis responding, connection lost",
            "Redis up (no connection)",
            "2 failed, 0 skipped",
            "HEALTHY, but the database is down",
        ] {
            assert_eq!(behind_tick(text), Some(State::Error), "{text}");
        }
        for text in ["Redis responding (degraded, 4900ms)", "Redis responding (slow)", "HEALTHY with warnings"] {
            assert_eq!(behind_tick(text), Some(State::Warn), "{text}");
        }
    }

    #[test]
    fn a_long_value_is_read_quickly() {
        let long = format!("0 {}", "error ".repeat(60_000));
        // what this thread itself worked: a busy machine makes it no longer
        let worked = || {
            let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            std::time::Duration::new(at.tv_sec.unsigned_abs(), at.tv_nsec as u32)
        };
        let before = worked();
        behind_tick(&long);
        words::worst(&long);
        let took = worked() - before;
        assert!(took < std::time::Duration::from_secs(2), "{took:?}");
    }
}
