//! Whether a shell command's exit status says nothing: a failure that looks like success is the fault that costs days. It is
//! read word by word; nothing is executed.
//!
//! What must hold: what lets a failure through (`a && b`, `set -e`) is no mask.

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// With its quotes taken off.
    Word { text: String, is_quoted: bool },
    /// `;` and a line's end, `&&`, `||`, `|`, `&`, and the brackets of groups.
    Operator(&'static str),
}

const OPERATORS: [&str; 8] = ["&&", "||", ";", "|", "&", "(", ")", "\n"];

/// The part of a shell command that makes its exit status say nothing.
pub(super) fn masking(text: &str) -> Option<&'static str> {
    masked(text, 0)
}

fn masked(text: &str, depth: usize) -> Option<&'static str> {
    let tokens = tokens(text);
    alternative(&tokens).or_else(|| nested(&tokens, depth)).or_else(|| at_exit(&tokens)).or_else(|| end(&tokens))
}

/// A command and what joins it to the one before.
#[derive(Debug, Default)]
struct Command<'a> {
    joined: &'static str,
    words: Vec<&'a str>,
}

/// The commands in a row; brackets are left out.
fn commands(tokens: &[Token]) -> Vec<Command<'_>> {
    let mut all: Vec<Command> = vec![Command::default()];
    for token in tokens {
        match token {
            Token::Operator("(" | ")" | "{" | "}") => {}
            Token::Operator(operator) => all.push(Command { joined: operator, words: Vec::new() }),
            Token::Word { text, .. } => all.last_mut().into_iter().for_each(|command| command.words.push(text)),
        }
    }
    // `;` twice, or at the end
    all.retain(|command| !command.words.is_empty() || command.joined == "&");
    all
}

/// What always succeeds, as it is shown after `||`.
fn always_succeeds(words: &[&str]) -> Option<&'static str> {
    let name = words.first().map(|word| word.rsplit('/').next().unwrap_or(word))?;
    match (name, words.get(1).copied()) {
        ("true", _) => Some("|| true"),
        (":", _) => Some("|| :"),
        ("exit", Some("0")) => Some("|| exit 0"),
        ("echo", _) => Some("|| echo"),
        ("printf", _) => Some("|| printf"),
        _ => None,
    }
}

/// `a || true`, and a group after `||` whose last command always succeeds.
fn alternative(tokens: &[Token]) -> Option<&'static str> {
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| **token == Token::Operator("||")) {
        let (before, after) = tokens.split_at(at);
        let after = after.get(1..).unwrap_or_default();
        // a guard: `[ -f x ] || exit 0` ends where there is nothing to do
        let is_guard = commands(before)
            .last()
            .is_some_and(|command| matches!(command.words.first(), Some(&("[" | "[[" | "test"))));
        let rest = match after.first() {
            Some(Token::Operator(open @ ("(" | "{"))) => group(after, open),
            _ => {
                let end = after.iter().position(|token| matches!(token, Token::Operator(_))).unwrap_or(after.len());
                after.get(..end).unwrap_or_default()
            }
        };
        let all = commands(rest);
        if let Some(shown) = all.last().and_then(|command| always_succeeds(&command.words)).filter(|_| !is_guard) {
            return Some(shown);
        }
    }
    None
}

/// What stands between the bracket at the beginning and its counterpart.
fn group<'a>(tokens: &'a [Token], open: &str) -> &'a [Token] {
    let close = if open == "(" { ")" } else { "}" };
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Operator(operator) if *operator == open => depth += 1,
            Token::Operator(operator) if *operator == close => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return tokens.get(1..at).unwrap_or_default();
                }
            }
            _ => {}
        }
    }
    tokens.get(1..).unwrap_or_default()
}

/// A shell within the shell: `bash -c "node x || true"`.
fn nested(tokens: &[Token], depth: usize) -> Option<&'static str> {
    let words: Vec<(&str, bool)> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Word { text, is_quoted } => Some((text.as_str(), *is_quoted)),
            Token::Operator(_) => None,
        })
        .collect();
    let is_option = |word: &str| word.starts_with('-') && word.ends_with('c') && word.len() <= 5;
    let inner = words.windows(2).filter_map(|pair| match pair {
        [(option, _), (text, true)] if is_option(option) => Some(*text),
        _ => None,
    });
    inner.filter(|_| depth < 4).find_map(|text| masked(text, depth + 1))
}

/// `trap "exit 0" EXIT`: whatever happened, the shell ends well.
fn at_exit(all: &[Token]) -> Option<&'static str> {
    commands(all).iter().find_map(|command| match command.words.as_slice() {
        ["trap", action, signals @ ..] if signals.iter().any(|signal| matches!(*signal, "EXIT" | "0")) => {
            let action = tokens(action);
            let last = commands(&action).pop()?;
            (last.words.as_slice() == ["exit", "0"]).then_some("trap \"exit 0\" EXIT")
        }
        _ => None,
    })
}

/// What the last command makes of the status of those before it.
fn end(tokens: &[Token]) -> Option<&'static str> {
    let all = commands(tokens);
    let has = |name: &str, wanted: &dyn Fn(&str) -> bool| {
        all.iter().any(|command| {
            command.words.first() == Some(&name) && command.words.iter().skip(1).any(|word| wanted(word))
        })
    };
    let is_strict = has("set", &|word| {
        word == "errexit" || (word.starts_with('-') && !word.starts_with("--") && word.contains('e'))
    });
    let last = all.last()?;
    if last.joined == "&" && last.words.is_empty() {
        return Some("&");
    }
    // a failure turned round; `! [ -f x ]` asks
    if let ["!", name, ..] = last.words.as_slice()
        && !matches!(*name, "[" | "[[" | "test")
    {
        return Some("! …");
    }
    // a chain of `&&` lets a failure through
    let is_apart = matches!(last.joined, ";" | "\n" | "&");
    let does_something = |command: &&Command| {
        let quiet = ["cd", "echo", "printf", "export", "set", "source", ".", "sleep", "true", ":", "umask", "unset"];
        command.words.first().is_some_and(|name| !quiet.contains(name) && !is_assignment(name))
    };
    if is_apart && !is_strict && all.iter().rev().skip(1).any(|command| does_something(&command)) {
        let shown = match always_succeeds(&last.words) {
            Some("|| exit 0") => Some("exit 0"),
            Some("|| true" | "|| :") => Some("true"),
            Some("|| echo") => Some("; echo"),
            Some(_) => Some("; printf"),
            None => None,
        };
        if shown.is_some() {
            return shown;
        }
    }
    let has_pipe = tokens.contains(&Token::Operator("|"));
    let is_pipefail = has("set", &|word| word == "pipefail");
    (has_pipe && !is_pipefail).then_some("| …` without `set -o pipefail")
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut word: Option<(String, bool)> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        // `2>&1`, `&>file`, `>|file`
        let redirect = [">&", "&>", ">|", "<&"].into_iter().find(|redirect| rest.starts_with(redirect));
        let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator));
        if let Some(redirect) = redirect {
            word.get_or_insert_default().0.push_str(redirect);
            rest = rest.get(redirect.len()..).unwrap_or_default();
        } else if let Some(operator) = operator {
            finish(&mut word, &mut found);
            found.push(Token::Operator(operator));
            rest = rest.get(operator.len()..).unwrap_or_default();
        } else if c == '#' && word.is_none() {
            rest = rest.find('\n').and_then(|end| rest.get(end..)).unwrap_or_default();
        } else if c.is_whitespace() {
            finish(&mut word, &mut found);
            rest = after;
        } else if c == '\\' {
            let escaped = after.chars().next();
            // a line that goes on is one
            if let Some(escaped) = escaped.filter(|escaped| *escaped != '\n') {
                word.get_or_insert_default().0.push(escaped);
            }
            rest = after.get(escaped.map_or(0, char::len_utf8)..).unwrap_or_default();
        } else if matches!(c, '"' | '\'') {
            let held = word.get_or_insert_default();
            held.1 = true;
            rest = quoted(after, c, &mut held.0);
        } else {
            word.get_or_insert_default().0.push(c);
            rest = after;
        }
    }
    finish(&mut word, &mut found);
    found
}

/// Takes in what stands up to the closing quote; what follows it.
fn quoted<'a>(text: &'a str, quote: char, into: &mut String) -> &'a str {
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            return text.get(at + c.len_utf8()..).unwrap_or_default();
        }
        match c {
            '\\' if quote == '"' => into.extend(chars.next().map(|(_, c)| c)),
            c => into.push(c),
        }
    }
    ""
}

/// `{` and `}` are brackets only as words of their own.
fn finish(word: &mut Option<(String, bool)>, found: &mut Vec<Token>) {
    let Some((text, is_quoted)) = word.take() else { return };
    found.push(match (text.as_str(), is_quoted) {
        ("{", false) => Token::Operator("{"),
        ("}", false) => Token::Operator("}"),
        _ => Token::Word { text, is_quoted },
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        for (text, mask) in [
            ("cd /x && node y.cjs || true", Some("|| true")),
            ("node y.cjs||true", Some("|| true")),
            ("node y.cjs || :", Some("|| :")),
            ("node y; exit 0", Some("exit 0")),
            ("node y\nexit 0\n", Some("exit 0")),
            ("node y || exit 0", Some("|| exit 0")),
            ("node y || echo failed", Some("|| echo")),
            ("node y; true", Some("true")),
            ("node y &", Some("&")),
            ("node y | tee -a log", Some("| …` without `set -o pipefail")),
            ("set -o pipefail; node y | tee -a log", None),
            ("node y || exit 3", None),
            ("cd /x && exec node y.cjs", None),
            ("node y; exit 1", None),
            ("true", None),
            ("", None),
            // the same behind a path, a bracket, a quote, a comment
            ("cd /tmp && node y.cjs || /bin/true", Some("|| true")),
            ("cd /tmp && (node y.cjs || true)", Some("|| true")),
            ("cd /tmp && { node y.cjs || true; }", Some("|| true")),
            ("bash -c \"node y.cjs || true\"", Some("|| true")),
            ("node y.cjs || true # never fail", Some("|| true")),
            ("node y 2>/dev/null || printf \"failed\\n\"", Some("|| printf")),
            ("node y || { echo failed; true; }", Some("|| true")),
            ("node y.cjs; echo done", Some("; echo")),
            ("node y > x.log 2>&1; echo done", Some("; echo")),
            ("node y\necho \"done; $(date)\"", Some("; echo")),
            ("trap \"exit 0\" EXIT; node y", Some("trap \"exit 0\" EXIT")),
            ("trap 'rm -f /tmp/x; exit 0' INT EXIT\nnode y", Some("trap \"exit 0\" EXIT")),
            ("! node y", Some("! …")),
            ("cd /x && ! node y", Some("! …")),
            // what lets a failure through
            ("trap 'rm -f /tmp/x' EXIT; node y", None),
            ("trap 'exit 0' TERM; node y", None),
            ("trap 'exit 1' EXIT; node y", None),
            ("! [ -f /tmp/stop ]", None),
            ("! test -f /tmp/stop && exec node y", None),
            ("cd /tmp && node y && exit 0", None),
            ("cd /tmp && node y && echo done", None),
            ("set -euo pipefail; [ -f /tmp/x ] || exit 1; node y; exit 0", None),
            ("set -e\nnode y\necho done\n", None),
            ("node y || { echo failed; exit 1; }", None),
            ("[ -f /tmp/x ] || exit 0; exec node y", None),
            ("node y > x.log 2>&1", None),
            ("node y &> x.log", None),
            ("node y # || true", None),
            ("node 'a || true'", None),
            ("cd /x; echo start; exec node y", None),
            ("export A=1; echo hello", None),
        ] {
            assert_eq!(masking(text), mask, "{text}");
        }
    }
}
