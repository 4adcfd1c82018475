//! What a body's key lines say of what an order waits for: `**Approval:** required`, `**Requires:** WO-251101-X`.
//!
//! What must hold: what surely asks for a person or for another order is a gate; prose stops no order, and where it may have
//! meant one, that is told.

use super::draft::Draft;
use super::embedded::Locator;
use super::model::{Requirement, Span};
use super::names::Scalar;
use super::source::Remark;
use super::{fold, machine, section_names};

/// Takes a gate. `false` where the value is text.
pub(super) fn apply(draft: &mut Draft<'_>, scalar: Scalar, name: &str, value: &str, span: &Span) -> bool {
    match scalar {
        Scalar::Approval => approval(draft, name, value, span),
        Scalar::Requires => requires(draft, value, span),
        _ => false,
    }
}

/// Whether a value surely is one.
pub(super) fn is_meant(scalar: Scalar, name: &str, value: &str) -> bool {
    match scalar {
        Scalar::Approval => asks(name, value) == Some(true),
        Scalar::Requires => parts(value).any(is_gate),
        _ => false,
    }
}

fn approval(draft: &mut Draft<'_>, name: &str, value: &str, span: &Span) -> bool {
    match asks(name, value) {
        Some(needed) => draft.order.needs_approval |= needed,
        None => {
            let shown = crate::text::line(value, 60);
            let message = format!("`{name}: {shown}` says nothing of whether a person must approve");
            let remark = Remark::note("no-gate", message)
                .understood("text: the order waits for nobody")
                .cure("write `Approval: required` to be asked before its first step");
            draft.remark(span, remark);
            return false;
        }
    }
    true
}

/// `required`, `Yes (GG)`, `GG approval required`, `not required`; `None` for what tells of an approval, given or awaited
/// (`pending GG's review of the report`, `GG`). Behind `Requires approval` whoever is named is asked.
fn asks(name: &str, value: &str) -> Option<bool> {
    const DEMANDED: [&str; 4] = ["required", "needed", "mandatory", "necessary"];
    const ASKING: [&str; 6] = ["required", "needed", "mandatory", "necessary", "yes", "true"];
    const GIVEN: [&str; 8] = ["approved", "granted", "given", "waived", "obtained", "signed", "done", "received"];
    const NONE: [&str; 7] = ["optional", "unnecessary", "exempt", "nobody", "auto", "automatic", "tbd"];
    let whole = fold::fold(value);
    if whole.is_empty() || whole == "0" || whole.contains("ไม่ต้อง") {
        return Some(false);
    }
    // `Required before anything is done` tells of no approval that was given
    let is_demanded = DEMANDED.iter().any(|word| whole.split(' ').next() == Some(word));
    if is_demanded {
        return Some(true);
    }
    // `Yes, approved by GG`; `GG, once the tests are done` asks
    if whole.split(' ').take(3).any(|word| GIVEN.contains(&word)) {
        return None;
    }
    let (said, _) = section_names::named_part(fold::strip_marks(value));
    let words: Vec<&str> = said.split(' ').collect();
    let (first, last) = (*words.first()?, *words.last()?);
    if words.iter().any(|word| NONE.contains(word))
        || matches!(said.as_str(), "no" | "none" | "false" | "off" | "n a" | "not applicable")
        || (first == "no" || first == "not") && words.iter().any(|word| ASKING.contains(word))
        || first == "no" && said.contains("approval")
    {
        return Some(false);
    }
    if fold::denies(&said) {
        return None;
    }
    let is_asked = ASKING.contains(&first)
        || ASKING.contains(&last)
        || matches!(said.as_str(), "human" | "manual" | "person" | "on");
    (is_asked || fold::heading(name) != "approval").then_some(true)
}

/// The orders and the measurements that the value names. Other things that the work needs (`Node 18`) are text.
fn requires(draft: &mut Draft<'_>, value: &str, span: &Span) -> bool {
    let gates: Vec<&str> = parts(value).filter(|part| is_gate(part)).collect();
    let mut locator = Locator::new(draft.source, span.clone());
    gates.iter().for_each(|gate| machine::requirement(draft, gate, &mut locator));
    let prose: Vec<&str> = parts(value).filter(|part| !is_gate(part)).collect();
    if prose.iter().any(|part| part.to_ascii_uppercase().contains("WO-")) {
        let shown = crate::text::line(&prose.join(", "), 60);
        let remark = Remark::note("no-gate", format!("`{shown}` names an order, but does not wait for it"))
            .understood("text: nothing is waited for")
            .cure("write `Requires: WO-…`, each order's id apart by a comma");
        draft.remark(span, remark);
    }
    !gates.is_empty()
}

/// What is listed, each without a remark in brackets or behind a dash.
fn parts(value: &str) -> impl Iterator<Item = &str> {
    let listed = value.split([',', ';']).flat_map(|part| part.split(" and ")).flat_map(|part| part.split(" & "));
    let listed = listed.flat_map(|part| part.split(" + ")).flat_map(|part| part.split(" / "));
    let named = listed.map(|part| {
        let end = [" (", " – ", " — ", " - "].iter().filter_map(|mark| part.find(mark)).min();
        part.get(..end.unwrap_or(part.len())).unwrap_or("").trim().trim_end_matches('.')
    });
    named.filter(|part| !part.is_empty())
}

fn is_gate(part: &str) -> bool {
    let is_order = part.strip_prefix("order ").unwrap_or(part).to_ascii_uppercase().starts_with("WO-");
    is_order
        || machine::is_approval(part)
        // `Node.js >= 18` is text: what only the work needs
        || matches!(machine::compile_requirement(part), Requirement::Measurement { key, .. } if key.starts_with("monitor."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{Order, Severity, parse};

    fn markdown(body: &str) -> Order {
        parse(format!("# WO-1\n\n{body}\n\n## Acceptance\n- a: zstd\n").as_bytes(), "WO-1.md").unwrap()
    }

    fn told(order: &Order) -> Vec<&str> {
        order.diagnostics.iter().map(|found| found.code.as_str()).collect()
    }

    #[test]
    fn an_approval_that_is_asked_for_is_told_from_one_that_is_spoken_of() {
        for (name, value, expect) in [
            ("Approval", "required", Some(true)),
            ("Approval", "✅ Required", Some(true)),
            ("Approval", "Required from GG before the first step", Some(true)),
            ("Approval", "GG approval required", Some(true)),
            ("Approval", "Required before anything is done", Some(true)),
            ("Approval", "required (optional for dry runs)", Some(true)),
            ("Approval", "human", Some(true)),
            ("Requires Approval", "Yes (GG)", Some(true)),
            ("Requires Approval", "GG", Some(true)),
            ("Requires Approval", "No", Some(false)),
            ("Approval", "not required", Some(false)),
            ("Approval", "No approval needed", Some(false)),
            ("Approval", "none", Some(false)),
            ("Approval", "N/A", Some(false)),
            ("Approval", "GG", None),
            ("Approval", "✅ Approved by GG", None),
            ("Approval", "pending GG's review of the report", None),
            ("Requires Approval", "approved by GG", None),
            ("Requires Approval", "Yes – approved 2025-10-30", None),
            ("Requires Approval", "✅ Obtained (GG, 2025-11-01)", None),
            ("Requires Approval", "GG, once the tests are done", Some(true)),
        ] {
            assert_eq!(asks(name, value), expect, "{name}: {value}");
        }
    }

    #[test]
    fn gates_of_a_body_hold_in_any_shape() {
        let lines =
            "**Approval:** required\n**Requires:** WO-251101-A – the monitor, monitor.healthy_for >= 24h and Node 18";
        let rows =
            "| Field | Value |\n|-|-|\n| Approval | required |\n| Requires | WO-251101-A, monitor.healthy_for >= 24h |";
        for shape in [
            lines.to_owned(),
            lines.replace("**A", "- **A").replace("**R", "- **R"),
            lines.replace("**A", "> **A").replace("**R", "> **R"),
            rows.to_owned(),
            format!("## Metadata\n\n{}", lines.replace("**A", "- **A").replace("**R", "- **R")),
            "**Requires Approval:** Yes (GG)\n**Requires:**\n- WO-251101-A\n- monitor.healthy_for >= 24h\n- Node 18"
                .to_owned(),
        ] {
            let order = markdown(&shape);
            assert_eq!((order.needs_approval, order.requires.len()), (true, 2), "{shape}: {:?}", order.diagnostics);
            assert!(!order.diagnostics.iter().any(|found| found.severity == Severity::Error), "{shape}");
        }
    }

    #[test]
    fn prose_stops_no_order() {
        for (body, expect) in [
            ("**Approval:** pending GG's review of the report", vec!["no-gate"]),
            ("**Approval:** not required", vec![]),
            ("**Requires:** Node 18, Redis", vec![]),
            ("**Requires:** Node.js >= 18", vec![]),
            ("**Approval Required:** Optional", vec![]),
            ("**Approval Required:** —", vec![]),
            ("**Requires approval:** Yes, approved by GG on 2025-10-30", vec!["no-gate"]),
            ("**Requires:** the output of WO-251101-A", vec!["no-gate"]),
            ("## Sign-off\n\n- **Approval:** GG ✅", vec![]),
            ("## Sign-off\n\n- **Approval:** required", vec!["key-not-taken"]),
            ("## Objective\nx\n\n---\n\n**Approval:** GG", vec![]),
        ] {
            let order = markdown(body);
            assert_eq!((order.needs_approval, order.requires.len()), (false, 0), "{body}");
            assert_eq!(told(&order), expect, "{body}");
        }
    }

    #[test]
    fn a_requirement_on_an_order_that_can_not_be_read_stops_it() {
        let order = markdown("**Requires:** WO-251101-A failed");
        assert!(told(&order).contains(&"unclear-requirement"));
    }
}
