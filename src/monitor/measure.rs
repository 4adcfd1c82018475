//! What heartbeats measure: cycles, gaps, uptime, outages, health. Pure.
//!
//! Everything is said of the heartbeats up to the newest one. How old that one is stands in every `how` and is a
//! measurement of its own (`monitor.heartbeat_age`); what claims something of the present (`monitor.healthy_for`) has
//! `ok: false` when the newest is older than two intervals: an old good time is not good now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::heartbeat::{self, State, Status};
use crate::clock::ns_between;
use crate::evidence::{Declaration, Measurement, Value};
use crate::text;

pub use super::history::{take, take_key};

/// One heartbeat, as far as it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    pub at: Timestamp,
    pub status: Option<Status>,
    /// By the name that measurements have: `redis`, `optimizer`. Beats share the names.
    pub checks: Vec<(Arc<str>, State)>,
    /// Redis or the database is in error. The field's monitor stated a status that did not always follow from its checks; an
    /// API or a service that is down is a warning there.
    pub is_down: bool,
}

/// The field's checks that are no services.
const OF_FIELD: [&str; 3] = ["redis", "database", "api"];

/// The name that measurements have for a check which reports call `reported`. `names` holds those of the configuration,
/// each also by what reports call it, such as that of a service by its label; they are found in any case. A service that is
/// called as Redis, the database or the API keeps its label: it is another thing, whose outages are not theirs.
pub(super) fn name_of(names: &BTreeMap<String, String>, reported: &str) -> String {
    const LABEL: &str = "com.02luka.";
    if let Some(name) = names.get(reported) {
        return name.clone();
    }
    let bare = heartbeat::service_name(reported);
    let is_label = bare.get(..LABEL.len()).is_some_and(|start| start.eq_ignore_ascii_case(LABEL));
    let short = if is_label { bare.get(LABEL.len()..).unwrap_or_default() } else { bare };
    let folded = short.to_lowercase();
    if OF_FIELD.contains(&folded.as_str()) {
        return reported.to_owned();
    }
    let is_same = |name: &str| name.to_lowercase() == folded || name.eq_ignore_ascii_case(bare);
    let configured = names.iter().find(|(reported, name)| is_same(reported) || is_same(name));
    configured.map_or_else(|| short.to_owned(), |(_, name)| name.clone())
}

/// Gives what `beats` call by names that differ in case alone one of them, so that its outages are one series; `names` are
/// all that they have, `is_kept` tells those of the configuration.
pub(super) fn unite<'a>(beats: &mut [Beat], names: impl Iterator<Item = &'a Arc<str>>, is_kept: impl Fn(&str) -> bool) {
    let mut spelled: BTreeMap<String, BTreeSet<Arc<str>>> = BTreeMap::new();
    for name in names.filter(|name| !is_kept(name)) {
        let folded = name.to_lowercase();
        if !OF_FIELD.contains(&folded.as_str()) {
            spelled.entry(folded).or_default().insert(name.clone());
        }
    }
    let several = spelled.into_values().filter(|spellings| spellings.len() > 1);
    let renamed: BTreeMap<Arc<str>, Arc<str>> = several
        .filter_map(|spellings| Some((spellings.last()?.clone(), spellings)))
        .flat_map(|(chosen, spellings)| spellings.into_iter().map(move |name| (name, chosen.clone())))
        .collect();
    if renamed.is_empty() {
        return;
    }
    for (name, _) in beats.iter_mut().flat_map(|beat| &mut beat.checks) {
        if let Some(chosen) = renamed.get(name) {
            *name = chosen.clone();
        }
    }
}

impl Beat {
    /// The state of each check: a report may speak of one several times, and is as bad as the worst of it; what it says beats
    /// what it doesn't.
    fn states(&mut self) -> impl Iterator<Item = (&str, State)> {
        self.checks.sort_by(|(a, x), (b, y)| a.cmp(b).then((*x != State::Unknown, x).cmp(&(*y != State::Unknown, y))));
        let same = self.checks.chunk_by(|(a, _), (b, _)| a == b);
        same.filter_map(|check| check.last()).map(|(name, state)| (&**name, *state))
    }

    /// A stated status counts as stated, unless Redis or the database is in error below it; without one the checks tell. A
    /// beat that says nothing vouches for nothing.
    fn is_critical(&self) -> bool {
        match self.status {
            Some(status) => status == Status::Critical || self.is_down,
            None => self.checks.is_empty() || self.checks.iter().any(|(_, state)| *state == State::Error),
        }
    }

    /// Whether it says anything: a cycle whose checks could not be made vouches for nothing.
    fn measured_anything(&self) -> bool {
        self.checks.is_empty() || self.checks.iter().any(|(_, state)| *state != State::Unknown)
    }
}

/// What a series of heartbeats says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    pub first: Timestamp,
    pub newest: Timestamp,
    pub seen: u64,
    /// Cycles that fit between the first and the newest heartbeat, both counted.
    pub expected: u64,
    pub cycles_24h: u64,
    pub expected_cycles_24h: u64,
    /// The longest time between two neighbours; `None` with fewer than two heartbeats.
    pub longest_gap: Option<Span>,
    /// From the first heartbeat that is good, with nothing CRITICAL, nothing unmeasured and no gap over two intervals after
    /// it, to the newest; `None` when the newest is CRITICAL or measured nothing.
    pub healthy: Option<Span>,
    pub checks: BTreeMap<String, CheckMeasured>,
    pub interval_ns: u64,
    /// What could not be read, and so is missing in all of it.
    pub unreadable: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Span {
    /// Nanoseconds.
    pub fn length_ns(&self) -> u64 {
        ns_between(self.from, self.until)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CheckMeasured {
    /// Heartbeats that say something of it.
    pub seen: u64,
    pub in_error: u64,
    pub warnings: u64,
    pub outages: Vec<Outage>,
}

/// From its first bad heartbeat to its first good one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outage {
    pub from: Timestamp,
    /// `None` while it is open.
    pub until: Option<Timestamp>,
    /// The last bad heartbeat.
    pub last_bad: Timestamp,
    /// Bad heartbeats.
    pub cycles: u64,
}

impl Outage {
    pub fn is_open(&self) -> bool {
        self.until.is_none()
    }

    /// Nanoseconds; of one that is open, up to its last bad heartbeat.
    pub fn length_ns(&self) -> u64 {
        ns_between(self.from, self.until.unwrap_or(self.last_bad))
    }
}

const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// Measures `beats`, in any order; `None` when there are none.
pub fn measure(beats: impl IntoIterator<Item = Beat>, interval_ns: u64) -> Option<Measured> {
    let mut beats: Vec<Beat> = beats.into_iter().collect();
    beats.sort_by_key(|beat| beat.at);
    let (first, newest) = (beats.first()?.at, beats.last()?.at);
    let interval_ns = interval_ns.max(1);
    let mut measured = Measured {
        first,
        newest,
        seen: beats.len() as u64,
        expected: ns_between(first, newest) / interval_ns + 1,
        cycles_24h: beats.iter().filter(|beat| ns_between(beat.at, newest) < DAY_NS).count() as u64,
        expected_cycles_24h: DAY_NS / interval_ns,
        longest_gap: None,
        healthy: None,
        checks: BTreeMap::new(),
        interval_ns,
        unreadable: Vec::new(),
    };
    let mut previous: Option<Timestamp> = None;
    for beat in &mut beats {
        if let Some(previous) = previous {
            let gap = Span { from: previous, until: beat.at };
            if measured.longest_gap.is_none_or(|longest| gap.length_ns() > longest.length_ns()) {
                measured.longest_gap = Some(gap);
            }
            if gap.length_ns() > interval_ns.saturating_mul(2) {
                measured.healthy = None;
            }
        }
        previous = Some(beat.at);
        measured.healthy = match measured.healthy {
            _ if beat.is_critical() || !beat.measured_anything() => None,
            Some(span) => Some(Span { until: beat.at, ..span }),
            None => Some(Span { from: beat.at, until: beat.at }),
        };
        let at = beat.at;
        for (name, state) in beat.states().filter(|(_, state)| *state != State::Unknown) {
            let known = match measured.checks.get_mut(name) {
                Some(known) => known,
                None => measured.checks.entry(name.to_owned()).or_default(),
            };
            known.take(state, at);
        }
    }
    Some(measured)
}

impl CheckMeasured {
    fn take(&mut self, state: State, at: Timestamp) {
        self.seen += 1;
        let open = self.outages.last_mut().filter(|outage| outage.is_open());
        match (state, open) {
            (State::Error, Some(outage)) => {
                outage.last_bad = at;
                outage.cycles += 1;
            }
            (State::Error, None) => self.outages.push(Outage { from: at, until: None, last_bad: at, cycles: 1 }),
            (_, Some(outage)) => outage.until = Some(at),
            (_, None) => {}
        }
        self.in_error += u64::from(state == State::Error);
        self.warnings += u64::from(state == State::Warn);
    }

    /// Percent points.
    pub fn uptime(&self) -> f64 {
        percent(self.seen.saturating_sub(self.in_error), self.seen)
    }
}

impl Measured {
    /// Percent points; above 100 when neighbours lie closer than the interval.
    pub fn coverage(&self) -> f64 {
        percent(self.seen, self.expected)
    }

    /// Nanoseconds; zero when the newest heartbeat is CRITICAL.
    pub fn healthy_for_ns(&self) -> u64 {
        self.healthy.map_or(0, |span| span.length_ns())
    }

    /// Whether the newest heartbeat is so old at `now` that nothing follows from it for the present.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        ns_between(self.newest, now) > self.interval_ns.saturating_mul(2)
    }

    /// As measurements; `now` is when they are taken.
    pub fn measurements(&self, now: Timestamp) -> Vec<Measurement> {
        let age = text::duration_ns(ns_between(self.newest, now));
        let stale = self.is_stale(now);
        let old = if stale { ", which says nothing of the present" } else { "" };
        let missing = match self.unreadable.len() {
            0 => String::new(),
            n => format!("; {n} that can't be read are missing"),
        };
        let basis = format!(
            "from {} heartbeats, {} to {}; the newest is {age} old{old}{missing}",
            self.seen, self.first, self.newest
        );
        let interval = text::duration_ns(self.interval_ns);
        let take = |key: &str, value: Value, how: String| Measurement::new(key, value, format!("{how}; {basis}"), now);
        let count = |n: u64, noun: &str| Value::Count { n, noun: noun.to_owned() };
        let mut taken = vec![
            take(
                "monitor.cycles_24h",
                count(self.cycles_24h, "cycles"),
                format!("heartbeats in the 24 h up to the newest; {} were due", self.expected_cycles_24h),
            ),
            take(
                "monitor.expected_cycles_24h",
                count(self.expected_cycles_24h, "cycles"),
                format!("24 h at one cycle every {interval}"),
            ),
            take(
                "monitor.coverage",
                Value::Percent(self.coverage()),
                format!("heartbeats seen / due: {} / {}, one every {interval}", self.seen, self.expected),
            ),
            take(
                "monitor.heartbeat_age",
                Value::Duration(ns_between(self.newest, now)),
                "now − the newest heartbeat".to_owned(),
            )
            .ok(!stale),
        ];
        if let Some(gap) = self.longest_gap {
            let how = format!("longest time between two heartbeats: {} to {}", gap.from, gap.until);
            taken.push(take("monitor.longest_gap", Value::Duration(gap.length_ns()), how));
        }
        let how = match self.healthy {
            Some(span) => format!(
                "no CRITICAL heartbeat, none with Redis or the database in error, and no gap over two intervals from {} to the newest, {}",
                span.from, span.until
            ),
            None => "the newest heartbeat is CRITICAL, or has Redis or the database in error, or measured nothing"
                .to_owned(),
        };
        let healthy = take("monitor.healthy_for", Value::Duration(self.healthy_for_ns()), how);
        taken.push(healthy.ok(self.healthy.is_some() && !stale));
        for (name, check) in &self.checks {
            let good = check.seen.saturating_sub(check.in_error);
            let coverage = percent(check.seen, self.expected);
            taken.push(take(
                &format!("monitor.uptime.{name}"),
                Value::Percent(check.uptime()),
                format!(
                    "cycles not in error / cycles seen: {good} / {}; coverage {coverage:.2}% ({} seen, {} due)",
                    check.seen, check.seen, self.expected
                ),
            ));
            let outages = check.outages.len() as u64;
            taken.push(take(
                &format!("monitor.outages.{name}"),
                count(outages, if outages == 1 { "outage" } else { "outages" }),
                outages_in_words(&check.outages),
            ));
        }
        taken
    }
}

/// The outages, newest last; of many, the last few.
fn outages_in_words(outages: &[Outage]) -> String {
    const SHOWN: usize = 5;
    if outages.is_empty() {
        return "no cycle in error".to_owned();
    }
    let word = |outage: &Outage| {
        let length = text::duration_ns(outage.length_ns());
        let cycles = outage.cycles;
        match outage.until {
            Some(until) => format!("{} to {until} ({length}, {cycles} cycles)", outage.from),
            None => format!("{} and open ({length} so far, {cycles} cycles)", outage.from),
        }
    };
    let hidden = outages.len().saturating_sub(SHOWN);
    let shown: Vec<String> = outages.iter().skip(hidden).map(word).collect();
    let before = if hidden > 0 { format!("{hidden} earlier ones; ") } else { String::new() };
    format!("{before}{}", shown.join("; "))
}

fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 }
}

/// What can be measured from heartbeats, and the labels people write for it. `monitor.uptime.<check>` stands for any check;
/// those of the default set have labels.
pub const DECLARATIONS: &[Declaration] = &[
    Declaration::new(
        "monitor.cycles_24h",
        &[
            "Cycles 24h",
            "Cycles in 24 h",
            "Cycles per 24 h",
            "Cycles last 24 h",
            "Cycles in the last 24 h",
            "Cycles per day",
            "24 h cycles",
            "Heartbeats 24h",
            "Heartbeats in 24 h",
            "Heartbeats per 24 h",
            "Heartbeats last 24 h",
            "Heartbeats in the last 24 h",
            "Heartbeats per day",
            "Monitor cycles 24h",
        ],
        "heartbeats in the 24 h up to the newest one",
    ),
    Declaration::new(
        "monitor.expected_cycles_24h",
        &["Expected cycles", "Expected cycles 24h", "Expected heartbeats"],
        "heartbeats that are due in 24 h",
    ),
    Declaration::new(
        "monitor.longest_gap",
        &[
            "Longest gap",
            "Max gap",
            "Maximum gap",
            "Longest heartbeat gap",
            "Largest heartbeat gap",
            "Max heartbeat gap",
            "Maximum heartbeat gap",
            "Heartbeat gap",
            "Gap between heartbeats",
            "Longest gap between heartbeats",
            "Max gap between heartbeats",
            "Maximum gap between heartbeats",
        ],
        "the longest time between two heartbeats",
    ),
    Declaration::new(
        "monitor.healthy_for",
        &["Healthy for", "Healthy since", "Time healthy", "Healthy streak", "Continuous health", "Stable for"],
        "time without a CRITICAL heartbeat, an error of Redis or the database, or a gap over two intervals, up to the newest one",
    ),
    Declaration::new(
        "monitor.coverage",
        &["Coverage", "Heartbeat coverage", "Monitor coverage"],
        "heartbeats seen / due",
    ),
    Declaration::new(
        "monitor.heartbeat_age",
        &["Heartbeat age", "Last heartbeat", "Newest heartbeat", "Heartbeat freshness", "Heartbeat recency"],
        "the age of the newest heartbeat",
    ),
    Declaration::new("monitor.uptime.<check>", &[], "cycles in which the check was not in error / cycles seen"),
    Declaration::new("monitor.outages.<check>", &[], "outages of the check, with start and length"),
    Declaration::new(
        "monitor.uptime.redis",
        &["Redis uptime", "Uptime Redis", "Redis availability"],
        "cycles in which Redis was not in error",
    ),
    Declaration::new(
        "monitor.uptime.database",
        &["Database uptime", "Uptime database", "Database availability", "DB uptime", "Uptime DB"],
        "cycles in which the database was not in error",
    ),
    Declaration::new(
        "monitor.uptime.api",
        &["API uptime", "Uptime API", "API availability", "Endpoint uptime"],
        "cycles in which the API was not in error",
    ),
    Declaration::new(
        "monitor.uptime.optimizer",
        &["Optimizer uptime", "Uptime optimizer", "Optimizer availability"],
        "cycles in which the optimizer's service was not in error",
    ),
    Declaration::new(
        "monitor.uptime.digest",
        &["Digest uptime", "Uptime digest", "Digest availability"],
        "cycles in which the digest's service was not in error",
    ),
    Declaration::new(
        "monitor.outages.redis",
        &["Redis outages", "Redis failures"],
        "outages of Redis, with start and length",
    ),
    Declaration::new(
        "monitor.outages.database",
        &["Database outages", "Database failures", "DB outages"],
        "outages of the database, with start and length",
    ),
    Declaration::new(
        "monitor.outages.api",
        &["API outages", "API failures"],
        "outages of the API, with start and length",
    ),
    Declaration::new(
        "monitor.outages.optimizer",
        &["Optimizer outages", "Optimizer failures"],
        "outages of the optimizer's service, with start and length",
    ),
    Declaration::new(
        "monitor.outages.digest",
        &["Digest outages", "Digest failures"],
        "outages of the digest's service, with start and length",
    ),
];

#[cfg(test)]
#[path = "measure_tests.rs"]
mod tests;
