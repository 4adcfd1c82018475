//! From the two cells of a criterion to its typed target (docs/orders.md, What belongs to a target).
//!
//! What must hold: a target is never compiled to something easier than what was written. What is not understood to its
//! last word is [`Target::Unclear`] or stays as the `condition` of the comparison, which the judge must see satisfied.

use super::measure::{Measure, measure, whole_count};
use super::words::{all, automatic, category, file_is_there, is_consistent, none, nonzero, ready, words_of};
use super::{Comparator, Target, Unit, assemble, explained, lexer, range, schedule, thai};
use crate::order::{denial, fold, tags};

/// Compiles the target cell; the metric cell may hold the comparator (`Health checks < 200ms | p95`), a condition
/// (`Runtime for ≤200 rows | < 5ms`) or a direction (`Max file size | 5 MB`).
///
/// A size, time or percentage without a comparator (`5 MB`, `95%`) is `Unclear`, for it does not say whether it is a
/// limit or a floor; `0%`, `100%` and bare counts (`0`, `3 rows`) mean equality.
pub fn compile(metric: &str, target: &str) -> Target {
    let (metric, target) = (tags::without(metric), tags::without(target));
    if let Some(mark) = denial::mark(target).or_else(|| denial::mark(metric)) {
        return unclear(denial::why(&mark.to_string()));
    }
    let text = normalize(explained::apart(target).map_or(target, |(statement, _)| statement));
    let metric = Some(normalize(metric)).filter(|metric| *metric != text).unwrap_or_default();
    let text = lexer::unquoted(&text).to_owned();
    let (metric, text) = assemble::unit_apart(&metric, &text).unwrap_or((metric, text));
    let (metric, text) = match assemble::apart(&metric, &text) {
        Some(Ok((metric, text))) => (metric, text),
        Some(Err(why)) => return unclear(why),
        None => (metric, text),
    };
    let own = if text.is_empty() { mark_only(target) } else { Some(compile_text(&metric, &text)) };
    let Some((at, _)) = comparison_in(&metric) else {
        return own.unwrap_or_else(|| match placeholder(target.trim()) {
            true => unclear("no target is given"),
            false => unclear(format!("`{}` is no target", target.trim())),
        });
    };
    let (subject, comparison) = metric.split_at(at);
    if fold::denies(subject) {
        return match own {
            Some(target @ Target::Unclear { .. }) => target,
            _ => {
                unclear(format!("`{metric}` denies a comparison; write what must hold, e.g. `longest gap | ≤ 15 min`"))
            }
        };
    }
    let is_condition = ends_with_preposition(subject);
    match (own, statistic_alone(&text)) {
        (_, Some(statistic)) if !is_condition => with_statistic(statistic, compile_text("", comparison)),
        (None | Some(Target::Ready { .. }), _) if !is_condition => compile_text("", comparison),
        (None, _) => unclear("no target is given"),
        (Some(Target::Compare { comparator, number, unit, per, condition }), _) => {
            let lead = last_word(subject).filter(|_| is_condition);
            let more = [lead.unwrap_or_default(), comparison].join(" ").trim().to_owned();
            let condition = Some(condition.map_or(more.clone(), |own| format!("{own}; {more}")));
            Target::Compare { comparator, number, unit, per, condition }
        }
        (Some(unclear @ Target::Unclear { .. }), _) => unclear,
        _ => unclear(format!(
            "both the metric and the target say what must hold; write `{comparison}` as a criterion of its own"
        )),
    }
}

/// Where a comparison with a number begins in a metric cell, and its text.
pub fn comparison_in(metric: &str) -> Option<(usize, &str)> {
    let mut word_start = true;
    for (at, c) in metric.char_indices() {
        let rest = metric.get(at..)?;
        let symbol =
            lexer::symbol(rest).is_some_and(|(_, after)| after.trim_start().starts_with(|c: char| c.is_ascii_digit()));
        let may_begin = if thai::is_letter(c) { thai::may_begin(metric.get(..at)?) } else { word_start };
        if symbol || (may_begin && lexer::word(rest).is_some()) {
            return Some((at, rest));
        }
        word_start = !(c.is_alphanumeric() || c == '_');
    }
    None
}

/// Whether a text begins with a comparator and compares with something that can be read.
pub(crate) fn begins_comparison(text: &str) -> bool {
    let text = normalize(text);
    lexer::comparator(&text).is_some()
        && matches!(compile("", &text), Target::Compare { .. } | Target::Statistic { .. } | Target::Range { .. })
}

/// Widths, inline marks, leading emoji and closing full stops taken off.
pub(crate) fn normalize(text: &str) -> String {
    // backslashes and angle brackets survive: `inline` only takes marks away
    let plain = fold::widths(&fold::inline(text));
    let plain = fold::strip_marks(&plain);
    let plain: String = plain.chars().filter(|c| !fold::is_emoji(*c)).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    plain.trim_end_matches(['.', ';', ',', '!', ' ']).to_owned()
}

/// A cell with nothing but a tick asks that it works.
fn mark_only(target: &str) -> Option<Target> {
    let mark = target.chars().find(|c| matches!(c, '✅' | '✓' | '✔' | '☑' | '👍' | '🟢'))?;
    Some(Target::Ready { word: mark.to_string() })
}

pub(super) fn unclear(why: impl Into<String>) -> Target {
    Target::Unclear { why: why.into() }
}

fn placeholder(text: &str) -> bool {
    matches!(
        text.to_lowercase().as_str(),
        "" | "-" | "--" | "tbd" | "tba" | "todo" | "n/a" | "na" | "?" | "..." | "…" | "???" | "tbc"
    ) || (text.starts_with('[') && text.ends_with(']'))
}

fn compile_text(metric: &str, text: &str) -> Target {
    if text.len() > 400 {
        return unclear("it is longer than a target can be");
    }
    if placeholder(text) {
        return unclear(format!("`{text}` is a placeholder"));
    }
    let text = thai::in_english(text);
    let text = strip_filler(&text);
    automatic(text)
        .or_else(|| schedule::parse(text))
        .or_else(|| all(text))
        .or_else(|| statistic(metric, text))
        .or_else(|| nonzero(text))
        .or_else(|| comparison(metric, text))
        .or_else(|| none(text))
        .or_else(|| ready(text))
        .or_else(|| file_is_there(metric, text))
        .or_else(|| is_consistent(metric, text))
        .or_else(|| category(metric, text))
        .unwrap_or_else(|| unclear(format!("`{text}` is no comparison, word or schedule that can be judged")))
}

/// Words that ask for nothing by themselves.
fn strip_filler(mut text: &str) -> &str {
    // `complete` alone asks for something
    const BEFORE_COMPARATOR: [&str; 9] =
        ["complete", "completes", "completed", "finish", "finishes", "finished", "run", "runs", "take"];
    const FILLER: [&str; 20] = [
        "must be",
        "should be",
        "shall be",
        "has to be",
        "needs to be",
        "must",
        "should",
        "shall",
        "will be",
        "is",
        "are",
        "be",
        "stays",
        "stay",
        "still",
        "remains",
        "target",
        "expected",
        "completes in",
        "takes",
    ];
    loop {
        let found = FILLER.iter().find_map(|filler| lexer::phrase(text, filler)).or_else(|| {
            let rest = BEFORE_COMPARATOR.iter().find_map(|filler| lexer::phrase(text, filler));
            rest.filter(|rest| lexer::word(rest.trim_start()).is_some())
        });
        match found.map(|rest| rest.trim_start_matches([':', ' '])) {
            // "not" and "no" stand by what they negate, and "must not exceed" is a comparator
            Some(rest) if !rest.is_empty() && lexer::phrase(rest, "not").is_none() => text = rest,
            _ => return text,
        }
    }
}

pub(super) fn with_statistic(statistic: String, then: Target) -> Target {
    match then {
        Target::Compare { .. } | Target::Range { .. } => Target::Statistic { statistic, then: Box::new(then) },
        unclear @ Target::Unclear { .. } => unclear,
        other => unclear(format!("`{statistic}` of `{other}` can't be judged")),
    }
}

/// The whole text is the name of a statistic: the comparison stands in the metric cell.
pub(crate) fn statistic_alone(text: &str) -> Option<String> {
    lexer::statistic(text).filter(|(_, rest)| rest.trim().is_empty()).map(|(statistic, _)| statistic)
}

/// Whether a text begins with a statistic, e.g. `p95 < 100ms`.
pub(crate) fn statistic_at(text: &str) -> bool {
    lexer::statistic(text).is_some()
}

/// `p95 < 100ms`.
fn statistic(metric: &str, text: &str) -> Option<Target> {
    let (statistic, rest) = lexer::statistic(text)?;
    let rest = rest.trim_start_matches([':', ' ']);
    if rest.is_empty() {
        return Some(unclear(format!(
            "`{text}` names a statistic but not what it must be; write e.g. `{text} < 100ms`"
        )));
    }
    let is_comparison = lexer::comparator(rest).is_some() || rest.starts_with(|c: char| c.is_ascii_digit());
    is_comparison.then(|| {
        with_statistic(
            statistic,
            comparison(metric, rest).unwrap_or_else(|| unclear(format!("`{rest}` is no comparison"))),
        )
    })
}

/// Comparator, number, unit, period; or a range.
fn comparison(metric: &str, text: &str) -> Option<Target> {
    if let Some(target) = range::range(text) {
        return Some(target);
    }
    let (written, rest) = match lexer::comparator(text) {
        Some((comparator, rest)) => (Some(comparator), rest),
        None => (None, exit_code(text).unwrap_or(text)),
    };
    let is_exit_code = written.is_none() && rest.len() != text.len();
    let from_number = rest.trim_start();
    if let Some((number, rest)) = lexer::iso_duration(from_number) {
        return Some(finish(metric, text, Parsed { written, number, unit: Unit::Time, per: None }, rest.trim()));
    }
    let Some((number, rest)) = lexer::number(from_number) else {
        let is_word = written == Some(Comparator::Equal) && from_number.starts_with(char::is_alphabetic);
        let starts_like_one = (written.is_some() && !is_word) || from_number.starts_with(|c: char| c.is_ascii_digit());
        return starts_like_one.then(|| unclear(format!("`{text}` has no number that can be read in one way only")));
    };
    let measure =
        measure(number, rest).and_then(|measure| whole_count(from_number, rest, &measure.unit).map(|()| measure));
    let Measure { number, unit, rest, .. } = match measure {
        Ok(measure) => measure,
        Err(why) => return Some(unclear(why)),
    };
    if written == Some(Comparator::About) && unit == Unit::Percent && text.starts_with('±') {
        return Some(unclear(format!("`{text}` is a tolerance without what it is around; write e.g. `100 {text}`")));
    }
    let unit = if is_exit_code && unit == (Unit::Count { noun: None }) {
        Unit::Count { noun: Some("exit code".to_owned()) }
    } else {
        unit
    };
    let (per, rest) = lexer::per(rest).map_or((None, rest), |(per, rest)| (Some(per), rest));
    Some(finish(metric, text, Parsed { written, number, unit, per }, rest.trim()))
}

/// `exit code 0`, `exits with 0`, `rc=0`, `exit 0`.
fn exit_code(text: &str) -> Option<&str> {
    const LEADS: [&str; 9] =
        ["exit status", "exit code", "exits with", "exits", "exit", "returns", "return code", "rc", "status code"];
    let rest = LEADS.iter().find_map(|lead| lexer::phrase(text, lead))?;
    let rest = lexer::phrase(rest.trim_start(), "code").unwrap_or(rest);
    let rest = rest.trim_start_matches([' ', ':', '=']);
    rest.starts_with(|c: char| c.is_ascii_digit()).then_some(rest)
}

struct Parsed {
    written: Option<Comparator>,
    number: f64,
    unit: Unit,
    per: Option<super::Period>,
}

/// Settles the comparator and what follows the number.
fn finish(metric: &str, text: &str, parsed: Parsed, residue: &str) -> Target {
    let Parsed { written, number, mut unit, per } = parsed;
    let inner = residue.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(residue).trim();
    let (trailing, residue) = match trailing_comparator(inner) {
        Some((comparator, rest)) => (Some(comparator), rest),
        None => (None, inner),
    };
    let (per, residue) = match lexer::per(residue) {
        Some((period, rest)) if per.is_none() => (Some(period), rest.trim()),
        _ => (per, residue),
    };
    let (residue, gap) = match &unit {
        Unit::Count { .. } => apart(residue),
        _ => (residue, None),
    };
    let residue = match &unit {
        // `2 in a row` is `2 consecutive`
        Unit::Count { noun } if ["in a row", "one after the other", "back to back"].contains(&residue) => {
            let noun = format!("consecutive {}", noun.as_deref().unwrap_or_default()).trim_end().to_owned();
            unit = Unit::Count { noun: Some(noun) };
            ""
        }
        // `0 (zero)`
        Unit::Count { .. } if lexer::number(residue) == Some((number, "")) => "",
        // `0 (not 19968)`
        Unit::Count { .. } if is_another(number, residue) && matches!(written, None | Some(Comparator::Equal)) => "",
        _ => residue,
    };
    let comparator = match (written, trailing) {
        (Some(written), Some(trailing))
            if written != trailing && !(written == Comparator::Less && trailing == Comparator::AtMost) =>
        {
            return unclear(format!("`{text}` says two things about its number"));
        }
        (Some(comparator), _) | (None, Some(comparator)) => comparator,
        (None, None) => match implied(metric, number, &unit) {
            Some(comparator) => comparator,
            None => {
                return unclear(format!(
                    "`{text}` does not say whether it is a limit or a floor; write `≤ {text}` or `≥ {text}`"
                ));
            }
        },
    };
    let compare =
        |condition: Option<String>| Target::Compare { comparator, number, unit: unit.clone(), per, condition };
    if let (Some(gap), "") = (gap, residue) {
        return compare(Some(gap.to_owned()));
    }
    if gap.is_some() {
        return unclear(format!("`{text}` holds more than one condition; write one criterion for each"));
    }
    if residue.is_empty() || (unit == Unit::Percent && describes_a_share(residue)) {
        return compare(None);
    }
    let at_statistic = lexer::phrase(residue, "at").or_else(|| residue.strip_prefix('@')).unwrap_or(residue).trim();
    if let Some(statistic) = statistic_alone(at_statistic) {
        return with_statistic(statistic, compare(None));
    }
    // `/ file` is `per file`; periods were taken before
    let residue = match residue.strip_prefix('/').map(str::trim) {
        Some(thing) if !thing.is_empty() && thing.chars().all(|c| c.is_alphabetic() || c == ' ') => {
            format!("per {thing}")
        }
        _ => residue.to_owned(),
    };
    let residue = residue.as_str();
    let starts_plainly = residue.starts_with(|c: char| c.is_alphabetic() || c == '@' || c == '(');
    if !starts_plainly || ["and", "but", "or", "plus"].iter().any(|word| lexer::phrase(residue, word).is_some()) {
        return unclear(format!("`{text}` holds more than one condition; write one criterion for each"));
    }
    compare(Some(residue.to_owned()))
}

/// `5 minutes apart` at the end, and what stands before it: how far apart what is counted lies.
fn apart(residue: &str) -> (&str, Option<&str>) {
    let (before, gap) = residue.rsplit_once(',').unwrap_or(("", residue));
    match spacing(gap) {
        Some(_) => (before.trim(), Some(gap.trim())),
        None => (residue, None),
    }
}

/// The time, in nanoseconds, of `5 minutes apart`.
pub(crate) fn spacing(text: &str) -> Option<f64> {
    let time = text.trim().strip_suffix("apart")?.trim_end();
    let (number, rest) = lexer::number(time)?;
    let measure = measure(number, rest).ok()?;
    (measure.unit == Unit::Time && measure.rest.trim().is_empty() && measure.number > 0.0).then_some(measure.number)
}

/// `not 19968` beside an equality says no more than that another number is not this one.
fn is_another(number: f64, residue: &str) -> bool {
    let other = lexer::phrase(residue, "not").and_then(|rest| lexer::number(rest.trim_start()));
    matches!(other, Some((other, "")) if other != number)
}

/// `100% match`, `> 80% coverage`: what the share is of, no condition.
fn describes_a_share(residue: &str) -> bool {
    const SHARES: [&str; 19] = [
        "match",
        "matches",
        "matched",
        "matching",
        "consistent",
        "consistency",
        "coverage",
        "uptime",
        "availability",
        "available",
        "success",
        "complete",
        "completeness",
        "valid",
        "compatible",
        "compliance",
        "readable",
        "integrity",
        "accuracy",
    ];
    SHARES.contains(&residue.to_lowercase().as_str())
}

/// `or less`, `max`, `or more`, `+` after the number.
fn trailing_comparator(text: &str) -> Option<(Comparator, &str)> {
    const TRAILING: [(&str, Comparator); 21] = [
        ("or less", Comparator::AtMost),
        ("or fewer", Comparator::AtMost),
        ("or lower", Comparator::AtMost),
        ("or below", Comparator::AtMost),
        ("or under", Comparator::AtMost),
        ("or smaller", Comparator::AtMost),
        ("or faster", Comparator::AtMost),
        ("maximum", Comparator::AtMost),
        ("at most", Comparator::AtMost),
        ("max", Comparator::AtMost),
        ("tops", Comparator::AtMost),
        ("or more", Comparator::AtLeast),
        ("or higher", Comparator::AtLeast),
        ("or greater", Comparator::AtLeast),
        ("or above", Comparator::AtLeast),
        ("or larger", Comparator::AtLeast),
        ("or longer", Comparator::AtLeast),
        ("minimum", Comparator::AtLeast),
        ("at least", Comparator::AtLeast),
        ("min", Comparator::AtLeast),
        ("exactly", Comparator::Equal),
    ];
    if text == "+" {
        return Some((Comparator::AtLeast, ""));
    }
    TRAILING.iter().find_map(|(words, comparator)| {
        let rest = lexer::phrase(text, words)?;
        (!rest.trim_start().starts_with(|c: char| c.is_ascii_digit())).then(|| (*comparator, rest.trim_start()))
    })
}

/// The comparator of a number that has none.
fn implied(metric: &str, number: f64, unit: &Unit) -> Option<Comparator> {
    let words = words_of(metric);
    let ends = [words.first(), words.last()];
    let says = |names: &[&str]| ends.iter().flatten().any(|word| names.contains(&word.as_str()));
    if let Some((bound, _)) = assemble::bound_apart(metric) {
        return Some(bound);
    }
    // `max_file_size`; `Max` below a heading
    if metric.contains('_') || words.len() == 1 {
        if says(&["max", "maximum"]) {
            return Some(Comparator::AtMost);
        }
        if says(&["min", "minimum"]) {
            return Some(Comparator::AtLeast);
        }
    }
    if says(&["limit", "cap", "ceiling", "budget"]) {
        return Some(Comparator::AtMost);
    }
    if says(&["floor"]) {
        return Some(Comparator::AtLeast);
    }
    // `Heartbeat interval | 5 min` is `every 5 min`
    if *unit == Unit::Time && number > 0.0 && words.last().is_some_and(|word| word == "interval") {
        return Some(Comparator::About);
    }
    // nobody orders exactly 99.9 % uptime
    let shares = ["uptime", "availability", "coverage"];
    if *unit == Unit::Percent
        && number < 100.0
        && number > 0.0
        && words.iter().any(|word| shares.contains(&word.as_str()))
    {
        return Some(Comparator::AtLeast);
    }
    match unit {
        Unit::Count { .. } => Some(Comparator::Equal),
        Unit::Percent if number == 0.0 || number == 100.0 => Some(Comparator::Equal),
        Unit::Bytes if number == 0.0 => Some(Comparator::Equal),
        _ => None,
    }
}

fn last_word(text: &str) -> Option<&str> {
    text.split_whitespace().last()
}

/// Whether the comparison after `text` restricts rather than demands: `Runtime for`, `Latency @`.
fn ends_with_preposition(text: &str) -> bool {
    const RESTRICTING: [&str; 14] =
        ["for", "at", "@", "with", "on", "when", "if", "in", "of", "while", "during", "from", "where", "across"];
    last_word(text).is_some_and(|word| RESTRICTING.contains(&word.trim_start_matches('(').to_lowercase().as_str()))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
