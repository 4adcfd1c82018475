//! Where a deliverable that an order lists may lie.
//!
//! Invariant: what comes out is a relative path beneath the root, without `..`; what lies within `bridge/` and
//! the name of an installed plist are told apart. Whether a directory on the way is a symbolic link is seen when a step
//! writes, see [`target`].

use std::path::{Component, Path, PathBuf};

use crate::handlers::{Context, HandlerError};
use crate::root::Root;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Relative to the root, normalized.
    Root(String),
    /// `~/Library/LaunchAgents/NAME.plist`: the service manager installs it.
    LaunchAgent(String),
    /// Within `bridge/`: the mail's and the engine's, no handler writes there.
    Bridge(String),
}

/// What [`place`] must know of the machine; from the facts, since planning is pure.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bounds {
    /// The root's absolute path.
    pub root: PathBuf,
    pub home: Option<PathBuf>,
}

/// Understands a path as an author wrote it.
pub fn place(written: &str, bounds: &Bounds) -> Result<Place, HandlerError> {
    let refuse = |why: &str| {
        HandlerError::Refused(format!(
            "the deliverable `{}` {why}\nhint: list paths relative to the root",
            crate::text::line(written, 200)
        ))
    };
    let text = written.trim().trim_matches('`').trim();
    if text.is_empty() {
        return Err(refuse("is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(refuse("holds control characters"));
    }
    let path = Path::new(text);
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(refuse("leaves the root with `..`"));
    }
    let agents = Path::new("Library/LaunchAgents");
    let home =
        text.strip_prefix("~/").or_else(|| text.strip_prefix("$HOME/")).or_else(|| text.strip_prefix("${HOME}/"));
    let (from_home, absolute) = match home {
        Some(rest) => (Some(PathBuf::from(rest)), bounds.home.as_ref().map(|home| home.join(rest))),
        None if path.is_absolute() => {
            let below = bounds.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
            (below.map(Path::to_owned), Some(path.to_owned()))
        }
        None => {
            return relative(path).ok_or_else(|| refuse("names no file"));
        }
    };
    if let Some(absolute) = &absolute
        && let Ok(rest) = absolute.strip_prefix(&bounds.root)
    {
        return relative(rest).ok_or_else(|| refuse("names no file"));
    }
    if let Some(rest) = &from_home {
        if let Ok(name) = rest.strip_prefix(agents)
            && name.components().count() == 1
            && name.extension().is_some_and(|extension| extension == "plist")
        {
            return Ok(Place::LaunchAgent(name.display().to_string()));
        }
        // `~/02luka/run/x` where the root is a directory of that name elsewhere
        if let Some(name) = bounds.root.file_name()
            && let Ok(rest) = rest.strip_prefix(name)
        {
            return relative(rest).ok_or_else(|| refuse("names no file"));
        }
    }
    Err(refuse("lies outside the root"))
}

/// Normalizes; `None` when nothing is left.
fn relative(path: &Path) -> Option<Place> {
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    let text = parts.join("/");
    match parts.first().map(String::as_str) {
        None => None,
        Some("bridge") => Some(Place::Bridge(text)),
        Some(_) => Some(Place::Root(text)),
    }
}

/// The absolute path of a deliverable, if no symbolic link leads it out of the root, or out of a folder that `wo.toml` names by
/// its absolute path.
pub fn target(context: &Context, relative: &str) -> Result<PathBuf, HandlerError> {
    beneath(&context.root, &context.config.paths.absolute(), relative)
}

fn beneath(root: &Root, configured: &[&Path], relative: &str) -> Result<PathBuf, HandlerError> {
    let path = root.join(relative);
    let mut existing = path.as_path();
    // the nearest ancestor that is there decides where a new file would land
    while existing.symlink_metadata().is_err() {
        match existing.parent() {
            Some(parent) => existing = parent,
            None => break,
        }
    }
    let real = existing.canonicalize().map_err(|error| {
        HandlerError::Refused(format!(
            "failed to follow `{relative}`: {error}\nhint: a symbolic link that leads nowhere is in its place; remove it"
        ))
    })?;
    let is_beneath = |folder: &Path| match folder.canonicalize() {
        Ok(folder) => real.starts_with(folder),
        // not there yet: what leads to it are the setting's own words
        Err(_) => !folder.starts_with(root.path()),
    };
    let is_configured = configured.iter().any(|folder| path.starts_with(folder) && is_beneath(folder));
    if !is_configured && !real.starts_with(root.path()) {
        return Err(HandlerError::Refused(format!(
            "`{relative}` leads out of the root by a symbolic link to `{}`\nhint: replace the link by a directory",
            real.display()
        )));
    }
    Ok(path)
}

/// The paths that a text names: what stands in backticks, and words with a slash.
pub fn paths_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (n, piece) in text.split('`').enumerate() {
        let quoted = n % 2 == 1;
        for word in piece.split_whitespace() {
            let word =
                word.trim_matches(|c: char| matches!(c, ',' | ';' | ':' | '(' | ')' | '"' | '\'' | '*' | '。' | '，'));
            let word = if quoted { word } else { word.trim_end_matches('.') };
            let is_path = word.contains('/') && !word.contains("://") && word.len() > 1;
            if is_path && !found.iter().any(|known| known == word) {
                found.push(word.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds() -> Bounds {
        Bounds { root: "/srv/02luka".into(), home: Some("/Users/ic".into()) }
    }

    #[test]
    fn places_what_authors_write() {
        let root = |path: &str| Some(Place::Root(path.to_owned()));
        let cases = [
            ("run/parquet_exporter.cjs", root("run/parquet_exporter.cjs")),
            ("`./run//x.cjs`", root("run/x.cjs")),
            ("/srv/02luka/run/x.cjs", root("run/x.cjs")),
            ("~/02luka/scripts/ไทย run.zsh", root("scripts/ไทย run.zsh")),
            ("$HOME/02luka/run/x.cjs", root("run/x.cjs")),
            ("/Users/ic/02luka/run/x.cjs", root("run/x.cjs")),
            ("~/Library/LaunchAgents/com.x.plist", Some(Place::LaunchAgent("com.x.plist".into()))),
            ("/Users/ic/Library/LaunchAgents/com.x.plist", Some(Place::LaunchAgent("com.x.plist".into()))),
            ("~/Library/LaunchAgents/../../.zshrc", None),
            ("~/Library/LaunchAgents/a/b.plist", None),
            ("~/.zshrc", None),
            ("/etc/cron.d/x.sh", None),
            ("run/../../etc/passwd", None),
            ("bridge/state/x.sh", Some(Place::Bridge("bridge/state/x.sh".into()))),
            ("./bridge//inbox/CLC/WO-1.md", Some(Place::Bridge("bridge/inbox/CLC/WO-1.md".into()))),
            ("/srv/02luka2/run/x.cjs", None),
            ("run/a\0b.cjs", None),
            ("", None),
            ("/", None),
            (".", None),
        ];
        for (written, expected) in cases {
            assert_eq!(place(written, &bounds()).ok(), expected, "{written:?}");
        }
    }

    #[test]
    fn a_link_that_leads_out_is_refused() {
        let outside = tempfile::tempdir().unwrap();
        let dir = tempfile::Builder::new().prefix("ราก with space ").tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        std::os::unix::fs::symlink(outside.path(), root.join("run")).unwrap();
        assert!(matches!(beneath(&root, &[], "run/x.cjs"), Err(HandlerError::Refused(_))));
        std::fs::remove_file(root.join("run")).unwrap();
        assert_eq!(beneath(&root, &[], "run/x.cjs").unwrap(), root.join("run/x.cjs"));
        std::fs::create_dir_all(root.join("real")).unwrap();
        std::os::unix::fs::symlink("real", root.join("run")).unwrap();
        assert!(beneath(&root, &[], "run/x.cjs").is_ok());
        // a folder that the settings name may lie elsewhere, and nothing leads out of that either
        let volume = outside.path().join("volume");
        let file = volume.join("x.parquet").display().to_string();
        assert!(beneath(&root, &[], &file).is_err());
        assert!(beneath(&root, &[&volume], &file).is_ok());
        std::fs::create_dir(&volume).unwrap();
        assert!(beneath(&root, &[&volume], &file).is_ok());
        std::os::unix::fs::symlink(dir.path(), volume.join("out")).unwrap();
        std::os::unix::fs::symlink(outside.path(), volume.join("up")).unwrap();
        assert!(beneath(&root, &[&volume], &volume.join("up/x").display().to_string()).is_err());
        std::os::unix::fs::symlink("nowhere", root.join("dangling")).unwrap();
        assert!(beneath(&root, &[], "dangling/x.cjs").is_err());
    }

    #[test]
    fn finds_paths_in_prose() {
        let found =
            paths_in("**Summary** goes to `g/reports/parquet/` (not g/reports/.), see https://x.y/z and `wo export`");
        assert_eq!(found, ["g/reports/parquet/", "g/reports/"]);
    }
}
