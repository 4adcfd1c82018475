//! What people write, made comparable: the text of a line of Markdown, its words, and the names that a cell may mean its subject
//! by.
//!
//! Invariant: what differs in case, blanks, punctuation, width or emoji only has the same [`key`].

use std::collections::BTreeSet;

use pulldown_cmark::{Event, Parser};

use super::marks;
use crate::evidence::bilingual;
use crate::order::{fold, tags};

/// The text of one line of inline Markdown: emphasis, code marks, links and escapes taken off, and at its end what note and task
/// tools put there for themselves (`#ops`, `^f1`).
pub fn plain(markdown: &str) -> String {
    // the letter in front keeps `> 80%` and `- x` from being read as blocks
    let line = format!("x {}", markdown.replace("\\|", "|"));
    let mut out = String::with_capacity(line.len());
    for event in Parser::new(&line) {
        match event {
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::InlineHtml(html) if !html.to_ascii_lowercase().starts_with("<br") => {}
            Event::SoftBreak | Event::HardBreak | Event::InlineHtml(_) => out.push(' '),
            _ => {}
        }
    }
    let out = out.strip_prefix('x').unwrap_or(&out);
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    tags::without(&as_linked(&out)).to_owned()
}

/// `[[db/02luka|Database]]`, as notes link each other, as it is shown; `[[ -f x ]]` is shell.
fn as_linked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, inner, end)) = link(rest) {
        out.push_str(rest.get(..at).unwrap_or(""));
        out.push_str(inner.rsplit('|').next().unwrap_or(inner));
        rest = rest.get(end..).unwrap_or("");
    }
    out + rest
}

/// Where the first link begins, what stands within it, and where it ends.
fn link(text: &str) -> Option<(usize, &str, usize)> {
    text.match_indices("[[").find_map(|(at, _)| {
        let inner = text.get(at + 2..)?;
        let inner = inner.get(..inner.find(['[', ']'])?)?;
        let end = at + 2 + inner.len();
        let is_link = text.get(end..)?.starts_with("]]") && !inner.starts_with(' ') && !inner.ends_with(['|', ' ']);
        (is_link && !inner.is_empty()).then_some((at, inner, end + 2))
    })
}

/// What stands behind a sign, without such marks of tools at its end.
pub fn untagged(behind: &str) -> &str {
    // they stand behind words
    let led = format!("x {behind}");
    behind.get(..tags::without(&led).len().saturating_sub(2)).unwrap_or("")
}

/// Equal for names that differ in case, blanks, punctuation, width or emoji only.
pub fn key(name: &str) -> String {
    fold(&marks::without_green(name, " "))
}

/// The lower-case words of a table header or a list line, emoji and punctuation taken off.
pub fn words(markdown: &str) -> Vec<String> {
    key(&plain(markdown)).split_whitespace().map(str::to_owned).collect()
}

pub fn has_words(markdown: &str) -> bool {
    words(markdown).iter().any(|word| word.contains(char::is_alphabetic))
}

/// The names that a cell may mean its subject by, the most exact first: `LaunchAgent (daily)` → both with and without the
/// remark, `Exporter` + code and names in two languages → each alone.
pub fn names(markdown: &str) -> Vec<String> {
    let whole = plain(markdown);
    // a part of it alone would be a name without what the rest says of it
    if whole.len() > LONGEST {
        return Vec::new();
    }
    let code: Vec<&str> = markdown.split('`').skip(1).step_by(2).filter(|part| !part.trim().is_empty()).collect();
    let outside: String = markdown.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let mut names = vec![whole.clone(), without_remarks(&whole)];
    if markdown.matches('`').count().is_multiple_of(2) {
        names.push(without_remarks(&plain(&outside)));
        names.extend(code.iter().map(|part| (*part).to_owned()));
    }
    names.extend(bilingual::names(&whole));
    let bare: Vec<String> = names.iter().flat_map(|name| bare(name)).collect();
    names.extend(bare);
    let mut seen = BTreeSet::new();
    names.retain(|name| !key(name).is_empty() && seen.insert(key(name)));
    names
}

/// A name without its number and without what is said of it, where that is no more than that it works: `1. Exporter`,
/// `Exporter – deployed`, `Exporter: OK`, `Exporter status`.
fn bare(name: &str) -> Vec<String> {
    std::iter::successors(Some(name), |name| without_one(name)).skip(1).map(str::to_owned).collect()
}

fn without_one(name: &str) -> Option<&str> {
    let parted = [" – ", " — ", " - ", " = ", "：", ":"].into_iter().filter_map(|by| name.split_once(by));
    if let Some((name, said)) = parted.min_by_key(|(name, _)| name.len()) {
        return says_works(said.trim_end_matches(['.', '!'])).then_some(name.trim());
    }
    if let Some((name, _)) = name.rsplit_once(' ').filter(|(_, last)| last.eq_ignore_ascii_case("status")) {
        return Some(name.trim_end());
    }
    let digits = name.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = digits.strip_prefix(['.', ')']).filter(|_| digits.len() < name.len())?;
    rest.starts_with(' ').then_some(rest.trim_start())
}

/// A text that a name was taken out of, without the word at its end that led on to the name, and without these `ends`.
pub fn without_lead_on(text: &str, ends: &[char]) -> String {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let is_left =
        |word: &&str| ["at", "in", "as", "to", "under"].contains(word) || !word.contains(char::is_alphanumeric);
    while words.last().is_some_and(is_left) {
        words.pop();
    }
    words.join(" ").trim_end_matches(ends).to_owned()
}

/// Whether a cell holds a row's number or mark and no name: `R1`, `#4`, `AC-1.2`.
pub fn is_id(markdown: &str) -> bool {
    let text = plain(markdown);
    let digits = text.trim_start_matches('#').trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = text.len() - digits.len();
    letters <= 5
        && digits.chars().any(|c| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ')'))
}

/// Bytes; nothing that can be measured has a longer name.
const LONGEST: usize = 300;

fn without_remarks(text: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' | '（' => depth += 1,
            ')' | '）' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// Words that say no more than that a thing works; any other word of the template would claim what wasn't measured.
pub const WORKING: [&str; 15] = [
    "verified",
    "working",
    "ok",
    "active",
    "works",
    "pass",
    "passed",
    "present",
    "yes",
    "good",
    "valid",
    "confirmed",
    "up",
    "success",
    "ready",
];

/// Whether words say of a thing no more than that it works, or that it was done.
pub fn says_works(text: &str) -> bool {
    let word = text.trim().to_lowercase();
    WORKING.contains(&word.as_str()) || ["deployed", "loaded", "done"].contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_out_of_cells() {
        for (cell, expect) in [
            ("**Exporter**", vec!["Exporter"]),
            ("LaunchAgent (daily)", vec!["LaunchAgent (daily)", "LaunchAgent"]),
            ("Runner `scripts/run.zsh`", vec!["Runner scripts/run.zsh", "Runner", "scripts/run.zsh"]),
            ("✅ Redis", vec!["✅ Redis"]),
            ("**Exporter script** – deployed", vec!["Exporter script – deployed", "Exporter script"]),
            ("Exporter status: OK.", vec!["Exporter status: OK.", "Exporter status", "Exporter"]),
            ("1. Exporter: loaded", vec!["1. Exporter: loaded", "1. Exporter", "Exporter"]),
            ("Exporter – deployed twice", vec!["Exporter – deployed twice"]),
            ("Exporter: csv: OK", vec!["Exporter: csv: OK"]),
            ("สคริปต์ส่งออก (Exporter)", vec!["สคริปต์ส่งออก (Exporter)", "สคริปต์ส่งออก", "Exporter"]),
            ("**Exporter** / สคริปต์ส่งออก", vec!["Exporter / สคริปต์ส่งออก", "Exporter", "สคริปต์ส่งออก"]),
            ("Exporter #ops ^f1", vec!["Exporter"]),
            ("Rows 📅 2026-12-01", vec!["Rows"]),
            ("[[run/a|Exporter]] – [[run/b]]", vec!["Exporter – run/b"]),
            ("[[Redis]] loaded", vec!["Redis loaded"]),
            ("[[ -f x ]] and [[x] [[", vec!["[[ -f x ]] and [[x] [["]),
            ("#ops", vec!["#ops"]),
            ("  ", vec![]),
        ] {
            assert_eq!(names(cell), expect, "{cell}");
        }
    }

    #[test]
    fn what_tools_put_at_the_end_is_not_said() {
        for (behind, left) in [
            (" #ops", ""),
            (" deployed #ops", " deployed"),
            ("", ""),
            (" 📅 2026-12-01", ""),
            (" 2026-12-01", " 2026-12-01"),
        ] {
            assert_eq!(untagged(behind).trim_end(), left, "{behind}");
        }
    }

    #[test]
    fn ids_are_told_from_names() {
        for (cell, expect) in [
            ("R1", true),
            ("**AC-1.2**", true),
            ("#4", true),
            ("3.", true),
            ("p95", false),
            ("Redis 2", false),
            ("02:30", false),
            ("-", false),
            ("", false),
        ] {
            assert_eq!(is_id(cell), expect, "{cell}");
        }
    }

    #[test]
    fn targets_keep_their_comparators() {
        for (cell, expect) in
            [("> 80%", "> 80%"), ("`<5ms`", "<5ms"), ("a \\| b", "a | b"), ("- x", "- x"), ("**≤ 5 MB**", "≤ 5 MB")]
        {
            assert_eq!(plain(cell), expect);
        }
    }
}
