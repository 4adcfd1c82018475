//! What an order wants to have verified.

use crate::evidence::Declaration;
use crate::evidence::bind::{Binding, bind};
use crate::handlers::monitor_fix;
use crate::handlers::parquet_exporter;
use crate::order::Order;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Exporter,
    Monitor,
}

pub const UNCLEAR: &str = "what is to be verified can't be told: the order names neither the Parquet exporter nor the monitor\n\
    hint: name it in the title, or add `wo verify parquet` or `wo verify monitor` under Verification";

const EXPORTER: [&str; 6] = ["parquet", "exporter", "export", "exports", "analytics", "duckdb"];
const MONITOR: [&str; 6] = ["monitor", "monitoring", "heartbeat", "heartbeats", "redis", "database"];
/// The phase in which the exporter was deployed, as in ids and in text.
const EXPORTERS_PHASE: [&str; 2] = ["7.8", "7_8"];
/// What is deployed, when nothing else is named, is the exporter.
const DEPLOYED: [&str; 3] = ["the deployment", "is deployed", "was deployed"];

/// What the order is about, in a fixed order; empty where that can't be told. Its commands say it and its title, else its
/// other words, else what its criteria measure.
pub fn of(order: &Order, declarations: &[Declaration]) -> Vec<Subject> {
    let title = [Some(order.id.as_str()), order.title.as_deref(), order.phase.as_deref(), order.template.as_deref()];
    let commands = order.verification.iter().map(|command| command.text.as_str());
    let mut found = named_in(title.into_iter().flatten());
    found.extend(asked_for(commands));
    if found.is_empty() {
        let requirements = order.requirements.iter().map(|item| item.text.as_str());
        found = named_in(order.objective.as_deref().into_iter().chain(requirements));
    }
    if found.is_empty() {
        found = measured(order, declarations);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn named_in<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Subject> {
    let mut found = Vec::new();
    for text in texts {
        let text = text.to_lowercase();
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        let has = |known: &[&str]| words.iter().any(|word| known.contains(word));
        if has(&EXPORTER) || EXPORTERS_PHASE.iter().chain(&DEPLOYED).any(|part| text.contains(part)) {
            found.push(Subject::Exporter);
        }
        if has(&MONITOR) {
            found.push(Subject::Monitor);
        }
    }
    found
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

fn measured(order: &Order, declarations: &[Declaration]) -> Vec<Subject> {
    let of = |key: &str, known: &[Declaration]| known.iter().any(|declaration| declaration.key == key);
    let mut found = Vec::new();
    for criterion in &order.acceptance {
        let Binding::Bound { key, .. } = bind(&criterion.metric, &order.bindings, declarations) else { continue };
        let exporters = of(&key, parquet_exporter::declarations::DECLARATIONS);
        let monitors = of(&key, monitor_fix::declarations::DECLARATIONS);
        match (exporters, monitors) {
            (true, false) => found.push(Subject::Exporter),
            (false, true) => found.push(Subject::Monitor),
            _ => {}
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
        let cases: [(&str, &[Subject]); 13] = [
            ("# WO-1-VERIFY-PARQUET\n", &[Exporter]),
            ("# WO-1-PHASE7_8_VERIFICATION\n", &[Exporter]),
            ("# WO-1-VERIFY\n\n**Phase:** 7.8 – Data Analytics Integration\n", &[Exporter]),
            ("# WO-1-VERIFY\n\n## Objective\n\nVerify the deployment.\n", &[Exporter]),
            ("# WO-1-OPS-MONITOR-VERIFICATION\n", &[Monitor]),
            ("# WO-1-VERIFY\n\n## Verification\n\n```bash\nwo verify monitor\n```\n", &[Monitor]),
            ("# WO-1-VERIFY-PARQUET\n\n## Verification\n\n```bash\nwo verify monitor\n```\n", &[Exporter, Monitor]),
            ("# WO-1-VERIFY\n\n## Objective\n\nSee that heartbeats come.\n", &[Monitor]),
            (
                "# WO-1-VERIFY\n\n## Acceptance Criteria\n\n| Metric | Target |\n|---|---|\n| File size | ≤ 5 MB |\n",
                &[Exporter],
            ),
            (
                "# WO-1-BACKUP-VERIFICATION\n\n## Objective\n\nVerify that last night's NAS backup can be restored.\n",
                &[],
            ),
            ("# WO-1-VERIFY\n", &[]),
            ("# WO-1-BACKUP-DEPLOYMENT-VERIFY\n", &[]),
            ("# WO-1-MONITORX-VERIFY\n", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(subjects(text), expected, "{text}");
        }
    }
}
