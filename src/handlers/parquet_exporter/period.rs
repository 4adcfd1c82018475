//! How often an order's requirements want the export to run, where that is not once a day or a week. Pure.
//!
//! A period is taken for the export's only where its part of a sentence says that something is scheduled or run, and names
//! nothing else: `heartbeats that are written every 5 minutes`, `the weekly report` and `hourly averages` ask for nothing here.

use super::said::{self, Subject};
use crate::dates;
use crate::order::target::{Period, Target, compile};
use crate::order::{Item, Order, Span};

/// A period as it is written, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    pub text: String,
    pub span: Span,
}

/// What the requirements name, once each. `label` is the service's.
pub fn wishes(order: &Order, label: &str) -> Vec<Wish> {
    let mut found = Vec::new();
    for item in &order.requirements {
        read(item, false, label, &mut found);
    }
    found.dedup_by(|a, b| a.text.eq_ignore_ascii_case(&b.text));
    found
}

/// Whether the objective or a requirement wants the export to run every day.
pub fn is_daily(order: &Order, label: &str) -> bool {
    let says_daily = |part: &Vec<String>| {
        let words: Vec<&str> = part.iter().map(String::as_str).collect();
        let says = |at: usize| {
            let is_day = matches!(words.get(at), Some(&("daily" | "nightly")))
                || (matches!(words.get(at), Some(&("every" | "each" | "a")))
                    && matches!(words.get(at + 1), Some(&("day" | "night"))));
            is_day && !has(words.get(at.saturating_sub(3)..at).unwrap_or_default(), &DENYING)
        };
        said::subject_of(&words, label) != Some(Subject::Other)
            && !has(&words, &OTHERS)
            && speaks_of_runs(&words)
            && (0..words.len()).any(says)
    };
    let required = order.requirements.iter().flat_map(crate::handlers::labels::texts);
    order.objective.iter().map(String::as_str).chain(required).any(|text| {
        let sentences = text.split([';', '\n']).flat_map(|part| part.split(". "));
        sentences.flat_map(parts).any(|part| says_daily(&part))
    })
}

fn read(item: &Item, is_of_runs: bool, label: &str, found: &mut Vec<Wish>) {
    let mut heads = false;
    let sentences = item.text.split([';', '\n']).flat_map(|part| part.split(". "));
    for sentence in sentences {
        let mut is_ours = is_of_runs;
        for part in parts(sentence) {
            let words: Vec<&str> = part.iter().map(String::as_str).collect();
            let found_here = phrase(&words);
            // what stands behind it says how it is done
            let before = found_here.as_ref().map_or(words.as_slice(), |(at, _)| words.get(..*at).unwrap_or_default());
            let is_other = said::subject_of(&words, label) == Some(Subject::Other) || has(before, &OTHERS);
            is_ours = !is_other && (is_ours || speaks_of_runs(&words));
            heads |= is_ours;
            if let Some((_, text)) = found_here.filter(|_| is_ours) {
                found.push(Wish { text, span: item.span.clone() });
            }
        }
    }
    item.children.iter().for_each(|child| read(child, heads, label, found));
}

/// What is not the export, or not its runs.
const OTHERS: [&str; 35] = [
    "monitor",
    "loop",
    "digest",
    "backup",
    "backups",
    "log",
    "logs",
    "rotation",
    "rotate",
    "archive",
    "archives",
    "retention",
    "prune",
    "cleanup",
    "clean",
    "vacuum",
    "test",
    "tests",
    "verify",
    "verification",
    "check",
    "checks",
    "audit",
    "review",
    "mail",
    "email",
    "notify",
    "alert",
    "alerts",
    "poll",
    "written",
    "writes",
    "arrive",
    "dashboard",
    "summary",
];

const RUNNING: [&str; 14] = [
    "run",
    "runs",
    "running",
    "execute",
    "executes",
    "trigger",
    "triggers",
    "launch",
    "launches",
    "fires",
    "start",
    "starts",
    "frequency",
    "cadence",
];

/// Before a period that tells of what is exported, or of another try.
const OF_DATA: [&str; 12] = [
    "one",
    "row",
    "rows",
    "sample",
    "samples",
    "recorded",
    "taken",
    "collected",
    "sampled",
    "retry",
    "retries",
    "retried",
];

/// What may follow a period that says when, rather than what kind of thing: `hourly averages`.
const FOLLOWING: [&str; 25] = [
    "at",
    "on",
    "by",
    "via",
    "with",
    "from",
    "through",
    "using",
    "in",
    "as",
    "per",
    "during",
    "instead",
    "rather",
    "not",
    "run",
    "runs",
    "export",
    "exports",
    "schedule",
    "job",
    "execution",
    "launchagent",
    "so",
    "until",
];

/// Before a period that is none to run at.
const DENYING: [&str; 11] =
    ["not", "never", "no", "instead", "than", "from", "was", "were", "previously", "currently", "rather"];

fn has(words: &[&str], known: &[&str]) -> bool {
    words.iter().any(|word| known.contains(word))
}

fn speaks_of_runs(words: &[&str]) -> bool {
    // `an hourly export`
    let is_run = |pair: &[&str]| {
        let is_noun = pair.last().is_some_and(|next| ["export", "run", "job", "schedule", "execution"].contains(next));
        is_noun && length(pair) == Some(1)
    };
    let begins = words.windows(2).any(is_run)
        || words
            .first()
            .is_some_and(|first| ["export", "convert", "automat"].iter().any(|lead| first.starts_with(lead)));
    begins || has(words, &RUNNING) || words.iter().any(|word| word.starts_with("schedul"))
}

/// The words of each part of a sentence, in lower case, but for parts that say when or why something else is.
fn parts(sentence: &str) -> Vec<Vec<String>> {
    const MARKS: [char; 13] = ['(', ')', '[', ']', ',', '.', '`', '"', '\'', ':', '“', '”', '!'];
    let mut parts = vec![Vec::new()];
    let mut is_aside = false;
    for raw in sentence.split_whitespace() {
        // the stars of a cron line are words
        let is_star = raw == "*" || raw.starts_with("*/");
        let word = if is_star { raw } else { raw.trim_matches(MARKS).trim_matches('*') }.to_lowercase();
        let is_subordinate =
            ["after", "before", "while", "because", "that", "which", "so", "if"].contains(&word.as_str());
        if is_subordinate || ["and", "but"].contains(&word.as_str()) {
            is_aside = is_subordinate;
            parts.push(Vec::new());
        } else if !word.is_empty() && !is_aside {
            // Markdown takes a star of `*/6 *` for emphasis
            let is_step = word.strip_prefix('/').is_some_and(|step| step.parse::<u8>().is_ok());
            parts
                .last_mut()
                .into_iter()
                .for_each(|part| part.push(if is_step { format!("*{word}") } else { word.clone() }));
        }
        if raw.ends_with(',') {
            is_aside = false;
            parts.push(Vec::new());
        }
    }
    parts
}

/// The first period of a part that is not once a day, with the time behind it.
fn phrase(words: &[&str]) -> Option<(usize, String)> {
    for at in 0..words.len() {
        let rest = words.get(at..).unwrap_or_default();
        let Some(length) = length(rest) else { continue };
        let before = words.get(at.saturating_sub(3)..at).unwrap_or_default();
        let is_adverb = rest
            .get(length)
            .is_none_or(|next| FOLLOWING.contains(next) || next.starts_with(|c: char| c.is_ascii_digit()));
        // `weekly on Sundays` is a schedule that can be kept
        let is_of_day = is_weekly(rest.get(..length).unwrap_or_default()) && words.iter().any(|word| is_day(word));
        let is_of_data = before.last().is_some_and(|word| OF_DATA.contains(word));
        if is_of_data || has(before, &DENYING) || !is_adverb || is_of_day {
            continue;
        }
        let time = rest
            .get(length..)
            .unwrap_or_default()
            .iter()
            .take_while(|word| **word == "at" || word.contains(':'))
            .count();
        let end = if time > 1 { length + time } else { length };
        return Some((at, rest.get(..end).unwrap_or_default().join(" ")));
    }
    None
}

/// Whether a period is a week, which is kept where a day is named.
pub fn is_weekly(words: &[&str]) -> bool {
    matches!(words, ["weekly"] | ["every" | "each", "week"] | ["once", _, "week"])
}

fn is_day(word: &str) -> bool {
    dates::weekday(word.trim_end_matches('s')).is_some()
}

/// How many words of a period stand at the front.
fn length(words: &[&str]) -> Option<usize> {
    let word = |at: usize| words.get(at).copied().unwrap_or("");
    let unit = |at: usize| word(at).trim_end_matches('s');
    let is_long = |unit: &str| ["minute", "min", "hour", "hr", "h", "week", "month", "quarter", "year"].contains(&unit);
    let is_day = |unit: &str| ["day", "night", "d"].contains(&unit);
    let is_workday = |word: &str| ["weekday", "weekdays", "workday", "workdays"].contains(&word);
    let is_weekdays = |text: &str| {
        let parts: Vec<&str> = text.split(['-', '–', '—', '…']).collect();
        matches!(parts.as_slice(), [first, last] if first.starts_with("mon") && last.starts_with("fri"))
    };
    let leads = ["every", "each", "once", "on"].contains(&word(0));
    if cron(words) {
        return Some(5);
    }
    match word(0) {
        "hourly" | "weekly" | "monthly" | "quarterly" | "yearly" | "annually" | "biweekly" | "bi-weekly"
        | "fortnightly" | "half-hourly" => return Some(1),
        "twice" | "thrice" if is_day(unit(2)) || is_long(unit(2)) => return Some(3),
        "twice" | "thrice" if ["daily", "weekly", "monthly", "hourly"].contains(&word(1)) => return Some(2),
        "once" if ["a", "an", "per", "each", "every"].contains(&word(1)) && is_long(unit(2)) => return Some(3),
        first if is_workday(first) || is_weekdays(first) => return Some(1),
        first
            if first.starts_with("mon")
                && ["to", "through", "till", "–", "-"].contains(&word(1))
                && word(2).starts_with("fri") =>
        {
            return Some(3);
        }
        _ => {}
    }
    let count = |text: &str| text.trim_end_matches(['x', '×']).parse::<u32>().ok().filter(|n| *n > 1);
    // `3 times a day`, `4× daily`
    if count(word(0)).is_some() {
        let at = if ["times", "x", "×"].contains(&word(1)) { 2 } else { 1 };
        let is_times = at == 2 || word(0).ends_with(['x', '×']);
        if is_times && ["daily", "weekly", "hourly"].contains(&word(at)) {
            return Some(at + 1);
        }
        if is_times
            && ["a", "an", "per", "each", "every", "/"].contains(&word(at))
            && (is_day(unit(at + 1)) || is_long(unit(at + 1)))
        {
            return Some(at + 2);
        }
    }
    if !leads {
        return None;
    }
    match (word(1), unit(2)) {
        (next, _) if is_workday(next) => Some(2),
        ("working" | "business", "day") => Some(3),
        ("other" | "second" | "third", what) if is_day(what) || is_long(what) => Some(3),
        ("24", "hour" | "hr" | "h") => None,
        (number, what) if number.parse::<f64>().is_ok() && is_long(what) => Some(3),
        (number, what) if number.parse::<f64>().is_ok_and(|number| number > 1.0) && is_day(what) => Some(3),
        (joined, _) if is_joined(joined) => Some(2),
        (_, _) if word(0) != "on" && is_long(unit(1)) => Some(2),
        _ => None,
    }
}

/// `6h`, `15min`.
fn is_joined(word: &str) -> bool {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < word.len() && word != "24h" && ["h", "hr", "hrs", "min", "m", "mins"].contains(&unit)
}

/// Five fields that are not one time of a day or of a day of the week.
fn cron(words: &[&str]) -> bool {
    let Some(fields) = words.get(..5) else { return false };
    let is_field = |field: &&str| field.chars().all(|c| c.is_ascii_digit() || "*/,-".contains(c));
    fields.iter().all(is_field)
        && fields.iter().filter(|field| field.contains('*')).count() > 1
        && !matches!(
            compile("", &fields.join(" ")),
            Target::Schedule { times: 1, every: Period::Day | Period::Week, .. }
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wished(requirements: &str) -> Vec<String> {
        let text = format!("# Work Order: WO-1-PARQUET-EXPORTER\n\n## Requirements\n\n{requirements}\n");
        let order = crate::order::parse(text.as_bytes(), "WO-1-PARQUET-EXPORTER.md").expect("an order");
        wishes(&order, "com.02luka.analytics.parquet").into_iter().map(|wish| wish.text).collect()
    }

    #[test]
    fn a_period_of_the_runs_is_a_wish() {
        for (requirements, expect) in [
            ("1. **Schedule** the export every 6 hours", "every 6 hours"),
            ("1. Schedule: every weekday at 07:00", "every weekday at 07:00"),
            ("1. Run hourly", "hourly"),
            ("1. Run every 15min", "every 15min"),
            ("1. **Schedule** the export twice a day", "twice a day"),
            ("1. **Schedule** the export 3 times a day by launchd", "3 times a day"),
            ("1. Schedule: weekly", "weekly"),
            ("1. **Schedule** the export monthly on the 1st at 02:30", "monthly"),
            ("1. **Schedule** with cron: 0 */6 * * *", "0 */6 * * *"),
            ("1. **Schedule** by cron: 30 2 * * 1-5", "30 2 * * 1-5"),
            ("1. **Schedule**\n   - hourly\n", "hourly"),
            ("1. **Run** Monday to Friday at 07:00", "monday to friday at 07:00"),
            ("1. **Export** heartbeats to Parquet every other day", "every other day"),
            ("1. Read heartbeats, and run the export hourly", "hourly"),
            ("1. **Schedule** the export of reports every 6 hours, logs in g/logs/", "every 6 hours"),
            ("1. Run hourly with logs in g/logs/", "hourly"),
            ("1. An hourly export by launchd", "hourly"),
        ] {
            assert_eq!(wished(requirements).first().map_or("", String::as_str), expect, "{requirements}");
        }
    }

    #[test]
    fn a_period_of_something_else_is_none() {
        for requirements in [
            "1. **Schedule** daily at 02:30",
            "1. **Export** the heartbeats (one every 5 minutes), daily at 02:30",
            "1. Run daily at 02:30, retry every 10 minutes on error",
            "1. **Export** daily at 02:30 with one row every 5 minutes",
            "1. **Schedule** 1× daily (02:30)",
            "1. **Run** every day at 03:15, every 24 hours",
            "1. **Schedule** with cron: 15 4 * * *",
            "1. **Export** heartbeats that are written every 5 minutes",
            "1. **Export** the heartbeats (written every 5 minutes) daily",
            "1. **Export** hourly averages and weekly totals",
            "1. **Schedule** daily export at 03:15, weekly rotation of logs on Sundays",
            "1. **Schedule** daily at 02:30, not hourly",
            "1. **Schedule** daily instead of hourly",
            "1. **Run** the tests every week",
            "1. **Schedule** the weekly digest",
            "1. **Run** beside the monitor, which runs every 5 minutes",
            "1. The monitor runs every 5 minutes",
            "1. **Schedule** daily at 03:15, so that the digest can run hourly",
            "1. **Keep** 4 weeks of logs, rotate weekly",
            "1. **Read** the hourly heartbeats",
            "1. **Schedule** the export weekly on Sundays at 03:00",
            "1. **Run** every Monday at 03:00",
        ] {
            assert_eq!(wished(requirements), Vec::<String>::new(), "{requirements}");
        }
    }
}
