//! `monitor-fix`: diagnoses why the monitor does not work, repairs it and proves it (orders such as
//! `WO-251028-OPS-ACTIVATE-MONITOR`).

pub mod credentials;
pub mod settings;
