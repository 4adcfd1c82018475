//! The directory Workbridge works in, and where everything lies in it.

use std::path::{Path, PathBuf};

/// A root; its path is absolute and canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

#[derive(Debug, thiserror::Error)]
pub enum RootError {
    #[error(
        "found no root: neither `{}` nor a directory above it has `wo.toml` or `bridge/`\n\
         hint: name one with --root or WO_ROOT, or make one here with `wo init`", .0.display()
    )]
    NotFound(PathBuf),
    #[error("failed to open the root `{}`: {source}\nhint: make one with `wo init`", path.display())]
    Open { path: PathBuf, source: std::io::Error },
}

impl Root {
    /// The root named by `explicit` (`--root`, `$WO_ROOT`), else the nearest ancestor of `from` with `wo.toml` or `bridge/`.
    pub fn find(explicit: Option<&Path>, from: &Path) -> Result<Root, RootError> {
        if let Some(path) = explicit {
            return Root::at(path);
        }
        from.ancestors()
            .find(|dir| dir.join("wo.toml").is_file() || dir.join("bridge").is_dir())
            .ok_or_else(|| RootError::NotFound(from.to_owned()))
            .and_then(Root::at)
    }

    /// The root at `path`, which must be a directory.
    pub fn at(path: &Path) -> Result<Root, RootError> {
        let canonical = path
            .canonicalize()
            .and_then(|path| if path.is_dir() { Ok(path) } else { Err(std::io::ErrorKind::NotADirectory.into()) });
        canonical.map(Root).map_err(|source| RootError::Open { path: path.to_owned(), source })
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.0.join(relative)
    }

    /// `path` as it is shown in reports: relative to the root where it lies beneath it.
    pub fn show(&self, path: &Path) -> String {
        path.strip_prefix(&self.0).unwrap_or(path).display().to_string()
    }

    pub fn config(&self) -> PathBuf {
        self.join("wo.toml")
    }

    pub fn bridge(&self) -> PathBuf {
        self.join("bridge")
    }

    pub fn inbox(&self, agent: &str) -> PathBuf {
        self.join("bridge/inbox").join(agent)
    }

    /// Report templates that users of this agent dropped.
    pub fn agent_templates(&self, agent: &str) -> PathBuf {
        self.inbox(agent).join("templates")
    }

    pub fn processing(&self, agent: &str) -> PathBuf {
        self.join("bridge/processing").join(agent)
    }

    pub fn archive(&self, agent: &str) -> PathBuf {
        self.join("bridge/archive").join(agent)
    }

    pub fn rejected(&self, agent: &str) -> PathBuf {
        self.join("bridge/rejected").join(agent)
    }

    pub fn outbox(&self, agent: &str) -> PathBuf {
        self.join("bridge/outbox").join(agent)
    }

    pub fn state(&self) -> PathBuf {
        self.join("bridge/state")
    }

    pub fn journal(&self) -> PathBuf {
        self.join("bridge/state/journal.db")
    }

    pub fn lock(&self) -> PathBuf {
        self.join("bridge/state/lock")
    }

    /// Backups of files that the steps of order `id` changed.
    pub fn backups(&self, id: &str) -> PathBuf {
        self.join("bridge/state/backups").join(id)
    }

    /// Tells whether the program of an attempt at order `id` lives.
    pub fn program_lock(&self, id: &str, attempt: u32) -> PathBuf {
        self.programs().join(format!("{id}.{attempt}.lock"))
    }

    /// Locks of the programs that orders have at work.
    pub fn programs(&self) -> PathBuf {
        self.join("bridge/state/programs")
    }

    pub fn templates(&self) -> PathBuf {
        self.join("templates")
    }

    /// Rendered plists, one per service, checked in.
    pub fn launchd(&self) -> PathBuf {
        self.join("launchd")
    }
}
