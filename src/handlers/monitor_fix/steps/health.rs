//! Waits, holding no thread, until the monitor has been healthy for as long as a criterion asks: right after a repair it never
//! has. Judges nothing and takes nothing back: what was repaired is proven by then. When the health is broken, or can't last
//! long enough within `limits.wait_max_s`, the wait is over, and the criterion is judged as it is.

use std::time::Duration;

use super::super::facts;
use super::proof::next_look;
use crate::evidence::{Measurement, Value};
use crate::handlers::{Context, HandlerError, Measuring, Verified, patience};
use crate::monitor::history::{self, HEALTHY_FOR};
use crate::text;

pub struct Health {
    /// Nanoseconds.
    pub wanted_ns: u64,
}

const WAIT: &str = "healthy for so long";

impl Measuring for Health {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let config = facts::settings(context)?;
        let now = context.clock.now();
        let look = Look {
            wanted: Duration::from_nanos(self.wanted_ns),
            waited: patience::waited(context, WAIT),
            interval: Duration::from_nanos(config.monitor.interval_ns()),
            limit: Duration::from_secs(context.config.limits.wait_max_s),
        };
        // silence is a break too: of a loop that ended nothing is known
        let taken = history::take_key(&context.root, &config, HEALTHY_FOR, now).ok();
        if taken.and_then(|taken| unbroken(&taken)).is_none_or(|healthy| !look.goes_on(healthy)) {
            patience::forget(context, WAIT);
            return Ok(Verified::Yes(Vec::new()));
        }
        let why = format!("{HEALTHY_FOR} is to reach {}", text::duration_ns(self.wanted_ns));
        Ok(Verified::Wait { until: next_look(context, &config, now), why })
    }
}

fn unbroken(taken: &Measurement) -> Option<Duration> {
    match taken.value {
        Value::Duration(ns) if taken.ok == Some(true) => Some(Duration::from_nanos(ns)),
        _ => None,
    }
}

/// What one look knows of the wait.
struct Look {
    wanted: Duration,
    waited: Duration,
    interval: Duration,
    limit: Duration,
}

impl Look {
    /// Whether more is to be waited for, healthy for so long up to the newest heartbeat.
    fn goes_on(&self, healthy: Duration) -> bool {
        let left = self.wanted.saturating_sub(healthy);
        // the newest heartbeat is no older than two intervals, so that a time that is shorter by more began anew meanwhile
        let is_broken = healthy + self.interval * 2 < self.waited;
        !left.is_zero() && !is_broken && self.waited + left <= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_while_the_health_grows_and_no_longer() {
        const DAY: u64 = 86_400;
        const WEEK: u64 = 7 * DAY;
        // seconds: wanted, waited, healthy, the most that an order waits
        for (wanted, waited, healthy, limit, expected) in [
            (DAY, 0, 300, WEEK, true),
            (DAY, 40_000, 40_300, WEEK, true),
            (DAY, 40_000, 39_500, WEEK, true),
            // reached
            (DAY, 86_100, DAY, WEEK, false),
            (DAY, 0, 2 * DAY, WEEK, false),
            // began anew while it waited
            (DAY, 40_000, 600, WEEK, false),
            // out of reach: nobody is kept waiting for it
            (8 * DAY, 0, 300, WEEK, false),
            (8 * DAY, 0, 2 * DAY, WEEK, true),
        ] {
            let s = Duration::from_secs;
            let look = Look { wanted: s(wanted), waited: s(waited), interval: s(300), limit: s(limit) };
            assert_eq!(look.goes_on(s(healthy)), expected, "{wanted} {waited} {healthy}");
        }
    }
}
