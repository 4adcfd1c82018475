//! Work orders: text in, model and diagnostics out. Touches no file, clock or network.

pub mod diagnostic;
pub mod fold;
pub mod interim;
pub mod model;
pub mod target;

pub use diagnostic::{Diagnostic, Severity};
pub use fold::fold;
pub use interim::parse;
pub use model::*;
pub use target::Target;
