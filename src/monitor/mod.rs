//! The monitor: checks, the heartbeat loop, thresholds and alerts, and what heartbeats measure.
//!
//! A cycle runs top to bottom in [`run`]: due → [`cycle`] (all checks at once) → [`record`] (thresholds advance, the report
//! is written whole, notices are queued) → next. Delivery of notices never is in its way.
//!
//! What must hold: a state is green only if this cycle measured it (or says how old the measurement is); counters and
//! the queue survive restarts; one due time fires once, however many processes run the loop.

pub mod checks;
pub mod config;
pub mod cycle;
pub mod deliver;
pub mod heartbeat;
pub mod history;
pub mod measure;
pub mod memo;
pub mod notice;
pub mod record;
pub mod run;
pub mod store;
pub mod thresholds;
pub mod timing;

pub use config::MonitorConfig;
pub use run::{Parts, look, once, start, start_with};

/// Why the monitor could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    #[error("{0}")]
    Config(String),
    #[error("failed to start the monitor: {0}")]
    Start(String),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error(transparent)]
    Durable(#[from] crate::durable::DurableError),
}

impl MonitorError {
    /// An fsync that failed: the daemon must stop.
    pub fn is_fatal(&self) -> bool {
        match self {
            MonitorError::Store(error) => error.is_fatal(),
            MonitorError::Durable(error) => error.is_fatal(),
            MonitorError::Config(_) | MonitorError::Start(_) => false,
        }
    }
}
