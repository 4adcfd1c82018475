//! Acceptance criteria from tables: which columns say what, and a criterion for each row.
//!
//! What must hold: no column that says what must hold is passed over: a comparator, a unit, a least or a greatest value of
//! its own belongs to the target.

use super::criteria::add;
use super::draft::Draft;
use super::fold;
use super::model::CriterionSource;
use super::source::Remark;
use super::table::{Cell, Row, Table};
use super::target;

const METRIC: [&str; 9] = ["metric", "metrics", "criterion", "criteria", "check", "checks", "kpi", "ตัวชี้วัด", "เกณฑ์"];
pub(super) const TARGET: [&str; 10] = [
    "target",
    "targets",
    "expected",
    "expectation",
    "goal",
    "threshold",
    "expected result",
    "target value",
    "expected value",
    "เป้าหมาย",
];
pub(super) const MEASURED_BY: [&str; 9] =
    ["measurement", "measured by", "method", "how", "measure", "how measured", "verification", "how to verify", "วิธีวัด"];
/// Folded names of columns, of keys in front matter too, that hold the comparator alone.
pub(crate) const COMPARATOR: [&str; 7] = ["operator", "op", "comparator", "comparison", "compare", "relation", "cmp"];
pub(crate) const UNIT: [&str; 3] = ["unit", "units", "หน่วย"];
pub(crate) const LEAST: [&str; 5] = ["min", "minimum", "least", "at least", "lower limit"];
pub(crate) const GREATEST: [&str; 5] = ["max", "maximum", "most", "at most", "upper limit"];

/// Whether a table holds criteria by its header alone.
pub(crate) fn is_criteria_table(table: &Table) -> bool {
    metric_and_target(&names(table)).is_some()
}

fn names(table: &Table) -> Vec<String> {
    table.header.iter().map(|cell| fold::heading(&cell.text)).collect()
}

fn metric_and_target(names: &[String]) -> Option<(usize, usize)> {
    // `Success metric`, `Target (max)`, `Expected outcome`
    let first = |name: &str| name.split(' ').next().unwrap_or("").to_owned();
    let is_target = |name: &String| {
        TARGET.contains(&name.as_str())
            || ["target", "targets", "expected"].contains(&first(name).as_str())
            || ["target", "threshold", "goal"].contains(&last(name))
    };
    let target = names.iter().position(is_target)?;
    let metric = names.iter().enumerate().position(|(n, name)| n != target && is_metric(name))?;
    (metric != target).then_some((metric, target))
}

fn last(name: &str) -> &str {
    name.rsplit(' ').next().unwrap_or("")
}

fn is_metric(name: &str) -> bool {
    METRIC.contains(&name) || METRIC.contains(&last(name))
}

/// Where a row says what.
struct Columns {
    metric: usize,
    target: Option<usize>,
    least: Option<usize>,
    greatest: Option<usize>,
    comparator: Option<usize>,
    unit: Option<usize>,
    measured_by: Option<usize>,
    /// The header names metric and target itself.
    are_named: bool,
}

impl Columns {
    /// In an acceptance section the first two columns serve where the header has other names.
    fn of(table: &Table, in_acceptance: bool) -> Option<Columns> {
        let names = names(table);
        let named = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let (least, greatest) = (named(&LEAST), named(&GREATEST));
        let limits = || {
            let metric = names
                .iter()
                .position(|name| is_metric(name))
                .or_else(|| names.iter().position(|name| serves(name) && !is_limit(name)));
            (least.is_some() || greatest.is_some()).then_some(metric?).map(|metric| (metric, None))
        };
        let by_header = metric_and_target(&names).map(|(metric, target)| (metric, Some(target)));
        let are_named = by_header.is_some();
        let found = by_header.or_else(|| in_acceptance.then(limits).flatten());
        let are_named = are_named || found.is_some();
        let guessed = || {
            let mut columns = (0..names.len()).filter(|n| names.get(*n).is_some_and(|name| serves(name)));
            Some((columns.next()?, Some(columns.next()?)))
        };
        let (metric, target) = found.or_else(|| in_acceptance.then(guessed).flatten())?;
        let other = |known: &[&str]| named(known).filter(|column| *column != metric && Some(*column) != target);
        Some(Columns {
            metric,
            target,
            least: least.filter(|column| Some(*column) != target && *column != metric),
            greatest: greatest.filter(|column| Some(*column) != target && *column != metric),
            comparator: other(&COMPARATOR),
            unit: other(&UNIT),
            measured_by: other(&MEASURED_BY),
            are_named,
        })
    }

    /// What each row asks for: its target, and its limits.
    fn targets(&self, row: &Row) -> Vec<String> {
        let text = |column: Option<usize>| {
            column.and_then(|column| row.cells.get(column)).map_or("", |cell| cell.text.as_str())
        };
        let unit = text(self.unit);
        let limit = |column: Option<usize>, comparator: &str| {
            let value = text(column);
            (!matches!(value, "" | "-" | "–" | "—")).then(|| target::assemble(comparator, value, unit))
        };
        let limits: Vec<String> = limit(self.least, "≥").into_iter().chain(limit(self.greatest, "≤")).collect();
        let own = text(self.target);
        if own.is_empty() && !limits.is_empty() {
            return limits;
        }
        let own = target::assemble(text(self.comparator), own, unit);
        std::iter::once(own).chain(limits).collect()
    }
}

fn is_limit(name: &str) -> bool {
    LEAST.contains(&name) || GREATEST.contains(&name)
}

/// Whether a column may be the metric or the target though its header does not say so.
fn serves(name: &str) -> bool {
    let aside = ["", "no", "id", "nr", "status", "actual", "result", "state", "done"];
    !aside.contains(&name) && !COMPARATOR.contains(&name) && !UNIT.contains(&name)
}

/// The rows of a table.
pub(crate) fn from_table(draft: &mut Draft<'_>, table: &Table, in_acceptance: bool) {
    let Some(columns) = Columns::of(table, in_acceptance) else { return };
    draft.tables.push(table.span.clone());
    if !columns.are_named {
        tell_guess(draft, table, &columns);
    }
    if !table.has_rule {
        draft.remark(
            &table.span,
            Remark::note("table-rule", "the table has no line of dashes below its header").understood("a table"),
        );
    }
    let mut above = String::new();
    for row in &table.rows {
        let text = |column: usize| row.cells.get(column).map_or("", |cell: &Cell| cell.text.as_str());
        let metric = text(columns.metric).to_owned();
        let targets = columns.targets(row);
        if metric.is_empty() && targets.iter().all(String::is_empty) {
            continue;
        }
        if row.overflows {
            let remark = Remark::warning(
                "table-cells",
                format!("the row has {} cells, its header has {}", row.cells.len(), table.header.len()),
            )
            .understood(format!("`{metric}` must be `{}`", targets.join("` and `")))
            .cure("write `\\|` for a pipe within a cell");
            draft.remark(&row.span, remark);
        }
        // an empty metric goes on with the one above
        let metric = if metric.is_empty() { above.clone() } else { metric };
        above.clone_from(&metric);
        let measured_by = columns.measured_by.map(text).filter(|text| !text.is_empty()).map(str::to_owned);
        for target in targets {
            add(draft, &metric, &target, measured_by.clone(), CriterionSource::Table, row.span.clone());
        }
    }
}

fn tell_guess(draft: &mut Draft<'_>, table: &Table, columns: &Columns) {
    let header = |column: Option<usize>| {
        column.and_then(|column| table.header.get(column)).map_or("", |cell: &Cell| cell.text.as_str())
    };
    let understood =
        format!("`{}` is the metric, `{}` the target", header(Some(columns.metric)), header(columns.target));
    draft.remark(
        &table.span,
        Remark::note("table-header", "the table does not name its columns Metric and Target").understood(understood),
    );
}
