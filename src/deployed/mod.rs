//! What orders deploy and `wo verify` measures again: where it is recorded, and the bytes of what is written.
//!
//! Invariant: nothing here knows a handler or a check, so that both write and compare the very same files.

pub mod record;
pub mod render;
pub mod shims;
