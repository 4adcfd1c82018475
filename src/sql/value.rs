//! DuckDB values as JSON.

use duckdb::types::{TimeUnit, Value};
use serde_json::{Map, Number, Value as Json};

/// `kind` is DuckDB's name of the type, where it is known: decimals need it.
pub fn to_json(value: Value, kind: &str) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Boolean(b) => Json::Bool(b),
        Value::TinyInt(n) => n.into(),
        Value::SmallInt(n) => n.into(),
        Value::Int(n) => n.into(),
        Value::BigInt(n) => n.into(),
        Value::UTinyInt(n) => n.into(),
        Value::USmallInt(n) => n.into(),
        Value::UInt(n) => n.into(),
        Value::UBigInt(n) => n.into(),
        Value::HugeInt(n) => i64::try_from(n).map_or_else(|_| Json::String(n.to_string()), Json::from),
        Value::UHugeInt(n) => u64::try_from(n).map_or_else(|_| Json::String(n.to_string()), Json::from),
        // the shortest text that is this float, not that of the nearest double
        Value::Float(n) => number(n.to_string().parse().unwrap_or(f64::from(n))),
        Value::Double(n) => number(n),
        Value::Timestamp(unit, n) => Json::String(timestamp(unit, n)),
        Value::Text(text) | Value::Enum(text) => Json::String(text),
        Value::Blob(bytes) | Value::Geometry(bytes) => Json::String(blob(&bytes)),
        Value::Date32(days) => Json::String(date(days)),
        Value::Time64(unit, n) => Json::String(time(unit, n)),
        Value::Interval { months, days, nanos } => Json::String(interval(months, days, nanos)),
        Value::List(values) | Value::Array(values) => {
            Json::Array(values.into_iter().map(|value| to_json(value, "")).collect())
        }
        Value::Struct(fields) => {
            let mut map = Map::new();
            for (name, value) in fields.iter() {
                map.insert(name.clone(), to_json(value.clone(), ""));
            }
            Json::Object(map)
        }
        Value::Map(entries) => {
            let mut map = Map::new();
            for (key, value) in entries.iter() {
                map.insert(as_text(to_json(key.clone(), "")), to_json(value.clone(), ""));
            }
            Json::Object(map)
        }
        Value::Union(value) => to_json(*value, ""),
        Value::Decimal(decimal) => decimal_number(&decimal.to_string(), kind),
        other => Json::String(format!("{other:?}")),
    }
}

/// A number where every value of that type is told apart by a double, else a text: one column is of one JSON type.
fn decimal_number(text: &str, kind: &str) -> Json {
    const EXACT_DIGITS: usize = 15;
    let stated = kind.strip_prefix("DECIMAL(").and_then(|rest| rest.split(',').next()?.trim().parse().ok());
    let digits = stated.unwrap_or_else(|| text.bytes().filter(u8::is_ascii_digit).count());
    match text.parse() {
        Ok(n) if digits <= EXACT_DIGITS => number(n),
        _ => Json::String(text.to_owned()),
    }
}

fn as_text(value: Json) -> String {
    match value {
        Json::String(text) => text,
        other => other.to_string(),
    }
}

fn number(n: f64) -> Json {
    Number::from_f64(n).map_or_else(|| Json::String(n.to_string()), Json::Number)
}

fn nanoseconds(unit: TimeUnit, n: i64) -> i128 {
    let factor = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    i128::from(n) * factor
}

/// As `2025-10-28 19:13:38.278`; a moment as the time in UTC, also where it stands in a list.
fn timestamp(unit: TimeUnit, n: i64) -> String {
    let Ok(at) = jiff::Timestamp::from_nanosecond(nanoseconds(unit, n)) else {
        return match n {
            i64::MAX => "infinity".to_owned(),
            n if n == -i64::MAX => "-infinity".to_owned(),
            // beyond the year 9999
            n => format!("{} ns since 1970-01-01", nanoseconds(unit, n)),
        };
    };
    at.to_zoned(jiff::tz::TimeZone::UTC).datetime().to_string().replacen('T', " ", 1)
}

fn date(days: i32) -> String {
    let at = jiff::Span::new().try_days(days).and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span));
    match (at, days) {
        (Ok(date), _) => date.to_string(),
        (Err(_), i32::MAX) => "infinity".to_owned(),
        (Err(_), days) if days == -i32::MAX => "-infinity".to_owned(),
        (Err(_), days) => format!("{days} days since 1970-01-01"),
    }
}

fn time(unit: TimeUnit, n: i64) -> String {
    let nanos = nanoseconds(unit, n);
    let at = i64::try_from(nanos)
        .ok()
        .and_then(|n| jiff::civil::Time::midnight().checked_add(jiff::SignedDuration::from_nanos(n)).ok());
    at.map_or_else(|| nanos.to_string(), |time| time.to_string())
}

fn interval(months: i32, days: i32, nanos: i64) -> String {
    let mut parts = Vec::new();
    for (n, unit) in [(i64::from(months / 12), "year"), (i64::from(months % 12), "month"), (i64::from(days), "day")] {
        if n != 0 {
            parts.push(format!("{n} {unit}{}", if n.abs() == 1 { "" } else { "s" }));
        }
    }
    if nanos != 0 || parts.is_empty() {
        let sign = if nanos < 0 { "-" } else { "" };
        let micros = nanos.unsigned_abs() / 1_000;
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let fraction =
            if fraction == 0 { String::new() } else { format!(".{fraction:06}").trim_end_matches('0').to_owned() };
        parts.push(format!("{sign}{h:02}:{m:02}:{s:02}{fraction}"));
    }
    parts.join(" ")
}

fn blob(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b' '..=b'~' if *byte != b'\\' => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02X}"),
        })
        .collect()
}
