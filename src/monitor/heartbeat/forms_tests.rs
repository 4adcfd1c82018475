//! Forms in which people and scripts write what a check saw, beside the field's own.

use super::*;

fn with(body: &str) -> Heartbeat {
    parse(&format!("# OPS-Atomic Monitor Heartbeat\n\n**Timestamp:** 2025-10-28T19:13:38Z\n\n{body}\n")).unwrap()
}

fn seen(body: &str) -> Vec<(String, String, State, String)> {
    let text = |text: &str| text.to_owned();
    with(body).checks.iter().map(|c| (text(&c.name), text(&c.component), c.state, text(&c.message))).collect()
}

/// Of all checks of a component.
fn worst(body: &str, component: &str) -> Option<State> {
    with(body).checks.iter().filter(|check| check.component == component).map(|check| check.state).max()
}

/// Of what stands for the component: its own check and the parts of it that speak of now.
fn of_now(body: &str, component: &str) -> Option<State> {
    let stands = |check: &&CheckResult| {
        check.component.eq_ignore_ascii_case(component) && (check.name == component || check.is_part())
    };
    with(body).checks.iter().filter(stands).map(|check| check.state).max()
}

#[test]
fn a_mark_beside_a_plain_name_is_its_own() {
    for (line, name, component, state, message) in [
        ("- ❌ Redis: exit code 1", "redis", REDIS, State::Error, "exit code 1"),
        ("- ✅ Redis: 0.4 ms", "redis", REDIS, State::Ok, "0.4 ms"),
        ("- ❌ Database: knowledge/02luka.db", "database", DATABASE, State::Error, "knowledge/02luka.db"),
        ("* ⚠️ API: http://127.0.0.1:4000/healthz", "api", API, State::Warn, "http://127.0.0.1:4000/healthz"),
        ("1. ❌ Redis: exit code 1", "redis", REDIS, State::Error, "exit code 1"),
        ("❌ Redis: exit code 1", "redis", REDIS, State::Error, "exit code 1"),
        ("- Redis ❌: exit code 1", "redis", REDIS, State::Error, "exit code 1"),
        ("- **❌ Redis:** exit code 1", "redis", REDIS, State::Error, "exit code 1"),
        ("- **Redis ❌:** exit code 1", "redis", REDIS, State::Error, "exit code 1"),
        ("- ❌ Redis:", "redis", REDIS, State::Error, ""),
        ("- ❌ Redis", "redis", REDIS, State::Error, ""),
        ("- Redis ❌", "redis", REDIS, State::Error, ""),
        ("Redis ❌", "redis", REDIS, State::Error, ""),
        ("- **❌ Redis**", "redis", REDIS, State::Error, ""),
        ("- ❌ **Redis**", "redis", REDIS, State::Error, ""),
        ("- **Redis** ❌", "redis", REDIS, State::Error, ""),
        ("- ✅ `Redis`", "redis", REDIS, State::Ok, ""),
        ("- ❌ Redis (exit code 1)", "redis", REDIS, State::Error, "(exit code 1)"),
        ("- ❌ Redis – exit code 1", "redis", REDIS, State::Error, "exit code 1"),
        ("- ✅ Redis – not responding", "redis", REDIS, State::Error, "not responding"),
        ("- ❌ Redis not responding: undefined", "redis", REDIS, State::Error, "Redis not responding: undefined"),
        ("- ✅ Database file exists", "database", DATABASE, State::Ok, "Database file exists"),
        ("- API Endpoints ⚠️", "api", API, State::Warn, ""),
        (
            "- ❌ com.02luka.optimizer: not in launchctl list",
            "com.02luka.optimizer",
            AGENTS,
            State::Error,
            "not in launchctl list",
        ),
        ("- **❌ com.02luka.optimizer:** x", "com.02luka.optimizer", AGENTS, State::Error, "x"),
        ("- ❌ com.02luka.optimizer", "com.02luka.optimizer", AGENTS, State::Error, ""),
        ("- com.02luka.optimizer ❌", "com.02luka.optimizer", AGENTS, State::Error, ""),
        ("- `com.02luka.optimizer` ✅", "com.02luka.optimizer", AGENTS, State::Ok, ""),
        ("- ❌ com.02luka.optimizer – last exit: 78", "com.02luka.optimizer", AGENTS, State::Error, "last exit: 78"),
    ] {
        let expected = (name.to_owned(), component.to_owned(), state, message.to_owned());
        for body in [format!("## Health Checks\n\n{line}"), format!("## Results\n\n{line}\n\n## Notes\n\nnone")] {
            assert_eq!(seen(&body), std::slice::from_ref(&expected), "{body}");
        }
    }
    // in the header, where no heading stands
    assert_eq!(worst("- ❌ Redis\n- Database ✅", REDIS), Some(State::Error));
    for line in [
        "- ❌ Redis backups",
        "- ✅ API docs",
        "- Redis",
        "- Redis: 7.2.1",
        "- ❌ see the Redis log",
        "- ❌ 3 checks failed: Redis",
    ] {
        assert_eq!(seen(&format!("## Health Checks\n\n{line}")), [], "{line}");
    }
    for heading in ["## Status legend", "## Previous checks", "## Notes", "## Troubleshooting services"] {
        assert_eq!(seen(&format!("{heading}\n\n- ❌ Redis\n- Database ❌\n- ❌ API: x")), [], "{heading}");
    }
}

#[test]
fn what_stands_below_an_item_is_of_its_component() {
    for (item, expected) in [
        ("- **Redis:** ✅ responding\n  - Auth: ❌ NOAUTH", Some(State::Error)),
        ("- ✅ Redis\n  - **Auth:** ❌ NOAUTH", Some(State::Error)),
        ("- **Redis** ✅\n  - ❌ NOAUTH", Some(State::Error)),
        ("- **Redis:** ✅ responding\n  - Memory: 1.2 MB", Some(State::Ok)),
        ("- ✅ Redis\n- ❌ Disk", Some(State::Ok)),
        ("- **Redis** ✅\n- **Disk** ❌", Some(State::Ok)),
        ("- ✅ Redis\n  - ❌ Database", Some(State::Ok)),
        ("- ✅ Redis\n\n### Disk\n  - ❌ full", Some(State::Ok)),
    ] {
        assert_eq!(worst(&format!("## Health Checks\n\n{item}"), REDIS), expected, "{item}");
    }
    let timed =
        with("## Health Checks\n\n- **Redis:** ✅ responding\n  - Latency: 1.8 ms\n- ✅ Database\n  - Latency: 3 ms");
    let latencies: Vec<_> = timed.checks.iter().map(|check| check.latency_ms).collect();
    assert_eq!(latencies, [Some(1.8), Some(3.0)]);
}

#[test]
fn words_without_a_mark_say_what_they_say_first() {
    for (value, expected) in [
        ("OK (latency 1.8 ms)", State::Ok),
        ("OK (12.4 MB)", State::Ok),
        ("ok, 3 ms", State::Ok),
        ("PONG – 1.8 ms", State::Ok),
        ("up (no errors)", State::Ok),
        ("loaded (pid 812)", State::Ok),
        ("Redis responding (PONG, 3ms)", State::Ok),
        ("OK (5/5)", State::Ok),
        ("WARNING ([Errno 61] Connection refused)", State::Warn),
        ("WARN: connection refused", State::Warn),
        ("degraded (not responding)", State::Warn),
        ("OK (NOAUTH)", State::Error),
        ("running, but failed", State::Error),
        ("OK (0 of 3 passed)", State::Error),
        ("up (connection lost)", State::Error),
        ("running, stopped at 10:00", State::Error),
        ("Redis degraded: connection refused", State::Error),
        // no more than they say
        ("OK?", State::Unknown),
        ("OK (?)", State::Unknown),
        ("OK (3/5)", State::Unknown),
        ("OK (not tested)", State::Unknown),
        ("up (until 09:55)", State::Unknown),
        ("connected: false", State::Unknown),
        ("up to date", State::Unknown),
        ("okay for some", State::Unknown),
        ("warnings: 0", State::Unknown),
        ("warning threshold 80%", State::Warn),
    ] {
        assert_eq!(
            worst(&format!("## Health Checks\n\n- **Redis:** {value}"), REDIS).filter(|s| *s != State::Unknown),
            Some(expected).filter(|s| *s != State::Unknown),
            "{value}"
        );
        assert_eq!(worst(&format!("### Redis\n- **Status:** {value}"), REDIS), Some(expected), "{value}");
    }
}

#[test]
fn services_are_read_below_their_heading_without_a_mark() {
    for (line, expected) in [
        ("- com.02luka.digest: loaded", Some(State::Ok)),
        ("- com.02luka.digest: loaded (pid 812)", Some(State::Ok)),
        ("- com.02luka.digest: not loaded", Some(State::Error)),
        ("- `com.02luka.digest`: not loaded", Some(State::Error)),
        ("- com.02luka.digest not loaded", Some(State::Error)),
        ("- com.02luka.digest — loaded", Some(State::Ok)),
        // between two runs: nothing is wrong, and nothing is sure
        ("- com.02luka.digest: loaded (not running)", Some(State::Unknown)),
        ("- com.02luka.digest: runs 04:00", Some(State::Unknown)),
        ("- com.02luka.digest runs at 04:00", None),
    ] {
        let of = |body: &str| with(body).check("com.02luka.digest").map(|check| (check.component.clone(), check.state));
        let expected = expected.map(|state| (AGENTS.into(), state));
        assert_eq!(of(&format!("### LaunchAgents\n{line}")), expected, "{line}");
        assert_eq!(of(&format!("## Health Checks\n\n- **LaunchAgents:**\n  {line}")), expected, "{line}");
    }
}

#[test]
fn what_plainly_fails_is_an_error_without_a_mark() {
    for line in [
        "Error: NOAUTH Authentication required.",
        "- Error: NOAUTH Authentication required.",
        "Connection refused",
        "Connection timed out",
        "No such file or directory",
        "ls: knowledge/02luka.db: No such file or directory",
        "Could not connect to Redis at 127.0.0.1:6379: Connection refused",
        "bash: redis-cli: command not found",
        "sh: 1: redis-cli: not found",
        "Error: unable to open database file",
        "- Ping: failed",
        "- **Ping:** failed",
        "- Auth: NOAUTH",
        "- Database file missing",
        "Database file missing",
    ] {
        for component in [REDIS, DATABASE, API] {
            let body = format!("### {component}\n{line}");
            assert_eq!(worst(&body, component), Some(State::Error), "{body}");
        }
    }
    for line in [
        "- Timeout: 5s",
        "Timeout: 5s",
        "- Last error: NOAUTH (2025-10-20)",
        "Last error: NOAUTH (2025-10-20)",
        "- **Last error:** NOAUTH (2025-10-20)",
        "- Errors: 0",
        "- **Error:**",
        "- Error: undefined",
        "- Error: none",
        "Failed attempts: 0",
        "- Retries on failure: 3",
        "Alert after 3 failures",
        "Restarted when unreachable",
        "no errors found",
        "first attempt timed out",
        "- Error log: logs/redis.err",
        "- WAL: not present",
        "> Connection refused",
        "`redis-cli ping` was refused before it recovered",
    ] {
        let body = format!("### Redis\n{line}");
        assert_eq!(worst(&body, REDIS), None, "{body}");
    }
    // beside what the check itself says, it is no more than what was printed
    assert_eq!(worst("### Redis\n- **Status:** ✅ Redis responding\n\nConnection refused", REDIS), Some(State::Ok));
    assert_eq!(worst("### Redis\n- **Status:** ⚠️ slow\nConnection refused", REDIS), Some(State::Warn));
    assert_eq!(worst("### Redis\n- **Status:** undefined\nConnection refused", REDIS), Some(State::Error));
    assert_eq!(worst("### Redis\n- **Status:** ✅ Redis responding\n- Auth: failed", REDIS), Some(State::Error));
}

#[test]
fn a_first_attempt_is_past() {
    for (value, expected) in [
        ("✅ Redis responding after 1 retry (first attempt timed out)", State::Ok),
        ("✅ Redis responding (1st try: connection refused)", State::Error),
        ("✅ Redis responding (1st try refused)", State::Ok),
        ("✅ Redis responding (timed out on the initial attempt)", State::Ok),
        ("✅ Redis responding (the first 2 attempts could not connect)", State::Ok),
        ("✅ Redis responding (first attempt timed out, second timed out)", State::Error),
        ("✅ Redis responding (first attempt timed out, unreachable)", State::Error),
        ("❌ first attempt timed out", State::Error),
        ("Redis not responding (first attempt)", State::Error),
    ] {
        assert_eq!(worst(&format!("### Redis\n- **Status:** {value}"), REDIS), Some(expected), "{value}");
    }
}

/// What tells of thresholds, of earlier times or of what is not used, and what says that nothing is wrong.
#[test]
fn what_is_no_failure_of_now_leaves_a_good_status() {
    for line in [
        "- **Thresholds:** ⚠️ 100 ms / ❌ 500 ms",
        "- **TLS:** ❌ off",
        "- **Sentinel:** ❌ not configured",
        "- **Outages (24h):** ❌ 1",
        "- **History:** ✅✅❌✅",
        "- Auth: no password found",
        "- Connection: refused yesterday",
    ] {
        assert_eq!(
            of_now(&format!("### Redis\n- **Status:** ✅ Redis responding\n{line}\n"), "redis"),
            Some(State::Ok),
            "{line}"
        );
    }
    for line in [
        "- Connected: ❌ no",
        "- **Replicas:** ❌ none",
        "- Socket: ❌ not present",
        "- Alert: ❌ memory limit reached",
        "- **Client limit:** ❌ reached",
    ] {
        let body = format!("### Redis\n- **Status:** ✅ Redis responding\n{line}\n");
        assert_eq!(of_now(&body, "redis"), Some(State::Error), "{line}");
    }
    for line in ["Error budget left: 99%", "Redis was down earlier", "No lock found"] {
        assert_ne!(
            of_now(&format!("### Redis\n{line}\n"), "redis"),
            Some(State::Error),
            "{line} {:?}",
            seen(&format!("### Redis\n- **Status:** ✅ Redis responding\n{line}\n"))
        );
    }
}

#[test]
fn notes_beside_a_check_are_none() {
    let heartbeat = with(
        "### Redis\n- **Status:** ✅ Redis responding\n- **Latency:** 1.8ms\n- **Host:** 127.0.0.1\n\n\
         ### Database\n- **Path:** knowledge/02luka.db\n- **Status:** ✅ Database file exists\n- Latency: 3 ms\n- **Size:** 12.4 MB\n\n\
         ### API Endpoints\n- **API Health:** ✅ Endpoint responding\n- **Latency:** 12ms\n- **URL:** http://127.0.0.1:4000/healthz\n\
         - **Boss API:** Endpoint not responding\n- **Docs:** ✅ up\n- **Latency:** n/a",
    );
    let seen: Vec<_> = heartbeat.checks.iter().map(|c| (c.name.as_str(), c.state, c.latency_ms)).collect();
    assert_eq!(
        seen,
        [
            ("redis", State::Ok, Some(1.8)),
            ("database", State::Ok, Some(3.0)),
            ("api", State::Ok, Some(12.0)),
            ("Boss API", State::Error, None),
            ("Docs", State::Ok, None),
        ]
    );
    // what has a mark is a check, and a heading's own is not that of a note
    assert_eq!(worst("### Redis\n- **Memory:** ⚠️ 91 %", REDIS), Some(State::Warn));
    let heading = seen_names("### Redis ❌\n- **Host:** 127.0.0.1");
    assert_eq!(heading, ["redis"]);
}

#[test]
fn a_name_with_a_mark_is_a_check_in_whatever_form() {
    let bad = |name: &str, message: &str| (name.to_owned(), State::Error, message.to_owned());
    let good = |name: &str, message: &str| (name.to_owned(), State::Ok, message.to_owned());
    let of =
        |body: &str| -> Vec<_> { seen(body).into_iter().map(|(name, _, state, said)| (name, state, said)).collect() };
    for (lines, expected) in [
        (
            "| Check | Status |\n|---|---|\n| Disk | ❌ 98% full |\n| digest | ❌ not loaded |",
            vec![bad("Disk", "98% full"), bad("digest", "not loaded")],
        ),
        ("| # | ✅ Check | ❌ State |\n|:-:|---|---|\n| 1 | **Disk** | ❌ | 98% |", vec![bad("Disk", "98%")]),
        ("| 00:01 | Slow queries | ❌ 12 |", vec![bad("Slow queries", "12")]),
        ("| Total memory | ❌ 98% |", vec![bad("Total memory", "98%")]),
        ("| ❌ | Disk | 98% full |", vec![bad("Disk", "98% full")]),
        (
            "| optimizer | loaded |\n| digest | not loaded |",
            vec![good("optimizer", "loaded"), bad("digest", "not loaded")],
        ),
        (
            "- ❌ optimizer: not loaded\n- ✅ digest: loaded",
            vec![bad("optimizer", "not loaded"), good("digest", "loaded")],
        ),
        ("- optimizer: ❌ not loaded", vec![bad("optimizer", "not loaded")]),
        ("* digest – ❌ not loaded", vec![bad("digest", "not loaded")]),
        ("1. **digest** – ❌ not loaded", vec![bad("digest", "not loaded")]),
        ("❌ **digest:** not loaded", vec![bad("digest", "not loaded")]),
        ("digest: ❌ not loaded", vec![bad("digest", "not loaded")]),
        ("- ❌ digest (exit 78)", vec![bad("digest", "(exit 78)")]),
        ("- ❌ digest not loaded", vec![bad("digest", "not loaded")]),
        ("- ❌ digest", vec![bad("digest", "")]),
        ("- `digest` ❌", vec![bad("digest", "")]),
        ("- Disk space ❌ 98% full", vec![bad("Disk space", "98% full")]),
        ("- Files in the inbox: ❌ 12", vec![bad("Files in the inbox", "12")]),
    ] {
        for section in ["Health Checks", "Services", "LaunchAgents"] {
            assert_eq!(of(&format!("## {section}\n\n{lines}")), expected, "{section} {lines}");
        }
    }
    // a part of a component, as it is in bold
    assert_eq!(of("### Redis\n| Part | State |\n|---|---|\n| Auth | ❌ NOAUTH |"), [bad("Auth", "NOAUTH")]);
    assert_eq!(of("### LaunchAgents\n- digest: not loaded"), [bad("digest", "not loaded")]);
    for line in [
        "| Check | ✅ / ❌ |\n|---|---|",
        "| Agent | Loaded |\n|---|---|",
        "| ❌ | not loaded |",
        "| ✅ | healthy |",
        "| Last error | ❌ NOAUTH |",
        "| Overall | ✅ HEALTHY |",
        "| Disk | /var |",
        "- Mode: running",
        "- Note: ⚠️ see the log",
        "- Last failure: ❌ 2025-10-20",
        "- ❌ Failed: 2",
        "- ❌ Not loaded: see below",
        "- ❌ see the log of the last night (it is long)",
        "- ⚠️ Review recommended",
        "> ❌ digest: not loaded",
        "Everything that stands below was measured: ✅",
        "Whatever is marked ❌ needs attention",
    ] {
        assert_eq!(seen(&format!("## Health Checks\n\n{line}")), [], "{line}");
    }
    // nothing of it where no checks stand
    for heading in ["## Notes", "## Status legend", "## Previous checks", "## Summary"] {
        assert_eq!(seen(&format!("{heading}\n\n- ❌ digest: not loaded\n| Disk | ❌ 98% |")), [], "{heading}");
    }
    assert_eq!(seen("| Host | ✅ mac |\n- ❌ digest: not loaded"), []);
}

fn seen_names(body: &str) -> Vec<String> {
    seen(body).into_iter().map(|(name, ..)| name).collect()
}
