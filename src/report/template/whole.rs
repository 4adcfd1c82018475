//! What a bare `Status` speaks of, by where it stands: of the whole order in the title block and below a heading that names no
//! thing (`Summary`, `Verification Results`), else of what the nearest heading, list item or introducing line names.
//!
//! Invariant: a heading with one word that is not the report's own vocabulary names a thing.

use std::sync::Arc;

use super::key_lines;
use super::outline::{self, Block, BlockKind, Outline, Span};
use crate::order::Order;
use crate::report::{generic, text};

pub type Names = Arc<[String]>;

/// Of each place of a template, what it is about.
#[derive(Debug, Default)]
pub struct Places {
    /// From where on, in order of the source.
    from: Vec<(usize, Place)>,
}

#[derive(Debug, Clone, Default)]
struct Place {
    /// What it is about; no names are the whole order.
    names: Names,
    /// All that names a thing around it, the nearest last.
    around: Vec<Names>,
}

impl Places {
    pub fn of(source: &str, outline: &Outline) -> Self {
        let items = items(source, outline);
        let title = title(source, outline);
        let mut places = Places::default();
        let mut headings: Vec<(usize, Names)> = Vec::new();
        // what the block before introduces, and where that ends
        let mut intro: Option<(Names, usize)> = None;
        for (n, block) in outline.blocks.iter().enumerate() {
            let text = source.get(block.span.clone()).unwrap_or("");
            if block.kind == BlockKind::Heading {
                let level = level(text);
                headings.retain(|(above, _)| *above < level);
                let names = if title == Some(n) { Names::default() } else { thing(heading_text(text)) };
                headings.push((level, names));
                intro = None;
            }
            let by_heading = headings.iter().rev().map(|(_, names)| names).find(|names| !names.is_empty());
            let introduced = intro.as_ref().filter(|(_, end)| block.span.start < *end).map(|(names, _)| names);
            let by_items: Vec<&Names> = match block.item.and_then(|item| items.get(item)) {
                Some(item) if item.text == Some(n) => item.above.iter().collect(),
                Some(item) => item.above.iter().chain(&item.names).collect(),
                None => Vec::new(),
            };
            let names = by_items.last().copied().or(introduced).or(by_heading).cloned().unwrap_or_default();
            let headings = headings.iter().map(|(_, names)| names).filter(|names| !names.is_empty());
            let around: Vec<Names> = headings.chain(introduced).chain(by_items).cloned().collect();
            places.from.push((block.span.start, Place { names, around: around.clone() }));
            if block.kind != BlockKind::Text {
                continue;
            }
            // `**Redis**` above the other lines of its paragraph
            let lines = outline::lines(source, block.span.clone());
            if let [first, second, ..] = lines.as_slice()
                && (block.item.is_some() || introduces(source, first).is_some_and(|by| by == By::Bold))
            {
                let own = thing(source.get(first.clone()).unwrap_or(""));
                if !own.is_empty() && !key_lines::is_one(source, first) {
                    let around = around.into_iter().chain([own.clone()]).collect();
                    places.from.push((second.start, Place { names: own, around }));
                }
            }
            let is_subtitle = n.checked_sub(1).is_none_or(|before| title == Some(before));
            if block.item.is_none() {
                intro = introduced_by(source, outline, n, is_subtitle);
            }
        }
        places
    }

    /// The names of the thing that `at` is about; none for the whole order.
    pub fn names_at(&self, at: usize) -> &[String] {
        self.at(at).map_or(&[], |place| &place.names)
    }

    /// The names of each thing that a heading, an item or an introducing line around `at` names.
    pub fn around(&self, at: usize) -> &[Names] {
        self.at(at).map_or(&[], |place| &place.around)
    }

    fn at(&self, at: usize) -> Option<&Place> {
        let behind = self.from.partition_point(|(from, _)| *from <= at);
        self.from.get(behind.checked_sub(1)?).map(|(_, place)| place)
    }

    /// Whether the key or label `name` at this place asks for the whole order's status.
    pub fn is_whole(&self, name: &str, at: usize) -> bool {
        key_lines::is_whole(name) && (names_the_order(name) || self.names_at(at).is_empty())
    }
}

/// `Order status`, `Report status`: of the whole wherever it stands.
fn names_the_order(name: &str) -> bool {
    text::words(name).iter().any(|word| matches!(word.as_str(), "order" | "report"))
}

struct Item {
    /// The block with its own first text.
    text: Option<usize>,
    /// What that names.
    names: Option<Names>,
    /// What the items around it name, the nearest last.
    above: Vec<Names>,
}

/// Items around one that are looked at; nobody nests them deeper.
const MOST_ITEMS: usize = 8;

fn items(source: &str, outline: &Outline) -> Vec<Item> {
    let mut out: Vec<Item> =
        outline.items.iter().map(|_| Item { text: None, names: None, above: Vec::new() }).collect();
    for (n, block) in outline.blocks.iter().enumerate().filter(|(_, block)| block.kind == BlockKind::Text) {
        if let Some(item) = block.item.and_then(|item| out.get_mut(item)).filter(|item| item.text.is_none()) {
            let first = outline::lines(source, block.span.clone()).into_iter().next();
            let names = thing(first.and_then(|line| source.get(line)).unwrap_or(""));
            item.text = Some(n);
            item.names = Some(names).filter(|names| !names.is_empty());
        }
    }
    // items come in the order of their starts: what is around one is on the stack
    let mut open: Vec<usize> = Vec::new();
    for (n, item) in outline.items.iter().enumerate() {
        while open.last().and_then(|n| outline.items.get(*n)).is_some_and(|around| around.span.end <= item.span.start) {
            open.pop();
        }
        let around = open.last().and_then(|n| out.get(*n));
        let mut above: Vec<Names> =
            around.map(|item| item.above.iter().chain(&item.names).cloned().collect()).unwrap_or_default();
        above.drain(..above.len().saturating_sub(MOST_ITEMS));
        if let Some(item) = out.get_mut(n) {
            item.above = above;
        }
        open.push(n);
    }
    out
}

/// The heading that names the report: the first, where no other stands beside or above it, or that says so.
fn title(source: &str, outline: &Outline) -> Option<usize> {
    let text = |block: &Block| source.get(block.span.clone()).unwrap_or("");
    let mut headings = outline.blocks.iter().enumerate().filter(|(_, block)| block.kind == BlockKind::Heading);
    let (n, first) = headings.next()?;
    let own = level(text(first));
    let others: Vec<usize> = headings.map(|(_, block)| level(text(block))).collect();
    let is_above = others.iter().all(|other| *other > own) && (own == 1 || !others.is_empty());
    let says_so =
        || text::words(heading_text(text(first))).iter().any(|word| word == "report") || text(first).contains("รายงาน");
    (is_above || says_so()).then_some(n)
}

fn level(heading: &str) -> usize {
    match heading.trim_start().bytes().take_while(|b| *b == b'#').count() {
        0 if heading.trim_end().ends_with('=') => 1,
        0 => 2,
        level => level,
    }
}

fn heading_text(heading: &str) -> &str {
    let text = heading.trim();
    match text.strip_prefix('#') {
        Some(_) => text.trim_matches(['#', ' ', '\t']),
        None => text.rsplit_once('\n').map_or(text, |(text, _)| text.trim()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Bold,
    Colon,
}

/// A line that introduces what follows: all of it in bold, or a few words and a colon.
fn introduces(source: &str, line: &Span) -> Option<By> {
    let text = source.get(line.clone())?.trim();
    let bold = key_lines::bold(text.trim_end_matches(key_lines::COLONS));
    match bold {
        Some((_, length)) if length == text.trim_end_matches(key_lines::COLONS).len() => Some(By::Bold),
        _ if text.ends_with(key_lines::COLONS) && text.split_whitespace().count() <= 6 => Some(By::Colon),
        _ => None,
    }
}

/// What the block `n` introduces, and where that ends: with the list that follows, else with the next block.
fn introduced_by(source: &str, outline: &Outline, n: usize, is_subtitle: bool) -> Option<(Names, usize)> {
    let [line] = &outline::lines(source, outline.blocks.get(n)?.span.clone())[..] else { return None };
    introduces(source, line)?;
    let next = outline.blocks.get(n + 1)?;
    let first = outline.lists.partition_point(|list| list.start < line.end);
    let list = outline.lists.get(first).filter(|list| list.contains(&next.span.start));
    // a second title introduces the list alone
    if list.is_none() && is_subtitle {
        return None;
    }
    let names = thing(source.get(line.clone())?);
    (!names.is_empty()).then(|| (names, list.map_or(next.span.end, |list| list.end)))
}

/// The names of the thing that a heading or line names, with and without its number; none where it names no thing.
fn thing(markdown: &str) -> Names {
    let text = key_lines::without_expressions(markdown);
    let plain = text::plain(&text);
    let plain = plain.trim_matches(|c: char| c.is_whitespace() || key_lines::COLONS.contains(&c));
    let (lead, rest) = lead(plain);
    let words = text::words(if rest.is_empty() { plain } else { rest });
    let is_numbered_part = rest.is_empty() && !lead.is_empty() && !matches!(lead.as_str(), "order" | "section");
    if !is_numbered_part && words.iter().all(|word| generic::is_generic(word)) {
        return Names::default();
    }
    let mut names = text::names(plain);
    if !rest.is_empty() && rest != plain {
        names.extend(text::names(rest));
    }
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(text::key(name)));
    names.into()
}

/// `Test 7 – failover`, `3.1 Redis`, `🧪 4. Tests`: the word that is counted, if any, and what stands behind the number.
fn lead(text: &str) -> (String, &str) {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let digits = text.trim_start_matches(char::is_alphabetic).trim_start();
    let behind = digits.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    if behind.len() == digits.len() || digits.starts_with('.') {
        return (String::new(), text);
    }
    let word = text.get(..text.len() - digits.len()).unwrap_or("").trim();
    let rest = behind.trim_start_matches([' ', ')', ':', '：', '–', '—', '-', '.', '|']);
    // `S3 backup`, `Redis 7 cluster` count nothing
    let is_parted =
        rest.is_empty() || word.is_empty() || behind.trim_start().starts_with([':', '：', '–', '—', '-', ')', '|']);
    let is_counted =
        word.is_empty() || generic::is_generic(&word.to_lowercase()) || PARTS.contains(&word.to_lowercase().as_str());
    if is_parted && is_counted { (word.to_lowercase(), rest) } else { (String::new(), text) }
}

/// What reports are numbered by.
const PARTS: [&str; 8] = ["step", "section", "part", "item", "stage", "task", "case", "day"];

/// Whether what a heading names, by its names, is the order itself: its id, its title, or its phase and words of its title.
pub fn is_order(order: &Order, names: &[String]) -> bool {
    let Some(name) = names.first() else { return true };
    let words = text::words(name);
    let own = |text: &str| text::words(text).into_iter().filter(|word| !generic::is_generic(word)).collect::<Vec<_>>();
    let title = own(order.title.as_deref().unwrap_or(""));
    let id = text::words(&order.id);
    if !id.is_empty() && words.windows(id.len()).any(|part| part == id) {
        return true;
    }
    let said = own(name);
    let phase = order.phase.as_deref().map(text::words).unwrap_or_default();
    // its number tells a phase from others: `7.8 – Telemetry`
    let number = |words: &[String]| {
        let words = words.iter().skip_while(|word| *word == "phase");
        words.take_while(|word| word.starts_with(|c: char| c.is_ascii_digit())).cloned().collect::<Vec<_>>()
    };
    let is_same = match number(&phase) {
        none if none.is_empty() => phase.iter().all(|word| words.contains(word)),
        own => own == number(&words),
    };
    let is_its_phase = words.first().is_some_and(|word| word == "phase") && !phase.is_empty() && is_same;
    // `Phase 7.8`, of an order that says nothing of its phase
    let is_some_phase = phase.is_empty() && said.is_empty() && words.first().is_some_and(|word| word == "phase");
    is_some_phase
        || (is_its_phase && said.iter().all(|word| title.contains(word)))
        || (!said.is_empty() && said == title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_of_what_the_nearest_heading_names() {
        for (template, expect) in [
            ("**Status:** @\n", ""),
            ("# Parquet exporter\n\n**Status:** @\n\n## Redis\n", ""),
            ("## Parquet exporter report\n\n**Status:** @\n\n## Redis\n", ""),
            ("# R\n\n**Parquet exporter**\n\n**Status:** @\n", ""),
            ("# R\n\n## Redis\n\n**Status:** @\n", "Redis"),
            ("# R\n\n## 🔴 3. **Redis** ##\n\n- **Status:** @\n", "Redis"),
            ("# R\n\nRedis\n-----\n\n- **Status:** @\n", "Redis"),
            ("## Redis\n\n**Status:** @\n", "Redis"),
            ("# Redis\n\n**Status:** @\n\n# Database\n", "Redis"),
            ("# R\n\n## Redis\n\n### Summary\n\n**Status:** @\n", "Redis"),
            ("# R\n\n## Redis\n\n## Summary\n\n**Status:** @\n", ""),
            ("# R\n\n## Step 2: Backup\n\n@\n", "Backup"),
            ("# R\n\n### Test 7\n\n**Result:** @\n", "Test 7"),
            ("# R\n\n### Redis 7 cluster\n\n**Result:** @\n", "Redis 7 cluster"),
            ("# R\n\n### S3 Backup\n\n**Result:** @\n", "S3 Backup"),
            ("# R\n\n## Verification Results\n\n**Result:** @\n", ""),
            ("# R\n\n## 📊 Executive Summary\n\n**Result:** @\n", ""),
            ("# R\n\n## Phase 7.8\n\n**Result:** @\n", "Phase 7.8"),
            ("# R\n\n## 7. Deployment Status\n\n**Result:** @\n", ""),
            ("# R\n\n## {{ order.title }}\n\n**Result:** @\n", ""),
            ("# R\n\n## 🏁 สรุปผลการตรวจสอบ\n\n**Result:** @\n", ""),
            ("# R\n\n## สถานะฐานข้อมูล\n\n**Result:** @\n", "สถานะฐานข้อมูล"),
            ("# R\n\n**Redis**\n- **Status:** @\n", "Redis"),
            ("# R\n\nIn short.\n\n**Redis**\n\n**Status:** @\n", "Redis"),
            ("# R\n\n**Redis**\n**Status:** @\n", "Redis"),
            ("# R\n\nRedis:\n\n- Status: @\n", "Redis"),
            ("# R\n\nFiles changed:\n\n- a\n\n**Status:** @\n", ""),
            ("# R\n\n- **Redis**\n  - **Status:** @\n", "Redis"),
            ("# R\n\n- **Redis**\n  **Status:** @\n- x\n", "Redis"),
            ("# R\n\n- **Redis**\n  - a\n- **Status:** @\n", ""),
            ("# R\n\n- **Redis**\n  - Results\n    - **Status:** @\n", "Redis"),
        ] {
            let at = template.find('@').unwrap();
            let places = Places::of(template, &outline::read(template));
            assert_eq!(places.names_at(at).last().map_or("", String::as_str), expect, "{template}");
            assert_eq!(places.is_whole("**Status**", at), expect.is_empty(), "{template}");
            assert!(places.is_whole("Work order status", at), "{template}");
        }
    }

    #[test]
    fn the_order_itself_is_known() {
        let order = Order {
            title: Some("Deploy the parquet exporter".to_owned()),
            phase: Some("7.8".to_owned()),
            ..crate::order::blank("WO-251029-PARQUET")
        };
        for (name, expect) in [
            ("WO-251029-PARQUET – report", true),
            ("Deploy the Parquet Exporter", true),
            ("Phase 7.8 – Parquet exporter", true),
            ("Phase 7.8 – Redis", false),
            ("Phase 7.9 – Parquet exporter", false),
            ("Phase 7.8", true),
            ("Phase 7.8 Verification", true),
            ("Phase 7.9", false),
            ("Phase 1", false),
            ("Phase 7.8.1", false),
            ("Phase 8.7", false),
            ("Exporter", false),
        ] {
            assert_eq!(is_order(&order, &[name.to_owned()]), expect, "{name}");
        }
    }
}
