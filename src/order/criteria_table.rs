//! Acceptance criteria from tables: a criterion for each target of each row.

use super::criteria::{self, add_narrowed};
use super::criteria_columns::Columns;
use super::denial;
use super::draft::Draft;
use super::model::CriterionSource;
use super::source::Remark;
use super::table::{Cell, Table};
use super::{fold, item_id};

/// The rows of a table.
pub(crate) fn from_table(draft: &mut Draft<'_>, table: &Table, in_acceptance: bool) {
    let Some(columns) = Columns::of(table, in_acceptance) else { return };
    let header_row = columns.header_row(table).filter(|_| !table.goes_on);
    if table.goes_on {
        tell_apart(draft, table);
    } else {
        draft.tables.push(table.span.clone());
    }
    if header_row.is_some() {
        tell_no_header(draft, table);
    } else if !columns.are_named && !table.goes_on {
        tell_guess(draft, table, &columns);
    }
    if !table.has_rule {
        draft.remark(
            &table.span,
            Remark::note("table-rule", "the table has no line of dashes below its header").understood("a table"),
        );
    }
    tell_unread(draft, table, &columns);
    // `Metric | Fail if`
    let headers = [Some(columns.metric), columns.target].into_iter().flatten();
    let by = headers.filter_map(|column| table.header.get(column)).find_map(|cell| denial::of_label(&cell.text));
    let outer = draft.deny(by);
    let mut above = String::new();
    let whose = columns.whose();
    let mut heads: Vec<String> = vec![String::new(); whose.len()];
    for row in header_row.iter().chain(&table.rows) {
        let text = |column: usize| row.cells.get(column).map_or("", |cell: &Cell| cell.text.as_str());
        if row.cells.get(columns.metric).is_some_and(|cell| fold::is_withdrawn(&cell.raw)) {
            criteria::tell_withdrawn(draft, &row.span);
            continue;
        }
        let metric = item_id::without(text(columns.metric)).into_owned();
        let demand = columns.demand(row);
        let targets = columns.targets(row, &demand);
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
        // an empty cell goes on with the one above it
        for ((column, _), head) in whose.iter().zip(&mut heads) {
            let own = text(*column);
            if !own.is_empty() {
                own.clone_into(head);
            }
        }
        let around = draft.around();
        whose.iter().zip(&heads).for_each(|((_, is_thing), head)| draft.head(head, *is_thing));
        // an empty metric goes on with the one above
        let metric = if metric.is_empty() { above.clone() } else { metric };
        above.clone_from(&metric);
        let measured_by = columns.measured_by(row).map(str::to_owned);
        for target in targets {
            let source = CriterionSource::Table;
            add_narrowed(draft, &metric, &target, &demand.narrowing, measured_by.clone(), source, row.span.clone());
        }
        draft.restore(&around);
    }
    draft.denied = outer;
}

fn tell_guess(draft: &mut Draft<'_>, table: &Table, columns: &Columns) {
    let header = |column: Option<usize>| {
        column.and_then(|column| table.header.get(column)).map_or("", |cell: &Cell| cell.text.as_str())
    };
    let understood =
        format!("`{}` is the metric, `{}` the target", header(Some(columns.metric)), header(columns.target));
    let message = "the table does not name its columns Metric and Target";
    let remark = match table.has_rule {
        true => Remark::note("table-header", message),
        // nothing tells its first line from a row
        false => Remark::warning("table-header", format!("{message}, and no line of dashes stands below them"))
            .cure("put `| Metric | Target |` and `|---|---|` above it if it is a row"),
    };
    draft.remark(&table.span, remark.understood(understood));
}

fn tell_no_header(draft: &mut Draft<'_>, table: &Table) {
    let remark = Remark::note("table-header", "the table has no header: its first line states a criterion")
        .understood("all of its lines are rows of a metric and a target");
    draft.remark(&table.span, remark);
}

fn tell_apart(draft: &mut Draft<'_>, table: &Table) {
    let remark = Remark::note("table-rows", "the row stands apart from its table")
        .understood("it has the columns of the table above");
    draft.remark(&table.span, remark);
}

/// A column whose cells compare and that is no target must not be passed over silently.
fn tell_unread(draft: &mut Draft<'_>, table: &Table, columns: &Columns) {
    for (column, example) in columns.unread(table) {
        let Some(header) = table.header.get(column) else { continue };
        let remark = Remark::warning(
            "unread-column",
            format!("the column `{}` holds comparisons (`{example}`) that are not read as targets", header.text),
        )
        .understood("an aside: nothing of it is judged")
        .cure("name it Target, Min or Max, or write a row for each that must hold");
        draft.remark(&header.span, remark);
    }
}
