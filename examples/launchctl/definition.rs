//! The keys of a property list, as launchd reads them.

use std::io::Cursor;
use std::time::Duration;

use plist::{Dictionary, Value};

/// A property list, XML or binary. A CDATA section is text, as for launchd; the library would leave it out.
pub(super) fn read(bytes: &[u8]) -> Option<Dictionary> {
    let value = match std::str::from_utf8(bytes) {
        Ok(xml) if !bytes.starts_with(b"bplist") => Value::from_reader_xml(without_sections(xml).as_bytes()),
        _ => Value::from_reader(Cursor::new(bytes)),
    };
    value.ok()?.into_dictionary()
}

fn without_sections(xml: &str) -> String {
    const COMMENT: (&str, &str) = ("<!--", "-->");
    const SECTION: (&str, &str) = ("<![CDATA[", "]]>");
    let mut out = String::new();
    let mut rest = xml;
    loop {
        let first = [COMMENT, SECTION].into_iter().filter_map(|kind| Some((rest.find(kind.0)?, kind))).min();
        let Some((at, (open, close))) = first else { return out + rest };
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let Some((inside, after)) = from.strip_prefix(open).and_then(|from| from.split_once(close)) else {
            return out + from;
        };
        if open == SECTION.0 {
            out.push_str(&inside.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        }
        rest = after;
    }
}

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
