//! Which handler an order is for: the one it names, else the rules of `wo.toml`, else what the handlers declare. None, or
//! two, is a rejection that names the candidates; so is an order to take away what a handler makes. Pure.

use std::sync::Arc;

use super::removal;
use crate::config::Config;
use crate::handlers::labels::{is_mention, names_label, texts};
use crate::handlers::{Descriptor, Handler};
use crate::order::{Deliverable, Order};

/// Why no handler takes an order.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Those that would take it are to take away what one of them made.
    #[error("no handler takes away what another made: {0}")]
    TakesAway(String),
    /// The one that is named is not there, or none fits, or more than one does.
    #[error("{0}")]
    NotOne(String),
}

/// The handler and why, or why there is none.
pub fn dispatch(
    order: &Order,
    config: &Config,
    handlers: &[Arc<dyn Handler>],
) -> Result<(Arc<dyn Handler>, String), Refused> {
    let names = || handlers.iter().map(|handler| handler.descriptor().name).collect::<Vec<_>>().join(", ");
    let find = |name: &str| handlers.iter().find(|handler| handler.descriptor().name == name).cloned();
    let kept = |handler: Arc<dyn Handler>, why: String| match removal::of(order, handler.descriptor()) {
        None => Ok((handler, why)),
        Some(said) => Err(takes_away(&said, handler.descriptor())),
    };
    if let Some(name) = &order.handler {
        return match find(name) {
            Some(handler) => kept(handler, "named by the order".to_owned()),
            None => Err(Refused::NotOne(format!(
                "the order names the handler `{name}`, which is not there; known are: {}",
                names()
            ))),
        };
    }
    for rule in &config.dispatch {
        if pattern_matches(&rule.id, &order.id) {
            return match find(&rule.handler) {
                Some(handler) => kept(handler, format!("rule `{}` of wo.toml", rule.id)),
                None => Err(Refused::NotOne(format!(
                    "the rule `{}` of wo.toml names the handler `{}`, which is not there; known are: {}",
                    rule.id,
                    rule.handler,
                    names()
                ))),
            };
        }
    }
    let (mut candidates, mut taken) = (Vec::new(), None);
    for handler in handlers {
        let Some(why) = declares(handler.descriptor(), order) else { continue };
        match removal::of(order, handler.descriptor()) {
            None => candidates.push((Arc::clone(handler), why)),
            Some(said) => taken = taken.or_else(|| Some(takes_away(&said, handler.descriptor()))),
        }
    }
    match candidates.len() {
        1 => Ok(candidates.swap_remove(0)),
        0 if let Some(why) = taken => Err(why),
        0 => Err(Refused::NotOne(format!(
            "no handler takes this order by its id, its deliverables or its service; known are: {}. Name one with `handler:` in the front matter",
            names()
        ))),
        _ => Err(Refused::NotOne(format!(
            "more than one handler takes this order: {}. Name one with `handler:` in the front matter",
            candidates
                .iter()
                .map(|(handler, why)| format!("{} ({why})", handler.descriptor().name))
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}

/// Why no handler takes an order that says this.
fn takes_away(said: &str, descriptor: &Descriptor) -> Refused {
    Refused::TakesAway(format!("`{said}` asks that of what `{}` makes", descriptor.name))
}

/// Why a handler takes the order, from what it declares. An id that fits is not enough when the order lists paths and none
/// of them is the handler's: then it is about something else of a like name. What is only mentioned says nothing either.
fn declares(descriptor: &Descriptor, order: &Order) -> Option<String> {
    let paths = delivered(&order.deliverables);
    if let Some(path) = paths.iter().find(|path| descriptor.deliverable_paths.iter().any(|own| is_path(path, own))) {
        return Some(format!("deliverable `{path}`"));
    }
    // an item that delivers a file names other things besides
    let listed = order.deliverables.iter().filter(|item| item.path.is_none()).map(|item| item.text.as_str());
    let listed = listed.chain(paths.iter().copied());
    // what is taken away is no part of what is made, unless it all is
    let is_removal = removal::of(order, descriptor).is_some();
    let required = order.requirements.iter().flat_map(texts);
    let required = required.filter(|text| is_removal || !removal::only_takes(text, descriptor));
    let named: Vec<&str> = listed.chain(required).collect();
    if let Some(label) =
        descriptor.service_labels.iter().find(|label| named.iter().any(|text| names_label(text, label)))
    {
        return Some(format!("service `{label}`"));
    }
    let pattern = descriptor.id_patterns.iter().find(|pattern| pattern_matches(pattern, &order.id))?;
    let is_akin =
        |path: &&str| descriptor.deliverable_paths.iter().any(|own| own.contains('*') && pattern_matches(own, path));
    // what is there and stays as it is tells whose work an order of such an id is
    let is_kept = |path: &String| descriptor.deliverable_paths.iter().any(|own| is_path(path, own));
    (paths.is_empty() || paths.iter().any(is_akin) || order.left_alone.iter().any(is_kept))
        .then(|| format!("id pattern `{pattern}`"))
}

/// The path that each item delivers: its first, unless that is only mentioned.
fn delivered(deliverables: &[Deliverable]) -> Vec<&str> {
    let mut found = Vec::new();
    let mut before: Option<&Deliverable> = None;
    for item in deliverables {
        let is_further = before.is_some_and(|before| before.span == item.span && before.text == item.text);
        before = Some(item);
        if let Some(path) = item.path.as_deref().filter(|_| !is_further)
            && !item.text.find(path).is_some_and(|at| is_mention(item.text.get(..at).unwrap_or_default()))
        {
            found.push(path);
        }
    }
    found
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
            ("Schedule it through `com.02luka.analytics.parquet`", true),
            ("It must not run twice; load com.02luka.analytics.parquet", true),
            ("Do not touch `com.02luka.analytics.parquet`, which stays", false),
            ("Convert the files after com.02luka.analytics.parquet has run", false),
            ("like com.02luka.analytics.parquet, but for the UPS", false),
        ] {
            assert_eq!(names_label(text, label), expected, "{text}");
        }
    }

    fn taken(text: &str, name: &str) -> Result<String, Refused> {
        let order = crate::order::parse(text.as_bytes(), name).expect("an order");
        let handlers = crate::handlers::all(&Config::default());
        let found = dispatch(&order, &Config::default(), &handlers);
        found.map(|(handler, _)| handler.descriptor().name.to_owned())
    }

    #[test]
    fn what_is_only_mentioned_gives_an_order_to_nobody() {
        let shipper = "1. `tools/ship.zsh` – replaces `run/parquet_exporter.cjs` in cron\n2. `docs/x.md`\n";
        let ups = "1. `run/ups_monitor.zsh`\n2. `docs/ups.md`: like com.02luka.ops_atomic_monitor, but for the UPS\n";
        let csv = "1. `tools/csv2parquet.py`\n\n## Requirements\n\n\
                   1. **Do not touch** `com.02luka.analytics.parquet`, which stays as it is.\n\
                   2. **Convert** `g/data/*.csv` after com.02luka.analytics.parquet has run.\n";
        let beside = "1. `tools/x.py`\n2. Do not touch `run/parquet_exporter.cjs`\n";
        for (id, body) in [("LOG-SHIPPER", shipper), ("UPS-MONITOR", ups), ("CSV-CONVERTER", csv), ("BESIDE", beside)] {
            let text = format!("# Work Order: WO-251203-{id}\n\n## Deliverables\n\n{body}");
            let found = taken(&text, &format!("WO-251203-{id}.md"));
            assert!(
                found.as_ref().is_err_and(|why| why.to_string().starts_with("no handler takes")),
                "{id}: {found:?}"
            );
        }
        let removal = "# Work Order: WO-251201-PARQUET-EXPORTER-REMOVAL\n\n## Objective\n\nRemove it.\n";
        let found = taken(removal, "WO-251201-PARQUET-EXPORTER-REMOVAL.md");
        assert!(matches!(found, Err(Refused::TakesAway(_))), "{found:?}");
    }

    #[test]
    fn what_stands_before_a_path_describes_it() {
        for (item, expected) in [
            ("New exporter that replaces the CSV dump: `run/parquet_exporter.cjs`", true),
            ("Node script without dependencies: `run/parquet_exporter.cjs`", true),
            ("Runner, called before the digest: `scripts/analytics/run_parquet_exporter.zsh`", true),
            ("Plist (see below): `~/Library/LaunchAgents/com.02luka.analytics.parquet.plist`", true),
            ("Plist (see below) `~/Library/LaunchAgents/com.02luka.analytics.parquet.plist`", true),
            ("Do not touch: `run/parquet_exporter.cjs`", false),
            ("**Leave as it is:** `run/parquet_exporter.cjs`", false),
            ("Notes: see `run/parquet_exporter.cjs`", false),
            ("A shipper (unlike `run/parquet_exporter.cjs`)", false),
        ] {
            let text = format!("# Work Order: WO-2514-NIGHTLY\n\n## Deliverables\n\n1. {item}\n2. `docs/x.md`\n");
            let found = taken(&text, "WO-2514-NIGHTLY.md");
            assert_eq!(found.as_deref().ok() == Some("parquet-exporter"), expected, "{item}: {found:?}");
        }
    }

    #[test]
    fn an_id_may_take_away_something_else() {
        for (id, expected) in [
            ("PARQUET-EXPORTER-RETIRE-CSV", true),
            ("PARQUET-EXPORTER-REMOVE-LOCK", true),
            ("PARQUET-EXPORTER-REMOVAL", false),
            ("PARQUET-EXPORTER-REMOVAL-2", false),
            ("REMOVE-PARQUET-EXPORTER", false),
            ("RETIRE-PARQUET_EXPORTER-NOW", false),
        ] {
            let text = format!("# Work Order: WO-251201-{id}\n\n## Objective\n\nAs it says.\n");
            let found = taken(&text, &format!("WO-251201-{id}.md"));
            assert_eq!(found.as_deref().ok() == Some("parquet-exporter"), expected, "{id}: {found:?}");
        }
    }

    #[test]
    fn what_the_exporter_writes_goes_with_an_id_that_fits() {
        let outputs = "1. `g/analytics/ops_atomic_YYYYMMDD.parquet`\n\
                       2. `g/reports/parquet/parquet_export_summary_YYYYMMDD.md`\n3. `g/logs/parquet_exporter.log`\n";
        for (id, expected) in [("WO-251110-PARQUET-EXPORTER-OUT", true), ("WO-251110-NIGHTLY", false)] {
            for output in outputs.lines().chain([outputs]) {
                let text = format!("# Work Order: {id}\n\n## Deliverables\n\n{output}\n");
                let found = taken(&text, &format!("{id}.md"));
                assert_eq!(found.as_deref().ok() == Some("parquet-exporter"), expected, "{text}: {found:?}");
            }
        }
    }
}
