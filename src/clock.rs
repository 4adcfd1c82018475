//! The time, passed in as a value, so that whatever depends on it can be tested without waiting.
//!
//! Wall-clock times are for people and due times; deadlines run on `std::time::Instant`, which no clock change moves.

use std::sync::Mutex;

use jiff::Timestamp;

/// Nanoseconds from one time to another: 0 when `to` is earlier, as after a clock that was set back, and of a span that
/// 64 bits don't hold (584 years).
pub fn ns_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_nanosecond() - from.as_nanosecond()).unwrap_or(0)
}

/// A source of wall-clock time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands until it is set; for tests.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

impl FixedClock {
    pub fn at(now: Timestamp) -> Self {
        FixedClock(Mutex::new(now))
    }

    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = now;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_between_a_time_and_an_earlier_one() {
        let at = |s| Timestamp::from_second(s).expect("a time");
        assert_eq!(ns_between(at(1), at(3)), 2_000_000_000);
        assert_eq!(ns_between(at(3), at(1)), 0);
        assert_eq!(ns_between(Timestamp::MIN, Timestamp::MAX), 0);
    }
}
