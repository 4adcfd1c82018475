//! What a check looks at, in names that people write for it: host and port, a file, or a service's label.
//!
//! What must hold here: no user name, password or argument that might be one is in it.

use crate::evidence::subject;
use crate::monitor::checks::redis::Redis;
use crate::monitor::config::CheckConfig;

const REDIS_PORT: u16 = 6379;

/// The names of what this check looks at; none where its settings name none.
pub fn names(check: &CheckConfig) -> Vec<String> {
    let text = |key: &str| check.settings.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    match check.kind.as_str() {
        "redis" => server(&text("url").unwrap_or_else(|| Redis::default().url)),
        "sqlite" => text("path").into_iter().collect(),
        "service" => text("label").into_iter().collect(),
        "command" => {
            let words = check.settings.get("command").and_then(toml::Value::as_array);
            let words = words.into_iter().flatten().filter_map(toml::Value::as_str);
            words.filter(|word| is_file(word)).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// A path and nothing else.
fn is_file(word: &str) -> bool {
    subject::names_in(word) == [word] && word.contains('/') && !word.contains(['@', ':', '?', '$'])
}

fn server(url: &str) -> Vec<String> {
    let Ok(url) = url::Url::parse(url) else { return Vec::new() };
    let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return vec![url.path().to_owned()] };
    let port = url.port().unwrap_or(REDIS_PORT);
    let mut names = vec![format!("{}://{host}:{port}", url.scheme()), host.to_owned()];
    // the same under its other name
    let other = match host {
        "127.0.0.1" => Some("localhost"),
        "localhost" => Some("127.0.0.1"),
        _ => None,
    };
    names.extend(other.into_iter().flat_map(|other| [format!("{other}:{port}"), other.to_owned()]));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_of_a_server_or_a_file_and_tells_no_credential() {
        for (settings, expect) in [
            ("kind = 'redis'", "redis://127.0.0.1:6379 127.0.0.1 localhost:6379 localhost"),
            (
                "kind = 'redis'\nurl = 'redis://127.0.0.1:17591/2'",
                "redis://127.0.0.1:17591 127.0.0.1 localhost:17591 localhost",
            ),
            ("kind = 'redis'\nurl = 'rediss://cache.local'", "rediss://cache.local:6379 cache.local"),
            ("kind = 'redis'\nurl = 'redis+unix:///run/redis.sock'", "/run/redis.sock"),
            ("kind = 'sqlite'\npath = 'knowledge/02luka.db'", "knowledge/02luka.db"),
            (
                "kind = 'command'\ncommand = ['/usr/bin/psql', '-p', 'hunter2', 'db://a:b@c/d', 'knowledge/a.db', '--all']",
                "/usr/bin/psql knowledge/a.db",
            ),
            ("kind = 'service'\nlabel = 'com.02luka.digest'", "com.02luka.digest"),
            ("kind = 'disk'\npath = 'g'", ""),
        ] {
            let check: CheckConfig = toml::from_str(&format!("name = 'x'\n{settings}")).unwrap();
            assert_eq!(names(&check).join(" "), expect, "{settings}");
        }
        assert_eq!(server("redis://me:hunter2@h:1?auth=x"), ["redis://h:1", "h"]);
    }
}
