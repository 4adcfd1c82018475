//! `{{ target('export.file_size', '≤ 5 MB') }}`: what the order itself asks of a measurement, else what the template would.
//!
//! A template that ships for any order must not overrule the one it reports on. The slots are filled before anything is judged,
//! so that a row is held against what its cell says.

use std::borrow::Cow;

use minijinja::value::Rest;
use minijinja::{Error, ErrorKind, Value};

use super::expressions::{self, FillError};
use super::record::RunRecord;
use super::template::slot::SlotKind;
use super::template::slots;
use super::{context, marks};
use crate::evidence::{Binder, Binding};
use crate::order::{Criterion, target};

const NAME: &str = "target";

/// `template` with its `target(…)` slots filled, whatever else stands in it. `more`: keys and targets that the order asks by
/// other words than criteria, after which those count.
///
/// # Errors
/// A slot that can't be evaluated, with its line and column.
pub fn resolve<'t>(
    template: &'t str,
    record: &RunRecord,
    more: &[(&'static str, String)],
) -> Result<Cow<'t, str>, FillError> {
    let calls = |source: &str| source.contains(&format!("{NAME}("));
    if !calls(template) {
        return Ok(Cow::Borrowed(template));
    }
    let mut asked = asked_for(record);
    asked.extend(more.iter().map(|(key, target)| ((*key).to_owned(), target.clone())));
    let function = move |words: Rest<String>| {
        let Some((default, keys)) = words.split_last().filter(|(_, keys)| !keys.is_empty()) else {
            let why = "it takes keys of measurements and, last, the target for an order that names none";
            return Err(Error::new(ErrorKind::MissingArgument, why));
        };
        let own = keys.iter().find_map(|key| asked.iter().find(|(known, _)| known == key));
        Ok(match own {
            Some((_, target)) => Value::from_safe_string(marks::show(&unsigned(target))),
            None => Value::from_safe_string(default.clone()),
        })
    };
    let base = context::of(record);
    let context = minijinja::context! { target => Value::from_function(function), ..base };
    let env = expressions::environment();
    let mut text = String::with_capacity(template.len());
    let mut from = 0;
    for slot in slots::find(template).iter().filter(|slot| slot.kind == SlotKind::Expression) {
        let source = template.get(slot.span.clone()).unwrap_or("");
        if !calls(source) {
            continue;
        }
        text.push_str(template.get(from..slot.span.start).unwrap_or(""));
        text.push_str(&expressions::evaluate(&env, &context, template, slot.span.start, source)?);
        from = slot.span.end;
    }
    text.push_str(template.get(from..).unwrap_or(""));
    Ok(Cow::Owned(text))
}

/// A target without the green signs that its author put to it: the report's own are measured.
fn unsigned(target: &str) -> String {
    match marks::without_green(target, " ").split_whitespace().collect::<Vec<_>>().join(" ") {
        bare if bare.is_empty() => "OK".to_owned(),
        bare => bare,
    }
}

/// The key that each criterion of the order is bound to, with its target.
fn asked_for(record: &RunRecord) -> Vec<(String, String)> {
    let binder = Binder::new(&record.order.bindings, record.declarations);
    let bound = record.order.acceptance.iter().filter_map(|criterion| match binder.bind(criterion) {
        Binding::Bound { key, .. } => Some((key, in_full(criterion))),
        _ => None,
    });
    bound.filter(|(_, target)| !target.trim().is_empty()).collect()
}

/// A criterion's target so that it says by itself what it says beside its metric: of `Max file size | 5 MB` that is `≤ 5 MB`.
fn in_full(criterion: &Criterion) -> String {
    let says = |text: &str| target::compile("", text) == criterion.compiled;
    let printed = criterion.compiled.to_string();
    if !says(&criterion.target) && says(&printed) { printed } else { criterion.target.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::criteria;
    use super::*;

    #[test]
    fn a_target_is_handed_on_with_what_its_metric_says_of_it() {
        for (metric, target, expect) in [
            ("Max file size", "5 MB", "≤ 5 MB"),
            ("Rows (min)", "1", "≥ 1"),
            ("File size", "≤ 5 MB/day", "≤ 5 MB/day"),
            ("Compression", "Snappy", "Snappy"),
            ("File size", "5 MB", "5 MB"),
            ("Uptime", "99.9 %", "≥ 99.9%"),
        ] {
            assert_eq!(in_full(&criteria::criterion(metric, target, 0..0)), expect, "{metric} | {target}");
        }
    }

    #[test]
    fn an_authors_signs_are_no_part_of_a_target() {
        for (target, expect) in [
            ("✅ Snappy", "Snappy"),
            ("0 ✅", "0"),
            ("✅ loads & runs ✔ automatically", "loads & runs automatically"),
            ("✅", "OK"),
            ("≤ 5 MB", "≤ 5 MB"),
        ] {
            assert_eq!(unsigned(target), expect);
        }
    }
}
