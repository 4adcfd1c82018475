//! JSON: one pass over the text checks depth and finds the top-level keys; `serde_json` reads the values. Keys that
//! stand twice in one object are an error, for which of them counts would be a guess.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{Data, DataError, TopKey};
use crate::order::refusal::{MAX_DATA_DEPTH, ParseRefusal};

pub(crate) fn read(text: &str, first_line: usize, what: &str) -> Result<Data, DataError> {
    let keys = scan(text, first_line, what)?;
    let strict: Strict = serde_json::from_str(text).map_err(|error| {
        let starts = super::line_starts(text);
        let line_start = starts.get(error.line().saturating_sub(1)).copied().unwrap_or(0);
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
        DataError::Syntax { message, at: (line_start + error.column().saturating_sub(1)).min(text.len()) }
    })?;
    match strict.0 {
        Value::Object(map) => Ok(Data { map, keys, ..Data::default() }),
        _ => Err(DataError::Syntax { message: "it is not an object of keys and values".to_owned(), at: 0 }),
    }
}

/// Depth, and where the keys of the top-level object begin.
fn scan(text: &str, first_line: usize, what: &str) -> Result<Vec<TopKey>, DataError> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut line = first_line;
    let mut keys = Vec::new();
    let mut expects_key = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => line += 1,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DATA_DEPTH {
                    return Err(DataError::Refused(ParseRefusal::TooDeep {
                        what: what.to_owned(),
                        line,
                        limit: MAX_DATA_DEPTH,
                    }));
                }
                expects_key = depth == 1 && *byte == b'{';
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => expects_key = true,
            b'"' => {
                let start = at;
                at += 1;
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    line += usize::from(*byte == b'\n');
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
                if depth == 1 && expects_key {
                    let name =
                        text.get(start..=at).and_then(|quoted| serde_json::from_str(quoted).ok()).unwrap_or_default();
                    keys.push(TopKey { name, start, raw: None });
                    expects_key = false;
                }
            }
            _ => {}
        }
        at += 1;
    }
    Ok(keys)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands there twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_depth_and_duplicates() {
        let data = read("{\n \"a\": {\"x\": [1, \"}\"]},\n \"b\\\"c\": 1, \"d\": \"ข\"}\n", 1, "x").unwrap();
        let keys: Vec<_> = data.keys.iter().map(|key| (key.name.as_str(), key.start)).collect();
        assert_eq!(keys, [("a", 3), ("b\"c", 26), ("d", 37)]);
        assert_eq!(data.map.keys().collect::<Vec<_>>(), ["a", "b\"c", "d"]);
        for text in ["{\"a\": 1, \"a\": 2}", "{\"x\": {\"a\": 1, \"a\": 2}}", "[1]", "{", "{\"a\": 1} x", ""] {
            assert!(matches!(read(text, 1, "x"), Err(DataError::Syntax { .. })), "{text}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(matches!(read(&deep, 1, "x"), Err(DataError::Refused(_))));
    }
}
