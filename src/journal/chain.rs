//! The hash chain over events: each hash covers the one before it, so that no event can be changed, dropped from the
//! middle or put in another place without it showing.

use crate::digest::Hasher;

/// The hash before the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Hash of one event: SHA-256 over the length-prefixed fields, in lower-case hex.
pub fn link(previous: &str, seq: i64, at: &str, run: i64, body: &str) -> String {
    let mut hasher = Hasher::default();
    for field in [previous, &seq.to_string(), at, &run.to_string(), body] {
        hasher.add((field.len() as u64).to_le_bytes());
        hasher.add(field);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_changes_the_hash() {
        let base = link(GENESIS, 1, "t", 1, "{}");
        for other in [
            link(&base, 1, "t", 1, "{}"),
            link(GENESIS, 2, "t", 1, "{}"),
            link(GENESIS, 1, "u", 1, "{}"),
            link(GENESIS, 1, "t", 2, "{}"),
            link(GENESIS, 1, "t", 1, "{ }"),
            link(GENESIS, 1, "t1", 1, "{}"),
        ] {
            assert_ne!(base, other);
        }
    }
}
