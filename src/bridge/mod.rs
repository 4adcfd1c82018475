//! The bridge: inbox, processing, archive, rejected, outbox. The only code that moves files under `bridge/`.

pub mod lock;
