//! The text of an order with its lines, and the diagnostics that speak of places in it.
//!
//! Invariant: all offsets are bytes of the source as it came (a BOM counts), and diagnostics are bounded: past the limit
//! errors are counted, never lost silently.

use super::diagnostic::{Diagnostic, Severity};
use super::model::Span;
use crate::text;

/// More than a person reads; a file of nothing but faults must not blow up its report.
const MAX_DIAGNOSTICS: usize = 400;
/// Errors are shown beyond that.
const MAX_LATE_ERRORS: usize = 50;

pub(crate) struct Source<'a> {
    pub text: &'a str,
    /// Offsets at which lines start.
    starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub fn new(text: &'a str) -> Self {
        let starts =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1));
        Source { text, starts: starts.collect() }
    }

    /// The text of a span; empty when it is none.
    pub fn slice(&self, span: &Span) -> &'a str {
        self.text.get(span.clone()).unwrap_or("")
    }

    /// Line from 1.
    pub fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }

    /// The offset at which a line (from 1) starts; the end of the text past the last one.
    pub fn line_start(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len())
    }

    /// Column from 1, in characters. Counting stops at 10,000 bytes, so that one endless line stays cheap.
    fn column(&self, at: usize) -> usize {
        let start = self.line_start(self.line(at));
        let reach = at.saturating_sub(start).min(10_000);
        self.text.get(start..).unwrap_or("").char_indices().take_while(|(offset, _)| *offset < reach).count() + 1
    }

    fn excerpt(&self, at: usize) -> String {
        let rest = self.text.get(self.line_start(self.line(at))..).unwrap_or("");
        let bounded: String = rest.chars().take(400).take_while(|c| *c != '\n').collect();
        text::line(&bounded, 160)
    }
}

/// The diagnostics of one order as they are found.
pub(crate) struct Diagnostics {
    found: Vec<Diagnostic>,
    dropped: usize,
    dropped_errors: usize,
}

/// One diagnostic before it has its place; see [`Diagnostics::add`].
pub(crate) struct Remark {
    pub severity: Severity,
    pub code: String,
    pub message: String,
    pub understood: Option<String>,
    pub cure: Option<String>,
}

impl Remark {
    pub fn new(severity: Severity, code: &str, message: impl Into<String>) -> Self {
        Remark { severity, code: code.to_owned(), message: message.into(), understood: None, cure: None }
    }

    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Remark::new(Severity::Error, code, message)
    }

    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Remark::new(Severity::Warning, code, message)
    }

    pub fn note(code: &str, message: impl Into<String>) -> Self {
        Remark::new(Severity::Note, code, message)
    }

    pub fn understood(mut self, understood: impl Into<String>) -> Self {
        self.understood = Some(understood.into());
        self
    }

    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = Some(cure.into());
        self
    }
}

impl Diagnostics {
    pub fn new() -> Self {
        Diagnostics { found: Vec::new(), dropped: 0, dropped_errors: 0 }
    }

    pub fn add(&mut self, source: &Source<'_>, span: &Span, remark: Remark) {
        let is_error = remark.severity == Severity::Error;
        let limit = if is_error { MAX_DIAGNOSTICS + MAX_LATE_ERRORS } else { MAX_DIAGNOSTICS };
        if self.found.len() >= limit {
            self.dropped += 1;
            self.dropped_errors += usize::from(is_error);
            return;
        }
        let end = source.text.len();
        let span = span.start.min(end)..span.end.clamp(span.start.min(end), end);
        self.found.push(Diagnostic {
            severity: remark.severity,
            code: remark.code,
            message: text::line(&remark.message, 600),
            understood: remark.understood.map(|understood| text::line(&understood, 300)),
            cure: remark.cure.map(|cure| text::line(&cure, 300)),
            line: source.line(span.start),
            column: source.column(span.start),
            excerpt: source.excerpt(span.start),
            span,
        });
    }

    pub fn count(&self) -> usize {
        self.found.len() + self.dropped
    }

    /// In the order of the source.
    pub fn finish(mut self, source: &Source<'_>) -> Vec<Diagnostic> {
        self.found.sort_by_key(|diagnostic| diagnostic.span.start);
        if self.dropped > 0 {
            let severity = if self.dropped_errors > 0 { Severity::Error } else { Severity::Warning };
            let more = self.dropped;
            let mut last = Diagnostics::new();
            let remark = Remark::new(severity, "too-many", format!("{more} more findings are not shown"))
                .cure("cure those shown first");
            last.add(source, &(0..0), remark);
            self.found.append(&mut last.found);
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters_from_one() {
        let source = Source::new("\u{feff}aé\nขx\r\n\nlast");
        let at = |needle: &str| source.text.find(needle).unwrap();
        for (needle, line, column) in [("a", 1, 2), ("é", 1, 3), ("x", 2, 2), ("last", 4, 1)] {
            assert_eq!((source.line(at(needle)), source.column(at(needle))), (line, column), "{needle}");
        }
        assert_eq!(source.excerpt(at("x")), "ขx");
        assert_eq!((source.line(9999), source.column(9999)), (4, 5));
    }

    #[test]
    fn findings_are_bounded_and_errors_are_not_lost() {
        let source = Source::new("x");
        let mut diagnostics = Diagnostics::new();
        for _ in 0..MAX_DIAGNOSTICS {
            diagnostics.add(&source, &(0..1), Remark::note("n", "note"));
        }
        for _ in 0..MAX_LATE_ERRORS + 1 {
            diagnostics.add(&source, &(0..1), Remark::error("e", "error"));
        }
        let found = diagnostics.finish(&source);
        assert_eq!(found.len(), MAX_DIAGNOSTICS + MAX_LATE_ERRORS + 1);
        assert_eq!(found.last().map(|last| (last.code.as_str(), last.severity)), Some(("too-many", Severity::Error)));
    }
}
