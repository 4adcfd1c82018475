//! The blocks of one segment: pulldown-cmark finds them, the builder puts them together and settles within them what authors
//! write beside the letter of CommonMark.
//!
//! Invariant: what is open at once is bounded; the spans of the blocks are those of the source.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::lines::{is_separator, is_tags_only, lax_heading};
use super::segments::too_deep;
use super::{Block, Code, List, ListItem};
use crate::order::model::Span;
use crate::order::refusal::{MAX_MARKDOWN_DEPTH, ParseRefusal};
use crate::order::table::{self, Table};
use crate::order::{keyline, names};

pub(super) fn read_segment(text: &str, base: usize, first_line: usize) -> Result<Vec<Block>, ParseRefusal> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS | Options::ENABLE_STRIKETHROUGH;
    let mut builder = Builder { text, base, first_line, open: Vec::new(), top: Vec::new() };
    let mut events = Parser::new_ext(text, options).into_offset_iter();
    while let Some((event, span)) = events.next() {
        match event {
            Event::Start(Tag::List(_)) => builder.open(Open::List { items: Vec::new(), span })?,
            Event::Start(Tag::Item) => builder.open(Open::Item { text: None, blocks: Vec::new(), span })?,
            Event::Start(Tag::BlockQuote(_)) => builder.open(Open::Quote { blocks: Vec::new(), span })?,
            Event::End(TagEnd::List(_) | TagEnd::Item | TagEnd::BlockQuote(_)) => builder.close(),
            Event::Start(Tag::CodeBlock(kind)) => {
                let text = collect_code(&mut events);
                let is_indented = matches!(kind, CodeBlockKind::Indented);
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or("").to_owned(),
                    CodeBlockKind::Indented => String::new(),
                };
                builder.add(Block::Code(Code { language, text, is_indented, span: builder.shift(span) }));
            }
            Event::Start(Tag::Heading { level, .. }) => {
                skip(&mut events);
                builder.heading(level as u8, span);
            }
            Event::Start(Tag::Paragraph) => {
                skip(&mut events);
                builder.paragraph(span);
            }
            Event::Start(Tag::Table(_)) => {
                skip(&mut events);
                let lines = builder.lines(span);
                builder.prose(&lines);
            }
            Event::Start(Tag::HtmlBlock | Tag::FootnoteDefinition(_) | Tag::MetadataBlock(_)) => {
                skip(&mut events);
                builder.html(span);
            }
            Event::Rule => builder.add(Block::Rule(builder.shift(span))),
            // inline content right in a tight item
            _ => builder.inline(span),
        }
    }
    while !builder.open.is_empty() {
        builder.close();
    }
    Ok(builder.top)
}

/// Consumes up to the end of the element whose start was just read.
fn skip<'a>(events: &mut impl Iterator<Item = (Event<'a>, Span)>) {
    let mut depth = 1;
    for (event, _) in events {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

fn collect_code<'a>(events: &mut impl Iterator<Item = (Event<'a>, Span)>) -> String {
    let mut text = String::new();
    for (event, _) in events {
        match event {
            Event::Text(part) => text.push_str(&part),
            Event::End(TagEnd::CodeBlock) => break,
            _ => {}
        }
    }
    text
}

enum Open {
    List { items: Vec<ListItem>, span: Span },
    Item { text: Option<Span>, blocks: Vec<Block>, span: Span },
    Quote { blocks: Vec<Block>, span: Span },
}

struct Builder<'a> {
    text: &'a str,
    base: usize,
    first_line: usize,
    open: Vec<Open>,
    top: Vec<Block>,
}

impl Builder<'_> {
    fn shift(&self, span: Span) -> Span {
        span.start + self.base..span.end + self.base
    }

    fn slice(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or("")
    }

    fn open(&mut self, open: Open) -> Result<(), ParseRefusal> {
        if self.open.len() >= MAX_MARKDOWN_DEPTH {
            let (Open::List { span, .. } | Open::Item { span, .. } | Open::Quote { span, .. }) = &open;
            let before = self.text.get(..span.start).unwrap_or("");
            return Err(too_deep(self.first_line + before.matches('\n').count()));
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::Item { text, blocks, span }) => {
                let lines = text.map(|text| self.lines(text)).unwrap_or_default();
                let item = ListItem { lines: self.shift_all(lines), blocks, span: self.shift(span) };
                if let Some(Open::List { items, .. }) = self.open.last_mut() {
                    items.push(item);
                }
            }
            Some(Open::List { items, span }) => self.add(Block::List(List { items, span: self.shift(span) })),
            Some(Open::Quote { blocks, span }) => self.add(Block::Quote { blocks, span: self.shift(span) }),
            None => {}
        }
    }

    fn add(&mut self, block: Block) {
        let block = match block {
            Block::List(list) => match self.hang(list) {
                Some(list) => Block::List(list),
                None => return,
            },
            block => block,
        };
        match self.open.last_mut() {
            Some(Open::Item { blocks, .. } | Open::Quote { blocks, .. }) => blocks.push(block),
            _ => self.top.push(block),
        }
    }

    /// Hangs a list below the numbered item right before it, where it is indented at all; else gives it back. From `10.` on
    /// CommonMark wants four blanks, and people go on with the three that did below `9.`.
    fn hang(&mut self, list: List) -> Option<List> {
        let column = |span: &Span| {
            let (before, own) = self.text.split_at_checked(span.start - self.base)?;
            let line = before.rsplit('\n').next().unwrap_or("");
            let blanks = own.len() - own.trim_start_matches(' ').len();
            line.trim_matches(['>', ' ']).is_empty().then_some(line.len() + blanks)
        };
        let siblings = match self.open.last() {
            Some(Open::Item { blocks, .. } | Open::Quote { blocks, .. }) => blocks,
            _ => &self.top,
        };
        let Some(Block::List(before)) = siblings.last() else { return Some(list) };
        let between = before.span.end - self.base..list.span.start - self.base;
        let is_numbered =
            self.slice(&(before.span.start - self.base..between.end)).starts_with(|c: char| c.is_ascii_digit());
        let is_right_behind = self.slice(&between).trim().is_empty();
        let is_indented = column(&list.span).zip(column(&before.span)).is_some_and(|(own, outer)| own > outer);
        if !(is_numbered && is_right_behind && is_indented) {
            return Some(list);
        }
        let siblings = match self.open.last_mut() {
            Some(Open::Item { blocks, .. } | Open::Quote { blocks, .. }) => blocks,
            _ => &mut self.top,
        };
        let Some(Block::List(before)) = siblings.last_mut() else { return Some(list) };
        let Some(item) = before.items.last_mut() else { return Some(list) };
        before.span.end = list.span.end;
        item.span.end = list.span.end;
        item.blocks.push(Block::List(list));
        None
    }

    fn inline(&mut self, span: Span) {
        if let Some(Open::Item { text, blocks, .. }) = self.open.last_mut() {
            if blocks.is_empty() {
                *text =
                    Some(text.take().map_or(span.clone(), |text| text.start.min(span.start)..text.end.max(span.end)));
                return;
            }
            // text of a tight item after a nested block
            let line = span.start + self.base..span.end + self.base;
            match blocks.last_mut() {
                Some(Block::Paragraph { lines }) => lines.push(line),
                _ => blocks.push(Block::Paragraph { lines: Vec::from([line]) }),
            }
        }
    }

    /// HTML is shown without its tags, so its text counts; comments are not shown.
    fn html(&mut self, span: Span) {
        let is_comment = self.slice(&span).trim_start().starts_with("<!--");
        let lines: Vec<Span> =
            self.lines(span.clone()).into_iter().filter(|line| !is_tags_only(self.slice(line))).collect();
        if is_comment || lines.is_empty() {
            self.add(Block::Other(self.shift(span)));
        } else if let Some(Open::Item { text, blocks, .. }) = self.open.last_mut()
            && text.is_none()
            && blocks.is_empty()
        {
            *text = Some(span);
        } else {
            self.prose(&lines);
        }
    }

    fn paragraph(&mut self, span: Span) {
        if let Some(Open::Item { text, blocks, .. }) = self.open.last_mut()
            && text.is_none()
            && blocks.is_empty()
        {
            *text = Some(span);
            return;
        }
        let lines = self.lines(span);
        self.prose(&lines);
    }

    /// Trimmed, non-empty lines of a span, quote marks taken off; offsets of `self.text`.
    fn lines(&self, span: Span) -> Vec<Span> {
        let mut at = span.start;
        let mut lines = Vec::new();
        for line in self.slice(&span).split_inclusive('\n') {
            let mut trimmed = line.trim();
            let mut start = at + (line.len() - line.trim_start().len());
            while self.open.iter().any(|open| matches!(open, Open::Quote { .. })) {
                let Some(rest) = trimmed.strip_prefix('>') else { break };
                start += trimmed.len() - rest.trim_start().len();
                trimmed = rest.trim_start();
            }
            if !trimmed.is_empty() {
                lines.push(start..start + trimmed.len());
            }
            at += line.len();
        }
        lines
    }

    fn shift_all(&self, lines: Vec<Span>) -> Vec<Span> {
        lines.into_iter().map(|line| self.shift(line)).collect()
    }

    /// Lines of text parted into paragraphs, tables, separators and headings without a blank.
    fn prose(&mut self, lines: &[Span]) {
        let mut text: Vec<Span> = Vec::new();
        let mut n = 0;
        while let Some(span) = lines.get(n) {
            let line = self.slice(span).to_owned();
            let next = lines.get(n + 1).map_or("", |next| self.slice(next));
            let starts_table =
                table::has_pipe(&line) && (table::is_rule(next) || (line.starts_with('|') && next.starts_with('|')));
            let heading = lax_heading(&line);
            if starts_table {
                let rows = lines.iter().skip(n).take_while(|row| table::has_pipe(self.slice(row))).count();
                // the rule may have no pipe of its own in a table of one column
                let rows = rows.max(2).min(lines.len() - n);
                let shifted = self.shift_all(lines.get(n..n + rows).unwrap_or_default().to_vec());
                self.flush(&mut text);
                if let Some(mut table) = table::read(self.text, lines.get(n..n + rows).unwrap_or_default()) {
                    shift_table(&mut table, self.base);
                    self.add(Block::Table(table));
                } else {
                    self.add(Block::Paragraph { lines: shifted });
                }
                n += rows;
                continue;
            }
            if is_separator(&line) {
                self.flush(&mut text);
                self.add(Block::Rule(self.shift(span.clone())));
            } else if let Some((level, at)) = heading {
                self.flush(&mut text);
                self.add(Block::Heading {
                    level,
                    text: self.shift(span.start + at..span.end),
                    span: self.shift(span.clone()),
                });
            } else {
                text.push(span.clone());
            }
            n += 1;
        }
        self.flush(&mut text);
    }

    fn flush(&mut self, text: &mut Vec<Span>) {
        if !text.is_empty() {
            let lines = self.shift_all(std::mem::take(text));
            self.add(Block::Paragraph { lines });
        }
    }

    fn heading(&mut self, level: u8, span: Span) {
        let lines = self.lines(span.clone());
        let Some((last, before)) = lines.split_last() else { return };
        let first = self.slice(lines.first().unwrap_or(last));
        if first.starts_with('#') {
            let words = first.trim_start_matches('#').trim_start();
            let lead = first.len() - words.len();
            let start = lines.first().map_or(span.start, |line| line.start);
            let words = words.trim_end_matches('#').trim_end();
            self.add(Block::Heading {
                level,
                text: self.shift(start + lead..start + lead + words.len()),
                span: self.shift(start..last.end),
            });
            return;
        }
        // underlined: a line of dashes below text is a separator more often than it makes a heading
        let Some((title, text)) = before.split_last() else { return };
        let words = self.slice(title).to_owned();
        let is_heading = level == 1 || (names::is_known(&words) && keyline::parse(&words).is_none());
        let (title, text) = (title.clone(), text.to_vec());
        if is_heading {
            self.prose(&text);
            self.add(Block::Heading {
                level,
                text: self.shift(title.clone()),
                span: self.shift(title.start..last.end),
            });
        } else {
            self.prose(before);
            self.add(Block::Rule(self.shift(last.clone())));
        }
    }
}

pub(super) fn shift_table(table: &mut Table, base: usize) {
    let shift = |span: &mut Span| *span = span.start + base..span.end + base;
    shift(&mut table.span);
    table.header.iter_mut().for_each(|cell| shift(&mut cell.span));
    for row in &mut table.rows {
        shift(&mut row.span);
        row.cells.iter_mut().for_each(|cell| shift(&mut cell.span));
    }
}
