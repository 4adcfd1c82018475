//! What the name of a variable says of the value. Pure.
//!
//! People name a password by the role of its server (`QUEUE_REDIS_PASSWORD`, `REDIS_CACHE_PWD`), so that what counts are the
//! words of a name and not the whole of it. What is found is tried, and only against the server of the check.

use super::syntax::credentials_of_url;

const REDIS: &str = "REDIS";
const PASSWORD: [&str; 7] = ["PASSWORD", "PASSWD", "PASS", "PWD", "PW", "AUTH", "REQUIREPASS"];
/// What a name ends with that has a password's word, and holds none.
const OTHER: [&str; 5] = ["FILE", "USER", "USERNAME", "ENABLED", "REQUIRED"];

/// The words of a name, in capitals; `REDISCLI_AUTH` has three.
fn words(name: &str) -> Vec<String> {
    let capitals = name.to_uppercase();
    let parts = capitals.split(|c: char| !c.is_alphanumeric());
    let parts = parts.flat_map(|word| match word.strip_prefix(REDIS) {
        Some(rest) => [REDIS, rest],
        None => [word, ""],
    });
    parts.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether it is about Redis.
pub(super) fn is_of_redis(name: &str) -> bool {
    words(name).iter().any(|word| word == REDIS)
}

/// Whether it is a Redis password.
pub(super) fn is_password(name: &str) -> bool {
    let words = words(name);
    let is_one_of = |known: &[&str], word: &String| known.contains(&word.as_str());
    words.iter().any(|word| word == REDIS)
        && words.iter().any(|word| is_one_of(&PASSWORD, word))
        && !words.last().is_some_and(|word| is_one_of(&OTHER, word))
}

/// The names of the variable that may hold the user of this password.
pub(super) fn users(name: &str) -> Vec<String> {
    let stem = name.rsplit_once('_').map(|(stem, _)| stem);
    stem.into_iter().flat_map(|stem| [format!("{stem}_USERNAME"), format!("{stem}_USER")]).collect()
}

/// User and password of a `redis://` or `rediss://` URL, whatever the variable is called.
pub(super) fn of_url(value: &str) -> Option<(String, String)> {
    let scheme = value.trim().split_once("://").map(|(scheme, _)| scheme.to_lowercase())?;
    credentials_of_url(value).filter(|_| matches!(scheme.as_str(), "redis" | "rediss"))
}

/// Whether a variable names what the check is called: `QUEUE_REDIS_PASSWORD` the check `redis-queue`.
pub(super) fn names(variable: &str, check: &str) -> bool {
    let said = words(variable);
    words(check).iter().any(|word| word != REDIS && said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_the_words_of_its_name() {
        for name in [
            "REDIS_PASSWORD",
            "redis_password",
            "REDISPASSWORD",
            "REDISCLI_AUTH",
            "REDIS_REQUIREPASS",
            "QUEUE_REDIS_PASSWORD",
            "REDIS_QUEUE_PASSWORD",
            "REDIS_MASTER_PASSWORD",
            "REDIS_PWD",
            "REDIS_AUTH_TOKEN",
        ] {
            assert!(is_password(name), "{name}");
        }
        for name in
            ["POSTGRES_PASSWORD", "REDIS_URL", "REDIS_PASSWORD_FILE", "REDIS_AUTH_USER", "REDIS_HOST", "REDIS_BYPASS"]
        {
            assert!(!is_password(name), "{name}");
        }
        assert_eq!(users("QUEUE_REDIS_PASSWORD"), ["QUEUE_REDIS_USERNAME", "QUEUE_REDIS_USER"]);
        assert!(names("QUEUE_REDIS_PASSWORD", "redis-queue") && names("CACHE_URL", "cache"));
        assert!(!names("REDIS_PASSWORD", "redis") && !names("CACHE_URL", "redis-queue"));
    }

    #[test]
    fn a_url_of_redis_holds_one_under_any_name() {
        let of = |value: &str| of_url(value).map(|(user, password)| format!("{user} {password}"));
        assert_eq!(of("redis://:p%40ss@127.0.0.1:6379/1").as_deref(), Some(" p@ss"));
        assert_eq!(of("rediss://default:x@cache:6379").as_deref(), Some("default x"));
        for other in ["postgres://a:b@h/db", "redis://127.0.0.1:6379", "redis", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
