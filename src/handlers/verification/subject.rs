//! What an order wants to have verified.

use std::collections::BTreeSet;

use crate::evidence::{Binder, Binding, BoundBy, Declaration, Vocabulary, subject};
use crate::handlers::monitor_fix;
use crate::handlers::parquet_exporter;
use crate::order::Order;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Exporter,
    Monitor,
}

pub const UNCLEAR: &str =
    "what is to be verified can't be told: the order names neither the Parquet exporter nor the monitor";
pub const CURE: &str = "name it in the title, as `params: { subject: parquet }` or `{ subject: monitor }`, or add `wo verify parquet` or `wo verify monitor` under Verification";

const EXPORTER: [&str; 3] = ["parquet", "exporter", "duckdb"];
const MONITOR: [&str; 3] = ["heartbeat", "heartbeats", "redis"];
/// What is called a monitor is ours only by its name, or when nothing tells it from ours.
const MONITORS: [&str; 2] = ["monitor", "monitoring"];
const OUR_MONITOR: [&str; 13] = [
    "ops",
    "atomic",
    "heartbeat",
    "health",
    "system",
    "the",
    "our",
    "verify",
    "verification",
    "check",
    "of",
    "for",
    "wo",
];
/// The phase in which the exporter was deployed, as in ids and in text.
const EXPORTERS_PHASE: [&str; 2] = ["7.8", "7_8"];
/// What is deployed, when nothing else is named, is the exporter.
const DEPLOYED: [&str; 3] = ["the deploy", "is deployed", "was deployed"];
/// Words of an id that say nothing of what it is about.
const GENERAL: [&str; 13] = [
    "analytics",
    "wo",
    "verify",
    "verification",
    "verifications",
    "phase",
    "report",
    "run",
    "rerun",
    "check",
    "checks",
    "deployment",
    "final",
];

/// What the order is about, in a fixed order; empty where that can't be told. Its `subject` says it, its commands and its
/// title, else its other words, else what its criteria measure, else its phase.
pub fn of(order: &Order, known: &Vocabulary) -> Vec<Subject> {
    if let Some(subject) = order.params.get("subject").and_then(|subject| subject.as_str()) {
        return match subject.trim().to_lowercase().as_str() {
            "monitor" => vec![Subject::Monitor],
            word if EXPORTER.contains(&word) || word == "parquet-exporter" => vec![Subject::Exporter],
            _ => Vec::new(),
        };
    }
    let title = [Some(order.id.as_str()), order.title.as_deref(), order.template.as_deref()];
    let commands = order.verification.iter().map(|command| command.text.as_str());
    let mut found = named_in(title.into_iter().flatten());
    found.extend(asked_for(commands));
    if found.is_empty() {
        let requirements = order.requirements.iter().map(|item| item.text.as_str());
        found = named_in(order.objective.as_deref().into_iter().chain(requirements));
    }
    if found.is_empty() {
        found = measured(order, known);
    }
    let phase = named_in(order.phase.as_deref().into_iter());
    if found.is_empty() && says_nothing_else(order) {
        found.clone_from(&phase);
    }
    if found.is_empty() && has_general_id(order) && phase.contains(&Subject::Exporter) {
        found.extend((!Keys::of(order).exporters.is_empty()).then_some(Subject::Exporter));
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn named_in<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Subject> {
    let mut found = Vec::new();
    for text in texts {
        let text = text.to_lowercase();
        let words = words(&text);
        let has = |known: &[&str]| words.iter().any(|word| known.contains(word));
        if has(&EXPORTER) || EXPORTERS_PHASE.iter().chain(&DEPLOYED).any(|part| text.contains(part)) {
            found.push(Subject::Exporter);
        }
        let is_ours = |at: usize| match at.checked_sub(1).and_then(|before| words.get(before)) {
            // `parquet and monitor`
            Some(&"and") => has(&EXPORTER),
            Some(before) => OUR_MONITOR.contains(before) || before.chars().all(|c| c.is_ascii_digit()),
            None => true,
        };
        let monitors = words.iter().enumerate().any(|(at, word)| MONITORS.contains(word) && is_ours(at));
        if has(&MONITOR) || monitors {
            found.push(Subject::Monitor);
        }
    }
    found
}

fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect()
}

/// Whether the phase is all that the order says of its subject.
fn says_nothing_else(order: &Order) -> bool {
    has_general_id(order) && order.objective.is_none() && order.requirements.is_empty()
}

/// Dates, numbers and general words.
fn has_general_id(order: &Order) -> bool {
    let id = order.id.to_lowercase();
    let is_general = |word: &&str| GENERAL.contains(word) || word.starts_with(|c: char| c.is_ascii_digit());
    words(&id).iter().all(is_general)
}

/// What a file of rows has, and little else; two of them together speak of the exporter's.
const OF_PARQUET: [&str; 4] =
    ["export.compression", "export.schema_mismatches", "export.schema_consistency", "export.rows"];

/// The keys that criteria are bound to by labels that one subject alone has.
struct Keys {
    exporters: BTreeSet<String>,
    monitors: BTreeSet<String>,
}

impl Keys {
    fn of(order: &Order) -> Keys {
        let exporters = Binder::new(&order.bindings, &super::OF_EXPORTER);
        let monitors = Binder::new(&order.bindings, &super::OF_MONITOR);
        let mut keys = Keys { exporters: BTreeSet::new(), monitors: BTreeSet::new() };
        for criterion in &order.acceptance {
            match (exporters.key_of(criterion), monitors.key_of(criterion)) {
                (Some(key), None) => keys.exporters.insert(key),
                (None, Some(key)) => keys.monitors.insert(key),
                _ => false,
            };
        }
        keys
    }

    /// Whose they are by their number: two of one subject, or one where the other has none. An order that doesn't name its handler
    /// may be about anything that has a size and errors.
    fn settle(&self, names_handler: bool) -> Vec<Subject> {
        let is_enough = |own: &BTreeSet<String>, others: &BTreeSet<String>| own.len() > 1 || own.len() > others.len();
        if !names_handler {
            let of_parquet = OF_PARQUET.iter().filter(|key| self.exporters.contains(**key)).count();
            return if of_parquet > 1 { vec![Subject::Exporter] } else { Vec::new() };
        }
        let exporters = is_enough(&self.exporters, &self.monitors).then_some(Subject::Exporter);
        let monitors = is_enough(&self.monitors, &self.exporters).then_some(Subject::Monitor);
        exporters.into_iter().chain(monitors).collect()
    }
}

/// Whether the exporter and whether the monitor is measured under a key.
fn owners(key: &str) -> (bool, bool) {
    let of = |known: &[Declaration]| known.iter().any(|declaration| declaration.key == key);
    (of(parquet_exporter::declarations::DECLARATIONS), of(monitor_fix::declarations::DECLARATIONS))
}

/// Whether the order names a thing that is neither subject's: a backup, another database.
fn names_another(order: &Order) -> bool {
    const OURS: [&str; 3] = ["heartbeat", "monitor", "json"];
    let texts = [Some(order.id.as_str()), order.title.as_deref(), order.objective.as_deref()];
    let requirements = order.requirements.iter().map(|item| item.text.as_str());
    let mut texts = texts.into_iter().flatten().chain(requirements);
    texts.any(|text| subject::things_in(text).iter().any(|thing| !OURS.contains(&thing.as_str())))
}

fn asked_for<'a>(commands: impl Iterator<Item = &'a str>) -> Vec<Subject> {
    let mut found = Vec::new();
    for command in commands {
        let asks = |subject: &str| {
            ["wo verify ", "verify_", "verify-"].iter().any(|start| command.contains(&format!("{start}{subject}")))
        };
        if asks("parquet") {
            found.push(Subject::Exporter);
        }
        if asks("monitor") {
            found.push(Subject::Monitor);
        }
    }
    found
}

/// A criterion tells the subject by a whole key, a path or a label, or by a word that names it. `Checks` or `Errors` are what
/// anything has, and tell it by their number where nothing else is spoken of. What both measure, and what heartbeats say, tells
/// nothing beside what one alone does.
fn measured(order: &Order, known: &Vocabulary) -> Vec<Subject> {
    let binder = Binder::new(&order.bindings, known);
    let (mut found, mut named) = (Vec::new(), Vec::new());
    for criterion in &order.acceptance {
        let Binding::Bound { key, by } = binder.bind(criterion) else { continue };
        let metric = criterion.metric.as_str();
        let own = named_in([metric].into_iter());
        match owners(&key) {
            (true, false) | (false, true) if by == BoundBy::Alias && !metric.contains(['/', '.']) && own.is_empty() => {
            }
            (true, false) => found.push(Subject::Exporter),
            (false, true) => found.push(Subject::Monitor),
            // both have such a thing; the name says whose it is
            _ => named.extend(own),
        }
    }
    if !names_another(order) {
        found.extend(Keys::of(order).settle(order.handler.is_some()));
    }
    if found.is_empty() { named } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects(text: &str) -> Vec<Subject> {
        let order = crate::order::parse(text.as_bytes(), "WO-1-VERIFY.md").expect("an order");
        of(&order, &super::super::DECLARED)
    }

    #[test]
    fn an_order_says_what_it_verifies() {
        use Subject::{Exporter, Monitor};
        let metric = |name: &str| {
            format!("# WO-1-VERIFY\n\n## Acceptance Criteria\n\n| Metric | Target |\n|---|---|\n| {name} | OK |\n")
        };
        let with_phase = |rest: &str| format!("# WO-1-VERIFY{rest}\n\n**Phase:** 7.8 – Data Analytics Integration\n");
        let rows = |id: &str, rest: &str, names: [&str; 3]| {
            let names: String = names.iter().map(|name| format!("| {name} | 0 |\n")).collect();
            format!(
                "# {id}\n{rest}\n## Objective\n\nVerify yesterday's rollout.\n\n## Acceptance\n\n| Metric | Target |\n|---|---|\n{names}"
            )
        };
        let phase = "\n**Phase:** 7.8 – Data Analytics Integration\n";
        let named = |handler: &str, metrics: &[&str]| {
            let rows: String = metrics.iter().map(|name| format!("| {name} | 0 |\n")).collect();
            let handler = if handler.is_empty() { String::new() } else { format!("handler: {handler}\n") };
            format!(
                "---\nid: WO-1-VERIFY-NIGHTLY\n{handler}---\n# Nightly check\n\n## Acceptance\n\n| Metric | Target |\n|---|---|\n{rows}"
            )
        };
        let cases: [(String, &[Subject]); 53] = [
            (rows("WO-2514v02-VERIFICATION", phase, ["File size", "Errors", "x"]), &[Exporter]),
            (rows("WO-2514v02-VERIFICATION", "", ["File size", "Errors", "x"]), &[]),
            (rows("WO-1-VERIFICATION", "", ["Compression", "Schema mismatch", "File size"]), &[Exporter]),
            (rows("WO-1-BACKUP-VERIFICATION", "", ["Compression", "Schema mismatch", "File size"]), &[]),
            (rows("WO-1-VERIFICATION", phase, ["Restore time", "x", "y"]), &[]),
            ("# WO-1-SYSTEM-MONITOR-VERIFY\n".into(), &[Monitor]),
            ("# WO-1-VERIFY-PARQUET\n".into(), &[Exporter]),
            ("# WO-1-PHASE7_8_VERIFICATION\n".into(), &[Exporter]),
            (with_phase(""), &[Exporter]),
            (with_phase("-TAX-RETURN"), &[]),
            (with_phase("") + "\n## Objective\n\nCheck the tax return twice.\n", &[]),
            ("# WO-1-VERIFY\n\n## Objective\n\nVerify the deployment.\n".into(), &[Exporter]),
            ("# WO-1-OPS-MONITOR-VERIFICATION\n".into(), &[Monitor]),
            ("# WO-1-VERIFY-MONITOR\n".into(), &[Monitor]),
            ("# WO-251120-MONITOR-VERIFICATION\n".into(), &[Monitor]),
            ("# WO-1-VERIFY-UPS-MONITOR\n".into(), &[]),
            ("# WO-1-VERIFY-PARQUET-AND-MONITOR\n".into(), &[Exporter, Monitor]),
            ("# WO-1-VERIFY-UPS-AND-MONITOR\n".into(), &[]),
            ("# WO-1-VERIFY-DATABASE-BACKUP\n".into(), &[]),
            ("# WO-1-VERIFY-CSV-EXPORT\n".into(), &[]),
            ("---\nparams: {subject: parquet}\n---\n# WO-1-VERIFY\n".into(), &[Exporter]),
            ("---\nparams: {subject: monitor}\n---\n# WO-1-VERIFY-PARQUET\n".into(), &[Monitor]),
            ("---\nparams: {subject: backups}\n---\n# WO-1-VERIFY-PARQUET\n".into(), &[]),
            ("# WO-1-VERIFY\n\n## Verification\n\n```bash\nwo verify monitor\n```\n".into(), &[Monitor]),
            (
                "# WO-1-VERIFY-PARQUET\n\n## Verification\n\n```bash\nwo verify monitor\n```\n".into(),
                &[Exporter, Monitor],
            ),
            ("# WO-1-VERIFY\n\n## Objective\n\nSee that heartbeats come.\n".into(), &[Monitor]),
            (metric("export.file_size"), &[Exporter]),
            (metric("`g/analytics/ops_atomic_YYYYMMDD.parquet`"), &[Exporter]),
            (metric("LaunchAgent com.02luka.analytics.parquet"), &[Exporter]),
            (metric("Parquet file size"), &[Exporter]),
            (metric("DuckDB readable"), &[Exporter]),
            (metric("Redis"), &[Monitor]),
            // anything has these
            (metric("File size"), &[]),
            (metric("Verification"), &[]),
            (metric("Errors"), &[]),
            (metric("Readable"), &[]),
            (metric("Overall status"), &[]),
            (
                "# WO-1-BACKUP-VERIFICATION\n\n## Objective\n\nVerify that last night's NAS backup can be restored.\n"
                    .into(),
                &[],
            ),
            (named("", &["Compression", "Schema mismatches"]), &[Exporter]),
            (named("", &["File size", "Compression"]), &[]),
            (named("verification", &["File size", "Compression"]), &[Exporter]),
            (named("verification", &["File size"]), &[Exporter]),
            (named("verification", &["File size", "Exit code"]), &[]),
            (named("verification", &["File size", "Rows", "LaunchAgent", "Redis uptime", "Exit code"]), &[Exporter]),
            (named("verification", &["File size", "Rows", "Redis connectivity"]), &[Exporter, Monitor]),
            (named("verification", &["File size", "Rows", "Exit code", "Quick check"]), &[Exporter, Monitor]),
            (named("verification", &["Exit code", "LaunchAgent"]), &[Monitor]),
            (named("verification", &["LaunchAgent", "Errors"]), &[]),
            (named("verification", &["File size", "Rows"]).replace("NIGHTLY", "BACKUP"), &[]),
            (named("verification", &["Redis uptime"]), &[Monitor]),
            ("# WO-1-VERIFY\n".into(), &[]),
            ("# WO-1-BACKUP-DEPLOYMENT-VERIFY\n".into(), &[]),
            ("# WO-1-MONITORX-VERIFY\n".into(), &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(subjects(&text), expected, "{text}");
        }
    }
}
