//! Where a Redis password may be found: the environment, secret files, `.env`, compose files, `redis.conf`, plists, docker.
//!
//! Invariant: a password is only ever held as a [`Secret`]; what is shown or stored of a source is its place and key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::process::{self, Spec};
use crate::root::Root;
use crate::secret::{Secret, SecretRef};

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

/// Variables that hold a Redis password.
const VARIABLES: &[&str] = &["REDIS_PASSWORD", "REDIS_PASS", "REDIS_AUTH", "REDISCLI_AUTH", "REDIS_REQUIREPASS"];
/// Variables that hold the name of the user whose password it is.
const USERS: &[&str] = &["REDIS_USERNAME", "REDIS_USER", "REDISCLI_USER"];
/// Variables that hold a URL with one.
const URLS: &[&str] = &["REDIS_URL", "REDIS_URI", "REDIS_TLS_URL"];

/// Files beyond this are not settings.
const FILE_BYTES: u64 = 256 * 1024;
/// Files looked at, and how deep beneath the root they may lie.
const MAX_FILES: usize = 200;
const MAX_DEPTH: usize = 4;
/// Passwords tried against one server.
pub const MAX_CANDIDATES: usize = 64;
/// Directories that hold data or other people's code, not settings.
const SKIPPED: &[&str] = &["node_modules", ".git", "bridge", "g", "target", "Library", ".venv", "venv", "third_party"];

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
        let files = VARIABLES.iter().map(|name| format!("{name}_FILE"));
        let known = VARIABLES.iter().chain(URLS).chain(USERS).map(|name| (*name).to_owned()).chain(files);
        Places {
            launch_agents,
            redis_confs: names.iter().map(PathBuf::from).collect(),
            environment: known.filter_map(|name| Some((name.clone(), std::env::var(name).ok()?))).collect(),
            docker: process::find_on_path("docker", &path)
                .or_else(|| process::find_on_path("docker", process::DEFAULT_PATH))
                .filter(|program| program.is_absolute()),
        }
    }
}

/// Every password that lies in a file or in the environment, in the order in which they are to be tried. `configured` are
/// the references of the check itself; `user` the ACL user whose password is looked for, any when `None`.
pub fn find(root: &Root, places: &Places, configured: &[SecretRef], user: Option<&str>) -> Vec<Candidate> {
    let named = configured.iter().filter_map(|reference| match reference {
        SecretRef::Env(name) => Some(name.clone()),
        SecretRef::File(_) => None,
    });
    let mut search = Search { root, user, named: named.collect(), found: Vec::new() };
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
    search.found
}

/// Those of containers that run, for when no other is accepted: docker may be slow to say that it is not there.
pub fn in_containers(root: &Root, places: &Places) -> Vec<Candidate> {
    let mut search = Search { root, user: None, named: Vec::new(), found: Vec::new() };
    if let Some(docker) = &places.docker {
        search.docker(docker);
    }
    search.found.truncate(MAX_CANDIDATES);
    search.found
}

/// Files beneath the root, each kind sorted by depth and name.
#[derive(Debug, Default)]
struct Files {
    dot_env: Vec<PathBuf>,
    compose: Vec<PathBuf>,
    redis_conf: Vec<PathBuf>,
    plists: Vec<PathBuf>,
    seen: usize,
}

impl Files {
    fn walk(&mut self, dir: &Path, depth: usize) {
        let mut entries: Vec<_> = std::fs::read_dir(dir).map(|entries| entries.flatten().collect()).unwrap_or_default();
        entries.sort_by_key(|entry| entry.file_name());
        let mut directories = Vec::new();
        for entry in entries {
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name().to_string_lossy().to_lowercase();
            if kind.is_dir() {
                if !SKIPPED.iter().any(|skipped| name.eq_ignore_ascii_case(skipped)) {
                    directories.push(entry.path());
                }
                continue;
            }
            let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
            let list = if name == ".env" || name.starts_with(".env.") || name.ends_with(".env") {
                &mut self.dot_env
            } else if is_yaml && (name.starts_with("docker-compose") || name.starts_with("compose")) {
                &mut self.compose
            } else if (name.starts_with("redis") && name.ends_with(".conf")) || name == "users.acl" {
                &mut self.redis_conf
            } else if name.ends_with(".plist") {
                &mut self.plists
            } else {
                continue;
            };
            if self.seen < MAX_FILES {
                self.seen += 1;
                list.push(entry.path());
            }
        }
        if depth < MAX_DEPTH {
            directories.iter().for_each(|dir| self.walk(dir, depth + 1));
        }
    }
}

struct Search<'a> {
    root: &'a Root,
    user: Option<&'a str>,
    /// Variables that the check itself names.
    named: Vec<String>,
    found: Vec<Candidate>,
}

impl Search<'_> {
    fn add(&mut self, kind: Kind, place: &str, key: &str, password: &str) {
        self.add_of(None, kind, place, key, password);
    }

    /// `user` is whose password the source says it is.
    fn add_of(&mut self, user: Option<&str>, kind: Kind, place: &str, key: &str, password: &str) {
        let user = user.filter(|user| !user.is_empty() && *user != "default").map(str::to_owned);
        let password = password.trim_matches(['\r', '\n']);
        let is_known =
            self.found.iter().any(|candidate| candidate.password.expose() == password && candidate.user == user);
        if !password.is_empty() && password.len() <= 4096 && !is_known {
            let source = Source { kind, place: place.to_owned(), key: key.to_owned() };
            self.found.push(Candidate { source, user, password: Secret::new(password) });
        }
    }

    fn variables(&mut self, kind: Kind, place: &str, variables: &BTreeMap<String, String>) {
        let named = self.named.clone();
        for name in named.iter().map(String::as_str).chain(VARIABLES.iter().copied()) {
            if let Some(value) = variables.get(name) {
                self.add(kind, place, name, value);
                if let Some(user) = USERS.iter().find_map(|name| variables.get(*name)) {
                    self.add_of(Some(user), kind, place, name, value);
                }
            }
            if let Some(path) = variables.get(&format!("{name}_FILE")) {
                self.secret_file(&self.root.join(path));
            }
        }
        for name in URLS {
            if let Some((user, password)) = variables.get(*name).and_then(|value| credentials_of_url(value)) {
                self.add_of(Some(&user), kind, place, name, &password);
            }
        }
    }

    fn secret_files(&mut self, configured: &[SecretRef]) {
        for reference in configured {
            match reference {
                // a file that others can read holds the password all the same; it is stored anew with the right mode
                SecretRef::File(path) => self.secret_file(&self.root.join(path)),
                SecretRef::Env(name) => {
                    if let Ok(value) = std::env::var(name) {
                        self.add(Kind::Environment, "", name, &value);
                    }
                }
            }
        }
        for dir in [self.root.state().join("secrets"), self.root.join("secrets"), self.root.join(".secrets")] {
            let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
                .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                .unwrap_or_default();
            files.sort();
            let of_redis = |path: &&PathBuf| {
                path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains("redis"))
            };
            files.iter().filter(of_redis).for_each(|path| self.secret_file(path));
        }
    }

    fn secret_file(&mut self, path: &Path) {
        if let Some(text) = read(path)
            && text.lines().count() == 1
        {
            self.add(Kind::SecretFile, &self.root.show(path), "", &text);
        }
    }

    fn dot_env(&mut self, path: &Path) {
        if let Some(text) = read(path) {
            self.variables(Kind::DotEnv, &self.root.show(path), &dot_env(&text));
        }
    }

    /// A compose file: `environment` of any service, and `--requirepass` in any command.
    fn compose(&mut self, path: &Path, environment: &BTreeMap<String, String>) {
        let Some(text) = read(path) else { return };
        let Ok(value) = serde_yaml::from_str::<serde_yaml::Value>(&text) else { return };
        let mut variables =
            path.parent().and_then(|dir| read(&dir.join(".env"))).map(|text| dot_env(&text)).unwrap_or_default();
        variables.extend(environment.clone());
        let place = self.root.show(path);
        // each service has an environment of its own
        let top = value.as_mapping().into_iter().flatten();
        for (key, part) in top {
            match part.as_mapping().filter(|_| key.as_str() == Some("services")) {
                Some(services) => services.values().for_each(|service| self.compose_part(&place, service, &variables)),
                None => self.compose_part(&place, part, &variables),
            }
        }
    }

    fn compose_part(&mut self, place: &str, part: &serde_yaml::Value, variables: &BTreeMap<String, String>) {
        let mut strings = Vec::new();
        flatten(part, None, 0, &mut strings);
        let mut words: Vec<String> = Vec::new();
        let mut set = BTreeMap::new();
        for (key, text) in &strings {
            let text = expand(text, variables);
            if let Some(key) = key {
                set.insert(key.clone(), text.clone());
            }
            if let Some((name, value)) = text.split_once('=') {
                set.insert(name.trim().to_owned(), value.to_owned());
            }
            // an item of a list is one word as it stands, unless it is a command line for a shell
            match key {
                None if !text.contains(char::is_whitespace) => words.push(text),
                _ => words.extend(shell_words(&text)),
            }
        }
        self.variables(Kind::Compose, place, &set);
        for password in passwords_in(&words) {
            self.add(Kind::Compose, place, "requirepass", &password);
        }
    }

    fn redis_conf(&mut self, path: &Path) {
        let Some(text) = read(path) else { return };
        let place = self.root.show(path);
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let words = shell_words(line);
            let is_wanted = |user: &str| self.user.is_none_or(|wanted| wanted == user);
            match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                [directive, password] if directive.eq_ignore_ascii_case("requirepass") && is_wanted("default") => {
                    self.add(Kind::RedisConf, &place, "requirepass", password);
                }
                [directive, user, rules @ ..] if directive.eq_ignore_ascii_case("user") && is_wanted(user) => {
                    for password in rules.iter().filter_map(|rule| rule.strip_prefix('>')) {
                        self.add_of(Some(user), Kind::RedisConf, &place, "user", password);
                    }
                }
                _ => {}
            }
        }
    }

    fn plist(&mut self, path: &Path) {
        let too_large = path.metadata().is_ok_and(|metadata| metadata.len() > FILE_BYTES);
        let Some(value) = (!too_large).then(|| plist::Value::from_file(path).ok()).flatten() else { return };
        let Some(dictionary) = value.as_dictionary() else { return };
        let place = self.root.show(path);
        if let Some(environment) = dictionary.get("EnvironmentVariables").and_then(plist::Value::as_dictionary) {
            let text = |(key, value): (&String, &plist::Value)| Some((key.clone(), value.as_string()?.to_owned()));
            self.variables(Kind::Plist, &place, &environment.iter().filter_map(text).collect());
        }
        if let Some(arguments) = dictionary.get("ProgramArguments").and_then(plist::Value::as_array) {
            let words: Vec<String> =
                arguments.iter().filter_map(plist::Value::as_string).flat_map(shell_words).collect();
            for password in passwords_in(&words) {
                self.add(Kind::Plist, &place, "requirepass", &password);
            }
        }
    }

    /// Containers that run: their environment and command. Nothing secret is in the arguments that docker gets.
    fn docker(&mut self, docker: &Path) {
        let run = |args: &[&str]| {
            let mut spec = Spec::new(docker).args(args).deadline(Duration::from_secs(10));
            if let Some(home) = std::env::var_os("HOME") {
                spec = spec.env("HOME", home);
            }
            spec.max_output = 4 * 1024 * 1024;
            process::run(&spec).ok().filter(process::Output::success).map(|output| output.stdout_text())
        };
        let Some(ids) = run(&["ps", "--quiet"]) else { return };
        let is_id = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_hexdigit());
        let ids: Vec<&str> = ids.split_whitespace().filter(is_id).take(50).collect();
        if ids.is_empty() {
            return;
        }
        let Some(text) = run(&[&["inspect"], ids.as_slice()].concat()) else { return };
        let Ok(containers) = serde_json::from_str::<Vec<serde_json::Value>>(&text) else { return };
        for container in containers {
            let name = container["Name"].as_str().unwrap_or_default().trim_start_matches('/').to_owned();
            let list = |value: &serde_json::Value| -> Vec<String> {
                value.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
            };
            let environment = list(&container["Config"]["Env"]);
            let pairs = environment.iter().filter_map(|pair| pair.split_once('='));
            let variables = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            self.variables(Kind::Docker, &name, &variables);
            let words = [list(&container["Config"]["Entrypoint"]), list(&container["Config"]["Cmd"])].concat();
            let words: Vec<String> = words.iter().flat_map(|word| shell_words(word)).collect();
            for password in passwords_in(&words) {
                self.add(Kind::Docker, &name, "requirepass", &password);
            }
        }
    }
}

/// A small text file; `None` when it isn't one.
fn read(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > FILE_BYTES {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}

/// `KEY=value` lines: `export` allowed, quotes taken off, ` #` begins a comment outside them.
fn dot_env(text: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => quoted(value.chars().skip(1), quote),
            _ => value.split(" #").next().unwrap_or(value).trim_end().to_owned(),
        };
        variables.insert(key.trim().to_owned(), value);
    }
    variables
}

/// What stands between quotes; within double ones a backslash takes the next character as it is.
fn quoted(mut chars: impl Iterator<Item = char>, quote: char) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next().filter(|c| *c != quote) {
        match c {
            '\\' if quote == '"' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

/// User, which may be empty, and password.
fn credentials_of_url(text: &str) -> Option<(String, String)> {
    let url = url::Url::parse(text.trim()).ok()?;
    let decode = |encoded: &str| {
        let pair = format!("p={}", encoded.replace('+', "%2B"));
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decode(url.username())?, decode(url.password()?)?))
}

/// All strings of a YAML tree, those that stand under a key with it.
fn flatten(value: &serde_yaml::Value, key: Option<&str>, depth: usize, into: &mut Vec<(Option<String>, String)>) {
    if depth > 32 || into.len() > 10_000 {
        return;
    }
    let key_of = || key.map(str::to_owned);
    match value {
        serde_yaml::Value::String(text) => into.push((key_of(), text.clone())),
        serde_yaml::Value::Number(number) => into.push((key_of(), number.to_string())),
        serde_yaml::Value::Sequence(items) => items.iter().for_each(|item| flatten(item, None, depth + 1, into)),
        serde_yaml::Value::Mapping(pairs) => {
            pairs.iter().for_each(|(key, value)| flatten(value, key.as_str(), depth + 1, into));
        }
        _ => {}
    }
}

/// `${NAME}`, `${NAME:-default}`, `${NAME-default}` and `$NAME`, as compose expands them; `$$` is a dollar.
fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((inner, after)) = rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            let (name, operator) = inner.split_at(end);
            let default = operator.strip_prefix(":-").or_else(|| operator.strip_prefix('-')).unwrap_or_default();
            out.push_str(variables.get(name).filter(|value| !value.is_empty()).map_or(default, String::as_str));
            rest = after;
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            match (name.is_empty(), variables.get(name)) {
                (true, _) => out.push('$'),
                (false, value) => out.push_str(value.map_or("", String::as_str)),
            }
            rest = after;
        }
    }
    out + rest
}

/// Words as a shell or redis.conf splits them; quotes are taken off. Nothing is executed or expanded.
fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// What follows `--requirepass` or `requirepass`, as a word of its own or after `=`, and `-a` or `--pass` of a `redis-cli`.
fn passwords_in(words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_client = false;
    for (n, word) in words.iter().enumerate() {
        is_client = word.ends_with("redis-cli") || (is_client && !matches!(word.as_str(), "&&" | "||" | "|" | ";"));
        let bare = word.trim_start_matches('-');
        if bare.eq_ignore_ascii_case("requirepass") || (is_client && matches!(word.as_str(), "-a" | "--pass")) {
            found.extend(words.get(n + 1).cloned());
        } else if let Some((directive, value)) = bare.split_once('=')
            && directive.eq_ignore_ascii_case("requirepass")
        {
            found.push(value.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> (tempfile::TempDir, Root) {
        let dir = tempfile::Builder::new().prefix("ราก it's ").tempdir().unwrap();
        let root = Root::at(dir.path()).unwrap();
        (dir, root)
    }

    fn nowhere() -> Places {
        Places { launch_agents: vec![], redis_confs: vec![], environment: BTreeMap::new(), docker: None }
    }

    fn write(root: &Root, path: &str, text: &str) {
        crate::durable::write(&root.join(path), text.as_bytes(), 0o644).unwrap();
    }

    fn found(root: &Root, places: &Places, user: Option<&str>) -> Vec<(String, String)> {
        let candidates = find(root, places, &[], user);
        candidates.iter().map(|c| (c.source.to_string(), c.password.expose().to_owned())).collect()
    }

    #[test]
    fn each_kind_of_source_in_its_order() {
        let (_dir, root) = root();
        let agents = root.join("agents");
        let plist = r#"<?xml version="1.0"?><plist version="1.0"><dict><key>EnvironmentVariables</key>
            <dict><key>REDIS_PASSWORD</key><string>from-plist</string></dict></dict></plist>"#;
        write(&root, "agents/com.x.plist", plist);
        write(&root, "redis.conf", "# requirepass old\nrequirepass \"from conf\"\nuser ops on >from-acl ~* +@all\n");
        write(
            &root,
            "docker/docker-compose.yml",
            "services:\n  redis:\n    image: redis:7\n    command: redis-server --requirepass ${REDIS_PW:-from-compose}\n    environment:\n      - REDIS_PASSWORD=from-list\n  other:\n    environment:\n      REDIS_PASS: 123456\n",
        );
        write(&root, ".env", "# x\nexport REDIS_PASSWORD=\"from # env\"\nREDIS_URL=redis://:p%40ss+1@h:1/0 # c\n");
        write(&root, "bridge/state/secrets/redis", "from-file\n");
        let mut places = nowhere();
        places.launch_agents.push(agents);
        places.environment.insert("REDIS_PASSWORD".to_owned(), "from-environment".to_owned());
        let expected = [
            ("the environment variable REDIS_PASSWORD", "from-environment"),
            ("the secret file `bridge/state/secrets/redis`", "from-file"),
            ("`.env` (REDIS_PASSWORD)", "from # env"),
            ("`.env` (REDIS_URL)", "p@ss+1"),
            ("`docker/docker-compose.yml` (REDIS_PASSWORD)", "from-list"),
            ("`docker/docker-compose.yml` (requirepass)", "from-compose"),
            ("`docker/docker-compose.yml` (REDIS_PASS)", "123456"),
            ("`redis.conf` (requirepass)", "from conf"),
            ("`redis.conf` (user)", "from-acl"),
            ("`agents/com.x.plist` (REDIS_PASSWORD)", "from-plist"),
        ];
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(found(&root, &places, None), expected);
        let of_acl = found(&root, &nowhere(), Some("ops"));
        assert!(of_acl.contains(&("`redis.conf` (user)".to_owned(), "from-acl".to_owned())), "{of_acl:?}");
        assert!(of_acl.iter().all(|(_, password)| password != "from conf"));
    }

    #[test]
    fn quotes_files_and_clients() {
        let (_dir, root) = root();
        write(
            &root,
            ".env",
            "REDIS_PASSWORD=\"a\\\"b\\\\c#d\" # x\nREDIS_AUTH='e\\f'\nREDIS_PASS_FILE=conf/redis.txt\n",
        );
        write(&root, "conf/redis.txt", "from a file\r\n");
        let compose = "services:\n  redis:\n    healthcheck:\n      test: [\"CMD-SHELL\", \"redis-cli -a 'of the client' ping | grep -a PONG\"]\n";
        write(&root, "compose.yml", compose);
        let passwords: Vec<String> = found(&root, &nowhere(), None).into_iter().map(|(_, password)| password).collect();
        assert_eq!(passwords, ["a\"b\\c#d", "from a file", "e\\f", "of the client"]);
    }

    #[test]
    fn a_user_that_a_source_names_goes_with_its_password() {
        let (_dir, root) = root();
        write(&root, ".env", "\u{feff}REDIS_PASSWORD=one\r\nREDIS_USERNAME=ops\r\nREDIS_URL=redis://m%40n:two@h:1\r\n");
        write(&root, "users.acl", "user default off\nuser mon on >three ~* +ping\n");
        let found: Vec<_> = find(&root, &nowhere(), &[], None)
            .into_iter()
            .map(|found| (found.user.unwrap_or_default(), found.password.expose().to_owned()))
            .collect();
        let expected = [("", "one"), ("ops", "one"), ("m@n", "two"), ("mon", "three")];
        assert_eq!(found, expected.map(|(user, password)| (user.to_owned(), password.to_owned())));
    }

    #[test]
    fn each_service_has_its_own_environment_and_the_check_names_its_variable() {
        let (_dir, root) = root();
        let text = "x-all:\n  environment:\n    REDIS_PASSWORD: of-all\nservices:\n  redis:\n    environment:\n      REDIS_PASSWORD: right\n  \
                    worker:\n    environment:\n      - REDIS_PASSWORD=stale\n";
        write(&root, "compose.yml", text);
        let passwords: Vec<String> = found(&root, &nowhere(), None).into_iter().map(|(_, password)| password).collect();
        assert_eq!(passwords, ["of-all", "right", "stale"]);
        write(&root, ".env", "CACHE_PW=of-the-cache\n");
        let named = [SecretRef::Env("CACHE_PW".to_owned())];
        let candidates = find(&root, &nowhere(), &named, None);
        let shown: Vec<String> = candidates.iter().map(|candidate| candidate.source.to_string()).collect();
        assert!(shown.contains(&"`.env` (CACHE_PW)".to_owned()), "{shown:?}");
    }

    #[test]
    fn compose_lists_and_variables() {
        let (_dir, root) = root();
        write(&root, ".env", "PW='se\"cret'\n");
        let text = "services:\n  redis:\n    command:\n      - redis-server\n      - --requirepass\n      - $PW\n";
        write(&root, "compose.yaml", text);
        assert_eq!(
            found(&root, &nowhere(), None),
            [("`compose.yaml` (requirepass)".to_owned(), "se\"cret".to_owned())]
        );
    }

    #[test]
    fn broken_and_hostile_files_give_nothing_and_do_no_harm() {
        let (_dir, root) = root();
        write(&root, "docker-compose.yml", ": : : [");
        write(&root, "compose.yml", &"[".repeat(5_000));
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
        write(&root, "compose.bomb.yml", bomb);
        write(&root, "x.plist", "<plist>&&</plist>");
        write(&root, ".env", "=\nREDIS_PASSWORD\nREDIS_PASSWORD='\nREDIS_URL=::\n");
        write(&root, "redis.conf", "requirepass\nuser\n\"\n");
        assert_eq!(found(&root, &nowhere(), None), []);
    }

    #[test]
    fn no_password_is_ever_shown() {
        let (_dir, root) = root();
        write(&root, ".env", "REDIS_PASSWORD=hunter2hunter2\n");
        let candidates = find(&root, &nowhere(), &[], None);
        assert_eq!(candidates.len(), 1);
        let shown = format!("{candidates:?} {}", serde_json::to_string(&candidates[0].source).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
