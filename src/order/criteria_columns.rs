//! Which column of a table says what, by its header.
//!
//! What must hold: a column that restricts what must hold is one of those known here, or, where its cells compare, it is
//! told that it was not read.

use super::demand::{
    COMPARATOR, CONDITION, Demand, GREATEST, LEAST, MEASURED_BY, PER, SETTING, STATISTIC, TARGET, TOLERANCE, UNIT,
};
use super::fold;
use super::table::{Row, Table};
use super::target::{self, Narrowing, Target};

const METRIC: [&str; 9] = ["metric", "metrics", "criterion", "criteria", "check", "checks", "kpi", "ตัวชี้วัด", "เกณฑ์"];

/// Columns and keys whose cells name the thing that a criterion is of.
const THINGS: [&str; 9] =
    ["component", "service", "subject", "system", "subsystem", "module", "host", "application", "app"];

/// Columns that part criteria into groups, wherever they stand.
/// Headers of sentences, which say whose nothing is.
const PROSE: [&str; 14] = [
    "description",
    "requirement",
    "requirements",
    "goal",
    "purpose",
    "objective",
    "why",
    "reason",
    "rationale",
    "background",
    "step",
    "action",
    "note",
    "notes",
];

const GROUPS: [&str; 6] = ["category", "area", "group", "domain", "part", "section"];

/// Whether a header or a key says that a thing is named below it.
pub(super) fn names_thing(name: &str) -> bool {
    THINGS.contains(&name)
}

/// What is or was, not what must be.
const SEEN: [&str; 20] = [
    "", "no", "id", "nr", "status", "actual", "result", "results", "state", "done", "current", "baseline", "previous",
    "before", "today", "now", "verdict", "measured", "outcome", "last run",
];

/// Words of headers that hold another kind of target than the one that must hold.
const OTHER_TARGET: [&str; 17] = [
    "warning",
    "warn",
    "critical",
    "alert",
    "alarm",
    "stretch",
    "ideal",
    "nice",
    "optional",
    "aspirational",
    "previous",
    "old",
    "last",
    "former",
    "date",
    "deadline",
    "current",
];

/// `Target system`, `Target phase`: what the work is aimed at, not what it must reach.
const AIMED_AT: [&str; 24] = [
    "met",
    "reached",
    "achieved",
    "source",
    "by",
    "day",
    "phase",
    "milestone",
    "release",
    "version",
    "system",
    "environment",
    "env",
    "host",
    "platform",
    "file",
    "path",
    "audience",
    "user",
    "users",
    "group",
    "quarter",
    "owner",
    "folder",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Metric,
    /// The less, the more surely the target.
    Target(u8),
    Least,
    Greatest,
    Comparator,
    Unit,
    Tolerance,
    Statistic,
    /// `P95`, `Median`: a target of that statistic.
    OfStatistic,
    Per,
    Condition,
    MeasuredBy,
    Seen,
    Other,
}

fn kind(name: &str) -> Kind {
    let is = |known: &[&str]| known.contains(&name);
    let last = name.rsplit(' ').next().unwrap_or("");
    let ends = |known: &[&str]| known.contains(&last);
    match () {
        () if is(&COMPARATOR) => Kind::Comparator,
        () if is(&UNIT) => Kind::Unit,
        () if is(&LEAST) => Kind::Least,
        () if is(&GREATEST) => Kind::Greatest,
        () if is(&TOLERANCE) => Kind::Tolerance,
        () if is(&STATISTIC) || ends(&["statistic", "percentile"]) => Kind::Statistic,
        () if is(&PER) => Kind::Per,
        () if is(&CONDITION) || ends(&["condition", "conditions", "window"]) => Kind::Condition,
        () if is(&SEEN) => Kind::Seen,
        () if names_statistic(name) => Kind::OfStatistic,
        () => match target_rank(name) {
            Some(rank) => Kind::Target(rank),
            None if is(&METRIC) || ends(&METRIC) => Kind::Metric,
            None if is(&MEASURED_BY) => Kind::MeasuredBy,
            None => Kind::Other,
        },
    }
}

/// `P95`, `Median (ms)`, `P99 latency`, but not `Target (P95)`, which is a target first.
fn names_statistic(name: &str) -> bool {
    let mut words = name.split(' ');
    let is_seen = words.clone().any(|word| ["now", "today", "actual", "current"].contains(&word));
    words.next().is_some_and(is_statistic) && target_rank(name).is_none() && !is_seen
}

/// The statistic that a header says its column is of, as it stands there: `P95`, `Target (median)`.
fn statistic_of(header: &str) -> Option<String> {
    let name = fold::inline(header);
    let mut words = name.split(|c: char| c.is_whitespace() || "()[]/,:".contains(c));
    words.find(|word| is_statistic(word)).map(str::to_owned)
}

/// `P1` is a priority.
fn is_statistic(word: &str) -> bool {
    let is_priority = word.len() == 2 && word.starts_with(['p', 'P']);
    !is_priority && target::statistic_alone(word).is_some()
}

/// A value below such a header: `< 5 s` is `p95 < 5 s`. What says another statistic itself is of none that can be judged.
fn of_statistic(header: &str, value: String) -> String {
    let Some(statistic) = statistic_of(header) else { return value };
    let own = value.split_whitespace().next().and_then(target::statistic_alone);
    let is_said = own.is_some() && own == target::statistic_alone(&statistic);
    let text = target::normalize(&value);
    let compares = target::comparison_in(&text).is_some() || text.starts_with(|c: char| c.is_ascii_digit());
    if is_said || !compares { value } else { format!("{statistic} {value}") }
}

/// `Target`, `Expected`, `Success target`, `Target (max)`, `Expected outcome`.
fn target_rank(name: &str) -> Option<u8> {
    if ["target", "targets"].contains(&name) {
        return Some(0);
    }
    // the least sure: what is hoped for
    if ["goal", "goals", "expectation"].contains(&name) {
        return Some(4);
    }
    if TARGET.contains(&name) {
        return Some(1);
    }
    let words: Vec<&str> = name.split(' ').collect();
    let is_other = words.iter().any(|word| OTHER_TARGET.contains(word))
        || matches!(words.as_slice(), ["target" | "targets" | "expected", what] if AIMED_AT.contains(what));
    let first = words.first().copied().unwrap_or("");
    let last = words.last().copied().unwrap_or("");
    match () {
        () if is_other => None,
        () if ["impact", "outcome", "outcomes", "benefit", "benefits", "effect"].contains(&last) && first != last => {
            Some(4)
        }
        () if ["target", "targets", "expected"].contains(&first) => Some(2),
        () if ["target", "targets", "threshold", "goal"].contains(&last) => Some(3),
        () => None,
    }
}

/// Whether a table holds criteria by its header alone.
pub(crate) fn is_criteria_table(table: &Table) -> bool {
    metric_and_target(&kinds(table)).is_some()
}

/// Whether the first line of a table names columns: at least two that are known here.
pub(crate) fn names_columns(table: &Table) -> bool {
    kinds(table).iter().filter(|kind| **kind != Kind::Other).count() > 1
}

/// Whether columns of the table say what was found when somebody looked.
pub(super) fn has_results(table: &Table) -> bool {
    const FOUND: [&str; 7] = ["actual", "result", "results", "status", "measured", "verdict", "outcome"];
    let is_open = |text: &str| {
        target::is_blank(text)
            || text.contains(['☐', '⬜', '…'])
            || matches!(fold::fold(text).as_str(), "" | "pending" | "tbd" | "todo" | "open" | "unknown")
    };
    let is_found = |column: usize| {
        let name = table.header.get(column).map(|cell| fold::heading(&cell.text));
        name.is_some_and(|name| FOUND.contains(&name.as_str()))
    };
    (0..table.header.len())
        .filter(|column| is_found(*column))
        .any(|column| table.rows.iter().any(|row| row.cells.get(column).is_some_and(|cell| !is_open(&cell.raw))))
}

fn kinds(table: &Table) -> Vec<Kind> {
    let kind = |text: &str| match header_sign(text) {
        Some("≤" | "<=") if fold::fold(text).is_empty() => Kind::Greatest,
        Some("≥" | ">=") if fold::fold(text).is_empty() => Kind::Least,
        _ => kind(&fold::heading(text)),
    };
    table.header.iter().map(|cell| kind(&cell.text)).collect()
}

/// The comparator that a header says of its column: `Target (≤)`, `≥`. `≤ 5 MB` is a target, in a first line that is a row.
fn header_sign(header: &str) -> Option<&'static str> {
    let header = target::normalize(header);
    let header = header.trim_matches(['(', ')', '[', ']', ' ']);
    if header.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // longest first
    ["<=", ">=", "≤", "≥", "<", ">"].into_iter().find(|sign| header.ends_with(sign) || header.starts_with(sign))
}

/// Whether a header is the name of a limit and no more: `Max`, `Minimum value`.
pub(crate) fn is_limit(header: &str) -> bool {
    matches!(kind(&fold::heading(header)), Kind::Least | Kind::Greatest)
}

/// The comparator of the limit that a header of targets names: `Limit`, `Expected max`, `Target (≤)`, `Size limit (kB)`.
pub(crate) fn limit_of(header: &str) -> Option<&'static str> {
    let name = fold::heading(header);
    let words: Vec<&str> = name.split(' ').collect();
    // `lower limit` is none of the most
    let runs = (1..=words.len()).rev().flat_map(|length| words.windows(length)).map(|run| run.join(" "));
    header_sign(header).or_else(|| {
        runs.map(|run| kind(&run)).find_map(|kind| match kind {
            Kind::Least => Some("≥"),
            Kind::Greatest => Some("≤"),
            _ => None,
        })
    })
}

fn metric_and_target(kinds: &[Kind]) -> Option<(usize, usize)> {
    let ranks = kinds.iter().enumerate().filter_map(|(n, kind)| match kind {
        Kind::Target(rank) => Some((*rank, n)),
        _ => None,
    });
    let (_, target) = ranks.min()?;
    let metric = kinds.iter().position(|kind| *kind == Kind::Metric)?;
    Some((metric, target))
}

/// Where a row says what.
pub(super) struct Columns {
    pub metric: usize,
    pub target: Option<usize>,
    /// The header names metric and target itself.
    pub are_named: bool,
    kinds: Vec<Kind>,
    headers: Vec<String>,
}

impl Columns {
    /// In an acceptance section the first two columns serve where the header has other names.
    pub fn of(table: &Table, in_acceptance: bool) -> Option<Columns> {
        let kinds = kinds(table);
        let position = |wanted: Kind| kinds.iter().position(|kind| *kind == wanted);
        let serves = |kind: &Kind| matches!(kind, Kind::Metric | Kind::Other | Kind::Target(_));
        // what stands for the target where nothing better does
        let may_serve = |kind: &Kind| !matches!(kind, Kind::Seen | Kind::Comparator | Kind::Unit);
        let limits = || {
            let metric = position(Kind::Metric).or_else(|| kinds.iter().position(serves))?;
            let is_limit = |kind: &Kind| matches!(kind, Kind::Least | Kind::Greatest | Kind::OfStatistic);
            kinds.iter().any(is_limit).then_some((metric, None))
        };
        let first_two = |serves: &dyn Fn(&Kind) -> bool| {
            let mut columns = kinds.iter().enumerate().filter(|(_, kind)| serves(kind)).map(|(n, _)| n);
            Some((columns.next()?, Some(columns.next()?)))
        };
        let by_header = metric_and_target(&kinds).map(|(metric, target)| (metric, Some(target)));
        let named = by_header.or_else(|| in_acceptance.then(limits).flatten());
        let are_named = named.is_some();
        let guessed = || first_two(&serves).or_else(|| first_two(&may_serve));
        let (metric, target) = named.or_else(|| in_acceptance.then(guessed).flatten())?;
        let headers = table.header.iter().map(|cell| cell.text.clone()).collect();
        Some(Columns { metric, target, are_named, kinds, headers })
    }

    /// What is taken for the header, where it states a criterion itself, so that the table has none: `File size | ≤ 5 MB`.
    pub fn header_row(&self, table: &Table) -> Option<Row> {
        let text = |column: usize| table.header.get(column).map_or("", |cell| cell.text.as_str());
        let (metric, target) = (text(self.metric), text(self.target?));
        let is_year = target.len() == 4 && target.chars().all(|c| c.is_ascii_digit());
        let is_number = target.contains(|c: char| c.is_ascii_digit()) && !is_year;
        let is_row = !self.are_named
            && self.kinds.get(self.metric) == Some(&Kind::Other)
            && is_number
            && !matches!(
                target::compile(metric, target),
                Target::Unclear { .. } | Target::Category { .. } | Target::Ready { .. }
            );
        let span = || Some(table.header.first()?.span.start..table.header.last()?.span.end);
        is_row.then(span).flatten().map(|span| Row { cells: table.header.clone(), span, overflows: false })
    }

    fn others(&self, wanted: Kind) -> impl Iterator<Item = usize> {
        let is_free = move |n: &usize| *n != self.metric && Some(*n) != self.target;
        let columns = self.kinds.iter().enumerate().filter(move |(_, kind)| **kind == wanted);
        columns.map(|(n, _)| n).filter(is_free)
    }

    /// The columns that say whose the rows are, and whether each names things: those before the metric, and those called so.
    pub fn whose(&self) -> Vec<(usize, bool)> {
        let heads = self.others(Kind::Other).filter_map(|column| {
            let name = fold::heading(self.headers.get(column)?);
            let is_thing = names_thing(&name);
            let is_before = column < self.metric && !PROSE.contains(&name.as_str());
            (is_thing || is_before || GROUPS.contains(&name.as_str())).then_some((column, is_thing))
        });
        heads.collect()
    }

    pub fn measured_by<'r>(&self, row: &'r Row) -> Option<&'r str> {
        self.others(Kind::MeasuredBy).map(|column| cell(row, Some(column))).find(|text| !text.is_empty())
    }

    /// What narrows each target of the row.
    pub fn demand(&self, row: &Row) -> Demand {
        let texts = |kind: Kind| self.others(kind).map(|column| cell(row, Some(column)).to_owned()).collect::<Vec<_>>();
        let one = |kind: Kind| cell(row, self.others(kind).next()).to_owned();
        let conditions = self
            .others(Kind::Condition)
            .map(|column| (self.headers.get(column).cloned().unwrap_or_default(), cell(row, Some(column)).to_owned()));
        // `Condition | ≤` is the comparator of the target
        let is_sign =
            |text: &str| matches!(target::normalize(text).as_str(), "<" | "≤" | "<=" | ">" | "≥" | ">=" | "=");
        let (signs, conditions): (Vec<_>, Vec<_>) = conditions.partition(|(_, text)| is_sign(text));
        let is_setting = |name: &str| SETTING.contains(&fold::heading(name).as_str());
        let (settings, conditions): (Vec<_>, Vec<_>) = conditions.into_iter().partition(|(name, _)| is_setting(name));
        let sign = signs.into_iter().map(|(_, text)| text).next().unwrap_or_default();
        let of_header = || self.target.and_then(|column| header_sign(self.headers.get(column)?)).unwrap_or_default();
        let signs = [one(Kind::Comparator), sign, of_header().to_owned()];
        Demand {
            comparator: signs.into_iter().find(|sign| !sign.is_empty()).unwrap_or_default(),
            unit: one(Kind::Unit),
            tolerance: one(Kind::Tolerance),
            narrowing: Narrowing {
                statistics: texts(Kind::Statistic),
                periods: texts(Kind::Per),
                conditions: conditions.into_iter().map(|(_, text)| text).collect(),
                settings,
            },
        }
    }

    /// What each row asks for: its target, its limits, and what further columns of targets say.
    pub fn targets(&self, row: &Row, demand: &Demand) -> Vec<String> {
        let limits = [(Kind::Least, "≥"), (Kind::Greatest, "≤")].into_iter().flat_map(|(kind, sign)| {
            let values = self.others(kind).map(|column| cell(row, Some(column))).filter(|text| !target::is_blank(text));
            values.map(move |value| demand.limit(sign, value)).collect::<Vec<_>>()
        });
        let limits: Vec<String> = limits.collect();
        let own = cell(row, self.target);
        let header = |column: usize| self.headers.get(column).map_or("", String::as_str);
        let further = self.further(row, own).map(|(column, value)| of_statistic(header(column), demand.target(value)));
        // beside a target a number there may be what was seen; what compares asks
        let asks = |text: &str| !target::is_blank(text) && (self.target.is_none() || target::begins_comparison(text));
        let of_many = self.others(Kind::OfStatistic).map(|column| (column, cell(row, Some(column))));
        let of_many = of_many.filter(|(_, text)| asks(text));
        let of_many = of_many.map(|(column, value)| of_statistic(header(column), demand.target(value)));
        let more: Vec<String> = limits.into_iter().chain(of_many).chain(further).collect();
        if own.is_empty() && !more.is_empty() {
            return more;
        }
        let own = of_statistic(self.target.map_or("", header), demand.target(own));
        std::iter::once(own).chain(more).collect()
    }

    /// `Target (MVP)` beside `Target (GA)`. Prose in a column such as Goal says what is hoped for, not what must hold.
    fn further<'s, 'r>(&'s self, row: &'r Row, own: &'r str) -> impl Iterator<Item = (usize, &'r str)> + use<'s, 'r> {
        let columns = self.kinds.iter().enumerate().filter_map(|(n, kind)| match kind {
            Kind::Target(rank) if Some(n) != self.target && n != self.metric => Some((n, *rank)),
            _ => None,
        });
        columns.filter_map(move |(column, rank)| {
            let value = cell(row, Some(column));
            let is_new = !target::is_blank(value) && target::normalize(value) != target::normalize(own);
            // `Target (GA)` is a target whatever it holds
            let is_sure = rank == 0 || self.headers.get(column).is_some_and(|header| header.contains('('));
            let counts = is_sure || (rank < 4 && target::is_blank(own)) || is_further(own, value);
            (is_new && counts).then_some((column, value))
        })
    }

    /// Columns that nothing is read from though some of their cells compare, with such a cell.
    pub fn unread<'t>(&self, table: &'t Table) -> Vec<(usize, &'t str)> {
        let is_unread = |n: &usize| {
            *n != self.metric
                && Some(*n) != self.target
                && matches!(self.kinds.get(*n), Some(Kind::Other | Kind::Metric))
        };
        let columns = (0..self.kinds.len()).filter(is_unread);
        columns
            .filter_map(|column| {
                let cells = table.rows.iter().map(move |row| cell(row, Some(column)));
                cells.into_iter().find(|text| target::begins_comparison(text)).map(|text| (column, text))
            })
            .collect()
    }
}

/// Whether a second value beside a target asks for something too: it compares, is a schedule, or says a number of the kind
/// that the target is of. `High`, `GG`, a date do not.
pub(super) fn is_further(own: &str, value: &str) -> bool {
    match target::compile("", value) {
        Target::Schedule { .. } | Target::Range { .. } | Target::Statistic { .. } => true,
        Target::Compare { .. } if target::begins_comparison(value) => true,
        Target::Compare { unit, .. } => {
            matches!(target::compile("", own), Target::Compare { unit: own, .. } if std::mem::discriminant(&own) == std::mem::discriminant(&unit))
        }
        _ => target::comparison_in(&target::normalize(value)).is_some(),
    }
}

fn cell(row: &Row, column: Option<usize>) -> &str {
    column.and_then(|column| row.cells.get(column)).map_or("", |cell| cell.text.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_targets_may_name_a_limit() {
        for (header, expect) in [
            ("Limit", Some("≤")),
            ("**Limit** (kB)", Some("≤")),
            ("Expected max", Some("≤")),
            ("Size limit", Some("≤")),
            ("Lower limit", Some("≥")),
            ("Required minimum", Some("≥")),
            ("Target (min)", Some("≥")),
            ("Target (≥)", Some("≥")),
            ("Target", None),
            ("Threshold", None),
            ("Expected", None),
        ] {
            assert_eq!(limit_of(header), expect, "{header}");
        }
    }

    #[test]
    fn columns_are_known_by_their_names() {
        for (header, expect) in [
            ("Metric", Kind::Metric),
            ("Success metric", Kind::Metric),
            ("Target", Kind::Target(0)),
            ("Expected", Kind::Target(1)),
            ("Target (GA)", Kind::Target(2)),
            ("Success threshold", Kind::Target(3)),
            ("Warning threshold", Kind::Other),
            ("Target date", Kind::Other),
            ("Target system", Kind::Other),
            ("Stretch target", Kind::Other),
            ("Hard limit", Kind::Greatest),
            ("Must not exceed", Kind::Greatest),
            ("Upper bound", Kind::Greatest),
            ("Min", Kind::Least),
            ("Statistic", Kind::Statistic),
            ("Per", Kind::Per),
            ("Load condition", Kind::Condition),
            ("Window", Kind::Condition),
            ("Scope", Kind::Condition),
            ("Tolerance", Kind::Tolerance),
            ("Measurement", Kind::MeasuredBy),
            ("Actual", Kind::Seen),
            ("Baseline", Kind::Seen),
            ("P95", Kind::OfStatistic),
            ("p99.9 (ms)", Kind::OfStatistic),
            ("Median", Kind::OfStatistic),
            ("Avg", Kind::OfStatistic),
            ("P95 target", Kind::Target(3)),
            ("P1", Kind::Other),
            ("P95 now", Kind::Other),
            ("Owner", Kind::Other),
            ("Why", Kind::Other),
        ] {
            assert_eq!(kind(&fold::heading(header)), expect, "{header}");
        }
    }
}
