//! What an order wants to have verified.

use crate::evidence::{Binder, Binding, BoundBy, Declaration, Vocabulary};
use crate::handlers::monitor_fix;
use crate::handlers::parquet_exporter;
use crate::order::Order;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Exporter,
    Monitor,
}

pub const UNCLEAR: &str = "what is to be verified can't be told: the order names neither the Parquet exporter nor the monitor\n\
    hint: name it in the title, as `params: { subject: parquet }` or `{ subject: monitor }`, or add `wo verify parquet` or `wo verify monitor` under Verification";

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
    if found.is_empty() && has_general_id(order) {
        let keys = exporters_keys(order, known);
        let is_exporters = match phase.contains(&Subject::Exporter) {
            true => !keys.is_empty(),
            false => OF_PARQUET.iter().filter(|key| keys.iter().any(|own| own == *key)).count() >= 2,
        };
        found.extend(is_exporters.then_some(Subject::Exporter));
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

/// The keys of the exporter alone that criteria are bound to.
fn exporters_keys(order: &Order, known: &Vocabulary) -> Vec<String> {
    let of = |key: &str, known: &[Declaration]| known.iter().any(|declaration| declaration.key == key);
    let binder = Binder::new(&order.bindings, known);
    let bound = order.acceptance.iter().filter_map(|criterion| binder.key_of(criterion));
    bound
        .filter(|key| {
            of(key, parquet_exporter::declarations::DECLARATIONS) && !of(key, monitor_fix::declarations::DECLARATIONS)
        })
        .collect()
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
/// anything has.
fn measured(order: &Order, known: &Vocabulary) -> Vec<Subject> {
    let of = |key: &str, known: &[Declaration]| known.iter().any(|declaration| declaration.key == key);
    let binder = Binder::new(&order.bindings, known);
    let mut found = Vec::new();
    for criterion in &order.acceptance {
        let Binding::Bound { key, by } = binder.bind(criterion) else { continue };
        let metric = criterion.metric.as_str();
        let is_own = by != BoundBy::Alias || metric.contains(['/', '.']) || !named_in([metric].into_iter()).is_empty();
        if !is_own {
            continue;
        }
        let exporters = of(&key, parquet_exporter::declarations::DECLARATIONS);
        let monitors = of(&key, monitor_fix::declarations::DECLARATIONS);
        match (exporters, monitors) {
            (true, false) => found.push(Subject::Exporter),
            (false, true) => found.push(Subject::Monitor),
            // both have such a thing; the name says whose it is
            _ => found.extend(named_in([metric].into_iter())),
        }
    }
    found
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
        let cases: [(String, &[Subject]); 41] = [
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
            ("# WO-1-VERIFY\n".into(), &[]),
            ("# WO-1-BACKUP-DEPLOYMENT-VERIFY\n".into(), &[]),
            ("# WO-1-MONITORX-VERIFY\n".into(), &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(subjects(&text), expected, "{text}");
        }
    }
}
