//! Slots of tables: cells under headers that ask for them, and signs in the others.

use std::sync::Arc;

use super::columns::{self, Columns};
use super::inline::inline;
use super::rows::{Cell, Row};
use super::slot::{Aside, CellSlot, MetricRow, Part, Role, RowSubject, Slot, SlotKind, TableKind, Whose};
use super::whole::Places;
use super::{asides, headers, key_lines, name_columns};
use crate::evidence::subject;
use crate::order::Demand;
use crate::order::target::{self, Target, Unit, compile};
use crate::report::marks::{self, Sense};
use crate::report::text::{self, says_works};
use crate::report::verdicts;

pub fn find(
    source: &str,
    (head, rows): (&Row, &[Row]),
    places: &Places,
    out: &mut Vec<Slot>,
    metrics: &mut Vec<MetricRow>,
) {
    let text = |cell: &Cell| source.get(cell.inner.clone()).unwrap_or("");
    for cell in &head.cells {
        inline(source, cell.inner.clone(), out);
    }
    let headers: Vec<&str> = head.cells.iter().map(text).collect();
    // beside a column of statuses only where each is a sign and its word: `✅ Redis auth works` names a thing
    let explains = |row: &Row| {
        let status = row.cells.first().map_or("", text);
        columns::read(&headers).is_none() || text::words(status).iter().all(|word| verdicts::is_of_verdicts(word))
    };
    let is_legend = columns::is_legend(&headers) && rows.iter().all(explains);
    let Some(columns) = columns::read(&headers).filter(|_| !is_legend) else {
        for row in rows {
            row.cells.iter().for_each(|cell| inline(source, cell.inner.clone(), out));
            if !is_legend {
                claims(source, &headers, row, places, out);
            }
        }
        return;
    };
    let target_column = columns.roles.iter().position(|role| *role == Role::Target);
    let has_target =
        |row: &Row| target_column.and_then(|n| row.cells.get(n)).is_some_and(|cell| !text(cell).is_empty());
    // rows that ask for nothing part those that do, where they look like no row of those: a metric may lack its target too
    let asking: Vec<&Row> = rows.iter().filter(|row| has_target(row)).collect();
    let is_emphasized = |row: &Row| {
        row.cells.get(columns.label).is_some_and(|cell| {
            let label = marks::without_green(text(cell), "");
            label.trim_start().starts_with(['*', '_'])
        })
    };
    let is_apart = |row: &Row, label: &str| {
        !label.contains(char::is_alphanumeric)
            || text::plain(label).starts_with(['(', '…'])
            || (is_emphasized(row) && !asking.iter().any(|asking| is_emphasized(asking)))
    };
    for row in rows {
        if row.cells.iter().all(|cell| text(cell).is_empty()) {
            continue;
        }
        let named = label_cell(source, &columns, row);
        let label = row.cells.get(named).map_or("", text);
        let asks_above = asking.len() > usize::from(has_target(row));
        let subject = Arc::new(subject_of(source, (&columns, &headers), row, named, asks_above, places));
        let is_empty = row.cells.iter().enumerate().all(|(n, cell)| n == named || text(cell).is_empty());
        let asks = is_of_whole(columns.kind, label, &subject.metric)
            || !matches!(compile(&subject.metric, ""), Target::Unclear { .. });
        let is_group =
            columns.kind == TableKind::Metrics && !asking.is_empty() && is_empty && !asks && is_apart(row, label);
        if is_group {
            for cell in &row.cells {
                inline(source, cell.inner.clone(), out);
                signs(source, cell, &subject, out);
            }
            continue;
        }
        if columns.kind == TableKind::Metrics && !subject.metric.is_empty() {
            metrics.push(MetricRow {
                metric: subject.metric.clone(),
                target: subject.target.clone(),
                span: start_of(row)..row.end,
                is_whole: subject.is_whole,
                place: subject.place.clone(),
            });
        }
        fill_row(source, &columns, row, &subject, out);
    }
}

/// What a row is about whose cell `named` names it; `asks_above`: other rows of its table ask for something.
fn subject_of(
    source: &str,
    (columns, headers): (&Columns, &[&str]),
    row: &Row,
    named: usize,
    asks_above: bool,
    places: &Places,
) -> RowSubject {
    let text = |n: usize| row.cells.get(n).and_then(|cell| source.get(cell.inner.clone())).unwrap_or("");
    let label = text(named);
    let metric = text::plain(&marks::without_green(label, ""));
    let target = target_of(source, columns, row, &metric);
    let is_metrics = columns.kind == TableKind::Metrics;
    let is_whole = is_of_whole(columns.kind, label, &metric);
    // below other metrics, what asks for nothing itself or for all sums them up
    let sums_up = is_metrics && (is_total(&metric) || (asks_above && is_sum(label, &target)));
    let place = if is_whole && !sums_up { place(places, label, start_of(row)) } else { Vec::new() };
    let is_authors = |n: usize| n != columns.label && n != named && is_said(columns, headers, n);
    let tells = |n: usize| {
        let header = headers.get(n).copied().unwrap_or_default();
        n != named && !asides::is_elsewhere(header) && is_told(columns, n, text(n))
    };
    RowSubject {
        kind: columns.kind,
        names: if place.is_empty() { text::names(label) } else { place.clone() },
        place,
        beside: beside_label(source, columns, headers, row, named),
        whose: whose(source, headers, row, named, &columns.around),
        said: said(source, headers, row, &is_authors),
        is_told: (0..row.cells.len()).any(tells),
        metric,
        is_whole: is_whole && (!is_metrics || asks_for_all(&target)),
        target,
        value_elsewhere: value_elsewhere(columns),
    }
}

fn start_of(row: &Row) -> usize {
    row.cells.first().map_or(row.end, |cell| cell.outer.start)
}

/// Whether a row is about the whole of what its place is about, or of what its table asks for.
fn is_of_whole(kind: TableKind, label: &str, metric: &str) -> bool {
    key_lines::is_whole(label) || (kind == TableKind::Metrics && is_total(metric))
}

/// What the columns of the target say of a row.
fn target_of(source: &str, columns: &Columns, row: &Row, metric: &str) -> String {
    let text = |n: usize| row.cells.get(n).and_then(|cell| source.get(cell.inner.clone())).unwrap_or("");
    let value = columns.roles.iter().position(|role| *role == Role::Target);
    let asked = [columns.comparator, value, columns.unit].map(|column| text::plain(column.map_or("", text)));
    let target = asked_for(columns.limit, asked);
    // `File size (MB) | 5`
    target::unit_apart(metric, &target).map_or(target, |(_, target)| target)
}

/// What a row asks for; a value that doesn't compare by itself is asked as the header of the targets says.
fn asked_for(limit: Option<&str>, [comparator, value, unit]: [String; 3]) -> String {
    let is_bare = !target::is_blank(&value) && !target::begins_comparison(&value);
    let is_amount = || matches!(compile("", &value), Target::Compare { .. } | Target::Unclear { .. });
    match limit {
        Some(sign) if comparator.is_empty() && is_bare && is_amount() => {
            Demand { unit, ..Demand::default() }.limit(sign, &value)
        }
        _ => target::assemble(&comparator, &value, &unit),
    }
}

/// The cell that names the row's subject: the one behind it where the label is only an id (`R1`), the one of another column of
/// names where it is empty or only a path, which says where the other's thing is.
fn label_cell(source: &str, columns: &Columns, row: &Row) -> usize {
    let text = |n: usize| row.cells.get(n).and_then(|cell| source.get(cell.inner.clone())).unwrap_or("");
    let names_nothing = |n: usize| {
        let plain = text::plain(text(n));
        // `LaunchAgent | Status` is of what the other column names
        let is_status = key_lines::is_whole(text(n));
        text::words(text(n)).is_empty() || is_status || subject::names_in(&plain) == [plain.trim()]
    };
    if names_nothing(columns.label)
        && let Some(other) = columns.around.iter().copied().find(|n| !names_nothing(*n))
    {
        return other;
    }
    let next = columns.label + 1;
    let is_names = columns.roles.get(next) == Some(&Role::Plain) && !text::words(text(next)).is_empty();
    if is_names && text::is_id(text(columns.label)) { next } else { columns.label }
}

/// `TOTAL` below the rows that it sums up.
fn is_total(metric: &str) -> bool {
    ["total", "totals", "overall total"].contains(&text::key(metric).as_str())
}

/// Whether a row of status is of all the metrics above it: `Result` without a target, `Overall Status`.
fn is_sum(label: &str, target: &str) -> bool {
    target.is_empty() || text::words(label).iter().any(|word| ["overall", "final"].contains(&word.as_str()))
}

/// What a bare `Status` that is not the whole order's is of.
fn place(places: &Places, label: &str, at: usize) -> Vec<String> {
    if places.is_whole(label, at) { Vec::new() } else { places.names_at(at).to_vec() }
}

/// Whether a row about the whole asks no more than that all of it is well, which is the outcome's to say; `14/14` and `≥ 100`
/// are asked of something that is measured.
fn asks_for_all(target: &str) -> bool {
    match compile("", target) {
        Target::Compare { number, unit, .. } => unit == Unit::Percent && number == 100.0,
        Target::All { of } => of.is_none(),
        Target::Range { .. } | Target::Statistic { .. } | Target::Schedule { .. } => false,
        _ => true,
    }
}

/// What the author's own cells name besides the one that names the subject.
fn beside_label(source: &str, columns: &Columns, headers: &[&str], row: &Row, named: usize) -> Vec<String> {
    let is_plain = |n: &usize| matches!(columns.roles.get(*n), Some(Role::Plain | Role::Label)) && *n != named;
    let cells = row.cells.iter().enumerate().filter(|(n, _)| is_plain(n));
    cells
        .flat_map(|(n, cell)| {
            let text = source.get(cell.inner.clone()).unwrap_or("");
            asides::names(headers.get(n).copied().unwrap_or(""), text)
        })
        .collect()
}

/// The cells of a row that say whose its subject is; `others` are the columns of names beside the subject's, `label`.
fn whose(source: &str, headers: &[&str], row: &Row, label: usize, others: &[usize]) -> Vec<Whose> {
    let cells = row.cells.iter().enumerate().filter(|(n, _)| *n != label);
    let cells = cells.filter_map(|(n, cell)| Some((n, *headers.get(n)?, source.get(cell.inner.clone())?)));
    let is_whose = |n: usize, header: &str| {
        let is_left = n < label && !columns::is_filled(header) && !headers::asserts(header);
        !asides::is_elsewhere(header) && (is_left || others.contains(&n) || name_columns::is_group(header))
    };
    let whose = cells.filter(|(n, header, _)| is_whose(*n, header)).map(|(n, header, text)| Whose {
        text: text::plain(&marks::without_green(text, " ")),
        is_name: name_columns::is_host(header) || (n < label && others.contains(&n) && !name_columns::is_group(header)),
    });
    whose.filter(|whose| !text::words(&whose.text).is_empty() && !asides::is_here(&whose.text)).collect()
}

/// Those cells that claim nothing by a sign of their own, but under a header of claims.
fn said(source: &str, headers: &[&str], row: &Row, is_authors: &dyn Fn(usize) -> bool) -> Vec<Aside> {
    let cells = row.cells.iter().enumerate().filter(|(n, _)| is_authors(*n));
    let asides = cells.filter_map(|(n, cell)| Some((headers.get(n)?, source.get(cell.inner.clone())?)));
    let asides =
        asides.filter(|(header, text)| !text.is_empty() && (headers::asserts(header) || !marks::has_green(text)));
    asides.map(|(header, text)| Aside { header: (*header).to_owned(), text: text.to_owned() }).collect()
}

/// Whether a cell of that column stays as the author wrote it and may say what the subject is now. Beside a cell that is filled
/// with what was measured none does, and a metric is held against its target; but for what a row claims.
fn is_said(columns: &Columns, headers: &[&str], n: usize) -> bool {
    let role = columns.roles.get(n).copied().unwrap_or(Role::Plain);
    if role == Role::Plain && headers.get(n).is_some_and(|header| headers::asserts(header)) {
        return true;
    }
    match columns.kind {
        TableKind::Metrics => false,
        TableKind::Other => matches!(role, Role::Plain | Role::Actual | Role::Details),
        _ => role == Role::Plain && !columns.roles.contains(&Role::Actual),
    }
}

/// Whether a cell that stays as the author wrote it has words.
fn is_told(columns: &Columns, n: usize, text: &str) -> bool {
    matches!(columns.roles.get(n), Some(Role::Plain | Role::Label)) && text::has_words(text)
}

fn value_elsewhere(columns: &Columns) -> bool {
    let wanted: &[Role] = match columns.kind {
        TableKind::Metrics => &[Role::Actual],
        _ => &[Role::Details, Role::Actual],
    };
    columns.roles.iter().any(|role| wanted.contains(role))
}

fn fill_row(source: &str, columns: &Columns, row: &Row, subject: &Arc<RowSubject>, out: &mut Vec<Slot>) {
    for (n, cell) in row.cells.iter().enumerate() {
        let was = source.get(cell.inner.clone()).unwrap_or("");
        let role = columns.roles.get(n).copied().unwrap_or(Role::Plain);
        let part = match role {
            Role::Status => Some(Part::Status),
            Role::Actual => Some(Part::Actual),
            // a remark on a metric is the author's, unless it claims something
            Role::Details if columns.kind != TableKind::Metrics || was.is_empty() || marks::has_green(was) => {
                Some(Part::Details)
            }
            Role::Evidence => Some(Part::Evidence),
            Role::Pass => Some(Part::Pass),
            Role::Fail => Some(Part::Fail),
            _ => None,
        };
        let part = part.filter(|_| n != columns.label && (columns.kind != TableKind::Other || marks::has_green(was)));
        match part {
            Some(part) => {
                let span = if was.is_empty() { cell.outer.clone() } else { cell.inner.clone() };
                let slot = CellSlot { row: subject.clone(), part, was: was.to_owned(), blank: was.is_empty() };
                out.push(Slot { span, kind: SlotKind::Cell(slot) });
            }
            None => {
                inline(source, cell.inner.clone(), out);
                signs(source, cell, subject, out);
            }
        }
    }
    if columns.roles.len() > MOST_COLUMNS {
        return;
    }
    let roles: Vec<Role> = columns.roles.iter().skip(row.cells.len()).copied().collect();
    let asks = roles.iter().any(|role| !matches!(role, Role::Label | Role::Target | Role::Plain));
    if asks && columns.kind != TableKind::Other {
        let kind = SlotKind::MissingCells { row: subject.clone(), roles, closed: row.closed };
        out.push(Slot { span: row.end..row.end, kind });
    }
}

/// Short rows of wider tables get no cells: nobody means them, and many would be many bytes.
const MOST_COLUMNS: usize = 64;

/// Green signs in a cell that isn't filled: they stay only where the row's subject works.
fn signs(source: &str, cell: &Cell, subject: &Arc<RowSubject>, out: &mut Vec<Slot>) {
    let was = source.get(cell.inner.clone()).unwrap_or("");
    for (offset, mark) in marks::all(was) {
        if mark.sense == Sense::Green {
            let start = cell.inner.start + offset;
            let sign = was.get(offset..offset + mark.len).unwrap_or("").to_owned();
            let slot = CellSlot { row: subject.clone(), part: Part::Sign, was: sign, blank: false };
            out.push(Slot { span: start..start + mark.len, kind: SlotKind::Cell(slot) });
        }
    }
}

/// A row of a table whose columns are not known (a form, a matrix, headers in another language): a sign at the edge of a cell says
/// how things are all the same. The first cell that is more than signs names the subject; where there is none, its column does.
fn claims(source: &str, headers: &[&str], row: &Row, places: &Places, out: &mut Vec<Slot>) {
    let text = |cell: &Cell| source.get(cell.inner.clone()).unwrap_or("");
    let is_claim = |cell: &Cell| !marks::claims(text(cell)).is_empty();
    let is_name = |cell: &Cell| says_more(text(cell));
    let by_name = row.cells.iter().position(|cell| is_name(cell) && !text::is_id(text(cell)));
    let Some(at) = by_name.or_else(|| row.cells.iter().position(is_name)) else {
        return of_columns(source, headers, row, None, out);
    };
    let name = row.cells.get(at).map_or("", text);
    // `✅ 192 rows` beside another column's sign is said of its own column
    if row.cells.get(at).is_some_and(is_claim) && (at > 0 || row.cells.iter().skip(1).any(is_claim)) {
        return of_columns(source, headers, row, None, out);
    }
    let ticked = row.cells.iter().enumerate().filter(|(n, cell)| *n != at && is_claim(cell)).count();
    let is_whole = key_lines::is_whole(name);
    if is_whole && (ticked > 1 || is_matrix(headers)) {
        return of_columns(source, headers, row, Some(at), out);
    }
    let place = if is_whole { place(places, name, start_of(row)) } else { Vec::new() };
    let others = row.cells.iter().enumerate().filter(|(n, _)| *n != at);
    let beside =
        others.flat_map(|(n, cell)| asides::names(headers.get(n).copied().unwrap_or(""), text(cell))).collect();
    let subject = Arc::new(RowSubject {
        kind: TableKind::States,
        // two claims of one thing are two things, of which one was measured at most
        names: match ticked {
            _ if !place.is_empty() => place.clone(),
            0 | 1 => text::names(&marks::without_green(name, "")),
            _ => Vec::new(),
        },
        // a status that is shown shows what was measured, the outcome stands alone
        value_elsewhere: is_whole && place.is_empty(),
        place,
        beside,
        whose: whose(source, headers, row, at, &[]),
        said: said(source, headers, row, &|n| n != at),
        is_told: row
            .cells
            .iter()
            .enumerate()
            .filter(|(n, _)| !asides::is_elsewhere(headers.get(*n).copied().unwrap_or_default()))
            .any(|(n, cell)| n != at && text::has_words(text(cell)) && says_more(text(cell))),
        metric: String::new(),
        target: String::new(),
        is_whole,
    });
    for (n, cell) in row.cells.iter().enumerate() {
        if is_whole && n != at && is_claim(cell) {
            let was = text(cell).to_owned();
            let slot = CellSlot { row: subject.clone(), part: Part::Status, was, blank: false };
            out.push(Slot { span: cell.inner.clone(), kind: SlotKind::Cell(slot) });
            continue;
        }
        claim(source, cell, &subject, out);
    }
}

/// Whether a cell says more than that something works: `✅ OK` names nothing.
fn says_more(cell: &str) -> bool {
    let is_mere = !marks::claims(cell).is_empty() && says_works(&text::plain(&marks::without_green(cell, "")));
    !text::words(cell).is_empty() && !is_mere
}

/// Whether the columns are the subjects of what the rows tell: nothing stands above the first cells, and a name above the others.
fn is_matrix(headers: &[&str]) -> bool {
    let is_blank = |header: &&&str| text::words(header).is_empty();
    headers.first().as_ref().is_some_and(is_blank)
        && headers.iter().skip(1).all(|header| !is_blank(&header) && !columns::is_of_now(header))
}

/// A row that names no subject of its own: what each sign claims is said of what stands above it. What a cell says beside its
/// sign no header bears out.
fn of_columns(source: &str, headers: &[&str], row: &Row, but: Option<usize>, out: &mut Vec<Slot>) {
    for (n, cell) in row.cells.iter().enumerate().filter(|(n, _)| Some(*n) != but) {
        let says_more = says_more(source.get(cell.inner.clone()).unwrap_or(""));
        let header = headers.get(n).copied().filter(|_| !says_more).unwrap_or("");
        let name = marks::without_green(header, "");
        let subject = RowSubject {
            kind: TableKind::States,
            names: text::names(&name),
            place: Vec::new(),
            beside: Vec::new(),
            whose: Vec::new(),
            said: Vec::new(),
            is_told: false,
            metric: String::new(),
            target: String::new(),
            value_elsewhere: false,
            is_whole: false,
        };
        claim(source, cell, &Arc::new(subject), out);
    }
}

/// The signs by which a cell claims something of the subject.
fn claim(source: &str, cell: &Cell, subject: &Arc<RowSubject>, out: &mut Vec<Slot>) {
    let was = source.get(cell.inner.clone()).unwrap_or("");
    for (offset, mark) in marks::claims(was) {
        let start = cell.inner.start + offset;
        let sign = was.get(offset..offset + mark.len).unwrap_or("").to_owned();
        let slot = CellSlot { row: subject.clone(), part: Part::Claim, was: sign, blank: false };
        out.push(Slot { span: start..start + mark.len, kind: SlotKind::Cell(slot) });
    }
}

#[cfg(test)]
mod tests {
    fn found(template: &str) -> Vec<&str> {
        super::super::slots::find(template).into_iter().map(|slot| &template[slot.span]).collect()
    }

    #[test]
    fn cells_are_slots_under_headers_that_ask() {
        for (template, expect) in [
            (
                "| Metric | Target | Actual | Status |\n|---|---|---|---|\n| Size | ≤ 5 MB |  | ✅ PASS |\n",
                vec!["  ", "✅ PASS"],
            ),
            (
                "| Component | Status | Details |\r\n|---|---|---|\r\n| a | ☐ Pending / ✅ Verified | x |\r\n",
                vec!["☐ Pending / ✅ Verified", "x"],
            ),
            ("> | Component | State |\n> |---|---|\n> | ✅ a | ✅ OK |\n", vec!["✅", "✅ OK"]),
            ("| Symbol | Meaning |\n|---|---|\n| ✅ | works |\n", vec![]),
            ("| Status | Meaning |\n|---|---|\n| ✅ PASS | works |\n| ❌ | broken |\n", vec![]),
            ("| Icon | Status |\n|---|---|\n| ✅ | works ✅ |\n", vec!["✅", "works ✅"]),
            ("| Status | Mark |\n|---|---|\n| Redis | ✅ |\n", vec!["✅"]),
            ("| Result | Meaning |\n|---|---|\n| ✅ Redis works | ready |\n", vec!["✅ Redis works"]),
            ("| Component | Meaning |\n|---|---|\n| ✅ | works |\n", vec![]),
            ("| Component | Status | Meaning |\n|---|---|---|\n| a | ✅ | works |\n", vec!["✅"]),
            ("| Service | Status Icon |\n|---|---|\n| a | ✅ |\n", vec!["✅"]),
            ("| Status | Sign off |\n|---|---|\n| ✅ | GG |\n", vec!["✅"]),
            ("| Version | Date | Status |\n|---|---|---|\n| 1 | x | draft |\n| 2 | y | ✅ done |\n", vec!["✅ done"]),
            ("Component | State\n---|---\na | 🟢 up\n", vec!["🟢 up"]),
            ("| Component | State |\n|---|---|---|\n| a | ✅ OK |\n", vec!["✅ OK"]),
            ("text\n| Component | State |\n|---|---|\n| a | ✅ OK | ✅ |\n", vec!["✅ OK", "✅"]),
            ("| Component | Status | Details |\n|---|---|---|\n| a |\n", vec![""]),
            ("```\n| Component | State |\n|---|---|\n| a | ✅ OK |\n```\n", vec![]),
        ] {
            assert_eq!(found(template), expect, "{template}");
        }
    }

    #[test]
    fn signs_at_the_edge_of_any_cell_are_slots() {
        for (template, expect) in [
            ("| Field | Value |\n|---|---|\n| Owner | GG |\n| Auth | ✅ COMPLETE |\n", vec!["✅"]),
            ("| Field | Value |\n|---|---|\n| Overall Status | ✅ COMPLETE |\n", vec!["✅ COMPLETE"]),
            ("| Environment | Redis | DuckDB |\n|---|---|---|\n| production | ✅ | up ✅ |\n", vec!["✅", "✅"]),
            ("| รายการตรวจ | สถานะ |\n|---|---|\n| Redis auth | ✅ ผ่าน |\n", vec!["✅"]),
            ("| | What we say |\n|---|---|\n| ✅ | Redis auth |\n", vec!["✅"]),
            ("| Field | Value |\n|---|---|\n| Sign | the ✅ in the middle |\n", vec![]),
            ("| Icon | What |\n|---|---|\n| ✅ | works |\n", vec![]),
            ("| Redis | Database |\n|---|---|\n| ✅ | ✅ OK |\n", vec!["✅", "✅"]),
            ("| Redis |\n|---|\n| ✅ |\n", vec!["✅"]),
            ("| | Redis | Kafka |\n|---|---|---|\n| Status | ✅ up | ✅ |\n", vec!["✅", "✅"]),
            ("| | Redis |\n|---|---|\n| Status | ✅ up |\n", vec!["✅"]),
            ("| | |\n|---|---|\n| Status | ✅ up |\n", vec!["✅ up"]),
            ("| | Value |\n|---|---|\n| Status | ✅ up |\n", vec!["✅ up"]),
            ("| Check | Pass | Fail |\n|---|---|---|\n| a | ✅ | |\n", vec!["✅", " "]),
        ] {
            assert_eq!(found(template), expect, "{template}");
        }
    }
}
