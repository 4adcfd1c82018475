//! Passwords in a compose file (the Compose Specification): `environment` and `env_file` of any service, `--requirepass` in any
//! command, and the files of `secrets`.

use std::collections::BTreeMap;
use std::path::Path;

use super::Kind;
use super::search::Search;
use super::syntax::{dot_env, expand, flatten, passwords_in, shell_words};

/// Options whose argument is an item of its own in a command that is a list.
const OPTIONS: [&str; 4] = ["requirepass", "masterauth", "a", "pass"];

impl Search<'_> {
    pub(super) fn compose(&mut self, path: &Path, environment: &BTreeMap<String, String>) {
        let Some(text) = self.read(path) else { return };
        let value = match serde_yaml::from_str::<serde_yaml::Value>(&text) {
            Ok(value) => value,
            // its words may quote what is secret
            Err(_) => return self.pass_over(path, "it is no YAML".to_owned()),
        };
        // the project's own `.env` comes before that of the root, and what is set before either
        let dir = path.parent().unwrap_or(self.root.path()).to_owned();
        let mut variables = BTreeMap::new();
        for dir in [self.root.path().to_owned(), dir.clone()] {
            variables.extend(self.read(&dir.join(".env")).map(|text| dot_env(&text)).unwrap_or_default());
        }
        variables.extend(environment.clone());
        let place = self.root.show(path);
        // each service has an environment of its own
        for (key, part) in value.as_mapping().into_iter().flatten() {
            match part.as_mapping().filter(|_| key.as_str() == Some("services")) {
                Some(services) => services.values().for_each(|service| self.part(&place, &dir, service, &variables)),
                None => self.part(&place, &dir, part, &variables),
            }
        }
        self.files_of_secrets(&dir, &value, &variables);
    }

    fn part(&mut self, place: &str, dir: &Path, part: &serde_yaml::Value, variables: &BTreeMap<String, String>) {
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
            let is_argument = words
                .last()
                .is_some_and(|before| OPTIONS.contains(&before.trim_start_matches('-').to_lowercase().as_str()));
            match key {
                None if is_argument || !text.contains(char::is_whitespace) => words.push(text),
                _ => words.extend(shell_words(&text)),
            }
        }
        words.extend(of_shells(&words));
        for file in env_files(part) {
            let path = dir.join(expand(&file, variables));
            if let Some(text) = self.read(&path) {
                let shown = self.root.show(&path);
                self.variables(Kind::Compose, &shown, &dot_env(&text));
            }
        }
        self.variables(Kind::Compose, place, &set);
        for password in passwords_in(&words) {
            // `$$NAME` is for the shell in the container, which has the service's environment
            self.add(Kind::Compose, place, "requirepass", &expand(&password, &set));
            self.add(Kind::Compose, place, "requirepass", &password);
        }
    }

    /// `secrets: { redis_password: { file: ./conf/rp.txt } }`, those that Redis' name is on or that a variable refers to.
    fn files_of_secrets(&mut self, dir: &Path, value: &serde_yaml::Value, variables: &BTreeMap<String, String>) {
        let mut strings = Vec::new();
        flatten(value, None, 0, &mut strings);
        let secrets = value.get("secrets").and_then(serde_yaml::Value::as_mapping).into_iter().flatten();
        for (name, secret) in secrets {
            let (Some(name), Some(file)) = (name.as_str(), secret.get("file").and_then(serde_yaml::Value::as_str))
            else {
                continue;
            };
            let mounted = format!("/run/secrets/{name}");
            let is_referred_to = strings.iter().any(|(_, text)| text.ends_with(&mounted));
            if is_referred_to || name.to_lowercase().contains("redis") {
                self.secret_file(&dir.join(expand(file, variables)));
            }
        }
    }
}

/// The words of what a shell is given with `-c`.
fn of_shells(words: &[String]) -> Vec<String> {
    let is_option = |word: &str| word.starts_with('-') && word.ends_with('c') && word.len() <= 5;
    let inner = words.iter().zip(words.iter().skip(1)).filter(|(option, _)| is_option(option));
    inner.flat_map(|(_, text)| shell_words(text)).collect()
}

/// One path, a list of paths, or a list of `{ path: … }`.
fn env_files(part: &serde_yaml::Value) -> Vec<String> {
    let text = |value: &serde_yaml::Value| {
        value.as_str().or_else(|| value.get("path").and_then(serde_yaml::Value::as_str)).map(str::to_owned)
    };
    match part.get("env_file") {
        Some(serde_yaml::Value::Sequence(files)) => files.iter().filter_map(text).collect(),
        Some(file) => text(file).into_iter().collect(),
        None => Vec::new(),
    }
}
