//! What is refused before it is understood, so that nothing explodes, and why, for the reason file.

use serde::{Deserialize, Serialize};

/// Past these an order is an attack or an accident; none that a person wrote comes near them.
pub(crate) const MAX_SOURCE_BYTES: usize = 16 * 1024 * 1024;
pub(crate) const MAX_FRONT_MATTER_BYTES: usize = 64 * 1024;
pub(crate) const MAX_DATA_DEPTH: usize = 16;
/// Lists in quotes in lists; nobody writes that, and each line costs as much as it is deep.
pub(crate) const MAX_MARKDOWN_DEPTH: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ParseRefusal {
    #[error("the order is not UTF-8: byte {offset} (line {line}) belongs to no character\nhint: save it as UTF-8")]
    NotUtf8 { offset: usize, line: usize },
    #[error(
        "the order holds a NUL byte in line {line}; it is no text\nhint: save it as UTF-8 text (UTF-16 has NUL bytes)"
    )]
    Nul { line: usize },
    #[error(
        "{what} has {bytes} bytes, the limit is {limit}\nhint: put long texts into the body or into files of their own"
    )]
    TooLong { what: String, bytes: usize, limit: usize },
    #[error("{what} is nested deeper than {limit} levels in line {line}\nhint: flatten it")]
    TooDeep { what: String, line: usize, limit: usize },
    #[error(
        "line {line} has a YAML {what}; these can grow without bound and are not read\nhint: write the value out, or quote it if it only starts with `&` or `*`"
    )]
    Alias { what: String, line: usize },
    #[error(
        "`{id}` ({place}) can't be an order's id, for it can't be a file's name\nhint: use `WO-` and then letters, digits, `-`, `_` and `.`"
    )]
    UnsafeId { id: String, place: String },
}
