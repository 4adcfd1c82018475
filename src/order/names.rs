//! What headings and keys are called, and what they mean.

use super::{fold, section_names};

/// More words than a name has.
pub(super) const MAX_NAME_WORDS: usize = 8;

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Objective,
    Requirements,
    /// Taken for requirements where there are none.
    Scope,
    Acceptance,
    Deliverables,
    Dependencies,
    Verification,
    NextPhase,
    /// What is said not to be asked: out of scope, stretch goals, when to roll back.
    Excluded,
    Other,
}

/// A field that holds one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Scalar {
    Id,
    Title,
    Phase,
    Origin,
    Assignee,
    /// `GG → CLC`: from whom to whom.
    Owner,
    Priority,
    Created,
    Expires,
    Handler,
    /// That a person approves the order before it runs.
    Approval,
    /// Orders that must be done before, measurements that must be so.
    Requires,
}

/// How a sign tells that a name has a role.
#[derive(Clone, Copy)]
enum How {
    /// The name begins with these words.
    Begins,
    /// It is this and no more.
    Whole,
    /// This is one of its words.
    Word,
    /// This stands anywhere in it: Thai has no spaces between words.
    Within,
}

/// The roles that are told by a sign; the first that fits counts.
const ROLES: &[(Role, How, &[&str])] = &[
    (Role::Deliverables, How::Word, &["deliverables", "deliverable"]),
    (Role::Deliverables, How::Begins, &["artifacts", "outputs"]),
    (Role::Deliverables, How::Within, &["ส่งมอบ"]),
    (Role::Dependencies, How::Begins, &["dependencies", "dependency", "depends on", "prerequisites", "prerequisite"]),
    (Role::NextPhase, How::Begins, &["next phase"]),
    (
        Role::NextPhase,
        How::Whole,
        &["next phases", "next steps", "next step", "next", "follow up", "followup", "follow ups"],
    ),
    (
        Role::Verification,
        How::Begins,
        &[
            "verification",
            "verify",
            "validation",
            "how to verify",
            "testing",
            "tests",
            "test",
            "post verify",
            "post verification",
            "การตรวจสอบ",
        ],
    ),
    (
        Role::Requirements,
        How::Begins,
        &[
            "requirements",
            "requirement",
            "ข้อกำหนด",
            "functional requirements",
            "technical requirements",
            "core requirements",
            "key requirements",
        ],
    ),
    (
        Role::Scope,
        How::Begins,
        &[
            "scope",
            "in scope",
            "tasks",
            "task",
            "work items",
            "implementation",
            "steps",
            "actions",
            "what to do",
            "work to do",
            "ขอบเขต",
        ],
    ),
    (
        Role::Objective,
        How::Begins,
        &["objective", "objectives", "goal", "goals", "purpose", "mission", "intent", "aim", "วัตถุประสงค์", "เป้าหมาย"],
    ),
];

/// The role of a section by its folded name (see [`fold::heading`]).
pub(crate) fn role(name: &str) -> Role {
    if section_names::is_excluded(name) { Role::Excluded } else { role_where_asked(name) }
}

/// The role of a section that is asked, whatever else its name says.
fn role_where_asked(name: &str) -> Role {
    let words: Vec<&str> = name.split(' ').collect();
    let starts = |lead: &str| name == lead || name.strip_prefix(lead).is_some_and(|rest| rest.starts_with(' '));
    // a sentence is no name, unless it begins with one
    if words.len() > MAX_NAME_WORDS {
        return section_names::in_long(name);
    }
    let is_acceptance = starts("acceptance")
        || (words.last() == Some(&"acceptance") && words.len() <= 3)
        || ["criteria", "criterion", "tests", "test", "checks", "check", "metrics", "conditions", "targets"]
            .iter()
            .any(|what| name.contains(&format!("acceptance {what}")));
    if is_acceptance || section_names::is_acceptance(name) {
        return Role::Acceptance;
    }
    let is = |how: How, sign: &str| match how {
        How::Begins => starts(sign),
        How::Whole => name == sign,
        How::Word => words.contains(&sign),
        How::Within => name.contains(sign),
    };
    let found = ROLES.iter().find(|(_, how, signs)| signs.iter().any(|sign| is(*how, sign)));
    found.map_or(Role::Other, |(role, ..)| *role)
}

/// The role of a heading as written. What follows a bracket, a colon or a dash explains a name.
pub(crate) fn role_of_heading(label: &str) -> Role {
    if section_names::is_set_aside(label) {
        return Role::Excluded;
    }
    let name = fold::heading(label);
    if name.split(' ').count() <= MAX_NAME_WORDS {
        return role_where_asked(&name);
    }
    let end = ["(", "[", ":", "：", " – ", " — ", " - ", ", "].iter().filter_map(|mark| label.find(mark)).min();
    let short = end.and_then(|end| label.get(..end)).map(fold::heading);
    match short.map(|short| role(&short)) {
        Some(found) if found != Role::Other => found,
        _ => role_where_asked(&name),
    }
}

/// The same within acceptance, where only a name that is one as a whole puts its section aside.
pub(crate) fn role_within_acceptance(label: &str) -> Role {
    match role_of_heading(label) {
        Role::Excluded if !section_names::is_excluded_alone(label) => role_where_asked(&fold::heading(label)),
        found => found,
    }
}

/// Whether a label is the name of a section as a whole: `Validation`, `Deliverables & Paths`; not `Validation time`, `No
/// deliverables dropped`.
pub(crate) fn is_name(label: &str) -> bool {
    const COMPLETING: [&str; 24] = [
        "and",
        "or",
        "of",
        "the",
        "for",
        "this",
        "order",
        "to",
        "how",
        "depends",
        "on",
        "post",
        "phase",
        "phases",
        "functional",
        "technical",
        "core",
        "key",
        "expected",
        "final",
        "list",
        "paths",
        "commands",
        "script",
    ];
    let (name, _) = section_names::named_part(label);
    let completes = |word: &str| COMPLETING.contains(&word) || role_where_asked(word) != Role::Other;
    role(&name) != Role::Other && name.split(' ').all(completes)
}

/// A key of data, folded, where `requiresApproval` is `requires_approval`: a capital begins a word behind a small letter, and
/// before one where capitals end (`WOId`).
pub(crate) fn of_key(key: &str) -> String {
    let chars: Vec<char> = key.chars().collect();
    let mut apart = String::with_capacity(key.len() + 4);
    for (n, c) in chars.iter().enumerate() {
        let before = n.checked_sub(1).and_then(|n| chars.get(n)).copied().unwrap_or(' ');
        let after = chars.get(n + 1).copied().unwrap_or(' ');
        if c.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && after.is_lowercase())) {
            apart.push(' ');
        }
        apart.push(*c);
    }
    fold::fold(&apart)
}

/// The one-line field that a folded key names.
pub(crate) fn scalar(name: &str) -> Option<Scalar> {
    Some(match name {
        "id" | "wo id" | "order id" | "work order id" | "work order" | "wo" | "wo number" | "work order no" | "รหัส" => {
            Scalar::Id
        }
        "title" => Scalar::Title,
        "phase" | "current phase" | "เฟส" => Scalar::Phase,
        "origin" | "requested by" | "requester" | "requestor" | "author" | "from" | "created by" | "issued by"
        | "ordered by" => Scalar::Origin,
        "assigned to" | "assignee" | "agent" | "to" | "executor" | "assigned" | "implementer" | "responsible"
        | "assigned agent" => Scalar::Assignee,
        "owner" | "owners" => Scalar::Owner,
        "priority" | "prio" | "ความสำคัญ" => Scalar::Priority,
        "created" | "created at" | "created on" | "date" | "issued" | "issued at" | "date created" | "วันที่" => {
            Scalar::Created
        }
        "expires" | "expires at" | "expiry" | "expires on" | "valid until" | "expiration" => Scalar::Expires,
        "handler" => Scalar::Handler,
        "approval" | "requires approval" | "needs approval" | "approval required" => Scalar::Approval,
        "requires" => Scalar::Requires,
        _ => return None,
    })
}

/// Whether words, as written, are a section's name or an order's title.
pub(crate) fn is_known(words: &str) -> bool {
    let name = fold::heading(words);
    !matches!(role(&name), Role::Other | Role::Excluded) || is_order_title(&name)
}

/// `work order …`, `wo …`, folded.
pub(crate) fn is_order_title(name: &str) -> bool {
    ["work order", "wo", "workorder", "ใบสั่งงาน"]
        .iter()
        .any(|lead| name == *lead || name.strip_prefix(lead).is_some_and(|rest| rest.starts_with(' ')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_known_by_their_names() {
        for (heading, expect) in [
            ("🎯 Objective", Role::Objective),
            ("2. Requirements", Role::Requirements),
            ("Acceptance Criteria (must pass)", Role::Acceptance),
            ("Success Criteria", Role::Acceptance),
            ("Definition of Done", Role::Acceptance),
            ("Acceptance", Role::Acceptance),
            ("User acceptance", Role::Acceptance),
            ("Phase 2 acceptance criteria", Role::Acceptance),
            ("Why acceptance failed last time", Role::Other),
            ("✅ Verification Script Specification", Role::Verification),
            ("📦 Deliverables & Paths", Role::Deliverables),
            ("Dependencies", Role::Dependencies),
            ("Scope", Role::Scope),
            ("Out of Scope", Role::Excluded),
            ("❌ Failure conditions", Role::Excluded),
            ("Rollback criteria", Role::Excluded),
            ("Rollback", Role::Other),
            ("Stretch goals (not required)", Role::Excluded),
            ("Non-criteria", Role::Excluded),
            ("Acceptance criteria we decided against", Role::Excluded),
            ("Acceptance Criteria (dropped)", Role::Excluded),
            ("🚦 Quality Gates", Role::Acceptance),
            ("KPIs", Role::Acceptance),
            ("Go / No-Go", Role::Acceptance),
            ("Exit gate", Role::Acceptance),
            ("SLOs", Role::Acceptance),
            ("Performance targets", Role::Acceptance),
            ("Validation criteria", Role::Acceptance),
            ("What done looks like", Role::Acceptance),
            ("Must hold", Role::Acceptance),
            ("Pass/Fail", Role::Acceptance),
            ("Abnahmekriterien", Role::Acceptance),
            ("✅ Abnahme", Role::Acceptance),
            ("Aceptación", Role::Acceptance),
            ("Abnahme durch GG", Role::Other),
            ("受け入れ基準", Role::Acceptance),
            ("验收标准", Role::Acceptance),
            ("Critères d’acceptation", Role::Acceptance),
            ("Criterios de aceptación", Role::Acceptance),
            ("Critérios de aceitação", Role::Acceptance),
            ("Критерии приёмки", Role::Acceptance),
            ("인수 기준", Role::Acceptance),
            ("Targets", Role::Other),
            ("Constraints", Role::Other),
            ("Deliverables that are not needed any more", Role::Excluded),
            ("Background", Role::Other),
            ("Next Phase", Role::NextPhase),
            ("เกณฑ์การยอมรับ", Role::Acceptance),
        ] {
            assert_eq!(role(&fold::heading(heading)), expect, "{heading}");
        }
    }

    #[test]
    fn keys_are_folded_in_any_case() {
        for (key, expect) in [
            ("requiresApproval", "requires approval"),
            ("requires_approval", "requires approval"),
            ("depends-on", "depends on"),
            ("acceptanceCriteria", "acceptance criteria"),
            ("WOId", "wo id"),
            ("ID", "id"),
            ("APPROVAL", "approval"),
            ("Acceptance", "acceptance"),
            ("ความสำคัญ", "ความสำคัญ"),
        ] {
            assert_eq!(of_key(key), expect, "{key}");
        }
    }

    #[test]
    fn a_name_is_told_from_what_only_begins_like_one() {
        for label in [
            "📦 Outputs",
            "**Validation**",
            "Deliverables & Paths",
            "3. Dependencies (all of them)",
            "How to verify",
            "Next phase",
        ] {
            assert!(is_name(label), "{label}");
        }
        for label in ["Validation time", "No deliverables dropped", "Tests pass", "Dependencies resolved", "Speed"] {
            assert!(!is_name(label), "{label}");
        }
    }

    #[test]
    fn long_headings_are_known_by_the_name_they_begin_with() {
        for (heading, expect) in [
            ("✅ Acceptance Criteria (all of them must hold before GG signs off)", Role::Acceptance),
            ("Definition of done for this order as it was agreed with GG on Friday", Role::Acceptance),
            ("Deliverables: what we expect to find in the repository when this is done", Role::Deliverables),
            ("How we measured the acceptance of the last order, and what came of it", Role::Other),
            ("Acceptance criteria of the last order that were dropped by GG on Friday", Role::Excluded),
        ] {
            assert_eq!(role_of_heading(heading), expect, "{heading}");
        }
    }
}
