//! Where the slots of a template are. It is read into blocks (`outline`, `rows`), each kind of slot has its finder (`*_slots`,
//! `*_lines`), and `slots` puts together what they find.
//!
//! What must hold: it looks at the template, and at nothing that was measured. What is no slot stays as it is, byte by byte.

pub mod asides;
pub mod choices;
mod claim_lines;
pub mod columns;
pub mod headers;
mod inline;
pub mod key_lines;
mod list_slots;
mod name_columns;
pub mod outline;
pub mod rows;
pub mod slot;
pub mod slots;
mod status_lines;
mod table_slots;
mod test_slots;
mod ticked_lines;
pub mod whole;
