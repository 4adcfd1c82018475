//! `wo query`: SQL over the Parquet files, read-only.

use std::fs;

use serde_json::json;

use crate::support::{Heartbeats, Scene};

fn exported() -> Scene {
    let scene = Scene::new().heartbeats(Heartbeats::days(1).redis_down(3..5, "NOAUTH"));
    scene.wo(["export", "--all"]).expect_exit(0);
    scene
}

#[test]
fn formats() {
    let scene = exported();
    let sql = "SELECT redis_status AS state, count(*) AS n FROM heartbeats GROUP BY ALL ORDER BY n";
    scene.wo(["query", sql]).expect_exit(0).expect_stdout("error    2").expect_silent_stderr();
    let csv = scene.wo(["query", "--format", "csv", sql]).expect_exit(0);
    assert_eq!(csv.stdout, "state,n\nerror,2\nok,286\n");
    let markdown = scene.wo(["query", "-f", "markdown", sql]).expect_exit(0);
    assert_eq!(markdown.stdout, "| state | n |\n| --- | --: |\n| error | 2 |\n| ok | 286 |\n");
    let from_stdin = scene.wo_with_stdin(["query", "-", "--json"], sql.as_bytes()).expect_exit(0);
    assert_eq!(from_stdin.json(), json!([{"state": "error", "n": 2}, {"state": "ok", "n": 286}]));
    scene.wo(["query", "-f", "xml", sql]).expect_exit(2).expect_stderr("xml");
}

#[test]
fn values_of_all_kinds() {
    let scene = Scene::new();
    let sql = "SELECT 1.50::DECIMAL(4,2) AS d, 0.1::DOUBLE AS f, NULL AS n, true AS b, DATE '2025-10-28' AS day, \
               TIME '02:30:00' AS t, INTERVAL 90 MINUTE AS i, TIMESTAMP '2025-10-28 02:30:00.5' AS ts, \
               TIMESTAMPTZ '2025-10-28 02:30:00+07' AS tz, [1, 2] AS l, {'a': 'ü'} AS s, MAP {'k': 1} AS m, \
               170141183460469231731687303715884105727::HUGEINT AS h, '\\x00'::BLOB AS bl";
    let row = scene.wo(["query", "--json", sql]).expect_exit(0).json();
    assert_eq!(
        row,
        json!([{
            "d": 1.5, "f": 0.1, "n": null, "b": true, "day": "2025-10-28", "t": "02:30:00", "i": "01:30:00",
            "ts": "2025-10-28 02:30:00.5", "tz": "2025-10-27 19:30:00", "l": [1, 2], "s": {"a": "ü"}, "m": {"k": 1},
            "h": "170141183460469231731687303715884105727", "bl": "\\x00"
        }])
    );
}

/// Of one day, 2025-10-26 in UTC, every five minutes.
#[test]
fn times_are_moments_shown_in_utc() {
    let scene = exported();
    for (column, expected) in [
        ("min(timestamp)", json!("2025-10-26 00:00:00.137")),
        ("date_trunc('hour', max(timestamp))", json!("2025-10-26 23:00:00")),
        ("strftime(max(timestamp), '%Y-%m-%d %H:%M')", json!("2025-10-26 23:55")),
        ("max(timestamp)::DATE", json!("2025-10-26")),
        ("date_trunc('minute', max(timestamp))::TIMESTAMP::TIME", json!("23:55:00")),
        ("hour(max(timestamp))", json!(23)),
        ("date_diff('minute', min(timestamp), max(timestamp))", json!(1_435)),
        ("list(timestamp ORDER BY timestamp)[1]", json!("2025-10-26 00:00:00.137")),
        ("min(timestamp) + INTERVAL 1 DAY", json!("2025-10-27 00:00:00.137")),
        ("count(*) FILTER (timestamp >= '2025-10-26 23:50')", json!(2)),
        ("count(*) FILTER (timestamp < TIMESTAMP '2025-10-26 00:05:00')", json!(1)),
        ("count(*) FILTER (timestamp < now())", json!(288)),
        // a clock in Bangkok is seven hours ahead
        ("min(timestamp AT TIME ZONE 'Asia/Bangkok')", json!("2025-10-26 07:00:00.137")),
        ("count(*) FILTER ((timestamp AT TIME ZONE 'Asia/Bangkok')::DATE = DATE '2025-10-27')", json!(84)),
        ("hour(timezone('Europe/Berlin', min(timestamp)))", json!(2)),
    ] {
        let sql = format!("SELECT {column} AS x FROM heartbeats");
        let found = scene.wo(["query", "--json", &sql]).expect_exit(0).json();
        assert_eq!(found, json!([{"x": expected}]), "{column}");
    }
    for view in ["checks", "reports"] {
        let time = if view == "checks" { "timestamp" } else { "created" };
        let sql =
            format!("SELECT count(*) AS n FROM {view} WHERE {time} AT TIME ZONE 'Asia/Bangkok' < DATE '2025-10-26'");
        assert_eq!(scene.wo(["query", "--json", &sql]).expect_exit(0).json(), json!([{"n": 0}]));
    }
    scene.wo(["query", "SELECT timestamp::TIME FROM heartbeats"]).expect_exit(2).expect_stderr("::TIMESTAMP::TIME");
}

#[test]
fn odd_values_are_told_as_they_are_or_refused() {
    let scene = Scene::new();
    let sql = "SELECT DATE 'infinity' AS d, DATE '-infinity' AS e, TIMESTAMP 'infinity' AS t, \
               TIMESTAMP '20000-01-01' AS far, 123456789012345678.5::DECIMAL(20,1) AS long";
    let row = scene.wo(["query", "--json", sql]).expect_exit(0).json();
    let far = "568971820800000000000 ns since 1970-01-01";
    let expected =
        json!([{"d": "infinity", "e": "-infinity", "t": "infinity", "far": far, "long": "123456789012345678.5"}]);
    assert_eq!(row, expected);
    let decimals =
        scene.wo(["query", "--json", "SELECT (i * 0.25)::DECIMAL(5,2) AS d FROM range(4) t(i)"]).expect_exit(0);
    assert_eq!(decimals.json(), json!([{"d": 0.0}, {"d": 0.25}, {"d": 0.5}, {"d": 0.75}]));
    scene.wo(["query", "SELECT TIMETZ '10:00:00+07' AS z"]).expect_exit(2).expect_stderr("CAST(column AS VARCHAR)");
    // never a part of a statement
    let long = format!("SELECT 5 AS n {}WHERE false", "-- padding\n".repeat(100_000));
    scene.wo_with_stdin(["query", "-"], long.as_bytes()).expect_exit(2).expect_stderr("larger than");
}

#[test]
fn nothing_but_reading_its_own_files() {
    let scene = exported();
    let outside = scene.home().join("secret.csv");
    fs::write(&outside, "told\nnobody must see this\n").unwrap();
    let other = scene.path("g/analytics/other.parquet");
    fs::write(&other, "PAR1").unwrap();
    let before = scene.tree(".");
    let outside = outside.display();
    for sql in [
        format!("SELECT * FROM '{outside}'"),
        format!("SELECT * FROM read_csv('{outside}')"),
        format!("SELECT * FROM read_text('{outside}')"),
        "SELECT * FROM glob('*')".to_owned(),
        "SELECT * FROM read_blob('other.parquet')".to_owned(),
        "COPY heartbeats TO 'ops_atomic_20251026.parquet' (FORMAT parquet, USE_TMP_FILE false)".to_owned(),
        "COPY heartbeats TO 'x.csv'".to_owned(),
        "SELECT 1; COPY heartbeats TO 'x.csv'".to_owned(),
        "COPY heartbeats TO 'x.csv'; SELECT 1".to_owned(),
        "EXPLAIN ANALYZE COPY heartbeats TO 'x.csv'".to_owned(),
        "EXPLAIN COPY heartbeats TO 'x.csv'".to_owned(),
        "EXPORT DATABASE 'x'".to_owned(),
        format!("ATTACH '{outside}.db'"),
        "CREATE TABLE t AS SELECT 1".to_owned(),
        "DROP VIEW heartbeats".to_owned(),
        "INSTALL httpfs".to_owned(),
        "LOAD httpfs".to_owned(),
        "SET enable_external_access = true".to_owned(),
        "PRAGMA database_list".to_owned(),
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')".to_owned(),
        "CALL pragma_version()".to_owned(),
        "SELECT * FROM query('COPY heartbeats TO ''x.csv''')".to_owned(),
        String::new(),
        "selec 1".to_owned(),
        "SELECT nonsense FROM heartbeats".to_owned(),
        "SELECT 1 FROM nowhere".to_owned(),
    ] {
        let ran = scene.wo(["query", &sql]).expect_exit(2);
        assert!(ran.stderr.starts_with("error: ") && ran.stdout.is_empty(), "{sql}: {ran}");
        assert!(!ran.stderr.contains("nobody must"), "{sql}: {ran}");
    }
    assert_eq!(scene.tree("."), before);
    for sql in
        ["FROM heartbeats LIMIT 1", "WITH a AS (SELECT 1) FROM a", "VALUES (1)", "DESCRIBE checks", "SHOW TABLES"]
            .into_iter()
            .chain([
                "SUMMARIZE heartbeats",
                "EXPLAIN SELECT 1",
                "explain analyze select count(*) from checks;",
                "/* c */ SELECT 1 -- d",
            ])
    {
        scene.wo(["query", sql]).expect_exit(0);
    }
}

#[test]
fn an_empty_root_has_empty_views_and_says_why() {
    let scene = Scene::new();
    for view in ["heartbeats", "checks", "reports"] {
        let sql = format!("SELECT count(*) AS n FROM {view}");
        let ran = scene.wo(["query", "--json", &sql]).expect_exit(0).expect_stderr("wo export");
        assert_eq!(ran.json(), json!([{"n": 0}]));
    }
    Scene::bare().wo(["query", "SELECT 1"]).expect_exit(2).expect_stderr("wo init");
}

#[test]
fn a_query_has_a_deadline_and_limits() {
    let settings = "[export]\nsql_deadline_s = 1\n";
    let scene = Scene::new().config(settings);
    let long = "SELECT sum(hash(range)) FROM range(100000000000000)";
    scene.wo(["query", long]).expect_exit(2).expect_stderr("failed to finish within 1 s");
    let scene = scene.config("[export]\nsql_memory_mb = 64\nquery_bytes = 1000\n");
    let large = "SELECT list(range || repeat('x', 100)) FROM range(10000000)";
    scene.wo(["query", large]).expect_exit(2).expect_stderr("emory");
    scene.wo(["query", "SELECT * FROM range(1000)"]).expect_exit(2).expect_stderr("LIMIT");
}

#[test]
fn roots_with_quotes_patterns_and_partitions_in_their_path() {
    let scene = Scene::bare();
    let root = scene.path("it's [a-z]*? \"x\"/year=2025/โฟลเดอร์");
    fs::create_dir_all(root.join("bridge")).unwrap();
    Heartbeats::days(1).write(&root.join("g/reports/ops_atomic")).unwrap();
    let root = root.to_str().unwrap();
    scene.wo(["--root", root, "export", "--all"]).expect_exit(0);
    let ran = scene.wo([
        "--root",
        root,
        "query",
        "--json",
        "SELECT count(*) AS n, count(DISTINCT filename) AS f FROM heartbeats",
    ]);
    assert_eq!(ran.expect_exit(0).json(), json!([{"n": 288, "f": 288}]));
    let columns = scene.wo(["--root", root, "query", "--json", "DESCRIBE heartbeats"]).expect_exit(0).json();
    assert_eq!(columns.as_array().unwrap().len(), 12, "no partition column: {columns}");
}
