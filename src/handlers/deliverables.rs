//! Whether the deliverables that an order lists are there: what Workbridge itself can measure of the work of a program that
//! it doesn't know.
//!
//! Invariant: a deliverable counts only when it is a file that is not empty, beneath the root. That it is there does not
//! say who made it, or whether it is any good; one that was there before says so. Where one can't be looked at, nothing is
//! measured.

use std::path::{Component, Path};
use std::time::Duration;

use jiff::Timestamp;

use super::{Context, HandlerError, Measuring, Plan, Step, StepSpec, Verified};
use crate::durable::DurableError;
use crate::evidence::{Declaration, Measurement, Value};
use crate::order::Deliverable;
use crate::{files, text};

/// The step's name; no handler has one of that name.
const NAME: &str = "deliverables";
const PRESENT: &str = "deliverables.present";
/// What the clock of a file system may lag behind: some count in ticks, some in steps of two seconds.
const COARSE: Duration = Duration::from_secs(2);
/// Of the absent ones, and of the old ones, that are named.
const SHOWN: usize = 5;
/// Of all that were looked for: reports may speak of them by their names.
const NAMED: usize = 12;

pub const DECLARATIONS: &[Declaration] = &[Declaration::new(
    PRESENT,
    &["Deliverables", "Deliverables present", "All deliverables", "Deliverables exist", "Files exist"],
    "deliverables of the order that are files beneath the root, of all that it lists",
)];

/// Adds the step when a criterion asks for it.
pub fn append(plan: &mut Plan, asked: &[String]) {
    if asked.iter().any(|key| key == PRESENT) {
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
        let (mut named, mut absent, mut old) = (Vec::new(), Vec::new(), Vec::new());
        for deliverable in deliverables {
            let name = || text::line(deliverable.path.as_ref().unwrap_or(&deliverable.text), 120);
            named.push(format!("`{}`", name()));
            match look(context.root.path(), deliverable)? {
                Err(why) => absent.push(format!("`{}` {why}", name())),
                Ok(Some(written)) if written + COARSE < context.attempt_started => old.push(format!("`{}`", name())),
                Ok(_) => {}
            }
        }
        let of = deliverables.len() as u64;
        let mut how = format!(
            "looked for each deliverable beneath the root, {}; who made it is not asked",
            first_of(&named, NAMED)
        );
        if !absent.is_empty() {
            how.push_str(&format!(": {}", first_of(&absent, SHOWN)));
        }
        if !old.is_empty() {
            how.push_str(&format!("; last written before this attempt began: {}", first_of(&old, SHOWN)));
        }
        let value = Value::Ratio { pass: of - absent.len() as u64, of };
        let now = context.clock.now();
        Ok(Verified::Yes(vec![Measurement::new(PRESENT, value, how, now).ok(absent.is_empty())]))
    }
}

fn first_of(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        rest => format!("{shown} and {rest} more"),
    }
}

/// When it was last written, where the file system tells; or why it doesn't count. The outer error says that it could not be
/// looked at.
fn look(root: &Path, deliverable: &Deliverable) -> Result<Result<Option<Timestamp>, &'static str>, DurableError> {
    let Some(path) = &deliverable.path else { return Ok(Err("names no path")) };
    if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(Err("does not lie beneath the root"));
    }
    let path = root.join(path);
    let found = path.canonicalize().and_then(|whole| Ok((whole.starts_with(root.canonicalize()?), whole.metadata()?)));
    Ok(match found {
        Ok((false, _)) => Err("leads out of the root"),
        Ok((_, meta)) if !meta.is_file() => Err("is no file"),
        Ok((_, meta)) if meta.len() == 0 => Err("is empty"),
        Ok((_, meta)) => Ok(meta.modified().ok().and_then(|at| Timestamp::try_from(at).ok())),
        Err(error) if files::is_absent(&error) => Err("is not there"),
        Err(error) => return Err(DurableError::io("look at", &path)(error)),
    })
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
            assert_eq!(look(dir.path(), &deliverable).unwrap().err(), expected, "{path:?}");
        }
    }

    #[test]
    fn what_can_not_be_looked_at_is_not_taken_for_absent() {
        let dir = tempfile::tempdir().unwrap();
        // as root no folder is closed; a link to itself can be looked through by nobody
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        let path = Some("loop/a.cjs".to_owned());
        let error = look(dir.path(), &Deliverable { path, text: String::new(), span: 0..0 }).unwrap_err();
        assert!(error.to_string().starts_with("failed to look at `"), "{error}");
    }
}
