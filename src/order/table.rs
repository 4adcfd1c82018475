//! Pipe tables, cell by cell, with spans. A pipe within a code span does not part cells where that keeps the columns.

use super::fold;
use super::model::Span;

#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub header: Vec<Cell>,
    pub rows: Vec<Row>,
    pub span: Span,
    /// Whether the line of dashes was there.
    pub has_rule: bool,
    /// Its rows stand apart from the table whose header this is.
    pub goes_on: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub cells: Vec<Cell>,
    pub span: Span,
    /// More cells than the header has.
    pub overflows: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// Inline Markdown and what is struck out taken off.
    pub text: String,
    /// As written, `\|` resolved.
    pub raw: String,
    pub span: Span,
}

/// `|---|:--:|`.
pub(crate) fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.contains('-')
        && line.contains(['|', ':'])
        && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
        && line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).all(|cell| cell.contains('-'))
}

/// Whether a line parts cells.
pub(crate) fn has_pipe(line: &str) -> bool {
    !pipes(line, false).is_empty()
}

/// Reads the lines of a table; the first is the header. `lines` are spans of `text`.
pub(crate) fn read(text: &str, lines: &[Span]) -> Option<Table> {
    let (first, rest) = lines.split_first()?;
    let slice = |span: &Span| text.get(span.clone()).unwrap_or("");
    let has_rule = rest.first().is_some_and(|line| is_rule(slice(line)));
    let rule_columns = rest.first().filter(|_| has_rule).map(|line| cells(slice(line), line.start, false).len());
    let header = best(slice(first), first.start, rule_columns);
    let rows = rest
        .iter()
        .skip(usize::from(has_rule))
        .filter(|line| !slice(line).trim().is_empty() && !is_rule(slice(line)))
        .map(|line| row(slice(line), line, header.len()))
        .collect();
    Some(Table { header, rows, span: first.start..lines.last()?.end, has_rule, goes_on: false })
}

/// Rows that go on with a table of so many columns.
pub(crate) fn rows(text: &str, lines: &[Span], columns: usize) -> Table {
    let rows: Vec<Row> = lines.iter().map(|line| row(text.get(line.clone()).unwrap_or(""), line, columns)).collect();
    let span = lines.first().map_or(0, |line| line.start)..lines.last().map_or(0, |line| line.end);
    Table { header: Vec::new(), rows, span, has_rule: true, goes_on: true }
}

fn row(line: &str, span: &Span, columns: usize) -> Row {
    let cells = best(line, span.start, Some(columns));
    let overflows = cells.len() > columns;
    Row { cells, span: span.clone(), overflows }
}

/// The cells of a line: pipes in code kept together when that gives the wanted number of columns or the plain reading
/// does not.
fn best(line: &str, base: usize, columns: Option<usize>) -> Vec<Cell> {
    let plain = cells(line, base, false);
    if !line.contains('`') || columns == Some(plain.len()) {
        return plain;
    }
    let code_aware = cells(line, base, true);
    if columns.is_some_and(|columns| code_aware.len() > columns && plain.len() < code_aware.len()) {
        plain
    } else {
        code_aware
    }
}

fn cells(line: &str, base: usize, code_aware: bool) -> Vec<Cell> {
    bounds(line, code_aware).into_iter().map(|bounds| cell(line, bounds, base)).collect()
}

/// The bytes of each cell of a line, between its borders: what stands behind the last border is a cell only where there is
/// something.
pub(crate) fn bounds(line: &str, code_aware: bool) -> Vec<Span> {
    let trimmed = line.trim();
    let lead = line.len() - line.trim_start().len();
    let mut borders = pipes(trimmed, code_aware);
    borders.push(trimmed.len());
    let mut bounds = Vec::new();
    let mut start = 0;
    for (n, end) in borders.iter().enumerate() {
        let is_edge = (n == 0 && *end == 0) || (n + 1 == borders.len() && n > 0 && start == *end);
        if !is_edge {
            bounds.push(lead + start..lead + end);
        }
        start = end + 1;
    }
    bounds
}

fn cell(line: &str, bounds: Span, base: usize) -> Cell {
    let start = base + bounds.start;
    let inner = line.get(bounds).unwrap_or("");
    let lead = inner.len() - inner.trim_start().len();
    let raw = inner.trim();
    let span = start + lead..start + lead + raw.len();
    let raw = raw.replace("\\|", "|");
    Cell { text: fold::inline(&fold::without_struck(&raw)), raw, span }
}

/// Offsets of the pipes that part cells: those behind no backslash and, where wanted, in no code span.
fn pipes(line: &str, code_aware: bool) -> Vec<usize> {
    let bytes = line.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    let mut unclosed = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'|' => found.push(at),
            b'`' if code_aware => {
                let run = bytes.iter().skip(at).take_while(|b| **b == b'`').count();
                // bounded: a line of nothing but odd backticks must not be quadratic
                match (unclosed < 16).then(|| closing(bytes, at + run, run)).flatten() {
                    Some(end) => at = end + run - 1,
                    None => {
                        unclosed += 1;
                        at += run - 1;
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn closing(bytes: &[u8], from: usize, run: usize) -> Option<usize> {
    let mut at = from;
    while at < bytes.len() {
        let length = bytes.iter().skip(at).take_while(|b| **b == b'`').count();
        if length == run {
            return Some(at);
        }
        at += length.max(1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str, columns: usize) -> Vec<String> {
        best(line, 0, Some(columns)).into_iter().map(|cell| cell.text).collect()
    }

    #[test]
    fn rows_are_parted_as_their_author_meant() {
        for (line, columns, expect) in [
            ("| a | b |", 2, vec!["a", "b"]),
            ("a | b", 2, vec!["a", "b"]),
            ("| a | |", 2, vec!["a", ""]),
            ("| `x | y` | b |", 2, vec!["x | y", "b"]),
            (r"| `x \| y` | b |", 2, vec!["x | y", "b"]),
            (r"| x \| y | b |", 2, vec!["x | y", "b"]),
            ("| `x | b |", 2, vec!["x", "b"]),
            ("| a | b | c |", 2, vec!["a", "b", "c"]),
            ("| a |", 2, vec!["a"]),
        ] {
            assert_eq!(texts(line, columns), expect, "{line}");
        }
    }

    #[test]
    fn spans_are_those_of_the_cells() {
        let text = "x\n | Métric | `a | b` |\n|---|---|\n";
        let table = read(text, &[2..text.find("\n|-").unwrap(), text.find("|-").unwrap()..text.len() - 1]).unwrap();
        let spans: Vec<&str> = table.header.iter().map(|cell| &text[cell.span.clone()]).collect();
        assert_eq!(spans, ["Métric", "`a | b`"]);
        assert!(table.has_rule);
    }

    #[test]
    fn rules_are_told_from_rows() {
        for (line, expect) in [
            ("|---|---|", true),
            ("--- | :-:", true),
            ("|:--|", true),
            ("---", false),
            ("| a | - |", false),
            ("|  | --- |", true),
            ("||", false),
        ] {
            assert_eq!(is_rule(line), expect, "{line}");
        }
    }
}
