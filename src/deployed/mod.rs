//! What handlers deploy and `wo verify` measures again: the record of it, and the files that are written for it.
//!
//! Invariant: nothing here knows a handler or a check, so that both write and compare the very same files.

pub mod record;
pub mod render;
pub mod shims;
