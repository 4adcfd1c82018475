//! From the keys of front matter or of a data order (YAML, JSON) to the fields of the model.
//!
//! What must hold: a key that steers the machine and can't be read is an error, never ignored: an order with an unreadable
//! `expires`, `waive` or `requires` must not run as if it had none.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::blocks::Block;
use super::data::{Data, TopKey};
use super::draft::Draft;
use super::embedded::{self, Locator};
use super::identity::Place;
use super::model::{Command, Item, Span};
use super::names::{self, Role, Scalar};
use super::refusal::ParseRefusal;
use super::source::Remark;
use super::{acceptance, body, criterion_map, deliverables, fold, machine, paths};

/// Fills the draft from the map; `end` is where the last key's part ends.
pub(crate) fn apply(draft: &mut Draft<'_>, data: &Data, end: usize) -> Result<(), ParseRefusal> {
    for duplicate in &data.duplicates {
        let span = duplicate.second..duplicate.second + duplicate.name.len();
        let message = format!(
            "`{}` stands there twice (lines {} and {})",
            duplicate.name,
            draft.source.line(duplicate.first),
            draft.source.line(duplicate.second)
        );
        let folded = names::of_key(&duplicate.name);
        let steers = machine::is_machine_key(&folded)
            || matches!(names::scalar(&folded), Some(Scalar::Id | Scalar::Expires | Scalar::Handler));
        let remark = if steers && !duplicate.same {
            Remark::error("duplicate-key", message)
        } else {
            Remark::warning("duplicate-key", message)
        };
        draft.remark(&span, remark.understood("the first counts").cure("keep one of them"));
    }
    for repair in &data.repairs {
        let span = repair.start..repair.start + repair.what.len();
        let remark = Remark::warning("unquoted-value", format!("`{}` is not YAML", repair.what))
            .understood("the value as text")
            .cure("quote the value");
        draft.remark(&span, remark);
    }
    let mut fallback: Vec<(u8, String)> = Vec::new();
    let mut starts: Vec<usize> = data.keys.iter().map(|top| top.start).collect();
    starts.sort_unstable();
    let mut tops: HashMap<&str, &TopKey> = HashMap::new();
    for top in &data.keys {
        tops.entry(&top.name).or_insert(top);
    }
    for (key, value) in &data.map {
        let top = tops.get(key.as_str());
        let start = top.map_or(0, |top| top.start);
        let next = starts.get(starts.partition_point(|at| *at <= start)).copied().unwrap_or(end);
        let raw = top.and_then(|top| top.raw.as_deref());
        let mut field = Field { draft: &mut *draft, key, value, raw, span: start..next.max(start) };
        field.apply(&mut fallback)?;
    }
    fallback.sort_by_key(|(rank, _)| *rank);
    if draft.order.objective.is_none() {
        draft.order.objective = fallback.into_iter().next().map(|(_, text)| text);
    }
    Ok(())
}

struct Field<'d, 'a, 'v> {
    draft: &'d mut Draft<'a>,
    key: &'v str,
    value: &'v Value,
    /// A plain YAML scalar as written.
    raw: Option<&'v str>,
    span: Span,
}

/// The text of a scalar; `None` for null and collections.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

impl Field<'_, '_, '_> {
    fn apply(&mut self, fallback: &mut Vec<(u8, String)>) -> Result<(), ParseRefusal> {
        let name = names::of_key(self.key);
        if machine::apply(self.draft, &name, self.value, &self.span) {
            return Ok(());
        }
        if let Some(scalar) = names::scalar(&name) {
            return self.scalar(scalar);
        }
        match name.as_str() {
            "acceptance" | "acceptance criteria" | "acceptance tests" | "success criteria" | "criteria" => {
                self.acceptance()
            }
            "artifacts" | "artefacts" | "outputs" | "output" | "deliverables" | "deliverable" => self.deliverables(),
            "files" => {
                self.deliverables();
                self.keep();
            }
            "depends on" | "dependencies" | "prerequisites" => self.dependencies(),
            "post verify" | "verification" | "verify" | "verification commands" | "tests" => self.verification(),
            "actions" | "tasks" | "steps" => {
                self.requirements();
                self.keep();
            }
            "requirements" | "requirement" | "scope" => self.requirements(),
            "objective" | "goal" | "objectives" | "goals" => {
                self.text(|draft, text| draft.order.objective = Some(text))
            }
            "next phase" | "next steps" | "next" => self.text(|draft, text| draft.order.next_phase = Some(text)),
            "intent" | "summary" | "task" | "problem" | "description" => {
                let rank = ["intent", "summary", "task", "problem", "description"]
                    .iter()
                    .position(|known| *known == name)
                    .unwrap_or(9);
                let text = text_of(self.value).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
                if name == "task" && !self.draft.is_set(Scalar::Title) && self.draft.order.title.is_none() {
                    self.draft.order.title =
                        text.clone().filter(|text| !text.contains('\n') && text.chars().count() <= 160);
                }
                fallback.extend(text.map(|text| (rank as u8, text)));
                self.keep();
            }
            "tags" | "labels" => self.tags(),
            "body" | "content" | "markdown" => {
                self.body()?;
                self.keep();
            }
            "body file" => {
                let remark =
                    Remark::warning("body-file", "the order's text is said to be in another file, which is not read")
                        .understood("only what stands in this file is ordered")
                        .cure("put the text into `body: |`");
                self.draft.remark(&self.span, remark);
                self.keep();
            }
            // other names for the same: `definition_of_done`, `success_metrics`
            _ => {
                match names::role(&name) {
                    Role::Acceptance => self.acceptance(),
                    Role::Deliverables => self.deliverables(),
                    Role::Dependencies => self.dependencies(),
                    _ => self.tell_no_gate(&name),
                }
                self.keep();
            }
        }
        Ok(())
    }

    /// A key that asks for a person or for other orders by a name that steers nothing: `human_approval`, `blocked_by`.
    fn tell_no_gate(&mut self, name: &str) {
        let texts: Vec<String> = match self.value {
            Value::Array(items) => items.iter().filter_map(text_of).collect(),
            value => text_of(value).into_iter().collect(),
        };
        let says = texts.join(", ");
        let folded = fold::fold(&says);
        let is_off = matches!(folded.as_str(), "" | "no" | "false" | "none" | "off" | "not required" | "n a");
        let last = name.rsplit(' ').next().unwrap_or("");
        let asks_person = matches!(last, "approval" | "approvals" | "gate" | "gates");
        let names_orders = says.to_ascii_uppercase().contains("WO-");
        let is_before = ["after", "blocked", "wait", "waits", "needs", "follows", "predecessor", "predecessors"]
            .iter()
            .any(|word| name.split(' ').any(|part| part == *word));
        let (what, cure) = match () {
            () if is_off => return,
            () if is_before && names_orders => {
                ("names orders, but does not wait for them", "use `requires: [WO-…]` to wait")
            }
            () if asks_person => {
                ("asks nobody: the order runs without an approval", "use `approval: required` to be asked")
            }
            () => return,
        };
        let remark = Remark::warning("no-gate", format!("`{}` {what}", self.key)).cure(cure);
        self.draft.remark(&self.span, remark);
    }

    fn keep(&mut self) {
        self.draft.extra(self.key, self.value.clone(), &self.span);
    }

    fn scalar(&mut self, scalar: Scalar) -> Result<(), ParseRefusal> {
        // a number does not keep leading zeros
        let text = match (self.value, self.raw) {
            (Value::Number(_), Some(raw)) => Some(raw.to_owned()),
            (value, _) => text_of(value),
        };
        match text {
            Some(text) if scalar == Scalar::Created && text.contains("$(") => {
                self.draft.set(scalar, self.key, &text, &self.span, Place::Data)
            }
            Some(text) => self.draft.set(scalar, self.key, text.trim(), &self.span, Place::Data),
            None if *self.value == Value::Null => {
                if scalar == Scalar::Expires {
                    let remark = Remark::warning("no-expires", format!("`{}` is empty", self.key))
                        .understood("the order does not expire")
                        .cure("write e.g. 2025-12-31, or leave the key out");
                    self.draft.remark(&self.span, remark);
                }
                Ok(())
            }
            None => {
                let message = format!("`{}` must be one value", self.key);
                let remark = match scalar {
                    Scalar::Expires | Scalar::Handler | Scalar::Id => Remark::error("wrong-type", message),
                    _ => Remark::warning("wrong-type", message),
                };
                self.draft.remark(
                    &self.span,
                    remark.understood("it is not set").cure(format!("write `{}: value`", self.key)),
                );
                self.keep();
                Ok(())
            }
        }
    }

    fn text(&mut self, set: impl FnOnce(&mut Draft<'_>, String)) {
        let text = match self.value {
            Value::Array(items) => items.iter().filter_map(text_of).collect::<Vec<_>>().join("\n"),
            value => text_of(value).unwrap_or_default(),
        };
        if text.trim().is_empty() {
            self.keep();
        } else {
            set(self.draft, text.trim().to_owned());
        }
    }

    /// A value, a list of values, or a text with a list in it.
    fn acceptance(&mut self) {
        let before = (self.draft.order.acceptance.len(), self.draft.diagnostics.count());
        let locator = Locator::new(self.draft.source, self.span.clone());
        let mut reader =
            criterion_map::Reader { draft: &mut *self.draft, locator, key: self.key, span: self.span.clone() };
        match self.value {
            Value::Array(items) => items.iter().for_each(|item| reader.item(item)),
            Value::Object(map) if criterion_map::is_criterion(map) => reader.object(map),
            Value::Object(map) => map.iter().for_each(|(metric, target)| reader.pair(metric, target)),
            Value::String(text) => embedded::read(self.draft, text, &self.span, |sub, blocks| {
                let chunk_blocks = flatten(blocks);
                acceptance::text(sub, &chunk_blocks);
            }),
            Value::Null => {}
            _ => criterion_map::malformed(self.draft, self.key, &self.span),
        }
        if (self.draft.order.acceptance.len(), self.draft.diagnostics.count()) == before
            && !self.value.is_null()
            && !is_empty(self.value)
        {
            criterion_map::malformed(self.draft, self.key, &self.span);
        }
    }

    fn deliverables(&mut self) {
        let mut locator = Locator::new(self.draft.source, self.span.clone());
        match self.value {
            Value::String(text) if text.contains('\n') => {
                embedded::read(self.draft, text, &self.span, |sub, blocks| {
                    let blocks = flatten(blocks);
                    deliverables::text(sub, &blocks);
                })
            }
            Value::String(text) => deliverables::line(self.draft, text, &self.span),
            Value::Array(items) => items.iter().for_each(|item| self.deliverable(item, &mut locator)),
            Value::Object(map) => self.deliverable_map(map, &mut locator),
            _ => self.keep(),
        }
    }

    /// A path, `{ path: … }`, `- path: what it is` or `- what it is: path`.
    fn deliverable(&mut self, item: &Value, locator: &mut Locator<'_>) {
        match item {
            Value::Array(items) => items.iter().for_each(|item| self.deliverable(item, locator)),
            Value::Object(map) => match map_text(map, &["path", "file", "target", "name"]) {
                Some(text) => {
                    let span = locator.find(&text);
                    deliverables::named(self.draft, &text, &span);
                }
                None => self.deliverable_map(map, locator),
            },
            value => {
                let Some(text) = text_of(value) else { return };
                let span = locator.find(&text);
                deliverables::named(self.draft, &text, &span);
            }
        }
    }

    /// `files: { path: text }`, but also `deliverables: { script: path }`.
    fn deliverable_map(&mut self, map: &Map<String, Value>, locator: &mut Locator<'_>) {
        for (key, value) in map {
            let span = locator.find(key);
            let is_path = paths::is_path(key, true);
            match value {
                // `scripts: [a.zsh, b.zsh]`
                Value::Array(items) if !is_path => items.iter().for_each(|item| self.deliverable(item, locator)),
                value => {
                    let text = match text_of(value) {
                        Some(value) if !is_path && !value.contains('\n') => format!("{key}: {value}"),
                        _ => key.clone(),
                    };
                    deliverables::named(self.draft, &text, &span);
                }
            }
        }
    }

    fn dependencies(&mut self) {
        let mut locator = Locator::new(self.draft.source, self.span.clone());
        let values: Vec<String> = match self.value {
            Value::Array(items) => items
                .iter()
                .filter_map(|item| match item {
                    Value::Object(map) => Some(
                        map.iter()
                            .filter_map(|(key, value)| Some(format!("{key}: {}", text_of(value)?)))
                            .collect::<Vec<_>>()
                            .join(", "),
                    ),
                    value => text_of(value),
                })
                .collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| format!("{key}: {}", text_of(value).unwrap_or_default())).collect()
            }
            Value::String(text) => text.lines().map(|line| line.trim().trim_start_matches("- ").to_owned()).collect(),
            value => text_of(value).into_iter().collect(),
        };
        for text in values.iter().filter(|text| !text.trim().is_empty()) {
            let span = locator.find(text);
            body::dependency(self.draft, text, &span);
        }
        if values.iter().any(|text| text.to_ascii_uppercase().contains("WO-")) {
            let remark = Remark::note("no-gate", format!("`{}` names orders, but does not wait for them", self.key))
                .cure("use `requires: [WO-…]` to wait");
            self.draft.remark(&self.span, remark);
        }
    }

    fn verification(&mut self) {
        let mut locator = Locator::new(self.draft.source, self.span.clone());
        match self.value {
            Value::String(text) if text.contains("```") || text.contains("~~~") => {
                embedded::read(self.draft, text, &self.span, |sub, blocks| body::commands(sub, &blocks));
            }
            Value::String(text) => self.command(text, &mut locator),
            Value::Array(items) => {
                for item in items {
                    let text = match item {
                        Value::Object(map) => map_text(map, &["command", "cmd", "run", "shell", "exec", "test"]),
                        value => text_of(value),
                    };
                    match text {
                        Some(text) => self.command(&text, &mut locator),
                        None => self.draft.remark(
                            &self.span,
                            Remark::warning("no-command", format!("`{}` has an entry without a command", self.key))
                                .understood("it is not run"),
                        ),
                    }
                }
            }
            Value::Object(map) => match map_text(map, &["command", "cmd", "run", "shell", "exec"]) {
                Some(text) => self.command(&text, &mut locator),
                None => self.keep(),
            },
            _ => self.keep(),
        }
    }

    fn command(&mut self, text: &str, locator: &mut Locator<'_>) {
        if !text.trim().is_empty() {
            let span = locator.find(text);
            self.draft.order.verification.push(Command { language: String::new(), text: text.to_owned(), span });
        }
    }

    fn requirements(&mut self) {
        let mut locator = Locator::new(self.draft.source, self.span.clone());
        match self.value {
            Value::String(text) => embedded::read(self.draft, text, &self.span, |sub, blocks| {
                let blocks = flatten(blocks);
                body::requirements_text(sub, &blocks);
            }),
            Value::Array(items) => {
                for item in items {
                    let text = match item {
                        Value::Object(map) => map.values().filter_map(text_of).collect::<Vec<_>>().join(" "),
                        value => text_of(value).unwrap_or_default(),
                    };
                    let first = match item {
                        Value::Object(map) => map.values().find_map(text_of).unwrap_or_default(),
                        _ => text.clone(),
                    };
                    let span = locator.find(&first);
                    if !text.trim().is_empty() {
                        self.draft.order.requirements.push(Item {
                            text: text.trim().to_owned(),
                            children: Vec::new(),
                            span,
                        });
                    }
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    let span = locator.find(key);
                    let text = text_of(value).map_or_else(|| key.clone(), |text| format!("{key}: {text}"));
                    self.draft.order.requirements.push(Item { text, children: Vec::new(), span });
                }
            }
            _ => self.keep(),
        }
    }

    /// A list, or one text with commas.
    fn tags(&mut self) {
        let tags = match self.value {
            Value::String(text) => text
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(|tag| Value::String(tag.to_owned()))
                .collect(),
            Value::Array(items) => items.clone(),
            _ => return self.keep(),
        };
        self.draft.extra(self.key, Value::Array(tags), &self.span);
    }

    /// A whole Markdown order in a key.
    fn body(&mut self) -> Result<(), ParseRefusal> {
        let Value::String(text) = self.value else { return Ok(()) };
        let mut result = Ok(());
        embedded::read(self.draft, text, &self.span, |sub, blocks| {
            let chunks = super::layout::chunks(sub.source, blocks);
            result = body::read(sub, &chunks);
        });
        result
    }
}

fn map_text(map: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter()
        .find_map(|wanted| map.iter().find(|(key, _)| fold::fold(key) == *wanted).and_then(|(_, value)| text_of(value)))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Headings within a text key part nothing.
fn flatten(blocks: Vec<Block>) -> Vec<Block> {
    blocks.into_iter().filter(|block| !matches!(block, Block::Heading { .. } | Block::Rule(_))).collect()
}
