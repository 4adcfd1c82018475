//! Dates that templates ask for: `$(date '+%Y-%m-%d')` and tokens such as `YYYYMMDD`.
//!
//! Invariant: nothing is ever executed; what can't be understood is refused, never guessed.

use std::ops::Range;

use jiff::Zoned;
use jiff::fmt::strtime::{BrokenDownTime, Config, PosixCustom};
use jiff::tz::TimeZone;

use super::marks;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateToken {
    /// `YYYYMMDD`.
    Compact,
    /// `YYYY-MM-DD`.
    Dashed,
    /// `YYYYWW`: ISO 8601 week and its year.
    Week,
}

const TOKENS: [(&str, DateToken, &str); 3] = [
    ("YYYYMMDD", DateToken::Compact, "%Y%m%d"),
    ("YYYY-MM-DD", DateToken::Dashed, "%Y-%m-%d"),
    ("YYYYWW", DateToken::Week, "%G%V"),
];

/// The date token that `text` starts with, with its length; `before` is the character in front of it.
pub fn token(text: &str, before: Option<char>) -> Option<(DateToken, usize)> {
    if before == Some('Y') {
        return None;
    }
    let (token, kind, _) = TOKENS.iter().find(|(token, _, _)| text.starts_with(token))?;
    let last = token.chars().last();
    let after = text.get(token.len()..)?.chars().next();
    (after != last).then_some((*kind, token.len()))
}

pub fn show_token(token: DateToken, now: &Zoned) -> String {
    let format = TOKENS.iter().find(|(_, kind, _)| *kind == token).map_or("%F", |(_, _, format)| format);
    now.strftime(format).to_string()
}

/// `text` with its tokens as that day.
pub fn with_tokens(text: &str, now: &Zoned) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match token(rest, out.chars().last()) {
            Some((token, length)) => {
                out.push_str(&show_token(token, now));
                length
            }
            None => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or("");
    }
    out
}

/// The word that a token at `span` is part of: `g/analytics/ops_atomic_YYYYMMDD.parquet`.
pub fn word_around<'s>(source: &'s str, span: &Range<usize>) -> &'s str {
    /// Characters to either side; no path that was measured is longer.
    const LONGEST: usize = 400;
    let ends = |c: char| c.is_whitespace() || "`()（）[]{}|,;\"'*".contains(c);
    let before = source.get(..span.start).unwrap_or("");
    let behind = source.get(span.end..).unwrap_or("");
    let start: usize = before.chars().rev().take(LONGEST).take_while(|c| !ends(*c)).map(char::len_utf8).sum();
    let end: usize = behind.chars().take(LONGEST).take_while(|c| !ends(*c)).map(char::len_utf8).sum();
    let (start, end) = (span.start - start, span.end + end);
    source.get(start..end).unwrap_or("").trim_end_matches(['.', ':'])
}

/// The length of the `$(… date …)` that `text` starts with.
pub fn shell_date(text: &str) -> Option<usize> {
    let inner = inner(text)?;
    let words = words(text.get(inner.clone())?)?;
    let command = words.iter().find(|word| !is_assignment(word))?;
    matches!(command.as_str(), "date" | "/bin/date" | "/usr/bin/date" | "gdate").then_some(inner.end + 1)
}

/// What a shell's `date` would print at `now`, or why that can't be told.
pub fn show_shell_date(text: &str, now: &Zoned) -> Result<String, String> {
    let words = inner(text).and_then(|inner| text.get(inner)).and_then(words).ok_or("it can't be read")?;
    let mut now = now.clone();
    let mut format = None;
    let mut seen_command = false;
    for word in &words {
        if !seen_command {
            match word.split_once('=') {
                Some(("TZ", zone)) => {
                    let zone = TimeZone::get(zone).map_err(|_| format!("the time zone `{zone}` is not known"))?;
                    now = now.with_time_zone(zone);
                }
                Some(_) => {}
                None => seen_command = true,
            }
            continue;
        }
        match word.as_str() {
            "-u" | "--utc" | "--universal" => now = now.with_time_zone(TimeZone::UTC),
            "-I" | "--iso-8601" | "-Idate" | "--iso-8601=date" => format = Some("%Y-%m-%d"),
            "-Iminutes" | "--iso-8601=minutes" => format = Some("%Y-%m-%dT%H:%M%:z"),
            "-Iseconds" | "--iso-8601=seconds" => format = Some("%Y-%m-%dT%H:%M:%S%:z"),
            "-R" | "--rfc-email" => format = Some("%a, %d %b %Y %H:%M:%S %z"),
            word => match word.strip_prefix('+') {
                Some(own) => format = Some(own),
                None => return Err(format!("`{word}` is not supported")),
            },
        }
    }
    let format = format.unwrap_or("%a %b %e %H:%M:%S %Z %Y");
    let mut out = String::new();
    let config = Config::new().custom(PosixCustom::new());
    BrokenDownTime::from(&now).format_with_config(&config, format, &mut out).map_err(|error| error.to_string())?;
    // a format is the author's text: it may hold anything, a tick too
    Ok(marks::without_green(&out, "☐").split(['\n', '\r', '|']).collect::<Vec<_>>().join(" "))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
}

/// What lies between `$(` and its `)`, quotes respected; on one line and of a sane length.
fn inner(text: &str) -> Option<Range<usize>> {
    const LONGEST: usize = 200;
    let rest = text.strip_prefix("$(")?;
    let mut quote = None;
    for (offset, c) in rest.char_indices().take(LONGEST) {
        match (c, quote) {
            ('\n', _) => return None,
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('(' | '$' | '`' | ';' | '&' | '|' | '<' | '>', None) => return None,
            (')', None) => return Some(2..2 + offset),
            _ => {}
        }
    }
    None
}

/// The words of a simple command, quotes taken off.
fn words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in command.chars() {
        match (c, quote) {
            ('\'' | '"', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-01-01T02:03:04.5+07:00[Asia/Bangkok]".parse().unwrap()
    }

    #[test]
    fn shell_dates_are_formatted_and_never_run() {
        for (text, expect) in [
            ("$(date '+%Y-%m-%d %H:%M:%S')", "2026-01-01 02:03:04"),
            ("$(date \"+%F\")", "2026-01-01"),
            ("$(date +%Y%m%d)", "20260101"),
            ("$(date +'%d %b %Y')", "01 Jan 2026"),
            ("$(date -u +%Y-%m-%dT%H:%M:%SZ)", "2025-12-31T19:03:04Z"),
            ("$(TZ=UTC date +%H)", "19"),
            ("$(TZ='Europe/Berlin' date '+%H %Z')", "20 CET"),
            ("$(date)", "Thu Jan  1 02:03:04 +07 2026"),
            ("$(date -Iseconds)", "2026-01-01T02:03:04+07:00"),
            ("$(date '+✅ | %F')", "☐   2026-01-01"),
            ("$(date '+%c')", "Thu Jan  1 02:03:04 2026"),
        ] {
            assert_eq!(shell_date(text), Some(text.len()), "{text}");
            assert_eq!(show_shell_date(text, &now()).as_deref(), Ok(expect), "{text}");
        }
        for text in ["$(date -d yesterday +%F)", "$(date -v-1d +%F)", "$(date '+%Ez %J')", "$(TZ=No/Where date)"] {
            assert_eq!(shell_date(text), Some(text.len()), "{text}");
            assert!(show_shell_date(text, &now()).is_err(), "{text}");
        }
        for text in
            ["$(rm -rf /)", "$(date; rm x)", "$(date | sh)", "$(date", "$(dates)", "$()", "$(date '+%F)", "$(date\n)"]
        {
            assert_eq!(shell_date(text), None, "{text}");
        }
    }

    #[test]
    fn tokens_stand_for_the_day_of_the_run() {
        for (text, before, expect) in [
            ("YYYYMMDD.parquet", Some('_'), Some("20260101")),
            ("YYYY-MM-DD", None, Some("2026-01-01")),
            ("YYYYWW", None, Some("202601")),
            ("YYYYMMDDD", None, None),
            ("YYYYMMDD", Some('Y'), None),
            ("YYYYMM", None, None),
        ] {
            let shown = token(text, before).map(|(token, _)| show_token(token, &now()));
            assert_eq!(shown.as_deref(), expect, "{text}");
        }
    }
}
