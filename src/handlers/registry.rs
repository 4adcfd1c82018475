//! All handlers that this root has: those built in and the external ones of `wo.toml`.
//!
//! Invariant: names are unique; an external handler never takes the name of a built-in one.

use std::sync::Arc;

use super::{Handler, external, monitor_fix, parquet_exporter, verification};
use crate::config::Config;

/// Every handler, the built-in ones first.
pub fn all(config: &Config) -> Vec<Arc<dyn Handler>> {
    let mut handlers: Vec<Arc<dyn Handler>> = vec![
        Arc::new(parquet_exporter::ParquetExporter),
        Arc::new(verification::Verification),
        Arc::new(monitor_fix::MonitorFix),
    ];
    #[cfg(any(debug_assertions, feature = "probe"))]
    if std::env::var_os("WO_PROBE").is_some() {
        handlers.push(Arc::new(super::probe::Probe));
    }
    for (name, external) in &config.handlers {
        if handlers.iter().all(|known| known.descriptor().name != name) {
            handlers.push(Arc::new(external::External::new(name, external)));
        }
    }
    handlers
}

/// The handler of that name, for an order that names one or a journal entry that recorded one.
pub fn find(name: &str, config: &Config) -> Option<Arc<dyn Handler>> {
    all(config).into_iter().find(|handler| handler.descriptor().name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::ExternalHandler;
    use crate::evidence::judge::judge;
    use crate::evidence::{Binder, Measurement, Value};
    use crate::order::Criterion;

    fn folded(label: &str) -> String {
        let words: String =
            label.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn no_label_of_a_handler_means_two_measurements() {
        for handler in all(&Config::default()) {
            let mut seen: BTreeMap<String, &str> = BTreeMap::new();
            for declaration in handler.descriptor().measurements.iter() {
                for label in declaration.aliases.iter().chain([&declaration.key]) {
                    let before = seen.insert(folded(label), declaration.key);
                    assert!(
                        before.is_none_or(|key| key == declaration.key),
                        "{label:?} means both {before:?} and {}",
                        declaration.key
                    );
                }
            }
        }
    }

    #[test]
    fn every_default_criterion_is_bound() {
        for handler in all(&Config::default()) {
            let descriptor = handler.descriptor();
            for (metric, _) in descriptor.default_criteria {
                let bound = descriptor.measurements.iter().any(|declaration| {
                    declaration.aliases.iter().chain([&declaration.key]).any(|label| folded(label) == folded(metric))
                });
                assert!(bound, "{}: {metric}", descriptor.name);
            }
        }
    }

    /// `file_size`, `file-size`, `fileSize`: what a program writes for a label.
    fn spellings(label: &str) -> [String; 3] {
        let words: Vec<String> = folded(label).split(' ').map(str::to_owned).collect();
        let capital = |word: &String| word.get(..1).unwrap_or("").to_uppercase() + word.get(1..).unwrap_or("");
        let camel = words.iter().take(1).cloned().chain(words.iter().skip(1).map(capital)).collect();
        [words.join("_"), words.join("-"), camel]
    }

    #[test]
    fn what_lint_binds_the_run_judges_however_a_program_spells_it() {
        let order = crate::order::parse(b"# WO-1\n", "WO-1.md").expect("an order");
        let now = jiff::Timestamp::UNIX_EPOCH;
        let (mut judged_ones, mut lost) = (0, Vec::new());
        for handler in all(&Config::default()) {
            let known = handler.descriptor().measurements;
            let binder = Binder::new(&order.bindings, known);
            let plain = |label: &&&str| label.is_ascii() && !label.contains(['/', '.', '<']);
            let labels = known.iter().flat_map(|one| one.aliases).filter(plain);
            let written = labels.flat_map(|label| spellings(label).map(|one| (label, one)));
            for (label, metric) in
                written.flat_map(|(label, one)| ["OK", "loaded", "0"].map(|target| (label, (one.clone(), target))))
            {
                let (metric, target) = metric;
                let criterion = Criterion {
                    compiled: crate::order::target::compile(&metric, target),
                    metric,
                    target: target.to_owned(),
                    measured_by: None,
                    source: crate::order::CriterionSource::Table,
                    span: 0..0,
                    whose: Vec::new(),
                };
                let Some(key) = binder.key_of(&criterion) else { continue };
                let value = Value::State { works: true, detail: "seen".to_owned() };
                let measured = Measurement::new(key, value, "looked at `g/thing.bin`", now).ok(true);
                let judged = judge(&[criterion], &order, &[measured], known, jiff::civil::date(2025, 10, 30));
                judged_ones += 1;
                lost.extend(
                    judged.into_iter().filter(|one| one.actual.is_none()).map(|one| (label, one.metric, one.reason)),
                );
            }
        }
        assert!(judged_ones > 1_000, "{judged_ones}");
        assert_eq!(lost, []);
    }

    /// What is measured under the name stays asked, whatever stands below it.
    #[test]
    fn no_title_that_sums_up_its_list_is_called_like_a_measurement() {
        for handler in all(&Config::default()) {
            for declaration in handler.descriptor().measurements.iter() {
                for label in declaration.aliases.iter() {
                    let text = format!("# WO-1\n\n## Acceptance\n- {label} healthy\n  - Rows > 0\n");
                    let order = crate::order::parse(text.as_bytes(), "WO-1.md").unwrap();
                    assert_eq!(order.acceptance.len(), 2, "{label}: {:?}", order.acceptance);
                }
            }
        }
    }

    #[test]
    fn an_external_handler_is_found_and_takes_no_name() {
        let mut config = Config::default();
        for name in ["mine", "verification"] {
            let command = vec!["/bin/true".to_owned()];
            config.handlers.insert(name.to_owned(), ExternalHandler { command, deadline_s: None });
        }
        let names: Vec<_> = all(&config).iter().map(|handler| handler.descriptor().name).collect();
        assert_eq!(names, ["parquet-exporter", "verification", "monitor-fix", "mine"]);
        assert!(find("mine", &config).is_some());
        assert!(find("yours", &config).is_none());
    }
}
