//! Whether the deliverables that an order lists are there: what Workbridge itself can measure of the work of a program that
//! it doesn't know.
//!
//! Invariant: a deliverable counts only when it is a file that is not empty, beneath the root, or, where it is written with a
//! `/` at its end, a folder that holds one. That it is there does not say who made it, or whether it is any good; one that
//! was there before says so. Where one can't be looked at, nothing is measured; where what it is called can't be told, nothing
//! is judged.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::{Context, HandlerError, Measuring, Plan, Step, StepSpec, Verified, dated};
use crate::durable::DurableError;
use crate::evidence::{Declaration, Measurement, Value};
use crate::order::Deliverable;
use crate::{files, text};

/// The step's name; no handler has one of that name.
const NAME: &str = "deliverables";
pub const PRESENT: &str = "deliverables.present";
/// What the clock of a file system may lag behind: some count in ticks, some in steps of two seconds.
const COARSE: Duration = Duration::from_secs(2);
/// Of the absent ones, and of the old ones, that are named.
const SHOWN: usize = 5;
/// Of all that were looked for: reports may speak of them by their names.
const NAMED: usize = 12;
/// What of a folder is looked at to find a file with content.
const ENTRIES: usize = 10_000;

pub const DECLARATIONS: &[Declaration] = &[Declaration::new(
    PRESENT,
    &["Deliverables", "Deliverables present", "All deliverables", "Deliverables exist", "Files exist"],
    "deliverables of the order that are there beneath the root, of all that it lists",
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
        let now = context.clock.now();
        let days = days(&[now, context.attempt_started]);
        let (mut named, mut absent, mut untold, mut old) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for deliverable in deliverables {
            let looked = look(context.root.path(), deliverable, &days)?;
            let mut name = format!("`{}`", text::line(deliverable.path.as_ref().unwrap_or(&deliverable.text), 120));
            if let Some(path) = &looked.path {
                name.push_str(&format!(" (`{}`)", text::line(path, 120)));
            }
            match looked.found {
                Found::Absent(why) => absent.push(format!("{name} {why}")),
                Found::Untold(why) => untold.push(format!("{name} {why}")),
                Found::There(Some(written)) if written + COARSE < context.attempt_started => old.push(name.clone()),
                Found::There(_) => {}
            }
            named.push(name);
        }
        let of = deliverables.len() as u64;
        let mut how = format!(
            "looked for each deliverable beneath the root, {}; who made it is not asked",
            first_of(&named, NAMED)
        );
        let is_told = untold.is_empty();
        let value = Value::Ratio { pass: of - (absent.len() + untold.len()) as u64, of };
        let lacks = match is_told {
            true => first_of(&absent, SHOWN),
            false => {
                untold.extend(absent.iter().cloned());
                format!("it can't be told, for {}", first_of(&untold, SHOWN))
            }
        };
        if !lacks.is_empty() {
            how.push_str(&format!(": {lacks}"));
        }
        if !old.is_empty() {
            how.push_str(&format!("; last written before this attempt began: {}", first_of(&old, SHOWN)));
        }
        let measurement = Measurement::new(PRESENT, value, how, now).lacks(lacks);
        Ok(Verified::Yes(vec![if is_told { measurement.ok(absent.is_empty()) } else { measurement }]))
    }
}

fn first_of(names: &[String], most: usize) -> String {
    let shown = names.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        rest => format!("{shown} and {rest} more"),
    }
}

/// The days that a date token may stand for: those of the attempt, in this machine's zone and in UTC.
fn days(times: &[Timestamp]) -> Vec<Zoned> {
    let zones = [TimeZone::system(), TimeZone::UTC];
    zones.iter().flat_map(|zone| times.iter().map(|time| time.to_zoned(zone.clone()))).collect()
}

/// A deliverable whose path can't be looked for, and why.
pub fn unfilled(deliverable: &Deliverable) -> Option<&'static str> {
    dated::filled(deliverable.path.as_deref()?, &Zoned::default()).err()
}

#[derive(Debug)]
struct Looked {
    found: Found,
    /// The path that was looked for, where the order's stands for another.
    path: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// With the time when it was last written, where the file system tells.
    There(Option<Timestamp>),
    /// Why it doesn't count.
    Absent(&'static str),
    /// Why it can't be told.
    Untold(&'static str),
}

/// The error says that it could not be looked at.
fn look(root: &Path, deliverable: &Deliverable, days: &[Zoned]) -> Result<Looked, DurableError> {
    let Some(written) = &deliverable.path else {
        return Ok(Looked { found: Found::Absent("names no path"), path: None });
    };
    // a file may be called so
    let mut looked = Looked { found: at(root, written)?, path: None };
    for day in days {
        if let Found::There(_) = looked.found {
            break;
        }
        match dated::filled(written, day) {
            Ok(None) => break,
            Ok(Some(path)) => {
                let found = at(root, &path)?;
                if looked.path.is_none() || matches!(found, Found::There(_)) {
                    looked = Looked { found, path: Some(path) };
                }
            }
            Err(why) => return Ok(Looked { found: Found::Untold(why), path: None }),
        }
    }
    Ok(looked)
}

/// What lies at a path, which may be written with the root in front of it.
fn at(root: &Path, written: &str) -> Result<Found, DurableError> {
    let path = root.join(written);
    if path.components().any(|part| part == Component::ParentDir) {
        return Ok(Found::Absent("does not lie beneath the root"));
    }
    let found = path.canonicalize().and_then(|whole| {
        let meta = whole.metadata()?;
        Ok((whole.starts_with(root.canonicalize()?), whole, meta))
    });
    let fail = |error| DurableError::io("look at", &path)(error);
    let is_folder = written.ends_with('/');
    Ok(match found {
        Ok((false, ..)) if !path.starts_with(root) => Found::Absent("does not lie beneath the root"),
        Ok((false, ..)) => Found::Absent("leads out of the root"),
        Ok((_, whole, meta)) if is_folder && meta.is_dir() => newest_in(whole).map_err(fail)?,
        Ok((_, _, meta)) if meta.is_dir() => {
            Found::Absent("is a folder, not a file (a folder is written with a `/` at its end)")
        }
        Ok((_, _, meta)) if !meta.is_file() => Found::Absent("is no file"),
        Ok((_, _, meta)) if meta.len() == 0 => Found::Absent("is empty"),
        Ok((_, _, meta)) => Found::There(written_at(&meta)),
        Err(_) if !path.starts_with(root) => Found::Absent("does not lie beneath the root"),
        Err(error) if files::is_absent(&error) => Found::Absent("is not there"),
        Err(error) => return Err(fail(error)),
    })
}

/// The newest file with content in a folder and in those below it; no link is followed.
fn newest_in(folder: PathBuf) -> io::Result<Found> {
    let (mut folders, mut left) = (vec![folder], ENTRIES);
    let mut newest: Option<Option<Timestamp>> = None;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            // what keeps an empty folder in a repository, or a file manager's notes
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if meta.is_dir() {
                folders.push(entry.path());
            } else if meta.is_file() && meta.len() > 0 && !is_hidden {
                newest = newest.max(Some(written_at(&meta)));
            }
            left -= 1;
            if left == 0 {
                return Ok(newest.map_or(Found::Untold("is too large to be looked through"), Found::There));
            }
        }
    }
    Ok(newest.map_or(Found::Absent("is a folder without a file that has content"), Found::There))
}

fn written_at(meta: &fs::Metadata) -> Option<Timestamp> {
    meta.modified().ok().and_then(|at| Timestamp::try_from(at).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_content_beneath_the_root_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(outside.path(), "x").unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        std::fs::write(dir.path().join("run/a.cjs"), "x").unwrap();
        std::fs::write(dir.path().join("run/empty.cjs"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("run/out.cjs")).unwrap();
        std::fs::create_dir_all(dir.path().join("raw/2026")).unwrap();
        std::fs::create_dir_all(dir.path().join("hollow/below")).unwrap();
        std::fs::write(dir.path().join("raw/2026/a.csv"), "x").unwrap();
        std::fs::write(dir.path().join("hollow/.gitkeep"), "x").unwrap();
        std::fs::write(dir.path().join("hollow/below/empty.csv"), "").unwrap();
        std::fs::write(dir.path().join("run/rollup_20260102.md"), "x").unwrap();
        std::fs::write(dir.path().join("run/literal_YYYY.md"), "x").unwrap();
        let outside = outside.path().display().to_string();
        // as it is written, and not through the links that may lead to it
        let root = dir.path().canonicalize().unwrap();
        let whole = |path: &str| root.join(path).display().to_string();
        let times = ["2026-01-01T23:00:00Z", "2026-01-02T01:00:00Z"].map(|time| time.parse().unwrap());
        for (path, expected) in [
            (Some("run/a.cjs"), Ok(())),
            (Some("./run/a.cjs"), Ok(())),
            (Some(&*whole("run/a.cjs")), Ok(())),
            (Some(&*whole("run/b.cjs")), Err("is not there")),
            (Some("run/b.cjs"), Err("is not there")),
            (Some("run/empty.cjs"), Err("is empty")),
            (Some("run"), Err("is a folder, not a file")),
            (Some("raw/"), Ok(())),
            (Some("hollow/"), Err("is a folder without a file")),
            (Some("run/a.cjs/"), Err("is not there")),
            (Some("run/out.cjs"), Err("leads out of the root")),
            (Some("run/../run/a.cjs"), Err("does not lie beneath the root")),
            (Some(&*outside), Err("does not lie beneath the root")),
            (Some("/nowhere/a.cjs"), Err("does not lie beneath the root")),
            (Some("~/a.cjs"), Err("is not there")),
            (Some("a\0b"), Err("is not there")),
            (None, Err("names no path")),
            (Some("run/rollup_YYYYMMDD.md"), Ok(())),
            (Some("run/other_YYYYMMDD.md"), Err("is not there")),
            (Some("run/literal_YYYY.md"), Ok(())),
            (Some("run/other_YYYY.md"), Err("holds a date")),
            (Some("run/*.cjs"), Err("is a pattern")),
        ] {
            let deliverable = Deliverable { path: path.map(str::to_owned), text: String::new(), span: 0..0 };
            let found = look(&root, &deliverable, &days(&times)).unwrap().found;
            let is_untold = expected.is_err_and(|why| why.starts_with("holds") || why.starts_with("is a pattern"));
            match (found, expected) {
                (Found::There(_), Ok(())) => {}
                (Found::Absent(why), Err(expected)) if !is_untold => {
                    assert!(why.starts_with(expected), "{path:?}: {why}")
                }
                (Found::Untold(why), Err(expected)) if is_untold => {
                    assert!(why.starts_with(expected), "{path:?}: {why}")
                }
                _ => panic!("{path:?}: {found:?}"),
            }
            assert_eq!(unfilled(&deliverable).is_some(), is_untold || path == Some("run/literal_YYYY.md"), "{path:?}");
        }
    }

    #[test]
    fn what_can_not_be_looked_at_is_not_taken_for_absent() {
        let dir = tempfile::tempdir().unwrap();
        // as root no folder is closed; a link to itself can be looked through by nobody
        std::os::unix::fs::symlink("loop", dir.path().join("loop")).unwrap();
        let path = Some("loop/a.cjs".to_owned());
        let deliverable = Deliverable { path, text: String::new(), span: 0..0 };
        let error = look(dir.path(), &deliverable, &[]).unwrap_err();
        assert!(error.to_string().starts_with("failed to look at `"), "{error}");
    }
}
