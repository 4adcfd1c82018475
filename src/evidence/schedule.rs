//! Schedules judged from the next fire times that a manager reports, in local wall-clock time and right across
//! daylight saving.

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _, Zoned};

use super::compare::{Finding, holds};
use crate::order::target::{Comparator, Period, Unit, Weekday};

/// What a target asks of the fire times.
pub struct Wanted {
    pub times: u32,
    pub every: Period,
    pub at: Option<Time>,
    pub weekday: Option<Weekday>,
}

/// The next fire times, which must be at the wanted time of day and one period apart. `times` runs a period need
/// `times + 1` known fire times.
pub fn check(wanted: &Wanted, next: &[Timestamp], zone: &str) -> Finding {
    let zone_of = match TimeZone::get(zone) {
        Ok(zone) => zone,
        Err(_) => return Finding::Cannot(format!("the time zone `{zone}` is not known here")),
    };
    let mut local: Vec<Zoned> = next.iter().map(|at| at.to_zoned(zone_of.clone())).collect();
    local.sort();
    local.dedup();
    let shown =
        local.iter().take(2).map(|at| at.strftime("%a %Y-%m-%d %H:%M").to_string()).collect::<Vec<_>>().join(" and ");
    let times = wanted.times as usize;
    if local.is_empty() {
        return Finding::Fail("no next run is planned".to_owned());
    }
    let reason = format!("next runs {shown} {zone}");
    let misplaced = local.iter().find(|at| !at_wanted_time(at, wanted) || !on_wanted_day(at, wanted));
    if misplaced.is_some() {
        return Finding::Fail(reason);
    }
    let (Some(first), Some(last)) = (local.first(), local.get(times)) else {
        return Finding::Cannot(format!("only {} next run(s) are known, {} are needed", local.len(), times + 1));
    };
    let evenly = local.windows(times + 1).all(|window| match window {
        [first, .., last] => one_period_apart(first, last, wanted.every),
        _ => false,
    });
    if evenly && one_period_apart(first, last, wanted.every) { Finding::Pass(reason) } else { Finding::Fail(reason) }
}

fn at_wanted_time(local: &Zoned, wanted: &Wanted) -> bool {
    let Some(at) = wanted.at else { return true };
    if wanted.every == Period::Hour {
        return local.minute() == at.minute() && local.second() == at.second();
    }
    local.time() == at || (is_in_gap(local.time_zone(), local.date(), at) && within_an_hour(local.time(), at))
}

/// A wall-clock time that daylight saving skips on that date.
fn is_in_gap(zone: &TimeZone, date: Date, at: Time) -> bool {
    matches!(zone.to_ambiguous_zoned(date.to_datetime(at)).offset(), AmbiguousOffset::Gap { .. })
}

fn within_an_hour(a: Time, b: Time) -> bool {
    let seconds = |time: Time| i32::from(time.hour()) * 3600 + i32::from(time.minute()) * 60 + i32::from(time.second());
    (seconds(a) - seconds(b)).abs() <= 3600
}

fn on_wanted_day(local: &Zoned, wanted: &Wanted) -> bool {
    wanted.weekday.is_none_or(|day| jiff_weekday(day) == local.weekday())
}

fn jiff_weekday(day: Weekday) -> jiff::civil::Weekday {
    use jiff::civil::Weekday as W;
    match day {
        Weekday::Monday => W::Monday,
        Weekday::Tuesday => W::Tuesday,
        Weekday::Wednesday => W::Wednesday,
        Weekday::Thursday => W::Thursday,
        Weekday::Friday => W::Friday,
        Weekday::Saturday => W::Saturday,
        Weekday::Sunday => W::Sunday,
    }
}

fn one_period_apart(first: &Zoned, second: &Zoned, every: Period) -> bool {
    let step = match every {
        Period::Minute => return elapsed_s(first, second) == 60,
        Period::Hour => return elapsed_s(first, second) == 3600,
        Period::Day => 1.day(),
        Period::Week => 1.week(),
        Period::Month => 1.month(),
        Period::Year => 1.year(),
    };
    let date_fits = first.date().checked_add(step).is_ok_and(|date| date == second.date());
    let shifted =
        |a: &Zoned, b: &Zoned| is_in_gap(a.time_zone(), a.date(), b.time()) && within_an_hour(a.time(), b.time());
    date_fits && (first.time() == second.time() || shifted(first, second) || shifted(second, first))
}

fn elapsed_s(first: &Zoned, second: &Zoned) -> i64 {
    second.timestamp().as_second().saturating_sub(first.timestamp().as_second())
}

/// A schedule against a time between runs (`every 5 min`) or a number of runs in a period (`≥ 1 × / day`).
/// `None` where the target is of another kind.
pub fn compare(
    next: &[Timestamp],
    zone: &str,
    comparator: Comparator,
    number: f64,
    unit: &Unit,
    per: Option<Period>,
) -> Option<Finding> {
    let mut sorted = next.to_vec();
    sorted.sort();
    sorted.dedup();
    let gaps: Vec<f64> = sorted
        .windows(2)
        .filter_map(|pair| Some((pair.last()?.as_second() - pair.first()?.as_second()) as f64))
        .collect();
    let is_interval = *unit == Unit::Time && per.is_none();
    let is_rate = matches!(unit, Unit::Count { .. }) && per.is_some();
    if !is_interval && !is_rate {
        return None;
    }
    if gaps.is_empty() {
        return Some(Finding::Cannot("fewer than two next runs are known".to_owned()));
    }
    let judged = |gap: f64| match per {
        // seconds against nanoseconds
        None => Some(holds(comparator, gap * 1e9, number)),
        Some(per) => rate(gap, per).map(|rate| holds(comparator, rate, number)),
    };
    let judged: Option<Vec<bool>> = gaps.iter().map(|gap| judged(*gap)).collect();
    let shown = sorted.iter().take(2).map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let reason = format!("next runs {shown} ({zone})");
    Some(match judged {
        None => Finding::Cannot(format!("{reason} don't tell how many runs there are in that period")),
        Some(all) if all.iter().all(|good| *good) => Finding::Pass(reason),
        Some(_) => Finding::Fail(reason),
    })
}

/// Runs a period at this distance. Days of 23 and 25 hours count as days.
fn rate(gap_s: f64, per: Period) -> Option<f64> {
    let period_s = match per {
        Period::Minute => 60.0,
        Period::Hour => 3600.0,
        Period::Day => 86_400.0,
        Period::Week => 7.0 * 86_400.0,
        Period::Month | Period::Year => return None,
    };
    let near_a_period = (gap_s - period_s).abs() <= 3600.0 && period_s >= 86_400.0;
    (gap_s > 0.0).then(|| if near_a_period { 1.0 } else { period_s / gap_s })
}
