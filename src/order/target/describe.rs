//! Targets in words, for `wo lint` and for reasons in reports.

use std::fmt;

use super::amount::quantity;
use super::{Comparator, Period, Target, Weekday};

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Compare { comparator, number, unit, per, condition } => {
                write!(f, "{comparator} {}", quantity(*number, unit))?;
                if let Some(per) = per {
                    write!(f, " per {per}")?;
                }
                if let Some(condition) = condition {
                    write!(f, ", {condition}")?;
                }
                Ok(())
            }
            Target::Range { low, high, unit } => write!(f, "{} to {}", quantity(*low, unit), quantity(*high, unit)),
            Target::All { of: Some(of) } => write!(f, "all of {of} pass"),
            Target::All { of: None } => f.write_str("all pass"),
            Target::Statistic { statistic, then } => write!(f, "{statistic} {then}"),
            Target::Category { word } => write!(f, "is {word}"),
            Target::Schedule { times, every, at, weekday, zone } => {
                if *times == 1 {
                    write!(f, "once a {every}")?
                } else {
                    write!(f, "{times} times a {every}")?
                }
                if let Some(weekday) = weekday {
                    write!(f, " on {weekday}")?;
                }
                match at {
                    Some(at) if *every == Period::Hour => write!(f, " at :{:02}", at.minute())?,
                    Some(at) if at.second() == 0 => write!(f, " at {}", at.strftime("%H:%M"))?,
                    Some(at) => write!(f, " at {}", at.strftime("%H:%M:%S"))?,
                    None => {}
                }
                zone.as_ref().map_or(Ok(()), |zone| write!(f, " {zone}"))
            }
            Target::Ready { word } => write!(f, "works ({word})"),
            Target::Automatic => f.write_str("was started by the service manager itself and ended well"),
            Target::None { noun } if noun.is_empty() => f.write_str("none"),
            Target::None { noun } => write!(f, "no {noun}"),
            Target::Unclear { why } => write!(f, "unclear: {why}"),
        }
    }
}

impl fmt::Display for Comparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Comparator::Less => "<",
            Comparator::AtMost => "≤",
            Comparator::Equal => "=",
            Comparator::NotEqual => "≠",
            Comparator::AtLeast => "≥",
            Comparator::Greater => ">",
            Comparator::About => "within 10% of",
        })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Period::Minute => "minute",
            Period::Hour => "hour",
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Year => "year",
        })
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Weekday::Monday => "Monday",
            Weekday::Tuesday => "Tuesday",
            Weekday::Wednesday => "Wednesday",
            Weekday::Thursday => "Thursday",
            Weekday::Friday => "Friday",
            Weekday::Saturday => "Saturday",
            Weekday::Sunday => "Sunday",
        })
    }
}
