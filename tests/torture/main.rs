//! The torture suite: the machine is broken under `wo` in every way that the design names, and after every break the same
//! five invariants are checked ([`ground::Ground::check`]).
//!
//! A short form runs inside `make test`; `make torture` (`WO_TORTURE=full`) sweeps every call, every failpoint, 300 power
//! cuts. What a machine can't do (no loop devices, no root) is said in one loud line, never passed over in silence.
// clippy.toml lets tests panic, but knows only the functions marked as tests, not their helpers
#![allow(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

#[path = "../it/support/mod.rs"]
mod support;

mod damage;
mod deployment;
mod failpoints;
mod ground;
mod inbox;
#[cfg(target_os = "linux")]
mod kill;
#[cfg(target_os = "linux")]
mod power;
mod requests;
#[cfg(target_os = "linux")]
mod scarce;
