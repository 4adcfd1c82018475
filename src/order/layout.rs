//! The parts of a Markdown order: title, key lines, sections, loose lines. A part begins where the one before it ends, so
//! their spans tile the body by construction.

use super::blocks::{Block, List, ListItem};
use super::group::Below;
use super::model::{PartKind, Span};
use super::names::{self, Role};
use super::source::Source;
use super::{acceptance, callout, fold, keyline, paths, section_names};

/// One part with what stands in it.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub kind: PartKind,
    /// As written, without marks.
    pub label: String,
    /// Folded.
    pub name: String,
    /// 1 to 6 for headings, 7 for keys; a deeper part belongs to the one above it.
    pub level: u8,
    pub start: usize,
    /// The heading or the key line.
    pub head: Span,
    /// The value on a key's own line.
    pub value: Option<Span>,
    pub blocks: Vec<Block>,
    pub zone: Zone,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Before the first section.
    Preamble,
    Section,
    /// After the last separator below a section: signatures and the like.
    Loose,
}

impl Chunk {
    fn new(kind: PartKind, label: &str, level: u8, head: Span, zone: Zone) -> Self {
        Self::within(kind, label, level, head, zone, false)
    }

    pub fn within(kind: PartKind, label: &str, level: u8, head: Span, zone: Zone, in_acceptance: bool) -> Self {
        let is_struck = fold::is_withdrawn(label);
        let label = fold::inline(label);
        let name = fold::heading(&label);
        // `### 2. tests/x.test.cjs` is a deliverable, no section of tests
        let words = label.trim_start_matches(|c: char| c.is_ascii_digit() || ".) ".contains(c)).trim_matches('`');
        let role = match () {
            () if paths::is_path(words, false) => Role::Other,
            () if is_struck => Role::Excluded,
            () if in_acceptance => names::role_within_acceptance(&label),
            () => names::role_of_heading(&label),
        };
        Chunk { kind, label, name, level, start: head.start, head, value: None, blocks: Vec::new(), zone, role }
    }

    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether text below it belongs to it.
    fn gathers(&self) -> bool {
        self.kind == PartKind::Key && (!matches!(self.role(), Role::Other | Role::Excluded) || self.has_no_value())
    }

    /// Whether the list that follows is its own whatever the items are called: that of acceptance or deliverables with nothing
    /// behind the label.
    fn heads_list(&self) -> bool {
        self.gathers() && self.has_no_value() && matches!(self.role(), Role::Acceptance | Role::Deliverables)
    }

    fn has_no_value(&self) -> bool {
        self.value.as_ref().is_none_or(|value| value.is_empty())
    }
}

/// Parts in order, from the blocks of the body.
pub(crate) fn chunks(source: &Source<'_>, blocks: Vec<Block>) -> Vec<Chunk> {
    let loose_from = loose_tails(&blocks);
    let mut layout = Layout {
        source,
        chunks: Vec::new(),
        boxes: Vec::new(),
        zone: Zone::Preamble,
        has_title: false,
        enclosing: Vec::new(),
    };
    let mut rest = blocks.into_iter();
    for tail_is_loose in loose_from {
        let Some(block) = rest.next() else { break };
        layout.block(block, rest.as_slice(), tail_is_loose);
    }
    layout.close_boxes();
    layout.chunks
}

/// For each block, whether from it to the next heading there is only text and separators.
fn loose_tails(blocks: &[Block]) -> Vec<bool> {
    let mut loose = vec![true; blocks.len()];
    let mut tail = true;
    for (slot, block) in loose.iter_mut().zip(blocks).rev() {
        tail = match block {
            Block::Heading { .. } => true,
            Block::Paragraph { .. } | Block::Rule(_) => tail,
            _ => false,
        };
        *slot = tail;
    }
    loose
}

struct Layout<'a> {
    source: &'a Source<'a>,
    chunks: Vec<Chunk>,
    /// Boxes of the section that is being read, which goes on behind them.
    boxes: Vec<Chunk>,
    zone: Zone,
    has_title: bool,
    /// The sections that enclose the current place, by level, and whether they are acceptance.
    enclosing: Vec<(u8, bool)>,
}

impl Layout<'_> {
    fn slice(&self, span: &Span) -> &str {
        self.source.slice(span)
    }

    fn block(&mut self, block: Block, following: &[Block], tail_is_loose: bool) {
        match block {
            Block::Heading { level, text, span } => self.heading(level, text, span, following),
            Block::Rule(span) => self.rule(span, tail_is_loose),
            Block::Paragraph { lines } if self.zone == Zone::Section => self.section_text(lines, following),
            Block::Paragraph { lines } => self.free_text(lines, following),
            Block::List(list) if self.zone != Zone::Section => self.free_list(list),
            Block::Quote { blocks, span } => {
                let section = self.chunks.iter().rev().find(|chunk| chunk.kind == PartKind::Section);
                match callout::section(self.source, &blocks, section, self.zone, self.in_acceptance()) {
                    Some(chunk) => self.boxes.push(chunk),
                    None => self.append(Block::Quote { blocks, span }),
                }
            }
            block => self.append(block),
        }
    }

    fn close_boxes(&mut self) {
        self.chunks.append(&mut self.boxes);
    }

    fn heading(&mut self, level: u8, text: Span, span: Span, following: &[Block]) {
        self.close_boxes();
        let words = self.slice(&text).to_owned();
        let name = fold::heading(&words);
        let is_first = !self.has_title && self.zone == Zone::Preamble;
        let is_title = is_first && (level == 1 || names::is_order_title(&name) || names::role(&name) == Role::Other);
        if is_title {
            self.has_title = true;
            self.chunks.push(Chunk::new(PartKind::Title, &words, level, span, Zone::Preamble));
            return;
        }
        self.zone = Zone::Section;
        self.enclosing.retain(|(above, _)| *above < level);
        let inherited = self.enclosing.last().is_some_and(|(_, is_acceptance)| *is_acceptance);
        let mut chunk = Chunk::within(PartKind::Section, &words, level, span, Zone::Section, inherited);
        // any other heading within acceptance stays a part of it
        if inherited
            && matches!(chunk.role, Role::Deliverables | Role::Dependencies)
            && !Below::heading(self.source, level, following).is_section(chunk.role, &chunk.label, true)
        {
            chunk.role = Role::Other;
        }
        let is_acceptance = match chunk.role() {
            Role::Acceptance => true,
            Role::Excluded | Role::Deliverables | Role::Dependencies => false,
            _ => inherited,
        };
        self.enclosing.push((level, is_acceptance));
        self.chunks.push(chunk);
    }

    /// Whether a line here stands below acceptance.
    fn in_acceptance(&self) -> bool {
        let above = self.chunks.iter().rev().find(|chunk| chunk.kind != PartKind::Other);
        match above {
            Some(key) if key.kind == PartKind::Key && key.role() != Role::Other => key.role() == Role::Acceptance,
            _ => self.is_nested(),
        }
    }

    /// What a label on a line of its own names here.
    fn role_here(&self, name: &str) -> Role {
        match names::role(&fold::heading(name)) {
            Role::Excluded if self.in_acceptance() => names::role_within_acceptance(name),
            Role::Excluded => names::role_of_heading(name),
            Role::Other if self.is_aside(name) => Role::Excluded,
            role => role,
        }
    }

    /// Whether a label ends a list of acceptance that itself stands below a label: `**Risks:**`, as the parts of a plan follow each
    /// other. Below a heading of acceptance only a heading ends it.
    fn is_aside(&self, name: &str) -> bool {
        self.in_acceptance() && !self.is_nested() && section_names::is_aside(name)
    }

    fn rule(&mut self, span: Span, tail_is_loose: bool) {
        if self.zone == Zone::Section && !tail_is_loose {
            self.append(Block::Rule(span));
            return;
        }
        if self.zone == Zone::Section {
            self.zone = Zone::Loose;
        }
        self.other(span);
    }

    fn other(&mut self, span: Span) {
        // neighbouring lines that are nothing of their own are one part
        if !self.chunks.last().is_some_and(|last| last.kind == PartKind::Other && last.zone == self.zone) {
            self.chunks.push(Chunk::new(PartKind::Other, "", 7, span, self.zone));
        }
    }

    fn append(&mut self, block: Block) {
        if self.chunks.is_empty()
            || (self.zone != Zone::Section
                && !self.chunks.last().is_some_and(|last| last.gathers() || last.kind == PartKind::Other))
        {
            let start = block.start();
            self.chunks.push(Chunk::new(PartKind::Other, "", 7, start..start, self.zone));
        }
        if let Some(last) = self.chunks.last_mut() {
            last.blocks.push(block);
        }
    }

    fn append_line(&mut self, line: Span, continues: bool) {
        let Some(last) = self.chunks.last_mut() else { return };
        match last.blocks.last_mut() {
            Some(Block::Paragraph { lines }) if continues => lines.push(line),
            _ => last.blocks.push(Block::Paragraph { lines: vec![line] }),
        }
    }

    fn key(&mut self, line: &Span, key: &keyline::KeyLine) {
        let within = self.in_acceptance();
        let mut chunk = Chunk::within(PartKind::Key, &key.name, 7, line.clone(), self.zone, within);
        if chunk.role == Role::Other && self.is_aside(&key.name) {
            chunk.role = Role::Excluded;
        }
        chunk.value = Some(line.start + key.value.start..line.start + key.value.end);
        self.chunks.push(chunk);
    }

    /// Text within a section: a key line that names a section begins one of its own.
    fn section_text(&mut self, lines: Vec<Span>, following: &[Block]) {
        let mut continues = false;
        let mut rest = lines.into_iter();
        while let Some(line) = rest.next() {
            let text = self.slice(&line).to_owned();
            let opens = self.opens_section(&text, rest.as_slice(), following);
            match opens {
                Some(key) => {
                    self.key(&line, &key);
                    continues = false;
                }
                None if self.ends_exclusion(&text) || self.returns(&text, rest.as_slice(), following) => {
                    let role = self.section_role();
                    let name = fold::inline(&text);
                    let split = super::criteria::split(&name);
                    let states_one = super::criteria::is_judged(&split.metric, &split.target);
                    self.key(&line, &keyline::KeyLine { name, value: 0..0, bold: true });
                    if let Some(chunk) = self.chunks.last_mut() {
                        (chunk.value, chunk.role) = (states_one.then_some(line), role);
                    }
                    continues = false;
                }
                None => {
                    self.append_line(line, continues);
                    continues = true;
                }
            }
        }
    }

    /// Below `**Stretch goals:**` a further label goes on with the section around it, but for another of that kind.
    fn ends_exclusion(&self, text: &str) -> bool {
        let is_excluded =
            self.chunks.last().is_some_and(|last| last.kind == PartKind::Key && last.role() == Role::Excluded);
        let label = text.trim_end_matches([':', '：', ' ']).trim_end_matches("**").trim_end_matches([':', '：']);
        let is_label = text.ends_with([':', '：']) || (text.starts_with("**") && text.ends_with("**"));
        let is_other = !section_names::is_excluded_alone(label.trim_start_matches("**"));
        is_excluded && is_label && is_other && !label.contains([':', '：'])
    }

    /// Behind a section of its own within acceptance, a label of a group goes on with acceptance.
    fn returns(&self, text: &str, lines: &[Span], following: &[Block]) -> bool {
        let has_left = self
            .chunks
            .last()
            .is_some_and(|last| last.kind == PartKind::Key && !matches!(last.role(), Role::Acceptance | Role::Other));
        let label = has_left.then(|| keyline::parse(text).or_else(|| self.bold_title(text))).flatten();
        label.is_some_and(|key| {
            let role = self.role_here(&key.name);
            key.value.is_empty() && role != Role::Other && self.stays_in_acceptance(text, &key, role, lines, following)
        })
    }

    /// Whether the heading around this place is acceptance or stands within it.
    fn is_nested(&self) -> bool {
        self.zone == Zone::Section && self.enclosing.last().is_some_and(|(_, is_acceptance)| *is_acceptance)
    }

    fn section_role(&self) -> Role {
        if self.is_nested() {
            return Role::Acceptance;
        }
        let section = self.chunks.iter().rev().find(|chunk| chunk.kind == PartKind::Section);
        section.map_or(Role::Other, Chunk::role)
    }

    /// `**Deliverables:** …` within another section; a plain `Deliverables:` only with nothing behind it.
    fn opens_section(&self, text: &str, lines: &[Span], following: &[Block]) -> Option<keyline::KeyLine> {
        let key = keyline::parse(text).or_else(|| self.bold_title(text))?;
        let role = self.role_here(&key.name);
        let enclosing = self.chunks.iter().rev().find(|chunk| chunk.kind != PartKind::Other).map(Chunk::role);
        let names_one = role != Role::Other && enclosing != Some(role) && (key.bold || key.value.is_empty());
        (names_one && !self.stays_in_acceptance(text, &key, role, lines, following)).then_some(key)
    }

    /// Whether a label below acceptance that is called like another section is a group of criteria, or one of them.
    fn stays_in_acceptance(
        &self,
        text: &str,
        key: &keyline::KeyLine,
        role: Role,
        lines: &[Span],
        following: &[Block],
    ) -> bool {
        let value = text.get(key.value.clone()).unwrap_or("");
        if !value.is_empty() {
            let above = self.chunks.iter().rev().find(|chunk| chunk.kind != PartKind::Other).map(Chunk::role);
            return self.in_acceptance()
                && match role {
                    Role::Acceptance => false,
                    Role::Excluded => {
                        above == Some(Role::Acceptance)
                            && !(self.is_told(key, value) && self.has_list(lines, following))
                    }
                    Role::Deliverables => {
                        paths::in_text(value).is_empty() && super::criteria::is_judged(&key.name, value)
                    }
                    // `**Verification:** …` says how one criterion is measured
                    _ => true,
                };
        }
        (self.in_acceptance() || self.is_nested())
            && !Below::label(self.source, lines, following).is_section(role, &key.name, self.is_nested())
    }

    /// Lines before the first section and after the last separator.
    fn free_text(&mut self, lines: Vec<Span>, following: &[Block]) {
        let mut continues = false;
        let parted = lines.into_iter().flat_map(|line| {
            let parts = keyline::several(self.slice(&line)).into_iter();
            parts.map(move |part| line.start + part.start..line.start + part.end)
        });
        let mut rest = parted.collect::<Vec<Span>>().into_iter();
        while let Some(line) = rest.next() {
            let text = self.slice(&line).to_owned();
            let key = keyline::parse(&text).or_else(|| self.bold_title(&text));
            let is_label = |key: &keyline::KeyLine| {
                let role = self.role_here(&key.name);
                let is_group = key.value.is_empty()
                    && role != Role::Other
                    && self.stays_in_acceptance(&text, key, role, rest.as_slice(), following);
                // `All of these:` right below its label
                let leads_on = !key.bold
                    && key.value.is_empty()
                    && role == Role::Other
                    && self.chunks.last().is_some_and(|last| last.heads_list() && last.blocks.is_empty());
                !is_group
                    && !leads_on
                    && !self.is_criterion(&text, key)
                    && !self.is_remark(&text, key, rest.as_slice(), following)
            };
            if let Some(key) = key.filter(is_label) {
                self.key(&line, &key);
                continues = true;
                continue;
            }
            // soft-wrapped values, and text below a key that names a section
            let gathers = self.chunks.last().is_some_and(Chunk::gathers);
            let wraps = continues && self.chunks.last().is_some_and(|last| last.kind == PartKind::Key);
            if !gathers && !wraps {
                self.other(line.clone());
            }
            self.append_line(line, continues);
            continues = true;
        }
    }

    /// Below `**Acceptance:**` with nothing behind it, `**File size:** ≤ 5 MB` is a criterion, not a key of the order.
    fn is_criterion(&self, line: &str, key: &keyline::KeyLine) -> bool {
        let name = fold::heading(&key.name);
        let value = line.get(key.value.clone()).unwrap_or("");
        let is_own = names::role(&name) == Role::Other && names::scalar(&name).is_none();
        let may_be = self.is_below_acceptance() && !value.is_empty() && !self.is_told(key, value);
        may_be && (is_own || super::criteria::is_judged(&key.name, value))
    }

    /// `**Note:** day files only` among criteria: text of one line, behind which they go on.
    fn is_remark(&self, line: &str, key: &keyline::KeyLine, lines: &[Span], following: &[Block]) -> bool {
        let value = line.get(key.value.clone()).unwrap_or("");
        let is_told = !value.is_empty() && self.is_told(key, value);
        is_told && self.is_below_acceptance() && !self.has_list(lines, following)
    }

    /// Whether a list hangs on a line, which `lines` and `following` come behind: no blank line parts the two.
    fn has_list(&self, lines: &[Span], following: &[Block]) -> bool {
        let Some(Block::List(list)) = following.first().filter(|_| lines.is_empty()) else { return false };
        let before = self.slice(&(0..list.span.start)).trim_end_matches([' ', '\t']);
        let before = before.strip_suffix('\n').unwrap_or(before).trim_end_matches([' ', '\t', '\r']);
        !before.ends_with('\n')
    }

    fn is_below_acceptance(&self) -> bool {
        self.chunks.last().is_some_and(|last| last.heads_list() && last.role() == Role::Acceptance)
    }

    /// `**Estimated time:** 2 h`, `**Rollback:** git revert`; `**Rollback:** works` is asked.
    fn is_told(&self, key: &keyline::KeyLine, value: &str) -> bool {
        self.is_aside(&key.name) && acceptance::is_remark_with(&key.name, value)
    }

    /// A list before the first section: key bullets, or what a key above it gathers.
    fn free_list(&mut self, list: List) {
        let gathers = self.chunks.last().is_some_and(Chunk::gathers);
        let keys: Vec<Option<(Span, keyline::KeyLine)>> = list
            .items
            .iter()
            .map(|item| {
                let line = item.lines.first()?;
                keyline::parse(self.slice(line)).map(|key| (line.clone(), key))
            })
            .collect();
        let known = keys.iter().flatten().any(|(_, key)| {
            let name = fold::heading(&key.name);
            let role = names::role(&name);
            // below a label `Validation time` is an item of its list
            let is_section = role != Role::Other && (!gathers || role == Role::Acceptance || names::is_name(&key.name));
            names::scalar(&name).is_some() || is_section
        });
        let own = self.chunks.last().filter(|last| last.heads_list()).map(Chunk::role);
        let is_key_list = known || (!gathers && keys.iter().flatten().any(|(_, key)| key.bold));
        if own.is_none() && (!is_key_list || (gathers && !known)) {
            self.append(Block::List(list));
            return;
        }
        for (item, key) in list.items.into_iter().zip(keys) {
            let key = key.filter(|(_, key)| own.is_none_or(|own| self.leaves(own, key, &item)));
            match key {
                Some((line, key)) => {
                    self.key(&line, &key);
                    if let Some(chunk) = self.chunks.last_mut() {
                        chunk.start = item.span.start;
                        let rest: Vec<Span> = item.lines.into_iter().skip(1).collect();
                        if !rest.is_empty() {
                            chunk.blocks.push(Block::Paragraph { lines: rest });
                        }
                        chunk.blocks.extend(item.blocks);
                    }
                }
                None => self.append_item(item),
            }
        }
    }

    /// Whether an item below a label of the section `own` begins another: it is that section's name with its list below it. An
    /// item with a value is of the list, whatever it is called: `**Acceptance:**` has its `- Validation time: < 2 s`.
    fn leaves(&self, own: Role, key: &keyline::KeyLine, item: &ListItem) -> bool {
        let role = self.role_here(&key.name);
        let is_other = !matches!(role, Role::Other) && role != own;
        if !is_other || !key.value.is_empty() || item.blocks.is_empty() {
            return false;
        }
        let below = Below::label(self.source, item.lines.get(1..).unwrap_or_default(), &item.blocks);
        match own {
            Role::Deliverables => role == Role::Acceptance || (names::is_name(&key.name) && !below.names_path()),
            _ => below.is_section(role, &key.name, true),
        }
    }

    /// Neighbouring items stay one list.
    fn append_item(&mut self, item: ListItem) {
        let last = self.chunks.last_mut().and_then(|last| last.blocks.last_mut());
        match last {
            Some(Block::List(list)) => {
                list.span.end = item.span.end;
                list.items.push(item);
            }
            _ => self.append(Block::List(List { span: item.span.clone(), items: vec![item] })),
        }
    }

    /// `**Acceptance Criteria**` on a line of its own.
    fn bold_title(&self, text: &str) -> Option<keyline::KeyLine> {
        let text = fold::strip_marks(text);
        let inner = text.strip_prefix("**").and_then(|rest| rest.strip_suffix("**"))?;
        let is_title = !inner.contains("**") && self.role_here(inner) != Role::Other;
        is_title.then(|| keyline::KeyLine { name: fold::inline(inner), value: 0..0, bold: true })
    }
}
