//! Secrets: configuration holds references, never values; a value never shows itself.
//!
//! Invariant: [`Secret`] has no `Display`, its `Debug` is masked, and it is not serializable. [`Masker`] takes every
//! secret Workbridge knows out of a text that is about to be shown or stored.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where a secret is to be read from: `{ env = "REDIS_PASSWORD" }` or `{ file = "bridge/state/secrets/redis" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    Env(String),
    /// Relative to the root; must be readable by its owner alone (0600 or 0400).
    File(PathBuf),
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "env {name}"),
            SecretRef::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Secret(value.into())
    }

    /// The value, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the environment variable {0} is not set\nhint: set it for the service that runs `wo`, or use a 0600 file")]
    EnvUnset(String),
    #[error("failed to read the secret file `{}`: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the secret file `{}` can be read by others (mode {mode:o})\nhint: chmod 600 it", path.display())]
    Mode { path: PathBuf, mode: u32 },
}

impl SecretRef {
    /// Reads the secret; one line end at its end is not part of it.
    pub fn read(&self, root: &Path) -> Result<Secret, SecretError> {
        match self {
            SecretRef::Env(name) => std::env::var(name).map(Secret).map_err(|_| SecretError::EnvUnset(name.clone())),
            SecretRef::File(path) => {
                use std::os::unix::fs::PermissionsExt as _;
                let path = root.join(path);
                let fail = |source| SecretError::Read { path: path.clone(), source };
                let mode = path.metadata().map_err(fail)?.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(SecretError::Mode { path, mode });
                }
                let text = std::fs::read_to_string(&path).map_err(fail)?;
                Ok(Secret(without_line_end(&text).to_owned()))
            }
        }
    }
}

fn without_line_end(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}

/// Knows the secrets of this root and takes them out of texts.
#[derive(Debug, Default, Clone)]
pub struct Masker(Vec<Secret>);

impl Masker {
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        // very short values would mask half of any text
        let mut known: Vec<Secret> = secrets.into_iter().filter(|secret| secret.0.len() >= 4).collect();
        known.sort_by_key(|secret| std::cmp::Reverse(secret.0.len()));
        known.dedup();
        Masker(known)
    }

    pub fn add(&mut self, secret: Secret) {
        let known = std::mem::take(&mut self.0);
        *self = Masker::new(known.into_iter().chain([secret]));
    }

    /// Whether `bytes` hold a known secret.
    pub fn finds_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|secret| bytes.windows(secret.0.len()).any(|window| window == secret.0.as_bytes()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether JSON text holds a known secret, as it stands or escaped.
    pub fn finds_in_json(&self, json: &str) -> bool {
        self.finds_in(json.as_bytes()) || self.0.iter().any(|secret| json.contains(&escaped(&secret.0)))
    }

    /// JSON text without the known secrets; stays JSON.
    pub fn mask_json(&self, json: &str) -> String {
        self.0.iter().fold(json.to_owned(), |json, secret| json.replace(&escaped(&secret.0), "***"))
    }

    pub fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(&secret.0, "***"))
    }
}

/// `text` as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Takes user names and passwords out of the URLs in a text: `redis://:pw@host` becomes `redis://***@host`.
pub fn mask_urls(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let authority =
            part.split(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'')).next().unwrap_or_default();
        match authority.rfind('@') {
            Some(at) => {
                out.push_str("***");
                out.push_str(part.get(at..).unwrap_or_default());
            }
            None => out.push_str(part),
        }
    }
    out
}

/// Takes values out of settings that a message quotes, where the key says that there may be a secret in it, and
/// credentials out of URLs.
pub fn mask_settings(text: &str) -> String {
    const KEYS: [&str; 7] = ["pass", "secret", "token", "auth", "key", "url", "webhook"];
    let mask = |line: &str| match line.split_once('=') {
        // `12 | password = "…`: what the message quotes
        Some((key, _)) if key.contains('|') && KEYS.iter().any(|word| line.to_lowercase().contains(word)) => {
            format!("{key}= ***")
        }
        _ => mask_urls(line),
    };
    text.split('\n').map(mask).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{SecretRef, mask_settings, mask_urls};

    #[test]
    fn the_line_end_of_a_secret_file_is_no_part_of_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pw");
        for (text, expect) in [("a b", "a b"), ("a b\n", "a b"), ("a b\r\n", "a b"), ("a b\n\n", "a b\n"), ("", "")] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(SecretRef::File(path.clone()).read(dir.path()).unwrap().expose(), expect, "{text:?}");
        }
    }

    #[test]
    fn values_that_may_be_secrets_are_taken_out_of_quoted_settings() {
        let quoted = "error at line 4, column 27\n  |\n4 | password = \"hunter2\n  |            ^\nexpected `\"`";
        let masked = "error at line 4, column 27\n  |\n4 | password = ***\n  |            ^\nexpected `\"`";
        assert_eq!(mask_settings(quoted), masked);
        assert_eq!(mask_settings("4 | webhooks = [{ url = \"https://h/t0ken"), "4 | webhooks = ***");
        assert_eq!(mask_settings("4 | check = [{ password = \"hunter2"), "4 | check = ***");
        assert_eq!(mask_settings("4 | interval_s = fast"), "4 | interval_s = fast");
        assert_eq!(mask_settings("4 | x = [{ n = 'redis://:pw@h'"), "4 | x = [{ n = 'redis://***@h'");
    }

    #[test]
    fn credentials_are_taken_out_of_urls() {
        let cases = [
            ("url = \"redis://:pw@h:1/0\"", "url = \"redis://***@h:1/0\""),
            ("a://u:p@w@h b://c/@d", "a://***@h b://c/@d"),
            ("no url at all, me@example.org", "no url at all, me@example.org"),
            ("ends in ://", "ends in ://"),
            ("'http://ผู้ใช้:รหัส@โฮสต์'", "'http://***@โฮสต์'"),
        ];
        for (text, expected) in cases {
            assert_eq!(mask_urls(text), expected);
        }
    }
}
