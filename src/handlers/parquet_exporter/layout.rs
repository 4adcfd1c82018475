//! From an order to what is deployed where. Pure: the same order, settings and deployment before give the same layout.
//!
//! What the order lists is deployed at the very paths it lists. What it doesn't list is not deployed, but for what the
//! service needs and what is deployed already ([`before`]); a first order that lists nothing of ours gets the standard set.

use super::{before, codec, timing, wishes};
use crate::config::Config;
use crate::deployed::record::Deployment;
use crate::handlers::HandlerError;
use crate::handlers::place::{Bounds, Place, paths_in, place};
use crate::order::{Item, Order};

#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    pub deployment: Deployment,
    /// Further places beneath the root where the order wants the rendered plist.
    pub more_plists: Vec<String>,
    /// Listed paths that this handler doesn't make; whether they are there is measured.
    pub others: Vec<String>,
    /// How contradictions and oddities of the order were settled.
    pub notes: Vec<String>,
    /// When the export is to run, as the target of a criterion, where the order says it.
    pub ordered: Option<String>,
}

/// What a listed path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Exporter,
    Runner,
    TestScript,
    Plist,
    Parquet,
    Summary,
    Log,
    /// A report of `wo verify parquet`.
    VerifyReport,
    Other,
}

fn role(path: &str) -> Role {
    let lower = path.to_lowercase();
    let name = lower.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match extension {
        "cjs" | "js" | "mjs" if has(&["export", "parquet"]) && !has(&["test", "verif", "convert"]) => Role::Exporter,
        "zsh" | "sh" | "bash" if has(&["test", "verif", "valid", "check"]) => Role::TestScript,
        "zsh" | "sh" | "bash" if has(&["export", "parquet", "run"]) => Role::Runner,
        "plist" => Role::Plist,
        "parquet" => Role::Parquet,
        "log" => Role::Log,
        "md" if name.starts_with("verify_") => Role::VerifyReport,
        "md" if has(&["summary"]) => Role::Summary,
        _ => Role::Other,
    }
}

/// Made by this handler, where the order lists it.
fn is_ours(role: Role) -> bool {
    matches!(role, Role::Exporter | Role::Runner | Role::TestScript | Role::Plist)
}

/// Reads the order; `earlier` is what an earlier one deployed. Refuses paths outside the root.
pub fn layout(
    order: &Order,
    config: &Config,
    bounds: &Bounds,
    earlier: Option<&Deployment>,
) -> Result<Layout, HandlerError> {
    let standard = Deployment::standard(config);
    let listed = listed(order, bounds)?;
    let plists: Vec<&Place> = listed.iter().filter(|(role, _, at)| is_plist(*role, at)).map(|(_, _, at)| at).collect();
    let label = label(&plists);
    let kept = before::kept(earlier, label.as_deref(), order, &standard);
    let mut layout = deploy_listed(&listed, kept, &standard)?;
    let Layout { deployment, more_plists, others, notes, ordered } = &mut layout;
    name_plists(label, &plists, deployment, more_plists);
    leave_alone(order, bounds, deployment, more_plists, notes)?;
    // directories are made, not awaited
    others.retain(|path| !is_directory(path, order) || *path == deployment.output);
    others
        .retain(|path| *path != deployment.output && *path != parent(&deployment.log) && *path != deployment.summaries);
    if let Some(place) = summaries(order, &listed, &standard, bounds, notes) {
        deployment.summaries = place;
    }
    required_elsewhere(order, deployment, bounds, notes);
    *ordered = timing::adopt(order, deployment, notes);
    *ordered = ordered.take().or_else(|| before::schedule(earlier, deployment, &standard));
    codec::adopt(order, deployment, notes);
    wishes::note_unmet(order, deployment, notes);
    if let Some(earlier) = earlier {
        before::tell(earlier, deployment, more_plists, config, notes);
    }
    Ok(layout)
}

/// A path among the deliverables: what it is, as written, and where.
type Listed = (Role, String, Place);

fn listed(order: &Order, bounds: &Bounds) -> Result<Vec<Listed>, HandlerError> {
    let mut listed: Vec<Listed> = Vec::new();
    for deliverable in &order.deliverables {
        let Some(path) = &deliverable.path else { continue };
        // a bare word such as `wo verify` is no path
        if !path.contains('/') && !path.contains('.') {
            continue;
        }
        let at = place(path, bounds)?;
        if !listed.iter().any(|(_, _, known)| *known == at) {
            listed.push((role(path), path.clone(), at));
        }
    }
    Ok(listed)
}

/// What is deployed already (`kept`), else the standard deployment, with what is listed in its place.
fn deploy_listed(listed: &[Listed], kept: Option<Deployment>, standard: &Deployment) -> Result<Layout, HandlerError> {
    let is_first = kept.is_none();
    let mut deployment = kept.unwrap_or_else(|| standard.clone());
    let mut stays = [deployment.exporter.take(), deployment.runner.take(), deployment.test_script.take()];
    let (mut others, mut notes) = (Vec::new(), Vec::new());
    match (listed.iter().any(|(role, _, _)| is_ours(*role)), is_first) {
        (true, true) => stays = [None, None, None],
        (true, false) => {}
        (false, true) => notes.push("the order lists no script or plist: the standard set is deployed".to_owned()),
        (false, false) => notes.push("the order lists no script or plist: those that are deployed stay".to_owned()),
    }
    for (role, written, at) in listed {
        let path = match at {
            Place::Root(path) => path,
            Place::LaunchAgent(_) => continue,
            Place::Bridge(path) if is_ours(*role) => {
                return Err(HandlerError::Refused(format!(
                    "the deliverable `{path}` lies within `bridge/`, where no handler writes\n\
                     hint: list another place for it"
                )));
            }
            // reports and results there are the engine's own
            Place::Bridge(_) => continue,
        };
        let mut script = |slot: &mut Option<String>| match slot {
            None => *slot = Some(path.clone()),
            Some(_) => {
                notes.push(format!("`{written}` is a second script of its kind; this handler deploys one of each"));
                others.push(path.clone());
            }
        };
        match role {
            Role::Exporter => script(&mut deployment.exporter),
            Role::Runner => script(&mut deployment.runner),
            Role::TestScript => script(&mut deployment.test_script),
            Role::Parquet if parent(path) != deployment.output => {
                notes.push(format!(
                    "the order lists `{written}`; Parquet files go to `{}` ([paths] analytics in wo.toml)",
                    deployment.output
                ));
                others.push(path.clone());
            }
            Role::Log => deployment.log.clone_from(path),
            Role::Plist | Role::Parquet | Role::Summary | Role::VerifyReport => {}
            Role::Other => others.push(path.clone()),
        }
    }
    let slots = [&mut deployment.exporter, &mut deployment.runner, &mut deployment.test_script];
    for (slot, stays) in slots.into_iter().zip(stays) {
        *slot = slot.take().or(stays);
    }
    Ok(Layout { deployment, more_plists: Vec::new(), others, notes, ordered: None })
}

fn is_plist(role: Role, at: &Place) -> bool {
    matches!(at, Place::LaunchAgent(_)) || (role == Role::Plist && matches!(at, Place::Root(_)))
}

/// The label is the installed plist's name.
fn label(plists: &[&Place]) -> Option<String> {
    let first = plists.iter().find(|place| matches!(place, Place::LaunchAgent(_))).or(plists.first())?;
    let (Place::Root(path) | Place::LaunchAgent(path) | Place::Bridge(path)) = first;
    Some(path.rsplit('/').next().unwrap_or_default().trim_end_matches(".plist").to_owned())
}

/// The first plist beneath the root is the rendered one.
fn name_plists(label: Option<String>, plists: &[&Place], deployment: &mut Deployment, more: &mut Vec<String>) {
    if let Some(label) = label.filter(|label| *label != deployment.label) {
        deployment.plist = format!("launchd/{label}.plist");
        deployment.label = label;
    }
    let mut beneath = plists.iter().filter_map(|place| match place {
        Place::Root(path) => Some(path.clone()),
        _ => None,
    });
    if let Some(path) = beneath.next() {
        deployment.plist = path;
    }
    more.extend(beneath);
}

/// What the order says not to touch is not deployed, though the standard set or another line has it.
fn leave_alone(
    order: &Order,
    bounds: &Bounds,
    deployment: &mut Deployment,
    more_plists: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<(), HandlerError> {
    for written in &order.left_alone {
        // a place where nothing is written needs no care
        let Ok(at) = place(written, bounds) else { continue };
        let is_plist = match &at {
            Place::LaunchAgent(name) => name.trim_end_matches(".plist") == deployment.label,
            Place::Root(path) => *path == deployment.plist,
            Place::Bridge(_) => false,
        };
        if is_plist {
            return Err(HandlerError::Refused(format!(
                "the order says not to touch `{written}`, which the export's service needs\n\
                 hint: list the plist of another label"
            )));
        }
        let Place::Root(path) = at else { continue };
        for slot in [&mut deployment.exporter, &mut deployment.runner, &mut deployment.test_script] {
            if slot.as_deref() == Some(path.as_str()) {
                *slot = None;
                notes.push(format!("`{written}` is not deployed: the order says not to touch it"));
            }
        }
        more_plists.retain(|plist| *plist != path);
    }
    Ok(())
}

fn parent(path: &str) -> String {
    path.rsplit_once('/').map(|(dir, _)| dir).unwrap_or_default().to_owned()
}

fn is_directory(path: &str, order: &Order) -> bool {
    let written = |text: &str| text.trim_matches('`').ends_with('/') && text.contains(path);
    order.deliverables.iter().filter_map(|deliverable| deliverable.path.as_deref()).any(written)
}

/// Where summaries go: the standard place if anything names it, else what the deliverables say, else the requirements;
/// `None` where nothing does.
fn summaries(
    order: &Order,
    listed: &[Listed],
    standard: &Deployment,
    bounds: &Bounds,
    notes: &mut Vec<String>,
) -> Option<String> {
    let mut named: Vec<(&str, String)> = Vec::new();
    for (role, _, at) in listed {
        if let (Role::Summary, Place::Root(path)) = (role, at) {
            named.push(("the deliverables", parent(path)));
        }
    }
    let mut texts = Vec::new();
    order.requirements.iter().for_each(|item| flatten(item, &mut texts));
    for text in texts.iter().filter(|text| text.to_lowercase().contains("summar")) {
        for path in paths_in(text) {
            let is_file = path.to_lowercase().ends_with(".md");
            let Ok(Place::Root(path)) = place(&path, bounds) else { continue };
            match (is_file, role(&path)) {
                (true, _) => named.push(("a requirement", parent(&path))),
                // a directory of Parquet files or scripts in the same sentence is none of summaries
                (false, Role::Other) if path != standard.output => named.push(("a requirement", path)),
                _ => {}
            }
        }
    }
    let mut places: Vec<&str> = named.iter().map(|(_, dir)| dir.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    let (_, first) = named.first()?;
    let chosen = if places.contains(&standard.summaries.as_str()) { &standard.summaries } else { first };
    if places.len() > 1 {
        let all: Vec<String> = named.iter().map(|(who, dir)| format!("{who} `{dir}/`")).collect();
        notes.push(format!(
            "the order contradicts itself about the summary: {}; it goes to `{chosen}/`",
            all.join(", ")
        ));
    }
    Some(chosen.clone())
}

/// Says where a requirement wants Parquet files that don't go there.
fn required_elsewhere(order: &Order, deployment: &Deployment, bounds: &Bounds, notes: &mut Vec<String>) {
    let mut texts = Vec::new();
    order.requirements.iter().for_each(|item| flatten(item, &mut texts));
    let mut said: Vec<String> = Vec::new();
    for text in texts {
        let lower = text.to_lowercase();
        let of_files = lower.contains("parquet file") && !lower.contains("summar");
        for path in paths_in(text) {
            let Ok(Place::Root(at)) = place(&path, bounds) else { continue };
            let dir = match role(&at) {
                Role::Parquet => parent(&at),
                Role::Other if of_files && path.ends_with('/') => at,
                _ => continue,
            };
            if dir != deployment.output && !said.contains(&dir) {
                notes.push(format!(
                    "a requirement names `{path}`, but Parquet files go to `{}/`, where queries look for them\n\
                     hint: set `analytics` under [paths] in wo.toml to have them elsewhere",
                    deployment.output
                ));
                said.push(dir);
            }
        }
    }
}

fn flatten<'a>(item: &'a Item, into: &mut Vec<&'a str>) {
    into.push(&item.text);
    item.children.iter().for_each(|child| flatten(child, into));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::target::{Period, Target, Weekday};
    use crate::order::{Criterion, CriterionSource, Deliverable};

    fn bounds() -> Bounds {
        Bounds { root: "/srv/02luka".into(), home: Some("/Users/ic".into()) }
    }

    fn order(deliverables: &[&str], requirements: &[&str]) -> Order {
        Order {
            deliverables: deliverables
                .iter()
                .map(|path| Deliverable { path: Some((*path).to_owned()), text: (*path).to_owned(), span: 0..0 })
                .collect(),
            requirements: requirements
                .iter()
                .map(|text| Item { text: (*text).to_owned(), children: Vec::new(), span: 0..0 })
                .collect(),
            ..crate::handlers::testing::order("WO-251029-PARQUET-EXPORTER")
        }
    }

    fn criterion(metric: &str, compiled: Target) -> Criterion {
        Criterion {
            metric: metric.to_owned(),
            target: String::new(),
            compiled,
            measured_by: None,
            source: CriterionSource::Table,
            span: 0..0,
            whose: Vec::new(),
        }
    }

    fn lay(order: &Order) -> Layout {
        layout(order, &Config::default(), &bounds(), None).unwrap()
    }

    #[test]
    fn the_field_order_gets_the_very_paths_it_lists() {
        let order = order(
            &[
                "run/parquet_exporter.cjs",
                "scripts/analytics/run_export_daily.zsh",
                "scripts/analytics/verify_export.zsh",
                "~/Library/LaunchAgents/com.me.parquet.plist",
                "g/reports/parquet_export_summary_YYYYMMDD.md",
                "g/analytics/ops_atomic_YYYYMMDD.parquet",
            ],
            &["**Generate** a Markdown summary under `g/reports/parquet/`", "**Schedule** daily at 03:15 by launchd"],
        );
        let layout = lay(&order);
        let deployment = layout.deployment;
        assert_eq!(deployment.exporter.as_deref(), Some("run/parquet_exporter.cjs"));
        assert_eq!(deployment.runner.as_deref(), Some("scripts/analytics/run_export_daily.zsh"));
        assert_eq!(deployment.test_script.as_deref(), Some("scripts/analytics/verify_export.zsh"));
        assert_eq!(
            (deployment.label.as_str(), deployment.plist.as_str()),
            ("com.me.parquet", "launchd/com.me.parquet.plist")
        );
        assert_eq!(deployment.summaries, "g/reports/parquet");
        assert_eq!(deployment.at, jiff::civil::time(3, 15, 0, 0));
        assert_eq!(layout.others, [""; 0]);
        assert_eq!(layout.notes.len(), 1, "{:?}", layout.notes);
        assert!(layout.notes[0].contains("g/reports/parquet/") && layout.notes[0].contains("`g/reports/`"));
    }

    #[test]
    fn an_order_without_deliverables_gets_the_standard_set() {
        let layout = lay(&order(&[], &[]));
        assert_eq!(layout.deployment, Deployment::standard(&Config::default()));
        assert_eq!(layout.notes.len(), 1);
    }

    #[test]
    fn what_the_order_says_not_to_touch_is_not_deployed() {
        for listed in [&[][..], &["run/parquet_exporter.cjs", "scripts/analytics/run_parquet_exporter.zsh"]] {
            let mut order = order(listed, &[]);
            order.left_alone = vec!["run/parquet_exporter.cjs".to_owned(), "/etc/x".to_owned()];
            let layout = lay(&order);
            assert_eq!(layout.deployment.exporter, None);
            assert!(layout.deployment.runner.is_some());
            assert!(layout.notes.iter().any(|note| note.contains("not to touch")), "{:?}", layout.notes);
        }
        let mut order = order(&[], &[]);
        let standard = Deployment::standard(&Config::default());
        for plist in [standard.plist.clone(), format!("~/Library/LaunchAgents/{}.plist", standard.label)] {
            order.left_alone = vec![plist];
            let result = layout(&order, &Config::default(), &bounds(), None);
            assert!(matches!(result, Err(HandlerError::Refused(_))));
        }
    }

    #[test]
    fn fewer_deliverables_deploy_no_more_than_is_needed() {
        let layout = lay(&order(&["run/exporter_parquet.js"], &[]));
        assert_eq!(layout.deployment.exporter.as_deref(), Some("run/exporter_parquet.js"));
        assert_eq!((layout.deployment.runner, layout.deployment.test_script), (None, None));
    }

    #[test]
    fn the_summary_goes_where_the_deliverables_say_when_nothing_names_the_default() {
        let order =
            order(&["run/parquet_exporter.cjs", "g/reports/daily_summary.md"], &["Write a summary to `docs/x/`"]);
        let layout = lay(&order);
        assert_eq!(layout.deployment.summaries, "g/reports");
        assert_eq!(layout.notes.len(), 1);
    }

    #[test]
    fn parquet_files_that_a_requirement_wants_elsewhere_are_told_of() {
        for (requirement, told) in [
            ("**Write** `g/analytics/daily/ops_atomic_YYYYMMDD.parquet`", true),
            ("**Put** the Parquet files under `g/exports/`", true),
            ("**Write** `g/analytics/ops_atomic_YYYYMMDD.parquet`", false),
            ("**Put** the Parquet files under `g/analytics/`", false),
            ("**Summarize** the Parquet files under `g/reports/exports/`", false),
            ("**Read** `g/reports/ops_atomic/`", false),
        ] {
            let notes = lay(&order(&["run/parquet_exporter.cjs"], &[requirement])).notes;
            let both = notes.iter().any(|note| note.contains("a requirement names") && note.contains("`g/analytics/`"));
            assert_eq!(both, told, "{requirement}: {notes:?}");
        }
    }

    #[test]
    fn what_this_handler_does_not_make_is_awaited() {
        let order = order(
            &[
                "run/parquet_exporter.cjs",
                "docs/EXPORTER.md",
                "g/analytics/",
                "run/other_parquet.cjs",
                "bridge/outbox/CLC/WO-251029-PARQUET-EXPORTER_REPORT.md",
            ],
            &[],
        );
        assert_eq!(lay(&order).others, ["docs/EXPORTER.md", "run/other_parquet.cjs"]);
    }

    #[test]
    fn paths_outside_the_root_are_refused() {
        for bad in ["../x_export.sh", "/etc/run_export.sh", "~/.ssh/export.sh", "bridge/state/export.sh"] {
            let result = layout(&order(&[bad], &[]), &Config::default(), &bounds(), None);
            assert!(matches!(result, Err(HandlerError::Refused(_))), "{bad}");
        }
    }

    #[test]
    fn acceptance_sets_time_and_codec() {
        let mut order = order(&[], &[]);
        let at = Some(jiff::civil::time(3, 0, 0, 0));
        let weekday = Some(Weekday::Sunday);
        let schedule = Target::Schedule { times: 1, every: Period::Week, at, weekday, zone: None };
        let zstd = Target::Category { word: "ZSTD".to_owned() };
        order.acceptance = vec![criterion("Frequency", schedule), criterion("Compression", zstd)];
        let deployment = lay(&order).deployment;
        assert_eq!((Some(deployment.at), deployment.weekday), (at, weekday));
        assert_eq!(deployment.compression.as_deref(), Some("zstd"));
        order.acceptance = vec![criterion("Compression", Target::Category { word: "brotli".to_owned() })];
        let layout = lay(&order);
        assert_eq!(layout.deployment.compression, None);
        assert!(layout.notes.iter().any(|note| note.contains("brotli")));
    }
}
