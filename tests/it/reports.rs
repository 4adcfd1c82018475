//! Reports: what comes out of a template and a record.

mod green;
mod property;
mod record;
mod shapes;
