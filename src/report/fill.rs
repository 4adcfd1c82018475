//! Filling a template: every slot is replaced by what was measured, every other byte stays.
//!
//! Invariant: a slot comes out green only through [`State::Green`], and that only where a measurement says so (for the verdict
//! list and the status line: where the outcome does).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Zoned;
use jiff::tz::TimeZone;

use super::cells::{cite, component, green_choice, metric, quoted, sign, status};
use super::expressions::{self, FillError};
use super::hold::cut;
use super::hold::figures_beside::{self, Said};
use super::hold::judging::{self, Rows};
use super::hold::labels::{Labels, Meaning};
use super::hold::state::{Became, State, Subject};
use super::hold::test_results::{self, Confirmed, TestResult};
use super::hold::words_beside::{self, Remark};
use super::hold::{check_cells, places, row_cells};
use super::marks::{self, Form, Mark, Sense};
use super::record::{RunRecord, now};
use super::template::choices::{self, choices};
use super::template::outline::Span;
use super::template::slot::{CellSlot, Part, Role, RowSubject, Slot, SlotKind, TableKind, Test};
use super::template::slots::{self, Survey};
use super::template::{key_lines, whole};
use super::{context, criteria, dates, evidence_table, targets, text, verdicts};
use crate::evidence::subject;

/// A filled template.
#[derive(Debug, Clone, PartialEq)]
pub struct Filled {
    pub text: String,
    /// What each slot of the template became, in order.
    pub slots: Vec<FilledSlot>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FilledSlot {
    pub slot: Slot,
    pub became: String,
    pub state: State,
    /// Ids of the measurements it rests on.
    pub evidence: Vec<String>,
}

/// Fills `template` from `record`. The Evidence table is added at the end.
///
/// # Errors
/// An expression that can't be evaluated, with its line and column. Everything else has an answer.
pub fn fill(template: &str, record: &RunRecord) -> Result<Filled, FillError> {
    let template = &*targets::resolve(template, record, &[])?;
    let survey = slots::survey(template);
    let labels = Labels::of(record);
    let rows = Rows::of_survey(&labels, &survey);
    let chosen = survey.verdicts.iter().map(|(list, lines)| (*list, verdicts::choose(record.outcome, lines))).collect();
    let filler = Filler {
        template,
        record,
        labels,
        rows,
        chosen,
        confirmed: Confirmed::of(record, &survey.slots),
        survey: &survey,
        now: now(record),
        eol: if template.split('\n').next().is_some_and(|line| line.ends_with('\r')) { "\r\n" } else { "\n" },
        env: expressions::environment(),
        context: context::of(record),
    };
    let mut text = String::with_capacity(template.len() * 2);
    let mut filled = Vec::with_capacity(survey.slots.len());
    let mut from = 0;
    for slot in &survey.slots {
        let became = filler.slot(slot)?;
        text.push_str(template.get(from..slot.span.start).unwrap_or(""));
        text.push_str(&became.text);
        from = slot.span.end;
        let Became { text: became, state, evidence } = became;
        filled.push(FilledSlot { slot: slot.clone(), became, state, evidence });
    }
    text.push_str(template.get(from..).unwrap_or(""));
    if let Some(end) = &survey.open_end {
        end_line(&mut text, filler.eol);
        text.push_str(end);
    }
    end_line(&mut text, filler.eol);
    text.push_str(&evidence_table::section(record).replace('\n', filler.eol));
    Ok(Filled { text, slots: filled })
}

/// Whether `template` can be filled, as far as that is known before a run: `record` has no measurements and no steps yet.
///
/// # Errors
/// The first expression that can't be evaluated whatever the run brings.
pub fn check(template: &str, record: &RunRecord) -> Result<(), FillError> {
    let (env, context) = (expressions::environment(), context::of(record));
    for slot in slots::find(template).iter().filter(|slot| slot.kind == SlotKind::Expression) {
        let source = template.get(slot.span.clone()).unwrap_or("");
        let evaluated = expressions::evaluate(&env, &context, template, slot.span.start, source);
        if let Err(error) = evaluated
            && !expressions::awaits_a_run(&env, source)
        {
            return Err(error);
        }
    }
    Ok(())
}

fn end_line(text: &mut String, eol: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(eol);
    }
}

struct Filler<'a> {
    template: &'a str,
    record: &'a RunRecord,
    labels: Labels<'a>,
    rows: Rows,
    /// The line of each verdict list that the outcome maps to.
    chosen: BTreeMap<usize, Option<usize>>,
    confirmed: Confirmed,
    survey: &'a Survey,
    now: Zoned,
    eol: &'static str,
    env: minijinja::Environment<'a>,
    context: minijinja::Value,
}

impl Filler<'_> {
    fn slot(&self, slot: &Slot) -> Result<Became, FillError> {
        let source = self.template.get(slot.span.clone()).unwrap_or("");
        Ok(match &slot.kind {
            SlotKind::ShellDate => match dates::show_shell_date(source, &self.now) {
                Ok(date) => Became::neutral(date),
                Err(why) => {
                    let stays = marks::without_green(source, "☐");
                    Became::neutral(format!("{stays} (not filled: {})", marks::show(&why)))
                }
            },
            SlotKind::DateToken(token) => Became::neutral(dates::show_token(*token, &self.day(&slot.span))),
            SlotKind::Expression => Became::neutral(expressions::evaluate(
                &self.env,
                &self.context,
                self.template,
                slot.span.start,
                source,
            )?),
            SlotKind::Cell(cell) => self.cell(cell, Some(&slot.span), slot.span.start),
            SlotKind::MissingCells { row, roles, closed } => self.missing_cells(row, roles, *closed, slot.span.start),
            SlotKind::TestMark { test, was, claim } => {
                let result = test_results::claimed(self.record, test, claim);
                let space = if was.is_none() { " " } else { "" };
                let became = match &result {
                    TestResult::Passed { .. } => "✅".to_owned(),
                    TestResult::Failed { why, .. } => {
                        format!("❌ (failed: {}{})", marks::show(why), cite(result.evidence()))
                    }
                    TestResult::NotRun { why } => format!("☐ (unmeasured: {})", marks::show(why)),
                };
                self.test(result, became + space)
            }
            SlotKind::TestResult { test, prefix, blank_after } => {
                let (result, line) = self.test_line(test, "");
                let (eol, gap) = (self.eol, prefix.trim_end());
                let blank = if *blank_after { format!("{eol}{gap}") } else { String::new() };
                self.test(result, format!("{eol}{gap}{eol}{prefix}**Result:** {line}{blank}"))
            }
            SlotKind::TestStatus { test, claim } => {
                let (result, line) = self.test_line(test, claim);
                self.test(result, line + &key_lines::closed(source).1)
            }
            SlotKind::Verdict { list, line, form, was } => self.verdict(*list, *line, *form, was.is_some()),
            SlotKind::VerdictSign { list, line, was } => self.verdict_sign(source, *list, *line, *was),
            SlotKind::VerdictEnd { list, prefix, apart } => self.verdict_end(*list, prefix, *apart),
            SlotKind::VerdictOf { list, names, was, .. } if whole::is_order(&self.record.order, names) => {
                self.verdict_sign(source, *list, 0, *was)
            }
            SlotKind::Check { names, was, repeats } | SlotKind::VerdictOf { names, was, repeats, .. } => {
                self.check(names, was, *repeats, &slot.span)
            }
            SlotKind::Choice { names, was } | SlotKind::Status { names, was } => {
                let (was, closing) = key_lines::closed(was);
                let is_whole =
                    matches!(slot.kind, SlotKind::Status { .. }) && whole::is_order(&self.record.order, names);
                let subject = self.found(names, slot.span.start);
                let mut became = match is_whole {
                    true => self.overall(&was),
                    false => status(&self.as_chosen(subject, names, &was), &was, true),
                };
                became.text.push_str(&closing);
                became
            }
        })
    }

    /// What a mark becomes; one that repeats another says no more than that.
    fn check(&self, names: &[String], was: &Mark, repeats: bool, span: &Span) -> Became {
        let state = self.checked(names, span);
        let text = match (was.form, state.state, was.sense) {
            (Form::Bracket, State::Green, _) => "[x]".to_owned(),
            (Form::Sign, State::Green, _) => "✅".to_owned(),
            (Form::Bracket, _, _) if repeats => "[ ]".to_owned(),
            (Form::Sign, _, _) if repeats => "☐".to_owned(),
            (Form::Bracket, State::Failed, _) => format!("[ ] ❌{}", cite(&state.evidence)),
            (Form::Sign, State::Failed, _) => "❌".to_owned(),
            (Form::Bracket, _, Sense::Green) => "[ ] (unmeasured)".to_owned(),
            (Form::Sign, _, Sense::Green) => "☐ (unmeasured)".to_owned(),
            (Form::Bracket, ..) => "[ ]".to_owned(),
            (Form::Sign, ..) => "☐".to_owned(),
        };
        Became { text, state: state.state, evidence: state.evidence }
    }

    /// The day that a date token stands for: the run's, unless the path it is in is then none that was measured and that of
    /// the day in UTC is, by which the telemetry's files are named.
    fn day(&self, token: &Span) -> Zoned {
        let word = dates::word_around(self.template, token);
        let is_measured =
            |now: &Zoned| self.record.measurements.iter().any(|one| subject::names(one, word, &[now.date()]));
        let utc = self.record.ended.to_zoned(TimeZone::UTC);
        if !is_measured(&self.now) && is_measured(&utc) { utc } else { self.now.clone() }
    }

    /// The result of a test, and what is said of it.
    fn test_line(&self, test: &Arc<Test>, claim: &str) -> (TestResult, String) {
        let result = self.confirmed.told(self.record, test, claim);
        let line = match &result {
            TestResult::Passed { output, .. } => {
                let (cut, shown) = match test_results::is_cut(self.record, test) {
                    true => (format!(" ({})", cut::WHY), cut::last_line(output)),
                    false => (String::new(), output.as_str()),
                };
                format!("✅ passed{cut}{}{}", cite(result.evidence()), quoted(shown))
            }
            TestResult::Failed { why, output, .. } => {
                format!("❌ failed: {}{}{}", marks::show(why), cite(result.evidence()), quoted(output))
            }
            TestResult::NotRun { why } => format!("☐ unmeasured: {}", marks::show(why)),
        };
        (result, line)
    }

    fn test(&self, result: TestResult, text: String) -> Became {
        let state = match &result {
            TestResult::Passed { .. } => State::Green,
            TestResult::Failed { .. } => State::Failed,
            TestResult::NotRun { .. } => State::Unmeasured,
        };
        Became { text, state, evidence: result.evidence().to_vec() }
    }

    /// `span` are the bytes of a cell that is there, `at` is where its row is.
    fn cell(&self, cell: &CellSlot, span: Option<&Span>, at: usize) -> Became {
        let row = &cell.row;
        let asked = criteria::metric(&self.record.order, &row.metric, row.is_whole, &row.place);
        let mut became = match (row.kind, asked) {
            (_, None) => self.whole(cell),
            (TableKind::Metrics, Some(asked)) => {
                metric(&self.rows.held(&self.labels, self.survey.places.around(at), row, &asked), cell)
            }
            _ => {
                let subject = self.subject(&cell.row, at);
                let names = &cell.row.names;
                let subject = match (cell.part, span) {
                    (Part::Sign | Part::Claim, Some(span)) => {
                        let text = figures_beside::cell(self.template, span);
                        self.as_worded(subject, names, &text, words_beside::of_cell(names, &text))
                    }
                    _ => self.as_chosen(subject, names, &cell.was),
                };
                component(&subject, cell, self.record)
            }
        };
        if cell.blank {
            became.text = format!(" {} ", became.text);
        }
        became
    }

    fn subject(&self, row: &RowSubject, at: usize) -> Subject {
        // what a person says that a status is of counts before where it stands
        let bound = (row.is_whole && self.labels.is_bound_by_order(&row.metric))
            .then(|| RowSubject { names: vec![row.metric.clone()], ..row.clone() });
        let row = bound.as_ref().unwrap_or(row);
        let by_order = row.names.iter().any(|name| self.labels.is_bound_by_order(name));
        if let Some((named, time)) = row_cells::timed(&self.labels, row).filter(|_| !by_order) {
            return check_cells::hold_time(&self.labels, self.subject(&named, at), &time);
        }
        let found = judging::subject(&self.labels, &row.names);
        // `LaunchAgent | Loaded` says of what stands beside it what an item of both would
        let found = match (self.labels.meaning(&row.names), row.whose.first(), row.names.first()) {
            (Meaning::Nothing, Some(whose), Some(name)) if found.state == State::Unmeasured => {
                judging::subject(&self.labels, &text::names(&format!("{} {name}", whose.text)))
            }
            _ => found,
        };
        let found = places::hold(&self.labels, found, &row.names, self.survey.places.around(at), Some(row));
        if let Some(why) = row_cells::why_not(&self.labels, row, &found) {
            return Subject::unmeasured(why);
        }
        let label = row.names.iter().take(1).map(|text| Said { text, is_aside: false });
        let asides = row.said.iter().filter(|aside| figures_beside::is_of_now(&self.labels, &found, &aside.header));
        let asides = asides.map(|aside| Said { text: &aside.text, is_aside: true });
        let said: Vec<Said> = label.chain(asides).collect();
        check_cells::hold(&self.labels, figures_beside::hold(&self.labels, found, &row.names, &said), row)
    }

    /// What a line at this place names, unless that is another's there.
    fn found(&self, names: &[String], at: usize) -> Subject {
        let found = judging::check(&self.labels, names);
        places::hold(&self.labels, found, names, self.survey.places.around(at), None)
    }

    /// What a line of a list, a quote or a key ticks, as far as all that it says is so.
    fn checked(&self, names: &[String], sign: &Span) -> Subject {
        let found = self.found(names, sign.start);
        if found.state != State::Green {
            return found;
        }
        let (before, after) = figures_beside::around(self.template, sign);
        let remark = words_beside::beside(names, &before, &after);
        self.as_worded(found, names, &format!("{before} {after}"), remark)
    }

    /// The same where the template's own green words are to stay.
    fn as_chosen(&self, subject: Subject, names: &[String], was: &str) -> Subject {
        match green_choice(was) {
            Some(text) => {
                // of a form another choice may be ticked
                let is_verdict = choices::form(was).is_some() && verdicts::class(&text).is_some();
                let remark = words_beside::of_choice(names, &text).filter(|_| !is_verdict);
                self.as_worded(subject, names, &text, remark)
            }
            None => subject,
        }
    }

    /// As far as the figures of `text` are so, and what the remark says in words.
    fn as_worded(&self, subject: Subject, names: &[String], text: &str, remark: Option<Remark>) -> Subject {
        let subject = figures_beside::hold(&self.labels, subject, names, &[Said { text, is_aside: false }]);
        match remark {
            Some(remark) => words_beside::hold(&self.labels, subject, &remark),
            None => subject,
        }
    }

    fn missing_cells(&self, row: &Arc<RowSubject>, roles: &[Role], closed: bool, at: usize) -> Became {
        let mut out = Became::neutral("");
        let parts = roles.iter().map(|role| match role {
            Role::Status => Some(Part::Status),
            Role::Actual => Some(Part::Actual),
            Role::Details => Some(Part::Details),
            Role::Evidence => Some(Part::Evidence),
            Role::Pass => Some(Part::Pass),
            Role::Fail => Some(Part::Fail),
            Role::Label | Role::Target | Role::Plain => None,
        });
        for part in parts {
            let became = match part {
                Some(part) => {
                    self.cell(&CellSlot { row: row.clone(), part, was: String::new(), blank: false }, None, at)
                }
                None => Became::neutral(""),
            };
            if matches!(part, Some(Part::Status | Part::Pass)) {
                out.state = became.state;
            }
            if became.evidence.len() > out.evidence.len() {
                out.evidence = became.evidence;
            }
            match closed {
                true => out.text.push_str(&format!(" {} |", became.text)),
                false => out.text.push_str(&format!(" | {}", became.text)),
            }
        }
        out
    }

    /// Whether this line of a verdict list is the outcome's.
    fn is_chosen(&self, list: usize, line: usize) -> bool {
        self.chosen.get(&list).copied().flatten() == Some(line)
    }

    /// Whether this line of a verdict list says something to be green about.
    fn is_good(&self, list: usize, line: usize) -> bool {
        let classes = self.survey.verdicts.get(&list).map(Vec::as_slice).unwrap_or_default();
        matches!(
            classes.get(line),
            Some(Some(verdicts::Class::Full | verdicts::Class::Partial | verdicts::Class::Noop))
        )
    }

    /// A further green sign stays where its line's own mark is green.
    fn verdict_sign(&self, was: &str, list: usize, line: usize, mark: Mark) -> Became {
        let stays = self.is_chosen(list, line) && self.is_good(list, line);
        Became::neutral(match (stays, mark.form) {
            (true, _) => was,
            (false, Form::Bracket) => "[ ]",
            (false, Form::Sign) => "☐",
        })
    }

    fn verdict(&self, list: usize, line: usize, form: Form, was_marked: bool) -> Became {
        let (chosen, good) = (self.is_chosen(list, line), self.is_good(list, line));
        let sign = match (form, chosen, good) {
            (Form::Bracket, true, _) => "[x]",
            (Form::Bracket, false, _) => "[ ]",
            (Form::Sign, true, true) => "✅",
            // chosen, and nothing to be green about
            (Form::Sign, true, false) => "☑",
            (Form::Sign, false, _) => "☐",
        };
        let text = if was_marked { sign.to_owned() } else { format!("{sign} ") };
        let state = match chosen {
            true if self.record.outcome.is_good() => State::Green,
            true => State::Failed,
            false => State::Neutral,
        };
        Became { text, state, evidence: Vec::new() }
    }

    fn verdict_end(&self, list: usize, prefix: &str, apart: bool) -> Became {
        let outcome = self.record.outcome;
        if self.chosen.get(&list).is_some_and(Option::is_some) {
            return Became::neutral("");
        }
        let reason = marks::show(&self.record.reason);
        let dash = if reason.is_empty() { "" } else { " – " };
        let sign = verdicts::sign(outcome);
        let state = if outcome.is_good() { State::Green } else { State::Failed };
        let blank = if apart { format!("{}{}", self.eol, prefix.trim_end()) } else { String::new() };
        let text = format!("{blank}{}{prefix}{sign} Outcome: {outcome}{dash}{reason}", self.eol);
        Became { text, state, evidence: Vec::new() }
    }

    /// A cell of a row that is about the whole order.
    fn whole(&self, cell: &CellSlot) -> Became {
        let good = self.record.outcome.is_good();
        let state = if good { State::Green } else { State::Failed };
        match cell.part {
            Part::Status => self.overall(&cell.was),
            Part::Pass if good => self.overall(&cell.was),
            Part::Fail if !good => self.overall(""),
            Part::Pass | Part::Fail | Part::Evidence => Became::neutral("—"),
            Part::Actual | Part::Details => Became::neutral(marks::show(&self.record.reason)),
            Part::Sign | Part::Claim => sign(state, cell, Vec::new()),
        }
    }

    /// The whole order's status, in the template's own words where it offers a choice.
    fn overall(&self, was: &str) -> Became {
        let outcome = self.record.outcome;
        let state = if outcome.is_good() { State::Green } else { State::Failed };
        if let Some(form) = choices::form(was) {
            let classes: Vec<_> = form.iter().map(|(_, option)| verdicts::class(option)).collect();
            let chosen = verdicts::choose(outcome, &classes);
            let behind =
                if chosen.is_some() { String::new() } else { format!(" – {} {outcome}", verdicts::sign(outcome)) };
            let text = choices::ticked(&form, chosen, if state == State::Green { "✅" } else { "☑" }) + &behind;
            return Became { text, state, evidence: Vec::new() };
        }
        let options = choices(was);
        let green = options.iter().find(|(sense, _)| *sense == Sense::Green).map(|(_, option)| *option);
        let text = match (outcome.is_good(), green) {
            (true, Some(option)) if options.len() > 1 => option.to_owned(),
            _ => format!("{} {outcome}", verdicts::sign(outcome)),
        };
        Became { text, state, evidence: Vec::new() }
    }
}
