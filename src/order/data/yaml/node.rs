//! A YAML value as JSON, whatever its numbers are.
//!
//! Invariant: a number that JSON's integers can't hold is its text, so that no value is dropped and no digit of it.

use serde::de::{Deserialize, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess as _, Visitor};
use serde_json::{Map, Number, Value};

/// Reads any value. Of keys that stand there twice the last one counts, and aliases are expanded as far as the YAML library
/// allows; that is for texts that are kept and not carried out.
pub(crate) fn read_leniently(text: &str) -> Result<Value, serde_yaml::Error> {
    serde_yaml::from_str::<Node<false>>(text).map(|node| node.0)
}

/// With `STRICT` a key that stands twice in one mapping is an error.
pub(super) struct Node<const STRICT: bool>(pub Value);

impl<'de, const STRICT: bool> Deserialize<'de> for Node<STRICT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor::<STRICT>).map(Node)
    }
}

struct NodeVisitor<const STRICT: bool>;

impl<'de, const STRICT: bool> Visitor<'de> for NodeVisitor<STRICT> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Node::<STRICT>::deserialize(deserializer).map(|node| node.0)
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

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::String(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        let as_yaml = || Value::String(serde_yaml::Number::from(value).to_string());
        Ok(Number::from_f64(value).map_or_else(as_yaml, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Node::<STRICT>(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((Node::<STRICT>(key), Node::<STRICT>(value))) = entries.next_entry()? {
            let key = match key {
                Value::String(text) => text,
                other => other.to_string(),
            };
            if STRICT && map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands there twice")));
            }
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }

    /// A value with a tag: the tag says nothing here.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (_, value) = tagged.variant::<String>()?;
        value.newtype_variant::<Node<STRICT>>().map(|node| node.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_of_any_size_and_all_other_values() {
        for (text, expected) in [
            ("a: 18446744073709551615", json!({"a": u64::MAX})),
            ("a: 18446744073709551616", json!({"a": "18446744073709551616"})),
            ("a: 20251028023000123456", json!({"a": "20251028023000123456"})),
            ("a: -9223372036854775809\nb: -1", json!({"a": "-9223372036854775809", "b": -1})),
            ("a: [{b: 20251028023000123456}]", json!({"a": [{"b": "20251028023000123456"}]})),
            ("20251028023000123456: x\n1: y", json!({"20251028023000123456": "x", "1": "y"})),
            ("a: .nan\nb: .inf\nc: 1.5\nd: 0251029", json!({"a": ".nan", "b": ".inf", "c": 1.5, "d": "0251029"})),
            ("a: ~\nb: true\nc:\nd: !x 1\ne: !y [2]", json!({"a": null, "b": true, "c": null, "d": 1, "e": [2]})),
            ("? [a]\n: 1", json!({"[\"a\"]": 1})),
            ("", json!(null)),
        ] {
            assert_eq!(serde_yaml::from_str::<Node<true>>(text).unwrap().0, expected, "{text}");
            assert_eq!(read_leniently(text).unwrap(), expected, "{text}");
        }
        assert!(serde_yaml::from_str::<Node<true>>("a: {x: 1, x: 2}").is_err());
        assert_eq!(read_leniently("a: {x: 1, x: 2}").unwrap(), json!({"a": {"x": 2}}));
    }
}
