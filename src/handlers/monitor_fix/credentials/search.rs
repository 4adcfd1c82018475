//! The passwords of each kind of source, gathered in the order in which the sources are looked at.
//!
//! What can't be read or is of another shape gives nothing, and is named among what was tried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::{FILE_BYTES, read};
use super::syntax::{credentials_of_url, dot_env, passwords_in, shell_words};
use super::{Candidate, Kind, MAX_CANDIDATES, Source, URLS, USERS, VARIABLES, names};
use crate::process::{self, Spec};
use crate::root::Root;
use crate::secret::{Secret, SecretRef};

pub(super) struct Search<'a> {
    pub(super) root: &'a Root,
    pub(super) user: Option<&'a str>,
    /// Variables that the check itself names.
    pub(super) named: Vec<String>,
    pub(super) found: Vec<Candidate>,
    pub(super) passed: Vec<Source>,
}

impl Search<'_> {
    /// A small text file; where it is there and can't be read as one, that is noted.
    pub(super) fn read(&mut self, path: &Path) -> Option<String> {
        match read(path) {
            Ok(text) => Some(text),
            Err(why) => {
                why.into_iter().for_each(|why| self.pass_over(path, why));
                None
            }
        }
    }

    pub(super) fn pass_over(&mut self, path: &Path, why: String) {
        let source = Source { kind: Kind::PassedOver, place: self.root.show(path), key: format!("passed over: {why}") };
        if !self.passed.contains(&source) && self.passed.len() < MAX_CANDIDATES {
            self.passed.push(source);
        }
    }

    pub(super) fn add(&mut self, kind: Kind, place: &str, key: &str, password: &str) {
        self.add_of(None, kind, place, key, password);
    }

    /// `user` is whose password the source says it is.
    pub(super) fn add_of(&mut self, user: Option<&str>, kind: Kind, place: &str, key: &str, password: &str) {
        let user = user.filter(|user| !user.is_empty() && *user != "default").map(str::to_owned);
        let password = password.trim_matches(['\r', '\n']);
        let is_known =
            self.found.iter().any(|candidate| candidate.password.expose() == password && candidate.user == user);
        if !password.is_empty() && password.len() <= 4096 && !is_known {
            let source = Source { kind, place: place.to_owned(), key: key.to_owned() };
            self.found.push(Candidate { source, user, password: Secret::new(password) });
        }
    }

    pub(super) fn variables(&mut self, kind: Kind, place: &str, variables: &BTreeMap<String, String>) {
        let others = variables.keys().filter(|name| names::is_password(name));
        let mut passwords: Vec<String> = self.named.clone();
        passwords.extend(VARIABLES.iter().map(|name| (*name).to_owned()).chain(others.cloned()));
        // a file of a name may be all that there is of it
        let files = variables.keys().filter_map(|name| name.strip_suffix("_FILE"));
        passwords.extend(files.filter(|name| names::is_password(name)).map(str::to_owned));
        let mut seen = BTreeSet::new();
        passwords.retain(|name| seen.insert(name.clone()));
        for name in &passwords {
            if let Some(value) = variables.get(name) {
                self.add(kind, place, name, value);
                let users = names::users(name);
                let mut users = users.iter().map(String::as_str).chain(USERS.iter().copied());
                if let Some(user) = users.find_map(|name| variables.get(name)) {
                    self.add_of(Some(user), kind, place, name, value);
                }
            }
            if let Some(path) = variables.get(&format!("{name}_FILE")) {
                self.secret_file(&self.root.join(path));
            }
        }
        let known =
            URLS.iter().filter_map(|name| Some(((*name).to_owned(), credentials_of_url(variables.get(*name)?)?)));
        let others = variables.iter().filter_map(|(name, value)| Some((name.clone(), names::of_url(value)?)));
        for (name, (user, password)) in known.chain(others) {
            self.add_of(Some(&user), kind, place, &name, &password);
        }
    }

    pub(super) fn secret_files(&mut self, configured: &[SecretRef]) {
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

    pub(super) fn secret_file(&mut self, path: &Path) {
        if let Some(text) = self.read(path)
            && text.lines().count() == 1
        {
            self.add(Kind::SecretFile, &self.root.show(path), "", &text);
        }
    }

    pub(super) fn dot_env(&mut self, path: &Path) {
        if let Some(text) = self.read(path) {
            self.variables(Kind::DotEnv, &self.root.show(path), &dot_env(&text));
        }
    }

    pub(super) fn plist(&mut self, path: &Path) {
        let is_small = path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= FILE_BYTES);
        let Some(bytes) = is_small.then(|| std::fs::read(path).ok()).flatten() else { return };
        let dictionary = match crate::services::plist::parse(&bytes) {
            Ok(dictionary) => dictionary,
            // the reason may quote what is secret; `wo services lint` tells it
            Err(_) => return self.pass_over(path, "it is no plist".to_owned()),
        };
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
    pub(super) fn docker(&mut self, docker: &Path) {
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
