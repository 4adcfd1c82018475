//! A text parted into what it is about and what must hold of it: `Runtime still <5ms`, `**File size:** ≤ 5 MB`, `Rows (> 0)`.
//!
//! What must hold: nothing that restricts what must hold is left out.

use super::service_label::is_service_label;
use super::target::{self, Target, Unit};
use super::{denial, fold, item_id, tags};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Split {
    pub metric: String,
    pub target: String,
    /// Nothing parts metric from target: both are the whole text.
    pub is_whole: bool,
}

/// Parts a bullet into metric and target. What can't be parted is both; an explanation behind them is in neither.
pub(crate) fn split(raw: &str) -> Split {
    let referred = fold::without_references(tags::without(raw.trim()));
    let parted = part(&referred);
    let named = match item_id::named_in_bracket(&parted.metric) {
        Some(name) if !parted.is_whole => Split { metric: name.to_owned(), ..parted.clone() },
        _ => parted.clone(),
    };
    within_group(&parted).or_else(|| within_group(&named)).unwrap_or(named)
}

/// `Performance: Export duration < 30 s`, `SLO-4: …`: a key that groups, before a criterion that is whole without it. Any other key
/// (`Redis`, `Alarm when`, `Under load`, `Optional`) may change what is asked: it stays, and with it the criterion can't be judged.
fn within_group(parted: &Split) -> Option<Split> {
    let Split { metric, target, is_whole } = parted;
    if *is_whole {
        return None;
    }
    let inner = part(target);
    let compiled = target::compile(metric, target);
    if !matches!(compiled, Target::Unclear { .. }) {
        return (inner.is_whole && (item_id::is_id(metric) || groups(metric)) && says_of_what(metric, &compiled))
            .then_some(inner);
    }
    // `≤ 1 kB – as GG insists` goes on with what the key is about
    let is_name = inner.metric.starts_with(char::is_alphabetic)
        && inner.metric.split_whitespace().count() <= MAX_METRIC_WORDS
        && target::comparison_in(&target::normalize(&inner.metric)).is_none();
    let is_stated =
        !inner.is_whole && is_name && !matches!(target::compile(&inner.metric, &inner.target), Target::Unclear { .. });
    // `Size: all files correct` says nothing of a size
    let compares = matches!(target::compile(&inner.metric, &inner.target), Target::Compare { .. });
    let inner = match compares && is_everything(&inner.metric) && groups(metric) {
        true => Split { metric: metric.clone(), ..inner },
        false => inner,
    };
    (is_stated && (item_id::is_numbered(metric) || groups(metric))).then_some(inner)
}

/// `each file`, `every export`: all that is measured anyway, and no name. What must hold of it is the key's.
fn is_everything(subject: &str) -> bool {
    const ALL: [&str; 4] = ["each", "every", "all", "any"];
    const WHAT: [&str; 10] = ["parquet", "daily", "day", "file", "files", "output", "export", "exports", "run", "runs"];
    let folded = fold::fold(subject);
    let mut words = folded.split(' ');
    let is_all = words.next().is_some_and(|first| ALL.contains(&first));
    is_all && folded.contains(' ') && words.all(|word| WHAT.contains(&word))
}

/// Words that sort criteria, and name no thing, no time and no condition.
const GROUPS: [&str; 37] = [
    "performance",
    "speed",
    "latency",
    "storage",
    "size",
    "format",
    "data",
    "quality",
    "automation",
    "reliability",
    "correctness",
    "availability",
    "stability",
    "functional",
    "functionality",
    "non",
    "operational",
    "operations",
    "technical",
    "scheduling",
    "schedule",
    "integrity",
    "completeness",
    "must",
    "have",
    "shall",
    "should",
    "required",
    "requirement",
    "requirements",
    "criterion",
    "criteria",
    "target",
    "goal",
    "service",
    "ประสิทธิภาพ",
    "คุณภาพ",
];

/// Those of them that may also be what has the `0 errors` behind them.
const THINGS: [&str; 8] = ["latency", "storage", "size", "format", "data", "scheduling", "schedule", "service"];

/// Whether a target alone says what it is of: `Quality: 0 schema mismatches`, where `Service: 0 errors` may mean its own.
fn says_of_what(key: &str, target: &Target) -> bool {
    let is_thing = || fold::heading(key).split(' ').any(|word| THINGS.contains(&word));
    match target {
        Target::Compare { unit: Unit::Count { noun: Some(noun) }, .. } | Target::None { noun } => {
            noun.trim().contains(' ') || !is_thing()
        }
        Target::All { .. } => !is_thing(),
        _ => false,
    }
}

/// Whether a key does no more than sort what stands behind or below it.
pub(super) fn groups(key: &str) -> bool {
    let name = fold::heading(key);
    !name.is_empty() && name.split(' ').all(|word| GROUPS.contains(&word) || word == "and")
}

/// Whether a target below a title that only sorts says itself what it is of: `No schema mismatches` below `Data`.
pub(super) fn is_named_below(title: &str, target: &str) -> bool {
    groups(title) && says_of_what(title, &target::compile("", target))
}

/// What is judged has a name; more words are a sentence.
const MAX_METRIC_WORDS: usize = 5;

fn part(raw: &str) -> Split {
    let raw = target::explanation_apart(raw).map_or(raw, |(statement, _)| statement);
    let own = item_id::without(raw);
    // `AC-1: OK` is about what has that id
    let raw = if own.contains(char::is_whitespace) { own.as_ref() } else { raw };
    let text = fold::inline(raw);
    let text = fold::strip_marks(&text).trim_end_matches(['.', '。', ';', ' ']);
    let text = behind_there(text).unwrap_or(text).to_owned();
    let whole = Split { metric: text.clone(), target: text.clone(), is_whole: true };
    if text.len() > 1000 {
        return whole;
    }
    if let Some(split) = bold_lead(raw) {
        return split;
    }
    // `864 heartbeats ± 2%`, `p95 < 100ms`: the statistic and the number belong to the target
    let starts_target = text.starts_with(|c: char| c.is_ascii_digit()) || target::statistic_at(&text);
    if starts_target && compiles(&text) {
        return whole;
    }
    let parted = at_colon(&text)
        .or_else(|| at_dash(&text))
        .or_else(|| at_comparison(&text))
        .or_else(|| at_verb(&text))
        .or_else(|| compiles(&text).then(|| whole.clone()))
        .or_else(|| at_bracket(&text))
        .or_else(|| before_label(&text))
        .or_else(|| at_suffix(&text))
        .or_else(|| at_codec(&text));
    parted.unwrap_or(whole)
}

/// `There are no schema mismatches` says no more than `no schema mismatches`.
fn behind_there(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(' ').filter(|(first, _)| first.eq_ignore_ascii_case("there"))?;
    let verbs = ["is ", "are ", "must be ", "should be ", "shall be ", "will be "];
    let said = verbs.iter().find_map(|verb| rest.strip_prefix(verb))?;
    compiles(said).then_some(said)
}

/// A text's metric and target, where it can be parted.
pub(crate) fn parted(text: &str) -> Option<(String, String)> {
    let split = split(text);
    (!split.is_whole).then_some((split.metric, split.target))
}

/// The metric and the target of a line, as a list of criteria reads it; none of one that denies or is struck out.
pub(crate) fn stated(line: &str) -> Option<(String, String)> {
    if denial::of_line(line).is_some() || fold::is_withdrawn(line) {
        return None;
    }
    let split = split(fold::strip_marks(&fold::without_struck(line)));
    (!split.metric.is_empty()).then_some((split.metric, split.target))
}

/// Whether a value says something that can be judged, more than a word would.
pub(crate) fn is_judged(metric: &str, value: &str) -> bool {
    !matches!(target::compile(metric, value), Target::Unclear { .. } | Target::Category { .. })
}

fn compiles(target: &str) -> bool {
    !matches!(target::compile("", target), Target::Unclear { .. } | Target::Category { .. })
}

fn parts(metric: &str, target: &str) -> Option<Split> {
    let metric = trim_metric(metric);
    let target = target.trim();
    (!metric.is_empty() && !target.is_empty()).then(|| Split { metric, target: target.to_owned(), is_whole: false })
}

/// The criteria that semicolons part, where each of them can be judged: `file size ≤ 5 MB; validation time < 2 s`.
pub(crate) fn several(line: &str) -> Vec<&str> {
    let parts: Vec<&str> = line.split("; ").collect();
    let is_one = |part: &&str| {
        let split = split(fold::strip_marks(part));
        let is_name = split.metric.split_whitespace().count() <= MAX_METRIC_WORDS;
        !split.is_whole && is_name && !matches!(target::compile(&split.metric, &split.target), Target::Unclear { .. })
    };
    let are_several = parts.len() > 1 && denial::of_line(line).is_none() && parts.iter().all(is_one);
    if are_several { parts } else { Vec::new() }
}

/// `Snappy compression`, `Compression Snappy`.
fn at_codec(text: &str) -> Option<Split> {
    let (first, last) = text.split_once(' ')?;
    let is_of_it = |word: &str| ["compression", "codec"].contains(&fold::fold(word).as_str());
    match (is_of_it(first), is_of_it(last)) {
        (false, true) if target::is_codec(first) => parts(last, first),
        (true, false) if target::is_codec(last) => parts(first, last),
        _ => None,
    }
}

/// `Runtime still` is about the runtime.
fn trim_metric(metric: &str) -> String {
    const FILLER: [&str; 18] = [
        "is",
        "are",
        "be",
        "was",
        "still",
        "stays",
        "stay",
        "remains",
        "must",
        "should",
        "shall",
        "takes",
        "completes",
        "finishes",
        "in",
        "the",
        "at",
        "of",
    ];
    let mut words: Vec<&str> =
        metric.trim().trim_end_matches([':', '-', '–', '—', '=', '→', ',']).split_whitespace().collect();
    while words.len() > 1 && words.last().is_some_and(|word| FILLER.contains(&word.to_lowercase().as_str())) {
        words.pop();
    }
    words.join(" ")
}

/// `**File size** ≤ 5 MB`, `**File size:** ≤ 5 MB`.
fn bold_lead(raw: &str) -> Option<Split> {
    let rest = raw.strip_prefix("**").or_else(|| raw.strip_prefix("__"))?;
    let mark = raw.get(..2)?;
    let close = rest.find(mark)?;
    let (title, tail) = (rest.get(..close)?, rest.get(close + 2..)?);
    let name = fold::inline(title);
    let name = name.trim_end_matches([':', '：', ' ']).to_owned();
    let tail = fold::inline(tail);
    let tail = tail.trim().trim_end_matches(['.', '。', ';']);
    if tail.is_empty() {
        // all is bold: parted within, or a title
        let inner = split(title.trim_end_matches([':', '：', ' ']));
        return Some(inner);
    }
    let target = tail.trim_start_matches([':', '：', '-', '–', '—', '→', ' ']).trim_start_matches("->").trim();
    if target.is_empty() || tail.starts_with('(') {
        return None;
    }
    let own_separator = tail.len() != target.len() || title.trim_end().ends_with([':', '：']);
    if own_separator || compiles(target) {
        return parts(&name, target);
    }
    None
}

/// `File size: ≤ 5 MB`, not `02:30` and not `http://`.
fn at_colon(text: &str) -> Option<Split> {
    let wide = text.find('：').map(|at| (at, '：'.len_utf8()));
    let narrow = text.match_indices(": ").map(|(at, _)| (at, 1)).next();
    let (at, length) = wide.into_iter().chain(narrow).min()?;
    parts(text.get(..at)?, text.get(at + length..)?)
}

/// ` — `, ` – `, ` - `, ` → `, ` = ` before something that can be judged.
fn at_dash(text: &str) -> Option<Split> {
    [" — ", " – ", " - ", " → ", " -> ", " => ", " = "].iter().find_map(|dash| {
        let (metric, target) = text.split_once(dash)?;
        let judged = !matches!(target::compile(metric, target), Target::Unclear { .. });
        (judged || (*dash == " = " && !target.trim().is_empty())).then(|| parts(metric, target)).flatten()
    })
}

/// Before the first comparison that demands; one after a preposition restricts.
fn at_comparison(text: &str) -> Option<Split> {
    // the judge reads folded widths; cut the text as written only where that keeps its offsets
    let folded = fold::widths(text);
    let mut from = 0;
    for _ in 0..4 {
        let (at, _) = target::comparison_in(folded.get(from..)?)?;
        let at = from + at;
        let (metric, target) = (folded.get(..at)?, folded.get(at..)?);
        let restricts = metric.split_whitespace().last().is_some_and(|word| {
            ["for", "with", "when", "if", "on", "@", "while", "during"].contains(&word.to_lowercase().as_str())
        });
        // `No gap longer than 15 minutes` does not ask for more than 15 minutes
        if fold::denies(metric) {
            return None;
        }
        // `Heartbeats every 5 minutes (±10%)`: what stands in brackets is no target of what is before them
        let is_inside = metric.matches('(').count() > metric.matches(')').count();
        if let Some(at) = before_tolerance(metric, target) {
            return parts(folded.get(..at)?, folded.get(at..)?);
        }
        if !restricts && !is_inside {
            return parts(metric, target);
        }
        from = at + folded.get(at..)?.find(char::is_whitespace)?;
    }
    None
}

/// Where what a tolerance is around begins: `Heartbeat interval 5 min ± 10 %`, `Heartbeat interval 5 min (± 10 %)`.
fn before_tolerance(before: &str, tolerance: &str) -> Option<usize> {
    if !tolerance.starts_with('±') {
        return None;
    }
    let mut starts = before.match_indices(char::is_whitespace).map(|(at, blank)| at + blank.len());
    starts.find(|at| compiles(&format!("{}{tolerance}", before.get(*at..).unwrap_or(""))))
}

/// `Compression is Snappy`, `Reports must be complete`.
fn at_verb(text: &str) -> Option<Split> {
    [" must be ", " should be ", " shall be ", " is ", " are ", " stays ", " remains "].iter().find_map(|verb| {
        let (metric, target) = text.split_once(verb)?;
        let judged = !matches!(target::compile(metric, target), Target::Unclear { .. });
        (judged && !fold::denies(metric)).then(|| parts(metric, target)).flatten()
    })
}

/// `Redis connectivity OK`, `Exit code 0`, `Export runs daily at 02:30`: the longest end that can be judged.
fn at_suffix(text: &str) -> Option<Split> {
    let starts: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).take(24).collect();
    starts.into_iter().find_map(|at| {
        let (metric, target) = (text.get(..at)?, text.get(at + 1..)?);
        let is_parted =
            compiles(target) && !fold::denies(metric) && !counts_a_noun(target) && !is_named_run(metric, target);
        is_parted.then(|| parts(metric, target)).flatten()
    })
}

/// `Next run at 02:30`: one thing `runs`, so that only behind several `run` is a verb (`Exports run daily`).
fn is_named_run(metric: &str, target: &str) -> bool {
    let first = target.split_whitespace().next().unwrap_or("");
    first.eq_ignore_ascii_case("run") && !metric.ends_with(['s', 'S'])
}

/// `File size (≤ 5 MB)`, `LaunchAgent (loaded)`, `Compression (Snappy)`: a closing bracket that says what must hold, where
/// nothing else does. A word of another kind there is a remark: `(optional)`, `(total)`.
fn at_bracket(text: &str) -> Option<Split> {
    let (metric, inner) = text.strip_suffix(')')?.rsplit_once('(')?;
    let says_it = match target::compile(metric, inner) {
        Target::Unclear { .. } => false,
        Target::Category { word } => target::is_codec(&word),
        Target::Schedule { .. } => inner.contains(|c: char| c.is_ascii_digit()),
        Target::Compare { .. } => target::comparison_in(inner).is_some() || inner.starts_with('0'),
        _ => true,
    };
    // `Export runs daily (02:30)`: what stands before the bracket says already what must hold
    let is_said = || at_suffix(metric.trim_end()).is_some_and(|before| compiles(&before.target));
    (says_it && !metric.contains('(') && !fold::denies(metric) && !is_said()).then(|| parts(metric, inner)).flatten()
}

/// `LaunchAgent loaded (com.02luka.analytics.parquet)`: the label is the thing's, in front of which the bracket may stand too.
fn before_label(text: &str) -> Option<Split> {
    let (before, label) = text.strip_suffix(')')?.rsplit_once('(')?;
    let split = Some(part(before)).filter(|split| !split.is_whole && is_service_label(label.trim()))?;
    parts(&format!("{} ({})", split.metric, label.trim()), &split.target)
}

/// `nobody knows 5 things` must not become a count of things; `Lost heartbeats 0` is one.
fn counts_a_noun(target: &str) -> bool {
    matches!(target::compile("", target), Target::Compare { unit: Unit::Count { noun: Some(_) }, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without such a key another thing would be asked, or at another time.
    #[test]
    fn a_key_that_may_change_what_is_asked_stays() {
        for raw in [
            "Redis dump: File size ≤ 5 MB",
            "CSV: Rows > 0",
            "Alarm when: Rows < 500000",
            "Violation: File size > 5 MB",
            "Stretch: File size ≤ 1 kB",
            "Last month: Rows > 0",
            "Phase 9: Rows > 0",
            "สูงสุด: File size ≤ 5 MB",
        ] {
            let split = split(raw);
            assert!(
                matches!(target::compile(&split.metric, &split.target), Target::Unclear { .. }),
                "{raw}: {split:?}"
            );
        }
        let split = split("Export runs daily (02:30)");
        assert_eq!((split.metric.as_str(), split.target.as_str()), ("Export", "runs daily (02:30)"));
    }

    #[test]
    fn semicolons_part_what_can_be_judged_by_itself() {
        for (line, count) in [
            ("file size ≤ 5 MB; compression Snappy; validation time < 2 s", 3),
            ("file size ≤ 5 MB; measured daily at noon by the monitor", 0),
            ("file size ≤ 5 MB; see below", 0),
            ("file size ≤ 5 MB", 0),
            ("Not: file size ≤ 5 MB; rows > 0", 0),
        ] {
            assert_eq!(several(line).len(), count, "{line}");
        }
    }

    #[test]
    fn bullets_are_parted_as_they_are_meant() {
        for (raw, metric, target) in [
            ("Runtime still <5ms for ≤200 rows.", "Runtime", "<5ms for ≤200 rows"),
            ("p95 < 100ms", "p95 < 100ms", "p95 < 100ms"),
            ("864 heartbeats ± 2%", "864 heartbeats ± 2%", "864 heartbeats ± 2%"),
            ("No gap longer than 15 minutes", "No gap longer than 15 minutes", "No gap longer than 15 minutes"),
            ("Size does not go over 5 MB", "Size", "does not go over 5 MB"),
            ("Compression — Snappy", "Compression", "Snappy"),
            ("Map freshness <48h", "Map freshness", "<48h"),
            ("**File size:** ≤ 5 MB/day", "File size", "≤ 5 MB/day"),
            ("**File size** ≤ 5 MB/day", "File size", "≤ 5 MB/day"),
            ("**File size** – ≤ 5 MB/day", "File size", "≤ 5 MB/day"),
            ("**File size: ≤ 5 MB**", "File size", "≤ 5 MB"),
            ("File size: ≤ 5 MB", "File size", "≤ 5 MB"),
            ("ขนาดไฟล์：≤ 5 MB", "ขนาดไฟล์", "≤ 5 MB"),
            ("Validation time — < 2 s", "Validation time", "< 2 s"),
            ("Validation completes in under 2 s", "Validation", "in under 2 s"),
            ("Export finishes within 30 s", "Export", "within 30 s"),
            ("Runtime for ≤200 rows <5ms", "Runtime for ≤200 rows", "<5ms"),
            ("Compression is Snappy", "Compression", "Snappy"),
            ("Snappy compression", "compression", "Snappy"),
            ("Compression zstd", "Compression", "zstd"),
            ("Heavy compression", "Heavy compression", "Heavy compression"),
            ("Redis connectivity OK", "Redis connectivity", "OK"),
            ("Redis ping OK", "Redis ping", "OK"),
            ("Redis answers PING with PONG", "Redis", "answers PING with PONG"),
            ("LaunchAgent loads & runs automatically", "LaunchAgent", "loads & runs automatically"),
            ("Exit code 0", "Exit code 0", "Exit code 0"),
            ("Heartbeat interval 5 min ± 10 %", "Heartbeat interval", "5 min ± 10 %"),
            ("Heartbeat interval 300 s ±30 s", "Heartbeat interval", "300 s ±30 s"),
            ("Heartbeat interval is 5 min +/- 10 %", "Heartbeat interval", "5 min +/- 10 %"),
            ("Heartbeat interval 5 min (± 10 %)", "Heartbeat interval", "5 min (± 10 %)"),
            ("Heartbeats every 5 minutes (±10%)", "Heartbeats", "every 5 minutes (±10%)"),
            ("Two heartbeats at the interval ± 10 %", "Two heartbeats at the interval", "± 10 %"),
            ("Export runs daily at 02:30", "Export", "runs daily at 02:30"),
            ("All tests pass", "All tests pass", "All tests pass"),
            ("no file write errors", "no file write errors", "no file write errors"),
            ("Redis not working", "Redis not working", "Redis not working"),
            ("Lost heartbeats 0", "Lost heartbeats", "0"),
            ("nobody knows 5 things", "nobody knows 5 things", "nobody knows 5 things"),
            ("Something nobody can measure", "Something nobody can measure", "Something nobody can measure"),
            ("✅ Schema consistency: 0 errors", "Schema consistency", "0 errors"),
            ("**Redis connectivity**", "Redis connectivity", "Redis connectivity"),
            ("**AC-3** Compression: Snappy", "Compression", "Snappy"),
            ("**1. File size:** ≤ 5 MB", "File size", "≤ 5 MB"),
            ("[P1] All tests pass", "All tests pass", "All tests pass"),
            ("AC-1: OK", "AC-1", "OK"),
            ("**File size ≤ 5 MB** — measured with `ls -l`", "File size", "≤ 5 MB"),
            ("File size: ≤ 5 MB (per `ls -l`)", "File size", "≤ 5 MB"),
            ("Redis healthy — verified with redis-cli", "Redis", "healthy"),
            ("ขนาดไฟล์ไม่เกิน 5 MB", "ขนาดไฟล์", "ไม่เกิน 5 MB"),
            ("**Performance:** Export duration < 30 s", "Export duration", "< 30 s"),
            ("**Format:** Compression: Snappy", "Compression", "Snappy"),
            ("**Automation:** LaunchAgent loaded", "LaunchAgent", "loaded"),
            ("⚡ **Speed** – Validation time < 2 s", "Validation time", "< 2 s"),
            ("MUST: Schema mismatches = 0", "Schema mismatches", "0"),
            ("**SLO-4 (Correctness):** schema mismatches = 0", "schema mismatches", "0"),
            ("Criterion 1: File size ≤ 5 MB", "File size", "≤ 5 MB"),
            ("Quality: 0 schema mismatches", "0 schema mismatches", "0 schema mismatches"),
            ("**Quality:** no errors", "no errors", "no errors"),
            ("**Correctness** – All tests pass", "All tests pass", "All tests pass"),
            ("Data: 0 schema mismatches", "0 schema mismatches", "0 schema mismatches"),
            ("AC-1: 0 schema mismatches", "0 schema mismatches", "0 schema mismatches"),
            ("Service: 0 errors", "Service", "0 errors"),
            ("Latency: 0 errors", "Latency", "0 errors"),
            ("Redis: 0 errors", "Redis", "0 errors"),
            ("SLO-4 (Redis): 0 errors", "Redis", "0 errors"),
            ("Completeness: 100 %", "Completeness", "100 %"),
            ("**AC-1 (File size):** ≤ 5 MB", "File size", "≤ 5 MB"),
            ("AC-2 (Compression): Snappy", "Compression", "Snappy"),
            ("**AC-3 (Quality):** 0 schema mismatches", "0 schema mismatches", "0 schema mismatches"),
            ("**AC-4 (Correctness):** schema mismatches = 0", "schema mismatches", "0"),
            ("**AC-5 (Redis):** File size ≤ 5 MB", "Redis", "File size ≤ 5 MB"),
            ("Under load: Export duration < 30 s", "Under load", "Export duration < 30 s"),
            ("P95: Export duration < 30 s", "P95", "Export duration < 30 s"),
            ("Weekly: File size ≤ 5 MB", "Weekly", "File size ≤ 5 MB"),
            ("At 5: Export duration < 30 s", "At 5", "Export duration < 30 s"),
            ("Validation: OK", "Validation", "OK"),
            ("**File size** (≤ 5 MB)", "File size", "≤ 5 MB"),
            ("Compression (Snappy)", "Compression", "Snappy"),
            ("LaunchAgent (loaded & running)", "LaunchAgent", "loaded & running"),
            ("Export frequency (1× daily at 02:30)", "Export frequency", "1× daily at 02:30"),
            ("Dry run (no files written)", "Dry run", "no files written"),
            ("Exporter (optional)", "Exporter (optional)", "Exporter (optional)"),
            ("Exporter (required)", "Exporter (required)", "Exporter (required)"),
            ("Exporter (3 files)", "Exporter (3 files)", "Exporter (3 files)"),
            ("LaunchAgent loaded (`com.02luka.x`)", "LaunchAgent (com.02luka.x)", "loaded"),
            ("LaunchAgent (`com.02luka.x`) is loaded", "LaunchAgent (com.02luka.x)", "loaded"),
            ("LaunchAgent loaded (twice)", "LaunchAgent loaded (twice)", "LaunchAgent loaded (twice)"),
            ("File size ≤ 5 MB[^2]", "File size", "≤ 5 MB"),
            ("Validation time < 2 s[1]", "Validation time", "< 2 s"),
            ("Schema mismatches: 0¹", "Schema mismatches", "0"),
            ("There are no schema mismatches", "no schema mismatches", "no schema mismatches"),
            ("There must be at least 100 rows.", "at least 100 rows", "at least 100 rows"),
            (
                "There is no gap longer than 15 minutes",
                "There is no gap longer than 15 minutes",
                "There is no gap longer than 15 minutes",
            ),
            ("Compression is \"Snappy\"", "Compression", "\"Snappy\""),
            ("Compression: “Snappy”", "Compression", "“Snappy”"),
            ("**Size:** each file is at most 5 MB", "Size", "at most 5 MB"),
            ("**Size:** every Parquet file ≤ 5 MB", "Size", "≤ 5 MB"),
            ("**Size:** each Redis dump ≤ 5 MB", "each Redis dump", "≤ 5 MB"),
            ("Size: all files correct", "all files", "correct"),
            ("**Speed:** validation finishes within 2 seconds", "validation", "within 2 seconds"),
            ("Next run at 02:30", "Next run", "at 02:30"),
            ("Exports run daily at 02:30", "Exports", "run daily at 02:30"),
            ("Rows > 0 #data ^ac1", "Rows", "> 0"),
        ] {
            let got = split(fold::strip_marks(raw));
            assert_eq!((got.metric.as_str(), got.target.as_str()), (metric, target), "{raw}");
        }
    }
}
