//! Work orders: text in, model and diagnostics out. Touches no file, clock or network.

mod acceptance;
#[cfg(test)]
mod asked_tests;
mod below;
#[cfg(test)]
mod beside_tests;
mod blocks;
mod body;
mod body_gates;
mod body_keys;
mod callout;
mod code_paths;
mod contradictions;
mod criteria;
mod criteria_columns;
mod criteria_table;
mod criterion_map;
pub(crate) mod data;
mod deliverables;
mod demand;
mod denial;
pub mod diagnostic;
mod draft;
mod elsewhere;
mod embedded;
mod fences;
mod fields;
pub mod fold;
mod front_matter;
mod group;
mod identity;
mod item_id;
mod keyline;
mod layout;
mod machine;
mod mentions;
pub mod model;
mod names;
mod nested;
mod parse;
mod parting;
pub(crate) mod paths;
mod quoted;
mod refusal;
mod section_names;
pub(crate) mod service_label;
mod source;
mod stated_beside;
#[cfg(test)]
mod structure_tests;
pub(crate) mod table;
pub(crate) mod tags;
pub mod target;
mod template_key;

pub(crate) use criteria::{parted, stated};
pub(crate) use criteria_columns::{is_limit, limit_of};
pub(crate) use demand::{COMPARATOR, Demand, UNIT};
pub use diagnostic::{Diagnostic, Severity};
pub use fold::fold;
pub use identity::{OTHER_NAME, id_of, known_as, named_by};
pub use model::*;
pub use parse::parse;
pub use refusal::ParseRefusal;
pub use target::Target;
