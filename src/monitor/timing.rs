//! When a cycle is due, and what a gap was. Pure: times come in as values.
//!
//! Due times lie on a grid, anchor + n × interval, so that no delay adds up. The grid is kept on disk: a restart neither
//! repeats a cycle nor shifts it.

use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The due times of this root's loop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    pub anchor: Timestamp,
    pub interval_ns: u64,
    /// The next one.
    pub due: Timestamp,
    /// When the last cycle was fired.
    pub last: Option<Timestamp>,
}

/// A cycle that is to run now.
#[derive(Debug, Clone, PartialEq)]
pub struct Fire {
    pub due: Timestamp,
    /// Due times that passed without a cycle since the one before.
    pub missed: u64,
    pub previous: Option<Timestamp>,
}

/// What to do at `now`: the grid as it is afterwards, and the cycle to run, if one is due. `starting` is the first look of
/// a loop: what was missed before it begins a new grid, so that the cycles of a new loop are evenly spaced.
pub fn step(grid: Option<Grid>, now: Timestamp, interval_ns: u64, starting: bool) -> (Grid, Option<Fire>) {
    let anew = |last: Option<Timestamp>| {
        let due = plus(now, interval_ns.into());
        (Grid { anchor: now, interval_ns, due, last: Some(now) }, Some(Fire { due: now, missed: 0, previous: last }))
    };
    let Some(mut grid) = grid else { return anew(None) };
    if grid.interval_ns != interval_ns {
        grid.anchor = grid.last.unwrap_or(now);
        grid.interval_ns = interval_ns;
        grid.due = plus(grid.anchor, interval_ns.into());
    }
    let interval = i128::from(interval_ns.max(1));
    // a due time further away than an interval: the clock was set back
    if grid.due.as_nanosecond() - now.as_nanosecond() > interval {
        return anew(None);
    }
    if now < grid.due {
        return (grid, None);
    }
    let passed = (now.as_nanosecond() - grid.due.as_nanosecond()) / interval;
    let missed = u64::try_from(passed).unwrap_or(0);
    if starting && missed > 0 {
        let (fresh, fire) = anew(grid.last);
        return (fresh, fire.map(|fire| Fire { missed, ..fire }));
    }
    let due = plus(grid.due, passed * interval);
    let fire = Fire { due, missed, previous: grid.last };
    (Grid { due: plus(due, interval), last: Some(now), ..grid }, Some(fire))
}

fn plus(at: Timestamp, ns: i128) -> Timestamp {
    Timestamp::from_nanosecond(at.as_nanosecond().saturating_add(ns)).unwrap_or(at)
}

/// Time without the cycles that were due in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    pub kind: GapKind,
    /// The last cycle before it.
    pub from: Timestamp,
    /// The first after it.
    pub until: Timestamp,
    /// Cycles that were due in it.
    pub missed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// The machine slept.
    Asleep,
    /// No loop was running.
    Stopped,
    /// The loop was there and got no time: the machine was overloaded, or the process was stopped.
    Stalled,
    /// The wall clock was set forward.
    ClockSet,
}

impl GapKind {
    pub fn as_str(self) -> &'static str {
        match self {
            GapKind::Asleep => "asleep",
            GapKind::Stopped => "stopped",
            GapKind::Stalled => "stalled",
            GapKind::ClockSet => "clock set",
        }
    }
}

/// Two clocks that no setting moves: one stands while the machine sleeps, the other goes on.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    awake: Instant,
    with_sleep_ns: i128,
    wall: Timestamp,
}

/// How far each clock went between two readings, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Elapsed {
    pub awake_ns: i128,
    pub with_sleep_ns: i128,
    pub wall_ns: i128,
}

impl Reading {
    pub fn take(wall: Timestamp) -> Self {
        // `Instant` is CLOCK_MONOTONIC on Linux and CLOCK_UPTIME_RAW on macOS: both stand while the machine sleeps
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let clock = rustix::time::ClockId::Boottime;
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let clock = rustix::time::ClockId::Monotonic;
        let at = rustix::time::clock_gettime(clock);
        let with_sleep_ns = i128::from(at.tv_sec) * 1_000_000_000 + i128::from(at.tv_nsec);
        Reading { awake: Instant::now(), with_sleep_ns, wall }
    }

    pub fn since(&self, earlier: &Reading) -> Elapsed {
        let awake = self.awake.saturating_duration_since(earlier.awake).as_nanos();
        Elapsed {
            awake_ns: i128::try_from(awake).unwrap_or(i128::MAX),
            with_sleep_ns: self.with_sleep_ns - earlier.with_sleep_ns,
            wall_ns: self.wall.as_nanosecond() - earlier.wall.as_nanosecond(),
        }
    }
}

/// What a gap was; `elapsed` since this loop's cycle before it, `None` when this loop had none yet.
pub fn classify(elapsed: Option<Elapsed>, interval_ns: u64) -> GapKind {
    let Some(elapsed) = elapsed else { return GapKind::Stopped };
    let late = (elapsed.wall_ns - i128::from(interval_ns)).max(1);
    let slept = elapsed.with_sleep_ns - elapsed.awake_ns;
    let set = elapsed.wall_ns - elapsed.with_sleep_ns;
    if slept * 2 >= late {
        GapKind::Asleep
    } else if set * 2 >= late {
        GapKind::ClockSet
    } else {
        GapKind::Stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i128 = 1_000_000_000;
    const INTERVAL: u64 = 300 * 1_000_000_000;

    fn at(seconds: f64) -> Timestamp {
        let base: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        plus(base, (seconds * 1e9) as i128)
    }

    /// Looks at each of `times` and says which fired, with what was missed.
    fn fired(times: &[f64]) -> Vec<(f64, u64)> {
        let mut grid = None;
        let mut fired = Vec::new();
        for time in times {
            let (next, fire) = step(grid, at(*time), INTERVAL, false);
            grid = Some(next);
            if let Some(fire) = fire {
                fired.push((*time, fire.missed));
            }
        }
        fired
    }

    #[test]
    fn cycles_lie_on_a_grid_whatever_the_delays() {
        let seen = fired(&[0.0, 10.0, 299.9, 300.2, 301.0, 600.1, 899.0, 907.0, 1199.9, 1200.0]);
        assert_eq!(seen, [(0.0, 0), (300.2, 0), (600.1, 0), (907.0, 0), (1200.0, 0)]);
    }

    #[test]
    fn a_hundred_late_cycles_do_not_drift() {
        let mut grid = step(None, at(0.0), INTERVAL, true).0;
        for n in 1..=100 {
            let (next, fire) = step(Some(grid), at(300.0 * f64::from(n) + 0.7), INTERVAL, false);
            assert_eq!(fire.unwrap().due, at(300.0 * f64::from(n)));
            grid = next;
        }
        assert_eq!(grid.due, at(300.0 * 101.0));
    }

    #[test]
    fn a_gap_fires_once_and_counts_what_was_missed() {
        assert_eq!(fired(&[0.0, 300.0, 2000.0, 2001.0, 2100.0]), [(0.0, 0), (300.0, 0), (2000.0, 4), (2100.0, 0)]);
    }

    #[test]
    fn a_restart_keeps_the_grid_or_begins_a_new_one_after_a_gap() {
        let (grid, _) = step(None, at(0.0), INTERVAL, true);
        let (same, fire) = step(Some(grid.clone()), at(120.0), INTERVAL, true);
        assert_eq!((same.due, fire), (at(300.0), None));
        let (anew, fire) = step(Some(grid), at(1000.0), INTERVAL, true);
        assert_eq!(fire, Some(Fire { due: at(1000.0), missed: 2, previous: Some(at(0.0)) }));
        assert_eq!(anew.due, at(1300.0));
    }

    #[test]
    fn another_interval_counts_from_the_last_cycle() {
        let (grid, _) = step(None, at(0.0), INTERVAL, true);
        let (grid, fire) = step(Some(grid), at(20.0), 60_000_000_000, true);
        assert_eq!((grid.due, fire), (at(60.0), None));
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_loop() {
        let (grid, _) = step(None, at(100_000.0), INTERVAL, true);
        let (grid, fire) = step(Some(grid), at(50.0), INTERVAL, false);
        assert!(fire.is_some());
        assert_eq!(grid.due, at(350.0));
    }

    #[test]
    fn gaps_are_told_apart() {
        let elapsed = |awake: i128, with_sleep: i128, wall: i128| Elapsed {
            awake_ns: awake * S,
            with_sleep_ns: with_sleep * S,
            wall_ns: wall * S,
        };
        let cases = [
            (None, GapKind::Stopped),
            (Some(elapsed(310, 36_000, 36_000)), GapKind::Asleep),
            (Some(elapsed(1_000, 1_000, 1_000)), GapKind::Stalled),
            (Some(elapsed(300, 300, 7_500)), GapKind::ClockSet),
        ];
        for (elapsed, expected) in cases {
            assert_eq!(classify(elapsed, INTERVAL), expected, "{elapsed:?}");
        }
    }
}
