//! `wo init`: scaffolds a root. Whatever is there stays as it is, so it can be run again at any time.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{CliError, Exit, Global, output};
use crate::config::Config;
use crate::durable;
use crate::report::{builtin, builtin_names};
use crate::root::Root;

/// `wo.toml` with every setting commented, and its default. Tests hold it to [`Config::default`].
pub const CONFIG: &str = include_str!("wo.toml.in");

/// An order in the shape that people write, ready to be submitted.
pub const SAMPLE_ORDER: &str = include_str!("sample_order.md");
/// Outside the inbox: nothing runs before somebody submits it.
pub const SAMPLE_PATH: &str = "examples/WO-251029-PARQUET-EXPORTER.md";

/// scaffold a root: folders, templates, a commented wo.toml, a sample order
#[derive(clap::Args)]
pub struct Args {
    /// the directory to scaffold [default: --root, else the current one]
    dir: Option<PathBuf>,
    /// show what would be made, and make nothing
    #[arg(long, visible_alias = "dry", env = "WO_DRY_RUN")]
    dry_run: bool,
    /// print the result as JSON
    #[arg(long, env = "WO_JSON")]
    json: bool,
}

#[derive(Serialize)]
struct Scaffolded {
    root: PathBuf,
    dry_run: bool,
    made: Vec<String>,
    /// What was there already, and was not touched.
    kept: Vec<String>,
}

pub fn run(args: Args, global: &Global) -> Result<Exit, CliError> {
    let dir = match args.dir.or_else(|| global.root.clone()) {
        Some(dir) => dir,
        None => std::env::current_dir()?,
    };
    let done = scaffold(&dir, args.dry_run)?;
    if args.json {
        output::print_json(&done)?;
        return Ok(Exit::Good);
    }
    let verb = if done.dry_run { "would make" } else { "made" };
    let mut text = String::new();
    for path in &done.made {
        text.push_str(&format!("{verb} {path}\n"));
    }
    if !done.kept.is_empty() {
        text.push_str(&format!("kept {} that were there\n", done.kept.len()));
    }
    text.push_str(&format!("root: {}\n", done.root.display()));
    if done.made.iter().any(|path| path == SAMPLE_PATH) {
        text.push_str(&format!("next: wo up &  then  wo submit {SAMPLE_PATH}\n"));
    }
    output::print(&text)?;
    Ok(Exit::Good)
}

/// Makes in `dir` what a root has and is not there yet.
fn scaffold(dir: &Path, dry_run: bool) -> Result<Scaffolded, CliError> {
    let existed = dir.is_dir();
    if dir.symlink_metadata().is_ok() && !existed {
        return Err(CliError::new(format!("failed to scaffold `{}`: it is not a directory", dir.display())));
    }
    if dry_run && !existed {
        // nothing is there that could be kept, and nothing is made
        let root = std::path::absolute(dir)?;
        let made = folders(&Config::default()).into_iter().map(|path| format!("{}/", path.display()));
        let made = made.chain(files().into_iter().map(|(path, _)| path)).collect();
        return Ok(Scaffolded { root, dry_run, made, kept: Vec::new() });
    }
    durable::create_dir_all(dir)?;
    let root = Root::at(dir)?;
    // folders as the root's own settings name them
    let config = Config::load(&root)?;
    let mut done = Scaffolded { root: root.path().to_owned(), dry_run, made: Vec::new(), kept: Vec::new() };
    for folder in folders(&config) {
        let path = root.join(&folder);
        let shown = format!("{}/", folder.display());
        if path.is_dir() {
            done.kept.push(shown);
            continue;
        }
        if !dry_run {
            durable::create_dir_all(&path)?;
        }
        done.made.push(shown);
    }
    for (relative, contents) in files() {
        let path = root.join(&relative);
        if path.symlink_metadata().is_ok() {
            done.kept.push(relative);
            continue;
        }
        if !dry_run {
            durable::write(&path, contents.as_bytes(), 0o644)?;
        }
        done.made.push(relative);
    }
    Ok(done)
}

fn folders(config: &Config) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for agent in &config.inbox.agents {
        for kind in ["inbox", "processing", "archive", "rejected", "outbox"] {
            folders.push(Path::new("bridge").join(kind).join(agent));
        }
        folders.push(Path::new("bridge/inbox").join(agent).join("templates"));
    }
    let paths = &config.paths;
    folders.extend(["bridge/state", "templates", "launchd"].map(PathBuf::from));
    folders.extend([&paths.heartbeats, &paths.parquet_reports, &paths.analytics, &paths.logs].map(PathBuf::from));
    folders.extend(paths.database.parent().filter(|parent| !parent.as_os_str().is_empty()).map(PathBuf::from));
    folders.extend([&paths.run, &paths.scripts].map(PathBuf::from));
    folders
}

/// Path beneath the root, and contents.
fn files() -> Vec<(String, &'static str)> {
    let mut files = vec![("wo.toml".to_owned(), CONFIG), (SAMPLE_PATH.to_owned(), SAMPLE_ORDER)];
    let templates = builtin_names().filter_map(|name| Some((format!("templates/{name}.md"), builtin(name)?)));
    files.extend(templates);
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the `#` off every line that begins with `#` and a letter.
    fn uncommented() -> String {
        let setting = |line: &&str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
        CONFIG.lines().map(|line| if setting(&line) { &line[1..] } else { line }).collect::<Vec<_>>().join("\n")
    }

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("wo.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_scaffold_means_the_defaults_with_and_without_its_comments() {
        assert_eq!(parse(CONFIG), Ok(Config::default()));
        assert_eq!(parse(&uncommented()), Ok(Config::default()));
    }

    #[test]
    fn the_scaffold_names_every_setting() {
        // an unknown key makes serde name all that a section knows, those without a default too
        let fields = |section: &str| -> Vec<String> {
            let text = format!("{section}\nno_such_setting = 1\n");
            let error = parse(&text).unwrap_err();
            let (_, known) = error.split_once("expected").unwrap_or_default();
            known.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let sections = fields("");
        assert!(sections.len() > 10, "{sections:?}");
        for section in &sections {
            let header = format!("[{section}]");
            let (_, after) = match section.as_str() {
                "dispatch" => CONFIG.split_once("#   [[dispatch]]"),
                "handlers" => CONFIG.split_once("#   [handlers."),
                _ => CONFIG.split_once(&format!("\n{header}\n")),
            }
            .unwrap_or_else(|| panic!("{header} is missing in src/cli/wo.toml.in"));
            let body = after.split_once("\n[").map_or(after, |(body, _)| body);
            let known = match section.as_str() {
                "dispatch" => fields("[[dispatch]]\nid = ''\nhandler = ''"),
                "handlers" => fields("[handlers.x]\ncommand = []"),
                _ => fields(&header),
            };
            for field in known {
                let names = [format!("#{field} ="), format!("#   {field} ="), format!("#   [[{section}.{field}]]")];
                let named = body.lines().any(|line| names.iter().any(|name| line.starts_with(name.as_str())));
                assert!(named, "{header} `{field}` is missing in src/cli/wo.toml.in");
            }
        }
    }

    #[test]
    fn nothing_is_overwritten_and_a_second_run_makes_nothing() {
        let dir = tempfile::Builder::new().prefix("wo init räume ").tempdir().unwrap();
        let root = dir.path().join("a root ๒");
        std::fs::create_dir(&root).unwrap();
        std::fs::write(root.join("wo.toml"), "[inbox]\nagents = [\"GG\"]\n").unwrap();

        let plan = scaffold(&root, true).unwrap();
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 1, "a dry run makes nothing");
        let first = scaffold(&root, false).unwrap();
        assert_eq!(plan.made, first.made);
        assert_eq!(first.kept, ["wo.toml"]);
        assert!(root.join("bridge/inbox/GG/templates").is_dir());
        assert!(!root.join("bridge/inbox/CLC").exists());
        assert_eq!(std::fs::read_to_string(root.join("wo.toml")).unwrap(), "[inbox]\nagents = [\"GG\"]\n");

        std::fs::write(root.join(SAMPLE_PATH), "mine").unwrap();
        let second = scaffold(&root, false).unwrap();
        assert_eq!(second.made, [""; 0]);
        assert_eq!(second.kept.len(), first.made.len() + 1);
        assert_eq!(std::fs::read_to_string(root.join(SAMPLE_PATH)).unwrap(), "mine");
    }
}
