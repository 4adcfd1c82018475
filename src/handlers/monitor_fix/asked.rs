//! What an order wants to see of the monitor, beyond what was found wrong: from its criteria, and from what it names. Pure.

use super::facts::Facts;
use super::layout::Layout;
use super::{DECLARED, DESCRIPTOR};
use crate::evidence::{Binder, Binding};
use crate::handlers::labels::{names_label, texts};
use crate::monitor::history::HEALTHY_FOR;
use crate::order::target::{Comparator, Target, Unit};
use crate::order::{Criterion, Order};
use crate::verify::monitor::CYCLES;

#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// How many heartbeats in a row: two, or as many as the criteria ask for.
    pub cycles: usize,
    /// The loop as a service of the manager: a criterion is about it, or the order lists its plist or names its label.
    pub service: bool,
    /// The measurements that criteria are bound to.
    pub keys: Vec<String>,
}

impl Asked {
    pub fn of(order: &Order, layout: &Layout) -> Asked {
        let binder = Binder::new(&order.bindings, &DECLARED);
        let bound: Vec<(&Criterion, String)> = order
            .acceptance
            .iter()
            .filter_map(|criterion| match binder.bind(criterion) {
                Binding::Bound { key, .. } => Some((criterion, key)),
                Binding::Ambiguous(_) | Binding::None => None,
            })
            .collect();
        let asked =
            bound.iter().filter(|(_, key)| key == "monitor.cycles").filter_map(|(criterion, _)| wanted(criterion));
        let cycles = asked.max().unwrap_or_default().max(CYCLES);
        let keys: Vec<String> = bound.into_iter().map(|(_, key)| key).collect();
        let is_of_service = |key: &String| {
            key.starts_with("service.") || ["monitor.exit_code", "monitor.services"].contains(&key.as_str())
        };
        let service = layout.lists_plist || keys.iter().any(is_of_service) || names_service(order, layout);
        Asked { cycles, service, keys }
    }

    /// Components that a criterion asks for and that no check is configured for, in words.
    pub(super) fn missing(&self, facts: &Facts) -> Vec<String> {
        let is_asked = |key: &&String| self.keys.contains(key);
        let say = |key: &String| {
            let name = key.rsplit('.').next().unwrap_or_default();
            format!("{name}: a criterion asks for it, and wo.toml has no such check")
        };
        facts.unconfigured.iter().filter(is_asked).map(say).collect()
    }
}

fn wanted(criterion: &Criterion) -> Option<usize> {
    let Target::Compare { comparator, number, unit: Unit::Count { .. }, .. } = &criterion.compiled else { return None };
    let wanted = match comparator {
        Comparator::AtLeast | Comparator::Equal => number.ceil(),
        Comparator::Greater => number.floor() + 1.0,
        _ => return None,
    };
    // saturates
    Some(wanted as usize)
}

/// For how long, in nanoseconds, the criteria want the monitor to have been healthy; the longest of several.
pub(super) fn healthy_for_ns(order: &Order, criteria: &[Criterion]) -> Option<u64> {
    let binder = Binder::new(&order.bindings, &DECLARED);
    let asks = |criterion: &Criterion| binder.key_of(criterion).is_some_and(|key| key == HEALTHY_FOR);
    let wanted = |criterion: &Criterion| match &criterion.compiled {
        Target::Compare { comparator: Comparator::AtLeast, number, unit: Unit::Time, .. } => Some(number.ceil() as u64),
        Target::Compare { comparator: Comparator::Greater, number, unit: Unit::Time, .. } => {
            Some((number.floor() as u64).saturating_add(1))
        }
        _ => None,
    };
    order.acceptance.iter().chain(criteria).filter(|criterion| asks(criterion)).filter_map(wanted).max()
}

/// Whether the order says by its label which service it wants.
fn names_service(order: &Order, layout: &Layout) -> bool {
    let said = [order.title.as_deref(), order.objective.as_deref()].into_iter().flatten();
    let listed = order.deliverables.iter().map(|deliverable| deliverable.text.as_str());
    let criteria = order.acceptance.iter().flat_map(|criterion| [criterion.metric.as_str(), criterion.target.as_str()]);
    let all: Vec<&str> = said.chain(listed).chain(criteria).chain(order.requirements.iter().flat_map(texts)).collect();
    let labels = [Some(&layout.label), layout.old_label.as_ref()];
    labels.into_iter().flatten().any(|label| all.iter().any(|text| names_label(text, label)))
}

/// The handler's criteria for an order that has none, as far as they apply: to what is configured, and to the service only
/// where one is.
pub(super) fn defaults(facts: &Facts) -> Vec<(&'static str, &'static str)> {
    let has_service = facts.deploys() || facts.loop_loaded == Some(true);
    let binder = Binder::new(&Default::default(), &DECLARED);
    let applies = |metric: &str| match binder.bind_metric(metric) {
        Binding::Bound { key, .. } if key == "monitor.exit_code" => has_service,
        Binding::Bound { key, .. } => !facts.unconfigured.contains(&key),
        Binding::Ambiguous(_) | Binding::None => true,
    };
    DESCRIPTOR.default_criteria.iter().copied().filter(|(metric, _)| applies(metric)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::place::Bounds;

    fn order(body: &str) -> Order {
        let text = format!("# WO-1-MONITOR-FIX\n\n{body}\n");
        crate::order::parse(text.as_bytes(), "WO-1-MONITOR-FIX.md").unwrap()
    }

    fn asked(body: &str) -> Asked {
        let order = order(body);
        let bounds = Bounds { root: "/srv/02luka".into(), home: Some("/Users/ic".into()) };
        let layout = super::super::layout::layout(&order, &Default::default(), &bounds).unwrap();
        Asked::of(&order, &layout)
    }

    #[test]
    fn as_many_heartbeats_as_the_order_asks_for() {
        let cases = [
            ("", 2),
            ("- Heartbeat cycles: ≥ 2", 2),
            ("- Heartbeat cycles: 1", 2),
            ("- Heartbeat cycles: ≥ 3", 3),
            ("- Monitor cycles: > 3", 4),
            ("- Consecutive heartbeats: 5", 5),
            ("- Heartbeat cycles: ≥ 30", 30),
            ("- Heartbeat cycles: ≥ 5000", 5000),
            // a time, and another count
            ("- Heartbeat cycles: every 5 minutes", 2),
            ("- Cycles 24h: ≥ 280", 2),
        ];
        for (criterion, expected) in cases {
            assert_eq!(asked(&format!("## Acceptance\n\n{criterion}")).cycles, expected, "{criterion}");
        }
    }

    #[test]
    fn as_long_as_the_order_wants_it_healthy() {
        const HOUR: u64 = 3_600_000_000_000;
        for (criteria, expected) in [
            ("- Heartbeat cycles: ≥ 2", None),
            ("- Healthy for: ≥ 24 h", Some(24 * HOUR)),
            ("- Healthy for: at least 1 day\n- monitor.healthy_for: >= 36h", Some(36 * HOUR)),
            ("- Healthy for: > 1 h", Some(HOUR + 1)),
            // no more than that: nothing to wait for
            ("- Healthy for: < 24 h", None),
        ] {
            let found = healthy_for_ns(&order(&format!("## Acceptance\n\n{criteria}")), &[]);
            assert_eq!(found, expected, "{criteria}");
        }
    }

    #[test]
    fn a_service_is_wanted_where_the_order_speaks_of_it() {
        for (body, expected) in [
            (
                "## Objective\n\nHeartbeats every 5 min, Redis + DB green.\n\n## Acceptance\n\n- Heartbeat cycles: ≥ 2",
                false,
            ),
            ("## Acceptance\n\n- Heartbeat cycles: every 5 minutes\n- Redis: Working", false),
            ("## Acceptance\n\n- LaunchAgent: loads & runs automatically", true),
            ("## Acceptance\n\n- Exit code: 0", true),
            ("## Acceptance\n\n- LaunchAgent loaded: Yes", true),
            ("## Acceptance\n\n- LaunchAgents: loaded", true),
            ("## Objective\n\nThe LaunchAgent `com.02luka.ops_atomic_monitor.loop` must run again.", true),
            ("## Requirements\n\n1. **Load** com.02luka.ops_atomic_monitor", true),
            ("## Objective\n\nNot com.02luka.ops_atomic_monitor2.", false),
            ("## Deliverables\n\n- `~/Library/LaunchAgents/com.02luka.ops_atomic_monitor.loop.plist`", true),
        ] {
            assert_eq!(asked(body).service, expected, "{body}");
        }
    }
}
