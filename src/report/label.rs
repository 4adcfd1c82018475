//! What people call a thing, made comparable, and the measurement that it means.
//!
//! Invariant: a name that could mean two measurements means none.

use std::collections::{BTreeSet, HashMap};

use pulldown_cmark::{Event, Parser};

use super::{RunRecord, marks};
use crate::evidence::{Binder, Binding, Judged, Measurement, Value};
use crate::order::fold;

/// The text of one line of inline Markdown: emphasis, code marks, links and escapes taken off.
pub fn plain(markdown: &str) -> String {
    // the letter in front keeps `> 80%` and `- x` from being read as blocks
    let line = format!("x {}", markdown.replace("\\|", "|"));
    let mut out = String::with_capacity(line.len());
    for event in Parser::new(&line) {
        match event {
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::InlineHtml(html) if !html.to_ascii_lowercase().starts_with("<br") => {}
            Event::SoftBreak | Event::HardBreak | Event::InlineHtml(_) => out.push(' '),
            _ => {}
        }
    }
    let out = out.strip_prefix('x').unwrap_or(&out);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Equal for names that differ in case, blanks, punctuation, width or emoji only.
pub fn key(name: &str) -> String {
    fold(&marks::without_green(name, " "))
}

/// The lower-case words of a table header or a list line, emoji and punctuation taken off.
pub fn words(markdown: &str) -> Vec<String> {
    key(&plain(markdown)).split_whitespace().map(str::to_owned).collect()
}

/// The names that a cell may mean its subject by, the most exact first: `LaunchAgent (daily)` → both with and without the
/// remark, `Exporter` + code → each alone.
pub fn names(markdown: &str) -> Vec<String> {
    let whole = plain(markdown);
    let code: Vec<&str> = markdown.split('`').skip(1).step_by(2).filter(|part| !part.trim().is_empty()).collect();
    let outside: String = markdown.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let mut names = vec![whole.clone(), without_remarks(&whole)];
    if markdown.matches('`').count().is_multiple_of(2) {
        names.push(without_remarks(&plain(&outside)));
        names.extend(code.iter().map(|part| (*part).to_owned()));
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| name.len() <= LONGEST && !key(name).is_empty() && seen.insert(key(name)));
    names
}

/// Bytes; nothing that can be measured has a longer name.
const LONGEST: usize = 300;

fn without_remarks(text: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' | '（' => depth += 1,
            ')' | '）' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// What a name means.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning<'r> {
    /// The key, and the newest measurement of it.
    One {
        key: String,
        newest: Option<&'r Measurement>,
    },
    /// These keys; a person must say which.
    Several(Vec<String>),
    Nothing,
}

/// A record with the names that its order and its handler have for what was measured, and everything in it by name.
pub struct Labels<'r> {
    pub record: &'r RunRecord,
    binder: Binder,
    newest: HashMap<&'r str, &'r Measurement>,
    /// By [`key`] of the metric.
    criteria: HashMap<String, Vec<&'r Judged>>,
}

impl<'r> Labels<'r> {
    pub fn of(record: &'r RunRecord) -> Self {
        let mut newest = HashMap::new();
        for measurement in &record.measurements {
            newest.insert(measurement.key.as_str(), measurement);
        }
        let mut criteria: HashMap<String, Vec<&Judged>> = HashMap::new();
        for judged in &record.criteria {
            criteria.entry(key(&judged.metric)).or_default().push(judged);
        }
        let binder = Binder::new(&record.order.bindings, &record.declarations);
        Labels { record, binder, newest, criteria }
    }

    /// What the first of `names` that means anything means: by the order's bindings, by key, by alias.
    pub fn meaning(&self, names: &[String]) -> Meaning<'r> {
        names
            .iter()
            .map(|name| self.meaning_of(name))
            .find(|meaning| *meaning != Meaning::Nothing)
            .unwrap_or(Meaning::Nothing)
    }

    fn meaning_of(&self, name: &str) -> Meaning<'r> {
        let name = marks::without_green(name, " ");
        match self.binder.bind_metric(&name) {
            Binding::Bound { key, .. } => Meaning::One { newest: self.newest.get(key.as_str()).copied(), key },
            Binding::Ambiguous(keys) => Meaning::Several(keys),
            // a handler from outside measures under keys that nobody declared
            Binding::None => match self.newest.get(name.trim()).copied() {
                Some(measurement) => Meaning::One { newest: Some(measurement), key: measurement.key.clone() },
                None => Meaning::Nothing,
            },
        }
    }

    /// The criteria of that metric, in the record's order.
    pub fn criteria(&self, metric: &str) -> &[&'r Judged] {
        self.criteria.get(&key(metric)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The measurement of `key` that was taken last.
pub fn newest<'r>(record: &'r RunRecord, key: &str) -> Option<&'r Measurement> {
    record.measurements.iter().rev().find(|measurement| measurement.key == key)
}

/// Whether what was measured works; `None` for a mere number. A measurement that contradicts itself doesn't work.
pub fn works(measurement: &Measurement) -> Option<bool> {
    match (&measurement.value, measurement.ok) {
        (Value::State { works: false, .. }, _) => Some(false),
        (Value::State { works, .. }, None) => Some(*works),
        (_, ok) => ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_out_of_cells() {
        for (cell, expect) in [
            ("**Exporter**", vec!["Exporter"]),
            ("LaunchAgent (daily)", vec!["LaunchAgent (daily)", "LaunchAgent"]),
            ("Runner `scripts/run.zsh`", vec!["Runner scripts/run.zsh", "Runner", "scripts/run.zsh"]),
            ("✅ Redis", vec!["✅ Redis"]),
            ("  ", vec![]),
        ] {
            assert_eq!(names(cell), expect, "{cell}");
        }
    }

    #[test]
    fn targets_keep_their_comparators() {
        for (cell, expect) in
            [("> 80%", "> 80%"), ("`<5ms`", "<5ms"), ("a \\| b", "a | b"), ("- x", "- x"), ("**≤ 5 MB**", "≤ 5 MB")]
        {
            assert_eq!(plain(cell), expect);
        }
    }

    #[test]
    fn folding_ignores_case_blanks_and_emoji_only() {
        assert_eq!(key("🚀 Launch-Agent ✅ :white_check_mark:"), key("launch agent"));
        assert_ne!(key("Redis 2"), key("Redis"));
        assert_ne!(key("ขนาดไฟล์"), key("ขนาด"));
    }
}
