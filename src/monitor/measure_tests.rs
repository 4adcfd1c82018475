use super::*;

const S: u64 = 1_000_000_000;
const INTERVAL: u64 = 300 * S;

fn at(seconds: f64) -> Timestamp {
    let base: Timestamp = "2025-10-28T00:00:00Z".parse().unwrap();
    Timestamp::from_nanosecond(base.as_nanosecond() + (seconds * 1e9).round() as i128).unwrap()
}

fn beat(seconds: f64, redis: State) -> Beat {
    let status = match redis {
        State::Error => Status::Critical,
        State::Warn => Status::Warnings,
        _ => Status::Healthy,
    };
    Beat {
        at: at(seconds),
        status: Some(status),
        checks: vec![("redis".into(), redis)],
        is_down: redis == State::Error,
    }
}

/// One character a cycle: `x` error, `w` warning, `?` unknown, `-` a cycle that did not happen, anything else ok.
fn series(pattern: &str) -> Vec<Beat> {
    let state = |c| match c {
        'x' => State::Error,
        'w' => State::Warn,
        '?' => State::Unknown,
        _ => State::Ok,
    };
    let cycles = pattern.chars().enumerate().filter(|(_, c)| *c != '-');
    cycles.map(|(n, c)| beat(300.0 * n as f64, state(c))).collect()
}

#[test]
fn nothing_is_measured_from_nothing() {
    assert_eq!(measure([], INTERVAL), None);
    let one = measure(series("o"), INTERVAL).unwrap();
    assert_eq!((one.longest_gap, one.healthy_for_ns(), one.cycles_24h, one.expected), (None, 0, 1, 1));
}

#[test]
fn healthy_for_ends_at_the_newest_and_begins_after_the_last_critical_or_gap() {
    let cases = [
        ("oooo", 3),
        ("oxoo", 1),
        ("ooox", 0),
        ("oooxo", 0),
        ("owwo", 3),
        // one missing cycle is a gap of exactly two intervals, which is not over two
        ("oo-oo", 4),
        ("oo--ooo", 2),
        ("xo--oooo", 3),
        ("o--oxo", 0),
        // a cycle that could measure nothing vouches for nothing
        ("oo?oo", 1),
        ("oo?", 0),
    ];
    for (pattern, intervals) in cases {
        let measured = measure(series(pattern), INTERVAL).unwrap();
        assert_eq!(measured.healthy_for_ns(), intervals * INTERVAL, "{pattern}");
    }
}

#[test]
fn a_gap_just_over_two_intervals_breaks_health() {
    let measured = measure([beat(0.0, State::Ok), beat(600.001, State::Ok), beat(900.0, State::Ok)], INTERVAL).unwrap();
    assert_eq!(measured.healthy, Some(Span { from: at(600.001), until: at(900.0) }));
}

#[test]
fn an_outage_runs_to_the_first_good_heartbeat_or_is_open() {
    let measured = measure(series("oxxo?xwx?x"), INTERVAL).unwrap();
    let redis = &measured.checks["redis"];
    let outages: Vec<_> = redis.outages.iter().map(|o| (o.from, o.until, o.cycles, o.length_ns() / INTERVAL)).collect();
    assert_eq!(
        outages,
        [(at(300.0), Some(at(900.0)), 2, 2), (at(1500.0), Some(at(1800.0)), 1, 1), (at(2100.0), None, 2, 2),]
    );
    assert_eq!((redis.seen, redis.in_error, redis.warnings), (8, 5, 1));
    assert_eq!(redis.uptime(), 37.5);
}

#[test]
fn the_day_before_the_newest_has_exactly_its_cycles() {
    let measured = measure(series(&"o".repeat(1000)), INTERVAL).unwrap();
    assert_eq!((measured.cycles_24h, measured.expected_cycles_24h), (288, 288));
    assert_eq!((measured.seen, measured.expected, measured.coverage()), (1000, 1000, 100.0));
}

#[test]
fn order_does_not_matter() {
    let mut backwards = series("oxxo--oow");
    backwards.reverse();
    assert_eq!(measure(backwards, INTERVAL), measure(series("oxxo--oow"), INTERVAL));
}

#[test]
fn a_status_that_is_not_stated_follows_from_the_checks() {
    let unstated = |state| Beat { status: None, ..beat(0.0, state) };
    let later = beat(300.0, State::Ok);
    let healthy = |first: Beat| measure([first, later.clone()], INTERVAL).unwrap().healthy_for_ns() > 0;
    assert!(healthy(unstated(State::Ok)));
    assert!(!healthy(unstated(State::Error)));
    assert!(!healthy(Beat { at: at(0.0), status: None, checks: Vec::new(), is_down: false }));
}

#[test]
fn a_status_that_its_checks_belie_is_not_healthy() {
    let says_healthy = |n: f64, is_down| Beat { status: Some(Status::Healthy), is_down, ..beat(300.0 * n, State::Ok) };
    let good = measure([says_healthy(0.0, false), says_healthy(1.0, false)], INTERVAL).unwrap();
    assert_eq!(good.healthy_for_ns(), INTERVAL);
    let bad = measure([says_healthy(0.0, false), says_healthy(1.0, true)], INTERVAL).unwrap();
    assert_eq!((bad.healthy, bad.healthy_for_ns()), (None, 0));
    let since =
        measure([says_healthy(0.0, true), says_healthy(1.0, false), says_healthy(2.0, false)], INTERVAL).unwrap();
    assert_eq!(since.healthy_for_ns(), INTERVAL);
}

#[test]
fn an_old_newest_heartbeat_says_nothing_of_the_present() {
    let measured = measure(series(&"o".repeat(300)), INTERVAL).unwrap();
    let of = |now: f64, key: &str| {
        let taken = measured.measurements(at(now));
        taken.into_iter().find(|measurement| measurement.key == key).unwrap()
    };
    let newest = 299.0 * 300.0;
    assert_eq!(of(newest + 100.0, "monitor.healthy_for").ok, Some(true));
    let old = of(newest + 3.0 * 86_400.0, "monitor.healthy_for");
    assert_eq!((old.ok, old.value), (Some(false), Value::Duration(299 * INTERVAL)));
    assert!(old.how.contains("the newest is 3 d old, which says nothing of the present"), "{}", old.how);
    assert_eq!(of(newest + 700.0, "monitor.heartbeat_age").ok, Some(false));
}

#[test]
fn services_are_measured_under_their_names() {
    let names = [("org.x.y", "why"), ("why", "why"), ("Disk", "Disk"), ("digest", "digest")];
    let names = names.map(|(reported, name)| (reported.to_owned(), name.to_owned())).into();
    let cases = [
        ("com.02luka.digest", "digest"),
        ("org.x.y", "why"),
        ("org.z", "org.z"),
        ("redis", "redis"),
        // the services of these names are not Redis and the API
        ("com.02luka.redis", "com.02luka.redis"),
        ("com.02luka.api", "com.02luka.api"),
        ("LaunchAgent redis", "LaunchAgent redis"),
        // one series, however it is spelled
        ("Digest", "digest"),
        ("com.02luka.Digest", "digest"),
        ("Digest LaunchAgent", "digest"),
        ("com.02luka.digest.plist", "digest"),
        ("Why", "why"),
        ("org.x.Y", "why"),
        ("Disk", "Disk"),
        ("disk", "Disk"),
        ("Boss API", "Boss API"),
        ("com.02luka.Sync", "Sync"),
        ("แผ่น", "แผ่น"),
    ];
    for (reported, name) in cases {
        assert_eq!(name_of(&names, reported), name);
    }
}

#[test]
fn however_a_name_is_spelled_its_outages_are_one_series() {
    let checks = [("Disk", State::Error), ("disk", State::Error), ("Load", State::Ok), ("redis", State::Ok)];
    let mut beats: Vec<Beat> = checks
        .iter()
        .enumerate()
        .map(|(n, (name, state))| Beat { checks: vec![((*name).into(), *state)], ..beat(300.0 * n as f64, State::Ok) })
        .collect();
    beats.push(Beat { checks: vec![("Redis".into(), State::Error)], ..beat(1_500.0, State::Ok) });
    let names: Vec<Arc<str>> = ["Disk", "Load", "Redis", "disk", "redis"].map(Arc::from).into();
    unite(&mut beats, names.iter(), |name| name == "Load");
    let measured = measure(beats, INTERVAL).unwrap();
    assert_eq!(measured.checks.keys().collect::<Vec<_>>(), ["Load", "Redis", "disk", "redis"]);
    assert_eq!((measured.checks["disk"].seen, measured.checks["disk"].outages.len()), (2, 1));
}

#[test]
fn a_heartbeat_counts_once_for_a_check_and_as_the_worst_that_it_says() {
    use State::{Error, Ok, Unknown, Warn};
    // seen, in error, warnings
    type Case<'a> = (&'a [State], (u64, u64, u64));
    let cases: [Case; 6] = [
        (&[Ok, Ok], (1, 0, 0)),
        (&[Ok, Error], (1, 1, 0)),
        (&[Error, Ok, Warn], (1, 1, 0)),
        (&[Warn, Ok], (1, 0, 1)),
        // what it says beats what it doesn't
        (&[Ok, Unknown], (1, 0, 0)),
        (&[Unknown, Unknown], (0, 0, 0)),
    ];
    for (states, expected) in cases {
        let checks = states.iter().map(|state| ("redis".into(), *state)).chain([("disk".into(), Warn)]).collect();
        let measured = measure([Beat { checks, ..beat(0.0, Ok) }], INTERVAL).unwrap();
        let redis = measured.checks.get("redis").cloned().unwrap_or_default();
        assert_eq!((redis.seen, redis.in_error, redis.warnings), expected, "{states:?}");
        assert_eq!((redis.outages.len() as u64, measured.checks["disk"].seen), (expected.1, 1), "{states:?}");
    }
    let beats = (0..4).map(|n| Beat {
        checks: vec![("redis".into(), Ok), ("redis".into(), Error)],
        ..beat(300.0 * f64::from(n), Error)
    });
    assert_eq!(measure(beats, INTERVAL).unwrap().checks["redis"].outages.len(), 1);
}
