//! What acceptance sections are called, and what is called so that it is none.
//!
//! Names are folded (see [`super::fold::heading`]).

use super::fold;
use super::names::Role;

/// Anywhere in a heading.
const ACCEPTANCE_WITHIN: [&str; 32] = [
    "success criteria",
    "success metrics",
    "success metric",
    "exit criteria",
    "completion criteria",
    "done criteria",
    "quality gate",
    "quality criteria",
    "quality targets",
    "release criteria",
    "validation criteria",
    "verification criteria",
    "performance targets",
    "performance criteria",
    "เกณฑ์",
    "abnahmekriteri",
    "akzeptanzkriteri",
    "erfolgskriteri",
    "critères d acceptation",
    "critères d acceptance",
    "critères de réussite",
    "criterios de aceptación",
    "criterios de éxito",
    "critérios de aceitação",
    "criteri di accettazione",
    "acceptatiecriteria",
    "kryteria akceptacji",
    "критерии при",
    "受け入れ基準",
    "受入基準",
    "验收标准",
    "驗收標準",
];

/// As the whole heading, or its first words.
const ACCEPTANCE_LEADS: [&str; 45] = [
    "definition of done",
    "done when",
    "done means",
    "success conditions",
    "pass criteria",
    "pass conditions",
    "pass fail",
    "criteria",
    "dod",
    "kpi",
    "kpis",
    "key performance indicators",
    "go no go",
    "go nogo",
    "exit gate",
    "exit gates",
    "release gate",
    "release gates",
    "slo",
    "slos",
    "service level objective",
    "service level objectives",
    "sla",
    "slas",
    "must hold",
    "must pass",
    "must be true",
    "accept when",
    "accepted when",
    "accept if",
    "what done looks like",
    "what success looks like",
    "done looks like",
    "success looks like",
    "how we know it works",
    "how we know it is done",
    "how we know we are done",
    "sign off checklist",
    "sign off criteria",
    "受け入れ条件",
    "完了条件",
    "完了の定義",
    "验收条件",
    "인수 기준",
    "tiêu chí nghiệm thu",
];

/// As the whole heading: with other words it may be who takes the work over, or when.
const ACCEPTANCE_ALONE: [&str; 16] = [
    "abnahme",
    "akzeptanz",
    "acceptation",
    "aceptación",
    "aceitação",
    "accettazione",
    "acceptatie",
    "akceptacja",
    "приёмка",
    "приемка",
    "受け入れ",
    "受入",
    "验收",
    "驗收",
    "인수",
    "การยอมรับ",
];

const EXCLUDED_LEADS: [&str; 45] = [
    "out of scope",
    "not in scope",
    "non goals",
    "non goal",
    "not goals",
    "anti goals",
    "non requirements",
    "non requirement",
    "non criteria",
    "not criteria",
    "not required",
    "not needed",
    "not part of",
    "exclusions",
    "excluded",
    "rollback criteria",
    "rollback criterion",
    "rollback conditions",
    "rollback condition",
    "rollback triggers",
    "rollback trigger",
    "rollback if",
    "rollback when",
    "roll back if",
    "roll back when",
    "failure conditions",
    "failure condition",
    "failure criteria",
    "fail criteria",
    "fail conditions",
    "abort criteria",
    "abort conditions",
    "stop criteria",
    "stop conditions",
    "kill criteria",
    "stretch",
    "nice to have",
    "nice to haves",
    "rejected",
    "no go criteria",
    // `Won't have`, folded
    "won t have",
    "won t do",
    "won t fix",
    "wont have",
    "will not have",
];

/// Anywhere in a heading that also names what it says this of (see [`names_demands`]).
const EXCLUDED_WITHIN: [&str; 7] = [
    "decided against",
    "not required",
    "no longer required",
    "no longer needed",
    "not needed",
    "were dropped",
    "was dropped",
];

/// At the end of such a heading, or alone.
const EXCLUDED_ENDS: [&str; 11] = [
    "won t",
    "dropped",
    "withdrawn",
    "obsolete",
    "superseded",
    "rejected",
    "deprecated",
    "cancelled",
    "descoped",
    "removed",
    "replaced",
];

/// Before a demand that is no more asked or never was (`Old acceptance criteria`), or behind it in brackets.
const PUT_ASIDE: [&str; 15] = [
    "old",
    "previous",
    "former",
    "earlier",
    "past",
    "prior",
    "obsolete",
    "superseded",
    "replaced",
    "dropped",
    "removed",
    "descoped",
    "withdrawn",
    "deprecated",
    "cancelled",
];

/// Before a demand that is only shown: `Example criteria`.
const SHOWN: [&str; 3] = ["example", "examples", "sample"];

/// Sections that hold nothing but what is over, or what is shown.
const OVER: [&str; 12] = [
    "history",
    "revision history",
    "change history",
    "changelog",
    "change log",
    "previous",
    "earlier",
    "former",
    "old",
    "obsolete",
    "example",
    "examples",
];

/// Sections that tell of what was.
const PAST: [&str; 18] = [
    "background",
    "history",
    "context",
    "previous",
    "last",
    "earlier",
    "former",
    "past",
    "results",
    "lessons",
    "problem",
    "motivation",
    "findings",
    "current",
    "status quo",
    "baseline",
    "retrospective",
    "incident",
];

fn starts(name: &str, leads: &[&str]) -> bool {
    leads.iter().any(|lead| name == *lead || name.strip_prefix(lead).is_some_and(|rest| rest.starts_with(' ')))
}

pub(super) fn is_acceptance(name: &str) -> bool {
    ACCEPTANCE_WITHIN.iter().any(|words| name.contains(words))
        || starts(name, &ACCEPTANCE_LEADS)
        || ACCEPTANCE_ALONE.contains(&name)
}

/// Whether a label is as a whole the name of what must hold: `Acceptance`, `Done when`, `Success criteria`; not `KPI dashboard`,
/// `Acceptance test script`.
pub(super) fn is_acceptance_alone(label: &str) -> bool {
    const COMPLETING: [&str; 9] =
        ["criteria", "criterion", "condition", "conditions", "test", "tests", "check", "checks", "targets"];
    let (name, _) = named_part(label);
    // a lone word may be a thing: `Criteria`, `KPI`, `SLO` name columns and items of other kinds
    let leads = ACCEPTANCE_WITHIN.iter().chain(&ACCEPTANCE_LEADS).filter(|lead| lead.contains(' ') || !lead.is_ascii());
    leads.chain(&["acceptance", "dod"]).any(|lead| {
        let rest = name.strip_prefix(lead);
        rest.is_some_and(|rest| rest.split_whitespace().all(|word| COMPLETING.contains(&word)))
    })
}

/// Whether a section says itself that what stands in it is not asked. `Scope / Out of scope` holds both and is none; `No
/// heartbeats dropped` says what must hold.
pub(super) fn is_excluded(name: &str) -> bool {
    if starts(name, &EXCLUDED_LEADS) || EXCLUDED_ENDS.contains(&name) || is_put_aside(name) {
        return true;
    }
    let ends = |word: &str| name.strip_suffix(word).is_some_and(|rest| rest.ends_with(' ') && !fold::denies(rest));
    names_demands(name)
        && (EXCLUDED_WITHIN.iter().any(|words| name.contains(words)) || EXCLUDED_ENDS.iter().any(|word| ends(word)))
}

const DEMANDS: [&str; 9] = [
    "acceptance",
    "criteria",
    "criterion",
    "goal",
    "goals",
    "requirement",
    "requirements",
    "deliverable",
    "deliverables",
];

/// `Old acceptance criteria`, `Previous targets`; not `Old files: criteria`.
fn is_put_aside(name: &str) -> bool {
    let mut words = name.split(' ');
    let (first, second, third) = (words.next(), words.next().unwrap_or(""), words.next().unwrap_or(""));
    first.is_some_and(|first| PUT_ASIDE.contains(&first) || SHOWN.contains(&first))
        && (DEMANDS.contains(&second)
            || ["target", "targets", "metrics", "order"].contains(&second)
            || is_acceptance(&format!("{second} {third}")))
}

/// `v1`, `wo 250101`: which one it is of.
fn is_version(word: &str) -> bool {
    let digits = word.trim_start_matches('v');
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    word == "wo" || (is_number && (digits.len() < word.len() || digits.len() >= 4))
}

/// Whether a heading names criteria, goals, requirements or deliverables.
fn names_demands(name: &str) -> bool {
    is_acceptance(name) || name.split(' ').any(|word| DEMANDS.contains(&word))
}

/// Whether a heading, as written, is as a whole the name of what is not asked. Within acceptance nothing less will do:
/// there, `Out-of-scope files untouched` and `Manual restart not needed` say what must hold.
pub(super) fn is_excluded_alone(label: &str) -> bool {
    /// `Out of scope for this order`, `Stretch goals`, `Rejected criteria`.
    const COMPLETING: [&str; 24] = [
        "have",
        "time",
        "do",
        "acceptance",
        "criteria",
        "criterion",
        "goal",
        "goals",
        "target",
        "targets",
        "requirements",
        "items",
        "for",
        "in",
        "of",
        "this",
        "the",
        "order",
        "wo",
        "phase",
        "release",
        "now",
        "yet",
        "here",
    ];
    let (name, aside) = named_part(label);
    let is_whole = |lead: &str| {
        let rest = name.strip_prefix(lead).filter(|rest| rest.is_empty() || rest.starts_with(' '));
        rest.is_some_and(|rest| rest.split_whitespace().all(|word| COMPLETING.contains(&word) || is_version(word)))
    };
    EXCLUDED_LEADS.iter().chain(&EXCLUDED_ENDS).any(|lead| is_whole(lead))
        || (is_put_aside(&name) && PUT_ASIDE.iter().chain(&SHOWN).any(|lead| is_whole(lead)))
        || (!aside.is_empty() && !is_excluded(&name) && is_set_aside(label))
}

/// Whether a heading, as written, is put aside by its name or by what its bracket or its dash says of the whole: `Acceptance
/// Criteria (dropped)`, not `Acceptance Criteria (the old ones were dropped)`.
pub(super) fn is_set_aside(label: &str) -> bool {
    let (name, aside) = named_part(label);
    let aside = fold::fold(aside);
    let aside = aside.split(' ').skip_while(|word| is_version(word)).collect::<Vec<_>>().join(" ");
    let says_it = |words: &str| {
        let rest = aside.strip_prefix(words).filter(|rest| rest.is_empty() || rest.starts_with(' '));
        rest.is_some_and(|rest| match rest.split_whitespace().next() {
            Some(word) => ["by", "on", "in", "for", "see", "since", "until"].contains(&word),
            None => true,
        })
    };
    is_excluded(&name)
        || (names_demands(&name)
            && EXCLUDED_WITHIN
                .iter()
                .chain(&EXCLUDED_ENDS)
                .chain(&PUT_ASIDE)
                .chain(&["out of scope"])
                .any(|words| says_it(words)))
}

/// Whether a section says of the order itself who, when and how: `Metadata`, `Work Order Details`, `Order info`.
pub(super) fn is_about_order(name: &str) -> bool {
    const HEADS: [&str; 9] =
        ["metadata", "meta", "header", "details", "info", "information", "properties", "attributes", "identification"];
    const COMPLETING: [&str; 6] = ["order", "work", "wo", "document", "general", "the"];
    let is_head = |word: &str| HEADS.contains(&word);
    name.split(' ').any(is_head) && name.split(' ').all(|word| is_head(word) || COMPLETING.contains(&word))
}

/// Whether a label, as written, is as a whole the name of a part of a plan that asks nothing: `Risks & mitigations`, `Rollback
/// plan`, `Estimated time`. `Rollback time` and `Notes exported` have words of their own.
pub(super) fn is_aside(label: &str) -> bool {
    const ASIDES: [&str; 18] = [
        "risk",
        "risks",
        "mitigation",
        "mitigations",
        "rollback",
        "backout",
        "contingency",
        "note",
        "notes",
        "remarks",
        "comments",
        "timeline",
        "milestones",
        "assumptions",
        "estimate",
        "estimates",
        "questions",
        "references",
    ];
    const COMPLETING: [&str; 18] = [
        "and",
        "of",
        "the",
        "for",
        "this",
        "order",
        "phase",
        "known",
        "open",
        "potential",
        "additional",
        "implementation",
        "register",
        "assessment",
        "plan",
        "procedure",
        "steps",
        "strategy",
    ];
    let (name, _) = named_part(label);
    let is_aside = |word: &str| ASIDES.contains(&word);
    is_estimate(&name)
        || (name.split(' ').any(is_aside)
            && name.split(' ').all(|word| is_aside(word) || COMPLETING.contains(&word) || is_version(word)))
}

/// How long the work is thought to take, folded: no word of what must come of it.
pub(super) fn is_estimate(name: &str) -> bool {
    let of = ["time", "effort", "duration", "hours", "cost"];
    ["estimated ", "expected ", "planned "]
        .iter()
        .any(|lead| name.strip_prefix(lead).is_some_and(|what| of.contains(&what)))
        || of.iter().any(|what| name.strip_suffix(" estimate").is_some_and(|lead| lead == *what))
        || name == "timeline"
}

/// The name before a bracket, a colon or a dash, folded, and what follows it.
pub(super) fn named_part(label: &str) -> (String, &str) {
    let end = [" (", " [", ":", "：", " – ", " — ", " - ", ", "].iter().filter_map(|mark| label.find(mark)).min();
    let (name, aside) = label.split_at_checked(end.unwrap_or(label.len())).unwrap_or((label, ""));
    (fold::heading(name), aside)
}

/// Whether a section tells of what was found before.
pub(super) fn is_past(name: &str) -> bool {
    starts(name, &PAST)
}

/// Whether a section holds nothing but what is over: by its whole name, or of such a kind. `Previous 30 days` is a time, and
/// `Old reports and new ones` tells of the work.
pub(super) fn is_over(name: &str) -> bool {
    const KINDS: [&str; 16] = [
        "order",
        "orders",
        "work order",
        "work orders",
        "version",
        "versions",
        "attempt",
        "attempts",
        "run",
        "runs",
        "phase",
        "phases",
        "result",
        "results",
        "revision",
        "revisions",
    ];
    OVER.iter().any(|lead| {
        let rest = name.strip_prefix(lead).filter(|rest| rest.is_empty() || rest.starts_with(' '));
        rest.map(str::trim_start).is_some_and(|rest| rest.is_empty() || KINDS.contains(&rest) || names_demands(rest))
    })
}

/// What a heading of many words is, by a name of several words that it begins with.
pub(super) fn in_long(name: &str) -> Role {
    const ACCEPTANCE: [&str; 7] = [
        "acceptance criteria",
        "acceptance tests",
        "acceptance checklist",
        "acceptance conditions",
        "success criteria",
        "definition of done",
        "exit criteria",
    ];
    if starts(name, &ACCEPTANCE) {
        return Role::Acceptance;
    }
    if starts(name, &["deliverables and paths", "list of deliverables"]) {
        return Role::Deliverables;
    }
    Role::Other
}
