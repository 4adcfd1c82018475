//! The journal: every order's raw bytes and everything that happened to it, in SQLite, before anything else is done.
//!
//! Invariants:
//! * An order's bytes are in here before its file is moved; from then on the file is only a view.
//! * [`Event`]s are append-only and form a hash chain ([`chain`]); the state of a run is the fold of its events
//!   ([`run::Run::apply`]) and nothing else. The `runs` table is an index of it, sealed by a checksum.
//! * One thread of one process writes (the executor, which holds the bridge's lock); other processes only add
//!   [`requests`]. Writers that wait at the same time share one transaction and its fsync (`write`).
//! * A journal that can't be read stops the executor; it never starts empty, never deletes.

pub mod chain;
mod database;
pub mod event;
mod head;
mod read;
pub mod records;
pub mod requests;
pub mod run;
mod seal;
pub mod store;
mod write;

pub use event::{Event, WaitOn};
pub use read::Reader;
pub use records::JournalError;
pub use requests::{Request, RequestKind};
pub use run::{Phase, Run, RunKey};
pub use store::Journal;
