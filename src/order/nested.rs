//! What stands as an item below a criterion that has its own target: another criterion, what explains this one, or text.
//!
//! What must hold: what states something is never passed over. What is not sure to explain is told.

use super::acceptance::{is_remark_key, is_remark_with};
use super::below::{PREPOSITIONS, TELLING};
use super::blocks::{Block, ListItem};
use super::criteria::{self, Split};
use super::denial;
use super::draft::Draft;
use super::model::Span;
use super::names::{self, Role};
use super::source::Remark;
use super::target::{self, Target};
use super::{fold, keyline, parting, paths};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A criterion of its own that can be judged, or that must not hold.
    Asked,
    /// A sentence that can't be judged.
    Stated,
    /// How the criterion is looked at, or why.
    Explains,
    Text,
}

/// The items below a criterion, by what they are.
#[derive(Default)]
pub(super) struct Nested<'a> {
    pub own: Vec<&'a ListItem>,
    pub notes: Vec<String>,
    unread: Vec<Span>,
}

impl<'a> Nested<'a> {
    /// `has_target`: beside a `Target: …` a sentence as often says what that is of, and is told.
    pub fn of(draft: &Draft<'_>, items: Vec<&'a ListItem>, has_target: bool) -> Self {
        let mut nested = Nested::default();
        for entry in items {
            let kind = kind_of(draft, entry);
            if kind == Kind::Asked || (kind == Kind::Stated && !has_target) {
                nested.own.push(entry);
                continue;
            }
            let text = fold::inline(&criteria::raw_text(draft, &entry.lines));
            if kind != Kind::Explains {
                nested.unread.push(entry.lines.first().cloned().unwrap_or_else(|| entry.span.clone()));
            }
            nested.notes.extend(Some(text).filter(|text| !text.is_empty()));
        }
        nested
    }

    /// All that stands below a title that asks nothing itself says what must hold.
    pub fn of_group(items: Vec<&'a ListItem>) -> Self {
        Nested { own: items, ..Nested::default() }
    }

    /// One warning for a criterion.
    pub fn tell(&self, draft: &mut Draft<'_>) {
        let Some(first) = self.unread.first() else { return };
        let shown = crate::text::line(&fold::inline(draft.source.slice(first)), 60);
        let more = match self.unread.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let message = format!("`{shown}`{more} below a criterion states nothing that can be told from an explanation");
        let remark = Remark::warning("acceptance-text", message)
            .understood("text: nothing of it is judged")
            .cure("write what must hold as an item beside the criterion, with a target");
        draft.remark(first, remark);
    }
}

/// Whether the title of a list says no more than that all is well with what sorts its items, so that the list says what must
/// hold: `Data healthy`; `Scripts in place` above items with a path each. What may be measured itself (`Redis works`, `Service
/// healthy`, `LaunchAgent is loaded`) stays asked.
pub(super) fn is_summary(draft: &Draft<'_>, title: &Split, items: &[&ListItem]) -> bool {
    const WELL: [&str; 12] = [
        "healthy",
        "ready",
        "works",
        "work",
        "working",
        "operational",
        "functional",
        "good",
        "ok",
        "okay",
        "green",
        "done",
    ];
    let Target::Ready { word } = target::compile(&title.metric, &title.target) else { return false };
    let names_path = |entry: &&ListItem| !paths::in_text(&criteria::raw_text(draft, &entry.lines)).is_empty();
    let is_delivered = || names::role(&fold::heading(&title.metric)) == Role::Deliverables;
    let says_all = match fold::fold(&word).as_str() {
        "in place" => title.metric.ends_with('s') && !is_delivered() && items.iter().all(names_path),
        word => WELL.contains(&word) && parting::groups(&title.metric) && !is_measured(&title.metric),
    };
    let states = |entry: &&ListItem| matches!(kind_of(draft, entry), Kind::Asked | Kind::Stated);
    says_all && !title.is_whole && !items.is_empty() && items.iter().all(states)
}

/// Whether a word that sorts criteria is also what handlers call something that they measure (a test of theirs looks).
fn is_measured(name: &str) -> bool {
    const MEASURED: [&str; 6] = ["size", "automation", "scheduling", "schedule", "completeness", "service"];
    fold::heading(name).split(' ').any(|word| MEASURED.contains(&word))
}

fn kind_of(draft: &Draft<'_>, entry: &ListItem) -> Kind {
    let raw = criteria::raw_text(draft, &entry.lines);
    let heads_some = entry.blocks.iter().any(|block| matches!(block, Block::List(_) | Block::Table(_)));
    match kind(&raw) {
        // what heads a list of its own is no sentence of this one
        Kind::Text if heads_some => Kind::Asked,
        kind => kind,
    }
}

fn kind(raw: &str) -> Kind {
    if target::is_explanation(raw) {
        return Kind::Explains;
    }
    let own = criteria::split(raw);
    match target::compile(&own.metric, &own.target) {
        Target::Unclear { .. } => {}
        // `in every row group` and `Owner: CLC` are notes, `Compression: Snappy` is none
        Target::Category { .. } if own.is_whole || is_remark_key(&own.metric) => {}
        _ => return Kind::Asked,
    }
    let text = fold::inline(raw);
    match () {
        () if denial::of_line(raw).is_some() => Kind::Asked,
        () if explains(raw, &text) => Kind::Explains,
        () if states(&text) => Kind::Stated,
        () => Kind::Text,
    }
}

/// Code, a path, a remark, or words that say how it is looked at or why and nothing that restricts.
fn explains(raw: &str, text: &str) -> bool {
    /// What somebody is told to do with the code that follows.
    const LOOKING: [&str; 12] =
        ["run", "see", "use", "open", "look", "query", "inspect", "check", "verify", "compare", "execute", "call"];
    if text.is_empty() || is_code(raw) {
        return true;
    }
    if let Some(key) = keyline::parse(raw) {
        let value = raw.get(key.value.clone()).unwrap_or("");
        let is_of_looking = value.is_empty() && names::role(&fold::heading(&key.name)) == Role::Verification;
        return is_of_looking || is_code(value) || is_remark_with(&key.name, value);
    }
    let first = text.split(' ').next().unwrap_or("").to_lowercase();
    let is_asked_to_look = raw.contains('`') && LOOKING.contains(&first.as_str());
    let leads = is_asked_to_look || PREPOSITIONS.contains(&first.as_str());
    leads && target::is_aside(&without_code(raw)) && !is_sentence(text)
}

/// Nothing but code or a path.
fn is_code(raw: &str) -> bool {
    let text = raw.trim().trim_end_matches(['.', ';']);
    let inner = text.trim_matches('`');
    let is_span = inner.len() + 2 <= text.len() && text.starts_with('`') && text.ends_with('`') && !inner.contains('`');
    is_span || paths::is_path(inner, false)
}

fn without_code(text: &str) -> String {
    text.split('`').step_by(2).collect()
}

/// Words that make a sentence of what stands before them.
const VERBS: [&str; 20] = [
    "is", "are", "be", "was", "were", "has", "have", "must", "shall", "should", "will", "can", "cannot", "may", "do",
    "does", "don't", "doesn't", "never", "always",
];

/// Whether it has a verb that surely is one, or a word that says how something is (`loaded`, `passes`).
fn is_sentence(text: &str) -> bool {
    let is_state = |word: &str| matches!(target::compile("", word), Target::Ready { .. });
    words(text).iter().any(|word| VERBS.contains(&word.as_str()) || is_state(word))
}

/// Whether it is a sentence about something: with a verb that surely is one, or with a word behind a short subject that has the
/// form of a verb and goes on (`Optimizer restarts after a reboot`, `Backup uploaded to S3`; not `Row groups of 100k`).
fn states(text: &str) -> bool {
    const MAX_SUBJECT_WORDS: usize = 3;
    /// What a noun follows.
    const BEFORE_NOUN: [&str; 20] = [
        "the", "a", "an", "of", "all", "any", "each", "every", "no", "for", "with", "in", "to", "by", "and", "or",
        "on", "per", "from", "at",
    ];
    let words = words(text);
    // `it`, `this`, `we`: it tells of the criterion above
    if words.first().is_some_and(|first| TELLING.contains(&first.as_str())) {
        return false;
    }
    // `Rows are counted by DuckDB`: how the criterion above is looked at
    const LOOKED_AT: [&str; 7] = ["counted", "taken", "measured", "compared", "timed", "computed", "calculated"];
    let is_looked_at = |two: &[String]| matches!(two, [is, done] if ["is", "are"].contains(&is.as_str()) && LOOKED_AT.contains(&done.as_str()));
    if words.windows(2).any(is_looked_at) {
        return false;
    }
    let has_form = |word: &str| {
        let is_third = word.ends_with('s') && !["ss", "us", "is", "as"].iter().any(|end| word.ends_with(end));
        word.len() > 3 && word.chars().all(char::is_alphabetic) && (is_third || word.ends_with("ed"))
    };
    let is_verb = |three: &[String]| match three {
        [before, word, after] => {
            has_form(word)
                && after != "of"
                && !BEFORE_NOUN.contains(&before.as_str())
                && !before.ends_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    };
    is_sentence(text) || words.windows(3).take(MAX_SUBJECT_WORDS).any(is_verb)
}

fn words(text: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase().replace('’', "'");
    text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_states_something_is_told_from_what_explains() {
        for raw in [
            "Plist passes lint",
            "Optimizer restarts after a reboot",
            "Backup is uploaded to S3",
            "Backup uploaded to `s3://x/y`",
            "Backup: uploaded to S3",
            "Parquet file is readable by DuckDB",
            "Must be idempotent",
            "a report that can't be read is listed",
        ] {
            assert_eq!(kind(raw), Kind::Stated, "{raw}");
        }
        for raw in [
            "On reboot the optimizer is loaded",
            "No schema mismatches",
            "Compression: Snappy",
            "`redis-cli ping` → PONG",
            "Not acceptable: rows > 5",
        ] {
            assert_eq!(kind(raw), Kind::Asked, "{raw}");
        }
        for raw in [
            "`launchctl list`",
            "g/reports/parquet/",
            "Run `wo verify`",
            "Log: `g/logs/parquet_exporter.log`",
            "in every row group",
            "at night",
            "measured with ls -l",
            "checked by wo verify",
            "because the disk is small",
            "see the runbook",
            "Note: GG asked for it",
            "Owner: CLC",
            "How to verify:",
        ] {
            assert_eq!(kind(raw), Kind::Explains, "{raw}");
        }
        for raw in [
            "on every reboot",
            "for 30 days",
            "Run `wo verify` twice",
            "Row groups of 100k rows",
            "Restarts after a reboot",
            "timestamp",
            "It is uploaded to S3",
            "Rows are counted by DuckDB",
            "DuckDB and the parquet crate agree",
        ] {
            assert_eq!(kind(raw), Kind::Text, "{raw}");
        }
    }

    fn read(text: &str) -> (Vec<String>, usize) {
        let order = crate::order::parse(format!("# WO-1\n\n## Acceptance\n{text}").as_bytes(), "WO-1.md").unwrap();
        let shown = order.acceptance.iter().map(|one| match &one.compiled {
            Target::Unclear { .. } => format!("{}?", one.metric),
            compiled => format!("{}: {compiled}", one.metric),
        });
        let told = order.diagnostics.iter().filter(|told| told.code == "acceptance-text").count();
        (shown.collect(), told)
    }

    #[test]
    fn what_stands_below_a_criterion_is_asked_or_told() {
        for (text, expect, told) in [
            (
                "1. **LaunchAgent is loaded**\n   - Plist passes lint\n   - Optimizer restarts after a reboot\n2. **Parquet file exists**\n   - Backup to S3\n",
                vec![
                    "LaunchAgent: works (loaded)",
                    "Plist passes lint?",
                    "Optimizer restarts after a reboot?",
                    "Parquet file: works (exists)",
                ],
                1,
            ),
            (
                "- a: OK\n  - Details:\n    - Backup is uploaded to S3\n  - How to verify:\n    - look at it\n",
                vec!["a: works (OK)", "Backup is uploaded to S3?"],
                0,
            ),
            (
                "### Validation time\n- Target: < 2 s\n- Measurement: wall clock\n- Rows > 0\n- Backup is uploaded to S3\n",
                vec!["Validation time: < 2 s", "Rows: > 0"],
                1,
            ),
            (
                "1. **Redis Connectivity**\n   - The monitor authenticates against Redis.\n   - **Target:** Working\n",
                vec!["Redis Connectivity: works (Working)"],
                1,
            ),
            ("- a: OK\n  - `launchctl list`\n  - checked by wo verify\n", vec!["a: works (OK)"], 0),
        ] {
            assert_eq!(read(text), (expect.into_iter().map(str::to_owned).collect(), told), "{text}");
        }
    }

    #[test]
    fn a_title_that_sums_up_its_items_is_no_criterion() {
        for (text, expect) in [
            (
                "1. **Scripts in place**\n   - `run/x.cjs` is executable\n2. **Data healthy**\n   - No schema mismatches\n   - Coverage = 100%\n   - Plist passes lint\n",
                vec![
                    "run/x.cjs: works (executable)",
                    "No schema mismatches: no schema mismatches",
                    "Coverage: = 100%",
                    "Plist passes lint?",
                ],
            ),
            // what may be measured itself, and what has no more than an explanation below it
            ("- Redis works\n  - Rows > 0\n", vec!["Redis: works (works)", "Rows: > 0"]),
            ("- Service healthy\n  - Rows > 0\n", vec!["Service: works (healthy)", "Rows: > 0"]),
            ("- LaunchAgents in place\n  - Rows > 0\n", vec!["LaunchAgents: works (in place)", "Rows: > 0"]),
            (
                "- Deliverables in place\n  - Backup is uploaded to S3\n",
                vec!["Deliverables: works (in place)", "Backup is uploaded to S3?"],
            ),
            ("- Data healthy\n  - `wo verify`\n", vec!["Data: works (healthy)"]),
            ("- Data healthy\n  - Target: OK\n  - Rows > 0\n", vec!["Data: works (OK)", "Rows: > 0"]),
        ] {
            assert_eq!(read(text).0, expect, "{text}");
        }
    }
}
