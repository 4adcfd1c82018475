//! Passwords in a plist: in its environment, in its arguments, in a shell command. A plist is world-readable, and arguments
//! are seen by every process of the machine. Names and places are reported, never values.

use super::super::job::Job;
use super::{Report, Rule};

const CURE: &str = "keep it in a file of mode 0600 and let the program read it";

/// Names that say that a value is secret, as words of an UPPER_CASE or kebab-case name.
const WORDS: [&str; 14] = [
    "PASSWORD",
    "MASTERAUTH",
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

/// Endings that say the same: `MYSQL_PWD`, `OPENAI_KEY`, `REDISPASS`, …
const ENDINGS: [&str; 5] = ["_PWD", "_KEY", "PASS", "PASSWORD", "PASSPHRASE"];
/// …whatever the value looks like.
const SURE_ENDINGS: [&str; 4] = ["_PWD", "PASS", "PASSWORD", "PASSPHRASE"];
/// …and names that end so and say something else.
const OTHERS: [&str; 11] = [
    "OLD_PWD",
    "PUBLIC_KEY",
    "PRIMARY_KEY",
    "FOREIGN_KEY",
    "CACHE_KEY",
    "SORT_KEY",
    "HOST_KEY",
    "BYPASS",
    "COMPASS",
    "TRESPASS",
    "OVERPASS",
];

/// Places of URLs that alone allow to post.
const WEBHOOKS: [&str; 5] = [
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    "hooks.slack.com/services/",
    "api.telegram.org/bot",
    ".webhook.office.com/",
];

pub(super) fn find(job: &Job, report: &mut Report) {
    for (name, value) in &job.environment {
        if holds_secret(name, value) && is_value_of_environment(value) {
            report(Rule::SecretInPlist, format!("the variable {name} holds a secret in plain text"), CURE);
        } else if has_url_password(value) {
            report(Rule::SecretInPlist, format!("the variable {name} holds a URL with a password"), CURE);
        } else if is_webhook(value) || (name.to_ascii_uppercase().contains("WEBHOOK") && is_remote_url(value)) {
            report(
                Rule::SecretInPlist,
                format!("the variable {name} holds a webhook's URL, which alone allows to post"),
                CURE,
            );
        }
    }
    let mut places: Vec<String> = Vec::new();
    let mut name_before: Option<&str> = None;
    let is_program = |name: &str| job.arguments.first().is_some_and(|program| program.ends_with(name));
    let (is_redis, is_curl) = (is_program("redis-cli"), is_program("curl"));
    for (n, argument) in job.arguments.iter().enumerate().skip(1) {
        let is_shell = Some(argument.as_str()) == job.shell_text();
        let words: Vec<&str> = if is_shell { argument.split_whitespace().collect() } else { vec![argument] };
        let (mut redis, mut curl) = (is_redis, is_curl);
        if has_header(argument) || is_webhook(argument) {
            places.push(format!("argument {n}"));
        }
        for word in words {
            redis |= is_shell && word.ends_with("redis-cli");
            curl |= is_shell && word.ends_with("curl");
            let before = name_before.take();
            let is_user = before.is_some_and(|option| matches!(option, "-u" | "--user"));
            let named = match is_user {
                true => is_user_and_password(word),
                false => before.is_some() && is_value(word) && !word.starts_with('-'),
            };
            let attached =
                curl && word.strip_prefix("-u").or(word.strip_prefix("--user=")).is_some_and(is_user_and_password);
            if named || attached || has_url_password(word) || assigns_secret(word) {
                places.push(format!("argument {n}"));
            }
            if curl && matches!(word, "-u" | "--user") {
                name_before = Some(word);
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

/// Whether a name says that its value is secret; `…_KEY` alone does only where the value looks like one: there are keys of
/// Redis, of streams, of locks.
fn holds_secret(name: &str, value: &str) -> bool {
    is_surely_secret_name(name) || is_secret_name(name) && looks_like_key(value)
}

/// `sk-proj-8fA2…`: 16 or more letters and digits of both kinds, in one piece; not `monitor:heartbeat`, `0xABCDEF`.
fn looks_like_key(value: &str) -> bool {
    let count = |is: fn(&char) -> bool| value.chars().filter(is).count();
    let (letters, digits) = (count(char::is_ascii_alphabetic), count(char::is_ascii_digit));
    letters > 0 && digits > 0 && letters + digits >= 16 && !value.contains([':', '.', '/'])
}

/// A URL of another machine.
fn is_remote_url(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://").filter(|_| value.starts_with("http")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let name = host.split(':').next().unwrap_or_default();
    let is_ours = name.eq_ignore_ascii_case("localhost") || host.starts_with("[::1]");
    !is_ours && !name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// In upper case, its words parted by `_`: `githubToken` → `GITHUB_TOKEN`.
fn upper(name: &str) -> String {
    let mut upper = String::with_capacity(name.len() + 4);
    let mut before = ' ';
    for c in name.chars() {
        if c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            upper.push('_');
        }
        upper.push(if c == '-' || c == '.' { '_' } else { c.to_ascii_uppercase() });
        before = c;
    }
    upper
}

/// `REDIS_PASSWORD`, `--api-key`, `githubToken`; not `PASSWORD_FILE` nor `AUTHOR`.
fn is_secret_name(name: &str) -> bool {
    let upper = upper(name);
    is_named_secret(&upper, &ENDINGS)
}

/// …whatever its value looks like.
fn is_surely_secret_name(name: &str) -> bool {
    let upper = upper(name);
    is_named_secret(&upper, &SURE_ENDINGS)
}

fn is_named_secret(upper: &str, endings: &[&str]) -> bool {
    let padded = format!("_{upper}_");
    let refers = ["_FILE_", "_PATH_", "_DIR_", "_REF_", "_SOCK_", "_NAME_"].iter().any(|word| padded.ends_with(word));
    let ends = endings.iter().any(|end| upper.ends_with(end)) && !OTHERS.iter().any(|other| upper.ends_with(other));
    !refers && (ends || WORDS.iter().any(|word| padded.contains(&format!("_{word}_"))))
}

/// In the environment of a plist nothing is expanded: what merely begins as a reference is a value.
fn is_value_of_environment(value: &str) -> bool {
    let is_name = |name: &str| {
        let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match value.strip_prefix('$') {
        Some(rest) => !is_name(rest) && !rest.starts_with('('),
        None => is_value(value),
    }
}

/// `user:password`, as curl takes it.
fn is_user_and_password(word: &str) -> bool {
    word.trim_matches(['"', '\'']).split_once(':').is_some_and(|(_, password)| is_value(password))
}

/// `Authorization: Bearer …`, `X-Api-Key: …`, anywhere in the text.
fn has_header(text: &str) -> bool {
    text.match_indices(':').any(|(at, _)| {
        let (before, after) = text.split_at(at);
        let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap_or_default();
        let is_authorization =
            ["authorization", "proxy-authorization"].iter().any(|known| known.eq_ignore_ascii_case(name));
        let mut words = after.trim_start_matches(':').split(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
        let mut next = || words.by_ref().find(|word| !word.is_empty());
        match is_authorization {
            // the scheme, then what it is; or a key that stands alone
            true => next().is_some_and(|scheme| is_value(next().unwrap_or(scheme))),
            false => {
                let is_header = name.contains('-') && after.starts_with(": ");
                is_header && is_secret_name(name) && next().is_some_and(is_value)
            }
        }
    })
}

fn is_webhook(text: &str) -> bool {
    WEBHOOKS.iter().any(|place| {
        text.split_once(place).is_some_and(|(_, token)| {
            let token = token.split(['"', '\'', ' ']).next().unwrap_or_default();
            token.len() > 8 && !token.contains('$')
        })
    })
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
    word.split_once('=')
        .is_some_and(|(name, value)| holds_secret(name.trim_start_matches('-'), value) && is_value(value))
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
        for name in [
            "REDIS_PASSWORD",
            "REDISCLI_AUTH",
            "api-key",
            "githubToken",
            "PGPASSWORD",
            "AWS_SECRET_ACCESS_KEY",
            "pass",
            "MYSQL_PWD",
            "OPENAI_KEY",
            "REDISPASS",
            "REDIS_REQUIREPASS",
            "requirepass",
            "masterauth",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "REDIS_PASSWORD_FILE",
            "AUTHOR",
            "PATH",
            "SSH_AUTH_SOCK",
            "BYPASS",
            "KEYBOARD",
            "PWD",
            "TOKENIZER",
            "",
            "OLDPWD",
            "SSH_PUBLIC_KEY",
            "PRIMARY_KEY",
            "COMPASS",
            "KEY",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn variables() {
        let find_in = |name: &str, value: &str| {
            let environment = [(name.to_owned(), value.to_owned())].into();
            let mut found = 0;
            find(&Job { environment, ..Job::default() }, &mut |_, message, _| {
                assert!(!message.contains("hunter"), "{message}");
                found += 1;
            });
            found
        };
        for (name, value) in [
            ("REDIS_PASSWORD", "hunter2"),
            ("REDIS_PASSWORD", "$ecret-hunter2"),
            ("DISCORD_WEBHOOK_URL", "https://discord.com/api/webhooks/123456/hunter2abcdef"),
            ("ALERTS", "https://hooks.slack.com/services/T0/B0/hunter2"),
            ("MY_WEBHOOK", "https://example.com/hunter2"),
            ("REDIS_URL", "redis://:hunter2@127.0.0.1"),
            ("OPENAI_KEY", "sk-proj-hunter28fA2kQ91xZ"),
            ("OPENAI_API_KEY", "hunter"),
        ] {
            assert_eq!(find_in(name, value), 1, "{name}={value}");
        }
        for (name, value) in [
            ("REDIS_PASSWORD", "$PW"),
            ("REDIS_PASSWORD", "${PW}"),
            ("X_URL", "https://discord.com/x"),
            ("REDIS_KEY", "monitor:heartbeat"),
            ("STREAM_KEY", "heartbeats"),
            ("LOCK_KEY", "wo-lock"),
            ("PARTITION_KEY", "day"),
            ("GPG_KEY", "0xABCDEF"),
            ("WEBHOOK_URL", "http://127.0.0.1:4000/hook"),
            ("WEBHOOK_URL", "http://localhost/hook"),
        ] {
            assert_eq!(find_in(name, value), 0, "{name}={value}");
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
            &["/usr/bin/redis-server", "--port", "1", "--requirepass", "hunter2"],
            &["/usr/bin/redis-server", "/etc/redis.conf", "--masterauth", "hunter2"],
            &["/bin/bash", "-lc", "curl -fsS -u admin:hunter2 http://127.0.0.1/x"],
            &["/usr/bin/curl", "-uadmin:hunter2", "http://127.0.0.1/x"],
            &["/usr/bin/curl", "--user", "admin:hunter2", "http://127.0.0.1/x"],
            &["/usr/bin/curl", "-H", "Authorization: Bearer sk-hunter2", "http://127.0.0.1/x"],
            &["/bin/sh", "-c", "curl -H \"X-Api-Key: hunter2\" http://127.0.0.1/x"],
            &["/usr/bin/curl", "https://discord.com/api/webhooks/123456/hunter2abcdef"],
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
            &["/bin/sh", "-c", "curl -H \"Authorization: Bearer $TOKEN\" -u \"$ME:$PW\" http://127.0.0.1/x"],
            &["/usr/bin/curl", "-u", "admin", "http://127.0.0.1/x"],
            &["/usr/bin/id", "-u", "a:b"],
            &["/bin/sh", "-c", "echo done: all; node x --at 12:30"],
        ] {
            assert_eq!(find_in(arguments), 0, "{arguments:?}");
        }
    }
}
