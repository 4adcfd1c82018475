//! What heartbeats measure, against a series whose truth is known.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::Scene;
use crate::support::field::{Cycle, Heartbeats};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// 768 heartbeats over three and a half days, as in the field: two Redis failures, two database outages (9 cycles, then
/// the last 358, still open at the end), 107 API warnings, gaps of up to 11 hours, neighbours 0.2 s apart.
fn field_series() -> Heartbeats {
    let start: Timestamp = "2025-10-28T19:13:38.278Z".parse().expect("a time");
    Heartbeats::series(start, SignedDuration::from_mins(5), 768)
        .redis_down(40..41, "undefined")
        .redis_down(300..301, "NOAUTH Authentication required.")
        .database_missing(120..129)
        .database_missing(410..768)
        .api_down(20..100)
        .api_down(500..527)
        .gap(60, SignedDuration::from_hours(11))
        .gap(200, SignedDuration::from_hours(6))
        .gap(330, SignedDuration::from_mins(157))
        .gap(15, SignedDuration::from_millis(200))
        .gap(350, SignedDuration::from_millis(200))
        .gap(600, SignedDuration::from_millis(200))
}

fn measure(scene: &Scene) -> Value {
    scene.wo(["monitor", "--measure", "--json"]).expect_exit(0).expect_silent_stderr().json()
}

#[track_caller]
fn value(json: &Value, key: &str) -> Value {
    let all = json["measurements"].as_array().expect("measurements");
    let found = all.iter().find(|measurement| measurement["key"] == key);
    found.unwrap_or_else(|| panic!("{key} in {json:#}"))["value"]["value"].clone()
}

fn at(cycles: &[Cycle], n: usize) -> Value {
    Value::from(cycles[n].at.to_string())
}

fn span_ns(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_nanosecond() - from.as_nanosecond()).expect("a span")
}

#[test]
fn the_fields_768_heartbeats_are_measured_exactly() {
    let series = field_series();
    let cycles = series.cycles().to_vec();
    let scene = Scene::new().heartbeats(series);
    assert_eq!(scene.list("g/reports/ops_atomic").len(), 768);
    let json = measure(&scene);
    let (first, newest) = (cycles[0].at, cycles[767].at);
    let days = span_ns(first, newest) as f64 / 86_400e9;
    assert!((3.3..3.7).contains(&days), "{days}");
    // counted here without the crate's help
    let last_day =
        cycles.iter().filter(|cycle| newest.duration_since(cycle.at) < SignedDuration::from_hours(24)).count();
    assert_eq!(value(&json, "monitor.cycles_24h")["n"], last_day);
    assert_eq!(value(&json, "monitor.expected_cycles_24h")["n"], 288);
    assert_eq!(value(&json, "monitor.longest_gap"), 11 * 3_600_000_000_000u64);
    // the newest is CRITICAL
    assert_eq!(value(&json, "monitor.healthy_for"), 0);
    let percent = |bad: u32| 100.0 * f64::from(768 - bad) / 768.0;
    for (key, bad) in [("redis", 2), ("database", 367), ("api", 0), ("optimizer", 0), ("digest", 0)] {
        // JSON's reader may be off by the last bit
        let uptime = value(&json, &format!("monitor.uptime.{key}")).as_f64().expect("a number");
        assert!((uptime - percent(bad)).abs() < 1e-9, "{key}: {uptime}");
    }
    let measured = &json["measured"];
    assert_eq!(measured["checks"]["api"]["warnings"], 107);
    assert_eq!(measured["seen"], 768);
    assert_eq!(measured["expected"], span_ns(first, newest) / 300_000_000_000 + 1);
    let redis = measured["checks"]["redis"]["outages"].as_array().expect("outages");
    assert_eq!(redis.len(), 2);
    for (outage, n) in redis.iter().zip([40, 300]) {
        assert_eq!((&outage["from"], &outage["until"]), (&at(&cycles, n), &at(&cycles, n + 1)));
        assert_eq!(outage["cycles"], 1);
    }
    let database = measured["checks"]["database"]["outages"].as_array().expect("outages");
    assert_eq!(database.len(), 2);
    assert_eq!((&database[0]["from"], &database[0]["until"]), (&at(&cycles, 120), &at(&cycles, 129)));
    assert_eq!(database[0]["cycles"], 9);
    assert_eq!((&database[1]["from"], &database[1]["until"]), (&at(&cycles, 410), &Value::Null));
    assert_eq!((&database[1]["cycles"], &database[1]["last_bad"]), (&Value::from(358), &at(&cycles, 767)));
    let how = |key: &str| {
        let all = json["measurements"].as_array().expect("measurements").clone();
        all.into_iter().find(|one| one["key"] == key).expect("it")["how"].as_str().expect("words").to_owned()
    };
    let coverage = format!("{:.2}%", 100.0 * 768.0 / (span_ns(first, newest) / 300_000_000_000 + 1) as f64);
    assert!(how("monitor.uptime.database").contains(&format!("401 / 768; coverage {coverage}")));
    assert!(how("monitor.healthy_for").contains("the newest heartbeat is CRITICAL"));
}

#[test]
fn health_counts_from_the_last_critical_heartbeat_or_gap() {
    // up to the last good one before the second database outage
    let cycles = field_series().cycles()[..410].to_vec();
    let expected = span_ns(cycles[331].at, cycles[409].at);
    let scene = Scene::new().heartbeats(Heartbeats::of(cycles));
    let json = measure(&scene);
    // cycle 331 follows the gap of 157 minutes; the API's warnings don't break health
    assert_eq!(value(&json, "monitor.healthy_for"), expected);
    let healthy =
        json["measurements"].as_array().expect("measurements").iter().find(|m| m["key"] == "monitor.healthy_for");
    // a good time of last year is not good now
    assert_eq!(healthy.expect("it")["ok"], false);
}

#[test]
fn a_part_that_fails_is_an_outage_of_its_whole_in_whatever_form_it_stands() {
    for failing in [
        "### Redis\n- **Status:** ✅ Redis responding\n- **Auth:** ❌ NOAUTH",
        "- ❌ Redis: exit code 1",
        "- Redis ❌",
        "### Redis\n- Ping: failed",
    ] {
        let beat = |minute: u32, checks: &str| {
            let stamp = format!("**Timestamp:** 2025-10-28T19:{minute:02}:00Z\n**Status:** ✅ HEALTHY");
            format!("# OPS-Atomic Monitor Heartbeat\n\n{stamp}\n\n## Health Checks\n\n{checks}\n")
        };
        let good = "### Redis\n- **Status:** ✅ Redis responding";
        let scene = Scene::new();
        for (minute, checks) in [(0, good), (5, failing)] {
            let name = format!("g/reports/ops_atomic/heartbeat_2025-10-28_19-{minute:02}-00.md");
            scene.write(name, beat(minute, checks));
        }
        let json = measure(&scene);
        assert_eq!(value(&json, "monitor.uptime.redis"), 50.0, "{failing}");
        assert_eq!(value(&json, "monitor.healthy_for"), 0, "{failing}");
    }
}

#[test]
fn a_series_up_to_now_vouches_for_the_present() {
    let now = Timestamp::now();
    let scene = Scene::new().heartbeats(Heartbeats::days(2).ending(now - MINUTE));
    let root = scene.root();
    let config = workbridge::config::Config::load(&root).expect("the settings");
    let healthy = workbridge::monitor::measure::take_key(&root, &config, "monitor.healthy_for", Timestamp::now());
    assert_eq!(healthy.map(|healthy| healthy.ok), Ok(Some(true)));
    let later = now + SignedDuration::from_hours(3);
    let stale = workbridge::monitor::measure::take_key(&root, &config, "monitor.healthy_for", later);
    assert!(stale.as_ref().is_err_and(|why| why.contains("too old to say anything of the present")), "{stale:?}");
    let keys = |now| {
        let taken = workbridge::monitor::measure::take(&root, &config, now).expect("measurements");
        taken.into_iter().map(|measurement| measurement.key).collect::<Vec<_>>()
    };
    assert!(keys(Timestamp::now()).contains(&"monitor.healthy_for".to_owned()));
    assert!(!keys(later).contains(&"monitor.healthy_for".to_owned()));
    assert!(keys(later).contains(&"monitor.uptime.redis".to_owned()));
}

#[test]
fn parquet_files_and_reports_are_read_together_and_each_heartbeat_once() {
    let scene = Scene::new().heartbeats(field_series().without_timestamp(700..702));
    let from_reports = measure(&scene)["measured"].clone();
    assert_eq!(from_reports["seen"], 768);
    scene.wo(["export", "--all"]).expect_exit(0);
    let measured = || measure(&scene)["measured"].clone();
    assert_eq!(measured(), from_reports, "in both");
    let renamed = |from: &str, to: &str| {
        let at = |name: &str| scene.path(format!("g/reports/ops_atomic/{name}"));
        std::fs::rename(at(from), at(to)).expect("renamed");
    };
    let name = scene.list("g/reports/ops_atomic")[100].clone();
    renamed(&name, "heartbeat_renamed.md");
    assert_eq!(measured(), from_reports, "in both, under two names");
    renamed("heartbeat_renamed.md", &name);
    let copy = scene.path("g/reports/ops_atomic").join(name.replace(".md", " 2.md"));
    std::fs::copy(scene.path("g/reports/ops_atomic").join(&name), &copy).expect("copied");
    assert_eq!(measured(), from_reports, "a copy is no further cycle");
    std::fs::remove_file(copy).expect("removed");
    // as the rotation leaves it: the older reports are only in Parquet files
    let reports = scene.list("g/reports/ops_atomic");
    let (older, newer) = reports.split_at(500);
    for name in older {
        std::fs::remove_file(scene.path(format!("g/reports/ops_atomic/{name}"))).expect("rotated away");
    }
    assert_eq!(measured(), from_reports, "the older in files, the newer in both");
    for name in newer {
        std::fs::remove_file(scene.path(format!("g/reports/ops_atomic/{name}"))).expect("rotated away");
    }
    assert_eq!(measured(), from_reports, "in files alone");
    // one more report, which no file holds yet
    let last = field_series().cycles()[767].at + SignedDuration::from_mins(5);
    let scene = scene.heartbeats(Heartbeats::of([Cycle::good(last)]));
    let json = measure(&scene);
    assert_eq!(json["measured"]["seen"], 769);
    assert_eq!(json["measured"]["checks"]["database"]["outages"][1]["until"], last.to_string());
}

#[test]
fn what_cannot_be_read_is_missing_and_named() {
    let scene = Scene::new()
        .heartbeats(Heartbeats::days(1))
        .file("g/reports/ops_atomic/heartbeat_2025-10-26_12-00-00.md", "no heartbeat at all");
    let ran = scene.wo(["monitor", "--measure", "--json"]).expect_exit(0);
    assert!(ran.stderr.contains("heartbeat_2025-10-26_12-00-00.md"), "{ran}");
    let json = ran.json();
    assert_eq!(json["measured"]["seen"], 287);
    assert_eq!(value(&json, "monitor.longest_gap"), 600_000_000_000u64);
}

#[test]
fn a_heartbeat_of_the_future_is_none() {
    let now = Timestamp::now();
    let later = Heartbeats::of([Cycle::good(now + SignedDuration::from_hours(48))]);
    let scene = Scene::new().heartbeats(Heartbeats::days(1).ending(now - MINUTE)).heartbeats(later);
    let json = measure(&scene);
    assert_eq!(
        (&json["measured"]["seen"], value(&json, "monitor.cycles_24h")["n"].as_u64()),
        (&Value::from(288), Some(288))
    );
}

#[test]
fn no_heartbeats_measure_nothing() {
    let scene = Scene::new();
    assert_eq!(measure(&scene)["measurements"], serde_json::json!([]));
    scene.wo(["monitor", "--measure"]).expect_exit(0).expect_stderr("nothing is measured");
}

/// A gate reads no more than it must, and says what all heartbeats say.
#[test]
fn a_key_is_measured_from_as_many_heartbeats_as_it_needs() {
    use workbridge::monitor::measure;
    let now = Timestamp::now();
    let keys = ["monitor.healthy_for", "monitor.cycles_24h", "monitor.expected_cycles_24h", "monitor.longest_gap"];
    let hourly = |hours: usize| {
        let start = now - SignedDuration::from_hours(hours as i64 - 1) - MINUTE;
        Heartbeats::series(start, SignedDuration::from_hours(1), hours)
    };
    let cases = [
        ("healthy all along, longer than the first windows", hourly(24 * 40)),
        ("one CRITICAL ten days ago", hourly(24 * 40).redis_down(24 * 30..24 * 30 + 1, "x")),
        ("a gap three days ago", hourly(24 * 40).gap(24 * 37, SignedDuration::from_hours(4)).ending(now - MINUTE)),
        ("CRITICAL now", hourly(100).redis_down(99..100, "x")),
        ("none for three days", hourly(24 * 9).ending(now - SignedDuration::from_hours(24 * 3))),
        ("none for a year", hourly(24 * 9).ending(now - SignedDuration::from_hours(24 * 365))),
    ];
    for (name, series) in cases {
        let scene = Scene::new().config("[monitor]\ninterval_s = 3600.0\n").heartbeats(series);
        let (root, config) = (scene.root(), workbridge::config::Config::load(&scene.root()).expect("the settings"));
        let all = workbridge::monitor::history::measured(&root, &config, now).expect("heartbeats").expect("some");
        let all = all.measurements(now);
        for key in keys {
            let whole = all.iter().find(|measurement| measurement.key == key).expect("it");
            match measure::take_key(&root, &config, key, now) {
                Ok(taken) => assert_eq!(taken.value, whole.value, "{name}: {key}"),
                Err(why) => assert!(why.contains(&whole.value.to_string()), "{name}: {key}: {why}"),
            }
        }
    }
}

/// `requires:` with what heartbeats measure: shut with the value as it is, open when it holds, and never by old news.
#[test]
fn an_order_waits_until_the_heartbeats_are_good_enough() {
    let order = |requires: &str| {
        format!(
            "---\nid: WO-1-PROBE\nhandler: probe\nrequires: [\"{requires}\"]\nacceptance:\n  \
             - {{ metric: Ledger lines, target: \"= 1\" }}\n---\n\n# WO-1-PROBE\n"
        )
    };
    let now = Timestamp::now();
    let good = || Heartbeats::days(2).ending(now - MINUTE);
    let count = good().cycles().len();
    // (requirement, heartbeats, what the order waits for, if it does)
    let cases = [
        ("monitor.healthy_for >= 24h", good(), None),
        ("monitor.healthy_for >= 72h", good(), Some("monitor.healthy_for")),
        ("monitor.healthy_for >= 24h", good().redis_down(count - 5..count - 4, "x"), Some("now 15 min")),
        ("monitor.healthy_for >= 24h", good().ending(now - SignedDuration::from_hours(3)), Some("too old")),
        ("monitor.uptime.redis >= 99%", good(), None),
        ("monitor.uptime.redis >= 99%", good().redis_down(0..20, "undefined"), Some("monitor.uptime.redis")),
        ("monitor.uptime.nobody >= 99%", good(), Some("no heartbeat speaks of `monitor.uptime.nobody`")),
        ("monitor.cycles_24h >= 280", good(), None),
        ("monitor.longest_gap <= 10 min", good(), None),
        ("monitor.longest_gap <= 4 min", good(), Some("now 5 min")),
    ];
    for (requires, heartbeats, waits) in cases {
        let scene = Scene::new().env("WO_PROBE", "1").heartbeats(heartbeats).order("WO-1-PROBE.md", order(requires));
        match waits {
            None => drop(scene.wo(["run"]).expect_exit(0).expect_stdout("done")),
            Some(why) => {
                let ran = scene.wo(["run"]).expect_exit(1);
                let shown = scene.wo(["show", "WO-1-PROBE"]);
                assert!(format!("{ran}{shown}").contains(why), "{requires}: {why}: {ran}\n{shown}");
                assert!(!scene.exists("ledger.txt"), "{requires}");
            }
        }
    }
}
