//! Verification: measures a deployed thing again, for `wo verify`, for handlers' steps and for the verification handler.
//!
//! Invariant: every check is independent. Its result speaks of its own subject alone; what it depends on and cannot see
//! makes it [`Finding::Unmeasured`], never green and never a second red for one fault.

pub mod deployment;
