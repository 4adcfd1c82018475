//! What can go wrong below an order, and what the loop does about it: stop, or try again when the cause is gone.
//! What goes wrong within an order is not an error but part of its outcome.

use std::io;

use crate::bridge::BridgeError;
use crate::bridge::lock::LockError;
use crate::bridge::moves::MoveError;
use crate::durable::{DurableError, is_resource};
use crate::handlers::HandlerError;
use crate::journal::JournalError;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Durable(#[from] DurableError),
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    #[error(transparent)]
    Move(#[from] MoveError),
    #[error(transparent)]
    Service(#[from] crate::services::ServiceError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error("failed to find the path of this program: {0}")]
    NoProgram(io::Error),
    #[error("failed to start a thread: {0}")]
    Thread(io::Error),
    #[error("{0}")]
    Fatal(String),
    /// A defect of this program, met by one run; the others go on.
    #[error("the program made a mistake (please report it): {0}")]
    Panicked(String),
    /// A step met a full disk, too many open files, an I/O error or a read-only file system: it is probed and tried again
    /// later.
    #[error("{0}")]
    Resource(String),
}

impl EngineError {
    /// Whether the executor must stop.
    pub fn is_fatal(&self) -> bool {
        match self {
            EngineError::Journal(error) => error.is_fatal(),
            EngineError::Durable(error) => error.is_fatal(),
            EngineError::Bridge(error) => error.is_fatal(),
            EngineError::Move(error) => error.is_fatal(),
            EngineError::Lock(error) => matches!(error, LockError::Lost(_)),
            EngineError::Fatal(_) => true,
            _ => false,
        }
    }
}

/// How an error of a handler is to be taken.
pub enum Severity {
    /// The step failed; the order goes on to its end.
    Step(String),
    /// The machine's trouble, not the order's.
    Machine(EngineError),
}

pub fn classify(error: HandlerError) -> Severity {
    match error {
        HandlerError::Durable(error) if error.is_fatal() => Severity::Machine(EngineError::Durable(error)),
        HandlerError::Durable(DurableError::Io { ref source, .. }) if is_resource(source) => {
            Severity::Machine(EngineError::Resource(error.to_string()))
        }
        // it has not begun, so nothing of it has to be known
        HandlerError::Process(ref process) if process.not_started().is_some_and(is_resource) => {
            Severity::Machine(EngineError::Resource(error.to_string()))
        }
        other => Severity::Step(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;
    use crate::process::ProcessError;

    #[test]
    fn want_of_resources_at_the_start_of_a_program_is_the_machines_trouble() {
        let start = |errno: Errno| ProcessError::Start { program: "/x".into(), source: errno.into() };
        let wait = |errno: Errno| ProcessError::Wait { program: "/x".into(), source: errno.into() };
        for (error, is_machines) in [
            (start(Errno::MFILE), true),
            (start(Errno::AGAIN), true),
            (start(Errno::NOMEM), true),
            // an earlier start of it still works
            (start(Errno::BUSY), true),
            (start(Errno::NOENT), false),
            (start(Errno::ACCESS), false),
            // it was at work: tried again, it might have its effect twice
            (wait(Errno::AGAIN), false),
        ] {
            let said = error.to_string();
            let severity = classify(HandlerError::Process(error));
            assert_eq!(matches!(severity, Severity::Machine(EngineError::Resource(_))), is_machines, "{said}");
        }
    }
}
