//! What note and task tools put behind a line for themselves: `^ac1`, `#data`, `%%as before%%`, `📅 2026-12-01`, `⏫`.
//! How they link each other, `[[target|label]]`, stands here too.
//!
//! What must hold: nothing of it says what must hold, and nothing else is taken off: it stands at the end, behind a blank and
//! behind words of its own.

/// What stands before a date of a task: due, scheduled, begun, created, done. A cancelled one (`❌`) is denied.
const DATES: [char; 7] = ['📅', '📆', '🗓', '⏳', '🛫', '➕', '✅'];

const PRIORITIES: [char; 5] = ['🔺', '⏫', '🔼', '🔽', '⏬'];

/// `raw` without such marks at its end.
pub(crate) fn without(raw: &str) -> &str {
    let mut left = raw.trim_end();
    while let Some(before) = before_last(left) {
        left = before;
    }
    left
}

fn before_last(text: &str) -> Option<&str> {
    let before = comment(text).or_else(|| dated(text)).or_else(|| word(text))?;
    // `Tag: #data`, `= ^x`: there it is what is asked
    let words = before.trim_end_matches(['*', '_', ' ']);
    let leads_on = words.ends_with(|c: char| ":：=<>≤≥≠±-–—→|,(".contains(c));
    (words.contains(char::is_alphanumeric) && !leads_on).then(|| before.trim_end())
}

/// `Snappy %%as before%%`.
fn comment(text: &str) -> Option<&str> {
    let inner = text.strip_suffix("%%")?;
    inner.get(..inner.rfind("%%")?).filter(|before| before.ends_with(char::is_whitespace))
}

/// `< 2 s 📅 2026-12-01`.
fn dated(text: &str) -> Option<&str> {
    let (before, date) = text.split_at_checked(text.len().checked_sub("2026-12-01".len())?)?;
    let is_date = date.char_indices().all(|(at, c)| if at == 4 || at == 7 { c == '-' } else { c.is_ascii_digit() });
    let before = before.trim_end().trim_end_matches('\u{fe0f}');
    is_date.then(|| before.strip_suffix(DATES)).flatten()
}

/// `#data`, `^ac1`, `⏫`. `#1` is a number, `^2` a power, `C#` a language.
fn word(text: &str) -> Option<&str> {
    let (before, last) = text.rsplit_once(char::is_whitespace)?;
    let is_of = |word: &str, more: &str| word.chars().all(|c| c.is_alphanumeric() || more.contains(c) || !c.is_ascii());
    let is_tag = last.strip_prefix('#').is_some_and(|tag| tag.starts_with(char::is_alphabetic) && is_of(tag, "_-/"));
    let is_anchor = last
        .strip_prefix('^')
        .is_some_and(|id| id.is_ascii() && id.contains(|c: char| c.is_ascii_alphabetic()) && is_of(id, "-"));
    let is_priority = || last.trim_end_matches('\u{fe0f}').strip_suffix(PRIORITIES).is_some_and(str::is_empty);
    (is_tag || is_anchor || is_priority()).then_some(before)
}

/// `[[target]]`, `[[target|label]]`, as notes link each other; `[[ -f x ]]` is shell.
pub(super) fn link(chars: &[char], at: usize) -> Option<(Vec<char>, usize)> {
    let inner = chars.get(at..)?.strip_prefix(&['[', '['])?;
    let inner = inner.get(..inner.iter().position(|c| matches!(c, '[' | ']'))?)?;
    let end = at + 2 + inner.len();
    let is_closed = chars.get(end..)?.starts_with(&[']', ']']);
    let label = inner.rsplit(|c| *c == '|').next()?;
    let is_link = is_closed && !label.is_empty() && !inner.first()?.is_whitespace();
    is_link.then(|| (label.to_vec(), end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_tools_are_taken_off_the_end_and_nothing_else_is() {
        for (raw, left) in [
            ("File size ≤ 5 MB ^ac1", "File size ≤ 5 MB"),
            ("Rows > 0 #data", "Rows > 0"),
            ("Rows > 0 #data/rows #ข้อมูล ^37066d", "Rows > 0"),
            ("**LaunchAgent** loaded #launchd", "**LaunchAgent** loaded"),
            ("Validation time < 2 s 📅 2026-12-01", "Validation time < 2 s"),
            ("Validation time < 2 s ⏫ 🗓️2026-12-01 ✅ 2026-11-30", "Validation time < 2 s"),
            ("Compression: Snappy %%as before%%", "Compression: Snappy"),
        ] {
            assert_eq!(without(raw), left, "{raw}");
        }
        for raw in [
            "PR #1",
            "in C#",
            "10 ^2",
            "#data",
            "Tag: #data",
            "**Tag:** #data",
            "Rows > #data",
            "`grep #data`",
            "Expires 2026-12-01",
            "Rows > 0 ❌ 2026-12-01",
            "Coverage 100%%",
            "a%%b%%",
            "📅 2026-12-01",
        ] {
            assert_eq!(without(raw), raw);
        }
    }
}
