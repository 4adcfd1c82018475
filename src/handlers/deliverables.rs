//! Whether the deliverables that an order lists are there: what Workbridge itself can measure of the work of a program that
//! it doesn't know.
//!
//! Invariant: a deliverable counts only when it is a file that is not empty, beneath the root. That it is there does not
//! say who made it, or whether it is any good.

use std::path::{Component, Path};

use super::{Context, HandlerError, Measuring, Plan, Step, StepSpec, Verified};
use crate::evidence::bind::{Binding, bind};
use crate::evidence::{Declaration, Measurement, Value};
use crate::order::{Deliverable, Order};
use crate::text;

/// The step's name; no handler has one of that name.
const NAME: &str = "deliverables";
const PRESENT: &str = "deliverables.present";
/// Of the absent ones that are named.
const SHOWN: usize = 5;

pub const DECLARATIONS: &[Declaration] = &[Declaration {
    key: PRESENT,
    aliases: &["Deliverables", "Deliverables present", "All deliverables", "Deliverables exist", "Files exist"],
    about: "deliverables of the order that are files beneath the root, of all that it lists",
}];

/// Adds the step when a criterion of the order asks for it.
pub fn append(plan: &mut Plan, order: &Order, declarations: &[Declaration]) {
    let is_asked = order.acceptance.iter().any(|criterion| {
        let bound = bind(&criterion.metric, &order.bindings, declarations);
        matches!(bound, Binding::Bound { key, .. } if key == PRESENT)
    });
    if is_asked {
        plan.steps.push(StepSpec {
            name: NAME.to_owned(),
            describe: "look for each of the order's deliverables".to_owned(),
            subjects: Vec::new(),
            params: serde_json::Value::Null,
            deadline_s: None,
            measures_only: true,
        });
    }
}

/// The code of the step, when this is it.
pub fn step(spec: &StepSpec) -> Option<Box<dyn Step>> {
    (spec.name == NAME).then(|| Box::new(Look) as Box<dyn Step>)
}

struct Look;

impl Measuring for Look {
    fn measure(&self, context: &Context) -> Result<Verified, HandlerError> {
        let deliverables = &context.order.deliverables;
        if deliverables.is_empty() {
            // nothing of nothing is no measurement
            return Ok(Verified::Yes(Vec::new()));
        }
        let absent: Vec<String> = deliverables
            .iter()
            .filter_map(|deliverable| {
                let why = absence(context.root.path(), deliverable)?;
                Some(format!("`{}` {why}", text::line(deliverable.path.as_ref().unwrap_or(&deliverable.text), 120)))
            })
            .collect();
        let of = deliverables.len() as u64;
        let mut how = "looked for each deliverable beneath the root; who made it is not asked".to_owned();
        if !absent.is_empty() {
            let shown = absent.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let rest = absent.len().saturating_sub(SHOWN);
            how.push_str(&format!(": {shown}"));
            if rest > 0 {
                how.push_str(&format!(" and {rest} more"));
            }
        }
        let value = Value::Ratio { pass: of - absent.len() as u64, of };
        let now = context.clock.now();
        Ok(Verified::Yes(vec![Measurement::new(PRESENT, value, how, now).ok(absent.is_empty())]))
    }
}

/// Why this doesn't count; `None` when it is there.
fn absence(root: &Path, deliverable: &Deliverable) -> Option<&'static str> {
    let Some(path) = &deliverable.path else { return Some("names no path") };
    let path = Path::new(path);
    if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Some("does not lie beneath the root");
    }
    let (Ok(whole), Ok(root)) = (root.join(path).canonicalize(), root.canonicalize()) else {
        return Some("is not there");
    };
    if !whole.starts_with(root) {
        return Some("leads out of the root");
    }
    match whole.metadata() {
        Ok(meta) if !meta.is_file() => Some("is no file"),
        Ok(meta) if meta.len() == 0 => Some("is empty"),
        Ok(_) => None,
        Err(_) => Some("is not there"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_content_beneath_the_root_are_there() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(outside.path(), "x").unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        std::fs::write(dir.path().join("run/a.cjs"), "x").unwrap();
        std::fs::write(dir.path().join("run/empty.cjs"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("run/out.cjs")).unwrap();
        let outside = outside.path().display().to_string();
        for (path, expected) in [
            (Some("run/a.cjs"), None),
            (Some("./run/a.cjs"), None),
            (Some("run/b.cjs"), Some("is not there")),
            (Some("run/empty.cjs"), Some("is empty")),
            (Some("run"), Some("is no file")),
            (Some("run/out.cjs"), Some("leads out of the root")),
            (Some("run/../run/a.cjs"), Some("does not lie beneath the root")),
            (Some(outside.as_str()), Some("does not lie beneath the root")),
            (Some("~/a.cjs"), Some("is not there")),
            (Some("a\0b"), Some("is not there")),
            (None, Some("names no path")),
        ] {
            let deliverable = Deliverable { path: path.map(str::to_owned), text: String::new(), span: 0..0 };
            assert_eq!(absence(dir.path(), &deliverable), expected, "{path:?}");
        }
    }
}
