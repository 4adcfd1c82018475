//! `wo new`: a skeleton order for a handler, from what the handler declares.

use std::fmt::Write as _;

use super::{CliError, Exit, Global, output};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::handlers::{self, Descriptor};

/// print a valid skeleton order
#[derive(clap::Args)]
pub struct Args {
    /// the handler that is to carry it out, e.g. parquet-exporter
    handler: String,
    /// the order's id [default: WO-YYMMDD-HANDLER]
    #[arg(long, env = "WO_ID")]
    id: Option<String>,
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    // outside a root the built-in handlers are known all the same
    let config = match global.root() {
        Ok(root) => Config::load(&root)?,
        Err(error) if global.root.is_some() => return Err(error),
        Err(_) => Config::default(),
    };
    let Some(handler) = handlers::find(&args.handler, &config) else {
        let known: Vec<&str> = handlers::all(&config).iter().map(|handler| handler.descriptor().name).collect();
        return Err(CliError::new(format!(
            "failed to find the handler `{}`\nhint: this root has {}",
            crate::text::line(&args.handler, 80),
            known.join(", ")
        )));
    };
    let today = SystemClock.now().strftime("%y%m%d").to_string();
    output::print(&skeleton(handler.descriptor(), args.id.as_deref(), &today))?;
    Ok(Exit::Good)
}

/// The text of an order; `today` is `YYMMDD`.
pub fn skeleton(handler: &Descriptor, id: Option<&str>, today: &str) -> String {
    let id = match id {
        Some(id) => id.to_owned(),
        None => format!("WO-{today}-{}", handler.name.to_uppercase()),
    };
    let mut text = format!(
        "---\nid: {id}\nhandler: {name}\npriority: P2\n---\n\n# Work Order: {id}\n\n## Objective\n\n{about}.\n",
        name = handler.name,
        about = sentence(handler.about),
    );
    let files = files(handler.deliverable_paths);
    if !files.is_empty() {
        text.push_str("\n## Deliverables\n\n");
        for (n, path) in files.iter().enumerate() {
            let _ = writeln!(text, "{}. `{path}`", n + 1);
        }
    }
    if !handler.default_criteria.is_empty() {
        text.push_str("\n## Acceptance Criteria\n\n| Metric | Target |\n|---|---|\n");
        for (metric, target) in handler.default_criteria {
            let _ = writeln!(text, "| {metric} | {target} |");
        }
    }
    text
}

/// The files that a handler makes: without the patterns and the other spellings by which it is only recognized.
fn files(paths: &[&'static str]) -> Vec<&'static str> {
    let in_home = |path: &str| paths.iter().any(|other| other.strip_prefix("~/") == Some(path));
    paths.iter().copied().filter(|path| !path.contains('*') && !in_home(path)).collect()
}

fn sentence(about: &str) -> String {
    let mut chars = about.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
