//! Whether a `redis-cli` command asks for the PONG that a configured check measures: of that server, in that database, as
//! that user. The check's password may be meant by a variable; one that is written out is another until it was tried.

use redis::{ConnectionAddr, IntoConnectionInfo as _};

use crate::monitor::checks::redis::{Redis, Target};

/// `words` are those behind `redis-cli`.
pub fn asks_for_pong(words: &[&str], checks: &[Redis]) -> bool {
    let words = match words {
        [words @ .., "|", "grep", "PONG"] | [words @ .., "|", "grep", "-q", "PONG"] => words,
        words => words,
    };
    // what a check with a password has measured is that the server wants one
    let is_of = |asked: &Asked, check: &Redis| {
        check.target().is_ok_and(|target| target == asked.target) && (asked.with_password || check.password.is_empty())
    };
    Asked::read(words).is_some_and(|asked| checks.iter().any(|check| is_of(&asked, check)))
}

struct Asked {
    target: Target,
    with_password: bool,
}

impl Asked {
    /// `None` for what is not understood to its end, or asks for something else.
    fn read(mut words: &[&str]) -> Option<Asked> {
        let (mut host, mut port, mut socket, mut url) = (None, None, None, None);
        let (mut db, mut user, mut with_password) = (0, None, false);
        loop {
            words = match words {
                [ping] if ping.eq_ignore_ascii_case("ping") => break,
                ["--no-auth-warning", rest @ ..] => rest,
                [option, value, rest @ ..] => {
                    match *option {
                        "-h" => host = Some((*value).to_owned()),
                        "-p" => port = Some(value.parse().ok()?),
                        "-s" => socket = Some(ConnectionAddr::Unix(value.into())),
                        "-n" => db = value.parse().ok()?,
                        "--user" => user = Some((*value).to_owned()),
                        "-a" | "--pass" if is_variable(value) => with_password = true,
                        // the program reads no other schemes
                        "-u" if value.starts_with("redis://") || value.starts_with("rediss://") => {
                            let info = value.into_connection_info().ok()?;
                            let named = info.redis_settings();
                            match named.password() {
                                None => {}
                                Some(password) if is_variable(password) => with_password = true,
                                Some(_) => return None,
                            }
                            db = named.db();
                            user = named.username().map(str::to_owned).or(user);
                            url = Some(info.addr().clone());
                        }
                        _ => return None,
                    }
                    rest
                }
                _ => return None,
            };
        }
        let is_default = host.is_none() && port.is_none();
        let address = match (url, socket) {
            (Some(url), None) if is_default => url,
            // which of them the program takes is nothing to guess
            (Some(_), _) => return None,
            (None, Some(socket)) => socket,
            (None, None) => ConnectionAddr::Tcp(host.unwrap_or_else(|| "127.0.0.1".to_owned()), port.unwrap_or(6379)),
        };
        Some(Asked { target: Target::new(address, db, user.as_deref()), with_password })
    }
}

/// A variable of the shell and nothing else.
fn is_variable(word: &str) -> bool {
    let name = word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or_else(|| word.strip_prefix('$'));
    name.is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::command_line::commands;

    #[test]
    fn a_ping_is_of_that_server_that_database_and_that_user() {
        let plain = "";
        let password = "password = { file = 'pw' }";
        let other = "url = 'redis://127.0.0.1:7000'";
        let user = "username = 'mon'\npassword = { env = 'P' }";
        for (command, check, expect) in [
            ("redis-cli ping", plain, true),
            ("redis-cli PING | grep PONG", plain, true),
            ("redis-cli -h localhost -p 6379 ping", plain, true),
            ("redis-cli -h 127.0.0.1 -n 0 ping", "url = 'redis://LOCALHOST'", true),
            ("redis-cli -u redis://localhost ping", plain, true),
            ("redis-cli --user default ping", plain, true),
            // an offer that the server doesn't want changes no answer
            ("redis-cli -a \"$REDIS_PASSWORD\" ping", plain, true),
            ("redis-cli -a \"$REDIS_PASSWORD\" ping", password, true),
            ("redis-cli --no-auth-warning --pass ${P} ping | grep -q PONG", password, true),
            ("redis-cli -u 'redis://:${P}@127.0.0.1:6379/0' ping", password, true),
            // it would say NOAUTH
            ("redis-cli ping", password, false),
            ("redis-cli -u redis://127.0.0.1 ping", password, false),
            ("redis-cli -a wrong ping", plain, false),
            ("redis-cli -a wrong ping", password, false),
            ("redis-cli -a '' ping", password, false),
            ("redis-cli -a 'x$P' ping", password, false),
            ("redis-cli -a \"$(cat pw)\" ping", password, false),
            ("redis-cli -u redis://:wrong@127.0.0.1 ping", password, false),
            ("redis-cli -u redis://:wrong@127.0.0.1 -a \"$P\" ping", password, false),
            ("redis-cli ping", other, false),
            ("redis-cli -p 7000 ping", other, true),
            ("redis-cli -p 7000 ping", plain, false),
            ("redis-cli -p \"$PORT\" ping", plain, false),
            ("redis-cli -u redis://127.0.0.1:7000 ping", other, true),
            ("redis-cli -p 7000 -u redis://127.0.0.1 ping", other, false),
            ("redis-cli -h cache.local ping", plain, false),
            ("redis-cli -h cache.local ping", "url = 'redis://cache.local'", true),
            ("redis-cli -u rediss://cache.local ping", "url = 'redis://cache.local'", false),
            ("redis-cli -u rediss://cache.local ping", "url = 'rediss://cache.local'", true),
            ("redis-cli -s /run/redis.sock ping", "url = 'redis+unix:///run/redis.sock'", true),
            ("redis-cli -s /run/other.sock ping", "url = 'redis+unix:///run/redis.sock'", false),
            ("redis-cli ping", "url = 'redis+unix:///run/redis.sock'", false),
            ("redis-cli -n 3 ping", plain, false),
            ("redis-cli -n 3 ping", "db = 3", true),
            ("redis-cli -n 3 ping", "url = 'redis://127.0.0.1/3'", true),
            ("redis-cli ping", "db = 3", false),
            ("redis-cli --user mon -a \"$P\" ping", user, true),
            ("redis-cli -u 'redis://mon:$P@localhost' ping", user, true),
            ("redis-cli --user mon ping", user, false),
            ("redis-cli --user mon -a \"$P\" ping", password, false),
            ("redis-cli -a \"$P\" ping", user, false),
            ("redis-cli --user \"$U\" -a \"$P\" ping", user, false),
            ("redis-cli -r 3 ping", plain, false),
            ("redis-cli flushall", plain, false),
            ("redis-cli -a \"$P\" flushall", plain, false),
            ("redis-cli ping || true", plain, false),
            ("redis-cli", plain, false),
        ] {
            let check: Redis = toml::from_str(check).unwrap();
            let words = commands(command).unwrap().concat();
            let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
            assert_eq!(asks_for_pong(&words, std::slice::from_ref(&check)), expect, "{command}: {check:?}");
        }
        assert!(!asks_for_pong(&["ping"], &[]));
    }
}
