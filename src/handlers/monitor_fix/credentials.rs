//! Where a Redis password may be found: the environment, secret files, `.env`, compose files, `redis.conf`, plists, docker.
//!
//! Invariant: a password is only ever held as a [`Secret`]; what is shown or stored of a source is its place and key.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::process;
use crate::root::Root;
use crate::secret::{Secret, SecretRef};

mod compose;
mod files;
mod names;
mod redis_conf;
mod search;
mod syntax;
#[cfg(test)]
mod tests;

use files::Files;
use search::Search;

/// A password and where it was found.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub source: Source,
    /// The ACL user that the source gives with it.
    pub user: Option<String>,
    pub password: Secret,
}

/// In words that a person can follow: `.env (REDIS_PASSWORD)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// In the order in which they are tried.
    pub kind: Kind,
    /// A path relative to the root where it lies beneath it, a container's name, or nothing for the environment.
    pub place: String,
    /// A variable or directive.
    pub key: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Environment,
    SecretFile,
    DotEnv,
    Compose,
    RedisConf,
    Plist,
    Docker,
    /// A file that could hold one and was not looked into; the key says why.
    PassedOver,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Kind::Environment => write!(f, "the environment variable {}", self.key),
            Kind::SecretFile => write!(f, "the secret file `{}`", self.place),
            Kind::Docker => write!(f, "the container `{}` ({})", self.place, self.key),
            _ => write!(f, "`{}` ({})", self.place, self.key),
        }
    }
}

impl Source {
    /// Whether it is called by the name of the check: of several servers each has its own.
    pub fn names(&self, check: &str) -> bool {
        names::names(&self.key, check)
    }
}

/// Variables that hold a Redis password, as most call it: they come before those of other names ([`names`]).
const VARIABLES: &[&str] = &["REDIS_PASSWORD", "REDIS_PASS", "REDIS_AUTH", "REDISCLI_AUTH", "REDIS_REQUIREPASS"];
/// Variables that hold the name of the user whose password it is.
const USERS: &[&str] = &["REDIS_USERNAME", "REDIS_USER", "REDISCLI_USER"];
/// Variables that hold a URL with one, likewise.
const URLS: &[&str] = &["REDIS_URL", "REDIS_URI", "REDIS_TLS_URL"];

/// Passwords tried against one server.
pub const MAX_CANDIDATES: usize = 64;

/// Where to look beside the root.
#[derive(Debug, Clone)]
pub struct Places {
    /// Directories with plists of installed services.
    pub launch_agents: Vec<PathBuf>,
    pub redis_confs: Vec<PathBuf>,
    pub environment: BTreeMap<String, String>,
    /// `docker`, where it is there.
    pub docker: Option<PathBuf>,
}

impl Places {
    /// Those of this machine.
    pub fn of_machine(launch_agents: Vec<PathBuf>) -> Self {
        let names =
            ["/etc/redis/redis.conf", "/etc/redis.conf", "/usr/local/etc/redis.conf", "/opt/homebrew/etc/redis.conf"];
        let path = std::env::var("PATH").unwrap_or_default();
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            (names::is_of_redis(&name) || names::of_url(&value).is_some()).then_some((name, value))
        });
        Places {
            launch_agents,
            redis_confs: names.iter().map(PathBuf::from).collect(),
            environment: environment.collect(),
            docker: process::find_on_path("docker", &path)
                .or_else(|| process::find_on_path("docker", process::DEFAULT_PATH))
                .filter(|program| program.is_absolute()),
        }
    }
}

/// What a look at all sources came to.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order in which they are to be tried.
    pub candidates: Vec<Candidate>,
    /// Files that were not looked into.
    pub passed: Vec<Source>,
}

/// Every password that lies in a file or in the environment. `configured` are the references of the check itself; `user` the
/// ACL user whose password is looked for, any when `None`.
pub fn find(root: &Root, places: &Places, configured: &[SecretRef], user: Option<&str>) -> Found {
    let named = configured.iter().filter_map(|reference| match reference {
        SecretRef::Env(name) => Some(name.clone()),
        SecretRef::File(_) => None,
    });
    let mut search = Search { root, user, named: named.collect(), found: Vec::new(), passed: Vec::new() };
    search.variables(Kind::Environment, "", &places.environment);
    search.secret_files(configured);
    let mut files = Files::default();
    files.walk(root.path(), 0);
    for path in &files.dot_env {
        search.dot_env(path);
    }
    for path in &files.compose {
        search.compose(path, &places.environment);
    }
    for path in files.redis_conf.iter().chain(&places.redis_confs) {
        search.redis_conf(path);
    }
    for path in &files.plists {
        search.plist(path);
    }
    for dir in &places.launch_agents {
        let mut plists: Vec<PathBuf> = std::fs::read_dir(dir)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        plists.sort();
        for path in plists.iter().filter(|path| path.extension().is_some_and(|extension| extension == "plist")) {
            search.plist(path);
        }
    }
    search.found.truncate(MAX_CANDIDATES);
    Found { candidates: search.found, passed: search.passed }
}

/// Those of containers that run, for when no other is accepted: docker may be slow to say that it is not there.
pub fn in_containers(root: &Root, places: &Places) -> Vec<Candidate> {
    let mut search = Search { root, user: None, named: Vec::new(), found: Vec::new(), passed: Vec::new() };
    if let Some(docker) = &places.docker {
        search.docker(docker);
    }
    search.found.truncate(MAX_CANDIDATES);
    search.found
}
