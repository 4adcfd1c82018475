//! The keys of a property list, as launchd reads them.

use std::time::Duration;

use plist::{Dictionary, Value};

pub(super) fn text(root: &Dictionary, key: &str) -> Option<String> {
    root.get(key).and_then(Value::as_string).map(str::to_owned)
}

pub(super) fn strings(root: &Dictionary, key: &str) -> Vec<String> {
    let values = root.get(key).and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_string).map(str::to_owned).collect()
}

pub(super) fn keep_alive(root: &Dictionary) -> bool {
    !matches!(root.get("KeepAlive"), None | Some(Value::Boolean(false)))
}

pub(super) fn interval(root: &Dictionary) -> Option<Duration> {
    root.get("StartInterval").and_then(Value::as_unsigned_integer).filter(|s| *s > 0).map(Duration::from_secs)
}

pub(super) fn calendar_matches(root: &Dictionary) -> bool {
    let now = jiff::Zoned::now();
    let entries: Vec<&Dictionary> = match root.get("StartCalendarInterval") {
        Some(Value::Dictionary(entry)) => vec![entry],
        Some(Value::Array(entries)) => entries.iter().filter_map(Value::as_dictionary).collect(),
        _ => return false,
    };
    let weekday = i64::from(now.weekday().to_sunday_zero_offset());
    entries.iter().any(|entry| {
        let is = |key: &str, value: i64| {
            entry.get(key).is_none_or(|wanted| {
                wanted
                    .as_signed_integer()
                    .is_some_and(|wanted| wanted == value || (key == "Weekday" && wanted == 7 && value == 0))
            })
        };
        let day = match entry.contains_key("Day") && entry.contains_key("Weekday") {
            true => is("Day", now.day().into()) || is("Weekday", weekday),
            false => is("Day", now.day().into()) && is("Weekday", weekday),
        };
        day && is("Month", now.month().into()) && is("Hour", now.hour().into()) && is("Minute", now.minute().into())
    })
}

pub(super) fn minute_now() -> i64 {
    jiff::Timestamp::now().as_second().div_euclid(60)
}
