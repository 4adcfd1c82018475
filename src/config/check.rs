//! What the values of `wo.toml` must be, beyond their types. Looked at whenever the file is read: a value that nothing could
//! use is an error there, at the start or at SIGHUP, and not a surprise when it is first needed.

use std::borrow::Cow;
use std::path::Path;

use super::{Config, ranges};

/// A value that can't be used.
#[derive(Debug, PartialEq, Eq)]
pub struct BadValue {
    /// Section and key.
    pub key: String,
    pub why: String,
    pub cure: Cow<'static, str>,
}

impl std::fmt::Display for BadValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}\nhint: {}", self.key, self.why, self.cure)
    }
}

/// The first value that can't be used.
pub fn check(config: &Config) -> Result<(), BadValue> {
    ranges::check(config)?;
    agents(&config.inbox.agents)?;
    if let Some(key) = &config.inbox.require_signature
        && crate::bridge::signature::key(key).is_err()
    {
        return bad(
            "inbox.require_signature",
            format!("{} is no minisign public key", quoted(key)),
            "the second line of a minisign .pub file goes there",
        );
    }
    for (name, handler) in &config.handlers {
        argv(&format!("handlers.{}.command", crate::text::line(name, 60)), &handler.command)?;
    }
    if let Some(command) = &config.notify.command {
        argv("notify.command", command)?;
    }
    if let Some(url) = &config.notify.webhook {
        webhook(url)?;
    }
    for program in &config.policy.programs {
        absolute("policy.programs", program)?;
    }
    if config.export.zone().is_err() {
        return bad(
            "export.timezone",
            format!("there is no time zone {}", quoted(&config.export.timezone)),
            "give it an IANA name, e.g. UTC or Asia/Bangkok, or `system`",
        );
    }
    Ok(())
}

fn agents(agents: &[String]) -> Result<(), BadValue> {
    let key = "inbox.agents";
    if agents.is_empty() {
        return bad(key, "it names no agent, so no inbox would be looked at".to_owned(), "name one, e.g. [\"CLC\"]");
    }
    for (n, agent) in agents.iter().enumerate() {
        if crate::bridge::check_agent(agent).is_err() {
            let why = format!("{} is not one plain folder name", quoted(agent));
            return bad(
                key,
                why,
                "an agent's inbox is bridge/inbox/<AGENT>/: give it a name without `/` or leading dot",
            );
        }
        if agents.iter().take(n).any(|other| other == agent) {
            return bad(key, format!("{} stands there twice", quoted(agent)), "name each agent once");
        }
    }
    Ok(())
}

fn argv(key: &str, command: &[String]) -> Result<(), BadValue> {
    match command.first() {
        Some(program) => absolute(key, Path::new(program)),
        None => bad(key, "it is empty".to_owned(), "give the program's absolute path, then its arguments"),
    }
}

fn absolute(key: &str, program: &Path) -> Result<(), BadValue> {
    if program.is_absolute() {
        return Ok(());
    }
    let why = format!("{} is not an absolute path", quoted(&program.to_string_lossy()));
    bad(key, why, "programs are not looked for in PATH: write the whole path, as `command -v PROGRAM` shows it")
}

/// The URL is not quoted: people put tokens into them.
fn webhook(url: &str) -> Result<(), BadValue> {
    match crate::monitor::checks::http::http_url(url) {
        Ok(_) => Ok(()),
        Err(_) => bad("notify.webhook", "it is no http(s) URL".to_owned(), "write it as https://HOST/PATH"),
    }
}

fn bad(key: &str, why: String, cure: &'static str) -> Result<(), BadValue> {
    Err(BadValue { key: key.to_owned(), why, cure: cure.into() })
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", crate::text::line(value, 120))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_that_nothing_could_use_is_named_with_its_key() {
        for (text, key, part) in [
            ("[inbox]\nagents = []\n", "inbox.agents", "no agent"),
            ("[inbox]\nagents = [\"CLC\", \"../x\"]\n", "inbox.agents", "\"../x\""),
            ("[inbox]\nagents = [\"CLC\", \"CLC\"]\n", "inbox.agents", "twice"),
            ("[inbox]\nrequire_signature = \"bogus\"\n", "inbox.require_signature", "\"bogus\""),
            ("[handlers.mine]\ncommand = []\n", "handlers.mine.command", "empty"),
            ("[handlers.mine]\ncommand = [\"rel\"]\n", "handlers.mine.command", "\"rel\""),
            ("[notify]\ncommand = [\"rel\"]\n", "notify.command", "\"rel\""),
            ("[notify]\nwebhook = \"nonsense\"\n", "notify.webhook", "no http(s) URL"),
            ("[notify]\nwebhook = \"https://\"\n", "notify.webhook", "no http(s) URL"),
            ("[policy]\nprograms = [\"ls\"]\n", "policy.programs", "\"ls\""),
            ("[export]\ntimezone = \"Mars/X\"\n", "export.timezone", "\"Mars/X\""),
        ] {
            let error = Config::parse(text, Path::new("wo.toml")).expect_err(text).to_string();
            for part in ["wo.toml", key, part, "\nhint: "] {
                assert!(error.contains(part), "{text}: `{part}` expected in: {error}");
            }
        }
    }

    #[test]
    fn what_can_be_used_passes() {
        for text in [
            "",
            "[inbox]\nagents = [\"CLC\", \"ผู้ช่วย\"]\n",
            "[inbox]\nrequire_signature = \"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\"\n",
            "[handlers.mine]\ncommand = [\"/bin/true\", \"rel\"]\n[policy]\nprograms = [\"/bin/ls\"]\n",
            "[notify]\nwebhook = \"http://127.0.0.1:9/hook\"\ncommand = [\"/bin/cat\"]\n",
            "[export]\ntimezone = \"system\"\n",
        ] {
            Config::parse(text, Path::new("wo.toml")).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }
}
