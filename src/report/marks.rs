//! The signs that people tick with, and text made unable to tick.
//!
//! Invariant: [`show`] never returns a sign that [`has_green`] finds, a line break, a cell border or live Markdown.

use crate::text;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// Says that something works.
    Green,
    /// Says nothing yet.
    Open,
    Bad,
    Warning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `[ ]`, `[x]`.
    Bracket,
    /// `☐`, `✅`, `:white_check_mark:`, `&#9989;`.
    Sign,
}

/// A sign at the start of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub sense: Sense,
    pub form: Form,
    /// Bytes, variation selectors included.
    pub len: usize,
}

const SHORTCODES: [(&str, Sense); 22] = [
    (":white_check_mark:", Sense::Green),
    (":heavy_check_mark:", Sense::Green),
    (":ballot_box_with_check:", Sense::Green),
    (":check_mark_button:", Sense::Green),
    (":check_mark:", Sense::Green),
    (":green_circle:", Sense::Green),
    (":large_green_circle:", Sense::Green),
    (":green_square:", Sense::Green),
    (":green_heart:", Sense::Green),
    (":thumbsup:", Sense::Green),
    (":+1:", Sense::Green),
    (":ok:", Sense::Green),
    (":x:", Sense::Bad),
    (":cross_mark:", Sense::Bad),
    (":heavy_multiplication_x:", Sense::Bad),
    (":red_circle:", Sense::Bad),
    (":no_entry:", Sense::Bad),
    (":warning:", Sense::Warning),
    (":yellow_circle:", Sense::Warning),
    (":hourglass:", Sense::Open),
    (":white_large_square:", Sense::Open),
    (":white_square_button:", Sense::Open),
];

fn sense_of(c: char) -> Option<Sense> {
    match c {
        '✅' | '☑' | '✔' | '✓' | '🗸' | '🗹' | '🟢' | '🟩' | '💚' | '👍' | '👌' | '💯' | '🆗' | '🉑' => {
            Some(Sense::Green)
        }
        '☐' | '⬜' | '□' | '▢' | '◻' | '◽' | '🔲' | '🔳' | '⚪' | '⏳' | '⌛' | '⭕' | '○' => {
            Some(Sense::Open)
        }
        '❌' | '✗' | '✘' | '☒' | '✖' | '❎' | '🔴' | '🟥' | '⛔' | '🚫' | '👎' => Some(Sense::Bad),
        '⚠' | '🟡' | '🟠' | '🟨' | '🟧' => Some(Sense::Warning),
        _ => None,
    }
}

/// The sign that `text` starts with.
pub fn at(text: &str) -> Option<Mark> {
    let first = text.chars().next()?;
    let found = |sense, form, len| Some(Mark { sense, form, len });
    match first {
        '[' => {
            let mut rest = text.get(1..)?.chars();
            let (inside, close) = (rest.next()?, rest.next()?);
            if inside == ']' || close != ']' {
                return None;
            }
            // `[x](…)` and `[x]: …` are a link and its definition
            if rest.next().is_some_and(|c| matches!(c, '(' | '[' | ':')) {
                return None;
            }
            let sense = match inside {
                'x' | 'X' | '*' | '+' => Sense::Green,
                ' ' | '-' | '_' | '\u{a0}' => Sense::Open,
                c => sense_of(c)?,
            };
            found(sense, Form::Bracket, 2 + inside.len_utf8())
        }
        ':' => {
            let (code, sense) = SHORTCODES.iter().find(|(code, _)| text.starts_with(code))?;
            found(*sense, Form::Sign, code.len())
        }
        '&' => {
            let (c, len) = entity(text)?;
            found(sense_of(c)?, Form::Sign, len)
        }
        c => {
            let sense = sense_of(c)?;
            let rest = text.get(c.len_utf8()..)?;
            let selectors: usize = rest
                .chars()
                .take_while(|c| matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{200d}'))
                .map(char::len_utf8)
                .sum();
            found(sense, Form::Sign, c.len_utf8() + selectors)
        }
    }
}

/// `&#9989;`, `&#x2705;`, `&check;` at the start of `text`, with its length.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(16).position(|b| b == b';')?;
    let name = text.get(1..end)?;
    let c = match name.strip_prefix('#') {
        Some(number) => {
            let n = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(n.ok()?)?
        }
        None if matches!(name, "check" | "checkmark") => '✓',
        None => return None,
    };
    Some((c, end + 1))
}

/// Every sign of [`Form::Sign`] in `text`, and brackets only where they lead it, with their byte offsets.
pub fn all(text: &str) -> Vec<(usize, Mark)> {
    let mut out = Vec::new();
    let mut skip_to = 0;
    for (offset, c) in text.char_indices() {
        if offset < skip_to || (c.is_ascii() && !matches!(c, '[' | ':' | '&')) {
            continue;
        }
        let Some(mark) = text.get(offset..).and_then(at) else { continue };
        if mark.form == Form::Bracket && !text.get(..offset).is_some_and(|before| before.trim().is_empty()) {
            continue;
        }
        skip_to = offset + mark.len;
        out.push((offset, mark));
    }
    out
}

/// Whether anything in `text` says that something works by a sign.
pub fn has_green(text: &str) -> bool {
    all(text).iter().any(|(_, mark)| mark.sense == Sense::Green)
}

/// The green signs of a text that claims something by them: one that begins or ends with one, a remark in brackets behind it
/// aside. A sign in the middle of a sentence claims nothing.
pub fn claims(text: &str) -> Vec<(usize, Mark)> {
    let dressing = |c: char| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '~' | '\u{a0}');
    let lead = text.len() - text.trim_start_matches(dressing).len();
    let leading = text.get(lead..).and_then(at).map(|mark| (lead, mark));
    let mut signs = all(text);
    if let Some(leading) = leading.filter(|leading| !signs.contains(leading)) {
        signs.insert(0, leading);
    }
    let begins = leading.is_some_and(|(_, mark)| mark.sense == Sense::Green);
    let ends = signs.last().is_some_and(|(offset, mark)| {
        mark.sense == Sense::Green && is_tail(text.get(offset + mark.len..).unwrap_or(""))
    });
    signs.retain(|(_, mark)| mark.sense == Sense::Green);
    if begins || ends { signs } else { Vec::new() }
}

/// Whether what stands behind a sign ends the text: nothing, punctuation, or one remark in brackets.
pub fn is_tail(behind: &str) -> bool {
    let ends =
        |text: &str| text.chars().all(|c| c.is_whitespace() || matches!(c, '*' | '_' | '`' | '~' | '.' | '!' | ')'));
    let inner = behind.trim_start_matches([' ', '\t', '*', '_']);
    let remark = [('(', ')'), ('（', '）')].into_iter().find_map(|(open, close)| {
        let inner = inner.strip_prefix(open)?;
        let close_at = inner.rfind(close)?;
        inner.get(close_at + close.len_utf8()..)
    });
    ends(behind) || remark.is_some_and(ends)
}

/// `text` with every green sign replaced.
pub fn without_green(text: &str, replacement: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (offset, mark) in all(text) {
        if mark.sense == Sense::Green {
            out.push_str(text.get(from..offset).unwrap_or(""));
            out.push_str(replacement);
            from = offset + mark.len;
        }
    }
    out.push_str(text.get(from..).unwrap_or(""));
    out
}

/// Longest value that is shown, in characters.
const SHOWN: usize = 400;

/// A value from outside for a table cell or a line of a report: one line, bounded, controls and ANSI escaped, ticks taken out,
/// Markdown, HTML and cell borders inert. Code marks that pair stay code.
pub fn show(value: &str) -> String {
    show_at_most(value, SHOWN)
}

/// [`show`] with its own bound in characters.
pub fn show_at_most(value: &str, max: usize) -> String {
    let line = inert_line(value, max);
    let parts: Vec<&str> = line.split('`').collect();
    // single marks in pairs, with something between them, are code; anything else would pair with who knows what
    let pairs =
        parts.len() % 2 == 1 && parts.iter().skip(1).take(parts.len().saturating_sub(2)).all(|part| !part.is_empty());
    if !pairs {
        return escape(&line);
    }
    let mut out = String::with_capacity(line.len());
    for (n, part) in parts.into_iter().enumerate() {
        match n % 2 {
            0 => out.push_str(&escape(part)),
            _ => {
                out.push('`');
                out.push_str(&part.replace('|', "\\|"));
                out.push('`');
            }
        }
    }
    out
}

/// [`show`] where the value may come to stand within code: its code marks are escaped too.
pub fn show_text(value: &str) -> String {
    escape(&inert_line(value, SHOWN))
}

fn inert_line(value: &str, max: usize) -> String {
    without_green(&text::line(value, max), "(tick)").replace("[x]", "(x)").replace("[X]", "(X)")
}

fn escape(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' | '`' | '*' | '[' | '|' => {
                out.push('\\');
                out.push(c);
            }
            '~' if chars.peek() == Some(&'~') => out.push_str("\\~"),
            '<' if chars.peek().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) => {
                out.push_str("&lt;")
            }
            '&' if chars.peek().is_some_and(|c| c.is_ascii_alphabetic() || *c == '#') => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_known_in_every_spelling() {
        for (text, sense, len) in [
            ("✅ x", Sense::Green, 3),
            ("✔\u{fe0f} x", Sense::Green, 6),
            ("☑", Sense::Green, 3),
            ("🟢", Sense::Green, 4),
            ("[x] a", Sense::Green, 3),
            ("[X]", Sense::Green, 3),
            ("[✅] a", Sense::Green, 5),
            (":white_check_mark: a", Sense::Green, 18),
            ("&#9989; a", Sense::Green, 7),
            ("&#x2705; a", Sense::Green, 8),
            ("&check;", Sense::Green, 7),
            ("[ ] a", Sense::Open, 3),
            ("☐ a", Sense::Open, 3),
            ("❌", Sense::Bad, 3),
            ("⚠\u{fe0f}  a", Sense::Warning, 6),
        ] {
            let mark = at(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((mark.sense, mark.len), (sense, len), "{text}");
        }
        for text in ["", "x", "[x](y)", "[x]: y", "[]", "[ab]", "&amp;", ":smile:", "[", "&"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_claims_by_a_sign_at_its_edge() {
        for (text, count) in [
            ("✅", 1),
            ("**✅ OK**", 1),
            ("`✅`", 1),
            ("done ✅.", 1),
            ("Redis ✅ (PONG in 3 ms)", 1),
            ("✅ GG  ✅ CLC", 2),
            ("[x] done", 1),
            ("the ✅ sign", 0),
            ("Redis ✅ PONG", 0),
            ("❌ no", 0),
            ("", 0),
        ] {
            assert_eq!(claims(text).len(), count, "{text}");
        }
    }

    #[test]
    fn hostile_values_are_inert() {
        for (value, shown) in [
            ("a|b", "a\\|b"),
            ("a\\|b", "a\\\\\\|b"),
            ("a\nb\r\n| ✅ PASS |", "a b \\| (tick) PASS \\|"),
            ("\u{1b}[32mok", "\\\\u{1b}\\[32mok"),
            ("{{ order.id }}", "{{ order.id }}"),
            ("<b>✔</b> &#9989; :white_check_mark:", "&lt;b>(tick)&lt;/b> (tick) (tick)"),
            ("&amp;#9989;", "&amp;amp;#9989;"),
            ("< 5 & more", "< 5 & more"),
            ("![tick](http://x)", "!\\[tick](http://x)"),
            ("`a|b` and `c\\d`*", "`a\\|b` and `c\\d`\\*"),
            ("`a", "\\`a"),
            ("``a``", "\\`\\`a\\`\\`"),
            ("`✅ [x]`", "`(tick) (x)`"),
        ] {
            assert_eq!(show(value), shown, "{value:?}");
            assert!(!has_green(&show(value)));
        }
        assert_eq!(show(&"x".repeat(1_000)).chars().count(), SHOWN);
    }
}
