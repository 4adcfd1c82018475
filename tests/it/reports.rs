//! Reports: what comes out of a template and a record.

mod around;
mod columns;
mod green;
mod layout;
mod property;
mod record;
mod remarks;
mod shapes;
mod stated;
mod tests;
mod verdicts;

use workbridge::report::{self, RunRecord};

fn filled(template: &str, record: &RunRecord) -> String {
    let text = report::fill(template, record).unwrap_or_else(|error| panic!("{template}: {error}")).text;
    text.split("\n## Evidence").next().unwrap().to_owned()
}
