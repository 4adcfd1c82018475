//! What the record says of a template's row or item.
//!
//! Invariant: without a measurement in the record there is no [`State::Green`], whatever a verdict or a command claims.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::labels::{Labels, Meaning};
use super::state::{State, Subject};
use super::{check_cells, places, row_cells};
use crate::evidence::{Judged, Value, Verdict, judge};
use crate::order::{self, CriterionSource, Target};
use crate::report::record::{self, RunRecord};
use crate::report::template::slot::{MetricRow, Part, RowSubject, SlotKind, TableKind};
use crate::report::template::slots::{self, Survey};
use crate::report::template::whole::Names;
use crate::report::{criteria, figures, text};

/// What the newest measurement says of the first of `names` that means one; of a label that means none, what it states as a
/// criterion.
pub fn subject(labels: &Labels, names: &[String]) -> Subject {
    match labels.meaning(names) {
        Meaning::Nothing => stated(labels, names).unwrap_or_else(|| named(labels, names)),
        _ => named(labels, names),
    }
}

/// `File size ≤ 5 MB`, `LaunchAgent is loaded`: a label that says what must hold, as the same line in an order would be judged.
fn stated(labels: &Labels, names: &[String]) -> Option<Subject> {
    let label = names.first()?;
    let (metric, target) = order::stated(label)?;
    let asked = criteria::criterion(&metric, &target, 0..0);
    // `Test 15` is a name
    if label.contains(|c: char| c.is_ascii_digit())
        && matches!(asked.compiled, Target::Compare { .. })
        && figures::find(label).is_empty()
    {
        return None;
    }
    let judged = labels.judge(&asked)?;
    let newest = record::newest(labels.record, judged.key.as_deref()?)?;
    // `Errors exist` says nothing good of their number
    if matches!((&asked.compiled, &newest.value), (Target::Ready { .. }, Value::Count { .. })) {
        return None;
    }
    if !labels.is_bound_by_order(&metric)
        && let Err(why) = labels.fits(names, &metric, newest)
    {
        return Some(Subject::unmeasured(why));
    }
    let state = match judged.verdict {
        Verdict::Pass => State::Green,
        Verdict::Fail => State::Failed,
        Verdict::Unmeasured | Verdict::Waived { .. } => State::Unmeasured,
    };
    Some(Subject { state, why: judged.reason, judged: label.clone(), ..Subject::of(newest) })
}

fn named(labels: &Labels, names: &[String]) -> Subject {
    match labels.meaning(names) {
        Meaning::One { newest: Some(measurement), .. } => Subject::of(measurement),
        Meaning::Other { why, .. } => Subject::unmeasured(why),
        Meaning::One { key, newest: None } => Subject::unmeasured(format!("{key} was not measured")),
        Meaning::Several(keys) => Subject::unmeasured(format!("it could mean {}", keys.join(" or "))),
        Meaning::Nothing => Subject::unmeasured("nothing measures it"),
    }
}

/// [`subject`] for a line that may also be the name of a criterion.
pub fn check(labels: &Labels, names: &[String]) -> Subject {
    let record = labels.record;
    let found = named(labels, names);
    if found.state != State::Unmeasured || matches!(labels.meaning(names), Meaning::Other { .. }) {
        return found;
    }
    let judged: Vec<&Judged> = names.iter().flat_map(|name| labels.criteria(name)).copied().collect();
    let of = |judged: &&Judged| judged.key.as_deref().and_then(|key| record::newest(record, key));
    if let Some(why) = judged.iter().filter_map(of).find_map(|one| labels.fits(names, "", one).err()) {
        return Subject::unmeasured(why);
    }
    if judged.is_empty() {
        return subject(labels, names);
    }
    let state = if judged.iter().any(|judged| judged.verdict == Verdict::Fail) {
        State::Failed
    } else if judged.iter().all(|judged| judged.verdict == Verdict::Pass && is_measured(record, judged)) {
        State::Green
    } else {
        return found;
    };
    let value = judged.first().and_then(|judged| judged.actual.clone());
    let evidence = judged.iter().flat_map(|judged| judged.evidence.clone()).collect();
    Subject { state, value, evidence, ..found }
}

/// Whether the record holds a measurement that this was judged from.
pub fn is_measured(record: &RunRecord, judged: &Judged) -> bool {
    record.measurements.iter().any(|measurement| {
        judged.key.as_deref() == Some(measurement.key.as_str())
            || (!measurement.id.is_empty() && judged.evidence.contains(&measurement.id))
    })
}

/// A verdict as far as the record bears it out.
pub fn believed(record: &RunRecord, judged: &Judged) -> Judged {
    match judged.verdict == Verdict::Pass && !is_measured(record, judged) {
        true => judged.clone().unmeasured("no measurement of it is recorded"),
        false => judged.clone(),
    }
}

/// The verdicts of metric rows, each with the one that the engine gave for this very row, else for the same criterion of the
/// order. The rows that the engine didn't judge are judged here.
pub struct Rows(HashMap<(String, String), Judged>);

impl Rows {
    fn of<'s>(labels: &Labels, rows: impl Iterator<Item = (&'s str, &'s str)>) -> Self {
        let record = labels.record;
        let mut found = HashMap::new();
        let mut left = Vec::new();
        for (metric, target) in rows {
            let row = (metric.to_owned(), target.to_owned());
            if found.contains_key(&row) {
                continue;
            }
            let wanted = squeezed(target);
            let same =
                || labels.criteria(metric).iter().filter(|judged| squeezed(&text::plain(&judged.target)) == wanted);
            // one of the same words may have been held at a place of its own, where each row is held again
            let rows = || same().filter(|judged| judged.source == CriterionSource::Template);
            let measured = rows().find(|judged| judged.verdict != Verdict::Unmeasured);
            let judged = measured.or_else(|| rows().next()).or_else(|| same().next());
            match judged {
                Some(judged) => drop(found.insert(row, believed(record, judged))),
                None => left.push(criteria::criterion(metric, target, 0..0)),
            }
        }
        let today = record.ended.to_zoned(jiff::tz::TimeZone::UTC).date();
        for judged in judge::judge(&left, &record.order, &record.measurements, record.declarations, today) {
            found.insert((judged.metric.clone(), judged.target.clone()), believed(record, &judged));
        }
        Rows(found.into_iter().map(|(row, judged)| (row, about_its_label(labels, judged))).collect())
    }

    /// Those of all metric rows of a template.
    pub fn of_survey(labels: &Labels, survey: &Survey) -> Self {
        let order = &labels.record.order;
        let asked = |row: &MetricRow| criteria::metric(order, &row.metric, row.is_whole, &row.place);
        let asked: Vec<_> = survey.metrics.iter().filter_map(|row| Some((asked(row)?, row.target.as_str()))).collect();
        Rows::of(labels, asked.iter().map(|(metric, target)| (metric.as_str(), *target)))
    }

    /// The verdict of a row that asks after `metric` at these places, as far as they and its other cells are of what was
    /// measured.
    pub fn held(&self, labels: &Labels, places: &[Names], row: &RowSubject, metric: &str) -> Judged {
        let judged = row_cells::judged(labels, row, self.get(metric, &row.target));
        check_cells::judged(labels, row, places::judged(labels, judged, places, row))
    }

    fn get(&self, metric: &str, target: &str) -> Judged {
        self.0.get(&(metric.to_owned(), target.to_owned())).cloned().unwrap_or_else(|| Judged {
            metric: metric.to_owned(),
            target: target.to_owned(),
            source: CriterionSource::Template,
            key: None,
            actual: None,
            verdict: Verdict::Unmeasured,
            reason: "the row names no metric".to_owned(),
            evidence: Vec::new(),
        })
    }
}

/// The record's criteria, those of the template's metric rows as the rows will say: what a row says besides its metric and its
/// target must have been measured too, and an outcome that is reckoned without it would be better than its own report.
pub fn as_rows_say(template: &str, record: &RunRecord) -> Vec<Judged> {
    let labels = Labels::of(record);
    let survey = slots::survey(template);
    let rows = Rows::of_survey(&labels, &survey);
    // of each, the rows of the same words in their order
    let mut held: HashMap<(String, String), VecDeque<Judged>> = HashMap::new();
    let mut last: Option<&Arc<RowSubject>> = None;
    for slot in &survey.slots {
        let row = match &slot.kind {
            SlotKind::Cell(cell) if !matches!(cell.part, Part::Sign | Part::Claim) => &cell.row,
            SlotKind::MissingCells { row, .. } => row,
            _ => continue,
        };
        if row.kind != TableKind::Metrics || last.is_some_and(|last| Arc::ptr_eq(last, row)) {
            continue;
        }
        last = Some(row);
        let Some(metric) = criteria::metric(&record.order, &row.metric, row.is_whole, &row.place) else { continue };
        let judged = rows.held(&labels, survey.places.around(slot.span.start), row, &metric);
        held.entry((metric, row.target.clone())).or_default().push_back(judged);
    }
    let say = |judged: &Judged| {
        if judged.source != CriterionSource::Template {
            return judged.clone();
        }
        let row = held.get_mut(&(judged.metric.clone(), judged.target.clone())).and_then(VecDeque::pop_front);
        match row.filter(|_| matches!(judged.verdict, Verdict::Pass | Verdict::Fail)) {
            Some(row) => Judged { source: judged.source, ..row },
            None => judged.clone(),
        }
    };
    record.criteria.iter().map(say).collect()
}

/// A row is green only where all that its label names is what was measured, a date token filled in.
fn about_its_label(labels: &Labels, judged: Judged) -> Judged {
    let measurement = judged.key.as_deref().and_then(|key| record::newest(labels.record, key));
    let (Verdict::Pass, Some(measurement)) = (&judged.verdict, measurement) else { return judged };
    if labels.is_bound_by_order(&judged.metric) {
        return judged;
    }
    match labels.fits(std::slice::from_ref(&judged.metric), &judged.metric, measurement) {
        Err(why) => judged.unmeasured(why),
        Ok(()) => judged,
    }
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
