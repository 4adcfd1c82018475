//! Passwords in a plist: in its environment, in its arguments, in a shell command. A plist is world-readable, and arguments
//! are seen by every process of the machine. Names and places are reported, never values.

use super::super::job::Job;
use super::{Report, Rule};

const CURE: &str = "keep it in a file of mode 0600 and let the program read it";

/// Names that say that a value is secret, as words of an UPPER_CASE or kebab-case name.
const WORDS: [&str; 13] = [
    "PASSWORD",
    "PASSWD",
    "PASS",
    "PWD_SECRET",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "CREDENTIALS",
    "AUTH",
    "PASSPHRASE",
];

pub(super) fn find(job: &Job, report: &mut Report) {
    for (name, value) in &job.environment {
        if is_secret_name(name) && is_value(value) {
            report(Rule::SecretInPlist, format!("the variable {name} holds a secret in plain text"), CURE);
        } else if has_url_password(value) {
            report(Rule::SecretInPlist, format!("the variable {name} holds a URL with a password"), CURE);
        }
    }
    let mut places: Vec<String> = Vec::new();
    let mut name_before: Option<&str> = None;
    let is_redis = job.arguments.first().is_some_and(|program| program.ends_with("redis-cli"));
    for (n, argument) in job.arguments.iter().enumerate().skip(1) {
        let is_shell = Some(argument.as_str()) == job.shell_text();
        let words: Vec<&str> = if is_shell { argument.split_whitespace().collect() } else { vec![argument] };
        let mut redis = is_redis;
        for word in words {
            redis |= is_shell && word.ends_with("redis-cli");
            let named = name_before.take().is_some() && is_value(word) && !word.starts_with('-');
            if named || has_url_password(word) || assigns_secret(word) {
                places.push(format!("argument {n}"));
            }
            let option = word.trim_start_matches('-');
            if word.starts_with('-') && !word.contains('=') && (is_secret_name(option) || (redis && word == "-a")) {
                name_before = Some(word);
            }
        }
    }
    places.dedup();
    for place in places {
        report(Rule::SecretInPlist, format!("{place} holds a secret in plain text"), CURE);
    }
}

/// `REDIS_PASSWORD`, `--api-key`, `githubToken`; not `PASSWORD_FILE` nor `AUTHOR`.
fn is_secret_name(name: &str) -> bool {
    let mut upper = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            upper.push('_');
        }
        upper.push(if c == '-' || c == '.' { '_' } else { c.to_ascii_uppercase() });
        before = c;
    }
    let padded = format!("_{upper}_");
    let refers = ["_FILE_", "_PATH_", "_DIR_", "_REF_", "_SOCK_", "_NAME_"].iter().any(|word| padded.ends_with(word));
    !refers && (WORDS.iter().any(|word| padded.contains(&format!("_{word}_"))) || upper.ends_with("PASSWORD"))
}

/// A value, and not a reference, a switch or nothing.
fn is_value(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    let is_reference = value.starts_with(['$', '/', '~', '`', '<']) || value.starts_with("op://");
    let is_switch =
        matches!(value.to_ascii_lowercase().as_str(), "" | "true" | "false" | "0" | "1" | "yes" | "no" | "none");
    !is_reference && !is_switch
}

/// `NAME=value` and `--name=value`.
fn assigns_secret(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, value)| is_secret_name(name.trim_start_matches('-')) && is_value(value))
}

/// `redis://:secret@host`, `https://user:secret@host`, anywhere in the text.
fn has_url_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .and_then(|(user, _)| user.split_once(':'))
            .is_some_and(|(_, password)| !password.is_empty() && is_value(password))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in
            ["REDIS_PASSWORD", "REDISCLI_AUTH", "api-key", "githubToken", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "pass"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in
            ["REDIS_PASSWORD_FILE", "AUTHOR", "PATH", "SSH_AUTH_SOCK", "BYPASS", "KEYBOARD", "PWD", "TOKENIZER", ""]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn places() {
        let find_in = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
            let job = Job { program: arguments.first().cloned(), arguments, ..Job::default() };
            let mut found = 0;
            find(&job, &mut |_, message, _| {
                assert!(!message.contains("hunter"), "{message}");
                found += 1;
            });
            found
        };
        for arguments in [
            &["/usr/bin/redis-cli", "-a", "hunter2", "ping"][..],
            &["/x", "--password", "hunter2"],
            &["/x", "--password=hunter2"],
            &["/x", "redis://:hunter2@127.0.0.1:6379"],
            &["/bin/sh", "-c", "REDIS_PASSWORD=hunter2 node x"],
            &["/bin/zsh", "-lc", "redis-cli -a 'hunter2' ping"],
            &["/x", "--url=https://me:hunter2@example.com/x"],
        ] {
            assert_eq!(find_in(arguments), 1, "{arguments:?}");
        }
        for arguments in [
            &["/x", "--password-file", "/secret"][..],
            &["/x", "--password", "--verbose"],
            &["/bin/sh", "-c", "REDIS_PASSWORD=$(cat /x) node y"],
            &["/bin/sh", "-c", "redis-cli -a \"$REDIS_PASSWORD\" ping"],
            &["/x", "-a", "hunter2"],
            &["/x", "https://example.com/a:b@c", "redis://127.0.0.1"],
        ] {
            assert_eq!(find_in(arguments), 0, "{arguments:?}");
        }
    }
}
