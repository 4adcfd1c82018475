//! The times that an order's sentences name, and whose they are: the export's, another job's, or nobody's by name. Pure.
//!
//! A sentence is parted where another subject may begin: at commas, `and`, `after`, `before`, `so that`. A part that names
//! nobody goes on with the subject before it. What stands after `after` or `because` says when something else is.

use jiff::civil::Time;

use crate::dates;
use crate::order::target::{Period, Target, Weekday, compile};

/// A time of day, every day or on one day of the week.
#[derive(Debug, Clone, PartialEq)]
pub struct When {
    /// `None`: only the day is named.
    pub at: Option<Time>,
    pub weekday: Option<Weekday>,
    pub zone: Option<String>,
    /// As it is written.
    pub text: String,
}

impl When {
    pub fn is_as(&self, other: &When) -> bool {
        (self.at, self.weekday) == (other.at, other.weekday)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Export,
    /// Nobody is named: in an order for the export, it may be meant.
    Unsaid,
    Other,
}

/// A schedule in a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub when: When,
    pub subject: Subject,
    /// Whether it is a time to run at, as far as the words around it say.
    pub to_run: bool,
}

/// Runs of words that are tried for one order: what names more times is no order but an attack on the reader.
const TRIED: usize = 4000;

/// Reads the requirements of one order.
pub struct Reader<'a> {
    label: &'a str,
    /// Runs of words that may still be tried.
    left: usize,
    pub said: Vec<Said>,
    /// The first part about the export that speaks of weekdays.
    pub weekdays: Option<String>,
}

impl<'a> Reader<'a> {
    pub fn new(label: &'a str) -> Self {
        Reader { label, left: TRIED, said: Vec::new(), weekdays: None }
    }

    /// Whether there were more times than are looked at.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Reads a text whose subject before its first word is `before`; the subject at its end.
    pub fn read(&mut self, text: &str, before: Subject) -> Subject {
        let sentences = text.split([';', '\n']).flat_map(|part| part.split(". "));
        sentences.fold(before, |subject, sentence| self.sentence(sentence, subject))
    }

    fn sentence(&mut self, sentence: &str, before: Subject) -> Subject {
        let words = words_of(sentence);
        let mut times = times_in(&words, &mut self.left).into_iter().peekable();
        let mut subject = before;
        let mut from = 0;
        while from < words.len() {
            let mut to = from + 1;
            // a schedule is never parted
            let mut inside = times.peek().filter(|(at, _, _)| *at == from).map_or(0, |(at, length, _)| at + length);
            let mut own = Vec::new();
            while let Some((at, length, when)) = times.next_if(|(at, _, _)| *at < to) {
                inside = inside.max(at + length);
                own.push((at, when));
            }
            while to < words.len() {
                let parted = words.get(to - 1).is_some_and(|word| word.ends)
                    || words.get(to).is_some_and(|word| is_one_of(word.text, &JOINING));
                if parted && to >= inside {
                    break;
                }
                if let Some((at, length, when)) = times.next_if(|(at, _, _)| *at == to) {
                    inside = at + length;
                    own.push((at, when));
                }
                to += 1;
            }
            let part: Vec<&str> = words.get(from..to).unwrap_or_default().iter().map(|word| word.text).collect();
            let is_subordinate = part.first().is_some_and(|first| is_one_of(first, &SUBORDINATE));
            let of_part = match (subject_of(&part, self.label), is_subordinate) {
                (Some(named), _) => named,
                (None, true) => Subject::Other,
                (None, false) => match subject {
                    Subject::Other if part.first().is_some_and(|first| is_one_of(first, &RUNNING)) => Subject::Unsaid,
                    inherited => inherited,
                },
            };
            if !is_subordinate {
                subject = of_part;
            }
            let of_weekdays = || part.iter().any(|word| word.to_lowercase().contains("weekdays"));
            let is_ours = of_part == Subject::Export || (of_part == Subject::Unsaid && !own.is_empty());
            if self.weekdays.is_none() && is_ours && of_weekdays() {
                self.weekdays = Some(part.join(" "));
            }
            let alone = own.len() == 1;
            for (at, when) in own {
                let earlier: Vec<&str> =
                    words.get(at.saturating_sub(2)..at).unwrap_or_default().iter().map(|word| word.text).collect();
                let first = when.text.split(' ').next().unwrap_or_default();
                let to_run = !is_other_time(&earlier, first)
                    && match of_part {
                        Subject::Export => true,
                        Subject::Unsaid => alone && when.at.is_some() && !names(&part, &NOT_RUNNING),
                        Subject::Other => false,
                    };
                self.said.push(Said { when, subject: of_part, to_run });
            }
            from = to;
        }
        subject
    }
}

/// A word, and whether a comma follows it.
struct Word<'a> {
    text: &'a str,
    ends: bool,
}

const JOINING: [&str; 7] = ["and", "but", "after", "before", "so", "because", "while"];
/// What these begin says when something else is.
const SUBORDINATE: [&str; 5] = ["after", "before", "so", "because", "while"];

fn is_one_of(word: &str, known: &[&str]) -> bool {
    known.iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn words_of(sentence: &str) -> Vec<Word<'_>> {
    const MARKS: [char; 14] = ['(', ')', '[', ']', ',', '.', '`', '*', '"', '\'', ':', '“', '”', '!'];
    let mut words: Vec<Word<'_>> = Vec::new();
    for raw in sentence.split_whitespace() {
        // the stars of a cron line are words
        let text = if raw == "*" { raw } else { raw.trim_matches(MARKS) };
        let ends = raw.trim_end_matches(|c| c != ',' && MARKS.contains(&c)).ends_with(',');
        match (text.is_empty(), words.last_mut()) {
            (true, Some(last)) => last.ends |= ends,
            (true, None) => {}
            (false, _) => words.push(Word { text, ends }),
        }
    }
    words
}

/// Jobs that are not the export, by a word for what they do.
const OTHERS: [&str; 13] = [
    "digest",
    "optimizer",
    "backup",
    "backups",
    "mail",
    "mails",
    "email",
    "newsletter",
    "cleanup",
    "rotation",
    "logrotate",
    "reboot",
    "standup",
];
/// Such words too, but for what is said to be scheduled and is the export.
const MAYBE_OTHERS: [&str; 2] = ["sync", "maintenance"];
/// What a part that names nobody says of something that is not to run then.
const NOT_RUNNING: [&str; 28] = [
    "keep",
    "leave",
    "untouched",
    "unchanged",
    "meeting",
    "review",
    "notify",
    "notification",
    "alert",
    "alerts",
    "archive",
    "upload",
    "invoice",
    "invoices",
    "shop",
    "purge",
    "delete",
    "restart",
    "lunch",
    "deadline",
    "due",
    "ready",
    "was",
    "were",
    "had",
    "failed",
    "opens",
    "closes",
];
/// A part that begins so is about what this order makes again.
const RUNNING: [&str; 8] = ["run", "runs", "convert", "automate", "execute", "launch", "trigger", "start"];
const MANAGERS: [&str; 8] = ["launchd", "launchagent", "launchctl", "cron", "crontab", "systemd", "timer", "scheduler"];

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn names(part: &[&str], known: &[&str]) -> bool {
    part.iter().any(|word| parts(word).any(|word| is_one_of(word, known)))
}

/// Whom words name; `None` where they name nobody.
pub fn subject_of(part: &[&str], label: &str) -> Option<Subject> {
    let begins = |starts: &[&str]| {
        part.iter().any(|word| {
            let lower = word.to_lowercase();
            parts(&lower).any(|word| starts.iter().any(|start| word.starts_with(start)))
        })
    };
    let own = part.iter().any(|word| word.contains(label));
    let exported = own || begins(&["export", "parquet"]);
    let scheduled = begins(&["schedul"]);
    let foreign = part.iter().any(|word| is_foreign_label(word, label)) || {
        let lower = part.join(" ").to_lowercase();
        ["own job", "other job", "another job"].iter().any(|job| lower.contains(job))
    };
    let ours = scheduled && (exported || begins(&["heartbeat"]));
    if foreign || names(part, &OTHERS) || (names(part, &MAYBE_OTHERS) && !ours) {
        return Some(Subject::Other);
    }
    (exported || scheduled || begins(&["launchagent", "launchd", "cron"])).then_some(Subject::Export)
}

/// Whether a metric is of the export's times, though no measurement goes by it: it names the export, or nothing but that
/// something runs.
pub fn is_of_runs(metric: &str, label: &str) -> bool {
    const WORDS: [&str; 22] = [
        "run",
        "runs",
        "running",
        "daily",
        "nightly",
        "weekly",
        "time",
        "times",
        "when",
        "at",
        "every",
        "each",
        "day",
        "night",
        "start",
        "starts",
        "job",
        "execution",
        "trigger",
        "automatic",
        "automatically",
        "the",
    ];
    match subject_of(&metric.split_whitespace().collect::<Vec<_>>(), label) {
        Some(subject) => subject == Subject::Export,
        None => parts(metric).all(|word| is_one_of(word, &WORDS)),
    }
}

pub fn names_other(metric: &str, label: &str) -> bool {
    subject_of(&metric.split_whitespace().collect::<Vec<_>>(), label) == Some(Subject::Other)
}

fn is_foreign_label(word: &str, label: &str) -> bool {
    let lower = word.to_lowercase();
    lower.split(|c: char| !(c.is_alphanumeric() || ".-_".contains(c))).any(|word| {
        let word = word.trim_matches('.').trim_end_matches(".plist");
        word.starts_with("com.") && word.matches('.').count() >= 2 && word != label.to_lowercase()
    })
}

/// Words of a schedule in a text: at most this many in a row.
const LONGEST: usize = 8;

/// Where each schedule begins, how many words it has, and what it says: the longest runs of words that the parser of
/// targets takes for one. Only runs of words that belong into schedules are tried.
fn times_in(words: &[Word<'_>], left: &mut usize) -> Vec<(usize, usize, When)> {
    let mut found = Vec::new();
    let mut from = 0;
    while from < words.len() {
        let belong = words.iter().skip(from).take(LONGEST).take_while(|word| may_belong(word.text)).count();
        let longest = (1..=belong).rev().find_map(|length| {
            let run = words.get(from..from + length)?;
            if !run.iter().any(|word| may_tell(word.text)) || !holds_together(words, from, length) {
                return None;
            }
            *left = left.checked_sub(1)?;
            let text = run.iter().map(|word| word.text).collect::<Vec<_>>().join(" ");
            schedule(&text).map(|when| (length, when))
        });
        match longest {
            Some((length, when)) => {
                found.push((from, length, when));
                from += length;
            }
            None => from += 1,
        }
    }
    found
}

/// `Sundays, 03:00` is one schedule; in `at 03:15, weekly rotation of logs` the comma ends it.
fn holds_together(words: &[Word<'_>], from: usize, length: usize) -> bool {
    let end = from + length;
    let run = words.get(from..end).unwrap_or_default();
    let Some(comma) = run.iter().take(length - 1).rposition(|word| word.ends) else { return true };
    let has_time =
        run.iter().take(comma + 1).any(|word| has_digit(word.text) || is_one_of(word.text, &["noon", "midnight"]));
    let is_whole = end == words.len()
        || words.get(end - 1).is_some_and(|word| word.ends)
        || words.get(end).is_some_and(|word| is_one_of(word.text, &JOINING));
    !has_time || is_whole
}

fn has_digit(word: &str) -> bool {
    word.chars().any(char::is_numeric)
}

/// Without one of these a run of words names neither a time nor a day.
fn may_tell(word: &str) -> bool {
    has_digit(word) || dates::weekday(word).is_some() || is_one_of(word, &["noon", "midnight"])
}

fn may_belong(word: &str) -> bool {
    const WORDS: [&str; 47] = [
        "runs",
        "run",
        "fires",
        "at",
        "on",
        "@",
        "every",
        "each",
        "scheduled",
        "schedule",
        "time",
        "local",
        "per",
        "a",
        "an",
        "minute",
        "min",
        "hour",
        "hr",
        "h",
        "day",
        "d",
        "night",
        "week",
        "month",
        "year",
        "hourly",
        "daily",
        "nightly",
        "weekly",
        "monthly",
        "yearly",
        "am",
        "pm",
        "a.m",
        "p.m",
        "once",
        "twice",
        "thrice",
        "times",
        "x",
        "×",
        "utc",
        "gmt",
        "z",
        "ict",
        "*",
    ];
    may_tell(word) || is_one_of(word, &WORDS) || is_zone(word)
}

fn is_zone(word: &str) -> bool {
    word.split_once('/').is_some_and(|(area, place)| {
        !place.is_empty() && area.chars().all(|c| c.is_ascii_alphabetic()) && area.len() >= 3
    })
}

fn schedule(run: &str) -> Option<When> {
    match compile("", run) {
        Target::Schedule { times: 1, every: Period::Day | Period::Week, at, weekday, zone } => {
            // `sat` and `sun` alone are words like others
            let is_day = weekday.is_some() && parts(run).any(|word| word.len() > 5);
            (at.is_some() || is_day).then(|| When { at, weekday, zone, text: run.to_owned() })
        }
        _ => None,
    }
}

/// Whether the two words before a time say that it is none to run at: a bound, an earlier time, or a moment of a day. Who
/// starts it (`by launchd`) says nothing of that.
fn is_other_time(before: &[&str], first: &str) -> bool {
    const BEFORE: [&str; 13] =
        ["not", "instead", "than", "was", "from", "before", "after", "until", "till", "since", "by", "of", "between"];
    let is_date = |word: &str| word.len() >= 8 && word.chars().all(|c| c.is_ascii_digit() || "-/.".contains(c));
    before.iter().enumerate().any(|(at, word)| {
        let next = before.get(at + 1).copied().unwrap_or(first);
        let starter = is_one_of(word, &["by", "from"]) && is_one_of(next, &MANAGERS);
        // `the sync of heartbeats daily`
        let is_far = at + 1 < before.len() && is_one_of(word, &["of"]);
        (is_one_of(word, &BEFORE) && !starter && !is_far) || is_date(word)
    })
}
