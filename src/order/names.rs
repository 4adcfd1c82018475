//! What headings and keys are called, and what they mean.

use super::fold;

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
}

/// The role of a section by its folded name (see [`fold::heading`]).
pub(crate) fn role(name: &str) -> Role {
    let words: Vec<&str> = name.split(' ').collect();
    let has = |word: &str| words.contains(&word);
    let starts = |lead: &str| name == lead || name.strip_prefix(lead).is_some_and(|rest| rest.starts_with(' '));
    let negated =
        ["out of scope", "non goals", "non goal", "non requirements", "not in scope"].iter().any(|lead| starts(lead));
    if negated || words.len() > 8 {
        return Role::Other;
    }
    let is_acceptance = starts("acceptance")
        || (words.last() == Some(&"acceptance") && words.len() <= 3)
        || ["criteria", "criterion", "tests", "test", "checks", "check", "metrics", "conditions", "targets"]
            .iter()
            .any(|what| name.contains(&format!("acceptance {what}")));
    if is_acceptance
        || [
            "success criteria",
            "success metrics",
            "success metric",
            "exit criteria",
            "completion criteria",
            "done criteria",
        ]
        .iter()
        .any(|lead| name.contains(lead))
        || ["definition of done", "done when", "success conditions", "pass criteria", "criteria", "dod"]
            .iter()
            .any(|lead| starts(lead))
        || name.contains("เกณฑ์")
    {
        return Role::Acceptance;
    }
    if has("deliverables")
        || has("deliverable")
        || starts("artifacts")
        || starts("outputs")
        || name.contains("สิ่งที่ต้องส่งมอบ")
        || name.contains("สิ่งที่ส่งมอบ")
        || name.contains("ส่งมอบ")
    {
        return Role::Deliverables;
    }
    if ["dependencies", "dependency", "depends on", "prerequisites", "prerequisite"].iter().any(|lead| starts(lead)) {
        return Role::Dependencies;
    }
    if ["next phase", "next phases", "next steps", "next step", "next", "follow up", "followup", "follow ups"]
        .contains(&name)
        || starts("next phase")
    {
        return Role::NextPhase;
    }
    let verifying = [
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
    ];
    if verifying.iter().any(|lead| starts(lead)) {
        return Role::Verification;
    }
    if [
        "requirements",
        "requirement",
        "ข้อกำหนด",
        "functional requirements",
        "technical requirements",
        "core requirements",
        "key requirements",
    ]
    .iter()
    .any(|lead| starts(lead))
    {
        return Role::Requirements;
    }
    if [
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
    ]
    .iter()
    .any(|lead| starts(lead))
    {
        return Role::Scope;
    }
    if ["objective", "objectives", "goal", "goals", "purpose", "mission", "intent", "aim", "วัตถุประสงค์", "เป้าหมาย"]
        .iter()
        .any(|lead| starts(lead))
    {
        return Role::Objective;
    }
    Role::Other
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
        _ => return None,
    })
}

/// Whether words, as written, are a section's name or an order's title.
pub(crate) fn is_known(words: &str) -> bool {
    let name = fold::heading(words);
    role(&name) != Role::Other || is_order_title(&name)
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
            ("Out of Scope", Role::Other),
            ("Background", Role::Other),
            ("Next Phase", Role::NextPhase),
            ("เกณฑ์การยอมรับ", Role::Acceptance),
        ] {
            assert_eq!(role(&fold::heading(heading)), expect, "{heading}");
        }
    }
}
