//! Labels and headings within acceptance that are called like another section: `**Validation**`, `### Outputs`.
//!
//! What must hold: what is asked below such a label stays asked. It begins another section only where it is that section's
//! name as a whole and nothing below it states a criterion.

use super::blocks::{Block, List};
use super::names::{self, Role};
use super::source::Source;
use super::target::{self, Target};
use super::{below, criteria, criteria_columns, fold, keyline, paths};

/// So that many labels in a long order stay cheap: enough to see what a section holds.
const MAX_LOOKED_AT: usize = 200;
/// More words before a target make a sentence.
const MAX_METRIC_WORDS: usize = 5;

/// What stands below a label, up to the next one that begins a section.
pub(super) struct Below<'a> {
    source: &'a Source<'a>,
    /// That of a heading; a label ends at any heading.
    level: Option<u8>,
    looked_at: usize,
    names_path: bool,
    /// Something that can be judged.
    states: bool,
    /// Something with a number or a time of day: more than a word, which may tell of what is.
    compares: bool,
    is_ticked: bool,
}

impl<'a> Below<'a> {
    pub fn heading(source: &'a Source<'a>, level: u8, following: &[Block]) -> Self {
        let mut below = Self::new(source, Some(level));
        below.blocks(following);
        below
    }

    /// `lines` go on with the paragraph of the label.
    pub fn label(source: &'a Source<'a>, lines: &[super::model::Span], following: &[Block]) -> Self {
        let mut below = Self::new(source, None);
        if below.lines(lines) {
            below.blocks(following);
        }
        below
    }

    fn new(source: &'a Source<'a>, level: Option<u8>) -> Self {
        Below { source, level, looked_at: 0, names_path: false, states: false, compares: false, is_ticked: false }
    }

    pub fn names_path(&self) -> bool {
        self.names_path
    }

    /// Whether `label` begins the section that it names. `is_nested`: below a heading of acceptance; else the two are
    /// labels beside each other, as in an order of nothing but bold keys.
    pub fn is_section(&self, role: Role, label: &str, is_nested: bool) -> bool {
        let is_name = names::is_name(label) && target::comparison_in(&target::normalize(label)).is_none();
        match role {
            Role::Acceptance | Role::Excluded => true,
            Role::Deliverables if is_name => self.names_path || !self.states,
            Role::Deliverables => self.names_path && !self.states,
            Role::NextPhase => is_name,
            Role::Dependencies => is_name && !(is_nested && self.compares),
            Role::Verification => is_name && !self.states && !self.is_ticked,
            _ => is_name && !(is_nested && (self.states || self.is_ticked)),
        }
    }

    /// Whether it goes on below them.
    fn blocks(&mut self, blocks: &[Block]) -> bool {
        for block in blocks {
            if self.looked_at >= MAX_LOOKED_AT {
                return false;
            }
            let goes_on = match block {
                Block::Heading { level, text, .. } => {
                    let is_below = self.level.is_some_and(|own| own < *level);
                    if is_below {
                        self.statement(self.source.slice(text));
                    }
                    is_below
                }
                Block::Paragraph { lines } => self.lines(lines),
                Block::List(list) => {
                    self.list(list);
                    true
                }
                Block::Table(table) => {
                    self.looked_at += table.rows.len();
                    let cells = || table.rows.iter().flat_map(|row| &row.cells);
                    self.names_path |= cells().any(|cell| !paths::in_text(&cell.raw).is_empty());
                    let compares = cells().any(|cell| target::begins_comparison(&cell.text));
                    self.states |= compares || criteria_columns::is_criteria_table(table);
                    self.compares |= compares;
                    true
                }
                Block::Quote { blocks, .. } => self.blocks(blocks),
                Block::Code(_) | Block::Rule(_) | Block::Other(_) => true,
            };
            if !goes_on {
                return false;
            }
        }
        true
    }

    fn lines(&mut self, lines: &[super::model::Span]) -> bool {
        for line in lines {
            let text = self.source.slice(line);
            if self.level.is_none() && names_section(text) {
                return false;
            }
            self.looked_at += 1;
            self.names_path |= !paths::in_text(text).is_empty();
            // a sentence may hold a number
            if below::states_one(text) {
                self.statement(text);
            }
        }
        true
    }

    fn list(&mut self, list: &List) {
        for item in list.items.iter().take(MAX_LOOKED_AT) {
            let lines: Vec<&str> = item.lines.iter().map(|line| self.source.slice(line).trim()).collect();
            let text = lines.join(" ");
            self.is_ticked |= ["[ ]", "[x]", "[X]"].iter().any(|mark| text.starts_with(mark));
            self.statement(&text);
            self.blocks(&item.blocks);
        }
    }

    fn statement(&mut self, text: &str) {
        self.looked_at += 1;
        self.names_path |= !paths::in_text(text).is_empty();
        let split = criteria::split(fold::strip_marks(text));
        // a step of work, a command with what it prints: they tell what to do
        let is_long = !split.is_whole && split.metric.split_whitespace().count() > MAX_METRIC_WORDS;
        if is_long || (text.contains('`') && !target::begins_comparison(&split.target)) {
            return;
        }
        match target::compile(&split.metric, &split.target) {
            Target::Unclear { .. } => {}
            // `Compression: zstd`; a word alone is no target
            Target::Category { .. } => self.states |= !split.is_whole,
            Target::Ready { .. } | Target::Automatic => self.states = true,
            _ => (self.states, self.compares) = (true, true),
        }
    }
}

/// `**Deliverables:**`, `Validation:`, `**Outputs**`.
pub(super) fn names_section(line: &str) -> bool {
    let bold = || {
        let inner = fold::strip_marks(line).strip_prefix("**")?.strip_suffix("**")?;
        names::is_name(inner).then_some(())
    };
    match keyline::parse(line) {
        Some(key) => {
            let role = names::role(&fold::heading(&key.name));
            role != Role::Other && (key.value.is_empty() || (key.bold && role == Role::Deliverables))
        }
        None => bold().is_some(),
    }
}
