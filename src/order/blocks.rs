//! Markdown as blocks with spans: headings, paragraphs as lines, lists, tables, code. pulldown-cmark finds the blocks;
//! what authors write beside the letter of CommonMark is settled here (tables without a blank line before them, a
//! separator right below text, `##Heading`, lines of `⸻`).
//!
//! Invariant: linear in the text; nesting is bounded.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::model::Span;
use super::names;
use super::refusal::{MAX_MARKDOWN_DEPTH, ParseRefusal};
use super::table::{self, Table};
use super::{fold, keyline};

#[derive(Debug, Clone)]
pub(crate) enum Block {
    /// `text` is the span of the words alone.
    Heading {
        level: u8,
        text: Span,
        span: Span,
    },
    Paragraph {
        lines: Vec<Span>,
    },
    List(List),
    Table(Table),
    Code(Code),
    Rule(Span),
    Quote {
        blocks: Vec<Block>,
        span: Span,
    },
    /// HTML and what else there is.
    Other(Span),
}

#[derive(Debug, Clone)]
pub(crate) struct List {
    pub items: Vec<ListItem>,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct ListItem {
    /// The lines of its own text.
    pub lines: Vec<Span>,
    pub blocks: Vec<Block>,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub language: String,
    pub text: String,
    /// By blanks, without a fence.
    pub is_indented: bool,
    pub span: Span,
}

impl Block {
    pub fn start(&self) -> usize {
        match self {
            Block::Heading { span, .. } | Block::Rule(span) | Block::Quote { span, .. } | Block::Other(span) => {
                span.start
            }
            Block::Paragraph { lines } => lines.first().map_or(0, |line| line.start),
            Block::List(list) => list.span.start,
            Block::Table(table) => table.span.start,
            Block::Code(code) => code.span.start,
        }
    }
}

/// The blocks of `text`, which starts at `base` of the source.
pub(crate) fn read(text: &str, base: usize, first_line: usize) -> Result<Vec<Block>, ParseRefusal> {
    refuse_deep_lines(text, first_line)?;
    let mut blocks = Vec::new();
    let mut line = first_line;
    for segment in segments(text) {
        let part = text.get(segment.clone()).unwrap_or("");
        blocks.append(&mut read_segment(part, base + segment.start, line)?);
        line += part.matches('\n').count();
    }
    Ok(blocks)
}

/// Parts the text before lines that begin something new for their author, though CommonMark takes them for the end of the
/// list item or paragraph above (`- a` and, without a blank line, `**Deliverables:**`, `⸻` or a table).
fn segments(text: &str) -> Vec<Span> {
    let mut starts = vec![0];
    let mut at = 0;
    let mut fence: Option<(char, usize)> = None;
    let mut in_comment = false;
    let mut above = "";
    for line in text.split_inclusive('\n') {
        let body = line.trim_end();
        let trimmed = body.trim_start();
        let mark = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'));
        let run = mark.map_or(0, |mark| trimmed.chars().take_while(|c| *c == mark).count());
        match (fence, mark) {
            (Some((open, length)), Some(mark))
                if mark == open && run >= length && trimmed.chars().all(|c| c == mark) =>
            {
                fence = None
            }
            (None, Some(mark)) if run >= 3 && !in_comment => fence = Some((mark, run)),
            (None, _) => {
                if !in_comment && !above.trim().is_empty() && begins_anew(body, above) {
                    starts.push(at);
                }
                let open = body.rfind("<!--");
                let close = body.rfind("-->");
                in_comment = match (open, close) {
                    (Some(open), Some(close)) => open > close,
                    (Some(_), None) => true,
                    (None, Some(_)) => false,
                    (None, None) => in_comment,
                };
            }
            _ => {}
        }
        above = body;
        at += line.len();
    }
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| start..end).collect()
}

/// A line without indent that is a key, a heading without a blank, the first row of a table, or a line of `⸻`.
fn begins_anew(line: &str, above: &str) -> bool {
    if line.is_empty() || line.starts_with(char::is_whitespace) || line.starts_with(['>', '-', '=', '+']) {
        return false;
    }
    if line.starts_with('|') {
        return !above.trim_start_matches('>').trim_start().starts_with('|') && !above.contains('|');
    }
    let names_part = || {
        keyline::parse(line).is_some_and(|key| {
            let name = fold::heading(&key.name);
            // `**Target:** < 2 s` right below an item speaks of that item
            let is_detail = matches!(
                name.as_str(),
                "target"
                    | "expected"
                    | "goal"
                    | "threshold"
                    | "measurement"
                    | "measured by"
                    | "method"
                    | "how"
                    | "evidence"
            );
            let is_item = line.starts_with(|c: char| c.is_ascii_digit()) || line.starts_with("* ");
            !is_detail
                && !is_item
                && (key.bold || names::scalar(&name).is_some() || names::role(&name) != names::Role::Other)
        })
    };
    is_separator(line) || lax_heading(line).is_some() || names_part()
}

fn read_segment(text: &str, base: usize, first_line: usize) -> Result<Vec<Block>, ParseRefusal> {
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

/// Containers opened on one line (`> - > - …`) cost each following line as much as they are deep.
fn refuse_deep_lines(text: &str, first_line: usize) -> Result<(), ParseRefusal> {
    for (n, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        let mut depth = 0;
        loop {
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            let ordered = after.len() < rest.len() && after.starts_with(['.', ')']);
            let marker = if ordered { after.get(1..) } else { rest.strip_prefix(['>', '-', '*', '+']) };
            match marker {
                Some(next) if rest.starts_with('>') || next.starts_with([' ', '\t']) => {
                    depth += 1;
                    rest = next.trim_start();
                }
                _ => break,
            }
        }
        // `* * * * *` is a rule, however long
        let is_rule = line.trim_start().starts_with(['-', '*', '_']) && {
            let mut signs = line.chars().filter(|c| !c.is_whitespace());
            let first = signs.next();
            signs.all(|c| Some(c) == first)
        };
        if depth > MAX_MARKDOWN_DEPTH && !is_rule {
            return Err(too_deep(first_line + n));
        }
    }
    Ok(())
}

fn too_deep(line: usize) -> ParseRefusal {
    ParseRefusal::TooDeep { what: "the Markdown".to_owned(), line, limit: MAX_MARKDOWN_DEPTH }
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
        match self.open.last_mut() {
            Some(Open::Item { blocks, .. } | Open::Quote { blocks, .. }) => blocks.push(block),
            _ => self.top.push(block),
        }
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

/// `<details>`, `</div><br/>`.
fn is_tags_only(line: &str) -> bool {
    let mut rest = line.trim();
    while let Some(inner) = rest.strip_prefix('<') {
        let Some(end) = inner.find('>') else { return false };
        rest = inner.get(end + 1..).unwrap_or("").trim_start();
    }
    rest.is_empty()
}

fn shift_table(table: &mut Table, base: usize) {
    let shift = |span: &mut Span| *span = span.start + base..span.end + base;
    shift(&mut table.span);
    table.header.iter_mut().for_each(|cell| shift(&mut cell.span));
    for row in &mut table.rows {
        shift(&mut row.span);
        row.cells.iter_mut().for_each(|cell| shift(&mut cell.span));
    }
}

/// `##Heading`, `＃＃ Heading`: the level and where the words begin.
fn lax_heading(line: &str) -> Option<(u8, usize)> {
    let words = line.trim_start_matches(['#', '＃']);
    let marks = line.get(..line.len() - words.len())?;
    let level = u8::try_from(marks.chars().count()).ok().filter(|level| (1..=6).contains(level))?;
    let text = words.trim_start();
    let is_heading = marks.contains('＃') || names::is_known(text);
    (is_heading && !text.is_empty()).then(|| (level, line.len() - text.len()))
}

/// A line of nothing but dashes of some kind.
pub(crate) fn is_separator(line: &str) -> bool {
    let count = line.chars().count();
    let dash = |c: char| {
        matches!(c, '⸻' | '⸺' | '—' | '–' | '―' | '-' | '_' | '*' | '=' | '─' | '━' | '═' | '⎯' | '·' | '•' | '~')
            || c.is_whitespace()
    };
    (count >= 3 || line.contains(['⸻', '⸺']))
        && count > 0
        && line.chars().all(dash)
        && !fold::strip_marks(line).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> String {
        fn one(block: &Block, text: &str, out: &mut String) {
            match block {
                Block::Heading { level, text: words, .. } => {
                    out.push_str(&format!("h{level}({})", &text[words.clone()]))
                }
                Block::Paragraph { lines } => {
                    let lines: Vec<&str> = lines.iter().map(|line| &text[line.clone()]).collect();
                    out.push_str(&format!("p({})", lines.join("/")));
                }
                Block::List(list) => {
                    out.push_str("l(");
                    for item in &list.items {
                        let lines: Vec<&str> = item.lines.iter().map(|line| &text[line.clone()]).collect();
                        out.push_str(&format!("[{}", lines.join("/")));
                        item.blocks.iter().for_each(|block| one(block, text, out));
                        out.push(']');
                    }
                    out.push(')');
                }
                Block::Table(table) => out.push_str(&format!("t{}x{}", table.header.len(), table.rows.len())),
                Block::Code(code) => out.push_str(&format!("c({}:{})", code.language, code.text.trim_end())),
                Block::Rule(_) => out.push('-'),
                Block::Quote { blocks, .. } => {
                    out.push_str("q(");
                    blocks.iter().for_each(|block| one(block, text, out));
                    out.push(')');
                }
                Block::Other(_) => out.push('o'),
            }
        }
        let mut out = String::new();
        let padded = format!("\u{feff}{text}");
        for block in read(text, 3, 1).unwrap() {
            one(&block, &padded, &mut out);
        }
        out
    }

    #[test]
    fn blocks_as_authors_mean_them() {
        for (text, expect) in [
            ("# A #\n\nb\nc\n", "h1(A)p(b/c)"),
            ("a: b\n---\nc", "p(a: b)-p(c)"),
            ("Objective\n---\nc", "h2(Objective)p(c)"),
            ("Title\n===\nc", "h1(Title)p(c)"),
            ("##Objective\ntext", "h2(Objective)p(text)"),
            ("＃＃ Anything\ntext", "h2(Anything)p(text)"),
            ("#1 is a number", "p(#1 is a number)"),
            ("a\n⸻\nb", "p(a)-p(b)"),
            ("- a\n  - b\n    more\n- c\n", "l([al([b/more])][c])"),
            ("1) a\n2) b\n", "l([a][b])"),
            ("- a\n\n  b\n\n- c\n", "l([ap(b)][c])"),
            ("- [ ] a\n- [x] b\n", "l([[ ] a][[x] b])"),
            ("x:\n| a | b |\n|---|---|\n| 1 | 2 |\nafter", "p(x:)t2x1p(after)"),
            ("| a | b |\n|---|---|\n| 1 | 2 |\n", "t2x1"),
            ("| a | b |\n| 1 | 2 |\n", "t2x1"),
            ("> | a | b |\n> |---|---|\n> | 1 | 2 |\n", "q(t2x1)"),
            ("> a\n> b\n", "q(p(a/b))"),
            ("```bash\nx\n```\n", "c(bash:x)"),
            ("- a\n  ```sh\n  x\n  ```\n", "l([ac(sh:x)])"),
            ("<div>\nx\n</div>\n", "p(x)"),
            ("<details>\n</details>\n", "o"),
            ("<!--\n## Acceptance\n- x\n-->\n", "o"),
            ("- <b>x</b> = 0\n", "l([<b>x</b> = 0])"),
            ("- <script>x</script> = 0\n", "l([<script>x</script> = 0])"),
            ("- a\n⸻\nCC: GG\n", "l([a])-p(CC: GG)"),
            ("- a\ngoes on\n**Next:** x\n", "l([a/goes on])p(**Next:** x)"),
            ("- a\n**Deliverables:**\n- b\n", "l([a])p(**Deliverables:**)l([b])"),
            ("- a\n**Target:** x\n", "l([a/**Target:** x])"),
            ("```\n- a\n**Next:** x\n```\n", "c(:- a\n**Next:** x)"),
            ("- a\n| x | y |\n|---|---|\n| 1 | 2 |\n", "l([a])t2x1"),
            ("- a\n  **Target:** x\n", "l([a/**Target:** x])"),
            ("1. a\n   - b\n**Next:** x\n", "l([al([b])])p(**Next:** x)"),
            ("a\r\nb\r\n\r\n## Scope\r\n", "p(a/b)h2(Scope)"),
            ("**a** b `c`\n", "p(**a** b `c`)"),
            ("- **a** b `c`\n", "l([**a** b `c`])"),
        ] {
            assert_eq!(shape(text), expect, "{text:?}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_long_rules_are_not() {
        assert!(read(&"> ".repeat(100), 0, 1).is_err());
        assert!(read(&format!("{}x", "- ".repeat(100)), 0, 1).is_err());
        assert!(read(&"* ".repeat(1000), 0, 1).is_ok());
        let steps: String = (0..100).map(|n| format!("{}- x\n", "  ".repeat(n))).collect();
        assert!(matches!(read(&steps, 0, 1), Err(ParseRefusal::TooDeep { line, .. }) if line > 30));
    }
}
