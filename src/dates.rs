//! Dates as people write them in reports and file names. A date without a zone is in the zone that the caller names.
//!
//! Invariant: no text makes it panic; what isn't certainly a date is `None`.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

mod day;
mod weekday;
mod zone;

pub use weekday::{full_weekday, weekday};

/// The time in the first Timestamp or Date line outside of code that can be read; microseconds since the epoch.
pub fn stated(text: &str, zone: &TimeZone) -> Option<i64> {
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let line = line.trim();
        let mark = ["```", "~~~"].into_iter().find(|mark| line.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => {
                if let Some(at) = date_line(line).and_then(read).and_then(|stated| stated.at(zone)) {
                    return Some(at.as_microsecond());
                }
            }
            _ => {}
        }
    }
    None
}

/// The value of `**Timestamp:** …`, `- **Date**: …`, `date: …`, `| Date | … |`.
fn date_line(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    let label = ["timestamp", "date"]
        .into_iter()
        .find(|label| line.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label)))?;
    let rest = line.get(label.len()..)?.trim_start_matches(['*', '_', ' ', '\t']);
    let value = rest.strip_prefix([':', '：', '|'])?;
    Some(value.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '"' | '\'')))
}

/// A date as it stands in a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated<'a> {
    pub date: Date,
    /// `None`: only the date is there.
    pub time: Option<Time>,
    /// `None`: it names no zone.
    pub zone: Option<TimeZone>,
    /// What follows.
    pub rest: &'a str,
}

impl Stated<'_> {
    /// The moment: midnight where no time is there, in `zone` where it names none. `None` outside the years that a report
    /// of this system can have.
    pub fn at(&self, zone: &TimeZone) -> Option<Timestamp> {
        let zone = self.zone.as_ref().unwrap_or(zone).clone();
        let zoned = self.date.to_datetime(self.time.unwrap_or(Time::midnight())).to_zoned(zone).ok()?;
        (1980..=2200).contains(&zoned.with_time_zone(TimeZone::UTC).year()).then(|| zoned.timestamp())
    }
}

/// `2025-10-28`, `2025-10-28T19:13:38.278Z`, `2025-10-28 02:30 +0700`, `2025/10/28 2:30 PM`, `2025-10-28 02:30[Asia/Bangkok]`,
/// `October 28, 2025`, `Tue, 28 Oct 2025 19:13:38 GMT`, `28.10.2025`, `10/28/2025, 7:13:38 PM`, with anything after it. `None` where
/// it can be read in two ways, or what follows the time says that it is of a zone which isn't known.
pub fn read(text: &str) -> Option<Stated<'_>> {
    let text = day::after_weekday(text);
    let (date, rest) = numeric_date(text).or_else(|| day::other_numbers(text)).or_else(|| day::worded(text))?;
    let Some((time, rest)) = time_of_day(rest).or_else(|| time_of_day(day::before_time(rest)?)) else {
        return Some(Stated { date, time: None, zone: None, rest });
    };
    let time = Some(time);
    // `10:00-11:00` are two times, or one and its zone
    let used = text.get(..text.len() - rest.len()).unwrap_or_default();
    if rest.starts_with(['-', '−']) && used.matches(':').count() < 2 && !used.contains(['T', 't']) {
        return None;
    }
    if let Some((zone, rest)) = zone::zone(rest) {
        return Some(Stated { date, time, zone: Some(zone), rest });
    }
    match zone::later(rest) {
        zone::Later::Named(zone) => Some(Stated { date, time, zone: Some(zone), rest }),
        zone::Later::Unknown => None,
        zone::Later::Nothing => Some(Stated { date, time, zone: None, rest }),
    }
}

/// The same of a text that says nothing else.
pub fn alone(text: &str) -> Option<Stated<'_>> {
    let text = text.trim();
    let stated = read(text).filter(|stated| stated.rest.trim().is_empty())?;
    // days in words are found behind other words too: of one that stands alone no word can be left out
    let (_, later) = day::after_weekday(text).split_once(char::is_whitespace).unwrap_or_default();
    day::worded(later).is_none().then_some(stated)
}

fn at(date: Date, time: Time, zone: &TimeZone) -> Option<i64> {
    let stated = Stated { date, time: Some(time), zone: None, rest: "" };
    Some(stated.at(zone)?.as_microsecond())
}

fn numeric_date(text: &str) -> Option<(Date, &str)> {
    let (year, rest) = digits(text, 4)?;
    let rest = rest.strip_prefix(['-', '/', '.'])?;
    let (month, rest) = digits(rest, 2)?;
    let rest = rest.strip_prefix(['-', '/', '.'])?;
    let (day, rest) = digits(rest, 2)?;
    (!rest.starts_with(|c: char| c.is_ascii_digit())).then_some(())?;
    Some((Date::new(year as i16, month as i8, day as i8).ok()?, rest))
}

fn time_of_day(text: &str) -> Option<(Time, &str)> {
    let text = text.strip_prefix(['T', 't', ' ', '_', ',']).map(|rest| rest.trim_start_matches([' ', '@']))?;
    let (hour, rest) = digits(text, 2).or_else(|| digits(text, 1))?;
    let (minute, mut rest) = digits(rest.strip_prefix([':', 'h'])?, 2)?;
    let (mut second, mut nano) = (0, 0);
    if let Some((n, after)) = rest.strip_prefix(':').and_then(|rest| digits(rest, 2)) {
        (second, rest) = (n, after);
        if let Some(fraction) = rest.strip_prefix(['.', ',']) {
            let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
            let (kept, after) = fraction.split_at(end);
            nano = format!("{kept:0<9}").get(..9)?.parse().ok()?;
            rest = after;
        }
    }
    let (hour, rest) = match half_of_day(rest) {
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some((is_afternoon, rest)) => (hour % 12 + if is_afternoon { 12 } else { 0 }, rest),
        None => (hour, rest),
    };
    let time = Time::new(hour as i8, minute as i8, second.min(59) as i8, nano).ok()?;
    Some((time, rest))
}

/// ` PM`, `am`, ` p.m.`: whether it is the afternoon.
fn half_of_day(text: &str) -> Option<(bool, &str)> {
    let text = text.trim_start();
    let (word, is_afternoon) = [("a.m.", false), ("p.m.", true), ("am", false), ("pm", true)]
        .into_iter()
        .find(|(word, _)| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))?;
    let rest = text.get(word.len()..)?;
    (!rest.starts_with(char::is_alphanumeric)).then_some((is_afternoon, rest))
}

/// Exactly `n` digits at the start.
fn digits(text: &str, n: usize) -> Option<(u32, &str)> {
    let (head, rest) = text.split_at_checked(n)?;
    head.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    Some((head.parse().ok()?, rest))
}

/// The date (and time) in a file name: `2025-10-28_19-13-38`, `20251028`, `20251028T1913`, `WO-251028-…`.
pub fn in_file_name(name: &str, zone: &TimeZone) -> Option<i64> {
    let starts = |i: usize| i == 0 || !name.as_bytes()[i - 1].is_ascii_digit();
    let tails = || name.char_indices().filter(|(i, _)| starts(*i)).filter_map(|(i, _)| name.get(i..));
    let long = tails().find_map(|tail| {
        let (date, rest) = numeric_date(tail).or_else(|| compact_date(tail))?;
        Some((date, time_in_name(rest).unwrap_or(Time::midnight())))
    });
    let (date, time) = long.or_else(|| tails().find_map(short_date).map(|date| (date, Time::midnight())))?;
    at(date, time, zone)
}

fn compact_date(text: &str) -> Option<(Date, &str)> {
    let (n, rest) = digits(text, 8)?;
    (!rest.starts_with(|c: char| c.is_ascii_digit())).then_some(())?;
    let date = Date::new((n / 10_000) as i16, (n / 100 % 100) as i8, (n % 100) as i8).ok()?;
    (1980..=2200).contains(&date.year()).then_some((date, rest))
}

/// `251028`: only when nothing longer is there, and never before 2020.
fn short_date(text: &str) -> Option<Date> {
    let (n, rest) = digits(text, 6)?;
    (!rest.starts_with(|c: char| c.is_ascii_digit())).then_some(())?;
    let year = 2000 + (n / 10_000) as i16;
    (2020..=2060).contains(&year).then_some(())?;
    Date::new(year, (n / 100 % 100) as i8, (n % 100) as i8).ok()
}

fn time_in_name(rest: &str) -> Option<Time> {
    let rest = rest.strip_prefix(['T', 't', '_', '-', ' '])?;
    let (hour, rest) = digits(rest, 2)?;
    let split = |rest: &str| digits(rest.strip_prefix(['-', ':', '.', 'h']).unwrap_or(rest), 2).map(|(n, _)| n);
    let minute = split(rest)?;
    let after = rest.strip_prefix(['-', ':', '.', 'h']).unwrap_or(rest).get(2..).unwrap_or_default();
    Time::new(hour as i8, minute as i8, split(after).unwrap_or(0) as i8, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(at: Option<i64>) -> String {
        at.map_or("none".to_owned(), |at| Timestamp::from_microsecond(at).unwrap().to_string())
    }

    #[test]
    fn date_lines() {
        for (text, expected) in [
            ("**Timestamp:** 2025-10-28T19:13:38.278Z", "2025-10-28T19:13:38.278Z"),
            ("**Date:** 2025-10-28", "2025-10-28T00:00:00Z"),
            ("- **Date**: 2025-10-28 02:30 +0700", "2025-10-27T19:30:00Z"),
            ("Date: 2025/10/28 02:30:15 UTC", "2025-10-28T02:30:15Z"),
            ("date: \"2025-10-28T02:30:00+07:00\"", "2025-10-27T19:30:00Z"),
            ("| Date | 2025-10-28 |", "2025-10-28T00:00:00Z"),
            ("> 📅 **Date:** October 28th, 2025", "2025-10-28T00:00:00Z"),
            ("**Date:** Tue, 28 Oct 2025", "2025-10-28T00:00:00Z"),
            ("**Date:** 2025-10-28 02:30 UTC+7", "2025-10-27T19:30:00Z"),
            ("**Date:** $(date)\n**Date:** 2025-10-28", "2025-10-28T00:00:00Z"),
            ("```\nDate: 2020-01-01\n```\nDate: 2025-10-28", "2025-10-28T00:00:00Z"),
            ("**Date:** 2025-10-28 02:30 PM", "2025-10-28T14:30:00Z"),
            ("**Date:** 2025-10-28 12:05:09 a.m. +0700", "2025-10-27T17:05:09Z"),
            ("**Date:** October 28, 2025 2:30 pm", "2025-10-28T14:30:00Z"),
            ("**Date:** 2025-10-28 13:30 PM", "2025-10-28T00:00:00Z"),
            ("**Date:** 2025-10-28 02:30 amid much ado", "2025-10-28T02:30:00Z"),
            ("**Date:** Tue, 28 Oct 2025 19:13:38 GMT", "2025-10-28T19:13:38Z"),
            ("**Date:** Tue, 28 Oct 2025 19:13:38 -0330", "2025-10-28T22:43:38Z"),
            ("**Date:** 2025-10-28 02:30[Asia/Bangkok]", "2025-10-27T19:30:00Z"),
            ("**Date:** 2025-10-28 02:30 (Asia/Bangkok)", "2025-10-27T19:30:00Z"),
            ("**Date:** 2025-10-28 02:30 Asia/Bangkok", "2025-10-27T19:30:00Z"),
            ("**Date:** 2025-10-28T02:30:00.5Z (UTC)", "2025-10-28T02:30:00.5Z"),
            ("**Date:** 2025-10-28 02:30 Zulu", "2025-10-28T02:30:00Z"),
            ("**Date:** Decided 5 May 2025", "2025-05-05T00:00:00Z"),
            ("**Date:** 9 AM on October 28, 2025", "2025-10-28T00:00:00Z"),
            ("**Date:** 28th of Oct, 2025 @ 02:30 (GMT+7)", "2025-10-27T19:30:00Z"),
            ("**Date:** Tue Oct 28 02:30:00 +07 2025", "2025-10-27T19:30:00Z"),
            ("**Date:** Tue Oct 28 22:30:00 2025", "2025-10-28T22:30:00Z"),
            ("**Date:** Tue Oct 28 22:30:00 UTC 2025", "2025-10-28T22:30:00Z"),
            ("**Date:** Tue, 28 Oct 2025 7:13 PM", "2025-10-28T19:13:00Z"),
            ("**Date:** Mar 3 2025 12:00 noon", "2025-03-03T12:00:00Z"),
            ("**Date:** October 28, 2025 at 2:30 pm", "2025-10-28T14:30:00Z"),
            ("**Date:** 28 October 2025 14h30", "2025-10-28T14:30:00Z"),
            ("**Date:** 28-Oct-2025", "2025-10-28T00:00:00Z"),
            ("**Date:** 2025-1-5", "2025-01-05T00:00:00Z"),
            ("**Date:** 28.10.2025, 19:13:38", "2025-10-28T19:13:38Z"),
            ("**Date:** 2025年10月28日", "2025-10-28T00:00:00Z"),
            ("**Date:** 10/28/2025, 7:13:38 PM", "2025-10-28T19:13:38Z"),
            ("**Date:** 10/28/2025, 7:13:38\u{202f}PM", "2025-10-28T19:13:38Z"),
            ("**Date:** 10/5/2025, 7:13:38 PM", "2025-10-05T19:13:38Z"),
            ("**Date:** 28/10/2025 19:13", "2025-10-28T19:13:00Z"),
            ("**Date:** 5/5/2025", "2025-05-05T00:00:00Z"),
            ("**Date:** 2025-10-28 (Tue) 00:30 +07:00", "2025-10-27T17:30:00Z"),
            ("**Date:** Tue 2025-10-28 19:13", "2025-10-28T19:13:00Z"),
            ("**Date:** 2025-10-28 @ 14:30 UTC", "2025-10-28T14:30:00Z"),
            ("**Date:** 2025-10-28 2:30 PM ICT (UTC+7)", "2025-10-28T07:30:00Z"),
            ("**Date:** 2025-10-28 02:30 (Bangkok time, UTC+7)", "2025-10-27T19:30:00Z"),
            ("**Date:** 2025-10-28 14:30 to 2025-10-29 02:00 +07:00", "2025-10-28T07:30:00Z"),
            ("**Date:** 2025-10-28 14:30 by CLC", "2025-10-28T14:30:00Z"),
            ("| Date | 2025-10-28 14:30 | GG |", "2025-10-28T14:30:00Z"),
            // words that are no zones
            ("**Date:** 2025-10-28 02:30 (CLC)", "2025-10-28T02:30:00Z"),
            ("**Date:** 2025-10-28 02:30 GG → CLC", "2025-10-28T02:30:00Z"),
            ("**Date:** 2025-10-28 02:30 GG/CLC", "2025-10-28T02:30:00Z"),
            ("**Date:** 2025-10-28 02:30 DONE", "2025-10-28T02:30:00Z"),
            ("**Date:** 2025-10-28 02:30 (OPS)", "2025-10-28T02:30:00Z"),
            ("**Date:** 2025-10-28 19:13 (3rd time)", "2025-10-28T19:13:00Z"),
            ("**Date:** 2025-10-28 19:13 [updated]", "2025-10-28T19:13:00Z"),
            ("**Date:** 2025-10-28 19:13 [WO-251028](../x.md)", "2025-10-28T19:13:00Z"),
            ("**Date:** Tue Oct 28 07:13:38 PM UTC 2025", "2025-10-28T19:13:38Z"),
            ("**Date:** Tue Oct 28 07:13:38 PM +07 2025", "2025-10-28T12:13:38Z"),
            ("**Date:** Tue 28 Oct 19:13:38 +07 2025", "2025-10-28T12:13:38Z"),
            ("**Date:** Tue 28 Oct 07:13:38 PM UTC 2025", "2025-10-28T19:13:38Z"),
            ("**Date:** October 27, 2025 – November 2, 2025", "2025-10-27T00:00:00Z"),
            ("**Date:** 27 October 2025 to 2 November 2025", "2025-10-27T00:00:00Z"),
            ("**Date:** Last updated October 28, 2025", "2025-10-28T00:00:00Z"),
            // whose time that is can't be told
            ("**Date:** Tue 28 Oct 19:13:38 ICT 2025", "none"),
            ("**Date:** 2025-10-28 02:30 (ICT)", "none"),
            ("**Date:** last October 28, 2025", "none"),
            ("**Date:** 2025-10-28 02:30 ICT", "none"),
            ("**Date:** 2025-10-28 22:30 EDT", "none"),
            ("**Date:** 2025-10-28 22:30 edt", "none"),
            ("**Date:** Tue Oct 28 22:30:00 EDT 2025", "none"),
            ("**Date:** 2025-10-28 02:30 (Bangkok time)", "none"),
            ("**Date:** 2025-10-28 02:30 local time", "none"),
            ("**Date:** 2025-10-28 02:30 Bangkok", "none"),
            ("**Date:** 2025-10-28 02:30[Mars/Olympus]", "none"),
            ("**Date:** 2025-10-28 10:00-11:00", "none"),
            // or which day
            ("**Date:** 3 days after Nov 5, 2025", "none"),
            ("**Date:** October 2025, week 4", "none"),
            ("**Date:** Oct 28 – Nov 2, 2025", "none"),
            ("**Date:** Oct 28 - 30, 2025", "none"),
            ("**Date:** 10/5/2025", "none"),
            ("**Date:** 5/10/2025, 7:13:38 pm", "none"),
            ("**Date:** 28 ตุลาคม 2568", "none"),
            ("**Date:** 2568-10-28", "none"),
            ("**Date:** 2025-02-29", "none"),
            ("**Date:** 1761678818278", "none"),
            ("**Date:** Decide by 5 May 2025", "none"),
            ("Dated: 2025-10-28", "none"),
            ("Date: 2025-13-45", "none"),
            ("Date: soon", "none"),
            ("Date: 0001-01-01", "none"),
            ("Dateé: 2025-10-28", "none"),
            ("", "none"),
        ] {
            assert_eq!(show(stated(text, &TimeZone::UTC)), expected, "{text}");
        }
        let bangkok = TimeZone::get("Asia/Bangkok").unwrap();
        assert_eq!(show(stated("Date: 2025-10-28", &bangkok)), "2025-10-27T17:00:00Z");
    }

    #[test]
    fn a_date_and_nothing_else() {
        for (text, expected) in [
            ("1 Jan 2027", Some("2027-01-01")),
            ("Dec 31, 2027", Some("2027-12-31")),
            ("31st of December 2027", Some("2027-12-31")),
            ("Fri, 31 Dec 2027 18:00 +0700", Some("2027-12-31")),
            ("31/12/2027", Some("2027-12-31")),
            ("2027/12/31", Some("2027-12-31")),
            ("01/02/2027", None),
            ("in the night of 31 Dec 2027", None),
            ("30 minutes, Dec 31, 2027", None),
            ("after Dec 31, 2027", None),
            ("Dec 31, 2027 or later", None),
            ("Dec 31, 2027 – Jan 2, 2028", None),
            ("Dec 2027", None),
            ("Dec 31", None),
            ("", None),
        ] {
            assert_eq!(alone(text).map(|stated| stated.date.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn dates_in_file_names() {
        for (name, expected) in [
            ("verify_2025-10-28_19-13-38.md", "2025-10-28T19:13:38Z"),
            ("x_20251028.md", "2025-10-28T00:00:00Z"),
            ("x_20251028T1913Z.md", "2025-10-28T19:13:00Z"),
            ("x_20251028_191338.md", "2025-10-28T19:13:38Z"),
            ("WO-251028-EXPORT_REPORT.md", "2025-10-28T00:00:00Z"),
            ("รายงาน_2025-10-28.md", "2025-10-28T00:00:00Z"),
            ("x_991231.md", "none"),
            ("build_1234567890.md", "none"),
            ("notes.md", "none"),
            ("x_20251301.md", "none"),
        ] {
            assert_eq!(show(in_file_name(name, &TimeZone::UTC)), expected, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", digits in "[-0-9:TZ+ ./_é]*") {
            for text in [text, format!("Date: {digits}"), digits] {
                let _ = stated(&text, &TimeZone::UTC);
                let _ = in_file_name(&text, &TimeZone::UTC);
            }
        }
    }
}
