//! Markdown as blocks with spans: headings, paragraphs as lines, lists, tables, code. pulldown-cmark finds the blocks;
//! what authors write beside the letter of CommonMark is settled here (tables without a blank line before them, a
//! separator right below text, `##Heading`, lines of `⸻`).
//!
//! Invariant: linear in the text; nesting is bounded.

use super::model::Span;
use super::refusal::ParseRefusal;
use super::table::Table;

mod builder;
mod lines;
mod rows;
mod segments;

use builder::read_segment;
use segments::{refuse_deep_lines, segments};

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
    rows::rejoin(&mut blocks, text, base);
    Ok(blocks)
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
