//! How the sources write things: `.env`, URLs, compose's variables, words as a shell splits them, and where among words a
//! password stands. Pure: text in, text out; nothing is executed.

use std::collections::BTreeMap;

/// `KEY=value` lines: `export` allowed, quotes taken off, a `#` after a blank begins a comment outside them. Variables that were
/// set above are filled in, but not within single quotes.
pub(super) fn dot_env(text: &str) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let line = match line.strip_prefix("export") {
            Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim_start(),
            _ => line,
        };
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        let value = match value.chars().next() {
            Some('\'') => quoted(value.chars().skip(1), '\''),
            Some('"') => fill(&quoted(value.chars().skip(1), '"'), &variables),
            _ => fill(without_comment(value), &variables),
        };
        variables.insert(key.trim().to_owned(), value);
    }
    variables
}

fn without_comment(value: &str) -> &str {
    let comment = value.match_indices('#').find(|(at, _)| {
        let (before, _) = value.split_at(*at);
        before.is_empty() || before.ends_with(char::is_whitespace)
    });
    comment.map_or(value, |(at, _)| value.split_at(at).0).trim_end()
}

/// Stands for a dollar that a backslash takes its meaning from.
const DOLLAR: char = '\u{0}';

/// What stands between quotes; within double ones a backslash takes the next character as it is.
fn quoted(mut chars: impl Iterator<Item = char>, quote: char) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next().filter(|c| *c != quote) {
        match c {
            '\\' if quote == '"' => text.extend(chars.next().map(|c| if c == '$' { DOLLAR } else { c })),
            c => text.push(c),
        }
    }
    text
}

/// `${NAME}` and `$NAME` of variables that are known; a dollar before anything else is one.
fn fill(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = from.strip_prefix('$').unwrap_or(from);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, end) = braced.unwrap_or_else(|| split_name(after));
        match variables.get(name) {
            Some(value) => {
                out.push_str(value);
                rest = end;
            }
            None => {
                out.push('$');
                rest = after;
            }
        }
    }
    (out + rest).replace(DOLLAR, "$")
}

/// The name that `text` begins with, and what follows.
fn split_name(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()))
}

/// User, which may be empty, and password.
pub(super) fn credentials_of_url(text: &str) -> Option<(String, String)> {
    let url = url::Url::parse(text.trim()).ok()?;
    let decode = |encoded: &str| {
        let pair = format!("p={}", encoded.replace('+', "%2B"));
        url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decode(url.username())?, decode(url.password()?)?))
}

/// All strings of a YAML tree, those that stand under a key with it.
pub(super) fn flatten(
    value: &serde_yaml::Value,
    key: Option<&str>,
    depth: usize,
    into: &mut Vec<(Option<String>, String)>,
) {
    if depth > 32 || into.len() > 10_000 {
        return;
    }
    let key_of = || key.map(str::to_owned);
    match value {
        serde_yaml::Value::String(text) => into.push((key_of(), text.clone())),
        serde_yaml::Value::Number(number) => into.push((key_of(), number.to_string())),
        serde_yaml::Value::Sequence(items) => items.iter().for_each(|item| flatten(item, None, depth + 1, into)),
        serde_yaml::Value::Mapping(pairs) => {
            pairs.iter().for_each(|(key, value)| flatten(value, key.as_str(), depth + 1, into));
        }
        _ => {}
    }
}

/// `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:+other}` and `$NAME`, as compose expands them, one within another
/// too; `$$` is a dollar.
pub(super) fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    expanded(text, variables, 0)
}

fn expanded(text: &str, variables: &BTreeMap<String, String>, depth: usize) -> String {
    const DEPTH_MAX: usize = 16;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = from.strip_prefix('$').unwrap_or(from);
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((inner, after)) = rest.strip_prefix('{').and_then(to_closing_brace) {
            let (name, operator) = split_name(inner);
            let value = variables.get(name).filter(|value| !value.is_empty());
            let strip = |sign: &str| operator.strip_prefix(':').unwrap_or(operator).strip_prefix(sign);
            let other =
                |text: &str| if depth < DEPTH_MAX { expanded(text, variables, depth + 1) } else { String::new() };
            match (value, strip("+"), strip("-")) {
                (Some(_), Some(text), _) | (None, None, Some(text)) => out.push_str(&other(text)),
                (Some(value), None, _) => out.push_str(value),
                (None, ..) => {}
            }
            rest = after;
        } else {
            let (name, after) = split_name(rest);
            match (name.is_empty(), variables.get(name)) {
                (true, _) => out.push('$'),
                (false, value) => out.push_str(value.map_or("", String::as_str)),
            }
            rest = after;
        }
    }
    out + rest
}

/// What stands before the brace that closes, and what follows it.
fn to_closing_brace(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0usize;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

/// Words as a shell splits them; quotes are taken off. Nothing is executed or expanded.
pub(super) fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// What follows `--requirepass` or `requirepass`, as a word of its own or after `=`, and `-a` or `--pass` of a `redis-cli`.
pub(super) fn passwords_in(words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_client = false;
    for (n, word) in words.iter().enumerate() {
        is_client = word.ends_with("redis-cli") || (is_client && !matches!(word.as_str(), "&&" | "||" | "|" | ";"));
        let bare = word.trim_start_matches('-');
        if bare.eq_ignore_ascii_case("requirepass") || (is_client && matches!(word.as_str(), "-a" | "--pass")) {
            found.extend(words.get(n + 1).cloned());
        } else if let Some((directive, value)) = bare.split_once('=')
            && directive.eq_ignore_ascii_case("requirepass")
        {
            found.push(value.to_owned());
        }
    }
    found
}
