//! What can go wrong below an order, and what the loop does about it: stop, or try again when the cause is gone.
//! What goes wrong within an order is not an error but part of its outcome.

use std::io;

use crate::bridge::BridgeError;
use crate::bridge::lock::LockError;
use crate::bridge::moves::MoveError;
use crate::durable::DurableError;
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
        other => Severity::Step(other.to_string()),
    }
}

/// Errors that go away when somebody makes room or mends a disk, and say nothing about the order.
pub fn is_resource(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let codes = [Errno::MFILE, Errno::NFILE, Errno::IO];
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::OutOfMemory
    ) || codes.iter().any(|code| error.raw_os_error() == Some(code.raw_os_error()))
}
