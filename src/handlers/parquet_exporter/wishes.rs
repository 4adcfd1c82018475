//! What requirements ask of the export that it doesn't do: a codec that it doesn't write, a period that is neither a day nor a
//! week, a service of another name. Pure.
//!
//! Invariant: none of it is passed over; each is a criterion, which what was deployed then doesn't meet, and a note.

use super::{codec, period, timing};
use crate::deployed::record::{Deployment, EXPORT_LABEL};
use crate::evidence::subject;
use crate::handlers::Unmet;
use crate::handlers::labels::{names_label, texts};
use crate::order::{Item, Order};

/// A word before a service's label in a requirement to install it.
const INSTALLING: [&str; 9] = ["install", "load", "register", "bootstrap", "deploy", "name", "label", "create", "as"];

pub fn unmet(order: &Order) -> Vec<Unmet> {
    let mut found = Vec::new();
    let label = label(order);
    // the day may be named by another requirement
    let is_kept =
        |period: &str| period::is_weekly(&period.split(' ').collect::<Vec<_>>()) && timing::requires_day(order, label);
    if !timing::is_accepted(order)
        && let Some(wish) = period::wishes(order, label).iter().find(|wish| !is_kept(&wish.text))
    {
        found.push(Unmet {
            key: "export.frequency",
            metric: "Export frequency".to_owned(),
            target: wish.text.clone(),
            instead: "this handler schedules one run a day, or a week on a day that is named".to_owned(),
            span: wish.span.clone(),
        });
    }
    if let Some(wish) = codec::unmet(order) {
        found.push(Unmet {
            key: "export.compression",
            metric: "Compression".to_owned(),
            target: wish.codec,
            instead: "this handler writes snappy or zstd, one of them".to_owned(),
            span: wish.span,
        });
    }
    for item in &order.requirements {
        if let Some(other) = other_label(item, label) {
            found.push(Unmet {
                key: "service.loaded",
                metric: format!("LaunchAgent loaded ({other})"),
                target: "yes".to_owned(),
                instead: format!(
                    "the service is `{label}`; list `~/Library/LaunchAgents/{other}.plist` among the deliverables"
                ),
                span: item.span.clone(),
            });
        }
    }
    found
}

/// Tells what is not met. A period that is, but for its days, has a note of its own.
pub fn note_unmet(order: &Order, deployment: &Deployment, notes: &mut Vec<String>) {
    for one in unmet(order) {
        let target = crate::text::line(&one.target, 60);
        match one.key {
            "export.frequency" if target.contains("weekdays") => {}
            "export.frequency" => {
                notes.push(format!("`{target}`: {}; it runs {}", one.instead, timing::in_words(deployment)));
            }
            "service.loaded" => notes.push(format!("`{}` is not installed: {}", one.metric, one.instead)),
            _ => {}
        }
    }
}

/// The label of the service: that of a plist among the deliverables, else the handler's.
fn label(order: &Order) -> &str {
    let plists =
        order.deliverables.iter().filter_map(|item| item.path.as_deref()?.rsplit('/').next()?.strip_suffix(".plist"));
    plists.into_iter().next().unwrap_or(EXPORT_LABEL)
}

/// Another label under which a requirement wants the service.
fn other_label(item: &Item, label: &str) -> Option<String> {
    texts(item).into_iter().find_map(|text| {
        let names = subject::names_in(text).into_iter().map(|name| name.trim_end_matches(".plist").to_owned());
        names.into_iter().find(|name| {
            let at = text.find(name.as_str()).unwrap_or(0);
            let before = text.get(..at).unwrap_or("").to_lowercase();
            let words: Vec<&str> =
                before.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
            let installs = words.first().is_some_and(|first| INSTALLING.contains(first))
                || words.last().is_some_and(|last| ["as", "label", "named", "name"].contains(last));
            name.starts_with("com.") && name != label && installs && names_label(text, name)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Binder;
    use crate::handlers::parquet_exporter::DECLARED;

    #[test]
    fn what_is_not_done_is_a_criterion_that_is_bound() {
        for (requirements, acceptance, expect) in [
            ("1. **Schedule** the export every 6 hours", "", "export.frequency every 6 hours"),
            ("1. **Schedule** the export every 6 hours", "- Export frequency: 1× daily (02:30)", ""),
            ("1. Compress with gzip", "", "export.compression gzip"),
            ("1. Install as `com.02luka.analytics.parquet.v2`, daily 02:30", "", "service.loaded yes"),
            ("1. Install `com.02luka.analytics.parquet`, daily 02:30", "", ""),
            ("1. **Load** com.02luka.analytics.parquet after com.02luka.digest", "", ""),
            ("1. **Keep** `com.02luka.digest`", "", ""),
            ("1. Use zstd, daily at 03:00", "", ""),
            ("1. Schedule: weekly", "", "export.frequency weekly"),
            ("1. Schedule: weekly\n2. Run on Sundays at 03:00", "", ""),
        ] {
            let text = format!(
                "# Work Order: WO-1-PARQUET-EXPORTER\n\n## Requirements\n\n{requirements}\n\n## Acceptance\n\n- File size ≤ 5 MB\n{acceptance}\n"
            );
            let order = crate::order::parse(text.as_bytes(), "WO-1-PARQUET-EXPORTER.md").expect("an order");
            let found = unmet(&order);
            let shown: Vec<String> = found.iter().map(|one| format!("{} {}", one.key, one.target)).collect();
            assert_eq!(shown.join("; "), expect, "{requirements}");
            let binder = Binder::new(&order.bindings, &DECLARED);
            for one in &found {
                assert_eq!(binder.key_of(&one.criterion()).as_deref(), Some(one.key), "{requirements}");
            }
        }
    }
}
