//! From an order to what is deployed where: the loop's label, its plist, its log, the verification script. Pure.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::deployed::record::LOOP_LABEL;
use crate::handlers::place::{Bounds, Place, place};
use crate::handlers::{Context, HandlerError};
use crate::order::Order;
use crate::process::DEFAULT_PATH;
use crate::root::Root;
use crate::services::{ServiceDefinition, Start};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    pub label: String,
    /// The job that the loop replaces.
    pub old_label: Option<String>,
    /// Places beneath the root for the rendered plist; the first is the standard one or the one that the order lists.
    pub plists: Vec<String>,
    /// Relative to the root.
    pub log: String,
    /// The verification script that the order lists.
    pub script: Option<String>,
    /// Listed paths that this handler doesn't make.
    pub others: Vec<String>,
    /// Whether the order lists a plist at all.
    pub lists_plist: bool,
}

impl Layout {
    pub fn definition(&self, context: &Context) -> ServiceDefinition {
        definition(&self.label, &context.root, &context.program, &self.log)
    }
}

/// `wo monitor` of this root, kept alive.
pub fn definition(label: &str, root: &Root, program: &Path, log: &str) -> ServiceDefinition {
    let words =
        [program.display().to_string(), "--root".to_owned(), root.path().display().to_string(), "monitor".to_owned()];
    let log = root.join(log);
    ServiceDefinition {
        label: label.to_owned(),
        program: words.into(),
        working_directory: root.path().to_owned(),
        environment: [("PATH".to_owned(), DEFAULT_PATH.to_owned())].into(),
        start: Start::KeepAlive,
        run_at_load: true,
        stdout: log.clone(),
        stderr: log,
    }
}

pub fn layout(order: &Order, config: &Config, bounds: &Bounds) -> Result<Layout, HandlerError> {
    let mut installed = Vec::new();
    let mut plists = Vec::new();
    let mut script = None;
    let mut others = Vec::new();
    for deliverable in &order.deliverables {
        let Some(path) = deliverable.path.as_deref().filter(|path| path.contains('/') || path.contains('.')) else {
            continue;
        };
        match place(path, bounds)? {
            Place::LaunchAgent(name) => installed.push(name),
            Place::Bridge(_) => {}
            Place::Root(path) if path.ends_with(".plist") => {
                if !plists.contains(&path) {
                    plists.push(path);
                }
            }
            Place::Root(path) if is_script(&path) && script.is_none() => script = Some(path),
            // reports of the monitor come by themselves
            Place::Root(path) if Path::new(&path).starts_with(&config.paths.heartbeats) => {}
            Place::Root(path) => others.push(path),
        }
    }
    let name = |path: &String| path.rsplit('/').next().unwrap_or_default().trim_end_matches(".plist").to_owned();
    let listed: Vec<String> = installed.iter().chain(&plists).map(name).collect();
    // of several plists the loop's is the one that says so
    let loops = listed.iter().find(|label| label.ends_with("loop")).or(listed.first());
    let label = loops.cloned().unwrap_or(LOOP_LABEL.to_owned());
    let old_label = [".loop", "-loop", "_loop"].iter().find_map(|end| label.strip_suffix(end)).map(str::to_owned);
    let lists_plist = !listed.is_empty();
    // a plist of the old job is no place for the loop's
    plists.retain(|path| name(path) == label);
    if plists.is_empty() {
        plists.push(format!("launchd/{label}.plist"));
    }
    let log = config.paths.logs.join("ops_atomic_monitor.log").display().to_string();
    Ok(Layout { label, old_label, plists, log, script, others, lists_plist })
}

fn is_script(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let is_shell = [".zsh", ".sh", ".bash"].iter().any(|end| name.ends_with(end));
    is_shell && ["verif", "test", "check", "valid"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Deliverable;

    fn lay(paths: &[&str]) -> Result<Layout, HandlerError> {
        let mut order = crate::handlers::testing::order("WO-251028-OPS-ACTIVATE-MONITOR");
        let deliverable = |path: &&str| Deliverable { path: Some((*path).to_owned()), text: String::new(), span: 0..0 };
        order.deliverables = paths.iter().map(deliverable).collect();
        let bounds = Bounds { root: "/srv/02luka".into(), home: Some("/Users/ic".into()) };
        layout(&order, &Config::default(), &bounds)
    }

    #[test]
    fn an_order_without_deliverables_gets_the_standard_loop() {
        let layout = lay(&[]).unwrap();
        assert_eq!((layout.label.as_str(), layout.lists_plist), (LOOP_LABEL, false));
        assert_eq!(layout.old_label.as_deref(), Some("com.02luka.ops_atomic_monitor"));
        assert_eq!(layout.plists, [format!("launchd/{LOOP_LABEL}.plist")]);
    }

    #[test]
    fn the_loop_goes_where_the_order_lists_it() {
        let layout = lay(&[
            "~/Library/LaunchAgents/com.me.monitor.plist",
            "~/Library/LaunchAgents/com.me.monitor.loop.plist",
            "ops/launchd/com.me.monitor.loop.plist",
            "scripts/ops/verify_monitor.zsh",
            "g/reports/ops_atomic/heartbeat_YYYY.md",
            "docs/monitor.md",
        ])
        .unwrap();
        assert_eq!(
            (layout.label.as_str(), layout.old_label.as_deref()),
            ("com.me.monitor.loop", Some("com.me.monitor"))
        );
        assert_eq!(layout.plists, ["ops/launchd/com.me.monitor.loop.plist"]);
        assert_eq!(layout.script.as_deref(), Some("scripts/ops/verify_monitor.zsh"));
        assert_eq!(layout.others, ["docs/monitor.md"]);
        assert!(matches!(lay(&["/etc/x.plist"]), Err(HandlerError::Refused(_))));
    }
}
