//! Rows that stand apart from their table, behind a blank line, a comment, a line of text or a separator: they have no header
//! of their own, so what is taken for one is a row of the table above.

use super::builder::shift_table;
use super::{Block, Span};
use crate::order::table::{self, Cell, Table};
use crate::order::{criteria_columns, group};

/// `text` starts at `base` of the source.
pub(super) fn rejoin(blocks: &mut Vec<Block>, text: &str, base: usize) {
    let mut above: Option<Vec<Cell>> = None;
    let mut out = Vec::with_capacity(blocks.len());
    for mut block in std::mem::take(blocks) {
        match &mut block {
            Block::Heading { .. } => above = None,
            Block::List(list) => list.items.iter_mut().for_each(|item| rejoin(&mut item.blocks, text, base)),
            Block::Quote { blocks, .. } => rejoin(blocks, text, base),
            Block::Table(table) => match above.as_ref().and_then(|header| going_on(header, table, text, base)) {
                Some(rows) => *table = rows,
                None => above = Some(table.header.clone()),
            },
            Block::Paragraph { lines } => {
                paragraph(std::mem::take(lines), &mut above, text, base, &mut out);
                continue;
            }
            Block::Code(_) | Block::Rule(_) | Block::Other(_) => {}
        }
        out.push(block);
    }
    *blocks = out;
}

/// A table without a line of dashes whose first line does not name columns either.
fn going_on(header: &[Cell], table: &Table, text: &str, base: usize) -> Option<Table> {
    let is_row = !table.has_rule && table.header.len() == header.len() && !criteria_columns::names_columns(table);
    let start = table.span.start.checked_sub(base).filter(|_| is_row)?;
    let length = text.get(start..)?.lines().next()?.trim_end().len();
    let lines: Vec<Span> = std::iter::once(start..start + length)
        .chain(table.rows.iter().map(|row| row.span.start - base..row.span.end - base))
        .collect();
    Some(rows(header, text, &lines, base))
}

/// A row may stand by itself between lines of text.
fn paragraph(lines: Vec<Span>, above: &mut Option<Vec<Cell>>, text: &str, base: usize, out: &mut Vec<Block>) {
    let mut kept: Vec<Span> = Vec::new();
    for line in lines {
        let own = line.start - base..line.end - base;
        let words = text.get(own.clone()).unwrap_or("");
        if above.is_some() && group::names_section(words) {
            *above = None;
        }
        let row = above.as_ref().filter(|_| words.starts_with('|') && words.len() > 1);
        let row = row.map(|header| (header.len(), rows(header, text, std::slice::from_ref(&own), base)));
        match row.filter(|(columns, table)| table.rows.first().is_some_and(|row| row.cells.len() == *columns)) {
            Some((_, table)) => {
                if !kept.is_empty() {
                    out.push(Block::Paragraph { lines: std::mem::take(&mut kept) });
                }
                out.push(Block::Table(table));
            }
            None => kept.push(line),
        }
    }
    if !kept.is_empty() {
        out.push(Block::Paragraph { lines: kept });
    }
}

fn rows(header: &[Cell], text: &str, lines: &[Span], base: usize) -> Table {
    let mut table = table::rows(text, lines, header.len());
    shift_table(&mut table, base);
    Table { header: header.to_vec(), ..table }
}
