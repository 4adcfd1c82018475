//! Criteria as values of YAML, JSON or TOML: objects with a key for each part, pairs, sentences.
//!
//! What must hold: a key that may change what must hold is read or told, never passed over.

use serde_json::{Map, Value};

use super::criteria::{self, Split};
use super::criteria_columns;
use super::demand::{
    COMPARATOR, CONDITION, Demand, GREATEST, LEAST, MEASURED_BY, PER, SETTING, STATISTIC, TOLERANCE, UNIT,
};
use super::draft::Draft;
use super::embedded::Locator;
use super::fields::text_of;
use super::model::{CriterionSource, Span};
use super::source::Remark;
use super::target::{self, Narrowing};
use super::{denial, elsewhere, fold, names, section_names};

const METRIC_KEYS: &[&str] = &["metric", "criterion", "check", "name", "key", "test"];
const TARGET_KEYS: &[&str] = &["target", "expected", "threshold", "value", "goal", "expect"];
/// An entry that is a sentence: `- description: File size ≤ 5 MB`.
const STATEMENT_KEYS: &[&str] = &["description", "text", "item", "statement", "condition", "requirement", "then"];
/// What is about the criterion and changes nothing of it.
const ASIDES: &[&str] = &[
    "required",
    "must",
    "mandatory",
    "critical",
    "blocking",
    "pass",
    "on fail",
    "on failure",
    "id",
    "no",
    "nr",
    "number",
    "label",
    "title",
    "note",
    "notes",
    "comment",
    "comments",
    "remark",
    "remarks",
    "owner",
    "owners",
    "assignee",
    "weight",
    "priority",
    "prio",
    "severity",
    "type",
    "kind",
    "category",
    "group",
    "tags",
    "labels",
    "description",
    "text",
    "rationale",
    "reason",
    "why",
    "source",
    "ref",
    "reference",
    "link",
    "url",
    "status",
    "actual",
    "current",
    "baseline",
    "date",
    "created",
    "author",
    "evidence",
    "ticket",
    "phase",
    "command",
    "cmd",
    "tool",
    "query",
];

/// Keys whose value may be a comparator, `type: min`; as often it is a kind of criterion, and nothing then.
const KINDS: [&str; 6] = ["type", "kind", "direction", "bound", "sense", "rule"];

/// Keys that say with yes or no whether the target must hold.
const ANSWERS: [&str; 7] = ["expected", "expect", "allowed", "acceptable", "accepted", "permitted", "desired"];

/// Keys that hold a limit of their own, with the sign that says the same.
const LIMITS: [(&[&str], &str); 6] = [
    (&LEAST, "≥"),
    (&["gte", "ge", ">=", "≥"], "≥"),
    (&["gt", ">", "above", "more than"], ">"),
    (&GREATEST, "≤"),
    (&["lte", "le", "<=", "≤"], "≤"),
    (&["lt", "<", "below", "under", "less than"], "<"),
];

/// Whether a map is one criterion rather than a map of criteria.
pub(super) fn is_criterion(map: &Map<String, Value>) -> bool {
    has_any(map, METRIC_KEYS)
}

/// Reads the criteria of one key into the draft.
pub(super) struct Reader<'r, 'd> {
    pub draft: &'r mut Draft<'d>,
    pub locator: Locator<'d>,
    /// The key whose value they are, with its span.
    pub key: &'r str,
    pub span: Span,
}

impl Reader<'_, '_> {
    pub fn item(&mut self, item: &Value) {
        match item {
            Value::Object(map) => self.object(map),
            Value::Array(_) | Value::Null => malformed(self.draft, self.key, &self.span),
            value => {
                let text = text_of(value).unwrap_or_default();
                let span = self.locator.find(&text);
                criteria::from_line(self.draft, &text, CriterionSource::FrontMatter, span);
            }
        }
    }

    pub fn object(&mut self, map: &Map<String, Value>) {
        let outer = self.draft.around();
        self.draft.deny(denying(map));
        for (key, value) in map.iter().filter(|(key, _)| criteria_columns::names_thing(&names::of_key(key))) {
            if let Some(name) = text_of(value).filter(|_| !METRIC_KEYS.contains(&names::of_key(key).as_str())) {
                self.draft.head(&name, true);
            }
        }
        self.parts(map);
        self.draft.restore(&outer);
    }

    /// Reads what stands below the key `name`.
    fn headed(&mut self, name: &str, read: impl FnOnce(&mut Self)) {
        let outer = self.draft.around();
        self.draft.head(name, false);
        read(self);
        self.draft.restore(&outer);
    }

    fn parts(&mut self, map: &Map<String, Value>) {
        let (metric, target) = (get(map, METRIC_KEYS), target(map));
        if metric.is_none() && target.is_none() {
            if let Some((key, text)) = statement(map) {
                let split = criteria::split(fold::strip_marks(&text));
                let rest: Map<String, Value> = map
                    .iter()
                    .filter(|(name, _)| **name != key)
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect();
                return self.stated(&rest, &text, split);
            }
            if let (1, Some((metric, target))) = (map.len(), map.iter().next()) {
                return self.pair(metric, target);
            }
        }
        let demand = demand(map);
        let own = target.and_then(text_of);
        let further = further(map, own.as_deref()).into_iter().map(|value| demand.target(&value));
        let target = own.as_deref().map(|value| demand.target(value));
        let targets: Vec<String> = target.into_iter().chain(further).chain(limits(map, &demand)).collect();
        let metric = metric.and_then(text_of);
        let first = targets.first();
        let span = self.locator.find(metric.as_deref().or(first.map(String::as_str)).unwrap_or(""));
        let measured_by = get(map, &MEASURED_BY).and_then(text_of);
        if metric.is_none() || targets.is_empty() {
            let missing = if metric.is_none() { "metric" } else { "target" };
            let remark = Remark::error("malformed-acceptance", format!("a criterion has no `{missing}`"))
                .understood("it can't be judged")
                .cure("write `- { metric: export.file_size, target: \"<= 5 MB\" }`");
            self.draft.remark(&span, remark);
        }
        let metric = metric.or_else(|| first.cloned()).unwrap_or_else(|| Value::Object(map.clone()).to_string());
        tell_unread(self.draft, map, &metric, &span);
        let targets = if targets.is_empty() { vec![String::new()] } else { targets };
        for target in targets {
            self.add(&metric, &target, &demand.narrowing, measured_by.clone(), span.clone());
        }
    }

    /// A sentence, with further keys that narrow it.
    fn stated(&mut self, rest: &Map<String, Value>, text: &str, split: Split) {
        let span = self.locator.find(text);
        if split.metric.is_empty() {
            return;
        }
        let demand = demand(rest);
        let measured_by = get(rest, &MEASURED_BY).and_then(text_of);
        tell_unread(self.draft, rest, &split.metric, &span);
        let own = if split.is_whole { split.target.clone() } else { demand.target(&split.target) };
        self.add(&split.metric, &own, &demand.narrowing, measured_by.clone(), span.clone());
        for target in limits(rest, &demand) {
            self.add(&split.metric, &target, &demand.narrowing, measured_by.clone(), span.clone());
        }
    }

    fn add(&mut self, metric: &str, target: &str, narrowing: &Narrowing, measured_by: Option<String>, span: Span) {
        let source = CriterionSource::FrontMatter;
        criteria::add_narrowed(self.draft, metric.trim(), target.trim(), narrowing, measured_by, source, span);
    }

    /// `must_not: [File size > 1 kB]` denies what it holds; `out_of_scope` asks for none of it.
    pub fn pair(&mut self, metric: &str, target: &Value) {
        let is_group = matches!(target, Value::Array(_) | Value::Object(_));
        if is_group && section_names::is_excluded_alone(metric) {
            let span = self.locator.find(metric);
            return elsewhere::tell_excluded_list(self.draft, metric, &span);
        }
        let outer = self.draft.deny(denial::of_line(&format!("{metric}: {}", text_of(target).unwrap_or_default())));
        self.named(metric, target);
        self.draft.denied = outer;
    }

    fn named(&mut self, metric: &str, target: &Value) {
        let span = self.locator.find(metric);
        match target {
            // a group: `performance: [a < 1 s, b < 2 s]`
            Value::Array(items) if !items.is_empty() => {
                self.headed(metric, |reader| items.iter().for_each(|item| reader.item(item)));
            }
            Value::Object(map) if !map.is_empty() => match has_any(map, TARGET_KEYS) || is_limited(map) {
                true => {
                    let mut named = map.clone();
                    if !has_any(map, METRIC_KEYS) {
                        named.insert("metric".to_owned(), Value::String(metric.to_owned()));
                    }
                    self.object(&named);
                }
                false => self.headed(metric, |reader| {
                    map.iter().for_each(|(metric, target)| reader.pair(metric, target));
                }),
            },
            Value::Object(_) | Value::Array(_) => {
                let remark =
                    Remark::error("malformed-acceptance", format!("the target of `{metric}` must be one value"))
                        .understood("it can't be judged");
                self.draft.remark(&span, remark.cure("write `\"<= 5 MB\"`"));
                self.add(metric, "", &Narrowing::default(), None, span);
            }
            value => {
                let target = text_of(value).unwrap_or_default();
                self.add(metric, &target, &Narrowing::default(), None, span);
            }
        }
    }
}

/// What can't be read as criteria stops the order.
pub(super) fn malformed(draft: &mut Draft<'_>, key: &str, span: &Span) {
    let remark = Remark::error("malformed-key", format!("`{key}` can't be read"))
        .understood("it is not ignored: the order can't run");
    draft.remark(span, remark.cure("write a list of `{ metric: …, target: … }`"));
}

fn get<'m>(map: &'m Map<String, Value>, keys: &[&str]) -> Option<&'m Value> {
    keys.iter().find_map(|key| map.iter().find(|(name, _)| names::of_key(name) == *key).map(|(_, value)| value))
}

/// The first target; a bare yes or no is one only where nothing else is.
fn target(map: &Map<String, Value>) -> Option<&Value> {
    let found = || TARGET_KEYS.iter().filter_map(|key| get(map, &[key]));
    found().find(|value| answer(value).is_none()).or_else(|| found().next())
}

/// What further keys of targets ask for, as further columns do. `value` is as often what there is.
fn further(map: &Map<String, Value>, own: Option<&str>) -> Vec<String> {
    let Some(own) = own else { return Vec::new() };
    let keys = TARGET_KEYS.iter().filter(|key| **key != "value");
    let texts = keys.filter_map(|key| get(map, &[key])).filter(|value| answer(value).is_none()).filter_map(text_of);
    texts.filter(|text| text != own && criteria_columns::is_further(own, text)).collect()
}

fn answer(value: &Value) -> Option<bool> {
    match text_of(value)?.to_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" | "never" => Some(false),
        _ => None,
    }
}

/// What denies the target of a criterion: `expected: false`, `must_not: true`, `type: forbidden`.
fn denying(map: &Map<String, Value>) -> Option<String> {
    let has_target = target(map).is_some_and(|value| answer(value).is_none());
    map.iter().filter(|_| has_target).find_map(|(key, value)| {
        let name = names::of_key(key);
        let denies = match answer(value) {
            Some(true) => denial::of_label(key).is_some(),
            Some(false) => ANSWERS.contains(&name.as_str()),
            None => {
                // `type: blocker` is how grave it is when the target is missed
                let denies =
                    |text: String| denial::of_label(&text).is_some() && !fold::fold(&text).starts_with("block");
                KINDS.contains(&name.as_str()) && text_of(value).is_some_and(denies)
            }
        };
        denies.then(|| format!("{key}: {}", text_of(value).unwrap_or_default()))
    })
}

/// The comparator that a key such as `type` names: `min`, `upper_bound`, `gte`.
fn kind(key: &str, value: &Value) -> Option<&'static str> {
    let text = text_of(value).filter(|_| KINDS.contains(&names::of_key(key).as_str()))?;
    match fold::fold(&text).as_str() {
        "eq" | "equal" | "equals" | "exact" | "exactly" => Some("="),
        _ => limit_sign(&text).or_else(|| ["=", "=="].contains(&text.trim()).then_some("=")),
    }
}

/// The comparator of an object; of two that differ both, which nothing can be read from.
fn comparator(map: &Map<String, Value>) -> String {
    let given = get(map, &COMPARATOR).and_then(text_of).unwrap_or_default();
    let named = map.iter().find_map(|(key, value)| kind(key, value));
    match named {
        Some(named)
            if given.is_empty() || target::assemble(&given, &format!("{named} 1"), "") == format!("{named} 1") =>
        {
            named.to_owned()
        }
        Some(named) => format!("{given} {named}"),
        None => given,
    }
}

/// The key of the sentence that an entry is, and the sentence.
fn statement(map: &Map<String, Value>) -> Option<(String, String)> {
    STATEMENT_KEYS.iter().find_map(|wanted| {
        let (key, value) = map.iter().find(|(name, _)| names::of_key(name) == *wanted)?;
        Some((key.clone(), text_of(value)?))
    })
}

/// The parts that stand in keys of their own.
fn demand(map: &Map<String, Value>) -> Demand {
    let one = |keys: &[&str]| get(map, keys).and_then(text_of).unwrap_or_default();
    // a list or an object narrows too, though nothing can be read from it
    let named = |keys: &[&str]| {
        let named = map.iter().filter(|(name, _)| keys.contains(&names::of_key(name).as_str()));
        named
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), text_of(value).unwrap_or_else(|| value.to_string())))
            .collect::<Vec<_>>()
    };
    let texts = |keys: &[&str]| named(keys).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
    let is_setting = |name: &str| SETTING.contains(&names::of_key(name).as_str());
    let (settings, conditions): (Vec<_>, Vec<_>) =
        named(&CONDITION).into_iter().partition(|(name, _)| is_setting(name));
    Demand {
        comparator: comparator(map),
        unit: one(&UNIT),
        tolerance: texts(&TOLERANCE).into_iter().next().unwrap_or_default(),
        narrowing: Narrowing {
            statistics: texts(&STATISTIC),
            periods: texts(&PER),
            conditions: conditions.into_iter().map(|(_, text)| text).collect(),
            settings,
        },
    }
}

/// What `{ min: 1, max: 5, unit: MB }` asks for, a target for each limit.
fn limits(map: &Map<String, Value>, demand: &Demand) -> Vec<String> {
    map.iter()
        .filter_map(|(key, value)| Some((limit_sign(key)?, text_of(value)?)))
        .map(|(sign, value)| demand.limit(sign, &value))
        .collect()
}

fn limit_sign(key: &str) -> Option<&'static str> {
    let name = limit_name(key);
    LIMITS.iter().find(|(keys, _)| keys.contains(&name.as_str())).map(|(_, sign)| *sign)
}

/// Signs are no words, so folding would leave nothing of them.
fn limit_name(key: &str) -> String {
    let folded = names::of_key(key);
    if folded.is_empty() { key.trim().to_owned() } else { folded }
}

/// What belongs to a criterion beside its metric, its target and its limits.
fn is_part(key: &str) -> bool {
    let name = names::of_key(key);
    [&UNIT[..], &MEASURED_BY, METRIC_KEYS, &COMPARATOR, &STATISTIC, &PER, &CONDITION, &TOLERANCE]
        .iter()
        .any(|known| known.contains(&name.as_str()))
}

fn is_aside(key: &str) -> bool {
    ASIDES.contains(&names::of_key(key).as_str())
}

/// Whether a map says nothing but limits: `File size: { max: 5 MB }`, not `latency: { p95: 1 s, max: 2 s }`.
fn is_limited(map: &Map<String, Value>) -> bool {
    map.keys().any(|key| limit_sign(key).is_some())
        && map.keys().all(|key| limit_sign(key).is_some() || is_part(key) || is_aside(key))
}

fn tell_unread(draft: &mut Draft<'_>, map: &Map<String, Value>, metric: &str, span: &Span) {
    let is_known = |key: &str| {
        is_part(key)
            || is_aside(key)
            || limit_sign(key).is_some()
            || TARGET_KEYS.contains(&names::of_key(key).as_str())
            || criteria_columns::names_thing(&names::of_key(key))
    };
    let is_read = |(key, value): &(&String, &Value)| is_known(key) || kind(key, value).is_some();
    let unread: Vec<String> =
        map.iter().filter(|entry| !is_read(entry)).map(|(key, _)| key).map(|key| format!("`{key}`")).collect();
    if !unread.is_empty() {
        let remark = Remark::warning(
            "unread-criterion-key",
            format!("{} of the criterion `{}` is not understood", unread.join(", "), metric.trim()),
        )
        .understood("an aside: it changes nothing of what must hold")
        .cure("say it in the target, or in `condition`, `statistic`, `per`, `tolerance`, `min` or `max`");
        draft.remark(span, remark);
    }
}

fn has_any(map: &Map<String, Value>, keys: &[&str]) -> bool {
    map.keys().any(|key| keys.contains(&names::of_key(key).as_str()))
}
