//! When a service is due: local wall-clock times, right across daylight saving.
//!
//! Pure: the zone and the time come in as values. What must hold:
//! * a time of day fires once on each of its days: one that a clock change skips fires as much later as the clock jumped
//!   (02:30 becomes 03:30), one that occurs twice fires the first time;
//! * an entry without an hour means "every hour" and follows real time: it fires in both of two equal hours and not in a
//!   skipped one;
//! * fire times are strictly ascending.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::order::target::Weekday;
use crate::services::Start;

/// Days that are looked at before a calendar counts as one that never fires: 29 February may be eight years away.
const HORIZON_DAYS: i32 = 366 * 9;

/// One `StartCalendarInterval` dictionary of launchd.plist(5), or one `Start::Calendar`. `None` is any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    pub month: Option<i8>,
    /// Of the month.
    pub day: Option<i8>,
    /// 0 (or 7) is Sunday. With `day` too, either may match.
    pub weekday: Option<i8>,
    pub hour: Option<i8>,
    pub minute: Option<i8>,
    pub second: i8,
}

impl Entry {
    pub fn daily(at: Time, weekday: Option<Weekday>) -> Self {
        Entry {
            weekday: weekday.map(sunday_first),
            hour: Some(at.hour()),
            minute: Some(at.minute()),
            second: at.second(),
            ..Entry::default()
        }
    }

    fn matches(&self, date: Date) -> bool {
        if self.month.is_some_and(|month| month != date.month()) {
            return false;
        }
        let weekday = self.weekday.map(|weekday| weekday.rem_euclid(7) == date.weekday().to_sunday_zero_offset());
        let day = self.day.map(|day| day == date.day());
        match (day, weekday) {
            (Some(day), Some(weekday)) => day || weekday,
            (day, weekday) => day.or(weekday).unwrap_or(true),
        }
    }

    fn times(&self) -> impl Iterator<Item = Time> + '_ {
        let hours = self.hour.map_or(0..=23, |hour| hour..=hour);
        hours.flat_map(move |hour| {
            let minutes = self.minute.map_or(0..=59, |minute| minute..=minute);
            // a value out of range never fires
            minutes.filter_map(move |minute| Time::new(hour, minute, self.second, 0).ok())
        })
    }

    /// The instants of one local time on one date.
    fn instants(&self, at: DateTime, zone: &TimeZone) -> Vec<Timestamp> {
        let ambiguous = zone.to_ambiguous_timestamp(at);
        let all = match (ambiguous.offset(), self.hour) {
            (AmbiguousOffset::Gap { .. }, None) => vec![],
            (AmbiguousOffset::Fold { .. }, None) => vec![ambiguous.earlier(), ambiguous.later()],
            _ => vec![ambiguous.compatible()],
        };
        all.into_iter().flatten().collect()
    }
}

fn sunday_first(weekday: Weekday) -> i8 {
    match weekday {
        Weekday::Sunday => 0,
        Weekday::Monday => 1,
        Weekday::Tuesday => 2,
        Weekday::Wednesday => 3,
        Weekday::Thursday => 4,
        Weekday::Friday => 5,
        Weekday::Saturday => 6,
    }
}

/// The weekday of launchd's number: 0 and 7 are Sunday.
pub fn weekday(number: i8) -> Weekday {
    match number.rem_euclid(7) {
        0 => Weekday::Sunday,
        1 => Weekday::Monday,
        2 => Weekday::Tuesday,
        3 => Weekday::Wednesday,
        4 => Weekday::Thursday,
        5 => Weekday::Friday,
        _ => Weekday::Saturday,
    }
}

/// The first time after `after` at which one of `entries` fires; `None` when none does within nine years.
pub fn next_of(entries: &[Entry], after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let first = zone.to_datetime(after).date().checked_sub(1.day()).ok()?;
    (0..HORIZON_DAYS).find_map(|n| {
        let date = first.checked_add(n.days()).ok()?;
        entries
            .iter()
            .filter(|entry| entry.matches(date))
            .flat_map(|entry| entry.times().flat_map(move |time| entry.instants(date.to_datetime(time), zone)))
            .filter(|at| *at > after)
            .min()
    })
}

/// When `start` is due next after `after`. `anchor` is when it was registered: intervals count from there, unless the clock was
/// set back to before it. A service that is kept alive is never due; it runs.
pub fn next(start: &Start, anchor: Timestamp, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    match start {
        Start::Calendar { at, weekday } => next_of(&[Entry::daily(*at, *weekday)], after, zone),
        Start::Interval { every_s } => {
            let every = i64::try_from(*every_s).ok().filter(|every| *every > 0)?;
            let anchor = anchor.min(after);
            let passed = after.duration_since(anchor).as_secs();
            let due = passed.checked_div(every)?.checked_add(1)?.checked_mul(every)?;
            anchor.checked_add(SignedDuration::from_secs(due)).ok()
        }
        Start::KeepAlive => None,
    }
}

/// The next `n` fire times after `after`.
pub fn upcoming(start: &Start, anchor: Timestamp, after: Timestamp, zone: &TimeZone, n: usize) -> Vec<Timestamp> {
    std::iter::successors(next(start, anchor, after, zone), |last| next(start, anchor, *last, zone)).take(n).collect()
}

/// In words: `02:30 daily`, `Sundays at 03:00`, `every 5 min`, `kept alive`.
pub fn describe(start: &Start) -> String {
    match start {
        Start::Calendar { at, weekday } => {
            let time = if at.second() == 0 { at.strftime("%H:%M") } else { at.strftime("%H:%M:%S") };
            match weekday {
                None => format!("{time} daily"),
                Some(weekday) => format!("{weekday:?}s at {time}"),
            }
        }
        Start::Interval { every_s } => {
            format!("every {}", crate::text::duration_ns(every_s.saturating_mul(1_000_000_000)))
        }
        Start::KeepAlive => "kept alive".to_owned(),
    }
}

/// The zone that local times are in here; UTC where the system names none.
pub fn local_zone() -> TimeZone {
    match TimeZone::try_system() {
        Ok(zone) if !zone.is_unknown() => zone,
        _ => TimeZone::UTC,
    }
}

/// A name by which `zone` is found again, e.g. `Asia/Bangkok`.
pub fn zone_name(zone: &TimeZone) -> String {
    match zone.iana_name() {
        Some(name) => name.to_owned(),
        None => zone.to_fixed_offset().map_or_else(|_| "local".to_owned(), |offset| offset.to_string()),
    }
}

/// The zone of a [`zone_name`]; the local one when the name says nothing here.
pub fn zone_named(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or_else(|_| local_zone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daily(text: &str) -> Start {
        Start::Calendar { at: text.parse().unwrap(), weekday: None }
    }

    #[track_caller]
    fn check(zone: &str, start: &Start, after: &str, expect: &[&str]) {
        let zone = TimeZone::get(zone).unwrap();
        let after: Timestamp = after.parse().unwrap();
        let shown: Vec<String> = upcoming(start, Timestamp::UNIX_EPOCH, after, &zone, expect.len())
            .iter()
            .map(|at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
            .collect();
        assert_eq!(shown, expect);
    }

    #[test]
    fn a_time_that_the_clock_skips_fires_as_much_later_once() {
        check(
            "America/New_York",
            &daily("02:30"),
            "2026-03-07T12:00:00Z",
            &["2026-03-08 03:30:00 -04:00", "2026-03-09 02:30:00 -04:00"],
        );
        check(
            "Europe/Berlin",
            &daily("02:30"),
            "2026-03-28T12:00:00Z",
            &["2026-03-29 03:30:00 +02:00", "2026-03-30 02:30:00 +02:00"],
        );
    }

    #[test]
    fn a_time_that_occurs_twice_fires_the_first_time_only() {
        check(
            "America/New_York",
            &daily("01:30"),
            "2026-10-31T12:00:00Z",
            &["2026-11-01 01:30:00 -04:00", "2026-11-02 01:30:00 -05:00"],
        );
        check(
            "Europe/Berlin",
            &daily("02:30"),
            "2026-10-24T12:00:00Z",
            &["2026-10-25 02:30:00 +02:00", "2026-10-26 02:30:00 +01:00"],
        );
        // asked between the two 02:30s
        check("Europe/Berlin", &daily("02:30"), "2026-10-25T00:45:00Z", &["2026-10-26 02:30:00 +01:00"]);
        // New York's fold is at 01:00 to 02:00: 02:30 is not touched by it
        check("America/New_York", &daily("02:30"), "2026-10-31T12:00:00Z", &["2026-11-01 02:30:00 -05:00"]);
    }

    #[test]
    fn a_zone_without_daylight_saving_is_plain() {
        check(
            "Asia/Bangkok",
            &daily("02:30"),
            "2026-03-28T19:29:59Z",
            &["2026-03-29 02:30:00 +07:00", "2026-03-30 02:30:00 +07:00"],
        );
        check("Asia/Bangkok", &daily("02:30"), "2026-03-28T19:30:00Z", &["2026-03-30 02:30:00 +07:00"]);
    }

    #[test]
    fn a_date_that_never_was_fires_no_second_time() {
        // Samoa had no 30 December 2011
        check(
            "Pacific/Apia",
            &daily("02:30"),
            "2011-12-29T00:00:00Z",
            &["2011-12-29 02:30:00 -10:00", "2011-12-31 02:30:00 +14:00", "2012-01-01 02:30:00 +14:00"],
        );
    }

    #[test]
    fn weekdays() {
        let sundays = Start::Calendar { at: "03:00".parse().unwrap(), weekday: Some(Weekday::Sunday) };
        check(
            "Asia/Bangkok",
            &sundays,
            "2026-01-01T00:00:00Z",
            &["2026-01-04 03:00:00 +07:00", "2026-01-11 03:00:00 +07:00"],
        );
        assert_eq!(describe(&sundays), "Sundays at 03:00");
    }

    #[test]
    fn intervals_count_from_their_anchor() {
        let every = Start::Interval { every_s: 300 };
        check("UTC", &every, "1970-01-01T00:00:00Z", &["1970-01-01 00:05:00 +00:00", "1970-01-01 00:10:00 +00:00"]);
        check("UTC", &every, "1970-01-01T00:05:00.5Z", &["1970-01-01 00:10:00 +00:00"]);
        // the clock was set back to before the anchor
        check("UTC", &every, "1969-12-31T00:00:00Z", &["1969-12-31 00:05:00 +00:00"]);
        assert_eq!(describe(&every), "every 5 min");
        for odd in [0, u64::MAX, i64::MAX as u64] {
            assert_eq!(
                next(&Start::Interval { every_s: odd }, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, &TimeZone::UTC),
                None
            );
        }
    }

    #[track_caller]
    fn check_entries(zone: &str, entries: &[Entry], after: &str, expect: &[&str]) {
        let zone = TimeZone::get(zone).unwrap();
        let mut at: Timestamp = after.parse().unwrap();
        for expected in expect {
            at = next_of(entries, at, &zone).unwrap();
            assert_eq!(at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %:z").to_string(), *expected);
        }
    }

    #[test]
    fn launchd_entries() {
        let hourly = Entry { minute: Some(0), ..Entry::default() };
        check_entries(
            "Europe/Berlin",
            std::slice::from_ref(&hourly),
            "2026-10-24T23:30:00Z",
            &["2026-10-25 02:00 +02:00", "2026-10-25 02:00 +01:00", "2026-10-25 03:00 +01:00"],
        );
        check_entries("Europe/Berlin", &[hourly], "2026-03-29T00:30:00Z", &["2026-03-29 03:00 +02:00"]);
        let first_or_monday =
            Entry { day: Some(1), weekday: Some(1), hour: Some(9), minute: Some(0), ..Entry::default() };
        check_entries(
            "UTC",
            &[first_or_monday],
            "2026-06-30T00:00:00Z",
            &["2026-07-01 09:00 +00:00", "2026-07-06 09:00 +00:00"],
        );
        let leap = Entry { month: Some(2), day: Some(29), hour: Some(0), minute: Some(0), ..Entry::default() };
        check_entries("UTC", &[leap], "2096-03-01T00:00:00Z", &["2104-02-29 00:00 +00:00"]);
        let seven = Entry { weekday: Some(7), hour: Some(0), minute: Some(0), ..Entry::default() };
        check_entries("UTC", &[seven], "2026-01-01T00:00:00Z", &["2026-01-04 00:00 +00:00"]);
        let never = Entry { month: Some(2), day: Some(30), hour: Some(0), minute: Some(0), ..Entry::default() };
        assert_eq!(next_of(&[never], Timestamp::UNIX_EPOCH, &TimeZone::UTC), None);
        let odd = Entry { hour: Some(25), minute: Some(-3), ..Entry::default() };
        assert_eq!(next_of(&[odd], Timestamp::UNIX_EPOCH, &TimeZone::UTC), None);
        assert_eq!(next_of(&[], Timestamp::UNIX_EPOCH, &TimeZone::UTC), None);
    }
}
