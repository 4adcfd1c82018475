//! What the columns of a template's table are for, by their headers.
//!
//! Invariant: a table is one to fill only if a column says how its subjects are (Status, State, Result, Actual, …); a legend or
//! a list of files is left alone.

use super::headers::{LABEL, is};
use super::name_columns;
use super::slot::{Role, TableKind};
use crate::order::{COMPARATOR, UNIT, fold, is_limit, limit_of};
use crate::report::{marks, text};

#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    pub kind: TableKind,
    pub roles: Vec<Role>,
    /// The column that names the subjects: of several the one of what is smallest, `Component` of `Area | Component`.
    pub label: usize,
    /// The other columns of names, which say of what the subject is a part.
    pub around: Vec<usize>,
    /// Columns of the author's that belong to the target of each row.
    pub comparator: Option<usize>,
    pub unit: Option<usize>,
    /// The comparator that the header of the targets says of them all: `Limit`, `Target (≤)`.
    pub limit: Option<&'static str>,
}

const TARGET: [&str; 12] = [
    "target",
    "targets",
    "expected",
    "expectation",
    "goal",
    "threshold",
    "sla",
    "slo",
    "required",
    "limit",
    "budget",
    "wanted",
];
const ACTUAL: [&str; 7] = ["actual", "measured", "observed", "achieved", "value", "reading", "got"];
const STATUS: [&str; 26] = [
    "status",
    "state",
    "verdict",
    "result",
    "results",
    "outcome",
    "health",
    "pass",
    "passed",
    "fail",
    "ok",
    "condition",
    "ready",
    "readiness",
    "verified",
    "working",
    "done",
    "complete",
    "completed",
    "works",
    "present",
    "loaded",
    "met",
    "delivered",
    "satisfied",
    "fulfilled",
];
const DETAILS: [&str; 18] = [
    "details",
    "detail",
    "note",
    "notes",
    "comment",
    "comments",
    "remark",
    "remarks",
    "info",
    "information",
    "observation",
    "observations",
    "proof",
    "size",
    "hash",
    "sha256",
    "checksum",
    "measurements",
];

fn role(header: &str, has_label: bool) -> Role {
    let words = text::words(header);
    let any = |set: &[&str]| words.iter().any(|word| is(set, word));
    let Some(last) = words.last() else {
        return if marks::all(header).is_empty() { Role::Plain } else { Role::Status };
    };
    if any(&TARGET) {
        return Role::Target;
    }
    if is(&LABEL, last) {
        // a second one is what the first is held against: `Metric | Success criteria | …`
        return match (has_label, last.as_str()) {
            (false, _) => Role::Label,
            (true, "criteria" | "criterion" | "requirement") => Role::Target,
            (true, _) => Role::Plain,
        };
    }
    if last == "evidence" {
        return Role::Evidence;
    }
    // `Max value` is none
    if is_limit(&text::plain(header)) {
        return Role::Plain;
    }
    if is(&DETAILS, last) {
        return Role::Details;
    }
    if any(&ACTUAL) {
        return Role::Actual;
    }
    if any(&STATUS) {
        return Role::Status;
    }
    match (any(&DETAILS), !has_label && any(&LABEL)) {
        (true, _) => Role::Details,
        (_, true) => Role::Label,
        _ => Role::Plain,
    }
}

/// The columns under these headers, or `None` for a table that is not to be filled.
pub fn read(headers: &[&str]) -> Option<Columns> {
    let mut roles: Vec<Role> = Vec::new();
    for header in headers {
        roles.push(role(header, roles.contains(&Role::Label)));
    }
    split_verdicts(headers, &mut roles);
    let is_bound = |n: &usize| headers.get(*n).is_some_and(|header| is_limit(&text::plain(header)));
    let limits: Vec<usize> = positions(&roles, Role::Plain).into_iter().filter(is_bound).collect();
    // `Metric | Max | Actual`; of two, neither is all that is asked
    if let ([one], true, false, true) =
        (limits.as_slice(), roles.contains(&Role::Actual), roles.contains(&Role::Target), roles.contains(&Role::Label))
    {
        roles[*one] = Role::Target;
    }
    // `Metric | Target | Current | Status`
    if [Role::Target, Role::Status].iter().all(|role| roles.contains(role)) && !roles.contains(&Role::Actual) {
        for (role, header) in roles.iter_mut().zip(headers) {
            if *role == Role::Plain && is_of_now(header) && text::words(header).iter().any(|word| is(&NOW, word)) {
                *role = Role::Actual;
            }
        }
    }
    let statuses: Vec<usize> = positions(&roles, Role::Status);
    let actuals = positions(&roles, Role::Actual);
    // `Metric | Target | Result | Status`: the first of two is the value
    if let ([first, _, ..], []) = (statuses.as_slice(), actuals.as_slice())
        && roles.contains(&Role::Target)
        && headers.get(*first).is_some_and(|header| text::words(header).iter().any(|word| word.starts_with("result")))
    {
        roles[*first] = Role::Actual;
    }
    let (known, around) = name_columns::subject(headers, &mut roles);
    let has = |role| roles.contains(&role);
    let first_plain = roles.iter().position(|role| *role == Role::Plain);
    if !has(Role::Status) && !has(Role::Actual) && !has(Role::Pass) && !has(Role::Fail) {
        return None;
    }
    let named = |set: &[&str]| headers.iter().position(|header| set.contains(&fold::heading(header).as_str()));
    let (comparator, unit) = (named(&COMPARATOR), named(&UNIT));
    if has(Role::Target) {
        let label = known.or(first_plain)?;
        let target = roles.iter().position(|role| *role == Role::Target);
        let limit = target.and_then(|n| headers.get(n)).and_then(|header| limit_of(header));
        return Some(Columns { kind: TableKind::Metrics, roles, label, around, comparator, unit, limit });
    }
    if !has(Role::Status) && !has(Role::Pass) && !has(Role::Fail) {
        // `Component | Value`: what is there now; `Field | Value` is a form
        let label = known?;
        let roles = roles.iter().map(|role| if *role == Role::Actual { Role::Status } else { *role }).collect();
        let kind = TableKind::States;
        return Some(Columns { kind, roles, label, around, comparator: None, unit: None, limit: None });
    }
    let kind = match known {
        Some(_) if has(Role::Details) || has(Role::Evidence) || has(Role::Actual) => TableKind::Components,
        Some(_) => TableKind::States,
        None => TableKind::Other,
    };
    let label = known.or(first_plain).unwrap_or(0);
    Some(Columns { kind, label, around, roles, comparator: None, unit: None, limit: None })
}

/// `Check | Pass | Fail`, `Check | ✅ | ❌`: of two columns one is for what works and one for what doesn't.
fn split_verdicts(headers: &[&str], roles: &mut [Role]) {
    let sense = |header: &str| {
        let words = text::words(header);
        let all = |set: &[&str]| !words.is_empty() && words.iter().all(|word| set.contains(&word.as_str()));
        let signs: Vec<marks::Sense> = marks::all(header).into_iter().map(|(_, mark)| mark.sense).collect();
        let only = |sense| words.is_empty() && !signs.is_empty() && signs.iter().all(|own| *own == sense);
        match () {
            () if all(&["pass", "passed", "ok", "yes", "works"]) || only(marks::Sense::Green) => Some(Role::Pass),
            () if all(&["fail", "failed", "failing", "broken", "no"]) || only(marks::Sense::Bad) => Some(Role::Fail),
            () => None,
        }
    };
    let found: Vec<Option<Role>> = headers.iter().map(|header| sense(header)).collect();
    if !found.contains(&Some(Role::Fail)) {
        return;
    }
    for (role, found) in roles.iter_mut().zip(found) {
        *role = found.unwrap_or(*role);
    }
}

/// Words of headers that say of their cells that they hold what is so now. What stands under others is of another time, a
/// bound, a rank, a weight.
const NOW: [&str; 10] = ["current", "currently", "now", "after", "final", "real", "latest", "today", "is", "ist"];
/// Words of headers of mere values.
const VALUE: [&str; 8] = ["value", "values", "count", "amount", "total", "codec", "compression", "ค่า"];

/// Whether a header says no more than that its cells hold what is so now: `Value`, `Current count`, `After (kB)`.
pub fn is_of_now(header: &str) -> bool {
    let is_now = |word: &String| [&NOW[..], &VALUE, &ACTUAL, &DETAILS].iter().any(|set| is(set, word));
    let words = text::names(header).iter().map(|name| text::words(name)).collect::<Vec<_>>();
    words.iter().any(|words| !words.is_empty() && words.iter().all(is_now))
}

/// Whether the cells under that header are filled.
pub fn is_filled(header: &str) -> bool {
    !matches!(role(header, true), Role::Plain | Role::Label)
}

/// Whether a name is of what there was, as against what was expected: `Actual output`, `Got`.
pub fn is_actual(name: &str) -> bool {
    let words = text::words(name);
    words.len() <= 3 && words.first().is_some_and(|word| word != "value" && is(&ACTUAL, word))
}

/// Whether the table explains signs. Beside a column that says how things are (`Status | Meaning`) only where it does nothing
/// else: `Component | Status | Meaning` has subjects.
pub fn is_legend(headers: &[&str]) -> bool {
    const WORDS: [&str; 12] = [
        "symbol", "symbols", "icon", "icons", "sign", "signs", "emoji", "legend", "meaning", "mark", "marker", "glyph",
    ];
    let is_one = |word: &String| is(&WORDS, word);
    match read(headers) {
        Some(columns) => {
            let explains = |header: &&str| matches!(text::words(header).as_slice(), [word] if word == "meaning");
            headers.len() == 2 && !columns.roles.contains(&Role::Label) && headers.iter().any(explains)
        }
        None => headers.iter().any(|header| text::words(header).iter().any(is_one)),
    }
}

fn positions(roles: &[Role], wanted: Role) -> Vec<usize> {
    roles.iter().enumerate().filter(|(_, role)| **role == wanted).map(|(n, _)| n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_what_their_columns_are_for() {
        use Role::*;
        for (headers, kind, roles) in [
            ("Metric|Target|Actual|Status", TableKind::Metrics, vec![Label, Target, Actual, Status]),
            ("**METRIC**|🎯 Target|`Actual`|✅ Status", TableKind::Metrics, vec![Label, Target, Actual, Status]),
            ("Metric|Expected|Result|Status", TableKind::Metrics, vec![Label, Target, Actual, Status]),
            ("Metric|Expected Result|Actual Value|Result", TableKind::Metrics, vec![Label, Target, Actual, Status]),
            ("Metric|Success Criteria|Measured|Pass/Fail", TableKind::Metrics, vec![Label, Target, Actual, Status]),
            ("Quality|Target|Status", TableKind::Metrics, vec![Plain, Target, Status]),
            ("Metric|Target|Current|Status", TableKind::Metrics, vec![Label, Target, Actual, Status]),
            ("Metric|Target|Before|After (kB)|Status", TableKind::Metrics, vec![Label, Target, Plain, Actual, Status]),
            ("Metric|Target|Current owner|Status", TableKind::Metrics, vec![Label, Target, Plain, Status]),
            ("Metric|Max|Actual|Status", TableKind::Metrics, vec![Label, Target, Actual, Status]),
            ("Metric|Max value|Actual|Status", TableKind::Metrics, vec![Label, Target, Actual, Status]),
            ("Metric|Min|Max|Actual|Status", TableKind::Components, vec![Label, Plain, Plain, Actual, Status]),
            ("Check|Max|Result", TableKind::States, vec![Label, Plain, Status]),
            ("Component|Status|Details", TableKind::Components, vec![Label, Status, Details]),
            ("component name|current status|notes", TableKind::Components, vec![Label, Status, Details]),
            ("Component|State", TableKind::States, vec![Label, Status]),
            ("Area|Component|State", TableKind::States, vec![Plain, Label, Status]),
            ("Component|Service|State", TableKind::States, vec![Label, Plain, Status]),
            ("Component|Check|State", TableKind::States, vec![Label, Plain, Status]),
            ("Component|Metric|Target|Status", TableKind::Metrics, vec![Plain, Label, Target, Status]),
            ("🧩 Component|🟢 State", TableKind::States, vec![Label, Status]),
            ("Health Check|✅", TableKind::States, vec![Label, Status]),
            ("Component|Path|Status|Evidence", TableKind::Components, vec![Label, Plain, Status, Evidence]),
            ("Check|Pass|Fail", TableKind::States, vec![Label, Pass, Fail]),
            ("Check|✅|❌", TableKind::States, vec![Label, Pass, Fail]),
            ("Check|Pass/Fail", TableKind::States, vec![Label, Status]),
            ("Requirement|Met?", TableKind::States, vec![Label, Status]),
            ("Version|Date|Status", TableKind::Other, vec![Plain, Plain, Status]),
        ] {
            let headers: Vec<&str> = headers.split('|').collect();
            let columns = read(&headers).unwrap_or_else(|| panic!("{headers:?}"));
            assert_eq!((columns.kind, columns.roles), (kind, roles), "{headers:?}");
        }
        for (header, expect) in [
            ("Value", true),
            ("**Current count** (rows)", true),
            ("After (kB)", true),
            ("Notes", true),
            ("Previous value", false),
            ("Before", false),
            ("Weight", false),
            ("", false),
        ] {
            assert_eq!(is_of_now(header), expect, "{header}");
        }
        for headers in
            ["File|Purpose", "Symbol|Meaning", "Metric|Target", "Field|Value", "Time|Job", "", "Name|Description"]
        {
            let headers: Vec<&str> = headers.split('|').collect();
            assert_eq!(read(&headers), None, "{headers:?}");
        }
    }
}
