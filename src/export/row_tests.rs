use super::*;

pub(in crate::export) fn sample(name: &str, at_us: i64) -> HeartbeatRow {
    HeartbeatRow {
        filename: name.to_owned(),
        timestamp_us: at_us,
        status: Some(Status::Warnings),
        duration_ms: Some(43),
        redis: State::Ok,
        database: State::Error,
        api: State::Warn,
        optimizer: AgentState::Loaded,
        digest: AgentState::NotLoaded,
        checks: vec![
            CheckRow {
                name: "redis".into(),
                component: "Redis".into(),
                state: State::Ok,
                message: "Redis responding".into(),
                latency_ms: Some(0.1 + 0.2),
            },
            CheckRow {
                name: "แผ่น".into(),
                component: "Disk".into(),
                state: State::Unknown,
                message: CompactString::default(),
                latency_ms: None,
            },
        ],
        sha256: sha256(name.as_bytes()),
    }
}

fn report(sections: &str) -> Vec<u8> {
    format!("# OPS-Atomic Monitor Heartbeat\n\n**Timestamp:** 2025-10-28T19:13:38.278Z\n\n{sections}").into_bytes()
}

#[test]
fn rows_survive_being_serialized() {
    let row = sample("heartbeat_x.md", -5);
    let bytes = postcard::to_extend(&row, Vec::new()).unwrap();
    let read = |bytes: &[u8]| {
        let read: Option<HeartbeatRow> = postcard::from_bytes(bytes).ok();
        read.map(|read| read.identified(-5, row.filename.clone(), row.sha256.clone()))
    };
    assert_eq!(read(&bytes), Some(row.clone()));
    for cut in 0..bytes.len() {
        assert_eq!(read(&bytes[..cut]), None, "cut at {cut}");
    }
    let row = ReportRow {
        path: "g/reports/ü.md".to_owned(),
        title: None,
        kind: "x".to_owned(),
        created_us: 7,
        created_from: CreatedFrom::Mtime,
        front_matter: Some("{}".to_owned()),
        headings: vec![(2, "h".to_owned())],
        text: "t".to_owned(),
        sha256: String::new(),
    };
    let bytes = postcard::to_extend(&row, Vec::new()).unwrap();
    let read: ReportRow = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read.identified(7, row.path.clone(), String::new()), row);
}

#[test]
fn failures_export_as_error_and_only_silence_is_unknown() {
    let (row, named) = heartbeat_row(
        "heartbeat_2025-10-28_19-13-38.md",
        &report("## Health Checks\n\n### Redis\n- **Status:** ❌ Redis not responding: undefined\n\n### Database\n- **Status:** ❌ Database file not found\n"),
    )
    .unwrap();
    assert!(!named);
    assert_eq!((row.redis, row.database, row.api), (State::Error, State::Error, State::Unknown));
    assert_eq!((row.optimizer, row.digest), (AgentState::Unknown, AgentState::Unknown));
    assert_eq!(row.checks.len(), 2);
    assert_eq!(row.timestamp().to_string(), "2025-10-28T19:13:38.278Z");
}

#[test]
fn agents_are_loaded_or_not() {
    for (line, expected) in [
        ("✅ LaunchAgent loaded", AgentState::Loaded),
        ("❌ LaunchAgent not loaded", AgentState::NotLoaded),
        ("⚠️  LaunchAgent loaded, last exit 1", AgentState::Loaded),
        ("⚠️  LaunchAgent not loaded", AgentState::NotLoaded),
        ("❓ launchctl did not answer", AgentState::Unknown),
    ] {
        let text = report(&format!("### LaunchAgents\n- **com.02luka.optimizer:** {line}\n"));
        assert_eq!(heartbeat_row("heartbeat_.md", &text).unwrap().0.optimizer, expected, "{line}");
    }
}

#[test]
fn agents_are_known_in_whatever_case_and_form() {
    for name in [
        "optimizer",
        "Optimizer",
        "com.02luka.Optimizer",
        "Optimizer LaunchAgent",
        "LaunchAgent optimizer",
        "launch agent Optimizer",
        "com.02luka.optimizer.plist",
    ] {
        for line in [
            format!("- **{name}:** ❌ not loaded"),
            format!("- {name}: ❌ not loaded"),
            format!("- ❌ {name}: not loaded"),
            format!("| Agent | Status |\n|---|---|\n| {name} | ❌ not loaded |"),
        ] {
            for section in ["### LaunchAgents", "## Health Checks"] {
                let (row, _) = heartbeat_row("heartbeat_.md", &report(&format!("{section}\n{line}\n"))).unwrap();
                assert_eq!(row.optimizer, AgentState::NotLoaded, "{section} {line}");
                assert_eq!((row.checks.len(), row.checks[0].name.as_str()), (1, name), "{section} {line}");
            }
        }
    }
    for name in ["optimizer-log", "LaunchAgents", "LaunchAgent status"] {
        let text = report(&format!("### LaunchAgents\n- **{name}:** ❌ not loaded\n"));
        assert_eq!(heartbeat_row("heartbeat_.md", &text).unwrap().0.optimizer, AgentState::Unknown, "{name}");
    }
}

#[test]
fn the_time_is_the_reports_else_the_file_names_else_none() {
    let without = b"# OPS-Atomic Monitor Heartbeat\n\n**Status:** ok\n";
    let (row, named) = heartbeat_row("heartbeat_2025-10-28_19-13-38.md", without).unwrap();
    assert!(named);
    assert_eq!(row.timestamp().to_string(), "2025-10-28T19:13:38Z");
    assert!(heartbeat_row("heartbeat_latest.md", without).unwrap_err().contains("no time"));
    let year_one = b"# OPS-Atomic Monitor Heartbeat\n\n**Timestamp:** 0001-01-01T00:00:00Z\n";
    assert!(heartbeat_row("heartbeat_2025-10-28_19-13-38.md", year_one).unwrap_err().contains("out of range"));
    assert!(heartbeat_row("heartbeat_2025-10-28_19-13-38.md", b"\xff\xfe").unwrap_err().contains("not UTF-8"));
}

#[test]
fn days_follow_the_zone() {
    let at = "2025-10-28T19:13:38Z".parse::<Timestamp>().unwrap().as_microsecond();
    assert_eq!(day_of(at, &TimeZone::UTC), Some(jiff::civil::date(2025, 10, 28)));
    assert_eq!(day_of(at, &TimeZone::get("Asia/Bangkok").unwrap()), Some(jiff::civil::date(2025, 10, 29)));
    assert_eq!(day_of(i64::MAX, &TimeZone::UTC), None);
}

#[test]
fn of_two_lines_about_one_check_the_worse_one_stands() {
    let (row, _) = heartbeat_row(
        "heartbeat_2025-10-28_19-13-38.md",
        &report("### Database\n- **Status:** ✅ Database file exists\n- **Status:** ❌ Database file not found\n"),
    )
    .unwrap();
    assert_eq!(row.database, State::Error);
}

#[test]
fn a_part_that_fails_fails_redis_and_the_database() {
    for (sections, expected) in [
        ("### Redis\n- **Status:** ✅ Redis responding\n- **Auth:** ❌ NOAUTH Authentication required\n", State::Error),
        ("### Redis\n- **Auth:** ❌ NOAUTH\n- **Status:** ✅ Redis responding\n", State::Error),
        ("### Redis\n- **Status:** ✅ Redis responding\n- **Memory:** ⚠️ 91 %\n", State::Warn),
        ("### Redis\n- **Status:** ✅ Redis responding\n- **Auth:** ✅ ok\n- **Replica:** ❓ not asked\n", State::Ok),
        ("### Redis\n- **Status:** ❓ not asked\n- **Auth:** ✅ ok\n", State::Ok),
        ("### Redis\n- **Status:** ✅ Redis responding\n- **Last error:** ❌ NOAUTH (2025-10-20)\n", State::Ok),
        // another instance, which counts its own failures
        (
            "### Redis\n- **Status:** ✅ Redis responding\n  - Consecutive failures: 0\n- **cache:** ❌ down\n  - Consecutive failures: 3\n",
            State::Ok,
        ),
        ("### Redis\n- **cache:** ❌ down\n  - Consecutive failures: 3\n", State::Error),
    ] {
        let row = |text: &str| heartbeat_row("heartbeat_2025-10-28_19-13-38.md", &report(text)).unwrap().0;
        assert_eq!(row(sections).redis, expected, "{sections}");
        let database = sections.replace("Redis", "Database").replace("Database responding", "Database file exists");
        assert_eq!(row(&database).database, expected, "{database}");
        // each endpoint stands for itself
        let api =
            "### API Endpoints\n- **API Health:** ✅ Endpoint responding\n- **Boss API:** ❌ Endpoint not responding\n";
        assert_eq!(row(api).api, State::Ok);
    }
}

#[test]
fn what_a_report_says_beats_what_it_does_not() {
    let redis = "### Redis\n- **Status:** ✅ Redis responding\n- **State:** connected\n- **Result:** PONG received\n";
    assert_eq!(heartbeat_row("heartbeat_2025-10-28_19-13-38.md", &report(redis)).unwrap().0.redis, State::Ok);
    let agent = "### LaunchAgents\n- **com.02luka.digest:** ✅ LaunchAgent loaded (state = not running)\n\n## Services\n\n\
                 - com.02luka.digest: stopped (runs 09:00)\n";
    assert_eq!(heartbeat_row("heartbeat_2025-10-28_19-13-38.md", &report(agent)).unwrap().0.digest, AgentState::Loaded);
}
