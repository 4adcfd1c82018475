//! Which of the paths on a line are delivered, which are only spoken of, and which must not be touched.
//!
//! What must hold: a file that its author says not to touch is never taken for one to be made.

use super::{fold, paths};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Delivered,
    /// `a.zsh`, which calls `b.cjs`.
    Mentioned,
    /// Do not touch `b.cjs`.
    LeftAlone,
}

/// Begins a new clause, which may speak of another file.
const PARTS: [char; 11] = [',', ';', '(', ')', '[', ']', '|', '–', '—', '+', '!'];

/// What a file is to another one that it stands beside.
const RELATIONS: [&str; 21] = [
    "replaces",
    "replacing",
    "replaced",
    "supersedes",
    "was",
    "were",
    "formerly",
    "based",
    "calls",
    "calling",
    "wraps",
    "wrapping",
    "instead",
    "imports",
    "reads",
    "reading",
    "uses",
    "using",
    "see",
    "like",
    "unlike",
];

/// The paths that a line names, each with how it stands there.
pub(super) fn of_line(raw: &str) -> Vec<(String, Standing)> {
    let mut found: Vec<(String, Standing)> = Vec::new();
    let mut at = 0;
    let mut places = Vec::new();
    for path in paths::in_text(raw) {
        let start = raw.get(at..).and_then(|rest| rest.find(&path)).map_or(at, |offset| at + offset);
        at = (start + path.len()).min(raw.len());
        places.push((path, start, at));
    }
    let between = |from: usize, to: usize| raw.get(from..to).unwrap_or("").replace('`', "");
    let leads = places.first().is_some_and(|(_, start, _)| !between(0, *start).contains(char::is_alphabetic));
    // the last that stands outside of brackets: those in a row share how it stands
    let (mut depth, mut outside) = (0_i32, Standing::Delivered);
    for (n, (path, start, end)) in places.iter().enumerate() {
        let gap = between(n.checked_sub(1).and_then(|n| places.get(n)).map_or(0, |(_, _, end)| *end), *start);
        depth += gap.chars().map(|c| i32::from("([".contains(c)) - i32::from(")]".contains(c))).sum::<i32>();
        let (_, part, before) = last_part(&gap);
        let after = between(*end, places.get(n + 1).map_or(raw.len(), |(_, next, _)| *next));
        let after = if n + 1 < places.len() { last_part(&after).0.to_owned() } else { after };
        let words = words(before);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let joins = matches!(words.first(), Some(&("and" | "or" | "plus" | "also" | "with" | "und" | "และ")));
        let relates = match n {
            0 => places.len() > 1 && words.first().is_some_and(|word| RELATIONS.contains(word)),
            _ => words.iter().any(|word| RELATIONS.contains(word)),
        };
        let goes_on =
            words.is_empty() || (joins && words.len() <= 8) || (matches!(part, Some(';' | '+')) && words.len() <= 4);
        let standing = match () {
            () if is_left_alone_before(&words) || is_left_alone(&after) => Standing::LeftAlone,
            () if relates => Standing::Mentioned,
            () if n == 0 => Standing::Delivered,
            () if words.is_empty() && part == Some('(') && leads => Standing::Mentioned,
            () if goes_on => outside,
            () if leads => Standing::Mentioned,
            () => Standing::Delivered,
        };
        // `old/x.cjs → run/x.cjs`: the first is where it comes from
        let is_arrow = ["→", "->", "=>", "⟶", "➜", "➡"].contains(&gap.trim());
        if let Some((before, from)) = found.last_mut()
            && is_arrow
            && ending(before) == ending(path)
        {
            *from = Standing::Mentioned;
        }
        if depth <= 0 && standing != Standing::LeftAlone {
            outside = standing;
        }
        found.push((path.clone(), standing));
    }
    found
}

/// What stands before the last part, the sign that begins it, and the part.
fn last_part(text: &str) -> (&str, Option<char>, &str) {
    let dash = text.rfind(" - ").map(|at| (at + 1, '-'));
    let sign = text.char_indices().rfind(|(_, c)| PARTS.contains(c));
    match sign.into_iter().chain(dash).max_by_key(|(at, _)| *at) {
        Some((at, c)) => (text.get(..at).unwrap_or(""), Some(c), text.get(at + c.len_utf8()..).unwrap_or("")),
        None => ("", None, text),
    }
}

fn ending(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.rsplit_once('.').map(|(_, ending)| ending)
}

fn words(text: &str) -> Vec<String> {
    fold::fold(text).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_denial(word: &str) -> bool {
    // `don't` is two words when folded
    matches!(word, "not" | "never" | "no" | "don" | "cannot" | "without")
}

/// `changed`, `touch`, `overwritten`.
fn is_touching(word: &str) -> bool {
    ["touch", "chang", "edit", "modif", "overwrit", "alter", "rewrit", "replac", "delet", "remov", "renam"]
        .iter()
        .any(|stem| word.starts_with(stem))
}

/// What follows the denial of a touch: the word for it, and the words behind it.
fn denied_touch<'w>(words: &'w [&'w str]) -> Option<(&'w str, &'w [&'w str])> {
    let at = words.iter().position(|word| is_denial(word))?;
    let rest = words.get(at + 1..)?;
    let skipped = rest.iter().take_while(|word| matches!(**word, "t" | "to" | "be" | "being" | "any" | "ever")).count();
    let (touch, behind) = rest.get(skipped..)?.split_first()?;
    is_touching(touch).then_some((touch, behind))
}

/// `do not touch the existing`, before a path.
fn is_left_alone_before(words: &[&str]) -> bool {
    denied_touch(words).is_some_and(|(_, behind)| behind.len() <= 3)
        || words.split_first().is_some_and(|(first, rest)| {
            let is_of_it = |word: &&str| matches!(*word, "the" | "existing" | "old" | "current" | "file" | "script");
            matches!(*first, "leave" | "keep") && rest.iter().all(is_of_it)
        })
        || words.iter().any(|word| word.contains("ห้าม"))
}

/// `unchanged, stays as it is`, `must not be changed`, behind a path; not `does not change the schema`.
fn is_left_alone(text: &str) -> bool {
    const STAYING: [&str; 14] = [
        "stays", "stay", "remains", "remain", "is", "be", "must", "left", "leave", "keep", "kept", "should", "it", "to",
    ];
    text.contains("ห้าม")
        || text.split(PARTS).flat_map(|part| part.split([':', '.'])).any(|part| {
            let words = words(part);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let staying = words.iter().take_while(|word| STAYING.contains(word)).count();
            let stays = match words.get(staying..).unwrap_or_default() {
                ["unchanged" | "untouched" | "unmodified" | "unaltered" | "alone", ..] => true,
                ["as", "it" | "they", "is" | "are"] | ["as", "is"] => staying > 0,
                _ => false,
            };
            let ends_so = ["as it is", "as is", "as they are"].iter().any(|end| {
                let before = words.join(" ");
                let before = before.strip_suffix(end).map(str::trim_end).unwrap_or("");
                ["stays", "stay", "remains", "left", "kept", "leave", "keep"].iter().any(|word| before.ends_with(word))
            });
            let is_denied = denied_touch(&words).is_some_and(|(touch, behind)| {
                let is_passive = touch.ends_with("ed") || touch.ends_with("en");
                let is_of_it = matches!(
                    behind.first(),
                    None | Some(&("it" | "this" | "that" | "them" | "these" | "here" | "needed" | "required"))
                );
                is_passive || is_of_it
            });
            stays || ends_so || is_denied || words.join(" ") == "hands off"
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_delivers_is_told_from_what_it_speaks_of() {
        use Standing::{Delivered, LeftAlone, Mentioned};
        for (raw, expect) in [
            ("`a.zsh`", vec![Delivered]),
            ("`a.zsh` (do not touch `b.cjs`!)", vec![Delivered, LeftAlone]),
            ("`a.zsh` – wraps the existing `b.cjs`, which must not be changed", vec![Delivered, LeftAlone]),
            ("`a.zsh` – wraps the existing `b.cjs`", vec![Delivered, Mentioned]),
            ("`b.cjs` – unchanged, stays as it is", vec![LeftAlone]),
            ("`b.cjs` – GG’s, stays as it is", vec![LeftAlone]),
            ("`b.cjs` must not be overwritten", vec![LeftAlone]),
            ("`b.cjs` (don't change)", vec![LeftAlone]),
            ("`b.cjs`: no changes needed", vec![LeftAlone]),
            ("`a.zsh` เรียก `b.cjs` (ห้ามแก้)", vec![Delivered, LeftAlone]),
            ("do not touch run/b.cjs", vec![LeftAlone]),
            ("`a.zsh`; leave `b.cjs` alone", vec![Delivered, LeftAlone]),
            ("`a.cjs` replaces `b.cjs`", vec![Delivered, Mentioned]),
            ("`a.cjs` (was `b.cjs`)", vec![Delivered, Mentioned]),
            ("`a.cjs`, based on `b.cjs`", vec![Delivered, Mentioned]),
            ("New exporter `a.cjs`, replaces `b.cjs`", vec![Delivered, Mentioned]),
            ("Replaces `b.cjs` by `a.cjs`", vec![Mentioned, Delivered]),
            ("`old/a.cjs` → `run/a.cjs`", vec![Mentioned, Delivered]),
            ("`a.cjs` → `x.parquet`", vec![Delivered, Delivered]),
            ("`a.cjs`, `b.zsh` and `c.md`", vec![Delivered, Delivered, Delivered]),
            ("`a.plist` (or `b.plist`)", vec![Delivered, Delivered]),
            ("`a.cjs` (`b.cjs`)", vec![Delivered, Mentioned]),
            ("`a.cjs` + `b.zsh`", vec![Delivered, Delivered]),
            ("`a.cjs` and its test `b.zsh`", vec![Delivered, Delivered]),
            ("`a.zsh` and the LaunchAgent plist that starts it `b.plist`", vec![Delivered, Delivered]),
            ("`a.cjs`: exporter; tests that cover it: `a.test.cjs`", vec![Delivered, Delivered]),
            ("`a.cjs` – exporter; `b.zsh` – runner", vec![Delivered, Delivered]),
            ("`a.cjs` (calls `b.cjs`), `c.zsh`", vec![Delivered, Mentioned, Delivered]),
            ("Exporter `a.cjs` with its runner `b.zsh`", vec![Delivered, Delivered]),
            ("Exporter (`a.cjs`) and runner (`b.zsh`)", vec![Delivered, Delivered]),
            ("Exporter | `a.cjs` | `b.md`", vec![Delivered, Delivered]),
            ("1 | `a.cjs` | calls `b.md`", vec![Delivered, Mentioned]),
            ("`a.cjs` – does not change the schema", vec![Delivered]),
            ("`a.cjs` – never overwrites old files", vec![Delivered]),
            ("`a.cjs`, leaves the others unchanged", vec![Delivered]),
            ("Runner that calls `a.cjs`", vec![Delivered]),
            ("Keep-alive plist `a.plist`", vec![Delivered]),
        ] {
            let standing: Vec<Standing> = of_line(raw).into_iter().map(|(_, standing)| standing).collect();
            assert_eq!(standing, expect, "{raw}");
        }
    }
}
