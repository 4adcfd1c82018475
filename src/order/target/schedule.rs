//! Schedules: a period with how often, a time of day, a weekday, a zone, in any order.

use jiff::civil::Time;

use super::{Comparator, Period, Target, Unit, Weekday, lexer};
use crate::dates;

/// What a text says of a schedule, word by word.
#[derive(Default)]
struct Draft {
    times: Option<u32>,
    every: Option<Period>,
    at: Option<Time>,
    weekday: Option<Weekday>,
    zone: Option<String>,
    conflict: bool,
}

/// `None`: this text is no schedule. A text that is one but contradicts itself is `Unclear`.
pub fn parse(text: &str) -> Option<Target> {
    if let Some(found) = interval(text).or_else(|| cron(text)) {
        return Some(found);
    }
    let spaced: String = text.chars().map(|c| if "(),;".contains(c) { ' ' } else { c }).collect();
    let mut draft = Draft::default();
    let mut rest = spaced.trim();
    while !rest.is_empty() {
        rest = draft.take_word(rest)?.trim_start();
    }
    draft.finish(text)
}

/// `every 5 min`: the time between two runs, which may drift by a tenth.
fn interval(text: &str) -> Option<Target> {
    let rest =
        ["runs every", "run every", "once every", "every", "each"].iter().find_map(|lead| lexer::phrase(text, lead))?;
    let (number, rest) = lexer::number(rest.trim_start())?;
    let (unit, scale, rest) = lexer::unit(rest)?;
    let rest: String = rest.chars().filter(|c| !" ()".contains(*c)).collect();
    let is_plain = rest.is_empty() || rest == "±10%";
    (unit == Unit::Time && is_plain && number > 0.0).then_some(Target::Compare {
        comparator: Comparator::About,
        number: number * scale,
        unit,
        per: None,
        condition: None,
    })
}

/// `30 2 * * *`, `0 * * * *`, `0 3 * * 0`: one time of day, every hour, day or week.
fn cron(text: &str) -> Option<Target> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let [minute, hour, "*", "*", weekday] = fields.as_slice() else { return None };
    let minute: i8 = minute.parse().ok()?;
    let (every, hour) = if *hour == "*" { (Period::Hour, 0) } else { (Period::Day, hour.parse::<i8>().ok()?) };
    let at = Some(Time::new(hour, minute, 0, 0).ok()?);
    let weekday = match *weekday {
        "*" => None,
        name if every == Period::Day => Some(match name.parse::<usize>() {
            // 0 and 7 are Sunday
            Ok(n) => *DAYS.get((n % 7 + 6) % 7).filter(|_| n <= 7)?,
            Err(_) => self::weekday(name).filter(|(_, rest)| rest.is_empty())?.0,
        }),
        _ => return None,
    };
    let every = if weekday.is_some() { Period::Week } else { every };
    Some(Target::Schedule { times: 1, every, at, weekday, zone: None })
}

impl Draft {
    /// Reads one word or phrase; `None` when it belongs to no schedule.
    fn take_word<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if let Some((period, rest)) = lexer::per(text) {
            self.conflict |= self.every.replace(period).is_some_and(|before| before != period);
            return Some(rest);
        }
        for filler in
            ["runs", "run", "fires", "at", "on", "@", "every", "each", "scheduled", "schedule", "time", "local"]
        {
            if let Some(rest) = lexer::phrase(text, filler) {
                return Some(rest);
            }
        }
        if let Some((time, rest)) = time_of_day(text) {
            self.conflict |= self.at.replace(time).is_some_and(|before| before != time);
            return Some(rest);
        }
        if let Some((zone, rest)) = zone(text) {
            match self.zone.take() {
                Some(before) => match same_zone(&before, &zone) {
                    Some(named) => self.zone = Some(named.to_owned()),
                    None => self.conflict = true,
                },
                None => self.zone = Some(zone),
            }
            return Some(rest);
        }
        if let Some((times, rest)) = times(text) {
            self.conflict |= self.times.replace(times).is_some();
            return Some(rest);
        }
        let (weekday, rest) = weekday(text)?;
        self.conflict |= self.weekday.replace(weekday).is_some();
        Some(rest)
    }

    fn finish(self, text: &str) -> Option<Target> {
        let Draft { times, every, at, weekday, zone, conflict } = self;
        if every.is_none() && at.is_none() && weekday.is_none() {
            return None;
        }
        let every = match (every, weekday) {
            (None | Some(Period::Week), Some(_)) => Period::Week,
            (Some(_), Some(_)) => return Some(contradiction(text)),
            (Some(every), None) => every,
            // a bare time of day means each day
            (None, None) => Period::Day,
        };
        let times = times.unwrap_or(1);
        let at_needs_day =
            at.is_some_and(|at| every == Period::Hour && at.hour() != 0) || (at.is_some() && every == Period::Minute);
        if conflict || times == 0 || at_needs_day || (at.is_some() && times > 1) {
            return Some(contradiction(text));
        }
        Some(Target::Schedule { times, every, at, weekday, zone })
    }
}

fn contradiction(text: &str) -> Target {
    Target::Unclear {
        why: format!("`{text}` names more than one schedule; write one criterion for each, e.g. `1× daily (02:30)`"),
    }
}

/// `1×`, `2x`, `×3`, `4 times`, `once`, `twice`, and a bare number right before a period (`288 / day`).
fn times(text: &str) -> Option<(u32, &str)> {
    for (word, n) in [("once", 1), ("twice", 2), ("thrice", 3)] {
        if let Some(rest) = lexer::phrase(text, word) {
            return Some((n, rest));
        }
    }
    if let Some(after) = text.strip_prefix('×') {
        let (number, rest) = lexer::number(after.trim_start())?;
        return whole(number).map(|n| (n, rest));
    }
    let (number, rest) = lexer::number(text)?;
    let n = whole(number)?;
    let after = rest.trim_start();
    if let Some(rest) =
        after.strip_prefix('×').or_else(|| lexer::phrase(after, "x")).or_else(|| lexer::phrase(after, "times"))
    {
        return Some((n, rest));
    }
    (after.starts_with('/') || ["per", "a"].iter().any(|lead| lexer::phrase(after, lead).is_some()))
        .then(|| lexer::per(after))
        .flatten()
        .map(|_| (n, rest))
}

fn whole(number: f64) -> Option<u32> {
    (number.fract() == 0.0 && (0.0..=1e6).contains(&number)).then_some(number as u32)
}

/// `02:30`, `2:30 AM`, `02:30:00`, `14.30` is not one; `2am`, `midnight`, `noon`, `:15` (past the hour).
fn time_of_day(text: &str) -> Option<(Time, &str)> {
    for (word, hour) in [("midnight", 0), ("noon", 12)] {
        if let Some(rest) = lexer::phrase(text, word) {
            return Time::new(hour, 0, 0, 0).ok().map(|time| (time, rest));
        }
    }
    let (hour, rest) = digits(text);
    let (hour, minute, second, rest) = match rest.strip_prefix(':').map(digits) {
        Some((Some((minute, 2)), rest)) => match rest.strip_prefix(':').map(digits) {
            Some((Some((second, 2)), rest)) => (hour, Some(minute), second, rest),
            Some(_) => return None,
            None => (hour, Some(minute), 0, rest),
        },
        Some(_) => return None,
        None => (hour, None, 0, rest),
    };
    let after = rest.trim_start();
    let half = [("am", false), ("a.m.", false), ("pm", true), ("p.m.", true)]
        .iter()
        .find_map(|(word, late)| lexer::phrase(after, word).map(|rest| (*late, rest)));
    let (hour, rest) = match (hour, half) {
        (Some((hour @ 1..=12, _)), Some((late, rest))) => (hour % 12 + if late { 12 } else { 0 }, rest),
        (Some((hour, 1..=2)), None) if minute.is_some() => (hour, rest),
        (None, None) if minute.is_some() => (0, rest),
        _ => return None,
    };
    if rest.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let time =
        Time::new(i8::try_from(hour).ok()?, i8::try_from(minute.unwrap_or(0)).ok()?, i8::try_from(second).ok()?, 0)
            .ok()?;
    Some((time, rest))
}

/// Up to four digits: the number and how many digits it has.
fn digits(text: &str) -> (Option<(u32, usize)>, &str) {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    let (raw, rest) = text.split_at_checked(length).unwrap_or(("", text));
    if length > 4 { (None, rest) } else { (raw.parse().ok().map(|n| (n, length)), rest) }
}

/// `UTC`, `Asia/Bangkok`, `UTC+7`. Whether the zone exists is the judge's affair: nothing here reads a file.
fn zone(text: &str) -> Option<(String, &str)> {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let upper = word.to_ascii_uppercase();
    // the one abbreviation of the field that means one zone only
    if upper == "ICT" {
        return Some(("Asia/Bangkok".to_owned(), rest));
    }
    if matches!(upper.as_str(), "UTC" | "GMT" | "Z") {
        return Some(("UTC".to_owned(), rest));
    }
    if let Some(offset) = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")) {
        let (sign, hours) = offset.split_at_checked(1)?;
        let hours: u8 = hours.strip_suffix(":00").unwrap_or(hours).parse().ok().filter(|hours| *hours <= 14)?;
        // POSIX signs are the other way round
        let sign = match sign {
            "+" => "-",
            "-" => "+",
            _ => return None,
        };
        return Some((if hours == 0 { "UTC".to_owned() } else { format!("Etc/GMT{sign}{hours}") }, rest));
    }
    let (area, place) = word.split_once('/')?;
    let areas =
        ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific", "Etc"];
    let well_formed =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-+/".contains(c));
    (areas.iter().any(|known| known.eq_ignore_ascii_case(area)) && well_formed(place)).then(|| (word.to_owned(), rest))
}

/// Of two names of one zone, the one with a place: `Asia/Bangkok` beside `UTC+7`. `None` where they differ, or may.
fn same_zone<'z>(a: &'z str, b: &'z str) -> Option<&'z str> {
    if a.eq_ignore_ascii_case(b) {
        return Some(a);
    }
    let (of_a, of_b) = (fixed_offset(a)?, fixed_offset(b)?);
    let is_place = |zone: &str| zone.contains('/') && !zone.starts_with("Etc/");
    (of_a == of_b).then_some(if is_place(b) && !is_place(a) { b } else { a })
}

/// Hours east of UTC in zones that have no summer time.
fn fixed_offset(zone: &str) -> Option<i32> {
    const ZONES: [(&str, i32); 18] = [
        ("UTC", 0),
        ("Africa/Abidjan", 0),
        ("Africa/Lagos", 1),
        ("Africa/Johannesburg", 2),
        ("Europe/Moscow", 3),
        ("Europe/Istanbul", 3),
        ("Africa/Nairobi", 3),
        ("Asia/Dubai", 4),
        ("Asia/Bangkok", 7),
        ("Asia/Ho_Chi_Minh", 7),
        ("Asia/Jakarta", 7),
        ("Asia/Singapore", 8),
        ("Asia/Hong_Kong", 8),
        ("Asia/Shanghai", 8),
        ("Asia/Manila", 8),
        ("Australia/Perth", 8),
        ("Asia/Tokyo", 9),
        ("Asia/Seoul", 9),
    ];
    // POSIX signs are the other way round
    if let Some(offset) = zone.strip_prefix("Etc/GMT") {
        return offset.parse::<i32>().ok().map(|hours| -hours);
    }
    ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)).map(|(_, hours)| *hours)
}

/// In the order of [`dates::weekday`].
const DAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// A day of the week at the front.
fn weekday(text: &str) -> Option<(Weekday, &str)> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    Some((*DAYS.get(dates::weekday(word)?)?, rest))
}

#[cfg(test)]
mod tests {
    use super::super::compile;

    #[test]
    fn two_names_of_one_zone_are_no_conflict() {
        for (target, expect) in [
            ("02:30 ICT (UTC+7)", "once a day at 02:30 Asia/Bangkok"),
            ("02:30 (Asia/Bangkok, UTC+7)", "once a day at 02:30 Asia/Bangkok"),
            ("02:30 UTC+7 (Asia/Bangkok)", "once a day at 02:30 Asia/Bangkok"),
            ("02:30 UTC (GMT)", "once a day at 02:30 UTC"),
        ] {
            assert_eq!(compile("x", target).to_string(), expect, "{target}");
        }
        for target in ["02:30 ICT (UTC+8)", "02:30 (Europe/Berlin, UTC+1)", "02:30 Asia/Tokyo UTC"] {
            assert!(compile("x", target).to_string().starts_with("unclear"), "{target}");
        }
    }
}
