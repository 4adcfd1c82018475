//! A template's blocks with their bytes: headings, code, tables, texts and list items, in the order of the source.
//!
//! Invariant: every range is on character boundaries of the source; blocks don't overlap.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::rows::{self, Row};

pub type Span = Range<usize>;

#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub span: Span,
    pub kind: BlockKind,
    /// The list item whose own text this is.
    pub item: Option<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum BlockKind {
    Heading,
    Code {
        language: String,
        /// Without fence and container prefixes.
        text: String,
        /// Whether the last line closes it, if it is fenced.
        closed: bool,
    },
    Table {
        head: Row,
        rows: Vec<Row>,
    },
    /// A paragraph, or the text of a tight list item.
    Text,
    /// HTML, rules.
    Other,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    pub list: usize,
    /// From its marker on.
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outline {
    pub blocks: Vec<Block>,
    pub items: Vec<Item>,
    /// Lists, the blank lines behind them included; see [`end_of`].
    pub lists: Vec<Span>,
    /// Lists, quotes and list items: what a block may be inside of.
    pub containers: Vec<Span>,
}

enum Container {
    Item(usize),
    Other,
}

pub fn read(source: &str) -> Outline {
    // a byte order mark would hide what the first line is; blanks of its length keep every offset
    let blanked = source.strip_prefix('\u{feff}').map(|rest| format!("   {rest}"));
    let source = blanked.as_deref().unwrap_or(source);
    let mut reader = Reader { source, out: Outline::default(), containers: Vec::new(), lists: Vec::new(), text: None };
    reader.run();
    let mut outline = reader.out;
    outline.blocks = outline.blocks.into_iter().flat_map(|block| with_loose_tables(source, block)).collect();
    outline
}

struct Reader<'s> {
    source: &'s str,
    out: Outline,
    containers: Vec<Container>,
    /// Lists that are open.
    lists: Vec<usize>,
    /// The text of a tight item that is being gathered.
    text: Option<Span>,
}

impl Reader<'_> {
    fn run(&mut self) {
        let mut events =
            Parser::new_ext(self.source, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).into_offset_iter();
        while let Some((event, span)) = events.next() {
            match event {
                Event::Start(Tag::Paragraph) => self.flush_and(|reader| reader.push(span, BlockKind::Text)),
                Event::Start(Tag::Heading { level, .. }) => self.heading(span, level),
                Event::Start(Tag::CodeBlock(kind)) => {
                    let mut text = String::new();
                    for (event, _) in events.by_ref() {
                        match event {
                            Event::Text(part) => text.push_str(&part),
                            Event::End(TagEnd::CodeBlock) => break,
                            _ => {}
                        }
                    }
                    self.code(span, &kind, text);
                }
                Event::Start(Tag::Table(alignments)) => {
                    let mut lines = Vec::new();
                    for (event, span) in events.by_ref() {
                        match event {
                            Event::Start(Tag::TableHead | Tag::TableRow) => lines.push(span),
                            Event::End(TagEnd::Table) => break,
                            _ => {}
                        }
                    }
                    self.table(span, alignments.len(), lines);
                }
                Event::Start(Tag::List(_)) => {
                    self.flush();
                    self.lists.push(self.out.lists.len());
                    self.out.lists.push(span.clone());
                    self.out.containers.push(span);
                }
                Event::Start(Tag::Item) => {
                    self.flush();
                    let list = self.lists.last().copied().unwrap_or_default();
                    self.containers.push(Container::Item(self.out.items.len()));
                    self.out.containers.push(span.clone());
                    self.out.items.push(Item { list, span });
                }
                Event::Start(Tag::BlockQuote(_)) => {
                    self.flush();
                    self.containers.push(Container::Other);
                    self.out.containers.push(span);
                }
                Event::End(TagEnd::List(_)) => {
                    self.flush();
                    self.lists.pop();
                }
                Event::End(TagEnd::Item | TagEnd::BlockQuote(_)) => {
                    self.flush();
                    self.containers.pop();
                }
                Event::Start(Tag::HtmlBlock) | Event::Rule => {
                    self.flush_and(|reader| reader.push(span, BlockKind::Other));
                }
                Event::End(_) | Event::Html(_) => {}
                _ if self.inside_block(&span) => {}
                // inline content of a tight list item
                _ => {
                    let start = self.text.as_ref().map_or(span.start, |text| text.start.min(span.start));
                    let end = self.text.as_ref().map_or(span.end, |text| text.end.max(span.end));
                    self.text = Some(start..end);
                }
            }
        }
        self.flush();
    }

    /// Whether a block already holds these bytes, as a paragraph holds its inlines. Two are looked at since a heading may
    /// have been read as a text and a rule.
    fn inside_block(&self, span: &Span) -> bool {
        let last = self.out.blocks.iter().rev().take(2);
        last.into_iter().any(|block| block.span.start <= span.start && span.start < block.span.end)
    }

    fn flush(&mut self) {
        if let Some(span) = self.text.take() {
            self.push(span, BlockKind::Text);
        }
    }

    fn flush_and(&mut self, then: impl FnOnce(&mut Self)) {
        self.flush();
        then(self);
    }

    fn push(&mut self, span: Span, kind: BlockKind) {
        let item = match self.containers.last() {
            Some(Container::Item(item)) => Some(*item),
            _ => None,
        };
        self.out.blocks.push(Block { span, kind, item });
    }

    /// Bold key lines right above a `---` separator are a heading to CommonMark and not to whoever wrote them.
    fn heading(&mut self, span: Span, level: HeadingLevel) {
        self.flush();
        let text = self.source.get(span.clone()).unwrap_or("");
        if level == HeadingLevel::H2 && !text.trim_start().starts_with('#') {
            let content = text.trim_end();
            let content = content.get(..content.rfind('\n').unwrap_or(0)).unwrap_or("").trim_end();
            let first = content.lines().next().unwrap_or("").trim_start();
            let is_key = first.starts_with("**") && first.contains(':');
            if content.lines().count() > 1 || is_key || content.contains('|') {
                self.push(span.start..span.start + content.len(), BlockKind::Text);
                self.push(span.start + content.len()..span.end, BlockKind::Other);
                return;
            }
        }
        self.push(span, BlockKind::Heading);
    }

    fn code(&mut self, span: Span, kind: &CodeBlockKind, text: String) {
        self.flush();
        let (language, closed) = match kind {
            CodeBlockKind::Indented => ("indented".to_owned(), true),
            CodeBlockKind::Fenced(info) => {
                let source = self.source.get(span.clone()).unwrap_or("").trim_end();
                let last = source.rsplit('\n').next().unwrap_or("").trim_start_matches([' ', '\t', '>']);
                let closed = source.contains('\n') && (last.starts_with("```") || last.starts_with("~~~"));
                let language = info.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
                (language, closed)
            }
        };
        self.push(span, BlockKind::Code { language, text, closed });
    }

    fn table(&mut self, span: Span, columns: usize, lines: Vec<Span>) {
        self.flush();
        let mut rows: Vec<Row> = lines.into_iter().map(|line| rows::split(self.source, line, columns)).collect();
        if rows.is_empty() {
            self.push(span, BlockKind::Other);
            return;
        }
        let head = rows.remove(0);
        self.push(span, BlockKind::Table { head, rows });
    }
}

/// A text that holds a table which Markdown doesn't see, because its delimiter row has too few or too many cells, is split
/// around it: such a table is still read as one by people.
fn with_loose_tables(source: &str, block: Block) -> Vec<Block> {
    if block.kind != BlockKind::Text {
        return vec![block];
    }
    let lines = lines(source, block.span.clone());
    let is_row = |line: &Span| source.get(line.clone()).is_some_and(|line| line.contains('|'));
    let mut out = Vec::new();
    let mut at = 0;
    let mut text_from = block.span.start;
    while at + 1 < lines.len() {
        let columns = lines.get(at + 1).and_then(|line| rows::delimiter(source.get(line.clone()).unwrap_or("")));
        let (Some(columns), Some(head)) = (columns, lines.get(at).filter(|line| is_row(line))) else {
            at += 1;
            continue;
        };
        let head_row = rows::split(source, head.clone(), columns);
        let columns = head_row.cells.len();
        let body: Vec<Span> = lines.iter().skip(at + 2).take_while(|line| is_row(line)).cloned().collect();
        let end = body.last().or(lines.get(at + 1)).map_or(head.end, |line| line.end);
        if text_from < head.start {
            out.push(Block { span: text_from..head.start, kind: BlockKind::Text, item: block.item });
        }
        at += 2 + body.len();
        text_from = lines.get(at).map_or(block.span.end, |line| line.start);
        let rows = body.into_iter().map(|line| rows::split(source, line, columns)).collect();
        out.push(Block { span: head.start..end, kind: BlockKind::Table { head: head_row, rows }, item: None });
    }
    if text_from < block.span.end {
        out.push(Block { span: text_from..block.span.end, kind: BlockKind::Text, item: block.item });
    }
    if out.is_empty() { vec![block] } else { out }
}

/// The lines of `span`, without line ends and, but for the first, without the marks of the containers they are in.
pub fn lines(source: &str, span: Span) -> Vec<Span> {
    let text = source.get(span.clone()).unwrap_or("");
    let mut out = Vec::new();
    let mut at = span.start;
    for (n, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_end_matches(['\n', '\r']);
        let indent = if n == 0 { 0 } else { content.len() - content.trim_start_matches([' ', '\t', '>']).len() };
        out.push(at + indent..at + content.len());
        at += line.len();
    }
    out
}

/// What a line inserted beside the block at `start` must begin with to be in the same container: its quote signs, and blanks
/// for all else in front of it.
pub fn prefix(source: &str, start: usize) -> String {
    let before = source.get(..start).unwrap_or("");
    let line = before.get(before.rfind('\n').map_or(0, |n| n + 1)..).unwrap_or("");
    line.chars().map(|c| if c == '>' { '>' } else { ' ' }).collect()
}

/// Where the content of a container or block ends: before the blank lines that the parser counts to it.
pub fn end_of(source: &str, span: &Span) -> usize {
    let text = source.get(span.clone()).unwrap_or("");
    span.start + text.trim_end_matches(|c: char| c.is_whitespace() || c == '>').len()
}
