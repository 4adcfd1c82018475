//! Passwords in `redis.conf` and ACL files, by Redis's own rules: a line is split as `sdssplitargs` does (sds.c), and a line that
//! Redis itself refuses says nothing.

use std::path::Path;

use super::Kind;
use super::search::Search;

/// How deep files include each other.
const DEPTH_MAX: usize = 8;

impl Search<'_> {
    pub(super) fn redis_conf(&mut self, path: &Path) {
        self.redis_conf_at(path, 0);
    }

    fn redis_conf_at(&mut self, path: &Path, depth: usize) {
        let Some(text) = self.read(path) else { return };
        let place = self.root.show(path);
        let wanted = self.user.map(str::to_owned);
        let is_wanted = |user: &str| wanted.as_deref().is_none_or(|wanted| wanted == user);
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let Some(words) = words(line) else { continue };
            match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                [directive, password] if directive.eq_ignore_ascii_case("requirepass") && is_wanted("default") => {
                    self.add(Kind::RedisConf, &place, "requirepass", password);
                }
                [directive, user, rules @ ..] if directive.eq_ignore_ascii_case("user") && is_wanted(user) => {
                    for password in rules.iter().filter_map(|rule| rule.strip_prefix('>')) {
                        self.add_of(Some(user), Kind::RedisConf, &place, "user", password);
                    }
                }
                [directive, file]
                    if ["include", "aclfile"].iter().any(|known| directive.eq_ignore_ascii_case(known))
                        && depth < DEPTH_MAX =>
                {
                    // relative to where Redis was started, which is one of these most often
                    let beside = path.parent().unwrap_or(self.root.path()).join(file);
                    let beneath = self.root.join(file);
                    self.redis_conf_at(if beside.exists() { &beside } else { &beneath }, depth + 1);
                }
                _ => {}
            }
        }
    }
}

/// The words of a line; `None` where Redis says that its quotes are not balanced.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_ascii_whitespace() || *c == '\0').is_some() {}
        if chars.peek().is_none() {
            return (!words.is_empty()).then_some(words);
        }
        let mut word: Vec<u8> = Vec::new();
        let push = |word: &mut Vec<u8>, c: char| word.extend(c.to_string().bytes());
        while let Some(c) = chars.next_if(|c| !c.is_ascii_whitespace() && *c != '\0') {
            let quote = match c {
                '"' | '\'' => c,
                c => {
                    push(&mut word, c);
                    continue;
                }
            };
            loop {
                match (quote, chars.next()?) {
                    (quote, c) if c == quote => break,
                    ('"', '\\') => {
                        let byte = hex(&mut chars);
                        match byte {
                            Some(byte) => word.push(byte),
                            None => match chars.next()? {
                                'n' => word.push(b'\n'),
                                'r' => word.push(b'\r'),
                                't' => word.push(b'\t'),
                                'b' => word.push(8),
                                'a' => word.push(7),
                                c => push(&mut word, c),
                            },
                        }
                    }
                    ('\'', '\\') if chars.next_if_eq(&'\'').is_some() => word.push(b'\''),
                    (_, c) => push(&mut word, c),
                }
            }
            // a closing quote ends the word
            if chars.peek().is_some_and(|c| !c.is_ascii_whitespace() && *c != '\0') {
                return None;
            }
        }
        words.push(String::from_utf8_lossy(&word).into_owned());
        if chars.peek().is_none() {
            return Some(words);
        }
    }
}

/// `xHH`, taken off if it is there.
fn hex(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<u8> {
    let mut ahead = chars.clone();
    ahead.next_if_eq(&'x')?;
    let high = ahead.next()?.to_digit(16)?;
    let low = ahead.next()?.to_digit(16)?;
    *chars = ahead;
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_redis_does() {
        for (line, expected) in [
            ("requirepass abc123", Some(vec!["requirepass", "abc123"])),
            (r"requirepass a\b", Some(vec!["requirepass", r"a\b"])),
            (r#"requirepass "\x41z""#, Some(vec!["requirepass", "Az"])),
            (r#"requirepass "a\tb\"c""#, Some(vec!["requirepass", "a\tb\"c"])),
            (r"requirepass 'it\'s \x41'", Some(vec!["requirepass", r"it's \x41"])),
            ("requirepass a#b", Some(vec!["requirepass", "a#b"])),
            (r#"requirepass "\xe0\xb8\x81""#, Some(vec!["requirepass", "ก"])),
            (r#"requirepass "\xzz""#, Some(vec!["requirepass", "xzz"])),
            ("save  \"\"", Some(vec!["save", ""])),
            ("requirepass a\"b", None),
            ("requirepass \"a\"b", None),
            ("requirepass 'a", None),
            ("", None),
        ] {
            let words = words(line);
            assert_eq!(
                words.as_deref(),
                expected.map(|words| words.into_iter().map(str::to_owned).collect::<Vec<_>>()).as_deref(),
                "{line}"
            );
        }
    }
}
