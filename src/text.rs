//! Text from outside made safe to show: control, ANSI and bidirectional characters escaped, lengths bounded.

use std::borrow::Cow;

/// Escapes what could rewrite a terminal or reorder a line: C0/C1 controls (but for tab and newline), ESC, bidi
/// overrides and isolates, zero-width characters used to hide text.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            out.push_str(&format!("\\u{{{:x}}}", c as u32));
        } else {
            out.push(c);
        }
    }
    out
}

/// [`escape`] on one line of at most `max` characters; newlines become spaces, a cut is shown as `…`.
pub fn line(text: &str, max: usize) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let escaped = escape(&joined);
    if escaped.chars().count() <= max {
        return escaped;
    }
    escaped.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// A value for a Markdown table cell: one line, pipes escaped.
pub fn cell(text: &str) -> String {
    line(text, 400).replace('|', "\\|")
}

/// Without ANSI escape sequences: CSI, OSC and its kin, and those of a few characters, such as `ESC ( B`.
pub fn without_ansi(text: &str) -> Cow<'_, str> {
    // the second byte is the end of `\u{9b}`, and of other characters
    if memchr::memchr2(0x1b, 0x9b, text.as_bytes()).is_none() || !text.contains(['\u{1b}', '\u{9b}']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{9b}' => skip_csi(&mut chars),
            '\u{1b}' => match chars.next_if(|c| matches!(c, ' '..='~')) {
                Some('[') => skip_csi(&mut chars),
                Some(']' | 'P' | '_' | '^') => skip_string(&mut chars),
                // intermediates, then one final character
                Some(' '..='/') => {
                    while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
                    chars.next_if(|c| matches!(c, '0'..='~'));
                }
                _ => {}
            },
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Parameters and intermediates, then one final character; a character that can't belong ends it.
fn skip_csi(chars: &mut Chars) {
    while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    chars.next_if(|c| matches!(c, '@'..='~'));
}

/// Up to BEL or ESC `\`, but never over a line's end: an unfinished one must not swallow the report.
fn skip_string(chars: &mut Chars) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        if c == '\u{7}' {
            return;
        }
        if c == '\u{1b}' {
            chars.next_if_eq(&'\\');
            return;
        }
    }
}

fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{feff}')
}

/// Bytes as people write them, decimal units: `4.2 kB`, `5 MB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)];
    let (unit, size) = UNITS.iter().find(|(_, size)| n as f64 >= *size).unwrap_or(&UNITS[3]);
    let scaled = n as f64 / size;
    if scaled.fract() == 0.0 || *size == 1.0 { format!("{scaled:.0} {unit}") } else { format!("{scaled:.1} {unit}") }
}

/// A duration in nanoseconds as people write it: `380 µs`, `43 ms`, `1.24 s`, `3 min 20 s`, `11 h 5 min`.
pub fn duration_ns(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        1_000_000_000..60_000_000_000 => {
            let text = format!("{:.2}", ns as f64 / 1e9);
            format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => {
            let s = ns / 1_000_000_000;
            let (d, h, m, s) = (s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60);
            [(d, "d"), (h, "h"), (m, "min"), (s, "s")]
                .iter()
                .filter(|(n, _)| *n > 0)
                .take(2)
                .map(|(n, unit)| format!("{n} {unit}"))
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ansi_sequences_go_and_nothing_else() {
        for (text, expected) in [
            ("\u{1b}[1;32mall \u{1b}]8;;http://x\u{7}good\u{1b}[0m", "all good"),
            ("\u{1b}[31m❌ not found\u{1b}(B\u{1b}[m", "❌ not found"),
            ("a\u{1b}#8b\u{1b}=c\u{1b} Fd", "abcd"),
            ("\u{9b}31mred", "red"),
            ("a\u{1b}", "a"),
            ("a\u{1b}(", "a"),
            ("a\u{1b}]unfinished\nb", "a\nb"),
            ("\u{1b}[31ไม่", "ไม่"),
            ("ไม่ ⛔ plain", "ไม่ ⛔ plain"),
        ] {
            assert_eq!(without_ansi(text), expected, "{text:?}");
        }
    }
}
