//! Paths that stand for another: `g/reports/rollup_YYYYMMDD.md` for the one of the day.
//!
//! Invariant: what can't be filled as a template would fill it is told, never taken for a name.

use jiff::{SignedDuration, Zoned};

use crate::report::dates;

/// What a path stands for at `now`; nothing for one that is a name. The error says why that can't be told.
pub fn filled(path: &str, now: &Zoned) -> Result<Option<String>, &'static str> {
    const PATTERN: &str = "is a pattern of names";
    const DATE: &str = "holds a date in a form that is not filled in (`YYYYMMDD`, `YYYY-MM-DD` and `YYYYWW` are)";
    let (mut out, mut names) = (String::new(), String::new());
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        let next = rest.get(length..).and_then(|rest| rest.chars().next());
        match c {
            '*' | '?' | '{' => return Err(PATTERN),
            '$' => {
                length = dates::shell_date(rest).ok_or("holds a variable or a command")?;
                out.push_str(&day_of(rest, now).ok_or(DATE)?);
                names.push('/');
            }
            '%' if next.is_some_and(|c| c.is_ascii_alphabetic()) => return Err(DATE),
            _ => match dates::token(rest, names.chars().next_back()) {
                Some((token, of_token)) => {
                    length = of_token;
                    out.push_str(&dates::show_token(token, now));
                    names.push('/');
                }
                None => {
                    out.push(c);
                    names.push(c);
                }
            },
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    match holds_date(&names) {
        true => Err(DATE),
        false => Ok((out != path).then_some(out)),
    }
}

/// What the `$(date …)` that `text` starts with prints all day long: one that tells the time too is of a moment, which only the
/// program that made the file knows.
fn day_of(text: &str, now: &Zoned) -> Option<String> {
    // another hour, minute and second; in any zone at least one of the two lies within the same day
    let apart = SignedDuration::from_secs(3_661);
    let at = |time: &Zoned| dates::show_shell_date(text, time).ok();
    let shown = at(now)?;
    let others = [now.checked_add(apart).ok()?, now.checked_sub(apart).ok()?];
    others.iter().any(|other| at(other).as_ref() == Some(&shown)).then_some(shown)
}

/// `YYYY`, `YYMMDD`, `HHMM`, `HH-MM-SS`: pairs of the letters that stand for parts of a date, four or more in a row. Two alone
/// are a name (`MM`, `SS`).
fn holds_date(names: &str) -> bool {
    let letters = |word: &str| {
        let bytes = word.as_bytes();
        let (pairs, odd) = bytes.as_chunks::<2>();
        let is_date = odd.is_empty() && pairs.iter().all(|[a, b]| a == b && b"YMDHSW".contains(a));
        if is_date { bytes.len() } else { 0 }
    };
    let mut row = 0;
    names.split(|c: char| !c.is_alphanumeric()).any(|word| {
        row = match letters(word) {
            0 => 0,
            n => row + n,
        };
        row >= 4
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_name_or_that_of_the_day_or_can_not_be_told() {
        let now: Zoned = "2026-01-01T02:03:04+07:00[Asia/Bangkok]".parse().unwrap();
        for (path, expected) in [
            ("g/reports/rollup_YYYYMMDD.md", Ok(Some("g/reports/rollup_20260101.md"))),
            ("g/YYYY-MM-DD/w_YYYYWW.md", Ok(Some("g/2026-01-01/w_202601.md"))),
            ("g/x_$(date +%Y%m%d).md", Ok(Some("g/x_20260101.md"))),
            ("run/parquet_exporter.cjs", Ok(None)),
            ("docs/MM/SS_DD.md", Err("holds a date")),
            ("docs/COMM_MM.md", Ok(None)),
            ("src/ADDRESS.md", Ok(None)),
            ("g/100%.md", Ok(None)),
            ("g/a%20b.md", Ok(None)),
            ("g/heartbeat_YYYY-MM-DD_HH-MM-SS.md", Err("holds a date")),
            ("g/rollup_YYYYMM.md", Err("holds a date")),
            ("g/rollup_YYMMDD.md", Err("holds a date")),
            ("g/rollup_%Y%m%d.md", Err("holds a date")),
            ("g/x_$(date -u +%Y%m%d).md", Ok(Some("g/x_20251231.md"))),
            ("g/x_$(date +%Y%m%d_%H%M%S).md", Err("holds a date")),
            ("g/x_$(date -d yesterday +%F).md", Err("holds a date")),
            ("g/x_$(whoami).md", Err("holds a variable")),
            ("$HOME/x.md", Err("holds a variable")),
            ("g/heartbeat_*.md", Err("is a pattern")),
            ("g/{a,b}.md", Err("is a pattern")),
        ] {
            match (filled(path, &now), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected, "{path}"),
                (Err(why), Err(expected)) => assert!(why.starts_with(expected), "{path}: {why}"),
                (found, _) => panic!("{path}: {found:?}"),
            }
        }
    }
}
