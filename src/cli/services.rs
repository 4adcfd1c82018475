//! `wo services`: what is wrong with a plist, what an exit status means, and what the service manager has loaded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::{CliError, Exit, Global, output};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::durable;
use crate::root::Root;
use crate::services::explain::{Explanation, explain};
use crate::services::job::Job;
use crate::services::lint::{Finding, lint_file};
use crate::services::{self, ServiceError, ServiceManager, ServiceStatus, facts, plist, systemd};

/// launchd (and systemd units): render, lint, install, uninstall, status, explain
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// print the result as JSON
    #[arg(long, env = "WO_JSON", global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// print the definition of a service as its manager reads it
    Render {
        /// the service's label
        #[arg(default_value = facts::DAEMON)]
        label: String,
        /// the manager that is to read it
        #[arg(short, long, env = "WO_UNIT_FORMAT", value_enum, default_value_t = Format::Launchd)]
        format: Format,
        /// write the plist to launchd/LABEL.plist instead
        #[arg(long, env = "WO_WRITE", conflicts_with = "format")]
        write: bool,
    },
    /// what is wrong with plists [default: those in launchd/]
    Lint {
        /// the plists
        files: Vec<PathBuf>,
    },
    /// load a service that is defined in launchd/ (or `wo up` itself, where the machine's manager runs services)
    Install {
        /// the service's label
        #[arg(default_value = facts::DAEMON)]
        label: String,
        /// show what would be done, and do nothing
        #[arg(long, visible_alias = "dry", env = "WO_DRY_RUN")]
        dry_run: bool,
    },
    /// boot a service out; its files stay
    Uninstall {
        /// the service's label
        label: String,
        /// show what would be done, and do nothing
        #[arg(long, visible_alias = "dry", env = "WO_DRY_RUN")]
        dry_run: bool,
    },
    /// what the manager says of services [default: those that this root knows]
    Status {
        /// the services' labels
        labels: Vec<String>,
    },
    /// what an exit status means, e.g. 19968 or -9; with a plist, which of the usual causes it is
    Explain {
        /// as `launchctl list` or `wo services status` shows it
        #[arg(allow_negative_numbers = true)]
        code: i32,
        /// the plist of the job
        #[arg(long, env = "WO_PLIST", value_name = "FILE", conflicts_with = "label")]
        plist: Option<PathBuf>,
        /// the label of a service that this root knows
        #[arg(long, env = "WO_SERVICE_LABEL")]
        label: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// a LaunchAgent's plist
    Launchd,
    /// a user unit, and its timer where it has one
    Systemd,
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let json = args.json;
    match args.verb {
        Verb::Explain { code, plist, label } => {
            let job = match (plist, label) {
                (Some(path), _) => Some(Job::of_plist(&read(&path)?)),
                (None, Some(label)) => {
                    let root = global.root()?;
                    Some(Job::of_definition(&facts::definition(&root, &program()?, &label)?.0))
                }
                (None, None) => None,
            };
            let explanation = explain(code);
            let explanation = match &job {
                Some(job) => explanation.tested(job),
                None => explanation,
            };
            if json {
                output::print_json(&explanation)?
            } else {
                output::print(&in_words(&explanation))?
            }
            Ok(Exit::Good)
        }
        Verb::Lint { files } => lint(files, global, json),
        Verb::Render { label, format, write } => render(&global.root()?, &label, format, write, json),
        Verb::Install { label, dry_run } => {
            let (root, manager) = manager(global)?;
            install(&root, manager.as_ref(), &label, dry_run, json)
        }
        Verb::Uninstall { label, dry_run } => {
            let (_, manager) = manager(global)?;
            if !dry_run && !manager.uninstall(&label)? {
                let kind = manager.kind();
                return Err(CliError::new(format!(
                    "failed to boot out {}: {kind} has no such service loaded\nhint: `wo services status` says what is",
                    crate::text::line(&label, 120)
                ))
                .exit(Exit::Bad));
            }
            done(json, dry_run, "boot out", "booted out", &label, manager.as_ref())
        }
        Verb::Status { labels } => {
            let (root, manager) = manager(global)?;
            let labels = if labels.is_empty() { known(&root, manager.as_ref())? } else { labels };
            status(manager.as_ref(), &labels, json)
        }
    }
}

fn manager(global: &Global) -> Result<(Root, Arc<dyn ServiceManager>), CliError> {
    let root = global.root()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let manager = services::manager(&root, &Config::load(&root)?, clock)?;
    Ok((root, manager))
}

/// The labels that this root knows; `wo up` itself, which has no file in launchd/, while it is loaded.
fn known(root: &Root, manager: &dyn ServiceManager) -> Result<Vec<String>, CliError> {
    let mut labels = facts::labels(root)?;
    let is_new = !labels.iter().any(|label| label == facts::DAEMON);
    if is_new && manager.status(facts::DAEMON).is_ok_and(|status| status.loaded) {
        labels.push(facts::DAEMON.to_owned());
    }
    Ok(labels)
}

fn program() -> Result<PathBuf, CliError> {
    Ok(std::env::current_exe()?)
}

fn read(path: &Path) -> Result<::plist::Dictionary, CliError> {
    let fail = |why: String| CliError::new(format!("failed to read `{}`: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    plist::parse(&bytes).map_err(fail)
}

#[derive(Serialize)]
struct Linted {
    file: PathBuf,
    findings: Vec<Finding>,
}

fn lint(files: Vec<PathBuf>, global: &Global, json: bool) -> Result<Exit, CliError> {
    let files = match files.is_empty() {
        false => files,
        true => {
            let root = global.root()?;
            let entries = std::fs::read_dir(root.launchd()).into_iter().flatten().flatten();
            let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            found.retain(|path| path.extension().is_some_and(|extension| extension == "plist"));
            found.sort();
            found
        }
    };
    let mut linted = Vec::new();
    for file in files {
        let findings =
            lint_file(&file).map_err(|error| CliError::new(format!("failed to read `{}`: {error}", file.display())))?;
        linted.push(Linted { file, findings });
    }
    if json {
        output::print_json(&linted)?;
    } else {
        let mut text = String::new();
        for Linted { file, findings } in &linted {
            if findings.is_empty() {
                text.push_str(&format!("{}: nothing found\n", file.display()));
            }
            for Finding { rule, message, cure } in findings {
                let rule = serde_json::to_value(rule)?;
                let rule = rule.as_str().unwrap_or_default();
                text.push_str(&format!(
                    "{}: {}\n  hint: {cure} [{rule}]\n",
                    file.display(),
                    crate::text::escape(message)
                ));
            }
        }
        output::print(&text)?;
    }
    Ok(if linted.iter().all(|linted| linted.findings.is_empty()) { Exit::Good } else { Exit::Bad })
}

fn render(root: &Root, label: &str, format: Format, write: bool, json: bool) -> Result<Exit, CliError> {
    let (definition, _) = facts::definition(root, &program()?, label)?;
    let mut files = Vec::new();
    match format {
        Format::Launchd => {
            let bytes = plist::render(&definition);
            files.push((format!("{label}.plist"), String::from_utf8_lossy(&bytes).into_owned()));
        }
        Format::Systemd => {
            let units = systemd::render(&definition);
            files.push((format!("{label}.service"), units.service));
            files.extend(units.timer.map(|timer| (format!("{label}.timer"), timer)));
        }
    }
    let mut written = None;
    if write && let Some((_, text)) = files.first() {
        let path = facts::rendered(root, label);
        durable::write(&path, text.as_bytes(), 0o644)?;
        written = Some(root.show(&path));
    }
    if json {
        let files: serde_json::Map<String, serde_json::Value> =
            files.into_iter().map(|(name, text)| (name, text.into())).collect();
        output::print_json(&serde_json::json!({ "label": label, "files": files, "written": written }))?;
    } else if let Some(path) = written {
        output::print(&format!("wrote {path}\n"))?;
    } else if let [(_, text)] = files.as_slice() {
        output::print(text)?;
    } else {
        let texts = files.iter().map(|(name, text)| format!("# {name}\n{text}\n"));
        output::print(&texts.collect::<String>())?;
    }
    Ok(Exit::Good)
}

fn install(
    root: &Root,
    manager: &dyn ServiceManager,
    label: &str,
    dry_run: bool,
    json: bool,
) -> Result<Exit, CliError> {
    let (definition, dropped) = facts::definition(root, &program()?, label)?;
    if !dropped.is_empty() {
        output::complain(format_args!("warning: {} of its plist are not carried over", dropped.join(", ")));
    }
    let places = facts::places(root, manager, &definition);
    if !dry_run {
        for folder in &places.log_folders {
            durable::create_dir_all(folder)?;
        }
        manager.install(&definition)?;
    } else if !json {
        let writes = places.installed.iter().map(|path| format!("would write {}\n", path.display()));
        output::print(&writes.collect::<String>())?;
    }
    done(json, dry_run, "load", "loaded", label, manager)
}

fn done(
    json: bool,
    dry_run: bool,
    verb: &str,
    participle: &str,
    label: &str,
    manager: &dyn ServiceManager,
) -> Result<Exit, CliError> {
    let kind = manager.kind();
    match (json, dry_run) {
        (true, _) => output::print_json(&serde_json::json!({ "label": label, "manager": kind, "dry_run": dry_run }))?,
        (false, true) => output::print(&format!("would {verb} {label} ({kind})\n"))?,
        (false, false) => output::print(&format!("{participle} {label} ({kind})\n"))?,
    }
    Ok(Exit::Good)
}

#[derive(Serialize)]
struct Stands {
    label: String,
    /// Nothing where no manager answers: then it is not known.
    status: Option<ServiceStatus>,
    detail: String,
}

fn status(manager: &dyn ServiceManager, labels: &[String], json: bool) -> Result<Exit, CliError> {
    let mut all = Vec::new();
    for label in labels {
        let (status, detail) = match manager.status(label) {
            Ok(status) => (Some(status.clone()), status.detail),
            Err(ServiceError::NoManager(why)) => (None, format!("not known: {why}")),
            Err(error) => return Err(error.into()),
        };
        all.push(Stands { label: label.clone(), status, detail });
    }
    if json {
        output::print_json(&all)?;
    } else {
        let lines = all.iter().map(|Stands { label, detail, .. }| format!("{label}: {detail}\n"));
        output::print(&lines.collect::<String>())?;
    }
    let is_loaded = |stands: &Stands| stands.status.as_ref().is_some_and(|status| status.loaded);
    Ok(if all.iter().all(is_loaded) { Exit::Good } else { Exit::Bad })
}

fn in_words(explanation: &Explanation) -> String {
    let mut text = explanation.meaning.join("\n") + "\n";
    for cause in &explanation.causes {
        let mark = match cause.found {
            Some(true) => "found",
            Some(false) => "not this",
            None => "not told",
        };
        text.push_str(&format!("  {mark:<9} {}\n", crate::text::escape(&cause.seen)));
        if let Some(cure) = &cause.cure {
            text.push_str(&format!("            hint: {}\n", crate::text::escape(cure)));
        }
    }
    text
}
