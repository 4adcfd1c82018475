//! The codec that an order asks for. Pure.

use super::DECLARED;
use crate::evidence::Binder;
use crate::order::Order;
use crate::order::target::Target;
use crate::verify::deployment::Deployment;

/// Takes the codec of the criteria that are bound to it, where it is one that the exporter writes. Two different ones are
/// none.
pub fn adopt(order: &Order, deployment: &mut Deployment, notes: &mut Vec<String>) {
    let binder = Binder::new(&order.bindings, &DECLARED);
    let mut asked: Vec<String> = Vec::new();
    for criterion in &order.acceptance {
        let Target::Category { word } = &criterion.compiled else { continue };
        if binder.key_of(criterion).as_deref() != Some("export.compression") {
            continue;
        }
        match word.to_lowercase() {
            codec if codec == "snappy" || codec == "zstd" => asked.push(codec),
            other => notes.push(format!("the exporter writes snappy or zstd, not {}", crate::text::line(&other, 40))),
        }
    }
    asked.dedup();
    match asked.as_slice() {
        [] => {}
        [codec] => deployment.compression = Some(codec.clone()),
        several => notes.push(format!(
            "the acceptance asks for {}; files are compressed as configured ([export] compression in wo.toml)",
            several.join(" and for ")
        )),
    }
}
