//! What people call a thing, made comparable, and the measurement that it means.
//!
//! Invariant: a name that could mean two measurements means none.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use pulldown_cmark::{Event, Parser};

use super::cells::says_works;
use super::whole::is_generic;
use super::{RunRecord, marks};
use crate::evidence::{Binder, Binding, BoundBy, Judged, Kind, Measurement, Value, bilingual, judge, subject, whose};
use crate::order::{Criterion, fold};

/// The text of one line of inline Markdown: emphasis, code marks, links and escapes taken off.
pub fn plain(markdown: &str) -> String {
    // the letter in front keeps `> 80%` and `- x` from being read as blocks
    let line = format!("x {}", markdown.replace("\\|", "|"));
    let mut out = String::with_capacity(line.len());
    for event in Parser::new(&line) {
        match event {
            Event::Text(text) | Event::Code(text) => out.push_str(&text),
            Event::InlineHtml(html) if !html.to_ascii_lowercase().starts_with("<br") => {}
            Event::SoftBreak | Event::HardBreak | Event::InlineHtml(_) => out.push(' '),
            _ => {}
        }
    }
    let out = out.strip_prefix('x').unwrap_or(&out);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Equal for names that differ in case, blanks, punctuation, width or emoji only.
pub fn key(name: &str) -> String {
    fold(&marks::without_green(name, " "))
}

/// The lower-case words of a table header or a list line, emoji and punctuation taken off.
pub fn words(markdown: &str) -> Vec<String> {
    key(&plain(markdown)).split_whitespace().map(str::to_owned).collect()
}

pub fn has_words(markdown: &str) -> bool {
    words(markdown).iter().any(|word| word.contains(char::is_alphabetic))
}

/// The names that a cell may mean its subject by, the most exact first: `LaunchAgent (daily)` → both with and without the
/// remark, `Exporter` + code and names in two languages → each alone.
pub fn names(markdown: &str) -> Vec<String> {
    let whole = plain(markdown);
    // a part of it alone would be a name without what the rest says of it
    if whole.len() > LONGEST {
        return Vec::new();
    }
    let code: Vec<&str> = markdown.split('`').skip(1).step_by(2).filter(|part| !part.trim().is_empty()).collect();
    let outside: String = markdown.split('`').step_by(2).collect::<Vec<_>>().join(" ");
    let mut names = vec![whole.clone(), without_remarks(&whole)];
    if markdown.matches('`').count().is_multiple_of(2) {
        names.push(without_remarks(&plain(&outside)));
        names.extend(code.iter().map(|part| (*part).to_owned()));
    }
    names.extend(bilingual::names(&whole));
    let bare: Vec<String> = names.iter().flat_map(|name| bare(name)).collect();
    names.extend(bare);
    let mut seen = BTreeSet::new();
    names.retain(|name| !key(name).is_empty() && seen.insert(key(name)));
    names
}

/// A name without its number and without what is said of it, where that is no more than that it works: `1. Exporter`,
/// `Exporter – deployed`, `Exporter: OK`, `Exporter status`.
fn bare(name: &str) -> Vec<String> {
    std::iter::successors(Some(name), |name| without_one(name)).skip(1).map(str::to_owned).collect()
}

fn without_one(name: &str) -> Option<&str> {
    let parted = [" – ", " — ", " - ", " = ", "：", ":"].into_iter().filter_map(|by| name.split_once(by));
    if let Some((name, said)) = parted.min_by_key(|(name, _)| name.len()) {
        return says_works(said.trim_end_matches(['.', '!'])).then_some(name.trim());
    }
    if let Some((name, _)) = name.rsplit_once(' ').filter(|(_, last)| last.eq_ignore_ascii_case("status")) {
        return Some(name.trim_end());
    }
    let digits = name.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = digits.strip_prefix(['.', ')']).filter(|_| digits.len() < name.len())?;
    rest.starts_with(' ').then_some(rest.trim_start())
}

/// Whether a cell holds a row's number or mark and no name: `R1`, `#4`, `AC-1.2`.
pub fn is_id(markdown: &str) -> bool {
    let text = plain(markdown);
    let digits = text.trim_start_matches('#').trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = text.len() - digits.len();
    letters <= 5
        && digits.chars().any(|c| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ')'))
}

/// Bytes; nothing that can be measured has a longer name.
const LONGEST: usize = 300;

fn without_remarks(text: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '(' | '（' => depth += 1,
            ')' | '）' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out.trim().to_owned()
}

/// What a name means.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning<'r> {
    /// The key, and the newest measurement of it.
    One {
        key: String,
        newest: Option<&'r Measurement>,
    },
    /// The key, and why its measurement is not about what else the label names.
    Other {
        key: String,
        why: String,
    },
    /// These keys; a person must say which.
    Several(Vec<String>),
    Nothing,
}

/// A record with the names that its order and its handler have for what was measured, and everything in it by name.
pub struct Labels<'r> {
    pub record: &'r RunRecord,
    binder: Binder<'r>,
    newest: HashMap<&'r str, &'r Measurement>,
    /// What date tokens may stand for.
    pub days: Vec<Date>,
    /// By [`key`] of the metric.
    criteria: HashMap<String, Vec<&'r Judged>>,
}

impl<'r> Labels<'r> {
    pub fn of(record: &'r RunRecord) -> Self {
        let mut newest = HashMap::new();
        for measurement in &record.measurements {
            newest.insert(measurement.key.as_str(), measurement);
        }
        let mut criteria: HashMap<String, Vec<&Judged>> = HashMap::new();
        for judged in &record.criteria {
            criteria.entry(key(&judged.metric)).or_default().push(judged);
        }
        let binder = Binder::new(&record.order.bindings, record.declarations);
        Labels { record, binder, newest, days: days(record), criteria }
    }

    /// What the first of `names` that means anything means: by the order's bindings, by key, by alias, by the path of what was
    /// measured. All that the label names must be what was measured.
    pub fn meaning(&self, names: &[String]) -> Meaning<'r> {
        for name in names {
            match self.meaning_of(name) {
                (Meaning::Nothing, _) => {}
                (Meaning::One { key, newest: Some(measurement) }, by) if by != BoundBy::Bindings => {
                    return match self.fits(names, name, measurement) {
                        Ok(()) => Meaning::One { key, newest: Some(measurement) },
                        Err(why) => Meaning::Other { key, why },
                    };
                }
                (meaning, _) => return meaning,
            }
        }
        Meaning::Nothing
    }

    /// Whether a person said what this means.
    pub fn is_bound_by_order(&self, name: &str) -> bool {
        matches!(self.binder.bind_metric(name), Binding::Bound { by: BoundBy::Bindings, .. })
    }

    /// Why a label, given by its names, is not about this measurement, which `bound` means.
    pub fn fits(&self, names: &[String], bound: &str, measurement: &Measurement) -> Result<(), String> {
        let declared = self.record.declarations.of_key(&measurement.key);
        let aliases = declared.map_or(&[][..], |declared| declared.aliases);
        let label = marks::without_green(&names.join(" "), " ");
        let whole = names.first().map_or("", String::as_str);
        let bound = if key(whole) == key(bound) { label.as_str() } else { bound };
        subject::fits(&label, bound, aliases, measurement, &self.days, &|name| self.is_figure(name))
    }

    /// Whose this measurement is not, where `text`, which stands around its name, names another thing.
    pub fn other(&self, text: &str, measurement: &Measurement) -> Option<String> {
        let declared = self.record.declarations.of_key(&measurement.key);
        let aliases = declared.map_or(&[][..], |declared| declared.aliases);
        let all: Vec<&Measurement> = self.newest.values().copied().collect();
        // where a thing lies that is named by words: `Parquet exporter (run/parquet_exporter.cjs)`
        let is_place =
            |name: &&String| name.contains('/') && all.iter().any(|one| subject::names(one, name, &self.days));
        let names = subject::names_in(text);
        let thing = names.iter().filter(is_place).fold(text.to_owned(), |text, name| text.replace(name, " "));
        let text = if words(&thing).is_empty() { text } else { &thing };
        whose::other(text, aliases, measurement, &all, &self.days)
    }

    /// Whether the name of a thing may be that of what was measured: a word of it is one by which something is called that is
    /// or could be. One in another script is not told from it.
    pub fn knows(&self, name: &str, measurement: &Measurement) -> bool {
        let is_same = |own: &str, word: &str| own == word || word.strip_suffix('s') == Some(own);
        let own = [words(&measurement.key), words(&measurement.how)].concat();
        let known = |word: &String| {
            let mut labels = self.record.declarations.labels().flat_map(|(label, _)| label.split(' '));
            labels.any(|own| is_same(own, word)) || own.iter().any(|own| is_same(own, word)) || is_generic(word)
        };
        name.chars().any(|c| c.is_alphabetic() && !c.is_ascii()) || words(name).iter().any(known)
    }

    /// Whether a name means something that is counted, timed or weighed, and no part of what is deployed.
    fn is_figure(&self, name: &str) -> bool {
        let Binding::Bound { key, .. } = self.binder.bind_metric(name) else { return false };
        let declared = self.record.declarations.of_key(&key);
        declared.and_then(|declared| declared.kind).is_some_and(|kind| !matches!(kind, Kind::State | Kind::Runs))
    }

    fn meaning_of(&self, name: &str) -> (Meaning<'r>, BoundBy) {
        let name = marks::without_green(name, " ");
        match self.binder.bind_metric(&name) {
            Binding::Bound { key, by } => (Meaning::One { newest: self.newest.get(key.as_str()).copied(), key }, by),
            Binding::Ambiguous(keys) => (Meaning::Several(keys), BoundBy::Alias),
            // a handler from outside measures under keys that nobody declared
            Binding::None => match self.newest.get(name.trim()).copied() {
                Some(measurement) => {
                    (Meaning::One { newest: Some(measurement), key: measurement.key.clone() }, BoundBy::Key)
                }
                None => (self.meaning_of_path(name.trim()), BoundBy::Alias),
            },
        }
    }

    /// What was measured of the file that a path names, where the deployment gave it a name of its own.
    fn meaning_of_path(&self, name: &str) -> Meaning<'r> {
        if subject::names_in(name) != [name] {
            return Meaning::Nothing;
        }
        let mut found: Vec<&'r Measurement> = self.newest.values().copied().collect();
        found.retain(|one| one.artifact.is_some() && matches!(one.value, Value::State { .. }));
        found.retain(|one| one.artifact.as_ref().is_some_and(|own| subject::is_path_of(name, &own.path, &self.days)));
        found.sort_by(|a, b| a.key.cmp(&b.key));
        match found.as_slice() {
            [] => Meaning::Nothing,
            [one] => Meaning::One { newest: Some(one), key: one.key.clone() },
            several => Meaning::Several(several.iter().map(|one| one.key.clone()).collect()),
        }
    }

    /// The verdict on a criterion that nobody has judged yet.
    pub fn judge(&self, criterion: &Criterion) -> Option<Judged> {
        let RunRecord { order, measurements, .. } = self.record;
        let today = self.record.ended.to_zoned(TimeZone::UTC).date();
        let one = std::slice::from_ref(criterion);
        judge::judge_by(&self.binder, one, order, measurements, today).pop()
    }

    /// The criteria of that metric, in the record's order.
    pub fn criteria(&self, metric: &str) -> &[&'r Judged] {
        self.criteria.get(&key(metric)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The day of the run in the root's zone, and in UTC, by which the telemetry's files are named.
pub fn days(record: &RunRecord) -> Vec<Date> {
    let mut days = vec![super::fill::now(record).date(), record.ended.to_zoned(TimeZone::UTC).date()];
    days.dedup();
    days
}

/// The measurement of `key` that was taken last.
pub fn newest<'r>(record: &'r RunRecord, key: &str) -> Option<&'r Measurement> {
    record.measurements.iter().rev().find(|measurement| measurement.key == key)
}

/// Whether what was measured works; `None` for a mere number. A measurement that contradicts itself doesn't work.
pub fn works(measurement: &Measurement) -> Option<bool> {
    match (&measurement.value, measurement.ok) {
        (Value::State { works: false, .. }, _) => Some(false),
        (Value::State { works, .. }, None) => Some(*works),
        (_, ok) => ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_out_of_cells() {
        for (cell, expect) in [
            ("**Exporter**", vec!["Exporter"]),
            ("LaunchAgent (daily)", vec!["LaunchAgent (daily)", "LaunchAgent"]),
            ("Runner `scripts/run.zsh`", vec!["Runner scripts/run.zsh", "Runner", "scripts/run.zsh"]),
            ("✅ Redis", vec!["✅ Redis"]),
            ("**Exporter script** – deployed", vec!["Exporter script – deployed", "Exporter script"]),
            ("Exporter status: OK.", vec!["Exporter status: OK.", "Exporter status", "Exporter"]),
            ("1. Exporter: loaded", vec!["1. Exporter: loaded", "1. Exporter", "Exporter"]),
            ("Exporter – deployed twice", vec!["Exporter – deployed twice"]),
            ("Exporter: csv: OK", vec!["Exporter: csv: OK"]),
            ("สคริปต์ส่งออก (Exporter)", vec!["สคริปต์ส่งออก (Exporter)", "สคริปต์ส่งออก", "Exporter"]),
            ("**Exporter** / สคริปต์ส่งออก", vec!["Exporter / สคริปต์ส่งออก", "Exporter", "สคริปต์ส่งออก"]),
            ("  ", vec![]),
        ] {
            assert_eq!(names(cell), expect, "{cell}");
        }
    }

    #[test]
    fn ids_are_told_from_names() {
        for (cell, expect) in [
            ("R1", true),
            ("**AC-1.2**", true),
            ("#4", true),
            ("3.", true),
            ("p95", false),
            ("Redis 2", false),
            ("02:30", false),
            ("-", false),
            ("", false),
        ] {
            assert_eq!(is_id(cell), expect, "{cell}");
        }
    }

    #[test]
    fn targets_keep_their_comparators() {
        for (cell, expect) in
            [("> 80%", "> 80%"), ("`<5ms`", "<5ms"), ("a \\| b", "a | b"), ("- x", "- x"), ("**≤ 5 MB**", "≤ 5 MB")]
        {
            assert_eq!(plain(cell), expect);
        }
    }

    #[test]
    fn folding_ignores_case_blanks_and_emoji_only() {
        assert_eq!(key("🚀 Launch-Agent ✅ :white_check_mark:"), key("launch agent"));
        assert_ne!(key("Redis 2"), key("Redis"));
        assert_ne!(key("ขนาดไฟล์"), key("ขนาด"));
    }
}
