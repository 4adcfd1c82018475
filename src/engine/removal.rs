//! Whether an order takes away what a handler makes, rather than asks for it: `Roll back the Parquet exporter`, `**Unload**
//! com.02luka.analytics.parquet`. Pure.
//!
//! Invariant: what tells is the order's id, and the verbs that its title, its objective and its requirements begin with, each
//! with its own object. What an order plans for a failure, or stops for a moment to set it up again, takes nothing away.

use crate::handlers::Descriptor;
use crate::handlers::labels::texts;
use crate::order::{Order, fold};

/// Verbs, and nouns of the same, that take their object away or stop it. The longer ones first.
const TAKING: [&str; 44] = [
    "roll back",
    "rolling back",
    "take down",
    "tear down",
    "boot out",
    "shut down",
    "turn off",
    "switch off",
    "get rid of",
    "phase out",
    "rollback",
    "rollbacks",
    "remove",
    "removing",
    "removal",
    "uninstall",
    "uninstallation",
    "decommission",
    "decommissioning",
    "retire",
    "retirement",
    "teardown",
    "delete",
    "deletion",
    "disable",
    "disabling",
    "deactivate",
    "stop",
    "stopping",
    "pause",
    "suspend",
    "unload",
    "unloading",
    "undeploy",
    "undo",
    "unschedule",
    "bootout",
    "kill",
    "shutdown",
    "halt",
    "discontinue",
    "dismantle",
    "purge",
    "revert",
];

/// Verbs that set their object up.
const SETTING_UP: [&str; 31] = [
    "kickstart",
    "relaunch",
    "re-enable",
    "reenable",
    "reregister",
    "rerun",
    "update",
    "upgrade",
    "change",
    "rewrite",
    "deploy",
    "redeploy",
    "install",
    "reinstall",
    "load",
    "reload",
    "bootstrap",
    "restart",
    "start",
    "schedule",
    "reschedule",
    "enable",
    "create",
    "build",
    "rebuild",
    "write",
    "set up",
    "replace",
    "restore",
    "resume",
    "add",
];

/// Verbs of the work itself, whatever their object.
const WORKING: [&str; 8] = ["automate", "implement", "fix", "repair", "activate", "reactivate", "migrate", "develop"];

/// What an order is for that is called so.
const PURPOSES: [&str; 4] = ["export", "convert", "produce", "generate"];

/// What a requirement begins with that is only done if something fails.
const FALLING_BACK: [&str; 7] =
    ["rollback", "roll back", "undo", "fallback", "on failure", "in case of failure", "recovery"];

/// Thai verbs stand before their object without a blank.
const THAI: [&str; 6] = ["ลบ", "ถอน", "หยุด", "ยกเลิก", "ปิดการ", "ปิดใช้"];

/// Words beside a handler's own name in the name of the whole that it makes: `the nightly Parquet export job`. `old Parquet
/// files` is something else.
const WHOLE: [&str; 40] = [
    "the",
    "a",
    "an",
    "this",
    "that",
    "its",
    "our",
    "your",
    "whole",
    "entire",
    "all",
    "everything",
    "it",
    "them",
    "of",
    "and",
    "nightly",
    "daily",
    "weekly",
    "scheduled",
    "automatic",
    "current",
    "existing",
    "deployed",
    "export",
    "exporter",
    "exports",
    "launchagent",
    "launchagents",
    "agent",
    "service",
    "services",
    "job",
    "jobs",
    "daemon",
    "plist",
    "script",
    "scripts",
    "deployment",
    "pipeline",
];

/// Of these one must be there.
const NAMING: [&str; 16] = [
    "it",
    "them",
    "everything",
    "export",
    "exporter",
    "exports",
    "launchagent",
    "launchagents",
    "agent",
    "service",
    "job",
    "daemon",
    "scripts",
    "deployment",
    "pipeline",
    "monitor",
];

/// The words by which `order` takes away what the handler makes. A handler that makes nothing can't be taken at its word.
pub fn of(order: &Order, descriptor: &Descriptor) -> Option<String> {
    if descriptor.deliverable_paths.is_empty() {
        return None;
    }
    let own = Own::of(descriptor);
    // who has a thing delivered doesn't have it taken away: what its requirements stop or delete is what it is to do
    let delivers = order.deliverables.iter().filter_map(|item| item.path.as_deref()).any(|path| own.is_named(path));
    let required = order.requirements.iter().filter(|item| !delivers && !falls_back(&item.text)).flat_map(texts);
    let purpose = || order.title.iter().chain(&order.objective).map(String::as_str);
    let said: Vec<&str> = purpose().chain(required.filter(|text| !falls_back(text))).collect();
    if said.iter().any(|text| own.sets_up(text)) || purpose().any(is_purpose) {
        return None;
    }
    let by_id = || id_takes_away(&order.id, descriptor.id_patterns).then(|| order.id.clone());
    said.iter().find_map(|text| own.taken_in(text)).or_else(by_id)
}

/// Whether a text takes something away and sets nothing up, so that what it names is no part of the work.
pub fn only_takes(text: &str, descriptor: &Descriptor) -> bool {
    let own = Own::of(descriptor);
    !own.sets_up(text) && clauses(text).iter().any(|clause| lead(clause, &TAKING).is_some() || begins_thai(clause))
}

/// Whether a title or an objective begins with what the work is for: `Export heartbeats to Parquet`, not `Export job: pause`.
fn is_purpose(text: &str) -> bool {
    let first = clauses(text).into_iter().next().unwrap_or_default();
    let object = lead(&first, &PURPOSES).map(fold).unwrap_or_default();
    let begin = object.split(' ').next().unwrap_or("");
    !begin.is_empty() && !NAMING.contains(&begin)
}

/// Whether an item is a plan for when something fails: `Rollback: unload the LaunchAgent`.
fn falls_back(text: &str) -> bool {
    let label = text.split_once([':', '–', '—']).map(|(label, _)| fold(label)).unwrap_or_default();
    let first = fold(text);
    let is_plan = |lead: &&str| {
        label == **lead || label.strip_prefix(*lead).is_some_and(|rest| matches!(rest, " plan" | " path" | " steps"))
    };
    FALLING_BACK.iter().any(is_plan)
        || ["if ", "on failure", "in case ", "rollback plan"].iter().any(|lead| first.starts_with(lead))
}

/// The names of what a handler makes.
struct Own {
    names: Vec<&'static str>,
    words: Vec<String>,
}

impl Own {
    fn of(descriptor: &Descriptor) -> Self {
        let paths = descriptor.deliverable_paths.iter().filter(|path| !path.contains('*'));
        let names: Vec<&'static str> = paths.chain(descriptor.service_labels).copied().collect();
        let labels = descriptor.service_labels.iter().flat_map(|label| label.split(['.', '_']).skip(1));
        let words = descriptor.name.split('-').chain(labels).map(|word| word.to_lowercase()).collect();
        Own { names, words }
    }

    fn taken_in(&self, text: &str) -> Option<String> {
        let clauses = clauses(text);
        let found = (0..clauses.len()).find(|at| {
            let Some(clause) = clauses.get(*at) else { return false };
            if begins_thai(clause) {
                return self.is_named(clause);
            }
            let Some(object) = lead(clause, &TAKING) else { return self.is_noun(clause) };
            // `Stop the monitor from crashing`
            let is_hindered = object.contains(" from ") && clause.to_lowercase().starts_with("stop ");
            !is_hindered && !is_policy(object) && self.is_whole(object_of(&clauses, *at, object))
        });
        found.and_then(|at| clauses.get(at)).map(|clause| crate::text::line(clause, 80))
    }

    fn sets_up(&self, text: &str) -> bool {
        let clauses = clauses(text);
        clauses.iter().enumerate().any(|(at, clause)| {
            let is_work = lead(clause, &WORKING).is_some();
            is_work || lead(clause, &SETTING_UP).is_some_and(|object| self.is_about(object_of(&clauses, at, object)))
        })
    }

    fn is_named(&self, text: &str) -> bool {
        self.names.iter().any(|name| text.contains(name))
    }

    /// `Parquet exporter removal`.
    fn is_noun(&self, clause: &str) -> bool {
        let folded = fold(clause);
        folded.rsplit_once(' ').is_some_and(|(before, last)| {
            matches!(
                last,
                "rollback" | "removal" | "uninstallation" | "decommissioning" | "retirement" | "teardown" | "shutdown"
            ) && self.is_whole(before)
        })
    }

    /// Whether an object is the whole of what the handler makes, or a part of it by its own name.
    fn is_whole(&self, object: &str) -> bool {
        if self.is_named(noun_phrase(object)) {
            return true;
        }
        let folded = fold(noun_phrase(object));
        let words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
        let is_own = |word: &&str| self.words.iter().any(|own| own == word);
        words.iter().all(|word| WHOLE.contains(word) || is_own(word)) && words.iter().any(|word| NAMING.contains(word))
    }

    /// Whether an object has to do with what the handler makes.
    /// Whether an object has to do with what the handler makes: `the LaunchAgent`, not `a backup of the scripts`.
    fn is_about(&self, object: &str) -> bool {
        let phrase = noun_phrase(object);
        let phrase = phrase.split(" of ").next().unwrap_or(phrase);
        let folded = fold(phrase);
        let has = |known: &[&str]| folded.split(' ').any(|word| known.contains(&word));
        !has(&TAKING) && (self.is_named(phrase) || has(&NAMING))
    }
}

/// The parts of a text that may begin with a verb of their own.
fn clauses(text: &str) -> Vec<String> {
    let mut parted = text.replace(['*', '`', '\n'], " ");
    for (mark, to) in [
        (". ", ";"),
        (": ", ";"),
        (", ", ";"),
        (" and ", ";"),
        (" then ", ";"),
        (" & ", ";"),
        (" – ", ";"),
        (" — ", ";"),
        (" / ", ";"),
    ] {
        parted = parted.replace(mark, to);
    }
    let leads = [
        "then ",
        "also ",
        "and ",
        "to ",
        "please ",
        "finally ",
        "first ",
        "completely ",
        "permanently ",
        "temporarily ",
    ];
    let without = |part: &str| {
        let mut part = fold::strip_marks(part).trim();
        while let Some(rest) = leads.iter().find_map(|lead| {
            part.get(..lead.len()).filter(|head| head.eq_ignore_ascii_case(lead)).and_then(|_| part.get(lead.len()..))
        }) {
            part = rest.trim_start();
        }
        part.trim_end_matches(['.', '!', ' ']).to_owned()
    };
    parted.split(';').map(without).filter(|part| !part.is_empty()).collect()
}

/// What stands behind the verb that a clause begins with, where it is one of these.
fn lead<'c>(clause: &'c str, verbs: &[&str]) -> Option<&'c str> {
    verbs.iter().find_map(|verb| {
        let head = clause.get(..verb.len()).filter(|head| head.eq_ignore_ascii_case(verb))?;
        let rest = clause.get(head.len()..)?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim_start())
    })
}

/// `stop the export after 10 minutes`, `kill the job when it hangs`: what a thing is to do, not what is done to it.
fn is_policy(object: &str) -> bool {
    const WHEN: [&str; 11] = [
        " if ",
        " when ",
        " whenever ",
        " unless ",
        " on error",
        " on failure",
        " on the first",
        " at the first",
        " on sigterm",
        " after the current",
        " older than ",
    ];
    let lower = object.to_lowercase();
    let is_count = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    WHEN.iter().any(|when| lower.contains(when)) || lower.split_once(" after ").is_some_and(|(_, rest)| is_count(rest))
}

/// The object of the verb at `at`: `Stop and unload X` has one for both.
fn object_of<'c>(clauses: &'c [String], at: usize, object: &'c str) -> &'c str {
    if !object.is_empty() {
        return object;
    }
    // few verbs share one: `Stop, boot out and unload X`
    const SHARING: usize = 4;
    let next: Vec<&String> = clauses.iter().skip(at + 1).take(SHARING).collect();
    next.iter()
        .find_map(|clause| {
            lead(clause, &TAKING).or_else(|| lead(clause, &SETTING_UP)).filter(|object| !object.is_empty())
        })
        .or_else(|| next.first().map(|clause| clause.as_str()))
        .unwrap_or("")
}

/// An object up to what is said of it: `the exporter until Monday`.
fn noun_phrase(object: &str) -> &str {
    const ENDS: [&str; 18] = [
        " from ",
        " in ",
        " on ",
        " by ",
        " until ",
        " till ",
        " for ",
        " before ",
        " after ",
        " when ",
        " while ",
        " which ",
        " that ",
        " because ",
        " so ",
        " with ",
        " as ",
        " at ",
    ];
    let end = ENDS.iter().filter_map(|mark| object.find(mark)).min();
    object.get(..end.unwrap_or(object.len())).unwrap_or(object)
}

fn begins_thai(clause: &str) -> bool {
    THAI.iter().any(|verb| clause.starts_with(verb))
}

/// Whether the id says so before the name that a pattern holds, or as its last word; `…-RETIRE-CSV` takes another away.
fn id_takes_away(id: &str, patterns: &[&str]) -> bool {
    let id = id.to_ascii_uppercase();
    let words = |text: &str| text.split(['-', '_', '.']).map(str::to_lowercase).collect::<Vec<_>>();
    let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit());
    let last = words(&id).into_iter().rfind(|word| !is_number(word));
    patterns.iter().any(|pattern| {
        let pattern = pattern.to_ascii_uppercase();
        let name = pattern.split('*').max_by_key(|part| part.len()).unwrap_or_default();
        let before = id.find(name).and_then(|at| id.get(..at)).map(words);
        before.is_some_and(|before| before.iter().chain(&last).any(|word| TAKING.contains(&word.as_str())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(id: &str, body: &str) -> Option<String> {
        let text = format!("# Work Order: {id}\n\n{body}\n");
        let order = crate::order::parse(text.as_bytes(), &format!("{id}.md")).expect("an order");
        of(&order, &crate::handlers::parquet_exporter::DESCRIPTOR)
    }

    #[test]
    fn an_order_takes_away_by_its_verbs_and_their_objects() {
        for body in [
            "## Objective\n\nRoll back the Parquet exporter: unload the LaunchAgent and remove its scripts.",
            "**Objective:** Stop the nightly export: boot out `com.02luka.analytics.parquet` and delete `run/parquet_exporter.cjs`.",
            "- **Goal:** stop the service com.02luka.analytics.parquet until Monday",
            "## Requirements\n\n1. **Stop** and **unload** the LaunchAgent `com.02luka.analytics.parquet` until further notice.",
            "## Requirements\n\n1. **Back up** the files\n2. **Remove** `run/parquet_exporter.cjs`",
            "## Requirements\n\n1. Temporarily disable the daily Parquet export job",
            "## Requirements\n\n1. Run `launchctl bootout` by hand\n2. Undeploy everything",
            "## Requirements\n\n1. **Pause** the exporter\n2. **Schedule** the removal of the scripts for Monday",
            "## Objective\n\nDecommissioning of the Parquet exporter.",
            "## Objective\n\nParquet exporter rollback",
            "## Objective\n\nExport job: pause it.",
            "## Requirements\n\n1. **Make** a backup of the scripts\n2. **Add** a note that the exporter is gone\n3. **Uninstall** the LaunchAgent",
            "## Objective\n\nหยุดบริการ com.02luka.analytics.parquet",
        ] {
            assert!(taken("WO-2601-X", body).is_some(), "{body}");
        }
        for id in
            ["WO-2601-PARQUET-EXPORTER-ROLLBACK", "WO-2601-STOP-PARQUET-EXPORTER", "WO-2601-PARQUET-EXPORTER-DISABLE-2"]
        {
            assert!(taken(id, "As it says.").is_some(), "{id}");
        }
    }

    #[test]
    fn an_order_that_sets_up_takes_nothing_away() {
        for body in [
            "## Objective\n\nDeploy the Parquet exporter.\n\n## Requirements\n\n1. **Remove** the old `run/parquet_exporter.cjs`",
            "## Requirements\n\n1. **Unload** and **load** `com.02luka.analytics.parquet`",
            "## Requirements\n\n1. **Unload** the LaunchAgent `com.02luka.analytics.parquet`\n2. **Install** it anew at 03:00",
            "## Objective\n\nExport heartbeats to Parquet.\n\n## Requirements\n\n1. **Stop** the LaunchAgent before that",
            "## Requirements\n\n1. **Stop** on error\n2. **Delete** old Parquet files\n3. **Remove** the lock of the exporter",
            "## Requirements\n\n1. Rollback: unload `com.02luka.analytics.parquet` and remove `run/parquet_exporter.cjs`",
            "## Requirements\n\n1. If the dry run fails, remove `run/parquet_exporter.cjs`",
            "## Requirements\n\n1. Never remove `run/parquet_exporter.cjs`",
            "## Requirements\n\n1. **Stop** the service\n2. **Update** the scripts to zstd\n3. **Kickstart** the service",
            "## Requirements\n\n1. Unload it\n2. **Change** the time to 03:30\n3. **Relaunch** it",
            "## Requirements\n\n1. **Timeout:** stop the export after 10 minutes",
            "## Requirements\n\n1. **Kill** the job when it hangs",
            "## Requirements\n\n1. **Retention:** delete exports after 90 days\n\n## Deliverables\n\n- `run/parquet_exporter.cjs`",
            "## Objective\n\nStop the export at the first error, else write all.",
            "## Objective\n\nRemove the need for manual exports by deploying the exporter.",
            "## Objective\n\nStop losing heartbeats: export them nightly.",
            "## Objective\n\nRetire the CSV converter.",
            "## Objective\n\nStop the exporter from writing twice.",
            "## Rollback plan\n\n1. Unload the LaunchAgent `com.02luka.analytics.parquet`\n2. Remove the scripts",
        ] {
            assert_eq!(taken("WO-2601-X", body), None, "{body}");
        }
        for id in ["WO-2601-PARQUET-EXPORTER-RETIRE-CSV", "WO-2601-PARQUET-EXPORTER", "WO-2601-DISABLE-CSV-DUMP"] {
            assert_eq!(taken(id, "As it says."), None, "{id}");
        }
    }
}
