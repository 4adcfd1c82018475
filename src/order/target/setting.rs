//! What stands beside a target and may change nothing of it: when it is looked at, where, for whom.
//!
//! What must hold: what has a number, a comparison or a word that restricts is no aside.

use super::compile::{normalize, unclear};
use super::narrow::{conditioned, is_blank};
use super::{Period, Target, Unit, lexer};
use crate::dates::full_weekday;

/// What is measured anyway: each run, all of its files, under the load that there is.
const VACUOUS: [&str; 18] = [
    "all",
    "every",
    "each",
    "run",
    "per run",
    "export",
    "per export",
    "normal",
    "usual",
    "default",
    "exact",
    "exactly",
    "must be",
    "must",
    "must hold",
    "everything",
    "all the time",
    "at all times",
];

/// Words that ask for more than the usual.
const RESTRICTING: [&str; 66] = [
    "cold",
    "warm",
    "peak",
    "load",
    "loaded",
    "heavy",
    "worst",
    "stress",
    "stressed",
    "concurrent",
    "concurrency",
    "concurrently",
    "parallel",
    "full",
    "large",
    "larger",
    "largest",
    "big",
    "biggest",
    "huge",
    "longest",
    "busy",
    "busiest",
    "outage",
    "offline",
    "failure",
    "failures",
    "failover",
    "crash",
    "restart",
    "restarts",
    "reboot",
    "weekend",
    "weekends",
    "weekday",
    "weekdays",
    "holiday",
    "holidays",
    "than",
    "least",
    "most",
    "above",
    "below",
    "under",
    "over",
    "within",
    "without",
    "no",
    "not",
    "never",
    "only",
    "except",
    "unless",
    "while",
    "during",
    "if",
    "consecutive",
    "twice",
    "both",
    "median",
    "average",
    "mean",
    "percentile",
    "production",
    "idle",
    "degraded",
];

/// Whether it says nothing beyond what is measured anyway: `every file`, `all rows`, `normal`.
pub(super) fn is_vacuous(text: &str) -> bool {
    let plain = normalize(text).to_lowercase();
    let words: Vec<&str> = plain.split(' ').collect();
    let is_of_all =
        || matches!(words.first(), Some(&("all" | "any" | "every" | "each"))) && words.len() <= 2 && is_aside(&plain);
    is_blank(text) || VACUOUS.contains(&plain.as_str()) || (period(&plain).is_none() && is_of_all())
}

/// Whether it has neither a number nor a comparison nor a word that restricts. A period is none: it may narrow a target.
pub(crate) fn is_aside(text: &str) -> bool {
    let plain = normalize(text).to_lowercase();
    let signs = |c: char| c.is_numeric() || "<>≤≥=≠±~≈%[{×".contains(c);
    let mut words = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let restricts =
        |word: &str| RESTRICTING.contains(&word) || lexer::number(word).is_some() || full_weekday(word).is_some();
    !plain.contains(signs) && period(&plain).is_none() && !words.any(restricts)
}

/// `daily`, `every night`, `per week`, as the whole text.
pub(super) fn period(text: &str) -> Option<Period> {
    lexer::per(text).filter(|(_, rest)| rest.trim().is_empty()).map(|(period, _)| period)
}

/// `daily` beside a target: the period of an amount; a time or a share is the same each day.
pub(super) fn repeated(target: Target, period: Period, text: &str) -> Target {
    match target {
        Target::Compare {
            comparator,
            number,
            unit: unit @ (Unit::Bytes | Unit::Count { .. }),
            per: None,
            condition,
        } if number != 0.0 => Target::Compare { comparator, number, unit, per: Some(period), condition },
        Target::Compare { per: Some(own), .. } if own != period => conditioned(target, text.to_owned()),
        Target::Schedule { every, .. } if every != period => conditioned(target, text.to_owned()),
        target => target,
    }
}

/// `02:30` beside `1× daily`: one schedule, where the two agree.
pub(super) fn scheduled(target: Target, more: &Target, text: String) -> Target {
    let (
        Target::Schedule { times, every, at, weekday, zone },
        Target::Schedule { times: more_times, every: more_every, at: more_at, weekday: more_day, zone: more_zone },
    ) = (&target, more)
    else {
        return conditioned(target, text);
    };
    let is_bare_time = more_at.is_some() && more_day.is_none() && *more_every == Period::Day;
    let agree = *more_times == 1
        && (every == more_every || (is_bare_time && *every == Period::Week))
        && both(at, more_at)
        && both(weekday, more_day)
        && both(zone, more_zone)
        && (*times == 1 || more_at.is_none());
    if !agree {
        return unclear(format!("`{target}` and `{text}` are two schedules; write one criterion for each"));
    }
    Target::Schedule {
        times: *times,
        every: *every,
        at: at.or(*more_at),
        weekday: weekday.or(*more_day),
        zone: zone.clone().or_else(|| more_zone.clone()),
    }
}

fn both<T: PartialEq>(one: &Option<T>, other: &Option<T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

#[cfg(test)]
mod tests {
    use super::super::{Narrowing, compile};
    use super::*;

    #[test]
    fn asides_are_told_from_what_restricts() {
        for text in ["after each run", "`g/analytics/`", "launchctl", "GG", "end of day", "Parquet footer"] {
            assert!(is_aside(text) && !is_vacuous(text), "{text}");
        }
        for text in
            ["always", "Export", "All files", "All rows", "every file", "per run", "normal", "must be", "any", "–"]
        {
            assert!(is_vacuous(text), "{text}");
        }
        for text in [
            "p99",
            "at ≥ 50,000 heartbeats",
            "every day for 30 days",
            "every load",
            "cold cache",
            "large exports",
            "three runs",
            "on Sundays",
            "more than usual",
            "all 5 days",
            "only EU",
            "[\"x\",\"y\"]",
        ] {
            assert!(!is_aside(text) && !is_vacuous(text), "{text}");
        }
    }

    #[test]
    fn periods_and_times_beside_a_target_are_joined_with_it() {
        for (target, setting, expect) in [
            ("≤ 5 MB", "after each run", "≤ 5 MB"),
            ("≤ 5 MB", "daily", "≤ 5 MB per day"),
            ("≥ 288", "daily", "≥ 288 per day"),
            ("≥ 288", "every day", "≥ 288 per day"),
            ("< 2 s", "nightly", "< 2 s"),
            ("0", "daily", "= 0"),
            ("Snappy", "daily", "is Snappy"),
            ("1× daily (02:30)", "daily", "once a day at 02:30"),
            ("1× daily (02:30)", "per day", "once a day at 02:30"),
            ("1× daily", "02:30", "once a day at 02:30"),
            ("1× daily (02:30)", "at 02:30", "once a day at 02:30"),
            ("≤ 5 MB", "p99", "≤ 5 MB, p99"),
            ("≤ 5 MB", "for 30 days", "≤ 5 MB, for 30 days"),
            ("≤ 5 MB", "02:30", "≤ 5 MB, 02:30"),
        ] {
            let narrowing = Narrowing { settings: vec![("At".to_owned(), setting.to_owned())], ..Narrowing::default() };
            assert_eq!(narrowing.apply(compile("x", target)).to_string(), expect, "{target} {setting}");
        }
        for (target, setting) in
            [("1× daily (02:30)", "03:15"), ("1× daily", "weekly"), ("Snappy", "cold"), ("2× daily", "02:30")]
        {
            let narrowing = Narrowing { settings: vec![("At".to_owned(), setting.to_owned())], ..Narrowing::default() };
            let shown = narrowing.apply(compile("x", target)).to_string();
            assert!(shown.starts_with("unclear"), "{target} {setting}: {shown}");
        }
    }
}
