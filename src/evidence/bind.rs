//! Which measurement a criterion speaks of: the order's `bindings`, else a measurement's key, else the labels that each
//! measurement declares.
//!
//! Invariant: nothing is guessed. Labels are compared whole, folded; two candidates are an ambiguity, never a choice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::vocabulary::READ;
use super::{Vocabulary, bilingual, subject, whose};
use crate::order::service_label::is_service_label;
use crate::order::target::{self, Comparator, Target, Unit};
use crate::order::{Criterion, parted};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    Bound {
        key: String,
        by: BoundBy,
    },
    /// The keys that it could mean, sorted.
    Ambiguous(Vec<String>),
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundBy {
    /// The order's `bindings`.
    Bindings,
    /// The metric is a measurement's key.
    Key,
    /// A label that the measurement declares.
    Alias,
}

pub use crate::order::fold;

/// Binds one metric as written, such as that of a template's row; for criteria, whose target may say more, make one
/// [`Binder`] for all.
pub fn bind(metric: &str, bindings: &BTreeMap<String, String>, known: &Vocabulary) -> Binding {
    Binder::new(bindings, known).bind_metric(metric)
}

/// An order's bindings, folded, beside what its handler can measure.
pub struct Binder<'v> {
    bindings: HashMap<String, BTreeSet<String>>,
    known: &'v Vocabulary,
}

impl<'v> Binder<'v> {
    pub fn new(bindings: &BTreeMap<String, String>, known: &'v Vocabulary) -> Self {
        let mut folded: HashMap<String, BTreeSet<String>> = HashMap::new();
        for (metric, key) in bindings {
            folded.entry(fold(metric)).or_default().insert(key.trim().to_owned());
        }
        Binder { bindings: folded, known }
    }

    /// What its handler can measure.
    pub fn known(&self) -> &'v Vocabulary {
        self.known
    }

    /// The first way of naming the metric that leads to a measurement decides; see [`names_of`]. What stands below or beside
    /// the name of another thing is bound to nothing; see [`Binder::other`].
    pub fn bind(&self, criterion: &Criterion) -> Binding {
        let found = self.bind_anywhere(criterion);
        if self.is_of_other(criterion, &found).is_some() { Binding::None } else { found }
    }

    /// Of which other thing a criterion is that would be bound but for the heading or the cell that says so.
    pub fn other(&self, criterion: &Criterion) -> Option<String> {
        self.is_of_other(criterion, &self.bind_anywhere(criterion)).map(str::to_owned)
    }

    fn bind_anywhere(&self, criterion: &Criterion) -> Binding {
        let names = names_of(criterion);
        match self.bind_names(&criterion.metric, &names) {
            Binding::None => self.bind_affirmed(criterion).unwrap_or(Binding::None),
            found => self.foreign_label(criterion, &found).map_or(found.clone(), |label| {
                // the label may be declared for another measurement than the words beside it
                let names: Vec<String> = names.into_iter().filter(|name| name.contains(&fold(label))).collect();
                match self.bind_names(&criterion.metric, &names) {
                    Binding::None => found,
                    own => own,
                }
            }),
        }
    }

    /// The label of a service in the metric that names another thing than the measurement does: `com.02luka.digest | loaded`.
    fn foreign_label<'c>(&self, criterion: &'c Criterion, found: &Binding) -> Option<&'c str> {
        let Binding::Bound { key, by: BoundBy::Alias } = found else { return None };
        let aliases = self.known.of_key(key).map_or(&[][..], |one| one.aliases);
        let labels = criterion.metric.split_whitespace().map(|word| word.trim_matches(|c: char| "()`:,".contains(c)));
        let mut labels = labels.filter(|word| is_service_label(word));
        labels.find(|label| whose::is_surely_other(label, key, aliases))
    }

    /// A label may be any thing's; a key and the order's bindings are believed.
    fn is_of_other<'c>(&self, criterion: &'c Criterion, found: &Binding) -> Option<&'c str> {
        let Binding::Bound { key, by: BoundBy::Alias } = found else { return None };
        let aliases = self.known.of_key(key).map_or(&[][..], |one| one.aliases);
        let other = criterion.whose.iter().find(|whose| {
            whose::is_surely_other(&whose.name, key, aliases) || (whose.is_thing && !self.known.knows(&whose.name))
        });
        other.map(|whose| whose.name.as_str()).or_else(|| self.foreign_label(criterion, found))
    }

    /// The key that a criterion is bound to.
    pub fn key_of(&self, criterion: &Criterion) -> Option<String> {
        match self.bind(criterion) {
            Binding::Bound { key, .. } => Some(key),
            _ => None,
        }
    }

    /// The declared label, folded, by which a criterion is bound.
    pub fn label_of(&self, criterion: &Criterion) -> Option<String> {
        let is_declared = |name: &String| self.known.named(name).is_some();
        let affirmed = || parted(&criterion.metric).map(|(metric, _)| fold(&metric)).filter(is_declared);
        names_of(criterion).into_iter().find(is_declared).or_else(affirmed)
    }

    /// `Parquet file exists | yes` asks what `Parquet file | exists` does.
    fn bind_affirmed(&self, criterion: &Criterion) -> Option<Binding> {
        let Target::Ready { .. } = criterion.compiled else { return None };
        let (metric, said) = parted(&criterion.metric)?;
        if !matches!(target::compile(&metric, &said), Target::Ready { .. }) {
            return None;
        }
        let found = self.bind_names(&metric, &[fold(&metric)]);
        // `Errors exist | yes` says nothing good of their number
        matches!(&found, Binding::Bound { key, .. } if self.known.is_state(key)).then_some(found)
    }

    /// Binds one metric as written, such as the name in a template's row.
    pub fn bind_metric(&self, metric: &str) -> Binding {
        self.bind_names(metric, &[fold(metric)])
    }

    fn bind_names(&self, metric: &str, names: &[String]) -> Binding {
        for name in names {
            if let Some(binding) = chosen(self.bindings.get(name), BoundBy::Bindings) {
                return binding;
            }
        }
        let written = metric.trim().trim_matches('`');
        if let Some(key) = self.known.iter().map(|one| one.key).find(|key| key_matches(key, written)) {
            // `monitor.uptime.<check>` stands for any check: the key is the one written
            let key = if key.contains('<') { written } else { key };
            return Binding::Bound { key: key.to_owned(), by: BoundBy::Key };
        }
        names.iter().find_map(|name| chosen(self.known.named(name), BoundBy::Alias)).unwrap_or(Binding::None)
    }

    /// Declared labels that share most words with this metric, for a hint; at most three keys.
    pub fn near(&self, metric: &str) -> Vec<String> {
        let stem = |word: &str| word.trim_end_matches('s').to_owned();
        let folded = fold(metric);
        let words: BTreeSet<String> = folded.split(' ').filter(|word| word.len() > 2).map(stem).collect();
        let mut scored: BTreeMap<&str, usize> = BTreeMap::new();
        for (label, keys) in self.known.labels() {
            let shared = label.split(' ').filter(|word| words.contains(&stem(word))).count();
            // shared words count most, then how little else the label says
            let score = shared * 100 + 99 / (1 + label.split(' ').count().saturating_sub(shared));
            for key in keys.iter().filter(|_| shared > 0) {
                let best = scored.entry(key).or_default();
                *best = score.max(*best);
            }
        }
        let mut scored: Vec<(usize, &str)> = scored.into_iter().map(|(key, score)| (score, key)).collect();
        scored.sort_by_key(|(score, key)| (std::cmp::Reverse(*score), *key));
        scored.into_iter().take(3).map(|(_, key)| key.to_owned()).collect()
    }
}

fn chosen<K: AsRef<str>>(keys: Option<&BTreeSet<K>>, by: BoundBy) -> Option<Binding> {
    let keys = keys?;
    let owned = |key: &K| key.as_ref().to_owned();
    Some(match keys.iter().next() {
        Some(key) if keys.len() == 1 => Binding::Bound { key: owned(key), by },
        _ => Binding::Ambiguous(keys.iter().map(owned).collect()),
    })
}

/// Whether a declared key, in which `<name>` stands for one or more segments' text, is this key.
pub(crate) fn key_matches(declared: &str, key: &str) -> bool {
    match declared.split_once('<') {
        None => declared == key,
        Some((head, tail)) => {
            let tail = tail.split_once('>').map_or("", |(_, tail)| tail);
            key.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)).is_some_and(|name| !name.is_empty())
        }
    }
}

/// The folded names of what a criterion measures, the most exact first:
///
/// * with its statistic;
/// * where one label stands for several things, with what the target asks for: a time asks for the interval or the duration,
///   `Automatic` for the runs, `exit 0` for the exit code, `loaded` for what is loaded ([`facets`]);
/// * as written, and without the comparison that stands in the metric cell;
/// * without the `max` or `min` at one of its ends, where the target asks for that;
/// * without the label of the service, and without the brackets that name its thing (`Exporter script (run/parquet_exporter.cjs)`): that the thing is the measured
///   one is looked at when it is judged;
/// * a criterion whose metric is its target, by what it counts (`no file write errors`, `0 errors`, `all tests pass`); one that
///   says nothing but when, by `schedule`;
/// * of a name in two languages, the same for each.
fn names_of(criterion: &Criterion) -> Vec<String> {
    let mut names = names_of_one(criterion);
    for metric in bilingual::names(&fold::inline(&criterion.metric)) {
        names.extend(names_of_one(&Criterion { metric, ..criterion.clone() }));
    }
    let mut seen = BTreeSet::new();
    names.into_iter().map(|name| fold(&name)).filter(|name| !name.is_empty() && seen.insert(name.clone())).collect()
}

fn names_of_one(criterion: &Criterion) -> Vec<String> {
    let metric = target::normalize(&criterion.metric);
    let subject = target::comparison_in(&metric).map(|(at, _)| metric.get(..at).unwrap_or_default().trim());
    let says_one_thing = fold(&criterion.metric) == fold(&criterion.target);
    let mut names = Vec::new();
    let article = ["The ", "the ", "An ", "an ", "A ", "a "].iter().find_map(|article| metric.strip_prefix(article));
    let bound = target::bound_apart(&metric).filter(|(bound, _)| limits(&criterion.compiled, *bound));
    let bases: Vec<String> = [
        Some(metric.clone()),
        subject.filter(|subject| !subject.is_empty()).map(str::to_owned),
        article.map(str::to_owned),
        bound.map(|(_, name)| name.to_owned()),
        without_named(&criterion.metric),
        without_label(article.unwrap_or(&metric)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if let Target::Statistic { statistic, .. } = &criterion.compiled {
        for base in &bases {
            names.push(format!("{base} {statistic}"));
            names.push(format!("{statistic} {base}"));
        }
    }
    for facet in facets(&criterion.compiled) {
        names.extend(bases.iter().map(|base| format!("{base} {facet}")));
    }
    if is_interval(&criterion.compiled) {
        // `Heartbeat reports are generated | every 5 minutes`
        names.extend(bases.iter().filter_map(|base| without_making(base)).map(|base| format!("{base} interval")));
    }
    if let (Target::Ready { .. }, false) = (&criterion.compiled, says_one_thing) {
        let target = fold(&criterion.target);
        for thing in std::iter::once(&criterion.metric).chain(&bases).map(|thing| thing.trim()) {
            names.push(format!("{thing} {target}"));
            // `Parquet | present and readable`
            names.extend(target.split(' ').filter(|word| READ.contains(word)).map(|word| format!("{thing} {word}")));
            // `Service status | loaded`
            let bare =
                [" status", " state"].iter().find_map(|end| thing.to_lowercase().strip_suffix(end).map(str::to_owned));
            names.extend(bare.map(|thing| format!("{thing} {target}")));
        }
    }
    names.push(criterion.metric.clone());
    names.extend(bases.iter().cloned());
    names.extend(bases.iter().filter_map(|base| without_verb(base, criterion)));
    if says_one_thing {
        match &criterion.compiled {
            Target::None { noun } => names.push(noun.clone()),
            Target::Compare { unit: Unit::Count { noun: Some(noun) }, .. } => {
                names.push(noun.clone());
                // `at least 1 row exported`
                names.extend(noun.split_once(' ').map(|(thing, done)| format!("{thing}s {done}")));
            }
            Target::Schedule { .. } => names.push("schedule".to_owned()),
            _ => {}
        }
    }
    if let (Target::All { .. } | Target::Ready { .. }, Target::All { .. }) =
        (&criterion.compiled, target::compile("", &criterion.metric))
    {
        names.extend(counted_in_all(&criterion.metric).map(str::to_owned));
    }
    names
}

/// `metric` without the brackets at its end, where nothing but paths, service labels and the like stand in them. Any other
/// word may say that something else is meant (`File size (uncompressed)`).
fn without_named(metric: &str) -> Option<String> {
    let text = metric.trim_end().replace(['*', '`'], "").replace('（', "(").replace('）', ")");
    let (before, inside) = text.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let words = inside.split([' ', ',', ';']).filter(|word| !word.is_empty());
    let is_named = !inside.trim().is_empty() && words.clone().all(|word| subject::names_in(word) == [word]);
    (is_named && !before.trim().is_empty()).then(|| before.trim().to_owned())
}

/// `metric` without the label of a service that stands in it, which is what it is called; a label alone is a service's.
fn without_label(metric: &str) -> Option<String> {
    let is_label = |word: &&str| is_service_label(word.trim_matches(['(', ')', ':', ',']));
    let (labels, words): (Vec<&str>, Vec<&str>) = metric.split_whitespace().partition(is_label);
    match words.as_slice() {
        _ if labels.is_empty() => None,
        [] => Some("LaunchAgent".to_owned()),
        words => Some(words.join(" ")),
    }
}

/// `Redis returns | PONG` is of Redis, `LaunchAgent exits with | 0` of its exit code: the metric without the verb that leads on
/// to its target. `reports` is none: `Test reports | OK` may be of reports.
fn without_verb(metric: &str, criterion: &Criterion) -> Option<String> {
    let without = |verbs: &[&str]| verbs.iter().find_map(|verb| metric.strip_suffix(verb)).map(str::to_owned);
    match &criterion.compiled {
        Target::Ready { .. } => without(&[" returns", " answers"]),
        Target::Compare { unit: Unit::Count { .. }, .. } => {
            without(&[" exits with", " exits"]).map(|thing| format!("{thing} exit code"))
        }
        _ => None,
    }
}

/// Whether a target asks for no more than `bound` says: the smallest of several files may be what `Min file size | ≤ 5 MB` means.
fn limits(target: &Target, bound: Comparator) -> bool {
    let Target::Compare { comparator, .. } = target else { return false };
    match bound {
        Comparator::AtMost => matches!(comparator, Comparator::Less | Comparator::AtMost),
        _ => matches!(comparator, Comparator::Greater | Comparator::AtLeast),
    }
}

/// `every 5 minutes`.
fn is_interval(target: &Target) -> bool {
    matches!(target, Target::Compare { comparator: Comparator::About, unit: Unit::Time, .. })
}

/// What is made or runs, without that it is or does.
fn without_making(metric: &str) -> Option<&str> {
    let thing = [" generated", " created", " written", " produced", " runs"]
        .iter()
        .find_map(|made| metric.strip_suffix(made))?;
    Some([" are", " is"].iter().find_map(|verb| thing.strip_suffix(verb)).unwrap_or(thing))
}

/// What of its subject a target asks for.
fn facets(target: &Target) -> &'static [&'static str] {
    match target {
        Target::Compare { unit: Unit::Time, .. } | Target::Range { unit: Unit::Time, .. } => &["interval", "duration"],
        Target::Compare { unit: Unit::Bytes, .. } | Target::Range { unit: Unit::Bytes, .. } => &["size"],
        Target::Schedule { .. } => &["schedule", "interval"],
        Target::Automatic => &["runs"],
        Target::All { .. } => &["passed"],
        Target::Compare { unit: Unit::Count { noun: Some(noun) }, .. } if noun == "exit code" => &["exit code"],
        _ => &[],
    }
}

/// What `All tests pass` counts.
fn counted_in_all(metric: &str) -> Option<&'static str> {
    let folded = fold(metric);
    let has = |word: &str| folded.split(' ').any(|one| one == word);
    [("tests", "tests passed"), ("checks", "checks passed")].iter().find(|(word, _)| has(word)).map(|(_, label)| *label)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::evidence::{Declaration, Kind};
    use crate::order::CriterionSource;

    static KNOWN: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::new(DECLARATIONS));

    const DECLARATIONS: &[Declaration] = &[
        Declaration::new("export.file_size", &["File size", "Output size"], ""),
        Declaration::new("export.schema_mismatches", &["Schema errors", "Errors", "file write errors"], ""),
        Declaration::new("export.schema_consistency", &["Schema consistency", "Both"], ""),
        Declaration::new("other.both", &["both!"], ""),
        Declaration::new("monitor.health", &["Health checks"], ""),
        Declaration::new("monitor.health.p95", &["Health checks p95"], ""),
        Declaration::new("monitor.uptime.<check>", &[], ""),
        Declaration::new("export.live", &["Export", "Export run"], "").of(Kind::State),
        Declaration::new("export.duration", &["Export duration"], "").of(Kind::Duration),
        Declaration::new("loop.interval", &["Exports interval"], "").of(Kind::Duration),
        Declaration::new("service.exit", &["LaunchAgent exit code"], "").of(Kind::Count("")),
        Declaration::new("export.schedule", &["Schedule", "Export schedule"], "").of(Kind::Schedule),
        Declaration::new("export.coverage", &["Tests passed"], "").of(Kind::Ratio),
        Declaration::new("service.loaded", &["LaunchAgent loaded"], "").of(Kind::State),
        Declaration::new("service.runs", &["LaunchAgent", "Job loop", "com.02luka.job"], "")
            .of(Kind::Runs)
            .loaded_by("service.loaded"),
        Declaration::new("export.unreadable", &["Lost rows"], "").of(Kind::Count("errors")),
    ];

    fn criterion(metric: &str, target: &str) -> Criterion {
        Criterion {
            metric: metric.to_owned(),
            target: target.to_owned(),
            compiled: target::compile(metric, target),
            measured_by: None,
            source: CriterionSource::Table,
            span: 0..0,
            whose: Vec::new(),
        }
    }

    fn bound(metric: &str, target: &str, bindings: &[(&str, &str)]) -> String {
        let bindings = bindings.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        match Binder::new(&bindings, &KNOWN).bind(&criterion(metric, target)) {
            Binding::Bound { key, by } => format!("{key} by {by:?}"),
            Binding::Ambiguous(keys) => format!("ambiguous {}", keys.join(" ")),
            Binding::None => "none".to_owned(),
        }
    }

    #[test]
    fn a_metric_is_bound_or_nothing_is_guessed() {
        for (metric, target, bindings, expect) in [
            ("File size", "≤ 5 MB", &[][..], "export.file_size by Alias"),
            ("📦 **FILE-SIZE**", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("Ｆｉｌｅ size", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("export.file_size", "≤ 5 MB", &[], "export.file_size by Key"),
            ("`export.file_size`", "≤ 5 MB", &[], "export.file_size by Key"),
            ("File size", "≤ 5 MB", &[("file size", "other.key")], "other.key by Bindings"),
            ("File size", "≤ 5 MB", &[("File size", "a.b"), ("file-size", "c.d")], "ambiguous a.b c.d"),
            ("Both", "OK", &[], "ambiguous export.schema_consistency other.both"),
            ("File sizes", "≤ 5 MB", &[], "none"),
            ("Max. output size", "5 MB", &[], "export.file_size by Alias"),
            ("File size (max)", "5 MB", &[], "export.file_size by Alias"),
            ("File size max", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("The minimum file size", "1 kB", &[], "export.file_size by Alias"),
            ("Min lost rows", "1", &[], "export.unreadable by Alias"),
            ("Min file size", "≤ 5 MB", &[], "none"),
            ("Max file size", "OK", &[], "none"),
            ("Uncompressed file size", "≤ 5 MB", &[], "none"),
            ("File size (uncompressed)", "≤ 5 MB", &[], "none"),
            ("File size (g/analytics/x.parquet)", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("**File size** (`g/analytics/x.parquet`, g/a.json)", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("File size (of g/analytics/x.parquet)", "≤ 5 MB", &[], "none"),
            ("File size (ขนาดไฟล์)", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("**ขนาดไฟล์** (File size)", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("ขนาดไฟล์ / Output size", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("ขนาดไฟล์ (File size)", "≤ 5 MB", &[("ขนาดไฟล์", "other.key")], "other.key by Bindings"),
            ("เอเจนต์ (LaunchAgent)", "loaded", &[], "service.loaded by Alias"),
            ("File size (ไม่บีบอัด)", "≤ 5 MB", &[], "none"),
            ("", "≤ 5 MB", &[], "none"),
            ("Health checks < 200ms", "p95", &[], "monitor.health.p95 by Alias"),
            ("Health checks < 200ms", "", &[], "monitor.health by Alias"),
            ("Health checks", "p50 < 200ms", &[], "monitor.health by Alias"),
            ("no file write errors", "no file write errors", &[], "export.schema_mismatches by Alias"),
            ("0 errors", "0 errors", &[], "export.schema_mismatches by Alias"),
            ("LaunchAgent", "loaded", &[], "service.loaded by Alias"),
            ("LaunchAgent", "running", &[], "service.runs by Alias"),
            ("The LaunchAgent", "loaded", &[], "service.loaded by Alias"),
            ("LaunchAgent `com.02luka.job`", "loaded", &[], "service.loaded by Alias"),
            ("The LaunchAgent `com.02luka.other`", "loaded", &[], "service.loaded by Alias"),
            ("LaunchAgent (`com.02luka.job`)", "loaded", &[], "service.loaded by Alias"),
            ("`com.02luka.job`", "loaded", &[], "service.loaded by Alias"),
            ("com.02luka.other", "loaded", &[], "service.loaded by Alias"),
            ("LaunchAgent `com.02luka.digest`", "loaded", &[], "none"),
            ("com.02luka.optimizer", "loaded", &[], "none"),
            ("Job loop", "installed", &[], "service.loaded by Alias"),
            ("com.02luka.job", "runs automatically", &[], "service.runs by Alias"),
            ("LaunchAgent com.02luka.other", "running", &[], "service.runs by Alias"),
            ("LaunchAgent loaded", "yes", &[], "service.loaded by Alias"),
            ("LaunchAgent running", "✅", &[], "service.runs by Alias"),
            ("LaunchAgent status", "Loaded", &[], "service.loaded by Alias"),
            ("The file size", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("A file size", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("An export", "< 5 s", &[], "export.duration by Alias"),
            ("Health checks returns", "OK", &[], "monitor.health by Alias"),
            ("The export answers", "OK", &[], "export.live by Alias"),
            ("Export returns", "≥ 5", &[], "none"),
            ("Export reports", "OK", &[], "none"),
            ("Health checks exits with", "0", &[], "none"),
            ("LaunchAgent exits with", "0", &[], "service.exit by Alias"),
            ("LaunchAgent exits", "0", &[], "service.exit by Alias"),
            ("LaunchAgent exits with", "OK", &[], "none"),
            ("Exports are written", "every 5 min", &[], "loop.interval by Alias"),
            ("Exports written", "every 5 min", &[], "loop.interval by Alias"),
            ("Exports written", "≥ 5", &[], "none"),
            ("LaunchAgent running", "no", &[], "none"),
            ("LaunchAgent running", "≥ 1", &[], "none"),
            ("Old LaunchAgent running", "yes", &[], "none"),
            ("Lost rows exist", "yes", &[], "none"),
            ("Export", "success", &[], "export.live by Alias"),
            ("Export", "< 5 s", &[], "export.duration by Alias"),
            ("Export", "≤ 5 MB", &[], "export.live by Alias"),
            ("Output", "≤ 5 MB", &[], "export.file_size by Alias"),
            ("Export", "daily at 02:30", &[], "export.schedule by Alias"),
            ("Runs daily at 02:30", "Runs daily at 02:30", &[], "export.schedule by Alias"),
            ("Backup daily at 02:30", "Backup daily at 02:30", &[], "none"),
            ("All tests pass", "All tests pass", &[], "export.coverage by Alias"),
            ("All tests pass", "15/15", &[], "export.coverage by Alias"),
            ("monitor.uptime.redis", "> 80%", &[], "monitor.uptime.redis by Key"),
            ("monitor.uptime.", "> 80%", &[], "none"),
        ] {
            assert_eq!(bound(metric, target, bindings), expect, "{metric}");
        }
    }

    #[test]
    fn a_bare_metric_is_bound_alike() {
        let bound = |metric: &str| bind(metric, &BTreeMap::new(), &KNOWN);
        let expect = Binding::Bound { key: "export.file_size".to_owned(), by: BoundBy::Alias };
        assert_eq!(bound("📦 **FILE – SIZE**"), expect);
        assert_eq!(bound("file size of another file"), Binding::None);
        assert_eq!(bound(""), Binding::None);
    }

    #[test]
    fn near_labels_are_hints() {
        let binder = Binder::new(&BTreeMap::new(), &KNOWN);
        assert_eq!(binder.near("The size of a file"), ["export.file_size", "export.schema_mismatches"]);
        assert!(binder.near("zzz").is_empty());
    }
}
