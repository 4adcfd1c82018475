//! The monitor: checks, the heartbeat loop, thresholds and alerts, and what heartbeats measure.
//!
//! A cycle runs top to bottom in [`run`]: due → [`cycle`] (all checks at once) → [`record`] (thresholds advance, the report
//! is written whole, alerts are queued) → next. Delivery of alerts never is in its way.
//!
//! What must hold: a state is green only if this cycle measured it (or says how old the measurement is); counters and
//! the queue survive restarts; one due time fires once, however many processes run the loop.

pub mod checks;
pub mod config;
pub mod cycle;
pub mod heartbeat;
pub mod memo;

pub use config::MonitorConfig;
