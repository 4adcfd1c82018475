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
use super::model::{Command, CriterionSource, Item, Span};
use super::names::{self, Role, Scalar};
use super::refusal::ParseRefusal;
use super::source::Remark;
use super::{acceptance, body, criteria, criteria_table, fold, machine, paths, target};

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
        let folded = fold::fold(&duplicate.name);
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
        let name = fold::fold(self.key);
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
                    _ => {}
                }
                self.keep();
            }
        }
        Ok(())
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
        let mut locator = Locator::new(self.draft.source, self.span.clone());
        let before = (self.draft.order.acceptance.len(), self.draft.diagnostics.count());
        match self.value {
            Value::Array(items) => items.iter().for_each(|item| self.criterion(item, &mut locator)),
            Value::Object(map) if has_any(map, METRIC_KEYS) => self.criterion(self.value, &mut locator),
            Value::Object(map) => {
                for (metric, target) in map {
                    self.pair(metric, target, &mut locator);
                }
            }
            Value::String(text) => embedded::read(self.draft, text, &self.span, |sub, blocks| {
                let chunk_blocks = flatten(blocks);
                acceptance::text(sub, &chunk_blocks);
            }),
            Value::Null => {}
            _ => self.malformed("a list of `{ metric: …, target: … }`"),
        }
        if (self.draft.order.acceptance.len(), self.draft.diagnostics.count()) == before
            && !self.value.is_null()
            && !is_empty(self.value)
        {
            self.malformed("a list of `{ metric: …, target: … }`");
        }
    }

    fn criterion(&mut self, item: &Value, locator: &mut Locator<'_>) {
        match item {
            Value::Object(map) => {
                let get = |keys: &[&str]| {
                    keys.iter()
                        .find_map(|key| map.iter().find(|(name, _)| fold::fold(name) == *key).map(|(_, value)| value))
                };
                let (metric, target) = (get(METRIC_KEYS), get(TARGET_KEYS));
                let statement = get(STATEMENT_KEYS).and_then(text_of);
                if let (None, None, Some(text)) = (metric, target, statement) {
                    let span = locator.find(&text);
                    return criteria::from_line(self.draft, &text, CriterionSource::FrontMatter, span);
                }
                if let (None, None, 1, Some((metric, target))) = (metric, target, map.len(), map.iter().next()) {
                    return self.pair(metric, target, locator);
                }
                let part = |keys: &[&str]| get(keys).and_then(text_of).unwrap_or_default();
                let (comparator, unit) = (part(&criteria_table::COMPARATOR), part(&criteria_table::UNIT));
                let target = target.and_then(text_of).map(|value| target::assemble(&comparator, &value, &unit));
                let targets: Vec<String> = target.into_iter().chain(limits(map, &unit)).collect();
                let metric = metric.and_then(text_of);
                let first = targets.first();
                let span = locator.find(metric.as_deref().or(first.map(String::as_str)).unwrap_or(""));
                let measured_by = get(MEASURED_KEYS).and_then(text_of);
                if metric.is_none() || targets.is_empty() {
                    let missing = if metric.is_none() { "metric" } else { "target" };
                    let remark = Remark::error("malformed-acceptance", format!("a criterion has no `{missing}`"))
                        .understood("it can't be judged")
                        .cure("write `- { metric: export.file_size, target: \"<= 5 MB\" }`");
                    self.draft.remark(&span, remark);
                }
                let metric = metric.or_else(|| first.cloned()).unwrap_or_else(|| item.to_string());
                let targets = if targets.is_empty() { vec![String::new()] } else { targets };
                for target in targets {
                    let source = CriterionSource::FrontMatter;
                    criteria::add(self.draft, metric.trim(), target.trim(), measured_by.clone(), source, span.clone());
                }
            }
            Value::Array(_) | Value::Null => self.malformed("a list of `{ metric: …, target: … }`"),
            value => {
                let text = text_of(value).unwrap_or_default();
                let span = locator.find(&text);
                criteria::from_line(self.draft, &text, CriterionSource::FrontMatter, span);
            }
        }
    }

    fn pair(&mut self, metric: &str, target: &Value, locator: &mut Locator<'_>) {
        let span = locator.find(metric);
        match target {
            // a group: `performance: [a < 1 s, b < 2 s]`
            Value::Array(items) if !items.is_empty() => items.iter().for_each(|item| self.criterion(item, locator)),
            Value::Object(map) if !map.is_empty() => match has_any(map, TARGET_KEYS) || is_limited(map) {
                true => {
                    let mut named = map.clone();
                    if !has_any(map, METRIC_KEYS) {
                        named.insert("metric".to_owned(), Value::String(metric.to_owned()));
                    }
                    self.criterion(&Value::Object(named), locator);
                }
                false => map.iter().for_each(|(metric, target)| self.pair(metric, target, locator)),
            },
            Value::Object(_) | Value::Array(_) => {
                let remark =
                    Remark::error("malformed-acceptance", format!("the target of `{metric}` must be one value"))
                        .understood("it can't be judged");
                self.draft.remark(&span, remark.cure("write `\"<= 5 MB\"`"));
                criteria::add(self.draft, metric, "", None, CriterionSource::FrontMatter, span);
            }
            value => criteria::add(
                self.draft,
                metric,
                text_of(value).unwrap_or_default().trim(),
                None,
                CriterionSource::FrontMatter,
                span,
            ),
        }
    }

    fn malformed(&mut self, expected: &str) {
        let remark = Remark::error("malformed-key", format!("`{}` can't be read", self.key))
            .understood("it is not ignored: the order can't run");
        self.draft.remark(&self.span, remark.cure(format!("write {expected}")));
    }

    fn deliverables(&mut self) {
        let mut locator = Locator::new(self.draft.source, self.span.clone());
        match self.value {
            Value::String(text) if text.contains('\n') => {
                embedded::read(self.draft, text, &self.span, |sub, blocks| {
                    let blocks = flatten(blocks);
                    body::deliverables_text(sub, &blocks);
                })
            }
            Value::String(text) => body::deliverable_line(self.draft, text, &self.span),
            Value::Array(items) => {
                for item in items {
                    let text = match item {
                        Value::Object(map) => map_text(map, &["path", "file", "target", "name"]),
                        value => text_of(value),
                    };
                    let Some(text) = text else { continue };
                    let span = locator.find(&text);
                    body::deliverable(self.draft, &text, &span);
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    let span = locator.find(key);
                    // `files: { path: text }`, but also `deliverables: { script: path }`
                    let text = match text_of(value) {
                        Some(value) if !paths::is_path(key, true) && !value.contains('\n') => format!("{key}: {value}"),
                        _ => key.clone(),
                    };
                    body::deliverable(self.draft, &text, &span);
                }
            }
            _ => self.keep(),
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

const METRIC_KEYS: &[&str] = &["metric", "criterion", "check", "name", "key", "test"];
const TARGET_KEYS: &[&str] = &["target", "expected", "threshold", "value", "goal", "expect"];
/// An entry that is a sentence: `- description: File size ≤ 5 MB`.
const STATEMENT_KEYS: &[&str] = &["description", "text", "item", "statement", "condition", "requirement"];
const MEASURED_KEYS: &[&str] = &["measured by", "measurement", "how", "method"];

/// Keys that hold a limit of their own, with the sign that says the same.
const LIMITS: [(&[&str], &str); 6] = [
    (&criteria_table::LEAST, "≥"),
    (&["gte", "ge", ">=", "≥"], "≥"),
    (&["gt", ">", "above", "more than"], ">"),
    (&criteria_table::GREATEST, "≤"),
    (&["lte", "le", "<=", "≤"], "≤"),
    (&["lt", "<", "below", "under", "less than"], "<"),
];

/// What `{ min: 1, max: 5, unit: MB }` asks for, a target for each limit.
fn limits(map: &Map<String, Value>, unit: &str) -> Vec<String> {
    let named = |name: &str| LIMITS.iter().find(|(keys, _)| keys.contains(&name)).map(|(_, sign)| *sign);
    map.iter()
        .filter_map(|(key, value)| Some((named(&limit_name(key))?, text_of(value)?)))
        .map(|(sign, value)| target::assemble(sign, &value, unit))
        .collect()
}

/// Signs are no words, so folding would leave nothing of them.
fn limit_name(key: &str) -> String {
    let folded = fold::fold(key);
    if folded.is_empty() { key.trim().to_owned() } else { folded }
}

/// Whether a map says nothing but limits: `File size: { max: 5 MB }`, not `latency: { p95: 1 s, max: 2 s }`.
fn is_limited(map: &Map<String, Value>) -> bool {
    let is_limit = |key: &String| LIMITS.iter().any(|(keys, _)| keys.contains(&limit_name(key).as_str()));
    let is_part = |key: &String| {
        let name = fold::fold(key);
        [&criteria_table::UNIT[..], MEASURED_KEYS, METRIC_KEYS].iter().any(|known| known.contains(&name.as_str()))
    };
    map.keys().any(is_limit) && map.keys().all(|key| is_limit(key) || is_part(key))
}

fn has_any(map: &Map<String, Value>, keys: &[&str]) -> bool {
    map.keys().any(|key| keys.contains(&fold::fold(key).as_str()))
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
