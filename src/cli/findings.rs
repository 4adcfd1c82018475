//! Diagnostics of orders as a person reads them: the line, what is marked in it, what was understood, how to cure it.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::order::{Diagnostic, Severity};
use crate::text;

/// Bytes shown of one line before and after the place; lines of megabytes occur.
const BEFORE: usize = 240;
const AFTER: usize = 240;

/// Renders each finding; `source` is the order's text and `name` the file as it was given.
pub fn render(findings: &[Diagnostic], source: &str, name: &str, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(if colour { DecorStyle::Unicode } else { DecorStyle::Ascii });
    let name = text::line(name, 200);
    let mut out = String::new();
    for finding in findings {
        out.push_str(&one(&renderer, finding, source, &name));
        out.push_str("\n\n");
    }
    out
}

fn one(renderer: &Renderer, finding: &Diagnostic, source: &str, name: &str) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let shown = Shown::of(finding, source);
    let message =
        if shown.is_cut { format!("{} (column {})", finding.message, finding.column) } else { finding.message.clone() };
    let snippet = Snippet::source(shown.line.as_str())
        .line_start(finding.line)
        .path(name)
        .annotation(AnnotationKind::Primary.span(shown.marked.clone()));
    let mut group = level.primary_title(message.as_str()).id(finding.code.as_str()).element(snippet);
    if let Some(understood) = &finding.understood {
        group = group.element(Level::NOTE.with_name("understood").message(understood.as_str()));
    }
    if let Some(cure) = &finding.cure {
        group = group.element(Level::HELP.with_name("cure").message(cure.as_str()));
    }
    renderer.render(&[group])
}

/// The line of a finding, escaped and bounded, with the place marked in it.
struct Shown {
    line: String,
    marked: std::ops::Range<usize>,
    is_cut: bool,
}

impl Shown {
    fn of(finding: &Diagnostic, source: &str) -> Shown {
        let start = floor(source, finding.span.start);
        let line_start = source.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let from = floor(source, line_start.max(start.saturating_sub(BEFORE)));
        let rest = source.get(start..).unwrap_or("");
        let line_end = start + rest.find(['\n', '\r']).unwrap_or(rest.len());
        let marked_end = floor(source, finding.span.end.clamp(start, line_end).min(start + AFTER));
        let to = floor(source, line_end.min(marked_end + AFTER));
        let piece = |range: std::ops::Range<usize>| {
            text::escape(source.get(range).unwrap_or("").trim_start_matches('\u{feff}'))
        };
        let before = piece(from..start);
        let inner = piece(start..marked_end);
        let marked = before.len()..before.len() + inner.len();
        Shown { line: format!("{before}{inner}{}", piece(marked_end..to)), marked, is_cut: from > line_start }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order;

    #[test]
    fn a_finding_shows_its_line_and_nothing_that_moves_a_terminal() {
        let source = "# WO-1\n\n**Expires:** so\u{1b}[31mon\u{202e}\n";
        let order = order::parse(source.as_bytes(), "WO-1.md").unwrap();
        let shown = render(&order.diagnostics, source, "a\u{1b}b.md", false);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{202e}'), "{shown}");
        assert!(shown.contains("error[unreadable-expires]") && shown.contains("**Expires:** so"), "{shown}");
        assert!(shown.contains(":3:1") && shown.contains("cure: "), "{shown}");
    }

    #[test]
    fn an_endless_line_stays_short() {
        let source = format!("**ID:** WO-1 {}\n**ID:** WO-2 {}\n", "x".repeat(100_000), "y".repeat(100_000));
        let order = order::parse(source.as_bytes(), "WO-1.md").unwrap();
        assert!(!order.diagnostics.is_empty());
        assert!(render(&order.diagnostics, &source, "WO-1.md", true).len() < 20_000);
    }
}
