//! What a name means: the measurement that the order, the handler or the record itself calls so.
//!
//! Invariant: a name that could mean two measurements means none.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::evidence::{Binder, Binding, BoundBy, Judged, Kind, Measurement, Value, judge, subject, whose};
use crate::order::Criterion;
use crate::report::generic::is_generic;
use crate::report::record::{self, RunRecord};
use crate::report::{marks, text};

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
    /// By [`text::key`] of the metric.
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
            criteria.entry(text::key(&judged.metric)).or_default().push(judged);
        }
        let binder = Binder::new(&record.order.bindings, record.declarations);
        Labels { record, binder, newest, days: record::days(record), criteria }
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
        // `launch_agent` is how a program writes the label; in brackets behind another it is a thing's name
        let leads = text::key(whole).starts_with(&text::key(bound)).then(|| text::key(bound));
        let is_own =
            |name: &str| leads.as_ref().is_some_and(|label| subject::says(label, name)) || self.is_figure(name);
        let bound = if text::key(whole) == text::key(bound) { label.as_str() } else { bound };
        subject::fits(&label, bound, aliases, measurement, &self.days, &is_own)
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
        let text = if text::words(&thing).is_empty() { text } else { &thing };
        whose::other(text, aliases, measurement, &all, &self.days)
    }

    /// Whether the name of a thing may be that of what was measured: a word of it is one by which something is called that is
    /// or could be. One in another script is not told from it.
    pub fn knows(&self, name: &str, measurement: &Measurement) -> bool {
        let is_same = |own: &str, word: &str| own == word || word.strip_suffix('s') == Some(own);
        let own = [text::words(&measurement.key), text::words(&measurement.how)].concat();
        let known = |word: &String| {
            let mut labels = self.record.declarations.labels().flat_map(|(label, _)| label.split(' '));
            labels.any(|own| is_same(own, word)) || own.iter().any(|own| is_same(own, word)) || is_generic(word)
        };
        name.chars().any(|c| c.is_alphabetic() && !c.is_ascii()) || text::words(name).iter().any(known)
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
        self.criteria.get(&text::key(metric)).map(Vec::as_slice).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_ignores_case_blanks_and_emoji_only() {
        assert_eq!(text::key("🚀 Launch-Agent ✅ :white_check_mark:"), text::key("launch agent"));
        assert_ne!(text::key("Redis 2"), text::key("Redis"));
        assert_ne!(text::key("ขนาดไฟล์"), text::key("ขนาด"));
    }
}
