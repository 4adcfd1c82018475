//! Which handler an order is for: the one it names, else the rules of `wo.toml`, else what the handlers declare. None, or
//! two, is a rejection that names the candidates. Pure.

use std::sync::Arc;

use crate::config::Config;
use crate::handlers::labels::{names_label, texts};
use crate::handlers::{Descriptor, Handler};
use crate::order::Order;

/// The handler and why, or why there is none.
pub fn dispatch(
    order: &Order,
    config: &Config,
    handlers: &[Arc<dyn Handler>],
) -> Result<(Arc<dyn Handler>, String), String> {
    let names = || handlers.iter().map(|handler| handler.descriptor().name).collect::<Vec<_>>().join(", ");
    let find = |name: &str| handlers.iter().find(|handler| handler.descriptor().name == name).cloned();
    if let Some(name) = &order.handler {
        return match find(name) {
            Some(handler) => Ok((handler, "named by the order".to_owned())),
            None => Err(format!("the order names the handler `{name}`, which is not there; known are: {}", names())),
        };
    }
    for rule in &config.dispatch {
        if pattern_matches(&rule.id, &order.id) {
            return match find(&rule.handler) {
                Some(handler) => Ok((handler, format!("rule `{}` of wo.toml", rule.id))),
                None => Err(format!(
                    "the rule `{}` of wo.toml names the handler `{}`, which is not there; known are: {}",
                    rule.id,
                    rule.handler,
                    names()
                )),
            };
        }
    }
    let mut candidates: Vec<(Arc<dyn Handler>, String)> = handlers
        .iter()
        .filter_map(|handler| declares(handler.descriptor(), order).map(|why| (Arc::clone(handler), why)))
        .collect();
    match candidates.len() {
        1 => Ok(candidates.swap_remove(0)),
        0 => Err(format!(
            "no handler takes this order by its id, its deliverables or its service; known are: {}. Name one with `handler:` in the front matter",
            names()
        )),
        _ => Err(format!(
            "more than one handler takes this order: {}. Name one with `handler:` in the front matter",
            candidates
                .iter()
                .map(|(handler, why)| format!("{} ({why})", handler.descriptor().name))
                .collect::<Vec<_>>()
                .join(", ")
        )),
    }
}

/// Why a handler takes the order, from what it declares. An id that fits is not enough when the order lists paths and none
/// of them is the handler's: then it is about something else of a like name.
fn declares(descriptor: &Descriptor, order: &Order) -> Option<String> {
    let paths: Vec<&str> = order.deliverables.iter().filter_map(|deliverable| deliverable.path.as_deref()).collect();
    if let Some(path) = paths.iter().find(|path| descriptor.deliverable_paths.iter().any(|own| is_path(path, own))) {
        return Some(format!("deliverable `{path}`"));
    }
    let listed = order.deliverables.iter().map(|deliverable| deliverable.text.as_str());
    let required = order.requirements.iter().flat_map(texts);
    let named: Vec<&str> = listed.chain(required).collect();
    if let Some(label) =
        descriptor.service_labels.iter().find(|label| named.iter().any(|text| names_label(text, label)))
    {
        return Some(format!("service `{label}`"));
    }
    let pattern = descriptor.id_patterns.iter().find(|pattern| pattern_matches(pattern, &order.id))?;
    let is_akin =
        |path: &&str| descriptor.deliverable_paths.iter().any(|own| own.contains('*') && pattern_matches(own, path));
    (paths.is_empty() || paths.iter().any(is_akin)).then(|| format!("id pattern `{pattern}`"))
}

/// Whether the written path is `own`, given beneath the root or as the end of a longer path.
fn is_path(written: &str, own: &str) -> bool {
    let written = written.trim_start_matches("./");
    written == own || written.strip_suffix(own).is_some_and(|before| before.ends_with('/'))
}

/// `*` stands for any run of characters; case folded.
pub fn pattern_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_ascii_uppercase(), text.to_ascii_uppercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("WO-*-PARQUET-EXPORTER*", "WO-251029-PARQUET-EXPORTER", true),
            ("WO-*-PARQUET-EXPORTER*", "WO-251029-PARQUET-EXPORTER-2", true),
            ("WO-*-PARQUET-EXPORTER*", "wo-251029-parquet-exporter", true),
            ("WO-*-PARQUET-EXPORTER*", "WO-PARQUET-EXPORTER", false),
            ("WO-*", "WO-1", true),
            ("WO-1", "WO-1", true),
            ("WO-1", "WO-12", false),
            ("*", "", true),
            ("A*A", "A", false),
        ] {
            assert_eq!(pattern_matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn labels_are_taken_whole() {
        let label = "com.02luka.analytics.parquet";
        for (text, expected) in [
            ("`com.02luka.analytics.parquet`", true),
            ("~/Library/LaunchAgents/com.02luka.analytics.parquet.plist", true),
            ("com.02luka.analytics.parquet.", true),
            ("com.02luka.analytics.parquet.daily", false),
            ("com.02luka.analytics.parquet2", false),
            ("xcom.02luka.analytics.parquet", false),
        ] {
            assert_eq!(names_label(text, label), expected, "{text}");
        }
    }
}
