//! Text as people write it, made comparable: widths, dashes, emoji, inline Markdown.
//!
//! Invariant: everything here is total and linear in its input; nothing here decides what a text means.

use unicode_normalization::UnicodeNormalization as _;

use super::tags;

/// Full-width forms, odd spaces, dashes and digits of other scripts as their ASCII counterparts; one character for one
/// character, so nothing grows.
pub fn widths(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    text.chars().map(width).collect()
}

fn width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        '\u{3002}' => '.',
        '\u{201c}' | '\u{201d}' => '"',
        '\u{2018}' | '\u{2019}' => '\'',
        // MICRO SIGN and GREEK SMALL LETTER MU are one unit prefix
        'μ' => 'µ',
        _ => other_digit(c).unwrap_or(c),
    }
}

/// Decimal digits of scripts seen in orders: Arabic-Indic, Devanagari, Bengali, Thai, Lao, Khmer.
fn other_digit(c: char) -> Option<char> {
    const ZEROS: [u32; 7] = [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xed0, 0x17e0];
    let n = c as u32;
    let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&n))?;
    char::from_digit(n - zero, 10)
}

/// Pictographs, marks, variation selectors and joiners: what stands before heading words and in status cells.
pub fn is_emoji(c: char) -> bool {
    matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2300}'..='\u{23ff}' | '\u{25a0}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{200d}' | '\u{20e3}' | '\u{e0020}'..='\u{e007f}' | '\u{2139}' | '\u{203c}' | '\u{2049}')
}

fn is_bullet(c: char) -> bool {
    matches!(c, '•' | '·' | '‣' | '⁃' | '◦')
}

/// `text` without the emoji, ticks, check boxes, bullets and blanks that lead it.
pub fn strip_marks(text: &str) -> &str {
    let mut rest = text.trim();
    loop {
        let before = rest.len();
        rest = rest.trim_start_matches(|c: char| is_emoji(c) || is_bullet(c) || c.is_whitespace());
        for mark in ["[ ]", "[x]", "[X]", "[-]"] {
            rest = rest.strip_prefix(mark).unwrap_or(rest);
        }
        // a keycap: digit, variation selector, enclosing keycap
        let mut chars = rest.chars();
        if chars.next().is_some_and(|c| c.is_ascii_digit())
            && chars.next().is_some_and(|c| matches!(c, '\u{fe0f}' | '\u{20e3}'))
        {
            rest = rest.get(1..).unwrap_or("");
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// Whether `text` starts with a tick, a check box or a bullet sign, as lines of a list do that is no Markdown list.
pub fn leads_with_mark(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with(|c: char| is_emoji(c) || is_bullet(c))
        || ["[ ]", "[x]", "[X]"].iter().any(|mark| text.starts_with(mark))
}

/// What follows the dash that a line starts with, as lines of a list do whose dash Markdown does not know: `– x`, `−x`,
/// `-x`. A number below zero, an option and an arrow are none.
pub fn after_dash(text: &str) -> Option<&str> {
    let mut chars = text.trim_start().chars();
    chars.next().filter(|c| width(*c) == '-')?;
    let rest = chars.as_str();
    let is_item =
        rest.starts_with(|c: char| c.is_whitespace() || c.is_alphabetic() || "*`[\"".contains(c) || is_emoji(c));
    (is_item && !rest.trim().is_empty()).then(|| rest.trim_start())
}

/// Inline Markdown taken off: emphasis, code marks, links (`[[of notes|too]]`), escapes, a few entities. Blanks are collapsed.
pub fn inline(raw: &str) -> String {
    if !raw.contains(['\\', '`', '*', '_', '~', '[', '&', '<']) {
        return raw.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let chars: Vec<char> = raw.chars().collect();
    let mut out = String::with_capacity(raw.len());
    let mut at = 0;
    // once no closing run of a length was found there is none further on either
    let mut unclosed = Vec::new();
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        match c {
            '\\' if next.is_some_and(|next| next.is_ascii_punctuation()) => {
                out.extend(next);
                at += 2;
            }
            '`' => {
                let run = run_length(&chars, at, '`');
                match (!unclosed.contains(&run)).then(|| closing_run(&chars, at + run, run)).flatten() {
                    Some(end) => {
                        out.extend(chars.get(at + run..end).unwrap_or_default());
                        at = end + run;
                    }
                    None => {
                        if unclosed.len() < 64 {
                            unclosed.push(run);
                        }
                        at += run;
                    }
                }
            }
            '*' | '_' | '~' => {
                let run = run_length(&chars, at, c);
                let before = at.checked_sub(1).and_then(|i| chars.get(i)).copied();
                let after = chars.get(at + run).copied();
                if is_emphasis(c, run, before, after) {
                } else {
                    out.extend(std::iter::repeat_n(c, run));
                }
                at += run;
            }
            '[' => match link(&chars, at).or_else(|| tags::link(&chars, at)) {
                Some((label, end)) => {
                    out.extend(label);
                    at = end;
                }
                None => {
                    out.push(c);
                    at += 1;
                }
            },
            '&' => {
                let (text, length) = entity(&chars, at);
                out.push_str(text);
                at += length;
            }
            '<' if starts_with(&chars, at, "<br") => {
                let end = (at..(at + 8).min(chars.len())).find(|i| chars[*i] == '>');
                out.push(if end.is_some() { ' ' } else { c });
                at = end.unwrap_or(at) + 1;
            }
            _ => {
                out.push(c);
                at += 1;
            }
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `raw` without the references to footnotes that it ends with: `5 MB[^2]`, `2 s[1]`, `0¹`. `10³` and `m²` are powers.
pub fn without_references(raw: &str) -> String {
    let raised = |c: char| matches!(c, '¹' | '²' | '³' | '\u{2070}'..='\u{2079}');
    let mut left = raw;
    loop {
        let text = left.trim_end();
        let bare = text.trim_end_matches(raised);
        let power = text.get(bare.len()..).is_some_and(|mark| mark != "¹")
            && (bare.ends_with('m') || (bare.ends_with(|c: char| c.is_ascii_digit()) && !ends_with_zero(bare)));
        let numbered = text.strip_suffix(']').and_then(|text| text.rsplit_once('['));
        let footnote = numbered.filter(|(before, mark)| match mark.strip_prefix('^') {
            Some(name) => !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_".contains(c)),
            None => {
                before.ends_with(|c: char| c.is_alphanumeric() || c == '%')
                    && (1..=2).contains(&mark.len())
                    && mark.bytes().all(|b| b.is_ascii_digit())
            }
        });
        left = match footnote {
            Some((before, _)) if !before.trim().is_empty() => before,
            _ if bare.len() < text.len()
                && !power
                && bare.ends_with(|c: char| c.is_alphanumeric() || "%)".contains(c)) =>
            {
                bare
            }
            _ => return left.trim_end().to_owned(),
        };
    }
}

/// A number that is nothing: no power of it is meant.
fn ends_with_zero(text: &str) -> bool {
    let number = text.trim_end_matches('0');
    number.len() < text.len() && !number.ends_with(|c: char| c.is_ascii_digit())
}

/// `raw` without what is struck out, `~~gzip~~`; the same where nothing is. Code keeps its signs.
pub fn without_struck(raw: &str) -> std::borrow::Cow<'_, str> {
    let mut out = String::new();
    let mut rest = raw;
    while let Some(open) = strike_at(rest) {
        let after = rest.get(open + 2..).unwrap_or("");
        let Some(close) = strike_at(after).filter(|close| *close > 0) else { break };
        out.push_str(rest.get(..open).unwrap_or(""));
        out.push(' ');
        rest = after.get(close + 2..).unwrap_or("");
    }
    if rest.len() == raw.len() {
        return raw.into();
    }
    out.push_str(rest);
    out.into()
}

/// Whether something is struck out, and nothing is left of it but a remark in brackets.
pub fn is_withdrawn(raw: &str) -> bool {
    let left = without_struck(raw);
    if left.len() == raw.len() && left == raw {
        return false;
    }
    let left = inline(&left);
    let left = strip_marks(&left).trim_matches(|c: char| !c.is_alphanumeric() && !"([)]".contains(c));
    left.is_empty() || (left.starts_with(['(', '[']) && left.ends_with([')', ']']))
}

/// Where two tildes stand outside of code.
fn strike_at(text: &str) -> Option<usize> {
    let mut is_code = false;
    let mut at = 0;
    for part in text.split('`') {
        if !is_code && let Some(found) = part.find("~~") {
            return Some(at + found);
        }
        is_code = !is_code;
        at += part.len() + 1;
    }
    None
}

fn run_length(chars: &[char], at: usize, c: char) -> usize {
    chars.iter().skip(at).take_while(|other| **other == c).count()
}

fn closing_run(chars: &[char], from: usize, run: usize) -> Option<usize> {
    let mut at = from;
    while at < chars.len() {
        if chars[at] == '`' {
            let length = run_length(chars, at, '`');
            if length == run {
                return Some(at);
            }
            at += length;
        } else {
            at += 1;
        }
    }
    None
}

/// Double runs are marks but between digits (`2**10`); single ones only at the edge of a word.
fn is_emphasis(c: char, run: usize, before: Option<char>, after: Option<char>) -> bool {
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
    let blank = |c: Option<char>| c.is_none_or(char::is_whitespace);
    match (c, run) {
        ('~', 1) => false,
        ('_', 2..) if word(before) && word(after) => false,
        (_, 2..) => !(before.is_some_and(|c| c.is_ascii_digit()) && after.is_some_and(|c| c.is_ascii_digit())),
        _ if blank(before) && blank(after) => false,
        _ => {
            let open = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "([{\"'|".contains(c));
            let close = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || ")]}\"'|,.;:!?".contains(c));
            (open(before) && !blank(after))
                || (close(after) && !blank(before) && c == '*' && before != Some('-') && before != Some('/'))
                || (close(after) && word(before) && c == '_')
        }
    }
}

/// `[label](target)` without brackets within. Scans end at the next bracket, so that brackets can't make it quadratic.
fn link(chars: &[char], at: usize) -> Option<(Vec<char>, usize)> {
    let until = |from: usize, close: char| {
        let length = chars.get(from..)?.iter().position(|c| matches!(c, '[' | ']' | '(' | ')'))?;
        (chars.get(from + length) == Some(&close)).then_some(from + length)
    };
    let close = until(at + 1, ']')?;
    if chars.get(close + 1) != Some(&'(') {
        return None;
    }
    let end = until(close + 2, ')')?;
    Some((chars.get(at + 1..close)?.to_vec(), end + 1))
}

fn entity(chars: &[char], at: usize) -> (&'static str, usize) {
    const ENTITIES: [(&str, &str); 10] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&le;", "≤"),
        ("&ge;", "≥"),
        ("&ne;", "≠"),
        ("&nbsp;", " "),
        ("&times;", "×"),
        ("&plusmn;", "±"),
        ("&micro;", "µ"),
        ("&amp;", "&"),
    ];
    ENTITIES.iter().find(|(name, _)| starts_with(chars, at, name)).map_or(("&", 1), |(name, text)| (*text, name.len()))
}

fn starts_with(chars: &[char], at: usize, ascii: &str) -> bool {
    let mut rest = chars.iter().skip(at);
    ascii.chars().all(|expected| rest.next() == Some(&expected))
}

/// For comparison: compatibility forms, lower case, emoji and punctuation as blanks, `&` as `and`, blanks collapsed.
/// Letters and marks of every script stay.
pub fn fold(text: &str) -> String {
    fold_plain(text).unwrap_or_else(|| fold_any(text))
}

/// What most labels are: ASCII without marks of Markdown. `None` for any other text.
fn fold_plain(text: &str) -> Option<String> {
    let is_plain =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b'.' | b',' | b':' | b'/' | b'(' | b')');
    if !text.as_bytes().iter().all(is_plain) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.make_ascii_lowercase();
    Some(out)
}

fn fold_any(text: &str) -> String {
    let plain = inline(&widths(text));
    let mut out = String::with_capacity(plain.len());
    if plain.is_ascii() {
        plain.chars().for_each(|c| push_folded(&mut out, c.to_ascii_lowercase()));
    } else {
        plain.nfkc().flat_map(char::to_lowercase).for_each(|c| push_folded(&mut out, c));
        // NFKC takes Thai and Lao AM apart, which is one letter to those who write it
        out = out.replace("\u{e4d}\u{e32}", "\u{e33}").replace("\u{ecd}\u{eb2}", "\u{eb3}");
    }
    out.truncate(out.trim_end().len());
    out
}

/// Adds `c`, a blank for what separates, and no second blank.
fn push_folded(out: &mut String, c: char) {
    let blank = |out: &mut String| {
        if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    };
    match c {
        '&' => {
            blank(out);
            out.push_str("and ");
        }
        c if c.is_ascii_alphanumeric() => out.push(c),
        c if is_separator(c) => blank(out),
        c => out.push(c),
    }
}

/// Whether words deny what follows them: `no gap`, `does not`, `never`.
pub fn denies(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        matches!(word.as_str(), "no" | "not" | "never" | "none" | "without" | "neither" | "nor" | "cannot" | "zero")
            || word.ends_with("n't")
            || word.ends_with("n’t")
    })
}

fn is_separator(c: char) -> bool {
    c.is_ascii_punctuation()
        || c.is_whitespace()
        || c.is_control()
        || is_emoji(c)
        || matches!(c, '\u{a1}'..='\u{a9}' | '\u{ab}'..='\u{b4}' | '\u{b6}'..='\u{b9}' | '\u{bb}'..='\u{bf}' | '×' | '÷'
            | '\u{2000}'..='\u{206f}' | '\u{2190}'..='\u{2bff}' | '\u{2e00}'..='\u{2e7f}' | '\u{3000}'..='\u{303f}' | '\u{feff}')
}

/// The folded name of a heading or key: numbering before it is taken off too.
pub fn heading(text: &str) -> String {
    let folded = fold(strip_marks(text));
    let mut words = folded.split(' ').peekable();
    while words.peek().is_some_and(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())) {
        words.next();
    }
    let rest: Vec<&str> = words.collect();
    if rest.is_empty() { folded } else { rest.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn plain_text_is_folded_as_any_text_is(text in "[ -~]{0,12}|[a-zA-Z0-9 .,:/()-]{0,24}") {
            if let Some(folded) = fold_plain(&text) {
                proptest::prop_assert_eq!(folded, fold_any(&text));
            }
        }
    }

    #[test]
    fn inline_marks_go_and_the_words_stay() {
        for (raw, expect) in [
            ("**File size**", "File size"),
            ("`a | b`", "a | b"),
            (r"a \| b", "a | b"),
            ("`` a ` b ``", "a ` b"),
            ("[label](http://x/y)", "label"),
            ("[[db/02luka|Database]] of [[Redis]]", "Database of Redis"),
            ("[[ -f x ]] and [[x] [[", "[[ -f x ]] and [[x] [["),
            ("snake_case_name and _word_", "snake_case_name and word"),
            ("2 * 3 ** 4", "2 * 3 4"),
            ("*word* WO-*-X", "word WO-*-X"),
            ("&lt; 2 s &amp; more", "< 2 s & more"),
            ("~ 5 min", "~ 5 min"),
            ("a<br>b<br/>c", "a b c"),
            ("run `unclosed", "run unclosed"),
        ] {
            assert_eq!(inline(raw), expect, "{raw}");
        }
    }

    #[test]
    fn references_to_footnotes_are_told_from_powers() {
        for (raw, left) in [
            ("≤ 5 MB[^2]", "≤ 5 MB"),
            ("> 0 [^a-1][^b]", "> 0"),
            ("< 2 s[1]", "< 2 s"),
            ("0¹", "0"),
            ("0²", "0"),
            ("Snappy³", "Snappy"),
            ("100%²", "100%"),
            ("≤ 10³", "≤ 10³"),
            ("≥ 10¹²", "≥ 10¹²"),
            ("5 m²", "5 m²"),
            ("jobs[10", "jobs[10"),
            ("[1]", "[1]"),
            ("[ ] x", "[ ] x"),
            ("rows [1-9]", "rows [1-9]"),
        ] {
            assert_eq!(without_references(raw), left, "{raw}");
        }
    }

    #[test]
    fn what_is_struck_out_is_gone() {
        for (raw, left, withdrawn) in [
            ("~~≤ 5 MB~~ ≤ 10 kB", "≤ 10 kB", false),
            ("**a**: ~~x~~ y ~~z~~", "a: y", false),
            ("[x] ~~**Compression:** gzip~~ (GG: no)", "[x] (GG: no)", true),
            ("~~`a/b.zsh`~~", "", true),
            ("~~`a ~~ b`~~ c", "c", false),
            ("~~ not closed", "not closed", false),
            ("a ~~~~ b", "a b", false),
            ("~ 5 min", "~ 5 min", false),
            ("(a remark)", "(a remark)", false),
        ] {
            assert_eq!((inline(&without_struck(raw)).as_str(), is_withdrawn(raw)), (left, withdrawn), "{raw}");
        }
    }

    #[test]
    fn folding_keeps_letters_of_every_script() {
        for (raw, expect) in [
            ("✅ File Size", "file size"),
            ("Ｆｉｌｅ　Ｓｉｚｅ", "file size"),
            ("LaunchAgent – loads & runs", "launchagent loads and runs"),
            ("ขนาดไฟล์ (รายวัน)", "ขนาดไฟล์ รายวัน"),
            ("เที่ยบท่า", "เที่ยบท่า"),
            ("ความสำคัญ", "ความสำคัญ"),
            ("file_size", "file size"),
            ("⚠️  Warnings", "warnings"),
        ] {
            assert_eq!(fold(raw), expect, "{raw}");
        }
    }

    #[test]
    fn headings_lose_emoji_and_numbers() {
        for (raw, expect) in [
            ("🧠 WORK ORDER: X", "work order x"),
            ("✅ Verification Script Specification", "verification script specification"),
            ("1. Objective", "objective"),
            ("2) **Scope**", "scope"),
            ("1️⃣ Objective", "objective"),
            ("2025", "2025"),
        ] {
            assert_eq!(heading(raw), expect, "{raw}");
        }
    }

    #[test]
    fn dashes_that_markdown_does_not_know_lead_lines_of_lists() {
        for line in ["– x", "— x", "−x", "‐ x", "－x", "-x", "-`x`", " – **x**"] {
            let rest = after_dash(line).unwrap_or_default();
            assert!(rest.contains('x') && !rest.starts_with(['-', '–', ' ']), "{line}");
        }
        for line in ["-5 °C", "--dry", "-> x", "–", "- ", "x – y", ""] {
            assert_eq!(after_dash(line), None, "{line}");
        }
    }

    #[test]
    fn marks_of_list_lines_are_stripped() {
        assert_eq!(strip_marks("- [ ] x"), "- [ ] x");
        assert_eq!(strip_marks("[x] ✅ done"), "done");
        assert_eq!(strip_marks("• ☐ done"), "done");
        assert_eq!(widths("≤ ５ ＭＢ／๓ μs"), "≤ 5 MB/3 µs");
    }
}
