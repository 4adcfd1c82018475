//! Which of a table's columns of names has the subjects of its rows, and which say whose those are.
//!
//! Invariant: a row is judged by what its smallest part is called: the exporter that works says nothing of its service.

use super::asides;
use super::headers::{LABEL, asserts, is};
use super::slot::Role;
use crate::report::text;

/// Headers of wholes, of which a row's subject is a part; of those who do something.
const WHOLES: [&str; 10] =
    ["area", "system", "subsystem", "module", "service", "services", "layer", "integration", "agent", "agents"];
/// Headers of parts.
const PARTS: [&str; 16] = [
    "component",
    "components",
    "item",
    "items",
    "element",
    "feature",
    "part",
    "subject",
    "aspect",
    "what",
    "deliverable",
    "deliverables",
    "artifact",
    "artifacts",
    "requirement",
    "indicator",
];
/// Headers of what is measured of a part.
const METRICS: [&str; 6] = ["metric", "metrics", "kpi", "kpis", "measure", "measurement"];

/// The column of the subjects, and the others of names. What a column of checks says is held by itself, unless it stands
/// first.
pub fn subject(headers: &[&str], roles: &mut [Role]) -> (Option<usize>, Vec<usize>) {
    let Some(first) = roles.iter().position(|role| *role == Role::Label) else { return (None, Vec::new()) };
    let last = |n: usize| headers.get(n).and_then(|header| text::words(header).pop()).unwrap_or_default();
    let asserts = |n: usize| headers.get(n).is_some_and(|header| asserts(header));
    let is_label = |n: &usize| {
        let is_other = roles.get(*n) == Some(&Role::Plain) && is(&LABEL, &last(*n));
        *n == first || (is_other && !headers.get(*n).is_some_and(|header| asides::is_elsewhere(header)))
    };
    let labels: Vec<usize> = (0..roles.len()).filter(is_label).collect();
    let size = |n: usize| match &*last(n) {
        metric if is(&METRICS, metric) => 0,
        part if is(&PARTS, part) => 1,
        whole if is(&WHOLES, whole) => 3,
        _ => 2,
    };
    let chosen = match asserts(first) {
        true => first,
        false => labels.iter().copied().filter(|n| !asserts(*n)).rev().min_by_key(|n| size(*n)).unwrap_or(first),
    };
    for (n, role) in roles.iter_mut().enumerate().filter(|(n, _)| labels.contains(n)) {
        *role = if n == chosen { Role::Label } else { Role::Plain };
    }
    (Some(chosen), labels.into_iter().filter(|n| *n != chosen && !asserts(*n)).collect())
}

/// Headers of groups, by which rows are sorted whatever they are of.
const GROUPS: [&str; 10] =
    ["area", "layer", "category", "group", "environment", "env", "project", "app", "application", "stack"];
const HOSTS: [&str; 4] = ["host", "hostname", "server", "machine"];

/// Whether the cells under that header sort the rows, or say where they are.
pub fn is_group(header: &str) -> bool {
    is_host(header) || text::words(header).last().is_some_and(|word| is(&GROUPS, word))
}

pub fn is_host(header: &str) -> bool {
    text::words(header).last().is_some_and(|word| is(&HOSTS, word))
}
