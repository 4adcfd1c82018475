//! Becoming the executor of a bridge: take its lock, read the settings, open and check the journal.

use std::sync::Arc;

use super::CliError;
use crate::bridge::lock::{self, LockError, Role};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::engine::{Executor, Settings, Stop};
use crate::root::Root;

/// The executor, with the lock that makes it the only one; dropping it lets the next one in.
pub struct Held {
    pub executor: Arc<Executor>,
    pub clock: Arc<dyn Clock>,
}

/// Takes the bridge, or says who holds it. `stop` may be set already; then the loop ends before its first turn.
pub fn take(root: &Root, role: Role, stop: Arc<Stop>) -> Result<Held, TakeError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let config = Config::load(root).map_err(CliError::from)?;
    let lock = match lock::acquire(root, &config.inbox.agents, role, clock.now()) {
        Err(error @ LockError::Held(_)) => return Err(TakeError::Held(error.to_string())),
        other => other.map_err(CliError::from)?,
    };
    let settings = Settings::load(root, config, &clock).map_err(CliError::from)?;
    let executor = Executor::open(root, lock, settings, Arc::clone(&clock), stop).map_err(CliError::from)?;
    Ok(Held { executor: Arc::new(executor), clock })
}

pub enum TakeError {
    /// By another process; in words.
    Held(String),
    Other(CliError),
}

impl From<CliError> for TakeError {
    fn from(error: CliError) -> Self {
        TakeError::Other(error)
    }
}
