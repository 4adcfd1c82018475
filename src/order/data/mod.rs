//! Structured text (YAML, TOML, JSON) with limits: read to one map, with the spans of its top-level keys.
//!
//! Invariant: limits are checked on a stream of events, before anything is built or expanded; the order of keys is that of
//! the text.

pub(crate) mod json;
pub(crate) mod toml;
pub(crate) mod yaml;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::refusal::ParseRefusal;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Data {
    pub map: Map<String, Value>,
    /// Top-level keys in the order of the text; several may share a line.
    pub keys: Vec<TopKey>,
    pub duplicates: Vec<Duplicate>,
    /// What was put right before the text could be read, each with its line.
    pub repairs: Vec<Repair>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TopKey {
    pub name: String,
    /// Byte offset in the text at which its part begins.
    pub start: usize,
    /// A plain scalar as written, e.g. `0251029`, which a number would not keep.
    pub raw: Option<String>,
}

/// A top-level key that stands there twice; the first is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Duplicate {
    pub name: String,
    /// Byte offsets of both.
    pub first: usize,
    pub second: usize,
    pub same: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Repair {
    pub start: usize,
    pub what: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum DataError {
    Refused(ParseRefusal),
    /// Not understood; `at` is a byte offset in the text.
    Syntax {
        message: String,
        at: usize,
    },
}

/// Offset at which each line starts.
pub(crate) fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1)).collect()
}
