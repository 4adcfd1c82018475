//! What the Parquet exporter's deployment can be measured by, and the labels that people write for it.
//!
//! Invariant: no label, folded, stands under two keys; a test of the registry holds this.

mod data;
mod place;
mod rollout;

use crate::evidence::Declaration;

const fn declare(key: &'static str, aliases: &'static [&'static str], about: &'static str) -> Declaration {
    Declaration::new(key, aliases, about)
}

/// Measurements of `wo verify parquet`, and so of a verification.
pub const VERIFIED: &[Declaration] =
    &join::<{ data::DECLARATIONS.len() + place::DECLARATIONS.len() }>(data::DECLARATIONS, place::DECLARATIONS);

/// Measurements of `parquet-exporter`, which deploys and verifies.
pub const DECLARATIONS: &[Declaration] =
    &join::<{ VERIFIED.len() + rollout::DECLARATIONS.len() }>(VERIFIED, rollout::DECLARATIONS);

/// `N` is the length of both together.
const fn join<const N: usize>(one: &[Declaration], other: &[Declaration]) -> [Declaration; N] {
    let mut all = [one[0]; N];
    let mut n = 0;
    while n < N {
        all[n] = if n < one.len() { one[n] } else { other[n - one.len()] };
        n += 1;
    }
    all
}
