//! TOML front matter: brackets and dots are counted before anything is built.

use serde_json::{Map, Value};

use super::{Data, DataError, TopKey};
use crate::order::refusal::{MAX_DATA_DEPTH, ParseRefusal};

pub(crate) fn read(text: &str, first_line: usize, what: &str) -> Result<Data, DataError> {
    refuse_deep(text, first_line, what)?;
    let document = toml_edit::Document::parse(text).map_err(|error| DataError::Syntax {
        message: error.message().to_owned(),
        at: error.span().map_or(0, |span| span.start.min(text.len())),
    })?;
    let table: toml::Table = toml::from_str(text).map_err(|error| DataError::Syntax {
        message: error.message().to_owned(),
        at: error.span().map_or(0, |span| span.start.min(text.len())),
    })?;
    let mut keys: Vec<TopKey> = document
        .iter()
        .filter_map(|(name, item)| {
            let key_start = document.key(name).and_then(|key| key.span()).map(|span| span.start);
            let item_start = item.span().map(|span| span.start);
            let start = key_start.into_iter().chain(item_start).min()?;
            let line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
            Some(TopKey { name: name.to_owned(), start: line, raw: None })
        })
        .collect();
    keys.sort_by_key(|key| key.start);
    let map: Map<String, Value> = table.into_iter().map(|(key, value)| (key, to_json(value))).collect();
    Ok(Data { map, keys, ..Data::default() })
}

/// Reads any document; dates and times become their text.
pub(crate) fn read_leniently(text: &str) -> Result<Value, toml::de::Error> {
    toml::from_str(text).map(|table| to_json(toml::Value::Table(table)))
}

/// Counts without regard to strings; nobody nests that deep in either.
fn refuse_deep(text: &str, first_line: usize, what: &str) -> Result<(), DataError> {
    let mut depth = 0_usize;
    for (n, line) in text.lines().enumerate() {
        let key = line.split('=').next().unwrap_or("");
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DATA_DEPTH {
                break;
            }
        }
        if depth > MAX_DATA_DEPTH
            || (line.contains('=') || line.trim_start().starts_with('[')) && key.matches('.').count() >= MAX_DATA_DEPTH
        {
            return Err(DataError::Refused(ParseRefusal::TooDeep {
                what: what.to_owned(),
                line: first_line + n,
                limit: MAX_DATA_DEPTH,
            }));
        }
    }
    Ok(())
}

fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(s) => Value::String(s),
        toml::Value::Integer(n) => n.into(),
        toml::Value::Float(x) => {
            serde_json::Number::from_f64(x).map_or_else(|| Value::String(x.to_string()), Value::Number)
        }
        toml::Value::Boolean(b) => Value::Bool(b),
        toml::Value::Datetime(at) => Value::String(at.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(to_json).collect()),
        toml::Value::Table(table) => {
            Value::Object(table.into_iter().map(|(key, value)| (key, to_json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_values_and_depth() {
        let data = read("id = \"WO-1\"\nexpires = 2026-01-01\n# c\n[params]\na.b = 1\n", 1, "x").unwrap();
        assert_eq!(data.map["expires"], "2026-01-01");
        assert_eq!(data.map["params"]["a"]["b"], 1);
        let keys: Vec<_> = data.keys.iter().map(|key| (key.name.as_str(), key.start)).collect();
        assert_eq!(keys, [("id", 0), ("expires", 12), ("params", 37)]);
        for text in [
            format!("a = {}", "[".repeat(17)),
            format!("a{} = 1", ".b".repeat(30_000)),
            format!("[a{}]", ".b".repeat(30_000)),
        ] {
            assert!(matches!(read(&text, 1, "x"), Err(DataError::Refused(_))), "{}", &text[..20]);
        }
        assert!(matches!(read("a = 1\na = 2\n", 1, "x"), Err(DataError::Syntax { at: 6, .. })));
    }
}
