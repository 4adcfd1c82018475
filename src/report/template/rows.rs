//! Table rows as bytes: where each cell begins and ends.
//!
//! Source: GitHub Flavored Markdown §4.10. A pipe splits unless a backslash escapes it. Authors also write bare pipes in code
//! spans; where reading them as text gives just as many cells as the header has, that is what was meant.

use std::ops::Range;

use crate::order::table::bounds;

#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Between the borders.
    pub outer: Range<usize>,
    /// Without the blanks around it; empty at the start of `outer` for a blank cell.
    pub inner: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub cells: Vec<Cell>,
    /// Behind the last byte that isn't blank.
    pub end: usize,
    /// Whether it ends with a border.
    pub closed: bool,
}

/// The row that lies in `line` of `source`, in a table of `columns` columns.
pub fn split(source: &str, line: Range<usize>, columns: usize) -> Row {
    let text = source.get(line.clone()).unwrap_or("");
    let row = row(text, line.start, &bounds(text, false));
    if row.cells.len() > columns && text.contains('`') {
        let meant = self::row(text, line.start, &bounds(text, true));
        if meant.cells.len() >= columns && meant.cells.len() < row.cells.len() {
            return meant;
        }
    }
    row
}

/// The number of cells, where `line` is a delimiter row.
pub fn delimiter(line: &str) -> Option<usize> {
    let line = line.trim();
    if !line.contains('|') {
        return None;
    }
    let line = line.strip_prefix('|').unwrap_or(line);
    let line = line.strip_suffix('|').unwrap_or(line);
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let is_delimiter = |cell: &&str| {
        let dashes = cell.strip_prefix(':').unwrap_or(cell);
        let dashes = dashes.strip_suffix(':').unwrap_or(dashes);
        !dashes.is_empty() && dashes.bytes().all(|b| b == b'-')
    };
    cells.iter().all(is_delimiter).then_some(cells.len())
}

fn row(text: &str, offset: usize, bounds: &[Range<usize>]) -> Row {
    let end = text.trim_end().len();
    // `|` alone is an empty row
    let closed = bounds.last().map_or(end > 0, |last| last.end < end);
    let cells = bounds.iter().map(|outer| cell(text, offset, outer.clone())).collect();
    Row { cells, end: offset + end, closed }
}

fn cell(text: &str, offset: usize, outer: Range<usize>) -> Cell {
    let whole = text.get(outer.clone()).unwrap_or("");
    let trimmed = whole.trim();
    let lead = if trimmed.is_empty() { 0 } else { whole.len() - whole.trim_start().len() };
    let start = offset + outer.start + lead;
    Cell { outer: offset + outer.start..offset + outer.end, inner: start..start + trimmed.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str, columns: usize) -> Vec<&str> {
        split(line, 0..line.len(), columns).cells.into_iter().map(|cell| &line[cell.inner]).collect()
    }

    #[test]
    fn cells_are_found_exactly() {
        for (line, columns, expect) in [
            ("| a | b |", 2, vec!["a", "b"]),
            ("a | b", 2, vec!["a", "b"]),
            ("| a | b", 2, vec!["a", "b"]),
            ("| a \\| b | c |\r\n", 2, vec!["a \\| b", "c"]),
            ("| `a|b` | c |", 2, vec!["`a|b`", "c"]),
            ("| `a|b` | c |", 3, vec!["`a", "b`", "c"]),
            ("| ``a`|b`` | c |", 2, vec!["``a`|b``", "c"]),
            ("| `a | b |", 2, vec!["`a", "b"]),
            ("||", 2, vec![""]),
            ("|", 2, vec![]),
            ("", 2, vec![]),
            ("| | x |", 2, vec!["", "x"]),
            ("|a|b|c|", 2, vec!["a", "b", "c"]),
            ("| ✅ | ไทย |  ", 2, vec!["✅", "ไทย"]),
            ("| a \\\\| b |", 2, vec!["a \\\\", "b"]),
        ] {
            assert_eq!(cells(line, columns), expect, "{line:?}");
        }
    }

    #[test]
    fn rows_know_whether_they_end_with_a_border() {
        for (line, closed, end) in
            [("| a | b |  \n", true, 9), ("| a | b\n", false, 7), ("| a \\|\n", false, 6), ("|", true, 1)]
        {
            let row = split(line, 0..line.len(), 2);
            assert_eq!((row.closed, row.end), (closed, end), "{line:?}");
        }
    }

    #[test]
    fn delimiter_rows() {
        for (line, expect) in [
            ("|---|---|", Some(2)),
            (":-: | -- |-", Some(3)),
            ("---", None),
            ("| a |", None),
            ("||", None),
            ("|:|", None),
        ] {
            assert_eq!(delimiter(line), expect, "{line}");
        }
    }
}
