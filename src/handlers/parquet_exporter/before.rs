//! What an earlier order deployed here, and what of it an order leaves as it is. Pure.
//!
//! An order changes what it speaks of. Under the label that is deployed, what it says nothing of stays: scripts, time,
//! codec, log and summaries. Under another label it deploys anew, and the service of the earlier one is taken out of the
//! schedule, for the two would write the same files. What nothing replaces and nothing checks any more is told.

use jiff::civil::Time;

use super::{DECLARED, period, timing};
use crate::config::Config;
use crate::deployed::record::Deployment;
use crate::evidence::Binder;
use crate::handlers::place::{Bounds, Place, place};
use crate::order::Order;
use crate::order::target::{Period, Target, Weekday};

/// What stays where the order is silent, if it is about the service that is deployed: it is where the order names no other
/// label.
pub fn kept(
    before: Option<&Deployment>,
    label: Option<&str>,
    order: &Order,
    standard: &Deployment,
) -> Option<Deployment> {
    let before = before.filter(|before| label.is_none_or(|label| label == before.label))?;
    Some(Deployment {
        version: standard.version,
        // where queries look for the files
        output: standard.output.clone(),
        weekday: before.weekday.filter(|_| !asks_daily(order) && !period::is_daily(order, &before.label)),
        sha256: Default::default(),
        ..before.clone()
    })
}

/// `1× daily` says nothing of the time, but that it is every day.
fn asks_daily(order: &Order) -> bool {
    let binder = Binder::new(&order.bindings, &DECLARED);
    order.acceptance.iter().any(|criterion| {
        let is_daily = matches!(criterion.compiled, Target::Schedule { every: Period::Day, weekday: None, .. });
        is_daily && matches!(binder.key_of(criterion).as_deref(), Some("export.schedule" | "export.frequency"))
    })
}

/// Adds what the reader of the plan must know of the deployment before.
pub fn tell(before: &Deployment, deployment: &Deployment, plists: &[String], config: &Config, notes: &mut Vec<String>) {
    if before.label == deployment.label {
        let stays = same_as_before(before, deployment, config);
        if !stays.is_empty() {
            notes.push(format!("as it was deployed before: {}", stays.join(", ")));
        }
    }
    let is_written = |path: &&String| {
        let scripts = [&deployment.exporter, &deployment.runner, &deployment.test_script];
        scripts.into_iter().flatten().chain([&deployment.plist]).chain(plists).any(|own| own == *path)
    };
    let scripts = [&before.exporter, &before.runner, &before.test_script];
    let left: Vec<String> = scripts
        .into_iter()
        .flatten()
        .chain([&before.plist])
        .filter(|path| !is_written(path))
        .map(|path| format!("`{path}`"))
        .collect();
    if !left.is_empty() {
        notes.push(format!(
            "the deployment before (`{}`) also wrote {}: nothing replaces or checks that now, and it works as it did\n\
             hint: list it to have it deployed again, or delete it",
            before.label,
            left.join(", ")
        ));
    }
}

/// What is not the standard, and as it was before.
fn same_as_before(before: &Deployment, deployment: &Deployment, config: &Config) -> Vec<String> {
    let standard = &Deployment::standard(config);
    let usual = config.export.compression.to_string().to_lowercase();
    let mut stays = Vec::new();
    if when(deployment) == when(before) && when(before) != when(standard) {
        stays.push(timing::in_words(deployment));
    }
    let is_kept = |codec: &&String| **codec != usual && deployment.compression == before.compression;
    if let Some(codec) = deployment.compression.as_ref().filter(is_kept) {
        stays.push(format!("compression {codec}"));
    }
    for (what, now, then, usual) in [
        ("the log", &deployment.log, &before.log, &standard.log),
        ("summaries", &deployment.summaries, &before.summaries, &standard.summaries),
    ] {
        if now == then && then != usual {
            stays.push(format!("{what} in `{now}`"));
        }
    }
    stays
}

/// When the export runs, where that is as it was before and not the standard, as the target of a criterion.
pub fn schedule(before: Option<&Deployment>, deployment: &Deployment, standard: &Deployment) -> Option<String> {
    let before = before.filter(|before| before.label == deployment.label)?;
    let is_kept = when(before) == when(deployment) && when(before) != when(standard);
    is_kept.then(|| timing::in_words(deployment))
}

fn when(of: &Deployment) -> (Time, Option<Weekday>) {
    (of.at, of.weekday)
}

/// The label of the deployment before, where this one goes by another and the order doesn't say to leave that one alone.
pub fn replaced<'a>(
    before: Option<&'a Deployment>,
    deployment: &Deployment,
    order: &Order,
    bounds: &Bounds,
) -> Option<&'a str> {
    let before = before.filter(|before| before.label != deployment.label)?;
    let is_left_alone = order.left_alone.iter().any(|written| match place(written, bounds) {
        Ok(Place::LaunchAgent(name)) => name.trim_end_matches(".plist") == before.label,
        Ok(Place::Root(path)) => path == before.plist,
        Ok(Place::Bridge(_)) | Err(_) => false,
    });
    (!is_left_alone).then_some(&before.label)
}

#[cfg(test)]
mod tests {
    use super::super::layout::layout;
    use super::*;

    const PLIST: &str = "launchd/com.02luka.analytics.parquet.plist";

    fn bounds() -> Bounds {
        Bounds { root: "/srv/02luka".into(), home: Some("/Users/ic".into()) }
    }

    /// What an earlier order deployed: at other places, another time and with another codec than the standard.
    fn earlier() -> Deployment {
        Deployment {
            runner: Some("scripts/nightly/run_export.zsh".to_owned()),
            at: jiff::civil::time(3, 45, 0, 0),
            weekday: Some(Weekday::Sunday),
            compression: Some("zstd".to_owned()),
            log: "g/logs/px/export.log".to_owned(),
            summaries: "g/reports/exports".to_owned(),
            sha256: [("run/x".to_owned(), "0".repeat(64))].into(),
            ..Deployment::standard(&Config::default())
        }
    }

    /// The deployment of an order with these deliverables and criteria after `before`, and its notes.
    fn deployed(deliverables: &[&str], acceptance: &str, before: &Deployment) -> (Deployment, String) {
        let list: String = deliverables.iter().map(|path| format!("- `{path}`\n")).collect();
        let text = format!("# WO-2-PARQUET-EXPORTER\n\n## Deliverables\n\n{list}\n## Acceptance\n\n{acceptance}\n");
        let order = crate::order::parse(text.as_bytes(), "WO-2-PARQUET-EXPORTER.md").expect("an order");
        let layout = layout(&order, &Config::default(), &bounds(), Some(before)).unwrap();
        (layout.deployment, layout.notes.join("\n"))
    }

    #[test]
    fn an_order_changes_what_it_speaks_of_and_nothing_else() {
        let before = earlier();
        let same = || Deployment { sha256: Default::default(), ..earlier() };
        let time = |hour, minute| jiff::civil::time(hour, minute, 0, 0);
        let other = Some("run/other_exporter.cjs".to_owned());
        for (deliverables, acceptance, expected) in [
            (&[][..], "- Schema mismatches: 0", same()),
            (&[], "- Export schedule: daily at 05:30", Deployment { at: time(5, 30), weekday: None, ..same() }),
            (&[], "- Export frequency: 1× daily", Deployment { weekday: None, ..same() }),
            (&[], "- Compression: snappy", Deployment { compression: Some("snappy".to_owned()), ..same() }),
            (&["g/logs/export.log"], "- Rows: > 0", Deployment { log: "g/logs/export.log".to_owned(), ..same() }),
            (&[PLIST], "- Rows: > 0", same()),
            (&["~/Library/LaunchAgents/com.02luka.analytics.parquet.plist"], "- Rows: > 0", same()),
            (&["run/other_exporter.cjs"], "- Rows: > 0", Deployment { exporter: other, ..same() }),
            (
                &["g/reports/parquet_export_summary_YYYYMMDD.md"],
                "- Rows: > 0",
                Deployment { summaries: "g/reports".to_owned(), ..same() },
            ),
        ] {
            let (found, notes) = deployed(deliverables, acceptance, &before);
            assert_eq!(found, expected, "{deliverables:?} {acceptance}: {notes}");
            assert!(notes.contains("as it was deployed before: "), "{notes}");
            let replaces_exporter = found.exporter != before.exporter;
            assert_eq!(notes.contains("also wrote `run/parquet_exporter.cjs`:"), replaces_exporter, "{notes}");
        }
        // nothing but the standard: nothing to tell
        let (found, notes) = deployed(&[PLIST], "- Rows: > 0", &Deployment::standard(&Config::default()));
        assert_eq!((found, notes.as_str()), (Deployment::standard(&Config::default()), ""));
    }

    #[test]
    fn a_requirement_to_run_every_day_ends_the_weekday() {
        for (requirement, weekday) in [
            ("**Schedule:** run the export every day instead of weekly", None),
            ("**Schedule** the export daily", None),
            ("The export runs once a day", None),
            ("**Rotate** the logs daily", Some(Weekday::Sunday)),
        ] {
            let text = format!("# WO-2-PARQUET-EXPORTER\n\n## Requirements\n\n1. {requirement}\n");
            let order = crate::order::parse(text.as_bytes(), "WO-2-PARQUET-EXPORTER.md").expect("an order");
            let layout = layout(&order, &Config::default(), &bounds(), Some(&earlier())).unwrap();
            assert_eq!(layout.deployment.weekday, weekday, "{requirement}");
        }
    }

    #[test]
    fn another_label_is_a_deployment_of_its_own_that_replaces_the_one_before() {
        let before = earlier();
        let (found, notes) =
            deployed(&["launchd/com.me.nightly.plist", "run/parquet_exporter.cjs"], "- Rows: > 0", &before);
        let standard = Deployment::standard(&Config::default());
        let expected = Deployment {
            label: "com.me.nightly".to_owned(),
            plist: "launchd/com.me.nightly.plist".to_owned(),
            runner: None,
            test_script: None,
            ..standard
        };
        assert_eq!(found, expected);
        assert!(
            notes.contains(
                "`scripts/nightly/run_export.zsh`, `scripts/analytics/test_parquet_exporter.zsh`, `launchd/com.02luka"
            ),
            "{notes}"
        );
        assert!(!notes.contains("as it was deployed before"), "{notes}");

        let mut order = crate::handlers::testing::order("WO-2-PARQUET-EXPORTER");
        assert_eq!(replaced(Some(&before), &found, &order, &bounds()), Some(before.label.as_str()));
        assert_eq!(replaced(Some(&before), &before, &order, &bounds()), None);
        assert_eq!(replaced(None, &found, &order, &bounds()), None);
        for plist in [PLIST, "~/Library/LaunchAgents/com.02luka.analytics.parquet.plist"] {
            order.left_alone = vec![plist.to_owned()];
            assert_eq!(replaced(Some(&before), &found, &order, &bounds()), None);
        }
    }
}
