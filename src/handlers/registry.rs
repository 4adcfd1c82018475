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
